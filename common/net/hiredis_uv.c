#include "common/net/hiredis_uv.h"

#include <stdlib.h>

struct attachment {
	redisAsyncContext *ac;
	uv_poll_t poll;
	int events;
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct attachment *a = poll->data;

	if (status < 0)
		events = UV_READABLE; /* let hiredis read the socket's error */
	if (a->ac && (events & UV_READABLE))
		redisAsyncHandleRead(a->ac);
	if (a->ac && (events & UV_WRITABLE))
		redisAsyncHandleWrite(a->ac);
}

static void update(struct attachment *a, int events)
{
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

static void add_write(void *data)
{
	struct attachment *a = data;

	update(a, a->events | UV_WRITABLE);
}

static void del_write(void *data)
{
	struct attachment *a = data;

	update(a, a->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* hiredis closes the socket right after this. */
static void cleanup(void *data)
{
	struct attachment *a = data;

	a->ac = NULL;
	uv_close((uv_handle_t *)&a->poll, on_closed);
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
	a->ac = ac;
	a->poll.data = a;
	ac->ev.data = a;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	return 0;
}
