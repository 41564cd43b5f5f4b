/* lost.h - since when the nodes of a cluster's pods, and of its ZooKeeper's, are lost. */
#ifndef CODIS_CONTROLLER_LOST_H
#define CODIS_CONTROLLER_LOST_H

#include <stddef.h>
#include <stdint.h>

struct cluster;

/* Of what is known of Kubernetes now: before each picture. */
void lost_note(struct cluster *c, int64_t now_ms);
/* The namespace that a list of ZooKeeper's members names, as --zookeeper has it: "infra" of
 * "zk-0.zk.infra.svc:2181,..."; "": none, so it is the pod's own. */
void lost_zookeeper_namespace(const char *servers, char *out, size_t size);

#endif
