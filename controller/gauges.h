/* gauges.h - how the clusters are, as Prometheus metrics (text format 0.0.4): written anew for each scrape from what
 * the last turn saw, so that a cluster which is gone has no series any more. What is counted for all of them is in
 * common/base/metrics.
 */
#ifndef CODIS_CONTROLLER_GAUGES_H
#define CODIS_CONTROLLER_GAUGES_H

#include <stdbool.h>

struct buf;
struct clusters;

/* Groups of which a scrape tells; how many are left out, it tells too. */
#define GAUGES_GROUPS_MAX 10000

/* Appends those of each cluster and of its groups: how it is, of two controllers that look at the same clusters only by
 * the one that leads; what this one has done in it, by both. */
void gauges_write(const struct clusters *clusters, bool leads, struct buf *out);

#endif
