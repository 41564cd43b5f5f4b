/* What each component's pods get from POST /mutate, and what stays as the user has it. */
#include <time.h>

#include "common/base/buf.h"
#include "common/codis/shell.h"
#include "tests/unit/test.h"
#include "tests/unit/webhook_fixture.h"

#define CHAIN 6000
#define GUARD "--slaveof 127.0.0.1 1 --slave-serve-stale-data no"

/* --- changing fixtures ----------------------------------------------------------------------------------------- */

static cJSON *child(cJSON *object, const char *name)
{
	cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return item ? item : cJSON_AddObjectToObject(object, name);
}

/* Sets a member of the object at a path of two names to JSON text. */
static void set(cJSON *object, const char *outer, const char *name, const char *text)
{
	cJSON *parent = outer ? child(object, outer) : object;

	cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
	cJSON_AddItemToObject(parent, name, parse_text(text));
}

static cJSON *load_with(const char *name, const char *outer, const char *member, const char *text)
{
	cJSON *pod = load_pod(name);

	set(pod, outer, member, text);
	return pod;
}

static cJSON *first_container(cJSON *pod)
{
	return cJSON_GetArrayItem(child(child(pod, "spec"), "containers"), 0);
}

static cJSON *load_with_container(const char *name, const char *member, const char *text)
{
	cJSON *pod = load_pod(name);

	set(first_container(pod), NULL, member, text);
	return pod;
}

static void expect_refused(cJSON *pod, int code, const char *part)
{
	OUTCOME o = mutate_once(pod);

	cJSON_Delete(pod);
	assert_false(o.verdict.allowed);
	assert_int_equal(o.verdict.code, code);
	if (!strstr(o.verdict.message, part))
		fail_msg("%s", o.verdict.message);
}

static const char *label(const cJSON *pod, const char *name)
{
	const char *value = json_str(pod, "metadata", "labels", name, NULL);

	return value ? value : "";
}

/* tolerationSeconds of the toleration for the taint, -1 without limit, -2 when there is none. */
static int toleration(const cJSON *pod, const char *key)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, json_get(pod, "spec", "tolerations", NULL)) {
		const char *k = json_str(t, "key", NULL);

		if (k && strcmp(k, key) == 0)
			return (int)json_int(-1, t, "tolerationSeconds", NULL);
	}
	return -2;
}

static const cJSON *anti_affinity(const cJSON *pod, const char *kind)
{
	return json_get(pod, "spec", "affinity", "podAntiAffinity", kind, NULL);
}

#define REQUIRED  "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"
#define OUR_TERM                                                                                                       \
	"{\"labelSelector\":{\"matchLabels\":{\"codis.io/product\":\"codis-test\",\"codis.io/"                         \
	"component\":\"codis-server\","                                                                                \
	"\"codis.io/group\":\"2\"}},\"topologyKey\":\"kubernetes.io/hostname\"}"

static void assert_json(const cJSON *item, const char *text)
{
	JSON_CLEANUP cJSON *wanted = parse_text(text);

	if (!json_equal(item, wanted))
		fail_msg("it is %s", item ? cJSON_Print(item) : "absent");
}

/* --- every fixture --------------------------------------------------------------------------------------------- */

static const char *const fixtures[] = { "plain-server",    "plain-proxy",      "plain-dashboard", "plain-fe",
					"plain-zookeeper", "article-server",   "article-proxy",   "article-dashboard",
					"article-ha",      "article-zookeeper" };

TEST(a_second_time_there_is_nothing_to_do)
{
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
		OUTCOME o = mutate_pod_twice(load_pod(fixtures[i]));

		assert_true(o.verdict.allowed);
		assert_true(cJSON_GetArraySize(o.patch) > 0);
	}
}

static void expect_label_warning(const char *labels, const char *warning)
{
	OUTCOME o = { .pod = NULL };
	cJSON *pod = load_with("plain-server", "metadata", "labels", labels);

	o = mutate_once(pod);
	cJSON_Delete(pod);
	assert_true(o.verdict.allowed);
	assert_int_equal(cJSON_GetArraySize(o.patch), 0);
	assert_int_equal(o.verdict.warning_count, warning[0] ? 1 : 0);
	if (warning[0])
		assert_string_equal(o.verdict.warnings[0], warning);
}

TEST(a_label_that_nearly_says_what_a_pod_is_is_warned_of)
{
	expect_label_warning(
		"{\"codis.io/component\":\"Codis-Server\"}",
		"write codis-server in label codis.io/component: \"Codis-Server\" is not known, and nothing is done");
	expect_label_warning("{\"app\":\"codis-server-shop\"}",
			     "label it codis.io/component=codis-server: app \"codis-server-shop\" is not known");
	expect_label_warning("{\"app\":\"nginx\"}", "");
	expect_refused(load_with("plain-server", "metadata", "labels",
				 "{\"app\":\"codis-server\",\"codis.io/component\":\"server\"}"),
		       422, "label codis.io/component is \"server\"");
}

TEST(opted_out)
{
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
		cJSON *pod = load_pod(fixtures[i]);
		OUTCOME o = { .pod = NULL };

		set(child(pod, "metadata"), "labels", "codis.io/inject", "\"false\"");
		o = mutate_pod_twice(pod);
		assert_true(o.verdict.allowed);
		assert_int_equal(cJSON_GetArraySize(o.patch), 0);
		assert_int_equal(o.verdict.warning_count, 0);
	}
}

static void mutate_and_forget(cJSON *pod)
{
	OUTCOME o = mutate_pod_twice(pod);

	assert_true(o.pod || !o.verdict.allowed);
}

/* A broken pod is refused or let through, whatever is broken; it is the API server's to judge. */
TEST(odd_shapes_do_no_harm)
{
	static const char *const values[] = { "null", "7", "\"x\"", "[]", "[7]", "{}", "{\"x\":[]}", "[{}]", "true" };
	static const char *const spec[] = { "containers", "tolerations", "affinity", "schedulerName",
					    "terminationGracePeriodSeconds" };
	static const char *const meta[] = { "labels", "annotations", "ownerReferences", "name" };
	static const char *const container[] = { "command",        "args",  "env", "lifecycle",
						 "readinessProbe", "image", "name" };

	for (size_t f = 0; f < sizeof(fixtures) / sizeof(fixtures[0]); f++) {
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			for (size_t i = 0; i < sizeof(spec) / sizeof(spec[0]); i++)
				mutate_and_forget(load_with(fixtures[f], "spec", spec[i], values[v]));
			for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++)
				mutate_and_forget(load_with(fixtures[f], "metadata", meta[i], values[v]));
			for (size_t i = 0; i < sizeof(container) / sizeof(container[0]); i++)
				mutate_and_forget(load_with_container(fixtures[f], container[i], values[v]));
			mutate_and_forget(load_with(fixtures[f], NULL, "spec", values[v]));
			mutate_and_forget(load_with(fixtures[f], NULL, "metadata", values[v]));
		}
	}
}

static long allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Out of memory a pod is refused, and never let through with a part of what it should get. */
TEST(no_memory_means_refused)
{
	cJSON_Hooks hooks = { .malloc_fn = failing_malloc, .free_fn = free };

	JSON_CLEANUP cJSON *set = a_set("shop", "codis-server");
	struct lookups lookups = lookups_of(set);

	for (size_t f = 0; f < sizeof(fixtures) / sizeof(fixtures[0]); f++) {
		JSON_CLEANUP cJSON *pod = load_pod(fixtures[f]);
		OUTCOME whole = mutate_once(pod);
		struct admission_request req = request_of("pods", "", NULL, pod);
		struct admission_verdict v;
		long n = 0;

		do {
			admission_verdict_init(&v);
			allocations_left = n++;
			cJSON_InitHooks(&hooks);
			mutate(&req, &lookups, VIEWER_IMAGE, &v);
			cJSON_InitHooks(NULL);
			assert_int_equal(v.allowed ? 500 : v.code, 500);
			if (v.allowed)
				assert_string_equal(v.patch.data, whole.verdict.patch.data);
			admission_verdict_release(&v);
		} while (allocations_left < 0);
		assert_true(n > 10);
	}
}

/* --- codis-server ---------------------------------------------------------------------------------------------- */

