/* decide(): on which evidence a master is replaced, a group begins, and somebody is taken out. Each test is a situation
 * in which an earlier controller lost data, was stuck for ever, or harmed what was well. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

#define E "10.0.0.4:6379"

static struct server_view *a_of(struct world *w)
{
	return &w->servers[0];
}

static struct server_view *b_of(struct world *w)
{
	return &w->servers[1];
}

/* All was heard a moment ago. */
static void hear_all(struct world *w)
{
	for (int i = 0; i < w->v.server_count; i++)
		w->servers[i].heard_ms = w->v.now_ms - 10;
}

static void be_silent(struct world *w, struct server_view *s, int ms)
{
	s->reach = REACH_SILENT;
	s->info_valid = false;
	s->since_ms = w->v.now_ms - ms;
	if (s->heard_ms)
		s->heard_ms = s->since_ms - 10;
}

static struct server_view *third_replica(struct world *w)
{
	struct server_view *c = add_server(w, C, 1, 2);

	w->sets[0].shape.replicas = w->sets[0].shape.server_replica = 3;
	follows(c, a_of(w));
	list(&w->groups[0], c);
	return c;
}

/* The group's node says that B leads; it has not got the role. */
static void fence_b(struct world *w)
{
	assert_int_equal(codis_group_lead(&w->groups[0].node, B), 0);
	a_of(w)->listed_index = 1;
	b_of(w)->listed_index = 0;
}

static void promoting(struct world *w, const char *state, bool idle)
{
	snprintf(w->groups[0].node.promoting_state, sizeof(w->groups[0].node.promoting_state), "%s", state);
	w->groups[0].node.promoting_index = 1;
	w->groups[0].promoting_idle = idle;
}

static void syncs(struct server_view *s)
{
	s->info.link_up = false;
	s->info.syncing = true;
	s->info.offset = 1;
	s->info.keys = 0;
}

static void assert_why(const struct action *a, const char *why)
{
	assert_string_equal(a->why, why);
}

static enum master_verdict judged(struct world *w, const char **why)
{
	return judge_master(&w->v, &w->groups[0], &limits, why);
}

static void assert_held_up(struct world *w, const char *why)
{
	char out[JUDGE_HELD_MAX];
	const char *held_up = judge_held_up(&w->v, &w->groups[0], &limits, out);

	assert_non_null(held_up);
	assert_string_equal(held_up, why);
}

static void assert_not_held_up(struct world *w)
{
	char out[JUDGE_HELD_MAX];

	assert_null(judge_held_up(&w->v, &w->groups[0], &limits, out));
}

/* --- a master that may still live -------------------------------------------------------------------------------- */

/* B lost its link an hour ago and is 5 MB behind; A stalls for a second. */
TEST(replica_that_lost_its_link_long_before_is_no_witness)
{
	WORLD;
	const char *why;

	hear_all(w);
	a_of(w)->info.offset = 5000000;
	lose_link(w);
	b_of(w)->link_down_since_ms = w->v.now_ms - 3600000;
	silence(w, 1000);
	a_of(w)->heard_ms = w->v.now_ms - 1100;
	assert_nothing(w);
	assert_int_equal(judged(w, &why), MASTER_UNKNOWN);
	assert_string_equal(why, "it does not answer");
	assert_held_up(w, "no replica has what it had, and it may still live: kubectl delete pod -n ns codis-server-0 "
			  "--force gives it up");
	refuse(w); /* it ended, and may come back with its file */
	assert_nothing(w);
	b_of(w)->link_down_since_ms = w->v.now_ms - 1000; /* lost since A was last heard */
	assert_why(assert_only(w, ACT_PROMOTE, B), "connections are refused, and its replica lost its link");
}

/* Nobody else is left: what B has of an hour ago leads once A's process is known to have ended, and A was awaited. */
TEST(replica_that_is_far_behind_leads_when_its_master_does_not_come_back)
{
	WORLD;

	hear_all(w);
	lose_link(w);
	b_of(w)->link_down_since_ms = w->v.now_ms - 3600000;
	refuse(w);
	a_of(w)->pod.running = false;
	w->groups[0].masterless_ms = w->v.now_ms - 14999;
	assert_nothing(w);
	w->groups[0].masterless_ms = w->v.now_ms - 15000;
	assert_why(assert_only(w, ACT_PROMOTE, B), "connections are refused, and its container does not run");
	guarded(a_of(w)); /* or it is back, empty */
	a_of(w)->reach = REACH_OK;
	a_of(w)->info_valid = true;
	w->groups[0].masterless_ms = w->v.now_ms;
	assert_why(assert_only(w, ACT_PROMOTE, B), "it has started anew, and waits for a role");
}

/* B was stopped while A was written to, and has just woken; A falls silent: it has what B lacks, and may live. Of the
 * dead there is no more than B has. */
TEST(replica_that_woke_far_behind_leads_only_after_a_master_that_has_ended)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 3000);
	a_of(w)->info.offset = 990 + (1 << 20);
	b_of(w)->info.last_io_s = 2;
	assert_only(w, ACT_PROMOTE, B);
	a_of(w)->info.offset++;
	assert_nothing(w);
	assert_held_up(w, "no replica has what it had, and it may still live: kubectl delete pod -n ns codis-server-0 "
			  "--force gives it up");
	b_of(w)->heard_ms = a_of(w)->heard_ms; /* it may have got that since */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->heard_ms++;
	refuse(w);
	lose_link(w);
	b_of(w)->link_down_since_ms = w->v.now_ms - 1;
	assert_string_equal(assert_only(w, ACT_PROMOTE, B)->why,
			    "connections are refused, and its replica lost its link");
	assert_non_null(strstr(w->actions[0].evidence, "; codis-server-1 lacks 1048577 bytes that it had sent"));
}

/* B led, has restarted, and has followed A since, unseen by a controller that was cut off from B: it has what A sent,
 * of which A's file, with which that has restarted too, is some time before. */
TEST(one_that_led_takes_over_once_it_has_followed_since_it_restarted)
{
	WORLD;

	hear_all(w);
	guarded(a_of(w));
	a_of(w)->restarted = true;
	lose_link(w);
	b_of(w)->restarted = true;
	b_of(w)->info.uptime_s = 8;
	b_of(w)->info.link_down_s = 3;
	assert_why(assert_only(w, ACT_PROMOTE, B), "it restarted, and what it had is gone");
	assert_ptr_equal(judge_best_replica(&w->v, &w->groups[0], a_of(w), false), b_of(w));
	b_of(w)->info.link_down_s = 8; /* what it has may be of its own file */
	assert_null(judge_best_replica(&w->v, &w->groups[0], a_of(w), false));
	b_of(w)->info.link_down_s = INT64_MAX;
	assert_null(judge_best_replica(&w->v, &w->groups[0], a_of(w), false));
}

/* B began its sync with A when A was empty, and loaded that for long; what A was written since had not been sent to it
 * when the way was cut. However few bytes those are, they are all keys that there are. */
TEST(replica_that_loaded_nothing_leads_only_after_a_master_that_has_ended)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 3000);
	a_of(w)->info.offset = 1000;
	a_of(w)->info.keys = 68;
	b_of(w)->info.offset = 2;
	b_of(w)->info.keys = 0;
	b_of(w)->info.last_io_s = 2;
	assert_nothing(w);
	assert_held_up(w, "no replica has what it had, and it may still live: kubectl delete pod -n ns codis-server-0 "
			  "--force gives it up");
	b_of(w)->info.keys = 1;
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.keys = 0;
	b_of(w)->info.offset = 1000; /* a FLUSHALL that we heard of from B alone */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.offset = 2;
	a_of(w)->info.keys = 0; /* there is nothing to lack */
	assert_only(w, ACT_PROMOTE, B);
	a_of(w)->info.keys = 68;
	assert_nothing(w);
	a_of(w)->pod.name[0] = '\0'; /* a person gives it up */
	a_of(w)->pod_gone = true;
	w->groups[0].masterless_ms = 1;
	assert_only(w, ACT_PROMOTE, B);
}

/* C joins: the master forks for it and stalls for a second; B hears the master perfectly. */
TEST(replica_that_syncs_is_no_witness)
{
	WORLD;
	struct server_view *c = third_replica(w);

	syncs(c);
	silence(w, 1000);
	assert_nothing(w);
	refuse(w);
	assert_nothing(w);
}

/* Neither we nor its kubelet's word reach A's node; B does: its link is up, and it heard A a moment ago. */
TEST(master_that_a_replica_hears_has_not_failed)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 5000);
	a_of(w)->pod.node_lost = true;
	assert_nothing(w);
	a_of(w)->pod.node_lost = false;
	a_of(w)->pod.running = false;
	assert_nothing(w);
	b_of(w)->info.last_io_s = 5;
	assert_why(assert_only(w, ACT_PROMOTE, B), "it is silent, and its replica has nothing from it");
}

/* Only our way to A is cut, and nobody writes: A pings B once a second, and B, which counts whole seconds, says 0, 1,
 * and now and then 2. A is not replaced for that, nor are its slots held every 10 s. */
TEST(replica_that_has_heard_its_master_since_it_is_silent_to_us_has_to_miss_more_than_a_ping)
{
	WORLD;

	hear_all(w);
	for (int ms = 3300; ms <= 60000; ms += 300) {
		be_silent(w, a_of(w), ms);
		for (int64_t s = 0; s <= 2; s++) {
			b_of(w)->info.last_io_s = s;
			w->v.mandate = MANDATE_LEAD;
			assert_nothing(w);
			w->v.mandate = MANDATE_STANDBY;
			assert_nothing(w);
		}
	}
	w->v.mandate = MANDATE_LEAD;
	b_of(w)->info.last_io_s = 3; /* A has ended, or hangs, since */
	assert_false(assert_only(w, ACT_PROMOTE, B)->early);
	be_silent(w, a_of(w), 2100);
	b_of(w)->info.last_io_s = 2; /* both lost it at one time */
	assert_false(assert_only(w, ACT_PROMOTE, B)->early);
}

/* A and its proxies are well, as we hear. Another controller and B are cut off from it, and that one claims the group:
 * B would not have what A acknowledges. */
TEST(claim_over_a_master_that_the_leader_hears_is_overtaken)
{
	WORLD;
	const struct action *a;

	hear_all(w);
	assert_nothing(w);
	w->groups[0].claimed_ms = w->v.now_ms - 5;
	a_of(w)->heard_ms = w->v.now_ms - 6;
	assert_nothing(w); /* not since */
	a_of(w)->heard_ms = w->v.now_ms - 4;
	a = assert_only(w, ACT_PROMOTE, A);
	assert_why(a, "another controller is about to replace it, and it answers here");
	assert_true(a->keeps);
	assert_string_equal(a->from, "");
	w->v.mandate = MANDATE_FAILOVER; /* it led just now */
	assert_true(assert_only(w, ACT_PROMOTE, A)->keeps);
	w->v.second = true;
	assert_nothing(w);
	w->v.second = false;
	w->v.mandate = MANDATE_STANDBY;
	assert_nothing(w);
	w->v.mandate = MANDATE_LEAD;
	w->groups[0].acted_ms = w->v.now_ms - 3; /* that is done */
	assert_nothing(w);
	w->groups[0].acted_ms = 0;
	w->groups[0].claimed_ms = w->v.now_ms - 1000; /* what came of it is seen */
	assert_nothing(w);
	w->groups[0].claimed_ms = w->v.now_ms - 5;
	w->proxies[0].mute = true; /* it may not reach A */
	assert_nothing(w);
}

