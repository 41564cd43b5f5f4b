/* When a group has lost its data, and when it has not. */
#include "controller/data.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

#define WALL 1795669418000

static struct redis_info info_of(const char *run_id, int64_t keys)
{
	struct redis_info info = { .keys = keys, .role = REDIS_ROLE_MASTER };

	snprintf(info.run_id, sizeof(info.run_id), "%s", run_id);
	return info;
}

static void master(struct data_group *g, const struct data_process *p, const char *run_id, int64_t keys)
{
	struct redis_info info = info_of(run_id, keys);

	data_hear_master(g, p, &info, WALL);
}

static void process(struct data_process *p, const char *run_id, int64_t keys, const char *synced_with)
{
	struct redis_info info = info_of(run_id, keys);

	data_hear_process(p, &info, synced_with);
}

TEST(empty_server_leads_a_group_that_had_keys)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	process(&p, "new", 0, ""); /* with the guard, before it is given the role */
	master(&g, &p, "new", 0);
	assert_int_equal(g.lost_keys, 130);
	assert_int_equal(g.lost_wall_ms, WALL);
	assert_int_equal(g.keys, 0);
	data_noted(&g);
	master(&g, &p, "new", 5);
	assert_int_equal(g.lost_keys, 0);
}

/* Clients write at once: what it had when it got the role counts. */
TEST(empty_server_that_has_been_written_to_since)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	process(&p, "new", 0, "");
	master(&g, &p, "new", 70);
	assert_int_equal(g.lost_keys, 130);
	assert_int_equal(g.keys, 70);
}

/* A process that is first heard as master: there is nothing else to go by. */
TEST(server_that_was_not_seen_before)
{
	struct data_group g = { 0 }, h = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	master(&g, &p, "new", 0);
	assert_int_equal(g.lost_keys, 130);
	master(&h, &p, "old", 130);
	process(&p, "another", 0, ""); /* of the process before it at this address */
	master(&h, &p, "new", 12);
	assert_int_equal(h.lost_keys, 0);
}

TEST(replica_takes_over)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	process(&p, "replica", 130, "old");
	process(&p, "replica", 130, ""); /* its link is down */
	master(&g, &p, "replica", 130);
	assert_int_equal(g.lost_keys, 0);
	assert_string_equal(g.run_id, "replica");
}

TEST(flushall_is_no_loss)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	master(&g, &p, "old", 0);
	assert_int_equal(g.lost_keys, 0);
	master(&g, &p, "new", 0);
	assert_int_equal(g.lost_keys, 0);
}

/* FLUSHALL, and the master ends before it is heard again; its replica has the same nothing. */
TEST(flushall_then_failover)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	process(&p, "replica", 0, "old");
	process(&p, "replica", 0, "");
	master(&g, &p, "replica", 0);
	assert_int_equal(g.lost_keys, 0);
}

/* It was in sync with keys, dropped them for a resync that never ended, and leads now. */
TEST(replica_that_has_dropped_its_data)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	process(&p, "replica", 130, "old");
	process(&p, "replica", 0, "");
	master(&g, &p, "replica", 0);
	assert_int_equal(g.lost_keys, 130);
}

/* The unguarded disaster: a master restarts empty, its replica copies that. */
TEST(replica_of_an_empty_master)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	process(&p, "replica", 130, "old");
	process(&p, "replica", 0, "restarted");
	master(&g, &p, "replica", 0);
	assert_int_equal(g.lost_keys, 130);
}

/* Over the end of a controller: the keys are known from the StatefulSet, the process is not. */
TEST(recalled)
{
	struct data_group g = { 0 }, h = { 0 };
	struct data_process p = { 0 };

	data_recall(&g, -1);
	assert_false(g.known);
	data_recall(&g, 130);
	master(&g, &p, "x", 131);
	assert_int_equal(g.lost_keys, 0);
	data_recall(&g, 5); /* too late */
	assert_int_equal(g.keys, 131);

	data_recall(&h, 130);
	process(&p, "y", 0, "");
	master(&h, &p, "y", 3);
	assert_int_equal(h.lost_keys, 130);
}

TEST(given_up)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "old", 130);
	data_give_up(&g);
	data_recall(&g, 130); /* what is noted is not so new */
	master(&g, &p, "new", 0);
	assert_int_equal(g.lost_keys, 0);
}

/* Twice before it is noted. */
TEST(lost_again)
{
	struct data_group g = { 0 };
	struct data_process p = { 0 };

	master(&g, &p, "a", 130);
	master(&g, &p, "b", 0);
	g.told = true;
	master(&g, &p, "b", 20);
	master(&g, &p, "c", 0);
	assert_int_equal(g.lost_keys, 150);
	assert_false(g.told);
}
