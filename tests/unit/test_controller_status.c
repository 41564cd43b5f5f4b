/* The status line: what docs/controller.md says that users read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "controller/status.h"
#include "controller/trouble.h"
#include "tests/unit/test.h"

#define GROUPS  20
#define MASTER  "10.0.0.%d:6379"
#define REPLICA "10.0.1.%d:6379"

struct world {
	struct cluster_view v;
	struct view_set sets[3];
	struct server_view servers[2 * GROUPS];
	struct group_view groups[GROUPS];
	struct proxy_view proxies[2];
	struct codis_slot slots[2][CODIS_SLOTS];
	char line[1024];
	bool ok;
};

static const struct decide_limits limits = DECIDE_LIMITS;

static struct server_view *add_server(struct world *w, int gid, const char *addr_of, int ordinal)
{
	struct server_view *s = &w->servers[w->v.server_count++];

	/* addr_of is one of the two above */
	snprintf(s->addr, sizeof(s->addr), strcmp(addr_of, MASTER) == 0 ? MASTER : REPLICA, gid);
	snprintf(s->pod.name, sizeof(s->pod.name), "codis-server-%d", ordinal);
	s->pod.running = true;
	s->group = s->listed_group = gid;
	s->reach = REACH_OK;
	s->info_valid = true;
	snprintf(s->info.run_id, sizeof(s->info.run_id), "%040d", ordinal);
	s->info.keys = 5;
	assert_int_equal(codis_group_append(&w->groups[gid - 1].node, s->addr), 0);
	return s;
}

static void add_group(struct world *w, int gid)
{
	struct group_view *g = &w->groups[w->v.group_count++];
	struct server_view *m, *r;

	g->node.id = gid;
	g->exists = true;
	m = add_server(w, gid, MASTER, 2 * gid - 2);
	r = add_server(w, gid, REPLICA, 2 * gid - 1);
	m->info.role = REDIS_ROLE_MASTER;
	r->info.role = REDIS_ROLE_REPLICA;
	r->info.link_up = true;
	memcpy(r->info.master, m->addr, sizeof(r->info.master));
}

/* All is well: groups of two, the slots in equal parts, two proxies. */
static struct world *healthy(int groups)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->v = (struct cluster_view){ .namespace = "codis",
				      .product = "codis-test",
				      .now_ms = 100000,
				      .mandate = MANDATE_LEAD,
				      .kube_fresh = true,
				      .coordinator_ready = true,
				      .zookeeper_name = "zookeeper:2181",
				      .sets = w->sets,
				      .set_count = 1,
				      .servers = w->servers,
				      .groups = w->groups,
				      .proxies = w->proxies,
				      .proxy_count = 2 };
	w->sets[0].shape = (struct codis_shape){ .replicas = 2 * groups, .server_replica = 2 };
	w->v.dashboard.reach = REACH_OK;
	for (int gid = 1; gid <= groups; gid++)
		add_group(w, gid);
	for (int p = 0; p < 2; p++) {
		snprintf(w->proxies[p].pod.name, VIEW_NAME_MAX, "codis-proxy-%d", p);
		w->proxies[p].registered = w->proxies[p].online = true;
		w->proxies[p].reach = REACH_OK;
		w->proxies[p].slots = w->slots[p];
		for (int i = 0; i < CODIS_SLOTS; i++) {
			int gid = i * groups / CODIS_SLOTS + 1;

			w->slots[p][i].id = (int16_t)i;
			w->slots[p][i].group = (int16_t)gid;
			memcpy(w->slots[p][i].addr, w->groups[gid - 1].node.servers[0].addr, CODIS_ADDR_MAX);
		}
	}
	return w;
}

static void free_world(struct world **w)
{
	free(*w);
}
#define WORLD(groups) __attribute__((cleanup(free_world))) struct world *w = healthy(groups)

static void assert_line(struct world *w, const char *expected)
{
	status_line(&w->v, &limits, w->line, sizeof(w->line), &w->ok);
	assert_string_equal(w->line, expected);
	assert_int_equal(w->ok, strstr(expected, ": OK") != NULL);
}

/* What the metrics show is what the line says. */
TEST(a_cluster_in_numbers)
{
	WORLD(2);
	struct status_sum sum;

	status_sum(&w->v, &limits, &sum);
	assert_true(sum.ok && sum.word == STATUS_OK);
	assert_int_equal(sum.groups, 2);
	assert_int_equal(sum.led, 2);
	assert_int_equal(sum.proxies, 2);
	assert_int_equal(sum.serving, 2);
	assert_int_equal(sum.slots, CODIS_SLOTS);
	assert_int_equal(sum.lost_keys, 0);
	w->proxies[1].reach = REACH_SILENT;
	w->groups[0].lost_keys = 7;
	w->groups[1].new_lost_keys = 2;
	status_sum(&w->v, &limits, &sum);
	assert_true(!sum.ok && sum.word == STATUS_DEGRADED);
	assert_int_equal(sum.proxies, 2);
	assert_int_equal(sum.serving, 1);
	assert_int_equal(sum.lost_keys, 9);
	w->proxies[0].pod.deleting = true;
	status_sum(&w->v, &limits, &sum);
	assert_true(!sum.ok && sum.word == STATUS_DOWN);
	assert_int_equal(sum.proxies, 1);
	assert_int_equal(sum.slots, 0);
}

