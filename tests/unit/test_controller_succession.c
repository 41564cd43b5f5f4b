/* How a server came to lead, and what becomes of a promotion that a person begins: one whose target was in sync is left
 * as it is; one whose target was not is taken back while the old master has what is missing. */
#include "controller/succession.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

/* --- what was heard ----------------------------------------------------------------------------------------------- */

struct heard {
	struct succession s;
	struct redis_info master; /* what A said last, and when */
	int64_t master_ms;
	bool silent;
};

static void hear(struct heard *h, const struct redis_info *info, int64_t ms)
{
	struct succession_master master = { h->master_ms ? &h->master : NULL, h->master_ms, h->silent };

	succession_hear(&h->s, info, ms, &master);
}

static struct redis_info process(void)
{
	struct redis_info info = { .role = REDIS_ROLE_REPLICA, .link_up = true, .offset = 5000000 };

	snprintf(info.run_id, sizeof(info.run_id), "%040d", 1);
	snprintf(info.master, sizeof(info.master), "%s", A);
	return info;
}

/* A was heard at 900, with as much as its replica says at 1,000. */
static struct heard a_master(void)
{
	return (struct heard){ .master = { .role = REDIS_ROLE_MASTER, .offset = 5000000 }, .master_ms = 900 };
}

static enum succession_how leads_at(struct heard *h, struct redis_info info, int64_t ms)
{
	info.role = REDIS_ROLE_MASTER;
	info.master[0] = '\0';
	hear(h, &info, ms);
	assert_int_equal(h->s.led_ms, ms);
	return h->s.how;
}

TEST(replica_with_its_link_up_has_what_its_master_sent)
{
	struct heard h = a_master();
	struct redis_info b = process();

	hear(&h, &b, 1000);
	assert_int_equal(leads_at(&h, b, 1250), SUCCESSION_IN_SYNC);
	assert_string_equal(h.s.of, A);
	assert_int_equal(h.s.whole_ms, 1000);
	b.role = REDIS_ROLE_MASTER;
	hear(&h, &b, 1500);
	assert_int_equal(h.s.led_ms, 1250); /* it still is the same role */
}

TEST(replica_that_syncs_loads_or_has_not_caught_up_is_behind)
{
	for (int what = 0; what < 5; what++) {
		struct heard h = a_master();
		struct redis_info b = process(), whole = b;

		hear(&h, &whole, 1000);
		b.syncing = what == 0;
		b.loading = what == 1;
		b.link_up = what == 2 || what == 3;
		b.offset = what == 4 ? 1 : b.offset;                    /* it has not begun to sync */
		h.master.offset += what == 2 ? (1 << 20) + 1 : 1 << 20; /* sent before b says what it has */
		h.master_ms = 1200;
		hear(&h, &b, 1250);
		assert_int_equal(leads_at(&h, b, 1500), what == 3 ? SUCCESSION_IN_SYNC : SUCCESSION_BEHIND);
		assert_int_equal(h.s.whole_ms, what == 3 ? 1250 : 1000);
	}
}

/* Whether it lacks anything, what its master did since tells. */
TEST(replica_whose_link_is_lost_is_behind_a_master_that_is_heard_after_it)
{
	struct heard h = a_master();
	struct redis_info b = process();

	hear(&h, &b, 1000);
	b.link_up = false;
	hear(&h, &b, 1250);
	h.master_ms = 1300;
	hear(&h, &b, 1500);
	assert_int_equal(leads_at(&h, b, 1600), SUCCESSION_BEHIND);
	assert_int_equal(h.s.whole_ms, 1000);
	hear(&h, &b, 1700); /* a replica again */
	hear(&h, &b, 1800);
	assert_int_equal(h.s.whole_ms, 0);
	assert_int_equal(leads_at(&h, b, 1900), SUCCESSION_UNKNOWN); /* its master may have ended */
	hear(&h, &b, 2000);
	h.master_ms = 2100;
	assert_int_equal(leads_at(&h, b, 2200), SUCCESSION_BEHIND);
}

