#include "extender/reserve.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"

static struct reservation *entry(struct table_link *link)
{
	return link ? TABLE_ENTRY(link, struct reservation, by_uid) : NULL;
}

static void reservation_free(struct reservation *one)
{
	for (size_t i = 0; i < one->count; i++)
		free(one->nodes[i]);
	free(one->nodes);
	free(one->uid);
	free(one->name);
	free(one);
}

static void end_reservation(struct reservations *r, struct reservation *one)
{
	table_remove(&r->by_uid, &one->by_uid);
	reservation_free(one);
}

void reservations_release(struct reservations *r)
{
	for (struct table_link *link = table_walk(&r->by_uid, NULL), *next; link; link = next) {
		next = table_walk(&r->by_uid, link);
		end_reservation(r, entry(link));
	}
	table_release(&r->by_uid);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct reservation *reservation_new(const char *uid, const char *name, const char *const *nodes, size_t count)
{
	struct reservation *one = calloc(1, sizeof(*one));

	if (!one)
		return NULL;
	one->uid = strdup(uid);
	one->name = strdup(name);
	one->nodes = calloc(count + 1, sizeof(*one->nodes));
	if (!one->uid || !one->name || !one->nodes)
		goto nomem;
	for (; one->count < count; one->count++) {
		one->nodes[one->count] = strdup(nodes[one->count]);
		if (!one->nodes[one->count])
			goto nomem;
	}
	qsort(one->nodes, one->count, sizeof(*one->nodes), by_name);
	return one;
nomem:
	reservation_free(one);
	return NULL;
}

int reservations_add(struct reservations *r, const char *uid, const char *name, const struct membership *member,
		     const char *const *nodes, size_t count, int64_t deadline_ms)
{
	struct reservation *one;

	reservations_drop(r, uid);
	one = reservation_new(uid, name, nodes, count);
	if (!one)
		return -1;
	one->member = *member;
	one->deadline_ms = deadline_ms;
	table_add(&r->by_uid, &one->by_uid, hash_text(HASH_INIT, uid));
	return 0;
}

static struct reservation *find(const struct reservations *r, const char *uid)
{
	struct table_link *link = table_first(&r->by_uid, hash_text(HASH_INIT, uid));

	while (link && strcmp(entry(link)->uid, uid) != 0)
		link = table_next(link);
	return entry(link);
}

void reservations_drop(struct reservations *r, const char *uid)
{
	struct reservation *one = find(r, uid);

	if (one)
		end_reservation(r, one);
}

size_t reservations_expire(struct reservations *r, int64_t now_ms)
{
	size_t dropped = 0;

	for (struct table_link *link = table_walk(&r->by_uid, NULL), *next; link; link = next) {
		next = table_walk(&r->by_uid, link);
		if (entry(link)->deadline_ms > now_ms)
			continue;
		end_reservation(r, entry(link));
		dropped++;
	}
	return dropped;
}

const struct reservation *reservations_find(const struct reservations *r, const char *uid)
{
	return find(r, uid);
}

const struct reservation *reservations_next(const struct reservations *r, const struct reservation *one)
{
	return entry(table_walk(&r->by_uid, one ? &one->by_uid : NULL));
}

bool reservations_offer(const struct reservation *one, const char *node)
{
	return bsearch(&node, one->nodes, one->count, sizeof(*one->nodes), by_name) != NULL;
}
