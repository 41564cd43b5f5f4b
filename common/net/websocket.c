#include "common/net/websocket.h"

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/net/http.h"
#include "common/net/loop_inner.h"

#define HOST_MAX      256
#define FDS_MAX       256
#define CONNECT_MAX_S 10
#define TURNS         16         /* a handle closes in one; a connection has two, and the context some of its own */
#define PROTOCOL      "codisctl" /* lws' own name of it; what is offered is the spec's */

struct message {
	STAILQ_ENTRY(message) next;
	size_t len;
	unsigned char room[]; /* LWS_PRE bytes, then len */
};

struct websocket {
	LIST_ENTRY(websocket) next;
	struct websockets *owner;
	struct lws *wsi;
	struct websocket_spec spec;
	char *authorization;
	STAILQ_HEAD(, message) waiting;
	size_t waiting_bytes;
	struct buf came; /* of a message whose end has not come yet */
	bool open;
	bool in_call; /* of lws: it ends by what the callback returns */
	bool closed;  /* by its owner, from within a callback */
};

struct websockets {
	struct loop_inner *loop;
	struct lws_context *lws; /* NULL once lws has let go of it */
	SSL_CTX *tls;            /* NULL: without */
	bool skip_verify;
	char host[HOST_MAX];
	int port;
	LIST_HEAD(, websocket) all;
};

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

static int tls_failed(struct error *err, const char *what)
{
	char why[160];

	ERR_error_string_n(ERR_get_error(), why, sizeof(why));
	ERR_clear_error();
	return error_set(err, ERR_INVALID, "%s: %s", what, why);
}

static int trust(SSL_CTX *ctx, const char *pem, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	int n = 0, failed = !bio;
	X509 *cert;

	while (!failed && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		failed = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) != 1;
		X509_free(cert);
		n++;
	}
	BIO_free(bio);
	if (failed || !n)
		return tls_failed(err, "the CA of the API server cannot be read");
	ERR_clear_error(); /* the end of the text */
	return 0;
}

static int show_chain(SSL_CTX *ctx, BIO *bio)
{
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	int r = cert ? SSL_CTX_use_certificate(ctx, cert) : 0;

	X509_free(cert);
	while (r == 1 && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		r = (int)SSL_CTX_add_extra_chain_cert(ctx, cert);
		if (r != 1)
			X509_free(cert);
	}
	if (r == 1)
		ERR_clear_error();
	return r == 1 ? 0 : -1;
}

static int show(SSL_CTX *ctx, const struct http_tls *tls, struct error *err)
{
	BIO *cert = BIO_new_mem_buf(tls->cert_pem, -1), *key = BIO_new_mem_buf(tls->key_pem, -1);
	EVP_PKEY *pkey = key ? PEM_read_bio_PrivateKey(key, NULL, NULL, NULL) : NULL;
	int r = cert && pkey ? show_chain(ctx, cert) : -1;

	if (r == 0 && SSL_CTX_use_PrivateKey(ctx, pkey) != 1)
		r = -1;
	EVP_PKEY_free(pkey);
	BIO_free(cert);
	BIO_free(key);
	return r < 0 ? tls_failed(err, "the client certificate cannot be used") : 0;
}

static bool is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* lws itself does not know of certificates for an address. */
static int expect_name(SSL_CTX *ctx, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ? 0 : -1;
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 ? 0 : -1;
}

