/* fuzz: -max_len=4096 */
/* A watch's bytes in any pieces are the lines that they are in one piece. The first two bytes: how they are cut, when
 * the reader ends it, and the limit of a line. */
#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/kube/watch.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX (1u << 20)
#define STOPPED  7

struct reader {
	struct buf part, lines;
	int count, stop_at; /* 0: never */
};

static int on_line(void *ctx, const char *line, size_t len)
{
	struct reader *r = ctx;

	CHECK(len > 0 && !memchr(line, '\n', len));
	buf_add(&r->lines, line, len);
	buf_addch(&r->lines, '\n');
	return ++r->count == r->stop_at ? STOPPED : 0;
}

static void reader_release(struct reader *r)
{
	buf_release(&r->part);
	buf_release(&r->lines);
}

static int feed(struct reader *r, const uint8_t *data, size_t len)
{
	struct error err = ERROR_INIT;
	char *copy = malloc(len);
	int done;

	CHECK(copy);
	memcpy(copy, data, len);
	done = watch_lines(&r->part, copy, len, on_line, r, &err);
	CHECK(done == 0 || done == STOPPED || (done == -1 && err.code == ERR_TOOBIG));
	free(copy);
	return done;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	unsigned seed = take_byte(&in), limit = take_byte(&in), random = seed;
	size_t max = limit & 1 ? (limit >> 1) + 1 : TEXT_MAX, n;
	struct reader whole = { BUF_INIT(max), BUF_INIT(TEXT_MAX), 0, seed & 1 ? 3 : 0 };
	struct reader split = { BUF_INIT(max), BUF_INIT(TEXT_MAX), 0, seed & 1 ? 3 : 0 };
	int at_once = in.len ? feed(&whole, in.at, in.len) : 0, piecewise = 0;

	for (; in.len && piecewise == 0; in.at += n, in.len -= n) {
		random = random * 1103515245u + 12345u;
		n = 1 + (random >> 16) % ((seed >> 1) + 1);
		n = n < in.len ? n : in.len;
		piecewise = feed(&split, in.at, n);
	}
	CHECK(at_once == piecewise);
	CHECK(same(&whole.lines, &split.lines));
	CHECK(at_once != 0 || same(&whole.part, &split.part));
	reader_release(&whole);
	reader_release(&split);
	return 0;
}
