/* codis-webhook: the API server asks it about every pod and StatefulSet of Codis. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/certs.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/kube/client.h"
#include "common/kube/config.h"
#include "common/kube/informer.h"
#include "common/net/httpd.h"
#include "common/net/loop.h"
#include "common/net/ops.h"
#include "webhook/budgets.h"
#include "webhook/options.h"
#include "webhook/serve.h"
#include "webhook/statefulsets.h"

struct program {
	struct options options;
	struct loop loop;
	struct metrics *metrics;
	struct kube_client *kube;
	struct informer *sets, *budgets;
	struct certs *certs;
	struct webhook webhook;
	struct httpd *httpd; /* from the first certificate on */
	struct ops ops;
	struct loop_timer *drain;
	_Atomic bool serving, stopping;
	bool failed;
};

/* --- certificate ----------------------------------------------------------------------------------------------- */

static int start_serving(struct program *p, const char *cert_pem, const char *key_pem, struct error *err)
{
	struct httpd_config config = {
		.address = p->options.listen,
		.threads = p->options.threads,
		.max_body = SERVE_BODY_MAX,
		.cert_pem = cert_pem,
		.key_pem = key_pem,
		.handler = webhook_serve,
		.ctx = &p->webhook,
	};

	p->httpd = httpd_start(&config, err);
	atomic_store(&p->serving, p->httpd != NULL);
	return p->httpd ? 0 : -1;
}

static void on_certificate(void *ctx, const char *cert_pem, const char *key_pem)
{
	struct program *p = ctx;
	struct error err = ERROR_INIT;

	if (p->httpd) {
		if (httpd_set_certificate(p->httpd, cert_pem, key_pem, &err) < 0)
			log_error(&p->webhook.log, "certificate.bad", "why=%s", LOGQ(err.text));
		return;
	}
	if (start_serving(p, cert_pem, key_pem, &err) == 0) {
		log_info(&p->webhook.log, "serve", "listen=%s", p->options.listen);
		return;
	}
	log_error(&p->webhook.log, "serve.failed", "why=%s", LOGQ(err.text));
	p->failed = true;
	loop_stop(&p->loop);
}

static void on_notice(void *ctx, const char *text)
{
	struct program *p = ctx;

	log_info(&p->webhook.log, "certificate", "what=%s", LOGQ(text));
}

static void on_certs_error(void *ctx, const struct error *err)
{
	struct program *p = ctx;

	log_warn(&p->webhook.log, "certificate.failed", "why=%s", LOGQ(err->text));
}

static int start_certs(struct program *p, struct error *err)
{
	const struct options *o = &p->options;
	char short_name[320], long_name[340];
	const char *const names[] = { short_name, long_name, NULL };
	struct certs_config config = {
		.cert_file = o->cert_file,
		.key_file = o->key_file,
		.namespace = o->namespace,
		.secret_name = o->secret,
		.dns_names = names,
		.mutating = o->mutating,
		.validating = o->validating,
		.on_certificate = on_certificate,
		.on_notice = on_notice,
		.on_error = on_certs_error,
		.ctx = p,
	};

	snprintf(short_name, sizeof(short_name), "%s.%s.svc", o->service, o->namespace);
	snprintf(long_name, sizeof(long_name), "%s.cluster.local", short_name);
	p->certs = certs_start(&p->loop.uv, p->kube, &config, err);
	return p->certs ? 0 : -1;
}

/* --- readiness, end -------------------------------------------------------------------------------------------- */

static bool is_ready(void *ctx, char *why_not, size_t size)
{
	struct program *p = ctx;
	const char *why;

	if (atomic_load(&p->stopping))
		why = "codis-webhook is ending";
	else if (!informer_synced(p->sets))
		why = "codis-webhook has not listed the statefulsets yet";
	else if (!certs_ready(p->certs, why_not, size))
		return false;
	else if (!atomic_load(&p->serving))
		why = "codis-webhook does not serve yet";
	else
		return true;
	snprintf(why_not, size, "%s", why);
	return false;
}

static void on_drained(void *ctx)
{
	struct program *p = ctx;

	loop_stop(&p->loop);
}

