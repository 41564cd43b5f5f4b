/* census.h - who stands where, in numbers: what placing a pod needs of all nodes and pods, kept by every change, so
 * that a call costs what its own names cost. The inventory tells it (inventory_tell_places), and so do the placements
 * in flight. No I/O, no clock; the caller holds a lock. */
#ifndef CODIS_EXTENDER_CENSUS_H
#define CODIS_EXTENDER_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/names.h"

struct inventory;
struct inventory_node;
struct inventory_pod;

/* The topology keys that are looked at: these two, and what pods have asked for lately. */
enum { CENSUS_HOST, CENSUS_ZONE, CENSUS_KEYS = 8 };

/* Pods of one product: masters, or the others. */
struct census_count {
	uint32_t product; /* see census_product */
	bool master;
	uint16_t pods;
};

/* A node by its number, in one line of memory: a call reads thousands. One that nobody has seen yet, or that is gone,
 * is held while somebody stands there; its domains are the last that it had. */
struct census_node {
	uint32_t domains[CENSUS_KEYS]; /* numbers; equal where the label's values are; 0: it never had such a label */
	struct census_count *counts;
	uint64_t products : 48, count : 16; /* of counts: bits for each product, see census_may_have; and how many */
	uint16_t pods;                      /* Codis' pods that stand here, or may be coming */
	uint16_t masters;                   /* of them, masters of their groups: inventory_pod */
	uint32_t memory_mib;                /* that they ask for, see census_memory */
	uint16_t size;                      /* what can be allocated there, in CENSUS_SIZE_MIB; 0: nobody says it */
	uint8_t taints;                     /* PreferNoSchedule: a number of census.taints, or 0 */
	uint8_t labelled;                   /* a bit for each key whose label it has now */
	/* In the list of nodes; Ready; since when, in wall time (inventory_node's ready_changed_ms). */
	uint32_t seen : 1, ready : 1, ready_changed_4s : 30;
};

/* Memory that can be allocated is told in so many MiB, up to 4 TiB. */
#define CENSUS_SIZE_MIB 64
/* What a node of which nobody says it counts as having: as much as the others, where it is said of none. */
#define CENSUS_SIZE_UNKNOWN (16384 / CENSUS_SIZE_MIB)

/* Who asks for nothing takes some all the same: as much as kube-scheduler takes it for (DefaultMemoryRequest). */
static inline uint32_t census_memory(uint32_t asked_mib)
{
	return asked_mib ? asked_mib : 200;
}

/* Two bits of a product: of its number modulo 32, and of what is left, modulo 16. */
static inline uint64_t census_bits(uint32_t product)
{
	return UINT64_C(1) << product % 32 | UINT64_C(1) << (32 + product / 32 % 16);
}

/* False of most nodes that have nothing of it: where counts are is far from the node. */
static inline bool census_may_have(const struct census_node *n, uint32_t product)
{
	return (n->products & census_bits(product)) == census_bits(product);
}

struct census {
	struct names names, values, products;
	struct names taints;       /* of nodes, as inventory_node has them: most have none, the others a few */
	struct census_node *nodes; /* by number of names; room for node_room */
	uint32_t node_room;
	char *keys[CENSUS_KEYS];    /* of the columns; NULL: free */
	uint64_t used[CENSUS_KEYS]; /* the turn in which it was asked for last */
	uint64_t turn;              /* see census_begin */
	bool crowded;               /* in this turn more keys were asked for than there are columns */
	bool incomplete;            /* memory ran out; see census_recount */
	uint32_t left;              /* the node that a pod has left last: it may be told of there again, changed */
};

/* 0, or -1: no memory. Of zeros before. From now on the inventory tells it what it has and gets. */
int census_init(struct census *c, struct inventory *inv);
void census_release(struct census *c);

/* Who is counted. */
struct census_pod {
	const char *namespace, *product; /* product "": it is not known */
	bool master;                     /* of its group */
	uint32_t memory_mib;             /* see census_memory */
};

/* Somebody stands on a node, or is promised a place there; or does and is so no longer: the same is taken back. Without
 * memory the census is incomplete. Returns the node's number, which is held as long; 0: no memory. */
uint32_t census_add(struct census *c, const char *node, size_t len, const struct census_pod *pod);
void census_remove(struct census *c, uint32_t node, const struct census_pod *pod);

/* Holds a node without counting anybody there. 0: no memory. */
uint32_t census_hold(struct census *c, const char *node, size_t len);
void census_let_go(struct census *c, uint32_t node);

/* Counts the inventory's pods anew, after memory ran out; what was promised is forgotten, and all numbers are others. 0
 * or -1. */
int census_recount(struct census *c, const struct inventory *inv);

/* A call begins, after all changes. It keeps the columns of all keys that it asks for, unless they are too many: then
 * the census is crowded.
 */
void census_begin(struct census *c);
/* The column of a topology key, which is filled when it is asked for the first time; for it the one is given up that
 * was asked for the longest time ago. -1: no memory. */
int census_key(struct census *c, const struct inventory *inv, const char *key);

/* So that there is a node 0, which is nobody's: 0, or -1: no memory. */
int census_make_room(struct census *c);
/* Numbers; 0: there is none. */
uint32_t census_find(const struct census *c, const char *node, size_t len);
uint32_t census_product(const struct census *c, const char *namespace, const char *product);

/* Whether a node has the label of a column. All have a name. */
static inline bool census_is_labelled(const struct census_node *n, int column)
{
	return column == CENSUS_HOST || (n->labelled >> column & 1);
}

#endif
