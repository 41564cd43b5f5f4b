#include <stdio.h>
#include <string.h>

#include "cli/plan.h"
#include "common/base/error.h"
#include "common/base/json.h"

#define ZONE "topology.kubernetes.io/zone"

static const char *text(const cJSON *object, const char *name)
{
	const char *text_ = json_str(object, name, NULL);

	return text_ ? text_ : "";
}

static bool same(const cJSON *a, const cJSON *b, const char *name)
{
	return strcmp(text(a, name), text(b, name)) == 0;
}

static void add(cJSON *object, const char *name, int64_t more)
{
	json_set(object, name, cJSON_CreateNumber((double)(json_int(0, object, name, NULL) + more)));
}

/* --- groups, and the sets of the others --------------------------------------------------------------------------- */

static bool is_of(const cJSON *set, const cJSON *pod)
{
	return json_int(0, set, "group", NULL) == json_int(0, pod, "group", NULL) && same(set, pod, "component") &&
	       same(set, pod, "product") && same(set, pod, "namespace");
}

static cJSON *set_of(cJSON *sets, const cJSON *pod)
{
	cJSON *set;

	json_each(set, sets) {
		if (is_of(set, pod))
			return set;
	}
	set = cJSON_CreateObject();
	json_add_str(set, "namespace", text(pod, "namespace"));
	json_add_str(set, "product", text(pod, "product"));
	json_add_str(set, "component", text(pod, "component"));
	json_add_int(set, "group", json_int(0, pod, "group", NULL));
	json_add_int(set, "memory_mib", 0);
	json_add_array(set, "members");
	return json_push(sets, set) == 0 ? set : NULL;
}

/* Servers whose group is not known are in none. */
static void add_member(cJSON *report, const cJSON *pod)
{
	bool server = strcmp(text(pod, "component"), "codis-server") == 0;
	cJSON *sets = cJSON_GetObjectItemCaseSensitive(report, server ? "groups" : "others"), *set,
	      *member = cJSON_CreateObject();

	set = set_of(sets, pod);
	json_add_str(member, "pod", text(pod, "name"));
	json_add_str(member, "node", text(pod, "node"));
	json_add_bool(member, "first", json_bool(false, pod, "first", NULL));
	add(set, "memory_mib", json_int(0, pod, "memory_mib", NULL));
	json_push(cJSON_GetObjectItemCaseSensitive(set, "members"), member);
}

/* --- what is lost with a node or a zone --------------------------------------------------------------------------- */

struct lost {
	const struct plan *plan;
	const char *node; /* or */
	const char *zone;
};

static const char *zone_of(const cJSON *node)
{
	return json_str(node, "metadata", "labels", ZONE, NULL);
}

static bool is_lost(const struct lost *l, const char *node)
{
	if (l->node)
		return strcmp(node, l->node) == 0;
	for (size_t i = 0; i < l->plan->node_count; i++) {
		const char *zone = zone_of(l->plan->nodes[i].node);

		if (strcmp(l->plan->nodes[i].name, node) == 0)
			return zone && strcmp(zone, l->zone) == 0;
	}
	return false;
}

static void add_lost(const struct lost *l, const cJSON *sets, cJSON *out)
{
	const cJSON *set, *member;

	json_each(set, sets) {
		int lost = 0, count = 0, standing = 0;
		bool first = false;
		cJSON *one;

		json_each(member, json_get(set, "members", NULL)) {
			bool gone = is_lost(l, text(member, "node"));

			count++;
			standing += *text(member, "node") != '\0';
			lost += gone;
			first = first || (gone && json_bool(false, member, "first", NULL));
		}
		if (!lost)
			continue;
		one = cJSON_CreateObject();
		json_add_str(one, "namespace", text(set, "namespace"));
		json_add_str(one, "product", text(set, "product"));
		json_add_str(one, "component", text(set, "component"));
		json_add_int(one, "group", json_int(0, set, "group", NULL));
		json_add_int(one, "lost", lost);
		json_add_int(one, "members", count);
		json_add_int(one, "standing", standing);
		json_add_bool(one, "first", first);
		json_push(out, one);
	}
}

static void add_loss(const struct plan *p, const struct lost *l, cJSON *list)
{
	cJSON *loss = cJSON_CreateObject();

	json_add_str(loss, "of", l->node ? "node" : "zone");
	json_add_str(loss, "name", l->node ? l->node : l->zone);
	add_lost(l, json_get(p->report, "groups", NULL), json_add_array(loss, "groups"));
	add_lost(l, json_get(p->report, "others", NULL), json_add_array(loss, "others"));
	json_push(list, loss);
}

static bool is_first_of_zone(const struct plan *p, size_t at, const char *zone)
{
	for (size_t i = 0; i < at; i++) {
		const char *its = zone_of(p->nodes[i].node);

		if (its && strcmp(its, zone) == 0)
			return false;
	}
	return true;
}

static void add_node(const struct plan *p, const struct plan_node *n)
{
	cJSON *one = cJSON_CreateObject();
	const char *zone = zone_of(n->node);

	json_add_str(one, "name", n->name);
	json_add_str(one, "zone", zone ? zone : "");
	json_add_int(one, "pods", (int64_t)n->pods);
	json_add_int(one, "memory_mib", n->memory_mib);
	json_add_int(one, "allocatable_mib", n->allocatable_mib);
	json_push(cJSON_GetObjectItemCaseSensitive(p->report, "nodes"), one);
}

int plan_losses(struct plan *p, struct error *err)
{
	cJSON *losses = cJSON_GetObjectItemCaseSensitive(p->report, "losses");
	const cJSON *pod;

	json_each(pod, json_get(p->report, "pods", NULL)) {
		if (*text(pod, "component"))
			add_member(p->report, pod);
	}
	for (size_t i = 0; i < p->node_count; i++) {
		add_node(p, &p->nodes[i]);
		add_loss(p, &(struct lost){ .plan = p, .node = p->nodes[i].name }, losses);
	}
	for (size_t i = 0; i < p->node_count; i++) {
		const char *zone = zone_of(p->nodes[i].node);

		if (zone && is_first_of_zone(p, i, zone))
			add_loss(p, &(struct lost){ .plan = p, .zone = zone }, losses);
	}
	json_add_bool(p->report, "ok", plan_is_fine(p->report));
	return json_is_whole(p->report) ? 0 : error_set(err, ERR_NOMEM, "no memory");
}

/* --- whether that is well ----------------------------------------------------------------------------------------- */

int plan_shared(const cJSON *report)
{
	const cJSON *loss, *group;
	int count = 0;

	json_each(loss, json_get(report, "losses", NULL)) {
		json_each(group, strcmp(text(loss, "of"), "node") == 0 ? json_get(loss, "groups", NULL) : NULL)
			count += json_int(0, group, "group", NULL) > 0 && json_int(0, group, "lost", NULL) > 1;
	}
	return count;
}

bool plan_is_fine(const cJSON *report)
{
	return !json_first(json_get(report, "refused", NULL)) && !json_first(json_get(report, "waiting", NULL)) &&
	       plan_shared(report) == 0;
}
