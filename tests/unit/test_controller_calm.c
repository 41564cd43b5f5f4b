/* Back-off, limits and TILT: what is held up, for how long, and that a failover that is needed is not. */
#include "controller/calm.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "controller/decide.h"
#include "controller/status.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

/* --- what is kept --------------------------------------------------------------------------------------------------
 */

TEST(what_fails_is_tried_again_more_and_more_seldom)
{
	struct calm_done d = { 0 };
	static const int64_t follow[] = { 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000 };

	assert_int_equal(calm_until_ms(&d, ACT_FOLLOW, 1, 1000), 0);
	for (int i = 0; i < 12; i++) {
		calm_note(&d, ACT_FOLLOW, 1, true, 1000 + i);
		assert_int_equal(calm_until_ms(&d, ACT_FOLLOW, 1, 1000 + i), 1000 + i + follow[i]);
	}
	assert_int_equal(calm_until_ms(&d, ACT_FOLLOW, 1, 1011 + 30000), 0);
	assert_int_equal(calm_until_ms(&d, ACT_DELETE_POD, 1, 1011), 0); /* another kind is not held up by it */
	calm_note(&d, ACT_FOLLOW, 1, false, 2000);
	assert_int_equal(calm_until_ms(&d, ACT_FOLLOW, 1, 2000), 0);
}

TEST(a_promotion_and_a_fill_that_fail_are_tried_again_soon)
{
	struct calm_done d = { 0 };

	for (int i = 0; i < 20; i++)
		calm_note(&d, ACT_PROMOTE, 1, true, 1000);
	assert_int_equal(calm_until_ms(&d, ACT_PROMOTE, 1, 1000), 3000);
	for (int i = 0; i < 20; i++)
		calm_note(&d, ACT_FILL_PROXY, 1, true, 1000);
	assert_int_equal(calm_until_ms(&d, ACT_FILL_PROXY, 1, 1000), 6000);
	for (int i = 0; i < 20; i++)
		calm_note(&d, ACT_SWITCH, 1, true, 1000); /* each locks slots */
	assert_int_equal(calm_until_ms(&d, ACT_SWITCH, 1, 1000), 31000);
}

