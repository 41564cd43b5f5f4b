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

/* Whether the term meets somebody in the domain of the node (NULL: anywhere); who: the pods that stand. */
static bool meets(const struct plan *p, const cJSON *term, const cJSON *of, const struct plan_node *n)
{
	const char *key = json_str(term, "topologyKey", NULL), *domain = n && key ? domain_of(n, key) : NULL;

	for (size_t i = 0; i < p->pod_count; i++) {
		const struct plan_pod *other = &p->pods[i];

		if (other->node < 0 || other->pod == of ||
		    (n && (!domain || !is(domain_of(&p->nodes[other->node], key), domain))))
			continue;
		if (is_about(term, of, other->pod))
			return true;
	}
	return false;
}

static bool is_apart(const struct plan *p, const cJSON *pod, const struct plan_node *n)
{
	const cJSON *term;

	json_each(term, terms_of(pod, "podAntiAffinity")) {
		if (meets(p, term, pod, n))
			return false;
	}
	return true;
}

/* The rules of those that stand hold for the newcomer as well. */
static bool is_let(const struct plan *p, const cJSON *pod, const struct plan_node *n)
{
	const cJSON *term;

	for (size_t i = 0; i < p->pod_count; i++) {
		const struct plan_pod *other = &p->pods[i];

		if (other->node < 0)
			continue;
		json_each(term, terms_of(other->pod, "podAntiAffinity")) {
			const char *key = json_str(term, "topologyKey", NULL),
				   *domain = key ? domain_of(&p->nodes[other->node], key) : NULL;

			if (domain && is(domain_of(n, key), domain) && is_about(term, other->pod, pod))
				return false;
		}
	}
	return true;
}

/* The first of those that want to be near each other is near nobody yet. */
static bool is_near(const struct plan *p, const cJSON *pod, const struct plan_node *n)
{
	const cJSON *term;

	json_each(term, terms_of(pod, "podAffinity")) {
		if (!meets(p, term, pod, n) && !(is_about(term, pod, pod) && !meets(p, term, pod, NULL)))
			return false;
	}
	return true;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static enum filter judge(const struct plan *p, const cJSON *pod, const struct plan_node *n, bool apart)
{
	const cJSON *spec = json_get(pod, "spec", NULL);
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
	if (apart && (!is_apart(p, pod, n) || !is_let(p, pod, n)))
		return NOT_APART;
	return is_near(p, pod, n) ? PASSES : NOT_NEAR;
}

size_t plan_filter(const struct plan *p, size_t pod, bool apart, uint32_t *found, struct buf *why)
{
	size_t counts[FILTERS] = { 0 }, count = 0;
	bool first = true;

	for (uint32_t i = 0; i < p->node_count; i++) {
		enum filter filter = judge(p, p->pods[pod].pod, &p->nodes[i], apart);

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
