#include "common/kube/budgets.h"

#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/informer.h"

struct budgets {
	struct informer *informer;
	struct budgets_config cfg;
};

static void prune(cJSON *budget)
{
	cJSON_DeleteItemFromObjectCaseSensitive(budget, "status");
	cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(budget, "metadata"), "annotations");
}

static void on_delete(void *ctx, const cJSON *budget)
{
	const struct budgets *b = ctx;
	const char *namespace = json_str(budget, "metadata", "namespace", NULL);

	if (b->cfg.on_change && namespace)
		b->cfg.on_change(b->cfg.ctx, namespace);
}

/* Its status changes with each pod that it selects. */
static void on_set(void *ctx, const cJSON *budget, const cJSON *old)
{
	if (!old || !json_equal(json_get(old, "spec", NULL), json_get(budget, "spec", NULL)) ||
	    !json_equal(json_get(old, "metadata", "labels", NULL), json_get(budget, "metadata", "labels", NULL)))
		on_delete(ctx, budget);
}

static void on_error(void *ctx, const struct error *err)
{
	const struct budgets *b = ctx;

	b->cfg.on_error(b->cfg.ctx, err);
}

struct budgets *budgets_start(uv_loop_t *uv, struct kube_client *kube, const struct budgets_config *cfg,
			      struct error *err)
{
	struct budgets *b = calloc(1, sizeof(*b));
	struct informer_config config = { .path = "/apis/policy/v1/poddisruptionbudgets",
					  .prune = prune,
					  .on_set = on_set,
					  .on_delete = on_delete,
					  .on_error = on_error,
					  .ctx = b };

	if (!b) {
		error_set(err, ERR_NOMEM, "no memory for the budgets");
		return NULL;
	}
	b->cfg = *cfg;
	b->informer = informer_start(uv, kube, &config, err);
	if (b->informer)
		return b;
	free(b);
	return NULL;
}

void budgets_stop(struct budgets *b)
{
	if (!b)
		return;
	informer_stop(b->informer);
	free(b);
}

int budgets_each(void *budgets, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	const struct budgets *b = budgets;

	if (!informer_synced(b->informer))
		return -1;
	informer_each(b->informer, fn, arg);
	return 0;
}

int64_t budgets_age_ms(const struct budgets *b)
{
	return informer_age_ms(b->informer);
}
