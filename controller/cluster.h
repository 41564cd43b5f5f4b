/* cluster.h - one Codis cluster (a product in a namespace) as the controller holds it, and its turn: observe, make the
 * picture, decide, act. roster.c, zookeeper.c and observe.c write what is observed, act what is done. */
#ifndef CODIS_CONTROLLER_CLUSTER_H
#define CODIS_CONTROLLER_CLUSTER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/kube/share.h"
#include "common/net/lookup.h"
#include "controller/cost.h"
#include "controller/decide.h"
#include "controller/note.h"
#include "controller/observed.h"
#include "controller/picture.h"
#include "controller/view.h"

/* A tenant's ZooKeeper names whoever it likes. Beside what has pods, and a few for each of those (after a power loss
 * all addresses are old ones), so many are watched: groups, since no more can have one of the 1,024 slots; servers; and
 * proxies, which are asked for 150 kB of slots each. */
#define CLUSTER_GROUPS_MAX  1024
#define CLUSTER_SERVERS_MAX 1024
#define CLUSTER_PROXIES_MAX 64
#define CLUSTER_PER_POD     4

struct coordinator;
struct history;
struct http_client;
struct inventory;
struct kube_client;
struct kube_events;
struct logger;
struct metrics;
struct secrets;

/* What all clusters share. */
struct controller {
	uv_loop_t *uv;
	const struct logger *log;
	struct metrics *metrics;
	struct kube_client *kube;
	struct kube_events *events;
	struct history *history; /* NULL: none is kept */
	struct inventory *inventory;
	struct secrets *secrets;
	struct lookups lookups; /* of ZooKeepers' names, by namespace */
	/* Calls fn with `budgets` for each PodDisruptionBudget until it returns non-zero; -1: they are not known. NULL:
	 * none are kept. */
	void *budgets;
	int (*each_budget)(void *budgets, int (*fn)(void *arg, const cJSON *budget), void *arg);
	/* Whether a namespace takes part (--namespace-selector): elsewhere no pod is asked anything, whatever labels it
	 * has. NULL: all do. */
	bool (*takes_part)(void *ctx, const char *namespace);
	void *takes_part_ctx;
	bool kube_synced; /* the inventory was filled once */
	bool kube_fresh;  /* ... and the API server was heard lately */
	struct decide_limits limits;
	int probe_ms, probe_timeout_ms;
	enum mandate mandate;
	int64_t failover_since_ms;    /* since when the mandate is FAILOVER; 0: it is not */
	int64_t unled_since_ms;       /* since when nobody is known to hold the lease; 0: somebody does */
	bool leaving;                 /* drain.c: nothing is begun any more */
	bool ending;                  /* ... and what is under way is only undone */
	bool dry_run;                 /* what would be done is told, and not done */
	struct calm_window deletions; /* of pods, in all clusters */
	int deleting;                 /* ... that are under way */
	struct shares role_shares;    /* roles.c: of the labels that are written, by namespace */
	int64_t roles_paid_ms;        /* ... of all: up to when what was written is paid for */
	int writing_roles;            /* ... that are under way */
	int asking_addresses;         /* stranger.c: questions under way */
	bool addresses_unknown;       /* ... the last one had no answer */
	const char *crash_at;         /* tests: end the process at this point, once armed */
	bool crash_armed;
};

/* What the lease says may be done from now on. */
void controller_take_mandate(struct controller *ctl, enum mandate mandate);
/* It holds the lease; or it did, and cannot reach the API server, so that nobody has told it that another took it. */
bool controller_leads(const struct controller *ctl);

#define CLUSTER_HELD 8

struct cluster {
	struct controller *ctl;
	char namespace[64], product[CODIS_PRODUCT_MAX];
	struct http_client *http;

	/* zookeeper.c */
	struct coordinator *zk;
	char zk_name[POD_TEXT_MAX]; /* as the pods name it; roster.c */
	char zk_resolved[512];      /* the addresses that the open coordinator has */
	char zk_heard[512];         /* those of them with which a session stands */
	int64_t zk_resolved_ms;     /* when the name was last asked for */
	bool zk_resolving;
	bool zk_unresolved;         /* none of its names had an address when they were last asked for */
	int64_t connected_since_ms; /* 0: not connected */

