/* codis-extender: tells a kube-scheduler where codis pods may stand, and where they stand best. */
#include "common/base/error.h"
#include "common/kube/event.h"
#include "common/kube/program.h"
#include "common/net/httpd.h"
#include "extender/options.h"
#include "extender/serve.h"
#include "extender/watch.h"

/* One scheduler asks, one call at a time; the second thread is for whoever else connects. */
#define THREADS 2

struct codis_extender {
	struct program program;
	struct options options;
	struct kube_events *events;
	struct extender extender;
	struct watch *watch;
	struct httpd *httpd;
};

static void drain(void *ctx)
{
	struct codis_extender *e = ctx;

	httpd_drain(e->httpd);
	program_end(&e->program);
}

static int start_serving(struct codis_extender *e, struct error *err)
{
	struct httpd_config config = {
		.address = e->options.listen,
		.threads = THREADS,
		.max_body = SERVE_BODY_MAX,
		.max_connections = 64,
		.handler = serve_http,
		.ctx = &e->extender,
	};

	e->httpd = httpd_start(&config, err);
	if (!e->httpd)
		return -1;
	log_info(&e->program.log, "serve", "listen=%s", e->options.listen);
	return 0;
}

static int start(void *ctx, struct error *err)
{
	struct codis_extender *e = ctx;
	struct program *p = &e->program;

	if (extender_init(&e->extender, p->metrics) < 0)
		return error_set(err, ERR_NOMEM, "no memory to start with");
	e->extender.log = p->log;
	e->extender.reservation_ttl_ms = e->options.reservation_ttl_ms;
	e->events = kube_events_new(p->kube, "codis-extender", e->options.pod_name);
	if (!e->events)
		return error_set(err, ERR_NOMEM, "no memory for Events");
	e->watch = watch_start(&p->loop.uv, p->kube, e->events, &e->extender, err);
	if (!e->watch)
		return -1;
	p->ops.ready = e->extender.ready = watch_ready;
	p->ops.ctx = e->extender.ready_ctx = e->watch;
	return start_serving(e, err);
}

/* The server first: its threads read what is freed after them. */
static void stop(void *ctx)
{
	struct codis_extender *e = ctx;

	httpd_stop(e->httpd);
	watch_stop(e->watch);
	kube_events_free(e->events);
	extender_release(&e->extender);
}

int main(int argc, char **argv)
{
	static struct codis_extender e = { .program = { .start = start, .drain = drain, .stop = stop, .ctx = &e } };
	int status;

	if (!opt_begin(extender_options, &e.options, "codis-extender",
		       "a scheduler extender that keeps the members of a Codis group apart", argc, argv, &status))
		return status;
	status = program_run(&e.program, &e.options.program);
	opt_release(extender_options, &e.options);
	return status;
}
