/* See stdlib.h beside this file. */
#ifndef BUNGEE_LIBC_STDIO_H
#define BUNGEE_LIBC_STDIO_H

#include <stdarg.h>
#include <stddef.h>

int snprintf(char *text, size_t size, const char *format, ...);
int vsnprintf(char *text, size_t size, const char *format, va_list arguments);

#endif
