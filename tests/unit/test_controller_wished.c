/* wished.h: a wish from when it is heard of to its answer. The API server is played here by kube_call(). */
#include "controller/wished.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "controller/cluster.h"
#include "controller/op.h"
#include "tests/unit/controller_calls.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

PLAYED_KUBE_CALL

static struct world *seen; /* what is seen of group 1: codis-server-0 leads, codis-server-1 is in sync */

static int begin(void **state)
{
	(void)state;
	calls_begin(NULL);
	controller_world_begin("ns");
	seen = healthy();
	snprintf(seen->v.product, sizeof(seen->v.product), "codis-test");
	snprintf(seen->servers[0].pod.name, VIEW_NAME_MAX, "codis-server-0");
	snprintf(seen->servers[1].pod.name, VIEW_NAME_MAX, "codis-server-1");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	world.c->running = 0;
	memset(&world.c->view, 0, sizeof(world.c->view));
	free_world(&seen);
	controller_world_end();
	return 0;
}

#define WISHED_TEST(name) TEST_WITH(name, begin, finish)

/* What the watch says of the StatefulSet: codis.io/switchover is this; NULL: it has none. */
static void wish(const char *text)
{
	char set[4096], annotation[2048] = "";
	struct error err = ERROR_INIT;

	if (text)
		snprintf(annotation, sizeof(annotation), "\"codis.io/switchover\":\"%s\"", text);
	snprintf(set, sizeof(set),
		 "{\"metadata\":{\"name\":\"codis-server\",\"namespace\":\"ns\",\"uid\":\"uid-set-1\",\"annotations\":{"
		 "%s}},"
		 "\"spec\":{\"replicas\":2,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":"
		 "{\"containers\":[{\"name\":\"codis-server\",\"env\":[{\"name\":\"PRODUCT_NAME\",\"value\":"
		 "\"codis-test\"}]}]}}}}",
		 annotation);
	JSON_CLEANUP cJSON *object = parse_text(set);
	if (inventory_set_set(world.inv, object, &err) < 0)
		fail_msg("%s", err.text);
}

/* A turn, so many ms after the one before it. */
static void turn(int ms)
{
	seen->v.now_ms += ms;
	world.c->view = seen->v;
	snprintf(seen->sets[0].name, VIEW_NAME_MAX, "codis-server");
	snprintf(seen->sets[0].uid, VIEW_UID_MAX, "uid-set-1");
	wished_note(world.c);
	seen->v.switchover = world.c->view.switchover;
	wished_answer(world.c);
}

#define PATH "PATCH /apis/apps/v1/namespaces/ns/statefulsets/codis-server application/json-patch+json "
#define TESTS(was)                                                                                                     \
	"[{\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"uid-set-1\"},{\"op\":\"test\",\"path\":"             \
	"\"/metadata/annotations/codis.io~1switchover\",\"value\":\"" was "\"},"
#define ANSWERED(words)                                                                                                \
	"{\"op\":\"remove\",\"path\":\"/metadata/annotations/codis.io~1switchover\"},{\"op\":\"add\",\"path\":"        \
	"\"/metadata/annotations/codis.io~1switched\",\"value\":\"" words "\"}]"
#define CHOSEN(text)                                                                                                   \
	"{\"op\":\"replace\",\"path\":\"/metadata/annotations/codis.io~1switchover\",\"value\":\"" text "\"}]"

static const char *now(char out[32])
{
	snprintf(out + 26, 6, "%s", ""); /* room for the end of it */
	clock_rfc3339(clock_wall_ms(), out, 32);
	return out;
}

#define T "2026-11-28T08:25:00.123Z"
/* What a wish of this time is begun as; the played view's clock is the real one. */
static void chosen(char out[WISH_TEXT_MAX])
{
	wish_write(&world.c->wished.chosen, out);
}

/* It is chosen, and that is written. */
static void is_chosen(char text[WISH_TEXT_MAX])
{
	wish("1");
	turn(100);
	assert_int_equal(calls.count, 1);
	chosen(text);
	answer(ERR_NONE);
	turn(1);
}

