#include "tests/codis-sim/flags.h"

#include <errno.h>
#include <limits.h>

#include "tests/codis-sim/golog.h"

void flags_usage(const char *usage)
{
	fputs(usage, stderr);
	exit(1);
}

static struct flag *find_exact(const struct flags *f, const char *name, size_t len)
{
	for (struct flag *x = f->table; x->name; x++)
		if (strlen(x->name) == len && memcmp(x->name, name, len) == 0)
			return x;
	return NULL;
}

/* "--assets" means --assets-dir when no other name begins so. */
static struct flag *find_long(const struct flags *f, const char *name, size_t len)
{
	struct flag *found = find_exact(f, name, len);
	int n = 0;

	if (found)
		return found;
	for (struct flag *x = f->table; x->name; x++) {
		if (strncmp(x->name, name, len) == 0) {
			found = x;
			n++;
		}
	}
	return n == 1 ? found : NULL;
}

static struct flag *find_brief(const struct flags *f, const char *arg)
{
	for (struct flag *x = f->table; x->name; x++)
		if (x->brief && strncmp(x->brief, arg, 2) == 0)
			return x;
	return NULL;
}

/* The value stands behind `inline_value` (NULL: none) or is the next argument. Returns how many arguments it took. */
static int take(struct flag *x, const char *inline_value, int argc, char **argv, int i, const char *usage)
{
	if (!x || (!x->takes_value && inline_value))
		flags_usage(usage);
	x->given = true;
	if (!x->takes_value)
		return 1;
	if (inline_value) {
		x->value = inline_value;
		return 1;
	}
	if (i + 1 >= argc)
		flags_usage(usage);
	x->value = argv[i + 1];
	return 2;
}

void flags_parse(struct flags *f, const char *usage, int argc, char **argv)
{
	for (int i = 1; i < argc;) {
		char *arg = argv[i], *equals;

		if (strncmp(arg, "--", 2) == 0) {
			equals = strchr(arg, '=');
			i += take(find_long(f, arg, equals ? (size_t)(equals - arg) : strlen(arg)),
				  equals ? equals + 1 : NULL, argc, argv, i, usage);
		} else if (arg[0] == '-' && arg[1]) {
			i += take(find_brief(f, arg), arg[2] ? arg + 2 : NULL, argc, argv, i, usage);
		} else {
			if (f->n_words == FLAGS_WORDS)
				flags_usage(usage);
			f->words[f->n_words++] = arg;
			i++;
		}
	}
}

bool flags_given(const struct flags *f, const char *name)
{
	const struct flag *x = find_exact(f, name, strlen(name));

	return x && x->given;
}

const char *flags_value(const struct flags *f, const char *name)
{
	const struct flag *x = find_exact(f, name, strlen(name));

	if (x && x->given && (!x->value || !*x->value))
		golog_panic("option %s requires an argument", name);
	return x ? x->value : NULL;
}

const char *flags_need(const struct flags *f, const char *name)
{
	const char *value = flags_value(f, name);

	if (!value)
		golog_panic("option %s is required", name);
	return value;
}

int flags_need_int(const struct flags *f, const char *name)
{
	const char *text = flags_need(f, name);
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || *end || n < INT_MIN || n > INT_MAX)
		golog_panic("option %s isn't a valid integer", name);
	return (int)n;
}

bool flags_word(const struct flags *f, const char *word)
{
	for (int i = 0; i < f->n_words; i++)
		if (strcmp(f->words[i], word) == 0)
			return true;
	return false;
}
