/* The probe and single commands against a real Redis server on a free port of the loopback. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/codis/probe.h"
#include "common/codis/redis_command.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/test.h"

#define LIMIT_MS 10000

struct fixture {
	uv_loop_t uv;
	uv_timer_t guard;
	char addr[CODIS_ADDR_MAX];
	int port;
	pid_t pid;
	struct redis_probe *probe;
	enum reach want;
	bool want_info;
	char answer[8192];
	enum error_code code;
	int done;
	int slow;
};

static void start_server(struct fixture *f)
{
	char port[8];

	snprintf(port, sizeof(port), "%d", f->port);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execlp("redis-server", "redis-server", "--port", port, "--save", "", "--bind", "127.0.0.1", "--slaveof",
		       "127.0.0.1", "1", "--slave-serve-stale-data", "no", (char *)NULL);
		_exit(127);
	}
}

static void stop_server(struct fixture *f, int signum)
{
	if (f->pid > 0) {
		kill(f->pid, signum);
		waitpid(f->pid, NULL, 0);
	}
	f->pid = 0;
}

static void on_limit(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing came within %d ms", LIMIT_MS);
}

static void on_change(void *ctx, struct redis_probe *p)
{
	struct fixture *f = ctx;
	const struct redis_probe_state *s = redis_probe_state(p);

	if (s->reach == f->want && s->info_valid == f->want_info)
		uv_stop(&f->uv);
}

static void wait_for(struct fixture *f, enum reach reach, bool info)
{
	const struct redis_probe_state *s = redis_probe_state(f->probe);

	f->want = reach;
	f->want_info = info;
	uv_timer_start(&f->guard, on_limit, LIMIT_MS, 0);
	while (s->reach != reach || s->info_valid != info)
		uv_run(&f->uv, UV_RUN_DEFAULT);
	uv_timer_stop(&f->guard);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct redis_probe_config cfg = { .period_ms = 20, .timeout_ms = 200, .on_change = on_change };
	struct error err = ERROR_INIT;

	assert_non_null(f);
	uv_loop_init(&f->uv);
	uv_timer_init(&f->uv, &f->guard);
	f->port = free_port();
	snprintf(f->addr, sizeof(f->addr), "127.0.0.1:%d", f->port);
	cfg.addr = f->addr;
	cfg.ctx = f;
	f->probe = redis_probe_start(&f->uv, &cfg, &err);
	assert_non_null(f->probe);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	redis_probe_stop(f->probe);
	uv_close((uv_handle_t *)&f->guard, NULL);
	uv_run(&f->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->uv), 0);
	stop_server(f, SIGKILL);
	free(f);
	return 0;
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(refused_then_guarded_then_killed)
{
	struct fixture *f = *state;
	const struct redis_probe_state *s = redis_probe_state(f->probe);

	wait_for(f, REACH_REFUSED, false);
	start_server(f);
	wait_for(f, REACH_OK, true);
	assert_true(redis_info_guarded(&s->info));
	stop_server(f, SIGKILL);
	wait_for(f, REACH_REFUSED, false);
	assert_true(redis_info_guarded(&s->info)); /* what was last heard is kept */
}

FIXTURE_TEST(restart_shows_another_run_id)
{
	struct fixture *f = *state;
	const struct redis_probe_state *s = redis_probe_state(f->probe);
	char first[CODIS_RUN_ID_SIZE];

	start_server(f);
	wait_for(f, REACH_OK, true);
	memcpy(first, s->info.run_id, sizeof(first));
	stop_server(f, SIGKILL);
	start_server(f);
	wait_for(f, REACH_REFUSED, false);
	wait_for(f, REACH_OK, true);
	assert_string_not_equal(first, s->info.run_id);
}

FIXTURE_TEST(hung_server_is_silent_since_it_was_asked)
{
	struct fixture *f = *state;
	const struct redis_probe_state *s = redis_probe_state(f->probe);
	int64_t stopped;

	start_server(f);
	wait_for(f, REACH_OK, true);
	stopped = clock_mono_ms();
	kill(f->pid, SIGSTOP);
	wait_for(f, REACH_SILENT, false);
	assert_true(s->since_ms >= stopped - 1 && s->since_ms <= clock_mono_ms() - 150);
	kill(f->pid, SIGCONT);
	wait_for(f, REACH_OK, true);
}

