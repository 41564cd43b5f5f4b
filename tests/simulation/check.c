/* check.c - what must hold at every step of a history, whatever happens in it; and what is promised there. A write is
 * promised from its acknowledgement on, unless
 *   - all processes that had it were lost to the world (crashes, power, a person); a file is of the past, and what is
 *     asked of it is only that no empty server leads while there is one;
 *   - it was acknowledged less than 50 ms, or what its replicas were late by, before something befell the master that
 *     did, or another of its group;
 *   - that master was cut off then, from a controller that may act and from every other member of its group;
 *   - a person gave the role to a replica that did not have it.
 * What is moved to another group with its slot is a write of its new master from then on. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/status.h"
#include "tests/simulation/sim.h"

#define TAIL_US     MS(50)
#define REPLACED_US S(6)     /* one that is back is told so by whoever leads, which may take a lease */
#define HEARD_US    MS(1200) /* a controller asks so often */
#define UNLOCKED_US S(8)     /* a lock that was asked for so long ago may have missed it */
#define TOLD_US     MS(100)  /* a call to the API server */
#define RESTED_US   S(3)     /* who has just been sick is not counted as healthy */
#define FINDS_US    MS(2500) /* a controller has seen by then that no proxy was told of a master, and taken it back */
#define AT_WORK_US  S(5)     /* a promotion that a dashboard is at for longer is not left to it */

static struct {
	int reign[SIM_GROUPS + 1]; /* the newest that has acknowledged a write */
	int64_t isolated_us[PODS]; /* since when; 0: it is not */
	int64_t way_changed_us;
	int64_t person_us[SIM_GROUPS + 1]; /* when a person's promotion has given a role */
	int64_t late_us[SIM_GROUPS + 1];   /* ... or was undone, by a dashboard that had been at it for long */
	/* To whom it has not got, though that one was declared. */
	const struct pod *declared[SIM_GROUPS + 1];
	/* A change of master that ended with its controller and all proxies: who had the role then, and since when; and
	 * when a proxy wrote to it that a dashboard took in, while another one wrote to the old master. */
	const struct pod *untold[SIM_GROUPS + 1];
	int64_t untold_us[SIM_GROUPS + 1], both_us[SIM_GROUPS + 1];
	int64_t taken_in_us[PODS];
	/* The wish that was begun last, and by whom. */
	char begun[WISH_TEXT_MAX];
	const struct sim_controller *begun_by;
	uint32_t begun_epoch;
} k;

void check_begin(void)
{
	memset(&k, 0, sizeof(k));
	bounds_reset();
}

static struct pod *master_of(int gid)
{
	const struct codis_group *g = zk_group(gid);
	struct pod *m = g && g->count && !g->promoting_state[0] ? pod_at(g->servers[0].addr) : NULL;

	return m && m->kind == SERVER && !m->stranger && m->alive && !m->stopped && !m->redis->busy &&
			       m->redis->leads && !m->redis->loading
		       ? m
		       : NULL;
}

/* --- what is promised --- */

/* own: what befell the master itself lasts as long as it lasted. */
static bool is_of_fault(const struct write *w, const struct pod *p, bool own)
{
	for (int i = 0; i < p->fault_count; i++) {
		int64_t to = own ? p->faults[i].to : p->faults[i].from;

		/* A client may hear of it long after it was done. */
		if (w->acked_us >= p->faults[i].from - p->faults[i].late - TAIL_US && w->done_us <= to + MS(5))
			return true;
	}
	return false;
}

static bool is_excused(const struct write *w)
{
	const struct pod *p = w->by;

	if (w->excused || !p)
		return true;
	if (k.isolated_us[p - W.pods] && w->acked_us >= k.isolated_us[p - W.pods] - TAIL_US)
		return true;
	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].kind == SERVER && W.pods[i].gid == p->gid && is_of_fault(w, &W.pods[i], &W.pods[i] == p))
			return true;
	}
	return false;
}

/* Whoever may act reaches it. */
static bool is_led(const struct pod *p)
{
	for (int i = 0; i < W.set.controllers; i++) {
		const struct sim_controller *c = &W.controllers[i];

		if (c->alive && (!way_open(c->node, p->node) || !way_open(p->node, c->node)))
			return false;
	}
	return true;
}

bool check_all_reach(const struct pod *p, int64_t us)
{
	for (int i = 0; i < W.set.controllers; i++) {
		const struct sim_controller *c = &W.controllers[i];

		if (!c->alive || c->stopped || c->api_cut || W.now - c->began_us < us || W.now - c->sick_us < us)
			return false;
	}
	return is_led(p) && W.now - k.way_changed_us > us && !W.slow_us[p->node];
}

