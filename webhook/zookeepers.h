/* zookeepers.h - whether two dashboards are told the same ZooKeeper. Pure. */
#ifndef CODIS_WEBHOOK_ZOOKEEPERS_H
#define CODIS_WEBHOOK_ZOOKEEPERS_H

enum same_zookeeper {
	ZOOKEEPER_OTHER,
	ZOOKEEPER_PERHAPS,
	ZOOKEEPER_SAME,
};

/* Whether two lists ("zk-0.zookeeper:2181,10.0.0.7:2181"), each as it is resolved in its namespace, have a member in
 * common: of one name, or a pod and the service that it is behind. Perhaps: where a name may mean two things, they are
 * two pods of one StatefulSet, a service and its -headless one, one in another domain of a cluster, or of a list with
 * another path behind it ("zk:2181/codis"), which Codis 3.2 does not know and others may. */
enum same_zookeeper zookeepers_same(const char *a, const char *a_namespace, const char *b, const char *b_namespace);

#endif
