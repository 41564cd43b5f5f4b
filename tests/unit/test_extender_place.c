#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/extender_fixture.h"
#include "tests/unit/test.h"

/* Places a pod on the named nodes (a list that ends with NULL) and keeps what came out. */
struct placed {
	cJSON *pod;
	struct place_pod who;
	const char *names[32];
	struct extender_args args;
	struct place_node nodes[32];
	size_t order[32], offer;
};

static void place(struct placed *p, const struct cluster *c, const struct reservations *r, cJSON *pod,
		  const char *const *names)
{
	struct error err = ERROR_INIT;

	memset(p, 0, sizeof(*p));
	p->pod = pod;
	if (place_pod_of(pod, &p->who, &err) < 0)
		fail_msg("%s", err.text);
	while (names[p->args.count]) {
		p->names[p->args.count] = names[p->args.count];
		p->args.count++;
	}
	p->args.pod = pod;
	p->args.names = p->names;
	assert_int_equal(place_nodes(c, r, &p->who, &p->args, WALL_MS, p->nodes, &err), 0);
	p->offer = place_offer(&p->who, p->nodes, p->args.count, p->order);
}

static void placed_release(struct placed *p)
{
	cJSON_Delete(p->pod);
}

static const char *best(const struct placed *p)
{
	return p->offer ? p->names[p->order[0]] : "";
}

static void assert_reason(const struct placed *p, size_t i, const char *want)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1024);

	place_reason(&p->who, &p->nodes[i], &text);
	assert_string_equal(text.data, want);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

TEST(a_member_of_the_group_refuses_its_node)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;

	add_plain_node(&c, "n1");
	add_plain_node(&c, "n2");
	add_pod(&c, server_pod(0, "n1"));
	place(&p, &c, &r, server_pod(1, ""), NAMES("n1", "n2"));
	assert_int_equal(p.nodes[0].refusal, PLACE_TAKEN);
	assert_reason(&p, 0, "group 1 of codis-test already has codis-server-0 here");
	assert_int_equal(p.nodes[1].refusal, PLACE_PASSES);
	assert_string_equal(best(&p), "n2");
	placed_release(&p);
	/* Another group may stand there. */
	place(&p, &c, &r, server_pod(2, ""), NAMES("n1"));
	assert_string_equal(best(&p), "n1");
	placed_release(&p);
	cluster_release(&c);
}

TEST(other_namespaces_and_products_are_other_groups)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;
	cJSON *elsewhere = server_pod(0, "n1");

	add_plain_node(&c, "n1");
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(elsewhere, "metadata"), "namespace", cJSON_CreateString("other"));
	add_pod(&c, elsewhere);
	add_pod(&c, stock_pod("codis-server", "codis-server", 0, "shop", 2, "n1", ""));
	place(&p, &c, &r, server_pod(1, ""), NAMES("n1"));
	assert_int_equal(p.nodes[0].refusal, PLACE_PASSES);
	placed_release(&p);
	cluster_release(&c);
}

/* The pod that it replaces stands in the way of nobody but, for a moment, in the watch's. */
TEST(its_own_forerunner_does_not_refuse)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;
	cJSON *old = server_pod(1, "n1");

	add_plain_node(&c, "n1");
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(old, "metadata"), "uid", cJSON_CreateString("of-old"));
	add_pod(&c, old);
	place(&p, &c, &r, server_pod(1, ""), NAMES("n1"));
	assert_int_equal(p.nodes[0].refusal, PLACE_PASSES);
	placed_release(&p);
	cluster_release(&c);
}

TEST(a_promise_refuses_until_it_is_dropped)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct codis_identity id = { CODIS_SERVER, "codis-test", 0, 1, 2 };
	struct placed p;

	add_plain_node(&c, "n1");
	assert_int_equal(reserve(&r, "u0", "default", "codis-server-0", &id, NAMES("n2", "n1"), 2, 1000), 0);
	place(&p, &c, &r, server_pod(1, ""), NAMES("n1", "n3"));
	assert_int_equal(p.nodes[0].refusal, PLACE_PROMISED);
	assert_reason(&p, 0, "codis-server-0 of group 1 of codis-test is just being placed, maybe here");
	assert_string_equal(best(&p), "n3");
	placed_release(&p);

	assert_int_equal(reserve_expire(&r, 999), 0);
	assert_int_equal(reserve_expire(&r, 1000), 1);
	place(&p, &c, &r, server_pod(1, ""), NAMES("n1"));
	assert_int_equal(p.nodes[0].refusal, PLACE_PASSES);
	placed_release(&p);
	cluster_release(&c);
	reservations_release(&r);
}

