#include "common/codis/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/unit/inventory_named.h"
#include "tests/unit/test.h"

/* --- objects -------------------------------------------------------------------------------------------------- */

/* What a test varies of a pod. NULL and 0: as it mostly is. */
struct words {
	const char *namespace, *name, *uid, *app, *product, *node, *ip, *phase, *made;
	const char *from;                               /* the product comes from this ConfigMap */
	const char *replica, *group, *role;             /* group, role: the labels */
	bool replica_from, deleting, running, released; /* released: it has no owner any more */
	int start;
};

static cJSON *env_of(const struct words *w)
{
	cJSON *env = cJSON_CreateArray(), *e;
	const char *names[] = { "PRODUCT_NAME", "SERVER_REPLICA" }, *values[] = { w->product, w->replica };
	const char *maps[] = { w->from, w->replica_from ? "sizes" : NULL };

	for (int i = 0; i < 2; i++) {
		if (!values[i] && !maps[i])
			continue;
		e = cJSON_CreateObject();
		json_add_str(e, "name", names[i]);
		if (maps[i]) {
			cJSON *ref = json_add_object(json_add_object(e, "valueFrom"), "configMapKeyRef");

			json_add_str(ref, "name", maps[i]);
			json_add_str(ref, "key", "it");
		} else {
			json_add_str(e, "value", values[i]);
		}
		json_push(env, e);
	}
	return env;
}

static void add_spec(cJSON *object, const struct words *w)
{
	cJSON *spec = json_add_object(object, "spec"), *c = cJSON_CreateObject();

	if (w->node)
		json_add_str(spec, "nodeName", w->node);
	json_push(json_add_array(spec, "containers"), c);
	json_add_str(c, "name", w->app ? w->app : "codis-server");
	cJSON_AddItemToObject(c, "env", env_of(w));
}

static cJSON *metadata(cJSON *object, const struct words *w)
{
	cJSON *m = json_add_object(object, "metadata");

	json_add_str(m, "namespace", w->namespace ? w->namespace : "default");
	json_add_str(m, "name", w->name);
	json_add_str(m, "uid", w->uid ? w->uid : w->name);
	json_add_str(m, "creationTimestamp", w->made ? w->made : "2024-01-01T00:00:00Z");
	if (w->deleting)
		json_add_str(m, "deletionTimestamp", "2024-01-02T00:00:00Z");
	return m;
}

static cJSON *pod_of(const struct words *w)
{
	cJSON *pod = cJSON_CreateObject(), *m = metadata(pod, w), *owner = cJSON_CreateObject(), *status;
	char stem[64];

	json_add_str(json_add_object(m, "labels"), "app", w->app ? w->app : "codis-server");
	if (w->group)
		json_add_str(cJSON_GetObjectItem(m, "labels"), "codis.io/group", w->group);
	if (w->role)
		json_add_str(cJSON_GetObjectItem(m, "labels"), "codis.io/role", w->role);
	snprintf(stem, sizeof(stem), "%.*s", (int)(strrchr(w->name, '-') - w->name), w->name);
	json_add_str(owner, "kind", "StatefulSet");
	json_add_str(owner, "name", stem);
	json_add_bool(owner, "controller", true);
	if (w->released)
		cJSON_Delete(owner);
	else
		json_push(json_add_array(m, "ownerReferences"), owner);
	add_spec(pod, w);
	status = json_add_object(pod, "status");
	json_add_str(status, "phase", w->phase ? w->phase : "Running");
	if (w->ip)
		json_add_str(status, "podIP", w->ip);
	if (w->running)
		cJSON_AddItemToObject(status, "containerStatuses",
				      cJSON_Parse("[{\"name\":\"codis-server\",\"state\":{\"running\":{}}}]"));
	return pod;
}

static int set_pod(struct inventory *inv, struct words w, struct error *err)
{
	JSON_CLEANUP cJSON *pod = pod_of(&w);

	return inventory_set_pod(inv, pod, err);
}

static void set_good_pod(struct inventory *inv, struct words w)
{
	struct error err = ERROR_INIT;

	if (set_pod(inv, w, &err) < 0)
		fail_msg("%s", err.text);
}

/* POD(inv, "codis-server-0", .node = "n1") */
#define POD(inv, ...) set_good_pod(inv, (struct words){ .name = __VA_ARGS__ })

static void set_set(struct inventory *inv, int replicas, struct words w)
{
	JSON_CLEANUP cJSON *set = cJSON_CreateObject();
	cJSON *m = metadata(set, &w), *spec = json_add_object(set, "spec"), *template, *labels;
	struct error err = ERROR_INIT;

	json_add_str(json_add_object(m, "annotations"), "note", "x");
	json_add_int(spec, "replicas", replicas);
	if (w.start)
		json_add_int(json_add_object(spec, "ordinals"), "start", w.start);
	template = json_add_object(spec, "template");
	labels = json_add_object(json_add_object(template, "metadata"), "labels");
	json_add_str(labels, "app", w.app ? w.app : "codis-server");
	if (w.group)
		json_add_str(labels, "codis.io/group", w.group);
	add_spec(template, &w);
	if (inventory_set_set(inv, set, &err) < 0)
		fail_msg("%s", err.text);
}

#define SET(inv, replicas, ...) set_set(inv, replicas, (struct words){ .name = __VA_ARGS__ })

static void set_tainted_node(struct inventory *inv, const char *name, bool ready, const char *taint)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1024);
	cJSON *node;
	struct error err = ERROR_INIT;

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"%s\",\"creationTimestamp\":\"2024-01-01T00:00:00Z\","
		 "\"labels\":{\"zone\":\"z1\"}},\"spec\":{\"taints\":[{\"key\":\"a\"},{\"key\":\"%s\"}]},\"status\":{"
		 "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\","
		 "\"lastTransitionTime\":\"2024-01-01T00:%s:00Z\"}]}}",
		 name, taint, ready ? "True" : "False", ready ? "01" : "30");
	node = json_parse(text.data, text.len, JSON_ITEMS, &err);
	assert_int_equal(inventory_set_node(inv, node, &err), 0);
	cJSON_Delete(node);
}

static void set_node(struct inventory *inv, const char *name, bool ready)
{
	set_tainted_node(inv, name, ready, "b");
}

/* --- a world, and what it was told ------------------------------------------------------------------------------ */

struct world {
	struct inventory *inv;
	struct buf told; /* "namespace/product " for each */
};

