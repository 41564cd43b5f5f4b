/* banned.h - C functions that have no bounded use; every source is compiled with it (-include). */
#ifndef CODIS_BASE_BANNED_H
#define CODIS_BASE_BANNED_H

/* The library's own headers first, so that their declarations are not poisoned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* _FORTIFY_SOURCE makes macros of these two for clang. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat gets strtok atoi atol atoll asctime gmtime localtime

#endif
