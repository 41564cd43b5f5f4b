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

/* What is opened for these words. */
static void resolved_as(const char *words, const char *servers)
{
	static const struct logger quiet = { .fd = -1, .level = LOG_LEVEL_ERROR };
	struct controller ctl = { .log = &quiet };
	static struct cluster c;
	uv_timer_t limit;
	uv_loop_t uv;

	uv_loop_init(&uv);
	uv_timer_init(&uv, &limit);
	uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
	ctl.uv = &uv;
	memset(&c, 0, sizeof(c));
	c.ctl = &ctl;
	snprintf(c.namespace, sizeof(c.namespace), "nowhere");
	snprintf(c.zk_name, sizeof(c.zk_name), "%s", words);
	zookeeper_tick(&c, 1000);
	while (!c.zk)
		uv_run(&uv, UV_RUN_ONCE);
	assert_string_equal(c.zk_resolved, servers);
	coordinator_close(c.zk);
	uv_close((uv_handle_t *)&limit, NULL);
	uv_run(&uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&uv), 0);
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
	static const struct logger quiet = { .fd = -1, .level = LOG_LEVEL_ERROR };
	struct controller ctl = { .log = &quiet };
	static struct cluster c;
	uv_timer_t limit;
	uv_loop_t uv;

	uv_loop_init(&uv);
	uv_timer_init(&uv, &limit);
	uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
	ctl.uv = &uv;
	memset(&c, 0, sizeof(c));
	c.ctl = &ctl;
	snprintf(c.namespace, sizeof(c.namespace), "nowhere");
	/* No name server is asked for a label that is too long. */
	snprintf(c.zk_name, sizeof(c.zk_name), "%064d.zookeper:2181", 0);
	zookeeper_tick(&c, 1000);
	assert_false(c.zk_unresolved);
	while (c.zk_resolving)
		uv_run(&uv, UV_RUN_ONCE);
	assert_true(c.zk_unresolved);
	assert_null(c.zk);
	snprintf(c.zk_name, sizeof(c.zk_name), "127.0.0.1:2182");
	zookeeper_tick(&c, 20000);
	while (c.zk_resolving)
		uv_run(&uv, UV_RUN_ONCE);
	assert_false(c.zk_unresolved);
	coordinator_close(c.zk);
	uv_close((uv_handle_t *)&limit, NULL);
	uv_run(&uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&uv), 0);
}

TEST(without_a_port_and_with_a_folder)
{
	resolved_as("127.0.0.1", "127.0.0.1:2181");
	resolved_as("127.0.0.1:2182/codis", "127.0.0.1:2182");
}