TEST(plain_server)
{
	OUTCOME o = mutate_pod_twice(load_pod("plain-server"));
	char words[4096];

	assert_int_equal(o.verdict.warning_count, 0);
	assert_string_equal(label(o.pod, "codis.io/product"), "codis-test");
	assert_string_equal(label(o.pod, "codis.io/component"), "codis-server");
	assert_string_equal(label(o.pod, "codis.io/group"), "2");
	assert_string_equal(label(o.pod, "app"), "codis-server");
	assert_string_equal(json_str(o.pod, "spec", "schedulerName", NULL), "codis-scheduler");
	assert_json(anti_affinity(o.pod, REQUIRED), "[" OUR_TERM "]");
	assert_null(anti_affinity(o.pod, PREFERRED));
	assert_int_equal(toleration(o.pod, "node.kubernetes.io/not-ready"), -1);
	assert_int_equal(toleration(o.pod, "node.kubernetes.io/unreachable"), -1);
	assert_int_equal(json_int(0, o.pod, "spec", "terminationGracePeriodSeconds", NULL), 30);
	assert_string_equal(words_of(json_get(container_of(o.pod), "args", NULL), words),
			    "config/redis.conf --bind 0.0.0.0 --protected-mode no --daemonize no " GUARD);
	assert_int_equal(json_int(0, container_of(o.pod), "readinessProbe", "periodSeconds", NULL), 2);
	assert_non_null(strstr(script_of(o.pod, "readinessProbe", NULL), "-h \"127.0.0.1\" -p \"6379\" \"$@\""));
	assert_non_null(strstr(script_of(o.pod, "lifecycle", "postStart"), "now + 2))"));
	assert_non_null(strstr(script_of(o.pod, "lifecycle", "preStop"), "now + 25))"));
}

/* Fourteen operations: three labels, the affinity, two tolerations, the scheduler, the guard's five words as five,
 * probe, hooks. */
TEST(patch_is_small)
{
	OUTCOME o = mutate_pod_twice(load_pod("plain-server"));

	assert_int_equal(cJSON_GetArraySize(o.patch), 3 + 1 + 2 + 1 + 5 + 1 + 1);
}

TEST(article_server)
{
	OUTCOME o = mutate_pod_twice(load_pod("article-server"));

	assert_true(o.verdict.allowed);
	assert_string_equal(label(o.pod, "codis.io/group"), "1");
	assert_true(warned(&o, "article's postStart, which is replaced"));
	assert_true(warned(&o, "article's preStop, which is replaced"));
	assert_true(warned(&o, "scheduler.alpha.kubernetes.io/affinity"));
	assert_int_equal(o.verdict.warning_count, 3);
	assert_null(strstr(script_of(o.pod, "lifecycle", "postStart"), "group-add"));
	assert_null(strstr(script_of(o.pod, "lifecycle", "preStop"), "group-del"));
	assert_non_null(strstr(script_of(o.pod, "readinessProbe", NULL), "-h \"${POD_IP}\" -p \"6379\" \"$@\""));
}

TEST(server_keeps_hooks)
{
	cJSON *pod = load_with("article-server", "metadata", "annotations", "{\"codis.io/hooks\":\"keep\"}");
	OUTCOME o = { .pod = NULL };

	set(child(first_container(pod), "lifecycle"), "postStart", "exec", "{\"command\":[\"sh\",\"-c\",\"sleep 1\"]}");
	o = mutate_pod_twice(pod);
	assert_string_equal(script_of(o.pod, "lifecycle", "postStart"), "sleep 1");
	assert_non_null(strstr(script_of(o.pod, "lifecycle", "preStop"), "group-del"));
	assert_true(warned(&o, "drop postStart of your own"));
	assert_true(warned(&o, "drop preStop of your own"));
}

TEST(a_kept_poststart_that_would_end_a_guarded_server_is_refused)
{
	cJSON *own_slaveof = load_with("article-server", "metadata", "annotations", "{\"codis.io/hooks\":\"keep\"}");
	OUTCOME o = { .pod = NULL };

	expect_refused(load_with("article-server", "metadata", "annotations", "{\"codis.io/hooks\":\"keep\"}"), 422,
		       "the postStart of codis-server fails at its step --group-add, which is refused until the server "
		       "has a role, and a postStart that fails ends the server, again and again: drop that step");
	set(first_container(own_slaveof), NULL, "command", "[\"codis-server\",\"--slaveof\",\"10.0.0.1\",\"6379\"]");
	set(first_container(own_slaveof), NULL, "args", "[]");
	o = mutate_pod_twice(own_slaveof);
	assert_true(o.verdict.allowed);
	assert_true(warned(&o, "drop postStart of your own"));
}

TEST(server_of_no_statefulset)
{
	expect_refused(load_with("plain-server", "metadata", "ownerReferences", "[]"), 422, "run it in a StatefulSet");
	expect_refused(load_with("plain-server", "metadata", "name", "\"codis-server-x\""), 422, "\"codis-server-x\"");
	expect_refused(load_with("plain-server", "metadata", "name", "\"other-1\""), 422, "in no group");
}

TEST(server_with_a_wrong_environment)
{
	expect_refused(load_with_container("plain-server", "env", "[{\"name\":\"SERVER_REPLICA\",\"value\":\"two\"}]"),
		       422, "SERVER_REPLICA is \"two\"");
	expect_refused(load_with_container("plain-server", "env", "[{\"name\":\"PRODUCT_NAME\",\"value\":\"a/b\"}]"),
		       422, "product \"a/b\"");
	expect_refused(load_with("plain-server", "metadata", "annotations", "{\"codis.io/spread\":\"weak\"}"), 422,
		       "\"weak\"");
	expect_refused(load_with("plain-server", "metadata", "labels",
				 "{\"app\":\"codis-server\",\"codis.io/group\":\"seven\"}"),
		       422, "codis.io/group is \"seven\"");
}

/* Its template has the label: all of its pods are of that group. */
TEST(server_of_a_set_that_is_a_group)
{
	cJSON *pod =
		load_with("plain-server", "metadata", "labels", "{\"app\":\"codis-server\",\"codis.io/group\":\"7\"}");
	OUTCOME o = mutate_pod_twice(cJSON_Duplicate(pod, true)), unread = { .pod = NULL };

	assert_string_equal(json_str(o.pod, "metadata", "labels", "codis.io/group", NULL), "7");
	assert_string_equal(json_str(cJSON_GetArrayItem(anti_affinity(o.pod, REQUIRED), 0), "labelSelector",
				     "matchLabels", "codis.io/group", NULL),
			    "7");
	cJSON_DeleteItemFromObject((cJSON *)container_of(pod), "env");
	cJSON_AddItemToObject((cJSON *)container_of(pod), "env",
			      parse_text("[{\"name\":\"PRODUCT_NAME\",\"value\":\"shop\"},{\"name\":\"SERVER_REPLICA\","
					 "\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"x\",\"key\":\"y\"}}}]"));
	unread = mutate_pod_twice(pod);
	assert_string_equal(json_str(unread.pod, "metadata", "labels", "codis.io/group", NULL), "7");
}

TEST(soft_spread)
{
	OUTCOME o = mutate_pod_twice(
		load_with("plain-server", "metadata", "annotations", "{\"codis.io/spread\":\"soft\"}"));

	assert_null(json_get(o.pod, "spec", "affinity", NULL));
	assert_string_equal(json_str(o.pod, "spec", "schedulerName", NULL), "codis-scheduler");
}

TEST(own_scheduler)
{
	cJSON *pod = load_with("plain-server", "spec", "schedulerName", "\"volcano\"");
	OUTCOME strict = mutate_pod_twice(cJSON_Duplicate(pod, true)), soft = { .pod = NULL };

	assert_string_equal(json_str(strict.pod, "spec", "schedulerName", NULL), "volcano");
	assert_true(warned(&strict, "drop schedulerName volcano, or only"));
	assert_json(anti_affinity(strict.pod, REQUIRED), "[" OUR_TERM "]");
	set(pod, "metadata", "annotations", "{\"codis.io/spread\":\"soft\"}");
	soft = mutate_pod_twice(pod);
	assert_null(anti_affinity(soft.pod, REQUIRED));
	assert_json(anti_affinity(soft.pod, PREFERRED), "[{\"weight\":100,\"podAffinityTerm\":" OUR_TERM "}]");
}

