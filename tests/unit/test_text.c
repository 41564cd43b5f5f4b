#include <string.h>

#include "common/base/text.h"
#include "tests/unit/test.h"

static void expect_copy(size_t size, const char *s, const char *copy)
{
	char out[9];

	memset(out, 'x', sizeof(out));
	text_copy(out, size, s);
	assert_string_equal(out, copy);
	for (size_t i = size; i < sizeof(out); i++)
		assert_int_equal(out[i], 'x');
}

TEST(a_copy_is_cut_at_its_room)
{
	expect_copy(4, "", "");
	expect_copy(4, "abc", "abc");
	expect_copy(4, "abcd", "abc");
	expect_copy(1, "abc", "");
}

TEST(fits_without_a_cut_character)
{
	assert_int_equal(text_fit("abc", 3), 3);
	assert_int_equal(text_fit("abcd", 3), 3);
	assert_int_equal(text_fit("ab\xc3\xa9", 3), 2);
}
