#include "extender/offer.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "common/kube/extender.h"
#include "extender/place.h"

/* Members that a set other than a group has as a rule: three of ZooKeeper, two or three proxies. */
#define USUAL_SET 3
/* Of the nodes that a pod may have it is offered one in so many for each member of its group. A master is offered
 * fewer: it counts on each of them until it is known where it is, and where it is matters more. */
#define OFFER_PART        2
#define OFFER_MASTER_PART 8

static size_t at_least_one(size_t n)
{
	return n > 0 ? n : 1;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many of `best` equals: enough for the scheduler's own scores to choose, which know what else stands there; but of
 * all that the pod may have a part only, since what is reserved for it is taken from its group. */
static size_t offer_size(const struct placing *pl)
{
	const struct kept_pod *pod = &pl->pod->pod;
	bool known = pod->component == CODIS_SERVER && pod->server_replica > 0;
	size_t set = known ? (size_t)pod->server_replica : USUAL_SET;
	size_t part = pl->pod->member.master ? OFFER_MASTER_PART : OFFER_PART;
	size_t offer = at_least_one(pl->passing / (part * set));
	size_t others = set > pl->members + 1 ? set - 1 - pl->members : 0; /* that have no place yet */

	if (offer < 2 && pl->passing >= 2 + others)
		offer = 2;
	return least(least(offer, pl->best), OFFER_MAX);
}

/* An order of chance, another one for each pod and turn. */
static uint64_t tie(const struct placing *pl, uint64_t turn, uint32_t i)
{
	uint32_t node = pl->nodes[i].node;
	uint64_t x = (uint64_t)(node ? node : place_hash_of(pl->args, i)) << 32 ^ turn;

	x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
	return (x ^ (x >> 32)) * UINT64_C(0x94d049bb133111eb);
}

static bool is_best(const struct placing *pl, uint32_t i)
{
	return pl->nodes[i].key == pl->best_key && pl->nodes[i].refusal == PLACE_PASSES;
}

static uint32_t zone_of_first(const struct placing *pl, uint64_t turn)
{
	uint64_t first = UINT64_MAX;
	uint32_t zone = 0;

	for (uint32_t i = 0; i < pl->args->count; i++) {
		uint64_t its = is_best(pl, i) ? tie(pl, turn, i) : UINT64_MAX;

		if (its < first) {
			first = its;
			zone = pl->nodes[i].why;
		}
	}
	return zone;
}

/* The first of the equals in that order, all of one zone: so its group knows which one to keep out of, though nobody
 * knows yet which of them it will be. */
static size_t draw(const struct placing *pl, uint64_t turn, size_t offer, uint32_t *those)
{
	uint64_t ties[OFFER_MAX] = { 0 };
	size_t drawn = 0;
	uint32_t zone = zone_of_first(pl, turn);

	for (uint32_t i = 0; i < pl->args->count; i++) {
		size_t at;
		uint64_t its;

		if (!is_best(pl, i) || pl->nodes[i].why != zone)
			continue;
		its = tie(pl, turn, i);
		if (drawn == offer && its >= ties[drawn - 1])
			continue;
		drawn += drawn < offer;
		for (at = drawn - 1; at > 0 && its < ties[at - 1]; at--) {
			ties[at] = ties[at - 1];
			those[at] = those[at - 1];
		}
		ties[at] = its;
		those[at] = i;
	}
	return drawn;
}

/* Members of a group share a domain only where there is no other, whatever they prefer. */
static bool is_last_resort(const struct placing *pl, uint32_t i)
{
	const struct place_node best = { .key = pl->best_key };

	return pl->pod->member.group > 0 &&
	       place_weight(&pl->nodes[i], WEIGHT_SHARED) > place_weight(&best, WEIGHT_SHARED);
}

/* One that fails again and again leaves its siblings room every other time, unless the scheduler's own rule keeps them
 * apart. */
bool offer_is_wide(const struct place_pod *p, uint32_t turn)
{
	return p->pod.choosy && !(p->strict && !p->pod.ruled && turn % 2);
}

size_t offer_nodes(const struct placing *pl, uint32_t turn, uint32_t *those)
{
	size_t n = 0;

	if (!pl->passing)
		return 0;
	if (!offer_is_wide(pl->pod, turn))
		return draw(pl, hash_text(HASH_INIT, pl->pod->pod.uid) + turn, offer_size(pl), those);
	for (uint32_t i = 0; i < pl->args->count; i++) {
		if (pl->nodes[i].refusal == PLACE_PASSES && !is_last_resort(pl, i))
			those[n++] = i;
	}
	return n;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The different keys of those that pass, the least first; *count of them. The caller's; NULL: no memory. */
static uint64_t *steps_of(const struct placing *pl, size_t *count)
{
	uint64_t *keys = calloc(pl->args->count + 1, sizeof(*keys));
	size_t n = 0, passing = 0;

	if (!keys)
		return NULL;
	for (size_t i = 0; i < pl->args->count; i++) {
		if (pl->nodes[i].refusal == PLACE_PASSES)
			keys[passing++] = pl->nodes[i].key;
	}
	qsort(keys, passing, sizeof(*keys), by_key);
	for (size_t i = 0; i < passing; i++) {
		if (!i || keys[i] != keys[n - 1])
			keys[n++] = keys[i];
	}
	*count = n;
	return keys;
}

int offer_scores(const struct placing *pl, int *scores)
{
	size_t count = 0;
	uint64_t *keys = steps_of(pl, &count);

	if (!keys)
		return -1;
	for (size_t i = 0; i < pl->args->count; i++) {
		const struct place_node *n = &pl->nodes[i];
		const uint64_t *at;

		scores[i] = 0;
		if (n->refusal != PLACE_PASSES)
			continue;
		at = bsearch(&n->key, keys, count, sizeof(*keys), by_key);
		scores[i] = count > 1 ? EXTENDER_SCORE_MAX -
						(int)((size_t)EXTENDER_SCORE_MAX * (size_t)(at - keys) / (count - 1))
				      : EXTENDER_SCORE_MAX;
	}
	free(keys);
	return 0;
}
