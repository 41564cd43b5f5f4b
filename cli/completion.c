/* The completion of bash, zsh and fish, made of the table of verbs. */
#include <stdio.h>
#include <string.h>

#include "cli/parts.h"
#include "cli/verbs.h"

static void add_flags(struct buf *out, const struct opt *options)
{
	for (const struct opt *o = options; o->name; o++) {
		if (o->letter)
			buf_addf(out, " -%c", o->letter);
		buf_addf(out, " --%s", o->name);
	}
}

/* Words that may stand as an argument: "bash|zsh|fish", or the verbs themselves. */
static void add_words(struct buf *out, const struct verb *v)
{
	if (v->run == help_run) {
		for (const struct verb *other = cli_verbs; other->name; other++)
			if (!other->hidden)
				buf_addf(out, " %s", other->name);
		return;
	}
	if (!strchr(v->arguments, '|'))
		return;
	buf_addch(out, ' ');
	for (const char *at = v->arguments; *at; at++)
		buf_addch(out, *at == '|' ? ' ' : *at);
}

/* A case for each option with words of its own. */
static void add_choices(struct buf *out)
{
	struct opt options[VERB_OPTIONS_MAX];

	for (const struct verb *v = cli_verbs; v->name; v++) {
		verb_options(v, options);
		for (const struct opt *o = v->options; o && o->name; o++) {
			if (o->type != OPT_CHOICE)
				continue;
			buf_addf(out, "\t'%s --%s'", v->name, o->name);
			if (o->letter)
				buf_addf(out, "|'%s -%c'", v->name, o->letter);
			buf_addstr(out, ") words='");
			for (const char *at = o->choices; *at; at++)
				buf_addch(out, *at == '|' ? ' ' : *at);
			buf_addstr(out, "' ;;\n");
		}
	}
}

/* Also for zsh, which has bash's completion where it is asked to. */
static void add_bash(struct buf *out)
{
	struct opt options[VERB_OPTIONS_MAX];

	buf_addstr(
		out,
		"_codisctl() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= words= i\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tcase ${COMP_WORDS[i]} in\n");
	for (const struct verb *v = cli_verbs; v->name; v++)
		if (!v->hidden)
			buf_addf(out, "%s%s", v == cli_verbs ? "\t\t" : "|", v->name);
	buf_addstr(out, ") verb=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n\tcase $verb in\n\t'') words='");
	for (const struct verb *v = cli_verbs; v->name; v++)
		if (!v->hidden)
			buf_addf(out, "%s ", v->name);
	add_flags(out, cli_options);
	buf_addstr(out, "' ;;\n");
	for (const struct verb *v = cli_verbs; v->name; v++) {
		if (v->hidden)
			continue;
		verb_options(v, options);
		buf_addf(out, "\t%s) words='", v->name);
		add_words(out, v);
		add_flags(out, options);
		buf_addstr(out, "' ;;\n");
	}
	buf_addstr(out, "\tesac\n\tcase \"$verb $prev\" in\n");
	add_choices(out);
	buf_addstr(out,
		   "\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -F _codisctl codisctl\n");
}

/* A text within single quotes of fish. */
static void add_quoted(struct buf *out, const char *text)
{
	buf_addch(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_addch(out, '\\');
		buf_addch(out, *text);
	}
	buf_addch(out, '\'');
}

static void add_fish_options(struct buf *out, const struct opt *options, const char *verb)
{
	for (const struct opt *o = options; o && o->name; o++) {
		buf_addf(out, "complete -c codisctl%s%s%s -l %s", verb ? " -n '__fish_seen_subcommand_from " : "",
			 verb ? verb : "", verb ? "'" : "", o->name);
		if (o->letter)
			buf_addf(out, " -s %c", o->letter);
		if (o->type != OPT_BOOL)
			buf_addstr(out, " -x");
		if (o->type == OPT_CHOICE) {
			buf_addstr(out, " -a '");
			for (const char *at = o->choices; *at; at++)
				buf_addch(out, *at == '|' ? ' ' : *at);
			buf_addch(out, '\'');
		}
		buf_addstr(out, " -d ");
		add_quoted(out, o->help);
		buf_addch(out, '\n');
	}
}

static void add_fish(struct buf *out)
{
	buf_addstr(out, "complete -c codisctl -f\n");
	add_fish_options(out, cli_options, NULL);
	for (const struct verb *v = cli_verbs; v->name; v++) {
		if (v->hidden)
			continue;
		buf_addf(out, "complete -c codisctl -n __fish_use_subcommand -a %s -d ", v->name);
		add_quoted(out, v->purpose);
		buf_addch(out, '\n');
		if (v->run == help_run || strchr(v->arguments, '|')) {
			buf_addf(out, "complete -c codisctl -n '__fish_seen_subcommand_from %s' -a '", v->name);
			add_words(out, v);
			buf_addstr(out, "'\n");
		}
		add_fish_options(out, v->options, v->name);
	}
}

enum cli_status completion_run(struct cli *c)
{
	const char *shell = c->arg_count ? c->args[0] : "";

	if (strcmp(shell, "fish") == 0) {
		add_fish(&c->out);
	} else if (strcmp(shell, "bash") == 0) {
		add_bash(&c->out);
	} else if (strcmp(shell, "zsh") == 0) {
		buf_addstr(&c->out, "autoload -U +X bashcompinit && bashcompinit\n");
		add_bash(&c->out);
	} else {
		return cli_fail(c, CLI_USAGE, "completion: name a shell: bash, zsh or fish");
	}
	return CLI_OK;
}
