/* Random worlds: nodes that come, go, are relabelled and come back; pods that are bound, nominated, made anew under
 * their names, told of late, moved from product to product and from group to group; lists that bring all of it at once.
 * After each change the census, and where a pod may stand, are what one finds who counts anew. CODIS_TEST_SEED=N plays
 * one world, CODIS_TEST_SEEDS=N so many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extender/attempts.h"
#include "tests/unit/extender_fixture.h"
#include "tests/unit/test.h"

enum { NODES = 6, PODS = 16, KEYS = 4, STEPS = 120 };

static const char *const keys[KEYS] = { CODIS_HOSTNAME_KEY, CODIS_ZONE_KEY, "rack", "example.com/row" };

struct world {
	unsigned seed, first_seed;
	struct inventory *inv;
	struct census census;
	struct reservations promised;
	struct placing placing;
	char domains[NODES][KEYS][8]; /* the last value of each label; "": none since it was forgotten */
	int uid;
};

static int pick(struct world *w, int n)
{
	return (int)((unsigned)rand_r(&w->seed) % (unsigned)n);
}

#define HOLDS(w, x)                                                                                                    \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			fail_msg("seed %u: not so: %s", (w)->first_seed, #x);                                          \
	} while (0)

static const char *node_name(int node)
{
	/* Some that are each other's beginnings, and that differ in their last bytes. */
	static const char *const names[NODES] = {
		"a", "a.b", "a.b.c.d.e.f.g.h", "a.b.c.d.e.f.g.i", "node-00000001", "node-00000002"
	};

	return names[node];
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

static void set_node(struct world *w, int node)
{
	char labels[160];
	struct buf out = BUF_IN(labels);

	for (int k = 1; k < KEYS; k++) {
		if (pick(w, 4))
			buf_addf(&out, ",\"%s\":\"v%d\"", keys[k], pick(w, 3));
	}
	add_node(w->inv, node_name(node), labels, pick(w, 3) ? "True" : "False", "2020-01-01T00:00:10Z");
}

/* With every word that it may say, or none of them. */
static cJSON *random_pod(struct world *w, int pod)
{
	static const char *const products[] = { "", "shop", "orders", "x/y", "a-product-with-a-long-name-0123456789" };
	static const char *const apps[] = { "codis-server", "codis-server", "codis-server",
					    "codis-proxy",  "zookeeper",    "codis-dashboard" };
	char more[256];
	struct buf out = BUF_IN(more);
	cJSON *object, *metadata;

	buf_addf(&out, ",\"annotations\":{\"codis.io/spread\":\"%s\",\"codis.io/topology-key\":\"%s%s\"}%s",
		 pick(w, 4) ? "strict" : "soft", pick(w, 4) ? "" : "rack,", keys[pick(w, KEYS)],
		 pick(w, 8) ? "" : ",\"deletionTimestamp\":\"2023-11-14T22:13:00Z\"");
	object = stock_pod(apps[pod % 6], pod % 3 ? "s" : "t", pod, products[pick(w, pick(w, 3) ? 2 : 5)],
			   1 + pick(w, 3), pick(w, 4) ? node_name(pick(w, NODES)) : "", more);
	metadata = cJSON_GetObjectItem(object, "metadata");
	cJSON_ReplaceItemInObject(metadata, "namespace", cJSON_CreateString(pick(w, 8) ? "default" : "other"));
	if (pick(w, 8) == 0)
		cJSON_AddStringToObject(cJSON_GetObjectItem(metadata, "labels"), "codis.io/group",
					(const char *const[]){ "1", "2", "7", "x" }[pick(w, 4)]);
	if (pick(w, 3) == 0)
		cJSON_AddStringToObject(cJSON_GetObjectItem(metadata, "labels"), "codis.io/role",
					(const char *const[]){ "master", "replica", "x" }[pick(w, 3)]);
	if (pick(w, 6) == 0)
		cJSON_AddStringToObject(cJSON_AddObjectToObject(object, "status"), "nominatedNodeName",
					node_name(pick(w, NODES)));
	else if (pick(w, 12) == 0)
		cJSON_AddStringToObject(cJSON_AddObjectToObject(object, "status"), "phase", "Failed");
	return object;
}

/* Made anew under its name now and then, or the same once more. */
static void set_pod(struct world *w, int pod)
{
	cJSON *object = random_pod(w, pod);
	char uid[32];
	struct error err = ERROR_INIT;

	snprintf(uid, sizeof(uid), "u-%d-%d", pod, pick(w, 4) ? 0 : pick(w, 3));
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(object, "metadata"), "uid", cJSON_CreateString(uid));
	inventory_set_pod(w->inv, object, &err);
	cJSON_Delete(object);
}