/* A was cut off from B and from us, another controller gave B the role, and we hear A first when that is over. */
TEST(replica_that_lost_a_silent_master_is_not_behind_it)
{
	struct heard h = a_master();
	struct redis_info b = process();

	hear(&h, &b, 1000);
	h.silent = true;
	b.link_up = false;
	hear(&h, &b, 2000);
	h.silent = false;
	h.master_ms = 2200;
	assert_int_equal(leads_at(&h, b, 2250), SUCCESSION_IN_SYNC);
	hear(&h, &b, 3000); /* heard again while B is a replica: whoever gives the role, gives it over its head */
	h.silent = true;
	hear(&h, &b, 3200);
	h.silent = false;
	h.master_ms = 3300;
	hear(&h, &b, 3400);
	assert_int_equal(leads_at(&h, b, 3500), SUCCESSION_BEHIND);
	b.syncing = true;
	h.silent = true;
	hear(&h, &b, 4000); /* it never had all of what A sent */
	assert_int_equal(leads_at(&h, b, 4100), SUCCESSION_BEHIND);
}

TEST(what_was_not_heard_is_not_known)
{
	struct heard h = a_master();
	struct redis_info b = process();

	assert_int_equal(leads_at(&h, b, 1000), SUCCESSION_UNKNOWN); /* we began just now */
	hear(&h, &b, 2000);
	assert_int_equal(leads_at(&h, b, 7001), SUCCESSION_UNKNOWN); /* too long ago */
	hear(&h, &b, 8000);
	b.run_id[0] = '7'; /* another process */
	assert_int_equal(leads_at(&h, b, 8250), SUCCESSION_UNKNOWN);
}

/* B syncs when it is last heard. 1.5 s later it may have ended that, and a person who looks at it may know. */
TEST(what_a_replica_lacked_some_time_ago_it_may_have_got)
{
	struct heard h = a_master();
	struct redis_info b = process();

	b.syncing = true;
	hear(&h, &b, 1000);
	assert_int_equal(leads_at(&h, b, 2500), SUCCESSION_BEHIND);
	hear(&h, &b, 3000);
	assert_int_equal(leads_at(&h, b, 4501), SUCCESSION_UNKNOWN);
}

/* Whatever it has of before, it has followed nobody since it began. */
TEST(guarded_server_is_behind_whoever_leads)
{
	struct heard h = { .master_ms = 0 };
	struct redis_info b = process();

	snprintf(b.master, sizeof(b.master), "%s", CODIS_GUARD_ADDR);
	b.link_up = false;
	b.offset = 1;
	hear(&h, &b, 1000);
	assert_int_equal(leads_at(&h, b, 1100), SUCCESSION_BEHIND);
	assert_string_equal(h.s.of, CODIS_GUARD_ADDR);
}

/* Whatever it had: it was decided so. */
TEST(role_that_we_gave)
{
	struct heard h = a_master();
	struct redis_info b = process();

	b.syncing = true;
	hear(&h, &b, 1000);
	succession_give(&h.s, 1100);
	assert_int_equal(leads_at(&h, b, 1101), SUCCESSION_GIVEN);
	hear(&h, &b, 1250); /* it did not take it, and then a person gives it */
	assert_int_equal(leads_at(&h, b, 1500), SUCCESSION_BEHIND);
	succession_give(&h.s, 1501); /* it was heard before it was verified */
	assert_int_equal(h.s.how, SUCCESSION_GIVEN);
}

/* --- what is done ------------------------------------------------------------------------------------------------- */

static struct server_view *a_of(struct world *w)
{
	return &w->servers[0];
}

static struct server_view *b_of(struct world *w)
{
	return &w->servers[1];
}

