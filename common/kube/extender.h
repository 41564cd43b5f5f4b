/* extender.h - scheduler extender v1 on the wire (kubernetes/kube-scheduler extender/v1/types.go).
 *
 * The Go structs have no JSON tags, so names are Go-cased ("NodeNames") and are read in any case, as Go does. A request
 * names thousands of nodes, so it is read where it stands, and what is answered of it is its own bytes. */
#ifndef CODIS_KUBE_EXTENDER_H
#define CODIS_KUBE_EXTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/json_span.h"

struct buf;
struct error;

#define EXTENDER_NODES_MAX 20000 /* nodes in one call; Kubernetes supports clusters of 5,000 */
#define EXTENDER_NAME_MAX  253   /* bytes in a node's name: a DNS subdomain */
#define EXTENDER_SCORE_MAX 10    /* MaxExtenderPriority */

/* ExtenderArgs: what filter and prioritize are asked. All of it stands in the request's text. */
struct extender_args {
	struct json_span pod; /* an object */
	struct json_span
		*names; /* of the candidate nodes, in the order of the request; of 1 to EXTENDER_NAME_MAX bytes */
	struct json_span
		*nodes; /* the same nodes as objects, when the scheduler sent them (nodeCacheCapable: false); or NULL */
	struct json_span list; /* NodeNames or Nodes as it was sent; at NULL: neither was */
	size_t count, room;
};

#define EXTENDER_ARGS_CLEANUP __attribute__((cleanup(extender_args_release)))

/* text must outlive args, which the caller releases whatever this returns. NodeNames and Nodes both absent or null: no
 * candidates. 0, or -1 and *err in words for the scheduler's log. */
int extender_args_parse(const char *text, size_t len, struct extender_args *args, struct error *err);
/* ExtenderPreemptionArgs: names are the nodes where pods would be evicted for this one, nodes who would be, as Victims
 * or (nodeCacheCapable) MetaVictims. As above. */
int extender_preempt_parse(const char *text, size_t len, struct extender_args *args, struct error *err);
void extender_args_release(struct extender_args *args);

/* ExtenderFilterResult, in the form that was asked: NodeNames or Nodes. All candidates, or those of which the indices
 * are given. 0 or -1 (memory, out's limit). */
int extender_pass_all(const struct extender_args *args, struct buf *out);
int extender_pass(const struct extender_args *args, const uint32_t *those, size_t count, struct buf *out);
/* One in which no candidate passes: `reason` says why the i-th does not. They go to FailedAndUnresolvableNodes, not to
 * FailedNodes: for those the scheduler looks for pods to evict, and evicting does not change what an extender of ours
 * refuses. The scheduler reads either list only when no node is left, so an answer that lets some pass has none. */
int extender_refuse_all(const struct extender_args *args, void (*reason)(void *ctx, size_t i, struct buf *out),
			void *ctx, struct buf *out);

/* An ExtenderFilterResult of nothing but Error: the scheduler gives up this attempt and tries the pod again later. */
int extender_error_write(const char *error, struct buf *out);

/* ExtenderPreemptionResult: those nodes, with who would be evicted there. One without a victim is left out, since the
 * scheduler takes such an answer for an error, and one of which a victim has no uid: by evicting the others alone there
 * might be no room. 0 or -1 (memory, out's limit). */
int extender_preempt_write(const struct extender_args *args, const uint32_t *those, size_t count, struct buf *out);

/* HostPriorityList: scores[i] (0..EXTENDER_SCORE_MAX) of candidate i. 0 or -1 (memory, out's limit). */
int extender_scores_write(const struct extender_args *args, const int *scores, struct buf *out);

#endif
