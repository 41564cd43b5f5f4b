#include "webhook/options.h"

#include "tests/unit/options_page.h"
#include "tests/unit/test.h"

TEST(defaults_are_what_the_manifests_rely_on)
{
	struct options o = { 0 };
	struct error err = ERROR_INIT;
	char name[] = "codis-webhook", *argv[] = { name, NULL };

	assert_int_equal(opt_parse(webhook_options, &o, 1, argv, &err), 1);
	assert_string_equal(o.listen, ":9443");
	assert_string_equal(o.program.ops_listen, ":8080");
	assert_string_equal(o.service, "codis-webhook");
	assert_string_equal(o.secret, "codis-webhook-ca");
	assert_string_equal(o.mutating, "codis-webhook");
	assert_string_equal(o.validating, "codis-webhook");
	assert_null(o.cert_file);
	assert_int_equal(o.drain_ms, 5000);
	assert_int_equal(o.ca_life_s, 365 * 86400);
	assert_int_equal(o.cert_life_s, 30 * 86400);
	assert_int_equal(o.renew_before_s, 10 * 86400);
	assert_int_equal(o.ca_settle_ms, 10000);
	opt_release(webhook_options, &o);
}

TEST(page)
{
	assert_page_has_options("docs/webhook.md", webhook_options);
}
