/* switchover.h: what is done about a wish, and what is answered to it. */
#include "controller/switchover.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "controller/status.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

/* Group 1: codis-server-0 leads, codis-server-1 is its replica. Wished a second ago, without a time. */
static void wish(struct world *w, int gid, const char *pod)
{
	w->v.switchover = (struct switchover_view){ .wished = true,
						    .set = &w->sets[0],
						    .wish = { .gid = gid },
						    .seen_ms = w->v.now_ms - 1000,
						    .now_wall_ms = 1700000000000 };
	snprintf(w->v.switchover.wish.pod, sizeof(w->v.switchover.wish.pod), "%s", pod);
	snprintf(w->v.product, sizeof(w->v.product), "codis-test");
	for (int i = 0; i < w->v.server_count; i++)
		snprintf(w->servers[i].pod.name, VIEW_NAME_MAX, "codis-server-%d", i);
}

static void begun(struct world *w, bool ours)
{
	w->v.switchover.wish.begun = true;
	w->v.switchover.wish.wall_ms = w->v.switchover.now_wall_ms - 1000;
	w->v.switchover.ours = ours;
}

static struct switchover look(const struct world *w)
{
	struct switchover s;

	switchover_look(&w->v, &limits, &s);
	return s;
}

static void answered(const struct world *w, enum wish_verdict verdict, const char *words)
{
	struct switchover s = look(w);

	assert_int_equal(s.step, SWITCHOVER_ANSWER);
	assert_string_equal(s.words, words);
	assert_int_equal(s.verdict, verdict);
}

#define refused(w, words) answered(w, WISH_REFUSED, words)

/* Now; and refused with that 10 s after it was seen first. */
static void waits(struct world *w, const char *words, const char *refusal)
{
	struct switchover s = look(w);

	assert_int_equal(s.step, SWITCHOVER_WAIT);
	assert_string_equal(s.words, words);
	w->v.switchover.seen_ms -= 9000;
	refused(w, refusal);
}

/* --- what is done --- */

TEST(nothing_is_wished)
{
	WORLD;

	assert_int_equal(look(w).step, SWITCHOVER_NONE);
	assert_nothing(w);
}

TEST(the_best_is_chosen_noted_and_then_switched_to)
{
	WORLD;

	wish(w, 1, "");
	assert_int_equal(look(w).step, SWITCHOVER_CHOOSE);
	assert_ptr_equal(look(w).next, &w->servers[1]);
	assert_nothing(w);
	wish(w, 1, "codis-server-1");
	assert_int_equal(look(w).step, SWITCHOVER_CHOOSE);
	assert_nothing(w);
	begun(w, true);
	const struct action *a = assert_only(w, ACT_SWITCH, B);
	assert_string_equal(a->from, A);
	assert_string_equal(a->why, "a person wishes it");
	assert_true(a->wished);
}

TEST(whoever_does_not_lead_leaves_it_alone)
{
	WORLD;

	wish(w, 1, "codis-server-1");
	begun(w, true);
	w->v.mandate = MANDATE_STANDBY;
	assert_int_equal(look(w).step, SWITCHOVER_NONE);
	w->v.mandate = MANDATE_FAILOVER;
	assert_int_equal(look(w).step, SWITCHOVER_NONE);
	assert_nothing(w);
}

TEST(one_change_a_group_at_a_time)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);

	follows(c, &w->servers[0]); /* it is in no list yet */
	wish(w, 1, "codis-server-1");
	begun(w, true);
	assert_only(w, ACT_ADD_SERVER, C);
}

/* --- what is refused --- */

TEST(what_cannot_be_read)
{
	WORLD;

	wish(w, 0, "");
	snprintf(w->v.switchover.unreadable, sizeof(w->v.switchover.unreadable), "\"x\" is no wish");
	refused(w, "\"x\" is no wish");
}

TEST(a_group_that_is_not_there)
{
	WORLD;

	wish(w, 7, "");
	refused(w, "codis-test has no group 7");
}

TEST(a_wish_of_long_ago)
{
	WORLD;

	wish(w, 1, "");
	w->v.switchover.wish.wall_ms = w->v.switchover.now_wall_ms - 300000;
	assert_int_equal(look(w).step, SWITCHOVER_CHOOSE);
	w->v.switchover.wish.wall_ms--;
	refused(w, "it was wished more than 5 minutes ago: wish it anew");
}

TEST(who_is_no_member_leads_already_or_may_not_lead)
{
	WORLD;

	wish(w, 1, "codis-server-9");
	refused(w, "codis-server-9 is no server of group 1");
	wish(w, 1, "codis-server-0");
	answered(w, WISH_NEEDLESS, "codis-server-0 leads group 1 already");
	wish(w, 1, "codis-server-1");
	w->servers[1].pod.cordoned = true;
	snprintf(w->servers[1].pod.node, VIEW_NAME_MAX, "n2");
	refused(w, "the node of codis-server-1, n2, is cordoned");
	w->servers[1].pod.deleting = true;
	refused(w, "codis-server-1 is being deleted");
	w->servers[1].pod.deleting = w->servers[1].pod.cordoned = false;
	w->servers[1].info.ending = true;
	refused(w, "codis-server-1 is about to end");
	w->servers[1].info.ending = w->servers[1].info.link_up = false;
	refused(w, "codis-server-1 is not in sync with codis-server-0, which leads group 1");
	begun(w, true);
	refused(w, "codis-server-1 is not in sync with codis-server-0, which leads group 1");
	assert_nothing(w);
}

TEST(a_server_of_another_group_is_no_member)
{
	WORLD;

	add_pair(w);
	wish(w, 1, "codis-server-3");
	refused(w, "codis-server-3 is no server of group 1");
}

