/* httpd.h - HTTP and HTTPS server (libmicrohttpd): epoll threads, bounded bodies, hot certificate change, drain. */
#ifndef CODIS_NET_HTTPD_H
#define CODIS_NET_HTTPD_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

struct error;
struct httpd;

struct http_request {
	const char *method; /* "GET", "POST", ... */
	const char *path;   /* decoded, without the query; for its arguments see httpd_query() */
	const char *body;   /* NUL-terminated; "" where there is none */
	size_t body_len;
	const char *content_type; /* "" where there is none */
	void *conn;               /* for httpd_query */
};

struct http_response {
	int status;               /* preset to 200 */
	const char *content_type; /* a literal; preset to "text/plain; charset=utf-8" */
	struct buf body;
};

/* Called on one of the server's threads; must be thread-safe and short. */
typedef void (*http_handler)(void *ctx, const struct http_request *req, struct http_response *res);

struct httpd_config {
	const char *address; /* "0.0.0.0:9443", "127.0.0.1:0" (any port), "[::]:8080", ":8080" (every address) */
	int threads;         /* 0: one a core */
	size_t max_body;     /* a longer one is answered 413, and never kept */
	int max_connections; /* 0: 1,000 */
	const char *cert_pem, *key_pem; /* both or neither: HTTPS (TLS 1.2+) or HTTP */
	http_handler handler;
	void *ctx;
};

/* The idle timeout is 120 s: above client-go's idle pool of 90 s, since Go does not repeat a POST on a connection that
 * the server has just closed. NULL and *err: the address is taken, the certificate is bad, ... */
struct httpd *httpd_start(const struct httpd_config *cfg, struct error *err);
uint16_t httpd_port(const struct httpd *h);
/* New connections get this certificate from now on; those that are there keep theirs. Any thread. 0 or -1; on error
 * the old one stays. */
int httpd_set_certificate(struct httpd *h, const char *cert_pem, const char *key_pem, struct error *err);
/* From now on every answer says Connection: close. */
void httpd_drain(struct httpd *h);
/* Closes all connections; waits for handlers that run, not for their answers to be read. NULL-safe. */
void httpd_stop(struct httpd *h);

/* The value of a query argument ("timeout"), or NULL. Valid during the handler. */
const char *httpd_query(const struct http_request *req, const char *name);

#endif
