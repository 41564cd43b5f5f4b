#include "controller/budgets.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/codis/inventory.h"
#include "common/codis/pod.h"
#include "common/kube/client.h"
#include "common/kube/event.h"
#include "controller/budget.h"
#include "controller/cluster.h"
#include "controller/say.h"
#include "controller/tell.h"

#define LOOK_MS      10000 /* what a change has not told is seen by then */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000

/* --- what is written --------------------------------------------------------------------------------------------- */

/* In a namespace that is being deleted it is no failure, but not asked for oftener either. */
static void note_failed(struct cluster *c, const struct error *err)
{
	c->budgets.failures++;
	if (err->code != ERR_ENDING)
		say_warn(c, "budget.failed", "error=%s", LOGQ(err->text));
}

static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	struct cluster *c = ctx;

	(void)object;
	c->budgets.writing = false;
	c->running--;
	/* What is gone already is seen by the watch. */
	if (err && err->code != ERR_NOTFOUND) {
		note_failed(c, err);
		return;
	}
	c->budgets.failures = 0;
	c->budgets.due = true;
}

/* Of an object that is there: only of that one. */
static int fill_body(const struct budget_facts *f, const struct budget_change *change, cJSON *body)
{
	JSON_CLEANUP cJSON *wanted = NULL;
	cJSON *spec;

	if (change->step == BUDGET_DELETE)
		return json_add_str(json_add_object(body, "preconditions"), "uid", change->uid) ? 0 : -1;
	wanted = budget_object(f, change->gid);
	spec = cJSON_DetachItemFromObjectCaseSensitive(wanted, "spec");
	if (!json_add_str(json_add_object(body, "metadata"), "uid", change->uid)) {
		cJSON_Delete(spec);
		return -1;
	}
	return json_set(body, "spec", spec);
}

static int write_change(struct cluster *c, const struct budget_facts *f, const struct budget_change *change,
			struct error *err)
{
	static const char *const methods[] = {
		[BUDGET_CREATE] = "POST", [BUDGET_CHANGE] = "PATCH", [BUDGET_DELETE] = "DELETE"
	};
	bool create = change->step == BUDGET_CREATE;
	JSON_CLEANUP cJSON *body = create ? budget_object(f, change->gid) : cJSON_CreateObject();
	char path[700];

	if (!body || (!create && fill_body(f, change, body) < 0))
		return error_set(err, ERR_NOMEM, "no memory for a budget");
	snprintf(path, sizeof(path), "/apis/policy/v1/namespaces/%s/poddisruptionbudgets%s%s", c->namespace,
		 create ? "" : "/", create ? "" : change->name);
	if (!kube_call(c->ctl->kube, methods[change->step], path, body,
		       change->step == BUDGET_CHANGE ? KUBE_MERGE_PATCH : NULL, 0, on_written, c, err))
		return -1;
	c->budgets.writing = true;
	c->budgets.from_gid = change->gid;
	c->running++;
	return 0;
}

/* --- the look ---------------------------------------------------------------------------------------------------- */

struct gathering {
	const char *namespace;
	const cJSON **budgets;
	int count, room, others;
	cJSON *pods; /* where there are others (budget.h) */
	bool failed;
};

static int gather(void *ctx, const cJSON *budget)
{
	struct gathering *g = ctx;
	const char *namespace = json_str(budget, "metadata", "namespace", NULL);
	const cJSON **grown;

	if (!namespace || strcmp(namespace, g->namespace) != 0)
		return 0;
	if (g->count == g->room) {
		grown = realloc(g->budgets, (size_t)(2 * g->room + 8) * sizeof(g->budgets[0]));
		g->failed = !grown;
		if (!grown)
			return 1;
		g->budgets = grown;
		g->room = 2 * g->room + 8;
	}
	g->budgets[g->count++] = budget;
	g->others += !codis_is_managed(budget);
	return 0;
}

static int gather_pod(void *ctx, const struct inventory_pod *p)
{
	struct gathering *g = ctx;
	cJSON *pod, *labels;

	if (p->pod.component != CODIS_SERVER)
		return 0;
	pod = json_add_object(g->pods, p->pod.name);
	labels = pod_labels(p->pod.labels, p->pod.role, p->pod.name);
	g->failed |= !json_add_str(pod, "uid", p->pod.uid) || (!labels && strcmp(p->pod.labels, "?") != 0) ||
		     (labels && json_set(pod, "labels", labels) < 0);
	return g->failed;
}

static void gather_pods(const struct cluster *c, struct gathering *g)
{
	if (!g->others || g->failed)
		return;
	g->pods = cJSON_CreateObject();
	g->failed = !g->pods;
	if (g->pods)
		inventory_each_of_product(c->ctl->inventory, c->namespace, c->product, gather_pod, g);
}

static bool is_due(const struct cluster *c)
{
	const struct cluster_view *v = &c->view;
	int64_t since = v->now_ms - c->budgets.looked_ms;

	if (v->mandate != MANDATE_LEAD || c->ctl->dry_run || !v->kube_fresh || !v->set_count || c->budgets.writing ||
	    c->closing)
		return false;
	if (c->budgets.failures)
		return since >= calm_doubled(RETRY_MIN_MS, c->budgets.failures - 1, RETRY_MAX_MS);
	return c->budgets.due || since >= LOOK_MS;
}

struct telling {
	struct cluster *c;
	const cJSON *pods;
	uint64_t hash;
	bool aloud;
};