static void starts(struct op *op)
{
	*op = (struct op){ .c = world.c,
			   .a = { .kind = ACT_SWITCH, .gid = 1, .wished = true },
			   .began_ms = clock_mono_ms() };
	snprintf(op->a.pod, sizeof(op->a.pod), "codis-server-1");
	snprintf(op->a.addr, sizeof(op->a.addr), B);
	snprintf(op->a.from_pod, sizeof(op->a.from_pod), "codis-server-0");
	snprintf(op->a.from, sizeof(op->a.from), A);
	wished_begin(world.c);
}

WISHED_TEST(it_is_noted_as_begun_over_what_was_wished_before_anything_is_done)
{
	char text[WISH_TEXT_MAX], day[32], expected[1200];

	(void)state;
	wish("1");
	turn(100);
	chosen(text);
	assert_memory_equal(text, "1=codis-server-1@", 17);
	assert_memory_equal(text + 17, now(day), 16); /* to the minute */
	assert_string_equal(text + strlen(text) - 7, "Z begun");
	snprintf(expected, sizeof(expected), PATH TESTS("1") CHOSEN("%s"), text);
	assert_string_equal(calls.asked, expected);
	assert_false(world.c->view.switchover.ours);
	turn(100);
	assert_int_equal(calls.count, 1); /* as long as it is not answered */
	answer(ERR_NONE);
	turn(1);
	assert_true(world.c->view.switchover.ours);
	assert_string_equal(world.c->view.switchover.wish.pod, "codis-server-1");
	run(seen);
	assert_int_equal(seen->count, 1);
	assert_int_equal(seen->actions[0].kind, ACT_SWITCH);
	wish(text); /* as the watch says by now */
	turn(1);
	assert_true(world.c->view.switchover.ours);
	assert_int_equal(calls.count, 1);
}

WISHED_TEST(what_became_of_it_takes_its_place)
{
	char text[WISH_TEXT_MAX], expected[2000];
	const char *took;
	struct op op;

	(void)state;
	is_chosen(text);
	starts(&op);
	turn(1);
	assert_false(world.c->view.switchover.wished); /* it is not begun again */
	op.marks[op.mark_count].step = "near", op.marks[op.mark_count++].ms = 1;
	op.marks[op.mark_count].step = "asked", op.marks[op.mark_count++].ms = 2;
	op.marks[op.mark_count].step = "fill", op.marks[op.mark_count++].ms = 33;
	wished_end(&op, NULL);
	turn(1);
	*strchr(text, ' ') = '\0';
	took = strstr(world.c->wished.answer.words, "; ") + 2;
	snprintf(expected, sizeof(expected),
		 PATH TESTS("%s begun")
			 ANSWERED("done %s: codis-server-1 (" B ") replaces codis-server-0 (" A
				  ") as the master of group 1; %.*s ms, for 31 of which its slots were held"),
		 text, text, (int)strcspn(took, " "), took);
	assert_string_equal(calls.asked, expected);
	answer(ERR_NONE);
	turn(1);
	assert_int_equal(calls.count, 2); /* the watch is late: it is answered */
	wish(NULL);
	turn(1);
	turn(10000);
	assert_int_equal(calls.count, 2);
	assert_int_equal(world.event_count, 0); /* of the switch itself op.c tells */
}

WISHED_TEST(a_switch_that_fails_is_not_tried_again)
{
	struct error err = ERROR_INIT;
	char text[WISH_TEXT_MAX];
	struct op op;

	(void)state;
	is_chosen(text);
	starts(&op);
	error_set(&err, ERR_TIMEOUT, "the replica did not catch up");
	wished_end(&op, &err);
	turn(1);
	assert_non_null(strstr(calls.asked,
			       ": the switch of group 1 to codis-server-1 failed: the replica did not catch up"
			       "\"}]"));
	assert_non_null(strstr(calls.asked, "\"failed 1=codis-server-1@"));
	answer(ERR_NONE);
	assert_string_equal(world.events,
			    "Warning StatefulSet ns/codis-server SwitchoverFailed: the switch of group 1 to "
			    "codis-server-1 failed: the replica did not catch up\n");
	for (int i = 0; i < 20; i++)
		turn(100);
	assert_int_equal(calls.count, 2);
}