static void on_change(void *ctx, const char *namespace, const char *product)
{
	buf_addf(&((struct world *)ctx)->told, "%s/%s ", namespace, product);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->inv = inventory_new();
	buf_init(&w->told, 1 << 20);
	inventory_listen(w->inv, on_change, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	inventory_free(w->inv);
	buf_release(&w->told);
	free(w);
	return 0;
}

#define WORLD                                                                                                          \
	struct world *w = *state;                                                                                      \
	struct inventory *inv = w->inv

/* What was told since the last time. */
static void assert_told(struct world *w, const char *want)
{
	assert_string_equal(w->told.len ? w->told.data : "", want);
	buf_reset(&w->told);
}

static const struct inventory_pod *pod(const struct inventory *inv, const char *uid)
{
	const struct inventory_pod *p = inventory_pod(inv, uid);

	if (!p)
		fail_msg("%s is not known", uid);
	return p;
}

static int count_pod(void *ctx, const struct inventory_pod *p)
{
	(void)p;
	return ++*(int *)ctx, 0;
}

static int of_group(const struct inventory *inv, const char *product, int group)
{
	int n = 0;

	inventory_each_of_group(inv, "default", product, group, count_pod, &n);
	return n;
}

static int of_product(const struct inventory *inv, const char *product)
{
	int n = 0;

	inventory_each_of_product(inv, "default", product, count_pod, &n);
	return n;
}

static int on_node(const struct inventory *inv, const char *node)
{
	int n = 0;

	inventory_each_on_node(inv, node, count_pod, &n);
	return n;
}

static int all_pods(const struct inventory *inv)
{
	int n = 0;

	inventory_each_pod(inv, count_pod, &n);
	return n;
}

static int list_product(void *ctx, const char *namespace, const char *product)
{
	buf_addf(ctx, "%s/%s ", namespace, product);
	return 0;
}

static void assert_products(const struct inventory *inv, const char *want)
{
	BUF_CLEANUP struct buf list = BUF_INIT(1024);

	inventory_each_product(inv, list_product, &list);
	assert_string_equal(list.len ? list.data : "", want);
}

/* --- each index -------------------------------------------------------------------------------------------------- */

TEST_WITH(a_pod_is_found_by_each_of_its_keys, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-3", .uid = "u3", .product = "shop", .node = "n1", .ip = "10.0.0.3");
	assert_ptr_equal(pod_named(inv, "default", "codis-server-3"), pod(inv, "u3"));
	assert_ptr_equal(inventory_pod_at(inv, "10.0.0.3:6379"), pod(inv, "u3"));
	assert_string_equal(pod(inv, "u3")->product, "shop");
	assert_string_equal(pod(inv, "u3")->trouble, "");
	assert_int_equal(pod(inv, "u3")->pod.group, 2);
	assert_int_equal(of_product(inv, "shop"), 1);
	assert_int_equal(of_group(inv, "shop", 2), 1);
	assert_int_equal(of_group(inv, "shop", 1), 0);
	assert_int_equal(on_node(inv, "n1"), 1);
	assert_products(inv, "default/shop ");
	assert_null(inventory_pod(inv, "u4"));
	assert_null(pod_named(inv, "other", "codis-server-3"));
	assert_null(inventory_pod_at(inv, "10.0.0.30:6379"));
	inventory_remove_pod(inv, "u3");
	assert_int_equal(all_pods(inv) + of_product(inv, "shop") + of_group(inv, "shop", 2) + on_node(inv, "n1"), 0);
	assert_null(pod_named(inv, "default", "codis-server-3"));
	assert_null(inventory_pod_at(inv, "10.0.0.3:6379"));
	assert_products(inv, "");
}

TEST_WITH(a_pod_that_changes_leaves_its_old_keys, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0", .product = "shop");
	assert_int_equal(on_node(inv, ""), 0);
	assert_null(inventory_pod_at(inv, ""));
	assert_string_equal(pod_named(inv, "default", "codis-server-0")->addr, "");
	POD(inv, "codis-server-0", .product = "shop", .node = "n1", .ip = "10.0.0.1");
	POD(inv, "codis-server-0", .product = "orders", .node = "n1", .ip = "10.0.0.2", .replica = "1");
	assert_null(inventory_pod_at(inv, "10.0.0.1:6379"));
	assert_non_null(inventory_pod_at(inv, "10.0.0.2:6379"));
	assert_string_equal(inventory_pod_at(inv, "10.0.0.2:6379")->addr, "10.0.0.2:6379");
	assert_int_equal(of_product(inv, "shop"), 0);
	assert_int_equal(of_group(inv, "orders", 1), 1);
	assert_int_equal(on_node(inv, "n1"), 1);
	assert_int_equal(all_pods(inv), 1);
}

TEST_WITH(pods_that_have_ended_or_are_not_codis_are_not_held, setup, teardown)
{
	WORLD;

	POD(inv, "nginx-0", .app = "nginx");
	POD(inv, "codis-server-0", .phase = "Failed");
	POD(inv, "codis-server-1");
	assert_int_equal(all_pods(inv), 1);
	POD(inv, "codis-server-1", .phase = "Succeeded");
	assert_int_equal(all_pods(inv), 0);
}

/* A running server does not end because somebody gets an annotation wrong. */
TEST_WITH(a_pod_that_says_what_cannot_be_meant_is_held, setup, teardown)
{
	WORLD;
	struct error err = ERROR_INIT;
	struct words words = { .name = "codis-server-1", .ip = "10.0.0.1", .product = "shop" };
	JSON_CLEANUP cJSON *edited = pod_of(&words);

	set_good_pod(inv, words);
	json_add_str(json_add_object(cJSON_GetObjectItem(edited, "metadata"), "annotations"), CODIS_ANNOTATION_SPREAD,
		     "Soft");
	assert_int_equal(inventory_set_pod(inv, edited, &err), -1);
	assert_string_equal(err.text, "annotation codis.io/spread is \"Soft\": it must be strict or soft");
	assert_int_equal(pod(inv, "codis-server-1")->pod.group, 1);
	assert_true(pod(inv, "codis-server-1")->pod.strict);
	assert_string_equal(pod(inv, "codis-server-1")->product, "shop");

	words.replica = "two";
	assert_int_equal(set_pod(inv, words, &err), -1);
	assert_int_equal(pod(inv, "codis-server-1")->pod.group, 0);
	assert_string_equal(pod(inv, "codis-server-1")->trouble,
			    "write the SERVER_REPLICA of codis-server-1: SERVER_REPLICA is \"two\": it must be a whole "
			    "number from 1 to 64");
	words.product = "my shop";
	assert_int_equal(set_pod(inv, words, &err), -1);
	assert_string_equal(pod(inv, "codis-server-1")->product, "");
	assert_non_null(strstr(pod(inv, "codis-server-1")->trouble, "product \"my shop\" is no label value"));
}

/* Nor is its StatefulSet gone, with what is noted on it. */
TEST_WITH(a_set_that_says_what_cannot_be_meant_is_held, setup, teardown)
{
	WORLD;
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *set = cJSON_Parse(
		"{\"metadata\":{\"namespace\":\"default\",\"name\":\"codis-server\",\"uid\":\"codis-server\","
		"\"creationTimestamp\":\"2024-01-01T00:00:00Z\",\"annotations\":{\"codis.io/slots\":\"1=1024\"}},"
		"\"spec\":{\"replicas\":4,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\","
		"\"codis.io/product\":\"shop\"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\",\"env\":["
		"{\"name\":\"SERVER_REPLICA\",\"value\":\"two\"}]}]}}}}");
	const struct inventory_set *held;

	SET(inv, 4, "codis-server", .product = "shop");
	assert_int_equal(inventory_set_set(inv, set, &err), -1);
	held = first_set(inv, "default", "shop");
	assert_non_null(held);
	assert_int_equal(held->shape.server_replica, 0);
	assert_non_null(json_get(held->annotations, "codis.io/slots", NULL));
}

/* Kubernetes takes such numbers, and sums of them are none any more. */
TEST_WITH(a_set_has_no_more_ordinals_than_groups_have, setup, teardown)
{
	WORLD;
	static const char *const said[][2] = { { "2147483647", "2147483647" }, { "-5", "-1" } };
	static const int wanted[] = { CODIS_ORDINALS_MAX, 0 };

	for (int i = 0; i < 2; i++) {
		char text[512];
		JSON_CLEANUP cJSON *set = NULL;
		const struct inventory_set *s;

		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"namespace\":\"default\",\"name\":\"codis-server\",\"uid\":\"s\"},\"spec\":{"
			 "\"replicas\":%s,\"ordinals\":{\"start\":%s},\"template\":{\"metadata\":{\"labels\":{\"app\":"
			 "\"codis-server\"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}}}}",
			 said[i][0], said[i][1]);
		set = cJSON_Parse(text);
		assert_int_equal(inventory_set_set(inv, set, NULL), 0);
		s = first_set(inv, "default", "codis-test");
		assert_int_equal(s->shape.replicas, wanted[i]);
		assert_int_equal(s->shape.start, wanted[i]);
	}
}