/* Each time that it has changed when it is looked at every 10 s; the Event once in its life. */
static void tell_twice(void *ctx, const char *pod, const char *first, const char *second)
{
	struct telling *t = ctx;
	const char *uid = json_str(t->pods, pod, "uid", NULL);
	JSON_CLEANUP cJSON *object = t->aloud ? tell_about(t->c->namespace, pod, uid ? uid : "") : NULL;

	t->hash = hash_text(hash_text(hash_text(t->hash, pod), first), second);
	if (!object)
		return;
	say_warn(t->c, "budget.twice", "pod=%s first=%s second=%s", LOGW(pod), LOGW(first), LOGW(second));
	kube_event_once(t->c->ctl->events, "Pod", object, true, "TwoBudgets",
			"PodDisruptionBudgets %s and %s select it, and Kubernetes evicts no pod that two select: no "
			"drain of its node ends until one of them is gone",
			first, second);
}

static struct budget_facts facts_of(const struct cluster *c, const struct inventory_set *set, const struct gathering *g)
{
	return (struct budget_facts){ .namespace = c->namespace,
				      .product = c->product,
				      .set = set->name,
				      .set_uid = set->uid,
				      .labels = set->labels,
				      .pods = g->pods,
				      .says_product = set->says_product,
				      .shape = set->shape,
				      .budgets = g->budgets,
				      .count = g->count };
}

/* Those of a product, and what there is beside them. */
struct looking {
	const struct inventory_set **sets;
	int count;
	const struct gathering *gathered;
};

/* Whether it has groups of which budgets are kept. */
static bool has_groups(const struct inventory_set *set)
{
	return !set->deleting && (set->shape.group || set->shape.server_replica > 0);
}

static int each_twice(const struct looking *l, struct telling *t)
{
	for (int i = 0; i < l->count; i++) {
		struct budget_facts facts = facts_of(t->c, l->sets[i], l->gathered);

		if (has_groups(l->sets[i]) && budget_twice(&facts, tell_twice, t) < 0)
			return -1;
	}
	return 0;
}

static int tell_all_twice(struct cluster *c, const struct looking *l)
{
	struct telling t = { .c = c, .pods = l->gathered->pods, .hash = HASH_INIT };

	if (each_twice(l, &t) < 0)
		return -1;
	if (t.hash == c->budgets.twice_told || c->view.now_ms - c->budgets.twice_ms < LOOK_MS)
		return 0;
	c->budgets.twice_told = t.hash;
	c->budgets.twice_ms = c->view.now_ms;
	t.aloud = true;
	return each_twice(l, &t);
}

static void log_change(const struct cluster *c, const struct budget_change *change)
{
	say_info(c, "budget", "group=%d step=%s name=%s why=%s", change->gid,
		 change->step == BUDGET_CREATE   ? "create"
		 : change->step == BUDGET_CHANGE ? "change"
						 : "delete",
		 change->name, LOGQ(change->why));
}

/* Whether something is to be done about the budgets of this one: it was begun, or *err says why not. */
static bool look_at(struct cluster *c, const struct budget_facts *facts, struct error *err)
{
	struct budget_change change;

	if (budget_next(facts, c->budgets.from_gid, &change) < 0) {
		error_set(err, ERR_NOMEM, "no memory for the budgets");
		return true;
	}
	if (change.step == BUDGET_RIGHT)
		return false;
	if (write_change(c, facts, &change, err) == 0)
		log_change(c, &change);
	return true;
}

/* The first that lacks something; the one behind it is the first next time, so that none waits for another's. */
static bool look_at_all(struct cluster *c, const struct looking *l, struct error *err)
{
	for (int i = 0; i < l->count; i++) {
		int at = (c->budgets.from_set + i) % l->count;
		struct budget_facts facts = facts_of(c, l->sets[at], l->gathered);

		if (!has_groups(l->sets[at]) || !look_at(c, &facts, err))
			continue;
		c->budgets.from_set = l->count > 1 ? at + 1 : 0;
		return true;
	}
	return false;
}

static bool too_many(const struct looking *l)
{
	struct budget_facts facts = { .budgets = l->gathered->budgets, .count = l->gathered->count };
	int64_t servers = 0;

	for (int i = 0; i < l->count; i++)
		servers += l->sets[i]->shape.replicas;
	facts.shape.replicas = servers > INT_MAX ? INT_MAX : (int)servers;
	return budget_too_many(&facts);
}

static void look(struct cluster *c, const struct looking *l)
{
	struct error err = ERROR_INIT;

	if (too_many(l))
		error_set(&err, ERR_TOOBIG,
			  "the namespace's budgets are too many for its pods: groups have those that "
			  "they have");
	else if (tell_all_twice(c, l) < 0)
		error_set(&err, ERR_NOMEM, "no memory for the budgets");
	else if (!look_at_all(c, l, &err))
		c->budgets.failures = 0;
	if (err.code != ERR_NONE)
		note_failed(c, &err);
}

static void look_with(struct cluster *c, struct gathering *g)
{
	struct looking l = { .gathered = g };

	l.count = inventory_sets_of(c->ctl->inventory, c->namespace, c->product, &l.sets);
	if (l.count >= 0)
		gather_pods(c, g);
	c->budgets.looked_ms = c->view.now_ms;
	c->budgets.due = g->failed || l.count < 0;
	if (!c->budgets.due)
		look(c, &l);
	free(l.sets);
}

void budgets_keep(struct cluster *c)
{
	const struct controller *ctl = c->ctl;
	struct gathering g = { .namespace = c->namespace };

	if (!ctl->each_budget || !is_due(c))
		return;
	/* What is gathered is good as long as the loop does not turn. */
	if (ctl->each_budget(ctl->budgets, gather, &g) == 0)
		look_with(c, &g);
	cJSON_Delete(g.pods);
	free(g.budgets);
}
