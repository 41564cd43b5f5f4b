/* codisctl restore: what it would write and when it writes it, and that it goes on where it was interrupted. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/estate_fixture.h"

#define P    "/codis3/codis-test/"
#define HEAD "{\"kind\":\"CodisTree\",\"format\":1,\"product\":\"codis-test\",\"from\":\"zookeeper\",\"nodes\":["
#define G1                                                                                                             \
	"{\"id\":1,\"servers\":[{\"server\":\"10.0.0.1:6379\",\"datacenter\":\"\",\"action\":{},\"replica_group\":"    \
	"false}],\"promoting\":{},\"out_of_sync\":false}"
#define GROUP        "{\"path\":\"group/group-0001\",\"data\":" G1 "}"
#define SLOT(n)      ",{\"path\":\"slots/slot-000" #n "\",\"data\":" SLOT_DATA(n) "}"
#define SLOT_DATA(n) "{\"id\":" #n ",\"group_id\":1,\"action\":{}}"
#define COPY         HEAD GROUP SLOT(0) SLOT(1) SLOT(2) "]}"

/* codis3/codis-test is there, without slots, and there is no dashboard that would have to be told. */
static void begin(struct estate_world *e)
{
	fake_zk_remove(&e->zk, P "slots/slot-0000");
	fake_zk_put(&e->zk, P "group", "", 0);
	fake_zk_put(&e->zk, P "proxy", "", 0);
	fake_delete(e->w->api, CORE "pods/codis-dashboard-0");
	fake_apply(e->w->api, CORE "pods/codis-proxy-0",
		   "{\"metadata\":{\"uid\":\"u-proxy\",\"labels\":{\"app\":\"codis-proxy\"}},\"spec\":{\"nodeName\":"
		   "\"n1\",\"containers\":[{\"name\":\"codis-proxy\",\"image\":\"c\",\"command\":[\"codis-proxy\","
		   "\"--zookeeper\",\"zookeeper:2181\"]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.3\"}}");
}

static void put_node(struct estate_world *e, const char *path, const char *data)
{
	fake_zk_put(&e->zk, path, data, (int)strlen(data));
}

static enum cli_status restore(struct estate_world *e, const char *copy, const char *option)
{
	char name[] = "/tmp/codis-restore-XXXXXX";
	int fd = mkstemp(name);
	enum cli_status status;

	assert_true(fd >= 0);
	assert_true(write(fd, copy, strlen(copy)) == (ssize_t)strlen(copy));
	close(fd);
	status = CLI(e->w, "restore", "-f", name, option);
	unlink(name);
	return status;
}

static const char *node(struct estate_world *e, const char *path)
{
	struct fake_zk_node *n = fake_zk_find(&e->zk, path);

	return n ? n->data : "none";
}

ESTATE_TEST(what_is_missing_is_said_and_then_written)
{
	struct estate_world *e = *state;

	begin(e);
	estate_play(e);
	assert_int_equal(restore(e, COPY, NULL), CLI_NOT_SO);
	cli_says(e->w, "from zookeeper: 1 groups, 0 proxies, 3 slots that a group has\n"
		       "in ZooKeeper: 0 groups, 0 proxies, 0 slots that a group has\n"
		       "to be written: 4 nodes; 0 are the same, 0 are there and differ\n");
	cli_says(e->w, "codisctl: nothing is written yet: --yes does it\n");
	assert_int_equal(restore(e, COPY, "--yes"), CLI_OK);
	cli_says(e->w, "4 of 4 nodes are written\n");
	cli_says(e->w, "no dashboard is seen: it reads the tree when it starts\n");
	estate_settle(e);
	assert_string_equal(node(e, P "group/group-0001"), G1);
	assert_string_equal(node(e, P "slots/slot-0002"), SLOT_DATA(2));
}

