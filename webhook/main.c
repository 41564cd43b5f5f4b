/* codis-webhook: the API server asks it about every pod and StatefulSet of Codis. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certs/certs.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/json_arena.h"
#include "common/base/memory.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "common/codis/inventory_watch.h"
#include "common/kube/budgets.h"
#include "common/kube/event.h"
#include "common/kube/namespaces.h"
#include "common/kube/program.h"
#include "common/net/drain.h"
#include "common/net/httpd.h"
#include "webhook/lookups.h"
#include "webhook/options.h"
#include "webhook/serve.h"
#include "webhook/tally.h"

#define CLIENT_CA_MAX (1u << 20)
#define TALLY_MS      60000
#define STARTED_MS    10000 /* what the start has needed can go */

struct codis_webhook {
	struct program program;
	struct options options;
	char pod[256];        /* this one, as the API server calls it */
	pthread_mutex_t lock; /* of the inventory: the loop feeds it, the server's threads read it */
	struct inventory *inventory;
	struct inventory_watch *watch;
	struct budgets *budgets;
	struct namespaces *ending;
	struct lookups_source lookups_source;
	struct certs *certs;
	struct kube_events *events; /* NULL: none are told */
	struct webhook webhook;
	struct tally tally;
	struct loop_timer *minute;
	struct httpd *httpd; /* from the first certificate on */
	struct drain *drain;
	_Atomic bool serving, stopping;
};

/* --- certificate ----------------------------------------------------------------------------------------------- */

static int start_serving(struct codis_webhook *w, const char *cert_pem, const char *key_pem, struct error *err)
{
	char *client_ca = NULL;
	struct httpd_config config = {
		.address = w->options.listen,
		.threads = w->options.threads,
		.max_body = SERVE_BODY_MAX,
		.cert_pem = cert_pem,
		.key_pem = key_pem,
		.handler = webhook_serve,
		.ctx = &w->webhook,
		.metrics = w->program.metrics,
		.port = "main",
	};

	if (w->options.client_ca_file) {
		config.client_ca_pem = client_ca = file_read(w->options.client_ca_file, CLIENT_CA_MAX, err);
		if (!client_ca)
			return -1;
	}
	w->httpd = httpd_start(&config, err);
	free(client_ca);
	atomic_store(&w->serving, w->httpd != NULL);
	return w->httpd ? 0 : -1;
}

static int on_certificate(void *ctx, const char *cert_pem, const char *key_pem)
{
	struct codis_webhook *w = ctx;
	struct error err = ERROR_INIT;

	if (w->httpd) {
		if (httpd_set_certificate(w->httpd, cert_pem, key_pem, &err) == 0)
			return 0;
		log_error(&w->program.log, "certificate.bad", "error=%s", LOGQ(err.text));
		return -1;
	}
	if (start_serving(w, cert_pem, key_pem, &err) == 0) {
		log_info(&w->program.log, "serve", "listen=%s", w->options.listen);
		return 0;
	}
	program_fail(&w->program, "serve.failed", &err);
	return -1;
}

static void on_notice(void *ctx, const char *text)
{
	struct codis_webhook *w = ctx;

	log_info(&w->program.log, "certificate", "what=%s", LOGQ(text));
}

static void on_end(void *ctx, const char *which, int64_t until_ms, int64_t late_ms)
{
	struct codis_webhook *w = ctx;
	char labels[32];

	snprintf(labels, sizeof(labels), "which=\"%s\"", which);
	metric_set(metric_gauge(w->program.metrics, "codis_webhook_certificate_expiration_timestamp_seconds", labels,
				"When the certificate that is served with, and the CA that signs, end."),
		   (double)until_ms / 1000);
	metric_set(metric_gauge(w->program.metrics, "codis_webhook_certificate_late_timestamp_seconds", labels,
				"From when on it is late that they have not been replaced."),
		   (double)late_ms / 1000);
}

