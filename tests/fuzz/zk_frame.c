/* fuzz: -max_len=4096 */
/* What a member of ZooKeeper sends: the first byte says what is due. What is let through is read here as its client
 * library does, which believes every length and every count. */
#include <arpa/inet.h>

#include "common/base/error.h"
#include "common/codis/zk_frame.h"
#include "tests/fuzz/fuzz.h"

#define STAT_SIZE 68

/* In memory of the frame's own size, so that reading past its end is seen. */
static int32_t believe_int(const char **at)
{
	uint32_t n;

	memcpy(&n, *at, sizeof(n));
	*at += sizeof(n);
	return (int32_t)ntohl(n);
}

static void believe_string(const char **at)
{
	int32_t len = believe_int(at);
	char *s = malloc((size_t)len + 1);

	CHECK(len > 0 && s);
	memcpy(s, *at, (size_t)len);
	s[len] = '\0';
	CHECK(strlen(s) == (size_t)len);
	*at += len;
	free(s);
}

static void believe_data(const char **at)
{
	int32_t len = believe_int(at);
	char *data = malloc(len > 0 ? (size_t)len : 1);

	CHECK(len >= -1 && len <= (int32_t)ZK_DATA_MAX && data);
	if (len > 0)
		memcpy(data, *at, (size_t)len);
	*at += len > 0 ? len : 0;
	free(data);
}

static void believe_stat(const char **at)
{
	char stat[STAT_SIZE];

	memcpy(stat, *at, sizeof(stat));
	*at += sizeof(stat);
	CHECK(memcmp(stat, *at - sizeof(stat), sizeof(stat)) == 0);
}

static void believe_answer(enum zk_kind due, const char *at)
{
	int32_t count;

	if (due == ZK_DATA)
		believe_data(&at);
	if (due == ZK_PATH)
		believe_string(&at);
	if (due == ZK_NAMES) {
		count = believe_int(&at);
		CHECK(count >= 0 && count <= ZK_NAMES_MAX);
		for (int32_t i = 0; i < count; i++)
			believe_string(&at);
	}
	if (due == ZK_DATA || due == ZK_NAMES || due == ZK_STAT)
		believe_stat(&at);
}

static void believe(enum zk_kind due, const struct zk_frame *f, const char *at)
{
	int32_t xid = believe_int(&at), rc;

	at += 8;
	rc = believe_int(&at);
	CHECK(xid >= 0 || xid == -1 || xid == -2);
	CHECK(f->answer == (xid >= 0));
	if (xid == -1) {
		at += 8;
		believe_string(&at);
	} else if (f->answer) {
		CHECK(due > ZK_CONNECT);
		if (rc == 0)
			believe_answer(due, at);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	enum zk_kind due = (enum zk_kind)(take_byte(&in) % (ZK_VOID + 1));
	struct zk_frame f, part;
	struct error err = ERROR_INIT;
	int r = zk_frame_check(due, in.at, in.len, &f, &err);

	CHECK(r >= 0 || (err.text[0] && (err.code == ERR_PROTOCOL || err.code == ERR_TOOBIG)));
	CHECK(r < 0 || (f.size >= 4 && f.size <= ZK_FRAME_MAX + 4));
	CHECK(r != 0 || f.size > in.len);
	if (r == 1) {
		char *frame = malloc(f.size - 4);

		CHECK(f.size <= in.len && frame);
		memcpy(frame, in.at + 4, f.size - 4);
		if (due == ZK_CONNECT)
			CHECK(f.size == 40 || f.size == 41);
		else
			believe(due, &f, frame);
		free(frame);
		/* With less of it more is asked for: as much, once its length is there. */
		CHECK(zk_frame_check(due, in.at, f.size - 1, &part, &err) == 0 && part.size == f.size);
		CHECK(zk_frame_check(due, in.at, 3, &part, &err) == 0 && part.size == 4);
	}
	return 0;
}
