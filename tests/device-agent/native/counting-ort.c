/*
 * Stands beside the binding in place of ONNX Runtime, hands every call on to the real library (BUNGEE_REAL_ORT) and
 * counts what is created and not released. At the end of the process it writes the counts to BUNGEE_COUNTS.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort-api.h"

enum { SESSIONS, SESSION_OPTIONS, RUN_OPTIONS, VALUES, TYPES, SHAPES, MEMORY_INFOS, TEXTS, PROVIDER_LISTS, KINDS };
static const char *const NAMES[KINDS] = {"sessions", "session options", "run options",  "values",        "types",
                                         "shapes",   "memory infos",    "texts",        "provider lists"};

static OrtApi counting;
static const OrtApi *real;
static OrtApiBase base;
static const OrtApiBase *real_base;
static long left[KINDS], made[KINDS];

static OrtStatus *count(int kind, OrtStatus *status) {
  if (status == NULL) {
    __atomic_add_fetch(&left[kind], 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&made[kind], 1, __ATOMIC_SEQ_CST);
  }
  return status;
}

static void uncount(int kind) { __atomic_sub_fetch(&left[kind], 1, __ATOMIC_SEQ_CST); }

static OrtStatus *create_session(const OrtEnv *env, const char *path, const OrtSessionOptions *options,
                                 OrtSession **out) {
  return count(SESSIONS, real->CreateSession(env, path, options, out));
}
static OrtStatus *create_session_from_array(const OrtEnv *env, const void *bytes, size_t size,
                                            const OrtSessionOptions *options, OrtSession **out) {
  return count(SESSIONS, real->CreateSessionFromArray(env, bytes, size, options, out));
}
static OrtStatus *create_session_options(OrtSessionOptions **out) {
  return count(SESSION_OPTIONS, real->CreateSessionOptions(out));
}
static OrtStatus *create_run_options(OrtRunOptions **out) { return count(RUN_OPTIONS, real->CreateRunOptions(out)); }
static OrtStatus *create_memory_info(int allocator, int memory, OrtMemoryInfo **out) {
  return count(MEMORY_INFOS, real->CreateCpuMemoryInfo(allocator, memory, out));
}
static OrtStatus *create_tensor(OrtAllocator *allocator, const int64_t *dims, size_t rank, int type, OrtValue **out) {
  return count(VALUES, real->CreateTensorAsOrtValue(allocator, dims, rank, type, out));
}
static OrtStatus *create_tensor_over(const OrtMemoryInfo *info, void *data, size_t bytes, const int64_t *dims,
                                     size_t rank, int type, OrtValue **out) {
  return count(VALUES, real->CreateTensorWithDataAsOrtValue(info, data, bytes, dims, rank, type, out));
}
static OrtStatus *run(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                      const OrtValue *const *inputs, size_t input_count, const char *const *output_names,
                      size_t output_count, OrtValue **outputs) {
  size_t given = 0, after = 0;
  for (size_t i = 0; i < output_count; i++) given += outputs[i] != NULL;
  OrtStatus *status =
      real->Run(session, options, input_names, inputs, input_count, output_names, output_count, outputs);
  for (size_t i = 0; i < output_count; i++) after += outputs[i] != NULL;
  for (size_t i = given; i < after; i++) count(VALUES, NULL);
  return status;
}
static OrtStatus *input_type(const OrtSession *session, size_t index, OrtTypeInfo **out) {
  return count(TYPES, real->SessionGetInputTypeInfo(session, index, out));
}
static OrtStatus *output_type(const OrtSession *session, size_t index, OrtTypeInfo **out) {
  return count(TYPES, real->SessionGetOutputTypeInfo(session, index, out));
}
static OrtStatus *input_name(const OrtSession *session, size_t index, OrtAllocator *allocator, char **out) {
  return count(TEXTS, real->SessionGetInputName(session, index, allocator, out));
}
static OrtStatus *output_name(const OrtSession *session, size_t index, OrtAllocator *allocator, char **out) {
  return count(TEXTS, real->SessionGetOutputName(session, index, allocator, out));
}
static OrtStatus *end_profiling(OrtSession *session, OrtAllocator *allocator, char **out) {
  return count(TEXTS, real->SessionEndProfiling(session, allocator, out));
}
static OrtStatus *free_text(OrtAllocator *allocator, void *text) {
  uncount(TEXTS);
  return real->AllocatorFree(allocator, text);
}
static OrtStatus *shape_of(const OrtValue *value, OrtTensorTypeAndShapeInfo **out) {
  return count(SHAPES, real->GetTensorTypeAndShape(value, out));
}
static OrtStatus *providers(char ***names, int *number) {
  return count(PROVIDER_LISTS, real->GetAvailableProviders(names, number));
}
static OrtStatus *release_providers(char **names, int number) {
  uncount(PROVIDER_LISTS);
  return real->ReleaseAvailableProviders(names, number);
}

#define RELEASE(function, member, type, kind) \
  static void function(type *object) {        \
    uncount(kind);                            \
    real->member(object);                     \
  }
RELEASE(release_session, ReleaseSession, OrtSession, SESSIONS)
RELEASE(release_session_options, ReleaseSessionOptions, OrtSessionOptions, SESSION_OPTIONS)
RELEASE(release_run_options, ReleaseRunOptions, OrtRunOptions, RUN_OPTIONS)
RELEASE(release_value, ReleaseValue, OrtValue, VALUES)
RELEASE(release_type, ReleaseTypeInfo, OrtTypeInfo, TYPES)
RELEASE(release_shape, ReleaseTensorTypeAndShapeInfo, OrtTensorTypeAndShapeInfo, SHAPES)
RELEASE(release_memory_info, ReleaseMemoryInfo, OrtMemoryInfo, MEMORY_INFOS)

static const OrtApi *get_api(uint32_t version) {
  real = real_base->GetApi(version);
  memcpy(&counting, real, sizeof counting);
  counting.CreateSession = create_session;
  counting.CreateSessionFromArray = create_session_from_array;
  counting.CreateSessionOptions = create_session_options;
  counting.CreateRunOptions = create_run_options;
  counting.CreateCpuMemoryInfo = create_memory_info;
  counting.CreateTensorAsOrtValue = create_tensor;
  counting.CreateTensorWithDataAsOrtValue = create_tensor_over;
  counting.Run = run;
  counting.SessionGetInputTypeInfo = input_type;
  counting.SessionGetOutputTypeInfo = output_type;
  counting.SessionGetInputName = input_name;
  counting.SessionGetOutputName = output_name;
  counting.SessionEndProfiling = end_profiling;
  counting.AllocatorFree = free_text;
  counting.GetTensorTypeAndShape = shape_of;
  counting.GetAvailableProviders = providers;
  counting.ReleaseAvailableProviders = release_providers;
  counting.ReleaseSession = release_session;
  counting.ReleaseSessionOptions = release_session_options;
  counting.ReleaseRunOptions = release_run_options;
  counting.ReleaseValue = release_value;
  counting.ReleaseTypeInfo = release_type;
  counting.ReleaseTensorTypeAndShapeInfo = release_shape;
  counting.ReleaseMemoryInfo = release_memory_info;
  return &counting;
}

const OrtApiBase *OrtGetApiBase(void);

const OrtApiBase *OrtGetApiBase(void) {
  void *library = dlopen(getenv("BUNGEE_REAL_ORT"), RTLD_NOW | RTLD_LOCAL);
  void *symbol = library == NULL ? NULL : dlsym(library, "OrtGetApiBase");
  OrtGetApiBaseFunction get_base;
  memcpy(&get_base, &symbol, sizeof symbol);
  real_base = get_base();
  base = (OrtApiBase){get_api, real_base->GetVersionString};
  return &base;
}

__attribute__((destructor)) static void report(void) {
  FILE *file = fopen(getenv("BUNGEE_COUNTS"), "w");
  if (file == NULL) return;
  for (int kind = 0; kind < KINDS; kind++)
    fprintf(file, "%s\"%s\":{\"made\":%ld,\"left\":%ld}", kind == 0 ? "{" : ",", NAMES[kind], made[kind], left[kind]);
  fputs("}\n", file);
  fclose(file);
}
