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
#include "common/kube/client.h"
#include "common/net/loop.h"

#define NAMES_MAX 16

#define DAY_MS    (86400 * INT64_C(1000))
#define CA_LIFE   (365 * DAY_MS)
#define LEAF_LIFE (30 * DAY_MS)
#define RENEW     (10 * DAY_MS)
#define SETTLE_MS 10000
#define LOOK_MS   60000
/* An Event lives for an hour. */
#define SAY_AGAIN_MS (60 * 60 * 1000)

struct certs {
	struct certs_config cfg; /* its strings are in owned */
	struct kube_client *kube;
	char *owned[8 + NAMES_MAX];
	int n_owned;
	const char *dns_names[NAMES_MAX + 1];
	struct authority *authority;
	struct cabundle *cabundle;
	struct certs_files *files;
	_Atomic int64_t from_ms, until_ms; /* of the certificate in use; 0: none yet */
	struct loop_timer *minute;
	int64_t said_ms[2];   /* when it was said last that the leaf, the CA ends (monotonic); 0: never */
	atomic_bool agreed;   /* there is a CA of all replicas */
	pthread_mutex_t lock; /* of this: */
	char failed[256];     /* what went wrong last; "": nothing */
};

/* By the clock that judges it, where that is known. */
static int64_t now_ms(const struct certs *c)
{
	int64_t date = c->kube ? kube_client_date_ms(c->kube) : 0;

	return date ? date : clock_wall_ms();
}

static int64_t date_ms(void *ctx)
{
	return now_ms(ctx);
}

/* --- what the parts report ---------------------------------------------------------------------------------------- */

static void on_error(void *ctx, const struct error *err)
{
	struct certs *c = ctx;

	pthread_mutex_lock(&c->lock);
	text_copy(c->failed, sizeof(c->failed), err->text);
	pthread_mutex_unlock(&c->lock);
	if (c->cfg.on_error)
		c->cfg.on_error(c->cfg.ctx, err);
}

static void on_notice(void *ctx, const char *text)
{
	struct certs *c = ctx;

	if (c->cfg.on_notice)
		c->cfg.on_notice(c->cfg.ctx, text);
}

/* --- what is about to end ----------------------------------------------------------------------------------------- */

enum { LEAF, CA };

static void say_ending(struct certs *c, int which, const char *what, int64_t until_ms)
{
	int64_t now = clock_mono_ms();
	char text[700], time[40];

	if (!c->cfg.on_ending || (c->said_ms[which] && now - c->said_ms[which] < SAY_AGAIN_MS))
		return;
	c->said_ms[which] = now;
	snprintf(text, sizeof(text), "%s ends at %.19sZ, and there is no new one yet%s%s", what,
		 clock_rfc3339(until_ms, time, sizeof(time)), *c->failed ? ": " : "", c->failed);
	c->cfg.on_ending(c->cfg.ctx, c->authority ? authority_secret(c->authority) : NULL, text);
}

/* life_ms: as it was made. Half of the time in which it should have been replaced is left to mend what keeps it. */
static void look_at_end(struct certs *c, int which, int64_t life_ms, int64_t until_ms)
{
	static const char *const names[] = { [LEAF] = "leaf", [CA] = "ca" };
	int64_t renew = c->cfg.renew_ms < life_ms / 2 ? c->cfg.renew_ms : life_ms / 2;
	int64_t late_ms = until_ms - renew / 2;
	char what[300];

	if (c->cfg.on_end)
		c->cfg.on_end(c->cfg.ctx, names[which], until_ms, late_ms);
	if (now_ms(c) <= late_ms)
		return;
	if (which == CA)
		snprintf(what, sizeof(what), "the CA in Secret %.100s/%.100s", c->cfg.namespace, c->cfg.secret_name);
	else if (c->files)
		snprintf(what, sizeof(what), "the certificate in %.250s", c->cfg.cert_file);
	else
		snprintf(what, sizeof(what), "the certificate of this replica");
	say_ending(c, which, what, until_ms);
}

static void look_at_ends(void *ctx)
{
	struct certs *c = ctx;
	int64_t from = atomic_load(&c->from_ms), until = atomic_load(&c->until_ms);

	if (until)
		look_at_end(c, LEAF, c->files ? until - from : c->cfg.leaf_life_ms, until);
	if (c->authority && authority_times(c->authority, &from, &until))
		look_at_end(c, CA, c->cfg.ca_life_ms, until);
}

/* --- serving ------------------------------------------------------------------------------------------------------ */

static int serve(struct certs *c, const struct cert *leaf)
{
	int64_t from = 0, until = 0;
	struct error err;

	if (cert_times(leaf->cert_pem, &from, &until, &err) < 0) {
		on_error(c, &err);
		return -1;
	}
	if (c->cfg.on_certificate(c->cfg.ctx, leaf->cert_pem, leaf->key_pem) < 0)
		return -1;
	atomic_store(&c->from_ms, from);
	atomic_store(&c->until_ms, until);
	look_at_ends(c);
	return 0;
}

static int on_file_leaf(void *ctx, const struct cert *leaf)
{
	struct certs *c = ctx;
	char text[600];

	if (serve(c, leaf) < 0)
		return -1;
	snprintf(text, sizeof(text), "read the certificate in %.500s", c->cfg.cert_file);
	on_notice(c, text);
	return 0;
}

/* --- between the CA and the configurations ------------------------------------------------------------------------ */

static int on_leaf(void *ctx, const struct cert *leaf, const char *ca_pem)
{
	struct certs *c = ctx;

	if (serve(c, leaf) < 0)
		return -1;
	return cabundle_serve(c->cabundle, ca_pem);
}

