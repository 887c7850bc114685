#include "js-value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef napi_status (*create_error)(napi_env, napi_value, napi_value, napi_value *);

static bool throw_text(napi_env env, create_error create, const char *text) {
  napi_value message, error;
  if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message) == napi_ok &&
      create(env, NULL, message, &error) == napi_ok)
    napi_throw(env, error);
  return false;
}

#define THROW_FORMATTED(create)                   \
  char text[1024];                                \
  va_list arguments;                              \
  va_start(arguments, format);                    \
  vsnprintf(text, sizeof text, format, arguments); \
  va_end(arguments);                              \
  return throw_text(env, create, text)

bool throw_error(napi_env env, const char *format, ...) { THROW_FORMATTED(napi_create_error); }
bool throw_type_error(napi_env env, const char *format, ...) { THROW_FORMATTED(napi_create_type_error); }
bool throw_range_error(napi_env env, const char *format, ...) { THROW_FORMATTED(napi_create_range_error); }

bool throw_out_of_memory(napi_env env) { return throw_error(env, "out of memory"); }

bool js_ok(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  const napi_extended_error_info *info = NULL;
  bool thrown = false;
  /* Any further call would overwrite the information: it is taken first. */
  napi_get_last_error_info(env, &info);
  const char *reason = info != NULL && info->error_message != NULL ? info->error_message : "Node-API failed";
  napi_is_exception_pending(env, &thrown);
  return thrown ? false : throw_error(env, "%s", reason);
}

bool ort_ok(const struct addon *addon, napi_env env, OrtStatus *status) {
  if (status == NULL) return true;
  /* Not formatted: messages may be longer than the formatting buffer. */
  throw_text(env, napi_create_error, addon->ort->GetErrorMessage(status));
  addon->ort->ReleaseStatus(status);
  return false;
}

bool js_is(napi_env env, napi_value value, napi_valuetype type) {
  napi_valuetype actual;
  return napi_typeof(env, value, &actual) == napi_ok && actual == type;
}

bool js_is_object(napi_env env, napi_value value) {
  napi_valuetype actual;
  return napi_typeof(env, value, &actual) == napi_ok && (actual == napi_object || actual == napi_function);
}

bool js_is_array(napi_env env, napi_value value) {
  bool is_array = false;
  return napi_is_array(env, value, &is_array) == napi_ok && is_array;
}

bool js_find(napi_env env, napi_value object, const char *name, bool *found, napi_value *value) {
  if (!js_ok(env, napi_has_named_property(env, object, name, found))) return false;
  return !*found || js_ok(env, napi_get_named_property(env, object, name, value));
}

bool js_string(napi_env env, napi_value value, char **text, size_t *length) {
  size_t bytes = 0;
  if (!js_ok(env, napi_get_value_string_utf8(env, value, NULL, 0, &bytes))) return false;
  char *copy = malloc(bytes + 1);
  if (copy == NULL) return throw_out_of_memory(env);
  if (!js_ok(env, napi_get_value_string_utf8(env, value, copy, bytes + 1, &bytes))) {
    free(copy);
    return false;
  }
  *text = copy;
  if (length != NULL) *length = bytes;
  return true;
}

bool js_short_string(napi_env env, napi_value value, char *buffer, size_t size) {
  size_t bytes = 0;
  return napi_get_value_string_utf8(env, value, buffer, size, &bytes) == napi_ok && bytes + 1 < size;
}

bool js_referenced(napi_env env, napi_ref reference, napi_value *value) {
  return js_ok(env, napi_get_reference_value(env, reference, value));
}

bool js_set_string(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value;
  return js_ok(env, napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value)) &&
         js_ok(env, napi_set_named_property(env, object, name, value));
}
