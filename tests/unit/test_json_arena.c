/* The memory of one request: what lies in it, what does not, and that threads have their own. */
#include <pthread.h>

#include "common/base/json.h"
#include "common/base/json_arena.h"
#include "tests/unit/test.h"

#define TEXT "{\"a\":[1,2,{\"b\":\"a text that is longer than what stands in a list\"}],\"c\":null}"

static int install(void **state)
{
	(void)state;
	return json_arena_install();
}

TEST_GROUP(install, NULL)

static cJSON *parsed(void)
{
	cJSON *item = json_parse(TEXT, strlen(TEXT), JSON_ITEMS, NULL);

	assert_non_null(item);
	return item;
}

static bool is_near(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return (x < y ? y - x : x - y) < JSON_ARENA_SIZE;
}

/* The address of the first item of a request; it is not to be looked at. */
static const void *first_of_a_request(void)
{
	cJSON *item;

	json_arena_begin();
	item = parsed();
	cJSON_Delete(item);
	json_arena_end();
	return item;
}

TEST(each_request_begins_where_the_last_one_did)
{
	const void *first = first_of_a_request();

	for (int i = 0; i < 10; i++)
		assert_ptr_equal(first_of_a_request(), first);
}

TEST(what_was_there_before_stays_and_can_be_deleted_within)
{
	cJSON *before = parsed(), *after;
	JSON_CLEANUP cJSON *right = parsed();

	json_arena_begin();
	cJSON_Delete(parsed());
	assert_true(json_equal(before, right));
	cJSON_DeleteItemFromObjectCaseSensitive(before, "c");
	json_arena_end();
	after = parsed();
	assert_false(json_equal(before, right));
	assert_true(json_equal(after, right));
	cJSON_Delete(before);
	cJSON_Delete(after);
}

TEST(what_has_no_room_is_mallocs_and_goes_with_the_tree)
{
	size_t len = JSON_ARENA_SIZE;
	char *text = malloc(len + 1);
	cJSON *list;
	bool all_near = true;

	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	json_arena_begin();
	list = cJSON_CreateArray();
	assert_int_equal(json_push(list, cJSON_CreateString(text)), 0);
	text[len / 3] = '\0';
	for (int i = 0; i < 9; i++)
		assert_int_equal(json_push(list, cJSON_CreateString(text)), 0);
	for (const cJSON *item = list->child; item; item = item->next)
		all_near = all_near && is_near(list, item->valuestring);
	assert_false(all_near);
	assert_true(is_near(list, list->child->next->valuestring));
	assert_int_equal(strlen(list->child->prev->valuestring), len / 3);
	cJSON_Delete(list);
	json_arena_end();
	free(text);
}

TEST(what_lies_in_the_block_alone_needs_no_delete)
{
	cJSON *before = parsed(), *item;
	char *text = malloc(JSON_ARENA_SIZE + 1);

	assert_non_null(text);
	memset(text, 'x', JSON_ARENA_SIZE);
	text[JSON_ARENA_SIZE] = '\0';
	json_arena_begin();
	item = parsed();
	assert_true(json_arena_holds(item));
	assert_false(json_arena_holds(before));
	assert_int_equal(json_set(item, "long", cJSON_CreateString(text)), 0);
	assert_false(json_arena_holds(item));
	cJSON_Delete(item);
	json_arena_end();
	assert_false(json_arena_holds(before));
	cJSON_Delete(before);
	free(text);
}

/* Each thread writes what it reads again, while the others do. */
static void *ask(void *arg)
{
	int id = *(int *)arg;
	uintptr_t wrong = 0;

	for (int i = 0; i < 2000; i++) {
		cJSON *list;

		json_arena_begin();
		list = cJSON_CreateArray();
		for (int k = 0; k < 20; k++)
			json_push(list, cJSON_CreateNumber(id));
		for (const cJSON *n = list ? list->child : NULL; n; n = n->next)
			wrong += n->valueint != id;
		wrong += cJSON_GetArraySize(list) != 20;
		cJSON_Delete(list);
		json_arena_end();
	}
	return (void *)wrong;
}

TEST(threads_do_not_see_each_others)
{
	int ids[8];
	pthread_t threads[8];
	void *wrong;

	for (int i = 0; i < 8; i++) {
		ids[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &ids[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}
