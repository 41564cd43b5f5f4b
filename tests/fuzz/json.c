/* fuzz: -max_len=8192 */
/* Any text as JSON: the accessors stand what is no object, and what is written is read again as the same. */
#include "common/base/json.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/kube/selector.h"
#include "common/kube/store.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX (4u << 20)

static void ask(const cJSON *item)
{
	char key[STORE_KEY_MAX];
	const char *text = json_str(item, "metadata", "name", NULL);

	CHECK(!text || strlen(text) < TEXT_MAX);
	json_str(item, NULL);
	json_int(3, item, NULL);
	json_int(3, item, "metadata", "generation", NULL);
	json_bool(true, item, "x", NULL);
	selector_matches(json_get(item, "spec", "selector", NULL), json_get(item, "metadata", "labels", NULL));
	if (store_key(item, key) == 0)
		CHECK(strlen(key) < sizeof(key));
}

static void walk(const cJSON *item)
{
	ask(item);
	for (const cJSON *child = item->child; child; child = child->next)
		walk(child);
}

/* As it is counted before it is parsed: what is empty could hold something. */
static size_t count(const cJSON *item)
{
	size_t n = 1 + ((cJSON_IsArray(item) || cJSON_IsObject(item)) && !item->child);

	for (const cJSON *child = item->child; child; child = child->next)
		n += count(child);
	return n;
}

/* What has more values than may be is not parsed. */
static void check_limit(const char *text, size_t len, size_t items)
{
	struct error err = ERROR_INIT;

	cJSON_Delete(json_parse(text, len, items, &err));
	CHECK(err.code == ERR_NONE);
	CHECK(!json_parse(text, len, items - 1, &err) && err.code == ERR_TOOBIG);
}

static void check_round_trip(const cJSON *root)
{
	BUF_CLEANUP struct buf text = BUF_INIT(TEXT_MAX), again = BUF_INIT(TEXT_MAX);
	JSON_CLEANUP cJSON *copy = cJSON_Duplicate(root, true), *read = NULL;
	struct error err = ERROR_INIT;

	CHECK(copy && json_equal(root, copy) && json_equal(root, root));
	CHECK(json_write(root, &text) == 0);
	read = json_parse(text.data, text.len, JSON_ITEMS, &err);
	CHECK(read);
	CHECK(json_write(read, &again) == 0);
	CHECK(text.len == again.len && memcmp(text.data, again.data, text.len) == 0);
}

/* Of a text that is JSON the part that is found is JSON, too. */
static void check_find(const char *text, size_t len)
{
	size_t from, to, begin;

	if (!json_find(text, len, "slots", &from, &to))
		return;
	CHECK(from < to && to < len);
	CHECK(json_find_begin(text, len, "slots", &begin) && begin == from);
	cJSON_Delete(json_parse(text + from, to - from, JSON_ITEMS, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *root = json_parse((const char *)data, len, JSON_ITEMS, &err);

	check_find((const char *)data, len);
	CHECK(root ? err.code == ERR_NONE : err.code != ERR_NONE && err.text[0]);
	if (root) {
		walk(root);
		check_limit((const char *)data, len, count(root));
		check_round_trip(root);
	}
	return 0;
}
