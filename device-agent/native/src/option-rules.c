#include <stdlib.h>
#include <string.h>

#include "js-value.h"
#include "session-options.h"

bool apply_rules(const struct option_target *target, napi_value options, const struct option_rule *rules,
                 size_t count) {
  for (size_t i = 0; i < count; i++) {
    bool found = false;
    napi_value value;
    if (!js_find(target->env, options, rules[i].name, &found, &value)) return false;
    if (found && !rules[i].read(target, options, value)) return false;
  }
  return true;
}

bool read_severity(const struct option_target *target, napi_value value, const char *what, int *level) {
  double number;
  if (napi_get_value_double(target->env, value, &number) != napi_ok)
    return throw_type_error(target->env, "Invalid argument: %s.logSeverityLevel must be a number.", what);
  if (!(number >= 0 && number <= 4) || (double)(int)number != number)
    return throw_range_error(target->env,
                             "Invalid argument: %s.logSeverityLevel must be one of the following: 0, 1, 2, 3, 4.",
                             what);
  *level = (int)number;
  return true;
}

static bool add_entry(const struct option_target *target, const char *key, const char *value) {
  const OrtApi *ort = target->addon->ort;
  return ort_ok(target->addon, target->env,
                target->session != NULL ? ort->AddSessionConfigEntry(target->session, key, value)
                                        : ort->AddRunConfigEntry(target->run, key, value));
}

/* `prefix` is empty or ends with a dot. */
static bool add_entries(const struct option_target *target, const char *prefix, napi_value object);

static bool add_named(const struct option_target *target, const char *prefix, napi_value object, napi_value name) {
  napi_env env = target->env;
  napi_value value;
  char *key = NULL;
  size_t key_bytes = 0;
  const size_t prefix_bytes = strlen(prefix);
  if (!js_ok(env, napi_get_property(env, object, name, &value)) || !js_string(env, name, &key, &key_bytes))
    return false;
  /* Room for a dot behind the joined name. */
  char *joined = malloc(prefix_bytes + key_bytes + 2);
  bool done = joined != NULL || throw_out_of_memory(env);
  if (done) {
    memcpy(joined, prefix, prefix_bytes);
    memcpy(joined + prefix_bytes, key, key_bytes + 1);
  }
  free(key);
  if (done && js_is_object(env, value)) {
    memcpy(joined + prefix_bytes + key_bytes, ".", 2);
    done = add_entries(target, joined, value);
  } else if (done) {
    char *text = NULL;
    done = js_is(env, value, napi_string)
               ? js_string(env, value, &text, NULL)
               : throw_type_error(env, "Invalid argument: %s.extra value must be a string in Node.js binding.",
                                  target->session != NULL ? "sessionOptions" : "runOptions");
    done = done && add_entry(target, joined, text);
    free(text);
  }
  free(joined);
  return done;
}

static bool add_entries(const struct option_target *target, const char *prefix, napi_value object) {
  napi_value names;
  uint32_t count = 0;
  if (!js_ok(target->env, napi_get_property_names(target->env, object, &names)) ||
      !js_ok(target->env, napi_get_array_length(target->env, names, &count)))
    return false;
  for (uint32_t i = 0; i < count; i++) {
    napi_value name;
    if (!js_ok(target->env, napi_get_element(target->env, names, i, &name)) ||
        !add_named(target, prefix, object, name))
      return false;
  }
  return true;
}

bool read_extra(const struct option_target *target, napi_value options, napi_value value) {
  (void)options;
  if (!js_is_object(target->env, value))
    return throw_type_error(target->env, "Invalid argument: %s.extra must be an object.",
                            target->session != NULL ? "sessionOptions" : "runOptions");
  return add_entries(target, "", value);
}
