/* decide_member.c - the members of a group that do not lead. */
#include <string.h>

#include "controller/decide_parts.h"
#include "controller/scale.h"

/* A full sync that takes longer does not keep the other members of its group waiting. */
#define LONG_SYNC_MS 600000

static bool someone_syncs(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (view_is_member(s, g->node.id) && judge_heard(s) && s->info.syncing &&
		    (!s->link_down_since_ms || v->now_ms - s->link_down_since_ms < LONG_SYNC_MS))
			return true;
	}
	return false;
}

/* A listed server that no longer is: no pod of this group has its address, and nothing answers there. */
static bool is_gone(const struct decision *d, const struct group_view *g, const struct server_view *s)
{
	if (!d->v->kube_fresh)
		return false;
	if (judge_has_pod(s) || s->of_another)
		return judge_of_another_group(s, g->node.id);
	if (s->reach != REACH_REFUSED && s->reach != REACH_SILENT)
		return false;
	/* It may have a pod that is not seen, or be outside of Kubernetes, and only be about to start again. */
	if (!judge_pod_is_gone(d->v, g, s, d->limits))
		return false;
	if (!s->pod_gone)
		return judge_lasting_ms(d->v, s->since_ms) >= d->limits->cold_wait_ms;
	return s->reach == REACH_REFUSED || judge_lasting_ms(d->v, s->since_ms) >= d->limits->silence_ms;
}

/* A server that ended and that the kubelet does not start again soon: it starts the first crash at once and then waits
 * 10, 20, 40 s ..., and says so (CrashLoopBackOff) only many seconds later. What it had is gone with its process, and
 * its sibling has it: a new pod is there sooner. Only one that was heard before has ended; others may still pull an
 * image. One whose container runs, as its kubelet says, refuses us alone, and may be the last that has its data. */
static bool stays_down(const struct decision *d, const struct server_view *s)
{
	if (s->pod.deleting || !judge_has_pod(s) || !d->v->kube_fresh || s->reach == REACH_OK)
		return false;
	return s->pod.crash_looping || (s->reach == REACH_REFUSED && !s->pod.running && s->info.run_id[0] &&
					judge_lasting_ms(d->v, s->since_ms) >= d->limits->down_ms);
}

/* An address that only the list has may have gone to anybody: what answers there is told what to do only where it is
 * known to have been the group's. */
static bool is_ours(const struct group_view *g, const struct server_view *s)
{
	return judge_has_pod(s) ||
	       (s->remembered && (!s->link_up_at_ms || codis_group_find(&g->node, s->link_up_to) >= 0));
}

/* It got a role by an address that had been another group's, before its pod was heard of. What that group's clients
 * have written since, only it has: first that group gets another master. */
static bool leads_elsewhere(const struct server_view *s, int gid)
{
	return s->info.role == REDIS_ROLE_MASTER && s->listed_group && s->listed_group != gid && s->listed_index == 0 &&
	       s->remembered_group == s->listed_group;
}

/* It is being deleted, and its preStop hook takes it for the one that has the only data (webhook/hooks.c): the group
 * has another master now. Another process than the one that we knew is none that waits there: its pod has ended, as we
 * are told a moment later, and the address may be somebody else's. */
static bool waits_in_vain(const struct cluster_view *v, const struct server_view *s)
{
	return s->pod.deleting && judge_heard(s) && !s->restarted && !judge_may_be_a_stranger(v, s) &&
	       !redis_info_guarded(&s->info) &&
	       (s->info.role == REDIS_ROLE_MASTER || (!s->info.link_up && !s->info.syncing));
}

/* It was in sync when it fell silent, and so it was ready; its kubelet, which asks it from within its pod, has had no
 * answer twice since. */
static bool kubelet_misses(const struct server_view *s)
{
	return s->accepts && s->info.link_up && !s->pod.ready;
}

/* Its kubelet, which asks it from within its pod, has its answers: so it does not hang, a policy of the network hides
 * it from us, as it would hide the next one. */
static bool is_hidden(const struct server_view *s)
{
	return !s->accepts && s->pod.ready && !s->pod.unguarded;
}

/* What the master lacks may be on a node that is cut off: then nobody but a person, or the provider, gives that up. */
static bool has_lost(const struct group_view *g)
{
	return g->lost_keys > 0 || g->new_lost_keys > 0;
}

