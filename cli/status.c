#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/parts.h"
#include "cli/report.h"
#include "cli/show.h"
#include "cli/yaml_write.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"

#define WATCH_MS     1000
#define CLEAR_SCREEN "\033[H\033[J"

const struct opt status_options[] = {
	{ "all-namespaces", NULL, OPT_BOOL, offsetof(struct cli_options, all), .letter = 'A',
	  .help = "in all namespaces" },
	{ "watch", NULL, OPT_BOOL, offsetof(struct cli_options, watch), .letter = 'w',
	  .help = "again each second; where the output is no terminal, a line for each change" },
	{ "output", NULL, OPT_CHOICE, offsetof(struct cli_options, output), .def = "text",
	  .choices = "text|wide|json|yaml", .letter = 'o', .help = "wide: each server in a row of its own" },
	OPT_END
};

static bool is_output(const struct cli *c, const char *form)
{
	return strcmp(c->options.output, form) == 0;
}

static bool is_text(const struct cli *c)
{
	return is_output(c, "text") || is_output(c, "wide");
}

/* Whether all that is shown is OK; why not, where there is nothing to show. */
static enum cli_status judge(struct cli *c, const cJSON *report)
{
	const cJSON *clusters = json_get(report, "clusters", NULL), *cluster,
		    *trouble = json_get(report, "kubernetes_trouble", NULL);
	const char *product = c->arg_count ? c->args[0] : NULL;
	char elsewhere[REPORT_ELSEWHERE_MAX];
	enum cli_status status = CLI_OK;

	json_each(cluster, clusters) {
		if (!json_bool(false, cluster, "ok", NULL))
			status = CLI_NOT_SO;
	}
	if (json_first(clusters))
		return json_first(json_get(report, "not_led", NULL)) ? CLI_NOT_SO : status;
	if (trouble)
		return CLI_NO_CLUSTER; /* what is forbidden is said */
	report_elsewhere(report, elsewhere);
	return cli_fail(c, CLI_NOT_SO, "no Codis%s%s is seen in %s%s%s%s%s", product ? " called " : "",
			product ? product : "", c->options.all ? "any namespace" : "namespace ",
			c->options.all ? "" : cli_namespace(c), *elsewhere ? "; there is one in " : "", elsewhere,
			*elsewhere ? ": -n NAMESPACE, or -A" : "");
}

static enum cli_status print(struct cli *c, const cJSON *report)
{
	struct error err;

	if (is_text(c)) {
		show_report(c, report, is_output(c, "wide"));
	} else if (is_output(c, "yaml")) {
		if (yaml_write(report, &c->out, &err) < 0)
			return cli_fail(c, CLI_NOT_SO, "%s", err.text);
	} else {
		char *text = c->options.watch ? cJSON_PrintUnformatted(report) : cJSON_Print(report);

		if (!text)
			return cli_fail(c, CLI_NOT_SO, "no memory");
		buf_addf(&c->out, "%s\n", text);
		free(text);
	}
	return CLI_OK;
}

static cJSON *ask(struct cli *c, enum cli_status *status)
{
	return report_make(c, c->options.all ? NULL : cli_namespace(c), c->arg_count ? c->args[0] : NULL, status);
}

static enum cli_status once(struct cli *c)
{
	enum cli_status status, printed;
	JSON_CLEANUP cJSON *report = ask(c, &status);

	if (!report)
		return status;
	status = judge(c, report);
	cJSON_DeleteItemFromObjectCaseSensitive(report, "elsewhere");
	printed = print(c, report);
	return printed != CLI_OK ? printed : status;
}

/* --- again and again ---------------------------------------------------------------------------------------------- */

struct watch {
	struct buf before; /* what was said last, as it is compared */
};

static void say_time(struct cli *c)
{
	char now[32];

	clock_rfc3339(clock_wall_ms(), now, sizeof(now));
	buf_addf(&c->out, "%.19sZ ", now);
}

static bool has_line(const char *text, const char *line, size_t len)
{
	for (; *text; text += strcspn(text, "\n") + 1) {
		if (strncmp(text, line, len) == 0)
			return true;
	}
	return false;
}

/* Lines that were not there before, each with the time. All end with a line break. */
static void say_changes(struct cli *c, const struct buf *before, const struct buf *now)
{
	size_t len;

	for (const char *line = now->data; *line; line += len) {
		len = strcspn(line, "\n") + 1;
		if (has_line(before->data, line, len))
			continue;
		say_time(c);
		buf_add(&c->out, line, len);
	}
}

/* On a terminal the page anew; as JSON or YAML what has changed; else each line that is new, with the time. */
static void say(struct cli *c, const struct watch *w, const cJSON *report, const struct buf *now)
{
	bool changed = strcmp(now->data, w->before.data) != 0;

	if (is_text(c) && c->terminal) {
		buf_addstr(&c->out, CLEAR_SCREEN);
		if (report)
			print(c, report);
		buf_addstr(&c->out, c->err.data);
	} else if (is_text(c)) {
		say_changes(c, &w->before, now);
	} else if (changed && report) {
		print(c, report);
	}
	if (is_text(c) || !changed)
		buf_reset(&c->err);
}

static void look_again(struct cli *c, struct watch *w)
{
	BUF_CLEANUP struct buf now = BUF_INIT(16u << 20);
	enum cli_status status;
	JSON_CLEANUP cJSON *report = ask(c, &status);

	if (report) {
		show_lines(report, &now);
		judge(c, report); /* which says that there is none */
		cJSON_DeleteItemFromObjectCaseSensitive(report, "elsewhere");
	} else if (status == CLI_NO_CLUSTER) { /* a credential has ended, or the kubeconfig has changed */
		cli_connect(c);
	}
	buf_addstr(&now, c->err.data); /* what failed is a change, too */
	say(c, w, report, &now);
	buf_reset(&w->before);
	buf_add(&w->before, now.data, now.len);
}

static enum cli_status watch(struct cli *c)
{
	struct watch w = { .before = BUF_INIT(16u << 20) };

	while (!c->out.failed && !cli_is_unread(c)) {
		int64_t next_ms = clock_mono_ms() + WATCH_MS;

		look_again(c, &w);
		cli_flush(c);
		ask_wait(c, next_ms, NULL, NULL);
	}
	buf_release(&w.before);
	return CLI_NOT_SO;
}

enum cli_status status_run(struct cli *c)
{
	enum cli_status status = cli_connect_once(c);

	if (status != CLI_OK)
		return status;
	return c->options.watch ? watch(c) : once(c);
}
