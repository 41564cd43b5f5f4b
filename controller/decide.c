#include "controller/decide.h"

#include <stdio.h>
#include <string.h>

#include "common/net/addr.h"

/* What answers nothing for so long hangs. */
#define HUNG_MS 15000
/* A node that is away is NotReady by then: 40 to 50 s, as Kubernetes comes. */
#define NODE_LOST_MS 60000
/* A full sync that takes longer does not keep the other members of its group waiting. */
#define LONG_SYNC_MS 600000
/* A lock that stands for so long, while no dashboard was heard for as long, is nobody's. */
#define NOBODYS_LOCK_MS 5000

struct decision {
	const struct cluster_view *v;
	const struct decide_limits *limits;
	struct action *out;
	int count, max;
	struct action overflow; /* takes what does not fit, so that no place needs a check; it comes back next time */
};

static struct action *propose(struct decision *d, enum action_kind kind, int gid, const char *why)
{
	struct action *a = d->count < d->max ? &d->out[d->count++] : &d->overflow;
	const struct group_view *g = gid ? view_group(d->v, gid) : NULL;

	memset(a, 0, sizeof(*a));
	a->kind = kind;
	a->subject = action_subject(kind);
	a->gid = gid;
	a->why = why;
	if (g) {
		a->exists = g->exists;
		a->version = g->version;
	}
	return a;
}

static struct action *propose_server(struct decision *d, enum action_kind kind, int gid, const struct server_view *s,
				     const char *why)
{
	struct action *a = propose(d, kind, gid, why);

	memcpy(a->addr, s->addr, sizeof(a->addr));
	memcpy(a->pod, s->pod.name, sizeof(a->pod));
	memcpy(a->uid, s->pod.uid, sizeof(a->uid));
	return a;
}

/* PROMOTE or SWITCH to s; old: the master until now, or NULL. */
static struct action *propose_master(struct decision *d, enum action_kind kind, int gid, const struct server_view *s,
				     const struct server_view *old, const char *why)
{
	struct action *a = propose_server(d, kind, gid, s, why);

	if (old) {
		a->lock = kind == ACT_PROMOTE && old != s && old->reach != REACH_REFUSED && !old->info_valid &&
			  !judge_of_another_group(old, gid);
		memcpy(a->from, old->addr, sizeof(a->from));
		memcpy(a->from_pod, old->pod.name, sizeof(a->from_pod));
	}
	return a;
}

/* --- the master --------------------------------------------------------------------------------------------------- */

/* No member has a role and none is known to have followed the master: start, or a start after everything was down. The
 * newest data leads, once all members are heard, or after the stated wait. */
static void cold_start(struct decision *d, const struct group_view *g, const char *why)
{
	const struct server_view *best = d->v->kube_fresh ? judge_newest(d->v, g, d->limits) : NULL;
	struct action *a;

	if (!best)
		return;
	a = propose_master(d, ACT_PROMOTE, g->node.id, best, view_master(d->v, g), why);
	if (best->info.keys == 0 && g->keys > 0)
		a->lost_keys = g->keys;
}

/* The declared master was fenced and fell away before it was given its role: what the one before it sent is the newest
 * there is, and that one has failed, too. */
static const struct server_view *the_one_before(const struct decision *d, const struct group_view *g,
						const struct server_view *m)
{
	const struct server_view *old = m->info.role == REDIS_ROLE_REPLICA ? view_server(d->v, m->info.master) : NULL;
	const char *why;

	if (!old || old == m || !view_is_member(old, g->node.id) ||
	    judge_as_master(d->v, g, old, d->limits, &why) != MASTER_FAILED)
		return NULL;
	return old;
}

static void replace_master(struct decision *d, const struct group_view *g, const char *why)
{
	const struct server_view *m = view_master(d->v, g), *from = m;
	const struct server_view *best = judge_best_replica(d->v, g, m, false);

	if (!best && (from = the_one_before(d, g, m)) != NULL)
		best = judge_best_replica(d->v, g, from, false);
	if (best && judge_more_to_hear(d->v, g, from, best))
		return;
	if (best) {
		propose_master(d, ACT_PROMOTE, g->node.id, best, from, why);
		return;
	}
	/* A master that only we do not hear may still hold the only data: no cold start over its head. */
	if (judge_may_live(m, g->node.id))
		return;
	if (d->v->mandate == MANDATE_LEAD)
		cold_start(d, g, why);
}

