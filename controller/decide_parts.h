/* decide_parts.h - what the parts of decide() share: decide_master.c (who leads a group), decide_member.c (the rest of
 * it), decide_proxy.c and decide_dashboard.c (with the slots), decide_switchover.c. All pure. */
#ifndef CODIS_CONTROLLER_DECIDE_PARTS_H
#define CODIS_CONTROLLER_DECIDE_PARTS_H

#include "controller/decide.h"

struct decision {
	const struct cluster_view *v;
	const struct decide_limits *limits;
	struct action *out;
	int count, max;
	int weighed;         /* of these, so many are not held up */
	struct action *held; /* decide_all() */
	int held_count, held_max;
	int deletions;          /* of pods, that are proposed */
	struct action overflow; /* takes what does not fit, so that no place needs a check; it comes back next time */
};

/* The parts, in their order. */
void decide_group(struct decision *d, const struct group_view *g);
void decide_proxy(struct decision *d, const struct proxy_view *p);
void decide_dashboard(struct decision *d);
void decide_scaling(struct decision *d);
void decide_zookeepers(struct decision *d);
/* What a person wishes of a group in which nothing else is to be done. */
void decide_switchover(struct decision *d);
/* BOUND_WRITES, last of all; FREE_WRITES, first, and also while nothing else may be done. */
void decide_bounds(struct decision *d, enum action_kind kind);

/* One more action; the caller adds what its kind needs (action.h). Never NULL. gid 0: it is about no group. */
struct action *propose(struct decision *d, enum action_kind kind, int gid, const char *why);
struct action *propose_server(struct decision *d, enum action_kind kind, int gid, const struct server_view *s,
			      const char *why);
/* Takes what a limit holds up (calm.h) out of what was proposed since the last call, so that it makes room for others.
 * Whether nothing of it is left. */
bool hold(struct decision *d);
/* Servers of another group, whose master had its address, would copy it as soon as it leads, or is in sync. waited:
 * those that do not answer were waited for. */
bool is_followed_elsewhere(const struct decision *d, const struct group_view *g, const struct server_view *best,
			   bool waited);
/* Of a group that the StatefulSet makes no more, and that serves no slot: its servers, whose pods are gone, leave its
 * list. Whether one is to. */
bool drop_left_over(struct decision *d, const struct group_view *g);

/* Whether a promotion from old to next holds the slots on the proxies first: old is silent, and may wake. */
bool promote_locks(const struct server_view *old, const struct server_view *next, int gid);
/* PROMOTE or SWITCH to s; old: the master until now, or NULL. */
struct action *propose_master(struct decision *d, enum action_kind kind, int gid, const struct server_view *s,
			      const struct server_view *old, const char *why);

/* A switch locks the group's slots on every proxy. One that was not heard yet cannot be locked, and would go on writing
 * to the old master; one that is silent keeps all of them locked until the switch gives up. */
bool can_lock_proxies(const struct cluster_view *v);

/* A proxy is told one thing at a time: of groups that are switched at once each holds its slots for as long as all of
 * them take. So a master that nobody misses yet, as of a node that is drained, has its turn behind the others. And
 * while a slot moves from one group to another, a proxy is told of it with both masters: who fills it for one group
 * frees it for the other, too. */
bool awaits_another_group(const struct decision *d, const struct group_view *g);

/* What is to be done to the members that do not lead; m is a verified master. nobody_follows: those that are heard are
 * left as they are; whoever followed would lead after m, over what another one has. Whether anything is. */
bool mend_members(struct decision *d, const struct group_view *g, const struct server_view *m, bool nobody_follows);

/* Who answers nothing for so long hangs. Its kubelet takes 3 s to end it, and its successor some seconds to be there.
 */
#define HUNG_MS 9000
/* Its kubelet finds so, too. */
#define HUNG_TOO_MS 5000
/* It answers nothing at all, not even what waits for no mutex, while its kernel takes connections. */
#define STUCK_MS 4000
/* Of a node that was away and is back, one process is heard before the others are asked again: so long it tells
 * nothing. */
#define NEIGHBOUR_MS 2000

/* Its process is there and does nothing for that long, and there is a kubelet that can end it. accepts: its address
 * takes connections, so it is not its node that is away. */
bool hangs(const struct decision *d, const struct pod_view *pod, enum reach reach, int64_t since_ms, bool accepts,
	   int ms);
/* Of a proxy or a dashboard: its kernel takes connections, and not even what waits for no mutex is answered. */
bool is_stuck(const struct decision *d, const struct pod_view *pod, enum reach reach, int64_t stuck_ms);
/* That, or it hangs by its silence, though it may only wait for its mutex. Who was never heard (heard_ms 0) may be
 * hidden from us by a policy, as would be its successor. */
bool does_nothing(const struct decision *d, const struct pod_view *pod, enum reach reach, int64_t since_ms,
		  int64_t stuck_ms, int64_t heard_ms);
/* We reach most servers: what is silent is not so because of us. */
bool we_hear_most(const struct cluster_view *v);
/* Something else on its node is heard, and was for ms: it is not the node that is away. */
bool neighbour_heard(const struct cluster_view *v, const char *node, int ms);

/* Why the pod's place may be given to another, its node being lost, as far as its node tells; NULL: it may not. What is
 * at stake with its process is the caller's to see. */
const char *lost_node(const struct decision *d, const struct pod_view *pod);
/* Of these the words of others: its process does not run. */
const char *lost_for_good(const struct decision *d, const struct pod_view *pod);

/* Its container ended, not for the first time: the kubelet waits 10, 20, 40 s ... now. */
bool ended_again(const struct pod_view *pod);

#endif
