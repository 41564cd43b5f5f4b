/* What is noted on the StatefulSet, and when. */
#include "controller/note.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "controller/view.h"
#include "tests/unit/test.h"

#define NOW 1000000

static struct group_view groups[4];
static struct proxy_view proxy;
static struct codis_slot proxy_slots[CODIS_SLOTS];
static struct cluster_view view;

/* Two groups of 512 slots, with 12,000 and 11,000 keys. */
static int setup(void **state)
{
	(void)state;
	memset(groups, 0, sizeof(groups));
	memset(&proxy, 0, sizeof(proxy));
	memset(proxy_slots, 0, sizeof(proxy_slots));
	memset(&view, 0, sizeof(view));
	view.now_ms = NOW;
	view.groups = groups;
	view.group_count = 2;
	view.dashboard.slots_known = true;
	for (int i = 0; i < 4; i++) {
		groups[i].node.id = i + 1;
		groups[i].exists = true;
	}
	groups[0].keys = 12000;
	groups[1].keys = 11000;
	for (int i = 0; i < CODIS_SLOTS; i++)
		view.dashboard.slot_group[i] = (int16_t)(i / 512 + 1);
	return 0;
}

#define VIEW_TEST(name) TEST_WITH(name, setup, NULL)

/* text NULL: nothing has to be written. */
static void slots(int64_t written_ago, int64_t keys_ago, const char *noted, const char *text)
{
	const struct note_times times = { .written_ms = NOW - written_ago, .keys_ms = NOW - keys_ago };
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 16);
	struct note_serving all;

	assert_true(note_count(&view, &all));
	assert_int_equal(note_slots(&view, NULL, &all, &times, noted, &out), text != NULL);
	if (text)
		assert_string_equal(out.data, text);
}

#define TEXT "1=512/12000,2=512/11000"

VIEW_TEST(first_time)
{
	const struct note_times never = { 0 };
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 16);
	struct note_serving all;

	assert_true(note_count(&view, &all));
	assert_true(note_slots(&view, NULL, &all, &never, NULL, &out));
	assert_string_equal(out.data, TEXT);
	slots(2000, 2000, "what somebody wrote", TEXT);
	slots(100000, 100000, TEXT, NULL);
}

VIEW_TEST(slots_not_known)
{
	struct note_serving all;

	view.dashboard.slots_known = false;
	assert_false(note_count(&view, &all));
}

VIEW_TEST(no_slots_assigned)
{
	memset(view.dashboard.slot_group, 0, sizeof(view.dashboard.slot_group));
	slots(100000, 100000, NULL, "none");
	slots(100000, 100000, TEXT, "none");
	slots(100000, 100000, "none", NULL);
}

VIEW_TEST(slots_changed)
{
	view.dashboard.slot_group[512] = 1;
	slots(2000, 2000, TEXT, "1=513/12000,2=511/11000");
	slots(1999, 1999, TEXT, NULL); /* a little later */
	slots(100000, 100000, TEXT ",3=1", "1=513/12000,2=511/11000");
}

VIEW_TEST(keys_changed)
{
	slots(100000, 100000, "1=512/12900,2=512/11000", NULL); /* by less than a tenth */
	slots(100000, 59999, "1=512/9000,2=512/11000", NULL);
	slots(100000, 60000, "1=512/9000,2=512/11000", TEXT);
	slots(100000, 60000, "1=512/24000,2=512/11000", TEXT);
}

VIEW_TEST(keys_come_and_go)
{
	slots(100000, 10000, "1=512/0,2=512/11000", TEXT);
	slots(100000, 9999, "1=512/0,2=512/11000", NULL);
	slots(100000, 10000, "1=512,2=512/11000", TEXT);
	groups[1].keys = 0;
	slots(100000, 10000, TEXT, "1=512/12000,2=512/0");
	groups[1].keys = -1;
	slots(100000, 10000, TEXT, "1=512/12000,2=512");
}

