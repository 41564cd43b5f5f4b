/* A copy on write: what is changed is the copy's, and what is not is the original's. */
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_own.h"
#include "common/base/json_patch_apply.h"
#include "tests/unit/test.h"

static const char text[] = "{\"a\":{\"b\":[\"x\",{\"c\":1}]},\"d\":\"y\",\"e\":{},\"f\":null}";

static cJSON *original(void)
{
	cJSON *item = json_parse(text, sizeof(text) - 1, JSON_ITEMS, NULL);

	assert_non_null(item);
	return item;
}

static void is_written(const cJSON *item, const char *wanted)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 20);

	assert_int_equal(json_write(item, &out), 0);
	assert_string_equal(out.data, wanted);
}

/* The member of that name, which is then the copy's to change. */
static cJSON *own_member(cJSON *object, const char *name)
{
	cJSON *item;

	assert_true(json_own(object));
	item = cJSON_GetObjectItemCaseSensitive(object, name);
	assert_non_null(item);
	assert_true(json_own(item));
	return item;
}

TEST(only_what_is_changed_is_copied)
{
	JSON_CLEANUP cJSON *from = original();
	JSON_CLEANUP cJSON *to = json_refer(from);
	JSON_CLEANUP cJSON *patch = NULL;
	cJSON *list = own_member(own_member(to, "a"), "b");

	assert_int_equal(json_push(list, cJSON_CreateString("z")), 0);
	cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetArrayItem(list, 2), "c");
	assert_non_null(cJSON_SetValuestring(own_member(to, "d"), "a longer one"));
	assert_non_null(cJSON_AddNumberToObject(own_member(to, "e"), "n", 2));
	cJSON_DeleteItemFromObjectCaseSensitive(to, "f");
	is_written(to, "{\"a\":{\"b\":[\"x\",{\"c\":1},\"z\"]},\"d\":\"a longer one\",\"e\":{\"n\":2}}");
	is_written(from, text);
	assert_ptr_equal(json_get(to, "a", NULL)->child->child->next->child,
			 json_get(from, "a", NULL)->child->child->next->child);
	patch = json_patch_diff(from, to);
	is_written(patch, "[{\"op\":\"add\",\"path\":\"/a/b/2\",\"value\":\"z\"},"
			  "{\"op\":\"replace\",\"path\":\"/d\",\"value\":\"a longer one\"},"
			  "{\"op\":\"add\",\"path\":\"/e/n\",\"value\":2},{\"op\":\"remove\",\"path\":\"/f\"}]");
}

TEST(what_is_nobody_elses_stays)
{
	JSON_CLEANUP cJSON *item = original();
	const cJSON *child = item->child;

	assert_true(json_own(NULL));
	assert_true(json_own(item));
	assert_ptr_equal(item->child, child);
}

static long allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

TEST(without_memory_nothing_is_changed)
{
	cJSON_Hooks hooks = { .malloc_fn = failing_malloc, .free_fn = free };
	JSON_CLEANUP cJSON *from = original();
	const cJSON *shared[] = { from, json_get(from, "d", NULL) };
	bool done = false;

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++, done = false) {
		for (long n = 0; !done; n++) {
			JSON_CLEANUP cJSON *to = json_refer(shared[i]);

			assert_non_null(to);
			allocations_left = n;
			cJSON_InitHooks(&hooks);
			done = json_own(to);
			cJSON_InitHooks(NULL);
			assert_int_equal(!(to->type & cJSON_IsReference), done);
			assert_true(done || (to->child == shared[i]->child && n < 6));
			assert_true(json_equal(to, shared[i]));
		}
	}
	is_written(from, text);
}
