/* Finding ONNX Runtime's library at run time: the binding is linked to none. */
#ifndef BUNGEE_ORT_LIBRARY_H
#define BUNGEE_ORT_LIBRARY_H

#include "addon.h"

/*
 * Opens the ONNX Runtime that lies beside this file (`libonnxruntime.so` of Android's package, `libonnxruntime.so.1`
 * of npm's) and fills the addon's part of it. Throws where there is none or where it is older than 1.18.
 */
bool open_ort_library(struct addon *addon, napi_env env);

#endif
