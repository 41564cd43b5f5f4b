/* topology.h - the rules of a Codis cluster on Kubernetes, each in this one place: which pod is what component of what
 * product, and which group an ordinal belongs to. Pure; every program uses it. The group of an ordinal
 * is the one of the 2017 article's hooks (gid = ordinal / SERVER_REPLICA + 1). */
#ifndef CODIS_CODIS_TOPOLOGY_H
#define CODIS_CODIS_TOPOLOGY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define CODIS_LABEL_PRODUCT          "codis.io/product"
#define CODIS_LABEL_COMPONENT        "codis.io/component"
#define CODIS_LABEL_GROUP            "codis.io/group"
#define CODIS_LABEL_INJECT           "codis.io/inject"       /* "false": the webhook leaves the object alone */
#define CODIS_ANNOTATION_SPREAD      "codis.io/spread"       /* "strict" (default) or "soft" */
#define CODIS_ANNOTATION_TOPOLOGY    "codis.io/topology-key" /* default kubernetes.io/hostname */
#define CODIS_ANNOTATION_HOOKS       "codis.io/hooks"        /* "keep": the user's hooks stay */
#define CODIS_ANNOTATION_HA          "codis.io/ha"           /* "keep": codis-ha stays, the controller only watches */
#define CODIS_SCHEDULER_NAME         "codis-scheduler"
#define CODIS_DEFAULT_PRODUCT        "codis-test"
#define CODIS_DEFAULT_SERVER_REPLICA 2
#define CODIS_HOSTNAME_KEY           "kubernetes.io/hostname"

enum codis_component {
	CODIS_NONE,
	CODIS_SERVER,
	CODIS_PROXY,
	CODIS_DASHBOARD,
	CODIS_HA,
	CODIS_FE,
	CODIS_ZOOKEEPER, /* spread only */
};

const char *codis_component_name(enum codis_component c); /* "codis-server", ...; "" for none */
enum codis_component codis_component_parse(const char *name);

/* Of a pod, or of a pod template / StatefulSet given as an object with metadata.labels: the label codis.io/component,
 * else the stock `app` label (codis-server, ...; zk or zookeeper). codis.io/inject "false": CODIS_NONE. */
enum codis_component codis_component_of(const cJSON *object);

/* Product of a pod: label codis.io/product, else env PRODUCT_NAME of its containers, else --product_name or
 * --product-name among their command and args (also inside a shell line), else codis-test. Written to out (64 bytes,
 * a label value: [A-Za-z0-9_.-]). 0, or -1 and *err when the value found is no label value. */
#define CODIS_PRODUCT_MAX 64
int codis_product_of(const cJSON *pod, char out[CODIS_PRODUCT_MAX], struct error *err);

/* SERVER_REPLICA from the env of the containers of a podSpec (spec of a pod, or template.spec): 1..64; absent: 2.
 * 0, or -1 and *err: "SERVER_REPLICA is \"two\": it must be a whole number from 1 to 64". An env with valueFrom: error.
 */
int codis_server_replica_of(const cJSON *pod_spec, int *replica, struct error *err);

/* Ordinal of "codis-server-12" owned by StatefulSet "codis-server": 12; -1 when the name is not owner-number.
 * owner NULL: whatever stands before the last dash. */
int codis_ordinal(const char *pod_name, const char *owner);
/* metadata.ownerReferences: the name of the controlling StatefulSet, or NULL. */
const char *codis_statefulset_of(const cJSON *pod);

/* The group of an ordinal: ordinal / server_replica + 1. */
int codis_group_of(int ordinal, int server_replica);

/* What a pod is, in one struct; identity comes from the pod and its owner only. */
struct codis_identity {
	enum codis_component component;
	char product[CODIS_PRODUCT_MAX];
	int ordinal; /* -1 where there is none */
	int group;   /* servers: 1..; 0 otherwise. Computed from name and SERVER_REPLICA, not read from the label */
	int server_replica;
};
/* 0 (component CODIS_NONE for a pod that is none of ours), or -1 and *err. */
int codis_identify(const cJSON *pod, struct codis_identity *id, struct error *err);

/* Spread of a pod: whether strict, and the topology key. Annotations of the pod. 0, or -1 and *err on an unknown word.
 */
int codis_spread_of(const cJSON *pod, bool *strict, const char **topology_key, struct error *err);

/* "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 4 or 6, not 5" into out; true when replicas fits. */
bool codis_replicas_fit(int replicas, int server_replica, char *sentence, size_t size);

/* Codis' slot of a key: crc32(IEEE) of the key, or of what stands in its first {...}, modulo 1024. */
#define CODIS_SLOTS 1024
int codis_slot_of(const char *key, size_t len);

#endif
