/* view.h - everything that decide() may see of one cluster (one product in one namespace). Plain data: no pointer to
 * anything alive, no clock. The observer fills it in; the simulation does the same with a world of its own. */
#ifndef CODIS_CONTROLLER_VIEW_H
#define CODIS_CONTROLLER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/info.h"
#include "common/codis/model.h"
#include "common/codis/reach.h"
#include "common/codis/topology.h"

#define VIEW_NAME_MAX 254 /* a Kubernetes name */
#define VIEW_UID_MAX  40

/* A pod as far as it matters. */
struct pod_view {
	char name[VIEW_NAME_MAX]; /* "" : there is no pod */
	char uid[VIEW_UID_MAX];
	char node[VIEW_NAME_MAX];
	bool deleting;      /* has a deletionTimestamp */
	bool running;       /* its container runs, as the kubelet last said */
	bool crash_looping; /* CrashLoopBackOff: the kubelet waits before it starts it again */
	bool node_lost;     /* its node is NotReady, unreachable or not there */
	int restarts;
	int64_t started_wall_ms; /* the container's startedAt; 0 unknown */
};

/* A codis-server: of a pod, of a group's list in the coordinator, or both. */
struct server_view {
	char addr[CODIS_ADDR_MAX];
	struct pod_view pod;
	int group;        /* by the pod's identity; without a pod, the group that lists it */
	int ordinal;      /* of the pod; -1 */
	int listed_group; /* the group whose list has it; 0 none */
	int listed_index;
	enum reach reach;
	int64_t since_ms; /* in this reach since (monotonic) */
	bool info_valid;  /* info was heard from the process that runs now */
	struct redis_info info;
	bool restarted; /* it was a master with data or a synced replica under another run_id: what it had is gone */
};

struct group_view {
	struct codis_group node; /* node.id is set also when the node does not exist yet */
	bool exists;
	int version;           /* of the coordinator's node: the fence */
	bool busy;             /* something is being done, or what is known is older than what was done last */
	int64_t masterless_ms; /* since when no member was a verified master (monotonic); 0: there is one */
	bool promoting_idle;   /* promoting.state is set and no dashboard is at work on it */
};

struct proxy_view {
	char token[CODIS_TOKEN_MAX];     /* "" : not known yet */
	char admin_addr[CODIS_ADDR_MAX]; /* "10.0.0.1:11080" */
	struct pod_view pod;
	bool registered; /* has a node in the coordinator */
	int registered_version;
	bool busy;
	enum reach reach; /* of its admin interface */
	int64_t since_ms;
	int64_t first_seen_ms;
	bool online;
	const struct codis_slot *slots; /* all 1,024, in order; NULL: not known */
};

struct dashboard_view {
	struct pod_view pod;
	char addr[CODIS_ADDR_MAX];
	enum reach reach; /* REACH_SILENT: busy or hung; its one mutex does not let us know which */
	int64_t since_ms;
	bool busy;
	bool slots_known;
	int16_t slot_group[CODIS_SLOTS]; /* as assigned; 0: offline */
	bool slot_acting[CODIS_SLOTS];   /* a migration touches it */
	int16_t lock_exists;             /* 1, 0, or -1: not known */
	char lock_addr[CODIS_ADDR_MAX];  /* admin_addr of the process that took the lock */
	int64_t lock_start_wall_ms;      /* its start_time; 0 unknown */
};

enum view_mode {
	VIEW_WATCH,    /* another controller leads (or codis.io/ha: keep): decide nothing */
	VIEW_FAILOVER, /* we led and cannot reach the API server: only failovers, under the fence */
	VIEW_LEAD,
};

struct cluster_view {
	char namespace[64], product[CODIS_PRODUCT_MAX];
	int64_t now_ms;          /* monotonic */
	int64_t steady_since_ms; /* since the last clock jump or start: silence before it is not counted */
	enum view_mode mode;
	bool kube_fresh;        /* the API server was heard lately: pods that are missing are really missing */
	bool coordinator_ready; /* and its nodes were read */
	int replicas;           /* spec.replicas of the codis-server StatefulSet; -1: none */
	int server_replica;
	int server_count, group_count, proxy_count;
	struct server_view *servers;
	struct group_view *groups;
	struct proxy_view *proxies;
	struct dashboard_view dashboard;
};

/* Small questions that both decide() and the status ask. */
struct group_view *view_group(const struct cluster_view *v, int gid);            /* or NULL */
struct server_view *view_server(const struct cluster_view *v, const char *addr); /* or NULL */
/* The declared master of a group, or NULL. */
struct server_view *view_master(const struct cluster_view *v, const struct group_view *g);
/* A member of the group by its pod, or, for a server without a pod, by the list. */
bool view_is_member(const struct server_view *s, int gid);
/* It answers, its role is master, and it is the process that was given the role. */
bool view_master_verified(const struct server_view *s);
/* A replica of `master` with its link up. */
bool view_synced(const struct server_view *s, const struct server_view *master);
/* How many groups spec.replicas asks for. */
int view_groups_wanted(const struct cluster_view *v);

#endif