	/* roster.c: who is watched. The arrays grow; what they point to stays where it is until it is forgotten. */
	int server_count, group_count, proxy_count, dashboard_count;
	int server_room, group_room, proxy_room, dashboard_room;
	struct observed_server **servers; /* in the order of their addresses */
	struct observed_group **groups;   /* in the order of their ids */
	struct observed_proxy **proxies;
	struct observed_dashboard **dashboards;
	char auth[POD_TEXT_MAX];    /* product_auth; "" none, or not known */
	char password_trouble[400]; /* why it is not known, and what helps */
	bool watch_only;            /* codis.io/ha: keep */
	char shared[400];           /* shared.c: another cluster has the same tree: why nothing is done; "" none has */
	bool namesake;              /* shared.c: another one has its product's name */
	uint64_t tree_looked;       /* shared.c: what of its tree was looked at (hash) */
	bool has_servers;           /* a codis-server's pod */
	bool outside;               /* its namespace takes no part any more: it ends when nothing is under way */
	bool has_pods;
	bool heard_once;       /* clusters.c: a server of it, by this controller */
	int podded, strangers; /* servers with a pod of the cluster; those that only a group lists */
	bool servers_over, groups_over, proxies_over; /* the coordinator names more than are watched */
	bool stock_due;                               /* pods or lists changed since the roster was made */
	bool lacks; /* there was no memory for one of them, so the picture would not be whole */

	int addresses_asked; /* stranger.c: since the last tick */

	/* lost.c */
	struct observed_node *lost; /* nodes */
	int lost_count, lost_room;
	char zk_namespace[64]; /* where its ZooKeeper may be, as zk_name says; "" : its own */

	/* observe.c */
	struct observed_topom dashboard;
	int64_t dashboard_asked_ms; /* 0: ask at once */
	int64_t listed_ms;          /* when the folder of groups was read */
	int64_t proxies_read_ms;    /* when the folder of proxies and all in it had been read */
	int proxies_unread;         /* such nodes under way */
	int64_t list_asked_ms;      /* when the coordinator's folders were last asked for */
	int listing;                /* such questions under way */
	bool all_changed;           /* what has changed in the coordinator cannot be told: all is read at once */
	int reread_at, reread_left; /* groups that are read again though nothing tells that they have changed */
	bool list_failed;           /* one of them had no answer: they are asked again soon */
	bool no_proxy_folder;       /* nor is there a watch on a folder that is not there: so likewise */
	bool reload_due;
	bool leads;          /* since it does, the dashboard has been told to read its tree anew, or is to be */
	int64_t reloaded_ms; /* when the dashboard was last told to read its tree anew, or said that it will */
	int64_t reload_ms;   /* from when on the dashboard is told to; 0: it is not to be */
	bool ask_now;        /* a pod has changed: all are asked, whenever they were asked last */

	/* act */
	int64_t dashboard_acted_ms, assigned_ms, zookeeper_acted_ms; /* assigned_ms: slots, by us */
	int dashboard_running, zookeeper_running;
	int assigning; /* of dashboard_running */
	int running;   /* actions under way */
	int scaling_running;
	int64_t scaling_acted_ms;
	struct calm_done dashboard_done, zookeeper_done, scaling_done;
	struct calm_pods deleted;
	struct calm_window deletions;
	int deleting; /* pods: deletions under way */

	/* op.c, of this controller: failovers, and masters that were changed without one; what failed */
	struct {
		int64_t failovers, switches, failed;
	} tally;

	/* scale_tell.c: what was told of slots that move, and how many there are by the metric */
	struct {
		struct moving moving;
		bool waits;
		int64_t waits_since_ms;
		int left;
	} scale_told;

	/* ledger.c */
	bool recalled;     /* what is noted on the StatefulSets has been read */
	bool noting;       /* a note is being written */
	int note_failures; /* in a row */
	int64_t note_tried_ms;
	struct cluster_note {
		char uid[POD_UID_MAX]; /* of the StatefulSet */
		struct note_times times, before;
		int64_t losses_ms;
		bool writing; /* `before` is what holds if that fails */
	} * notes;
	int note_count, note_next; /* note_next: the StatefulSet that is looked at first */

