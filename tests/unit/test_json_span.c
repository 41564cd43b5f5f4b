#include <stdio.h>
#include <string.h>

#include "common/base/json_span.h"
#include "tests/unit/test.h"

static struct json_span all(const char *text)
{
	return json_span_trim(text, strlen(text));
}

/* "name=value;..." of all members, or "broken" where they end. */
static const char *walked(const char *text, char out[256])
{
	struct json_span name, value;
	struct json_walk w;
	size_t at = 0;

	out[0] = '\0';
	if (!json_walk_begin(&w, all(text)))
		return "neither";
	while (json_walk_next(&w, &name, &value))
		at += (size_t)snprintf(out + at, 256 - at, "%.*s=%.*s;", (int)name.len, name.at ? name.at : "",
				       (int)value.len, value.at);
	if (w.broken)
		snprintf(out + at, 256 - at, "broken");
	return out;
}

/* "text;..." of those that are taken at once, then what json_walk_next() says. */
static const char *taken(const char *list, size_t room, char out[256])
{
	struct json_span texts[8], name, value;
	struct json_walk w;
	size_t at = 0, count;

	if (!json_walk_begin(&w, all(list)))
		return "neither";
	count = json_walk_texts(&w, texts, room);
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(out + at, 256 - at, "%.*s;", (int)texts[i].len, texts[i].at);
	if (json_walk_next(&w, &name, &value))
		snprintf(out + at, 256 - at, "then %.*s", (int)value.len, value.at);
	else
		snprintf(out + at, 256 - at, "%s", w.broken ? "broken" : "end");
	return out;
}

TEST(plain_texts_are_taken_at_once)
{
	static const struct {
		const char *list;
		size_t room;
		const char *taken;
	} cases[] = {
		{ "[]", 8, "end" },
		{ "[\"a\"]", 8, "a;end" },
		{ "[ \"a\" , \"\",\"0123456789abcdef0123\"\n]", 8, "a;;0123456789abcdef0123;end" },
		{ "[\"a\",\"b\",\"c\"]", 2, "a;b;then \"c\"" },
		{ "[\"a\",\"b\"]", 0, "then \"a\"" },
		{ "[\"a\",7,\"b\"]", 8, "a;then 7" },
		{ "[\"a\",\"b\\n\"]", 8, "a;then \"b\\n\"" },
		{ "[\"a\",\"0123456789abcdef\\\"\"]", 8, "a;then \"0123456789abcdef\\\"\"" },
		{ "[\"a\",\"b\x01\"]", 8, "a;then \"b\x01\"" },
		{ "[\"a\",]", 8, "a;broken" },
		{ "[\"a\" \"b\"]", 8, "a;broken" },
		{ "[\"a\",\"b", 8, "a;broken" },
		{ "[\"a\",\"0123456789abcdef", 8, "a;broken" },
		{ "[\"a\"", 8, "a;broken" },
		{ "{\"a\":\"b\"}", 8, "then \"b\"" },
	};
	char out[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(taken(cases[i].list, cases[i].room, out), cases[i].taken);
}

TEST(members_stand_where_they_stand)
{
	static const struct {
		const char *text, *members;
	} cases[] = {
		{ "{}", "" },
		{ "[]", "" },
		{ " { \"a\" : 1 , \"b\":[ 1,{\"c\":\"]}\"} ] } ", "a=1;b=[ 1,{\"c\":\"]}\"} ];" },
		{ "[1,\"a\\\"b\",null,{\"x\":[[]]}]", "=1;=\"a\\\"b\";=null;={\"x\":[[]]};" },
		{ "{\"a\\\\\":\"\\\\\"}", "a\\\\=\"\\\\\";" },
		{ "", "neither" },
		{ "7", "neither" },
		{ "{", "neither" },
		{ "{\"a\"}", "broken" },
		{ "{\"a\":}", "broken" },
		{ "{\"a\":1,}", "a=1;broken" },
		{ "{\"a\":1 \"b\":2}", "a=1;broken" },
		{ "{\"a\":1}}", "a=1;broken" },
		{ "{\"a\":1]", "a=1;broken" },
		{ "{\"a\":[1}", "a=[1};broken" }, /* who reads the value finds what is wrong in it */
		{ "{\"a\":\"x}", "broken" },
		{ "{,}", "broken" },
		{ "[1,,2]", "=1;broken" },
		{ "[1", "=1;broken" },
		{ "{a:1}", "broken" },
	};
	char out[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(walked(cases[i].text, out), cases[i].members);
}

TEST(a_member_is_found_by_its_name)
{
	struct json_span pod = all("{\"metadata\":{\"uid\":\"u\",\"name\":\"a\\n\"},\"n\":7}");
	struct json_span metadata = json_span_member(pod, "metadata");

	assert_true(json_span_is(json_span_text(json_span_member(metadata, "uid")), "u"));
	assert_null(json_span_text(json_span_member(metadata, "name")).at); /* it has an escape */
	assert_null(json_span_text(json_span_member(pod, "n")).at);
	assert_null(json_span_member(pod, "meta").at);
	assert_null(json_span_member(json_span_member(pod, "n"), "x").at);
	assert_null(json_span_member(json_span_member(pod, "none"), "x").at);
}

TEST(a_walk_within_a_walk_goes_over_the_text_once)
{
	struct json_span name, value;
	struct json_walk members, list;

	assert_true(json_walk_begin(&members, all("{\"names\":[\"a\", \"b\"] ,\"rest\":1}")));
	assert_true(json_walk_name(&members, &name));
	assert_int_equal(json_walk_at(&members), '[');
	assert_true(json_walk_enter(&members, &list));
	assert_true(json_walk_next(&list, &name, &value));
	assert_true(json_walk_next(&list, &name, &value));
	assert_true(json_span_is(value, "\"b\""));
	assert_false(json_walk_next(&list, &name, &value));
	assert_false(list.broken);
	assert_true(json_span_is(json_walk_leave(&members, &list), "[\"a\", \"b\"]"));
	assert_true(json_walk_next(&members, &name, &value));
	assert_true(json_span_is(name, "rest"));
	assert_false(json_walk_next(&members, &name, &value));
	assert_false(members.broken);
}

TEST(a_walk_that_was_left_too_soon_is_broken)
{
	struct json_span name;
	struct json_walk members, list;

	assert_true(json_walk_begin(&members, all("{\"names\":[\"a\", \"b\"]}")));
	assert_true(json_walk_name(&members, &name));
	assert_true(json_walk_enter(&members, &list));
	json_walk_leave(&members, &list);
	assert_true(members.broken);
	assert_false(json_walk_name(&members, &name));
}
