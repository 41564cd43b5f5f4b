#include "certs/authority.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/ca_secret.h"
#include "certs/peers.h"
#include "certs/rotation.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/kube/informer.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define LOOK_MS      60000 /* how often ages are looked at */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000
#define PEERS_MS     5000   /* how often it is looked who has not taken the new CA yet */
#define LATE_MS      300000 /* who has not for so long is named */
#define GAIN_MS      60000  /* a leaf that would end no later than so after the one in use is not worth making */
#define QUIET        5      /* so many conflicts in a row are replicas at the same work */
#define PATH_LIMIT   512

struct authority {
	uv_loop_t *uv;
	struct kube_client *kube;
	struct authority_config cfg;
	struct informer *informer;
	const cJSON *secret; /* the informer's; NULL: there is none, once synced */
	bool synced;
	bool changed; /* since it was looked at */

	struct http_call *call; /* a write of the Secret, */
	int conflicts;          /* of such, in a row */
	enum rotation_step doing;
	struct http_call *asking; /* it is read afresh */
	struct peers *peers;
	char *all_said;     /* the version of the Secret in which every replica has said that its leaf is of ca.crt */
	int64_t late_at_ms; /* who has not by then is named; 0: nobody is waited for */
	struct loop_timer *timer, *retry, *soon;
	struct loop_timer *not_asked; /* it could not be read: told from the loop */
	uint64_t retry_ms;

	struct ca_secret held; /* the Secret as it was taken over; without now.cert_pem: not yet */
	char *others;          /* what configurations carry, as it was looked at; NULL: nothing */
	struct cert leaf;      /* in use */
	char *leaf_ca;         /* what has signed it */
};

static void look(struct authority *a);

static int wrap(const struct authority *a, struct error *err)
{
	return error_wrap(err, "Secret %s/%s", a->cfg.namespace, a->cfg.secret_name);
}

static void notice(struct authority *a, const char *done)
{
	char text[600];

	snprintf(text, sizeof(text), "%s Secret %s/%s", done, a->cfg.namespace, a->cfg.secret_name);
	a->cfg.on_notice(a->cfg.ctx, text);
}

static void on_retry(void *ctx)
{
	look(ctx);
}

