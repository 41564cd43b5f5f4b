/* codisctl logs: of two controllers in order of time, with who led; of one that hangs, that restarted, that comes. */
#include <pthread.h>
#include <unistd.h>

#include "cli/logline.h"
#include "common/base/clock.h"
#include "tests/unit/cli_fixture.h"

#define LOG_OF(name)  "/api/v1/namespaces/codis-system/pods/" name "/log"
#define OURS          "namespace=codis product=codis-test "
#define T(s)          "2026-11-28T08:25:" s
#define SAID(s, rest) T(s) "000000Z ts=x level=info " rest "\n"

static void says(struct cli_world *w, const char *path, const char *text)
{
	JSON_CLEANUP cJSON *object = cJSON_CreateObject();
	BUF_CLEANUP struct buf json = BUF_INIT(1 << 20);

	json_add_str(object, "as_text", text);
	assert_int_equal(json_write(object, &json), 0);
	fake_apply(w->api, path, json.data);
}

/* A failover of which the one that stands by sees the beginning. */
static void two(struct cli_world *w)
{
	cli_controller(w, "c-a", NULL);
	cli_controller(w, "c-b", NULL);
	says(w, LOG_OF("c-a"),
	     SAID("00.000", "event=lease state=following holder=c-b_1")
		     SAID("02.500", "event=status " OURS "leads=false ok=false line=\"codis-test: DOWN\"")
			     SAID("05.000", "event=status " OURS "leads=false ok=true line=\"codis-test: OK\""));
	says(w, LOG_OF("c-b"),
	     SAID("00.100", "event=lease state=held holder=c-b_1") SAID("01.000",
									"event=kube.error resource=pods error=\"away\"")
		     SAID("02.000",
			  "event=action.begun " OURS "leads=true action=promote group=1 why=\"refused, \\\"gone\\\"\"")
			     T("02.040000001Z") " level=warn event=fill.failed " OURS "leads=true proxy=p\n" SAID(
				     "03.000", "event=role namespace=codis product=orders leads=true pod=o-0")
				     SAID("04.000", "event=role namespace=shop product=codis-test leads=true pod=s-0"));
}

CLI_TEST(lines_of_all_controllers_in_order_of_time_with_who_led)
{
	struct cli_world *w = *state;

	two(w);
	assert_int_equal(CLI(w, "logs", "codis-test"), CLI_OK);
	assert_string_equal(
		w->c.out.data,
		T("00.000Z") " c-a other info - lease state=following holder=c-b_1\n" T(
			"00."
			"100"
			"Z") " c-b leads info - lease state=held holder=c-b_1\n" T("02.000Z") " c-b leads info "
											      "codis/codis-test "
											      "action.begun "
											      "action=promote group=1 "
											      "why=\"refused, "
											      "\\\"gone\\\"\"\n" T(
												      "02.040Z") " c-b "
														 "leads"
														 " "
														 "warn "
														 "codis"
														 "/"
														 "codis"
														 "-"
														 "test "
														 "fill."
														 "faile"
														 "d "
														 "proxy"
														 "="
														 "p"
														 "\n" T("0"
															"2"
															"."
															"5"
															"0"
															"0"
															"Z") " c-a other info codis/codis-test status ok=false line=\"codis-test: DOWN\"\n" T("0"
																									      "5"
																									      "."
																									      "0"
																									      "0"
																									      "0"
																									      "Z") " c-a other info codis/codis-test status ok=true line=\"codis-test: OK\"\n");
	assert_string_equal(w->c.err.data, "");
}

