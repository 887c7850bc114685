#include "element-type.h"

#include <string.h>

/* Half-precision numbers travel as Uint16Array; Float16Array, where JavaScript has it, is taken as well. */
static const struct element_type TYPES[] = {
    [ORT_FLOAT] = {"float32", napi_float32_array, 4},
    [ORT_UINT8] = {"uint8", napi_uint8_array, 1},
    [ORT_INT8] = {"int8", napi_int8_array, 1},
    [ORT_UINT16] = {"uint16", napi_uint16_array, 2},
    [ORT_INT16] = {"int16", napi_int16_array, 2},
    [ORT_INT32] = {"int32", napi_int32_array, 4},
    [ORT_INT64] = {"int64", napi_bigint64_array, 8},
    [ORT_STRING] = {"string", napi_uint8_array, 0},
    [ORT_BOOL] = {"bool", napi_uint8_array, 1},
    [ORT_FLOAT16] = {"float16", napi_uint16_array, 2},
    [ORT_DOUBLE] = {"float64", napi_float64_array, 8},
    [ORT_UINT32] = {"uint32", napi_uint32_array, 4},
    [ORT_UINT64] = {"uint64", napi_biguint64_array, 8},
};
enum { TYPE_COUNT = sizeof TYPES / sizeof *TYPES };

const struct element_type *element_type_of_code(int code) {
  return code > 0 && code < TYPE_COUNT && TYPES[code].name != NULL ? &TYPES[code] : NULL;
}

int element_code_of_name(const char *name) {
  for (int code = 1; code < TYPE_COUNT; code++)
    if (TYPES[code].name != NULL && strcmp(TYPES[code].name, name) == 0) return code;
  return 0;
}
