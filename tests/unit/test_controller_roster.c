/* Who is watched, and what is kept of what servers say. Probes are played: what they were begun with stands in a list.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "controller/roster.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/inventory_named.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

#define A "10.0.0.1:6379"
#define B "10.0.0.2:6379"

#define ROSTER_TEST(name) TEST_WITH(name, controller_world_setup, controller_world_teardown)

static void set_server(const char *name, const char *uid, const char *ip)
{
	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-server", .name = name, .uid = uid, .ip = ip });
}

/* Group 1 lists A, and B, at this version. */
static struct observed_group *list(int version)
{
	struct observed_group *g = cluster_group(world.c, 1, true);
	struct codis_group before = g->node;

	g->node.count = 0;
	assert_int_equal(codis_group_append(&g->node, A), 0);
	assert_int_equal(codis_group_append(&g->node, B), 0);
	g->exists = true;
	g->version = version;
	g->read_ms = clock_mono_ms();
	roster_relist(world.c, g, &before);
	return g;
}

static struct observed_server *server(const char *addr)
{
	struct observed_server *s = cluster_server(world.c, addr);

	assert_non_null(s);
	return s;
}

static struct redis_probe_state says(enum redis_role role, const char *run_id)
{
	struct redis_probe_state st = {
		.reach = REACH_OK, .info_valid = true, .heard_ms = clock_mono_ms(), .since_ms = 1, .info.role = role
	};

	snprintf(st.info.run_id, sizeof(st.info.run_id), "%s", run_id);
	return st;
}

static void hear_master(const char *addr, const char *run_id)
{
	struct redis_probe_state st = says(REDIS_ROLE_MASTER, run_id);

	roster_hear(world.c, server(addr), &st);
}

static void hear_replica(const char *addr, const char *run_id, const char *master, bool link_up)
{
	struct redis_probe_state st = says(REDIS_ROLE_REPLICA, run_id);

	snprintf(st.info.master, sizeof(st.info.master), "%s", master);
	st.info.link_up = link_up;
	st.info.offset = 77;
	roster_hear(world.c, server(addr), &st);
}

ROSTER_TEST(pods_and_lists_are_watched_and_no_longer)
{
	set_server("codis-server-0", NULL, "10.0.0.1");
	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-server", .name = "codis-server-1" });
	roster_take_stock(world.c);
	assert_int_equal(world.c->server_count, 1); /* the other has no address yet */
	assert_int_equal(world.c->group_count, 1);
	list(1);
	assert_int_equal(world.c->server_count, 2);
	assert_int_equal(server(B)->listed_index, 1);
	assert_string_equal(server(B)->uid, "");
	assert_string_equal(server(A)->pod_name, "codis-server-0");
	assert_int_equal(server(A)->pod_group, 1);
	inventory_remove_pod(world.inv, "uid-codis-server-0");
	inventory_remove_pod(world.inv, "uid-codis-server-1");
	cluster_group(world.c, 1, false)->exists = false;
	cluster_group(world.c, 1, false)->node.count = 0;
	roster_take_stock(world.c);
	assert_int_equal(world.c->server_count + world.c->group_count, 0);
	assert_true(world.probes[0].ended && world.probes[1].ended);
}

/* Nothing is known of its addresses until it was asked for. */
ROSTER_TEST(another_name_of_zookeeper_is_not_called_unresolved)
{
	struct fixture_pod dashboard = { .app = "codis-dashboard",
					 .name = "codis-dashboard-0",
					 .ip = "10.0.2.1",
					 .args = "[\"--zookeeper\",\"zookeper:2181\"]" };

	fixture_set_pod(world.inv, &dashboard);
	roster_take_stock(world.c);
	assert_string_equal(world.c->zk_name, "zookeper:2181");
	world.c->zk_unresolved = true;
	roster_take_stock(world.c);
	assert_true(world.c->zk_unresolved);
	dashboard.args = "[\"--zookeeper\",\"zookeeper:2181\"]";
	fixture_set_pod(world.inv, &dashboard);
	roster_take_stock(world.c);
	assert_false(world.c->zk_unresolved);
}

