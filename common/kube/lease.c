#include "common/kube/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define IDENTITY_MAX   256
#define PATH_MAX_BYTES 768
#define GIVE_BACK_MS   1000
/* Of our own durations: another's record may ask us to wait for so long. Who edits it by hand could stop us for good;
 * whoever renews it, at whatever pace up to this, is seen to do so before. */
#define DURATIONS_MAX 5
#define SENT_MAX      4 /* writes of ours that may turn out to have been done */

struct sent {
	char renewed[40]; /* renewTime in it; "": none */
	int64_t ms;
};

struct lease {
	struct kube_client *kube;
	struct lease_config cfg; /* its strings are the three that follow */
	char identity[IDENTITY_MAX], name[256], namespace[256];
	char path[PATH_MAX_BYTES]; /* of the Lease; that of all of them ends at its last slash */

	enum lease_state state;
	char holder[IDENTITY_MAX]; /* as last reported */

	cJSON *record;       /* the Lease as last seen or written; NULL: not known */
	int64_t observed_ms; /* when we saw it change */
	int64_t began_ms;    /* this attempt */
	bool met_conflict;   /* in this attempt */
	struct sent sent[SENT_MAX];
	int n_sent; /* the last one is at (n_sent - 1) % SENT_MAX */

	struct http_call *call, *peek;
	struct loop_timer *timer;    /* the next attempt */
	struct loop_timer *patience; /* with a write that is not answered */
	struct loop_timer *deadline; /* of what we hold */

	int64_t aside_until_ms; /* it is not taken before; 0: at any time */

	bool given_back; /* or about to be: the timer ends that, and nothing is attempted any more */
	void (*given_back_done)(void *ctx);
	void *given_back_ctx;
};

static void finish_giving(struct lease *l);

/* --- the record --------------------------------------------------------------------------------------------------- */

static const char *holder_of(const cJSON *record)
{
	const char *holder = json_str(record, "spec", "holderIdentity", NULL);

	return holder ? holder : "";
}

static bool is_ours(const struct lease *l)
{
	return l->record && strcmp(holder_of(l->record), l->identity) == 0;
}

/* When its holder will not have renewed it in time. */
static int64_t expires_ms(const struct lease *l)
{
	int64_t seconds = json_int(0, l->record, "spec", "leaseDurationSeconds", NULL);
	int64_t most_ms = INT64_C(1) * DURATIONS_MAX * l->cfg.duration_ms;

	if (seconds <= 0)
		return l->observed_ms + l->cfg.duration_ms;
	return l->observed_ms + (seconds > most_ms / 1000 ? most_ms : seconds * 1000);
}

static bool is_aside(const struct lease *l)
{
	return clock_mono_ms() < l->aside_until_ms;
}

static bool is_free(const struct lease *l)
{
	return !*holder_of(l->record) || clock_mono_ms() >= expires_ms(l);
}

/* Only that it changes counts, never the times in it: those are of another's clock. */
static int observe(struct lease *l, const cJSON *object)
{
	const char *seen = json_str(l->record, "metadata", "resourceVersion", NULL);
	const char *now = json_str(object, "metadata", "resourceVersion", NULL);
	cJSON *copy;

	if (seen && now && strcmp(seen, now) == 0)
		return 0;
	copy = cJSON_Duplicate(object, 1);
	if (!copy)
		return -1;
	cJSON_Delete(l->record);
	l->record = copy;
	l->observed_ms = clock_mono_ms();
	return 0;
}

static void forget(struct lease *l)
{
	cJSON_Delete(l->record);
	l->record = NULL;
}

static cJSON *new_record(const struct lease *l)
{
	cJSON *object = cJSON_CreateObject(), *metadata;

	json_add_str(object, "apiVersion", "coordination.k8s.io/v1");
	json_add_str(object, "kind", "Lease");
	metadata = json_add_object(object, "metadata");
	json_add_str(metadata, "name", l->name);
	json_add_str(metadata, "namespace", l->namespace);
	return object;
}

