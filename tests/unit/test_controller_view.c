/* The questions that decide() and the status ask of a view, with and without its index. */
#include <stdio.h>
#include <string.h>

#include "controller/view.h"
#include "tests/unit/test.h"

#define SERVERS 6

struct world {
	struct cluster_view v;
	struct server_view servers[SERVERS];
	struct group_view groups[3];
	int by_addr[SERVERS], members[2 * SERVERS];
};

/* Groups 3, 1, 2, two servers each; the last server is listed by a group that is not its own. */
static void make(struct world *w)
{
	static const int ids[] = { 3, 1, 2 };

	memset(w, 0, sizeof(*w));
	w->v.servers = w->servers;
	w->v.groups = w->groups;
	w->v.group_count = 3;
	w->v.server_count = SERVERS;
	for (int i = 0; i < 3; i++)
		w->groups[i].node.id = ids[i];
	for (int i = 0; i < SERVERS; i++) {
		snprintf(w->servers[i].addr, CODIS_ADDR_MAX, "10.0.0.%d:6379", 9 - i);
		w->servers[i].group = i / 2 + 1;
		w->servers[i].listed_group = w->servers[i].group;
	}
	w->servers[5].listed_group = 1;
}

static void assert_members(const struct world *w, int gid, const char *expected)
{
	const struct server_view *s;
	char text[200] = "";

	for (int at = 0; (s = view_next(&w->v, view_group(&w->v, gid), &at));)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", s->addr);
	assert_string_equal(text, expected);
}

static void assert_answers(const struct world *w)
{
	assert_members(w, 1, "10.0.0.9:6379 10.0.0.8:6379 10.0.0.4:6379 ");
	assert_members(w, 2, "10.0.0.7:6379 10.0.0.6:6379 ");
	assert_members(w, 3, "10.0.0.5:6379 10.0.0.4:6379 ");
	assert_null(view_group(&w->v, 4));
	for (int i = 0; i < SERVERS; i++)
		assert_ptr_equal(view_server(&w->v, w->servers[i].addr), &w->servers[i]);
	assert_null(view_server(&w->v, "10.0.0.99:6379"));
	assert_null(view_server(&w->v, ""));
}

TEST(answers_are_the_same_with_and_without_an_index)
{
	struct world w;

	make(&w);
	assert_answers(&w);
	view_index(&w.v, w.by_addr, w.members);
	assert_answers(&w);
}

TEST(server_without_an_address_is_a_member_and_found_by_none)
{
	struct world w;

	make(&w);
	w.servers[2].addr[0] = '\0';
	view_index(&w.v, w.by_addr, w.members);
	assert_members(&w, 2, " 10.0.0.6:6379 ");
	assert_null(view_server(&w.v, ""));
}

TEST(groups_that_the_statefulset_makes)
{
	struct view_set set = { .shape = { .replicas = 4, .server_replica = 2 } };
	struct cluster_view v = { .sets = &set, .set_count = 1 };

	assert_int_equal(view_groups_wanted(&v), 2);
	assert_int_equal(view_wanted_group(&v, 0), 1);
	set.shape.start = 2;
	assert_int_equal(view_groups_wanted(&v), 2);
	assert_int_equal(view_wanted_group(&v, 0), 2);
	assert_int_equal(view_wanted_group(&v, 1), 3);
	set.shape.start = 1; /* 1 | 2 3 | 4 */
	assert_int_equal(view_groups_wanted(&v), 3);
	assert_true(view_is_wanted(&v, 3));
	assert_false(view_is_wanted(&v, 4));
	v.set_count = 0;
	assert_int_equal(view_groups_wanted(&v), 0);
	assert_false(view_is_wanted(&v, 1));
}

static void expect_wanted(const struct cluster_view *v, const int *want)
{
	int n = view_groups_wanted(v);

	for (int i = 0; i < n; i++) {
		assert_int_equal(view_wanted_group(v, i), want[i]);
		assert_true(view_is_wanted(v, want[i]));
	}
	assert_int_equal(want[n], 0);
}