static void later(struct authority *a)
{
	loop_timer_set(a->retry, a->retry_ms);
	a->retry_ms = a->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : a->retry_ms * 2;
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static int64_t now_ms(const struct authority *a)
{
	int64_t date = kube_client_date_ms(a->kube);

	return date ? date : clock_wall_ms();
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* From a day ago until its life is over by the API server's clock, and where that one of several API servers is ahead,
 * from a day ago by our own. */
static int sign_leaf(const struct authority *a, const struct cert *ca, struct cert *leaf, struct error *err)
{
	int64_t date = now_ms(a), from = least(clock_wall_ms(), date);

	return ca_sign(ca, a->cfg.dns_names, from, date - from + a->cfg.leaf_life_ms, leaf, err);
}

static bool is_valid(const struct authority *a, const char *pem, int64_t *until)
{
	int64_t from, now = now_ms(a);

	return cert_times(pem, &from, until, NULL) == 0 && from <= now && now < *until;
}

/* Two clocks have to agree before all replicas get another CA. */
static int make_ca(const struct authority *a, struct cert *ca, struct error *err)
{
	int64_t ahead_s = (clock_wall_ms() - now_ms(a)) / 1000;

	if (llabs(ahead_s) > ROTATION_SKEW_MS / 1000)
		return error_set(
			err, ERR_INVALID,
			"a new CA is due, but the clock of this node is %lld s %s the API server's: set it, or "
			"another replica makes one",
			llabs(ahead_s), ahead_s > 0 ? "ahead of" : "behind");
	return ca_make(a->cfg.secret_name, now_ms(a), a->cfg.ca_life_ms, ca, err);
}

/* --- the leaf ----------------------------------------------------------------------------------------------------- */

static int sign(struct authority *a, struct error *err)
{
	CERT_CLEANUP struct cert leaf = { 0 };
	char *ca = strdup(a->held.now.cert_pem);

	if (!ca)
		return error_set(err, ERR_NOMEM, "no memory");
	if (sign_leaf(a, &a->held.now, &leaf, err) < 0) {
		free(ca);
		return -1;
	}
	if (a->cfg.on_leaf(a->cfg.ctx, &leaf, ca) < 0) {
		free(ca);
		return error_set(err, ERR_INVALID, "the certificate that was signed with the CA is not served with");
	}
	cert_release(&a->leaf);
	free(a->leaf_ca);
	a->leaf = leaf;
	leaf = (struct cert){ 0 };
	a->leaf_ca = ca;
	notice(a, "signed a certificate with the CA of");
	return 0;
}

static bool has_leaf(const struct authority *a)
{
	int64_t until;

	return a->leaf.cert_pem && is_valid(a, a->leaf.cert_pem, &until);
}

static bool is_of_now(const struct authority *a)
{
	return a->leaf_ca && strcmp(a->leaf_ca, a->held.now.cert_pem) == 0;
}

static bool leaf_ends(const struct authority *a)
{
	int64_t until, ca_until;

	return is_valid(a, a->leaf.cert_pem, &until) && is_valid(a, a->held.now.cert_pem, &ca_until) &&
	       until - now_ms(a) < least(a->cfg.renew_ms, a->cfg.leaf_life_ms / 2) && ca_until - until > GAIN_MS;
}

/* Whether API servers may trust another CA and not yet the one that signs: an old one by the Secret, or, where its news
 * are late, by the configurations, or the next one, where the Secret was put back. */
static bool trusts_old(const struct authority *a, int64_t carried)
{
	const char *next = a->held.next.cert_pem;
	PEM_CLEANUP struct pem_set others = { 0 };

	if (a->held.old_pem || (next && a->cfg.carried_ms(a->cfg.ctx, next) > carried))
		return true;
	if (!a->others || pem_add(&others, a->others, NULL) < 0)
		return false;
	for (int i = 0; i < others.n; i++)
		if (!pem_has(&a->held.all, others.at[i]))
			return true;
	return false;
}

static bool needs_leaf(const struct authority *a)
{
	int64_t until, carried = a->cfg.carried_ms(a->cfg.ctx, a->held.now.cert_pem);

	if (carried < 0 || !is_valid(a, a->held.now.cert_pem, &until))
		return false;
	if (!has_leaf(a)) /* the API server that is the last to hear of it */
		return !trusts_old(a, carried) || carried >= a->cfg.settle_ms;
	if (a->cfg.carried_ms(a->cfg.ctx, a->leaf_ca) < 0)
		return true;
	return is_of_now(a) ? leaf_ends(a) : carried >= a->cfg.settle_ms;
}

static int renew_leaf(struct authority *a, struct error *err)
{
	return needs_leaf(a) ? sign(a, err) : 0;
}

/* Its own rules may keep the user's CA from it. Nothing is given up for one that can sign nothing for us. */
static int try_ca(const struct authority *a, const struct cert *ca, struct error *err)
{
	CERT_CLEANUP struct cert leaf = { 0 };

	if (a->held.now.cert_pem && strcmp(a->held.now.cert_pem, ca->cert_pem) == 0)
		return 0;
	return sign_leaf(a, ca, &leaf, err);
}

/* --- writing the Secret ------------------------------------------------------------------------------------------- */

static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	static const char *const done[] = {
		[ROTATION_WAIT] = "wrote a CA into",
		[ROTATION_KEEP] = "the CA of what is served with stays trusted:",
		[ROTATION_BEGIN] = "wrote the next CA into",
		[ROTATION_SWITCH] = "the next CA is the one that signs now:",
		[ROTATION_SAY] = "said that this replica serves by the CA of",
		[ROTATION_END] = "nobody serves by the old CA any more, it is dropped:",
	};
	struct authority *a = ctx;

	(void)object; /* it comes by the watch */
	a->call = NULL;
	if (!err) {
		a->retry_ms = RETRY_MIN_MS;
		a->conflicts = 0;
		notice(a, done[a->doing]);
		if (a->changed)
			look(a);
		return;
	}
	/* Another replica was quicker: what it has written is on its way through the watch. */
	if ((err->code != ERR_EXISTS && err->code != ERR_CONFLICT) || ++a->conflicts > QUIET)
		a->cfg.on_error(a->cfg.ctx, err);
	if (a->changed)
		look(a);
	else
		later(a);
}

static int send_secret(struct authority *a, const cJSON *object, enum rotation_step doing, struct error *err)
{
	char path[PATH_LIMIT];
	bool exists = a->secret != NULL;

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/secrets%s%s", a->cfg.namespace, exists ? "/" : "",
		 exists ? a->cfg.secret_name : "");
	if (!json_is_whole(object))
		return error_set(err, ERR_NOMEM, "no memory");
	a->doing = doing;
	a->call = kube_call(a->kube, exists ? "PUT" : "POST", path, object, NULL, 0, on_written, a, err);
	return a->call ? 0 : -1;
}

