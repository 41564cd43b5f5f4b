/* The scheduler in our pod: a server with a certificate of its own, and the API server that both belong to. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_api.h"

#include "common/base/metrics.h"
#include "common/kube/event.h"
#include "extender/beside.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/test.h"

#define LONG    10000
#define TURN_MS 20
#define OWN_POD "/api/v1/namespaces/codis-system/pods/codis-scheduler-x"

static struct fake_world *world;
static struct metrics *metrics;
static struct kube_events *events;
static struct identity identity;
static bool hears;

static bool is_hearing(void *ctx, char *why_not, size_t size)
{
	(void)ctx;
	snprintf(why_not, size, "nodes are not listed");
	return hears;
}

static int setup(void **state)
{
	if (fake_setup(state) < 0)
		return -1;
	world = *state;
	metrics = metrics_new();
	events = kube_events_new(world->kube, "codis-extender", "x", metrics, "dropped_total");
	hears = true;
	identity_make(&identity, "localhost");
	fake_apply(&world->api, "/version", "{\"gitVersion\":\"v1.35.4\"}");
	fake_apply(&world->api, OWN_POD,
		   "{\"metadata\":{\"name\":\"codis-scheduler-x\",\"namespace\":\"codis-system\"}}");
	return 0;
}

static int teardown(void **state)
{
	kube_events_free(events);
	metrics_free(metrics);
	return fake_teardown(state);
}
#define BESIDE_TEST(name) TEST_WITH(name, setup, teardown)

/* Answers each question so. */
static void scheduler_start(struct raw_server *s, int status, const char *version)
{
	static char text[1024], body[512];

	snprintf(body, sizeof(body), "# x\nkubernetes_build_info{git_version=\"%s\"} 1\n", version);
	snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
	s->answer = text;
	s->end = RAW_KEEP;
	s->tls = &identity;
	raw_start(s);
}

static struct beside *look_at(uint16_t port)
{
	static char address[32];
	struct error err = ERROR_INIT;
	struct beside_config config = {
		.scheduler = address,
		.kube = world->kube,
		.events = events,
		.log = { .fd = -1 },
		.namespace = "codis-system",
		.pod_name = "codis-scheduler-x",
		.hears = is_hearing,
		.turn_ms = TURN_MS,
	};
	struct beside *b;

	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	b = beside_start(&world->loop.uv, &config, &err);
	if (!b)
		fail_msg("%s", err.text);
	return b;
}

static bool is_ready(void *ctx)
{
	char why_not[256];

	return beside_ready(ctx, why_not, sizeof(why_not));
}

static const char *why_not_ready(const struct beside *b)
{
	static char why_not[256];

	return beside_ready(b, why_not, sizeof(why_not)) ? "" : why_not;
}

