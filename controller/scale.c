#include "controller/scale.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/codis/served.h"

struct looking {
	const struct cluster_view *v;
	const struct decide_limits *limits;
	struct scale *s;
	int16_t has[CODIS_SLOTS]; /* whose a slot will be when what is under way is done */
	bool fixed[CODIS_SLOTS];  /* it is under way */
	struct gids owners;       /* who has slots then */
	struct gids fresh;        /* new groups that wait for their share */
	struct gids takers;       /* who is to have slots, of those between which they move */
	int acting;               /* slots that are under way */
	int offline;              /* the first slot that is nobody's; -1: none is */
};

__attribute__((format(printf, 2, 3))) static void waits_for(struct looking *l, const char *fmt, ...)
{
	va_list ap;

	if (l->s->waits[0])
		return;
	va_start(ap, fmt);
	vsnprintf(l->s->waits, sizeof(l->s->waits), fmt, ap);
	va_end(ap);
}

/* --- which groups ---------------------------------------------------------------------------------------------------
 */

/* It is asked for so many servers as can be done. */
static bool is_asked(const struct view_set *set)
{
	return set->asked && set->servers >= 0 && !set->deleting;
}

static struct codis_shape shape_of(const struct codis_shape *shape, int replicas)
{
	struct codis_shape other = *shape;

	other.replicas = replicas;
	return other;
}

/* It would be no more with as many servers as codis.io/scale-to asks for on its StatefulSet. */
static bool is_doomed(const struct cluster_view *v, int gid)
{
	const struct view_set *set = view_set_of(v, gid);
	struct codis_shape then;

	if (!set || !is_asked(set) || set->servers >= set->shape.replicas)
		return false;
	then = shape_of(&set->shape, set->servers);
	return codis_shape_makes(&set->shape, gid) && !codis_shape_makes(&then, gid);
}

static bool has_what_it_asks(const struct view_set *set)
{
	return is_asked(set) && set->servers == set->shape.replicas;
}

static bool is_asked_again(const struct cluster_view *v, int gid)
{
	const struct view_set *set = view_set_of(v, gid);

	return set && has_what_it_asks(set);
}

/* Its node, or a server that may still make one. */
static bool exists(const struct cluster_view *v, int gid)
{
	const struct group_view *g = view_group(v, gid);
	const struct server_view *s;

	for (int at = 0; g && (s = view_next(v, g, &at));) {
		if (view_is_member(s, gid) && judge_has_pod(s))
			return true;
	}
	return g && g->exists;
}

static void look_at_slots(struct looking *l)
{
	const struct dashboard_view *b = &l->v->dashboard;

	l->offline = -1;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		l->fixed[i] = b->slot_target[i] != 0;
		l->has[i] = b->slot_target[i] ? b->slot_target[i] : b->slot_group[i];
		l->acting += l->fixed[i];
		if (!l->has[i] && l->offline < 0)
			l->offline = i;
		if (l->has[i] && (i == 0 || l->has[i] != l->has[i - 1]))
			gids_add(&l->owners, l->has[i]);
	}
}

/* Who has, or had, slots; of those that are no more it is forgotten, so that one of that number is new again. What is
 * given up on purpose is not to be saved. */
static void find_had(struct looking *l)
{
	const struct cluster_view *v = l->v;

	for (int i = 0; i < v->scaling.had.count; i++) {
		int gid = v->scaling.had.of[i];
		const struct group_view *g = view_group(v, gid);

		if (view_is_wanted(v, gid) || (gids_have(&l->owners, gid) && !(g && g->may_lose)))
			gids_add(&l->s->had, gid);
	}
	for (int i = 0; i < l->owners.count; i++) {
		if (view_is_wanted(v, l->owners.of[i]))
			gids_add(&l->s->had, l->owners.of[i]);
	}
}

