/* Beside the inventory, which can be asked for all of it: whatever comes and goes, the census counts the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/extender_fixture.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

struct counted {
	const char *node;
	int pods, masters, of_shop;
	uint32_t memory_mib;
};

static int count(void *ctx, const struct inventory_pod *pod)
{
	struct counted *c = ctx;

	if (strcmp(kept_pod_place(&pod->pod), c->node) != 0)
		return 0;
	c->pods++;
	c->masters += pod->master;
	c->memory_mib += pod->pod.memory_mib ? pod->pod.memory_mib : 200;
	c->of_shop += pod->master && strcmp(pod->product, "shop") == 0;
	return 0;
}

static void check(const struct inventory *inv, const struct census *c, const char *node)
{
	struct counted want = { .node = node };
	uint32_t number = census_find(c, node, strlen(node)), shop = census_product(c, "default", "shop");
	const struct census_node *n = &c->nodes[number];
	int masters = 0;

	inventory_each_pod(inv, count, &want);
	assert_int_equal(number != 0, want.pods > 0 || inventory_node(inv, node) != NULL);
	if (!number)
		return;
	assert_int_equal(n->pods, want.pods);
	assert_int_equal(n->masters, want.masters);
	assert_int_equal(n->memory_mib, want.memory_mib);
	assert_int_equal(n->seen, inventory_node(inv, node) != NULL);
	for (int i = 0; i < n->count; i++)
		masters += shop && n->counts[i].product == shop && n->counts[i].master ? n->counts[i].pods : 0;
	assert_int_equal(masters, want.of_shop);
}

static void check_all(const struct inventory *inv, struct census *c, int nodes)
{
	char name[16];

	census_begin(c);
	for (int i = 0; i < nodes; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		check(inv, c, name);
	}
}

enum { NODES = 6, PODS = 24 };

static void step(struct inventory *inv, unsigned *seed)
{
	static const char *const products[] = { "shop", "orders", "" };
	int node = rand_r(seed) % (NODES + 1), pod = rand_r(seed) % PODS;
	char name[16] = "", labels[64];
	cJSON *object;

	if (node < NODES)
		snprintf(name, sizeof(name), "n%d", node);
	snprintf(labels, sizeof(labels), ",\"topology.kubernetes.io/zone\":\"z%d\"", rand_r(seed) % 3);
	switch (rand_r(seed) % 6) {
	case 0:
		if (name[0])
			add_node(inv, name, labels, "True", "2020-01-01T00:00:10Z");
		break;
	case 1:
		if (name[0])
			inventory_remove_node(inv, name);
		break;
	case 2: {
		JSON_CLEANUP cJSON *gone = stock_pod("codis-server", "s", pod, products[pod % 3], 2, "", "");

		inventory_remove_pod(inv, pod_uid(gone));
		break;
	}
	default: /* who says no product belongs elsewhere when others come and go */
		object = stock_pod(pod % 5 ? "codis-server" : "codis-proxy", "s", pod, products[pod % 3], 2, name, "");
		json_add_str(cJSON_GetObjectItem(cJSON_GetObjectItem(object, "metadata"), "labels"), "codis.io/role",
			     (const char *const[]){ "", "", "master", "replica" }[rand_r(seed) % 4]);
		add_pod(inv, object);
	}
}

TEST(it_counts_what_the_inventory_has)
{
	struct inventory *inv = inventory_new();
	struct census c = { .nodes = NULL };
	unsigned seed = 7;

	assert_int_equal(census_init(&c, inv), 0);
	for (int i = 0; i < 20000; i++) {
		step(inv, &seed);
		if (i % 20 == 0)
			check_all(inv, &c, NODES);
	}
	assert_false(c.incomplete);
	assert_int_equal(census_recount(&c, inv), 0);
	check_all(inv, &c, NODES);
	inventory_free(inv);
	census_release(&c);
}