TEST(what_does_not_last_is_done_more_and_more_seldom)
{
	struct calm_done d = { 0 };
	static const int64_t waits[] = { 0, 0, 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
	int64_t now = 1000;

	for (int i = 0; i < 9; i++) {
		now += waits[i ? i - 1 : 0];
		calm_note(&d, ACT_PROMOTE, 1, false, now);
		assert_int_equal(calm_until_ms(&d, ACT_PROMOTE, 1, now), waits[i] ? now + waits[i] : 0);
	}
	assert_int_equal(calm_until_ms(&d, ACT_SWITCH, 1, now), now + 30000); /* that is a change of master too */
	assert_int_equal(calm_until_ms(&d, ACT_FILL_PROXY, 2, now), 0);       /* about another group */
	calm_well(&d, true, now);
	calm_well(&d, true, now + 4999);
	calm_well(&d, false, now + 5000);
	calm_well(&d, true, now + 5001);
	assert_int_equal(d.times, 9);
	calm_well(&d, true, now + 10001);
	assert_int_equal(calm_until_ms(&d, ACT_PROMOTE, 1, now), 0);
}

TEST(a_minute_of_rest_is_enough)
{
	struct calm_done d = { 0 };

	for (int i = 0; i < 9; i++)
		calm_note(&d, ACT_PROMOTE, 1, false, 1000);
	calm_note(&d, ACT_PROMOTE, 1, false, 61000);
	assert_int_equal(calm_until_ms(&d, ACT_PROMOTE, 1, 61000), 0);
}

TEST(pods_of_one_name_are_deleted_as_seldom_as_the_kubelet_starts_containers)
{
	struct calm_pods p = { 0 };
	static const int64_t waits[] = { 10000, 20000, 40000, 80000, 160000, 300000, 300000 };
	int64_t now = 1000;

	assert_int_equal(calm_delete_after_ms(&p, "codis-server-1", now), 0);
	assert_false(calm_was_deleted(&p, "codis-server-1"));
	for (int i = 0; i < 7; i++) {
		calm_deleted(&p, "codis-server-1", now);
		assert_int_equal(calm_delete_after_ms(&p, "codis-server-1", now), now + waits[i]);
		now += waits[i];
		assert_int_equal(calm_delete_after_ms(&p, "codis-server-1", now), 0);
	}
	assert_int_equal(calm_delete_after_ms(&p, "codis-server-2", now), 0);
	now += 600000;
	calm_deleted(&p, "codis-server-1", now); /* forgotten meanwhile */
	assert_int_equal(calm_delete_after_ms(&p, "codis-server-1", now), now + 10000);
	assert_true(calm_was_deleted(&p, "codis-server-1"));
	for (int i = 0; i < 5; i++)
		calm_deleted(&p, "codis-server-1", now);
	calm_pod_rest(&p, "codis-server-1"); /* its successor has been well */
	calm_deleted(&p, "codis-server-1", now);
	assert_int_equal(calm_delete_after_ms(&p, "codis-server-1", now), now + 10000);
	assert_true(calm_was_deleted(&p, "codis-server-1"));
}

TEST(of_very_many_pods_the_oldest_is_forgotten)
{
	struct calm_pods p = { 0 };
	char name[32];

	for (int i = 0; i < CALM_PODS + 1; i++) {
		snprintf(name, sizeof(name), "pod-%d", i);
		calm_deleted(&p, name, 1000 + i);
	}
	assert_false(calm_was_deleted(&p, "pod-0"));
	assert_true(calm_was_deleted(&p, "pod-1"));
	assert_true(calm_was_deleted(&p, "pod-64"));
}

TEST(window_counts_the_last_minute)
{
	struct calm_window w = { .next = 0 };

	for (int i = 0; i < 100; i++)
		calm_count(&w, 1000 + 1000 * i);
	assert_int_equal(calm_recent(&w, 60000, 100000), 60);
	assert_int_equal(calm_recent(&w, 60000, 130000), 30);
	assert_int_equal(calm_recent(&w, 60000, 200000), 0);
}

/* --- what is held up -----------------------------------------------------------------------------------------------
 */

static int held(struct world *w, struct action *one)
{
	int n;

	had_all(w);
	w->count = decide_all(&w->v, &limits, w->actions, 16, one, 1, &n);
	return n;
}

static void assert_held(struct world *w, const char *words)
{
	struct action one;
	char text[600];

	assert_int_equal(held(w, &one), 1);
	assert_int_equal(w->count, 0);
	action_note_held(&one, text, sizeof(text));
	assert_string_equal(text, words);
}

/* As a server does behind an address that several share: each INFO is of another process. */
TEST(server_that_is_another_at_each_look_is_promoted_more_and_more_seldom)
{
	WORLD;
	int promoted = 0;

	w->v.server_count = 1;
	w->groups[0].node.count = 1;
	w->sets[0].shape.replicas = w->sets[0].shape.server_replica = 1;
	w->servers[0].restarted = true;
	for (int ms = 0; ms < 600000; ms += 250) {
		w->v.now_ms += 250;
		run(w);
		for (int i = 0; i < w->count; i++) {
			if (w->actions[i].kind != ACT_PROMOTE)
				continue;
			promoted++;
			calm_note(&w->groups[0].done, ACT_PROMOTE, 1, false, w->v.now_ms);
		}
	}
	assert_in_range(promoted, 20, 30); /* and not 2,400 times in ten minutes */
	calm_note(&w->groups[0].done, ACT_PROMOTE, 1, false, w->v.now_ms);
	assert_held(w, "group 1: promote of codis-server-0 waits: it was done so often, and did not last");
}

static void flap(struct world *w, int times)
{
	for (int i = 0; i < times; i++)
		calm_note(&w->groups[0].done, ACT_PROMOTE, 1, false, w->v.now_ms);
}

TEST(second_and_third_failover_are_not_held_up)
{
	WORLD;

	refuse(w);
	lose_link(w);
	flap(w, 2);
	assert_only(w, ACT_PROMOTE, B);
}

TEST(group_that_flaps_is_said_and_a_person_insists)
{
	WORLD;

	refuse(w);
	lose_link(w);
	flap(w, 5);
	assert_held(w,
		    "group 1: promote of codis-server-1 waits: it was done so often, and did not last; kubectl delete "
		    "pod codis-server-0 --force insists");
	w->servers[0].pod.name[0] = '\0';
	w->servers[0].pod_gone = true;
	assert_only(w, ACT_PROMOTE, B);
	w->servers[0].pod_gone = false;
	snprintf(w->servers[0].pod.name, VIEW_NAME_MAX, "codis-server-0");
	assert_nothing(w);
	w->v.now_ms += 30000; /* it comes late, not never */
	assert_only(w, ACT_PROMOTE, B);
}

TEST(other_actions_of_a_group_that_flaps_are_not_held_up)
{
	WORLD;

	flap(w, 9);
	w->servers[1].info.link_up = false;
	snprintf(w->servers[1].info.master, CODIS_ADDR_MAX, "%s", C);
	assert_only(w, ACT_FOLLOW, B);
}

/* A person promotes B again and again, and each time it is taken back: A's replica is not kept without a master for
 * that. Nor is one that failed to follow the master before. */
TEST(to_follow_another_master_is_not_held_up_by_how_often_others_were_followed)
{
	WORLD;
	struct server_view *b = &w->servers[1];

	snprintf(b->info.master, sizeof(b->info.master), "%s", C);
	for (int i = 0; i < 9; i++)
		calm_note(&b->done, ACT_FOLLOW, 1, false, w->v.now_ms - 100);
	assert_nothing(w);
	calm_note(&w->groups[0].done, ACT_PROMOTE, 1, false, w->v.now_ms - 50);
	assert_only(w, ACT_FOLLOW, B);
	calm_note(&w->groups[0].done, ACT_PROMOTE, 1, true, w->v.now_ms - 40); /* none leads by that */
	assert_nothing(w);
	w->servers[0].succession.led_ms = w->v.now_ms - 30; /* a dashboard gave it the role */
	assert_only(w, ACT_FOLLOW, B);
	calm_note(&b->done, ACT_FOLLOW, 1, true, w->v.now_ms - 20); /* once */
	calm_note(&b->done, ACT_FOLLOW, 1, true, w->v.now_ms - 20);
	assert_nothing(w);
}

/* B hangs; C is its master's other replica, to which nothing was done for longer. */
static struct server_view *beside_a_hung_one(struct world *w)
{
	struct server_view *b = &w->servers[1], *c = add_server(w, C, 1, 2);

	w->sets[0].shape.replicas = w->sets[0].shape.server_replica = 3;
	follows(c, &w->servers[0]);
	list(&w->groups[0], c);
	b->reach = REACH_SILENT;
	b->info_valid = false;
	b->accepts = true;
	b->since_ms = w->v.now_ms - 9000;
	b->acted_ms = 1;
	return c;
}

static void assert_b_ends(struct world *w, enum action_kind waits)
{
	struct action one;

	assert_int_equal(held(w, &one), 1);
	assert_int_equal(one.kind, waits);
	assert_int_equal(w->count, 1);
	assert_int_equal(w->actions[0].kind, ACT_DELETE_POD);
	assert_string_equal(w->actions[0].addr, B);
}

TEST(switch_that_waits_keeps_no_member_from_its_turn)
{
	WORLD;

	beside_a_hung_one(w);
	w->servers[0].pod.cordoned = true;
	assert_only(w, ACT_SWITCH, C);
	flap(w, 9);
	assert_b_ends(w, ACT_SWITCH);
}

TEST(member_that_waits_keeps_no_other_from_its_turn)
{
	WORLD;
	struct server_view *c = beside_a_hung_one(w);

	snprintf(c->info.master, sizeof(c->info.master), "%s", "10.0.0.9:6379");
	assert_only(w, ACT_FOLLOW, C);
	for (int i = 0; i < 9; i++)
		calm_note(&c->done, ACT_FOLLOW, 1, true, w->v.now_ms);
	assert_b_ends(w, ACT_FOLLOW);
}

TEST(address_of_a_stranger_that_waits_keeps_no_member_from_its_turn)
{
	WORLD;
	struct server_view *c = beside_a_hung_one(w);

	c->group = 2;
	c->of_another = true;
	assert_only(w, ACT_DROP_SERVER, C);
	for (int i = 0; i < 9; i++)
		calm_note(&c->done, ACT_DROP_SERVER, 1, true, w->v.now_ms);
	assert_b_ends(w, ACT_DROP_SERVER);
}

TEST(what_waits_takes_no_room_from_what_does_not)
{
	WORLD;
	struct server_view *a, *b;
	struct group_view *g;
	struct action one, out[1];
	int n;

	refuse(w);
	lose_link(w);
	flap(w, 9);
	a = add_server(w, "10.0.0.5:6379", 2, 2);
	b = add_server(w, "10.0.0.6:6379", 2, 3);
	leads(a);
	follows(b, a);
	g = add_group(w, 2);
	list(g, a);
	list(g, b);
	a->reach = REACH_REFUSED;
	a->info_valid = false;
	a->since_ms = w->v.now_ms - 1;
	b->info.link_up = false;
	had_all(w);
	assert_int_equal(decide_all(&w->v, &limits, out, 1, &one, 1, &n), 1);
	assert_string_equal(out[0].addr, "10.0.0.6:6379");
	assert_int_equal(n, 1);
}

TEST(failed_action_of_a_proxy_is_not_tried_each_second)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	p->reach = REACH_REFUSED;
	p->since_ms = w->v.now_ms - 3000;
	assert_only(w, ACT_REMOVE_PROXY, p->admin_addr);
	for (int i = 0; i < 9; i++)
		calm_note(&p->done, ACT_REMOVE_PROXY, 0, true, w->v.now_ms);
	assert_held(w, "remove-proxy of codis-proxy-0 waits: it has failed so often");
	w->v.now_ms += 12800;
	assert_only(w, ACT_REMOVE_PROXY, p->admin_addr);
}

