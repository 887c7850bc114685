#include <stdlib.h>
#include <string.h>

#include "js-value.h"
#include "session.h"

typedef OrtStatus *(*get_count)(const OrtSession *, size_t *);
typedef OrtStatus *(*get_name)(const OrtSession *, size_t, OrtAllocator *, char **);
typedef OrtStatus *(*get_type)(const OrtSession *, size_t, OrtTypeInfo **);

static bool load_names(const struct addon *addon, napi_env env, const OrtSession *session, struct ports *ports,
                       get_name name, get_type type) {
  napi_value js_names;
  if (!js_ok(env, napi_create_array_with_length(env, ports->count, &js_names))) return false;
  for (uint32_t i = 0; i < ports->count; i++) {
    napi_value js_name;
    if (!ort_ok(addon, env, name(session, i, addon->allocator, &ports->names[i])) ||
        !ort_ok(addon, env, type(session, i, &ports->types[i])) ||
        !js_ok(env, napi_create_string_utf8(env, ports->names[i], NAPI_AUTO_LENGTH, &js_name)) ||
        !js_ok(env, napi_set_element(env, js_names, i, js_name)))
      return false;
  }
  return js_ok(env, napi_create_reference(env, js_names, 1, &ports->js_names));
}

static bool load(const struct addon *addon, napi_env env, const OrtSession *session, struct ports *ports,
                 get_count count, get_name name, get_type type) {
  if (!ort_ok(addon, env, count(session, &ports->count))) return false;
  /* One more than needed: an allocation of nothing may be null. */
  const size_t room = ports->count + 1;
  ports->names = calloc(room, sizeof *ports->names);
  ports->types = calloc(room, sizeof *ports->types);
  ports->used_names = calloc(room, sizeof *ports->used_names);
  ports->values = calloc(room, sizeof *ports->values);
  ports->places = calloc(room, sizeof *ports->places);
  if (ports->names == NULL || ports->types == NULL || ports->used_names == NULL || ports->values == NULL ||
      ports->places == NULL)
    return throw_out_of_memory(env);
  return load_names(addon, env, session, ports, name, type);
}

bool load_ports(struct session *session, napi_env env) {
  const struct addon *addon = session->addon;
  const OrtApi *ort = addon->ort;
  return load(addon, env, session->ort, &session->inputs, ort->SessionGetInputCount, ort->SessionGetInputName,
              ort->SessionGetInputTypeInfo) &&
         load(addon, env, session->ort, &session->outputs, ort->SessionGetOutputCount, ort->SessionGetOutputName,
              ort->SessionGetOutputTypeInfo);
}

void free_ports(const struct addon *addon, napi_env env, struct ports *ports) {
  for (size_t i = 0; ports->names != NULL && i < ports->count; i++) {
    if (ports->names[i] == NULL) continue;
    OrtStatus *status = addon->ort->AllocatorFree(addon->allocator, ports->names[i]);
    if (status != NULL) addon->ort->ReleaseStatus(status);
  }
  for (size_t i = 0; ports->types != NULL && i < ports->count; i++)
    if (ports->types[i] != NULL) addon->ort->ReleaseTypeInfo(ports->types[i]);
  if (ports->js_names != NULL) napi_delete_reference(env, ports->js_names);
  free(ports->names);
  free(ports->types);
  free(ports->used_names);
  free(ports->values);
  free(ports->places);
  memset(ports, 0, sizeof *ports);
}
