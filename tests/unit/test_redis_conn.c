/* A connection, a command and a probe against peers that say what they want. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/codis/probe.h"
#include "common/codis/redis_command.h"
#include "common/codis/redis_conn.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/redis_peer.h"
#include "tests/unit/test.h"

#define LIMIT_MS 10000

struct watched {
	struct redis_probe *probe;
	struct watched *other; /* asked to look now, at each change */
	int changes, stop_at;
};

struct fixture {
	uv_loop_t uv;
	uv_timer_t guard;
	struct redis_peer peer;
	struct redis_conn *conn;
	int answers, errors, ended;
	bool was_connected;
	bool close_at_answer, close_at_error, ask_at_answer;
	char text[100]; /* the last answer's */
	char says[300]; /* for the peer */
	struct error err, end_err;
	bool over;              /* what the test waits for has come */
	struct watched watched; /* ends with the test */
};

static void on_limit(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing came within %d ms", LIMIT_MS);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&f->uv);
	uv_timer_init(&f->uv, &f->guard);
	uv_timer_start(&f->guard, on_limit, LIMIT_MS, 0);
	redis_peer_start(&f->peer, &f->uv);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	redis_conn_close(f->conn);
	redis_probe_stop(f->watched.probe);
	redis_peer_stop(&f->peer);
	uv_close((uv_handle_t *)&f->guard, NULL);
	uv_run(&f->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->uv), 0);
	free(f);
	return 0;
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

static const char *const info_words[] = { "INFO" };

static void ask_info(struct fixture *f);

static void close_it(struct fixture *f)
{
	redis_conn_close(f->conn);
	f->conn = NULL;
	f->over = true;
}

static void on_answered(void *ctx, const struct resp_answer *a, const struct error *err)
{
	struct fixture *f = ctx;

	if (a) {
		f->answers++;
		snprintf(f->text, sizeof(f->text), "%s", a->text);
		if (f->ask_at_answer)
			ask_info(f);
	} else {
		f->errors++;
		f->err = *err;
	}
	if (a ? f->close_at_answer : f->close_at_error)
		close_it(f);
}

static void on_ended(void *ctx, bool was_connected, const struct error *err)
{
	struct fixture *f = ctx;

	f->conn = NULL;
	f->ended++;
	f->was_connected = was_connected;
	f->end_err = *err;
	f->over = true;
}

static void open_conn(struct fixture *f)
{
	f->conn = redis_conn_open(&f->uv, f->peer.addr, on_ended, f, NULL);
	assert_non_null(f->conn);
}

static void ask_info(struct fixture *f)
{
	assert_int_equal(redis_conn_ask(f->conn, 1, info_words, on_answered, f, NULL), 0);
}

static void wait_over(struct fixture *f)
{
	while (!f->over)
		uv_run(&f->uv, UV_RUN_ONCE);
}

static void assert_ended(const struct fixture *f, enum error_code code, const char *words)
{
	char want[300];

	snprintf(want, sizeof(want), "%s %s", f->peer.addr, words);
	assert_string_equal(f->end_err.text, want);
	assert_int_equal(f->end_err.code, code);
	assert_int_equal(f->ended, 1);
	assert_true(f->was_connected);
}

/* One INFO is asked, and this is said to it. */
static void assert_says(struct fixture *f, const char *says, size_t len, enum error_code code, const char *words)
{
	f->peer.answer = says;
	f->peer.answer_len = len;
	open_conn(f);
	ask_info(f);
	wait_over(f);
	assert_ended(f, code, words);
	assert_int_equal(f->answers, 0);
	assert_int_equal(f->errors, 1);
	assert_string_equal(f->err.text, f->end_err.text);
	assert_int_equal(f->peer.accepted, 1); /* one attempt */
}

/* --- what answers are --------------------------------------------------------------------------------------------- */

