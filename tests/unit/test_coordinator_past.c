/* The coordinator and members that lag, are slow, lose answers or come back from the dead: nothing of the past is taken
 * for the present, and nothing is done that was not meant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/codis/coordinator.h"
#include "tests/unit/fake_zk.h"
#include "tests/unit/test.h"

#define LIMIT_MS 30000
#define GROUP    "/codis3/x/group/group-0001"
#define LOCK     "/codis3/x/topom"

struct said {
	int done, version, count;
	int64_t czxid;
	enum error_code code;
	char text[512], data[128];
};

static struct world {
	uv_loop_t uv;
	uv_timer_t limit, later;
	struct fake_zk zk;
	struct coordinator *c;
	struct said said[4];
	int times; /* a hook's own */
	int whole; /* times that everything may have changed */
} w;

static void on_limit(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing came within %d ms", LIMIT_MS);
}

static void on_changed(void *ctx, const char *path)
{
	(void)ctx;
	w.whole += !path;
}

static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	uv_loop_init(&w.uv);
	uv_timer_init(&w.uv, &w.limit);
	uv_timer_init(&w.uv, &w.later);
	uv_timer_start(&w.limit, on_limit, LIMIT_MS, 0);
	fake_zk_start(&w.zk, &w.uv, 3);
	fake_zk_put(&w.zk, "/codis3", "", 0);
	fake_zk_put(&w.zk, "/codis3/x", "", 0);
	fake_zk_put(&w.zk, "/codis3/x/group", "", 0);
	return 0;
}

static int take_down(void **state)
{
	(void)state;
	coordinator_close(w.c);
	uv_close((uv_handle_t *)&w.limit, NULL);
	uv_close((uv_handle_t *)&w.later, NULL);
	fake_zk_stop(&w.zk);
	assert_int_equal(uv_loop_close(&w.uv), 0);
	return 0;
}

#define PAST_TEST(name) TEST_WITH(name, set_up, take_down)

/* Until each of the members, given in their order, is connected. */
static void open_for(const char *order, int call_ms)
{
	struct coordinator_config cfg = { .session_ms = 4000, .call_ms = call_ms, .on_changed = on_changed };
	char servers[128];
	int ready = 0;

	fake_zk_servers(&w.zk, order, servers, sizeof(servers));
	cfg.servers = servers;
	w.c = coordinator_open(&w.uv, &cfg, NULL);
	assert_non_null(w.c);
	while (ready < (int)strlen(order)) {
		uv_run(&w.uv, UV_RUN_ONCE);
		ready = w.whole;
	}
}

static void open_at(const char *order)
{
	open_for(order, 200);
}

static void on_done(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		    const struct error *err)
{
	struct said *s = ctx;

	s->done++;
	s->code = err ? err->code : ERR_NONE;
	s->version = stat->version;
	s->czxid = stat->czxid;
	snprintf(s->data, sizeof(s->data), "%.*s", (int)len, data ? data : "");
	snprintf(s->text, sizeof(s->text), "%s", err ? err->text : "");
}

static void on_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct said *s = ctx;

	s->done++;
	s->code = err ? err->code : ERR_NONE;
	s->count = count;
	snprintf(s->data, sizeof(s->data), "%s", count ? names[0] : "");
	snprintf(s->text, sizeof(s->text), "%s", err ? err->text : "");
}

static const struct said *await(int i)
{
	while (!w.said[i].done)
		uv_run(&w.uv, UV_RUN_ONCE);
	assert_int_equal(w.said[i].done, 1);
	return &w.said[i];
}

static const struct said *get(const char *path)
{
	w.said[0] = (struct said){ 0 };
	assert_int_equal(coordinator_get(w.c, path, on_done, &w.said[0], NULL), 0);
	return await(0);
}

static const struct said *list(const char *path)
{
	w.said[0] = (struct said){ 0 };
	assert_int_equal(coordinator_list(w.c, path, on_names, &w.said[0], NULL), 0);
	return await(0);
}

static const struct said *set(const char *path, const char *data, int version)
{
	w.said[0] = (struct said){ 0 };
	assert_int_equal(coordinator_set(w.c, path, data, strlen(data), version, on_done, &w.said[0], NULL), 0);
	return await(0);
}

