/* zookeeper.h - finds a cluster's ZooKeeper and keeps a connection to it. */
#ifndef CODIS_CONTROLLER_ZOOKEEPER_H
#define CODIS_CONTROLLER_ZOOKEEPER_H

#include <stdint.h>

struct cluster;

/* Resolves what the pods name (cluster.zk_name), opens it, opens it anew when its addresses changed, and notes since
 * when it is connected. */
void zookeeper_tick(struct cluster *c, int64_t now_ms);

#endif
