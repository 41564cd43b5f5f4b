#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/metrics.h"
#include "extender/offer.h"
#include "tests/unit/extender_fixture.h"
#include "tests/unit/test.h"

#define BY_RACK ",\"annotations\":{\"codis.io/topology-key\":\"rack\"}"

/* --- one call --------------------------------------------------------------------------------- */

static cJSON *ask(struct extender *e, int64_t now_ms, int want_status, const char *body)
{
	BUF_CLEANUP struct buf out = BUF_INIT(16 << 20);
	struct error err = ERROR_INIT;
	cJSON *answer;

	assert_int_equal(serve_filter(e, body, strlen(body), now_ms, WALL_MS, &out), want_status);
	answer = json_parse(out.data, out.len, JSON_ITEMS, &err);
	if (!answer)
		fail_msg("%s: %s", err.text, out.data);
	return answer;
}

/* filter for this pod (freed) on these nodes: a JSON list of names. */
static cJSON *filter(struct extender *e, int64_t now_ms, cJSON *pod, const char *names)
{
	char *text = cJSON_PrintUnformatted(pod), *body = NULL;
	cJSON *answer;

	assert_true(asprintf(&body, "{\"Pod\":%s,\"NodeNames\":%s}", text, names) > 0);
	answer = ask(e, now_ms, 200, body);
	free(body);
	cJSON_free(text);
	cJSON_Delete(pod);
	return answer;
}

static const char *first_offered(const cJSON *answer)
{
	return cJSON_GetStringValue(cJSON_GetArrayItem(json_get(answer, "NodeNames", NULL), 0));
}

/* What the scheduler is told to come back for; or "". */
static const char *soon(const cJSON *answer)
{
	const char *text = json_str(answer, "Error", NULL);

	return text ? text : "";
}

static const char *refusal(const cJSON *answer, const char *node)
{
	return json_str(answer, "FailedAndUnresolvableNodes", node, NULL);
}

static void assert_error(struct extender *e, int want_status, const char *body, const char *want)
{
	JSON_CLEANUP cJSON *answer = ask(e, 0, want_status, body);

	assert_non_null(json_str(answer, "Error", NULL));
	if (!strstr(json_str(answer, "Error", NULL), want))
		fail_msg("\"%s\" does not hold \"%s\"", json_str(answer, "Error", NULL), want);
}

TEST(bad_requests_are_refused_in_words)
{
	struct extender e;

	extender_setup(&e);
	assert_error(&e, 400, "", "not JSON");
	assert_error(&e, 400, "{\"Pod\":{}", "not JSON");
	assert_error(&e, 400, "{\"Pod\":{}} {}", "not JSON");
	assert_error(&e, 400, "[]", "not a JSON object");
	assert_error(&e, 400, "{}", "no Pod");
	assert_error(&e, 400, "{\"Pod\":null}", "no Pod");
	assert_error(&e, 400, "{\"Pod\":\"x\"}", "no Pod");
	assert_error(&e, 400, "{\"Pod\":{},\"NodeNames\":{}}", "NodeNames is not a list");
	assert_error(&e, 400, "{\"Pod\":{},\"NodeNames\":[1]}", "no name that is a text");
	assert_error(&e, 400, "{\"Pod\":{},\"NodeNames\":[\"\"]}", "no name that is a text");
	assert_error(&e, 400, "{\"Pod\":{},\"Nodes\":[]}", "not a NodeList");
	assert_error(&e, 400, "{\"Pod\":{},\"Nodes\":{\"items\":{}}}", "not a NodeList");
	assert_error(&e, 400, "{\"Pod\":{},\"Nodes\":{\"items\":[{}]}}", "no name");
	extender_teardown(&e);
}

TEST(too_long_names_and_too_many_nodes_are_refused)
{
	BUF_CLEANUP struct buf body = BUF_INIT(1 << 20);
	struct extender e;
	char name[EXTENDER_NAME_MAX + 2];

	extender_setup(&e);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	buf_addf(&body, "{\"Pod\":{},\"NodeNames\":[\"%s\"]}", name);
	assert_error(&e, 400, body.data, "more than 253");
	buf_reset(&body);
	buf_addstr(&body, "{\"Pod\":{},\"NodeNames\":[\"n\"");
	for (int i = 0; i < EXTENDER_NODES_MAX; i++)
		buf_addstr(&body, ",\"n\"");
	buf_addstr(&body, "]}");
	assert_error(&e, 400, body.data, "more than 20000 nodes");
	extender_teardown(&e);
}

