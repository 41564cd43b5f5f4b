#include "common/kube/event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/kube/share.h"
#include "common/net/http.h"

#define UNDER_WAY_MAX    100
#define NOTE_MAX         1024 /* bytes; the API server refuses more */
#define EVENT_TIMEOUT_MS 5000
/* As client-go's correlator: the same about the same object is one Event that counts; written at once so many times,
 * and then once in five minutes. What comes between is in the count of the next one. */
#define SERIES_MAX   512 /* remembered; then the one that was not used for longest is forgotten */
#define SERIES_EACH  128 /* ... of a namespace; then one of its own */
#define BURST        10
#define SERIES_MS    (5 * 60 * 1000)
#define PAUSE_MAX_MS 60000    /* that the API server can ask for */
#define GROUP        "group " /* how a note begins that is about one: "group 3: ..." */

struct series {
	uint64_t key; /* 0: free */
	uint64_t namespace;
	char name[320];
	int64_t first_ms; /* wall time */
	int64_t count;    /* said, written or not */
	bool writing;     /* a write of it is under way */
	bool there;       /* the API server has it */
	int64_t tokens_ms, filled_ms, used_ms;
};

struct slot {
	struct kube_events *events;
	uint64_t key; /* of the series that it writes; it may be forgotten meanwhile */
	uint64_t namespace;
	char namespace_name[64];
	struct http_call *call; /* NULL: free */
};

struct kube_events {
	struct kube_client *kube;
	char component[128], instance[128];
	struct slot slots[UNDER_WAY_MAX];
	struct shares shares;   /* of namespaces */
	int64_t quiet_until_ms; /* the API server has asked to be left alone */
	struct series series[SERIES_MAX];
	struct metrics *metrics;
	const char *dropped;
	void (*flushed)(void *ctx); /* NULL: nobody waits */
	void *flushed_ctx;
};

struct kube_events *kube_events_new(struct kube_client *c, const char *component, const char *instance,
				    struct metrics *metrics, const char *dropped)
{
	struct kube_events *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->kube = c;
	snprintf(e->component, sizeof(e->component), "%s", component);
	snprintf(e->instance, sizeof(e->instance), "%s", instance);
	e->metrics = metrics;
	e->dropped = dropped;
	for (int i = 0; i < UNDER_WAY_MAX; i++)
		e->slots[i].events = e;
	return e;
}

void kube_events_free(struct kube_events *e)
{
	if (!e)
		return;
	for (int i = 0; i < UNDER_WAY_MAX; i++)
		http_cancel(e->slots[i].call);
	free(e);
}

static bool is_under_way(const struct kube_events *e)
{
	for (int i = 0; i < UNDER_WAY_MAX; i++) {
		if (e->slots[i].call)
			return true;
	}
	return false;
}

void kube_events_flush(struct kube_events *e, void (*done)(void *ctx), void *ctx)
{
	if (!e || !is_under_way(e)) {
		done(ctx);
		return;
	}
	e->flushed = done;
	e->flushed_ctx = ctx;
}

static uint64_t hash_name(const char *namespace)
{
	return hash_text(HASH_INIT, namespace);
}

static void drop(struct kube_events *e, const char *namespace)
{
	char labels[90];

	snprintf(labels, sizeof(labels), "namespace=\"%.63s\"", namespace);
	metric_add(metric_counter(e->metrics, e->dropped, labels, "Events that did not get to the API server."), 1);
}

/* A namespace has no more under way than leaves as many to one that comes; one, where there is room. */
static struct slot *free_slot(struct kube_events *e, uint64_t namespace)
{
	struct slot *found = NULL;
	int its = 0;

	for (int i = 0; i < UNDER_WAY_MAX; i++) {
		struct slot *s = &e->slots[i];

		its += s->call && s->namespace == namespace;
		if (!s->call && !found)
			found = s;
	}
	return !its || its < UNDER_WAY_MAX / (1 + share_count(&e->shares, clock_mono_us())) ? found : NULL;
}

/* --- the object --------------------------------------------------------------------------------------------------- */

static const char *meta(const cJSON *object, const char *name)
{
	const char *value = json_str(object, "metadata", name, NULL);

	return value ? value : "";
}

/* An Event stands in the namespace of its object; that of a cluster-wide one in "default". */
static const char *namespace_of(const cJSON *involved)
{
	const char *namespace = meta(involved, "namespace");

	return *namespace ? namespace : "default";
}

