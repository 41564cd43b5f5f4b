/* What one cluster may cost. */
#include "controller/cost.h"
#include "tests/unit/test.h"

TEST(what_is_allowed_is_never_too_much)
{
	struct cost c = { 0 };

	for (int64_t ms = 1000; ms < 100000; ms += 100)
		assert_false(cost_spend(&c, 1000 * COST_PERCENT, ms));
	assert_false(c.over);
}

TEST(burst_may_be_spent_at_once_and_no_more)
{
	struct cost c = { 0 };

	assert_false(cost_spend(&c, COST_BURST_US, 1000));
	assert_true(cost_spend(&c, 1, 1000));
	assert_true(c.over);
	assert_false(cost_spend(&c, 1000, 1001)); /* told once */
	assert_true(c.over);
}

TEST(it_is_over_until_half_of_the_burst_is_there_again)
{
	struct cost c = { 0 };
	int64_t half_ms = (COST_BURST_US / 2 + COST_DEBT_US) / (10 * COST_PERCENT);

	cost_spend(&c, 100 * COST_BURST_US, 1000);
	assert_int_equal(c.left_us, -COST_DEBT_US);
	assert_false(cost_spend(&c, 0, 1000 + half_ms - 1));
	assert_true(c.over);
	assert_true(cost_spend(&c, 0, 1000 + half_ms));
	assert_false(c.over);
}

TEST(rest_of_a_minute_adds_no_more_than_the_burst)
{
	struct cost c = { 0 };

	cost_spend(&c, 0, 1000);
	cost_spend(&c, 0, 61000);
	assert_int_equal(c.left_us, COST_BURST_US);
}
