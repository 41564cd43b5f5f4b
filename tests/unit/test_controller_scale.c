/* More groups, or fewer: what is noted, what moves, what is waited for, and when nothing is done. */
#include "controller/scale.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "controller/action.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

static struct server_view *member(struct world *w, int gid, int ordinal)
{
	char addr[CODIS_ADDR_MAX];

	snprintf(addr, sizeof(addr), "10.0.3.%d:6379", ordinal);
	return add_server(w, addr, gid, ordinal);
}

static void pair(struct world *w, int gid)
{
	struct server_view *m = member(w, gid, 2 * gid - 2), *r = member(w, gid, 2 * gid - 1);
	struct group_view *g = add_group(w, gid);

	leads(m);
	follows(r, m);
	m->info.keys = r->info.keys = 0;
	list(g, m);
	list(g, r);
}

/* So many groups, of which those up to `old` have the slots in equal parts, and had them. */
static void scaled(struct world *w, int groups, int old)
{
	w->scales = true;
	w->v.scaling.had_noted = true;
	w->sets[0].last_noted = old;
	w->sets[0].shape.replicas = 2 * groups;
	for (int gid = 2; gid <= groups; gid++)
		pair(w, gid);
	for (int gid = 1; gid <= old; gid++)
		gids_add(&w->v.scaling.had, gid);
	for (int i = 0; i < CODIS_SLOTS; i++) {
		int gid = i * old / CODIS_SLOTS + 1;

		w->v.dashboard.slot_group[i] = (int16_t)gid;
		w->slots[0][i].group = (int16_t)gid;
		snprintf(w->slots[0][i].addr, CODIS_ADDR_MAX, "%s", w->groups[gid - 1].node.servers[0].addr);
	}
}

static void ask_of(struct world *w, struct view_set *set, const char *text)
{
	char why[SCALING_WHY_MAX];

	set->asked = true;
	snprintf(set->asked_by, sizeof(set->asked_by), "%s", text);
	scaling_fits(text, &set->shape, view_others_stay(&w->v, set), &set->servers, why);
}

static void ask(struct world *w, const char *text)
{
	ask_of(w, &w->sets[0], text);
}

static void ask_no_more(struct view_set *set)
{
	set->asked = false;
	set->asked_by[0] = '\0';
	set->servers = -1;
}

static const struct scale *look(const struct world *w)
{
	static struct scale s;

	scale_look(&w->v, &limits, &s);
	return &s;
}

static void assert_words(const struct world *w, const char *words)
{
	char text[SCALE_WORDS_MAX];
	struct buf out = BUF_IN(text);

	scale_words(&w->v, look(w), &out);
	assert_string_equal(out.data, words);
}

/* What was noted is no more. */
static void assert_end(const struct world *w, const struct moving *was, const char *words)
{
	char text[SCALE_WORDS_MAX];
	struct buf out = BUF_IN(text);

	assert_false(moving_is(&w->v.scaling.moving));
	scale_end_words(&w->v, was, &out);
	assert_string_equal(out.data, words);
}

static void assert_moving(const struct scale *s, const char *words)
{
	char text[256];
	struct buf out = BUF_IN(text);

	moving_write(&s->moving, &out);
	assert_string_equal(out.data, words);
}

/* The note is written, as a watch tells a moment later. */
static void noted(struct world *w)
{
	const struct scale *s;

	assert_only(w, ACT_NOTE_SCALING, "");
	s = look(w);
	w->v.scaling.moving = s->moving;
	w->v.scaling.had = s->had;
	for (int i = 0; s->forgets && i < w->v.set_count; i++) {
		if (s->set == &w->sets[i])
			ask_no_more(&w->sets[i]);
	}
}

static void arrive(struct world *w, int slot)
{
	struct dashboard_view *b = &w->v.dashboard;
	int gid = b->slot_target[slot];
	const struct group_view *g = view_group(&w->v, gid);

	b->slot_group[slot] = (int16_t)gid;
	b->slot_target[slot] = 0;
	w->slots[0][slot].group = (int16_t)gid;
	snprintf(w->slots[0][slot].addr, CODIS_ADDR_MAX, "%s", g->node.servers[0].addr);
}