/* --scheduler-name default-scheduler. The rule stays: that scheduler goes on without an extender that is away. */
TEST(the_clusters_main_scheduler)
{
	JSON_CLEANUP cJSON *pod = load_pod("plain-server"), *beside = a_set("shop", "codis-server");
	struct lookups lookups = lookups_of(beside);
	OUTCOME strict = { .pod = NULL }, ours = { .pod = NULL };

	lookups.scheduler = "default-scheduler";
	set(pod, "metadata", "annotations", "{\"codis.io/anti-affinity\":\"extender\"}");
	strict = mutate_by(pod, &lookups);
	assert_string_equal(json_str(strict.pod, "spec", "schedulerName", NULL), "default-scheduler");
	assert_json(anti_affinity(strict.pod, REQUIRED), "[" OUR_TERM "]");
	assert_true(warned(&strict, "drop codis.io/anti-affinity: without codis-scheduler"));
	assert_false(warned(&strict, "drop schedulerName"));
	set(pod, "spec", "schedulerName", "\"codis-scheduler\"");
	ours = mutate_by(pod, &lookups);
	assert_string_equal(json_str(ours.pod, "spec", "schedulerName", NULL), "codis-scheduler");
	assert_true(warned(&ours, "drop schedulerName codis-scheduler, or only"));
}

TEST(topology_key)
{
	OUTCOME o = mutate_pod_twice(load_with("plain-server", "metadata", "annotations",
					       "{\"codis.io/topology-key\":\"topology.kubernetes.io/zone\"}"));
	const cJSON *term = cJSON_GetArrayItem(anti_affinity(o.pod, REQUIRED), 0);

	assert_string_equal(json_str(term, "topologyKey", NULL), "topology.kubernetes.io/zone");
}

TEST(own_affinity_stays)
{
	static const char own[] = "{\"nodeAffinity\":{\"x\":1},\"podAntiAffinity\":{\"" REQUIRED
				  "\":[{\"topologyKey\":\"rack\"}],\"" PREFERRED
				  "\":[{\"weight\":3,\"podAffinityTerm\":{\"topologyKey\":\"zone\"}}]}}";
	OUTCOME o = mutate_pod_twice(load_with("plain-server", "spec", "affinity", own));

	assert_json(json_get(o.pod, "spec", "affinity", NULL),
		    "{\"nodeAffinity\":{\"x\":1},\"podAntiAffinity\":{\"" REQUIRED
		    "\":[{\"topologyKey\":\"rack\"}," OUR_TERM "],\"" PREFERRED
		    "\":[{\"weight\":3,\"podAffinityTerm\":{\"topologyKey\":\"zone\"}}]}}");
	assert_int_equal(o.verdict.warning_count, 0);
}

/* As an API server's types make of the article's shape when it stands in the pod itself. */
TEST(malformed_affinity)
{
	OUTCOME o = mutate_pod_twice(load_with("plain-server", "spec", "affinity",
					       "{\"podAntiAffinity\":{\"" PREFERRED
					       "\":[{\"weight\":100,\"podAffinityTerm\":"
					       "{\"topologyKey\":\"\"}},{\"weight\":100}]}}"));

	assert_json(json_get(o.pod, "spec", "affinity", NULL),
		    "{\"podAntiAffinity\":{\"" REQUIRED "\":[" OUR_TERM "]}}");
	assert_true(warned(&o, "without podAffinityTerm"));
}

TEST(own_probe_and_hooks_stay)
{
	cJSON *pod = load_with_container("plain-server", "readinessProbe", "{\"tcpSocket\":{\"port\":6379}}");
	OUTCOME o = { .pod = NULL };

	set(first_container(pod), NULL, "lifecycle",
	    "{\"preStop\":{\"exec\":{\"command\":[\"sh\",\"-c\",\"codis-admin --group-del; tar c /data | upload\"]}},"
	    "\"postStart\":{\"httpGet\":{\"port\":1}}}");
	o = mutate_pod_twice(pod);
	assert_json(json_get(container_of(o.pod), "readinessProbe", NULL), "{\"tcpSocket\":{\"port\":6379}}");
	assert_non_null(strstr(script_of(o.pod, "lifecycle", "preStop"), "upload"));
	assert_true(warned(&o, "drop readinessProbe of your own"));
	assert_true(warned(&o, "drop preStop of your own"));
	assert_true(warned(&o, "drop postStart of your own"));
}

/* A hook of another version of ours. */
TEST(our_hooks_are_renewed)
{
	OUTCOME o = mutate_pod_twice(
		load_with_container("plain-server", "lifecycle",
				    "{\"preStop\":{\"exec\":{\"command\":[\"sh\",\"-c\",\"# codis-k8s: old\\n\"]}}}"));

	assert_int_equal(o.verdict.warning_count, 0);
	assert_non_null(strstr(script_of(o.pod, "lifecycle", "preStop"), "connected_slaves"));
}

TEST(a_server_without_a_name_or_with_too_high_a_number_is_told_so)
{
	expect_refused(load_with("plain-server", NULL, "metadata",
				 "{\"generateName\":\"codis-server-7f9-\",\"labels\":{\"app\":\"codis-server\"}}"),
		       422, "codis-server \"codis-server-7f9-\" is in no group, for that comes from its number");
	expect_refused(load_with("plain-server", "metadata", "name", "\"codis-server-x\""), 422,
		       "\"codis-server-x\" is in no group, for that comes from its number");
	expect_refused(load_with("plain-server", "metadata", "name", "\"codis-server-1000000000\""), 422,
		       "can be 0 to 19997: lower ordinals.start or replicas");
	expect_refused(load_with("plain-server", "metadata", "name", "\"codis-server-19998\""), 422,
		       "groups 1 to 9999");
}

TEST(a_toleration_without_a_key_is_the_users_whatever_its_time)
{
	static const char text[] = "[{\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}]";
	OUTCOME server = mutate_pod_twice(load_with("plain-server", "spec", "tolerations", text));
	OUTCOME proxy = mutate_pod_twice(load_with("plain-proxy", "spec", "tolerations", text));

	assert_json(json_get(server.pod, "spec", "tolerations", NULL), text);
	assert_json(json_get(proxy.pod, "spec", "tolerations", NULL), text);
	assert_int_equal(server.verdict.warning_count, 1);
	assert_string_equal(server.verdict.warnings[0],
			    "drop tolerationSeconds of the toleration without a key, or pod and data go after 300 s");
	assert_int_equal(proxy.verdict.warning_count, 0);
}

TEST(tolerations)
{
	OUTCOME plain = mutate_pod_twice(load_pod("plain-server"));
	OUTCOME none = mutate_pod_twice(load_with("plain-server", "spec", "tolerations", "[]"));
	OUTCOME all = mutate_pod_twice(load_with("plain-server", "spec", "tolerations", "[{\"operator\":\"Exists\"}]"));
	OUTCOME own = mutate_pod_twice(load_with("plain-server", "spec", "tolerations",
						 "[{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\","
						 "\"effect\":\"NoExecute\",\"tolerationSeconds\":60}]"));

	assert_int_equal(toleration(none.pod, "node.kubernetes.io/not-ready"), -1);
	assert_int_equal(toleration(none.pod, "node.kubernetes.io/unreachable"), -1);
	assert_json(json_get(all.pod, "spec", "tolerations", NULL), "[{\"operator\":\"Exists\"}]");
	assert_json(json_get(plain.pod, "spec", "tolerations", NULL),
		    "[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"},"
		    "{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"}]");
	assert_int_equal(toleration(own.pod, "node.kubernetes.io/unreachable"), 60);
	assert_int_equal(toleration(own.pod, "node.kubernetes.io/not-ready"), -1);
	assert_true(warned(&own, "after 60 s"));
}

/* The server's words after mutation, "" when they did not change. */
static void expect_command(const char *command, const char *args, const char *after, const char *warning)
{
	cJSON *pod = load_with_container("plain-server", "command", command);
	OUTCOME o = { .pod = NULL };
	char all[8192], a[4096], b[4096];

	set(first_container(pod), NULL, "args", args);
	o = mutate_pod_twice(pod);
	assert_true(o.verdict.allowed);
	snprintf(all, sizeof(all), "%s|%s", words_of(json_get(container_of(o.pod), "command", NULL), a),
		 words_of(json_get(container_of(o.pod), "args", NULL), b));
	assert_string_equal(all, after);
	assert_int_equal(o.verdict.warning_count, warning ? 1 : 0);
	if (warning && !warned(&o, warning))
		fail_msg("%s", o.verdict.warnings[0]);
}

