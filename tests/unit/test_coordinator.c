/* The coordinator against a real ZooKeeper on the loopback. One of the two members that it is given does not exist. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/codis/coordinator.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/test.h"

#define LIMIT_MS 30000
#define START_MS 90000 /* of a JVM on a machine that has other work; less than run-unit gives the whole program */
#define NODE     "/codis3/codis-test/group/group-0001"

struct fixture {
	char dir[64];
	int port, dead_port;
	pid_t pid;
	uv_loop_t uv;
	uv_timer_t limit;
	struct coordinator *c;
	int done, version, count;
	int64_t czxid; /* of the node that was read last */
	enum error_code code;
	char data[128];
	char changed[128]; /* the path that was told last; "*" for NULL */
};

static int start_zookeeper(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[128];
	FILE *cfg;

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/codis-coordinator-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->port = free_port();
	f->dead_port = free_port();
	snprintf(path, sizeof(path), "%s/zoo.cfg", f->dir);
	cfg = fopen(path, "w");
	assert_non_null(cfg);
	fprintf(cfg, "tickTime=500\ndataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n",
		f->dir, f->port);
	fclose(cfg);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(126);
		execlp("java", "java", "-Xmx64m", "-cp", "/usr/share/java/*",
		       "org.apache.zookeeper.server.quorum.QuorumPeerMain", path, (char *)NULL);
		_exit(127);
	}
	*state = f;
	return 0;
}

static int stop_zookeeper(void **state)
{
	struct fixture *f = *state;
	char command[128];

	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void on_limit(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing came in time");
}

static void on_changed(void *ctx, const char *path)
{
	struct fixture *f = ctx;

	snprintf(f->changed, sizeof(f->changed), "%s", path ? path : "*");
}

static int open_coordinator(void **state)
{
	struct fixture *f = *state;
	struct coordinator_config cfg = { .session_ms = 4000, .call_ms = 500, .on_changed = on_changed };
	struct error err = ERROR_INIT;
	char servers[64];

	snprintf(servers, sizeof(servers), "127.0.0.1:%d,127.0.0.1:%d", f->dead_port, f->port);
	cfg.servers = servers;
	cfg.ctx = f;
	uv_loop_init(&f->uv);
	uv_timer_init(&f->uv, &f->limit);
	f->c = coordinator_open(&f->uv, &cfg, &err);
	assert_non_null(f->c);
	uv_timer_start(&f->limit, on_limit, START_MS, 0);
	while (!coordinator_ready(f->c))
		uv_run(&f->uv, UV_RUN_ONCE);
	uv_timer_stop(&f->limit);
	return 0;
}

static int close_coordinator(void **state)
{
	struct fixture *f = *state;

	coordinator_close(f->c);
	f->c = NULL;
	uv_close((uv_handle_t *)&f->limit, NULL);
	uv_run(&f->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->uv), 0);
	return 0;
}

static void on_done(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		    const struct error *err)
{
	struct fixture *f = ctx;

	f->done++;
	f->code = err ? err->code : ERR_NONE;
	f->version = stat->version;
	if (stat->czxid)
		f->czxid = stat->czxid;
	snprintf(f->data, sizeof(f->data), "%.*s", (int)len, data ? data : "");
}

static void on_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct fixture *f = ctx;

	f->done++;
	f->code = err ? err->code : ERR_NONE;
	f->count = count;
	snprintf(f->data, sizeof(f->data), "%s", count ? names[0] : "");
}

static void await(struct fixture *f, int started)
{
	assert_int_equal(started, 0);
	assert_int_equal(f->done, 0); /* never from within */
	uv_timer_start(&f->limit, on_limit, LIMIT_MS, 0);
	while (!f->done)
		uv_run(&f->uv, UV_RUN_ONCE);
	uv_timer_stop(&f->limit);
	assert_int_equal(f->done, 1);
	f->done = 0;
}

#define FIXTURE_TEST(name) TEST_WITH(name, open_coordinator, close_coordinator)

static void await_change(struct fixture *f, const char *path)
{
	uv_timer_start(&f->limit, on_limit, LIMIT_MS, 0);
	while (strcmp(f->changed, path) != 0)
		uv_run(&f->uv, UV_RUN_ONCE);
	uv_timer_stop(&f->limit);
	f->changed[0] = '\0';
}

FIXTURE_TEST(create_makes_parents_and_refuses_a_second)
{
	struct fixture *f = *state;

	await(f, coordinator_create(f->c, NODE, "one", 3, on_done, f, NULL));
	assert_int_equal(f->code, ERR_NONE);
	assert_int_equal(f->version, 0);
	await(f, coordinator_create(f->c, NODE, "two", 3, on_done, f, NULL));
	assert_int_equal(f->code, ERR_EXISTS);
	await(f, coordinator_list(f->c, "/codis3/codis-test/group", on_names, f, NULL));
	assert_int_equal(f->count, 1);
	assert_string_equal(f->data, "group-0001");
}