static void lock_slots_of(struct world *w, int gid)
{
	for (int p = 0; p < 2; p++) {
		for (int i = 0; i < CODIS_SLOTS; i++)
			w->slots[p][i].locked = w->slots[p][i].group == gid;
	}
}

static void dashboard_has(struct world *w, int groups)
{
	w->v.dashboard.slots_known = true;
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->v.dashboard.slot_group[i] = (int16_t)(i * groups / CODIS_SLOTS + 1);
}

TEST(some_slots_are_not_served)
{
	WORLD(2);

	dashboard_has(w, 2);
	lock_slots_of(w, 2);
	assert_line(w, "codis-test: PARTIAL, 2/2 groups led, 2 proxies, 512/1024 slots served; proxy codis-proxy-0 "
		       "holds 512 slots; proxy codis-proxy-1 holds 512 slots");
	lock_slots_of(w, 0);
	for (int p = 0; p < 2; p++) {
		for (int i = 0; i < CODIS_SLOTS; i++)
			w->slots[p][i].locked = true;
	}
	assert_line(w, "codis-test: DOWN, 2/2 groups led, 2 proxies, 0/1024 slots served; proxy codis-proxy-0 holds "
		       "1024 slots; proxy codis-proxy-1 holds 1024 slots");
}

/* A person, or a dashboard that was stopped amid its work, has left it so. */
TEST(slots_of_no_group_are_said)
{
	WORLD(2);

	dashboard_has(w, 2);
	for (int i = 0; i < 2; i++) {
		w->v.dashboard.slot_group[i] = 0;
		for (int p = 0; p < 2; p++)
			w->slots[p][i] = (struct codis_slot){ 0 };
	}
	assert_line(w, "codis-test: PARTIAL, 2/2 groups led, 2 proxies, 1022/1024 slots served; 2 slots are assigned "
		       "to no group");
	w->v.dashboard.slot_group[1] = 1;
	assert_line(w, "codis-test: PARTIAL, 2/2 groups led, 2 proxies, 1022/1024 slots served; 1 slot is assigned to "
		       "no group");
}

/* Clients wait for it: that is no outage. What else is not served is one. */
TEST(own_switch_is_no_outage)
{
	WORLD(2);
	struct server_view *m = view_master(&w->v, &w->groups[0]), *s, *replica = NULL;

	for (int at = 0; (s = view_next(&w->v, &w->groups[0], &at));)
		replica = s != m ? s : replica;
	assert_non_null(replica);
	snprintf(replica->pod.name, sizeof(replica->pod.name), "codis-server-1");
	memcpy(w->groups[0].switching_to, replica->addr, sizeof(w->groups[0].switching_to));
	dashboard_has(w, 2);
	assert_line(w, "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1 switches to "
		       "codis-server-1");
	lock_slots_of(w, 1);
	assert_line(w, "codis-test: SWITCHING, 2/2 groups led, 2 proxies, 512/1024 slots served; group 1 switches to "
		       "codis-server-1");
	m->info.role = REDIS_ROLE_REPLICA;
	assert_line(w, "codis-test: SWITCHING, 1/2 groups led, 2 proxies, 512/1024 slots served; group 1 switches to "
		       "codis-server-1");
	m->info.role = REDIS_ROLE_MASTER;
	lock_slots_of(w, 2);
	assert_line(w, "codis-test: PARTIAL, 2/2 groups led, 2 proxies, 512/1024 slots served; group 1 switches to "
		       "codis-server-1; proxy codis-proxy-0 holds 512 slots; proxy codis-proxy-1 holds 512 slots");
	w->groups[0].switching_to[0] = '\0';
	lock_slots_of(w, 1);
	assert_line(w, "codis-test: PARTIAL, 2/2 groups led, 2 proxies, 512/1024 slots served; proxy codis-proxy-0 "
		       "holds 512 slots; proxy codis-proxy-1 holds 512 slots");
}

TEST(a_group_in_numbers)
{
	WORLD(2);
	struct server_view *m = view_master(&w->v, &w->groups[1]), *s, *replica = NULL;
	struct status_group g;

	for (int at = 0; (s = view_next(&w->v, &w->groups[1], &at));)
		replica = s != m ? s : replica;
	assert_non_null(replica);
	m->info.offset = 5000;
	m->info.keys = 17;
	replica->info.offset = 4900;
	w->v.dashboard.slots_known = true;
	for (int i = 0; i < 10; i++)
		w->v.dashboard.slot_group[i] = 2;
	assert_true(status_of_group(&w->v, &w->groups[1], &limits, &g));
	assert_true(g.led);
	assert_int_equal(g.replicas, 1);
	assert_int_equal(g.synced, 1);
	assert_int_equal(g.keys, 17);
	assert_int_equal(g.lag_bytes, 100);
	assert_true(g.slots >= 10);
	w->v.dashboard.slots_known = false;
	replica->info.link_up = false;
	assert_true(status_of_group(&w->v, &w->groups[1], &limits, &g));
	assert_int_equal(g.synced, 0);
	assert_int_equal(g.lag_bytes, -1);
	assert_int_equal(g.slots, -1);
	m->reach = REACH_REFUSED;
	assert_true(status_of_group(&w->v, &w->groups[1], &limits, &g));
	assert_false(g.led);
	assert_int_equal(g.keys, -1);
}

