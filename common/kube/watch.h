/* watch.h - the lines of a watch: one JSON event each, in whatever pieces the network brings them. */
#ifndef CODIS_KUBE_WATCH_H
#define CODIS_KUBE_WATCH_H

#include <stddef.h>

struct buf;
struct error;

#define WATCH_LINE_MAX (8u << 20) /* etcd holds objects of 1.5 MiB at most */

/* Hands every line that is complete to on_line, without its end; empty ones are skipped. *part keeps the rest for the
 * next call; its limit is the limit of a line. 0; -1 and *err for a line over the limit; or what on_line returned,
 * which ends the reading when it is not 0. A line is valid during the call only. */
int watch_lines(struct buf *part, const char *data, size_t len, int (*on_line)(void *ctx, const char *line, size_t len),
		void *ctx, struct error *err);

#endif
