#include "certs/cabundle.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/kube/informer.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define API          "/apis/admissionregistration.k8s.io/v1/"
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000
/* Without a change by somebody else for so long, the next one is no fight any more. */
#define PEACE_MS    (5 * 60 * 1000)
#define FIGHT       4           /* so many writes in a row that were undone are no user who applies a file again */
#define MANAGER     "codis-k8s" /* as the API server calls us, by our User-Agent */
#define MANAGER_MAX 64
#define QUIET       3 /* so many conflicts in a row are replicas, or a user, at the same work */
#define PATH_LIMIT  512

struct target {
	struct cabundle *owner;
	const char *kind, *resource, *name;
	struct informer *informer;
	const cJSON *object; /* the informer's; NULL: there is none */
	bool changed;        /* since it was looked at */
	struct http_call *call;
	struct loop_timer *retry;
	int failures;        /* in a row */
	int undone;          /* writes of ours in a row that somebody else undid */
	int64_t written_ms;  /* the last one; 0: none of this bundle */
	int64_t due_ms;      /* the next one is not before; 0: at once */
	atomic_bool absent;  /* it is known not to exist */
	atomic_bool carried; /* it has once had what it should */
};

struct cabundle {
	uv_loop_t *uv;
	struct kube_client *kube;
	struct cabundle_config cfg;
	char *base64; /* NULL: not known yet */
	struct target targets[2];
	int n_targets;
};

static void look(struct target *t);

/* --- the patch ---------------------------------------------------------------------------------------------------- */

static int add_operation(cJSON *patch, const char *op, const char *value, const char *path)
{
	cJSON *o = cJSON_CreateObject();

	json_add_str(o, "op", op);
	json_add_str(o, "path", path);
	json_add_str(o, "value", value);
	return json_push(patch, o);
}

/* What is to be done, an empty list when nothing is. NULL: no memory, or an object that is not what it should be. */
static cJSON *make_patch(const cJSON *object, const char *base64)
{
	const char *version = json_str(object, "metadata", "resourceVersion", NULL), *has;
	cJSON *patch = cJSON_CreateArray();
	const cJSON *webhook;
	char path[64];
	int i = 0, r = 0;

	cJSON_ArrayForEach(webhook, json_get(object, "webhooks", NULL)) {
		snprintf(path, sizeof(path), "/webhooks/%d/clientConfig/caBundle", i++);
		has = json_str(webhook, "clientConfig", "caBundle", NULL);
		if (has && strcmp(has, base64) == 0)
			continue;
		if (patch && !patch->child)
			r |= version ? add_operation(patch, "test", version, "/metadata/resourceVersion") : -1;
		r |= add_operation(patch, "add", base64, path); /* "add" replaces, too */
	}
	if (r == 0)
		return patch;
	cJSON_Delete(patch);
	return NULL;
}

/* Who wrote it last, but for us: of metadata.managedFields. "": that cannot be told. */
static void last_writer(const cJSON *object, char out[MANAGER_MAX])
{
	const char *latest = "", *name, *time;
	const cJSON *entry;

	out[0] = '\0';
	cJSON_ArrayForEach(entry, json_get(object, "metadata", "managedFields", NULL)) {
		name = json_str(entry, "manager", NULL);
		time = json_str(entry, "time", NULL);
		if (!name || !time || strcmp(name, MANAGER) == 0 || strcmp(time, latest) < 0)
			continue;
		latest = time;
		snprintf(out, MANAGER_MAX, "%s", name);
		out[text_fit(out, MANAGER_MAX - 1)] = '\0';
	}
}

/* --- one configuration -------------------------------------------------------------------------------------------- */

static void on_retry(void *ctx)
{
	struct target *t = ctx;

	look(t);
}

static void failed(struct target *t, const struct error *err)
{
	uint64_t ms = RETRY_MAX_MS;

	if (t->failures < 5)
		ms = (uint64_t)RETRY_MIN_MS << t->failures;
	t->failures++;
	loop_timer_set(t->retry, ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS);
	/* A test that did not hold is answered 422. */
	if (t->failures > QUIET || (err->code != ERR_CONFLICT && err->status != 422))
		t->owner->cfg.on_error(t->owner->cfg.ctx, err);
}

static void say_fight(struct target *t)
{
	char name[MANAGER_MAX];
	struct error err;

	last_writer(t->object, name);
	error_set(&err, ERR_CONFLICT,
		  "%s %s: somebody else writes its caBundle, too (last by %s%s%s); ours is put back each %d s at most",
		  t->kind, t->name, *name ? "field manager \"" : "one who cannot be told", name, *name ? "\"" : "",
		  RETRY_MAX_MS / 1000);
	t->owner->cfg.on_error(t->owner->cfg.ctx, &err);
}

/* Whether a write has to wait. One that undoes ours is met after 1 s, doubled each time up to 30 s: two who write at
 * once whatever the other has changed would do so thousands of times a second. */
static bool must_wait(struct target *t)
{
	int64_t now = clock_mono_ms();

	if (!t->due_ms) {
		if (!t->written_ms || now - t->written_ms >= PEACE_MS) {
			t->undone = 0;
			return false;
		}
		t->due_ms = now + (t->undone < 5 ? (int64_t)RETRY_MIN_MS << t->undone : RETRY_MAX_MS);
		if (++t->undone == FIGHT)
			say_fight(t);
	}
	if (now >= t->due_ms)
		return false;
	loop_timer_set(t->retry, (uint64_t)(t->due_ms - now));
	return true;
}

