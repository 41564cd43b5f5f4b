#include "common/net/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/net/loop.h"
#include "common/net/tcp.h"

#define CONNECT_TIMEOUT_MS 1000
/* Of the time to connect, TCP gets no more than 3 s: a SYN and one more after 1 s, and then another member may answer.
 */
#define SYN_RETRIES 1
/* curl takes 100 KB of one header and 300 KB of all. */
#define HEAD_MAX (64u << 10)
/* Of an answer that may have so many bytes, twice as many are read, and these: what frames them is less. Else who sends
 * chunks with extensions, or of a byte each, would be read for as long as the call may last. */
#define FRAMING_MAX (64u << 10)
#define BODY_MAX    (64u << 20)
/* What one turn of the loop may bring for a streamed call before it is handed over; curl reads about 2 MiB at most. */
#define STREAM_MAX (16u << 20)
/* A peer whose machine is gone acknowledges nothing: its connection ends after this, not after the kernel's 15 min. */
#define SILENCE_MS           10000
#define CALLS_MAX            1024
#define IDLE_CONNECTIONS_MAX 64

/* --- one transfer, of either kind --------------------------------------------------------------------------------- */

struct http_call;
static void on_arrival(struct http_call *call);
static void limit_refusal(struct http_call *call);

struct transfer {
	CURL *easy;
	struct http_call *call; /* NULL for http_fetch */
	struct curl_slist *headers;
	struct buf *body;
	char what[192]; /* "GET https://10.96.0.1:443": without the path, which holds a secret for Codis */
	char words[CURL_ERROR_SIZE];
	bool whole_head; /* curl takes an answer that breaks off in its headers for one without a body */
	bool toobig;
	bool no_body;     /* HEAD: whatever the answer's length says */
	size_t head_len;  /* bytes of headers so far, those behind the body among them */
	curl_socket_t fd; /* its connection; CURL_SOCKET_BAD: not known */
	uint64_t before;  /* bytes that had come on it when the answer began */
	bool sized;       /* it says how long it is, or comes in chunks */
	int64_t length;   /* by Content-Length; -1: none */
	const char *bad;  /* why the headers are refused; or NULL */
};

static void transfer_release(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	t->easy = NULL;
	t->headers = NULL;
}

static int transfer_retry_after(const struct transfer *t)
{
	curl_off_t seconds = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds > 0 && seconds < INT_MAX ? (int)seconds : 0;
}

/* The Date of the answer, which is of its beginning, and what has passed since. */
static int64_t transfer_date_ms(const struct transfer *t)
{
	curl_off_t began_us = 0, total_us = 0;
	struct curl_header *header;
	time_t date;

	if (curl_easy_header(t->easy, "Date", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return 0;
	date = curl_getdate(header->value, NULL);
	curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &began_us);
	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &total_us);
	return date > 0 ? (int64_t)date * 1000 + (total_us - began_us) / 1000 : 0;
}

static int transfer_status(const struct transfer *t)
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (t->call)
		limit_refusal(t->call);
	if (buf_add(t->body, data, size * n) < 0) {
		t->toobig = true;
		return 0;
	}
	if (t->call)
		on_arrival(t->call);
	return size * n;
}

/* The value of a header of this name (with its colon), or NULL. */
static const char *value_of(const char *line, size_t len, const char *name, size_t *value_len)
{
	size_t n = strlen(name);

	if (len < n || strncasecmp(line, name, n) != 0)
		return NULL;
	for (line += n, len -= n; len && (*line == ' ' || *line == '\t'); line++, len--)
		;
	for (; len && (unsigned char)line[len - 1] <= ' '; len--)
		;
	*value_len = len;
	return line;
}

/* curl ignores a length that is too long for it, and takes the last of several. */
static void take_length(struct transfer *t, const char *value, size_t len)
{
	int64_t length = 0;
	bool good = len > 0;

	for (size_t i = 0; good && i < len; i++)
		good = value[i] >= '0' && value[i] <= '9' && !__builtin_mul_overflow(length, 10, &length) &&
		       !__builtin_add_overflow(length, value[i] - '0', &length);
	if (!good)
		t->bad = "the answer's length is no number that can be true";
	else if (t->length >= 0 && t->length != length)
		t->bad = "the answer has two lengths";
	t->length = length;
	t->sized = true;
}

