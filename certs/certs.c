#include "certs/certs.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/authority.h"
#include "certs/ca.h"
#include "certs/cabundle.h"
#include "certs/files.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/text.h"

#define NAMES_MAX 16

struct certs {
	struct certs_config cfg; /* its strings are in owned */
	char *owned[6 + NAMES_MAX];
	int n_owned;
	const char *dns_names[NAMES_MAX + 1];
	struct authority *authority;
	struct cabundle *cabundle;
	struct certs_files *files;
	_Atomic int64_t from_ms, until_ms; /* of the certificate in use; 0: none yet */
	pthread_mutex_t lock;              /* of this: */
	char refused[256];                 /* why the files are not taken; "": not known yet */
};

/* --- what the parts report ---------------------------------------------------------------------------------------- */

static void on_error(void *ctx, const struct error *err)
{
	struct certs *c = ctx;

	if (c->cfg.on_error)
		c->cfg.on_error(c->cfg.ctx, err);
}

static void on_notice(void *ctx, const char *text)
{
	struct certs *c = ctx;

	if (c->cfg.on_notice)
		c->cfg.on_notice(c->cfg.ctx, text);
}

static void on_leaf(void *ctx, const struct cert *leaf)
{
	struct certs *c = ctx;
	int64_t from = 0, until = 0;
	struct error err;

	if (cert_times(leaf->cert_pem, &from, &until, &err) < 0) {
		on_error(c, &err);
		return;
	}
	c->cfg.on_certificate(c->cfg.ctx, leaf->cert_pem, leaf->key_pem);
	atomic_store(&c->from_ms, from);
	atomic_store(&c->until_ms, until);
}

static void on_file_leaf(void *ctx, const struct cert *leaf)
{
	struct certs *c = ctx;
	char text[600];

	on_leaf(c, leaf);
	snprintf(text, sizeof(text), "read the certificate in %.500s", c->cfg.cert_file);
	on_notice(c, text);
}

static void on_file_error(void *ctx, const struct error *err)
{
	struct certs *c = ctx;

	pthread_mutex_lock(&c->lock);
	text_copy(c->refused, sizeof(c->refused), err->text);
	pthread_mutex_unlock(&c->lock);
	on_error(c, err);
}

static int on_bundle(void *ctx, const char *pem)
{
	struct certs *c = ctx;

	return cabundle_set(c->cabundle, pem);
}

/* --- start -------------------------------------------------------------------------------------------------------- */

static const char *own(struct certs *c, const char *text, bool *nomem)
{
	char *copy = text ? strdup(text) : NULL;

	if (!text)
		return NULL;
	if (!copy)
		*nomem = true;
	return c->owned[c->n_owned++] = copy;
}

static int copy_config(struct certs *c, const struct certs_config *cfg, struct error *err)
{
	bool nomem = false;
	int n = 0;

	c->cfg = *cfg;
	c->cfg.dns_names = c->dns_names;
	c->cfg.cert_file = own(c, cfg->cert_file, &nomem);
	c->cfg.key_file = own(c, cfg->key_file, &nomem);
	c->cfg.namespace = own(c, cfg->namespace, &nomem);
	c->cfg.secret_name = own(c, cfg->secret_name, &nomem);
	c->cfg.mutating = own(c, cfg->mutating, &nomem);
	c->cfg.validating = own(c, cfg->validating, &nomem);
	for (; cfg->dns_names && cfg->dns_names[n] && n < NAMES_MAX; n++)
		c->dns_names[n] = own(c, cfg->dns_names[n], &nomem);
	return nomem ? error_set(err, ERR_NOMEM, "no memory") : 0;
}

static int check_config(const struct certs_config *cfg, const struct kube_client *kube, struct error *err)
{
	int n = 0;

	if (!cfg->cert_file != !cfg->key_file)
		return error_set(err, ERR_INVALID,
				 "a certificate of your own needs both files, the certificate and the key");
	while (cfg->dns_names && cfg->dns_names[n])
		n++;
	if (n == 0 || n > NAMES_MAX)
		return error_set(err, ERR_INVALID, "a certificate needs 1 to %d DNS names, there are %d", NAMES_MAX, n);
	if (cfg->cert_file)
		return 0;
	if (!kube || !cfg->namespace || !cfg->secret_name)
		return error_set(err, ERR_INVALID,
				 "a certificate needs a namespace and a Secret for its CA, or two files");
	return 0;
}

static int start_files(struct certs *c, uv_loop_t *uv, struct error *err)
{
	struct certs_files_config cfg = { .cert_file = c->cfg.cert_file,
					  .key_file = c->cfg.key_file,
					  .dns_name = c->dns_names[0],
					  .on_leaf = on_file_leaf,
					  .on_error = on_file_error,
					  .ctx = c };

	c->files = certs_files_start(uv, &cfg, err);
	return c->files ? 0 : -1;
}

static int start_own(struct certs *c, uv_loop_t *uv, struct kube_client *kube, struct error *err)
{
	struct cabundle_config bundle = { .mutating = c->cfg.mutating,
					  .validating = c->cfg.validating,
					  .on_notice = on_notice,
					  .on_error = on_error,
					  .ctx = c };
	struct authority_config authority = { .namespace = c->cfg.namespace,
					      .secret_name = c->cfg.secret_name,
					      .dns_names = c->dns_names,
					      .on_bundle = on_bundle,
					      .on_leaf = on_leaf,
					      .on_notice = on_notice,
					      .on_error = on_error,
					      .ctx = c };

	c->cabundle = cabundle_start(uv, kube, &bundle, err);
	if (c->cabundle)
		c->authority = authority_start(uv, kube, &authority, err);
	return c->authority ? 0 : -1;
}

struct certs *certs_start(uv_loop_t *uv, struct kube_client *kube, const struct certs_config *cfg, struct error *err)
{
	struct certs *c;
	int r;

	if (check_config(cfg, kube, err) < 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	r = copy_config(c, cfg, err);
	if (r == 0)
		r = cfg->cert_file ? start_files(c, uv, err) : start_own(c, uv, kube, err);
	if (r == 0)
		return c;
	certs_stop(c);
	return NULL;
}

void certs_stop(struct certs *c)
{
	if (!c)
		return;
	certs_files_stop(c->files);
	authority_stop(c->authority);
	cabundle_stop(c->cabundle);
	for (int i = 0; i < c->n_owned; i++)
		free(c->owned[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void say_none(struct certs *c, char *why_not, size_t size)
{
	pthread_mutex_lock(&c->lock);
	snprintf(why_not, size, "%s",
		 *c->refused ? c->refused
		 : c->files  ? "the certificate's files have not been read yet"
			     : "no CA is agreed on yet");
	pthread_mutex_unlock(&c->lock);
}

bool certs_ready(struct certs *c, char *why_not, size_t size)
{
	int64_t now = clock_wall_ms(), until = atomic_load(&c->until_ms);
	const char *why = NULL;

	if (!until) {
		if (why_not)
			say_none(c, why_not, size);
		return false;
	}
	if (now > until)
		why = "the certificate has expired";
	else if (now < atomic_load(&c->from_ms))
		why = "the certificate is not valid yet";
	if (!why)
		return !c->cabundle || cabundle_ready(c->cabundle, why_not, size);
	if (why_not)
		snprintf(why_not, size, "%s", why);
	return false;
}
