/* cluster.h - one Codis cluster (a product in a namespace) as the controller holds it: what is observed, what is being
 * done. observe.c fills it in by asking Codis, act.c carries actions out on it, steer.c makes the view of it and
 * decides. */
#ifndef CODIS_CONTROLLER_CLUSTER_H
#define CODIS_CONTROLLER_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "controller/decide.h"
#include "controller/kubeview.h"
#include "controller/view.h"

struct buf;
struct coordinator;
struct fill;
struct http_client;
struct kube_client;
struct kube_events;
struct logger;
struct loop_timer;
struct metrics;
struct redis_probe;

/* What all clusters share. */
struct controller {
	uv_loop_t *uv;
	const struct logger *log;
	struct metrics *metrics;
	struct kube_client *kube;
	struct kube_events *events;
	struct kubeview *kubeview;
	struct decide_limits limits;
	int probe_ms, probe_timeout_ms;
	enum view_mode mode;
	const char *crash_at; /* tests: end the process at this point, once armed */
	bool crash_armed;
};

struct observed_server {
	char addr[CODIS_ADDR_MAX];
	struct redis_probe *probe;
	char uid[VIEW_UID_MAX];              /* of the pod that had this address when the probe began */
	char role_run_id[CODIS_RUN_ID_SIZE]; /* the process that was last seen with a role or a synced link */
	int role_version;                    /* ... and the version of its group's node at that time */
	bool wanted;                         /* by the last view */
	struct cluster *c;
};

struct observed_group {
	struct codis_group node;
	bool exists;
	int version;
	int64_t read_ms;  /* when the read that gave this began; 0: never read */
	int64_t acted_ms; /* when something was last done here */
	int64_t retry_ms; /* nothing is done before this: backoff after a failure */
	int failures;
	int running; /* actions under way */
	int64_t masterless_ms;
	bool wanted;
};

struct observed_proxy {
	struct cluster *c;
	char admin_addr[CODIS_ADDR_MAX];
	char token[CODIS_TOKEN_MAX];            /* as the process says */
	char registered_token[CODIS_TOKEN_MAX]; /* as the coordinator has it for this address; "" not registered */
	int registered_version;
	enum reach reach;
	int64_t since_ms, first_seen_ms, asked_ms, acted_ms, heard_ms;
	int64_t slots_ms; /* when the question was asked whose answer has the slots */
	bool asking, online, has_slots, wanted;
	int running;
	struct fill *fills; /* act_fill.c: under way and waiting, in their order */
	struct codis_slot slots[CODIS_SLOTS];
};

#define CLUSTER_SERVERS 512
#define CLUSTER_GROUPS  128
#define CLUSTER_PROXIES 128

struct cluster {
	struct controller *ctl;
	char namespace[64], product[CODIS_PRODUCT_MAX], auth[128];
	struct http_client *http;
	struct coordinator *zk;
	char zk_name[256];      /* as the pods name it */
	char zk_resolved[512];  /* the addresses that the open coordinator has */
	int64_t zk_resolved_ms; /* when the name was last asked for */
	bool zk_resolving;

	int server_count, group_count, proxy_count;
	struct observed_server *servers[CLUSTER_SERVERS];
	struct observed_group *groups[CLUSTER_GROUPS];
	struct observed_proxy *proxies[CLUSTER_PROXIES];
	struct dashboard_view dashboard;
	int64_t dashboard_asked_ms, dashboard_acted_ms;
	bool dashboard_asking;
	int dashboard_running;
	bool reload_due;
	bool groups_listed; /* the group folder was read at least once */
	int64_t listed_ms;  /* when the coordinator's folders were last asked for */
	int listing;        /* such questions under way */
	bool watch_only;    /* codis.io/ha: keep */

	uv_timer_t tick, soon;
	uv_timer_cb look; /* what soon does */
	int64_t last_tick_ms, steady_since_ms;
	int running; /* actions under way */
	int64_t empty_since_ms;
	bool pods_seen; /* since the last steer_end_when_idle */
	int open_handles;
	bool closing;

	struct cluster_view view; /* the last one; its arrays are below */
	struct server_view view_servers[CLUSTER_SERVERS];
	struct group_view view_groups[CLUSTER_GROUPS];
	struct proxy_view view_proxies[CLUSTER_PROXIES];
	char line[1024]; /* the last status line that was logged */
	struct cluster *next;
};

/* Something was seen: make the view and decide, in the next turn of the loop. */
void cluster_look(struct cluster *c);
/* What is held of a group, proxy, server; NULL when it is not (make: memory ran out, or the limit is reached). */
struct observed_group *cluster_group(struct cluster *c, int gid, bool make);
struct observed_proxy *cluster_proxy(struct cluster *c, const char *admin_addr, bool make);
struct observed_server *cluster_server(struct cluster *c, const char *addr);
/* A path below /codis3/<product>/. */
void cluster_path(const struct cluster *c, char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
