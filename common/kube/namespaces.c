#include "common/kube/namespaces.h"

#include <stdlib.h>

#include "common/base/error.h"
#include "common/kube/informer.h"

struct namespaces {
	struct informer *informer;
	struct namespaces_config cfg;
};

/* Its name alone is asked for. */
static void prune(cJSON *namespace)
{
	cJSON_DeleteItemFromObjectCaseSensitive(namespace, "spec");
	cJSON_DeleteItemFromObjectCaseSensitive(namespace, "status");
}

static void on_set(void *ctx, const cJSON *namespace, const cJSON *old)
{
	struct namespaces *n = ctx;

	(void)namespace;
	if (!old && n->cfg.on_change)
		n->cfg.on_change(n->cfg.ctx);
}

static void on_delete(void *ctx, const cJSON *namespace)
{
	struct namespaces *n = ctx;

	(void)namespace;
	if (n->cfg.on_change)
		n->cfg.on_change(n->cfg.ctx);
}

static void on_error(void *ctx, const struct error *err)
{
	struct namespaces *n = ctx;

	if (n->cfg.on_error)
		n->cfg.on_error(n->cfg.ctx, err);
}

struct namespaces *namespaces_start(uv_loop_t *uv, struct kube_client *kube, const struct namespaces_config *cfg,
				    struct error *err)
{
	struct namespaces *n = calloc(1, sizeof(*n));
	struct informer_config informer = { .path = "/api/v1/namespaces",
					    .label_selector = cfg->selector,
					    .field_selector = cfg->field_selector,
					    .prune = prune,
					    .on_set = on_set,
					    .on_delete = on_delete,
					    .on_error = on_error,
					    .ctx = n };

	if (!n) {
		error_set(err, ERR_NOMEM, "namespaces: no memory");
		return NULL;
	}
	n->cfg = *cfg;
	n->informer = informer_start(uv, kube, &informer, err);
	if (!n->informer) {
		free(n);
		return NULL;
	}
	return n;
}

void namespaces_stop(struct namespaces *n)
{
	if (!n)
		return;
	informer_stop(n->informer);
	free(n);
}

bool namespaces_known(const struct namespaces *n)
{
	return informer_synced(n->informer);
}

static int is_there(void *ctx, const cJSON *namespace)
{
	(void)ctx;
	return namespace != NULL;
}

bool namespaces_match(const struct namespaces *n, const char *namespace)
{
	return informer_read(n->informer, namespace, is_there, NULL) != 0;
}