static void remove_pod(struct world *w, int pod)
{
	char uid[32];

	snprintf(uid, sizeof(uid), "u-%d-%d", pod, pick(w, 3));
	inventory_remove_pod(w->inv, uid);
}

/* Its template says a group, a product, or nothing: its pods move. */
static void set_set(struct world *w)
{
	JSON_CLEANUP cJSON *set = parsed(
		"{\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"set-%d\"},\"spec\":{\"replicas\":4,"
		"\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"%s}},\"spec\":{\"containers\":[{"
		"\"name\":"
		"\"main\",\"env\":[{\"name\":\"PRODUCT_NAME\",\"value\":\"%s\"}]}]}}}}",
		pick(w, 2) ? "s" : "t", pick(w, 2), pick(w, 2) ? "" : ",\"codis.io/group\":\"3\"",
		pick(w, 2) ? "" : "shop");
	struct error err = ERROR_INIT;

	inventory_set_set(w->inv, set, &err);
}

static void change(struct world *w)
{
	int node = pick(w, NODES), pod = pick(w, PODS);

	switch (pick(w, 10)) {
	case 0: inventory_remove_node(w->inv, node_name(node)); break;
	case 1:
	case 2: set_node(w, node); break;
	case 3: remove_pod(w, pod); break;
	case 4: set_set(w); break;
	case 5: inventory_remove_set(w->inv, pick(w, 2) ? "set-0" : "set-1"); break;
	default: set_pod(w, pod);
	}
}

/* --- who counts anew ---------------------------------------------------------------------------------------------- */

struct walk {
	const struct world *w;
	const char *node, *product;
	bool master;
	int count;
};

static int on_there(void *ctx, const struct inventory_pod *pod)
{
	struct walk *walk = ctx;

	walk->count += strcmp(kept_pod_place(&pod->pod), walk->node) == 0;
	return 0;
}

static int count_there(const struct world *w, const char *node)
{
	struct walk walk = { .w = w, .node = node };

	inventory_each_pod(w->inv, on_there, &walk);
	return walk.count;
}

/* Where each node is: the last that was said of it, as long as it is there or somebody stands there. */
static void learn_domains(struct world *w)
{
	for (int n = 0; n < NODES; n++) {
		const struct inventory_node *node = inventory_node(w->inv, node_name(n));

		if (!node && !count_there(w, node_name(n)))
			memset(w->domains[n], 0, sizeof(w->domains[n]));
		for (int k = 1; node && k < KEYS; k++) {
			const char *value = inventory_node_label(node, keys[k]);

			if (value)
				snprintf(w->domains[n][k], sizeof(w->domains[n][k]), "%s", value);
		}
	}
}

static int index_of(const char *node)
{
	for (int n = 0; n < NODES; n++) {
		if (strcmp(node_name(n), node) == 0)
			return n;
	}
	fail();
	return -1;
}

static int key_of(const char *key)
{
	for (int k = 0; k < KEYS; k++) {
		if (strcmp(keys[k], key) == 0)
			return k;
	}
	fail();
	return -1;
}

/* Known to be. */
static bool same_domain(const struct world *w, int key, int a, int b)
{
	return a == b || (key && w->domains[a][key][0] && strcmp(w->domains[a][key], w->domains[b][key]) == 0);
}

static bool is_seen(const struct world *w, int node)
{
	return inventory_node(w->inv, node_name(node)) != NULL;
}

static bool is_labelled(const struct world *w, int key, int node)
{
	const struct inventory_node *n = inventory_node(w->inv, node_name(node));

	return !key || (n && inventory_node_label(n, keys[key]));
}

struct verdict {
	const struct world *w;
	const struct place_pod *pod;
	int node;
	bool refused;
	int shared, zone; /* members beside it */
};