WISHED_TEST(a_refusal_is_told_once)
{
	(void)state;
	wish("7=a");
	turn(100);
	assert_string_equal(calls.asked, PATH TESTS("7=a") ANSWERED("refused 7=a: codis-test has no group 7"));
	answer(ERR_NONE);
	assert_string_equal(world.events,
			    "Warning StatefulSet ns/codis-server SwitchoverRefused: codis-test has no group 7\n");
	wish(NULL);
	turn(100);
	wish("7=a"); /* wished anew */
	turn(100);
	assert_int_equal(calls.count, 2);
}

WISHED_TEST(what_is_longer_than_a_wish_is_answered_too)
{
	char text[1024];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	wish(text);
	turn(100);
	assert_non_null(strstr(calls.asked, text)); /* the whole of it is tested for */
	assert_non_null(
		strstr(calls.asked, "\"refused: \\\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\\\" is no wish"));
	answer(ERR_NONE);
	turn(100);
	assert_int_equal(calls.count, 1);
}

WISHED_TEST(what_is_begun_by_another_is_not_ours)
{
	(void)state;
	wish("1=codis-server-1@" T " begun");
	turn(100);
	assert_true(world.c->view.switchover.wished);
	assert_false(world.c->view.switchover.ours);
	turn(5000);
	assert_string_equal(calls.asked,
			    PATH TESTS("1=codis-server-1@" T " begun") ANSWERED(
				    "failed 1=codis-server-1@" T
				    ": the controller that began it has ended, and codis-server-0 leads group 1"));
}

WISHED_TEST(who_takes_it_away_in_time_is_heard)
{
	char text[WISH_TEXT_MAX];

	(void)state;
	is_chosen(text);
	wish(NULL);
	turn(1);
	assert_false(world.c->view.switchover.wished);
	run(seen);
	assert_int_equal(seen->count, 0);
	wish("1");
	turn(1);
	assert_int_equal(calls.count, 2);
}

WISHED_TEST(another_wish_in_its_place_is_heard_anew)
{
	(void)state;
	wish("1");
	turn(100);
	answer(ERR_CONFLICT); /* it was written over meanwhile */
	wish("1=codis-server-0");
	turn(1);
	assert_int_equal(calls.count, 1);
	turn(500);
	assert_non_null(strstr(calls.asked, "needless 1=codis-server-0: codis-server-0 leads group 1 already"));
}

WISHED_TEST(an_api_server_that_fails_is_asked_more_and_more_seldom)
{
	(void)state;
	wish("1");
	for (int i = 0; i < 100; i++) {
		turn(100);
		if (calls.open_count)
			answer(ERR_IO);
	}
	assert_int_equal(calls.count, 5); /* at once, and after 0.5, 1, 2, 4 s */
	assert_false(world.c->view.switchover.ours);
}

WISHED_TEST(nothing_is_written_by_whoever_does_not_lead_or_ends_or_only_watches)
{
	(void)state;
	wish("1");
	world.ctl.mandate = seen->v.mandate = MANDATE_STANDBY;
	turn(100);
	world.ctl.mandate = seen->v.mandate = MANDATE_LEAD;
	world.ctl.dry_run = true;
	turn(100);
	world.ctl.dry_run = false;
	world.ctl.leaving = true;
	seen->v.mandate = MANDATE_NONE;
	turn(100);
	assert_int_equal(calls.count, 0);
	world.ctl.leaving = false;
	seen->v.paused = true;
	turn(100);
	assert_non_null(strstr(calls.asked, "refused 1: codis-test is paused (\\\"\\\"): codisctl resume ends that"));
}
