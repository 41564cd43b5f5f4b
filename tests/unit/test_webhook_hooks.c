/* The scripts that run inside pods, run for real: the shell's text against redis-servers on free ports of the loopback,
 * codis-admin and a proxy played by scripts. */
#include "tests/unit/net_fixture.h"
#include "tests/unit/webhook_fixture.h"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/codis/info.h"
#include "tests/unit/test.h"
#include "webhook/article.h"
#include "webhook/hooks.h"
#include "webhook/mutation.h"

#define LIMIT_MS 10000

struct server {
	pid_t pid;
	char port[8];
	struct hooks_redis redis;
};

struct fixture {
	struct server a, b;
	struct buf script;
	char dir[64]; /* programs that the scripts find before the real ones */
	char output[16384];
};

/* --- processes
 * -------------------------------------------------------------------------------------------------------- */

static void quiet(void)
{
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		_exit(126);
}

/* As the webhook has it started: with the guard. auth may be NULL. */
static void start_server(struct fixture *f, struct server *s, const char *auth)
{
	snprintf(s->port, sizeof(s->port), "%d", free_port());
	s->redis = (struct hooks_redis){ "127.0.0.1", s->port, auth };
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		quiet();
		if (chdir(f->dir) < 0) /* a replica leaves its dump.rdb there */
			_exit(126);
		execlp("redis-server", "redis-server", "--port", s->port, "--save", "", "--bind", "127.0.0.1",
		       "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--slaveof", "127.0.0.1", "1",
		       "--slave-serve-stale-data", "no", auth ? "--requirepass" : NULL, auth, (char *)NULL);
		_exit(127);
	}
}

static void stop_server(struct server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGCONT);
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

/* How a script is run. */
struct way {
	const char *words[4]; /* the shell */
	const char *path;     /* PATH; NULL: the programs of this machine, those of the test before them */
};

static const struct way stock_way = { { "/bin/sh" }, NULL };

static void exec_shell(const struct fixture *f, const struct way *w, const char *text)
{
	const char *words[8] = { NULL };
	char path[4096];
	int n = 0;

	snprintf(path, sizeof(path), "%s:%s", f->dir, getenv("PATH"));
	setenv("PATH", w->path ? w->path : path, 1);
	setenv("DIR", f->dir, 1);
	while (w->words[n]) {
		words[n] = w->words[n];
		n++;
	}
	words[n++] = "-c";
	words[n] = text;
	execv(words[0], (char *const *)words);
	_exit(127);
}

/* Plays process 1 of a container, which gets what others leave, and reaps nobody. Ends with the status of the script,
 * or LEFT where a process is there after it: one that runs, or a zombie. */
#define LEFT 99

static void play_process_1(const struct fixture *f, const struct way *w, const char *text)
{
	int status;
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0)
		exec_shell(f, w, text);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		_exit(126);
	_exit(waitpid(-1, NULL, WNOHANG) < 0 ? WEXITSTATUS(status) : LEFT);
}

/* Starts the script, its output into a pipe whose end is *fd. */
static pid_t start_script_by(struct fixture *f, const struct way *w, const char *text, int *fd)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		play_process_1(f, w, text);
	}
	close(ends[1]);
	*fd = ends[0];
	return pid;
}

static pid_t start_script(struct fixture *f, const char *text, int *fd)
{
	return start_script_by(f, &stock_way, text, fd);
}

/* Waits for it and keeps its output. Returns its exit status. It has left nothing. */
static int end_script(struct fixture *f, pid_t pid, int fd)
{
	size_t len = 0;
	ssize_t n;
	int status;

	while ((n = read(fd, f->output + len, sizeof(f->output) - 1 - len)) > 0)
		len += (size_t)n;
	f->output[len] = '\0';
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), LEFT);
	return WEXITSTATUS(status);
}

static int run(struct fixture *f)
{
	int fd;
	pid_t pid = start_script(f, f->script.data, &fd);

	assert_false(f->script.failed);
	return end_script(f, pid, fd);
}

static int command(struct fixture *f, const struct server *s, const char *words)
{
	char text[256];
	int fd;
	pid_t pid;

	snprintf(text, sizeof(text), "redis-cli -p %s %s %s", s->port, s->redis.auth ? "-a secret" : "", words);
	pid = start_script(f, text, &fd);
	return end_script(f, pid, fd);
}

static int ready(struct fixture *f, const struct server *s)
{
	buf_reset(&f->script);
	hooks_server_ready(&s->redis, &f->script);
	return run(f);
}

/* Polls until the server's INFO has the text. */
static void wait_for(struct fixture *f, const struct server *s, const char *part)
{
	int64_t end = clock_mono_ms() + LIMIT_MS;

	do {
		assert_true(clock_mono_ms() < end);
		command(f, s, "info");
	} while (!strstr(f->output, part));
}

static void make_master(struct fixture *f, struct server *s)
{
	wait_for(f, s, "role:slave");
	command(f, s, "slaveof no one");
	wait_for(f, s, "role:master");
}

