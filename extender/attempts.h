/* attempts.h - which nodes a pod was offered before. A pod that is asked for again did not come to stand where it was
 * to be: a volume was not made, another extender refused it, it could not be bound. So it is offered others, as long as
 * there are others. No clock, no lock. Times are clock_mono_ms(). */
#ifndef CODIS_EXTENDER_ATTEMPTS_H
#define CODIS_EXTENDER_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/base/table.h"

/* Of a pod: some times what a scheduler looks at of a large cluster; of more, those that were offered last. */
#define ATTEMPTS_NODES 512
/* Pods; of more, those that were asked for last. */
#define ATTEMPTS_PODS 4096
/* What is older is forgotten. */
#define ATTEMPTS_MS (10 * 60 * 1000)

struct attempt {
	uint32_t node;                  /* names_hash() of its name */
	uint32_t times : 8, offer : 24; /* 0 times: free; which of the pod's offers was the last of it */
};

struct attempts_of {
	struct table_link by_uid;
	TAILQ_ENTRY(attempts_of) by_last;
	int64_t last_ms;
	uint32_t offers; /* how often the pod was offered something */
	uint32_t count, room;
	bool put_off;      /* its last attempt had no node, and was told to come again */
	int64_t until_ms;  /* of its calls without a node, those before are of the same attempt */
	uint64_t seen[64]; /* a bit for each node, by the highest of its hash: most of those that were not offered lack
			      theirs */
	struct attempt *nodes; /* by their hashes, and behind those that have it too; room: a power of two, or 0 */
	char uid[];
};

struct attempts {
	struct table by_uid;
	TAILQ_HEAD(, attempts_of) by_last;
};

void attempts_init(struct attempts *a);
void attempts_release(struct attempts *a);

/* Of a pod, or NULL. */
struct attempts_of *attempts_find(struct attempts *a, const char *uid, int64_t now_ms);
/* The same, made where there is none. NULL: no memory; then nothing is remembered. */
struct attempts_of *attempts_of(struct attempts *a, const char *uid, int64_t now_ms);
/* The pod is bound or gone. */
void attempts_drop(struct attempts *a, const char *uid);

/* A node is offered once more, in the last of the offers. */
void attempts_add(struct attempts_of *of, uint32_t node);
/* How often it was. */
uint32_t attempts_times(const struct attempts_of *of, uint32_t node);

#endif
