

#include <limits.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "tests/unit/test.h"

TEST(appends)
{
	BUF_CLEANUP struct buf b = BUF_INIT(100);

	assert_string_equal(b.data, "");
	assert_int_equal(buf_addstr(&b, "one"), 0);
	assert_int_equal(buf_addch(&b, ' '), 0);
	assert_int_equal(buf_addf(&b, "%d %s", 2, "three"), 0);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_string_equal(b.data, "one 2 three");
	assert_int_equal(b.len, 11);
}

TEST(whole_numbers_are_in_decimal)
{
	static const int64_t numbers[] = { 0, 7, -1, 10, 1234567890, INT64_MAX, INT64_MIN };
	BUF_CLEANUP struct buf b = BUF_INIT(100), right = BUF_INIT(100);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(buf_addint(&b, numbers[i]), 0);
		buf_addf(&right, "%lld", (long long)numbers[i]);
	}
	assert_string_equal(b.data, right.data);
}

TEST(formats_are_those_of_printf)
{
	BUF_CLEANUP struct buf b = BUF_INIT(100);

	assert_int_equal(buf_addf(&b, "%s=%d%%,%d;", "a", INT_MIN, 7), 0);
	assert_int_equal(buf_addf(&b, "%s", ""), 0);
	assert_int_equal(buf_addf(&b, "%03d|%-3s|", 5, "b"), 0);
	assert_int_equal(buf_addf(&b, "%s%c", "c", 'd'), 0);
	assert_string_equal(b.data, "a=-2147483648%,7;005|b  |cd");
}

TEST(what_does_not_fit_is_not_there_in_part)
{
	BUF_CLEANUP struct buf b = BUF_INIT(5);

	buf_addstr(&b, "12");
	assert_int_equal(buf_addf(&b, "%s,%s", "3", "456"), -1);
	assert_true(b.failed);
	assert_string_equal(b.data, "12");
	buf_reset(&b);
	buf_addstr(&b, "12");
	assert_int_equal(buf_addf(&b, "%s,%3s", "3", "456"), -1);
	assert_string_equal(b.data, "12");
	assert_int_equal(b.len, 2);
}

TEST(bytes_are_kept_as_they_are)
{
	BUF_CLEANUP struct buf b = BUF_INIT(100);

	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b\0", 4);
}

TEST(limit_is_exact)
{
	BUF_CLEANUP struct buf b = BUF_INIT(5);

	assert_int_equal(buf_addstr(&b, "12345"), 0);
	assert_false(b.failed);
	assert_int_equal(buf_addch(&b, '6'), -1);
	assert_true(b.failed);
	assert_string_equal(b.data, "12345");
}

TEST(failure_is_remembered)
{
	BUF_CLEANUP struct buf b = BUF_INIT(4);
	struct error err = ERROR_INIT;

	assert_int_equal(buf_check(&b, "answer", &err), 0);
	assert_int_equal(buf_addf(&b, "%s", "too long"), -1);
	assert_int_equal(buf_addch(&b, 'a'), -1); /* would fit */
	assert_string_equal(b.data, "");
	assert_int_equal(buf_check(&b, "answer", &err), -1);
	assert_int_equal(err.code, ERR_TOOBIG);
	assert_non_null(strstr(err.text, "answer is over its limit of 4 bytes"));
	assert_null(buf_detach(&b));
	buf_reset(&b);
	assert_int_equal(buf_addch(&b, 'a'), 0);
	assert_string_equal(b.data, "a");
}

TEST(absurd_lengths)
{
	BUF_CLEANUP struct buf b = BUF_INIT(SIZE_MAX - 1);

	buf_addch(&b, 'a');
	assert_null(buf_reserve(&b, SIZE_MAX - 1)); /* len + this would wrap around */
	assert_true(b.failed);
}

TEST(growth_up_to_the_limit)
{
	enum { MAX = 100003 };
	BUF_CLEANUP struct buf b = BUF_INIT(MAX);

	for (int i = 0; i < MAX; i++)
		assert_int_equal(buf_addch(&b, (char)('a' + i % 26)), 0);
	for (int i = 0; i < MAX; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	assert_int_equal(b.cap, MAX + 1);
	assert_int_equal(buf_addch(&b, 'x'), -1);
}

TEST(reserve_and_commit)
{
	BUF_CLEANUP struct buf b = BUF_INIT(10);
	char *to;

	buf_addstr(&b, "ab");
	to = buf_reserve(&b, 8);
	assert_non_null(to);
	memcpy(to, "cdefghij", 8);
	buf_commit(&b, 3);
	assert_string_equal(b.data, "abcde");
}

TEST(consume)
{
	BUF_CLEANUP struct buf b = BUF_INIT(10);

	buf_consume(&b, 5);
	assert_string_equal(b.data, "");
	buf_addstr(&b, "abcdef");
	buf_consume(&b, 2);
	assert_string_equal(b.data, "cdef");
	buf_consume(&b, 100);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
}

TEST(detach)
{
	struct buf b = BUF_INIT(10);
	char *s;

	s = buf_detach(&b);
	assert_string_equal(s, "");
	free(s);
	buf_addstr(&b, "mine");
	s = buf_detach(&b);
	assert_string_equal(s, "mine");
	free(s);
	assert_string_equal(b.data, "");
	assert_int_equal(b.max, 10);
	assert_int_equal(buf_addstr(&b, "again"), 0);
	buf_release(&b);
	buf_release(&b);
}

TEST(what_is_printed_and_has_no_room_leaves_no_part)
{
	char text[8];
	struct buf in = BUF_IN(text);
	BUF_CLEANUP struct buf b = BUF_INIT(200);

	assert_int_equal(buf_addf(&in, "%d", 123), 0);
	assert_int_equal(buf_addf(&in, "%s", "4567"), 0);
	assert_string_equal(in.data, "1234567");
	buf_reset(&in);
	assert_int_equal(buf_addf(&in, "%d", 123), 0);
	assert_int_equal(buf_addf(&in, "%s", "45678"), -1);
	assert_string_equal(in.data, "123");
	/* ... and where there is none yet, it is made. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_addf(&b, "%02d", i), 0);
	assert_int_equal(b.len, 200);
	assert_int_equal(buf_addf(&b, "%d", 1), -1);
	assert_memory_equal(b.data + 196, "9899", 5);
}

TEST(what_was_added_last_is_taken_off)
{
	BUF_CLEANUP struct buf b = BUF_INIT(10);

	buf_cut(&b, 0); /* there is nothing yet */
	assert_int_equal(buf_addstr(&b, "abcdef"), 0);
	buf_cut(&b, 7);
	assert_string_equal(b.data, "abcdef");
	buf_cut(&b, 2);
	assert_string_equal(b.data, "ab");
	assert_int_equal(b.len, 2);
	assert_int_equal(buf_addstr(&b, "x"), 0);
	assert_string_equal(b.data, "abx");
}
