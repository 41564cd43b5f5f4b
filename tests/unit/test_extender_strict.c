/* Whoever is strict shares a domain with nobody of his group, with no rule of the scheduler's own to help: cases in
 * which what is known of a pod, a node or a key changes at the wrong moment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/extender_fixture.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

#define OLD      "2020-01-01T00:00:10Z"
#define BY(keys) ",\"annotations\":{\"codis.io/topology-key\":\"" keys "\"}"

static cJSON *filter(struct extender *e, int64_t now_ms, cJSON *pod, const char *names)
{
	BUF_CLEANUP struct buf body = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

	buf_addstr(&body, "{\"Pod\":");
	json_write(pod, &body);
	buf_addf(&body, ",\"NodeNames\":%s}", names);
	cJSON_Delete(pod);
	assert_int_equal(serve_filter(e, body.data, body.len, now_ms, WALL_MS, &out), 200);
	return parsed("%s", out.data);
}

static bool offers(struct extender *e, int64_t now_ms, cJSON *pod, const char *names, const char *node)
{
	JSON_CLEANUP cJSON *answer = filter(e, now_ms, pod, names);
	const cJSON *one;

	cJSON_ArrayForEach(one, json_get(answer, "NodeNames", NULL)) {
		if (strcmp(cJSON_GetStringValue(one), node) == 0)
			return true;
	}
	return false;
}

static cJSON *member(int ordinal, const char *node, const char *more)
{
	return stock_pod("codis-server", "codis-server", ordinal, "codis-test", 2, node, more);
}

static void add_labelled(struct extender *e, const char *name, const char *key, const char *value)
{
	char labels[128] = "";

	if (value)
		snprintf(labels, sizeof(labels), ",\"%s\":\"%s\"", key, value);
	add_node(e->inventory, name, labels, "True", OLD);
}

/* Six keys are kept beside the two that always are; the seventh takes the place of one. */
TEST(a_key_that_a_call_uses_is_not_given_up_for_another_of_the_same_call)
{
	char more[160];

	for (int first = 0; first < 8; first++) {
		struct extender e;

		extender_setup(&e);
		add_node(e.inventory, "n1", ",\"k0\":\"a\",\"k9\":\"x\"", "True", OLD);
		add_node(e.inventory, "n2", ",\"k0\":\"a\",\"k9\":\"y\"", "True", OLD);
		for (int i = 0; i < 6; i++) {
			snprintf(more, sizeof(more), ",\"annotations\":{\"codis.io/topology-key\":\"k%d\"}",
				 (first + i) % 6);
			cJSON_Delete(
				filter(&e, 0, stock_pod("codis-server", "other", i, "other", 2, "", more), "[\"n1\"]"));
		}
		add_pod(e.inventory, member(0, "n1", ""));
		assert_false(offers(&e, 0, member(1, "", BY("k9,k0")), "[\"n2\"]", "n2"));
		extender_teardown(&e);
	}
}

TEST(a_group_of_too_many_keys_waits_and_says_so)
{
	char more[160];
	struct extender e;
	cJSON *answer;

	extender_setup(&e);
	add_node(e.inventory, "n1", "", "True", OLD);
	for (int i = 0; i < 7; i++) {
		snprintf(more, sizeof(more), ",\"annotations\":{\"codis.io/topology-key\":\"k%d\"}", i);
		add_pod(e.inventory, stock_pod("codis-server", "codis-server", i, "codis-test", 8, "n1", more));
	}
	answer = filter(&e, 0, stock_pod("codis-server", "codis-server", 7, "codis-test", 8, "", BY("k7")), "[\"n1\"]");
	assert_string_equal(json_str(answer, "Error", NULL),
			    "members of group 1 of codis-test have more than 6 keys in codis.io/topology-key: give all "
			    "of them the same");
	cJSON_Delete(answer);
	extender_teardown(&e);
}

