#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extender/offer.h"
#include "tests/unit/extender_fixture.h"
#include "tests/unit/test.h"

enum { NODES_MAX = 32 };

/* Places a pod on the named nodes (a list that ends with NULL) and keeps what came out. */
struct placed {
	cJSON *pod;
	struct place_pod who;
	const char *names[NODES_MAX];
	struct json_span spans[NODES_MAX];
	struct extender_args args;
	uint32_t order[NODES_MAX], those[NODES_MAX]; /* those that pass, the best first; those that are offered */
	size_t passing, offer;
};

static struct {
	struct inventory *inv;
	struct census census;
	struct reservations promised;
	struct attempts attempts;
	struct placing placing;
	struct placed p; /* the last one */
} w;

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.inv = inventory_new();
	assert_non_null(w.inv);
	assert_int_equal(census_init(&w.census, w.inv), 0);
	reservations_init(&w.promised, &w.census);
	attempts_init(&w.attempts);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	cJSON_Delete(w.p.pod);
	place_pod_release(&w.p.who);
	placing_release(&w.placing);
	reservations_release(&w.promised, false);
	attempts_release(&w.attempts);
	inventory_free(w.inv);
	census_release(&w.census);
	return 0;
}
#define PLACE_TEST(name) TEST_WITH(name, begin, finish)

static int by_key(const void *a, const void *b)
{
	uint64_t x = w.placing.nodes[*(const uint32_t *)a].key, y = w.placing.nodes[*(const uint32_t *)b].key;

	return x < y ? -1 : x > y;
}

/* Takes the pod over. */
static void place(cJSON *pod, const char *const *names)
{
	struct placed *p = &w.p;
	struct error err = ERROR_INIT;

	cJSON_Delete(p->pod);
	place_pod_release(&p->who);
	memset(p, 0, sizeof(*p));
	p->pod = pod;
	if (place_pod_of(pod, &p->who, &err) < 0)
		fail_msg("%s", err.text);
	for (; names[p->args.count]; p->args.count++) {
		p->names[p->args.count] = names[p->args.count];
		p->spans[p->args.count] = (struct json_span){ names[p->args.count], strlen(names[p->args.count]) };
	}
	p->args.names = p->spans;
	place_join(&p->who, w.inv);
	assert_int_equal(place_nodes(&w.placing, w.inv, &w.census, &w.promised,
				     attempts_find(&w.attempts, p->who.pod.uid, 0), &p->who, &p->args, WALL_MS, &err),
			 0);
	for (uint32_t i = 0; i < p->args.count; i++) {
		if (w.placing.nodes[i].refusal == PLACE_PASSES)
			p->order[p->passing++] = i;
	}
	assert_int_equal(p->passing, w.placing.passing);
	qsort(p->order, p->passing, sizeof(p->order[0]), by_key);
	p->offer = offer_nodes(&w.placing, 0, p->those);
}

/* names: a list that ends with NULL. */
static void promise(const char *uid, int ordinal, const char *const *names, int64_t deadline_ms)
{
	char name[64];
	struct reserved pod = { .uid = uid,
				.name = name,
				.member = { "default", "codis-test", CODIS_SERVER, ordinal / 2 + 1, ordinal % 2 },
				.topology_key = CODIS_HOSTNAME_KEY,
				.strict = true };
	struct json_span spans[NODES_MAX];
	uint32_t those[NODES_MAX];
	size_t n = 0;

	snprintf(name, sizeof(name), "codis-server-%d", ordinal);
	for (; names[n]; n++) {
		spans[n] = (struct json_span){ names[n], strlen(names[n]) };
		those[n] = (uint32_t)n;
	}
	assert_int_equal(reservations_add(&w.promised, &pod, spans, those, n, deadline_ms), 0);
}

static const char *best(void)
{
	return w.p.offer ? w.p.names[w.p.those[0]] : "";
}

static void assert_reason(size_t i, const char *want)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1024);

	place_reason(&w.placing, i, &text);
	assert_string_equal(text.data, want);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

