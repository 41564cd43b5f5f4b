/* view.h - everything that decide() may see of one cluster (one product in one namespace). Plain data, no clock; made
 * by picture.c of what was observed. What it points to is the picture's room, and for a proxy's slots what was
 * observed: good for the turn that made it. Every fact carries when it was heard (..._ms, monotonic; 0: never) and,
 * where it has one, its version. */
#ifndef CODIS_CONTROLLER_VIEW_H
#define CODIS_CONTROLLER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/info.h"
#include "common/codis/model.h"
#include "common/codis/reach.h"
#include "common/codis/scaling.h"
#include "common/codis/topology.h"
#include "common/codis/waits.h"
#include "common/codis/wish.h"
#include "controller/calm.h"
#include "controller/succession.h"

#define VIEW_NAME_MAX  254 /* a Kubernetes name */
#define VIEW_UID_MAX   40
#define VIEW_ZONE_MAX  64 /* a label's value */
#define VIEW_WAITS_MAX 48

/* A pod as far as it matters. */
struct pod_view {
	char name[VIEW_NAME_MAX]; /* "" : there is no pod */
	char uid[VIEW_UID_MAX];
	char node[VIEW_NAME_MAX];
	char zone[VIEW_ZONE_MAX]; /* of that node; "": it has no such label */
	bool deleting;            /* has a deletionTimestamp */
	bool running;             /* its container runs, as the kubelet last said */
	bool crash_looping;       /* CrashLoopBackOff: the kubelet waits before it starts it again */
	bool ready;               /* the pod's condition Ready */
	bool node_lost;           /* its node is NotReady, unreachable or not there */
	bool node_gone;           /* of these: there is no object of it */
	bool node_out;            /* of these: a person or the provider says by a taint that the machine does not run */
	int64_t node_lost_ms;     /* since when it was seen so (monotonic); 0: it is not lost */
	bool cordoned;            /* its node takes no new pods: it is about to be drained */
	bool unschedulable;       /* no node was found for it */
	char waits[VIEW_WAITS_MAX]; /* why its container does not begin, in the kubelet's word; "": it does */
	bool keeps_data;            /* has a volume that outlives it: what it had may come back */
	bool unguarded;             /* of a server: it was started without the guard against an empty restart */
	bool came_back;       /* one of its name was deleted by us, or by a controller before us for its adoption */
	enum codis_role role; /* as its label says */
	int restarts;
	int64_t started_wall_ms; /* the container's startedAt; 0 unknown */
	int64_t delete_after_ms; /* one of its name was deleted lately: not before this (monotonic); 0: at once */
};

/* A codis-server: of a pod, of a group's list in the coordinator, or both. */
struct server_view {
	char addr[CODIS_ADDR_MAX]; /* "" : its pod has no address yet; it is expected, not gone */
	bool named; /* its group lists it by a name where an address is expected: it is not asked, and nothing is known
		     */
	struct pod_view pod;
	bool of_another;  /* a pod of another cluster has the address, and a list of ours */
	int group;        /* by the pod's identity; without a pod, the group that lists it */
	int ordinal;      /* of the pod; -1 */
	int listed_group; /* the group whose list has it; 0 none */
	int listed_index;
	enum reach reach;
	int64_t since_ms; /* in this reach since (monotonic) */
	bool info_valid;  /* info was heard from the process that runs now */
	int64_t heard_ms; /* when info was heard; 0: this controller has never had an answer of the process */
	struct redis_info info;
	bool remembered; /* this process was seen as a group's master, or with its link up */
	/* The group in which the process that was heard last had its role, also while it is silent; 0: none, or not
	 * known which, or it has ended */
	int remembered_group;
	bool restarted; /* it was a master with data or a synced replica under another run_id: what it had is gone */
	/* The last INFO that showed its link to a master up: when, to whom, and what it had received by then. */
	int64_t link_up_at_ms, link_up_offset;
	int64_t link_io_ms; /* ... and when it had heard that master last */
	char link_up_to[CODIS_ADDR_MAX];
	int64_t rare_ms; /* when it last had not heard for seconds its master, which was well; 0: not with this link */
	int64_t link_down_since_ms; /* the first INFO of those in a row that showed its link down; 0: up, or not known
				     */
	int64_t ending_ms;          /* since when its process says that it is about to end; 0: it does not */
	int64_t role_heard_ms;      /* when a process with the master's role was last heard at this address; 0 never */
	int64_t role_offset;        /* ... and what it had sent by then */
	int64_t acted_ms;           /* when something was last done to it; 0 never */
	int64_t role_refused_ms;    /* when it last answered to its role, and did not take it; 0: not lately */
	bool setting_busy;          /* a setting is being changed, or was and it has not said so yet */
	int64_t unheld_ms;          /* since when too few replicas hold its bound (decide_bound.c); 0: not so */
	struct calm_done done;      /* what that was */
	struct calm_done setting_done;
	struct succession succession;  /* how it came to its role */
	bool pod_gone;                 /* its address had a pod of ours, which is no more */
	char gone_name[VIEW_NAME_MAX]; /* ... and what it was called; "" : it is there, or not known */
	int gone_group;                /* ... as one of which group */
	bool accepts;                  /* it is not heard, and its address takes connections: its kernel lives */
	char complaint[16];            /* it answers INFO with an error of this first word: "NOAUTH"; "" none */
};

