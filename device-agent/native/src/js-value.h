/*
 * Reading and throwing JavaScript values. Every function returns false with an exception pending where it fails, so
 * that callers return at once.
 */
#ifndef BUNGEE_JS_VALUE_H
#define BUNGEE_JS_VALUE_H

#include "addon.h"

/* Throws; formats like printf, up to 1 kB. Always false. */
bool throw_error(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool throw_type_error(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool throw_range_error(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool throw_out_of_memory(napi_env env);

/* True for napi_ok; else throws what Node-API says, unless JavaScript has thrown already. */
bool js_ok(napi_env env, napi_status status);
/* True for a null status; else throws ONNX Runtime's message and frees the status. */
bool ort_ok(const struct addon *addon, napi_env env, OrtStatus *status);

/* Type of a value; arrays and functions count as objects for js_is_object. */
bool js_is(napi_env env, napi_value value, napi_valuetype type);
bool js_is_object(napi_env env, napi_value value);
bool js_is_array(napi_env env, napi_value value);

/* `*found` tells whether the object has the property. */
bool js_find(napi_env env, napi_value object, const char *name, bool *found, napi_value *value);
/* A string as UTF-8, to be freed; its length in bytes where asked for. */
bool js_string(napi_env env, napi_value value, char **text, size_t *length);
/* As js_string, cut to `size` bytes in the caller's buffer; false without exception if it is longer. */
bool js_short_string(napi_env env, napi_value value, char *buffer, size_t size);

/* A reference's value; references here are never weak. */
bool js_referenced(napi_env env, napi_ref reference, napi_value *value);
bool js_set_string(napi_env env, napi_value object, const char *name, const char *text);

#endif
