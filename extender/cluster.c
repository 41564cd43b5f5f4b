#include "extender/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"

/* Joining the cluster turns a node Ready, too. That is no failure: it comes within this time of the node's creation. */
#define JOINING_MS 120000

static void node_free(struct node *n)
{
	if (!n)
		return;
	free(n->name);
	cJSON_Delete(n->labels);
	free(n);
}

static void member_free(struct member *m)
{
	if (!m)
		return;
	free(m->uid);
	free(m->namespace);
	free(m->name);
	free(m->node);
	free(m);
}

void cluster_release(struct cluster *c)
{
	for (size_t i = 0; i < c->nodes.count; i++)
		node_free((struct node *)c->nodes.entries[i]);
	for (size_t i = 0; i < c->members.count; i++)
		member_free((struct member *)c->members.entries[i]);
	table_release(&c->nodes);
	table_release(&c->members);
}

static int64_t time_of(const char *text)
{
	int64_t ms;

	return text && clock_parse_rfc3339(text, &ms, NULL) == 0 ? ms : 0;
}

static void read_ready(const cJSON *object, struct node *n)
{
	const cJSON *conditions = json_get(object, "status", "conditions", NULL), *condition;
	int64_t created = time_of(json_str(object, "metadata", "creationTimestamp", NULL));

	cJSON_ArrayForEach(condition, conditions) {
		const char *type = json_str(condition, "type", NULL), *status = json_str(condition, "status", NULL);
		int64_t changed = time_of(json_str(condition, "lastTransitionTime", NULL));

		if (!type || strcmp(type, "Ready") != 0)
			continue;
		n->ready = status && strcmp(status, "True") == 0;
		n->ready_changed_ms = n->ready && changed - created < JOINING_MS ? 0 : changed;
	}
}

int cluster_set_node(struct cluster *c, const cJSON *object, struct error *err)
{
	const char *name = json_str(object, "metadata", "name", NULL);
	const cJSON *labels = json_get(object, "metadata", "labels", NULL);
	struct node *n;

	if (!name)
		return error_set(err, ERR_PROTOCOL, "a Node without a name");
	n = calloc(1, sizeof(*n));
	if (!n)
		return error_set(err, ERR_NOMEM, "no memory for node %s", name);
	n->name = strdup(name);
	n->labels = cJSON_IsObject(labels) ? cJSON_Duplicate(labels, true) : NULL;
	read_ready(object, n);
	if (!n->name || (cJSON_IsObject(labels) && !n->labels))
		goto nomem;
	cluster_remove_node(c, name);
	if (table_add(&c->nodes, n) < 0)
		goto nomem;
	return 0;
nomem:
	node_free(n);
	return error_set(err, ERR_NOMEM, "no memory for node %s", name);
}

void cluster_remove_node(struct cluster *c, const char *name)
{
	node_free(table_remove(&c->nodes, name));
}

const struct node *cluster_node(const struct cluster *c, const char *name)
{
	return table_find(&c->nodes, name);
}

const char *node_label(const struct node *n, const char *key)
{
	const char *value = json_str(n->labels, key, NULL);

	return !value && strcmp(key, CODIS_HOSTNAME_KEY) == 0 ? n->name : value;
}

const char *pod_uid(const cJSON *pod)
{
	return json_str(pod, "metadata", "uid", NULL);
}

static bool has_ended(const cJSON *pod)
{
	const char *phase = json_str(pod, "status", "phase", NULL);

	return phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

static struct member *member_new(const cJSON *pod, const struct codis_identity *id, const char *node)
{
	const char *namespace = json_str(pod, "metadata", "namespace", NULL);
	const char *name = json_str(pod, "metadata", "name", NULL);
	struct member *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->uid = strdup(pod_uid(pod));
	m->namespace = strdup(namespace ? namespace : "");
	m->name = strdup(name ? name : "");
	m->node = strdup(node);
	m->id = *id;
	if (m->uid && m->namespace && m->name && m->node)
		return m;
	member_free(m);
	return NULL;
}

int cluster_set_pod(struct cluster *c, const cJSON *pod, enum pod_source source, struct error *err)
{
	const char *uid = pod_uid(pod), *node = json_str(pod, "spec", "nodeName", NULL);
	struct codis_identity id = { .component = CODIS_NONE };
	struct member *old, *m;
	int identified;

	if (!uid)
		return error_set(err, ERR_PROTOCOL, "a Pod without a uid");
	identified = codis_identify(pod, &id, err);
	if (identified < 0 || id.component == CODIS_NONE || !node || !node[0] || has_ended(pod)) {
		cluster_remove_pod(c, uid, source);
		return identified;
	}
	m = member_new(pod, &id, node);
	if (!m)
		return error_set(err, ERR_NOMEM, "no memory for pod %s", uid);
	old = table_remove(&c->members, uid);
	m->sources = (old ? old->sources : 0) | source;
	member_free(old);
	if (table_add(&c->members, m) < 0) {
		member_free(m);
		return error_set(err, ERR_NOMEM, "no memory for pod %s", uid);
	}
	return 0;
}

void cluster_remove_pod(struct cluster *c, const char *uid, enum pod_source source)
{
	struct member *m = table_find(&c->members, uid);

	if (!m)
		return;
	m->sources &= ~(unsigned)source;
	if (!m->sources)
		member_free(table_remove(&c->members, uid));
}
