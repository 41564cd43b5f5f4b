/* memory.h - what the process holds of the machine's memory. */
#ifndef CODIS_BASE_MEMORY_H
#define CODIS_BASE_MEMORY_H

#include <stddef.h>

/* Gives back what is free on the heap, and the pages of programs and libraries: those that are used come again as they
 * are, from the cache of files. What only the start needed (most of what libcrypto, libcurl and theirs have read then)
 * so counts no longer. Any thread; takes a millisecond or two. */
void memory_give_back(void);

/* What the processor reads at once. */
#define MEMORY_LINE 64

/* An array that begins with a line, and had `had` bytes, grown to `want`; what is new is zeros. free() ends it. NULL:
 * no memory, and the old one is as it was. */
void *memory_grow_lines(void *old, size_t had, size_t want);

#endif
