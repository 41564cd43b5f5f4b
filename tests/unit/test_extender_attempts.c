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
	attempts_add(of, 7, 0);
	attempts_add(of, 7, 1);
	attempts_add(of, 71, 1); /* has the same bit */
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
	for (uint32_t i = 0; i <= ATTEMPTS_NODES; i++)
		attempts_add(of, i, i);
	assert_int_equal(attempts_times(of, 0), 0);
	for (uint32_t i = 1; i <= ATTEMPTS_NODES; i++)
		assert_int_equal(attempts_times(of, i), 1);
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