static bool is_isolated(const struct pod *p)
{
	if (is_led(p))
		return false;
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		/* One that is cut off with it, or hangs (a script, too), is heard by nobody; one that has just started
		 * has heard nobody. */
		if (x != p && x->alive && !x->stopped && x->kind == SERVER && !x->redis->busy && x->gid == p->gid &&
		    (x->redis->from || x->redis->leads) && way_open(p->node, x->node) && is_led(x))
			return false;
	}
	return true;
}

/* Since when some member of its group does not hear it: that one may be the one that leads next. */
static int64_t first_cut(const struct pod *p)
{
	int64_t first = W.now;

	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if (x != p && x->alive && x->kind == SERVER && x->gid == p->gid && W.cut[p->node][x->node] &&
		    W.cut_since[p->node][x->node] < first)
			first = W.cut_since[p->node][x->node];
	}
	return first;
}

/* Another has got the role meanwhile, and perhaps ended since. */
static bool is_replaced(const struct pod *p)
{
	if (k.reign[p->gid] > p->redis->reign)
		return true;
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if (x != p && x->alive && x->kind == SERVER && x->gid == p->gid && x->redis->leads &&
		    x->redis->reign > p->redis->reign)
			return true;
	}
	return false;
}

void check_who_is_led(void)
{
	for (int i = 0; i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];
		bool isolated = p->alive && p->kind == SERVER && is_isolated(p);

		/* Until now, too. */
		if (p->alive && p->kind == PROXY && (p->unled || !is_led(p)))
			p->unled_us = W.now;
		p->unled = p->alive && p->kind == PROXY && !is_led(p);

		if (isolated && !k.isolated_us[i]) {
			k.isolated_us[i] = first_cut(p) - redis_late(p->gid);
		} else if (!isolated && k.isolated_us[i]) {
			note_fault(p, k.isolated_us[i], W.now + (is_replaced(p) ? REPLACED_US : 0));
			k.isolated_us[i] = 0;
		}
	}
}

void check_way_changed(void)
{
	k.way_changed_us = W.now;
	check_who_is_led();
}

/* Or had, and ended within since_us. */
static void others_had(const struct pod *p, int64_t since_us, uint64_t *out)
{
	memset(out, 0, WORDS * sizeof(out[0]));
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if ((!x->alive && !(x->ended_us && W.now - x->ended_us < since_us)) || !x->redis || x == p ||
		    x->redis->of_file || x->redis->link == LINK_LOADING)
			continue;
		for (int n = 0; n < WORDS; n++)
			out[n] |= x->redis->data[n];
	}
}

static void others_have(const struct pod *p, uint64_t *out)
{
	others_had(p, 0, out);
}

static void write_gone(int i, const struct pod *p, const char *by)
{
	struct write *w = &W.writes[i];

	if (!w->acked || w->excused)
		return;
	if (by[0] && !is_excused(w))
		broken("%s throws away what only %s had: write %d, which %s acknowledged at %.3f", by, p->name, i,
		       w->by->name, (double)w->acked_us / 1e6);
	w->excused = true;
	W.losses_by_world++;
}

void check_data_gone(struct pod *p, const char *by)
{
	uint64_t others[WORDS];

	if (p->redis->of_file)
		return;
	/* A person has taken its pod away by force: what it had is lost to the world, though it is not dead yet. */
	if (!p->in_api)
		by = "";
	others_have(p, others);
	for (int n = 0; n * 64 < W.write_count; n++) {
		uint64_t gone = p->redis->data[n] & ~others[n];

		for (; gone; gone &= gone - 1)
			write_gone(n * 64 + __builtin_ctzll(gone), p, by);
	}
}

/* It was a replica as its preStop hook ended, and took over from one that lived before its process did. */
void check_let_go(const struct pod *p, int64_t since_us)
{
	uint64_t others[WORDS];

	if (!p->redis->leads || !p->redis->instead)
		return;
	others_have(p, others);
	for (int i = 0; i < W.write_count; i++) {
		const struct write *w = &W.writes[i];

		if (w->acked && !w->excused && w->by == p && w->acked_us >= since_us && has_write(p->redis->data, i) &&
		    !has_write(others, i)) {
			broken("%s ends with write %d, which it acknowledged when its preStop hook had let it go",
			       p->name, i);
			return;
		}
	}
}

/* A process that hangs is ended only where others have what it has. That one of them ends while the API server is told
 * so, nobody can know. */
static void check_only_holder(const struct pod *p)
{
	uint64_t others[WORDS];

	others_had(p, TOLD_US, others);
	for (int i = 0; i < W.write_count; i++) {
		const struct write *w = &W.writes[i];

		if (w->acked && has_write(p->redis->data, i) && !has_write(others, i) && !is_excused(w)) {
			broken("the pod of %s is deleted, which alone has write %d", p->name, i);
			return;
		}
	}
}

