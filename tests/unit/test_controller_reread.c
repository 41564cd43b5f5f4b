/* When the groups' nodes are read: at once what may have changed, in small parts what is read lest a change was missed.
 * The coordinator is played: what it is asked is counted, and answered by the test. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/codis/coordinator.h"
#include "controller/observe.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/test.h"

#define GROUPS 125

static struct {
	coordinator_names on_names, on_proxies;
	void *names_ctx, *proxies_ctx;
	int lists, reads;
	int of_group[GROUPS + 1];
	coordinator_done done[GROUPS + 1]; /* the last one of each */
	void *ctx[GROUPS + 1];
	int64_t now_ms;
} w;

int coordinator_get(struct coordinator *zk, const char *path, coordinator_done done, void *ctx, struct error *err)
{
	const char *group = strstr(path, "/group/group-");
	int gid = 0;

	(void)zk;
	(void)err;
	if (!group)
		return -1;
	assert_int_equal(sscanf(group, "/group/group-%4d", &gid), 1);
	w.reads++;
	w.of_group[gid]++;
	w.done[gid] = done;
	w.ctx[gid] = ctx;
	return 0;
}

int coordinator_get_within(struct coordinator *zk, const char *path, int ms, coordinator_done done, void *ctx,
			   struct error *err)
{
	(void)ms;
	return coordinator_get(zk, path, done, ctx, err);
}

int coordinator_list(struct coordinator *zk, const char *path, coordinator_names done, void *ctx, struct error *err)
{
	(void)zk;
	(void)err;
	if (!strstr(path, "/group")) {
		w.on_proxies = done;
		w.proxies_ctx = ctx;
		return 0;
	}
	w.lists++;
	w.on_names = done;
	w.names_ctx = ctx;
	return 0;
}

int64_t coordinator_spent_us(const struct coordinator *c)
{
	(void)c;
	return 0;
}

void coordinator_close(struct coordinator *c)
{
	(void)c;
}

int coordinator_set(struct coordinator *c, const char *path, const char *data, size_t len, int version,
		    coordinator_done done, void *ctx, struct error *err)
{
	(void)c;
	(void)path;
	(void)data;
	(void)len;
	(void)version;
	(void)done;
	(void)ctx;
	return error_set(err, ERR_IO, "not played");
}

int coordinator_set_within(struct coordinator *c, const char *path, const char *data, size_t len, int version, int ms,
			   coordinator_done done, void *ctx, struct error *err)
{
	(void)ms;
	return coordinator_set(c, path, data, len, version, done, ctx, err);
}

int coordinator_create(struct coordinator *c, const char *path, const char *data, size_t len, coordinator_done done,
		       void *ctx, struct error *err)
{
	return coordinator_set(c, path, data, len, 0, done, ctx, err);
}

int coordinator_delete(struct coordinator *c, const char *path, const struct coordinator_stat *what,
		       coordinator_done done, void *ctx, struct error *err)
{
	return coordinator_set(c, path, "", 0, what->version, done, ctx, err);
}

struct coordinator *coordinator_open(uv_loop_t *uv, const struct coordinator_config *cfg, struct error *err)
{
	(void)uv;
	(void)cfg;
	error_set(err, ERR_IO, "not played");
	return NULL;
}

bool coordinator_ready(const struct coordinator *c)
{
	(void)c;
	return true;
}

bool coordinator_hears(const struct coordinator *c, int member)
{
	(void)c;
	(void)member;
	return true;
}

static void answer(int gid, enum error_code code)
{
	static const struct coordinator_stat none = { .version = -1 };
	struct coordinator_stat stat = { 1, 1, 1 };
	struct error err = ERROR_INIT;
	char text[100];

	error_set(&err, code, "played");
	snprintf(text, sizeof(text), "{\"id\":%d,\"servers\":[],\"promoting\":{},\"out_of_sync\":false}", gid);
	w.done[gid](w.ctx[gid], code ? NULL : text, code ? 0 : strlen(text), code ? &none : &stat, code ? &err : NULL);
	w.done[gid] = NULL;
}