TEST(guard)
{
	expect_command("[\"codis-server\",\"a\"]", "[]", "codis-server a " GUARD "|", NULL);
	expect_command("[]", "[\"a.conf\"]", "|a.conf " GUARD, NULL);
	expect_command("[\"sh\",\"-c\",\"exec codis-server a > log\"]", "[]",
		       "sh -c exec codis-server a " GUARD " > log|", NULL);
	expect_command("[\"codis-server\"]", "[\"a\",\"--slaveof\",\"127.0.0.1\",\"1\"]",
		       "codis-server|a --slaveof 127.0.0.1 1 --slave-serve-stale-data no", NULL);
	expect_command("[\"codis-server\"]", "[\"a\",\"--slave-serve-stale-data\",\"no\"]",
		       "codis-server|a --slave-serve-stale-data no --slaveof 127.0.0.1 1", NULL);
	expect_command("[\"codis-server\"]",
		       "[\"a\",\"--replicaof\",\"127.0.0.1\",\"1\",\"--replica-serve-stale-data\",\"no\"]",
		       "codis-server|a --replicaof 127.0.0.1 1 --replica-serve-stale-data no", NULL);
	expect_command("[\"sh\",\"-c\",\"if true; then codis-server a; else codis-server b " GUARD "; fi\"]", "[]",
		       "sh -c if true; then codis-server a " GUARD "; else codis-server b " GUARD "; fi|", NULL);
}

TEST(guard_that_cannot_be_given)
{
	expect_command("[]", "[]", "|", "yourself: no guard, it has no command of its own");
	expect_command("[\"/start.sh\"]", "[]", "/start.sh|", "no guard, its command does not name it");
	expect_command("[\"sh\",\"-c\",\"./start.sh\"]", "[]", "sh -c ./start.sh|",
		       "no guard, its shell text does not show");
	expect_command("[\"sh\",\"-c\",\"codis-server 'a\"]", "[]", "sh -c codis-server 'a|",
		       "no guard, its shell text is too");
	expect_command("[\"codis-server\"]", "[\"a\",\"--slaveof\",\"10.0.0.1\",\"6379\"]",
		       "codis-server|a --slaveof 10.0.0.1 6379", "drop --slaveof, or after a restart");
	expect_command("[\"codis-server\"]", "[\"a\",\"--slaveof 127.0.0.1 1\"]",
		       "codis-server|a --slaveof 127.0.0.1 1", "drop --slaveof, or after a restart");
	expect_command("[\"codis-server\"]", "[\"a\",\"--slave-serve-stale-data\",\"yes\"]",
		       "codis-server|a --slave-serve-stale-data yes --slaveof 127.0.0.1 1",
		       "drop --slave-serve-stale-data, or it");
}

/* As Redis 3.2.11 reads it. */
TEST(words_by_which_a_server_cannot_live_are_told)
{
	expect_command("[\"codis-server\"]", "[\"a\",\"--port=6379\"]", "codis-server|a --port=6379 " GUARD,
		       "write --port and its value as two words");
	expect_command("[\"codis-server\"]", "[\"a\",\"--daemonize\",\"yes\"]", "codis-server|a --daemonize yes " GUARD,
		       "write --daemonize no");
	expect_command("[\"codis-server\"]", "[\"--port\",\"6379\"]", "codis-server|--port 6379 " GUARD,
		       "add --protected-mode no");
	expect_command("[\"codis-server\"]", "[\"--port\",\"6379\",\"--bind\",\"0.0.0.0\"]",
		       "codis-server|--port 6379 --bind 0.0.0.0 " GUARD, NULL);
	expect_command("[\"codis-server\"]", "[\"--port\",\"6379\",\"--protected-mode no\"]",
		       "codis-server|--port 6379 --protected-mode no " GUARD, NULL);
	expect_command("[]", "[\"--port\",\"6379\"]", "|--port 6379 " GUARD, NULL);
	expect_command("[\"codis-server\"]", "[]", "codis-server " GUARD "|", NULL);
	expect_command("[\"sh\",\"-c\",\"codis-server a --daemonize yes; tail -f log\"]", "[]",
		       "sh -c codis-server a --daemonize yes " GUARD "; tail -f log|", NULL);
	expect_command("[\"sh\",\"-c\",\"codis-server \\\"$@\\\"\"]", "[]", "sh -c codis-server \"$@\" " GUARD "|",
		       NULL);
}

TEST(a_server_that_nobody_can_lead_gets_no_guard)
{
	expect_command("[\"codis-server\"]", "[\"a\",\"--cluster-enabled\",\"yes\"]",
		       "codis-server|a --cluster-enabled yes", "drop --cluster-enabled");
	expect_command("[\"codis-server\"]", "[\"a\",\"--bind\",\"127.0.0.1\",\"::1\"]",
		       "codis-server|a --bind 127.0.0.1 ::1", "write --bind 0.0.0.0");
	expect_command("[\"codis-server\"]", "[\"a\",\"--bind\",\"localhost\",\"--hz\",\"10\"]",
		       "codis-server|a --bind localhost --hz 10", "write --bind 0.0.0.0");
	expect_command("[\"codis-server\"]", "[\"a\",\"--bind\",\"127.0.0.1\",\"10.0.0.1\"]",
		       "codis-server|a --bind 127.0.0.1 10.0.0.1 " GUARD, NULL);
}

static void expect_told(cJSON *pod, const char *warning)
{
	OUTCOME o = mutate_pod_twice(pod);

	assert_int_equal(o.verdict.warning_count, warning ? 1 : 0);
	if (warning && !warned(&o, warning))
		fail_msg("%s", o.verdict.warnings[0]);
}

#define EXEC(text) "{\"exec\":{\"command\":[\"sh\",\"-c\",\"" text "\"]}}"

/* A guard does not help where somebody else makes it a master. */
TEST(whoever_gives_roles_beside_the_controller_is_told)
{
	cJSON *hook = load_with_container("plain-server", "lifecycle",
					  "{\"postStart\":" EXEC("sleep 2; redis-cli SLAVEOF no one") "}");
	cJSON *beside = load_pod("plain-server"), *tail = load_pod("plain-server");
	OUTCOME o = mutate_pod_twice(hook);

	assert_true(warned(&o, "drop slaveof from postStart of codis-server: after a restart"));
	cJSON_AddItemToArray(
		child(child(beside, "spec"), "containers"),
		parse_text("{\"name\":\"roles\",\"command\":[\"sh\",\"-c\",\"redis-cli slaveof x 6379\"]}"));
	expect_told(beside, "drop slaveof from the command of roles: after a restart");
	cJSON_AddItemToArray(child(child(tail, "spec"), "containers"),
			     parse_text("{\"name\":\"b\",\"args\":[\"redis-cli\",\"--slaveof\"]}"));
	expect_told(tail, NULL);
}

TEST(a_probe_that_a_replica_or_a_guarded_server_fails_is_told)
{
	expect_told(load_with_container("plain-server", "livenessProbe",
					EXEC("redis-cli info replication | grep role:master")),
		    "ask by tcpSocket in livenessProbe: \"role:master\" fails");
	expect_told(load_with_container("plain-server", "startupProbe", EXEC("redis-cli get x | grep 1")),
		    "ask by tcpSocket in startupProbe: \"get\" fails");
	expect_told(load_with_container("plain-server", "startupProbe", EXEC("redis-cli ping | grep PONG")), NULL);
	expect_told(
		load_with_container("plain-server", "livenessProbe", EXEC("redis-cli ping | grep -E 'PONG|LOADING'")),
		NULL);
}

TEST(a_node_that_is_named_is_told)
{
	expect_told(load_with("plain-server", "spec", "nodeName", "\"n1\""), "drop nodeName: no scheduler is asked");
}

/* How the scripts ask the server. */
static void expect_address(const char *args, const char *env, const char *ask)
{
	cJSON *pod = load_with_container("plain-server", "args", args);
	OUTCOME o = { .pod = NULL };

	set(first_container(pod), NULL, "env", env);
	o = mutate_pod_twice(pod);
	if (!strstr(script_of(o.pod, "readinessProbe", NULL), ask) ||
	    !strstr(script_of(o.pod, "lifecycle", "preStop"), ask) ||
	    !strstr(script_of(o.pod, "lifecycle", "postStart"), ask))
		fail_msg("%s", script_of(o.pod, "readinessProbe", NULL));
}

#define POD_IP "{\"name\":\"POD_IP\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"status.podIP\"}}}"

