/* table.h - entries sorted by a text key: lookup by halving, insertion by moving pointers. Enough for the nodes and
 * codis pods of one cluster (5,000 nodes), and a walk over it is a walk over an array. */
#ifndef CODIS_EXTENDER_TABLE_H
#define CODIS_EXTENDER_TABLE_H

#include <stddef.h>

/* Every entry starts with its key; the table owns neither. */
struct entry {
	const char *key;
};

struct table {
	struct entry **entries; /* sorted by key */
	size_t count, cap;
};

/* The entry of the key, or NULL. */
void *table_find(const struct table *t, const char *key);
/* Adds an entry whose key is not there yet. 0 or -1 (memory). */
int table_add(struct table *t, void *entry);
/* Takes the entry out and returns it, or NULL. */
void *table_remove(struct table *t, const char *key);
/* Frees the table's own memory; the entries are the caller's to free before. */
void table_release(struct table *t);

#endif