/* A switch locks the group's slots on every proxy. One that was not heard yet cannot be locked, and would go on writing
 * to the old master; one that is silent keeps all of them locked until the switch gives up. */
static bool can_lock_proxies(const struct cluster_view *v)
{
	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];

		if (p->registered && p->reach != REACH_REFUSED && (!p->slots || p->reach == REACH_SILENT))
			return false;
	}
	return true;
}

static bool a_proxy_hangs(const struct cluster_view *v)
{
	for (int i = 0; i < v->proxy_count; i++) {
		if (v->proxies[i].registered && v->proxies[i].reach == REACH_SILENT)
			return true;
	}
	return false;
}

/* What to do with a change from a master that lives to one that is to follow it. It goes on where nothing is lost by
 * it; else it is taken back: the old one is declared anew, and its slots are freed. */
struct half_done {
	const char *why, *unsynced, *unlockable;
};

static void finish_or_take_back(struct decision *d, int gid, const struct server_view *next,
				const struct server_view *old, const struct half_done *words)
{
	if (!next || !view_synced(next, old))
		propose_master(d, ACT_PROMOTE, gid, old, NULL, words->unsynced);
	else if (can_lock_proxies(d->v))
		propose_master(d, ACT_SWITCH, gid, next, old, words->why);
	else if (a_proxy_hangs(d->v))
		propose_master(d, ACT_PROMOTE, gid, old, NULL, words->unlockable);
}

/* A dashboard's promotion that nobody is at work on: its slots are locked on every proxy until it is brought to an end.
 * One that somebody is at work on is left alone with its group. Whether it was seen to. */
static bool resume_promotion(struct decision *d, const struct group_view *g)
{
	static const struct half_done words = { "a promotion was interrupted",
						"a promotion was interrupted, and its target is not in sync",
						"a promotion was interrupted, and a proxy cannot be locked" };
	const struct server_view *target, *m = view_master(d->v, g);
	int index = g->node.promoting_index, gid = g->node.id;

	if (!g->node.promoting_state[0])
		return false;
	if (!g->promoting_idle)
		return true;
	/* A master that does not lead, or whose address has gone to a stranger, is judged as ever. */
	if (!m || judge_of_another_group(m, gid) || !view_master_verified(m))
		return false;
	if (index < 0 || index >= g->node.count)
		index = 0;
	target = view_server(d->v, g->node.servers[index].addr);
	if (target == m)
		propose_master(d, ACT_PROMOTE, gid, m, NULL, words.why);
	else if (!target || !judge_heard(target) || judge_of_another_group(target, gid))
		propose_master(d, ACT_PROMOTE, gid, m, NULL, "a promotion was interrupted, and its target is gone");
	else
		finish_or_take_back(d, gid, target, m, &words);
	return true;
}

/* --- the rest of a group -------------------------------------------------------------------------------------------
 */

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
static bool is_gone(const struct decision *d, const struct server_view *s, int gid)
{
	if (!d->v->kube_fresh)
		return false;
	if (judge_has_pod(s) || s->of_another)
		return judge_of_another_group(s, gid);
	if (s->reach != REACH_REFUSED && s->reach != REACH_SILENT)
		return false;
	/* It may have a pod that is not seen, or none at all, and may only be about to start again. */
	if (!s->pod_gone)
		return judge_lasting_ms(d->v, s->since_ms) >= d->limits->cold_wait_ms;
	return s->reach == REACH_REFUSED || judge_lasting_ms(d->v, s->since_ms) >= d->limits->silence_ms;
}

/* A server that ended and that the kubelet does not start again soon: it starts the first crash at once and then waits
 * 10, 20, 40 s ..., and says so (CrashLoopBackOff) only many seconds later. What it had is gone with its process, and
 * its sibling has it: a new pod is there sooner. Only one that was heard before has ended; others may still pull an
 * image. */
