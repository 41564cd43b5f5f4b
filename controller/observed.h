/* observed.h - what has been heard of one cluster, as it was heard: plain structs, written by those who ask (the line
 * above each says who), read by picture.c. Times are monotonic milliseconds; 0: never. */
#ifndef CODIS_CONTROLLER_OBSERVED_H
#define CODIS_CONTROLLER_OBSERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/info.h"
#include "common/codis/model.h"
#include "common/codis/overview.h"
#include "common/codis/pod.h"
#include "common/codis/reach.h"
#include "controller/data.h"
#include "controller/stranger.h"
#include "controller/view.h"

struct cluster;
struct fill;
struct redis_probe;

/* Written by roster.c: from the pods, the groups' lists, and each INFO. */
struct observed_server {
	char addr[CODIS_ADDR_MAX];
	bool named;                   /* a group lists it by a name: it is not asked */
	char uid[POD_UID_MAX];        /* of the pod that had this address when it was last told; "" none */
	char pod_name[VIEW_NAME_MAX]; /* ... its name */
	int pod_group;                /* ... and its group then */
	int group;                    /* of that pod; 0 */
	int listed_group;             /* the group whose list has it; 0 */
	int listed_index;
	enum reach reach;
	int64_t since_ms;
	bool info_valid;
	int64_t heard_ms;
	struct redis_info info;
	char complaint[16];
	bool accepts;
	int64_t strange_ms; /* when what it says that no server says was last logged; 0 never */
	int64_t link_up_at_ms, link_up_offset, link_io_ms;
	char link_up_to[CODIS_ADDR_MAX];
	int64_t rare_ms; /* when it last had not heard for seconds its master, which was well; 0: not with this link */
	int64_t link_down_since_ms; /* the first INFO of those in a row that showed its link down; 0: up, or not known
				     */
	int64_t ending_ms;          /* since when it says that it is about to end; 0: it does not */
	int64_t link_down_s, link_down_heard_ms; /* what the INFO before said of that, and when; -1 */
	int64_t acted_ms;                        /* op.c: when something was last done to it; 0 never */
	int64_t role_refused_ms;                 /* act_promote.c: when it last refused the role; 0: it took it since */
	int64_t setting_ms;                      /* op.c: when a setting of it was last changed; 0 never */
	int setting_running;                     /* op.c */
	int setting_failures;                    /* act_mend.c: in a row */
	int64_t unheld_ms; /* cluster.c: since when too few replicas hold its bound; 0: they do, or it has none */
	struct calm_done setting_done; /* op.c: what was set */
	struct succession succession;
	struct calm_done done;               /* op.c */
	char role_run_id[CODIS_RUN_ID_SIZE]; /* the process that was last seen with a role or a synced link */
	int role_version;                    /* ... and the version of its group's node at that time */
	int role_group;                      /* ... and that group; 0 none */
	int64_t role_heard_ms;               /* when a process with the master's role was last heard here; 0 never */
	int64_t role_offset;                 /* ... and what it had sent by then */

	struct data_process data; /* ledger.c */
	struct stranger stranger; /* stranger.c */

	struct cluster *c; /* for the probe's call; never read by picture.c */
	struct redis_probe *probe;
	bool contradicts; /* its role and its group's node say different things */
	bool wanted;
	enum codis_role role_written; /* roles.c: what its pod's label was last told to say, and when; 0: never */
	int64_t role_written_ms;
	uint64_t told;  /* cluster.c: the hash of what its pod's Event says of its password; 0: none */
	bool told_last; /* cluster.c: that its deletion waits, since it has the only data */
};

