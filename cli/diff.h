/* diff.h - what differs between two texts, by lines. */
#ifndef CODIS_CLI_DIFF_H
#define CODIS_CLI_DIFF_H

struct buf;

/* Appends it as `diff -u` writes it, without the names: hunks of three lines around each change; nothing where there is
 * none. 0, or -1: no memory, or out's limit. */
int diff_write(const char *before, const char *after, struct buf *out);

#endif