static bool is_offered(const cJSON *answer, const char *node)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, json_get(answer, "NodeNames", NULL)) {
		if (strcmp(cJSON_GetStringValue(one), node) == 0)
			return true;
	}
	return false;
}

/* As older and other schedulers write them. */
TEST(names_are_read_in_any_case)
{
	struct extender e;
	JSON_CLEANUP cJSON *answer = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	answer = ask(&e, 0, 200, "{\"pod\":{\"metadata\":{}},\"nodes\":null,\"nodenames\":[\"n1\"]}");
	assert_string_equal(first_offered(answer), "n1");
	extender_teardown(&e);
}

TEST(whole_nodes_are_answered_with_whole_nodes)
{
	struct extender e;
	JSON_CLEANUP cJSON *answer = NULL, *pod = server_pod(1, "");
	char *text = cJSON_PrintUnformatted(pod), *body = NULL;
	const cJSON *items;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_plain_node(e.inventory, "n2");
	add_pod(e.inventory, server_pod(0, "n1"));
	assert_true(asprintf(&body,
			     "{\"Pod\":%s,\"Nodes\":{\"items\":[{\"metadata\":{\"name\":\"n1\"}},"
			     "{\"metadata\":{\"name\":\"n2\"},\"spec\":{\"x\":1}}]}}",
			     text) > 0);
	answer = ask(&e, 0, 200, body);
	items = json_get(answer, "Nodes", "items", NULL);
	assert_int_equal(cJSON_GetArraySize(items), 1);
	assert_int_equal(json_int(0, cJSON_GetArrayItem(items, 0), "spec", "x", NULL), 1);
	assert_null(json_get(answer, "NodeNames", NULL));
	free(body);
	cJSON_free(text);
	extender_teardown(&e);
}

TEST(other_pods_pass_everywhere)
{
	struct extender e;
	JSON_CLEANUP cJSON *answer = NULL;

	extender_setup(&e);
	answer = ask(&e, 0, 200,
		     "{\"Pod\":{\"metadata\":{\"labels\":{\"app\":\"nginx\"}}},"
		     "\"NodeNames\":[\"b\",\"a\",\"c\"]}");
	assert_int_equal(cJSON_GetArraySize(json_get(answer, "NodeNames", NULL)), 3);
	assert_string_equal(first_offered(answer), "b");
	assert_int_equal(e.reservations.by_uid.count, 0);
	extender_teardown(&e);
}

TEST(a_pod_that_cannot_be_read_waits_with_the_reason)
{
	struct extender e;
	JSON_CLEANUP cJSON *answer = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	answer = ask(&e, 0, 200,
		     "{\"Pod\":{\"metadata\":{\"name\":\"codis-server-0\",\"uid\":\"u\",\"labels\":"
		     "{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"env\":[{\"name\":"
		     "\"SERVER_REPLICA\",\"value\":\"two\"}]}]}},\"NodeNames\":[\"n1\"]}");
	assert_null(first_offered(answer));
	assert_non_null(refusal(answer, "n1"));
	assert_non_null(strstr(refusal(answer, "n1"), "SERVER_REPLICA"));
	extender_teardown(&e);
}

/* The same of one that the watch has brought, which is not read once more. */
TEST(a_known_pod_that_cannot_be_read_waits_with_the_reason)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"codis-server-0\",\"namespace\":\"d\",\"uid\":\"u\",\"labels\":"
		"{\"app\":\"codis-server\"},\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":"
		"\"codis-server\",\"controller\":true}]},\"spec\":{\"containers\":[{\"name\":\"codis-server\","
		"\"env\":[{\"name\":\"SERVER_REPLICA\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":"
		"\"c\",\"key\":\"k\"}}}]}]}}";
	struct extender e;
	JSON_CLEANUP cJSON *known = NULL, *unknown = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	unknown = filter(&e, 0, parsed("%s", text), "[\"n1\"]");
	add_pod(e.inventory, parsed("%s", text));
	known = filter(&e, 0, parsed("%s", text), "[\"n1\"]");
	assert_non_null(refusal(known, "n1"));
	assert_non_null(strstr(refusal(known, "n1"), "write its value, since groups depend on it"));
	assert_string_equal(refusal(known, "n1"), refusal(unknown, "n1"));
	extender_teardown(&e);
}

static bool never_ready(void *ctx, char *why_not, size_t size)
{
	(void)ctx;
	snprintf(why_not, size, "codis-extender has not listed the nodes yet");
	return false;
}

