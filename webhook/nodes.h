/* nodes.h - which nodes a pod may run on, as far as its own words tell. Pure. */
#ifndef CODIS_WEBHOOK_NODES_H
#define CODIS_WEBHOOK_NODES_H

#include <cjson/cJSON.h>

/* At most how many values of that label of nodes its required node affinity allows; INT_MAX: as many as there are.
 * Rules: k8s.io/component-helpers scheduling/corev1/nodeaffinity, terms are alternatives. */
int nodes_allowed(const cJSON *pod_spec, const char *key);

#endif
