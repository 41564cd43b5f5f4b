/* http.h - HTTP client (libcurl's multi interface on a libuv loop). One loop thread; nothing here blocks.
 * http_fetch() is the blocking one, for programs without a loop (tests, command-line tools).
 *
 * A call is made at least once, not at most once: when a kept connection ends without an answer it is repeated on
 * another one, though the peer may have done it. So PUT, PATCH and DELETE have to bear that (a version, a precondition
 * of uid). A POST goes over a new connection and is not repeated. Whether a call that failed was done is not known in
 * any case. An answer that does not say its length (nor comes in chunks) is refused: it may have been cut. */
#ifndef CODIS_NET_HTTP_H
#define CODIS_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct error;
struct http_client; /* a connection pool and its limits */
struct http_call;   /* one request under way */

struct http_tls {
	const char *ca_pem;             /* NULL: the system's */
	const char *cert_pem, *key_pem; /* client certificate, or NULL */
	bool skip_verify;               /* a kubeconfig says insecure-skip-tls-verify, or the peer is on our loopback */
};

struct http_spec {
	const char *method; /* "GET", "PUT", ... */
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated; or NULL */
	const char *body;           /* copied; NULL: none */
	size_t body_len;
	int connect_timeout_ms; /* name, TCP (3 s at most) and TLS together; 0: 1,000 */
	int timeout_ms;         /* whole call; 0: none (a watch) */
	int idle_timeout_ms;    /* give up when no byte comes for this long (a watch); 0: none */
	bool fresh;             /* over a new connection: a kept one does not tell whether the peer takes any */
	size_t max_body;        /* 0: 64 MiB; for a streamed call, of an answer that is no 2xx */
	/* When set, body bytes are handed over as they come instead of being collected (only for 2xx answers);
	 * return non-zero to abort the call (done then gets an error). Like done it may start and cancel any call. */
	int (*on_data)(void *ctx, const char *data, size_t len);
	/* When set, the last use of ctx: after done, or when the call is cancelled. Not when it could not start. */
	void (*release)(void *ctx);
};

struct http_result {
	const struct http_call *call;
	int status;       /* 0 when no answer came: see err */
	const char *body; /* NUL-terminated, valid during the callback */
	size_t len;
	int retry_after_s; /* of the answer's Retry-After, as a number or a date; 0: none */
	int64_t date_ms; /* wall time by the peer's clock (its Date, whole seconds) as the answer ended; 0: not said */
	const struct error *err; /* NULL when a whole answer came, whatever its status; names the peer, not the path */
};

typedef void (*http_done)(void *ctx, const struct http_result *res);

/* The value of the index-th header of this name of an answer, valid during done; NULL: there are not so many. */
const char *http_header(const struct http_result *res, const char *name, size_t index);

/* tls may be NULL; its strings are copied. At most 1,024 calls are under way at a time. Proxies of the environment are
 * not used, redirects not followed. NULL and *err on failure. */
struct http_client *http_client_new(uv_loop_t *uv, const struct http_tls *tls, struct error *err);
/* Cancels what is under way without calling back. NULL-safe. */
void http_client_free(struct http_client *c);
/* CPU time that reading and all calls of done took: what the answers of this client's peers have cost. */
int64_t http_client_spent_us(const struct http_client *c);

/* Starts a call; done is called exactly once, never from within http_send, unless the call is cancelled.
 * Returns the call (valid until done has been called) or NULL and *err. */
struct http_call *http_send(struct http_client *c, const struct http_spec *spec, http_done done, void *ctx,
			    struct error *err);
/* Ends the call without calling back. NULL-safe, and without effect from within the call's own done. */
void http_cancel(struct http_call *call);

/* Blocking: fills *status and body, whose limit is that of the answer; idle_timeout_ms and on_data are not used.
 * 0 when an answer came (any status), or -1 and *err. */
struct buf;
int http_fetch(const struct http_spec *spec, const struct http_tls *tls, int *status, struct buf *body,
	       struct error *err);

#endif
