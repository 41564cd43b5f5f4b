#include "cli/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/file.h"

#define FILES_MAX 256 /* of a folder */

struct reading {
	size_t max;
	files_fn fn;
	void *ctx;
};

static int read_open(const struct reading *r, int fd, const char *from, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(r->max);

	return file_read_all(fd, &text, from, err) < 0 ? -1 : r->fn(r->ctx, from, text.data, text.len, err);
}

static int read_file(const struct reading *r, const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), done;

	if (fd < 0)
		return error_errno(err, errno, "%s", path);
	done = read_open(r, fd, path, err);
	close(fd);
	return done;
}

static int is_manifest(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

static int read_entries(const struct reading *r, const char *path, struct dirent *const *entries, int count,
			struct error *err)
{
	BUF_CLEANUP struct buf file = BUF_INIT(4096);

	if (!count)
		return error_set(err, ERR_NOTFOUND, "%s has no *.yaml, *.yml or *.json", path);
	if (count > FILES_MAX)
		return error_set(err, ERR_TOOBIG, "%s has over %d manifests", path, FILES_MAX);
	for (int i = 0; i < count; i++) {
		buf_reset(&file);
		buf_addf(&file, "%s/%s", path, entries[i]->d_name);
		if (buf_check(&file, "the name of a file", err) < 0 || read_file(r, file.data, err) < 0)
			return -1;
	}
	return 0;
}

static int read_folder(const struct reading *r, const char *path, struct error *err)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_manifest, alphasort), done;

	if (count < 0)
		return error_errno(err, errno, "%s", path);
	done = read_entries(r, path, entries, count, err);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return done;
}

int files_read(const char *path, size_t max, files_fn fn, void *ctx, struct error *err)
{
	struct reading r = { max, fn, ctx };
	struct stat st;

	if (strcmp(path, "-") == 0)
		return read_open(&r, STDIN_FILENO, "standard input", err);
	if (stat(path, &st) < 0)
		return error_errno(err, errno, "%s", path);
	return S_ISDIR(st.st_mode) ? read_folder(&r, path, err) : read_file(&r, path, err);
}
