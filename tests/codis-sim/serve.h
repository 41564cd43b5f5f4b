/* serve.h - the administration's HTTP: one thread a connection, so that a call which waits holds up nobody else but
 * through the mutex it waits for, as a goroutine a request does in Codis. Routes, and Codis' way to answer. */
#ifndef CODIS_SIM_SERVE_H
#define CODIS_SIM_SERVE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/error.h"

struct serve;

#define SERVE_PARAMS 6

struct request {
	const char *method;
	const char *path;
	const char *body; /* NUL-terminated */
	size_t body_len;
	char params[SERVE_PARAMS][160]; /* what stood for :names in the route, in order */
	const char *forward;            /* the query's ?forward=, or "" */
};

struct reply {
	int status; /* preset to 404 */
	const char *type, *location;
	struct buf body;
};

typedef void (*serve_handler)(void *ctx, const struct request *req, struct reply *rep);

struct route {
	const char *method;  /* NULL: any; NULL pattern ends the table */
	const char *pattern; /* "/api/topom/group/add/:xauth/:gid/:addr" */
	serve_handler handler;
};

/* Listens at addr ("0.0.0.0:18080"); handlers are called from many threads. fallback (may be NULL) takes what no route
 * does. NULL and *err: the address is taken, ... */
struct serve *serve_start(const char *addr, const struct route *routes, serve_handler fallback, void *ctx,
			  struct error *err);
/* Refuses new connections from now on; what is being answered goes on. */
void serve_quiesce(struct serve *s);

void reply_json(struct reply *rep, cJSON *value); /* 200; takes value over */
void reply_ok(struct reply *rep);                 /* 200 "OK" */
/* 800 {"Cause","Stack"}. Codis gives no stack for errors that are constants (traced false). */
void reply_error(struct reply *rep, const char *cause, bool traced);
void reply_err(struct reply *rep, const struct error *err);
void reply_redirect(struct reply *rep, const char *location);

/* Whether params[i] is a number; else the answer is "invalid <name>". */
bool request_int(const struct request *req, struct reply *rep, int i, const char *name, int *out);

#endif
