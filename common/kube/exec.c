#include "common/kube/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"

#define OUTPUT_MAX   (1u << 20)
#define OUTPUT_ITEMS 1000
#define END_LOOK_MS  10

extern char **environ;

/* --- how it is started -------------------------------------------------------------------------------------------- */

static bool is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

static bool may_ask(const struct exec_plugin *p)
{
	return !is(p->interactive, "Never") && isatty(STDIN_FILENO);
}

/* "NAME=value", appended to a list whose texts are its own. */
static int add_env(char **list, int *count, const char *name, const char *value)
{
	if (asprintf(&list[*count], "%s=%s", name, value) < 0)
		return -1;
	(*count)++;
	return 0;
}

static bool is_named(const struct exec_plugin *p, const char *variable)
{
	size_t len = strcspn(variable, "=");

	for (int i = 0; i < p->env_count; i++) {
		if (strlen(p->env_names[i]) == len && strncmp(p->env_names[i], variable, len) == 0)
			return true;
	}
	return len == strlen("KUBERNETES_EXEC_INFO") && strncmp(variable, "KUBERNETES_EXEC_INFO", len) == 0;
}

/* What it is told; NULL: no memory. */
static char *make_info(const struct exec_plugin *p)
{
	JSON_CLEANUP cJSON *info = cJSON_CreateObject();
	cJSON *spec = json_add_object(info, "spec"), *cluster = p->server ? json_add_object(spec, "cluster") : NULL;
	size_t len = p->ca_pem ? strlen(p->ca_pem) : 0;
	char *ca = len ? base64_encode(p->ca_pem, len) : NULL;
	bool ok = json_add_str(info, "kind", "ExecCredential") && json_add_str(info, "apiVersion", p->api_version) &&
		  json_add_bool(spec, "interactive", may_ask(p)) && (ca || !len);

	if (ok && p->server)
		ok = json_add_str(cluster, "server", p->server) &&
		     (!ca || json_add_str(cluster, "certificate-authority-data", ca)) &&
		     (!p->skip_verify || json_add_bool(cluster, "insecure-skip-tls-verify", true));
	free(ca);
	return ok ? cJSON_PrintUnformatted(info) : NULL;
}

/* Ours, without what is replaced, then the plugin's. The first `*own` texts are to be freed. NULL: no memory. */
static char **make_env(const struct exec_plugin *p, int *own)
{
	size_t count = 0;
	char *info, **list;
	int at, r;

	while (environ && environ[count])
		count++;
	*own = 0;
	list = calloc(count + EXEC_ENV_MAX + 2, sizeof(*list));
	if (!list)
		return NULL;
	info = make_info(p);
	r = info ? add_env(list, own, "KUBERNETES_EXEC_INFO", info) : -1;
	free(info);
	if (r < 0)
		goto fail;
	for (int i = 0; i < p->env_count; i++) {
		if (add_env(list, own, p->env_names[i], p->env_values[i]) < 0)
			goto fail;
	}
	at = *own;
	for (size_t i = 0; i < count; i++) {
		if (!is_named(p, environ[i]))
			list[at++] = environ[i];
	}
	return list;
fail:
	while (*own)
		free(list[--*own]);
	free(list);
	return NULL;
}

static void free_env(char **env, int own)
{
	while (env && own)
		free(env[--own]);
	free(env);
}

/* How a program is started. */
struct launch {
	const char *const *argv;
	char **env;
	bool asks;        /* it may have our standard input */
	const char *hint; /* of one that is not there; or NULL */
	int timeout_ms;
};

static int spawn(const struct launch *l, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t pipes;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0)
		return r;
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE); /* which we ignore: a pipe of its own would never end */
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &pipes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0 && !l->asks)
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawnp(pid, l->argv[0], &actions, &attributes, (char *const *)(uintptr_t)l->argv, l->env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* Its end of the pipe for what it prints; -1 and *err. */
static int start(const struct launch *l, pid_t *pid, struct error *err)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, errno, "a pipe");
	r = spawn(l, ends[1], pid);
	close(ends[1]);
	if (r == 0)
		return ends[0];
	close(ends[0]);
	error_errno(err, r, "it cannot be started");
	if (r == ENOENT && l->hint)
		error_set(err, ERR_NOTFOUND, "it is not there: %.300s", l->hint);
	return -1;
}

/* --- what it prints ----------------------------------------------------------------------------------------------- */

struct process {
	pid_t pid;
	bool ended;
	int status; /* of waitpid */
};

static bool has_ended(struct process *p)
{
	if (!p->ended)
		p->ended = waitpid(p->pid, &p->status, WNOHANG) != 0;
	return p->ended;
}

/* Until its end: a child of it may keep the pipe open for as long as it lives. */
static int read_all(int fd, struct process *process, int64_t end_ms, struct buf *out, struct error *err)
{
	for (;;) {
		bool last = has_ended(process); /* all that it has printed is in the pipe */
		int64_t left = end_ms - clock_mono_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char *to = buf_reserve(out, 4096);
		ssize_t n;

		if (!to)
			return buf_check(out, "what it prints", err);
		n = poll(&p, 1, last || left <= 0 ? 0 : END_LOOK_MS);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 && last)
			return 0;
		if (left <= 0)
			return error_set(err, ERR_TIMEOUT, "it does not answer");
		if (n == 0)
			continue;
		n = n > 0 ? read(fd, to, 4096) : n;
		if (n < 0)
			return error_errno(err, errno, "what it prints cannot be read");
		if (n == 0)
			return 0;
		buf_commit(out, (size_t)n);
	}
}

