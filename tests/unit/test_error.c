#include <errno.h>

#include "common/base/error.h"
#include "tests/unit/test.h"

TEST(set)
{
	struct error err = { .code = ERR_IO, .status = 404 };

	assert_int_equal(error_set(&err, ERR_INVALID, "group %d is none", 7), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(err.status, 0);
	assert_string_equal(err.text, "group 7 is none");
}

TEST(nobody_asks)
{
	assert_int_equal(error_set(NULL, ERR_INVALID, "x"), -1);
	assert_int_equal(error_errno(NULL, EIO, "x"), -1);
	assert_int_equal(error_wrap(NULL, "x"), -1);
}

TEST(codes_of_errno)
{
	static const struct {
		int errnum;
		enum error_code code;
	} cases[] = {
		{ ECONNREFUSED, ERR_REFUSED }, { ETIMEDOUT, ERR_TIMEOUT }, { ENOMEM, ERR_NOMEM },  { EPIPE, ERR_IO },
		{ EACCES, ERR_DENIED },        { ENOENT, ERR_NOTFOUND },   { EEXIST, ERR_EXISTS },
	};
	struct error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(error_errno(&err, cases[i].errnum, "reading"), -1);
		assert_int_equal(err.code, cases[i].code);
	}
	error_errno(&err, ENOENT, "reading %s", "/x");
	assert_string_equal(err.text, "reading /x: No such file or directory");
}

TEST(wrap)
{
	struct error err;

	error_set(&err, ERR_STATUS, "HTTP 800");
	err.status = 800;
	assert_int_equal(error_wrap(&err, "dashboard %s", "a:1"), -1);
	assert_string_equal(err.text, "dashboard a:1: HTTP 800");
	assert_int_equal(err.code, ERR_STATUS);
	assert_int_equal(err.status, 800);
}

TEST(long_texts_are_cut)
{
	char text[2000];
	struct error err;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&err, ERR_IO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	error_wrap(&err, "%s", "front");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "front: xxx", 10);
	error_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	error_errno(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}
