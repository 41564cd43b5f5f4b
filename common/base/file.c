#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/error.h"

#define CHUNK 8192

int file_read_all(int fd, struct buf *out, const char *path, struct error *err)
{
	char chunk[CHUNK];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "%s", path);
		if (buf_add(out, chunk, (size_t)n) < 0)
			return buf_check(out, path, err);
	}
	return 0;
}

char *file_read(const char *path, size_t max, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(max);
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	char *out;

	if (fd < 0) {
		error_errno(err, errno, "%s", path);
		return NULL;
	}
	r = file_read_all(fd, &text, path, err);
	close(fd);
	if (r < 0)
		return NULL;
	out = buf_detach(&text);
	if (!out)
		error_set(err, ERR_NOMEM, "%s: no memory", path);
	return out;
}

int file_open_standard(struct error *err)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return error_errno(err, errno, "/dev/null");
	close(fd);
	return 0;
}