/* What it has of another group's master, that one has. */
static bool has_own_keys(int gid, const uint64_t *data)
{
	for (int i = 0; i < W.write_count; i++) {
		const struct write *w = &W.writes[i];
		bool has_moved = W.scales && w->moved && !check_is_home(w->slot, gid); /* a key that was deleted here */

		if (w->group == gid && has_write(data, i) && !has_moved)
			return true;
	}
	return false;
}

/* In a process or in a file. */
static bool has_keys(int gid)
{
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *p = &W.pods[i];

		if (p->kind == SERVER && p->gid == gid && p->alive && p->in_api && has_own_keys(gid, p->redis->data) &&
		    !(p->redis->from && p->redis->from->gid != gid))
			return true;
	}
	for (int i = 0; W.set.volumes && i < group_size(gid); i++) {
		int ordinal = group_first(gid) + i;
		const struct pod *p = pod_named(SERVER, ordinal);

		/* Of one that runs its file is what its memory is, when it is saved next. */
		if (has_own_keys(gid, W.volumes[ordinal].data) && !(p && p->alive && !p->redis->of_file))
			return true;
	}
	return false;
}

void check_sync_begins(struct redis *replica, struct redis *master)
{
	/* A person gave the role to one that had ended, and whoever had followed it then does so again, untold. */
	bool untold = master->unsynced && replica->from == master->pod && replica->down_since;
	/* One that is empty itself loses nothing by following an empty one that a person chose. */
	bool chosen = master->unsynced && !replica->keys;

	if (!master->keys && !untold && !chosen && replica->pod->in_api && has_keys(replica->pod->gid))
		broken("%s follows %s, which is empty, while others of group %d are not", replica->pod->name,
		       master->pod->name, replica->pod->gid);
}

void check_promoted_by_person(int gid, struct pod *target)
{
	const struct codis_group *g = zk_group(gid);
	struct pod *m = g && g->count ? pod_at(g->servers[0].addr) : NULL;

	if (m && m->kind == SERVER)
		note_fault(m, W.now, W.now);
	(void)target;
}

/* It follows one that another has replaced: what that one got since, it has not. */
static bool follows_an_old_one(const struct redis *r)
{
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if (x->kind == SERVER && x->alive && x->gid == r->pod->gid && x->redis->leads &&
		    x->redis->reign > r->from->redis->reign)
			return true;
	}
	return false;
}

/* Or nobody can have heard yet that it does not. */
bool is_behind(const struct redis *r)
{
	return !r->leads && (r->link != LINK_UP || W.now - r->up_since < HEARD_US ||
			     !way_open(r->from->node, r->pod->node) || follows_an_old_one(r));
}

static bool is_long_at_work(void)
{
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *d = &W.pods[i];

		if (d->kind == DASHBOARD && d->alive && d->dashboard->at_work &&
		    W.now - d->dashboard->began_us > AT_WORK_US)
			return true;
	}
	return false;
}

/* It fills the slots back to the master that it knew. */
void check_undone_by_person(int gid)
{
	if (is_long_at_work())
		k.late_us[gid] = W.now;
}

/* The group's node names it, and the dashboard does not reach it: whoever leads gives it the role. */
void check_declared_by_person(int gid, const struct pod *target)
{
	k.declared[gid] = target;
}

/* Its target was not in sync: what it lacks is what a promotion of one that is behind means. */
void check_role_by_person(int gid, struct pod *target)
{
	struct redis *r = target->redis;

	k.person_us[gid] = W.now;
	if (is_long_at_work())
		k.late_us[gid] = W.now;
	redis_pump(r);
	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].kind == SERVER && W.pods[i].gid == gid && W.pods[i].alive && W.pods[i].redis->leads)
			note_fault(&W.pods[i], W.now, W.now);
	}
	for (int i = 0; i < W.write_count; i++) {
		struct write *w = &W.writes[i];

		if (w->group == gid && w->acked && !has_write(r->data, i) && is_behind(r))
			w->excused = true;
	}
}

/* Nobody can wait for a replica that nobody reaches, when the master is gone: what only such a one has is not promised.
 * The master itself is waited for. */
static bool is_out_of_reach(int write)
{
	const struct pod *by = W.writes[write].by;

	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if (!x->alive || !x->redis || !has_write(x->redis->data, write))
			continue;
		if (x == by ? !k.isolated_us[i] : is_led(x) && !x->stopped)
			return false;
	}
	return true;
}

/* A member that could be asked, and followed the same master: a controller knows how much it has. */
static bool is_candidate(const struct redis *r, const struct pod *x)
{
	const struct redis *o = x->redis;

	return x != r->pod && x->kind == SERVER && x->gid == r->pod->gid && x->alive && x->in_api && !x->stopped &&
	       !x->deleting && !r->pod->deleting && !W.cordoned[x->node] && !o->busy && !o->loading && !o->leads &&
	       o->from == r->from && o->in == r->in && o->offset > 1 && o->link != LINK_TRANSFER &&
	       W.now - x->sick_us > HEARD_US && check_all_reach(x, HEARD_US);
}

