/* codisctl switchover: what is written, what is waited for, and what is said of the answer. */
#include "common/codis/wish.h"
#include "tests/unit/cli_fixture.h"

#define SET  "/apis/apps/v1/namespaces/codis/statefulsets/codis-server"
#define T    "2026-11-28T08:25:00.123Z"
#define HEAD "StatefulSet codis-server: codis.io/switchover=\""

static void controller_says(struct cli_world *w, const char *waits)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"leads\":true,\"clusters\":[{\"namespace\":\"codis\",\"product\":\"codis-test\",\"line\":\"OK\","
		 "\"switchover\":{\"waits\":\"%s\"}}]}",
		 waits);
	cli_controller(w, "c-a", text);
}

/* The set has these annotations, and no others. */
static void annotated(struct cli_world *w, const char *annotations)
{
	BUF_CLEANUP struct buf text = BUF_INIT(8192);

	buf_addf(
		&text,
		"{\"metadata\":{\"name\":\"codis-server\",\"namespace\":\"codis\",\"uid\":\"set-1\",\"annotations\":{%"
		"s}},"
		"\"spec\":{\"replicas\":2,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{"
		"\"containers\":[{\"name\":\"codis-server\",\"image\":\"c\",\"command\":[\"codis-server\"]}]}}}}",
		annotations);
	fake_apply(w->api, SET, text.data);
}

static void wished(struct cli_world *w, struct wish *out)
{
	JSON_CLEANUP cJSON *set = fake_read(w->api, SET);
	const char *text = json_str(set, "metadata", "annotations", "codis.io/switchover", NULL);
	struct error err = ERROR_INIT;

	if (!text || wish_read(text, out, &err) < 0)
		fail_msg("%s", text ? err.text : "nothing is wished");
}

#define BEGUN    "\"codis.io/switchover\":\"1=codis-server-1@" T " begun\""
#define ANSWERED "\"codis.io/switched\":\"%s 1=codis-server-1@" T ": codis-server-1 it is; 41 ms\""

CLI_TEST(what_is_written)
{
	struct cli_world *w = *state;
	struct wish is;

	cli_codis(w);
	controller_says(w, "");
	fake_clock(w->api, 3600);
	assert_int_equal(CLI(w, "switchover", "1", "--to", "codis-server-1", "--wait", "0"), CLI_OK);
	wished(w, &is);
	assert_int_equal(is.gid, 1);
	assert_string_equal(is.pod, "codis-server-1");
	assert_false(is.begun);
	assert_true(is.wall_ms - clock_wall_ms() > 3590000); /* by the clock of the API server */
	cli_says(w, HEAD "1=codis-server-1@2");
	annotated(w, "");
	assert_int_equal(CLI(w, "switchover", "2", "--wait", "0"), CLI_OK);
	wished(w, &is);
	assert_int_equal(is.gid, 2);
	assert_string_equal(is.pod, "");
}

