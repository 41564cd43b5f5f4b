#include <string.h>

#include "common/base/text.h"

#include "common/base/buf.h"
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

TEST(what_a_terminal_obeys_is_cleaned)
{
	static const char *const texts[][2] = {
		{ "a b", "a b" },
		{ "\033[2J\177", "?[2J?" },
		{ "a\nb\tc\r", "a b c " },
		{ "\xc2\x9b"
		  "2J \xc2\x85",
		  "?2J ?" },
		{ "\x9b", "?" },
		{ "\u202ea\u2066\u2028", "?a??" },
		{ "gr\u00fc\u00df \u4f60\u597d \U0001f600", "gr\u00fc\u00df \u4f60\u597d \U0001f600" },
		{ "\xc0\x9b \xe0\x82\x9b \xed\xa0\x80 \xf5\x80\x80\x80 \xc3", "?? ??? ??? ???? ?" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		BUF_CLEANUP struct buf out = BUF_INIT(1000);

		assert_int_equal(text_clean(&out, texts[i][0], strlen(texts[i][0])), 0);
		assert_string_equal(out.data, texts[i][1]);
	}
}

TEST(bytes_in_the_largest_unit_below_them)
{
	char text[TEXT_BYTES_MAX];

	assert_string_equal(text_bytes(0, text), "0 B");
	assert_string_equal(text_bytes(1023, text), "1023 B");
	assert_string_equal(text_bytes(1024, text), "1.0 KiB");
	assert_string_equal(text_bytes(1610612736, text), "1.5 GiB");
	assert_string_equal(text_bytes(INT64_MAX, text), "8388608.0 TiB");
}
