/* The view of a cluster, from what was observed and what is known of Kubernetes: nothing is asked here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "controller/decide.h"
#include "controller/picture.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

#define A   "10.0.0.1:6379"
#define B   "10.0.0.2:6379"
#define C   "10.0.0.3:6379"
#define D   "10.0.2.1:18080"
#define D2  "10.0.2.2:18080"
#define P   "10.0.1.1:11080"
#define NOW 100000

/* One group of A (master) and B (synced), a dashboard that serves, one proxy; all of it heard a moment ago. */
struct world {
	struct inventory *inv;
	struct observed seen;
	struct observed_server servers[3], *server_list[3];
	struct observed_group group, *group_list[1];
	struct observed_proxy proxy, *proxy_list[1];
	struct observed_dashboard dashboards[2], *dashboard_list[2];
	struct observed_topom topom;
	struct picture_room room;
	struct cluster_view v;
};

static void watch_server(struct world *w, const char *addr)
{
	struct observed_server *s = &w->servers[w->seen.server_count];

	w->server_list[w->seen.server_count++] = s;
	snprintf(s->addr, sizeof(s->addr), "%s", addr);
	s->reach = REACH_OK;
	s->info_valid = true;
	s->heard_ms = NOW - 10;
	snprintf(s->info.run_id, sizeof(s->info.run_id), "run of %s", addr);
	s->info.last_io_s = -1;
}

static void list_server(struct world *w, struct observed_server *s)
{
	s->listed_group = 1;
	s->listed_index = w->group.node.count;
	assert_int_equal(codis_group_append(&w->group.node, s->addr), 0);
}

static void follow(struct observed_server *s, const char *master)
{
	s->info.role = REDIS_ROLE_REPLICA;
	s->info.link_up = true;
	s->info.offset = 1000;
	snprintf(s->info.master, sizeof(s->info.master), "%s", master);
}

static void watch_dashboard(struct world *w, const char *addr, const char *pod)
{
	struct observed_dashboard *d = &w->dashboards[w->seen.dashboard_count];

	w->dashboard_list[w->seen.dashboard_count++] = d;
	snprintf(d->addr, sizeof(d->addr), "%s", addr);
	snprintf(d->uid, sizeof(d->uid), "uid-%s", pod);
	d->reach = REACH_OK;
	d->since_ms = NOW - 60000;
	d->asked_ms = d->told_ms = NOW - 20;
	d->heard_ms = NOW - 18;
}