static void note_fill(struct world *w, int gid)
{
	calm_note(calm_group_place(&w->filled[0], gid), ACT_FILL_PROXY, gid, false, w->v.now_ms);
}

/* What is filled, and is wrong again, or still. */
TEST(fill_that_changes_nothing_is_not_done_each_second)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	send_slots(w, 1, C);
	assert_only(w, ACT_FILL_PROXY, p->admin_addr);
	for (int i = 0; i < 5; i++)
		note_fill(w, 1);
	assert_held(w, "group 1: fill-proxy of codis-proxy-0 waits: it was done so often, and did not last");
	w->filled[0].of[0].gid = 2; /* another group's slots are another matter */
	assert_only(w, ACT_FILL_PROXY, p->admin_addr);
}

/* Group 1's slots stay wrong whatever is done; those of group 2 are locked, and nobody is at work on them. */
TEST(group_whose_fill_changes_nothing_keeps_no_other_group_waiting)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];
	struct server_view *c = add_server(w, C, 2, 2);

	leads(c);
	list(add_group(w, 2), c);
	for (int i = 0; i < CODIS_SLOTS; i++) {
		bool second = i >= 512;

		w->v.dashboard.slot_group[i] = second ? 2 : 1;
		w->slots[0][i].group = second ? 2 : 1;
		w->slots[0][i].locked = second;
		snprintf(w->slots[0][i].addr, CODIS_ADDR_MAX, "%s", C);
	}
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, p->admin_addr)->gid, 1);
	for (int i = 0; i < 5; i++)
		note_fill(w, 1);
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, p->admin_addr)->gid, 2);
	for (int i = 0; i < 4; i++)
		note_fill(w, 2);
	assert_held(w, "group 2: fill-proxy of codis-proxy-0 waits: it was done so often, and did not last");
	w->v.now_ms += 2000; /* and not: they take turns, one a second, for ever */
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, p->admin_addr)->gid, 2);
	note_fill(w, 2);
	assert_held(w, "group 2: fill-proxy of codis-proxy-0 waits: it was done so often, and did not last");
	w->v.now_ms += 2000;
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, p->admin_addr)->gid, 1);
}

