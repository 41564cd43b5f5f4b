/* The last decisions, as text and back: in order of time, each once, and no more than there is room for. */
#include "common/codis/decisions.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "tests/unit/test.h"

#define AT 1790000000123

static int add(struct decisions *d, int64_t ms, const char *product, const char *words)
{
	return decisions_add(d, &(struct decision){ ms, "shop", product, "c-0", words });
}

static void is(const struct decisions *d, const char *wanted)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);

	decisions_write(d, &text);
	assert_string_equal(text.data, wanted);
}

#define LINE(ms, words)                                                                                                \
	"{\"at\":\"2026-09-21T14:13:20." ms "000Z\",\"namespace\":\"shop\",\"product\":\"a\",\"by\":\"c-0\","          \
	"\"words\":\"" words "\"}\n"

TEST(each_stands_where_its_time_is_and_once)
{
	struct decisions d = { 0 };

	assert_int_equal(add(&d, AT + 2, "a", "third"), 1);
	assert_int_equal(add(&d, AT, "a", "first"), 1);
	assert_int_equal(add(&d, AT + 1, "a", "second \"one\""), 1);
	assert_int_equal(add(&d, AT, "a", "first"), 0);
	is(&d, LINE("123", "first") LINE("124", "second \\\"one\\\"") LINE("125", "third"));
	decisions_release(&d);
	is(&d, "");
}

TEST(two_lists_become_one)
{
	struct decisions d = { 0 };
	static const char other[] = LINE("124", "theirs") LINE("123", "first");

	add(&d, AT, "a", "first");
	assert_int_equal(decisions_merge(&d, other, strlen(other)), 1);
	is(&d, LINE("123", "first") LINE("124", "theirs"));
	assert_int_equal(decisions_merge(&d, other, strlen(other)), 0);
	decisions_release(&d);
}

/* Somebody edits the ConfigMap by hand. */
TEST(what_is_no_decision_is_left_out)
{
	static const char text[] =
		"\n"
		"no JSON\n"
		"[]\n"
		"{\"at\":\"yesterday\",\"namespace\":\"shop\",\"product\":\"a\",\"by\":\"c\",\"words\":\"w\"}\n"
		"{\"at\":\"1969-01-01T00:00:00Z\",\"namespace\":\"\",\"product\":\"\",\"by\":\"\",\"words\":\"\"}\n"
		"{\"at\":\"2026-09-21T14:13:20Z\",\"namespace\":\"shop\",\"product\":\"a\",\"by\":\"c\"}\n" LINE("123",
														 "one");
	struct decisions d = { 0 };

	assert_int_equal(decisions_merge(&d, text, strlen(text)), 1);
	is(&d, LINE("123", "one"));
	decisions_release(&d);
}

TEST(long_words_are_cut_at_a_character)
{
	char words[2000];
	struct decisions d = { 0 };
	JSON_CLEANUP cJSON *parsed = NULL;
	struct decision one;

	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	memcpy(words + DECISION_WORDS_MAX - 2, "\xc3\xa4", 2); /* its second byte has no room */
	add(&d, AT, "a", words);
	assert_int_equal(decisions_read(&d, 0, &parsed, &one), 0);
	assert_int_equal(strlen(one.words), DECISION_WORDS_MAX - 2);
	assert_int_equal(one.words[DECISION_WORDS_MAX - 3], 'x');
	decisions_release(&d);
}

static int count_of(const struct decisions *d, const char *product)
{
	int n = 0;

	for (int at = decisions_before(d, d->count, "shop", product); at >= 0;
	     at = decisions_before(d, at, "shop", product))
		n++;
	return n;
}

TEST(the_oldest_goes_where_there_is_no_room)
{
	struct decisions d = { 0 };

	for (int i = 0; i < DECISIONS_MAX; i++)
		assert_int_equal(add(&d, AT + i, i % 2 ? "a" : "b", "done"), 1);
	assert_int_equal(add(&d, AT - 1, "a", "too old"), 0);
	assert_int_equal(add(&d, AT + DECISIONS_MAX, "c", "new"), 1);
	assert_int_equal(d.count, DECISIONS_MAX);
	assert_int_equal(count_of(&d, "b"), DECISIONS_MAX / 2 - 1); /* the very first was one of its */
	assert_int_equal(count_of(&d, "a"), DECISIONS_MAX / 2);
	assert_int_equal(count_of(&d, "c"), 1);
	decisions_release(&d);
}

TEST(one_that_is_busy_does_not_push_others_out)
{
	struct decisions d = { 0 };

	add(&d, AT, "calm", "its night");
	for (int i = 1; i <= 3 * DECISIONS_MAX; i++)
		add(&d, AT + i, "busy", "again");
	assert_int_equal(d.count, DECISIONS_MAX);
	assert_int_equal(count_of(&d, "calm"), 1);
	decisions_release(&d);
}

TEST(all_of_them_have_room_in_an_object)
{
	BUF_CLEANUP struct buf text = BUF_INIT(2 * DECISIONS_BYTES_MAX);
	struct decisions d = { 0 };
	char words[DECISION_WORDS_MAX];

	memset(words, '"', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	for (int i = 0; i < DECISIONS_MAX; i++)
		add(&d, AT + i, "a", words);
	decisions_write(&d, &text);
	assert_int_equal(text.len, d.bytes);
	assert_in_range(text.len, DECISIONS_BYTES_MAX - 8192, DECISIONS_BYTES_MAX);
	decisions_release(&d);
}
