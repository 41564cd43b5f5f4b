/* inventory_watch.h - feeds an inventory from the API server: all nodes, the pods that are Codis', all StatefulSets.
 * The one place that knows by which selectors they are asked for. Everything but the two questions at the end is for
 * the loop's thread. */
#ifndef CODIS_CODIS_INVENTORY_WATCH_H
#define CODIS_CODIS_INVENTORY_WATCH_H

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct error;
struct inventory;
struct inventory_watch;
struct kube_client;

enum inventory_part {
	INVENTORY_NODES = 1,
	INVENTORY_PODS = 2,
	INVENTORY_SETS = 4,
};

struct inventory_watch_config {
	struct inventory *inventory;
	pthread_mutex_t *lock; /* is taken around each change of the inventory; NULL where one thread has it */
	unsigned parts;        /* enum inventory_part, or-ed */
	bool keep_sets;        /* for inventory_watch_read_set and inventory_watch_each_set */
	const char *program;   /* for the sentences of inventory_watch_ready; must outlive the watch */

	/* After the inventory was told, without the lock; any may be NULL. old: NULL for one that is new. Objects are
	 * pruned to what codis_pod_read() reads; each list tells all of them again. Of one that is gone there may be
	 * no more than its name and uid. */
	void (*on_pod)(void *ctx, const cJSON *pod, const cJSON *old);
	void (*on_pod_gone)(void *ctx, const cJSON *pod);
	/* A pod or set that cannot be read, or node; once an object, not at each of its changes. */
	void (*on_unreadable)(void *ctx, const char *resource, const cJSON *object, const struct error *err);
	/* Each list or watch that fails: of "nodes", "pods", "statefulsets". */
	void (*on_error)(void *ctx, const char *resource, const struct error *err);
	void *ctx;
	int hurry; /* for tests, see informer.h */
};

/* What is given must outlive the watch. NULL and *err on failure. */
struct inventory_watch *inventory_watch_start(uv_loop_t *uv, struct kube_client *kube,
					      const struct inventory_watch_config *cfg, struct error *err);
void inventory_watch_stop(struct inventory_watch *w); /* NULL-safe */

/* A StatefulSet as it was heard ("namespace/name"), also one that is none of Codis' (of which only its name is kept);
 * NULL: not known. fn is called under a lock: be short, keep nothing. Any thread. */
int inventory_watch_read_set(struct inventory_watch *w, const char *key, int (*fn)(void *ctx, const cJSON *set),
			     void *ctx);
int inventory_watch_each_set(struct inventory_watch *w, int (*fn)(void *ctx, const cJSON *set), void *ctx);

/* The API server sends a bookmark each 60 to 75 s: when one did not come for certain, what is known of Kubernetes is no
 * evidence for what is now. The informers give a mute watch up a little sooner (INFORMER_MUTE_MS). */
#define INVENTORY_FRESH_MS 130000

/* Whether everything was listed and has been heard of within INVENTORY_FRESH_MS; else one sentence. Any thread. */
bool inventory_watch_ready(const struct inventory_watch *w, char *why_not, size_t size);
/* The same within max_age_ms. Any thread. */
bool inventory_watch_fresh(const struct inventory_watch *w, int64_t max_age_ms);
/* How long ago, at the most, all that there was of the pods was heard. Any thread. */
int64_t inventory_watch_pods_age_ms(const struct inventory_watch *w);

#endif
