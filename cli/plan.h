/* plan.h - `codisctl plan`: what would become of manifests, without a cluster, or beside what one has. It goes from
 * file to file:
 *
 *   plan_read.c   texts -> objects
 *   plan_live.c   what the cluster has (--live)
 *   plan_pods.c   objects -> what the API server completes, and the pods that its controllers would make
 *   plan_admit.c  what codis-webhook says of them (its own code, webhook/offline.h)
 *   plan_filter.c which nodes a scheduler finds for a pod
 *   plan_place.c  which of these codis-extender offers (its own code, extender/rehearsal.h)
 *   plan_loss.c   groups, and what the loss of a node or zone takes from them; memory
 *   plan_show.c   all that for a person
 *
 * Each adds to the report, the object that `-o json` prints. */
#ifndef CODIS_CLI_PLAN_H
#define CODIS_CLI_PLAN_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

struct buf;
struct error;

/* Of an input, all files together; 100,000 lines of manifests have 3 MiB. */
#define PLAN_TEXT_MAX   (32u << 20)
#define PLAN_MEMORY_MAX (512u << 20)
#define PLAN_OBJECTS    20000
#define PLAN_PODS       5000
#define PLAN_NODES      1000
/* Where nobody says how many nodes there are. */
#define PLAN_NODES_ASSUMED "3"

enum plan_makes {
	PLAN_NO_PODS,
	PLAN_ITSELF,   /* a Pod */
	PLAN_NUMBERED, /* a StatefulSet */
	PLAN_REPLICAS, /* as many, whose names have no meaning */
	PLAN_JOB,
	PLAN_ONE_A_NODE,
};

struct plan_kind {
	const char *kind, *version;
	const char *resource; /* by which the webhook is asked about it; NULL: it is not */
	enum plan_makes makes;
};

struct plan_object {
	cJSON *object;
	const struct plan_kind *kind; /* NULL: none that is looked at */
	bool refused;
};

/* A pod of the cluster (--live). */
struct plan_standing {
	cJSON *pod;
	int node;
	bool planned; /* it is one of the planned */
	bool goes;    /* its owner is planned with fewer */
};

struct plan_pod {
	cJSON *made;                    /* as its controller makes it */
	cJSON *pod;                     /* as codis-webhook leaves it; NULL: refused */
	size_t of;                      /* of which object */
	int node;                       /* -1: none */
	struct plan_standing *standing; /* it is there already; or NULL */
};

struct plan_node {
	cJSON *node;
	const char *name;
	uint32_t memory_mib, allocatable_mib; /* asked for so far; 0: it is not said what there is */
	size_t pods;
};

struct plan {
	struct cli *cli;
	struct plan_object *objects;
	size_t object_count, object_room;
	struct plan_pod *pods;
	size_t pod_count, pod_room;
	struct plan_node *nodes;
	size_t node_count;
	/* Of --live: */
	struct plan_standing *standing;
	size_t standing_count;
	cJSON *there; /* StatefulSets and PodDisruptionBudgets; or NULL */
	cJSON *report;
};

/* 0, or -1 and *err; it is ended in any case. */
int plan_begin(struct plan *p, struct cli *c, struct error *err);
void plan_end(struct plan *p);

/* 0, or -1 and *err. Appends the objects of a file, of those of a folder that end in .yaml, .yml or .json, or ("-") of
 * standard input; of a text that `from` names. */
int plan_read(struct plan *p, const char *path, struct error *err);
/* Those of a kustomization, which kubectl builds. */
int plan_read_kustomization(struct plan *p, const char *path, struct error *err);
int plan_read_text(struct plan *p, const char *text, size_t len, const char *from, struct error *err);
/* The nodes: so many equal ones, or those of a file. */
int plan_nodes_equal(struct plan *p, int count, struct error *err);
int plan_nodes_read(struct plan *p, const char *path, struct error *err);
/* Takes the node over. */
int plan_add_node(struct plan *p, cJSON *node, struct error *err);

/* Nodes, pods, StatefulSets and budgets of the cluster that codisctl is connected to. 0, or -1 and *err. */
int plan_live(struct plan *p, struct error *err);
/* What the cluster has of an object's kind, name and namespace; NULL: nothing, or it is not asked. */
const cJSON *plan_there(const struct plan *p, const cJSON *object);
/* Which of the planned pods stand already. */
void plan_find_standing(struct plan *p);

/* NULL: none that is looked at. */
const struct plan_kind *plan_kind_of(const cJSON *object);
/* What the object's kind and apiVersion are instead of, where the API server would not know them: the kind that is
 * meant. NULL: nothing is wrong, as far as is known here. */
const struct plan_kind *plan_kind_meant(const cJSON *object);
/* What the API server writes into an object before it asks a webhook, as far as that is looked at. */
int plan_complete(cJSON *object, const struct plan_kind *kind, const char *namespace, struct error *err);
/* Appends the pods that come of an object. */
int plan_make_pods(struct plan *p, size_t object, struct error *err);

/* Reviews all; makes the pods of what is let in, and reviews them. */
int plan_admit(struct plan *p, struct error *err);

/* Which nodes a scheduler finds for a pod, as indices into p->nodes; how many. Where none: why, in few words. apart
 * false: required anti-affinities are left out. */
size_t plan_filter(const struct plan *p, size_t pod, bool apart, uint32_t *found, struct buf *why);
/* Finds a place for each pod. */
int plan_place(struct plan *p, struct error *err);

/* Adds nodes, zones and what their loss takes, to report; and whether something is amiss. */
int plan_losses(struct plan *p, struct error *err);
/* Whether nothing would be refused, nobody waits, and no group would lose two members to one node. */
bool plan_is_fine(const cJSON *report);

/* How often a group would lose two members or more to one node. */
int plan_shared(const cJSON *report);
/* For a person; diff: also what the webhook changes, as a diff of YAML. */
int plan_show(const struct plan *p, bool diff, struct buf *out, struct error *err);

/* Of the report. */
cJSON *plan_note(cJSON *report, const char *list, const cJSON *object, const char *why);
const char *plan_name(const cJSON *object);
const char *plan_namespace(const cJSON *object);

#endif