/* The dashboard takes what it is told to move, and moves it, until nothing is left. How many it was told of. */
static int move_all(struct world *w)
{
	int n = 0;

	while (look(w)->step == SCALE_MOVES) {
		const struct scale *s = look(w);
		int count = s->count;
		struct move moves[SCALING_PARALLEL_MAX];

		assert_only(w, ACT_MOVE_SLOTS, "");
		assert_in_range(count, 1, w->v.scaling.parallel);
		memcpy(moves, s->moves, sizeof(moves));
		for (int i = 0; i < count; i++)
			w->v.dashboard.slot_target[moves[i].slot] = moves[i].to;
		assert_int_not_equal(look(w)->step, SCALE_MOVES); /* the window is full, or all are under way */
		for (int i = 0; i < count; i++)
			arrive(w, moves[i].slot);
		n += count;
	}
	return n;
}

static int slots_of(const struct world *w, int gid)
{
	int n = 0;

	for (int i = 0; i < CODIS_SLOTS; i++)
		n += w->v.dashboard.slot_group[i] == gid;
	return n;
}

/* --- more -----------------------------------------------------------------------------------------------------------
 */

TEST(new_groups_get_their_share_and_it_is_noted_before_and_after)
{
	WORLD;

	scaled(w, 4, 2);
	assert_moving(look(w), "to=3,4 slots=512");
	noted(w);
	assert_words(w, "0 of 512 slots have moved to groups 3 and 4");
	assert_int_equal(move_all(w), 512);
	for (int gid = 1; gid <= 4; gid++)
		assert_int_equal(slots_of(w, gid), 256);
	assert_string_equal(look(w)->why, "the slots are where they shall be");
	noted(w);
	assert_false(moving_is(&w->v.scaling.moving));
	assert_nothing(w);
	assert_words(w, "");
}

TEST(another_leader_goes_on_from_the_note)
{
	WORLD;

	scaled(w, 4, 2);
	noted(w);
	for (int i = 0; i < 100; i++) {
		w->v.dashboard.slot_target[i] = 3;
		arrive(w, i);
	}
	assert_words(w, "100 of 512 slots have moved to groups 3 and 4");
	assert_int_equal(look(w)->step, SCALE_MOVES);
	assert_int_equal(move_all(w), 412);
}

TEST(distribution_of_a_person_is_left_as_it_is)
{
	WORLD;

	scaled(w, 2, 2);
	for (int i = 0; i < CODIS_SLOTS; i++) {
		w->v.dashboard.slot_target[i] = i % 3 ? 1 : 0;
		if (i % 3)
			arrive(w, i);
	}
	assert_nothing(w);
	assert_words(w, "");
}

TEST(group_that_a_person_has_emptied_is_no_new_one)
{
	WORLD;

	scaled(w, 3, 2);
	gids_add(&w->v.scaling.had, 3);
	assert_nothing(w);
	/* but by scale-to it is meant */
	ask(w, "6");
	assert_moving(look(w), "to=3 slots=341");
	noted(w);
	assert_int_equal(move_all(w), 341);
	noted(w);
	noted(w);
	assert_false(w->sets[0].asked);
	assert_nothing(w);
}

TEST(cluster_that_was_there_before_has_no_new_groups)
{
	WORLD;

	scaled(w, 3, 2);
	w->v.scaling.had_noted = false;
	w->v.scaling.had.count = 0;
	assert_string_equal(assert_only(w, ACT_NOTE_SCALING, "")->why, "which groups have slots is noted");
	assert_int_equal(look(w)->had.count, 3);
	assert_false(moving_is(&look(w)->moving));
}

TEST(new_groups_wait_for_their_replicas_and_begin_together)
{
	WORLD;

	scaled(w, 4, 2);
	w->servers[7].info.link_up = false;
	assert_nothing(w);
	assert_words(w, "new groups are to get slots; it waits: group 4 lacks 1 synced replica");
	w->servers[7].info.link_up = true;
	w->v.dashboard.slot_group[5] = 0;
	assert_nothing(w); /* somebody is at the slots */
	assert_words(w, "new groups are to get slots; it waits: slot 5 is in no group: codis-admin "
			"--dashboard=10.0.2.1:18080 --slots-assign --beg=5 --end=5 --gid=GROUP --confirm puts it into "
			"one");
}