static void take_header(struct transfer *t, const char *line, size_t len)
{
	const char *value;
	size_t value_len;

	value = value_of(line, len, "Content-Length:", &value_len);
	if (value)
		take_length(t, value, value_len);
	if (value_of(line, len, "Transfer-Encoding:", &value_len))
		t->sized = true;
}

static bool is_streamed(const struct transfer *t);

/* Called while the answer is read. Non-zero ends it. */
static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct transfer *t = arg;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up_now;
	if (t->whole_head && !is_streamed(t) &&
	    tcp_received(t->fd) > t->before + 2 * (uint64_t)t->body->max + FRAMING_MAX)
		t->bad = "the answer has little in it for its length";
	return t->bad != NULL;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n;

	t->head_len += len;
	if (t->head_len > HEAD_MAX)
		t->bad = "the answer's head is too long";
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
		t->whole_head = t->sized = false;
		t->length = -1;
		t->before = tcp_received(t->fd);
	} else if (line[0] == '\r' || line[0] == '\n') {
		t->whole_head = true;
	} else if (!t->whole_head) { /* what follows the body is of no interest */
		take_header(t, line, len);
	}
	return t->bad ? 0 : len;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned silence = SILENCE_MS;
	int retries = SYN_RETRIES;

	(void)arg;
	(void)purpose;
	/* Best effort: without it dead peers are found by the call's own time limits. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof(silence));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof(retries));
	return CURL_SOCKOPT_OK;
}

static enum error_code code_of_curl(CURLcode r, long errnum)
{
	switch (r) {
	case CURLE_COULDNT_CONNECT:
		if (errnum == ECONNREFUSED)
			return ERR_REFUSED;
		return errnum == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO;
	case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
	case CURLE_OUT_OF_MEMORY: return ERR_NOMEM;
	case CURLE_URL_MALFORMAT:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE: return ERR_INVALID;
	case CURLE_UNSUPPORTED_PROTOCOL: /* also for an answer that is no HTTP */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_BAD_CONTENT_ENCODING: return ERR_PROTOCOL;
	default: return ERR_IO;
	}
}

/* An answer without a length ends where its connection does, or where that was cut: nobody can say which. */
static bool may_be_cut(const struct transfer *t)
{
	int status = transfer_status(t);

	return !t->sized && !t->no_body && status != 204 && status != 304;
}

/* curl says so of a header that is too long for it, too. */
static bool is_long_head(const struct transfer *t, CURLcode r)
{
	curl_off_t first_byte_us = 0;

	curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
	return r == CURLE_OUT_OF_MEMORY && !t->whole_head && first_byte_us > 0;
}

static bool has_connected(const struct transfer *t)
{
	curl_off_t us = 0;

	curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME_T, &us);
	return us > 0;
}

/* How the transfer ended, by what curl says of it: 0 when an answer is there, or -1 and *err. */
static int transfer_end(const struct transfer *t, CURLcode r, struct error *err)
{
	const char *words = t->words[0] ? t->words : curl_easy_strerror(r);
	long errnum = 0;

	if (t->body->nomem)
		return error_set(err, ERR_NOMEM, "%s: no memory for the answer", t->what);
	if (t->toobig)
		return error_set(err, ERR_TOOBIG, "%s: the answer is over %zu bytes", t->what, t->body->max);
	if (t->bad || is_long_head(t, r))
		return error_set(err, ERR_PROTOCOL, "%s: %s", t->what,
				 t->bad ? t->bad : "the answer's head is too long");
	if (r == CURLE_OK && t->whole_head && may_be_cut(t))
		return error_set(err, ERR_PROTOCOL, "%s: the answer does not say how long it is, so it may be cut",
				 t->what);
	if (r == CURLE_OK && t->whole_head)
		return 0;
	if (r == CURLE_OK)
		return error_set(err, ERR_IO, "%s: the answer breaks off in its headers", t->what);
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &errnum);
	error_set(err, code_of_curl(r, errnum), "%s: %s", t->what, words);
	if (err)
		err->connected = has_connected(t);
	return -1;
}