	/* wished.c: what a person wishes of a group */
	struct wished {
		enum wished_step {
			WISHED_NOTHING,
			WISHED_SEEN,
			WISHED_CHOSEN, /* it is noted as begun, with who is to lead, by us */
			WISHED_BEGUN,  /* the switch is under way ... */
			WISHED_ENDED,  /* ... or over: the answer is to be written */
			WISHED_ANSWERED,
		} step;
		char uid[POD_UID_MAX];      /* of the StatefulSet */
		char text[WISH_TEXT_MAX];   /* as the API server has it, as far as is known ... */
		char before[WISH_TEXT_MAX]; /* ... and as a watch that is late may have it still */
		struct wish wish, chosen;   /* chosen: that is being written */
		struct wish_answer answer;  /* that is to be written, or is */
		char unreadable[160];       /* why it cannot be read; "" : it can */
		int64_t seen_ms, answered_ms, tried_ms;
		int failures;           /* in a row */
		bool writing, choosing; /* choosing: what is written is no answer */
	} wished;

	/* budgets.c */
	struct {
		bool due;            /* something has changed since the last look */
		bool writing;        /* one is being written */
		int failures;        /* in a row */
		int from_gid;        /* the group that was written last */
		int from_set;        /* its StatefulSet, counted in the order of their labels */
		uint64_t twice_told; /* hash of what was told of pods that two others select */
		int64_t twice_ms;    /* when */
		int64_t looked_ms;
	} budgets;

	/* roles.c */
	struct {
		bool writing;
		int failures; /* in a row */
		int64_t failed_ms;
	} roles;

	/* cluster.c */
	struct cost cost;
	int64_t turned_us, counted_us; /* CPU time: of its turns; what cost has counted already */
	uv_timer_t soon;
	uv_timer_cb look; /* what soon does */
	int64_t last_tick_ms, steady_since_ms, looked_ms;
	struct calm_tilt tilt;
	/* What a limit held up in the last turn, and what a dry run would have done. */
	struct action held[CLUSTER_HELD], would[CLUSTER_HELD];
	struct recent_note recent[RECENT_NOTES];
	int recent_count;
	uint64_t held_told, would_told; /* hashes of what was told of it, and of what a dry run would do */
	bool open;                      /* something is under way or awaited: looked at at each tick */
	int64_t empty_since_ms;
	bool closing;
	struct cluster_view view; /* the last one */
	struct picture_room room;
	char line[1024]; /* the last status line that was logged, and when */
	int64_t line_ms;
	bool line_leads; /* this controller led when it was judged last */
	bool ok;
	struct cluster *next;
};

/* Begins to watch, and where this controller leads, to act. NULL: no memory (logged). */
struct cluster *cluster_begin(struct controller *ctl, const char *namespace, const char *product);
/* Ends what it asks and frees it, in the next turns of the loop. Nothing may be under way in it (cluster_idle). */
void cluster_end(struct cluster *c);
bool cluster_idle(const struct cluster *c);
/* Whether its coordinator names more than are watched. Then nothing is done in it, since not all of it is seen. */
bool cluster_is_too_large(const struct cluster *c);
/* Ten times a second: asks what is due, and looks where something is under way, or a second has passed. */
void cluster_tick(struct cluster *c, int64_t now_ms);
/* The loop did not turn for so long that nothing heard before counts, and this has not been noted yet. */
bool cluster_slept(const struct cluster *c, int64_t now_ms);
/* All is well in the group: a verified master, every member in sync, nobody leaves. */
bool cluster_is_calm(const struct cluster_view *v, const struct group_view *g);
/* Takes stock if that is due, makes the picture, decides and acts: now. */
void cluster_turn(struct cluster *c);
/* Something was seen: make the picture and decide, in the next turn of the loop. */
void cluster_look(struct cluster *c);
/* An answer came: looked at within milliseconds, together with those that come with it. news: it says something else
 * than the one before it; else it is only looked at while something is under way, which may have waited for it. */
void cluster_heard(struct cluster *c, bool news);

/* What is held of a group, proxy, server, dashboard; NULL when it is not (make: memory ran out). */
struct observed_group *cluster_group(struct cluster *c, int gid, bool make);
struct observed_proxy *cluster_proxy(struct cluster *c, const char *admin_addr, bool make);
struct observed_server *cluster_server(struct cluster *c, const char *addr);
struct observed_dashboard *cluster_dashboard(struct cluster *c, const char *addr, bool make);
/* Which dashboard serves: after one was heard or forgotten. */
void cluster_note_serving(struct cluster *c);
/* Room for one more in an array of pointers. 0, or -1: no memory. */
int cluster_grow(void *array_of_pointers, int *room, int count);
/* A path below /codis3/<product>/. */
void cluster_path(const struct cluster *c, char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
