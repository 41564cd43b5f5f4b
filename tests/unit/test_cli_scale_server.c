/* codisctl scale-server: what is asked for, how its end shows, and what is refused. */
#include <pthread.h>
#include <unistd.h>

#include "common/base/json.h"
#include "tests/unit/cli_fixture.h"
#include "tests/unit/test.h"

#define SET  "/apis/apps/v1/namespaces/codis/statefulsets/codis-server"
#define PODS "/api/v1/namespaces/codis/pods/"

static void put_one(struct cli_world *w, const char *path, const char *name, int replicas, int start,
		    const char *annotations)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"codis\",\"uid\":\"u-%s\",\"annotations\":{%s}},"
		 "\"spec\":{\"replicas\":%d,\"ordinals\":{\"start\":%d},\"template\":{\"metadata\":{\"labels\":{"
		 "\"app\":\"codis-server\"}},\"spec\":{"
		 "\"containers\":[{\"name\":\"codis-server\",\"image\":\"c\",\"command\":[\"codis-server\"],\"env\":[{"
		 "\"name\":\"SERVER_REPLICA\",\"value\":\"2\"}]}]}}}}",
		 name, name, annotations, replicas, start);
	fake_apply(w->api, path, text.data);
}

static void put_set(struct cli_world *w, int replicas, const char *annotations)
{
	put_one(w, SET, "codis-server", replicas, 0, annotations);
}

static void begin(struct cli_world *w, int replicas, const char *annotations)
{
	char text[4096];

	cli_codis(w);
	put_set(w, replicas, annotations);
	cli_controller(w, "c-a", cli_status_json(true, CLI_HEALTHY, text, sizeof(text)));
	cli_lease(w, "c-a");
	fake_apply(w->api, PODS "codis-proxy-0/portforward", "{\"reply\":\"+PONG\\r\\n\"}");
}

static const char *asked(struct cli_world *w)
{
	static char text[32];
	JSON_CLEANUP cJSON *set = fake_read(w->api, SET);
	const char *value = json_str(set, "metadata", "annotations", "codis.io/scale-to", NULL);

	snprintf(text, sizeof(text), "%s", value ? value : "");
	return text;
}

CLI_TEST(it_is_asked_for_and_waited_for)
{
	struct cli_world *w = *state;

	begin(w, 2, "");
	assert_int_equal(CLI(w, "scale-server", "4", "--wait", "700ms"), CLI_WAITED);
	assert_string_equal(asked(w), "4");
	cli_says(w, "StatefulSet codis-server: 2 -> 4 servers\n");
	cli_says(w, "codis-test: OK, 1/1 groups led, 1 proxy, 1024/1024 slots served\n");
	cli_says(w, "codisctl: not within 0.7 s. It goes on; this can be repeated\n");
	assert_int_equal(CLI(w, "scale-server", "4", "--wait", "0"), CLI_OK);
	cli_does_not_say(w, "PONG");
}

CLI_TEST(a_number_that_does_not_fit_is_refused)
{
	struct cli_world *w = *state;

	begin(w, 2, "");
	assert_int_equal(CLI(w, "scale-server", "5"), CLI_USAGE);
	cli_says(w, "codisctl: scale-server: \"5\": it must be a multiple of SERVER_REPLICA, which is 2: 4 or 6\n");
	assert_int_equal(CLI(w, "scale-server", "0"), CLI_USAGE);
	cli_says(w,
		 "codisctl: scale-server: \"0\": no group would be left to take its slots, for no other StatefulSet of "
		 "the product stays\n");
	assert_int_equal(CLI(w, "scale-server", "x"), CLI_USAGE);
	cli_says(w, "codisctl: scale-server: \"x\" is no number of servers\n");
	assert_int_equal(CLI(w, "scale-server"), CLI_USAGE);
	cli_says(w, "codisctl: scale-server: say how many servers there shall be, or --cancel\n");
	assert_int_equal(CLI(w, "scale-server", "4", "--cancel"), CLI_USAGE);
	assert_string_equal(asked(w), "");
}