/* What was noted goes on; what shall go after all, or shall not, changes sides. */
static void find_side(struct looking *l, int gid)
{
	bool wanted = view_is_wanted(l->v, gid);

	if (is_doomed(l->v, gid) || (!wanted && (exists(l->v, gid) || gids_have(&l->owners, gid))))
		gids_add(&l->s->moving.from, gid);
	else if (wanted)
		gids_add(&l->s->moving.to, gid);
}

static void find_noted(struct looking *l)
{
	const struct moving *was = &l->v->scaling.moving;

	for (int i = 0; i < was->to.count; i++)
		find_side(l, was->to.of[i]);
	for (int i = 0; i < was->from.count; i++)
		find_side(l, was->from.of[i]);
}

static void find_groups(struct looking *l)
{
	const struct cluster_view *v = l->v;
	int wanted = view_groups_wanted(v);

	find_had(l);
	find_noted(l);
	for (int i = 0; i < wanted; i++) {
		int gid = view_wanted_group(v, i);

		if (is_doomed(v, gid))
			gids_add(&l->s->moving.from, gid);
		else if (!gids_have(&l->owners, gid) && !gids_have(&l->s->moving.to, gid) &&
			 (!gids_have(&l->s->had, gid) || is_asked_again(v, gid)))
			gids_add(&l->fresh, gid);
	}
}

/* --- whether all is well --------------------------------------------------------------------------------------------
 */

static void wait_for_group(struct looking *l, int gid)
{
	const struct group_view *g = view_group(l->v, gid);
	const struct server_view *m = g ? view_master(l->v, g) : NULL, *s;
	int synced = 0, wanted = view_group_size(l->v, gid) - 1;
	const char *why;

	if (!m || judge_master(l->v, g, l->limits, &why) != MASTER_HEALTHY) {
		waits_for(l, "group %d has no master", gid);
		return;
	}
	/* As a switch, of which nothing else tells before its fence: a wish that is begun is none any more. */
	if (g->busy)
		waits_for(l, "something is being done to group %d", gid);
	if (g->node.promoting_state[0])
		waits_for(l, "group %d is being promoted", gid);
	for (int at = 0; (s = view_next(l->v, g, &at));)
		synced += view_is_member(s, gid) && view_synced(s, m) && !s->pod.deleting;
	if (synced < wanted)
		waits_for(l, "group %d lacks %d synced replica%s", gid, wanted - synced,
			  wanted - synced == 1 ? "" : "s");
	if (m->pod.deleting)
		waits_for(l, "the master of group %d is being deleted", gid);
	else if (judge_leaves(l->v, g))
		waits_for(l, "the master of group %d is about to hand over", gid);
}

static bool is_silent_proxy(const struct proxy_view *p)
{
	return (p->pod.name[0] || p->registered) && !p->pod.deleting &&
	       (p->reach != REACH_OK || !p->registered || !p->online);
}

static void wait_for_proxies(struct looking *l)
{
	const struct cluster_view *v = l->v;

	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];

		if (is_silent_proxy(p))
			waits_for(l, "proxy %s does not serve", p->pod.name[0] ? p->pod.name : p->admin_addr);
	}
}

/* What slots must not move for: a failover, or a proxy that is to be told of each slot, in the middle of it costs more
 * than time. */
static void wait_for_health(struct looking *l)
{
	const struct cluster_view *v = l->v;
	const struct moving *m = &l->s->moving;

	if (v->tilted)
		waits_for(l, "most servers are silent");
	if (l->v->switchover.wished)
		waits_for(l, "group %d is to get another master, as a person wishes", l->v->switchover.wish.gid);
	for (int i = 0; i < l->owners.count; i++)
		wait_for_group(l, l->owners.of[i]);
	for (int i = 0; i < m->to.count; i++)
		wait_for_group(l, m->to.of[i]);
	for (int i = 0; i < l->takers.count; i++)
		wait_for_group(l, l->takers.of[i]);
	wait_for_proxies(l);
}

