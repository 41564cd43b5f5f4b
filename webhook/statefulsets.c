#include "webhook/statefulsets.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/kube/informer.h"

static cJSON *child(cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* kubectl's last-applied-configuration is the whole object once more. */
static void prune_annotations(cJSON *annotations)
{
	cJSON *item = annotations ? annotations->child : NULL;

	while (item) {
		cJSON *next = item->next;

		if (strncmp(item->string, "codis.io/", 9) != 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(annotations, item));
		item = next;
	}
}

/* Of the whole cluster's StatefulSets most are none of ours. */
static void prune(cJSON *set)
{
	cJSON *spec = child(set, "spec"), *pod = child(child(spec, "template"), "spec");

	cJSON_DeleteItemFromObjectCaseSensitive(set, "status");
	prune_annotations(child(child(set, "metadata"), "annotations"));
	cJSON_DeleteItemFromObjectCaseSensitive(spec, "volumeClaimTemplates");
	cJSON_DeleteItemFromObjectCaseSensitive(pod, "volumes");
	cJSON_DeleteItemFromObjectCaseSensitive(pod, "initContainers");
	cJSON_DeleteItemFromObjectCaseSensitive(pod, "affinity");
}

struct informer *statefulsets_watch(uv_loop_t *uv, struct kube_client *kube,
				    void (*on_error)(void *ctx, const struct error *err), void *ctx, struct error *err)
{
	struct informer_config config = {
		.path = "/apis/apps/v1/statefulsets", .prune = prune, .on_error = on_error, .ctx = ctx
	};

	return informer_start(uv, kube, &config, err);
}

struct found {
	void (*fn)(void *arg, const cJSON *set);
	void *arg;
};

static int on_found(void *ctx, const cJSON *set)
{
	struct found *f = ctx;

	f->fn(f->arg, set);
	return 0;
}

static void find(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set), void *arg)
{
	struct found f = { fn, arg };
	char key[512];

	snprintf(key, sizeof(key), "%s/%s", namespace, name);
	informer_read(ctx, key, on_found, &f);
}

static void each(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	informer_each(ctx, fn, arg);
}

struct lookups statefulsets_lookups(struct informer *sets)
{
	return (struct lookups){ .ctx = sets, .find = find, .each = each };
}
