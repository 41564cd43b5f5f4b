#include <pthread.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/unit/test.h"

static cJSON *parse(const char *text)
{
	struct error err;
	cJSON *json = json_parse(text, strlen(text), JSON_ITEMS, &err);

	if (!json)
		fail_msg("%s: %s", text, err.text);
	return json;
}

TEST(get)
{
	JSON_CLEANUP cJSON *root = parse("{\"metadata\":{\"labels\":{\"codis.io/group\":\"2\",\"Name\":\"big\"},"
					 "\"n\":[1]}}");

	assert_string_equal(json_str(root, "metadata", "labels", "codis.io/group", NULL), "2");
	assert_null(json_str(root, "metadata", "labels", "name", NULL)); /* names are case-sensitive */
	assert_null(json_str(root, "metadata", "labels", NULL));
	assert_null(json_get(root, "metadata", "n", "0", NULL));
	assert_null(json_get(root, "metadata", "labels", "codis.io/group", "deeper", NULL));
	assert_null(json_get(NULL, "metadata", NULL));
	assert_ptr_equal(json_get(root, NULL), root);
	assert_null(json_str(NULL, NULL));
}

TEST(numbers)
{
	JSON_CLEANUP cJSON *root = parse("{\"a\":42,\"b\":-7,\"c\":1.5,\"d\":\"42\",\"e\":1e300,"
					 "\"f\":-9223372036854775808,\"g\":9223372036854775808,"
					 "\"h\":1700000000000,\"i\":-1e300,\"j\":1e999}");

	assert_int_equal(json_int(-1, root, "a", NULL), 42);
	assert_int_equal(json_int(-1, root, "b", NULL), -7);
	assert_int_equal(json_int(-1, root, "c", NULL), -1);
	assert_int_equal(json_int(-1, root, "d", NULL), -1);
	assert_int_equal(json_int(-1, root, "e", NULL), -1);
	assert_int_equal(json_int(-1, root, "f", NULL), INT64_MIN);
	assert_int_equal(json_int(-1, root, "g", NULL), -1);
	assert_int_equal(json_int(-1, root, "h", NULL), 1700000000000);
	assert_int_equal(json_int(-1, root, "i", NULL), -1);
	assert_int_equal(json_int(-1, root, "j", NULL), -1);
	assert_int_equal(json_int(-1, root, "missing", NULL), -1);
}

TEST(bools)
{
	JSON_CLEANUP cJSON *root = parse("{\"t\":true,\"f\":false,\"n\":null,\"s\":\"true\",\"i\":1}");

	assert_true(json_bool(false, root, "t", NULL));
	assert_false(json_bool(true, root, "f", NULL));
	assert_true(json_bool(true, root, "n", NULL));
	assert_false(json_bool(false, root, "s", NULL));
	assert_false(json_bool(false, root, "i", NULL));
}

TEST(parse_needs_no_nul)
{
	static const char text[] = { '[', '1', '2', ']', ' ', '\n', '9' };
	struct error err;
	JSON_CLEANUP cJSON *json = json_parse(text, 6, JSON_ITEMS, &err);

	assert_non_null(json);
	assert_int_equal(cJSON_GetArrayItem(json, 0)->valueint, 12);
	assert_null(json_parse(text, 7, JSON_ITEMS, &err));
	assert_non_null(strstr(err.text, "byte 6 of 7"));
}

TEST(parse_refuses)
{
	static const char *const cases[] = {
		"",       " ",           "{",   "}",           "[1,]",   "{\"a\":1,}", "{\"a\" 1}", "{a:1}",
		"\"open", "\"bad \\q\"", "tru", "nul",         "[1 2]",  "1 2",        "{} x",      "[]]",
		"'a'",    "+1",          "NaN", "\"\\ud800\"", "<html>", "[1]\x01",
	};
	struct error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* In memory of its own, so that a sanitizer sees a read behind the end. */
		size_t len = strlen(cases[i]);
		char *copy = malloc(len + !len);

		memcpy(copy, cases[i], len);
		err = (struct error)ERROR_INIT;
		if (json_parse(copy, len, JSON_ITEMS, &err))
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_memory_equal(err.text, "not JSON: ", 10);
		free(copy);
	}
	assert_null(json_parse("[1]\0", 4, JSON_ITEMS, &err));
}