/* The number of products of which somebody is counted there. */
static int products_of(const struct census *c, uint32_t node, int of)
{
	int count = 0;
	char name[8];

	for (int i = 0; i < of; i++) {
		uint32_t product;

		snprintf(name, sizeof(name), "p%d", i);
		product = census_product(c, "default", name);
		for (int k = 0; product && k < c->nodes[node].count; k++) {
			if (c->nodes[node].counts[k].product != product)
				continue;
			assert_true(census_may_have(&c->nodes[node], product));
			count++;
		}
	}
	return count;
}

TEST(a_node_counts_each_of_many_products)
{
	struct inventory *inv = inventory_new();
	struct census c = { .nodes = NULL };
	enum { MANY = 100 };
	char name[8];

	assert_int_equal(census_init(&c, inv), 0);
	for (int turn = 0; turn < 2; turn++) {
		uint32_t node = 0;

		for (int i = 0; i < MANY; i++) {
			struct census_pod pod = { .namespace = "default", .product = name };

			snprintf(name, sizeof(name), "p%d", i);
			node = census_add(&c, "n1", 2, &pod);
			assert_int_equal(products_of(&c, node, MANY), i + 1);
		}
		for (int i = 0; i < MANY; i++) {
			struct census_pod pod = { .namespace = "default", .product = name };

			snprintf(name, sizeof(name), "p%d", i);
			assert_int_equal(products_of(&c, node, MANY), MANY - i);
			census_remove(&c, node, &pod);
		}
		assert_int_equal(census_find(&c, "n1", 2), 0);
	}
	inventory_free(inv);
	census_release(&c);
}

static void set_server(struct inventory *inv, int ordinal, const char *node, const char *role)
{
	cJSON *pod = stock_pod("codis-server", "s", ordinal, "shop", 2, node, "");

	json_add_str(cJSON_GetObjectItem(cJSON_GetObjectItem(pod, "metadata"), "labels"), "codis.io/role", role);
	add_pod(inv, pod);
}

static void assert_masters(const struct census *c, int on_n1, int on_n2)
{
	assert_int_equal(c->nodes[census_find(c, "n1", 2)].masters, on_n1);
	assert_int_equal(c->nodes[census_find(c, "n2", 2)].masters, on_n2);
}

/* As codis-controller labels them after a failover, one after the other. */
TEST(a_master_is_counted_where_the_label_says)
{
	struct inventory *inv = inventory_new();
	struct census c = { .nodes = NULL };

	assert_int_equal(census_init(&c, inv), 0);
	add_plain_node(inv, "n1");
	add_plain_node(inv, "n2");
	set_server(inv, 0, "n1", "");
	set_server(inv, 1, "n2", "");
	assert_masters(&c, 1, 0);
	set_server(inv, 1, "n2", "master");
	assert_masters(&c, 0, 1);
	set_server(inv, 0, "n1", "replica");
	assert_masters(&c, 0, 1);
	set_server(inv, 0, "n1", "master");
	assert_masters(&c, 1, 1);
	set_server(inv, 1, "n2", "replica");
	assert_masters(&c, 1, 0);
	set_server(inv, 0, "n1", "replica"); /* nobody is, for a moment */
	assert_masters(&c, 1, 0);
	inventory_free(inv);
	census_release(&c);
}

static void set_node(struct inventory *inv, const char *memory, const char *taints)
{
	JSON_CLEANUP cJSON *node = parsed("{\"metadata\":{\"name\":\"n1\"},\"spec\":{\"taints\":[%s]},\"status\":{"
					  "\"allocatable\":{\"memory\":\"%s\"},\"conditions\":[{\"type\":\"Ready\","
					  "\"status\":\"True\",\"lastTransitionTime\":\"2023-11-14T22:10:01Z\"}]}}",
					  taints, memory);

	assert_int_equal(inventory_set_node(inv, node, NULL), 0);
}

