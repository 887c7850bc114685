#include "session-options.h"

#include <stdlib.h>
#include <string.h>

#include "js-value.h"

#define ORT(call) ort_ok(target->addon, target->env, target->addon->ort->call)

struct named_value {
  const char *name;
  int value;
};

/* Whole numbers from 0 on; what a session cannot use, ONNX Runtime says. */
static bool read_threads(const struct option_target *target, napi_value value, const char *name, int *threads) {
  double number;
  if (napi_get_value_double(target->env, value, &number) != napi_ok)
    return throw_type_error(target->env, "Invalid argument: sessionOptions.%s must be a number.", name);
  if (!(number >= 0 && number <= 4294967295.0) || (double)(int64_t)number != number)
    return throw_range_error(target->env, "'%s' is invalid: %g", name, number);
  *threads = (int)(int64_t)number;
  return true;
}

static bool read_choice(const struct option_target *target, napi_value value, const char *name,
                        const struct named_value *choices, size_t count, int *chosen) {
  char text[64] = "";
  if (!js_is(target->env, value, napi_string))
    return throw_type_error(target->env, "Invalid argument: sessionOptions.%s must be a string.", name);
  if (js_short_string(target->env, value, text, sizeof text))
    for (size_t i = 0; i < count; i++)
      if (strcmp(choices[i].name, text) == 0) {
        *chosen = choices[i].value;
        return true;
      }
  return throw_type_error(target->env, "'%s' is not supported: %s", name, text);
}

static bool read_switch(const struct option_target *target, napi_value value, const char *name, bool *on) {
  return napi_get_value_bool(target->env, value, on) == napi_ok ||
         throw_type_error(target->env, "Invalid argument: sessionOptions.%s must be a boolean value.", name);
}

typedef OrtStatus *(*set_text)(OrtSessionOptions *, const char *);

static bool read_text(const struct option_target *target, napi_value value, const char *name, set_text set) {
  char *text = NULL;
  if (!js_is(target->env, value, napi_string))
    return throw_type_error(target->env, "Invalid argument: sessionOptions.%s must be a string.", name);
  if (!js_string(target->env, value, &text, NULL)) return false;
  const bool done = ort_ok(target->addon, target->env, set(target->session, text));
  free(text);
  return done;
}

static bool read_intra_op(const struct option_target *target, napi_value options, napi_value value) {
  int threads = 0;
  (void)options;
  return read_threads(target, value, "intraOpNumThreads", &threads) &&
         ORT(SetIntraOpNumThreads(target->session, threads));
}

static bool read_inter_op(const struct option_target *target, napi_value options, napi_value value) {
  int threads = 0;
  (void)options;
  return read_threads(target, value, "interOpNumThreads", &threads) &&
         ORT(SetInterOpNumThreads(target->session, threads));
}

static bool read_optimization(const struct option_target *target, napi_value options, napi_value value) {
  static const struct named_value LEVELS[] = {{"disabled", ORT_OPTIMIZE_NONE},
                                              {"basic", ORT_OPTIMIZE_BASIC},
                                              {"extended", ORT_OPTIMIZE_EXTENDED},
                                              {"layout", ORT_OPTIMIZE_LAYOUT},
                                              {"all", ORT_OPTIMIZE_ALL}};
  int level = 0;
  (void)options;
  return read_choice(target, value, "graphOptimizationLevel", LEVELS, sizeof LEVELS / sizeof *LEVELS, &level) &&
         ORT(SetSessionGraphOptimizationLevel(target->session, level));
}

static bool read_execution_mode(const struct option_target *target, napi_value options, napi_value value) {
  static const struct named_value MODES[] = {{"sequential", ORT_SEQUENTIAL}, {"parallel", ORT_PARALLEL}};
  int mode = 0;
  (void)options;
  return read_choice(target, value, "executionMode", MODES, sizeof MODES / sizeof *MODES, &mode) &&
         ORT(SetSessionExecutionMode(target->session, mode));
}

static bool read_arena(const struct option_target *target, napi_value options, napi_value value) {
  bool on = false;
  (void)options;
  if (!read_switch(target, value, "enableCpuMemArena", &on)) return false;
  return on ? ORT(EnableCpuMemArena(target->session)) : ORT(DisableCpuMemArena(target->session));
}

static bool read_mem_pattern(const struct option_target *target, napi_value options, napi_value value) {
  bool on = false;
  (void)options;
  if (!read_switch(target, value, "enableMemPattern", &on)) return false;
  return on ? ORT(EnableMemPattern(target->session)) : ORT(DisableMemPattern(target->session));
}

