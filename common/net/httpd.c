#include "common/net/httpd.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/net/httpd_big.h"
#include "common/net/httpd_conns.h"
#include "common/net/httpd_door.h"
#include "common/net/httpd_wire.h"

/* One a core: of more, each waits for the others' turns, of some ms each. But two, so that who asks for little does not
 * wait for a long request's whole time, and no more than answer some ten thousand reviews a second. */
#define THREADS_MIN 2
#define THREADS_MAX 4
/* Above client-go's idle pool of 90 s, since Go does not repeat a POST on a connection that was just closed. */
#define IDLE_MS 120000
/* What an honest client needs for the rest are milliseconds, so these are for one that is short of CPU. A head comes
 * at once, a body of some MiB within seconds; a long one, for which others wait, without delay. */
#define HANDSHAKE_MS 5000
#define HEAD_MS      5000
#define BODY_MS      10000
#define BIG_MS       2000
#define ANSWER_MS    30000 /* to answer, and for the client to read that */
/* An API server has at most 200 (mutating) and 400 (other) requests in flight by default; of ours, some. */
#define CONNECTIONS_MAX 512
#define PER_PEER_MAX    256
/* Who waits there costs a descriptor. However few may be in, a burst of so many addresses must not turn away who has
 * connected and is about to speak. */
#define AT_DOOR_MAX 256
/* Heads of ours have less than 1 KiB; a connection keeps this much while it is open. */
#define CONNECTION_MEMORY (16u << 10)
/* So much of bodies and answers in memory at a time: a third of what the smallest of our containers may have. */
#define BYTES_MAX (64u << 20)
/* As for the loop (common/kube/pulse.h): a handler that takes so long is stuck. */
#define STUCK_MS 10000
/* A review of a pod has about 10 KiB. So much is read from everybody at once; who has more to say takes turns. */
#define SMALL_BODY  (32u << 10)
#define BIG_DEFAULT 2
#define ANSWER_MAX  (64u << 20)
/* So much of a body that is too long is read and thrown away, for a client that is still sending when the connection
 * closes sees a reset instead of its 413. */
#define SWALLOW_MAX    (64u << 20)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define TEXT           "text/plain; charset=utf-8"

/* A certificate lives as long as the server uses it or a connection that was greeted with it. */
struct certificate {
	gnutls_certificate_credentials_t credentials;
	atomic_int refs;
};

struct httpd {
	struct MHD_Daemon *daemons[CONNS_THREADS_MAX]; /* one a thread */
	int threads;
	http_handler handler;
	void *ctx;
	size_t max_body;
	atomic_bool draining;
	pthread_mutex_t lock; /* of certificate */
	struct certificate *certificate;
	char *client_ca; /* PEM, or NULL */
	uint16_t port;
	struct conns *conns;
	struct door *door;
	struct big big;
	struct metric *refused_long, *refused_busy, *refused_unclear; /* or NULL */
};