/* Its kubelet is not heard, nor is A by us; B, to which A as an idle master says nothing for 10 s, has not said yet
 * whether it misses it. */
TEST(node_that_is_not_ready_is_no_witness)
{
	WORLD;

	hear_all(w);
	silence(w, 5000);
	a_of(w)->heard_ms = w->v.now_ms - 5010;
	b_of(w)->info.last_io_s = 9;
	b_of(w)->info.offset = 1000;
	a_of(w)->pod.node_lost = true;
	assert_nothing(w);
	a_of(w)->pod.node_out = true; /* somebody says that the machine does not run */
	assert_why(assert_only(w, ACT_PROMOTE, B), "it is silent, and its pod or node is gone");
	a_of(w)->pod.node_out = false;
	a_of(w)->pod.node_gone = true;
	assert_only(w, ACT_PROMOTE, B);
}

/* Three members: A refuses us and B, whose link it cut; C hears it. */
TEST(master_that_refuses_us_alone_has_not_failed)
{
	WORLD;
	struct server_view *c = third_replica(w);

	hear_all(w);
	refuse(w);
	lose_link(w);
	b_of(w)->heard_ms = c->heard_ms = w->v.now_ms;
	assert_nothing(w);
	c->info.link_up = false; /* it said that a moment too early */
	assert_only(w, ACT_PROMOTE, B);
}

/* One that refuses has ended; a silent one may wake at any time, and is locked away first. */
TEST(silent_master_is_locked_away_and_a_dead_one_is_not_waited_for)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 3000);
	b_of(w)->info.last_io_s = 3;
	assert_true(assert_only(w, ACT_PROMOTE, B)->lock);
	refuse(w);
	lose_link(w);
	assert_false(assert_only(w, ACT_PROMOTE, B)->lock);
	guarded(a_of(w));
	a_of(w)->reach = REACH_OK;
	a_of(w)->info_valid = true;
	assert_false(assert_only(w, ACT_PROMOTE, B)->lock);
	fence_b(w); /* and the same where it was fenced before */
	be_silent(w, a_of(w), 3000);
	b_of(w)->info.last_io_s = 3;
	b_of(w)->info.link_up = true;
	assert_true(assert_only(w, ACT_PROMOTE, B)->lock);
}

/* Its address takes connections: its kernel lives, so a kubelet can end what does not wake. */
TEST(silent_master_may_be_ended_where_somebody_is_there_to_do_it)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 3000);
	b_of(w)->info.last_io_s = 3;
	b_of(w)->info.offset = 1000;
	assert_only(w, ACT_PROMOTE, B);
	assert_false(w->actions[0].from_lives); /* perhaps it is its node that is away */
	assert_string_equal(w->actions[0].from_uid, "");
	a_of(w)->accepts = true;
	assert_only(w, ACT_PROMOTE, B);
	assert_true(w->actions[0].from_lives);
	assert_string_equal(w->actions[0].from_uid, "uid-0");
	w->v.kube_fresh = false;
	assert_string_equal(assert_only(w, ACT_PROMOTE, B)->from_uid, "");
	w->v.kube_fresh = true;
	a_of(w)->pod.node_lost = true;
	assert_string_equal(assert_only(w, ACT_PROMOTE, B)->from_uid, "");
	a_of(w)->pod.node_lost = false;
	a_of(w)->accepts = false;
	a_of(w)->reach = REACH_UNKNOWN; /* it answers, nothing but errors: it holds nobody up */
	snprintf(a_of(w)->complaint, sizeof(a_of(w)->complaint), "BUSY");
	assert_string_equal(assert_only(w, ACT_PROMOTE, B)->from_uid, "");
	assert_true(w->actions[0].from_lives); /* and writes again when its script is over */
}

TEST(one_replica_that_does_not_hear_the_master_does_not_outvote_one_that_does)
{
	WORLD;
	struct server_view *c = third_replica(w);

	hear_all(w);
	c->info.last_io_s = 30; /* C is cut from A, as we are */
	be_silent(w, a_of(w), 30000);
	assert_nothing(w);
	b_of(w)->info.last_io_s = 3;
	b_of(w)->info.offset = 995;
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.last_io_s = 0;
	b_of(w)->heard_ms = a_of(w)->since_ms - 1; /* what it said before A fell silent tells nothing */
	assert_only(w, ACT_PROMOTE, B);
}

/* Servers whose pods are not seen (no label, or outside of Kubernetes). */
TEST(pod_that_is_not_seen_is_no_second_view_against_a_replicas_word)
{
	WORLD;

	a_of(w)->pod.name[0] = b_of(w)->pod.name[0] = '\0';
	hear_all(w);
	silence(w, 1000);
	assert_nothing(w);
}

/* Redis' own default: a master that nobody writes to pings its replicas every 10 s. */
TEST(replica_of_an_idle_master_with_the_default_ping_period)
{
	WORLD;

	hear_all(w);
	silence(w, 1000);
	a_of(w)->heard_ms = w->v.now_ms - 1010;
	b_of(w)->info.last_io_s = 7;
	assert_nothing(w);
	silence(w, 10000);
	a_of(w)->heard_ms = w->v.now_ms - 10010;
	b_of(w)->info.last_io_s = 12; /* more than a ping is missing */
	assert_only(w, ACT_PROMOTE, B);
}

/* It was pinged a moment before both fell silent to each other and to us. */
TEST(replica_of_an_idle_master_that_was_just_pinged)
{
	WORLD;

	hear_all(w);
	silence(w, 3000);
	a_of(w)->heard_ms = w->v.now_ms - 3010;
	b_of(w)->info.last_io_s = 4;
	b_of(w)->rare_ms = b_of(w)->heard_ms - 5000;
	assert_nothing(w);
	b_of(w)->rare_ms = b_of(w)->heard_ms - 7000; /* it was written to since */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->rare_ms = b_of(w)->heard_ms - 5000;
	silence(w, 12000);
	a_of(w)->heard_ms = w->v.now_ms - 12010;
	b_of(w)->info.last_io_s = 13;
	assert_only(w, ACT_PROMOTE, B);
}

/* An endless script: A answers -BUSY to everything. */
TEST(master_that_answers_nothing_but_errors_has_failed_when_its_replica_does_not_hear_it)
{
	WORLD;

	hear_all(w);
	a_of(w)->reach = REACH_UNKNOWN;
	a_of(w)->info_valid = false;
	a_of(w)->since_ms = a_of(w)->heard_ms = 1;
	snprintf(a_of(w)->complaint, sizeof(a_of(w)->complaint), "BUSY");
	b_of(w)->info.offset = 1000;
	assert_nothing(w); /* B hears it */
	b_of(w)->info.last_io_s = 95;
	assert_why(assert_only(w, ACT_PROMOTE, B),
		   "it answers nothing but errors, and its replica has nothing from it");
	a_of(w)->complaint[0] = '\0'; /* whoever speaks otherwise is no server, and no evidence */
	assert_nothing(w);
}

/* --- half-done changes of a master ------------------------------------------------------------------------------- */

/* A person promotes B; B has the role, the node does not say so yet, and a dashboard is at work. */
TEST(promotion_that_a_dashboard_is_at_work_on_is_left_alone)
{
	WORLD;

	promoting(w, "prepared", false);
	leads(b_of(w));
	assert_nothing(w);
	refuse(w);
	lose_link(w);
	assert_nothing(w);
}

/* B is in its first sync. In stock Codis the promotion stays half done, and the master keeps its data. */
TEST(interrupted_promotion_of_a_replica_that_is_not_in_sync_is_taken_back)
{
	WORLD;

	promoting(w, "preparing", true);
	a_of(w)->info.keys = 1000000;
	syncs(b_of(w));
	assert_why(assert_only(w, ACT_PROMOTE, A), "a promotion was interrupted, and its target is not in sync");
}

/* A dashboard wrote its "preparing" over our own promotion of the same one, and failed: B leads and is written to. */
TEST(interrupted_promotion_whose_target_is_written_to_is_done)
{
	WORLD;

	hear_all(w);
	promoting(w, "preparing", true);
	leads(b_of(w));
	send_slots(w, 1, B);
	be_silent(w, a_of(w), 20000);
	assert_why(assert_only(w, ACT_PROMOTE, B), "a promotion was interrupted");
	assert_string_equal(w->actions[0].from, "");
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", A); /* from which nothing comes back */
	assert_only(w, ACT_PROMOTE, B);
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", B);
	leads(a_of(w)); /* it woke */
	a_of(w)->reach = REACH_OK;
	a_of(w)->info_valid = true;
	assert_only(w, ACT_PROMOTE, B);
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", A); /* it is written to as well */
	assert_why(assert_only(w, ACT_PROMOTE, A), "a promotion was interrupted, and its target is not in sync");
}

/* A switch from A to C ended with its controller, and the dashboard that it had not told yet wrote the promotion of B,
 * A's replica, as it knew the group. */
TEST(interrupted_promotion_over_an_unread_master_goes_back_to_that_one)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);

	w->sets[0].shape.replicas = w->sets[0].shape.server_replica = 3;
	leads(c);
	hear_all(w);
	promoting(w, "preparing", true);
	snprintf(w->groups[0].unread_master, CODIS_ADDR_MAX, "%s", C);
	send_slots(w, 1, C);
	assert_why(assert_only(w, ACT_PROMOTE, C),
		   "a promotion was interrupted, and the dashboard did not know the master before it");
	assert_string_equal(w->actions[0].from, A);
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[0][i].locked = true; /* as it has locked them */
	assert_only(w, ACT_PROMOTE, C);
	snprintf(w->slots[0][7].addr, CODIS_ADDR_MAX, "%s", A);
	w->slots[0][7].locked = false; /* it is written to */
	assert_only(w, ACT_SWITCH, B);
	w->slots[0][7].locked = true;
	w->groups[0].may_lose = true; /* a person insists */
	assert_only(w, ACT_SWITCH, B);
	w->groups[0].may_lose = false;
	follows(c, a_of(w)); /* it has been told to follow meanwhile */
	assert_only(w, ACT_SWITCH, B);
}

/* The same, and the dashboard has filled the proxies back to the master that hangs. A dashboard that still prepares has
 * given no role: B has its own, and so what A had sent, from us. */
TEST(interrupted_promotion_whose_target_leads_is_done_over_a_master_that_hangs)
{
	WORLD;

	hear_all(w);
	promoting(w, "preparing", true);
	leads(b_of(w));
	be_silent(w, a_of(w), 999);
	assert_nothing(w);
	be_silent(w, a_of(w), 1000);
	assert_why(assert_only(w, ACT_PROMOTE, B), "a promotion was interrupted");
	assert_string_equal(w->actions[0].from, A);
	assert_true(w->actions[0].lock);
	w->groups[0].written_ms = w->v.now_ms - 500; /* somebody does so */
	assert_nothing(w);
	w->groups[0].written_ms = 0;
	snprintf(w->groups[0].node.promoting_state, sizeof(w->groups[0].node.promoting_state), "prepared");
	assert_nothing(w);
}

TEST(interrupted_promotion_waits_until_it_is_known_what_the_master_is)
{
	WORLD;

	promoting(w, "preparing", true);
	a_of(w)->reach = REACH_UNKNOWN; /* a controller that has just begun */
	a_of(w)->info_valid = false;
	assert_nothing(w);
	refuse(w);
	lose_link(w);
	assert_why(assert_only(w, ACT_PROMOTE, B), "connections are refused, and its replica lost its link");
}