static int64_t proxy_deleted_since(bool deleting)
{
	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-proxy",
							  .name = "codis-proxy-0",
							  .ip = "10.0.1.9",
							  .deleting = deleting });
	roster_take_stock(world.c);
	return cluster_proxy(world.c, "10.0.1.9:11080", false)->deleting_ms;
}

ROSTER_TEST(since_when_a_proxy_is_being_deleted_is_known)
{
	int64_t began_ms = clock_mono_ms(), since_ms;

	assert_int_equal(proxy_deleted_since(false), 0);
	since_ms = proxy_deleted_since(true);
	assert_true(since_ms >= began_ms);
	while (clock_mono_ms() == since_ms)
		usleep(200);
	assert_int_equal(proxy_deleted_since(true), since_ms);
	assert_int_equal(proxy_deleted_since(false), 0); /* another one has its address */
}

ROSTER_TEST(since_when_a_server_is_about_to_end_is_known)
{
	struct redis_probe_state st = says(REDIS_ROLE_REPLICA, "r");

	set_server("codis-server-0", NULL, "10.0.0.1");
	roster_take_stock(world.c);
	roster_hear(world.c, server(A), &st);
	assert_int_equal(server(A)->ending_ms, 0);
	st.info.ending = true;
	st.heard_ms = 50;
	roster_hear(world.c, server(A), &st);
	st.heard_ms = 90;
	roster_hear(world.c, server(A), &st);
	assert_int_equal(server(A)->ending_ms, 50);
	st.info.ending = false; /* another process has its address */
	roster_hear(world.c, server(A), &st);
	assert_int_equal(server(A)->ending_ms, 0);
}

ROSTER_TEST(name_in_a_list_is_never_asked)
{
	struct observed_group *g = list(1);
	struct codis_group before = g->node;

	snprintf(g->node.servers[1].addr, CODIS_ADDR_MAX, "codis-server-1.codis-server:6379");
	roster_relist(world.c, g, &before);
	assert_true(server("codis-server-1.codis-server:6379")->named);
	assert_null(server("codis-server-1.codis-server:6379")->probe);
	assert_true(world.c->stock_due); /* B is listed no more */
}

/* Group gid lists so many servers; by names, which are not asked. */
static void list_names(int gid, int count)
{
	struct observed_group *g = cluster_group(world.c, gid, true);
	struct codis_group before = g->node;
	char name[64];

	g->exists = true;
	g->node.count = 0;
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "s-%d-%d.servers:6379", gid, i);
		assert_int_equal(codis_group_append(&g->node, name), 0);
	}
	roster_relist(world.c, g, &before);
}

/* A ZooKeeper may name 4,096 groups of 16 servers: they would all be connected to. */
ROSTER_TEST(servers_that_only_a_list_names_are_watched_up_to_a_limit)
{
	for (int gid = 1; gid <= 64; gid++)
		list_names(gid, 16);
	assert_int_equal(world.c->server_count, CLUSTER_SERVERS_MAX);
	assert_false(cluster_is_too_large(world.c));
	list_names(65, 1);
	assert_int_equal(world.c->server_count, CLUSTER_SERVERS_MAX);
	assert_true(cluster_is_too_large(world.c));
	roster_take_stock(world.c);
	assert_int_equal(world.c->server_count, CLUSTER_SERVERS_MAX);
	assert_true(cluster_is_too_large(world.c));
	/* After a power loss all that is listed is of pods that were: each that is there allows for some. */
	set_server("codis-server-0", "u0", "10.0.0.1");
	roster_take_stock(world.c);
	assert_int_equal(world.c->server_count, CLUSTER_SERVERS_MAX + 2);
	assert_false(cluster_is_too_large(world.c));
}

