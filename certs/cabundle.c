#include "certs/cabundle.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/pem.h"
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
#define QUIET       3 /* so many conflicts, or doubts, in a row are replicas, or a user, at the same work */
#define PATH_LIMIT  512
#define LEFT_ALONE                                                                                                     \
	"annotation %s says that somebody else keeps its caBundle: give codis-webhook that certificate by "            \
	"--cert-file "                                                                                                 \
	"and --key-file, or take the annotation away"

struct target {
	struct cabundle *owner;
	const char *kind, *resource, *name;
	struct informer *informer;
	const cJSON *object; /* the informer's; NULL: there is none */
	bool changed;        /* since it was looked at */
	struct http_call *call;
	struct loop_timer *retry;
	int failures;       /* in a row */
	int undone;         /* writes of ours in a row that somebody else undid */
	int64_t written_ms; /* the last one; 0: none of this bundle */
	int64_t due_ms;     /* the next one is not before; 0: at once */
	/* What its webhooks carry all, and since when (monotonic). */
	struct pem_set carried;
	int64_t since_ms[PEM_MAX];
	bool stale; /* there was no memory to see it */
	/* A look at it, and the one of which it was asked, and answered, whether the bundle is right. */
	uint64_t seen, asked, confirmed;
	bool waits;                     /* for the answer */
	atomic_bool absent;             /* it is known not to exist, or has no webhooks */
	atomic_bool trusts;             /* it carries what has signed our leaf */
	_Atomic(const char *) injector; /* the annotation by which somebody else keeps its bundle; NULL: none */
};

