/* shared.h - clusters that have one tree in one ZooKeeper: the same product name in two namespaces. Each would take the
 * other's servers for strangers, drop them from the groups' lists, and have its own follow the other's master. */
#ifndef CODIS_CONTROLLER_SHARED_H
#define CODIS_CONTROLLER_SHARED_H

#include <stdbool.h>

struct cluster;

/* Of all clusters, in their list: whose tree another one has, too (cluster.shared). Costs little where nothing has
 * changed since *seen, which begins with 0. */
void shared_look(struct cluster *first, unsigned long long *seen);
/* Another one has its product's name, and what was read of its tree since has not been looked at so: until the next
 * tick nothing is done. */
bool shared_may_be(const struct cluster *c);

#endif