static void on_done(void *ctx, const char *answer, const struct error *err)
{
	struct fixture *f = ctx;

	f->done++;
	f->code = err ? err->code : ERR_NONE;
	snprintf(f->answer, sizeof(f->answer), "%s", err ? err->text : answer);
	uv_stop(&f->uv);
}

static void ask(struct fixture *f, int argc, const char *const *argv)
{
	struct error err = ERROR_INIT;

	f->done = 0;
	if (redis_command(&f->uv, f->addr, NULL, argc, argv, 200, on_done, f, &err) < 0)
		on_done(f, NULL, &err);
	uv_timer_start(&f->guard, on_limit, LIMIT_MS, 0);
	while (!f->done)
		uv_run(&f->uv, UV_RUN_DEFAULT);
	uv_timer_stop(&f->guard);
	assert_int_equal(f->done, 1);
}

FIXTURE_TEST(commands)
{
	static const char *const role[] = { "SLAVEOF", "NO", "ONE" };
	static const char *const get[] = { "GET", "k" };
	struct fixture *f = *state;

	wait_for(f, REACH_REFUSED, false);
	ask(f, 3, role);
	assert_int_equal(f->code, ERR_REFUSED);
	start_server(f);
	wait_for(f, REACH_OK, true);
	ask(f, 2, get);
	assert_int_equal(f->code, ERR_STATUS);
	assert_non_null(strstr(f->answer, "MASTERDOWN"));
	ask(f, 3, role);
	assert_int_equal(f->code, ERR_NONE);
	assert_string_equal(f->answer, "OK");
	redis_probe_now(f->probe);
	while (redis_probe_state(f->probe)->info.role != REDIS_ROLE_MASTER)
		uv_run(&f->uv, UV_RUN_ONCE);
	kill(f->pid, SIGSTOP);
	ask(f, 2, get);
	assert_int_equal(f->code, ERR_TIMEOUT);
	kill(f->pid, SIGCONT);
}

static void ask_all(struct fixture *f, const struct redis_words *words, int count)
{
	struct error err = ERROR_INIT;

	f->done = 0;
	if (redis_commands(&f->uv, f->addr, NULL, words, count, 200, on_done, f, &err) < 0)
		on_done(f, NULL, &err);
	uv_timer_start(&f->guard, on_limit, LIMIT_MS, 0);
	while (!f->done)
		uv_run(&f->uv, UV_RUN_DEFAULT);
	uv_timer_stop(&f->guard);
	assert_int_equal(f->done, 1);
}

FIXTURE_TEST(several_commands_in_one_go)
{
	static const char *const role[] = { "SLAVEOF", "NO", "ONE" }, *const get[] = { "GET", "k" },
				 *const info[] = { "INFO" };
	struct redis_words words[] = { { 3, role, false, NULL }, { 2, get, true, NULL }, { 1, info, false, NULL } };
	struct fixture *f = *state;
	struct redis_info said;

	start_server(f);
	wait_for(f, REACH_OK, true);
	words[0] = (struct redis_words){ 2, get, false, NULL }; /* MASTERDOWN */
	ask_all(f, words, 3);
	assert_int_equal(f->code, ERR_STATUS);
	assert_non_null(strstr(f->answer, "GET k to "));
	words[0].may_fail = true;
	ask_all(f, words, 3);
	assert_int_equal(f->code, ERR_NONE);
	assert_int_equal(redis_info_parse(f->answer, strlen(f->answer), &said, NULL), 0);
	assert_int_equal(said.role, REDIS_ROLE_REPLICA);
	words[0] = (struct redis_words){ 3, role, false, NULL };
	words[1] = words[2];
	ask_all(f, words, 2);
	assert_int_equal(f->code, ERR_NONE);
	assert_int_equal(redis_info_parse(f->answer, strlen(f->answer), &said, NULL), 0);
	assert_int_equal(said.role, REDIS_ROLE_MASTER);
	kill(f->pid, SIGSTOP);
	ask_all(f, words, 2);
	assert_int_equal(f->code, ERR_TIMEOUT);
	kill(f->pid, SIGCONT);
}

