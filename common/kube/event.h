/* event.h - Kubernetes Events about an object, so that `kubectl describe` tells what we did and why. */
#ifndef CODIS_KUBE_EVENT_H
#define CODIS_KUBE_EVENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct kube_client;
struct kube_events;
struct metrics;

/* component: "codis-controller"; instance: the pod's name. Copied. At most 20 a second, in equal shares for the
 * namespaces that have something to say (share.h), and 100 under way; what is over is dropped. The same about the same
 * object, but for numbers behind a "group N" that it begins with, is one Event that counts, written 10 times at once
 * and then once in 5 minutes; 512 such are remembered, 128 of a namespace. dropped: the name of a counter, by
 * namespace, of what is, and of what the API server does not take; it and metrics outlive them. */
struct kube_events *kube_events_new(struct kube_client *c, const char *component, const char *instance,
				    struct metrics *metrics, const char *dropped);
void kube_events_free(struct kube_events *e);
/* done is called once nothing is under way any more: at once, or within 5 s. Once, and before kube_events_free. e NULL:
 * at once. */
void kube_events_flush(struct kube_events *e, void (*done)(void *ctx), void *ctx);

/* involved: a pod or another object with kind/apiVersion or, as in a list, without (then kind is `kind`).
 * e NULL: nothing is told. reason: CamelCase ("Promoted"); note: one sentence. warning: type Warning, else Normal. Best
 * effort. */
void kube_event(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* The same, named after its object and words instead of at random: of the programs that see and tell the same, one gets
 * it in, and saying it again adds nothing until the Event has expired. */
void kube_event_once(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		     const char *fmt, ...) __attribute__((format(printf, 6, 7)));

#endif