/* node, exists, version, read_ms: observe.c. acted_ms, done, silences, running: act. masterless_ms: roster.c. */
struct observed_group {
	struct codis_group node;
	bool exists;
	int version;
	int64_t czxid;              /* which node of that name it is; 0: not known */
	int64_t older_since_ms;     /* since when only older versions are read; 0: not so */
	int64_t read_ms;            /* when the read that gave this began */
	bool unread;                /* the last read had no answer */
	char unreadable[120];       /* why the node cannot be read as it is now; node is what it was before; "" none */
	int64_t promoting_since_ms; /* when promoting.state was first seen as it is */
	/* The declared master over which a dashboard has written the promotion that stands there: it had not read of
	 * that one. "" : it had */
	char unread_master[CODIS_ADDR_MAX];
	char handed_to[CODIS_ADDR_MAX]; /* who was declared in one write over the master before it; "": nobody so */
	int others_version;             /* the last version heard that this controller has not written */
	int64_t written_ms;             /* when that was first heard */
	int64_t written_before_ms;      /* ... and the one before it, should that be ours after all */
	int64_t claimed_ms;             /* when, if it says what the one before said: a claim; 0: it does not */
	int64_t kept_ms;                /* act: when a claim was overtaken last */
	int64_t lost_ms; /* cluster.c: since when its master is lost, on lost_version of its node; 0: it is not */
	int lost_version;
	int64_t leaves_ms;     /* cluster.c: since when its master is to hand over, or to end; 0: it is not */
	int64_t held_ms;       /* act: when slots were last held for a master that was about to fail, and did not */
	int64_t doubted_ms;    /* a server's role has contradicted the node: nothing is judged until it is read again */
	int64_t acted_ms;      /* when something was last done here */
	struct calm_done done; /* its last change of master */
	struct calm_window silences; /* promotions over masters that were silent */
	int running;                 /* actions under way */
	/* act: to whom the last switch goes, or went, and since when it is over; 0: it is not */
	char switching_to[CODIS_ADDR_MAX];
	int64_t switched_ms;
	int64_t switching_ms; /* ... and when that began */
	int64_t masterless_ms;
	char taken_back[CODIS_ADDR_MAX]; /* act: the server whose promotion was taken back last, and when */
	int64_t taken_back_ms;
	struct data_group data;     /* ledger.c */
	bool recalled;              /* ledger.c: what was noted of it before it was first seen is taken */
	char set_uid[POD_UID_MAX];  /* ... and its StatefulSet, of which what is kept is; "" : not known yet */
	int64_t succession_told_ms; /* ledger.c: since when the master leads of which it was told last */
	bool counted;               /* ledger.c: its losses are in the metrics, at 0 at first */
	bool wanted;                /* a pod is of it */
};

/* Whether the process of one that does not answer answers anything at all: one that waits for its mutex does. observe.c
 */
struct observed_knock {
	bool asking;
	int64_t asked_ms;
	int64_t stuck_ms; /* since when it has not, and its address takes connections; 0: not so */
	int64_t lives_ms; /* when it was asked what it has answered last; 0: never */
};

/* observe.c; acted_ms and running, and the slots that it filled: act. */
struct observed_proxy {
	struct cluster *c;
	char admin_addr[CODIS_ADDR_MAX];
	char token[CODIS_TOKEN_MAX];            /* as the process says */
	char registered_token[CODIS_TOKEN_MAX]; /* as the coordinator has it for this address; "" not registered */
	int registered_version;
	int64_t registered_czxid;
	int64_t registered_ms; /* when the entry that was seen last was first seen */
	/* A second entry for this address: a process that starts again has another token, and takes itself in under it
	 * while the entry of the one before is still there. */
	char other_token[CODIS_TOKEN_MAX];
	int other_version;
	int64_t other_czxid;
	enum reach reach;
	int64_t since_ms, first_seen_ms, asked_ms, acted_ms, heard_ms;
	int64_t unready_ms; /* act: when its pod was last told to be unready; 0: never */
	int64_t slots_ms;   /* when the question was asked whose answer has the slots */
	int64_t taken_ms;   /* ... of the last answer whose slots were parsed */
	struct overview_slots slots_text;
	bool ask_again; /* once the answer is in: somebody else wrote a group's node meanwhile */
	bool asking, online, has_slots, wanted;
	bool had_pod;        /* roster.c */
	int64_t deleting_ms; /* roster.c: since when its pod is seen to be deleted; 0: it is not */
	struct observed_knock knock;
	int running;
	struct calm_done done; /* op.c; fills apart */
	struct calm_groups filled;
	int64_t unanswered_ms; /* when a fill was given up that it has not answered; 0: never */
	struct fill *fills;    /* act_fill.c: under way and waiting, in their order */
	void (*on_heard)(
		struct observed_proxy *p); /* ... the first of them waits for an answer, or that there is none */
	struct codis_slot slots[CODIS_SLOTS];
	int64_t slot_since_ms[CODIS_SLOTS]; /* since when each is heard with its group and its lock */
};

