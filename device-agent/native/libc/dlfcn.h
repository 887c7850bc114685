/* See stdlib.h beside this file. Values are those of 64-bit bionic and of glibc. */
#ifndef BUNGEE_LIBC_DLFCN_H
#define BUNGEE_LIBC_DLFCN_H

#define RTLD_LOCAL 0
#define RTLD_NOW 2

typedef struct {
  const char *dli_fname;
  void *dli_fbase;
  const char *dli_sname;
  void *dli_saddr;
} Dl_info;

void *dlopen(const char *path, int flags);
void *dlsym(void *library, const char *name);
char *dlerror(void);
int dladdr(const void *address, Dl_info *info);

#endif
