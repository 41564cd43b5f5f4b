#include "common/net/drain.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/net/httpd.h"
#include "common/net/loop.h"

#define ANSWER_MS 10000
#define LOOK_MS   20

struct drain {
	struct loop_timer *timer;
	struct httpd *httpd;
	bool refusing;
	int64_t until_ms;
	void (*done)(void *ctx);
	void *ctx;
};

static void on_timer(void *arg)
{
	struct drain *d = arg;

	if (d->httpd && !d->refusing) {
		d->refusing = true;
		d->until_ms = clock_mono_ms() + ANSWER_MS;
		httpd_refuse(d->httpd);
	}
	if (d->httpd && httpd_busy(d->httpd) && clock_mono_ms() < d->until_ms)
		loop_timer_set(d->timer, LOOK_MS);
	else
		d->done(d->ctx);
}

struct drain *drain_new(uv_loop_t *uv, void (*done)(void *ctx), void *ctx)
{
	struct drain *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->done = done;
	d->ctx = ctx;
	d->timer = loop_timer_new(uv, on_timer, d);
	if (d->timer)
		return d;
	free(d);
	return NULL;
}

void drain_begin(struct drain *d, struct httpd *h, int serve_ms)
{
	d->httpd = h;
	if (h)
		httpd_drain(h);
	loop_timer_set(d->timer, (uint64_t)serve_ms);
}

void drain_free(struct drain *d)
{
	if (!d)
		return;
	loop_timer_free(d->timer);
	free(d);
}
