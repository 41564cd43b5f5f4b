#include "common/net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/metrics.h"

/* Often enough to meet what holds the loop for some 100 ms, seldom enough to cost nothing. */
#define LATENESS_MS 100

static void on_signal(uv_signal_t *handle, int signum)
{
	struct loop *l = handle->data;

	(void)signum;
	if (l->stops++ == 0 && l->on_stop)
		l->on_stop(l->ctx);
	else
		loop_stop(l);
}

static int watch_signal(struct loop *l, uv_signal_t *handle, int signum)
{
	int r = uv_signal_init(&l->uv, handle);

	if (r < 0)
		return r;
	handle->data = l;
	return uv_signal_start(handle, on_signal, signum);
}

int loop_init(struct loop *l, void (*on_stop)(void *ctx), void *ctx, struct error *err)
{
	int r;

	*l = (struct loop){ .on_stop = on_stop, .ctx = ctx };
	signal(SIGPIPE, SIG_IGN);
	r = uv_loop_init(&l->uv);
	if (r < 0)
		return error_errno(err, -r, "event loop");
	r = watch_signal(l, &l->sigterm, SIGTERM);
	if (r == 0)
		r = watch_signal(l, &l->sigint, SIGINT);
	if (r < 0) {
		loop_release(l);
		return error_errno(err, -r, "event loop: watching for signals");
	}
	return 0;
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_release(struct loop *l)
{
	uv_walk(&l->uv, close_handle, NULL);
	while (uv_loop_close(&l->uv) == UV_EBUSY)
		uv_run(&l->uv, UV_RUN_DEFAULT);
}

struct loop_timer {
	uv_timer_t uv;
	void (*fn)(void *ctx);
	void *ctx;
};

static void on_timer(uv_timer_t *handle)
{
	struct loop_timer *t = handle->data;

	t->fn(t->ctx);
}

struct loop_timer *loop_timer_new(uv_loop_t *uv, void (*fn)(void *ctx), void *ctx)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct loop_timer){ .fn = fn, .ctx = ctx };
	uv_timer_init(uv, &t->uv);
	t->uv.data = t;
	return t;
}

void loop_timer_repeat(struct loop_timer *t, uint64_t ms, uint64_t repeat_ms)
{
	uv_update_time(t->uv.loop); /* its clock stands still while a callback runs, and the timer would come early */
	uv_timer_start(&t->uv, on_timer, ms, repeat_ms);
}

void loop_timer_set(struct loop_timer *t, uint64_t ms)
{
	loop_timer_repeat(t, ms, 0);
}

void loop_timer_clear(struct loop_timer *t)
{
	uv_timer_stop(&t->uv);
}

static void free_timer(uv_handle_t *handle)
{
	free(handle->data);
}

void loop_timer_free(struct loop_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, free_timer);
}

struct loop_timer *loop_timer_start(uv_loop_t *uv, uint64_t ms, uint64_t repeat_ms, void (*fn)(void *ctx), void *ctx)
{
	struct loop_timer *t = loop_timer_new(uv, fn, ctx);

	if (t)
		loop_timer_repeat(t, ms, repeat_ms);
	return t;
}

void loop_timer_stop(struct loop_timer **t)
{
	loop_timer_free(*t);
	*t = NULL;
}

struct loop_lateness {
	struct loop_timer *timer;
	struct metric *late;
	int64_t due_us;
};

static void on_lateness(void *ctx)
{
	struct loop_lateness *l = ctx;
	int64_t now_us = clock_mono_us();

	metric_observe_us(l->late, now_us > l->due_us ? now_us - l->due_us : 0);
	l->due_us = now_us + LATENESS_MS * 1000;
	loop_timer_set(l->timer, LATENESS_MS);
}

struct loop_lateness *loop_lateness_start(uv_loop_t *uv, struct metrics *m)
{
	struct loop_lateness *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->late = metric_histogram(m, "codis_loop_late_seconds", "", "How late a timer of 100 ms came.");
	l->due_us = clock_mono_us() + LATENESS_MS * 1000;
	l->timer = loop_timer_start(uv, LATENESS_MS, 0, on_lateness, l);
	if (l->timer)
		return l;
	free(l);
	return NULL;
}

void loop_lateness_stop(struct loop_lateness *l)
{
	if (!l)
		return;
	loop_timer_free(l->timer);
	free(l);
}