static const char *why_ended(const struct beside *b, int64_t in_ms)
{
	static char why_not[256];

	return beside_alive(b, clock_mono_ms() + in_ms, why_not, sizeof(why_not)) ? "" : why_not;
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

/* Turns until the API server has been asked for its version so many times more. */
static void run_asked(int more)
{
	for (int n = fake_count(&world->api, "GET /version"); fake_count(&world->api, "GET /version") < n + more;)
		fake_run(world, TURN_MS, never, NULL);
}

static bool has_event(void *ctx)
{
	(void)ctx;
	return fake_count(&world->api, "POST") > 0;
}

BESIDE_TEST(a_scheduler_that_answers_is_ready_and_one_of_1_30_is)
{
	for (int status = 200; status <= 404; status += 204) {
		struct raw_server s = { 0 };
		struct beside *b;

		scheduler_start(&s, status, "v1.35.4");
		b = look_at(s.port);
		assert_string_not_equal(why_not_ready(b), "");
		assert_true(fake_run(world, LONG, is_ready, b));
		assert_string_equal(why_ended(b, 0), "");
		beside_stop(b);
		raw_stop(&s);
	}
}

BESIDE_TEST(one_that_says_it_is_not_ready_lives)
{
	struct raw_server s = { 0 };
	struct beside *b;
	char wanted[128];

	scheduler_start(&s, 500, "v1.35.4");
	b = look_at(s.port);
	snprintf(wanted, sizeof(wanted), "kube-scheduler at 127.0.0.1:%d is not ready (500 at /readyz)", s.port);
	while (strcmp(why_not_ready(b), wanted) != 0)
		fake_run(world, TURN_MS, never, NULL);
	assert_string_equal(why_ended(b, 0), "");
	beside_stop(b);
	raw_stop(&s);
}

BESIDE_TEST(one_that_hangs_is_ended_when_it_has_been_silent_for_ten_seconds)
{
	struct raw_server s = { .answer = "", .end = RAW_HOLD, .tls = &identity };
	struct beside *b;
	char wanted[128];

	raw_start(&s);
	b = look_at(s.port);
	assert_string_not_equal(why_not_ready(b), "");
	assert_string_equal(why_ended(b, BESIDE_SILENT_MS - 5000), "");
	snprintf(wanted, sizeof(wanted), "kube-scheduler at 127.0.0.1:%d has not answered for 10 s", s.port);
	assert_string_equal(why_ended(b, BESIDE_SILENT_MS), wanted);
	beside_stop(b);
	raw_stop(&s);
}

BESIDE_TEST(one_whose_extender_stays_deaf_is_ended_while_the_api_server_answers)
{
	struct raw_server s = { 0 };
	struct beside *b;

	scheduler_start(&s, 200, "v1.35.4");
	b = look_at(s.port);
	assert_true(fake_run(world, LONG, is_ready, b));
	hears = false;
	run_asked(2);
	assert_string_equal(why_ended(b, 0), "");
	assert_non_null(strstr(why_ended(b, BESIDE_DEAF_MS), "has had too little of it for 60 s"));
	hears = true;
	run_asked(1);
	assert_null(strstr(why_ended(b, BESIDE_DEAF_MS), "has had too little"));
	beside_stop(b);
	raw_stop(&s);
}

/* A new start would mend nothing, and the schedulers would wait for minutes once the server is back. */
BESIDE_TEST(an_api_server_that_is_down_ends_no_scheduler)
{
	struct raw_server s = { 0 };
	struct beside *b;

	scheduler_start(&s, 200, "v1.35.4");
	fake_fail(&world->api, "GET /version", 500, 100);
	b = look_at(s.port);
	assert_true(fake_run(world, LONG, is_ready, b));
	hears = false;
	run_asked(2);
	assert_null(strstr(why_ended(b, BESIDE_DEAF_MS), "has had too little"));
	beside_stop(b);
	raw_stop(&s);
}

/* The only Event's message; the caller's. */
static char *the_message(void)
{
	const cJSON *object;
	char *found = NULL;

	pthread_mutex_lock(&world->api.lock);
	cJSON_ArrayForEach(object, world->api.objects)
		if (strstr(object->string, "/events/"))
			found = strdup(json_str(object, "message", NULL));
	pthread_mutex_unlock(&world->api.lock);
	assert_non_null(found);
	return found;
}

BESIDE_TEST(one_that_is_newer_than_the_server_is_said_to_be_so_once)
{
	struct raw_server s = { 0 };
	struct beside *b;
	char *message;

	scheduler_start(&s, 200, "v1.36.0");
	b = look_at(s.port);
	assert_true(fake_run(world, LONG, has_event, NULL));
	run_asked(1);
	assert_int_equal(fake_count(&world->api, "POST"), 1);
	message = the_message();
	assert_string_equal(message,
			    "set the image of the container scheduler to kube-scheduler:v1.35.4: v1.36.0 is newer "
			    "than the API server, v1.35.4, and may start and place nothing");
	free(message);
	assert_string_equal(why_ended(b, 0), "");
	assert_string_equal(why_not_ready(b), "");
	beside_stop(b);
	raw_stop(&s);
}

BESIDE_TEST(nothing_is_said_of_one_that_suits_until_the_server_is_two_versions_further)
{
	struct raw_server s = { 0 };
	struct beside *b;
	char *message;

	scheduler_start(&s, 200, "v1.34.1");
	b = look_at(s.port);
	run_asked(2);
	assert_int_equal(fake_count(&world->api, "POST"), 0);
	fake_apply(&world->api, "/version", "{\"gitVersion\":\"v1.36.0\"}");
	assert_true(fake_run(world, LONG, has_event, NULL));
	message = the_message();
	assert_non_null(strstr(message, "v1.34.1 is more than one minor version older than the API server, v1.36.0"));
	free(message);
	beside_stop(b);
	raw_stop(&s);
}