/* One command acknowledges what is lost in several StatefulSets. */
TEST(losses_of_several_statefulsets)
{
	WORLD(2);
	char line[1024];
	bool ok;

	w->sets[0] = (struct view_set){ .name = "g1", .shape = { .replicas = 2, .group = 1 } };
	w->sets[1] = (struct view_set){ .name = "g2", .shape = { .replicas = 2, .group = 2 } };
	w->v.set_count = 2;
	status_line(&w->v, &limits, line, sizeof(line), &ok);
	assert_true(ok);
	assert_non_null(strstr(line, ": OK, 2/2 groups led"));
	w->groups[0].lost_keys = w->groups[1].lost_keys = 7;
	status_line(&w->v, &limits, line, sizeof(line), &ok);
	assert_non_null(strstr(line, "kubectl annotate -n codis sts g1 g2 codis.io/data-lost-"));
	w->groups[0].lost_keys = 0;
	status_line(&w->v, &limits, line, sizeof(line), &ok);
	assert_non_null(strstr(line, "kubectl annotate -n codis sts g2 codis.io/data-lost-"));
}

TEST(all_is_well)
{
	WORLD(2);

	assert_line(w, "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served");
	w->v.proxy_count = 1;
	assert_line(w, "codis-test: OK, 2/2 groups led, 1 proxy, 1024/1024 slots served");
}

TEST(peers_that_cost_more_than_their_share)
{
	WORLD(2);

	w->v.costly = true;
	assert_line(w, "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; its peers answer so "
		       "much, or so "
		       "often, that they are asked seldom");
}

TEST(replica_that_is_not_synced)
{
	WORLD(2);

	w->servers[1].info.link_up = false;
	assert_line(w,
		    "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1 lacks 1 synced "
		    "replica (codis-server-1: not synced)");
	w->servers[1].addr[0] = '\0';
	w->servers[1].reach = REACH_UNKNOWN;
	w->servers[1].pod.unschedulable = true;
	assert_line(w,
		    "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1 lacks 1 synced "
		    "replica (codis-server-1: no node takes it)");
}

TEST(deletion_of_the_last_that_has_the_data)
{
	WORLD(2);

	w->servers[0].pod.deleting = true;
	w->servers[1].info.link_up = false;
	w->servers[1].info.syncing = true;
	assert_line(w,
		    "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1 lacks 1 synced "
		    "replica (codis-server-1: syncing); group 1: codis-server-0 is being deleted and has the only "
		    "data: it waits for a replica in sync, as long as its grace period lasts");
}

TEST(group_whose_node_cannot_be_read)
{
	WORLD(2);

	snprintf(w->groups[1].unreadable, sizeof(w->groups[1].unreadable), "it says that it is group 7");
	assert_line(w, "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 2: its node in "
		       "ZooKeeper cannot be read: it says that it is group 7");
}

#define ACKNOWLEDGE "acknowledge it with kubectl annotate -n codis sts my-servers codis.io/data-lost-"

/* Everything serves, and it is no OK. */
TEST(data_that_is_lost)
{
	WORLD(2);
	JSON_CLEANUP cJSON *json = NULL;
	const cJSON *group;

	snprintf(w->sets[0].name, VIEW_NAME_MAX, "my-servers");
	w->groups[0].lost_keys = 130;
	w->groups[0].lost_wall_ms = 1795669418123;
	assert_line(w,
		    "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1 LOST ITS DATA at "
		    "2026-11-26T05:03:38Z (about 130 keys): " ACKNOWLEDGE);
	json = status_json(&w->v, &limits);
	group = cJSON_GetArrayItem(json_get(json, "groups", NULL), 0);
	assert_int_equal(json_int(0, group, "data_lost", "keys", NULL), 130);
	assert_string_equal(json_str(group, "data_lost", "at", NULL), "2026-11-26T05:03:38Z");
	assert_null(json_get(cJSON_GetArrayItem(json_get(json, "groups", NULL), 1), "data_lost", NULL));
}

/* Seen a moment ago: it is not noted on the StatefulSet yet. */
TEST(data_that_is_lost_just_now)
{
	WORLD(2);

	snprintf(w->sets[0].name, VIEW_NAME_MAX, "my-servers");
	w->groups[1].new_lost_keys = 1;
	w->groups[1].new_lost_wall_ms = 1795669418123;
	assert_line(w,
		    "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 2 LOST ITS DATA at "
		    "2026-11-26T05:03:38Z (about 1 key): " ACKNOWLEDGE);
}

