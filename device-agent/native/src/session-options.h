/* Options that onnxruntime-common documents for sessions and runs, handed on to ONNX Runtime. */
#ifndef BUNGEE_SESSION_OPTIONS_H
#define BUNGEE_SESSION_OPTIONS_H

#include "addon.h"

/* What the parsers below read from and write into. */
struct option_target {
  const struct addon *addon;
  napi_env env;
  /* One of the two is null. */
  OrtSessionOptions *session;
  OrtRunOptions *run;
};

/* Reads one property's value; `options` is the object that has it. */
typedef bool (*option_reader)(const struct option_target *target, napi_value options, napi_value value);

struct option_rule {
  const char *name;
  option_reader read;
};

/* Applies the rules, in their order, to the properties that the object has. */
bool apply_rules(const struct option_target *target, napi_value options, const struct option_rule *rules,
                 size_t count);

/* Throws TypeError, RangeError or ONNX Runtime's own error at the first option that cannot be taken. */
bool read_session_options(const struct option_target *target, napi_value options);
bool read_run_options(const struct option_target *target, napi_value options);

/* Value of `executionProviders`: names, or objects with a name and flags. */
bool read_execution_providers(const struct option_target *target, napi_value options, napi_value value);
/* Value of `externalData`: files of weights that lie in memory already. */
bool read_external_data(const struct option_target *target, napi_value options, napi_value value);
/* Value of `extra`: nested objects become configuration entries whose names are joined by dots. */
bool read_extra(const struct option_target *target, napi_value options, napi_value value);
/* Severity 0 to 4; `what` begins the error message. */
bool read_severity(const struct option_target *target, napi_value value, const char *what, int *level);

#endif
