/* exec.h - credentials of a program that a kubeconfig names (users[].user.exec; client.authentication.k8s.io, v1 and
 * v1beta1), as clouds have them. For programs that a person runs: it is started in their name, with their environment,
 * its stderr is theirs, and it may ask on the terminal. */
#ifndef CODIS_KUBE_EXEC_H
#define CODIS_KUBE_EXEC_H

#include <stdbool.h>

struct buf;
struct error;

#define EXEC_ARGS_MAX 64
#define EXEC_ENV_MAX  64
/* A person may have to touch a key meanwhile. */
#define EXEC_TIMEOUT_MS 30000

struct exec_plugin {
	const char *command; /* with a '/': a path, else it is looked for in PATH */
	const char *args[EXEC_ARGS_MAX];
	int arg_count;
	const char *env_names[EXEC_ENV_MAX], *env_values[EXEC_ENV_MAX]; /* beside our own */
	int env_count;
	const char *api_version;  /* "client.authentication.k8s.io/v1" */
	const char *interactive;  /* Never, IfAvailable, Always; NULL: IfAvailable */
	const char *install_hint; /* or NULL */
	/* What it is told of the cluster, where it is to be (provideClusterInfo); server NULL: nothing. ca_pem or NULL.
	 */
	const char *server, *ca_pem;
	bool skip_verify;
	int timeout_ms; /* 0: EXEC_TIMEOUT_MS */
};

/* All are the caller's, or NULL. */
struct exec_credential {
	char *token, *cert_pem, *key_pem;
};

/* Starts it and waits for what it prints. 0, with a token or a certificate and its key; or -1 and *err, which has
 * nothing of what it printed. */
int exec_credential_get(const struct exec_plugin *plugin, struct exec_credential *out, struct error *err);
void exec_credential_release(struct exec_credential *c);

/* Runs argv (NULL behind its last; argv[0] without a '/' is looked for in PATH) with our environment and nothing to
 * read, and appends what it prints to out; its stderr is ours. 0, or -1 and *err: it is not there (ERR_NOTFOUND and the
 * hint, where there is one), it ends with another status than 0, takes longer, or prints more than out's limit. */
int exec_output(const char *const *argv, const char *hint, int timeout_ms, struct buf *out, struct error *err);

#endif
