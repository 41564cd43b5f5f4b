#include "common/base/opt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"

static void *field(const struct opt *o, void *config)
{
	return (char *)config + o->offset;
}

static int set_string(const struct opt *o, void *config, const char *value, struct error *err)
{
	char **to = field(o, config), *copy = strdup(value);

	if (!copy)
		return error_set(err, ERR_NOMEM, "no memory for \"%s\"", o->name);
	free(*to);
	*to = copy;
	return 0;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value), n;

	for (; *choices; choices += n + (choices[n] == '|')) {
		n = strcspn(choices, "|");
		if (n == len && memcmp(choices, value, n) == 0)
			return true;
	}
	return false;
}

/* The number at the start of value, and in *unit what follows it. */
static int parse_number(const char *value, long long *number, const char **unit)
{
	char *end;

	errno = 0;
	*number = strtoll(value, &end, 10);
	*unit = end;
	return errno || end == value || strchr(" \t\n\v\f\r+", *value) ? -1 : 0;
}

static int set_int(const struct opt *o, void *config, long long number)
{
	bool bounded = o->min != o->max;

	if (number < (bounded ? o->min : INT32_MIN) || number > (bounded ? o->max : INT32_MAX))
		return -1;
	*(int *)field(o, config) = (int)number;
	return 0;
}

struct unit {
	const char *name;
	long long of; /* how many of the option's own */
};

static int set_duration(const struct opt *o, void *config, const char *value)
{
	static const struct unit ms[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { NULL, 0 } };
	static const struct unit s[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 }, { NULL, 0 } };
	long long number;
	const char *unit;

	if (parse_number(value, &number, &unit) < 0 || number < 0 || number > INT32_MAX)
		return -1;
	if (number == 0 && !*unit)
		return set_int(o, config, 0);
	for (const struct unit *u = o->type == OPT_DURATION_S ? s : ms; u->name; u++)
		if (strcmp(unit, u->name) == 0)
			return set_int(o, config, number * u->of);
	return -1;
}

static int set_bool(const struct opt *o, void *config, const char *value)
{
	bool *to = field(o, config);

	if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*to = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*to = false;
	else
		return -1;
	return 0;
}

/* "a whole number from 1 to 64", for the error and nothing else. */
static void describe_allowed(const struct opt *o, struct buf *out)
{
	static const char *const kinds[] = {
		[OPT_STRING] = "a text",
		[OPT_INT] = "a whole number",
		[OPT_DURATION_MS] = "a duration such as 250ms, 3s, 2m or 1h",
		[OPT_DURATION_S] = "a duration such as 90s, 20m, 12h or 30d",
		[OPT_BOOL] = "true or false",
		[OPT_CHOICE] = "one of ",
	};
	const char *unit = o->type == OPT_DURATION_MS ? "ms" : o->type == OPT_DURATION_S ? "s" : "";

	buf_addstr(out, kinds[o->type]);
	if (o->type == OPT_CHOICE)
		buf_addstr(out, o->choices);
	else if (o->min != o->max)
		buf_addf(out, " from %d%s to %d%s", o->min, unit, o->max, unit);
}

/* `from` names the place the value comes from: "--listen", "CODIS_LISTEN". */
static int set_value(const struct opt *o, void *config, const char *from, const char *value, struct error *err)
{
	BUF_CLEANUP struct buf allowed = BUF_INIT(256);
	long long number;
	const char *rest;
	int r = -1;

	switch (o->type) {
	case OPT_STRING: return set_string(o, config, value, err);
	case OPT_CHOICE:
		if (is_choice(o->choices, value))
			return set_string(o, config, value, err);
		break;
	case OPT_INT:
		if (parse_number(value, &number, &rest) == 0 && !*rest)
			r = set_int(o, config, number);
		break;
	case OPT_DURATION_MS:
	case OPT_DURATION_S: r = set_duration(o, config, value); break;
	case OPT_BOOL: r = set_bool(o, config, value); break;
	}
	if (r == 0)
		return 0;
	describe_allowed(o, &allowed);
	return error_set(err, ERR_INVALID, "%s: \"%.128s\" is not %s", from, value, allowed.data);
}

static int set_defaults(const struct opt *table, void *config, struct error *err)
{
	for (const struct opt *o = table; o->name; o++) {
		const char *env = o->env ? getenv(o->env) : NULL;

		if (o->def && set_value(o, config, o->name, o->def, err) < 0)
			return -1;
		if (env && *env && set_value(o, config, o->env, env, err) < 0)
			return -1;
	}
	return 0;
}

