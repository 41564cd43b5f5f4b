#include "controller/decide.h"

#include <stdio.h>
#include <string.h>

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
		memcpy(a->from, old->addr, sizeof(a->from));
		memcpy(a->from_pod, old->pod.name, sizeof(a->from_pod));
	}
	return a;
}

/* --- the master --------------------------------------------------------------------------------------------------- */

static bool has_pod(const struct server_view *s)
{
	return s->pod.name[0] != '\0';
}

static bool heard(const struct server_view *s)
{
	return s->reach == REACH_OK && s->info_valid && !s->info.loading;
}

/* The address has a pod that is of another group, or of another cluster. Of which group a pod is may not be known (0):
 * that tells nothing. */
static bool is_of_another_group(const struct server_view *s, int gid)
{
	return s->of_another || (has_pod(s) && s->group && s->group != gid);
}

/* For how long it has been in its reach, not counting what lies before a clock jump. */
static int64_t lasting_ms(const struct cluster_view *v, int64_t since_ms)
{
	return v->now_ms - (since_ms > v->steady_since_ms ? since_ms : v->steady_since_ms);
}

/* Its word counts on a master that we do not reach: a member that we hear and that follows it. */
static bool is_witness(const struct server_view *s, const struct server_view *m, int gid)
{
	return s != m && view_is_member(s, gid) && heard(s) && s->info.role == REDIS_ROLE_REPLICA &&
	       strcmp(s->info.master, m->addr) == 0;
}

/* What it says of the time that it has not heard its master counts once we hear it for as long: one that was stopped
 * itself, and has just woken, has heard nobody. */
static bool has_not_heard(const struct cluster_view *v, const struct server_view *s, int io_s)
{
	return s->info.last_io_s >= io_s && lasting_ms(v, s->since_ms) >= (int64_t)io_s * 1000;
}

/* The second view of a master that we do not reach: a witness has lost its link, or has not heard it for so long. */
static bool witness_misses(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
			   int io_s)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (is_witness(s, m, g->node.id) && (!s->info.link_up || (io_s && has_not_heard(v, s, io_s))))
			return true;
	}
	return false;
}

/* What Kubernetes says of it: its pod is gone, or its container does not run. */
static bool kube_misses(const struct cluster_view *v, const struct server_view *m)
{
	return v->kube_fresh && (!has_pod(m) || !m->pod.running || m->pod.node_lost);
}

static enum master_verdict judge_unreachable(const struct cluster_view *v, const struct group_view *g,
					     const struct server_view *m, const struct decide_limits *limits,
					     const char **why)
{
	if (m->reach == REACH_REFUSED) {
		*why = "connections are refused, and its replica lost its link";
		if (witness_misses(v, g, m, 0))
			return MASTER_FAILED;
		*why = "connections are refused, and its container does not run";
		if (kube_misses(v, m))
			return MASTER_FAILED;
	}
	if (m->reach == REACH_SILENT && lasting_ms(v, m->since_ms) >= limits->silence_ms) {
		*why = "it is silent, and its replica does not hear it";
		if (witness_misses(v, g, m, limits->io_s))
			return MASTER_FAILED;
		*why = "it is silent, and its pod or node is gone";
		if (kube_misses(v, m))
			return MASTER_FAILED;
	}
	*why = "it does not answer";
	return MASTER_UNKNOWN;
}

enum master_verdict judge_master(const struct cluster_view *v, const struct group_view *g,
				 const struct decide_limits *limits, const char **why)
{
	const struct server_view *m = view_master(v, g);

	*why = "the group has no master yet";
	if (!m)
		return MASTER_NONE;
	/* The address has gone to a pod of another group: whoever had it is no more. */
	if (is_of_another_group(m, g->node.id)) {
		*why = "its address belongs to another group's pod now";
		return MASTER_FAILED;
	}
	if (m->reach != REACH_OK || !m->info_valid)
		return judge_unreachable(v, g, m, limits, why);
	*why = "it is loading its data";
	if (m->info.loading)
		return MASTER_UNKNOWN;
	*why = "it restarted, and what it had is gone";
	if (redis_info_guarded(&m->info) || m->restarted)
		return MASTER_FAILED;
	*why = "it was declared master and has not got the role";
	if (m->info.role == REDIS_ROLE_REPLICA)
		return MASTER_ROLELESS;
	*why = "it is master";
	return MASTER_HEALTHY;
}

/* The replica with the most of what the failed master sent. */
static const struct server_view *best_replica(const struct cluster_view *v, const struct group_view *g,
					      const struct server_view *m, bool must_be_synced)
{
	const struct server_view *best = NULL, *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (!is_witness(s, m, g->node.id) || s->pod.deleting)
			continue;
		/* offset 1 and below: it never finished a sync with this master. */
		if (s->info.offset <= 1 || s->restarted || (must_be_synced && !view_synced(s, m)))
			continue;
		if (!best || s->info.offset > best->info.offset)
			best = s;
	}
	return best;
}

