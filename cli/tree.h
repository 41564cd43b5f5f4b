/* tree.h - ZooKeeper from outside of the cluster: which products are in it, and a product's tree taken away. */
#ifndef CODIS_CLI_TREE_H
#define CODIS_CLI_TREE_H

#include <stdbool.h>

#include "cli/cli.h"
#include "common/base/buf.h"
#include "common/base/error.h"

struct coordinator;
struct relay;
struct websockets;

#define TREE_MEMBERS 7

struct tree {
	struct cli *cli;
	struct websockets *ws;
	struct relay *relays[TREE_MEMBERS];
	int count; /* of members that it can be asked of; 0: there is no pod behind its address */
	struct coordinator *zk;
	char namespace[64]; /* that its pods are in */
};

/* Connects to the pods behind an address as --zookeeper has it ("zookeeper:2181", "zk-0.zk:2181,zk-1.zk:2181", also in
 * another namespace), as a pod of `namespace` finds them. 0, also where there is no such pod (count); or -1 and *err:
 * it names no Service of the cluster, or does not answer within some seconds. Ended by tree_close in any case. */
int tree_open(struct tree *t, struct cli *c, const char *namespace, const char *address, struct error *err);
void tree_close(struct tree *t);

/* Whether anything is there of the product, and into *others the names of the other ones and what others than Codis
 * have there: "a, b, /brokers". 0, or -1 and *err. */
int tree_look(struct tree *t, const char *product, bool *there, struct buf *others, struct error *err);
/* Takes /codis3/PRODUCT and /jodis/PRODUCT away, and nothing else; gone: how many nodes that were. 0, or -1 and *err;
 * what is gone by then stays so, and it can be repeated. */
int tree_remove(struct tree *t, const char *product, int *gone, struct error *err);

#endif