/* The column of a key is filled by a call, and there is no memory for it. */
TEST(a_key_that_memory_is_too_short_for_lets_nobody_pass)
{
	BUF_CLEANUP struct buf body = BUF_INIT(1 << 20);
	JSON_CLEANUP cJSON *pod = member(1, "", BY("rack"));

	buf_addstr(&body, "{\"Pod\":");
	json_write(pod, &body);
	buf_addstr(&body, ",\"NodeNames\":[\"n1\",\"n2\",\"n3\"]}");
	NOMEM_EACH
	{
		struct buf out = BUF_INIT(1 << 20);
		struct extender e;

		extender_setup(&e);
		e.log.fd = -1;
		add_labelled(&e, "n1", "rack", "a");
		add_labelled(&e, "n2", "rack", "a");
		add_labelled(&e, "n3", "rack", "b");
		add_pod(e.inventory, member(0, "n1", BY("rack")));
		nomem_on();
		serve_filter(&e, body.data, body.len, 1000, WALL_MS, &out);
		nomem_off();
		if (strstr(out.data, "\"NodeNames\":[\""))
			assert_string_equal(out.data, "{\"NodeNames\":[\"n3\"]}");
		buf_release(&out);
		extender_teardown(&e);
	}
}

/* Both belong to codis-test, until a dashboard says which product the namespace has. */
TEST(a_promise_holds_when_the_product_of_its_pod_becomes_known)
{
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_plain_node(e.inventory, "n2");
	add_pod(e.inventory, stock_pod("codis-server", "codis-server", 0, "", 2, "", ""));
	add_pod(e.inventory, stock_pod("codis-server", "codis-server", 1, "", 2, "", ""));
	assert_true(offers(&e, 0, stock_pod("codis-server", "codis-server", 0, "", 2, "", ""), "[\"n1\"]", "n1"));
	add_pod(e.inventory, stock_pod("codis-dashboard", "codis-dashboard", 0, "shop", 2, "n2", ""));
	assert_false(offers(&e, 1, stock_pod("codis-server", "codis-server", 1, "", 2, "", ""), "[\"n1\"]", "n1"));
	assert_true(
		offers(&e, 1, stock_pod("codis-server", "codis-server", 1, "", 2, "", ""), "[\"n1\",\"n2\"]", "n2"));
	extender_teardown(&e);
}

/* The same of pods that the watch has not brought. */
TEST(a_promise_holds_when_the_product_of_an_unseen_pod_becomes_known)
{
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	assert_true(offers(&e, 0, stock_pod("codis-server", "codis-server", 0, "", 2, "", ""), "[\"n1\"]", "n1"));
	add_pod(e.inventory, stock_pod("codis-dashboard", "codis-dashboard", 0, "shop", 2, "n2", ""));
	assert_false(offers(&e, 1, stock_pod("codis-server", "codis-server", 1, "", 2, "", ""), "[\"n1\"]", "n1"));
	extender_teardown(&e);
}

/* The namespace has two, and the servers say none. */
TEST(members_of_an_unknown_product_are_told_so)
{
	JSON_CLEANUP cJSON *answer = NULL;
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_pod(e.inventory, stock_pod("codis-dashboard", "a", 0, "orders", 2, "n1", ""));
	add_pod(e.inventory, stock_pod("codis-dashboard", "b", 0, "shop", 2, "n1", ""));
	add_pod(e.inventory, stock_pod("codis-server", "codis-server", 0, "", 2, "n1", ""));
	answer = filter(&e, 0, stock_pod("codis-server", "codis-server", 1, "", 2, "", ""), "[\"n1\"]");
	assert_string_equal(json_str(answer, "Error", NULL),
			    "group 1 of an unknown product already has codis-server-0 here");
	extender_teardown(&e);
}

static void set_says_group(struct extender *e, const char *label)
{
	JSON_CLEANUP cJSON *set =
		parsed("{\"metadata\":{\"name\":\"codis-server\",\"namespace\":\"default\",\"uid\":\"set\"},\"spec\":{"
		       "\"replicas\":4,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"%s}},"
		       "\"spec\":{\"containers\":[{\"name\":\"main\"}]}}}}",
		       label);

	assert_int_equal(inventory_set_set(e->inventory, set, NULL), 0);
}

