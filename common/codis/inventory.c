#include "common/codis/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/asks.h"
#include "common/codis/inventory_belong.h"
#include "common/codis/inventory_parts.h"
#include "common/net/addr.h"

#define TAINTS_MAX 1024 /* of a node, in the form of asks_taints() */
/* Joining the cluster turns a node Ready, too. That is no failure: it comes within this time of the node's creation. */
#define JOINING_MS 120000

/* --- pods --------------------------------------------------------------------------------------------------------- */

static int64_t time_of(const char *text)
{
	int64_t ms;

	return text && clock_parse_rfc3339(text, &ms, NULL) == 0 ? ms : 0;
}

static int64_t created(const cJSON *object)
{
	return time_of(json_str(object, "metadata", "creationTimestamp", NULL));
}

static bool is_lost(const struct node *n, const struct pod *p)
{
	return p->known.pod.node[0] && !(n && n->known.ready);
}

static void pod_link(struct inventory *inv, struct pod *p)
{
	const struct kept_pod *pod = &p->known.pod;

	table_add(&inv->pods_by_uid, &p->by_uid, inv_hash_of(pod->uid));
	table_add(&inv->pods_by_name, &p->by_name, inv_hash_of_two(pod->namespace, pod->name));
	if (pod->ip[0])
		table_add(&inv->pods_by_ip, &p->by_ip, inv_hash_of_ip(pod->ip));
	if (pod->node[0])
		table_add(&inv->pods_by_node, &p->by_node, inv_hash_of(pod->node));
	p->known.node_lost = is_lost(inv_find_node(inv, pod->node), p);
	belong_link(inv, &p->member);
}

static struct pod *pod_new(const struct codis_pod *read)
{
	struct pod *p = calloc(1, sizeof(*p) + kept_pod_size(read));

	if (!p)
		return NULL;
	kept_pod_fill(&p->known.pod, p->texts, read);
	codis_pod_addr(read->ip, read->port, p->known.addr, sizeof(p->known.addr));
	p->member.component = read->component;
	p->member.pod = p;
	p->member.name = p->known.pod.name;
	p->member.said_product = &p->known.pod.product;
	p->member.said_replica = &p->known.pod.server_replica_said;
	p->member.group = &p->known.pod.group;
	p->member.product = &p->known.product;
	p->member.trouble = &p->known.trouble;
	return p;
}

/* gone: see fall_silent. The StatefulSet of one that is gone goes on speaking for it. */
static void pod_drop(struct inventory *inv, struct pod *p, bool gone)
{
	const struct kept_pod *pod = &p->known.pod;
	bool spoken_for = pod->owner[0] && inv_find_set_by_name(inv, pod->namespace, pod->owner);

	belong_unlink(inv, &p->member, gone && !spoken_for);
	table_remove(&inv->pods_by_uid, &p->by_uid);
	table_remove(&inv->pods_by_name, &p->by_name);
	table_remove(&inv->pods_by_ip, &p->by_ip);
	table_remove(&inv->pods_by_node, &p->by_node);
	free(p);
}

static void take_claim(struct member *m, struct member *from)
{
	m->claimed = from->claimed;
	from->claimed = NULL;
}

/* Puts the pod in the place of what was known of it, or of another one of its name. Whoever comes says its product
 * before who goes takes back his words: else the silent ones would move away and back. 0, or -1: no memory, and nothing
 * has changed. */
static int pod_put(struct inventory *inv, const struct codis_pod *read, int64_t created_ms, struct pod *old)
{
	struct pod *p = pod_new(read);

	if (!p || belong_find_place(inv, read->namespace, &p->member) < 0) {
		free(p);
		return -1;
	}
	p->created_ms = created_ms;
	p->turn = ++inv->turn;
	if (old && strcmp(old->known.pod.uid, read->uid) == 0) {
		p->turn = old->turn;
		take_claim(&p->member, &old->member);
	}
	belong_speak(&p->member);
	if (old)
		pod_drop(inv, old, false);
	pod_link(inv, p);
	belong_resolve_silent(inv, p->member.space);
	return 0;
}

/* What it says and cannot mean is not known; that it is there is. Else a label or an annotation that somebody gets
 * wrong takes a running server away. */
