

#include "common/base/error.h"
#include "common/net/addr.h"
#include "tests/unit/test.h"

TEST(split)
{
	static const struct {
		const char *text, *host;
		int port;
	} cases[] = {
		{ "10.0.0.1:6379", "10.0.0.1", 6379 },
		{ "[::1]:80", "::1", 80 },
		{ ":80", "", 80 },
		{ "codis-dashboard:18080", "codis-dashboard", 18080 },
		{ "127.0.0.1:0", "127.0.0.1", 0 },
		{ "a:65535", "a", 65535 },
		{ "[fe80::1%eth0]:1", "fe80::1%eth0", 1 },
		{ "123456789012345:1", "123456789012345", 1 },
	};
	struct error err;
	char host[16];
	uint16_t port;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(addr_split(cases[i].text, host, sizeof(host), &port, &err), 0);
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
	}
}

TEST(refuses)
{
	static const char *const cases[] = {
		"",         ":",
		"10.0.0.1", "a:",
		"a:x",      "a:-1",
		"a: 1",     "a:+1",
		"a:65536",  "a:99999999999999999999",
		"a:80 ",    "::1:80",
		"[::1]",    "[::1]80",
		"[::1:80",  "[::1]x:80",
		"]:80x",    "1234567890123456:1",
	};
	struct error err;
	char host[16];
	uint16_t port;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct error)ERROR_INIT;
		if (addr_split(cases[i], host, sizeof(host), &port, &err) != -1)
			fail_msg("accepted: %s", cases[i]);
		assert_int_not_equal(err.code, ERR_NONE);
	}
	assert_non_null(strstr(err.text, "longer than 15 bytes"));
	addr_split("::1:80", host, sizeof(host), &port, &err);
	assert_non_null(strstr(err.text, "brackets"));
}

TEST(join_is_the_reverse)
{
	char out[16];

	assert_int_equal(addr_join("10.0.0.1", 6379, out, sizeof(out)), 0);
	assert_string_equal(out, "10.0.0.1:6379");
	assert_int_equal(addr_join("fd00::1", 6379, out, sizeof(out)), 0);
	assert_string_equal(out, "[fd00::1]:6379");
	assert_int_equal(addr_join("fd00::12", 65535, out, sizeof(out)), -1);
	assert_string_equal(out, "");
}

TEST(numeric_addresses)
{
	static const char *const cases[][2] = {
		{ "10.0.0.1:6379", "10.0.0.1:6379" },
		{ "[fd00:0::1]:6379", "[fd00::1]:6379" },
		{ "[FD00:0:0:0:0:0:0:1]:6379", "[fd00::1]:6379" },
		{ "[::ffff:10.0.0.1]:6379", "10.0.0.1:6379" },
		{ "[::]:0", "[::]:0" },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
	};
	char out[ADDR_TEXT_MAX];
	struct addr a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(addr_parse(cases[i][0], &a, NULL), 0);
		addr_format(&a, out);
		assert_string_equal(out, cases[i][1]);
	}
}

TEST(names_are_no_addresses)
{
	static const char *const cases[] = { "redis-0:6379", "localhost:1", ":80",
					     "10.0.0:1",     "010.0.0.1:1", "10.0.0.1.:1" };
	struct error err;
	struct addr a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (addr_parse(cases[i], &a, &err) != -1)
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(err.code, ERR_INVALID);
	}
	addr_parse("redis-0:6379", &a, &err);
	assert_string_equal(err.text, "\"redis-0:6379\" is no numeric address, and names are not looked up here");
	assert_true(addr_is_numeric("10.0.0.1") && addr_is_numeric("fd00::1"));
	assert_false(addr_is_numeric("redis-0") || addr_is_numeric("") || addr_is_numeric("[fd00::1]"));
}

TEST(equal)
{
	assert_true(addr_equal("10.0.0.1:6379", "10.0.0.1:6379"));
	assert_true(addr_equal("[fd00::1]:6379", "[fd00:0::1]:6379"));
	assert_true(addr_equal("[::ffff:10.0.0.1]:6379", "10.0.0.1:6379"));
	assert_true(addr_equal("redis-0:6379", "redis-0:6379"));
	assert_false(addr_equal("[fd00::1]:6379", "[fd00::1]:6380"));
	assert_false(addr_equal("[fd00::1]:6379", "[fd00::2]:6379"));
	assert_false(addr_equal("10.0.0.1:6379", "redis-0:6379"));
	assert_false(addr_equal("", "10.0.0.1:6379"));
	assert_false(addr_equal("[a00:1::]:1", "10.0.0.1:1")); /* the same first bytes */
}

static const char *settled(const char *text)
{
	static char out[ADDR_TEXT_MAX];

	snprintf(out, sizeof(out), "%s", text);
	addr_settle(out, sizeof(out));
	return out;
}

TEST(one_text_for_each_address)
{
	char full[] = "[0::1]:1";

	assert_string_equal(settled("[fd00:0:0::000A]:6379"), "[fd00::a]:6379");
	assert_string_equal(settled("[::ffff:10.0.0.1]:6379"), "10.0.0.1:6379");
	assert_string_equal(settled("[fd00::a]:6379"), "[fd00::a]:6379");
	assert_string_equal(settled("10.0.0.1:6379"), "10.0.0.1:6379");
	assert_string_equal(settled("codis-server-0:6379"), "codis-server-0:6379");
	assert_string_equal(settled("[fd00"), "[fd00");
	assert_string_equal(settled(""), "");
	addr_settle(full, 7); /* no room for it */
	assert_string_equal(full, "[0::1]:1");
}