ROSTER_TEST(password_that_is_learnt_late_is_used)
{
	set_server("codis-server-0", NULL, "10.0.0.1");
	roster_take_stock(world.c);
	assert_string_equal(world.probes[0].auth, "");
	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-dashboard",
							  .name = "my-dashboard-0",
							  .ip = "10.0.2.1",
							  .args = "[\"--product_auth\",\"secret\"]" });
	roster_take_stock(world.c);
	assert_true(world.probes[0].ended);
	assert_int_equal(world.probe_count, 2);
	assert_string_equal(world.probes[1].auth, "secret");
	assert_ptr_equal(server(A)->probe, &world.probes[1]);
	roster_take_stock(world.c);
	assert_int_equal(world.probe_count, 2); /* the same: nothing begins anew */
}

ROSTER_TEST(another_process_is_told_from_the_one_with_the_role)
{
	list(1);
	hear_master(A, "first");
	assert_false(picture_restarted(server(A)));
	hear_master(A, "second"); /* empty, without the guard */
	assert_true(picture_restarted(server(A)));
	hear_replica(A, "third", CODIS_GUARD_ADDR, false); /* with the guard: it is said by that */
	assert_false(picture_restarted(server(A)));
	hear_master(A, "third"); /* and was given the role on purpose */
	assert_false(picture_restarted(server(A)));
}

ROSTER_TEST(what_a_master_had_sent_is_remembered_when_it_restarts)
{
	struct redis_probe_state st = says(REDIS_ROLE_MASTER, "first");

	list(1);
	st.info.offset = 5000;
	roster_hear(world.c, server(A), &st);
	hear_replica(A, "second", CODIS_GUARD_ADDR, false);
	assert_int_equal(server(A)->role_offset, 5000);
	assert_int_equal(server(A)->role_heard_ms, st.heard_ms);
}

ROSTER_TEST(synced_replica_that_becomes_master_has_the_data)
{
	list(1);
	hear_replica(A, "run", B, true);
	hear_master(A, "run");
	assert_false(picture_restarted(server(A)));
	hear_replica(A, "another", B, false); /* what it had is gone with its process */
	assert_true(picture_restarted(server(A)));
	hear_replica(A, "another", B, true);
	assert_false(picture_restarted(server(A)));
}

ROSTER_TEST(role_that_the_other_controller_gave)
{
	list(1);
	hear_master(A, "first");
	hear_master(A, "second");
	assert_true(picture_restarted(server(A)));
	list(2); /* our own write: no role was given by it */
	assert_true(picture_restarted(server(A)));
	cluster_group(world.c, 1, false)->others_version = 3; /* another's: it gave the role, whoever leads */
	list(3);
	assert_false(picture_restarted(server(A)));
}

/* The other controller gives it its role, and it is heard with that before the node is read: until its next INFO nobody
 * would say that the keys are gone. */
ROSTER_TEST(role_that_was_heard_before_the_node_says_at_once_what_was_lost)
{
	struct observed_group *g = list(1);
	struct codis_group before;
	struct redis_probe_state st = says(REDIS_ROLE_MASTER, "a");

	world.c->recalled = true;
	st.info.keys = 130;
	roster_hear(world.c, server(A), &st);
	hear_replica(B, "b", CODIS_GUARD_ADDR, false);
	hear_master(B, "b");
	assert_int_equal(g->data.lost_keys, 0);
	before = g->node;
	assert_int_equal(codis_group_lead(&g->node, B), 0);
	g->version = g->others_version = 2;
	roster_relist(world.c, g, &before);
	assert_int_equal(g->data.lost_keys, 130);
}

static void hear_master_since(const char *addr, const char *run_id, int64_t uptime_s)
{
	struct redis_probe_state st = says(REDIS_ROLE_MASTER, run_id);

	st.info.uptime_s = uptime_s;
	roster_hear(world.c, server(addr), &st);
}

/* It was started after that was written, by which another was to get the role. */
ROSTER_TEST(process_that_began_later_was_not_given_the_role)
{
	struct observed_group *g;

	list(1);
	hear_master(A, "first");
	g = list(2);
	g->others_version = 2;
	g->written_ms = clock_mono_ms() - 5000;
	hear_master_since(A, "second", 3);
	assert_true(picture_restarted(server(A)));
	hear_master_since(A, "second", 5); /* in whole seconds: it may have been there */
	assert_false(picture_restarted(server(A)));
}