static int on_bundle(void *ctx, const char *pem)
{
	struct certs *c = ctx;

	if (cabundle_set(c->cabundle, pem) < 0)
		return -1;
	atomic_store(&c->agreed, true);
	return 0;
}

static int64_t carried_ms(void *ctx, const char *pem)
{
	struct certs *c = ctx;

	return cabundle_carried_ms(c->cabundle, pem);
}

static int carried(void *ctx, char **pem)
{
	struct certs *c = ctx;

	return cabundle_carried(c->cabundle, pem);
}

static void on_carried(void *ctx)
{
	struct certs *c = ctx;

	authority_wake(c->authority);
}

static void on_ask(void *ctx)
{
	struct certs *c = ctx;

	authority_ask(c->authority);
}

static void on_confirmed(void *ctx, bool right, const struct error *err)
{
	struct certs *c = ctx;

	cabundle_confirm(c->cabundle, right, err);
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

static int64_t or_else(int64_t given, int64_t otherwise)
{
	return given ? given : otherwise;
}

static int copy_config(struct certs *c, const struct certs_config *cfg, struct error *err)
{
	bool nomem = false;
	int n = 0;

	c->cfg = *cfg;
	c->cfg.dns_names = c->dns_names;
	c->cfg.ca_life_ms = or_else(cfg->ca_life_ms, CA_LIFE);
	c->cfg.leaf_life_ms = or_else(cfg->leaf_life_ms, LEAF_LIFE);
	if (c->cfg.leaf_life_ms > c->cfg.ca_life_ms) /* it never does, and is no less new for that */
		c->cfg.leaf_life_ms = c->cfg.ca_life_ms;
	c->cfg.renew_ms = or_else(cfg->renew_ms, RENEW);
	c->cfg.settle_ms = or_else(cfg->settle_ms, SETTLE_MS);
	c->cfg.cert_file = own(c, cfg->cert_file, &nomem);
	c->cfg.key_file = own(c, cfg->key_file, &nomem);
	c->cfg.namespace = own(c, cfg->namespace, &nomem);
	c->cfg.secret_name = own(c, cfg->secret_name, &nomem);
	c->cfg.service = own(c, cfg->service, &nomem);
	c->cfg.pod = own(c, cfg->pod, &nomem);
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
	if (cfg->service && !cfg->pod)
		return error_set(err, ERR_INVALID, "replicas behind a Service need their pods' names");
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
					  .now_ms = date_ms,
					  .on_leaf = on_file_leaf,
					  .on_error = on_error,
					  .ctx = c };

	c->files = certs_files_start(uv, &cfg, err);
	return c->files ? 0 : -1;
}

static int start_authority(struct certs *c, uv_loop_t *uv, struct error *err)
{
	const struct certs_config *cfg = &c->cfg;
	struct authority_config authority = { .namespace = cfg->namespace,
					      .secret_name = cfg->secret_name,
					      .service = cfg->service,
					      .pod = cfg->pod ? cfg->pod : "",
					      .dns_names = c->dns_names,
					      .ca_life_ms = cfg->ca_life_ms,
					      .leaf_life_ms = cfg->leaf_life_ms,
					      .renew_ms = cfg->renew_ms,
					      .settle_ms = cfg->settle_ms,
					      .on_bundle = on_bundle,
					      .carried_ms = carried_ms,
					      .carried = carried,
					      .on_leaf = on_leaf,
					      .on_confirmed = on_confirmed,
					      .on_notice = on_notice,
					      .on_error = on_error,
					      .ctx = c };

	c->authority = authority_start(uv, c->kube, &authority, err);
	return c->authority ? 0 : -1;
}

static int start_own(struct certs *c, uv_loop_t *uv, struct error *err)
{
	struct cabundle_config bundle = { .mutating = c->cfg.mutating,
					  .validating = c->cfg.validating,
					  .on_notice = on_notice,
					  .on_error = on_error,
					  .on_carried = on_carried,
					  .ask = on_ask,
					  .ctx = c };

	c->cabundle = cabundle_start(uv, c->kube, &bundle, err);
	return c->cabundle ? start_authority(c, uv, err) : -1;
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
	c->kube = kube;
	pthread_mutex_init(&c->lock, NULL);
	r = copy_config(c, cfg, err);
	c->minute = loop_timer_start(uv, LOOK_MS, LOOK_MS, look_at_ends, c);
	if (!c->minute)
		r = error_set(err, ERR_NOMEM, "no memory");
	if (r == 0)
		r = cfg->cert_file ? start_files(c, uv, err) : start_own(c, uv, err);
	if (r == 0)
		return c;
	certs_stop(c);
	return NULL;
}

void certs_stop(struct certs *c)
{
	if (!c)
		return;
	loop_timer_free(c->minute);
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
		 *c->failed ? c->failed
		 : c->files ? "the certificate's files have not been read yet"
			    : "no CA is agreed on yet");
	pthread_mutex_unlock(&c->lock);
}

static bool has_certificate(struct certs *c, char *why_not, size_t size)
{
	int64_t now = now_ms(c), until = atomic_load(&c->until_ms);

	if (!until && atomic_load(&c->agreed) && !cabundle_ready(c->cabundle, why_not, size))
		return false;
	if (!until)
		say_none(c, why_not, size);
	else if (now > until)
		snprintf(why_not, size, "the certificate has expired");
	else if (now < atomic_load(&c->from_ms))
		snprintf(why_not, size, "the certificate is not valid yet");
	else
		return true;
	return false;
}

bool certs_ready(struct certs *c, char *why_not, size_t size)
{
	char unused[256];

	if (!why_not) {
		why_not = unused;
		size = sizeof(unused);
	}
	return has_certificate(c, why_not, size) && (!c->cabundle || cabundle_ready(c->cabundle, why_not, size));
}
