/* informer.h - list and watch with a local store, as client-go's reflector does it: resourceVersion is opaque,
 * bookmarks, server-side timeout of 300-600 s at random, 410 (as HTTP or as an ERROR event) -> list again and replace,
 * backoff 800 ms -> 30 s with jitter, bounded lines.
 *
 * Callbacks run on the loop. The store may be read from any thread through informer_read().
 */
#ifndef CODIS_KUBE_INFORMER_H
#define CODIS_KUBE_INFORMER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct error;
struct informer;
struct kube_client;

struct informer_config {
	const char *path;             /* "/api/v1/pods", "/apis/apps/v1/namespaces/x/statefulsets" */
	const char *label_selector;   /* not URL-encoded; or NULL */
	const char *field_selector;   /* likewise */
	void (*prune)(cJSON *object); /* drops what is never read (managedFields goes anyway); or NULL */
	/* object: as stored, valid until it changes. old: what it was, or NULL when it is new. Either may be NULL:
	 * whoever only reads the store needs no telling. */
	void (*on_set)(void *ctx, const cJSON *object, const cJSON *old);
	void (*on_delete)(void *ctx, const cJSON *object);
	void (*on_synced)(void *ctx); /* after every complete list; or NULL */
	/* Each failed list or watch, before the backoff; or NULL. */
	void (*on_error)(void *ctx, const struct error *err);
	void *ctx;
};

/* Strings are copied. Starts at once. NULL and *err on failure. */
struct informer *informer_start(uv_loop_t *uv, struct kube_client *c, const struct informer_config *cfg,
				struct error *err);
void informer_stop(struct informer *i); /* NULL-safe */

/* True after the first complete list. Any thread. */
bool informer_synced(const struct informer *i);
/* Milliseconds since the API server was last heard (an event, a bookmark, a list); -1 before the first. Any thread. */
int64_t informer_age_ms(const struct informer *i);

/* Calls fn with the object "namespace/name" ("name" where cluster-wide), or NULL when it is not there, under the
 * store's lock: be short, keep nothing. Any thread. Returns fn's value. */
int informer_read(struct informer *i, const char *key, int (*fn)(void *ctx, const cJSON *object), void *ctx);
/* Calls fn for every object until it returns non-zero. Any thread, same rules. */
int informer_each(struct informer *i, int (*fn)(void *ctx, const cJSON *object), void *ctx);

#endif
