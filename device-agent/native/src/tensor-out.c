#include <stdlib.h>
#include <string.h>

#include "element-type.h"
#include "js-value.h"
#include "tensor.h"

static bool dims_to_js(const struct addon *addon, napi_env env, const OrtTensorTypeAndShapeInfo *info,
                       napi_value *out) {
  size_t rank = 0;
  if (!ort_ok(addon, env, addon->ort->GetDimensionsCount(info, &rank))) return false;
  int64_t *dims = calloc(rank + 1, sizeof *dims);
  if (dims == NULL) return throw_out_of_memory(env);
  bool done = ort_ok(addon, env, addon->ort->GetDimensions(info, dims, rank)) &&
              js_ok(env, napi_create_array_with_length(env, rank, out));
  for (uint32_t i = 0; done && i < rank; i++) {
    napi_value dim;
    done = js_ok(env, napi_create_double(env, (double)dims[i], &dim)) &&
           js_ok(env, napi_set_element(env, *out, i, dim));
  }
  free(dims);
  return done;
}

static bool strings_to_js(const struct addon *addon, napi_env env, const OrtValue *value, size_t count,
                          napi_value *out) {
  size_t bytes = 0;
  if (!js_ok(env, napi_create_array_with_length(env, count, out))) return false;
  if (count == 0) return true;
  if (!ort_ok(addon, env, addon->ort->GetStringTensorDataLength(value, &bytes))) return false;
  char *text = malloc(bytes + 1);
  size_t *offsets = malloc((count + 1) * sizeof *offsets);
  bool done = text != NULL && offsets != NULL
                  ? ort_ok(addon, env, addon->ort->GetStringTensorContent(value, text, bytes, offsets, count))
                  : throw_out_of_memory(env);
  if (done) offsets[count] = bytes;
  for (uint32_t i = 0; done && i < count; i++) {
    napi_value entry;
    done = js_ok(env, napi_create_string_utf8(env, text + offsets[i], offsets[i + 1] - offsets[i], &entry)) &&
           js_ok(env, napi_set_element(env, *out, i, entry));
  }
  free(offsets);
  free(text);
  return done;
}

/*
 * Copied: memory of the runtime's own would stay taken until the garbage collector comes by, and ONNX Runtime's pool
 * would grow meanwhile. Who wants no copy passes the tensor to be written.
 */
static bool numbers_to_js(const struct addon *addon, napi_env env, OrtValue *value, const struct element_type *type,
                          size_t count, napi_value *out) {
  void *source = NULL, *target = NULL;
  napi_value buffer;
  const size_t bytes = count * type->bytes;
  if (!ort_ok(addon, env, addon->ort->GetTensorMutableData(value, &source))) return false;
  if (!js_ok(env, napi_create_arraybuffer(env, bytes, &target, &buffer))) return false;
  if (bytes > 0) memcpy(target, source, bytes);
  return js_ok(env, napi_create_typedarray(env, type->array, count, buffer, 0, out));
}

static bool parts_to_js(const struct addon *addon, napi_env env, OrtValue *value,
                        const OrtTensorTypeAndShapeInfo *info, napi_value *out) {
  int code = 0;
  size_t count = 0;
  /* As Tensor's constructor takes them: type, data, dims. */
  napi_value parts[3], tensor_class;
  if (!ort_ok(addon, env, addon->ort->GetTensorElementType(info, &code))) return false;
  const struct element_type *type = element_type_of_code(code);
  if (type == NULL) return throw_error(env, "Tensor type (%d) is not supported.", code);
  if (!ort_ok(addon, env, addon->ort->GetTensorShapeElementCount(info, &count)) ||
      !js_ok(env, napi_create_string_utf8(env, type->name, NAPI_AUTO_LENGTH, &parts[0])) ||
      !dims_to_js(addon, env, info, &parts[2]))
    return false;
  const bool taken = code == ORT_STRING ? strings_to_js(addon, env, value, count, &parts[1])
                                        : numbers_to_js(addon, env, value, type, count, &parts[1]);
  return taken && js_referenced(env, addon->tensor_class, &tensor_class) &&
         js_ok(env, napi_new_instance(env, tensor_class, 3, parts, out));
}

bool tensor_from_ort(const struct addon *addon, napi_env env, OrtValue *value, napi_value *out) {
  OrtTensorTypeAndShapeInfo *info = NULL;
  int kind = 0;
  if (!ort_ok(addon, env, addon->ort->GetValueType(value, &kind))) return false;
  if (kind != ORT_TYPE_TENSOR) return throw_error(env, "Non tensor type is temporarily not supported.");
  if (!ort_ok(addon, env, addon->ort->GetTensorTypeAndShape(value, &info))) return false;
  const bool done = parts_to_js(addon, env, value, info, out);
  addon->ort->ReleaseTensorTypeAndShapeInfo(info);
  return done;
}
