#include "common/codis/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/net/http.h"

/* A proxy's 1,024 slots with their replica groups have 400 KiB, its statistics some dozen. */
#define ANSWER_MAX (2u << 20)
/* A dashboard says INFO of every server, 3 KiB each: that of 1,000 servers, of which only the slots are parsed. */
#define TOPOM_MAX         (4u << 20)
#define ACTION_TIMEOUT_MS 10000
/* 1,024 nodes written one after the other, each with its fsync in ZooKeeper: 4 s on a quiet machine, over 10 s
 * measured. One that dies at it keeps its lock for as long. */
#define ASSIGN_TIMEOUT_MS 60000

struct rest_call {
	codis_done done;
	void *ctx;
	struct overview_slots *slots; /* of an overview; or NULL */
	bool only_slots;
	char what[160]; /* "PUT 10.0.0.1:18080/api/topom/reload", for errors; without the XAuth */
};

static void failed(struct rest_call *call, const struct error *why)
{
	struct error err = *why;

	error_wrap(&err, "%s", call->what);
	call->done(call->ctx, NULL, &err);
}

static void refused(struct rest_call *call, int status, const cJSON *answer)
{
	const char *cause = json_str(answer, "Cause", NULL);
	struct error err = ERROR_INIT;

	error_set(&err, ERR_STATUS, "HTTP %d: %s", status, cause ? cause : "no cause given");
	err.status = status;
	failed(call, &err);
}

static void on_result(void *ctx, const struct http_result *res)
{
	struct rest_call *call = ctx;
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *answer = NULL;

	if (res->err) {
		failed(call, res->err);
	} else {
		answer = call->slots && res->status == 200
				 ? overview_parse(res->body, res->len, call->only_slots, call->slots, &err)
				 : json_parse(res->body, res->len, OVERVIEW_ITEMS, &err);
		if (res->status != 200)
			refused(call, res->status, answer);
		else if (!answer)
			failed(call, &err);
		else
			call->done(call->ctx, answer, NULL);
	}
}

struct target {
	const char *method, *addr, *path;
	const char *secret; /* what follows the path: "/<xauth>..." ; never shown */
	const cJSON *body;
	int timeout_ms;
	struct overview_slots *slots;
	bool only_slots, fresh;
};

static int rest(struct http_client *http, const struct target *t, codis_done done, void *ctx, struct error *err)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	BUF_CLEANUP struct buf url = BUF_INIT(1024), body = BUF_INIT(1u << 20);
	struct rest_call *call = calloc(1, sizeof(*call));
	struct http_spec spec = { .method = t->method,
				  .url = NULL,
				  .headers = headers,
				  .timeout_ms = t->timeout_ms,
				  .connect_timeout_ms = t->timeout_ms,
				  .fresh = t->fresh,
				  .max_body = t->only_slots ? TOPOM_MAX : ANSWER_MAX,
				  .release = free };

	if (!t->addr[0]) {
		free(call);
		return error_set(err, ERR_IO, "%s %s: no dashboard is known that answers", t->method, t->path);
	}
	if (!call)
		return error_set(err, ERR_NOMEM, "%s %s%s: no memory", t->method, t->addr, t->path);
	*call = (struct rest_call){ .done = done, .ctx = ctx, .slots = t->slots, .only_slots = t->only_slots };
	snprintf(call->what, sizeof(call->what), "%s %s%s", t->method, t->addr, t->path);
	buf_addf(&url, "http://%s%s%s", t->addr, t->path, t->secret);
	if (t->body)
		json_write(t->body, &body);
	if (buf_check(&url, "URL", err) < 0 || buf_check(&body, "request body", err) < 0) {
		error_wrap(err, "%s", call->what);
		free(call);
		return -1;
	}
	spec.url = url.data;
	if (t->body) {
		spec.body = body.data;
		spec.body_len = body.len;
	}
	if (!http_send(http, &spec, on_result, call, err)) {
		error_wrap(err, "%s", call->what);
		free(call);
		return -1;
	}
	return 0;
}

