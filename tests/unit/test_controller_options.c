#include "controller/options.h"

#include "tests/unit/options_page.h"

static void test_defaults(void **state)
{
	struct options o = { 0 };
	struct error err = ERROR_INIT;
	char name[] = "codis-controller", *argv[] = { name, NULL };

	(void)state;
	assert_int_equal(opt_parse(controller_options, &o, 1, argv, &err), 1);
	assert_string_equal(o.ops_listen, ":8080");
	assert_int_equal(o.lease_ms, 4000);
	assert_int_equal(o.silence_ms, 1000);
	assert_false(o.view);
	opt_release(controller_options, &o);
}

static void test_page(void **state)
{
	(void)state;
	assert_page_has_options("docs/controller.md", controller_options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