CLI_TEST(what_was_asked_for_is_taken_back)
{
	struct cli_world *w = *state;

	begin(w, 4, "\"codis.io/scale-to\":\"2\"");
	assert_int_equal(CLI(w, "scale-server", "--cancel"), CLI_OK);
	assert_string_equal(asked(w), "");
	cli_says(w, "StatefulSet codis-server: codis.io/scale-to is taken away\n");
	cli_says(w, "\nPONG\n");
	assert_int_equal(CLI(w, "scale-server", "--cancel"), CLI_OK);
	cli_says(w, "StatefulSet codis-server has no codis.io/scale-to: nothing is to be cancelled\n");
}

/* As codis-controller, right before a --cancel is written. */
static void *scale(void *ctx)
{
	struct cli_world *w = ctx;

	while (!fake_blocked(w->api))
		usleep(1000);
	put_set(w, 2, "");
	fake_unblock(w->api);
	return NULL;
}

CLI_TEST(what_was_asked_for_is_done_before_it_is_taken_back)
{
	struct cli_world *w = *state;
	pthread_t thread;

	begin(w, 4, "\"codis.io/scale-to\":\"2\"");
	fake_block(w->api, "PATCH");
	assert_int_equal(pthread_create(&thread, NULL, scale, w), 0);
	assert_int_equal(CLI(w, "scale-server", "--cancel"), CLI_NOT_SO);
	assert_int_equal(pthread_join(thread, NULL), 0);
	cli_says(w, "codisctl: too late: StatefulSet codis-server has 2 servers by now\n");
}

CLI_TEST(slots_that_are_on_their_way_are_waited_for)
{
	struct cli_world *w = *state;

	begin(w, 4, "\"codis.io/scale-to\":\"2\",\"codis.io/moving\":\"from=2 slots=512\"");
	assert_int_equal(CLI(w, "scale-server", "--cancel", "--wait", "600ms"), CLI_WAITED);
	cli_does_not_say(w, "PONG");
}

#define SECOND SET "-b"

CLI_TEST(of_several_statefulsets_it_is_to_be_said_which)
{
	struct cli_world *w = *state;

	begin(w, 2, "");
	put_one(w, SECOND, "codis-server-b", 2, 20, "");
	assert_int_equal(CLI(w, "scale-server", "4"), CLI_USAGE);
	cli_says(w, "codisctl: scale-server: several StatefulSets make the groups of product codis-test (codis-server, "
		    "codis-server-b): say which by --set\n");
	assert_int_equal(CLI(w, "scale-server", "0", "--set", "codis-serve"), CLI_NOT_SO);
	cli_says(w, "codisctl: no StatefulSet codis-serve makes groups of product codis-test (codis-server, "
		    "codis-server-b)\n");
	assert_string_equal(asked(w), "");
	assert_int_equal(CLI(w, "scale-server", "0", "--set", "codis-server", "--wait", "0"), CLI_OK);
	cli_says(w, "StatefulSet codis-server: 2 -> 0 servers\n");
	assert_string_equal(asked(w), "0");
	assert_int_equal(CLI(w, "scale-server", "0", "--set", "codis-server-b"), CLI_USAGE);
	cli_says(w,
		 "codisctl: scale-server: \"0\": no group would be left to take its slots, for no other StatefulSet of "
		 "the product stays\n");
	assert_int_equal(CLI(w, "scale-server", "--cancel", "--wait", "0"), CLI_OK); /* one is asked */
	assert_string_equal(asked(w), "");
}

CLI_TEST(a_set_that_is_a_group_by_its_label)
{
	struct cli_world *w = *state;

	begin(w, 2, "");
	fake_apply(
		w->api, SET,
		"{\"metadata\":{\"name\":\"codis-server\",\"namespace\":\"codis\",\"uid\":\"u-set\"},\"spec\":{"
		"\"replicas\":2,"
		"\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\",\"codis.io/group\":\"1\"}},\"spec\":{"
		"\"containers\":[{\"name\":\"codis-server\",\"image\":\"c\",\"command\":[\"codis-server\"]}]}}}}");
	assert_int_equal(CLI(w, "scale-server", "4"), CLI_USAGE);
	cli_says(w, "codisctl: scale-server: \"4\": by label codis.io/group it is one group: 0 empties it; for more or "
		    "fewer replicas scale it itself\n");
}
