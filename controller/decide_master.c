/* decide_master.c - who leads a group. */
#include <string.h>

#include "controller/decide_parts.h"

/* A promotion over a silent master is over by then, counted from its fence: END_MS of act_silent.c, role and fill. */
#define CLAIMED_MS    6500
#define HELD_AGAIN_MS 10000
/* A role follows its fence within that, and is heard of. */
#define ROLE_GIVEN_MS 1000
/* A claim that has not been overtaken by then has led to something, or will not. */
#define CLAIM_OVER_MS 1000
/* News of pods are late by that at most: as long it may be its own. */
#define LENT_MS 5000
/* A switch takes tens of milliseconds; one that takes longer does not hold up the others, whose pods have to end. */
#define TURN_MS 500
/* Slots that are on their way have arrived by then, mostly: no other is begun meanwhile. A pod that is to end has
 * longer (30 s by default), and has to end. */
#define ARRIVED_MS 10000

/* Another controller has written the node since the master fell silent: it is replacing it, and holds its slots.
 */
static bool is_claimed(const struct decision *d, const struct group_view *g, const struct server_view *old,
		       const struct server_view *next)
{
	return promote_locks(old, next, g->node.id) && g->written_ms > old->since_ms &&
	       d->v->now_ms - g->written_ms < CLAIMED_MS;
}

/* It follows that address, or may, as it does not answer yet. One whose container does not run comes back with the
 * guard.
 */
static bool may_follow(const struct server_view *s, const char *addr, bool waited)
{
	bool follows = s->info.role == REDIS_ROLE_REPLICA && strcmp(s->info.master, addr) == 0;

	if (!judge_has_pod(s) || !s->pod.running || s->reach == REACH_REFUSED)
		return false;
	return judge_heard(s) ? follows : !waited && (follows || !s->info_valid);
}

/* Its address was the master's of another group, whose replicas would copy it, who has nothing, as soon as it leads.
 * They keep their own addresses, and their group has one of them lead: so two groups do not wait for each other. */
bool is_followed_elsewhere(const struct decision *d, const struct group_view *g, const struct server_view *best,
			   bool waited)
{
	for (int i = 0; i < d->v->group_count; i++) {
		const struct group_view *o = &d->v->groups[i];
		const struct server_view *s;

		if (o == g || codis_group_find(&o->node, best->addr) < 0)
			continue;
		for (int at = 0; (s = view_next(d->v, o, &at));) {
			if (s != best && may_follow(s, best->addr, waited))
				return true;
		}
	}
	return false;
}

/* No member has a role and none is known to have followed the master: start, or a start after everything was down. The
 * newest data leads, once all members are heard, or after the stated wait. */
static void cold_start(struct decision *d, const struct group_view *g, const char *why)
{
	const struct server_view *best = d->v->kube_fresh ? judge_newest(d->v, g, d->limits) : NULL;
	bool waited = g->masterless_ms && d->v->now_ms - g->masterless_ms >= d->limits->cold_wait_ms;
	struct action *a;

	if (!best || is_followed_elsewhere(d, g, best, waited))
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

/* Its slots are held already while it is waited for the evidence, so that what proxies have sent to it is over by then,
 * and nothing more is sent: a proxy whose requests have timed out dials the silent address anew, and keeps what is
 * sent to it meanwhile for as long as that takes. So whoever does not lead holds them too: the leader may be away
 * together with the master. A master that stalls now and again is not held each time. */
static void hold_early(struct decision *d, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *best;

	if ((d->v->mandate != MANDATE_LEAD && d->v->mandate != MANDATE_STANDBY) || !g->exists ||
	    judge_is_patient(g, d->limits) || !judge_suspected(d->v, g, m, d->limits) ||
	    (g->held_ms && d->v->now_ms - g->held_ms < HELD_AGAIN_MS))
		return;
	best = judge_best_replica(d->v, g, m, false);
	if (best && !judge_about_to_go(best) && !judge_more_to_hear(d->v, g, m, best) && !is_claimed(d, g, m, best))
		propose_master(d, ACT_PROMOTE, g->node.id, best, m, "it is silent, and its replica has nothing from it")
			->early = true;
}

/* The old one is silent, or answers with errors, and may wake with all that it has; what clients write to a replica
 * that its hook has let go is lost with it. Over one that has ended it is all there is. */
static bool goes_before(const struct decision *d, const struct server_view *best, const struct server_view *old)
{
	return old->reach != REACH_REFUSED && !old->info_valid &&
	       judge_lets_go(&best->info, best->ending_ms, d->v->now_ms);
}

static void replace_master(struct decision *d, const struct group_view *g, const char *why)
{
	const struct server_view *m = view_master(d->v, g), *from = m;
	const struct server_view *best = judge_best_replica(d->v, g, m, false);

	if (!best && (from = the_one_before(d, g, m)) != NULL)
		best = judge_best_replica(d->v, g, from, false);
	if (judge_more_to_hear(d->v, g, best ? from : m, best) ||
	    (best && (is_claimed(d, g, from, best) || goes_before(d, best, from))))
		return;
	if (best) {
		propose_master(d, ACT_PROMOTE, g->node.id, best, from, why);
		return;
	}
	/* A master that only we do not hear may still hold the only data: no cold start over its head. */
	if (judge_may_live(d->v, g, m, d->limits))
		return;
	if (d->v->mandate == MANDATE_LEAD)
		cold_start(d, g, why);
}

/* One that is in the dashboard's list, or serves without it, as one does that leaves, or perhaps one that we alone do
 * not hear (is_out() of act_fill.c). */
static bool would_be_told(const struct cluster_view *v, const struct proxy_view *p)
{
	return p->registered || (p->slots && p->token[0] && p->reach == REACH_OK) || view_may_serve_unheard(v, p);
}

bool can_lock_proxies(const struct cluster_view *v)
{
	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];

		if (would_be_told(v, p) && p->reach != REACH_REFUSED &&
		    (!p->slots || p->mute || p->reach == REACH_SILENT))
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
	const char *why, *unsynced, *leaves, *unlockable;
};

