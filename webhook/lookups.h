/* lookups.h - what is looked up besides the object that is asked about: the StatefulSets and budgets that there are. */
#ifndef CODIS_WEBHOOK_LOOKUPS_H
#define CODIS_WEBHOOK_LOOKUPS_H

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdbool.h>

#include "common/codis/pod.h"

struct admission_verdict;
struct budgets;
struct inventory;
struct inventory_watch;
struct namespaces;

/* What is known of the cluster beside the request. All may be called on any thread. */
struct lookups {
	void *ctx;
	/* Calls fn with the StatefulSet, or with NULL when it is not known; it may not be kept. */
	void (*find)(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set),
		     void *arg);
	/* Calls fn for each StatefulSet (of all namespaces) until it returns non-zero. */
	void (*each)(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg);
	/* Why it cannot be told, as far as the other StatefulSets say, which product these servers are of; "" when it
	 * can. NULL: it always can. */
	void (*trouble)(void *ctx, const cJSON *set, char why[POD_WHY_MAX]);
	/* Whether the namespace is being deleted. NULL: never. */
	bool (*is_ending)(void *ctx, const char *namespace);
	/* True when nothing was heard of StatefulSets for so long that they may be others by now: that, as a sentence
	 * without its full stop. NULL: never. */
	bool (*is_stale)(void *ctx, char *why, size_t size);
	/* Calls fn with each PodDisruptionBudget likewise; -1: they are not known. NULL: never. */
	void *budgets;
	int (*each_budget)(void *budgets, int (*fn)(void *arg, const cJSON *budget), void *arg);
	/* Whose schedulerName pods get; an option of this program. NULL: CODIS_SCHEDULER_NAME. */
	const char *scheduler;
};

/* What `trouble` above says by an inventory of the others. */
void lookups_trouble(const struct inventory *inv, const cJSON *set, char why[POD_WHY_MAX]);

/* Adds to a refusal that rests on StatefulSets that were heard of long ago that it does. */
void lookups_say_age(const struct lookups *lookups, struct admission_verdict *v);

/* Whether a StatefulSet of Codis' own programs (server, proxy, dashboard) is known in the namespace. */
bool lookups_has_codis(const struct lookups *lookups, const char *namespace);

/* Whether the StatefulSet is of that component, in the namespace, and of the asker's product as far as both say; *pod
 * is then what its template says. */
bool lookups_is_of(const cJSON *set, const char *namespace, const struct codis_pod *asker,
		   enum codis_component component, struct codis_pod *pod);

/* "--etcd" or "--filesystem", where such a StatefulSet is told that and none of the product runs by ZooKeeper, which is
 * what codis-controller reads: nobody would give the server a role. NULL: none is known. */
const char *lookups_other_coordinator(const struct lookups *lookups, const char *namespace,
				      const struct codis_pod *server);

/* Where it is looked up; outlives the lookups. */
struct lookups_source {
	pthread_mutex_t *lock; /* of the inventory */
	const struct inventory *inventory;
	struct inventory_watch *watch;
	struct budgets *budgets;
	struct namespaces *ending; /* those that are being deleted */
};

struct lookups lookups_in(struct lookups_source *source);

#endif
