/* dashboard.c - codis-dashboard: one mutex, a lock in the coordinator that stays when it is killed, calls that hang
 * with the proxies that they are about, groups that it writes from memory and without versions, and a promotion and
 * slots that a person moves, in Codis' order of steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "tests/simulation/sim.h"

#define FILL_TIMEOUT_US S(20)
#define LOCK_RETRY_US   S(2)
#define LOCK_TRIES      16

struct fills {
	struct pod *d;
	int run, waiting, generation;
	bool failed, over;
	void (*then)(struct pod *d, bool ok);
};

static void serve(struct pod *p);

static bool is_at(const struct pod *p, int run)
{
	return p->alive && p->run == run;
}

/* --- what it has in memory --- */

static void read_tree(struct dashboard *d)
{
	d->stale = false;
	for (int g = 1; g <= SIM_GROUPS; g++) {
		const struct codis_group *group = zk_group(g);

		d->groups[g] = group ? *group : (struct codis_group){ .id = g };
	}
	d->proxies = zk_proxies(d->tokens, d->admin);
	memcpy(d->slot_group, W.assigned, sizeof(d->slot_group));
	memcpy(d->moves, W.moves, sizeof(d->moves));
}

static const char *leader(const struct dashboard *d, int gid)
{
	return d->groups[gid].count ? d->groups[gid].servers[0].addr : "";
}

static bool is_locked(const struct dashboard *d, int gid)
{
	return strcmp(d->groups[gid].promoting_state, "prepared") == 0;
}

/* As a proxy is told it. */
static struct proxy_slot slot_of(const struct dashboard *d, int s)
{
	const struct move *m = &d->moves[s];
	int from = m->state == MOVE_PREPARED || m->state == MOVE_MIGRATING ? d->slot_group[s] : 0;
	int to = m->state >= MOVE_PREPARED ? m->target : d->slot_group[s];
	struct proxy_slot out = { .group = to, .from = from };

	out.locked = m->state == MOVE_PREPARED || is_locked(d, to) || (from && is_locked(d, from));
	snprintf(out.addr, SIM_ADDR, "%.23s", leader(d, to));
	snprintf(out.from_addr, SIM_ADDR, "%.23s", from ? leader(d, from) : "");
	return out;
}

/* --- fills: all proxies that are registered, and all have to answer --- */

static void fills_end(struct fills *f)
{
	if (f->over)
		return;
	f->over = true;
	if (is_at(f->d, f->run))
		f->then(f->d, !f->failed);
}

static void on_filled(struct call *c, int status, const char *body)
{
	struct fills *f = c->ctx;

	(void)body;
	f->failed |= status != 200;
	if (--f->waiting == 0)
		fills_end(f);
}

static void on_fill_timeout(void *ctx, int64_t arg)
{
	struct fills *f = ctx;

	(void)arg;
	if (f->over)
		return;
	f->failed = true;
	fills_end(f);
}

/* What a fill is about: the slots of a group, or all (0); and of them one, or all (-1). */
struct extent {
	int gid, slot;
};

static bool is_filled(const struct dashboard *d, const struct extent *e, int s)
{
	bool of_group = !e->gid || d->slot_group[s] == e->gid || (d->moves[s].state && d->moves[s].target == e->gid);

	return d->slot_group[s] && of_group && (e->slot < 0 || e->slot == s);
}

static void fill_one(struct fills *f, int i, const struct extent *e)
{
	struct dashboard *d = f->d->dashboard;
	struct pod *p = pod_at(d->admin[i]);
	struct call *c = calloc(1, sizeof(*c));

	f->waiting++;
	*c = (struct call){ .kind = CALL_FILL, .to = p, .from = f->d->node, .answer = on_filled, .ctx = f };
	memcpy(c->token, d->tokens[i], sizeof(c->token));
	for (int s = 0; s < CODIS_SLOTS; s++) {
		c->has_slot[s] = is_filled(d, e, s);
		c->slots[s] = slot_of(d, s);
	}
	if (p)
		call_send(c); /* else nobody has that address, and nothing answers */
}

/* only: of the table of proxies; -1: all. */
static void fill_these(struct pod *p, const struct extent *e, int only, void (*then)(struct pod *d, bool ok))
{
	struct fills *f = calloc(1, sizeof(*f));

	*f = (struct fills){ .d = p, .run = p->run, .then = then, .waiting = 1 };
	for (int i = 0; i < p->dashboard->proxies; i++) {
		if (only < 0 || only == i)
			fill_one(f, i, e);
	}
	after(FILL_TIMEOUT_US, on_fill_timeout, f, 0);
	if (--f->waiting == 0)
		fills_end(f);
}

