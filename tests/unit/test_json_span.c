#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json_plain.h"
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

static uint32_t pick(uint32_t *random, uint32_t of)
{
	*random = *random * 1664525 + 1013904223;
	return (*random >> 8) % of;
}

/* A list of texts, most of them plain, and most of them as Go writes them, and what may follow. */
static struct json_span make_list(uint32_t *random, struct buf *out)
{
	static const char *const odd[] = { "\\\"", "\\n", "\x01", "\n", "\x7f", "\xc3\xa4" };
	static const char *const between[] = { ", ", " ,", "\n,", ",,", "", "]", ",7," };
	uint32_t odds = pick(random, 3) ? 1000 : 8;

	buf_addch(out, '[');
	for (uint32_t n = pick(random, 12); n > 0; n--) {
		buf_addch(out, '"');
		for (uint32_t len = pick(random, 90); len > 0; len--)
			buf_addstr(out, pick(random, 10 * odds) ? "x" : odd[pick(random, 6)]);
		buf_addch(out, '"');
		if (n > 1)
			buf_addstr(out, pick(random, odds) ? "," : between[pick(random, 7)]);
	}
	buf_addstr(out, "],\"more\":\"");
	for (uint32_t len = pick(random, 150); len > 0; len--)
		buf_addch(out, 'x');
	buf_addstr(out, "\"}");
	return (struct json_span){ out->data, pick(random, 4) ? out->len : pick(random, (uint32_t)out->len - 1) + 2 };
}

static bool is_plain(struct json_span value)
{
	for (size_t i = 1; i + 1 < value.len; i++) {
		if (!json_is_plain(value.at[i]))
			return false;
	}
	return value.at[0] == '"';
}

TEST(texts_that_are_taken_at_once_are_those_that_come_one_after_the_other)
{
	uint32_t random = 1;

	for (int turn = 0; turn < 100000; turn++) {
		BUF_CLEANUP struct buf list = BUF_INIT(1 << 16);
		struct json_span all = make_list(&random, &list), texts[16], name, value, other;
		struct json_walk at_once, singly;
		size_t room = pick(&random, 17), count;
		bool more;

		assert_true(json_walk_begin(&at_once, all) && json_walk_begin(&singly, all));
		count = json_walk_texts(&at_once, texts, room);
		for (size_t i = 0; i < count; i++) {
			assert_true(json_walk_next(&singly, &name, &value) && is_plain(value));
			assert_ptr_equal(value.at + 1, texts[i].at);
			assert_int_equal(value.len - 2, texts[i].len);
		}
		more = json_walk_next(&singly, &name, &value);
		assert_int_equal(json_walk_next(&at_once, &name, &other), more);
		assert_int_equal(at_once.broken, singly.broken);
		assert_true(!more || (other.at == value.at && other.len == value.len));
		assert_true(!more || count == room || !is_plain(value));
	}
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
