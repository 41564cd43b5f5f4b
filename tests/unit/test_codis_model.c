/* The coordinator's group nodes, slots, XAuth, and INFO: what a real Codis 3.2.2 and its server write. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/info.h"
#include "common/codis/model.h"
#include "tests/unit/test.h"

static void parse(const char *text, struct codis_group *g)
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *json = json_parse(text, strlen(text), JSON_ITEMS, &err);

	assert_non_null(json);
	if (codis_group_parse(json, g, &err) < 0)
		fail_msg("%s", err.text);
}

static const char group_text[] =
	"{\"id\":1,\"servers\":[{\"server\":\"10.0.0.1:6379\",\"datacenter\":\"\",\"action\":{},\"replica_group\":"
	"false},"
	"{\"server\":\"10.0.0.2:6379\",\"datacenter\":\"\",\"action\":{\"index\":7,\"state\":\"pending\"},\"replica_"
	"group\":true},"
	"{\"server\":\"10.0.0.3:6379\",\"datacenter\":\"dc\",\"action\":{},\"replica_group\":false}],"
	"\"promoting\":{\"index\":1,\"state\":\"preparing\"},\"out_of_sync\":true}";

TEST(group_is_written_as_it_was_read)
{
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	struct codis_group g;

	parse(group_text, &g);
	assert_int_equal(g.count, 3);
	assert_int_equal(g.promoting_index, 1);
	assert_int_equal(g.servers[1].action_index, 7); /* a sync that somebody has asked the dashboard for */
	assert_string_equal(g.servers[1].action_state, "pending");
	assert_int_equal(codis_group_write(&g, &out), 0);
	assert_string_equal(out.data, group_text);
}

static void assert_order(const struct codis_group *g, const char *a, const char *b, const char *c)
{
	assert_int_equal(g->count, 3);
	assert_string_equal(g->servers[0].addr, a);
	assert_string_equal(g->servers[1].addr, b);
	assert_string_equal(g->servers[2].addr, c);
}

TEST(lead_orders_as_codis_does)
{
	struct codis_group g;

	parse(group_text, &g);
	assert_int_equal(codis_group_lead(&g, "10.0.0.2:6379"), 0);
	assert_order(&g, "10.0.0.2:6379", "10.0.0.3:6379", "10.0.0.1:6379");
	assert_true(g.servers[0].replica_group);
	assert_string_equal(g.servers[0].action_state, "pending"); /* stays the server's */
	assert_string_equal(g.promoting_state, "");
	assert_int_equal(codis_group_lead(&g, "10.0.0.2:6379"), 0);
	assert_order(&g, "10.0.0.2:6379", "10.0.0.3:6379", "10.0.0.1:6379");
	codis_group_drop(&g, "10.0.0.3:6379");
	assert_int_equal(codis_group_lead(&g, "10.0.0.9:6379"), 0);
	assert_order(&g, "10.0.0.9:6379", "10.0.0.1:6379", "10.0.0.2:6379");
}

TEST(promotion_ends_with_its_server)
{
	struct codis_group g;

	parse(group_text, &g); /* the second is to lead */
	codis_group_drop(&g, "10.0.0.3:6379");
	assert_int_equal(g.promoting_index, 1);
	codis_group_drop(&g, "10.0.0.1:6379");
	assert_int_equal(g.promoting_index, 0);
	assert_string_equal(g.promoting_state, "preparing");
	codis_group_drop(&g, "10.0.0.2:6379");
	assert_string_equal(g.promoting_state, "");
}

TEST(servers_are_found_by_address_and_not_by_text)
{
	struct codis_group g = { .id = 1 };

	assert_int_equal(codis_group_append(&g, "10.0.0.1:6379"), 0);
	assert_int_equal(codis_group_append(&g, "[fd00:0::1]:6379"), 0);
	assert_int_equal(codis_group_find(&g, "[fd00::1]:6379"), 1);
	assert_int_equal(codis_group_find(&g, "[fd00::1]:6380"), -1);
	codis_group_drop(&g, "[fd00::1]:6379");
	assert_int_equal(g.count, 1);
}

