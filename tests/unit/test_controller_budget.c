/* Which PodDisruptionBudgets the groups of a StatefulSet are to have, and what is written for it. The API server is
 * played by kube_call() and the informer's functions. */
#include "controller/budget.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/topology.h"
#include "controller/budgets.h"
#include "tests/unit/controller_calls.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/inventory_named.h"
#include "tests/unit/nomem.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

#define BUDGETS 8

struct budget_world {
	struct budget_facts f;
	cJSON *labels, *pods, *budgets[BUDGETS];
	char twice[512]; /* "pod: first and second", a line each */
	const cJSON *given[BUDGETS];
};

static struct budget_world w;

/* StatefulSet codis-server of four in groups of two. */
static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.labels = parse_text("{\"app\":\"codis-server\"}");
	w.f = (struct budget_facts){ .namespace = "shop",
				     .product = "codis-test",
				     .set = "codis-server",
				     .set_uid = "set-1",
				     .labels = w.labels,
				     .says_product = true,
				     .shape = { .replicas = 4, .server_replica = 2 },
				     .budgets = w.given };
	return 0;
}

static int finish(void **state)
{
	(void)state;
	for (int i = 0; i < w.f.count; i++)
		cJSON_Delete(w.budgets[i]);
	cJSON_Delete(w.labels);
	cJSON_Delete(w.pods);
	return 0;
}
#define BUDGET_TEST(name) TEST_WITH(name, begin, finish)

static void add(cJSON *budget)
{
	assert_non_null(budget);
	w.given[w.f.count] = w.budgets[w.f.count] = budget;
	w.f.count++;
}

/* One that somebody else has made. */
static void add_other(const char *selector)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"other\",\"namespace\":\"%s\",\"uid\":\"other-1\"},\"spec\":{"
		 "\"maxUnavailable\":1,\"selector\":%s}}",
		 w.f.namespace, selector);
	add(parse_text(text));
}

/* As it was written, with a uid. */
static void add_ours(int gid)
{
	cJSON *budget = budget_object(&w.f, gid);

	assert_non_null(json_add_fmt(cJSON_GetObjectItem(budget, "metadata"), "uid", "ours-%d", gid));
	add(budget);
}

static struct budget_change next(void)
{
	struct budget_change change;

	assert_int_equal(budget_next(&w.f, 0, &change), 0);
	return change;
}

static void assert_next(enum budget_step step, const char *name, const char *why)
{
	struct budget_change change = next();

	assert_int_equal(change.step, step);
	assert_string_equal(change.name, name);
	assert_string_equal(change.why, why);
}

/* A StatefulSet that is a group: whatever its pods' numbers are. */
BUDGET_TEST(a_statefulset_that_is_a_group_gets_one)
{
	JSON_CLEANUP cJSON *budget = NULL;
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	struct budget_change change;

	w.f.shape = (struct codis_shape){ .replicas = 3, .group = 7 };
	change = next();
	assert_int_equal(change.step, BUDGET_CREATE);
	assert_int_equal(change.gid, 7);
	budget = budget_object(&w.f, 7);
	assert_string_equal(json_str(budget, "metadata", "name", NULL), "codis-server-group-7");
	assert_int_equal(json_int(0, budget, "spec", "minAvailable", NULL), 2);
	assert_int_equal(json_write(json_get(budget, "spec", "selector", NULL), &text), 0);
	assert_non_null(strstr(text.data, "[\"codis-server-0\",\"codis-server-1\",\"codis-server-2\"]"));
	add_ours(7);
	assert_int_equal(next().step, BUDGET_RIGHT);
	w.f.shape.replicas = 1;
	assert_next(BUDGET_DELETE, "codis-server-group-7", "a group of one could never be drained");
}