static bool stays_down(const struct decision *d, const struct server_view *s)
{
	if (s->pod.deleting || !judge_has_pod(s) || !d->v->kube_fresh || s->reach == REACH_OK)
		return false;
	return s->pod.crash_looping || (s->reach == REACH_REFUSED && s->info.run_id[0] &&
					judge_lasting_ms(d->v, s->since_ms) >= d->limits->down_ms);
}

/* We reach most servers: what is silent is not so because of us. */
static bool we_hear_most(const struct cluster_view *v)
{
	int heard = 0;

	for (int i = 0; i < v->server_count; i++)
		heard += v->servers[i].reach == REACH_OK;
	return heard * 2 >= v->server_count;
}

/* Something else on its node is heard: it is not the node that is away. */
static bool neighbour_heard(const struct cluster_view *v, const char *node)
{
	bool heard = false;

	for (int i = 0; node[0] && i < v->server_count; i++)
		heard |= v->servers[i].reach == REACH_OK && strcmp(v->servers[i].pod.node, node) == 0;
	for (int i = 0; node[0] && i < v->proxy_count; i++)
		heard |= v->proxies[i].reach == REACH_OK && strcmp(v->proxies[i].pod.node, node) == 0;
	for (int i = 0; node[0] && i < v->dashboard_count; i++)
		heard |= v->dashboards[i].reach == REACH_OK && strcmp(v->dashboards[i].pod.node, node) == 0;
	return heard;
}

/* Its process is there and does nothing, and there is a kubelet that can end it. */
static bool hangs(const struct decision *d, const struct pod_view *pod, enum reach reach, int64_t since_ms)
{
	int64_t lasting = judge_lasting_ms(d->v, since_ms);

	if (reach != REACH_SILENT || lasting < HUNG_MS || !d->v->kube_fresh || !we_hear_most(d->v))
		return false;
	return pod->name[0] && pod->running && !pod->node_lost && !pod->deleting &&
	       (lasting >= NODE_LOST_MS || neighbour_heard(d->v, pod->node));
}

/* An address that only the list has may have gone to anybody: what answers there is told what to do only where it is
 * known to have been the group's. */
static bool is_ours(const struct group_view *g, const struct server_view *s)
{
	return judge_has_pod(s) ||
	       (s->remembered && (!s->link_up_at_ms || codis_group_find(&g->node, s->link_up_to) >= 0));
}