static SSL_CTX *make_tls(const char *host, const struct http_tls *tls, struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int r = ctx ? 0 : error_set(err, ERR_NOMEM, "no memory for TLS");

	if (r == 0 && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		r = tls_failed(err, "TLS");
	if (r == 0 && tls && tls->ca_pem)
		r = trust(ctx, tls->ca_pem, err);
	else if (r == 0 && SSL_CTX_set_default_verify_paths(ctx) != 1)
		r = tls_failed(err, "the system's CAs");
	if (r == 0 && tls && tls->cert_pem && tls->key_pem)
		r = show(ctx, tls, err);
	if (r == 0 && !(tls && tls->skip_verify)) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		if (expect_name(ctx, host) < 0)
			r = tls_failed(err, host);
	}
	if (r == 0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* --- what lws calls ----------------------------------------------------------------------------------------------- */

static void release(struct websocket *w)
{
	struct message *m;

	while ((m = STAILQ_FIRST(&w->waiting))) {
		STAILQ_REMOVE_HEAD(&w->waiting, next);
		free(m);
	}
	LIST_REMOVE(w, next);
	buf_release(&w->came);
	free(w->authorization);
	free(w);
}

/* lws forgets it. */
static void detach(struct websocket *w)
{
	if (w->wsi)
		lws_set_opaque_user_data(w->wsi, NULL);
	w->wsi = NULL;
}

static void end(struct websocket *w, const struct error *err)
{
	detach(w);
	if (!w->closed)
		w->spec.on_end(w->spec.ctx, err);
	release(w);
}

static int add_headers(struct websocket *w, unsigned char **at, size_t len)
{
	const char *value = w->authorization;

	if (!value)
		return 0;
	return lws_add_http_header_by_token(w->wsi, WSI_TOKEN_HTTP_AUTHORIZATION, (const unsigned char *)value,
					    (int)strlen(value), at, *at + len);
}

static int take(struct websocket *w, const void *data, size_t len)
{
	if (buf_add(&w->came, data, len) < 0)
		return -1;
	if (lws_remaining_packet_payload(w->wsi) || !lws_is_final_fragment(w->wsi))
		return 0;
	w->spec.on_message(w->spec.ctx, (const unsigned char *)w->came.data, w->came.len);
	buf_reset(&w->came);
	return 0;
}

static int write_next(struct websocket *w)
{
	struct message *m = STAILQ_FIRST(&w->waiting);
	int n;

	if (!m)
		return 0;
	n = lws_write(w->wsi, m->room + LWS_PRE, m->len, LWS_WRITE_BINARY);
	if (n < 0)
		return -1;
	STAILQ_REMOVE_HEAD(&w->waiting, next);
	w->waiting_bytes -= m->len;
	free(m);
	if (!STAILQ_EMPTY(&w->waiting))
		lws_callback_on_writable(w->wsi);
	return 0;
}

static void refused(struct websocket *w, const char *why)
{
	int status = (int)lws_http_client_http_response(w->wsi);
	struct error err;

	if (status == 401 || status == 403)
		error_set(&err, ERR_DENIED, "the API server does not allow it (HTTP %d)", status);
	else if (status >= 300)
		error_set(&err, ERR_STATUS, "the API server answers HTTP %d", status);
	else
		error_set(&err, ERR_IO, "%s:%d: %s", w->owner->host, w->owner->port, why ? why : "no connection");
	err.status = status;
	end(w, &err);
}

/* 0, or -1: the connection is to be closed. */
static int act(struct websocket *w, enum lws_callback_reasons reason, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: return add_headers(w, in, len) ? -1 : 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		w->open = true;
		lws_callback_on_writable(w->wsi);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE: return take(w, in, len);
	case LWS_CALLBACK_CLIENT_WRITEABLE: return write_next(w);
	default: return 0;
	}
}

static bool ends(enum lws_callback_reasons reason)
{
	return reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR || reason == LWS_CALLBACK_CLIENT_CLOSED ||
	       reason == LWS_CALLBACK_WSI_DESTROY; /* whatever else was not told */
}

/* w is no more after it. */
static void act_end(struct websocket *w, enum lws_callback_reasons reason, const char *why)
{
	struct error err;

	if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
		refused(w, why);
		return;
	}
	error_set(&err, ERR_IO, "the connection was closed");
	end(w, &err);
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct websocket *w = wsi ? lws_get_opaque_user_data(wsi) : NULL;
	int r;

	(void)user;
	if (!w || w->in_call)
		return 0;
	w->wsi = wsi;
	w->in_call = true;
	if (ends(reason)) {
		act_end(w, reason, in);
		return 0;
	}
	r = act(w, reason, in, len);
	w->in_call = false;
	if (!w->closed)
		return r;
	detach(w);
	release(w);
	return -1;
}

/* --- the server's connections ------------------------------------------------------------------------------------- */

static const struct lws_protocols protocols[] = { { PROTOCOL, on_lws, 0, 65536, 0, NULL, 0 },
						  { NULL, NULL, 0, 0, 0, NULL, 0 } };

/* "https://HOST[:PORT]" */
static int split(struct websockets *s, const char *server, bool *tls, struct error *err)
{
	const char *host = strstr(server, "://"), *end, *port;
	size_t len;

	*tls = strncmp(server, "https://", 8) == 0;
	if (!host || (!*tls && strncmp(server, "http://", 7) != 0))
		return error_set(err, ERR_INVALID, "%s is no address of a server", server);
	host += 3;
	end = host + strcspn(host, "/");
	port = *host == '[' ? strchr(host, ']') : host + strcspn(host, ":/");
	len = port ? (size_t)(port - host) - (*host == '[') : 0;
	if (!len || len >= sizeof(s->host) || (end[0] && end[1]))
		return error_set(err, ERR_INVALID, "%s is no address of a server without a path", server);
	memcpy(s->host, host + (*host == '['), len);
	port += *port == ']';
	s->port = *port == ':' ? (int)strtol(port + 1, NULL, 10) : *tls ? 443 : 80;
	return 0;
}

