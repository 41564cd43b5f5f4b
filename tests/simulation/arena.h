/* arena.h - see arena.c. */
#ifndef CODIS_TESTS_SIMULATION_ARENA_H
#define CODIS_TESTS_SIMULATION_ARENA_H

#include <stddef.h>

void arena_begin(void);
void arena_end(void);
size_t arena_used(void);

#endif