TEST(without_a_view_the_scheduler_is_told_to_come_back)
{
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	static const char body[] = "{\"Pod\":{\"metadata\":{\"name\":\"codis-server-0\",\"uid\":\"u\",\"labels\":"
				   "{\"app\":\"codis-server\"}}},\"NodeNames\":[\"n1\"]}";
	static const char others[] = "{\"Pod\":{},\"NodeNames\":[\"n1\"]}";
	JSON_CLEANUP cJSON *answer = NULL;
	struct extender e;

	extender_setup(&e);
	e.ready = never_ready;
	/* Others' pods wait for nothing. */
	answer = ask(&e, 0, 200, others);
	assert_string_equal(first_offered(answer), "n1");
	assert_int_equal(serve_prioritize(&e, others, strlen(others), 0, WALL_MS, &out), 200);
	buf_reset(&out);
	assert_error(&e, 200, body, "not listed the nodes");
	assert_int_equal(serve_prioritize(&e, body, strlen(body), 0, WALL_MS, &out), 503);
	extender_teardown(&e);
}

/* Two members asked for at once: the watch has shown neither. */
TEST(members_placed_at_once_do_not_meet)
{
	struct extender e;
	JSON_CLEANUP cJSON *first = NULL, *second = NULL, *again = NULL, *late = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	first = filter(&e, 0, server_pod(0, ""), "[\"n1\"]");
	assert_string_equal(first_offered(first), "n1");
	second = filter(&e, 1, server_pod(1, ""), "[\"n1\"]");
	assert_null(first_offered(second));
	assert_string_equal(soon(second), "codis-server-0 of group 1 of codis-test is just being placed, maybe here");
	/* The same pod may ask again, and is promised it for as long once more. */
	again = filter(&e, 14999, server_pod(0, ""), "[\"n1\"]");
	assert_string_equal(first_offered(again), "n1");
	/* It is never bound: after its time the other may. */
	late = filter(&e, 14999 + 15000, server_pod(1, ""), "[\"n1\"]");
	assert_string_equal(first_offered(late), "n1");
	extender_teardown(&e);
}

/* What was promised before stands: it may have been bound there. */
#define TAKEN_HERE "group 1 of codis-test already has codis-server-0 here"

TEST(a_refused_attempt_reserves_nothing)
{
	struct extender e;
	JSON_CLEANUP cJSON *first = NULL, *second = NULL, *third = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	first = filter(&e, 0, server_pod(1, ""), "[\"n1\"]");
	add_pod(e.inventory, server_pod(0, "n1"));
	second = filter(&e, 1, server_pod(1, ""), "[\"n1\"]");
	assert_string_equal(soon(second), TAKEN_HERE);
	third = filter(&e, 1000, server_pod(1, ""), "[\"n1\"]");
	assert_string_equal(refusal(third, "n1"), TAKEN_HERE);
	assert_int_equal(e.reservations.by_uid.count, 1);
	extender_teardown(&e);
}

static void is_put_off(struct extender *e, int64_t now_ms)
{
	JSON_CLEANUP cJSON *answer = filter(e, now_ms, server_pod(1, ""), "[\"n1\"]");

	assert_string_equal(soon(answer), TAKEN_HERE);
}

static void is_refused(struct extender *e, int64_t now_ms)
{
	JSON_CLEANUP cJSON *answer = filter(e, now_ms, server_pod(1, ""), "[\"n1\"]");

	assert_string_equal(refusal(answer, "n1"), TAKEN_HERE);
}

/* What the scheduler has heard, and came for, the watch may bring a moment later: each time it comes, once more. */
TEST(who_has_no_place_is_told_to_come_once_more)
{
	JSON_CLEANUP cJSON *offered = NULL, *sibling = server_pod(0, "n1");
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_pod(e.inventory, server_pod(0, "n1"));
	is_put_off(&e, 0);
	is_refused(&e, 1000);
	is_put_off(&e, 60000);
	is_refused(&e, 61000);
	is_put_off(&e, 120000);
	inventory_remove_pod(e.inventory, pod_uid(sibling));
	offered = filter(&e, 121000, server_pod(1, ""), "[\"n1\"]");
	assert_string_equal(first_offered(offered), "n1");
	add_pod(e.inventory, server_pod(0, "n1"));
	is_put_off(&e, 122000);
	extender_teardown(&e);
}

/* Since 1.35 kube-scheduler asks about the node of a pod like it first, and then about all; without a back-off it comes
 * back at once. */
TEST(the_calls_of_one_attempt_are_answered_alike)
{
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_pod(e.inventory, server_pod(0, "n1"));
	is_put_off(&e, 0);
	is_put_off(&e, 100);
	is_refused(&e, 1000);
	is_refused(&e, 1100);
	is_put_off(&e, 60000);
	is_put_off(&e, 60100);
	is_refused(&e, 60200);
	extender_teardown(&e);
}

