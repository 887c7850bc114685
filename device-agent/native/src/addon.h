/* What one JavaScript environment (main thread or worker) has of the binding; environments share nothing. */
#ifndef BUNGEE_ADDON_H
#define BUNGEE_ADDON_H

#include "node-api.h"
#include "ort-api.h"

/* Property names read on every run, kept as JavaScript strings. */
enum addon_key { KEY_DIMS, KEY_LOCATION, KEY_TYPE, KEY_DATA, KEY_COUNT };

struct addon {
  const OrtApi *ort;
  /* Null where the library is built without NNAPI. */
  OrtAppendNnapiFunction append_nnapi;
  bool has_xnnpack;
  OrtMemoryInfo *cpu;
  /* The library's own; not freed. */
  OrtAllocator *allocator;
  /* Null until initOrtOnce. */
  OrtEnv *ort_env;
  /* Constructor of onnxruntime-common's Tensor; null until initOrtOnce. */
  napi_ref tensor_class;
  /* Array of the strings of enum addon_key. */
  napi_ref keys;
  /* The environment and its sessions: Node-API does not say which of them it finalizes first. */
  size_t holders;
};

/* Lets go of the addon; the last holder frees it. */
void drop_addon(struct addon *addon);

#endif
