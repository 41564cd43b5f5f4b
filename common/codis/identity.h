/* identity.h - thin wrappers of pod.h, for extender/ and controller/kubeview.c until they read pods through the
 * inventory. They know no third answer: what is said elsewhere is an error, what is not said the stock default. */
#ifndef CODIS_CODIS_IDENTITY_H
#define CODIS_CODIS_IDENTITY_H

#include "common/codis/pod.h"

int codis_product_of(const cJSON *pod, char out[CODIS_PRODUCT_MAX], struct error *err);
int codis_server_replica_of(const cJSON *pod_spec, int *replica, struct error *err);

struct codis_identity {
	enum codis_component component;
	char product[CODIS_PRODUCT_MAX];
	int ordinal; /* -1 where there is none */
	int group;   /* servers: 1..; 0 otherwise. Computed from name and SERVER_REPLICA, not read from the label */
	int server_replica;
};
/* 0 (component CODIS_NONE for a pod that is none of ours), or -1 and *err. */
int codis_identify(const cJSON *pod, struct codis_identity *id, struct error *err);

/* Spread of a pod: whether strict, and the topology key (of the pod's annotations). 0, or -1 and *err. */
int codis_spread_of(const cJSON *pod, bool *strict, const char **topology_key, struct error *err);

#endif
