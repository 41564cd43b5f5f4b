/* place.h - where a codis pod may stand, and where it stands best. Pure: the inventory, its census, the placements in
 * flight, the pod and the candidate nodes go in, verdicts and ranks come out. */
#ifndef CODIS_EXTENDER_PLACE_H
#define CODIS_EXTENDER_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "extender/census.h"
#include "extender/place_pod.h"
#include "extender/reserve.h"
#include "extender/share.h"

struct attempts_of;
struct buf;
struct error;
struct extender_args;
struct inventory;

enum place_refusal {
	PLACE_PASSES,
	PLACE_TAKEN,    /* a member of the group is here */
	PLACE_PROMISED, /* a member of the group is just being placed, maybe here */
	PLACE_NO_LABEL, /* the node does not say which domain it is in */
	PLACE_UNSEEN,   /* the watch has not brought the node yet */
	PLACE_BLURRED,  /* nor the node of a member of the group, which so may be in the same domain */
};

/* What is better in a node, the weightiest first; each counts something, and less is better. */
enum place_weight {
	WEIGHT_SHARED,
	WEIGHT_TRIED,
	WEIGHT_FAILING,
	WEIGHT_TAINTS,
	WEIGHT_WIDER,
	WEIGHT_ZONE,
	WEIGHT_MASTERS,
	WEIGHT_ZONE_MASTERS,
	WEIGHT_OWN_MASTERS,
	WEIGHT_OWN,
	WEIGHT_MEMORY,
	WEIGHTS,
};

/* Whoever has more than the bits can say counts as having so many. docs/extender.md lists them. */
struct place_term {
	int bits;
	const char *counts;
};
extern const struct place_term place_terms[WEIGHTS];

struct place_node {
	union {
		struct share_own own; /* until it is weighed */
		uint64_t key;         /* all its weights, the weightiest in the highest bits */
	};
	uint32_t node; /* its number in the census; 0: nobody knows it */
	uint32_t refusal : 8;
	/* With PLACE_TAKEN and PLACE_PROMISED the peer, with PLACE_NO_LABEL the column, with PLACE_PASSES the zone. */
	uint32_t why : 24;
};

/* Somebody of the same group (set) who has a place, or may have. */
struct place_peer {
	const char *name;
	uint32_t node;
	int column; /* of its own topology key, where it is strict; else -1 */
	bool promised, deleting;
};

struct place_mark {
	uint16_t peers, barring; /* of these, those that let nobody else in */
	uint32_t first;          /* of the peers, by index; of those that bar, if there are any */
};

/* By domain (2 x its number), or by node where that has none (2 x number + 1). */
struct place_marks {
	struct place_mark *marks;
	size_t room;
	uint32_t *marked;
	size_t count, marked_room;
	uint64_t some; /* a bit for each that is marked, by its last six bits: most domains need no look */
	bool bars;     /* somebody in it lets nobody else in */
};

/* Of the candidates that pass, those in one zone. */
struct place_zone {
	uint32_t size, masters;
	uint32_t call; /* in which it was counted last */
};

/* A call's work. Its memory is kept from call to call; of zeros it is empty. What is in it is valid until the
 * inventory, the census or the reservations change. */
struct placing {
	const struct extender_args *args;
	const struct place_pod *pod;
	struct place_node *nodes; /* as many as args has, in their order */
	size_t room;
	uint32_t *numbers; /* theirs, in the census */
	size_t number_room;
	struct place_peer *peers;
	size_t peer_count, peer_room, members; /* of one that may have several places, a peer for each */
	struct place_marks columns[CENSUS_KEYS];
	int used[CENSUS_KEYS], used_count;          /* the columns that have marks */
	int column;                                 /* of the pod's key */
	int wider[CODIS_KEYS_MAX - 1], wider_count; /* of those before it */
	uint8_t demanded;                           /* as census_node's labelled: those whose label a node must have */
	bool blurred, master_waits; /* master_waits: that of the pod's group, another one, has no place yet */
	struct census *census;
	uint32_t product; /* its number in the census */
	struct shares shares;
	struct place_zone *zones; /* by the numbers of their names */
	size_t zone_room;
	uint32_t calls;
	int *taints_met; /* by the numbers of the taints */
	size_t taints_room;
	size_t passing, best; /* how many pass; of these, how many there are no better ones than */
	uint64_t best_key;
	bool transient; /* what is in the way of some may be gone in a moment */
};

void placing_release(struct placing *pl);

/* Judges and weighs every candidate. attempts: of the pod, or NULL. now_ms: wall time. 0, or -1 and *err (memory;
 * ERR_TOOBIG: the group has more keys than are looked at). Costs what these nodes and the pod's group cost, not what
 * all pods do. */
int place_nodes(struct placing *pl, const struct inventory *inv, struct census *c, const struct reservations *r,
		const struct attempts_of *attempts, const struct place_pod *p, const struct extender_args *args,
		int64_t now_ms, struct error *err);

/* What attempts are counted by: the hash of a candidate's name, whether or not the census knows it. */
uint32_t place_hash_of(const struct extender_args *args, size_t i);

int place_weight(const struct place_node *n, enum place_weight which);

/* Whether what is in the way of the i-th may be gone in a moment. */
bool place_is_transient(const struct placing *pl, size_t i);

/* The reason why the i-th is refused, in words for the user who describes a Pending pod. */
void place_reason(const struct placing *pl, size_t i, struct buf *out);

#endif