ESTATE_TEST(an_interrupted_one_goes_on)
{
	struct estate_world *e = *state;

	begin(e);
	put_node(e, P "group/group-0001", G1);
	put_node(e, P "slots/slot-0000", SLOT_DATA(0));
	estate_play(e);
	assert_int_equal(restore(e, COPY, "--yes"), CLI_OK);
	cli_says(e->w, "to be written: 2 nodes; 2 are the same, 0 are there and differ\n2 of 2 nodes are written\n");
	estate_settle(e);
	assert_string_equal(node(e, P "slots/slot-0002"), SLOT_DATA(2));
}

/* A slot that has moved, one that the copy does not know, or a whole tree that lacks a group that has gone since. */
ESTATE_TEST(a_tree_that_is_another_one_stays)
{
	static const char *const other[][2] = {
		{ P "slots/slot-0000", "{\"id\":0,\"group_id\":2,\"action\":{}}" },
		{ P "slots/slot-0007", SLOT_DATA(7) },
	};
	struct estate_world *e = *state;

	begin(e);
	for (int i = 0; i < 2; i++) {
		put_node(e, other[i][0], other[i][1]);
		estate_play(e);
		assert_int_equal(restore(e, COPY, "--yes"), CLI_NOT_SO);
		cli_says(e->w, "codisctl: ZooKeeper has a tree with slots: nothing is written. --force writes over "
			       "what differs\n");
		estate_settle(e);
		assert_string_equal(node(e, P "slots/slot-0001"), "none");
		fake_zk_remove(&e->zk, other[i][0]);
	}
}

ESTATE_TEST(a_group_that_has_gone_since_does_not_come_back)
{
	struct estate_world *e = *state;

	begin(e);
	put_node(e, P "slots/slot-0000", SLOT_DATA(0));
	estate_play(e);
	assert_int_equal(restore(e, HEAD GROUP SLOT(0) "]}", "--yes"), CLI_NOT_SO);
	cli_says(e->w, "to be written: 1 nodes; 1 are the same, 0 are there and differ\n");
	estate_settle(e);
	assert_string_equal(node(e, P "group/group-0001"), "none");
}

#define PROXY                                                                                                          \
	",{\"path\":\"proxy/proxy-ab\",\"data\":{\"token\":\"ab\",\"admin_addr\":\"%s\",\"product_name\":\"codis-"     \
	"test\"}}]}"

/* Its address is a server's now, or nobody's. */
ESTATE_TEST(a_proxy_that_lives_no_more_is_left_out)
{
	static const char *const addrs[] = { "10.0.0.1:6379", "10.0.0.99:11080", "10.0.0.1:11080" };
	struct estate_world *e = *state;
	char text[2048];

	begin(e);
	estate_play(e);
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), HEAD GROUP SLOT(0) PROXY, addrs[i]);
		assert_int_equal(restore(e, text, NULL), CLI_NOT_SO);
		cli_says(e->w, "to be written: 2 nodes; 0 are the same, 0 are there and differ, 1 of proxies that are "
			       "no more are left out\n");
	}
	snprintf(text, sizeof(text), HEAD GROUP SLOT(0) PROXY, "10.0.0.3:11080");
	assert_int_equal(restore(e, text, NULL), CLI_NOT_SO);
	cli_says(e->w, "to be written: 3 nodes; 0 are the same, 0 are there and differ\n");
}

ESTATE_TEST(a_copy_of_another_product_or_of_none_writes_nothing)
{
	struct estate_world *e = *state;

	begin(e);
	estate_play(e);
	assert_int_equal(
		restore(e, "{\"kind\":\"CodisTree\",\"format\":1,\"product\":\"orders\",\"nodes\":[]}", "--yes"),
		CLI_NOT_SO);
	cli_says(e->w, " is of product orders, and not of codis-test\n");
	assert_int_equal(restore(e, "{", "--yes"), CLI_NOT_SO);
	assert_int_equal(restore(e, HEAD "]}", "--yes"), CLI_NOT_SO);
	cli_says(e->w, "codisctl: it has no slot that a group has, so there is nothing to restore\n");
	assert_int_equal(CLI(e->w, "restore"), CLI_USAGE);
	cli_says(e->w, "codisctl: restore: -f FILE, or --from-proxies: one of them\n");
	estate_settle(e);
	assert_string_equal(node(e, P "group/group-0001"), "none");
}
