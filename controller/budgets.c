#include "controller/budgets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/codis/inventory.h"
#include "common/kube/client.h"
#include "controller/budget.h"
#include "controller/cluster.h"

#define LOOK_MS      10000 /* what a change has not told is seen by then */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000

/* --- what is written --------------------------------------------------------------------------------------------- */

static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	struct cluster *c = ctx;

	(void)object;
	c->budgets.writing = false;
	c->running--;
	/* What is gone already, or there, or another one by now, is seen by the watch. */
	if (err && err->code != ERR_NOTFOUND) {
		c->budgets.failures++;
		log_warn(c->ctl->log, "budget.failed", "namespace=%s product=%s error=%s", c->namespace, c->product,
			 LOGQ(err->text));
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
	int count, room;
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
	return 0;
}

static bool is_due(const struct cluster *c)
{
	const struct cluster_view *v = &c->view;
	int64_t since = v->now_ms - c->budgets.looked_ms;

	if (v->mandate != MANDATE_LEAD || c->ctl->dry_run || !v->kube_fresh || !v->set[0] || v->set_deleting ||
	    v->server_replica <= 0 || c->budgets.writing || c->closing)
		return false;
	if (c->budgets.failures)
		return since >= calm_doubled(RETRY_MIN_MS, c->budgets.failures - 1, RETRY_MAX_MS);
	return c->budgets.due || since >= LOOK_MS;
}

static void look(struct cluster *c, const struct inventory_set *set, const struct gathering *g)
{
	const struct budget_facts facts = { .namespace = c->namespace,
					    .product = c->product,
					    .set = set->name,
					    .set_uid = set->uid,
					    .labels = set->labels,
					    .says_product = set->says_product,
					    .replicas = set->replicas,
					    .ordinals_start = set->ordinals_start,
					    .server_replica = set->server_replica,
					    .budgets = g->budgets,
					    .count = g->count };
	struct budget_change change;
	struct error err = ERROR_INIT;

	if (budget_next(&facts, c->budgets.from_gid, &change) < 0)
		error_set(&err, ERR_NOMEM, "no memory for the budgets");
	else if (change.step == BUDGET_RIGHT)
		return;
	else if (write_change(c, &facts, &change, &err) == 0)
		log_info(c->ctl->log, "budget", "namespace=%s product=%s group=%d step=%s name=%s why=%s", c->namespace,
			 c->product, change.gid,
			 change.step == BUDGET_CREATE   ? "create"
			 : change.step == BUDGET_CHANGE ? "change"
							: "delete",
			 change.name, LOGQ(change.why));
	if (err.code == ERR_NONE)
		return;
	c->budgets.failures++;
	log_warn(c->ctl->log, "budget.failed", "namespace=%s product=%s error=%s", c->namespace, c->product,
		 LOGQ(err.text));
}

void budgets_keep(struct cluster *c)
{
	const struct controller *ctl = c->ctl;
	const struct inventory_set *set = inventory_set_of(ctl->inventory, c->namespace, c->product);
	struct gathering g = { .namespace = c->namespace };

	if (!ctl->each_budget || !set || set->server_replica <= 0 || !is_due(c))
		return;
	/* What is gathered is good as long as the loop does not turn. */
	if (ctl->each_budget(ctl->budgets, gather, &g) == 0 && !g.failed) {
		c->budgets.looked_ms = c->view.now_ms;
		c->budgets.due = false;
		look(c, set, &g);
	}
	free(g.budgets);
}