TEST_WITH(addresses_are_compared_as_addresses, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0", .ip = "fd00:0::a");
	assert_non_null(inventory_pod_at(inv, "[fd00:0:0::000A]:6379"));
	assert_string_equal(inventory_pod_at(inv, "[fd00::a]:6379")->addr, "[fd00::a]:6379");
	assert_null(inventory_pod_at(inv, "[fd00::b]:6379"));
}

TEST_WITH(of_two_pods_with_one_address_the_living_then_the_newest_answers, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0", .ip = "10.0.0.1", .made = "2024-01-01T00:00:10Z");
	POD(inv, "codis-server-2", .ip = "10.0.0.1", .made = "2024-01-01T00:00:05Z");
	assert_string_equal(inventory_pod_at(inv, "10.0.0.1:6379")->pod.name, "codis-server-0");
	POD(inv, "codis-server-0", .ip = "10.0.0.1", .made = "2024-01-01T00:00:10Z", .deleting = true);
	assert_string_equal(inventory_pod_at(inv, "10.0.0.1:6379")->pod.name, "codis-server-2");
	POD(inv, "codis-server-1", .ip = "10.0.0.1", .made = "2024-01-01T00:00:05Z");
	assert_string_equal(inventory_pod_at(inv, "10.0.0.1:6379")->pod.name, "codis-server-1");
	/* Another port of that node. */
	POD(inv, "codis-proxy-0", .app = "codis-proxy", .ip = "10.0.0.1", .made = "2024-01-01T00:00:20Z");
	assert_string_equal(inventory_pod_at(inv, "10.0.0.1:11080")->pod.name, "codis-proxy-0");
	assert_string_equal(inventory_pod_at(inv, "10.0.0.1:6379")->pod.name, "codis-server-1");
	assert_null(inventory_pod_at(inv, "10.0.0.1:6380"));
	/* It cannot be bound twice. */
	POD(inv, "codis-server-0", .ip = "10.0.0.1", .made = "2024-01-01T00:00:10Z", .deleting = true, .running = true);
	assert_string_equal(inventory_pod_at(inv, "10.0.0.1:6379")->pod.name, "codis-server-0");
	assert_true(inventory_has_its_addr(inv, pod(inv, "codis-server-0")));
	assert_false(inventory_has_its_addr(inv, pod(inv, "codis-server-1")));
	POD(inv, "codis-server-1", .ip = "10.0.0.1", .made = "2024-01-01T00:00:05Z", .running = true);
	assert_string_equal(inventory_pod_at(inv, "10.0.0.1:6379")->pod.name, "codis-server-1");
}

/* --- made anew -----------------------------------------------------------------------------------------------------
 */

TEST_WITH(a_pod_made_anew_replaces_the_old_one_of_its_name, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0", .uid = "old", .product = "shop", .node = "n1", .ip = "10.0.0.1");
	POD(inv, "codis-server-0", .uid = "new", .product = "shop", .made = "2024-01-01T00:01:00Z");
	assert_null(inventory_pod(inv, "old"));
	assert_null(inventory_pod_at(inv, "10.0.0.1:6379"));
	assert_int_equal(on_node(inv, "n1"), 0);
	assert_int_equal(all_pods(inv), 1);
	/* Late news of the old one, by another watch. */
	POD(inv, "codis-server-0", .uid = "old", .product = "shop", .node = "n1", .deleting = true);
	inventory_remove_pod(inv, "old");
	assert_string_equal(pod_named(inv, "default", "codis-server-0")->pod.uid, "new");
	assert_int_equal(all_pods(inv), 1);
}

/* --- products ------------------------------------------------------------------------------------------------------
 */

TEST_WITH(who_says_nothing_belongs_to_codis_test_where_nobody_says_one, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "codis-server-0", .namespace = "other", .uid = "other", .product = "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "codis-test");
	assert_string_equal(pod(inv, "codis-server-0")->trouble, "");
}

TEST_WITH(who_says_nothing_belongs_to_the_only_product_of_its_namespace, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "codis-server-1");
	assert_told(w, "default/codis-test default/codis-test ");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .product = "shop");
	assert_told(w, "default/codis-test default/shop ");
	POD(inv, "codis-proxy-0", .app = "codis-proxy", .product = "shop");
	assert_told(w, "default/shop ");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	assert_int_equal(of_group(inv, "shop", 1), 2);
	assert_int_equal(of_group(inv, "codis-test", 1), 0);
	assert_int_equal(of_group(inv, "shop", 0), 2); /* the dashboard and the proxy */
	assert_products(inv, "default/shop ");
	/* Also while they are being made anew. */
	inventory_remove_pod(inv, "codis-dashboard-0");
	inventory_remove_pod(inv, "codis-proxy-0");
	assert_told(w, "default/shop default/shop ");
	assert_string_equal(pod(inv, "codis-server-1")->product, "shop");
	/* Nothing is left of it. */
	inventory_remove_pod(inv, "codis-server-0");
	inventory_remove_pod(inv, "codis-server-1");
	POD(inv, "codis-server-0");
	assert_string_equal(pod(inv, "codis-server-0")->product, "codis-test");
}

/* Two clusters, told apart by their dashboards only: when one of these is gone for a moment, nobody changes sides. */
TEST_WITH(a_dashboard_that_is_gone_gives_its_servers_to_nobody, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "shop-dashboard-0", .app = "codis-dashboard", .product = "shop");
	POD(inv, "orders-dashboard-0", .app = "codis-dashboard", .product = "orders");
	inventory_remove_pod(inv, "orders-dashboard-0");
	assert_string_equal(pod(inv, "codis-server-0")->product, "");
}