static int is_no_master(void *ctx, const char *answer, struct error *err)
{
	struct redis_info said;

	(void)ctx;
	assert_int_equal(redis_info_parse(answer, strlen(answer), &said, NULL), 0);
	return said.role == REDIS_ROLE_REPLICA ? 0 : error_set(err, ERR_CONFLICT, "it leads");
}

/* What is behind a check goes only to who has passed it. */
FIXTURE_TEST(commands_behind_a_check)
{
	static const char *const role[] = { "SLAVEOF", "NO", "ONE" }, *const info[] = { "INFO" },
				 *const back[] = { "SLAVEOF", "127.0.0.1", "1" };
	struct redis_words words[] = { { 1, info, false, is_no_master },
				       { 3, role, false, NULL },
				       { 3, back, true, NULL },
				       { 1, info, false, NULL } };
	struct fixture *f = *state;
	struct redis_info said;

	start_server(f);
	wait_for(f, REACH_OK, true);
	ask_all(f, words, 2);
	assert_int_equal(f->code, ERR_NONE);
	assert_string_equal(f->answer, "OK");
	ask_all(f, words, 4);
	assert_int_equal(f->code, ERR_CONFLICT);
	ask_all(f, words + 3, 1); /* it was told nothing more */
	assert_int_equal(redis_info_parse(f->answer, strlen(f->answer), &said, NULL), 0);
	assert_int_equal(said.role, REDIS_ROLE_MASTER);
	ask_all(f, words + 2, 2);
	assert_int_equal(redis_info_parse(f->answer, strlen(f->answer), &said, NULL), 0);
	assert_int_equal(said.role, REDIS_ROLE_REPLICA);
	kill(f->pid, SIGSTOP);
	ask_all(f, words, 4);
	assert_int_equal(f->code, ERR_TIMEOUT);
	assert_non_null(strstr(f->answer, "INFO to "));
	kill(f->pid, SIGCONT);
}

static void count_slow(void *ctx, struct redis_probe *p)
{
	struct fixture *f = ctx;

	assert_int_equal(redis_probe_state(p)->reach, REACH_OK);
	f->slow++;
}

/* Before it is silent, and once; while it is silent that is nothing new. */
FIXTURE_TEST(slow_is_told_before_silent)
{
	struct redis_probe_config cfg = { .period_ms = 20, .timeout_ms = 400, .on_change = on_change };
	struct fixture *f = *state;

	redis_probe_stop(f->probe);
	start_server(f);
	cfg.on_slow = count_slow;
	cfg.addr = f->addr;
	cfg.ctx = f;
	f->probe = redis_probe_start(&f->uv, &cfg, NULL);
	assert_non_null(f->probe);
	wait_for(f, REACH_OK, true);
	f->slow = 0; /* a busy machine */
	kill(f->pid, SIGSTOP);
	while (!f->slow)
		uv_run(&f->uv, UV_RUN_ONCE);
	assert_int_equal(redis_probe_state(f->probe)->reach, REACH_OK);
	wait_for(f, REACH_SILENT, false);
	assert_int_equal(f->slow, 1);
	kill(f->pid, SIGCONT);
	wait_for(f, REACH_OK, true);
}

/* A name would be looked up while the loop stands still: it is not asked, and nothing is known of it. */
FIXTURE_TEST(names_are_not_looked_up)
{
	static const char *const ping[] = { "PING" };
	struct redis_probe_config cfg = { .period_ms = 20, .timeout_ms = 200, .on_change = on_change };
	struct fixture *f = *state;
	int changes = 0;

	start_server(f);
	wait_for(f, REACH_OK, true);
	redis_probe_stop(f->probe);
	f->probe = NULL;
	snprintf(f->addr, sizeof(f->addr), "localhost:%d", f->port);
	ask(f, 1, ping);
	assert_int_equal(f->code, ERR_INVALID);
	assert_non_null(strstr(f->answer, "is no numeric address, and names are not looked up here"));
	cfg.addr = f->addr;
	cfg.ctx = f;
	f->probe = redis_probe_start(&f->uv, &cfg, NULL);
	assert_non_null(f->probe);
	for (; changes < 20; changes++)
		uv_run(&f->uv, UV_RUN_ONCE);
	assert_int_equal(redis_probe_state(f->probe)->reach, REACH_UNKNOWN);
}
