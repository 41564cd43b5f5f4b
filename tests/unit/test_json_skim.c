/* A text is parsed without the members that nobody reads, and what is no plain JSON is parsed as it is. */
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_skim.h"
#include "tests/unit/test.h"

static const struct json_cut inner[] = { JSON_CUT("x", NULL), JSON_CUT("y", NULL), JSON_CUT_END };
static const struct json_cut cuts[] = { JSON_CUT("x", NULL), JSON_CUT("in", inner), JSON_CUT("gone", NULL),
					JSON_CUT_END };

TEST(members_are_left_out_with_their_commas)
{
	static const char *const cases[][2] = {
		{ "{}", "{}" },
		{ "{\"x\":1}", "{}" },
		{ "{\"x\":1,\"a\":2}", "{\"a\":2}" },
		{ "{\"a\":2,\"x\":1}", "{\"a\":2}" },
		{ "{\"a\":1,\"x\":2,\"b\":3}", "{\"a\":1,\"b\":3}" },
		{ "{\"x\":1,\"gone\":2,\"x\":3}", "{}" },
		{ "{\"a\":1,\"x\":1,\"gone\":2,\"b\":3,\"x\":4}", "{\"a\":1,\"b\":3}" },
		{ "{\"x\":{\"a\":[1,{\"b\":\"}\"}]},\"a\":\"x\"}", "{\"a\":\"x\"}" },
		{ "{\"in\":{\"x\":1,\"z\":2,\"y\":3},\"y\":4}", "{\"in\":{\"z\":2},\"y\":4}" },
		{ "{\"in\":[{\"x\":1},{\"z\":2},7,[{\"y\":3}]]}", "{\"in\":[{},{\"z\":2},7,[{}]]}" },
		{ "{\"a\":{\"x\":1},\"in\":\"x\"}", "{\"a\":{\"x\":1},\"in\":\"x\"}" },
		{ "{\"X\":1,\"xx\":2,\"\":3}", "{\"X\":1,\"xx\":2,\"\":3}" },
		{ " {\n \"x\" : 1 ,\t\"a\" : 2 } \r\n", " {\t\"a\" : 2 } \r\n" },
		{ "[{\"x\":1}]", "[{}]" },
		{ "-1.5e+3", "-1.5e+3" },
		{ "\"\\u20ac\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		  "\"\\u20ac\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"" },
		/* A name with an escape may be any name: it stays. */
		{ "{\"\\u0078\":1}", "{\"\\u0078\":1}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		BUF_CLEANUP struct buf out = BUF_INIT(1000);

		if (!json_skim(cases[i][0], strlen(cases[i][0]), cuts, &out))
			fail_msg("%s", cases[i][0]);
		if (strcmp(out.data, cases[i][1]) != 0)
			fail_msg("%s is %s", cases[i][0], out.data);
	}
}

/* Texts are looked at several bytes at a time. */
TEST(a_byte_is_special_wherever_it_stands)
{
	static const struct {
		const char *byte;
		bool taken;
	} bytes[] = { { "\n", false }, { "\x1f", false }, { " ", true },    { "\x7f", true }, { "\xff", true },
		      { "\\", false }, { "\"", false },   { "\\\"", true }, { "!", true },    { "]", true } };
	char text[200], dashes[141] = "";

	memset(dashes, '-', sizeof(dashes) - 1);
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		for (int at = 0; at < 140; at++) {
			BUF_CLEANUP struct buf out = BUF_INIT(1000);
			int n = snprintf(text, sizeof(text), "[\"%.*s%s%.*sx\"]", at, dashes, bytes[i].byte, 140 - at,
					 dashes);

			if (json_skim(text, (size_t)n, cuts, &out) != bytes[i].taken)
				fail_msg("%s", text);
		}
	}
}

/* As json_parse() takes it, or does not, and in its words. */
TEST(what_is_not_plain_is_parsed_as_it_is)
{
	static const char *const texts[] = {
		"",
		"{",
		"{\"x\":1,}",
		"{\"x\" 1}",
		"{x:1}",
		"[1,]",
		"[1 2]",
		"01",
		"1.",
		"-",
		"1e",
		"--1",
		"+1",
		"tru",
		"truee",
		"{} {}",
		"\"\t\"",
		"\"\\x\"",
		"\"\\u12g\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\ud800\\u0041\"",
		"\"",
		"\"\\",
		"{\"x\":}",
		"{\"x\":01}",
		"{\"x\":\"\n\"}",
		"{\"x\":1.}",
		"\v{\"x\":1}",
		"{\"x\":1}\v",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		BUF_CLEANUP struct buf out = BUF_INIT(1000);
		struct error whole_err = ERROR_INIT, err = ERROR_INIT;
		size_t len = strlen(texts[i]);
		JSON_CLEANUP cJSON *whole = json_parse(texts[i], len, JSON_ITEMS, &whole_err);
		JSON_CLEANUP cJSON *item = json_parse_skimmed(texts[i], len, JSON_ITEMS, cuts, &err);

		if (json_skim(texts[i], len, cuts, &out))
			fail_msg("%s", texts[i]);
		assert_true(json_equal(whole, item));
		assert_string_equal(err.text, whole_err.text);
	}
}

TEST(depth_is_limited)
{
	char text[400];

	for (size_t depth = 98; depth <= 101; depth++) {
		BUF_CLEANUP struct buf out = BUF_INIT(1000);

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(json_skim(text, 2 * depth, cuts, &out), depth <= 100);
	}
}

TEST(values_are_counted_before_they_are_left_out)
{
	static const char text[] = "{\"x\":[1,2,3,4,5,6,7,8,9]}";
	struct error err = ERROR_INIT;

	assert_null(json_parse_skimmed(text, strlen(text), 10, cuts, &err));
	assert_int_equal(err.code, ERR_TOOBIG);
	cJSON_Delete(json_parse_skimmed(text, strlen(text), 11, cuts, &err));
}
