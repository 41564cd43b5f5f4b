/* A placement whose time is over while the watch says nothing: one question to the API server decides. */
#include "tests/unit/fake_api.h"

#include "extender/overdue.h"
#include "tests/unit/extender_fixture.h"

#define LONG    10000
#define TURN_MS 10
#define POD     "/api/v1/namespaces/default/pods/codis-server-0"
#define UID     "uid-codis-test-codis-server-0"

static struct fake_world *world;
static struct extender extender;
static struct overdue_asker *asker;

/* Nothing is heard. */
static int64_t age(void *ctx)
{
	(void)ctx;
	return 100000;
}

static int setup(void **state)
{
	struct error err = ERROR_INIT;

	if (fake_setup(state) < 0)
		return -1;
	world = *state;
	extender_setup(&extender);
	extender.age_ms = age;
	add_plain_node(extender.inventory, "n1");
	add_plain_node(extender.inventory, "n2");
	asker = overdue_start(&world->loop.uv, world->kube, &extender, TURN_MS, &err);
	return asker ? 0 : -1;
}

static int teardown(void **state)
{
	overdue_stop(asker);
	extender_teardown(&extender);
	return fake_teardown(state);
}
#define OVERDUE_TEST(name) TEST_WITH(name, setup, teardown)

/* It is offered nodes; its time is over in ms from now. */
static void promise(int ordinal, int ms)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 20);
	cJSON *pod = server_pod(ordinal, "");
	char *text = cJSON_PrintUnformatted(pod), *body = NULL;

	assert_true(asprintf(&body, "{\"Pod\":%s,\"NodeNames\":[\"n1\",\"n2\"]}", text) > 0);
	assert_int_equal(serve_filter(&extender, body, strlen(body), clock_mono_ms() - extender.reservation_ttl_ms + ms,
				      WALL_MS, &out),
			 200);
	assert_non_null(strstr(out.data, "\"NodeNames\":[\"n"));
	free(body);
	cJSON_free(text);
	cJSON_Delete(pod);
}

static size_t promised(void)
{
	return extender.reservations.by_uid.count;
}

static bool is_free(void *ctx)
{
	(void)ctx;
	return promised() == 0;
}

static bool has_asked(void *count)
{
	return fake_count(&world->api, "GET " POD) >= *(int *)count;
}

/* Runs until it was asked, and whatever the answer does is done. */
static void run_asked(int count)
{
	assert_true(fake_run(world, LONG, has_asked, &count));
	for (int i = 0; i < 20; i++)
		uv_run(&world->loop.uv, UV_RUN_ONCE);
}

static void apply(const char *uid, const char *spec, const char *status)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"codis-server-0\",\"namespace\":\"default\",\"uid\":\"%s\"},\"spec\":{%s},"
		 "\"status\":{%s}}",
		 uid, spec, status);
	fake_apply(&world->api, POD, text);
}

OVERDUE_TEST(one_without_a_node_is_let_go)
{
	apply(UID, "", "");
	promise(0, 0);
	assert_int_equal(promised(), 1);
	assert_true(fake_run(world, LONG, is_free, NULL));
}

OVERDUE_TEST(one_that_is_gone_or_another_one_is_let_go)
{
	promise(0, 0);
	assert_true(fake_run(world, LONG, is_free, NULL));
	apply("another", "\"nodeName\":\"n1\"", "");
	promise(0, 0);
	assert_true(fake_run(world, LONG, is_free, NULL));
}

OVERDUE_TEST(one_that_stands_or_says_where_it_will_is_left_to_the_watch)
{
	apply(UID, "\"nodeName\":\"n1\"", "");
	promise(0, 0);
	run_asked(1);
	assert_int_equal(promised(), 1);
	extender_settle(&extender, UID);
	apply(UID, "", "\"nominatedNodeName\":\"n1\"");
	promise(0, 0);
	run_asked(2);
	assert_int_equal(promised(), 1);
}

OVERDUE_TEST(one_of_which_the_api_server_does_not_tell_stays_promised)
{
	fake_fail(&world->api, "GET " POD, 500, 100);
	promise(0, 0);
	run_asked(1);
	assert_int_equal(promised(), 1);
}

OVERDUE_TEST(nobody_is_asked_about_before_his_time_nor_where_the_watch_has_told)
{
	apply(UID, "", "");
	promise(1, 0);
	promise(0, LONG);
	fake_apply(&world->api, "/api/v1/namespaces/default/pods/codis-server-1", "{\"metadata\":{\"uid\":\"x\"}}");
	while (promised() > 1)
		uv_run(&world->loop.uv, UV_RUN_ONCE);
	assert_int_equal(fake_count(&world->api, "GET " POD), 0);
	assert_non_null(reservations_of(&extender.reservations,
					&TAILQ_FIRST(&extender.reservations.by_deadline)->pod.member, NULL));
	extender.age_ms = NULL;
	extender_settle(&extender, UID);
	promise(0, 0);
	assert_true(fake_run(world, LONG, is_free, NULL));
	assert_int_equal(fake_count(&world->api, "GET " POD), 0);
}

/* Both times of it, by one question; what it was promised after that stands. */
OVERDUE_TEST(what_was_promised_while_it_was_asked_about_stands)
{
	apply(UID, "", "");
	fake_block(&world->api, "GET " POD);
	promise(0, 0);
	promise(0, 0);
	run_asked(1);
	promise(0, LONG);
	assert_int_equal(promised(), 3);
	fake_unblock(&world->api);
	while (promised() > 1)
		uv_run(&world->loop.uv, UV_RUN_ONCE);
	run_asked(1);
	assert_int_equal(promised(), 1);
	assert_int_equal(fake_count(&world->api, "GET " POD), 1);
}