static void finish_or_take_back(struct decision *d, int gid, const struct server_view *next,
				const struct server_view *old, const struct half_done *words)
{
	if (!next || !view_synced(next, old))
		propose_master(d, ACT_PROMOTE, gid, old, NULL, words->unsynced);
	else if (judge_about_to_go(next))
		propose_master(d, ACT_PROMOTE, gid, old, NULL, words->leaves);
	else if (can_lock_proxies(d->v))
		propose_master(d, ACT_SWITCH, gid, next, old, words->why);
	else if (a_proxy_hangs(d->v))
		propose_master(d, ACT_PROMOTE, gid, old, NULL, words->unlockable);
}

/* Somebody may have given m the role over the head of a living master, and m has not what that one has. */
static enum succession_verdict take_back(struct decision *d, const struct group_view *g, const struct server_view *m,
					 const struct server_view **old)
{
	enum succession_verdict verdict = succession_judge(d->v, g, m, old);

	if (verdict == SUCCESSION_TAKE_BACK && m->succession.how == SUCCESSION_BEHIND)
		propose_master(d, ACT_PROMOTE, g->node.id, *old, m,
			       "that one was promoted while it was not in sync, and the old master has what it lacks")
			->takes_back = true;
	else if (verdict == SUCCESSION_TAKE_BACK)
		propose_master(d, ACT_PROMOTE, g->node.id, *old, m,
			       "no proxy was told of that one, and the old master is written to");
	return verdict;
}

/* The target of a dashboard's promotion has the role, and the slots are locked. */
static void end_promotion(struct decision *d, const struct group_view *g, const struct server_view *m, const char *why)
{
	const struct server_view *old;

	if (succession_stays(take_back(d, g, m, &old)))
		propose_master(d, ACT_PROMOTE, g->node.id, m, NULL, why);
}

static bool is_silent(const struct decision *d, const struct server_view *m)
{
	return m->reach == REACH_SILENT && judge_lasting_ms(d->v, m->since_ms) >= d->limits->silence_ms;
}

/* Its target has the role: by our own promotion, say, over which the dashboard wrote the node as it knew it, without a
 * version. */
static bool has_the_role(const struct group_view *g, const struct server_view *target, const struct server_view *m)
{
	return target && target != m && view_master_verified(target) && judge_heard(target) &&
	       !judge_of_another_group(target, g->node.id);
}

/* ... and what is written. */
static bool is_done_but_not_said(const struct decision *d, const struct group_view *g, const struct server_view *target,
				 const struct server_view *m)
{
	return has_the_role(g, target, m) && view_sends_to(d->v, target) &&
	       (is_silent(d, m) || view_nobody_sends_to(d->v, g, m));
}

/* ... and the dashboard has filled the proxies back to a master that hangs. It has not come to give a role: the target
 * has its own by a promotion of ours, and so what that one had sent. */