CLI_TEST(the_same_wish_is_waited_for_again)
{
	struct cli_world *w = *state;

	cli_codis(w);
	controller_says(w, "");
	annotated(w, BEGUN);
	assert_int_equal(CLI(w, "switchover", "1", "--wait", "300ms"), CLI_WAITED);
	assert_string_equal(w->c.out.data, HEAD "1=codis-server-1@" T " begun\" is there already, and is waited for\n"
						"codis-server-1 is to lead group 1\n");
	assert_string_equal(w->c.err.data,
			    "codisctl: no answer within 0.3 s: codis-server-1 is to lead group 1. What was "
			    "written stands; this can be repeated\n");
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
	assert_int_equal(CLI(w, "switchover", "1", "--to", "codis-server-1", "--wait", "300ms"), CLI_WAITED);
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

static char *answered(const char *verdict, char out[512])
{
	snprintf(out, 512, ANSWERED, verdict);
	return out;
}

struct answering {
	struct cli_world *w;
	const char *annotations;
};

/* Once it has looked. */
static void *answer_later(void *ctx)
{
	struct answering *a = ctx;

	while (!fake_blocked(a->w->api))
		usleep(1000);
	annotated(a->w, a->annotations);
	fake_unblock(a->w->api);
	return NULL;
}

/* What is answered to the wish T, while it is waited for. */
static enum cli_status switchover_answered(struct cli_world *w, const char *annotations)
{
	struct answering a = { w, annotations };
	enum cli_status status;
	pthread_t thread;

	annotated(w, BEGUN);
	fake_block_some(w->api, "GET " SET, 1);
	assert_int_equal(pthread_create(&thread, NULL, answer_later, &a), 0);
	status = CLI(w, "switchover", "1");
	pthread_join(thread, NULL);
	return status;
}

CLI_TEST(what_is_answered)
{
	struct cli_world *w = *state;
	char text[512];

	cli_codis(w);
	controller_says(w, "");
	assert_int_equal(switchover_answered(w, answered("done", text)), CLI_OK);
	assert_string_equal(w->c.out.data, HEAD "1=codis-server-1@" T " begun\" is there already, and is waited for\n"
						"codis-server-1 it is; 41 ms\n");
	assert_int_equal(switchover_answered(w, answered("needless", text)), CLI_OK);
	cli_says(w, "\ncodis-server-1 it is; 41 ms\n");
	assert_int_equal(switchover_answered(w, answered("refused", text)), CLI_NOT_SO);
	assert_string_equal(w->c.err.data, "codisctl: refused, and nothing was done: codis-server-1 it is; 41 ms\n");
	assert_int_equal(switchover_answered(w, answered("failed", text)), CLI_NOT_SO);
	assert_string_equal(w->c.err.data, "codisctl: codis-server-1 it is; 41 ms\n");
}

CLI_TEST(an_answer_to_another_wish_is_none)
{
	struct cli_world *w = *state;

	cli_codis(w);
	controller_says(w, "");
	assert_int_equal(switchover_answered(w,
					     "\"codis.io/switched\":\"done 1=codis-server-1@2026-11-28T08:25:00.124Z: "
					     "x\""),
			 CLI_NOT_SO);
	assert_string_equal(w->c.err.data,
			    "codisctl: the wish was taken away, or another one was written over it: codisctl "
			    "status shows who leads\n");
}

CLI_TEST(what_it_waits_for_is_told)
{
	struct cli_world *w = *state;

	cli_codis(w);
	controller_says(w, "a proxy does not answer");
	assert_int_equal(CLI(w, "switchover", "1", "--wait", "400ms"), CLI_WAITED);
	cli_says(w, "\ngroup 1 waits: a proxy does not answer\n");
	cli_says(w,
		 "codisctl: no answer within 0.4 s: group 1 waits: a proxy does not answer. What was written stands; "
		 "this can be repeated\n");
}

CLI_TEST(another_wish_is_left)
{
	struct cli_world *w = *state;

	cli_codis(w);
	controller_says(w, "");
	annotated(w, "\"codis.io/switchover\":\"2@" T "\"");
	assert_int_equal(CLI(w, "switchover", "1"), CLI_NOT_SO);
	assert_string_equal(w->c.err.data,
			    "codisctl: StatefulSet codis-server has another wish, codis.io/switchover=\"2@" T
			    "\": repeat this when that is done\n");
	annotated(w, "\"codis.io/switchover\":\"1\"");
	assert_int_equal(CLI(w, "switchover", "1", "--to", "codis-server-1"), CLI_NOT_SO);
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
	assert_int_equal(CLI(w, "switchover", "1", "--wait", "0"), CLI_OK); /* a time is put to it */
	annotated(w, "\"codis.io/switchover\":\"nonsense\"");
	assert_int_equal(CLI(w, "switchover", "1", "--wait", "0"), CLI_OK);
	assert_int_equal(fake_count(w->api, "PATCH"), 2);
}

/* What stands there by the time that ours is written. */
static enum cli_status switchover_meanwhile(struct cli_world *w, const char *annotations)
{
	struct answering a = { w, annotations };
	enum cli_status status;
	pthread_t thread;

	annotated(w, "");
	fake_block_some(w->api, "PATCH " SET, 1);
	assert_int_equal(pthread_create(&thread, NULL, answer_later, &a), 0);
	status = CLI(w, "switchover", "1", "--wait", "0");
	pthread_join(thread, NULL);
	return status;
}

CLI_TEST(of_two_who_wish_at_once_none_overwrites_the_others)
{
	struct cli_world *w = *state;
	struct wish is;

	cli_codis(w);
	controller_says(w, "");
	assert_int_equal(switchover_meanwhile(w, "\"codis.io/switchover\":\"2@" T "\""), CLI_NOT_SO);
	assert_string_equal(w->c.err.data,
			    "codisctl: StatefulSet codis-server has another wish, codis.io/switchover=\"2@" T
			    "\": repeat this when that is done\n");
	wished(w, &is);
	assert_int_equal(is.gid, 2);
	assert_int_equal(switchover_meanwhile(w, "\"codis.io/switchover\":\"1@" T "\""), CLI_OK);
	cli_says(w, HEAD "1@" T "\" is there already, and is waited for\n");
	assert_int_equal(switchover_meanwhile(w, "\"some\":\"thing else\""), CLI_OK);
	wished(w, &is);
	assert_int_equal(is.gid, 1);
}

CLI_TEST(nothing_is_written_that_nobody_hears)
{
	struct cli_world *w = *state;

	cli_codis(w);
	assert_int_equal(CLI(w, "switchover", "1"), CLI_NOT_SO);
	assert_string_equal(w->c.err.data,
			    "codisctl: no codis-controller that leads tells of codis-test: nothing was asked "
			    "of it; codisctl status tells more\n");
	cli_controller(w, "c-a",
		       "{\"leads\":false,\"clusters\":[{\"namespace\":\"codis\",\"product\":\"codis-test\"}]}");
	assert_int_equal(CLI(w, "switchover", "1"), CLI_NOT_SO);
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

CLI_TEST(what_is_no_command_line)
{
	struct cli_world *w = *state;

	cli_codis(w);
	assert_int_equal(CLI(w, "switchover"), CLI_USAGE);
	assert_string_equal(w->c.err.data, "codisctl: switchover: \"\" is no group: a number from 1 on\n");
	assert_int_equal(CLI(w, "switchover", "codis-server-1"), CLI_USAGE);
	cli_says(w, "switchover: \"codis-server-1\" is no group: a number from 1 on");
	assert_int_equal(CLI(w, "switchover", "1=codis-server-1"), CLI_USAGE);
	assert_int_equal(CLI(w, "switchover", "0"), CLI_USAGE);
	assert_int_equal(CLI(w, "switchover", "1", "2"), CLI_USAGE);
	assert_int_equal(CLI(w, "switchover", "1", "--to", ""), CLI_USAGE);
	cli_says(w, "switchover: --to \"\" is no name of a pod");
	assert_int_equal(CLI(w, "switchover", "1", "--to", "A B"), CLI_USAGE);
	assert_int_equal(fake_count(w->api, ""), 0);
	assert_int_equal(CLI(w, "switchover", "1", "-p", "orders"), CLI_NOT_SO);
	cli_says(w, "product orders in namespace codis has no codis-server StatefulSet");
}