static void add_involved(cJSON *event, const char *kind, const cJSON *involved)
{
	cJSON *ref = json_add_object(event, "involvedObject");
	const char *version = json_str(involved, "apiVersion", NULL), *its_kind = json_str(involved, "kind", NULL);

	json_add_str(ref, "kind", its_kind ? its_kind : kind);
	if (version)
		json_add_str(ref, "apiVersion", version);
	else if (strcmp(kind, "Pod") == 0 || strcmp(kind, "Node") == 0)
		json_add_str(ref, "apiVersion", "v1");
	else if (strcmp(kind, "StatefulSet") == 0)
		json_add_str(ref, "apiVersion", "apps/v1");
	json_add_str(ref, "name", meta(involved, "name"));
	json_add_str(ref, "namespace", meta(involved, "namespace"));
	json_add_str(ref, "uid", meta(involved, "uid"));
}

/* --- what was said already ---------------------------------------------------------------------------------------- */

/* Numbers differ each time that the same is said: how long it took, a port. But what is said of one group of an object
 * is not what is said of another. */
static uint64_t hash_kind(uint64_t hash, const char *note)
{
	char kind[NOTE_MAX + 2];
	size_t n = strncmp(note, GROUP, strlen(GROUP)) == 0 ? strlen(GROUP) : 0;

	n += n ? strspn(note + n, "0123456789") : 0;
	memcpy(kind, note, n);
	for (note += n; *note && n < NOTE_MAX; note++)
		if (*note < '0' || *note > '9')
			kind[n++] = *note;
		else if (!n || kind[n - 1] != '0')
			kind[n++] = '0';
	kind[n] = '\0';
	return hash_text(hash, kind);
}

static uint64_t key_of(const cJSON *involved, bool once, const char *reason, const char *note)
{
	uint64_t hash = hash_text(HASH_INIT, once ? "once" : "");

	hash = hash_text(hash_text(hash, meta(involved, "namespace")), meta(involved, "name"));
	hash = hash_text(hash_text(hash, meta(involved, "uid")), reason);
	hash = once ? hash_text(hash, note) : hash_kind(hash, note);
	return hash ? hash : 1;
}

static struct series *find_series(struct kube_events *e, uint64_t key)
{
	for (int i = 0; i < SERIES_MAX; i++)
		if (e->series[i].key == key)
			return &e->series[i];
	return NULL;
}

/* Named after its object and words: of the programs that see and tell the same, one gets it in. */
static void name_once(struct series *s, const cJSON *involved, const char *reason, const char *note)
{
	uint64_t hash = hash_text(hash_text(hash_text(HASH_INIT, meta(involved, "uid")), reason), note);

	snprintf(s->name, sizeof(s->name), "%.253s.%016" PRIx64, meta(involved, "name"), hash);
}

static void begin_series(struct series *s, uint64_t key, uint64_t namespace, const cJSON *involved)
{
	*s = (struct series){ .key = key, .namespace = namespace, .filled_ms = clock_mono_ms() };
	s->first_ms = clock_wall_ms();
	s->tokens_ms = INT64_C(1) * BURST * SERIES_MS;
	snprintf(s->name, sizeof(s->name), "%.253s.%016" PRIx64, meta(involved, "name"),
		 key ^ (uint64_t)clock_wall_ms() * 0x9e3779b97f4a7c15u);
}

/* Whose place a new series of the namespace takes. */
static struct series *oldest_series(struct kube_events *e, uint64_t namespace)
{
	struct series *oldest = e->series, *own = NULL;
	int its = 0;

	for (int i = 0; i < SERIES_MAX; i++) {
		struct series *s = &e->series[i];
		bool is_its = s->key && s->namespace == namespace;

		its += is_its;
		if (s->used_ms < oldest->used_ms)
			oldest = s;
		if (is_its && (!own || s->used_ms < own->used_ms))
			own = s;
	}
	return its < SERIES_EACH ? oldest : own;
}

static struct series *series_of(struct kube_events *e, uint64_t key, uint64_t namespace, const cJSON *involved)
{
	struct series *s = find_series(e, key);

	if (!s) {
		s = oldest_series(e, namespace);
		begin_series(s, key, namespace, involved);
	}
	s->used_ms = clock_mono_ms();
	return s;
}

static bool series_may_write(struct series *s)
{
	int64_t now = clock_mono_ms(), full = INT64_C(1) * BURST * SERIES_MS;

	s->tokens_ms += now - s->filled_ms;
	s->filled_ms = now;
	if (s->tokens_ms > full)
		s->tokens_ms = full;
	if (s->tokens_ms < SERIES_MS)
		return false;
	s->tokens_ms -= SERIES_MS;
	return true;
}

/* --- the object --------------------------------------------------------------------------------------------------- */