static const struct said *make(const char *path, const char *data)
{
	w.said[0] = (struct said){ 0 };
	assert_int_equal(coordinator_create(w.c, path, data, strlen(data), on_done, &w.said[0], NULL), 0);
	return await(0);
}

static const struct said *drop(const char *path, int version, int64_t czxid)
{
	struct coordinator_stat what = { .version = version, .czxid = czxid };

	w.said[0] = (struct said){ 0 };
	assert_int_equal(coordinator_delete(w.c, path, &what, on_done, &w.said[0], NULL), 0);
	return await(0);
}

static void on_later(uv_timer_t *t)
{
	((void (*)(void))t->data)();
}

static void later(int ms, void (*what)(void))
{
	w.later.data = (void *)what;
	uv_timer_start(&w.later, on_later, (uint64_t)ms, 0);
}

static bool logged(const char *line)
{
	return strstr(w.zk.log.data, line) != NULL;
}

/* --- never the past ----------------------------------------------------------------------------------------------- */

static struct fake_zk_how first_get_at_m1_is_slow(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)path;
	if (m->number == 1 && strcmp(op, "get") == 0 && !w.times++)
		return (struct fake_zk_how){ ZK_LATE, 1000 };
	return (struct fake_zk_how){ 0 };
}

/* A write is done by M1, which is slow then; M3 is next, and lags. */
PAST_TEST(an_older_version_is_never_read_after_a_newer_one)
{
	fake_zk_put(&w.zk, GROUP, "A first", 7);
	fake_zk_freeze(&w.zk.members[2]);
	w.zk.hook = first_get_at_m1_is_slow;
	open_at("132");
	assert_int_equal(set(GROUP, "B first", 0)->version, 1);
	get(GROUP);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_string_equal(w.said[0].data, "B first");
	assert_int_equal(w.said[0].version, 1);
	assert_true(logged("M3 get")); /* it was asked, and not believed */
	assert_true(logged("M2 get"));
}

/* The same of a node that is gone, or not yet there: a failure is as old as a success. */
PAST_TEST(a_node_is_not_gone_because_a_member_has_not_heard_of_it)
{
	fake_zk_freeze(&w.zk.members[2]);
	w.zk.hook = first_get_at_m1_is_slow;
	open_at("132");
	assert_int_equal(make(GROUP, "A first")->code, ERR_NONE);
	get(GROUP);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_string_equal(w.said[0].data, "A first");
	assert_true(logged("M3 get"));
}

static struct fake_zk_how lists_at_m1_are_lost(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)path;
	return (struct fake_zk_how){ m->number == 1 && strcmp(op, "list") == 0 ? ZK_LOST : ZK_SERVE, 0 };
}

PAST_TEST(nor_are_children_missing)
{
	fake_zk_freeze(&w.zk.members[2]);
	w.zk.hook = lists_at_m1_are_lost;
	open_at("132");
	assert_int_equal(make(GROUP, "A first")->code, ERR_NONE);
	list("/codis3/x/group");
	assert_int_equal(w.said[0].count, 1);
	assert_string_equal(w.said[0].data, "group-0001");
	assert_true(logged("M3 list"));
}

/* A member that is cut from its leader serves what it has, and answers no sync. */
static struct fake_zk_how m1_is_cut_off(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)path;
	return (struct fake_zk_how){ m->number == 1 && strcmp(op, "sync") == 0 ? ZK_STALL : ZK_SERVE, 0 };
}

PAST_TEST(who_has_seen_nothing_yet_does_not_begin_with_the_past)
{
	fake_zk_put(&w.zk, GROUP, "A first", 7);
	fake_zk_freeze(&w.zk.members[0]);
	fake_zk_put(&w.zk, GROUP, "B first", 7);
	w.zk.hook = m1_is_cut_off;
	open_at("12");
	get(GROUP);
	assert_string_equal(w.said[0].data, "B first");
}

