#include "certs/authority.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/ca.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/client.h"
#include "common/kube/informer.h"
#include "common/kube/secret.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define CA_DAYS      365
#define LEAF_DAYS    30
#define DAY_MS       (86400 * INT64_C(1000))
#define LOOK_MS      60000 /* how often the leaf's age is looked at */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000
#define BUNDLE_MAX   65536
#define PATH_LIMIT   512

struct authority {
	uv_loop_t *uv;
	struct kube_client *kube;
	struct authority_config cfg;
	struct informer *informer;
	const cJSON *secret; /* the informer's; NULL: there is none, once synced */
	bool synced;
	bool changed; /* since it was looked at */

	struct http_call *call; /* a write of the Secret */
	struct loop_timer *timer, *retry;
	uint64_t retry_ms;

	struct cert ca, leaf; /* in use */
	char *bundle;
};

static void look(struct authority *a);

static int wrap(const struct authority *a, struct error *err)
{
	return error_wrap(err, "Secret %s/%s", a->cfg.namespace, a->cfg.secret_name);
}

static void notice(struct authority *a, const char *done)
{
	char text[400];

	snprintf(text, sizeof(text), "%s Secret %s/%s", done, a->cfg.namespace, a->cfg.secret_name);
	a->cfg.on_notice(a->cfg.ctx, text);
}

static void on_retry(void *ctx)
{
	struct authority *a = ctx;

	look(a);
}

static void later(struct authority *a)
{
	loop_timer_set(a->retry, a->retry_ms);
	a->retry_ms = a->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : a->retry_ms * 2;
}

/* --- using what the Secret holds ---------------------------------------------------------------------------------- */

static int read_ca(const cJSON *secret, struct cert *ca, struct error *err)
{
	*ca = (struct cert){ kube_secret_get(secret, "ca.crt"), kube_secret_get(secret, "ca.key") };
	if (ca->cert_pem && ca->key_pem)
		return ca_check(ca, err);
	return error_set(err, ERR_INVALID, "ca.crt or ca.key is missing or is not base64");
}

/* NULL and *err: not all of it can be read. Without one of them, calls to those whose leaf it has signed would fail. */
static char *read_bundle(const cJSON *secret, struct error *err)
{
	static const char *const keys[] = { "ca.crt", "ca-next.crt", "ca-old.crt" };
	BUF_CLEANUP struct buf all = BUF_INIT(BUNDLE_MAX);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *pem = kube_secret_get(secret, keys[i]);

		if (!pem && kube_secret_has(secret, keys[i])) {
			error_set(err, ERR_INVALID, "%s is not base64, or there is no memory for it", keys[i]);
			return NULL;
		}
		if (pem)
			buf_addf(&all, "%s%s", pem, *pem && pem[strlen(pem) - 1] == '\n' ? "" : "\n");
		free(pem);
	}
	if (buf_check(&all, "the bundle of CAs", err) < 0)
		return NULL;
	return buf_detach(&all);
}

static bool is_old(const struct authority *a, const struct cert *leaf)
{
	int64_t from, until;

	return cert_times(leaf->cert_pem, &from, &until, NULL) < 0 ||
	       until - clock_wall_ms() < a->cfg.leaf_days * DAY_MS / 3;
}

static int sign(struct authority *a, struct error *err)
{
	struct cert leaf;

	if (ca_sign(&a->ca, a->cfg.dns_names, clock_wall_ms(), a->cfg.leaf_days * DAY_MS, &leaf, err) < 0)
		return -1;
	cert_release(&a->leaf);
	a->leaf = leaf;
	notice(a, "signed a certificate with the CA of");
	a->cfg.on_leaf(a->cfg.ctx, &a->leaf);
	return 0;
}

