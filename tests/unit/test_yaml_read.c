/* YAML as Kubernetes reads it. */
#include "common/base/yaml_read.h"

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

#define MEMORY (1u << 20)

struct read {
	struct buf json;
	int count, last_line;
};

static int on_document(void *ctx, cJSON *document, int line, struct error *err)
{
	struct read *read = ctx;
	int r;

	if (read->count++)
		buf_addch(&read->json, '\n');
	read->last_line = line;
	r = json_write(document, &read->json);
	cJSON_Delete(document);
	return r == 0 ? 0 : error_set(err, ERR_NOMEM, "no memory");
}

static int read_text(const char *text, struct read *read, struct error *err)
{
	read->count = read->last_line = 0;
	buf_init(&read->json, MEMORY);
	return yaml_read(text, strlen(text), MEMORY, on_document, read, err);
}

static void assert_reads(const char *text, const char *json)
{
	struct error err = ERROR_INIT;
	struct read read;

	if (read_text(text, &read, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(read.json.data, json);
	buf_release(&read.json);
}

static void assert_refused(const char *text, const char *why)
{
	struct error err = ERROR_INIT;
	struct read read;

	if (read_text(text, &read, &err) == 0)
		fail_msg("%s is %s", text, read.json.data);
	assert_string_equal(err.text, why);
	buf_release(&read.json);
}

TEST(plain_words_are_what_kubernetes_takes_them_for)
{
	assert_reads("[null, ~, Null, '', '~', nULL]", "[null,null,null,\"\",\"~\",\"nULL\"]");
	assert_reads("[true, Yes, on, y, 'true', tRue]", "[true,true,true,true,\"true\",\"tRue\"]");
	assert_reads("[false, NO, off, n, \"no\", nope]", "[false,false,false,false,\"no\",\"nope\"]");
	assert_reads("a:\nb: x y\n", "{\"a\":null,\"b\":\"x y\"}");
}

TEST(numbers_are_those_of_go)
{
	assert_reads("[0, 7, -3, +5, 1_000, 010, 0x1F, 0b101, 0o17, 08]", "[0,7,-3,5,1000,8,31,5,15,8]");
	assert_reads("[1.5, .5, 1., 1e3, -2.5E-1, '1']", "[1.5,0.5,1,1000,-0.25,\"1\"]");
	assert_reads(
		"[1:30, 1.2.3, 0x, -, ., 1e, 512Mi, 100m, 10.0.0.1, 2006-01-02, +a, .a, 0xg]",
		"[\"1:30\",\"1.2.3\",\"0x\",\"-\",\".\",\"1e\",\"512Mi\",\"100m\",\"10.0.0.1\",\"2006-01-02\",\"+a\","
		"\".a\",\"0xg\"]");
	assert_refused("a: .inf", "line 1: JSON has no such number");
	assert_refused("a: [1,\n .NaN]", "line 2: JSON has no such number");
}

TEST(keys_are_texts)
{
	assert_reads("on: 1\n010: 2\n'null': 3\n1.5: 4\n", "{\"true\":1,\"8\":2,\"null\":3,\"1.5\":4}");
	assert_refused("? [a]\n: 1\n", "line 1: a key that is no text");
	assert_refused("~: 1\n", "line 1: a key that is no text");
}

TEST(a_key_that_stands_twice_is_refused)
{
	assert_refused("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "line 5: key \"c\" stands there already, in line 3");
	assert_refused("8: 1\n010: 2\n", "line 2: key \"8\" stands there already, in line 1");
	assert_reads("a: {c: 1}\nb: {c: 1}\n", "{\"a\":{\"c\":1},\"b\":{\"c\":1}}");
}

TEST(tags)
{
	assert_reads("[!!str 1, ! 2, !!int \"3\", !!float 4, !!bool \"yes\", !!null '']",
		     "[\"1\",\"2\",3,4,true,null]");
	assert_refused("a: !!int x",
		       "line 1: a value that is not what its tag says, or a tag that Kubernetes does not know");
	assert_refused("a: !Ref x", "line 1: a tag that Kubernetes does not know");
}

TEST(texts_of_several_lines)
{
	assert_reads("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}");
	assert_refused("a: \"x\\0y\"", "line 1: a text has a zero byte in it");
}

TEST(documents)
{
	struct error err = ERROR_INIT;
	struct read read;

	assert_reads("", "");
	assert_reads("# nothing\n---\n---\n", "");
	assert_reads("---\na: 1\n---\n# none\n---\n[2]\n...\n", "{\"a\":1}\n[2]");
	assert_reads("{\"a\": [1, \"x\", {\"b\": null}]}", "{\"a\":[1,\"x\",{\"b\":null}]}");
	assert_int_equal(read_text("a: 1\n---\n\nb: 2\n", &read, &err), 0);
	assert_int_equal(read.last_line, 4);
	buf_release(&read.json);
	/* what stands before an error is told */
	assert_int_equal(read_text("a: 1\n---\nb: [\n", &read, &err), -1);
	assert_string_equal(read.json.data, "{\"a\":1}");
	buf_release(&read.json);
}

TEST(aliases_are_copies)
{
	assert_reads("a: &x {b: [1]}\nc: *x\nd: *x\n", "{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]},\"d\":{\"b\":[1]}}");
	assert_reads("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}");
	assert_refused("a: *x\n", "line 1: an alias of an anchor that is not there");
	assert_refused("a: &x 1\n---\nb: *x\n", "line 3: an alias of an anchor that is not there");
	assert_refused("a: &x\n  b: *x\n", "line 2: an alias within what it stands for");
}

TEST(merged_keys_are_those_that_are_not_there)
{
	assert_reads("a: &x {b: 1, c: 2}\nd: {c: 3, <<: *x, e: 4}\n",
		     "{\"a\":{\"b\":1,\"c\":2},\"d\":{\"c\":3,\"e\":4,\"b\":1}}");
	assert_reads("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  <<: [*x, *y]\n",
		     "{\"a\":{\"b\":1},\"c\":{\"b\":2,\"d\":3},\"e\":{\"b\":1,\"d\":3}}");
	assert_reads("'<<': {a: 1}\n", "{\"<<\":{\"a\":1}}");
	assert_refused("a: &x 1\nb:\n  <<: *x\n", "line 3: << takes a mapping, or a list of them");
	assert_refused("a: {<<: {b: 1}, <<: {c: 1}}\n", "line 1: << stands there twice");
	assert_refused("a: {<<: &x {b: 1}}\nc: *x\n", "line 1: << takes aliases, and has an anchor in it");
}

/* Ten times nine: a billion values from a kilobyte. */
TEST(a_text_that_would_grow_without_bound_is_refused)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);

	buf_addstr(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		buf_addf(&text, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			buf_addf(&text, "%s*a%d", k ? ", " : "", i - 1);
		buf_addstr(&text, "]\n");
	}
	assert_refused(text.data, "line 5: there is more in it than fits into 1 MiB of memory");
}

TEST(depth_is_bounded)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);

	for (int i = 0; i < YAML_DEPTH; i++)
		buf_addch(&text, '[');
	for (int i = 0; i < YAML_DEPTH; i++)
		buf_addch(&text, ']');
	assert_reads(text.data, text.data);
	buf_reset(&text);
	for (int i = 0; i <= YAML_DEPTH; i++)
		buf_addch(&text, '[');
	assert_refused(text.data, "line 1: values stand too deep within each other");
	/* and by aliases of aliases */
	buf_reset(&text);
	buf_addstr(&text, "a0: &a0 [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n");
	for (int i = 1; i < 8; i++)
		buf_addf(&text,
			 "a%d: &a%d "
			 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[*a%d]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
			 i, i, i - 1);
	assert_refused(text.data, "line 5: values stand too deep within each other");
}