/* It gets a new session: what the ensemble agrees on then is no older. */
PAST_TEST(a_member_that_lags_gets_a_new_session)
{
	fake_zk_put(&w.zk, GROUP, "A first", 7);
	fake_zk_freeze(&w.zk.members[2]);
	w.zk.hook = lists_at_m1_are_lost;
	open_at("13");
	assert_int_equal(set(GROUP, "B first", 0)->code, ERR_NONE);
	list("/codis3/x/group");
	assert_int_equal(w.said[0].code, ERR_TIMEOUT);
	while (w.zk.members[2].sessions < 2)
		uv_run(&w.uv, UV_RUN_ONCE);
}

/* The ensemble was restored from a copy: with sessions that were made since, it is believed. */
PAST_TEST(an_ensemble_that_went_back_is_believed_in_the_end)
{
	fake_zk_put(&w.zk, GROUP, "A first", 7);
	open_at("1");
	fake_zk_freeze(&w.zk.members[0]);
	assert_int_equal(set(GROUP, "B first", 0)->code, ERR_NONE);
	get(GROUP);
	assert_int_not_equal(w.said[0].code, ERR_NONE);
	while (!coordinator_ready(w.c) || w.zk.members[0].sessions < 2)
		uv_run(&w.uv, UV_RUN_ONCE);
	get(GROUP);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_string_equal(w.said[0].data, "A first");
}

/* --- late, and definite ------------------------------------------------------------------------------------------- */

static struct fake_zk_how all_take_250_ms(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)m;
	(void)path;
	return (struct fake_zk_how){ strcmp(op, "sync") == 0 ? ZK_SERVE : ZK_LATE, 250 };
}

/* A disk that waits: longer than the time for one attempt. */
PAST_TEST(an_answer_that_is_late_counts)
{
	fake_zk_put(&w.zk, GROUP, "a", 1);
	w.zk.hook = all_take_250_ms;
	open_at("123");
	set(GROUP, "b", 0);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_int_equal(w.said[0].version, 1);
	get(GROUP);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_string_equal(w.said[0].data, "b");
	assert_int_equal(make("/codis3/x/group/group-0002", "c")->code, ERR_NONE);
	assert_int_equal(drop(GROUP, 1, fake_zk_find(&w.zk, GROUP)->czxid)->code, ERR_NONE);
	assert_null(fake_zk_find(&w.zk, GROUP));
}

PAST_TEST(an_answer_that_is_late_counts_where_nobody_else_can_be_asked)
{
	fake_zk_put(&w.zk, GROUP, "a", 1);
	w.zk.hook = all_take_250_ms;
	open_at("1");
	assert_int_equal(set(GROUP, "b", 0)->code, ERR_NONE);
	assert_int_equal(get(GROUP)->code, ERR_NONE);
}

/* --- equal bytes are no fence ------------------------------------------------------------------------------------- */

static struct fake_zk_how a_rival_is_faster(struct fake_zk_member *m, const char *op, const char *path)
{
	struct fake_zk_node *n = fake_zk_find(m->zk, path);

	if (strcmp(op, "set") != 0 || w.times++)
		return (struct fake_zk_how){ 0 };
	free(n->data);
	n->data = strdup("b");
	n->version++;
	n->mzxid = ++m->zk->tree.zxid;
	return (struct fake_zk_how){ ZK_STALL, 0 };
}

PAST_TEST(the_same_bytes_of_a_rival_are_a_conflict)
{
	fake_zk_put(&w.zk, GROUP, "a", 1);
	w.zk.hook = a_rival_is_faster;
	open_at("123");
	set(GROUP, "b", 0);
	assert_int_equal(w.said[0].code, ERR_CONFLICT);
	assert_string_equal(w.said[0].text, "ZooKeeper set " GROUP ": bad version");
}

static struct fake_zk_how first_set_is_answered_late(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)m;
	(void)path;
	if (strcmp(op, "set") == 0 && !w.times++)
		return (struct fake_zk_how){ ZK_LATE, 300 };
	return (struct fake_zk_how){ 0 };
}

/* The second attempt meets the first one's work: the first one's answer tells whose it is. */
PAST_TEST(ones_own_first_attempt_is_no_rival)
{
	fake_zk_put(&w.zk, GROUP, "a", 1);
	w.zk.hook = first_set_is_answered_late;
	open_at("123");
	set(GROUP, "b", 0);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_int_equal(w.said[0].version, 1);
	assert_true(logged("M2 set"));
}

