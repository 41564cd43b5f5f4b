/* decide_proxy.c - proxies: taken in, taken out, and where they send which slot. */
#include <string.h>

#include "controller/decide_parts.h"

/* A lock that stands for so long, while no dashboard was heard for as long, is nobody's. */
#define NOBODYS_LOCK_MS 5000
/* Codis' own backend_recv_timeout of 30 s, and until that shows. */
#define RECV_TIMEOUT_MS 33000
/* Longer than a lock is waited for: LOCK_AWAY_MS of act_silent.c. */
#define WAITS_MS 5000
/* A kubelet that lives says within 10 s that its proxy is ready after all. */
#define UNREADY_AGAIN_MS 10000
/* Whoever writes a group's node tells the dashboard within that. */
#define REREAD_MS 1000
/* Longer than slots are locked by whoever is at work on their group: HOLD_MS of act_silent.c, and until it is filled.
 */
#define LEFT_MS 20000

static struct action *propose_proxy(struct decision *d, enum action_kind kind, int gid, const struct proxy_view *p,
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
	return a;
}

static bool is_decided(const struct cluster_view *v, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *old;

	return succession_stays(succession_judge(v, g, m, &old));
}

/* The declared master of a group when it truly is one and stays so, nothing is under way there, and the proxy was asked
 * since somebody else wrote its node; else "". */
static const char *settled_master(const struct decision *d, const struct proxy_view *p, int gid)
{
	const struct group_view *g = view_group(d->v, gid);
	const struct server_view *m = g ? view_master(d->v, g) : NULL;
	const char *why;

	if (!m || g->busy || p->slots_ms < g->written_ms || g->node.promoting_state[0] ||
	    judge_master(d->v, g, d->limits, &why) != MASTER_HEALTHY)
		return "";
	return is_decided(d->v, g, m) ? m->addr : "";
}

/* A group whose declared master may have to give way to the one before it, which proxies write to. A dashboard fills
 * whom it takes in with the declared one: then both are written to, and what one of them has is thrown away. */
static bool a_master_may_give_way(const struct cluster_view *v)
{
	for (int i = 0; i < v->group_count; i++) {
		const struct server_view *m = view_master(v, &v->groups[i]);

		if (m && view_master_verified(m) && !is_decided(v, &v->groups[i], m))
			return true;
	}
	return false;
}

/* It has perhaps read its tree anew since its assignment was asked for, by our word or that of who wrote a group's
 * node: where that tree is lost it knows of no slot by now. */
static bool may_have_forgotten(const struct cluster_view *v)
{
	int64_t slots_ms = v->dashboard.slots_ms;
	bool may = v->dashboard.reloaded_ms && slots_ms <= v->dashboard.reloaded_ms;

	for (int i = 0; i < v->group_count && !may; i++)
		may = v->groups[i].written_ms && slots_ms <= v->groups[i].written_ms + REREAD_MS;
	return may;
}

/* What the dashboard would fill it with may be none, or about to be wrong. */
static bool may_be_misled(const struct cluster_view *v, const struct proxy_view *p)
{
	return (view_sends_slots(p) && (view_none_assigned(v) || may_have_forgotten(v))) || a_master_may_give_way(v);
}

/* Only a dashboard at work locks slots: one that answers with no action on them, or that is dead, has left them so. So
 * has one that says nothing for long, and who is no more: what it was at has ended, or is undone by whoever fails. */
static bool nobody_locks(const struct cluster_view *v, const struct proxy_view *p, int slot)
{
	const struct dashboard_view *b = &v->dashboard;
	int64_t since_ms = p->slot_since_ms ? p->slot_since_ms[slot] : 0;

	if (b->reach == REACH_OK)
		return view_of_one_time(b, p, slot);
	return b->reach == REACH_REFUSED || (judge_lasting_ms(v, since_ms) >= NOBODYS_LOCK_MS &&
					     judge_lasting_ms(v, b->since_ms) >= NOBODYS_LOCK_MS);
}

/* A dashboard died between two steps of a migration. As long as no proxy has gone further than to lock the slot, and
 * all send it to the same server, unlocking takes nothing back: whoever takes the migration up again locks it anew. */
static bool left_in_migration(const struct cluster_view *v, const struct proxy_view *p, int slot)
{
	const struct codis_slot *s = &p->slots[slot];

	if (v->dashboard.reach == REACH_OK || !s->locked || !nobody_locks(v, p, slot))
		return false;
	for (int i = 0; i < v->proxy_count; i++) {
		const struct codis_slot *other = v->proxies[i].slots ? &v->proxies[i].slots[slot] : NULL;

		if (v->proxies[i].registered && v->proxies[i].reach != REACH_REFUSED && !other)
			return false;
		if (other && (other->migrate_from || other->group != s->group || strcmp(other->addr, s->addr) != 0))
			return false;
	}
	return true;
}

