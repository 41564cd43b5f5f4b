#include "controller/switchover.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "controller/decide_parts.h"
#include "controller/scale.h"

/* A group is busy with itself for longer only where something is amiss, and nobody likes to be surprised later. */
#define WAIT_MS 10000
/* One that was wished before that, while no controller was there, is not meant any more. */
#define OLD_MS (5 * 60 * 1000)
/* Whoever has begun it and lost its lease may be at it still, for as long as a switch takes at most. */
#define LEFT_MS 5000

__attribute__((format(printf, 3, 4))) static void answer(struct switchover *s, enum wish_verdict verdict,
							 const char *fmt, ...)
{
	va_list ap;

	s->step = SWITCHOVER_ANSWER;
	s->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(s->words, sizeof(s->words), fmt, ap);
	va_end(ap);
}

static bool is_late(const struct cluster_view *v)
{
	return judge_lasting_ms(v, v->switchover.seen_ms) >= WAIT_MS;
}

static void await(struct switchover *s, const struct cluster_view *v, const char *what)
{
	if (is_late(v)) {
		answer(s, WISH_REFUSED, "group %d could not be switched for 10 s: %s", v->switchover.wish.gid, what);
		return;
	}
	s->step = SWITCHOVER_WAIT;
	snprintf(s->words, sizeof(s->words), "%s", what);
}

static const char *name_of(const struct server_view *s)
{
	return s->pod.name[0] ? s->pod.name : s->addr;
}

/* --- whether it may be ------------------------------------------------------------------------------------------ */

/* Nobody leads here who could do it. */
static bool is_left_alone(const struct cluster_view *v, struct switchover *s)
{
	const char *set = v->switchover.set ? v->switchover.set->name : "";

	if (v->paused)
		answer(s, WISH_REFUSED, "%s is paused (\"%.100s\"): codisctl resume ends that", v->product,
		       v->paused_by);
	else if (v->mandate == MANDATE_NONE)
		answer(s, WISH_REFUSED,
		       "codis-controller only watches %s (StatefulSet %.80s): codisctl status says why", v->product,
		       set);
	else
		return false;
	return true;
}

static bool is_no_wish(const struct cluster_view *v, struct switchover *s)
{
	const struct switchover_view *w = &v->switchover;
	int gid = w->wish.gid;

	if (w->unreadable[0])
		answer(s, WISH_REFUSED, "%s", w->unreadable);
	else if (!s->group && !view_is_wanted(v, gid))
		answer(s, WISH_REFUSED, "%s has no group %d", v->product, gid);
	else if (!w->wish.begun && w->wish.wall_ms && w->now_wall_ms - w->wish.wall_ms > OLD_MS)
		answer(s, WISH_REFUSED, "it was wished more than 5 minutes ago: wish it anew");
	else
		return false;
	return true;
}

/* Something is under way, or is not known: the next look may see it otherwise. */
static const char *in_the_way(const struct cluster_view *v, const struct decide_limits *limits,
			      const struct switchover *s)
{
	const char *why;

	if (!v->coordinator_ready)
		return "ZooKeeper is not connected";
	if (v->tilted)
		return "most servers are silent";
	if (!s->group || s->group->busy)
		return "something else is being done to it";
	if (s->group->node.promoting_state[0])
		return "a promotion in the dashboard is under way";
	if (!s->master || judge_master(v, s->group, limits, &why) != MASTER_HEALTHY)
		return "it has no verified master";
	if (!can_lock_proxies(v))
		return "a proxy does not answer";
	return NULL;
}

static void await_slots(struct switchover *s, const struct cluster_view *v)
{
	const struct dashboard_view *b = &v->dashboard;
	char why[SCALE_WAITS_MAX] = "slots are moved from it, or to it";
	size_t len = strlen(why);

	if (b->slots_disabled && b->reach == REACH_OK)
		snprintf(why + len, sizeof(why) - len, ", and " SCALE_DISABLED_FMT, b->addr);
	await(s, v, why);
}

