/* opt.h - one table of options feeds flags, environment, defaults and --help; a test holds the docs page to it.
 *
 *   struct config { char *listen; int threads; };
 *   static const struct opt options[] = {
 *       { "listen", "CODIS_LISTEN", OPT_STRING, offsetof(struct config, listen), .def = ":9443", .arg = "ADDR",
 *         .help = "where to listen" },
 *       OPT_END
 *   };
 *   struct config c = { 0 };
 *   if (opt_parse(options, &c, argc, argv, &err) < 0) ...
 *
 * Precedence: flag, then environment (where it is not empty), then default. A flag is --name VALUE or --name=VALUE; a
 * bool stands alone or has its value behind "=". The last of several counts, and "--" ends them. With a letter it is
 * -n VALUE, -nVALUE or -n=VALUE as well, and bools can stand together: -wA.
 */
#ifndef CODIS_BASE_OPT_H
#define CODIS_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct error;

enum opt_type {
	OPT_STRING,      /* char *, allocated; NULL where the default is NULL and nothing was given */
	OPT_INT,         /* int; .min..max are checked */
	OPT_DURATION_MS, /* int, in milliseconds; "250ms", "3s", "2m", "1h"; .min..max in milliseconds */
	OPT_DURATION_S,  /* int, in seconds; "90s", "20m", "12h", "30d"; .min..max in seconds */
	OPT_BOOL,        /* bool; "true"/"false"/"1"/"0" */
	OPT_CHOICE,      /* char *, allocated; one of the words in .choices, separated by '|' */
};

struct opt {
	const char *name; /* without the dashes; NULL ends the table */
	const char *env;  /* NULL: not from the environment */
	enum opt_type type;
	size_t offset;
	const char *def; /* NULL: 0, false, or a NULL string */
	const char *arg; /* the value's name in --help */
	const char *help;
	int min, max;        /* min == max: unchecked */
	const char *choices; /* for OPT_CHOICE */
	char letter;         /* 'n' for -n; 0: none */
};

#define OPT_END                                                                                                        \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

/* Fills the struct at `config`, which must be zeroed. Returns the index of the first argument that is no flag (argc if
 * none), or -1 with *err naming the option, the value and what is allowed. --help and --version are the caller's:
 * opt_wants() tells. On error the caller still calls opt_release. */
int opt_parse(const struct opt *table, void *config, int argc, char **argv, struct error *err);

/* The same, with flags also behind arguments that are none: those are moved to the end of argv, in their order, and the
 * index of the first of them is returned (argc if none). What follows "--" is no flag. */
int opt_parse_anywhere(const struct opt *table, void *config, int argc, char **argv, struct error *err);

/* Frees the strings in config. */
void opt_release(const struct opt *table, void *config);

/* Whether `flag` ("--help") stands among the arguments before "--". */
bool opt_wants(int argc, char **argv, const char *flag);

/* What every program does first: answers --help (purpose, then the options) and --version, parses, and says what is
 * wrong on stderr. true: go on. false: end with *status; config is released. */
bool opt_begin(const struct opt *table, void *config, const char *program, const char *purpose, int argc, char **argv,
	       int *status);

/* How an option is given: "--threads N", "--tls", "-n, --namespace NAME". */
void opt_usage(const struct opt *o, struct buf *out);
/* The --help text's options part. */
void opt_help(const struct opt *table, struct buf *out);

#endif
