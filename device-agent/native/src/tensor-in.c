#include <stdlib.h>
#include <string.h>

#include "element-type.h"
#include "js-value.h"
#include "tensor.h"

/* ONNX Runtime has no limit of its own; models have ranks up to 6 or so. */
enum { MAX_RANK = 64, WORD_BYTES = 24 };

struct shape {
  size_t rank;
  int64_t dims[MAX_RANK];
};

bool tensor_keys(const struct addon *addon, napi_env env, napi_value keys[KEY_COUNT]) {
  napi_value kept;
  if (!js_referenced(env, addon->keys, &kept)) return false;
  for (uint32_t key = 0; key < KEY_COUNT; key++)
    if (!js_ok(env, napi_get_element(env, kept, key, &keys[key]))) return false;
  return true;
}

static bool read_shape(napi_env env, napi_value dims, struct shape *shape) {
  uint32_t rank = 0;
  if (!js_is_array(env, dims)) return throw_type_error(env, "Tensor.dims must be an array.");
  if (!js_ok(env, napi_get_array_length(env, dims, &rank))) return false;
  if (rank > MAX_RANK) return throw_range_error(env, "Tensor.dims has %u entries, at most %d are possible.", rank, MAX_RANK);
  shape->rank = rank;
  for (uint32_t i = 0; i < rank; i++) {
    napi_value entry;
    double dim;
    if (!js_ok(env, napi_get_element(env, dims, i, &entry))) return false;
    if (napi_get_value_double(env, entry, &dim) != napi_ok)
      return throw_type_error(env, "Tensor.dims[%u] is not a number.", i);
    if (!(dim >= 0 && dim <= 4294967295.0) || (double)(int64_t)dim != dim)
      return throw_range_error(env, "Tensor.dims[%u] is invalid: %g", i, dim);
    shape->dims[i] = (int64_t)dim;
  }
  return true;
}

static bool known_location(const char *location) {
  static const char *const LOCATIONS[] = {"cpu", "cpu-pinned", "texture", "gpu-buffer", "ml-tensor"};
  for (size_t i = 0; i < sizeof LOCATIONS / sizeof *LOCATIONS; i++)
    if (strcmp(LOCATIONS[i], location) == 0) return true;
  return false;
}

/* Fills `texts` with the array's strings; the caller frees those that are not null. */
static bool read_texts(napi_env env, napi_value data, char **texts, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    napi_value entry;
    if (!js_ok(env, napi_get_element(env, data, i, &entry))) return false;
    if (!js_is(env, entry, napi_string)) return throw_type_error(env, "Tensor.data[%u] must be a string.", i);
    if (!js_string(env, entry, &texts[i], NULL)) return false;
  }
  return true;
}

static bool strings_to_ort(const struct addon *addon, napi_env env, napi_value data, const struct shape *shape,
                           OrtValue **out) {
  uint32_t count = 0;
  OrtValue *value = NULL;
  if (!js_is_array(env, data)) return throw_type_error(env, "Tensor.data must be an array for string tensors.");
  if (!js_ok(env, napi_get_array_length(env, data, &count))) return false;
  char **texts = calloc((size_t)count + 1, sizeof *texts);
  if (texts == NULL) return throw_out_of_memory(env);
  bool done = read_texts(env, data, texts, count) &&
              ort_ok(addon, env,
                     addon->ort->CreateTensorAsOrtValue(addon->allocator, shape->dims, shape->rank, ORT_STRING, &value));
  if (done && count > 0)
    done = ort_ok(addon, env, addon->ort->FillStringTensor(value, (const char *const *)texts, count));
  for (uint32_t i = 0; i < count; i++) free(texts[i]);
  free(texts);
  if (!done && value != NULL) addon->ort->ReleaseValue(value);
  if (done) *out = value;
  return done;
}

static bool numbers_to_ort(const struct addon *addon, napi_env env, napi_value data, const struct shape *shape,
                           int code, OrtValue **out) {
  const struct element_type *type = element_type_of_code(code);
  napi_typedarray_type array = napi_uint8_clamped_array;
  size_t length = 0;
  void *bytes = NULL;
  bool is_array = false;
  if (!js_ok(env, napi_is_typedarray(env, data, &is_array))) return false;
  if (!is_array) return throw_type_error(env, "Tensor.data must be a typed array for numeric tensor.");
  if (!js_ok(env, napi_get_typedarray_info(env, data, &array, &length, &bytes, NULL, NULL))) return false;
  const bool half = code == ORT_FLOAT16;
  if (array != type->array && !(half && array == napi_float16_array))
    return throw_type_error(env, "Tensor.data must be a typed array (%d%s) for %s tensors, but got typed array (%d).",
                            type->array, half ? " or Float16Array" : "", type->name, array);
  /* An empty array may have no memory, which ONNX Runtime refuses for some types. */
  static char nothing[8];
  return ort_ok(addon, env,
                addon->ort->CreateTensorWithDataAsOrtValue(addon->cpu, bytes == NULL ? nothing : bytes,
                                                           length * type->bytes, shape->dims, shape->rank, code, out));
}

bool tensor_to_ort(const struct addon *addon, napi_env env, const napi_value keys[KEY_COUNT], napi_value tensor,
                   OrtValue **out, bool *in_place) {
  napi_value dims, location, type, data;
  struct shape shape;
  char word[WORD_BYTES];
  if (!js_is_object(env, tensor)) return throw_type_error(env, "Tensor must be an object.");
  if (!js_ok(env, napi_get_property(env, tensor, keys[KEY_DIMS], &dims)) || !read_shape(env, dims, &shape)) return false;

  if (!js_ok(env, napi_get_property(env, tensor, keys[KEY_LOCATION], &location))) return false;
  if (!js_is(env, location, napi_string)) return throw_type_error(env, "Tensor.location must be a string.");
  if (!js_short_string(env, location, word, sizeof word) || !known_location(word))
    return throw_range_error(env, "Tensor.location is not supported.");
  const bool on_cpu = strcmp(word, "cpu") == 0;

  if (!js_ok(env, napi_get_property(env, tensor, keys[KEY_TYPE], &type))) return false;
  if (!js_is(env, type, napi_string)) return throw_type_error(env, "Tensor.type must be a string.");
  const bool fits = js_short_string(env, type, word, sizeof word);
  const int code = fits ? element_code_of_name(word) : 0;
  if (code == 0) return throw_type_error(env, "Tensor.type is not supported: %s", word);

  *in_place = code != ORT_STRING;
  if (!on_cpu)
    return code == ORT_STRING
               ? throw_type_error(env, "Tensor.location must be 'cpu' for string tensors.")
               : throw_type_error(env, "Tensor.location must be 'gpu-buffer' for IO binding.");
  if (!js_ok(env, napi_get_property(env, tensor, keys[KEY_DATA], &data))) return false;
  return code == ORT_STRING ? strings_to_ort(addon, env, data, &shape, out)
                            : numbers_to_ort(addon, env, data, &shape, code, out);
}
