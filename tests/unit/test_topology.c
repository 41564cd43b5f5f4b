/* The arithmetic of a Codis cluster: names, ordinals, groups, what a count may be, where a key belongs. */
#include <limits.h>
#include <string.h>

#include "common/base/error.h"
#include "common/codis/topology.h"
#include "tests/unit/test.h"

TEST(component_names)
{
	for (int c = CODIS_SERVER; c <= CODIS_ZOOKEEPER; c++)
		assert_int_equal(codis_component_parse(codis_component_name((enum codis_component)c)), c);
	assert_string_equal(codis_component_name(CODIS_NONE), "");
	assert_int_equal(codis_component_parse(NULL), CODIS_NONE);
}

TEST(product)
{
	static const char long_one[] = "0123456789012345678901234567890123456789012345678901234567890123";
	struct error err = ERROR_INIT;

	assert_int_equal(codis_product_check("a", &err), 0);
	assert_int_equal(codis_product_check("a.b_c-9", &err), 0);
	assert_int_equal(codis_product_check(long_one + 1, &err), 0);
	assert_int_equal(codis_product_check(long_one, &err), -1);
	assert_int_equal(codis_product_check("", &err), -1);
	assert_int_equal(codis_product_check("-a", &err), -1);
	assert_int_equal(codis_product_check("a.", &err), -1);
	assert_int_equal(codis_product_check("a b", &err), -1);
	assert_int_equal(codis_product_check("a/b", &err), -1);
	assert_string_equal(err.text,
			    "product \"a/b\" is no label value: use 1 to 63 letters, digits, '-', '_' or '.', "
			    "a letter or digit first and last");
}

