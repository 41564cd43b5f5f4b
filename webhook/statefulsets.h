/* statefulsets.h - the StatefulSets of the cluster, as far as validation needs them: kept by list and watch. */
#ifndef CODIS_WEBHOOK_STATEFULSETS_H
#define CODIS_WEBHOOK_STATEFULSETS_H

#include <uv.h>

#include "webhook/validate.h"

struct error;
struct informer;
struct kube_client;

/* on_error is told each list or watch that fails. NULL and *err on failure; informer_stop() ends it. */
struct informer *statefulsets_watch(uv_loop_t *uv, struct kube_client *kube,
				    void (*on_error)(void *ctx, const struct error *err), void *ctx, struct error *err);

/* The lookups of validate(). */
struct lookups statefulsets_lookups(struct informer *sets);

#endif
