/* codisctl history. */
#include "tests/unit/cli_fixture.h"

#define MAP "/api/v1/namespaces/codis-system/configmaps/codis-decisions"

#define LINE(at, namespace, product, words)                                                                            \
	"{\\\"at\\\":\\\"" at                                                                                          \
	"\\\",\\\"namespace\\\":\\\"" namespace "\\\",\\\"product\\\":\\\"" product                                    \
						"\\\",\\\"by\\\":\\\"c-a\\\",\\\"words\\\":\\\"" words "\\\"}\\n"

static void kept(struct cli_world *w)
{
	fake_apply(w->api, MAP,
		   "{\"metadata\":{\"name\":\"codis-decisions\"},\"data\":{\"decisions\":\"" LINE(
			   "2026-11-27T02:00:00.000000Z", "codis-system", "", "leads from now on")
			   LINE("2026-11-27T02:00:01.500000Z", "codis", "codis-test", "promoted codis-server-1")
				   LINE("2026-11-27T02:00:02.000000Z", "shop", "other", "filled a proxy") "\"}}");
}

CLI_TEST(what_was_done_here)
{
	struct cli_world *w = *state;

	kept(w);
	assert_int_equal(CLI(w, "history"), CLI_OK);
	assert_string_equal(w->c.out.data, "2026-11-27T02:00:00.000Z -: leads from now on (c-a)\n"
					   "2026-11-27T02:00:01.500Z codis-test: promoted codis-server-1 (c-a)\n");
}

CLI_TEST(what_was_done_everywhere)
{
	struct cli_world *w = *state;

	kept(w);
	assert_int_equal(CLI(w, "history", "-A", "--tail=2"), CLI_OK);
	assert_string_equal(w->c.out.data, "2026-11-27T02:00:01.500Z codis/codis-test: promoted codis-server-1 (c-a)\n"
					   "2026-11-27T02:00:02.000Z shop/other: filled a proxy (c-a)\n");
}

CLI_TEST(of_one_product_as_json)
{
	struct cli_world *w = *state;

	kept(w);
	assert_int_equal(CLI(w, "history", "-n", "shop", "other", "-o", "json", "--tail", "1"), CLI_OK);
	assert_string_equal(w->c.out.data, "{\"at\":\"2026-11-27T02:00:02.000000Z\",\"namespace\":\"shop\",\"product\":"
					   "\"other\",\"by\":\"c-a\",\"words\":\"filled a proxy\"}\n");
}

CLI_TEST(what_is_too_old_is_left_out)
{
	struct cli_world *w = *state;

	kept(w);
	assert_int_equal(CLI(w, "history", "--since", "1s"), CLI_OK);
	assert_string_equal(w->c.out.data, "");
	cli_says(w,
		 "codisctl: nothing was decided in that time (ConfigMap codis-decisions in namespace codis-system)\n");
}

CLI_TEST(nothing_is_kept_yet)
{
	struct cli_world *w = *state;

	assert_int_equal(CLI(w, "history"), CLI_OK);
	cli_says(w, "codisctl: nothing was decided (ConfigMap codis-decisions in namespace codis-system)\n");
}

CLI_TEST(who_may_not_read_it_is_told)
{
	struct cli_world *w = *state;

	fake_fail(w->api, MAP, 403, 1);
	assert_int_equal(CLI(w, "history"), CLI_NO_CLUSTER);
}