/* No scheduler asks so, others may. */
TEST(a_server_is_asked_about_no_node_at_all)
{
	JSON_CLEANUP cJSON *answer = NULL;
	struct extender e;

	extender_setup(&e);
	answer = filter(&e, 0, server_pod(1, ""), "[]");
	assert_string_equal(soon(answer), "");
	assert_null(first_offered(answer));
	extender_teardown(&e);
}

/* It fails after the extender each time: in Reserve, PreBind, at its binding, in another extender. */
static void fail_again_and_again(int64_t step_ms)
{
	enum { NODES = 4, ATTEMPTS = 100 };
	struct extender e;
	bool seen[NODES] = { false };

	extender_setup(&e);
	for (int i = 0; i < NODES; i++)
		add_plain_node(e.inventory, (const char *const[]){ "n0", "n1", "n2", "n3" }[i]);
	for (int i = 0; i < ATTEMPTS; i++) {
		JSON_CLEANUP cJSON *answer =
			filter(&e, i * step_ms, server_pod(0, ""), "[\"n0\",\"n1\",\"n2\",\"n3\"]");

		seen[first_offered(answer)[1] - '0'] = true;
	}
	for (int i = 0; i < NODES; i++)
		assert_true(seen[i]);
	extender_teardown(&e);
}

TEST(a_pod_that_fails_sees_every_node)
{
	fail_again_and_again(2000);
	fail_again_and_again(20000);
}

static int64_t silent_for(void *ctx)
{
	(void)ctx;
	return 16000;
}

TEST(a_bound_pod_that_the_watch_has_not_shown_stays_reserved)
{
	struct extender e;
	JSON_CLEANUP cJSON *first = NULL, *second = NULL, *third = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	first = filter(&e, 0, server_pod(0, ""), "[\"n1\"]");
	assert_string_equal(first_offered(first), "n1"); /* it is bound within a second; nobody tells */
	e.age_ms = silent_for;
	second = filter(&e, 16000, server_pod(1, ""), "[\"n1\"]");
	assert_null(first_offered(second));
	e.age_ms = NULL; /* it was heard of, and did not bring the pod as bound */
	third = filter(&e, 17000, server_pod(1, ""), "[\"n1\"]");
	assert_string_equal(first_offered(third), "n1");
	extender_teardown(&e);
}

/* The scheduler's watch is behind ours. Nothing would tell that the places are free; the sibling has one at once. */
TEST(who_is_gone_or_bound_as_the_watch_has_shown_is_promised_nothing)
{
	struct extender e;
	JSON_CLEANUP cJSON *gone = NULL, *sibling = NULL, *bound = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_pod(e.inventory, server_pod(0, ""));
	inventory_remove_pod(e.inventory, "uid-codis-test-codis-server-0");
	extender_pod_gone(&e, "uid-codis-test-codis-server-0");
	gone = filter(&e, 0, server_pod(0, ""), "[\"n1\"]");
	assert_string_equal(soon(gone), "codis-server-0 (uid-codis-test-codis-server-0) is gone");
	sibling = filter(&e, 1, server_pod(1, ""), "[\"n1\"]");
	assert_string_equal(first_offered(sibling), "n1");
	add_pod(e.inventory, server_pod(1, "n1"));
	extender_settle(&e, "uid-codis-test-codis-server-1");
	add_plain_node(e.inventory, "n2");
	bound = filter(&e, 2, server_pod(1, ""), "[\"n2\"]");
	assert_string_equal(soon(bound), "codis-server-1 is bound to n1 already");
	assert_int_equal(e.reservations.by_uid.count, 0);
	extender_teardown(&e);
}

/* Its labels say again what it is. */
TEST(who_was_taken_for_gone_and_is_shown_again_is_placed)
{
	struct extender e;
	JSON_CLEANUP cJSON *answer = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	extender_pod_gone(&e, "uid-codis-test-codis-server-0");
	add_pod(e.inventory, server_pod(0, ""));
	answer = filter(&e, 0, server_pod(0, ""), "[\"n1\"]");
	assert_string_equal(first_offered(answer), "n1");
	extender_teardown(&e);
}

