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
#include "common/net/http.h"

#define UNDER_WAY_MAX    100
#define PER_SECOND       20
#define NOTE_MAX         1024 /* bytes; the API server refuses more */
#define EVENT_TIMEOUT_MS 5000

struct slot {
	struct kube_events *events;
	struct http_call *call; /* NULL: free */
};

struct kube_events {
	struct kube_client *kube;
	char component[128], instance[128];
	struct slot slots[UNDER_WAY_MAX];
	int64_t tokens_ms; /* of the bucket: one event costs 1000 / PER_SECOND */
	int64_t filled_ms;
	struct metric *dropped;
};

struct kube_events *kube_events_new(struct kube_client *c, const char *component, const char *instance,
				    struct metric *dropped)
{
	struct kube_events *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->kube = c;
	snprintf(e->component, sizeof(e->component), "%s", component);
	snprintf(e->instance, sizeof(e->instance), "%s", instance);
	e->dropped = dropped;
	e->tokens_ms = 1000;
	e->filled_ms = clock_mono_ms();
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

static bool take_token(struct kube_events *e)
{
	int64_t now = clock_mono_ms();

	e->tokens_ms += now - e->filled_ms;
	if (e->tokens_ms > 1000)
		e->tokens_ms = 1000;
	e->filled_ms = now;
	if (e->tokens_ms < 1000 / PER_SECOND)
		return false;
	e->tokens_ms -= 1000 / PER_SECOND;
	return true;
}

static struct slot *free_slot(struct kube_events *e)
{
	for (int i = 0; i < UNDER_WAY_MAX; i++)
		if (!e->slots[i].call)
			return &e->slots[i];
	return NULL;
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

static void add_name(cJSON *metadata, const cJSON *involved, bool once, const char *reason, const char *note)
{
	uint64_t hash = HASH_INIT;

	if (!once) { /* the API server makes one */
		json_add_fmt(metadata, "generateName", "%s.", meta(involved, "name"));
		return;
	}
	hash = hash_text(hash_text(hash_text(hash, meta(involved, "uid")), reason), note);
	json_add_fmt(metadata, "name", "%s.%016" PRIx64, meta(involved, "name"), hash);
}

/* core/v1, which kubectl describe reads. */
static cJSON *event_object(const struct kube_events *e, const char *kind, const cJSON *involved, bool warning,
			   bool once, const char *reason, const char *note)
{
	cJSON *event = cJSON_CreateObject(), *metadata = json_add_object(event, "metadata");
	char now[40];

	clock_rfc3339(clock_wall_ms(), now, sizeof(now));
	json_add_str(event, "apiVersion", "v1");
	json_add_str(event, "kind", "Event");
	json_add_str(metadata, "namespace", namespace_of(involved));
	add_name(metadata, involved, once, reason, note);
	add_involved(event, kind, involved);
	json_add_str(event, "type", warning ? "Warning" : "Normal");
	json_add_str(event, "reason", reason);
	json_add_str(event, "message", note);
	json_add_str(json_add_object(event, "source"), "component", e->component);
	json_add_str(event, "reportingComponent", e->component);
	json_add_str(event, "reportingInstance", e->instance);
	json_add_str(event, "firstTimestamp", now);
	json_add_str(event, "lastTimestamp", now);
	json_add_int(event, "count", 1);
	return event;
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static void on_posted(void *ctx, const cJSON *object, const struct error *err)
{
	struct slot *slot = ctx;

	(void)object;
	slot->call = NULL;
	if (err && err->code != ERR_EXISTS)
		metric_add(slot->events->dropped, 1);
}

static __attribute__((format(printf, 7, 0))) void post(struct kube_events *e, const char *kind, const cJSON *involved,
						       bool warning, bool once, const char *reason, const char *fmt,
						       va_list ap)
{
	JSON_CLEANUP cJSON *event = NULL;
	struct slot *slot = free_slot(e);
	char note[NOTE_MAX + 2], path[256];

	if (!slot || !take_token(e)) {
		metric_add(e->dropped, 1);
		return;
	}
	vsnprintf(note, sizeof(note), fmt, ap);
	note[text_fit(note, NOTE_MAX)] = '\0';
	event = event_object(e, kind, involved, warning, once, reason, note);
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/events", namespace_of(involved));
	slot->call = kube_call(e->kube, "POST", path, event, NULL, EVENT_TIMEOUT_MS, on_posted, slot, NULL);
	if (!slot->call)
		metric_add(e->dropped, 1);
}

void kube_event(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	post(e, kind, involved, warning, false, reason, fmt, ap);
	va_end(ap);
}

void kube_event_once(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	post(e, kind, involved, warning, true, reason, fmt, ap);
	va_end(ap);
}
