/* Where the pods would go: the one file of codisctl that includes a header of codis-extender's, and this one alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/asks.h"
#include "common/codis/inventory.h"
#include "common/codis/pod.h"
#include "extender/rehearsal.h"

/* One turn for each that waits for another (its required affinity), and no more. */
#define TURNS 3

struct work {
	struct plan *plan;
	struct rehearsal *rehearsal;
	const char **names; /* of the nodes that were found */
	uint32_t *found, *offer;
	int *scores;
	int64_t wall_ms;
};

static int begin(struct work *w, struct plan *p, struct error *err)
{
	size_t room = rehearsal_room(p->node_count);

	*w = (struct work){ .plan = p, .rehearsal = rehearsal_new(), .wall_ms = clock_wall_ms() };
	w->names = calloc(room, sizeof(*w->names));
	w->found = calloc(room, sizeof(*w->found));
	w->offer = calloc(room, sizeof(*w->offer));
	w->scores = calloc(room, sizeof(*w->scores));
	if (!w->rehearsal || !w->names || !w->found || !w->offer || !w->scores)
		return error_set(err, ERR_NOMEM, "no memory");
	for (size_t i = 0; i < p->node_count; i++) {
		p->nodes[i].allocatable_mib = asks_allocatable_mib(p->nodes[i].node);
		if (inventory_set_node(rehearsal_inventory(w->rehearsal), p->nodes[i].node, err) < 0)
			return -1;
	}
	return 0;
}

static void end(struct work *w)
{
	rehearsal_free(w->rehearsal);
	free(w->names);
	free(w->found);
	free(w->offer);
	free(w->scores);
}

/* What says something that cannot be meant is there all the same. */
static int done(int r, const struct error *its, struct error *err)
{
	return r < 0 && its->code == ERR_NOMEM ? error_set(err, ERR_NOMEM, "%s", its->text) : 0;
}

static int tell_sets(struct work *w, struct error *err)
{
	const cJSON *set;
	int r = 0;

	json_each(set, w->plan->there) {
		struct error its = ERROR_INIT;
		const char *kind = json_str(set, "kind", NULL);

		if (r == 0 && kind && strcmp(kind, "StatefulSet") == 0)
			r = done(inventory_set_set(rehearsal_inventory(w->rehearsal), set, &its), &its, err);
	}
	for (size_t i = 0; i < w->plan->object_count && r == 0; i++) {
		const struct plan_object *o = &w->plan->objects[i];
		struct error its = ERROR_INIT;

		if (o->kind && !o->refused && o->kind->makes == PLAN_NUMBERED)
			r = done(inventory_set_set(rehearsal_inventory(w->rehearsal), o->object, &its), &its, err);
	}
	return r;
}

static int tell(struct work *w, const cJSON *pod, struct error *err)
{
	struct error its = ERROR_INIT;

	return done(inventory_set_pod(rehearsal_inventory(w->rehearsal), pod, &its), &its, err);
}

/* As it is in the cluster, or would be. */
static const cJSON *who(const struct plan_pod *pod)
{
	return pod->standing ? pod->standing->pod : pod->pod;
}

static int tell_pod(struct work *w, const struct plan_pod *pod, struct error *err)
{
	return tell(w, who(pod), err);
}

static void count_on(struct plan_node *n, const cJSON *pod)
{
	uint32_t asked_mib = asks_memory_mib(json_get(pod, "spec", NULL));

	n->pods++;
	n->memory_mib = asked_mib > UINT32_MAX - n->memory_mib ? UINT32_MAX : n->memory_mib + asked_mib;
}

