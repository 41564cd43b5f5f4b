/* Where a cluster's ZooKeeper is: names and addresses as they stand in a pod, and what the coordinator gets of them. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/codis/coordinator.h"
#include "controller/cluster.h"
#include "controller/zookeeper.h"
#include "tests/unit/test.h"

#define LIMIT_MS 10000

static void on_limit(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing came within %d ms", LIMIT_MS);
}

struct resolving {
	struct controller ctl;
	struct cluster c;
	uv_timer_t limit;
	uv_loop_t uv;
};

static void begin(struct resolving *r, const char *words)
{
	static const struct logger quiet = { .fd = -1, .level = LOG_LEVEL_ERROR };

	memset(r, 0, sizeof(*r));
	uv_loop_init(&r->uv);
	uv_timer_init(&r->uv, &r->limit);
	uv_timer_start(&r->limit, on_limit, LIMIT_MS, 0);
	r->ctl = (struct controller){ .log = &quiet, .uv = &r->uv };
	r->c.ctl = &r->ctl;
	snprintf(r->c.namespace, sizeof(r->c.namespace), "nowhere");
	snprintf(r->c.zk_name, sizeof(r->c.zk_name), "%s", words);
	zookeeper_tick(&r->c, 1000);
}

static void end(struct resolving *r)
{
	coordinator_close(r->c.zk);
	uv_close((uv_handle_t *)&r->limit, NULL);
	uv_run(&r->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&r->uv), 0);
}

/* What is opened for these words. */
static void resolved_as(const char *words, const char *servers)
{
	static struct resolving r;

	begin(&r, words);
	while (!r.c.zk)
		uv_run(&r.uv, UV_RUN_ONCE);
	assert_string_equal(r.c.zk_resolved, servers);
	end(&r);
}

TEST(addresses_of_both_families)
{
	resolved_as("127.0.0.1:2182", "127.0.0.1:2182");
	resolved_as("[::1]:2182", "[::1]:2182");
	resolved_as("127.0.0.2:2181,127.0.0.1:2181,[::1]:2181", "127.0.0.1:2181,127.0.0.2:2181,[::1]:2181");
}

/* What the status says of a name that is misspelt; it is asked for again, and may have one then. */
TEST(name_without_an_address)
{
	static struct resolving r;
	char words[128];

	/* No name server is asked for a label that is too long. */
	snprintf(words, sizeof(words), "%064d.zookeper:2181", 0);
	begin(&r, words);
	assert_false(r.c.zk_unresolved);
	while (r.c.zk_resolving)
		uv_run(&r.uv, UV_RUN_ONCE);
	assert_true(r.c.zk_unresolved);
	assert_null(r.c.zk);
	snprintf(r.c.zk_name, sizeof(r.c.zk_name), "127.0.0.1:2182");
	zookeeper_tick(&r.c, 20000);
	while (r.c.zk_resolving)
		uv_run(&r.uv, UV_RUN_ONCE);
	assert_false(r.c.zk_unresolved);
	end(&r);
}

TEST(without_a_port_and_with_a_folder)
{
	resolved_as("127.0.0.1", "127.0.0.1:2181");
	resolved_as("127.0.0.1:2182/codis", "127.0.0.1:2182");
}
