/* Long answers are parsed only where they are not as before. */
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/overview.h"
#include "tests/unit/test.h"

#define HEAD  "{\"model\":{\"token\":\"t\"},\"stats\":{\"online\":true},\"slots\":"
#define SLOTS "[{\"id\":0,\"backend_addr\":\"a]\"},{\"id\":1}]"

static void assert_parsed(const char *text, bool only_slots, struct overview_slots *seen, const char *expected)
{
	JSON_CLEANUP cJSON *answer = overview_parse(text, strlen(text), only_slots, seen, NULL);
	char *written = answer ? cJSON_PrintUnformatted(answer) : NULL;

	assert_non_null(written);
	assert_string_equal(written, expected);
	cJSON_free(written);
}

TEST(slots_as_before_are_left_out)
{
	struct overview_slots seen = { 0 };

	assert_parsed(HEAD SLOTS "}", false, &seen, HEAD SLOTS "}");
	assert_parsed(HEAD SLOTS "}", false, &seen, HEAD "[]}");
	/* The rest may differ, also in its length. */
	assert_parsed("{\"model\":{\"token\":\"other\"},\"slots\":" SLOTS ",\"x\":1}", false, &seen,
		      "{\"model\":{\"token\":\"other\"},\"slots\":[],\"x\":1}");
}

TEST(slots_that_differ_are_there)
{
	struct overview_slots seen = { 0 };

	assert_parsed(HEAD SLOTS "}", false, &seen, HEAD SLOTS "}");
	assert_parsed(HEAD "[{\"id\":0,\"backend_addr\":\"b]\"},{\"id\":1}]}", false, &seen,
		      HEAD "[{\"id\":0,\"backend_addr\":\"b]\"},{\"id\":1}]}");
	assert_parsed(HEAD "[{\"id\":0}]}", false, &seen, HEAD "[{\"id\":0}]}"); /* shorter than before */
	assert_parsed(HEAD "[{\"id\":0}]}", false, &seen, HEAD "[]}");
	assert_parsed("{\"slots\":null}", false, &seen, "{\"slots\":null}");
	assert_parsed(HEAD "[{\"id\":0}]}", false, &seen, HEAD "[{\"id\":0}]}"); /* nothing was seen in between */
	seen = (struct overview_slots){ 0 };
	assert_parsed(HEAD "[{\"id\":0}]}", false, &seen, HEAD "[{\"id\":0}]}"); /* all are wanted */
}

TEST(of_a_dashboard_only_slots_are_parsed)
{
	const char *topom =
		"{\"version\":\"3\",\"stats\":{\"closed\":false,\"slots\":" SLOTS ",\"group\":{\"stats\":{}}}}";
	struct overview_slots seen = { 0 };

	assert_parsed(topom, true, &seen, "{\"stats\":{\"slots\":" SLOTS "}}");
	assert_parsed(topom, true, &seen, "{\"stats\":{\"slots\":[]}}");
	assert_parsed("{\"Cause\":\"no\"}", true, &seen, "{\"Cause\":\"no\"}");
}

TEST(of_a_dashboard_it_is_parsed_whether_it_moves_slots_also_when_they_are_as_before)
{
	const char *topom = "{\"stats\":{\"slots\":" SLOTS ",\"group\":{},\"slot_action\":{\"disabled\":true}}}";
	const char *odd = "{\"stats\":{\"slots\":" SLOTS ",\"slot_action\":7}}";
	struct overview_slots seen = { 0 };

	assert_parsed(topom, true, &seen, "{\"stats\":{\"slots\":" SLOTS ",\"slot_action\":{\"disabled\":true}}}");
	assert_parsed(topom, true, &seen, "{\"stats\":{\"slots\":[],\"slot_action\":{\"disabled\":true}}}");
	assert_parsed(odd, true, &seen, "{\"stats\":{\"slots\":[]}}");
}

TEST(what_could_not_be_parsed_was_not_seen)
{
	const char *wrong = "{\"slots\":" SLOTS ",}", *right = "{\"slots\":" SLOTS "}";
	struct overview_slots seen = { 0 };
	struct error err;

	assert_null(overview_parse(wrong, strlen(wrong), false, &seen, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_parsed(right, false, &seen, right);
	assert_null(overview_parse(wrong, strlen(wrong), false, &seen, &err));
	assert_parsed(right, false, &seen, right);
	/* Cut in the middle. */
	assert_null(overview_parse(right, strlen(right) - 3, false, &seen, &err));
	/* Behind the slots, which are as before. */
	assert_parsed(right, true, &seen, "{\"stats\":{\"slots\":" SLOTS "}}");
	assert_null(overview_parse(right, strlen(right) - 1, true, &seen, &err));
}
