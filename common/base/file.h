/* file.h - a whole file as a text. */
#ifndef CODIS_BASE_FILE_H
#define CODIS_BASE_FILE_H

#include <stddef.h>

struct buf;
struct error;

/* The file's bytes with a NUL behind them, the caller's to free(). NULL and *err, naming the file, when it cannot be
 * read or has more than max bytes. */
char *file_read(const char *path, size_t max, struct error *err);

/* The same of what is open: appends to out up to its end. 0, or -1 and *err, naming it as path: it cannot be read, or
 * has more than out's limit. */
int file_read_all(int fd, struct buf *out, const char *path, struct error *err);

/* Whoever is started without standard input, output or error gets /dev/null for it: else the next thing that is opened
 * is it, and lines of the log go there. 0, or -1 and *err. */
int file_open_standard(struct error *err);

#endif
