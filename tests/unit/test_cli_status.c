/* codisctl status: of two controllers, of one, of none; of such that hang, refuse, or say what no controller says. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/cli_fixture.h"

#define DEGRADED                                                                                                       \
	"{\"namespace\":\"codis\",\"product\":\"codis-test\",\"ok\":false,\"line\":\"codis-test: DEGRADED, 1/1 "       \
	"groups "                                                                                                      \
	"led, 1 proxy, 1024/1024 slots served; group 1 lacks 1 synced replica (codis-server-0: syncing)\",\"paused\":" \
	"false,\"groups\":[{\"id\":1,\"led\":true,\"master\":\"codis-server-1\",\"members\":[{\"addr\":\"a\",\"pod\":" \
	"\"codis-server-0\",\"state\":\"syncing\",\"offset\":0,\"keys\":0},{\"addr\":\"b\",\"pod\":\"codis-server-"    \
	"1\","                                                                                                         \
	"\"state\":\"master\",\"offset\":5,\"keys\":7}]}],\"proxies\":[]}"
#define DOWN                                                                                                           \
	"{\"namespace\":\"shop\",\"product\":\"orders\",\"ok\":false,\"line\":\"orders: DOWN, 0/1 groups led, 0 "      \
	"proxies"                                                                                                      \
	", 0/1024 slots served; no proxy serves\",\"groups\":[],\"proxies\":[]}"

static void two(struct cli_world *w, const char *clusters)
{
	char text[8192];

	cli_controller(w, "c-a", cli_status_json(false, clusters, text, sizeof(text)));
	cli_controller(w, "c-b", cli_status_json(true, clusters, text, sizeof(text)));
	cli_lease(w, "c-b_1");
}

CLI_TEST(all_is_well)
{
	struct cli_world *w = *state;

	two(w, CLI_HEALTHY "," DOWN);
	assert_int_equal(CLI(w, "status"), CLI_OK);
	assert_string_equal(w->c.out.data, "codis/codis-test: OK, 1/1 groups led, 1 proxy, 1024/1024 slots served\n"
					   "  GROUP  MASTER          REPLICAS        SLOTS  KEYS  LAG\n"
					   "  1      codis-server-1  codis-server-0  1024   7     100 B\n"
					   "  PROXY          STATE   ADDRESS\n"
					   "  codis-proxy-0  serves  10.0.0.3:11080\n");
	assert_string_equal(w->c.err.data, "");
}

CLI_TEST(every_server_in_a_row)
{
	struct cli_world *w = *state;

	two(w, CLI_HEALTHY);
	assert_int_equal(CLI(w, "status", "-owide"), CLI_OK);
	cli_says(w,
		 "  GROUP  SERVER          ROLE     STATE   NODE  ZONE    ADDRESS        KEYS  MEMORY              "
		 "OPS/S  "
		 "LAG    GUARDED\n"
		 "  1      codis-server-0  replica  synced  n1    zone-a  10.0.0.1:6379  7     1.5 MiB of 1.0 GiB  "
		 "12     "
		 "100 B  yes\n"
		 "  1      codis-server-1  master   master  n2    -       10.0.0.2:6379  7     -                   - "
		 "     "
		 "-      yes\n");
}

CLI_TEST(what_is_wrong_comes_first)
{
	struct cli_world *w = *state;

	two(w, DEGRADED);
	assert_int_equal(CLI(w, "status", "codis-test", "-n", "codis"), CLI_NOT_SO);
	cli_says(w, "codis/codis-test: DEGRADED, 1/1 groups led, 1 proxy, 1024/1024 slots served\n"
		    "  ! group 1 lacks 1 synced replica (codis-server-0: syncing)\n"
		    "  GROUP  MASTER          REPLICAS                  SLOTS  KEYS  LAG\n"
		    "  1      codis-server-1  codis-server-0 (syncing)  -      7     -\n");
}

/* As the controller has them, and not cut where a sentence has a semicolon; with what docs/status.md has. */
CLI_TEST(each_cause_has_its_code)
{
	struct cli_world *w = *state;

	two(w, "{\"namespace\":\"codis\",\"product\":\"codis-test\",\"ok\":false,\"line\":\"codis-test: PARTIAL, 0/1 "
	       "groups led, "
	       "1 proxy, 0/1024 slots served; group 1 has no master: it is silent; and no replica is in "
	       "sync\",\"reasons\":[{"
	       "\"code\":\"GroupHasNoMaster\",\"words\":\"group 1 has no master: it is silent; and no replica is in "
	       "sync\",\"next\":\"wait\"},{\"code\":\"GroupHasNoMaster\",\"words\":\"group 2 has no "
	       "master\",\"next\":\"wait\"},"
	       "{\"code\":\"ProxySilent\",\"words\":\"proxy p does not answer\",\"next\":\"its log\"}],"
	       "\"reasons_more\":2,\"groups\":[],\"proxies\":[]}");
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	assert_string_equal(w->c.out.data,
			    "codis/codis-test: PARTIAL, 0/1 groups led, 1 proxy, 0/1024 slots served\n"
			    "  ! group 1 has no master: it is silent; and no replica is in sync [GroupHasNoMaster]\n"
			    "  ! group 2 has no master [GroupHasNoMaster]\n"
			    "    next: wait\n"
			    "  ! proxy p does not answer [ProxySilent]\n"
			    "    next: its log\n"
			    "  ! and 2 more\n");
}

