/* The document of codisctl backup: written and read, and rebuilt from what proxies and pods say. */
#include "tests/unit/test.h"

#include "cli/tree_copy.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "tests/unit/parse_text.h"

#define A "10.0.0.1:6379"
#define B "10.0.0.2:6379"
#define C "10.0.0.3:6379"

/* --- as text ------------------------------------------------------------------------------------------------------ */

TEST(what_is_written_is_read_again)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	JSON_CLEANUP cJSON *copy = tree_copy_new("shop", "orders", "zookeeper"), *again = NULL;
	struct tree_copy_counts n;
	struct error err;

	assert_int_equal(tree_copy_add(copy, "group/group-0001", 3, parse_text("{\"id\":1}")), 0);
	assert_int_equal(tree_copy_add(copy, "slots/slot-0000", 0, parse_text("{\"id\":0,\"group_id\":1}")), 0);
	assert_int_equal(tree_copy_add(copy, "slots/slot-0001", -1, parse_text("{\"id\":1,\"group_id\":0}")), 0);
	assert_int_equal(tree_copy_write(copy, &text), 0);
	again = tree_copy_read(text.data, text.len, &err);
	assert_non_null(again);
	assert_true(json_equal(copy, again));
	n = tree_copy_count(again);
	assert_int_equal(n.groups, 1);
	assert_int_equal(n.slots, 2);
	assert_int_equal(n.assigned, 1);
	assert_string_equal(tree_copy_product(again), "orders");
	assert_non_null(tree_copy_data(again, "slots/slot-0001"));
	assert_null(tree_copy_data(again, "slots/slot-0002"));
}

static void expect_refused(const char *text, const char *why)
{
	struct error err = ERROR_INIT;

	assert_null(tree_copy_read(text, strlen(text), &err));
	assert_string_equal(err.text, why);
}

#define HEAD "{\"kind\":\"CodisTree\",\"format\":1,\"product\":\"p\""

TEST(what_is_no_copy_is_refused)
{
	expect_refused("", "it is no CodisTree, as codisctl backup writes it");
	expect_refused("{\"kind\":\"List\"}", "it is no CodisTree, as codisctl backup writes it");
	expect_refused("{\"kind\":\"CodisTree\",\"format\":2}", "its format is not 1: take the codisctl that wrote it");
	expect_refused("{\"kind\":\"CodisTree\",\"format\":1}", "it says no product");
	expect_refused(HEAD "}", "it has no list \"nodes\"");
	expect_refused(HEAD "}\n---\n{}", "line 3: a second document, where one is expected");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"topom\",\"data\":{}}]}",
		       "nodes[0]: \"topom\" is no path of a group, proxy or slot");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"slots/slot-1/../../x\",\"data\":{}}]}",
		       "nodes[0]: \"slots/slot-1/../../x\" is no path of a group, proxy or slot");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"slots/slot-0001\"}]}", "nodes[0]: slots/slot-0001 has no data");
}

#define GROUP_1 "{\"path\":\"group/group-0001\",\"data\":{\"id\":1}},"
#define SLOT_1  "{\"path\":\"slots/slot-0001\",\"data\":{\"id\":1,\"group_id\":1}}"

TEST(what_codis_would_not_have_written_is_refused)
{
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"slots/slot-99999\",\"data\":{\"id\":99999,\"group_id\":0}}]}",
		       "slots/slot-99999: it says no number of a slot");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"slots/slot-0001\",\"data\":{\"id\":7,\"group_id\":0}}]}",
		       "slots/slot-0001: its data is another slot's");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"slots/slot-1\",\"data\":{\"id\":1,\"group_id\":0}}]}",
		       "slots/slot-1: its data is another slot's");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"slots/slot-0001\",\"data\":{\"id\":1,\"group_id\":\"a\"}}]}",
		       "slots/slot-0001: it says no number of a group");
	expect_refused(HEAD ",\"nodes\":[" SLOT_1 "]}", "slots/slot-0001 is of group 1, which is not there");
	expect_refused(HEAD ",\"nodes\":[" GROUP_1 SLOT_1 "," SLOT_1 "]}", "slots/slot-0001: it is there twice");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"group/group-0002\",\"data\":{\"id\":1}}]}",
		       "group/group-0002: its data is another group's");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"group/group-0001\",\"data\":{}}]}",
		       "group/group-0001: a group has id 0, Codis allows 1 to 9999");
	expect_refused(HEAD ",\"nodes\":[{\"path\":\"proxy/proxy-ab\",\"data\":{\"token\":\"cd\"}}]}",
		       "proxy/proxy-ab: its data is another proxy's");
}

/* --- rebuilt ------------------------------------------------------------------------------------------------------ */