static bool is_done_and_undone(const struct decision *d, const struct group_view *g, const struct server_view *target,
			       const struct server_view *m)
{
	return has_the_role(g, target, m) && strcmp(g->node.promoting_state, "preparing") == 0 && is_silent(d, m) &&
	       !is_claimed(d, g, m, target);
}

/* The dashboard wrote it over a change of master that it had not read of, whose controller had ended before it was
 * told: the one that was declared then has the role, and perhaps writes. It leads on, where nobody writes to the one
 * that the node names by now. */
static const struct server_view *who_was_overlooked(const struct decision *d, const struct group_view *g,
						    const struct server_view *m)
{
	const struct server_view *s = view_server(d->v, g->unread_master);

	return s && !g->may_lose && view_is_member(s, g->node.id) && has_the_role(g, s, m) &&
			       view_nobody_sends_to(d->v, g, m) && !is_claimed(d, g, m, s)
		       ? s
		       : NULL;
}

/* A dashboard's promotion that nobody is at work on: its slots are locked on every proxy until it is brought to an end.
 * One that somebody is at work on is left alone with its group. Whether it was seen to. */
static bool resume_promotion(struct decision *d, const struct group_view *g)
{
	static const struct half_done words = { "a promotion was interrupted",
						"a promotion was interrupted, and its target is not in sync",
						"a promotion was interrupted, and its target is about to end",
						"a promotion was interrupted, and a proxy cannot be locked" };
	const struct server_view *target, *overlooked, *m = view_master(d->v, g);
	int index = g->node.promoting_index, gid = g->node.id;

	if (!g->node.promoting_state[0])
		return false;
	if (!g->promoting_idle)
		return true;
	if (index < 0 || index >= g->node.count)
		index = 0;
	target = view_server(d->v, g->node.servers[index].addr);
	overlooked = m ? who_was_overlooked(d, g, m) : NULL;
	if (overlooked) {
		propose_master(d, ACT_PROMOTE, gid, overlooked, m,
			       "a promotion was interrupted, and the dashboard did not know the master before it");
		return true;
	}
	if (m && is_done_but_not_said(d, g, target, m)) {
		propose_master(d, ACT_PROMOTE, gid, target, NULL, words.why);
		return true;
	}
	if (m && is_done_and_undone(d, g, target, m)) {
		propose_master(d, ACT_PROMOTE, gid, target, m, words.why);
		return true;
	}
	/* A master that does not lead, or whose address has gone to a stranger, is judged as ever. */
	if (!m || judge_of_another_group(m, gid) || !view_master_verified(m))
		return false;
	if (target == m)
		end_promotion(d, g, m, words.why);
	else if (!target || !judge_heard(target) || judge_of_another_group(target, gid))
		propose_master(d, ACT_PROMOTE, gid, m, NULL, "a promotion was interrupted, and its target is gone");
	else
		finish_or_take_back(d, gid, target, m, &words);
	return true;
}

/* --- a master that lives --- */

bool awaits_another_group(const struct decision *d, const struct group_view *g)
{
	const struct cluster_view *v = d->v;
	bool changes = false, switches = false;

	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *o = &v->groups[i];
		bool other = o->node.id != g->node.id;

		changes |= o->busy && other;
		switches |= other && o->switching_ms && v->now_ms - o->switching_ms < TURN_MS;
	}
	for (int i = 0; i < d->count; i++) {
		const struct action *a = &d->out[i];

		switches |= a->kind == ACT_SWITCH && a->gid != g->node.id;
		changes |= (a->kind == ACT_SWITCH || a->kind == ACT_PROMOTE) && a->gid != g->node.id;
	}
	return switches || (changes && view_any_slot(v->dashboard.slot_acting));
}

/* Its kubelet ends its pod, and has told nobody but the preStop hook, as where the node shuts down or lacks memory. */
static bool is_ending(const struct server_view *s)
{
	return !s->pod.deleting && s->info_valid && s->info.ending;
}

/* What a dashboard moves to the old master, or from it, as the new one gets its role would be lost, or moved twice. One
 * that nobody ends yet waits until they have arrived, but for those that stand still. */
static bool awaits_slots(const struct decision *d, const struct group_view *g, bool cordoned)
{
	bool soon = g->leaves_ms && judge_lasting_ms(d->v, g->leaves_ms) < ARRIVED_MS;

	return (soon || (cordoned && !d->v->dashboard.slots_disabled)) && judge_slots_move(d->v, g->node.id);
}

