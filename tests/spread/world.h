/* world.h - a cluster that is played in numbers: nodes, products of Codis, and who stands where. */
#ifndef CODIS_SPREAD_WORLD_H
#define CODIS_SPREAD_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#define ZONES        3
#define PRODUCTS     10
#define NODES_MAX    500
#define PODS_MAX     8000
#define NAME_MAX_LEN 64

/* What is varied. */
struct kind {
	int nodes, replica;
	bool sizes;   /* nodes of 1 : 2 : 4; else all alike */
	bool at_once; /* many in flight, in an order of chance; else one by one, product by product */
	bool others;  /* a third of the nodes carries other pods */
	bool taints;  /* a tenth of the nodes has a taint PreferNoSchedule */
	bool moved;   /* when half of the pods stand, all masters of one zone hand over */
};

struct node {
	char name[NAME_MAX_LEN];
	int zone, size; /* 1, 2, 4 */
	bool tainted;
	int64_t cpu_m, memory_mib;         /* allocatable */
	int64_t others_cpu_m, others_mib;  /* of others' pods, which the extender does not know */
	int64_t used_cpu_m, used_mib;      /* all that is requested */
	int64_t codis_mib;                 /* of it, by Codis */
	int pods;                          /* of Codis */
	int masters, masters_of[PRODUCTS]; /* of groups: the first of each, until they hand over */
	int servers_of[PRODUCTS], proxies_of[PRODUCTS];
};

/* A product has a namespace of its own. */
struct product {
	int groups, proxies;
	int64_t server_cpu_m, server_mib;
	bool by_zone; /* its members never share a zone */
	bool ruled;   /* it has the scheduler's own rule as well */
};

struct pod {
	int product, ordinal;
	int group, rank;       /* of a proxy: 0 */
	bool master, labelled; /* labelled: codis-controller has said whether it is one */
	int64_t cpu_m, mib;
	int node; /* -1: none */
};

struct world {
	struct kind kind;
	struct product products[PRODUCTS];
	struct node nodes[NODES_MAX];
	int node_count;
	struct pod pods[PODS_MAX];
	int pod_count;
	int order[PODS_MAX]; /* in which they come */
	int next_start;      /* the node at which the scheduler looks first */
	uint64_t chance;
};

void world_make(struct world *w, const struct kind *kind, uint64_t seed);
/* 0 .. n-1 */
int world_chance(struct world *w, int n);
void world_take(struct world *w, int pod, int node);
/* The nodes of the first zone are upgraded: each group whose master stands there is handed over to its first member
 * that does not, and all groups that stand are labelled. */
void world_hand_over(struct world *w);
/* Whether a member of the pod's group stands there, by the key of its product. */
bool world_is_beside(const struct world *w, int pod, int node);

#endif
