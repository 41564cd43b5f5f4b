/* fuzz: -max_len=1024 -only_ascii=0 */
/* One text as everything short that is read from texts: times, addresses, base64, what is logged, escaped or cut,
 * names, counts, annotations. */
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/codis/scaling.h"
#include "common/codis/served.h"
#include "common/codis/topology.h"
#include "common/codis/wish.h"
#include "common/net/addr.h"
#include "tests/fuzz/fuzz.h"

#define YEAR_10000_MS INT64_C(253402300800000)

static void check_time(const char *text)
{
	char written[64];
	int64_t ms, again;

	if (clock_parse_rfc3339(text, &ms, NULL) < 0)
		return;
	clock_rfc3339(ms, written, sizeof(written));
	if (ms >= 0 && ms < YEAR_10000_MS)
		CHECK(clock_parse_rfc3339(written, &again, NULL) == 0 && again == ms);
}

/* A numeric address is the same however it is written. */
static void check_addr(const char *text)
{
	struct error err = ERROR_INIT;
	struct addr a, b;
	char host[32], joined[64], written[ADDR_TEXT_MAX], settled[64];
	uint16_t port;

	if (addr_split(text, host, sizeof(host), &port, &err) == 0)
		CHECK(strlen(host) < sizeof(host) && addr_join(host, port, joined, sizeof(joined)) == 0);
	addr_is_numeric(text);
	CHECK(addr_equal(text, text));
	if (addr_parse(text, &a, &err) == 0) {
		addr_format(&a, written);
		CHECK(addr_parse(written, &b, &err) == 0 && memcmp(&a, &b, sizeof(a)) == 0);
		CHECK(addr_equal(text, written));
	}
	if (strlen(text) < sizeof(settled)) {
		snprintf(settled, sizeof(settled), "%s", text);
		addr_settle(settled, sizeof(settled));
		CHECK(addr_equal(text, settled));
		snprintf(written, sizeof(written), "%s", settled);
		addr_settle(written, sizeof(written));
		CHECK(strcmp(written, settled) == 0);
	}
}

static void check_base64(const char *text)
{
	struct error err = ERROR_INIT;
	size_t len;
	char *data = base64_decode(text, &len, &err), *again = data ? base64_encode(data, len) : NULL;

	CHECK(!data || (again && strlen(again) <= strlen(text)));
	free(again);
	free(data);
}

static void check_bytes(const void *data, size_t len)
{
	char *text = base64_encode(data, len), *back;
	size_t back_len;

	CHECK(text);
	back = base64_decode(text, &back_len, NULL);
	CHECK(back && back_len == len && memcmp(back, data, len) == 0);
	free(back);
	free(text);
}

static void check_written(const char *text)
{
	BUF_CLEANUP struct buf escaped = BUF_INIT(1u << 16);
	char quoted[32];

	log_quote(text, quoted, sizeof(quoted));
	CHECK(strlen(quoted) < sizeof(quoted) && !strpbrk(quoted, "\n\r"));
	CHECK(text_escape(&escaped, text) == 0);
	CHECK(strspn(escaped.data, "%-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
	      escaped.len);
	CHECK(text_fit(text, 10) <= 10);
}

static void check_served(const char *text)
{
	struct served_group group;
	struct served_loss loss;
	char said[SERVED_KEYS_MAX];
	const char *at = text;

	while (served_next(&at, &group) == 1) {
		CHECK(group.gid > 0 && group.slots >= 1 && group.slots <= CODIS_SLOTS && group.keys >= -1);
		served_say_keys(group.keys, said);
		served_may_lose(text, group.gid);
	}
	at = text;
	while (served_loss_next(&at, &loss) == 1)
		CHECK(loss.gid > 0);
}

/* What is read of it is read again as it is written. */
static void check_scaling(const char *text)
{
	BUF_CLEANUP struct buf written = BUF_INIT(1u << 14);
	static const struct codis_shape pairs = { .replicas = 4, .server_replica = 2 };
	struct moving moving, again;
	char why[SCALING_WHY_MAX];
	int servers;

	moving_parse(text, &moving);
	if (moving_is(&moving)) {
		CHECK(moving_write(&moving, &written) == 0);
		moving_parse(written.data, &again);
		CHECK(gids_same(&moving.to, &again.to) && gids_same(&moving.from, &again.from));
		CHECK(moving.slots == again.slots);
		gids_say(&moving.to, &written);
	}
	if (scaling_fits(text, &pairs, false, &servers, why))
		CHECK(servers > 0 && servers % 2 == 0);
	else
		CHECK(servers == -1 && *why);
}

static void check_topology(const char *text)
{
	struct error err = ERROR_INIT;
	int ordinal = codis_ordinal(text, NULL), replica;

	CHECK(ordinal >= -1);
	if (codis_server_replica_parse(text, &replica, &err) == 0) {
		CHECK(replica >= 1 && replica <= 64);
		CHECK(ordinal < 0 || codis_group_of(ordinal, replica) > 0);
	}
	if (codis_product_check(text, &err) == 0)
		CHECK(strlen(text) > 0 && strlen(text) < CODIS_PRODUCT_MAX);
	codis_component_parse(text);
}

/* What is read is written as it was, but for a time with more digits than are kept. */
static void check_wish(const char *text)
{
	char written[WISH_ANSWER_MAX];
	struct wish_answer answer, answer_again;
	struct wish wish, again;
	struct error err = ERROR_INIT;

	if (wish_read(text, &wish, &err) == 0) {
		CHECK(wish.gid > 0 && wish_read(wish_write(&wish, written), &again, &err) == 0);
		CHECK(again.gid == wish.gid && again.wall_ms == wish.wall_ms && again.begun == wish.begun &&
		      strcmp(again.pod, wish.pod) == 0);
	}
	if (wish_answer_read(text, &answer, &err) == 0) {
		CHECK(wish_answer_read(wish_answer_write(&answer, written), &answer_again, &err) == 0);
		CHECK(answer_again.verdict == answer.verdict && answer_again.wish.gid == answer.wish.gid &&
		      strcmp(answer_again.words, answer.words) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	char *text = take_text(&in);

	check_time(text);
	check_addr(text);
	check_base64(text);
	check_bytes(text, len);
	check_written(text);
	check_served(text);
	check_scaling(text);
	check_topology(text);
	check_wish(text);
	free(text);
	return 0;
}
