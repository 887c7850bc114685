#include <stdlib.h>

#include "js-value.h"
#include "session-options.h"

struct external_files {
  char **names;
  char **buffers;
  size_t *sizes;
};

static bool read_file(const struct option_target *target, napi_value entry, char **name, char **buffer, size_t *size) {
  napi_env env = target->env;
  napi_value path, data;
  napi_typedarray_type array = napi_int8_array;
  bool has_path = false, has_data = false, is_array = false;
  if (!js_is_object(env, entry))
    return throw_type_error(
        env, "Invalid argument: sessionOptions.externalData value must be an object in Node.js binding.");
  if (!js_find(env, entry, "path", &has_path, &path)) return false;
  if (!has_path || !js_is(env, path, napi_string))
    return throw_type_error(env, "Invalid argument: sessionOptions.externalData value must have a 'path' property of "
                                 "type string in Node.js binding.");
  if (!js_find(env, entry, "data", &has_data, &data)) return false;
  if (has_data && !js_ok(env, napi_is_typedarray(env, data, &is_array))) return false;
  if (is_array &&
      !js_ok(env, napi_get_typedarray_info(env, data, &array, size, (void **)buffer, NULL, NULL)))
    return false;
  if (array != napi_uint8_array)
    return throw_type_error(env, "Invalid argument: sessionOptions.externalData value must have an 'data' property of "
                                 "type buffer or typed array in Node.js binding.");
  return js_string(env, path, name, NULL);
}

static bool read_files(const struct option_target *target, napi_value value, uint32_t count,
                       const struct external_files *files) {
  for (uint32_t i = 0; i < count; i++) {
    napi_value entry;
    if (!js_ok(target->env, napi_get_element(target->env, value, i, &entry)) ||
        !read_file(target, entry, &files->names[i], &files->buffers[i], &files->sizes[i]))
      return false;
  }
  return ort_ok(target->addon, target->env,
                target->addon->ort->AddExternalInitializersFromFilesInMemory(
                    target->session, (const char *const *)files->names, files->buffers, files->sizes, count));
}

bool read_external_data(const struct option_target *target, napi_value options, napi_value value) {
  uint32_t count = 0;
  (void)options;
  if (js_is(target->env, value, napi_null) || js_is(target->env, value, napi_undefined)) return true;
  if (!js_is_array(target->env, value))
    return throw_type_error(target->env, "Invalid argument: sessionOptions.externalData must be an array.");
  if (!js_ok(target->env, napi_get_array_length(target->env, value, &count))) return false;
  struct external_files files = {calloc((size_t)count + 1, sizeof(char *)), calloc((size_t)count + 1, sizeof(char *)),
                                 calloc((size_t)count + 1, sizeof(size_t))};
  const bool room = files.names != NULL && files.buffers != NULL && files.sizes != NULL;
  const bool done = room ? read_files(target, value, count, &files) : throw_out_of_memory(target->env);
  for (uint32_t i = 0; files.names != NULL && i < count; i++) free(files.names[i]);
  free(files.names);
  free(files.buffers);
  free(files.sizes);
  return done;
}