/* A switch was fenced; before B had the role its link broke. A lives, and is 5 MB ahead. */
TEST(fenced_switch_to_a_replica_that_lost_its_link_is_taken_back)
{
	WORLD;

	fence_b(w);
	a_of(w)->info.offset = 5000000;
	lose_link(w);
	assert_why(assert_only(w, ACT_PROMOTE, A), "its replica was to take over, and is not in sync");
}

/* ... or its pod is about to go, as its hook says, or the API server: its hook has let it go as a replica. */
TEST(fenced_switch_to_a_replica_that_is_about_to_end_is_taken_back)
{
	WORLD;

	fence_b(w);
	b_of(w)->info.ending = true;
	assert_why(assert_only(w, ACT_PROMOTE, A), "its replica was to take over, and is about to end");
	b_of(w)->info.ending = false;
	b_of(w)->pod.deleting = true;
	assert_why(assert_only(w, ACT_PROMOTE, A), "its replica was to take over, and is about to end");
}

TEST(interrupted_promotion_of_a_replica_that_is_about_to_end_is_taken_back)
{
	WORLD;

	promoting(w, "preparing", true);
	b_of(w)->info.ending = true;
	assert_why(assert_only(w, ACT_PROMOTE, A), "a promotion was interrupted, and its target is about to end");
}

/* Another controller has just fenced, and B may have its role by now: what is heard of it is older. */
TEST(fenced_change_is_not_taken_back_while_its_role_is_being_given)
{
	WORLD;

	fence_b(w);
	a_of(w)->info.offset = 5000000;
	lose_link(w);
	w->groups[0].written_ms = w->v.now_ms - 999;
	assert_nothing(w);
	w->groups[0].written_ms = w->v.now_ms - 1000;
	assert_only(w, ACT_PROMOTE, A);
}

/* The same, and A is not heard in this instant. */
TEST(role_is_not_given_while_the_old_master_may_live)
{
	WORLD;
	const char *why;

	fence_b(w);
	a_of(w)->info_valid = false;
	assert_nothing(w);
	silence(w, 5000);
	assert_nothing(w);
	assert_int_equal(judged(w, &why), MASTER_ROLELESS);
	b_of(w)->info.last_io_s = 5;
	assert_why(assert_only(w, ACT_PROMOTE, B), "it was declared master and has not got the role");
}

/* A switch locks the slots on every proxy: one that hangs would hold all of them until the lock fails. */
TEST(no_switch_past_a_proxy_that_hangs)
{
	WORLD;

	a_of(w)->pod.deleting = true;
	w->proxies[0].reach = REACH_SILENT;
	w->proxies[0].since_ms = w->v.now_ms - 1000;
	assert_nothing(w);
	w->proxies[0].since_ms = w->v.now_ms - 9000; /* it is taken out first */
	assert_only(w, ACT_REMOVE_PROXY, "10.0.1.0:11080");
	w->proxies[0].registered = false;
	w->proxies[0].pod.node_lost = true;
	assert_only(w, ACT_SWITCH, B);
	a_of(w)->pod.deleting = false;
	w->proxies[0].registered = true;
	w->proxies[0].since_ms = w->v.now_ms - 500;
	promoting(w, "preparing", true); /* its slots are locked already */
	assert_why(assert_only(w, ACT_PROMOTE, A), "a promotion was interrupted, and a proxy cannot be locked");
}

/* It has not answered to a lock: it is not locked again, with all the others, before it was heard. */
TEST(no_switch_past_a_proxy_that_was_not_heard_since_a_lock)
{
	WORLD;

	a_of(w)->pod.deleting = true;
	w->proxies[0].mute = true;
	assert_nothing(w);
	w->proxies[0].mute = false;
	assert_only(w, ACT_SWITCH, B);
}

/* It leaves, and its clients write through it until it ends. */
TEST(nor_past_one_that_is_in_no_list_any_more_and_serves)
{
	WORLD;

	a_of(w)->pod.deleting = true;
	w->proxies[0].registered = false;
	w->proxies[0].pod.deleting = true;
	w->proxies[0].mute = true;
	assert_nothing(w);
	w->proxies[0].reach = REACH_SILENT;
	assert_only(w, ACT_SWITCH, B);
}

/* It was taken out of the list, and is silent to us alone perhaps: its clients would write to the old master, and read
 * there what is no more. */
TEST(nor_past_one_that_is_in_no_list_and_silent_while_its_pod_is_there)
{
	WORLD;

	a_of(w)->pod.deleting = true;
	w->proxies[0].registered = false;
	w->proxies[0].reach = REACH_SILENT;
	w->proxies[0].since_ms = w->v.now_ms - 1000;
	w->proxies[0].pod.running = true;
	assert_nothing(w);
	w->proxies[0].pod.deleting = true; /* since it hangs, as we think */
	w->proxies[0].deleting_ms = w->v.now_ms - 9999;
	assert_nothing(w);
	w->proxies[0].pod.running = false;
	assert_only(w, ACT_SWITCH, B);
	w->proxies[0].pod.running = true;
	w->proxies[0].deleting_ms = w->v.now_ms - 10000; /* it does, and the masters of its node have little time */
	assert_only(w, ACT_SWITCH, B);
	w->proxies[0].pod.deleting = false;
	w->proxies[0].deleting_ms = 0;
	w->proxies[0].pod.node_lost = true;
	assert_only(w, ACT_SWITCH, B);
	w->proxies[0].pod.node_lost = false;
	w->proxies[0].pod_gone = true;
	assert_only(w, ACT_SWITCH, B);
	w->proxies[0].pod_gone = false;
	w->proxies[0].slots = NULL; /* it never served */
	assert_only(w, ACT_SWITCH, B);
}

/* A controller that has just begun does not know what it sends, but its kubelet says that it serves. */
TEST(nor_past_one_that_was_never_heard_and_is_ready)
{
	WORLD;

	a_of(w)->pod.deleting = true;
	w->proxies[0].registered = false;
	w->proxies[0].slots = NULL;
	w->proxies[0].pod.running = w->proxies[0].pod.ready = true;
	w->proxies[0].reach = REACH_UNKNOWN;
	assert_nothing(w);
	w->proxies[0].reach = REACH_SILENT;
	w->proxies[0].since_ms = w->v.now_ms - 1000;
	assert_nothing(w);
	w->proxies[0].pod.ready = false;
	assert_only(w, ACT_SWITCH, B);
	w->proxies[0].pod.ready = true;
	w->proxies[0].reach = REACH_REFUSED;
	assert_only(w, ACT_SWITCH, B);
}

/* Each try holds slots for a moment. */
TEST(a_switch_from_a_pod_that_is_being_deleted_is_tried_again_once_a_second_at_least)
{
	WORLD;

	a_of(w)->pod.deleting = true;
	for (int i = 0; i < 20; i++)
		calm_note(&w->groups[0].done, ACT_SWITCH, 1, true, w->v.now_ms);
	assert_nothing(w);
	w->v.now_ms += 999;
	assert_nothing(w);
	w->v.now_ms++;
	assert_only(w, ACT_SWITCH, B);
	w->groups[0].done = (struct calm_done){ 0 };
	calm_note(&w->groups[0].done, ACT_SWITCH, 1, true, w->v.now_ms);
	assert_nothing(w);
	w->v.now_ms += 50;
	assert_only(w, ACT_SWITCH, B);
	for (int i = 0; i < 20; i++) /* what was done, however often, holds nothing up */
		calm_note(&w->groups[0].done, ACT_SWITCH, 1, false, w->v.now_ms);
	assert_only(w, ACT_SWITCH, B);
}

/* kubectl delete pod --force: the object goes at once, and its process a moment later. */
TEST(master_whose_pod_is_gone_is_switched)
{
	WORLD;

	a_of(w)->pod.name[0] = '\0';
	assert_nothing(w); /* none was ever seen */
	a_of(w)->pod_gone = true;
	assert_why(assert_only(w, ACT_SWITCH, B), "the master's pod is gone");
	w->v.kube_fresh = false;
	assert_nothing(w);
}

/* Three members: A died, B was fenced and refuses the role (its SLAVEOF is renamed, a script runs, ...). C has the
 * same, on the same evidence. */
TEST(replica_that_refuses_the_role_gives_way_to_another_one)
{
	WORLD;
	struct server_view *c = third_replica(w);

	hear_all(w);
	refuse(w);
	lose_link(w);
	c->info.link_up = false;
	fence_b(w);
	assert_why(assert_only(w, ACT_PROMOTE, B), "it was declared master and has not got the role");
	b_of(w)->role_refused_ms = w->v.now_ms - 300;
	assert_why(assert_only(w, ACT_PROMOTE, C), "the replica that was to take over refuses the role");
	assert_string_equal(w->actions[0].from, A);
	assert_string_equal(
		w->actions[0].evidence,
		"codis-server-0 refuses since 0.0 s; codis-server-1 has lost its link at offset 990; "
		"codis-server-2 has lost its link at offset 990; codis-server-1 refused the role 0.3 s ago");
	c->role_refused_ms = w->v.now_ms - 200; /* and so they take turns */
	assert_why(assert_only(w, ACT_PROMOTE, B), "it was declared master and refuses the role");
	c->role_refused_ms = 0;
	c->info.syncing = true; /* it has not the same */
	assert_why(assert_only(w, ACT_PROMOTE, B), "it was declared master and refuses the role");
}

TEST(replica_that_refuses_the_role_is_the_last_choice)
{
	WORLD;
	struct server_view *c = third_replica(w);

	hear_all(w);
	a_of(w)->pod.deleting = true;
	c->info.offset = 980;
	assert_only(w, ACT_SWITCH, B);
	b_of(w)->role_refused_ms = w->v.now_ms - 300;
	assert_only(w, ACT_SWITCH, C);
}

/* Three members: A died, B was fenced and died with its node before it had the role; C has all that A sent. */
TEST(second_failure_before_the_role_was_given)
{
	WORLD;
	struct server_view *c = third_replica(w);

	hear_all(w);
	fence_b(w);
	c->info.link_up = false;
	be_silent(w, a_of(w), 99000);
	be_silent(w, b_of(w), 99000);
	a_of(w)->pod.node_lost = b_of(w)->pod.node_lost = true;
	w->groups[0].masterless_ms = 1;
	assert_why(assert_only(w, ACT_PROMOTE, C), "it is silent, and its pod or node is gone");
	assert_string_equal(w->actions[0].from, A); /* to whom the proxies send */
	b_of(w)->info.role = REDIS_ROLE_MASTER;     /* it had the role: it may have what C has not */
	assert_nothing(w);
}

/* Three members: A died; B, which is ahead, is being asked in this instant. */
TEST(of_several_replicas_each_is_heard_once_more)
{
	WORLD;
	struct server_view *c = third_replica(w);

	b_of(w)->info.offset = 2000;
	b_of(w)->info_valid = false;
	c->info.link_up = false;
	refuse(w);
	assert_nothing(w);
	b_of(w)->info_valid = true;
	lose_link(w);
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info_valid = false;
	a_of(w)->since_ms = w->v.now_ms - 100; /* not for long */
	assert_only(w, ACT_PROMOTE, C);
}