/* Told about the Secret of the CA, else about this pod. */
static void on_ending(void *ctx, const cJSON *secret, const char *text)
{
	struct codis_webhook *w = ctx;
	JSON_CLEANUP cJSON *pod = cJSON_CreateObject();
	cJSON *metadata = json_add_object(pod, "metadata");

	json_add_str(metadata, "name", w->pod);
	json_add_str(metadata, "namespace", w->options.namespace);
	log_warn(&w->program.log, "certificate.ends", "what=%s", LOGQ(text));
	kube_event_once(w->events, secret ? "Secret" : "Pod", secret ? secret : pod, true, "CertificateEnds", "%s",
			text);
}

static void on_certs_error(void *ctx, const struct error *err)
{
	struct codis_webhook *w = ctx;

	log_warn(&w->program.log, "certificate.failed", "error=%s", LOGQ(err->text));
}

static int start_certs(struct codis_webhook *w, struct error *err)
{
	const struct options *o = &w->options;
	char short_name[320], long_name[340];
	const char *const names[] = { short_name, long_name, NULL };
	struct certs_config config = {
		.cert_file = o->cert_file,
		.key_file = o->key_file,
		.namespace = o->namespace,
		.secret_name = o->secret,
		.service = o->service,
		.pod = w->pod,
		.ca_life_ms = o->ca_life_s * INT64_C(1000),
		.leaf_life_ms = o->cert_life_s * INT64_C(1000),
		.renew_ms = o->renew_before_s * INT64_C(1000),
		.settle_ms = o->ca_settle_ms,
		.dns_names = names,
		.mutating = o->mutating,
		.validating = o->validating,
		.on_certificate = on_certificate,
		.on_notice = on_notice,
		.on_end = on_end,
		.on_ending = on_ending,
		.on_error = on_certs_error,
		.ctx = w,
	};

	if (o->pod_name)
		snprintf(w->pod, sizeof(w->pod), "%s", o->pod_name);
	else
		gethostname(w->pod, sizeof(w->pod) - 1);
	snprintf(short_name, sizeof(short_name), "%s.%s.svc", o->service, o->namespace);
	snprintf(long_name, sizeof(long_name), "%s.cluster.local", short_name);
	w->events = kube_events_new(w->program.kube, "codis-webhook", w->pod, w->program.metrics,
				    "codis_webhook_events_dropped_total");
	w->certs = certs_start(&w->program.loop.uv, w->program.kube, &config, err);
	return w->certs ? 0 : -1;
}

/* --- readiness, end -------------------------------------------------------------------------------------------- */

static bool is_ready(void *ctx, char *why_not, size_t size)
{
	struct codis_webhook *w = ctx;
	const char *why;

	if (atomic_load(&w->stopping))
		why = "codis-webhook is ending";
	else if (!inventory_watch_ready(w->watch, why_not, size) || !certs_ready(w->certs, why_not, size))
		return false;
	else if (!atomic_load(&w->serving))
		why = "codis-webhook does not serve yet";
	else
		return true;
	snprintf(why_not, size, "%s", why);
	return false;
}

static bool is_serving(void *ctx, char *why_not, size_t size)
{
	struct codis_webhook *w = ctx;

	return !atomic_load(&w->serving) || httpd_alive(w->httpd, why_not, size);
}

static bool heard(void *ctx, int64_t max_age_ms)
{
	struct codis_webhook *w = ctx;
	int64_t age_ms = budgets_age_ms(w->budgets);

	return inventory_watch_fresh(w->watch, max_age_ms) && age_ms >= 0 && age_ms <= max_age_ms;
}

static void on_drained(void *ctx)
{
	struct codis_webhook *w = ctx;

	program_end(&w->program);
}

/* Not ready any more, but still answering: who was sent here a moment ago is served, and told to go elsewhere next. */
static void drain(void *ctx)
{
	struct codis_webhook *w = ctx;

	atomic_store(&w->stopping, true);
	drain_begin(w->drain, w->httpd, w->options.drain_ms);
}

/* --- start ----------------------------------------------------------------------------------------------------- */

static void count_watch_errors(struct codis_webhook *w, uint64_t n)
{
	metric_add(metric_counter(w->program.metrics, "codis_webhook_watch_errors_total", "",
				  "Lists and watches that failed."),
		   n);
}

static void note_watch_error(struct codis_webhook *w, const char *resource, const struct error *err)
{
	program_call_failed(&w->program);
	count_watch_errors(w, 1);
	log_warn(&w->program.log, "watch.failed", "resource=%s error=%s", resource, LOGQ(err->text));
}

