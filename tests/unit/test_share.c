/* So much a second for all, in equal parts: of Events, by their namespaces. */
#include "common/kube/share.h"

#include "tests/unit/test.h"

#define SECOND 1000000

/* All that it asks for from then on for so long, once a millisecond. */
static int taken(struct shares *s, uint64_t who, int64_t from_us, int seconds)
{
	int n = 0;

	for (int ms = 0; ms < 1000 * seconds; ms++)
		n += share_take(s, who, from_us + 1000 * ms);
	return n;
}

TEST(one_alone_has_all)
{
	static struct shares s;

	assert_int_equal(taken(&s, 1, SECOND, 10), 20 + 199);
	assert_int_equal(share_count(&s, 11 * SECOND), 1);
	assert_int_equal(share_count(&s, 12 * SECOND), 0);
}

TEST(who_floods_takes_nothing_from_one_that_comes)
{
	static struct shares s;
	int calm = 0, loud = 0;

	taken(&s, 1, SECOND, 10);
	for (int ms = 0; ms < 10000; ms++) {
		loud += share_take(&s, 1, 11 * SECOND + 1000 * ms);
		calm += ms < 20 && share_take(&s, 2, 11 * SECOND + 1000 * ms); /* a failover has much to say */
	}
	assert_int_equal(calm, 20);
	assert_in_range(loud, 185, 200); /* half of it for a second, then all */
}

TEST(two_that_flood_have_half_each)
{
	static struct shares s;
	int n[2] = { 0 };

	for (int ms = 0; ms < 10000; ms++) {
		for (int i = 0; i < 2; i++)
			n[i] += share_take(&s, (uint64_t)i, SECOND + 1000 * ms);
	}
	assert_in_range(n[0], 20 + 98, 20 + 100);
	assert_in_range(n[1], 20 + 98, 20 + 100);
}

/* More than are remembered, each of which asks once. */
TEST(many_that_are_forgotten_have_one_each)
{
	static struct shares s;
	int64_t now_us = SECOND;

	for (uint64_t who = 0; who < SHARES_MAX; who++)
		assert_true(share_take(&s, who, ++now_us));
	for (uint64_t who = SHARES_MAX; who < 2 * SHARES_MAX; who++) {
		assert_true(share_take(&s, who, ++now_us));
		assert_false(share_take(&s, who, ++now_us));
	}
	assert_true(share_take(&s, 7, now_us + SECOND)); /* in the place of one that is quiet: as one that is new */
	assert_true(share_take(&s, 7, now_us + SECOND));
}

/* More than are remembered, for long: each has been forgotten when it asks again. */
TEST(many_that_are_forgotten_have_a_limit_together)
{
	static struct shares s;
	int n = 0;

	for (int ms = 0; ms < 10000; ms += 10) {
		for (uint64_t who = 1; who <= SHARES_MAX + 44; who++)
			n += share_take(&s, who, SECOND + 1000 * ms);
	}
	/* At once: 20 for each who stays, and those that are new; then 20 a second for either kind. */
	assert_in_range(n, 10 * SHARES_MAX, 20 * SHARES_MAX + SHARES_NEW_MAX + 2 * 20 * 10);
}

/* As two that flood have half each, though one of them takes nothing. */
TEST(who_only_asks_leaves_the_others_their_part_and_loses_nothing)
{
	static struct shares s;
	int n = 0;

	for (int ms = 0; ms < 10000; ms++) {
		n += share_take(&s, 1, SECOND + 1000 * ms);
		share_ask(&s, 2, SECOND + 1000 * ms);
	}
	assert_in_range(n, 20 + 98, 20 + 100);
	n = 0;
	for (int i = 0; i < 100; i++)
		n += share_take(&s, 2, 11 * SECOND);
	assert_int_equal(n, 20);
}

/* Who has only asked has not had the one that it has to begin with. */
TEST(many_that_only_ask_take_nothing_from_those_that_are_new)
{
	static struct shares s;
	int64_t now_us = SECOND;

	for (uint64_t who = 0; who < 4 * SHARES_MAX; who++)
		share_ask(&s, who, ++now_us);
	for (uint64_t who = 3 * SHARES_MAX; who < 4 * SHARES_MAX; who++)
		assert_true(share_take(&s, who, ++now_us));
	assert_false(share_take(&s, 0, ++now_us)); /* so many as may be new have been */
}
