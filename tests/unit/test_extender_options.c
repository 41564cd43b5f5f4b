#include <stdlib.h>
#include <string.h>

#include "tests/unit/extender_fixture.h"

#include "extender/options.h"
#include "tests/unit/options_page.h"
#include "tests/unit/test.h"

TEST(defaults_are_what_the_manifests_rely_on)
{
	struct options o = { 0 };
	struct error err = ERROR_INIT;
	char name[] = "codis-extender", *argv[] = { name, NULL };

	assert_int_equal(opt_parse(extender_options, &o, 1, argv, &err), 1);
	assert_string_equal(o.listen, "127.0.0.1:9080");
	assert_string_equal(o.program.ops_listen, ":8081");
	assert_int_equal(o.reservation_ttl_ms, 75000);
	assert_null(o.program.kubeconfig);
	opt_release(extender_options, &o);
}

TEST(the_page_has_the_options_as_they_are)
{
	assert_page_has_options("docs/extender.md", extender_options);
}

TEST(the_page_has_the_terms_as_they_are)
{
	struct error err = ERROR_INIT;
	char *page = file_read("docs/extender.md", 1u << 20, &err);
	const char *at = page;

	assert_non_null(page);

	for (int i = 0; i < WEIGHTS; i++) {
		BUF_CLEANUP struct buf row = BUF_INIT(1024);

		buf_addf(&row, "\n| %d | %s |\n", place_terms[i].bits, place_terms[i].counts);
		at = strstr(at, row.data);
		if (!at)
			fail_msg("docs/extender.md does not have, in this order:%s", row.data);
	}
	free(page);
}
