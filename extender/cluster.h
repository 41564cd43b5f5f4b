/* cluster.h - what stands where: the nodes and the codis pods that are bound to them, as the watch tells it.
 * No clock, no I/O, no lock: the caller holds one. */
#ifndef CODIS_EXTENDER_CLUSTER_H
#define CODIS_EXTENDER_CLUSTER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/codis/identity.h"
#include "extender/table.h"

struct error;

#define CLUSTER_ZONE_KEY "topology.kubernetes.io/zone"

struct node {
	char *name;    /* the key */
	cJSON *labels; /* owned; NULL: none */
	bool ready;
	int64_t ready_changed_ms; /* wall time; 0 while it never changed but for joining the cluster */
};

/* Which watch knows a pod. One that moves from one label selector to another is for a moment known by both or, as seen
 * from here, by neither. */
enum pod_source {
	POD_BY_APP = 1,
	POD_BY_COMPONENT = 2,
};

struct member {
	char *uid; /* the key */
	char *namespace, *name;
	struct codis_identity id;
	char *node;
	unsigned sources; /* enum pod_source, or-ed */
};

struct cluster {
	struct table nodes;   /* struct node by name */
	struct table members; /* struct member by uid: bound codis pods that have not ended */
};

void cluster_release(struct cluster *c);

/* Takes in a Node object as it is now. 0, or -1 and *err (no name, no memory; what was known stays). */
int cluster_set_node(struct cluster *c, const cJSON *node, struct error *err);
void cluster_remove_node(struct cluster *c, const char *name);
const struct node *cluster_node(const struct cluster *c, const char *name);

/* Takes in a Pod object as it is now; a pod without a node, one that has ended and one that is none of Codis' are
 * forgotten. 0, or -1 and *err (an identity that cannot be read, no memory). */
int cluster_set_pod(struct cluster *c, const cJSON *pod, enum pod_source source, struct error *err);
void cluster_remove_pod(struct cluster *c, const char *uid, enum pod_source source);

/* The node's value of a label, or NULL. For kubernetes.io/hostname a node without the label counts as its name. */
const char *node_label(const struct node *n, const char *key);

/* A pod's uid, or NULL. */
const char *pod_uid(const cJSON *pod);

#endif
