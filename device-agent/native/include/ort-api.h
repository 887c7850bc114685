/*
 * The part of ONNX Runtime's C API that the binding calls. The library hands out one table of function pointers whose
 * order never changes (https://onnxruntime.ai/docs/api/c/struct_ort_api.html), so each function is declared here by
 * its place in that table; names and signatures are those of onnxruntime_c_api.h. The highest place used has been
 * there since version 1.18.
 */
#ifndef BUNGEE_ORT_API_H
#define BUNGEE_ORT_API_H

#include <stddef.h>
#include <stdint.h>

/* Asked for from the newest down to the oldest that has all places used below. */
#define ORT_API_NEWEST 22
#define ORT_API_OLDEST 18

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtAllocator OrtAllocator;

enum { ORT_DEVICE_ALLOCATOR = 0, ORT_MEMORY_DEFAULT = 0 };
enum { ORT_SEQUENTIAL = 0, ORT_PARALLEL = 1 };
enum { ORT_OPTIMIZE_NONE = 0, ORT_OPTIMIZE_BASIC = 1, ORT_OPTIMIZE_EXTENDED = 2, ORT_OPTIMIZE_LAYOUT = 3 };
enum { ORT_OPTIMIZE_ALL = 99 };
enum { ORT_TYPE_TENSOR = 1 };

/* Element types (ONNXTensorElementDataType). */
enum {
  ORT_FLOAT = 1,
  ORT_UINT8,
  ORT_INT8,
  ORT_UINT16,
  ORT_INT16,
  ORT_INT32,
  ORT_INT64,
  ORT_STRING,
  ORT_BOOL,
  ORT_FLOAT16,
  ORT_DOUBLE,
  ORT_UINT32,
  ORT_UINT64,
};

#define ORT_AT(place, result, name, ...) \
  struct {                               \
    void *before_##name[place];          \
    result (*name)(__VA_ARGS__);         \
  };
/* A null status is success; any other is freed with ReleaseStatus. */
#define ORT_TRY(place, name, ...) ORT_AT(place, OrtStatus *, name, __VA_ARGS__)
#define ORT_FREE(place, name) ORT_AT(place, void, Release##name, Ort##name *)

