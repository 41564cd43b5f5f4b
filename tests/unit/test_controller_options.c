#include "controller/options.h"

#include "tests/unit/options_page.h"
#include "tests/unit/test.h"

TEST(defaults)
{
	struct options o = { 0 };
	struct error err = ERROR_INIT;
	char name[] = "codis-controller", *argv[] = { name, NULL };

	assert_int_equal(opt_parse(controller_options, &o, 1, argv, &err), 1);
	assert_string_equal(o.program.ops_listen, ":8080");
	assert_int_equal(o.lease_ms, 4000);
	assert_int_equal(o.silence_ms, 1000);
	assert_false(o.view);
	opt_release(controller_options, &o);
}

TEST(page)
{
	assert_page_has_options("docs/controller.md", controller_options);
}