TEST(nothing_begins_while_a_slot_is_in_no_group_and_that_is_said)
{
	WORLD;

	scaled(w, 4, 4);
	w->v.dashboard.slot_group[1023] = 0;
	w->v.scaling.had_noted = false;
	ask(w, "4");
	assert_nothing(w);
	assert_words(w, "it waits: slot 1023 is in no group: codis-admin --dashboard=10.0.2.1:18080 --slots-assign "
			"--beg=1023 --end=1023 --gid=GROUP --confirm puts it into one");
}

TEST(nothing_new_moves_while_a_group_or_a_proxy_is_not_well)
{
	WORLD;

	scaled(w, 3, 2);
	noted(w);
	w->servers[1].info.link_up = false;
	run(w);
	assert_int_equal(look(w)->step, SCALE_RESTS);
	assert_words(w, "0 of 341 slots have moved to group 3; it waits: group 1 lacks 1 synced replica");
	w->servers[1].info.link_up = true;
	w->proxies[0].reach = REACH_SILENT;
	assert_words(w, "0 of 341 slots have moved to group 3; it waits: proxy codis-proxy-0 does not serve");
	w->proxies[0].reach = REACH_OK;
	w->v.tilted = true;
	assert_words(w, "0 of 341 slots have moved to group 3; it waits: most servers are silent");
	w->v.tilted = false;
	w->servers[0].pod.deleting = true;
	assert_words(w, "0 of 341 slots have moved to group 3; it waits: the master of group 1 is being deleted");
	w->servers[0].pod.deleting = false;
	w->servers[0].pod.cordoned = true;
	assert_words(w, "0 of 341 slots have moved to group 3; it waits: the master of group 1 is about to hand over");
	w->servers[0].pod.cordoned = false;
	w->v.switchover.wished = true;
	w->v.switchover.wish.gid = 2;
	assert_words(w, "0 of 341 slots have moved to group 3; it waits: group 2 is to get another master, as a person "
			"wishes");
	w->v.switchover.wished = false; /* it is begun: the dashboard would move keys to the old master still */
	w->groups[0].busy = true;
	assert_nothing(w);
	assert_words(w, "0 of 341 slots have moved to group 3; it waits: something is being done to group 1");
	w->groups[0].busy = false;
	w->v.dashboard.reach = REACH_SILENT;
	assert_words(w, "0 of 341 slots have moved to group 3; it waits: the dashboard does not answer");
	w->v.dashboard.reach = REACH_OK;
	assert_int_equal(look(w)->step, SCALE_MOVES);
}

#define TURNED_OFF                                                                                                     \
	"it waits: slot actions are disabled in the dashboard, by a person: codis-admin "                              \
	"--dashboard=10.0.2.1:18080 --slot-action --disabled=0 turns them on again"

TEST(slot_actions_that_a_person_has_disabled_are_said_and_left)
{
	WORLD;

	scaled(w, 4, 2);
	w->v.dashboard.slots_disabled = true;
	noted(w); /* so what waits is told by an Event as well */
	assert_nothing(w);
	assert_words(w, "0 of 512 slots have moved to groups 3 and 4; " TURNED_OFF);
	/* in the middle, with slots that stand still on their way */
	w->v.dashboard.slots_disabled = false;
	assert_int_equal(look(w)->step, SCALE_MOVES);
	w->v.dashboard.slot_target[0] = 3;
	w->v.dashboard.slots_disabled = true;
	assert_nothing(w);
	assert_words(w, "0 of 512 slots have moved to groups 3 and 4; " TURNED_OFF);
	w->v.dashboard.slots_disabled = false;
	assert_int_equal(move_all(w), 511);
}

