/* codis-extender: tells a kube-scheduler where codis pods may stand, and where they stand best. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/kube/client.h"
#include "common/kube/config.h"
#include "common/kube/event.h"
#include "common/net/httpd.h"
#include "common/net/loop.h"
#include "common/net/ops.h"
#include "extender/options.h"
#include "extender/serve.h"
#include "extender/watch.h"

/* One scheduler asks, one call at a time; the second thread is for whoever else connects. */
#define THREADS 2

struct program {
	struct options options;
	struct loop loop;
	struct metrics *metrics;
	struct kube_client *kube;
	struct kube_events *events;
	struct extender extender;
	struct watch *watch;
	struct httpd *httpd;
	struct ops ops;
};

static void on_stop(void *ctx)
{
	struct program *p = ctx;

	log_info(&p->extender.log, "stop", "reason=signal");
	httpd_drain(p->httpd);
	loop_stop(&p->loop);
}

static int start_kube(struct program *p, struct error *err)
{
	struct kube_config config = { 0 };
	int done = -1;

	if (kube_config_load(&config, p->options.kubeconfig, err) == 0) {
		p->kube = kube_client_new(&p->loop.uv, &config, err);
		done = p->kube ? 0 : -1;
	}
	kube_config_release(&config);
	return done;
}

static int start_servers(struct program *p, struct error *err)
{
	struct httpd_config config = {
		.address = p->options.listen,
		.threads = THREADS,
		.max_body = SERVE_BODY_MAX,
		.max_connections = 64,
		.handler = serve_http,
		.ctx = &p->extender,
	};

	p->ops = (struct ops){ .metrics = p->metrics, .ready = watch_ready, .ctx = p->watch };
	p->httpd = httpd_start(&config, err);
	if (!p->httpd)
		return -1;
	return ops_start(&p->ops, p->options.ops_listen, err);
}

static int start(struct program *p, struct error *err)
{
	p->metrics = metrics_new();
	if (!p->metrics || extender_init(&p->extender, p->metrics) < 0)
		return error_set(err, ERR_NOMEM, "no memory to start with");
	p->extender.log.fd = 2;
	if (log_level_parse(p->options.log_level, &p->extender.log.level) < 0)
		return error_set(err, ERR_INVALID, "log-level \"%s\" is none", p->options.log_level);
	p->extender.reservation_ttl_ms = p->options.reservation_ttl_ms;
	if (loop_init(&p->loop, on_stop, p, err) < 0 || start_kube(p, err) < 0)
		return -1;
	p->events = kube_events_new(p->kube, "codis-extender", p->options.pod_name);
	if (!p->events)
		return error_set(err, ERR_NOMEM, "no memory for Events");
	p->watch = watch_start(&p->loop.uv, p->kube, p->events, &p->extender, err);
	if (!p->watch)
		return -1;
	p->extender.ready = watch_ready;
	p->extender.ready_ctx = p->watch;
	return start_servers(p, err);
}

/* The servers first: their threads read what is freed after them. */
static void stop(struct program *p)
{
	if (p->httpd)
		httpd_stop(p->httpd);
	if (p->ops.httpd)
		ops_stop(&p->ops);
	watch_stop(p->watch);
	kube_events_free(p->events);
	kube_client_free(p->kube);
	loop_release(&p->loop);
	extender_release(&p->extender);
	metrics_free(p->metrics);
	opt_release(extender_options, &p->options);
}

int main(int argc, char **argv)
{
	static struct program p;
	struct error err = ERROR_INIT;
	int status;

	if (!opt_begin(extender_options, &p.options, "codis-extender",
		       "a scheduler extender that keeps the members of a Codis group apart", argc, argv, &status))
		return status;
	if (start(&p, &err) < 0) {
		fprintf(stderr, "codis-extender: cannot start: %s\n", err.text);
		return 1;
	}
	log_info(&p.extender.log, "start", "version=%s listen=%s ops=%s", CODIS_VERSION, p.options.listen,
		 p.options.ops_listen);
	loop_run(&p.loop);
	stop(&p);
	return 0;
}
