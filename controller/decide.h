/* decide.h - what to do, from what is seen. Pure: no clock, no I/O, no allocation. The same function runs in
 * production, in the simulation and, later, in `codisctl plan`. */
#ifndef CODIS_CONTROLLER_DECIDE_H
#define CODIS_CONTROLLER_DECIDE_H

#include "controller/view.h"

enum action_kind {
	ACT_PROMOTE,      /* gid, addr: fence, SLAVEOF NO ONE, verify, fill the proxies, reload the dashboard */
	ACT_SWITCH,       /* gid, addr, from: the same with a live master: lock, let the replica catch up first */
	ACT_FOLLOW,       /* gid, addr, master: SLAVEOF */
	ACT_ADD_SERVER,   /* gid, addr: into the group's list */
	ACT_DROP_SERVER,  /* gid, addr: out of it */
	ACT_FILL_PROXY,   /* gid, proxy: slots that point elsewhere than the declared master */
	ACT_ONLINE_PROXY, /* proxy: let the dashboard take it in */
	ACT_REMOVE_PROXY, /* proxy: drop its node */
	ACT_ASSIGN_SLOTS, /* first assignment of all slots */
	ACT_REMOVE_LOCK,  /* the lock of a dashboard that is provably gone */
	ACT_DELETE_POD,   /* pod: its process is not started again while its sibling serves */
	ACT_KINDS
};

struct action {
	enum action_kind kind;
	int gid;
	char addr[CODIS_ADDR_MAX];   /* the server it is about */
	char other[CODIS_ADDR_MAX];  /* FOLLOW: the master; SWITCH: the old master */
	char token[CODIS_TOKEN_MAX]; /* the proxy */
	char pod[VIEW_NAME_MAX], uid[VIEW_UID_MAX];
	const char *why; /* a literal: what was seen */
};

/* The name for logs, metrics and tests: "promote", "switch", ... */
const char *action_name(enum action_kind kind);

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