TEST(what_is_no_yaml_is_told_with_its_line)
{
	assert_refused("a: 1\nb: [2\nc: 3\n",
		       "line 3: no YAML: did not find expected ',' or ']' while parsing a flow sequence");
	assert_refused(
		"a: 1\n\tb: 2\n",
		"line 2: no YAML: found a tab character that violates indentation while scanning a plain scalar");
	assert_refused("a: 1\nb: \x01\n", "line 2: no YAML: control characters are not allowed");
	assert_refused("a: \xff\xfe\n", "line 1: no YAML: invalid leading UTF-8 octet");
	assert_refused("replicas: {{ .Values.replicas }}\n", "line 1: a key that is no text");
}

static int stop(void *ctx, cJSON *document, int line, struct error *err)
{
	++*(int *)ctx;
	cJSON_Delete(document);
	return error_set(err, ERR_INVALID, "document of line %d: not wanted", line);
}

TEST(who_is_told_may_end_it)
{
	static const char text[] = "a: 1\n---\nb: 2\n";
	struct error err = ERROR_INIT;
	int count = 0;

	assert_int_equal(yaml_read(text, sizeof(text) - 1, MEMORY, stop, &count, &err), -1);
	assert_string_equal(err.text, "document of line 1: not wanted");
	assert_int_equal(count, 1);
}

TEST(memory_that_runs_out_is_an_error)
{
	static const char text[] = "a: &x {b: [1, x], c: 'y'}\nd:\n  <<: *x\n  e: *x\n---\nf: |\n  text\n";
	static const char json[] =
		"{\"a\":{\"b\":[1,\"x\"],\"c\":\"y\"},\"d\":{\"e\":{\"b\":[1,\"x\"],\"c\":\"y\"},\"b\":[1,\"x\"],"
		"\"c\":\"y\"}}\n{\"f\":\"text\\n\"}";

	NOMEM_EACH
	{
		struct error err = ERROR_INIT;
		struct read read;
		int r;

		nomem_on();
		r = read_text(text, &read, &err);
		nomem_off();
		if (r < 0)
			assert_int_equal(err.code, ERR_NOMEM);
		else
			assert_string_equal(read.json.data, json);
		buf_release(&read.json);
	}
}