/* Which of two servers has the newer data, when no order between them is known from replication. */
static bool newer(const struct group_view *g, const struct server_view *a, const struct server_view *b)
{
	int ia = codis_group_find(&g->node, a->addr), ib = codis_group_find(&g->node, b->addr);

	if ((a->info.keys > 0) != (b->info.keys > 0))
		return a->info.keys > 0;
	if (a->info.offset != b->info.offset)
		return a->info.offset > b->info.offset;
	if (a->info.keys != b->info.keys)
		return a->info.keys > b->info.keys;
	if ((ia < 0) != (ib < 0))
		return ia >= 0;
	if (ia != ib)
		return ia < ib;
	return a->ordinal < b->ordinal;
}

/* No member has a role and none is known to have followed the master: start, or a start after everything was down. The
 * newest data leads, once all members are heard, or after the stated wait. */
static void cold_start(struct decision *d, const struct group_view *g, const char *why)
{
	const struct server_view *best = NULL, *s;
	struct action *a;
	bool all = true;

	for (int at = 0; (s = view_next(d->v, g, &at));) {
		if (!view_is_member(s, g->node.id) || s->pod.deleting || !has_pod(s))
			continue;
		if (!heard(s)) {
			all = false;
			continue;
		}
		if (!best || newer(g, s, best))
			best = s;
	}
	if (!best || !d->v->kube_fresh)
		return;
	if (!all && (!g->masterless_ms || d->v->now_ms - g->masterless_ms < d->limits->cold_wait_ms))
		return;
	a = propose_master(d, ACT_PROMOTE, g->node.id, best, view_master(d->v, g), why);
	if (best->info.keys == 0 && g->keys > 0)
		a->lost_keys = g->keys;
}

static void replace_master(struct decision *d, const struct group_view *g, const char *why)
{
	const struct server_view *m = view_master(d->v, g);
	const struct server_view *best = best_replica(d->v, g, m, false);

	if (best) {
		propose_master(d, ACT_PROMOTE, g->node.id, best, m, why);
		return;
	}
	/* A master that only we do not hear may still hold the only data: no cold start over its head. */
	if (m->reach == REACH_SILENT && has_pod(m) && !is_of_another_group(m, g->node.id))
		return;
	if (d->v->mandate == MANDATE_LEAD)
		cold_start(d, g, why);
}

/* A dashboard's promotion that nobody is at work on: its slots are locked on every proxy until it is brought to an end.
 */
static bool resume_promotion(struct decision *d, const struct group_view *g)
{
	const struct server_view *target, *m = view_master(d->v, g);
	int index = g->node.promoting_index, gid = g->node.id;
	bool led; /* by the master that it declares: its address has not gone to a stranger */

	if (!g->node.promoting_state[0] || !g->promoting_idle)
		return false;
	if (index < 0 || index >= g->node.count)
		index = 0;
	target = view_server(d->v, g->node.servers[index].addr);
	led = m && !is_of_another_group(m, gid) && view_master_verified(m);
	if (target && heard(target) && !is_of_another_group(target, gid) && !redis_info_guarded(&target->info)) {
		/* A live old master goes on taking writes until the replica has caught up with it. */
		if (led && m != target && view_synced(target, m))
			propose_master(d, ACT_SWITCH, gid, target, m, "a promotion was interrupted");
		else
			propose_master(d, ACT_PROMOTE, gid, target, m, "a promotion was interrupted");
		return true;
	}
	if (led) {
		propose_master(d, ACT_PROMOTE, gid, m, NULL, "a promotion was interrupted, and its target is gone");
		return true;
	}
	return false;
}

/* --- the rest of a group -------------------------------------------------------------------------------------------
 */

static bool someone_syncs(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (view_is_member(s, g->node.id) && heard(s) && s->info.syncing)
			return true;
	}
	return false;
}

/* A listed server that no longer is: no pod of this group has its address, and nothing answers there. */
static bool is_gone(const struct decision *d, const struct server_view *s, int gid)
{
	if (!d->v->kube_fresh)
		return false;
	if (has_pod(s) || s->of_another)
		return is_of_another_group(s, gid);
	return s->reach == REACH_REFUSED ||
	       (s->reach == REACH_SILENT && lasting_ms(d->v, s->since_ms) >= d->limits->silence_ms);
}

/* A server that ended and that the kubelet does not start again soon: it starts the first crash at once and then waits
 * 10, 20, 40 s ..., and says so (CrashLoopBackOff) only many seconds later. What it had is gone with its process, and
 * its sibling has it: a new pod is there sooner. Only one that was heard before has ended; others may still pull an
 * image. */
static bool stays_down(const struct decision *d, const struct server_view *s)
{
	if (s->pod.deleting || !has_pod(s) || !d->v->kube_fresh)
		return false;
	return s->pod.crash_looping ||
	       (s->reach == REACH_REFUSED && s->info.run_id[0] && lasting_ms(d->v, s->since_ms) >= d->limits->down_ms);
}