/* What belongs to one connection. */
struct link {
	struct httpd *httpd;
	struct conn *conn;
	struct certificate *certificate;
	struct wire wire;
	bool cut_path; /* the path of its request holds %00 */
	bool bodiless; /* its request is one to HEAD */
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

/* Whose certificates are taken from clients; it goes with each certificate of ours. */
static int trust(struct certificate *cert, const char *client_ca, struct error *err)
{
	gnutls_datum_t ca;
	int r;

	if (!client_ca)
		return 0;
	ca = datum(client_ca);
	r = gnutls_certificate_set_x509_trust_mem(cert->credentials, &ca, GNUTLS_X509_FMT_PEM);
	if (r > 0)
		return 0;
	return error_set(err, ERR_INVALID, "authority of client certificates: %s",
			 r < 0 ? gnutls_strerror(r) : "it holds no certificate");
}

static struct certificate *certificate_new(const char *cert_pem, const char *key_pem, const char *client_ca,
					   struct error *err)
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
	if (trust(cert, client_ca, err) < 0) {
		certificate_put(cert);
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
	cert = certificate_new(cert_pem, key_pem, h->client_ca, err);
	if (!cert)
		return -1;
	certificate_set(h, cert);
	return 0;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static struct link *link_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* One for which there was no memory is in no phase; it is closed. */
static void enter(struct MHD_Connection *conn, enum conn_phase phase)
{
	const struct link *link = link_of(conn);

	if (link)
		conns_phase(link->httpd->conns, link->conn, phase);
}

static void rest(struct MHD_Connection *conn)
{
	const struct link *link = link_of(conn);

	if (link)
		conns_idle(link->httpd->conns, link->conn, wire_received(&link->wire));
}

static void hold(struct MHD_Connection *conn, size_t bytes)
{
	const struct link *link = link_of(conn);

	if (link)
		conns_hold(link->httpd->conns, link->conn, bytes);
}

static void prove(struct MHD_Connection *conn)
{
	const struct link *link = link_of(conn);

	if (link)
		conns_proven(link->conn);
}

/* MHD has made the connection known to the session. What costs is done when we have said all that we have to: the key
 * of TLS 1.3 is agreed on and signed by then, that of 1.2 is signed. */
static int on_handshake(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
			const gnutls_datum_t *message)
{
	struct MHD_Connection *conn = gnutls_session_get_ptr(session);
	const struct link *link = link_of(conn);

	(void)when;
	(void)message;
	if (incoming && type == GNUTLS_HANDSHAKE_FINISHED)
		rest(conn);
	else if (!incoming && link && (type == GNUTLS_HANDSHAKE_FINISHED || type == GNUTLS_HANDSHAKE_SERVER_HELLO_DONE))
		conns_greeted(link->httpd->conns, link->conn);
	return 0;
}

/* Before its handshake a connection takes the certificate of the moment, and holds it until its session is gone:
 * GnuTLS keeps a pointer to it. */
static void greet(struct httpd *h, struct link *link, gnutls_session_t session)
{
	link->certificate = certificate_get(h);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, link->certificate->credentials);
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST, on_handshake);
	if (!h->client_ca)
		return;
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	gnutls_session_set_verify_cert(session, NULL, 0);
}

static void on_open(struct httpd *h, struct MHD_Connection *conn, void **context)
{
	const union MHD_ConnectionInfo *tls = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	gnutls_session_t session = tls ? (gnutls_session_t)tls->tls_session : NULL;
	struct link *link = calloc(1, sizeof(*link));

	if (link)
		link->conn = conns_take(h->conns, fd->connect_fd);
	if (!link ||
	    !link->conn) { /* no memory: nothing is heard from it, so that nothing asks for what is not there */
		free(link);
		(void)shutdown(fd->connect_fd, SHUT_RDWR);
		return;
	}
	link->httpd = h;
	*context = link;
	wire_init(&link->wire, fd->connect_fd, session);
	if (session)
		greet(h, link, session);
}

static void on_connection(void *cls, struct MHD_Connection *conn, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct httpd *h = cls;
	struct link *link = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		on_open(h, conn, context);
	} else if (link) {
		conns_close(h->conns, link->conn);
		certificate_put(link->certificate);
		free(link);
		*context = NULL;
	}
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* A request under way; freed when MHD says that it has ended, however it did. */
struct exchange {
	struct buf body;
	struct big_claim big;
	size_t swallowed;
	bool growing;         /* under its claim */
	bool toobig, refused; /* the rest of its body is thrown away; its answer waits for the end of it */
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
	struct link *link = link_of(conn);
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
	if (link)
		conns_hold(h->conns, link->conn, len);
	MHD_add_response_header(mhd, MHD_HTTP_HEADER_CONTENT_TYPE, res->content_type);
	if (res->retry_after)
		MHD_add_response_header(mhd, MHD_HTTP_HEADER_RETRY_AFTER, res->retry_after);
	if (atomic_load(&h->draining) || res->close)
		MHD_add_response_header(mhd, MHD_HTTP_HEADER_CONNECTION, "close");
	r = MHD_queue_response(conn, (unsigned)res->status, mhd);
	if (r == MHD_YES && link && len > 0 && !link->bodiless)
		wire_join(&link->wire);
	MHD_destroy_response(mhd);
	return r;
}

static enum MHD_Result send_text(struct httpd *h, struct MHD_Connection *conn, int status, const char *text)
{
	struct http_response res = { .status = status, .content_type = TEXT, .body = BUF_INIT(256) };

	res.close = status == MHD_HTTP_BAD_REQUEST;
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		res.retry_after = "1";
	buf_addstr(&res.body, text);
	return send_answer(h, conn, &res);
}

static void count(struct metric *m)
{
	if (m)
		metric_add(m, 1);
}

static enum MHD_Result send_toobig(struct httpd *h, struct MHD_Connection *conn)
{
	char text[80];

	count(h->refused_long);
	snprintf(text, sizeof(text), "the body is over the limit of %zu bytes\n", h->max_body);
	return send_text(h, conn, MHD_HTTP_CONTENT_TOO_LARGE, text);
}