static void doubt(struct codis_pod *read)
{
	struct error err = ERROR_INIT;

	if (read->product.said == SAID_KNOWN && codis_product_check(read->product.text, &err) < 0)
		said_unknown(&read->product, "%s", err.text);
	if (read->server_replica_said.said == SAID_KNOWN &&
	    codis_server_replica_parse(read->server_replica_said.text, &read->server_replica, &err) < 0)
		said_unknown(&read->server_replica_said, "%s", err.text);
}

/* The group of a pod with these words: see inventory_pod. */
static int group_of(const struct set *set, int ordinal, int server_replica, int said)
{
	if (ordinal < 0)
		return 0;
	if (set)
		said = set->known.shape.group;
	return said ? said : server_replica > 0 ? codis_group_of(ordinal, server_replica) : 0;
}

/* The StatefulSet that has made a pod: its owner, or, where it has none, the one whose name it bears. Kubernetes takes
 * the owner from a pod whose labels somebody changes so that the selector does not have it any more. */
static const struct set *maker_of(const struct inventory *inv, const char *namespace, const char *owner,
				  const char *name)
{
	const char *dash = strrchr(name, '-');
	char stem[POD_NAME_MAX];

	if (owner[0] || !dash)
		return owner[0] ? inv_find_set_by_name(inv, namespace, owner) : NULL;
	snprintf(stem, sizeof(stem), "%.*s", (int)(dash - name), name);
	return inv_find_set_by_name(inv, namespace, stem);
}

/* As maker_of(). */
static bool is_made_by(const struct kept_pod *pod, const char *set)
{
	size_t len = strlen(set);

	if (pod->owner[0])
		return strcmp(pod->owner, set) == 0;
	return strncmp(pod->name, set, len) == 0 && pod->name[len] == '-' && !strchr(pod->name + len + 1, '-');
}

int inventory_set_pod(struct inventory *inv, const cJSON *object, struct error *err)
{
	const char *uid = json_str(object, "metadata", "uid", NULL);
	int64_t created_ms = created(object);
	struct codis_pod read;
	struct pod *old;
	int said;

	if (!uid)
		return error_set(err, ERR_PROTOCOL, "a Pod without a uid");
	said = codis_pod_read(object, &read, err);
	if (read.component == CODIS_NONE || read.status.finished) {
		inventory_remove_pod(inv, uid);
		return said;
	}
	if (said < 0)
		doubt(&read);
	if (inv->no_labels)
		read.labels[0] = '\0';
	if (read.component == CODIS_SERVER)
		read.group = group_of(maker_of(inv, read.namespace, read.owner, read.name), read.ordinal,
				      read.server_replica, read.group_said);
	old = inv_find_pod_by_name(inv, read.namespace, read.name);
	if (old && strcmp(old->known.pod.uid, uid) != 0 && created_ms < old->created_ms)
		return said;
	if (old && strcmp(old->known.pod.uid, uid) == 0)
		belong_take_role(inv, old, read.role);
	if (old && kept_pod_is(&old->known.pod, &read))
		return said;
	if (pod_put(inv, &read, created_ms, old) == 0) {
		belong_settle(inv);
		return said;
	}
	belong_settle(inv);
	inventory_remove_pod(inv, uid);
	return error_set(err, ERR_NOMEM, "no memory for pod %s/%s", read.namespace, read.name);
}

void inventory_remove_pod(struct inventory *inv, const char *uid)
{
	struct pod *p = inv_find_pod(inv, uid);
	struct space *s;

	if (!p)
		return;
	s = p->member.space;
	pod_drop(inv, p, true);
	belong_resolve_silent(inv, s);
	belong_settle(inv);
}

/* --- StatefulSets ------------------------------------------------------------------------------------------------- */

static void set_free(struct set *s)
{
	if (!s)
		return;
	cJSON_Delete(s->annotations);
	cJSON_Delete(s->labels);
	free(s);
}

static void set_drop(struct inventory *inv, struct set *s, bool gone)
{
	belong_unlink(inv, &s->member, gone);
	table_remove(&inv->sets_by_uid, &s->by_uid);
	table_remove(&inv->sets_by_name, &s->by_name);
	set_free(s);
}

