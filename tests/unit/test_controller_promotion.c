/* A person promotes B in codis-fe or codis-admin: what the dashboard does, step by step, as the controller hears of it.
 * Real are what keeps what was heard, the picture, and decide(). */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/codis/coordinator.h"
#include "controller/decide.h"
#include "controller/observe.h"
#include "controller/roster.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

#define A "10.0.0.1:6379"
#define B "10.0.0.2:6379"
#define D "10.0.2.1:18080"

static struct picture_room room;
static struct action actions[4];
static int version;
static int64_t now_ms; /* played: what is heard is heard one after the other, however fast this runs */

static int64_t heard_ms(void)
{
	return now_ms += 10;
}

static struct observed_server *server(const char *addr)
{
	return cluster_server(world.c, addr);
}

static void hear(const char *addr, enum redis_role role, bool synced, int64_t keys)
{
	struct redis_probe_state st = {
		.reach = REACH_OK, .info_valid = true, .heard_ms = heard_ms(), .since_ms = 1, .info.role = role
	};

	snprintf(st.info.run_id, sizeof(st.info.run_id), "run of %s", addr);
	st.info.keys = keys;
	st.info.offset = synced || role == REDIS_ROLE_MASTER ? 5000 : 1;
	if (role == REDIS_ROLE_REPLICA) {
		snprintf(st.info.master, sizeof(st.info.master), "%s", A);
		st.info.link_up = synced;
		st.info.syncing = !synced;
	}
	roster_hear(world.c, server(addr), &st);
}

static void read_node(const char *first, const char *second, const char *state)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"id\":1,\"servers\":[{\"server\":\"%s\",\"datacenter\":\"\",\"action\":{},\"replica_group\":false},"
		 "{\"server\":\"%s\",\"datacenter\":\"\",\"action\":{},\"replica_group\":false}],"
		 "\"promoting\":{\"index\":%d,\"state\":\"%s\"},\"out_of_sync\":false}",
		 first, second, strcmp(first, A) == 0, state);
	observe_hear_group(world.c, 1, heard_ms(), text, strlen(text),
			   &(struct coordinator_stat){ .version = version, .czxid = 1 }, NULL);
}

/* The dashboard writes the node, and the watch tells. */
static void hear_node(const char *first, const char *second, const char *state)
{
	version++;
	read_node(first, second, state);
}

static int decided(void)
{
	struct observed seen = { .namespace = "ns",
				 .product = "codis-test",
				 .mandate = MANDATE_LEAD,
				 .leads = true,
				 .kube_fresh = true,
				 .steady_since_ms = 1,
				 .connected_since_ms = 1,
				 .listed_ms = 2,
				 .proxies_read_ms = 2,
				 .server_count = world.c->server_count,
				 .group_count = world.c->group_count,
				 .dashboard_count = world.c->dashboard_count,
				 .servers = world.c->servers,
				 .groups = world.c->groups,
				 .dashboards = world.c->dashboards,
				 .topom = &world.c->dashboard,
				 .password_trouble = "" };

	assert_int_equal(picture_make(&world.c->view, &room, &seen, world.inv, now_ms), 0);
	return decide(&world.c->view, &world.ctl.limits, actions, 4);
}

static void assert_left_alone(void)
{
	int n = decided();

	if (n)
		fail_msg("it would %s %s: %s", action_name(actions[0].kind), actions[0].addr, actions[0].why);
}

/* A leads with 1,000 keys, B follows it; the dashboard answers. */
static int begin(void **state)
{
	struct observed_dashboard *d;

	(void)state;
	controller_world_begin("ns");
	version = 0;
	now_ms = clock_mono_ms();
	fixture_set_set(world.inv, 2, 0);
	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-1", .ip = "10.0.0.2" });
	fixture_set_pod(world.inv, &(struct fixture_pod){
					   .app = "codis-dashboard", .name = "codis-dashboard-0", .ip = "10.0.2.1" });
	roster_take_stock(world.c);
	d = cluster_dashboard(world.c, D, true);
	d->reach = REACH_OK;
	d->told_ms = d->heard_ms = now_ms - 100;
	hear_node(A, B, "");
	hear(A, REDIS_ROLE_MASTER, true, 1000);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	picture_room_release(&room);
	controller_world_end();
	return 0;
}

#define PROMOTION_TEST(name) TEST_WITH(name, begin, finish)

/* Until its last write: it is at work. */
static void dashboard_promotes(int64_t keys)
{
	hear_node(A, B, "preparing");
	assert_left_alone();
	hear_node(A, B, "prepared"); /* all slots are locked */
	assert_left_alone();
	hear_node(B, A, "finished");
	assert_left_alone();
	hear(B, REDIS_ROLE_MASTER, true, keys);
	assert_left_alone();
	hear(A, REDIS_ROLE_MASTER, true, 1000);
	assert_left_alone(); /* the proxies are filled */
	hear_node(B, A, "");
}

PROMOTION_TEST(promotion_of_a_synced_replica_is_left_to_the_dashboard)
{
	hear(B, REDIS_ROLE_REPLICA, true, 1000);
	assert_left_alone();
	dashboard_promotes(1000);
	assert_int_equal(decided(), 1);
	assert_int_equal(actions[0].kind, ACT_FOLLOW); /* which Codis leaves to others */
	assert_string_equal(actions[0].addr, A);
	assert_string_equal(actions[0].master, B);
}

PROMOTION_TEST(promotion_within_a_full_sync_is_taken_back)
{
	hear(B, REDIS_ROLE_REPLICA, false, 0);
	assert_left_alone();
	dashboard_promotes(0);
	assert_int_equal(decided(), 1);
	assert_int_equal(actions[0].kind, ACT_PROMOTE);
	assert_string_equal(actions[0].addr, A);
	assert_string_equal(actions[0].from, B);
	assert_true(actions[0].takes_back);
}

/* The role is heard before the node, and A was not heard since: nobody is told to follow anybody. That A is master
 * contradicts the node that was read before, so that is read once more first. */
PROMOTION_TEST(new_role_that_is_heard_before_the_node_waits_for_it)
{
	hear(B, REDIS_ROLE_REPLICA, false, 0);
	hear(B, REDIS_ROLE_MASTER, true, 0);
	assert_left_alone();
	hear_node(B, A, "");
	assert_left_alone();
	hear(A, REDIS_ROLE_MASTER, true, 1000);
	assert_left_alone();
	read_node(B, A, "");
	assert_int_equal(decided(), 1);
	assert_int_equal(actions[0].kind, ACT_PROMOTE);
	assert_string_equal(actions[0].addr, A);
	assert_true(actions[0].takes_back);
}
