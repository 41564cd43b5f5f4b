#include "common/codis/inventory_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/component.h"
#include "common/codis/inventory.h"
#include "common/codis/pod.h"
#include "common/kube/informer.h"
#include "common/kube/store.h"
#include "common/net/loop.h"

/* How long the other watches are given to bring a pod that one of them has lost. */
#define MOVE_MS 1000

/* One label selector cannot say "or", hence several watches of pods. They do not overlap. */
enum { NODES, SETS, PODS, WATCHES = PODS + COMPONENT_SELECTORS };

struct one {
	struct inventory_watch *watch;
	struct informer *informer; /* NULL: not asked for */
	const char *resource, *name;
};

/* A pod that left a watch without having been deleted, as far as can be told: its labels may have moved it to another
 * watch, which brings it a moment sooner or later. */
struct leaving {
	LIST_ENTRY(leaving) beside;
	struct inventory_watch *watch;
	struct loop_timer *timer;
	cJSON *pod;
};

struct inventory_watch {
	struct inventory_watch_config cfg;
	uv_loop_t *uv;
	struct one ones[WATCHES];
	LIST_HEAD(, leaving) leaving;
};

/* --- what is kept of an object --------------------------------------------------------------------------------- */

/* Literals: they are kept as the members' names. */
#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* One copy of a name does for all objects: of a pod, names are a quarter of what is kept. */
static void share_name(cJSON *item, const char *name)
{
	if (item->type & cJSON_StringIsConst)
		return;
	cJSON_free(item->string);
	item->string = (char *)(uintptr_t)name;
	item->type |= cJSON_StringIsConst;
}

static void keep_only(cJSON *object, const char *const *names)
{
	for (cJSON *item = cJSON_IsObject(object) ? object->child : NULL, *next; item; item = next) {
		const char *const *name = names;

		next = item->next;
		while (*name && strcmp(item->string, *name) != 0)
			name++;
		if (*name)
			share_name(item, *name);
		else
			cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
	}
}

/* The same for each object of a list. */
static void keep_only_each(cJSON *list, const char *const *names)
{
	cJSON *item;

	cJSON_ArrayForEach(item, list)
		keep_only(item, names);
}

