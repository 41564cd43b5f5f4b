/* codisctl ping: proxies that answer, that do not, that ask for a password, and such as cannot be reached. */
#include "tests/unit/cli_fixture.h"

#define PODS "/api/v1/namespaces/codis/pods/"

/* A proxy with this behind its program's name, and what its end of a port-forward plays (NULL: not found). */
static void put_proxy(struct cli_world *w, const char *name, const char *words, const char *plays)
{
	BUF_CLEANUP struct buf text = BUF_INIT(8192);
	char path[256];

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"codis\",\"uid\":\"u-%s\",\"labels\":{\"app\":\"codis-"
		 "proxy\"}},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"codis-proxy\",\"image\":\"c\","
		 "\"env\":[{\"name\":\"PW\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"shop\",\"key\":\"pw\"}}}],"
		 "\"command\":[\"codis-proxy\"%s%s]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.9\","
		 "\"containerStatuses\":[{\"name\":\"codis-proxy\",\"state\":{\"running\":{}}}]}}",
		 name, name, *words ? "," : "", words);
	snprintf(path, sizeof(path), PODS "%s", name);
	fake_apply(w->api, path, text.data);
	snprintf(path, sizeof(path), PODS "%s/portforward", name);
	if (plays)
		fake_apply(w->api, path, plays);
}

static void put_node(struct cli_world *w, const char *ready)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1024);

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\","
		 "\"status\":"
		 "\"%s\"}]}}",
		 ready);
	fake_apply(w->api, "/api/v1/nodes/n1", text.data);
}

CLI_TEST(every_proxy_answers)
{
	struct cli_world *w = *state;

	put_node(w, "True");
	put_proxy(w, "codis-proxy-9", "", "{\"reply\":\"+PONG\\r\\n\"}");
	put_proxy(w, "codis-proxy-10", "\"--host-proxy\",\"0.0.0.0:19001\"",
		  "{\"reply\":\"+PONG\\r\\n\",\"pieces\":true}");
	assert_int_equal(CLI(w, "ping"), CLI_OK);
	assert_non_null(strstr(w->c.out.data, "\nPONG\n"));
	assert_true(strstr(w->c.out.data, "  codis-proxy-9   PONG in ") <
		    strstr(w->c.out.data, "  codis-proxy-10  PONG in "));
	assert_int_equal(fake_count(w->api, "codis-proxy-9/portforward&ports=19000"), 1);
	assert_int_equal(fake_count(w->api, "codis-proxy-10/portforward&ports=19001"), 1);
	assert_string_equal(w->c.err.data, "");
}

CLI_TEST(each_that_gives_no_pong_is_told)
{
	struct cli_world *w = *state;

	put_node(w, "True");
	put_proxy(w, "p-good", "", "{\"reply\":\"+PONG\\r\\n\"}");
	put_proxy(w, "p-slots", "", "{\"reply\":\"-ERR slot is not ready\\r\\n\"}");
	put_proxy(w, "p-http", "", "{\"reply\":\"HTTP/1.1 400 Bad Request\\r\\n\"}");
	put_proxy(w, "p-closed", "", "{\"trouble\":\"connect: connection refused\"}");
	put_proxy(w, "p-gone", "", NULL);
	assert_int_equal(CLI(w, "ping", "codis-test"), CLI_NOT_SO);
	cli_says(w, "  p-good    PONG in ");
	cli_says(w, "  p-slots   it answers \"ERR slot is not ready\"\n");
	cli_says(w, "  p-http    ");
	cli_says(w, "  p-closed  not ready: pod p-closed, port 19000: connect: connection refused\n");
	cli_says(w, "  p-gone    not ready: pod p-gone, port 19000: the API server answers HTTP 404\n");
	cli_says(w, "codisctl: no PONG from 4 of 5 proxies\n");
	cli_does_not_say(w, "\nPONG");
}