BUDGET_TEST(each_group_gets_its_own)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	JSON_CLEANUP cJSON *object = budget_object(&w.f, 2);

	assert_int_equal(json_write(object, &text), 0);
	assert_string_equal(
		text.data,
		"{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\",\"metadata\":{\"name\":"
		"\"codis-server-group-2\",\"namespace\":\"shop\",\"labels\":{\"app.kubernetes.io/managed-by\":"
		"\"codis-controller\",\"codis.io/product\":\"codis-test\",\"codis.io/group\":\"2\"},"
		"\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"name\":\"codis-server\","
		"\"uid\":\"set-1\"}]},\"spec\":{\"minAvailable\":1,\"selector\":{\"matchExpressions\":[{\"key\":"
		"\"statefulset.kubernetes.io/pod-name\",\"operator\":\"In\",\"values\":[\"codis-server-2\","
		"\"codis-server-3\"]}]}}}");
	assert_next(BUDGET_CREATE, "codis-server-group-1", "a drain may not take a whole group");
	add_ours(1);
	assert_next(BUDGET_CREATE, "codis-server-group-2", "a drain may not take a whole group");
	add_ours(2);
	assert_int_equal(next().step, BUDGET_RIGHT);
}

BUDGET_TEST(the_next_group_first)
{
	struct budget_change change;

	assert_int_equal(budget_next(&w.f, 2, &change), 0);
	assert_int_equal(change.gid, 2);
	add_ours(2);
	assert_int_equal(budget_next(&w.f, 2, &change), 0);
	assert_int_equal(change.gid, 1);
}

/* Kubernetes evicts no pod that two select. */
BUDGET_TEST(none_beside_another_one)
{
	add_ours(1);
	add_ours(2);
	add_other("{\"matchLabels\":{\"app\":\"codis-proxy\"}}");
	assert_int_equal(next().step, BUDGET_RIGHT);
	add_other("{\"matchLabels\":{\"statefulset.kubernetes.io/pod-name\":\"codis-server-3\"}}");
	assert_next(BUDGET_DELETE, "codis-server-group-2", "another budget selects its pods, and two evict none");
	assert_string_equal(next().uid, "ours-2");
	add_other("{\"matchLabels\":{\"app\":\"codis-server\"}}");
	assert_string_equal(next().name, "codis-server-group-1");
}

/* By labels that only the pods have. */
BUDGET_TEST(none_beside_one_that_selects_by_the_labels_of_the_webhook)
{
	add_other("{\"matchLabels\":{\"codis.io/group\":\"1\",\"codis.io/component\":\"codis-server\"}}");
	assert_string_equal(next().name, "codis-server-group-2");
	add_other("{\"matchLabels\":{\"codis.io/product\":\"codis-test\"}}");
	assert_int_equal(next().step, BUDGET_RIGHT);
	w.f.says_product = false; /* then the pods have no such label */
	assert_string_equal(next().name, "codis-server-group-2");
}

/* The template was changed, and not all pods are made anew yet; or somebody has labelled one. */
BUDGET_TEST(each_pods_own_labels_count)
{
	add_ours(1);
	add_ours(2);
	w.f.pods = w.pods = parse_text("{\"codis-server-0\":{\"uid\":\"u0\",\"labels\":{\"app\":\"codis-server\"}},"
				       "\"codis-server-3\":{\"uid\":\"u3\",\"labels\":{\"tier\":\"cache\"}}}");
	add_other("{\"matchLabels\":{\"tier\":\"cache\"}}"); /* the template does not say it */
	assert_next(BUDGET_DELETE, "codis-server-group-2", "another budget selects its pods, and two evict none");
	cJSON_Delete(w.budgets[--w.f.count]);
	w.f.labels = NULL; /* nor is what it says now what they have */
	add_other("{\"matchLabels\":{\"app\":\"codis-server\"}}");
	assert_string_equal(next().name, "codis-server-group-1");
}

static void note_twice(void *ctx, const char *pod, const char *first, const char *second)
{
	(void)ctx;
	snprintf(w.twice + strlen(w.twice), sizeof(w.twice) - strlen(w.twice), "%s: %s and %s\n", pod, first, second);
}