/* 0, or -1: no memory. */
static int set_keep_labels(struct set *s, const cJSON *object)
{
	const cJSON *annotations = json_get(object, "metadata", "annotations", NULL);
	const cJSON *labels = json_get(object, "spec", "template", "metadata", "labels", NULL);

	s->annotations = cJSON_IsObject(annotations) ? cJSON_Duplicate(annotations, true) : NULL;
	s->labels = cJSON_IsObject(labels) ? cJSON_Duplicate(labels, true) : NULL;
	s->known.annotations = s->annotations;
	s->known.labels = s->labels;
	return (!cJSON_IsObject(annotations) || s->annotations) && (!cJSON_IsObject(labels) || s->labels) ? 0 : -1;
}

/* What the object says, not linked yet. NULL: no memory. */
static struct set *set_new(const cJSON *object, const char *uid, const struct codis_pod *template)
{
	struct set *s = calloc(1, sizeof(*s) + kept_pod_size(template) + strlen(uid) + 1);
	struct kept_pod said;

	if (!s)
		return NULL;
	kept_pod_fill(&said, s->texts, template);
	s->known.uid = memcpy(s->texts + kept_pod_size(template), uid, strlen(uid) + 1);
	s->known.namespace = said.namespace;
	s->known.name = said.owner;
	s->known.shape = codis_shape_of(object, template);
	s->known.deleting = json_str(object, "metadata", "deletionTimestamp", NULL) != NULL;
	s->said_product = said.product;
	s->said_replica = said.server_replica_said;
	s->created_ms = created(object);
	s->known.says_product = said.product.said == SAID_KNOWN;
	s->member.name = s->known.name;
	s->member.component = template->component;
	s->member.said_product = &s->said_product;
	s->member.said_replica = &s->said_replica;
	s->member.group = &s->known.shape.group;
	s->member.product = &s->known.product;
	s->member.trouble = &s->known.trouble;
	return s;
}

static bool same_json(const cJSON *a, const cJSON *b)
{
	return a && b ? json_equal(a, b) : a == b;
}

static bool same_shape(const struct codis_shape *a, const struct codis_shape *b)
{
	return a->replicas == b->replicas && a->start == b->start && a->server_replica == b->server_replica &&
	       a->group == b->group;
}

static bool same_set(const struct set *a, const struct set *b)
{
	return a->member.component == b->member.component && strcmp(a->known.uid, b->known.uid) == 0 &&
	       same_shape(&a->known.shape, &b->known.shape) && a->known.deleting == b->known.deleting &&
	       kept_text_equal(&a->said_product, &b->said_product) &&
	       kept_text_equal(&a->said_replica, &b->said_replica) && same_json(a->annotations, b->annotations) &&
	       same_json(a->labels, b->labels);
}

/* After a change of the set of that name: its pods are of the groups that it says. */
static void regroup(struct inventory *inv, const struct space *s, const char *name)
{
	const struct set *set = inv_find_set_by_name(inv, s->name, name);
	const struct product *p;
	struct member *m;

	LIST_FOREACH(p, &s->products, beside)
	LIST_FOREACH(m, &p->pods, beside)
	{
		const struct kept_pod *pod = &m->pod->known.pod;

		if (m->component == CODIS_SERVER && is_made_by(pod, name))
			belong_regroup(inv, m->pod, group_of(set, pod->ordinal, pod->server_replica, pod->group_said));
	}
}

/* As pod_put; takes the set over when it succeeds. */
static int set_put(struct inventory *inv, struct set *set, struct set *old)
{
	bool same_groups = old && old->known.shape.group == set->known.shape.group;

	if (belong_find_place(inv, set->known.namespace, &set->member) < 0)
		return -1;
	if (old && strcmp(old->known.uid, set->known.uid) == 0)
		take_claim(&set->member, &old->member);
	belong_speak(&set->member);
	if (set->member.says != (old ? old->member.says : NULL))
		set->member.space->said_changed = true; /* its pods that say nothing follow */
	if (old)
		set_drop(inv, old, false);
	table_add(&inv->sets_by_uid, &set->by_uid, inv_hash_of(set->known.uid));
	table_add(&inv->sets_by_name, &set->by_name, inv_hash_of_two(set->known.namespace, set->known.name));
	belong_link(inv, &set->member);
	belong_resolve_silent(inv, set->member.space);
	if (!same_groups)
		regroup(inv, set->member.space, set->known.name);
	return 0;
}

