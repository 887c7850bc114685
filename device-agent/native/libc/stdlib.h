/*
 * What the binding needs of a C library, declared for builds without one: these functions are the same in glibc and
 * in Android's bionic, so one object file runs over both.
 */
#ifndef BUNGEE_LIBC_STDLIB_H
#define BUNGEE_LIBC_STDLIB_H

#include <stddef.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void free(void *memory);

#endif