/* What changes each time. */
static void add_latest(cJSON *event, const struct series *s, const char *note)
{
	char now[40];

	json_add_str(event, "message", note);
	json_add_str(event, "lastTimestamp", clock_rfc3339(clock_wall_ms(), now, sizeof(now)));
	json_add_int(event, "count", s->count);
}

/* core/v1, which kubectl describe reads. */
static cJSON *event_object(const struct kube_events *e, const char *kind, const cJSON *involved, bool warning,
			   const struct series *s, const char *reason, const char *note)
{
	cJSON *event = cJSON_CreateObject(), *metadata = json_add_object(event, "metadata");
	char first[40];

	json_add_str(event, "apiVersion", "v1");
	json_add_str(event, "kind", "Event");
	json_add_str(metadata, "namespace", namespace_of(involved));
	json_add_str(metadata, "name", s->name);
	add_involved(event, kind, involved);
	json_add_str(event, "type", warning ? "Warning" : "Normal");
	json_add_str(event, "reason", reason);
	json_add_str(json_add_object(event, "source"), "component", e->component);
	json_add_str(event, "reportingComponent", e->component);
	json_add_str(event, "reportingInstance", e->instance);
	json_add_str(event, "firstTimestamp", clock_rfc3339(s->first_ms, first, sizeof(first)));
	add_latest(event, s, note);
	return event;
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	struct slot *slot = ctx;
	struct kube_events *e = slot->events;
	struct series *s = find_series(e, slot->key);

	(void)object;
	slot->call = NULL;
	if (s)
		s->writing = false;
	if (s)
		s->there =
			!err || (err->code != ERR_NOTFOUND && s->there); /* it had expired: made anew the next time */
	if (err && err->retry_after_s)
		e->quiet_until_ms =
			clock_mono_ms() +
			(err->retry_after_s < PAUSE_MAX_MS / 1000 ? INT64_C(1000) * err->retry_after_s : PAUSE_MAX_MS);
	if (err && err->code != ERR_EXISTS && err->code != ERR_ENDING)
		drop(e, slot->namespace_name);
	if (e->flushed && !is_under_way(e)) {
		void (*flushed)(void *ctx) = e->flushed;

		e->flushed = NULL;
		flushed(e->flushed_ctx);
	}
}

static void write_event(struct kube_events *e, struct slot *slot, struct series *s, const char *namespace,
			const cJSON *event)
{
	char path[640];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/events%s%s", namespace, s->there ? "/" : "",
		 s->there ? s->name : "");
	snprintf(slot->namespace_name, sizeof(slot->namespace_name), "%s", namespace);
	slot->key = s->key;
	slot->namespace = s->namespace;
	slot->call = kube_call(e->kube, s->there ? "PATCH" : "POST", path, event, s->there ? KUBE_MERGE_PATCH : NULL,
			       EVENT_TIMEOUT_MS, on_written, slot, NULL);
	s->writing = slot->call != NULL;
	if (!slot->call)
		drop(e, namespace);
}

static __attribute__((format(printf, 7, 0))) void post(struct kube_events *e, const char *kind, const cJSON *involved,
						       bool warning, bool once, const char *reason, const char *fmt,
						       va_list ap)
{
	JSON_CLEANUP cJSON *event = NULL;
	const char *namespace = namespace_of(involved);
	uint64_t its = hash_name(namespace);
	char note[NOTE_MAX + 2];
	struct slot *slot;
	struct series *s;

	vsnprintf(note, sizeof(note), fmt, ap);
	note[text_fit(note, NOTE_MAX)] = '\0';
	s = series_of(e, key_of(involved, once, reason, note), its, involved);
	s->count++;
	if (s->writing || !series_may_write(s))
		return; /* in the count of the next one */
	slot = free_slot(e, its);
	if (!slot || clock_mono_ms() < e->quiet_until_ms || !share_take(&e->shares, its, clock_mono_us())) {
		drop(e, namespace);
		return;
	}
	if (once) {
		name_once(s, involved, reason, note);
		s->there = false; /* another program's, perhaps: it stays as it is */
		s->count = 1;
	}
	if (s->there) {
		event = cJSON_CreateObject();
		add_latest(event, s, note);
	} else {
		event = event_object(e, kind, involved, warning, s, reason, note);
	}
	write_event(e, slot, s, namespace, event);
}

void kube_event(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return;
	va_start(ap, fmt);
	post(e, kind, involved, warning, false, reason, fmt, ap);
	va_end(ap);
}

void kube_event_once(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		     const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return;
	va_start(ap, fmt);
	post(e, kind, involved, warning, true, reason, fmt, ap);
	va_end(ap);
}
