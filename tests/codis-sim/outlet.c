#include "tests/codis-sim/proxy.h"

void outlet_init(struct outlet *o, uv_stream_t *stream)
{
	memset(o, 0, sizeof(*o));
	o->stream = stream;
	buf_init(&o->next, WIRE_MAX);
	buf_init(&o->under_way, WIRE_MAX);
}

void outlet_release(struct outlet *o)
{
	buf_release(&o->next);
	buf_release(&o->under_way);
}

void outlet_mark(struct proxy *p, struct outlet *o)
{
	if (o->dirty)
		return;
	o->dirty = true;
	TAILQ_INSERT_TAIL(&p->dirty, o, link);
}

void outlet_forget(struct proxy *p, struct outlet *o)
{
	if (o->dirty)
		TAILQ_REMOVE(&p->dirty, o, link);
	o->dirty = false;
}

static void flush(struct outlet *o);

static void on_written(uv_write_t *w, int status)
{
	struct outlet *o = w->data;

	if (status == UV_ECANCELED)
		return; /* it is being closed */
	o->writing = false;
	buf_reset(&o->under_way);
	if (status < 0) {
		o->broken(o);
		return;
	}
	if (o->next.len)
		flush(o);
	else if (o->drained)
		o->drained(o);
}

static void flush(struct outlet *o)
{
	struct buf swap = o->next;
	uv_buf_t rest = uv_buf_init(o->next.data, (unsigned)o->next.len);
	int n;

	if (o->writing || !o->next.len)
		return;
	if (o->next.failed) {
		o->broken(o);
		return;
	}
	n = uv_try_write(o->stream, &rest, 1);
	if (n == (int)o->next.len) {
		buf_reset(&o->next);
		if (o->drained)
			o->drained(o);
		return;
	}
	if (n < 0 && n != UV_EAGAIN) {
		o->broken(o);
		return;
	}
	o->next = o->under_way;
	o->under_way = swap;
	n = n < 0 ? 0 : n;
	rest = uv_buf_init(o->under_way.data + n, (unsigned)(o->under_way.len - (size_t)n));
	o->write.data = o;
	o->writing = true;
	if (uv_write(&o->write, o->stream, &rest, 1, on_written) < 0)
		o->broken(o);
}

void outlets_flush(struct proxy *p)
{
	struct outlet *o;

	while ((o = TAILQ_FIRST(&p->dirty))) {
		outlet_forget(p, o);
		flush(o);
	}
}
