/* decide_bound.c - what a master that is cut off can still acknowledge: with min-slaves-to-write 1 it takes no writes
 * any more once it has heard no replica for min-slaves-max-lag. See "A master that is cut off" of docs/controller.md.
 */
#include "controller/decide_parts.h"

static int count_in_sync(const struct cluster_view *v, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *s;
	int n = 0;

	for (int at = 0; (s = view_next(v, g, &at));)
		n += s != m && view_is_member(s, g->node.id) && view_synced(s, m) && !s->pod.deleting &&
		     !s->pod.node_lost;
	return n;
}

/* Whether it leads, and would have as many replicas as a bound needs. A bound that one replica alone holds stops all
 * writes when that one ends, until somebody takes it off; where nobody does, for good. */
static bool can_be_bound(const struct cluster_view *v, const struct decide_limits *limits, const struct server_view *s)
{
	const struct group_view *g = view_group(v, s->group);

	return g && view_master(v, g) == s && view_master_verified(s) && !s->pod.deleting &&
	       count_in_sync(v, g, s) >= (limits->bound == BOUND_ALWAYS ? 1 : 2);
}

static bool is_calm(const struct decision *d, const struct server_view *s)
{
	const struct group_view *g = view_group(d->v, s->group);

	return d->v->mandate == MANDATE_LEAD && d->v->coordinator_ready && d->v->kube_fresh && !g->busy &&
	       !g->node.promoting_state[0];
}

/* A setting that somebody has made himself is left where ours is none. */
static bool is_asked_for(const struct cluster_view *v, const struct decide_limits *limits, const struct server_view *s)
{
	return limits->bound == BOUND_ALWAYS || (limits->bound == BOUND_AUTO && view_group_size(v, s->group) > 2);
}

static bool is_ours(const struct cluster_view *v, const struct decide_limits *limits, const struct server_view *s)
{
	return is_asked_for(v, limits, s) && judge_heard(s) && judge_has_pod(s) && !s->of_another;
}

/* Whoever has a bound and does not lead would have it on the day on which it does. */
bool decide_is_unheld(const struct cluster_view *v, const struct decide_limits *limits, const struct server_view *s)
{
	return s->info.bounded && is_ours(v, limits, s) && !can_be_bound(v, limits, s);
}

/* A master that no replica holds takes no writes until it is freed. Where one holds it still, or where we only watch a
 * controller that leads (and have not heard yet what it has), it may be so for a moment. */
static bool is_to_be_freed(const struct decision *d, const struct server_view *s)
{
	const struct group_view *g = view_group(d->v, s->group);

	if (!decide_is_unheld(d->v, d->limits, s))
		return false;
	if (d->v->mandate != MANDATE_STANDBY && g && view_master(d->v, g) == s && !count_in_sync(d->v, g, s))
		return true;
	return s->unheld_ms && d->v->now_ms - s->unheld_ms >= DECIDE_UNHELD_MS;
}

/* What is to be done to it; ACT_KINDS: nothing. */
static enum action_kind next(const struct decision *d, const struct server_view *s)
{
	/* Whoever has slept has heard nobody since: another cluster's server may have the address by now. */
	if (s->setting_busy || s->heard_ms < d->v->steady_since_ms)
		return ACT_KINDS;
	if (s->info.bounded)
		return is_to_be_freed(d, s) ? ACT_FREE_WRITES : ACT_KINDS;
	return is_ours(d->v, d->limits, s) && can_be_bound(d->v, d->limits, s) && is_calm(d, s) ? ACT_BOUND_WRITES
												: ACT_KINDS;
}

void decide_bounds(struct decision *d, enum action_kind kind)
{
	struct action *a;
	int n = d->max / 2; /* others have to fit in as well: what does not comes back with the next look */

	for (int i = 0; n && i < d->v->server_count; i++) {
		if (next(d, &d->v->servers[i]) != kind)
			continue;
		n--;
		a = propose_server(d, kind, 0, &d->v->servers[i],
				   kind == ACT_FREE_WRITES ? "it has too few replicas in sync for a bound"
							   : "a replica in sync may fall away, and writes go on");
		reason_evidence(d->v, a, a->evidence, sizeof(a->evidence)); /* what is freed is never held up */
	}
}