static void check_newest_leads(const struct redis *r)
{
	for (int n = 0; n < W.pod_count && r->from; n++) {
		const struct pod *x = &W.pods[n];

		if (!is_candidate(r, x))
			continue;
		for (int i = 0; i < W.write_count; i++) {
			const struct write *w = &W.writes[i];

			if (w->group == x->gid && w->acked && !w->excused && W.now - w->acked_us > MS(300) &&
			    has_write(x->redis->data, i) && !has_write(r->data, i)) {
				broken("%s gets the role, and %s has more: write %d", r->pod->name, x->name, i);
				return;
			}
		}
	}
}

/* Of its own group, or of one that takes it for its own, by its address. */
static void note_emptied(const struct pod *p)
{
	for (int gid = 1; gid <= SIM_GROUPS; gid++) {
		const struct codis_group *g = has_group(gid) ? zk_group(gid) : NULL;

		if (has_group(gid) && (p->gid == gid || (g && g->count && strcmp(g->servers[0].addr, p->addr) == 0)))
			bounds_emptied(gid);
	}
}

void check_role_given(struct redis *r)
{
	if (k.declared[r->pod->gid] == r->pod)
		check_role_by_person(r->pod->gid, r->pod);
	k.declared[r->pod->gid] = NULL;
	if (W.now - k.person_us[r->pod->gid] > S(2))
		check_newest_leads(r);
	if (!r->keys)
		note_emptied(r->pod);
	for (int i = 0; i < W.write_count; i++) {
		struct write *w = &W.writes[i];

		if (w->group == r->pod->gid && w->acked && !w->excused && !has_write(r->data, i) && is_out_of_reach(i))
			w->excused = true;
	}
}

void check_given_up(int gid)
{
	const struct pod *m = master_of(gid);

	for (int i = 0; i < W.write_count; i++)
		W.writes[i].excused |= W.writes[i].group == gid && !(m && has_write(m->redis->data, i));
}

/* --- who acknowledges --- */

bool check_is_home(int slot, int gid)
{
	const struct move *m = &W.moves[slot];

	return (m->state && gid == m->target) || (!m->moved && gid == W.assigned[slot]);
}

/* Whose it is to keep. */
static int home(const struct write *w, const struct pod *server)
{
	const struct move *m = &W.moves[w->slot];

	if (check_is_home(w->slot, server->gid))
		return server->gid;
	return m->state ? m->target : W.assigned[w->slot];
}

bool check_slot_moves(int slot, struct pod *from, struct pod *to)
{
	for (int i = 0, count = W.write_count; i < count; i++) {
		struct write *w = &W.writes[i];

		w->moved |= w->slot == slot && has_write(from->redis->data, i);
		if (w->slot != slot || w->group != from->gid || !w->acked || w->excused ||
		    !has_write(from->redis->data, i))
			continue;
		if (W.write_count < WRITES) {
			if (redis_write(to, W.write_count))
				return false;
			W.writes[W.write_count] = (struct write){ .acked = true, .acked_us = W.now, .slot = w->slot };
			W.writes[W.write_count].group = (int16_t)to->gid;
			check_write_done(W.write_count++, to);
		}
		w->excused = true; /* another one has its place */
	}
	return true;
}

void check_write_done(int write, struct pod *server)
{
	struct write *w = &W.writes[write];

	if (W.moves_slots)
		w->group = (int16_t)home(w, server);

	w->by = server;
	w->done_us = W.now;
	w->reign = server->redis->reign;
	w->excused |= server->redis->unsynced;
	w->split = server->gid == w->group && k.reign[w->group] > w->reign;
}

/* It hung, or nobody reached it, at some time since then. */
static bool was_away_since(const struct pod *p, int64_t since_us)
{
	bool away = p->sick_us >= since_us;

	for (int i = 0; i < p->fault_count; i++)
		away |= p->faults[i].to >= since_us;
	return away;
}

/* A moment ago: another may just be getting its role. */
static bool was_away(const struct pod *p)
{
	return was_away_since(p, W.now - UNLOCKED_US + 1);
}

/* A member that lives has data. */
static bool others_have_keys(const struct pod *p)
{
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if (x != p && x->kind == SERVER && x->gid == p->gid && x->alive && !x->stranger && x->redis->keys)
			return true;
	}
	return false;
}

static bool is_listed(const struct pod *proxy)
{
	char tokens[8][33], addrs[8][SIM_ADDR];
	int n = zk_proxies(tokens, addrs);

	while (n > 0 && strcmp(tokens[n - 1], proxy->proxy->token) != 0)
		n--;
	return n > 0;
}

void check_role_untold(const struct pod *next)
{
	k.untold[next->gid] = next;
	k.untold_us[next->gid] = W.now;
}

void check_takes_itself_in(const struct pod *proxy)
{
	k.taken_in_us[proxy - W.pods] = W.now;
}