static const struct opt *find(const struct opt *table, const char *name, size_t len)
{
	for (const struct opt *o = table; o->name; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
	for (const struct opt *o = table; o->name; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

static int unknown(const char *flag, struct error *err)
{
	return error_set(err, ERR_INVALID, "unknown option %.64s; --help lists the options", flag);
}

/* `inside`: what stands in the same argument as its value, or NULL; `next`: the argument behind it, or NULL. Returns
 * how many arguments it used, or -1. */
static int set_given(const struct opt *o, void *config, const char *from, const char *inside, const char *next,
		     struct error *err)
{
	if (inside)
		return set_value(o, config, from, inside, err) < 0 ? -1 : 1;
	if (o->type == OPT_BOOL)
		return set_value(o, config, from, "true", err) < 0 ? -1 : 1;
	if (!next)
		return error_set(err, ERR_INVALID, "%s needs a value", from);
	return set_value(o, config, from, next, err) < 0 ? -1 : 2;
}

/* -n VALUE, -nVALUE, -n=VALUE, and bools together: -wA. */
static int set_letters(const struct opt *table, void *config, char **argv, int i, struct error *err)
{
	for (const char *at = argv[i] + 1; *at; at++) {
		const struct opt *o = find_letter(table, *at);
		char from[] = { '-', *at, '\0' };
		const char *inside = at[1] == '=' ? at + 2 : o && o->type != OPT_BOOL && at[1] ? at + 1 : NULL;

		if (!o)
			return unknown(argv[i], err);
		if (inside || o->type != OPT_BOOL)
			return set_given(o, config, from, inside, argv[i + 1], err);
		if (set_given(o, config, from, NULL, NULL, err) < 0)
			return -1;
	}
	return 1;
}

/* Takes the flag at argv[i] and returns how many arguments it used, or -1. */
static int set_flag(const struct opt *table, void *config, char **argv, int i, struct error *err)
{
	const char *flag = argv[i], *name = flag + 2;
	const struct opt *o;
	size_t len;
	char from[80];

	if (strncmp(flag, "--", 2) != 0)
		return set_letters(table, config, argv, i, err);
	len = strcspn(name, "=");
	o = find(table, name, len);
	if (!o)
		return unknown(flag, err);
	snprintf(from, sizeof(from), "--%s", o->name);
	return set_given(o, config, from, name[len] == '=' ? name + len + 1 : NULL, argv[i + 1], err);
}

static bool is_flag(const char *arg)
{
	return arg[0] == '-' && arg[1];
}

int opt_parse(const struct opt *table, void *config, int argc, char **argv, struct error *err)
{
	int i, used;

	if (set_defaults(table, config, err) < 0)
		return -1;
	for (i = 1; i < argc && is_flag(argv[i]); i += used) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		used = set_flag(table, config, argv, i, err);
		if (used < 0)
			return -1;
	}
	return i < argc ? i : argc;
}

/* Moves `count` arguments at `from` to `to`, before it; those in between move behind them. */
static void move_before(char **argv, int from, int count, int to)
{
	for (; count > 0; count--, from++, to++) {
		char *moved = argv[from];

		memmove(argv + to + 1, argv + to, (size_t)(from - to) * sizeof(*argv));
		argv[to] = moved;
	}
}

int opt_parse_anywhere(const struct opt *table, void *config, int argc, char **argv, struct error *err)
{
	int flags = 1, used; /* argv[1] .. argv[flags - 1] are done; from there to i stands what is no flag */

	if (set_defaults(table, config, err) < 0)
		return -1;
	for (int i = 1; i < argc; i += used) {
		bool ends = strcmp(argv[i], "--") == 0;

		used = 1;
		if (!is_flag(argv[i]))
			continue;
		if (!ends)
			used = set_flag(table, config, argv, i, err);
		if (used < 0)
			return -1;
		move_before(argv, i, used, flags);
		flags += used;
		if (ends)
			break;
	}
	return flags;
}

void opt_release(const struct opt *table, void *config)
{
	for (const struct opt *o = table; o->name; o++) {
		if (o->type != OPT_STRING && o->type != OPT_CHOICE)
			continue;
		free(*(char **)field(o, config));
		*(char **)field(o, config) = NULL;
	}
}

bool opt_wants(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], flag) == 0)
			return true;
	return false;
}

void opt_usage(const struct opt *o, struct buf *out)
{
	const char *arg = o->arg ? o->arg : o->type == OPT_CHOICE ? o->choices : NULL;

	if (o->letter)
		buf_addf(out, "-%c, ", o->letter);
	buf_addf(out, "--%s", o->name);
	if (arg && o->type != OPT_BOOL)
		buf_addf(out, " %s", arg);
}

void opt_help(const struct opt *table, struct buf *out)
{
	BUF_CLEANUP struct buf usage = BUF_INIT(256);
	size_t width = 0;

	for (const struct opt *o = table; o->name; o++) {
		buf_reset(&usage);
		opt_usage(o, &usage);
		width = usage.len > width ? usage.len : width;
	}
	for (const struct opt *o = table; o->name; o++) {
		buf_reset(&usage);
		opt_usage(o, &usage);
		buf_addf(out, "  %-*s  %s", (int)width, usage.data, o->help);
		if (o->def && *o->def)
			buf_addf(out, " (default %s)", o->def);
		if (o->env)
			buf_addf(out, " [%s]", o->env);
		buf_addch(out, '\n');
	}
}

static void print_help(const struct opt *table, const char *program, const char *purpose)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 16);

	buf_addf(&text, "%s: %s\n\n", program, purpose);
	opt_help(table, &text);
	fputs(text.data, stdout);
}

bool opt_begin(const struct opt *table, void *config, const char *program, const char *purpose, int argc, char **argv,
	       int *status)
{
	struct error err = ERROR_INIT;
	int at;

	*status = 0;
	if (opt_wants(argc, argv, "--help")) {
		print_help(table, program, purpose);
		return false;
	}
	if (opt_wants(argc, argv, "--version")) {
		printf("%s %s\n", program, CODIS_VERSION);
		return false;
	}
	at = opt_parse(table, config, argc, argv, &err);
	if (at >= 0 && at < argc)
		at = error_set(&err, ERR_INVALID, "\"%s\" is no option; --help lists them", argv[at]);
	if (at >= 0)
		return true;
	fprintf(stderr, "%s: %s\n", program, err.text);
	opt_release(table, config);
	*status = 2;
	return false;
}
