/* What of a ZooKeeper member's bytes may be given to its client library. */
#include <string.h>

#include "common/base/error.h"
#include "common/codis/zk_frame.h"
#include "tests/unit/fake_zk.h"
#include "tests/unit/test.h"

static struct buf body, all;
static struct zk_frame frame;
static struct error err;

static void header(int xid, int rc)
{
	buf_init(&body, 8u << 20);
	zk_int(&body, xid);
	zk_long(&body, 77);
	zk_int(&body, rc);
}

static void zeros(int n)
{
	for (int i = 0; i < n; i++)
		buf_addch(&body, 0);
}

/* What is made of body as a frame. */
static int check(enum zk_kind due)
{
	int r;

	buf_init(&all, 8u << 20);
	zk_text(&all, body.data, (int)body.len);
	err = (struct error)ERROR_INIT;
	r = zk_frame_check(due, all.data, all.len, &frame, &err);
	buf_release(&all);
	buf_release(&body);
	return r;
}

static void refused(enum zk_kind due, enum error_code code, const char *words)
{
	assert_int_equal(check(due), -1);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, words);
}

static void connect_frame(int timeout, int password, int read_only)
{
	buf_init(&body, 1024);
	zk_int(&body, 0);
	zk_int(&body, timeout);
	zk_long(&body, 0x1234);
	zk_int(&body, password);
	zeros(16);
	if (read_only >= 0)
		buf_addch(&body, (char)read_only);
}

TEST(a_frame_is_whole_or_says_how_much_it_needs)
{
	static const char part[] = { 0, 0, 0, 16, 0, 0, 0, 1 };

	for (size_t have = 0; have < 4; have++) {
		assert_int_equal(zk_frame_check(ZK_VOID, part, have, &frame, &err), 0);
		assert_int_equal(frame.size, 4);
	}
	assert_int_equal(zk_frame_check(ZK_VOID, part, sizeof(part), &frame, &err), 0);
	assert_int_equal(frame.size, 20);
	header(5, 0);
	assert_int_equal(check(ZK_VOID), 1);
	assert_true(frame.answer);
	assert_int_equal(frame.zxid, 77);
}

TEST(honest_answers_pass)
{
	header(5, 0);
	zk_text(&body, "data", 4);
	zeros(68);
	assert_int_equal(check(ZK_DATA), 1);
	header(5, 0);
	zk_int(&body, -1); /* made without data */
	zeros(68);
	assert_int_equal(check(ZK_DATA), 1);
	header(5, 0);
	zeros(68);
	assert_int_equal(check(ZK_STAT), 1);
	header(5, 0);
	zk_int(&body, 2);
	zk_text(&body, "a", 1);
	zk_text(&body, "b", 1);
	zeros(68);
	assert_int_equal(check(ZK_NAMES), 1);
	header(5, 0);
	zk_text(&body, "/a", 2);
	assert_int_equal(check(ZK_PATH), 1);
	for (int due = ZK_DATA; due <= ZK_VOID; due++) {
		header(5, -101);
		assert_int_equal(check((enum zk_kind)due), 1);
		assert_true(frame.answer);
	}
}

TEST(what_comes_unasked)
{
	header(-2, 0);
	assert_int_equal(check(ZK_NOTHING), 1);
	assert_false(frame.answer);
	header(-1, 0);
	zk_int(&body, 3);
	zk_int(&body, 3);
	zk_text(&body, "/a", 2);
	assert_int_equal(check(ZK_DATA), 1);
	assert_false(frame.answer);
	header(5, 0);
	refused(ZK_NOTHING, ERR_PROTOCOL, "an answer that nobody asked for");
	header(5, -101);
	refused(ZK_NOTHING, ERR_PROTOCOL, "an answer that nobody asked for");
	header(-4, -115);
	refused(ZK_VOID, ERR_PROTOCOL, "an answer to request -4, which nobody sent");
	header(-8, 0);
	refused(ZK_VOID, ERR_PROTOCOL, "an answer to request -8, which nobody sent");
	header(-1, 0);
	zk_int(&body, -1);
	zk_int(&body, 3);
	zk_text(&body, "/a", 2);
	refused(ZK_VOID, ERR_PROTOCOL, "a watch event of type -1");
	header(-1, 0);
	zk_int(&body, 5);
	zk_int(&body, 3);
	zk_text(&body, "/a", 2);
	refused(ZK_VOID, ERR_PROTOCOL, "a watch event of type 5");
	header(-1, 0);
	zk_int(&body, 3);
	zk_int(&body, 3);
	zk_int(&body, 2000);
	refused(ZK_VOID, ERR_PROTOCOL, "a watch event's path that is cut short");
	header(-1, 0);
	zk_int(&body, 3);
	zk_int(&body, 3);
	zk_text(&body, "/a\0b", 4);
	refused(ZK_VOID, ERR_PROTOCOL, "a watch event's path with a byte that no name has");
	header(-1, 0);
	refused(ZK_VOID, ERR_PROTOCOL, "a watch event that is cut short");
}

static void names(int count)
{
	header(5, 0);
	zk_int(&body, count);
}

