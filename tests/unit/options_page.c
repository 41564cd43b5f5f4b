#include "tests/unit/options_page.h"

/* A '|' would end the cell, also inside backticks. */
static void add_cell(struct buf *out, const char *text, bool code)
{
	const char *tick = code && *text ? "`" : "";

	buf_addf(out, " %s", tick);
	for (; *text; text++) {
		if (*text == '|')
			buf_addch(out, '\\');
		buf_addch(out, *text);
	}
	buf_addf(out, "%s |", tick);
}

void options_table(const struct opt *table, struct buf *out)
{
	BUF_CLEANUP struct buf usage = BUF_INIT(256);

	buf_addstr(out, "| Option | Environment | Default | Meaning |\n|---|---|---|---|\n");
	for (const struct opt *o = table; o->name; o++) {
		buf_reset(&usage);
		opt_usage(o, &usage);
		buf_addch(out, '|');
		add_cell(out, usage.data, true);
		add_cell(out, o->env ? o->env : "", true);
		add_cell(out, o->def ? o->def : "", true);
		add_cell(out, o->help, false);
		buf_addch(out, '\n');
	}
}

void assert_page_has_options(const char *path, const struct opt *options)
{
	BUF_CLEANUP struct buf table = BUF_INIT(65536);
	struct error err = ERROR_INIT;
	char *page = file_read(path, 1u << 20, &err);

	options_table(options, &table);
	if (!page)
		fail_msg("%s", err.text);
	else if (!strstr(page, table.data))
		fail_msg("%s does not have this table:\n%s", path, table.data);
	free(page);
}
