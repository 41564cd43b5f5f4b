/* What the groups serve, as it is noted on the StatefulSet, and what a user gives up. */
#include "common/codis/served.h"

#include "common/base/buf.h"
#include "tests/unit/test.h"

static void writes(const struct served_group *groups, int count, const char *text)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 16);

	assert_int_equal(served_write(groups, count, &out), 0);
	assert_string_equal(out.data, text);
}

TEST(written)
{
	const struct served_group groups[] = { { 1, 512, 12000 }, { 2, 0, 70 }, { 3, 511, -1 }, { 1000, 1, 0 } };

	writes(groups, 4, "1=512/12000,3=511,1000=1/0");
	writes(groups, 0, "none");
	writes(&groups[1], 1, "none");
}

TEST(written_within_the_limit)
{
	const struct served_group group = { 1, 512, 12000 };
	BUF_CLEANUP struct buf out = BUF_INIT(8);

	assert_int_equal(served_write(&group, 1, &out), -1);
}

static void reads(const char *text, int groups, int end)
{
	struct served_group g;
	int n = 0, r;

	while ((r = served_next(&text, &g)) == 1)
		n++;
	assert_int_equal(n, groups);
	assert_int_equal(r, end);
}

TEST(read_again)
{
	const char *text = "1=512/12000,3=511,1000=1/0";
	struct served_group g;

	assert_int_equal(served_next(&text, &g), 1);
	assert_true(g.gid == 1 && g.slots == 512 && g.keys == 12000);
	assert_int_equal(served_next(&text, &g), 1);
	assert_true(g.gid == 3 && g.slots == 511 && g.keys == -1);
	assert_int_equal(served_next(&text, &g), 1);
	assert_true(g.gid == 1000 && g.slots == 1 && g.keys == 0);
	assert_int_equal(served_next(&text, &g), 0);
	reads("none", 0, 0);
	reads("", 0, 0);
}

TEST(what_somebody_else_wrote)
{
	reads("x", 0, -1);
	reads("1", 0, -1);
	reads("1=", 0, -1);
	reads("0=5", 0, -1);
	reads("1=0", 0, -1);
	reads("1=1025", 0, -1);
	reads("1=5/", 0, -1);
	reads("1=5/-3", 0, -1);
	reads("1=5,", 0, -1);
	reads("1=5 ,2=3", 0, -1);
	reads("1=5,2", 1, -1);
	reads("99999999999999999999=5", 0, -1);
	reads("1=5/9999999999999999", 0, -1);
}

#define TWO_LOSSES "1=130@2026-11-26T05:03:38Z,12=1@2026-11-27T00:00:00Z"

TEST(losses)
{
	const struct served_loss one = { 1, 130, 1795669418123 }, two = { 12, 1, 1795737600000 };
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 16);
	const char *text = TWO_LOSSES;
	struct served_loss loss;

	assert_int_equal(served_loss_write(&one, &out), 0);
	assert_int_equal(served_loss_write(&two, &out), 0);
	assert_string_equal(out.data, TWO_LOSSES);
	assert_int_equal(served_loss_next(&text, &loss), 1);
	assert_true(loss.gid == 1 && loss.keys == 130 && loss.wall_ms == 1795669418000);
	assert_int_equal(served_loss_next(&text, &loss), 1);
	assert_true(loss.gid == 12 && loss.keys == 1 && loss.wall_ms == two.wall_ms);
	assert_int_equal(served_loss_next(&text, &loss), 0);
}

TEST(losses_that_somebody_else_wrote)
{
	static const char *const texts[] = { "x",
					     "1",
					     "1=",
					     "1=5",
					     "1=5@",
					     "1=5@now",
					     "0=5@2026-11-26T05:03:38Z",
					     "1=5@2026-11-26T05:03:38Z,",
					     "1=5@2026-11-26T05:03:38.000000000000000Z" };
	struct served_loss loss;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = texts[i];

		assert_int_equal(served_loss_next(&text, &loss), -1);
	}
}

TEST(given_up)
{
	assert_true(served_may_lose("2", 2));
	assert_true(served_may_lose("1, 2,3", 3));
	assert_true(served_may_lose("all", 7));
	assert_false(served_may_lose("2", 1));
	assert_false(served_may_lose("12", 2));
	assert_false(served_may_lose("2x", 2));
	assert_false(served_may_lose("allow", 2));
	assert_false(served_may_lose("true", 2));
	assert_false(served_may_lose("", 2));
	assert_false(served_may_lose(NULL, 2));
}

static void says(int64_t keys, const char *words)
{
	char out[SERVED_KEYS_MAX];

	served_say_keys(keys, out);
	assert_string_equal(out, words);
}

TEST(keys_in_words)
{
	says(0, "no keys");
	says(1, "about 1 key");
	says(130, "about 130 keys");
	says(12005, "about 12,005 keys");
	says(1234567, "about 1.2 million keys");
	says(2500000000, "about 2500.0 million keys");
}

TEST(command_that_acknowledges_a_loss)
{
	char out[SERVED_COMMAND_MAX];

	assert_string_equal(served_acknowledge("shop", "redis", out),
			    "kubectl annotate -n shop sts redis codis.io/data-lost-");
	assert_string_equal(served_acknowledge("shop", "", out),
			    "kubectl annotate -n shop sts codis-server codis.io/data-lost-");
}

TEST(command_that_gives_a_groups_data_up)
{
	char out[SERVED_COMMAND_MAX];

	assert_string_equal(served_give_up("shop", "", 2, out),
			    "kubectl annotate -n shop sts codis-server codis.io/allow-data-loss=2");
}
