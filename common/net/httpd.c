#include "common/net/httpd.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/net/addr.h"

#define IDLE_TIMEOUT_S  120
#define CONNECTIONS_MAX 1000
#define ANSWER_MAX      (64u << 20)
/* So much of a body that is too long is read and thrown away, for a client that is still sending when the connection
 * closes sees a reset instead of its 413. */
#define SWALLOW_MAX    (16u << 20)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define TEXT           "text/plain; charset=utf-8"

/* A certificate lives as long as the server uses it or a connection that was greeted with it. */
struct certificate {
	gnutls_certificate_credentials_t credentials;
	atomic_int refs;
};

struct httpd {
	struct MHD_Daemon *daemon;
	http_handler handler;
	void *ctx;
	size_t max_body;
	atomic_bool draining;
	pthread_mutex_t lock; /* of certificate */
	struct certificate *certificate;
};

/* --- certificates ------------------------------------------------------------------------------------------------- */

static void certificate_put(struct certificate *cert)
{
	if (!cert || atomic_fetch_sub(&cert->refs, 1) > 1)
		return;
	gnutls_certificate_free_credentials(cert->credentials);
	free(cert);
}

static gnutls_datum_t datum(const char *pem)
{
	return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)pem, .size = (unsigned)strlen(pem) };
}

static struct certificate *certificate_new(const char *cert_pem, const char *key_pem, struct error *err)
{
	gnutls_datum_t chain = datum(cert_pem), key = datum(key_pem);
	struct certificate *cert = calloc(1, sizeof(*cert));
	int r;

	if (!cert || gnutls_certificate_allocate_credentials(&cert->credentials) < 0) {
		free(cert);
		error_set(err, ERR_NOMEM, "server certificate: no memory");
		return NULL;
	}
	atomic_init(&cert->refs, 1);
	r = gnutls_certificate_set_x509_key_mem(cert->credentials, &chain, &key, GNUTLS_X509_FMT_PEM);
	if (r < 0) {
		certificate_put(cert);
		error_set(err, ERR_INVALID, "server certificate and key: %s", gnutls_strerror(r));
		return NULL;
	}
	return cert;
}

static struct certificate *certificate_get(struct httpd *h)
{
	struct certificate *cert;

	pthread_mutex_lock(&h->lock);
	cert = h->certificate;
	if (cert)
		atomic_fetch_add(&cert->refs, 1);
	pthread_mutex_unlock(&h->lock);
	return cert;
}

/* Changes the certificate and lets go of the one before. */
static void certificate_set(struct httpd *h, struct certificate *cert)
{
	struct certificate *old;

	pthread_mutex_lock(&h->lock);
	old = h->certificate;
	h->certificate = cert;
	pthread_mutex_unlock(&h->lock);
	certificate_put(old);
}

int httpd_set_certificate(struct httpd *h, const char *cert_pem, const char *key_pem, struct error *err)
{
	struct certificate *cert;

	if (!h->certificate)
		return error_set(err, ERR_INVALID, "server certificate: the server was started without TLS");
	cert = certificate_new(cert_pem, key_pem, err);
	if (!cert)
		return -1;
	certificate_set(h, cert);
	return 0;
}

/* Before its handshake a connection takes the certificate of the moment, and holds it until its session is gone:
 * GnuTLS keeps a pointer to it. */
static void on_connection(void *cls, struct MHD_Connection *conn, void **held, enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *tls;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		certificate_put(*held);
		*held = NULL;
		return;
	}
	tls = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!tls || !tls->tls_session)
		return;
	*held = certificate_get(cls);
	gnutls_credentials_set((gnutls_session_t)tls->tls_session, GNUTLS_CRD_CERTIFICATE,
			       ((struct certificate *)*held)->credentials);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* A request under way; freed when MHD says that it has ended, however it did. */
struct exchange {
	struct buf body;
	size_t swallowed;
	bool toobig;
};

static const char *header(struct MHD_Connection *conn, const char *name)
{
	return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

/* Takes over the text of body. */
static enum MHD_Result send_answer(struct httpd *h, struct MHD_Connection *conn, const struct http_response *res)
{
	struct buf body = res->body;
	size_t len = body.len;
	char *text = buf_detach(&body);
	struct MHD_Response *mhd;
	enum MHD_Result r;

	if (!text) {
		buf_release(&body);
		return MHD_NO;
	}
	mhd = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!mhd) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(mhd, MHD_HTTP_HEADER_CONTENT_TYPE, res->content_type);
	if (atomic_load(&h->draining))
		MHD_add_response_header(mhd, MHD_HTTP_HEADER_CONNECTION, "close");
	r = MHD_queue_response(conn, (unsigned)res->status, mhd);
	MHD_destroy_response(mhd);
	return r;
}

static enum MHD_Result send_text(struct httpd *h, struct MHD_Connection *conn, int status, const char *text)
{
	struct http_response res = { .status = status, .content_type = TEXT, .body = BUF_INIT(256) };

	buf_addstr(&res.body, text);
	return send_answer(h, conn, &res);
}

static enum MHD_Result send_toobig(struct httpd *h, struct MHD_Connection *conn)
{
	char text[80];

	snprintf(text, sizeof(text), "the body is over the limit of %zu bytes\n", h->max_body);
	return send_text(h, conn, MHD_HTTP_CONTENT_TOO_LARGE, text);
}

