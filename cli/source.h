/* source.h - where a product's tree is read: in ZooKeeper, or from its living proxies and pods. */
#ifndef CODIS_CLI_SOURCE_H
#define CODIS_CLI_SOURCE_H

#include <cjson/cJSON.h>

#include "cli/known.h"
#include "cli/tree.h"

/* Connects to the ZooKeeper that the product's dashboard, or a proxy, names by --zookeeper. CLI_OK, or the status, and
 * why is said; ended by tree_close in any case. */
enum cli_status source_open(struct tree *t, struct cli *c, const struct known *k, const char *product);

/* The copy of what is in ZooKeeper; of what proxies and pods say. *copy is the caller's; NULL where the status is not
 * CLI_OK, and why is said. */
enum cli_status source_zookeeper(struct tree *t, struct cli *c, const char *product, cJSON **copy);
enum cli_status source_proxies(struct cli *c, const struct known *k, const char *product, cJSON **copy);

#endif
