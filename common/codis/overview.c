#include "common/codis/overview.h"

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"

/* Where the slots lie in the text. As before: their end is where it was then, since a whole array begins there. Behind
 * it something follows, or the answer is cut. */
static bool find_slots(const char *text, size_t len, const struct overview_slots *seen, size_t *from, size_t *to,
		       bool *same)
{
	*same = seen->len && json_find_begin(text, len, "slots", from) && seen->len < len - *from &&
		hash_bytes(HASH_INIT, text + *from, seen->len) == seen->hash;
	if (!*same)
		return json_find(text, len, "slots", from, to);
	*to = *from + seen->len;
	return true;
}

/* What the dashboard does with slots that are to be moved; it stands behind them. */
static void add_slot_action(const char *text, size_t len, struct buf *out)
{
	size_t from, to;

	if (!json_find(text, len, "slot_action", &from, &to))
		return;
	buf_addstr(out, ",\"slot_action\":");
	buf_add(out, text + from, to - from);
}

/* The answer without what is not wanted of it. */
static void shorten(const char *text, size_t len, size_t from, size_t to, bool same, bool only_slots, struct buf *out)
{
	if (only_slots)
		buf_addstr(out, "{\"stats\":{\"slots\":");
	else
		buf_add(out, text, from);
	if (same)
		buf_addstr(out, "[]");
	else
		buf_add(out, text + from, to - from);
	if (!only_slots) {
		buf_add(out, text + to, len - to);
		return;
	}
	add_slot_action(text + to, len - to, out);
	buf_addstr(out, "}}");
}

cJSON *overview_parse(const char *text, size_t len, bool only_slots, struct overview_slots *seen, struct error *err)
{
	BUF_CLEANUP struct buf wanted = BUF_INIT(len + 64);
	size_t from = 0, to = 0;
	cJSON *answer = NULL;
	bool same;

	if (!find_slots(text, len, seen, &from, &to, &same)) {
		*seen = (struct overview_slots){ 0 };
		return json_parse(text, len, OVERVIEW_ITEMS, err);
	}
	shorten(text, len, from, to, same, only_slots, &wanted);
	if (buf_check(&wanted, "overview", err) == 0)
		answer = json_parse(wanted.data, wanted.len, OVERVIEW_ITEMS, err);
	if (!answer)
		*seen = (struct overview_slots){ 0 };
	else if (!same)
		*seen = (struct overview_slots){ to - from, hash_bytes(HASH_INIT, text + from, to - from) };
	return answer;
}