CLI_TEST(which_namespace_and_product)
{
	struct cli_world *w = *state;

	two(w, CLI_HEALTHY "," DOWN);
	assert_int_equal(CLI(w, "status", "-n", "shop"), CLI_NOT_SO);
	cli_says(w, "shop/orders: DOWN");
	cli_does_not_say(w, "codis/");
	assert_int_equal(CLI(w, "status", "-A"), CLI_NOT_SO);
	cli_says(w, "shop/orders: DOWN");
	cli_says(w, "codis/codis-test: OK");
	assert_int_equal(CLI(w, "status", "-A", "codis-test"), CLI_OK);
	cli_does_not_say(w, "orders");
	assert_int_equal(CLI(w, "status", "-n", "other"), CLI_NOT_SO);
	cli_says(w, "no Codis is seen in namespace other; there is one in codis, shop: -n NAMESPACE, or -A");
	assert_int_equal(CLI(w, "status", "nothing"), CLI_NOT_SO);
	cli_says(w, "no Codis called nothing is seen in namespace codis");
}

CLI_TEST(for_programs)
{
	struct cli_world *w = *state;
	JSON_CLEANUP cJSON *report = NULL;

	two(w, CLI_HEALTHY);
	assert_int_equal(CLI(w, "status", "-o", "json"), CLI_OK);
	report = json_parse(w->c.out.data, w->c.out.len, 1000, NULL);
	assert_string_equal(json_str(report, "from", NULL), "c-b");
	assert_true(json_bool(false, report, "leads", NULL));
	assert_int_equal(cJSON_GetArraySize(json_get(report, "controllers", NULL)), 2);
	assert_string_equal(json_str(json_first(json_get(report, "clusters", NULL)), "product", NULL), "codis-test");
	assert_null(json_get(report, "elsewhere", NULL));
	assert_int_equal(CLI(w, "status", "-o", "yaml"), CLI_OK);
	cli_says(w, "from: c-b\nleads: true\n");
	cli_says(w, "clusters:\n- namespace: codis\n  product: codis-test\n  ok: true\n  line: \"codis-test: OK, 1/1 "
		    "groups");
	cli_says(w, "    slots: 1024\n");
	assert_int_equal(CLI(w, "status", "-o", "xml"), CLI_USAGE);
	cli_says(w, "status: -o: \"xml\" is not one of text|wide|json|yaml");
}

/* The one that leads has lost its power: the other one tells, after the time that a pod has. */
CLI_TEST(a_controller_that_hangs_holds_nothing_up)
{
	struct cli_world *w = *state;
	char text[8192];

	cli_controller(w, "c-a", cli_status_json(false, CLI_HEALTHY, text, sizeof(text)));
	cli_controller(w, "c-b", NULL);
	cli_lease(w, "c-b_1");
	fake_block(w->api, CLI_STATUS_OF("c-b"));
	assert_int_equal(CLI(w, "status"), CLI_OK);
	cli_says(w, "c-b on node-of-c-b: it does not answer\n"
		    "the one that leads does not answer: this is what c-a sees\n");
	cli_says(w, "codis/codis-test: OK");
	fake_unblock(w->api);
}