/* Of others, which are not ours to take away. */
BUDGET_TEST(pods_that_two_select_are_told)
{
	w.f.pods = w.pods = parse_text("{\"codis-server-0\":{\"uid\":\"u0\",\"labels\":{\"app\":\"codis-server\"}},"
				       "\"codis-server-2\":{\"uid\":\"u2\"},"
				       "\"codis-server-3\":{\"uid\":\"u3\",\"labels\":{\"tier\":\"cache\"}}}");
	add_ours(1);
	add_other("{\"matchLabels\":{\"app\":\"codis-server\"}}");
	assert_int_equal(budget_twice(&w.f, note_twice, NULL), 0);
	assert_string_equal(w.twice, "");
	add_other("{}");
	cJSON_SetValuestring(cJSON_GetObjectItem(cJSON_GetObjectItem(w.budgets[2], "metadata"), "name"), "all");
	assert_int_equal(budget_twice(&w.f, note_twice, NULL), 0);
	assert_string_equal(w.twice, "codis-server-0: other and all\ncodis-server-2: other and all\n");
}

BUDGET_TEST(group_that_has_other_members)
{
	add_ours(1);
	add_ours(2);
	w.f.shape.server_replica = 4;
	assert_next(BUDGET_DELETE, "codis-server-group-2", "its group is no more");
	cJSON_Delete(w.budgets[--w.f.count]);
	assert_next(BUDGET_CHANGE, "codis-server-group-1", "the group has other members now");
	assert_string_equal(next().uid, "ours-1");
}

BUDGET_TEST(groups_that_are_no_more)
{
	add_ours(1);
	add_ours(2);
	w.f.shape.replicas = 2;
	assert_next(BUDGET_DELETE, "codis-server-group-2", "its group is no more");
	w.f.shape.replicas = 0;
	assert_int_equal(next().step, BUDGET_DELETE);
	w.f.shape.replicas = 4;
	w.f.shape.start = 2;
	assert_next(BUDGET_DELETE, "codis-server-group-1", "its group is no more");
}

/* Codis has none of them. */
BUDGET_TEST(groups_beyond_the_last_of_codis)
{
	struct budget_change change;

	w.f.shape.server_replica = 64;
	w.f.shape.replicas = w.f.shape.start = CODIS_ORDINALS_MAX;
	assert_int_equal(next().step, BUDGET_RIGHT);
	w.f.shape.server_replica = 2;
	w.f.shape.start = 0;
	assert_int_equal(budget_next(&w.f, CODIS_GROUP_MAX, &change), 0);
	assert_int_equal(change.gid, CODIS_GROUP_MAX);
	add_ours(CODIS_GROUP_MAX);
	assert_int_equal(budget_next(&w.f, CODIS_GROUP_MAX, &change), 0);
	assert_int_equal(change.gid, 1);
	add_ours(CODIS_GROUP_MAX + 1);
	assert_string_equal(next().name, "codis-server-group-10000");
	assert_int_equal(next().step, BUDGET_DELETE);
}

/* Its node could never be drained. */
BUDGET_TEST(group_of_one)
{
	add_ours(1);
	add_ours(2);
	w.f.shape.replicas = 3;
	assert_next(BUDGET_DELETE, "codis-server-group-2", "a group of one could never be drained");
	cJSON_Delete(w.budgets[--w.f.count]);
	assert_int_equal(next().step, BUDGET_RIGHT);
}

/* Of a StatefulSet of this name that is no more, or of another one: Kubernetes takes it away with its owner. */
BUDGET_TEST(those_of_another_set_are_left)
{
	w.f.set_uid = "set-0";
	add_ours(1);
	w.f.set_uid = "set-1";
	assert_next(BUDGET_CREATE, "codis-server-group-1", "a drain may not take a whole group");
}

BUDGET_TEST(without_memory_nothing_is_known)
{
	struct budget_change change;

	add_ours(1);
	add_other("{\"matchLabels\":{\"app\":\"codis-proxy\"}}");
	NOMEM_EACH
	{
		int done;

		nomem_on();
		done = budget_next(&w.f, 0, &change);
		nomem_off();
		if (done == 0) {
			assert_int_equal(change.step, BUDGET_CREATE);
			assert_int_equal(change.gid, 2);
		} else {
			assert_true(nomem_failed());
		}
	}
}

/* --- what is written ------------------------------------------------------------------------------------------------
 */

PLAYED_KUBE_CALL