static void fill(struct pod *p, int gid, int only, void (*then)(struct pod *d, bool ok))
{
	fill_these(p, &(struct extent){ gid, -1 }, only, then);
}

/* --- one job at a time --- */

static void end_job(struct pod *p, int status, const char *body)
{
	struct dashboard *d = p->dashboard;
	struct call *c = d->first;
	int64_t began_us = d->began_us;

	d->first = c->next;
	d->at_work = false;
	call_answer(c, status, body);
	serve(p);
	if (d->at_work) /* with one thing after the other it answers nobody either */
		d->began_us = began_us;
}

static void end_failed(struct pod *p)
{
	end_job(p, 800, "{\"Cause\":\"played\"}");
}

static void end_failed_after(struct pod *p, bool ok)
{
	(void)ok;
	end_failed(p);
}

static bool store(struct pod *p, const struct codis_group *g)
{
	if (!zk_reachable(p->node))
		return false;
	zk_write_group(g);
	return true;
}

/* --- a promotion: preparing, prepared (all proxies hold the slots), finished, "" --- */

static struct codis_group *promoted(struct pod *p)
{
	return &p->dashboard->groups[p->dashboard->first->gid];
}

static void on_finished_fill(struct pod *p, bool ok)
{
	struct codis_group *g = promoted(p);

	if (!ok) {
		say("the person's promotion in group %d: a proxy was not filled", g->id);
		end_failed(p);
		return;
	}
	g->promoting_state[0] = '\0';
	g->promoting_index = 0;
	g->out_of_sync = false;
	if (!store(p, g)) {
		end_failed(p);
		return;
	}
	say("the person's promotion in group %d is done", g->id);
	end_job(p, 200, "\"OK\"");
}

static void on_role_sent(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (is_at(p, (int)arg))
		fill(p, p->dashboard->first->gid, -1, on_finished_fill);
}

/* MULTI, SLAVEOF NO ONE, CLIENT KILL TYPE normal, EXEC: best effort. */
static void on_role_arrives(void *ctx, int64_t arg)
{
	struct pod *s = ctx;
	const char *const words[] = { "SLAVEOF", "NO", "ONE" };
	char out[128];
	bool unsynced;

	if (!is_at(s, (int)arg))
		return;
	unsynced = is_behind(s->redis) || W.now - s->sick_us < MS(100);
	check_role_by_person(s->gid, s);
	redis_do(s, 3, words, out, sizeof(out));
	s->redis->instead = false; /* a person's */
	s->redis->unsynced = unsynced && s->redis->leads;
	wire_reset(s);
	writers_reset(s);
}

static void on_role_reaches(void *ctx, int64_t arg)
{
	deliver(ctx, on_role_arrives, ctx, arg);
}

static void on_prepared_fill(struct pod *p, bool ok)
{
	struct codis_group *g = promoted(p);
	char first[CODIS_ADDR_MAX];
	struct pod *s;

	if (!ok) {
		snprintf(g->promoting_state, sizeof(g->promoting_state), "preparing");
		say("the person's promotion in group %d: a proxy could not be locked", g->id);
		check_undone_by_person(g->id);
		fill(p, g->id, -1, end_failed_after);
		return;
	}
	if (!store(p, g)) {
		end_failed(p);
		return;
	}
	snprintf(first, sizeof(first), "%s", g->servers[g->promoting_index].addr);
	codis_group_lead(g, first);
	snprintf(g->promoting_state, sizeof(g->promoting_state), "finished");
	if (!store(p, g)) {
		end_failed(p);
		return;
	}
	s = pod_at(first);
	/* On a connection of its own: what does not get there now never does. */
	if (s && s->kind == SERVER && s->alive && !s->stranger && way_open(p->node, s->node) &&
	    way_open(s->node, p->node))
		message(p->node, s->node, NULL, on_role_reaches, s, s->run);
	else if (s && s->kind == SERVER)
		check_declared_by_person(g->id, s);
	after(s && s->alive && !s->stopped && way_open(p->node, s->node) ? MS(4) : S(1), on_role_sent, p, p->run);
}

