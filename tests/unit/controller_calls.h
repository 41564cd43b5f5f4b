/* controller_calls.h - the API server for those parts of a cluster that write one object at a time: a test says when
 * what they asked is answered, and how. */
#ifndef CODIS_TESTS_CONTROLLER_CALLS_H
#define CODIS_TESTS_CONTROLLER_CALLS_H

#include <cjson/cJSON.h>

#include "common/base/error.h"
#include "common/kube/client.h"

struct cluster;

struct controller_calls {
	char asked[4096]; /* the last one: "PATCH /api/v1/... application/merge-patch+json {...}", "-" for no type */
	int count, timeout_ms;
	/* Under way, in their order. */
	struct {
		kube_done done;
		void *ctx;
	} open[8];
	int open_count;
	void (*keep)(struct cluster *c);
};

extern struct controller_calls calls; /* of the test that runs */

/* Nothing was asked. keep: what a turn does, for keep_after; or NULL. */
void calls_begin(void (*keep)(struct cluster *c));
/* A turn of the world's cluster, so long after the last one. */
void keep_after(int ms);
/* To what has been under way for longest. */
void answer(enum error_code code);

/* The test's kube_call(). It stands in the test, as others play theirs otherwise. */
struct http_call *calls_add(const char *method, const char *path, const cJSON *body, const char *content_type,
			    int timeout_ms, kube_done done, void *ctx);
#define PLAYED_KUBE_CALL                                                                                               \
	struct http_call *kube_call(struct kube_client *k, const char *method, const char *path, const cJSON *body,    \
				    const char *content_type, int timeout_ms, kube_done done, void *ctx,               \
				    struct error *err)                                                                 \
	{                                                                                                              \
		(void)k;                                                                                               \
		(void)err;                                                                                             \
		return calls_add(method, path, body, content_type, timeout_ms, done, ctx);                             \
	}

#endif
