#include "common/kube/config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/kube/exec.h"

#define ACCOUNT    "/var/run/secrets/kubernetes.io/serviceaccount/"
#define FILE_LIMIT (1u << 20)
#define PATH_LIMIT 4096
#define FILES_MAX  32

void kube_config_release(struct kube_config *cfg)
{
	free(cfg->server);
	free(cfg->ca_pem);
	free(cfg->token);
	free(cfg->token_file);
	free(cfg->cert_pem);
	free(cfg->key_pem);
	free(cfg->namespace);
	free(cfg->path);
	*cfg = (struct kube_config){ 0 };
}

static int copy(const char *text, char **out, struct error *err)
{
	*out = text ? strdup(text) : NULL;
	return text && !*out ? error_set(err, ERR_NOMEM, "no memory") : 0;
}

/* --- the pod's service account ------------------------------------------------------------------------------------ */

static int load_account(struct kube_config *cfg, const char *host, struct error *err)
{
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = strchr(host, ':');
	char server[300];

	snprintf(server, sizeof(server), "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port ? port : "443");
	if (copy(server, &cfg->server, err) < 0 || copy(ACCOUNT "token", &cfg->token_file, err) < 0)
		return -1;
	cfg->ca_pem = file_read(ACCOUNT "ca.crt", FILE_LIMIT, err);
	cfg->namespace = cfg->ca_pem ? file_read(ACCOUNT "namespace", FILE_LIMIT, err) : NULL;
	return cfg->namespace ? 0 : error_wrap(err, "service account");
}

/* --- kubeconfig files -------------------------------------------------------------------------------------------- */

/* A value, and the file that it is in. */
struct place {
	struct file *file; /* NULL: there is none */
	yaml_node_t *node;
};

struct file {
	yaml_document_t doc;
	const char *path;
};

/* What several of them have is the first one's. */
struct kubeconfig {
	struct file files[FILES_MAX];
	int count;
	const struct kube_config_choice *choice;
	struct kube_config *cfg;
};

static yaml_node_t *member(struct file *f, yaml_node_t *map, const char *name)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(&f->doc, p->key);

		if (key && key->type == YAML_SCALAR_NODE && strcmp((char *)key->data.scalar.value, name) == 0)
			return yaml_document_get_node(&f->doc, p->value);
	}
	return NULL;
}

/* The text at place[name], or NULL where it is absent, empty or no text. */
static const char *text(const struct place *at, const char *name)
{
	yaml_node_t *node = member(at->file, at->node, name);

	if (!node || node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0)
		return NULL;
	return (char *)node->data.scalar.value;
}

static struct place root(struct file *f)
{
	return (struct place){ f, yaml_document_get_root_node(&f->doc) };
}

/* kind "user", name "admin": what stands at `user` in the entry of the file's `users` with that name, or NULL. */
static yaml_node_t *entry_in(struct file *f, const char *list, const char *kind, const char *name)
{
	yaml_node_t *all = member(f, root(f).node, list), *found;

	if (!all || all->type != YAML_SEQUENCE_NODE)
		return NULL;
	for (yaml_node_item_t *i = all->data.sequence.items.start; i < all->data.sequence.items.top; i++) {
		struct place item = { f, yaml_document_get_node(&f->doc, *i) };
		const char *its = text(&item, "name");

		if (its && strcmp(its, name) == 0 && (found = member(f, item.node, kind)))
			return found;
	}
	return NULL;
}

/* That of the first file that has it. 0, or -1 and *err. */
static int entry(struct kubeconfig *k, const char *list, const char *kind, const char *name, struct place *at,
		 struct error *err)
{
	at->file = NULL;
	at->node = NULL;
	if (!name)
		return error_set(err, ERR_INVALID, "no %s is chosen", kind);
	for (int i = 0; i < k->count; i++) {
		at->file = &k->files[i];
		at->node = entry_in(at->file, list, kind, name);
		if (at->node)
			return 0;
	}
	return error_set(err, ERR_NOTFOUND, "no %s \"%.100s\" in it", kind, name);
}

