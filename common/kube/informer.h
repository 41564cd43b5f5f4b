/* informer.h - list and watch with a local store, as client-go's reflector does it: resourceVersion is opaque,
 * bookmarks, server-side timeout of 300-600 s at random, 410 (as HTTP or as an ERROR event) -> list again and replace,
 * backoff 800 ms -> 30 s with jitter and no shorter than the server asks for (Retry-After, at most a minute), at most
 * one watch a second, bounded lines.
 *
 * Where it does more than client-go:
 * - An object that was made anew under its name is told as deleted and then as new, also where a list or a change
 *   is all that is seen of it.
 * - A resourceVersion that goes back (etcd was restored) leads to a new list, and what differs is told even under the
 *   version that it had. (Not seen is a restore whose versions have overtaken ours before we ask again; against that
 *   etcd has `etcdutl snapshot restore --bump-revision`.)
 * - A watch that says nothing is not believed for long (INFORMER_MUTE_MS).
 * - A list goes into the store page by page, so that no more than a page is held unpruned. Until on_synced what is seen
 *   is partly as it was before the list, object by object.
 * - One object without a name or a uid is left out and told (once a minute); all others are seen.
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
struct stored_name;

/* A watch that says nothing for so long is given up: the API server sends a bookmark about each minute. Where the next
 * one says nothing at once, all is listed. When the list shows that nothing was missed the API server was heard; else
 * it counts as not heard until a watch says something. */
#define INFORMER_MUTE_MS 120000

struct informer_config {
	const char *path;             /* "/api/v1/pods", "/apis/apps/v1/namespaces/x/statefulsets" */
	const char *label_selector;   /* not URL-encoded; or NULL */
	const char *field_selector;   /* likewise */
	void (*prune)(cJSON *object); /* drops what is never read (managedFields goes anyway, but for */
	bool keep_managers;           /* this); or NULL */
	/* What is told is kept elsewhere: here names, uids and versions alone. Then every list tells all objects again,
	 * `old` is the object itself (it only says that there was one), of what is gone no more than its name and uid
	 * may be told, and informer_read and informer_each find nothing. */
	bool names_only;
	/* object: as stored, valid until it changes. old: what it was, or NULL when it is new. Either may be NULL:
	 * whoever only reads the store needs no telling. */
	void (*on_set)(void *ctx, const cJSON *object, const cJSON *old);
	void (*on_delete)(void *ctx, const cJSON *object); /* as it was last seen */
	void (*on_synced)(void *ctx);                      /* after every complete list; or NULL */
	/* Each failed list or watch, before the backoff; or NULL. */
	void (*on_error)(void *ctx, const struct error *err);
	void *ctx;
	int mute_ms;      /* 0: INFORMER_MUTE_MS */
	int list_idle_ms; /* a list of which nothing came for so long is asked for again; 0: 10 s */
	int hurry;        /* for tests: waits are divided by this; 0: 1 */
	int page;         /* how many objects are asked for at once; 0: 100 */
};

/* Strings are copied. Starts at once. NULL and *err on failure. */
struct informer *informer_start(uv_loop_t *uv, struct kube_client *c, const struct informer_config *cfg,
				struct error *err);
void informer_stop(struct informer *i); /* NULL-safe */

/* For the owner's callbacks: what they were told could not be kept, for lack of memory. A list follows after a pause,
 * in which everything is told again; until it is complete the informer is not synced. On the loop. */
void informer_tell_again(struct informer *i);

/* True after the first complete list, but see informer_tell_again. Any thread. */
bool informer_synced(const struct informer *i);
/* Milliseconds since the API server was last heard (an event, a bookmark, a list, but see INFORMER_MUTE_MS); -1 before
 * the first. Any thread. */
int64_t informer_age_ms(const struct informer *i);
/* Milliseconds since it had all that there was: a complete list, a bookmark, or events that had been coming for a
 * while. The first event after a gap says nothing of what else was missed, nor does the first page of a list. -1 before
 * the first. Any thread. */
int64_t informer_whole_age_ms(const struct informer *i);

/* The uid and version of the object "namespace/name" that was last heard. False: there is none. On the loop; valid
 * until it changes. */
bool informer_name(struct informer *i, const char *key, struct stored_name *out);

/* Calls fn with the object "namespace/name" ("name" where cluster-wide), or NULL when it is not there, under the
 * store's lock: be short, keep nothing. Any thread. Returns fn's value. */
int informer_read(struct informer *i, const char *key, int (*fn)(void *ctx, const cJSON *object), void *ctx);
/* Calls fn for every object until it returns non-zero. Any thread, same rules. */
int informer_each(struct informer *i, int (*fn)(void *ctx, const cJSON *object), void *ctx);

#endif