/* B was in a full sync when it was last heard, and may have ended it before A did. */
TEST(replica_that_was_syncing_when_it_was_last_heard_is_heard_once_more)
{
	WORLD;

	hear_all(w);
	b_of(w)->heard_ms = w->v.now_ms - 200;
	syncs(b_of(w));
	refuse(w);
	a_of(w)->pod_gone = true;
	a_of(w)->pod.name[0] = '\0';
	w->groups[0].masterless_ms = w->v.now_ms - 20000;
	assert_nothing(w);
	b_of(w)->heard_ms = w->v.now_ms;
	assert_only(w, ACT_PROMOTE, B);
}

/* What B said before A ended may not be all that it has now. */
TEST(replica_that_was_heard_before_the_master_ended_is_heard_once_more)
{
	WORLD;
	struct server_view *c = third_replica(w);

	hear_all(w);
	b_of(w)->heard_ms = w->v.now_ms - 200;
	c->info.link_up = false;
	c->info.offset = 1500;
	refuse(w);
	assert_nothing(w);
	b_of(w)->heard_ms = w->v.now_ms;
	lose_link(w);
	b_of(w)->info.offset = 2000;
	assert_only(w, ACT_PROMOTE, B);
}

/* --- who has data ------------------------------------------------------------------------------------------------ */

/* B's pod leaves (drain, roll) and lives, with all data; A's process is back, guarded and empty. */
TEST(leaving_replica_with_the_only_data_leads)
{
	WORLD;

	guarded(a_of(w));
	b_of(w)->pod.deleting = true;
	lose_link(w);
	assert_why(assert_only(w, ACT_PROMOTE, B), "it has started anew, and waits for a role");
	b_of(w)->link_down_since_ms = 5; /* long ago */
	a_of(w)->heard_ms = 99999;
	assert_only(w, ACT_PROMOTE, B);
}

TEST(leaving_replica_is_the_last_choice)
{
	WORLD;
	struct server_view *c = third_replica(w);

	c->info.offset = 980;
	b_of(w)->pod.deleting = true;
	refuse(w);
	lose_link(w);
	c->info.link_up = false;
	assert_only(w, ACT_PROMOTE, C);
	b_of(w)->pod.deleting = false;
	b_of(w)->info.ending = true; /* by its kubelet, which tells nobody else */
	assert_only(w, ACT_PROMOTE, C);
	c->pod.deleting = true;
	assert_only(w, ACT_PROMOTE, B);
}

/* Its hook looked while its link was up, and lets it go: what is written to it now is lost with it, and A may wake. */
TEST(replica_that_is_let_go_is_waited_for_while_its_master_may_wake)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 3000);
	b_of(w)->info.last_io_s = 2;
	b_of(w)->info.ending = true;
	b_of(w)->ending_ms = w->v.now_ms - 1999;
	assert_nothing(w);
	b_of(w)->ending_ms--; /* it is still there, and so waits for a role */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->ending_ms++;
	b_of(w)->info.link_up = false; /* its hook looked behind that, and waits */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.link_up = true;
	a_of(w)->reach = REACH_REFUSED; /* it has ended: B has all there is */
	a_of(w)->pod.running = false;
	assert_only(w, ACT_PROMOTE, B);
}

/* After a power loss: new addresses; the one with the data still loads it after the stated wait. */
TEST(member_that_loads_its_file_is_awaited)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 1), *e = add_server(w, E, 1, 0);

	for (int i = 0; i < 2; i++) {
		w->servers[i].pod.name[0] = '\0';
		be_silent(w, &w->servers[i], 20000);
	}
	guarded(c);
	guarded(e);
	e->info.loading = true;
	w->groups[0].masterless_ms = w->v.now_ms - 15000;
	assert_nothing(w);
	e->info.loading = false;
	e->info.keys = 10;
	assert_only(w, ACT_PROMOTE, E);
}

/* Offsets tell nothing after a restart, and B was cut off for a week. */
TEST(declared_master_with_data_leads_over_more_keys)
{
	WORLD;

	guarded(a_of(w));
	guarded(b_of(w));
	a_of(w)->info.keys = 900;
	b_of(w)->info.keys = 1000;
	assert_why(assert_only(w, ACT_PROMOTE, A), "it has started anew, and waits for a role");
}

/* The group's last master, which has ended. */
static struct server_view *c_led(struct world *w)
{
	struct server_view *c = third_replica(w);

	hear_all(w);
	assert_int_equal(codis_group_lead(&w->groups[0].node, C), 0);
	guarded(c);
	return c;
}

/* It was told to follow that one, and had not begun its sync. */
static void has_no_link_yet(struct server_view *s, const struct server_view *c)
{
	follows(s, c);
	s->info.link_up = false;
	s->info.offset = 1;
}

/* Both were told to follow C, which ended before either had begun its sync: B lacks what came late from A. That B has
 * more keys tells nothing: some have expired. */
TEST(master_before_that_has_not_begun_its_sync_leads_over_its_replica)
{
	WORLD;
	struct server_view *a = a_of(w), *b = b_of(w), *c = c_led(w);

	has_no_link_yet(a, c);
	has_no_link_yet(b, c);
	b->info.keys = 11;
	a->remembered = b->remembered = true;
	a->role_heard_ms = w->v.now_ms - 1000;
	a->info.uptime_s = 50;
	b->info.uptime_s = 60;
	b->link_up_at_ms = w->v.now_ms - 900;
	memcpy(b->link_up_to, A, sizeof(A));
	assert_why(assert_only(w, ACT_PROMOTE, A), "it has started anew, and waits for a role");
	a->link_up_at_ms = w->v.now_ms - 800; /* it has what C sent, or lacked */
	assert_only(w, ACT_PROMOTE, B);
	a->link_up_at_ms = 0;
	a->info.uptime_s = 0; /* it is not the process that B followed */
	assert_only(w, ACT_PROMOTE, B);
	a->info.uptime_s = -1;
	assert_only(w, ACT_PROMOTE, B);
	a->info.uptime_s = 50;
	a->info.syncing = true;
	assert_only(w, ACT_PROMOTE, B);
	a->info.syncing = false;
	b->role_heard_ms = w->v.now_ms - 500; /* it has led since */
	assert_only(w, ACT_PROMOTE, B);
}

/* The same where A still leads, as no controller that lives has told it otherwise, nor heard it while it was declared:
 * a dashboard that knows no better has filled a proxy with it. */
TEST(master_before_that_leads_still_leads_over_its_replica)
{
	WORLD;
	struct server_view *a = a_of(w), *b = b_of(w), *c = c_led(w);

	has_no_link_yet(b, c);
	b->info.keys = 9;
	a->remembered = false;
	a->since_ms = w->v.now_ms - 6000;
	a->info.link_down_s = -1;
	a->info.uptime_s = 50;
	b->link_up_at_ms = w->v.now_ms - 5500;
	memcpy(b->link_up_to, A, sizeof(A));
	assert_why(assert_only(w, ACT_PROMOTE, A), "it has started anew, and waits for a role");
	a->info.uptime_s = 5; /* it is not the process that B followed */
	assert_only(w, ACT_PROMOTE, B);
}

/* The same where B had led for a moment since its link was up, as a person wanted it, which was taken back: A led for
 * long after that, and B has not finished a sync with it. */
TEST(master_before_that_has_not_begun_its_sync_leads_over_one_that_was_taken_back)
{
	WORLD;
	struct server_view *a = a_of(w), *b = b_of(w), *c = c_led(w);

	has_no_link_yet(a, c);
	has_no_link_yet(b, c);
	b->info.keys = 9;
	a->remembered = b->remembered = true;
	a->role_heard_ms = w->v.now_ms - 1000;
	b->link_up_at_ms = w->v.now_ms - 11000;
	b->role_heard_ms = w->v.now_ms - 8000;
	memcpy(b->link_up_to, A, sizeof(A));
	assert_why(assert_only(w, ACT_PROMOTE, A), "it has started anew, and waits for a role");
	a->remembered = false; /* it is not the process that led */
	assert_only(w, ACT_PROMOTE, B);
	a->remembered = true;
	a->role_heard_ms = w->v.now_ms - 4000;
	b->link_up_at_ms = w->v.now_ms - 1000; /* it was in sync with C, after A had led */
	memcpy(b->link_up_to, C, sizeof(C));
	assert_only(w, ACT_PROMOTE, B);
}

/* The list was made anew; A leads, and B, asked later, has the greater offset. */
TEST(master_that_is_followed_leads_where_none_is_declared)
{
	WORLD;

	w->groups[0].node.count = 0;
	a_of(w)->listed_group = b_of(w)->listed_group = 0;
	b_of(w)->info.offset = 1100;
	assert_why(assert_only(w, ACT_PROMOTE, A), "the group has no master yet");
}

/* The whole cluster was off for longer than the stated wait: it begins when the first member is back. */
TEST(cold_wait_begins_with_the_first_member_that_is_heard)
{
	WORLD;

	guarded(a_of(w));
	guarded(b_of(w));
	b_of(w)->reach = REACH_REFUSED;
	b_of(w)->info_valid = false;
	w->groups[0].masterless_ms = w->v.now_ms - 60000;
	a_of(w)->since_ms = w->v.now_ms - 14999;
	assert_nothing(w);
	a_of(w)->since_ms = w->v.now_ms - 15000;
	assert_only(w, ACT_PROMOTE, A);
}

/* A pod of the group has no address yet: it waits for its volume. */
TEST(member_without_an_address_is_awaited)
{
	WORLD;
	struct server_view *waiting = add_server(w, "", 1, 0);

	a_of(w)->pod.name[0] = '\0';
	be_silent(w, a_of(w), 20000);
	waiting->reach = REACH_UNKNOWN;
	waiting->info_valid = false;
	guarded(b_of(w));
	w->groups[0].masterless_ms = w->v.now_ms - 10;
	assert_nothing(w);
	w->groups[0].masterless_ms = w->v.now_ms - 15000;
	assert_only(w, ACT_PROMOTE, B);
}

/* Policy: A had a million keys, on a volume, and is started again; B never synced. B may lead once a person says that
 * A's data is given up (codis.io/allow-data-loss: then the group is known to have none), or A is back without them. */
TEST(empty_server_never_leads_while_a_volume_with_the_data_may_come_back)
{
	WORLD;

	w->groups[0].keys = 1000000;
	refuse(w);
	a_of(w)->pod.running = false;
	guarded(b_of(w));
	w->groups[0].masterless_ms = w->v.now_ms - 15000;
	assert_int_equal(assert_only(w, ACT_PROMOTE, B)->lost_keys, 1000000); /* no volume: it has nothing any more */
	a_of(w)->pod.keeps_data = true;
	w->groups[0].masterless_ms = 1;
	assert_nothing(w);
	assert_held_up(w, "its volume may come back with its keys: kubectl annotate -n ns sts codis-server "
			  "codis.io/allow-data-loss=1 gives "
			  "them up");
	w->groups[0].keys = -1; /* a controller that has just begun, and heard A */
	a_of(w)->info.keys = 1000000;
	assert_nothing(w);
	w->groups[0].keys = 0;
	assert_only(w, ACT_PROMOTE, B);
	w->groups[0].keys = 1000000;
	b_of(w)->info.keys = 5; /* not empty */
	assert_only(w, ACT_PROMOTE, B);
}