/* Its pod is gone: who leads there may be anybody. */
ROSTER_TEST(stranger_at_a_declared_address_has_no_role)
{
	set_server("codis-server-0", NULL, "10.0.0.1");
	roster_take_stock(world.c);
	list(1);
	hear_replica(A, "ours", CODIS_GUARD_ADDR, false);
	inventory_remove_pod(world.inv, "uid-codis-server-0");
	hear_master(A, "stranger");
	assert_string_equal(server(A)->role_run_id, "");
	set_server("codis-server-0", "new", "10.0.0.1"); /* it was ours after all */
	roster_take_stock(world.c);
	hear_master(A, "stranger");
	assert_string_equal(server(A)->role_run_id, "stranger");
	assert_int_equal(server(A)->role_group, 1);
}

/* ... and its pod is known, but not asked for yet. */
ROSTER_TEST(pod_of_another_cluster_has_no_role_here)
{
	list(1);
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.namespace = "tenant", .app = "codis-server", .name = "stranger-0", .ip = "10.0.0.1" });
	hear_master(A, "stranger");
	assert_string_equal(server(A)->role_run_id, "");
	list(3)->others_version = 3;
	memcpy(server(A)->role_run_id, "ours", 5);
	hear_master(A, "stranger");
	assert_string_equal(server(A)->role_run_id, "");
	memcpy(server(A)->role_run_id, "known", 6); /* what is heard of pods is older than what it was given */
	hear_master(A, "known");
	assert_string_equal(server(A)->role_run_id, "known");
	assert_int_equal(server(A)->role_version, 3);
}

/* A version of long before says nothing of a process that comes after it. */
ROSTER_TEST(process_that_ends_after_another_has_written_is_missed)
{
	list(1);
	hear_master(A, "first");
	cluster_group(world.c, 1, false)->others_version = 2;
	list(2);
	hear_master(A, "first");
	hear_master(A, "second");
	assert_true(picture_restarted(server(A)));
}

ROSTER_TEST(new_pod_with_an_old_address_is_somebody_else)
{
	set_server("codis-server-0", "old", "10.0.0.1");
	roster_take_stock(world.c);
	list(1);
	hear_master(A, "first");
	inventory_remove_pod(world.inv, "uid-old");
	set_server("codis-server-0", "new", "10.0.0.1");
	roster_take_stock(world.c);
	assert_string_equal(server(A)->role_run_id, "");
	/* Nor has this one been heard: it did not end, it is about to start. */
	assert_string_equal(server(A)->info.run_id, "");
	assert_int_equal(server(A)->reach, REACH_UNKNOWN);
	assert_true(world.probes[0].ended);
	assert_string_equal(world.probes[world.probe_count - 1].addr, A);
	hear_replica(A, "second", CODIS_GUARD_ADDR, false);
	assert_false(picture_restarted(server(A)));
}

ROSTER_TEST(link_is_remembered_when_it_is_lost)
{
	struct observed_server *b;

	list(1);
	b = server(B);
	hear_replica(B, "run", A, true);
	assert_in_range(b->link_up_at_ms, clock_mono_ms() - 1000, clock_mono_ms());
	assert_int_equal(b->link_up_offset, 77);
	assert_string_equal(b->link_up_to, A);
	b->link_up_at_ms = 5;
	hear_replica(B, "run", A, false);
	assert_int_equal(b->link_up_at_ms, 5);
}

static void hear_replica_idle(int64_t since_ms, int64_t last_io_s, bool link_up)
{
	struct redis_probe_state st = says(REDIS_ROLE_REPLICA, "b");

	snprintf(st.info.master, sizeof(st.info.master), A);
	st.since_ms = since_ms;
	st.info.link_up = link_up;
	st.info.last_io_s = last_io_s;
	roster_hear(world.c, server(B), &st);
}

