/* serve.h - the extender's verbs over HTTP, and the state behind them. The server's threads answer, the loop's thread
 * feeds the state from the watch; one lock lies over all of it and is held while one pod is placed. */
#ifndef CODIS_EXTENDER_SERVE_H
#define CODIS_EXTENDER_SERVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/log.h"
#include "extender/attempts.h"
#include "extender/census.h"
#include "extender/gone.h"
#include "extender/place.h"
#include "extender/reserve.h"

struct buf;
struct http_request;
struct http_response;
struct inventory;
struct metric;
struct metrics;

/* A list of 5,000 names has about 300 KB. A scheduler that is not told nodeCacheCapable sends whole nodes of 10-20 KB:
 * such clusters end at about 1,000 nodes. */
#define SERVE_BODY_MAX (16 * 1024 * 1024)
/* Values in a pod. */
#define SERVE_ITEMS 100000

/* What is in the way may be gone in a moment: the scheduler has heard of a node, or that a pod is gone, before us, or a
 * member has just been placed. Such a call is looked at again so often; an Error keeps the pod away for the scheduler's
 * back-off, up to 10 s. */
#define SERVE_PAUSE_MS 5
#define SERVE_PAUSES   20

struct extender {
	pthread_mutex_t lock;
	struct inventory *inventory;
	struct census census;
	struct reservations reservations;
	struct attempts attempts;
	struct gone gone;
	struct placing placing;
	int reservation_ttl_ms;
	int64_t blind_until_ms;   /* memory ran out, and with it what was promised */
	int64_t unknown_until_ms; /* what others have promised, before us or beside us, has ended by then */
	/* Whether the view of the cluster can be trusted; if not, one sentence why. Called on a server thread. */
	bool (*ready)(void *ctx, char *why_not, size_t size);
	/* How long ago, at the most, all that there was of the pods was heard. NULL: now. */
	int64_t (*age_ms)(void *ctx);
	void *ready_ctx;
	/* Lasts SERVE_PAUSE_MS: the watch may bring something meanwhile. Called on a server thread, without the lock.
	 * NULL: nothing is waited for. */
	void (*pause)(void *ctx);
	int64_t vain_until_ms; /* it was waited in vain */
	struct logger log;
	struct metrics *metrics; /* not owned */
	struct metric *reserved;
};

/* 0 or -1. The caller fills in what is not state. */
int extender_init(struct extender *e, struct metrics *metrics);
void extender_release(struct extender *e);
/* A pod is bound, or gone: then it gets nothing any more. On the loop's thread. */
void extender_settle(struct extender *e, const char *uid);
void extender_pod_gone(struct extender *e, const char *uid);

/* Another process may have promised something a moment ago: this one has begun, or another scheduler leads, or has led.
 * Any thread. */
void extender_know_nothing(struct extender *e, int64_t now_ms);

/* Whom to ask about, since his time is over and no watch has told what became of him. */
struct overdue {
	char namespace[POD_NAMESPACE_MAX], name[POD_NAME_MAX], uid[POD_UID_MAX];
};

/* Ends what is past its time, and of what no watch tells takes one that was not taken within again_ms. False: none.
 * now_ms: clock_mono_ms(). On the loop's thread, as the next. */
bool extender_take_overdue(struct extender *e, int64_t now_ms, int64_t again_ms, struct overdue *out);
/* The API server, asked then, has him without a node, or not at all. */
void extender_end_overdue(struct extender *e, const char *uid, int64_t then_ms);

/* The verbs: the body of the request in, status and JSON out. now_ms: clock_mono_ms(); wall_ms: clock_wall_ms(). */
int serve_filter(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out);
/* Of the nodes where pods would be evicted for this one, those that it could have then. */
int serve_preempt(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out);
int serve_prioritize(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms,
		     struct buf *out);

/* POST /filter, /prioritize, /preempt; ctx is a struct extender. */
void serve_http(void *ctx, const struct http_request *req, struct http_response *res);

#endif