TEST(slot_actions_that_are_disabled_hold_up_fewer_servers_too)
{
	WORLD;

	scaled(w, 4, 4);
	ask(w, "4");
	noted(w);
	w->v.dashboard.slots_disabled = true;
	assert_nothing(w);
	assert_words(w, "0 of 512 slots have moved from groups 3 and 4; " TURNED_OFF);
}

TEST(slot_actions_that_are_disabled_are_no_trouble_while_nothing_is_to_move)
{
	WORLD;

	scaled(w, 2, 2);
	w->v.dashboard.slots_disabled = true;
	assert_nothing(w);
	assert_words(w, "");
}

TEST(only_who_leads_and_hears_the_api_server_moves_slots_and_none_while_it_is_at_it)
{
	WORLD;

	scaled(w, 3, 2);
	noted(w);
	w->v.scaling.busy = true;
	assert_nothing(w);
	w->v.scaling.busy = false;
	w->v.kube_fresh = false;
	assert_nothing(w);
	w->v.kube_fresh = true;
	w->v.mandate = MANDATE_STANDBY;
	assert_nothing(w);
}

/* --- fewer ----------------------------------------------------------------------------------------------------------
 */

TEST(groups_that_go_are_emptied_then_their_servers_and_they)
{
	WORLD;
	const struct action *a;
	struct moving was;

	scaled(w, 4, 4);
	ask(w, "4");
	assert_moving(look(w), "from=3,4 slots=512");
	noted(w);
	assert_words(w, "0 of 512 slots have moved from groups 3 and 4");
	assert_int_equal(move_all(w), 512);
	assert_int_equal(slots_of(w, 1), 512);
	assert_int_equal(slots_of(w, 2), 512);
	assert_nothing(w); /* the webhook would refuse: it is noted that the groups have slots */
	assert_words(w, "groups 3 and 4 have no slots any more; it waits: codis.io/slots does not yet say that the "
			"groups that go have none");
	w->sets[0].last_noted = 2;
	a = assert_only(w, ACT_SCALE, "");
	assert_int_equal(a->replicas, 4);
	assert_false(a->undoes);
	/* done, and codis.io/scale-to is gone with it */
	w->sets[0].shape.replicas = 4;
	ask_no_more(&w->sets[0]);
	noted(w); /* who is no more had no slots */
	assert_int_equal(w->v.scaling.had.count, 2);
	assert_words(w, "groups 3 and 4 have no slots any more; it waits: the servers of group 3 end");
	w->groups[2].node.count = w->groups[3].node.count = 0;
	w->v.server_count = 4;
	assert_int_equal(assert_only(w, ACT_REMOVE_GROUP, "")->gid, 4);
	w->groups[2].exists = w->groups[3].exists = false;
	was = w->v.scaling.moving;
	noted(w);
	assert_end(w, &was, "groups 3 and 4 are no more");
	assert_nothing(w);
}

TEST(dashboard_that_is_silent_for_a_moment_takes_back_no_slot_in_the_words)
{
	WORLD;

	scaled(w, 4, 4);
	ask(w, "4");
	noted(w);
	for (int i = 0; i < 100; i++)
		w->v.dashboard.slot_group[CODIS_SLOTS - 1 - i] = 1;
	w->v.dashboard.reach = REACH_SILENT;
	assert_words(w, "100 of 512 slots have moved from groups 3 and 4; it waits: the dashboard does not answer");
	assert_int_equal(look(w)->step, SCALE_RESTS);
	assert_int_equal(look(w)->count, 0);
	for (int i = CODIS_SLOTS / 2; i < CODIS_SLOTS; i++)
		w->v.dashboard.slot_group[i] = 1;
	assert_words(w, "groups 3 and 4 have no slots any more; it waits: the dashboard does not answer");
	/* a controller that has just begun */
	w->v.dashboard.slots_known = false;
	assert_words(w, "512 slots move from groups 3 and 4; it waits: the dashboard does not answer");
}