/* A large cluster is shown in parts. */
TEST(a_pod_that_is_refused_by_a_sample_comes_back)
{
	BUF_CLEANUP struct buf names = BUF_INIT(16384);
	struct extender e;
	JSON_CLEANUP cJSON *few = NULL, *many = NULL;

	extender_setup(&e);
	add_node(e.inventory, "n0", ",\"rack\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_pod(e.inventory, server_pod(0, "n0"));
	for (int i = 0; i < 100; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		add_node(e.inventory, name, ",\"rack\":\"a\"", "True", "2020-01-01T00:00:10Z");
		buf_addf(&names, "%s\"%s\"", i ? "," : "[", name);
	}
	buf_addch(&names, ']');
	few = filter(&e, 0, stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", BY_RACK),
		     "[\"n0\",\"n1\"]");
	assert_string_equal(soon(few), "group 1 of codis-test already has codis-server-0 in rack a");
	cJSON_Delete(few);
	few = filter(&e, 1000, stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", BY_RACK),
		     "[\"n0\",\"n1\"]");
	assert_non_null(refusal(few, "n1"));
	many = filter(&e, 2000, stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", BY_RACK), names.data);
	assert_string_equal(soon(many), "group 1 of codis-test already has codis-server-0 in rack a");
	extender_teardown(&e);
}

static cJSON *choosy_pod(const char *annotations)
{
	cJSON *pod = stock_pod("codis-server", "codis-server", 0, "codis-test", 2, "", annotations);

	cJSON_AddItemToObject(
		cJSON_GetObjectItem(pod, "spec"), "affinity",
		parsed("{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100,"
		       "\"preference\":{\"matchExpressions\":[{\"key\":\"disk\",\"operator\":\"In\","
		       "\"values\":[\"ssd\"]}]}}]}}"));
	return pod;
}

TEST(a_preference_of_the_users_reaches_the_scheduler)
{
	struct extender e;
	JSON_CLEANUP cJSON *answer = NULL, *soft = NULL;

	extender_setup(&e);
	add_plain_node(e.inventory, "ssd");
	add_plain_node(e.inventory, "hdd");
	add_pod(e.inventory, stock_pod("codis-proxy", "codis-proxy", 0, "other", 2, "ssd", ""));
	answer = filter(&e, 0, choosy_pod(""), "[\"ssd\",\"hdd\"]");
	assert_true(is_offered(answer, "ssd"));
	assert_true(is_offered(answer, "hdd"));
	/* But its group comes first. */
	add_pod(e.inventory, stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "ssd",
				       ",\"annotations\":{\"codis.io/spread\":\"soft\"}"));
	soft = filter(&e, 0, choosy_pod(",\"annotations\":{\"codis.io/spread\":\"soft\"}"), "[\"ssd\",\"hdd\"]");
	assert_false(is_offered(soft, "ssd"));
	assert_true(is_offered(soft, "hdd"));
	extender_teardown(&e);
}

TEST(built_in_scores_have_a_choice_on_a_small_cluster)
{
	BUF_CLEANUP struct buf names = BUF_INIT(4096);
	JSON_CLEANUP cJSON *answer = NULL, *master = NULL;
	struct extender e;

	extender_setup(&e);
	for (int i = 0; i < 31; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		add_plain_node(e.inventory, name);
		buf_addf(&names, "%s\"%s\"", i ? "," : "[", name);
	}
	buf_addch(&names, ']');
	answer = filter(&e, 0, server_pod(1, ""), names.data);
	assert_int_equal(cJSON_GetArraySize(json_get(answer, "NodeNames", NULL)), 31 / 4);
	master = filter(&e, 0, server_pod(2, ""), names.data);
	assert_int_equal(cJSON_GetArraySize(json_get(master, "NodeNames", NULL)), 2);
	extender_teardown(&e);
}

TEST(scores_run_from_ten_to_nought)
{
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	struct extender e;
	JSON_CLEANUP cJSON *pod = stock_pod("codis-proxy", "codis-proxy", 1, "codis-test", 2, "", ""), *answer = NULL;
	char *text = cJSON_PrintUnformatted(pod), *body = NULL;

	extender_setup(&e);
	for (int i = 1; i <= 3; i++)
		add_plain_node(e.inventory, (const char *const[]){ "n1", "n2", "n3" }[i - 1]);
	add_pod(e.inventory, stock_pod("codis-proxy", "codis-proxy", 0, "codis-test", 2, "n1", ""));
	add_pod(e.inventory, server_pod(0, "n2"));
	assert_true(asprintf(&body, "{\"Pod\":%s,\"NodeNames\":[\"n1\",\"n2\",\"n3\"]}", text) > 0);
	assert_int_equal(serve_prioritize(&e, body, strlen(body), 0, WALL_MS, &out), 200);
	answer = parsed("%s", out.data);
	assert_int_equal(json_int(-1, cJSON_GetArrayItem(answer, 0), "Score", NULL), 0);
	assert_int_equal(json_int(-1, cJSON_GetArrayItem(answer, 1), "Score", NULL), 5);
	assert_int_equal(json_int(-1, cJSON_GetArrayItem(answer, 2), "Score", NULL), 10);
	assert_string_equal(json_str(cJSON_GetArrayItem(answer, 2), "Host", NULL), "n3");
	assert_int_equal(e.reservations.by_uid.count, 0);
	free(body);
	cJSON_free(text);
	extender_teardown(&e);
}

static const char *preempt(struct extender *e, cJSON *pod, const char *victims, struct buf *out)
{
	char *text = cJSON_PrintUnformatted(pod), *body = NULL;

	assert_true(asprintf(&body, "{\"Pod\":%s,%s}", text, victims) > 0);
	buf_reset(out);
	assert_int_equal(serve_preempt(e, body, strlen(body), 0, WALL_MS, out), 200);
	free(body);
	cJSON_free(text);
	cJSON_Delete(pod);
	return out->data;
}

TEST(nobody_is_evicted_where_a_member_of_the_group_stands)
{
	static const char meta[] = "\"NodeNameToVictims\":null,\"NodeNameToMetaVictims\":{"
				   "\"n1\":{\"Pods\":[{\"UID\":\"a\"}],\"NumPDBViolations\":1},"
				   "\"n2\":{\"Pods\":[{\"UID\":\"b\"},{\"UID\":\"c\"}],\"NumPDBViolations\":0}}";
	static const char whole[] =
		"\"NodeNameToVictims\":{\"n2\":{\"Pods\":[{\"metadata\":{\"name\":\"x\",\"uid\":\"b\"}},"
		"{\"metadata\":{\"uid\":\"c\"}}]},\"n1\":{\"Pods\":[]}}";
	static const char n2[] = "{\"NodeNameToMetaVictims\":{\"n2\":{\"Pods\":[{\"UID\":\"b\"},{\"UID\":\"c\"}],"
				 "\"NumPDBViolations\":0}}}";
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_plain_node(e.inventory, "n2");
	add_pod(e.inventory, server_pod(0, "n1"));
	assert_string_equal(preempt(&e, server_pod(1, ""), meta, &out), n2);
	assert_string_equal(preempt(&e, server_pod(1, ""), whole, &out), n2);
	assert_int_equal(e.reservations.by_uid.count, 0);
	/* Others' pods, whatever our state is. */
	e.ready = never_ready;
	assert_non_null(strstr(preempt(&e, parsed("{\"metadata\":{\"name\":\"x\"}}"), meta, &out), "\"n1\":"));
	assert_int_equal(serve_preempt(&e, "{\"Pod\":{}", 10, 0, WALL_MS, &out), 400);
	extender_teardown(&e);
}

/* Names in any case. kube-scheduler takes a node without a victim for an error, and one whose victims are not all named
 * would be emptied in vain. */
TEST(nodes_whose_victims_cannot_be_told_are_left_out)
{
	static const struct {
		const char *victims, *n1;
	} cases[] = {
		{ "{\"pods\":[{\"uid\":\"b\"},{\"Uid\":\"c\"}],\"numPDBViolations\":2}",
		  "\"n1\":{\"Pods\":[{\"UID\":\"b\"},{\"UID\":\"c\"}],\"NumPDBViolations\":2}," },
		{ "{\"Pods\":[{\"UID\":\"b\"},{}]}", "" },
		{ "{\"Pods\":[{\"UID\":{\"a\":1}},{\"UID\":\"b\"}]}", "" },
		{ "{\"Pods\":[7,{\"UID\":\"b\"}]}", "" },
		{ "{\"Pods\":[{\"metadata\":{\"name\":\"x\"}}]}", "" },
		{ "{\"Pods\":[null]}", "" },
		{ "{\"Pods\":[]}", "" },
		{ "{\"Pods\":null}", "" },
		{ "{}", "" },
		{ "null", "" },
	};
	BUF_CLEANUP struct buf out = BUF_INIT(4096), given = BUF_INIT(4096), want = BUF_INIT(4096);
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_plain_node(e.inventory, "n2");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&given);
		buf_reset(&want);
		buf_addf(&given, "\"NodeNameToMetaVictims\":{\"n1\":%s,\"n2\":{\"Pods\":[{\"UID\":\"a\"}]}}",
			 cases[i].victims);
		buf_addf(&want,
			 "{\"NodeNameToMetaVictims\":{%s\"n2\":{\"Pods\":[{\"UID\":\"a\"}],\"NumPDBViolations\":0}}}",
			 cases[i].n1);
		assert_string_equal(preempt(&e, server_pod(1, ""), given.data, &out), want.data);
	}
	extender_teardown(&e);
}