TEST(children_are_all_there)
{
	names(5);
	zk_text(&body, "x", 1);
	refused(ZK_NAMES, ERR_PROTOCOL, "a child's name that is cut short");
	names(100000000);
	zeros(20);
	refused(ZK_NAMES, ERR_TOOBIG, "100000000 children, over the limit of 4096");
	names(INT32_MAX);
	refused(ZK_NAMES, ERR_TOOBIG, "2147483647 children, over the limit of 4096");
	names(-1);
	refused(ZK_NAMES, ERR_PROTOCOL, "-1 children");
	names(1);
	zk_int(&body, INT32_MAX);
	refused(ZK_NAMES, ERR_TOOBIG, "a child's name of 2147483647 bytes, over the limit of 255");
	names(1);
	zk_int(&body, -5);
	refused(ZK_NAMES, ERR_PROTOCOL, "a child's name of -5 bytes");
	names(1);
	zk_text(&body, "", 0);
	zeros(68);
	refused(ZK_NAMES, ERR_PROTOCOL, "a child's name of 0 bytes");
	names(1);
	zk_text(&body, "a/b", 3);
	zeros(68);
	refused(ZK_NAMES, ERR_PROTOCOL, "a child's name with a byte that no name has");
	names(1);
	zk_text(&body, "a", 1);
	zeros(67);
	refused(ZK_NAMES, ERR_PROTOCOL, "a stat that is cut short");
	header(5, 0);
	refused(ZK_NAMES, ERR_PROTOCOL, "a list of children that is cut short");
}

static void data_of(int len, int there)
{
	header(5, 0);
	zk_int(&body, len);
	zeros(there);
}

TEST(data_has_its_length)
{
	data_of(INT32_MAX, 1);
	refused(ZK_DATA, ERR_TOOBIG, "data of 2147483647 bytes, over the limit of 1048576");
	data_of(-2, 80);
	refused(ZK_DATA, ERR_PROTOCOL, "data of -2 bytes");
	data_of(-5, 80);
	refused(ZK_DATA, ERR_PROTOCOL, "data of -5 bytes");
	data_of(100, 99);
	refused(ZK_DATA, ERR_PROTOCOL, "data that is cut short");
	data_of(100, 100 + 67);
	refused(ZK_DATA, ERR_PROTOCOL, "a stat that is cut short");
	header(5, 0);
	refused(ZK_DATA, ERR_PROTOCOL, "data that is cut short");
	data_of((1 << 20) + 1, 0);
	refused(ZK_DATA, ERR_TOOBIG, "data of 1048577 bytes, over the limit of 1048576");
	data_of(1 << 20, (1 << 20) + 68);
	assert_int_equal(check(ZK_DATA), 1);
	header(5, 0);
	zeros(67);
	refused(ZK_STAT, ERR_PROTOCOL, "a stat that is cut short");
	header(5, 0);
	refused(ZK_PATH, ERR_PROTOCOL, "a path that is cut short");
}

/* What comes right behind it is another frame's. */
TEST(a_frame_ends_where_it_says)
{
	header(5, 0);
	zk_int(&body, 100);
	zeros(99);
	buf_init(&all, 8u << 20);
	zk_text(&all, body.data, (int)body.len);
	buf_release(&body);
	for (int i = 0; i < 200; i++)
		buf_addch(&all, 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(zk_frame_check(ZK_DATA, all.data, all.len, &frame, &err), -1);
	assert_string_equal(err.text, "data that is cut short");
	buf_release(&all);
}

static void refused_bytes(const void *bytes, size_t len, enum error_code code, const char *words)
{
	assert_int_equal(zk_frame_check(ZK_VOID, bytes, len, &frame, &err), -1);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, words);
}

TEST(frames_have_a_limit)
{
	refused_bytes("\0\0\0\0", 4, ERR_PROTOCOL, "a frame of 0 bytes");
	refused_bytes("\xff\xff\xff\xff", 4, ERR_PROTOCOL, "a frame of -1 bytes");
	refused_bytes("\x7f\xff\xff\xff", 4, ERR_TOOBIG, "a frame of 2147483647 bytes, over the limit of 1049600");
	buf_init(&body, 1024);
	zeros(7);
	refused(ZK_VOID, ERR_PROTOCOL, "a reply's header that is cut short");
}

TEST(a_session_begins_as_one)
{
	connect_frame(4000, 16, 0);
	assert_int_equal(check(ZK_CONNECT), 1);
	assert_false(frame.answer);
	connect_frame(4000, 16, -1); /* of before 3.4 */
	assert_int_equal(check(ZK_CONNECT), 1);
	connect_frame(0, 16, 0);
	refused(ZK_CONNECT, ERR_PROTOCOL, "a session's time-out of 0 ms");
	connect_frame(INT32_MAX, 16, 0);
	refused(ZK_CONNECT, ERR_PROTOCOL, "a session's time-out of 2147483647 ms");
	connect_frame(4000, 1000, 0);
	refused(ZK_CONNECT, ERR_PROTOCOL, "a session's password of 1000 bytes");
	connect_frame(4000, 16, 1);
	refused(ZK_CONNECT, ERR_PROTOCOL, "a read-only member");
	connect_frame(4000, 16, 0);
	zeros(1);
	refused(ZK_CONNECT, ERR_PROTOCOL, "a first answer of 38 bytes");
	connect_frame(4000, 16, -1);
	body.len--;
	refused(ZK_CONNECT, ERR_PROTOCOL, "a first answer of 35 bytes");
}