int inventory_set_set(struct inventory *inv, const cJSON *object, struct error *err)
{
	const cJSON *template = json_get(object, "spec", "template", NULL);
	const char *uid = json_str(object, "metadata", "uid", NULL);
	struct codis_pod read;
	struct set *set, *old;
	int said, done;

	if (!uid)
		return error_set(err, ERR_PROTOCOL, "a StatefulSet without a uid");
	if (!belong_has_product(codis_component_of(template))) {
		inventory_remove_set(inv, uid);
		return 0;
	}
	said = codis_template_read(object, &read, err);
	if (said < 0)
		doubt(&read);
	if (inv->no_labels)
		read.labels[0] = '\0';
	set = set_new(object, uid, &read);
	if (set && (inv->no_labels || set_keep_labels(set, object) == 0)) {
		old = inv_find_set_by_name(inv, set->known.namespace, set->known.name);
		if (old && (same_set(old, set) || set->created_ms < old->created_ms)) {
			set_free(set);
			return said;
		}
		done = set_put(inv, set, old);
		belong_settle(inv);
		if (done == 0)
			return said;
	}
	set_free(set);
	inventory_remove_set(inv, uid);
	return error_set(err, ERR_NOMEM, "no memory for StatefulSet %s", uid);
}

void inventory_remove_set(struct inventory *inv, const char *uid)
{
	struct set *set = inv_find_set(inv, uid);
	char name[POD_NAME_MAX];
	struct space *s;

	if (!set)
		return;
	s = set->member.space;
	s->said_changed = true;
	snprintf(name, sizeof(name), "%s", set->known.name);
	set_drop(inv, set, true);
	belong_resolve_silent(inv, s);
	regroup(inv, s, name);
	belong_settle(inv);
}

/* --- what the coordinator says of those who say nothing ------------------------------------------------------------
 */

