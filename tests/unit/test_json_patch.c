/* JSON Patch: what is applied is what was meant, with few operations; whatever does not fit is refused. */

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_patch_apply.h"
#include "tests/unit/test.h"

static cJSON *parsed(const char *text)
{
	struct error err = ERROR_INIT;
	cJSON *item = json_parse(text, strlen(text), JSON_ITEMS, &err);

	if (!item)
		fail_msg("%s: %s", err.text, text);
	return item;
}

static void is_text(const cJSON *item, const char *wanted)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);

	assert_int_equal(json_write(item, &text), 0);
	assert_string_equal(text.data, wanted);
}

/* --- diff -------------------------------------------------------------------------------------------------------- */

TEST(the_smallest_patch)
{
	static const struct {
		const char *from, *to, *patch;
	} cases[] = {
		{ "{}", "{}", "[]" },
		{ "{\"a\":1,\"b\":[1,{}]}", "{\"b\":[1,{}],\"a\":1}", "[]" },
		{ "{}", "{\"a\":null}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":null}]" },
		{ "{\"a\":1}", "{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]" },
		{ "{\"a\":1}", "{\"a\":\"1\"}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":\"1\"}]" },
		{ "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":1,\"c\":3}}",
		  "[{\"op\":\"replace\",\"path\":\"/a/c\",\"value\":3}]" },
		{ "{\"a\":{\"b\":1}}", "{\"a\":[1]}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":[1]}]" },
		{ "{}", "{\"a/b~c\":{\"x.y/z\":1}}",
		  "[{\"op\":\"add\",\"path\":\"/a~1b~0c\",\"value\":{\"x.y/z\":1}}]" },
		{ "{\"a/b\":{\"\":1}}", "{\"a/b\":{\"\":2}}",
		  "[{\"op\":\"replace\",\"path\":\"/a~1b/\",\"value\":2}]" },
		{ "1", "2", "[{\"op\":\"replace\",\"path\":\"\",\"value\":2}]" },
		/* lists: what both ends have in common stays */
		{ "[1,2,3]", "[1,2,3,4]", "[{\"op\":\"add\",\"path\":\"/3\",\"value\":4}]" },
		{ "[1,2,3]", "[0,1,2,3]", "[{\"op\":\"add\",\"path\":\"/0\",\"value\":0}]" },
		{ "[1,2,3]", "[1,3]", "[{\"op\":\"remove\",\"path\":\"/1\"}]" },
		{ "[1,1,1]", "[1]", "[{\"op\":\"remove\",\"path\":\"/1\"},{\"op\":\"remove\",\"path\":\"/1\"}]" },
		{ "[1,2,3]", "[1,9,3]", "[{\"op\":\"replace\",\"path\":\"/1\",\"value\":9}]" },
		{ "[{\"n\":\"a\"},{\"n\":\"b\"}]", "[{\"n\":\"a\",\"x\":1},{\"n\":\"b\"}]",
		  "[{\"op\":\"add\",\"path\":\"/0/x\",\"value\":1}]" },
		{ "[]", "[1,2]",
		  "[{\"op\":\"add\",\"path\":\"/0\",\"value\":1},{\"op\":\"add\",\"path\":\"/1\",\"value\":2}]" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		JSON_CLEANUP cJSON *from = parsed(cases[i].from);
		JSON_CLEANUP cJSON *to = parsed(cases[i].to);
		JSON_CLEANUP cJSON *patch = json_patch_diff(from, to);

		is_text(patch, cases[i].patch);
	}
}

/* --- apply ------------------------------------------------------------------------------------------------------- */

TEST(what_fits_is_applied)
{
	static const struct {
		const char *doc, *patch, *result;
	} cases[] = {
		{ "{\"a\":1}", "[]", "{\"a\":1}" },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":2}]", "{\"a\":2}" },
		{ "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":2}]", "{\"a\":[1,2]}" },
		{ "{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":9}]", "{\"a\":[1,9,2]}" },
		{ "{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", "{\"a\":[2]}" },
		{ "{\"a\":[1,2]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":{}}]", "{\"a\":[1,{}]}" },
		{ "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1},{\"op\":\"remove\",\"path\":\"/a\"}]",
		  "{}" },
		{ "{\"~1\":1,\"/\":2}", "[{\"op\":\"replace\",\"path\":\"/~01\",\"value\":3}]", "{\"~1\":3,\"/\":2}" },
		{ "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":[7]}]", "[7]" },
		{ "[1]", "[{\"op\":\"test\",\"path\":\"\",\"value\":[1]}]", "[1]" },
		{ "{\"\":{\"\":1}}", "[{\"op\":\"replace\",\"path\":\"//\",\"value\":2}]", "{\"\":{\"\":2}}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = ERROR_INIT;
		JSON_CLEANUP cJSON *doc = parsed(cases[i].doc);
		JSON_CLEANUP cJSON *patch = parsed(cases[i].patch);
		JSON_CLEANUP cJSON *result = json_patch_apply(doc, patch, &err);

		if (!result)
			fail_msg("%s: %s", cases[i].patch, err.text);
		is_text(result, cases[i].result);
		is_text(doc, cases[i].doc);
	}
}

