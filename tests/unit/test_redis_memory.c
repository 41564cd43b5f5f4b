/* The nth allocation fails, for every n: a connection, a command and a probe are right, or say cleanly that they are
 * not, and leave nothing behind. The peer is another thread, for which there is memory. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/error.h"
#include "common/codis/probe.h"
#include "common/codis/redis_command.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/nomem.h"
#include "tests/unit/redis_peer.h"
#include "tests/unit/test.h"

#define LIMIT_MS 5000
#define HIGH_FD  100

/* --- a peer that answers as a server does ------------------------------------------------------------------------- */

static int listener;
static uint16_t port;
static pthread_t thread;

static void *play(void *unused)
{
	char in[1000];
	int fd;

	(void)unused;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		while (recv(fd, in, sizeof(in), 0) > 0) {
			if (memmem(in, sizeof(in), "AUTH", 4))
				send(fd, "+OK\r\n", 5, MSG_NOSIGNAL);
			if (memmem(in, sizeof(in), "INFO", 4))
				send(fd, redis_peer_info, strlen(redis_peer_info), MSG_NOSIGNAL);
			memset(in, 0, sizeof(in));
		}
		close(fd);
	}
	return NULL;
}

static int start_peer(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	listener = listen_anywhere(&port);
	return pthread_create(&thread, NULL, play, NULL);
}

static int stop_peer(void **state)
{
	(void)state;
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	return 0;
}

TEST_GROUP(start_peer, stop_peer)

/* --- each allocation ---------------------------------------------------------------------------------------------- */

struct fixture {
	uv_loop_t uv;
	uv_timer_t guard;
	char addr[40];
	int called, changes;
	struct error err;
	char answer[100];
	bool heard;
};

static void on_limit(uv_timer_t *t)
{
	(void)t;
	nomem_off();
	fail_msg("nothing came within %d ms", LIMIT_MS);
}

static void on_never(uv_poll_t *poll, int status, int events)
{
	(void)poll;
	(void)status;
	(void)events;
}

/* libuv ends the process where its table of descriptors cannot grow. How high they get is chance: the peer closes and
 * takes connections when it comes to it. */
static void grow_table(uv_loop_t *uv)
{
	int one = eventfd(0, 0), fd = fcntl(one, F_DUPFD, HIGH_FD);
	uv_poll_t poll;

	assert_true(fd >= HIGH_FD);
	assert_int_equal(uv_poll_init(uv, &poll, fd), 0);
	assert_int_equal(uv_poll_start(&poll, UV_READABLE, on_never), 0);
	uv_close((uv_handle_t *)&poll, NULL);
	uv_run(uv, UV_RUN_DEFAULT);
	close(fd);
	close(one);
}

static void with_each_allocation(void (*scenario)(struct fixture *f))
{
	struct fixture f = { 0 };

	uv_loop_init(&f.uv);
	grow_table(&f.uv);
	uv_timer_init(&f.uv, &f.guard);
	snprintf(f.addr, sizeof(f.addr), "127.0.0.1:%d", port);
	NOMEM_EACH
	{
		uv_timer_start(&f.guard, on_limit, LIMIT_MS, 0);
		nomem_on();
		scenario(&f);
		nomem_off();
	}
	uv_close((uv_handle_t *)&f.guard, NULL);
	uv_run(&f.uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f.uv), 0);
}

static void on_done(void *ctx, const char *answer, const struct error *err)
{
	struct fixture *f = ctx;

	f->called++;
	f->answer[0] = '\0';
	if (err)
		f->err = *err;
	else
		memcpy(f->answer, answer, strlen(answer) < sizeof(f->answer) ? strlen(answer) + 1 : 0);
}

static void turn_until_closed(struct fixture *f)
{
	uv_unref((uv_handle_t *)&f->guard);
	uv_run(&f->uv, UV_RUN_DEFAULT);
	uv_ref((uv_handle_t *)&f->guard);
}

static void assert_no_memory(const struct fixture *f)
{
	NOMEM_PAUSE;

	assert_true(nomem_failed());
	assert_int_equal(f->err.code, ERR_NOMEM);
	assert_non_null(strstr(f->err.text, "memory"));
}

static void do_command(struct fixture *f)
{
	static const char *const words[] = { "INFO" };

	f->called = 0;
	f->err.code = ERR_NONE;
	if (redis_command(&f->uv, f->addr, "secret", 1, words, LIMIT_MS, on_done, f, &f->err) < 0) {
		assert_no_memory(f);
		turn_until_closed(f);
		return;
	}
	while (!f->called)
		uv_run(&f->uv, UV_RUN_ONCE);
	turn_until_closed(f);
	if (f->called != 1)
		fail_msg("called %d times", f->called);
	if (f->err.code)
		assert_no_memory(f);
	else if (strncmp(f->answer, "run_id:", 7) != 0)
		fail_msg("answered \"%s\"", f->answer);
}

TEST(a_command_with_each_allocation_failing)
{
	with_each_allocation(do_command);
}

static void on_change(void *ctx, struct redis_probe *p)
{
	const struct redis_probe_state *s = redis_probe_state(p);
	struct fixture *f = ctx;

	f->changes++;
	f->heard = f->heard || s->info_valid;
	/* What this side lacks is no evidence. */
	if (s->reach == REACH_REFUSED || s->reach == REACH_SILENT)
		fail_msg("reach %d", s->reach);
}

static void do_probe(struct fixture *f)
{
	struct redis_probe_config cfg = { .addr = f->addr,
					  .auth = "secret",
					  .period_ms = 5,
					  .timeout_ms = LIMIT_MS,
					  .on_change = on_change,
					  .ctx = f };
	struct redis_probe *p = redis_probe_start(&f->uv, &cfg, &f->err);

	f->heard = false;
	if (!p) {
		assert_no_memory(f);
		return;
	}
	while (!f->heard) {
		uv_run(&f->uv, UV_RUN_ONCE);
		if (nomem_failed())
			nomem_off(); /* there is memory again, and the probe goes on */
	}
	redis_probe_stop(p);
	turn_until_closed(f);
}

TEST(a_probe_with_each_allocation_failing)
{
	with_each_allocation(do_probe);
}