/* By their numbers they are of two groups. */
TEST(an_unseen_pod_is_of_the_group_that_its_set_says)
{
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	set_says_group(&e, ",\"codis.io/group\":\"7\"");
	assert_true(offers(&e, 0, member(1, "", ""), "[\"n1\"]", "n1"));
	assert_false(offers(&e, 0, member(2, "", ""), "[\"n1\"]", "n1"));
	add_pod(e.inventory, member(3, "", ""));
	assert_false(offers(&e, 0, member(3, "", ""), "[\"n1\"]", "n1"));
	extender_teardown(&e);
}

/* It bears a group's label, which its StatefulSet does not say: that one says which group it is by SERVER_REPLICA, and
 * that cannot be read here. */
static cJSON *unreadable(int ordinal)
{
	return parsed("{\"metadata\":{\"name\":\"codis-server-%d\",\"namespace\":\"default\",\"uid\":\"u%d\","
		      "\"labels\":{\"app\":\"codis-server\",\"codis.io/group\":\"1\"},\"ownerReferences\":[{\"kind\":"
		      "\"StatefulSet\",\"name\":\"codis-server\",\"controller\":true}]},\"spec\":{\"containers\":[{"
		      "\"name\":\"codis-server\",\"env\":[{\"name\":\"SERVER_REPLICA\",\"valueFrom\":{"
		      "\"configMapKeyRef\":{\"name\":\"c\",\"key\":\"k\"}}}]}]}}",
		      ordinal, ordinal);
}

TEST(who_is_in_no_group_for_its_server_replica_cannot_be_read_waits)
{
	static const char why[] = "env SERVER_REPLICA comes from ConfigMap c, key k: write its value, since groups "
				  "depend on it";
	JSON_CLEANUP cJSON *unseen = NULL, *seen = NULL;
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	set_says_group(&e, "");
	unseen = filter(&e, 0, unreadable(0), "[\"n1\"]");
	add_pod(e.inventory, unreadable(0));
	seen = filter(&e, 1, unreadable(0), "[\"n1\"]");
	assert_string_equal(json_str(unseen, "Error", NULL), why);
	assert_string_equal(json_str(seen, "FailedAndUnresolvableNodes", "n1", NULL), why);
	extender_teardown(&e);
}

/* The scheduler asks, the pod comes, and only then is it looked at. */
TEST(a_pod_that_comes_amid_a_call_is_of_the_group_that_its_set_says)
{
	PLACE_POD_CLEANUP struct place_pod p = { .block = NULL };
	JSON_CLEANUP cJSON *pod = member(1, "", "");
	struct extender e;

	extender_setup(&e);
	set_says_group(&e, ",\"codis.io/group\":\"7\"");
	assert_int_equal(place_pod_of(pod, &p, NULL), 0);
	add_pod(e.inventory, member(1, "", ""));
	place_join(&p, e.inventory);
	assert_int_equal(p.member.group, 7);
	extender_teardown(&e);
}

/* By their numbers they are of two groups, until somebody labels the template. */
TEST(a_promise_holds_when_the_set_of_its_pod_says_another_group)
{
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_plain_node(e.inventory, "n2");
	add_pod(e.inventory, member(1, "", ""));
	add_pod(e.inventory, member(2, "", ""));
	set_says_group(&e, "");
	assert_true(offers(&e, 0, member(1, "", ""), "[\"n1\"]", "n1"));
	set_says_group(&e, ",\"codis.io/group\":\"7\"");
	assert_false(offers(&e, 1, member(2, "", ""), "[\"n1\"]", "n1"));
	assert_true(offers(&e, 1, member(2, "", ""), "[\"n1\",\"n2\"]", "n2"));
	/* It is bound there: it counts once. */
	add_pod(e.inventory, member(1, "n1", ""));
	extender_settle(&e, "uid-codis-test-codis-server-1");
	assert_false(offers(&e, 2, member(2, "", ""), "[\"n1\"]", "n1"));
	extender_teardown(&e);
}