/* The headers are there. A client that waits for "100 Continue", or announces far too much, hears of it at once. */
static enum MHD_Result begin(struct httpd *h, struct MHD_Connection *conn, void **state)
{
	const char *announced = header(conn, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long len = announced ? strtoull(announced, NULL, 10) : 0;
	struct exchange *x;

	if (len > h->max_body && (len > SWALLOW_MAX || header(conn, MHD_HTTP_HEADER_EXPECT)))
		return send_toobig(h, conn);
	x = calloc(1, sizeof(*x));
	if (!x)
		return MHD_NO;
	buf_init(&x->body, h->max_body);
	*state = x;
	return MHD_YES;
}

static enum MHD_Result collect(struct exchange *x, const char *data, size_t *len)
{
	if (!x->toobig && buf_add(&x->body, data, *len) < 0) {
		x->toobig = true;
		buf_release(&x->body);
	}
	if (x->toobig)
		x->swallowed += *len;
	*len = 0;
	return x->swallowed > SWALLOW_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result answer(struct httpd *h, struct MHD_Connection *conn, const char *method, const char *path,
			      struct exchange *x)
{
	const char *type = header(conn, MHD_HTTP_HEADER_CONTENT_TYPE);
	struct http_request req = { .method = method,
				    .path = path,
				    .body = x->body.data,
				    .body_len = x->body.len,
				    .content_type = type ? type : "",
				    .conn = conn };
	struct http_response res = { .status = MHD_HTTP_OK, .content_type = TEXT, .body = BUF_INIT(ANSWER_MAX) };

	if (x->toobig)
		return send_toobig(h, conn);
	h->handler(h->ctx, &req, &res);
	if (!res.body.failed)
		return send_answer(h, conn, &res);
	buf_release(&res.body);
	return send_text(h, conn, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is too long, or memory ran out\n");
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *path, const char *method,
				  const char *version, const char *data, size_t *len, void **state)
{
	(void)version;
	if (!*state)
		return begin(cls, conn, state);
	if (*len)
		return collect(*state, data, len);
	return answer(cls, conn, method, path, *state);
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;

	(void)cls;
	(void)conn;
	(void)code;
	if (!x)
		return;
	buf_release(&x->body);
	free(x);
	*state = NULL;
}

const char *httpd_query(const struct http_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->conn, MHD_GET_ARGUMENT_KIND, name);
}

/* --- start and stop ----------------------------------------------------------------------------------------------- */

static int listen_on(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, off = 0, errnum;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (ai->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
		errnum = errno;
		close(fd);
		errno = errnum;
		return -1;
	}
	return fd;
}

/* Our own socket, since MHD does not say why it cannot have one. */
static int open_listener(const char *address, struct error *err)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *ai;
	char host[64], service[8];
	uint16_t port;
	int fd, r;

	if (addr_split(address, host, sizeof(host), &port, err) < 0)
		return error_wrap(err, "listening address");
	snprintf(service, sizeof(service), "%u", port);
	r = getaddrinfo(*host ? host : "::", service, &hints, &ai);
	if (r != 0)
		return error_set(err, ERR_INVALID, "listening on %s: %s", address, gai_strerror(r));
	fd = listen_on(ai);
	freeaddrinfo(ai);
	if (fd < 0 && errno == EAFNOSUPPORT && !*host && getaddrinfo("0.0.0.0", service, &hints, &ai) == 0) {
		fd = listen_on(ai);
		freeaddrinfo(ai);
	}
	return fd < 0 ? error_errno(err, errno, "listening on %s", address) : fd;
}

static unsigned thread_count(const struct httpd_config *cfg)
{
	long cores = cfg->threads > 0 ? cfg->threads : sysconf(_SC_NPROCESSORS_ONLN);

	return cores > 0 ? (unsigned)cores : 1;
}

static struct MHD_Daemon *start_daemon(struct httpd *h, const struct httpd_config *cfg, int fd)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_DUAL_STACK;
	unsigned connections = cfg->max_connections > 0 ? (unsigned)cfg->max_connections : CONNECTIONS_MAX;
	unsigned threads = thread_count(cfg);
	/* MHD wants a certificate to start with; on_connection() gives every connection the current one. */
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cfg->cert_pem },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)cfg->key_pem },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem pool[] = {
		{ threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)threads, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	if (!h->certificate)
		tls[0].option = MHD_OPTION_END;
	else
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned)IDLE_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_ARRAY, tls, MHD_OPTION_ARRAY,
				pool, MHD_OPTION_END);
}

static void httpd_free(struct httpd *h)
{
	certificate_put(h->certificate);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

struct httpd *httpd_start(const struct httpd_config *cfg, struct error *err)
{
	struct httpd *h = calloc(1, sizeof(*h));
	int fd = -1;

	if (!h) {
		error_set(err, ERR_NOMEM, "HTTP server: no memory");
		return NULL;
	}
	h->handler = cfg->handler;
	h->ctx = cfg->ctx;
	h->max_body = cfg->max_body;
	pthread_mutex_init(&h->lock, NULL);
	if (cfg->cert_pem) {
		h->certificate = certificate_new(cfg->cert_pem, cfg->key_pem, err);
		if (!h->certificate)
			goto failed;
	}
	fd = open_listener(cfg->address, err);
	if (fd < 0)
		goto failed;
	h->daemon = start_daemon(h, cfg, fd);
	if (!h->daemon) { /* it has closed the socket */
		error_errno(err, errno, "HTTP server on %s: cannot start its threads", cfg->address);
		goto failed;
	}
	return h;
failed:
	httpd_free(h);
	return NULL;
}

uint16_t httpd_port(const struct httpd *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

void httpd_drain(struct httpd *h)
{
	atomic_store(&h->draining, true);
}

void httpd_stop(struct httpd *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	httpd_free(h);
}