static void promote(struct pod *p, struct call *c)
{
	struct codis_group *g = &p->dashboard->groups[c->gid];
	int index = codis_group_find(g, c->addr);

	if (index < 0 || (g->promoting_state[0] ? index != g->promoting_index : index == 0)) {
		end_failed(p);
		return;
	}
	check_promoted_by_person(c->gid, pod_at(c->addr));
	p->dashboard->anew = !g->promoting_state[0];
	if (!g->promoting_state[0]) {
		g->promoting_index = index;
		snprintf(g->promoting_state, sizeof(g->promoting_state), "preparing");
		if (!store(p, g)) {
			end_failed(p);
			return;
		}
	}
	if (strcmp(g->promoting_state, "finished") == 0) {
		fill(p, g->id, -1, on_finished_fill);
		return;
	}
	snprintf(g->promoting_state, sizeof(g->promoting_state), "prepared");
	fill(p, g->id, -1, on_prepared_fill);
}

/* --- a proxy is taken in --- */

static void on_online_filled(struct pod *p, bool ok)
{
	struct call *c = p->dashboard->first;
	struct pod *x = pod_at(c->addr);

	if (!ok || !x || !x->alive) {
		end_failed(p);
		return;
	}
	x->proxy->online = true;
	x->unled_us = W.now; /* as this dashboard knew the groups */
	say("the dashboard takes %s in", x->name);
	end_job(p, 200, "\"OK\"");
}

static void take_in(struct pod *p, struct call *c)
{
	struct dashboard *d = p->dashboard;
	struct pod *x = pod_at(c->addr);
	int i = 0;

	if (!x || x->kind != PROXY || !x->alive || x->stopped || !way_open(p->node, x->node) || d->proxies == 8 ||
	    !zk_reachable(p->node)) {
		end_failed(p);
		return;
	}
	while (i < d->proxies && strcmp(d->tokens[i], x->proxy->token) != 0)
		i++;
	if (i == d->proxies)
		d->proxies++;
	memcpy(d->tokens[i], x->proxy->token, sizeof(d->tokens[i]));
	memcpy(d->admin[i], x->addr, sizeof(d->admin[i]));
	zk_write_proxy(x->proxy->token, x->addr);
	if (!c->in)
		check_takes_itself_in(x);
	fill(p, 0, i, on_online_filled);
}

/* --- slots are moved, one after the other --- */

static bool store_move(struct pod *p, int s)
{
	if (!zk_reachable(p->node))
		return false;
	W.moves[s] = p->dashboard->moves[s];
	W.assigned[s] = p->dashboard->slot_group[s];
	return true;
}

/* What one does that has not read a group's node since it was written is not played. */
static bool knows_group(const struct dashboard *d, int gid)
{
	const struct codis_group *g = zk_group(gid);

	return g && g->count && strcmp(g->servers[0].addr, leader(d, gid)) == 0;
}

static void move_on(struct pod *p);

static void on_moved_fill(struct pod *p, bool ok)
{
	int s = p->dashboard->first->gid;

	if (ok && store_move(p, s)) {
		move_on(p);
		return;
	}
	p->dashboard->moves[s].state--;
	fill_these(p, &(struct extent){ 0, s }, -1, end_failed_after);
}

static void move_on(struct pod *p)
{
	struct dashboard *d = p->dashboard;
	int s = d->first->gid;
	struct move *m = &d->moves[s];

	if (!m->state || !knows_group(d, m->target) || !knows_group(d, d->slot_group[s])) {
		end_failed(p);
	} else if (m->state == MOVE_FINISHED) {
		d->slot_group[s] = (int16_t)m->target;
		*m = (struct move){ .state = MOVE_NONE };
		say("slot %d is group %d's", s, d->slot_group[s]);
		end_job(p, store_move(p, s) ? 200 : 800, "\"OK\"");
	} else if (m->state == MOVE_MIGRATING && !m->moved) {
		end_job(p, 200, "\"OK\"");
	} else {
		m->state += m->state == MOVE_PENDING ? 2 : 1;
		fill_these(p, &(struct extent){ 0, s }, -1, on_moved_fill);
	}
}

static bool serves_writes(const struct pod *p, int gid)
{
	return p && p->kind == SERVER && p->alive && !p->stopped && !p->stranger && p->gid == gid && p->redis->leads &&
	       !p->redis->loading && !p->redis->busy;
}

