/* The filters of kube-scheduler that are played here: cordoned nodes, taints, nodeSelector, required node and pod
 * affinity, and memory. CPU, volumes, ports and spread constraints are not. */
#include <stdlib.h>
#include <string.h>

#include "cli/plan.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/asks.h"
#include "common/codis/topology.h"
#include "common/kube/selector.h"

enum filter { PASSES, CORDONED, TAINTED, NOT_CHOSEN, FULL, NOT_APART, NOT_NEAR, FILTERS };

static const char *const words[FILTERS] = {
	[CORDONED] = "cordoned",
	[TAINTED] = "with a taint that it does not tolerate",
	[NOT_CHOSEN] = "that its nodeSelector or node affinity does not choose",
	[FULL] = "without the memory that it requests",
	[NOT_APART] = "with a pod that a required anti-affinity keeps it from",
	[NOT_NEAR] = "without the pod that its required affinity asks for",
};

static bool is(const char *text, const char *other)
{
	return text && strcmp(text, other) == 0;
}

/* --- the node ----------------------------------------------------------------------------------------------------- */

static bool tolerates(const cJSON *spec, const cJSON *taint)
{
	const char *key = json_str(taint, "key", NULL), *value = json_str(taint, "value", NULL),
		   *effect = json_str(taint, "effect", NULL);
	const cJSON *t;

	json_each(t, json_get(spec, "tolerations", NULL)) {
		const char *its_key = json_str(t, "key", NULL), *its_value = json_str(t, "value", NULL),
			   *its_effect = json_str(t, "effect", NULL);
		bool exists = is(json_str(t, "operator", NULL), "Exists");

		if (its_effect && *its_effect && !is(effect, its_effect))
			continue;
		if (its_key && *its_key ? !is(key, its_key) : !exists)
			continue;
		if (exists || is(value ? value : "", its_value ? its_value : ""))
			return true;
	}
	return false;
}

static bool is_tainted(const cJSON *spec, const cJSON *node)
{
	const cJSON *taint;

	json_each(taint, json_get(node, "spec", "taints", NULL)) {
		const char *effect = json_str(taint, "effect", NULL);

		if (!is(effect, "PreferNoSchedule") && !tolerates(spec, taint))
			return true;
	}
	return false;
}

/* A NodeSelectorTerm's expressions are those of a label selector, but for Gt and Lt; no expressions choose nothing. */
static bool term_matches(const cJSON *term, const struct plan_node *n)
{
	const cJSON *expressions = json_get(term, "matchExpressions", NULL),
		    *fields = json_get(term, "matchFields", NULL);
	cJSON of_labels = { .type = cJSON_Object }, of_fields = { .type = cJSON_Object };
	JSON_CLEANUP cJSON *its = cJSON_CreateObject();
	bool matches = json_first(expressions) || json_first(fields);

	json_add_str(its, "metadata.name", n->name);
	if (json_first(expressions)) {
		cJSON_AddItemReferenceToObject(&of_labels, "matchExpressions", (cJSON *)(uintptr_t)expressions);
		matches = selector_matches(&of_labels, json_get(n->node, "metadata", "labels", NULL));
		cJSON_Delete(of_labels.child);
	}
	if (matches && json_first(fields)) {
		cJSON_AddItemReferenceToObject(&of_fields, "matchExpressions", (cJSON *)(uintptr_t)fields);
		matches = selector_matches(&of_fields, its);
		cJSON_Delete(of_fields.child);
	}
	return matches;
}

static bool is_chosen(const cJSON *spec, const struct plan_node *n)
{
	const cJSON *terms = json_get(spec, "affinity", "nodeAffinity",
				      "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms", NULL),
		    *term, *label;

	json_each(label, json_get(spec, "nodeSelector", NULL)) {
		if (!is(json_str(n->node, "metadata", "labels", label->string, NULL), cJSON_GetStringValue(label)))
			return false;
	}
	json_each(term, terms) {
		if (term_matches(term, n))
			return true;
	}
	return !terms;
}

/* --- the pods that stand already ---------------------------------------------------------------------------------- */

/* The node's domain by a key; a node without the label is in none. */
static const char *domain_of(const struct plan_node *n, const char *key)
{
	const char *value = json_str(n->node, "metadata", "labels", key, NULL);

	return value ? value : strcmp(key, CODIS_HOSTNAME_KEY) == 0 ? n->name : NULL;
}

/* Whether a term of one pod is about another one. Of a term with a namespaceSelector it is not known, and so it is. */
static bool is_about(const cJSON *term, const cJSON *of, const cJSON *other)
{
	const cJSON *namespaces = json_get(term, "namespaces", NULL), *name;
	bool there = !json_first(namespaces) && is(plan_namespace(other), plan_namespace(of));

	json_each(name, namespaces)
		there = there || is(cJSON_GetStringValue(name), plan_namespace(other));
	there = there || json_get(term, "namespaceSelector", NULL);
	return there &&
	       selector_matches(json_get(term, "labelSelector", NULL), json_get(other, "metadata", "labels", NULL));
}