static cJSON *part(cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void prune_metadata(cJSON *object)
{
	cJSON *m = part(object, "metadata");

	keep_only_each(part(m, "ownerReferences"), NAMES("kind", "name", "uid", "controller"));
	keep_only(m, NAMES("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
			   "labels", "annotations", "ownerReferences"));
	/* It is the whole object once more. */
	cJSON_DeleteItemFromObjectCaseSensitive(part(m, "annotations"),
						"kubectl.kubernetes.io/last-applied-configuration");
}

/* Of these types, these members. */
static void keep_conditions(cJSON *list, const char *const *types, const char *const *names)
{
	for (cJSON *item = list ? list->child : NULL, *next; item; item = next) {
		const char *its = json_str(item, "type", NULL), *const *type = types;

		next = item->next;
		while (its && *type && strcmp(its, *type) != 0)
			type++;
		if (its && *type)
			keep_only(item, names);
		else
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
	}
}

static void prune_node(cJSON *node)
{
	keep_only(node, NAMES("metadata", "spec", "status"));
	keep_only(part(node, "metadata"), NAMES("name", "uid", "resourceVersion", "creationTimestamp", "labels"));
	keep_only(part(node, "spec"), NAMES("unschedulable", "taints"));
	keep_only_each(part(part(node, "spec"), "taints"), NAMES("key", "value", "effect"));
	keep_only(part(node, "status"), NAMES("conditions", "allocatable"));
	keep_only(part(part(node, "status"), "allocatable"), NAMES("memory"));
	keep_conditions(part(part(node, "status"), "conditions"), NAMES("Ready"),
			NAMES("type", "status", "lastTransitionTime"));
}

/* Of what a container, or a pod, asks for. */
static void prune_resources(cJSON *object)
{
	keep_only(part(object, "resources"), NAMES("requests"));
	keep_only(part(part(object, "resources"), "requests"), NAMES("memory"));
}

static void prune_containers(cJSON *spec)
{
	cJSON *container;

	cJSON_ArrayForEach(container, part(spec, "containers")) {
		keep_only(container, NAMES("name", "image", "env", "envFrom", "command", "args", "ports", "resources"));
		keep_only_each(part(container, "env"), NAMES("name", "value", "valueFrom"));
		keep_only_each(part(container, "ports"), NAMES("name", "containerPort"));
		prune_resources(container);
	}
}

static void prune_spec(cJSON *spec)
{
	cJSON *container;

	keep_only(spec, NAMES("nodeName", "containers", "initContainers", "volumes", "affinity", "tolerations",
			      "topologySpreadConstraints", "resources", "overhead"));
	keep_only_each(part(spec, "volumes"), NAMES("persistentVolumeClaim"));
	keep_only_each(part(spec, "tolerations"), NAMES("key", "operator", "value", "effect"));
	keep_only_each(part(spec, "initContainers"), NAMES("restartPolicy", "resources"));
	cJSON_ArrayForEach(container, part(spec, "initContainers"))
		prune_resources(container);
	keep_only(part(spec, "overhead"), NAMES("memory"));
	prune_resources(spec);
	prune_containers(spec);
}

/* Of one that does not begin: why. The statuses of init containers are kept for that alone. */
static void prune_statuses(cJSON *list, bool init)
{
	for (cJSON *item = list ? list->child : NULL, *next; item; item = next) {
		next = item->next;
		if (json_get(item, "state", "waiting", NULL))
			keep_only(item, NAMES("name", "restartCount", "ready", "state", "image", "lastState"));
		else if (!init)
			keep_only(item, NAMES("name", "restartCount", "ready", "state"));
		else
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
	}
}

static void prune_pod(cJSON *pod)
{
	cJSON *status = part(pod, "status");

	keep_only(pod, NAMES("metadata", "spec", "status"));
	prune_metadata(pod);
	prune_spec(part(pod, "spec"));
	keep_only(status, NAMES("phase", "startTime", "podIP", "nominatedNodeName", "conditions", "containerStatuses",
				"initContainerStatuses"));
	/* A pod has two more, and four times of each. */
	keep_conditions(part(status, "conditions"), NAMES("Ready", "PodScheduled", "PodReadyToStartContainers"),
			NAMES("type", "status", "reason", "message"));
	prune_statuses(part(status, "containerStatuses"), false);
	prune_statuses(part(status, "initContainerStatuses"), true);
}

/* Of the whole cluster's StatefulSets most are none of ours. */
static void prune_set(cJSON *set)
{
	cJSON *spec = part(set, "spec"), *template = part(spec, "template");

	if (codis_component_of(template) == CODIS_NONE) {
		keep_only(set, NAMES("metadata"));
		keep_only(part(set, "metadata"), NAMES("name", "namespace", "uid", "resourceVersion"));
		return;
	}
	keep_only(set, NAMES("metadata", "spec"));
	prune_metadata(set);
	keep_only(spec, NAMES("replicas", "ordinals", "template"));
	keep_only(template, NAMES("metadata", "spec"));
	keep_only(part(template, "spec"), NAMES("containers"));
	prune_containers(part(template, "spec"));
}

/* --- nodes and sets -------------------------------------------------------------------------------------------- */

static void lock(const struct inventory_watch *w)
{
	if (w->cfg.lock)
		pthread_mutex_lock(w->cfg.lock);
}

static void unlock(const struct inventory_watch *w)
{
	if (w->cfg.lock)
		pthread_mutex_unlock(w->cfg.lock);
}

static const char *uid_of(const cJSON *object)
{
	const char *uid = json_str(object, "metadata", "uid", NULL);

	return uid ? uid : "";
}

/* Takes an object in by `set`. */
static int take_in(const struct one *o, const cJSON *object, const cJSON *old,
		   int (*set)(struct inventory *inv, const cJSON *object, struct error *err))
{
	const struct inventory_watch_config *cfg = &o->watch->cfg;
	struct error err = ERROR_INIT;
	int done;

	lock(o->watch);
	done = set(cfg->inventory, object, &err);
	unlock(o->watch);
	if (done < 0 && err.code == ERR_NOMEM)
		informer_tell_again(o->informer); /* it is missing, and must not be taken for one that is not there */
	else if (done < 0 && !old && cfg->on_unreadable)
		cfg->on_unreadable(cfg->ctx, o->resource, object, &err);
	return done;
}

static void on_node(void *ctx, const cJSON *node, const cJSON *old)
{
	take_in(ctx, node, old, inventory_set_node);
}

static void on_node_gone(void *ctx, const cJSON *node)
{
	const struct one *o = ctx;
	const char *name = json_str(node, "metadata", "name", NULL);

	lock(o->watch);
	inventory_remove_node(o->watch->cfg.inventory, name ? name : "");
	unlock(o->watch);
}

static void on_set_gone(void *ctx, const cJSON *set)
{
	const struct one *o = ctx;

	lock(o->watch);
	inventory_remove_set(o->watch->cfg.inventory, uid_of(set));
	unlock(o->watch);
}

static void on_set(void *ctx, const cJSON *set, const cJSON *old)
{
	take_in(ctx, set, old, inventory_set_set);
}

/* --- pods: several watches ------------------------------------------------------------------------------------- */

/* What another watch has of that name; false: none has it. */
static bool others_name(const struct one *o, const cJSON *pod, struct stored_name *its)
{
	const struct one *ones = o->watch->ones;
	char key[STORE_KEY_MAX];

	if (store_key(pod, key) < 0)
		return false;
	for (int i = PODS; i < WATCHES; i++) {
		if (&ones[i] != o && ones[i].informer && informer_name(ones[i].informer, key, its))
			return true;
	}
	return false;
}

static bool other_has(const struct one *o, const cJSON *pod)
{
	struct stored_name its;

	return others_name(o, pod, &its) && strcmp(its.uid, uid_of(pod)) == 0;
}

/* Late news of one watch: another has brought the successor already. Of one name all versions of the one are before
 * those of the other. */
static bool is_past(const struct one *o, const cJSON *pod)
{
	const char *version = json_str(pod, "metadata", "resourceVersion", NULL);
	struct stored_name its;

	return version && others_name(o, pod, &its) && strcmp(its.uid, uid_of(pod)) != 0 &&
	       store_is_earlier(version, its.version);
}

static void forget(struct inventory_watch *w, const cJSON *pod)
{
	lock(w);
	inventory_remove_pod(w->cfg.inventory, uid_of(pod));
	unlock(w);
	if (w->cfg.on_pod_gone)
		w->cfg.on_pod_gone(w->cfg.ctx, pod);
}

static void leaving_free(struct leaving *l)
{
	LIST_REMOVE(l, beside);
	loop_timer_stop(&l->timer);
	cJSON_Delete(l->pod);
	free(l);
}

static void on_left(void *ctx)
{
	struct leaving *l = ctx;

	forget(l->watch, l->pod);
	leaving_free(l);
}

/* 0, or -1: no memory. */
static int let_leave(struct inventory_watch *w, const cJSON *pod)
{
	struct leaving *l = calloc(1, sizeof(*l));

	if (!l)
		return -1;
	l->watch = w;
	l->pod = cJSON_Duplicate(pod, true);
	l->timer = l->pod ? loop_timer_start(w->uv, MOVE_MS, 0, on_left, l) : NULL;
	LIST_INSERT_HEAD(&w->leaving, l, beside);
	if (l->timer)
		return 0;
	leaving_free(l);
	return -1;
}

/* It is here again, by another watch; or another one has its name. */
static void end_leaving(struct inventory_watch *w, const cJSON *pod)
{
	char key[STORE_KEY_MAX], its[STORE_KEY_MAX];
	struct leaving *l, *found = NULL;

	if (store_key(pod, key) < 0)
		return;
	LIST_FOREACH(l, &w->leaving, beside)
	{
		if (store_key(l->pod, its) == 0 && strcmp(key, its) == 0)
			found = l;
	}
	if (!found)
		return;
	if (strcmp(uid_of(found->pod), uid_of(pod)) != 0)
		forget(w, found->pod);
	leaving_free(found);
}

static void on_pod(void *ctx, const cJSON *pod, const cJSON *old)
{
	const struct one *o = ctx;
	struct inventory_watch *w = o->watch;

	if (is_past(o, pod))
		return;
	end_leaving(w, pod);
	take_in(o, pod, old, inventory_set_pod);
	if (w->cfg.on_pod)
		w->cfg.on_pod(w->cfg.ctx, pod, old);
}

static void on_pod_gone(void *ctx, const cJSON *pod)
{
	const struct one *o = ctx;

	if (other_has(o, pod))
		return;
	if (json_get(pod, "metadata", "deletionTimestamp", NULL)) {
		forget(o->watch, pod);
	} else if (let_leave(o->watch, pod) < 0) {
		forget(o->watch, pod);
		informer_tell_again(o->informer); /* it may be on its way: until then nobody believes that it is not */
	}
}

/* --- all of it ------------------------------------------------------------------------------------------------- */

static void on_error(void *ctx, const struct error *err)
{
	const struct one *o = ctx;

	if (o->watch->cfg.on_error)
		o->watch->cfg.on_error(o->watch->cfg.ctx, o->resource, err);
}

struct watched {
	unsigned of;
	const char *resource, *name, *path, *selector;
	void (*prune)(cJSON *object);
	void (*on_set)(void *ctx, const cJSON *object, const cJSON *old);
	void (*on_delete)(void *ctx, const cJSON *object);
};

static struct watched watched_by(int i)
{
	switch (i) {
	case NODES:
		return (struct watched){ INVENTORY_NODES, "nodes", "nodes",     "/api/v1/nodes", NULL,
					 prune_node,      on_node, on_node_gone };
	case SETS:
		return (struct watched){ INVENTORY_SETS, "statefulsets", "statefulsets", "/apis/apps/v1/statefulsets",
					 NULL,           prune_set,      on_set,         on_set_gone };
	default:
		return (struct watched){
			INVENTORY_PODS, "pods", "pods",     "/api/v1/pods", component_selectors[i - PODS],
			prune_pod,      on_pod, on_pod_gone
		};
	}
}

struct inventory_watch *inventory_watch_start(uv_loop_t *uv, struct kube_client *kube,
					      const struct inventory_watch_config *cfg, struct error *err)
{
	struct inventory_watch *w = calloc(1, sizeof(*w));

	if (!w) {
		error_set(err, ERR_NOMEM, "no memory for the watches");
		return NULL;
	}
	w->cfg = *cfg;
	w->uv = uv;
	LIST_INIT(&w->leaving);
	for (int i = 0; i < WATCHES; i++) {
		struct watched it = watched_by(i);
		struct informer_config config = { .path = it.path,
						  .label_selector = it.selector,
						  .prune = it.prune,
						  .names_only = i != SETS || !cfg->keep_sets,
						  .on_set = it.on_set,
						  .on_delete = it.on_delete,
						  .on_error = on_error,
						  .ctx = &w->ones[i],
						  .hurry = cfg->hurry };

		w->ones[i] = (struct one){ .watch = w, .resource = it.resource, .name = it.name };
		if (!(cfg->parts & it.of))
			continue;
		w->ones[i].informer = informer_start(uv, kube, &config, err);
		if (!w->ones[i].informer) {
			inventory_watch_stop(w);
			return NULL;
		}
	}
	return w;
}

void inventory_watch_stop(struct inventory_watch *w)
{
	if (!w)
		return;
	for (int i = 0; i < WATCHES; i++)
		informer_stop(w->ones[i].informer);
	while (!LIST_EMPTY(&w->leaving))
		leaving_free(LIST_FIRST(&w->leaving));
	free(w);
}

int inventory_watch_read_set(struct inventory_watch *w, const char *key, int (*fn)(void *ctx, const cJSON *set),
			     void *ctx)
{
	return informer_read(w->ones[SETS].informer, key, fn, ctx);
}

int inventory_watch_each_set(struct inventory_watch *w, int (*fn)(void *ctx, const cJSON *set), void *ctx)
{
	return informer_each(w->ones[SETS].informer, fn, ctx);
}

bool inventory_watch_ready(const struct inventory_watch *w, char *why_not, size_t size)
{
	for (int i = 0; i < WATCHES; i++) {
		const struct one *o = &w->ones[i];
		int64_t age = o->informer ? informer_age_ms(o->informer) : 0;

		if (!o->informer)
			continue;
		if (!informer_synced(o->informer)) {
			snprintf(why_not, size, "%s has not listed the %s yet", w->cfg.program, o->name);
			return false;
		}
		if (age > INVENTORY_FRESH_MS) {
			snprintf(why_not, size, "%s has had no news of %s for %lld s", w->cfg.program, o->name,
				 (long long)age / 1000);
			return false;
		}
	}
	return true;
}

int64_t inventory_watch_pods_age_ms(const struct inventory_watch *w)
{
	int64_t oldest = 0;

	for (int i = PODS; i < WATCHES; i++) {
		int64_t age = w->ones[i].informer ? informer_whole_age_ms(w->ones[i].informer) : 0;

		oldest = age > oldest ? age : oldest;
	}
	return oldest;
}

bool inventory_watch_fresh(const struct inventory_watch *w, int64_t max_age_ms)
{
	for (int i = 0; i < WATCHES; i++) {
		const struct informer *informer = w->ones[i].informer;

		if (informer && (!informer_synced(informer) || informer_age_ms(informer) > max_age_ms))
			return false;
	}
	return true;
}
