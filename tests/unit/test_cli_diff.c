/* What `codisctl plan --diff` is made of: the difference of two texts, and YAML that reads as what it was written of.
 */
#include "cli/diff.h"

#include "cli/yaml_write.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/yaml_read.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

static void differs(const char *before, const char *after, const char *as)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1 << 20);

	assert_int_equal(diff_write(before, after, &out), 0);
	assert_string_equal(out.data, as);
}

TEST(equal_texts_do_not_differ)
{
	differs("", "", "");
	differs("a\nb\n", "a\nb\n", "");
}

TEST(a_change_stands_among_three_lines)
{
	differs("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
		"@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
	differs("a\n", "a\nb\n", "@@ -1,1 +1,2 @@\n a\n+b\n");
	differs("", "a\n", "@@ -0,0 +1,1 @@\n+a\n");
	differs("a\nb\n", "b\n", "@@ -1,2 +1,1 @@\n-a\n b\n");
}

TEST(changes_that_are_near_are_one_hunk_and_others_are_two)
{
	differs("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
		"@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
	differs("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
		"@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

TEST(what_stays_in_the_middle_is_found)
{
	differs("x\nm\nn\ny\n", "a\nm\nb\nn\nc\n", "@@ -1,4 +1,5 @@\n-x\n+a\n m\n+b\n n\n-y\n+c\n");
}

/* More than the table may have. */
TEST(texts_that_are_far_too_long_are_told_as_gone_and_new)
{
	BUF_CLEANUP struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

	for (int i = 0; i < 4000; i++) {
		buf_addf(&a, "a%d\n", i);
		buf_addf(&b, "b%d\n", i);
	}
	assert_int_equal(diff_write(a.data, b.data, &out), 0);
	assert_ptr_equal(strstr(out.data, "@@ -1,4000 +1,4000 @@\n-a0\n-a1\n"), out.data);
	assert_non_null(strstr(out.data, "-a3999\n+b0\n"));
}

static int keep(void *ctx, cJSON *document, int line, struct error *err)
{
	(void)line;
	(void)err;
	*(cJSON **)ctx = document;
	return 0;
}

/* libyaml decides how a text can be written; whichever way, it has to read as the same. */
TEST(yaml_reads_as_what_was_written)
{
	static const char *const texts[] = {
		"\"one line\"",
		"\"two\\nlines\"",
		"\"with an end\\n\"",
		"\"with two\\n\\n\"",
		"\"\\nbegins with none\\n\"",
		"\"  begins with blanks\\nand goes on\\n\"",
		"\"\\n  begins so\\n    and deeper\\n\"",
		"\"ends with blanks  \\nhere \\n\"",
		"\"a\\ttab\\n\"",
		"\"# no comment\\n- no list\\n\"",
		"\"\\n\"",
		"\"\\n\\n\"",
		"\"a\\r\\nb\"",
		"\"caf\\u00e9\\n\"",
		"\"codis.io/product\"",
		"\"1.5\"",
		"\"true\"",
		"\"a/b.c\"",
		"\"a:b\"",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		BUF_CLEANUP struct buf json = BUF_INIT(4096), out = BUF_INIT(4096);
		JSON_CLEANUP cJSON *object = NULL, *again = NULL;
		struct error err = ERROR_INIT;

		buf_addf(&json, "{\"a\":[{\"b\":%s,\"c\":[%s]}],\"codis.io/x\":%s}", texts[i], texts[i], texts[i]);
		object = parse_text(json.data);
		assert_int_equal(yaml_write(object, &out, &err), 0);
		if (yaml_read(out.data, out.len, 1 << 20, keep, &again, &err) < 0)
			fail_msg("%s: %s", err.text, out.data);
		if (!json_equal(object, again))
			fail_msg("%s was written as\n%s", texts[i], out.data);
	}
}
