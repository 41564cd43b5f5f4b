/* extender.h - scheduler extender v1 on the wire (kubernetes/kube-scheduler extender/v1/types.go).
 *
 * The Go structs have no JSON tags, so names are Go-cased ("NodeNames") and are read in any case, as Go does. */
#ifndef CODIS_KUBE_EXTENDER_H
#define CODIS_KUBE_EXTENDER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct error;

#define EXTENDER_NODES_MAX 20000 /* nodes in one call; Kubernetes supports clusters of 5,000 */
#define EXTENDER_NAME_MAX  253   /* bytes in a node's name: a DNS subdomain */
#define EXTENDER_SCORE_MAX 10    /* MaxExtenderPriority */

/* ExtenderArgs: what filter and prioritize are asked. */
struct extender_args {
	const cJSON *pod;
	size_t count;
	const char **names; /* of the candidate nodes, in the order of the request */
	const cJSON *
		*nodes; /* the same nodes as objects, when the scheduler sent them (nodeCacheCapable: false); or NULL */
};

#define EXTENDER_ARGS_CLEANUP __attribute__((cleanup(extender_args_release)))

/* request stays the caller's and must outlive args, which the caller releases whatever this returns. NodeNames and
 * Nodes both absent or null: no candidates. 0, or -1 and *err in words for the scheduler's log. */
int extender_args_parse(const cJSON *request, struct extender_args *args, struct error *err);
void extender_args_release(struct extender_args *args);

/* ExtenderFilterResult, made step by step. The lists answer in the form that was asked: NodeNames or Nodes. */
struct extender_filter {
	const struct extender_args *args;
	cJSON *root; /* owned */
	cJSON *passed, *refused;
	bool nomem;
};

#define EXTENDER_FILTER_CLEANUP __attribute__((cleanup(extender_filter_release)))

void extender_filter_init(struct extender_filter *f, const struct extender_args *args);
void extender_filter_release(struct extender_filter *f);
/* Candidate i may take the pod. */
void extender_filter_pass(struct extender_filter *f, size_t i);
/* Candidate i may not, and why. Goes to FailedAndUnresolvableNodes, not to FailedNodes: for those the scheduler looks
 * for pods to evict, and evicting does not change what an extender of ours refuses. A candidate that is neither passed
 * nor refused is not told apart from an unresolvable one; the scheduler reads either list only when no node is left. */
void extender_filter_refuse(struct extender_filter *f, size_t i, const char *reason);
/* The answer's JSON. 0 or -1 (memory, out's limit). */
int extender_filter_write(const struct extender_filter *f, struct buf *out);

/* An ExtenderFilterResult of nothing but Error: the scheduler gives up this attempt and tries the pod again later. */
int extender_error_write(const char *error, struct buf *out);

/* HostPriorityList: scores[i] (0..EXTENDER_SCORE_MAX) of candidate i. 0 or -1 (memory, out's limit). */
int extender_scores_write(const struct extender_args *args, const int *scores, struct buf *out);

#endif