static bool read_optimized_path(const struct option_target *target, napi_value options, napi_value value) {
  (void)options;
  return read_text(target, value, "optimizedModelFilePath", target->addon->ort->SetOptimizedModelFilePath);
}

static bool read_log_id(const struct option_target *target, napi_value options, napi_value value) {
  (void)options;
  return read_text(target, value, "logId", target->addon->ort->SetSessionLogId);
}

static bool read_log_severity(const struct option_target *target, napi_value options, napi_value value) {
  int level = 0;
  (void)options;
  return read_severity(target, value, "sessionOptions", &level) &&
         ORT(SetSessionLogSeverityLevel(target->session, level));
}

static bool read_profiling(const struct option_target *target, napi_value options, napi_value value) {
  bool on = false, found = false;
  napi_value prefix;
  if (!read_switch(target, value, "enableProfiling", &on)) return false;
  if (!on) return ORT(DisableProfiling(target->session));
  if (!js_find(target->env, options, "profileFilePrefix", &found, &prefix)) return false;
  if (!found)
    return throw_type_error(target->env, "Invalid argument: sessionOptions.profileFilePrefix is required"
                                         " when sessionOptions.enableProfiling is set to true.");
  if (!js_is(target->env, prefix, napi_string))
    return throw_type_error(target->env, "Invalid argument: sessionOptions.profileFilePrefix must be a string."
                                         " when sessionOptions.enableProfiling is set to true.");
  return read_text(target, prefix, "profileFilePrefix", target->addon->ort->EnableProfiling);
}

/* The three below are documented for other bindings; npm's for Node ignores them. */

static bool read_log_verbosity(const struct option_target *target, napi_value options, napi_value value) {
  int level = 0;
  (void)options;
  return read_threads(target, value, "logVerbosityLevel", &level) &&
         ORT(SetSessionLogVerbosityLevel(target->session, level));
}

static bool override_dimension(const struct option_target *target, napi_value sizes, napi_value name) {
  napi_value value;
  double size;
  char *text = NULL;
  if (!js_ok(target->env, napi_get_property(target->env, sizes, name, &value)) ||
      !js_string(target->env, name, &text, NULL))
    return false;
  bool done;
  if (napi_get_value_double(target->env, value, &size) != napi_ok)
    done = throw_type_error(target->env, "Invalid argument: sessionOptions.freeDimensionOverrides['%s'] must be a number.", text);
  else if (!(size >= 0 && size <= 4294967295.0) || (double)(int64_t)size != size)
    done = throw_range_error(target->env, "Invalid argument: sessionOptions.freeDimensionOverrides['%s'] is invalid: %g", text, size);
  else
    done = ORT(AddFreeDimensionOverrideByName(target->session, text, (int64_t)size));
  free(text);
  return done;
}

static bool read_free_dimensions(const struct option_target *target, napi_value options, napi_value value) {
  napi_value names;
  uint32_t count = 0;
  (void)options;
  if (js_is(target->env, value, napi_undefined)) return true;
  if (!js_is_object(target->env, value))
    return throw_type_error(target->env, "Invalid argument: sessionOptions.freeDimensionOverrides must be an object.");
  if (!js_ok(target->env, napi_get_property_names(target->env, value, &names)) ||
      !js_ok(target->env, napi_get_array_length(target->env, names, &count)))
    return false;
  for (uint32_t i = 0; i < count; i++) {
    napi_value name;
    if (!js_ok(target->env, napi_get_element(target->env, names, i, &name)) ||
        !override_dimension(target, value, name))
      return false;
  }
  return true;
}

bool read_session_options(const struct option_target *target, napi_value options) {
  /* In the order of npm's binding: of two wrong options both name the same one. */
  static const struct option_rule RULES[] = {
      {"executionProviders", read_execution_providers},
      {"intraOpNumThreads", read_intra_op},
      {"interOpNumThreads", read_inter_op},
      {"graphOptimizationLevel", read_optimization},
      {"enableCpuMemArena", read_arena},
      {"enableMemPattern", read_mem_pattern},
      {"optimizedModelFilePath", read_optimized_path},
      {"extra", read_extra},
      {"executionMode", read_execution_mode},
      {"logId", read_log_id},
      {"logSeverityLevel", read_log_severity},
      {"enableProfiling", read_profiling},
      {"externalData", read_external_data},
      {"logVerbosityLevel", read_log_verbosity},
      {"freeDimensionOverrides", read_free_dimensions},
  };
  return apply_rules(target, options, RULES, sizeof RULES / sizeof *RULES);
}