typedef union OrtApi {
  ORT_AT(2, const char *, GetErrorMessage, const OrtStatus *)
  ORT_TRY(3, CreateEnv, int log_level, const char *log_id, OrtEnv **)

  ORT_TRY(7, CreateSession, const OrtEnv *, const char *path, const OrtSessionOptions *, OrtSession **)
  ORT_TRY(8, CreateSessionFromArray, const OrtEnv *, const void *, size_t, const OrtSessionOptions *, OrtSession **)
  ORT_TRY(9, Run, OrtSession *, const OrtRunOptions *, const char *const *input_names, const OrtValue *const *inputs,
          size_t input_count, const char *const *output_names, size_t output_count, OrtValue **outputs)

  ORT_TRY(10, CreateSessionOptions, OrtSessionOptions **)
  ORT_TRY(11, SetOptimizedModelFilePath, OrtSessionOptions *, const char *path)
  ORT_TRY(13, SetSessionExecutionMode, OrtSessionOptions *, int mode)
  ORT_TRY(14, EnableProfiling, OrtSessionOptions *, const char *prefix)
  ORT_TRY(15, DisableProfiling, OrtSessionOptions *)
  ORT_TRY(16, EnableMemPattern, OrtSessionOptions *)
  ORT_TRY(17, DisableMemPattern, OrtSessionOptions *)
  ORT_TRY(18, EnableCpuMemArena, OrtSessionOptions *)
  ORT_TRY(19, DisableCpuMemArena, OrtSessionOptions *)
  ORT_TRY(20, SetSessionLogId, OrtSessionOptions *, const char *)
  ORT_TRY(21, SetSessionLogVerbosityLevel, OrtSessionOptions *, int)
  ORT_TRY(22, SetSessionLogSeverityLevel, OrtSessionOptions *, int)
  ORT_TRY(23, SetSessionGraphOptimizationLevel, OrtSessionOptions *, int)
  ORT_TRY(24, SetIntraOpNumThreads, OrtSessionOptions *, int)
  ORT_TRY(25, SetInterOpNumThreads, OrtSessionOptions *, int)
  ORT_TRY(124, AddFreeDimensionOverrideByName, OrtSessionOptions *, const char *name, int64_t value)
  ORT_TRY(130, AddSessionConfigEntry, OrtSessionOptions *, const char *key, const char *value)
  ORT_TRY(216, SessionOptionsAppendExecutionProvider, OrtSessionOptions *, const char *provider,
          const char *const *keys, const char *const *values, size_t count)
  ORT_TRY(279, AddExternalInitializersFromFilesInMemory, OrtSessionOptions *, const char *const *names,
          char *const *buffers, const size_t *sizes, size_t count)

  ORT_TRY(30, SessionGetInputCount, const OrtSession *, size_t *)
  ORT_TRY(31, SessionGetOutputCount, const OrtSession *, size_t *)
  ORT_TRY(33, SessionGetInputTypeInfo, const OrtSession *, size_t index, OrtTypeInfo **)
  ORT_TRY(34, SessionGetOutputTypeInfo, const OrtSession *, size_t index, OrtTypeInfo **)
  ORT_TRY(36, SessionGetInputName, const OrtSession *, size_t index, OrtAllocator *, char **)
  ORT_TRY(37, SessionGetOutputName, const OrtSession *, size_t index, OrtAllocator *, char **)
  ORT_TRY(110, SessionEndProfiling, OrtSession *, OrtAllocator *, char **file)

  ORT_TRY(39, CreateRunOptions, OrtRunOptions **)
  ORT_TRY(40, RunOptionsSetRunLogVerbosityLevel, OrtRunOptions *, int)
  ORT_TRY(41, RunOptionsSetRunLogSeverityLevel, OrtRunOptions *, int)
  ORT_TRY(42, RunOptionsSetRunTag, OrtRunOptions *, const char *)
  ORT_TRY(46, RunOptionsSetTerminate, OrtRunOptions *)
  ORT_TRY(165, AddRunConfigEntry, OrtRunOptions *, const char *key, const char *value)

  ORT_TRY(48, CreateTensorAsOrtValue, OrtAllocator *, const int64_t *dims, size_t rank, int type, OrtValue **)
  ORT_TRY(49, CreateTensorWithDataAsOrtValue, const OrtMemoryInfo *, void *data, size_t bytes, const int64_t *dims,
          size_t rank, int type, OrtValue **)
  ORT_TRY(51, GetTensorMutableData, OrtValue *, void **)
  ORT_TRY(52, FillStringTensor, OrtValue *, const char *const *texts, size_t count)
  ORT_TRY(53, GetStringTensorDataLength, const OrtValue *, size_t *)
  ORT_TRY(54, GetStringTensorContent, const OrtValue *, void *text, size_t bytes, size_t *offsets, size_t count)
  ORT_TRY(67, GetValueType, const OrtValue *, int *)
  ORT_TRY(65, GetTensorTypeAndShape, const OrtValue *, OrtTensorTypeAndShapeInfo **)

  ORT_TRY(55, CastTypeInfoToTensorInfo, const OrtTypeInfo *, const OrtTensorTypeAndShapeInfo **)
  ORT_TRY(56, GetOnnxTypeFromTypeInfo, const OrtTypeInfo *, int *)
  ORT_TRY(60, GetTensorElementType, const OrtTensorTypeAndShapeInfo *, int *)
  ORT_TRY(61, GetDimensionsCount, const OrtTensorTypeAndShapeInfo *, size_t *)
  ORT_TRY(62, GetDimensions, const OrtTensorTypeAndShapeInfo *, int64_t *, size_t rank)
  ORT_TRY(63, GetSymbolicDimensions, const OrtTensorTypeAndShapeInfo *, const char **, size_t rank)
  ORT_TRY(64, GetTensorShapeElementCount, const OrtTensorTypeAndShapeInfo *, size_t *)

  ORT_TRY(69, CreateCpuMemoryInfo, int allocator_type, int memory_type, OrtMemoryInfo **)
  ORT_TRY(76, AllocatorFree, OrtAllocator *, void *)
  ORT_TRY(78, GetAllocatorWithDefaultOptions, OrtAllocator **)

  ORT_TRY(125, GetAvailableProviders, char ***names, int *count)
  ORT_TRY(126, ReleaseAvailableProviders, char **names, int count)

  ORT_FREE(93, Status)
  ORT_FREE(94, MemoryInfo)
  ORT_FREE(95, Session)
  ORT_FREE(96, Value)
  ORT_FREE(97, RunOptions)
  ORT_FREE(98, TypeInfo)
  ORT_FREE(99, TensorTypeAndShapeInfo)
  ORT_FREE(100, SessionOptions)
} OrtApi;

#undef ORT_AT
#undef ORT_TRY
#undef ORT_FREE

typedef struct {
  const OrtApi *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;

typedef const OrtApiBase *(*OrtGetApiBaseFunction)(void);
/* Exported by name, not in the table; only in libraries built with NNAPI. */
typedef OrtStatus *(*OrtAppendNnapiFunction)(OrtSessionOptions *, uint32_t flags);

#endif
