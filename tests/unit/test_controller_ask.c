/* When the coordinator, the dashboards and the proxies of a cluster are asked: at their own pace, seldom where they
 * cost more than their share, and soon again where there was no memory to ask. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/codis/coordinator.h"
#include "common/net/http.h"
#include "controller/observe.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

#define GROUP   "/codis3/codis-test/group/group-0001"
#define FOLDER  "/codis3/codis-test/group"
#define PROXIES "/codis3/codis-test/proxy"
#define LOCK    "/codis3/codis-test/topom"

/* --- the coordinator is played: what it was asked ----------------------------------------------------------------- */

struct question {
	char path[128];
	coordinator_done done;
	coordinator_names names;
	void *ctx;
};

static struct {
	struct question asked[8];
	int count;
	bool refuses; /* no memory */
	int64_t now_ms;
} w;

/* As the real one needs memory to be asked. */
static int ask(const char *path, coordinator_done done, coordinator_names names, void *ctx, struct error *err)
{
	char *volatile some = malloc(1);

	free(some);
	if (!some || w.refuses)
		return error_set(err, ERR_NOMEM, "played: no memory");
	assert_true(w.count < 8);
	w.asked[w.count] = (struct question){ .done = done, .names = names, .ctx = ctx };
	snprintf(w.asked[w.count++].path, sizeof(w.asked[0].path), "%s", path);
	return 0;
}

int coordinator_get(struct coordinator *zk, const char *path, coordinator_done done, void *ctx, struct error *err)
{
	(void)zk;
	return ask(path, done, NULL, ctx, err);
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
	return ask(path, NULL, done, ctx, err);
}

int coordinator_set(struct coordinator *zk, const char *path, const char *data, size_t len, int version,
		    coordinator_done done, void *ctx, struct error *err)
{
	(void)zk, (void)path, (void)data, (void)len, (void)version, (void)done, (void)ctx;
	return error_set(err, ERR_IO, "not played");
}

int coordinator_set_within(struct coordinator *zk, const char *path, const char *data, size_t len, int version, int ms,
			   coordinator_done done, void *ctx, struct error *err)
{
	(void)ms;
	return coordinator_set(zk, path, data, len, version, done, ctx, err);
}

int coordinator_create(struct coordinator *zk, const char *path, const char *data, size_t len, coordinator_done done,
		       void *ctx, struct error *err)
{
	(void)zk, (void)path, (void)data, (void)len, (void)done, (void)ctx;
	return error_set(err, ERR_IO, "not played");
}

int coordinator_delete(struct coordinator *zk, const char *path, const struct coordinator_stat *what,
		       coordinator_done done, void *ctx, struct error *err)
{
	(void)zk, (void)path, (void)what, (void)done, (void)ctx;
	return error_set(err, ERR_IO, "not played");
}

struct coordinator *coordinator_open(uv_loop_t *uv, const struct coordinator_config *cfg, struct error *err)
{
	(void)uv, (void)cfg;
	error_set(err, ERR_IO, "not played");
	return NULL;
}

void coordinator_close(struct coordinator *zk)
{
	(void)zk;
}

int64_t coordinator_spent_us(const struct coordinator *zk)
{
	(void)zk;
	return 0;
}

bool coordinator_ready(const struct coordinator *zk)
{
	(void)zk;
	return true;
}

bool coordinator_hears(const struct coordinator *zk, int member)
{
	(void)zk;
	(void)member;
	return true;
}

/* There is no such node, nor folder. */
static void answer_all(void)
{
	static const struct coordinator_stat none = { .version = -1 };
	struct error err = { .code = ERR_NOTFOUND, .text = "played: no node" };

	for (int i = 0; i < w.count; i++) {
		if (w.asked[i].done)
			w.asked[i].done(w.asked[i].ctx, NULL, 0, &none, &err);
		else
			w.asked[i].names(w.asked[i].ctx, 0, NULL, &err);
	}
	w.count = 0;
}

/* What asked for it, which is answered by the test. */
static struct question take(const char *path)
{
	struct question q = { 0 };

	for (int i = 0; i < w.count; i++) {
		if (strcmp(w.asked[i].path, path) != 0)
			continue;
		q = w.asked[i];
		w.asked[i] = w.asked[--w.count];
	}
	assert_true(q.done || q.names);
	return q;
}

static bool was_asked(const char *path)
{
	for (int i = 0; i < w.count; i++) {
		if (strcmp(w.asked[i].path, path) == 0)
			return true;
	}
	return false;
}

/* Its coordinator is connected, and was read this moment. */
static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	controller_world_begin("ns");
	w.now_ms = clock_mono_ms();
	world.c->zk = (struct coordinator *)(void *)&w;
	world.c->connected_since_ms = 1;
	world.c->list_asked_ms = w.now_ms;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	answer_all();
	world.c->zk = NULL;
	http_client_free(world.c->http);
	controller_world_end();
	return 0;
}

#define ASK_TEST(name) TEST_WITH(name, begin, finish)

static bool reads_folders_after(int64_t ms)
{
	int before = w.count;

	observe(world.c, w.now_ms + ms);
	return w.count > before;
}

/* --- what costs more than its share ------------------------------------------------------------------------------- */