/* Its keys are in both groups. */
VIEW_TEST(slot_that_moves)
{
	view.proxies = &proxy;
	view.proxy_count = 1;
	proxy.slots = proxy_slots;
	groups[2].keys = 7;
	view.group_count = 3;
	view.dashboard.slot_acting[512] = true;
	proxy_slots[512].group = 3;
	slots(100000, 100000, TEXT, TEXT ",3=1/7");
	proxy.slots = NULL;
	slots(100000, 100000, TEXT, NULL);
}

/* The dashboard has a group of which no node was read. */
VIEW_TEST(group_that_is_not_seen)
{
	view.dashboard.slot_group[0] = 9;
	slots(100000, 100000, TEXT, "1=511/12000,2=512/11000,9=1");
}

/* Each StatefulSet has its own groups; what is left over of another one is in the first. */
VIEW_TEST(each_statefulset_has_its_own_groups)
{
	static const struct view_set sets[] = { { .shape = { .replicas = 2, .group = 1 } },
						{ .shape = { .replicas = 2, .group = 2 } },
						{ .shape = { .replicas = 2, .group = 4 } } };
	static const char *const texts[] = { "1=511/12000,9=1", "2=512/11000", "none" };
	const struct note_times never = { 0 };
	struct note_serving all;

	view.sets = sets;
	view.set_count = 3;
	view.dashboard.slot_group[0] = 9;
	assert_true(note_count(&view, &all));
	for (int i = 0; i < 3; i++) {
		BUF_CLEANUP struct buf out = BUF_INIT(1 << 16);

		assert_true(note_slots(&view, &sets[i], &all, &never, NULL, &out));
		assert_string_equal(out.data, texts[i]);
		assert_false(note_slots(&view, &sets[i], &all, &never, texts[i], &out));
	}
}

VIEW_TEST(each_statefulset_has_the_losses_of_its_own_groups)
{
	static const struct view_set sets[] = { { .shape = { .replicas = 2, .group = 1 } },
						{ .shape = { .replicas = 2, .group = 2 } } };
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 16), none = BUF_INIT(1 << 16);

	view.sets = sets;
	view.set_count = 2;
	groups[1].new_lost_keys = 7;
	groups[1].new_lost_wall_ms = 1764129600000;
	assert_false(note_losses(&view, &sets[0], NULL, &none));
	assert_true(note_losses(&view, &sets[1], NULL, &out));
	assert_string_equal(out.data, "2=7@2025-11-26T04:00:00Z");
}

/* --- losses ------------------------------------------------------------------------------------------------------ */

static void losses(const char *noted, const char *text)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 16);

	assert_int_equal(note_losses(&view, NULL, noted, &out), text != NULL);
	if (text)
		assert_string_equal(out.data, text);
}

static void lose(int gid, int64_t keys)
{
	groups[gid - 1].new_lost_keys = keys;
	groups[gid - 1].new_lost_wall_ms = 1795669418123;
}

#define AT "@2026-11-26T05:03:38Z"

VIEW_TEST(nothing_lost)
{
	losses(NULL, NULL);
	losses("1=130" AT, NULL);
}

VIEW_TEST(lost)
{
	view.group_count = 4;
	lose(3, 5);
	losses(NULL, "3=5" AT);
	lose(1, 130);
	losses(NULL, "1=130" AT ",3=5" AT);
	losses("unreadable", "1=130" AT ",3=5" AT);
}

VIEW_TEST(lost_beside_what_is_noted)
{
	view.group_count = 4;
	lose(2, 5);
	losses("1=130@2026-11-25T00:00:00Z,3=7@2026-11-25T00:00:00Z",
	       "1=130@2026-11-25T00:00:00Z,2=5" AT ",3=7@2026-11-25T00:00:00Z");
	losses("9=7@2026-11-25T00:00:00Z", "2=5" AT ",9=7@2026-11-25T00:00:00Z");
	losses("2=130@2026-11-25T00:00:00Z", "2=135" AT);
}
