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

#define ROOM_MIN 16

static uint64_t bit(uint32_t node)
{
	return UINT64_C(1) << (node >> 20 & 63);
}

/* Where it is, or would be. */
static uint32_t find_node(const struct attempts_of *of, uint32_t node)
{
	uint32_t mask = of->room - 1, i = node & mask;

	while (of->nodes[i].times && of->nodes[i].node != node)
		i = (i + 1) & mask;
	return i;
}

/* What stands behind it in one row moves up, where it would not be found any more. */
static void take_out(struct attempts_of *of, uint32_t i)
{
	uint32_t mask = of->room - 1;

	for (uint32_t next = (i + 1) & mask; of->nodes[next].times; next = (next + 1) & mask) {
		if (((next - of->nodes[next].node) & mask) < ((next - i) & mask))
			continue;
		of->nodes[i] = of->nodes[next];
		i = next;
	}
	of->nodes[i].times = 0;
	of->count--;
}

/* How many offers ago the last was that is still remembered: their numbers begin anew sometime. */
static uint32_t age(const struct attempts_of *of, uint32_t i)
{
	return (of->offers - of->nodes[i].offer) & ((1U << 24) - 1);
}

/* All of one offer, so that they are looked for once, not for each node that is new. */
static void forget_oldest(struct attempts_of *of)
{
	uint32_t oldest = 0;

	for (uint32_t i = 0; i < of->room; i++)
		oldest = of->nodes[i].times && age(of, i) > oldest ? age(of, i) : oldest;
	for (uint32_t i = 0; i < of->room;) {
		if (of->nodes[i].times && age(of, i) == oldest)
			take_out(of, i);
		else
			i++;
	}
	memset(of->seen, 0, sizeof(of->seen));
	for (uint32_t i = 0; i < of->room; i++)
		of->seen[of->nodes[i].node >> 26] |= of->nodes[i].times ? bit(of->nodes[i].node) : 0;
}

static int grow(struct attempts_of *of)
{
	uint32_t old_room = of->room, room = old_room ? 2 * old_room : ROOM_MIN;
	struct attempt *old = of->nodes, *nodes = calloc(room, sizeof(*nodes));

	if (!nodes)
		return -1;
	of->nodes = nodes;
	of->room = room;
	for (uint32_t i = 0; i < old_room; i++) {
		if (old[i].times)
			nodes[find_node(of, old[i].node)] = old[i];
	}
	free(old);
	return 0;
}

/* Half of it stays free. -1: there is no room for a single one. */
static int make_room(struct attempts_of *of)
{
	if (of->count < ATTEMPTS_NODES && (2 * of->count < of->room || grow(of) == 0))
		return 0;
	if (of->count)
		forget_oldest(of);
	return of->room ? 0 : -1;
}

void attempts_add(struct attempts_of *of, uint32_t node)
{
	struct attempt *its;

	if (!attempts_times(of, node) && make_room(of) < 0)
		return;
	its = &of->nodes[find_node(of, node)];
	if (!its->times)
		of->count++;
	its->node = node;
	of->seen[node >> 26] |= bit(node);
	its->times += its->times < UINT8_MAX;
	its->offer = of->offers & ((1U << 24) - 1);
}

uint32_t attempts_times(const struct attempts_of *of, uint32_t node)
{
	return of->seen[node >> 26] & bit(node) ? of->nodes[find_node(of, node)].times : 0;
}