static void on_inventory_error(void *ctx, const char *resource, const struct error *err)
{
	note_watch_error(ctx, resource, err);
}

static void on_budgets_error(void *ctx, const struct error *err)
{
	note_watch_error(ctx, "poddisruptionbudgets", err);
}

static void on_namespaces_error(void *ctx, const struct error *err)
{
	note_watch_error(ctx, "namespaces", err);
}

static int start_watches(struct codis_webhook *w, struct error *err)
{
	uv_loop_t *uv = &w->program.loop.uv;
	struct inventory_watch_config config = { .lock = &w->lock,
						 .parts = INVENTORY_SETS,
						 .keep_sets = true,
						 .program = "codis-webhook",
						 .on_error = on_inventory_error,
						 .ctx = w };
	struct budgets_config budgets = { .on_error = on_budgets_error, .ctx = w };
	struct namespaces_config ending = { .field_selector = "status.phase=Terminating",
					    .on_error = on_namespaces_error,
					    .ctx = w };

	config.inventory = w->inventory = inventory_new();
	if (!w->inventory)
		return error_set(err, ERR_NOMEM, "no memory for the inventory");
	inventory_leave_out_labels(w->inventory);
	w->watch = inventory_watch_start(uv, w->program.kube, &config, err);
	if (!w->watch)
		return -1;
	w->budgets = budgets_start(uv, w->program.kube, &budgets, err);
	if (!w->budgets)
		return -1;
	w->ending = namespaces_start(uv, w->program.kube, &ending, err);
	if (!w->ending)
		return -1;
	w->lookups_source = (struct lookups_source){ .lock = &w->lock,
						     .inventory = w->inventory,
						     .watch = w->watch,
						     .budgets = w->budgets,
						     .ending = w->ending };
	w->webhook.lookups = lookups_in(&w->lookups_source);
	w->webhook.lookups.scheduler = w->options.scheduler;
	return 0;
}

static void on_minute(void *ctx)
{
	struct codis_webhook *w = ctx;

	tally_log(&w->tally, &w->program.log);
	memory_give_back();
}

static int start(void *ctx, struct error *err)
{
	struct codis_webhook *w = ctx;
	struct program *p = &w->program;

	w->webhook = (struct webhook){ .log = p->log, .tally = &w->tally, .viewer_image = w->options.viewer_image };
	w->minute = loop_timer_start(&p->loop.uv, STARTED_MS, TALLY_MS, on_minute, w);
	if (!w->minute)
		return error_set(err, ERR_NOMEM, "no memory to start with");
	tally_begin(&w->tally, p->metrics);
	count_watch_errors(w, 0);
	w->drain = drain_new(&p->loop.uv, on_drained, w);
	if (!w->drain)
		return error_set(err, ERR_NOMEM, "no memory to start with");
	p->ops.ready = is_ready;
	p->ops.ctx = w;
	return start_watches(w, err) < 0 ? -1 : start_certs(w, err);
}

/* The server first: its threads read what is freed after them. */
static void stop(void *ctx)
{
	struct codis_webhook *w = ctx;

	httpd_stop(w->httpd);
	tally_log(&w->tally, &w->program.log);
	loop_timer_free(w->minute);
	drain_free(w->drain);
	certs_stop(w->certs);
	namespaces_stop(w->ending);
	kube_events_free(w->events);
	budgets_stop(w->budgets);
	inventory_watch_stop(w->watch);
	inventory_free(w->inventory);
}

int main(int argc, char **argv)
{
	static struct codis_webhook w = { .lock = PTHREAD_MUTEX_INITIALIZER,
					  .program = { .start = start,
						       .drain = drain,
						       .stop = stop,
						       .heard = heard,
						       .alive = is_serving,
						       .ctx = &w } };
	int status;

	if (json_arena_install() < 0)
		return 1;
	if (!opt_begin(webhook_options, &w.options, "codis-webhook",
		       "makes plain codis pods ones that heal, and refuses counts that cannot work", argc, argv,
		       &status))
		return status;
	status = program_run(&w.program, &w.options.program);
	opt_release(webhook_options, &w.options);
	return status;
}