static void cut_m3(void)
{
	fake_zk_cut(&w.zk.members[2]);
}

/* The second one refuses when all three are asked, then the third one's connection ends, then the first one answers. */
static struct fake_zk_how all_are_asked_before_one_answers(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)path;
	if (strcmp(op, "set") != 0)
		return (struct fake_zk_how){ 0 };
	if (m->number == 3)
		later(300, cut_m3);
	return (struct fake_zk_how){ m->number == 3 ? ZK_STALL : ZK_LATE, m->number == 1 ? 1000 : 400 };
}

/* Nor is one that is lost meanwhile a reason not to wait for it. */
PAST_TEST(ones_own_first_attempt_is_awaited)
{
	fake_zk_put(&w.zk, GROUP, "a", 1);
	w.zk.hook = all_are_asked_before_one_answers;
	open_for("123", 1000);
	set(GROUP, "b", 0);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_int_equal(w.said[0].version, 1);
	assert_true(logged("M3 set"));
}

static struct fake_zk_how m1_has_lost_its_power(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)path;
	return (struct fake_zk_how){ m->number == 1 && strcmp(op, "set") == 0 ? ZK_STALL : ZK_SERVE, 0 };
}

/* Nobody tells that: a fence is no later for it than it must be. */
PAST_TEST(a_write_without_an_answer_is_asked_of_the_next_member_soon)
{
	uint64_t began_ms;

	fake_zk_put(&w.zk, GROUP, "a", 1);
	w.zk.hook = m1_has_lost_its_power;
	open_for("123", 2000);
	uv_update_time(&w.uv);
	began_ms = uv_now(&w.uv);
	set(GROUP, "b", 0);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_int_equal(w.said[0].version, 1);
	assert_in_range(uv_now(&w.uv) - began_ms, 400, 1900);
}

/* --- somebody waits ------------------------------------------------------------------------------------------------
 */

static const struct said *set_within(int ms)
{
	w.said[0] = (struct said){ 0 };
	assert_int_equal(coordinator_set_within(w.c, GROUP, "b", 1, 0, ms, on_done, &w.said[0], NULL), 0);
	return await(0);
}

static const struct said *get_within(int ms)
{
	w.said[0] = (struct said){ 0 };
	assert_int_equal(coordinator_get_within(w.c, GROUP, ms, on_done, &w.said[0], NULL), 0);
	return await(0);
}

static struct fake_zk_how all_are_late(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)m;
	(void)op;
	(void)path;
	return (struct fake_zk_how){ ZK_LATE, 700 };
}

static struct fake_zk_how m1_hangs(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)op;
	(void)path;
	return (struct fake_zk_how){ m->number == 1 ? ZK_STALL : ZK_SERVE, 0 };
}

static uint64_t passed_ms(uint64_t since_ms)
{
	uv_update_time(&w.uv);
	return uv_now(&w.uv) - since_ms;
}

/* As while the members do without their leader: what was sent is done once they have another one. */
PAST_TEST(what_somebody_waits_for_is_given_up_in_time)
{
	uint64_t began_ms;

	fake_zk_put(&w.zk, GROUP, "a", 1);
	open_for("123", 500);
	w.zk.hook = all_are_late;
	began_ms = passed_ms(0);
	assert_int_equal(get_within(150)->code, ERR_TIMEOUT);
	assert_in_range(passed_ms(began_ms), 140, 400);
	began_ms = passed_ms(0);
	assert_int_equal(set_within(300)->code, ERR_TIMEOUT);
	assert_in_range(passed_ms(began_ms), 290, 600);
	fake_zk_pass(&w.uv, 800);
	assert_int_equal(w.said[0].done, 1);
	assert_int_equal(fake_zk_find(&w.zk, GROUP)->version, 1);
}

PAST_TEST(it_is_asked_of_the_next_member_before)
{
	fake_zk_put(&w.zk, GROUP, "a", 1);
	open_for("123", 500);
	w.zk.hook = m1_hangs;
	assert_int_equal(get_within(250)->code, ERR_NONE);
	assert_int_equal(set_within(250)->code, ERR_NONE);
	assert_int_equal(w.said[0].version, 1);
}

