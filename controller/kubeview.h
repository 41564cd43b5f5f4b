/* kubeview.h - what the API server says of Codis pods, their StatefulSets and the nodes, parsed once at every change.
 */
#ifndef CODIS_CONTROLLER_KUBEVIEW_H
#define CODIS_CONTROLLER_KUBEVIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/codis/identity.h"
#include "controller/view.h"

struct error;
struct kube_client;
struct kubeview;

struct kube_pod {
	char namespace[64];
	struct codis_identity id;
	struct pod_view view;
	char ip[48];           /* "" : none yet */
	bool finished;         /* phase Succeeded or Failed: it is no more */
	bool keep_ha;          /* a codis-ha pod with codis.io/ha: keep */
	char coordinator[256]; /* of a dashboard or proxy: what stands behind --zookeeper; "" where nothing does */
	char auth[128];        /* --product_auth or PRODUCT_AUTH; "" none */
	struct kube_pod *next;
};

struct kube_set { /* a codis-server StatefulSet */
	char namespace[64], name[VIEW_NAME_MAX], product[CODIS_PRODUCT_MAX];
	int replicas, server_replica;
	struct kube_set *next;
};

struct kubeview_config {
	void (*on_change)(void *ctx); /* something changed; called for each object, so only note it */
	void (*on_error)(void *ctx, const struct error *err);
	void *ctx;
};

struct kubeview *kubeview_start(uv_loop_t *uv, struct kube_client *kube, const struct kubeview_config *cfg,
				struct error *err);
void kubeview_stop(struct kubeview *k);
/* Everything was listed once. */
bool kubeview_synced(const struct kubeview *k);
/* Lists in no order; valid until the loop turns. view.node_lost is up to date. */
const struct kube_pod *kubeview_pods(const struct kubeview *k);
const struct kube_set *kubeview_sets(const struct kubeview *k);

/* Parses one pod. 0, 1 when it is none of ours, or -1 and *err. Pure, for tests. */
int kube_pod_parse(const cJSON *json, struct kube_pod *pod, struct error *err);

#endif
