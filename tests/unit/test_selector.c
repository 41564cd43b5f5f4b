/* Which labels a LabelSelector selects: the table of the Kubernetes documentation. */
#include "common/kube/selector.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

static bool matches(const char *selector, const char *labels)
{
	JSON_CLEANUP cJSON *s = parse_text(selector), *l = parse_text(labels);

	return selector_matches(s, l);
}

#define SERVER "{\"app\":\"codis-server\",\"tier\":\"data\"}"

TEST(labels_have_to_be_there_all)
{
	assert_true(matches("{\"matchLabels\":{\"app\":\"codis-server\"}}", SERVER));
	assert_true(matches("{\"matchLabels\":{\"app\":\"codis-server\",\"tier\":\"data\"}}", SERVER));
	assert_false(matches("{\"matchLabels\":{\"app\":\"codis-proxy\"}}", SERVER));
	assert_false(matches("{\"matchLabels\":{\"app\":\"codis-server\",\"zone\":\"a\"}}", SERVER));
	assert_false(matches("{\"matchLabels\":{\"app\":\"codis-server\"}}", "{}"));
	assert_false(matches("{\"matchLabels\":{\"App\":\"codis-server\"}}", SERVER)); /* letters count */
	/* In a list, where an object belongs. */
	assert_false(matches("{\"matchLabels\":[\"codis-server\"]}", SERVER));
}

#define EXPRESSION(key, op, values)                                                                                    \
	"{\"matchExpressions\":[{\"key\":\"" key "\",\"operator\":\"" op "\",\"values\":" values "}]}"

TEST(expressions)
{
	assert_true(matches(EXPRESSION("app", "In", "[\"x\",\"codis-server\"]"), SERVER));
	assert_false(matches(EXPRESSION("app", "In", "[\"x\"]"), SERVER));
	assert_false(matches(EXPRESSION("zone", "In", "[\"x\"]"), SERVER));
	assert_false(matches(EXPRESSION("app", "NotIn", "[\"codis-server\"]"), SERVER));
	assert_true(matches(EXPRESSION("app", "NotIn", "[\"x\"]"), SERVER));
	assert_true(matches(EXPRESSION("zone", "NotIn", "[\"x\"]"), SERVER));
	assert_true(matches(EXPRESSION("app", "Exists", "[]"), SERVER));
	assert_false(matches(EXPRESSION("zone", "Exists", "[]"), SERVER));
	assert_true(matches(EXPRESSION("zone", "DoesNotExist", "[]"), SERVER));
	assert_false(matches(EXPRESSION("app", "DoesNotExist", "[]"), SERVER));
}

TEST(both_have_to_hold)
{
	const char *both = "{\"matchLabels\":{\"app\":\"codis-server\"},"
			   "\"matchExpressions\":[{\"key\":\"tier\",\"operator\":\"NotIn\",\"values\":[\"data\"]}]}";

	assert_false(matches(both, SERVER));
	assert_true(matches(both, "{\"app\":\"codis-server\",\"tier\":\"cache\"}"));
}

TEST(empty_selects_all_and_none_nothing)
{
	assert_true(matches("{}", SERVER));
	assert_true(matches("{}", "{}"));
	assert_false(matches("null", SERVER));
	assert_false(selector_matches(NULL, NULL));
}

/* Nothing is said to be protected by what cannot be read. */
TEST(what_cannot_be_read_selects_nothing)
{
	assert_false(matches(EXPRESSION("app", "Like", "[\"codis-server\"]"), SERVER));
	assert_false(matches("{\"matchExpressions\":[7]}", SERVER));
	assert_false(matches("{\"matchExpressions\":[{\"operator\":\"DoesNotExist\"}]}", SERVER));
	assert_false(matches("{\"matchLabels\":{\"app\":7}}", SERVER));
	assert_false(matches("[]", SERVER));
}

/* A megabyte of them would be looked for among as many labels. */
TEST(more_terms_than_anybody_writes_select_nothing)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);

	for (int n = 100; n <= 101; n++) {
		buf_reset(&text);
		buf_addstr(&text, "{\"matchLabels\":{\"app\":\"codis-server\"},\"matchExpressions\":[");
		for (int i = 1; i < n; i++)
			buf_addf(&text, "%s{\"key\":\"tier\",\"operator\":\"Exists\"}", i > 1 ? "," : "");
		buf_addstr(&text, "]}");
		assert_int_equal(matches(text.data, SERVER), n == 100);
	}
}
