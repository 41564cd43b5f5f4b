#include "common/codis/inventory_watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/component.h"
#include "common/codis/inventory.h"
#include "tests/unit/fake_api.h"
#include "tests/unit/inventory_named.h"
#include "tests/unit/test.h"

#define PODS "/api/v1/namespaces/default/pods/"
#define SETS "/apis/apps/v1/namespaces/default/statefulsets/"

struct world {
	struct fake_world *fake;
	struct inventory *inv;
	struct inventory_watch *watch;
	pthread_mutex_t lock;
	struct buf told; /* "+uid" and "-uid" by the hooks, "?name" for what cannot be read */
	bool lost;       /* codis-server-0 was away for a moment */
	bool guarded;
};

static void on_pod(void *ctx, const cJSON *pod, const cJSON *old)
{
	if (!old)
		buf_addf(&((struct world *)ctx)->told, "+%s ", json_str(pod, "metadata", "uid", NULL));
}

static void on_pod_gone(void *ctx, const cJSON *pod)
{
	buf_addf(&((struct world *)ctx)->told, "-%s ", json_str(pod, "metadata", "uid", NULL));
}

static void on_unreadable(void *ctx, const char *resource, const cJSON *object, const struct error *err)
{
	assert_non_null(strstr(err->text, "SERVER_REPLICA"));
	buf_addf(&((struct world *)ctx)->told, "?%s/%s ", resource, json_str(object, "metadata", "name", NULL));
}

static void on_change(void *ctx, const char *namespace, const char *product)
{
	struct world *w = ctx;

	(void)namespace;
	(void)product;
	assert_int_not_equal(pthread_mutex_trylock(&w->lock), 0); /* it is held */
	if (w->guarded && !pod_named(w->inv, "default", "codis-server-0"))
		w->lost = true;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct inventory_watch_config cfg = { .lock = &w->lock,
					      .parts = INVENTORY_NODES | INVENTORY_PODS | INVENTORY_SETS,
					      .keep_sets = true,
					      .program = "codis-test-program",
					      .on_pod = on_pod,
					      .on_pod_gone = on_pod_gone,
					      .on_unreadable = on_unreadable,
					      .ctx = w };

	assert_int_equal(fake_setup((void **)&w->fake), 0);
	pthread_mutex_init(&w->lock, NULL);
	buf_init(&w->told, 4096);
	cfg.inventory = w->inv = inventory_new();
	inventory_listen(w->inv, on_change, w);
	w->watch = inventory_watch_start(&w->fake->loop.uv, w->fake->kube, &cfg, NULL);
	assert_non_null(w->watch);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	inventory_watch_stop(w->watch);
	inventory_free(w->inv);
	buf_release(&w->told);
	pthread_mutex_destroy(&w->lock);
	fake_teardown((void **)&w->fake);
	free(w);
	return 0;
}

static void apply_pod(struct world *w, const char *name, const char *uid, const char *labels, const char *more)
{
	BUF_CLEANUP struct buf path = BUF_INIT(512), json = BUF_INIT(4096);

	buf_addf(&path, PODS "%s", name);
	buf_addf(&json,
		 "{\"metadata\":{\"uid\":\"%s\",\"creationTimestamp\":\"2024-01-01T00:00:00Z\",\"labels\":{%s},"
		 "\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"codis-server\",\"controller\":true}]%s},"
		 "\"spec\":{\"nodeName\":\"n1\",\"volumes\":[{\"name\":\"d\",\"persistentVolumeClaim\":{}}],"
		 "\"containers\":[{\"name\":\"codis-server\","
		 "\"volumeMounts\":[{}]}]},\"status\":{\"podIP\":\"10.0.0.1\"}}",
		 uid, labels, more);
	fake_apply(&w->fake->api, path.data, json.data);
}

#define STOCK    "\"app\":\"codis-server\""
#define LABELLED "\"app\":\"codis-server\",\"codis.io/component\":\"codis-server\""
#define DELETING ",\"deletionTimestamp\":\"2024-01-01T00:00:00Z\""

