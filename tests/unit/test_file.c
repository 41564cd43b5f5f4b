#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "tests/unit/test.h"

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

TEST(read)
{
	struct error err;
	char *text = file_read(path, 4, &err);

	assert_non_null(text);
	assert_memory_equal(text, "a\0b\n", 5);
	free(text);
}

TEST(refuses)
{
	struct error err;

	assert_null(file_read(path, 3, &err));
	assert_int_equal(err.code, ERR_TOOBIG);
	assert_null(file_read("/nonexistent/ca.crt", 100, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_string_equal(err.text, "/nonexistent/ca.crt: No such file or directory");
	assert_null(file_read("/", 100, &err));
	assert_int_equal(err.code, ERR_IO);
}

TEST_GROUP(setup, teardown)

/* In a process of its own, which cannot say anything any more. */
TEST(standard_files_that_were_closed_are_open)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(STDIN_FILENO);
		close(STDERR_FILENO);
		if (file_open_standard(NULL) < 0)
			_exit(1);
		status = open("/dev/null", O_RDONLY); /* what comes next is none of them */
		_exit(status > STDERR_FILENO && fcntl(STDIN_FILENO, F_GETFD) == 0 && fcntl(STDERR_FILENO, F_GETFD) == 0
			      ? 0
			      : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
