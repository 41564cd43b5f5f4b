/* page.h - /status and /status.json. They are written when somebody asks: the loop's thread writes, the thread that
 * serves waits for it. */
#ifndef CODIS_CONTROLLER_PAGE_H
#define CODIS_CONTROLLER_PAGE_H

struct clusters;
struct controller;
struct error;
struct http_request;
struct http_response;
struct page;

/* All stay the caller's. NULL and *err on failure. */
struct page *page_new(const struct controller *ctl, const struct clusters *clusters, const char *identity,
		      struct error *err);
/* Answers a request, in the thread that serves; waits at most 2 s for the loop. */
void page_serve(struct page *p, const struct http_request *req, struct http_response *res);
/* After whoever serves has ended. NULL-safe. */
void page_free(struct page *p);

#endif
