/* The class InferenceSession that onnxruntime-node's JavaScript makes one of per session. */
#ifndef BUNGEE_SESSION_H
#define BUNGEE_SESSION_H

#include "addon.h"

/* Inputs or outputs of a loaded model, and room for one run's values of them. */
struct ports {
  size_t count;
  char **names;
  OrtTypeInfo **types;
  /* Array of the names as JavaScript strings. */
  napi_ref js_names;

  /* Of the run under way: how many take part, their names and values. */
  size_t used;
  const char **used_names;
  OrtValue **values;
  /* Place among all ports of each that takes part. */
  uint32_t *places;
};

struct session {
  struct addon *addon;
  OrtSession *ort;
  struct ports inputs;
  struct ports outputs;
  bool loaded;
  bool disposed;
  /* A run calls getters of the caller's objects, which could ask for another one. */
  bool running;
};

bool define_session_class(struct addon *addon, napi_env env, napi_value exports);

/* Reads names and types of a session just created. */
bool load_ports(struct session *session, napi_env env);
void free_ports(const struct addon *addon, napi_env env, struct ports *ports);

/* Array of {name, isTensor, type, shape, symbolicDimensions}. */
bool ports_to_js(const struct addon *addon, napi_env env, const struct ports *ports, napi_value *out);

/*
 * Runs the model once, in this thread. `feeds`: names to tensors; `fetches`: names to tensors that are written in
 * place, or null. `*result`: names to tensors, those of `fetches` where they were given.
 */
bool run_session(struct session *session, napi_env env, napi_value feeds, napi_value fetches,
                 const OrtRunOptions *options, napi_value *result);

#endif
