/* How ONNX Runtime's element types, onnxruntime-common's names and typed arrays correspond. */
#ifndef BUNGEE_ELEMENT_TYPE_H
#define BUNGEE_ELEMENT_TYPE_H

#include "addon.h"

struct element_type {
  /* Null for codes that JavaScript has no tensors of. */
  const char *name;
  napi_typedarray_type array;
  /* 0 for strings, whose data is a JavaScript array. */
  size_t bytes;
};

/* By ONNX Runtime's code; null where JavaScript has no such tensors. */
const struct element_type *element_type_of_code(int code);
/* By onnxruntime-common's name; 0 where there is none. */
int element_code_of_name(const char *name);

#endif
