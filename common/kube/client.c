#include "common/kube/client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/kube/config.h"
#include "common/kube/warning.h"
#include "common/net/http.h"

#define CALL_TIMEOUT_MS 10000
/* Of name, TCP and TLS together: an API server that has just been started and meets all its clients at once needs
 * seconds for a handshake, and a SYN that was lost is sent again after one. A call's own limit may be shorter. */
#define CONNECT_TIMEOUT_MS 10000
#define TOKEN_AGE_MS       60000 /* kubelet replaces it well before its end */
#define TLS_AGE_MS         60000 /* of ca.crt and the client certificate, likewise */
#define TOKEN_MAX          16384
#define BODY_MAX           (4u << 20) /* of what we send; the API server takes 3 MiB */
#define ANSWER_MAX         (64u << 20)
/* Values in an answer: a page of 100 nodes or pods of 1,000 values each is a tenth of it; the whole, which is asked for
 * when pages expire, is more. */
#define ANSWER_ITEMS 1000000
/* Of an answer; the API server sends 4 KiB of them at most, and one of a webhook has 256 letters. */
#define WARNINGS_MAX 64
#define WARNING_MAX  (64u << 10)
#define ERROR_MAX    (1u << 20) /* of an answer that refuses a stream */
#define URL_MAX      8192

/* What is the same in all calls: the base of the URL and who we are. */
struct identity {
	char *server;
	char *token_file;
	char *authorization; /* "Authorization: Bearer ...", or NULL */
	int64_t read_ms;     /* when the token was read */
};

/* A pool of connections under one set of certificates. One that was replaced lives until its last call has ended. */
struct transport {
	SLIST_ENTRY(transport) next;
	struct http_client *http;
	size_t calls;
	bool dropped; /* by the client, which may end in the done of a call: that frees it */
};

struct kube_client {
	uv_loop_t *uv;
	struct identity id;
	SLIST_HEAD(, transport) transports; /* the first one is in use */
	struct kube_config tls;             /* its CA and client certificate, and where they are read again */
	int64_t tls_read_ms;
	_Atomic int64_t date_from_mono_ms; /* the API server's wall time less our monotonic one; 0: not known */
	void (*warn)(void *ctx, const char *text);
	void *warn_ctx;
};

/* --- the token ---------------------------------------------------------------------------------------------------- */

static int set_token(struct identity *id, const char *token)
{
	size_t len;
	char *text = NULL;

	token += strspn(token, " \t\r\n");
	len = strcspn(token, " \t\r\n"); /* a line break would start another header */
	if (!len || asprintf(&text, "Authorization: Bearer %.*s", (int)len, token) < 0)
		return -1;
	free(id->authorization);
	id->authorization = text;
	return 0;
}

/* A token that cannot be read, or is empty, leaves the one before in use: the API server says whether it is still good.
 */
static void refresh_token(struct identity *id)
{
	int64_t now = clock_mono_ms();
	char *token;

	if (!id->token_file || (id->authorization && now - id->read_ms < TOKEN_AGE_MS))
		return;
	token = file_read(id->token_file, TOKEN_MAX, NULL);
	if (token && set_token(id, token) == 0)
		id->read_ms = now;
	free(token);
}

static int identity_init(struct identity *id, const struct kube_config *cfg)
{
	*id = (struct identity){ .server = strdup(cfg->server) };
	if (cfg->token_file)
		id->token_file = strdup(cfg->token_file);
	if (!id->server || (cfg->token_file && !id->token_file))
		return -1;
	return cfg->token && *cfg->token ? set_token(id, cfg->token) : 0;
}