TEST(group_that_has_no_node_yet_goes_when_its_servers_have_ended)
{
	WORLD;

	scaled(w, 3, 2);
	ask(w, "4");
	noted(w);
	w->sets[0].shape.replicas = 4;
	ask_no_more(&w->sets[0]);
	w->groups[2].exists = false; /* it has never had a master */
	w->groups[2].node.count = 0;
	w->servers[5].listed_group = 0;
	assert_words(w, "group 3 has no slots any more; it waits: the servers of group 3 end");
	assert_int_equal(look(w)->step, SCALE_RESTS);
	w->v.server_count = 4;
	noted(w);
	assert_false(moving_is(&w->v.scaling.moving));
}

TEST(keys_without_a_slot_keep_their_group)
{
	WORLD;
	int64_t since_ms[CODIS_SLOTS] = { 0 };

	scaled(w, 2, 2);
	ask(w, "2");
	noted(w);
	move_all(w);
	w->sets[0].last_noted = 1;
	w->servers[2].info.keys = 7;
	w->servers[2].heard_ms = w->v.now_ms;
	since_ms[1023] = w->v.now_ms; /* the last slot has gone since they were counted */
	w->v.dashboard.slot_since_ms = since_ms;
	assert_nothing(w);
	assert_words(w, "group 2 has no slots any more; it waits: which keys group 2 still has is asked");
	since_ms[1023]--;
	assert_nothing(w);
	assert_words(w, "group 2 has no slots any more; it waits: group 2 still has about 7 keys and no slot; "
			"codis.io/allow-data-loss=2 gives them up");
	w->groups[1].may_lose = true;
	assert_only(w, ACT_SCALE, "");
}

TEST(proxy_that_is_not_heard_may_send_slots_still_and_keeps_the_group)
{
	WORLD;

	scaled(w, 2, 2);
	ask(w, "2");
	noted(w);
	move_all(w);
	w->sets[0].last_noted = 1;
	w->proxies[0].reach = REACH_SILENT;
	assert_int_equal(look(w)->step, SCALE_RESTS);
	assert_words(w, "group 2 has no slots any more; it waits: proxy codis-proxy-0 does not serve");
	w->proxies[0].reach = REACH_OK;
	w->proxies[0].slots = NULL;
	assert_words(w, "group 2 has no slots any more; it waits: which slots proxy codis-proxy-0 sends is not known");
}

TEST(proxy_that_still_sends_slots_keeps_the_group)
{
	WORLD;

	scaled(w, 2, 2);
	ask(w, "2");
	noted(w);
	move_all(w);
	w->sets[0].last_noted = 1;
	w->slots[0][9].migrate_from = 2;
	assert_string_equal(look(w)->waits, "a proxy still sends slots to group 2");
	assert_int_not_equal(look(w)->step, SCALE_SCALES);
}

TEST(slots_that_are_still_on_their_way_to_a_group_keep_it)
{
	WORLD;

	scaled(w, 4, 2);
	noted(w);
	/* the dashboard has been told of some, and has begun none, when fewer servers are asked for after all */
	w->v.dashboard.slot_target[0] = 3;
	w->v.dashboard.slot_target[600] = 4;
	ask(w, "4");
	noted(w);
	assert_int_equal(look(w)->step, SCALE_RESTS);
	assert_words(w, "0 of 2 slots have moved from groups 3 and 4");
	arrive(w, 0);
	arrive(w, 600);
	assert_int_equal(move_all(w), 2);
	assert_int_equal(assert_only(w, ACT_SCALE, "")->replicas, 4);
}

TEST(cancelled_the_groups_get_their_share_again)
{
	WORLD;

	scaled(w, 4, 4);
	ask(w, "4");
	noted(w);
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (w->v.dashboard.slot_group[i] != 4)
			continue;
		w->v.dashboard.slot_target[i] = 1;
		arrive(w, i);
	}
	ask_no_more(&w->sets[0]);
	assert_moving(look(w), "to=3,4 slots=256");
	noted(w);
	assert_int_equal(move_all(w), 256);
	for (int gid = 1; gid <= 4; gid++)
		assert_int_equal(slots_of(w, gid), 256);
}

TEST(cancelled_before_a_slot_has_moved_no_group_is_said_to_be_no_more)
{
	WORLD;
	struct moving was;

	scaled(w, 4, 4);
	ask(w, "4");
	noted(w);
	was = w->v.scaling.moving;
	ask_no_more(&w->sets[0]);
	noted(w);
	assert_end(w, &was, "groups 3 and 4 are not to go any more");
}

