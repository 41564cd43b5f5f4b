/* Answers out of bytes: the same however they are split, and none without a limit. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/resp.h"
#include "tests/unit/test.h"

struct heard {
	struct buf text; /* "status OK;" */
	int count, stop_at;
};

static int on_answer(void *ctx, const struct resp_answer *a)
{
	struct heard *h = ctx;

	buf_addf(&h->text, "%s %.40s", resp_type_words(a->type), a->text);
	if (a->type == RESP_INTEGER)
		buf_addf(&h->text, "%lld", a->integer);
	if (a->type == RESP_ARRAY)
		buf_addf(&h->text, "of %d", a->elements);
	buf_addstr(&h->text, ";");
	assert_int_equal(strlen(a->text), a->len);
	return ++h->count == h->stop_at;
}

/* What is heard of the bytes in pieces of this size, and behind it "! " and the error. */
static void hear(const char *data, size_t len, size_t piece, struct heard *h)
{
	struct resp *r = resp_new();
	struct error err;

	assert_non_null(r);
	for (size_t at = 0, n; at < len; at += n) {
		char *copy;
		int rc;

		n = len - at < piece ? len - at : piece;
		copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, data + at, n);
		rc = resp_read(r, copy, n, on_answer, h, &err);
		free(copy);
		if (rc < 0) {
			buf_addf(&h->text, "! %s: %s",
				 err.code == ERR_TOOBIG     ? "toobig"
				 : err.code == ERR_PROTOCOL ? "protocol"
							    : "other",
				 err.text);
			break;
		}
	}
	resp_free(r);
}

static void assert_bytes(const char *data, size_t len, const char *want)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 1000, 16384, 1u << 30 };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct heard h = { .text = BUF_INIT(1u << 20) };

		hear(data, len, pieces[i], &h);
		assert_string_equal(h.text.data, want);
		buf_release(&h.text);
	}
}

static void assert_heard(const char *data, const char *want)
{
	assert_bytes(data, strlen(data), want);
}

static void assert_repeated(const char *head, const char *part, int times, const char *want)
{
	struct buf b = BUF_INIT(16u << 20);

	buf_addstr(&b, head);
	for (int i = 0; i < times; i++)
		buf_addstr(&b, part);
	assert_int_equal(buf_check(&b, "bytes", NULL), 0);
	assert_bytes(b.data, b.len, want);
	buf_release(&b);
}

TEST(answers_of_each_kind)
{
	assert_heard("+OK\r\n-ERR no\r\n:-7\r\n$3\r\nabc\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n",
		     "a status OK;an error ERR no;a number -7;a string abc;a string ;nothing ;nothing ;an array of 0;");
	assert_heard("*3\r\n$1\r\na\r\n:1\r\n*2\r\n+x\r\n$-1\r\n+behind\r\n", "an array of 5;a status behind;");
	assert_heard("$6\r\na\r\nb\r\n\r\n", "a string a\r\nb\r\n;");
	assert_heard("+half", "");
	assert_heard("$3\r\nabc\r", "");
}

TEST(elements_are_counted_before_anything_is_made_of_them)
{
	static const char words[] = "! toobig: an answer of more than 64 elements";

	assert_heard("*2147483647\r\n", words);
	assert_heard("*500000000\r\n", words);
	assert_heard("*65\r\n", words);
	assert_heard("*2\r\n*31\r\n", "");
	assert_heard("*1\r\n*64\r\n", words);
	assert_heard("*2147483648\r\n", "! protocol: an answer that is no RESP: Multi-bulk length out of range");
	assert_heard("*-2\r\n", "! protocol: an answer that is no RESP: Multi-bulk length out of range");
	assert_repeated("*64\r\n", ":1\r\n", 64, "an array of 64;");
}

TEST(nesting_is_bounded)
{
	assert_repeated(
		"", "*1\r\n", 100000,
		"! protocol: an answer that is no RESP: No support for nested multi bulk replies with depth > 7");
}