/* The record with us in it; what we do not know in it stays. */
static cJSON *proposal(const struct lease *l)
{
	cJSON *object = l->record ? cJSON_Duplicate(l->record, 1) : new_record(l);
	cJSON *spec = cJSON_GetObjectItemCaseSensitive(object, "spec");
	int64_t transitions = json_int(0, spec, "leaseTransitions", NULL);
	char now[40];

	if (!cJSON_IsObject(spec)) {
		json_set(object, "spec", cJSON_CreateObject());
		spec = cJSON_GetObjectItemCaseSensitive(object, "spec");
	}
	clock_rfc3339(clock_wall_ms(), now, sizeof(now));
	if (!is_ours(l)) {
		json_set(spec, "holderIdentity", cJSON_CreateString(l->identity));
		json_set(spec, "acquireTime", cJSON_CreateString(now));
		json_set(spec, "leaseTransitions", cJSON_CreateNumber((double)(transitions + (l->record != NULL))));
	}
	json_set(spec, "leaseDurationSeconds", cJSON_CreateNumber((l->cfg.duration_ms + 999) / 1000));
	json_set(spec, "renewTime", cJSON_CreateString(now));
	return object;
}

/* --- what came out ------------------------------------------------------------------------------------------------ */

/* Last in whatever calls it, for the owner may free the lease. */
static void report(struct lease *l, enum lease_state state, const char *holder)
{
	char brief[IDENTITY_MAX];

	snprintf(brief, sizeof(brief), "%s", holder);
	brief[text_fit(brief, sizeof(brief) - 1)] = '\0';
	if (state == l->state && strcmp(brief, l->holder) == 0)
		return;
	l->state = state;
	memcpy(l->holder, brief, sizeof(brief));
	l->cfg.on_change(l->cfg.ctx, state, l->holder);
}

static void on_deadline(void *ctx)
{
	struct lease *l = ctx;

	if (l->state == LEASE_HELD) /* it may have been lost to another by now */
		report(l, LEASE_UNSURE, l->identity);
}

/* The next attempt: after retry_ms, or when another's lease expires, which is sooner. */
static void schedule(struct lease *l)
{
	int64_t now = clock_mono_ms(), next = l->began_ms + l->cfg.retry_ms;

	if (l->record && !is_ours(l) && expires_ms(l) > now && expires_ms(l) < next)
		next = expires_ms(l);
	loop_timer_set(l->timer, next > now ? (uint64_t)(next - now) : 0);
}

static void follow(struct lease *l)
{
	schedule(l);
	report(l, LEASE_FOLLOWING, holder_of(l->record));
}

static int64_t left_ms(const struct lease *l, int64_t sent_ms)
{
	return sent_ms + l->cfg.duration_ms - clock_mono_ms();
}

/* Ours from when it was asked for, which is before anybody else can have seen it. */
static void hold(struct lease *l, int64_t sent_ms)
{
	int64_t left = left_ms(l, sent_ms);

	loop_timer_set(l->deadline, left > 0 ? (uint64_t)left : 0);
	schedule(l);
	report(l, LEASE_HELD, l->identity);
}

/* When the record that was seen is one that we wrote: when we sent it, so that an answer that came late, or never, does
 * not count against us. -1: it is not. */
static int64_t sent_of(const struct lease *l)
{
	const char *renewed = json_str(l->record, "spec", "renewTime", NULL);

	for (int i = 0; is_ours(l) && renewed && i < SENT_MAX; i++)
		if (l->sent[i].renewed[0] && strcmp(l->sent[i].renewed, renewed) == 0)
			return l->sent[i].ms;
	return -1;
}

static int64_t last_sent_ms(const struct lease *l)
{
	return l->sent[(l->n_sent + SENT_MAX - 1) % SENT_MAX].ms;
}

static void note_sent(struct lease *l, const cJSON *object)
{
	struct sent *sent = &l->sent[l->n_sent++ % SENT_MAX];

	snprintf(sent->renewed, sizeof(sent->renewed), "%s", json_str(object, "spec", "renewTime", NULL));
	sent->ms = clock_mono_ms();
}

static const struct error no_memory = { .code = ERR_NOMEM, .text = "lease: no memory" };

static void fail(struct lease *l, const struct error *err)
{
	schedule(l);
	if (l->cfg.on_error)
		l->cfg.on_error(l->cfg.ctx, err);
}

/* --- an attempt: renew what is ours, else look whether it can be had ---------------------------------------------- */

static void start(struct lease *l, const char *method, const char *path, const cJSON *body, kube_done done)
{
	/* Renewals follow each other, since each needs the version that the last one gave: an API server that needs up
	 * to half the duration for one keeps us leading, and one that hangs leaves time for another. */
	int timeout_ms = l->cfg.duration_ms / 2;
	struct error err;

	l->call = kube_call(l->kube, method, path, body, NULL, timeout_ms, done, l, &err);
	if (l->call)
		return;
	loop_timer_clear(l->patience);
	fail(l, &err);
}

