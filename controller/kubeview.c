#include "controller/kubeview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/client.h"
#include "common/kube/informer.h"

struct node {
	char name[VIEW_NAME_MAX];
	bool ready;
	struct node *next;
};

struct kubeview {
	struct kubeview_config cfg;
	struct informer *pods, *sets, *nodes;
	struct kube_pod *pod_list;
	struct kube_set *set_list;
	struct node *node_list;
};

static void copy(char *out, size_t size, const char *s)
{
	snprintf(out, size, "%s", s ? s : "");
}

/* --- what a container's words say --------------------------------------------------------------------------------- */

static const char *env_of(const cJSON *container, const char *name, size_t len)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, json_get(container, "env", NULL)) {
		const char *n = json_str(e, "name", NULL);

		if (n && strlen(n) == len && memcmp(n, name, len) == 0)
			return json_str(e, "value", NULL);
	}
	return NULL;
}

/* Copies one word; $(NAME), ${NAME} and $NAME become the container's variable of that name. A word ends at a blank or a
 * quote, as in a shell line. */
static void expand_word(const cJSON *container, const char *word, char *out, size_t size)
{
	size_t n = 0;

	while (*word && !strchr(" \t\n\"';&|", *word) && n + 1 < size) {
		size_t skip = strspn(word, "$") ? strspn(word + 1, "({") : 0, len;
		const char *value;

		if (*word != '$') {
			out[n++] = *word++;
			continue;
		}
		word += 1 + skip;
		len = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
		value = env_of(container, word, len);
		for (; value && *value && n + 1 < size; value++)
			out[n++] = *value;
		word += len + (skip && strchr(")}", word[len]) && word[len]);
	}
	out[n] = '\0';
}

static bool find_flag_in(const cJSON *container, const cJSON *words, const char *flag, char *out, size_t size)
{
	size_t len = strlen(flag);
	const cJSON *w;

	cJSON_ArrayForEach(w, words) {
		const char *at = cJSON_IsString(w) ? strstr(w->valuestring, flag) : NULL;

		if (!at)
			continue;
		at += len;
		if (*at == '=' || *at == ' ') {
			expand_word(container, at + 1 + strspn(at + 1, " \"'"), out, size);
			return true;
		}
		if (*at == '\0' && w->next && cJSON_IsString(w->next)) {
			expand_word(container, w->next->valuestring, out, size);
			return true;
		}
	}
	return false;
}

/* The value of `--flag VALUE` or `--flag=VALUE` in the command or args of a container, also inside a shell line. */
static void find_flag(const cJSON *pod, const char *flag, char *out, size_t size)
{
	const cJSON *c;

	out[0] = '\0';
	cJSON_ArrayForEach(c, json_get(pod, "spec", "containers", NULL)) {
		if (find_flag_in(c, json_get(c, "command", NULL), flag, out, size) ||
		    find_flag_in(c, json_get(c, "args", NULL), flag, out, size))
			return;
	}
}

static void find_auth(const cJSON *pod, char *out, size_t size)
{
	const cJSON *c;

	find_flag(pod, "--product_auth", out, size);
	cJSON_ArrayForEach(c, json_get(pod, "spec", "containers", NULL)) {
		if (!out[0])
			copy(out, size, env_of(c, "PRODUCT_AUTH", strlen("PRODUCT_AUTH")));
	}
}

/* --- a pod -------------------------------------------------------------------------------------------------------- */

static void parse_container(const cJSON *pod, struct pod_view *view)
{
	const cJSON *status = cJSON_GetArrayItem(json_get(pod, "status", "containerStatuses", NULL), 0);
	const char *reason = json_str(status, "state", "waiting", "reason", NULL);
	const char *started = json_str(status, "state", "running", "startedAt", NULL);

	view->restarts = (int)json_int(0, status, "restartCount", NULL);
	view->running = json_get(status, "state", "running", NULL) != NULL;
	view->crash_looping = reason && strcmp(reason, "CrashLoopBackOff") == 0;
	if (started)
		clock_parse_rfc3339(started, &view->started_wall_ms, NULL);
}