/* Made now, as where the one before it was drained away. */
CLI_TEST(what_one_that_is_gone_did_is_in_the_history)
{
	struct cli_world *w = *state;
	char at[32], pod[512], said[256];

	two(w);
	clock_rfc3339(clock_wall_ms(), at, sizeof(at));
	snprintf(pod, sizeof(pod),
		 "{\"metadata\":{\"name\":\"c-c\",\"namespace\":\"codis-system\",\"uid\":\"u-c\",\"creationTimestamp\":"
		 "\"%s\",\"labels\":{\"app.kubernetes.io/name\":\"codis-controller\",\"app.kubernetes.io/part-of\":"
		 "\"codis-k8s\"}},\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"controller\"}]}}",
		 at);
	fake_apply(w->api, "/api/v1/namespaces/codis-system/pods/c-c", pod);
	says(w, LOG_OF("c-c"), "");
	assert_int_equal(CLI(w, "logs", "--since", "10m"), CLI_OK);
	snprintf(
		said, sizeof(said),
		"codisctl: c-c was made at %.19sZ, and a log goes with its pod: what another one did before that is in "
		"codisctl history\n",
		at);
	assert_string_equal(w->c.err.data, said);
	assert_int_equal(CLI(w, "logs"), CLI_OK); /* as far back as they go */
	assert_string_equal(w->c.err.data, "");
}

CLI_TEST(of_which_products_and_namespaces)
{
	struct cli_world *w = *state;

	two(w);
	assert_int_equal(CLI(w, "logs"), CLI_OK);
	cli_says(w, "codis/orders role pod=o-0");
	cli_does_not_say(w, "shop/");
	cli_does_not_say(w, "kube.error");
	assert_int_equal(CLI(w, "logs", "-n", "shop"), CLI_OK);
	cli_says(w, "shop/codis-test role pod=s-0");
	cli_does_not_say(w, "codis/");
	assert_int_equal(CLI(w, "logs", "-A", "codis-test"), CLI_OK);
	cli_says(w, "shop/codis-test role");
	cli_says(w, "codis/codis-test status");
	cli_does_not_say(w, "orders");
	assert_int_equal(CLI(w, "logs", "--all"), CLI_OK);
	cli_says(w, T("01.000Z") " c-b - info - kube.error resource=pods error=\"away\"\n");
}

CLI_TEST(the_last_lines_and_the_young_ones)
{
	struct cli_world *w = *state;
	char asked[2048];

	two(w);
	assert_int_equal(CLI(w, "logs", "codis-test", "--tail", "2", "--since", "5m"), CLI_OK);
	assert_string_equal(
		w->c.out.data,
		T("02.500Z") " c-a other info codis/codis-test status ok=false line=\"codis-test: DOWN\"\n" T(
			"05.000Z") " c-a other info codis/codis-test status ok=true line=\"codis-test: OK\"\n");
	assert_string_equal(fake_last(w->api, LOG_OF("c-b"), asked),
			    "GET " LOG_OF("c-b") "&container=codis-controller&timestamps=true&sinceSeconds=300");
	assert_int_equal(CLI(w, "logs", "--tail", "0"), CLI_OK);
	assert_string_equal(w->c.out.data, "");
	assert_int_equal(CLI(w, "logs", "--since", "soon"), CLI_USAGE);
	assert_int_equal(CLI(w, "logs", "-f", "--previous"), CLI_USAGE);
}

CLI_TEST(for_programs)
{
	struct cli_world *w = *state;

	two(w);
	assert_int_equal(CLI(w, "logs", "codis-test", "-o", "json", "--tail", "4"), CLI_OK);
	cli_says(w, "{\"time\":\"" T("02.000Z") "\",\"pod\":\"c-b\",\"node\":\"node-of-c-b\",\"previous\":false,"
						"\"leads\":true,\"level\":\"info\",\"namespace\":\"codis\",\"product\":"
						"\"codis-test\",\"event\":"
						"\"action.begun\",\"fields\":{\"action\":\"promote\",\"group\":\"1\","
						"\"why\":\"refused, "
						"\\\"gone\\\"\"}}\n");
}