TEST(five_thousand_nodes)
{
	BUF_CLEANUP struct buf names = BUF_INIT(1 << 20);
	struct extender e;
	JSON_CLEANUP cJSON *first = NULL, *second = NULL;
	char name[64];

	extender_setup(&e);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "ip-10-0-%d-%d.eu-central-1.compute.internal", i / 250, i % 250);
		add_plain_node(e.inventory, name);
		buf_addf(&names, "%s\"%s\"", i ? "," : "[", name);
	}
	buf_addch(&names, ']');
	first = filter(&e, 0, server_pod(0, ""), names.data);
	second = filter(&e, 0, server_pod(1, ""), names.data);
	assert_int_equal(cJSON_GetArraySize(json_get(first, "NodeNames", NULL)), OFFER_MAX);
	assert_int_equal(cJSON_GetArraySize(json_get(second, "NodeNames", NULL)), OFFER_MAX);
	for (int i = 0; i < OFFER_MAX; i++)
		assert_false(is_offered(
			first, cJSON_GetStringValue(cJSON_GetArrayItem(json_get(second, "NodeNames", NULL), i))));
	extender_teardown(&e);
}

/* --- whole schedulings, at random ------------------------------------------------------------- */

/* A scheduler as the extender sees one: it asks for one pod after the other, binds to any of the nodes it was offered,
 * and the watch shows that some calls later; now and then a binding fails and the pod comes again. No webhook has seen
 * the pods, so nobody else keeps them apart. */