/* One dashboard pod. addr, uid: roster.c. The rest: observe.c. */
struct observed_dashboard {
	struct cluster *c;
	char addr[CODIS_ADDR_MAX], uid[POD_UID_MAX];
	enum reach reach;
	int64_t since_ms, heard_ms;
	int64_t asked_ms;
	int64_t told_ms;                  /* when the question was asked whose end (an answer or none) was seen last */
	int64_t waits_ms;                 /* ... if that was Codis' word that it does not serve; else 0 */
	struct overview_slots slots_text; /* of the assignment in its last answer */
	bool asking, wanted;
	struct observed_knock knock;
};

/* What the dashboard that serves said, and its lock. observe.c. */
struct observed_topom {
	char addr[CODIS_ADDR_MAX]; /* of the dashboard that serves; "" none does */
	char left[CODIS_ADDR_MAX]; /* roster.c: of the one whose pod ended last; "" none has, or its lock is gone */
	bool slots_known;
	bool slots_disabled; /* a person has turned slot actions off there */
	int64_t slots_ms;
	char slots_from[CODIS_ADDR_MAX]; /* the dashboard that said it */
	int16_t slot_group[CODIS_SLOTS];
	bool slot_acting[CODIS_SLOTS];
	int16_t slot_target[CODIS_SLOTS];
	int64_t slot_since_ms[CODIS_SLOTS]; /* since when each is heard so */
	int16_t lock_exists;                /* 1, 0, or -1: not known */
	char lock_addr[CODIS_ADDR_MAX];
	int64_t lock_start_wall_ms;
	int64_t lock_read_ms, lock_heard_ms;
};

/* A node of its pods, or of its ZooKeeper's, that is NotReady or not there. lost.c. */
struct observed_node {
	char name[POD_NAME_MAX];
	int64_t lost_ms; /* since when it was seen so */
	bool seen;
};

/* All of it, as picture.c takes it. */
struct observed {
	const char *namespace, *product;
	bool too_large;            /* its coordinator names more than is watched */
	bool costly;               /* it takes more than its share (cost.h) */
	enum mandate mandate;      /* what may be decided */
	bool second;               /* the mandate is FAILOVER, and another one may lead by now */
	const char *lease_trouble; /* why nobody does more than failovers; NULL: somebody leads */
	bool leads;                /* the lease is held */
	int64_t steady_since_ms;   /* since the last clock jump, start or TILT */
	const struct calm_tilt *tilt;
	const struct calm_pods *deleted;                     /* of this cluster, by name */
	const struct calm_window *deletions, *all_deletions; /* of this cluster, of all */
	int deleting, all_deleting;                          /* ... that are under way */
	bool kube_fresh;            /* all pods were listed, and the API server was heard lately */
	int64_t connected_since_ms; /* the coordinator; 0: not connected */
	int64_t listed_ms;          /* when its folder of groups was read */
	int64_t proxies_read_ms;    /* when its folder of proxies and all in it had been read */
	int server_count, group_count, proxy_count, dashboard_count;
	struct observed_server *const *servers; /* in the order of their addresses, as strcmp() has it */
	struct observed_group *const *groups;
	struct observed_proxy *const *proxies;
	struct observed_dashboard *const *dashboards;
	const struct observed_topom *topom;
	const struct observed_node *lost; /* nodes */
	int lost_count;
	const char *zookeeper_name;      /* as the pods name it; "" : none does */
	bool zookeeper_unresolved;       /* nothing in that has an address */
	const char *zookeeper_namespace; /* where the members of its ZooKeeper may be besides its own; "" : nowhere */
	const char *zookeepers_heard;    /* those with which a session stands: "10.0.0.1:2181,[fd00::2]:2181" */
	int zookeeper_running;
	int64_t zookeeper_acted_ms;
	int dashboard_running, assigning; /* assigning: of these, first assignments of slots */
	int64_t dashboard_acted_ms, assigned_ms, reloaded_ms;
	struct calm_done dashboard_done, zookeeper_done, scaling_done;
	int scaling_running;
	int64_t scaling_acted_ms;
	const char *password_trouble;
	const char *shared; /* another cluster has the same tree: why nothing is done; NULL, "": none has */
};

#endif