/* Not ready any more, but still answering: who was sent here a moment ago is served, and told to go elsewhere next. */
static void on_stop(void *ctx)
{
	struct program *p = ctx;

	log_info(&p->webhook.log, "stop", "drain_ms=%d", p->options.drain_ms);
	atomic_store(&p->stopping, true);
	if (p->httpd)
		httpd_drain(p->httpd);
	p->drain = loop_timer_start(&p->loop.uv, (uint64_t)p->options.drain_ms, 0, on_drained, p);
	if (!p->drain)
		loop_stop(&p->loop);
}

/* --- start ----------------------------------------------------------------------------------------------------- */

static void note_watch_error(struct program *p, const char *resource, const struct error *err)
{
	metric_add(metric_counter(p->metrics, "codis_webhook_watch_errors_total", "", "Lists and watches that failed."),
		   1);
	log_warn(&p->webhook.log, "watch.failed", "resource=%s why=%s", resource, LOGQ(err->text));
}

static void on_sets_error(void *ctx, const struct error *err)
{
	note_watch_error(ctx, "statefulsets", err);
}

static void on_budgets_error(void *ctx, const struct error *err)
{
	note_watch_error(ctx, "poddisruptionbudgets", err);
}

static int start_kube(struct program *p, struct error *err)
{
	struct kube_config config = { 0 };

	if (kube_config_load(&config, p->options.kubeconfig, err) == 0)
		p->kube = kube_client_new(&p->loop.uv, &config, err);
	kube_config_release(&config);
	if (!p->kube)
		return -1;
	p->sets = statefulsets_watch(&p->loop.uv, p->kube, on_sets_error, p, err);
	if (!p->sets)
		return -1;
	p->budgets = budgets_watch(&p->loop.uv, p->kube, on_budgets_error, p, err);
	return p->budgets ? 0 : -1;
}

static int start(struct program *p, struct error *err)
{
	p->metrics = metrics_new();
	if (!p->metrics)
		return error_set(err, ERR_NOMEM, "no memory to start with");
	p->webhook =
		(struct webhook){ .log = { .fd = 2 }, .metrics = p->metrics, .viewer_image = p->options.viewer_image };
	if (log_level_parse(p->options.log_level, &p->webhook.log.level) < 0)
		return error_set(err, ERR_INVALID, "log-level \"%s\" is none", p->options.log_level);
	if (loop_init(&p->loop, on_stop, p, err) < 0 || start_kube(p, err) < 0)
		return -1;
	p->webhook.lookups = statefulsets_lookups(p->sets);
	p->webhook.lookups.budgets = p->budgets;
	p->webhook.lookups.each_budget = budgets_each;
	p->ops = (struct ops){ .metrics = p->metrics, .ready = is_ready, .ctx = p };
	if (start_certs(p, err) < 0)
		return -1;
	return ops_start(&p->ops, p->options.ops_listen, err);
}

/* The servers first: their threads read what is freed after them. */
static void stop(struct program *p)
{
	httpd_stop(p->httpd);
	if (p->ops.httpd)
		ops_stop(&p->ops);
	loop_timer_stop(&p->drain);
	certs_stop(p->certs);
	informer_stop(p->budgets);
	informer_stop(p->sets);
	kube_client_free(p->kube);
	loop_release(&p->loop);
	metrics_free(p->metrics);
	opt_release(webhook_options, &p->options);
}

int main(int argc, char **argv)
{
	static struct program p;
	struct error err = ERROR_INIT;
	int status;

	if (!opt_begin(webhook_options, &p.options, "codis-webhook",
		       "makes plain codis pods ones that heal, and refuses counts that cannot work", argc, argv,
		       &status))
		return status;
	if (start(&p, &err) < 0) {
		fprintf(stderr, "codis-webhook: cannot start: %s\n", err.text);
		return 1;
	}
	log_info(&p.webhook.log, "start", "version=%s listen=%s ops=%s", CODIS_VERSION, p.options.listen,
		 p.options.ops_listen);
	loop_run(&p.loop);
	stop(&p);
	return p.failed ? 1 : 0;
}