#define PAST ", past slots of its group that may still move: what arrives amid the switch is lost"

static const char *why_it_ends(const struct decision *d, const struct group_view *g, bool ending)
{
	bool moves = judge_slots_move(d->v, g->node.id);

	if (ending)
		return moves ? "the master's pod is being ended by its kubelet" PAST
			     : "the master's pod is being ended by its kubelet";
	return moves ? "the master's pod is being deleted" PAST : "the master's pod is being deleted";
}

/* Its pod is about to end, or its process is, whose pod was taken away at once (delete --force). A node that is
 * cordoned is about to be drained: its master is switched while nobody waits for it. One that got the role by an
 * address that had been a member's is needed by its own group. While a limit holds the switch up, the other members are
 * mended. */
static bool leave_gracefully(struct decision *d, const struct group_view *g, const struct server_view *m)
{
	bool ending = is_ending(m), told = m->pod.deleting || ending, fresh = d->v->kube_fresh;
	bool gone = !told && m->pod_gone && !judge_has_pod(m) && fresh;
	bool lent = !told && !gone && m->group && m->group != g->node.id && fresh &&
		    judge_lasting_ms(d->v, m->since_ms) >= LENT_MS;
	bool cordoned = !told && !gone && !lent && m->pod.cordoned && fresh;
	const struct server_view *next;

	if ((!told && !gone && !lent && !cordoned) || !can_lock_proxies(d->v))
		return false;
	next = judge_best_replica(d->v, g, m, true);
	if (!next || (!told && !judge_has_pod(next)) || (cordoned && next->pod.cordoned))
		return false;
	if ((told || cordoned) && awaits_slots(d, g, cordoned))
		return false; /* its members are mended meanwhile */
	if (awaits_another_group(d, g))
		return true;
	propose_master(d, ACT_SWITCH, g->node.id, next, m,
		       gone       ? "the master's pod is gone"
		       : lent     ? "the master's pod is another group's"
		       : cordoned ? "the master's node is cordoned"
				  : why_it_ends(d, g, ending));
	return !hold(d);
}

/* A controller that does not lead claims the group, since it and a replica do not hear the master, as where both are
 * cut off from it. We hear it, and its proxies: what it acknowledges, that replica would not have. So the claim is
 * overtaken before anything comes of it. */
static bool keep_master(struct decision *d, const struct group_view *g, const struct server_view *m)
{
	if (!g->claimed_ms || d->v->mandate == MANDATE_STANDBY || d->v->second || g->acted_ms >= g->claimed_ms ||
	    d->v->now_ms - g->claimed_ms >= CLAIM_OVER_MS || m->heard_ms < g->claimed_ms || !can_lock_proxies(d->v))
		return false;
	propose_master(d, ACT_PROMOTE, g->node.id, m, NULL,
		       "another controller is about to replace it, and it answers here")
		->keeps = true;
	return true;
}

/* It was declared and refuses the role: another one that has what old sent, if there is one. */
static const struct server_view *who_takes_over(const struct decision *d, const struct group_view *g,
						const struct server_view *m, const struct server_view *old)
{
	const struct server_view *best = m->role_refused_ms ? judge_best_replica(d->v, g, old, false) : NULL;

	return best ? best : m;
}

/* Another controller has just written the node: the role may be given by now, and what is heard be older. */
static bool is_being_given(const struct decision *d, const struct group_view *g)
{
	return g->written_ms && d->v->now_ms - g->written_ms < ROLE_GIVEN_MS;
}

/* The declared master has no role yet. A live one that it still follows goes on until it has caught up, or for good;
 * one of which it is not known whether it lives is not replaced over its head. */
static void give_role(struct decision *d, const struct group_view *g, const struct server_view *m, const char *why)
{
	const struct half_done words = { why, "its replica was to take over, and is not in sync",
					 "its replica was to take over, and is about to end",
					 "its replica was to take over, and a proxy cannot be locked" };
	const struct server_view *old = view_server(d->v, m->info.master), *next;
	const char *unused;

	if (!old || old == m || !view_is_member(old, g->node.id)) {
		propose_master(d, ACT_PROMOTE, g->node.id, m, NULL, why);
		return;
	}
	switch (judge_as_master(d->v, g, old, d->limits, &unused)) {
	case MASTER_HEALTHY:
		if (!is_being_given(d, g))
			finish_or_take_back(d, g->node.id, m, old, &words);
		break;
	case MASTER_UNKNOWN: break;
	default:
		next = who_takes_over(d, g, m, old);
		if (!is_claimed(d, g, old, next))
			propose_master(d, ACT_PROMOTE, g->node.id, next, old,
				       next == m ? why : "the replica that was to take over refuses the role");
	}
}