PLACE_TEST(a_member_of_the_group_refuses_its_node)
{
	add_plain_node(w.inv, "n1");
	add_plain_node(w.inv, "n2");
	add_pod(w.inv, server_pod(0, "n1"));
	place(server_pod(1, ""), NAMES("n1", "n2"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_TAKEN);
	assert_reason(0, "group 1 of codis-test already has codis-server-0 here");
	assert_int_equal(w.placing.nodes[1].refusal, PLACE_PASSES);
	assert_string_equal(best(), "n2");
	/* Another group may stand there. */
	place(server_pod(2, ""), NAMES("n1"));
	assert_string_equal(best(), "n1");
}

PLACE_TEST(other_namespaces_and_products_are_other_groups)
{
	cJSON *elsewhere = server_pod(0, "n1");

	add_plain_node(w.inv, "n1");
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(elsewhere, "metadata"), "namespace", cJSON_CreateString("other"));
	add_pod(w.inv, elsewhere);
	add_pod(w.inv, stock_pod("codis-server", "codis-server", 0, "shop", 2, "n1", ""));
	place(server_pod(1, ""), NAMES("n1"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_PASSES);
}

/* The pod that it replaces stands in the way of nobody but, for a moment, in the watch's. */
PLACE_TEST(its_own_forerunner_does_not_refuse)
{
	cJSON *old = server_pod(1, "n1");

	add_plain_node(w.inv, "n1");
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(old, "metadata"), "uid", cJSON_CreateString("of-old"));
	add_pod(w.inv, old);
	place(server_pod(1, ""), NAMES("n1"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_PASSES);
}

PLACE_TEST(a_promise_refuses_until_it_is_dropped)
{
	add_plain_node(w.inv, "n1");
	promise("u0", 0, NAMES("n2", "n1"), 1000);
	place(server_pod(1, ""), NAMES("n1", "n3"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_PROMISED);
	assert_reason(0, "codis-server-0 of group 1 of codis-test is just being placed, maybe here");
	assert_string_equal(best(), "n3");

	assert_true(w.placing.transient);

	assert_int_equal(reservations_expire(&w.promised, 999, 999), 0);
	/* A pod that was bound in time may not be seen yet. */
	assert_int_equal(reservations_expire(&w.promised, 5000, 999), 0);
	assert_int_equal(reservations_expire(&w.promised, 5000, 1000), 1);
	place(server_pod(1, ""), NAMES("n1"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_PASSES);
}

PLACE_TEST(soft_spread_shares_a_node_only_as_the_last_resort)
{
	static const char soft[] = ",\"annotations\":{\"codis.io/spread\":\"soft\"}";

	add_plain_node(w.inv, "n1");
	add_node(w.inv, "n2", "", "False", "2023-11-14T22:00:00Z"); /* even this one is better */
	add_pod(w.inv, stock_pod("codis-server", "codis-server", 0, "codis-test", 2, "n1", soft));
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", soft), NAMES("n1", "n2"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_PASSES);
	assert_string_equal(best(), "n2");
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", soft), NAMES("n1"));
	assert_string_equal(best(), "n1");
}

/* As with the scheduler's own rule: who must not share a node shares it with nobody of the group. */
PLACE_TEST(a_strict_member_refuses_soft_ones)
{
	static const char soft[] = ",\"annotations\":{\"codis.io/spread\":\"soft\"}";
	static const char by_zone[] = ",\"annotations\":{\"codis.io/topology-key\":\"topology.kubernetes.io/zone\"}";

	add_node(w.inv, "n1", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "n2", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "n3", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_pod(w.inv, stock_pod("codis-server", "codis-server", 0, "codis-test", 2, "n1", by_zone));
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", soft), NAMES("n1", "n2", "n3"));
	assert_reason(0, "group 1 of codis-test already has codis-server-0 in topology.kubernetes.io/zone a");
	assert_int_equal(w.placing.nodes[1].refusal, PLACE_TAKEN);
	assert_string_equal(best(), "n3");
}

/* A member whose node no watch has brought may be in any zone. */
PLACE_TEST(a_member_on_a_node_that_was_not_seen_refuses_every_zone)
{
	static const char by_zone[] = ",\"annotations\":{\"codis.io/topology-key\":\"topology.kubernetes.io/zone\"}";

	add_node(w.inv, "n2", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "n3", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_pod(w.inv, server_pod(0, "n1"));
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", by_zone), NAMES("n2", "n3"));
	assert_reason(0, "codis-extender has not seen the node of a member of group 1 of codis-test yet");
	assert_true(w.placing.transient);
	assert_int_equal(w.p.offer, 0);
	add_node(w.inv, "n1", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", by_zone), NAMES("n2", "n3"));
	assert_string_equal(best(), "n3");
	/* Its node loses the label, or leaves: it stands where it stood. */
	add_node(w.inv, "n1", "", "True", "2020-01-01T00:00:10Z");
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", by_zone), NAMES("n2", "n3"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_TAKEN);
	inventory_remove_node(w.inv, "n1");
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", by_zone), NAMES("n2", "n3"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_TAKEN);
	assert_string_equal(best(), "n3");
}

/* Kubernetes 1.35 says so before it waits for a volume, which may take longer than any reservation. */
PLACE_TEST(a_nominated_member_stands_there)
{
	JSON_CLEANUP cJSON *pod = server_pod(0, "");
	struct error err = ERROR_INIT;

	add_plain_node(w.inv, "n1");
	add_plain_node(w.inv, "n2");
	cJSON_AddStringToObject(cJSON_AddObjectToObject(pod, "status"), "nominatedNodeName", "n1");
	assert_int_equal(inventory_set_pod(w.inv, pod, &err), 0);
	place(server_pod(1, ""), NAMES("n1", "n2"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_PROMISED);
	assert_string_equal(best(), "n2");
	assert_int_equal(w.census.nodes[w.placing.nodes[0].node].pods, 1);
}

PLACE_TEST(what_a_member_that_is_going_takes_is_free_soon)
{
	add_plain_node(w.inv, "n1");
	add_pod(w.inv, stock_pod("codis-server", "codis-server", 0, "codis-test", 2, "n1",
				 ",\"deletionTimestamp\":\"2023-11-14T22:13:00Z\""));
	place(server_pod(1, ""), NAMES("n1"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_TAKEN);
	assert_true(w.placing.transient);
}

PLACE_TEST(a_topology_key_makes_wider_domains)
{
	static const char by_rack[] = ",\"annotations\":{\"codis.io/topology-key\":\"example.com/rack\"}";

	add_node(w.inv, "n1", ",\"example.com/rack\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "n2", ",\"example.com/rack\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "n3", ",\"example.com/rack\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_plain_node(w.inv, "n4");
	add_pod(w.inv, server_pod(0, "n1"));
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", by_rack),
	      NAMES("n1", "n2", "n3", "n4", "n5"));
	assert_reason(0, "group 1 of codis-test already has codis-server-0 in example.com/rack a");
	assert_reason(1, "group 1 of codis-test already has codis-server-0 in example.com/rack a");
	assert_int_equal(w.placing.nodes[2].refusal, PLACE_PASSES);
	assert_reason(3, "group 1 of codis-test is spread over example.com/rack, a label that this node does not have");
	assert_reason(4, "codis-extender has not seen this node yet");
	assert_string_equal(best(), "n3");
}

/* Apart by zone and rack while a node allows it, and never on one node. */
PLACE_TEST(of_several_topology_keys_the_last_is_strict)
{
	static const char keys[] = ",\"annotations\":{\"codis.io/topology-key\":\"topology.kubernetes.io/"
				   "zone,rack,kubernetes.io/hostname\"}";

	add_node(w.inv, "n1", ",\"topology.kubernetes.io/zone\":\"a\",\"rack\":\"1\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "same-rack", ",\"topology.kubernetes.io/zone\":\"a\",\"rack\":\"1\"", "True",
		 "2020-01-01T00:00:10Z");
	add_node(w.inv, "same-zone", ",\"topology.kubernetes.io/zone\":\"a\",\"rack\":\"2\"", "True",
		 "2020-01-01T00:00:10Z");
	/* Racks of one name in two zones are one rack to whoever named them so; the zone weighs more. */
	add_node(w.inv, "other-zone", ",\"topology.kubernetes.io/zone\":\"b\",\"rack\":\"1\"", "True",
		 "2020-01-01T00:00:10Z");
	add_node(w.inv, "best", ",\"topology.kubernetes.io/zone\":\"b\",\"rack\":\"3\"", "True",
		 "2020-01-01T00:00:10Z");
	for (int i = 2; i < 6; i++) /* which else would speak against them */
		add_pod(w.inv, server_pod(2 * i, i % 2 ? "best" : "other-zone"));
	add_pod(w.inv, stock_pod("codis-server", "codis-server", 0, "codis-test", 2, "n1", keys));
	place(stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", keys),
	      NAMES("n1", "same-rack", "same-zone", "other-zone", "best"));
	assert_reason(0, "group 1 of codis-test already has codis-server-0 here");
	assert_int_equal(w.p.passing, 4);
	assert_string_equal(w.p.names[w.p.order[0]], "best");
	assert_string_equal(w.p.names[w.p.order[1]], "other-zone");
	assert_string_equal(w.p.names[w.p.order[2]], "same-zone");
	assert_string_equal(w.p.names[w.p.order[3]], "same-rack");
}

PLACE_TEST(better_nodes_come_first)
{
	add_node(w.inv, "near", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "same-zone", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "busy", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "idle", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_node(w.inv, "flaky", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2023-11-14T22:10:00Z");
	add_node(w.inv, "down", ",\"topology.kubernetes.io/zone\":\"b\"", "Unknown", "2023-11-14T20:10:00Z");
	add_pod(w.inv, server_pod(0, "near"));
	add_pod(w.inv, server_pod(2, "busy"));
	place(server_pod(1, ""), NAMES("down", "flaky", "same-zone", "near", "busy", "idle"));
	assert_int_equal(w.placing.nodes[3].refusal, PLACE_TAKEN);
	assert_string_equal(w.p.names[w.p.order[0]], "idle");
	assert_string_equal(w.p.names[w.p.order[1]], "busy");
	assert_string_equal(w.p.names[w.p.order[2]], "same-zone");
	assert_string_equal(w.p.names[w.p.order[3]], "flaky");
	assert_string_equal(w.p.names[w.p.order[4]], "down");
}

/* First members are the masters as a rule; two of them on one node fall together. */
PLACE_TEST(masters_spread_before_servers)
{
	add_plain_node(w.inv, "master");
	add_plain_node(w.inv, "replicas");
	add_pod(w.inv, server_pod(0, "master"));
	add_pod(w.inv, server_pod(1, "replicas"));
	add_pod(w.inv, server_pod(5, "replicas"));
	place(server_pod(2, ""), NAMES("master", "replicas"));
	assert_string_equal(best(), "replicas");
	place(server_pod(3, ""), NAMES("master", "replicas"));
	assert_string_equal(best(), "master");
}

/* Whichever member comes first, the master of the second group finds a node without one. */
PLACE_TEST(a_replica_leaves_room_for_its_master)
{
	add_plain_node(w.inv, "n1");
	add_plain_node(w.inv, "n2");
	add_pod(w.inv, server_pod(0, "n1"));
	add_pod(w.inv, server_pod(1, "n2"));
	place(server_pod(2, ""), NAMES("n1", "n2"));
	assert_string_equal(best(), "n2");
	place(server_pod(3, ""), NAMES("n1", "n2"));
	assert_string_equal(best(), "n1");
}

PLACE_TEST(the_own_product_spreads_before_all_of_codis)
{
	add_plain_node(w.inv, "own");
	add_plain_node(w.inv, "others");
	add_plain_node(w.inv, "other");
	add_pod(w.inv, server_pod(0, "elsewhere"));
	add_pod(w.inv, server_pod(2, "own"));
	for (int i = 0; i < 6; i++)
		add_pod(w.inv, stock_pod("codis-server", "shop-server", i, "shop", 2, "others", ""));
	add_pod(w.inv, stock_pod("codis-server", "shop-server", 6, "shop", 2, "other", ""));
	place(server_pod(1, ""), NAMES("own", "others", "other"));
	assert_string_equal(w.p.names[w.p.order[0]], "other");
	assert_string_equal(w.p.names[w.p.order[1]], "others");
	assert_string_equal(w.p.names[w.p.order[2]], "own");
}

/* A node of so much memory, in a zone; taints: entries of its list. */
static void add_sized_node(const char *name, const char *zone, int gib, const char *taints)
{
	JSON_CLEANUP cJSON *node = parsed("{\"metadata\":{\"name\":\"%s\",\"labels\":{\"topology.kubernetes.io/zone\":"
					  "\"%s\"}},\"spec\":{\"taints\":[%s]},\"status\":{\"allocatable\":{"
					  "\"memory\":\"%dGi\"},\"conditions\":[{\"type\":\"Ready\",\"status\":"
					  "\"True\"}]}}",
					  name, zone, taints, gib);

	assert_int_equal(inventory_set_node(w.inv, node, NULL), 0);
}

static cJSON *shop_pod(int ordinal, const char *node)
{
	return stock_pod("codis-server", "shop-server", ordinal, "shop", 2, node, "");
}

/* The same pod, which asks for so much. */
static cJSON *asking(cJSON *pod, const char *memory)
{
	cJSON *container = cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetObjectItem(pod, "spec"), "containers"), 0);
	cJSON *requests = cJSON_AddObjectToObject(cJSON_AddObjectToObject(container, "resources"), "requests");

	cJSON_AddStringToObject(requests, "memory", memory);
	return pod;
}

/* When a node falls, its masters fall together, whosesoever they are. */
PLACE_TEST(masters_of_all_products_count)
{
	add_plain_node(w.inv, "a");
	add_plain_node(w.inv, "b");
	add_pod(w.inv, shop_pod(0, "a"));
	for (int i = 1; i < 4; i++)
		add_pod(w.inv, shop_pod(2 * i + 1, "b"));
	place(server_pod(0, ""), NAMES("a", "b"));
	assert_string_equal(best(), "b");
}

PLACE_TEST(of_nodes_with_as_many_masters_one_that_has_none_of_the_product_is_better)
{
	add_plain_node(w.inv, "a");
	add_plain_node(w.inv, "b");
	add_pod(w.inv, shop_pod(0, "a"));
	add_pod(w.inv, server_pod(3, "a"));
	add_pod(w.inv, server_pod(2, "b"));
	add_pod(w.inv, shop_pod(1, "b"));
	place(server_pod(0, ""), NAMES("a", "b"));
	assert_string_equal(best(), "a");
	place(shop_pod(2, ""), NAMES("a", "b"));
	assert_string_equal(best(), "b");
}

PLACE_TEST(bigger_nodes_take_more_masters)
{
	add_sized_node("big", "a", 64, "");
	add_sized_node("small", "a", 16, "");
	for (int i = 0; i < 3; i++)
		add_pod(w.inv, shop_pod(2 * i, "big"));
	add_pod(w.inv, shop_pod(6, "small"));
	place(server_pod(0, ""), NAMES("big", "small"));
	assert_string_equal(best(), "big");
	add_pod(w.inv, shop_pod(8, "big"));
	add_pod(w.inv, shop_pod(10, "big"));
	place(server_pod(0, ""), NAMES("big", "small"));
	assert_string_equal(best(), "small");
}

/* Where its zone has one, a node without any is worse than one of a zone without. */
PLACE_TEST(masters_are_shared_out_among_zones)
{
	add_sized_node("a1", "a", 16, "");
	add_sized_node("a2", "a", 16, "");
	add_sized_node("b1", "b", 16, "");
	add_sized_node("b2", "b", 16, "");
	add_pod(w.inv, shop_pod(0, "a1"));
	place(server_pod(0, ""), NAMES("a1", "a2", "b1", "b2"));
	assert_int_equal(place_weight(&w.placing.nodes[1], WEIGHT_ZONE_MASTERS), 1);
	assert_int_equal(place_weight(&w.placing.nodes[2], WEIGHT_ZONE_MASTERS), 0);
	assert_int_equal(best()[0], 'b');
	/* A replica that comes first leaves that zone to its master; one that comes later has nothing to leave. */
	place(server_pod(1, ""), NAMES("a1", "a2", "b1", "b2"));
	assert_int_equal(place_weight(&w.placing.nodes[1], WEIGHT_ZONE_MASTERS), 0);
	assert_int_equal(best()[0], 'a');
	add_pod(w.inv, server_pod(0, "b1"));
	place(server_pod(1, ""), NAMES("a1", "a2"));
	assert_int_equal(place_weight(&w.placing.nodes[1], WEIGHT_MASTERS), 0);
}

PLACE_TEST(memory_that_codis_asks_for_is_shared_out)
{
	add_sized_node("a", "a", 64, "");
	add_sized_node("b", "a", 64, "");
	add_pod(w.inv, asking(shop_pod(1, "a"), "16Gi"));
	for (int i = 1; i < 4; i++)
		add_pod(w.inv, asking(shop_pod(2 * i + 1, "b"), "1Gi"));
	place(asking(stock_pod("codis-proxy", "codis-proxy", 0, "codis-test", 2, "", ""), "8Gi"), NAMES("a", "b"));
	assert_string_equal(best(), "b");
	/* Half of it is too much for a node of half the size. */
	add_sized_node("b", "a", 16, "");
	place(asking(stock_pod("codis-proxy", "codis-proxy", 0, "codis-test", 2, "", ""), "8Gi"), NAMES("a", "b"));
	assert_string_equal(best(), "a");
}

static cJSON *tolerant_pod(void)
{
	cJSON *pod = server_pod(0, "");

	cJSON_AddItemToObject(cJSON_GetObjectItem(pod, "spec"), "tolerations",
			      parsed("[{\"key\":\"batch\",\"operator\":\"Exists\"}]"));
	return pod;
}

PLACE_TEST(a_taint_that_is_not_tolerated_is_avoided_where_possible)
{
	static const char taint[] = "{\"key\":\"batch\",\"effect\":\"PreferNoSchedule\"}";

	add_sized_node("free", "a", 16, "");
	add_sized_node("tainted", "a", 16, taint);
	add_pod(w.inv, shop_pod(0, "free"));
	place(server_pod(0, ""), NAMES("free", "tainted"));
	assert_string_equal(best(), "free");
	place(server_pod(0, ""), NAMES("tainted"));
	assert_string_equal(best(), "tainted");
	place(tolerant_pod(), NAMES("free", "tainted"));
	assert_string_equal(best(), "tainted");
}

/* A share of which nobody takes the greatest part would be too small for all others, who would have above it alike. */
PLACE_TEST(who_is_kept_away_by_a_taint_leaves_its_nodes_out_of_the_shares)
{
	static const char taint[] = "{\"key\":\"batch\",\"effect\":\"PreferNoSchedule\"}";

	add_sized_node("one", "a", 16, "");
	add_sized_node("three", "a", 16, "");
	add_sized_node("tainted", "b", 16, taint);
	add_sized_node("tainted-too", "b", 16, taint);
	add_pod(w.inv, shop_pod(0, "one"));
	for (int i = 1; i < 4; i++)
		add_pod(w.inv, shop_pod(2 * i, "three"));
	place(tolerant_pod(), NAMES("one", "three", "tainted", "tainted-too"));
	assert_int_equal(place_weight(&w.placing.nodes[0], WEIGHT_MASTERS), 1);
	assert_int_equal(place_weight(&w.placing.nodes[0], WEIGHT_ZONE_MASTERS), 3);
	place(server_pod(0, ""), NAMES("one", "three", "tainted", "tainted-too"));
	assert_int_equal(place_weight(&w.placing.nodes[0], WEIGHT_MASTERS), 0);
	assert_int_equal(place_weight(&w.placing.nodes[0], WEIGHT_ZONE_MASTERS), 1);
	assert_string_equal(best(), "one");
	/* Of their zone nothing is known then, whatever it was before. */
	for (int i = 4; i < 12; i++)
		add_pod(w.inv, shop_pod(2 * i, "tainted"));
	place(tolerant_pod(), NAMES("one", "three", "tainted", "tainted-too"));
	assert_int_equal(place_weight(&w.placing.nodes[2], WEIGHT_ZONE_MASTERS), 3);
	place(server_pod(0, ""), NAMES("one", "three", "tainted", "tainted-too"));
	assert_int_equal(place_weight(&w.placing.nodes[2], WEIGHT_ZONE_MASTERS), 0);
}

/* So its siblings know which zone to keep out of, though nobody knows which of the nodes it will get. */
PLACE_TEST(what_is_offered_is_in_one_zone)
{
	static const char *const names[] = { "a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4", NULL };
	uint32_t those[NODES_MAX];

	for (int i = 0; names[i]; i++)
		add_sized_node(names[i], i < 4 ? "a" : "b", 16, "");
	place(server_pod(0, ""), names);
	for (uint32_t turn = 0; turn < 20; turn++) {
		assert_int_equal(offer_nodes(&w.placing, turn, those), 2);
		assert_int_equal(names[those[0]][0], names[those[1]][0]);
	}
}

PLACE_TEST(a_node_that_was_tried_gives_way)
{
	const char *first;

	add_plain_node(w.inv, "n1");
	add_plain_node(w.inv, "n2");
	place(server_pod(0, ""), NAMES("n1", "n2"));
	first = strcmp(best(), "n1") == 0 ? "n1" : "n2";
	attempts_add(attempts_of(&w.attempts, w.p.who.pod.uid, 0), names_hash(first, 2));
	place(server_pod(0, ""), NAMES("n1", "n2"));
	assert_string_not_equal(best(), first);
}

PLACE_TEST(zookeeper_and_proxies_spread_softly)
{
	add_plain_node(w.inv, "n1");
	add_plain_node(w.inv, "n2");
	add_pod(w.inv, stock_pod("zookeeper", "zookeeper", 0, "codis-test", 2, "n1", ""));
	add_pod(w.inv, server_pod(0, "n2"));
	add_pod(w.inv, server_pod(2, "n2"));
	place(stock_pod("zookeeper", "zookeeper", 1, "codis-test", 2, "", ""), NAMES("n1", "n2"));
	assert_string_equal(best(), "n2");
	place(stock_pod("zookeeper", "zookeeper", 1, "codis-test", 2, "", ""), NAMES("n1"));
	assert_string_equal(best(), "n1");
}

PLACE_TEST(pods_that_ended_or_left_do_not_count)
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *pod = server_pod(0, "n1");

	add_plain_node(w.inv, "n1");
	assert_int_equal(inventory_set_pod(w.inv, pod, &err), 0);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(pod, "status"), "phase", "Failed");
	assert_int_equal(inventory_set_pod(w.inv, pod, &err), 0);
	place(server_pod(1, ""), NAMES("n1"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_PASSES);
	assert_int_equal(w.census.nodes[w.placing.nodes[0].node].pods, 0);
}

/* Only the dashboard says it: its servers are one group all the same, and apart from codis-test's. */
PLACE_TEST(servers_that_say_no_product_are_peers_by_the_product_of_their_namespace)
{
	add_plain_node(w.inv, "n1");
	add_pod(w.inv, stock_pod("codis-dashboard", "codis-dashboard", 0, "shop", 2, "", ""));
	add_pod(w.inv, stock_pod("codis-server", "codis-server", 0, "", 2, "n1", ""));
	place(stock_pod("codis-server", "codis-server", 1, "", 2, "", ""), NAMES("n1"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_TAKEN);
	assert_reason(0, "group 1 of shop already has codis-server-0 here");
	place(stock_pod("codis-server", "codis-server", 1, "shop", 2, "", ""), NAMES("n1"));
	assert_int_equal(w.placing.nodes[0].refusal, PLACE_TAKEN);
}

PLACE_TEST(joining_the_cluster_is_no_failure)
{
	add_node(w.inv, "new", "", "True", "2020-01-01T00:01:59Z");
	add_node(w.inv, "back", "", "True", "2020-01-01T00:02:01Z");
	assert_int_equal(inventory_node(w.inv, "new")->ready_changed_ms, 0);
	assert_true(inventory_node(w.inv, "back")->ready_changed_ms > 0);
	assert_null(inventory_node(w.inv, "other"));
	inventory_remove_node(w.inv, "new");
	assert_null(inventory_node(w.inv, "new"));
}

/* How many are offered: one on a small cluster, at most 16 of equals on a large one, all to a pod with wishes. */
TEST(offers_grow_with_the_cluster)
{
	enum { NODES = 5000 };
	struct place_node *nodes = test_calloc(NODES, sizeof(*nodes));
	struct json_span *names = test_calloc(NODES, sizeof(*names));
	uint32_t *those = test_calloc(NODES, sizeof(*those));
	struct place_pod p = { .pod = { .component = CODIS_SERVER, .server_replica = 2, .uid = "u" }, .strict = true };
	struct extender_args args = { .names = names };
	struct placing pl = { .args = &args, .pod = &p, .nodes = nodes };
	static const struct {
		size_t passing, best, offered, to_master;
	} cases[] = { { 0, 0, 0, 0 },
		      { 1, 1, 1, 1 },
		      { 2, 2, 1, 1 },
		      { 3, 2, 2, 2 },
		      { 4, 4, 2, 2 },
		      { 64, 64, 16, 4 },
		      { 64, 9, 9, 4 },
		      { 20, 20, 5, 2 },
		      { 20, 3, 3, 2 },
		      { NODES, 1, 1, 1 },
		      { NODES, NODES, OFFER_MAX, OFFER_MAX } };

	for (uint32_t i = 0; i < NODES; i++)
		names[i] = (struct json_span){ (const char *)&those[i], sizeof(those[i]) };
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		args.count = pl.passing = cases[k].passing;
		pl.best = cases[k].best;
		for (uint32_t i = 0; i < NODES; i++) {
			those[i] = i;
			nodes[i].key = i >= cases[k].best;
		}
		p.member.master = false;
		assert_int_equal(offer_nodes(&pl, 0, (uint32_t[NODES]){ 0 }), cases[k].offered);
		p.member.master = true; /* where a master is matters more */
		assert_int_equal(offer_nodes(&pl, 0, (uint32_t[NODES]){ 0 }), cases[k].to_master);
	}
	p.pod.choosy = true;
	assert_int_equal(offer_nodes(&pl, 0, (uint32_t[NODES]){ 0 }), NODES);
	test_free(nodes);
	test_free(names);
	test_free(those);
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
		assert_int_equal(p.pod.choosy, cases[i].choosy);
		place_pod_release(&p);
	}
}

static const char *explained(const struct inventory *inv, int ordinal, const char *message, const char *annotations,
			     struct buf *out)
{
	JSON_CLEANUP cJSON *pod = stock_pod("codis-server", "codis-server", ordinal, "codis-test", 2, "", annotations);
	cJSON *conditions = cJSON_AddArrayToObject(cJSON_AddObjectToObject(pod, "status"), "conditions");

	cJSON_AddItemToArray(conditions,
			     parsed("{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\","
				    "\"message\":\"%s\"}",
				    message));
	buf_reset(out);
	if (!explain_pending(inv, pod, out))
		assert_int_equal(out->len, 0);
	return out->data;
}

PLACE_TEST(a_pending_member_is_told_of_its_group)
{
	static const char theirs[] = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.";
	static const char ours[] = "0/1 nodes are available: 1 group 1 of codis-test already has codis-server-0 here.";
	BUF_CLEANUP struct buf out = BUF_INIT(4096);

	assert_string_equal(explained(w.inv, 1, theirs, "", &out), "");
	add_pod(w.inv, server_pod(0, "n1"));
	assert_non_null(strstr(explained(w.inv, 1, theirs, "", &out),
			       "group 1 of codis-test has codis-server-0 on n1; codis-server-1 needs a place apart"));
	assert_string_equal(explained(w.inv, 1, ours, "", &out), "");
	assert_string_equal(explained(w.inv, 2, theirs, "", &out), "");
	assert_string_equal(explained(w.inv, 1, theirs, ",\"annotations\":{\"codis.io/spread\":\"soft\"}", &out), "");
}
