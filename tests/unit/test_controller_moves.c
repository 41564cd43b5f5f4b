/* moves_plan(): which slots go where. What must hold is asked of many distributions, not of a few. */
#include "controller/moves.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

#define GROUPS 12

struct field {
	struct moves_group groups[GROUPS];
	int count;
	int16_t has[CODIS_SLOTS];
	bool fixed[CODIS_SLOTS];
	struct move moves[CODIS_SLOTS];
	int n;
};

static void add(struct field *f, int gid, enum moves_role role)
{
	f->groups[f->count++] = (struct moves_group){ .gid = gid, .role = role };
}

static int slots_of(const struct field *f, int gid)
{
	int n = 0;

	for (int i = 0; i < CODIS_SLOTS; i++)
		n += f->has[i] == gid;
	return n;
}

static int plan(struct field *f)
{
	f->n = moves_plan(f->groups, f->count, f->has, f->fixed, f->moves, CODIS_SLOTS);
	return f->n;
}

static void carry_out(struct field *f, int n)
{
	for (int i = 0; i < n; i++) {
		assert_int_not_equal(f->has[f->moves[i].slot], f->moves[i].to);
		f->has[f->moves[i].slot] = f->moves[i].to;
	}
}

/* Ranges of equal size for the groups 1..n, as at the first assignment. */
static void spread(struct field *f, int n)
{
	for (int i = 0; i < CODIS_SLOTS; i++)
		f->has[i] = (int16_t)(i * n / CODIS_SLOTS + 1);
}

TEST(groups_that_are_new_get_their_share_and_no_slot_moves_that_need_not)
{
	for (int old = 1; old < GROUPS; old++) {
		for (int all = old + 1; all <= GROUPS; all++) {
			struct field f = { .count = 0 };
			int least = 0;

			spread(&f, old);
			for (int gid = 1; gid <= all; gid++)
				add(&f, gid, gid > old ? MOVES_FILLS : MOVES_STAYS);
			carry_out(&f, plan(&f));
			for (int gid = 1; gid <= all; gid++) {
				int n = slots_of(&f, gid);

				assert_in_range(n, CODIS_SLOTS / all, (CODIS_SLOTS + all - 1) / all);
				least += gid > old ? n : 0;
			}
			assert_int_equal(f.n, least);
			/* none of them gets more than the smallest share that leaves all even */
			assert_true(f.n <= (all - old) * ((CODIS_SLOTS + all - 1) / all));
			assert_int_equal(plan(&f), 0);
		}
	}
}

TEST(groups_that_go_end_with_none_and_only_their_slots_move)
{
	for (int old = 2; old <= GROUPS; old++) {
		for (int left = 1; left < old; left++) {
			struct field f = { .count = 0 };
			int doomed = 0;

			spread(&f, old);
			for (int gid = 1; gid <= old; gid++) {
				add(&f, gid, gid > left ? MOVES_DRAINS : MOVES_STAYS);
				doomed += gid > left ? slots_of(&f, gid) : 0;
			}
			assert_int_equal(plan(&f), doomed);
			carry_out(&f, f.n);
			for (int gid = 1; gid <= old; gid++) {
				if (gid > left)
					assert_int_equal(slots_of(&f, gid), 0);
				else
					assert_in_range(slots_of(&f, gid), CODIS_SLOTS / left,
							(CODIS_SLOTS + left - 1) / left);
			}
		}
	}
}

TEST(nothing_moves_where_no_group_is_new_and_none_goes_however_uneven_it_is)
{
	struct field f = { .count = 0 };

	for (int i = 0; i < CODIS_SLOTS; i++)
		f.has[i] = i < 900 ? 1 : 2;
	add(&f, 1, MOVES_STAYS);
	add(&f, 2, MOVES_STAYS);
	add(&f, 3, MOVES_STAYS);
	assert_int_equal(plan(&f), 0);
}

TEST(between_those_that_stay_nothing_moves_and_who_is_filled_gets_no_more_than_its_share)
{
	struct field f = { .count = 0 };

	for (int i = 0; i < CODIS_SLOTS; i++)
		f.has[i] = i < 900 ? 1 : 2;
	add(&f, 1, MOVES_STAYS);
	add(&f, 2, MOVES_STAYS);
	add(&f, 3, MOVES_FILLS);
	carry_out(&f, plan(&f));
	assert_int_equal(slots_of(&f, 3), 342);
	assert_int_equal(slots_of(&f, 2), 124);
	assert_int_equal(slots_of(&f, 1), 900 - 342);
}

static void random_field(struct field *f, unsigned *seed)
{
	memset(f, 0, sizeof(*f));
	for (int gid = 1; gid <= GROUPS; gid++)
		add(f, gid, (enum moves_role)(rand_r(seed) % 3));
	for (int i = 0; i < CODIS_SLOTS; i++) {
		f->has[i] =
			(int16_t)(rand_r(seed) % (GROUPS + 2)); /* of nobody, and of a group that takes no part, too */
		f->fixed[i] = rand_r(seed) % 20 == 0;
	}
}

TEST(after_some_of_the_moves_the_answer_is_the_rest_of_them)
{
	struct field f;
	unsigned seed = 7;

	for (int turn = 0; turn < 300; turn++) {
		int all, some;

		random_field(&f, &seed);
		all = plan(&f);
		for (; all; all -= some) {
			some = 1 + (int)(rand_r(&seed) % 100);
			some = some < all ? some : all;
			carry_out(&f, some);
			assert_int_equal(plan(&f), all - some);
		}
	}
}

TEST(what_is_under_way_is_not_moved_again_and_of_others_nothing_is_touched)
{
	struct field f;
	unsigned seed = 11;

	for (int turn = 0; turn < 300; turn++) {
		random_field(&f, &seed);
		plan(&f);
		for (int i = 0; i < f.n; i++) {
			int gid = f.has[f.moves[i].slot];

			assert_false(f.fixed[f.moves[i].slot]);
			assert_in_range(gid, 1, GROUPS);
			assert_int_not_equal(f.groups[f.moves[i].to - 1].role, MOVES_DRAINS);
		}
	}
}

TEST(the_first_moves_are_between_different_groups_so_that_a_dashboard_does_several_at_once)
{
	struct field f = { .count = 0 };

	spread(&f, 4);
	for (int gid = 1; gid <= 8; gid++)
		add(&f, gid, gid > 4 ? MOVES_FILLS : MOVES_STAYS);
	plan(&f);
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < i; k++) {
			assert_int_not_equal(f.has[f.moves[i].slot], f.has[f.moves[k].slot]);
			assert_int_not_equal(f.moves[i].to, f.moves[k].to);
		}
	}
}