/* "scheme://host:port" of the URL, behind the method. */
static void describe(struct transfer *t, const struct http_spec *spec)
{
	const char *host = strstr(spec->url, "://");
	size_t len = host ? (size_t)(host + 3 - spec->url) : 0;

	len += strcspn(spec->url + len, "/?#");
	snprintf(t->what, sizeof(t->what), "%s %.*s", spec->method, len > 160 ? 160 : (int)len, spec->url);
}

static int add_header(struct transfer *t, const char *header)
{
	struct curl_slist *more = curl_slist_append(t->headers, header);

	if (!more)
		return -1;
	t->headers = more;
	return 0;
}

/* A name without a value takes back a header that curl would send by itself. */
static int set_headers(struct transfer *t, const struct http_spec *spec)
{
	if (add_header(t, "Expect:") < 0 || (!spec->body && add_header(t, "Content-Type:") < 0))
		return -1;
	for (const char *const *h = spec->headers; h && *h; h++)
		if (add_header(t, *h) < 0)
			return -1;
	return 0;
}

#define SET(option, value) (r = r ? r : curl_easy_setopt(t->easy, option, value))

static CURLcode set_request(struct transfer *t, const struct http_spec *spec)
{
	bool get = strcmp(spec->method, "GET") == 0;
	CURLcode r = CURLE_OK;

	SET(CURLOPT_URL, spec->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	/* Not HTTP/2: a stream that times out there leaves its dead connection to all calls after it. */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PROXY, ""); /* pods are reached directly, whatever the environment says */
	SET(CURLOPT_USERAGENT, "codis-k8s/" CODIS_VERSION);
	SET(CURLOPT_HTTPHEADER, t->headers);
	if (!get || spec->body) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)spec->body_len);
		SET(CURLOPT_COPYPOSTFIELDS, spec->body ? spec->body : "");
		SET(CURLOPT_CUSTOMREQUEST, spec->method);
	}
	if (t->no_body)
		SET(CURLOPT_NOBODY, 1L);
	/* On a kept connection that ends without an answer curl repeats the request, which may have been done: a POST
	 * would be made twice. */
	if (spec->fresh || strcmp(spec->method, "POST") == 0)
		SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, (void *)t);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, (void *)t);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, (void *)t);
	SET(CURLOPT_ERRORBUFFER, t->words);
	return r;
}

static CURLcode set_limits(struct transfer *t, const struct http_spec *spec)
{
	long connect_ms = spec->connect_timeout_ms ? spec->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	CURLcode r = CURLE_OK;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* a cancelled call does not wait for its resolver thread */
	SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)spec->timeout_ms);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TCP_KEEPIDLE, 5L);
	SET(CURLOPT_TCP_KEEPINTVL, 2L);
	SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
	return r;
}

/* The strings of tls must live as long as the transfer. */
static struct curl_blob blob(const char *pem)
{
	return (struct curl_blob){ .data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };
}