/* Of a node without the label nobody knows where it is, whoever stands there. */
TEST(a_node_that_lost_its_label_is_refused)
{
	struct extender e;

	extender_setup(&e);
	add_labelled(&e, "n1", "rack", "a");
	add_labelled(&e, "n2", "rack", "b");
	add_labelled(&e, "n3", "rack", "b");
	add_pod(e.inventory, member(0, "n1", BY("rack")));
	add_pod(e.inventory, stock_pod("codis-proxy", "codis-proxy", 0, "codis-test", 2, "n2", ""));
	assert_true(offers(&e, 0, member(1, "", BY("rack")), "[\"n2\"]", "n2"));
	add_labelled(&e, "n2", "rack", NULL);
	assert_false(offers(&e, 1, member(1, "", BY("rack")), "[\"n2\"]", "n2"));
	assert_true(offers(&e, 2, member(1, "", BY("rack")), "[\"n2\",\"n3\"]", "n3"));
	/* Who stands there stands where he stood. */
	add_labelled(&e, "n1", "rack", NULL);
	add_labelled(&e, "n4", "rack", "a");
	assert_false(offers(&e, 3, member(1, "", BY("rack")), "[\"n4\"]", "n4"));
	extender_teardown(&e);
}

/* It was offered with all others, for the pod has preferences; it loses the label before the pod is seen there. */
TEST(a_node_that_loses_its_label_while_it_is_promised_is_where_it_was)
{
	struct extender e;
	cJSON *pod = member(0, "", BY("rack"));

	extender_setup(&e);
	add_labelled(&e, "n1", "rack", "a");
	add_labelled(&e, "n2", "rack", "a");
	cJSON_AddItemToObject(cJSON_GetObjectItem(pod, "spec"), "topologySpreadConstraints",
			      parsed("[{\"whenUnsatisfiable\":\"ScheduleAnyway\"}]"));
	assert_true(offers(&e, 0, pod, "[\"n1\"]", "n1"));
	add_labelled(&e, "n1", "rack", NULL);
	assert_false(offers(&e, 1, member(1, "", BY("rack")), "[\"n2\"]", "n2"));
	extender_teardown(&e);
}

/* A soft member, asked about a node that no watch has brought: it may be in the zone of the strict one. */
TEST(an_unseen_node_may_be_in_the_domain_of_a_strict_member)
{
	static const char soft[] = ",\"annotations\":{\"codis.io/spread\":\"soft\"}";
	struct extender e;

	extender_setup(&e);
	add_labelled(&e, "n1", "rack", "a");
	add_pod(e.inventory, member(0, "n1", BY("rack")));
	assert_false(offers(&e, 0, member(1, "", soft), "[\"n2\"]", "n2"));
	add_labelled(&e, "n2", "rack", NULL); /* nobody knows where it is */
	assert_false(offers(&e, 0, member(1, "", soft), "[\"n2\"]", "n2"));
	add_labelled(&e, "n2", "rack", "b");
	assert_true(offers(&e, 0, member(1, "", soft), "[\"n2\"]", "n2"));
	extender_teardown(&e);
}

struct arrival {
	struct extender *e;
	int pauses, comes; /* at which of them the node comes; 0: never */
	const char *gone;  /* who goes then instead */
};

static void pause_for(void *ctx)
{
	struct arrival *a = ctx;

	if (++a->pauses != a->comes)
		return;
	if (a->gone)
		inventory_remove_pod(a->e->inventory, a->gone);
	else
		add_labelled(a->e, "n2", "rack", "b");
}

