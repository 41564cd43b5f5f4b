/* lookups.h - what validation looks up besides the object it is asked about: the StatefulSets and budgets that there
 * are. Any thread. */
#ifndef CODIS_WEBHOOK_LOOKUPS_H
#define CODIS_WEBHOOK_LOOKUPS_H

#include <pthread.h>

#include "webhook/validate.h"

struct budgets;
struct inventory;
struct inventory_watch;

/* Where it is looked up; outlives the lookups. */
struct lookups_source {
	pthread_mutex_t *lock; /* of the inventory */
	const struct inventory *inventory;
	struct inventory_watch *watch;
	struct budgets *budgets;
};

struct lookups lookups_in(struct lookups_source *source);

#endif
