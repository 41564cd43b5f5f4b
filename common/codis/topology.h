/* topology.h - the arithmetic of a Codis cluster on Kubernetes, each rule in this one place: names, ordinals, groups,
 * counts, slots. Pure; every program uses it. The group of an ordinal is the one of the 2017 article's hooks
 * (gid = ordinal / SERVER_REPLICA + 1). What a pod says of itself: pod.h. */
#ifndef CODIS_CODIS_TOPOLOGY_H
#define CODIS_CODIS_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define CODIS_LABEL_PRODUCT     "codis.io/product"
#define CODIS_LABEL_COMPONENT   "codis.io/component"
#define CODIS_LABEL_GROUP       "codis.io/group"
#define CODIS_LABEL_ROLE        "codis.io/role"   /* of a server's pod, by codis-controller; see enum codis_role */
#define CODIS_LABEL_INJECT      "codis.io/inject" /* "false": the webhook leaves the object alone */
#define CODIS_ANNOTATION_SPREAD "codis.io/spread" /* "strict" (default) or "soft" */
#define CODIS_ANNOTATION_TOPOLOGY                                                                                      \
	"codis.io/topology-key"                         /* default kubernetes.io/hostname; several: the widest first */
#define CODIS_ANNOTATION_RULE  "codis.io/anti-affinity" /* "extender": the scheduler gets no rule of its own */
#define CODIS_ANNOTATION_HOOKS "codis.io/hooks"         /* "keep": the user's hooks stay */
#define CODIS_ANNOTATION_HA    "codis.io/ha"            /* "keep": codis-ha stays, the controller only watches */
/* Label or annotation of a StatefulSet; "true": the webhook lets nobody delete it. */
#define CODIS_PROTECT "codis.io/protect"
/* On what codis-controller has made (a PodDisruptionBudget a group): codis-controller. */
#define CODIS_LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
/* The StatefulSet controller puts them on each pod. */
#define CODIS_LABEL_POD_NAME  "statefulset.kubernetes.io/pod-name"
#define CODIS_LABEL_POD_INDEX "apps.kubernetes.io/pod-index"
#define CODIS_MANAGED_BY      "codis-controller"
/* On the codis-server StatefulSet; who says why, or "true": the controller only watches. "false": it does not. */
#define CODIS_ANNOTATION_PAUSED "codis.io/paused"
/* On it too, "true": servers without the guard are replaced by such that have it, one by one. */
#define CODIS_ANNOTATION_ADOPT "codis.io/adopt"
/* On it, by codis-controller: "codis-server-3/UID", the pod that was deleted last for that. */
#define CODIS_ANNOTATION_ADOPTING    "codis.io/adopting"
#define CODIS_TAINT_OUT              "node.kubernetes.io/out-of-service"
#define CODIS_TAINT_SHUTDOWN         "node.cloudprovider.kubernetes.io/shutdown"
#define CODIS_SCHEDULER_NAME         "codis-scheduler"
#define CODIS_DEFAULT_PRODUCT        "codis-test"
#define CODIS_DEFAULT_SERVER_REPLICA 2
#define CODIS_HOSTNAME_KEY           "kubernetes.io/hostname"
#define CODIS_ZONE_KEY               "topology.kubernetes.io/zone"

/* The ports of Codis' own configuration: where the programs listen unless they are told otherwise. */
#define CODIS_SERVER_PORT      6379
#define CODIS_PROXY_PORT       19000
#define CODIS_PROXY_ADMIN_PORT 11080
#define CODIS_DASHBOARD_PORT   18080

enum codis_component {
	CODIS_NONE,
	CODIS_SERVER,
	CODIS_PROXY,
	CODIS_DASHBOARD,
	CODIS_HA,
	CODIS_FE,
	CODIS_ZOOKEEPER, /* spread only */
};

/* What a server is in its group, as codis-controller has verified it last. */
enum codis_role {
	CODIS_ROLE_UNSAID,
	CODIS_ROLE_MASTER,
	CODIS_ROLE_REPLICA,
};