/* It still fetches keys from the group that the slot was moved from, as it was told before the move had its end. */
static bool moves_still(const struct dashboard_view *b, const struct proxy_view *p, int slot)
{
	return p->slots[slot].migrate_from && b->reach == REACH_OK && !b->slot_acting[slot] &&
	       view_of_one_time(b, p, slot);
}

static bool waits_to_be_filled(const struct decision *d, const struct proxy_view *p, int gid)
{
	const struct calm_done *done = calm_group(p->filled, gid);

	return done && calm_until_ms(done, ACT_FILL_PROXY, gid, d->v->now_ms) > 0;
}

/* The group whose slots this proxy sends elsewhere than they belong; 0: all is right. One that was filled again and
 * again, and is still wrong, does not keep the others from their turn. */
static int wrong_group(const struct decision *d, const struct proxy_view *p)
{
	const struct dashboard_view *b = &d->v->dashboard;
	int asked = -1, waits = 0;
	const char *master = "";

	for (int i = 0; i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];
		int gid = view_of_one_time(b, p, i) ? b->slot_group[i] : s->group;

		if (!gid || (b->slots_known && b->slot_acting[i] && !left_in_migration(d->v, p, i)))
			continue;
		if (gid != asked) {
			asked = gid;
			master = settled_master(d, p, gid);
		}
		if (master[0] && (strcmp(s->addr, master) != 0 || s->group != gid ||
				  (s->locked && nobody_locks(d->v, p, i)) || moves_still(b, p, i))) {
			if (!waits_to_be_filled(d, p, gid))
				return gid;
			waits = gid;
		}
	}
	return waits;
}

/* The address of the group's master has gone to a server that leads elsewhere. Also while something is done to the
 * group, as fills that wait for a proxy: a dashboard takes another one in meanwhile. */
static bool writes_to_a_stranger(const struct codis_slot *s, const struct server_view *m)
{
	return strcmp(s->addr, m->addr) == 0 && judge_of_another_group(m, s->group) && judge_heard(m) &&
	       m->info.role == REDIS_ROLE_MASTER;
}

/* It goes to a master that was replaced, since the proxy was away then, while the one that leads is silent: that one
 * has taken writes, and what is written to the other is thrown away when it wakes. Where it has taken none, the other
 * one goes on. */
static bool writes_to_who_was_replaced(const struct decision *d, const struct proxy_view *p, const struct codis_slot *s,
				       const struct group_view *g, const struct server_view *m)
{
	const struct server_view *old;

	if (g->busy || p->slots_ms < g->written_ms || strcmp(s->addr, m->addr) == 0 || d->v->tilted ||
	    m->reach != REACH_SILENT || judge_lasting_ms(d->v, m->since_ms) < d->limits->silence_ms ||
	    m->info.role != REDIS_ROLE_MASTER || m->remembered_group != s->group)
		return false;
	old = view_server(d->v, s->addr);
	return old && view_is_member(old, s->group) && judge_heard(old) && old->info.role == REDIS_ROLE_MASTER &&
	       view_sends_to(d->v, m);
}

static bool is_seen_to(const struct decision *d, int gid)
{
	for (int i = 0; i < d->count; i++) {
		if (d->out[i].subject == SUBJECT_GROUP && d->out[i].gid == gid)
			return true;
	}
	return false;
}

/* Why a slot is to be held; NULL: it is not. A dashboard sends it to a stranger when it takes the proxy in. */
static const char *why_held(const struct decision *d, const struct proxy_view *p, const struct codis_slot *s)
{
	const struct group_view *g = s->group && !s->locked && !s->migrate_from ? view_group(d->v, s->group) : NULL;
	const struct server_view *m = g && !g->node.promoting_state[0] ? view_master(d->v, g) : NULL;

	if (!m)
		return NULL;
	if (writes_to_a_stranger(s, m))
		return "it sends slots to another group's master";
	if (writes_to_who_was_replaced(d, p, s, g, m))
		return "it sends slots to a master that was replaced, and the new one is silent";
	return NULL;
}

