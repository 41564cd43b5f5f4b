/* The coordinator and members that say what no ZooKeeper says. Each ends its session, and nothing else: the process
 * lives, the loop turns, an honest member is asked instead, and it is not tried again without a pause. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/codis/coordinator.h"
#include "tests/unit/fake_zk.h"
#include "tests/unit/test.h"

#define LIMIT_MS 30000

static struct world {
	uv_loop_t uv;
	uv_timer_t limit;
	struct fake_zk zk;
	struct coordinator *c;
	int done, count, lost, came;
	enum error_code code, lost_code;
	size_t len;
	char text[512], why[512], changed[128];
	uint64_t late_ms; /* the longest that the loop did not turn */
	uint64_t turned_ms;
	uv_timer_t tick;
	uv_prepare_t turn;
	int turns;
	struct buf say; /* what the evil member puts in place of its answers' bodies */
	int rc;
} w;

static void on_limit(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing came within %d ms", LIMIT_MS);
}

static void on_tick(uv_timer_t *t)
{
	uint64_t now = uv_hrtime() / 1000000;

	(void)t;
	if (w.turned_ms && now - w.turned_ms > w.late_ms)
		w.late_ms = now - w.turned_ms;
	w.turned_ms = now;
}

static void on_turn(uv_prepare_t *p)
{
	(void)p;
	w.turns++;
}

static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	uv_loop_init(&w.uv);
	uv_timer_init(&w.uv, &w.limit);
	uv_timer_init(&w.uv, &w.tick);
	uv_timer_start(&w.limit, on_limit, LIMIT_MS, 0);
	uv_timer_start(&w.tick, on_tick, 5, 5);
	uv_prepare_init(&w.uv, &w.turn);
	uv_prepare_start(&w.turn, on_turn);
	fake_zk_start(&w.zk, &w.uv, 2);
	fake_zk_put(&w.zk, "/a", "data", 4);
	fake_zk_put(&w.zk, "/a/b", "", 0);
	buf_init(&w.say, 8u << 20);
	return 0;
}

static int take_down(void **state)
{
	(void)state;
	coordinator_close(w.c);
	uv_close((uv_handle_t *)&w.limit, NULL);
	uv_close((uv_handle_t *)&w.tick, NULL);
	uv_close((uv_handle_t *)&w.turn, NULL);
	fake_zk_stop(&w.zk);
	assert_int_equal(uv_loop_close(&w.uv), 0);
	buf_release(&w.say);
	assert_true(w.late_ms < 1000);
	return 0;
}

#define EVIL_TEST(name) TEST_WITH(name, set_up, take_down)

static void on_changed(void *ctx, const char *path)
{
	(void)ctx;
	w.came += !path;
	if (path)
		snprintf(w.changed, sizeof(w.changed), "%s", path);
}

static void on_lost(void *ctx, const struct error *why)
{
	(void)ctx;
	w.lost++;
	w.lost_code = why->code;
	snprintf(w.why, sizeof(w.why), "%s", why->text);
}

static void open_at(const char *order)
{
	struct coordinator_config cfg = {
		.session_ms = 1000, .call_ms = 200, .on_changed = on_changed, .on_lost = on_lost
	};
	char servers[128];

	fake_zk_servers(&w.zk, order, servers, sizeof(servers));
	cfg.servers = servers;
	w.c = coordinator_open(&w.uv, &cfg, NULL);
	assert_non_null(w.c);
}

static void open_all(const char *order)
{
	open_at(order);
	while (w.came < (int)strlen(order))
		uv_run(&w.uv, UV_RUN_ONCE);
}

static void on_done(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		    const struct error *err)
{
	(void)ctx;
	(void)data;
	(void)stat;
	w.done++;
	w.len = len;
	w.code = err ? err->code : ERR_NONE;
	snprintf(w.text, sizeof(w.text), "%s", err ? err->text : "");
}

static void on_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	(void)ctx;
	(void)names;
	w.done++;
	w.count = count;
	w.code = err ? err->code : ERR_NONE;
	snprintf(w.text, sizeof(w.text), "%s", err ? err->text : "");
}

static void await(void)
{
	while (!w.done)
		uv_run(&w.uv, UV_RUN_ONCE);
	assert_int_equal(w.done, 1);
	w.done = 0;
}

