#include "extender/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/kube/informer.h"
#include "extender/explain.h"
#include "extender/serve.h"

/* The API server sends a bookmark about once a minute; some of them missing is a view that may be old. */
#define SILENCE_MAX_MS (5 * 60 * 1000)

/* One label selector cannot say "or", hence two watches. They do not overlap. */
#define BY_COMPONENT CODIS_LABEL_COMPONENT
#define BY_APP                                                                                                         \
	"!" CODIS_LABEL_COMPONENT ",app in (codis-server,codis-proxy,codis-dashboard,codis-ha,codis-fe,zk,zookeeper)"

enum { NODES, PODS_BY_APP, PODS_BY_COMPONENT, WATCHES };

struct pod_watch {
	struct watch *watch;
	enum pod_source source;
};

struct watch {
	struct extender *extender;
	struct explainer explainer;
	struct informer *informers[WATCHES];
	struct pod_watch by_app, by_component;
};

/* --- what is kept of an object ---------------------------------------------------------------- */

static void keep_only(cJSON *object, const char *const *names)
{
	for (cJSON *item = cJSON_IsObject(object) ? object->child : NULL, *next; item; item = next) {
		bool wanted = false;

		next = item->next;
		for (size_t i = 0; names[i] && !wanted; i++)
			wanted = strcmp(item->string, names[i]) == 0;
		if (!wanted)
			cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
	}
}

static cJSON *part(cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void prune_node(cJSON *node)
{
	keep_only(node, (const char *const[]){ "metadata", "status", NULL });
	keep_only(part(node, "metadata"),
		  (const char *const[]){ "name", "uid", "resourceVersion", "creationTimestamp", "labels", NULL });
	keep_only(part(node, "status"), (const char *const[]){ "conditions", NULL });
}

static void prune_pod(cJSON *pod)
{
	cJSON *container;

	keep_only(pod, (const char *const[]){ "metadata", "spec", "status", NULL });
	keep_only(part(pod, "metadata"), (const char *const[]){ "name", "namespace", "uid", "resourceVersion", "labels",
								"annotations", "ownerReferences", NULL });
	keep_only(part(pod, "spec"), (const char *const[]){ "nodeName", "containers", NULL });
	cJSON_ArrayForEach(container, part(part(pod, "spec"), "containers"))
		keep_only(container, (const char *const[]){ "name", "env", "command", "args", NULL });
	keep_only(part(pod, "status"), (const char *const[]){ "phase", "conditions", NULL });
}

/* --- what a watch tells ----------------------------------------------------------------------- */

static void on_node(void *ctx, const cJSON *node, const cJSON *old)
{
	struct watch *w = ctx;
	struct error err = ERROR_INIT;
	int done;

	(void)old;
	pthread_mutex_lock(&w->extender->lock);
	done = cluster_set_node(&w->extender->cluster, node, &err);
	pthread_mutex_unlock(&w->extender->lock);
	if (done < 0)
		log_error(&w->extender->log, "node.unreadable", "why=%s", LOGQ(err.text));
}

static void on_node_gone(void *ctx, const cJSON *node)
{
	struct watch *w = ctx;
	const char *name = json_str(node, "metadata", "name", NULL);

	pthread_mutex_lock(&w->extender->lock);
	if (name)
		cluster_remove_node(&w->extender->cluster, name);
	pthread_mutex_unlock(&w->extender->lock);
}

static bool is_bound(const cJSON *pod)
{
	const char *node = json_str(pod, "spec", "nodeName", NULL);

	return node && node[0];
}

static void on_pod(void *ctx, const cJSON *pod, const cJSON *old)
{
	struct pod_watch *pw = ctx;
	struct extender *e = pw->watch->extender;
	struct error err = ERROR_INIT;
	int done;

	pthread_mutex_lock(&e->lock);
	done = cluster_set_pod(&e->cluster, pod, pw->source, &err);
	/* In this order, so that the pod is never neither placed nor promised. */
	if (is_bound(pod) && pod_uid(pod))
		reserve_drop(&e->reservations, pod_uid(pod));
	pthread_mutex_unlock(&e->lock);
	/* Only this thread writes the cluster, so it may read it without the lock. */
	if (done == 0)
		explainer_set(&pw->watch->explainer, &e->cluster, pod);
	/* Once a pod, not at each of its changes. */
	if (done < 0 && !old)
		log_warn(&e->log, "pod.unreadable", "namespace=%s pod=%s why=%s",
			 LOGQ(json_str(pod, "metadata", "namespace", NULL)),
			 LOGQ(json_str(pod, "metadata", "name", NULL)), LOGQ(err.text));
}

static void on_pod_gone(void *ctx, const cJSON *pod)
{
	struct pod_watch *pw = ctx;
	struct extender *e = pw->watch->extender;
	const char *uid = pod_uid(pod);

	if (!uid)
		return;
	pthread_mutex_lock(&e->lock);
	cluster_remove_pod(&e->cluster, uid, pw->source);
	reserve_drop(&e->reservations, uid);
	pthread_mutex_unlock(&e->lock);
	explainer_remove(&pw->watch->explainer, uid);
}

static void tell_error(struct extender *e, const char *what, const struct error *err)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "resource=\"%s\"", what);
	metric_add(metric_counter(e->metrics, "codis_extender_watch_errors_total", labels,
				  "Lists and watches that failed."),
		   1);
	log_warn(&e->log, "watch.failed", "resource=%s why=%s", what, LOGQ(err->text));
}

