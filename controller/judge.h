/* judge.h - what the evidence says: of a group's master, and of who has its data. Pure. */
#ifndef CODIS_CONTROLLER_JUDGE_H
#define CODIS_CONTROLLER_JUDGE_H

#include <stdbool.h>

#include "controller/view.h"

enum bound_policy {
	BOUND_NEVER,
	BOUND_AUTO,   /* where it still has a replica in sync when one falls away */
	BOUND_ALWAYS, /* while it has a replica in sync */
};

struct decide_limits {
	int silence_ms; /* a server that does not answer is given up after this, when its replica says so too: 1,000 */
	int io_s;       /* ... and the replica has not heard it for so many seconds: 2 */
	int cold_wait_ms;        /* a group whose members are not all there gets its roles after this: 15,000 */
	int down_ms;             /* a server that ended is not awaited longer, when its sibling serves: 3,000 */
	int proxy_gone_ms;       /* a proxy that refuses is dropped after this: 3,000 */
	int node_loss_ms;        /* a node that is NotReady and silent for so long is lost: 60,000; -1: never */
	enum bound_policy bound; /* whether a master that is cut off stops taking writes */
	int standby_ms; /* a master that is lost for so long is replaced by a controller that does not lead: 300 */
	int unsure_ms;  /* a controller that led is as one that does not, once its lease has been unsure for so long:
			   4,000 */
	/* Limits. */
	int silent_failovers; /* an hour in a group; more: only over a master that was silent for patience_ms. 0: any */
	int patience_ms;      /* 30,000 */
	int deletions;        /* of pods a minute, in all clusters: 30 */
	int cluster_deletions; /* ... in one of them: 10 */
};
#define DECIDE_LIMITS                                                                                                  \
	{                                                                                                              \
		.silence_ms = 1000, .io_s = 2, .cold_wait_ms = 15000, .down_ms = 3000, .proxy_gone_ms = 3000,          \
		.standby_ms = 300, .unsure_ms = 4000, .node_loss_ms = 60000, .bound = BOUND_AUTO,                      \
		.silent_failovers = 12, .patience_ms = 30000, .deletions = 30, .cluster_deletions = 10                 \
	}

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
/* The same of any server of the group, as if it was the declared one. */
enum master_verdict judge_as_master(const struct cluster_view *v, const struct group_view *g,
				    const struct server_view *m, const struct decide_limits *limits, const char **why);

/* It has been silent for half a second, for who does not lead for standby_ms more, and a witness does not hear it: it
 * may be about to fail by evidence. */
bool judge_suspected(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
		     const struct decide_limits *limits);
/* By evidence a promotion is due: the declared master has failed, or it has no role yet and the one that it was to
 * replace has failed. */
bool judge_lost(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits);

/* It answers, and has loaded its data. */
bool judge_heard(const struct server_view *s);
/* It answers that it loads its file: what it has is not known yet. */
bool judge_loads(const struct server_view *s);
/* The address has a pod that is of another group, or of another cluster. Of which group a pod is may not be known (0):
 * that tells nothing, nor does it where the process that had its role in this group was heard last, and has not ended.
 */
bool judge_of_another_group(const struct server_view *s, int gid);
bool judge_has_pod(const struct server_view *s);
/* It gives no INFO, and its kernel lives, so it may at any time: it takes connections, or answers with errors. */
bool judge_may_wake(const struct server_view *s);
/* A master that nobody knows, at the address of a pod of ours: the pod may have ended, as we are told some seconds
 * later, and its address be another cluster's. */
bool judge_may_be_a_stranger(const struct cluster_view *v, const struct server_view *s);
/* It has no pod: it had one, which is no more; or all pods of its group are seen, and none has its address; or the
 * first of them is, and it has not answered for cold_wait_ms. One of a group of which no pod is seen (unlabelled, made
 * by hand) may well live. */
bool judge_pod_is_gone(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
		       const struct decide_limits *limits);
/* For how long it has been so, not counting what lies before a clock jump. */
int64_t judge_lasting_ms(const struct cluster_view *v, int64_t since_ms);

/* Its pod is being deleted, or its preStop hook says that it ends, and lets a replica go. */
bool judge_about_to_go(const struct server_view *s);
/* Its hook says so since ending_ms, and lets it go, as its link to a master is up: what is given to it now ends with
 * it. One that is still there later waits for a role. */
bool judge_lets_go(const struct redis_info *info, int64_t ending_ms, int64_t now_ms);
/* The replica with the most of what m sent; NULL: none has what m had. must_be_synced: and is in sync with it now. One
 * whose pod is being deleted, or that says it is about to end, is the last choice; where it must be synced it is none,
 * and one on a cordoned node is the last. */
const struct server_view *judge_best_replica(const struct cluster_view *v, const struct group_view *g,
					     const struct server_view *m, bool must_be_synced);
/* A replica that may have more of what m sent than another one that was heard since: it is being asked, or said last
 * what it had when m still was well. m has not failed for long. */
bool judge_more_to_hear(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
			const struct server_view *best);
/* So many bytes less than its master, which is not heard any more, had said before that it had sent. */
int64_t judge_lacks(const struct server_view *s, const struct server_view *m);
#define JUDGE_HELD_MAX 600
/* Why nobody takes over from a master that has failed, and the command by which a person insists, written to out; NULL:
 * nothing holds it up but time. */
const char *judge_held_up(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits,
			  char out[JUDGE_HELD_MAX]);
/* Where no member has a role: who has the newest data, as far as is known. NULL: it is to be waited for others. */
const struct server_view *judge_newest(const struct cluster_view *v, const struct group_view *g,
				       const struct decide_limits *limits);

/* The master whose pod is being deleted while nobody has its keys: its preStop hook waits until a replica is in sync,
 * for as long as the grace period allows. NULL: nobody waits. */
const struct server_view *judge_last_holder(const struct cluster_view *v, const struct group_view *g);
/* So many silent masters of the group were replaced in an hour that the next one is awaited for longer. */
bool judge_is_patient(const struct group_view *g, const struct decide_limits *limits);
/* Slots are moved from the group or to it, or wait for their turn, as the dashboard said last. It moves their keys from
 * server to server, past every lock on the proxies. */
bool judge_slots_move(const struct cluster_view *v, int gid);
/* The group's master lives, and is to hand over: its pod ends, or its node is about to be drained. */
bool judge_leaves(const struct cluster_view *v, const struct group_view *g);

/* A master that only we may not hear, and that may hold the only data. */
bool judge_may_live(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
		    const struct decide_limits *limits);

#endif