/* A person did that, so nobody else undoes it. What was told to move stands still as well. */
static void wait_for_slot_actions(struct looking *l)
{
	if (l->v->dashboard.slots_disabled && l->v->dashboard.reach == REACH_OK)
		waits_for(l, SCALE_DISABLED_FMT, l->v->dashboard.addr);
}

/* Somebody is at the slots, or has left it so. Where none is anybody's that is no trouble of ours. */
static void wait_for_owner(struct looking *l)
{
	if (l->offline >= 0 && l->owners.count)
		waits_for(l,
			  "slot %d is in no group: codis-admin --dashboard=%s --slots-assign --beg=%d --end=%d "
			  "--gid=GROUP --confirm puts it into one",
			  l->offline, l->v->dashboard.addr, l->offline, l->offline);
}

/* All new groups begin together, lest the first gets what it would have to give the second. */
static void begin_fresh(struct looking *l)
{
	if (!l->fresh.count)
		return;
	wait_for_owner(l);
	if (l->offline >= 0)
		return;
	wait_for_health(l);
	for (int i = 0; i < l->fresh.count; i++)
		wait_for_group(l, l->fresh.of[i]);
	for (int i = 0; i < l->fresh.count && !l->s->waits[0]; i++)
		gids_add(&l->s->moving.to, l->fresh.of[i]);
}

/* --- the plan -------------------------------------------------------------------------------------------------------
 */

static bool may_have_slots(const struct looking *l, int gid)
{
	return view_is_wanted(l->v, gid) && !gids_have(&l->s->moving.from, gid);
}

/* Those between which slots move, in the order of their numbers. */
static int list_groups(struct looking *l, struct moves_group groups[GIDS_MAX])
{
	const struct moving *m = &l->s->moving;
	struct gids all = l->owners;
	bool any = m->to.count > 0;
	int wanted = view_groups_wanted(l->v), n = 0;

	for (int i = 0; i < l->owners.count; i++)
		any |= may_have_slots(l, l->owners.of[i]);
	for (int i = 0; i < wanted; i++) {
		int gid = view_wanted_group(l->v, i);

		if (gids_have(&m->to, gid) || gids_have(&m->from, gid) || !any)
			gids_add(&all, gid);
	}
	for (int i = 0; i < all.count; i++) {
		int gid = all.of[i];

		if (gids_have(&m->from, gid)) {
			groups[n++] = (struct moves_group){ .gid = gid, .role = MOVES_DRAINS };
		} else if (may_have_slots(l, gid)) {
			gids_add(&l->takers, gid);
			groups[n++] =
				(struct moves_group){ .gid = gid,
						      .role = gids_have(&m->to, gid) ? MOVES_FILLS : MOVES_STAYS };
		}
	}
	return n;
}

/* How many slots are not yet where they shall be; which ones are to be begun now. */
static void plan(struct looking *l)
{
	const struct dashboard_view *b = &l->v->dashboard;
	struct moves_group groups[GIDS_MAX];
	int room = l->v->scaling.parallel - l->acting, left;

	left = moves_plan(groups, list_groups(l, groups), l->has, l->fixed, l->s->moves, room > 0 ? room : 0);
	l->s->count = left < room ? left : room > 0 ? room : 0;
	/* Of those under way some still go to where they are not to stay. */
	for (int i = 0; i < CODIS_SLOTS; i++)
		left += l->fixed[i] && (gids_have(&l->s->moving.to, b->slot_target[i]) ||
					gids_have(&l->s->moving.from, b->slot_target[i]) ||
					gids_have(&l->s->moving.from, b->slot_group[i]));
	l->s->left = left;
}

/* --- groups that go -------------------------------------------------------------------------------------------------
 */

/* One that is not heard may have what it sent, and one whose slots were not read may send any. */
static void wait_for_word_of_proxies(struct looking *l)
{
	wait_for_proxies(l);
	for (int i = 0; i < l->v->proxy_count; i++) {
		const struct proxy_view *p = &l->v->proxies[i];

		if (!p->slots && !p->pod.deleting)
			waits_for(l, "which slots proxy %s sends is not known",
				  p->pod.name[0] ? p->pod.name : p->admin_addr);
	}
}