/* The group whose slots this proxy sends to whom they may not go; 0: none. */
static int stranded_group(const struct decision *d, const struct proxy_view *p, const char **why)
{
	int gid = 0; /* of the slot before */

	for (int i = 0; i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];

		*why = s->group != gid ? why_held(d, p, s) : NULL;
		if (*why && !is_seen_to(d, s->group))
			return s->group;
		gid = s->locked ? 0 : s->group;
	}
	return 0;
}

/* A group's master is silent to us, too, and this proxy sends to it: it may only wait for it, and answers nothing else
 * meanwhile. */
static const struct server_view *silent_master_of(const struct cluster_view *v, const struct proxy_view *p)
{
	const struct server_view *m = NULL;
	int asked = -1;

	for (int i = 0; p->slots && i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];
		const struct group_view *g;

		if (s->group != asked) {
			asked = s->group;
			g = asked ? view_group(v, asked) : NULL;
			m = g ? view_master(v, g) : NULL;
		}
		if (m && m->reach == REACH_SILENT && strcmp(s->addr, m->addr) == 0)
			return m;
	}
	return NULL;
}

/* How long a proxy may not answer. One that is silent may wait for its requests to a dead server, holding our own
 * fillslots: it is given longer than one that refuses, and while that server is not replaced as long as Codis' own
 * backend_recv_timeout is. */
static int64_t patience(const struct decision *d, const struct proxy_view *p)
{
	if (is_stuck(d, &p->pod, p->reach, p->stuck_ms))
		return 0; /* it waits for nobody */
	if (p->pod_gone || p->pod.node_lost)
		return d->limits->silence_ms;
	if (p->reach == REACH_SILENT && silent_master_of(d->v, p))
		return RECV_TIMEOUT_MS;
	return p->reach == REACH_SILENT ? 3 * d->limits->proxy_gone_ms : d->limits->proxy_gone_ms;
}

/* It is silent as most servers are, and nobody else misses it: our own network may be away. */
static bool may_be_us(const struct decision *d, const struct proxy_view *p)
{
	return d->v->tilted && p->reach == REACH_SILENT && !p->pod_gone && !p->pod.node_lost;
}

static bool a_proxy_serves(const struct cluster_view *v)
{
	for (int i = 0; i < v->proxy_count; i++) {
		if (v->proxies[i].registered && v->proxies[i].reach == REACH_OK && v->proxies[i].online)
			return true;
	}
	return false;
}

/* It was heard since the master fell silent to which it sends slots: it waits for that one, as our locks make it do,
 * and serves the other groups meanwhile. One that is away with the master was not. */
static bool waits_for_a_master(const struct cluster_view *v, const struct proxy_view *p)
{
	const struct server_view *m = silent_master_of(v, p);

	return m && p->heard_ms >= m->since_ms;
}

/* There is one to which its Service can send clients instead: also one that only waits. One that is out of it by now is
 * none: of two controllers each may miss another proxy. */
static bool another_serves(const struct cluster_view *v, const struct proxy_view *p)
{
	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *o = &v->proxies[i];
		bool answers = o->reach == REACH_OK || (o->reach == REACH_SILENT && waits_for_a_master(v, o));

		if (o != p && o->registered && o->online && answers && (o->pod.ready || !o->pod.name[0]))
			return true;
	}
	return false;
}

/* It answers nothing, so clients that its Service sends there hang: its node is away, or it hangs. The last one stays.
 * Whoever does not lead comes a moment later: the one who leads may be away with it. */
static bool is_to_leave_service(const struct decision *d, const struct proxy_view *p, int64_t lasting)
{
	int later_ms = d->v->mandate == MANDATE_STANDBY ? d->limits->standby_ms : 0;

	return p->reach == REACH_SILENT && p->pod.name[0] && p->pod.ready && d->v->pods_fresh &&
	       lasting >= (waits_for_a_master(d->v, p) ? WAITS_MS : d->limits->silence_ms) + later_ms &&
	       (!p->unready_ms || d->v->now_ms - p->unready_ms >= UNREADY_AGAIN_MS) && we_hear_most(d->v) &&
	       another_serves(d->v, p);
}

/* Also where its entry still is of the process before it: a dashboard has filled it all the same. */
static void hold_stranded(struct decision *d, const struct proxy_view *p)
{
	bool serves = p->registered && p->slots && (p->reach == REACH_OK || p->replaced);
	const char *why;
	int gid = serves ? stranded_group(d, p, &why) : 0;

	if (gid)
		propose_proxy(d, ACT_FILL_PROXY, gid, p, why)->lock = true;
}