TEST(number_that_does_not_fit_is_said_and_nothing_is_done)
{
	WORLD;

	scaled(w, 2, 2);
	ask(w, "3");
	assert_nothing(w);
	assert_words(w,
		     "codis.io/scale-to is \"3\", and nothing is done for it: it must be a multiple of SERVER_REPLICA, "
		     "which is 2: 2 or 4");
	ask(w, "0");
	assert_nothing(w);
	assert_words(
		w, "codis.io/scale-to is \"0\", and nothing is done for it: no group would be left to take its slots, "
		   "for no other StatefulSet of the product stays");
	ask(w, "many");
	assert_nothing(w);
	assert_words(w, "codis.io/scale-to is \"many\", and nothing is done for it: it must be a number of servers");
}

TEST(more_servers_than_there_are_is_a_scale_out)
{
	WORLD;

	scaled(w, 2, 2);
	ask(w, "8");
	assert_int_equal(assert_only(w, ACT_SCALE, "")->replicas, 8);
}

/* --- another StatefulSet --------------------------------------------------------------------------------------------
 */

/* Groups 1 and 2 are of the first, of two servers each; 11 is of another one, of three, which has just come. */
static void beside(struct world *w)
{
	static const int ordinals[] = { 30, 31, 32 };
	struct server_view *s[3];
	struct group_view *g;

	scaled(w, 2, 2);
	snprintf(w->sets[0].name, sizeof(w->sets[0].name), "codis-server");
	w->v.set_count = 2;
	w->sets[1] = (struct view_set){ .name = "codis-server-r3", .uid = "u-r3", .servers = -1, .last_noted = -1 };
	w->sets[1].shape = (struct codis_shape){ .replicas = 3, .server_replica = 3, .start = 30 };
	for (int i = 0; i < 3; i++)
		s[i] = member(w, 11, ordinals[i]);
	g = add_group(w, 11);
	leads(s[0]);
	s[0]->info.bounded = true;
	follows(s[1], s[0]);
	follows(s[2], s[0]);
	for (int i = 0; i < 3; i++)
		list(g, s[i]);
	for (int i = 0; i < w->v.server_count; i++)
		w->servers[i].info.keys = 0;
}

TEST(groups_of_another_statefulset_get_their_share)
{
	WORLD;

	beside(w);
	assert_int_equal(view_group_size(&w->v, 11), 3);
	assert_moving(look(w), "to=11 slots=341");
	assert_string_equal(look(w)->set->name, "codis-server");
	noted(w);
	assert_int_equal(move_all(w), 341);
	noted(w);
	assert_nothing(w);
}

TEST(the_first_statefulset_is_emptied_into_another_one_and_has_no_servers_then)
{
	WORLD;
	const struct action *a;

	beside(w);
	ask(w, "0");
	assert_moving(look(w), "to=11 from=1,2 slots=1024");
	noted(w);
	assert_words(w, "0 of 1024 slots have moved to group 11 and from groups 1 and 2");
	assert_int_equal(move_all(w), 1024);
	assert_int_equal(slots_of(w, 11), 1024);
	noted(w);
	assert_nothing(w); /* the webhook would refuse: it is noted that the groups have slots */
	w->sets[0].last_noted = 0;
	a = assert_only(w, ACT_SCALE, "");
	assert_int_equal(a->replicas, 0);
	assert_string_equal(a->pod, "codis-server");
	w->sets[0].shape.replicas = 0;
	ask_no_more(&w->sets[0]);
	noted(w);
	assert_words(w, "groups 1 and 2 have no slots any more; it waits: the servers of group 1 end");
	w->groups[0].node.count = w->groups[1].node.count = 0;
	memmove(w->servers, &w->servers[4], 3 * sizeof(w->servers[0]));
	w->v.server_count = 3;
	assert_int_equal(assert_only(w, ACT_REMOVE_GROUP, "")->gid, 2);
	w->groups[0].exists = w->groups[1].exists = false;
	noted(w);
	assert_int_equal(w->v.scaling.had.count, 1);
	/* what is noted goes to where servers are, and whoever deletes the empty one takes nothing away */
	assert_string_equal(assert_only(w, ACT_NOTE_SCALING, "")->why,
			    "the StatefulSet that has the note has no servers");
	assert_ptr_equal(look(w)->set, &w->sets[1]);
	assert_false(look(w)->drops);
	w->sets[0].noted = w->sets[1].noted = true;
	w->v.scaling.home = 1;
	assert_only(w, ACT_NOTE_SCALING, "");
	assert_ptr_equal(look(w)->set, &w->sets[0]);
	assert_true(look(w)->drops);
	w->sets[0].noted = false;
	assert_nothing(w);
}

