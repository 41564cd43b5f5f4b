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

TEST(node_loss)
{
	struct error err = ERROR_INIT;
	int ms = 0;

	assert_int_equal(options_node_loss("wait", &ms, &err), 0);
	assert_int_equal(ms, -1);
	assert_int_equal(options_node_loss("replace-after=2m", &ms, &err), 0);
	assert_int_equal(ms, 120000);
	assert_int_equal(options_node_loss("replace-after=1s", &ms, &err), -1);
	assert_string_equal(err.text,
			    "--node-loss is \"replace-after=1s\": it must be wait or replace-after=TIME, 5s to 24h");
	assert_int_equal(options_node_loss("replace-after=", &ms, &err), -1);
	assert_int_equal(options_node_loss("60s", &ms, &err), -1);
	assert_int_equal(ms, 120000);
}

TEST(page)
{
	assert_page_has_options("docs/controller.md", controller_options);
}
