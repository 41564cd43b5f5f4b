/* codisctl pause, resume, adopt, version. */
#include "tests/unit/cli_fixture.h"

#define SET "/apis/apps/v1/namespaces/codis/statefulsets/codis-server"

static void controller_says(struct cli_world *w, const char *paused, const char *asked)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"leads\":true,\"clusters\":[{\"namespace\":\"codis\",\"product\":\"codis-test\",\"line\":\"codis-"
		 "test: %sOK"
		 "\",\"paused\":%s,\"adoption\":{\"asked\":%s}}]}",
		 strcmp(paused, "true") == 0 ? "PAUSED, " : "", paused, asked);
	cli_controller(w, "c-a", text);
}

static void has(struct cli_world *w, const char *path, const char *key, const char *value)
{
	JSON_CLEANUP cJSON *set = fake_read(w->api, path);
	const char *is = json_str(set, "metadata", "annotations", key, NULL);

	if (value)
		assert_string_equal(is, value);
	else
		assert_null(is);
}

CLI_TEST(a_pause_and_its_end)
{
	struct cli_world *w = *state;

	cli_codis(w);
	controller_says(w, "true", "false");
	assert_int_equal(CLI(w, "pause", "anna: racks"), CLI_OK);
	has(w, SET, "codis.io/paused", "anna: racks");
	assert_string_equal(w->c.out.data, "StatefulSet codis-server: codis.io/paused=\"anna: racks\"\n"
					   "codis/codis-test: PAUSED, OK\n");
	controller_says(w, "false", "false");
	assert_int_equal(CLI(w, "resume"), CLI_OK);
	has(w, SET, "codis.io/paused", NULL);
	assert_string_equal(w->c.out.data,
			    "StatefulSet codis-server: codis.io/paused is taken away\ncodis/codis-test: OK\n");
	assert_int_equal(CLI(w, "resume"), CLI_OK);
	cli_says(w, "no StatefulSet has codis.io/paused: nothing is to be done\n");
}

CLI_TEST(who_gives_no_reason_is_named)
{
	struct cli_world *w = *state;

	cli_codis(w);
	setenv("USER", "anna", 1);
	assert_int_equal(CLI(w, "pause", "--wait=0"), CLI_OK);
	cli_says(w, "codis.io/paused=\"anna, by codisctl at 20");
	unsetenv("USER");
}

CLI_TEST(adoption_is_asked_for)
{
	struct cli_world *w = *state;

	cli_codis(w);
	controller_says(w, "false", "true");
	assert_int_equal(CLI(w, "adopt"), CLI_OK);
	has(w, SET, "codis.io/adopt", "true");
}

CLI_TEST(a_controller_that_does_not_hear_it_is_waited_for_in_vain)
{
	struct cli_world *w = *state;

	cli_codis(w);
	controller_says(w, "false", "false");
	assert_int_equal(CLI(w, "pause", "x", "--wait", "300ms"), CLI_WAITED);
	has(w, SET, "codis.io/paused", "x");
	cli_says(w, "codis-controller has not confirmed it within 300 ms: ");
}

CLI_TEST(which_product_is_meant)
{
	struct cli_world *w = *state;

	assert_int_equal(CLI(w, "pause"), CLI_NOT_SO);
	cli_says(w, "there is no Codis in namespace codis; -n names another one");
	cli_codis(w);
	assert_int_equal(CLI(w, "pause", "-p", "orders"), CLI_NOT_SO);
	cli_says(w, "product orders in namespace codis has no codis-server StatefulSet");
	assert_int_equal(CLI(w, "resume", "-n", "shop"), CLI_NOT_SO);
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

CLI_TEST(what_is_not_allowed_is_told)
{
	struct cli_world *w = *state;

	cli_codis(w);
	fake_fail(w->api, "PATCH", 403, 1);
	assert_int_equal(CLI(w, "pause", "x"), CLI_NO_CLUSTER);
	cli_says(w, "codisctl: PATCH " SET ": HTTP 403");
	fake_fail(w->api, "statefulsets", 403, 1);
	assert_int_equal(CLI(w, "pause", "x"), CLI_NO_CLUSTER);
	assert_int_equal(fake_count(w->api, "PATCH"), 1);
}

CLI_TEST(versions)
{
	struct cli_world *w = *state;

	fake_apply(w->api, "/version", "{\"gitVersion\":\"v1.35.4\"}");
	assert_int_equal(CLI(w, "version"), CLI_OK);
	cli_says(w, "Kubernetes  v1.35.4\ncodis-k8s   no pod of it in namespace codis-system\n");
	cli_controller(w, "c-a", NULL);
	cli_controller(w, "c-b", NULL);
	assert_int_equal(CLI(w, "version"), CLI_OK);
	cli_says(w, "codis-controller/codis-controller  codis-k8s:1.0 (2 pods)\n");
	fake_down(w->api);
	assert_int_equal(CLI(w, "version"), CLI_OK);
	cli_says(w, "does not answer: ");
	fake_up(w->api);
}