/* A stock cluster, as it was before there was another one in its namespace. */
TEST_WITH(servers_stay_with_a_dashboard_that_says_nothing_either, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard");
	POD(inv, "shop-server-0", .product = "shop");
	POD(inv, "shop-proxy-0", .app = "codis-proxy", .product = "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "codis-test");
	assert_string_equal(pod(inv, "codis-dashboard-0")->product, "codis-test");
	inventory_remove_pod(inv, "codis-dashboard-0");
	assert_string_equal(pod(inv, "codis-server-0")->product, "codis-test");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard");
	/* It is given a name: they follow. */
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .uid = "b", .product = "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "codis-test"); /* it was remembered */
}

TEST_WITH(a_set_of_dashboards_speaks_before_its_pod_is_there, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	SET(inv, 1, "codis-dashboard", .app = "codis-dashboard", .product = "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	assert_null(set_named(inv, "default", "codis-dashboard"));
	assert_null(first_set(inv, "default", "shop"));
	assert_products(inv, "default/shop ");
}

/* As they were told to: the line is added, and the set is rolled out pod by pod. */
TEST_WITH(the_pods_of_a_set_belong_together_while_it_is_rolled_out, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "codis-server-1");
	POD(inv, "shop-dashboard-0", .app = "codis-dashboard", .product = "shop");
	POD(inv, "orders-dashboard-0", .app = "codis-dashboard", .product = "orders");
	POD(inv, "shop-server-9", .product = "shop");
	SET(inv, 2, "codis-server", .uid = "s");
	assert_string_equal(pod(inv, "codis-server-1")->product, "");
	buf_reset(&w->told);
	SET(inv, 2, "codis-server", .uid = "s", .product = "shop");
	assert_told(w, "default/shop default/ ");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	POD(inv, "codis-server-1", .uid = "new", .product = "shop");
	assert_int_equal(of_group(inv, "shop", 1), 2);
}

/* What a set says now is what counts, not what its pods once said. */
TEST_WITH(a_dashboard_that_is_renamed_by_its_set_takes_its_servers_along, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	SET(inv, 1, "codis-dashboard", .uid = "s", .app = "codis-dashboard");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard");
	SET(inv, 1, "codis-dashboard", .uid = "s", .app = "codis-dashboard", .product = "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "codis-test"); /* the old one still runs */
	inventory_remove_pod(inv, "codis-dashboard-0");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .uid = "new", .product = "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
}

/* Both sets would make group 1. */
TEST_WITH(servers_are_not_added_to_a_product_that_has_its_own, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "codis-proxy-0", .app = "codis-proxy");
	POD(inv, "shop-server-0", .product = "shop");
	assert_string_equal(pod(inv, "codis-proxy-0")->product, "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "");
	assert_string_equal(pod(inv, "codis-server-0")->trouble,
			    "add env PRODUCT_NAME: codis-server-0 says no product, and shop has servers of its own");
	POD(inv, "shop-dashboard-0", .app = "codis-dashboard", .product = "shop");
	inventory_remove_pod(inv, "shop-server-0"); /* comes again */
	assert_string_equal(pod(inv, "codis-server-0")->product, "");
	/* Of codis-test are both who says it and who says nothing. */
	POD(inv, "codis-server-0", .namespace = "other", .uid = "said", .product = "codis-test");
	POD(inv, "codis-server-1", .namespace = "other", .uid = "silent");
	assert_string_equal(pod(inv, "silent")->product, "codis-test");
}

TEST_WITH(where_another_cannot_be_read_the_silent_ones_are_not_given_away, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .from = "names");
	assert_string_equal(pod(inv, "codis-server-0")->product, "");
	assert_string_equal(pod(inv, "codis-server-0")->trouble,
			    "add env PRODUCT_NAME: codis-server-0 says no product, and what another pod of the "
			    "namespace says cannot be read");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .product = "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	POD(inv, "codis-proxy-0", .app = "codis-proxy", .from = "names");
	assert_string_equal(pod(inv, "codis-server-0")->product, "");
	inventory_remove_pod(inv, "codis-proxy-0");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
}

TEST_WITH(where_several_products_are_said_it_is_told_which_line_to_add, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "zk-0", .app = "zk");
	POD(inv, "shop-dashboard-0", .app = "codis-dashboard", .product = "shop");
	POD(inv, "orders-dashboard-0", .app = "codis-dashboard", .product = "orders");
	assert_string_equal(pod(inv, "codis-server-0")->product, "");
	assert_string_equal(
		pod(inv, "codis-server-0")->trouble,
		"add env PRODUCT_NAME: codis-server-0 says no product and the namespace has orders and shop");
	assert_string_equal(pod(inv, "zk-0")->trouble, ""); /* serves both */
	POD(inv, "more-dashboard-0", .app = "codis-dashboard", .product = "more");
	assert_string_equal(
		pod(inv, "codis-server-0")->trouble,
		"add env PRODUCT_NAME: codis-server-0 says no product and the namespace has more, orders and shop");
	POD(inv, "b-dashboard-0", .app = "codis-dashboard", .product = "b");
	assert_string_equal(
		pod(inv, "codis-server-0")->trouble,
		"add env PRODUCT_NAME: codis-server-0 says no product and the namespace has b, more and 2 more");
	assert_int_equal(of_product(inv, ""), 2);
	POD(inv, "codis-server-0", .product = "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	assert_string_equal(pod(inv, "codis-server-0")->trouble, "");
}

TEST_WITH(what_is_said_elsewhere_is_not_replaced_by_a_default, setup, teardown)
{
	WORLD;

	POD(inv, "codis-proxy-0", .app = "codis-proxy", .product = "shop");
	POD(inv, "codis-server-0", .from = "names");
	assert_string_equal(pod(inv, "codis-server-0")->product, "");
	assert_string_equal(pod(inv, "codis-server-0")->trouble,
			    "label codis-server-0 codis.io/product, or write the value: env PRODUCT_NAME comes from "
			    "ConfigMap names, key it");
	POD(inv, "codis-server-1", .product = "shop", .replica_from = true);
	assert_string_equal(pod(inv, "codis-server-1")->product, "shop");
	assert_int_equal(pod(inv, "codis-server-1")->pod.group, 0);
	assert_string_equal(
		pod(inv, "codis-server-1")->trouble,
		"write the SERVER_REPLICA of codis-server-1: env SERVER_REPLICA comes from ConfigMap sizes, key it");
	POD(inv, "codis-fe-0", .app = "codis-fe", .from = "names");
	assert_string_equal(pod(inv, "codis-fe-0")->trouble, ""); /* serves all products */
}

TEST_WITH(a_server_without_a_number_is_in_no_group, setup, teardown)
{
	WORLD;

	POD(inv, "by-hand", .product = "shop");
	assert_string_equal(pod(inv, "by-hand")->product, "shop");
	assert_string_equal(pod(inv, "by-hand")->trouble,
			    "by-hand is in no group, for that comes from its number in a StatefulSet: run it in one");
	POD(inv, "by-hand", .app = "codis-proxy", .product = "shop");
	assert_string_equal(pod(inv, "by-hand")->trouble, "");
}

/* Another product comes to the namespace: who is led stays with whom he is listed, and so does his successor. */
TEST_WITH(a_server_that_is_listed_belongs_there, setup, teardown)
{
	WORLD;

	set_set(inv, 2, (struct words){ .name = "codis-server" });
	POD(inv, "codis-server-0");
	POD(inv, "shop-dashboard-0", .app = "codis-dashboard", .product = "shop");
	inventory_claim(inv, "codis-server-0", "shop"); /* nobody doubts it */
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	POD(inv, "orders-dashboard-0", .app = "codis-dashboard", .product = "orders");
	assert_string_equal(pod(inv, "codis-server-0")->product, "");
	inventory_claim(inv, "codis-server-0", "shop");
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	assert_string_equal(pod(inv, "codis-server-0")->trouble, "");
	inventory_claim(inv, "codis-server-0", "orders"); /* the first one has it */
	assert_string_equal(pod(inv, "codis-server-0")->product, "shop");
	POD(inv, "codis-server-0", .uid = "new");
	assert_string_equal(pod(inv, "new")->product, "shop");
	POD(inv, "codis-server-1");
	assert_string_equal(pod(inv, "codis-server-1")->product, "shop");
	POD(inv, "by-hand");
	assert_string_equal(pod(inv, "by-hand")->product, "");
	inventory_claim(inv, "by-hand", "shop");
	POD(inv, "by-hand", .node = "node2"); /* the same pod, later */
	assert_string_equal(pod(inv, "by-hand")->product, "shop");
	POD(inv, "codis-server-1", .product = "orders"); /* words count more */
	assert_string_equal(pod(inv, "codis-server-1")->product, "orders");
}

static void assert_would_belong(const struct inventory *inv, struct words w, const char *product, const char *trouble)
{
	JSON_CLEANUP cJSON *json = pod_of(&w);
	char got[CODIS_PRODUCT_MAX], why[POD_WHY_MAX];
	struct codis_pod read;

	assert_int_equal(codis_pod_read(json, &read, NULL), 0);
	inventory_product_of(inv, &read, got, why);
	assert_string_equal(got, product);
	assert_string_equal(why, trouble);
}

TEST_WITH(a_pod_that_is_not_there_yet_would_belong_where_it_will, setup, teardown)
{
	WORLD;
	struct words silent = { .name = "codis-server-0" }, says = { .name = "codis-server-0", .product = "orders" };

	assert_would_belong(inv, silent, "codis-test", "");
	assert_would_belong(inv, says, "orders", "");
	POD(inv, "codis-proxy-0", .app = "codis-proxy", .product = "shop");
	assert_would_belong(inv, silent, "shop", "");
	assert_would_belong(inv, says, "orders", "");
	POD(inv, "codis-proxy-1", .app = "codis-proxy", .product = "orders");
	assert_would_belong(
		inv, silent, "",
		"add env PRODUCT_NAME: codis-server-0 says no product and the namespace has orders and shop");
}

TEST_WITH(a_dashboard_that_is_made_anew_moves_nobody, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .product = "shop", .uid = "a");
	buf_reset(&w->told);
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .product = "shop", .uid = "b");
	assert_told(w, "default/shop ");
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .product = "shop", .uid = "b", .ip = "10.0.0.9");
	assert_told(w, "default/shop ");
	/* Another product: the servers go along. */
	POD(inv, "codis-dashboard-0", .app = "codis-dashboard", .product = "orders", .uid = "b");
	assert_told(w, "default/orders default/shop ");
	assert_string_equal(pod(inv, "codis-server-0")->product, "orders");
}