FIXTURE_TEST(answers_come_in_order)
{
	const char *const auth[] = { "AUTH", "secret" };
	struct fixture *f = *state;

	f->peer.answer = "+OK\r\n$5\r\nhello\r\n";
	f->close_at_answer = true;
	open_conn(f);
	assert_int_equal(redis_conn_ask(f->conn, 2, auth, NULL, NULL, NULL), 0);
	ask_info(f);
	wait_over(f);
	assert_string_equal(f->text, "hello");
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->ended, 0);
}

FIXTURE_TEST(an_answer_in_single_bytes_is_one)
{
	struct fixture *f = *state;

	f->peer.answer = "$5\r\nhello\r\n";
	f->peer.trickles = true;
	f->close_at_answer = true;
	open_conn(f);
	ask_info(f);
	wait_over(f);
	assert_string_equal(f->text, "hello");
	assert_int_equal(f->ended, 0);
}

FIXTURE_TEST(a_refused_password_is_no_end)
{
	const char *const auth[] = { "AUTH", "secret" };
	struct fixture *f = *state;

	f->peer.answer = "-ERR invalid password\r\n-NOAUTH Authentication required.\r\n";
	f->close_at_answer = true;
	open_conn(f);
	assert_int_equal(redis_conn_ask(f->conn, 2, auth, NULL, NULL, NULL), 0);
	ask_info(f);
	wait_over(f);
	assert_string_equal(f->text, "NOAUTH Authentication required.");
}

FIXTURE_TEST(auth_is_answered_with_a_status)
{
	const char *const auth[] = { "AUTH", "secret" };
	struct fixture *f = *state;

	f->peer.answer = "*1\r\n:1\r\n";
	open_conn(f);
	assert_int_equal(redis_conn_ask(f->conn, 2, auth, NULL, NULL, NULL), 0);
	ask_info(f);
	wait_over(f);
	assert_ended(f, ERR_PROTOCOL, "answers with an array where a status is due");
	assert_int_equal(f->errors, 1);
	assert_string_equal(f->err.text, f->end_err.text);
}

/* --- what nobody asked for ---------------------------------------------------------------------------------------- */

FIXTURE_TEST(an_answer_before_any_command)
{
	struct fixture *f = *state;

	f->peer.greeting = "+PWN\r\n+PWN\r\n";
	open_conn(f);
	wait_over(f);
	assert_ended(f, ERR_PROTOCOL, "says what nobody asked for");
}

FIXTURE_TEST(two_answers_to_one_command)
{
	struct fixture *f = *state;

	f->peer.answer = "$1\r\nx\r\n+OK\r\n";
	open_conn(f);
	ask_info(f);
	wait_over(f);
	assert_ended(f, ERR_PROTOCOL, "says what nobody asked for");
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->errors, 0);
}

FIXTURE_TEST(the_beginning_of_a_second_answer)
{
	struct fixture *f = *state;

	f->peer.answer = "$1\r\nx\r\n+";
	open_conn(f);
	ask_info(f);
	wait_over(f);
	assert_ended(f, ERR_PROTOCOL, "says what nobody asked for");
	assert_int_equal(f->answers, 1);
}

/* What is asked because of the first answer has not been asked when the second one came. */
FIXTURE_TEST(a_second_answer_is_not_that_to_the_next_command)
{
	struct fixture *f = *state;

	f->peer.answer = "$1\r\nx\r\n$1\r\ny\r\n";
	f->ask_at_answer = true;
	open_conn(f);
	ask_info(f);
	wait_over(f);
	assert_ended(f, ERR_PROTOCOL, "says what nobody asked for");
	assert_int_equal(f->answers, 1);
	assert_string_equal(f->text, "x");
	assert_int_equal(f->errors, 1);
}

static char *repeated(const char *part, int times)
{
	size_t len = strlen(part);
	char *all = malloc(len * (size_t)times + 1);

	assert_non_null(all);
	for (int i = 0; i < times; i++)
		memcpy(all + len * (size_t)i, part, len + 1);
	return all;
}

