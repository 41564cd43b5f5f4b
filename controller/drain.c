#include "controller/drain.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/net/loop.h"
#include "controller/cluster.h"

#define LOOK_MS 10

struct drain {
	struct controller *ctl;
	int (*under_way)(void *ctx);
	void (*done)(void *ctx);
	void *ctx;
	struct loop_timer *timer;
	int64_t began_ms;
};

static void end(struct drain *d, int left)
{
	log_info(d->ctl->log, "drained", "ms=%lld left=%d", (long long)(clock_mono_ms() - d->began_ms), left);
	loop_timer_stop(&d->timer);
	d->done(d->ctx);
	free(d);
}

static void look(void *ctx)
{
	struct drain *d = ctx;
	int64_t ms = clock_mono_ms() - d->began_ms;
	int left = d->under_way(d->ctx);

	if (ms >= DRAIN_MS)
		d->ctl->ending = true;
	if (!left || ms >= DRAIN_MS + UNDO_MS)
		end(d, left);
}

void drain_begin(struct controller *ctl, int (*under_way)(void *ctx), void (*done)(void *ctx), void *ctx)
{
	struct drain *d = calloc(1, sizeof(*d));

	ctl->leaving = true;
	if (d)
		*d = (struct drain){ ctl, under_way, done, ctx, loop_timer_new(ctl->uv, look, d), clock_mono_ms() };
	if (!d || !d->timer) {
		free(d);
		done(ctx);
		return;
	}
	loop_timer_repeat(d->timer, 0, LOOK_MS);
}