/* And the one that does not lead is not waited for. */
CLI_TEST(the_one_that_leads_is_enough)
{
	struct cli_world *w = *state;
	char text[8192];

	cli_controller(w, "c-a", cli_status_json(true, CLI_HEALTHY, text, sizeof(text)));
	cli_controller(w, "c-b", NULL);
	fake_block(w->api, CLI_STATUS_OF("c-b"));
	assert_int_equal(CLI(w, "status"), CLI_OK);
	cli_does_not_say(w, "c-b");
	fake_unblock(w->api);
}

static void topom(struct cli_world *w)
{
	BUF_CLEANUP struct buf text = BUF_INIT(100000);

	buf_addstr(&text, "{\"version\":\"3.2\",\"stats\":{\"slots\":[");
	for (int i = 0; i < 1024; i++)
		buf_addf(&text, "%s{\"id\":%d,\"group_id\":%d}", i ? "," : "", i, i < 1000 ? 1 : 0);
	buf_addstr(&text, "]}}");
	fake_apply(w->api, "/api/v1/namespaces/codis/pods/codis-dashboard-0:18080/proxy/topom", text.data);
}

CLI_TEST(without_a_controller_it_shows_what_kubernetes_and_the_dashboard_know)
{
	struct cli_world *w = *state;

	cli_codis(w);
	topom(w);
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	assert_string_equal(
		w->c.out.data,
		"no codis-controller is there: nobody fails over; codisctl install brings it back. What Kubernetes and "
		"the "
		"dashboards know:\n\n"
		"codis/codis-test: NO CONTROLLER, 1/2 servers ready, 1/1 proxies ready, 1000/1024 slots assigned\n"
		"  ! nobody fails over\n"
		"  GROUP  MASTER          REPLICAS                    SLOTS  KEYS  LAG\n"
		"  1      codis-server-0  codis-server-1 (not ready)  1000   -     -\n"
		"  PROXY          STATE  ADDRESS\n"
		"  codis-proxy-0  ready  10.0.0.3:11080\n"
		"  OTHERS             STATE  ADDRESS\n"
		"  codis-dashboard-0  ready  10.0.0.4:18080\n"
		"  zookeeper-0        ready  -\n");
}

CLI_TEST(without_a_controller_a_server_that_nobody_has_made_a_replica_is_told_apart)
{
	struct cli_world *w = *state;
	const char *path = "/api/v1/namespaces/codis/pods/codis-dashboard-0:18080/proxy/topom";

	cli_codis(w);
	fake_apply(w->api, path,
		   "{\"stats\":{\"slots\":[],\"group\":{\"models\":[{\"id\":1,\"servers\":[{\"server\":\"10.0.0.1:"
		   "6379\"}]}]}}}");
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_does_not_say(w, "list");
	fake_apply(w->api, path,
		   "{\"stats\":{\"slots\":[],\"group\":{\"models\":[{\"id\":1,\"servers\":[{\"server\":\"10.0.0.9:"
		   "6379\"}]}]}}}");
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_says(w, "codis-server-0 (not in its group's list)");
	fake_apply(
		w->api, path, /* whose address that name has is not known */
		"{\"stats\":{\"slots\":[],\"group\":{\"models\":[{\"id\":1,\"servers\":[{\"server\":\"codis-server-0."
		"codis-server:6379\"}]}]}}}");
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_does_not_say(w, "list");
}

CLI_TEST(nor_does_the_dashboard_have_to_answer)
{
	struct cli_world *w = *state;

	cli_codis(w);
	cli_controller(w, "c-a", NULL);
	fake_block(w->api, "/proxy/");
	assert_int_equal(CLI(w, "status", "-A"), CLI_NOT_SO);
	cli_says(w, "c-a on node-of-c-a: it does not answer\nno codis-controller answers: nobody fails over.");
	cli_says(w, "NO CONTROLLER, 1/2 servers ready, 1/1 proxies ready\n  ! the dashboard does not answer\n");
	fake_unblock(w->api);
}