static void on_node_error(void *ctx, const struct error *err)
{
	tell_error(((struct watch *)ctx)->extender, "nodes", err);
}

static void on_pod_error(void *ctx, const struct error *err)
{
	tell_error(((struct pod_watch *)ctx)->watch->extender, "pods", err);
}

/* --- start, stop, state ----------------------------------------------------------------------- */

static int start_all(struct watch *w, uv_loop_t *uv, struct kube_client *c, struct error *err)
{
	struct informer_config nodes = { .path = "/api/v1/nodes",
					 .prune = prune_node,
					 .on_set = on_node,
					 .on_delete = on_node_gone,
					 .on_error = on_node_error,
					 .ctx = w };
	struct informer_config pods = { .path = "/api/v1/pods",
					.prune = prune_pod,
					.on_set = on_pod,
					.on_delete = on_pod_gone,
					.on_error = on_pod_error };

	w->informers[NODES] = informer_start(uv, c, &nodes, err);
	pods.label_selector = BY_APP;
	pods.ctx = &w->by_app;
	w->informers[PODS_BY_APP] = informer_start(uv, c, &pods, err);
	pods.label_selector = BY_COMPONENT;
	pods.ctx = &w->by_component;
	w->informers[PODS_BY_COMPONENT] = informer_start(uv, c, &pods, err);
	for (int i = 0; i < WATCHES; i++) {
		if (!w->informers[i])
			return -1;
	}
	return 0;
}

struct watch *watch_start(uv_loop_t *uv, struct kube_client *c, struct kube_events *events, struct extender *e,
			  struct error *err)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w) {
		error_set(err, ERR_NOMEM, "no memory for the watches");
		return NULL;
	}
	w->extender = e;
	w->explainer.events = events;
	w->by_app = (struct pod_watch){ w, POD_BY_APP };
	w->by_component = (struct pod_watch){ w, POD_BY_COMPONENT };
	if (start_all(w, uv, c, err) == 0)
		return w;
	watch_stop(w);
	return NULL;
}

void watch_stop(struct watch *w)
{
	if (!w)
		return;
	for (int i = 0; i < WATCHES; i++)
		informer_stop(w->informers[i]);
	explainer_release(&w->explainer);
	free(w);
}

bool watch_ready(void *ctx, char *why_not, size_t size)
{
	static const char *const names[WATCHES] = { "nodes", "pods by app", "pods by component" };
	struct watch *w = ctx;

	for (int i = 0; i < WATCHES; i++) {
		if (!informer_synced(w->informers[i])) {
			snprintf(why_not, size, "codis-extender has not listed the %s yet", names[i]);
			return false;
		}
		if (informer_age_ms(w->informers[i]) > SILENCE_MAX_MS) {
			snprintf(why_not, size, "codis-extender has not heard of %s for %lld s", names[i],
				 (long long)informer_age_ms(w->informers[i]) / 1000);
			return false;
		}
	}
	return true;
}
