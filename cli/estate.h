/* estate.h - what of a namespace is a product's, and what stays when that goes: of the lists of Kubernetes, read once.
 *
 * Makers of pods (StatefulSets, Deployments, DaemonSets, ReplicaSets, ReplicationControllers) are the product's as
 * their pods are (inventory.h). Services and PodDisruptionBudgets are where they select pods of these and of nobody
 * else; ConfigMaps where these use them, nobody else does, and codisctl has applied them. A ZooKeeper is the product's
 * where the address that its pods have names a Service before it. */
#ifndef CODIS_CLI_ESTATE_H
#define CODIS_CLI_ESTATE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "cli/documents.h"
#include "cli/known.h"
#include "common/base/buf.h"

#define ESTATE_KINDS 10

enum estate_part {
	PART_NONE,      /* not the product's */
	PART_ACCESS,    /* Services, budgets, ConfigMaps */
	PART_MAKER,     /* of servers, proxies, codis-ha, codis-fe */
	PART_DASHBOARD, /* likewise; it goes last, since it says where the tree is */
	PART_DATA,      /* PersistentVolumeClaims of these */
	/* of ZooKeeper in this namespace; where it goes, too */
	PART_ZOOKEEPER,
	PART_ZOOKEEPER_ACCESS,
	PART_ZOOKEEPER_DATA,
};

struct thing {
	const struct kind *kind;
	const cJSON *object; /* of the estate's lists */
	const char *name, *uid;
	enum codis_component component; /* of a maker's pods */
	enum estate_part part;
	const char *stays; /* why, of one that might have gone; NULL: it was never asked, or goes */
};

struct estate {
	struct cli *cli;
	cJSON *lists[ESTATE_KINDS];
	struct thing *things;
	int count;
	char product[CODIS_PRODUCT_MAX];
	char address[POD_TEXT_MAX]; /* of the coordinator, as its pods say it; "": none does */
	bool elsewhere;             /* etcd, or files: no ZooKeeper */
	struct buf others;          /* other products of the namespace, "a, b" */
};

/* named NULL: the only product of the namespace, "" where it has none. CLI_OK, or the status, and why is said; ended by
 * estate_release in any case. */
enum cli_status estate_get(struct estate *e, struct cli *c, const struct known *k, const char *named);
void estate_release(struct estate *e);

/* Whether that is a pod of what makes those of these parts, from..to: by its owner, and where that was not there when
 * they were listed, by its labels. */
bool estate_has_pod(const struct estate *e, const cJSON *pod, enum estate_part from, enum estate_part to);
/* Whether its PersistentVolumeClaims go with that StatefulSet. */
bool estate_deletes_data(const struct thing *t);
/* Whether codisctl has applied it. */
bool estate_is_applied(const cJSON *object);
/* Whether another object has made it, as a Deployment its ReplicaSets: it is not told of. */
bool estate_is_owned(const struct thing *t);
/* "  StatefulSet a, b\n" for each kind that has some of that part. */
void estate_list(const struct estate *e, enum estate_part part, struct buf *out);

#endif
