/* budgets.h - the PodDisruptionBudgets of the cluster, kept by list and watch, and the warning that none protects the
 * servers of a StatefulSet. */
#ifndef CODIS_WEBHOOK_BUDGETS_H
#define CODIS_WEBHOOK_BUDGETS_H

#include <uv.h>

#include "webhook/validate.h"

struct admission_request;
struct admission_verdict;
struct error;
struct informer;
struct kube_client;

/* on_error is told each list or watch that fails. NULL and *err on failure; informer_stop() ends it. */
struct informer *budgets_watch(uv_loop_t *uv, struct kube_client *kube,
			       void (*on_error)(void *ctx, const struct error *err), void *ctx, struct error *err);

/* The lookup of struct lookups; ctx is the informer. */
int budgets_each(void *ctx, int (*fn)(void *arg, const cJSON *budget), void *arg);

/* Warns when no budget of its namespace selects the pods of this codis-server StatefulSet: when it is made, and when a
 * change of its labels takes the pods from the one that did. Pure. */
void check_budget(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v);

#endif