FIXTURE_TEST(ten_thousand_pushes)
{
	struct fixture *f = *state;
	char *pushes = repeated("+PUSH\r\n", 10000);

	f->peer.answer = pushes;
	open_conn(f);
	ask_info(f);
	wait_over(f);
	assert_ended(f, ERR_PROTOCOL, "says what nobody asked for");
	assert_int_equal(f->answers, 1);
	free(pushes);
}

/* --- what costs too much ------------------------------------------------------------------------------------------ */

FIXTURE_TEST(an_array_of_two_to_the_31)
{
	assert_says(*state, "*2147483647\r\n", 0, ERR_TOOBIG, "gives: an answer of more than 64 elements");
}

FIXTURE_TEST(an_array_of_500_million)
{
	assert_says(*state, "*500000000\r\n", 0, ERR_TOOBIG, "gives: an answer of more than 64 elements");
}

FIXTURE_TEST(arrays_in_arrays)
{
	char *deep = repeated("*1\r\n", 100000);

	assert_says(*state, deep, 0, ERR_PROTOCOL,
		    "gives: an answer that is no RESP: No support for nested multi bulk replies with depth > 7");
	free(deep);
}

FIXTURE_TEST(a_string_of_512_mb)
{
	char *all = repeated("$536870912\r\n0123456789", 50000);

	assert_says(*state, all, 0, ERR_TOOBIG, "gives: an answer of more than 65536 bytes");
	free(all);
}

FIXTURE_TEST(a_line_that_does_not_end)
{
	char *all = repeated("+xxxxxxxx", 1 << 17);

	assert_says(*state, all, 0, ERR_TOOBIG, "gives: an answer of more than 65536 bytes");
	free(all);
}

FIXTURE_TEST(a_length_that_does_not_end)
{
	char *all = repeated("$1111111", 1 << 17);

	assert_says(*state, all, 0, ERR_TOOBIG, "gives: an answer of more than 65536 bytes");
	free(all);
}

FIXTURE_TEST(a_megabyte_of_junk)
{
	char *all = repeated("junk", 1 << 18);

	assert_says(*state, all, 0, ERR_PROTOCOL,
		    "gives: an answer that is no RESP: Protocol error, got \"j\" as reply type byte");
	free(all);
}

FIXTURE_TEST(a_push_of_resp3)
{
	assert_says(*state, ">2\r\n+invalidate\r\n*0\r\n", 0, ERR_PROTOCOL,
		    "gives: an answer that is no RESP: Protocol error, got \">\" as reply type byte");
}

FIXTURE_TEST(a_string_longer_than_it_says)
{
	assert_says(*state, "$3\r\nabcdef\r\n", 0, ERR_PROTOCOL, "gives: a string that does not end where it says");
}