struct group_view {
	struct codis_group node; /* node.id is set also when the node does not exist yet */
	bool exists;
	int version;        /* of the coordinator's node: the fence */
	int64_t read_ms;    /* when the read that gave node and version began */
	int64_t acted_ms;   /* when something was last done here */
	int64_t written_ms; /* when a version of it was first heard that somebody else has written; 0: never */
	int64_t claimed_ms; /* when, if another controller claims the group by that (act_promote.c); 0: it does not */
	/* STANDBY: since when its master has been lost (judge_lost()), on this version of its node; 0: it is not */
	int64_t lost_ms;
	int64_t leaves_ms; /* since when its master is to hand over, or to end (judge_leaves()); 0: it is not */
	int64_t held_ms;   /* when its slots were last held for a master that was about to fail, and did not; 0 never */
	bool busy;         /* something is being done, or what is known is older than what was done last */
	char switching_to[CODIS_ADDR_MAX]; /* who takes over from a master that lives, or just did; "" : nobody */
	int64_t switching_ms;              /* ... since when that is under way; 0: it is not */
	struct calm_done done;             /* its last change of master */
	int silent_failovers;              /* over masters that were silent, in the last hour */
	int64_t masterless_ms;             /* since when no member was a verified master (monotonic); 0: there is one */
	char unreadable[120];              /* why its node cannot be read; "" : it can */
	bool promoting_idle;               /* promoting.state is set and no dashboard is at work on it */
	char unread_master[CODIS_ADDR_MAX]; /* ... nor had it read of this master, which was declared before; "" : it
					       had */
	bool handed;   /* another controller declared its master, over one that this one had read of */
	bool may_lose; /* codis.io/allow-data-loss names it: what a new master lacks is given up */
	char taken_back[CODIS_ADDR_MAX]; /* whose promotion we took back, and when; "" : nobody's */
	int64_t taken_back_ms;
	int64_t keys; /* of its last verified master, remembered while it has none; -1: not known */
	/* Keys that were lost: as noted on the StatefulSet until somebody acknowledges it, and seen since. 0: none. */
	int64_t lost_keys, lost_wall_ms, new_lost_keys, new_lost_wall_ms;
	bool loss_unclear; /* keys are missing, and who leads for good, or what it has, is not known yet */
	/* Its servers, by their pod or by its list, as indices of cluster_view.servers. Ask by view_next(). */
	const int *members;
	int member_count;
};

struct proxy_view {
	char token[CODIS_TOKEN_MAX];     /* "" : not known yet */
	char admin_addr[CODIS_ADDR_MAX]; /* "10.0.0.1:11080" */
	struct pod_view pod;
	bool pod_gone;       /* it had one, which is no more */
	int64_t deleting_ms; /* since when its pod is seen to be deleted; 0: it is not */
	bool registered;     /* has a node in the coordinator */
	int registered_version;
	int64_t registered_czxid; /* the change that made the node */
	bool busy;
	bool running; /* something is being done to it, fills apart */
	struct calm_done done;
	const struct calm_groups *filled; /* its fills; NULL: none */
	bool mute;        /* it has not answered to a fill, and was not heard since: it hangs, or waits for a server */
	enum reach reach; /* of its admin interface */
	bool replaced;    /* ... refused, since its entry is of another process than the one that answers there */
	int64_t since_ms;
	int64_t first_seen_ms;
	int64_t heard_ms;   /* its last answer; 0: never */
	int64_t unready_ms; /* when its pod was last told to be unready; 0: never */
	int64_t stuck_ms;   /* since when its process answers nothing at all, and its kernel lives; 0: not so */
	int64_t lives_ms;   /* as the dashboard's */
	bool online;
	const struct codis_slot *slots; /* all 1,024, in order; NULL: not known */
	int64_t slots_ms;               /* when the question was asked whose answer has the slots */
	const int64_t *slot_since_ms;   /* of each slot: since when it is heard as it is; NULL: not known */
};