/* A was restarted at once, and reads its file for a minute: B has what A had, and is not kept waiting for that. */
TEST(master_that_reads_its_file_is_not_awaited_where_a_replica_has_what_it_had)
{
	WORLD;

	guarded(a_of(w));
	a_of(w)->info.loading = true;
	a_of(w)->heard_ms = b_of(w)->heard_ms = w->v.now_ms;
	a_of(w)->role_heard_ms = w->v.now_ms - 300;
	lose_link(w);
	b_of(w)->link_down_since_ms = w->v.now_ms - 200;
	assert_why(assert_only(w, ACT_PROMOTE, B), "it has started anew, and waits for a role");
	b_of(w)->link_down_since_ms = w->v.now_ms - 3600000;
	assert_nothing(w);
}

/* B woke just now, as a master whom this controller does not know. It may be a stranger with B's address, or have it
 * all. */
TEST(nobody_leads_before_it_is_clear_whose_an_unknown_master_is)
{
	WORLD;

	guarded(a_of(w));
	a_of(w)->info.keys = 0;
	leads(b_of(w));
	b_of(w)->since_ms = w->v.now_ms - 4999;
	w->groups[0].masterless_ms = w->v.now_ms - 60000;
	assert_nothing(w);
	b_of(w)->since_ms--;
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->since_ms = w->v.now_ms - 1;
	b_of(w)->remembered = true;
	assert_only(w, ACT_PROMOTE, B);
}

/* A crashed and has read its file, which is older than what its replica had by then. That A is heard again is no word
 * of the one that had the link. */
TEST(replica_has_what_a_master_had_before_it_read_its_file)
{
	WORLD;

	guarded(a_of(w));
	a_of(w)->info.keys = 9;
	a_of(w)->heard_ms = w->v.now_ms;
	a_of(w)->role_heard_ms = w->v.now_ms - 3000;
	b_of(w)->heard_ms = w->v.now_ms;
	b_of(w)->info.link_up = false;
	b_of(w)->link_down_since_ms = w->v.now_ms - 2990;
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->link_down_since_ms = w->v.now_ms - 3600000; /* it had lost it long before */
	assert_only(w, ACT_PROMOTE, A);
}

/* The same to a controller that has just begun, and never heard the process that had the link: how long ago B lost it
 * tells, beside how long A runs. */
TEST(replica_has_what_a_master_had_before_it_read_its_file_also_for_one_that_has_just_begun)
{
	WORLD;

	guarded(a_of(w));
	a_of(w)->info.keys = 900;
	a_of(w)->heard_ms = w->v.now_ms;
	a_of(w)->info.uptime_s = 20;
	b_of(w)->heard_ms = w->v.now_ms;
	b_of(w)->info.link_up = false;
	b_of(w)->link_down_since_ms = w->v.now_ms - 500; /* not heard before */
	b_of(w)->info.link_down_s = 21;
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.link_down_s = 32;
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.link_down_s = 33; /* A had run for long then */
	assert_only(w, ACT_PROMOTE, A);
	b_of(w)->info.link_down_s = INT64_MAX; /* it never was up */
	assert_only(w, ACT_PROMOTE, A);
	b_of(w)->info.link_down_s = 21;
	a_of(w)->info.uptime_s = -1;
	assert_only(w, ACT_PROMOTE, A);
}

/* B was fenced, and has restarted with what its file had. */
static void b_reads_a_file(struct world *w)
{
	fence_b(w);
	guarded(b_of(w));
	b_of(w)->info.keys = 500;
}

/* ... and was just told to follow B, whose keys it has not got. */
static void a_led_a_moment_ago(struct world *w)
{
	follows(a_of(w), b_of(w));
	a_of(w)->info.link_up = false;
	a_of(w)->info.offset = 1;
	a_of(w)->remembered = true;
	a_of(w)->role_heard_ms = w->v.now_ms - 1000;
	w->groups[0].masterless_ms = w->v.now_ms - 500;
}

/* The same where not its process, but its pod was made anew, with the volume. */
TEST(file_of_a_pod_that_was_made_anew_is_of_the_past)
{
	WORLD;

	b_reads_a_file(w);
	b_of(w)->pod.keeps_data = true;
	a_led_a_moment_ago(w);
	assert_only(w, ACT_PROMOTE, A);
	b_of(w)->pod.keeps_data = false;
	assert_only(w, ACT_PROMOTE, B);
}

/* A led until a moment ago and was just told to follow B, which crashed and has read its file. */
TEST(process_that_led_a_moment_ago_comes_before_a_file)
{
	WORLD;

	b_reads_a_file(w);
	b_of(w)->pod.restarts = 1;
	a_led_a_moment_ago(w);
	assert_only(w, ACT_PROMOTE, A);
	a_of(w)->role_heard_ms = w->v.now_ms - 3600000; /* it was cut off for long */
	assert_only(w, ACT_PROMOTE, B);
}

/* A was in sync with one that has ended, as it says itself: this controller began later. B has read its file. */
TEST(replica_that_lost_its_link_a_moment_ago_comes_before_a_file)
{
	WORLD;

	b_reads_a_file(w);
	b_of(w)->pod.restarts = 1;
	follows(a_of(w), a_of(w));
	snprintf(a_of(w)->info.master, sizeof(a_of(w)->info.master), "10.0.0.3:6379");
	a_of(w)->info.link_up = false;
	a_of(w)->info.link_down_s = 9;
	a_of(w)->info.offset = 1000;
	a_of(w)->heard_ms = w->v.now_ms;
	w->groups[0].masterless_ms = w->v.now_ms - 500;
	assert_only(w, ACT_PROMOTE, A);
	a_of(w)->info.link_down_s = 3600; /* it was cut off for long */
	assert_only(w, ACT_PROMOTE, B);
	a_of(w)->info.link_down_s = INT64_MAX; /* it never had one */
	assert_only(w, ACT_PROMOTE, B);
}

/* A led before B, and nobody knows how long ago: all controllers began later. B has read a file that has less. */
TEST(process_that_has_more_comes_before_a_file)
{
	WORLD;

	b_reads_a_file(w);
	b_of(w)->pod.restarts = 1;
	follows(a_of(w), b_of(w));
	a_of(w)->info.link_up = false;
	a_of(w)->info.offset = 1;
	a_of(w)->info.keys = 501;
	assert_only(w, ACT_PROMOTE, A);
	a_of(w)->info.keys = 500;
	assert_only(w, ACT_PROMOTE, B);
}

/* B is cut off from A, as we are; C heard A for 5 s more, and has just ended. A may be well. */
TEST(replica_that_is_cut_off_does_not_take_over_when_the_one_that_heard_the_master_ends)
{
	WORLD;
	struct server_view *c = third_replica(w);

	hear_all(w);
	be_silent(w, a_of(w), 5200);
	b_of(w)->since_ms = 1;
	b_of(w)->info.last_io_s = 5;
	c->reach = REACH_REFUSED;
	c->info_valid = false;
	c->since_ms = w->v.now_ms - 200;
	c->link_io_ms = w->v.now_ms - 300;
	c->link_up_offset = b_of(w)->info.offset + 1;
	memcpy(c->link_up_to, A, sizeof(A));
	assert_nothing(w);
	c->link_up_offset--; /* nothing was written since */
	assert_only(w, ACT_PROMOTE, B);
	c->link_up_offset++;
	c->link_io_ms = w->v.now_ms - 5000 + 1900; /* no longer than B */
	assert_only(w, ACT_PROMOTE, B);
	c->link_io_ms = w->v.now_ms - 300;
	memcpy(c->link_up_to, B, sizeof(B));
	assert_only(w, ACT_PROMOTE, B);
	memcpy(c->link_up_to, A, sizeof(A));
	refuse(w); /* it has ended: what B has is all there is */
	lose_link(w);
	b_of(w)->link_down_since_ms = w->v.now_ms - 50;
	assert_only(w, ACT_PROMOTE, B);
}

/* Its link stands, as it does for a minute; A was heard for 5 s after the last that came over it, and had sent more. */
TEST(replica_whose_link_stands_and_brings_nothing_does_not_take_over)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 3000);
	b_of(w)->info.last_io_s = 8;
	b_of(w)->info.offset = 990;
	assert_nothing(w);
	b_of(w)->info.offset = 1000; /* A had sent no more */
	b_of(w)->info.last_io_s = 16;
	assert_only(w, ACT_PROMOTE, B);
}

/* The same where A has restarted, empty: what it says now is not of the one that had the link. C has what that one had
 * sent, and answers nothing but errors yet. */
TEST(replica_whose_link_brought_nothing_does_not_take_over_from_one_that_restarted)
{
	WORLD;
	struct server_view *c = third_replica(w);

	hear_all(w);
	guarded(a_of(w));
	a_of(w)->info.keys = 0;
	a_of(w)->role_heard_ms = w->v.now_ms - 500;
	a_of(w)->role_offset = 1000;
	b_of(w)->info.last_io_s = 6;
	b_of(w)->info.offset = 2;
	c->reach = REACH_UNKNOWN;
	c->info_valid = false;
	c->since_ms = w->v.now_ms - 1000;
	snprintf(c->complaint, sizeof(c->complaint), "BUSY");
	w->groups[0].masterless_ms = w->v.now_ms - 400;
	assert_nothing(w);
	b_of(w)->info.last_io_s = 2; /* it heard A until then */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.last_io_s = 6;
	b_of(w)->info.offset = 1000; /* A had sent no more */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.offset = 2;
	a_of(w)->role_heard_ms = 0; /* this controller has just begun: nothing is known of that */
	assert_only(w, ACT_PROMOTE, B);
	a_of(w)->role_heard_ms = w->v.now_ms - 500;
	c->reach = REACH_OK; /* its script is over */
	c->info_valid = true;
	c->info.link_up = false;
	c->link_down_since_ms = w->v.now_ms - 10;
	assert_only(w, ACT_PROMOTE, C);
}

/* B was cut off from A for a second when A hung, or began with a script: A had sent more by then, and lives. */
TEST(replica_that_lacks_what_a_living_master_had_sent_does_not_take_over)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 2500);
	b_of(w)->since_ms = 1;
	b_of(w)->info.last_io_s = 3;
	b_of(w)->info.offset = 990;
	assert_only(w, ACT_PROMOTE, B); /* its node may be away, and with it what was under way */
	a_of(w)->accepts = true;
	assert_nothing(w);
	b_of(w)->info.link_up = false; /* also when its link has ended since */
	b_of(w)->link_down_since_ms = w->v.now_ms - 10;
	assert_nothing(w);
	b_of(w)->heard_ms = a_of(w)->heard_ms; /* that was before A had more */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->heard_ms = w->v.now_ms - 10;
	a_of(w)->accepts = false;
	a_of(w)->reach = REACH_UNKNOWN;
	snprintf(a_of(w)->complaint, sizeof(a_of(w)->complaint), "BUSY");
	assert_nothing(w);
	b_of(w)->info.offset = 1000;
	assert_int_equal(assert_only(w, ACT_PROMOTE, B)->lacks, 0);
	b_of(w)->info.offset = 990;
	a_of(w)->reach = REACH_SILENT;
	a_of(w)->complaint[0] =
		'\0'; /* and once no more connections fit into its queue, it may be its node that is away */
	assert_int_equal(assert_only(w, ACT_PROMOTE, B)->lacks, 10);
	a_of(w)->accepts = true;
	assert_nothing(w);
	a_of(w)->pod.name[0] = '\0'; /* a person gives it up */
	a_of(w)->pod_gone = true;
	w->groups[0].masterless_ms = 1;
	assert_int_equal(assert_only(w, ACT_PROMOTE, B)->lacks, 10);
}

