/* What a master that is cut off can acknowledge: where it is bounded, and when the bound is taken off. */
#include <string.h>

#include "controller/reason.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

static struct decide_limits with;

/* Three members: A leads, B and C are in sync. */
static struct world *three(void)
{
	struct world *w = healthy();
	struct server_view *c = add_server(w, C, 1, 2);

	follows(c, &w->servers[0]);
	list(&w->groups[0], c);
	w->sets[0].shape.server_replica = w->sets[0].shape.replicas = 3;
	with = limits;
	return w;
}
#define THREE __attribute__((cleanup(free_world))) struct world *w = three()

static void assert_set(struct world *w, enum action_kind kind, const char *addr)
{
	had_all(w);
	w->count = decide(&w->v, &with, w->actions, 16);
	assert_int_equal(w->count, 1);
	assert_string_equal(action_name(w->actions[0].kind), action_name(kind));
	assert_string_equal(w->actions[0].addr, addr);
	assert_int_equal(w->actions[0].subject, SUBJECT_SETTING);
	assert_true(reason_is_known(w->actions[0].why));
}

static void assert_not_set(struct world *w)
{
	had_all(w);
	w->count = decide(&w->v, &with, w->actions, 16);
	for (int i = 0; i < w->count; i++)
		assert_int_not_equal(w->actions[i].subject, SUBJECT_SETTING);
}

TEST(master_with_two_replicas_in_sync_is_bounded)
{
	THREE;

	assert_set(w, ACT_BOUND_WRITES, A);
	assert_string_equal(w->actions[0].evidence, "codis-server-1 is in sync at offset 990; "
						    "codis-server-2 is in sync at offset 990");
	w->servers[0].setting_busy = true;
	assert_not_set(w);
	w->servers[0].setting_busy = false;
	w->servers[0].info.bounded = true;
	assert_not_set(w);
}

/* Another controller, which has not heard the replicas for 2 s, takes it off again and again. */
TEST(bound_that_does_not_last_is_set_more_and_more_seldom)
{
	THREE;
	struct action held[4];
	struct server_view *a = &w->servers[0];
	int count;

	a->setting_done = (struct calm_done){ .kind = ACT_BOUND_WRITES, .times = 2, .ended_ms = w->v.now_ms - 300 };
	assert_set(w, ACT_BOUND_WRITES, A);
	a->setting_done.times = 5; /* 4 s */
	had_all(w);
	w->count = decide_all(&w->v, &with, w->actions, 16, held, 4, &count);
	assert_int_equal(w->count, 0);
	assert_int_equal(count, 1);
	assert_string_equal(held[0].held, "it was done so often, and did not last");
	a->setting_done.ended_ms = w->v.now_ms - 4000;
	assert_set(w, ACT_BOUND_WRITES, A);
	a->setting_done.ended_ms = w->v.now_ms; /* to take it off is not held up */
	a->info.bounded = true;
	w->servers[1].info.link_up = w->servers[2].info.link_up = false;
	assert_set(w, ACT_FREE_WRITES, A);
}

/* One may die, and writes go on. */
TEST(not_with_one)
{
	THREE;

	w->servers[2].info.link_up = false;
	assert_not_set(w);
	with.bound = BOUND_ALWAYS;
	assert_set(w, ACT_BOUND_WRITES, A);
	w->servers[1].info.link_up = false;
	assert_not_set(w);
}

/* Nor is a setting of somebody's own touched there. */
TEST(pairs_are_left_as_they_are)
{
	WORLD;

	with = limits;
	assert_not_set(w);
	w->servers[0].info.bounded = true;
	lose_link(w);
	assert_not_set(w);
	with.bound = BOUND_ALWAYS;
	assert_set(w, ACT_FREE_WRITES, A);
	follows(&w->servers[1], &w->servers[0]);
	w->servers[0].info.bounded = false;
	assert_set(w, ACT_BOUND_WRITES, A);
}

TEST(never_is_never)
{
	THREE;

	with.bound = BOUND_NEVER;
	assert_not_set(w);
	w->servers[0].info.bounded = true;
	w->servers[2].info.link_up = false;
	assert_not_set(w);
}

/* It was so for 2 s. */
static void assert_freed_later(struct world *w, struct server_view *s)
{
	s->info.bounded = true;
	s->unheld_ms = 0;
	assert_true(decide_is_unheld(&w->v, &with, s));
	assert_not_set(w);
	s->unheld_ms = w->v.now_ms - 1999;
	assert_not_set(w);
	s->unheld_ms = w->v.now_ms - 2000;
	assert_set(w, ACT_FREE_WRITES, s->addr);
}

