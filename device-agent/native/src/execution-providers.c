#include <stdio.h>
#include <string.h>

#include "js-value.h"
#include "session-options.h"

struct flag {
  const char *option;
  uint32_t bit;
};

/* nnapi_provider_factory.h; names are those of onnxruntime-common. */
static const struct flag NNAPI_FLAGS[] = {
    {"useFP16", 1u << 0}, {"useNCHW", 1u << 1}, {"cpuDisabled", 1u << 2}, {"cpuOnly", 1u << 3}};

static bool append_nnapi(const struct option_target *target, napi_value provider, bool has_options) {
  uint32_t flags = 0;
  for (size_t i = 0; has_options && i < sizeof NNAPI_FLAGS / sizeof *NNAPI_FLAGS; i++) {
    bool found = false, on = false;
    napi_value value;
    if (!js_find(target->env, provider, NNAPI_FLAGS[i].option, &found, &value)) return false;
    if (found && napi_get_value_bool(target->env, value, &on) != napi_ok)
      return throw_type_error(target->env, "Invalid argument: %s must be a boolean.", NNAPI_FLAGS[i].option);
    if (on) flags |= NNAPI_FLAGS[i].bit;
  }
  return ort_ok(target->addon, target->env, target->addon->append_nnapi(target->session, flags));
}

/* XNNPACK has a pool of threads of its own; without the option it takes one thread. */
static bool append_xnnpack(const struct option_target *target, napi_value provider, bool has_options) {
  static const char *const KEYS[] = {"intra_op_num_threads"};
  char text[16];
  const char *const values[] = {text};
  bool found = false;
  napi_value value;
  double threads = 0;
  if (has_options && !js_find(target->env, provider, "intraOpNumThreads", &found, &value)) return false;
  if (found) {
    if (napi_get_value_double(target->env, value, &threads) != napi_ok)
      return throw_type_error(target->env, "Invalid argument: intraOpNumThreads must be a number.");
    if (!(threads >= 1 && threads <= 1024) || (double)(int)threads != threads)
      return throw_range_error(target->env, "'intraOpNumThreads' is invalid: %g", threads);
    snprintf(text, sizeof text, "%d", (int)threads);
  }
  return ort_ok(target->addon, target->env,
                target->addon->ort->SessionOptionsAppendExecutionProvider(target->session, "XNNPACK", KEYS, values,
                                                                          found ? 1 : 0));
}

/* Puts the provider's name into `name`; false with a TypeError where it has none. */
static bool read_name(napi_env env, napi_value provider, uint32_t index, char *name, size_t size, bool *is_object) {
  napi_value value = provider;
  bool found = true;
  *is_object = !js_is(env, provider, napi_string);
  if (*is_object) {
    found = false;
    if (js_is_object(env, provider) && !js_find(env, provider, "name", &found, &value)) return false;
    found = found && js_is(env, value, napi_string);
  }
  if (!found)
    return throw_type_error(env,
                            "Invalid argument: sessionOptions.executionProviders[%u] must be either a string or an "
                            "object with property 'name'.",
                            index);
  js_short_string(env, value, name, size);
  return true;
}

bool read_execution_providers(const struct option_target *target, napi_value options, napi_value value) {
  napi_env env = target->env;
  uint32_t count = 0;
  (void)options;
  if (!js_is_array(env, value))
    return throw_type_error(env, "Invalid argument: sessionOptions.executionProviders must be an array.");
  if (!js_ok(env, napi_get_array_length(env, value, &count))) return false;
  for (uint32_t i = 0; i < count; i++) {
    napi_value provider;
    char name[64] = "";
    bool is_object = false;
    if (!js_ok(env, napi_get_element(env, value, i, &provider)) ||
        !read_name(env, provider, i, name, sizeof name, &is_object))
      return false;
    bool done = true;
    if (strcmp(name, "nnapi") == 0 && target->addon->append_nnapi != NULL)
      done = append_nnapi(target, provider, is_object);
    else if (strcmp(name, "xnnpack") == 0 && target->addon->has_xnnpack)
      done = append_xnnpack(target, provider, is_object);
    else if (strcmp(name, "cpu") != 0)
      done = throw_error(env, "Invalid argument: sessionOptions.executionProviders[%u] is unsupported: '%s'.", i, name);
    if (!done) return false;
  }
  return true;
}