static void put_pair(cJSON *object, const char *cert, const char *key, const struct cert *pair)
{
	ca_secret_put(object, cert, pair->cert_pem);
	ca_secret_put(object, key, pair->key_pem);
}

/* The Secret is missing, or empty: as it was when it was taken away under us, so that nothing changes for anybody; else
 * with a new CA. */
static int write_first(struct authority *a, struct error *err)
{
	JSON_CLEANUP cJSON *object =
		a->secret ? cJSON_Duplicate(a->secret, 1) : ca_secret_new(a->cfg.namespace, a->cfg.secret_name);
	CERT_CLEANUP struct cert ca = { 0 };

	if (a->held.now.cert_pem) {
		put_pair(object, "ca.crt", "ca.key", &a->held.now);
		if (a->held.next.cert_pem)
			put_pair(object, "ca-next.crt", "ca-next.key", &a->held.next);
		if (a->held.old_pem)
			ca_secret_put(object, "ca-old.crt", a->held.old_pem);
		if (*a->held.done)
			ca_secret_note(object, CA_SECRET_ROTATED, a->held.done);
	} else {
		if (make_ca(a, &ca, err) < 0)
			return -1;
		put_pair(object, "ca.crt", "ca.key", &ca);
		ca_secret_put(object, "ca-old.crt", a->others);
	}
	return send_secret(a, object, ROTATION_WAIT, err);
}

static void begin(cJSON *object, const struct ca_secret *s, const struct cert *ca)
{
	put_pair(object, "ca-next.crt", "ca-next.key", ca);
	if (*s->asked)
		ca_secret_note(object, CA_SECRET_ROTATED, s->asked);
}