/* An empty server has the role, and what was begun with the group has not ended. */
TEST(data_that_may_be_lost_is_no_ok)
{
	WORLD(2);

	w->groups[1].loss_unclear = true;
	assert_line(w, "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 2: whether its "
		       "data is lost is not known yet");
}

TEST(data_of_many_groups_is_lost)
{
	WORLD(6);

	snprintf(w->sets[0].name, VIEW_NAME_MAX, "my-servers");
	for (int i = 0; i < 6; i++) {
		w->groups[i].lost_keys = 100;
		w->groups[i].lost_wall_ms = 1795669418123 + 1000 * i;
	}
	assert_line(w,
		    "codis-test: DEGRADED, 6/6 groups led, 2 proxies, 1024/1024 slots served; groups 1, 2, 3, 4 and 2 "
		    "more LOST THEIR DATA at 2026-11-26T05:03:43Z (about 600 keys): " ACKNOWLEDGE);
}

TEST(slot_that_is_held_for_a_moment_to_be_moved_is_no_outage)
{
	static int64_t since[CODIS_SLOTS], assigned[CODIS_SLOTS];
	WORLD(2);
	struct dashboard_view *b = &w->v.dashboard;

	w->v.now_ms = 100000;
	w->slots[1][0].locked = true;
	w->proxies[1].slot_since_ms = since;
	since[0] = w->v.now_ms - 1000;
	for (int i = 0; i < CODIS_SLOTS; i++)
		b->slot_group[i] = w->slots[0][i].group;
	b->slots_known = true;
	b->slot_since_ms = assigned;
	assigned[0] = since[0] - 1000;
	w->proxies[1].slots_ms = w->v.now_ms - 500;
	b->slots_ms = since[0] - 1; /* it was not asked since */
	assert_line(w, "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served");
	b->slots_ms = w->v.now_ms - 300; /* it was, and says that the slot is there now, which the proxy was not */
	assigned[0] = w->v.now_ms - 290;
	assert_line(w, "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served");
	assigned[0] = since[0] - 1000; /* nothing moved */
	assert_line(w, "codis-test: PARTIAL, 2/2 groups led, 2 proxies, 1023/1024 slots served; proxy codis-proxy-1 "
		       "holds 1 slot");
	w->v.dashboard.slot_target[0] = 2;
	assert_line(w, "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served");
	since[0] = w->v.now_ms - 2000;
	assert_line(w, "codis-test: PARTIAL, 2/2 groups led, 2 proxies, 1023/1024 slots served; proxy codis-proxy-1 "
		       "holds 1 slot");
}

/* Servers were scaled back, and the groups that are to go are there until they are empty: not "4/2 groups led". */
TEST(groups_that_are_still_there_count)
{
	WORLD(4);

	w->sets[0].shape.replicas = 4;
	assert_line(w, "codis-test: OK, 4/4 groups led, 2 proxies, 1024/1024 slots served");
	w->servers[7].group = w->servers[6].group = 9; /* and one that is to be is not there */
	w->groups[3].node.count = 0;
	w->sets[0].shape.replicas = 10;
	status_line(&w->v, &limits, w->line, sizeof(w->line), &w->ok);
	assert_non_null(strstr(w->line, ", 3/5 groups led, "));
}

TEST(slots_are_served_by_every_proxy_or_not)
{
	WORLD(2);

	w->slots[1][0].locked = true;                              /* by one of two */
	snprintf(w->slots[0][1].addr, CODIS_ADDR_MAX, REPLICA, 1); /* not the master */
	w->slots[0][2].group = 2;                                  /* not of that group */
	assert_line(w, "codis-test: PARTIAL, 2/2 groups led, 2 proxies, 1021/1024 slots served; proxy codis-proxy-0 "
		       "sends 2 slots elsewhere than to their group's master; proxy codis-proxy-1 holds 1 slot");
	w->proxies[1].slots = NULL; /* not known */
	assert_line(w, "codis-test: DOWN, 2/2 groups led, 2 proxies, 0/1024 slots served; proxy codis-proxy-0 sends 2 "
		       "slots elsewhere than to their group's master; proxy codis-proxy-1 has not said yet where it "
		       "sends which slot");
	w->proxies[1].online = false; /* it does not serve, so it does not count */
	assert_line(w,
		    "codis-test: PARTIAL, 2/2 groups led, 1 proxy, 1022/1024 slots served; proxy codis-proxy-1 is not "
		    "taken in yet; proxy codis-proxy-0 sends 2 slots elsewhere than to their group's master");
}

TEST(dead_master_serves_no_slot)
{
	WORLD(2);

	w->servers[0].reach = REACH_REFUSED;
	w->servers[0].info_valid = false;
	assert_line(w, "codis-test: PARTIAL, 1/2 groups led, 2 proxies, 512/1024 slots served; group 1 has no master, "
		       "codis-server-0: it does not answer");
}