/* Takes its place on the node. */
static int settle(struct work *w, struct plan_pod *pod, size_t node, struct error *err)
{
	struct plan_node *n = &w->plan->nodes[node];
	cJSON *spec = cJSON_GetObjectItemCaseSensitive(pod->pod, "spec");

	pod->node = (int)node;
	count_on(n, who(pod));
	if (json_set(spec, "nodeName", cJSON_CreateString(n->name)) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	return tell_pod(w, pod, err);
}

/* --- which node --------------------------------------------------------------------------------------------------- */

/* Whether a is less full: by its share of memory, where that is said of both, else by what is asked of it. */
static bool is_emptier(const struct plan_node *a, const struct plan_node *b)
{
	uint64_t of_a = a->memory_mib, of_b = b->memory_mib;

	if (a->allocatable_mib && b->allocatable_mib) {
		of_a *= b->allocatable_mib;
		of_b *= a->allocatable_mib;
	}
	return of_a != of_b ? of_a < of_b : a->pods < b->pods;
}

/* Of those that are offered the best by the extender's scores, then the least full, as the scheduler's own scores have
 * it, then the first. */
static size_t choose(const struct work *w, size_t offered)
{
	size_t best = w->offer[0];

	for (size_t i = 1; i < offered; i++) {
		size_t one = w->offer[i];
		const struct plan_node *n = &w->plan->nodes[w->found[one]], *its = &w->plan->nodes[w->found[best]];

		if (w->scores[one] > w->scores[best] ||
		    (w->scores[one] == w->scores[best] && (is_emptier(n, its) || (!is_emptier(its, n) && one < best))))
			best = one;
	}
	return w->found[best];
}

#define REASONS 3

/* Of each node that the scheduler finds the extender says why not. */
static void add_reasons(const struct work *w, size_t count, struct buf *why)
{
	for (size_t i = 0; i < count && i < REASONS; i++) {
		buf_addf(why, "%s%s: ", i ? "; " : "", w->names[i]);
		rehearsal_reason(w->rehearsal, i, why);
	}
	if (count > REASONS)
		buf_addf(why, "; and %zu nodes more", count - REASONS);
}

/* What the extender says of the nodes that were found: how many it offers, in w->offer, or why none. 0 or -1 (memory).
 */
static int ask(struct work *w, size_t at, size_t count, size_t *offered, struct buf *why, struct error *err)
{
	const struct plan *p = w->plan;
	struct error its = ERROR_INIT;
	int r;

	*offered = 0;
	for (size_t i = 0; i < count; i++)
		w->names[i] = p->nodes[w->found[i]].name;
	r = rehearsal_place(w->rehearsal, p->pods[at].pod, w->names, count, w->wall_ms, w->offer, offered, w->scores,
			    &its);
	if (r < 0 && its.code == ERR_NOMEM)
		return error_set(err, ERR_NOMEM, "%s", its.text);
	if (r < 0)
		buf_addstr(why, its.text);
	else if (!*offered)
		add_reasons(w, count, why);
	return 0;
}

/* The rule that keeps a group apart is the scheduler's too: where that is in the way everywhere, the extender's words
 * for it say more. */
static int ask_why(struct work *w, size_t at, struct buf *why, struct error *err)
{
	BUF_CLEANUP struct buf none = BUF_INIT(4096), its = BUF_INIT(4096);
	size_t count = plan_filter(w->plan, at, false, w->found, &none), offered;

	if (!count)
		return 0;
	if (ask(w, at, count, &offered, &its, err) < 0)
		return -1;
	if (!offered) {
		buf_reset(why);
		buf_addstr(why, its.data);
	}
	return 0;
}

static int place_pod(struct work *w, size_t at, struct buf *why, struct error *err)
{
	size_t count = plan_filter(w->plan, at, true, w->found, why), offered;

	if (!count)
		return ask_why(w, at, why, err);
	if (ask(w, at, count, &offered, why, err) < 0)
		return -1;
	return offered ? settle(w, &w->plan->pods[at], choose(w, offered), err) : 0;
}

/* Whether one more has found its place. */
static int place_all(struct work *w, bool last, bool *some, struct error *err)
{
	struct plan *p = w->plan;

	*some = false;
	for (size_t i = 0; i < p->pod_count; i++) {
		BUF_CLEANUP struct buf why = BUF_INIT(4096);
		struct plan_pod *pod = &p->pods[i];

		if (!pod->pod || pod->node >= 0)
			continue;
		if (place_pod(w, i, &why, err) < 0)
			return -1;
		*some = *some || pod->node >= 0;
		if (pod->node < 0 && last)
			plan_note(p->report, "waiting", pod->pod, why.data);
	}
	return 0;
}

/* --- what is told of them ----------------------------------------------------------------------------------------- */

static int note_pod(struct work *w, const struct plan_pod *pod, struct error *err)
{
	cJSON *all = cJSON_GetObjectItemCaseSensitive(w->plan->report, "pods"), *one = cJSON_CreateObject();
	const struct inventory_pod *known =
		inventory_pod(rehearsal_inventory(w->rehearsal), json_str(who(pod), "metadata", "uid", NULL));

	json_add_str(one, "namespace", plan_namespace(who(pod)));
	json_add_str(one, "name", plan_name(who(pod)));
	json_add_bool(one, "stands", pod->standing != NULL);
	json_add_str(one, "component", known ? codis_component_name(known->pod.component) : "");
	json_add_str(one, "product", known ? known->product : "");
	json_add_int(one, "group", known && known->pod.component == CODIS_SERVER ? known->pod.group : 0);
	json_add_bool(one, "first", known && known->master);
	json_add_str(one, "node", pod->node < 0 ? "" : w->plan->nodes[pod->node].name);
	json_add_int(one, "memory_mib", asks_memory_mib(json_get(who(pod), "spec", NULL)));
	return json_push(all, one) < 0 ? error_set(err, ERR_NOMEM, "no memory") : 0;
}

/* The cluster's other pods, and those of the planned that stand already. */
static int settle_standing(struct work *w, struct error *err)
{
	struct plan *p = w->plan;
	int r = 0;

	for (size_t i = 0; i < p->standing_count && r == 0; i++) {
		struct plan_standing *s = &p->standing[i];

		if (s->planned || s->goes)
			continue;
		count_on(&p->nodes[s->node], s->pod);
		r = tell(w, s->pod, err);
	}
	for (size_t i = 0; i < p->pod_count && r == 0; i++) {
		if (p->pods[i].standing)
			r = settle(w, &p->pods[i], (size_t)p->pods[i].standing->node, err);
	}
	return r;
}

static int place(struct work *w, struct error *err)
{
	struct plan *p = w->plan;
	bool some = true;
	int r = tell_sets(w, err) < 0 ? -1 : settle_standing(w, err);

	for (size_t i = 0; i < p->pod_count && r == 0; i++)
		r = p->pods[i].pod ? tell_pod(w, &p->pods[i], err) : 0;
	for (int turn = 1; turn <= TURNS && r == 0 && some; turn++)
		r = place_all(w, false, &some, err);
	if (r == 0)
		r = place_all(w, true, &some, err);
	for (size_t i = 0; i < p->pod_count && r == 0; i++)
		r = p->pods[i].pod ? note_pod(w, &p->pods[i], err) : 0;
	return r;
}

int plan_place(struct plan *p, struct error *err)
{
	struct work w;
	int r = begin(&w, p, err);

	if (r == 0)
		r = place(&w, err);
	end(&w);
	return r;
}
