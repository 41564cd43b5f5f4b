/* program.h - what every program does in the same way, from its options to its end: a log on stderr, metrics, the loop,
 * a client of the API server, the ops server, one line when it starts and one when it stops. */
#ifndef CODIS_KUBE_PROGRAM_H
#define CODIS_KUBE_PROGRAM_H

#include "common/base/log.h"
#include "common/kube/pulse.h"
#include "common/net/loop.h"
#include "common/net/ops.h"

struct error;
struct kube_client;
struct metrics;

/* The options that they all have; a part of each program's own. */
struct program_options {
	char *ops_listen, *kubeconfig, *log_level;
};

struct program {
	/* Starts what this program is made of, and fills in ops.ready and what else of ops it has. 0, or -1 and *err.
	 */
	int (*start)(void *ctx, struct error *err);
	/* The first SIGTERM or SIGINT: finishes what is under way, then calls program_end. A second one ends it at
	 * once. */
	void (*drain)(void *ctx);
	/* Ends what start has started, once the loop and the ops server have ended. NULL: all that ends with the
	 * process. */
	void (*stop)(void *ctx);
	/* Whether each watch was heard within max_age_ms. With it, a program that is deaf ends itself (pulse.h). NULL:
	 * it has no watch. */
	bool (*heard)(void *ctx, int64_t max_age_ms);
	/* Whether it does its work, where its loop turns; when not, why_not gets one sentence, and /healthz fails.
	 * Called on a thread of the ops server. NULL: always. */
	bool (*alive)(void *ctx, char *why_not, size_t size);
	void *ctx;

	/* Made before start is called, and there until stop has returned. */
	struct logger log;
	struct log_loss log_loss;
	struct metrics *metrics;
	struct loop loop;
	struct kube_client *kube;
	struct ops ops;
	struct pulse pulse;
	struct loop_timer *turn;
	struct loop_lateness *lateness;
	bool call_failed; /* since the last turn */
	bool failed;
};

/* Runs it, with its first members up to ctx filled in, until program_end or program_fail. Returns main's status. */
int program_run(struct program *p, const struct program_options *options);
void program_end(struct program *p);
/* A call to the API server, or a watch, has failed: so it is not deaf. */
void program_call_failed(struct program *p);
/* Ends it, too; the event is logged as an error and the status is 1. */
void program_fail(struct program *p, const char *event, const struct error *err);

#endif