/* A member of ZooKeeper, as its pod tells. */
struct zookeeper_view {
	struct pod_view pod;
	char namespace[64];
	char set[VIEW_NAME_MAX]; /* its StatefulSet */
	bool heard;              /* a session of ours with it stands */
};

/* One dashboard pod. */
struct dashboard_pod_view {
	struct pod_view pod;
	char addr[CODIS_ADDR_MAX]; /* "" : no address yet */
	enum reach reach;          /* REACH_UNKNOWN: not heard yet, or it waits for the lock */
	int64_t since_ms, heard_ms;
	int64_t stuck_ms; /* as a proxy's */
	int64_t lives_ms; /* as the dashboard's */
	int64_t waits_ms; /* as the dashboard's */
};

/* The dashboard that counts: the one that serves (REACH_OK); where none does, one that may be at work (silent), one
 * that waits, one that refuses, in this order. */
struct dashboard_view {
	struct pod_view pod;
	char addr[CODIS_ADDR_MAX];
	enum reach reach; /* REACH_SILENT: busy or hung; its one mutex does not let us know which */
	int64_t since_ms;
	int64_t stuck_ms; /* since when it hangs for certain: its process answers nothing at all; 0: not so */
	int64_t lives_ms; /* when it was asked last, while it was silent, what waits for no mutex, and answered; 0:
			     never */
	int64_t heard_ms; /* its last overview; 0: none */
	int64_t waits_ms; /* when it was asked last, and answered that it does not serve: it has no lock; 0: not so */
	bool busy;
	bool assigning; /* ... with our first assignment alone, and was asked since that began */
	struct calm_done done;
	bool slots_known;
	bool slots_disabled;              /* it moves none: a person has turned slot actions off there */
	int64_t slots_ms;                 /* when the question was asked whose answer has the assignment */
	int64_t reloaded_ms;              /* when we last told it to read its tree anew; 0: never */
	int16_t slot_group[CODIS_SLOTS];  /* as assigned; 0: offline */
	bool slot_acting[CODIS_SLOTS];    /* a migration touches it */
	int16_t slot_target[CODIS_SLOTS]; /* where it is to go, also one that only waits for its turn; 0: it stays */
	const int64_t *slot_since_ms;     /* of each slot: since when it is heard so; NULL: not known */
	int16_t lock_exists;              /* 1, 0, or -1: not known */
	char lock_addr[CODIS_ADDR_MAX];   /* admin_addr of the process that took the lock */
	bool lock_left;                   /* that is the address of the pod of a dashboard which was seen to end */
	int64_t lock_start_wall_ms;       /* its start_time; 0 unknown */
	int64_t lock_read_ms;             /* when the read that gave the lock began */
	int64_t lock_heard_ms;            /* when this very lock was first heard */
	bool lock_elsewhere;              /* a pod of another cluster has lock_addr ... */
	int64_t lock_elsewhere_wall_ms;   /* ... whose container began then; 0 unknown */
};

/* What this controller may do in a cluster. */
enum mandate {
	MANDATE_NONE,     /* decide nothing: codis.io/ha: keep, or it ends */
	MANDATE_STANDBY,  /* another controller leads: PROMOTE and UNREADY_PROXY, limits.standby_ms later than that one;
			     FREE_WRITES */
	MANDATE_FAILOVER, /* we led and cannot reach the API server: only failovers, under the fence */
	MANDATE_LEAD,
};

struct action;

/* A codis-server StatefulSet. */
struct view_set {
	char name[VIEW_NAME_MAX], uid[VIEW_UID_MAX];
	struct codis_shape shape; /* which groups it makes */
	bool deleting;
	bool says_role;    /* its template has the label codis.io/role */
	bool noted;        /* codis.io/had-slots stands there */
	bool asked;        /* codis.io/scale-to stands there ... */
	char asked_by[24]; /* ... as it is */
	int servers;       /* ... the number, where it can be; else -1 */
	int last_noted; /* its last group that codis.io/slots names: what the webhook knows; 0: none; -1: not noted */
};