/* Codis' own promotion, over the head of a master that has more. */
TEST(promotion_over_the_head_of_a_living_master)
{
	WORLD(2);
	struct server_view *a = &w->servers[1], *b = &w->servers[0]; /* b leads */
	char words[STATUS_SUCCESSION_MAX];

	a->info.role = REDIS_ROLE_MASTER;
	a->info.keys = 389279;
	a->heard_ms = b->heard_ms = w->v.now_ms - 10;
	b->succession.led_ms = w->v.now_ms - 60000;
	assert_line(w, "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1: "
		       "codis-server-0 was promoted, and codis-server-1 has what it lacks: promote "
		       "that one again, or give it up with kubectl annotate -n codis sts codis-server "
		       "codis.io/allow-data-loss=1; group 1 lacks 1 synced replica (codis-server-1: follows nobody)");
	b->succession.how = SUCCESSION_BEHIND;
	memcpy(b->succession.of, a->addr, sizeof(a->addr));
	assert_line(w,
		    "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1: "
		    "codis-server-0 was promoted while it was not in sync, and codis-server-1 has what it lacks"
		    ": promote that one again, or give it up with kubectl annotate -n codis sts "
		    "codis-server codis.io/allow-data-loss=1; group 1 lacks 1 synced replica (codis-server-1: follows "
		    "nobody)");
	assert_true(status_succession(&w->v, &w->groups[0], true, words, sizeof(words)));
	assert_non_null(strstr(words, "has what it lacks (389279 keys to 5): promote that one again"));
	w->groups[0].may_lose = true;
	assert_line(w, "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1 lacks 1 "
		       "synced replica (codis-server-1: follows nobody)");
}

TEST(promotion_that_was_taken_back)
{
	WORLD(2);
	struct server_view *b = &w->servers[1];

	memcpy(w->groups[0].taken_back, b->addr, sizeof(b->addr));
	w->v.now_ms = 700000;
	w->groups[0].taken_back_ms = w->v.now_ms - 599999;
	assert_line(w, "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served");
	b->info.link_up = false;
	b->info.syncing = true;
	assert_line(w, "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1: the "
		       "promotion of codis-server-1 was taken back: it was not in sync; group 1 lacks 1 synced replica "
		       "(codis-server-1: syncing)");
	w->groups[0].taken_back_ms--;
	assert_line(w, "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; group 1 lacks 1 "
		       "synced replica (codis-server-1: syncing)");
}

/* What a person has to know who is to end it. */
TEST(why_nobody_takes_over)
{
	WORLD(2);

	w->servers[0].reach = REACH_SILENT;
	w->servers[0].info_valid = false;
	w->servers[0].pod.node_lost = true;
	w->servers[1].info.link_up = false;
	w->servers[1].info.syncing = true;
	assert_line(w, "codis-test: PARTIAL, 1/2 groups led, 2 proxies, 512/1024 slots served; group 1 has no master, "
		       "codis-server-0: it is silent, and its pod or node is gone; no replica has what it had, and it "
		       "may still live: kubectl delete pod -n codis codis-server-0 --force gives it up");
	w->servers[0].reach = REACH_REFUSED;
	w->servers[0].pod.keeps_data = true;
	w->servers[1].info.keys = 0;
	w->groups[0].keys = 5;
	assert_line(w,
		    "codis-test: PARTIAL, 1/2 groups led, 2 proxies, 512/1024 slots served; group 1 has no master, "
		    "codis-server-0: connections are refused, and its container does not run; its volume may come "
		    "back with its keys: kubectl annotate -n codis sts codis-server codis.io/allow-data-loss=1 gives "
		    "them up");
}

TEST(empty_is_said_of_what_is_known)
{
	WORLD(2);

	for (int i = 0; i < w->v.server_count; i++)
		w->servers[i].info.keys = 0;
	assert_line(w, "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served, empty");
	w->sets[0].shape.replicas = 2; /* one group is wanted, and another one is there that may hold keys */
	w->servers[2].info_valid = false;
	status_line(&w->v, &limits, w->line, sizeof(w->line), &w->ok);
	assert_null(strstr(w->line, "empty"));
	w->sets[0].shape.replicas = 4;
	w->servers[2].info_valid = true;
	w->servers[0].reach = REACH_SILENT; /* it may hold keys */
	w->servers[0].info_valid = false;
	status_line(&w->v, &limits, w->line, sizeof(w->line), &w->ok);
	assert_null(strstr(w->line, "empty"));
}