/* A's address has gone to a master of group 2, and B, which was left as it was, has synced with that one. */
TEST(replica_that_has_synced_with_a_stranger_does_not_lead)
{
	WORLD;

	hear_all(w);
	add_group(w, 2);
	a_of(w)->group = 2;
	a_of(w)->since_ms = w->v.now_ms - 3000;
	w->v.proxy_count = 0;
	b_of(w)->info.last_io_s = 2; /* of the one before */
	assert_only(w, ACT_PROMOTE, B);
	b_of(w)->info.last_io_s = 1;
	w->groups[0].masterless_ms = 1;
	assert_nothing(w);
}

/* A leads and has crashed; B hangs, and has the keys in its memory. */
TEST(empty_server_never_leads_while_a_silent_one_may_have_the_keys)
{
	WORLD;

	w->groups[0].keys = 10;
	w->groups[0].masterless_ms = 1;
	guarded(a_of(w));
	be_silent(w, b_of(w), 60000);
	assert_nothing(w);
	assert_held_up(w, "a member that had its keys is silent, and may still live: kubectl delete pod -n ns "
			  "codis-server-1 --force gives it up");
	a_of(w)->info.keys = 5; /* of a file, and older */
	a_of(w)->pod.restarts = 1;
	assert_nothing(w);
	a_of(w)->info.keys = 0;
	b_of(w)->info.keys = 0; /* a controller that has just begun has never heard it */
	b_of(w)->info.run_id[0] = '\0';
	assert_nothing(w);
	b_of(w)->reach = REACH_REFUSED; /* it is dead */
	assert_only(w, ACT_PROMOTE, A);
	b_of(w)->reach = REACH_SILENT;
	b_of(w)->pod.name[0] = '\0';
	assert_only(w, ACT_PROMOTE, A);
}

/* B's pod is deleted, and its next one comes with the volume to which it has saved all of it. */
TEST(volume_of_the_declared_master_is_awaited_while_its_pod_is_made_anew)
{
	WORLD;

	fence_b(w);
	w->groups[0].keys = 10;
	w->groups[0].masterless_ms = w->v.now_ms - 14000;
	a_of(w)->pod.keeps_data = true;
	a_of(w)->since_ms = 1;
	follows(a_of(w), b_of(w)); /* just so, and never in sync */
	a_of(w)->info.link_up = false;
	a_of(w)->info.offset = 1;
	b_of(w)->reach = REACH_REFUSED;
	b_of(w)->info_valid = false;
	b_of(w)->pod.name[0] = '\0';
	b_of(w)->pod_gone = true;
	assert_nothing(w);
	w->groups[0].masterless_ms = w->v.now_ms - 15000;
	assert_only(w, ACT_PROMOTE, A);
	a_of(w)->info.keys = 0;
	assert_nothing(w);
}

/* A's address was that of a pod of group 2 before, and the news that it is A's come late. */
TEST(late_news_of_pods_take_no_role_from_a_master_that_is_heard)
{
	WORLD;

	a_of(w)->group = 2;
	a_of(w)->remembered = true;
	a_of(w)->remembered_group = 1;
	a_of(w)->since_ms = w->v.now_ms - 4000;
	assert_nothing(w);
	a_of(w)->remembered_group = 2;
	assert_only(w, ACT_PROMOTE, B);
}

/* The same while it does not answer: it may live, and is replaced as any master is that may. */
TEST(late_news_of_pods_take_no_role_from_a_master_that_is_silent)
{
	WORLD;

	a_of(w)->group = 2;
	a_of(w)->remembered_group = 1;
	hear_all(w);
	a_of(w)->info_valid = false; /* its connection has dropped */
	assert_nothing(w);
	be_silent(w, a_of(w), 500);
	assert_nothing(w);
	be_silent(w, a_of(w), 2500);
	b_of(w)->since_ms = 1;
	b_of(w)->info.last_io_s = 3;
	assert_true(assert_only(w, ACT_PROMOTE, B)->lock);
	assert_why(&w->actions[0], "it is silent, and its replica has nothing from it");
	a_of(w)->of_another = true; /* nobody asks it any more */
	a_of(w)->pod.name[0] = '\0';
	assert_why(assert_only(w, ACT_PROMOTE, B), "its address belongs to another pod now");
}

/* The news have just come: what was known of its address is forgotten, and it is asked anew. */
TEST(news_of_pods_take_no_role_before_their_server_is_asked)
{
	WORLD;

	memset(&a_of(w)->info, 0, sizeof(a_of(w)->info));
	a_of(w)->group = 2;
	a_of(w)->reach = REACH_UNKNOWN;
	a_of(w)->info_valid = false;
	a_of(w)->since_ms = w->v.now_ms - 999;
	assert_nothing(w);
	a_of(w)->since_ms--; /* it says what no server says */
	assert_why(assert_only(w, ACT_PROMOTE, B), "its address belongs to another pod now");
	a_of(w)->since_ms = w->v.now_ms;
	assert_nothing(w);
	a_of(w)->reach = REACH_REFUSED;
	assert_only(w, ACT_PROMOTE, B);
}

/* Group 2 has one slot. */
static void lead_last_slot(struct world *w, const struct server_view *m)
{
	struct codis_slot *s = &w->slots[0][CODIS_SLOTS - 1];

	s->group = 2;
	memcpy(s->addr, m->addr, sizeof(s->addr));
	w->v.dashboard.slot_group[CODIS_SLOTS - 1] = 2;
}

/* C leads group 2. */
static struct server_view *add_group_of_c(struct world *w)
{
	struct server_view *c = add_server(w, C, 2, 2);

	add_group(w, 2);
	leads(c);
	list(&w->groups[1], c);
	w->sets[0].shape.replicas = 4;
	lead_last_slot(w, c);
	return c;
}

/* A got the role by an address that had been a member's, before it was heard that its pod is of group 2. It leads until
 * another one has what it has, and only then follows in group 2. */
TEST(master_whose_pod_is_another_groups_is_switched_before_it_follows_there)
{
	WORLD;
	struct server_view *c = add_group_of_c(w);

	a_of(w)->group = 2;
	a_of(w)->remembered = true;
	a_of(w)->remembered_group = 1;
	a_of(w)->since_ms = w->v.now_ms - 4999;
	assert_nothing(w); /* it may be that of another pod that was here before */
	a_of(w)->since_ms--;
	assert_why(assert_only(w, ACT_SWITCH, B), "the master's pod is another group's");
	syncs(b_of(w));
	assert_nothing(w);
	follows(b_of(w), a_of(w));
	fence_b(w);
	leads(b_of(w));
	send_slots(w, 1, B);
	lead_last_slot(w, c);
	assert_string_equal(assert_only(w, ACT_FOLLOW, A)->master, C);
}

/* ... nor does it lead there meanwhile, where nobody else is heard: who follows it would give up what group 1 has. When
 * it has handed on, what it has is group 1's: a file of its own group is more. */
TEST(master_of_another_group_is_not_the_newest_of_its_own)
{
	WORLD;
	struct server_view *a = a_of(w), *c = add_server(w, C, 2, 2);

	add_group(w, 2);
	list(&w->groups[1], c);
	guarded(c);
	c->reach = REACH_REFUSED;
	c->info_valid = c->pod.running = false;
	w->groups[1].masterless_ms = w->v.now_ms - 15000;
	w->sets[0].shape.replicas = 4;
	lead_last_slot(w, c);
	a->group = 2;
	a->remembered = true;
	a->remembered_group = 1;
	a->since_ms = w->v.now_ms - 20000;
	assert_why(assert_only(w, ACT_SWITCH, B), "the master's pod is another group's");
	fence_b(w);
	leads(b_of(w));
	send_slots(w, 1, B);
	lead_last_slot(w, c);
	run(w);
	assert_string_equal(w->actions[0].addr, A);
	assert_why(&w->actions[0], "connections are refused, and its container does not run");
	a->role_heard_ms = w->v.now_ms - 1000;
	c->reach = REACH_OK;
	c->info_valid = c->pod.running = true;
	c->info.keys = 5;
	c->pod.restarts = 1;
	run(w);
	assert_string_equal(w->actions[0].addr, C);
	assert_why(&w->actions[0], "it has started anew, and waits for a role");
}

/* ... and its pod is not ended meanwhile for group 2, which has a master: group 1 has no other one. */
TEST(master_whose_pod_is_another_groups_is_not_ended_while_it_hangs)
{
	WORLD;

	add_group_of_c(w);
	syncs(b_of(w));
	a_of(w)->group = 2;
	a_of(w)->remembered_group = 1;
	a_of(w)->accepts = true;
	hear_all(w);
	be_silent(w, a_of(w), 9000);
	assert_nothing(w);
	a_of(w)->remembered_group = 2;
	run(w);
	assert_string_equal(w->actions[w->count - 1].addr, A);
	assert_why(&w->actions[w->count - 1], "it hangs, and its master serves");
}

/* Policy: A's node does not answer, so A may live, cut off; B was in the middle of a resync, and has what it had
 * before. Whoever knows that A is dead says so: kubectl delete pod --force, or node.kubernetes.io/out-of-service on its
 * node. */
TEST(old_data_never_leads_over_a_silent_master_until_its_pod_is_given_up)
{
	WORLD;

	hear_all(w);
	be_silent(w, a_of(w), 99000);
	a_of(w)->pod.node_lost = true;
	b_of(w)->info.link_up = false;
	b_of(w)->info.syncing = true;
	b_of(w)->info.offset = 1;
	w->groups[0].masterless_ms = 1;
	assert_nothing(w);
	assert_held_up(w, "no replica has what it had, and it may still live: kubectl delete pod -n ns codis-server-0 "
			  "--force gives it up");
	b_of(w)->info.syncing = false; /* or its link was lost long before, however much it has */
	b_of(w)->info.offset = 990;
	b_of(w)->link_down_since_ms = 5;
	assert_nothing(w);
	a_of(w)->pod.name[0] = '\0';
	a_of(w)->pod_gone = true;
	assert_why(assert_only(w, ACT_PROMOTE, B), "it is silent, and its pod or node is gone");
}

/* --- the rest of a group ----------------------------------------------------------------------------------------- */

/* A container beside it is in CrashLoopBackOff. */
TEST(server_that_answers_is_not_deleted_whatever_its_pod_says)
{
	WORLD;

	b_of(w)->pod.crash_looping = true;
	b_of(w)->pod.running = false;
	assert_nothing(w);
}

/* A hand-made cluster lists its servers by name: the process of A's pod is heard under both. */
TEST(process_never_follows_itself)
{
	WORLD;
	struct server_view *n = add_server(w, "codis-server-0.codis-server:6379", 1, -1);

	n->pod.name[0] = '\0';
	leads(n);
	memcpy(n->info.run_id, a_of(w)->info.run_id, sizeof(n->info.run_id));
	w->groups[0].node.count = 0;
	list(&w->groups[0], n);
	a_of(w)->listed_group = b_of(w)->listed_group = 0;
	send_slots(w, 1, n->addr);
	run(w);
	for (int i = 0; i < w->count; i++)
		assert_string_not_equal(w->actions[i].addr, A);
}

