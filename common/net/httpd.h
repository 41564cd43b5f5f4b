/* httpd.h - HTTP and HTTPS server (libmicrohttpd): its own threads, bounded bodies, hot certificate change, drain. */
#ifndef CODIS_NET_HTTPD_H
#define CODIS_NET_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

struct error;
struct httpd;
struct metrics;

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
	const char *retry_after; /* seconds, a literal; or NULL */
	bool close;              /* the connection is not kept */
};

/* Called on one of the server's threads; must be thread-safe and short. */
typedef void (*http_handler)(void *ctx, const struct http_request *req, struct http_response *res);

struct httpd_config {
	const char *address; /* "0.0.0.0:9443", "127.0.0.1:0" (any port), "[::]:8080", ":8080" (every address) */
	int threads;         /* 0: one a core, but from 2 to 4 */
	size_t max_body;     /* a longer one is answered 413, and never kept */
	int max_big;         /* bodies over 32 KiB that are read and answered at a time, 0: 2; see below */
	int max_connections; /* 0: 512 */
	int max_per_peer;    /* of one address; 0: 256 */
	int idle_ms;         /* 0: 120 s */
	const char *cert_pem, *key_pem; /* both or neither: HTTPS (TLS 1.2+) or HTTP */
	const char *client_ca_pem;      /* whose certificate a client must show; NULL: it is not asked for one */
	http_handler handler;
	void *ctx;
	struct metrics *metrics; /* codis_http_*; or NULL. Not owned */
	const char *port;        /* their label, a literal: which of the program's ports it is */
};

/* Nobody keeps others out. Newcomers are let in once they have said something (of TLS, a whole ClientHello), by turns
 * of their addresses (httpd_door.h). Above its limits of connections the server takes the next one, too, and closes
 * another one: one that came and asked nothing, one that sends slowly, the one that is idle longest, in this order, of
 * the same address or of the one that has most (httpd_conns.h). So a kubelet is heard whatever else sits there, from
 * its own address as well. Handshake, head, body, answer and idling have limits of time of their own, however many
 * bytes come meanwhile.
 *
 * What requests take in memory is bounded for all together: up to 32 KiB of a body are read from everybody; who has
 * more takes turns (max_big), and is answered 503 with Retry-After when that takes 2 s. A handler may so take max_big
 * times what the longest body costs, and `threads` times what one of 32 KiB does. Bodies and answers together take 64
 * MiB at most: then those who have read their answers longest are closed.
 *
 * Idle connections are kept for 120 s by default: above client-go's idle pool of 90 s, since Go does not repeat a POST
 * on a connection that the server has just closed. NULL and *err: the address is taken, the certificate is bad, ... */
struct httpd *httpd_start(const struct httpd_config *cfg, struct error *err);
uint16_t httpd_port(const struct httpd *h);
/* New connections get this certificate from now on; those that are there keep theirs. Any thread. 0 or -1; on error
 * the old one stays. */
int httpd_set_certificate(struct httpd *h, const char *cert_pem, const char *key_pem, struct error *err);
/* From now on every answer says Connection: close. */
void httpd_drain(struct httpd *h);
/* From now on nobody can connect; who has by now is still served. */
void httpd_refuse(struct httpd *h);
/* Whether anybody waits for an answer, or may have asked; never false before httpd_refuse has had its effect. Without
 * it httpd_stop leaves nobody unanswered. */
bool httpd_busy(struct httpd *h);
/* Whether its threads do their work: no request has been worked at for 10 s. Any thread. */
bool httpd_alive(struct httpd *h, char *why_not, size_t size);
/* Closes all connections; waits for handlers that run, not for their answers to be read. NULL-safe. */
void httpd_stop(struct httpd *h);

/* The value of a query argument ("timeout"), or NULL. Valid during the handler. */
const char *httpd_query(const struct http_request *req, const char *name);

#endif