ROSTER_TEST(replica_that_hears_its_master_rarely)
{
	list(1);
	hear_master(A, "a");
	hear_replica_idle(1, 1, true);
	assert_int_equal(server(B)->rare_ms, 0);
	hear_replica_idle(clock_mono_ms(), 4, true); /* it was stopped itself */
	assert_int_equal(server(B)->rare_ms, 0);
	hear_replica_idle(1, 4, true);
	assert_int_equal(server(B)->rare_ms, server(B)->heard_ms);
	hear_replica_idle(1, 4, false);
	assert_int_equal(server(B)->rare_ms, 0);
	server(A)->reach = REACH_SILENT;
	hear_replica_idle(1, 4, true); /* perhaps it is not well */
	assert_int_equal(server(B)->rare_ms, 0);
}

ROSTER_TEST(since_when_a_link_is_down)
{
	struct observed_server *b;

	list(1);
	b = server(B);
	hear_replica(B, "run", A, true);
	assert_int_equal(b->link_down_since_ms, 0);
	hear_replica(B, "run", A, false);
	assert_in_range(b->link_down_since_ms, clock_mono_ms() - 1000, clock_mono_ms());
	b->link_down_since_ms = 5;
	hear_replica(B, "run", A, false);
	assert_int_equal(b->link_down_since_ms, 5); /* the first of those in a row */
	hear_replica(B, "run", A, true);
	assert_int_equal(b->link_down_since_ms, 0);
	b->link_down_since_ms = 5;
	hear_master(B, "run");
	assert_int_equal(b->link_down_since_ms, 0);
}

/* down_s: since when it says that its link is down. */
static void hear_unlinked(int64_t heard_ms, int64_t down_s)
{
	struct redis_probe_state st = says(REDIS_ROLE_REPLICA, "run");

	snprintf(st.info.master, sizeof(st.info.master), "%s", A);
	st.info.link_down_s = down_s;
	st.info.syncing = down_s == INT64_MAX;
	st.heard_ms = heard_ms;
	roster_hear(world.c, server(B), &st);
}

/* It was told to follow, synced, and lost its master, all between two INFOs: it is in sync with what the master had. */
ROSTER_TEST(link_that_was_up_between_two_infos)
{
	struct observed_server *b;

	list(1);
	b = server(B);
	hear_unlinked(1000, INT64_MAX);
	assert_int_equal(b->link_down_since_ms, 1000);
	hear_unlinked(1250, INT64_MAX);
	assert_int_equal(b->link_down_since_ms, 1000);
	hear_unlinked(1500, 0);
	assert_int_equal(b->link_down_since_ms, 1500);
	hear_unlinked(2600, 1);
	assert_int_equal(b->link_down_since_ms, 1500);
	hear_unlinked(2700, 0);
	assert_int_equal(b->link_down_since_ms, 2700);
}

/* Its wall clock was set back. */
ROSTER_TEST(link_that_was_lost_long_before_is_not_new)
{
	struct observed_server *b;

	list(1);
	b = server(B);
	hear_unlinked(1000, 3600);
	hear_unlinked(1250, 3590);
	assert_int_equal(b->link_down_since_ms, 1000);
}

ROSTER_TEST(since_when_a_group_has_no_master)
{
	struct observed_group *g = list(1);

	assert_int_not_equal(g->masterless_ms, 0);
	hear_master(A, "run");
	assert_int_equal(g->masterless_ms, 0);
	hear_master(B, "stray"); /* not the declared one */
	assert_int_equal(g->masterless_ms, 0);
	hear_replica(A, "run2", CODIS_GUARD_ADDR, false);
	assert_in_range(g->masterless_ms, clock_mono_ms() - 1000, clock_mono_ms());
	g->masterless_ms = 5;
	hear_replica(A, "run2", CODIS_GUARD_ADDR, false);
	assert_int_equal(g->masterless_ms, 5);
}