/* What was trusted as old, and these (NULL: none). Nobody has said of ca.crt yet that it serves by it. */
static int put_old(cJSON *object, const struct ca_secret *s, const char *const pems[3], struct error *err)
{
	PEM_CLEANUP struct pem_set old = { 0 };
	char *text;

	ca_secret_note(object, CA_SECRET_SERVING, NULL);
	if (s->old_pem && pem_add(&old, s->old_pem, err) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		if (pems[i] && pem_add(&old, pems[i], err) < 0)
			return -1;
	text = pem_write(&old);
	if (!text)
		return error_set(err, ERR_NOMEM, "no memory");
	ca_secret_put(object, "ca-old.crt", text);
	free(text);
	return 0;
}

/* Whether one configuration or the other carries it, or there is none. */
static bool is_carried(const struct authority *a, const char *pem)
{
	PEM_CLEANUP struct pem_set others = { 0 };

	if (a->cfg.carried_ms(a->cfg.ctx, pem) >= 0)
		return true;
	return a->others && pem_add(&others, a->others, NULL) == 0 && pem_has(&others, pem);
}

/* What calls may be answered by; NULL: nothing that is known. */
static const char *serves_by(const struct authority *a, const struct ca_secret *s)
{
	const char *pem = has_leaf(a) ? a->leaf_ca : NULL;

	if (pem)
		return is_carried(a, pem) ? pem : NULL;
	return a->cfg.carried_ms(a->cfg.ctx, s->now.cert_pem) < 0 ? a->others : NULL;
}

/* What the others take leaves of, as far as is known; NULL: nothing that is trusted. */
static const char *signs(const struct authority *a)
{
	const char *pem = a->held.now.cert_pem;

	return pem && is_carried(a, pem) ? pem : NULL;
}

/* With all that is trusted: who has not heard of it may serve by that. */
static int keep(const struct authority *a, cJSON *object, const struct ca_secret *s, struct error *err)
{
	const char *const pems[] = { serves_by(a, s), signs(a), a->others };

	return put_old(object, s, pems, err);
}

static int switch_over(cJSON *object, const struct ca_secret *s, struct error *err)
{
	const char *const pems[3] = { s->now.cert_pem };
	static const struct cert none = { 0 };

	put_pair(object, "ca.crt", "ca.key", &s->next);
	put_pair(object, "ca-next.crt", "ca-next.key", &none);
	return put_old(object, s, pems, err);
}

static int change(struct authority *a, cJSON *object, const struct ca_secret *s, enum rotation_step step,
		  struct error *err)
{
	CERT_CLEANUP struct cert ca = { 0 };
	char fingerprint[CERT_FINGERPRINT_MAX];

	switch (step) {
	case ROTATION_WAIT: break;
	case ROTATION_KEEP: return keep(a, object, s, err);
	case ROTATION_BEGIN:
		if (make_ca(a, &ca, err) < 0)
			return -1;
		begin(object, s, &ca);
		break;
	case ROTATION_SWITCH: return switch_over(object, s, err);
	case ROTATION_SAY:
		if (cert_fingerprint(s->now.cert_pem, fingerprint, err) < 0)
			return -1;
		ca_secret_say(object, a->cfg.pod, fingerprint);
		break;
	case ROTATION_END:
		ca_secret_put(object, "ca-old.crt", NULL);
		ca_secret_note(object, CA_SECRET_SERVING, NULL);
		break;
	}
	return 0;
}

/* The resourceVersion in it lets only one replica do so. */
static int take_step(struct authority *a, const struct ca_secret *s, enum rotation_step step, struct error *err)
{
	JSON_CLEANUP cJSON *object = cJSON_Duplicate(a->secret, 1);

	if (!object)
		return error_set(err, ERR_NOMEM, "no memory");
	return change(a, object, s, step, err) < 0 ? -1 : send_secret(a, object, step, err);
}

/* --- who serves by which CA --------------------------------------------------------------------------------------- */

static bool has_said(const struct authority *a, const char *pod)
{
	char fingerprint[CERT_FINGERPRINT_MAX];

	return a->secret && a->held.now.cert_pem && cert_fingerprint(a->held.now.cert_pem, fingerprint, NULL) == 0 &&
	       ca_secret_serves(a->secret, pod, fingerprint);
}

static void name_late(struct authority *a, const char *pod, const struct error *why)
{
	int64_t now = clock_mono_ms();
	struct error err;

	if (!a->late_at_ms)
		a->late_at_ms = now + LATE_MS;
	if (now < a->late_at_ms)
		return;
	a->late_at_ms = now + LATE_MS;
	if (why)
		error_set(&err, why->code, "the old CA stays trusted, since it is not known who serves: %s", why->text);
	else
		error_set(
			&err, ERR_TIMEOUT,
			"the old CA stays trusted, since pod %s does not say that it serves by the new one (delete the "
			"pod if it hangs)",
			pod);
	wrap(a, &err);
	a->cfg.on_error(a->cfg.ctx, &err);
}

static void on_peers(void *ctx, const char *const *pods, const struct error *err)
{
	struct authority *a = ctx;
	const char *late = NULL;
	bool listed = false;
	struct error why;

	a->peers = NULL;
	for (int i = 0; pods && pods[i]; i++) {
		listed |= strcmp(pods[i], a->cfg.pod) == 0;
		if (!late && !has_said(a, pods[i]))
			late = pods[i];
	}
	if (!err && !listed) { /* then others may be missing, too */
		error_set(&why, ERR_NOTFOUND, "pod %s is not behind Service %s", a->cfg.pod, a->cfg.service);
		err = &why;
	}
	if (err || late) {
		name_late(a, late, err);
		loop_timer_set(a->soon, PEERS_MS);
		return;
	}
	free(a->all_said);
	a->all_said = strdup(a->held.version);
	a->late_at_ms = 0;
	look(a);
}

static void ask_peers(struct authority *a)
{
	struct error err;

	if (a->peers)
		return;
	a->peers = peers_ask(a->kube, a->cfg.namespace, a->cfg.service, on_peers, a, &err);
	if (!a->peers) {
		name_late(a, NULL, &err);
		loop_timer_set(a->soon, PEERS_MS);
	}
}

/* --- looking at it ------------------------------------------------------------------------------------------------ */

static enum rotation_step next_step(const struct authority *a, const struct ca_secret *s)
{
	struct rotation_view view = {
		.secret = s,
		.now_ms = now_ms(a),
		.ca_renew_ms = least(a->cfg.renew_ms, a->cfg.ca_life_ms / 2),
		.settle_ms = a->cfg.settle_ms,
		.leaf_ca = has_leaf(a) ? a->leaf_ca : NULL,
		.serves_by = serves_by(a, s),
		.signed_before = signs(a),
		.next_carried_ms = s->next.cert_pem ? a->cfg.carried_ms(a->cfg.ctx, s->next.cert_pem) : -1,
		.any_said = json_str(a->secret, "metadata", "annotations", CA_SECRET_SERVING, NULL),
		.said = has_said(a, a->cfg.pod),
		.all_said = !a->cfg.service || (a->all_said && strcmp(a->all_said, s->version) == 0),
	};

	return rotation_next(&view);
}

/* Looks again when a CA will have been carried for long enough. */
static void wait_to_settle(struct authority *a)
{
	const char *pem = a->held.next.cert_pem;
	int64_t carried;

	if (!pem && !is_of_now(a))
		pem = a->held.now.cert_pem;
	carried = pem ? a->cfg.carried_ms(a->cfg.ctx, pem) : -1;
	if (carried >= 0 && carried < a->cfg.settle_ms)
		loop_timer_set(a->soon, (uint64_t)(a->cfg.settle_ms - carried) + 1);
}

/* Takes over what the Secret says: first what is to be trusted, then the leaf that this is good for. */
static int use(struct authority *a, struct ca_secret *s, struct error *err)
{
	if ((!a->held.bundle || strcmp(a->held.bundle, s->bundle) != 0) && a->cfg.on_bundle(a->cfg.ctx, s->bundle) < 0)
		return error_set(err, ERR_NOMEM, "no memory for the CA bundle");
	ca_secret_release(&a->held);
	a->held = *s;
	*s = (struct ca_secret){ 0 };
	return renew_leaf(a, err);
}

static int look_at_secret(struct authority *a, struct error *err)
{
	CA_SECRET_CLEANUP struct ca_secret s = { 0 };
	enum rotation_step step;

	if (!a->secret || ca_secret_is_empty(a->secret))
		return write_first(a, err);
	if (ca_secret_read(a->secret, &s, err) < 0 || try_ca(a, &s.now, err) < 0)
		return err->code == ERR_NOMEM
			       ? -1
			       : error_wrap(err, "no CA can be read (delete the Secret, and a new one is made)");
	/* What it does not name is to be trusted on: before configurations lose it. */
	if (next_step(a, &s) == ROTATION_KEEP)
		return take_step(a, &s, ROTATION_KEEP, err);
	if (use(a, &s, err) < 0)
		return -1;
	step = next_step(a, &a->held);
	if (step != ROTATION_WAIT)
		return take_step(a, &a->held, step, err);
	if (a->held.old_pem && is_of_now(a))
		ask_peers(a);
	else
		a->late_at_ms = 0;
	wait_to_settle(a);
	return 0;
}

/* Whatever the Secret says, and whether it can be written: what this replica has goes on, and is renewed. */
static void go_on(struct authority *a)
{
	struct error err;

	if (!a->held.now.cert_pem || renew_leaf(a, &err) == 0)
		return;
	wrap(a, &err);
	a->cfg.on_error(a->cfg.ctx, &err);
}

/* 1; 0: it is not known yet, and told, before anything is taken over; -1. */
static int see_others(struct authority *a, struct error *err)
{
	int r;

	free(a->others);
	r = a->cfg.carried(a->cfg.ctx, &a->others);
	if (r < 0)
		return error_set(err, ERR_NOMEM, "no memory for what configurations carry");
	return r > 0 || a->held.now.cert_pem;
}

static void look(struct authority *a)
{
	struct error err;
	int r;

	if (a->call || !a->synced)
		return;
	a->changed = false;
	go_on(a);
	r = see_others(a, &err);
	if (r == 0)
		return;
	if (r > 0 && look_at_secret(a, &err) == 0) {
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

bool authority_times(const struct authority *a, int64_t *from_ms, int64_t *until_ms)
{
	return a->held.now.cert_pem && cert_times(a->held.now.cert_pem, from_ms, until_ms, NULL) == 0;
}

const cJSON *authority_secret(const struct authority *a)
{
	return a->secret;
}

void authority_wake(struct authority *a)
{
	loop_timer_set(a->soon, 0);
}

/* --- whether it still says so ------------------------------------------------------------------------------------- */

static void on_read(void *ctx, const cJSON *list, const struct error *err)
{
	CA_SECRET_CLEANUP struct ca_secret s = { 0 };
	struct authority *a = ctx;
	const cJSON *secret = cJSON_GetArrayItem(json_get(list, "items", NULL), 0);
	bool right = !err && secret && a->held.bundle && ca_secret_read(secret, &s, NULL) == 0 &&
		     strcmp(s.bundle, a->held.bundle) == 0;

	a->asking = NULL;
	a->cfg.on_confirmed(a->cfg.ctx, right, err);
}

static void on_not_asked(void *ctx)
{
	struct authority *a = ctx;
	struct error err;

	error_set(&err, ERR_NOMEM, "no memory");
	a->cfg.on_confirmed(a->cfg.ctx, false, &err);
}

/* By a list, since a single one needs another right. Without a resourceVersion it is no cache's. */
void authority_ask(struct authority *a)
{
	char path[PATH_LIMIT * 2];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/secrets?fieldSelector=metadata.name%%3D%s",
		 a->cfg.namespace, a->cfg.secret_name);
	a->asking = kube_call(a->kube, "GET", path, NULL, NULL, 0, on_read, a, NULL);
	if (!a->asking)
		loop_timer_set(a->not_asked, 0);
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
	a->soon = loop_timer_new(a->uv, on_retry, a);
	a->not_asked = loop_timer_new(a->uv, on_not_asked, a);
	a->timer = loop_timer_start(a->uv, LOOK_MS, LOOK_MS, on_time, a);
	if (!a->retry || !a->soon || !a->not_asked || !a->timer)
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
	http_cancel(a->asking);
	peers_cancel(a->peers);
	loop_timer_free(a->timer);
	loop_timer_free(a->retry);
	loop_timer_free(a->soon);
	loop_timer_free(a->not_asked);
	informer_stop(a->informer);
	ca_secret_release(&a->held);
	cert_release(&a->leaf);
	free(a->leaf_ca);
	free(a->others);
	free(a->all_said);
	free(a);
}