struct cabundle {
	uv_loop_t *uv;
	struct kube_client *kube;
	struct cabundle_config cfg;
	char *base64;  /* NULL: not known yet */
	char *leaf_ca; /* what has signed our leaf; NULL: nothing yet */
	bool asking;
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

/* --- what it carries ---------------------------------------------------------------------------------------------- */

/* Who has these written into a configuration fills in its bundle, and puts back what another one writes there. */
static const char *const injectors[] = { "cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret",
					 "cert-manager.io/inject-apiserver-ca",
					 "service.beta.openshift.io/inject-cabundle" };

static const char *find_injector(const cJSON *object)
{
	for (size_t i = 0; i < sizeof(injectors) / sizeof(injectors[0]); i++)
		if (json_str(object, "metadata", "annotations", injectors[i], NULL))
			return injectors[i];
	return NULL;
}

/* Takes out of the set what the bundle of this webhook does not hold. -1: no memory. */
static int intersect(struct pem_set *set, const cJSON *webhook, bool first)
{
	PEM_CLEANUP struct pem_set own = { 0 };
	const char *base64 = json_str(webhook, "clientConfig", "caBundle", NULL);
	struct error err = ERROR_INIT;
	char *text = base64 ? base64_decode(base64, &(size_t){ 0 }, &err) : NULL;
	int kept = 0, r = text ? pem_add(&own, text, &err) : 0;

	free(text);
	if (err.code == ERR_NOMEM)
		return -1;
	if (r < 0)
		pem_release(&own);
	if (first) {
		*set = own;
		own = (struct pem_set){ 0 };
		return 0;
	}
	for (int i = 0; i < set->n; i++) {
		if (pem_has(&own, set->at[i]))
			set->at[kept++] = set->at[i];
		else
			free(set->at[i]);
	}
	set->n = kept;
	return 0;
}

static int64_t since(const struct target *t, const char *pem)
{
	for (int i = 0; i < t->carried.n; i++)
		if (strcmp(t->carried.at[i], pem) == 0)
			return t->since_ms[i];
	return -1;
}

static void note_trust(struct target *t)
{
	const char *ca = t->owner->leaf_ca;

	atomic_store(&t->trusts, t->object && ca && pem_has(&t->carried, ca));
}

/* Takes over what the object carries. Without memory, what it carried before counts on. Whether anything has changed.
 */
static bool note_carried(struct target *t)
{
	PEM_CLEANUP struct pem_set now = { 0 };
	int64_t since_ms[PEM_MAX];
	const cJSON *webhook;
	bool first = true, same;

	cJSON_ArrayForEach(webhook, json_get(t->object, "webhooks", NULL)) {
		if (intersect(&now, webhook, first) < 0) {
			t->stale = true;
			loop_timer_set(t->retry, RETRY_MIN_MS);
			return false;
		}
		first = false;
	}
	t->stale = false;
	same = now.n == t->carried.n;
	for (int i = 0; i < now.n; i++) {
		since_ms[i] = since(t, now.at[i]);
		if (since_ms[i] >= 0)
			continue;
		same = false;
		since_ms[i] = clock_mono_ms();
	}
	pem_release(&t->carried);
	t->carried = now;
	now = (struct pem_set){ 0 };
	memcpy(t->since_ms, since_ms, sizeof(since_ms[0]) * (size_t)t->carried.n);
	note_trust(t);
	return !same;
}

static int64_t carried_ms(const struct target *t, const char *pem)
{
	PEM_CLEANUP struct pem_set wanted = { 0 };
	int64_t now = clock_mono_ms(), least = INT64_MAX, at;

	if (atomic_load(&t->absent))
		return INT64_MAX;
	if (!t->object || pem_add(&wanted, pem, NULL) < 0)
		return -1;
	for (int i = 0; i < wanted.n; i++) {
		at = since(t, wanted.at[i]);
		if (at < 0)
			return -1;
		if (now - at < least)
			least = now - at;
	}
	return least;
}

/* --- one configuration -------------------------------------------------------------------------------------------- */

static void on_retry(void *ctx)
{
	struct target *t = ctx;

	if (t->stale && note_carried(t))
		t->owner->cfg.on_carried(t->owner->cfg.ctx);
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

static void doubted(struct target *t)
{
	struct error err;

	error_set(
		&err, ERR_CONFLICT,
		"%s %s: its caBundle is not written, since the CA of this replica is not what the Secret says, or that "
		"cannot be read",
		t->kind, t->name);
	failed(t, &err);
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

/* Without this, what is kept by somebody else would be written to and fro for ever. */
static bool is_left_alone(struct target *t)
{
	const char *injector = find_injector(t->object), *before = atomic_exchange(&t->injector, injector);
	struct error err;

	if (injector && injector != before) {
		error_set(&err, ERR_CONFLICT, "%s %s: " LEFT_ALONE, t->kind, t->name, injector);
		t->owner->cfg.on_error(t->owner->cfg.ctx, &err);
	}
	return injector != NULL;
}

/* Whether it is known that the bundle was right after this object was seen. Else it is asked. */
static bool is_confirmed(struct target *t)
{
	struct cabundle *b = t->owner;

	if (!b->cfg.ask || t->confirmed == t->seen)
		return true;
	t->waits = true;
	if (b->asking)
		return false;
	for (int i = 0; i < b->n_targets; i++)
		b->targets[i].asked = b->targets[i].seen;
	b->asking = true;
	b->cfg.ask(b->cfg.ctx);
	return false;
}

static void look(struct target *t)
{
	JSON_CLEANUP cJSON *patch = NULL;
	struct error err;

	if (t->call || !t->owner->base64)
		return;
	t->changed = false;
	if (!t->object || is_left_alone(t))
		return;
	patch = make_patch(t->object, t->owner->base64);
	if (!patch) {
		error_set(&err, ERR_INVALID, "%s %s: no memory, or no resourceVersion in it", t->kind, t->name);
		failed(t, &err);
	} else if (!patch->child) {
		t->due_ms = 0;
	} else if (!must_wait(t) && is_confirmed(t)) {
		send_patch(t, patch);
	}
}

static void note_object(struct target *t, const cJSON *object)
{
	bool changed, other = !object != !t->object;

	t->object = object;
	t->seen++;
	changed = note_carried(t);
	if (changed || other)
		t->owner->cfg.on_carried(t->owner->cfg.ctx);
}

static void on_set(void *ctx, const cJSON *object, const cJSON *old)
{
	struct target *t = ctx;

	(void)old;
	t->changed = true;
	atomic_store(&t->absent, !cJSON_GetArraySize(json_get(object, "webhooks", NULL)));
	note_object(t, object);
	look(t);
}

static void on_delete(void *ctx, const cJSON *object)
{
	struct target *t = ctx;

	(void)object;
	t->written_ms = t->due_ms = 0;
	atomic_store(&t->absent, true);
	atomic_store(&t->injector, NULL);
	note_object(t, NULL);
}

static void on_synced(void *ctx)
{
	struct target *t = ctx;

	if (t->object)
		return;
	atomic_store(&t->absent, true);
	t->owner->cfg.on_carried(t->owner->cfg.ctx);
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
		pem_release(&b->targets[i].carried);
	}
	free(b->base64);
	free(b->leaf_ca);
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
		b->targets[i].failures = 0;
		b->targets[i].seen++; /* what was asked was of another bundle */
		look(&b->targets[i]);
	}
	return 0;
}

void cabundle_confirm(struct cabundle *b, bool right, const struct error *err)
{
	b->asking = false;
	for (int i = 0; i < b->n_targets; i++) {
		struct target *t = &b->targets[i];

		if (!t->waits)
			continue;
		t->waits = false;
		if (err) {
			failed(t, err);
		} else if (!right && t->asked == t->seen) {
			doubted(t); /* what is right is on its way to us, mostly */
		} else {
			t->confirmed = right ? t->asked : t->confirmed;
			look(t);
		}
	}
}

int64_t cabundle_carried_ms(const struct cabundle *b, const char *pem)
{
	int64_t least = INT64_MAX, ms;

	for (int i = 0; i < b->n_targets; i++) {
		ms = carried_ms(&b->targets[i], pem);
		if (ms < least)
			least = ms;
	}
	return least;
}

int cabundle_carried(const struct cabundle *b, char **pem)
{
	PEM_CLEANUP struct pem_set all = { 0 };

	*pem = NULL;
	for (int i = 0; i < b->n_targets; i++) {
		const struct target *t = &b->targets[i];

		if (t->stale || (!t->object && !atomic_load(&t->absent)))
			return 0;
		for (int j = 0; j < t->carried.n && all.n < PEM_MAX; j++)
			if (pem_add(&all, t->carried.at[j], NULL) < 0)
				return -1;
	}
	*pem = all.n ? pem_write(&all) : NULL;
	return all.n && !*pem ? -1 : 1;
}

int cabundle_serve(struct cabundle *b, const char *ca_pem)
{
	char *copy = strdup(ca_pem);

	if (!copy)
		return -1;
	free(b->leaf_ca);
	b->leaf_ca = copy;
	for (int i = 0; i < b->n_targets; i++)
		note_trust(&b->targets[i]);
	return 0;
}

bool cabundle_ready(const struct cabundle *b, char *why_not, size_t size)
{
	for (int i = 0; i < b->n_targets; i++) {
		const struct target *t = &b->targets[i];
		const char *injector = atomic_load(&t->injector);

		if (atomic_load(&t->trusts) || atomic_load(&t->absent))
			continue;
		if (why_not && injector)
			snprintf(why_not, size, "%s %s: " LEFT_ALONE, t->kind, t->name, injector);
		else if (why_not)
			snprintf(why_not, size, "%s %s does not carry our CA yet", t->kind, t->name);
		return false;
	}
	return true;
}