/* What is said of how long a body is. */
struct framing {
	int lengths, codings;
	bool unclear; /* a line that others read otherwise than MHD */
	bool coded;
};

/* 0: it is not this header; 1: it is; -1: MHD has put the text of a second line behind its name, and has no value. */
static int is_header(const char *name, const char *header)
{
	size_t len = strlen(header);

	if (strncasecmp(name, header, len) != 0)
		return 0;
	return name[len] ? -1 : 1;
}

static enum MHD_Result read_framing(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	int length = is_header(name, MHD_HTTP_HEADER_CONTENT_LENGTH);
	int coding = is_header(name, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	struct framing *f = cls;

	(void)kind;
	f->lengths += length > 0;
	f->codings += coding > 0;
	f->coded = f->coded || (coding > 0 && strcasecmp(value, "chunked") != 0);
	f->unclear = f->unclear || length < 0 || coding < 0 || strpbrk(name, " \t:\r") || strchr(value, '\r');
	return MHD_YES;
}

/* What is read in two ways, by us and by whoever stands between, is refused: RFC 9112, 2.2, 5.1, 5.2 and 6.3. NULL: it
 * is clear. */
static const char *doubtful(struct MHD_Connection *conn, const struct link *link)
{
	struct framing f = { .lengths = 0 };

	MHD_get_connection_values(conn, MHD_HEADER_KIND, read_framing, &f);
	if (f.lengths > 1)
		return "the request has two lengths\n";
	if (f.lengths && f.codings)
		return "the request has a length and comes in chunks\n";
	if (f.coded || f.codings > 1)
		return "Transfer-Encoding can only be chunked\n";
	if (f.unclear)
		return "a header has a space in its name, or more than a line\n";
	return link->cut_path ? "the path holds %00\n" : NULL;
}

/* The headers are there. A client that waits for "100 Continue", or announces far too much, hears of it at once. */
static enum MHD_Result begin(struct httpd *h, struct MHD_Connection *conn, const char *method, void **state)
{
	const char *announced = header(conn, MHD_HTTP_HEADER_CONTENT_LENGTH), *why;
	unsigned long long len = announced ? strtoull(announced, NULL, 10) : 0;
	struct link *link = link_of(conn);
	struct exchange *x;

	if (!link) /* there was no memory for it; what it had sent by then is not heard */
		return MHD_NO;
	link->bodiless = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	enter(conn, CONN_BODY);
	why = doubtful(conn, link);
	if (why) {
		count(h->refused_unclear);
		return send_text(h, conn, MHD_HTTP_BAD_REQUEST, why);
	}
	if (len > h->max_body && (len > SWALLOW_MAX || header(conn, MHD_HTTP_HEADER_EXPECT)))
		return send_toobig(h, conn);
	x = calloc(1, sizeof(*x));
	if (!x)
		return MHD_NO;
	buf_init(&x->body, h->max_body);
	x->toobig = len > h->max_body;
	*state = x;
	return MHD_YES;
}

/* Whether more of the body may be kept now. A connection that has to wait is suspended when this returns false. */
static bool may_grow(struct httpd *h, struct MHD_Connection *conn, struct exchange *x)
{
	switch (big_take(&h->big, &x->big, conn)) {
	case BIG_WAITING: enter(conn, CONN_WAITING); return false;
	case BIG_HELD:
		if (!x->growing)
			enter(conn, CONN_BIG);
		x->growing = true;
		return true;
	default:
		enter(conn, CONN_BODY);
		x->refused = true;
		return true;
	}
}

static void swallow(struct exchange *x, size_t len)
{
	buf_release(&x->body);
	x->swallowed += len;
}

static enum MHD_Result collect(struct httpd *h, struct MHD_Connection *conn, struct exchange *x, const char *data,
			       size_t *len)
{
	bool small = x->toobig || x->refused || x->body.len + *len <= SMALL_BODY;

	if (!small && !may_grow(h, conn, x))
		return MHD_YES; /* suspended; the same data comes again */
	if (!x->toobig && !x->refused)
		x->toobig = buf_add(&x->body, data, *len) < 0;
	if (x->toobig || x->refused)
		swallow(x, *len);
	hold(conn, x->body.len);
	*len = 0;
	return x->swallowed > SWALLOW_MAX ? MHD_NO : MHD_YES;
}

/* What the request took; the next long one may begin before this answer is read. */
static void let_go(struct httpd *h, struct exchange *x)
{
	buf_release(&x->body);
	big_give(&h->big, &x->big);
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

	enter(conn, CONN_ANSWER);
	if (x->toobig)
		return send_toobig(h, conn);
	if (x->refused) {
		count(h->refused_busy);
		return send_text(h, conn, MHD_HTTP_SERVICE_UNAVAILABLE, "too many long requests at once; try again\n");
	}
	enter(conn, CONN_HANDLER);
	h->handler(h->ctx, &req, &res);
	enter(conn, CONN_ANSWER);
	if (res.status < MHD_HTTP_BAD_REQUEST)
		prove(conn);
	let_go(h, x);
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
		return begin(cls, conn, method, state);
	if (*len)
		return collect(cls, conn, *state, data, len);
	return answer(cls, conn, method, path, *state);
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;
	const struct link *link = link_of(conn);

	(void)code;
	if (link)
		conns_hold(link->httpd->conns, link->conn, 0);
	rest(conn);
	if (!x)
		return;
	let_go(cls, x);
	free(x);
	*state = NULL;
}

/* MHD decodes the path in place, where %00 would end it. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct link *link = link_of(conn);

	(void)cls;
	if (link)
		link->cut_path = strstr(uri, "%00") != NULL;
	return NULL;
}

const char *httpd_query(const struct http_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->conn, MHD_GET_ARGUMENT_KIND, name);
}

/* --- start and stop ----------------------------------------------------------------------------------------------- */

static int threads_default(void)
{
	cpu_set_t cores;
	int n = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : THREADS_MAX;

	return n < THREADS_MIN ? THREADS_MIN : n > THREADS_MAX ? THREADS_MAX : n;
}

static int max_connections(const struct httpd_config *cfg)
{
	return cfg->max_connections > 0 ? cfg->max_connections : CONNECTIONS_MAX;
}

static int max_per_peer(const struct httpd_config *cfg)
{
	return cfg->max_per_peer > 0 ? cfg->max_per_peer : PER_PEER_MAX;
}

static int idle_ms(const struct httpd_config *cfg)
{
	return cfg->idle_ms > 0 ? cfg->idle_ms : IDLE_MS;
}

static void on_turn(void *ctx, int64_t now_ms)
{
	struct httpd *h = ctx;

	conns_turn(h->conns, now_ms);
	big_look(&h->big, now_ms);
}

static int let_in(void *ctx, int thread, int fd, const struct sockaddr *peer, socklen_t len)
{
	struct httpd *h = ctx;

	return MHD_add_connection(h->daemons[thread], fd, peer, len) == MHD_YES ? 0 : -1;
}

static int start_conns(struct httpd *h, const struct httpd_config *cfg, struct error *err)
{
	struct conns_config config = {
		.total = max_connections(cfg),
		.per_peer = max_per_peer(cfg),
		.threads = h->threads,
		.ms = { [CONN_IDLE] = idle_ms(cfg),
			[CONN_HANDSHAKE] = HANDSHAKE_MS,
			[CONN_GREETED] = HANDSHAKE_MS,
			[CONN_HEAD] = HEAD_MS,
			[CONN_BODY] = BODY_MS,
			[CONN_BIG] = BIG_MS,
			[CONN_ANSWER] = ANSWER_MS },
		.bytes = BYTES_MAX,
		.metrics = cfg->metrics,
		.port = cfg->port,
	};

	h->conns = conns_new(&config);
	return h->conns ? 0 : error_set(err, ERR_NOMEM, "HTTP server: no memory");
}

static int open_door(struct httpd *h, const struct httpd_config *cfg, struct error *err)
{
	struct door_config config = {
		.address = cfg->address,
		.total = AT_DOOR_MAX,
		.per_peer = (max_per_peer(cfg) + 1) / 2,
		.silent_ms = cfg->cert_pem ? HANDSHAKE_MS : idle_ms(cfg),
		.at_a_time = (h->threads + 1) / 2, /* handshakes: the other threads are for those who are in */
		.tls = cfg->cert_pem != NULL,
		.conns = h->conns,
		.let_in = let_in,
		.on_turn = on_turn,
		.ctx = h,
		.metrics = cfg->metrics,
		.port = cfg->port,
	};

	h->door = door_open(&config, err);
	return h->door ? 0 : -1;
}

/* One for each thread: of a pool of its own it would not say which of them has time for the next connection.
 *
 * With epoll, libmicrohttpd 0.9.75 takes a connection whose handshake waits for more for one that has something to
 * read, and turns without a pause until it goes: half a ClientHello takes a whole core for as long as a handshake may
 * last. With poll it waits. Each thread has few enough connections for that. */
static struct MHD_Daemon *start_daemon(struct httpd *h, const struct httpd_config *cfg)
{
	unsigned flags = (cfg->cert_pem ? MHD_USE_POLL_INTERNAL_THREAD : MHD_USE_EPOLL_INTERNAL_THREAD) | MHD_USE_ITC |
			 MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;
	/* Never reached: whoever was told to go is still there for a moment. */
	unsigned connections = 2 * (unsigned)max_connections(cfg) + 8;
	/* MHD wants a certificate to start with; on_connection() gives every connection the current one. */
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cfg->cert_pem },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)cfg->key_pem },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	if (!h->certificate)
		tls[0].option = MHD_OPTION_END;
	else
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_CONNECTION_LIMIT, connections,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static void httpd_free(struct httpd *h)
{
	for (int i = 0; i < h->threads; i++)
		MHD_stop_daemon(h->daemons[i]); /* NULL-safe */
	door_free(h->door);
	conns_free(h->conns);
	big_release(&h->big);
	certificate_put(h->certificate);
	free(h->client_ca);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static int start_tls(struct httpd *h, const struct httpd_config *cfg, struct error *err)
{
	if (!cfg->cert_pem)
		return 0;
	if (cfg->client_ca_pem) {
		h->client_ca = strdup(cfg->client_ca_pem);
		if (!h->client_ca)
			return error_set(err, ERR_NOMEM, "HTTP server: no memory");
	}
	h->certificate = certificate_new(cfg->cert_pem, cfg->key_pem, h->client_ca, err);
	return h->certificate ? 0 : -1;
}

static int start_all(struct httpd *h, const struct httpd_config *cfg, struct error *err)
{
	if (start_tls(h, cfg, err) < 0 || start_conns(h, cfg, err) < 0 || open_door(h, cfg, err) < 0)
		return -1;
	h->port = door_port(h->door);
	for (int i = 0; i < h->threads; i++) {
		h->daemons[i] = start_daemon(h, cfg);
		if (!h->daemons[i])
			return error_errno(err, errno, "HTTP server on %s: cannot start its threads", cfg->address);
	}
	return door_start(h->door, err);
}

static void name_metrics(struct httpd *h, const struct httpd_config *cfg)
{
	static const char *const whys[] = { "too_long", "busy", "unclear" };
	struct metric **const metrics[] = { &h->refused_long, &h->refused_busy, &h->refused_unclear };
	char labels[64];

	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
		snprintf(labels, sizeof(labels), "port=\"%s\",why=\"%s\"", cfg->port, whys[i]);
		*metrics[i] = metric_counter(cfg->metrics, "codis_http_requests_refused_total", labels,
					     "Requests that were answered without being looked at.");
	}
}