static void set_keys(struct world *w, int64_t a, int64_t b)
{
	a_of(w)->info.keys = a;
	b_of(w)->info.keys = b;
}

/* The dashboard's order of steps: the node says B, A; B has the role, and all slots. 50 ms ago. A still is a master. */
static void person_promotes_b(struct world *w, enum succession_how how)
{
	struct server_view *b = b_of(w);

	assert_int_equal(codis_group_lead(&w->groups[0].node, B), 0);
	a_of(w)->listed_index = 1;
	b->listed_index = 0;
	b->info.role = REDIS_ROLE_MASTER;
	b->info.master[0] = '\0';
	b->succession = (struct succession){ .of = A, .how = how, .led_ms = w->v.now_ms - 50 };
	a_of(w)->heard_ms = b->heard_ms = w->v.now_ms - 10;
	send_slots(w, 1, B);
	set_keys(w, 389279, 267796);
}

static void note_all(struct world *w)
{
	for (int i = 0; i < w->v.server_count; i++)
		succession_note(&w->v, &w->groups[0], &w->servers[i], &w->servers[i].succession);
}

static void name_processes(struct world *w)
{
	for (int i = 0; i < w->v.server_count; i++)
		snprintf(w->servers[i].info.run_id, CODIS_RUN_ID_SIZE, "run-%d", i);
}

static void waits(struct world *w)
{
	const struct server_view *old;

	assert_nothing(w);
	assert_int_equal(succession_judge(&w->v, &w->groups[0], b_of(w), &old), SUCCESSION_WAITS);
	assert_ptr_equal(old, a_of(w));
}

static void is_taken_back(struct world *w)
{
	const struct action *a = assert_only(w, ACT_PROMOTE, A);

	assert_true(a->takes_back);
	assert_string_equal(a->from, B);
	assert_string_equal(a->why,
			    "that one was promoted while it was not in sync, and the old master has what it lacks");
}

TEST(promotion_of_a_replica_in_sync_is_left_as_it_is)
{
	WORLD;

	person_promotes_b(w, SUCCESSION_IN_SYNC);
	assert_string_equal(assert_only(w, ACT_FOLLOW, A)->master, B);
	b_of(w)->succession.how = SUCCESSION_GIVEN;
	assert_string_equal(assert_only(w, ACT_FOLLOW, A)->master, B);
}

TEST(promotion_of_a_replica_that_is_behind_is_taken_back)
{
	WORLD;

	person_promotes_b(w, SUCCESSION_BEHIND); /* it never had all of A's keys */
	is_taken_back(w);
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", A);
	is_taken_back(w); /* no proxy is told of B before */
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", B);
	w->groups[0].done =
		(struct calm_done){ .kind = ACT_PROMOTE, .gid = 1, .times = 9, .ended_ms = w->v.now_ms - 1 };
	is_taken_back(w);                                                         /* as often as it is promoted */
	snprintf(b_of(w)->succession.of, CODIS_ADDR_MAX, "%s", CODIS_GUARD_ADDR); /* it had not begun to sync */
	is_taken_back(w);
	set_keys(w, 1000, 1000);
	assert_only(w, ACT_FOLLOW, A); /* but has it all, from a volume */
	set_keys(w, 1000, 0);
	w->v.mandate = MANDATE_FAILOVER;
	assert_nothing(w);
}

/* It was in a full sync when it was heard last, which ended, and then it got the role. */
TEST(master_whom_another_controller_declared_had_it_all)
{
	WORLD;

	person_promotes_b(w, SUCCESSION_BEHIND);
	w->groups[0].handed = true;
	set_keys(w, 1000, 900);
	assert_string_equal(assert_only(w, ACT_FOLLOW, A)->master, B);
	set_keys(w, 1000, 899); /* that one had slept */
	is_taken_back(w);
	w->groups[0].handed = false;
	set_keys(w, 1000, 1000);
	is_taken_back(w);
}