const char *codis_role_name(enum codis_role role);  /* "master", "replica"; "" where it is not said */
enum codis_role codis_role_parse(const char *name); /* NULL and other words: not said */

const char *codis_component_name(enum codis_component c); /* "codis-server", ...; "" for none */
enum codis_component codis_component_parse(const char *name);

/* Whether the text can be a product's name: a label value, 1 to 63 of [A-Za-z0-9_.-]. 0, or -1 and *err. */
#define CODIS_PRODUCT_MAX 64
int codis_product_check(const char *text, struct error *err);

/* Topology keys that a pod may name. */
#define CODIS_KEYS_MAX 3

/* Whether the text can be the key of a label, as nodes have them: "kubernetes.io/hostname", "rack". */
bool codis_is_label_key(const char *key);

/* SERVER_REPLICA from its text, 1..64. 0, or -1 and *err: "SERVER_REPLICA is \"two\": it must be a whole number from 1
 * to 64". */
int codis_server_replica_parse(const char *text, int *replica, struct error *err);

/* Ordinal of "codis-server-12" owned by StatefulSet "codis-server": 12; -1 when the name is not owner-number.
 * owner NULL: whatever stands before the last dash. */
int codis_ordinal(const char *pod_name, const char *owner);
/* Codis' groups have 1 to 9,999, and so many ordinals of 64 each. */
#define CODIS_GROUP_MAX    9999
#define CODIS_ORDINALS_MAX 640000
/* The group of an ordinal: ordinal / server_replica + 1. */
int codis_group_of(int ordinal, int server_replica);
/* The place of an ordinal in its group, from 0. A StatefulSet that is a group of its own numbers it from 0. -1: it is
 * in no group. */
int codis_rank_of(int group, int ordinal, int server_replica);
/* A group from the text of the label codis.io/group. 0, or -1 and *err: "label codis.io/group is \"a\": it must be a
 * whole number from 1 to 9999, ...". */
int codis_gid_parse(const char *text, int *group, struct error *err);

/* Which groups a StatefulSet of codis-servers makes: those of its ordinals, or, with the label codis.io/group on its
 * template, that one alone, whatever its pods' numbers are. */
struct codis_shape {
	int replicas, start; /* its ordinals: from start on */
	int server_replica;  /* 1..; 0: not known */
	int group;           /* of all its pods, by the label; 0: there is none */
};

/* The first and the last group that it makes. false: none, or it is not known which. */
bool codis_shape_groups(const struct codis_shape *s, int *first, int *last);
bool codis_shape_makes(const struct codis_shape *s, int gid);
/* The ordinals that it makes for a group: from *first up to before *end; of a group that it does not make none. */
void codis_shape_members(const struct codis_shape *s, int gid, int *first, int *end);
/* The first group of one without a label, whether or not there are servers. */
int codis_shape_begins(const struct codis_shape *s);
/* Two without a label that cannot stand beside each other: both make a group, or would, the one without servers its
 * first one; or it is not known which they make. */
bool codis_shapes_meet(const struct codis_shape *a, const struct codis_shape *b);

/* Which of a product's StatefulSets a group is of. They stand in the order of their labels, those without a label
 * first, in the order of their first groups; shape_at tells of the i-th. The one that has the group's label, else, of
 * those without one, the last that begins with it or before, for what is left over of it as well; else the first. -1:
 * there is none. */
int codis_set_of_group(int gid, int count, const struct codis_shape *(*shape_at)(const void *sets, int i),
		       const void *sets);

/* "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 4 or 6, not 5" into out; true when replicas fits. */
bool codis_replicas_fit(int replicas, int server_replica, char *sentence, size_t size);

#ifndef CODIS_SLOTS /* tests/simulation has fewer: each is as the others, and costs */
#define CODIS_SLOTS 1024
#endif

#endif
