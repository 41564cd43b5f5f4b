#include "extender/attempts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"

void attempts_init(struct attempts *a)
{
	*a = (struct attempts){ .by_uid = { .count = 0 } };
	TAILQ_INIT(&a->by_last);
}

static void end(struct attempts *a, struct attempts_of *of)
{
	table_remove(&a->by_uid, &of->by_uid);
	TAILQ_REMOVE(&a->by_last, of, by_last);
	free(of->nodes);
	free(of);
}

void attempts_release(struct attempts *a)
{
	while (!TAILQ_EMPTY(&a->by_last))
		end(a, TAILQ_FIRST(&a->by_last));
	table_release(&a->by_uid);
}

static struct attempts_of *find(const struct attempts *a, const char *uid)
{
	struct table_link *link = table_first(&a->by_uid, hash_text(HASH_INIT, uid));

	while (link && strcmp(TABLE_ENTRY(link, struct attempts_of, by_uid)->uid, uid) != 0)
		link = table_next(link);
	return link ? TABLE_ENTRY(link, struct attempts_of, by_uid) : NULL;
}

/* The first was asked for the longest time ago. */
static void forget_old(struct attempts *a, int64_t now_ms)
{
	struct attempts_of *first;

	while ((first = TAILQ_FIRST(&a->by_last)) &&
	       (now_ms - first->last_ms > ATTEMPTS_MS || a->by_uid.count > ATTEMPTS_PODS))
		end(a, first);
}

struct attempts_of *attempts_find(struct attempts *a, const char *uid, int64_t now_ms)
{
	forget_old(a, now_ms);
	return find(a, uid);
}

struct attempts_of *attempts_of(struct attempts *a, const char *uid, int64_t now_ms)
{
	struct attempts_of *of = attempts_find(a, uid, now_ms);
	size_t size = strlen(uid) + 1;

	if (of) {
		TAILQ_REMOVE(&a->by_last, of, by_last);
	} else {
		of = calloc(1, sizeof(*of) + size);
		if (!of)
			return NULL;
		memcpy(of->uid, uid, size);
		table_add(&a->by_uid, &of->by_uid, hash_text(HASH_INIT, uid));
	}
	TAILQ_INSERT_TAIL(&a->by_last, of, by_last);
	of->last_ms = now_ms;
	return of;
}

void attempts_drop(struct attempts *a, const char *uid)
{
	struct attempts_of *of = find(a, uid);

	if (of)
		end(a, of);
}

static uint64_t bit(uint32_t node)
{
	return UINT64_C(1) << (node & 63);
}

static size_t word(uint32_t node)
{
	return (node >> 6) % (ATTEMPTS_BITS / 64);
}

#define ROOM_MIN 8

/* Room for one more; NULL: there is none. */
static struct attempt *new_one(struct attempts_of *of)
{
	uint16_t room = of->room ? (uint16_t)(2 * of->room) : ROOM_MIN;
	struct attempt *nodes;

	if (of->count < of->room)
		return &of->nodes[of->count++];
	nodes = room <= ATTEMPTS_NODES ? realloc(of->nodes, room * sizeof(*nodes)) : NULL;
	if (!nodes)
		return NULL;
	of->nodes = nodes;
	of->room = room;
	return &of->nodes[of->count++];
}

/* NULL: it was not offered. */
static struct attempt *of_node(const struct attempts_of *of, uint32_t node)
{
	for (int i = 0; of->seen[word(node)] & bit(node) && i < of->count; i++) {
		if (of->nodes[i].node == node)
			return &of->nodes[i];
	}
	return NULL;
}

static struct attempt *oldest(struct attempts_of *of)
{
	struct attempt *first = of->nodes;

	for (int i = 1; i < of->count; i++) {
		if (of->nodes[i].last_ms < first->last_ms)
			first = &of->nodes[i];
	}
	return first;
}

void attempts_add(struct attempts_of *of, uint32_t node, int64_t now_ms)
{
	struct attempt *its = of_node(of, node);

	if (!its) {
		its = new_one(of);
		its = its ? its : oldest(of);
		if (!its)
			return;
		*its = (struct attempt){ .node = node };
	}
	of->seen[word(node)] |= bit(node);
	its->times++;
	its->last_ms = now_ms;
}

uint32_t attempts_times(const struct attempts_of *of, uint32_t node)
{
	const struct attempt *its = of_node(of, node);

	return its ? its->times : 0;
}
