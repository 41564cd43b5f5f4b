/* serve.h - AdmissionReviews by HTTP: POST /mutate and POST /validate. */
#ifndef CODIS_WEBHOOK_SERVE_H
#define CODIS_WEBHOOK_SERVE_H

#include "common/base/json.h"
#include "common/base/log.h"
#include "webhook/lookups.h"

struct http_request;
struct http_response;
struct tally;

/* The API server sends an object and what it was; etcd takes 1.5 MiB each. */
#define SERVE_BODY_MAX (3u << 20)
/* Values in it: twice 40,000 (json.h), and some. */
#define SERVE_ITEMS JSON_ITEMS

struct webhook {
	struct logger log;
	struct tally *tally; /* begun */
	const char *viewer_image;
	struct lookups lookups;
};

/* A handler of httpd; ctx is a struct webhook, of which only the tally is
 * written. What is no AdmissionReview is answered with 400 and
 * one sentence; everything else with 200 and an AdmissionReview. */
void webhook_serve(void *ctx, const struct http_request *req, struct http_response *res);

#endif