int dashboard_overview(struct http_client *http, const char *addr, int timeout_ms, struct overview_slots *slots,
		       codis_done done, void *ctx, struct error *err)
{
	struct target t = { "GET", addr, "/topom", "", NULL, timeout_ms, slots, true, false };

	return rest(http, &t, done, ctx, err);
}

static int dashboard_put(struct http_client *http, const char *addr, const char *product, const char *path,
			 const char *argument, const cJSON *body, int timeout_ms, codis_done done, void *ctx,
			 struct error *err)
{
	char xauth[CODIS_XAUTH_SIZE], secret[CODIS_XAUTH_SIZE + CODIS_ADDR_MAX + 4];
	struct target t = { "PUT", addr, path, secret, body, timeout_ms, NULL, false, false };

	codis_xauth(product, NULL, NULL, xauth);
	snprintf(secret, sizeof(secret), "/%s%s%s", xauth, argument ? "/" : "", argument ? argument : "");
	return rest(http, &t, done, ctx, err);
}

int dashboard_reload(struct http_client *http, const char *addr, const char *product, codis_done done, void *ctx,
		     struct error *err)
{
	return dashboard_put(http, addr, product, "/api/topom/reload", NULL, NULL, ACTION_TIMEOUT_MS, done, ctx, err);
}

int dashboard_online_proxy(struct http_client *http, const char *addr, const char *product, const char *admin_addr,
			   codis_done done, void *ctx, struct error *err)
{
	return dashboard_put(http, addr, product, "/api/topom/proxy/online", admin_addr, NULL, ACTION_TIMEOUT_MS, done,
			     ctx, err);
}

int dashboard_assign_slots(struct http_client *http, const char *addr, const char *product, const cJSON *slots,
			   codis_done done, void *ctx, struct error *err)
{
	return dashboard_put(http, addr, product, "/api/topom/slots/assign", NULL, slots, ASSIGN_TIMEOUT_MS, done, ctx,
			     err);
}

int dashboard_move_slot(struct http_client *http, const char *addr, const char *product, int slot, int gid,
			codis_done done, void *ctx, struct error *err)
{
	char which[32];

	snprintf(which, sizeof(which), "%d/%d", slot, gid);
	return dashboard_put(http, addr, product, "/api/topom/slots/action/create", which, NULL, ACTION_TIMEOUT_MS,
			     done, ctx, err);
}

int dashboard_set_interval(struct http_client *http, const char *addr, const char *product, int us, codis_done done,
			   void *ctx, struct error *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", us);
	return dashboard_put(http, addr, product, "/api/topom/slots/action/interval", text, NULL, ACTION_TIMEOUT_MS,
			     done, ctx, err);
}

int codis_knock(struct http_client *http, const char *addr, int timeout_ms, codis_done done, void *ctx,
		struct error *err)
{
	struct target t = { "GET", addr, "/", "", NULL, timeout_ms, NULL, false, true };

	return rest(http, &t, done, ctx, err);
}

int proxy_overview(struct http_client *http, const char *addr, int timeout_ms, struct overview_slots *slots,
		   codis_done done, void *ctx, struct error *err)
{
	struct target t = { "GET", addr, "/proxy", "", NULL, timeout_ms, slots, false, false };

	return rest(http, &t, done, ctx, err);
}

int proxy_fill_slots(struct http_client *http, const char *addr, const char *xauth, const cJSON *slots, int timeout_ms,
		     codis_done done, void *ctx, struct error *err)
{
	char secret[CODIS_XAUTH_SIZE + 2];
	struct target t = { "PUT", addr, "/api/proxy/fillslots", secret, slots, timeout_ms, NULL, false, false };

	snprintf(secret, sizeof(secret), "/%s", xauth);
	return rest(http, &t, done, ctx, err);
}
