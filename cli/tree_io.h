/* tree_io.h - nodes of a product's tree, read and written many at once. */
#ifndef CODIS_CLI_TREE_IO_H
#define CODIS_CLI_TREE_IO_H

#include <cjson/cJSON.h>

#include "cli/tree.h"

struct error;

/* Adds all groups, proxies and slots that are there to the copy (tree_copy.h), with their versions. 0, or -1 and *err:
 * one that is no JSON, too. */
int tree_io_read(struct tree *t, cJSON *copy, struct error *err);

/* A node of a copy that is to be written: made where it is not there (version -1), else over that version. */
struct tree_write {
	const cJSON *node;
	int version;
};
/* In this order; wrote: how many were. 0, or -1 and *err, with what was written by then: of one that was written by
 * somebody else meanwhile, ERR_EXISTS or ERR_CONFLICT. */
int tree_io_write(struct tree *t, const char *product, const struct tree_write *writes, int count, int *wrote,
		  struct error *err);

#endif
