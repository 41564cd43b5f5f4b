/* flags.h - command lines as Codis reads them: --name=VALUE, --name VALUE, unique beginnings of a name, -x VALUE,
 * words. */
#ifndef CODIS_SIM_FLAGS_H
#define CODIS_SIM_FLAGS_H

#include <stdbool.h>

struct flag {
	const char *name;  /* "--gid"; NULL ends the table */
	const char *brief; /* "-g", or NULL */
	bool takes_value;
	const char *value; /* filled in; points into argv */
	bool given;
};

#define FLAGS_WORDS 8

struct flags {
	struct flag *table;
	const char *words[FLAGS_WORDS]; /* what is no flag */
	int n_words;
};

/* Ends the program with the usage text and status 1 when the arguments do not fit the table. */
void flags_parse(struct flags *f, const char *usage, int argc, char **argv);
void flags_usage(const char *usage) __attribute__((noreturn));

bool flags_given(const struct flags *f, const char *name);
const char *flags_value(const struct flags *f, const char *name); /* NULL when absent */
/* Like Codis: an empty value, or one that is no number, ends the program. */
const char *flags_need(const struct flags *f, const char *name);
int flags_need_int(const struct flags *f, const char *name);
bool flags_word(const struct flags *f, const char *word);

#endif
