/* loop.h - the one libuv loop of a program, with its signals and timers. One thread. */
#ifndef CODIS_NET_LOOP_H
#define CODIS_NET_LOOP_H

#include <stdint.h>
#include <uv.h>

struct error;

struct loop {
	uv_loop_t uv;
	uv_signal_t sigterm, sigint;
	void (*on_stop)(void *ctx); /* called once, at the first SIGTERM or SIGINT; a second one ends the loop */
	void *ctx;
	int stops;
};

/* Ignores SIGPIPE, handles SIGTERM and SIGINT. 0 or -1. */
int loop_init(struct loop *l, void (*on_stop)(void *ctx), void *ctx, struct error *err);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Closes every handle that is still open and frees the loop. Call after everything that uses it was freed. */
void loop_release(struct loop *l);

/* A timer that frees itself; ms 0 fires in the next turn. repeat_ms 0: once. NULL: no memory. */
struct loop_timer;
struct loop_timer *loop_timer_start(uv_loop_t *uv, uint64_t ms, uint64_t repeat_ms, void (*fn)(void *ctx), void *ctx);
/* Stops and frees; NULL-safe; sets *t to NULL. May be called from its own callback. One-shot timers that have fired
 * must still be stopped by their owner. */
void loop_timer_stop(struct loop_timer **t);

#endif