TEST(of_very_many_groups_the_oldest_fill_is_forgotten)
{
	struct calm_groups g = { 0 };

	assert_null(calm_group(NULL, 1));
	assert_true(calm_groups_rest(NULL));
	assert_true(calm_groups_rest(&g));
	for (int i = 0; i < CALM_GROUPS + 1; i++)
		calm_note(calm_group_place(&g, 1 + i), ACT_FILL_PROXY, 1 + i, false, 1000 + i);
	assert_null(calm_group(&g, 1));
	assert_int_equal(calm_group(&g, 2)->ended_ms, 1001);
	assert_int_equal(calm_group(&g, CALM_GROUPS + 1)->times, 1);
	assert_false(calm_groups_rest(&g));
	calm_groups_well(&g, true, 2000);
	calm_groups_well(&g, true, 2000 + CALM_REST_MS);
	assert_true(calm_groups_rest(&g));
}

/* Group 2's slots stay wrong whatever is done, and wait; A's address has gone to a master of group 3, and group 1's are
 * sent there all the same. */
TEST(group_whose_fill_changes_nothing_keeps_no_stranded_slots_waiting)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];
	struct server_view *c = add_server(w, C, 2, 2);

	leads(c);
	list(add_group(w, 2), c);
	w->servers[0].group = 3;
	w->servers[1].reach = REACH_REFUSED; /* nobody takes over */
	w->servers[1].info_valid = false;
	w->slots[0][7].group = 2;
	w->v.dashboard.slot_group[7] = 2;
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, p->admin_addr)->gid, 2);
	for (int i = 0; i < 5; i++)
		note_fill(w, 2);
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, p->admin_addr)->gid, 1);
	assert_true(w->actions[0].lock);
	assert_string_equal(w->actions[0].why, "it sends slots to another group's master");
}