/* Names in the file are relative to its folder. */
static void beside(const struct file *f, const char *name, char *out, size_t size)
{
	const char *slash = strrchr(f->path, '/');

	if (name[0] == '/' || !slash)
		snprintf(out, size, "%s", name);
	else
		snprintf(out, size, "%.*s/%s", (int)(slash - f->path), f->path, name);
}

/* Base64, in lines maybe. The caller's, or NULL and *err. */
static char *decode(const char *data, size_t *len, struct error *err)
{
	BUF_CLEANUP struct buf all = BUF_INIT(FILE_LIMIT);

	for (size_t n; *data; data += n + (data[n] != '\0')) {
		n = strcspn(data, "\r\n");
		buf_add(&all, data, n);
	}
	return buf_check(&all, "it", err) < 0 ? NULL : base64_decode(all.data, len, err);
}

/* place[name-data] as base64, else the file that place[name] names. */
static int take_pem(const struct place *at, const char *name, char **out, struct error *err)
{
	char key[64], path[PATH_LIMIT];
	const char *data, *file = text(at, name);
	size_t len;

	snprintf(key, sizeof(key), "%s-data", name);
	data = text(at, key);
	if (!data && !file)
		return 0;
	if (data) {
		*out = decode(data, &len, err);
		return *out ? 0 : error_wrap(err, "%s", key);
	}
	beside(at->file, file, path, sizeof(path));
	*out = file_read(path, FILE_LIMIT, err);
	return *out ? 0 : error_wrap(err, "%s", name);
}

/* What would change who we are or whom we talk to is refused, not passed over. */
static int refuse(const struct place *at, const char *const *names, struct error *err)
{
	for (; *names; names++)
		if (member(at->file, at->node, *names))
			return error_set(err, ERR_INVALID,
					 "%s is not understood; use a token or a client certificate, "
					 "such as those of a ServiceAccount (kubectl create token)",
					 *names);
	return 0;
}

static int take_cluster(struct kube_config *cfg, const struct place *cluster, struct error *err)
{
	static const char *const unknown[] = { "proxy-url", "tls-server-name", NULL };
	const char *server = text(cluster, "server"), *skip = text(cluster, "insecure-skip-tls-verify");
	size_t len = server ? strlen(server) : 0;

	if (refuse(cluster, unknown, err) < 0)
		return -1;
	if (!server || (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0))
		return error_set(err, ERR_INVALID, "the cluster's server is no http(s) address");
	if (memchr(strchr(server, '/') + 2, '@', strcspn(strchr(server, '/') + 2, "/"))) /* it is told in errors */
		return error_set(err, ERR_INVALID, "the cluster's server has a user name in it: use a token instead");
	cfg->skip_verify = skip && strcmp(skip, "true") == 0;
	if (copy(server, &cfg->server, err) < 0)
		return -1;
	while (len && cfg->server[len - 1] == '/')
		cfg->server[--len] = '\0';
	return take_pem(cluster, "certificate-authority", &cfg->ca_pem, err);
}

/* place[list], item by item. */
static struct place item_of(const struct place *at, const char *list, int i)
{
	yaml_node_t *all = member(at->file, at->node, list);

	if (!all || all->type != YAML_SEQUENCE_NODE ||
	    i >= all->data.sequence.items.top - all->data.sequence.items.start)
		return (struct place){ NULL, NULL };
	return (struct place){ at->file, yaml_document_get_node(&at->file->doc, all->data.sequence.items.start[i]) };
}

static int read_plugin(const struct place *exec, struct exec_plugin *p, struct error *err)
{
	struct place item;

	for (int i = 0; (item = item_of(exec, "args", i)).file; i++) {
		if (i == EXEC_ARGS_MAX || !item.node || item.node->type != YAML_SCALAR_NODE)
			return error_set(err, ERR_INVALID, "args are texts, at most %d", EXEC_ARGS_MAX);
		p->args[p->arg_count++] = (char *)item.node->data.scalar.value;
	}
	for (int i = 0; (item = item_of(exec, "env", i)).file; i++) {
		const char *name = text(&item, "name"), *value = text(&item, "value");

		if (i == EXEC_ENV_MAX || !name)
			return error_set(err, ERR_INVALID, "env has names and values, at most %d", EXEC_ENV_MAX);
		p->env_names[p->env_count] = name;
		p->env_values[p->env_count++] = value ? value : "";
	}
	p->api_version = text(exec, "apiVersion");
	p->interactive = text(exec, "interactiveMode");
	p->install_hint = text(exec, "installHint");
	return 0;
}