/* The declared master was to take over from one that lives, was last heard as its replica, and does not answer, or only
 * that it loads what that one sent. Its clients wait, or are refused: the one before it stays. Whether it is so. */
static bool keep_the_one_before(struct decision *d, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *old = m->info.role == REDIS_ROLE_REPLICA ? view_server(d->v, m->info.master) : NULL;
	/* It may be silent to us alone, and who has declared it hears it: that is not as old as its silence. */
	int64_t since_ms = m->since_ms > g->written_ms ? m->since_ms : g->written_ms;
	bool silent = m->reach == REACH_SILENT && judge_lasting_ms(d->v, since_ms) >= d->limits->silence_ms;
	bool answers = judge_heard(m) || judge_loads(m);

	if (!old || old == m || !view_is_member(old, g->node.id) || !view_master_verified(old) || !judge_heard(old) ||
	    judge_may_be_a_stranger(d->v, old) || d->v->mandate != MANDATE_LEAD)
		return false;
	if (judge_loads(m) || ((silent || m->reach == REACH_REFUSED) && !answers && old->heard_ms >= m->since_ms &&
			       view_nobody_sends_to(d->v, g, m))) {
		propose_master(d, ACT_PROMOTE, g->node.id, old, NULL,
			       "its replica was to take over, and does not answer");
		return true;
	}
	return false;
}

/* --- out_of_sync --- */

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

/* It is silent since we began: whether its replica had lost it before, whoever leads may know. */
static bool was_never_heard(const struct server_view *m)
{
	return m && m->reach == REACH_SILENT && !m->heard_ms;
}

static bool is_lost_for_long(const struct decision *d, const struct group_view *g)
{
	return g->lost_ms && d->v->now_ms - g->lost_ms >= d->limits->standby_ms;
}

/* Another controller leads, and may be about to act, or gone together with the master. What a dashboard has left half
 * done is not looked at; but by one that may be the only one that is left. */
static bool leaves_to_leader(const struct decision *d, const struct group_view *g)
{
	if (d->v->mandate == MANDATE_STANDBY)
		return g->node.promoting_state[0] || was_never_heard(view_master(d->v, g)) || !is_lost_for_long(d, g) ||
		       !judge_lost(d->v, g, d->limits);
	return d->v->second && !g->node.promoting_state[0] && !is_lost_for_long(d, g) && judge_lost(d->v, g, d->limits);
}

/* As the one who leads, where that may be gone with the master. */
static void hold_beside(struct decision *d, const struct group_view *g)
{
	const char *why;

	if (!g->node.promoting_state[0] && !was_never_heard(view_master(d->v, g)) &&
	    judge_master(d->v, g, d->limits, &why) == MASTER_UNKNOWN)
		hold_early(d, g, view_master(d->v, g));
}

void decide_group(struct decision *d, const struct group_view *g)
{
	const struct server_view *m = view_master(d->v, g), *old;
	const char *why;

	if (g->busy)
		return;
	if (leaves_to_leader(d, g)) {
		hold_beside(d, g);
		return;
	}
	if (drop_left_over(d, g))
		return;
	if (resume_promotion(d, g))
		return;
	switch (judge_master(d->v, g, d->limits, &why)) {
	case MASTER_UNKNOWN:
		if (!keep_the_one_before(d, g, m))
			hold_early(d, g, m);
		return;
	case MASTER_NONE:
		if (d->v->mandate == MANDATE_LEAD)
			cold_start(d, g, why);
		return;
	case MASTER_FAILED:
		if (!keep_the_one_before(d, g, m))
			replace_master(d, g, why);
		return;
	case MASTER_ROLELESS: give_role(d, g, m, why); return;
	case MASTER_HEALTHY: break;
	}
	if (keep_master(d, g, m))
		return;
	if (d->v->mandate != MANDATE_LEAD || !succession_stays(take_back(d, g, m, &old)) || leave_gracefully(d, g, m))
		return;
	if (mend_members(d, g, m, old != NULL))
		return;
	if (is_in_sync_unmarked(d, g))
		propose_server(d, ACT_MARK_IN_SYNC, g->node.id, m, "every proxy sends its slots to its master");
}
