#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json_span.h"
#include "common/base/names.h"
#include "tests/unit/test.h"

static uint32_t take(struct names *n, const char *text)
{
	uint32_t number = names_take(n, text, strlen(text));

	assert_true(number > 0);
	assert_string_equal(names_text(n, number), text);
	return number;
}

static uint32_t find(const struct names *n, const char *text)
{
	return names_find(n, text, strlen(text));
}

TEST(a_text_has_one_number_while_it_is_held)
{
	struct names n = { .all = NULL };
	uint32_t a, b;

	assert_int_equal(find(&n, "a"), 0);
	a = take(&n, "a");
	b = take(&n, "b");
	assert_int_not_equal(a, b);
	assert_int_equal(take(&n, "a"), a);
	names_hold(&n, a);
	assert_int_equal(names_drop(&n, a), 2);
	assert_int_equal(names_drop(&n, a), 1);
	assert_int_equal(find(&n, "a"), a);
	assert_int_equal(names_drop(&n, a), 0);
	assert_int_equal(find(&n, "a"), 0);
	assert_int_equal(find(&n, "b"), b);
	assert_int_equal(names_drop(&n, 0), 0);
	/* Small numbers first, so that arrays stay short. */
	assert_int_equal(take(&n, "c"), a);
	names_release(&n);
}

TEST(a_text_is_its_bytes_not_its_beginning)
{
	struct names n = { .all = NULL };
	uint32_t node = take(&n, "node-1");

	assert_int_equal(names_find(&n, "node-10", 6), node);
	assert_int_equal(find(&n, "node-10"), 0);
	assert_int_equal(find(&n, "node-"), 0);
	assert_int_not_equal(take(&n, ""), 0);
	names_release(&n);
}

TEST(many_are_found_at_once_as_one_by_one)
{
	enum { TEXTS = 100 };
	struct names n = { .all = NULL };
	struct json_span texts[TEXTS];
	uint32_t numbers[TEXTS];
	char text[TEXTS][128];

	for (int i = 0; i < TEXTS; i++) {
		snprintf(text[i], sizeof(text[i]), "ip-%0*d.internal", i, i);
		texts[i] = (struct json_span){ .at = text[i], .len = strlen(text[i]) };
	}
	names_find_all(&n, texts, TEXTS, numbers);
	for (int i = 0; i < TEXTS; i++) {
		assert_int_equal(numbers[i], 0);
		if (i % 3)
			take(&n, text[i]);
	}
	names_find_all(&n, texts, TEXTS, numbers);
	for (int i = 0; i < TEXTS; i++) {
		assert_int_equal(numbers[i], find(&n, text[i]));
		assert_int_equal(numbers[i] > 0, i % 3 > 0);
	}
	names_release(&n);
}

/* Short and long ones are kept in different places. */
TEST(a_text_may_have_any_length)
{
	struct names n = { .all = NULL };
	char text[200];

	memset(text, 'a', sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++) {
		uint32_t number = names_take(&n, text, len);

		assert_true(number > 0);
		assert_int_equal(strlen(names_text(&n, number)), len);
		assert_memory_equal(names_text(&n, number), text, len);
		assert_int_equal(names_find(&n, text, len), number);
	}
	for (size_t len = 0; len < sizeof(text); len += 2)
		names_drop(&n, names_find(&n, text, len));
	for (size_t len = 0; len < sizeof(text); len++)
		assert_int_equal(names_find(&n, text, len) > 0, len % 2);
	names_release(&n);
}

/* Beside a plain list of who holds what. */
TEST(numbers_are_right_whatever_comes_and_goes)
{
	enum { TEXTS = 400, STEPS = 40000 };
	struct names n = { .all = NULL };
	int held[TEXTS] = { 0 };
	uint32_t numbers[TEXTS] = { 0 };
	unsigned seed = 1;
	char text[32];

	for (int step = 0; step < STEPS; step++) {
		int i = rand_r(&seed) % TEXTS;

		snprintf(text, sizeof(text), "ip-10-0-%d-%d.internal", i / 7, i);
		assert_int_equal(find(&n, text), numbers[i]);
		if (rand_r(&seed) % 2) {
			uint32_t number = take(&n, text);

			assert_true(!held[i] || number == numbers[i]);
			numbers[i] = number;
			held[i]++;
			assert_true(number <= TEXTS);
		} else if (held[i]) {
			assert_int_equal(names_drop(&n, numbers[i]), --held[i]);
			numbers[i] = held[i] ? numbers[i] : 0;
		}
	}
	names_release(&n);
}