/* The one that led has lost its power: what the other one saw is shown, after the time that a pod has. */
CLI_TEST(a_controller_that_hangs_is_said_to_be_missing)
{
	struct cli_world *w = *state;

	two(w);
	fake_block(w->api, LOG_OF("c-b"));
	assert_int_equal(CLI(w, "logs"), CLI_NOT_SO);
	cli_says(w, "c-a other info codis/codis-test status ok=true");
	assert_string_equal(w->c.err.data, "codisctl: c-b on node-of-c-b: its log is missing: it does not answer\n");
	fake_unblock(w->api);
	fake_fail(w->api, LOG_OF("c-a"), 500, 1);
	assert_int_equal(CLI(w, "logs"), CLI_NOT_SO);
	cli_says(w, "c-b leads info codis/codis-test action.begun");
	cli_says(w, "codisctl: c-a on node-of-c-a: its log is missing: GET " LOG_OF("c-a") ": HTTP 500: ");
}

static void restarted(struct cli_world *w)
{
	fake_apply(w->api, "/api/v1/namespaces/codis-system/pods/c-a",
		   "{\"metadata\":{\"name\":\"c-a\",\"namespace\":\"codis-system\",\"labels\":{"
		   "\"app.kubernetes.io/name\":\"codis-controller\"}},\"spec\":{\"nodeName\":\"n\",\"containers\":[{"
		   "\"name\":\"mesh\"},{\"name\":\"controller\"}]},\"status\":{\"phase\":\"Running\","
		   "\"containerStatuses\":[{\"name\":\"mesh\"},{\"name\":\"controller\",\"restartCount\":1}]}}");
	says(w, LOG_OF("c-a"), SAID("09.000", "event=start version=1"));
	says(w, LOG_OF("c-a") "/previous", SAID("08.000", "event=tilt " OURS "leads=true tilted=true"));
}

CLI_TEST(of_a_container_that_was_replaced_the_log_before_is_shown_too)
{
	struct cli_world *w = *state;

	restarted(w);
	assert_int_equal(CLI(w, "logs"), CLI_OK);
	assert_string_equal(w->c.out.data,
			    T("08.000Z") " c-a(previous) leads info codis/codis-test tilt tilted=true\n" T(
				    "09.000Z") " c-a - info - start version=1\n");
	assert_int_equal(fake_count(w->api, "container=controller&timestamps=true&previous=true"), 1);
	assert_int_equal(CLI(w, "logs", "--previous"), CLI_OK);
	assert_string_equal(w->c.out.data,
			    T("08.000Z") " c-a(previous) leads info codis/codis-test tilt tilted=true\n");
	/* it may have gone with the node's disk */
	fake_delete(w->api, LOG_OF("c-a") "/previous");
	assert_int_equal(CLI(w, "logs"), CLI_OK);
	assert_int_equal(CLI(w, "logs", "--previous"), CLI_NOT_SO);
	cli_says(w, "c-a on n: its log is missing: ");
}

#define INSTEAD                                                                                                        \
	"codisctl: logs needs list of pods and get of pods/log in namespace codis-system; without them: kubectl get "  \
	"events -n codis says what was done to each pod and why, and codisctl status what is wrong\n"

CLI_TEST(who_may_not_read_them_is_told_what_to_do)
{
	struct cli_world *w = *state;

	two(w);
	fake_fail(w->api, "/codis-system/pods&", 403, 1);
	assert_int_equal(CLI(w, "logs"), CLI_NO_CLUSTER);
	assert_string_equal(w->c.err.data, "codisctl: GET /api/v1/namespaces/codis-system/pods: HTTP 403: as the test "
					   "asked\n" INSTEAD);
	fake_fail(w->api, "/log&", 403, 2);
	assert_int_equal(CLI(w, "logs", "-f"), CLI_NO_CLUSTER);
	cli_says(w, INSTEAD);
	assert_string_equal(w->c.out.data, "");
}

CLI_TEST(without_a_controller_that_is_said)
{
	struct cli_world *w = *state;

	assert_int_equal(CLI(w, "logs", "-f"), CLI_NOT_SO);
	assert_string_equal(w->c.err.data,
			    "codisctl: no codis-controller is there (namespace codis-system): nobody fails over\n");
	fake_down(w->api);
	assert_int_equal(CLI(w, "logs"), CLI_NO_CLUSTER);
	fake_up(w->api);
}