TEST(full_group_takes_no_more)
{
	struct codis_group g = { .id = 1 };
	char addr[32];

	for (int i = 0; i < CODIS_SERVERS_PER_GROUP; i++) {
		snprintf(addr, sizeof(addr), "10.0.0.%d:6379", i);
		assert_int_equal(codis_group_append(&g, addr), 0);
	}
	assert_int_equal(codis_group_append(&g, "10.1.0.1:6379"), -1);
	assert_int_equal(codis_group_lead(&g, "10.1.0.1:6379"), -1);
	assert_int_equal(codis_group_lead(&g, "10.0.0.15:6379"), 0);
	assert_int_equal(g.count, CODIS_SERVERS_PER_GROUP);
}

TEST(bad_groups_are_refused)
{
	static const char *const bad[] = {
		"{}",
		"{\"id\":0}",
		"{\"id\":10000}",
		"{\"id\":1,\"servers\":3}",
		"{\"id\":1,\"servers\":[{}]}",
		"{\"id\":1,\"servers\":[{\"server\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1\"}]}",
		"{\"id\":1,\"promoting\":{\"state\":\"a state that is longer than any\"}}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = ERROR_INIT;
		JSON_CLEANUP cJSON *json = json_parse(bad[i], strlen(bad[i]), JSON_ITEMS, &err);
		struct codis_group g;

		assert_non_null(json);
		assert_int_equal(codis_group_parse(json, &g, &err), -1);
		assert_true(err.text[0]);
	}
}

TEST(slot_round_trip)
{
	static const char text[] =
		"[{\"id\":7,\"locked\":true,\"backend_addr\":\"10.0.0.1:6379\",\"backend_addr_group_id\":2,"
		"\"migrate_from\":\"10.0.0.2:6379\",\"migrate_from_group_id\":1,\"forward_method\":1}]";
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	JSON_CLEANUP cJSON *in = json_parse(text, strlen(text), JSON_ITEMS, NULL);
	JSON_CLEANUP cJSON *array = cJSON_CreateArray();
	JSON_CLEANUP cJSON *bad = json_parse("{\"id\":1024}", 11, JSON_ITEMS, NULL);
	struct codis_slot s;

	assert_int_equal(codis_slot_parse(cJSON_GetArrayItem(in, 0), &s, NULL), 0);
	assert_int_equal(codis_slot_push(array, &s), 0);
	assert_int_equal(json_write(array, &out), 0);
	assert_string_equal(out.data, text);
	assert_int_equal(codis_slot_parse(bad, &s, NULL), -1);
}

/* Digests made with sha256sum. */
TEST(xauth)
{
	char x[CODIS_XAUTH_SIZE];

	codis_xauth("codis-test", NULL, NULL, x);
	assert_string_equal(x, "7c13c41e2d3b3376994fd6c92be59561");
	codis_xauth("codis-test", "", "0123", x);
	assert_string_equal(x, "2f297ac76e043afdb430af7f9da0e254");
}

static const char info_replica[] =
	"# "
	"Server\r\nredis_version:3.2.11\r\nrun_id:0123456789012345678901234567890123456789\r\nuptime_in_seconds:12\r\n"
	"# Persistence\r\nloading:0\r\n# Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\n"
	"master_link_status:up\r\nmaster_last_io_seconds_ago:3\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:"
	"778\r\n"
	"connected_slaves:0\r\nmaster_repl_offset:0\r\n# "
	"Keyspace\r\ndb0:keys=12,expires=0,avg_ttl=0\r\ndb3:keys=3,expires=1\r\n";

TEST(info_of_a_replica)
{
	struct redis_info i;

	assert_int_equal(redis_info_parse(info_replica, strlen(info_replica), &i, NULL), 0);
	assert_int_equal(i.role, REDIS_ROLE_REPLICA);
	assert_string_equal(i.master, "10.0.0.1:6379");
	assert_true(i.link_up);
	assert_int_equal(i.offset, 778);
	assert_int_equal(i.last_io_s, 3);
	assert_int_equal(i.link_down_s, -1);
	assert_int_equal(i.uptime_s, 12);
	assert_int_equal(i.keys, 15);
	assert_false(redis_info_guarded(&i));
	assert_false(i.bounded);
}

