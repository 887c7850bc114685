#include <stdlib.h>

#include "js-value.h"
#include "session-options.h"

#define ORT(call) ort_ok(target->addon, target->env, target->addon->ort->call)

static bool read_log_severity(const struct option_target *target, napi_value options, napi_value value) {
  int level = 0;
  (void)options;
  return read_severity(target, value, "runOptions", &level) &&
         ORT(RunOptionsSetRunLogSeverityLevel(target->run, level));
}

static bool read_tag(const struct option_target *target, napi_value options, napi_value value) {
  char *tag = NULL;
  (void)options;
  if (!js_is(target->env, value, napi_string))
    return throw_type_error(target->env, "Invalid argument: runOptions.tag must be a string.");
  if (!js_string(target->env, value, &tag, NULL)) return false;
  const bool done = ORT(RunOptionsSetRunTag(target->run, tag));
  free(tag);
  return done;
}

/* The three below are documented for other bindings; npm's for Node ignores them. */

static bool read_log_verbosity(const struct option_target *target, napi_value options, napi_value value) {
  double level;
  (void)options;
  if (napi_get_value_double(target->env, value, &level) != napi_ok)
    return throw_type_error(target->env, "Invalid argument: runOptions.logVerbosityLevel must be a number.");
  return ORT(RunOptionsSetRunLogVerbosityLevel(target->run, (int)level));
}

/* A run that is told to end at once: ONNX Runtime answers with an error. */
static bool read_terminate(const struct option_target *target, napi_value options, napi_value value) {
  bool terminate = false;
  (void)options;
  if (napi_get_value_bool(target->env, value, &terminate) != napi_ok)
    return throw_type_error(target->env, "Invalid argument: runOptions.terminate must be a boolean value.");
  return !terminate || ORT(RunOptionsSetTerminate(target->run));
}

bool read_run_options(const struct option_target *target, napi_value options) {
  static const struct option_rule RULES[] = {
      {"logSeverityLevel", read_log_severity}, {"tag", read_tag},     {"logVerbosityLevel", read_log_verbosity},
      {"terminate", read_terminate},           {"extra", read_extra},
  };
  return apply_rules(target, options, RULES, sizeof RULES / sizeof *RULES);
}
