/* place.h - where a codis pod may stand, and where it stands best. Pure: the cluster, the placements in flight, the pod
 * and the candidate nodes go in, verdicts and ranks come out. */
#ifndef CODIS_EXTENDER_PLACE_H
#define CODIS_EXTENDER_PLACE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codis/identity.h"
#include "extender/cluster.h"
#include "extender/reserve.h"

struct buf;
struct error;
struct extender_args;

/* The pod that asks for a place. Texts belong to its JSON. */
struct place_pod {
	const char *uid, *namespace, *name;
	struct codis_identity id;
	bool strict;              /* a server that must not share a domain with its group */
	const char *topology_key; /* what a domain is: a node label */
	bool choosy;              /* has preferences of its own, so the scheduler's scoring needs many nodes to see */
};

/* id.component is CODIS_NONE for a pod that is none of ours. 0, or -1 and *err in words fit as a reason: what in the
 * pod cannot be read. A pod without a uid (none comes from a scheduler) is refused, too. */
int place_pod_of(const cJSON *pod, struct place_pod *p, struct error *err);

/* Whether another pod is of the same group; for components other than servers, of the same set. The same name under
 * another uid is the pod's forerunner, which ended or soon will: no peer. */
bool place_is_peer(const struct place_pod *p, const struct codis_identity *id, const char *namespace, const char *name);

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
	enum place_refusal refusal;
	const char *member; /* with PLACE_TAKEN and PLACE_PROMISED: the name of its pod, as the cluster holds it */
	const char *domain; /* the value of the topology key, or the node's name where it has none */
	int weights[WEIGHTS];
	uint64_t tie; /* sorts equals; differs from pod to pod, so that equals share the load */
};

/* Fills nodes[0..args->count), in the order of args. now_ms: wall time. 0, or -1 and *err (memory). */
int place_nodes(const struct cluster *c, const struct reservations *r, const struct place_pod *p,
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