static bool mend_member(struct decision *d, const struct group_view *g, const struct server_view *m,
			const struct server_view *s)
{
	int gid = g->node.id;
	struct action *a;

	if (s->listed_group == gid && is_gone(d, s, gid)) {
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
	if (hangs(d, &s->pod, s->reach, s->since_ms)) {
		propose_server(d, ACT_DELETE_POD, gid, s, "it hangs, and its master serves");
		return true;
	}
	if (!judge_heard(s) || s->pod.deleting)
		return false;
	if (s->info.role == REDIS_ROLE_MASTER || strcmp(s->info.master, m->addr) != 0) {
		/* One process under two addresses never follows itself. */
		if (view_same_process(s, m) || !is_ours(g, s))
			return false;
		/* One full resync at a time: each costs the master a fork. A second master is not awaited. */
		if (s->info.role != REDIS_ROLE_MASTER && someone_syncs(d->v, g))
			return false;
		a = propose_server(d, ACT_FOLLOW, gid, s, "it does not follow the master of its group");
		memcpy(a->master, m->addr, sizeof(a->master));
		return true;
	}
	if (view_synced(s, m) && s->listed_group != gid) {
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

/* One that cannot be mended does not keep the others from their turn. */
static bool mend_members(struct decision *d, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *s;

	for (s = least_lately(d, g, NULL); s; s = least_lately(d, g, s)) {
		if (s != m && mend_member(d, g, m, s))
			return true;
	}
	return false;
}

/* Its pod is about to end, or its process is, whose pod was taken away at once (delete --force). */
static bool leave_gracefully(struct decision *d, const struct group_view *g, const struct server_view *m)
{
	bool gone = m->pod_gone && !judge_has_pod(m) && d->v->kube_fresh;
	const struct server_view *next;

	if ((!m->pod.deleting && !gone) || !can_lock_proxies(d->v))
		return false;
	next = judge_best_replica(d->v, g, m, true);
	if (!next || (gone && !judge_has_pod(next)))
		return false;
	propose_master(d, ACT_SWITCH, g->node.id, next, m,
		       gone ? "the master's pod is gone" : "the master's pod is being deleted");
	return true;
}

/* The declared master has no role yet. A live one that it still follows goes on until it has caught up, or for good;
 * one of which it is not known whether it lives is not replaced over its head. */
static void give_role(struct decision *d, const struct group_view *g, const struct server_view *m, const char *why)
{
	const struct half_done words = { why, "its replica was to take over, and is not in sync",
					 "its replica was to take over, and a proxy cannot be locked" };
	const struct server_view *old = view_server(d->v, m->info.master);
	const char *unused;

	if (!old || old == m || !view_is_member(old, g->node.id)) {
		propose_master(d, ACT_PROMOTE, g->node.id, m, NULL, why);
		return;
	}
	switch (judge_as_master(d->v, g, old, d->limits, &unused)) {
	case MASTER_HEALTHY: finish_or_take_back(d, g->node.id, m, old, &words); break;
	case MASTER_UNKNOWN: break;
	default: propose_master(d, ACT_PROMOTE, g->node.id, m, old, why); break;
	}
}

/* --- out_of_sync ----------------------------------------------------------------------------------------------------
 */

/* Whether the proxy sends the group's slots to its declared master, as heard since the group was last changed. */
static bool serves_rightly(const struct decision *d, const struct group_view *g, const struct proxy_view *p)
{
	const struct dashboard_view *b = &d->v->dashboard;

	if (p->busy || p->reach != REACH_OK || !p->slots || p->slots_ms < g->acted_ms)
		return false;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];

		if (b->slot_group[i] == g->node.id && (b->slot_acting[i] || s->locked || s->group != g->node.id ||
						       strcmp(s->addr, g->node.servers[0].addr) != 0))
			return false;
	}
	return true;
}

/* Codis sets out_of_sync when it assigns slots or is told of replicas to read from, and clears it when a person asks
 * for a resync; codis-fe shows it in red. The slots of replicas that are read from are the dashboard's to fill: there
 * it stays its own. */
static bool is_in_sync_unmarked(const struct decision *d, const struct group_view *g)
{
	const struct dashboard_view *b = &d->v->dashboard;

	if (!g->node.out_of_sync || g->node.promoting_state[0] || b->reach != REACH_OK || b->busy || !b->slots_known ||
	    d->count == d->max)
		return false;
	for (int i = 0; i < g->node.count; i++) {
		if (g->node.servers[i].replica_group)
			return false;
	}
	for (int i = 0; i < d->v->proxy_count; i++) {
		if (d->v->proxies[i].registered && !serves_rightly(d, g, &d->v->proxies[i]))
			return false;
	}
	return true;
}

static void decide_group(struct decision *d, const struct group_view *g)
{
	const struct server_view *m = view_master(d->v, g);
	const char *why;

	if (g->busy || resume_promotion(d, g))
		return;
	switch (judge_master(d->v, g, d->limits, &why)) {
	case MASTER_UNKNOWN: return;
	case MASTER_NONE:
		if (d->v->mandate == MANDATE_LEAD)
			cold_start(d, g, why);
		return;
	case MASTER_FAILED: replace_master(d, g, why); return;
	case MASTER_ROLELESS: give_role(d, g, m, why); return;
	case MASTER_HEALTHY: break;
	}
	if (d->v->mandate != MANDATE_LEAD || leave_gracefully(d, g, m))
		return;
	if (mend_members(d, g, m))
		return;
	if (is_in_sync_unmarked(d, g))
		propose_server(d, ACT_MARK_IN_SYNC, g->node.id, m, "every proxy sends its slots to its master");
}

/* --- proxies, dashboard, slots --------------------------------------------------------------------------------------
 */

static void propose_proxy(struct decision *d, enum action_kind kind, int gid, const struct proxy_view *p,
			  const char *why)
{
	struct action *a = propose(d, kind, gid, why);

	a->subject = SUBJECT_PROXY;
	if (kind == ACT_REMOVE_PROXY) {
		a->version = p->registered_version;
		a->czxid = p->registered_czxid;
	}
	memcpy(a->token, p->token, sizeof(a->token));
	memcpy(a->addr, p->admin_addr, sizeof(a->addr));
	memcpy(a->pod, p->pod.name, sizeof(a->pod));
	memcpy(a->uid, p->pod.uid, sizeof(a->uid));
}

static struct action *propose_dashboard(struct decision *d, enum action_kind kind, const char *why)
{
	const struct dashboard_view *b = &d->v->dashboard;
	struct action *a = propose(d, kind, 0, why);

	a->subject = SUBJECT_DASHBOARD;
	memcpy(a->addr, b->addr, sizeof(a->addr));
	memcpy(a->pod, b->pod.name, sizeof(a->pod));
	memcpy(a->uid, b->pod.uid, sizeof(a->uid));
	return a;
}

/* The declared master of a group when it truly is one and nothing is under way there; else "". */
static const char *settled_master(const struct decision *d, int gid)
{
	const struct group_view *g = view_group(d->v, gid);
	const char *why;

	if (!g || g->busy || g->node.promoting_state[0] || judge_master(d->v, g, d->limits, &why) != MASTER_HEALTHY)
		return "";
	return g->node.servers[0].addr;
}

/* Whether the assignment of a slot and what the proxy does with it tell of one time: each was asked for after the other
 * was first heard so. Else it was moved in between, by a migration that a dashboard is at work on, or was when it died.
 */
static bool of_one_time(const struct dashboard_view *b, const struct proxy_view *p, int slot)
{
	return b->slots_known && (!p->slot_since_ms || b->slots_ms >= p->slot_since_ms[slot]) &&
	       (!b->slot_since_ms || p->slots_ms >= b->slot_since_ms[slot]);
}

/* Only a dashboard at work locks slots: one that answers with no action on them, or that is dead, has left them so. So
 * has one that says nothing for long, and who is no more: what it was at has ended, or is undone by whoever fails. */
static bool nobody_locks(const struct cluster_view *v, const struct proxy_view *p, int slot)
{
	const struct dashboard_view *b = &v->dashboard;
	int64_t since_ms = p->slot_since_ms ? p->slot_since_ms[slot] : 0;

	if (b->reach == REACH_OK)
		return of_one_time(b, p, slot);
	return b->reach == REACH_REFUSED || (judge_lasting_ms(v, since_ms) >= NOBODYS_LOCK_MS &&
					     judge_lasting_ms(v, b->since_ms) >= NOBODYS_LOCK_MS);
}

/* The group whose slots this proxy sends elsewhere than they belong; 0: all is right. */
static int wrong_group(const struct decision *d, const struct proxy_view *p)
{
	const struct dashboard_view *b = &d->v->dashboard;
	int asked = -1;
	const char *master = "";

	for (int i = 0; i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];
		int gid = of_one_time(b, p, i) ? b->slot_group[i] : s->group;

		if (!gid || (b->slots_known && b->slot_acting[i]))
			continue;
		if (gid != asked) {
			asked = gid;
			master = settled_master(d, gid);
		}
		if (master[0] &&
		    (strcmp(s->addr, master) != 0 || s->group != gid || (s->locked && nobody_locks(d->v, p, i))))
			return gid;
	}
	return 0;
}