static void put_server(struct inventory *inv, int ordinal, int group, const char *role)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	JSON_CLEANUP cJSON *pod = NULL;
	struct error err;

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"codis-server-%d\",\"namespace\":\"shop\",\"uid\":\"u%d\",\"labels\":{"
		 "\"app\":\"codis-server\",\"codis.io/product\":\"p\",\"codis.io/group\":\"%d\",\"codis.io/role\":"
		 "\"%s\"},\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"codis-server\",\"controller\":true}"
		 "]},"
		 "\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"codis-server\",\"command\":[\"codis-"
		 "server\"]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.%d\"}}",
		 ordinal, ordinal, group, role, ordinal + 1);
	pod = parse_text(text.data);
	assert_int_equal(inventory_set_pod(inv, pod, &err), 0);
}

static cJSON *proxy_of(const char *token, const char *slots)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);

	buf_addf(&text, "{\"model\":{\"token\":\"%s\",\"admin_addr\":\"10.0.0.9:11080\"},\"slots\":[%s]}", token,
		 slots);
	return parse_text(text.data);
}

#define SLOT(id, group, addr) "{\"id\":" #id ",\"backend_addr\":\"" addr "\",\"backend_addr_group_id\":" #group "}"

/* 0, or -1 and err: of one or two proxies, with servers A (replica) and B (master) of group 1, C of group 2. */
static int rebuild(const char *one, const char *two, cJSON **copy, struct error *err)
{
	struct inventory *inv = inventory_new();
	cJSON *proxies[2] = { proxy_of("aa", one), two ? proxy_of("bb", two) : NULL };
	int failed;

	put_server(inv, 0, 1, "replica");
	put_server(inv, 1, 1, "master");
	put_server(inv, 2, 2, "master");
	*copy = tree_copy_new("shop", "p", "proxies");
	failed = tree_copy_rebuild(*copy, (const cJSON *const *)proxies, two ? 2 : 1, inv, err);
	cJSON_Delete(proxies[0]);
	cJSON_Delete(proxies[1]);
	inventory_free(inv);
	return failed;
}

static void expect_data(const cJSON *copy, const char *path, const char *text)
{
	BUF_CLEANUP struct buf is = BUF_INIT(65536);

	assert_int_equal(json_write(tree_copy_data(copy, path), &is), 0);
	assert_string_equal(is.data, text);
}

TEST(the_tree_is_rebuilt_from_proxies_and_pods)
{
	JSON_CLEANUP cJSON *copy = NULL;
	struct error err;

	assert_int_equal(
		rebuild(SLOT(0, 1, B) "," SLOT(1, 2, C) ",{\"id\":2}", SLOT(0, 1, B) "," SLOT(3, 1, B), &copy, &err),
		0);
	assert_int_equal(tree_copy_count(copy).assigned, 3);
	expect_data(copy, "slots/slot-0001", "{\"id\":1,\"group_id\":2,\"action\":{}}");
	assert_null(tree_copy_data(copy, "slots/slot-0002"));
	assert_string_equal(
		json_text_of(json_get(
			cJSON_GetArrayItem(json_get(tree_copy_data(copy, "group/group-0001"), "servers", NULL), 0),
			"server", NULL)),
		B);
	assert_int_equal(json_int(0, tree_copy_data(copy, "proxy/proxy-bb"), "id", NULL), 2);
}

TEST(a_slot_that_is_moved_goes_on_being_moved)
{
	JSON_CLEANUP cJSON *copy = NULL;
	struct error err;

	assert_int_equal(rebuild("{\"id\":7,\"backend_addr\":\"" C
				 "\",\"backend_addr_group_id\":2,\"migrate_from\":\"" B
				 "\",\"migrate_from_group_id\":1}",
				 NULL, &copy, &err),
			 0);
	expect_data(copy, "slots/slot-0007",
		    "{\"id\":7,\"group_id\":1,\"action\":{\"index\":1,\"state\":\"migrating\",\"target_id\":2}}");
}

TEST(the_master_is_who_gets_the_slots_and_not_who_is_labelled_so)
{
	JSON_CLEANUP cJSON *copy = NULL;
	struct error err;

	assert_int_equal(rebuild(SLOT(0, 1, A), NULL, &copy, &err), 0);
	assert_string_equal(
		json_text_of(json_get(
			cJSON_GetArrayItem(json_get(tree_copy_data(copy, "group/group-0001"), "servers", NULL), 0),
			"server", NULL)),
		A);
}

TEST(what_contradicts_itself_is_not_rebuilt)
{
	JSON_CLEANUP cJSON *one = NULL, *other = NULL;
	struct error err;

	assert_int_equal(rebuild(SLOT(0, 1, B), SLOT(0, 2, C), &one, &err), -1);
	assert_string_equal(err.text,
			    "proxies contradict each other: slot 0 is of group 1, and to proxy bb of group 2");
	assert_int_equal(rebuild(SLOT(0, 2, B), NULL, &other, &err), -1);
	assert_string_equal(err.text, "slot 0 of group 2 goes to " B ", which is no server of that group's pods");
}