/* No proxy was told that it leads, and a dashboard that had not read of it has taken one in, which writes to the old
 * master. Now the dashboard has read of it and takes the next one in, before a controller could see that: one of the
 * two is to lead, and what the other one got is thrown away. */
static void note_both(const struct pod *proxy, const struct pod *server)
{
	int64_t taken_in_us = k.taken_in_us[proxy - W.pods];
	int gid = server->gid;

	if (k.untold[gid] != server || !taken_in_us || W.now - taken_in_us > S(1) || check_all_reach(server, FINDS_US))
		return;
	k.both_us[gid] = W.now;
	for (int i = 0; i < W.write_count; i++) {
		struct write *w = &W.writes[i];

		w->excused |= w->group == gid && w->done_us >= k.untold_us[gid] && !has_write(server->redis->data, i);
	}
}

/* Who leads does not hear it, and a switch waits for it no longer; or somebody else has taken over from a master that
 * was not heard either. */
static bool is_passed_over(const struct pod *proxy, const struct pod *server)
{
	bool ends = proxy->deleting && W.now - proxy->deleting_us >= S(10);

	return is_hidden(W.hidden.from, proxy) &&
	       (ends || !proxy->in_api || !W.node_ready[proxy->node] || was_away_since(server, W.hidden.since_us));
}

void check_write_acked(struct writer *writer, struct pod *server)
{
	struct write *w = &W.writes[writer->write];

	/* A proxy that hung or was cut off meanwhile could not be locked, and has the answer when it wakes. */
	if (k.isolated_us[server - W.pods] || writer->proxy->stopped_us >= writer->sent_us - UNLOCKED_US ||
	    (writer->proxy->unled_us && writer->proxy->unled_us >= writer->sent_us - UNLOCKED_US) ||
	    !is_led(writer->proxy) || is_passed_over(writer->proxy, server))
		w->excused = w->excused || w->split || was_away(server) || !server->redis->leads || is_replaced(server);
	/* A dashboard that takes it in fills it from the groups' nodes, where an address may be a stranger's by now. */
	if (server->gid != w->group && writer->proxy->unled_us >= writer->sent_us - S(1))
		w->excused = true;
	/* One that hung or was cut off does not know where a slot was moved meanwhile, nor does one that was taken out
	 * for that: nobody tells it, until it is taken in again. */
	if (server->gid != w->group && W.moves_slots &&
	    (!is_listed(writer->proxy) || writer->proxy->stopped_us >= writer->sent_us - UNLOCKED_US ||
	     writer->proxy->unled_us >= writer->sent_us - UNLOCKED_US || !is_led(writer->proxy)))
		w->excused = true;
	if (k.isolated_us[server - W.pods])
		w->excused = true;
	bounds_acked(w->group);
	/* A dashboard writes without versions: what it is about and what we are may cross. */
	if (w->split && W.now - k.person_us[w->group] < S(2))
		w->excused = true;
	/* Its slots were freed, and it went on all the same: until it has filled them, the old master is written to. Or
	 * it gave up and filled them back, where another group's server has that one's address by then. */
	if (k.late_us[w->group] && w->done_us >= k.late_us[w->group] && W.now - k.late_us[w->group] < S(2))
		w->excused |= is_replaced(server) || server->gid != w->group;
	if (server->gid == w->group && w->reign > k.reign[w->group])
		note_both(writer->proxy, server);
	if (k.both_us[w->group] && W.now - k.both_us[w->group] < S(2))
		w->excused = true;
	/* The other one has ended, with all that it had: this one is what is left. */
	if (w->split && others_have_keys(server) && !is_excused(w))
		broken("two masters of group %d acknowledge: %s, after another has got the role", w->group,
		       server->name);
	if (server->gid == w->group && w->reign > k.reign[w->group])
		k.reign[w->group] = w->reign;
}

/* --- who is removed --- */

static bool is_healthy(const struct sim_controller *by, const struct pod *p)
{
	/* Its one mutex is held: it answers nothing, and is as one that hangs. */
	if (p->kind == DASHBOARD && p->alive && p->dashboard->at_work && W.now - p->dashboard->began_us > S(5))
		return false;
	/* It waits for what it has in flight, or did so a moment ago, and is as one that hung. */
	if (p->kind == PROXY && p->alive &&
	    (p->proxy->first || (p->proxy->waited_us && W.now - p->proxy->waited_us <= RESTED_US)))
		return false;
	return p->alive && !p->stopped && !(p->redis && p->redis->busy) && !p->deleting && p->in_api &&
	       !is_hidden(by, p) && way_open(by->node, p->node) && way_open(p->node, by->node) &&
	       W.now - p->sick_us > RESTED_US && W.now - p->started_us > RESTED_US &&
	       W.now - k.way_changed_us > RESTED_US && !W.slow_us[p->node] && !W.slow_us[by->node];
}

