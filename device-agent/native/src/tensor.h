/* Tensors of onnxruntime-common to ONNX Runtime's values and back. */
#ifndef BUNGEE_TENSOR_H
#define BUNGEE_TENSOR_H

#include "addon.h"

/* The property names of enum addon_key, fetched once for all tensors of a run. */
bool tensor_keys(const struct addon *addon, napi_env env, napi_value keys[KEY_COUNT]);

/*
 * An OrtValue over the tensor's own memory, to be freed after the run; string tensors are copied. `*in_place` tells
 * whether what ONNX Runtime writes into the value arrives in the tensor.
 */
bool tensor_to_ort(const struct addon *addon, napi_env env, const napi_value keys[KEY_COUNT], napi_value tensor,
                   OrtValue **out, bool *in_place);

/* A new Tensor that holds a copy of the value. */
bool tensor_from_ort(const struct addon *addon, napi_env env, OrtValue *value, napi_value *out);

#endif
