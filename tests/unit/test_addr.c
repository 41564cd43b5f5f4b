

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
