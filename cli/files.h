/* files.h - manifests as `-f` names them: a file, a folder of them, or standard input. */
#ifndef CODIS_CLI_FILES_H
#define CODIS_CLI_FILES_H

#include <stddef.h>

struct error;

/* Gets a text, which has a NUL behind its len bytes, and where it is from: a path, or "standard input". -1 and *err
 * ends the reading. */
typedef int (*files_fn)(void *ctx, const char *from, const char *text, size_t len, struct error *err);

/* Calls fn with the file, with all *.yaml, *.yml and *.json of a folder in the order of their names (as kubectl takes
 * them; 256 at most), or with what standard input has ("-"); each of max bytes at most. 0, or -1 and *err, naming the
 * file, or what fn says. */
int files_read(const char *path, size_t max, files_fn fn, void *ctx, struct error *err);

#endif
