#include <stdlib.h>

#include "js-value.h"
#include "session.h"

static bool set_number(napi_env env, napi_value object, const char *name, double number) {
  napi_value value;
  return js_ok(env, napi_create_double(env, number, &value)) &&
         js_ok(env, napi_set_named_property(env, object, name, value));
}

static bool set_flag(napi_env env, napi_value object, const char *name, bool flag) {
  napi_value value;
  return js_ok(env, napi_get_boolean(env, flag, &value)) &&
         js_ok(env, napi_set_named_property(env, object, name, value));
}

/* `shape` has -1 where a dimension is free; `symbolicDimensions` its name, or an empty string. */
static bool set_dims(napi_env env, napi_value object, const int64_t *dims, const char **names, size_t rank) {
  napi_value shape, symbols;
  if (!js_ok(env, napi_create_array_with_length(env, rank, &shape)) ||
      !js_ok(env, napi_create_array_with_length(env, rank, &symbols)))
    return false;
  for (uint32_t i = 0; i < rank; i++) {
    napi_value dim, name;
    if (!js_ok(env, napi_create_double(env, (double)dims[i], &dim)) ||
        !js_ok(env, napi_set_element(env, shape, i, dim)) ||
        !js_ok(env, napi_create_string_utf8(env, names[i] == NULL ? "" : names[i], NAPI_AUTO_LENGTH, &name)) ||
        !js_ok(env, napi_set_element(env, symbols, i, name)))
      return false;
  }
  return js_ok(env, napi_set_named_property(env, object, "symbolicDimensions", symbols)) &&
         js_ok(env, napi_set_named_property(env, object, "shape", shape));
}

static bool describe_tensor(const struct addon *addon, napi_env env, const OrtTypeInfo *type, napi_value object) {
  const OrtTensorTypeAndShapeInfo *info = NULL;
  int code = 0;
  size_t rank = 0;
  if (!ort_ok(addon, env, addon->ort->CastTypeInfoToTensorInfo(type, &info)) ||
      !ort_ok(addon, env, addon->ort->GetTensorElementType(info, &code)) ||
      !set_number(env, object, "type", code) ||
      !ort_ok(addon, env, addon->ort->GetDimensionsCount(info, &rank)))
    return false;
  int64_t *dims = calloc(rank + 1, sizeof *dims);
  const char **names = calloc(rank + 1, sizeof *names);
  const bool room = dims != NULL && names != NULL;
  const bool done = room ? ort_ok(addon, env, addon->ort->GetDimensions(info, dims, rank)) &&
                               ort_ok(addon, env, addon->ort->GetSymbolicDimensions(info, names, rank)) &&
                               set_dims(env, object, dims, names, rank)
                         : throw_out_of_memory(env);
  free(names);
  free(dims);
  return done;
}

static bool describe(const struct addon *addon, napi_env env, const char *name, const OrtTypeInfo *type,
                     napi_value *out) {
  int kind = 0;
  if (!ort_ok(addon, env, addon->ort->GetOnnxTypeFromTypeInfo(type, &kind)) ||
      !js_ok(env, napi_create_object(env, out)) || !js_set_string(env, *out, "name", name) ||
      !set_flag(env, *out, "isTensor", kind == ORT_TYPE_TENSOR))
    return false;
  return kind != ORT_TYPE_TENSOR || describe_tensor(addon, env, type, *out);
}

bool ports_to_js(const struct addon *addon, napi_env env, const struct ports *ports, napi_value *out) {
  if (!js_ok(env, napi_create_array_with_length(env, ports->count, out))) return false;
  for (uint32_t i = 0; i < ports->count; i++) {
    napi_value port;
    if (!describe(addon, env, ports->names[i], ports->types[i], &port) ||
        !js_ok(env, napi_set_element(env, *out, i, port)))
      return false;
  }
  return true;
}