/* Whatever else is the matter. */
static void assert_freed(struct world *w)
{
	w->groups[0].busy = true;
	assert_freed_later(w, &w->servers[0]);
	w->v.coordinator_ready = false;
	assert_freed_later(w, &w->servers[0]);
	w->v.mandate = MANDATE_STANDBY;
	w->v.kube_fresh = false;
	assert_freed_later(w, &w->servers[0]);
	w->v.mandate = MANDATE_NONE;
	assert_not_set(w);
}

/* In the same moment: it takes no writes until then. One that does not lead may not have heard yet who is in sync. */
TEST(freed_at_once_when_no_replica_is_left)
{
	THREE;

	w->servers[0].info.bounded = true;
	w->groups[0].busy = true;
	w->servers[1].info.link_up = w->servers[2].info.link_up = false;
	assert_set(w, ACT_FREE_WRITES, A);
	w->v.coordinator_ready = false;
	assert_set(w, ACT_FREE_WRITES, A);
	w->v.mandate = MANDATE_FAILOVER;
	assert_set(w, ACT_FREE_WRITES, A);
	w->v.mandate = MANDATE_STANDBY;
	assert_freed_later(w, &w->servers[0]);
}

TEST(nothing_is_set_before_it_was_heard_since_we_slept)
{
	THREE;

	w->servers[0].info.bounded = true;
	w->servers[1].info.link_up = w->servers[2].info.link_up = false;
	w->v.steady_since_ms = w->v.now_ms;
	w->servers[0].heard_ms = w->v.now_ms - 8000;
	assert_not_set(w);
	w->servers[0].heard_ms = w->v.now_ms;
	assert_set(w, ACT_FREE_WRITES, A);
}

TEST(freed_when_the_connection_of_a_replica_drops)
{
	THREE;

	w->servers[1].info_valid = false;
	assert_freed(w);
	w->v.mandate = MANDATE_LEAD;
	w->v.kube_fresh = w->v.coordinator_ready = true;
	assert_freed_later(w, &w->servers[0]);
	assert_string_equal(w->actions[0].evidence, "codis-server-2 is in sync at offset 990");
}

TEST(freed_when_a_replica_is_silent)
{
	THREE;

	w->servers[1].reach = REACH_SILENT;
	assert_freed(w);
}

TEST(freed_when_a_replica_is_about_to_go)
{
	THREE;

	w->servers[1].pod.deleting = true;
	assert_freed(w);
}

TEST(freed_when_the_node_of_a_replica_is_lost)
{
	THREE;

	w->servers[1].pod.node_lost = true;
	assert_freed(w);
}

TEST(freed_when_it_is_about_to_hand_over)
{
	THREE;

	w->servers[0].pod.deleting = true;
	w->groups[0].busy = true;
	assert_freed_later(w, &w->servers[0]);
}

/* It would refuse writes on the day on which it leads. */
TEST(replica_has_none)
{
	THREE;

	w->servers[0].info.bounded = true;
	assert_freed_later(w, &w->servers[1]);
	guarded(&w->servers[1]);
	w->servers[0].info.bounded = false;
	w->groups[0].busy = true;
	assert_freed_later(w, &w->servers[1]);
}

/* A stranger's setting is his own. */
TEST(only_servers_of_ours)
{
	THREE;

	w->servers[0].info.bounded = true;
	w->servers[1].info.bounded = true;
	w->servers[1].of_another = true;
	w->groups[0].busy = true;
	assert_not_set(w);
	w->servers[1].of_another = false;
	w->servers[1].pod.name[0] = '\0';
	assert_not_set(w);
}

/* Set it is only by the one that leads, and where nothing else is the matter. */
TEST(nothing_is_bounded_in_a_hurry)
{
	THREE;

	w->groups[0].busy = true;
	assert_not_set(w);
	w->groups[0].busy = false;
	w->v.mandate = MANDATE_STANDBY;
	assert_not_set(w);
	w->v.mandate = MANDATE_FAILOVER;
	assert_not_set(w);
	w->v.mandate = MANDATE_LEAD;
	w->v.coordinator_ready = false;
	assert_not_set(w);
	w->v.coordinator_ready = true;
	snprintf(w->groups[0].node.promoting_state, 16, "preparing");
	assert_not_set(w);
	w->groups[0].node.promoting_state[0] = '\0';
	w->servers[0].restarted = true;
	assert_not_set(w);
}