/* Nodes are many, so that of each there is little. */
TEST(of_a_node_it_has_size_taints_and_when_it_was_ready)
{
	struct inventory *inv = inventory_new();
	struct census c = { .nodes = NULL };
	const struct census_node *n;
	char taint[128];

	assert_int_equal(sizeof(*n), 64); /* a line of memory */
	assert_int_equal(census_init(&c, inv), 0);
	set_node(inv, "64Gi", "");
	n = &c.nodes[census_find(&c, "n1", 2)];
	assert_int_equal(n->size, 1024);
	assert_int_equal(n->taints, 0);
	assert_int_equal(n->ready_changed_4s, INT64_C(1699999801) / 4);
	set_node(inv, "1Mi", "{\"key\":\"a\",\"effect\":\"PreferNoSchedule\"}");
	assert_int_equal(n->size, 1);
	assert_string_equal(names_text(&c.taints, n->taints), "a=,");
	set_node(inv, "64Ti", "");
	assert_int_equal(n->size, UINT16_MAX);
	set_node(inv, "", "");
	assert_int_equal(n->size, 0);
	assert_int_equal(n->taints, 0);
	for (int i = 0; i < 1000; i++) { /* what nobody has any more is forgotten */
		snprintf(taint, sizeof(taint), "{\"key\":\"a\",\"value\":\"%d\",\"effect\":\"PreferNoSchedule\"}", i);
		set_node(inv, "", taint);
		assert_in_range(n->taints, 1, 2);
	}
	inventory_free(inv);
	census_release(&c);
}

TEST(a_key_that_is_asked_for_has_a_column)
{
	struct inventory *inv = inventory_new();
	struct census c = { .nodes = NULL };
	char key[16];
	uint32_t n1, n2;
	int rack;

	assert_int_equal(census_init(&c, inv), 0);
	add_node(inv, "n1", ",\"rack\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(inv, "n2", ",\"rack\":\"a\"", "True", "2020-01-01T00:00:10Z");
	rack = census_key(&c, inv, "rack");
	assert_true(rack > CENSUS_ZONE);
	n1 = census_find(&c, "n1", 2);
	n2 = census_find(&c, "n2", 2);
	assert_true(c.nodes[n1].domains[rack] != 0);
	assert_int_equal(c.nodes[n1].domains[rack], c.nodes[n2].domains[rack]);
	add_node(inv, "n2", ",\"rack\":\"b\"", "True", "2020-01-01T00:00:10Z");
	assert_int_not_equal(c.nodes[n1].domains[rack], c.nodes[n2].domains[rack]);
	assert_int_equal(c.nodes[n1].domains[CENSUS_ZONE], 0);
	assert_int_not_equal(c.nodes[n1].domains[CENSUS_HOST], c.nodes[n2].domains[CENSUS_HOST]);
	/* Others that are asked for take its place; hostname and zone stay. */
	for (int i = 0; i < 2 * CENSUS_KEYS; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		assert_true(census_key(&c, inv, key) > CENSUS_ZONE);
	}
	assert_int_equal(census_key(&c, inv, CODIS_HOSTNAME_KEY), CENSUS_HOST);
	assert_int_equal(census_key(&c, inv, CODIS_ZONE_KEY), CENSUS_ZONE);
	rack = census_key(&c, inv, "rack");
	assert_int_not_equal(c.nodes[n1].domains[rack], c.nodes[n2].domains[rack]);
	inventory_free(inv);
	census_release(&c);
}

/* Memory runs out at any place: then it says that it is incomplete, or counts right. */
TEST(without_memory_it_is_incomplete_or_right)
{
	NOMEM_EACH
	{
		struct inventory *inv = inventory_new();
		struct census c = { .nodes = NULL };
		unsigned seed = 3;
		JSON_CLEANUP cJSON *pod = stock_pod("codis-server", "s", 0, "shop", 2, "n1", "");
		struct error err = ERROR_INIT;

		if (!inv || census_init(&c, inv) < 0)
			fail();
		for (int i = 0; i < 200; i++)
			step(inv, &seed);
		nomem_on();
		inventory_set_pod(inv, pod, &err);
		nomem_off();
		if (c.incomplete)
			assert_int_equal(census_recount(&c, inv), 0);
		check_all(inv, &c, NODES);
		inventory_free(inv);
		census_release(&c);
	}
}