/* a is a master, b its replica in sync. */
static void make_pair(struct fixture *f)
{
	char words[64];

	start_server(f, &f->a, NULL);
	start_server(f, &f->b, NULL);
	make_master(f, &f->a);
	wait_for(f, &f->b, "role:slave");
	snprintf(words, sizeof(words), "slaveof 127.0.0.1 %s", f->a.port);
	command(f, &f->b, words);
	wait_for(f, &f->b, "master_link_status:up");
	wait_for(f, &f->a, "connected_slaves:1");
}

static void write_program(struct fixture *f, const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fprintf(out, "#!/bin/sh\n%s\n", text);
	fclose(out);
	assert_int_equal(chmod(path, 0755), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	buf_init(&f->script, 65536);
	snprintf(f->dir, sizeof(f->dir), "/tmp/webhook-hooks-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int fd;

	stop_server(&f->a);
	stop_server(&f->b);
	pid = start_script(f, "rm -r $DIR", &fd);
	end_script(f, pid, fd);
	buf_release(&f->script);
	free(f);
	return 0;
}

/* --- readiness
 * -------------------------------------------------------------------------------------------------------- */

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(ready_follows_the_role)
{
	struct fixture *f = *state;
	char words[64];

	start_server(f, &f->a, NULL);
	wait_for(f, &f->a, "role:slave");
	assert_int_equal(ready(f, &f->a), 1);
	assert_string_equal(f->output, "it waits for codis-controller to give it a role\n");
	make_master(f, &f->a);
	assert_int_equal(ready(f, &f->a), 0);
	assert_string_equal(f->output, "");
	start_server(f, &f->b, NULL);
	wait_for(f, &f->b, "role:slave");
	snprintf(words, sizeof(words), "slaveof 127.0.0.1 %s", f->a.port);
	command(f, &f->b, words);
	wait_for(f, &f->b, "master_link_status:up");
	assert_int_equal(ready(f, &f->b), 0);
	stop_server(&f->a);
	wait_for(f, &f->b, "master_link_status:down");
	assert_int_equal(ready(f, &f->b), 1);
	assert_string_equal(f->output, "the link to its master is down\n");
}

/* Of a port that begins with a 1, too. */
FIXTURE_TEST(a_replica_is_not_taken_for_a_guarded_server)
{
	struct fixture *f = *state;

	start_server(f, &f->a, NULL);
	wait_for(f, &f->a, "role:slave");
	command(f, &f->a, "slaveof 127.0.0.1 10");
	wait_for(f, &f->a, "master_port:10");
	assert_int_equal(ready(f, &f->a), 1);
	assert_string_equal(f->output, "the link to its master is down\n");
}

FIXTURE_TEST(not_ready_when_it_does_not_answer)
{
	struct fixture *f = *state;
	struct hooks_redis nobody = { "127.0.0.1", "1", NULL };
	int64_t start;

	hooks_server_ready(&nobody, &f->script);
	assert_int_equal(run(f), 1);
	assert_non_null(strstr(f->output, "Connection refused"));
	start_server(f, &f->a, NULL);
	make_master(f, &f->a);
	kill(f->a.pid, SIGSTOP);
	start = clock_mono_ms();
	assert_int_equal(ready(f, &f->a), 1);
	assert_in_range(clock_mono_ms() - start, 500,
			1900); /* before the kubelet's 2 s, so that nothing is left behind */
}

FIXTURE_TEST(ready_with_a_password)
{
	struct fixture *f = *state;
	struct hooks_redis without = { .host = NULL };

	start_server(f, &f->a, "secret");
	make_master(f, &f->a);
	assert_int_equal(ready(f, &f->a), 0);
	kill(f->a.pid, SIGSTOP);
	assert_int_equal(ready(f, &f->a), 1);
	assert_string_equal(f->output, "it does not answer\n");
	kill(f->a.pid, SIGCONT);
	without = (struct hooks_redis){ "127.0.0.1", f->a.port, NULL };
	buf_reset(&f->script);
	hooks_server_ready(&without, &f->script);
	assert_int_equal(run(f), 1);
	assert_non_null(strstr(f->output, "NOAUTH"));
}

/* --- postStart
 * -------------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(start_waits_for_an_answer)
{
	struct fixture *f = *state;
	struct hooks_redis nobody = { "127.0.0.1", "1", NULL };
	int64_t start = clock_mono_ms();

	hooks_server_start(&nobody, &f->script);
	assert_int_equal(run(f), 0);
	assert_in_range(clock_mono_ms() - start, 900, 3000);
	start_server(f, &f->a, NULL);
	wait_for(f, &f->a, "role:");
	buf_reset(&f->script);
	hooks_server_start(&f->a.redis, &f->script);
	start = clock_mono_ms();
	assert_int_equal(run(f), 0);
	assert_in_range(clock_mono_ms() - start, 0, 900);
}

FIXTURE_TEST(start_is_bounded_for_a_hung_server)
{
	struct fixture *f = *state;
	int64_t start;

	start_server(f, &f->a, NULL);
	wait_for(f, &f->a, "role:");
	kill(f->a.pid, SIGSTOP);
	hooks_server_start(&f->a.redis, &f->script);
	start = clock_mono_ms();
	assert_int_equal(run(f), 0);
	assert_in_range(clock_mono_ms() - start, 900, 3500);
}

/* --- preStop
 * ---------------------------------------------------------------------------------------------------------- */

static int64_t run_stop_of(struct fixture *f, const struct server *s, int seconds, bool alone)
{
	int64_t start = clock_mono_ms();

	buf_reset(&f->script);
	hooks_server_stop(&s->redis, seconds, alone, &f->script);
	assert_int_equal(run(f), 0);
	return clock_mono_ms() - start;
}

static int64_t run_stop(struct fixture *f, const struct server *s, int seconds)
{
	return run_stop_of(f, s, seconds, false);
}

/* Until redis-cli was called so many times. */
static void wait_for_asks(const struct fixture *f, int count)
{
	int64_t end = clock_mono_ms() + LIMIT_MS;
	struct stat st = { .st_size = 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s/asks", f->dir);
	while (stat(path, &st) < 0 || st.st_size < count) {
		assert_true(clock_mono_ms() < end);
		usleep(10000);
	}
}

FIXTURE_TEST(stop_ends_at_once_where_there_is_nothing_to_wait_for)
{
	struct fixture *f = *state;
	struct server nobody = { .redis = { "127.0.0.1", "1", NULL } };

	make_pair(f);
	assert_in_range(run_stop(f, &f->b, 25), 0, 10000);
	assert_in_range(run_stop(f, &nobody, 25), 0, 10000);
	stop_server(&f->b);
	wait_for(f, &f->a, "connected_slaves:0");
	assert_in_range(run_stop(f, &f->a, 25), 0, 10000);
}

FIXTURE_TEST(stop_waits_until_the_master_is_none)
{
	struct fixture *f = *state;
	int fd, status;
	pid_t pid;

	make_pair(f);
	write_program(f, "redis-cli", "echo >>$DIR/asks; PATH=${PATH#*:}; exec redis-cli \"$@\"");
	hooks_server_stop(&f->a.redis, 25, false, &f->script);
	pid = start_script(f, f->script.data, &fd);
	wait_for_asks(f, 3);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	command(f, &f->b, "slaveof no one");
	command(f, &f->a, "slaveof 127.0.0.1 1");
	assert_int_equal(end_script(f, pid, fd), 0);
}

/* It is given the role behind the look that has found a replica, and codis-controller is told in time. */
FIXTURE_TEST(stop_of_a_replica_tells_before_it_looks_for_the_last_time)
{
	struct fixture *f = *state;
	int fd, status;
	pid_t pid;

	make_pair(f);
	command(f, &f->a, "set key 1");
	wait_for(f, &f->b, ":keys=1");
	assert_in_range(run_stop(f, &f->b, 25), 0, 10000);
	wait_for(f, &f->b, "hz:" CODIS_ENDING_HZ "\r");
	command(f, &f->b, "config set hz 10");
	write_program(f, "redis-cli",
		      "echo >>$DIR/asks; PATH=${PATH#*:}; case \"$*\" in *hz*) redis-cli -h 127.0.0.1 -p \"$4\" "
		      "slaveof no one;; esac\n"
		      "exec redis-cli \"$@\"");
	buf_reset(&f->script);
	hooks_server_stop(&f->b.redis, 25, false, &f->script);
	pid = start_script(f, f->script.data, &fd);
	wait_for_asks(f, 7); /* it looks again and again: INFO, CONFIG, CLIENT LIST, and CLIENT KILL or INFO */
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	wait_for(f, &f->b, "hz:" CODIS_ENDING_HZ "\r");
	command(f, &f->b, "slaveof 127.0.0.1 1");
	assert_int_equal(end_script(f, pid, fd), 0);
}

/* Its node is so slow that the word does not get there within a second. */
FIXTURE_TEST(stop_tells_again_what_has_not_got_through)
{
	struct fixture *f = *state;

	make_pair(f);
	write_program(f, "redis-cli",
		      "case \"$*\" in *hz*) [ -e $DIR/late ] || { touch $DIR/late; exec sleep 100; } ;; esac\n"
		      "PATH=${PATH#*:}; exec redis-cli \"$@\"");
	assert_in_range(run_stop(f, &f->b, 25), 0, 20000);
	wait_for(f, &f->b, "hz:" CODIS_ENDING_HZ "\r");
}

/* With twelve that have asked it, and each call takes the second that is its limit. */
FIXTURE_TEST(stop_ends_in_time_where_the_server_hangs_as_it_tells)
{
	struct fixture *f = *state;

	start_server(f, &f->a, NULL);
	write_program(f, "redis-cli",
		      "case \"$*\" in\n"
		      "*kill*) touch $DIR/hangs; exec sleep 100 ;;\n"
		      "*list) for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \"id=$i addr=[::1]:$i cmd=info\"; done ;;\n"
		      "*info) [ ! -e $DIR/hangs ] || exec sleep 100; echo role:slave ;;\n"
		      "esac");
	assert_in_range(run_stop(f, &f->a, 3), 0, 9000);
}

/* Whoever asks it INFO, as codis-controller does, is told so, and to ask again; others are left alone. */
FIXTURE_TEST(stop_of_a_master_tells_that_it_ends)
{
	struct fixture *f = *state;
	redisContext *asks, *works;
	redisReply *reply = NULL;
	int fd;
	pid_t pid;

	make_pair(f);
	asks = redisConnect("127.0.0.1", (int)strtol(f->a.port, NULL, 10));
	works = redisConnect("127.0.0.1", (int)strtol(f->a.port, NULL, 10));
	redisSetTimeout(asks, (struct timeval){ .tv_sec = LIMIT_MS / 1000 });
	freeReplyObject(redisCommand(asks, "INFO"));
	freeReplyObject(redisCommand(works, "SET key value"));
	hooks_server_stop(&f->a.redis, 25, false, &f->script);
	pid = start_script(f, f->script.data, &fd);
	assert_int_equal(redisGetReply(asks, (void **)&reply), REDIS_ERR); /* waits for the end of the connection */
	assert_int_equal(asks->err, REDIS_ERR_EOF);
	wait_for(f, &f->a, "hz:" CODIS_ENDING_HZ "\r");
	reply = redisCommand(works, "GET key");
	assert_string_equal(reply->str, "value");
	freeReplyObject(reply);
	command(f, &f->a, "slaveof 127.0.0.1 1");
	assert_int_equal(end_script(f, pid, fd), 0);
	redisFree(asks);
	redisFree(works);
}

FIXTURE_TEST(stop_is_bounded)
{
	struct fixture *f = *state;

	make_pair(f);
	assert_in_range(run_stop(f, &f->a, 2), 900, 3500);
	assert_in_range(run_stop(f, &f->a, 0), 0, 900);
}

/* However late: it may be the master, and busy. */
FIXTURE_TEST(stop_waits_for_one_that_does_not_answer)
{
	struct fixture *f = *state;

	start_server(f, &f->a, NULL);
	wait_for(f, &f->a, "role:slave");
	kill(f->a.pid, SIGSTOP);
	assert_in_range(run_stop(f, &f->a, 6), 5000, 12000);
	write_program(f, "redis-cli", "echo >>$DIR/asks; echo 'BUSY Redis is busy running a script.'");
	assert_in_range(run_stop(f, &f->a, 2), 900, 10000);
	wait_for_asks(f, 2);
}

/* Its file is called so. */
FIXTURE_TEST(stop_is_not_ended_by_a_word_of_info)
{
	struct fixture *f = *state;

	start_server(f, &f->a, NULL);
	write_program(f, "redis-cli", "echo 'config_file:/refused.conf'; echo role:master; echo connected_slaves:1");
	assert_in_range(run_stop(f, &f->a, 2), 900, 10000);
}

/* Starts the hook of a server, and waits until it has looked for long enough. */
static pid_t start_stop(struct fixture *f, const struct server *s, int *fd)
{
	pid_t pid;
	int status;

	write_program(f, "redis-cli", "echo >>$DIR/asks; PATH=${PATH#*:}; exec redis-cli \"$@\"");
	buf_reset(&f->script);
	hooks_server_stop(&s->redis, 25, false, &f->script);
	pid = start_script(f, f->script.data, fd);
	wait_for_asks(f, 3);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	return pid;
}

/* The others of its group are gone with it: until one that was made anew has its keys, and the role. */
FIXTURE_TEST(stop_of_the_only_one_with_keys_waits_for_a_successor)
{
	struct fixture *f = *state;
	char words[64];
	pid_t pid;
	int fd, status;

	start_server(f, &f->a, NULL);
	make_master(f, &f->a);
	command(f, &f->a, "set key value");
	pid = start_stop(f, &f->a, &fd);
	start_server(f, &f->b, NULL);
	wait_for(f, &f->b, "role:slave");
	snprintf(words, sizeof(words), "slaveof 127.0.0.1 %s", f->a.port);
	command(f, &f->b, words);
	wait_for(f, &f->b, "master_link_status:up");
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	command(f, &f->b, "slaveof no one");
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	command(f, &f->a, "slaveof 127.0.0.1 1"); /* as codis-controller does when the successor leads */
	assert_int_equal(end_script(f, pid, fd), 0);
}

/* Its master ends first: it is about to be promoted. */
FIXTURE_TEST(stop_of_a_replica_that_has_lost_its_master_waits)
{
	struct fixture *f = *state;
	pid_t pid;
	int fd;

	make_pair(f);
	command(f, &f->a, "set key value");
	wait_for(f, &f->b, "db0:keys=1");
	stop_server(&f->a);
	wait_for(f, &f->b, "master_link_status:down");
	pid = start_stop(f, &f->b, &fd);
	command(f, &f->b, "slaveof 127.0.0.1 1");
	assert_int_equal(end_script(f, pid, fd), 0);
}

/* SERVER_REPLICA=1: nobody will ever have its keys. */
FIXTURE_TEST(stop_of_one_without_siblings_does_not_wait)
{
	struct fixture *f = *state;

	start_server(f, &f->a, NULL);
	make_master(f, &f->a);
	command(f, &f->a, "set key value");
	assert_in_range(run_stop_of(f, &f->a, 25, true), 0, 10000);
	assert_in_range(run_stop_of(f, &f->a, 2, false), 900, 10000);
}

/* --- proxy and dashboard
 * ---------------------------------------------------------------------------------------------- */

static int proxy_ready(struct fixture *f, const char *answer)
{
	char text[256];

	snprintf(text, sizeof(text), "echo \"$*\" > $DIR/asked; echo '%s'", answer);
	write_program(f, "redis-cli", text);
	buf_reset(&f->script);
	hooks_proxy_ready("10.0.0.1", "19000", &f->script);
	return run(f);
}

FIXTURE_TEST(proxy_ready)
{
	struct fixture *f = *state;

	assert_int_equal(proxy_ready(f, "OK"), 0);
	assert_int_equal(proxy_ready(f, "NOAUTH Authentication required."), 0);
	assert_int_equal(proxy_ready(f, "ERR router is not online"), 1);
	assert_string_equal(f->output, "ERR router is not online\n");
	assert_int_equal(proxy_ready(f, "Could not connect to Redis"), 1);
	buf_reset(&f->script);
	buf_addstr(&f->script, "cat $DIR/asked");
	assert_int_equal(run(f), 0);
	assert_string_equal(f->output, "-h 10.0.0.1 -p 19000 select 0\n");
}

static void expect_admin(struct fixture *f, const char *words)
{
	assert_int_equal(run(f), 0);
	assert_string_equal(f->output, "");
	buf_reset(&f->script);
	buf_addstr(&f->script, "cat $DIR/asked");
	run(f);
	assert_string_equal(f->output, words);
}

static const struct hooks_proxy proxy = { "dash:18080", "a:11080", "19000" };

/* A proxy's port, and a client that is connected to it. */
struct clients {
	char port[8];
	int listener, client, accepted;
};

/* both: at all addresses of both families, as Go listens at 0.0.0.0; else at 127.0.0.1. */
static int listen_as_go(bool both, uint16_t *port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(any);
	int fd;

	if (!both)
		return listen_anywhere(port);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
	*port = ntohs(any.sin6_port);
	return fd;
}

static struct clients connect_client(bool both)
{
	struct clients c;
	uint16_t port;

	c.listener = listen_as_go(both, &port);
	c.client = connect_to(port);
	c.accepted = accept(c.listener, NULL, NULL);
	assert_true(c.accepted >= 0);
	snprintf(c.port, sizeof(c.port), "%d", port);
	return c;
}

/* A script that runs has both of them as well. */
static void disconnect_client(const struct clients *c)
{
	shutdown(c->client, SHUT_RDWR);
	shutdown(c->accepted, SHUT_RDWR);
	close(c->client);
	close(c->accepted);
}

/* Who is process 1 is said by grep, and kill of it only told. */
static void play_proxy(struct fixture *f)
{
	buf_reset(&f->script);
	buf_addstr(&f->script,
		   "grep() { case $* in\n"
		   "  *cmdline) [ \"$*\" = '-q codis-proxy /proc/1/cmdline' ] ;;\n"
		   "  *) command grep \"$@\" ;;\n"
		   "esac; }\n"
		   "kill() { case $* in *' 1') echo \"$*\" >$DIR/ended ;; *) command kill \"$@\" ;; esac; }\n");
}

static void read_file(struct fixture *f, const char *name)
{
	buf_reset(&f->script);
	buf_addf(&f->script, "cat $DIR/%s 2>/dev/null || :", name);
	assert_int_equal(run(f), 0);
}

FIXTURE_TEST(proxy_leaves_the_list)
{
	struct fixture *f = *state;
	const struct hooks_proxy named = { "dash:18080", "${POD_IP}:11080", "${PORT}" };
	int64_t start = clock_mono_ms();

	write_program(f, "codis-admin", "echo \"$*\" > $DIR/asked; echo noise; exit 1");
	play_proxy(f);
	buf_addstr(&f->script, "POD_IP=10.0.0.1; PORT=1\n");
	hooks_proxy_stop(&named, 2, &f->script);
	expect_admin(f, "--dashboard=dash:18080 --remove-proxy --addr=10.0.0.1:11080\n");
	assert_in_range(clock_mono_ms() - start, 900, 10000); /* first it waits */
	read_file(f, "ended");
	assert_string_equal(f->output, "");
}

/* As the dashboard has it whose proxy does not say its address. */
FIXTURE_TEST(proxy_leaves_the_list_by_the_name_of_its_host)
{
	struct fixture *f = *state;
	char name[256], words[512];

	assert_int_equal(gethostname(name, sizeof(name)), 0);
	snprintf(words, sizeof(words), "--dashboard=dash:18080 --remove-proxy --addr=%s:11080\n", name);
	write_program(f, "codis-admin", "echo \"$*\" > $DIR/asked");
	play_proxy(f);
	hooks_proxy_stop(&(struct hooks_proxy){ "dash:18080", ":11080", "1" }, 2, &f->script);
	expect_admin(f, words);
}

/* Whoever is still connected gets no errors of one that is closed: it ends, and is taken off the list by others. By a
 * port that is a variable, too. */
static void expect_ended(struct fixture *f, bool both, bool variable)
{
	struct clients c = connect_client(both);
	const struct hooks_proxy p = { "dash:18080", "a:11080", variable ? "${PORT}" : c.port };

	write_program(f, "codis-admin", "echo \"$*\" >$DIR/asked");
	play_proxy(f);
	buf_addf(&f->script, "PORT=%s\n", c.port);
	hooks_proxy_stop(&p, 14, &f->script); /* 3 s, 10 s for codis-admin, 1 s to wait */
	assert_int_equal(run(f), 0);
	assert_string_equal(f->output, "");
	read_file(f, "asked");
	assert_string_equal(f->output, "--proxy=a:11080 model\n");
	read_file(f, "ended");
	assert_string_equal(f->output, "-HUP 1\n");
	disconnect_client(&c);
	close(c.listener);
}

FIXTURE_TEST(proxy_that_clients_do_not_leave_is_ended)
{
	expect_ended(*state, false, false);
	expect_ended(*state, false, true);
}

/* Its clients stand in another file. */
FIXTURE_TEST(proxy_of_both_families_that_clients_do_not_leave_is_ended)
{
	expect_ended(*state, true, false);
}

/* Clients that find proxies there would try it for as long as its node stays, 20 s. */
FIXTURE_TEST(proxy_in_jodis_leaves_the_list_before_it_is_ended)
{
	struct fixture *f = *state;
	struct clients c = connect_client(false);
	const struct hooks_proxy p = { "dash:18080", "a:11080", c.port };

	write_program(f, "codis-admin",
		      "echo \"$*\" >>$DIR/asked; echo '    \"jodis_path\": \"/jodis/shop/proxy-1\",'");
	play_proxy(f);
	hooks_proxy_stop(&p, 4, &f->script);
	assert_int_equal(run(f), 0);
	assert_string_equal(f->output, "");
	read_file(f, "asked");
	assert_string_equal(f->output, "--proxy=a:11080 model\n--dashboard=dash:18080 --remove-proxy --addr=a:11080\n");
	read_file(f, "ended");
	assert_string_equal(f->output, "-HUP 1\n");
	disconnect_client(&c);
	close(c.listener);
}

/* Once they have gone, nobody is left to get an error. */
FIXTURE_TEST(proxy_waits_until_its_clients_have_gone)
{
	struct fixture *f = *state;
	struct clients c = connect_client(false);
	const struct hooks_proxy p = { "dash:18080", "a:11080", c.port };
	int fd, status;
	pid_t pid;

	write_program(f, "codis-admin", "echo \"$*\" >$DIR/asked");
	play_proxy(f);
	hooks_proxy_stop(&p, 25, &f->script);
	write_program(f, "sleep", "echo >>$DIR/asks; PATH=${PATH#*:}; exec sleep \"$@\"");
	pid = start_script(f, f->script.data, &fd);
	wait_for_asks(f, 2); /* that before it looks, and one while it waits */
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	disconnect_client(&c);
	assert_int_equal(end_script(f, pid, fd), 0);
	assert_string_equal(f->output, "");
	read_file(f, "asked");
	assert_string_equal(f->output, "--dashboard=dash:18080 --remove-proxy --addr=a:11080\n");
	read_file(f, "ended");
	assert_string_equal(f->output, "");
	close(c.listener);
}

/* Whoever waits for the hook sends SIGTERM then. */
FIXTURE_TEST(proxy_has_left_the_list_when_its_hook_ends)
{
	struct fixture *f = *state;

	write_program(f, "codis-admin", "sleep 0.3; echo left > $DIR/asked");
	buf_addstr(&f->script, "(\n");
	hooks_proxy_stop(&proxy, 2, &f->script);
	buf_addstr(&f->script, ") >/dev/null\ncat $DIR/asked\n");
	assert_int_equal(run(f), 0);
	assert_string_equal(f->output, "left\n");
}

FIXTURE_TEST(proxy_without_a_dashboard_waits)
{
	struct fixture *f = *state;
	int64_t start = clock_mono_ms();

	write_program(f, "codis-admin", "echo >$DIR/asked");
	hooks_proxy_stop(&(struct hooks_proxy){ NULL, "a:11080", "19000" }, 2, &f->script);
	assert_int_equal(run(f), 0);
	assert_in_range(clock_mono_ms() - start, 900, 10000);
	read_file(f, "asked");
	assert_string_equal(f->output, "");
}

FIXTURE_TEST(dashboard_stop)
{
	struct fixture *f = *state;

	write_program(f, "codis-admin", "echo \"$*\" > $DIR/asked; exit 1");
	hooks_dashboard_stop("10.0.0.1:18080", 25, &f->script);
	expect_admin(f, "--dashboard=10.0.0.1:18080 --shutdown\n");
}

/* --- every shell, every box of tools
 * ------------------------------------------------------------------------------------------------------------- */

enum script { READY, START, STOP, PROXY_READY, PROXY_STOP, DASHBOARD_STOP, SCRIPTS };

static const char *const names[] = { "ready", "start", "stop", "proxy ready", "proxy stop", "dashboard stop" };

/* A script that runs; what it is, and with which programs. */
struct
try {
	const char *shell, *box;
	enum script script;
	pid_t pid;
	int fd;
};

static void add_script(enum script script, struct buf *out)
{
	static const struct hooks_redis server = { "127.0.0.1", "6379", "secret" };

	switch (script) {
	case READY: hooks_server_ready(&server, out); break;
	case START: hooks_server_start(&server, out); break;
	case STOP: hooks_server_stop(&server, 2, false, out); break;
	case PROXY_READY: hooks_proxy_ready("127.0.0.1", "19000", out); break;
	case PROXY_STOP: hooks_proxy_stop(&proxy, 3, out); break;
	case DASHBOARD_STOP: hooks_dashboard_stop("127.0.0.1:18080", 2, out); break;
	case SCRIPTS: break;
	}
}

/* <dir>/<box> has the two tools that the scripts use, and no others: no timeout, no date. */
static void make_box(struct fixture *f, const char *box, const char *programs)
{
	buf_reset(&f->script);
	buf_addf(&f->script, "BOX=$DIR/%s; mkdir $BOX\nfor name in sleep grep; do\n", box);
	buf_addf(&f->script, "  ln -s $(command -v %s) $BOX/$name\n", strstr(box, "busybox") ? "busybox" : "$name");
	buf_addf(&f->script, "done\nfor name in redis-cli codis-admin; do %s; done\n", programs);
	assert_int_equal(run(f), 0);
}

#define SHELLS 3
#define BOXES  2

/* Each script by each shell with each box; all at once, since they wait. programs: how $name comes into $BOX.
 * Expects the statuses. */
static void expect_everywhere(struct fixture *f, const char *programs, const int status[SCRIPTS])
{
	static const char *const shells[SHELLS] = { "dash", "bash", "busybox" };
	static const char *const boxes[BOXES] = { "coreutils", "busybox-tools" };
	struct try tries[SHELLS * BOXES * SCRIPTS];
	char path[128], shell[64];
	int count = 0;

	for (int b = 0; b < BOXES; b++)
		make_box(f, boxes[b], programs);
	for (int i = 0; i < SHELLS * BOXES * SCRIPTS; i++) {
		struct try *t = &tries[count++];
		struct way way = { { shell, i % SHELLS == 2 ? "sh" : NULL }, path };

		*t = (struct try){ .shell = shells[i % SHELLS], .box = boxes[i / SHELLS % BOXES] };
		t->script = (enum script)(i / SHELLS / BOXES);
		snprintf(path, sizeof(path), "%s/%s", f->dir, t->box);
		snprintf(shell, sizeof(shell), "/bin/%s", t->shell);
		buf_reset(&f->script);
		add_script(t->script, &f->script);
		t->pid = start_script_by(f, &way, f->script.data, &t->fd);
	}
	for (int i = 0; i < count; i++) {
		int is = end_script(f, tries[i].pid, tries[i].fd);

		if (is != status[tries[i].script])
			fail_msg("%s in %s with %s: %d, %s", names[tries[i].script], tries[i].shell, tries[i].box, is,
				 f->output);
	}
}

#define PLAY(text) "printf '#!/bin/sh\\n%s\\n' '" text "' >$BOX/$name; chmod 755 $BOX/$name"

FIXTURE_TEST(nothing_is_left_by_scripts_that_get_answers)
{
	expect_everywhere(*state, PLAY("echo role:slave master_link_status:up OK"), (int[SCRIPTS]){ 0 });
}

FIXTURE_TEST(nothing_is_left_by_scripts_that_are_refused)
{
	expect_everywhere(*state, PLAY("echo Connection refused; exit 1"), (int[SCRIPTS]){ 1, 0, 0, 1, 0, 0 });
}

/* They end, and with them what has hung. */
FIXTURE_TEST(nothing_is_left_by_scripts_that_get_no_answer)
{
	expect_everywhere(*state, PLAY("PATH=/usr/bin:/bin; exec sleep 600"), (int[SCRIPTS]){ 1, 0, 0, 1, 0, 0 });
}

/* An image without them: a probe that could never be true would keep the pod unready for ever. */
FIXTURE_TEST(nothing_is_left_where_nobody_can_be_asked)
{
	expect_everywhere(*state, ":", (int[SCRIPTS]){ 0 });
}
/* --- the article's hooks
 * ---------------------------------------------------------------------------------------------- */

static cJSON *hook_of(const char *words)
{
	JSON_CLEANUP cJSON *list = parse_text(words);
	cJSON *hook = cJSON_CreateObject();

	cJSON_AddItemToObject(json_add_object(hook, "exec"), "command", cJSON_Duplicate(list, true));
	return hook;
}

static bool is_article(enum codis_component component, const char *which, const char *text)
{
	JSON_CLEANUP cJSON *hook = cJSON_CreateObject();
	const char *const words[] = { "/bin/sh", "-c", text };

	cJSON_AddItemToObject(json_add_object(hook, "exec"), "command", cJSON_CreateStringArray(words, 3));
	return article_warning(component, which, hook) != NULL;
}

TEST(the_article_is_known_in_any_shell_and_from_any_folder)
{
	static const char *const hooks[] = {
		"[\"/bin/bash\",\"-x\",\"-c\",\"codis-admin --group-add\"]",
		"[\"bash\",\"-euxo\",\"pipefail\",\"-c\",\"set -e; codis-admin --group-add || exit 1\"]",
		"[\"sh\",\"-ec\",\"/codisbin/codis-admin --group-add\",\"x\"]",
		"[\"sh\",\"-c\",\"until redis-cli ping | grep -q PONG; do sleep 1; done; \\\"$CODIS_ADMIN\\\" "
		"--group-add\"]",
	};
	static const char *const others[] = {
		"[\"sh\",\"-c\",\"codis-admin --group-add; redis-cli config set maxmemory 1gb\"]",
		"[\"sh\",\"-c\",\"codis-admin --group-add; /backup/codis-admin.sh\"]",
		"[\"codis-admin\",\"--group-add\"]",
	};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		JSON_CLEANUP cJSON *hook = hook_of(hooks[i]);

		if (!article_warning(CODIS_SERVER, "postStart", hook))
			fail_msg("%s", hooks[i]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		JSON_CLEANUP cJSON *hook = hook_of(others[i]);

		if (article_warning(CODIS_SERVER, "postStart", hook))
			fail_msg("%s", others[i]);
	}
}

TEST(the_step_that_ends_a_server_without_a_role_is_found)
{
	static const struct {
		const char *words, *step;
	} cases[] = {
		{ "[\"sh\",\"-c\",\"curl x; codis-admin --group-add --gid=1\"]", "--group-add" },
		{ "[\"codis-admin\",\"--dashboard=d\",\"--group-add\"]", "--group-add" },
		{ "[\"bash\",\"-c\",\"codis-admin --sync-action --create\"]", "--sync-action" },
		{ "[\"sh\",\"-c\",\"codis-admin --group-add && true\"]", "--group-add" },
		{ "[\"sh\",\"-c\",\"codis-admin --group-add || exit 1; true\"]", "--group-add" },
		{ "[\"sh\",\"-c\",\"if ! codis-admin --group-add; then exit; fi; exit 0\"]", "--group-add" },
		{ "[\"sh\",\"-c\",\"set -e; codis-admin --group-add; true\"]", "--group-add" },
		{ "[\"sh\",\"-ec\",\"codis-admin --group-add; true\"]", "--group-add" },
		{ "[\"sh\",\"-c\",\"until codis-admin --group-add; do sleep 1; done; true\"]", "--group-add" },
		{ "[\"sh\",\"-c\",\"codis-admin --group-add 'x\"]", "--group-add" },
		{ "[\"sh\",\"-c\",\"codis-admin --group-add || true\"]", NULL },
		{ "[\"sh\",\"-c\",\"codis-admin --group-add; echo $?\"]", NULL },
		{ "[\"sh\",\"-c\",\"{ codis-admin --group-add; exit 0; }\"]", NULL },
		{ "[\"sh\",\"-c\",\"curl x\"]", NULL },
		{ "[\"/hooks/start.sh\"]", NULL },
		{ "[7,{}]", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		JSON_CLEANUP cJSON *hook = hook_of(cases[i].words);
		const char *step = article_ending_step(hook);

		if ((step || cases[i].step) && (!step || !cases[i].step || strcmp(step, cases[i].step) != 0))
			fail_msg("%s: %s", cases[i].words, step ? step : "none");
	}
	assert_null(article_ending_step(NULL));
}

TEST(article_is_known)
{
	assert_true(is_article(
		CODIS_SERVER, "postStart",
		"codis-admin --dashboard=d --reload; if [ $? != 0 ]; then exit 1; fi; sid=`hostname |awk -F'-' "
		"'{print $3}'`;gid=$(expr $sid / ${SERVER_REPLICA} + 1); codis-admin --group-add --gid=${gid} "
		"1>/dev/null "
		"2>&1; if [ $? != 0  -a ${SERVER_REPLICA} -gt 1 ]; then exit 1; fi"));
	assert_true(is_article(CODIS_SERVER, "preStop", "$admin --group-del --gid=1 --addr=$POD_IP:6379"));
	assert_true(is_article(CODIS_PROXY, "preStop", "codis-admin --remove-proxy --addr=a"));
	assert_true(is_article(CODIS_DASHBOARD, "preStop",
			       "PID=$(cat log/dashboard.pid) && kill $PID && while ps -p 1 > /dev/null; "
			       "do sleep 1; done"));
}

TEST(other_hooks_are_not_the_article)
{
	assert_false(is_article(CODIS_SERVER, "postStart", "codis-admin --group-add; curl -X POST monitoring"));
	assert_false(is_article(CODIS_SERVER, "postStart", "codis-admin --reload"));
	assert_false(is_article(CODIS_SERVER, "postStart", "codis-admin --group-add 'x"));
	assert_false(is_article(CODIS_PROXY, "preStop", "codis-admin --group-del"));
	assert_false(is_article(CODIS_PROXY, "postStart", "codis-admin --remove-proxy"));
	assert_null(article_warning(CODIS_SERVER, "postStart", NULL));
}