static int each(void *budgets, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	assert_ptr_equal(budgets, &w);
	for (int i = 0; i < w.f.count; i++)
		fn(arg, w.budgets[i]);
	return 0;
}

/* The controller leads codis-test of "ns", which has StatefulSet codis-server. */
static int begin_world(void **state)
{
	begin(state);
	w.f.namespace = "ns";
	calls_begin(budgets_keep);
	controller_world_begin("ns");
	fixture_set_set(world.inv, 2, 0);
	world.ctl.budgets = &w;
	world.ctl.each_budget = each;
	world.c->view.mandate = MANDATE_LEAD;
	world.c->view.kube_fresh = true;
	world.c->view.now_ms = 100000;
	world.c->view.set_count = 1;
	return 0;
}

static int finish_world(void **state)
{
	controller_world_end();
	return finish(state);
}
#define WRITE_TEST(name) TEST_WITH(name, begin_world, finish_world)

WRITE_TEST(one_is_created_and_its_answer_awaited)
{
	keep_after(0);
	assert_int_equal(calls.count, 1);
	assert_non_null(
		strstr(calls.asked, "POST /apis/policy/v1/namespaces/ns/poddisruptionbudgets - {\"apiVersion\""));
	assert_non_null(strstr(calls.asked, "[\"codis-server-0\",\"codis-server-1\"]"));
	keep_after(5000);
	assert_int_equal(calls.count, 1);
	assert_false(cluster_idle(world.c));
	answer(ERR_NONE);
	assert_true(cluster_idle(world.c));
	keep_after(0); /* looked at at once */
	assert_int_equal(calls.count, 2);
	answer(ERR_NONE);
}

WRITE_TEST(what_fails_is_tried_later_and_later)
{
	keep_after(0);
	answer(ERR_DENIED);
	keep_after(999);
	assert_int_equal(calls.count, 1);
	keep_after(1);
	assert_int_equal(calls.count, 2);
	answer(ERR_DENIED);
	keep_after(1999);
	assert_int_equal(calls.count, 2);
	keep_after(1);
	assert_int_equal(calls.count, 3);
	answer(ERR_NONE);
}

/* Its budgets are deleted while StatefulSets are there still. */
WRITE_TEST(that_a_namespace_is_being_deleted_is_no_failure_that_is_told)
{
	char log[4096] = "";

	for (int i = 0; i < 600; i++) {
		keep_after(1000);
		if (calls.open_count)
			answer(ERR_ENDING);
	}
	assert_in_range(calls.count, 10, 16); /* 1 s, 2, 4, ... 60 s apart */
	assert_true(pread(world.log.fd, log, sizeof(log) - 1, 0) > 0);
	assert_null(strstr(log, "budget.failed"));
	keep_after(60000);
	answer(ERR_DENIED);
	assert_true(pread(world.log.fd, log, sizeof(log) - 1, 0) > 0);
	assert_non_null(strstr(log, "budget.failed"));
}

WRITE_TEST(only_the_object_that_was_seen_is_changed_or_deleted)
{
	char uid[64];

	snprintf(uid, sizeof(uid), "%s", first_set(world.inv, "ns", "codis-test")->uid);
	w.f.set_uid = uid;
	w.f.shape.server_replica = 3;
	add_ours(1);
	keep_after(0);
	assert_non_null(strstr(calls.asked,
			       "PATCH /apis/policy/v1/namespaces/ns/poddisruptionbudgets/codis-server-group-1 "
			       "application/merge-patch+json {\"metadata\":{\"uid\":\"ours-1\"},\"spec\":{"
			       "\"minAvailable\":1,"));
	answer(ERR_NONE);
	add_other("{}");
	keep_after(0);
	assert_string_equal(calls.asked,
			    "DELETE /apis/policy/v1/namespaces/ns/poddisruptionbudgets/codis-server-group-1 - "
			    "{\"preconditions\":{\"uid\":\"ours-1\"}}");
	answer(ERR_NOTFOUND);
	assert_int_equal(world.c->budgets.failures, 0);
}