CLI_TEST(odd_lines_are_cleaned_or_passed_over)
{
	struct cli_world *w = *state;

	cli_controller(w, "c-a", NULL);
	says(w, LOG_OF("c-a"),
	     "failed to watch file\n\n2026 \n" SAID("01.000", "event=x " OURS "a=\"\033[2Jb b= =c \"d\\")
		     T("02.5Z") " panic: \"\n" T("03Z") " \n");
	assert_int_equal(CLI(w, "logs", "--all"), CLI_OK);
	assert_string_equal(w->c.out.data, T("01.000Z") " c-a - info codis/codis-test x a=\"?[2Jb b= =c \" d\\\n" T(
						   "02.500Z") " c-a - - - - panic: \"\n" T("03.000Z") " c-a - - - -\n");
	assert_int_equal(CLI(w, "logs", "--all", "-ojson"), CLI_OK);
}

TEST(the_time_of_a_line_is_exact)
{
	static const char line[] = "2026-11-28T10:25:00.123456789+02:00 a";
	int64_t a, b;
	size_t text;

	assert_true(logline_time(line, strlen(line), &a, &text));
	assert_string_equal(line + text, "a");
	assert_true(logline_time(T("00.12345679Z x"), strlen(T("00.12345679Z x")), &b, &text));
	assert_int_equal(b - a, 1);
	assert_false(logline_time("noon x", 6, &a, &text));
	assert_false(logline_time(T("00Z"), strlen(T("00Z")), &a, &text));
}

/* --- followed ----------------------------------------------------------------------------------------------------- */

struct reader {
	struct cli_world *w;
	FILE *from;
	char line[8192];
	const char *missed;
};

/* The next line, and no other, is that. */
static bool reads(struct reader *r, const char *line)
{
	if (!fgets(r->line, sizeof(r->line), r->from) || strcmp(r->line, line) != 0)
		r->missed = line;
	return !r->missed;
}

#define FIRST  SAID("01.000", "event=a " OURS "leads=true") T("01.000000000Z") " event=b " OURS "\n"
#define SECOND T("01.000000000Z") " event=c " OURS "\n" SAID("02.000", "event=d " OURS "leads=true")

/* One that goes on, whose stream ends each time; then it is replaced by another one, and then nobody reads any more. */
static void *read_live(void *ctx)
{
	struct reader *r = ctx;

	if (reads(r, T("01.000Z") " c-a leads info codis/codis-test a\n") &&
	    reads(r, T("01.000Z") " c-a - - codis/codis-test b\n")) {
		says(r->w, LOG_OF("c-a"), FIRST SECOND);
		if (reads(r, T("01.000Z") " c-a - - codis/codis-test c\n") &&
		    reads(r, T("02.000Z") " c-a leads info codis/codis-test d\n")) {
			fake_delete(r->w->api, "/api/v1/namespaces/codis-system/pods/c-a");
			says(r->w, LOG_OF("c-b"), SAID("03.000", "event=e " OURS "leads=false"));
			cli_controller(r->w, "c-b", NULL);
			reads(r, T("03.000Z") " c-b other info codis/codis-test e\n");
		}
	}
	fclose(r->from);
	return NULL;
}

CLI_TEST(followed_it_goes_on_without_doubling_when_a_controller_is_replaced)
{
	struct cli_world *w = *state;
	struct reader r = { .w = w };
	pthread_t thread;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	r.from = fdopen(ends[0], "r");
	assert_non_null(r.from);
	w->out_fd = ends[1];
	cli_controller(w, "c-a", NULL);
	says(w, LOG_OF("c-a"), FIRST);
	assert_int_equal(pthread_create(&thread, NULL, read_live, &r), 0);
	assert_int_equal(CLI(w, "logs", "-f"), CLI_NOT_SO);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (r.missed)
		fail_msg("\"%s\" was to come, and there was: %s", r.missed, r.line);
	assert_true(fake_count(w->api, "&follow=true&sinceTime=" T("01Z")) > 0);
	cli_says(w, "codisctl: c-b on node-of-c-b has come\n");
	close(ends[1]);
}