/* --- ends --------------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(half_an_answer_and_the_end)
{
	struct fixture *f = *state;

	f->peer.then = PEER_CLOSES;
	assert_says(f, "$500\r\nrun_id:", 0, ERR_IO, "closed the connection before the answer");
}

FIXTURE_TEST(each_open_command_is_told_of_the_end_once)
{
	struct fixture *f = *state;

	f->peer.then = PEER_CLOSES;
	f->peer.answer = "$500\r\nrun_id:";
	open_conn(f);
	for (int i = 0; i < 3; i++)
		ask_info(f);
	wait_over(f);
	assert_int_equal(f->errors, 3);
	assert_int_equal(f->ended, 1);
}

FIXTURE_TEST(the_end_without_a_question)
{
	struct fixture *f = *state;

	f->peer.then = PEER_CLOSES;
	f->peer.answer = "$1\r\nx\r\n";
	open_conn(f);
	ask_info(f);
	wait_over(f);
	assert_ended(f, ERR_IO, "closed the connection");
	assert_int_equal(f->answers, 1);
}

FIXTURE_TEST(a_reset_in_the_middle)
{
	struct fixture *f = *state;

	f->peer.then = PEER_RESETS;
	open_conn(f);
	ask_info(f);
	wait_over(f);
	assert_int_equal(f->errors, 1);
	assert_int_equal(f->end_err.code, ERR_IO);
	assert_non_null(strstr(f->end_err.text, "connection reset by peer"));
	assert_true(f->was_connected);
}

static void assert_refused(struct fixture *f)
{
	assert_int_equal(f->ended, 1);
	assert_int_equal(f->errors, 1);
	assert_int_equal(f->end_err.code, ERR_REFUSED);
	assert_false(f->was_connected);
}

FIXTURE_TEST(nobody_listens)
{
	struct fixture *f = *state;
	char want[200], addr[40];

	snprintf(addr, sizeof(addr), "127.0.0.1:%d", free_port());
	f->conn = redis_conn_open(&f->uv, addr, on_ended, f, NULL);
	assert_non_null(f->conn);
	ask_info(f);
	wait_over(f);
	assert_refused(f);
	snprintf(want, sizeof(want), "connect to %s: connection refused", addr);
	assert_string_equal(f->end_err.text, want);
}

FIXTURE_TEST(nobody_listens_on_ipv6)
{
	struct fixture *f = *state;
	char addr[100];

	/* The peer listens on 127.0.0.1 only. */
	snprintf(addr, sizeof(addr), "[::1]%s", strchr(f->peer.addr, ':'));
	f->conn = redis_conn_open(&f->uv, addr, on_ended, f, NULL);
	assert_non_null(f->conn);
	ask_info(f);
	wait_over(f);
	if (f->end_err.code == ERR_NOMEM)
		return; /* a machine without IPv6: no address to speak from */
	assert_refused(f);
}

FIXTURE_TEST(closed_by_an_answer)
{
	struct fixture *f = *state;

	f->peer.answer = "+1\r\n+2\r\n+3\r\n+4\r\n+5\r\n";
	f->close_at_answer = true;
	open_conn(f);
	for (int i = 0; i < 3; i++)
		ask_info(f);
	wait_over(f);
	for (int i = 0; i < 20; i++)
		uv_run(&f->uv, UV_RUN_NOWAIT);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->errors, 0);
	assert_int_equal(f->ended, 0);
}

FIXTURE_TEST(closed_by_the_error_of_one_command)
{
	struct fixture *f = *state;

	f->peer.answer = "!\r\n";
	f->close_at_error = true;
	open_conn(f);
	for (int i = 0; i < 3; i++)
		ask_info(f);
	wait_over(f);
	for (int i = 0; i < 20; i++)
		uv_run(&f->uv, UV_RUN_NOWAIT);
	assert_int_equal(f->errors, 1);
	assert_int_equal(f->ended, 0);
}

FIXTURE_TEST(closed_before_it_is_there)
{
	struct fixture *f = *state;

	open_conn(f);
	ask_info(f);
	close_it(f);
	for (int i = 0; i < 20; i++)
		uv_run(&f->uv, UV_RUN_NOWAIT);
	assert_int_equal(f->answers + f->errors + f->ended, 0);
}

/* --- this side ---------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(commands_are_bounded)
{
	struct fixture *f = *state;
	char *value = repeated("v", REDIS_WRITE_MAX);
	const char *const set[] = { "SET", "k", value };
	struct error err;
	char want[200];

	open_conn(f);
	assert_int_equal(redis_conn_ask(f->conn, 3, set, on_answered, f, &err), -1);
	assert_int_equal(err.code, ERR_TOOBIG);
	snprintf(want, sizeof(want), "%s: more than 16384 bytes of commands are not taken yet", f->peer.addr);
	assert_string_equal(err.text, want);
	for (int i = 0; i < REDIS_OPEN_MAX; i++)
		ask_info(f);
	assert_int_equal(redis_conn_ask(f->conn, 1, info_words, on_answered, f, &err), -1);
	assert_int_equal(err.code, ERR_TOOBIG);
	snprintf(want, sizeof(want), "%s: more than 4 commands wait for an answer", f->peer.addr);
	assert_string_equal(err.text, want);
	assert_int_equal(f->errors, 0);
	free(value);
}

FIXTURE_TEST(a_name_is_not_connected_to)
{
	struct fixture *f = *state;
	struct error err;

	assert_null(redis_conn_open(&f->uv, "localhost:6379", on_ended, f, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.text, "is no numeric address, and names are not looked up here"));
}

/* --- a command ---------------------------------------------------------------------------------------------------- */