static void get(const char *path)
{
	assert_int_equal(coordinator_get(w.c, path, on_done, NULL, NULL), 0);
	await();
}

static void list(const char *path)
{
	assert_int_equal(coordinator_list(w.c, path, on_names, NULL, NULL), 0);
	await();
}

static void await_lost(int n)
{
	while (w.lost < n)
		uv_run(&w.uv, UV_RUN_ONCE);
}

/* Behind the header of an answer (not that of a sync): w.say. */
static void say(struct fake_zk_member *m, int xid, struct buf *out)
{
	struct buf head = BUF_INIT(64);
	bool sync = strncmp(out->data + out->len - 2, "/a", 2) == 0;

	(void)m;
	if (xid <= 0 || sync)
		return;
	buf_add(&head, out->data, 16);
	buf_reset(out);
	buf_add(out, head.data, head.len);
	buf_add(out, w.say.data, w.say.len);
	buf_release(&head);
}

/* M1 says it, M2 is honest; the call is answered, and M1's session has ended with these words. */
static void expect_lost(const char *words)
{
	char text[600];

	await_lost(1);
	snprintf(text, sizeof(text), "ZooKeeper member 127.0.0.1:%u: %s", w.zk.members[0].port, words);
	assert_string_equal(w.why, text);
	assert_int_equal(w.code, ERR_NONE);
	fake_zk_pass(&w.uv, 300);
	assert_int_equal(w.lost, 1);
	assert_int_equal(w.zk.members[0].sessions, 1); /* not at once again */
}

static void list_from_evil(const char *words)
{
	w.zk.members[0].evil = say;
	open_all("12");
	list("/a");
	assert_int_equal(w.count, 1);
	expect_lost(words);
}

static void get_from_evil(const char *words)
{
	w.zk.members[0].evil = say;
	open_all("12");
	get("/a");
	assert_int_equal(w.len, 4);
	expect_lost(words);
}

EVIL_TEST(five_children_are_told_and_one_is_there)
{
	zk_int(&w.say, 5);
	zk_text(&w.say, "x", 1);
	list_from_evil("a child's name that is cut short");
}

EVIL_TEST(a_hundred_million_children)
{
	zk_int(&w.say, 100000000);
	buf_addstr(&w.say, "xxxxxxxxxxxxxxxxxxxx");
	list_from_evil("100000000 children, over the limit of 4096");
}

EVIL_TEST(two_thousand_million_children)
{
	zk_int(&w.say, INT32_MAX);
	buf_addstr(&w.say, "xxxxxxxxxxxxxxxxxxxx");
	list_from_evil("2147483647 children, over the limit of 4096");
}

EVIL_TEST(less_than_no_children)
{
	zk_int(&w.say, -1);
	list_from_evil("-1 children");
}

