/* Whose pod has an address that only a group lists: who is asked, and when, and what is believed until it is known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/client.h"
#include "controller/picture.h"
#include "controller/roster.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

#define A "10.0.0.1:6379"
#define B "10.0.0.2:6379"

static struct {
	int asked, answered;
	char path[64][300];
	struct {
		kube_done done;
		void *ctx;
	} questions[64];
	bool cannot;
} w;

/* The API server is played: questions are answered by the test, in their order. */
struct http_call *kube_call(struct kube_client *c, const char *method, const char *path, const cJSON *body,
			    const char *content_type, int timeout_ms, kube_done done, void *ctx, struct error *err)
{
	(void)c;
	(void)content_type;
	(void)err;
	assert_string_equal(method, "GET");
	assert_null(body);
	assert_int_equal(timeout_ms, 2000);
	if (w.cannot)
		return NULL;
	assert_in_range(w.asked, 0, 63);
	snprintf(w.path[w.asked], sizeof(w.path[0]), "%s", path);
	w.questions[w.asked].done = done;
	w.questions[w.asked++].ctx = ctx;
	return (struct http_call *)(void *)&w;
}

static int begin(void **state)
{
	controller_world_setup(state);
	memset(&w, 0, sizeof(w));
	world.ctl.kube = (struct kube_client *)(void *)&w;
	return 0;
}

static void answer(const char *pods)
{
	char text[2000];
	JSON_CLEANUP cJSON *list = NULL;

	snprintf(text, sizeof(text), "{\"items\":[%s]}", pods);
	list = cJSON_Parse(text);
	assert_non_null(list);
	assert_in_range(w.answered, 0, w.asked - 1);
	w.questions[w.answered].done(w.questions[w.answered].ctx, list, NULL);
	w.answered++;
}

static void refuse(enum error_code code)
{
	struct error err = ERROR_INIT;

	error_set(&err, code, "played");
	w.questions[w.answered].done(w.questions[w.answered].ctx, NULL, &err);
	w.answered++;
}

static int finish(void **state)
{
	controller_world_teardown(state);
	while (w.answered < w.asked) /* what nobody waits for any more */
		answer("");
	return 0;
}
#define STRANGER_TEST(name) TEST_WITH(name, begin, finish)

static struct observed_server *server(const char *addr)
{
	struct observed_server *s = cluster_server(world.c, addr);

	assert_non_null(s);
	return s;
}

/* Group 1 lists these. */
static struct observed_group *list(const char *a, const char *b)
{
	struct observed_group *g = cluster_group(world.c, 1, true);
	struct codis_group before = g->node;

	g->node.count = 0;
	assert_int_equal(codis_group_append(&g->node, a), 0);
	if (b)
		assert_int_equal(codis_group_append(&g->node, b), 0);
	g->exists = true;
	g->version = 1;
	g->read_ms = clock_mono_ms();
	roster_relist(world.c, g, &before);
	return g;
}

static void hear_master(const char *addr, const char *run_id, int64_t uptime_s)
{
	struct redis_probe_state st = { .reach = REACH_OK,
					.info_valid = true,
					.heard_ms = clock_mono_ms(),
					.since_ms = 1,
					.info = { .role = REDIS_ROLE_MASTER, .uptime_s = uptime_s } };

	snprintf(st.info.run_id, sizeof(st.info.run_id), "%s", run_id);
	roster_hear(world.c, server(addr), &st);
}

static void tick_in(int64_t ms)
{
	stranger_tick(world.c, clock_mono_ms() + ms);
}

static void assert_logged(const char *words, int times)
{
	static char text[65536];
	ssize_t n = pread(world.log.fd, text, sizeof(text) - 1, 0);
	int found = 0;

	assert_true(n >= 0);
	text[n] = '\0';
	for (const char *at = text; (at = strstr(at, words)); at++)
		found++;
	if (found != times)
		fail_msg("%d times, not %d: %s\n%s", found, times, words, text);
}

#define POD(namespace, more, ip)                                                                                       \
	"{\"metadata\":{\"namespace\":\"" namespace "\",\"name\":\"redis-0\"}," more                                   \
						    ",\"status\":{\"phase\":\"Running\",\"podIP\":\"" ip "\"}}"
#define REDIS "\"spec\":{\"containers\":[{\"name\":\"redis\",\"image\":\"redis:7\",\"command\":[\"redis-server\"]}]}"