TEST(failed_assignment_waits)
{
	WORLD;

	memset(w->v.dashboard.slot_group, 0, sizeof(w->v.dashboard.slot_group));
	memset(w->slots, 0, sizeof(w->slots));
	w->servers[0].info.keys = 0;
	assert_only(w, ACT_ASSIGN_SLOTS, D);
	for (int i = 0; i < 9; i++)
		calm_note(&w->v.dashboard.done, ACT_ASSIGN_SLOTS, 0, true, w->v.now_ms);
	assert_held(w, "assign-slots of codis-dashboard-0 waits: it has failed so often");
}

/* --- pods ----------------------------------------------------------------------------------------------------------
 */

static void end_replica(struct world *w)
{
	w->servers[1].reach = REACH_REFUSED;
	w->servers[1].pod.running = false;
	w->servers[1].since_ms = w->v.now_ms - 3000;
}

TEST(successor_of_a_pod_that_was_deleted_is_deleted_later)
{
	WORLD;

	end_replica(w);
	assert_only(w, ACT_DELETE_POD, B);
	w->servers[1].pod.delete_after_ms = w->v.now_ms + 20000;
	assert_held(w,
		    "group 1: delete-pod of codis-server-1 waits: one of its name was deleted lately; kubectl delete "
		    "pod codis-server-1 does it now");
	w->servers[1].pod.delete_after_ms = 0;
	assert_only(w, ACT_DELETE_POD, B);
}