/* Without the mutex. False: it is tried again. */
static bool move_keys(struct pod *p, int s)
{
	struct dashboard *d = p->dashboard;
	struct pod *from = pod_at(leader(d, d->slot_group[s])), *to = pod_at(leader(d, d->moves[s].target));

	if (!knows_group(d, d->slot_group[s]) || !knows_group(d, d->moves[s].target) ||
	    !serves_writes(from, d->slot_group[s]) || !serves_writes(to, d->moves[s].target) ||
	    !way_open(p->node, from->node) || !way_open(from->node, to->node) || !way_open(to->node, from->node))
		return false;
	d->moves[s].moved = check_slot_moves(s, from, to);
	W.moves[s].moved |= d->moves[s].moved;
	return d->moves[s].moved;
}

static void on_person_told(struct call *c, int status, const char *body);

static void on_mover(void *ctx, int64_t arg)
{
	struct pod *p = ctx;
	struct dashboard *d = p->dashboard;
	struct call *c;
	int s = 0;

	if (!is_at(p, (int)arg))
		return;
	after(chance_between(MS(20), MS(300)), on_mover, p, arg);
	while (s < CODIS_SLOTS && !d->moves[s].state)
		s++;
	if (s == CODIS_SLOTS || p->stopped || !d->serves || d->first ||
	    (d->moves[s].state == MOVE_MIGRATING && !d->moves[s].moved && !move_keys(p, s)))
		return;
	c = calloc(1, sizeof(*c));
	*c = (struct call){ .kind = CALL_MOVE, .to = p, .from = p->node, .gid = s, .answer = on_person_told };
	dashboard_call(p, c);
}

void dashboard_move(struct pod *p, int slot, int gid)
{
	if (!p->dashboard->serves || !zk_reachable(p->node))
		return;
	p->dashboard->moves[slot] = (struct move){ MOVE_PENDING, gid, false };
	store_move(p, slot);
	if (!W.moves_slots)
		after(0, on_mover, p, p->run);
	W.moves_slots = true;
}

/* By a controller. */
static void begin_move(struct pod *p, const struct call *c)
{
	struct dashboard *d = p->dashboard;

	if (c->slot < 0 || c->slot >= CODIS_SLOTS || d->moves[c->slot].state || d->slot_group[c->slot] == c->gid ||
	    c->gid < 1 || c->gid > SIM_GROUPS || !d->groups[c->gid].count || !zk_reachable(p->node)) {
		end_failed(p);
		return;
	}
	say("slot %d is to move to group %d", c->slot, c->gid);
	dashboard_move(p, c->slot, c->gid);
	faults_slot_moves();
	end_job(p, 200, "\"OK\"");
}

/* --- the others --- */

static void on_assigned_fill(struct pod *p, bool ok)
{
	if (ok)
		end_job(p, 200, "\"OK\"");
	else
		end_failed(p);
}

/* It hangs once in a history, in a fourth of the cold starts, with so many slots assigned. */
static bool hangs_in_assignment(int assigned)
{
	if (W.hung_in_assignment || W.faults_over || W.seed % 4 != 2 || (int)(W.seed / 4 % CODIS_SLOTS) != assigned)
		return false;
	W.hung_in_assignment = true;
	return true;
}

static void on_job(void *ctx, int64_t arg);

static void assign(struct pod *p, struct call *c)
{
	const cJSON *item;
	int assigned = 0;

	if (!zk_reachable(p->node)) {
		end_failed(p);
		return;
	}
	cJSON_ArrayForEach(item, c->body) {
		int id = (int)json_int(-1, item, "id", NULL);

		if (hangs_in_assignment(assigned++)) {
			pod_stop(p);
			deliver(p, on_job, p, p->run);
			return;
		}

		if (id >= 0 && id < CODIS_SLOTS)
			W.assigned[id] = p->dashboard->slot_group[id] = (int16_t)json_int(0, item, "group_id", NULL);
	}
	say("the dashboard assigns the slots");
	fill(p, 0, -1, on_assigned_fill);
}

