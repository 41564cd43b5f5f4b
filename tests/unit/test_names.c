/* No name is looked up on the loop's own thread, whatever is connected to: a resolver that answers late would hold up
 * everything else. getaddrinfo() is this file's own here, for all libraries as well. */
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "common/base/error.h"
#include "common/codis/coordinator.h"
#include "common/codis/probe.h"
#include "common/codis/redis_command.h"
#include "common/codis/redis_conn.h"
#include "common/codis/rest.h"
#include "common/net/http.h"
#include "tests/unit/test.h"

#define NAME "codis-server-0.codis-server"

static pthread_t loop_thread;
static atomic_int on_loop, elsewhere;
static sem_t answer; /* elsewhere a look-up waits for it */

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	(void)node;
	(void)service;
	(void)hints;
	*res = NULL;
	if (pthread_equal(pthread_self(), loop_thread)) {
		on_loop++;
	} else {
		elsewhere++;
		sem_wait(&answer);
	}
	return EAI_AGAIN;
}

static void on_answer(void *ctx, const char *text, const struct error *err)
{
	(void)ctx;
	(void)text;
	(void)err;
	fail_msg("called back");
}

static void on_ended(void *ctx, bool was_connected, const struct error *err)
{
	(void)was_connected;
	on_answer(ctx, NULL, err);
}

static void assert_named(int failed, const struct error *err)
{
	assert_true(failed);
	assert_int_equal(err->code, ERR_INVALID);
	assert_non_null(strstr(err->text, "is no numeric address, and names are not looked up here"));
}

TEST(a_redis_server_and_zookeeper_are_not_connected_to_by_name)
{
	static const char *const words[] = { "PING" };
	struct coordinator_config zk = { .servers = NAME ":2181", .session_ms = 4000, .call_ms = 500 };
	struct error err;
	uv_loop_t uv;

	loop_thread = pthread_self();
	uv_loop_init(&uv);
	assert_named(!redis_conn_open(&uv, NAME ":6379", on_ended, NULL, &err), &err);
	assert_named(redis_command(&uv, NAME ":6379", NULL, 1, words, 100, on_answer, NULL, &err) < 0, &err);
	assert_named(!coordinator_open(&uv, &zk, &err), &err);
	while (uv_run(&uv, UV_RUN_ONCE))
		;
	assert_int_equal(uv_loop_close(&uv), 0);
	assert_int_equal(on_loop + elsewhere, 0);
}

static void on_change(void *ctx, struct redis_probe *p)
{
	(void)p;
	++*(int *)ctx;
}

TEST(a_probe_of_a_name_looks_nothing_up)
{
	int changes = 0;
	struct redis_probe_config cfg = {
		.addr = NAME ":6379", .period_ms = 10, .timeout_ms = 10, .on_change = on_change, .ctx = &changes
	};
	struct redis_probe *p;
	uv_loop_t uv;

	loop_thread = pthread_self();
	uv_loop_init(&uv);
	p = redis_probe_start(&uv, &cfg, NULL);
	assert_non_null(p);
	while (changes < 5)
		uv_run(&uv, UV_RUN_ONCE);
	assert_int_equal(redis_probe_state(p)->reach, REACH_UNKNOWN);
	redis_probe_stop(p);
	uv_run(&uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&uv), 0);
	assert_int_equal(on_loop + elsewhere, 0);
}

struct asking {
	bool done;
	struct error err;
};

static void on_proxy(void *ctx, const cJSON *json, const struct error *err)
{
	struct asking *a = ctx;

	(void)json;
	a->done = true;
	if (err)
		a->err = *err;
}

static void on_turn(uv_timer_t *timer)
{
	(void)timer;
	if (elsewhere)
		uv_stop(timer->loop);
}

/* A proxy registers itself by its name, so that is looked up, in a thread. */
TEST(the_loop_turns_while_the_name_of_a_proxy_is_looked_up)
{
	struct overview_slots slots = { 0 };
	struct asking asking = { 0 };
	struct http_client *http;
	uv_timer_t turns;
	uv_loop_t uv;

	loop_thread = pthread_self();
	sem_init(&answer, 0, 0);
	uv_loop_init(&uv);
	uv_timer_init(&uv, &turns);
	http = http_client_new(&uv, NULL, NULL);
	assert_non_null(http);
	assert_int_equal(proxy_overview(http, NAME ":11080", 5000, &slots, on_proxy, &asking, NULL), 0);
	uv_timer_start(&turns, on_turn, 1, 1);
	uv_run(&uv, UV_RUN_DEFAULT);
	/* It is being looked up, and the timer has run. */
	assert_false(asking.done);
	uv_close((uv_handle_t *)&turns, NULL);
	for (int i = 0; i < 100; i++)
		sem_post(&answer);
	while (!asking.done)
		uv_run(&uv, UV_RUN_ONCE);
	assert_non_null(strstr(asking.err.text, "Could not resolve host"));
	assert_int_equal(on_loop, 0);
	http_client_free(http);
	uv_run(&uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&uv), 0);
}