static void on_done(void *ctx, const char *answer, const struct error *err)
{
	struct fixture *f = ctx;

	f->answers++;
	f->err.code = ERR_NONE;
	if (err)
		f->err = *err;
	snprintf(f->text, sizeof(f->text), "%s", answer ? answer : "");
	f->over = true;
}

static void command(struct fixture *f, const char *answer)
{
	static const char *const words[] = { "SLAVEOF", "NO", "ONE" };

	f->peer.answer = answer;
	f->over = false;
	f->answers = 0;
	assert_int_equal(redis_command(&f->uv, f->peer.addr, NULL, 3, words, 100, on_done, f, NULL), 0);
	wait_over(f);
	for (int i = 0; i < 20; i++)
		uv_run(&f->uv, UV_RUN_NOWAIT);
	assert_int_equal(f->answers, 1);
}

static void assert_failed(const struct fixture *f, enum error_code code, const char *words)
{
	char want[300];

	snprintf(want, sizeof(want), "SLAVEOF NO ONE to %s: %s", f->peer.addr, words);
	assert_string_equal(f->err.text, want);
	assert_int_equal(f->err.code, code);
	assert_string_equal(f->text, "");
}

FIXTURE_TEST(a_command_gets_one_answer)
{
	struct fixture *f = *state;

	command(f, "+OK\r\n+AGAIN\r\n*2147483647\r\n");
	assert_int_equal(f->err.code, ERR_NONE);
	assert_string_equal(f->text, "OK");
	command(f, "$2\r\nOK\r\n");
	assert_string_equal(f->text, "OK");
	command(f, "-ERR no\r\n");
	assert_failed(f, ERR_STATUS, "ERR no");
	command(f, "*0\r\n");
	assert_failed(f, ERR_PROTOCOL, "the answer is no status and no string");
	command(f, "$-1\r\n");
	assert_failed(f, ERR_PROTOCOL, "the answer is no status and no string");
}

FIXTURE_TEST(a_command_of_which_the_answer_trickles_ends_in_time)
{
	struct fixture *f = *state;
	char *ones = repeated("$1111111111", 100);

	f->peer.trickles = true;
	command(f, ones);
	assert_failed(f, ERR_TIMEOUT, "no answer in time");
	while (!f->peer.ended)
		uv_run(&f->uv, UV_RUN_ONCE);
	free(ones);
}

FIXTURE_TEST(a_command_to_whoever_hangs_up)
{
	struct fixture *f = *state;
	char want[200];

	f->peer.then = PEER_CLOSES;
	command(f, "+O");
	snprintf(want, sizeof(want), "%s closed the connection before the answer", f->peer.addr);
	assert_failed(f, ERR_IO, want);
}

/* --- a probe ------------------------------------------------------------------------------------------------------ */

static void on_change(void *ctx, struct redis_probe *p)
{
	struct watched *w = ctx;

	(void)p;
	w->changes++;
	if (w->other)
		redis_probe_now(w->other->probe);
	if (w->changes == w->stop_at) {
		redis_probe_stop(w->probe);
		w->probe = NULL;
	}
}