/* --- what is waited for ------------------------------------------------------------------------------------------- */

static bool is_ready(void *ctx)
{
	char why[128];

	return inventory_watch_ready(((struct world *)ctx)->watch, why, sizeof(why));
}

static bool has_its_node(void *ctx)
{
	return !inventory_pod(((struct world *)ctx)->inv, "u0")->node_lost;
}

/* The pods' names, and their uids if they are these. */
struct wanted {
	struct world *w;
	const char *name, *uid; /* uid NULL: gone */
};

static bool is_so(void *ctx)
{
	const struct wanted *want = ctx;
	const struct inventory_pod *p = pod_named(want->w->inv, "default", want->name);

	return want->uid ? p && strcmp(p->pod.uid, want->uid) == 0 : !p;
}

static void await(struct world *w, const char *name, const char *uid)
{
	struct wanted want = { w, name, uid };

	if (!fake_run(w->fake, 10000, is_so, &want))
		fail_msg("%s is not %s", name, uid ? uid : "gone");
}

static void await_ready(struct world *w)
{
	assert_true(fake_run(w->fake, 10000, is_ready, w));
}

static void assert_told(struct world *w, const char *want)
{
	assert_string_equal(w->told.len ? w->told.data : "", want);
	buf_reset(&w->told);
}

/* The event of this pod is the last of all before it: both watches have heard what was before. */
static void await_marks(struct world *w, const char *number)
{
	char by_app[64], by_component[64];

	snprintf(by_app, sizeof(by_app), "codis-server-1%s", number);
	snprintf(by_component, sizeof(by_component), "codis-server-2%s", number);
	apply_pod(w, by_app, by_app, STOCK, "");
	apply_pod(w, by_component, by_component, LABELLED, "");
	await(w, by_app, by_app);
	await(w, by_component, by_component);
}

/* --- tests ----------------------------------------------------------------------------------------------------------
 */

/* One of these values of each label; NULL: it has not the label. */
static const char *const keys[] = { "codis.io/component", "app", "app.kubernetes.io/component",
				    "app.kubernetes.io/name", "app.kubernetes.io/part-of" };
static const char *const values[] = { NULL,     "codis-server", "codis-ha", "zk",        "zookeeper",
				      "server", "ha",           "codis",    "codis-k8s", "nginx" };
#define VALUES (sizeof(values) / sizeof(values[0]))

static cJSON *labelled(unsigned number)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *labels = cJSON_AddObjectToObject(cJSON_AddObjectToObject(object, "metadata"), "labels");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++, number /= VALUES) {
		if (values[number % VALUES])
			cJSON_AddStringToObject(labels, keys[i], values[number % VALUES]);
	}
	return object;
}

TEST(each_pod_of_codis_is_in_one_watch_whatever_its_labels)
{
	unsigned combinations = VALUES * VALUES * VALUES * VALUES * VALUES;

	for (unsigned n = 0; n < combinations; n++) {
		JSON_CLEANUP cJSON *object = labelled(n);
		bool codis = codis_component_of(object) != CODIS_NONE;
		int in = 0;

		for (int i = 0; i < COMPONENT_SELECTORS; i++)
			in += fake_labels_match(component_selectors[i], object);
		if (in > 1 || (codis && !in))
			fail_msg("%s is in %d watches", cJSON_Print(object), in);
		/* Others, where the label that it is in for is about Codis. */
		if (in && !codis && !json_get(object, "metadata", "labels", keys[0], NULL))
			assert_memory_equal(json_str(object, "metadata", "labels", keys[3], NULL), "codis", 5);
	}
}