TEST(nothing_was_begun)
{
	WORLD(2);

	for (int i = 0; i < 2; i++)
		w->groups[i].node.count = 0;
	w->v.proxy_count = 0;
	w->servers[0].addr[0] = '\0';
	w->servers[0].reach = REACH_UNKNOWN;
	w->servers[0].info_valid = false;
	w->servers[0].pod.unschedulable = true;
	w->servers[1].reach = REACH_REFUSED;
	for (int i = 2; i < 4; i++) {
		w->servers[i].info.role = REDIS_ROLE_REPLICA;
		snprintf(w->servers[i].info.master, CODIS_ADDR_MAX, "127.0.0.1:1");
	}
	assert_line(w,
		    "codis-test: DOWN, 0/2 groups led, 0 proxies, 0/1024 slots served; group 1 has no master: no "
		    "server has the role yet (codis-server-0: no node takes it) (codis-server-1: refusing); group 2 "
		    "has no master: no server has the role yet (codis-server-2: waiting for a role) (codis-server-3: "
		    "waiting for a role); no proxy serves");
}

TEST(cause_comes_first)
{
	WORLD(1);

	w->v.coordinator_ready = false;
	w->v.dashboard.reach = REACH_REFUSED;
	w->servers[1].info.link_up = false;
	w->proxies[0].reach = w->proxies[1].reach = REACH_SILENT;
	assert_line(w, "codis-test: DOWN, 1/1 groups led, 0 proxies, 0/1024 slots served; ZooKeeper is not connected "
		       "(zookeeper:2181); dashboard is down; proxy codis-proxy-0 does not answer; proxy codis-proxy-1 "
		       "does not answer; no "
		       "proxy serves; group 1 lacks 1 synced replica (codis-server-1: not synced)");
}

TEST(where_zookeeper_was_looked_for)
{
	WORLD(1);
#define LOOKED "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; ZooKeeper is not connected"

	w->v.coordinator_ready = false;
	assert_line(w, LOOKED " (zookeeper:2181)");
	w->v.zookeeper_unresolved = true;
	assert_line(w, LOOKED ": no address is found for zookeeper:2181");
	w->v.zookeeper_name[0] = '\0';
	w->v.zookeeper_unresolved = false;
	assert_line(w, LOOKED ": no dashboard or proxy says where it is");
}

TEST(many_reasons_are_counted_not_cut)
{
	WORLD(GROUPS);
	const char *more, *at;
	int said = 0;

	for (int i = 0; i < w->v.server_count; i += 2) {
		w->servers[i].reach = REACH_REFUSED;
		w->servers[i].info_valid = false;
	}
	status_line(&w->v, &limits, w->line, sizeof(w->line), &w->ok);
	for (at = w->line; (at = strstr(at, "has no master")) != NULL; at++)
		said++;
	more = strstr(w->line, "; and ");
	assert_non_null(more);
	assert_in_range(said, 5, GROUPS - 1);
	assert_int_equal((int)strtol(more + strlen("; and "), NULL, 10), GROUPS - said);
	assert_string_equal(more + strlen("; and ") + strspn(more + strlen("; and "), "0123456789"), " more");
	assert_memory_equal(more - strlen(": it does not answer"), ": it does not answer",
			    strlen(": it does not answer"));
}

TEST(product_without_servers)
{
	WORLD(1);

	w->v.server_count = w->v.group_count = w->sets[0].shape.replicas = 0;
	assert_line(w,
		    "codis-test: DOWN, 0/0 groups led, 2 proxies, 0/1024 slots served; no codis-server belongs to it: "
		    "look at the label app=codis-server and PRODUCT_NAME of the servers");
}

TEST(what_a_human_has_to_mend)
{
	WORLD(1);
	struct server_view *s = &w->servers[1];

	snprintf(s->complaint, sizeof(s->complaint), "NOAUTH");
	s->reach = REACH_UNKNOWN;
	s->info_valid = false;
	snprintf(w->v.password_trouble, sizeof(w->v.password_trouble), "it is in Secret shop");
	assert_line(
		w, "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; 1 server wants a password "
		   "that is not known (NOAUTH): it is in Secret shop; group 1 lacks 1 synced replica (codis-server-1: "
		   "NOAUTH)");
	s->complaint[0] = '\0';
	s->named = true;
	s->pod.name[0] = '\0';
	snprintf(s->addr, sizeof(s->addr), "codis-server-1.codis-server:6379");
	assert_line(w, "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; group 1 lists "
		       "codis-server-1.codis-server:6379: write its address; group 1 lacks 1 synced replica "
		       "(codis-server-1.codis-server:6379: listed by a name)");
}

static void assert_word(const struct server_view *as, const char *word)
{
	WORLD(1);
	char expected[200];

	memcpy(&w->servers[1], as, sizeof(*as));
	snprintf(expected, sizeof(expected),
		 "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; group 1 lacks 1 synced "
		 "replica (codis-server-1: %s)",
		 word);
	assert_line(w, expected);
}

