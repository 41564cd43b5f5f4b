/* table.h - a hash table of links that lie within the entries themselves: adding allocates nothing for the entry, so it
 * cannot fail, and taking out needs no search. An entry may be in several tables, by a link each; several entries may
 * have one hash (and one key: "all pods of this node").
 *
 *     struct pod { char uid[40]; struct table_link by_uid; };
 *     table_add(&pods, &pod->by_uid, hash_text(HASH_INIT, pod->uid));
 *     for (struct table_link *l = table_first(&pods, hash); l; l = table_next(l))
 *             if (strcmp(TABLE_ENTRY(l, struct pod, by_uid)->uid, uid) == 0) ...
 *
 * The table owns no entry. A table of zeros is an empty one; it must not be moved while it holds something. */
#ifndef CODIS_BASE_TABLE_H
#define CODIS_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_link {
	struct table_link *next, **at; /* at: what points to this link; NULL while it is in no table */
	uint64_t hash;
};

struct table {
	struct table_link **buckets; /* NULL: `only` is the one bucket there is */
	struct table_link *only;
	size_t cap, count; /* cap: a power of two */
};

#define TABLE_ENTRY(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Without memory for more buckets the chains become longer, no more. */
void table_add(struct table *t, struct table_link *link, uint64_t hash);
/* Nothing happens to a link that is in no table. */
void table_remove(struct table *t, struct table_link *link);

/* The entries of a hash, in no order; compare their keys. */
struct table_link *table_first(const struct table *t, uint64_t hash);
struct table_link *table_next(const struct table_link *link);

/* All entries, in no order: the first (after NULL), the one after `link`; NULL at the end. Take out the one before only
 * when the next is known. */
struct table_link *table_walk(const struct table *t, const struct table_link *link);

/* Frees the buckets. The entries are the caller's, and are in no table from then on. */
void table_release(struct table *t);

#endif