/* Both have ended. Each is held once, and counted once. */
TEST(deletion_that_waits_keeps_no_other_from_its_turn)
{
	WORLD;
	struct server_view *c = beside_a_hung_one(w);
	struct action two[3];
	int n;

	end_replica(w);
	c->reach = REACH_REFUSED;
	c->pod.running = false;
	c->since_ms = w->v.now_ms - 3000;
	w->v.deletions = 9;
	assert_only(w, ACT_DELETE_POD, C);
	c->pod.delete_after_ms = w->v.now_ms + 20000;
	assert_b_ends(w, ACT_DELETE_POD);
	w->v.deletions = 10;
	had_all(w);
	assert_int_equal(decide_all(&w->v, &limits, w->actions, 16, two, 3, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(two[0].addr, C);
	assert_string_equal(two[1].addr, B);
}

TEST(so_many_pods_a_minute)
{
	WORLD;
	static const char *const words = "group 1: delete-pod of codis-server-1 waits: so many pods were deleted in a "
					 "minute; kubectl delete pod "
					 "codis-server-1 does it now";

	end_replica(w);
	w->v.deletions = 9;
	w->v.all_deletions = 29;
	assert_only(w, ACT_DELETE_POD, B);
	w->v.deletions = 10;
	assert_held(w, words);
	w->v.deletions = 0;
	w->v.all_deletions = 30;
	assert_held(w, words);
}

TEST(deletions_that_are_proposed_together_count)
{
	WORLD;
	struct server_view *d = add_pair(w) + 1;
	struct action one;

	end_replica(w);
	d->reach = REACH_REFUSED;
	d->pod.running = false;
	d->since_ms = w->v.now_ms - 3000;
	run(w);
	assert_int_equal(w->count, 2);
	w->v.deletions = 9;
	assert_int_equal(held(w, &one), 1);
	assert_int_equal(w->count, 1);
}

/* --- silent masters ------------------------------------------------------------------------------------------------
 */

static void go_silent(struct world *w, int ms)
{
	silence(w, ms);
	w->servers[1].info.last_io_s = ms / 1000;
	w->servers[1].since_ms = w->v.now_ms - 60000;
}

/* A master that stalls for 3 s each 5 minutes. */
TEST(masters_that_are_silent_again_and_again_are_awaited_longer)
{
	WORLD;
	const struct group_view *g = &w->groups[0];
	static const char *const words = "its masters were silent so often that this one is awaited for 30 s: kubectl "
					 "delete pod -n ns codis-server-0 --force gives it up";
	char out[JUDGE_HELD_MAX];

	go_silent(w, 3000);
	w->groups[0].silent_failovers = 11;
	assert_only(w, ACT_PROMOTE, B);
	w->groups[0].silent_failovers = 12;
	assert_nothing(w);
	assert_string_equal(judge_held_up(&w->v, g, &limits, out), words);
	go_silent(w, 30000); /* it does not come back */
	assert_only(w, ACT_PROMOTE, B);
	go_silent(w, 3000);
	w->servers[0].pod.name[0] = '\0';
	w->servers[0].pod_gone = true; /* a person insists */
	assert_only(w, ACT_PROMOTE, B);
	w->servers[0].pod_gone = false;
	snprintf(w->servers[0].pod.name, VIEW_NAME_MAX, "codis-server-0");
	refuse(w);
	lose_link(w);
	assert_only(w, ACT_PROMOTE, B); /* what refuses is dead */
}

/* --- TILT ----------------------------------------------------------------------------------------------------------
 */

static int64_t tilt(struct calm_tilt *t, int64_t steady_ms, int64_t now_ms, int heard, int silent, int64_t since_ms)
{
	calm_tilt_begin(t);
	for (int i = 0; i < heard; i++)
		calm_tilt_add(t, i < silent, since_ms - i);
	return calm_tilt_end(t, steady_ms, now_ms);
}

TEST(silence_of_most_servers_counts_from_the_last_of_them)
{
	struct calm_tilt t = { 0 };

	assert_int_equal(tilt(&t, 100, 5000, 4, 2, 4000), 100); /* a node with half of them */
	assert_false(t.tilted);
	assert_int_equal(tilt(&t, 100, 5000, 4, 3, 4000), 4000);
	assert_true(t.tilted);
	assert_int_equal(tilt(&t, 4000, 6000, 4, 3, 4000), 4000); /* nothing new: it is steady */
	assert_int_equal(tilt(&t, 4000, 7000, 4, 4, 6500), 6500);
	assert_int_equal(tilt(&t, 6500, 8000, 4, 1, 6500), 8000); /* back: from now */
	assert_false(t.tilted);
	assert_int_equal(tilt(&t, 8000, 9000, 4, 1, 6500), 8000);
	assert_int_equal(tilt(&t, 8000, 9000, 0, 0, 0), 8000);
	assert_int_equal(tilt(&t, 8000, 9000, 2, 2, 8500), 8000); /* a small Codis */
	assert_false(t.tilted);
}

TEST(no_proxy_is_taken_out_for_the_silence_of_all)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 9000;
	assert_only(w, ACT_REMOVE_PROXY, p->admin_addr);
	w->v.tilted = true;
	assert_nothing(w);
	p->pod.node_lost = true; /* somebody else misses it, too */
	assert_only(w, ACT_REMOVE_PROXY, p->admin_addr);
	p->pod.node_lost = false;
	p->reach = REACH_REFUSED; /* that is an answer */
	assert_only(w, ACT_REMOVE_PROXY, p->admin_addr);
}

TEST(lock_that_was_read_before_a_jump_of_the_clock_is_not_judged)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_UNKNOWN;
	b->lock_read_ms = 5000;
	snprintf(b->lock_addr, CODIS_ADDR_MAX, "10.9.9.9:18080");
	assert_only(w, ACT_REMOVE_LOCK, D);
	w->v.steady_since_ms = 5001;
	assert_nothing(w);
}