/* What was asked for before it was there is nobody's fault; and one that comes at once has the address before a
 * controller can have been told of its pod. */
static bool is_known(const struct sim_controller *c, int64_t then_us, const struct pod *p)
{
	int64_t told_us = p->told_us[c->index];

	/* Who has an address is not known while the API server is away, nor for ten seconds after a question. */
	if (p->plain && (c->api_cut || (c->api_cut_us && then_us - c->api_cut_us < S(13))))
		return false;
	return then_us > p->started_us && (!p->comes_at_once || (told_us && told_us < then_us));
}

void check_told(const struct sim_controller *by, int64_t sent_us, const struct pod *p, const char *words)
{
	if (p->stranger && strcmp(words, "INFO") != 0 && is_known(by, sent_us, p))
		broken("%s is told %s, and is another cluster's", p->name, words);
}

void check_told_master(const struct sim_controller *by, int64_t sent_us, const struct pod *p, const char *master)
{
	const struct pod *m = pod_at(master);

	if (m && m->plain && m->alive && strcmp(m->addr, master) == 0 && is_known(by, sent_us, m))
		broken("%s is told to follow %s, which is none of Codis'", p->name, m->name);
}

/* A dashboard has it in hand, as whoever asks it hears; it has no versions, and would write over it. */
static bool is_promoting(const struct sim_controller *by, int gid)
{
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *p = &W.pods[i];
		const struct dashboard *d = p->kind == DASHBOARD && p->alive && !p->stopped ? p->dashboard : NULL;

		if (d && d->serves && d->at_work && d->first->kind == CALL_PROMOTE && d->first->gid == gid && d->anew &&
		    W.now - d->began_us < S(4) && W.now - p->sick_us > RESTED_US && !W.slow_us[p->node] &&
		    !W.slow_us[by->node] && way_open(by->node, p->node) && way_open(p->node, by->node) &&
		    W.now - k.way_changed_us > RESTED_US)
			return true;
	}
	return false;
}

void check_group_written(struct sim_controller *by, int64_t asked_us, const struct codis_group *before,
			 const struct codis_group *after)
{
	struct pod *m = after->count ? pod_at(after->servers[0].addr) : NULL;

	if (before->promoting_state[0] && is_promoting(by, before->id))
		broken("controller %d writes the node of group %d, where a person's promotion is under way", by->index,
		       before->id);
	if (m && m->stranger && is_known(by, asked_us, m) &&
	    (!before->count || strcmp(before->servers[0].addr, m->addr) != 0))
		broken("%s is to lead group %d, and is another cluster's", m->name, after->id);
	/* One that leads already is told nothing. */
	if (m && m->redis && m->redis->leads && (!before->count || strcmp(before->servers[0].addr, m->addr) != 0)) {
		m->redis->reign = ++W.reigns;
		if (m->redis->keys)
			bounds_taken_back(after->id);
	}
	for (int i = 0; i < before->count; i++) {
		const struct pod *p = pod_at(before->servers[i].addr);

		if (codis_group_find(after, before->servers[i].addr) < 0 && p && p->kind == SERVER &&
		    p->gid == before->id && is_healthy(by, p))
			broken("%s is healthy, and controller %d takes it out of group %d", p->name, by->index,
			       before->id);
	}
}

void check_proxy_removed(struct sim_controller *by, const char *token)
{
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *p = &W.pods[i];

		if (p->kind == PROXY && p->alive && strcmp(p->proxy->token, token) == 0 && is_healthy(by, p))
			broken("%s is healthy, and controller %d takes it out", p->name, by->index);
		if (p->kind == PROXY && p->alive && strcmp(p->proxy->token, token) == 0 && p->stopped && p->in_api &&
		    W.node_ready[p->node] && way_open(by->node, p->node) && way_open(p->node, by->node) &&
		    W.now - k.way_changed_us > S(9) && W.now - p->stopped_us < MS(4000))
			broken("%s hangs for %.1f s, and controller %d takes it out", p->name,
			       (double)(W.now - p->stopped_us) / 1e6, by->index);
	}
}

/* That it runs again, somewhere else perhaps, is still on its way to the controller, or came late. */
static bool is_told_late(const struct sim_controller *by, const struct pod *p)
{
	return W.now - p->started_us <= RESTED_US + by->watch_lag_us || by->watch_last_us > W.now + MS(40);
}

void check_pod_deleted(struct sim_controller *by, struct pod *p)
{
	say("controller %d deletes the pod %s", by->index, p->name);
	p->was_deleted = true;
	if (is_healthy(by, p) && !is_told_late(by, p))
		broken("%s is healthy, and controller %d deletes its pod", p->name, by->index);
	if (p->kind == SERVER && p->alive && !W.broken[0])
		check_only_holder(p);
}