TEST(promotion_that_is_taken_back_says_what_was_seen)
{
	WORLD;
	struct succession *s = &b_of(w)->succession;

	person_promotes_b(w, SUCCESSION_BEHIND);
	s->led_ms = w->v.now_ms - 200;
	assert_string_equal(assert_only(w, ACT_PROMOTE, A)->evidence,
			    "codis-server-1 leads since 0.2 s and was never in sync; codis-server-0 has 389279 keys");
	s->whole_ms = s->led_ms - 3000;
	assert_string_equal(assert_only(w, ACT_PROMOTE, A)->evidence,
			    "codis-server-1 leads since 0.2 s and lacks 3.0 s; codis-server-0 has 389279 keys");
}

/* What is lost either way are the writes of some time. */
TEST(promotion_is_not_taken_back_when_more_was_written_since)
{
	WORLD;
	struct succession *s = &b_of(w)->succession;

	person_promotes_b(w, SUCCESSION_BEHIND);
	s->whole_ms = s->led_ms - 51; /* B lacks 51 ms, and leads for 50 */
	is_taken_back(w);
	s->whole_ms = s->led_ms - 50;
	waits(w);
	s->whole_ms = 0;
	s->led_ms = w->v.now_ms - SUCCESSION_TAKE_BACK_MS;
	is_taken_back(w);
	s->led_ms--;
	waits(w);
}

/* A is not told to follow, and C, which has what A has, is not either. */
TEST(nobody_follows_a_successor_that_lacks_what_the_old_master_has)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);

	person_promotes_b(w, SUCCESSION_UNKNOWN); /* this controller has just begun */
	follows(c, a_of(w));
	list(&w->groups[0], c);
	waits(w);
	guarded(c);
	waits(w); /* nor is one that has nothing: it would lead after B */
	c->info_valid = false;
	c->reach = REACH_REFUSED;
	c->pod.running = false;
	c->since_ms = w->v.now_ms - 5000;
	assert_only(w, ACT_DELETE_POD, C);
	c->info_valid = true;
	c->reach = REACH_OK;
	follows(c, a_of(w));
	set_keys(w, 1000, 900); /* a tenth: B may have deleted them since */
	assert_only(w, ACT_FOLLOW, A);
	set_keys(w, 1000, 899);
	waits(w);
	set_keys(w, 2, 0);
	waits(w);
	set_keys(w, 0, 5);
	assert_only(w, ACT_FOLLOW, A);
}

TEST(person_insists)
{
	WORLD;

	person_promotes_b(w, SUCCESSION_BEHIND);
	w->groups[0].may_lose = true; /* codis.io/allow-data-loss */
	assert_string_equal(assert_only(w, ACT_FOLLOW, A)->master, B);
	b_of(w)->succession.how = SUCCESSION_UNKNOWN;
	assert_only(w, ACT_FOLLOW, A);
}

TEST(nothing_is_taken_back_to_a_master_that_is_not_known_to_live)
{
	WORLD;

	person_promotes_b(w, SUCCESSION_BEHIND);
	a_of(w)->heard_ms = b_of(w)->succession.led_ms - 1;
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", A); /* which stays so, perhaps */
	assert_nothing(w);                                      /* it is heard again in a moment */
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", B);
	refuse(w);
	assert_nothing(w);
	a_of(w)->reach = REACH_OK;
	a_of(w)->info_valid = true;
	guarded(a_of(w));
	assert_only(w, ACT_FOLLOW, A);
	leads(a_of(w));
	a_of(w)->heard_ms = w->v.now_ms - 10;
	a_of(w)->restarted = true; /* empty, without the guard */
	a_of(w)->since_ms = w->v.now_ms - 5000;
	assert_only(w, ACT_FOLLOW, A);
}