TEST(the_way_back_is_the_other_one_scaled_to_none)
{
	WORLD;

	beside(w);
	ask(w, "0");
	noted(w);
	for (int i = 0; i < 100; i++) {
		w->v.dashboard.slot_target[i] = 11;
		arrive(w, i);
	}
	ask_no_more(&w->sets[0]);
	ask_of(w, &w->sets[1], "0");
	assert_moving(look(w), "to=1,2 from=11 slots=100");
	noted(w);
	assert_int_equal(move_all(w), 100);
	noted(w);
	w->sets[1].last_noted = 0;
	assert_string_equal(assert_only(w, ACT_SCALE, "")->pod, "codis-server-r3");
}

TEST(nothing_moves_to_groups_that_are_not_there_yet)
{
	WORLD;

	beside(w);
	ask(w, "0");
	noted(w);
	w->v.scaling.moving.to.count = 0;
	gids_add(&w->v.scaling.had, 11); /* it is no new one, whatever came before */
	w->servers[6].info.link_up = false;
	assert_words(w, "0 of 1024 slots have moved from groups 1 and 2; it waits: group 11 lacks 1 synced replica");
	assert_int_equal(look(w)->step, SCALE_RESTS);
}

TEST(both_cannot_be_emptied_at_once)
{
	WORLD;

	beside(w);
	ask(w, "0");
	ask_of(w, &w->sets[1], "00");
	ask(w, "0");
	noted(w); /* the new one's share, as ever */
	assert_words(w,
		     "0 of 341 slots have moved to group 11; codis.io/scale-to of codis-server is \"0\", and nothing "
		     "is done for it: no group would be left to take its slots, for no other StatefulSet of the "
		     "product stays");
}

TEST(what_is_noted_stays_on_the_statefulset_that_has_it)
{
	WORLD;

	beside(w);
	w->v.scaling.home = 1;
	assert_string_equal(look(w)->set->name, "codis-server-r3");
}

TEST(a_statefulset_that_is_one_group_by_its_label_is_emptied)
{
	WORLD;

	scaled(w, 2, 2);
	w->sets[0].shape.replicas = 2;
	w->sets[1].shape = (struct codis_shape){ .replicas = 2, .group = 2 };
	w->v.set_count = 2;
	ask_of(w, &w->sets[1], "0");
	assert_moving(look(w), "from=2 slots=512");
	noted(w);
	assert_int_equal(move_all(w), 512);
	w->sets[1].last_noted = 0;
	assert_int_equal(assert_only(w, ACT_SCALE, "")->replicas, 0);
}

/* --- keys of hundreds of megabytes ----------------------------------------------------------------------------------
 */

TEST(master_that_is_silent_while_keys_move_is_given_ten_seconds_as_long_as_its_kernel_lives)
{
	WORLD;

	scaled(w, 2, 2);
	w->servers[1].info.last_io_s = 5;
	w->v.dashboard.slot_acting[7] = true;
	w->v.dashboard.slot_target[7] = 2;
	silence(w, 5000);
	w->servers[0].accepts = true;
	assert_nothing(w);
	silence(w, 10000);
	assert_only(w, ACT_PROMOTE, B);
	silence(w, 5000);
	w->servers[0].accepts = false; /* its node is away */
	assert_only(w, ACT_PROMOTE, B);
	w->servers[0].accepts = true;
	w->v.dashboard.slot_group[7] = 2; /* between others */
	w->v.dashboard.slot_target[7] = 3;
	assert_only(w, ACT_PROMOTE, B);
	refuse(w);
	w->v.dashboard.slot_group[7] = 1;
	lose_link(w);
	assert_only(w, ACT_PROMOTE, B);
}