static void watch(struct fixture *f, struct watched *w)
{
	struct redis_probe_config cfg = { .addr = f->peer.addr,
					  .auth = "secret",
					  .period_ms = 250,
					  .timeout_ms = 500,
					  .on_change = on_change,
					  .ctx = w };

	w->probe = redis_probe_start(&f->uv, &cfg, NULL);
	assert_non_null(w->probe);
}

/* The peer answers AUTH and INFO as a server does, and says this behind it. */
static void say_info(struct fixture *f, const char *behind)
{
	snprintf(f->says, sizeof(f->says), "+OK\r\n%s%s", redis_peer_info, behind);
	f->peer.answer = f->says;
}

static void turn_for(struct fixture *f, int ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end)
		uv_run(&f->uv, UV_RUN_ONCE);
}

/* What this peer does over and over costs a few attempts a second, and shows nothing. */
static void assert_harmless(struct fixture *f, enum reach reach, const char *words)
{
	struct watched *w = &f->watched;
	char strange[200];

	watch(f, w);
	turn_for(f, 1000);
	assert_in_range(f->peer.accepted, 2, 20);
	assert_in_range(w->changes, 2, 40);
	assert_int_equal(redis_probe_state(w->probe)->reach, reach);
	snprintf(strange, sizeof(strange), "%s%s", words[0] ? f->peer.addr : "", words);
	assert_string_equal(redis_probe_state(w->probe)->strange, strange);
	redis_probe_stop(w->probe);
	w->probe = NULL;
}

FIXTURE_TEST(a_probe_of_whoever_greets)
{
	struct fixture *f = *state;

	f->peer.greeting = "+PWN\r\n+PWN\r\n+PWN\r\n";
	assert_harmless(f, REACH_UNKNOWN, " says what nobody asked for");
}

FIXTURE_TEST(a_probe_of_an_endless_array)
{
	struct fixture *f = *state;

	f->peer.answer = "+OK\r\n*2147483647\r\n";
	assert_harmless(f, REACH_UNKNOWN, " gives: an answer of more than 64 elements");
}

FIXTURE_TEST(a_probe_of_whoever_hangs_up_at_once)
{
	struct fixture *f = *state;

	f->peer.greeting = "";
	f->peer.then = PEER_CLOSES;
	assert_harmless(f, REACH_SILENT, "");
}

/* A good answer does not make the next attempt come at once for ever. */
FIXTURE_TEST(a_probe_of_a_good_answer_and_junk)
{
	struct fixture *f = *state;
	struct watched w = { 0 };

	say_info(f, "+PWN\r\n");
	watch(f, &w);
	turn_for(f, 1000);
	assert_in_range(f->peer.accepted, 2, 20);
	assert_int_equal(redis_probe_state(w.probe)->info.keys, 1);
	redis_probe_stop(w.probe);
}

FIXTURE_TEST(a_probe_of_whoever_hangs_up_behind_a_good_answer)
{
	struct fixture *f = *state;
	struct watched w = { 0 };

	say_info(f, "");
	f->peer.then = PEER_CLOSES;
	watch(f, &w);
	turn_for(f, 1000);
	assert_in_range(f->peer.accepted, 2, 20);
	redis_probe_stop(w.probe);
}

static void watch_until(struct fixture *f, const struct redis_probe_state *s, enum reach reach)
{
	while (s->reach != reach)
		uv_run(&f->uv, UV_RUN_ONCE);
}

/* A mesh's proxy before a server that is dead: it takes connections, and drops them. */
FIXTURE_TEST(a_server_in_whose_place_somebody_hangs_up_is_silent)
{
	struct fixture *f = *state;
	const struct redis_probe_state *s;
	int64_t begin;

	say_info(f, "");
	f->peer.then = PEER_CLOSES;
	watch(f, &f->watched);
	s = redis_probe_state(f->watched.probe);
	watch_until(f, s, REACH_OK);
	f->peer.answer = NULL;
	f->peer.greeting = "";
	begin = clock_mono_ms();
	turn_for(f, 400);
	assert_int_equal(s->reach, REACH_OK); /* a connection that drops is no evidence */
	assert_false(s->info_valid);
	watch_until(f, s, REACH_SILENT);
	assert_in_range(s->since_ms, begin - 260, begin + 20); /* since the first question without an answer */
	assert_true(s->accepts);
	f->peer.answer = f->says; /* it is back */
	f->peer.greeting = NULL;
	watch_until(f, s, REACH_OK);
}

