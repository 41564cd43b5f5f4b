/* A program from its start to its end, each in a process of its own: what it says on stderr, and its exit status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/kube/program.h"
#include "common/net/http.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/test.h"

static const char kubeconfig[] = "current-context: c\n"
				 "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
				 "clusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]\n"
				 "users: [{name: u, user: {}}]\n";

struct played {
	struct program program;
	const char *refuses; /* why it cannot start */
	bool fails;          /* once it runs */
	int sticks;          /* its loop stands still until this can be read; 0: it does not */
	int soon_ms;         /* when it fails, sticks or ends */
	bool deaf;           /* nothing was heard for almost ten minutes */
	bool call_fails;     /* but a call has failed just now */
	struct loop_timer *soon, *end;
};

static void on_soon(void *ctx)
{
	struct played *p = ctx;
	struct error err;
	char c;

	if (p->deaf) {
		p->program.pulse.quiet_turns = PULSE_DEAF_TURNS - 1;
		if (p->call_fails)
			program_call_failed(&p->program);
		return;
	}
	if (p->sticks)
		(void)!read(p->sticks, &c, 1);
	if (!p->fails) {
		kill(getpid(), SIGTERM);
		return;
	}
	error_set(&err, ERR_IO, "the \"disk\" is gone");
	program_fail(&p->program, "played.failed", &err);
}

static void on_end(void *ctx)
{
	(void)ctx;
	kill(getpid(), SIGTERM);
}

static bool hears_nothing(void *ctx, int64_t max_age_ms)
{
	(void)ctx;
	assert_int_equal(max_age_ms, PULSE_HEARD_MS);
	return false;
}

static int start(void *ctx, struct error *err)
{
	struct played *p = ctx;

	if (p->refuses)
		return error_set(err, ERR_INVALID, "%s", p->refuses);
	p->soon = loop_timer_start(&p->program.loop.uv, (uint64_t)p->soon_ms, 0, on_soon, p);
	if (p->deaf) /* one that goes on is ended */
		p->end = loop_timer_start(&p->program.loop.uv, 2500, 0, on_end, p);
	return p->program.kube && p->program.metrics && p->soon ? 0 : error_set(err, ERR_INVALID, "half a program");
}

static void drain(void *ctx)
{
	struct played *p = ctx;

	log_info(&p->program.log, "played.drain", "x=1");
	program_end(&p->program);
}

static void stop(void *ctx)
{
	struct played *p = ctx;

	loop_timer_free(p->soon);
	loop_timer_free(p->end);
	log_info(&p->program.log, "played.stop", "x=1");
}

static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void read_all(int fd, char *out, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
}

/* Takes a field with what is never the same out of all lines. */
static void drop(char *text, const char *field)
{
	char *at;

	while ((at = strstr(text, field)))
		memmove(at, strchr(at, ' ') + 1, strlen(strchr(at, ' ') + 1) + 1);
}

/* Runs it and returns its exit status, -1 when it did not exit by itself. said: its stderr. */
static int run(struct played *p, const char *ops_listen, const char *level, char said[4096])
{
	char config[] = "/tmp/codis-program-XXXXXX";
	char listen[32], log_level[8];
	struct program_options options = { .ops_listen = listen, .kubeconfig = config, .log_level = log_level };
	int fds[2], status;
	pid_t pid;

	snprintf(listen, sizeof(listen), "%s", ops_listen);
	snprintf(log_level, sizeof(log_level), "%s", level);
	write_file(config, kubeconfig);
	assert_int_equal(pipe(fds), 0);
	p->program.start = start;
	p->program.drain = drain;
	p->program.stop = stop;
	p->program.ctx = p;
	p->program.heard = p->deaf ? hears_nothing : NULL;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		_exit(program_run(&p->program, &options));
	}
	close(fds[1]);
	read_all(fds[0], said, 4096);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(config);
	drop(said, "ts=");
	drop(said, "version=");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define START "level=info event=start ops=127.0.0.1:0\n"