/* The process that took it lives, and has it. One whose node is given up may live on there. */
void check_lock_removed(struct sim_controller *by, const char *lock)
{
	char addr[SIM_ADDR] = "";
	const struct pod *d = sscanf(lock, "{\"admin_addr\":\"%23[^\"]", addr) == 1 ? pod_at(addr) : NULL;

	if (d && d->kind == DASHBOARD && d->alive && d->in_api && d->dashboard->serves)
		broken("controller %d removes the lock of %s, which has it", by->index, d->name);
}

/* A person gave the role to one that was syncing, and nothing else has happened: its master leads again. */
void check_taken_back(const struct pod *old, int run)
{
	if (W.single && old->alive && old->run == run && W.set.controllers > 1 && check_all_reach(old, S(4)) &&
	    master_of(old->gid) != old)
		broken("%s lives, and one that was syncing leads in its place for 4 s", old->name);
}

/* One that does not reach ZooKeeper leaves the lease to one that does. */
void check_sight(struct sim_controller *c)
{
	bool another = false;

	if (c->ctl.mandate != MANDATE_LEAD || zk_reachable(c->node) || c->api_cut || c->stopped) {
		c->blind_us = 0;
		return;
	}
	c->blind_us = c->blind_us ? c->blind_us : W.now;
	for (int i = 0; i < W.set.controllers; i++) {
		const struct sim_controller *x = &W.controllers[i];

		another |= x != c && x->alive && !x->stopped && !x->api_cut && W.now - x->began_us > S(10) &&
			   W.now - x->sick_us > S(10) && zk_reachable(x->node);
	}
	if (another && W.now - c->blind_us > S(20))
		broken("controller %d leads, and has not seen ZooKeeper for 20 s", c->index);
}

/* --- two at once --- */

/* What is noted as begun is begun by the one who noted it, once. */
static void check_wish(struct sim_controller *c, const struct cluster *x)
{
	bool begun = x && x->wished.step == WISHED_BEGUN, is_last;

	is_last = begun && strcmp(k.begun, x->wished.text) == 0;
	if (begun && is_last && !(k.begun_by == c && k.begun_epoch == c->epoch && c->begun))
		broken("the wish %s is done twice, now by controller %d", k.begun, c->index);
	if (begun && !is_last) {
		snprintf(k.begun, sizeof(k.begun), "%s", x->wished.text);
		k.begun_by = c;
		k.begun_epoch = c->epoch;
		faults_at(STEP_WISHED, c, NULL);
	}
	c->begun = begun;
}

void check_turn(struct sim_controller *c)
{
	const struct cluster *x = controller_cluster(c);

	check_wish(c, x);
	for (int i = 0; x && i < x->group_count; i++) {
		if (x->groups[i]->running > 1)
			broken("controller %d does %d things to group %d at once", c->index, x->groups[i]->running,
			       x->groups[i]->node.id);
	}
}

/* --- green --- */

static bool not_green(char *why, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool not_green(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return false;
}

static bool group_green(int gid, char *why, size_t size)
{
	const struct codis_group *g = zk_group(gid);
	const struct pod *m = master_of(gid);

	if (!m || m->gid != gid)
		return not_green(why, size, "group %d has no master", gid);
	for (int i = group_first(gid); i < group_first(gid) + group_size(gid); i++) {
		const struct pod *p = pod_named(SERVER, i);

		if (!p || !p->alive || p->stopped || p->deleting)
			return not_green(why, size, "codis-server-%d does not run", i);
		if (codis_group_find(g, p->addr) < 0)
			return not_green(why, size, "%s is not in its group's list", p->name);
		if (p != m && (p->redis->leads || p->redis->from != m || p->redis->link != LINK_UP))
			return not_green(why, size, "%s is not in sync with %s", p->name, m->name);
		if (p->redis->min_replicas != (p == m && group_size(gid) > 2))
			return not_green(why, size, "%s waits for %d replicas", p->name, p->redis->min_replicas);
		if (p->role != (p == m ? CODIS_ROLE_MASTER : CODIS_ROLE_REPLICA))
			return not_green(why, size, "%s is not labelled as what it is", p->name);
	}
	if (g->count != group_size(gid))
		return not_green(why, size, "group %d lists %d servers", gid, g->count);
	return true;
}

static bool proxy_green(const struct pod *p, char *why, size_t size)
{
	for (int i = 0; i < CODIS_SLOTS; i++) {
		const struct proxy_slot *s = &p->proxy->slots[i];
		const struct pod *m = master_of(W.assigned[i]);

		if (W.moves[i].state)
			return not_green(why, size, "slot %d is being moved", i);
		if (!m || s->locked || s->from || s->group != W.assigned[i] || strcmp(s->addr, m->addr) != 0)
			return not_green(why, size, "%s sends slot %d to %s%s", p->name, i, s->addr,
					 s->locked ? ", locked" : "");
	}
	for (int g = 0; g < SIM_GROUPS && W.write_count < WRITES; g++) {
		if (has_group(g + 1) && W.now - p->proxy->writers[g].acked_us > S(1))
			return not_green(why, size, "%s has no write of group %d acknowledged", p->name, g + 1);
	}
	return true;
}

/* What was begun has come to its end, and each group has its share. */
static bool scaled_green(char *why, size_t size)
{
	int slots[SIM_GROUPS + 1] = { 0 };

	if (!W.scales)
		return true;
	if (W.moving_note[0] || W.scale_note[0] || W.beside.moving_note[0])
		return not_green(why, size, "slots are still to move: %s%s%s", W.moving_note, W.scale_note,
				 W.beside.moving_note);
	for (int i = 0; i < CODIS_SLOTS; i++)
		slots[W.assigned[i]]++;
	for (int g = 1; g <= SIM_GROUPS; g++) {
		int most = has_group(g) ? (CODIS_SLOTS + group_count() - 1) / group_count() : 0;

		if (slots[g] > most || slots[g] < (has_group(g) ? CODIS_SLOTS / group_count() : 0))
			return not_green(why, size, "group %d has %d slots", g, slots[g]);
		if (!has_group(g) && zk_group(g))
			return not_green(why, size, "group %d is still there", g);
	}
	return true;
}

/* Of the first StatefulSet. */
static bool would_go(int gid, int servers)
{
	return gid > servers / W.set.replicas && !(W.beside.is && gid == BESIDE_GID);
}

void check_scaled(const struct sim_controller *by, int servers)
{
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (would_go(W.assigned[i], servers) || (W.moves[i].state && would_go(W.moves[i].target, servers)))
			broken("controller %d scales to %d servers, and slot %d is group %d's", by->index, servers, i,
			       W.assigned[i]);
	}
}

