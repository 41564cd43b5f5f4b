/* Tests of what differs between two status lines. */
#include "controller/status_change.h"

#include <string.h>

#include "common/base/buf.h"
#include "tests/unit/test.h"

#define HEAD "codis-test: DEGRADED, 2/2 groups led"

static void assert_only(const char *line, const char *other, bool figures, const char *expected)
{
	char text[256];
	struct buf out = BUF_IN(text);

	status_change_only(line, other, figures, &out);
	assert_string_equal(out.data, expected);
}

TEST(head_ends_before_the_first_cause)
{
	assert_int_equal(status_change_head(HEAD "; group 1 has no master; x"), strlen(HEAD));
	assert_int_equal(status_change_head(HEAD), strlen(HEAD));
	assert_int_equal(status_change_head(""), 0);
}

TEST(what_only_one_of_them_has)
{
	assert_only(HEAD "; a; b; c", HEAD "; c; a", false, "b");
	assert_only(HEAD "; a; b", "other head", false, "a; b");
	assert_only(HEAD, HEAD "; a", false, "");
	assert_only("", "", false, "");
	assert_only(HEAD "; a", HEAD "; ab", false, "a"); /* the beginning of another one */
	assert_only(HEAD "; ; ", HEAD, false, "");        /* of nothing */
}

TEST(figures_that_go_on_are_not_over)
{
	assert_only(HEAD "; 30 of 512 slots have moved; a", HEAD "; 131 of 512 slots have moved", true, "a");
	assert_only(HEAD "; 131 of 512 slots have moved", HEAD "; 30 of 512 slots have moved", false,
		    "131 of 512 slots have moved");
	assert_only(HEAD "; group 1 lacks 1", HEAD "; group 1 lacks one", true, "group 1 lacks 1");
	assert_only(HEAD "; since 0.5 s", HEAD "; since 12 s", true, "");
	assert_only(HEAD "; x1", HEAD "; x", true, "x1");
}
