#include <stdlib.h>
#include <string.h>

#include "tests/unit/extender_fixture.h"

#include "extender/options.h"
#include "tests/unit/options_page.h"

static void defaults_are_what_the_manifests_rely_on(void **state)
{
	struct options o = { 0 };
	struct error err = ERROR_INIT;
	char name[] = "codis-extender", *argv[] = { name, NULL };

	(void)state;
	assert_int_equal(opt_parse(extender_options, &o, 1, argv, &err), 1);
	assert_string_equal(o.listen, "127.0.0.1:9080");
	assert_string_equal(o.ops_listen, ":8081");
	assert_int_equal(o.reservation_ttl_ms, 15000);
	assert_null(o.kubeconfig);
	opt_release(extender_options, &o);
}

static void the_page_has_the_options_as_they_are(void **state)
{
	(void)state;
	assert_page_has_options("docs/extender.md", extender_options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_what_the_manifests_rely_on),
		cmocka_unit_test(the_page_has_the_options_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
