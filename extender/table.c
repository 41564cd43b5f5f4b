#include "extender/table.h"

#include <stdlib.h>
#include <string.h>

/* The place of the key: where it is, or where it would go. */
static size_t place_of(const struct table *t, const char *key, int *found)
{
	size_t lo = 0, hi = t->count;

	*found = 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(t->entries[mid]->key, key);

		if (order == 0) {
			*found = 1;
			return mid;
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void *table_find(const struct table *t, const char *key)
{
	int found;
	size_t at = place_of(t, key, &found);

	return found ? t->entries[at] : NULL;
}

int table_add(struct table *t, void *entry)
{
	struct entry *e = entry;
	int found;
	size_t at = place_of(t, e->key, &found);

	if (t->count == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;
		struct entry **grown = realloc(t->entries, cap * sizeof(*grown));

		if (!grown)
			return -1;
		t->entries = grown;
		t->cap = cap;
	}
	memmove(t->entries + at + 1, t->entries + at, (t->count - at) * sizeof(*t->entries));
	t->entries[at] = e;
	t->count++;
	return 0;
}

void *table_remove(struct table *t, const char *key)
{
	int found;
	size_t at = place_of(t, key, &found);
	struct entry *e;

	if (!found)
		return NULL;
	e = t->entries[at];
	t->count--;
	memmove(t->entries + at, t->entries + at + 1, (t->count - at) * sizeof(*t->entries));
	return e;
}

void table_release(struct table *t)
{
	free(t->entries);
	memset(t, 0, sizeof(*t));
}
