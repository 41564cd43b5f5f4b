/* codis-extender: tells a kube-scheduler where codis pods may stand, and where they stand best. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/codis/inventory_watch.h"
#include "common/kube/event.h"
#include "common/kube/program.h"
#include "common/net/drain.h"
#include "common/net/httpd.h"
#include "extender/beside.h"
#include "extender/explain.h"
#include "extender/leader.h"
#include "extender/options.h"
#include "extender/overdue.h"
#include "extender/serve.h"

/* One scheduler asks, one call at a time; the second thread is for whoever else connects. */
#define THREADS         2
#define CONNECTIONS_MAX 64
/* 5,000 names have 300 KB, so most calls are long ones: one at a time, since whole nodes may take 100 MiB. */
#define BIG_MAX 1
/* The scheduler in its pod ends with it, or asks again: it is enough that nobody goes unanswered. */
#define DRAIN_MS 1000

struct codis_extender {
	struct program program;
	struct options options;
	struct kube_events *events;
	struct extender extender;
	struct explainer explainer;
	struct inventory_watch *watch;
	struct overdue_asker *overdue;
	struct beside *beside; /* NULL: no scheduler is in our pod */
	struct leader *leader; /* NULL: no Lease is to be looked at */
	char host[256];
	struct httpd *httpd;
	struct drain *drain;
};

/* --- what the watch tells ---------------------------------------------------------------------- */

/* The inventory was told before, so that a pod is never neither placed nor promised. Only this thread changes it, so it
 * may be read here without the lock. */
static void on_pod(void *ctx, const cJSON *pod, const cJSON *old)
{
	struct codis_extender *e = ctx;
	const char *node = json_str(pod, "spec", "nodeName", NULL), *uid = json_str(pod, "metadata", "uid", NULL);

	(void)old;
	if (node && node[0] && uid)
		extender_settle(&e->extender, uid);
	explainer_set(&e->explainer, e->extender.inventory, pod);
}

static void on_pod_gone(void *ctx, const cJSON *pod)
{
	struct codis_extender *e = ctx;
	const char *uid = json_str(pod, "metadata", "uid", NULL);

	extender_pod_gone(&e->extender, uid ? uid : "");
	explainer_remove(&e->explainer, uid ? uid : "");
}

static void on_unreadable(void *ctx, const char *resource, const cJSON *object, const struct error *err)
{
	struct codis_extender *e = ctx;

	log_warn(&e->program.log, "object.unreadable", "resource=%s namespace=%s name=%s error=%s", resource,
		 LOGQ(json_str(object, "metadata", "namespace", NULL)),
		 LOGQ(json_str(object, "metadata", "name", NULL)), LOGQ(err->text));
}

static void on_watch_error(void *ctx, const char *resource, const struct error *err)
{
	struct codis_extender *e = ctx;
	char labels[64];

	program_call_failed(&e->program);
	snprintf(labels, sizeof(labels), "resource=\"%s\"", resource);
	metric_add(metric_counter(e->program.metrics, "codis_extender_watch_errors_total", labels,
				  "Lists and watches that failed."),
		   1);
	log_warn(&e->program.log, "watch.failed", "resource=%s error=%s", resource, LOGQ(err->text));
}

static int start_watch(struct codis_extender *e, struct error *err)
{
	struct inventory_watch_config config = {
		.inventory = e->extender.inventory,
		.lock = &e->extender.lock,
		.parts = INVENTORY_NODES | INVENTORY_PODS | INVENTORY_SETS,
		.program = "codis-extender",
		.on_pod = on_pod,
		.on_pod_gone = on_pod_gone,
		.on_unreadable = on_unreadable,
		.on_error = on_watch_error,
		.ctx = e,
	};

	e->watch = inventory_watch_start(&e->program.loop.uv, e->program.kube, &config, err);
	return e->watch ? 0 : -1;
}

static bool is_ready(void *ctx, char *why_not, size_t size)
{
	return inventory_watch_ready(ctx, why_not, size);
}

/* Both containers of the pod: a rollout waits for it. */
static bool is_pod_ready(void *ctx, char *why_not, size_t size)
{
	const struct codis_extender *e = ctx;

	return is_ready(e->watch, why_not, size) && (!e->beside || beside_ready(e->beside, why_not, size));
}

static int64_t pods_age_ms(void *ctx)
{
	return inventory_watch_pods_age_ms(ctx);
}

static void pause_call(void *ctx)
{
	const struct timespec time = { .tv_nsec = SERVE_PAUSE_MS * 1000000L };

	(void)ctx;
	nanosleep(&time, NULL);
}

static bool heard(void *ctx, int64_t max_age_ms)
{
	const struct codis_extender *e = ctx;

	return inventory_watch_fresh(e->watch, max_age_ms);
}

/* --- start, stop ------------------------------------------------------------------------------- */

static void on_drained(void *ctx)
{
	struct codis_extender *e = ctx;

	program_end(&e->program);
}

static void drain(void *ctx)
{
	struct codis_extender *e = ctx;

	drain_begin(e->drain, e->httpd, DRAIN_MS);
}

