/* fuzz: -max_len=4096 */
/* Two lines of JSON. What turns the first into the second does so, and is empty when they are equal. */
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_patch_apply.h"
#include "tests/fuzz/fuzz.h"

/* cJSON writes fifteen digits where it takes that for the same, and null for what is beyond all doubles. */
static bool is_written_otherwise(const cJSON *number)
{
	BUF_CLEANUP struct buf text = BUF_INIT(64);

	return json_write(number, &text) < 0 || strtod(text.data, NULL) != number->valuedouble;
}

/* RFC 6902 says nothing of objects with two members of one name, and a text may say another number: for those only that
 * nothing breaks is checked. */
static bool is_vague(const cJSON *item)
{
	if (cJSON_IsNumber(item) && is_written_otherwise(item))
		return true;
	for (const cJSON *a = item->child; a; a = a->next) {
		for (const cJSON *b = cJSON_IsObject(item) ? a->next : NULL; b; b = b->next) {
			if (strcmp(a->string, b->string) == 0)
				return true;
		}
		if (is_vague(a))
			return true;
	}
	return false;
}

static void check_diff(const cJSON *a, const cJSON *b)
{
	JSON_CLEANUP cJSON *patch = json_patch_diff(a, b), *made = NULL;
	struct error err = ERROR_INIT;

	CHECK(patch);
	made = json_patch_apply(a, patch, &err);
	if (is_vague(a) || is_vague(b))
		return;
	CHECK(made && json_equal(made, b));
	CHECK(!json_equal(a, b) || !patch->child);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len }, line = take_line(&in);
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *a = json_parse((const char *)line.at, line.len, JSON_ITEMS, &err);
	JSON_CLEANUP cJSON *b = a ? json_parse((const char *)in.at, in.len, JSON_ITEMS, &err) : NULL;

	if (b)
		check_diff(a, b);
	return 0;
}