static void expect(struct extender *e, struct arrival *a, int comes)
{
	extender_setup(e);
	*a = (struct arrival){ .e = e, .comes = comes };
	e->pause = pause_for;
	e->ready_ctx = a;
	add_labelled(e, "n1", "rack", "a");
	add_pod(e->inventory, member(0, "n1", BY("rack")));
}

/* The scheduler's watch brings it a moment before ours, and it is the only one that the pod may have. */
TEST(a_node_that_arrives_amid_a_call_is_waited_for)
{
	struct extender e;
	struct arrival a;

	expect(&e, &a, 3);
	assert_true(offers(&e, 0, member(1, "", BY("rack")), "[\"n1\",\"n2\"]", "n2"));
	assert_int_equal(a.pauses, 3);
	extender_teardown(&e);
	/* The same of the node of its sibling. */
	expect(&e, &a, 1);
	add_labelled(&e, "n3", "rack", "c");
	add_pod(e.inventory, member(0, "n2", BY("rack")));
	assert_true(offers(&e, 0, member(1, "", BY("rack")), "[\"n3\"]", "n3"));
	assert_int_equal(a.pauses, 1);
	extender_teardown(&e);
}

/* The scheduler has heard that it is gone. One that is not being deleted goes nowhere. */
TEST(a_member_that_goes_amid_a_call_is_waited_for)
{
	static const char deleted[] = ",\"deletionTimestamp\":\"2023-11-14T22:13:20Z\"";
	struct extender e;
	struct arrival a;

	expect(&e, &a, 2);
	add_pod(e.inventory, member(0, "n1", deleted));
	a.gone = "uid-codis-test-codis-server-0";
	assert_true(offers(&e, 0, member(1, "", ""), "[\"n1\"]", "n1"));
	assert_int_equal(a.pauses, 2);
	extender_teardown(&e);
	expect(&e, &a, 2);
	assert_false(offers(&e, 0, member(1, "", ""), "[\"n1\"]", "n1"));
	assert_int_equal(a.pauses, 0);
	extender_teardown(&e);
}

TEST(a_node_that_never_comes_is_waited_for_now_and_then)
{
	static const char names[] = "[\"n1\",\"n2\"]";
	struct extender e;
	struct arrival a;
	cJSON *answer;

	expect(&e, &a, 0);
	answer = filter(&e, 0, member(1, "", BY("rack")), names);
	assert_string_equal(json_str(answer, "Error", NULL), "codis-extender has not seen this node yet");
	cJSON_Delete(answer);
	assert_int_equal(a.pauses, SERVE_PAUSES);
	assert_false(offers(&e, 9999, member(1, "", BY("rack")), names, "n2"));
	assert_int_equal(a.pauses, SERVE_PAUSES);
	assert_false(offers(&e, 10000, member(1, "", BY("rack")), names, "n2"));
	assert_int_equal(a.pauses, 2 * SERVE_PAUSES);
	/* Nobody waits who may have another one. */
	add_labelled(&e, "n3", "rack", "c");
	assert_true(offers(&e, 30000, member(1, "", BY("rack")), "[\"n1\",\"n2\",\"n3\"]", "n3"));
	assert_int_equal(a.pauses, 2 * SERVE_PAUSES);
	extender_teardown(&e);
}

static cJSON *choosy(cJSON *pod)
{
	cJSON_AddItemToObject(cJSON_GetObjectItem(pod, "spec"), "topologySpreadConstraints",
			      parsed("[{\"whenUnsatisfiable\":\"ScheduleAnyway\"}]"));
	return pod;
}

/* As codis-webhook leaves it. */
static cJSON *ruled_in(cJSON *pod, const char *key, const char *group)
{
	cJSON *labels = cJSON_GetObjectItem(cJSON_GetObjectItem(pod, "metadata"), "labels");

	cJSON_AddStringToObject(labels, "codis.io/group", group);
	cJSON_AddItemToObject(
		cJSON_GetObjectItem(pod, "spec"), "affinity",
		parsed("{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{"
		       "\"topologyKey\":\"%s\",\"labelSelector\":{\"matchLabels\":{\"codis.io/group\":\"%s\"}}}]}}",
		       key, group));
	return pod;
}

