#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"

static char path[] = "/tmp/test_file.XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0 || write(fd, "a\0b\n", 4) != 4)
		return -1;
	return close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void test_read(void **state)
{
	struct error err;
	char *text = file_read(path, 4, &err);

	(void)state;
	assert_non_null(text);
	assert_memory_equal(text, "a\0b\n", 5);
	free(text);
}

static void test_refuses(void **state)
{
	struct error err;

	(void)state;
	assert_null(file_read(path, 3, &err));
	assert_int_equal(err.code, ERR_TOOBIG);
	assert_null(file_read("/nonexistent/ca.crt", 100, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_string_equal(err.text, "/nonexistent/ca.crt: No such file or directory");
	assert_null(file_read("/", 100, &err));
	assert_int_equal(err.code, ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_read), cmocka_unit_test(test_refuses) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