static void identity_release(struct identity *id)
{
	free(id->server);
	free(id->token_file);
	free(id->authorization);
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

static struct http_tls tls_of(const struct kube_config *cfg)
{
	return (struct http_tls){ cfg->ca_pem, cfg->cert_pem, cfg->key_pem, cfg->skip_verify };
}

static int add_transport(struct kube_client *c, const struct http_tls *tls, struct error *err)
{
	struct transport *t = calloc(1, sizeof(*t));

	if (!t)
		return error_set(err, ERR_NOMEM, "Kubernetes client: no memory");
	t->http = http_client_new(c->uv, tls, err);
	if (!t->http) {
		free(t);
		return -1;
	}
	SLIST_INSERT_HEAD(&c->transports, t, next);
	return 0;
}

static void free_transport(struct kube_client *c, struct transport *t)
{
	SLIST_REMOVE(&c->transports, t, transport, next);
	t->dropped = true;
	t->calls++; /* what is cancelled now frees nothing */
	http_client_free(t->http);
	if (--t->calls == 0)
		free(t);
}

/* Those that were replaced, once nothing is under way on them. */
static void free_idle_transports(struct kube_client *c)
{
	struct transport *t = SLIST_NEXT(SLIST_FIRST(&c->transports), next), *next;

	for (; t; t = next) {
		next = SLIST_NEXT(t, next);
		if (!t->calls)
			free_transport(c, t);
	}
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_tls(const struct kube_config *a, const struct kube_config *b)
{
	return same_text(a->ca_pem, b->ca_pem) && same_text(a->cert_pem, b->cert_pem) &&
	       same_text(a->key_pem, b->key_pem);
}

/* A file that is written this moment is none. */
static bool is_whole(const char *pem)
{
	return !pem || (strstr(pem, "-----BEGIN ") && strstr(pem, "-----END "));
}

static void take_tls(struct kube_client *c, struct kube_config *now)
{
	struct http_tls tls = tls_of(now);
	struct kube_config old = c->tls;

	if (now->token)
		set_token(&c->id, now->token);
	if (same_tls(&c->tls, now) || !is_whole(now->ca_pem) || !is_whole(now->cert_pem) || !is_whole(now->key_pem) ||
	    add_transport(c, &tls, NULL) < 0)
		return;
	c->tls = *now;
	*now = old;
}

/* ca.crt and a client certificate are replaced under us, as the token is. What cannot be read leaves those before in
 * use. */
static void refresh_tls(struct kube_client *c)
{
	int64_t at = clock_mono_ms();
	struct kube_config now;

	free_idle_transports(c);
	if (!c->tls.loaded || at - c->tls_read_ms < TLS_AGE_MS)
		return;
	c->tls_read_ms = at;
	if (kube_config_load(&now, c->tls.path, NULL) < 0)
		return;
	take_tls(c, &now);
	kube_config_release(&now);
}

/* --- a call's form ------------------------------------------------------------------------------------------------ */

struct form {
	char url[URL_MAX];
	char content_type[96];
	const char *headers[4];
	struct buf body;
	struct http_spec spec;
};

static int fill_form(struct form *f, struct kube_client *c, const char *method, const char *path, const cJSON *body,
		     const char *content_type, struct error *err)
{
	const char **header = f->headers;
	struct identity *id = &c->id;
	int n = snprintf(f->url, sizeof(f->url), "%s%s", id->server, path);

	*f->headers = NULL;
	buf_init(&f->body, BODY_MAX);
	if (n < 0 || (size_t)n >= sizeof(f->url))
		return error_set(err, ERR_TOOBIG, "%s %.100s...: the URL is over %d bytes", method, path, URL_MAX);
	if (!body && strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0)
		return error_set(err, ERR_NOMEM, "%s %.200s: no memory for what is to be sent", method, path);
	if (body && json_write(body, &f->body) < 0)
		return error_set(err, ERR_TOOBIG, "%s %.200s: no memory, or over %u bytes to send", method, path,
				 BODY_MAX);
	refresh_tls(c);
	refresh_token(id);
	if (id->authorization)
		*header++ = id->authorization;
	*header++ = "Accept: " KUBE_JSON;
	if (body) {
		snprintf(f->content_type, sizeof(f->content_type), "Content-Type: %s",
			 content_type ? content_type : KUBE_JSON);
		*header++ = f->content_type;
	}
	*header = NULL;
	f->spec = (struct http_spec){ .method = method,
				      .url = f->url,
				      .headers = f->headers,
				      .connect_timeout_ms = CONNECT_TIMEOUT_MS,
				      .max_body = ANSWER_MAX,
				      .body = body ? f->body.data : NULL,
				      .body_len = f->body.len };
	return 0;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

/* Of a namespace that is being deleted (plugin/namespace/lifecycle of the API server). */
static bool is_ending(const cJSON *object)
{
	const cJSON *cause;

	cJSON_ArrayForEach(cause, json_get(object, "details", "causes", NULL)) {
		const char *reason = json_str(cause, "reason", NULL);

		if (reason && strcmp(reason, "NamespaceTerminating") == 0)
			return true;
	}
	return false;
}

/* A JSON Patch one of whose tests has failed: the API server's own words (NewGenericServerResponse of apimachinery), as
 * there is nothing else that tells it from what a webhook refuses. */
static bool is_overtaken(const cJSON *object)
{
	const char *message = json_str(object, "message", NULL);

	return message && strcmp(message, "the server rejected our request due to an error in our request") == 0;
}

static enum error_code code_of(int status, const char *reason, const cJSON *object)
{
	switch (status) {
	case 401: return ERR_DENIED;
	case 403: return is_ending(object) ? ERR_ENDING : ERR_DENIED;
	case 404: return ERR_NOTFOUND;
	case 409: return strcmp(reason, "AlreadyExists") == 0 ? ERR_EXISTS : ERR_CONFLICT;
	case 410: return ERR_GONE;
	case 422: return is_overtaken(object) ? ERR_CONFLICT : ERR_STATUS;
	default: return ERR_STATUS;
	}
}

/* The words of a Status object, or of whatever else answered. */
static int refused(int status, const char *body, const cJSON *object, struct error *err)
{
	const char *message = json_str(object, "message", NULL), *reason = json_str(object, "reason", NULL);

	error_set(err, code_of(status, reason ? reason : "", object), "HTTP %d: %.400s", status,
		  message  ? message
		  : object ? "(no message)"
			   : body);
	if (err)
		err->status = status;
	return -1;
}

/* 0 and *object (the caller's), or -1 and *err; then *object is the Status object, or NULL. */
static int read_answer(int status, const char *body, size_t len, cJSON **object, struct error *err)
{
	struct error why;

	*object = json_parse(body, len, ANSWER_ITEMS, &why);
	if (status / 100 != 2)
		return refused(status, body, *object, err);
	return *object ? 0 : error_set(err, ERR_PROTOCOL, "the answer is %s", why.text);
}

/* --- calls on the loop -------------------------------------------------------------------------------------------- */

struct request {
	struct kube_client *client;
	struct transport *transport; /* counts us */
	kube_done done;
	void (*on_page)(void *ctx, struct json_span page, const struct error *err); /* instead of done */
	int (*on_data)(void *ctx, const char *data, size_t len);
	void *ctx;
	bool refusals;  /* done gets the Status object of a refusal, too */
	char what[256]; /* "PUT /apis/...", without the query */
};

static void request_free(void *ctx)
{
	struct request *r = ctx;

	if (--r->transport->calls == 0 && r->transport->dropped)
		free(r->transport);
	free(r);
}

/* Who we are, or whom we trust, may have been replaced this moment: it is read again before the next call. */
static void doubt(struct kube_client *c, const struct http_result *res)
{
	if (res->status == 401)
		c->id.read_ms -= TOKEN_AGE_MS;
	if (res->status == 401 ||
	    (res->err && (res->err->code == ERR_PROTOCOL || res->err->code == ERR_IO || res->err->code == ERR_INVALID)))
		c->tls_read_ms -= TLS_AGE_MS;
}

static void hand_over_warnings(const struct kube_client *c, const struct http_result *res)
{
	BUF_CLEANUP struct buf text = BUF_INIT(WARNING_MAX);
	const char *value;

	for (size_t i = 0; c->warn && i < WARNINGS_MAX && (value = http_header(res, "Warning", i)); i++) {
		if (kube_warning_text(value, &text))
			c->warn(c->warn_ctx, text.data);
	}
}

static void on_answer(void *ctx, const struct http_result *res)
{
	struct request *r = ctx;
	cJSON *object = NULL;
	struct error err = ERROR_INIT;
	int failed = 0;

	if (res->err) {
		err = *res->err;
		failed = -1;
	} else if ((!r->on_data && !r->on_page) || res->status / 100 != 2) {
		failed = read_answer(res->status, res->body, res->len, &object, &err);
	}
	if (failed)
		error_wrap(&err, "%s", r->what);
	err.retry_after_s = res->retry_after_s;
	doubt(r->client, res);
	if (res->date_ms)
		atomic_store(&r->client->date_from_mono_ms, res->date_ms - clock_mono_ms());
	if (!r->on_page && !r->on_data)
		hand_over_warnings(r->client, res);
	if (r->on_page)
		r->on_page(r->ctx, failed ? (struct json_span){ .at = NULL } : json_span_trim(res->body, res->len),
			   failed ? &err : NULL);
	else
		r->done(r->ctx, failed && !r->refusals ? NULL : object, failed ? &err : NULL);
	cJSON_Delete(object);
}

static int on_stream(void *ctx, const char *data, size_t len)
{
	struct request *r = ctx;

	return r->on_data(r->ctx, data, len);
}

static struct request *request_new(struct kube_client *c, const char *method, const char *path, kube_done done,
				   void *ctx)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct request){ .client = c, .done = done, .ctx = ctx };
	snprintf(r->what, sizeof(r->what), "%s %.*s", method, (int)strcspn(path, "?"), path);
	return r;
}

/* Takes r over. */
static struct http_call *send_form(struct kube_client *c, struct form *f, struct request *r, struct error *err)
{
	struct http_call *call = NULL;

	f->spec.release = request_free;
	if (r) {
		r->transport = SLIST_FIRST(&c->transports);
		call = http_send(r->transport->http, &f->spec, on_answer, r, err);
	} else {
		error_set(err, ERR_NOMEM, "no memory");
	}
	if (call)
		r->transport->calls++;
	else
		free(r);
	return call;
}

/* Takes r over. */
static struct http_call *send_object(struct kube_client *c, struct request *r, const char *method, const char *path,
				     const cJSON *body, const char *content_type, int timeout_ms, struct error *err)
{
	struct http_call *call = NULL;
	struct form f;

	if (fill_form(&f, c, method, path, body, content_type, err) == 0) {
		f.spec.timeout_ms = timeout_ms;
		call = send_form(c, &f, r, err);
	} else {
		free(r);
	}
	buf_release(&f.body);
	return call;
}

struct http_call *kube_call(struct kube_client *c, const char *method, const char *path, const cJSON *body,
			    const char *content_type, int timeout_ms, kube_done done, void *ctx, struct error *err)
{
	return send_object(c, request_new(c, method, path, done, ctx), method, path, body, content_type,
			   timeout_ms ? timeout_ms : CALL_TIMEOUT_MS, err);
}

struct http_call *kube_apply(struct kube_client *c, const char *path, const cJSON *body, int timeout_ms, kube_done done,
			     void *ctx, struct error *err)
{
	struct request *r = request_new(c, "PATCH", path, done, ctx);

	if (r)
		r->refusals = true;
	return send_object(c, r, "PATCH", path, body, KUBE_APPLY_PATCH, timeout_ms, err);
}

struct http_call *kube_list(struct kube_client *c, const char *path, int timeout_ms, int idle_ms,
			    void (*on_page)(void *ctx, struct json_span page, const struct error *err), void *ctx,
			    struct error *err)
{
	struct request *r;
	struct form f;

	if (fill_form(&f, c, "GET", path, NULL, NULL, err) < 0)
		return NULL;
	f.spec.timeout_ms = timeout_ms ? timeout_ms : CALL_TIMEOUT_MS;
	f.spec.idle_timeout_ms = idle_ms;
	r = request_new(c, "GET", path, NULL, ctx);
	if (r)
		r->on_page = on_page;
	return send_form(c, &f, r, err);
}

struct http_call *kube_stream(struct kube_client *c, const char *path, int timeout_ms, int idle_ms,
			      int (*on_data)(void *ctx, const char *data, size_t len), kube_done done, void *ctx,
			      struct error *err)
{
	struct request *r;
	struct form f;

	if (fill_form(&f, c, "GET", path, NULL, NULL, err) < 0)
		return NULL;
	f.spec.timeout_ms = timeout_ms;
	f.spec.idle_timeout_ms = idle_ms;
	f.spec.max_body = ERROR_MAX;
	f.spec.on_data = on_stream;
	r = request_new(c, "GET", path, done, ctx);
	if (r)
		r->on_data = on_data;
	return send_form(c, &f, r, err);
}

/* --- the client --------------------------------------------------------------------------------------------------- */

static int copy_text(const char *text, char **copy)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -1 : 0;
}