int kube_pod_parse(const cJSON *json, struct kube_pod *pod, struct error *err)
{
	const char *phase = json_str(json, "status", "phase", NULL);
	const char *ha = json_str(json, "metadata", "annotations", CODIS_ANNOTATION_HA, NULL);

	memset(pod, 0, sizeof(*pod));
	if (codis_identify(json, &pod->id, err) < 0)
		return -1;
	if (pod->id.component == CODIS_NONE)
		return 1;
	copy(pod->namespace, sizeof(pod->namespace), json_str(json, "metadata", "namespace", NULL));
	copy(pod->view.name, sizeof(pod->view.name), json_str(json, "metadata", "name", NULL));
	copy(pod->view.uid, sizeof(pod->view.uid), json_str(json, "metadata", "uid", NULL));
	copy(pod->view.node, sizeof(pod->view.node), json_str(json, "spec", "nodeName", NULL));
	copy(pod->ip, sizeof(pod->ip), json_str(json, "status", "podIP", NULL));
	pod->view.deleting = json_str(json, "metadata", "deletionTimestamp", NULL) != NULL;
	pod->finished = phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
	pod->keep_ha = ha && strcmp(ha, "keep") == 0;
	parse_container(json, &pod->view);
	find_flag(json, "--zookeeper", pod->coordinator, sizeof(pod->coordinator));
	find_auth(json, pod->auth, sizeof(pod->auth));
	return 0;
}

static struct kube_pod **find_pod(struct kubeview *k, const cJSON *json)
{
	const char *ns = json_str(json, "metadata", "namespace", NULL),
		   *name = json_str(json, "metadata", "name", NULL);
	struct kube_pod **at = &k->pod_list;

	while (*at && !(ns && name && strcmp((*at)->namespace, ns) == 0 && strcmp((*at)->view.name, name) == 0))
		at = &(*at)->next;
	return at;
}

static void on_pod_gone(void *ctx, const cJSON *json)
{
	struct kubeview *k = ctx;
	struct kube_pod **at = find_pod(k, json), *pod = *at;

	if (!pod)
		return;
	*at = pod->next;
	free(pod);
	k->cfg.on_change(k->cfg.ctx);
}

static void on_pod(void *ctx, const cJSON *json, const cJSON *old)
{
	struct kubeview *k = ctx;
	struct kube_pod parsed, **at = find_pod(k, json);
	struct error err = ERROR_INIT;

	(void)old;
	if (kube_pod_parse(json, &parsed, &err) != 0) {
		if (err.code != ERR_NONE)
			k->cfg.on_error(k->cfg.ctx, &err);
		on_pod_gone(ctx, json);
		return;
	}
	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at) {
		error_set(&err, ERR_NOMEM, "pod %s: no memory", parsed.view.name);
		k->cfg.on_error(k->cfg.ctx, &err);
		return;
	}
	parsed.next = (*at)->next;
	**at = parsed;
	k->cfg.on_change(k->cfg.ctx);
}

/* --- StatefulSets and nodes ------------------------------------------------------------------------------------------
 */

static struct kube_set **find_set(struct kubeview *k, const cJSON *json)
{
	const char *ns = json_str(json, "metadata", "namespace", NULL),
		   *name = json_str(json, "metadata", "name", NULL);
	struct kube_set **at = &k->set_list;

	while (*at && !(ns && name && strcmp((*at)->namespace, ns) == 0 && strcmp((*at)->name, name) == 0))
		at = &(*at)->next;
	return at;
}

static void on_set_gone(void *ctx, const cJSON *json)
{
	struct kubeview *k = ctx;
	struct kube_set **at = find_set(k, json), *set = *at;

	if (!set)
		return;
	*at = set->next;
	free(set);
	k->cfg.on_change(k->cfg.ctx);
}

static void on_set(void *ctx, const cJSON *json, const cJSON *old)
{
	struct kubeview *k = ctx;
	const cJSON *template = json_get(json, "spec", "template", NULL);
	struct kube_set set = { 0 }, **at = find_set(k, json);
	struct error err = ERROR_INIT;

	(void)old;
	if (codis_component_of(template) != CODIS_SERVER)
		return;
	copy(set.namespace, sizeof(set.namespace), json_str(json, "metadata", "namespace", NULL));
	copy(set.name, sizeof(set.name), json_str(json, "metadata", "name", NULL));
	set.replicas = (int)json_int(1, json, "spec", "replicas", NULL);
	if (codis_product_of(template, set.product, &err) < 0 ||
	    codis_server_replica_of(json_get(template, "spec", NULL), &set.server_replica, &err) < 0) {
		error_wrap(&err, "StatefulSet %s/%s", set.namespace, set.name);
		k->cfg.on_error(k->cfg.ctx, &err);
		return;
	}
	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at)
		return;
	set.next = (*at)->next;
	**at = set;
	k->cfg.on_change(k->cfg.ctx);
}

