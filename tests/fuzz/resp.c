/* fuzz: -max_len=70000 */
/* Answers of a Redis server: heard at once and in pieces they are the same, or both end in an error; none is over a
 * limit. The first byte says how the rest is split. */
#include "common/codis/resp.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/info.h"
#include "tests/fuzz/fuzz.h"

static int on_answer(void *ctx, const struct resp_answer *a)
{
	struct buf *heard = ctx;
	struct redis_info info;

	CHECK(strlen(a->text) <= a->len && a->text[a->len] == '\0');
	CHECK(a->len < RESP_ANSWER_MAX);
	CHECK(a->elements >= 0 && a->elements <= RESP_ELEMENTS_MAX);
	redis_info_parse(a->text, a->len, &info, NULL);
	buf_addf(heard, "%s %zu %lld %d ", resp_type_words(a->type), a->len, a->integer, a->elements);
	buf_add(heard, a->text, a->len);
	return 0;
}

/* In pieces of up to max bytes (0: in one), each in memory of its own size. 0 or -1. */
static int hear(const uint8_t *data, size_t len, size_t max, struct buf *heard)
{
	struct resp *r = resp_new();
	struct error err;
	uint32_t seed = 1;
	int rc = 0;

	CHECK(r);
	for (size_t at = 0, n; at < len && rc == 0; at += n) {
		char *piece;

		seed = seed * 1103515245u + 12345u;
		n = max ? 1 + (seed >> 16) % max : len;
		if (n > len - at)
			n = len - at;
		piece = malloc(n);
		CHECK(piece);
		memcpy(piece, data + at, n);
		rc = resp_read(r, piece, n, on_answer, heard, &err);
		free(piece);
		CHECK(rc == 0 || (err.text[0] && (err.code == ERR_PROTOCOL || err.code == ERR_TOOBIG)));
	}
	resp_free(r);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf whole = BUF_INIT(1u << 24), split = BUF_INIT(1u << 24);
	struct input in = { data, len };
	unsigned most = take_byte(&in) + 1;
	int at_once = hear(in.at, in.len, 0, &whole), piecewise = hear(in.at, in.len, most, &split);

	CHECK(at_once == piecewise);
	CHECK(whole.len == split.len && memcmp(whole.data, split.data, whole.len) == 0);
	buf_release(&whole);
	buf_release(&split);
	return 0;
}
