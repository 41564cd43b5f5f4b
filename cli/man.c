/* The man page, made of the table of verbs. */
#include <stdio.h>
#include <string.h>

#include "cli/parts.h"
#include "cli/verbs.h"

/* Text of roff: a '-' that is one, no escapes, no request at the beginning of a line. */
static void add_text(struct buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		buf_addstr(out, "\\&");
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			buf_addch(out, '\\');
		buf_addch(out, *text == '\\' ? 'e' : *text);
	}
}

static void add_options(struct buf *out, const struct opt *options)
{
	BUF_CLEANUP struct buf usage = BUF_INIT(256);

	for (const struct opt *o = options; o && o->name; o++) {
		buf_reset(&usage);
		opt_usage(o, &usage);
		buf_addstr(out, ".TP\n.B ");
		add_text(out, usage.data);
		buf_addch(out, '\n');
		add_text(out, o->help);
		if (o->def && *o->def)
			buf_addf(out, " (default %s)", o->def);
		if (o->env)
			buf_addf(out, " [%s]", o->env);
		buf_addch(out, '\n');
	}
}

static void add_verb(struct buf *out, const struct verb *v)
{
	buf_addf(out, ".SS %s", v->name);
	if (*v->arguments)
		buf_addf(out, " %s", v->arguments);
	buf_addch(out, '\n');
	add_text(out, v->purpose);
	buf_addstr(out, ".\n");
	if (v->details) {
		buf_addstr(out, ".PP\n");
		add_text(out, v->details);
		buf_addch(out, '\n');
	}
	add_options(out, v->options);
}

enum cli_status man_run(struct cli *c)
{
	struct buf *out = &c->out;

	buf_addf(out, ".TH CODISCTL 1 \"\" \"codis\\-k8s %s\"\n.SH NAME\ncodisctl \\- ", CODIS_VERSION);
	add_text(out, VERBS_PURPOSE);
	buf_addstr(out, "\n.SH SYNOPSIS\n.B codisctl\n.I VERB\n[arguments] [options]\n.SH VERBS\n");
	for (const struct verb *v = cli_verbs; v->name; v++)
		if (!v->hidden)
			add_verb(out, v);
	buf_addstr(out, ".SH OPTIONS OF ALL VERBS\n");
	add_options(out, cli_options);
	buf_addstr(out, ".SH EXIT STATUS\n0: all is well. 1: what was asked for is not so. 2: a wrong command line. 3: "
			"the API server "
			"is not reached, or does not allow it. 4: it was done, and what was waited for did not come in "
			"time. 130: interrupted.\n");
	return CLI_OK;
}