TEST(each_state_of_a_member_has_its_word)
{
	WORLD(1);
	const struct server_view replica = w->servers[1];
	struct server_view s = replica;

	s.info.link_up = false;
	s.pod.deleting = true;
	assert_word(&s, "leaving");
	s.pod.node_lost = true;
	assert_word(&s, "leaving"); /* it is heard all the same */
	s.reach = REACH_SILENT;
	assert_word(&s, "its node is lost");
	s = replica;
	s.info.link_up = false;
	snprintf(s.pod.waits, sizeof(s.pod.waits), "CrashLoopBackOff");
	assert_word(&s, "CrashLoopBackOff");
	s.pod.waits[0] = '\0';
	s.info.syncing = true;
	assert_word(&s, "syncing");
	s.info.loading = true;
	assert_word(&s, "loading");
	s = replica;
	snprintf(s.info.master, sizeof(s.info.master), CODIS_GUARD_ADDR);
	assert_word(&s, "waiting for a role");
	s.info.role = REDIS_ROLE_MASTER;
	assert_word(&s, "follows nobody");
	s.reach = REACH_REFUSED;
	assert_word(&s, "refusing");
	s.reach = REACH_SILENT;
	assert_word(&s, "silent");
	s.reach = REACH_UNKNOWN;
	assert_word(&s, "unknown");
	s.addr[0] = '\0';
	assert_word(&s, "has no address yet");
	s.pod.unschedulable = true;
	assert_word(&s, "no node takes it");
	snprintf(s.pod.waits, sizeof(s.pod.waits), "ImagePullBackOff");
	assert_word(&s, "ImagePullBackOff");
}

/* Before what follows from it. */
TEST(pods_that_do_not_start)
{
	WORLD(1);

	snprintf(w->servers[1].pod.waits, VIEW_WAITS_MAX, "ImagePullBackOff");
	w->servers[1].reach = REACH_REFUSED;
	w->v.waits[0] = (struct waits_view){ "codis-server-1", 1, "ImagePullBackOff, codis-image:9" };
	w->v.waits_count = 1;
	assert_line(w, "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; codis-server-1 does "
		       "not start: ImagePullBackOff, codis-image:9; group 1 lacks 1 synced replica (codis-server-1: "
		       "ImagePullBackOff)");
	w->servers[1].pod.waits[0] = '\0';
	w->servers[1].reach = REACH_OK;
	w->v.dashboard.reach = REACH_REFUSED;
	w->v.waits[0] = (struct waits_view){ "codis-dashboard-0", 3, "CrashLoopBackOff, it ended with 1 (Error)" };
	w->v.waits_more = 2;
	assert_line(w, "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; codis-dashboard-0 and "
		       "2 more do not start: CrashLoopBackOff, it ended with 1 (Error); 2 more pods do not start; "
		       "dashboard is down");
}

/* ZooKeeper lost its tree while everything else lives. */
TEST(slots_that_zookeeper_has_forgotten)
{
	WORLD(2);

	w->v.dashboard.slots_known = true;
	assert_line(w, "codis-test: DEGRADED, 2/2 groups led, 2 proxies, 1024/1024 slots served; ZooKeeper knows of no "
		       "slot, while the servers have about 10 keys and proxies send slots: codisctl restore "
		       "--from-proxies -n codis writes them back");
	memset(w->slots, 0, sizeof(w->slots)); /* it was made anew */
	assert_line(w, "codis-test: DOWN, 2/2 groups led, 2 proxies, 0/1024 slots served; ZooKeeper knows of no slot, "
		       "while the servers have about 10 keys: codisctl restore -f FILE -n codis (of codisctl backup), "
		       "or assign each to the group that has its keys (codis-admin --slots-assign)");
	w->servers[0].info.keys = w->servers[2].info.keys = 0; /* the first assignment is still to come */
	assert_line(w, "codis-test: DOWN, 2/2 groups led, 2 proxies, 0/1024 slots served, empty; no slot is assigned "
		       "to a group yet");
	w->v.dashboard.assigning = true; /* it begins, and holds the dashboard's mutex for a while */
	w->v.dashboard.reach = REACH_SILENT;
	assert_line(w, "codis-test: DOWN, 2/2 groups led, 2 proxies, 0/1024 slots served, empty; dashboard is busy: it "
		       "deals out the slots; no slot is assigned to a group yet: they are being dealt out");
}

TEST(what_is_wrong_beside_the_servers)
{
	WORLD(1);

	w->v.dashboard.reach = REACH_SILENT;
	assert_line(w, "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; dashboard is busy or "
		       "hung");
	w->v.dashboard.reach = REACH_OK;
	w->proxies[1].registered = false;
	assert_line(w, "codis-test: DEGRADED, 1/1 groups led, 1 proxy, 1024/1024 slots served; proxy codis-proxy-1 is "
		       "not taken in yet");
	w->proxies[1].registered = true;
	snprintf(w->groups[0].node.promoting_state, sizeof(w->groups[0].node.promoting_state), "preparing");
	assert_line(w, "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; group 1: promotion is "
		       "preparing");
}

