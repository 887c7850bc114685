/*
 * onnxruntime-node's native half for platforms that npm has none for: the exports that its JavaScript loads from
 * bin/napi-v6/<platform>/<arch>/onnxruntime_binding.node.
 */
#include "addon.h"

#include <stdlib.h>

#include "js-value.h"
#include "ort-library.h"
#include "session.h"

void drop_addon(struct addon *addon) {
  if (--addon->holders > 0) return;
  if (addon->cpu != NULL) addon->ort->ReleaseMemoryInfo(addon->cpu);
  /*
   * The OrtEnv stays: ONNX Runtime counts its holders, and with the last it would tear down logging under a worker
   * that is about to make its own.
   */
  free(addon);
}

static void finalize(napi_env env, void *data, void *hint) {
  struct addon *addon = data;
  (void)hint;
  if (addon->keys != NULL) napi_delete_reference(env, addon->keys);
  if (addon->tensor_class != NULL) napi_delete_reference(env, addon->tensor_class);
  addon->keys = addon->tensor_class = NULL;
  drop_addon(addon);
}

/* initOrtOnce(logLevel, Tensor, isMainThread): called by the JavaScript before its first session. */
static napi_value init_ort_once(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  double level;
  void *data = NULL;
  if (!js_ok(env, napi_get_cb_info(env, info, &count, arguments, NULL, &data))) return NULL;
  struct addon *addon = data;
  if (napi_get_value_double(env, arguments[0], &level) != napi_ok)
    return throw_type_error(env, "A number was expected"), NULL;
  if (!js_is(env, arguments[1], napi_function)) return throw_type_error(env, "A function was expected"), NULL;
  if (addon->tensor_class != NULL) return NULL;
  if (!js_ok(env, napi_create_reference(env, arguments[1], 1, &addon->tensor_class))) return NULL;
  ort_ok(addon, env, addon->ort->CreateEnv((int)level, "onnxruntime-node", &addon->ort_env));
  return NULL;
}

static bool add_backend(napi_env env, napi_value list, uint32_t index, const char *name) {
  napi_value backend, bundled;
  return js_ok(env, napi_create_object(env, &backend)) && js_set_string(env, backend, "name", name) &&
         js_ok(env, napi_get_boolean(env, true, &bundled)) &&
         js_ok(env, napi_set_named_property(env, backend, "bundled", bundled)) &&
         js_ok(env, napi_set_element(env, list, index, backend));
}

/* Providers that the library beside this file offers; whether NNAPI has a device behind it shows at run time only. */
static napi_value list_supported_backends(napi_env env, napi_callback_info info) {
  void *data = NULL;
  napi_value list;
  uint32_t count = 0;
  if (!js_ok(env, napi_get_cb_info(env, info, NULL, NULL, NULL, &data)) ||
      !js_ok(env, napi_create_array_with_length(env, 0, &list)))
    return NULL;
  const struct addon *addon = data;
  if (!add_backend(env, list, count++, "cpu")) return NULL;
  if (addon->has_xnnpack && !add_backend(env, list, count++, "xnnpack")) return NULL;
  if (addon->append_nnapi != NULL && !add_backend(env, list, count++, "nnapi")) return NULL;
  return list;
}

static bool keep_keys(struct addon *addon, napi_env env) {
  static const char *const NAMES[KEY_COUNT] = {
      [KEY_DIMS] = "dims", [KEY_LOCATION] = "location", [KEY_TYPE] = "type", [KEY_DATA] = "data"};
  napi_value keys, name;
  if (!js_ok(env, napi_create_array_with_length(env, KEY_COUNT, &keys))) return false;
  for (uint32_t key = 0; key < KEY_COUNT; key++)
    if (!js_ok(env, napi_create_string_utf8(env, NAMES[key], NAPI_AUTO_LENGTH, &name)) ||
        !js_ok(env, napi_set_element(env, keys, key, name)))
      return false;
  return js_ok(env, napi_create_reference(env, keys, 1, &addon->keys));
}

static bool add_function(struct addon *addon, napi_env env, napi_value exports, const char *name, napi_callback call) {
  napi_value function;
  return js_ok(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, call, addon, &function)) &&
         js_ok(env, napi_set_named_property(env, exports, name, function));
}

NODE_API_EXPORT int32_t node_api_module_get_api_version_v1(void);
NODE_API_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports);

int32_t node_api_module_get_api_version_v1(void) { return NODE_API_VERSION; }

/* Called once per JavaScript environment, main thread or worker. */
napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  struct addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL) return throw_out_of_memory(env), NULL;
  addon->holders = 1;
  if (!js_ok(env, napi_set_instance_data(env, addon, finalize, NULL))) {
    free(addon);
    return NULL;
  }
  const bool done = open_ort_library(addon, env) && keep_keys(addon, env) &&
                    define_session_class(addon, env, exports) &&
                    add_function(addon, env, exports, "listSupportedBackends", list_supported_backends) &&
                    add_function(addon, env, exports, "initOrtOnce", init_ort_once);
  return done ? exports : NULL;
}