/* INFO says the one only while the other is set. */
TEST(info_of_a_master_that_wants_replicas)
{
	static const char text[] =
		"run_id:0123456789012345678901234567890123456789\nrole:master\nmin_slaves_good_slaves:0\n";
	struct redis_info i;

	assert_int_equal(redis_info_parse(text, strlen(text), &i, NULL), 0);
	assert_true(i.bounded);
	assert_int_equal(i.uptime_s, -1);
}

static bool says_it_ends(const char *lines)
{
	char text[200];
	struct redis_info i;

	snprintf(text, sizeof(text), "run_id:0123456789012345678901234567890123456789\nrole:master\n%s", lines);
	assert_int_equal(redis_info_parse(text, strlen(text), &i, NULL), 0);
	return i.ending;
}

/* Redis 3.2 says what is set as hz; later ones as configured_hz, since they change hz when many are connected. */
TEST(info_of_a_server_that_ends)
{
	assert_false(says_it_ends(""));
	assert_false(says_it_ends("hz:10\r\n"));
	assert_true(says_it_ends("hz:17\r\n"));
	assert_true(says_it_ends("hz:34\r\nconfigured_hz:17\r\n"));
	assert_false(says_it_ends("hz:17\r\nconfigured_hz:10\r\n"));
}

static int64_t link_down(const char *seconds)
{
	char text[200];
	struct redis_info i;

	snprintf(text, sizeof(text),
		 "run_id:0123456789012345678901234567890123456789\nrole:slave\nmaster_link_status:down\n"
		 "master_link_down_since_seconds:%s\n",
		 seconds);
	assert_int_equal(redis_info_parse(text, strlen(text), &i, NULL), 0);
	return i.link_down_s;
}

/* 3.2 counts from 1970 where it never was up, 7 says -1. */
TEST(info_of_a_replica_without_its_link)
{
	assert_int_equal(link_down("0"), 0);
	assert_int_equal(link_down("86400"), 86400);
	assert_int_equal(link_down("1795700516"), INT64_MAX);
	assert_int_equal(link_down("-1"), INT64_MAX);
}

/* INFO has host and port apart, and no brackets. */
TEST(info_of_a_replica_of_ipv6)
{
	static const char text[] =
		"run_id:0123456789012345678901234567890123456789\nrole:slave\nmaster_host:fd00::1\nmaster_port:6379\n";
	struct redis_info i;

	assert_int_equal(redis_info_parse(text, strlen(text), &i, NULL), 0);
	assert_string_equal(i.master, "[fd00::1]:6379");
}

static void parse_info(const char *behind, struct redis_info *i)
{
	char text[600];

	snprintf(text, sizeof(text), "run_id:0123456789012345678901234567890123456789\nrole:slave\n%s", behind);
	assert_int_equal(redis_info_parse(text, strlen(text), i, NULL), 0);
}

TEST(info_of_what_a_server_holds_and_does)
{
	struct redis_info i;

	parse_info("used_memory:1572864\nused_memory_rss:9\nmaxmemory:0\ninstantaneous_ops_per_sec:12\n", &i);
	assert_true(i.memory == 1572864 && i.memory_max == 0 && i.ops == 12);
	parse_info("used_memory:-5\nmaxmemory:99999999999999999999\n", &i);
	assert_true(i.memory == -1 && i.memory_max == INFO_OFFSET_MAX && i.ops == -1);
}

