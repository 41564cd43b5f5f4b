#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/parts.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/decisions.h"

const struct opt history_options[] = {
	{ "all-namespaces", NULL, OPT_BOOL, offsetof(struct cli_options, all), .letter = 'A',
	  .help = "of products in all namespaces" },
	{ "since", NULL, OPT_DURATION_S, offsetof(struct cli_options, since_s), .arg = "TIME", .min = 1,
	  .max = 365 * 86400, .help = "only what is not older: 30m, 12h; default: all that is kept" },
	{ "tail", NULL, OPT_INT, offsetof(struct cli_options, tail), .def = "-1", .arg = "N", .min = -1, .max = 1000000,
	  .help = "only the last N; -1: all" },
	{ "output", NULL, OPT_CHOICE, offsetof(struct cli_options, output), .def = "text", .choices = "text|json",
	  .letter = 'o', .help = "json: an object in each line" },
	OPT_END
};

/* Who leads is about all products. */
static bool is_wanted(const struct cli *c, const struct decision *d, int64_t from_ms)
{
	const char *product = c->arg_count ? c->args[0] : NULL;

	if (d->wall_ms < from_ms)
		return false;
	if (!d->product[0])
		return true;
	return (c->options.all || strcmp(d->namespace, cli_namespace(c)) == 0) &&
	       (!product || strcmp(d->product, product) == 0);
}

static void add_clean(struct buf *out, const char *text)
{
	text_clean(out, text, strlen(text));
}

static void show_text(struct cli *c, const struct decision *d)
{
	char at[32];

	clock_rfc3339(d->wall_ms, at, sizeof(at));
	buf_addf(&c->out, "%.23sZ ", at); /* milliseconds are enough for a reader */
	if (d->product[0] && c->options.all) {
		add_clean(&c->out, d->namespace);
		buf_addch(&c->out, '/');
	}
	add_clean(&c->out, d->product[0] ? d->product : "-");
	buf_addstr(&c->out, ": ");
	add_clean(&c->out, d->words);
	buf_addstr(&c->out, " (");
	add_clean(&c->out, d->by);
	buf_addstr(&c->out, ")\n");
}

/* Walks the list, and shows those that are wanted behind the first `skip` of them. How many are; -1: no memory. */
static int walk(struct cli *c, const struct decisions *all, int skip, bool show)
{
	int64_t from_ms = c->options.since_s ? clock_wall_ms() - INT64_C(1000) * c->options.since_s : 0;
	bool json = strcmp(c->options.output, "json") == 0;
	int n = 0;

	for (int i = 0; i < all->count; i++) {
		JSON_CLEANUP cJSON *parsed = NULL;
		struct decision d;

		if (decisions_read(all, i, &parsed, &d) < 0)
			return -1;
		if (!is_wanted(c, &d, from_ms) || ++n <= skip || !show)
			continue;
		if (json)
			buf_addf(&c->out, "%s\n", all->lines[i].text);
		else
			show_text(c, &d);
	}
	return n;
}

static enum cli_status show(struct cli *c, const char *text)
{
	struct decisions all = { 0 };
	int n = text && decisions_merge(&all, text, strlen(text)) < 0 ? -1 : walk(c, &all, 0, false);
	int skip = c->options.tail >= 0 && n > c->options.tail ? n - c->options.tail : 0;

	if (n > 0 && walk(c, &all, skip, true) < 0)
		n = -1;
	decisions_release(&all);
	if (n < 0)
		return cli_fail(c, CLI_NOT_SO, "no memory");
	if (!n)
		cli_fail(c, CLI_OK, "nothing was decided%s (ConfigMap %s in namespace %s)",
			 c->options.since_s ? " in that time" : "", DECISIONS_CONFIG_MAP, c->options.system);
	return CLI_OK;
}

enum cli_status history_run(struct cli *c)
{
	enum cli_status status = cli_connect_once(c);
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *map = NULL;
	char path[ASK_PATH_MAX];

	if (status != CLI_OK)
		return status;
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/configmaps/%s", c->options.system, DECISIONS_CONFIG_MAP);
	map = ask_get(c, path, 0, &err);
	if (!map && err.code != ERR_NOTFOUND)
		return cli_fail_call(c, &err);
	return show(c, json_str(map, "data", DECISIONS_KEY, NULL));
}
