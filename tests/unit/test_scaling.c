/* What stands on the StatefulSet about the number of groups: read, written, said. */
#include "common/codis/scaling.h"

#include <stdio.h>

#include <string.h>

#include "common/base/buf.h"
#include "tests/unit/test.h"

static void assert_moving(const char *text)
{
	char room[256];
	struct buf out = BUF_IN(room);
	struct moving m;

	moving_parse(text, &m);
	moving_write(&m, &out);
	assert_string_equal(out.data, text);
}

TEST(what_is_moving_is_written_and_read)
{
	struct moving m;

	assert_moving("to=3,4 slots=512");
	assert_moving("from=3 slots=0");
	assert_moving("to=1 from=3,4,9999 slots=12");
	moving_parse("to=3,4 slots=512", &m);
	assert_true(moving_is(&m));
	assert_int_equal(m.slots, 512);
	assert_true(gids_have(&m.to, 4));
	assert_false(gids_have(&m.to, 5));
}

TEST(what_cannot_be_read_says_that_nothing_moves)
{
	static const char *const texts[] = {
		"",       "to=",         "to=0 slots=1", "to=3,4",          "to=3,4slots=1",
		"from=a", "to=3 from=4", "slots=1",      "to=3, slots=1 x", "to=10000 slots=1"
	};
	struct moving m;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		moving_parse(texts[i], &m);
		assert_false(moving_is(&m));
	}
	moving_parse(NULL, &m);
	assert_false(moving_is(&m));
}

TEST(groups_are_kept_in_order_and_once)
{
	struct gids g = { .count = 0 }, other;
	char room[64];
	struct buf out = BUF_IN(room);
	const char *text = "7,2,7,5;";

	assert_true(gids_take(&text, &g));
	assert_string_equal(text, ";");
	gids_write(&g, &out);
	assert_string_equal(out.data, "2,5,7");
	text = out.data;
	assert_true(gids_take(&text, &other));
	assert_true(gids_same(&g, &other));
	text = "none";
	assert_true(gids_take(&text, &other));
	assert_int_equal(other.count, 0);
	assert_false(gids_same(&g, &other));
}

static void assert_said(int from, int to, const char *words)
{
	struct gids g = { .count = 0 };
	char room[128];
	struct buf out = BUF_IN(room);

	for (int gid = from; gid <= to; gid++)
		gids_add(&g, gid);
	gids_say(&g, &out);
	assert_string_equal(out.data, words);
}

TEST(groups_in_words)
{
	assert_said(3, 3, "group 3");
	assert_said(3, 4, "groups 3 and 4");
	assert_said(3, 8, "groups 3, 4, 5, 6, 7 and 8");
	assert_said(3, 40, "groups 3, 4, 5, 6, 7 and 33 more");
}

TEST(groups_that_have_no_room_are_left_out)
{
	struct gids g = { .count = 0 };

	for (int gid = 1; gid <= GIDS_MAX + 10; gid++)
		gids_add(&g, gid);
	assert_int_equal(g.count, GIDS_MAX);
	gids_add(&g, 0);
	gids_add(&g, 10000);
	assert_int_equal(g.count, GIDS_MAX);
}

/* "4": as many; else why not. */
static void assert_fits(const char *text, const struct codis_shape *shape, bool others, const char *expected)
{
	char why[SCALING_WHY_MAX] = "";
	int servers;

	if (scaling_fits(text, shape, others, &servers, why))
		snprintf(why, sizeof(why), "%d", servers);
	else
		assert_int_equal(servers, -1);
	assert_string_equal(why, expected);
}

TEST(number_of_servers_that_may_be_asked_for)
{
	static const struct codis_shape pairs = { .replicas = 4, .server_replica = 2 }, unknown = { .replicas = 4 };

	assert_fits("4", &pairs, false, "4");
	assert_fits("5", &pairs, false, "it must be a multiple of SERVER_REPLICA, which is 2: 4 or 6");
	assert_fits("1", &pairs, true, "it must be a multiple of SERVER_REPLICA, which is 2, and 2 at least");
	assert_fits("-2", &pairs, false, "it must be a number of servers");
	assert_fits("4x", &pairs, false, "it must be a number of servers");
	assert_fits("0000000000000000000000004", &pairs, false, "it must be a number of servers");
	assert_fits("99999999999999999999", &pairs, false, "it must be a number of servers");
	assert_fits("4", &unknown, false, "SERVER_REPLICA is not known");
	assert_fits("0", &unknown, true, "SERVER_REPLICA is not known");
}

TEST(none_where_another_statefulset_takes_the_slots)
{
	static const struct codis_shape pairs = { .replicas = 4, .server_replica = 2 },
					labelled = { .replicas = 2, .group = 3 };

	assert_fits("0", &pairs, true, "0");
	assert_fits("0", &labelled, true, "0");
	assert_fits("0", &pairs, false,
		    "no group would be left to take its slots, for no other StatefulSet of the product stays");
	assert_fits("4", &labelled, true,
		    "by label codis.io/group it is one group: 0 empties it; for more or fewer replicas scale it "
		    "itself");
}

TEST(numbers_and_what_is_none)
{
	assert_int_equal(scaling_number("8", 1, 64, 16), 8);
	assert_int_equal(scaling_number("0", 1, 64, 16), 16);
	assert_int_equal(scaling_number("65", 1, 64, 16), 16);
	assert_int_equal(scaling_number("8 ", 1, 64, 16), 16);
	assert_int_equal(scaling_number(" 8", 1, 64, 16), 16);
	assert_int_equal(scaling_number(NULL, 1, 64, 16), 16);
}