TEST(what_does_not_fit_is_refused)
{
	static const struct {
		const char *doc, *patch;
		enum error_code code;
	} cases[] = {
		{ "{}", "{}", ERR_INVALID },
		{ "{}", "[1]", ERR_INVALID },
		{ "{}", "[{\"op\":\"add\"}]", ERR_INVALID },
		{ "{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", ERR_INVALID },
		{ "{}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", ERR_INVALID },
		{ "{}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", ERR_INVALID },
		{ "{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", ERR_INVALID },
		{ "{}", "[{\"op\":\"remove\",\"path\":\"\"}]", ERR_INVALID },
		{ "{}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":1}]", ERR_INVALID },
		{ "{\"a\":1}", "[{\"op\":\"move\",\"path\":\"/a\",\"from\":\"/b\"}]", ERR_INVALID },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", ERR_INVALID },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/~2\",\"value\":1}]", ERR_INVALID },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/~\",\"value\":1}]", ERR_INVALID },
		{ "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", ERR_CONFLICT },
		{ "[1,2]", "[{\"op\":\"add\",\"path\":\"/3\",\"value\":1}]", ERR_INVALID },
		{ "[1,2]", "[{\"op\":\"add\",\"path\":\"/01\",\"value\":1}]", ERR_INVALID },
		{ "[1,2]", "[{\"op\":\"add\",\"path\":\"/-1\",\"value\":1}]", ERR_INVALID },
		{ "[1,2]", "[{\"op\":\"add\",\"path\":\"/1x\",\"value\":1}]", ERR_INVALID },
		{ "[1,2]", "[{\"op\":\"add\",\"path\":\"/99999999999999999999\",\"value\":1}]", ERR_INVALID },
		{ "[1,2]", "[{\"op\":\"remove\",\"path\":\"/-\"}]", ERR_INVALID },
		{ "[1,2]", "[{\"op\":\"replace\",\"path\":\"/2\",\"value\":1}]", ERR_INVALID },
		{ "[1,2]", "[{\"op\":\"test\",\"path\":\"/2\",\"value\":1}]", ERR_INVALID },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = ERROR_INIT;
		JSON_CLEANUP cJSON *doc = parsed(cases[i].doc);
		JSON_CLEANUP cJSON *patch = parsed(cases[i].patch);

		if (json_patch_apply(doc, patch, &err))
			fail_msg("%s was applied", cases[i].patch);
		if (err.code != cases[i].code)
			fail_msg("%s: %s (code %d)", cases[i].patch, err.text, err.code);
	}
}

/* --- both -------------------------------------------------------------------------------------------------------- */

struct chance {
	uint64_t state;
};

static unsigned below(struct chance *c, unsigned n)
{
	c->state = c->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(c->state >> 33) % n;
}

static const char *const names[] = { "a", "b", "c", "", "a/b", "~", "~1", "codis.io/group", "0", "-" };

static cJSON *any_value(struct chance *c, int depth)
{
	cJSON *item;
	unsigned n;

	switch (below(c, depth > 0 ? 8 : 5)) {
	case 0: return cJSON_CreateNull();
	case 1: return cJSON_CreateBool(below(c, 2));
	case 2: return cJSON_CreateNumber(below(c, 4));
	case 3:
	case 4: return cJSON_CreateString(names[below(c, 10)]);
	case 5:
	case 6: item = cJSON_CreateObject(); break;
	default: item = cJSON_CreateArray(); break;
	}
	for (n = below(c, 6); n > 0; n--) {
		const char *name = names[below(c, 10)];

		if (cJSON_IsArray(item))
			cJSON_AddItemToArray(item, any_value(c, depth - 1));
		else if (!cJSON_HasObjectItem(item, name) || !cJSON_GetObjectItemCaseSensitive(item, name))
			cJSON_AddItemToObject(item, name, any_value(c, depth - 1));
	}
	return item;
}

/* Changes a thing here and there, so that both have much in common. */
static void change(struct chance *c, cJSON *item)
{
	cJSON *child, *next;

	for (child = item->child; child; child = next) {
		next = child->next;
		if (below(c, 4))
			change(c, child);
		else if (below(c, 3) == 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(item, child));
		else if (cJSON_IsObject(item))
			cJSON_ReplaceItemInObjectCaseSensitive(item, child->string, any_value(c, 2));
		else if (below(c, 2))
			cJSON_ReplaceItemViaPointer(item, child, any_value(c, 2));
		else
			cJSON_InsertItemInArray(item, 0, any_value(c, 2)); /* Debian's cJSON knows no other place */
	}
}

static void check_pair(const cJSON *a, const cJSON *b)
{
	JSON_CLEANUP cJSON *patch = json_patch_diff(a, b), *none = NULL, *result = NULL;
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;

	assert_non_null(patch);
	result = json_patch_apply(a, patch, &err);
	if (!result || !json_equal(result, b)) {
		json_write(a, &text);
		buf_addstr(&text, " -> ");
		json_write(b, &text);
		buf_addstr(&text, " by ");
		json_write(patch, &text);
		fail_msg("%s: %s", text.data, err.text);
	}
	none = json_patch_diff(b, result);
	is_text(none, "[]");
	assert_int_equal(json_equal(a, b), cJSON_GetArraySize(patch) == 0);
}

TEST(a_difference_applied_is_the_other_document)
{
	struct chance c = { 42 };

	for (int i = 0; i < 20000; i++) {
		JSON_CLEANUP cJSON *a = any_value(&c, 4);
		JSON_CLEANUP cJSON *b = i % 3 ? cJSON_Duplicate(a, 1) : any_value(&c, 4);

		if (i % 3)
			change(&c, b);
		check_pair(a, b);
		check_pair(b, a);
		check_pair(a, a);
	}
}