static cJSON *ruled(cJSON *pod, const char *key)
{
	return ruled_in(pod, key, "1");
}

/* The scheduler's own rule keeps the one that is asked for apart by node; the other says that it is to be apart by
 * rack, and has no rule. */
TEST(a_rule_by_node_does_not_keep_apart_by_rack)
{
	struct extender e;

	extender_setup(&e);
	add_labelled(&e, "n1", "rack", "a");
	add_labelled(&e, "n2", "rack", "a");
	assert_true(offers(&e, 0, choosy(member(0, "", BY("rack"))), "[\"n1\"]", "n1"));
	assert_false(offers(&e, 1, ruled(member(1, "", ""), "kubernetes.io/hostname"), "[\"n2\"]", "n2"));
	extender_teardown(&e);
	/* Both have a rule by rack: the scheduler knows where the other one is. */
	extender_setup(&e);
	add_labelled(&e, "n1", "rack", "a");
	add_labelled(&e, "n2", "rack", "a");
	assert_true(offers(&e, 0, ruled(choosy(member(0, "", BY("rack"))), "rack"), "[\"n1\",\"n2\"]", "n1"));
	assert_true(offers(&e, 1, ruled(member(1, "", BY("rack")), "rack"), "[\"n2\"]", "n2"));
	extender_teardown(&e);
}

/* Each has a rule about the group that it was in before its StatefulSet's template got a label. */
TEST(rules_about_other_groups_keep_nobody_apart)
{
	cJSON *one = ruled_in(choosy(member(1, "", "")), CODIS_HOSTNAME_KEY, "1");
	cJSON *other = ruled_in(member(2, "", ""), CODIS_HOSTNAME_KEY, "2");
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	set_says_group(&e, ",\"codis.io/group\":\"7\"");
	assert_true(offers(&e, 0, one, "[\"n1\"]", "n1"));
	assert_false(offers(&e, 1, other, "[\"n1\"]", "n1"));
	extender_teardown(&e);
}

/* No watch brings n1, and what is promised there has ended before the pod is asked for again. */
TEST(a_node_that_nobody_has_seen_takes_its_turn)
{
	static const char names[] = "[\"n1\",\"n2\"]";
	struct extender e;
	bool was = true;

	extender_setup(&e);
	add_plain_node(e.inventory, "n2");
	for (int i = 0; i < 4; i++) {
		bool is = offers(&e, i * INT64_C(20000), member(0, "", ""), names, "n1");

		assert_int_equal(is, !was);
		was = is;
	}
	extender_teardown(&e);
}

/* Another process may have promised n1 to a sibling a moment ago. */
TEST(after_a_start_a_pod_without_a_rule_waits)
{
	static const char soft[] = ",\"annotations\":{\"codis.io/spread\":\"soft\"}";
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	extender_know_nothing(&e, 0);
	extender_know_nothing(&e, -1); /* heard later */
	assert_false(offers(&e, 14999, member(0, "", ""), "[\"n1\"]", "n1"));
	assert_true(offers(&e, 14999, ruled(member(0, "", ""), CODIS_HOSTNAME_KEY), "[\"n1\"]", "n1"));
	assert_true(offers(&e, 14999, member(2, "", soft), "[\"n1\"]", "n1"));
	assert_true(offers(&e, 14999, stock_pod("codis-proxy", "p", 0, "codis-test", 2, "", ""), "[\"n1\"]", "n1"));
	assert_true(offers(&e, 15000, member(4, "", ""), "[\"n1\"]", "n1"));
	/* One of its group is strict, if not it. */
	add_pod(e.inventory, member(7, "", ""));
	assert_false(offers(&e, 14999, member(6, "", soft), "[\"n1\"]", "n1"));
	extender_teardown(&e);
}