static void end(struct process *p)
{
	if (p->ended)
		return;
	kill(p->pid, SIGKILL);
	p->ended = waitpid(p->pid, &p->status, 0) != 0;
}

static int wait_end(struct process *p, int64_t end_ms, struct error *err)
{
	while (!has_ended(p) && clock_mono_ms() < end_ms)
		poll(NULL, 0, END_LOOK_MS);
	if (!p->ended)
		return error_set(err, ERR_TIMEOUT, "it does not end");
	if (!WIFEXITED(p->status))
		return error_set(err, ERR_IO, "it was ended by a signal");
	return WEXITSTATUS(p->status) ? error_set(err, ERR_IO, "it ends with %d", WEXITSTATUS(p->status)) : 0;
}

static int launch(const struct launch *l, struct buf *out, struct error *err)
{
	int64_t end_ms = clock_mono_ms() + l->timeout_ms;
	struct process process = { .pid = 0 };
	int fd = start(l, &process.pid, err), r;

	if (fd < 0)
		return -1;
	r = read_all(fd, &process, end_ms, out, err);
	close(fd);
	if (r == 0)
		r = wait_end(&process, end_ms, err);
	end(&process);
	return r;
}

int exec_output(const char *const *argv, const char *hint, int timeout_ms, struct buf *out, struct error *err)
{
	struct launch l = { .argv = argv, .env = environ, .hint = hint, .timeout_ms = timeout_ms };

	return launch(&l, out, err) < 0 ? error_wrap(err, "%s", argv[0]) : 0;
}

static int run(const struct exec_plugin *p, struct buf *out, struct error *err)
{
	const char *argv[EXEC_ARGS_MAX + 2] = { p->command };
	struct launch l = { .argv = argv,
			    .asks = may_ask(p),
			    .hint = p->install_hint,
			    .timeout_ms = p->timeout_ms ? p->timeout_ms : EXEC_TIMEOUT_MS };
	int own = 0, r;

	for (int i = 0; i < p->arg_count; i++)
		argv[i + 1] = p->args[i];
	l.env = make_env(p, &own);
	r = l.env ? launch(&l, out, err) : error_set(err, ERR_NOMEM, "no memory to start it");
	free_env(l.env, own);
	return r;
}

static char *copy(const char *text)
{
	return text && *text ? strdup(text) : NULL;
}

static int take(const cJSON *said, const struct exec_plugin *p, struct exec_credential *out, struct error *err)
{
	const cJSON *status = json_get(said, "status", NULL);

	if (!is(json_str(said, "kind", NULL), "ExecCredential") ||
	    !is(json_str(said, "apiVersion", NULL), p->api_version))
		return error_set(err, ERR_PROTOCOL, "it prints no ExecCredential of %s", p->api_version);
	out->token = copy(json_str(status, "token", NULL));
	out->cert_pem = copy(json_str(status, "clientCertificateData", NULL));
	out->key_pem = copy(json_str(status, "clientKeyData", NULL));
	if (!out->token && !(out->cert_pem && out->key_pem))
		return error_set(err, ERR_PROTOCOL, "it prints neither a token nor a client certificate with its key");
	return 0;
}

/* Some say how they may not be started. */
static int check(const struct exec_plugin *p, struct error *err)
{
	if (!is(p->api_version, "client.authentication.k8s.io/v1") &&
	    !is(p->api_version, "client.authentication.k8s.io/v1beta1"))
		return error_set(err, ERR_INVALID,
				 "apiVersion %.60s is not understood: it must be "
				 "client.authentication.k8s.io/v1 or v1beta1",
				 p->api_version ? p->api_version : "(none)");
	if (is(p->interactive, "Always") && !isatty(STDIN_FILENO))
		return error_set(err, ERR_INVALID, "it has to ask, and standard input is no terminal");
	return 0;
}

int exec_credential_get(const struct exec_plugin *p, struct exec_credential *out, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(OUTPUT_MAX);
	JSON_CLEANUP cJSON *said = NULL;
	int r = check(p, err);

	*out = (struct exec_credential){ .token = NULL };
	if (r == 0)
		r = run(p, &text, err);
	if (r == 0) {
		said = json_parse(text.data, text.len, OUTPUT_ITEMS, NULL);
		r = take(said, p, out, err);
	}
	if (text.len)
		explicit_bzero(text.data, text.len);
	if (r == 0)
		return 0;
	exec_credential_release(out);
	return error_wrap(err, "exec plugin %.200s", p->command);
}

void exec_credential_release(struct exec_credential *c)
{
	free(c->token);
	free(c->cert_pem);
	free(c->key_pem);
	*c = (struct exec_credential){ .token = NULL };
}