void inventory_claim(struct inventory *inv, const char *uid, const char *product)
{
	struct pod *p = inv_find_pod(inv, uid);
	struct space *s = p ? p->member.space : NULL;
	char *claimed;
	struct member *m;
	struct set *set = p && p->known.pod.owner[0] ? inv_find_set_by_name(inv, s->name, p->known.pod.owner) : NULL;

	if (!p || p->member.of != &s->unknown || p->known.pod.product.said != SAID_NOTHING)
		return;
	claimed = strndup(product, CODIS_PRODUCT_MAX - 1);
	if (!claimed) /* it is claimed again by the next look */
		return;
	m = set ? &set->member : &p->member;
	free(m->claimed);
	m->claimed = claimed;
	s->said_changed = true;
	belong_resolve_silent(inv, s);
	belong_settle(inv);
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static void read_ready(const cJSON *object, struct inventory_node *n)
{
	const cJSON *ready = codis_condition(object, "Ready");
	const char *status = json_str(ready, "status", NULL);
	int64_t changed = time_of(json_str(ready, "lastTransitionTime", NULL));

	n->ready = status && strcmp(status, "True") == 0;
	n->ready_changed_ms = n->ready && changed - created(object) < JOINING_MS ? 0 : changed;
}

static bool is_out_of_service(const cJSON *object)
{
	const cJSON *taint;

	cJSON_ArrayForEach(taint, json_get(object, "spec", "taints", NULL)) {
		const char *key = json_str(taint, "key", NULL);

		if (key && (strcmp(key, CODIS_TAINT_OUT) == 0 || strcmp(key, CODIS_TAINT_SHUTDOWN) == 0))
			return true;
	}
	return false;
}

/* Its pods learn what became of it; n NULL: it is gone. */
static void tell_pods(struct inventory *inv, const char *name, const struct node *n)
{
	uint64_t hash = inv_hash_of(name);

	for (struct table_link *l = table_first(&inv->pods_by_node, hash); l; l = table_next(l)) {
		struct pod *p = TABLE_ENTRY(l, struct pod, by_node);

		if (strcmp(p->known.pod.node, name) != 0)
			continue;
		p->known.node_lost = is_lost(n, p);
		belong_touch(inv, p->member.of);
	}
	belong_settle(inv);
}

static struct node *node_of(struct inventory *inv, const char *name)
{
	struct node *n = inv_find_node(inv, name);

	if (n)
		return n;
	n = calloc(1, sizeof(*n) + strlen(name) + 1);
	if (!n)
		return NULL;
	n->known.name = memcpy(n->name, name, strlen(name) + 1);
	n->known.taints = "";
	table_add(&inv->nodes, &n->by_name, inv_hash_of(n->known.name));
	return n;
}

static void tell_node(const struct inventory *inv, const struct node *n, bool there)
{
	if (inv->places.on_node)
		inv->places.on_node(inv->places.ctx, &n->known, there);
}

static void node_drop(struct inventory *inv, struct node *n)
{
	table_remove(&inv->nodes, &n->by_name);
	free(n->labels);
	free(n->taints);
	free(n);
}

static const char *text_of(const cJSON *label)
{
	return label->string && label->string[0] ? cJSON_GetStringValue(label) : NULL;
}

/* One block for all: "" behind them ends it. 0, or -1: no memory, and nothing has changed. */
static int take_labels(struct node *n, const cJSON *labels)
{
	size_t size = 1;
	const cJSON *l;
	char *block, *at;

	cJSON_ArrayForEach(l, labels)
		size += text_of(l) ? strlen(l->string) + strlen(text_of(l)) + 2 : 0;
	at = block = malloc(size);
	if (!block)
		return -1;
	cJSON_ArrayForEach(l, labels)
		if (text_of(l)) {
			at = stpcpy(at, l->string) + 1;
			at = stpcpy(at, text_of(l)) + 1;
		}
	*at = '\0';
	if (n->labels && n->labels_size == size && memcmp(n->labels, block, size) == 0) {
		free(block);
		return 0;
	}
	free(n->labels);
	n->known.labels = n->labels = block;
	n->labels_size = size;
	return 0;
}

/* Most nodes have none. 0 or -1. */
static int take_taints(struct node *n, const cJSON *object)
{
	char taints[TAINTS_MAX], *copy = NULL;

	asks_taints(object, taints, sizeof(taints));
	if (strcmp(taints, n->known.taints) == 0)
		return 0;
	if (taints[0] && !(copy = strdup(taints)))
		return -1;
	free(n->taints);
	n->taints = copy;
	n->known.taints = copy ? copy : "";
	return 0;
}

int inventory_set_node(struct inventory *inv, const cJSON *object, struct error *err)
{
	const char *name = json_str(object, "metadata", "name", NULL);
	struct inventory_node was;
	struct node *n;
	bool is_new;

	if (!name || strlen(name) >= POD_NAME_MAX)
		return error_set(err, ERR_PROTOCOL, "a Node without a name, or with too long a one");
	is_new = !inv_find_node(inv, name);
	n = node_of(inv, name);
	if (!n || take_labels(n, json_get(object, "metadata", "labels", NULL)) < 0 || take_taints(n, object) < 0) {
		inventory_remove_node(inv, name);
		return error_set(err, ERR_NOMEM, "no memory for node %s", name);
	}
	was = n->known;
	n->known.ready = false;
	n->known.ready_changed_ms = 0;
	n->known.unschedulable = json_bool(false, object, "spec", "unschedulable", NULL);
	n->known.out_of_service = is_out_of_service(object);
	n->known.memory_mib = asks_allocatable_mib(object);
	read_ready(object, &n->known);
	tell_node(inv, n, true);
	if (is_new || was.ready != n->known.ready || was.unschedulable != n->known.unschedulable ||
	    was.out_of_service != n->known.out_of_service)
		tell_pods(inv, name, n);
	return 0;
}

void inventory_remove_node(struct inventory *inv, const char *name)
{
	struct node *n = inv_find_node(inv, name);

	if (!n)
		return;
	tell_node(inv, n, false);
	node_drop(inv, n);
	tell_pods(inv, name, NULL);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

const struct inventory_pod *inventory_pod(const struct inventory *inv, const char *uid)
{
	const struct pod *p = inv_find_pod(inv, uid);

	return p ? &p->known : NULL;
}

static bool runs(const struct pod *p)
{
	return p->known.pod.status.running && !p->known.node_lost;
}

/* In their node's network several pods may claim one address; whoever runs has bound it. */
static bool answers_before(const struct pod *a, const struct pod *b)
{
	if (runs(a) != runs(b))
		return runs(a);
	if (a->known.pod.status.deleting != b->known.pod.status.deleting)
		return b->known.pod.status.deleting;
	return a->created_ms != b->created_ms ? a->created_ms > b->created_ms : a->turn > b->turn;
}

static const struct pod *pod_at(const struct inventory *inv, const char *ip, uint16_t port)
{
	const struct pod *best = NULL;

	for (struct table_link *l = table_first(&inv->pods_by_ip, inv_hash_of_ip(ip)); l && port; l = table_next(l)) {
		const struct pod *p = TABLE_ENTRY(l, struct pod, by_ip);

		if (p->known.pod.port == port && inv_same_ip(p->known.pod.ip, ip) && (!best || answers_before(p, best)))
			best = p;
	}
	return best;
}

const struct inventory_pod *inventory_pod_at(const struct inventory *inv, const char *addr)
{
	char host[ADDR_TEXT_MAX];
	const struct pod *p;
	uint16_t port;

	if (addr_split(addr, host, sizeof(host), &port, NULL) < 0)
		return NULL;
	p = pod_at(inv, host, port);
	return p ? &p->known : NULL;
}

bool inventory_is_elsewhere(const struct inventory *inv, const char *addr, const char *namespace, const char *product)
{
	const struct inventory_pod *p = inventory_pod_at(inv, addr);

	return p && (strcmp(p->pod.namespace, namespace) != 0 || (p->product[0] && strcmp(p->product, product) != 0));
}

bool inventory_has_its_addr(const struct inventory *inv, const struct inventory_pod *pod)
{
	const struct pod *p = pod_at(inv, pod->pod.ip, pod->pod.port);

	return p && &p->known == pod;
}

const struct inventory_node *inventory_node(const struct inventory *inv, const char *name)
{
	const struct node *n = inv_find_node(inv, name);

	return n ? &n->known : NULL;
}

static const struct set *set_of(const struct member *m)
{
	return (const struct set *)(const void *)((const char *)m - offsetof(struct set, member));
}

/* One that is scaled to 0 gives way to another one that has its servers. */
static bool set_before(const struct inventory_set *a, const struct inventory_set *b)
{
	if ((a->shape.replicas > 0) != (b->shape.replicas > 0))
		return a->shape.replicas > 0;
	return a->deleting != b->deleting ? b->deleting : strcmp(a->name, b->name) < 0;
}

/* By their labels, and of one label by who counts. */
static int compare_sets(const void *a, const void *b)
{
	const struct inventory_set *const *x = a, *const *y = b;

	if ((*x)->shape.group != (*y)->shape.group)
		return (*x)->shape.group < (*y)->shape.group ? -1 : 1;
	return set_before(*x, *y) ? -1 : 1;
}

/* Those without a label: none of them makes a group of another one. */
static int compare_begins(const void *a, const void *b)
{
	const struct inventory_set *const *x = a, *const *y = b;

	return codis_shape_begins(&(*x)->shape) - codis_shape_begins(&(*y)->shape);
}

static bool meets_any(const struct inventory_set *set, const struct inventory_set **sets, int count)
{
	for (int i = 0; i < count; i++) {
		if (sets[i]->shape.group == set->shape.group &&
		    (set->shape.group || codis_shapes_meet(&sets[i]->shape, &set->shape)))
			return true;
	}
	return false;
}

/* Of those that make one group one counts. How many are left of them, in the order of their groups. */
static int order_sets(const struct inventory_set **sets, int count)
{
	int kept = 0, unlabelled = 0;

	qsort(sets, (size_t)count, sizeof(sets[0]), compare_sets);
	for (int i = 0; i < count; i++) {
		bool labelled = sets[i]->shape.group != 0;
		int from = labelled && kept ? kept - 1 : 0; /* those of one label stand side by side */

		if (meets_any(sets[i], &sets[from], kept - from))
			continue;
		sets[kept++] = sets[i];
		unlabelled += !labelled;
	}
	qsort(sets, (size_t)unlabelled, sizeof(sets[0]), compare_begins);
	return kept;
}

int inventory_sets_of(const struct inventory *inv, const char *namespace, const char *product,
		      const struct inventory_set ***out)
{
	const struct product *p = inv_find_product(inv, namespace, product);
	const struct member *m;
	size_t room = 1;
	int count = 0;

	for (m = p ? LIST_FIRST(&p->sets) : NULL; m; m = LIST_NEXT(m, beside))
		room++;
	*out = calloc(room, sizeof(**out));
	if (!*out)
		return -1;
	for (m = p ? LIST_FIRST(&p->sets) : NULL; m; m = LIST_NEXT(m, beside)) {
		if (m->component == CODIS_SERVER)
			(*out)[count++] = &set_of(m)->known;
	}
	return order_sets(*out, count);
}

void inventory_product_of_kept(const struct inventory *inv, const struct kept_pod *pod, char product[CODIS_PRODUCT_MAX],
			       char trouble[POD_WHY_MAX])
{
	struct space nobody = { .standard = { .name = CODIS_DEFAULT_PRODUCT } },
		     *s = inv_find_space(inv, pod->namespace);
	struct member m = { .space = s ? s : &nobody,
			    .name = pod->name,
			    .component = pod->component,
			    .said_product = &pod->product,
			    .said_replica = &pod->server_replica_said,
			    .group = &pod->group };

	if (pod->product.said != SAID_KNOWN)
		m.of = belong_where(inv, &m, pod->owner);
	snprintf(product, CODIS_PRODUCT_MAX, "%.*s", CODIS_PRODUCT_MAX - 1, m.of ? m.of->name : pod->product.text);
	belong_write_trouble(&m, trouble);
}

void inventory_product_of(const struct inventory *inv, const struct codis_pod *pod, char product[CODIS_PRODUCT_MAX],
			  char trouble[POD_WHY_MAX])
{
	const struct kept_pod kept = { .namespace = pod->namespace,
				       .name = pod->name,
				       .owner = pod->owner,
				       .component = pod->component,
				       .group = pod->group,
				       .product = kept_text_of(&pod->product),
				       .server_replica_said = kept_text_of(&pod->server_replica_said) };

	inventory_product_of_kept(inv, &kept, product, trouble);
}

int inventory_group_of(const struct inventory *inv, const struct kept_pod *pod)
{
	return group_of(maker_of(inv, pod->namespace, pod->owner, pod->name), pod->ordinal, pod->server_replica,
			pod->group_said);
}

bool inventory_is_master(const struct inventory *inv, const struct kept_pod *pod, const char *product)
{
	return belong_is_master(inv, inv_find_product(inv, pod->namespace, product), pod);
}

const char *inventory_node_label(const struct inventory_node *node, const char *key)
{
	const char *value = NULL;

	for (const char *at = node->labels; !value && at[0]; at += strlen(at) + 1) {
		bool is = strcmp(at, key) == 0;

		at += strlen(at) + 1;
		value = is ? at : NULL;
	}
	return !value && strcmp(key, CODIS_HOSTNAME_KEY) == 0 ? node->name : value;
}

/* --- walks -------------------------------------------------------------------------------------------------------- */

/* Calls fn with what is known of each entry that has this hash and for which `same` holds (it sees the entry as e). */
#define EACH(table, type, link, key_hash, same)                                                                        \
	int e_done = 0;                                                                                                \
	for (struct table_link *e_link = table_first(table, key_hash); e_link && !e_done;                              \
	     e_link = table_next(e_link)) {                                                                            \
		const type *e = TABLE_ENTRY(e_link, type, link);                                                       \
		if (same)                                                                                              \
			e_done = fn(ctx, &e->known);                                                                   \
	}                                                                                                              \
	return e_done

#define EACH_OF_ALL(table, type, link)                                                                                 \
	int e_done = 0;                                                                                                \
	for (struct table_link *e_link = table_walk(table, NULL); e_link && !e_done;                                   \
	     e_link = table_walk(table, e_link))                                                                       \
		e_done = fn(ctx, &TABLE_ENTRY(e_link, type, link)->known);                                             \
	return e_done

int inventory_each_pod(const struct inventory *inv, inventory_pod_fn fn, void *ctx)
{
	EACH_OF_ALL(&inv->pods_by_uid, struct pod, by_uid);
}

int inventory_each_of_product(const struct inventory *inv, const char *namespace, const char *product,
			      inventory_pod_fn fn, void *ctx)
{
	const struct product *p = inv_find_product(inv, namespace, product);
	const struct member *m;
	int done = 0;

	if (!p)
		return 0;
	LIST_FOREACH(m, &p->pods, beside)
	{
		done = fn(ctx, &m->pod->known);
		if (done)
			break;
	}
	return done;
}

int inventory_each_zookeeper(const struct inventory *inv, const char *namespace, inventory_pod_fn fn, void *ctx)
{
	const struct space *s = inv_find_space(inv, namespace);
	const struct member *m;
	int done = 0;

	if (!s)
		return 0;
	LIST_FOREACH(m, &s->silent, silent)
	{
		if (m->pod && m->component == CODIS_ZOOKEEPER)
			done = fn(ctx, &m->pod->known);
		if (done)
			break;
	}
	return done;
}

int inventory_each_of_group(const struct inventory *inv, const char *namespace, const char *product, int group,
			    inventory_pod_fn fn, void *ctx)
{
	const struct product *p = inv_find_product(inv, namespace, product);

	if (!p)
		return 0;
	EACH(&inv->pods_by_group, struct pod, by_group, inv_hash_of_group(p, group),
	     e->member.of == p && e->known.pod.group == group);
}

int inventory_each_on_node(const struct inventory *inv, const char *node, inventory_pod_fn fn, void *ctx)
{
	EACH(&inv->pods_by_node, struct pod, by_node, inv_hash_of(node), strcmp(e->known.pod.node, node) == 0);
}

int inventory_each_node(const struct inventory *inv, int (*fn)(void *ctx, const struct inventory_node *node), void *ctx)
{
	EACH_OF_ALL(&inv->nodes, struct node, by_name);
}

int inventory_each_product(const struct inventory *inv,
			   int (*fn)(void *ctx, const char *namespace, const char *product), void *ctx)
{
	int done = 0;

	for (struct table_link *l = table_walk(&inv->products, NULL); l && !done; l = table_walk(&inv->products, l)) {
		const struct product *p = TABLE_ENTRY(l, struct product, by_key);

		if (p->clustered && p->name[0])
			done = fn(ctx, p->space->name, p->name);
	}
	return done;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

struct inventory *inventory_new(void)
{
	return calloc(1, sizeof(struct inventory));
}

void inventory_leave_out_labels(struct inventory *inv)
{
	inv->no_labels = true;
}

void inventory_listen(struct inventory *inv, void (*on_change)(void *ctx, const char *namespace, const char *product),
		      void *ctx)
{
	inv->on_change = on_change;
	inv->ctx = ctx;
}

void inventory_tell_places(struct inventory *inv, const struct inventory_places *places)
{
	inv->places = *places;
}

void inventory_free(struct inventory *inv)
{
	if (!inv)
		return;
	inv->on_change = NULL;
	inv->places = (struct inventory_places){ .on_stand = NULL };
	for (struct table_link *l = table_walk(&inv->pods_by_uid, NULL), *next; l; l = next) {
		next = table_walk(&inv->pods_by_uid, l);
		pod_drop(inv, TABLE_ENTRY(l, struct pod, by_uid), true);
	}
	for (struct table_link *l = table_walk(&inv->sets_by_uid, NULL), *next; l; l = next) {
		next = table_walk(&inv->sets_by_uid, l);
		set_drop(inv, TABLE_ENTRY(l, struct set, by_uid), true);
	}
	for (struct table_link *l = table_walk(&inv->nodes, NULL), *next; l; l = next) {
		next = table_walk(&inv->nodes, l);
		node_drop(inv, TABLE_ENTRY(l, struct node, by_name));
	}
	belong_settle(inv); /* takes the products and namespaces along */
	table_release(&inv->pods_by_uid);
	table_release(&inv->pods_by_name);
	table_release(&inv->pods_by_ip);
	table_release(&inv->pods_by_node);
	table_release(&inv->pods_by_group);
	table_release(&inv->sets_by_uid);
	table_release(&inv->sets_by_name);
	table_release(&inv->nodes);
	table_release(&inv->spaces);
	table_release(&inv->products);
	free(inv);
}