/* What a person wishes (codis.io/switchover), one at a time; wished.c. */
struct switchover_view {
	bool wished;
	const struct view_set *set; /* on which it stands; NULL: that is no more */
	struct wish wish;           /* where it can be read */
	char unreadable[160];       /* why it cannot; "" : it can */
	bool ours;                  /* it is noted as begun by this controller, which has not begun it yet */
	int64_t seen_ms;            /* since when it is known (monotonic) */
	int64_t now_wall_ms;
};

/* What was done, or failed, as its Event says it. */
#define RECENT_NOTES 8
struct recent_note {
	int64_t wall_ms;
	char words[640];
};

/* What the StatefulSets say of the number of groups (scaling.h), and what is done about it. */
struct scaling_view {
	int home; /* on which of them it is noted: one that has a note, else one that has servers, and the first of such
		   */
	bool had_noted;
	struct gids had;
	struct moving moving;
	int parallel;    /* so many slots are under way at most */
	int interval_us; /* -1: as the dashboard has it */
	bool busy;       /* something is being done, or what is known is older than what was done last */
	struct calm_done done;
};

/* Pods whose container does not begin, for one reason. */
struct waits_view {
	char pod[VIEW_NAME_MAX]; /* the first of them */
	int pods;
	char why[WAITS_MAX];
};

#define VIEW_WAITS 4

struct cluster_view {
	char namespace[64], product[CODIS_PRODUCT_MAX];
	int64_t now_ms;          /* monotonic */
	int64_t steady_since_ms; /* since the last clock jump, start or TILT: silence before it is not counted */
	bool tilted;             /* most servers fell silent: it may be our own network */
	int heard_servers, silent_servers; /* of how many that were heard once how many are silent */
	enum mandate mandate;
	bool second;         /* FAILOVER for so long that another one may lead: a lost master is left to it at first */
	bool paused;         /* codis.io/paused on one of the StatefulSets: the mandate is none */
	char paused_by[200]; /* what it says */
	const char *paused_set;
	bool adopt; /* codis.io/adopt on one of them */
	/* A codis-ha that runs and acts by itself, as it did before codis-webhook was there; name "": none */
	struct pod_view ha;
	struct waits_view waits[VIEW_WAITS]; /* servers, proxies, dashboards and members of ZooKeeper */
	int waits_count, waits_more;         /* and so many pods more */
	struct switchover_view switchover;
	/* Pods that were deleted in the last minute: of this cluster, of all. */
	int deletions, all_deletions;
	/* What decide() would do and what a limit holds up, as it was decided in this turn; for the status. */
	const struct action *held, *would; /* would: of a dry run, which does nothing */
	int held_count, would_count;
	const struct recent_note *recent; /* of RECENT_NOTES, round and round */
	int recent_count;                 /* how many there were */
	bool dry_run;
	bool kube_fresh; /* we lead, and the API server was heard lately: pods that are missing are really missing */
	bool pods_fresh; /* the API server was heard lately, whoever leads */
	bool coordinator_ready;      /* and its nodes were read */
	char zookeeper_name[256];    /* as the pods name it, or its beginning; "" : none does */
	bool zookeeper_unresolved;   /* nothing in that has an address */
	const struct view_set *sets; /* that make its groups, in the order of inventory_sets_of() */
	int set_count;
	int server_count, group_count, proxy_count, dashboard_count, zookeeper_count;
	struct server_view *servers;
	struct group_view *groups;
	struct proxy_view *proxies;
	struct dashboard_pod_view *dashboards; /* each dashboard pod */
	struct zookeeper_view *zookeepers;     /* of the namespaces in which its ZooKeeper may be */
	bool zookeeper_busy;                   /* something is being done to one, or was just now */
	struct calm_done zookeeper_done;       /* what that was */
	struct dashboard_view dashboard;       /* the one that counts */
	struct scaling_view scaling;
	bool too_large;             /* its coordinator names more than is watched: the mandate is none */
	const char *lease_trouble;  /* a literal: why nobody does more than failovers; NULL: somebody leads */
	bool costly;                /* its peers take more than their share: they are asked seldom */
	char shared[400];           /* another cluster has the same tree; "" none has */
	char password_trouble[400]; /* why the password is not known, and what helps; "" none */
	/* Made by view_index(); without it the questions below walk everything. */
	const int *by_addr; /* servers in the order of their addresses */
	bool groups_sorted; /* groups stand in the order of their ids */
};