/* A hangs, and a person gives B the role, which has nothing yet: C has all that A sent. */
TEST(replica_of_a_silent_master_keeps_what_a_promoted_one_lacks)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);
	const struct server_view *old;

	person_promotes_b(w, SUCCESSION_BEHIND);
	follows(c, a_of(w));
	list(&w->groups[0], c);
	name_processes(w);
	silence(w, 1000);
	b_of(w)->info.keys = 0;
	assert_nothing(w);
	assert_int_equal(succession_judge(&w->v, &w->groups[0], b_of(w), &old), SUCCESSION_WAITS);
	assert_ptr_equal(old, c);
	note_all(w);
	b_of(w)->info.keys = 1000;
	assert_nothing(w);
	c->succession.keeps_from[0] = '\0';
	assert_string_equal(assert_only(w, ACT_FOLLOW, C)->master, B); /* as many as C has */
	b_of(w)->info.keys = 0;
	snprintf(b_of(w)->succession.of, CODIS_ADDR_MAX, "%s", CODIS_GUARD_ADDR);
	assert_nothing(w);
	w->groups[0].may_lose = true;
	assert_only(w, ACT_FOLLOW, C);
	w->groups[0].may_lose = false;
	b_of(w)->succession.how = SUCCESSION_GIVEN;
	assert_only(w, ACT_FOLLOW, C);
	b_of(w)->succession.how = SUCCESSION_BEHIND;
	c->info.offset = 1; /* it never was in sync */
	assert_only(w, ACT_FOLLOW, C);
}

/* The dashboard died after it had given the role: all slots are locked. */
TEST(interrupted_promotion_of_a_replica_that_was_behind_is_taken_back)
{
	WORLD;
	struct group_view *g = &w->groups[0];

	person_promotes_b(w, SUCCESSION_BEHIND);
	snprintf(g->node.promoting_state, sizeof(g->node.promoting_state), "finished");
	assert_nothing(w);
	g->promoting_idle = true;
	is_taken_back(w);
	a_of(w)->heard_ms = b_of(w)->succession.led_ms - 1;
	assert_nothing(w);
	b_of(w)->succession.how = SUCCESSION_UNKNOWN; /* a person decides; until then clients are served */
	a_of(w)->heard_ms = w->v.now_ms - 10;
	assert_string_equal(assert_only(w, ACT_PROMOTE, B)->why, "a promotion was interrupted");
}

/* --- one that was declared and never led -------------------------------------------------------------------------- */

#define KEPT "its replica was to take over, and does not answer"

static void declare_b(struct world *w)
{
	assert_int_equal(codis_group_lead(&w->groups[0].node, B), 0);
	a_of(w)->listed_index = 1;
	b_of(w)->listed_index = 0;
	a_of(w)->heard_ms = w->v.now_ms - 10;
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[0][i].locked = true;
}

/* SLAVEOF NO ONE is refused while it loads, which the dashboard only logs. */
TEST(master_stays_when_its_declared_successor_loads_what_it_sent)
{
	WORLD;

	declare_b(w);
	send_slots(w, 1, B);
	b_of(w)->info.loading = true;
	b_of(w)->info.link_up = false;
	assert_string_equal(assert_only(w, ACT_PROMOTE, A)->why, KEPT);
}

TEST(master_stays_when_its_declared_successor_falls_away)
{
	WORLD;
	struct server_view *b = b_of(w);

	declare_b(w);
	b->info_valid = false;
	b->reach = REACH_REFUSED;
	b->since_ms = w->v.now_ms - 20;
	assert_string_equal(assert_only(w, ACT_PROMOTE, A)->why, KEPT);
	w->slots[0][7].locked = false;
	assert_only(w, ACT_PROMOTE, A);
	b->reach = REACH_SILENT;
	assert_nothing(w);
	b->since_ms = w->v.now_ms - 1000;
	a_of(w)->heard_ms = b->since_ms;
	assert_only(w, ACT_PROMOTE, A);
	a_of(w)->heard_ms = b->since_ms - 1;
	assert_nothing(w);
}