ASK_TEST(folders_that_were_not_read_are_read_soon_but_not_of_a_costly_cluster)
{
	world.c->list_failed = true;
	world.c->cost.over = true;
	assert_false(reads_folders_after(9999));
	world.c->cost.over = false;
	assert_false(reads_folders_after(999));
	assert_true(reads_folders_after(1000));
	assert_true(was_asked(FOLDER) && was_asked(PROXIES) && was_asked(LOCK));
}

ASK_TEST(folders_of_a_costly_cluster_are_read_all_the_same)
{
	world.c->list_failed = true;
	world.c->cost.over = true;
	assert_true(reads_folders_after(10000));
}

/* The first proxy makes it, and no watch tells: nobody would be seen to be taken in for 10 s, and be taken in again. */
ASK_TEST(folder_of_proxies_that_is_not_there_is_looked_for_while_not_all_is_well)
{
	struct question folder;

	snprintf(world.c->dashboard.addr, sizeof(world.c->dashboard.addr), "10.0.2.1:18080");
	assert_true(reads_folders_after(10000));
	folder = take(PROXIES);
	answer_all();
	folder.names(folder.ctx, 0, NULL, NULL); /* it is there, and empty */
	w.now_ms += 10000;
	world.c->open = true;
	assert_false(reads_folders_after(1000));
	assert_true(reads_folders_after(10000));
	answer_all(); /* it is not there */
	w.now_ms += 10000;
	assert_false(reads_folders_after(999));
	world.c->open = false;
	assert_false(reads_folders_after(1000));
	world.c->open = true;
	assert_true(reads_folders_after(1000));
}

ASK_TEST(changes_that_a_costly_cluster_tells_wait)
{
	cluster_group(world.c, 1, true);
	world.c->cost.over = true;
	observe_changed(world.c, GROUP);
	observe_changed(world.c, NULL);
	assert_int_equal(w.count, 0);
	assert_int_equal(world.c->list_asked_ms, w.now_ms);
	world.c->cost.over = false;
	observe_changed(world.c, GROUP);
	assert_int_equal(w.count, 1);
	assert_string_equal(w.asked[0].path, GROUP);
	observe_changed(world.c, NULL);
	assert_int_equal(world.c->list_asked_ms, 0);
}

/* Whether both were asked, nobody of whom answers. */
static bool asks_after(int64_t ms, struct observed_proxy *p, struct observed_dashboard *d)
{
	bool both, one;

	world.c->ask_now = world.c->open = true;
	observe(world.c, w.now_ms + ms);
	both = p->asking && d->asking;
	one = p->asking || d->asking;
	assert_true(both == one);
	return both;
}

ASK_TEST(a_costly_cluster_is_asked_seldom)
{
	struct observed_proxy *p = cluster_proxy(world.c, "127.0.0.1:1", true);
	struct observed_dashboard *d = cluster_dashboard(world.c, "127.0.0.1:1", true);

	world.c->http = http_client_new(&world.uv, NULL, NULL);
	assert_non_null(world.c->http);
	p->wanted = true;
	snprintf(d->uid, sizeof(d->uid), "uid");
	p->asked_ms = world.c->dashboard_asked_ms = w.now_ms;
	world.c->cost.over = true;
	assert_false(asks_after(9999, p, d));
	assert_true(asks_after(10000, p, d));
	p->asking = d->asking = false;
	p->asked_ms = world.c->dashboard_asked_ms = w.now_ms;
	world.c->cost.over = false;
	assert_true(asks_after(1, p, d));
	http_client_free(world.c->http);
	world.c->http = NULL;
}

/* --- what there was no memory to ask ------------------------------------------------------------------------------ */

TEST(what_there_was_no_memory_to_ask_is_asked_soon)
{
	NOMEM_EACH
	{
		begin(NULL);
		nomem_on();
		observe(world.c, w.now_ms + 10000);
		nomem_off();
		if (nomem_failed())
			assert_true(world.c->list_failed);
		else
			assert_false(world.c->list_failed);
		if (!nomem_failed())
			assert_int_equal(w.count, 3);
		answer_all();
		if (nomem_failed()) {
			observe(world.c, w.now_ms + 11000);
			assert_true(was_asked(FOLDER) && was_asked(PROXIES) && was_asked(LOCK));
			assert_false(world.c->list_failed);
		}
		finish(NULL);
	}
}

TEST(a_group_that_there_was_no_memory_to_read_is_read_soon)
{
	NOMEM_EACH
	{
		begin(NULL);
		nomem_on();
		observe_group(world.c, 1);
		nomem_off();
		assert_int_equal(world.c->list_failed, nomem_failed());
		assert_int_equal(w.count, !nomem_failed());
		finish(NULL);
	}
}

/* Before all entries were read, one that is not known to be there is not taken for one that is not. */
TEST(a_proxy_whose_entry_there_was_no_memory_to_read_may_be_registered)
{
	static const char *const names[] = { "proxy-t", "proxy-u" };
	struct question folder;

	NOMEM_EACH
	{
		begin(NULL);
		observe(world.c, w.now_ms + 10000);
		folder = take(PROXIES);
		answer_all();
		nomem_on();
		folder.names(folder.ctx, 2, names, NULL);
		nomem_off();
		assert_int_equal(world.c->list_failed, nomem_failed());
		assert_int_equal(w.count == 2, !nomem_failed());
		answer_all();
		assert_int_equal(world.c->proxies_read_ms != 0, !nomem_failed());
		finish(NULL);
	}
}