TEST(address_of_the_server)
{
	expect_address("[]", "[]", "redis-cli -h \"127.0.0.1\" -p \"6379\" \"$@\"");
	expect_address("[]", "[" POD_IP "]", "redis-cli -h \"${POD_IP}\" -p \"6379\" \"$@\"");
	expect_address("[\"--bind\",\"0.0.0.0\"]", "[" POD_IP "]", "-h \"127.0.0.1\"");
	expect_address("[\"--bind\",\"$(POD_IP)\",\"127.0.0.1\"]", "[" POD_IP "]", "-h \"${POD_IP}\"");
	expect_address("[\"--bind\",\"$(SOMETHING)\"]", "[" POD_IP "]", "-h \"${POD_IP}\"");
	expect_address("[\"--bind\",\"$(SOMETHING)\"]", "[]",
		       "-h \"$(hostname -i 2>/dev/null | cut -d' ' -f1 | grep . || echo 127.0.0.1)\"");
	expect_address("[\"--port\",\"7000\"]", "[]", "-p \"7000\"");
	expect_address("[\"--port\",\"$(PORT)\"]", "[{\"name\":\"PORT\",\"value\":\"7\"}]", "-p \"${PORT}\"");
	expect_address("[\"--requirepass\",\"$(AUTH)\"]", "[{\"name\":\"AUTH\",\"value\":\"x\"}]",
		       " -a \"${AUTH}\" \"$@\"");
	expect_address("[\"--requirepass\",\"a b\"]", "[{\"name\":\"AUTH\",\"value\":\"a b\"}]",
		       " -a \"${AUTH}\" \"$@\"");
	expect_address("[]", "[{\"name\":\"PRODUCT_AUTH\",\"value\":\"x\"}]", " -a \"${PRODUCT_AUTH}\" \"$@\"");
}

static void expect_no_probe(cJSON *pod, const char *warning, const char *guard)
{
	OUTCOME o = mutate_pod_twice(pod);
	char words[4096];

	assert_true(o.verdict.allowed);
	if (!warned(&o, warning))
		fail_msg("%s", o.verdict.warning_count ? o.verdict.warnings[0] : "no warning");
	assert_null(json_get(container_of(o.pod), "readinessProbe", NULL));
	assert_null(json_get(container_of(o.pod), "lifecycle", NULL));
	words_of(json_get(container_of(o.pod), "args", NULL), words);
	words_of(json_get(container_of(o.pod), "command", NULL), words + strlen(words));
	assert_int_equal(strstr(words, "--slaveof") != NULL, guard != NULL);
}

#define PORT_UNSAID "write the port as a number (--port): probe and hooks, which do not know it, are left out"
#define NO_PORT     "name its containerPort redis: probe and hooks, which do not know its port, are left out"

TEST(what_is_not_known_gets_no_probe_that_is_never_true)
{
	cJSON *two = load_with_container("plain-server", "ports", "[{\"containerPort\":1},{\"containerPort\":2}]");
	cJSON *sed = load_with_container("plain-server", "command",
					 "[\"sh\",\"-c\",\"sed -i 's/^port .*/port 7/' x.conf; codis-server x.conf\"]");

	set(first_container(two), NULL, "args", "[\"x.conf\"]");
	set(first_container(sed), NULL, "args", "[]");
	set(first_container(sed), NULL, "ports", "[]");
	expect_no_probe(two, "write the port as a number (--port): codis-controller cannot ask it", NULL);
	expect_no_probe(sed, NO_PORT, "");
	expect_no_probe(load_with_container("plain-server", "args", "[\"x.conf\",\"--port\",\"$(P)\"]"), PORT_UNSAID,
			NULL);
	expect_no_probe(load_with_container("plain-server", "args", "[\"x.conf\",\"--port\",\"0\"]"), PORT_UNSAID,
			NULL);
	expect_no_probe(load_with_container("plain-server", "args", "[\"x.conf\",\"--port\"]"), PORT_UNSAID, "");
	expect_no_probe(
		load_with_container("plain-server", "command",
				    "[\"sh\",\"-c\",\"codis-server --requirepass \\\"$(cat /run/secret)\\\"\"]"),
		"take the password from an env variable as it is: probe and hooks, which do not know it", "");
}

TEST(an_empty_password_is_none)
{
	OUTCOME o =
		mutate_pod_twice(load_with_container("plain-server", "args", "[\"x.conf\",\"--requirepass\",\"\"]"));

	assert_int_equal(o.verdict.warning_count, 0);
	assert_null(strstr(script_of(o.pod, "readinessProbe", NULL), " -a "));
	assert_non_null(strstr(script_of(o.pod, "readinessProbe", NULL), "redis-cli"));
}

TEST(a_password_in_plain_text_is_not_written_once_more)
{
	OUTCOME o = mutate_pod_twice(
		load_with_container("plain-server", "args", "[\"x.conf\",\"--requirepass\",\"S3cret\\\"pw\"]"));
	char *patch = cJSON_PrintUnformatted(o.patch);

	assert_true(warned(&o, "take the password from an env of a Secret: probe and hooks, which would show it"));
	assert_null(strstr(patch, "S3cret"));
	assert_non_null(strstr(patch, "--slaveof"));
	free(patch);
}

TEST(a_second_server_in_a_pod_is_told)
{
	static const char second[] = "{\"name\":\"b\",\"command\":[\"codis-server\",\"b.conf\"]}";
	cJSON *two = load_pod("plain-server"), *init = load_pod("plain-server");
	OUTCOME o = { .pod = NULL }, i = { .pod = NULL };

	cJSON_AddItemToArray(child(child(two, "spec"), "containers"), parse_text(second));
	o = mutate_pod_twice(two);
	assert_true(warned(&o, "run one codis-server a pod: the one of container b gets nothing"));
	assert_non_null(json_get(container_of(o.pod), "readinessProbe", NULL));

	set(child(init, "spec"), NULL, "initContainers", "[]");
	cJSON_AddItemToArray(child(child(init, "spec"), "initContainers"), parse_text(second));
	set(first_container(init), NULL, "command", "[\"pause\"]");
	set(first_container(init), NULL, "args", "[]");
	i = mutate_pod_twice(init);
	assert_true(warned(&i, "move b out of initContainers: codis-server gets nothing there"));
	assert_null(json_get(container_of(i.pod), "readinessProbe", NULL));
}

TEST(grace_period)
{
	OUTCOME longer = mutate_pod_twice(load_with("plain-server", "spec", "terminationGracePeriodSeconds", "90"));
	OUTCOME shorter = mutate_pod_twice(load_with("plain-server", "spec", "terminationGracePeriodSeconds", "2"));

	assert_non_null(strstr(script_of(longer.pod, "lifecycle", "preStop"), "now + 85))"));
	assert_non_null(strstr(script_of(shorter.pod, "lifecycle", "preStop"), "now + 0))"));
	assert_int_equal(longer.verdict.warning_count, 0);
	assert_true(warned(&shorter, "raise terminationGracePeriodSeconds from"));
}

/* --- what is not said, and what is said elsewhere --------------------------------------------------------------- */

/* It belongs to the only product of its namespace: no label says another. */
TEST(server_without_a_product)
{
	OUTCOME o = mutate_pod_twice(load_with_container("plain-server", "env", "[]"));

	assert_int_equal(o.verdict.warning_count, 0);
	assert_string_equal(label(o.pod, "codis.io/product"), "");
	assert_string_equal(label(o.pod, "codis.io/group"), "2");
	assert_json(anti_affinity(o.pod, REQUIRED),
		    "[{\"labelSelector\":{\"matchLabels\":{\"codis.io/component\":\"codis-server\",\"codis.io/group\":"
		    "\"2\"}},\"topologyKey\":\"kubernetes.io/hostname\"}]");
}

#define FROM(name, ref, object, key)                                                                                   \
	"[{\"name\":\"" name "\",\"valueFrom\":{\"" ref "\":{\"name\":\"" object "\",\"key\":\"" key "\"}}}]"

TEST(server_that_is_known_elsewhere)
{
	cJSON *pod = load_with_container("plain-server", "env", "[]");

	expect_refused(load_with_container("plain-server", "env", FROM("SERVER_REPLICA", "configMapKeyRef", "x", "y")),
		       422,
		       "env SERVER_REPLICA comes from ConfigMap x, key y, which codis-webhook does not read: write its "
		       "value, since groups follow from it");
	expect_refused(load_with_container("plain-server", "env", FROM("PRODUCT_NAME", "secretKeyRef", "x", "y")), 422,
		       "env PRODUCT_NAME comes from Secret x, key y, which codis-webhook does not read: write its "
		       "value, or label the pods codis.io/product");
	set(first_container(pod), NULL, "envFrom", "[{\"configMapRef\":{\"name\":\"conf\"}}]");
	expect_refused(pod, 422, "env SERVER_REPLICA may come from ConfigMap conf by envFrom, which codis-webhook");
	expect_refused(load_with_container("plain-server", "env",
					   "[{\"name\":\"PRODUCT_NAME\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
					   "\"spec.nodeName\"}}}]"),
		       422,
		       "the product cannot be read (env PRODUCT_NAME comes from spec.nodeName, which only the running "
		       "pod has): write its value, or label the pods codis.io/product");
}