static int take_exec(struct kube_config *cfg, const struct place *exec, struct error *err)
{
	const char *command = text(exec, "command"), *info = text(exec, "provideClusterInfo");
	struct exec_plugin plugin = { .command = command };
	struct exec_credential got;
	char path[PATH_LIMIT];

	if (!command)
		return error_set(err, ERR_INVALID, "exec names no command");
	if (info && strcmp(info, "true") == 0) {
		plugin.server = cfg->server;
		plugin.ca_pem = cfg->ca_pem;
		plugin.skip_verify = cfg->skip_verify;
	}
	if (read_plugin(exec, &plugin, err) < 0)
		return error_wrap(err, "exec");
	if (strchr(command, '/')) { /* relative to the file, as kubectl has it; else in PATH */
		beside(exec->file, command, path, sizeof(path));
		plugin.command = path;
	}
	if (exec_credential_get(&plugin, &got, err) < 0)
		return -1;
	free(cfg->token);
	cfg->token = got.token;
	cfg->cert_pem = got.cert_pem;
	cfg->key_pem = got.key_pem;
	return 0;
}

static int take_user(struct kubeconfig *k, const struct place *user, struct error *err)
{
	static const char *const unknown[] = { "auth-provider", "username", "as", NULL };
	static const char *const plugin[] = { "exec", NULL };
	const char *token_file = text(user, "tokenFile");
	struct place exec = { user->file, NULL };
	char path[PATH_LIMIT];

	if (refuse(user, unknown, err) < 0 || (!k->choice->exec && refuse(user, plugin, err) < 0))
		return -1;
	if (copy(text(user, "token"), &k->cfg->token, err) < 0)
		return -1;
	if (token_file) {
		beside(user->file, token_file, path, sizeof(path));
		if (copy(path, &k->cfg->token_file, err) < 0)
			return -1;
	}
	exec.node = member(user->file, user->node, "exec");
	if (exec.node)
		return take_exec(k->cfg, &exec, err);
	if (take_pem(user, "client-certificate", &k->cfg->cert_pem, err) < 0)
		return -1;
	return take_pem(user, "client-key", &k->cfg->key_pem, err);
}

/* The context that is chosen, else the current one of the first file that has one; NULL: none. */
static const char *context_name(struct kubeconfig *k)
{
	const char *name = k->choice->context;

	for (int i = 0; !name && i < k->count; i++) {
		struct place top = root(&k->files[i]);

		name = text(&top, "current-context");
	}
	return name;
}

static int take_context(struct kubeconfig *k, struct error *err)
{
	struct place context = { NULL, NULL }, part = context;
	const char *namespace;

	if (entry(k, "contexts", "context", context_name(k), &context, err) < 0)
		return -1;
	namespace = text(&context, "namespace");
	if (copy(namespace ? namespace : "default", &k->cfg->namespace, err) < 0)
		return -1;
	if (entry(k, "clusters", "cluster", text(&context, "cluster"), &part, err) < 0 ||
	    take_cluster(k->cfg, &part, err) < 0)
		return -1;
	if (!text(&context, "user")) /* as through kubectl proxy */
		return 0;
	if (entry(k, "users", "user", text(&context, "user"), &part, err) < 0)
		return -1;
	return take_user(k, &part, err);
}