/* It restarts, and nobody would add it again. */
TEST(listed_server_whose_pod_was_never_seen_is_not_dropped_at_once)
{
	WORLD;

	a_of(w)->pod.name[0] = b_of(w)->pod.name[0] = '\0';
	b_of(w)->reach = REACH_REFUSED;
	b_of(w)->info_valid = false;
	b_of(w)->since_ms = w->v.now_ms - 1;
	assert_nothing(w);
	b_of(w)->since_ms = w->v.now_ms - 14999;
	assert_nothing(w);
	b_of(w)->since_ms = w->v.now_ms - 99000;
	assert_nothing(w); /* no pod of the group is seen: they are not labelled */
	snprintf(a_of(w)->pod.name, VIEW_NAME_MAX, "codis-server-0");
	b_of(w)->since_ms = w->v.now_ms - 14999;
	assert_nothing(w);
	b_of(w)->since_ms = w->v.now_ms - 15000;
	assert_why(assert_only(w, ACT_DROP_SERVER, B), "no pod has its address and nothing answers there");
	b_of(w)->since_ms = w->v.now_ms - 1;
	b_of(w)->pod_gone = true; /* it had one */
	assert_only(w, ACT_DROP_SERVER, B);
}

/* The old master is back as a master, while another member is in a full sync of an hour. */
TEST(second_master_follows_at_once)
{
	WORLD;

	syncs(third_replica(w));
	leads(b_of(w));
	assert_why(assert_only(w, ACT_FOLLOW, B), "it does not follow the master of its group");
}

/* One that never ends its sync, and one that refuses to follow: the others get their turn. */
TEST(member_that_cannot_be_mended_does_not_keep_the_others_waiting)
{
	WORLD;
	struct server_view *c = third_replica(w);

	guarded(b_of(w));
	guarded(c);
	assert_only(w, ACT_FOLLOW, B);
	b_of(w)->acted_ms = w->v.now_ms - 50;
	assert_only(w, ACT_FOLLOW, C);
	follows(b_of(w), a_of(w));
	syncs(b_of(w));
	b_of(w)->link_down_since_ms = w->v.now_ms - 599999;
	assert_nothing(w);
	b_of(w)->link_down_since_ms = w->v.now_ms - 600000;
	assert_only(w, ACT_FOLLOW, C);
}

/* --- what hangs -------------------------------------------------------------------------------------------------- */

TEST(replica_that_hangs_is_replaced)
{
	WORLD;

	snprintf(b_of(w)->pod.node, sizeof(b_of(w)->pod.node), "node1");
	snprintf(w->proxies[0].pod.node, sizeof(w->proxies[0].pod.node), "node1");
	b_of(w)->heard_ms = 1;
	be_silent(w, b_of(w), 8999);
	assert_nothing(w);
	be_silent(w, b_of(w), 9000);
	assert_why(assert_only(w, ACT_DELETE_POD, B), "it hangs, and its master serves");
	w->proxies[0].since_ms = w->v.now_ms - 1999; /* the node was away, and is back: one is heard before the other */
	assert_nothing(w);
	w->proxies[0].since_ms = w->v.now_ms - 2000;
	assert_only(w, ACT_DELETE_POD, B);
	w->proxies[0].pod.node[0] = '\0'; /* perhaps it is the node that is away */
	assert_nothing(w);
	b_of(w)->accepts = true; /* it is not */
	assert_only(w, ACT_DELETE_POD, B);
	b_of(w)->accepts = false;
	be_silent(w, b_of(w), 60000);
	assert_only(w, ACT_DELETE_POD, B);
	b_of(w)->pod.node_lost = true; /* nobody there who would end it */
	assert_nothing(w);
	b_of(w)->pod.node_lost = false;
	add_server(w, C, 1, 2)->reach = REACH_SILENT; /* it is we who are away */
	assert_nothing(w);
	w->servers[2].pod.deleting = true; /* that one is to fall silent */
	assert_only(w, ACT_DELETE_POD, B);
	w->servers[2].pod = (struct pod_view){ .deleting = false };
	w->servers[2].heard_ms = 1;
	assert_nothing(w);
	w->servers[2].pod_gone = true; /* nobody is there any more */
	assert_only(w, ACT_DELETE_POD, B);
	w->servers[2].pod_gone = false;
	w->servers[2].heard_ms = 0; /* its pod was gone when this controller began */
	assert_only(w, ACT_DELETE_POD, B);
}

/* Its kubelet asks it from within its pod, and has its answers. */
TEST(replica_that_a_policy_hides_from_us_is_left)
{
	WORLD;

	b_of(w)->heard_ms = 1;
	be_silent(w, b_of(w), 60000);
	assert_only(w, ACT_DELETE_POD, B);
	b_of(w)->pod.ready = true;
	assert_nothing(w);
	b_of(w)->accepts = true; /* nothing hides it */
	assert_only(w, ACT_DELETE_POD, B);
	b_of(w)->accepts = false;
	b_of(w)->pod.unguarded = true; /* it has not the probe of codis-webhook: it may be ready and hang */
	assert_only(w, ACT_DELETE_POD, B);
}

/* A policy of the network may hide it from us, and would hide the next one. */
TEST(what_was_never_heard_is_ended_only_where_its_kernel_is)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "token-1");
	struct dashboard_view *b = &w->v.dashboard;

	b_of(w)->heard_ms = 1;
	be_silent(w, b_of(w), 60000);
	p->reach = b->reach = REACH_SILENT;
	p->since_ms = b->since_ms = w->v.now_ms - 60000;
	p->pod.running = true;
	p->registered = false;
	run(w);
	assert_int_equal(w->count, 3);
	b_of(w)->heard_ms = p->heard_ms = b->heard_ms = 0;
	assert_nothing(w);
	b_of(w)->accepts = true;
	assert_only(w, ACT_DELETE_POD, B);
	b_of(w)->accepts = false;
	p->stuck_ms = w->v.now_ms - 4000;
	assert_only(w, ACT_DELETE_POD, p->admin_addr);
	p->stuck_ms = 0;
	b->stuck_ms = w->v.now_ms - 4000;
	assert_only(w, ACT_DELETE_POD, D);
}

/* Its kubelet asks it from within its pod, and it was in sync: so its silence is not our network's. */
TEST(replica_that_its_kubelet_misses_as_well_is_replaced_sooner)
{
	WORLD;

	b_of(w)->heard_ms = 1;
	be_silent(w, b_of(w), 5000);
	b_of(w)->accepts = b_of(w)->pod.ready = true;
	assert_nothing(w);
	b_of(w)->pod.ready = false;
	assert_why(assert_only(w, ACT_DELETE_POD, B), "it hangs, and its master serves");
	be_silent(w, b_of(w), 4999);
	assert_nothing(w);
	be_silent(w, b_of(w), 8999);
	b_of(w)->accepts = false; /* perhaps it is its node that is away */
	assert_nothing(w);
	b_of(w)->accepts = true;
	b_of(w)->info.link_up = false; /* it was not ready before */
	assert_nothing(w);
}

/* Policy: a master without a replica holds the only data. It may wake; ended, it comes back with nothing. */
TEST(lone_master_that_hangs_is_left)
{
	WORLD;
	const char *why;

	w->sets[0].shape.replicas = w->sets[0].shape.server_replica = 1;
	w->v.server_count = 1;
	w->groups[0].node.count = 1;
	silence(w, 999);
	assert_not_held_up(w);
	silence(w, 99000);
	assert_nothing(w);
	assert_int_equal(judged(w, &why), MASTER_UNKNOWN);
	assert_held_up(w, "no replica has what it had, and it may still live: kubectl delete pod -n ns codis-server-0 "
			  "--force gives it up");
}

/* We may be the ones who are cut off: a person who gave it up would end what serves. */
TEST(master_that_is_silent_as_others_are_is_not_given_up)
{
	WORLD;

	silence(w, 99000);
	be_silent(w, b_of(w), 99000);
	assert_not_held_up(w);
	b_of(w)->reach = REACH_REFUSED; /* that one has ended */
	assert_held_up(w, "no replica has what it had, and it may still live: kubectl delete pod -n ns codis-server-0 "
			  "--force gives it up");
	w->v.tilted = true;
	assert_not_held_up(w);
}

TEST(proxy_that_hangs_is_replaced_once_it_is_taken_out)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "token-1");

	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 60000;
	p->pod.running = true;
	assert_only(w, ACT_REMOVE_PROXY, "10.0.1.1:11080");
	p->registered = false;
	assert_why(assert_only(w, ACT_DELETE_POD, "10.0.1.1:11080"), "it hangs, and another proxy serves");
	w->proxies[0].reach = REACH_SILENT;
	w->proxies[0].since_ms = w->v.now_ms - 5;
	assert_nothing(w); /* perhaps it is us */
}

/* It answers nothing at all: whoever waits for a server, or for a mutex, does. */
TEST(proxy_whose_process_does_nothing_is_replaced_sooner)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "token-1");

	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 8999;
	p->pod.running = true;
	assert_nothing(w);
	p->stuck_ms = w->v.now_ms - 3999;
	assert_nothing(w);
	p->stuck_ms = w->v.now_ms - 4000;
	assert_only(w, ACT_REMOVE_PROXY, "10.0.1.1:11080");
	p->registered = false;
	assert_why(assert_only(w, ACT_DELETE_POD, "10.0.1.1:11080"), "it hangs, and another proxy serves");
	w->v.steady_since_ms = w->v.now_ms - 3999; /* it may be we who slept */
	assert_nothing(w);
}

/* Their kernels take connections, so it is not our way to the proxies. A switch fills such a one again and again, and
 * does not keep it from being ended. */
TEST(proxies_of_which_none_does_anything_are_replaced)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 60000;
	p->pod.running = true;
	p->registered = false;
	assert_nothing(w);
	p->stuck_ms = w->v.now_ms - 4000;
	p->busy = true;
	assert_why(assert_only(w, ACT_DELETE_POD, p->admin_addr), "it hangs");
	p->running = true;
	assert_nothing(w);
}

/* An address that has gone to another cluster is not asked: that it is not heard tells nothing. */
TEST(addresses_of_strangers_are_not_among_those_that_are_heard)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 60000;
	p->stuck_ms = w->v.now_ms - 4000;
	p->pod.running = true;
	p->registered = false;
	for (int i = 0; i < 3; i++) {
		struct server_view *s = add_server(w, (const char *[]){ C, E, "10.0.0.5:6379" }[i], 0, 0);

		s->pod.name[0] = '\0';
		s->reach = REACH_SILENT;
		s->heard_ms = 1;
		s->of_another = true;
	}
	assert_why(assert_only(w, ACT_DELETE_POD, p->admin_addr), "it hangs");
	w->servers[2].of_another = w->servers[3].of_another = w->servers[4].of_another = false;
	assert_nothing(w);
}

TEST(dashboard_whose_process_does_nothing_is_replaced_sooner)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_SILENT;
	b->since_ms = w->v.now_ms - 6000;
	assert_nothing(w);
	b->stuck_ms = w->v.now_ms - 4000;
	assert_why(assert_only(w, ACT_DELETE_POD, D), "it hangs");
	b->stuck_ms = w->v.now_ms - 3999;
	assert_nothing(w);
	b->stuck_ms = w->v.now_ms - 4000;
	b->pod.node_lost = true; /* nobody there who would end it */
	assert_nothing(w);
}

TEST(dashboard_that_hangs_is_replaced)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_SILENT;
	snprintf(b->pod.node, sizeof(b->pod.node), "node1");
	b->since_ms = w->v.now_ms - 9000;
	assert_nothing(w);
	snprintf(a_of(w)->pod.node, sizeof(a_of(w)->pod.node), "node1");
	assert_why(assert_only(w, ACT_DELETE_POD, D), "it hangs");
	b->since_ms = w->v.now_ms - 8999;
	assert_nothing(w);
	b->since_ms = w->v.now_ms - 60000;
	assert_only(w, ACT_DELETE_POD, D);
	b->pod.node_lost = true;
	assert_nothing(w);
}