/* --- what somebody else has scaled ----------------------------------------------------------------------------------
 */

TEST(servers_of_groups_with_slots_that_were_scaled_away_are_asked_back)
{
	WORLD;
	const struct action *a;

	scaled(w, 4, 4);
	w->sets[0].shape.replicas = 2;
	w->servers[7].pod.deleting = true; /* one of its members, not the one that leads */
	run(w);
	a = &w->actions[w->count - 1];
	assert_int_equal(a->kind, ACT_SCALE);
	assert_int_equal(a->replicas, 8);
	assert_true(a->undoes);
	w->servers[6].pod.deleting = true; /* it holds its end up until there is another one */
	assert_int_equal(look(w)->replicas, 8);
	w->servers[6].reach = REACH_REFUSED; /* too late for group 4 */
	assert_int_equal(look(w)->replicas, 6);
}

TEST(groups_that_were_scaled_away_amid_their_share_are_emptied_and_are_no_more)
{
	WORLD;

	scaled(w, 4, 2);
	noted(w);
	w->sets[0].shape.replicas = 4;
	assert_moving(look(w), "from=3,4 slots=512");
	w->groups[2].node.count = w->groups[3].node.count = 0;
	w->v.server_count = 4;
	noted(w);
	assert_int_equal(assert_only(w, ACT_REMOVE_GROUP, "")->gid, 4);
}

TEST(a_group_that_slots_only_wait_for_is_asked_back_whoever_has_ended)
{
	WORLD;

	scaled(w, 3, 2);
	noted(w);
	w->sets[0].shape.replicas = 4;
	w->v.dashboard.slot_target[7] = 3;
	w->servers[4].reach = REACH_REFUSED;
	assert_int_equal(look(w)->replicas, 6);
	assert_true(look(w)->undoes);
	w->groups[2].may_lose = true;
	assert_false(look(w)->undoes);
	w->groups[2].may_lose = false;
	w->v.dashboard.slot_acting[7] = true; /* it may have keys by now */
	assert_false(look(w)->undoes);
}

TEST(servers_of_groups_that_are_being_emptied_are_asked_back_while_they_have_slots)
{
	WORLD;

	scaled(w, 4, 4);
	ask(w, "4");
	noted(w);
	w->sets[0].shape.replicas = 4; /* somebody could not wait */
	assert_int_equal(look(w)->step, SCALE_SCALES);
	assert_true(look(w)->undoes);
	assert_int_equal(look(w)->replicas, 8);
	assert_false(scale_lets_go(&w->v, 4)); /* nor are they nobody's trouble */
	for (int i = 768; i < CODIS_SLOTS; i++) {
		w->v.dashboard.slot_target[i] = 1;
		arrive(w, i);
	}
	assert_true(scale_lets_go(&w->v, 4));
}

TEST(group_whose_slots_nobody_can_take_is_not_let_go)
{
	WORLD;

	scaled(w, 2, 2);
	w->sets[0].shape.replicas = 0;
	gids_add(&w->v.scaling.moving.from, 1);
	gids_add(&w->v.scaling.moving.from, 2);
	w->groups[0].node.count = w->groups[1].node.count = 0;
	w->v.server_count = 0;
	assert_int_equal(look(w)->left, 0);
	assert_int_not_equal(look(w)->step, SCALE_REMOVES);
}

TEST(what_is_given_up_is_not_asked_back_nor_when_that_is_said_no_more)
{
	WORLD;

	scaled(w, 2, 2);
	w->sets[0].shape.replicas = 2;
	w->groups[1].may_lose = true;
	noted(w);
	assert_int_equal(w->v.scaling.had.count, 1);
	w->groups[1].may_lose = false;
	assert_int_equal(look(w)->step, SCALE_RESTS);
}
