#include "common/kube/warning.h"

#include "common/base/buf.h"
#include "tests/unit/test.h"

static const char *text_of(const char *value)
{
	static char kept[64];
	BUF_CLEANUP struct buf text = BUF_INIT(32);

	if (!kube_warning_text(value, &text))
		return NULL;
	snprintf(kept, sizeof(kept), "%s", text.data);
	return kept;
}

TEST(the_text_of_a_warning)
{
	assert_string_equal(text_of("299 - \"deprecated\""), "deprecated");
	assert_string_equal(text_of("299 kube-apiserver:443 \"two words\""), "two words");
	assert_string_equal(text_of("299 - \"a \\\"b\\\" \\\\ c\" \"Sat, 28 Nov 2026 12:00:00 GMT\""), "a \"b\" \\ c");
	assert_string_equal(text_of("299 - \"one\", 299 - \"two\""), "one");
}

TEST(what_is_no_warning_has_none)
{
	static const char *const values[] = {
		"",           "299",       "299 ",        "299 -",         "299 - ",      "299 - \"",
		"299 - \"\"", "299 - \"a", "299 - \"a\\", "299 - \"a\\\"", "110 - \"a\"", "299  \"a\"",
		"299 \"a\"",  "299 - a",   "29 - \"a\""
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_null(text_of(values[i]));
	assert_null(text_of("299 - \"more than thirty-two letters, and so too long\""));
}
