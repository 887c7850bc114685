/*
 * Android's C library as glibc sees it: where the two differ in what the Android ONNX Runtime calls, a function named
 * `bionic_<name>` stands in; everything else is glibc's own. bionic_lookup finds either. Constants are bionic's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern int __xpg_strerror_r(int number, char *text, size_t size);

void *bionic_lookup(const char *name) {
  static const char *const libraries[] = {"libc.so.6", "libm.so.6"};
  char own[128];
  snprintf(own, sizeof own, "bionic_%s", name);
  void *self = dlopen("libbionic-differences.so", RTLD_NOW | RTLD_NOLOAD);
  void *found = self == NULL ? NULL : dlsym(self, own);
  for (size_t i = 0; found == NULL && i < 2; i++) {
    void *library = dlopen(libraries[i], RTLD_NOW);
    if (library != NULL) found = dlsym(library, name);
  }
  if (found == NULL) fprintf(stderr, "bionic: nothing stands in for %s\n", name);
  return found;
}

void *bionic_stderr(void) { return stderr; }

int *bionic___errno(void) { return &errno; }

char *bionic___gnu_strerror_r(int number, char *text, size_t size) { return strerror_r(number, text, size); }

int bionic_strerror_r(int number, char *text, size_t size) { return __xpg_strerror_r(number, text, size); }

size_t bionic___strlen_chk(const char *text, size_t size) {
  (void)size;
  return strlen(text);
}

/* Android 14; nothing else is asked for. */
int bionic___system_property_get(const char *name, char *value) {
  strcpy(value, strcmp(name, "ro.build.version.sdk") == 0 ? "34" : "");
  return (int)strlen(value);
}

void bionic_android_set_abort_message(const char *message) { fprintf(stderr, "abort: %s\n", message); }

long bionic_sysconf(int name) {
  switch (name) {
    case 39:
    case 40:
      return sysconf(_SC_PAGESIZE);
    case 96:
      return sysconf(_SC_NPROCESSORS_CONF);
    case 97:
      return sysconf(_SC_NPROCESSORS_ONLN);
    case 98:
      return sysconf(_SC_PHYS_PAGES);
    default:
      return -1;
  }
}

/* A set of signals is one word in bionic, sixteen in glibc. */
int bionic_pthread_sigmask(int how, const unsigned long *set, unsigned long *old) {
  sigset_t wanted, before;
  sigemptyset(&wanted);
  sigemptyset(&before);
  if (set != NULL) memcpy(&wanted, set, sizeof *set);
  const int result = pthread_sigmask(how, set == NULL ? NULL : &wanted, old == NULL ? NULL : &before);
  if (old != NULL) memcpy(old, &before, sizeof *old);
  return result;
}

int bionic_sigfillset(unsigned long *set) {
  *set = ~0ul;
  return 0;
}

/* The library's destructors would run after what they need is gone: the process would crash at its end. */
int bionic___cxa_atexit(void (*destroy)(void *), void *object, void *library) {
  (void)destroy, (void)object, (void)library;
  return 0;
}

#ifdef __aarch64__
enum { MUTEX_BYTES = 40 };

/* glibc's own would clear eight bytes more than bionic's mutex has. */
int bionic_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
  int kind = PTHREAD_MUTEX_NORMAL;
  if (attributes != NULL) pthread_mutexattr_gettype(attributes, &kind);
  memset((void *)mutex, 0, MUTEX_BYTES);
  mutex->__data.__kind = kind;
  return 0;
}

/* bionic's thread attributes are smaller than glibc's: they hold a pointer to them. */
int bionic_pthread_attr_init(pthread_attr_t **attributes) {
  *attributes = malloc(sizeof **attributes);
  return *attributes == NULL ? ENOMEM : pthread_attr_init(*attributes);
}

int bionic_pthread_attr_setstacksize(pthread_attr_t **attributes, size_t size) {
  return pthread_attr_setstacksize(*attributes, size);
}

int bionic_pthread_create(pthread_t *thread, pthread_attr_t **attributes, void *(*run)(void *), void *argument) {
  return pthread_create(thread, attributes == NULL ? NULL : *attributes, run, argument);
}
#endif

int bionic___android_log_print(int level, const char *tag, const char *format, ...) {
  (void)level, (void)tag, (void)format;
  return 0;
}

int bionic___android_log_vprint(int level, const char *tag, const char *format, void *arguments) {
  (void)level, (void)tag, (void)format, (void)arguments;
  return 0;
}

int bionic___android_log_write(int level, const char *tag, const char *text) {
  (void)level, (void)tag, (void)text;
  return 0;
}

int ASharedMemory_create(const char *name, size_t size) {
  const int file = memfd_create(name == NULL ? "shared" : name, 0);
  return file >= 0 && ftruncate(file, (off_t)size) == 0 ? file : -1;
}