/* A script that never ends, then a listener without a server, then one that says nothing: all of it is one silence. */
FIXTURE_TEST(time_without_info_goes_on_whatever_is_said_instead)
{
	struct fixture *f = *state;
	const struct redis_probe_state *s;
	int64_t since;

	f->peer.answer = "+OK\r\n-BUSY Redis is busy running a script.\r\n";
	watch(f, &f->watched);
	s = redis_probe_state(f->watched.probe);
	while (!f->watched.changes)
		uv_run(&f->uv, UV_RUN_ONCE);
	assert_int_equal(s->reach, REACH_UNKNOWN);
	assert_string_equal(s->complaint, "BUSY");
	since = s->since_ms;
	turn_for(f, 600);
	assert_int_equal(s->since_ms, since);
	f->peer.answer = NULL;
	f->peer.greeting = "-ERR max number of clients reached\r\n";
	f->peer.then = PEER_CLOSES;
	watch_until(f, s, REACH_SILENT);
	assert_in_range(s->since_ms, since, since + 20); /* the probe began, and a moment later asked */
}

/* As the servers of a group are: each asks for a look at the other when it cannot be heard. */
FIXTURE_TEST(two_that_ask_for_one_another_rest)
{
	static const char *const says[] = { "+OK\r\n*2147483647\r\n",
					    "-ERR no\r\n-NOAUTH Authentication required.\r\n" };

	for (int i = 0; i < 2; i++) {
		struct fixture *f = *state;
		struct watched a = { 0 }, b = { .other = &a };

		a.other = &b;
		f->peer.answer = says[i];
		f->peer.accepted = f->peer.asked = 0;
		watch(f, &a);
		watch(f, &b);
		turn_for(f, 1000);
		assert_in_range(f->peer.accepted, 2, 60);
		assert_in_range(f->peer.asked, 2, 60);
		redis_probe_stop(a.probe);
		redis_probe_stop(b.probe);
	}
}

FIXTURE_TEST(a_probe_that_its_own_news_ends)
{
	struct fixture *f = *state;

	say_info(f, "+PWN\r\n");
	for (int at = 1; at < 5; at++) {
		struct watched w = { .stop_at = at };

		watch(f, &w);
		while (w.probe)
			uv_run(&f->uv, UV_RUN_ONCE);
		assert_int_equal(w.changes, at);
	}
}

FIXTURE_TEST(a_probe_of_an_answer_that_trickles_is_silent_in_time)
{
	struct fixture *f = *state;
	char *ones = repeated("+1111111111", 1000);
	struct watched w = { 0 };

	f->peer.answer = ones;
	f->peer.trickles = true;
	watch(f, &w);
	watch_until(f, redis_probe_state(w.probe), REACH_SILENT);
	redis_probe_stop(w.probe);
	while (f->peer.conns)
		uv_run(&f->uv, UV_RUN_ONCE);
	free(ones);
}

/* Of an error people read the first word, and that is made of what such a word is made of. */
FIXTURE_TEST(a_complaint_is_a_word)
{
	struct fixture *f = *state;
	struct watched w = { 0 };

	f->peer.answer = "+OK\r\n-NOAUTH\033[31m no\r\n";
	watch(f, &w);
	while (!w.changes)
		uv_run(&f->uv, UV_RUN_ONCE);
	assert_string_equal(redis_probe_state(w.probe)->complaint, "NOAUTH");
	assert_int_equal(redis_probe_state(w.probe)->reach, REACH_UNKNOWN);
	redis_probe_stop(w.probe);
}