static void meet(struct verdict *v, int key, int peer)
{
	const struct world *w = v->w;

	v->refused |= same_domain(w, key, v->node, peer) || !is_labelled(w, key, v->node);
	v->refused |= key && !is_seen(w, peer) && !w->domains[peer][key][0];
}

static int on_other(void *ctx, const struct inventory_pod *o)
{
	struct verdict *v = ctx;
	const struct place_pod *p = v->pod;
	const char *place = kept_pod_place(&o->pod);
	int peer;

	if (!place[0] || strcmp(o->pod.name, p->pod.name) == 0 || o->pod.component != p->member.component ||
	    o->pod.group != p->member.group || strcmp(o->pod.namespace, p->member.namespace) != 0 ||
	    strcmp(o->product, p->member.product) != 0)
		return 0;
	peer = index_of(place);
	v->shared += same_domain(v->w, key_of(p->pod.topology_key), v->node, peer);
	v->zone += (v->w->domains[v->node][1][0] || strcmp(p->pod.topology_key, keys[1]) == 0) &&
		   same_domain(v->w, 1, v->node, peer);
	if (p->strict)
		meet(v, key_of(p->pod.topology_key), peer);
	if (o->pod.strict && o->pod.component == CODIS_SERVER && o->pod.group > 0)
		meet(v, key_of(o->pod.topology_key), peer);
	return 0;
}

static struct verdict judge(const struct world *w, const struct place_pod *p, int node)
{
	struct verdict v = { .w = w, .pod = p, .node = node };

	if (p->strict)
		v.refused = !is_labelled(w, key_of(p->pod.topology_key), node);
	inventory_each_pod(w->inv, on_other, &v);
	return v;
}

/* --- beside it ---------------------------------------------------------------------------------------------------- */

static void check_verdicts(struct world *w, const struct place_pod *p)
{
	struct json_span names[NODES];
	struct extender_args args = { .names = names, .count = NODES };
	struct error err;

	for (int n = 0; n < NODES; n++)
		names[n] = (struct json_span){ node_name(n), strlen(node_name(n)) };
	assert_int_equal(place_nodes(&w->placing, w->inv, &w->census, &w->promised, NULL, p, &args, WALL_MS, &err), 0);
	for (int n = 0; n < NODES; n++) {
		const struct place_node *its = &w->placing.nodes[n];
		struct verdict v = judge(w, p, n);

		HOLDS(w, v.refused == (its->refusal != PLACE_PASSES));
		HOLDS(w, v.refused || place_weight(its, WEIGHT_SHARED) == v.shared);
		HOLDS(w, v.refused || place_weight(its, WEIGHT_ZONE) == v.zone);
	}
}

static int on_master(void *ctx, const struct inventory_pod *other)
{
	const struct inventory_pod *pod = ctx;

	return other->pod.role == CODIS_ROLE_MASTER && other->pod.group == pod->pod.group &&
	       strcmp(other->product, pod->product) == 0 && strcmp(other->pod.namespace, pod->pod.namespace) == 0;
}

/* Who is labelled so, or is the first where nobody is. */
static bool is_master(const struct world *w, const struct inventory_pod *pod)
{
	struct inventory_pod its = *pod;

	if (!pod->pod.group)
		return false;
	if (inventory_each_pod(w->inv, on_master, &its))
		return pod->pod.role == CODIS_ROLE_MASTER;
	return codis_rank_of(pod->pod.group, pod->pod.ordinal, pod->pod.server_replica) == 0;
}

/* As the watch has brought it, or would. */
static void check_master(const struct world *w, const struct place_pod *p)
{
	const struct inventory_pod *known = inventory_pod(w->inv, p->pod.uid);
	const struct inventory_pod new = { .pod = p->pod, .product = p->member.product };

	HOLDS(w, p->member.master == (known                               ? is_master(w, known)
				      : new.pod.role == CODIS_ROLE_MASTER ? new.pod.group > 0
									  : is_master(w, &new)));
}

