#include "common/net/loop_inner.h"

#include <stdlib.h>

/* https://docs.libuv.org/en/v1.x/loop.html, uv_backend_fd: it can be polled in another loop. What is on the inner loop
 * reaches that descriptor in a turn of its own alone, so there is one before each wait of the outer loop. */
struct loop_inner {
	uv_loop_t uv;
	uv_poll_t wake;       /* something is ready */
	uv_timer_t due;       /* a timer of its own is */
	uv_prepare_t waiting; /* the outer loop is going to wait */
	int handles;          /* of these, not closed */
};

static void on_ready(uv_poll_t *wake, int status, int events)
{
	(void)wake, (void)status, (void)events; /* the turn is taken before the next wait */
}

static void on_due(uv_timer_t *due)
{
	(void)due; /* the same */
}

static void on_waiting(uv_prepare_t *waiting)
{
	struct loop_inner *l = waiting->data;
	int ms;

	loop_inner_turn(l);
	ms = uv_backend_timeout(&l->uv);
	if (ms >= 0)
		uv_timer_start(&l->due, on_due, (uint64_t)ms, 0);
	else
		uv_timer_stop(&l->due);
}

static void on_closed(uv_handle_t *handle)
{
	struct loop_inner *l = handle->data;

	if (--l->handles == 0)
		free(l);
}

static void close_handle(struct loop_inner *l, uv_handle_t *handle)
{
	handle->data = l;
	uv_close(handle, on_closed);
}

static void close_handles(struct loop_inner *l)
{
	close_handle(l, (uv_handle_t *)&l->wake);
	close_handle(l, (uv_handle_t *)&l->due);
	close_handle(l, (uv_handle_t *)&l->waiting);
}

struct loop_inner *loop_inner_new(uv_loop_t *outer)
{
	struct loop_inner *l = calloc(1, sizeof(*l));

	if (!l || uv_loop_init(&l->uv) != 0) {
		free(l);
		return NULL;
	}
	if (uv_poll_init(outer, &l->wake, uv_backend_fd(&l->uv)) != 0) {
		uv_loop_close(&l->uv);
		free(l);
		return NULL;
	}
	uv_timer_init(outer, &l->due);
	uv_prepare_init(outer, &l->waiting);
	l->handles = 3;
	l->waiting.data = l;
	uv_poll_start(&l->wake, UV_READABLE, on_ready);
	uv_prepare_start(&l->waiting, on_waiting);
	return l;
}

uv_loop_t *loop_inner_uv(struct loop_inner *l)
{
	return &l->uv;
}

void loop_inner_turn(struct loop_inner *l)
{
	uv_run(&l->uv, UV_RUN_NOWAIT);
}

void loop_inner_free(struct loop_inner *l)
{
	if (!l)
		return;
	close_handles(l); /* before the descriptor that it polls */
	uv_loop_close(&l->uv);
}
