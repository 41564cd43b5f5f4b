/* status_change.h - how a cluster's status line differs from the one before: what a log has. Pure. */
#ifndef CODIS_CONTROLLER_STATUS_CHANGE_H
#define CODIS_CONTROLLER_STATUS_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* The length of what stands before the first cause: "codis-test: OK, 2/2 groups led". */
size_t status_change_head(const char *line);
/* The causes of the line that the other one has not, joined by "; ". figures: one that differs by its figures alone is
 * none, since it stands there as it was or as it became. */
void status_change_only(const char *line, const char *other, bool figures, struct buf *out);

#endif
