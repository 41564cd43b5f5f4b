#include "extender/share.h"

#include "tests/unit/test.h"

enum { NODES = 3 };

/* Sizes of 1 : 2 : 4, 7 pieces in all. */
static struct census_node nodes[NODES] = { { .size = 100 }, { .size = 200 }, { .size = 400 } };

static struct shares shares_of(const struct share_own own[NODES])
{
	struct shares s = { .count = 0 };

	for (int i = 0; i < NODES; i++)
		shares_add(&s, &nodes[i], own[i]);
	shares_settle(&s);
	return s;
}

static void have(uint16_t a, uint16_t b, uint16_t c)
{
	nodes[0].masters = a;
	nodes[1].masters = b;
	nodes[2].masters = c;
}

static void expect_above(int a, int b, int c)
{
	static const struct share_own none[NODES];
	struct shares s = shares_of(none);

	assert_int_equal(share_masters(&s, nodes[0].size, nodes[0].masters), a);
	assert_int_equal(share_masters(&s, nodes[1].size, nodes[1].masters), b);
	assert_int_equal(share_masters(&s, nodes[2].size, nodes[2].masters), c);
}

TEST(bigger_nodes_have_a_greater_share_of_masters)
{
	have(0, 0, 0); /* the shares are 0: with one more each is above it */
	expect_above(1, 1, 1);
	have(1, 2, 4);
	expect_above(1, 1, 1);
	have(1, 2, 3); /* 6/7, 12/7, 24/7 */
	expect_above(1, 1, 0);
	have(2, 2, 3); /* 1, 2, 4 */
	expect_above(2, 1, 0);
	have(0, 0, 7);
	expect_above(0, 0, 4);
	have(65535, 0, 0);
	expect_above(65535 - 65535 / 7, 0, 0);
}

TEST(who_says_no_size_counts_as_a_usual_node)
{
	struct census_node silent = { .size = 0 }, usual = { .size = 16384 / CENSUS_SIZE_MIB };

	assert_int_equal(share_size(&silent), share_size(&usual));
}

/* One in four more than its share where there are few candidates, as many as it is where there are a hundred. */
TEST(the_scheduler_has_room_to_even_out_what_it_sees)
{
	static const struct share_own own[NODES] = { { 10, 10 }, { 0, 0 }, { 25, 25 } }; /* shares of 5, 10 and 20 */
	struct shares s = shares_of(own);

	assert_int_equal(share_own_masters(&s, &nodes[0], 10), 6);
	assert_int_equal(share_own_pods(&s, &nodes[0], 5), 0);
	assert_int_equal(share_own_pods(&s, &nodes[0], 6), 0);
	assert_int_equal(share_own_pods(&s, &nodes[0], 10), 4); /* 11 - 6.25 */
	s.count = 50;
	shares_settle(&s);
	assert_int_equal(share_own_pods(&s, &nodes[0], 10), 3); /* 11 - 7.5 */
	s.count = 20000;
	shares_settle(&s);
	assert_int_equal(share_own_pods(&s, &nodes[0], 10), 1);
	assert_int_equal(share_own_masters(&s, &nodes[0], 10), 6);
}

TEST(memory_above_its_share_counts_in_steps_of_what_the_node_has)
{
	static const struct share_own none[NODES];
	struct shares s;

	nodes[0].memory_mib = 700; /* of 6,400: the shares are 100, 200 and 400, and a quarter more */
	s = shares_of(none);
	assert_int_equal(share_memory(&s, &nodes[1], 249), 0);
	assert_int_equal(share_memory(&s, &nodes[1], 251), 1);
	assert_int_equal(share_memory(&s, &nodes[1], 251 + 256), 2); /* a 50th of 12,800 */
	assert_int_equal(share_memory(&s, &nodes[2], 501 + 512), 2);
	assert_int_equal(share_memory(&s, &nodes[0], 0), 1 + (700 - 125) / 128);
	nodes[0].memory_mib = 0;
}

/* As much as there can be overflows nowhere. */
TEST(the_greatest_cluster_is_counted_right)
{
	struct census_node full = { .size = UINT16_MAX, .masters = UINT16_MAX, .memory_mib = UINT32_MAX },
			   small = { .size = 1, .masters = UINT16_MAX, .memory_mib = UINT32_MAX };
	struct shares s = { .count = 0 };

	for (int i = 0; i < 20000; i++)
		shares_add(&s, i ? &full : &small, (struct share_own){ UINT16_MAX, UINT16_MAX });
	shares_settle(&s);
	assert_int_equal(share_masters(&s, full.size, full.masters), 0);
	assert_int_equal(share_masters(&s, s.sizes, s.masters), 1);
	assert_int_equal(share_masters(&s, small.size, small.masters), UINT16_MAX - 1);
	assert_int_equal(share_own_pods(&s, &full, UINT16_MAX), 0);
	assert_int_equal(share_memory(&s, &full, UINT32_MAX >> 8), 0);
	assert_true(share_memory(&s, &small, 1) > 1 << 20);
}