/* --- deletes ------------------------------------------------------------------------------------------------------ */

static void take_the_lock(void)
{
	fake_zk_put(&w.zk, LOCK, "NEW", 3);
}

static struct fake_zk_how first_delete_is_lost(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)m;
	(void)path;
	if (strcmp(op, "delete") != 0 || w.times++)
		return (struct fake_zk_how){ 0 };
	later(100, take_the_lock);
	return (struct fake_zk_how){ ZK_LOST, 0 };
}

/* The lock of a dead dashboard is removed, the answer is lost; a new dashboard takes it, with version 0 again. */
PAST_TEST(a_delete_is_not_repeated_on_the_node_that_was_made_anew)
{
	fake_zk_put(&w.zk, LOCK, "OLD", 3);
	w.zk.hook = first_delete_is_lost;
	open_at("123");
	get(LOCK);
	drop(LOCK, 0, w.said[0].czxid);
	assert_int_equal(w.said[0].code, ERR_NONE);
	assert_int_equal(w.times, 1);
	assert_string_equal(fake_zk_find(&w.zk, LOCK)->data, "NEW");
}

static struct fake_zk_how m1_hangs_at_the_first_delete(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)path;
	if (m->number == 1 && strcmp(op, "delete") == 0 && !w.times++)
		return (struct fake_zk_how){ ZK_HANG, 1500 };
	return (struct fake_zk_how){ 0 };
}

/* It hangs with the delete in its socket. Whether it will yet be done is not known, so no second one is sent that would
 * make room for a new lock, which the first one would take then. */
PAST_TEST(a_delete_in_doubt_is_not_followed_by_another)
{
	int64_t czxid;

	fake_zk_put(&w.zk, LOCK, "OLD", 3);
	w.zk.hook = m1_hangs_at_the_first_delete;
	open_at("123");
	czxid = get(LOCK)->czxid;
	drop(LOCK, 0, czxid);
	assert_int_equal(w.said[0].code, ERR_TIMEOUT);
	assert_string_equal(w.said[0].text, "ZooKeeper delete " LOCK ": operation timeout");
	assert_string_equal(fake_zk_find(&w.zk, LOCK)->data, "OLD");
	drop(LOCK, 0, czxid);
	assert_int_equal(w.said[0].code, ERR_TIMEOUT);
	assert_string_equal(w.said[0].text,
			    "ZooKeeper delete " LOCK ": an earlier one was not answered, and may yet be done");
	assert_false(logged("delete"));
	while (fake_zk_find(&w.zk, LOCK)) /* the hung member goes on, and does it */
		uv_run(&w.uv, UV_RUN_ONCE);
	take_the_lock();
	assert_int_equal(drop(LOCK, 0, czxid)->code, ERR_NONE); /* that one is gone */
	fake_zk_pass(&w.uv, 100);
	assert_string_equal(fake_zk_find(&w.zk, LOCK)->data, "NEW");
}

PAST_TEST(it_must_be_said_which_node_is_deleted)
{
	struct coordinator_stat what = { .version = 0 };
	struct error err;

	open_at("1");
	assert_int_equal(coordinator_delete(w.c, LOCK, &what, on_done, &w.said[0], &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	what = (struct coordinator_stat){ .version = -1, .czxid = 7 };
	assert_int_equal(coordinator_delete(w.c, LOCK, &what, on_done, &w.said[0], &err), -1);
	assert_string_equal(err.text, "ZooKeeper delete " LOCK ": it is not said which node");
}

/* --- errors say what failed --------------------------------------------------------------------------------------- */

static struct fake_zk_how a_is_not_made(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)m;
	return (struct fake_zk_how){ strcmp(op, "create") == 0 && strcmp(path, "/a") == 0 ? ZK_STALL : ZK_SERVE, 0 };
}

PAST_TEST(what_keeps_the_parent_from_being_made_is_told)
{
	w.zk.hook = a_is_not_made;
	open_at("1");
	make("/a/b", "c");
	assert_int_equal(w.said[0].code, ERR_TIMEOUT);
	assert_string_equal(w.said[0].text,
			    "ZooKeeper create /a/b: its parent: ZooKeeper create /a: operation timeout");
}
