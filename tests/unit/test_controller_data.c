/* When a group has lost its data, and when it has not. */
#include "controller/data.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

#define WALL 1795669418000

/* Nothing is known yet of either when a test begins. */
static struct data_group g;
static struct data_process p;

static int begin(void **state)
{
	(void)state;
	g = (struct data_group){ 0 };
	p = (struct data_process){ 0 };
	return 0;
}
#define DATA_TEST(name) TEST_WITH(name, begin, NULL)

static struct redis_info info_of(const char *run_id, int64_t keys)
{
	struct redis_info info = { .keys = keys, .role = REDIS_ROLE_MASTER };

	snprintf(info.run_id, sizeof(info.run_id), "%s", run_id);
	return info;
}

static void master(const char *run_id, int64_t keys)
{
	struct redis_info info = info_of(run_id, keys);

	data_hear_master(&g, &p, &info, WALL);
}

static void master_of_another_address(const char *run_id, int64_t keys)
{
	struct redis_info info = info_of(run_id, keys);
	struct data_process other = { .keys = -1 };

	data_hear_master(&g, &other, &info, WALL);
}

static void process(const char *run_id, int64_t keys, const char *synced_with)
{
	struct redis_info info = info_of(run_id, keys);

	data_hear_process(&p, &info, synced_with);
}

DATA_TEST(empty_server_leads_a_group_that_had_keys)
{
	master("old", 130);
	process("new", 0, ""); /* with the guard, before it is given the role */
	master("new", 0);
	assert_int_equal(g.lost_keys, 130);
	assert_int_equal(g.lost_wall_ms, WALL);
	assert_int_equal(g.keys, 0);
	data_noted(&g);
	master("new", 5);
	assert_int_equal(g.lost_keys, 0);
}

/* Clients write at once: what it had when it got the role counts. */
DATA_TEST(empty_server_that_has_been_written_to_since)
{
	master("old", 130);
	process("new", 0, "");
	master("new", 70);
	assert_int_equal(g.lost_keys, 130);
	assert_int_equal(g.keys, 70);
}

/* It was in a full sync when it was last heard, in which it has nothing yet. */
DATA_TEST(replica_that_has_ended_its_sync_since_it_was_heard)
{
	struct redis_info info = info_of("new", 0);

	master("old", 130);
	process("new", 0, "");
	info.syncing = true;
	data_hear_process(&p, &info, "");
	master("new", 130);
	assert_int_equal(g.lost_keys, 0);
}

/* It was in a full sync when it was last heard, gets the role in the middle of it, and is written to before it is heard
 * again. */
DATA_TEST(replica_that_gets_the_role_in_its_sync)
{
	struct redis_info info = info_of("new", 0);

	info.syncing = true;
	master("old", 89);
	data_hear_process(&p, &info, "");
	info.syncing = false;
	data_hear_role(&p, &info);
	master("new", 21);
	assert_int_equal(g.lost_keys, 89);
}

/* At the address of the one before: it is written to as soon as it leads. */
DATA_TEST(server_that_is_written_to_before_its_role_is_verified)
{
	struct redis_info info = info_of("new", 1);

	master("old", 89);
	process("new", 0, "");
	data_hear_role(&p, &info);
	master("new", 1);
	assert_int_equal(g.lost_keys, 89);
	g = (struct data_group){ 0 };
	master("old", 89);
	info = info_of("newer", 0); /* nothing is known of this one */
	data_hear_role(&p, &info);
	master("newer", 1);
	assert_int_equal(g.lost_keys, 89);
}

/* It was heard before its sync, or loads what that has brought, and has led since. */
DATA_TEST(replica_that_was_heard_before_its_sync)
{
	struct redis_info info = info_of("new", 0);

	master("old", 130);
	process("new", 0, "");
	info.loading = true;
	data_hear_process(&p, &info, "");
	master("new", 130);
	assert_int_equal(g.lost_keys, 0);

	info = info_of("newer", 0);
	info.role = REDIS_ROLE_REPLICA;
	snprintf(info.master, sizeof(info.master), "10.0.0.1:6379");
	data_hear_process(&p, &info, "");
	master("newer", 66);
	assert_int_equal(g.lost_keys, 0);
}

/* It followed one, and got nothing of it: what it has is what it was written since. */
DATA_TEST(replica_that_leads_before_its_sync)
{
	struct redis_info info = info_of("new", 0);

	info.role = REDIS_ROLE_REPLICA;
	snprintf(info.master, sizeof(info.master), "10.0.0.1:6379");
	master("old", 130);
	data_hear_process(&p, &info, "");
	master("new", 65);
	assert_int_equal(g.lost_keys, 130);

	g = (struct data_group){ 0 };
	snprintf(info.master, sizeof(info.master), CODIS_GUARD_ADDR);
	master("old", 130);
	data_hear_process(&p, &info, "");
	master("new", 120);
	assert_int_equal(g.lost_keys, 130);
}