TEST(a_signal_drains_and_stops_it)
{
	struct played p = { 0 };
	char said[4096];

	assert_int_equal(run(&p, "127.0.0.1:0", "info", said), 0);
	assert_string_equal(said, START "level=info event=stop reason=signal\n"
					"level=info event=played.drain x=1\nlevel=info event=played.stop x=1\n");
}

TEST(a_failure_ends_it_with_1)
{
	struct played p = { .fails = true };
	char said[4096];

	assert_int_equal(run(&p, "127.0.0.1:0", "info", said), 1);
	assert_string_equal(said, START "level=error event=played.failed error=\"the \\\"disk\\\" is gone\"\n"
					"level=info event=played.stop x=1\n");
}

TEST(what_cannot_start_says_why_in_one_line)
{
	struct played p = { .refuses = "the moon is full" }, q = { 0 };
	char said[4096];

	assert_int_equal(run(&p, "127.0.0.1:0", "info", said), 1);
	assert_string_equal(said, "level=error event=start.failed error=\"the moon is full\"\n");
	assert_int_equal(run(&q, "nowhere", "info", said), 1);
	assert_string_equal(
		said, "level=error event=start.failed error=\"listening address: \\\"nowhere\\\" is not HOST:PORT "
		      "with a port from 0 to 65535\"\n");
}

/* The loop turns for so long before it stands still. */
#define TURNS_MS 2500

/* Asks /healthz until it is not well, and then lets the loop go on: 0, when it was well for as long as it turned and
 * for 10 s more (its last turn was up to a second before), and says why it is not.
 * A process, since run() forks and another thread might hold a lock just then. */
static int ask_until_unwell(const char *url, int release)
{
	BUF_CLEANUP struct buf body = BUF_INIT(4096);
	struct http_spec spec = { .method = "GET", .url = url, .timeout_ms = 1000 };
	int64_t begin = clock_mono_ms();
	int status = 0;
	bool was_well = false;

	while (status != 503 && clock_mono_ms() - begin < 30000) { /* begun before the program */
		buf_reset(&body);
		if (http_fetch(&spec, NULL, &status, &body, NULL) == 0)
			was_well |= status == 200;
		usleep(20000);
	}
	was_well &= clock_mono_ms() - begin >= PULSE_STUCK_MS + TURNS_MS - PULSE_TURN_MS;
	(void)!write(release, "", 1);
	return was_well && strstr(body.data, "the event loop has not turned for 10") ? 0 : 1;
}

TEST(healthz_says_that_the_loop_is_stuck)
{
	struct played p = { 0 };
	char said[4096], listen[32], url[64];
	int fds[2], status, port = free_port();
	pid_t asker;

	assert_int_equal(pipe(fds), 0);
	p.sticks = fds[0];
	p.soon_ms = TURNS_MS;
	snprintf(listen, sizeof(listen), "127.0.0.1:%d", port);
	snprintf(url, sizeof(url), "http://%s/healthz", listen);
	asker = fork();
	if (asker == 0)
		_exit(ask_until_unwell(url, fds[1]));
	assert_int_equal(run(&p, listen, "info", said), 0);
	assert_int_equal(waitpid(asker, &status, 0), asker);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(fds[0]);
	close(fds[1]);
}

TEST(a_program_that_is_deaf_ends_itself)
{
	struct played p = { .deaf = true };
	char said[4096];

	assert_int_equal(run(&p, "127.0.0.1:0", "info", said), 1);
	assert_string_equal(said, START
			    "level=error event=deaf error=\"for 10 minutes nothing came from the API server, and no "
			    "call to it has failed either\"\n"
			    "level=info event=played.stop x=1\n");
}

TEST(a_program_whose_calls_fail_is_not_deaf)
{
	struct played p = { .deaf = true, .call_fails = true };
	char said[4096];

	assert_int_equal(run(&p, "127.0.0.1:0", "info", said), 0);
	assert_null(strstr(said, "event=deaf"));
}

TEST(the_log_has_its_level)
{
	struct played p = { .fails = true };
	char said[4096];

	assert_int_equal(run(&p, "127.0.0.1:0", "error", said), 1);
	assert_string_equal(said, "level=error event=played.failed error=\"the \\\"disk\\\" is gone\"\n");
}
