#include "common/net/ops.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/metrics.h"
#include "common/base/process.h"
#include "common/net/httpd.h"

/* A kubelet and a scraper or two; each has one connection, or opens one for each call. */
#define CONNECTIONS_MAX 64
#define PER_PEER_MAX    10
#define IDLE_MS         10000

typedef bool (*check)(void *ctx, char *why_not, size_t size);

static void answer_check(check ok, void *ctx, struct http_response *res)
{
	char why_not[256] = "";

	if (!ok || ok(ctx, why_not, sizeof(why_not))) {
		buf_addstr(&res->body, "ok\n");
		return;
	}
	res->status = 503;
	buf_addf(&res->body, "%s\n", why_not);
}

/* A scraper takes a half for the whole: of what cannot be told the alerts have to hear. */
static void answer_metrics(const struct ops *o, struct http_response *res)
{
	res->content_type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(o->metrics, &res->body);
	process_metrics_write(&res->body);
	if (o->more_metrics && o->more_metrics(o->ctx, &res->body) < 0)
		res->status = 503;
}

static void on_request(void *ctx, const struct http_request *req, struct http_response *res)
{
	const struct ops *o = ctx;

	if (strcmp(req->method, "GET") != 0 && strcmp(req->method, "HEAD") != 0) {
		res->status = 405;
		buf_addstr(&res->body, "only GET and HEAD are known here\n");
	} else if (strcmp(req->path, "/healthz") == 0) {
		answer_check(o->alive, o->alive_ctx, res);
	} else if (strcmp(req->path, "/readyz") == 0) {
		answer_check(o->ready, o->ctx, res);
	} else if (strcmp(req->path, "/metrics") == 0 && o->metrics) {
		answer_metrics(o, res);
	} else if (o->other) {
		o->other(o->ctx, req, res);
	} else {
		res->status = 404;
		buf_addstr(&res->body, "known are /healthz, /readyz and /metrics\n");
	}
}

int ops_start(struct ops *o, const char *address, struct error *err)
{
	struct httpd_config cfg = {
		.address = address,
		.threads = 1,
		.max_connections = CONNECTIONS_MAX,
		.max_per_peer = PER_PEER_MAX,
		.idle_ms = IDLE_MS,
		.handler = on_request,
		.ctx = o,
		.metrics = o->metrics,
		.port = "ops",
	};

	o->httpd = httpd_start(&cfg, err);
	return o->httpd ? 0 : -1;
}

void ops_stop(struct ops *o)
{
	httpd_stop(o->httpd);
	o->httpd = NULL;
}
