#include "common/net/hiredis_uv.h"

#include <stdbool.h>
#include <stdlib.h>

struct attachment {
	redisAsyncContext *ac;
	uv_poll_t poll;
	uv_idle_t soon; /* runs while there is something to write that was not tried yet */
	int events;
	int handles; /* still open */
	bool trying; /* in on_soon() */
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct attachment *a = poll->data;

	if (status < 0) {
		a->events = 0;        /* libuv has stopped it */
		events = UV_READABLE; /* let hiredis read the socket's error */
	}
	if (a->ac && (events & UV_READABLE))
		redisAsyncHandleRead(a->ac);
	if (a->ac && (events & UV_WRITABLE))
		redisAsyncHandleWrite(a->ac);
}

/* Only what changes: libuv takes a file descriptor out of epoll and puts it in again at every uv_poll_start(). */
static void update(struct attachment *a, int events)
{
	if (a->events == events)
		return;
	a->events = events;
	if (events)
		uv_poll_start(&a->poll, events, on_poll);
	else
		uv_poll_stop(&a->poll);
}

static void add_read(void *data)
{
	struct attachment *a = data;

	update(a, a->events | UV_READABLE);
}

static void del_read(void *data)
{
	struct attachment *a = data;

	update(a, a->events & ~UV_READABLE);
}

static void on_soon(uv_idle_t *soon)
{
	struct attachment *a = soon->data;

	uv_idle_stop(soon);
	a->trying = true;
	if (a->ac)
		redisAsyncHandleWrite(a->ac);
	a->trying = false;
}

/* A socket that is connected mostly takes what is there, so it is tried first, in this turn of the loop, and polled
 * only when it does not: a question costs a write and a read then, and no change of what epoll watches. */
static void add_write(void *data)
{
	struct attachment *a = data;

	if (!(a->ac->c.flags & REDIS_CONNECTED) || a->trying || (a->events & UV_WRITABLE))
		update(a, a->events | UV_WRITABLE);
	else
		uv_idle_start(&a->soon, on_soon);
}

static void del_write(void *data)
{
	struct attachment *a = data;

	update(a, a->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
	struct attachment *a = handle->data;

	if (--a->handles == 0)
		free(a);
}

/* hiredis closes the socket right after this. */
static void cleanup(void *data)
{
	struct attachment *a = data;

	a->ac = NULL;
	uv_close((uv_handle_t *)&a->poll, on_closed);
	uv_close((uv_handle_t *)&a->soon, on_closed);
}

int hiredis_uv_attach(redisAsyncContext *ac, uv_loop_t *uv)
{
	struct attachment *a;

	if (ac->ev.data)
		return -1;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -1;
	if (uv_poll_init(uv, &a->poll, ac->c.fd) != 0) {
		free(a);
		return -1;
	}
	uv_idle_init(uv, &a->soon);
	a->ac = ac;
	a->handles = 2;
	a->poll.data = a->soon.data = a;
	ac->ev.data = a;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	return 0;
}