TEST(product_of_the_namespace)
{
	cJSON *pod = load_with_container("plain-server", "env",
					 "[{\"name\":\"PRODUCT_NAME\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
					 "\"metadata.namespace\"}}}]");
	OUTCOME o = { .pod = NULL };

	set(pod, "metadata", "namespace", "\"shop\"");
	o = mutate_pod_twice(pod);
	assert_string_equal(label(o.pod, "codis.io/product"), "shop");
}

TEST(proxy_that_is_known_elsewhere)
{
	OUTCOME o = mutate_pod_twice(
		load_with_container("plain-proxy", "env", FROM("PRODUCT_NAME", "configMapKeyRef", "x", "y")));

	assert_true(o.verdict.allowed);
	assert_string_equal(label(o.pod, "codis.io/product"), "");
	assert_true(
		warned(&o, "label it codis.io/product, or write the value: env PRODUCT_NAME comes from ConfigMap x"));
}

static void expect_password(const char *env, const char *env_from, const char *args, const char *warning,
			    const char *ask)
{
	cJSON *pod = load_with_container("plain-server", "env", env);
	bool unused = !strstr(args, "--requirepass") && strstr(env, "PRODUCT_AUTH");
	OUTCOME o = { .pod = NULL };

	set(first_container(pod), NULL, "args", args);
	set(first_container(pod), NULL, "envFrom", env_from);
	set(pod, "metadata", "labels", "{\"app\":\"codis-server\",\"codis.io/product\":\"shop\"}");
	o = mutate_pod_twice(pod);
	if (!o.verdict.allowed)
		fail_msg("%s", o.verdict.message);
	assert_int_equal(o.verdict.warning_count, (warning ? 1 : 0) + unused);
	if (warning)
		assert_string_equal(o.verdict.warnings[0], warning);
	if (unused)
		assert_string_equal(o.verdict.warnings[1],
				    "write --requirepass $(PRODUCT_AUTH), unless its file has it: "
				    "the variable alone sets no password");
	if (!strstr(script_of(o.pod, "readinessProbe", NULL), ask))
		fail_msg("%s", script_of(o.pod, "readinessProbe", NULL));
}

TEST(password_of_a_secret)
{
	static const char role[] =
		"apply manifests/codis/password-role.yaml: codis-controller has to read the password from Secret sec";

	expect_password(FROM("PRODUCT_AUTH", "secretKeyRef", "sec", "k"), "[]", "[\"x.conf\"]", role,
			"-a \"${PRODUCT_AUTH}\"");
	expect_password(FROM("PW", "secretKeyRef", "sec", "k"), "[]", "[\"--requirepass\",\"$(PW)\"]", role,
			"-a \"${PW}\"");
	expect_password("[{\"name\":\"SERVER_REPLICA\",\"value\":\"2\"}]", "[{\"secretRef\":{\"name\":\"sec\"}}]",
			"[\"--requirepass\",\"$(PRODUCT_AUTH)\"]", role, "-a \"${PRODUCT_AUTH}\"");
	/* An envFrom that may hold it is no word about it. */
	expect_password("[{\"name\":\"SERVER_REPLICA\",\"value\":\"2\"}]", "[{\"secretRef\":{\"name\":\"sec\"}}]",
			"[\"x.conf\"]", NULL, "-h \"127.0.0.1\"");
	expect_password(FROM("PRODUCT_AUTH", "configMapKeyRef", "conf", "k"), "[]", "[\"x.conf\"]",
			"put the password into a Secret, for codis-controller to read: env PRODUCT_AUTH comes from "
			"ConfigMap conf, key k",
			"-a \"${PRODUCT_AUTH}\"");
}

/* --- which container -------------------------------------------------------------------------------------------- */

/* Puts containers of this text (a list) around the fixture's own. */
static cJSON *load_beside(const char *name, const char *before, const char *after)
{
	cJSON *pod = load_pod(name), *list = child(child(pod, "spec"), "containers");

	if (before)
		cJSON_InsertItemInArray(list, 0, parse_text(before));
	if (after)
		cJSON_AddItemToArray(list, parse_text(after));
	return pod;
}

/* Only the container at this index may change; -1: none does. */
static void expect_changed(cJSON *pod, int index, const char *warning)
{
	cJSON *before = cJSON_Duplicate(pod, true), *old = child(child(before, "spec"), "containers");
	OUTCOME o = mutate_pod_twice(pod);
	const cJSON *now = json_get(o.pod, "spec", "containers", NULL);

	for (int i = 0; i < cJSON_GetArraySize(old); i++) {
		if (json_equal(cJSON_GetArrayItem(old, i), cJSON_GetArrayItem(now, i)) == (i == index))
			fail_msg("container %d is %s", i, cJSON_Print(cJSON_GetArrayItem(now, i)));
	}
	if (warning && !warned(&o, warning))
		fail_msg("no warning of it");
	cJSON_Delete(before);
}

#define EXPORTER "{\"name\":\"exporter\",\"args\":[\"--redis.addr=redis://127.0.0.1:6379\"]}"
#define AGENT    "{\"name\":\"agent\",\"command\":[\"agent\",\"--component\",\"codis-server\"]}"

TEST(a_sidecar_gets_nothing)
{
	static const char *const names[] = { "plain-server", "plain-proxy", "plain-dashboard", "article-ha" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		expect_changed(load_beside(names[i], EXPORTER, NULL), 1, NULL);
		expect_changed(load_beside(names[i], AGENT, EXPORTER), 1, NULL);
		expect_changed(load_beside(names[i], NULL, AGENT), 0, NULL);
	}
	expect_changed(load_beside("plain-server",
				   "{\"name\":\"sentinel\",\"command\":[\"redis-server\",\"s.conf\",\"--sentinel\"]}",
				   NULL),
		       1, NULL);
}

/* A value that is there, in a container of which nobody knows that it is the server. */
TEST(a_server_that_has_no_name)
{
	cJSON *pod = load_beside("plain-server", EXPORTER, NULL),
	      *server = cJSON_GetArrayItem(child(child(pod, "spec"), "containers"), 1);

	set(server, NULL, "name", "\"redis\"");
	set(server, NULL, "command", "[\"/start.sh\"]");
	expect_refused(pod, 422,
		       "name the container of codis-server so, or label the pods by what they run: none is known "
		       "to be it, and SERVER_REPLICA is read from "
		       "it");
}

/* A server that is started by its image, beside an exporter. */
TEST(a_server_by_name)
{
	cJSON *pod = load_beside("plain-server", EXPORTER, NULL),
	      *server = cJSON_GetArrayItem(child(child(pod, "spec"), "containers"), 1);

	cJSON_DeleteItemFromObjectCaseSensitive(server, "command");
	expect_changed(cJSON_Duplicate(pod, true), 1, NULL);
	set(server, NULL, "name", "\"redis\"");
	set(server, NULL, "env", "[]");
	expect_changed(pod, -1,
		       "name the container codis-server: none is known to be it, so none gets guard, probe or hooks");
}

TEST(two_servers_in_a_pod)
{
	expect_changed(load_beside("plain-server", NULL, "{\"name\":\"b\",\"command\":[\"codis-server\"]}"), 0, NULL);
	expect_changed(load_beside("plain-server", "{\"name\":\"codis-proxy\",\"command\":[\"sh\"]}", NULL), 1, NULL);
}

/* --- the others ------------------------------------------------------------------------------------------------ */

TEST(proxy)
{
	static const char *const names[] = { "plain-proxy", "article-proxy" };

	for (int i = 0; i < 2; i++) {
		OUTCOME o = mutate_pod_twice(load_pod(names[i]));

		assert_string_equal(label(o.pod, "codis.io/component"), "codis-proxy");
		assert_string_equal(label(o.pod, "codis.io/product"), "codis-test");
		assert_string_equal(label(o.pod, "codis.io/group"), "");
		assert_string_equal(json_str(o.pod, "spec", "schedulerName", NULL), "default-scheduler");
		assert_null(json_get(o.pod, "spec", "affinity", NULL));
		assert_int_equal(toleration(o.pod, "node.kubernetes.io/not-ready"), 20);
		assert_int_equal(toleration(o.pod, "node.kubernetes.io/unreachable"), 20);
		assert_non_null(
			strstr(script_of(o.pod, "readinessProbe", NULL), "-h \"${POD_IP}\" -p \"19000\" select"));
		assert_non_null(strstr(script_of(o.pod, "lifecycle", "preStop"),
				       "--dashboard=\"${DASHBOARD_ADDR}\" --remove-proxy --addr=\"${POD_IP}:11080\""));
		assert_int_equal(o.verdict.warning_count, i);
		assert_int_equal(warned(&o, "article's preStop, which is replaced"), i);
	}
}