ROSTER_TEST(role_that_contradicts_the_node_puts_it_in_doubt)
{
	struct observed_group *g = list(1);

	hear_master(A, "a");
	hear_replica(B, "b", A, true);
	assert_int_equal(g->doubted_ms, 0);
	hear_master(B, "b"); /* a promotion by the dashboard, of which the node was not read yet */
	assert_in_range(g->doubted_ms, clock_mono_ms() - 1000, clock_mono_ms());
	g->doubted_ms = 5;
	hear_master(B, "b"); /* the same again is no news */
	assert_int_equal(g->doubted_ms, 5);
}

static void set_silent_server(const char *name, const char *ip)
{
	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = name, .ip = ip, .product = "" });
}

static const char *product_of(const char *name)
{
	return pod_named(world.inv, "ns", name)->product;
}

ROSTER_TEST(server_that_is_listed_belongs_here_where_its_words_do_not_tell)
{
	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-dashboard", .name = "codis-dashboard-0" });
	fixture_set_pod(
		world.inv,
		&(struct fixture_pod){ .app = "codis-dashboard", .name = "orders-dashboard-0", .product = "orders" });
	set_silent_server("codis-server-0", "10.0.0.1");
	set_silent_server("more-0", "10.0.0.3");
	assert_string_equal(product_of("codis-server-0"), "");
	list(1);
	assert_string_equal(product_of("codis-server-0"), "");
	hear_replica(A, "new", CODIS_GUARD_ADDR, false); /* somebody's new pod that has got an old address */
	assert_string_equal(product_of("codis-server-0"), "");
	hear_master(A, "run");
	assert_string_equal(product_of("codis-server-0"), "codis-test");
	assert_string_equal(product_of("more-0"), "");
	hear_replica(B, "b", A, true); /* before its pod is seen */
	set_silent_server("codis-server-1", "10.0.0.2");
	assert_string_equal(product_of("codis-server-1"), "");
	roster_take_stock(world.c);
	assert_string_equal(product_of("codis-server-1"), "codis-test");
	assert_string_equal(server(B)->uid, "uid-codis-server-1");
}

ROSTER_TEST(dashboards_and_who_serves)
{
	fixture_set_pod(world.inv, &(struct fixture_pod){
					   .app = "codis-dashboard", .name = "codis-dashboard-0", .ip = "10.0.2.1" });
	fixture_set_pod(world.inv, &(struct fixture_pod){
					   .app = "codis-dashboard", .name = "codis-dashboard-1", .ip = "10.0.2.2" });
	roster_take_stock(world.c);
	assert_int_equal(world.c->dashboard_count, 2);
	cluster_dashboard(world.c, "10.0.2.1:18080", false)->heard_ms = 5;
	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-dashboard",
							  .name = "codis-dashboard-0",
							  .uid = "another",
							  .ip = "10.0.2.1" });
	roster_take_stock(world.c);
	assert_int_equal(cluster_dashboard(world.c, "10.0.2.1:18080", false)->heard_ms,
			 0); /* that was the one before */
	cluster_dashboard(world.c, "10.0.2.2:18080", false)->reach = REACH_OK;
	cluster_note_serving(world.c);
	roster_take_stock(world.c); /* changes nothing of what was heard */
	assert_string_equal(world.c->dashboard.addr, "10.0.2.2:18080");
	assert_string_equal(world.c->dashboard.left, "");
	world.c->list_asked_ms = 5;
	inventory_remove_pod(world.inv, "uid-codis-dashboard-1");
	roster_take_stock(world.c);
	assert_int_equal(world.c->dashboard_count, 1);
	assert_string_equal(world.c->dashboard.addr, "");
	assert_string_equal(world.c->dashboard.left, "10.0.2.2:18080");
	assert_int_equal(world.c->list_asked_ms, 0); /* it has left its lock, perhaps */
	fixture_set_pod(world.inv, &(struct fixture_pod){
					   .app = "codis-dashboard", .name = "codis-dashboard-1", .ip = "10.0.2.2" });
	roster_take_stock(world.c);
	assert_string_equal(world.c->dashboard.left, "");
}

