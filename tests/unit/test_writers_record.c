/* The figures that the demo shows: gaps, and to which fault a lost write is charged. */
#include <stdbool.h>

#include "tests/unit/test.h"
#include "tools/writers/record.h"

static void fill(struct record *r, const int64_t *at_us, int n)
{
	assert_int_equal(record_init(r, 16), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(record_add(r, at_us[i]), 0);
}

TEST(a_full_record_takes_no_more)
{
	struct record r;

	assert_int_equal(record_init(&r, 1), 0);
	assert_int_equal(record_add(&r, 1), 0);
	assert_int_equal(record_add(&r, 2), -1);
	record_release(&r);
}

TEST(first_is_the_first_at_or_after)
{
	struct record r;

	fill(&r, (int64_t[]){ 10, 20, 30 }, 3);
	assert_int_equal(record_first(&r, 0), 0);
	assert_int_equal(record_first(&r, 20), 1);
	assert_int_equal(record_first(&r, 21), 2);
	assert_int_equal(record_first(&r, 31), 3);
	record_release(&r);
}

/* Writer 0 stands still from 100 to 180, writer 1 goes on: the worst gap is writer 0's, the common one is short. */
TEST(the_worst_gap_is_one_writers)
{
	struct record r[2];
	struct gap gap;

	fill(&r[0], (int64_t[]){ 90, 100, 180, 190 }, 4);
	fill(&r[1], (int64_t[]){ 95, 115, 135, 155, 175, 195 }, 6);
	gap = record_worst_gap(r, 2, 105, 200);
	assert_int_equal(gap.begin_us, 100);
	assert_int_equal(gap.end_us, 180);
	assert_int_equal(gap.writer, 0);
	gap = record_common_gap(r, 2, 105, 200);
	assert_int_equal(gap.end_us - gap.begin_us, 20);
	record_release(&r[0]);
	record_release(&r[1]);
}

TEST(the_first_gap_is_the_longest_of_those_that_begin_soon)
{
	struct record r[2];
	struct gap gap;

	fill(&r[0], (int64_t[]){ 90, 100, 180, 190, 290 }, 5);
	fill(&r[1], (int64_t[]){ 95, 115, 150, 160, 300 }, 5);
	gap = record_first_gap(r, 2, 105, 120, 300);
	assert_int_equal(gap.begin_us, 100);
	assert_int_equal(gap.end_us, 180);
	gap = record_first_gap(r, 2, 110, 120, 300);
	assert_int_equal(gap.end_us - gap.begin_us, 80);
	gap = record_first_gap(r, 2, 110, 400, 300);
	assert_int_equal(gap.begin_us, 160);
	assert_int_equal(gap.end_us, 300);
	gap = record_first_gap(r, 2, 192, 195, 400);
	assert_int_equal(gap.begin_us, 160);
	assert_int_equal(gap.end_us, 300);
	record_release(&r[0]);
	record_release(&r[1]);
}

TEST(what_lies_outside_is_not_counted)
{
	struct record r;
	struct gap gap;

	fill(&r, (int64_t[]){ 0, 500, 510, 520, 900 }, 5); /* long gaps before and after */
	gap = record_worst_gap(&r, 1, 505, 525);
	assert_int_equal(gap.end_us - gap.begin_us, 10);
	gap = record_common_gap(&r, 1, 505, 525);
	assert_int_equal(gap.end_us - gap.begin_us, 10);
	record_release(&r);
}

TEST(a_gap_may_still_be_open)
{
	struct record r[2];
	struct gap gap;

	fill(&r[0], (int64_t[]){ 10, 20 }, 2);
	fill(&r[1], NULL, 0); /* never had an answer */
	gap = record_worst_gap(r, 1, 15, 100);
	assert_int_equal(gap.begin_us, 20);
	assert_int_equal(gap.end_us, 100);
	gap = record_worst_gap(r, 2, 15, 100);
	assert_int_equal(gap.begin_us, 15);
	assert_int_equal(gap.writer, 1);
	gap = record_common_gap(r, 2, 15, 100);
	assert_int_equal(gap.begin_us, 20);
	assert_int_equal(gap.end_us, 100);
	record_release(&r[0]);
	record_release(&r[1]);
}

TEST(a_loss_is_charged_to_its_fault)
{
	const int64_t faults[] = { 1000000, 2000000 };
	static const struct {
		int64_t at_us;
		enum loss loss;
		int fault;
	} cases[] = {
		{ 100, LOSS_BEFORE, 0 },   { 949999, LOSS_BEFORE, 0 }, { 950000, LOSS_TAIL, 0 },
		{ 1000000, LOSS_TAIL, 0 }, { 1000400, LOSS_TAIL, 0 },  { 1050001, LOSS_BEFORE, 1 },
		{ 1960000, LOSS_TAIL, 1 }, { 2040000, LOSS_TAIL, 1 },  { 2050001, LOSS_AFTER, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fault = -1;

		assert_int_equal(record_charge(cases[i].at_us, faults, 2, &fault), cases[i].loss);
		assert_int_equal(fault, cases[i].fault);
	}
}