/* Its container ended, not for the first time: the kubelet waits 10, 20, 40 s ... now. */
static bool ended_again(const struct pod_view *pod)
{
	return pod->name[0] && !pod->running && pod->restarts && !pod->deleting;
}

/* How long a proxy may not answer. One that is silent may wait for its requests to a dead server
 * (backend_recv_timeout), holding our own fillslots: it is given longer than one that refuses. */
static int64_t patience(const struct decision *d, const struct proxy_view *p)
{
	if (p->pod_gone || p->pod.node_lost)
		return d->limits->silence_ms;
	return p->reach == REACH_SILENT ? 4 * d->limits->proxy_gone_ms : d->limits->proxy_gone_ms;
}

static bool a_proxy_serves(const struct cluster_view *v)
{
	for (int i = 0; i < v->proxy_count; i++) {
		if (v->proxies[i].registered && v->proxies[i].reach == REACH_OK && v->proxies[i].online)
			return true;
	}
	return false;
}

static void decide_proxy(struct decision *d, const struct proxy_view *p)
{
	int64_t lasting = judge_lasting_ms(d->v, p->since_ms);
	bool answers = p->reach == REACH_OK;
	int gid;

	if (p->busy)
		return;
	if (p->registered && !answers && d->v->kube_fresh && p->reach != REACH_UNKNOWN && lasting >= patience(d, p)) {
		propose_proxy(d, ACT_REMOVE_PROXY, 0, p, "it does not answer, and it would block every promotion");
		return;
	}
	if (ended_again(&p->pod) && p->reach == REACH_REFUSED && !p->registered && d->v->kube_fresh &&
	    d->v->dashboard.reach == REACH_OK && lasting >= d->limits->down_ms) {
		propose_proxy(d, ACT_DELETE_POD, 0, p, "it ended again, and the kubelet waits before it starts it");
		return;
	}
	if (!p->registered && hangs(d, &p->pod, p->reach, p->since_ms) && a_proxy_serves(d->v)) {
		propose_proxy(d, ACT_DELETE_POD, 0, p, "it hangs, and another proxy serves");
		return;
	}
	if (!answers || p->pod.deleting)
		return;
	if (!p->registered && p->pod.name[0] && d->v->dashboard.reach == REACH_OK && !d->v->dashboard.busy &&
	    d->v->now_ms - p->first_seen_ms >= d->limits->proxy_gone_ms) {
		propose_proxy(d, ACT_ONLINE_PROXY, 0, p, "it runs and is not in the dashboard's list");
		return;
	}
	if (p->registered && p->slots && (gid = wrong_group(d, p)) != 0)
		propose_proxy(d, ACT_FILL_PROXY, gid, p, "it sends slots elsewhere than to their group's master");
}