static bool mend_member(struct decision *d, const struct group_view *g, const struct server_view *m,
			const struct server_view *s)
{
	int gid = g->node.id;
	const char *why;
	struct action *a;

	if (s->listed_group == gid && is_gone(d, g, s)) {
		propose_server(d, ACT_DROP_SERVER, gid, s, "no pod has its address and nothing answers there");
		return true;
	}
	if (s->group != gid)
		return false;
	if (stays_down(d, s)) {
		propose_server(d, ACT_DELETE_POD, gid, s,
			       "its process ended and is not started again while its sibling serves");
		return true;
	}
	if (leads_elsewhere(s, gid))
		return false;
	if ((s->accepts || (s->heard_ms && !is_hidden(s))) &&
	    hangs(d, &s->pod, s->reach, s->since_ms, s->accepts, kubelet_misses(s) ? HUNG_TOO_MS : HUNG_MS)) {
		propose_server(d, ACT_DELETE_POD, gid, s, "it hangs, and its master serves");
		return true;
	}
	if (waits_in_vain(d->v, s) && !view_same_process(s, m)) {
		a = propose_server(d, ACT_FOLLOW, gid, s, "it is being deleted, and another one leads: it may end");
		memcpy(a->master, CODIS_GUARD_ADDR, sizeof(CODIS_GUARD_ADDR));
		return true;
	}
	why = s->reach == REACH_OK ? NULL : has_lost(g) ? lost_for_good(d, &s->pod) : lost_node(d, &s->pod);
	if (why) {
		propose_server(d, ACT_DELETE_POD, gid, s, why)->force = true;
		return true;
	}
	if (!judge_heard(s) || s->pod.deleting)
		return false;
	if (s->info.role == REDIS_ROLE_MASTER || strcmp(s->info.master, m->addr) != 0) {
		/* One process under two addresses never follows itself. */
		if (view_same_process(s, m) || !is_ours(g, s) || judge_may_be_a_stranger(d->v, s))
			return false;
		/* One full resync at a time: each costs the master a fork. A second master is not awaited. */
		if (s->info.role != REDIS_ROLE_MASTER && someone_syncs(d->v, g))
			return false;
		/* One that has nothing yet is copied by nobody before it is in sync. */
		if (redis_info_guarded(&s->info) && is_followed_elsewhere(d, g, s, true))
			return false;
		a = propose_server(d, ACT_FOLLOW, gid, s, "it does not follow the master of its group");
		memcpy(a->master, m->addr, sizeof(a->master));
		return true;
	}
	if (view_synced(s, m) && codis_group_find(&g->node, s->addr) < 0) {
		propose_server(d, ACT_ADD_SERVER, gid, s, "it is synced and not in its group's list");
		return true;
	}
	return false;
}

/* The member after this one, in the order in which something was last done to them: NULL: the first. */
static const struct server_view *least_lately(const struct decision *d, const struct group_view *g,
					      const struct server_view *after)
{
	const struct server_view *next = NULL, *s;

	for (int at = 0; (s = view_next(d->v, g, &at));) {
		bool later = !after || s->acted_ms > after->acted_ms || (s->acted_ms == after->acted_ms && s > after);

		if (later && (!next || s->acted_ms < next->acted_ms))
			next = s;
	}
	return next;
}

/* The list has an address that a pod of another group has got: it would be told to follow there and here. */
static bool drop_stranger(struct decision *d, const struct group_view *g)
{
	for (int i = 1; i < g->node.count; i++) {
		const struct server_view *s = view_server(d->v, g->node.servers[i].addr);

		if (!s || !d->v->kube_fresh || !judge_of_another_group(s, g->node.id))
			continue;
		propose_server(d, ACT_DROP_SERVER, g->node.id, s, "its address belongs to another pod now");
		return true;
	}
	return false;
}

static bool is_wanted(const struct cluster_view *v, int gid)
{
	return !view_groups_wanted(v) || view_is_wanted(v, gid);
}

/* As the dashboard and every proxy that was heard say. */
static bool has_slots(const struct cluster_view *v, int gid)
{
	bool some = !v->dashboard.slots_known || v->dashboard.reach != REACH_OK;

	for (int i = 0; i < CODIS_SLOTS && !some; i++) {
		some = v->dashboard.slot_group[i] == gid || v->dashboard.slot_acting[i];
		for (int k = 0; k < v->proxy_count; k++)
			some |= v->proxies[k].slots && v->proxies[k].slots[i].group == gid;
	}
	return some;
}

/* Of whom this controller has never seen a pod: its pod went before this one began, or a person has listed one that
 * has none, and starts it late. */
#define NEVER_SEEN_MS 600000

/* Nobody is there any more. Whose group was emptied on purpose leaves its list with its pod, whoever has its address by
 * now. */
static bool has_left(const struct decision *d, const struct group_view *g, const struct server_view *s)
{
	bool away = s->reach == REACH_REFUSED || s->reach == REACH_SILENT;
	int ms = s->pod_gone ? d->limits->down_ms : NEVER_SEEN_MS;

	if (scale_lets_go(d->v, g->node.id))
		return s->of_another || !judge_has_pod(s);
	return !judge_has_pod(s) && away && judge_lasting_ms(d->v, s->since_ms) >= ms;
}

bool drop_left_over(struct decision *d, const struct group_view *g)
{
	const struct server_view *s, *last = NULL;

	if (d->v->mandate != MANDATE_LEAD || !d->v->kube_fresh || !g->node.count ||
	    (g->node.promoting_state[0] && !g->promoting_idle) || is_wanted(d->v, g->node.id) ||
	    has_slots(d->v, g->node.id))
		return false;
	for (int at = 0; (s = view_next(d->v, g, &at));) {
		if (!has_left(d, g, s))
			return false;
		if (s->listed_group == g->node.id && (!last || s->listed_index > last->listed_index))
			last = s;
	}
	if (last)
		propose_server(d, ACT_DROP_SERVER, g->node.id, last,
			       "no pod has its address and nothing answers there");
	return last != NULL;
}

/* One that cannot be mended, or not yet, does not keep the others from their turn. */
bool mend_members(struct decision *d, const struct group_view *g, const struct server_view *m, bool nobody_follows)
{
	const struct server_view *s;

	if (drop_stranger(d, g) && !hold(d))
		return true;
	for (s = least_lately(d, g, NULL); s; s = least_lately(d, g, s)) {
		if (nobody_follows && (judge_heard(s) || s->succession.keeps_from[0]))
			continue;
		if (s != m && mend_member(d, g, m, s) && !hold(d))
			return true;
	}
	return false;
}