TEST(proxy_that_says_little)
{
	cJSON *pod = load_with_container("plain-proxy", "args", "[]");
	OUTCOME o = { .pod = NULL };

	set(first_container(pod), NULL, "env", "[]");
	o = mutate_pod_twice(pod);
	assert_non_null(strstr(script_of(o.pod, "readinessProbe", NULL), "-h \"127.0.0.1\" -p \"19000\" select"));
	assert_non_null(strstr(script_of(o.pod, "lifecycle", "preStop"), "sleep 3"));
	assert_null(strstr(script_of(o.pod, "lifecycle", "preStop"), "--remove-proxy"));
}

/* What a start script starts cannot be seen: the pod's own address answers whatever it is bound to. */
TEST(proxy_of_a_start_script_is_asked_at_the_address_that_it_is_given)
{
	cJSON *pod = load_with_container("plain-proxy", "args", "[]");
	OUTCOME o = { .pod = NULL };

	set(first_container(pod), NULL, "command", "[\"/start-proxy.sh\"]");
	set(first_container(pod), NULL, "env",
	    "[{\"name\":\"POD_IP\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"status.podIP\"}}},"
	    "{\"name\":\"DASHBOARD_ADDR\",\"value\":\"d:18080\"}]");
	o = mutate_pod_twice(pod);
	assert_non_null(strstr(script_of(o.pod, "readinessProbe", NULL), "-h \"${POD_IP}\" -p \"19000\" select"));
	assert_non_null(strstr(script_of(o.pod, "lifecycle", "preStop"), "--remove-proxy --addr=\"${POD_IP}:11080\""));
}

TEST(own_probe_of_a_proxy_stays_and_what_it_costs_is_said)
{
	cJSON *pod = load_with_container("plain-proxy", "readinessProbe", "{\"tcpSocket\":{\"port\":19000}}");
	OUTCOME o = mutate_pod_twice(pod);

	assert_true(
		warned(&o, "drop readinessProbe of your own: clients may come before the dashboard has taken it in"));
	assert_non_null(json_get(container_of(o.pod), "readinessProbe", "tcpSocket", NULL));
}

TEST(dashboard)
{
	OUTCOME plain = mutate_pod_twice(load_pod("plain-dashboard"));
	OUTCOME article = mutate_pod_twice(load_pod("article-dashboard"));

	assert_string_equal(label(plain.pod, "codis.io/component"), "codis-dashboard");
	assert_int_equal(toleration(plain.pod, "node.kubernetes.io/unreachable"), 20);
	assert_non_null(
		strstr(script_of(plain.pod, "lifecycle", "preStop"), "--dashboard=\"${POD_IP}:18080\" --shutdown"));
	assert_int_equal(plain.verdict.warning_count, 0);
	assert_non_null(
		strstr(script_of(article.pod, "lifecycle", "preStop"), "--dashboard=\"${POD_IP}:18080\" --shutdown"));
	assert_null(json_get(container_of(article.pod), "lifecycle", "postStart", NULL));
	assert_true(warned(&article, "postStart, which is left out"));
	assert_true(warned(&article, "stray quote"));
}

static const cJSON *first_init(const cJSON *pod)
{
	return cJSON_GetArrayItem(json_get(pod, "spec", "initContainers", NULL), 0);
}

/* The article's postStart is what says that the image has all that it takes. */
TEST(dashboard_waits_for_zookeeper)
{
	OUTCOME plain = mutate_pod_twice(load_pod("plain-dashboard")), o = { .pod = NULL }, own = { .pod = NULL };
	cJSON *pod = load_pod("article-dashboard");

	set(first_container(pod), NULL, "securityContext", "{\"runAsNonRoot\":true}");
	set(first_container(pod), NULL, "env",
	    "[{\"name\":\"HOST\",\"value\":\"z\"},{\"name\":\"X\",\"value\":\"y\"},"
	    "{\"name\":\"ZK_ADDR\",\"value\":\"$(HOST):2181\"},{\"name\":\"Y\",\"value\":\"$(X)\"}]");
	set(pod, "spec", "initContainers", "[{\"name\":\"mesh\",\"image\":\"mesh\"}]");
	o = mutate_pod_twice(pod);
	assert_string_equal(json_str(first_init(o.pod), "name", NULL), "wait-for-zookeeper");
	assert_string_equal(json_str(first_init(o.pod), "image", NULL), "codis-image");
	assert_json(json_get(first_init(o.pod), "securityContext", NULL), "{\"runAsNonRoot\":true}");
	assert_json(json_get(first_init(o.pod), "env", NULL),
		    "[{\"name\":\"HOST\",\"value\":\"z\"},{\"name\":\"ZK_ADDR\",\"value\":\"$(HOST):2181\"}]");
	assert_non_null(strstr(cJSON_GetArrayItem(json_get(first_init(o.pod), "command", NULL), 2)->valuestring,
			       "codis-admin --dashboard-list --zookeeper=\"${ZK_ADDR}\" && exit 0"));
	assert_int_equal(cJSON_GetArraySize(json_get(o.pod, "spec", "initContainers", NULL)), 2);
	assert_null(json_get(plain.pod, "spec", "initContainers", NULL));
	pod = load_pod("article-dashboard");
	set(pod, "spec", "initContainers", "[{\"name\":\"wait-for-zookeeper\",\"image\":\"own\"}]");
	own = mutate_pod_twice(pod);
	assert_int_equal(cJSON_GetArraySize(json_get(own.pod, "spec", "initContainers", NULL)), 1);
	assert_string_equal(json_str(first_init(own.pod), "image", NULL), "own");
}

#define LOCK_REASON "codis-controller removes a stale lock; with it two could lead"
#define LOCK_LEFT   "drop --remove-lock, which is left out: " LOCK_REASON
#define LOCK_STAYS  "drop --remove-lock, which stays here: " LOCK_REASON

/* warnings: of those two, in their order. */
static void expect_lock(const char *command, const char *expected, const char *warnings)
{
	JSON_CLEANUP cJSON *pod = load_with_container("plain-dashboard", "command", command);
	OUTCOME o = { .pod = NULL };

	set(first_container(pod), NULL, "args", "null");
	o = mutate_once(pod);
	assert_json(json_get(container_of(o.pod), "command", NULL), expected);
	assert_int_equal(warned(&o, LOCK_LEFT), strchr(warnings, 'l') != NULL);
	assert_int_equal(warned(&o, LOCK_STAYS), strchr(warnings, 's') != NULL);
}

TEST(dashboard_keeps_its_lock)
{
	OUTCOME article = mutate_pod_twice(load_pod("article-dashboard"));
	char words[4096];

	assert_null(strstr(words_of(json_get(container_of(article.pod), "args", NULL), words), "--remove-lock"));
	assert_true(warned(&article, LOCK_LEFT));
	expect_lock("[\"codis-dashboard\",\"--remove-lock\",\"--zookeeper\",\"z\"]",
		    "[\"codis-dashboard\",\"--zookeeper\",\"z\"]", "l");
	expect_lock("[\"sh\",\"-c\",\"sleep 1; exec codis-dashboard --zookeeper z --remove-lock -l x >log\"]",
		    "[\"sh\",\"-c\",\"sleep 1; exec codis-dashboard --zookeeper z -l x >log\"]", "l");
	expect_lock("[\"sh\",\"-c\",\"codis-admin --remove-lock; codis-dashboard --zookeeper z --remove-lock\"]",
		    "[\"sh\",\"-c\",\"codis-admin --remove-lock; codis-dashboard --zookeeper z\"]", "ls");
	expect_lock("[\"sh\",\"-c\",\"codis-dashboard --zookeeper z '--remove-lock'\"]",
		    "[\"sh\",\"-c\",\"codis-dashboard --zookeeper z '--remove-lock'\"]", "s");
	/* Where codis-controller finds no lock to remove. */
	expect_lock("[\"codis-dashboard\",\"--etcd\",\"e\",\"--remove-lock\"]",
		    "[\"codis-dashboard\",\"--etcd\",\"e\",\"--remove-lock\"]", "");
}