static int parse_yaml(const char *data, yaml_document_t *doc, struct error *err)
{
	yaml_parser_t parser;
	int ok;

	if (!yaml_parser_initialize(&parser))
		return error_set(err, ERR_NOMEM, "no memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, strlen(data));
	ok = yaml_parser_load(&parser, doc);
	if (!ok)
		error_set(err, ERR_INVALID, "not YAML: line %zu: %s", parser.problem_mark.line + 1,
			  parser.problem ? parser.problem : "no memory");
	yaml_parser_delete(&parser);
	return ok ? 0 : -1;
}

static int read_file(struct kubeconfig *k, const char *path, struct error *err)
{
	struct file *f = &k->files[k->count];
	char *data = file_read(path, FILE_LIMIT, err);
	int r;

	if (!data)
		return -1;
	r = parse_yaml(data, &f->doc, err);
	free(data);
	if (r < 0)
		return error_wrap(err, "%s", path);
	f->path = path;
	k->count++;
	return 0;
}

/* paths: one, or several that are separated by ':', of which at least one has to be there; it is changed. */
static int read_files(struct kubeconfig *k, char *paths, struct error *err)
{
	struct error missing = ERROR_INIT;
	char *next;

	for (char *path = paths; path; path = next) {
		next = strchr(path, ':');
		if (next)
			*next++ = '\0';
		if (!*path)
			continue;
		if (k->count == FILES_MAX)
			return error_set(err, ERR_TOOBIG, "KUBECONFIG names more than %d files", FILES_MAX);
		if (access(path, F_OK) < 0 && errno == ENOENT)
			error_errno(&missing, ENOENT, "%s", path);
		else if (read_file(k, path, err) < 0)
			return -1;
	}
	if (k->count)
		return 0;
	return error_set(err, ERR_NOTFOUND, "%s", missing.code ? missing.text : "KUBECONFIG names no file");
}

static void release_files(struct kubeconfig *k)
{
	while (k->count)
		yaml_document_delete(&k->files[--k->count].doc);
}

static int load_files(struct kubeconfig *k, const char *paths, bool several, struct error *err)
{
	char *own = strdup(paths);
	int r = own ? 0 : error_set(err, ERR_NOMEM, "no memory");

	if (r == 0)
		r = several ? read_files(k, own, err) : read_file(k, own, err);
	if (r < 0)
		error_wrap(err, "kubeconfig");
	else if ((r = take_context(k, err)) < 0)
		error_wrap(err, "kubeconfig %s", paths);
	release_files(k);
	free(own);
	return r;
}

/* $KUBECONFIG, else ~/.kube/config. */
static int load_default(struct kubeconfig *k, bool several, struct error *err)
{
	const char *paths = getenv("KUBECONFIG"), *home = getenv("HOME");
	char in_home[PATH_LIMIT];

	if (paths && *paths) {
		if (!several && strchr(paths, ':'))
			return error_set(err, ERR_INVALID, "KUBECONFIG names several files (%s); name the one to use",
					 paths);
		return load_files(k, paths, several, err);
	}
	snprintf(in_home, sizeof(in_home), "%s/.kube/config", home ? home : "");
	return load_files(k, in_home, false, err);
}

/* Whether a person has a kubeconfig: in a pod, too, it counts before the service account, as for kubectl. */
static bool has_default(void)
{
	const char *paths = getenv("KUBECONFIG"), *home = getenv("HOME");
	char in_home[PATH_LIMIT];

	snprintf(in_home, sizeof(in_home), "%s/.kube/config", home ? home : "");
	return (paths && *paths) || access(in_home, F_OK) == 0;
}

static int load(struct kube_config *cfg, const struct kube_config_choice *choice, bool several, struct error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	struct kubeconfig *k = calloc(1, sizeof(*k));
	int r;

	*cfg = (struct kube_config){ 0 };
	if (!k)
		return error_set(err, ERR_NOMEM, "no memory");
	k->choice = choice;
	k->cfg = cfg;
	if (choice->path)
		r = load_files(k, choice->path, false, err);
	else if (host && *host && !choice->context && !(several && has_default()))
		r = load_account(cfg, host, err);
	else
		r = load_default(k, several, err);
	free(k);
	if (r < 0)
		kube_config_release(cfg);
	return r;
}

int kube_config_load(struct kube_config *cfg, const char *path, struct error *err)
{
	if (load(cfg, &(struct kube_config_choice){ .path = path }, false, err) < 0)
		return -1;
	cfg->loaded = true;
	if (copy(path, &cfg->path, err) == 0)
		return 0;
	kube_config_release(cfg);
	return -1;
}

int kube_config_choose(struct kube_config *cfg, const struct kube_config_choice *choice, struct error *err)
{
	return load(cfg, choice, true, err);
}
