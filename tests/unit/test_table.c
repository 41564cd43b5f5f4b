#include "common/base/table.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "tests/unit/test.h"

struct item {
	struct table_link link;
	int key;
};

static size_t walked(const struct table *t)
{
	size_t n = 0;

	for (struct table_link *l = table_walk(t, NULL); l; l = table_walk(t, l))
		n++;
	return n;
}

static size_t with_hash(const struct table *t, uint64_t hash)
{
	size_t n = 0;

	for (struct table_link *l = table_first(t, hash); l; l = table_next(l)) {
		assert_int_equal(l->hash, hash);
		n++;
	}
	return n;
}

TEST(an_empty_table_has_nothing)
{
	struct table t = { 0 };
	struct table_link link = { 0 };

	assert_null(table_first(&t, 1));
	assert_null(table_walk(&t, NULL));
	table_remove(&t, &link);
	assert_int_equal(t.count, 0);
	table_release(&t);
}

TEST(entries_are_found_by_their_hash_while_the_table_grows)
{
	struct table t = { 0 };
	struct item *items = calloc(1000, sizeof(*items));

	for (int i = 0; i < 1000; i++) {
		items[i].key = i;
		table_add(&t, &items[i].link, (uint64_t)(i / 2) << 7);
		assert_int_equal(walked(&t), i + 1);
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(with_hash(&t, (uint64_t)(i / 2) << 7), 2);
	for (int i = 0; i < 1000; i += 2)
		table_remove(&t, &items[i].link);
	assert_int_equal(walked(&t), 500);
	assert_int_equal(t.count, 500);
	for (int i = 1; i < 1000; i += 2) {
		struct table_link *l = table_first(&t, (uint64_t)(i / 2) << 7);

		assert_ptr_equal(TABLE_ENTRY(l, struct item, link), &items[i]);
		assert_null(table_next(l));
	}
	table_release(&t);
	table_remove(&t, &items[1].link); /* is in no table any more */
	free(items);
}