static bool is_sent_to(const struct cluster_view *v, int gid)
{
	for (int k = 0; k < v->proxy_count; k++) {
		for (int i = 0; v->proxies[k].slots && i < CODIS_SLOTS; i++) {
			const struct codis_slot *s = &v->proxies[k].slots[i];

			if (s->group == gid || s->migrate_from == gid)
				return true;
		}
	}
	return false;
}

/* When a slot was last heard to be another group's, or to have come to an end of its way. 0: not known. */
static int64_t changed_ms(const struct dashboard_view *b)
{
	int64_t last_ms = 0;

	for (int i = 0; b->slot_since_ms && i < CODIS_SLOTS; i++)
		last_ms = b->slot_since_ms[i] > last_ms ? b->slot_since_ms[i] : last_ms;
	return last_ms;
}

/* What is left there would be lost with its servers. Keys that were counted before the last slot had gone may have gone
 * with it: nobody is told to give those up. */
static void wait_until_empty(struct looking *l, int gid)
{
	const struct group_view *g = view_group(l->v, gid);
	const struct server_view *m = g ? view_master(l->v, g) : NULL;
	char keys[SERVED_KEYS_MAX];

	wait_for_word_of_proxies(l);
	if (gids_have(&l->owners, gid))
		waits_for(l, "no group is left to take the slots of group %d", gid);
	if (is_sent_to(l->v, gid))
		waits_for(l, "a proxy still sends slots to group %d", gid);
	if (!g || g->may_lose || !g->node.count)
		return;
	if (!m || !view_master_verified(m)) {
		waits_for(l,
			  "what group %d has is not known: it has no master; " CODIS_ANNOTATION_ALLOW_LOSS "=%d gives "
			  "it up",
			  gid, gid);
	} else if (m->info.keys > 0 && m->heard_ms <= changed_ms(&l->v->dashboard)) {
		waits_for(l, "which keys group %d still has is asked", gid);
	} else if (m->info.keys > 0) {
		served_say_keys(m->info.keys, keys);
		waits_for(l, "group %d still has %s and no slot; " CODIS_ANNOTATION_ALLOW_LOSS "=%d gives them up", gid,
			  keys, gid);
	}
}

/* Of groups that would go: the webhook judges by what is noted of the slots. */
static void wait_for_note(struct looking *l, const struct view_set *set)
{
	struct codis_shape then = shape_of(&set->shape, set->servers);
	int first, last = 0;

	codis_shape_groups(&then, &first, &last);
	if (set->last_noted < 0 || set->last_noted > last)
		waits_for(l, CODIS_ANNOTATION_SLOTS " does not yet say that the groups that go have none");
}

/* Their servers go, and then they. */
static void let_go(struct looking *l)
{
	const struct moving *m = &l->s->moving;
	const struct cluster_view *v = l->v;
	const struct view_set *set = NULL; /* one of those that are to have fewer */

	for (int i = 0; i < m->from.count; i++) {
		const struct group_view *g = view_group(v, m->from.of[i]);

		if (is_doomed(v, m->from.of[i])) {
			set = set ? set : view_set_of(v, m->from.of[i]);
			wait_until_empty(l, m->from.of[i]);
		} else if (g && g->exists && !g->node.count && !gids_have(&l->owners, g->node.id) && !g->busy &&
			   !g->node.promoting_state[0]) {
			l->s->step = SCALE_REMOVES;
			l->s->gid = m->from.of[i];
			l->s->why = "its servers have gone, and it has no slot";
		} else {
			waits_for(l, "the servers of group %d end", m->from.of[i]);
		}
	}
	if (set)
		wait_for_note(l, set);
	if (!set || l->s->waits[0])
		return;
	l->s->step = SCALE_SCALES;
	l->s->set = set;
	l->s->replicas = set->servers;
	l->s->why = "codis.io/scale-to asks for fewer servers";
}