enum { PODS = 12, NODES_MAX = 8, ROUNDS = 400 };

struct world {
	unsigned seed;
	struct extender e;
	int nodes, racks, replica;
	bool by_rack;
	int64_t now_ms;
	int at[PODS];      /* the node a pod was bound to, or -1 */
	int seen_in[PODS]; /* calls until the watch shows it; -1: it has */
};

static int pick(struct world *w, int n)
{
	return (int)((unsigned)rand_r(&w->seed) % (unsigned)n);
}

static int domain(const struct world *w, int node)
{
	return w->by_rack ? node % w->racks : node;
}

static cJSON *world_pod(const struct world *w, int pod, int node)
{
	char name[16] = "";

	if (node >= 0)
		snprintf(name, sizeof(name), "n%d", node);
	return stock_pod("codis-server", "codis-server", pod, "codis-test", w->replica, name,
			 w->by_rack ? ",\"annotations\":{\"codis.io/topology-key\":\"rack\"}" : "");
}

static void world_setup(struct world *w, unsigned seed)
{
	char name[16], labels[32];

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	extender_setup(&w->e);
	w->nodes = 1 + pick(w, NODES_MAX);
	w->replica = 1 + pick(w, 3);
	w->by_rack = pick(w, 3) == 0;
	w->racks = 1 + pick(w, 4);
	for (int i = 0; i < w->nodes; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		snprintf(labels, sizeof(labels), ",\"rack\":\"r%d\"", i % w->racks);
		add_node(w->e.inventory, name, labels, "True", "2020-01-01T00:00:10Z");
	}
	for (int i = 0; i < PODS; i++)
		w->at[i] = -1;
}

/* What bound pods the watch has brought by now. */
static void world_watch(struct world *w)
{
	for (int i = 0; i < PODS; i++) {
		if (w->at[i] < 0 || w->seen_in[i] < 0 || w->seen_in[i]-- > 0)
			continue;
		w->seen_in[i] = -1;
		JSON_CLEANUP cJSON *pod = world_pod(w, i, w->at[i]);
		add_pod(w->e.inventory, world_pod(w, i, w->at[i]));
		extender_settle(&w->e, pod_uid(pod));
	}
}

static bool is_taken(const struct world *w, int pod, int node)
{
	bool taken = false;

	for (int i = 0; i < PODS; i++)
		taken |= i != pod && i / w->replica == pod / w->replica && w->at[i] >= 0 &&
			 domain(w, w->at[i]) == domain(w, node);
	return taken;
}

/* Some candidates are offered; or each is refused with words; or the pod is to come back, with words. */
static void check_answer(const struct world *w, int pod, const bool *candidates, const cJSON *answer)
{
	int offered = cJSON_GetArraySize(json_get(answer, "NodeNames", NULL));
	char name[16];

	if (soon(answer)[0])
		assert_non_null(strstr(soon(answer), "codis-server-"));
	for (int n = 0; n < w->nodes; n++) {
		snprintf(name, sizeof(name), "n%d", n);
		if (is_offered(answer, name)) {
			assert_true(candidates[n]);
			assert_false(is_taken(w, pod, n)); /* strict, whatever the watch has shown */
		}
		assert_int_equal(refusal(answer, name) != NULL, candidates[n] && !offered && !soon(answer)[0]);
		if (refusal(answer, name))
			assert_non_null(strstr(refusal(answer, name), "codis-server-"));
	}
}