CLI_TEST(one_that_is_silent_costs_its_own_time_alone)
{
	struct cli_world *w = *state;
	int64_t began_ms = clock_mono_ms();

	put_node(w, "True");
	put_proxy(w, "p-a", "", "{\"reply\":\"\"}");
	put_proxy(w, "p-b", "", "{\"reply\":\"\"}");
	put_proxy(w, "p-c", "", "{\"reply\":\"+PONG\\r\\n\"}");
	assert_int_equal(CLI(w, "ping"), CLI_NOT_SO);
	assert_true(clock_mono_ms() - began_ms >= 3000);
	cli_says(w, "  p-a  no answer within 3 s\n  p-b  no answer within 3 s\n  p-c  PONG in ");
	cli_says(w, "codisctl: no PONG from 2 of 3 proxies\n");
}

CLI_TEST(a_password_is_sent_and_never_printed)
{
	static const char plays[] = "{\"reply\":\"+PONG\\r\\n\",\"password\":\"geheim\"}";
	struct cli_world *w = *state;

	put_node(w, "True");
	put_proxy(w, "p-here", "\"--session_auth\",\"geheim\"", plays);
	put_proxy(w, "p-secret", "\"--session_auth=$(PW)\"", plays);
	fake_apply(w->api, "/api/v1/namespaces/codis/secrets/shop", "{\"data\":{\"pw\":\"Z2VoZWlt\"}}");
	assert_int_equal(CLI(w, "ping"), CLI_OK);
	cli_does_not_say(w, "geheim");
	put_proxy(w, "p-none", "", plays);
	put_proxy(w, "p-wrong", "\"--session_auth\",\"falsch\"", plays);
	fake_fail(w->api, "secrets/shop", 403, 1);
	assert_int_equal(CLI(w, "ping"), CLI_NOT_SO);
	cli_says(w, "  p-here    PONG in ");
	cli_says(w, "  p-secret  it asks for a password (--session_auth) that cannot be read here\n");
	cli_says(w, "  p-none    it asks for a password (--session_auth) that cannot be read here\n");
	cli_does_not_say(w, "geheim");
	cli_does_not_say(w, "falsch");
}

CLI_TEST(who_may_not_forward_is_told_what_it_takes)
{
	struct cli_world *w = *state;

	put_node(w, "True");
	put_proxy(w, "p-a", "", "{\"reply\":\"+PONG\\r\\n\"}");
	fake_fail(w->api, "portforward", 403, 1);
	assert_int_equal(CLI(w, "ping"), CLI_NO_CLUSTER);
	cli_says(w,
		 "  p-a  pod p-a, port 19000: the API server does not allow it (HTTP 403): it takes get and create of "
		 "pods/portforward\n");
}

CLI_TEST(whom_nobody_can_ask_is_not_asked)
{
	struct cli_world *w = *state;

	assert_int_equal(CLI(w, "ping"), CLI_NOT_SO);
	cli_says(w, "there is no Codis in namespace codis");
	put_node(w, "False");
	put_proxy(w, "p-a", "", "{\"reply\":\"+PONG\\r\\n\"}");
	assert_int_equal(CLI(w, "ping"), CLI_NOT_SO);
	cli_says(w, "  p-a  its node is lost\n");
	cli_says(w, "codisctl: no PONG from 1 of 1 proxy\n");
	fake_apply(w->api, PODS "p-a",
		   "{\"metadata\":{\"name\":\"p-a\",\"namespace\":\"codis\",\"uid\":\"u-2\",\"labels\":{\"app\":"
		   "\"codis-proxy\"}},\"spec\":{\"containers\":[{\"name\":\"codis-proxy\",\"image\":\"c\"}]},"
		   "\"status\":{\"phase\":\"Pending\"}}");
	assert_int_equal(CLI(w, "ping"), CLI_NOT_SO);
	cli_says(w, "  p-a  not running\n");
	assert_int_equal(CLI(w, "ping", "orders"), CLI_NOT_SO);
	cli_says(w, "product orders in namespace codis has no proxy");
	assert_int_equal(fake_count(w->api, "portforward"), 0);
}