struct httpd *httpd_start(const struct httpd_config *cfg, struct error *err)
{
	struct httpd *h = calloc(1, sizeof(*h));

	if (!h) {
		error_set(err, ERR_NOMEM, "HTTP server: no memory");
		return NULL;
	}
	h->handler = cfg->handler;
	h->ctx = cfg->ctx;
	h->max_body = cfg->max_body;
	h->threads = cfg->threads > 0 ? cfg->threads : threads_default();
	pthread_mutex_init(&h->lock, NULL);
	big_init(&h->big, cfg->max_big > 0 ? cfg->max_big : BIG_DEFAULT);
	if (cfg->metrics)
		name_metrics(h, cfg);
	if (start_all(h, cfg, err) == 0)
		return h;
	httpd_free(h);
	return NULL;
}

uint16_t httpd_port(const struct httpd *h)
{
	return h->port;
}

void httpd_drain(struct httpd *h)
{
	atomic_store(&h->draining, true);
}

void httpd_refuse(struct httpd *h)
{
	door_shut(h->door);
}

bool httpd_busy(struct httpd *h)
{
	/* The door first: who goes in meanwhile is seen inside. */
	return door_is_busy(h->door) || conns_busy(h->conns, clock_mono_ms());
}

bool httpd_alive(struct httpd *h, char *why_not, size_t size)
{
	return conns_alive(h->conns, clock_mono_ms(), STUCK_MS, why_not, size);
}

void httpd_stop(struct httpd *h)
{
	if (!h)
		return;
	door_end(h->door);
	big_end(&h->big); /* MHD cannot stop with connections suspended */
	httpd_free(h);
}