/* Our call to it may take a minute: its process, and the call with it, is ended long before. */
TEST(dashboard_that_hangs_in_the_first_assignment_is_replaced)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_SILENT;
	b->since_ms = w->v.now_ms - 6000;
	b->busy = b->assigning = true;
	b->stuck_ms = w->v.now_ms - 3999;
	assert_nothing(w);
	b->stuck_ms = w->v.now_ms - 4000;
	assert_why(assert_only(w, ACT_DELETE_POD, D), "it hangs");
	b->assigning = false; /* its pod is being deleted */
	assert_nothing(w);
	b->assigning = true;
	b->stuck_ms = 0;
	snprintf(b->pod.node, sizeof(b->pod.node), "node1");
	snprintf(a_of(w)->pod.node, sizeof(a_of(w)->pod.node), "node1");
	b->since_ms = w->v.now_ms - 9000;
	b->lives_ms = w->v.now_ms - 3000; /* it assigns */
	assert_nothing(w);
	b->lives_ms--;
	assert_why(assert_only(w, ACT_DELETE_POD, D), "it hangs");
	b->reach = REACH_OK; /* nothing else is done meanwhile */
	memset(b->slot_group, 0, sizeof(b->slot_group));
	assert_nothing(w);
}

/* That lock may be refused to us for long: whoever took it answers, and is no pod of ours. */
TEST(dashboard_that_hangs_before_a_stale_lock_is_replaced)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_SILENT;
	b->since_ms = w->v.now_ms - 6000;
	b->lock_exists = 1;
	b->lock_read_ms = w->v.now_ms - 1;
	snprintf(b->lock_addr, sizeof(b->lock_addr), "10.0.2.9:18080");
	assert_only(w, ACT_REMOVE_LOCK, D);
	b->stuck_ms = w->v.now_ms - 4000;
	assert_why(assert_only(w, ACT_DELETE_POD, D), "it hangs");
}

/* Its process answers what waits for no mutex: it is at work, on a promotion past proxies that hang, say. */
TEST(dashboard_that_waits_for_its_mutex_is_given_a_minute)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_SILENT;
	snprintf(b->pod.node, sizeof(b->pod.node), "node1");
	snprintf(a_of(w)->pod.node, sizeof(a_of(w)->pod.node), "node1");
	b->since_ms = w->v.now_ms - 59999;
	b->lives_ms = w->v.now_ms - 3000;
	assert_nothing(w);
	b->lives_ms--;
	assert_why(assert_only(w, ACT_DELETE_POD, D), "it hangs");
	b->lives_ms++;
	b->since_ms--;
	assert_only(w, ACT_DELETE_POD, D);
}

/* It waits 30 s for what it has sent to A, and answers nothing else meanwhile. */
TEST(proxy_that_may_wait_for_a_silent_master_is_not_taken_out)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	hear_all(w);
	be_silent(w, a_of(w), 32000); /* B hears it */
	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 32000;
	assert_nothing(w);
	p->since_ms = w->v.now_ms - 33000;
	assert_only(w, ACT_REMOVE_PROXY, p->admin_addr);
	p->since_ms = w->v.now_ms - 9000;
	assert_nothing(w);
	send_slots(w, 1, C); /* not to A */
	assert_only(w, ACT_REMOVE_PROXY, p->admin_addr);
	send_slots(w, 1, A);
	p->pod.node_lost = true;
	assert_only(w, ACT_REMOVE_PROXY, p->admin_addr);
}

TEST(registered_proxy_whose_pod_was_never_seen_is_given_the_same_time)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	p->pod.name[0] = '\0';
	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 8999;
	assert_nothing(w);
	p->since_ms--;
	assert_why(assert_only(w, ACT_REMOVE_PROXY, "10.0.1.0:11080"),
		   "it does not answer, and it would block every promotion");
	p->pod_gone = true; /* it had one */
	p->since_ms = w->v.now_ms - 999;
	assert_nothing(w);
	p->since_ms--;
	assert_why(assert_only(w, ACT_REMOVE_PROXY, "10.0.1.0:11080"), "it is gone");
}

/* --- dashboards, locks, slots ------------------------------------------------------------------------------------ */

static void lock_all(struct world *w, int64_t *since)
{
	for (int i = 0; i < CODIS_SLOTS; i++) {
		w->slots[0][i].locked = true;
		since[i] = w->v.now_ms - 5000;
	}
	w->proxies[0].slot_since_ms = since;
	w->v.dashboard.slots_ms = w->v.now_ms - 1000;
}

/* A failed switch left the slots locked, and the dashboard's node is lost. */
TEST(slots_that_nobody_unlocks_are_freed_while_the_dashboard_is_silent)
{
	WORLD;
	int64_t since[CODIS_SLOTS];
	struct dashboard_view *b = &w->v.dashboard;

	lock_all(w, since);
	b->reach = REACH_SILENT;
	b->pod.node_lost = true;
	b->since_ms = w->v.now_ms - 4999; /* it may be at work */
	assert_nothing(w);
	b->since_ms = w->v.now_ms - 5000;
	assert_why(assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080"),
		   "it sends slots elsewhere than to their group's master");
	since[0] = w->v.now_ms - 1;
	for (int i = 1; i < CODIS_SLOTS; i++)
		w->slots[0][i].locked = false;
	assert_nothing(w); /* a lock that is new */
}

TEST(slots_that_nobody_unlocks_are_freed_when_the_dashboard_is_dead)
{
	WORLD;
	int64_t since[CODIS_SLOTS];

	lock_all(w, since);
	for (int i = 0; i < CODIS_SLOTS; i++)
		since[i] = w->v.now_ms - 10;
	w->v.dashboard.reach = REACH_REFUSED;
	w->v.dashboard.since_ms = w->v.now_ms - 10;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
}

/* One hangs and has the lock, the other waits for it: the one that may be at work counts. */
TEST(slots_that_nobody_unlocks_are_freed_with_two_dashboards)
{
	WORLD;
	int64_t since[CODIS_SLOTS];
	struct dashboard_view *b = &w->v.dashboard;

	lock_all(w, since);
	b->reach = REACH_UNKNOWN;
	b->since_ms = w->v.now_ms - 4999;
	assert_nothing(w);
	b->since_ms = w->v.now_ms - 5000;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
	b->reach = REACH_OK; /* it has got the lock: it says that it acts on none of them */
	b->since_ms = w->v.now_ms - 1;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
	b->slots_ms = since[0] - 1; /* from before it was locked */
	assert_nothing(w);
}

/* The dashboard died in a migration, before any proxy was told where from. */
TEST(slots_that_a_dead_dashboard_has_locked_for_a_migration_are_freed)
{
	WORLD;
	int64_t since[CODIS_SLOTS];
	struct dashboard_view *b = &w->v.dashboard;

	add_proxy(w, "token-1");
	send_slots(w, 1, A);
	lock_all(w, since);
	for (int i = 0; i < CODIS_SLOTS; i++)
		b->slot_acting[i] = true;
	assert_nothing(w); /* it is at work */
	b->reach = REACH_REFUSED;
	b->since_ms = w->v.now_ms - 10;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[1][i].migrate_from = 2; /* the other proxy goes further: only the dashboard knows */
	assert_nothing(w);
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[1][i].migrate_from = 0;
	w->proxies[1].slots = NULL; /* nothing is known of it */
	assert_nothing(w);
}

TEST(slots_that_nobody_unlocks_are_freed_without_a_dashboard)
{
	WORLD;
	int64_t since[CODIS_SLOTS];
	struct dashboard_view *b = &w->v.dashboard;

	lock_all(w, since);
	b->reach = REACH_UNKNOWN;
	b->addr[0] = b->pod.name[0] = '\0';
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
}

/* Two dashboards' pods, as a Deployment rolls them: one waits, the other holds the lock and lives. */
TEST(lock_of_another_dashboard_that_lives)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_UNKNOWN;
	snprintf(b->lock_addr, CODIS_ADDR_MAX, "10.0.2.7:18080");
	snprintf(w->dashboards[0].addr, CODIS_ADDR_MAX, "10.0.2.1:18080");
	snprintf(w->dashboards[1].addr, CODIS_ADDR_MAX, "10.0.2.7:18080");
	w->v.dashboard_count = 2;
	assert_nothing(w);
	snprintf(b->lock_addr, CODIS_ADDR_MAX, "10.0.2.7:28080"); /* its pod says another port */
	assert_nothing(w);
}

/* This product's dashboard may run in another namespace, and be busy just now; its address may as well have gone to a
 * dashboard that began later. */
TEST(lock_of_a_dashboard_in_another_namespace)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_UNKNOWN;
	b->lock_start_wall_ms = 1000000;
	snprintf(b->lock_addr, CODIS_ADDR_MAX, "10.0.2.7:18080");
	b->lock_elsewhere = true;
	assert_nothing(w); /* when it began is not known */
	b->lock_elsewhere_wall_ms = 1001000;
	assert_nothing(w);
	b->lock_elsewhere_wall_ms = 1001001;
	assert_why(assert_only(w, ACT_REMOVE_LOCK, D), "the dashboard that took it is gone");
}

/* --host-admin is a name, and the dashboard is busy. */
TEST(lock_by_a_name)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_SILENT;
	b->since_ms = w->v.now_ms - 3000;
	b->lock_read_ms = w->v.now_ms;
	b->lock_start_wall_ms = 1000000;
	b->pod.started_wall_ms = 1000000;
	snprintf(b->lock_addr, CODIS_ADDR_MAX, "codis-dashboard-0.codis-dashboard:18080");
	assert_nothing(w);
	b->pod.started_wall_ms = 1002000; /* its pod took it, before it was started again */
	assert_why(assert_only(w, ACT_REMOVE_LOCK, D), "the dashboard that took it is gone");
	snprintf(b->lock_addr, CODIS_ADDR_MAX, "codis.example.org:18080"); /* whoever that is */
	assert_nothing(w);
}

/* The dashboard died in the first assignment: 300 of 1,024. */
TEST(first_assignment_that_was_interrupted_is_finished)
{
	WORLD;
	int64_t since[CODIS_SLOTS] = { 0 };

	memset(w->v.dashboard.slot_group, 0, sizeof(w->v.dashboard.slot_group));
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[0][i] = (struct codis_slot){ .id = (int16_t)i };
	for (int i = 0; i < 300; i++) {
		w->v.dashboard.slot_group[i] = 1;
		w->slots[0][i].group = 1;
		snprintf(w->slots[0][i].addr, CODIS_ADDR_MAX, "%s", A);
	}
	w->v.dashboard.slot_since_ms = since;
	since[299] = w->v.now_ms - 14999; /* it goes on */
	assert_nothing(w);
	since[299] = w->v.now_ms - 15000;
	assert_why(assert_only(w, ACT_ASSIGN_SLOTS, D), "the first assignment was interrupted");
	w->v.dashboard.slot_group[299] = 2; /* that is another plan than ours */
	assert_nothing(w);
	w->v.dashboard.slot_group[299] = 1;
	w->v.dashboard.slot_group[1000] = 1;
	w->slots[0][1000].group = 1;
	memcpy(w->slots[0][1000].addr, A, sizeof(A));
	assert_nothing(w);
}