TEST_WITH(what_says_the_same_as_before_is_no_change, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0", .product = "shop", .node = "n1");
	SET(inv, 4, "codis-server", .uid = "s", .product = "shop");
	set_node(inv, "n1", true);
	buf_reset(&w->told);
	POD(inv, "codis-server-0", .product = "shop", .node = "n1");
	SET(inv, 4, "codis-server", .uid = "s", .product = "shop");
	set_node(inv, "n1", true);
	inventory_remove_pod(inv, "nobody");
	assert_told(w, "");
}

/* --- StatefulSets ---------------------------------------------------------------------------------------------- */

TEST_WITH(a_set_is_found_by_name_and_by_product, setup, teardown)
{
	WORLD;
	const struct inventory_set *set;

	SET(inv, 3, "nginx", .app = "nginx");
	SET(inv, 4, "codis-server", .uid = "s", .replica = "1");
	set = set_named(inv, "default", "codis-server");
	assert_non_null(set);
	assert_ptr_equal(first_set(inv, "default", "codis-test"), set);
	assert_int_equal(set->shape.replicas, 4);
	assert_int_equal(set->shape.server_replica, 1);
	assert_string_equal(json_str(set->annotations, "note", NULL), "x");
	assert_null(set_named(inv, "default", "nginx"));
	POD(inv, "codis-proxy-0", .app = "codis-proxy", .product = "shop");
	assert_string_equal(set->product, "shop");
	assert_ptr_equal(first_set(inv, "default", "shop"), set);
	assert_null(first_set(inv, "default", "codis-test"));
	SET(inv, 6, "codis-server", .uid = "t");
	assert_int_equal(first_set(inv, "default", "shop")->shape.replicas, 6);
	SET(inv, 2, "a-server", .uid = "u", .deleting = true);
	assert_string_equal(first_set(inv, "default", "shop")->name, "codis-server");
	inventory_remove_set(inv, "t");
	assert_string_equal(first_set(inv, "default", "shop")->name, "a-server");
	inventory_remove_set(inv, "u");
	assert_null(first_set(inv, "default", "shop"));
}

static int count_one(void *ctx, const struct inventory_pod *p)
{
	(void)p;
	++*(int *)ctx;
	return 0;
}

static int members(const struct inventory *inv, int group)
{
	int n = 0;

	inventory_each_of_group(inv, "default", "shop", group, count_one, &n);
	return n;
}

/* Who labels a running server, or takes its label away, takes it to no other group. */
TEST_WITH(the_template_says_the_group_of_its_pods, setup, teardown)
{
	WORLD;

	SET(inv, 4, "codis-server", .uid = "s", .product = "shop");
	SET(inv, 2, "third", .uid = "t", .product = "shop", .group = "3");
	assert_int_equal(set_named(inv, "default", "third")->shape.group, 3);
	assert_int_equal(set_named(inv, "default", "codis-server")->shape.group, 0);
	POD(inv, "codis-server-1", .product = "shop");
	assert_int_equal(pod(inv, "codis-server-1")->pod.group, 1);
	buf_reset(&w->told);
	POD(inv, "codis-server-1", .product = "shop", .group = "1");
	POD(inv, "codis-server-1", .product = "shop", .group = "7");
	assert_int_equal(pod(inv, "codis-server-1")->pod.group, 1);
	POD(inv, "third-1", .product = "shop", .group = "3");
	POD(inv, "third-1", .product = "shop", .group = "3");
	assert_int_equal(pod(inv, "third-1")->pod.group, 3);
	POD(inv, "third-1", .product = "shop");
	assert_int_equal(pod(inv, "third-1")->pod.group, 3);
	assert_int_equal(members(inv, 3), 1);
	assert_int_equal(members(inv, 1), 1);
}

/* The controller that has written it would ask all servers of the product each time. */
TEST_WITH(another_role_is_known_and_no_news, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0", .product = "shop");
	buf_reset(&w->told);
	POD(inv, "codis-server-0", .product = "shop", .role = "master");
	assert_int_equal(pod(inv, "codis-server-0")->pod.role, CODIS_ROLE_MASTER);
	POD(inv, "codis-server-0", .product = "shop", .role = "replica");
	assert_int_equal(pod(inv, "codis-server-0")->pod.role, CODIS_ROLE_REPLICA);
	assert_told(w, "");
	POD(inv, "codis-server-0", .product = "shop", .role = "master", .ip = "10.0.0.1");
	assert_int_equal(pod(inv, "codis-server-0")->pod.role, CODIS_ROLE_MASTER);
	assert_told(w, "default/shop ");
	POD(inv, "codis-server-0", .product = "shop", .uid = "anew", .made = "2024-02-01T00:00:00Z");
	assert_int_equal(pod(inv, "anew")->pod.role, CODIS_ROLE_UNSAID);
}