/* An address that only the list has may have gone to anybody: what answers there is told what to do only where it is
 * known to have been the group's. */
static bool is_ours(const struct group_view *g, const struct server_view *s)
{
	return has_pod(s) || (s->remembered && (!s->link_up_at_ms || codis_group_find(&g->node, s->link_up_to) >= 0));
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
	if (!heard(s) || s->pod.deleting)
		return false;
	if (s->info.role == REDIS_ROLE_MASTER || strcmp(s->info.master, m->addr) != 0) {
		/* One process under two addresses never follows itself. */
		if (view_same_process(s, m) || !is_ours(g, s) || someone_syncs(d->v, g))
			return false; /* one full resync at a time: each costs the master a fork */
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

/* A proxy whose slots were not heard yet cannot be locked, and would go on writing to the old master. */
static bool can_lock_proxies(const struct cluster_view *v)
{
	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];

		if (p->registered && p->reach != REACH_REFUSED && !p->slots)
			return false;
	}
	return true;
}

static bool leave_gracefully(struct decision *d, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *next;

	if (!m->pod.deleting || !can_lock_proxies(d->v))
		return false;
	next = best_replica(d->v, g, m, true);
	if (!next)
		return false;
	propose_master(d, ACT_SWITCH, g->node.id, next, m, "the master's pod is being deleted");
	return true;
}

/* The declared master has no role yet: a live one that it still follows goes on until it has caught up. */
static void give_role(struct decision *d, const struct group_view *g, const struct server_view *m, const char *why)
{
	const struct server_view *old = view_server(d->v, m->info.master);

	if (old && view_is_member(old, g->node.id) && view_master_verified(old) && view_synced(m, old))
		propose_master(d, ACT_SWITCH, g->node.id, m, old, why);
	else
		propose_master(d, ACT_PROMOTE, g->node.id, m, old, why);
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
	const struct server_view *m = view_master(d->v, g), *s;
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
	for (int at = 0; (s = view_next(d->v, g, &at));) {
		if (s != m && mend_member(d, g, m, s))
			return;
	}
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

/* Only a dashboard at work locks slots: one that answers with no action on them, or that is dead, has left them so. */
static bool nobody_locks(const struct dashboard_view *b, const struct proxy_view *p, int slot)
{
	return (b->reach == REACH_OK && of_one_time(b, p, slot)) || b->reach == REACH_REFUSED;
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
		    (strcmp(s->addr, master) != 0 || s->group != gid || (s->locked && nobody_locks(b, p, i))))
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
	if (!p->pod.name[0] || p->pod.node_lost)
		return d->limits->silence_ms;
	return p->reach == REACH_SILENT ? 4 * d->limits->proxy_gone_ms : d->limits->proxy_gone_ms;
}

static void decide_proxy(struct decision *d, const struct proxy_view *p)
{
	int64_t lasting = lasting_ms(d->v, p->since_ms);
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

/* Only when no slot is assigned anywhere: not in the dashboard, and not in a proxy. */
static bool no_slot_assigned(const struct cluster_view *v)
{
	if (!v->dashboard.slots_known)
		return false;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (v->dashboard.slot_group[i] || v->dashboard.slot_acting[i])
			return false;
	}
	for (int p = 0; p < v->proxy_count; p++) {
		for (int i = 0; v->proxies[p].slots && i < CODIS_SLOTS; i++) {
			if (v->proxies[p].slots[i].addr[0])
				return false;
		}
	}
	return true;
}

/* The process that took the lock is provably gone: no pod has its address, or that pod's container started later. */
static bool lock_is_stale(const struct cluster_view *v)
{
	const struct dashboard_view *b = &v->dashboard;

	/* While a dashboard serves, its lock is not read: what was read before it left tells nothing. */
	if (b->lock_exists != 1 || b->lock_read_ms < b->since_ms || b->reach == REACH_OK || !v->kube_fresh ||
	    !b->pod.name[0] || !b->pod.running)
		return false;
	for (int i = 0; i < v->dashboard_count; i++) {
		if (strcmp(v->dashboards[i].addr, b->lock_addr) == 0 && strcmp(b->addr, b->lock_addr) != 0)
			return false; /* another dashboard pod has it */
	}
	if (strcmp(b->lock_addr, b->addr) != 0)
		return b->lock_addr[0] != '\0';
	/* A second of tolerance: the kubelet rounds startedAt to seconds. */
	return b->lock_start_wall_ms && b->pod.started_wall_ms && b->lock_start_wall_ms + 1000 < b->pod.started_wall_ms;
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
	    lasting_ms(d->v, b->since_ms) >= d->limits->down_ms)
		propose_dashboard(d, ACT_DELETE_POD, "it ended again, and the kubelet waits before it starts it");
	else if (b->reach == REACH_OK && no_slot_assigned(d->v) && all_groups_led(d))
		propose_dashboard(d, ACT_ASSIGN_SLOTS, "no slot is assigned, and every group has its master");
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