CLI_TEST(a_node_that_is_lost_is_said)
{
	struct cli_world *w = *state;

	cli_codis(w);
	fake_apply(w->api, "/api/v1/nodes/n1",
		   "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\","
		   "\"status\":\"Unknown\"}]}}");
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_says(w, "codis-server-0 (its node is lost)");
	/* whoever may not see nodes is not told so of all */
	fake_fail(w->api, "/api/v1/nodes", 403, 1);
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_does_not_say(w, "node is lost");
}

CLI_TEST(who_may_see_only_a_namespace_sees_that)
{
	struct cli_world *w = *state;

	cli_codis(w);
	cli_controller(w, "c-a", "{\"leads\":true,\"clusters\":[]}");
	fake_fail(w->api, "/namespaces/codis-system/pods", 403, 1);
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_says(w, "codis-controller may not be asked (GET /api/v1/namespaces/codis-system/pods: HTTP 403: as the "
		    "test asked): whether it works is not known. What Kubernetes");
	cli_says(w, "UNKNOWN, 1/2 servers ready");
	fake_fail(w->api, "/proxy/", 403, 1);
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_says(w, "codis-controller may not be asked: whether it works is not known. What Kubernetes");
	cli_does_not_say(w, "nobody fails over");
	fake_fail(w->api, "pods", 403, 100);
	assert_int_equal(CLI(w, "status"), CLI_NO_CLUSTER);
	cli_says(w, "HTTP 403");
	cli_does_not_say(w, "no Codis is seen");
}

/* It has too much to do (429), and its priorities let other calls through: the controllers may be well. */
CLI_TEST(who_is_not_let_through_knows_nothing_of_the_controllers)
{
	struct cli_world *w = *state;

	cli_codis(w);
	cli_controller(w, "c-a", "{\"leads\":true,\"clusters\":[]}");
	fake_fail(w->api, "/namespaces/codis-system/pods", 429, 1);
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_says(w, "codis-controller cannot be asked (GET /api/v1/namespaces/codis-system/pods: HTTP 429: as the "
		    "test asked): whether it works is not known. What Kubernetes");
	cli_says(w, "UNKNOWN, 1/2 servers ready");
	cli_says(w, "codis-controller cannot be asked\n");
	fake_fail(w->api, "/proxy/", 429, 1);
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_says(w, "codis-controller cannot be asked: whether it works is not known. What Kubernetes");
	cli_does_not_say(w, "nobody fails over");
}

CLI_TEST(an_api_server_that_is_away_is_said)
{
	struct cli_world *w = *state;

	fake_down(w->api);
	assert_int_equal(CLI(w, "status"), CLI_NO_CLUSTER);
	cli_says(w, "codisctl: GET /api/v1/namespaces/codis-system/pods: ");
	assert_string_equal(w->c.out.data, "");
	fake_up(w->api);
}

CLI_TEST(odd_answers_are_none)
{
	static const char *const odd[] = { "[]", "{}", "{\"clusters\":{}}", "{\"leads\":true}",
					   "{\"clusters\":\"x\"}" };
	struct cli_world *w = *state;

	cli_codis(w);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		cli_controller(w, "c-a", odd[i]);
		assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
		cli_says(w, "NO CONTROLLER, 1/2");
	}
	cli_controller(
		w, "c-a",
		"{\"leads\":true,\"clusters\":[1,null,{\"namespace\":\"codis\"},{\"namespace\":\"codis\","
		"\"line\":\"a\\u001b[2Jb: OK\",\"groups\":[null,{\"members\":[3]}],\"proxies\":7,\"recent\":[0]}]}");
	assert_int_equal(CLI(w, "status", "-o", "wide"), CLI_NOT_SO);
	cli_says(w, "codis/a?[2Jb: OK\n");
}

/* Nothing at all is known then, also not that nobody fails over. */
CLI_TEST(a_credential_that_has_ended_is_said)
{
	struct cli_world *w = *state;

	cli_codis(w);
	fake_fail(w->api, "/", 401, 100);
	assert_int_equal(CLI(w, "status"), CLI_NO_CLUSTER);
	assert_string_equal(w->c.out.data, "");
	assert_string_equal(w->c.err.data,
			    "codisctl: GET /api/v1/namespaces/codis-system/pods: HTTP 401: as the test asked\n");
}