static const cJSON *terms_of(const cJSON *pod, const char *affinity)
{
	return json_get(pod, "spec", "affinity", affinity, "requiredDuringSchedulingIgnoredDuringExecution", NULL);
}

/* What those that stand mean for a pod, node by node. Each of them is looked at once, not once for each node: that took
 * minutes. */
struct company {
	const struct plan *plan;
	const cJSON *pod, *term;
	bool apart[PLAN_NODES]; /* a required anti-affinity, of the pod or of somebody there, keeps it away */
	bool met[PLAN_NODES];   /* the term meets somebody in the node's domain */
	bool met_any;
	bool far[PLAN_NODES]; /* somebody that it has to be near is not there */
};

typedef void (*beside_fn)(struct company *c, const cJSON *other, size_t node);

/* The planned ones that have a place, and the cluster's that are not planned and stay. */
static void each_that_stands(struct company *c, beside_fn fn)
{
	const struct plan *p = c->plan;

	for (size_t i = 0; i < p->pod_count; i++) {
		if (p->pods[i].node >= 0)
			fn(c, p->pods[i].pod, (size_t)p->pods[i].node);
	}
	for (size_t i = 0; i < p->standing_count; i++) {
		const struct plan_standing *s = &p->standing[i];

		if (!s->planned && !s->goes)
			fn(c, s->pod, (size_t)s->node);
	}
}

/* All nodes of the domain in which one is. A host that is marked is marked: of thousands of pods most stand there. */
static void mark(const struct plan *p, const cJSON *term, size_t node, bool *marks)
{
	const char *key = json_str(term, "topologyKey", NULL), *domain;

	if (!key || (marks[node] && strcmp(key, CODIS_HOSTNAME_KEY) == 0))
		return;
	domain = domain_of(&p->nodes[node], key);
	for (size_t i = 0; domain && i < p->node_count; i++)
		marks[i] = marks[i] || is(domain_of(&p->nodes[i], key), domain);
}

/* The rules of those that stand hold for the newcomer as well. */
static void keep_apart(struct company *c, const cJSON *other, size_t node)
{
	const cJSON *term;

	json_each(term, terms_of(c->pod, "podAntiAffinity")) {
		if (is_about(term, c->pod, other))
			mark(c->plan, term, node, c->apart);
	}
	json_each(term, terms_of(other, "podAntiAffinity")) {
		if (is_about(term, other, c->pod))
			mark(c->plan, term, node, c->apart);
	}
}

static void meet(struct company *c, const cJSON *other, size_t node)
{
	if (!is_about(c->term, c->pod, other))
		return;
	c->met_any = true;
	mark(c->plan, c->term, node, c->met);
}

/* The first of those that want to be near each other is near nobody yet. */
static void find_near(struct company *c)
{
	bool first;

	json_each(c->term, terms_of(c->pod, "podAffinity")) {
		c->met_any = false;
		memset(c->met, 0, sizeof(c->met));
		each_that_stands(c, meet);
		first = !c->met_any && is_about(c->term, c->pod, c->pod);
		for (size_t i = 0; i < c->plan->node_count; i++)
			c->far[i] = c->far[i] || (!c->met[i] && !first);
	}
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static enum filter judge(const struct company *c, size_t node)
{
	const cJSON *spec = json_get(c->pod, "spec", NULL);
	const struct plan_node *n = &c->plan->nodes[node];
	uint32_t asked_mib = asks_memory_mib(spec);

	if (json_bool(false, n->node, "spec", "unschedulable", NULL))
		return CORDONED;
	if (is_tainted(spec, n->node))
		return TAINTED;
	if (!is_chosen(spec, n))
		return NOT_CHOSEN;
	if (n->allocatable_mib &&
	    asked_mib > n->allocatable_mib - (n->memory_mib < n->allocatable_mib ? n->memory_mib : n->allocatable_mib))
		return FULL;
	if (c->apart[node])
		return NOT_APART;
	return c->far[node] ? NOT_NEAR : PASSES;
}

size_t plan_filter(const struct plan *p, size_t pod, bool apart, uint32_t *found, struct buf *why)
{
	struct company company = { .plan = p, .pod = p->pods[pod].pod };
	size_t counts[FILTERS] = { 0 }, count = 0;
	bool first = true;

	if (apart)
		each_that_stands(&company, keep_apart);
	find_near(&company);
	for (uint32_t i = 0; i < p->node_count; i++) {
		enum filter filter = judge(&company, i);

		counts[filter]++;
		if (filter == PASSES)
			found[count++] = i;
	}
	for (int i = CORDONED; i < FILTERS && !count; i++) {
		if (!counts[i])
			continue;
		buf_addf(why, "%s%zu node%s %s", first ? "" : ", ", counts[i], counts[i] == 1 ? "" : "s", words[i]);
		first = false;
	}
	return count;
}
