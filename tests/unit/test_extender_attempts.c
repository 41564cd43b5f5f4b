#include <stdio.h>
#include <string.h>

#include "extender/attempts.h"
#include "tests/unit/test.h"

TEST(each_offer_of_a_node_counts)
{
	struct attempts a;
	struct attempts_of *of;

	attempts_init(&a);
	assert_null(attempts_find(&a, "u", 0));
	of = attempts_of(&a, "u", 0);
	assert_non_null(of);
	assert_int_equal(attempts_times(of, 7), 0);
	attempts_add(of, 7);
	attempts_add(of, 7);
	attempts_add(of, 71); /* would be in the same place */
	assert_int_equal(attempts_times(of, 7), 2);
	assert_int_equal(attempts_times(of, 71), 1);
	assert_int_equal(attempts_times(of, 135), 0);
	assert_ptr_equal(attempts_find(&a, "u", 5), of);
	attempts_drop(&a, "u");
	assert_null(attempts_find(&a, "u", 5));
	attempts_drop(&a, "u");
	attempts_release(&a);
}

TEST(what_was_offered_last_is_remembered)
{
	struct attempts a;
	struct attempts_of *of;

	attempts_init(&a);
	of = attempts_of(&a, "u", 0);
	for (uint32_t i = 0; i <= ATTEMPTS_NODES; i++) {
		of->offers++;
		attempts_add(of, i);
	}
	assert_int_equal(attempts_times(of, 0), 0);
	for (uint32_t i = 1; i <= ATTEMPTS_NODES; i++)
		assert_int_equal(attempts_times(of, i), 1);
	attempts_release(&a);
}

#define SOME 4096 /* nodes */

/* By node: how often it was offered, and in which offer last. */
struct list {
	uint32_t times[SOME], offer[SOME], count;
};

static void forget_oldest(struct list *l)
{
	uint32_t oldest = UINT32_MAX;

	for (int i = 0; i < SOME; i++)
		oldest = l->times[i] && l->offer[i] < oldest ? l->offer[i] : oldest;
	for (int i = 0; i < SOME; i++) {
		if (l->times[i] && l->offer[i] == oldest) {
			l->times[i] = 0;
			l->count--;
		}
	}
}

static void add(struct list *l, uint32_t node, uint32_t offer)
{
	if (!l->times[node] && l->count == ATTEMPTS_NODES)
		forget_oldest(l);
	l->count += !l->times[node];
	l->times[node] += l->times[node] < UINT8_MAX;
	l->offer[node] = offer;
}

/* Few hashes to begin with, so that many stand behind others'. */
static uint32_t hash_of(uint32_t node)
{
	return node % 61 << 4 | node / 61 << 20;
}

TEST(what_is_remembered_is_what_a_list_would_remember)
{
	static struct list l;
	struct attempts a;
	struct attempts_of *of;
	uint32_t random = 1;

	attempts_init(&a);
	of = attempts_of(&a, "u", 0);
	of->offers = (1U << 24) - 100; /* their numbers begin anew meanwhile */
	for (int turn = 0; turn < 1000; turn++) {
		of->offers++;
		for (int i = 0; i < 16; i++) {
			uint32_t node;

			random = random * 1664525 + 1013904223;
			node = (random >> 16) % (turn < 500 ? SOME : 3 + ATTEMPTS_NODES);
			attempts_add(of, hash_of(node));
			add(&l, node, of->offers);
		}
		assert_int_equal(of->count, l.count);
		for (uint32_t i = turn % 16; i < SOME; i += 16)
			assert_int_equal(attempts_times(of, hash_of(i)), l.times[i]);
	}
	assert_true(l.count <= ATTEMPTS_NODES);
	attempts_release(&a);
}

TEST(pods_are_forgotten_in_time_and_none_are_kept_without_end)
{
	struct attempts a;
	char uid[32];

	attempts_init(&a);
	attempts_of(&a, "old", 0);
	attempts_of(&a, "new", ATTEMPTS_MS);
	assert_non_null(attempts_find(&a, "old", ATTEMPTS_MS));
	assert_null(attempts_find(&a, "old", ATTEMPTS_MS + 1));
	assert_non_null(attempts_find(&a, "new", ATTEMPTS_MS + 1));
	for (int i = 0; i < 2 * ATTEMPTS_PODS; i++) {
		snprintf(uid, sizeof(uid), "u%d", i);
		assert_non_null(attempts_of(&a, uid, ATTEMPTS_MS + 2));
		assert_true(a.by_uid.count <= ATTEMPTS_PODS + 1);
	}
	assert_null(attempts_find(&a, "u0", ATTEMPTS_MS + 2));
	attempts_release(&a);
}