TEST(member_of_zookeeper_whose_node_is_lost)
{
	WORLD(1);
	struct zookeeper_view members[2] = { 0 };

	snprintf(members[0].pod.name, VIEW_NAME_MAX, "zk-0");
	snprintf(members[1].pod.name, VIEW_NAME_MAX, "zk-1");
	w->v.zookeepers = members;
	w->v.zookeeper_count = 2;
	assert_line(w, "codis-test: OK, 1/1 groups led, 2 proxies, 1024/1024 slots served");
	members[1].pod.node_lost = true;
	assert_line(w, "codis-test: DEGRADED, 1/1 groups led, 2 proxies, 1024/1024 slots served; the node of "
		       "ZooKeeper's zk-1 is lost");
}

static void assert_reason(const cJSON *json, int at, const char *code, const char *words)
{
	const cJSON *reason = cJSON_GetArrayItem(json_get(json, "reasons", NULL), at);

	assert_string_equal(json_str(reason, "code", NULL), code);
	assert_string_equal(json_str(reason, "words", NULL), words);
	assert_true(strlen(json_str(reason, "next", NULL)) > 10);
}

TEST(json_has_each_reason_with_its_code)
{
	WORLD(2);
	JSON_CLEANUP cJSON *json = NULL;

	w->v.coordinator_ready = false;
	w->v.dashboard.reach = REACH_SILENT;
	snprintf(w->groups[1].unreadable, sizeof(w->groups[1].unreadable), "it is empty");
	w->v.proxies[1].reach = REACH_SILENT;
	json = status_json(&w->v, &limits);
	assert_int_equal(cJSON_GetArraySize(json_get(json, "reasons", NULL)), 4);
	assert_reason(json, 0, "ZooKeeperNotConnected", "ZooKeeper is not connected (zookeeper:2181)");
	assert_reason(json, 1, "DashboardSilent", "dashboard is busy or hung");
	assert_reason(json, 2, "GroupUnreadable", "group 2: its node in ZooKeeper cannot be read: it is empty");
	assert_string_equal(json_str(cJSON_GetArrayItem(json_get(json, "reasons", NULL), 3), "code", NULL),
			    "ProxySilent");
	assert_int_equal(json_int(-1, json, "reasons_more", NULL), 0);
}

TEST(json_of_a_cluster_that_is_whole_has_no_reason)
{
	WORLD(1);
	JSON_CLEANUP cJSON *json = status_json(&w->v, &limits);

	assert_int_equal(cJSON_GetArraySize(json_get(json, "reasons", NULL)), 0);
}

/* More than the line has room for, and more than are listed. */
TEST(json_lists_a_hundred_reasons_and_counts_the_rest)
{
	static struct proxy_view many[103];
	WORLD(1);
	JSON_CLEANUP cJSON *json = NULL;

	for (int i = 0; i < 103; i++) {
		many[i] = (struct proxy_view){ .registered = true, .reach = REACH_SILENT };
		snprintf(many[i].admin_addr, sizeof(many[i].admin_addr), "10.0.0.%d:11080", i);
	}
	w->v.proxies = many;
	w->v.proxy_count = 103;
	json = status_json(&w->v, &limits);
	assert_int_equal(cJSON_GetArraySize(json_get(json, "reasons", NULL)), 100);
	assert_reason(json, 99, "ProxySilent", "proxy 10.0.0.99:11080 does not answer");
	assert_int_equal(json_int(-1, json, "reasons_more", NULL), 4); /* three of them, and that none serves */
}

TEST(each_trouble_has_a_code_of_its_own)
{
	for (int i = 0; i < TROUBLES; i++) {
		assert_non_null(trouble_code(i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(trouble_code(i), trouble_code(j));
	}
}

TEST(json_has_every_member)
{
	WORLD(1);
	JSON_CLEANUP cJSON *json = status_json(&w->v, &limits);
	const cJSON *group = cJSON_GetArrayItem(json_get(json, "groups", NULL), 0);
	const cJSON *replica = cJSON_GetArrayItem(json_get(group, "members", NULL), 1);

	assert_int_equal(json_int(-1, json, "slots_served", NULL), 1024);
	assert_string_equal(json_str(group, "master", NULL), "codis-server-0");
	assert_string_equal(json_str(replica, "state", NULL), "synced");
	assert_true(json_bool(false, replica, "synced", NULL));
}

/* No number stands for what was not heard. */
TEST(json_has_what_a_member_holds_and_does_where_it_has_said_so)
{
	WORLD(1);
	struct redis_info *info = &w->servers[1].info;

	info->memory = 1572864;
	info->memory_max = 0;
	info->ops = -1;
	w->servers[0].info.memory = 7;
	w->servers[0].info_valid = false;
	JSON_CLEANUP cJSON *json = status_json(&w->v, &limits);
	const cJSON *members = json_get(cJSON_GetArrayItem(json_get(json, "groups", NULL), 0), "members", NULL);
	const cJSON *replica = cJSON_GetArrayItem(members, 1);

	assert_int_equal(json_int(-1, replica, "memory", NULL), 1572864);
	assert_int_equal(json_int(-1, replica, "memory_max", NULL), 0);
	assert_null(json_get(replica, "ops", NULL));
	assert_null(json_get(cJSON_GetArrayItem(members, 0), "memory", NULL));
}