/* Takes over what is new in it: first what is trusted, then the leaf that this is good for. */
static int use(struct authority *a, const cJSON *secret, const struct cert *ca, struct error *err)
{
	bool same = a->ca.cert_pem && strcmp(a->ca.cert_pem, ca->cert_pem) == 0;
	char *bundle = read_bundle(secret, err);

	if (!bundle)
		return -1;
	if ((!a->bundle || strcmp(a->bundle, bundle) != 0) && a->cfg.on_bundle(a->cfg.ctx, bundle) < 0) {
		free(bundle);
		return error_set(err, ERR_NOMEM, "no memory for the CA bundle");
	}
	free(a->bundle);
	a->bundle = bundle;
	if (!same) {
		cert_release(&a->leaf); /* of the other one: until ours is signed there is none */
		cert_release(&a->ca);
		if (cert_copy(&a->ca, ca) < 0)
			return error_set(err, ERR_NOMEM, "no memory");
	}
	return same && a->leaf.cert_pem && !is_old(a, &a->leaf) ? 0 : sign(a, err);
}

/* --- writing it --------------------------------------------------------------------------------------------------- */

static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	struct authority *a = ctx;
	CERT_CLEANUP struct cert ca = { 0 };
	struct error why;

	a->call = NULL;
	if (!err) {
		a->retry_ms = RETRY_MIN_MS;
		notice(a, "wrote a CA into");
		if (read_ca(object, &ca, &why) == 0 && use(a, object, &ca, &why) == 0)
			return;
		wrap(a, &why);
		err = &why;
	}
	/* Another replica was quicker: its CA is on its way through the watch. */
	if (err->code != ERR_EXISTS && err->code != ERR_CONFLICT)
		a->cfg.on_error(a->cfg.ctx, err);
	if (a->changed)
		look(a);
	else
		later(a);
}

static cJSON *new_secret(const struct authority *a)
{
	cJSON *object = cJSON_CreateObject(), *metadata;

	json_add_str(object, "apiVersion", "v1");
	json_add_str(object, "kind", "Secret");
	json_add_str(object, "type", "Opaque");
	metadata = json_add_object(object, "metadata");
	json_add_str(metadata, "name", a->cfg.secret_name);
	json_add_str(metadata, "namespace", a->cfg.namespace);
	return object;
}

static int put_data(cJSON *object, const char *key, const char *text)
{
	cJSON *data = cJSON_GetObjectItemCaseSensitive(object, "data");
	char *base64 = base64_encode(text, strlen(text));
	int r = -1;

	if (!cJSON_IsObject(data)) {
		cJSON_DeleteItemFromObjectCaseSensitive(object, "data");
		data = json_add_object(object, "data");
	}
	cJSON_DeleteItemFromObjectCaseSensitive(data, key);
	if (base64 && json_add_str(data, key, base64))
		r = 0;
	free(base64);
	return r;
}

/* The CA that is replaced stays trusted until its own end: not all replicas have signed anew at this moment. */
static int keep_old(const struct authority *a, cJSON *object)
{
	char *old = kube_secret_get(object, "ca.crt");
	const char *pem = old ? old : a->ca.cert_pem;
	int r = pem && *pem ? put_data(object, "ca-old.crt", pem) : 0;

	free(old);
	return r;
}

static int send_secret(struct authority *a, const cJSON *object, struct error *err)
{
	char path[PATH_LIMIT];
	bool exists = a->secret != NULL;

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/secrets%s%s", a->cfg.namespace, exists ? "/" : "",
		 exists ? a->cfg.secret_name : "");
	a->call = kube_call(a->kube, exists ? "PUT" : "POST", path, object, NULL, 0, on_written, a, err);
	return a->call ? 0 : -1;
}

/* Puts a CA into the Secret, which is created where it is missing: ours, when the Secret has been deleted under us, so
 * that nothing changes for anybody; else a new one. The resourceVersion in it lets only one replica do so. */