/* Numbers end where they end; a sum of them does not wrap. */
TEST(info_of_numbers_without_end)
{
	struct redis_info i;

	parse_info("db0:keys=9223372036854775807,x\ndb1:keys=9223372036854775807\ndb2:keys=1\n", &i);
	assert_true(i.keys == INFO_KEYS_MAX);
	parse_info("uptime_in_seconds:9223372036854775807\nmaster_last_io_seconds_ago:9223372036854775807\n", &i);
	assert_true(i.uptime_s == -1 && i.last_io_s == -1);
	parse_info("uptime_in_seconds:-7\nmaster_last_io_seconds_ago:-7\n", &i);
	assert_true(i.uptime_s == -1 && i.last_io_s == -1);
	parse_info("db0:keys=-9223372036854775808\ndb1:keys=-1\ndb2:keys=7\n", &i);
	assert_int_equal(i.keys, 7);
	parse_info("slave_repl_offset:99999999999999999999999999999\n", &i);
	assert_true(i.offset == INFO_OFFSET_MAX);
	parse_info("slave_repl_offset:-9223372036854775808\n", &i);
	assert_int_equal(i.offset, -1);
	parse_info("master_host:10.0.0.1\nmaster_port:71915\n", &i); /* 65536 + 6379 */
	assert_string_equal(i.master, "10.0.0.1:0");
}

/* What people and commands are told of it is an address and a run id, or nothing. */
TEST(info_of_texts_that_are_none)
{
	static const char *const ids[] = { "run_id:0123456789012345678901234567890123456789ab\nrole:master\n",
					   "run_id:012345678901234567890123456789012345678\"\nrole:master\n",
					   "run_id:01234567890123456789012345678901234567\nrole:master\n" };
	struct redis_info i;
	struct error err;

	for (size_t n = 0; n < sizeof(ids) / sizeof(ids[0]); n++) {
		assert_int_equal(redis_info_parse(ids[n], strlen(ids[n]), &i, &err), -1);
		assert_non_null(strstr(err.text, "has no run_id of 40 digits or no known role"));
	}
	parse_info("master_host:10.0.0.1 \033[31m\nmaster_port:6379\n", &i);
	assert_string_equal(i.master, ":6379");
}

TEST(info_cut_anywhere_does_no_harm)
{
	struct redis_info i;

	for (size_t n = 0; n < strlen(info_replica); n++) {
		char cut[sizeof(info_replica)];

		memcpy(cut, info_replica, n); /* no NUL behind: only len counts */
		redis_info_parse(cut, n, &i, NULL);
	}
	assert_int_equal(redis_info_parse("role:master\r\n", 13, &i, NULL), -1);
}

TEST(guarded)
{
	static const char text[] =
		"run_id:0123456789012345678901234567890123456789\nrole:slave\nmaster_host:127.0.0.1\n"
		"master_port:1\nmaster_link_status:down\nslave_repl_offset:1\n";
	struct redis_info i;

	assert_int_equal(redis_info_parse(text, strlen(text), &i, NULL), 0);
	assert_true(redis_info_guarded(&i));
}

TEST(addresses_are_written_in_one_way)
{
	JSON_CLEANUP cJSON *group = cJSON_Parse("{\"id\":1,\"servers\":[{\"server\":\"[fd00:0::A]:6379\"}]}");
	JSON_CLEANUP cJSON *slot = cJSON_Parse("{\"id\":1,\"backend_addr\":\"[fd00:0::A]:6379\","
					       "\"migrate_from\":\"[fd00:0::B]:6379\"}");
	const char *info = "run_id:0123456789012345678901234567890123456789\nrole:slave\n"
			   "master_host:fd00:0::A\nmaster_port:6379\n";
	struct codis_group g;
	struct codis_slot s;
	struct redis_info i;

	assert_int_equal(codis_group_parse(group, &g, NULL), 0);
	assert_string_equal(g.servers[0].addr, "[fd00::a]:6379");
	assert_int_equal(codis_slot_parse(slot, &s, NULL), 0);
	assert_string_equal(s.addr, "[fd00::a]:6379");
	assert_string_equal(s.migrate_addr, "[fd00::b]:6379");
	assert_int_equal(redis_info_parse(info, strlen(info), &i, NULL), 0);
	assert_string_equal(i.master, "[fd00::a]:6379");
}