/* "0 1": those of group 1 that are its masters. */
static const char *masters(const struct inventory *inv)
{
	static char text[16];
	char name[32];

	text[0] = '\0';
	for (int i = 0; i < 2; i++) {
		const struct inventory_pod *p;

		snprintf(name, sizeof(name), "codis-server-%d", i);
		p = inventory_pod(inv, name);
		if (p && p->master)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", text[0] ? " " : "", i);
	}
	return text;
}

#define ROLE_0(inv, ...) POD(inv, "codis-server-0", .product = "shop", __VA_ARGS__)
#define ROLE_1(inv, ...) POD(inv, "codis-server-1", .product = "shop", __VA_ARGS__)

TEST_WITH(the_master_of_a_group_is_who_is_labelled_so_or_else_the_first, setup, teardown)
{
	WORLD;

	ROLE_1(inv, .role = NULL);
	assert_string_equal(masters(inv), "");
	ROLE_0(inv, .role = NULL);
	assert_string_equal(masters(inv), "0");
	ROLE_1(inv, .role = "master");
	assert_string_equal(masters(inv), "1");
	ROLE_0(inv, .role = "replica", .ip = "10.0.0.1");
	assert_string_equal(masters(inv), "1");
	ROLE_1(inv, .role = "master", .ip = "10.0.0.2");
	assert_string_equal(masters(inv), "1");
	inventory_remove_pod(inv, "codis-server-1");
	assert_string_equal(masters(inv), "0");
	ROLE_1(inv, .role = "master");
	SET(inv, 2, "codis-server", .uid = "s", .product = "shop", .group = "3");
	assert_string_equal(masters(inv), "1");
	POD(inv, "codis-server-1", .product = "orders", .role = "master"); /* it was another product's */
	assert_string_equal(masters(inv), "0 1");
	POD(inv, "codis-proxy-0", .product = "shop", .app = "codis-proxy", .role = "master");
	assert_false(pod(inv, "codis-proxy-0")->master);
}

/* One that is asked for before a watch has brought it. */
TEST_WITH(of_a_pod_that_is_not_known_it_is_told_whether_it_would_be_the_master, setup, teardown)
{
	WORLD;
	struct kept_pod first = { .namespace = "default", .server_replica = 2, .group = 1 }, second = first;

	second.ordinal = 1;
	assert_true(inventory_is_master(inv, &first, "shop"));
	assert_false(inventory_is_master(inv, &second, "shop"));
	ROLE_1(inv, .role = "master");
	assert_false(inventory_is_master(inv, &first, "shop"));
	assert_true(inventory_is_master(inv, &first, "orders"));
	second.role = CODIS_ROLE_MASTER;
	assert_true(inventory_is_master(inv, &second, "orders"));
	first.group = 0;
	assert_false(inventory_is_master(inv, &first, "orders"));
}

TEST_WITH(pods_are_of_the_groups_that_their_set_says_once_it_is_known, setup, teardown)
{
	WORLD;

	POD(inv, "third-1", .product = "shop", .group = "3");
	POD(inv, "third-2", .product = "shop"); /* made before the label was there */
	assert_int_equal(pod(inv, "third-1")->pod.group, 3);
	assert_int_equal(pod(inv, "third-2")->pod.group, 2);
	buf_reset(&w->told);
	SET(inv, 3, "third", .uid = "t", .product = "shop", .group = "3");
	assert_told(w, "default/shop ");
	assert_int_equal(pod(inv, "third-2")->pod.group, 3);
	assert_int_equal(members(inv, 3), 2);
	assert_int_equal(members(inv, 2), 0);
	SET(inv, 3, "third", .uid = "t", .product = "shop");
	assert_int_equal(pod(inv, "third-1")->pod.group, 1);
	assert_int_equal(pod(inv, "third-2")->pod.group, 2);
	inventory_remove_set(inv, "t");
	assert_int_equal(pod(inv, "third-1")->pod.group, 3);
	assert_int_equal(members(inv, 3), 1);
}

/* Its selector has the label: whoever changes that takes the pod from its StatefulSet. */
TEST_WITH(a_pod_that_its_set_has_let_go_stays_in_its_group, setup, teardown)
{
	WORLD;

	SET(inv, 2, "third", .uid = "t", .product = "shop", .group = "3");
	POD(inv, "third-1", .product = "shop", .group = "3");
	POD(inv, "third-1", .product = "shop", .group = "1", .released = true);
	assert_int_equal(pod(inv, "third-1")->pod.group, 3);
	inventory_remove_set(inv, "t");
	assert_int_equal(pod(inv, "third-1")->pod.group, 1);
	SET(inv, 2, "third", .uid = "u", .product = "shop", .group = "3");
	assert_int_equal(pod(inv, "third-1")->pod.group, 3);
}

TEST_WITH(a_server_whose_group_is_known_lacks_no_server_replica, setup, teardown)
{
	WORLD;

	SET(inv, 2, "third", .uid = "t", .product = "shop", .replica_from = true, .group = "3");
	POD(inv, "third-1", .product = "shop", .replica_from = true, .group = "3");
	assert_string_equal(pod(inv, "third-1")->trouble, "");
	assert_string_equal(set_named(inv, "default", "third")->trouble, "");
	SET(inv, 2, "third", .uid = "t", .product = "shop", .replica_from = true);
	assert_int_equal(pod(inv, "third-1")->pod.group, 0);
	assert_string_not_equal(pod(inv, "third-1")->trouble, "");
}

TEST_WITH(the_sets_of_a_product_stand_in_the_order_of_their_groups, setup, teardown)
{
	WORLD;
	const struct inventory_set **sets;

	SET(inv, 2, "g10", .uid = "10", .product = "shop", .group = "10");
	SET(inv, 2, "g2", .uid = "2", .product = "shop", .group = "2");
	SET(inv, 2, "counts", .uid = "c", .product = "shop");
	SET(inv, 2, "g2-again", .uid = "2a", .product = "shop", .group = "2");
	SET(inv, 2, "a-counts", .uid = "a", .product = "shop", .deleting = true);
	SET(inv, 2, "proxies", .uid = "p", .product = "shop", .app = "codis-proxy");
	SET(inv, 2, "other", .uid = "o", .product = "orders", .group = "5");
	assert_int_equal(inventory_sets_of(inv, "default", "shop", &sets), 3);
	assert_string_equal(sets[0]->name, "counts");
	assert_string_equal(sets[1]->name, "g2");
	assert_string_equal(sets[2]->name, "g10");
	free(sets);
	assert_int_equal(inventory_sets_of(inv, "default", "nobody", &sets), 0);
	free(sets);
}

/* 60 / 3 + 1 is group 21, 60 / 2 + 1 is group 31: it is not their ordinals that order them. */
TEST_WITH(sets_of_different_sizes_stand_in_the_order_of_their_groups, setup, teardown)
{
	WORLD;
	const struct inventory_set **sets;

	SET(inv, 2, "a-twos", .uid = "2", .product = "shop", .start = 60, .replica = "2");
	SET(inv, 3, "b-threes", .uid = "3", .product = "shop", .start = 60, .replica = "3");
	assert_int_equal(inventory_sets_of(inv, "default", "shop", &sets), 2);
	assert_string_equal(sets[0]->name, "b-threes");
	assert_string_equal(sets[1]->name, "a-twos");
	free(sets);
}