STRANGER_TEST(who_has_an_address_is_asked_before_its_server_is)
{
	list(A, "[fd00::2]:6379");
	assert_int_equal(w.asked, 2);
	assert_string_equal(w.path[0], "/api/v1/pods?fieldSelector=status.podIP%3D10.0.0.1,status.phase%21%3DSucceeded,"
				       "status.phase%21%3DFailed&resourceVersion=0");
	assert_non_null(strstr(w.path[1], "status.podIP%3Dfd00::2,"));
	roster_take_stock(world.c);
	assert_int_equal(world.probe_count, 0);
	assert_int_equal(w.asked, 2);
	answer("");
	assert_int_equal(world.probe_count, 1);
	assert_string_equal(world.probes[0].addr, A);
	tick_in(60000); /* it is known */
	assert_int_equal(w.asked, 2);
}

STRANGER_TEST(pod_of_ours_is_known_without_a_question)
{
	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	list(A, NULL);
	assert_int_equal(w.asked, 0);
	assert_int_equal(world.probe_count, 1);
	/* Its pod goes: whoever gets the address is not known by then, and the one that is asked goes on. */
	inventory_remove_pod(world.inv, "uid-codis-server-0");
	roster_take_stock(world.c);
	assert_int_equal(w.asked, 1);
	assert_false(world.probes[0].ended);
	/* Another one of ours has it before the answer is there: that is of no interest any more. */
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.app = "codis-server", .name = "codis-server-0", .uid = "u2", .ip = "10.0.0.1" });
	roster_take_stock(world.c);
	answer(POD("other", REDIS, "10.0.0.1"));
	assert_false(stranger_has(server(A)));
	assert_false(stranger_is_awaited(server(A), true));
}

STRANGER_TEST(server_at_the_address_of_any_other_pod_is_a_stranger)
{
	list(A, NULL);
	answer(POD("other", REDIS, "10.0.0.1"));
	assert_true(stranger_has(server(A)));
	assert_int_equal(world.probe_count, 0);
	assert_logged("event=server.stranger namespace=ns product=codis-test leads=true server=10.0.0.1:6379 "
		      "pod=other/redis-0",
		      1);
	/* It may go: asked now and then, and watched again. */
	tick_in(9000);
	assert_int_equal(w.asked, 1);
	tick_in(10001);
	assert_int_equal(w.asked, 2);
	answer(POD("other", REDIS, "10.0.0.1"));
	tick_in(20002);
	answer("");
	assert_false(stranger_has(server(A)));
	assert_int_equal(world.probe_count, 1);
	assert_logged("event=server.stranger", 1);
}

static void make_picture(struct cluster_view *v)
{
	struct observed_topom topom = { .lock_exists = -1 };
	struct observed seen = { .namespace = "ns",
				 .product = "codis-test",
				 .kube_fresh = true,
				 .server_count = world.c->server_count,
				 .servers = world.c->servers,
				 .password_trouble = "",
				 .topom = &topom };

	assert_int_equal(picture_make(v, &world.c->room, &seen, world.inv, clock_mono_ms()), 0);
}

/* A watch that is late tells of the pod that had the address before it was a stranger's. */
STRANGER_TEST(pod_that_is_told_of_late_does_not_have_the_address_of_a_stranger)
{
	static struct cluster_view v;

	list(A, NULL);
	answer(POD("other", REDIS, "10.0.0.1"));
	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	roster_take_stock(world.c);
	assert_int_equal(world.probe_count, 0);
	make_picture(&v);
	assert_string_equal(v.servers[0].pod.name, "codis-server-0");
	assert_false(v.servers[0].info_valid);
	tick_in(900);
	assert_int_equal(w.asked, 1);
	tick_in(1001);
	assert_int_equal(w.asked, 2);
	answer(POD("other", REDIS, "10.0.0.1"));
	roster_take_stock(world.c);
	assert_int_equal(world.probe_count, 0);
	/* It has it now: asked once more, the API server says so. */
	tick_in(2002);
	assert_int_equal(w.asked, 3);
	answer(POD("ns", "\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}", "10.0.0.1"));
	assert_int_equal(world.probe_count, 1);
	roster_take_stock(world.c);
	assert_false(stranger_has(server(A)));
	tick_in(60000);
	assert_int_equal(w.asked, 3);
}