static struct action *propose_fill(struct decision *d, int gid, const struct proxy_view *p)
{
	return propose_proxy(d, ACT_FILL_PROXY, gid, p, "it sends slots elsewhere than to their group's master");
}

/* Nothing has changed for so long, neither what the proxy does with any slot, nor the group. */
static bool is_left(const struct decision *d, const struct proxy_view *p, int gid)
{
	const struct group_view *g = view_group(d->v, gid);
	int64_t since_ms = g->written_ms > g->acted_ms ? g->written_ms : g->acted_ms;

	for (int i = 0; p->slot_since_ms && i < CODIS_SLOTS; i++)
		since_ms = p->slot_since_ms[i] > since_ms ? p->slot_since_ms[i] : since_ms;
	return judge_lasting_ms(d->v, since_ms) >= LEFT_MS;
}

/* The API server is away, and it is not known whether another one leads. If so, that one would have mended this long
 * since; what it holds at this moment must not be let go. */
static void fill_what_is_left(struct decision *d, const struct proxy_view *p)
{
	bool serves = d->v->coordinator_ready && !p->busy && p->registered && p->reach == REACH_OK && p->slots;
	int gid = serves ? wrong_group(d, p) : 0;

	if (gid && is_left(d, p, gid))
		propose_fill(d, gid, p)->left = true;
}

/* One that leaves with clients ends without a word to the dashboard (preStop): that is no trouble. */
static const char *why_removed(const struct proxy_view *p)
{
	return p->pod_gone ? "it is gone" : "it does not answer, and it would block every promotion";
}

void decide_proxy(struct decision *d, const struct proxy_view *p)
{
	const char *lost;
	int64_t lasting = judge_lasting_ms(d->v, p->since_ms);
	bool answers = p->reach == REACH_OK;
	int gid = 0;

	if (d->v->mandate == MANDATE_FAILOVER) {
		fill_what_is_left(d, p);
		return;
	}
	/* Also while fills wait for it, and while ZooKeeper elects, whose leader was on that node. */
	if (is_to_leave_service(d, p, lasting)) {
		propose_proxy(d, ACT_UNREADY_PROXY, 0, p, "it is silent, and another proxy serves");
		return;
	}
	if (d->v->mandate != MANDATE_LEAD || !d->v->coordinator_ready)
		return;
	/* Whatever it is filled with meanwhile: a switch waits for it, and tries again and again. */
	if (!p->running && !p->registered &&
	    does_nothing(d, &p->pod, p->reach, p->since_ms, p->stuck_ms, p->heard_ms) &&
	    (a_proxy_serves(d->v) || is_stuck(d, &p->pod, p->reach, p->stuck_ms))) {
		propose_proxy(d, ACT_DELETE_POD, 0, p,
			      a_proxy_serves(d->v) ? "it hangs, and another proxy serves" : "it hangs");
		return;
	}
	if (p->busy)
		return;
	if (p->registered && !answers && d->v->kube_fresh && p->reach != REACH_UNKNOWN && lasting >= patience(d, p) &&
	    !may_be_us(d, p)) {
		propose_proxy(d, ACT_REMOVE_PROXY, 0, p, why_removed(p));
		return;
	}
	if (ended_again(&p->pod) && p->reach == REACH_REFUSED && !p->registered && d->v->kube_fresh &&
	    d->v->dashboard.reach == REACH_OK && lasting >= d->limits->down_ms) {
		propose_proxy(d, ACT_DELETE_POD, 0, p, "it ended again, and the kubelet waits before it starts it");
		return;
	}
	lost = answers || p->registered ? NULL : lost_node(d, &p->pod);
	if (lost && a_proxy_serves(d->v)) {
		propose_proxy(d, ACT_DELETE_POD, 0, p, lost)->force = true;
		return;
	}
	if (!answers)
		hold_stranded(d, p);
	if (!answers || p->pod.deleting)
		return;
	/* A dashboard fills whom it takes in with what it knows. */
	if (!p->registered && may_be_misled(d->v, p))
		return;
	if (!p->registered && p->pod.name[0] && d->v->dashboard.reach == REACH_OK && !d->v->dashboard.busy &&
	    d->v->now_ms - p->first_seen_ms >= d->limits->proxy_gone_ms) {
		propose_proxy(d, ACT_ONLINE_PROXY, 0, p, "it runs and is not in the dashboard's list");
		return;
	}
	if (p->registered && p->slots && (gid = wrong_group(d, p)) != 0)
		propose_fill(d, gid, p);
	if (!gid || waits_to_be_filled(d, p, gid))
		hold_stranded(d, p);
}
