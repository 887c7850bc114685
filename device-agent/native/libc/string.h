/* See stdlib.h beside this file. */
#ifndef BUNGEE_LIBC_STRING_H
#define BUNGEE_LIBC_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
size_t strlen(const char *text);
int strcmp(const char *one, const char *other);
char *strrchr(const char *text, int character);

#endif