static int make_context(struct websockets *s, struct error *err)
{
	struct lws_context_creation_info info = { 0 };
	void *loops[] = { loop_inner_uv(s->loop) };

	lws_set_log_level(0, NULL);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = protocols;
	info.options = LWS_SERVER_OPTION_LIBUV | (s->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0);
	info.foreign_loops = loops;
	info.pcontext = &s->lws;
	info.provided_client_ssl_ctx = s->tls;
	info.fd_limit_per_thread = FDS_MAX;
	info.connect_timeout_secs = CONNECT_MAX_S;
	info.timeout_secs = CONNECT_MAX_S;
	s->lws = lws_create_context(&info);
	return s->lws ? 0 : error_set(err, ERR_INVALID, "libwebsockets cannot use libuv: is its evlib-uv installed?");
}

struct websockets *websockets_new(uv_loop_t *uv, const char *server, const struct http_tls *tls, struct error *err)
{
	struct websockets *s = calloc(1, sizeof(*s));
	bool secure;
	int r;

	if (!s) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	s->skip_verify = tls && tls->skip_verify;
	LIST_INIT(&s->all);
	r = split(s, server, &secure, err);
	if (r == 0 && secure) {
		s->tls = make_tls(s->host, tls, err);
		r = s->tls ? 0 : -1;
	}
	if (r == 0 && !(s->loop = loop_inner_new(uv)))
		r = error_set(err, ERR_NOMEM, "no memory or no descriptors for connections");
	if (r == 0)
		r = make_context(s, err);
	if (r == 0)
		return s;
	websockets_free(s);
	return NULL;
}

/* On a loop that it is given lws closes what it has in some turns of that; the second call, behind them, lets go of the
 * rest, and s->lws is NULL then. In one of these turns lws 4.1 closes the descriptor of its own event again, which the
 * first call has closed: nothing may open one meanwhile, so the loop has nothing else on it. */
static void destroy(struct websockets *s)
{
	for (int calls = 0; s->lws && calls < 2; calls++) {
		lws_context_destroy(s->lws);
		for (int i = 0; s->lws && i < TURNS; i++)
			loop_inner_turn(s->loop);
	}
}

void websockets_free(struct websockets *s)
{
	struct websocket *w;

	if (!s)
		return;
	while ((w = LIST_FIRST(&s->all)))
		websocket_close(w);
	destroy(s);
	loop_inner_free(s->loop);
	SSL_CTX_free(s->tls);
	free(s);
}

static struct websocket *make(struct websockets *s, const struct websocket_spec *spec)
{
	struct websocket *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->owner = s;
	w->spec = *spec;
	STAILQ_INIT(&w->waiting);
	buf_init(&w->came, WEBSOCKET_MAX);
	LIST_INSERT_HEAD(&s->all, w, next);
	w->authorization = spec->authorization ? strdup(spec->authorization) : NULL;
	if (!spec->authorization || w->authorization)
		return w;
	release(w);
	return NULL;
}

struct websocket *websocket_open(struct websockets *s, const struct websocket_spec *spec, struct error *err)
{
	struct lws_client_connect_info info = { 0 };
	struct websocket *w = make(s, spec);

	if (!w) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	info.context = s->lws;
	info.address = info.host = info.origin = s->host;
	info.port = s->port;
	info.path = spec->path;
	info.protocol = spec->protocol;
	info.local_protocol_name = PROTOCOL;
	info.alpn = "http/1.1";
	info.opaque_user_data = w;
	/* the context's own parameters look at the name */
	if (s->tls)
		info.ssl_connection = LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
	if (s->tls && s->skip_verify)
		info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_INSECURE | LCCSCF_ALLOW_EXPIRED;
	w->in_call = true; /* what fails within the call is told by what it returns */
	w->wsi = lws_client_connect_via_info(&info);
	w->in_call = false;
	if (w->wsi)
		return w;
	error_set(err, ERR_IO, "%s:%d: no connection", s->host, s->port);
	release(w);
	return NULL;
}

int websocket_send(struct websocket *w, const void *data, size_t len, struct error *err)
{
	struct message *m;

	if (len > WEBSOCKET_MAX - w->waiting_bytes)
		return error_set(err, ERR_TOOBIG, "over %u bytes wait to be sent", WEBSOCKET_MAX);
	m = malloc(sizeof(*m) + LWS_PRE + len);
	if (!m)
		return error_set(err, ERR_NOMEM, "no memory");
	m->len = len;
	memcpy(m->room + LWS_PRE, data, len);
	STAILQ_INSERT_TAIL(&w->waiting, m, next);
	w->waiting_bytes += len;
	if (w->open)
		lws_callback_on_writable(w->wsi);
	return 0;
}

void websocket_close(struct websocket *w)
{
	struct lws *wsi;

	if (!w)
		return;
	if (w->in_call) {
		w->closed = true;
		return;
	}
	wsi = w->wsi;
	detach(w);
	release(w);
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}