static bool all_groups_led(const struct decision *d)
{
	int wanted = view_groups_wanted(d->v);
	const char *why;

	for (int i = 0; i < wanted; i++) {
		const struct group_view *g = view_group(d->v, view_wanted_group(d->v, i));

		if (!g || !g->exists || g->busy || judge_master(d->v, g, d->limits, &why) != MASTER_HEALTHY)
			return false;
	}
	return wanted > 0;
}

/* The group that our own assignment gives a slot (act_mend.c): ranges of equal size, in the order of the groups. */
static int planned_group(const struct cluster_view *v, int slot)
{
	return view_wanted_group(v, slot * view_groups_wanted(v) / CODIS_SLOTS);
}

/* How many slots, from the first, are assigned by our plan, while no other is at all, not in the dashboard and not in a
 * proxy; -1: somebody else has assigned. A dashboard that dies in the first assignment leaves it so. */
static int assigned_by_plan(const struct cluster_view *v)
{
	const struct dashboard_view *b = &v->dashboard;
	int n = 0;

	while (n < CODIS_SLOTS && b->slot_group[n])
		n++;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (b->slot_acting[i] || (b->slot_group[i] && (i >= n || b->slot_group[i] != planned_group(v, i))))
			return -1;
		for (int p = 0; i >= n && p < v->proxy_count; p++) {
			if (v->proxies[p].slots && v->proxies[p].slots[i].addr[0])
				return -1;
		}
	}
	return n;
}

/* A dashboard writes 1,024 nodes in seconds: it may still be at it, or a person may. */
static bool assignment_rests(const struct cluster_view *v, int assigned, int ms)
{
	const int64_t *since = v->dashboard.slot_since_ms;

	for (int i = 0; since && i < assigned; i++) {
		if (judge_lasting_ms(v, since[i]) < ms)
			return false;
	}
	return true;
}