/* The API server was asked to bind it to n1, did so, and the answer was lost: the scheduler asks once more. */
TEST(what_was_promised_stands_when_the_pod_is_asked_for_again)
{
	static const char names[] = "[\"n1\",\"n2\",\"n3\"]";
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_plain_node(e.inventory, "n2");
	add_plain_node(e.inventory, "n3");
	assert_true(offers(&e, 0, member(0, "", ""), "[\"n1\"]", "n1"));
	assert_true(offers(&e, 1000, member(0, "", ""), "[\"n2\"]", "n2"));
	assert_false(offers(&e, 2000, member(1, "", ""), "[\"n1\",\"n2\"]", "n1"));
	assert_true(offers(&e, 2000, member(1, "", ""), names, "n3"));
	assert_true(offers(&e, 15000, member(1, "", ""), "[\"n1\",\"n2\"]", "n1"));
	extender_teardown(&e);
}

/* Each time that it is asked for it fails; of two nodes one is left to its sibling after a while. */
static void fail_on_and_on(bool is_choosy)
{
	struct extender e;
	bool placed = false;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_plain_node(e.inventory, "n2");
	for (int64_t now = 0; now < 100000 && !placed; now += 10000) {
		cJSON *fails = member(0, "", "");

		cJSON_Delete(filter(&e, now, is_choosy ? choosy(fails) : fails, "[\"n1\",\"n2\"]"));
		placed = offers(&e, now + 4000, member(1, "", ""), "[\"n1\",\"n2\"]", "n1") ||
			 offers(&e, now + 4001, member(1, "", ""), "[\"n1\",\"n2\"]", "n2");
	}
	assert_true(placed);
	extender_teardown(&e);
}

TEST(a_member_that_fails_on_and_on_leaves_its_sibling_a_place)
{
	fail_on_and_on(false);
	fail_on_and_on(true);
}

/* What it may have is as much as nobody knows where it will be; a call costs what its own names cost. */
TEST(what_is_promised_everywhere_and_bars_nobody_is_not_gone_over)
{
	struct extender e;

	extender_setup(&e);
	add_plain_node(e.inventory, "n1");
	add_plain_node(e.inventory, "n2");
	for (int i = 0; i < 10; i++)
		assert_true(offers(&e, 0, choosy(stock_pod("codis-proxy", "p", i, "codis-test", 2, "", "")),
				   "[\"n1\",\"n2\"]", "n1"));
	assert_int_equal(e.reservations.by_uid.count, 10);
	assert_int_equal(e.placing.peer_count, 0);
	assert_true(offers(&e, 0, choosy(member(0, "", "")), "[\"n1\",\"n2\"]", "n1"));
	assert_false(offers(&e, 0, member(1, "", ""), "[\"n1\",\"n2\"]", "n1"));
	assert_int_equal(e.placing.peer_count, 2);
	extender_teardown(&e);
}

/* In a cluster of 300, of which each is the only one that is left at its turn. */
TEST(a_pod_that_fails_sees_every_node_of_many)
{
	enum { NODES = 300 };
	BUF_CLEANUP struct buf names = BUF_INIT(1 << 16);
	bool seen[NODES] = { false };
	struct extender e;
	int count = 0;

	extender_setup(&e);
	for (int i = 0; i < NODES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		add_node(e.inventory, name, "", "False", "2020-01-01T00:00:10Z");
		buf_addf(&names, "%s\"%s\"", i ? "," : "[", name);
	}
	buf_addch(&names, ']');
	for (int i = 0; i < NODES / 16 + 10; i++) {
		JSON_CLEANUP cJSON *answer = filter(&e, i * INT64_C(1000), member(0, "", ""), names.data);
		const cJSON *one;

		cJSON_ArrayForEach(one, json_get(answer, "NodeNames", NULL))
			seen[strtol(cJSON_GetStringValue(one) + 1, NULL, 10)] = true;
	}
	for (int i = 0; i < NODES; i++)
		count += seen[i];
	assert_int_equal(count, NODES);
	extender_teardown(&e);
}