TEST(soft_spread_shares_a_node_only_as_the_last_resort)
{
	static const char soft[] = ",\"annotations\":{\"codis.io/spread\":\"soft\"}";
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;

	add_plain_node(&c, "n1");
	add_node(&c, "n2", "", "False", "2023-11-14T22:00:00Z"); /* even this one is better */
	add_pod(&c, server_pod(0, "n1"));
	place(&p, &c, &r, stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", soft), NAMES("n1", "n2"));
	assert_int_equal(p.nodes[0].refusal, PLACE_PASSES);
	assert_string_equal(best(&p), "n2");
	placed_release(&p);
	place(&p, &c, &r, stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", soft), NAMES("n1"));
	assert_string_equal(best(&p), "n1");
	placed_release(&p);
	cluster_release(&c);
}

TEST(a_topology_key_makes_wider_domains)
{
	static const char by_rack[] = ",\"annotations\":{\"codis.io/topology-key\":\"example.com/rack\"}";
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;

	add_node(&c, "n1", ",\"example.com/rack\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(&c, "n2", ",\"example.com/rack\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(&c, "n3", ",\"example.com/rack\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_plain_node(&c, "n4");
	add_pod(&c, server_pod(0, "n1"));
	place(&p, &c, &r, stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", by_rack),
	      NAMES("n1", "n2", "n3", "n4", "n5"));
	assert_reason(&p, 0, "group 1 of codis-test already has codis-server-0 in example.com/rack a");
	assert_reason(&p, 1, "group 1 of codis-test already has codis-server-0 in example.com/rack a");
	assert_int_equal(p.nodes[2].refusal, PLACE_PASSES);
	assert_reason(&p, 3,
		      "group 1 of codis-test is spread over example.com/rack, a label that this node does not have");
	assert_reason(&p, 4, "codis-extender has not seen this node yet");
	assert_string_equal(best(&p), "n3");
	placed_release(&p);
	cluster_release(&c);
}

TEST(better_nodes_come_first)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;

	add_node(&c, "near", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(&c, "same-zone", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(&c, "busy", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_node(&c, "idle", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_node(&c, "flaky", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2023-11-14T22:10:00Z");
	add_node(&c, "down", ",\"topology.kubernetes.io/zone\":\"b\"", "Unknown", "2023-11-14T20:10:00Z");
	add_pod(&c, server_pod(0, "near"));
	add_pod(&c, server_pod(2, "busy"));
	place(&p, &c, &r, server_pod(1, ""), NAMES("down", "flaky", "same-zone", "near", "busy", "idle"));
	assert_int_equal(p.nodes[3].refusal, PLACE_TAKEN);
	assert_string_equal(p.names[p.order[0]], "idle");
	assert_string_equal(p.names[p.order[1]], "busy");
	assert_string_equal(p.names[p.order[2]], "same-zone");
	assert_string_equal(p.names[p.order[3]], "flaky");
	assert_string_equal(p.names[p.order[4]], "down");
	placed_release(&p);
	cluster_release(&c);
}

/* First members are the masters as a rule; two of them on one node fall together. */
TEST(masters_spread_before_servers)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;

	add_plain_node(&c, "master");
	add_plain_node(&c, "replicas");
	add_pod(&c, server_pod(0, "master"));
	add_pod(&c, server_pod(1, "replicas"));
	add_pod(&c, server_pod(5, "replicas"));
	place(&p, &c, &r, server_pod(2, ""), NAMES("master", "replicas"));
	assert_string_equal(best(&p), "replicas");
	placed_release(&p);
	place(&p, &c, &r, server_pod(3, ""), NAMES("master", "replicas"));
	assert_string_equal(best(&p), "master");
	placed_release(&p);
	cluster_release(&c);
}

/* Whichever member comes first, the master of the second group finds a node without one. */
TEST(a_replica_leaves_room_for_its_master)
{
	for (int coming = 2; coming <= 3; coming++) {
		struct cluster c = { 0 };
		struct reservations r = { 0 };
		struct placed p;

		add_plain_node(&c, "n1");
		add_plain_node(&c, "n2");
		add_pod(&c, server_pod(0, "n1"));
		add_pod(&c, server_pod(1, "n2"));
		place(&p, &c, &r, server_pod(coming, ""), NAMES("n1", "n2"));
		assert_string_equal(best(&p), coming == 2 ? "n2" : "n1");
		placed_release(&p);
		cluster_release(&c);
	}
}

TEST(the_own_product_spreads_before_all_of_codis)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;

	add_plain_node(&c, "own");
	add_plain_node(&c, "others");
	add_plain_node(&c, "other");
	add_pod(&c, server_pod(2, "own"));
	for (int i = 0; i < 2; i++)
		add_pod(&c, stock_pod("codis-server", "codis-server", i, "shop", 2, "others", ""));
	add_pod(&c, stock_pod("codis-server", "codis-server", 2, "shop", 2, "other", ""));
	place(&p, &c, &r, server_pod(1, ""), NAMES("own", "others", "other"));
	assert_string_equal(p.names[p.order[0]], "other");
	assert_string_equal(p.names[p.order[1]], "others");
	assert_string_equal(p.names[p.order[2]], "own");
	placed_release(&p);
	cluster_release(&c);
}

TEST(a_node_that_was_tried_gives_way)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;
	const char *first;

	add_plain_node(&c, "n1");
	add_plain_node(&c, "n2");
	place(&p, &c, &r, server_pod(0, ""), NAMES("n1", "n2"));
	first = strcmp(best(&p), "n1") == 0 ? "n1" : "n2";
	assert_int_equal(reserve(&r, p.who.uid, "default", p.who.name, &p.who.id, NAMES(first), 1, 1000), 0);
	placed_release(&p);
	place(&p, &c, &r, server_pod(0, ""), NAMES("n1", "n2"));
	assert_string_not_equal(best(&p), first);
	placed_release(&p);
	cluster_release(&c);
	reservations_release(&r);
}

TEST(zookeeper_and_proxies_spread_softly)
{
	struct cluster c = { 0 };
	struct reservations r = { 0 };
	struct placed p;

	add_plain_node(&c, "n1");
	add_plain_node(&c, "n2");
	add_pod(&c, stock_pod("zookeeper", "zookeeper", 0, "codis-test", 2, "n1", ""));
	add_pod(&c, server_pod(0, "n2"));
	add_pod(&c, server_pod(2, "n2"));
	place(&p, &c, &r, stock_pod("zookeeper", "zookeeper", 1, "codis-test", 2, "", ""), NAMES("n1", "n2"));
	assert_string_equal(best(&p), "n2");
	placed_release(&p);
	place(&p, &c, &r, stock_pod("zookeeper", "zookeeper", 1, "codis-test", 2, "", ""), NAMES("n1"));
	assert_string_equal(best(&p), "n1");
	placed_release(&p);
	cluster_release(&c);
}

TEST(pods_that_ended_or_left_do_not_count)
{
	struct cluster c = { 0 };
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *pod = server_pod(0, "n1");

	assert_int_equal(cluster_set_pod(&c, pod, POD_BY_APP, &err), 0);
	assert_int_equal(cluster_set_pod(&c, pod, POD_BY_COMPONENT, &err), 0);
	assert_int_equal(c.members.count, 1);
	cluster_remove_pod(&c, pod_uid(pod), POD_BY_COMPONENT); /* it has lost that label */
	assert_int_equal(c.members.count, 1);
	cluster_remove_pod(&c, pod_uid(pod), POD_BY_APP);
	assert_int_equal(c.members.count, 0);
	assert_int_equal(cluster_set_pod(&c, pod, POD_BY_APP, &err), 0);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(pod, "status"), "phase", "Failed");
	assert_int_equal(cluster_set_pod(&c, pod, POD_BY_APP, &err), 0);
	assert_int_equal(c.members.count, 0);
	cluster_release(&c);
}

TEST(joining_the_cluster_is_no_failure)
{
	struct cluster c = { 0 };

	add_node(&c, "new", "", "True", "2020-01-01T00:01:59Z");
	add_node(&c, "back", "", "True", "2020-01-01T00:02:01Z");
	assert_int_equal(cluster_node(&c, "new")->ready_changed_ms, 0);
	assert_true(cluster_node(&c, "back")->ready_changed_ms > 0);
	assert_null(cluster_node(&c, "other"));
	cluster_remove_node(&c, "new");
	assert_null(cluster_node(&c, "new"));
	cluster_release(&c);
}

/* How many are offered: one on a small cluster, at most 16 of equals on a large one, all to a pod with wishes. */
TEST(offers_grow_with_the_cluster)
{
	enum { NODES = 5000 };
	struct place_node *nodes = test_calloc(NODES, sizeof(*nodes));
	size_t *order = test_calloc(NODES, sizeof(*order));
	struct place_pod p = { .id = { .component = CODIS_SERVER, .server_replica = 2 }, .strict = true };

	for (size_t i = 0; i < NODES; i++)
		nodes[i].name = "n";
	assert_int_equal(place_offer(&p, nodes, 0, order), 0);
	assert_int_equal(place_offer(&p, nodes, 1, order), 1);
	assert_int_equal(place_offer(&p, nodes, 4, order), 1);
	assert_int_equal(place_offer(&p, nodes, 64, order), 4);
	assert_int_equal(place_offer(&p, nodes, NODES, order), PLACE_OFFER_MAX);
	for (size_t i = 3; i < NODES; i++)
		nodes[i].weights[WEIGHT_CODIS] = 1;
	assert_int_equal(place_offer(&p, nodes, NODES, order), 1);
	p.choosy = true;
	assert_int_equal(place_offer(&p, nodes, NODES, order), NODES / 2);
	p.strict = false;
	assert_int_equal(place_offer(&p, nodes, NODES, order), NODES);
	test_free(nodes);
	test_free(order);
}

TEST(preferences_make_a_pod_choosy)
{
	static const struct {
		const char *spec;
		bool choosy;
	} cases[] = {
		{ "{}", false },
		{ "{\"affinity\":{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{}]}}}",
		  false },
		{ "{\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[]}}}", false },
		{ "{\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{}]}}}",
		  true },
		{ "{\"topologySpreadConstraints\":[{\"whenUnsatisfiable\":\"DoNotSchedule\"}]}", false },
		{ "{\"topologySpreadConstraints\":[{\"whenUnsatisfiable\":\"ScheduleAnyway\"}]}", true },
		{ "{\"affinity\":7,\"topologySpreadConstraints\":\"x\"}", false },
	};
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"uid\":\"u\",\"name\":\"p-1\",\"labels\":"
						 "{\"app\":\"codis-proxy\"}},\"spec\":%s}",
						 cases[i].spec);
		struct place_pod p;

		assert_int_equal(place_pod_of(pod, &p, &err), 0);
		assert_int_equal(p.choosy, cases[i].choosy);
	}
}

static const char *explained(const struct cluster *c, int ordinal, const char *message, const char *annotations,
			     struct buf *out)
{
	JSON_CLEANUP cJSON *pod = stock_pod("codis-server", "codis-server", ordinal, "codis-test", 2, "", annotations);
	cJSON *conditions = cJSON_AddArrayToObject(cJSON_AddObjectToObject(pod, "status"), "conditions");

	cJSON_AddItemToArray(conditions,
			     parsed("{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\","
				    "\"message\":\"%s\"}",
				    message));
	buf_reset(out);
	if (!explain_pending(c, pod, out))
		assert_int_equal(out->len, 0);
	return out->data;
}

TEST(a_pending_member_is_told_of_its_group)
{
	static const char theirs[] = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.";
	static const char ours[] = "0/1 nodes are available: 1 group 1 of codis-test already has codis-server-0 here.";
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	struct cluster c = { 0 };

	assert_string_equal(explained(&c, 1, theirs, "", &out), "");
	add_pod(&c, server_pod(0, "n1"));
	assert_non_null(strstr(explained(&c, 1, theirs, "", &out),
			       "group 1 of codis-test has codis-server-0 on n1; codis-server-1 needs a place apart"));
	assert_string_equal(explained(&c, 1, ours, "", &out), "");
	assert_string_equal(explained(&c, 2, theirs, "", &out), "");
	assert_string_equal(explained(&c, 1, theirs, ",\"annotations\":{\"codis.io/spread\":\"soft\"}", &out), "");
	cluster_release(&c);
}