/* One that the watch has brought, or not. */
static void check_place(struct world *w)
{
	JSON_CLEANUP cJSON *object = random_pod(w, pick(w, PODS));
	PLACE_POD_CLEANUP struct place_pod p = { .block = NULL };
	struct error err;

	if (place_pod_of(object, &p, &err) < 0 || p.pod.component == CODIS_NONE)
		return;
	place_join(&p, w->inv);
	check_master(w, &p);
	check_verdicts(w, &p);
}

static int on_counted(void *ctx, const struct inventory_pod *pod)
{
	struct walk *walk = ctx;

	walk->count += strcmp(kept_pod_place(&pod->pod), walk->node) == 0 && strcmp(pod->product, walk->product) == 0 &&
		       strcmp(pod->pod.namespace, "default") == 0 && is_master(walk->w, pod) == walk->master;
	return 0;
}

static int counted(const struct world *w, const struct census_node *n, const char *product, bool master)
{
	uint32_t number = census_product(&w->census, "default", product);

	for (int i = 0; number && i < n->count; i++) {
		if (n->counts[i].product == number && n->counts[i].master == master)
			return n->counts[i].pods;
	}
	return 0;
}

static void check_counts(const struct world *w, int node)
{
	static const char *const products[] = { "", "shop", "codis-test", "orders" };
	uint32_t number = census_find(&w->census, node_name(node), strlen(node_name(node)));
	const struct census_node *n = &w->census.nodes[number];
	int there = count_there(w, node_name(node));

	HOLDS(w, (number != 0) == (there > 0 || is_seen(w, node)));
	if (!number)
		return;
	HOLDS(w, (int)n->pods == there);
	for (int i = 0; i < 4; i++) {
		for (int m = 0; m < 2; m++) {
			struct walk walk = { .w = w, .node = node_name(node), .product = products[i], .master = m };

			inventory_each_pod(w->inv, on_counted, &walk);
			HOLDS(w, walk.count == counted(w, n, products[i], m));
		}
	}
}

static void check(struct world *w)
{
	learn_domains(w);
	census_begin(&w->census);
	HOLDS(w, !w->census.incomplete);
	for (int n = 0; n < NODES; n++)
		check_counts(w, n);
	check_place(w);
}

/* Nobody holds what is gone. */
static void check_nothing_is_left(struct world *w)
{
	for (int i = 0; i < PODS; i++) {
		for (int anew = 0; anew < 3; anew++) {
			char uid[32];

			snprintf(uid, sizeof(uid), "u-%d-%d", i, anew);
			while (inventory_pod(w->inv, uid)) /* in two namespaces */
				inventory_remove_pod(w->inv, uid);
		}
	}
	for (int n = 0; n < NODES; n++)
		inventory_remove_node(w->inv, node_name(n));
	census_begin(&w->census);
	HOLDS(w, !w->census.names.count);
	HOLDS(w, !w->census.values.count);
	HOLDS(w, !w->census.products.count && !w->census.taints.count);
	for (uint32_t i = 0; i < w->census.node_room; i++)
		HOLDS(w, !w->census.nodes[i].counts && !w->census.nodes[i].pods && !w->census.nodes[i].memory_mib);
}

static void play(unsigned seed)
{
	struct world w = { .seed = seed, .first_seed = seed, .inv = inventory_new() };

	assert_non_null(w.inv);
	assert_int_equal(census_init(&w.census, w.inv), 0);
	reservations_init(&w.promised, &w.census);
	for (int k = 0; k < KEYS; k++)
		assert_true(census_key(&w.census, w.inv, keys[k]) >= 0);
	for (int i = 0; i < STEPS; i++) {
		change(&w);
		check(&w);
	}
	check_nothing_is_left(&w);
	placing_release(&w.placing);
	reservations_release(&w.promised, false);
	inventory_free(w.inv);
	census_release(&w.census);
}

static unsigned number_of(const char *name, unsigned otherwise)
{
	const char *value = getenv(name);

	return value ? (unsigned)strtoul(value, NULL, 10) : otherwise;
}

TEST(census_and_verdicts_are_what_one_finds_who_counts_anew)
{
	unsigned seeds = number_of("CODIS_TEST_SEEDS", 100), one = number_of("CODIS_TEST_SEED", 0);

	for (unsigned seed = one ? one : 1; seed <= (one ? one : seeds); seed++)
		play(seed);
}
