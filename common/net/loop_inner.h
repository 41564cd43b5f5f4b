/* loop_inner.h - a libuv loop within another one, for a library that wants turns of the loop to itself while it ends,
 * when nothing else of the program may run in between. One thread. */
#ifndef CODIS_NET_LOOP_INNER_H
#define CODIS_NET_LOOP_INNER_H

#include <uv.h>

struct loop_inner;

/* It turns whenever the outer loop does, and wakes that for what it waits for. NULL: no memory, or no descriptors. */
struct loop_inner *loop_inner_new(uv_loop_t *outer);
uv_loop_t *loop_inner_uv(struct loop_inner *l);
/* One turn without waiting, in which nothing of the outer loop is called. */
void loop_inner_turn(struct loop_inner *l);
/* What is on it was closed, and its turns are over. NULL-safe. */
void loop_inner_free(struct loop_inner *l);

#endif