TEST(every_cut_of_a_text_is_refused)
{
	static const char text[] = "{\"a\":[1,-2.5e3,\"\\u00e9\\n\",true,false,null],\"b\":{\"c\":{}}}";
	struct error err;
	char *copy;

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		copy = malloc(len + !len);
		memcpy(copy, text, len);
		assert_null(json_parse(copy, len, JSON_ITEMS, &err));
		free(copy);
	}
	cJSON_Delete(parse(text));
}

/* What `[0,0,0,...]` costs is 40 times its length, so it is refused before it is parsed. */
TEST(values_are_counted_before_they_are_parsed)
{
	static const struct {
		const char *text;
		size_t items;
	} texts[] = {
		{ "0", 1 },
		{ "[0,0,0]", 4 },
		{ "[]", 2 }, /* as many as there may be */
		{ "{\"a\":{\"b\":[1,2]},\"c\":3}", 6 },
		{ "\"a,b,[c,{d\"", 1 },
		{ "[\"a\\\",b\",\"\\\\\",\"c\"]", 4 },
	};
	struct error err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		JSON_CLEANUP cJSON *json = json_parse(texts[i].text, strlen(texts[i].text), texts[i].items, &err);

		if (!json)
			fail_msg("%s: %s", texts[i].text, err.text);
		assert_null(json_parse(texts[i].text, strlen(texts[i].text), texts[i].items - 1, &err));
		assert_int_equal(err.code, ERR_TOOBIG);
	}
	assert_null(json_parse("[1,2,3]", 7, 3, &err));
	assert_string_equal(err.text, "JSON of more than 3 values");
}

static size_t allocated;

static void *count_malloc(size_t size)
{
	allocated += size;
	return malloc(size);
}

TEST(what_a_parse_may_take_is_bounded)
{
	enum { LEN = 3 << 20 };
	cJSON_Hooks counting = { count_malloc, free };
	char *text = malloc(LEN);
	struct error err;

	for (size_t i = 0; i < LEN; i++)
		text[i] = i % 2 ? '0' : ',';
	text[0] = '[';
	text[LEN - 2] = '0';
	text[LEN - 1] = ']';
	allocated = 0;
	cJSON_InitHooks(&counting);
	assert_null(json_parse(text, LEN, JSON_ITEMS, &err));
	cJSON_InitHooks(NULL);
	assert_int_equal(allocated, 0);
	assert_string_equal(err.text, "JSON of more than 100000 values");
	free(text);
}

TEST(depth_is_limited)
{
	enum { DEEP = 200000 };
	char *text = malloc(DEEP);
	struct error err;

	memset(text, '[', DEEP);
	assert_null(json_parse(text, DEEP, JSON_ITEMS, &err));
	for (int i = 0; i < DEEP / 5; i++)
		memcpy(text + 5 * i, "{\"a\":", 5);
	assert_null(json_parse(text, DEEP, JSON_ITEMS, &err));
	free(text);
}

TEST(build_and_write)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1000);
	JSON_CLEANUP cJSON *root = cJSON_CreateObject();
	cJSON *list;

	assert_non_null(json_add_str(json_add_object(root, "o"), "s", "a\"b\n"));
	list = json_add_array(root, "l");
	assert_int_equal(json_push(list, cJSON_CreateTrue()), 0);
	assert_int_equal(json_push(list, cJSON_CreateNull()), 0);
	assert_non_null(json_add_int(root, "ms", 1767323045678));
	assert_non_null(json_add_int(root, "neg", -5));
	assert_non_null(json_add_bool(root, "no", false));
	assert_non_null(json_add_fmt(root, "f", "%d/%s", 3, "x"));
	assert_int_equal(json_write(root, &out), 0);
	assert_string_equal(out.data, "{\"o\":{\"s\":\"a\\\"b\\n\"},\"l\":[true,null],\"ms\":1767323045678,\"neg\":-5,"
				      "\"no\":false,\"f\":\"3/x\"}");
}

