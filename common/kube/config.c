#include "common/kube/config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/base/base64.h"
#include "common/base/error.h"
#include "common/base/file.h"

#define ACCOUNT    "/var/run/secrets/kubernetes.io/serviceaccount/"
#define FILE_LIMIT (1u << 20)
#define PATH_LIMIT 4096

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

/* --- a kubeconfig file -------------------------------------------------------------------------------------------- */

struct kubeconfig {
	yaml_document_t doc;
	const char *path;
	struct kube_config *cfg;
};

static yaml_node_t *member(struct kubeconfig *k, yaml_node_t *map, const char *name)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(&k->doc, p->key);

		if (key && key->type == YAML_SCALAR_NODE && strcmp((char *)key->data.scalar.value, name) == 0)
			return yaml_document_get_node(&k->doc, p->value);
	}
	return NULL;
}

/* The text at map[name], or NULL where it is absent, empty or no text. */
static const char *text(struct kubeconfig *k, yaml_node_t *map, const char *name)
{
	yaml_node_t *node = member(k, map, name);

	if (!node || node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0)
		return NULL;
	return (char *)node->data.scalar.value;
}

/* kind "user", name "admin": what stands at `user` in the entry of `users` with that name. */
static yaml_node_t *entry(struct kubeconfig *k, const char *list, const char *kind, const char *name, struct error *err)
{
	yaml_node_t *all = member(k, yaml_document_get_root_node(&k->doc), list), *found;

	if (!name) {
		error_set(err, ERR_INVALID, "no %s is chosen", kind);
		return NULL;
	}
	if (all && all->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *i = all->data.sequence.items.start; i < all->data.sequence.items.top; i++) {
			yaml_node_t *item = yaml_document_get_node(&k->doc, *i);
			const char *its = text(k, item, "name");

			if (its && strcmp(its, name) == 0 && (found = member(k, item, kind)))
				return found;
		}
	}
	error_set(err, ERR_NOTFOUND, "no %s \"%.100s\" in it", kind, name);
	return NULL;
}

/* Names in the file are relative to its folder. */
static void beside(const struct kubeconfig *k, const char *name, char *out, size_t size)
{
	const char *slash = strrchr(k->path, '/');

	if (name[0] == '/' || !slash)
		snprintf(out, size, "%s", name);
	else
		snprintf(out, size, "%.*s/%s", (int)(slash - k->path), k->path, name);
}

/* map[name-data] as base64, else the file that map[name] names. */
static int take_pem(struct kubeconfig *k, yaml_node_t *map, const char *name, char **out, struct error *err)
{
	char key[64], path[PATH_LIMIT];
	const char *data, *file = text(k, map, name);
	size_t len;

	snprintf(key, sizeof(key), "%s-data", name);
	data = text(k, map, key);
	if (!data && !file)
		return 0;
	if (data) {
		*out = base64_decode(data, &len, err);
		return *out ? 0 : error_wrap(err, "%s", key);
	}
	beside(k, file, path, sizeof(path));
	*out = file_read(path, FILE_LIMIT, err);
	return *out ? 0 : error_wrap(err, "%s", name);
}

/* What would change who we are or whom we talk to is refused, not passed over. */
static int refuse(struct kubeconfig *k, yaml_node_t *map, const char *const *names, struct error *err)
{
	for (; *names; names++)
		if (member(k, map, *names))
			return error_set(err, ERR_INVALID,
					 "%s is not understood; use a token or a client certificate, "
					 "such as those of a ServiceAccount (kubectl create token)",
					 *names);
	return 0;
}

static int take_cluster(struct kubeconfig *k, yaml_node_t *cluster, struct error *err)
{
	static const char *const unknown[] = { "proxy-url", "tls-server-name", NULL };
	const char *server = text(k, cluster, "server"), *skip = text(k, cluster, "insecure-skip-tls-verify");
	size_t len = server ? strlen(server) : 0;

	if (refuse(k, cluster, unknown, err) < 0)
		return -1;
	if (!server || (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0))
		return error_set(err, ERR_INVALID, "the cluster's server is no http(s) address");
	k->cfg->skip_verify = skip && strcmp(skip, "true") == 0;
	if (copy(server, &k->cfg->server, err) < 0)
		return -1;
	while (len && k->cfg->server[len - 1] == '/')
		k->cfg->server[--len] = '\0';
	return take_pem(k, cluster, "certificate-authority", &k->cfg->ca_pem, err);
}

static int take_user(struct kubeconfig *k, yaml_node_t *user, struct error *err)
{
	static const char *const unknown[] = { "exec", "auth-provider", "username", "as", NULL };
	const char *token_file = text(k, user, "tokenFile");
	char path[PATH_LIMIT];

	if (refuse(k, user, unknown, err) < 0 || copy(text(k, user, "token"), &k->cfg->token, err) < 0)
		return -1;
	if (token_file) {
		beside(k, token_file, path, sizeof(path));
		if (copy(path, &k->cfg->token_file, err) < 0)
			return -1;
	}
	if (take_pem(k, user, "client-certificate", &k->cfg->cert_pem, err) < 0)
		return -1;
	return take_pem(k, user, "client-key", &k->cfg->key_pem, err);
}

static int take_context(struct kubeconfig *k, struct error *err)
{
	const char *current = text(k, yaml_document_get_root_node(&k->doc), "current-context"), *namespace;
	yaml_node_t *context = entry(k, "contexts", "context", current, err), *part;

	if (!context)
		return -1;
	namespace = text(k, context, "namespace");
	if (copy(namespace ? namespace : "default", &k->cfg->namespace, err) < 0)
		return -1;
	part = entry(k, "clusters", "cluster", text(k, context, "cluster"), err);
	if (!part || take_cluster(k, part, err) < 0)
		return -1;
	part = entry(k, "users", "user", text(k, context, "user"), err);
	return part ? take_user(k, part, err) : -1;
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

static int load_file(struct kube_config *cfg, const char *path, struct error *err)
{
	struct kubeconfig k = { .path = path, .cfg = cfg };
	char *data = file_read(path, FILE_LIMIT, err);
	int r;

	if (!data)
		return error_wrap(err, "kubeconfig");
	r = parse_yaml(data, &k.doc, err);
	free(data);
	if (r == 0) {
		r = take_context(&k, err);
		yaml_document_delete(&k.doc);
	}
	return r < 0 ? error_wrap(err, "kubeconfig %s", path) : 0;
}

/* $KUBECONFIG, else ~/.kube/config. */
static int load_default(struct kube_config *cfg, struct error *err)
{
	const char *path = getenv("KUBECONFIG"), *home = getenv("HOME");
	char in_home[PATH_LIMIT];

	if (path && *path) {
		if (strchr(path, ':'))
			return error_set(err, ERR_INVALID, "KUBECONFIG names several files (%s); name the one to use",
					 path);
		return load_file(cfg, path, err);
	}
	snprintf(in_home, sizeof(in_home), "%s/.kube/config", home ? home : "");
	return load_file(cfg, in_home, err);
}

int kube_config_load(struct kube_config *cfg, const char *path, struct error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	int r;

	*cfg = (struct kube_config){ 0 };
	if (path)
		r = load_file(cfg, path, err);
	else if (host && *host)
		r = load_account(cfg, host, err);
	else
		r = load_default(cfg, err);
	cfg->loaded = true;
	if (r == 0)
		r = copy(path, &cfg->path, err);
	if (r < 0)
		kube_config_release(cfg);
	return r;
}