/* --- what somebody else has scaled ----------------------------------------------------------------------------------
 */

/* Its master leads. One whose pod is being deleted holds that up (its preStop) until a server that was asked back has
 * its data. */
static bool can_be_kept(const struct cluster_view *v, int gid)
{
	const struct group_view *g = view_group(v, gid);
	const struct server_view *m = g ? view_master(v, g) : NULL;

	return m && !g->may_lose && view_master_verified(m) && judge_has_pod(m) && m->group == gid;
}

/* Slots are to move to it that have not begun to. They would have nowhere to go, and it has nothing to lose. */
static bool is_only_awaited(const struct cluster_view *v, int gid)
{
	const struct dashboard_view *b = &v->dashboard;
	const struct group_view *g = view_group(v, gid);
	bool awaited = false;

	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (b->slot_group[i] == gid || (b->slot_target[i] == gid && b->slot_acting[i]))
			return false;
		awaited |= b->slot_target[i] == gid;
	}
	return awaited && !(g && g->may_lose);
}

/* The webhook was away, and let it through. What this controller scales away has no slots, whatever is being emptied.
 */
static bool undo(struct looking *l)
{
	const struct view_set *set = NULL;
	int last = 0, replicas;

	for (int i = 0; i < l->v->scaling.had.count; i++) {
		int gid = l->v->scaling.had.of[i];
		const struct view_set *its = view_set_of(l->v, gid);

		if (!its || its->shape.group || its->shape.server_replica < 1 || its->deleting || (set && its != set))
			continue;
		if (!view_is_wanted(l->v, gid) && gids_have(&l->owners, gid) &&
		    (can_be_kept(l->v, gid) || is_only_awaited(l->v, gid))) {
			last = gid;
			set = its;
		}
	}
	replicas = set ? last * set->shape.server_replica - set->shape.start : 0;
	if (!set || replicas <= set->shape.replicas)
		return false;
	l->s->step = SCALE_SCALES;
	l->s->undoes = true;
	l->s->set = set;
	l->s->replicas = replicas;
	l->s->why = "groups that have slots would go, and codis.io/scale-to does not say so";
	return true;
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

/* What is noted is to stand where servers are, and on one StatefulSet: whoever deletes one that has none takes no note
 * away. The one to write next, or NULL. */
static const struct view_set *note_misplaced(const struct cluster_view *v, bool *drops)
{
	const struct view_set *home = &v->sets[v->scaling.home];
	bool stays = home->shape.replicas > 0 && !home->deleting;

	*drops = stays;
	for (int i = 0; i < v->set_count; i++) {
		const struct view_set *set = &v->sets[i];

		if (set != home && (stays ? set->noted : set->shape.replicas > 0 && !set->deleting))
			return set;
	}
	return NULL;
}

static bool place_note(struct looking *l)
{
	bool drops;
	const struct view_set *set = note_misplaced(l->v, &drops);

	if (!set || moving_is(&l->v->scaling.moving))
		return false;
	l->s->step = SCALE_NOTES;
	l->s->set = set;
	l->s->drops = drops;
	l->s->why = drops ? "it is noted on another StatefulSet" : "the StatefulSet that has the note has no servers";
	return true;
}

/* Nothing is noted or asked for, and each group is an old one: as it is nearly always. */
static bool rests(const struct cluster_view *v)
{
	int wanted = view_groups_wanted(v);
	bool drops;

	if (moving_is(&v->scaling.moving) || view_set_asked(v) || note_misplaced(v, &drops) || !v->scaling.had_noted ||
	    v->scaling.had.count != wanted)
		return false;
	for (int i = 0; i < wanted; i++) {
		if (!gids_have(&v->scaling.had, view_wanted_group(v, i)))
			return false;
	}
	return true;
}

/* A cluster that was there before this was: who has no slots now has none on purpose. */
static void note_first(struct looking *l)
{
	int wanted = view_groups_wanted(l->v);

	if (view_set_asked(l->v))
		wait_for_owner(l);
	if (l->offline >= 0 || !wanted)
		return;
	l->s->had = l->owners;
	for (int i = 0; i < wanted; i++)
		gids_add(&l->s->had, view_wanted_group(l->v, i));
	l->s->step = SCALE_NOTES;
	l->s->set = &l->v->sets[l->v->scaling.home];
	l->s->why = "which groups have slots is noted";
}

/* What was asked for there is, and has its share. */
static bool forget(struct looking *l)
{
	const struct cluster_view *v = l->v;

	for (int i = 0; i < v->set_count; i++) {
		if (!has_what_it_asks(&v->sets[i]))
			continue;
		l->s->step = SCALE_NOTES;
		l->s->set = &v->sets[i];
		l->s->forgets = true;
		l->s->why = "the slots are where they shall be";
		return true;
	}
	return false;
}

static bool note(struct looking *l)
{
	const struct scaling_view *was = &l->v->scaling;
	struct moving *m = &l->s->moving;
	bool same = gids_same(&m->to, &was->moving.to) && gids_same(&m->from, &was->moving.from);

	for (int i = 0; i < m->to.count; i++)
		gids_add(&l->s->had, m->to.of[i]);
	m->slots = same || !l->s->left ? was->moving.slots : l->s->left;
	/* Each has its share. */
	if (!l->s->left && m->to.count) {
		m->to.count = 0;
		same = false;
	}
	if (same && gids_same(&l->s->had, &was->had))
		return !moving_is(m) && !l->fresh.count && forget(l);
	l->s->step = SCALE_NOTES;
	l->s->set = &l->v->sets[l->v->scaling.home];
	l->s->why = !moving_is(m) && moving_is(&was->moving) ? "the slots are where they shall be"
		    : m->from.count                          ? "codis.io/scale-to asks for fewer servers"
		    : m->to.count                            ? "new groups get their share of the slots"
							     : "which groups have slots is noted";
	return true;
}

static bool grow(struct looking *l)
{
	for (int i = 0; i < l->v->set_count; i++) {
		const struct view_set *set = &l->v->sets[i];

		if (!is_asked(set) || set->servers <= set->shape.replicas)
			continue;
		l->s->step = SCALE_SCALES;
		l->s->set = set;
		l->s->replicas = set->servers;
		l->s->why = "codis.io/scale-to asks for more servers";
		return true;
	}
	return false;
}

static void go_on(struct looking *l)
{
	find_groups(l);
	begin_fresh(l);
	plan(l);
	if (undo(l) || note(l) || grow(l) || place_note(l))
		return;
	if (l->s->left) {
		wait_for_slot_actions(l);
		wait_for_health(l);
		l->s->step = l->s->waits[0] || !l->s->count ? SCALE_RESTS : SCALE_MOVES;
		l->s->why = "the slots are where they shall be";
	} else {
		let_go(l);
	}
}

/* How far it was when the slots were last read; a controller that has just begun may not have read any. */
static void count_noted(struct looking *l)
{
	l->s->uncounted = !l->v->dashboard.slots_known;
	if (l->s->uncounted)
		return;
	look_at_slots(l);
	plan(l);
	l->s->count = 0;
}

void scale_look(const struct cluster_view *v, const struct decide_limits *limits, struct scale *s)
{
	struct looking l = { .v = v, .limits = limits, .s = s };

	memset(s, 0, sizeof(*s));
	if (!v->set_count || rests(v))
		return;
	s->moving = v->scaling.moving;
	s->had = v->scaling.had;
	s->left = s->moving.slots;
	if (v->dashboard.reach != REACH_OK || !v->dashboard.slots_known) {
		if (moving_is(&s->moving)) {
			waits_for(&l, "the dashboard does not answer");
			count_noted(&l);
		}
		return;
	}
	memset(s, 0, sizeof(*s));
	look_at_slots(&l);
	if (v->scaling.had_noted)
		go_on(&l);
	else
		note_first(&l);
}

bool scale_lets_go(const struct cluster_view *v, int gid)
{
	const struct dashboard_view *b = &v->dashboard;

	if (!gids_have(&v->scaling.moving.from, gid) || view_is_wanted(v, gid))
		return false;
	for (int i = 0; b->slots_known && i < CODIS_SLOTS; i++) {
		if (b->slot_group[i] == gid || b->slot_target[i] == gid)
			return false;
	}
	return true;
}

/* --- words ----------------------------------------------------------------------------------------------------------
 */

int scale_moved(const struct scale *s)
{
	return s->moving.slots > s->left ? s->moving.slots - s->left : 0;
}

static void say_progress(const struct scale *s, struct buf *out)
{
	const struct moving *m = &s->moving;

	if (!s->left && m->from.count) {
		gids_say(&m->from, out);
		buf_addf(out, " ha%s no slots any more", m->from.count == 1 ? "s" : "ve");
		return;
	}
	if (s->uncounted)
		buf_addf(out, "%d slots move ", m->slots);
	else
		buf_addf(out, "%d of %d slots have moved ", scale_moved(s), m->slots);
	if (m->to.count) {
		buf_addstr(out, "to ");
		gids_say(&m->to, out);
	}
	if (m->from.count) {
		buf_addf(out, "%sfrom ", m->to.count ? " and " : "");
		gids_say(&m->from, out);
	}
}

/* What is asked for and cannot be done. */
static void say_unfit(const struct cluster_view *v, struct buf *out)
{
	char why[SCALING_WHY_MAX];
	int servers;

	for (int i = 0; i < v->set_count; i++) {
		const struct view_set *set = &v->sets[i];

		if (!set->asked || set->servers >= 0)
			continue;
		scaling_fits(set->asked_by, &set->shape, view_others_stay(v, set), &servers, why);
		buf_addf(out, "%s" CODIS_ANNOTATION_SCALE_TO "%s%s is \"%s\", and nothing is done for it: %s",
			 out->len ? "; " : "", v->set_count > 1 ? " of " : "", v->set_count > 1 ? set->name : "",
			 set->asked_by, why);
		return;
	}
}

bool scale_words(const struct cluster_view *v, const struct scale *s, struct buf *out)
{
	if (moving_is(&s->moving))
		say_progress(s, out);
	else if (s->waits[0] && v->scaling.had_noted)
		buf_addstr(out, "new groups are to get slots");
	if (s->waits[0])
		buf_addf(out, "%swaits: %s", out->len ? "; it " : "it ", s->waits);
	say_unfit(v, out);
	return out->len > 0;
}

static void say_some(const struct gids *some, const char *one, const char *several, struct buf *out)
{
	if (!some->count)
		return;
	buf_addstr(out, out->len ? "; " : "");
	gids_say(some, out);
	buf_addstr(out, some->count == 1 ? one : several);
}

/* Whoever has thought better of it has left the groups where they were. */
void scale_end_words(const struct cluster_view *v, const struct moving *was, struct buf *out)
{
	struct gids shared = { .count = 0 }, gone = { .count = 0 }, kept = { .count = 0 };

	for (int i = 0; i < was->to.count; i++)
		gids_add(view_is_wanted(v, was->to.of[i]) ? &shared : &gone, was->to.of[i]);
	for (int i = 0; i < was->from.count; i++)
		gids_add(view_is_wanted(v, was->from.of[i]) ? &kept : &gone, was->from.of[i]);
	say_some(&shared, " has its share of the slots", " have their share of the slots", out);
	say_some(&gone, " is no more", " are no more", out);
	say_some(&kept, " is not to go any more", " are not to go any more", out);
}
