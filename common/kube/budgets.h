/* budgets.h - the PodDisruptionBudgets of the cluster, kept by list and watch. */
#ifndef CODIS_KUBE_BUDGETS_H
#define CODIS_KUBE_BUDGETS_H

#include <cjson/cJSON.h>
#include <uv.h>

struct error;
struct informer;
struct kube_client;

struct budgets_config {
	/* One of this namespace has another spec or other labels than before, is new or gone; or NULL. */
	void (*on_change)(void *ctx, const char *namespace);
	void (*on_error)(void *ctx, const struct error *err); /* each list or watch that fails */
	void *ctx;
};

struct budgets;

/* NULL and *err on failure. */
struct budgets *budgets_start(uv_loop_t *uv, struct kube_client *kube, const struct budgets_config *cfg,
			      struct error *err);
void budgets_stop(struct budgets *b); /* NULL-safe */

/* Calls fn for each, without its status and annotations, until it returns non-zero, as informer_each() does. 0, or -1:
 * they have not been listed yet. Any thread. budgets: struct budgets. */
int budgets_each(void *budgets, int (*fn)(void *arg, const cJSON *budget), void *arg);
/* As informer_age_ms(). Any thread. */
int64_t budgets_age_ms(const struct budgets *b);

#endif