static void on_patched(void *ctx, const cJSON *object, const struct error *err)
{
	struct target *t = ctx;
	char text[400];

	(void)object;
	t->call = NULL;
	if (err) {
		failed(t, err);
	} else {
		t->failures = 0;
		t->written_ms = clock_mono_ms();
		t->due_ms = 0;
		atomic_store(&t->carried, true);
		snprintf(text, sizeof(text), "wrote the CA into %s %s", t->kind, t->name);
		t->owner->cfg.on_notice(t->owner->cfg.ctx, text);
	}
	if (t->changed)
		look(t);
}

static void send_patch(struct target *t, const cJSON *patch)
{
	char path[PATH_LIMIT];
	struct error err;

	snprintf(path, sizeof(path), API "%s/%s", t->resource, t->name);
	t->call = kube_call(t->owner->kube, "PATCH", path, patch, KUBE_JSON_PATCH, 0, on_patched, t, &err);
	if (!t->call)
		failed(t, &err);
}

static void look(struct target *t)
{
	JSON_CLEANUP cJSON *patch = NULL;
	struct error err;

	if (t->call || !t->owner->base64)
		return;
	t->changed = false;
	if (!t->object)
		return;
	patch = make_patch(t->object, t->owner->base64);
	if (!patch) {
		error_set(&err, ERR_INVALID, "%s %s: no memory, or no resourceVersion in it", t->kind, t->name);
		failed(t, &err);
	} else if (patch->child) {
		if (!must_wait(t))
			send_patch(t, patch);
	} else {
		t->due_ms = 0;
		atomic_store(&t->carried, true);
	}
}

static void on_set(void *ctx, const cJSON *object, const cJSON *old)
{
	struct target *t = ctx;

	(void)old;
	t->object = object;
	t->changed = true;
	atomic_store(&t->absent, false);
	look(t);
}

static void on_delete(void *ctx, const cJSON *object)
{
	struct target *t = ctx;

	(void)object;
	t->object = NULL;
	t->written_ms = t->due_ms = 0;
	atomic_store(&t->absent, true);
}

static void on_synced(void *ctx)
{
	struct target *t = ctx;

	atomic_store(&t->absent, t->object == NULL);
}

static void on_informer_error(void *ctx, const struct error *err)
{
	struct target *t = ctx;

	t->owner->cfg.on_error(t->owner->cfg.ctx, err);
}

static int add_target(struct cabundle *b, const char *kind, const char *resource, const char *name, struct error *err)
{
	struct target *t = &b->targets[b->n_targets];
	char path[PATH_LIMIT], field[PATH_LIMIT];
	struct informer_config cfg = { .path = path,
				       .field_selector = field,
				       .keep_managers = true,
				       .on_set = on_set,
				       .on_delete = on_delete,
				       .on_synced = on_synced,
				       .on_error = on_informer_error,
				       .ctx = t };

	if (!name)
		return 0;
	b->n_targets++;
	t->owner = b;
	t->kind = kind;
	t->resource = resource;
	t->name = name;
	snprintf(path, sizeof(path), API "%s", resource);
	snprintf(field, sizeof(field), "metadata.name=%s", name);
	t->retry = loop_timer_new(b->uv, on_retry, t);
	if (!t->retry)
		return error_set(err, ERR_NOMEM, "no memory");
	t->informer = informer_start(b->uv, b->kube, &cfg, err);
	return t->informer ? 0 : -1;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

struct cabundle *cabundle_start(uv_loop_t *uv, struct kube_client *kube, const struct cabundle_config *cfg,
				struct error *err)
{
	struct cabundle *b = calloc(1, sizeof(*b));

	if (!b) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	b->uv = uv;
	b->kube = kube;
	b->cfg = *cfg;
	if (add_target(b, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", cfg->mutating, err) == 0 &&
	    add_target(b, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", cfg->validating, err) ==
		    0)
		return b;
	cabundle_stop(b);
	return NULL;
}

void cabundle_stop(struct cabundle *b)
{
	if (!b)
		return;
	for (int i = 0; i < b->n_targets; i++) {
		http_cancel(b->targets[i].call);
		loop_timer_free(b->targets[i].retry);
		informer_stop(b->targets[i].informer);
	}
	free(b->base64);
	free(b);
}

int cabundle_set(struct cabundle *b, const char *pem)
{
	char *base64 = base64_encode(pem, strlen(pem));

	if (!base64)
		return -1;
	free(b->base64);
	b->base64 = base64;
	for (int i = 0; i < b->n_targets; i++) {
		b->targets[i].changed = true;
		b->targets[i].written_ms = b->targets[i].due_ms = 0;
		look(&b->targets[i]);
	}
	return 0;
}

bool cabundle_ready(const struct cabundle *b, char *why_not, size_t size)
{
	for (int i = 0; i < b->n_targets; i++) {
		const struct target *t = &b->targets[i];

		if (atomic_load(&t->carried) || atomic_load(&t->absent))
			continue;
		if (why_not)
			snprintf(why_not, size, "%s %s does not carry our CA yet", t->kind, t->name);
		return false;
	}
	return true;
}