ROSTER_TEST(codis_ha_that_is_kept)
{
	set_server("codis-server-0", NULL, "10.0.0.1");
	roster_take_stock(world.c);
	assert_false(world.c->watch_only);
	assert_true(world.c->has_pods);
}

/* It would get our password, and its answers would be a stranger's. */
ROSTER_TEST(address_that_another_clusters_pod_has_is_not_asked)
{
	set_server("codis-server-0", NULL, "10.0.0.1");
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.namespace = "tenant", .app = "codis-server", .name = "stranger-0", .ip = "10.0.0.2" });
	roster_take_stock(world.c);
	list(1);
	assert_non_null(server(A)->probe);
	assert_null(server(B)->probe);
	inventory_remove_pod(world.inv, "uid-stranger-0");
	roster_take_stock(world.c);
	assert_non_null(server(B)->probe);
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.namespace = "tenant", .app = "codis-server", .name = "stranger-0", .ip = "10.0.0.2" });
	server(B)->since_ms = 1;
	roster_take_stock(world.c);
	assert_null(server(B)->probe);
	assert_int_not_equal(server(B)->since_ms,
			     1); /* a replica that has heard it before has not heard the stranger */
	server(B)->since_ms = 1;
	roster_take_stock(world.c);
	assert_int_equal(server(B)->since_ms, 1);
}

static int lines_of(const char *event)
{
	static char text[1u << 16];
	ssize_t n = pread(world.log.fd, text, sizeof(text) - 1, 0);
	int lines = 0;

	text[n > 0 ? n : 0] = '\0';
	for (const char *at = text; (at = strstr(at, event)); at++)
		lines++;
	return lines;
}

/* Whoever says what no server says is named in the log, and not as often as it says so. */
ROSTER_TEST(what_no_server_says_is_logged_now_and_then)
{
	struct redis_probe_state st = { .reach = REACH_UNKNOWN };

	list(1);
	roster_hear(world.c, server(A), &st);
	assert_int_equal(lines_of("event=server.strange"), 0);
	snprintf(st.strange, sizeof(st.strange), A " says what nobody asked for");
	for (int i = 0; i < 10; i++)
		roster_hear(world.c, server(A), &st);
	assert_int_equal(lines_of("event=server.strange"), 1);
	assert_int_equal(lines_of("server=" A " error=\"" A " says what nobody asked for\""), 1);
	server(A)->strange_ms -= 60000;
	roster_hear(world.c, server(A), &st);
	assert_int_equal(lines_of("event=server.strange"), 2);
	hear_master(A, "run");
	assert_int_equal(lines_of("event=server.strange"), 2);
}

/* What a server had when a person gave it the role is remembered, of the process that it was. */
ROSTER_TEST(how_a_server_came_to_its_role_is_remembered)
{
	set_server("codis-server-1", NULL, "10.0.0.2");
	roster_take_stock(world.c);
	list(1);
	hear_master(A, "old");
	hear_replica(B, "new", A, true);
	hear_master(B, "new");
	assert_int_equal(server(B)->succession.how, SUCCESSION_IN_SYNC);
	assert_string_equal(server(B)->succession.of, A);
	hear_replica(B, "new", A, false);
	server(B)->succession.lacks_ms--;
	hear_master(A, "old"); /* since then, it lives */
	hear_master(B, "new");
	assert_int_equal(server(B)->succession.how, SUCCESSION_BEHIND);
	set_server("codis-server-1", "another", "10.0.0.2");
	roster_take_stock(world.c);
	assert_int_equal(server(B)->succession.led_ms, 0);
}

/* Whether the one that led lives is asked at once. */
ROSTER_TEST(new_role_is_a_reason_to_ask_the_others)
{
	list(1);
	hear_master(A, "old");
	hear_replica(B, "new", A, true);
	world.probes[0].asked = world.probes[1].asked = 0;
	hear_master(B, "new");
	assert_int_equal(world.probes[0].asked, 1);
	hear_master(B, "new");
	assert_int_equal(world.probes[0].asked, 1);
}

