/* page.h - /status, /status.json, the web page of them, and how the clusters are in /metrics. They are written when
 * somebody asks: the loop's thread writes, the thread that serves waits for it. */
#ifndef CODIS_CONTROLLER_PAGE_H
#define CODIS_CONTROLLER_PAGE_H

struct buf;
struct clusters;
struct controller;
struct error;
struct http_request;
struct http_response;
struct page;
struct programs;

/* All stay the caller's; programs may be NULL. NULL and *err on failure. */
struct page *page_new(const struct controller *ctl, const struct clusters *clusters, const struct programs *programs,
		      const char *identity, struct error *err);
/* Answers a request, in the thread that serves; waits at most 2 s for the loop. */
void page_serve(struct page *p, const struct http_request *req, struct http_response *res);
/* Likewise appends gauges.h's metrics. -1: the loop has not answered within 2 s. */
int page_metrics(struct page *p, struct buf *out);
/* After whoever serves has ended. NULL-safe. */
void page_free(struct page *p);

#endif