TEST(groups_of_statefulsets_of_different_sizes_beside_each_other)
{
	struct view_set sets[] = {
		{ .name = "old", .shape = { .replicas = 4, .server_replica = 2 } },              /* 1 and 2 */
		{ .name = "none", .shape = { .replicas = 0, .server_replica = 1, .start = 9 } }, /* 10 on */
		{ .name = "r3", .shape = { .replicas = 6, .server_replica = 3, .start = 30 } },  /* 11 and 12 */
		{ .name = "g2", .shape = { .replicas = 2, .group = 2 } },
		{ .name = "g5", .shape = { .replicas = 2, .group = 5 } },
		{ .name = "g40", .shape = { .replicas = 2, .group = 40 } },
	};
	struct cluster_view v = { .sets = sets, .set_count = 6 };

	expect_wanted(&v, (const int[]){ 1, 2, 5, 11, 12, 40, 0 });
	assert_false(view_is_wanted(&v, 10));
	assert_false(view_is_wanted(&v, 13));
	assert_string_equal(view_set_name(&v, 1), "old");
	assert_string_equal(view_set_name(&v, 2), "g2");
	assert_string_equal(view_set_name(&v, 3), "old"); /* left over of it */
	assert_string_equal(view_set_name(&v, 10), "none");
	assert_string_equal(view_set_name(&v, 12), "r3");
	assert_string_equal(view_set_name(&v, 39), "r3");
	assert_int_equal(view_group_size(&v, 1), 2);
	assert_int_equal(view_group_size(&v, 11), 3);
	v.set_count = 3;
	assert_true(view_others_stay(&v, &sets[0]));
	sets[2].deleting = true;
	assert_false(view_others_stay(&v, &sets[0]));
	assert_true(view_others_stay(&v, &sets[2]));
}

TEST(groups_that_several_statefulsets_make)
{
	struct view_set sets[] = {
		{ .name = "counts", .shape = { .replicas = 4, .server_replica = 2, .start = 4 } }, /* 3 and 4 */
		{ .name = "g1", .shape = { .replicas = 3, .group = 1 } },
		{ .name = "g4", .shape = { .replicas = 2, .group = 4 } },
		{ .name = "g5", .shape = { .replicas = 0, .group = 5 } },
		{ .name = "g9", .shape = { .replicas = 1, .group = 9 } },
	};
	struct cluster_view v = { .sets = sets, .set_count = 5 };

	expect_wanted(&v, (const int[]){ 1, 3, 4, 9, 0 });
	assert_false(view_is_wanted(&v, 2));
	assert_false(view_is_wanted(&v, 5));
	assert_int_equal(view_servers_wanted(&v), 10);
	assert_string_equal(view_set_name(&v, 1), "g1");
	assert_string_equal(view_set_name(&v, 3), "counts");
	assert_string_equal(view_set_name(&v, 4), "g4");
	assert_string_equal(view_set_name(&v, 5), "g5");
	assert_string_equal(view_set_name(&v, 7), "counts"); /* left over */
	assert_int_equal(view_group_size(&v, 1), 3);
	assert_int_equal(view_group_size(&v, 3), 2);
	assert_int_equal(view_group_size(&v, 5), 2);
	assert_int_equal(view_group_size(&v, 9), 1);
	assert_null(view_set_deleting(&v));
	sets[4].deleting = true;
	assert_ptr_equal(view_set_deleting(&v), &sets[4]);
	v.sets = &sets[1];
	v.set_count = 4;
	expect_wanted(&v, (const int[]){ 1, 4, 9, 0 });
	assert_string_equal(view_set_name(&v, 7), "g1");
	v.set_count = 0;
	assert_string_equal(view_set_name(&v, 1), "");
	assert_int_equal(view_servers_wanted(&v), -1);
}

TEST(one_process_under_two_addresses)
{
	struct server_view a = { .info_valid = true, .info.run_id = "0123" }, b = a;

	assert_true(view_same_process(&a, &b));
	b.info.run_id[0] = '9';
	assert_false(view_same_process(&a, &b));
	b = a;
	b.info_valid = false; /* whoever runs there now is not known */
	assert_false(view_same_process(&a, &b));
}
