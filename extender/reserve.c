#include "extender/reserve.h"

#include <stdlib.h>
#include <string.h>

static void reservation_free(struct reservation *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		free(r->nodes[i]);
	free(r->nodes);
	free(r->uid);
	free(r->namespace);
	free(r->name);
	free(r);
}

void reservations_release(struct reservations *r)
{
	for (size_t i = 0; i < r->table.count; i++)
		reservation_free((struct reservation *)r->table.entries[i]);
	table_release(&r->table);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct reservation *reservation_new(const char *uid, const char *namespace, const char *name,
					   const char *const *nodes, size_t count)
{
	struct reservation *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->uid = strdup(uid);
	r->namespace = strdup(namespace);
	r->name = strdup(name);
	r->nodes = calloc(count + 1, sizeof(*r->nodes));
	if (!r->uid || !r->namespace || !r->name || !r->nodes)
		goto nomem;
	for (; r->count < count; r->count++) {
		r->nodes[r->count] = strdup(nodes[r->count]);
		if (!r->nodes[r->count])
			goto nomem;
	}
	qsort(r->nodes, r->count, sizeof(*r->nodes), by_name);
	return r;
nomem:
	reservation_free(r);
	return NULL;
}

int reserve(struct reservations *r, const char *uid, const char *namespace, const char *name,
	    const struct codis_identity *id, const char *const *nodes, size_t count, int64_t deadline_ms)
{
	struct reservation *made;

	reserve_drop(r, uid);
	made = reservation_new(uid, namespace, name, nodes, count);
	if (!made)
		return -1;
	made->id = *id;
	made->deadline_ms = deadline_ms;
	if (table_add(&r->table, made) < 0) {
		reservation_free(made);
		return -1;
	}
	return 0;
}

void reserve_drop(struct reservations *r, const char *uid)
{
	reservation_free(table_remove(&r->table, uid));
}

size_t reserve_expire(struct reservations *r, int64_t now_ms)
{
	size_t dropped = 0;

	for (size_t i = r->table.count; i-- > 0;) {
		struct reservation *one = (struct reservation *)r->table.entries[i];

		if (one->deadline_ms > now_ms)
			continue;
		reserve_drop(r, one->uid);
		dropped++;
	}
	return dropped;
}

const struct reservation *reserve_find(const struct reservations *r, const char *uid)
{
	return table_find(&r->table, uid);
}

bool reservation_has(const struct reservation *r, const char *node)
{
	return bsearch(&node, r->nodes, r->count, sizeof(*r->nodes), by_name) != NULL;
}