/* A's pod has ended, which is not told yet, and a server of another cluster has its address. */
TEST(stranger_is_not_declared_when_a_successor_falls_away)
{
	WORLD;

	declare_b(w);
	b_of(w)->info_valid = false;
	b_of(w)->reach = REACH_REFUSED;
	b_of(w)->since_ms = w->v.now_ms - 20;
	a_of(w)->remembered = false;
	a_of(w)->since_ms = w->v.now_ms - 4999;
	assert_nothing(w);
	a_of(w)->since_ms--; /* it would be told by now */
	assert_only(w, ACT_PROMOTE, A);
}

/* It may have led before it fell silent: somebody sends to it. */
TEST(master_does_not_stay_when_its_successor_was_written_to)
{
	WORLD;
	struct server_view *b = b_of(w);

	declare_b(w);
	b->info_valid = false;
	b->reach = REACH_SILENT;
	b->since_ms = w->v.now_ms - 1000;
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", B);
	assert_only(w, ACT_PROMOTE, A);
	w->slots[0][7].locked = false;
	assert_nothing(w);
}

/* It is silent to us alone: who has declared it just now hears it. Nor tells what a proxy sent before that. */
TEST(master_does_not_stay_for_what_was_known_before_its_successor_was_declared)
{
	WORLD;
	struct server_view *b = b_of(w);

	declare_b(w);
	b->info_valid = false;
	b->reach = REACH_SILENT;
	b->since_ms = w->v.now_ms - 9000;
	w->groups[0].written_ms = w->v.now_ms - 999;
	w->proxies[0].slots_ms = w->v.now_ms;
	assert_nothing(w);
	w->groups[0].written_ms = w->v.now_ms - 1000;
	assert_only(w, ACT_PROMOTE, A);
	w->proxies[0].slots_ms = w->groups[0].written_ms - 1;
	assert_nothing(w);
}

/* --- until a person decides --------------------------------------------------------------------------------------- */

/* B gets as many keys as A has: that they are others is as true as before. */
TEST(what_an_old_master_has_is_kept_however_many_keys_are_written)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);
	const struct server_view *old;

	person_promotes_b(w, SUCCESSION_UNKNOWN);
	follows(c, a_of(w));
	list(&w->groups[0], c);
	name_processes(w);
	note_all(w);
	waits(w);
	set_keys(w, 1000, 1000);
	waits(w);
	a_of(w)->reach = REACH_SILENT; /* it hangs, and is not ended: its memory has them */
	a_of(w)->info_valid = false;
	a_of(w)->since_ms = w->v.now_ms - 60000;
	waits(w);
	a_of(w)->reach = REACH_REFUSED; /* it has ended: its replica has them */
	a_of(w)->since_ms = w->v.now_ms - 100;
	assert_nothing(w);
	assert_int_equal(succession_judge(&w->v, &w->groups[0], b_of(w), &old), SUCCESSION_WAITS);
	assert_ptr_equal(old, c);
	c->restarted = true; /* and nobody has */
	assert_string_equal(assert_only(w, ACT_FOLLOW, C)->master, B);
}

TEST(what_an_old_master_has_is_kept_until_a_person_decides)
{
	WORLD;

	person_promotes_b(w, SUCCESSION_UNKNOWN);
	name_processes(w);
	note_all(w);
	set_keys(w, 1000, 1000);
	waits(w);
	w->groups[0].may_lose = true;
	note_all(w);
	assert_only(w, ACT_FOLLOW, A);
	w->groups[0].may_lose = false;
	assert_only(w, ACT_FOLLOW, A); /* it is decided */
	set_keys(w, 1000, 10);
	note_all(w);
	waits(w);
	set_keys(w, 1000, 1000);
	snprintf(b_of(w)->info.run_id, CODIS_RUN_ID_SIZE, "another"); /* another one leads */
	assert_only(w, ACT_FOLLOW, A);
}