/* Room for view_index(): at least server_count ints for by_addr, and for members as many as servers count twice. */
void view_index(struct cluster_view *v, int *by_addr, int *members);

/* Small questions that both decide() and the status ask. */
struct group_view *view_group(const struct cluster_view *v, int gid);            /* or NULL */
struct server_view *view_server(const struct cluster_view *v, const char *addr); /* or NULL */
/* The declared master of a group, or NULL. */
struct server_view *view_master(const struct cluster_view *v, const struct group_view *g);
/* Walks the servers of a group, by their pod or by its list: *at begins with 0. NULL: no more. */
struct server_view *view_next(const struct cluster_view *v, const struct group_view *g, int *at);
/* A member of the group by its pod, or, for a server without a pod, by the list. */
bool view_is_member(const struct server_view *s, int gid);
/* It answers, its role is master, and it is the process that was given the role. */
bool view_master_verified(const struct server_view *s);
/* A replica of `master` with its link up. */
bool view_synced(const struct server_view *s, const struct server_view *master);
/* The same process, under whatever addresses: both were heard, with one run_id. */
bool view_same_process(const struct server_view *a, const struct server_view *b);
/* The group whose master a proxy is to send this slot to: as assigned, unless the proxy was heard to send it to another
 * one (since_ms) after that assignment was asked for (assigned_ms). It was moved meanwhile then, perhaps by a dashboard
 * that is dead now, and its keys with it: so as the proxy has it, until the assignment is heard anew. 0: nobody's. */
int view_slot_group(const struct codis_slot *slot, int64_t since_ms, bool known, int assigned, int64_t assigned_ms);
/* Whether the assignment of a slot and what the proxy does with it tell of one time: each was asked for after the other
 * was first heard so. Else it was moved in between, by a migration that a dashboard is at work on, or was when it died.
 */
bool view_of_one_time(const struct dashboard_view *b, const struct proxy_view *p, int slot);
/* The dashboard says that no slot is assigned, and none is on its way. */
bool view_none_assigned(const struct cluster_view *v);
/* The keys that the groups have, as far as is known. */
int64_t view_keys(const struct cluster_view *v);
/* It sends slots to somebody. */
bool view_sends_slots(const struct proxy_view *p);
/* It is silent, and may be so to us alone: it sent slots when it was heard last (one that was never heard: it is
 * ready), and its container runs, as its kubelet says, whose node is there. Also out of the list its clients write
 * through it. One that is being deleted, since it hangs as we think, is given the time that ends it, and no more: one
 * that does hang in a drain would keep the masters of its node there until their own time is over. */
bool view_may_serve_unheard(const struct cluster_view *v, const struct proxy_view *p);
/* Whether one of them is so. */
bool view_any_slot(const bool slots[CODIS_SLOTS]);
/* A proxy sends slots to it, and does not hold them, as it was heard last. */
bool view_sends_to(const struct cluster_view *v, const struct server_view *s);
/* None does: each that is registered and may serve was asked since the group's node was last written by
 * somebody else, and since anything was last done to the group. So nothing was written to it. */
bool view_nobody_sends_to(const struct cluster_view *v, const struct group_view *g, const struct server_view *s);
/* The StatefulSet that makes this group, or that it is a left over of: what concerns it is noted there, and a person
 * says there what is to be done about it. NULL: there is none at all. */
const struct view_set *view_set_of(const struct cluster_view *v, int gid);
/* Its name; "" : none. */
const char *view_set_name(const struct cluster_view *v, int gid);
/* How many members a group is to have. */
int view_group_size(const struct cluster_view *v, int gid);
/* How many servers the StatefulSets make; -1: there is none of these. */
int view_servers_wanted(const struct cluster_view *v);
/* Whether another one than this has groups to which its slots may go. */
bool view_others_stay(const struct cluster_view *v, const struct view_set *set);
/* One on which codis.io/scale-to stands, or NULL. */
const struct view_set *view_set_asked(const struct cluster_view *v);
/* Whether one of them is being deleted, or NULL. */
const struct view_set *view_set_deleting(const struct cluster_view *v);
/* How many groups they make, and which: the i-th of them, from 0. */
int view_groups_wanted(const struct cluster_view *v);
int view_wanted_group(const struct cluster_view *v, int i);
bool view_is_wanted(const struct cluster_view *v, int gid);

#endif