static void get(struct lease *l);
static void write_record(struct lease *l);

static void end_peek(struct lease *l)
{
	loop_timer_clear(l->patience);
	http_cancel(l->peek);
	l->peek = NULL;
}

/* Our write is done: it need not be answered for that. */
static void on_peeked(void *ctx, const cJSON *object, const struct error *err)
{
	struct lease *l = ctx;
	int64_t sent_ms;

	l->peek = NULL;
	if (err || strcmp(holder_of(object), l->identity) != 0 || observe(l, object) < 0)
		return; /* the write's own end says what is to be done */
	sent_ms = sent_of(l);
	if (sent_ms < 0 || left_ms(l, sent_ms) <= 0)
		return;
	loop_timer_set(l->deadline, (uint64_t)left_ms(l, sent_ms));
	report(l, LEASE_HELD, l->identity);
}

static void peek(void *ctx)
{
	struct lease *l = ctx;

	l->peek = kube_call(l->kube, "GET", l->path, NULL, NULL, l->cfg.duration_ms / 2, on_peeked, l, NULL);
}

/* The answer to our write: it is ours, or somebody was quicker. */
static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	struct lease *l = ctx;
	bool again = !l->met_conflict;

	l->call = NULL;
	end_peek(l);
	if (!err && observe(l, object) == 0) {
		hold(l, last_sent_ms(l));
	} else if (!err) {
		fail(l, &no_memory);
	} else if (again && (err->code == ERR_CONFLICT || err->code == ERR_EXISTS)) {
		l->met_conflict = true;
		get(l);
	} else if (again && err->code == ERR_NOTFOUND) {
		l->met_conflict = true;
		forget(l);
		write_record(l);
	} else {
		fail(l, err);
	}
}

static void write_record(struct lease *l)
{
	JSON_CLEANUP cJSON *object = proposal(l);
	char all[PATH_MAX_BYTES];

	/* A record without its holder would be taken for ours. */
	if (!json_is_whole(object)) {
		fail(l, &no_memory);
		return;
	}
	note_sent(l, object);
	loop_timer_set(l->patience, (uint64_t)l->cfg.duration_ms * 3 / 8);
	if (l->record) {
		start(l, "PUT", l->path, object, on_written);
		return;
	}
	snprintf(all, sizeof(all), "%.*s", (int)(strrchr(l->path, '/') - l->path), l->path);
	start(l, "POST", all, object, on_written);
}

static void on_seen(void *ctx, const cJSON *object, const struct error *err)
{
	struct lease *l = ctx;

	l->call = NULL;
	if (err && err->code == ERR_NOTFOUND) {
		forget(l);
		write_record(l);
	} else if (err) {
		fail(l, err);
	} else if (observe(l, object) < 0) {
		fail(l, &no_memory);
	} else if (is_aside(l)) {
		follow(l);
	} else if (sent_of(l) >= 0 && left_ms(l, sent_of(l)) > l->cfg.duration_ms / 2) {
		hold(l, sent_of(l)); /* a renewal that was not answered */
	} else if (is_ours(l) || is_free(l)) {
		write_record(l);
	} else {
		follow(l);
	}
}

static void get(struct lease *l)
{
	start(l, "GET", l->path, NULL, on_seen);
}

static void attempt(void *ctx)
{
	struct lease *l = ctx;

	if (l->given_back) {
		finish_giving(l);
		return;
	}
	l->began_ms = clock_mono_ms();
	l->met_conflict = false;
	if (is_ours(l) && !is_aside(l))
		write_record(l);
	else
		get(l);
}

/* --- the lease ---------------------------------------------------------------------------------------------------- */

static int check(const struct lease_config *cfg, struct error *err)
{
	if (!*cfg->identity || strlen(cfg->identity) >= IDENTITY_MAX)
		return error_set(err, ERR_INVALID, "lease %s: an identity has 1 to %d bytes", cfg->name,
				 IDENTITY_MAX - 1);
	if (strlen(cfg->name) > 253 || strlen(cfg->namespace) > 63)
		return error_set(err, ERR_INVALID, "lease: the name or the namespace is too long");
	if (cfg->retry_ms <= 0 || cfg->duration_ms < 2 * cfg->retry_ms)
		return error_set(err, ERR_INVALID, "lease %s: %d ms must hold at least two renewals, one each %d ms",
				 cfg->name, cfg->duration_ms, cfg->retry_ms);
	return 0;
}

