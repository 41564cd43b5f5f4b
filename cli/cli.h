/* cli.h - what all verbs of codisctl share: options, the connection to the API server, what is printed, how it ends. */
#ifndef CODIS_CLI_CLI_H
#define CODIS_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/opt.h"
#include "common/kube/config.h"

struct error;
struct kube_client;
struct loop;
struct verb;

/* The exit statuses; docs/codisctl.md has them. */
enum cli_status {
	CLI_OK = 0,
	CLI_NOT_SO = 1,     /* what was asked for is not so: not OK, not there, refused */
	CLI_USAGE = 2,      /* no such verb, option or argument */
	CLI_NO_CLUSTER = 3, /* the API server is not reached, or does not allow it */
	CLI_WAITED = 4,     /* it was done, and what was waited for did not come in time */
	CLI_INTERRUPTED = 130,
};

struct cli_options {
	char *kubeconfig, *context, *namespace, *system;
	bool help;
	/* of some verbs */
	bool all, watch, cancel, yes, force, from_proxies, delete_data, keep_tree;
	char *output, *product, *file, *set, *images, *to, *statefulset;
	int wait_ms;
	char *kustomize, *nodes_from;
	int nodes;
	bool live, diff;
	char *version, *scheduler_image;
	bool print;
	bool every, follow, previous;
	int since_s, tail;
};

struct cli {
	struct cli_options options;
	const struct verb *verb;
	char **args; /* behind the options */
	int arg_count;

	struct loop *loop; /* these from cli_connect on */
	struct kube_client *kube;
	char *server, *own_namespace;
	struct kube_config config; /* the rest of it: who we are */

	struct buf out, err; /* to stdout and stderr at cli_flush */
	struct buf warned;   /* what the API server has warned of, a line each: said once */
	int out_fd, err_fd;  /* -1: nowhere; all is kept */
	int out_errno;       /* why it cannot be written; EPIPE: whoever read it has gone */
	bool terminal, colour;
};

/* What every verb takes. */
extern const struct opt cli_options[];

void cli_init(struct cli *c, int out_fd, int err_fd);
void cli_release(struct cli *c);
/* Writes what was said so far. */
void cli_flush(struct cli *c);
/* Whether nobody will read what is written to stdout any more. */
bool cli_is_unread(const struct cli *c);

/* From here on SIGINT and SIGTERM end the program at once, with CLI_INTERRUPTED. */
void cli_end_at_signals(void);

/* Loads the kubeconfig and makes loop and client, or makes the client anew: where that fails, the one before stays.
 * CLI_OK, or the status, and why is said. */
enum cli_status cli_connect(struct cli *c);

/* The same where it is not connected yet. */
enum cli_status cli_connect_once(struct cli *c);

/* Asks through this client from now on, whose it becomes, and says what that is warned of: "Warning: ..." on stderr. */
void cli_use(struct cli *c, struct kube_client *kube);

/* The namespace that is meant: -n, else the context's. */
const char *cli_namespace(const struct cli *c);

/* Says "codisctl: ..." on stderr, cleaned (text_clean), and returns the status. */
enum cli_status cli_fail(struct cli *c, enum cli_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same of a call to the API server: NO_CLUSTER where it was not reached or did not allow it, else NOT_SO. */
enum cli_status cli_fail_call(struct cli *c, const struct error *err);
/* The status of such a failure. */
enum cli_status cli_status_of(const struct error *err);

/* Adds a name to "a, b", where it is not there yet. */
void cli_add_name(struct buf *names, const char *name);

/* Whether that can be the name of a namespace (RFC 1123): it becomes a part of a path. */
bool cli_is_namespace(const char *name);

/* Colours of a terminal; "" where there shall be none. */
const char *cli_red(const struct cli *c), *cli_yellow(const struct cli *c), *cli_green(const struct cli *c),
	*cli_bold(const struct cli *c), *cli_plain(const struct cli *c);

#endif