static CURLcode set_tls(struct transfer *t, const struct http_tls *tls)
{
	struct curl_blob ca, cert, key;
	CURLcode r = CURLE_OK;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (!tls)
		return r;
	if (tls->ca_pem) {
		ca = blob(tls->ca_pem);
		SET(CURLOPT_CAINFO_BLOB, &ca);
		SET(CURLOPT_CAPATH, NULL); /* else the system's authorities are trusted as well */
	}
	if (tls->cert_pem && tls->key_pem) {
		cert = blob(tls->cert_pem);
		key = blob(tls->key_pem);
		SET(CURLOPT_SSLCERTTYPE, "PEM");
		SET(CURLOPT_SSLCERT_BLOB, &cert);
		SET(CURLOPT_SSLKEYTYPE, "PEM");
		SET(CURLOPT_SSLKEY_BLOB, &key);
	}
	if (tls->skip_verify) {
		SET(CURLOPT_SSL_VERIFYPEER, 0L);
		SET(CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return r;
}

static int transfer_init(struct transfer *t, const struct http_spec *spec, const struct http_tls *tls, struct buf *body,
			 struct error *err)
{
	CURLcode r;

	*t = (struct transfer){ .easy = curl_easy_init(), .body = body, .length = -1, .fd = CURL_SOCKET_BAD };
	t->no_body = strcmp(spec->method, "HEAD") == 0;
	describe(t, spec);
	if (!t->easy || set_headers(t, spec) < 0)
		r = CURLE_OUT_OF_MEMORY;
	else if ((r = set_request(t, spec)) == CURLE_OK && (r = set_limits(t, spec)) == CURLE_OK)
		r = set_tls(t, tls);
	if (r == CURLE_OK)
		return 0;
	error_set(err, r == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_INVALID, "%s: %s", t->what, curl_easy_strerror(r));
	transfer_release(t);
	return -1;
}

int http_fetch(const struct http_spec *spec, const struct http_tls *tls, int *status, struct buf *body,
	       struct error *err)
{
	struct transfer t;
	int r;

	if (transfer_init(&t, spec, tls, body, err) < 0)
		return -1;
	r = transfer_end(&t, curl_easy_perform(t.easy), err);
	if (r == 0)
		*status = transfer_status(&t);
	transfer_release(&t);
	return r;
}

/* --- curl's multi interface on the loop ------------------------------------------------------------------------------
 * curl forbids to start or end transfers from within its callbacks, and ours must be free to do both. So the callbacks
 * only collect, and process() hands over what came once curl has returned.
 */

struct http_call {
	TAILQ_ENTRY(http_call) link;
	TAILQ_ENTRY(http_call) fresh; /* in the client's list while is_fresh */
	bool is_fresh;
	bool finished; /* its done is being called: nothing is left to cancel */
	struct http_client *client;
	struct transfer transfer;
	struct buf body;
	int (*on_data)(void *ctx, const char *data, size_t len);
	http_done done;
	void (*release)(void *ctx); /* set once the call has started */
	void *ctx;
	struct loop_timer *idle;
	uint64_t idle_ms, last_ms;
	size_t max_refusal; /* of a streamed call: the limit of an answer that is no 2xx */
};

TAILQ_HEAD(call_list, http_call);

struct http_client {
	uv_loop_t *uv;
	CURLM *multi; /* NULL once the client is freed; its memory lives on until the timer is closed, a turn later */
	uv_timer_t timer;
	struct call_list calls, fresh;
	int n_calls;
	bool in_timer;
	int64_t spent_us;
	struct http_call *reading; /* whose on_data runs; NULL once that has ended the call */
	struct http_tls tls;
	char *ca, *cert, *key;
};

struct watched_socket {
	uv_poll_t poll;
	struct http_client *client;
	curl_socket_t fd;
};

/* Takes the call from curl and from all lists; nothing calls back after this. */
static void detach(struct http_call *call)
{
	struct http_client *c = call->client;

	curl_multi_remove_handle(c->multi, call->transfer.easy);
	TAILQ_REMOVE(&c->calls, call, link);
	if (call->is_fresh)
		TAILQ_REMOVE(&c->fresh, call, fresh);
	call->is_fresh = false;
	c->n_calls--;
	if (c->reading == call)
		c->reading = NULL;
	if (call->idle)
		loop_timer_clear(call->idle);
}

static void call_free(struct http_call *call)
{
	if (call->release)
		call->release(call->ctx);
	transfer_release(&call->transfer);
	loop_timer_free(call->idle);
	buf_release(&call->body);
	free(call);
}

static void finish(struct http_call *call, const struct error *err)
{
	struct http_result res = { .call = call, .status = err ? 0 : transfer_status(&call->transfer), .err = err };
	struct http_client *client = call->client;
	int64_t began_us;

	res.body = err ? "" : call->body.data;
	res.len = err ? 0 : call->body.len;
	res.retry_after_s = err ? 0 : transfer_retry_after(&call->transfer);
	res.date_ms = err ? 0 : transfer_date_ms(&call->transfer);
	detach(call);
	call->finished = true;
	began_us = clock_thread_us();
	call->done(call->ctx, &res);
	client->spent_us += clock_thread_us() - began_us; /* also when it was freed: see struct http_client */
	call_free(call);
}

const char *http_header(const struct http_result *res, const char *name, size_t index)
{
	struct curl_header *header;

	return !res->err && curl_easy_header(res->call->transfer.easy, name, index, CURLH_HEADER, -1, &header) ==
				       CURLHE_OK
		       ? header->value
		       : NULL;
}

static bool is_streamed(const struct transfer *t)
{
	return t->call && t->call->on_data && transfer_status(t) / 100 == 2;
}

/* What is streamed has room for what one turn may bring; the words of a refusal need less. */
static void limit_refusal(struct http_call *call)
{
	if (call->on_data && transfer_status(&call->transfer) / 100 != 2)
		call->body.max = call->max_refusal;
}

/* Bytes of the body came, within curl. Only a 2xx answer is streamed; the words of another one are collected. */
static void on_arrival(struct http_call *call)
{
	call->last_ms = uv_now(call->client->uv);
	if (!call->on_data || call->is_fresh || transfer_status(&call->transfer) / 100 != 2)
		return;
	call->is_fresh = true;
	TAILQ_INSERT_TAIL(&call->client->fresh, call, fresh);
}

static void hand_over_one(struct http_client *c, struct http_call *call)
{
	struct buf got = call->body; /* ours, since on_data may cancel the call */
	struct error err;
	int r;

	buf_init(&call->body, got.max);
	TAILQ_REMOVE(&c->fresh, call, fresh);
	call->is_fresh = false;
	c->reading = call;
	r = call->on_data(call->ctx, got.data, got.len);
	buf_release(&got);
	if (r == 0 || c->reading != call)
		return;
	error_set(&err, ERR_INVALID, "%s: given up by its reader", call->transfer.what);
	finish(call, &err);
}

/* What came is handed over before the end of its call; any of the callbacks may free the client. */
static void process(struct http_client *c)
{
	struct http_call *call;
	struct error err;
	CURLMsg *msg;
	int left;

	while ((call = TAILQ_FIRST(&c->fresh)))
		hand_over_one(c, call);
	while ((msg = curl_multi_info_read(c->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
		finish(call, transfer_end(&call->transfer, msg->data.result, &err) < 0 ? &err : NULL);
	}
}

static void let_curl(struct http_client *c, curl_socket_t fd, int what)
{
	int64_t began_us = clock_thread_us();
	int running;

	curl_multi_socket_action(c->multi, fd, what, &running);
	c->spent_us += clock_thread_us() - began_us;
}

static void on_timer(uv_timer_t *timer)
{
	struct http_client *c = timer->data;

	c->in_timer = true;
	let_curl(c, CURL_SOCKET_TIMEOUT, 0);
	c->in_timer = false;
	process(c);
}

/* A timer that is set to "now" from its own callback is called in the same turn again, before any socket is looked at:
 * curl does so for as long as a peer sends faster than it reads, and nobody else would have a turn. */
static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;

	(void)multi;
	if (ms < 0)
		uv_timer_stop(&c->timer);
	else if (ms == 0 && c->in_timer)
		uv_timer_start(&c->timer, on_timer, 1, 0);
	else
		uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watched_socket *s = poll->data;
	struct http_client *c = s->client;
	int what = 0;

	if (status < 0)
		what |= CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		what |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		what |= CURL_CSELECT_OUT;
	let_curl(c, s->fd, what);
	process(c);
}

static void free_socket(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watched_socket *watch_socket(struct http_client *c, curl_socket_t fd)
{
	struct watched_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct watched_socket){ .client = c, .fd = fd };
	if (uv_poll_init_socket(c->uv, &s->poll, fd) < 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	curl_multi_assign(c->multi, fd, s);
	return s;
}

/* A socket that cannot be watched for want of memory leaves its call to the call's own time limits. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct http_client *c = arg;
	struct watched_socket *s = socket;
	struct http_call *call = NULL;
	int events = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
	if (call)
		call->transfer.fd = fd;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			uv_close((uv_handle_t *)&s->poll, free_socket);
		return 0;
	}
	if (!s)
		s = watch_socket(c, fd);
	if (!s)
		return 0;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	uv_poll_start(&s->poll, events, on_poll);
	return 0;
}

/* --- the client --------------------------------------------------------------------------------------------------- */

static void free_client(uv_handle_t *handle)
{
	struct http_client *c = handle->data;

	free(c->ca);
	free(c->cert);
	free(c->key);
	free(c);
}

static int copy_text(const char *text, char **copy)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -1 : 0;
}

static int copy_tls(struct http_client *c, const struct http_tls *tls)
{
	if (copy_text(tls->ca_pem, &c->ca) < 0 || copy_text(tls->cert_pem, &c->cert) < 0 ||
	    copy_text(tls->key_pem, &c->key) < 0)
		return -1;
	c->tls = (struct http_tls){ c->ca, c->cert, c->key, tls->skip_verify };
	return 0;
}

struct http_client *http_client_new(uv_loop_t *uv, const struct http_tls *tls, struct error *err)
{
	struct http_client *c = calloc(1, sizeof(*c));

	if (!c) {
		error_set(err, ERR_NOMEM, "HTTP client: no memory");
		return NULL;
	}
	c->uv = uv;
	TAILQ_INIT(&c->calls);
	TAILQ_INIT(&c->fresh);
	uv_timer_init(uv, &c->timer);
	c->timer.data = c;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	c->multi = curl_multi_init();
	if (!c->multi || (tls && copy_tls(c, tls) < 0)) {
		error_set(err, ERR_NOMEM, "HTTP client: no memory");
		http_client_free(c);
		return NULL;
	}
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
	return c;
}

int64_t http_client_spent_us(const struct http_client *c)
{
	return c->spent_us;
}

void http_client_free(struct http_client *c)
{
	struct http_call *call;

	if (!c)
		return;
	while ((call = TAILQ_FIRST(&c->calls)))
		http_cancel(call);
	curl_multi_cleanup(c->multi);
	c->multi = NULL;
	uv_close((uv_handle_t *)&c->timer, free_client);
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static void on_idle(void *ctx)
{
	struct http_call *call = ctx;
	struct http_client *c = call->client;
	uint64_t quiet = uv_now(c->uv) - call->last_ms;
	struct error err;

	if (quiet < call->idle_ms) {
		loop_timer_set(call->idle, call->idle_ms - quiet);
		return;
	}
	error_set(&err, ERR_TIMEOUT, "%s: not a byte for %" PRIu64 " ms", call->transfer.what, quiet);
	finish(call, &err);
}

static struct http_call *call_new(struct http_client *c, const struct http_spec *spec, http_done done, void *ctx)
{
	struct http_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->client = c;
	call->on_data = spec->on_data;
	call->done = done;
	call->ctx = ctx;
	call->idle_ms = (uint64_t)spec->idle_timeout_ms;
	call->max_refusal = spec->max_body ? spec->max_body : BODY_MAX;
	uv_update_time(c->uv);
	call->last_ms = uv_now(c->uv);
	buf_init(&call->body, spec->on_data ? STREAM_MAX : spec->max_body ? spec->max_body : BODY_MAX);
	return call;
}

/* Hands the call to curl, which begins with it when its timer fires. */
static int call_start(struct http_call *call)
{
	struct http_client *c = call->client;

	curl_easy_setopt(call->transfer.easy, CURLOPT_PRIVATE, call);
	if (call->idle_ms) {
		call->idle = loop_timer_start(c->uv, call->idle_ms, 0, on_idle, call);
		if (!call->idle)
			return -1;
	}
	if (curl_multi_add_handle(c->multi, call->transfer.easy) != CURLM_OK)
		return -1;
	TAILQ_INSERT_TAIL(&c->calls, call, link);
	c->n_calls++;
	return 0;
}

struct http_call *http_send(struct http_client *c, const struct http_spec *spec, http_done done, void *ctx,
			    struct error *err)
{
	struct http_call *call;

	if (c->n_calls >= CALLS_MAX) {
		error_set(err, ERR_TOOBIG, "HTTP client: %d calls are under way already", CALLS_MAX);
		return NULL;
	}
	call = call_new(c, spec, done, ctx);
	if (!call) {
		error_set(err, ERR_NOMEM, "HTTP client: no memory");
		return NULL;
	}
	if (transfer_init(&call->transfer, spec, &c->tls, &call->body, err) < 0) {
		call_free(call);
		return NULL;
	}
	call->transfer.call = call;
	if (call_start(call) < 0) {
		error_set(err, ERR_NOMEM, "%s: no memory", call->transfer.what);
		call_free(call);
		return NULL;
	}
	call->release = spec->release;
	return call;
}

void http_cancel(struct http_call *call)
{
	if (!call || call->finished)
		return;
	detach(call);
	call_free(call);
}
