/* watch.h - feeds the extender's state from the API server: all nodes, and the pods that are Codis'. */
#ifndef CODIS_EXTENDER_WATCH_H
#define CODIS_EXTENDER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct error;
struct extender;
struct kube_client;
struct kube_events;
struct watch;

/* Starts the watches; what is given must outlive them. NULL and *err on failure. */
struct watch *watch_start(uv_loop_t *uv, struct kube_client *c, struct kube_events *events, struct extender *e,
			  struct error *err);
void watch_stop(struct watch *w); /* NULL-safe */

/* Whether everything was listed and has been heard of lately; else one sentence. ctx is a struct watch. Any thread. */
bool watch_ready(void *ctx, char *why_not, size_t size);

#endif
