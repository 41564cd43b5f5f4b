#include "extender/beside.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/kube/event.h"
#include "common/net/http.h"
#include "common/net/loop.h"
#include "extender/skew.h"

#define TURN_MS        2000
#define ASK_TIMEOUT_MS 1500
/* The version of a server that is upgraded changes while it serves. A minute; oftener while the watches do not come, to
 * know whether that is the server's fault. */
#define SERVER_TURNS       30
#define SERVER_TURNS_DEAF  5
#define METRICS_TIMEOUT_MS 5000
/* A scheduler of 5,000 nodes says less than 1 MiB. */
#define METRICS_MAX (16u << 20)

struct beside {
	struct beside_config cfg;
	struct http_client *http;
	struct loop_timer *timer;
	struct http_call *ready_call, *metrics_call, *server_call, *pod_call;
	unsigned turns;
	atomic_int status;         /* of the last answer to /readyz; 0: none came */
	atomic_llong answered_ms;  /* clock_mono_ms() of it, or of the start */
	atomic_llong deaf_from_ms; /* 0: it is not */
	bool server_answers;
	bool version_asked;                    /* of the process that answers now */
	struct skew_version scheduler, server; /* text "": not known */
	struct skew_version said_scheduler, said_server;
	char sentence[512];
};

/* --- the versions ------------------------------------------------------------------------------------------------- */

/* Shown by `kubectl describe pod`, where people look why the scheduler does nothing. */
static void on_own_pod(void *ctx, const cJSON *pod, const struct error *err)
{
	struct beside *b = ctx;

	b->pod_call = NULL;
	if (!err)
		kube_event(b->cfg.events, "Pod", pod, true, "VersionSkew", "%s", b->sentence);
}

static void tell(struct beside *b)
{
	char path[512];
	struct buf at = BUF_IN(path);

	log_warn(&b->cfg.log, "scheduler.skew", "scheduler=%s server=%s error=%s", LOGW(b->scheduler.text),
		 LOGW(b->server.text), LOGQ(b->sentence));
	buf_addstr(&at, "/api/v1/namespaces/");
	text_escape(&at, b->cfg.namespace);
	buf_addstr(&at, "/pods/");
	text_escape(&at, b->cfg.pod_name);
	if (!b->pod_call && !buf_check(&at, "path", NULL)) /* without it the log has said so */
		b->pod_call = kube_call(b->cfg.kube, "GET", path, NULL, NULL, 0, on_own_pod, b, NULL);
}

static bool is_said(const struct beside *b)
{
	return skew_version_is(&b->scheduler, &b->said_scheduler) && skew_version_is(&b->server, &b->said_server);
}

/* Each pair once. */
static void compare(struct beside *b)
{
	char text[sizeof(b->sentence)];
	struct buf out = BUF_IN(text);

	if (!b->scheduler.text[0] || !b->server.text[0] || is_said(b))
		return;
	b->said_scheduler = b->scheduler;
	b->said_server = b->server;
	if (!skew_is_wrong(&b->scheduler, &b->server, &out)) {
		log_info(&b->cfg.log, "scheduler.version", "scheduler=%s server=%s", LOGW(b->scheduler.text),
			 LOGW(b->server.text));
		return;
	}
	text_copy(b->sentence, sizeof(b->sentence), text);
	tell(b);
}

static void on_server(void *ctx, const cJSON *object, const struct error *err)
{
	struct beside *b = ctx;
	const char *version = object ? json_str(object, "gitVersion", NULL) : NULL;

	b->server_call = NULL;
	b->server_answers = !err;
	if (version && skew_version_parse(version, &b->server))
		compare(b);
}

static void ask_server(struct beside *b)
{
	if (!b->server_call)
		b->server_call = kube_call(b->cfg.kube, "GET", "/version", NULL, NULL, 0, on_server, b, NULL);
}

static struct http_call *ask(struct beside *b, const char *path, int timeout_ms, size_t max_body, http_done done)
{
	char url[320];
	struct http_spec spec = { .method = "GET", .url = url, .timeout_ms = timeout_ms, .max_body = max_body };

	snprintf(url, sizeof(url), "https://%s%s", b->cfg.scheduler, path);
	return http_send(b->http, &spec, done, b, NULL);
}