static int write_secret(struct authority *a, bool keep, struct error *err)
{
	JSON_CLEANUP cJSON *object = a->secret ? cJSON_Duplicate(a->secret, 1) : new_secret(a);
	CERT_CLEANUP struct cert ca = { 0 };

	if (keep && cert_copy(&ca, &a->ca) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	if (!keep && ca_make(a->cfg.secret_name, clock_wall_ms(), a->cfg.ca_days * DAY_MS, &ca, err) < 0)
		return -1;
	if (!keep && keep_old(a, object) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	if (put_data(object, "ca.crt", ca.cert_pem) < 0 || put_data(object, "ca.key", ca.key_pem) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	return send_secret(a, object, err);
}

/* --- looking at it ------------------------------------------------------------------------------------------------ */

/* No time is left for a leaf to be signed and replaced in peace. */
static bool is_over(const struct authority *a, const struct cert *ca)
{
	int64_t from, until;

	/* It could be read before: memory is short, and that is no reason for a new one. */
	if (cert_times(ca->cert_pem, &from, &until, NULL) < 0)
		return false;
	return until - clock_wall_ms() < a->cfg.leaf_days * DAY_MS / 3;
}

static bool is_empty(const cJSON *secret)
{
	return !json_get(secret, "data", "ca.crt", NULL) && !json_get(secret, "data", "ca.key", NULL);
}

static int look_at_secret(struct authority *a, struct error *err)
{
	CERT_CLEANUP struct cert ca = { 0 };

	if (!a->secret)
		return write_secret(a, a->ca.cert_pem && !is_over(a, &a->ca), err);
	if (is_empty(a->secret))
		return write_secret(a, false, err);
	if (read_ca(a->secret, &ca, err) < 0)
		return error_wrap(err, "no CA can be read (delete the Secret, and a new one is made)");
	if (is_over(a, &ca))
		return write_secret(a, false, err);
	return use(a, a->secret, &ca, err);
}

static void look(struct authority *a)
{
	struct error err;

	if (a->call || !a->synced)
		return;
	a->changed = false;
	if (look_at_secret(a, &err) == 0) {
		a->retry_ms = a->call ? a->retry_ms : RETRY_MIN_MS;
		return;
	}
	wrap(a, &err);
	a->cfg.on_error(a->cfg.ctx, &err);
	later(a);
}

static void on_secret(void *ctx, const cJSON *object, const cJSON *old)
{
	struct authority *a = ctx;

	(void)old;
	a->secret = object;
	a->changed = true;
	look(a);
}

static void on_secret_gone(void *ctx, const cJSON *object)
{
	struct authority *a = ctx;

	(void)object;
	a->secret = NULL;
	a->changed = true;
	look(a);
}

static void on_synced(void *ctx)
{
	struct authority *a = ctx;

	a->synced = true;
	look(a);
}

static void on_informer_error(void *ctx, const struct error *err)
{
	struct authority *a = ctx;

	a->cfg.on_error(a->cfg.ctx, err);
}

static void on_time(void *ctx)
{
	look(ctx);
}

/* --- the authority ------------------------------------------------------------------------------------------------ */

static int start(struct authority *a, struct error *err)
{
	char path[PATH_LIMIT], field[PATH_LIMIT];
	struct informer_config cfg = { .path = path,
				       .field_selector = field,
				       .on_set = on_secret,
				       .on_delete = on_secret_gone,
				       .on_synced = on_synced,
				       .on_error = on_informer_error,
				       .ctx = a };

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/secrets", a->cfg.namespace);
	snprintf(field, sizeof(field), "metadata.name=%s", a->cfg.secret_name);
	a->retry = loop_timer_new(a->uv, on_retry, a);
	a->timer = loop_timer_start(a->uv, LOOK_MS, LOOK_MS, on_time, a);
	if (!a->retry || !a->timer)
		return error_set(err, ERR_NOMEM, "no memory");
	a->informer = informer_start(a->uv, a->kube, &cfg, err);
	return a->informer ? 0 : -1;
}

struct authority *authority_start(uv_loop_t *uv, struct kube_client *kube, const struct authority_config *cfg,
				  struct error *err)
{
	struct authority *a = calloc(1, sizeof(*a));

	if (!a) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	a->uv = uv;
	a->kube = kube;
	a->cfg = *cfg;
	a->cfg.ca_days = cfg->ca_days ? cfg->ca_days : CA_DAYS;
	a->cfg.leaf_days = cfg->leaf_days ? cfg->leaf_days : LEAF_DAYS;
	a->retry_ms = RETRY_MIN_MS;
	if (start(a, err) < 0) {
		authority_stop(a);
		return NULL;
	}
	return a;
}

void authority_stop(struct authority *a)
{
	if (!a)
		return;
	http_cancel(a->call);
	loop_timer_free(a->timer);
	loop_timer_free(a->retry);
	informer_stop(a->informer);
	cert_release(&a->ca);
	cert_release(&a->leaf);
	free(a->bundle);
	free(a);
}