struct lease *lease_start(uv_loop_t *uv, struct kube_client *c, const struct lease_config *cfg, struct error *err)
{
	struct lease *l;

	if (check(cfg, err) < 0)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (!l) {
		error_set(err, ERR_NOMEM, "lease %s: no memory", cfg->name);
		return NULL;
	}
	l->kube = c;
	l->cfg = *cfg;
	snprintf(l->identity, sizeof(l->identity), "%s", cfg->identity);
	snprintf(l->name, sizeof(l->name), "%s", cfg->name);
	snprintf(l->namespace, sizeof(l->namespace), "%s", cfg->namespace);
	l->cfg.identity = l->identity;
	l->cfg.name = l->name;
	l->cfg.namespace = l->namespace;
	snprintf(l->path, sizeof(l->path), "/apis/coordination.k8s.io/v1/namespaces/%s/leases/%s", cfg->namespace,
		 cfg->name);
	l->timer = loop_timer_new(uv, attempt, l);
	l->deadline = loop_timer_new(uv, on_deadline, l);
	l->patience = loop_timer_new(uv, peek, l);
	if (!l->timer || !l->deadline || !l->patience) {
		error_set(err, ERR_NOMEM, "lease %s: no memory", cfg->name);
		lease_stop(l);
		return NULL;
	}
	loop_timer_set(l->timer, 0);
	return l;
}

enum lease_state lease_state(const struct lease *l)
{
	return l->state;
}

void lease_stop(struct lease *l)
{
	if (!l)
		return;
	http_cancel(l->call);
	http_cancel(l->peek);
	loop_timer_free(l->patience);
	loop_timer_free(l->timer);
	loop_timer_free(l->deadline);
	cJSON_Delete(l->record);
	free(l);
}

/* --- giving it back ----------------------------------------------------------------------------------------------- */

static void finish_giving(struct lease *l)
{
	if (l->given_back_done)
		l->given_back_done(l->given_back_ctx);
}

static void on_given_back(void *ctx, const cJSON *object, const struct error *err)
{
	struct lease *l = ctx;

	(void)object;
	(void)err;
	l->call = NULL;
	finish_giving(l);
}

static cJSON *operation(const char *op, const char *value)
{
	cJSON *o = cJSON_CreateObject();

	json_add_str(o, "op", op);
	json_add_str(o, "path", "/spec/holderIdentity");
	json_add_str(o, "value", value);
	return o;
}

/* A patch and no write of our record: a renewal that was cut off may have changed that already. */
static void give_up(struct lease *l, kube_done done)
{
	JSON_CLEANUP cJSON *patch = cJSON_CreateArray();
	bool ours = is_ours(l);

	http_cancel(l->call);
	l->call = NULL;
	end_peek(l);
	loop_timer_clear(l->timer);
	loop_timer_clear(l->deadline);
	if (ours && json_push(patch, operation("test", l->identity)) == 0 &&
	    json_push(patch, operation("replace", "")) == 0)
		l->call = kube_call(l->kube, "PATCH", l->path, patch, KUBE_JSON_PATCH, GIVE_BACK_MS, done, l, NULL);
	if (!l->call)
		loop_timer_set(l->timer, 0);
}

void lease_give_back(struct lease *l, void (*done)(void *ctx), void *ctx)
{
	l->given_back = true;
	l->given_back_done = done;
	l->given_back_ctx = ctx;
	l->state = LEASE_FOLLOWING;
	give_up(l, on_given_back);
}

static void on_stepped_aside(void *ctx, const cJSON *object, const struct error *err)
{
	struct lease *l = ctx;

	(void)object;
	l->call = NULL;
	l->began_ms = clock_mono_ms();
	if (err)
		fail(l, err); /* it is not renewed, and so free when its time is over */
	else
		schedule(l);
}

void lease_stand_again(struct lease *l)
{
	if (l->given_back || !is_aside(l))
		return;
	l->aside_until_ms = 0;
	if (!l->call)
		loop_timer_set(l->timer, 0);
}

void lease_step_aside(struct lease *l, int ms)
{
	if (l->given_back)
		return;
	l->aside_until_ms = clock_mono_ms() + ms;
	give_up(l, on_stepped_aside);
	report(l, LEASE_FOLLOWING, "");
}
