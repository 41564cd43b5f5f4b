/* Memory runs out while the scheduler is answered: what it gets is the very answer, or an error. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/extender_fixture.h"
#include "tests/unit/nomem.h"

#define SOFT ",\"annotations\":{\"codis.io/spread\":\"soft\"}"

static void world(struct extender *e)
{
	extender_setup(e);
	e->log.fd = -1;
	add_node(e->inventory, "n1", ",\"topology.kubernetes.io/zone\":\"a\"", "True", "2020-01-01T00:00:10Z");
	add_node(e->inventory, "n2", ",\"topology.kubernetes.io/zone\":\"b\"", "True", "2020-01-01T00:00:10Z");
	add_plain_node(e->inventory, "n3");
	add_pod(e->inventory, server_pod(0, "n1"));
	add_pod(e->inventory, server_pod(2, "n2"));
}

static void body_of(cJSON *pod, const char *nodes, struct buf *out)
{
	buf_addstr(out, "{\"Pod\":");
	json_write(pod, out);
	buf_addf(out, ",%s}", nodes);
	assert_false(out->failed);
	cJSON_Delete(pod);
}

#define NAMES   "\"NodeNames\":[\"n1\",\"n2\",\"n3\",\"n4\"]"
#define OBJECTS "\"Nodes\":{\"items\":[{\"metadata\":{\"name\":\"n1\"}},{\"metadata\":{\"name\":\"n3\"}}]}"

static void assert_is_error(int status, const struct buf *out)
{
	JSON_CLEANUP cJSON *answer = NULL;

	if (status >= 400)
		return;
	answer = parsed("%s", out->data);
	assert_non_null(json_str(answer, "Error", NULL));
	assert_null(json_get(answer, "NodeNames", NULL));
	assert_null(json_get(answer, "Nodes", NULL));
}

static int call(struct extender *e, bool filter, const struct buf *body, struct buf *out)
{
	return filter ? serve_filter(e, body->data, body->len, 1000, WALL_MS, out)
		      : serve_prioritize(e, body->data, body->len, 1000, WALL_MS, out);
}

static void each_allocation(bool filter, cJSON *pod, const char *nodes, const char *expect)
{
	BUF_CLEANUP struct buf body = BUF_INIT(1 << 20), right = BUF_INIT(1 << 20);
	bool promised = false;

	body_of(pod, nodes, &body);
	NOMEM_EACH
	{
		struct buf out = BUF_INIT(1 << 20);
		struct extender e;
		int status;

		world(&e);
		nomem_on();
		status = call(&e, filter, &body, &out);
		nomem_off();
		if (nomem_is_first()) {
			if (!strstr(out.data, expect))
				fail_msg("%s", out.data);
			buf_addstr(&right, out.data);
			promised = e.reservations.by_uid.count > 0;
		} else if (status != 200 || strcmp(out.data, right.data) != 0) {
			assert_true(nomem_failed());
			assert_is_error(status, &out);
			assert_int_equal(e.reservations.by_uid.count, 0);
		} else {
			assert_int_equal(e.reservations.by_uid.count, promised);
		}
		buf_release(&out);
		extender_teardown(&e);
	}
}

TEST(a_filter_lets_no_forbidden_node_pass)
{
	each_allocation(true, server_pod(1, ""), NAMES, "{\"NodeNames\":[\"n3\"");
	each_allocation(true, server_pod(1, ""), "\"NodeNames\":[\"n1\"]",
			"{\"Error\":\"group 1 of codis-test already has codis-server-0");
	each_allocation(true, server_pod(1, ""), OBJECTS, "{\"Nodes\":{\"items\":[{\"metadata\":{\"name\":\"n3\"}}]}}");
}

TEST(a_filter_of_a_soft_pod_ranks_all_nodes_or_none)
{
	each_allocation(true, stock_pod("codis-server", "codis-server", 1, "codis-test", 2, "", SOFT), NAMES, "n3");
	each_allocation(true, stock_pod("codis-proxy", "codis-proxy", 1, "codis-test", 2, "", ""), NAMES, "NodeNames");
}

TEST(a_filter_of_a_pod_of_nobody_passes_all_nodes_or_none)
{
	each_allocation(true, parsed("{\"metadata\":{\"name\":\"x\"}}"), NAMES, "[\"n1\",\"n2\",\"n3\",\"n4\"]");
}

TEST(a_filter_of_a_pod_that_cannot_be_read_refuses_all_nodes)
{
	each_allocation(true, stock_pod("codis-server", "codis-server", 1, "codis-test", -1, "", ""), NAMES,
			"\"n4\":\"SERVER_REPLICA");
}

TEST(scores_are_all_there_or_none)
{
	each_allocation(false, server_pod(1, ""), NAMES, "\"Host\":\"n4\"");
}

/* --- what was promised before ------------------------------------------------------------------------------------- */

/* n3 was offered to the sibling, which is not in the inventory yet. */
TEST(a_promise_holds_while_memory_is_short)
{
	BUF_CLEANUP struct buf first = BUF_INIT(1 << 20), body = BUF_INIT(1 << 20);

	body_of(server_pod(5, ""), "\"NodeNames\":[\"n3\"]", &first);
	body_of(server_pod(4, ""), "\"NodeNames\":[\"n3\"]", &body);
	NOMEM_EACH
	{
		struct buf out = BUF_INIT(1 << 20);
		struct extender e;

		world(&e);
		assert_int_equal(call(&e, true, &first, &out), 200);
		buf_reset(&out);
		nomem_on();
		call(&e, true, &body, &out);
		nomem_off();
		assert_null(strstr(out.data, "\"NodeNames\":[\"n3\"]"));
		buf_release(&out);
		extender_teardown(&e);
	}
}

/* --- what a Pending pod is told ----------------------------------------------------------------------------------- */

#define UNSCHEDULABLE                                                                                                  \
	"{\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\","               \
	"\"message\":\"0/1\"}]}"

TEST(an_explanation_is_whole_or_none)
{
	BUF_CLEANUP struct buf right = BUF_INIT(4096);
	JSON_CLEANUP cJSON *pod = server_pod(1, "");

	cJSON_AddItemToObject(pod, "status", parsed(UNSCHEDULABLE));
	NOMEM_EACH
	{
		struct buf out = BUF_INIT(4096);
		struct extender e;
		bool told;

		world(&e);
		nomem_on();
		told = explain_pending(e.inventory, pod, &out);
		nomem_off();
		if (nomem_is_first()) {
			assert_true(told);
			buf_addstr(&right, out.data);
		}
		if (told)
			assert_string_equal(out.data, right.data);
		buf_release(&out);
		extender_teardown(&e);
	}
}