/* A process that is first heard as master: there is nothing else to go by. */
DATA_TEST(server_that_was_not_seen_before)
{
	master("old", 130);
	master("new", 0);
	assert_int_equal(g.lost_keys, 130);
	g = (struct data_group){ 0 };
	master("old", 130);
	p = (struct data_process){ 0 };
	master("old", 130);
	process("another", 0, ""); /* of the process before it at this address */
	master("new", 14);         /* more than that may be of a file */
	assert_int_equal(g.lost_keys, 0);
}

/* A person gives an empty one the role before it was heard: it is written to at once. */
DATA_TEST(server_that_leads_when_it_is_first_heard)
{
	master("old", 130);
	master("new", 13);
	assert_int_equal(g.lost_keys, 130);
	master("new", 14);
	assert_int_equal(g.lost_keys, 130);

	/* Before the group's node is read: it is not known yet to be declared. */
	begin(NULL);
	master("old", 130);
	process("new", 12, "");
	master("new", 70);
	assert_int_equal(g.lost_keys, 130);
}

/* It has led here, or followed somebody since: what it has is no news. */
DATA_TEST(server_with_few_keys_that_is_known)
{
	struct redis_info info = info_of("new", 12);

	master_of_another_address("old", 130);
	process("new", 12, "");
	info.role = REDIS_ROLE_REPLICA;
	data_hear_process(&p, &info, "");
	master("new", 12);
	assert_int_equal(g.lost_keys, 0);
	master_of_another_address("newer", 130);
	process("new", 12, "");
	master("new", 12);
	assert_int_equal(g.lost_keys, 0);

	begin(NULL);
	data_recall(&g, 130); /* by another controller, a while ago */
	master("new", 12);
	assert_int_equal(g.lost_keys, 0);
}

DATA_TEST(replica_takes_over)
{
	master("old", 130);
	process("replica", 130, "old");
	process("replica", 130, ""); /* its link is down */
	master("replica", 130);
	assert_int_equal(g.lost_keys, 0);
	assert_string_equal(g.run_id, "replica");
}

DATA_TEST(flushall_is_no_loss)
{
	master("old", 130);
	master("old", 0);
	assert_int_equal(g.lost_keys, 0);
	master("new", 0);
	assert_int_equal(g.lost_keys, 0);
}

/* FLUSHALL, and the master ends before it is heard again; its replica has the same nothing. */
DATA_TEST(flushall_then_failover)
{
	master("old", 130);
	process("replica", 0, "old");
	process("replica", 0, "");
	master("replica", 0);
	assert_int_equal(g.lost_keys, 0);
}

/* It was in sync with keys, dropped them for a resync that never ended, and leads now. */
DATA_TEST(replica_that_has_dropped_its_data)
{
	master("old", 130);
	process("replica", 130, "old");
	process("replica", 0, "");
	master("replica", 0);
	assert_int_equal(g.lost_keys, 130);
}

/* The unguarded disaster: a master restarts empty, its replica copies that. */
DATA_TEST(replica_of_an_empty_master)
{
	master("old", 130);
	process("replica", 130, "old");
	process("replica", 0, "restarted");
	master("replica", 0);
	assert_int_equal(g.lost_keys, 130);
}

/* Over the end of a controller: the keys are known from the StatefulSet, the process is not. */
DATA_TEST(recalled)
{
	data_recall(&g, -1);
	assert_false(g.known);
	data_recall(&g, 130);
	master("x", 131);
	assert_int_equal(g.lost_keys, 0);
	data_recall(&g, 5); /* too late */
	assert_int_equal(g.keys, 131);

	g = (struct data_group){ 0 };
	data_recall(&g, 130);
	process("y", 0, "");
	master("y", 3);
	assert_int_equal(g.lost_keys, 130);
}

DATA_TEST(given_up)
{
	master("old", 130);
	data_give_up(&g);
	data_recall(&g, 130); /* what is noted is not so new */
	master("new", 0);
	assert_int_equal(g.lost_keys, 0);
}

/* Twice before it is noted. */
DATA_TEST(lost_again)
{
	master("a", 130);
	master("b", 0);
	g.told = true;
	master("b", 20);
	master("c", 0);
	assert_int_equal(g.lost_keys, 150);
	assert_false(g.told);
}

/* One that lacks keys was promoted for a moment, in which the old one was not heard: that had none before it first led.
 */
DATA_TEST(master_that_leads_again_at_once)
{
	process("old", 0, "");
	master("old", 0);
	master("old", 307);
	master_of_another_address("new", 220);
	master("old", 307);
	assert_int_equal(g.lost_keys, 0);
	master_of_another_address("new", 220);
	master("old", 0); /* nor is it forgotten that it has none now */
	assert_int_equal(g.lost_keys, 220);
}

/* A promotion of an empty server is taken back: the process that had the keys leads again. */
DATA_TEST(keys_that_are_back_are_not_lost)
{
	master("old", 130);
	process("new", 0, "");
	master("new", 0);
	assert_int_equal(g.lost_keys, 130);
	process("old", 130, "");
	master("old", 0); /* without them */
	assert_int_equal(g.lost_keys, 130);
	master("old", 130);
	assert_int_equal(g.lost_keys, 0);
}
