/* fuzz: -max_len=4096 */
/* Two answers of a proxy or a dashboard (GET /proxy, GET /topom), in two lines, one after the other: what is left out
 * of them to save its parsing is nothing but slots that were there before. The first byte: whether slots alone are
 * wanted. */
#include <stdbool.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/overview.h"
#include "tests/fuzz/fuzz.h"

static cJSON *parse(const struct input *in)
{
	return json_parse((const char *)in->at, in->len, OVERVIEW_ITEMS, NULL);
}

static cJSON *shortened(const struct input *in, bool only_slots, struct overview_slots *seen)
{
	struct error err = ERROR_INIT;
	cJSON *answer = overview_parse((const char *)in->at, in->len, only_slots, seen, &err);

	CHECK(answer || (err.code != ERR_NONE && !seen->len));
	CHECK(seen->len < in->len + 1);
	return answer;
}

/* After the first of two equal answers everything but the slots is parsed anew. */
static void check_twice(const struct input *in, bool only_slots, struct overview_slots *seen)
{
	JSON_CLEANUP cJSON *again = shortened(in, only_slots, seen);
	const cJSON *slots = json_get(again, "stats", "slots", NULL);

	if (only_slots && seen->len)
		CHECK(cJSON_IsArray(slots) && !slots->child);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	bool only_slots = take_byte(&in) & 1;
	struct input line = take_line(&in);
	struct overview_slots seen = { 0 }, none = { 0 };
	JSON_CLEANUP cJSON *whole = parse(&line), *first = shortened(&line, only_slots, &seen);
	JSON_CLEANUP cJSON *second = NULL, *anew = NULL;

	if (whole)
		CHECK(first);
	if (!only_slots)
		CHECK(!first == !whole && (!whole || json_equal(first, whole)));
	if (first)
		check_twice(&line, only_slots, &seen);
	second = shortened(&in, only_slots, &seen);
	anew = shortened(&in, only_slots, &none);
	/* Nothing of the answer before makes one readable that is not, or another of it. */
	CHECK(!second == !anew && seen.len == none.len && seen.hash == none.hash);
	return 0;
}
