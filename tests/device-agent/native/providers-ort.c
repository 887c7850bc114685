/*
 * Stands beside the binding in place of ONNX Runtime and claims to have NNAPI and XNNPACK: what they are asked for goes
 * to BUNGEE_PROVIDER_LOG, everything else to the real library (BUNGEE_REAL_ORT). Nothing runs on these providers.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort-api.h"

static OrtApi claiming;
static const OrtApi *real;
static OrtApiBase base;
static const OrtApiBase *real_base;

static FILE *log_file(void) { return fopen(getenv("BUNGEE_PROVIDER_LOG"), "a"); }

static OrtStatus *providers(char ***names, int *count) {
  static char *const CLAIMED[] = {"NnapiExecutionProvider", "XnnpackExecutionProvider", "CPUExecutionProvider"};
  *names = (char **)CLAIMED;
  *count = 3;
  return NULL;
}

static OrtStatus *release_providers(char **names, int count) {
  (void)names, (void)count;
  return NULL;
}

static OrtStatus *append(OrtSessionOptions *options, const char *provider, const char *const *keys,
                         const char *const *values, size_t count) {
  FILE *file = log_file();
  (void)options;
  fprintf(file, "%s", provider);
  for (size_t i = 0; i < count; i++) fprintf(file, " %s=%s", keys[i], values[i]);
  fputs("\n", file);
  fclose(file);
  return NULL;
}

OrtStatus *OrtSessionOptionsAppendExecutionProvider_Nnapi(OrtSessionOptions *options, uint32_t flags);

OrtStatus *OrtSessionOptionsAppendExecutionProvider_Nnapi(OrtSessionOptions *options, uint32_t flags) {
  FILE *file = log_file();
  (void)options;
  fprintf(file, "NNAPI flags=%u\n", flags);
  fclose(file);
  return NULL;
}

static const OrtApi *get_api(uint32_t version) {
  /* As a library does that is older than the binding. */
  if (version > 20) return NULL;
  real = real_base->GetApi(version);
  memcpy(&claiming, real, sizeof claiming);
  claiming.GetAvailableProviders = providers;
  claiming.ReleaseAvailableProviders = release_providers;
  claiming.SessionOptionsAppendExecutionProvider = append;
  return &claiming;
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