static struct node **find_node(struct kubeview *k, const char *name)
{
	struct node **at = &k->node_list;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void on_node_gone(void *ctx, const cJSON *json)
{
	struct kubeview *k = ctx;
	const char *name = json_str(json, "metadata", "name", NULL);
	struct node **at = find_node(k, name ? name : ""), *node = *at;

	if (!node)
		return;
	*at = node->next;
	free(node);
	k->cfg.on_change(k->cfg.ctx);
}

static bool node_ready(const cJSON *json)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, json_get(json, "status", "conditions", NULL)) {
		const char *type = json_str(c, "type", NULL), *status = json_str(c, "status", NULL);

		if (type && strcmp(type, "Ready") == 0)
			return status && strcmp(status, "True") == 0;
	}
	return false;
}

static void on_node(void *ctx, const cJSON *json, const cJSON *old)
{
	struct kubeview *k = ctx;
	const char *name = json_str(json, "metadata", "name", NULL);
	struct node **at = find_node(k, name ? name : "");

	(void)old;
	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at)
		return;
	copy((*at)->name, sizeof((*at)->name), name);
	if ((*at)->ready != node_ready(json)) {
		(*at)->ready = !(*at)->ready;
		k->cfg.on_change(k->cfg.ctx);
	}
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

static void on_informer_error(void *ctx, const struct error *err)
{
	struct kubeview *k = ctx;

	k->cfg.on_error(k->cfg.ctx, err);
}

/* What is never read of a node: its images list is long. */
static void prune_node(cJSON *node)
{
	cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(node, "status"), "images");
}

struct kubeview *kubeview_start(uv_loop_t *uv, struct kube_client *kube, const struct kubeview_config *cfg,
				struct error *err)
{
	struct kubeview *k = calloc(1, sizeof(*k));
	struct informer_config pods = { .path = "/api/v1/pods",
					.label_selector = CODIS_LABEL_COMPONENT,
					.on_set = on_pod,
					.on_delete = on_pod_gone,
					.on_error = on_informer_error,
					.ctx = k };
	struct informer_config sets = { .path = "/apis/apps/v1/statefulsets",
					.on_set = on_set,
					.on_delete = on_set_gone,
					.on_error = on_informer_error,
					.ctx = k };
	struct informer_config nodes = { .path = "/api/v1/nodes",
					 .prune = prune_node,
					 .on_set = on_node,
					 .on_delete = on_node_gone,
					 .on_error = on_informer_error,
					 .ctx = k };

	if (!k) {
		error_set(err, ERR_NOMEM, "kubeview: no memory");
		return NULL;
	}
	k->cfg = *cfg;
	k->pods = informer_start(uv, kube, &pods, err);
	k->sets = k->pods ? informer_start(uv, kube, &sets, err) : NULL;
	k->nodes = k->sets ? informer_start(uv, kube, &nodes, err) : NULL;
	if (k->nodes)
		return k;
	kubeview_stop(k);
	return NULL;
}

void kubeview_stop(struct kubeview *k)
{
	if (!k)
		return;
	informer_stop(k->pods);
	informer_stop(k->sets);
	informer_stop(k->nodes);
	while (k->pod_list) {
		struct kube_pod *next = k->pod_list->next;

		free(k->pod_list);
		k->pod_list = next;
	}
	while (k->set_list) {
		struct kube_set *next = k->set_list->next;

		free(k->set_list);
		k->set_list = next;
	}
	while (k->node_list) {
		struct node *next = k->node_list->next;

		free(k->node_list);
		k->node_list = next;
	}
	free(k);
}

bool kubeview_synced(const struct kubeview *k)
{
	return informer_synced(k->pods) && informer_synced(k->sets) && informer_synced(k->nodes);
}

const struct kube_pod *kubeview_pods(const struct kubeview *k)
{
	for (struct kube_pod *p = k->pod_list; p; p = p->next) {
		struct node *const *node = find_node((struct kubeview *)(uintptr_t)k, p->view.node);

		p->view.node_lost = p->view.node[0] && !(*node && (*node)->ready);
	}
	return k->pod_list;
}

const struct kube_set *kubeview_sets(const struct kubeview *k)
{
	return k->set_list;
}