TEST(builders_bear_what_is_not_there)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1000);

	assert_null(json_add_object(NULL, "o"));
	assert_null(json_add_str(NULL, "s", "x"));
	assert_int_equal(json_push(NULL, cJSON_CreateTrue()), -1); /* and freed */
	assert_int_equal(json_write(NULL, &out), -1);
	assert_true(out.failed);
}

/* As cJSON writes it, whatever it is. */
TEST(written_as_cjson_writes)
{
	static const char *const texts[] = {
		"null",
		"[true,false,null,[],{}]",
		"[0,-0,1,-1,2147483647,-2147483648,2147483648,1e3,1e-3,0.1,-1.5,1e999,123456789012345680000,4e9]",
		"{\"\":\"\",\"a\":{\"b\":[\"c\"]},\"\\\"\":\"\\\\\"}",
		"\"\\u0001\\u001f\\b\\f\\n\\r\\t \\/ \\u20ac \x7f \xff\xc3 seven and eight bytes\"",
		"[\"1234567\\n\",\"12345678\\n\",\"123456789\\n\",\"\\n\\n\",\"1234567\\\"\"]",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		JSON_CLEANUP cJSON *item = json_parse(texts[i], strlen(texts[i]), JSON_ITEMS, NULL);
		BUF_CLEANUP struct buf out = BUF_INIT(1000);
		char *right = cJSON_PrintUnformatted(item);

		assert_non_null(right);
		assert_int_equal(json_write(item, &out), 0);
		assert_string_equal(out.data, right);
		free(right);
	}
}

/* Of any length, and within a limit that is just enough. */
/* Texts are looked at several bytes at a time. */
TEST(each_byte_is_written_as_cjson_writes_it_wherever_it_stands)
{
	static const size_t lengths[] = { 34, 164 };

	for (int i = 0; i < 255 * 2; i++) {
		size_t len = lengths[i % 2];

		for (size_t at = 0; at < len; at++) {
			char text[165] = "", *printed;
			BUF_CLEANUP struct buf out = BUF_INIT(1200);
			JSON_CLEANUP cJSON *item = NULL;

			memset(text, '-', len);
			text[at] = (char)(1 + i / 2);
			item = cJSON_CreateString(text);
			printed = cJSON_PrintUnformatted(item);
			assert_int_equal(json_write(item, &out), 0);
			assert_string_equal(out.data, printed);
			cJSON_free(printed);
		}
	}
}

TEST(long_texts_are_written_as_cjson_writes)
{
	static const size_t lengths[] = { 511, 512, 513, 4095, 4096, 4097, 9000 };
	static const char bytes[] = "a plain text, \"quoted\"\n\x1f";

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		JSON_CLEANUP cJSON *item = NULL;
		char text[9001] = "", *right;

		for (size_t at = 0; at < lengths[i]; at++)
			text[at] = bytes[at % (sizeof(bytes) - 1)];
		item = cJSON_CreateString(text);
		right = cJSON_PrintUnformatted(item);
		assert_non_null(right);
		for (size_t less = 0; less < 2; less++) {
			BUF_CLEANUP struct buf out = BUF_INIT(strlen(right) - less);

			assert_int_equal(json_write(item, &out), less ? -1 : 0);
			if (!less)
				assert_string_equal(out.data, right);
		}
		free(right);
	}
}

TEST(write_stays_in_the_limit)
{
	BUF_CLEANUP struct buf out = BUF_INIT(4);
	JSON_CLEANUP cJSON *root = parse("[1,2]");

	assert_int_equal(json_write(root, &out), -1);
	assert_true(out.failed);
}

static bool equal(const char *a, const char *b)
{
	JSON_CLEANUP cJSON *x = parse(a), *y = parse(b);

	assert_int_equal(json_equal(x, y), json_equal(y, x));
	return json_equal(x, y);
}

