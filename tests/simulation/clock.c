/* clock.c - the clock and the timers of libuv as a controller has them here: those that the real ones are linked with
 * elsewhere. A process that is stopped finds, when it goes on, that time has passed. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/net/lookup.h"
#include "tests/simulation/sim.h"

#define BEGAN_WALL_S 1767225600 /* 2026-01-01 */
#define BEGAN_MONO_S 1000
#define TIMERS       4096

struct sim_controller *running; /* whose clock is asked */

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t us = W.now;

	if (id == CLOCK_REALTIME)
		us += S(BEGAN_WALL_S) + (running ? running->wall_offset_us : 0);
	else if (id == CLOCK_MONOTONIC)
		us += S(BEGAN_MONO_S);
	else
		us = 0; /* nothing costs anything here */
	ts->tv_sec = us / 1000000;
	ts->tv_nsec = us % 1000000 * 1000;
	return 0;
}

/* --- timers --- */

/* A handle may be gone, with its memory, when its time comes: so what waits is a number of this table. */
static struct {
	struct {
		uv_timer_t *handle;
		uint32_t set; /* counts how often it was set or stopped */
	} timers[TIMERS];
	int count, freed[TIMERS], free_count;
} t;

void uv_played_reset(void)
{
	t.count = t.free_count = 0;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *handle)
{
	int i = t.free_count ? t.freed[--t.free_count] : t.count++;

	if (i >= TIMERS)
		abort();
	memset(handle, 0, sizeof(*handle));
	handle->loop = loop;
	handle->type = UV_TIMER;
	handle->start_id = (uint64_t)i;
	t.timers[i].handle = handle;
	t.timers[i].set++;
	return 0;
}

static void on_due(void *ctx, int64_t arg)
{
	int i = (int)(intptr_t)ctx;
	uv_timer_t *h = t.timers[i].handle;

	if (!h || t.timers[i].set != (uint32_t)arg)
		return;
	t.timers[i].set++;
	h->flags = 0;
	if (h->repeat)
		uv_timer_start(h, h->timer_cb, h->repeat, h->repeat);
	h->timer_cb(h);
}

int uv_timer_start(uv_timer_t *handle, uv_timer_cb cb, uint64_t ms, uint64_t repeat_ms)
{
	int i = (int)handle->start_id;
	uint32_t set = ++t.timers[i].set;

	handle->timer_cb = cb;
	handle->timeout = (uint64_t)W.now + ms * 1000;
	handle->repeat = repeat_ms;
	handle->flags = 1;
	timer_in(controller_of(handle->loop), MS(ms), on_due, (void *)(intptr_t)i, set);
	return 0;
}

int uv_timer_stop(uv_timer_t *handle)
{
	t.timers[handle->start_id].set++;
	handle->flags = 0;
	return 0;
}

int uv_is_active(const uv_handle_t *handle)
{
	return handle->flags == 1;
}

uint64_t uv_timer_get_due_in(const uv_timer_t *handle)
{
	return handle->timeout > (uint64_t)W.now ? (handle->timeout - (uint64_t)W.now) / 1000 : 0;
}

void uv_update_time(uv_loop_t *loop)
{
	(void)loop;
}

static void on_closed(void *ctx, int64_t arg)
{
	uv_handle_t *handle = ctx;

	(void)arg;
	if (handle->close_cb)
		handle->close_cb(handle);
}

void uv_close(uv_handle_t *handle, uv_close_cb cb)
{
	int i = (int)((uv_timer_t *)handle)->start_id;

	t.timers[i].handle = NULL;
	t.timers[i].set++;
	t.freed[t.free_count++] = i;
	handle->flags = 2;
	handle->close_cb = cb;
	after_in(controller_of(handle->loop), 0, on_closed, handle, 0);
}

/* --- names: ZooKeeper's are addresses here --- */

struct played_lookup {
	lookup_done done;
	void *ctx;
	struct addrinfo *found;
	int status;
};

static void on_found(void *ctx, int64_t arg)
{
	struct played_lookup *l = ctx;

	(void)arg;
	l->done(l->ctx, l->status, l->found);
	if (l->found)
		freeaddrinfo(l->found);
	free(l);
}

int lookup_start(struct lookups *all, uv_loop_t *uv, const char *owner, const char *host, lookup_done done, void *ctx,
		 struct error *err)
{
	const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct played_lookup *l = calloc(1, sizeof(*l));

	(void)all;
	(void)owner;
	(void)err;
	*l = (struct played_lookup){ .done = done, .ctx = ctx };
	l->status = getaddrinfo(host, NULL, &numeric, &l->found);
	after_in(controller_of(uv), 100, on_found, l, 0);
	return 0;
}