/* By what the pods say that are there. */
WRITE_TEST(a_pod_that_two_select_is_told_once)
{
	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	add_other("{\"matchLabels\":{\"app\":\"codis-server\"}}");
	keep_after(10000);
	assert_string_equal(world.events, "");
	add_other("{\"matchLabels\":{\"statefulset.kubernetes.io/pod-name\":\"codis-server-0\"}}");
	for (int i = 0; i < 3; i++)
		keep_after(10000);
	assert_string_equal(world.events,
			    "Warning Pod ns/codis-server-0 TwoBudgets: PodDisruptionBudgets other and other select it, "
			    "and Kubernetes evicts no pod that two select: no drain of its node ends until one of them "
			    "is gone\n");
	assert_int_equal(calls.count, 0);
}

/* They may change as often as somebody likes. */
WRITE_TEST(pods_that_two_select_are_told_no_oftener_than_they_are_looked_at)
{
	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	add_other("{}");
	add_other("{}");
	keep_after(10000);
	world.events[0] = '\0';
	for (int i = 0; i < 9; i++) {
		cJSON_ReplaceItemInObject(cJSON_GetObjectItem(w.budgets[0], "metadata"), "name",
					  cJSON_CreateString(i % 2 ? "a" : "b"));
		world.c->budgets.due = true;
		keep_after(1000);
	}
	assert_string_equal(world.events, "");
	world.c->budgets.due = true;
	keep_after(1000);
	assert_non_null(strstr(world.events, "TwoBudgets: PodDisruptionBudgets b and other select it"));
}

/* 256 pods and 200 of 100 terms each took the loop for seconds. */
WRITE_TEST(budgets_that_nobody_can_look_through_are_left)
{
	BUF_CLEANUP struct buf text = BUF_INIT(8 << 20);

	buf_addstr(&text, "{\"matchExpressions\":[");
	for (int i = 0; i < 60; i++) {
		buf_addf(&text, "%s{\"key\":\"k%d\",\"operator\":\"NotIn\",\"values\":[\"0\"", i ? "," : "", i);
		for (int k = 1; k < 1000; k++)
			buf_addf(&text, ",\"%d\"", k);
		buf_addstr(&text, "]}");
	}
	buf_addstr(&text, "]}");
	add_other("{}");
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(w.budgets[0], "spec"), "selector", parse_text(text.data));
	keep_after(0);
	assert_int_equal(calls.count, 0);
	assert_int_equal(world.c->budgets.failures, 1);
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(w.budgets[0], "spec"), "selector", parse_text("{}"));
	keep_after(1000);
	assert_int_equal(world.c->budgets.failures, 0);
}

/* One that cannot be written holds up no other's. */
WRITE_TEST(each_statefulset_gets_its_own)
{
	fixture_set_set(world.inv, 0, 0);
	fixture_set_group_set(world.inv, 1, 2, "{}");
	fixture_set_group_set(world.inv, 3, 2, "{}");
	world.c->view.set_count = 3;
	keep_after(0);
	assert_non_null(strstr(calls.asked, "\"name\":\"codis-server-1-group-1\""));
	assert_non_null(strstr(calls.asked, "[\"codis-server-1-0\",\"codis-server-1-1\"]"));
	answer(ERR_DENIED);
	keep_after(60000);
	assert_non_null(strstr(calls.asked, "\"name\":\"codis-server-3-group-3\""));
	answer(ERR_NONE);
	keep_after(1);
	assert_non_null(strstr(calls.asked, "\"name\":\"codis-server-1-group-1\""));
	answer(ERR_NONE);
	assert_int_equal(calls.count, 3);
}

WRITE_TEST(nothing_is_written_by_whoever_does_not_lead)
{
	world.ctl.dry_run = true;
	keep_after(60000);
	world.ctl.dry_run = false;
	world.c->view.mandate = MANDATE_NONE;
	keep_after(60000);
	world.c->view.mandate = MANDATE_LEAD;
	world.c->view.kube_fresh = false;
	keep_after(60000);
	world.c->view.kube_fresh = true;
	fixture_delete_set(world.inv);
	keep_after(60000);
	fixture_set_set(world.inv, 2, 0);
	world.ctl.each_budget = NULL;
	keep_after(60000);
	assert_int_equal(calls.count, 0);
}