static void answer_all(void)
{
	for (int gid = 1; gid <= GROUPS; gid++) {
		if (w.done[gid])
			answer(gid, ERR_NONE);
	}
}

static void give_names(void)
{
	char names[GROUPS][16];
	const char *list[GROUPS];

	for (int i = 0; i < GROUPS; i++) {
		snprintf(names[i], sizeof(names[i]), "group-%04d", i + 1);
		list[i] = names[i];
	}
	w.on_names(w.names_ctx, GROUPS, list, NULL);
	w.on_proxies(w.proxies_ctx, 0, NULL, NULL);
}

static void tick(int64_t ms)
{
	w.now_ms += ms;
	observe(world.c, w.now_ms);
}

/* Connected, and all groups were read. */
static int begin(void **state)
{
	controller_world_setup(state);
	memset(&w, 0, sizeof(w));
	w.now_ms = clock_mono_ms();
	snprintf(world.c->dashboard.addr, sizeof(world.c->dashboard.addr),
		 "10.0.2.1:18080"); /* so its lock is not read */
	world.c->zk = (struct coordinator *)(void *)&w;
	world.c->connected_since_ms = world.c->steady_since_ms = 1;
	tick(0);
	assert_int_equal(w.lists, 1);
	give_names();
	assert_int_equal(w.reads, GROUPS); /* nothing was known of any: at once */
	answer_all();
	w.reads = 0;
	memset(w.of_group, 0, sizeof(w.of_group));
	return 0;
}

static int finish(void **state)
{
	answer_all();
	world.c->zk = NULL;
	return controller_world_teardown(state);
}
#define REREAD_TEST(name) TEST_WITH(name, begin, finish)

REREAD_TEST(what_is_only_read_again_is_read_in_small_parts)
{
	for (int i = 0; i < 60; i++) {
		int before = w.reads;

		tick(100);
		assert_in_range(w.reads - before, 0, 3);
		answer_all();
	}
	for (int gid = 1; gid <= GROUPS; gid++)
		assert_int_equal(w.of_group[gid], 1);
	assert_int_equal(w.lists, 1);
}

REREAD_TEST(all_is_read_at_once_when_anything_may_have_changed)
{
	observe_changed(world.c, NULL);
	tick(100);
	answer_all(); /* what was to be read again just then */
	assert_int_equal(w.lists, 2);
	w.reads = 0;
	give_names();
	assert_int_equal(w.reads, GROUPS);
	answer_all();
	tick(100);
	assert_int_equal(w.reads, GROUPS);
}

REREAD_TEST(group_that_could_not_be_read_is_read_with_the_next_list)
{
	observe_group(world.c, 77);
	answer(77, ERR_TIMEOUT);
	tick(1000); /* a failure makes the next list come soon */
	assert_int_equal(w.lists, 2);
	w.reads = 0;
	memset(w.of_group, 0, sizeof(w.of_group));
	give_names();
	assert_int_equal(w.of_group[77], 1);
	assert_int_equal(w.reads, 1);
}

REREAD_TEST(group_in_which_something_was_done_is_read_with_the_next_list)
{
	cluster_group(world.c, 5, false)->acted_ms = clock_mono_ms() + 1;
	observe_changed(world.c, "/codis3/codis-test/group");
	tick(100);
	w.reads = 0;
	give_names();
	assert_int_equal(w.reads, 1);
	assert_non_null(w.done[5]);
}

/* It is read again with all others, some seconds later: what tells changes without end is asked no more for each of
 * them. */
REREAD_TEST(changes_of_a_costly_cluster_are_not_read_at_once)
{
	world.c->cost.over = true;
	observe_changed(world.c, "/codis3/codis-test/group/group-0007");
	assert_int_equal(w.reads, 0);
	world.c->list_failed = true;
	tick(1000);
	assert_int_equal(w.lists, 1);
	world.c->cost.over = false;
	observe_changed(world.c, "/codis3/codis-test/group/group-0007");
	assert_int_equal(w.of_group[7], 1);
	answer_all();
	tick(1000);
	assert_int_equal(w.lists, 2);
}