TEST_WITH(it_is_ready_when_all_is_listed, setup, teardown)
{
	struct world *w = *state;
	char why[128];

	assert_false(inventory_watch_ready(w->watch, why, sizeof(why)));
	assert_string_equal(why, "codis-test-program has not listed the nodes yet");
	assert_false(inventory_watch_fresh(w->watch, 60000));
	apply_pod(w, "codis-server-0", "u0", STOCK, "");
	apply_pod(w, "codis-server-1", "u1", LABELLED, "");
	apply_pod(w, "nginx-0", "x", "\"app\":\"nginx\"", "");
	await_ready(w);
	assert_true(inventory_watch_fresh(w->watch, 60000));
	assert_true(inventory_pod(w->inv, "u0")->pod.keeps_data); /* of what is kept */
	assert_non_null(inventory_pod(w->inv, "u0"));
	assert_non_null(inventory_pod(w->inv, "u1"));
	assert_null(inventory_pod(w->inv, "x"));
	assert_true(inventory_pod(w->inv, "u0")->node_lost);
	fake_apply(&w->fake->api, "/api/v1/nodes/n1",
		   "{\"spec\":{\"taints\":[{\"key\":\"node.kubernetes.io/out-of-service\",\"effect\":\"NoExecute\"}]},"
		   "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
	await_marks(w, "0");
	assert_true(fake_run(w->fake, 10000, has_its_node, w));
	assert_true(inventory_node(w->inv, "n1")->out_of_service);
}

static bool has_memory(void *ctx)
{
	const struct inventory_node *n = inventory_node(((struct world *)ctx)->inv, "n1");

	return n && n->memory_mib;
}

TEST_WITH(why_a_pod_does_not_start_is_kept, setup, teardown)
{
	struct world *w = *state;
	const struct inventory_pod *p;

	fake_apply(
		&w->fake->api, PODS "codis-server-0",
		"{\"metadata\":{\"uid\":\"u0\",\"labels\":{" STOCK "}},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{"
		"\"name\":\"codis-server\"}]},\"status\":{\"initContainerStatuses\":[{\"name\":\"done\",\"image\":\"i:"
		"1\","
		"\"state\":{\"terminated\":{\"exitCode\":0}}}],\"containerStatuses\":[{\"name\":\"codis-server\","
		"\"image\":\"c:9\",\"lastState\":{\"terminated\":{\"exitCode\":1}},\"state\":{\"waiting\":{\"reason\":"
		"\"CrashLoopBackOff\"}}}]}}");
	fake_apply(&w->fake->api, PODS "codis-server-1",
		   "{\"metadata\":{\"uid\":\"u1\",\"labels\":{" STOCK
		   "}},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{"
		   "\"name\":\"codis-server\"}]},\"status\":{\"initContainerStatuses\":[{\"name\":\"first\",\"image\":"
		   "\"i:1\","
		   "\"state\":{\"waiting\":{\"reason\":\"ErrImagePull\"}}}]}}");
	fake_apply(
		&w->fake->api, PODS "codis-server-2",
		"{\"metadata\":{\"uid\":\"u2\",\"labels\":{" STOCK "}},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{"
		"\"name\":\"codis-server\"}]},\"status\":{\"phase\":\"Pending\",\"startTime\":\"2026-01-02T03:04:05Z\","
		"\"conditions\":[{\"type\":\"PodReadyToStartContainers\",\"status\":\"False\"}]}}");
	await_ready(w);
	await_marks(w, "0");
	p = inventory_pod(w->inv, "u0");
	assert_int_equal(inventory_pod(w->inv, "u2")->pod.status.unprepared_s, 1767323045);
	assert_string_equal(p->pod.waits, "CrashLoopBackOff, it ended with 1");
	assert_string_equal(inventory_pod(w->inv, "u1")->pod.waits, "ImagePullBackOff, i:1");
}

/* Of what else it says most is not kept. */
TEST_WITH(what_a_pod_asks_of_a_node_is_kept, setup, teardown)
{
	static const char asks[] = "\"resources\":{\"requests\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}}";
	struct world *w = *state;
	BUF_CLEANUP struct buf json = BUF_INIT(4096);

	buf_addf(
		&json,
		"{\"metadata\":{\"uid\":\"u0\",\"labels\":{" STOCK "}},\"spec\":{\"nodeName\":\"n1\","
		"\"tolerations\":[{\"key\":\"batch\",\"operator\":\"Exists\",\"effect\":\"PreferNoSchedule\"}],"
		"\"overhead\":{\"memory\":\"8Mi\"},\"initContainers\":[{\"name\":\"mesh\",\"restartPolicy\":\"Always\","
		"%s}],\"containers\":[{\"name\":\"codis-server\",%s},{\"name\":\"exporter\",%s}]}}",
		asks, asks, asks);
	fake_apply(&w->fake->api, PODS "codis-server-0", json.data);
	fake_apply(&w->fake->api, "/api/v1/nodes/n1",
		   "{\"spec\":{\"taints\":[{\"key\":\"batch\",\"value\":\"1\",\"effect\":\"PreferNoSchedule\"}]},"
		   "\"status\":{\"allocatable\":{\"cpu\":\"8\",\"memory\":\"60Gi\"}}}");
	await_ready(w);
	assert_true(fake_run(w->fake, 10000, has_memory, w));
	assert_int_equal(inventory_pod(w->inv, "u0")->pod.memory_mib, 3 * 1024 + 8);
	assert_string_equal(inventory_pod(w->inv, "u0")->pod.tolerates, "batch,");
	assert_int_equal(inventory_node(w->inv, "n1")->memory_mib, 61440);
	assert_string_equal(inventory_node(w->inv, "n1")->taints, "batch=1,");
}

/* One that leaves both watches is gone after a while; then all that left one of them before would be gone, too. */
static void await_what_left(struct world *w)
{
	apply_pod(w, "codis-server-9", "u9", STOCK, "");
	await(w, "codis-server-9", "u9");
	apply_pod(w, "codis-server-9", "u9", "\"app\":\"nginx\"", "");
	await(w, "codis-server-9", NULL);
	assert_non_null(strstr(w->told.data, "-u9 "));
}

static void assert_never_lost(struct world *w)
{
	assert_false(w->lost);
	assert_non_null(inventory_pod(w->inv, "u0"));
	assert_null(strstr(w->told.data, "-u0"));
}

TEST_WITH(a_pod_that_moves_from_one_selector_to_the_other_is_never_lost, setup, teardown)
{
	struct world *w = *state;

	apply_pod(w, "codis-server-0", "u0", STOCK, "");
	await_ready(w);
	w->guarded = true;
	for (int i = 0; i < 8; i++) {
		char number[8];

		snprintf(number, sizeof(number), "%d", i);
		apply_pod(w, "codis-server-0", "u0", i % 2 ? STOCK : LABELLED, "");
		await_marks(w, number);
	}
	await_what_left(w);
	assert_never_lost(w);
}

/* A pod that left one watch is given a second to come by the other. A machine that took longer than that tells nothing
 * of what was lost meanwhile. Between two attempts a watch waits, longer each time. */
#define GIVEN_MS 1000
#define ATTEMPTS 4

struct awaited {
	struct wanted wanted;
	int64_t not_before_ms; /* it was not so then */
};

static bool is_so_now(void *ctx)
{
	struct awaited *a = ctx;
	int64_t now_ms = clock_mono_ms();

	if (is_so(&a->wanted))
		return true;
	a->not_before_ms = now_ms;
	return false;
}

/* Whether the other watch had brought the pod in time. */
static bool moves_in_time(struct world *w, int attempt)
{
	char before[32], after[32], number[16];
	struct awaited left = { .wanted = { w, before, before } };

	snprintf(before, sizeof(before), "codis-server-3%d", attempt);
	snprintf(after, sizeof(after), "codis-server-4%d", attempt);
	snprintf(number, sizeof(number), "%d", attempt);
	w->guarded = true;
	w->lost = false;
	buf_reset(&w->told);
	fake_end_watches(&w->fake->api, false);
	fake_block(&w->fake->api, "labelSelector=codis.io");
	apply_pod(w, before, before, STOCK, "");
	apply_pod(w, "codis-server-0", "u0", LABELLED, "");
	apply_pod(w, after, after, STOCK, "");
	assert_true(fake_run(w->fake, 10000, is_so_now, &left));
	await(w, after, after);
	fake_unblock(&w->fake->api);
	await_marks(w, number);
	return clock_mono_ms() - left.not_before_ms < GIVEN_MS;
}

TEST_WITH(the_watch_that_loses_a_pod_may_be_heard_first, setup, teardown)
{
	struct world *w = *state;
	int attempt = 0;

	apply_pod(w, "codis-server-0", "u0", STOCK, "");
	await_ready(w);
	await_marks(w, "9"); /* both watches are there to be ended */
	while (!moves_in_time(w, attempt)) {
		w->guarded = false;
		if (++attempt == ATTEMPTS)
			fail_msg("%d attempts took longer than %d ms each", attempt, GIVEN_MS);
		apply_pod(w, "codis-server-0", "u0", STOCK, "");
		await(w, "codis-server-0", "u0");
	}
	await_what_left(w);
	assert_never_lost(w);
}

TEST_WITH(the_watch_that_gets_a_pod_may_be_heard_first, setup, teardown)
{
	struct world *w = *state;

	apply_pod(w, "codis-server-0", "u0", STOCK, "");
	await_ready(w);
	await_marks(w, "9"); /* one that is only being asked for would neither end nor wait */
	w->guarded = true;
	fake_end_watches(&w->fake->api, false);
	fake_block(&w->fake->api, "labelSelector=!");
	apply_pod(w, "codis-server-0", "u0", LABELLED, "");
	apply_pod(w, "codis-server-8", "u8", LABELLED, "");
	await(w, "codis-server-8", "u8");
	fake_unblock(&w->fake->api);
	await_marks(w, "0");
	await_what_left(w);
	assert_never_lost(w);
}

#define CHART "\"app.kubernetes.io/name\":\"codis\",\"app.kubernetes.io/component\":\"server\""

TEST_WITH(a_pod_with_a_charts_labels_is_one_and_may_get_our_label, setup, teardown)
{
	struct world *w = *state;

	apply_pod(w, "codis-server-0", "u0", CHART, "");
	await_ready(w);
	await(w, "codis-server-0", "u0");
	w->guarded = true;
	apply_pod(w, "codis-server-0", "u0", CHART ",\"codis.io/component\":\"codis-server\"", "");
	await_marks(w, "0");
	await_what_left(w);
	assert_never_lost(w);
}

TEST_WITH(a_pod_made_anew_in_a_gap_leaves_no_ghost, setup, teardown)
{
	struct world *w = *state;

	apply_pod(w, "codis-server-0", "old", STOCK, "");
	apply_pod(w, "codis-server-1", "gone", STOCK, "");
	await_ready(w);
	assert_told(w, "+old +gone ");
	fake_down(&w->fake->api);
	fake_delete(&w->fake->api, PODS "codis-server-0");
	fake_delete(&w->fake->api, PODS "codis-server-1");
	apply_pod(w, "codis-server-0", "new", STOCK, "");
	fake_compact(&w->fake->api, false);
	fake_up(&w->fake->api);
	await(w, "codis-server-0", "new");
	await(w, "codis-server-1", NULL);
	assert_null(inventory_pod(w->inv, "old"));
	assert_told(w, "-old +new -gone ");
}

TEST_WITH(a_pod_that_was_deleted_is_gone_at_once, setup, teardown)
{
	struct world *w = *state;

	apply_pod(w, "codis-server-0", "u0", STOCK, "");
	await_ready(w);
	apply_pod(w, "codis-server-0", "u0", STOCK, DELETING);
	fake_delete(&w->fake->api, PODS "codis-server-0");
	apply_pod(w, "codis-server-1", "u1", STOCK, "");
	await(w, "codis-server-1", "u1");
	assert_null(inventory_pod(w->inv, "u0"));
	assert_told(w, "+u0 -u0 +u1 ");
}

/* Late news of one watch, when the other has brought the successor already. */
TEST_WITH(a_successor_is_not_lost_with_its_forerunner, setup, teardown)
{
	struct world *w = *state;

	apply_pod(w, "codis-server-0", "old", STOCK, "");
	await_ready(w);
	fake_end_watches(&w->fake->api, false);
	fake_block(&w->fake->api, "labelSelector=!");
	apply_pod(w, "codis-server-0", "old", STOCK, DELETING);
	fake_delete(&w->fake->api, PODS "codis-server-0");
	apply_pod(w, "codis-server-0", "new", LABELLED, "");
	await(w, "codis-server-0", "new");
	fake_unblock(&w->fake->api);
	await_marks(w, "0");
	await(w, "codis-server-0", "new");
}

static int read_set(void *ctx, const cJSON *set)
{
	return set ? (int)json_int(-1, set, "spec", ctx, NULL) : -2;
}

TEST_WITH(sets_are_kept_as_far_as_they_are_codis, setup, teardown)
{
	struct world *w = *state;
	char replicas[] = "replicas";

	fake_apply(
		&w->fake->api, SETS "codis-server",
		"{\"metadata\":{\"uid\":\"s\"},\"spec\":{\"replicas\":4,\"template\":{\"metadata\":{\"labels\":{" STOCK
		"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\",\"env\":[]}]}}}}");
	fake_apply(&w->fake->api, SETS "nginx",
		   "{\"metadata\":{\"uid\":\"n\"},\"spec\":{\"replicas\":3,\"template\":{\"metadata\":{\"labels\":{"
		   "\"app\":\"nginx\"}}}}}");
	fake_apply(&w->fake->api, SETS "wrong",
		   "{\"metadata\":{\"uid\":\"w\"},\"spec\":{\"template\":{\"metadata\":{\"labels\":{" STOCK
		   "}},\"spec\":{\"containers\":[{\"name\":\"codis-server\",\"env\":[{\"name\":\"SERVER_REPLICA\","
		   "\"value\":\"two\"}]}]}}}}");
	await_ready(w);
	assert_int_equal(first_set(w->inv, "default", "codis-test")->shape.replicas, 4);
	assert_int_equal(inventory_watch_read_set(w->watch, "default/codis-server", read_set, replicas), 4);
	assert_int_equal(inventory_watch_read_set(w->watch, "default/nginx", read_set, replicas), -1);
	assert_int_equal(inventory_watch_read_set(w->watch, "default/none", read_set, replicas), -2);
	assert_told(w, "?statefulsets/wrong ");
}

static void apply_set(struct world *w, const char *name, const char *uid, int replicas, const char *labels)
{
	BUF_CLEANUP struct buf path = BUF_INIT(512), json = BUF_INIT(4096);

	buf_addf(&path, SETS "%s", name);
	buf_addf(
		&json,
		"{\"metadata\":{\"uid\":\"%s\"},\"spec\":{\"replicas\":%d,\"template\":{\"metadata\":{\"labels\":{%s}},"
		"\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}}}}",
		uid, replicas, labels);
	fake_apply(&w->fake->api, path.data, json.data);
}

static bool has_no_set(void *ctx)
{
	return !set_named(((struct world *)ctx)->inv, "default", "redis");
}

TEST_WITH(a_set_made_anew_as_another_programs_leaves_no_ghost, setup, teardown)
{
	struct world *w = *state;

	apply_set(w, "redis", "old", 4, STOCK);
	await_ready(w);
	assert_false(has_no_set(w));
	fake_down(&w->fake->api);
	fake_delete(&w->fake->api, SETS "redis");
	apply_set(w, "redis", "new", 3, "\"app\":\"nginx\"");
	fake_compact(&w->fake->api, false);
	fake_up(&w->fake->api);
	assert_true(fake_run(w->fake, 10000, has_no_set, w));
}

/* --- churn ------------------------------------------------------------------------------------------------------- */

struct churn {
	struct world *w;
	unsigned seed, made;
	char uid[12][16]; /* "": not there */
	struct {
		int replicas; /* 0: not there */
		unsigned uid;
		bool codis;
	} sets[3];
};

static unsigned any(struct churn *c, unsigned below)
{
	c->seed = c->seed * 1664525u + 1013904223u;
	return (c->seed >> 8) % below;
}

static void churn_pod(struct churn *c)
{
	int i = (int)any(c, 12);
	char name[32], path[64];

	snprintf(name, sizeof(name), "codis-server-%d", i);
	snprintf(path, sizeof(path), PODS "%s", name);
	if (c->uid[i][0] && any(c, 3) == 0) {
		fake_delete(&c->w->fake->api, path);
		c->uid[i][0] = '\0';
		return;
	}
	if (!c->uid[i][0])
		snprintf(c->uid[i], sizeof(c->uid[i]), "u%u", ++c->made);
	apply_pod(c->w, name, c->uid[i], any(c, 2) ? STOCK : LABELLED, "");
}

/* Made, changed, given to another program and back, deleted. */
static void churn_set(struct churn *c)
{
	int i = (int)any(c, 3);
	char name[16], path[64], uid[16];

	snprintf(name, sizeof(name), "set-%d", i);
	snprintf(path, sizeof(path), SETS "%s", name);
	if (c->sets[i].replicas && any(c, 4) == 0) {
		fake_delete(&c->w->fake->api, path);
		c->sets[i].replicas = 0;
		return;
	}
	if (!c->sets[i].replicas)
		c->sets[i].uid = ++c->made;
	c->sets[i].replicas = 1 + (int)any(c, 9);
	c->sets[i].codis = any(c, 4) != 0;
	snprintf(uid, sizeof(uid), "s%u", c->sets[i].uid);
	apply_set(c->w, name, uid, c->sets[i].replicas, c->sets[i].codis ? STOCK : "\"app\":\"nginx\"");
}

static bool set_is_so(const struct churn *c, int i)
{
	char name[16], key[32], replicas[] = "replicas";
	const struct inventory_set *known;
	int read;

	snprintf(name, sizeof(name), "set-%d", i);
	snprintf(key, sizeof(key), "default/%s", name);
	known = set_named(c->w->inv, "default", name);
	read = inventory_watch_read_set(c->w->watch, key, read_set, replicas);
	if (!c->sets[i].replicas || !c->sets[i].codis)
		return !known && read == (c->sets[i].replicas ? -1 : -2);
	return known && known->shape.replicas == c->sets[i].replicas && read == c->sets[i].replicas;
}

static void churn_network(struct churn *c, struct fake_api *api)
{
	switch (any(c, 6)) {
	case 0: fake_end_watches(api, true); break;
	case 1: fake_compact(api, any(c, 2)); break;
	case 2:
		fake_down(api);
		for (unsigned k = any(c, 8); k; k--) {
			churn_pod(c);
			churn_set(c);
		}
		fake_compact(api, false);
		fake_up(api);
		break;
	default: break;
	}
}

static bool is_settled(void *ctx)
{
	const struct churn *c = ctx;

	for (int i = 0; i < 12; i++) {
		char name[32];
		struct wanted want = { c->w, name, c->uid[i][0] ? c->uid[i] : NULL };

		snprintf(name, sizeof(name), "codis-server-%d", i);
		if (!is_so(&want))
			return false;
	}
	return set_is_so(c, 0) && set_is_so(c, 1) && set_is_so(c, 2);
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

TEST_WITH(after_any_churn_it_holds_what_the_api_server_has, setup, teardown)
{
	struct world *w = *state;
	struct churn c = { .w = w, .seed = 3 };

	await_ready(w);
	for (int round = 0; round < 5; round++) {
		for (int k = 0; k < 20; k++) {
			churn_pod(&c);
			churn_set(&c);
			fake_run(w->fake, 1, never, NULL);
		}
		churn_network(&c, &w->fake->api);
		if (!fake_run(w->fake, 20000, is_settled, &c))
			fail_msg("round %d", round);
	}
}