static void world_schedule(struct world *w, int pod)
{
	BUF_CLEANUP struct buf names = BUF_INIT(4096);
	JSON_CLEANUP cJSON *answer = NULL;
	bool candidates[NODES_MAX] = { false };
	const cJSON *offered;
	int n, count;

	for (n = 0; n < w->nodes; n++) {
		candidates[n] = pick(w, 5) > 0; /* the others are full */
		if (candidates[n])
			buf_addf(&names, "%s\"n%d\"", names.len ? "," : "", n);
	}
	if (!names.len)
		return;
	buf_addch(&names, ']');
	BUF_CLEANUP struct buf list = BUF_INIT(4096);
	buf_addf(&list, "[%s", names.data);
	answer = filter(&w->e, w->now_ms, world_pod(w, pod, -1), list.data);
	check_answer(w, pod, candidates, answer);
	offered = json_get(answer, "NodeNames", NULL);
	count = cJSON_GetArraySize(offered);
	if (!count || pick(w, 6) == 0) /* no place, or the binding fails */
		return;
	n = cJSON_GetStringValue(cJSON_GetArrayItem(offered, pick(w, count)))[1] - '0';
	assert_true(candidates[n]);
	w->at[pod] = n;
	w->seen_in[pod] = pick(w, 6);
}

TEST(members_never_meet)
{
	for (unsigned seed = 0; seed < 200; seed++) {
		struct world w;

		world_setup(&w, seed);
		for (int round = 0; round < ROUNDS; round++) {
			int pod = pick(&w, PODS);

			w.now_ms += pick(&w, 1000);
			world_watch(&w);
			if (w.at[pod] < 0) {
				world_schedule(&w, pod);
			} else if (w.seen_in[pod] < 0 && pick(&w, 4) == 0) { /* it is deleted, and comes anew */
				JSON_CLEANUP cJSON *gone = world_pod(&w, pod, -1);

				inventory_remove_pod(w.e.inventory, pod_uid(gone));
				w.at[pod] = -1;
			}
		}
		extender_teardown(&w.e);
	}
}

/* Which of the nodes that it is offered the scheduler takes. */
static int emptiest(const cJSON *answer, const int *on)
{
	const cJSON *one;
	int best = -1;

	cJSON_ArrayForEach(one, json_get(answer, "NodeNames", NULL)) {
		int n = cJSON_GetStringValue(one)[1] - '0';

		if (best < 0 || on[n] < on[best])
			best = n;
	}
	assert_true(best >= 0);
	return best;
}

/* All at once on an empty cluster: as even as it can be. */
TEST(a_first_boot_is_even)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		struct world w;
		int on[NODES_MAX] = { 0 };

		world_setup(&w, seed);
		w.nodes = 4;
		w.by_rack = false;
		w.replica = 2;
		for (int i = 0; i < 4; i++) {
			char name[16];

			snprintf(name, sizeof(name), "n%d", i);
			add_plain_node(w.e.inventory, name);
		}
		for (int pod = 0; pod < 4; pod++) {
			JSON_CLEANUP cJSON *answer = filter(&w.e, 0, world_pod(&w, (pod + (int)seed) % 4, -1),
							    "[\"n0\",\"n1\",\"n2\",\"n3\"]");

			on[emptiest(answer, on)]++;
		}
		for (int i = 0; i < 4; i++)
			assert_int_equal(on[i], 1);
		extender_teardown(&w.e);
	}
}

/* --- metrics ---------------------------------------------------------------------------------- */

/* A rate of Prometheus' needs a sample before the first call. */
TEST(what_is_counted_is_there_from_the_start)
{
	static const char *const lines[] = {
		"\ncodis_extender_requests_total{verb=\"filter\",result=\"offered\"} 0\n",
		"\ncodis_extender_request_seconds_count{verb=\"filter\"} 0\n",
		"\ncodis_extender_request_seconds_count{verb=\"prioritize\"} 0\n",
		"\ncodis_extender_request_seconds_count{verb=\"preempt\"} 0\n",
	};
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	struct extender e;

	extender_setup(&e);
	metrics_write(e.metrics, &text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text.data, lines[i]))
			fail_msg("%s is not in\n%s", lines[i], text.data);
	extender_teardown(&e);
}