TEST(what_can_be_the_key_of_a_label)
{
	static const char *const keys[] = { "kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack",
					    "a/B_c.d-e" },
				 *const others[] = { "",     "not a key!", "-rack/zone", "/zone", "rack/",
						     "a./b", "Rack/zone",  "a/b/c",      "zone-", "r\xc3\xa4" };
	char domain[300], name[70];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_true(codis_is_label_key(keys[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(codis_is_label_key(others[i]));
	memset(domain, 'a', sizeof(domain));
	snprintf(domain + 253, sizeof(domain) - 253, "/b");
	assert_true(codis_is_label_key(domain));
	snprintf(domain + 253, sizeof(domain) - 253, "a/b");
	assert_false(codis_is_label_key(domain));
	memset(name, 'a', sizeof(name));
	name[63] = '\0';
	assert_true(codis_is_label_key(name));
	name[63] = 'a';
	name[64] = '\0';
	assert_false(codis_is_label_key(name));
}

TEST(server_replica)
{
	static const char *const bad[] = {
		"", "0", "two", "-1", "+2", " 2", "2 ", "2.0", "65", "99999999999999999999"
	};
	struct error err = ERROR_INIT;
	int n = 0;

	assert_int_equal(codis_server_replica_parse("1", &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(codis_server_replica_parse("64", &n, &err), 0);
	assert_int_equal(n, 64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(codis_server_replica_parse(bad[i], &n, &err), -1);
	assert_int_equal(codis_server_replica_parse("two", &n, &err), -1);
	assert_string_equal(err.text, "SERVER_REPLICA is \"two\": it must be a whole number from 1 to 64");
}

TEST(ordinal)
{
	assert_int_equal(codis_ordinal("codis-server-0", "codis-server"), 0);
	assert_int_equal(codis_ordinal("codis-server-12", "codis-server"), 12);
	assert_int_equal(codis_ordinal("codis-server-12", NULL), 12);
	assert_int_equal(codis_ordinal("codis-server-12", "codis"), -1);
	assert_int_equal(codis_ordinal("codis-server-12", "codis-server-1"), -1);
	assert_int_equal(codis_ordinal("codis-server-", "codis-server"), -1);
	assert_int_equal(codis_ordinal("codis-server-1x", "codis-server"), -1);
	assert_int_equal(codis_ordinal("codis-server-9999999999", "codis-server"), -1);
	assert_int_equal(codis_ordinal("codis", NULL), -1);
	assert_int_equal(codis_ordinal("", NULL), -1);
	assert_int_equal(codis_ordinal(NULL, NULL), -1);
}

TEST(group)
{
	assert_int_equal(codis_group_of(0, 2), 1);
	assert_int_equal(codis_group_of(1, 2), 1);
	assert_int_equal(codis_group_of(2, 2), 2);
	assert_int_equal(codis_group_of(5, 3), 2);
	assert_int_equal(codis_group_of(7, 1), 8);
}

static void expect_groups(struct codis_shape s, int first, int last)
{
	int from = -1, to = -1;

	assert_true(codis_shape_groups(&s, &from, &to));
	assert_int_equal(from, first);
	assert_int_equal(to, last);
	assert_false(codis_shape_makes(&s, first - 1));
	assert_true(codis_shape_makes(&s, first));
	assert_true(codis_shape_makes(&s, last));
	assert_false(codis_shape_makes(&s, last + 1));
}

static void expect_no_groups(struct codis_shape s)
{
	int first, last;

	assert_false(codis_shape_groups(&s, &first, &last));
	assert_false(codis_shape_makes(&s, 1));
	codis_shape_members(&s, 1, &first, &last);
	assert_int_equal(first, last);
}

#define SHAPE(...) ((struct codis_shape){ __VA_ARGS__ })

TEST(groups_that_a_set_makes)
{
	expect_groups(SHAPE(.replicas = 4, .server_replica = 2), 1, 2);
	expect_groups(SHAPE(.replicas = 4, .server_replica = 2, .start = 2), 2, 3);
	expect_groups(SHAPE(.replicas = 3, .server_replica = 2, .start = 1), 1, 2);
	expect_groups(SHAPE(.replicas = 4, .server_replica = 2, .group = 7), 7, 7);
	expect_groups(SHAPE(.replicas = 3, .start = 9, .group = 7), 7, 7);
	expect_groups(SHAPE(.replicas = INT_MAX, .start = INT_MAX, .server_replica = 64), INT_MAX / 64 + 1,
		      (int)((2LL * INT_MAX - 1) / 64 + 1));
	expect_no_groups(SHAPE(.replicas = 0, .server_replica = 2));
	expect_no_groups(SHAPE(.replicas = 4));
	expect_no_groups(SHAPE(.replicas = 0, .group = 1));
}

static void expect_members(struct codis_shape s, int gid, int first, int end)
{
	int from, to;

	codis_shape_members(&s, gid, &from, &to);
	assert_int_equal(from, first);
	assert_int_equal(to, end);
}

TEST(members_that_a_set_makes_for_a_group)
{
	expect_members(SHAPE(.replicas = 4, .server_replica = 2), 2, 2, 4);
	expect_members(SHAPE(.replicas = 3, .server_replica = 2), 2, 2, 3);
	expect_members(SHAPE(.replicas = 3, .server_replica = 2, .start = 1), 1, 1, 2);
	expect_members(SHAPE(.replicas = 4, .server_replica = 2), 3, 0, 0);
	expect_members(SHAPE(.replicas = 3, .server_replica = 2, .group = 7), 7, 0, 3);
	expect_members(SHAPE(.replicas = 3, .start = 5, .group = 7), 7, 5, 8);
	expect_members(SHAPE(.replicas = 3, .start = 5, .group = 7), 1, 5, 5);
}

/* --- counts, slots
 * ---------------------------------------------------------------------------------------------------- */

TEST(replicas_fit)
{
	char s[256] = "";

	assert_true(codis_replicas_fit(0, 2, s, sizeof(s)));
	assert_true(codis_replicas_fit(4, 2, s, sizeof(s)));
	assert_true(codis_replicas_fit(7, 1, s, sizeof(s)));
	assert_false(codis_replicas_fit(5, 2, s, sizeof(s)));
	assert_string_equal(s, "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 4 or 6, not 5");
	assert_false(codis_replicas_fit(2147483647, 2, s, sizeof(s)));
	assert_string_equal(s,
			    "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 2147483646, not 2147483647");
	assert_false(codis_replicas_fit(1, 3, s, sizeof(s)));
	assert_string_equal(s, "SERVER_REPLICA is 3, so replicas has to be a multiple of 3: 0 or 3, not 1");
}
