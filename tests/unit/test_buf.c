#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/error.h"

static void test_appends(void **state)
{
	BUF_CLEANUP struct buf b = BUF_INIT(100);

	(void)state;
	assert_string_equal(b.data, "");
	assert_int_equal(buf_addstr(&b, "one"), 0);
	assert_int_equal(buf_addch(&b, ' '), 0);
	assert_int_equal(buf_addf(&b, "%d %s", 2, "three"), 0);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_string_equal(b.data, "one 2 three");
	assert_int_equal(b.len, 11);
}

static void test_bytes_are_kept_as_they_are(void **state)
{
	BUF_CLEANUP struct buf b = BUF_INIT(100);

	(void)state;
	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b\0", 4);
}

static void test_limit_is_exact(void **state)
{
	BUF_CLEANUP struct buf b = BUF_INIT(5);

	(void)state;
	assert_int_equal(buf_addstr(&b, "12345"), 0);
	assert_false(b.failed);
	assert_int_equal(buf_addch(&b, '6'), -1);
	assert_true(b.failed);
	assert_string_equal(b.data, "12345");
}

static void test_failure_is_remembered(void **state)
{
	BUF_CLEANUP struct buf b = BUF_INIT(4);
	struct error err = ERROR_INIT;

	(void)state;
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

static void test_absurd_lengths(void **state)
{
	BUF_CLEANUP struct buf b = BUF_INIT(SIZE_MAX - 1);

	(void)state;
	buf_addch(&b, 'a');
	assert_null(buf_reserve(&b, SIZE_MAX - 1)); /* len + this would wrap around */
	assert_true(b.failed);
}

static void test_growth_up_to_the_limit(void **state)
{
	enum { MAX = 100003 };
	BUF_CLEANUP struct buf b = BUF_INIT(MAX);

	(void)state;
	for (int i = 0; i < MAX; i++)
		assert_int_equal(buf_addch(&b, (char)('a' + i % 26)), 0);
	for (int i = 0; i < MAX; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	assert_int_equal(b.cap, MAX + 1);
	assert_int_equal(buf_addch(&b, 'x'), -1);
}

static void test_reserve_and_commit(void **state)
{
	BUF_CLEANUP struct buf b = BUF_INIT(10);
	char *to;

	(void)state;
	buf_addstr(&b, "ab");
	to = buf_reserve(&b, 8);
	assert_non_null(to);
	memcpy(to, "cdefghij", 8);
	buf_commit(&b, 3);
	assert_string_equal(b.data, "abcde");
}

static void test_consume(void **state)
{
	BUF_CLEANUP struct buf b = BUF_INIT(10);

	(void)state;
	buf_consume(&b, 5);
	assert_string_equal(b.data, "");
	buf_addstr(&b, "abcdef");
	buf_consume(&b, 2);
	assert_string_equal(b.data, "cdef");
	buf_consume(&b, 100);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
}

static void test_detach(void **state)
{
	struct buf b = BUF_INIT(10);
	char *s;

	(void)state;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_bytes_are_kept_as_they_are),
		cmocka_unit_test(test_limit_is_exact),
		cmocka_unit_test(test_failure_is_remembered),
		cmocka_unit_test(test_absurd_lengths),
		cmocka_unit_test(test_growth_up_to_the_limit),
		cmocka_unit_test(test_reserve_and_commit),
		cmocka_unit_test(test_consume),
		cmocka_unit_test(test_detach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