TEST_WITH(sets_without_a_label_that_make_different_groups_all_count, setup, teardown)
{
	WORLD;
	const struct inventory_set **sets;

	SET(inv, 2, "g7", .uid = "7", .product = "shop", .group = "7");
	SET(inv, 4, "a-behind", .uid = "b", .product = "shop", .start = 20);
	SET(inv, 0, "codis-server", .uid = "s", .product = "shop");
	SET(inv, 2, "in-between", .uid = "i", .product = "shop", .start = 22);
	assert_int_equal(inventory_sets_of(inv, "default", "shop", &sets), 3);
	assert_string_equal(sets[0]->name, "codis-server");
	assert_string_equal(sets[1]->name, "a-behind");
	assert_string_equal(sets[2]->name, "g7");
	free(sets);
}

/* Whoever scales the old one to 0 makes room for a new one. */
TEST_WITH(of_two_sets_of_a_product_one_that_has_servers_counts, setup, teardown)
{
	WORLD;

	SET(inv, 0, "a-server", .uid = "a", .product = "shop");
	SET(inv, 4, "codis-server", .uid = "s", .product = "shop");
	assert_string_equal(first_set(inv, "default", "shop")->name, "codis-server");
}

TEST_WITH(a_set_speaks_for_the_silent_pods, setup, teardown)
{
	WORLD;

	POD(inv, "codis-proxy-0", .app = "codis-proxy");
	SET(inv, 2, "codis-server", .product = "shop");
	assert_string_equal(pod(inv, "codis-proxy-0")->product, "shop");
	assert_told(w, "default/codis-test default/codis-test default/shop ");
	SET(inv, 2, "codis-server", .product = "orders");
	assert_string_equal(pod(inv, "codis-proxy-0")->product, "orders");
	assert_told(w, "default/orders default/shop ");
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

TEST_WITH(a_lost_node_is_known_to_its_pods_at_its_change, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0", .node = "n1", .product = "shop");
	POD(inv, "codis-server-1", .node = "n1", .product = "orders");
	POD(inv, "codis-server-2", .node = "n2", .product = "more");
	POD(inv, "codis-server-3", .product = "more");
	assert_true(pod(inv, "codis-server-0")->node_lost); /* it is not there yet */
	assert_false(pod(inv, "codis-server-3")->node_lost);
	buf_reset(&w->told);
	set_node(inv, "n1", true);
	assert_non_null(strstr(w->told.data, "default/shop "));
	assert_non_null(strstr(w->told.data, "default/orders "));
	assert_null(strstr(w->told.data, "default/more "));
	assert_false(pod(inv, "codis-server-0")->node_lost);
	assert_false(pod(inv, "codis-server-1")->node_lost);
	POD(inv, "codis-server-4", .node = "n1", .product = "shop");
	assert_false(pod(inv, "codis-server-4")->node_lost);
	set_node(inv, "n1", false);
	assert_true(pod(inv, "codis-server-4")->node_lost);
	set_node(inv, "n1", true);
	inventory_remove_node(inv, "n1");
	assert_true(pod(inv, "codis-server-0")->node_lost);
	assert_null(inventory_node(inv, "n1"));
}

/* By a person, or by the provider; and its pods hear of it. */
TEST_WITH(a_node_that_is_said_to_be_out_of_service, setup, teardown)
{
	WORLD;

	POD(inv, "codis-server-0", .node = "n1", .product = "shop");
	set_node(inv, "n1", false);
	assert_false(inventory_node(inv, "n1")->out_of_service);
	buf_reset(&w->told);
	set_tainted_node(inv, "n1", false, "node.kubernetes.io/out-of-service");
	assert_true(inventory_node(inv, "n1")->out_of_service);
	assert_string_equal(w->told.data, "default/shop ");
	set_node(inv, "n1", false);
	assert_false(inventory_node(inv, "n1")->out_of_service);
	set_tainted_node(inv, "n1", false, "node.cloudprovider.kubernetes.io/shutdown");
	assert_true(inventory_node(inv, "n1")->out_of_service);
}

TEST_WITH(labels_are_left_out_where_nobody_asks_for_them, setup, teardown)
{
	static const char set[] =
		"{\"metadata\":{\"namespace\":\"default\",\"name\":\"codis-server\",\"uid\":\"s\",\"annotations\":{"
		"\"a\":\"b\"}},"
		"\"spec\":{\"replicas\":4,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}}}}}";
	JSON_CLEANUP cJSON *object = cJSON_Parse(set);
	const struct inventory_set **sets;

	WORLD;

	inventory_leave_out_labels(inv);
	POD(inv, "codis-server-0", .node = "n1");
	assert_int_equal(inventory_set_set(inv, object, NULL), 0);
	assert_int_equal(inventory_sets_of(inv, "default", "codis-test", &sets), 1);
	assert_null(sets[0]->labels);
	assert_null(sets[0]->annotations);
	free(sets);
	assert_string_equal(pod_named(inv, "default", "codis-server-0")->pod.labels, "");
	buf_reset(&w->told);
	POD(inv, "codis-server-0", .node = "n1");
	assert_int_equal(inventory_set_set(inv, object, NULL), 0);
	assert_string_equal(w->told.data, "");
}

TEST_WITH(a_node_tells_its_labels_and_when_it_failed, setup, teardown)
{
	WORLD;
	const struct inventory_node *n;

	set_node(inv, "n1", true);
	n = inventory_node(inv, "n1");
	assert_int_equal(n->ready_changed_ms, 0); /* it only joined */
	assert_string_equal(inventory_node_label(n, "zone"), "z1");
	assert_string_equal(inventory_node_label(n, "kubernetes.io/hostname"), "n1");
	assert_null(inventory_node_label(n, "rack"));
	set_node(inv, "n1", false);
	assert_int_equal(inventory_node(inv, "n1")->ready_changed_ms, INT64_C(1704069000000));
}

/* --- churn: the same as one would find by looking through everything -------------------------------------------- */

#define UIDS  160
#define NAMES 40

struct model_pod {
	bool there;
	char uid[16], name[32], product[16], node[8], ip[16];
	const char *namespace, *app;
	int ordinal;
	bool elsewhere;
};

enum { SHOP, ORDERS, CODIS_TEST, STOCK, WORDS }; /* STOCK: a dashboard that says nothing */

struct model {
	struct model_pod pods[UIDS];
	bool remembered[2][WORDS], had_servers[2][WORDS]; /* in `default`, in `other`: said by one that is gone */
	bool nodes[6];
	unsigned seed, words;
};

static unsigned any(struct model *m, unsigned below)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (m->seed >> 8) % below;
}

static bool is_other(const struct model_pod *p)
{
	return strcmp(p->namespace, "other") == 0;
}

/* What it says for others; WORDS: nothing. */
static int word_of(const struct model_pod *p)
{
	if (strcmp(p->app, "codis-fe") == 0 || p->elsewhere)
		return WORDS;
	if (!p->product[0])
		return strcmp(p->app, "codis-dashboard") == 0 ? STOCK : WORDS;
	return p->product[0] == 's' ? SHOP : p->product[0] == 'o' ? ORDERS : CODIS_TEST;
}

static bool is_said(const struct model *m, bool other, int word)
{
	for (int i = 0; i < UIDS; i++) {
		if (m->pods[i].there && is_other(&m->pods[i]) == other && word_of(&m->pods[i]) == word)
			return true;
	}
	return m->remembered[other][word];
}

static bool is_server(const struct model_pod *p)
{
	return strcmp(p->app, "codis-server") == 0;
}

