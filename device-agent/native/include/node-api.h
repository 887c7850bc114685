/*
 * The part of Node-API that the binding calls. Its ABI is stable (https://nodejs.org/api/n-api.html); names, values
 * and signatures are those of Node.js's node_api.h. Declared here, the binding builds without Node's headers, which
 * most installations of Node do not bring.
 */
#ifndef BUNGEE_NODE_API_H
#define BUNGEE_NODE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_API_EXPORT __attribute__((visibility("default")))
#define NODE_API_VERSION 8
#define NAPI_AUTO_LENGTH SIZE_MAX

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_ref__ *napi_ref;
typedef struct napi_callback_info__ *napi_callback_info;

/* Of the statuses only success matters here: the reason is read by napi_get_last_error_info. */
typedef enum { napi_ok = 0 } napi_status;

typedef enum {
  napi_undefined,
  napi_null,
  napi_boolean,
  napi_number,
  napi_string,
  napi_symbol,
  napi_object,
  napi_function,
  napi_external,
  napi_bigint,
} napi_valuetype;

typedef enum {
  napi_int8_array,
  napi_uint8_array,
  napi_uint8_clamped_array,
  napi_int16_array,
  napi_uint16_array,
  napi_int32_array,
  napi_uint32_array,
  napi_float32_array,
  napi_float64_array,
  napi_bigint64_array,
  napi_biguint64_array,
  napi_float16_array,
} napi_typedarray_type;

typedef enum {
  napi_default = 0,
  napi_writable = 1 << 0,
  napi_enumerable = 1 << 1,
  napi_configurable = 1 << 2,
} napi_property_attributes;

typedef struct {
  const char *error_message;
  void *engine_reserved;
  uint32_t engine_error_code;
  napi_status error_code;
} napi_extended_error_info;

typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);
typedef void (*napi_finalize)(napi_env env, void *data, void *hint);

typedef struct {
  const char *utf8name;
  napi_value name;
  napi_callback method;
  napi_callback getter;
  napi_callback setter;
  napi_value value;
  napi_property_attributes attributes;
  void *data;
} napi_property_descriptor;

napi_status napi_set_instance_data(napi_env, void *data, napi_finalize, void *hint);

napi_status napi_get_last_error_info(napi_env, const napi_extended_error_info **out);
napi_status napi_is_exception_pending(napi_env, bool *out);
napi_status napi_throw(napi_env, napi_value error);
napi_status napi_create_error(napi_env, napi_value code, napi_value message, napi_value *out);
napi_status napi_create_type_error(napi_env, napi_value code, napi_value message, napi_value *out);
napi_status napi_create_range_error(napi_env, napi_value code, napi_value message, napi_value *out);

napi_status napi_get_cb_info(napi_env, napi_callback_info, size_t *argc, napi_value *argv, napi_value *self,
                             void **data);
napi_status napi_get_new_target(napi_env, napi_callback_info, napi_value *out);
napi_status napi_define_class(napi_env, const char *name, size_t name_length, napi_callback constructor, void *data,
                              size_t property_count, const napi_property_descriptor *properties, napi_value *out);
napi_status napi_create_function(napi_env, const char *name, size_t name_length, napi_callback, void *data,
                                 napi_value *out);
napi_status napi_new_instance(napi_env, napi_value constructor, size_t argc, const napi_value *argv, napi_value *out);
napi_status napi_wrap(napi_env, napi_value object, void *native, napi_finalize, void *hint, napi_ref *out);
napi_status napi_unwrap(napi_env, napi_value object, void **out);

napi_status napi_create_reference(napi_env, napi_value, uint32_t initial_count, napi_ref *out);
napi_status napi_delete_reference(napi_env, napi_ref);
napi_status napi_get_reference_value(napi_env, napi_ref, napi_value *out);

napi_status napi_typeof(napi_env, napi_value, napi_valuetype *out);
napi_status napi_is_array(napi_env, napi_value, bool *out);
napi_status napi_is_arraybuffer(napi_env, napi_value, bool *out);
napi_status napi_is_buffer(napi_env, napi_value, bool *out);
napi_status napi_is_typedarray(napi_env, napi_value, bool *out);

napi_status napi_get_undefined(napi_env, napi_value *out);
napi_status napi_get_boolean(napi_env, bool, napi_value *out);
napi_status napi_create_object(napi_env, napi_value *out);
napi_status napi_create_array_with_length(napi_env, size_t length, napi_value *out);
napi_status napi_create_double(napi_env, double, napi_value *out);
napi_status napi_create_string_utf8(napi_env, const char *text, size_t length, napi_value *out);
napi_status napi_create_arraybuffer(napi_env, size_t byte_length, void **data, napi_value *out);
napi_status napi_create_typedarray(napi_env, napi_typedarray_type, size_t length, napi_value arraybuffer,
                                   size_t byte_offset, napi_value *out);

napi_status napi_get_value_bool(napi_env, napi_value, bool *out);
napi_status napi_get_value_double(napi_env, napi_value, double *out);
napi_status napi_get_value_int64(napi_env, napi_value, int64_t *out);
/* With a null buffer: the length in bytes without the closing zero. */
napi_status napi_get_value_string_utf8(napi_env, napi_value, char *buffer, size_t size, size_t *length);
napi_status napi_get_array_length(napi_env, napi_value, uint32_t *out);
napi_status napi_get_arraybuffer_info(napi_env, napi_value, void **data, size_t *byte_length);
napi_status napi_get_buffer_info(napi_env, napi_value, void **data, size_t *byte_length);
/* `data` already counts the byte offset in. */
napi_status napi_get_typedarray_info(napi_env, napi_value, napi_typedarray_type *, size_t *length, void **data,
                                     napi_value *arraybuffer, size_t *byte_offset);

napi_status napi_get_property_names(napi_env, napi_value object, napi_value *out);
napi_status napi_get_property(napi_env, napi_value object, napi_value key, napi_value *out);
napi_status napi_set_property(napi_env, napi_value object, napi_value key, napi_value value);
napi_status napi_has_named_property(napi_env, napi_value object, const char *name, bool *out);
napi_status napi_get_named_property(napi_env, napi_value object, const char *name, napi_value *out);
napi_status napi_set_named_property(napi_env, napi_value object, const char *name, napi_value value);
napi_status napi_get_element(napi_env, napi_value object, uint32_t index, napi_value *out);
napi_status napi_set_element(napi_env, napi_value object, uint32_t index, napi_value value);

#endif