static int copy_tls(struct kube_client *c, const struct kube_config *cfg)
{
	struct kube_config *tls = &c->tls;

	tls->skip_verify = cfg->skip_verify;
	tls->loaded = cfg->loaded;
	c->tls_read_ms = clock_mono_ms();
	return copy_text(cfg->path, &tls->path) | copy_text(cfg->ca_pem, &tls->ca_pem) |
	       copy_text(cfg->cert_pem, &tls->cert_pem) | copy_text(cfg->key_pem, &tls->key_pem);
}

struct kube_client *kube_client_new(uv_loop_t *uv, const struct kube_config *cfg, struct error *err)
{
	struct kube_client *c = calloc(1, sizeof(*c));
	struct http_tls tls = tls_of(cfg);

	if (c)
		c->uv = uv;
	if (!c || identity_init(&c->id, cfg) < 0 || copy_tls(c, cfg) < 0) {
		error_set(err, ERR_NOMEM, "Kubernetes client: no memory, or a token that is none");
		kube_client_free(c);
		return NULL;
	}
	if (add_transport(c, &tls, err) < 0) {
		kube_client_free(c);
		return NULL;
	}
	return c;
}

void kube_client_free(struct kube_client *c)
{
	struct transport *t;

	if (!c)
		return;
	while ((t = SLIST_FIRST(&c->transports)))
		free_transport(c, t);
	identity_release(&c->id);
	kube_config_release(&c->tls);
	free(c);
}

void kube_client_on_warning(struct kube_client *c, void (*warn)(void *ctx, const char *text), void *ctx)
{
	c->warn = warn;
	c->warn_ctx = ctx;
}

int64_t kube_client_date_ms(const struct kube_client *c)
{
	int64_t from_mono_ms = atomic_load(&c->date_from_mono_ms);

	return from_mono_ms ? from_mono_ms + clock_mono_ms() : 0;
}