TEST(bytes_are_bounded)
{
	static const char words[] = "! toobig: an answer of more than 65536 bytes";

	assert_heard("$536870912\r\n", "");
	assert_repeated("$536870912\r\n", "0123456789", 100000, words);
	assert_repeated("+", "x", 1 << 20, words);
	assert_repeated("$", "1", 1 << 20, words);
	assert_repeated("*3\r\n", "$30000\r\n", 1, "");
	assert_repeated("*60\r\n", "$8\r\n01234567\r\n$6\r\n012345\r\n", 30, "an array of 60;");
}

static void assert_string_of(size_t len, bool fits)
{
	struct buf b = BUF_INIT(1u << 20);
	struct buf want = BUF_INIT(200);

	buf_addf(&b, "$%zu\r\n", len);
	memset(buf_reserve(&b, len), 'x', len);
	buf_commit(&b, len);
	buf_addstr(&b, "\r\n+OK\r\n");
	buf_addstr(&want, fits ? "a string xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;a status OK;"
			       : "! toobig: an answer of more than 65536 bytes");
	assert_bytes(b.data, b.len, want.data);
	buf_release(&b);
	buf_release(&want);
}

/* "$65526\r\n", the string, "\r\n" */
TEST(the_longest_answer)
{
	assert_string_of(RESP_ANSWER_MAX - 10, true);
	assert_string_of(RESP_ANSWER_MAX - 9, false);
}

TEST(what_is_no_resp)
{
	static const char *const others[] = { "%1\r\n", "~1\r\n",       ">2\r\n", "_\r\n",
					      "#t\r\n", ",1.5\r\n",     "(1\r\n", "=7\r\ntxt:abc\r\n",
					      "|1\r\n", "!3\r\nERR\r\n" };

	assert_heard("hello\r\n",
		     "! protocol: an answer that is no RESP: Protocol error, got \"h\" as reply type byte");
	assert_repeated("junk", "x", 1 << 20,
			"! protocol: an answer that is no RESP: Protocol error, got \"j\" as reply type byte");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char want[100];

		snprintf(want, sizeof(want),
			 "a status OK;! protocol: an answer that is no RESP: Protocol error, got \"%c\" as reply type "
			 "byte",
			 others[i][0]);
		char with[40];
		snprintf(with, sizeof(with), "+OK\r\n%s", others[i]);
		assert_heard(with, want);
	}
	assert_heard(":1x\r\n", "! protocol: an answer that is no RESP: Bad integer value");
	assert_heard("$-5\r\n", "! protocol: an answer that is no RESP: Bulk string length out of range");
	assert_heard("$9223372036854775808\r\n", "! protocol: an answer that is no RESP: Bad bulk string length");
	assert_heard("$3\r\nabcde+OK\r\n", "! protocol: a string that does not end where it says");
	assert_heard("*1\r\n$3\r\nabcde+OK\r\n", "! protocol: a string that does not end where it says");
}

TEST(whoever_wants_no_more_gets_no_more)
{
	struct heard h = { .text = BUF_INIT(1000), .stop_at = 2 };

	hear("+1\r\n+2\r\n+3\r\n", 12, 100, &h);
	assert_string_equal(h.text.data, "a status 1;a status 2;");
	buf_release(&h.text);
}

TEST(an_answer_is_open_from_its_first_byte_to_its_last)
{
	struct heard h = { .text = BUF_INIT(1000) };
	struct resp *r = resp_new();

	assert_false(resp_is_open(r));
	assert_int_equal(resp_read(r, "+", 1, on_answer, &h, NULL), 0);
	assert_true(resp_is_open(r));
	assert_int_equal(resp_read(r, "OK\r\n", 4, on_answer, &h, NULL), 0);
	assert_false(resp_is_open(r));
	assert_int_equal(resp_read(r, "+OK\r\n$", 6, on_answer, &h, NULL), 0);
	assert_true(resp_is_open(r));
	assert_int_equal(h.count, 2);
	resp_free(r);
	buf_release(&h.text);
}