/* --- in the status -------------------------------------------------------------------------------------------------
 */

static const char *line_of(const struct world *w, bool *ok)
{
	static char line[1024];

	status_line(&w->v, &limits, line, sizeof(line), ok);
	return line;
}

static void name(struct world *w)
{
	snprintf(w->v.namespace, sizeof(w->v.namespace), "codis");
	snprintf(w->v.product, sizeof(w->v.product), "codis-test");
	snprintf(w->sets[0].name, VIEW_NAME_MAX, "codis-server");
}

TEST(status_says_who_paused_it)
{
	WORLD;
	bool ok = true;

	name(w);
	w->v.mandate = MANDATE_NONE;
	w->v.paused = true;
	w->v.paused_set = w->sets[0].name;
	snprintf(w->v.paused_by, sizeof(w->v.paused_by), "anna: moving racks");
	assert_string_equal(
		line_of(w, &ok),
		"codis-test: PAUSED, OK, 1/1 groups led, 1 proxy, 1024/1024 slots served; codis.io/paused says "
		"\"anna: moving racks\": nothing is done until kubectl annotate -n codis sts codis-server "
		"codis.io/paused-");
	assert_false(ok);
}

TEST(status_says_that_it_may_be_our_own_network)
{
	WORLD;
	bool ok = true;

	name(w);
	w->v.tilted = true;
	w->v.heard_servers = 4;
	w->v.silent_servers = 3;
	assert_string_equal(
		line_of(w, &ok),
		"codis-test: OK, 1/1 groups led, 1 proxy, 1024/1024 slots served; TILT: 3 of 4 servers fell "
		"silent, which may be our own network: silence counts from the last of them, and no proxy is "
		"taken out for its own");
	assert_false(ok);
}

TEST(status_says_what_waits_and_what_a_dry_run_would_do)
{
	WORLD;
	JSON_CLEANUP cJSON *json = NULL;
	struct action one;
	bool ok = true;

	name(w);
	refuse(w);
	lose_link(w);
	run(w);
	w->v.dry_run = true;
	w->v.would = w->actions;
	w->v.would_count = w->count;
	assert_non_null(strstr(line_of(w, &ok),
			       "; DRY RUN: nothing is done; group 1: promote of codis-server-1 would be "
			       "done: connections are refused, and its replica lost its link; "));
	flap(w, 5);
	w->v.dry_run = false;
	w->v.held_count = held(w, &one);
	w->v.would_count = 0;
	w->v.held = &one;
	assert_non_null(strstr(line_of(w, &ok),
			       "; group 1: promote of codis-server-1 waits: it was done so often, and did "
			       "not last; kubectl delete pod codis-server-0 --force insists; "));
	/* What the kubelet says is why. */
	w->v.waits[0] = (struct waits_view){ "codis-server-0", 1, "CrashLoopBackOff, it ended with 3 (Error)" };
	w->v.waits_count = 1;
	assert_non_null(strstr(line_of(w, &ok), "; codis-server-0 does not start: CrashLoopBackOff, it ended with 3 "
						"(Error); group 1: promote of codis-server-1 waits: "));
	json = status_json(&w->v, &limits);
	assert_string_equal(json_str(cJSON_GetArrayItem(json_get(json, "held", NULL), 0), NULL),
			    "group 1: promote of codis-server-1 waits: it was done so often, and did not last; kubectl "
			    "delete pod codis-server-0 --force insists");
}