/* Group 1 still lists B's address, which a pod of group 2 has got: that follows a master of its own there. */
ROSTER_TEST(role_is_not_remembered_as_of_the_group_of_an_old_list)
{
	set_server("codis-server-0", NULL, "10.0.0.1");
	roster_take_stock(world.c);
	list(1);
	hear_replica(B, "new", A, true);
	assert_int_equal(server(B)->role_group, 1);
	hear_replica(B, "newer", "10.0.0.9:6379", true);
	assert_string_equal(server(B)->role_run_id, "newer");
	assert_int_equal(server(B)->role_group, 0);
}

/* second NULL: it names one. */
static struct observed_group *group_2_names(const char *first, const char *second)
{
	struct observed_group *g = cluster_group(world.c, 2, true);

	assert_int_equal(codis_group_append(&g->node, first), 0);
	if (second)
		assert_int_equal(codis_group_append(&g->node, second), 0);
	g->exists = true;
	return g;
}

/* Group 1 still names as its master the address that a pod of group 2 has got, which leads there. */
ROSTER_TEST(master_is_one_of_its_own_group_whatever_an_old_list_of_another_says)
{
	set_server("codis-server-2", NULL, "10.0.0.1");
	roster_take_stock(world.c);
	group_2_names(A, NULL)->version = 4;
	hear_master(A, "run");
	server(A)->role_version = 4; /* by us */
	list(5);
	cluster_group(world.c, 1, false)->others_version = 5;
	roster_take_stock(world.c);
	hear_master(A, "run");
	assert_int_equal(server(A)->listed_group, 2);
	assert_int_equal(server(A)->role_group, 2);
}

/* Group 2 had the address before, and its pod is still seen there. */
ROSTER_TEST(master_of_this_group_is_one_while_news_of_pods_are_late)
{
	set_server("codis-server-2", NULL, "10.0.0.1");
	roster_take_stock(world.c);
	group_2_names("10.0.0.9:6379", A);
	hear_master(A, "run");
	list(5);
	roster_take_stock(world.c);
	hear_master(A, "run");
	assert_int_equal(server(A)->role_group, 1);
}

/* The same, and the group of its pod is the one that is read last. */
ROSTER_TEST(master_of_another_group_is_one_while_news_of_pods_are_late)
{
	set_server("codis-server-0", NULL, "10.0.0.2"); /* group 1 */
	roster_take_stock(world.c);
	list(5); /* B stands second there */
	group_2_names(B, NULL);
	hear_master(B, "run");
	roster_take_stock(world.c);
	hear_master(B, "run");
	assert_int_equal(server(B)->listed_group, 2);
	assert_int_equal(server(B)->role_group, 2);
	list(6);
	assert_int_equal(server(B)->listed_group, 2);
	hear_replica(B, "run", A, true);
	roster_take_stock(world.c);
	assert_int_equal(server(B)->listed_group, 1);
}

ROSTER_TEST(master_of_a_group_of_a_smaller_number_is_one_while_news_of_pods_are_late)
{
	set_server("codis-server-2", NULL, "10.0.0.1"); /* group 2 */
	roster_take_stock(world.c);
	group_2_names("10.0.0.9:6379", A);
	list(5); /* A stands first in group 1 */
	hear_master(A, "run");
	roster_take_stock(world.c);
	hear_master(A, "run");
	assert_int_equal(server(A)->listed_group, 1);
	assert_int_equal(server(A)->listed_index, 0);
}

ROSTER_TEST(when_a_replica_heard_its_master_last_is_remembered)
{
	struct redis_probe_state st = says(REDIS_ROLE_REPLICA, "run");

	list(1);
	snprintf(st.info.master, sizeof(st.info.master), A);
	st.info.link_up = true;
	st.info.last_io_s = 3;
	roster_hear(world.c, server(B), &st);
	assert_int_equal(server(B)->link_io_ms, st.heard_ms - 3000);
}
