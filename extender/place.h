/* place.h - where a codis pod may stand, and where it stands best. Pure: the inventory, the placements in flight, the
 * pod and the candidate nodes go in, verdicts and ranks come out. */
#ifndef CODIS_EXTENDER_PLACE_H
#define CODIS_EXTENDER_PLACE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/table.h"
#include "common/codis/pod.h"
#include "extender/reserve.h"

struct buf;
struct error;
struct extender_args;
struct inventory;
struct inventory_node;
struct inventory_pod;

#define PLACE_ZONE_KEY "topology.kubernetes.io/zone"

/* The pod that asks for a place. */
struct place_pod {
	struct codis_pod pod;
	struct membership member; /* see place_join */
	bool strict;              /* a server that must not share a domain with its group */
	bool choosy;              /* has preferences of its own, so the scheduler's scoring needs many nodes to see */
};

/* pod.component is CODIS_NONE for a pod that is none of ours. 0, or -1 and *err in words fit as a reason: what in the
 * pod cannot be read. A pod without a uid (none comes from a scheduler) is refused, too. */
int place_pod_of(const cJSON *pod, struct place_pod *p, struct error *err);

/* Finds out which group it is a member of: a pod that says no product belongs where the inventory has the others. */
void place_join(struct place_pod *p, const struct inventory *inv);

/* Whether another pod is of the same group; for components other than servers, of the same set. The same name under
 * another uid is the pod's forerunner, which ended or soon will: no peer. */
bool place_is_peer(const struct place_pod *p, const struct inventory_pod *other);
/* Calls fn for each of them that has a node, until it returns non-zero; returns that. */
int place_each_peer(const struct place_pod *p, const struct inventory *inv,
		    int (*fn)(void *ctx, const struct inventory_pod *peer), void *ctx);

enum place_refusal {
	PLACE_PASSES,
	PLACE_TAKEN,    /* a member of the group is here */
	PLACE_PROMISED, /* a member of the group is just being placed, maybe here */
	PLACE_NO_LABEL, /* the node does not say which domain it is in */
	PLACE_UNSEEN,   /* the watch has not brought the node yet */
};

/* What is better in a node, the weightiest first; each counts something, and less is better. */
enum place_weight {
	WEIGHT_SHARED,  /* members of the group (or of the set, for other components) in the domain */
	WEIGHT_TRIED,   /* offered for this pod a moment ago, and it is still without a place */
	WEIGHT_FAILING, /* 1: was not Ready lately; 2: is not Ready */
	WEIGHT_ZONE,    /* members of the group (set) in the zone */
	WEIGHT_RANK,    /* servers of the same rank in other groups: first members are the masters as a rule */
	WEIGHT_PRODUCT, /* pods of the product on the node */
	WEIGHT_CODIS,   /* codis pods on the node */
	WEIGHTS,
};

struct place_node {
	const char *name;
	const struct inventory_node *node; /* NULL: not seen yet */
	enum place_refusal refusal;
	const char *member; /* with PLACE_TAKEN and PLACE_PROMISED: the name of its pod, as the inventory holds it */
	const char *domain; /* the value of the topology key, or the node's name where it has none */
	int weights[WEIGHTS];
	uint64_t tie;              /* sorts equals; differs from pod to pod, so that equals share the load */
	struct table_link by_name; /* while it is placed */
};

/* Fills nodes[0..args->count), in the order of args. What they point to is valid until the inventory or the
 * reservations change. now_ms: wall time. 0, or -1 and *err (memory). Costs what these nodes and the pod's group cost,
 * not what all pods do. */
int place_nodes(const struct inventory *inv, const struct reservations *r, const struct place_pod *p,
		const struct extender_args *args, int64_t now_ms, struct place_node *nodes, struct error *err);

/* The reason of a refusal in words, for the user who describes a Pending pod. */
void place_reason(const struct place_pod *p, const struct place_node *n, struct buf *out);

/* Sorts the indices of the nodes that pass into order (room for count), the best first, and returns how many of the
 * first to offer (0 when none passes): see docs/extender.md, "How many nodes it offers". */
#define PLACE_OFFER_MAX 16
size_t place_offer(const struct place_pod *p, const struct place_node *nodes, size_t count, size_t *order);

/* Scores 0..10 for prioritize: 10 for the best, 0 for the worst and for the refused; equals get the same. 0 or -1
 * (memory). */
int place_scores(const struct place_node *nodes, size_t count, int *scores);

#endif
