#include "tests/unit/controller_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/kube/event.h"
#include "controller/roster.h"
#include "tests/unit/test.h"

struct controller_world world;

void controller_world_begin(const char *namespace)
{
	memset(&world, 0, sizeof(world));
	assert_int_equal(uv_loop_init(&world.uv), 0);
	world.log = (struct logger){ .fd = memfd_create("log", 0), .level = LOG_LEVEL_INFO };
	world.inv = inventory_new();
	world.c = calloc(1, sizeof(*world.c));
	world.ctl = (struct controller){ .uv = &world.uv,
					 .log = &world.log,
					 .metrics = metrics_new(),
					 .inventory = world.inv,
					 .kube_synced = true,
					 .kube_fresh = true,
					 .mandate = MANDATE_LEAD,
					 .limits = DECIDE_LIMITS,
					 .probe_ms = 250,
					 .probe_timeout_ms = 500 };
	assert_true(world.log.fd >= 0 && world.inv && world.c && world.ctl.metrics);
	world.c->ctl = &world.ctl;
	snprintf(world.c->namespace, sizeof(world.c->namespace), "%s", namespace);
	snprintf(world.c->product, sizeof(world.c->product), "codis-test");
}

void controller_world_end(void)
{
	roster_release(world.c);
	picture_room_release(&world.c->room);
	free(world.c->lost);
	free(world.c->notes);
	free(world.c);
	inventory_free(world.inv);
	uv_run(&world.uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world.uv), 0);
	metrics_free(world.ctl.metrics);
	close(world.log.fd);
}

int controller_world_setup(void **state)
{
	(void)state;
	controller_world_begin("ns");
	return 0;
}

int controller_world_teardown(void **state)
{
	(void)state;
	controller_world_end();
	return 0;
}

void assert_counted(const char *series)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);

	metrics_write(world.ctl.metrics, &text);
	if (!strstr(text.data, series))
		fail_msg("not in the metrics: %s\n%s", series, text.data);
}

void assert_not_counted(const char *series)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);

	metrics_write(world.ctl.metrics, &text);
	if (strstr(text.data, series))
		fail_msg("in the metrics: %s\n%s", series, text.data);
}

/* --- probes ------------------------------------------------------------------------------------------------------- */

struct redis_probe *redis_probe_start(uv_loop_t *uv, const struct redis_probe_config *cfg, struct error *err)
{
	char *volatile some = malloc(1); /* as the real one needs memory */
	struct redis_probe *p;

	(void)uv;
	free(some);
	if (!some) {
		error_set(err, ERR_NOMEM, "played: no memory");
		return NULL;
	}
	p = &world.probes[world.probe_count++];
	assert_true(world.probe_count <= (int)(sizeof(world.probes) / sizeof(world.probes[0])));
	snprintf(p->addr, sizeof(p->addr), "%s", cfg->addr);
	snprintf(p->auth, sizeof(p->auth), "%s", cfg->auth);
	p->on_slow = cfg->on_slow;
	p->ctx = cfg->ctx;
	return p;
}

void redis_probe_stop(struct redis_probe *p)
{
	if (p)
		p->ended = true;
}

const struct redis_probe_state *redis_probe_state(const struct redis_probe *p)
{
	static const struct redis_probe_state nothing;

	(void)p;
	return &nothing;
}

void redis_probe_pace(struct redis_probe *p, int period_ms)
{
	if (p)
		p->pace_ms = period_ms;
}

void redis_probe_now(struct redis_probe *p)
{
	if (p)
		p->asked++;
}

/* --- Events ------------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 5, 0))) static void tell(const char *kind, const cJSON *involved, bool warning,
						       const char *reason, const char *fmt, va_list ap)
{
	size_t used = strlen(world.events);

	used += (size_t)snprintf(world.events + used, sizeof(world.events) - used,
				 "%s %s %s/%s %s: ", warning ? "Warning" : "Normal", kind,
				 json_str(involved, "metadata", "namespace", NULL),
				 json_str(involved, "metadata", "name", NULL), reason);
	used += (size_t)vsnprintf(world.events + used, sizeof(world.events) - used, fmt, ap);
	assert_true(used + 1 < sizeof(world.events));
	snprintf(world.events + used, sizeof(world.events) - used, "\n");
	world.event_count++;
}

void kube_event(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		const char *fmt, ...)
{
	va_list ap;

	(void)e;
	va_start(ap, fmt);
	tell(kind, involved, warning, reason, fmt, ap);
	va_end(ap);
}

void kube_event_once(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		     const char *fmt, ...)
{
	va_list ap;

	(void)e;
	va_start(ap, fmt);
	tell(kind, involved, warning, reason, fmt, ap);
	va_end(ap);
}
