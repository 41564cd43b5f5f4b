

#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/unit/test.h"

TEST(monotonic)
{
	int64_t us = clock_mono_us(), ms = clock_mono_ms();

	assert_true(ms >= us / 1000);
	assert_true(clock_mono_us() >= us);
	assert_true(clock_wall_ms() > 1577836800000); /* 2020 */
}

TEST(microtime)
{
	char text[32];

	assert_string_equal(clock_rfc3339(0, text, sizeof(text)), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(clock_rfc3339(1767323045678, text, sizeof(text)), "2026-01-02T03:04:05.678000Z");
}

TEST(parse)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-01-02T03:04:05Z", 1767323045000 },
		{ "2026-01-02T03:04:05.678Z", 1767323045678 },
		{ "2026-01-02T03:04:05.678901Z", 1767323045678 },
		{ "2026-01-02T03:04:05.6789012345678901234567890Z", 1767323045678 },
		{ "2026-01-02T03:04:05.5Z", 1767323045500 },
		{ "2026-01-02T05:34:05+02:30", 1767323045000 },
		{ "2026-01-01T22:04:05.678-05:00", 1767323045678 },
		{ "2024-02-29T12:00:00Z", 1709208000000 },
	};
	struct error err = ERROR_INIT;
	int64_t ms;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(clock_parse_rfc3339(cases[i].text, &ms, &err), 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

TEST(parse_refuses)
{
	static const char *const cases[] = {
		"",
		"yesterday",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02T03:04:05.678",
		"2026-13-02T03:04:05Z",
		"2026-01-02T03:04:05Zulu",
		"2026-01-02T03:04:05+2:3",
		"2026-01-02T03:04:05+0230",
		"2026-01-02T03:04:05+02:3x",
		"2026-01-02T03:04:05+",
	};
	struct error err;
	int64_t ms;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct error)ERROR_INIT;
		if (clock_parse_rfc3339(cases[i], &ms, &err) != -1)
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(err.code, ERR_INVALID);
	}
}