#define ODD "\\u001b[2J\\u009b2J\\u202e"

CLI_TEST(what_a_terminal_obeys_is_not_printed)
{
	struct cli_world *w = *state;

	fake_apply(w->api, "/api/v1/namespaces/codis-system/pods/c-z",
		   "{\"metadata\":{\"name\":\"c" ODD "\",\"labels\":{\"app.kubernetes.io/name\":\"codis-controller\"}},"
		   "\"spec\":{\"nodeName\":\"n" ODD "\"}}");
	cli_controller(w, "c-a",
		       "{\"clusters\":[{\"namespace\":\"codis\",\"line\":\"a: DOWN, " ODD "; x" ODD "\",\"recent\":[{"
		       "\"at\":\"" ODD "\",\"words\":\"" ODD
		       "\"}]}],\"not_led\":[{\"namespace\":\"codis\",\"pod\":\"p" ODD "\",\"trouble\":\"" ODD "\"}]}");
	assert_int_equal(CLI(w, "status"), CLI_NOT_SO);
	cli_does_not_say(w, "\033");
	cli_does_not_say(w, "\xc2\x9b");
	cli_does_not_say(w, "\u202e");
	cli_says(w, "c-z on n?[2J?2J?: GET ");
	cli_says(w, "  ?[2J?2J?  ?[2J?2J?\ncodis/p?[2J?2J?: NOT LED: ?[2J?2J?\n");
	cli_fail(&w->c, CLI_OK, "%s", "\033[2J");
	cli_does_not_say(w, "\033");
}

/* --- again and again ---------------------------------------------------------------------------------------------- */

struct reader {
	struct cli_world *w;
	FILE *from;
	char line[1000];    /* what came last */
	const char *missed; /* what was to come in its place, or NULL */
};

static bool reads(struct reader *r, const char *words)
{
	r->line[0] = '\0';
	if (!fgets(r->line, sizeof(r->line), r->from) || !strstr(r->line, words))
		r->missed = words;
	return !r->missed;
}

/* Without an API server and a kubeconfig; then with the API server, and a Codis; then it reads no more. */
static void *read_watch(void *ctx)
{
	struct reader *r = ctx;
	char text[8192];

	if (reads(r, "codisctl: GET /api/v1/namespaces/codis-system/pods: ") &&
	    reads(r, "codisctl: kubeconfig: /nonexistent")) {
		fake_up(r->w->api);
		if (reads(r, "codisctl: no Codis is seen in namespace codis\n")) {
			cli_controller(r->w, "c-a", cli_status_json(true, CLI_HEALTHY, text, sizeof(text)));
			reads(r, " codis/codis-test: OK, ");
		}
	}
	fclose(r->from);
	return NULL;
}

CLI_TEST(a_watch_goes_on_without_api_server_and_kubeconfig_and_ends_with_its_reader)
{
	struct cli_world *w = *state;
	struct reader r = { .w = w };
	pthread_t thread;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	r.from = fdopen(ends[0], "r");
	assert_non_null(r.from);
	w->out_fd = ends[1];
	cli_controller(w, "c-a", "{\"leads\":true,\"clusters\":[]}");
	fake_down(w->api);
	assert_int_equal(pthread_create(&thread, NULL, read_watch, &r), 0);
	assert_int_equal(CLI(w, "status", "-w", "--kubeconfig", "/nonexistent"), CLI_NOT_SO);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (r.missed)
		fail_msg("\"%s\" was to come, and there was: %s", r.missed, r.line);
	close(ends[1]);
}

CLI_TEST(output_that_cannot_be_written_is_told)
{
	struct cli_world *w = *state;

	w->out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(w->out_fd >= 0);
	assert_int_equal(CLI(w, "help"), CLI_OK);
	cli_flush(&w->c);
	assert_int_equal(w->c.out_errno, ENOSPC);
	cli_says(w, "codisctl: standard output cannot be written: No space left on device\n");
	close(w->out_fd);
}