FIXTURE_TEST(a_write_of_an_old_version_is_refused)
{
	struct fixture *f = *state;
	struct error err = ERROR_INIT;

	await(f, coordinator_set(f->c, NODE, "three", 5, 0, on_done, f, NULL));
	assert_int_equal(f->code, ERR_NONE);
	assert_int_equal(f->version, 1);
	await(f, coordinator_set(f->c, NODE, "four", 4, 0, on_done, f, NULL));
	assert_int_equal(f->code, ERR_CONFLICT);
	await(f, coordinator_get(f->c, NODE, on_done, f, NULL));
	assert_string_equal(f->data, "three");
	assert_int_equal(f->version, 1);
	assert_int_equal(coordinator_set(f->c, NODE, "five", 4, -1, on_done, f, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

FIXTURE_TEST(delete_wants_the_version_too)
{
	struct fixture *f = *state;

	await(f, coordinator_delete(f->c, NODE, &(struct coordinator_stat){ 7, f->czxid, 0 }, on_done, f, NULL));
	assert_int_equal(f->code, ERR_CONFLICT);
	await(f, coordinator_delete(f->c, NODE, &(struct coordinator_stat){ 1, f->czxid, 0 }, on_done, f, NULL));
	assert_int_equal(f->code, ERR_NONE);
	await(f, coordinator_get(f->c, NODE, on_done, f, NULL));
	assert_int_equal(f->code, ERR_NOTFOUND);
}

FIXTURE_TEST(what_is_under_way_ends_with_an_error)
{
	struct fixture *f = *state;

	assert_int_equal(coordinator_get(f->c, NODE, on_done, f, NULL), 0);
	coordinator_close(f->c);
	f->c = NULL;
	assert_int_equal(f->done, 1);
	assert_int_equal(f->code, ERR_IO);
	f->done = 0;
}

FIXTURE_TEST(a_hung_member_is_given_up)
{
	struct fixture *f = *state;

	kill(f->pid, SIGSTOP);
	assert_int_equal(waitpid(f->pid, NULL, WUNTRACED), f->pid); /* it has stopped */
	await(f, coordinator_get(f->c, NODE, on_done, f, NULL));
	kill(f->pid, SIGCONT);
	assert_int_equal(f->code, ERR_TIMEOUT);
}

FIXTURE_TEST(a_change_of_what_was_read_is_told)
{
	struct fixture *f = *state;
	const char *folder = "/codis3/watched", *node = "/codis3/watched/one";

	await_change(f, "*"); /* the member came */
	await(f, coordinator_create(f->c, node, "one", 3, on_done, f, NULL));
	await(f, coordinator_list(f->c, folder, on_names, f, NULL));
	await(f, coordinator_get(f->c, node, on_done, f, NULL));
	assert_string_equal(f->changed, "");
	await(f, coordinator_set(f->c, node, "two", 3, 0, on_done, f, NULL));
	await_change(f, node);
	/* Once a read: this one is told to nobody. */
	await(f, coordinator_set(f->c, node, "three", 5, 1, on_done, f, NULL));
	assert_string_equal(f->changed, "");
	await(f, coordinator_create(f->c, "/codis3/watched/two", "", 0, on_done, f, NULL));
	await_change(f, folder);
	await(f, coordinator_get(f->c, node, on_done, f, NULL));
	await(f, coordinator_delete(f->c, node, &(struct coordinator_stat){ 2, f->czxid, 0 }, on_done, f, NULL));
	await_change(f, node);
}

/* What changes there meanwhile is told by nobody, so all that was read is in doubt. */
FIXTURE_TEST(a_member_that_is_lost_is_told)
{
	struct fixture *f = *state;

	await_change(f, "*");
	kill(f->pid, SIGSTOP);
	await_change(f, "*");
	assert_false(coordinator_ready(f->c));
	assert_false(coordinator_hears(f->c, 1));
	kill(f->pid, SIGCONT);
	await_change(f, "*");
	assert_true(coordinator_ready(f->c));
	assert_false(coordinator_hears(f->c, 0)); /* nobody is there */
	assert_true(coordinator_hears(f->c, 1));
	assert_false(coordinator_hears(f->c, 2));
}

/* Its client looks names up while the loop stands still. */
TEST(members_are_addresses)
{
	static const char *const wrong[][2] = {
		{ "127.0.0.1:1,zk-1.zk:2181",
		  "ZooKeeper server: \"zk-1.zk:2181\" is no numeric address, and names are not "
		  "looked up here" },
		{ "127.0.0.1", "ZooKeeper server: \"127.0.0.1\" is not HOST:PORT with a port from 0 to 65535" },
		{ ",", "no ZooKeeper server is named" },
		{ "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4,127.0.0.1:5,127.0.0.1:6,127.0.0.1:7,[::1]:8",
		  "more than 7 ZooKeeper servers: 127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4,127.0.0.1:5,"
		  "127.0.0.1:6,127.0.0.1:7,[::1]:8" },
	};
	struct coordinator_config cfg = { .session_ms = 4000, .call_ms = 500 };
	struct fixture *f = *state;
	struct error err;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cfg.servers = wrong[i][0];
		assert_null(coordinator_open(&f->uv, &cfg, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.text, wrong[i][1]);
	}
}

static void stop_loop(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	uv_stop(poll->loop);
}

/* A member that listens on ::1 is found; nothing has to answer for that. */
TEST(a_member_may_have_ipv6)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(sin6);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct coordinator_config cfg = { .session_ms = 4000, .call_ms = 500 };
	struct fixture *f = *state;
	char servers[32];
	uv_poll_t poll;

	assert_int_equal(bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin6, &len), 0);
	snprintf(servers, sizeof(servers), "[::1]:%d", ntohs(sin6.sin6_port));
	cfg.servers = servers;
	uv_loop_init(&f->uv);
	uv_timer_init(&f->uv, &f->limit);
	uv_timer_start(&f->limit, on_limit, LIMIT_MS, 0);
	uv_poll_init(&f->uv, &poll, fd);
	uv_poll_start(&poll, UV_READABLE, stop_loop);
	f->c = coordinator_open(&f->uv, &cfg, NULL);
	assert_non_null(f->c);
	uv_run(&f->uv, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&poll, NULL);
	close_coordinator(state);
	close(fd);
}

TEST_GROUP(start_zookeeper, stop_zookeeper)