/* ... nor another pod of ours that had it, whose uid is not the one of the last. */
STRANGER_TEST(process_of_a_stranger_is_not_asked_as_its_pod_changes)
{
	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	list(A, NULL);
	roster_take_stock(world.c);
	assert_int_equal(world.probe_count, 1);
	inventory_remove_pod(world.inv, "uid-codis-server-0");
	roster_take_stock(world.c);
	answer(POD("other", REDIS, "10.0.0.1"));
	assert_true(world.probes[0].ended);
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.app = "codis-server", .name = "codis-server-1", .uid = "u2", .ip = "10.0.0.1" });
	roster_take_stock(world.c);
	assert_int_equal(world.probe_count, 1);
	assert_true(stranger_has(server(A)));
	assert_string_equal(server(A)->uid, "uid-u2");
}

static enum stranger_whose whose(const char *pods)
{
	struct observed_server *s = server(A);

	s->stranger = (struct stranger){ 0 };
	world.c->addresses_asked = 0;
	stranger_want(s);
	answer(pods);
	return s->stranger.whose;
}

STRANGER_TEST(whose_an_address_is)
{
	list(A, NULL);
	answer("");
	assert_int_equal(whose(POD("other", REDIS, "10.0.0.1")), WHOSE_ANOTHERS);
	assert_int_equal(whose(POD("ns", REDIS, "10.0.0.1")), WHOSE_ANOTHERS);
	assert_int_equal(whose(POD("other", REDIS, "10.0.0.9")), WHOSE_NOBODYS);
	/* One of our namespace that nobody has labelled; of another one it is another cluster's. */
	assert_int_equal(
		whose(POD("ns", "\"spec\":{\"containers\":[{\"name\":\"s\",\"image\":\"x/codis:3.2\"}]}", "10.0.0.1")),
		WHOSE_OURS);
	assert_int_equal(
		whose(POD("ns",
			  "\"spec\":{\"containers\":[{\"name\":\"s\",\"command\":[\"sh\",\"-c\",\"codis-server\"]}]}",
			  "10.0.0.1")),
		WHOSE_OURS);
	assert_int_equal(whose("{\"metadata\":{\"namespace\":\"ns\",\"name\":\"codis-server-0\"},\"status\":{\"podIP\":"
			       "\"10.0.0.1\"}}"),
			 WHOSE_OURS);
	assert_int_equal(whose(POD("other", "\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}", "10.0.0.1")),
			 WHOSE_ANOTHERS);
	assert_int_equal(whose(POD("other", REDIS, "10.0.0.1") "," POD(
				 "ns", "\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}", "10.0.0.1")),
			 WHOSE_OURS);
	/* The network of a node is that of many. */
	assert_int_equal(whose(POD("other",
				   "\"spec\":{\"hostNetwork\":true,\"containers\":[{\"ports\":[{"
				   "\"containerPort\":9100}]}]}",
				   "10.0.0.1")),
			 WHOSE_NOBODYS);
	assert_int_equal(whose(POD("other",
				   "\"spec\":{\"hostNetwork\":true,\"containers\":[{\"ports\":[{"
				   "\"containerPort\":6379}]}]}",
				   "10.0.0.1")),
			 WHOSE_ANOTHERS);
	assert_int_equal(whose("{\"metadata\":{\"namespace\":\"other\",\"name\":\"job\"},\"status\":{\"phase\":"
			       "\"Succeeded\",\"podIP\":\"10.0.0.1\"}}"),
			 WHOSE_NOBODYS);
	assert_int_equal(whose("{},7,{\"status\":{\"podIP\":5}}"), WHOSE_NOBODYS);
}

STRANGER_TEST(without_an_answer_all_is_as_if_nobody_had_it)
{
	int64_t began_ms = clock_mono_ms();

	list(A, B);
	refuse(ERR_DENIED);
	assert_int_equal(world.probe_count, 1);
	stranger_tick(world.c, began_ms + 1999); /* nothing is held up for longer than 2 s */
	assert_int_equal(world.probe_count, 1);
	tick_in(2000);
	assert_int_equal(world.probe_count, 2);
	refuse(ERR_TIMEOUT);
	assert_logged("event=addresses.unknown error=\"played\"", 1);
	hear_master(A, "first", 60);
	assert_string_equal(server(A)->role_run_id, "first");
	tick_in(9000);
	assert_int_equal(w.asked, 2);
	tick_in(10001);
	assert_int_equal(w.asked, 4);
	answer(POD("other", REDIS, "10.0.0.1"));
	assert_true(world.probes[0].ended);
	assert_string_equal(server(A)->role_run_id, "");
	assert_int_equal(server(A)->role_group, 0);
}

/* Nothing is asked by the API server's word while it is not heard. */
STRANGER_TEST(api_server_that_is_away_holds_nobody_up)
{
	world.ctl.kube_fresh = false;
	list(A, NULL);
	assert_int_equal(world.probe_count, 1);
	hear_master(A, "first", 1);
	assert_string_equal(server(A)->role_run_id, "first");
}

