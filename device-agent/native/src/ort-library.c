/* dladdr is an extension in glibc's headers. */
#define _GNU_SOURCE

#include "ort-library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "js-value.h"

enum { PATH_BYTES = 4096 };

static const char *const LIBRARY_NAMES[] = {"libonnxruntime.so", "libonnxruntime.so.1"};

/* Writes the folder of this very file, with a closing slash. */
static bool own_folder(napi_env env, char *folder) {
  Dl_info info;
  if (dladdr((const void *)open_ort_library, &info) == 0 || info.dli_fname == NULL)
    return throw_error(env, "the binding cannot tell where its own file lies");
  const char *slash = strrchr(info.dli_fname, '/');
  const size_t length = slash == NULL ? 0 : (size_t)(slash - info.dli_fname) + 1;
  if (length >= PATH_BYTES) return throw_error(env, "the binding's path is longer than %d bytes", PATH_BYTES);
  memcpy(folder, info.dli_fname, length);
  folder[length] = '\0';
  return true;
}

/*
 * Never closed: worker threads of the library may outlive the environment that opened it, and a second environment
 * in the same process gets the same library.
 */
static void *open_beside(napi_env env, const char *folder) {
  char path[PATH_BYTES + 32];
  char reasons[768] = "";
  for (size_t i = 0; i < sizeof LIBRARY_NAMES / sizeof *LIBRARY_NAMES; i++) {
    snprintf(path, sizeof path, "%s%s", folder, LIBRARY_NAMES[i]);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) return library;
    const size_t used = strlen(reasons);
    const char *reason = dlerror();
    snprintf(reasons + used, sizeof reasons - used, "%s%s", used == 0 ? "" : "; ", reason == NULL ? "?" : reason);
  }
  throw_error(env, "cannot open ONNX Runtime beside the binding: %s", reasons);
  return NULL;
}

static const OrtApi *newest_api(const OrtApiBase *base) {
  for (uint32_t version = ORT_API_NEWEST; version >= ORT_API_OLDEST; version--) {
    const OrtApi *api = base->GetApi(version);
    if (api != NULL) return api;
  }
  return NULL;
}

static bool find_providers(struct addon *addon, napi_env env, void *library) {
  char **names = NULL;
  int count = 0;
  if (!ort_ok(addon, env, addon->ort->GetAvailableProviders(&names, &count))) return false;
  bool has_nnapi = false;
  for (int i = 0; i < count; i++) {
    if (strcmp(names[i], "XnnpackExecutionProvider") == 0) addon->has_xnnpack = true;
    if (strcmp(names[i], "NnapiExecutionProvider") == 0) has_nnapi = true;
  }
  if (has_nnapi) {
    /* POSIX hands functions out as data pointers; C has no cast for it. */
    void *append = dlsym(library, "OrtSessionOptionsAppendExecutionProvider_Nnapi");
    memcpy(&addon->append_nnapi, &append, sizeof append);
  }
  return ort_ok(addon, env, addon->ort->ReleaseAvailableProviders(names, count));
}

bool open_ort_library(struct addon *addon, napi_env env) {
  char folder[PATH_BYTES];
  if (!own_folder(env, folder)) return false;
  void *library = open_beside(env, folder);
  if (library == NULL) return false;
  OrtGetApiBaseFunction get_base = NULL;
  void *symbol = dlsym(library, "OrtGetApiBase");
  memcpy(&get_base, &symbol, sizeof symbol);
  if (get_base == NULL) return throw_error(env, "the library beside the binding is not ONNX Runtime");
  const OrtApiBase *base = get_base();
  addon->ort = newest_api(base);
  if (addon->ort == NULL)
    return throw_error(env, "ONNX Runtime %s is older than 1.%d", base->GetVersionString(), ORT_API_OLDEST);
  return ort_ok(addon, env, addon->ort->CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, &addon->cpu)) &&
         ort_ok(addon, env, addon->ort->GetAllocatorWithDefaultOptions(&addon->allocator)) &&
         find_providers(addon, env, library);
}