static void overview(struct pod *p)
{
	static const char *const states[] = { "", "pending", "preparing", "prepared", "migrating", "finished" };
	const struct dashboard *d = p->dashboard;
	char room[2048];
	struct buf text = BUF_IN(room);

	buf_addstr(&text, "{\"version\":\"3.2\",\"stats\":{\"closed\":false,\"slots\":[");
	for (int i = 0; i < CODIS_SLOTS; i++) {
		buf_addstr(&text, i ? ",{\"id\":" : "{\"id\":");
		add_number(&text, i);
		buf_addstr(&text, ",\"group_id\":");
		add_number(&text, d->slot_group[i]);
		add_words(&text, ",\"action\":{\"state\":\"", states[d->moves[i].state], "\",\"target_id\":", NULL);
		add_number(&text, d->moves[i].state ? d->moves[i].target : 0);
		add_words(&text, "}}", NULL);
	}
	buf_addstr(&text, "]}}");
	end_job(p, 200, text.data);
}

static void on_job(void *ctx, int64_t arg)
{
	struct pod *p = ctx;
	struct call *c;

	if (!is_at(p, (int)arg))
		return;
	if (p->stopped) {
		deliver(p, on_job, ctx, arg);
		return;
	}
	c = p->dashboard->first;
	if (c->kind != CALL_RELOAD && p->dashboard->stale && zk_reachable(p->node))
		read_tree(p->dashboard);
	switch (c->kind) {
	case CALL_OVERVIEW: overview(p); break;
	case CALL_RELOAD:
		p->dashboard->stale = true;
		end_job(p, 200, "\"OK\"");
		break;
	case CALL_ONLINE: take_in(p, c); break;
	case CALL_ASSIGN: assign(p, c); break;
	case CALL_PROMOTE: promote(p, c); break;
	case CALL_MOVE: move_on(p); break;
	case CALL_BEGIN_MOVE: begin_move(p, c); break;
	default: end_failed(p); break;
	}
}

static void serve(struct pod *p)
{
	if (!p->dashboard->first || p->dashboard->at_work)
		return;
	p->dashboard->at_work = true;
	p->dashboard->began_us = W.now;
	after(chance_between(200, 1500), on_job, p, p->run);
}

void dashboard_call(struct pod *p, struct call *call)
{
	struct call **at = &p->dashboard->first;

	if (call->kind == CALL_KNOCK) {
		call_answer(call, 302, "");
		return;
	}
	if (!p->dashboard->serves) {
		call_answer(call, 800, "{\"Cause\":\"topom is not online\"}");
		return;
	}
	while (*at)
		at = &(*at)->next;
	call->next = NULL;
	*at = call;
	serve(p);
}

static void on_person_told(struct call *c, int status, const char *body)
{
	(void)body;
	if (c->kind == CALL_MOVE)
		return;
	say("the person is told that the promotion of %s %s", c->addr, status == 200 ? "is done" : "has failed");
}

void dashboard_promote(struct pod *p, int gid, const char *addr)
{
	struct call *c = calloc(1, sizeof(*c));

	*c = (struct call){ .kind = CALL_PROMOTE, .to = p, .from = p->node, .gid = gid, .answer = on_person_told };
	snprintf(c->addr, sizeof(c->addr), "%.23s", addr);
	call_send(c);
}

/* --- the process --- */

static void on_lock(void *ctx, int64_t arg)
{
	struct pod *p = ctx;
	char text[160];

	if (!is_at(p, (int)arg))
		return;
	if (p->stopped) {
		deliver(p, on_lock, ctx, arg);
		return;
	}
	if (++p->dashboard->generation > LOCK_TRIES) {
		say("%s has not got its lock, and ends", p->name);
		pod_end(p, END_CRASH);
		return;
	}
	if (!zk_reachable(p->node) || zk_find("topom")) {
		after(LOCK_RETRY_US, on_lock, p, arg);
		return;
	}
	snprintf(text, sizeof(text), "{\"admin_addr\":\"%s\",\"start_time\":\"%s\"}", p->addr, go_time(W.now));
	zk_write("topom", text);
	read_tree(p->dashboard);
	p->dashboard->serves = true;
	if (W.moves_slots)
		after(S(1), on_mover, p, arg);
	say("%s has its lock, and serves", p->name);
}

void dashboard_start(struct pod *p)
{
	p->dashboard = calloc(1, sizeof(*p->dashboard));
	after(chance_between(MS(50), MS(300)), on_lock, p, p->run);
}

void dashboard_died(struct pod *p, bool gracefully)
{
	if (gracefully && p->dashboard->serves && zk_reachable(p->node))
		zk_remove("topom");
	p->dashboard->first = NULL;
	p->dashboard->serves = false;
}