TEST(equal)
{
	assert_true(equal("{\"a\":1,\"b\":[true,null,\"x\"]}", "{\"b\":[true,null,\"x\"],\"a\":1.0}"));
	assert_true(equal("{}", "{}"));
	assert_false(equal("{\"a\":1}", "{\"a\":1,\"b\":2}"));
	assert_false(equal("{\"a\":1}", "{\"A\":1}"));
	assert_false(equal("[1,2]", "[2,1]"));
	assert_false(equal("[1]", "[1,1]"));
	assert_false(equal("\"1\"", "1"));
	assert_false(equal("true", "false"));
	assert_false(equal("{}", "[]"));
	assert_false(equal("9007199254740991", "9007199254740990"));
	assert_false(equal("{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":1}"));
	assert_true(json_equal(NULL, NULL));
}

/* n members, in their order or backwards, and what stands before them. */
static cJSON *many_members(const char *first, int n, bool backwards)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4u << 20);

	buf_addf(&text, "{%s", first);
	for (int i = 0; i < n; i++)
		buf_addf(&text, "%s\"k%d\":1", i || *first ? "," : "", backwards ? n - 1 - i : i);
	buf_addch(&text, '}');
	return parse(text.data);
}

/* Whoever may write annotations may write 60,000 of them: to look for each from the first on takes a minute. */
TEST(equal_takes_no_longer_than_reading)
{
	JSON_CLEANUP cJSON *all = many_members("", 60000, false), *same = many_members("", 60000, false);
	JSON_CLEANUP cJSON *one_more = many_members("\"a\":1", 60000, false);
	JSON_CLEANUP cJSON *another = many_members("\"a\":1", 59999, false);
	JSON_CLEANUP cJSON *backwards = many_members("", 60000, true);
	JSON_CLEANUP cJSON *few = many_members("", 90, false), *few_backwards = many_members("", 90, true);
	int64_t began_us = clock_thread_us();

	assert_true(json_equal(all, same));
	assert_false(json_equal(all, one_more));
	assert_false(json_equal(one_more, all));
	assert_false(json_equal(all, another));
	assert_false(json_equal(another, all));
	assert_false(json_equal(all, backwards)); /* not found to be so */
	assert_true(json_equal(few, few_backwards));
	assert_in_range(clock_thread_us() - began_us, 0, 2000000);
}

TEST(equal_of_names_that_are_there_twice)
{
	assert_true(equal("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"));
	assert_false(equal("{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":1}"));
	assert_false(equal("{\"a\":1,\"a\":1}", "{\"a\":1}"));
}

/* cJSON's own comparison would take 2^60 steps. */
TEST(equal_of_deep_objects)
{
	BUF_CLEANUP struct buf text = BUF_INIT(100000);

	for (int i = 0; i < 60; i++)
		buf_addstr(&text, "{\"a\":");
	buf_addch(&text, '1');
	for (int i = 0; i < 60; i++)
		buf_addch(&text, '}');
	assert_true(equal(text.data, text.data));
}

static void assert_found(const char *text, const char *name, const char *expected)
{
	size_t from = 0, to = 0;
	bool found = json_find(text, strlen(text), name, &from, &to);

	assert_int_equal(found, expected != NULL);
	if (!found)
		return;
	assert_int_equal(to - from, strlen(expected));
	assert_memory_equal(text + from, expected, to - from);
}

TEST(part_of_a_text_is_found_without_parsing)
{
	assert_found("{\"a\":1,\"slots\":[{\"id\":0},[]],\"b\":2}", "slots", "[{\"id\":0},[]]");
	assert_found("{\"x\":{\"slots\": {\"s\":\"]}\\\"}\"}},\"z\":1}", "slots", "{\"s\":\"]}\\\"}\"}");
	assert_found("{\"slots\":7,\"b\":[]}", "slots", NULL);          /* neither object nor array */
	assert_found("{\"slots\":[1,2", "slots", NULL);                 /* without an end */
	assert_found("{\"s\":\"a \\\"slots\\\":[] \"}", "slots", NULL); /* in a string */
	assert_found("", "slots", NULL);
}
