#include <stdlib.h>
#include <string.h>

#include "tests/unit/extender_fixture.h"

#include "extender/options.h"

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

/* The tests run in the top folder. */
static void the_page_has_the_options_as_they_are(void **state)
{
	BUF_CLEANUP struct buf table = BUF_INIT(65536);
	BUF_CLEANUP struct buf page = BUF_INIT(1 << 20);
	FILE *f = fopen("docs/extender.md", "r");
	char piece[4096];
	size_t n;

	(void)state;
	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(&page, piece, n);
	fclose(f);
	opt_markdown(extender_options, &table);
	if (!strstr(page.data, table.data))
		fail_msg("docs/extender.md does not have this table:\n%s", table.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_what_the_manifests_rely_on),
		cmocka_unit_test(the_page_has_the_options_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
