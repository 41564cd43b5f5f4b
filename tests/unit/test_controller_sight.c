/* Whether a controller sees what it is to lead, and keeps its lease. */
#include "controller/sight.h"
#include "tests/unit/test.h"

#define LEASE 4000

static struct sight s;
static int64_t now_ms;

/* For so long it is looked each 100 ms; when the lease is given up, it ends. Whether it was. */
static bool look(const struct sight_seen *seen, bool leads, int64_t ms)
{
	for (int64_t end_ms = now_ms + ms; now_ms < end_ms;) {
		now_ms += 100;
		if (sight_look(&s, seen, leads, LEASE, now_ms))
			return true;
	}
	return false;
}

static const struct sight_seen all = { .servers = 4, .heard = 4, .clusters = 1, .connected = 1 };
static const struct sight_seen half = { .servers = 4, .heard = 2, .clusters = 1, .connected = 1 };
static const struct sight_seen few = { .servers = 4, .heard = 1, .clusters = 1, .connected = 1 };
static const struct sight_seen no_zookeeper = { .servers = 4, .heard = 4, .clusters = 2, .connected = 0 };
static const struct sight_seen one_zookeeper = { .servers = 8, .heard = 8, .clusters = 2, .connected = 1 };
static const struct sight_seen nothing = { .servers = 0 };

static int begin(void **state)
{
	(void)state;
	sight_init(&s, LEASE);
	now_ms = 1000000;
	return 0;
}
#define SIGHT_TEST(name) TEST_WITH(name, begin, NULL)

SIGHT_TEST(whoever_sees_keeps_the_lease)
{
	assert_false(look(&all, true, 100000));
	assert_false(look(&half, true, 100000));
	assert_false(look(&one_zookeeper, true, 100000)); /* the other cluster has none, for anybody */
	assert_false(look(&nothing, true, 100000));
	assert_false(sight_is_blind(&s, now_ms));
}

SIGHT_TEST(leader_without_zookeeper_gives_it_up)
{
	assert_false(look(&no_zookeeper, true, 8000));
	assert_true(look(&no_zookeeper, true, 100));
}

SIGHT_TEST(so_does_one_that_hears_few_servers)
{
	assert_false(look(&few, true, 8000));
	assert_false(look(&all, true, 100)); /* for a moment */
	assert_false(look(&few, true, 8000));
	assert_true(look(&few, true, 100));
}

SIGHT_TEST(one_that_does_not_lead_has_nothing_to_give)
{
	assert_false(look(&few, false, 1900));
	assert_false(sight_is_blind(&s, now_ms));
	assert_false(look(&few, false, 20000));
	assert_true(sight_is_blind(&s, now_ms));
}

/* Where nobody sees, it does not go to and fro for ever. */
SIGHT_TEST(it_keeps_it_twice_as_long_each_time)
{
	assert_true(look(&few, true, 8100));
	assert_false(look(&few, true, 15900));
	assert_true(look(&few, true, 100));
	for (int i = 0; i < 10; i++)
		assert_true(look(&few, true, 300000));
	assert_false(look(&few, true, 299900));
	look(&all, true, 60100);
	assert_false(look(&few, true, 8000));
	assert_true(look(&few, true, 100));
}

/* It has heard all of one cluster and nothing of a larger one: that is hidden, or another controller hears it. */
SIGHT_TEST(for_clusters_never_heard_it_is_given_up_once)
{
	struct sight_seen hidden = all;

	hidden.unheard = 10;
	assert_false(look(&hidden, true, 8000));
	assert_true(look(&hidden, true, 100));
	assert_false(look(&hidden, false, 20000)); /* another one did no better */
	assert_false(look(&hidden, true, 1000000));
	hidden.heard = 1; /* of the four */
	assert_true(look(&hidden, true, 300000));
}

SIGHT_TEST(while_it_is_left_to_another_they_count)
{
	struct sight_seen hidden = all;

	hidden.unheard = 10;
	assert_true(look(&hidden, true, 8100));
	assert_false(look(&hidden, true, 1000)); /* it is on its way */
	assert_true(s.blind_since_ms);
	look(&hidden, false, 6900);
	assert_true(s.blind_since_ms);
	look(&hidden, false, 100); /* it may have it again */
	assert_false(s.blind_since_ms);
}

/* Another one has led for long: it hears them, perhaps. */
SIGHT_TEST(after_a_minute_of_another_it_is_given_up_again)
{
	struct sight_seen hidden = all;

	hidden.unheard = 10;
	assert_true(look(&hidden, true, 8100));
	look(&hidden, false, 59900);
	assert_false(look(&hidden, true, 100000));
	look(&hidden, false, 60000);
	assert_false(look(&hidden, true, 8000));
	assert_true(look(&hidden, true, 100));
}

SIGHT_TEST(whoever_follows_is_ready_without_clusters_never_heard)
{
	struct sight_seen hidden = all;

	hidden.unheard = 10;
	look(&hidden, false, 100000);
	assert_false(sight_is_blind(&s, now_ms));
	hidden.heard = 1;
	look(&hidden, false, 2000);
	assert_false(sight_is_blind(&s, now_ms));
	look(&hidden, false, 100);
	assert_true(sight_is_blind(&s, now_ms));
	hidden.heard = 4;
	look(&hidden, false, 100);
	assert_false(look(&hidden, true, 8000)); /* it takes the lease, and has not missed them until now */
	assert_true(look(&hidden, true, 100));
}

TEST(what_it_does_not_see_in_words)
{
	char text[100];

	assert_string_equal(sight_words(&few, text, sizeof(text)), "1 of 4 servers answer it");
	assert_string_equal(
		sight_words(&(struct sight_seen){ .servers = 4, .heard = 4, .unheard = 10 }, text, sizeof(text)),
		"4 of 14 servers answer it");
	assert_string_equal(sight_words(&no_zookeeper, text, sizeof(text)), "no ZooKeeper is connected");
}