static void on_metrics(void *ctx, const struct http_result *res)
{
	struct beside *b = ctx;

	b->metrics_call = NULL;
	if (res->err)
		return;
	b->version_asked = true;
	if (res->status == 200 && skew_version_in_metrics(res->body, &b->scheduler))
		compare(b);
	else
		log_warn(&b->cfg.log, "scheduler.version", "status=%d error=%s", res->status,
			 LOGQ("its metrics do not say which version it is; it needs "
			      "--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics"));
}

/* --- whether it answers ------------------------------------------------------------------------------------------- */

static void on_ready(void *ctx, const struct http_result *res)
{
	struct beside *b = ctx;

	b->ready_call = NULL;
	atomic_store(&b->status, res->status);
	if (res->err) {
		b->version_asked = false; /* another process may be there next */
		return;
	}
	atomic_store(&b->answered_ms, clock_mono_ms());
	if (!b->version_asked && !b->metrics_call)
		b->metrics_call = ask(b, "/metrics", METRICS_TIMEOUT_MS, METRICS_MAX, on_metrics);
}

static void on_turn(void *ctx)
{
	struct beside *b = ctx;
	char why_not[256];
	bool hears = b->cfg.hears(b->cfg.ctx, why_not, sizeof(why_not));

	if (hears || !b->server_answers)
		atomic_store(&b->deaf_from_ms, 0);
	else if (!atomic_load(&b->deaf_from_ms))
		atomic_store(&b->deaf_from_ms, clock_mono_ms());
	if (b->turns++ % (hears ? SERVER_TURNS : SERVER_TURNS_DEAF) == 0 || !b->server.text[0])
		ask_server(b);
	if (!b->ready_call)
		b->ready_call = ask(b, "/readyz", ASK_TIMEOUT_MS, 0, on_ready);
}

struct beside *beside_start(uv_loop_t *uv, const struct beside_config *cfg, struct error *err)
{
	/* Its certificate is its own, made at its start; it is on our loopback, and is told no secret. */
	static const struct http_tls own = { .skip_verify = true };
	struct beside *b = calloc(1, sizeof(*b));
	int every = cfg->turn_ms ? cfg->turn_ms : TURN_MS;

	if (!b) {
		error_set(err, ERR_NOMEM, "no memory to watch the scheduler");
		return NULL;
	}
	b->cfg = *cfg;
	atomic_store(&b->answered_ms, clock_mono_ms());
	b->http = http_client_new(uv, &own, err);
	if (b->http) {
		b->timer = loop_timer_start(uv, 0, (uint64_t)every, on_turn, b);
		if (b->timer)
			return b;
		error_set(err, ERR_NOMEM, "no memory to watch the scheduler");
	}
	beside_stop(b);
	return NULL;
}

void beside_stop(struct beside *b)
{
	if (!b)
		return;
	loop_timer_free(b->timer);
	http_cancel(b->server_call);
	http_cancel(b->pod_call);
	http_client_free(b->http);
	free(b);
}

bool beside_ready(const struct beside *b, char *why_not, size_t size)
{
	int status = atomic_load(&b->status);

	if (status == 200 || status == 404) /* before 1.31 it does not know the question */
		return true;
	if (status)
		snprintf(why_not, size, "kube-scheduler at %s is not ready (%d at /readyz)", b->cfg.scheduler, status);
	else
		snprintf(why_not, size, "kube-scheduler at %s does not answer", b->cfg.scheduler);
	return false;
}

bool beside_alive(const struct beside *b, int64_t now_ms, char *why_not, size_t size)
{
	long long silent = now_ms - atomic_load(&b->answered_ms), since = atomic_load(&b->deaf_from_ms);

	if (since && now_ms - since >= BESIDE_DEAF_MS)
		snprintf(why_not, size,
			 "the API server answers, but codis-extender has had too little of it for %lld s",
			 (now_ms - since) / 1000);
	else if (silent >= BESIDE_SILENT_MS)
		snprintf(why_not, size, "kube-scheduler at %s has not answered for %lld s", b->cfg.scheduler,
			 silent / 1000);
	else
		return true;
	return false;
}
