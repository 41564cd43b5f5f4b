/* The history of registers, as tests/linearizable reads it. */
#include <string.h>

#include "tests/unit/test.h"
#include "tools/writers/registers.h"

TEST(a_line_has_what_was_done_and_when)
{
	struct registers_operation o = {
		.client = 3, .write = true, .key = 7, .value = 4000000001, .call_ns = 10, .return_ns = 25
	};
	char line[192];

	registers_line(&o, line, sizeof(line));
	assert_string_equal(
		line, "{\"client\":3,\"op\":\"write\",\"key\":7,\"value\":4000000001,\"call\":10,\"return\":25}\n");
}

TEST(what_got_no_answer_has_no_return)
{
	struct registers_operation o = { .client = 3, .key = 7, .call_ns = 10 };
	char line[192];

	registers_line(&o, line, sizeof(line));
	assert_string_equal(line, "{\"client\":3,\"op\":\"read\",\"key\":7,\"value\":0,\"call\":10}\n");
}

TEST(the_longest_line_fits)
{
	struct registers_operation o = { .client = -2147483647,
					 .key = -2147483647,
					 .write = true,
					 .value = INT64_MIN,
					 .call_ns = INT64_MIN,
					 .return_ns = INT64_MIN };
	char line[192];

	registers_line(&o, line, sizeof(line));
	assert_string_equal(line + strlen(line) - 2, "}\n");
}

TEST(a_value_is_a_number)
{
	assert_int_equal(registers_number("4000000001", 10), 4000000001);
	assert_int_equal(registers_number("12", 1), 1);
	assert_int_equal(registers_number("x", 1), 0);
	assert_int_equal(registers_number("", 0), 0);
	assert_int_equal(registers_number("99999999999999999999999999", 26), INT64_MAX);
}
