/* loop.h - the one libuv loop of a program, with its signals and timers. One thread. */
#ifndef CODIS_NET_LOOP_H
#define CODIS_NET_LOOP_H

#include <stdint.h>
#include <uv.h>

struct error;
struct metrics;

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

/* A timer, made once by its owner: that may fail, and nothing after it. So whoever waits for a next attempt, or for a
 * deadline, needs no way out for a wait that could not be had. All of these may be called from its own callback. */
struct loop_timer;
/* NULL: no memory. It is not set yet. */
struct loop_timer *loop_timer_new(uv_loop_t *uv, void (*fn)(void *ctx), void *ctx);
/* Calls fn once, ms from now (0: in the next turn of the loop). What was set before is forgotten. */
void loop_timer_set(struct loop_timer *t, uint64_t ms);
/* Calls fn after ms, and then each repeat_ms. */
void loop_timer_repeat(struct loop_timer *t, uint64_t ms, uint64_t repeat_ms);
void loop_timer_clear(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t); /* NULL-safe */

/* loop_timer_new and loop_timer_repeat (repeat_ms 0: once) in one, for what may fail when it begins. NULL: no memory.
 */
struct loop_timer *loop_timer_start(uv_loop_t *uv, uint64_t ms, uint64_t repeat_ms, void (*fn)(void *ctx), void *ctx);
/* loop_timer_free, and *t becomes NULL. */
void loop_timer_stop(struct loop_timer **t);

/* How late a timer of 100 ms comes, in the histogram codis_loop_late_seconds: as late comes whatever else waits for the
 * loop, a renewal of the lease or the news of a dead master. NULL: no memory. */
struct loop_lateness;
struct loop_lateness *loop_lateness_start(uv_loop_t *uv, struct metrics *m);
void loop_lateness_stop(struct loop_lateness *l); /* NULL-safe */

#endif