TEST(no_replica_is_in_sync)
{
	WORLD;

	wish(w, 1, "");
	w->servers[1].info.link_up = false;
	refused(w, "group 1 has no replica in sync with codis-server-0, which leads it");
}

TEST(a_product_that_is_left_alone)
{
	WORLD;

	wish(w, 1, "");
	snprintf(w->sets[0].name, VIEW_NAME_MAX, "codis-server");
	w->v.mandate = MANDATE_NONE;
	refused(w, "codis-controller only watches codis-test (StatefulSet codis-server): codisctl status says why");
	w->v.paused = true;
	snprintf(w->v.paused_by, sizeof(w->v.paused_by), "anna: racks");
	refused(w, "codis-test is paused (\"anna: racks\"): codisctl resume ends that");
}

/* --- what is waited for --- */

TEST(what_is_in_the_way)
{
	WORLD;
#define LATE "group 1 could not be switched for 10 s: "
#define STAND_STILL                                                                                                    \
	"slots are moved from it, or to it, and slot actions are disabled in the dashboard, by a person: codis-admin " \
	"--dashboard=10.0.2.1:18080 --slot-action --disabled=0 turns them on again"

	wish(w, 1, "");
	w->groups[0].busy = true;
	waits(w, "something else is being done to it", LATE "something else is being done to it");
	w->groups[0].busy = false;
	wish(w, 1, "");
	snprintf(w->groups[0].node.promoting_state, sizeof(w->groups[0].node.promoting_state), "preparing");
	waits(w, "a promotion in the dashboard is under way", LATE "a promotion in the dashboard is under way");
	w->groups[0].node.promoting_state[0] = '\0';
	wish(w, 1, "");
	w->proxies[0].reach = REACH_SILENT;
	waits(w, "a proxy does not answer", LATE "a proxy does not answer");
	w->proxies[0].reach = REACH_OK;
	wish(w, 1, "");
	w->v.dashboard.slot_acting[7] = true;
	waits(w, "slots are moved from it, or to it", LATE "slots are moved from it, or to it");
	wish(w, 1, "");
	w->v.dashboard.slots_disabled = true;
	waits(w, STAND_STILL, LATE STAND_STILL);
	w->v.dashboard.slots_disabled = false;
	w->v.dashboard.slot_acting[7] = false;
	wish(w, 1, "");
	w->v.scaling.busy = true;
	gids_add(&w->v.scaling.moving.to, 2);
	waits(w, "slots are moved from it, or to it", LATE "slots are moved from it, or to it");
	w->v.scaling.busy = false;
	w->v.scaling.moving.to.count = 0;
	wish(w, 1, "");
	w->v.tilted = true;
	waits(w, "most servers are silent", LATE "most servers are silent");
	w->v.tilted = false;
	wish(w, 1, "");
	w->v.coordinator_ready = false;
	waits(w, "ZooKeeper is not connected", LATE "ZooKeeper is not connected");
	w->v.coordinator_ready = true;
	wish(w, 1, "");
	refuse(w);
	waits(w, "it has no verified master", LATE "it has no verified master");
}

TEST(a_limit_holds_it_up)
{
	WORLD;

	wish(w, 1, "codis-server-1");
	begun(w, true);
	w->groups[0].done =
		(struct calm_done){ .kind = ACT_SWITCH, .gid = 1, .failures = 9, .ended_ms = w->v.now_ms - 100 };
	assert_nothing(w);
	w->v.switchover.seen_ms -= 9000;
	refused(w, LATE "a limit holds it up, or another group's master is being changed while slots move");
	assert_nothing(w);
}

/* --- what another controller has begun --- */

TEST(what_another_one_has_begun_is_not_begun_again)
{
	WORLD;

	wish(w, 1, "codis-server-1");
	begun(w, false);
	assert_nothing(w);
	assert_int_equal(look(w).step, SWITCHOVER_WAIT);
	assert_string_equal(look(w).words, "another controller has begun it");
	w->v.switchover.seen_ms = w->v.now_ms - 5000;
	answered(w, WISH_FAILED, "the controller that began it has ended, and codis-server-0 leads group 1");
	wish(w, 1, "codis-server-0");
	begun(w, false);
	answered(w, WISH_DONE, "codis-server-0 leads group 1; the controller that did it has ended");
	assert_nothing(w);
}

TEST(what_another_one_has_begun_is_told_of_when_the_group_has_settled)
{
	WORLD;

	wish(w, 1, "codis-server-1");
	begun(w, false);
	w->groups[0].busy = true;
	w->v.mandate = MANDATE_NONE;
	w->v.paused = true;
	w->v.switchover.seen_ms = w->v.now_ms - 9000;
	assert_string_equal(look(w).words, "something else is being done to it");
	w->v.switchover.seen_ms = w->v.now_ms - 10000;
	answered(
		w, WISH_FAILED,
		"the controller that began it has ended, and group 1 has not settled for 10 s: something else is being "
		"done to it");
	w->groups[0].busy = false;
	answered(w, WISH_FAILED, "the controller that began it has ended, and codis-server-0 leads group 1");
}

/* --- what is shown of it --- */

TEST(the_status_has_it)
{
	WORLD;

	wish(w, 1, "codis-server-1");
	w->groups[0].busy = true;
	JSON_CLEANUP cJSON *json = status_json(&w->v, &limits);
	assert_int_equal(json_int(0, json, "switchover", "group", NULL), 1);
	assert_string_equal(json_str(json, "switchover", "pod", NULL), "codis-server-1");
	assert_string_equal(json_str(json, "switchover", "waits", NULL), "something else is being done to it");
}
