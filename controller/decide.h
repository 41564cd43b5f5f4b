/* decide.h - what to do, from what is seen. Pure: no clock, no I/O, no allocation; unit tests call it with
 * views of their own. */
#ifndef CODIS_CONTROLLER_DECIDE_H
#define CODIS_CONTROLLER_DECIDE_H

#include "controller/action.h"
#include "controller/view.h"

struct decide_limits {
	int silence_ms; /* a server that does not answer is given up after this, when its replica says so too: 1,000 */
	int io_s;       /* ... and the replica has not heard it for so many seconds: 2 */
	int cold_wait_ms;  /* a group whose members are not all there gets its roles after this: 15,000 */
	int down_ms;       /* a server that ended is not awaited longer, when its sibling serves: 3,000 */
	int proxy_gone_ms; /* a proxy that refuses is dropped after this: 3,000 */
};
#define DECIDE_LIMITS                                                                                                  \
	{                                                                                                              \
		.silence_ms = 1000, .io_s = 2, .cold_wait_ms = 15000, .down_ms = 3000, .proxy_gone_ms = 3000           \
	}

/* Fills out with at most max actions, the most urgent first; at most one a group, a proxy and the dashboard. Returns
 * how many. What does not fit comes back at the next call, since everything is decided from what is seen. */
int decide(const struct cluster_view *v, const struct decide_limits *limits, struct action *out, int max);

/* What is known about the declared master of a group; also shown in the status. */
enum master_verdict {
	MASTER_NONE,    /* the group has no declared master */
	MASTER_UNKNOWN, /* not enough is known: wait */
	MASTER_HEALTHY,
	MASTER_ROLELESS, /* declared, alive, with its data, but not in the role: a promotion was interrupted */
	MASTER_FAILED,   /* by two views */
};
enum master_verdict judge_master(const struct cluster_view *v, const struct group_view *g,
				 const struct decide_limits *limits, const char **why);

#endif