STRANGER_TEST(another_process_is_not_believed_until_its_pod_is_known)
{
	static struct cluster_view v;

	list(A, NULL);
	answer("");
	hear_master(A, "first", 60);
	assert_string_equal(server(A)->role_run_id, "first");
	server(A)->role_run_id[0] = '\0'; /* as where another controller gave the role since */
	server(A)->stranger.asked_ms -= 5000;
	hear_master(A, "second", 60);
	assert_int_equal(w.asked, 2);
	assert_string_equal(server(A)->role_run_id, "");
	make_picture(&v);
	assert_int_equal(v.servers[0].reach, REACH_OK);
	assert_false(v.servers[0].info_valid);
	assert_false(v.servers[0].of_another);
	answer(POD("other", REDIS, "10.0.0.1"));
	assert_true(world.probes[0].ended);
	assert_null(server(A)->probe);
	make_picture(&v);
	assert_true(v.servers[0].of_another);
	assert_int_equal(v.servers[0].group, 0);
	assert_false(v.servers[0].info_valid);
}

/* That it has restarted is evidence at once, whoever it is. */
STRANGER_TEST(restart_is_evidence_before_its_pod_is_known)
{
	static struct cluster_view v;

	list(A, NULL);
	answer("");
	hear_master(A, "first", 60);
	hear_master(A, "second", 0);
	make_picture(&v);
	assert_true(v.servers[0].info_valid);
	assert_true(v.servers[0].restarted);
}

/* A pod's address may be published seconds after its process answers. */
STRANGER_TEST(process_that_began_just_now_may_be_of_a_pod_that_is_not_told_yet)
{
	list(A, NULL);
	answer("");
	hear_master(A, "first", 1);
	assert_string_equal(server(A)->role_run_id, "");
	tick_in(999);
	assert_int_equal(w.asked, 1);
	tick_in(1001);
	assert_int_equal(w.asked, 2);
	answer("");
	hear_master(A, "first", 3);
	assert_string_equal(server(A)->role_run_id, "");
	hear_master(A, "first", 5);
	assert_string_equal(server(A)->role_run_id, "first");
	tick_in(60000);
	assert_int_equal(w.asked, 2);
}

/* ... and one that is another process at each look is asked for once a second. */
STRANGER_TEST(process_that_always_changes_is_not_asked_for_always)
{
	char run_id[16];

	list(A, NULL);
	answer("");
	for (int i = 0; i < 10; i++) {
		snprintf(run_id, sizeof(run_id), "run-%d", i);
		hear_master(A, run_id, 60);
	}
	assert_int_equal(w.asked, 1);
	tick_in(1001);
	assert_int_equal(w.asked, 2);
}

STRANGER_TEST(four_questions_a_tick_are_asked)
{
	struct observed_group *g = cluster_group(world.c, 1, true);
	struct codis_group before = g->node;
	char addr[32];

	for (int i = 1; i <= 10; i++) {
		snprintf(addr, sizeof(addr), "10.0.1.%d:6379", i);
		assert_int_equal(codis_group_append(&g->node, addr), 0);
	}
	g->exists = true;
	roster_relist(world.c, g, &before);
	assert_int_equal(w.asked, 4);
	answer("");
	assert_int_equal(w.asked, 4);
	tick_in(0);
	assert_int_equal(w.asked, 8);
	tick_in(0);
	while (w.answered < w.asked)
		answer("");
	assert_int_equal(w.asked, 10);
	assert_int_equal(world.probe_count, 10);
	assert_int_equal(world.ctl.asking_addresses, 0);
}

STRANGER_TEST(question_that_cannot_be_asked_is_asked_again)
{
	w.cannot = true;
	list(A, NULL);
	assert_int_equal(world.ctl.asking_addresses, 0);
	w.cannot = false;
	tick_in(1001);
	assert_int_equal(w.asked, 1);
}

/* Whoever is forgotten while its question is under way. */
STRANGER_TEST(answer_for_one_that_is_forgotten)
{
	struct observed_group *g = list(A, NULL);
	struct codis_group before = g->node;

	g->node.count = 0;
	roster_relist(world.c, g, &before);
	roster_take_stock(world.c);
	assert_int_equal(world.c->server_count, 0);
	answer(POD("other", REDIS, "10.0.0.1"));
	assert_int_equal(world.ctl.asking_addresses, 0);
}