static bool proxies_green(char *why, size_t size)
{
	char tokens[8][33], addrs[8][SIM_ADDR];
	int registered = zk_proxies(tokens, addrs);

	for (int i = 0; i < W.set.proxies; i++) {
		const struct pod *p = pod_named(PROXY, i);
		bool listed = false;

		if (!p || !p->alive || p->stopped || !p->proxy->online)
			return not_green(why, size, "codis-proxy-%d does not serve", i);
		for (int n = 0; n < registered; n++)
			listed |= strcmp(tokens[n], p->proxy->token) == 0;
		if (!listed)
			return not_green(why, size, "%s is not registered", p->name);
		if (!proxy_green(p, why, size))
			return false;
	}
	if (registered != W.set.proxies)
		return not_green(why, size, "%d proxies are registered", registered);
	return true;
}

static bool told_green(char *why, size_t size)
{
	if (W.wish_note[0])
		return not_green(why, size, "codis.io/switchover=%s is there still", W.wish_note);
	for (int i = 0; i < W.set.controllers; i++) {
		const struct sim_controller *c = &W.controllers[i];
		const struct cluster *x = controller_cluster(&W.controllers[i]);

		if (!c->alive || c->ctl.mandate != MANDATE_LEAD || !x)
			continue;
		if (x->ok)
			return true;
		if (!strstr(x->line, "LOST ITS DATA") && !strstr(x->line, "LOST THEIR DATA"))
			return not_green(why, size, "controller %d says: %s", i, x->line);
		return ((W.lost_note[0] || W.beside.lost_note[0]) && bounds_all_noted()) ||
		       not_green(why, size, "a loss is not noted on the StatefulSet");
	}
	return not_green(why, size, "no controller leads");
}

bool check_green(char *why, size_t size)
{
	const struct pod *d = pod_named(DASHBOARD, 0);

	for (int g = 1; g <= SIM_GROUPS; g++) {
		if (has_group(g) && !group_green(g, why, size))
			return false;
	}
	if (!proxies_green(why, size) || !scaled_green(why, size))
		return false;
	if (!d || !d->alive || d->stopped || !d->dashboard->serves)
		return not_green(why, size, "the dashboard does not serve");
	return told_green(why, size);
}

bool check_has_oldest(int gid)
{
	const struct pod *m = master_of(gid);
	int i = 0;

	while (i < W.write_count && (W.writes[i].group != gid || !W.writes[i].acked))
		i++;
	return m && i < W.write_count && has_write(m->redis->data, i);
}

void check_end(void)
{
	int missing = 0, first = -1;

	bounds_end();
	for (int i = 0; i < W.write_count; i++) {
		const struct write *w = &W.writes[i];
		const struct pod *m = w->acked ? master_of(w->group) : NULL;

		if (!m || has_write(m->redis->data, i) || is_excused(w))
			continue;
		missing++;
		first = first < 0 ? i : first;
	}
	if (missing)
		broken("%d promised writes are missing at the end, the first is %d, which %s acknowledged at %.3f",
		       missing, first, W.writes[first].by->name, (double)W.writes[first].acked_us / 1e6);
}