/* --- who is to lead --------------------------------------------------------------------------------------------- */

static const struct server_view *member(const struct cluster_view *v, const struct group_view *g, const char *pod)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (strcmp(s->pod.name, pod) == 0 && view_is_member(s, g->node.id))
			return s;
	}
	return NULL;
}

/* Of those that may take over, whether that one is. */
static bool may_lead(struct switchover *s, const struct server_view *next)
{
	int gid = s->group->node.id;

	if (next == s->master)
		answer(s, WISH_NEEDLESS, "%s leads group %d already", name_of(next), gid);
	else if (next->pod.deleting)
		answer(s, WISH_REFUSED, "%s is being deleted", name_of(next));
	else if (next->info.ending)
		answer(s, WISH_REFUSED, "%s is about to end", name_of(next));
	else if (next->pod.cordoned)
		answer(s, WISH_REFUSED, "the node of %s, %.80s, is cordoned", name_of(next), next->pod.node);
	else if (!judge_has_pod(next) || !judge_heard(next) || !view_synced(next, s->master) ||
		 judge_of_another_group(next, gid))
		answer(s, WISH_REFUSED, "%s is not in sync with %s, which leads group %d", name_of(next),
		       name_of(s->master), gid);
	else
		return true;
	return false;
}

static void choose(const struct cluster_view *v, struct switchover *s)
{
	const char *pod = v->switchover.wish.pod;

	s->next = pod[0] ? member(v, s->group, pod) : judge_best_replica(v, s->group, s->master, true);
	if (!s->next && pod[0])
		answer(s, WISH_REFUSED, "%s is no server of group %d", pod, s->group->node.id);
	else if (!s->next)
		answer(s, WISH_REFUSED, "group %d has no replica in sync with %s, which leads it", s->group->node.id,
		       name_of(s->master));
	else if (!may_lead(s, s->next))
		return;
	else if (!v->switchover.wish.begun)
		s->step = SWITCHOVER_CHOOSE;
	else if (is_late(v))
		await(s, v, "a limit holds it up, or another group's master is being changed while slots move");
	else
		s->step = SWITCHOVER_SWITCH;
}

/* --- what another controller has begun --------------------------------------------------------------------------- */

static void look_after(const struct cluster_view *v, const struct decide_limits *limits, struct switchover *s)
{
	const struct switchover_view *w = &v->switchover;
	const char *why = in_the_way(v, limits, s);

	if (!why && strcmp(s->master->pod.name, w->wish.pod) == 0)
		answer(s, WISH_DONE, "%s leads group %d; the controller that did it has ended", w->wish.pod,
		       w->wish.gid);
	else if (!why && judge_lasting_ms(v, w->seen_ms) >= LEFT_MS)
		answer(s, WISH_FAILED, "the controller that began it has ended, and %s leads group %d",
		       name_of(s->master), w->wish.gid);
	else if (is_late(v))
		answer(s, WISH_FAILED,
		       "the controller that began it has ended, and group %d has not settled for 10 s: %s", w->wish.gid,
		       why);
	else
		await(s, v, why ? why : "another controller has begun it");
}

void switchover_look(const struct cluster_view *v, const struct decide_limits *limits, struct switchover *out)
{
	const struct switchover_view *w = &v->switchover;
	const char *why;

	*out = (struct switchover){ .step = SWITCHOVER_NONE };
	if (!w->wished || (v->mandate != MANDATE_LEAD && v->mandate != MANDATE_NONE))
		return;
	out->group = w->unreadable[0] ? NULL : view_group(v, w->wish.gid);
	out->master = out->group ? view_master(v, out->group) : NULL;
	if (out->group && w->wish.begun && !w->ours) {
		look_after(v, limits, out);
		return;
	}
	if (is_left_alone(v, out) || is_no_wish(v, out))
		return;
	why = in_the_way(v, limits, out);
	if (why)
		await(out, v, why);
	else if (judge_slots_move(v, w->wish.gid))
		await_slots(out, v);
	else
		choose(v, out);
}
