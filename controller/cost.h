/* cost.h - what one cluster may cost this process. Its peers are whoever its pods and its ZooKeeper name: one that
 * answers megabytes, or changes its tree a thousand times a second, shall not slow down the clusters of others. Pure.
 */
#ifndef CODIS_CONTROLLER_COST_H
#define CODIS_CONTROLLER_COST_H

#include <stdbool.h>
#include <stdint.h>

/* Of one core. 125 groups in which all is well take less than 1 %. */
#define COST_PERCENT 20
/* May be spent at once: a start of 1,000 groups, or the end of a node, takes less. */
#define COST_BURST_US 2000000
/* A debt is no more than this, so that it is over in seconds. */
#define COST_DEBT_US 1000000

struct cost {
	int64_t left_us; /* below 0: too much was spent */
	int64_t seen_ms; /* monotonic; 0: never */
	bool over;       /* the cluster is to be asked seldom, until half of the burst is there again */
};

/* Takes what was spent since the last time; whether `over` has changed. */
bool cost_spend(struct cost *c, int64_t spent_us, int64_t now_ms);

#endif