static void set_pods(struct world *w)
{
	fixture_set_node(w->inv, true, false);
	fixture_set_set(w->inv, 2, 0);
	fixture_set_pod(w->inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	fixture_set_pod(w->inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-1", .ip = "10.0.0.2" });
	fixture_set_pod(w->inv,
			&(struct fixture_pod){ .app = "codis-proxy", .name = "codis-proxy-0", .ip = "10.0.1.1" });
	fixture_set_pod(w->inv, &(struct fixture_pod){
					.app = "codis-dashboard", .name = "codis-dashboard-0", .ip = "10.0.2.1" });
}

static struct world *healthy(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->inv = inventory_new();
	set_pods(w);
	w->seen = (struct observed){ .namespace = "ns",
				     .product = "codis-test",
				     .mandate = MANDATE_LEAD,
				     .leads = true,
				     .steady_since_ms = 1,
				     .kube_fresh = true,
				     .connected_since_ms = 1,
				     .listed_ms = NOW - 100,
				     .proxies_read_ms = NOW - 100,
				     .group_count = 1,
				     .proxy_count = 1,
				     .servers = w->server_list,
				     .groups = w->group_list,
				     .proxies = w->proxy_list,
				     .dashboards = w->dashboard_list,
				     .topom = &w->topom,
				     .password_trouble = "" };
	w->group_list[0] = &w->group;
	w->proxy_list[0] = &w->proxy;
	watch_server(w, A);
	watch_server(w, B);
	w->servers[0].info.role = REDIS_ROLE_MASTER;
	w->servers[0].info.keys = 10;
	follow(&w->servers[1], A);
	w->group.node.id = 1;
	w->group.exists = true;
	w->group.version = 7;
	w->group.read_ms = NOW - 50;
	list_server(w, &w->servers[0]);
	list_server(w, &w->servers[1]);
	watch_dashboard(w, D, "codis-dashboard-0");
	w->topom.lock_exists = -1;
	snprintf(w->topom.addr, CODIS_ADDR_MAX, D);
	snprintf(w->proxy.admin_addr, CODIS_ADDR_MAX, "%s", P);
	snprintf(w->proxy.token, CODIS_TOKEN_MAX, "token");
	snprintf(w->proxy.registered_token, CODIS_TOKEN_MAX, "token");
	w->proxy.reach = REACH_OK;
	w->proxy.has_slots = true;
	w->proxy.slots_ms = w->proxy.heard_ms = NOW - 30;
	return w;
}

static void free_world(struct world **w)
{
	picture_room_release(&(*w)->room);
	inventory_free((*w)->inv);
	free(*w);
}
#define WORLD __attribute__((cleanup(free_world))) struct world *w = healthy()

static const struct cluster_view *look(struct world *w)
{
	assert_int_equal(picture_make(&w->v, &w->room, &w->seen, w->inv, NOW), 0);
	return &w->v;
}

static int decided(struct world *w, struct action *out)
{
	static const struct decide_limits limits = DECIDE_LIMITS;

	look(w);
	return decide(&w->v, &limits, out, 4);
}

static void set_with(struct world *w, const char *set_name, int start, const char *name, const char *value)
{
	char text[512];
	JSON_CLEANUP cJSON *set = NULL;

	snprintf(
		text, sizeof(text),
		"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"%s\",\"uid\":\"uid-%s\",\"annotations\":{"
		"\"%s\":\"%s\"}},\"spec\":{\"replicas\":2,\"ordinals\":{\"start\":%d},\"template\":{\"metadata\":{"
		"\"labels\":{\"app\":\"codis-server\",\"codis.io/product\":\"codis-test\"}},\"spec\":{\"containers\":[{"
		"\"name\":\"codis-server\",\"command\":[\"codis-server\"]}]}}}}",
		set_name, set_name, name, value, start);
	set = parse_text(text);
	assert_int_equal(inventory_set_set(w->inv, set, NULL), 0);
}

static void set_annotation(struct world *w, const char *name, const char *value)
{
	set_with(w, "codis-server", 0, name, value);
}

/* A controller before us has deleted the one that was there, to have it adopted. */
TEST(pod_that_came_back_is_known_over_a_change_of_leader)
{
	WORLD;

	set_annotation(w, "codis.io/adopting", "codis-server-1/uid-codis-server-1");
	assert_false(look(w)->servers[1].pod.came_back); /* it was not deleted yet */
	set_annotation(w, "codis.io/adopting", "codis-server-1/uid-other");
	assert_true(look(w)->servers[1].pod.came_back);
	assert_false(look(w)->servers[0].pod.came_back);
	set_annotation(w, "codis.io/adopting", "codis-server-11/uid-other");
	assert_false(look(w)->servers[1].pod.came_back);
}

TEST(codis_ha_that_acts_beside_us_is_seen)
{
	WORLD;
	struct fixture_pod ha = { .app = "codis-ha", .name = "codis-ha-0", .product = "", .waiting = true };

	fixture_set_pod(w->inv, &ha);
	assert_string_equal(look(w)->ha.name, "");
	ha.waiting = false;
	fixture_set_pod(w->inv, &ha);
	assert_string_equal(look(w)->ha.name, "codis-ha-0");
	ha.args = "[\"--no-maintains\"]";
	fixture_set_pod(w->inv, &ha);
	assert_string_equal(look(w)->ha.name, "");
}

/* It may have been busy. */
TEST(refusal_of_a_role_is_forgotten_after_a_minute)
{
	WORLD;

	w->servers[1].role_refused_ms = NOW - 59999;
	assert_int_equal(look(w)->servers[1].role_refused_ms, NOW - 59999);
	w->servers[1].role_refused_ms = NOW - 60000;
	assert_int_equal(look(w)->servers[1].role_refused_ms, 0);
}

/* Until everybody was heard after it. */
TEST(switch_is_seen_a_second_longer_than_it_takes)
{
	WORLD;

	assert_string_equal(look(w)->groups[0].switching_to, "");
	memcpy(w->group.switching_to, B, sizeof(B));
	assert_string_equal(look(w)->groups[0].switching_to, B);
	w->group.switched_ms = NOW - 999;
	assert_string_equal(look(w)->groups[0].switching_to, B);
	w->group.switched_ms = NOW - 1000;
	assert_string_equal(look(w)->groups[0].switching_to, "");
}

TEST(every_fact_has_its_time)
{
	WORLD;
	const struct cluster_view *v = look(w);

	w->servers[1].link_up_at_ms = NOW - 10;
	w->servers[1].link_down_since_ms = NOW - 5;
	w->servers[1].acted_ms = NOW - 3;
	look(w);
	assert_true(v->kube_fresh && v->coordinator_ready);
	assert_int_equal(v->now_ms, NOW);
	assert_int_equal(v->servers[0].heard_ms, NOW - 10);
	assert_int_equal(v->servers[1].link_up_at_ms, NOW - 10);
	assert_int_equal(v->servers[1].link_down_since_ms, NOW - 5);
	assert_int_equal(v->servers[1].acted_ms, NOW - 3);
	assert_int_equal(v->groups[0].read_ms, NOW - 50);
	assert_int_equal(v->groups[0].version, 7);
	assert_int_equal(v->proxies[0].slots_ms, NOW - 30);
	assert_int_equal(v->dashboard.heard_ms, NOW - 18);
	assert_int_not_equal(v->proxies[0].heard_ms, 0);
	w->servers[0].heard_ms = w->proxy.heard_ms = w->dashboards[0].heard_ms = 0;
	w->dashboards[0].waits_ms = NOW - 17;
	w->topom.lock_heard_ms = NOW - 19;
	v = look(w);
	assert_true(!v->servers[0].heard_ms && !v->proxies[0].heard_ms && !v->dashboard.heard_ms);
	assert_int_equal(v->dashboard.waits_ms, NOW - 17);
	assert_int_equal(v->dashboard.lock_heard_ms, NOW - 19);
	assert_false(v->groups[0].busy);
	assert_int_equal(view_servers_wanted(v), 2);
}

TEST(whoever_does_not_lead_knows_of_pods_and_leaves_them_to_the_leader)
{
	WORLD;
	const struct cluster_view *v = look(w);

	assert_true(v->kube_fresh && v->pods_fresh);
	w->seen.leads = false;
	look(w);
	assert_true(!v->kube_fresh && v->pods_fresh);
	w->seen.kube_fresh = false;
	look(w);
	assert_true(!v->kube_fresh && !v->pods_fresh);
}

TEST(pods_are_found_by_their_addresses)
{
	WORLD;
	const struct cluster_view *v = look(w);

	assert_string_equal(v->servers[0].pod.name, "codis-server-0");
	assert_int_equal(v->servers[1].group, 1);
	assert_int_equal(v->servers[1].ordinal, 1);
	assert_string_equal(v->proxies[0].pod.name, "codis-proxy-0");
	assert_string_equal(v->dashboard.pod.name, "codis-dashboard-0");
	assert_false(v->servers[0].pod.node_lost || v->servers[0].pod.cordoned);
	fixture_set_node(w->inv, false, true);
	look(w);
	assert_true(v->servers[0].pod.node_lost && v->servers[0].pod.cordoned);
}

/* By lost.c; and what others say of the node. */
TEST(lost_nodes_are_told_of)
{
	WORLD;
	const struct observed_node lost = { .name = "node0", .lost_ms = NOW - 5000 };
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *out =
		parse_text("{\"metadata\":{\"name\":\"node0\",\"labels\":{"
			   "\"topology.kubernetes.io/zone\":\"zone-a\"}},\"spec\":{\"taints\":[{\"key\":"
			   "\"node.kubernetes.io/out-of-service\"}]},\"status\":{\"conditions\":["
			   "{\"type\":\"Ready\",\"status\":\"Unknown\"}]}}");
	const struct pod_view *pod = &look(w)->servers[0].pod;

	w->seen.lost = &lost;
	w->seen.lost_count = 1;
	look(w);
	assert_true(!pod->node_lost && !pod->node_lost_ms);
	fixture_set_node(w->inv, false, false);
	look(w);
	assert_int_equal(pod->node_lost_ms, NOW - 5000);
	assert_true(!pod->node_gone && !pod->node_out);
	assert_string_equal(pod->zone, "");
	assert_int_equal(inventory_set_node(w->inv, out, &err), 0);
	look(w);
	assert_true(pod->node_out);
	assert_string_equal(pod->zone, "zone-a");
	inventory_remove_node(w->inv, "node0");
	look(w);
	assert_true(pod->node_lost && pod->node_gone && !pod->node_out);
}

/* A volume that is missing stands in Events alone, while the pod is at ContainerCreating for ever. */
TEST(pod_whose_volumes_do_not_come_is_told_of)
{
	WORLD;
	const struct cluster_view *v;

	fixture_set_pod(w->inv, &(struct fixture_pod){ .app = "codis-server",
						       .name = "codis-server-1",
						       .reason = "ContainerCreating",
						       .unprepared = true });
	v = look(w);
	assert_int_equal(v->waits_count, 1);
	assert_string_equal(v->waits[0].pod, "codis-server-1");
	assert_non_null(strstr(v->waits[0].why, "ContainerCreating, for more than 30 s: a volume "));
	for (int i = 0; i < v->server_count; i++)
		assert_true(strcmp(v->servers[i].pod.name, "codis-server-1") != 0 ||
			    strcmp(v->servers[i].pod.waits, "ContainerCreating") == 0);
}

/* Also those that have no address, and so nothing else tells of them; one cause is told of once. */
TEST(pods_that_do_not_start_are_told_of)
{
	WORLD;
	struct fixture_pod pod = { .app = "codis-proxy", .name = "codis-proxy-1", .reason = "ErrImagePull" };
	static const char *const reasons[] = { "A", "B", "C", "D", "E" };
	const struct cluster_view *v = look(w);
	char name[32];
	int pods = 0;

	assert_int_equal(v->waits_count, 0);
	fixture_set_pod(w->inv, &pod);
	pod.name = "codis-proxy-2";
	fixture_set_pod(w->inv, &pod);
	pod.name = "codis-proxy-3";
	pod.deleting = true;
	fixture_set_pod(w->inv, &pod);
	look(w);
	assert_int_equal(v->waits_count, 1);
	assert_int_equal(v->waits[0].pods, 2);
	assert_string_equal(v->waits[0].why, "ImagePullBackOff, c:9");
	fixture_set_pod(w->inv, &(struct fixture_pod){ .app = "codis-server",
						       .name = "codis-server-1",
						       .ip = "10.0.0.2",
						       .reason = "CreateContainerConfigError" });
	look(w);
	assert_string_equal(v->servers[1].pod.waits, "CreateContainerConfigError");
	assert_int_equal(v->waits_count, 2);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		snprintf(name, sizeof(name), "codis-dashboard-%zu", i + 1);
		fixture_set_pod(w->inv,
				&(struct fixture_pod){ .app = "codis-dashboard", .name = name, .reason = reasons[i] });
	}
	look(w);
	assert_int_equal(v->waits_count, VIEW_WAITS);
	for (int i = 0; i < VIEW_WAITS; i++)
		pods += v->waits[i].pods;
	assert_int_equal(pods + v->waits_more, 8); /* of six causes */
}

/* Of its own namespace, and of the one that it names. */
TEST(members_of_zookeeper_are_told_of)
{
	WORLD;
	const struct cluster_view *v;

	fixture_set_pod(w->inv, &(struct fixture_pod){ .product = "", .app = "zk", .name = "zk-0", .ip = "10.0.9.1" });
	fixture_set_pod(
		w->inv,
		&(struct fixture_pod){ .namespace = "infra", .product = "", .app = "zookeeper", .name = "ensemble-0" });
	v = look(w);
	assert_int_equal(v->zookeeper_count, 1);
	assert_string_equal(v->zookeepers[0].set, "zk");
	assert_string_equal(v->zookeepers[0].namespace, "ns");
	w->seen.zookeeper_namespace = "infra";
	v = look(w);
	assert_int_equal(v->zookeeper_count, 2);
	assert_string_equal(v->zookeepers[1].pod.name, "ensemble-0");
	assert_false(v->zookeeper_busy);
	assert_false(v->zookeepers[0].heard);
	w->seen.zookeepers_heard = "10.0.9.12:2181,10.0.9.1:2181";
	v = look(w);
	assert_true(v->zookeepers[0].heard);
	assert_false(v->zookeepers[1].heard);
	w->seen.zookeepers_heard = "10.0.9.12:2181";
	assert_false(look(w)->zookeepers[0].heard);
	w->seen.zookeeper_acted_ms = NOW - 1999;
	assert_true(look(w)->zookeeper_busy);
	w->seen.zookeeper_acted_ms = NOW - 2000;
	assert_false(look(w)->zookeeper_busy);
	w->seen.zookeeper_running = 1;
	assert_true(look(w)->zookeeper_busy);
}

/* What it said before its setting was changed tells nothing; one that takes none is asked more and more seldom. */
TEST(setting_is_busy_until_it_is_heard)
{
	WORLD;
	struct observed_server *s = &w->servers[0];

	assert_false(look(w)->servers[0].setting_busy);
	s->setting_running = 1;
	assert_true(look(w)->servers[0].setting_busy);
	s->setting_running = 0;
	s->setting_ms = s->heard_ms + 1;
	assert_true(look(w)->servers[0].setting_busy);
	s->setting_ms = s->heard_ms; /* it may have been said before */
	assert_true(look(w)->servers[0].setting_busy);
	s->setting_ms = s->heard_ms - 1;
	assert_false(look(w)->servers[0].setting_busy);
	s->setting_failures = 1;
	s->setting_ms = NOW - 999;
	s->heard_ms = NOW - 10;
	assert_true(look(w)->servers[0].setting_busy);
	s->setting_ms = NOW - 1000;
	assert_false(look(w)->servers[0].setting_busy);
	s->setting_failures = 99;
	s->setting_ms = NOW - 31999;
	assert_true(look(w)->servers[0].setting_busy);
}

TEST(port_is_the_pods)
{
	WORLD;

	fixture_set_pod(w->inv, &(struct fixture_pod){ .app = "codis-server",
						       .name = "codis-server-1",
						       .ip = "10.0.0.2",
						       .args = "[\"/etc/redis.conf\",\"--port\",\"7000\"]" });
	look(w);
	assert_string_equal(w->v.servers[1].pod.name, ""); /* 10.0.0.2:6379 is nobody's */
	assert_int_equal(w->v.server_count, 3);
	assert_string_equal(w->v.servers[2].addr, "10.0.0.2:7000");
}

/* The address that a list has was given to a pod of another cluster. */
TEST(address_of_another_clusters_pod)
{
	WORLD;
	struct action out[4];

	inventory_remove_pod(w->inv, "uid-codis-server-1");
	fixture_set_pod(w->inv, &(struct fixture_pod){ .namespace = "other",
						       .app = "codis-server",
						       .name = "codis-server-0",
						       .uid = "other",
						       .ip = "10.0.0.2" });
	w->servers[1].info.role = REDIS_ROLE_MASTER;
	assert_true(look(w)->servers[1].of_another);
	assert_int_equal(w->v.servers[1].group, 0);
	assert_string_equal(w->v.servers[1].pod.name, "");
	assert_int_equal(decided(w, out), 1);
	assert_int_equal(out[0].kind, ACT_DROP_SERVER);
	assert_string_equal(out[0].addr, B);
	/* In the network of the node: one of ours waits there to bind it. */
	fixture_set_pod(w->inv, &(struct fixture_pod){ .app = "codis-server",
						       .name = "codis-server-1",
						       .uid = "codis-server-1",
						       .ip = "10.0.0.2",
						       .waiting = true });
	assert_true(look(w)->servers[1].of_another);
	assert_string_equal(w->v.servers[2].pod.name, "codis-server-1");
	assert_string_equal(w->v.servers[2].addr, "");
	inventory_remove_pod(w->inv, "uid-other");
	assert_false(look(w)->servers[1].of_another);
	assert_string_equal(w->v.servers[1].pod.name, "codis-server-1");
}

TEST(what_is_known_of_a_promotion_is_shown)
{
	WORLD;

	w->servers[1].succession = (struct succession){ .how = SUCCESSION_BEHIND, .led_ms = NOW - 50 };
	memcpy(w->group.taken_back, B, sizeof(B));
	w->group.taken_back_ms = NOW - 7;
	w->group.claimed_ms = NOW - 3;
	look(w);
	assert_int_equal(w->v.groups[0].claimed_ms, NOW - 3);
	assert_int_equal(w->v.servers[1].succession.how, SUCCESSION_BEHIND);
	assert_int_equal(w->v.servers[1].succession.led_ms, NOW - 50);
	assert_string_equal(w->v.groups[0].taken_back, B);
	assert_int_equal(w->v.groups[0].taken_back_ms, NOW - 7);
}

TEST(process_that_is_remembered)
{
	WORLD;

	assert_false(look(w)->servers[1].remembered);
	memcpy(w->servers[1].role_run_id, w->servers[1].info.run_id, sizeof(w->servers[1].role_run_id));
	assert_true(look(w)->servers[1].remembered);
	w->servers[1].role_run_id[0]++;
	assert_false(look(w)->servers[1].remembered);
}

TEST(group_of_a_process_is_remembered_while_it_is_silent)
{
	WORLD;

	memcpy(w->servers[1].role_run_id, w->servers[1].info.run_id, sizeof(w->servers[1].role_run_id));
	w->servers[1].role_group = 1;
	assert_int_equal(look(w)->servers[1].remembered_group, 1);
	w->servers[1].info_valid = false; /* its connection has dropped */
	assert_int_equal(look(w)->servers[1].remembered_group, 1);
	w->servers[1].reach = REACH_SILENT;
	assert_int_equal(look(w)->servers[1].remembered_group, 1);
	w->servers[1].reach = REACH_REFUSED;
	assert_int_equal(look(w)->servers[1].remembered_group, 0);
	w->servers[1].reach = REACH_OK;
	w->servers[1].role_run_id[0]++;
	assert_int_equal(look(w)->servers[1].remembered_group, 0);
}

TEST(name_of_zookeeper_is_cut_between_characters)
{
	WORLD;
	BUF_CLEANUP struct buf name = BUF_INIT(1024);

	buf_addch(&name, 'z');
	for (int i = 0; i < 100; i++)
		buf_addstr(&name, "\xe2\x82\xac");
	w->seen.zookeeper_name = name.data;
	look(w);
	assert_int_equal(strlen(w->v.zookeeper_name), 1 + 84 * 3);
}

TEST(volume_that_outlives_its_pod)
{
	WORLD;

	assert_false(look(w)->servers[0].pod.keeps_data); /* an emptyDir */
	fixture_set_pod(w->inv,
			&(struct fixture_pod){
				.app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1", .claim = true });
	assert_true(look(w)->servers[0].pod.keeps_data);
}

TEST(pod_that_is_gone_is_told_from_one_that_was_never_seen)
{
	WORLD;

	snprintf(w->servers[0].uid, sizeof(w->servers[0].uid), "uid-codis-server-0");
	snprintf(w->servers[0].pod_name, sizeof(w->servers[0].pod_name), "codis-server-0");
	w->servers[0].pod_group = 1;
	w->proxy.had_pod = true;
	look(w);
	assert_false(w->v.servers[0].pod_gone || w->v.proxies[0].pod_gone);
	assert_string_equal(w->v.servers[0].gone_name, "");
	inventory_remove_pod(w->inv, "uid-codis-server-0");
	inventory_remove_pod(w->inv, "uid-codis-proxy-0");
	look(w);
	assert_true(w->v.servers[0].pod_gone && w->v.proxies[0].pod_gone);
	assert_string_equal(w->v.servers[0].gone_name, "codis-server-0");
	assert_int_equal(w->v.servers[0].gone_group, 1);
	w->servers[0].uid[0] = '\0';
	w->proxy.had_pod = false;
	look(w);
	assert_false(w->v.servers[0].pod_gone || w->v.proxies[0].pod_gone);
}

/* A person promotes B in codis-fe; our copy of the node is from before. B must not be made a replica of the old master,
 * nor the proxies be turned back to it. */
TEST(nothing_is_decided_while_a_new_role_contradicts_an_old_node)
{
	WORLD;
	struct action a[4];

	w->servers[1].info.role = REDIS_ROLE_MASTER;
	w->group.doubted_ms = w->servers[1].heard_ms; /* as roster_hear() notes it */
	for (int i = 0; i < CODIS_SLOTS; i++) {
		w->proxy.slots[i] = (struct codis_slot){ .id = (int16_t)i, .group = 1 };
		snprintf(w->proxy.slots[i].addr, CODIS_ADDR_MAX, "%s", B);
		w->topom.slot_group[i] = 1;
	}
	w->topom.slots_known = true;
	set_annotation(w, "codis.io/had-slots", "1");
	assert_int_equal(decided(w, a), 0);
	assert_true(w->v.groups[0].busy);
	w->group.doubted_ms = 0; /* all of that is how it is: B took a role that nobody gave it */
	assert_int_equal(decided(w, a), 2);
	assert_int_equal(a[0].kind, ACT_FOLLOW);
	assert_string_equal(a[0].addr, B);
	assert_int_equal(a[1].kind, ACT_FILL_PROXY);
}

/* One with lower numbers comes later: what is noted stays where it is, and each is asked by itself. */
TEST(what_is_noted_of_slots_is_found_on_whichever_statefulset_has_it)
{
	WORLD;

	set_annotation(w, "codis.io/scale-to", "0");
	set_with(w, "codis-server-b", 20, "codis.io/had-slots", "1,11");
	look(w);
	assert_int_equal(w->v.set_count, 2);
	assert_int_equal(w->v.scaling.home, 1);
	assert_true(w->v.scaling.had_noted && gids_have(&w->v.scaling.had, 11));
	assert_true(w->v.sets[0].asked);
	assert_int_equal(w->v.sets[0].servers, 0);
	assert_false(w->v.sets[1].asked);
	set_with(w, "codis-server-b", 20, "codis.io/scale-to", "0");
	look(w);
	assert_int_equal(w->v.sets[0].servers, -1); /* nobody would be left */
	assert_int_equal(w->v.sets[1].servers, -1);
	assert_int_equal(w->v.scaling.home, 0);
	set_with(w, "codis-server", 0, "codis.io/had-slots", "1");
	set_with(w, "codis-server-b", 20, "codis.io/had-slots", "11");
	look(w);
	assert_int_equal(w->v.scaling.home, 0);
}

/* What is noted there of groups whose StatefulSet is gone is none of its own: it may be scaled all the same. */
TEST(of_what_is_noted_of_slots_the_last_of_its_own_groups_counts)
{
	WORLD;

	set_annotation(w, "codis.io/slots", "1=512/10,9=512/10");
	look(w);
	assert_int_equal(w->v.sets[0].last_noted, 1);
	set_annotation(w, "codis.io/slots", "none");
	look(w);
	assert_int_equal(w->v.sets[0].last_noted, 0);
}

TEST(member_without_an_address_is_expected)
{
	WORLD;
	struct action a[4];

	/* After a power loss: A's pod waits for its node, B is back, empty and guarded, under another address. */
	fixture_set_pod(w->inv, &(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0" });
	fixture_set_pod(w->inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-1", .ip = "10.0.0.3" });
	w->servers[0].reach = w->servers[1].reach = REACH_REFUSED;
	w->servers[0].info_valid = w->servers[1].info_valid = false;
	watch_server(w, C);
	follow(&w->servers[2], CODIS_GUARD_ADDR);
	w->servers[2].info.link_up = false;
	w->servers[2].info.offset = 1;
	w->group.masterless_ms = NOW - 100;
	assert_int_equal(decided(w, a), 0);
	assert_int_equal(w->v.server_count, 4);
	assert_string_equal(w->v.servers[3].addr, "");
	assert_string_equal(w->v.servers[3].pod.name, "codis-server-0");
	w->group.masterless_ms = NOW - 15000; /* the stated wait is over */
	assert_int_equal(decided(w, a), 1);
	assert_string_equal(a[0].addr, C);
}

TEST(process_that_restarted_without_the_guard)
{
	WORLD;

	snprintf(w->servers[0].role_run_id, CODIS_RUN_ID_SIZE, "run of %s", A);
	assert_false(look(w)->servers[0].restarted);
	snprintf(w->servers[0].info.run_id, CODIS_RUN_ID_SIZE, "another run");
	assert_true(look(w)->servers[0].restarted);
	w->servers[0].info.loading = true; /* not yet what it will be */
	assert_false(look(w)->servers[0].restarted);
}

TEST(busy_until_all_is_newer_than_what_was_done)
{
	WORLD;

	w->group.acted_ms = NOW - 40; /* the node was read before */
	assert_true(look(w)->groups[0].busy);
	w->group.read_ms = NOW - 20;
	assert_false(look(w)->groups[0].busy);
	w->group.acted_ms = w->group.read_ms = NOW - 5; /* the servers were heard before */
	assert_true(look(w)->groups[0].busy);
	w->servers[0].heard_ms = w->servers[1].heard_ms = NOW;
	assert_false(look(w)->groups[0].busy);
	w->group.running = 1;
	assert_true(look(w)->groups[0].busy);
	w->group.running = 0;
	snprintf(w->group.unreadable, sizeof(w->group.unreadable), "it says that it is group 7");
	assert_true(look(w)->groups[0].busy);
	assert_string_equal(look(w)->groups[0].unreadable, "it says that it is group 7");
}

TEST(busy_while_a_role_contradicts_the_node)
{
	WORLD;

	w->group.doubted_ms = NOW - 49; /* the node was read before that */
	assert_true(look(w)->groups[0].busy);
	w->group.read_ms = NOW - 49;
	assert_false(look(w)->groups[0].busy);
}

TEST(member_that_takes_connections_and_drops_them_is_not_awaited_for_ever)
{
	WORLD;

	w->servers[1].info_valid = false;
	w->servers[1].heard_ms = NOW - 9000;
	w->group.acted_ms = w->group.read_ms = NOW - 1999;
	assert_true(look(w)->groups[0].busy);
	w->group.acted_ms = w->group.read_ms = NOW - 2000;
	assert_false(look(w)->groups[0].busy);
}

TEST(what_was_read_before_a_jump_of_the_clock_is_read_again)
{
	WORLD;

	w->seen.steady_since_ms = NOW - 10;
	assert_true(look(w)->groups[0].busy);
	w->group.read_ms = NOW - 10;
	assert_false(look(w)->groups[0].busy);
}

TEST(nodes_from_before_zookeeper_was_away_count_for_nothing)
{
	WORLD;

	w->seen.connected_since_ms = NOW - 10; /* it came back after all was read */
	assert_false(look(w)->coordinator_ready);
	assert_true(w->v.groups[0].busy);
	w->seen.listed_ms = NOW - 10;
	assert_true(look(w)->coordinator_ready);
	assert_true(w->v.groups[0].busy);
	w->group.read_ms = NOW - 10;
	assert_false(look(w)->groups[0].busy);
}

TEST(promotion_is_idle_when_the_dashboard_has_answered_since)
{
	WORLD;

	snprintf(w->group.node.promoting_state, 16, "preparing");
	snprintf(w->group.unread_master, CODIS_ADDR_MAX, "10.0.0.7:6379");
	w->group.promoting_since_ms = NOW - 15; /* its last answer was to a question from before */
	assert_false(look(w)->groups[0].promoting_idle);
	assert_string_equal(w->v.groups[0].unread_master, "10.0.0.7:6379");
	w->dashboards[0].told_ms = NOW - 14;
	w->dashboards[0].heard_ms = NOW - 12;
	assert_false(look(w)->groups[0].promoting_idle); /* the node was read before that answer: it may have ended */
	w->group.read_ms = NOW - 11;
	assert_true(look(w)->groups[0].promoting_idle);
}

TEST(promotion_of_a_dashboard_that_does_not_answer)
{
	WORLD;

	snprintf(w->group.node.promoting_state, 16, "preparing");
	w->dashboards[0].reach = REACH_SILENT;
	w->dashboards[0].since_ms = NOW - 5000;
	assert_false(look(w)->groups[0].promoting_idle);
	w->dashboards[0].since_ms = NOW - 5001;
	assert_true(look(w)->groups[0].promoting_idle);
	w->dashboards[0].since_ms = NOW - 100;
	w->dashboards[0].reach = REACH_REFUSED;
	assert_true(look(w)->groups[0].promoting_idle);
}

/* It refused, began, and is at work before its first answer to us. */
TEST(promotion_of_a_dashboard_that_refused_before_it_began)
{
	WORLD;

	snprintf(w->group.node.promoting_state, 16, "finished");
	w->group.promoting_since_ms = NOW - 20;
	w->dashboards[0].reach = REACH_REFUSED; /* asked when that was not seen yet */
	assert_false(look(w)->groups[0].promoting_idle);
	w->dashboards[0].told_ms = NOW - 19;
	assert_true(look(w)->groups[0].promoting_idle);
}

/* It serves, and the API server is not reached, which would tell of its pod: its lock does. */
TEST(promotion_of_a_dashboard_whose_pod_is_not_known_is_given_its_time)
{
	WORLD;

	snprintf(w->group.node.promoting_state, 16, "finished");
	w->group.promoting_since_ms = NOW - 5000;
	w->dashboards[0].reach = REACH_REFUSED;
	w->topom.addr[0] = '\0';
	w->topom.lock_exists = 0;
	w->topom.lock_read_ms = NOW - 5000; /* it may have been taken since */
	assert_false(look(w)->groups[0].promoting_idle);
	w->topom.lock_read_ms = NOW - 4999;
	assert_true(look(w)->groups[0].promoting_idle);
	w->topom.lock_exists = 1;
	snprintf(w->topom.lock_addr, CODIS_ADDR_MAX, D);
	assert_true(look(w)->groups[0].promoting_idle); /* by the one that refuses */
	snprintf(w->topom.lock_addr, CODIS_ADDR_MAX, D2);
	assert_false(look(w)->groups[0].promoting_idle);
	snprintf(w->topom.left, CODIS_ADDR_MAX, D2); /* its pod is gone, and its lock is left */
	assert_true(look(w)->groups[0].promoting_idle);
	w->topom.left[0] = '\0';
	w->group.promoting_since_ms = NOW - 5001;
	assert_true(look(w)->groups[0].promoting_idle);
}

/* It was silent to us before, as when the way to it is cut, and may be at work all the same. */
TEST(promotion_of_a_dashboard_that_we_do_not_hear_is_given_its_time)
{
	WORLD;

	snprintf(w->group.node.promoting_state, 16, "preparing");
	w->dashboards[0].reach = REACH_SILENT;
	w->dashboards[0].since_ms = NOW - 60000;
	w->group.promoting_since_ms = NOW - 5000;
	assert_false(look(w)->groups[0].promoting_idle);
	w->group.promoting_since_ms = NOW - 5001;
	assert_true(look(w)->groups[0].promoting_idle);
}

/* This controller has just begun, in the middle of a person's promotion. */
TEST(promotion_of_a_dashboard_that_was_not_heard_yet)
{
	WORLD;

	snprintf(w->group.node.promoting_state, 16, "prepared");
	w->group.promoting_since_ms = NOW - 15;
	w->dashboards[0].reach = REACH_UNKNOWN;
	w->dashboards[0].told_ms = w->dashboards[0].heard_ms = 0;
	assert_false(look(w)->groups[0].promoting_idle);
	w->dashboards[0].told_ms = NOW - 15; /* it was asked before that was seen */
	assert_false(look(w)->groups[0].promoting_idle);
	w->dashboards[0].told_ms = NOW - 14; /* it waits for its lock */
	assert_true(look(w)->groups[0].promoting_idle);
}

TEST(of_two_dashboards_the_one_that_serves_counts)
{
	WORLD;
	const struct cluster_view *v;
	struct action a[4];

	fixture_set_pod(w->inv, &(struct fixture_pod){
					.app = "codis-dashboard", .name = "codis-dashboard-1", .ip = "10.0.2.2" });
	watch_dashboard(w, D2, "codis-dashboard-1");
	w->dashboards[0].reach = REACH_REFUSED;
	v = look(w);
	assert_int_equal(v->dashboard_count, 2);
	assert_string_equal(v->dashboard.addr, D2);
	assert_int_equal(v->dashboard.reach, REACH_OK);
	/* It is silent for a while, and the lock is its own: whoever waits for it does not get it removed. */
	w->dashboards[1].reach = REACH_UNKNOWN;
	w->dashboards[0].reach = REACH_SILENT;
	w->dashboards[0].since_ms = NOW - 3000;
	w->topom.lock_exists = 1;
	w->topom.lock_read_ms = NOW;
	snprintf(w->topom.lock_addr, CODIS_ADDR_MAX, D2);
	assert_int_equal(decided(w, a), 0);
	assert_string_equal(v->dashboard.addr, D);
	snprintf(w->topom.lock_addr, CODIS_ADDR_MAX, "10.0.2.9:18080"); /* of none of them */
	assert_int_equal(decided(w, a), 1);
	assert_int_equal(a[0].kind, ACT_REMOVE_LOCK);
}

TEST(lock_of_a_dashboard_in_another_namespace_is_seen)
{
	WORLD;

	snprintf(w->topom.lock_addr, CODIS_ADDR_MAX, "%s", D2);
	assert_false(look(w)->dashboard.lock_elsewhere);
	fixture_set_pod(w->inv, &(struct fixture_pod){ .namespace = "tools",
						       .app = "codis-dashboard",
						       .name = "codis-dashboard-7",
						       .ip = "10.0.2.2" });
	assert_true(look(w)->dashboard.lock_elsewhere);
	assert_int_equal(w->v.dashboard.lock_elsewhere_wall_ms, 1767225600000);
	snprintf(w->topom.lock_addr, CODIS_ADDR_MAX, "%s", D); /* its own */
	assert_false(look(w)->dashboard.lock_elsewhere);
	assert_int_equal(w->v.dashboard.lock_elsewhere_wall_ms, 0);
}

TEST(proxy_that_waits_for_its_mutex_has_answered_a_knock)
{
	WORLD;

	w->proxy.knock.stuck_ms = NOW - 3;
	w->proxy.knock.lives_ms = NOW - 2;
	assert_int_equal(look(w)->proxies[0].stuck_ms, NOW - 3);
	assert_int_equal(w->v.proxies[0].lives_ms, NOW - 2);
}

TEST(proxy_behind_an_address_that_another_process_has)
{
	WORLD;

	assert_int_equal(look(w)->proxies[0].reach, REACH_OK);
	snprintf(w->proxy.token, CODIS_TOKEN_MAX, "another");
	assert_false(w->v.proxies[0].replaced);
	assert_int_equal(look(w)->proxies[0].reach, REACH_REFUSED);
	assert_string_equal(w->v.proxies[0].token, "token");
	assert_true(w->v.proxies[0].replaced);
}

TEST(of_two_entries_for_a_proxy_the_old_one_is_to_go)
{
	WORLD;
	struct observed_proxy *p = &w->proxy;

	snprintf(p->other_token, CODIS_TOKEN_MAX, "old");
	p->registered_version = 5;
	p->other_version = 1;
	assert_string_equal(look(w)->proxies[0].token, "old");
	assert_int_equal(w->v.proxies[0].registered_version, 1);
	assert_int_equal(w->v.proxies[0].reach, REACH_REFUSED);
	snprintf(p->token, CODIS_TOKEN_MAX, "old"); /* the other way round */
	assert_string_equal(look(w)->proxies[0].token, "token");
	assert_int_equal(w->v.proxies[0].registered_version, 5);
	assert_int_equal(w->v.proxies[0].reach, REACH_REFUSED);
	p->reach = REACH_SILENT; /* who it is cannot be told */
	assert_string_equal(look(w)->proxies[0].token, "token");
	assert_int_equal(w->v.proxies[0].reach, REACH_SILENT);
}

TEST(proxy_that_has_not_answered_to_a_fill_is_mute_until_it_is_heard)
{
	WORLD;

	w->proxy.heard_ms = NOW - 500;
	w->proxy.unanswered_ms = NOW - 400;
	assert_true(look(w)->proxies[0].mute);
	w->proxy.heard_ms = NOW - 300;
	assert_false(look(w)->proxies[0].mute);
}

TEST(proxy_is_left_alone_until_it_was_heard_again)
{
	WORLD;

	w->proxy.acted_ms = NOW - 999;
	w->proxy.heard_ms = NOW - 1;
	assert_true(look(w)->proxies[0].busy);
	w->proxy.acted_ms = NOW - 1000;
	assert_false(look(w)->proxies[0].busy);
	w->proxy.heard_ms = NOW - 1001;
	assert_true(look(w)->proxies[0].busy);
}

/* Or it would be taken in once more: that it is registered is not known yet. */
TEST(proxy_is_left_alone_until_the_nodes_of_proxies_were_read)
{
	WORLD;

	w->seen.connected_since_ms = NOW - 10;
	w->seen.proxies_read_ms = NOW - 11;
	assert_true(look(w)->proxies[0].busy);
	w->seen.proxies_read_ms = NOW - 10;
	assert_false(look(w)->proxies[0].busy);
}

TEST(slots_that_were_heard_before_an_assignment_are_not_known)
{
	WORLD;

	assert_non_null(look(w)->proxies[0].slots);
	w->seen.assigned_ms = NOW - 29;
	assert_null(look(w)->proxies[0].slots);
}

TEST(dashboard_that_is_only_assigning_may_be_ended)
{
	WORLD;

	assert_false(look(w)->dashboard.busy || look(w)->dashboard.assigning);
	w->seen.dashboard_running = w->seen.assigning = 1;
	assert_true(look(w)->dashboard.busy && look(w)->dashboard.assigning);
	w->seen.dashboard_running = 2; /* its pod is being deleted */
	assert_true(look(w)->dashboard.busy && !look(w)->dashboard.assigning);
	w->seen.dashboard_running = 1;
	w->seen.dashboard_acted_ms = w->dashboards[0].told_ms + 1; /* ... was, just now */
	assert_true(look(w)->dashboard.busy && !look(w)->dashboard.assigning);
	w->seen.dashboard_acted_ms = w->dashboards[0].told_ms;
	assert_true(look(w)->dashboard.assigning);
	w->seen.dashboard_running = w->seen.assigning = 0;
	assert_false(look(w)->dashboard.busy || look(w)->dashboard.assigning);
}

TEST(one_process_under_a_name_and_an_address)
{
	WORLD;
	struct action a[4];
	const struct server_view *named;

	/* The group lists B by name; B's pod follows A, so it would be added a second time at most, never told to
	 * follow itself. */
	snprintf(w->servers[1].addr, CODIS_ADDR_MAX, "codis-server-1.codis-server:6379");
	snprintf(w->group.node.servers[1].addr, CODIS_ADDR_MAX, "codis-server-1.codis-server:6379");
	w->servers[1].named = true;
	w->servers[1].reach = REACH_UNKNOWN;
	w->servers[1].info_valid = false;
	look(w);
	named = view_server(&w->v, "codis-server-1.codis-server:6379");
	assert_true(named && named->named);
	/* The master is listed under two addresses: it is one process. */
	snprintf(w->servers[1].addr, CODIS_ADDR_MAX, "%s", B);
	snprintf(w->group.node.servers[1].addr, CODIS_ADDR_MAX, "%s", B);
	w->servers[1].named = false;
	w->servers[1].reach = REACH_OK;
	w->servers[1].info_valid = true;
	w->servers[1].info = w->servers[0].info;
	for (int i = decided(w, a) - 1; i >= 0; i--)
		assert_int_not_equal(a[i].kind, ACT_FOLLOW);
}

TEST(statefulset_that_begins_with_another_ordinal)
{
	WORLD;

	fixture_set_set(w->inv, 4, 2);
	look(w);
	assert_int_equal(view_groups_wanted(&w->v), 2);
	assert_int_equal(view_wanted_group(&w->v, 0), 2);
}

TEST(more_servers_than_any_limit)
{
	WORLD;
	enum { MANY = 700 };
	struct observed_server *many = calloc(MANY, sizeof(*many)), *list[MANY];

	for (int i = 0; i < MANY; i++) {
		snprintf(many[i].addr, CODIS_ADDR_MAX, "10.1.%03d.%03d:6379", i / 200, i % 200);
		many[i].listed_group = 1;
		list[i] = &many[i];
	}
	w->seen.servers = list;
	w->seen.server_count = MANY;
	look(w);
	assert_int_equal(w->v.server_count, MANY + 2); /* and two pods that nobody watches */
	assert_int_equal(w->v.groups[0].member_count, MANY + 2);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(view_server(&w->v, many[i].addr), &w->v.servers[i]);
	free(many);
}

static void give_address_away(struct world *w, const char *ip, const char *app)
{
	fixture_set_pod(
		w->inv,
		&(struct fixture_pod){
			.namespace = "tenant", .product = "codis-test", .app = app, .name = "stranger-0", .ip = ip });
}

/* Two clusters of one product name have the same XAuth: its slots would be filled with ours. */
TEST(proxy_whose_address_another_clusters_pod_has_is_gone)
{
	WORLD;

	inventory_remove_pod(w->inv, "uid-codis-proxy-0");
	look(w);
	assert_int_equal(w->v.proxies[0].reach, REACH_OK);
	give_address_away(w, "10.0.1.1", "codis-proxy");
	look(w);
	assert_int_equal(w->v.proxies[0].reach, REACH_REFUSED);
	assert_null(w->v.proxies[0].slots);
}
