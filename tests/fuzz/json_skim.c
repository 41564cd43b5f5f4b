/* fuzz: -max_len=4096 */
/* A text less the members that nobody reads: it is taken where all of it is, and what is left is as in all of it. */
#include "common/base/json_skim.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX (4u << 20)

static const struct json_cut inner[] = { JSON_CUT("x", NULL), JSON_CUT("managedFields", NULL), JSON_CUT_END };
static const struct json_cut list[] = { JSON_CUT("x", NULL), JSON_CUT("", NULL), JSON_CUT("in", inner), JSON_CUT_END };
static const struct json_cut all[] = { JSON_CUT("x", NULL), JSON_CUT("in", inner), JSON_CUT("list", list),
				       JSON_CUT("metadata", inner), JSON_CUT_END };

static void prune(cJSON *item, const struct json_cut *cuts);

static void prune_member(cJSON *object, cJSON *member, const struct json_cut *cuts)
{
	for (const struct json_cut *c = cuts; c->name; c++) {
		if (strcmp(member->string, c->name) != 0)
			continue;
		if (c->inner)
			prune(member, c->inner);
		else
			cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
		return;
	}
}

static void prune(cJSON *item, const struct json_cut *cuts)
{
	cJSON *next, *inside = item->child;

	for (; inside; inside = next) {
		next = inside->next;
		if (cJSON_IsObject(item))
			prune_member(item, inside, cuts);
		else
			prune(inside, cuts);
	}
}

static void check_same(const cJSON *a, const cJSON *b)
{
	BUF_CLEANUP struct buf one = BUF_INIT(TEXT_MAX), other = BUF_INIT(TEXT_MAX);

	CHECK(json_write(a, &one) == 0 && json_write(b, &other) == 0);
	CHECK(one.len == other.len && memcmp(one.data, other.data, one.len) == 0);
}

static void check(const char *text, size_t len)
{
	struct error err = ERROR_INIT, part_err = ERROR_INIT;
	JSON_CLEANUP cJSON *whole = json_parse(text, len, JSON_ITEMS, &err);
	JSON_CLEANUP cJSON *part = json_parse_skimmed(text, len, JSON_ITEMS, all, &part_err), *pruned = NULL;

	CHECK(!whole == !part);
	CHECK(err.code == part_err.code && strcmp(err.text, part_err.text) == 0);
	if (!whole)
		return;
	pruned = cJSON_Duplicate(part, true);
	CHECK(pruned);
	prune(pruned, all);
	prune(whole, all);
	check_same(whole, pruned);
	/* A name with an escape stays; and a text that is no plain JSON, all of it. */
	if (!memchr(text, '\\', len)) {
		BUF_CLEANUP struct buf rest = BUF_INIT(TEXT_MAX);

		if (json_skim(text, len, all, &rest))
			check_same(part, pruned);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1); /* which ends with a NUL, and nothing may be read behind it */

	CHECK(text);
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	check(text, len);
	free(text);
	return 0;
}