static void assign_slots(struct decision *d)
{
	int assigned = d->v->dashboard.slots_known && all_groups_led(d) ? assigned_by_plan(d->v) : -1;

	if (assigned == 0)
		propose_dashboard(d, ACT_ASSIGN_SLOTS, "no slot is assigned, and every group has its master");
	else if (assigned > 0 && assigned < CODIS_SLOTS && assignment_rests(d->v, assigned, d->limits->cold_wait_ms))
		propose_dashboard(d, ACT_ASSIGN_SLOTS, "the first assignment was interrupted");
}

static bool same_host(const char *a, const char *b)
{
	const char *end = strrchr(a, ':');
	size_t len = end ? (size_t)(end - a) : strlen(a);

	return len && strncmp(a, b, len) == 0 && (b[len] == ':' || b[len] == '\0');
}

/* The name behind --host-admin is the pod's own: "codis-dashboard-0.codis-dashboard:18080". */
static bool names_pod(const char *addr, const struct pod_view *pod)
{
	size_t len = strlen(pod->name);

	return len && strncmp(addr, pod->name, len) == 0 && (addr[len] == '.' || addr[len] == ':');
}

/* The process that took the lock is provably gone: no pod has its address, or that pod's container started later. */
static bool lock_is_stale(const struct cluster_view *v)
{
	const struct dashboard_view *b = &v->dashboard;
	bool own = same_host(b->lock_addr, b->addr) || names_pod(b->lock_addr, &b->pod);

	/* While a dashboard serves, its lock is not read: what was read before it left tells nothing. */
	if (b->lock_exists != 1 || b->lock_read_ms < b->since_ms || b->reach == REACH_OK || !v->kube_fresh ||
	    !b->pod.name[0] || !b->pod.running)
		return false;
	/* A second of tolerance: the kubelet rounds startedAt to seconds. */
	if (own)
		return b->lock_start_wall_ms && b->pod.started_wall_ms &&
		       b->lock_start_wall_ms + 1000 < b->pod.started_wall_ms;
	for (int i = 0; i < v->dashboard_count; i++) {
		if (same_host(b->lock_addr, v->dashboards[i].addr) || names_pod(b->lock_addr, &v->dashboards[i].pod))
			return false; /* another dashboard pod has it */
	}
	return addr_parse(b->lock_addr, &(struct addr){ 0 }, NULL) == 0; /* whoever has a name may be anywhere */
}

static void decide_dashboard(struct decision *d)
{
	const struct dashboard_view *b = &d->v->dashboard;

	if (b->busy)
		return;
	if (lock_is_stale(d->v)) {
		struct action *a = propose_dashboard(d, ACT_REMOVE_LOCK, "the dashboard that took it is gone");

		memcpy(a->from, b->lock_addr, sizeof(a->from));
		a->lock_start_wall_ms = b->lock_start_wall_ms;
		return;
	}
	/* Not one that starts for the first time: its init container may wait for ZooKeeper. */
	if (b->reach == REACH_REFUSED && ended_again(&b->pod) && d->v->kube_fresh &&
	    judge_lasting_ms(d->v, b->since_ms) >= d->limits->down_ms)
		propose_dashboard(d, ACT_DELETE_POD, "it ended again, and the kubelet waits before it starts it");
	else if (hangs(d, &b->pod, b->reach, b->since_ms))
		propose_dashboard(d, ACT_DELETE_POD, "it hangs");
	else if (b->reach == REACH_OK)
		assign_slots(d);
}

int decide(const struct cluster_view *v, const struct decide_limits *limits, struct action *out, int max)
{
	struct decision d = { .v = v, .limits = limits, .out = out, .max = max };

	if (v->mandate == MANDATE_NONE || !v->coordinator_ready)
		return 0;
	for (int i = 0; i < v->group_count; i++)
		decide_group(&d, &v->groups[i]);
	if (v->mandate != MANDATE_LEAD)
		return d.count;
	for (int i = 0; i < v->proxy_count; i++)
		decide_proxy(&d, &v->proxies[i]);
	decide_dashboard(&d);
	return d.count;
}
