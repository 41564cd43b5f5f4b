/* ops.h - what every program serves beside its work: /healthz, /readyz and /metrics on a port of its own. */
#ifndef CODIS_NET_OPS_H
#define CODIS_NET_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/net/httpd.h"

struct buf;
struct error;
struct metrics;

struct ops {
	struct metrics *metrics; /* not owned */
	/* Whether the program can truly serve; when it cannot, why_not gets one sentence. Called on a server thread. */
	bool (*ready)(void *ctx, char *why_not, size_t size);
	/* Optional: whether the program is alive (its loop turns). NULL: always. */
	bool (*alive)(void *alive_ctx, char *why_not, size_t size);
	void *alive_ctx;
	/* Optional: appends to /metrics what is asked for anew each time; -1: it could not be had, which is answered
	 * with 503. Called on a server thread. */
	int (*more_metrics)(void *ctx, struct buf *out);
	/* Optional: answers every other path; called on a server thread. NULL: 404. */
	http_handler other;
	void *ctx;
	struct httpd *httpd; /* filled in by ops_start */
};

/* ops must outlive the server. GET /healthz, /readyz: 200 "ok" or 503 with the sentence; /metrics. 0 or -1. */
int ops_start(struct ops *o, const char *address, struct error *err);
void ops_stop(struct ops *o);

#endif