static bool is_serving(void *ctx, char *why_not, size_t size)
{
	struct codis_extender *e = ctx;

	return httpd_alive(e->httpd, why_not, size);
}

static int start_serving(struct codis_extender *e, struct error *err)
{
	struct httpd_config config = {
		.address = e->options.listen,
		.threads = THREADS,
		.max_body = SERVE_BODY_MAX,
		.max_big = BIG_MAX,
		.max_connections = CONNECTIONS_MAX,
		.max_per_peer = CONNECTIONS_MAX, /* they all come from the pod itself */
		.handler = serve_http,
		.ctx = &e->extender,
		.metrics = e->program.metrics,
		.port = "main",
	};

	e->httpd = httpd_start(&config, err);
	if (!e->httpd)
		return -1;
	log_info(&e->program.log, "serve", "listen=%s", e->options.listen);
	return 0;
}

/* The kubelet asks for the scheduler's health here (beside.h): GET /healthz/scheduler, on a thread of the ops server.
 */
static void on_other(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct codis_extender *e = ctx;
	const struct ops *ops = &e->program.ops;
	char why_not[256] = "";

	if (!e->beside || strcmp(req->path, "/healthz/scheduler") != 0) {
		res->status = 404;
		buf_addstr(&res->body,
			   "known are /healthz, /readyz, /metrics and, with --scheduler, /healthz/scheduler\n");
	} else if (ops->alive(ops->alive_ctx, why_not, sizeof(why_not)) &&
		   beside_alive(e->beside, clock_mono_ms(), why_not, sizeof(why_not))) {
		buf_addstr(&res->body, "ok\n");
	} else {
		res->status = 503;
		buf_addf(&res->body, "%s\n", why_not);
	}
}

static int start_beside(struct codis_extender *e, struct error *err)
{
	struct beside_config config = {
		.scheduler = e->options.scheduler,
		.kube = e->program.kube,
		.events = e->events,
		.log = e->program.log,
		.namespace = e->options.namespace,
		.pod_name = e->options.pod_name,
		.hears = is_ready,
		.ctx = e->watch,
	};

	if (!e->options.scheduler || !e->options.scheduler[0])
		return 0;
	e->beside = beside_start(&e->program.loop.uv, &config, err);
	return e->beside ? 0 : -1;
}

static int start_leader(struct codis_extender *e, struct error *err)
{
	struct leader_config config = {
		.kube = e->program.kube,
		.extender = &e->extender,
		.log = e->program.log,
		.namespace = e->options.namespace,
		.lease = e->options.scheduler_lease,
		.host = e->host,
	};

	if (!config.lease || !config.lease[0])
		return 0;
	gethostname(e->host, sizeof(e->host) - 1);
	e->leader = leader_start(&e->program.loop.uv, &config, err);
	return e->leader ? 0 : -1;
}

static int start(void *ctx, struct error *err)
{
	struct codis_extender *e = ctx;
	struct program *p = &e->program;

	if (extender_init(&e->extender, p->metrics) < 0)
		return error_set(err, ERR_NOMEM, "no memory to start with");
	e->extender.log = p->log;
	e->extender.reservation_ttl_ms = e->options.reservation_ttl_ms;
	extender_know_nothing(&e->extender, clock_mono_ms());
	e->events = kube_events_new(p->kube, "codis-extender", e->options.pod_name, p->metrics,
				    "codis_extender_events_dropped_total");
	if (!e->events)
		return error_set(err, ERR_NOMEM, "no memory for Events");
	e->explainer.events = e->events;
	e->drain = drain_new(&p->loop.uv, on_drained, e);
	if (!e->drain)
		return error_set(err, ERR_NOMEM, "no memory to start with");
	if (start_watch(e, err) < 0)
		return -1;
	e->extender.ready = is_ready;
	e->extender.ready_ctx = e->watch;
	e->extender.age_ms = pods_age_ms;
	e->extender.pause = pause_call;
	p->ops.ready = is_pod_ready;
	p->ops.other = on_other;
	p->ops.ctx = e;
	e->overdue = overdue_start(&p->loop.uv, p->kube, &e->extender, 0, err);
	if (!e->overdue || start_beside(e, err) < 0 || start_leader(e, err) < 0)
		return -1;
	return start_serving(e, err);
}

/* The server first: its threads read what is freed after them. */
static void stop(void *ctx)
{
	struct codis_extender *e = ctx;

	httpd_stop(e->httpd);
	drain_free(e->drain);
	beside_stop(e->beside);
	leader_stop(e->leader);
	overdue_stop(e->overdue);
	inventory_watch_stop(e->watch);
	explainer_release(&e->explainer);
	kube_events_free(e->events);
	extender_release(&e->extender);
}

int main(int argc, char **argv)
{
	static struct codis_extender e = { .program = { .start = start,
							.drain = drain,
							.stop = stop,
							.heard = heard,
							.alive = is_serving,
							.ctx = &e } };
	int status;

	if (!opt_begin(extender_options, &e.options, "codis-extender",
		       "a scheduler extender that keeps the members of a Codis group apart", argc, argv, &status))
		return status;
	status = program_run(&e.program, &e.options.program);
	opt_release(extender_options, &e.options);
	return status;
}
