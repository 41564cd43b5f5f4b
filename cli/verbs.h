/* verbs.h - the one table of codisctl's verbs: it feeds the command line, the help, the completion, the man page and,
 * by a test, the docs page. */
#ifndef CODIS_CLI_VERBS_H
#define CODIS_CLI_VERBS_H

#include "cli/cli.h"

#define VERBS_PURPOSE "a Codis cluster on Kubernetes, from the command line"

struct verb {
	const char *name;
	const char *purpose;       /* one line */
	const char *arguments;     /* "[PRODUCT]"; "": none */
	const char *details;       /* a paragraph or two for its help, or NULL */
	const struct opt *options; /* beside cli_options; or NULL */
	int max_arguments;
	bool hidden;
	enum cli_status (*run)(struct cli *c);
};

extern const struct verb cli_verbs[]; /* one without a name ends it */

const struct verb *verb_find(const char *name);
/* The one whose name is nearest to what was written, or NULL when none is near. */
const struct verb *verb_nearest(const char *name);
/* Its options and those of all, in one table of so many rows at most. */
#define VERB_OPTIONS_MAX 32
void verb_options(const struct verb *v, struct opt out[VERB_OPTIONS_MAX]);

/* Parses the command line and runs its verb; what it says is in c->out and c->err, or was flushed. argv is moved. */
enum cli_status verbs_run(struct cli *c, int argc, char **argv);

/* The help of all, or of a verb. */
void verbs_help(struct buf *out);
void verb_help(const struct verb *v, struct buf *out);

#endif