TEST(ha_becomes_a_viewer)
{
	OUTCOME o = mutate_pod_twice(load_pod("article-ha")), again = { .pod = NULL };
	char words[4096];

	assert_string_equal(label(o.pod, "codis.io/component"), "codis-ha");
	assert_string_equal(json_str(container_of(o.pod), "image", NULL), VIEWER_IMAGE);
	assert_string_equal(json_str(container_of(o.pod), "imagePullPolicy", NULL), "IfNotPresent");
	assert_string_equal(words_of(json_get(container_of(o.pod), "command", NULL), words), "codis-controller --view");
	assert_null(json_get(container_of(o.pod), "args", NULL));
	assert_non_null(json_get(o.pod, "spec", "affinity", "podAffinity", NULL));
	assert_true(warned(&o, "drop codis-ha, which would fight codis-controller"));
	again = mutate_once(o.pod);
	assert_int_equal(again.verdict.warning_count, 0); /* no codis-ha is there any more */
}

TEST(ha_that_is_kept)
{
	OUTCOME o = mutate_pod_twice(load_with("article-ha", "metadata", "annotations", "{\"codis.io/ha\":\"keep\"}"));
	char words[4096];

	assert_string_equal(words_of(json_get(container_of(o.pod), "command", NULL), words), "codis-ha");
	assert_true(warned(&o, "beside a codis-ha that stays nobody"));
}

TEST(fe_gets_labels)
{
	OUTCOME o = mutate_pod_twice(load_pod("plain-fe"));

	assert_int_equal(cJSON_GetArraySize(o.patch), 1);
	assert_string_equal(label(o.pod, "codis.io/component"), "codis-fe");
	assert_string_equal(label(o.pod, "codis.io/product"), ""); /* it serves all of them */
}

TEST(zookeeper_gets_spread)
{
	OUTCOME o = mutate_pod_twice(load_pod("plain-zookeeper"));
	OUTCOME alone = mutate_pod_twice(load_with("plain-zookeeper", "metadata", "ownerReferences", "[]"));
	OUTCOME own =
		mutate_pod_twice(load_with("plain-zookeeper", "spec", "affinity",
					   "{\"podAntiAffinity\":{\"" REQUIRED "\":[{\"topologyKey\":\"zone\"}]}}"));

	assert_int_equal(cJSON_GetArraySize(o.patch), 1);
	assert_json(anti_affinity(o.pod, PREFERRED),
		    "[{\"weight\":100,\"podAffinityTerm\":{\"labelSelector\":{\"matchLabels\":{\"app\":\"zookeeper\"}},"
		    "\"topologyKey\":\"kubernetes.io/hostname\"}}]");
	assert_int_equal(cJSON_GetArraySize(alone.patch), 0);
	assert_int_equal(cJSON_GetArraySize(own.patch), 0);
}

/* Kafka's, say: everybody's is called so. */
TEST(a_zookeeper_or_codis_fe_where_no_codis_is_known_comes_out_as_it_went_in)
{
	static const struct {
		const char *namespace, *app;
		int changes;
	} beside[] = { { "shop", "codis-server", 1 },     { "shop", "codis-dashboard", 1 },
		       { "shop", "codis-proxy", 1 },      { "shop", "kafka", 0 },
		       { "shop", "zookeeper", 0 },        { "shop", "codis-fe", 0 },
		       { "elsewhere", "codis-server", 0 } };
	static const char *const pods[] = { "plain-zookeeper", "article-zookeeper", "plain-fe" };

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		JSON_CLEANUP cJSON *set = a_set(beside[i].namespace, beside[i].app);

		for (size_t p = 0; p < sizeof(pods) / sizeof(pods[0]); p++) {
			JSON_CLEANUP cJSON *pod = load_pod(pods[p]);
			OUTCOME o = mutate_beside(pod, set);

			assert_true(o.verdict.allowed);
			assert_int_equal(o.verdict.warning_count != 0 && !beside[i].changes, 0);
			assert_int_equal(cJSON_GetArraySize(o.patch) > 0, beside[i].changes);
		}
	}
}

/* PRODUCT_NAME is said to others as well, who may call it what they like. */
TEST(a_zookeeper_is_never_refused_for_a_product)
{
	JSON_CLEANUP cJSON *pod =
		load_with("plain-zookeeper", "metadata", "labels", "{\"codis.io/component\":\"zookeeper\"}");
	OUTCOME labelled = mutate_beside(pod, NULL);
	cJSON *env = cJSON_GetObjectItem((cJSON *)container_of(pod), "env"), *entry = cJSON_CreateObject();
	OUTCOME named = (json_add_str(entry, "name", "PRODUCT_NAME"), json_add_str(entry, "value", "a/b c"),
			 cJSON_AddItemToArray(env, entry), mutate_beside(pod, NULL));

	assert_int_equal(cJSON_GetArraySize(labelled.patch), 1);
	assert_true(named.verdict.allowed);
	assert_int_equal(cJSON_GetArraySize(named.patch), 1);
}

/* --- what a text costs ------------------------------------------------------------------------------------------ */

/* Whoever reaches the port may send one: each "port" of a comment was looked back from to the line's beginning, for
 * 0.7 s of CPU a review. */
TEST(a_long_comment_costs_little)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 18);
	JSON_CLEANUP cJSON *pod = load_pod("plain-server");
	const char *words[] = { "sh", "-c", NULL };
	clock_t began;

	buf_addstr(&text, "codis-server redis.conf\n# ");
	while (text.len < SHELL_TEXT_MAX - 16)
		buf_addstr(&text, "port 1 ");
	words[2] = text.data;
	cJSON_DeleteItemFromObjectCaseSensitive(first_container(pod), "args");
	cJSON_DeleteItemFromObjectCaseSensitive(first_container(pod), "command");
	cJSON_AddItemToObject(first_container(pod), "command", cJSON_CreateStringArray(words, 3));
	began = clock();
	{
		OUTCOME o = mutate_once(pod);

		assert_true(o.verdict.allowed);
		assert_int_equal(o.verdict.warning_count, 0);
	}
	assert_in_range(clock() - began, 0, TEST_LITTLE);
}

/* Each variable needs the next one: the wait for ZooKeeper was to have all of them, each compared with each. */
TEST(a_long_chain_of_variables_costs_little)
{
	JSON_CLEANUP cJSON *pod = load_pod("article-dashboard");
	cJSON *container = first_container(pod), *env = cJSON_CreateArray();
	const char *const words[] = { "codis-dashboard", "--zookeeper", "$(V0)" };
	clock_t began;

	for (int i = CHAIN; i >= 0; i--) {
		cJSON *variable = cJSON_CreateObject();
		char text[32];

		snprintf(text, sizeof(text), "V%d", i);
		json_add_str(variable, "name", text);
		snprintf(text, sizeof(text), "$(V%d)", i + 1);
		json_add_str(variable, "value", text);
		cJSON_AddItemToArray(env, variable);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(container, "env");
	cJSON_DeleteItemFromObjectCaseSensitive(container, "args");
	cJSON_DeleteItemFromObjectCaseSensitive(container, "command");
	cJSON_AddItemToObject(container, "env", env);
	cJSON_AddItemToObject(container, "command", cJSON_CreateStringArray(words, 3));
	began = clock();
	{
		OUTCOME o = mutate_once(pod);
		const cJSON *wait = cJSON_GetArrayItem(json_get(o.pod, "spec", "initContainers", NULL), 0);

		assert_in_range(cJSON_GetArraySize(json_get(wait, "env", NULL)), 3, 16);
	}
	assert_in_range(clock() - began, 0, TEST_LITTLE);
}

/* --- requests -------------------------------------------------------------------------------------------------- */

static struct admission_verdict request(const char *resource, const char *subresource, const char *operation,
					const cJSON *object)
{
	struct admission_request req = request_of(resource, "", NULL, object);
	struct lookups lookups = lookups_of(NULL);
	struct admission_verdict v;

	req.subresource = subresource;
	req.operation = operation;
	admission_verdict_init(&v);
	mutate(&req, &lookups, VIEWER_IMAGE, &v);
	return v;
}

TEST(requests_about_something_else)
{
	JSON_CLEANUP cJSON *pod = load_pod("plain-server");
	struct admission_verdict v = request("statefulsets", "", "CREATE", pod);

	assert_int_equal(v.code, 400);
	assert_non_null(strstr(v.message, "\"statefulsets\""));
	admission_verdict_release(&v);
	v = request("pods", "eviction", "CREATE", pod);
	assert_int_equal(v.code, 400);
	assert_non_null(strstr(v.message, "\"pods/eviction\""));
	admission_verdict_release(&v);
	v = request("pods", "", "CREATE", NULL);
	assert_int_equal(v.code, 400);
	admission_verdict_release(&v);
	v = request("pods", "", "UPDATE", pod);
	assert_true(v.allowed);
	assert_int_equal(v.patch.len, 0);
	admission_verdict_release(&v);
}