static bool has_servers(const struct model *m, bool other, int word)
{
	for (int i = 0; i < UIDS; i++) {
		const struct model_pod *p = &m->pods[i];

		if (p->there && is_other(p) == other && is_server(p) && word_of(p) == word)
			return true;
	}
	return m->had_servers[other][word];
}

static bool is_any_unreadable(const struct model *m, bool other)
{
	for (int i = 0; i < UIDS; i++) {
		const struct model_pod *p = &m->pods[i];

		if (p->there && is_other(p) == other && p->elsewhere && strcmp(p->app, "codis-fe") != 0)
			return true;
	}
	return false;
}

static const char *model_product(const struct model *m, const struct model_pod *p)
{
	bool other = is_other(p), shop = is_said(m, other, SHOP), orders = is_said(m, other, ORDERS);

	if (p->product[0] || p->elsewhere)
		return p->product;
	if (is_said(m, other, STOCK))
		return "codis-test";
	if (shop + orders + is_said(m, other, CODIS_TEST) > 1 || is_any_unreadable(m, other))
		return "";
	if (is_server(p) && ((shop && has_servers(m, other, SHOP)) || (orders && has_servers(m, other, ORDERS))))
		return "";
	return shop ? "shop" : orders ? "orders" : "codis-test";
}

static void model_remove(struct model *m, int i)
{
	struct model_pod *p = &m->pods[i];
	int left = 0;

	if (!p->there)
		return;
	p->there = false;
	for (int k = 0; k < UIDS; k++)
		left += m->pods[k].there && is_other(&m->pods[k]) == is_other(p);
	if (!left)
		memset(m->remembered[is_other(p)], 0, sizeof(m->remembered[0]));
	else if (word_of(p) != WORDS && !is_said(m, is_other(p), word_of(p)))
		m->remembered[is_other(p)][word_of(p)] = true;
	if (!left)
		memset(m->had_servers[is_other(p)], 0, sizeof(m->had_servers[0]));
	else if (word_of(p) != WORDS && is_server(p) && !has_servers(m, is_other(p), word_of(p)))
		m->had_servers[is_other(p)][word_of(p)] = true;
}

static int model_group(const struct model_pod *p)
{
	return strcmp(p->app, "codis-server") == 0 ? p->ordinal / 2 + 1 : 0;
}

static void check_pod(const struct model *m, const struct inventory *inv, const struct model_pod *p)
{
	char addr[64];
	const struct inventory_pod *known = inventory_pod(inv, p->uid);
	const char *product;
	int group = 0, peers = 0, on = 0, mates = 0;

	if (!p->there) {
		assert_null(known);
		return;
	}
	assert_non_null(known);
	product = model_product(m, p);
	assert_ptr_equal(pod_named(inv, p->namespace, p->name), known);
	assert_string_equal(known->product, product);
	assert_int_equal(known->node_lost, p->node[0] && !m->nodes[p->node[1] - '0']);
	for (int i = 0; i < UIDS; i++) {
		const struct model_pod *o = &m->pods[i];

		if (!o->there)
			continue;
		mates += strcmp(o->node, p->node) == 0;
		group += strcmp(o->namespace, p->namespace) == 0 && strcmp(model_product(m, o), product) == 0 &&
			 model_group(o) == model_group(p);
	}
	inventory_each_of_group(inv, p->namespace, product, model_group(p), count_pod, &peers);
	assert_int_equal(peers, group);
	inventory_each_on_node(inv, p->node, count_pod, &on);
	assert_int_equal(on, p->node[0] ? mates : 0);
	snprintf(addr, sizeof(addr), "%s:6379", p->ip);
	assert_true(!p->ip[0] || !is_server(p) || inventory_pod_at(inv, addr));
}

static void check_all(const struct model *m, const struct inventory *inv)
{
	int there = 0;

	for (int i = 0; i < UIDS; i++) {
		check_pod(m, inv, &m->pods[i]);
		there += m->pods[i].there;
	}
	assert_int_equal(all_pods(inv), there);
}

static void model_set(struct model *m, struct inventory *inv, int i)
{
	static const char *const apps[] = { "codis-server", "codis-server", "codis-proxy", "codis-dashboard",
					    "codis-fe" };
	static const char *const words[] = { "", "", "", "shop", "shop", "orders", "codis-test" };
	struct model_pod *p = &m->pods[i], *o;

	if (!p->there)
		p->namespace = any(m, 2) ? "other" : "default";
	p->ordinal = i % NAMES / 5;
	p->app = apps[i % 5];
	snprintf(p->uid, sizeof(p->uid), "u%d", i);
	snprintf(p->name, sizeof(p->name), "%s-%d", p->app, p->ordinal);
	for (int k = 0; k < UIDS; k++) {
		o = &m->pods[k];
		if (k != i && o->there && strcmp(o->name, p->name) == 0 && strcmp(o->namespace, p->namespace) == 0)
			o->there = false;
	}
	p->there = true;
	p->elsewhere = any(m, 60) == 0;
	snprintf(p->product, sizeof(p->product), "%s", p->elsewhere ? "" : words[any(m, m->words)]);
	snprintf(p->node, sizeof(p->node), any(m, 5) ? "n%u" : "", any(m, 6));
	snprintf(p->ip, sizeof(p->ip), any(m, 5) ? "10.0.0.%u" : "", any(m, 20));
	POD(inv, p->name, .namespace = p->namespace, .uid = p->uid, .app = p->app,
	    .product = p->product[0] ? p->product : NULL, .from = p->elsewhere ? "names" : NULL,
	    .node = p->node[0] ? p->node : NULL, .ip = p->ip[0] ? p->ip : NULL);
}

static void model_step(struct model *m, struct inventory *inv)
{
	int i = (int)any(m, UIDS), n = (int)any(m, 6);
	char name[16];

	switch (any(m, 8)) {
	case 0:
		snprintf(name, sizeof(name), "n%d", n);
		m->nodes[n] = false;
		inventory_remove_node(inv, name);
		break;
	case 1:
	case 2:
		snprintf(name, sizeof(name), "n%d", n);
		m->nodes[n] = any(m, 2);
		set_node(inv, name, m->nodes[n]);
		break;
	case 3:
	case 4:
		model_remove(m, i);
		snprintf(name, sizeof(name), "u%d", i);
		inventory_remove_pod(inv, name);
		break;
	default: model_set(m, inv, i);
	}
}

static void remove_all(struct model *m, struct inventory *inv)
{
	char uid[16];

	for (int i = 0; i < UIDS; i++) {
		snprintf(uid, sizeof(uid), "u%d", i);
		model_remove(m, i);
		inventory_remove_pod(inv, uid);
	}
}

TEST_WITH(twenty_thousand_events_leave_what_a_naive_model_has, setup, teardown)
{
	WORLD;
	struct model m = { .seed = 7 };

	for (int step = 0; step < 20000; step++) {
		/* By turns few words and many, and all gone. */
		m.words = 3 + (unsigned)(step / 500) % 5;
		if (step % 500 == 0)
			remove_all(&m, inv);
		model_step(&m, inv);
		buf_reset(&w->told);
		if (step % 50 == 0)
			check_all(&m, inv);
	}
	check_all(&m, inv);
	remove_all(&m, inv);
	assert_int_equal(all_pods(inv), 0);
	assert_products(inv, "");
}