/* In the middle of a promotion A's role and the node contradict each other. */
TEST(what_is_seen_in_the_middle_of_a_promotion_is_not_kept)
{
	WORLD;

	person_promotes_b(w, SUCCESSION_UNKNOWN);
	name_processes(w);
	w->groups[0].busy = true;
	note_all(w);
	w->groups[0].busy = false;
	snprintf(w->groups[0].node.promoting_state, sizeof(w->groups[0].node.promoting_state), "finished");
	note_all(w);
	w->groups[0].node.promoting_state[0] = '\0';
	set_keys(w, 1000, 1000);
	assert_only(w, ACT_FOLLOW, A);
}

/* Its controller ended between the role and the proxies: they still write to A. Not while it may be at it. */
TEST(master_of_whom_no_proxy_was_told_gives_way_to_the_one_that_is_written_to)
{
	WORLD;

	person_promotes_b(w, SUCCESSION_UNKNOWN);
	b_of(w)->succession.led_ms = w->v.now_ms - 6500;
	w->proxies[0].slots_ms = w->v.now_ms;
	send_slots(w, 1, A);
	set_keys(w, 1000, 1000);
	assert_string_equal(assert_only(w, ACT_PROMOTE, A)->why,
			    "no proxy was told of that one, and the old master is written to");
	assert_false(w->actions[0].takes_back); /* no person has promoted it */
	w->groups[0].written_ms = w->v.now_ms - 999;
	assert_nothing(w);
	w->groups[0].written_ms = 0;
	w->slots[0][7].locked = true;
	assert_only(w, ACT_PROMOTE, A);
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", B);
	w->slots[0][7].locked = false; /* B is written to as well */
	run(w);
	assert_int_not_equal(w->actions[0].kind, ACT_PROMOTE);
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", A);
	b_of(w)->succession.how = SUCCESSION_IN_SYNC; /* when it got the role */
	assert_only(w, ACT_PROMOTE, A);
	b_of(w)->succession.how = SUCCESSION_GIVEN; /* by us, who are filling the proxies */
	run(w);
	assert_int_not_equal(w->actions[0].kind, ACT_PROMOTE);
}

/* Who gave B the role tells those that answer at once; one that does not may be waited for. */
TEST(master_of_whom_no_proxy_was_told_gives_way_as_soon_as_all_were_asked)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	person_promotes_b(w, SUCCESSION_UNKNOWN);
	b_of(w)->succession.led_ms = w->v.now_ms - 1500;
	send_slots(w, 1, A);
	set_keys(w, 1000, 1000);
	p->slots_ms = w->v.now_ms - 501;
	assert_nothing(w);
	p->slots_ms = w->v.now_ms - 500;
	assert_only(w, ACT_PROMOTE, A);
	w->v.steady_since_ms = w->v.now_ms - 999; /* this one slept, and the other one perhaps as well */
	assert_nothing(w);
	w->v.steady_since_ms = 0;
	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 100;
	assert_nothing(w);
	b_of(w)->succession.led_ms = w->v.now_ms - 6500;
	assert_only(w, ACT_PROMOTE, A);
}

/* It would be filled with B, and A is written to. */
TEST(no_proxy_is_taken_in_while_a_master_may_give_way)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "");

	p->registered = false;
	p->slots = NULL;
	p->first_seen_ms = w->v.now_ms - 3000;
	person_promotes_b(w, SUCCESSION_UNKNOWN);
	b_of(w)->succession.led_ms = w->v.now_ms - 999;
	w->proxies[0].slots_ms = w->v.now_ms;
	send_slots(w, 1, A);
	set_keys(w, 1000, 1000);
	assert_nothing(w);
	b_of(w)->succession.how = SUCCESSION_GIVEN;
	run(w);
	assert_int_equal(w->actions[w->count - 1].kind, ACT_ONLINE_PROXY);
}