EVIL_TEST(data_of_a_length_that_cannot_be)
{
	zk_int(&w.say, -2);
	buf_addstr(&w.say, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	get_from_evil("data of -2 bytes");
}

EVIL_TEST(data_of_two_gigabytes)
{
	zk_int(&w.say, INT32_MAX);
	buf_addstr(&w.say, "x");
	get_from_evil("data of 2147483647 bytes, over the limit of 1048576");
}

EVIL_TEST(data_that_goes_past_its_frame)
{
	zk_int(&w.say, 200);
	buf_addstr(&w.say, "x");
	get_from_evil("data that is cut short");
}

EVIL_TEST(nothing_at_all)
{
	get_from_evil("data that is cut short");
}

static void in_another_order(struct fake_zk_member *m, int xid, struct buf *out)
{
	(void)m;
	if (xid > 0)
		out->data[0] = 0x11;
}

EVIL_TEST(answers_in_another_order)
{
	w.zk.members[0].evil = in_another_order;
	open_all("12");
	get("/a");
	assert_int_equal(w.len, 4);
	expect_lost("run time inconsistency");
}

/* Behind the answer to its connection: what nobody asked for. */
static void unasked(struct fake_zk_member *m, int xid, struct buf *out)
{
	BUF_CLEANUP struct buf first = BUF_INIT(1024);

	(void)m;
	buf_add(&first, out->data, out->len);
	buf_reset(out);
	zk_text(out, first.data, (int)first.len);
	if (xid == 0)
		buf_add(out, w.say.data, w.say.len);
}

static void answer_unasked(int xid, int rc, const char *words)
{
	w.zk.members[0].evil = unasked;
	w.zk.members[0].raw = true;
	zk_int(&w.say, 16);
	zk_int(&w.say, xid);
	zk_long(&w.say, 1);
	zk_int(&w.say, rc);
	open_all("12");
	expect_lost(words);
}

EVIL_TEST(an_answer_to_no_question)
{
	answer_unasked(5, 0, "an answer that nobody asked for");
}

EVIL_TEST(an_authentication_is_refused_that_nobody_tried)
{
	answer_unasked(-4, -115, "an answer to request -4, which nobody sent");
}

EVIL_TEST(a_watch_with_a_path_that_is_not_there)
{
	w.zk.members[0].evil = unasked;
	w.zk.members[0].raw = true;
	zk_int(&w.say, 28);
	zk_int(&w.say, -1);
	zk_long(&w.say, -1);
	zk_int(&w.say, 0);
	zk_int(&w.say, 3);
	zk_int(&w.say, 3);
	zk_int(&w.say, INT32_MAX);
	open_all("12");
	expect_lost("a watch event's path of 2147483647 bytes, over the limit of 4096");
}

EVIL_TEST(a_frame_without_an_end)
{
	w.zk.members[0].evil = unasked;
	w.zk.members[0].raw = true;
	zk_int(&w.say, INT32_MAX);
	open_all("12");
	expect_lost("a frame of 2147483647 bytes, over the limit of 1049600");
}

static void no_session(struct fake_zk_member *m, int xid, struct buf *out)
{
	(void)m;
	if (xid == 0)
		memset(out->data + 4, 0, 4);
}

EVIL_TEST(a_session_of_no_time)
{
	w.zk.members[0].evil = no_session;
	open_at("12");
	await_lost(1);
	get("/a");
	expect_lost("a session's time-out of 0 ms");
}

/* With each answer to a get it says that the node has changed since. */
static void restless(struct fake_zk_member *m, int xid, struct buf *out)
{
	BUF_CLEANUP struct buf first = BUF_INIT(4096);
	bool get = xid > 0 && strncmp(out->data + out->len - 2, "/a", 2) != 0;

	(void)m;
	buf_add(&first, out->data, out->len);
	buf_reset(out);
	zk_text(out, first.data, (int)first.len);
	if (!get)
		return;
	zk_int(out, 4 + 8 + 4 + 4 + 4 + 4 + 2);
	zk_int(out, -1);
	zk_long(out, -1);
	zk_int(out, 0);
	zk_int(out, 3);
	zk_int(out, 3);
	zk_text(out, "/a", 2);
}

/* Whoever reads again at each change would do nothing else. */
EVIL_TEST(a_node_that_never_rests)
{
	int reads = 0;

	w.zk.members[0].evil = restless;
	w.zk.members[0].raw = true;
	open_all("1");
	while (reads < 100000) {
		w.changed[0] = '\0';
		w.came = 0;
		get("/a");
		reads++;
		fake_zk_pass(&w.uv, 0);
		if (!w.changed[0])
			break;
	}
	assert_true(reads >= 2000 && reads < 10000);
	while (!w.came) /* but it is told that something may have changed */
		uv_run(&w.uv, UV_RUN_ONCE);
}

/* --- a frame in pieces -------------------------------------------------------------------------------------------- */

/* The answer to a get is 900 KiB: more than a socket holds at first. */
EVIL_TEST(a_large_node_is_read_whole)
{
	char *big = malloc(900 * 1024);

	memset(big, 'x', 900 * 1024);
	fake_zk_put(&w.zk, "/big", big, 900 * 1024);
	free(big);
	open_all("1");
	get("/big");
	assert_int_equal(w.code, ERR_NONE);
	assert_int_equal(w.len, 900 * 1024);
	get("/a");
	assert_int_equal(w.len, 4);
	assert_int_equal(w.lost, 0);
}

EVIL_TEST(a_node_over_the_limit_is_told_as_one)
{
	char *big = malloc(3 << 20), text[300];

	memset(big, 'x', 3 << 20);
	fake_zk_put(&w.zk, "/big", big, 3 << 20);
	free(big);
	open_all("1");
	get("/big");
	assert_int_equal(w.code, ERR_TOOBIG);
	snprintf(text, sizeof(text),
		 "ZooKeeper get /big: ZooKeeper member 127.0.0.1:%u: a frame of 3145816 bytes, over the limit of "
		 "1049600",
		 w.zk.members[0].port);
	assert_string_equal(w.text, text);
}

EVIL_TEST(four_thousand_children)
{
	char path[64];

	fake_zk_put(&w.zk, "/many", "", 0);
	for (int i = 0; i < 4000; i++) {
		snprintf(path, sizeof(path), "/many/n%05d", i);
		fake_zk_put(&w.zk, path, "", 0);
	}
	w.turned_ms = 0; /* that took the loop a while */
	open_all("1");
	list("/many");
	assert_int_equal(w.code, ERR_NONE);
	assert_int_equal(w.count, 4000);
	w.late_ms = 0; /* and so did the fake's search */
}

/* Of an answer to a get or a list the first bytes. */
static void hold(struct fake_zk_member *m, int xid, struct buf *out)
{
	bool sync = strncmp(out->data + out->len - 2, "/a", 2) == 0;
	BUF_CLEANUP struct buf whole = BUF_INIT(1 << 20);

	(void)m;
	zk_text(&whole, out->data, (int)out->len);
	buf_reset(out);
	if (xid <= 0 || sync) {
		buf_add(out, whole.data, whole.len);
		return;
	}
	buf_add(out, whole.data, 7);
}

EVIL_TEST(an_answer_in_small_pieces_is_one)
{
	w.zk.members[0].drip_ms = 3;
	open_all("1");
	get("/a");
	assert_int_equal(w.code, ERR_NONE);
	assert_int_equal(w.len, 4);
	fake_zk_pass(&w.uv, 1500); /* longer than the rest of a frame is waited for: this one has come */
	assert_int_equal(w.lost, 0);
}

EVIL_TEST(the_rest_of_a_frame_that_does_not_come)
{
	w.zk.members[0].evil = hold;
	w.zk.members[0].raw = true;
	open_all("12");
	get("/a");
	assert_int_equal(w.len, 4);
	await_lost(1);
	assert_int_equal(w.lost_code, ERR_TIMEOUT);
	assert_non_null(strstr(w.why, ": the rest of a frame of 96 bytes did not come"));
	assert_true(w.turns < 1000); /* a second, and the loop has slept */
}

EVIL_TEST(a_member_that_goes_within_a_frame)
{
	w.zk.members[0].evil = hold;
	w.zk.members[0].raw = true;
	open_all("12");
	get("/a");
	fake_zk_cut(&w.zk.members[0]);
	await_lost(1);
	assert_int_equal(w.lost_code, ERR_IO);
	assert_non_null(strstr(w.why, "it has closed the connection within a frame"));
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

static struct fake_zk_how sets_hang(struct fake_zk_member *m, const char *op, const char *path)
{
	(void)m;
	(void)path;
	return (struct fake_zk_how){ strcmp(op, "set") == 0 ? ZK_HANG : ZK_SERVE, 100 };
}

static void ignore(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		   const struct error *err)
{
	(void)ctx;
	(void)data;
	(void)len;
	(void)stat;
	(void)err;
}

/* A member that reads no more, with its socket full: the end does not wait for it. */
EVIL_TEST(closing_does_not_wait_for_a_member_that_hangs)
{
	char *big = calloc(1, 200000);
	uint64_t began;

	w.zk.hook = sets_hang;
	open_all("1");
	for (int i = 0; i < 100; i++)
		assert_int_equal(coordinator_set(w.c, "/a", big, 200000, 0, ignore, NULL, NULL), 0);
	free(big);
	w.zk.members[0].deaf = true;
	fake_zk_pass(&w.uv, 100);
	began = uv_hrtime();
	coordinator_close(w.c);
	w.c = NULL;
	assert_true((uv_hrtime() - began) / 1000000 < 1000);
}
