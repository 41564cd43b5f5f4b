/* tree_copy.h - the tree that a product has in its coordinator, as one document: what codisctl backup writes and
 * restore reads, and the same rebuilt from what proxies and pods say. Pure.
 *
 *   {"kind":"CodisTree","format":1,"namespace":"shop","product":"codis-test","taken_at":"...","from":"zookeeper",
 *    "nodes":[{"path":"group/group-0001","version":3,"data":{...}}, ...]}
 *
 * Paths are those below /codis3/PRODUCT: groups, proxies and slots, in this order. The lock of the dashboard (topom) is
 * none of them: it belongs to a process. */
#ifndef CODIS_CLI_TREE_COPY_H
#define CODIS_CLI_TREE_COPY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"

struct error;
struct inventory;

#define TREE_COPY_NODES_MAX 20000
#define TREE_COPY_PATH_MAX  128 /* of a node, with its ending 0 */

/* The folders of the tree, in their order. */
extern const char *const tree_copy_folders[];
#define TREE_COPY_FOLDERS 3

/* All NULL, or -1: no memory. */
cJSON *tree_copy_new(const char *namespace, const char *product, const char *from);
/* Takes data over. version -1: not said. */
int tree_copy_add(cJSON *tree, const char *path, int version, cJSON *data);

/* "zookeeper", "proxies"; of which product; the node's data, or NULL. */
const char *tree_copy_from(const cJSON *tree), *tree_copy_product(const cJSON *tree);
const cJSON *tree_copy_data(const cJSON *tree, const char *path);

struct tree_copy_counts {
	int groups, proxies, slots, assigned; /* slots that a group has */
};
struct tree_copy_counts tree_copy_count(const cJSON *tree);
/* Of the data of a slot: whether a group has it. */
bool tree_copy_is_assigned(const char *path, const cJSON *data);

/* The document as text, a node in a line. 0, or -1 (memory). */
int tree_copy_write(const cJSON *tree, struct buf *out);
/* Such a document, as JSON or as YAML. NULL and *err: what is wrong with it. */
cJSON *tree_copy_read(const char *text, size_t len, struct error *err);

/* Adds what proxies say (GET /proxy, of each that is online) of slots and of themselves, and what the inventory's pods
 * say of who is in which group. 0, or -1 and *err: proxies that contradict each other, a slot that goes to a server of
 * another group, or to none that is known. */
int tree_copy_rebuild(cJSON *tree, const cJSON *const *proxies, int count, const struct inventory *inv,
		      struct error *err);

#endif
