/* sim.h - the world of one history: nodes, the network between them, Kubernetes, ZooKeeper, Codis, and controllers that
 * are the real ones from their timers to their decisions. One seed, one history; nothing here has another clock than
 * `W.now` and another source of chance than `W.chance`. Times are microseconds. */
#ifndef CODIS_TESTS_SIMULATION_SIM_H
#define CODIS_TESTS_SIMULATION_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/codis/model.h"
#include "common/codis/wish.h"
#include "controller/clusters.h"
#include "controller/sight.h"

struct kube_client;
struct lease;

#define MS(n) ((int64_t)(n)*1000)
#define S(n)  ((int64_t)(n)*1000000)

#define NODES       4
#define SIM_GROUPS  3
#define CONTROLLERS 3
#define PODS        128
#define WRITES      16384
#define WORDS       (WRITES / 64)
#define PRODUCT     "codis-test"
#define NAMESPACE   "ns"
#define SIM_ADDR    24

struct sim_controller;
struct pod;

/* --- world.c: events, chance, the network --- */

typedef void (*event_fn)(void *ctx, int64_t arg);
void after(int64_t us, event_fn fn, void *ctx, int64_t arg);
/* In a controller: held while it is stopped, and forgotten when it has ended meanwhile. */
void after_in(struct sim_controller *c, int64_t us, event_fn fn, void *ctx, int64_t arg);
/* A message from node to node: held back while the way is cut, lost where the node has no power. in: the controller
 * that it is for, or NULL. */
void message(int from, int to, struct sim_controller *in, event_fn fn, void *ctx, int64_t arg);
/* On one connection: behind the one before it, which arrives at *last. */
void message_behind(int64_t *last, int from, int to, struct sim_controller *in, event_fn fn, void *ctx, int64_t arg);
void timer_in(struct sim_controller *c, int64_t us, event_fn fn, void *ctx, int64_t arg);
bool way_open(int from, int to);
bool way_rejected(int from, int to);
/* That controller alone does not reach this proxy, nor is it heard there. */
bool is_hidden(const struct sim_controller *from, const struct pod *proxy);
int64_t latency(int from, int to);
void run_until(int64_t until, bool (*done)(void));

uint64_t chance_bits(void);
int chance_below(int n);                      /* 0 .. n-1 */
int64_t chance_between(int64_t a, int64_t b); /* a .. b */
bool chance_percent(int percent);

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));    /* a sentence of the history */
void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* an invariant; once a history */
/* What is asked for all the time is written without printf: words up to NULL, a number. */
void add_words(struct buf *out, ...) __attribute__((sentinel));
void add_number(struct buf *out, int64_t n);

/* --- redis.c --- */

/* What a process has sent to its replicas since it began: of each write when, and which. */
struct stream {
	int count, room;
	struct {
		int64_t at;
		int write;
	} * entries;
	int limit; /* what its end has let out; -1: it has not ended */
};

enum link { LINK_NONE, LINK_TRANSFER, LINK_LOADING, LINK_UP };

struct redis {
	struct pod *pod;
	char run_id[41];
	bool leads, loading, busy;
	bool ending;    /* its preStop hook has said so */
	bool instead;   /* it got its role while another one lived that led */
	int generation; /* of its load or sync */
	char master[SIM_ADDR];
	uint64_t data[WORDS];
	int keys;
	int64_t offset;
	bool has_backlog;
	int64_t ping_us;
	int min_replicas;
	int64_t min_lag_us;
	struct stream *out;
	/* as a replica */
	enum link link;
	struct pod *from;
	struct stream *in;
	int in_at;
	bool cached;
	int64_t down_since; /* its link to the one that it follows; 0: that never was up */
	int64_t up_since, lag, heard_us, acked_us, transfer_us, way_lag;
	int64_t late_us; /* what it is sent comes so much later: its way from its master is narrow */
	uint64_t *copy;
	int copy_at, copy_keys;
	int64_t copy_offset;
	int reign;     /* counts who got the role when */
	bool of_file;  /* what it has is what its file had, since when it did not lead or sync */
	bool unsynced; /* a person gave it the role while it was not in sync */
};

void redis_start(struct pod *p);
void redis_died(struct pod *p, bool silently);
void redis_continue(struct pod *p);
/* All that has arrived by now is taken: before anything changes on which it depends, and before it is looked at. */
void redis_pump(struct redis *r);
void redis_pump_all(void);
/* The answer of a command, as RESP_STATUS, RESP_ERROR or RESP_STRING. */
int redis_do(struct pod *p, int argc, const char *const *argv, char *out, size_t size);
const char *redis_write(struct pod *p, int write); /* NULL: done; else the error */
void redis_save(struct pod *p);
void redis_cron(void);
void redis_lose_backlog(struct redis *r); /* it has to sync anew */
void redis_slowed(void);                  /* ways are slower or faster than before */
int64_t redis_late(int gid);              /* who of the group is late by most */
bool has_write(const uint64_t *data, int write);

/* --- codis.c: proxies and their clients; dashboard.c --- */

struct writer {
	struct pod *proxy;
	int group, slot, write;
	bool in_flight, waiting;
	int generation;
	int64_t sent_us;
	char addr[SIM_ADDR];
	int run;
	int64_t acked_us;
};

struct proxy_slot {
	int group, from;     /* from: the group that it is moved from; 0: it is not moved */
	bool locked, misled; /* misled: to where it was before it was moved, by who could not ask how it is */
	char addr[SIM_ADDR], from_addr[SIM_ADDR];
};

/* A slot is moved to another group: all proxies hold it once (prepared), then they send it to its new group
 * (migrating), and its keys are moved. */
enum move_state { MOVE_NONE, MOVE_PENDING, MOVE_PREPARING, MOVE_PREPARED, MOVE_MIGRATING, MOVE_FINISHED };
struct move {
	enum move_state state;
	int target;
	bool moved; /* its keys are */
};

struct call;
struct proxy {
	char token[33];
	bool online;
	int64_t asked_us; /* since when a dashboard is asked to take it in; 0: none is */
	struct proxy_slot slots[CODIS_SLOTS];
	struct call *first; /* served one after the other */
	int64_t waited_us;  /* when it waited last for what it has in flight, answering nothing */
	struct writer writers[SIM_GROUPS];
};

void proxy_start(struct pod *p);
void proxy_died(struct pod *p);
void proxy_continue(struct pod *p);
bool proxy_waits(const struct pod *p); /* for what it has in flight: it answers nothing */
void proxy_cron(void);
/* The calls to its admin interface. */
void proxy_call(struct pod *p, struct call *call);
void writers_begin(int gid);                  /* of a group that is new */
void writers_reset(const struct pod *server); /* its connections have ended */

struct dashboard {
	bool serves;
	int generation;
	struct call *first;
	bool at_work, anew; /* anew: the promotion that it is at, nobody was before */
	int64_t began_us;
	bool stale;                                /* to be read again */
	struct codis_group groups[SIM_GROUPS + 1]; /* as it has them in memory */
	char tokens[8][33];
	char admin[8][SIM_ADDR];
	int proxies;
	int16_t slot_group[CODIS_SLOTS];
	struct move moves[CODIS_SLOTS];
};
void dashboard_start(struct pod *p);
void dashboard_died(struct pod *p, bool gracefully);
void dashboard_call(struct pod *p, struct call *call);
/* A person promotes, in codis-fe. */
void dashboard_promote(struct pod *p, int gid, const char *addr);
/* A person moves a slot to another group. */
void dashboard_move(struct pod *p, int slot, int gid);

/* A call to an HTTP interface, from a controller, from the dashboard, or (kind CALL_PROMOTE) from a person. */
enum call_kind {
	CALL_OVERVIEW,
	CALL_FILL,
	CALL_START,
	CALL_RELOAD,
	CALL_ONLINE,
	CALL_ASSIGN,
	CALL_PROMOTE,
	CALL_MOVE,       /* gid: the slot */
	CALL_BEGIN_MOVE, /* slot, to gid */
	CALL_KNOCK
};
struct call {
	enum call_kind kind;
	struct pod *to;
	int to_run;
	int from; /* node */
	char token[33], addr[SIM_ADDR];
	int gid, slot;
	struct proxy_slot slots[CODIS_SLOTS];
	bool has_slot[CODIS_SLOTS];
	cJSON *body;
	void (*answer)(struct call *c, int status, const char *body); /* at whom it was asked of; once */
	void *ctx;
	struct call *next;
	bool begun, late; /* late: it was long on its way, or the proxy hung, or waited for a server */
	int64_t sent_us;
	struct call *before, *behind; /* of all that are under way */
	bool answered;
	int status;
	char *text;
	struct sim_controller *in;
	uint32_t epoch;
};
/* Sends it; the answer comes once, unless whoever asked is gone or the way is silent. */
void call_send(struct call *c);
void call_answer(struct call *c, int status, const char *body);
bool call_of_gone(const struct call *c); /* nobody waits for it any more, or another process is there */

/* --- kube.c --- */

enum pod_kind { SERVER, PROXY, DASHBOARD };
enum end { END_CRASH, END_TERM, END_KILL, END_POWER };

struct deferred {
	event_fn fn;
	void *ctx;
	int64_t arg;
	struct deferred *next;
};

struct pod {
	enum pod_kind kind;
	int ordinal, number; /* number: makes its uid */
	char name[32];
	int node, ip; /* -1, 0: none */
	char addr[SIM_ADDR];
	bool in_api, bound, deleting, waiting, crash_looping;
	int64_t deleting_us;  /* since when it is so */
	bool stranger;        /* of another namespace: it has an address that a server of ours had */
	bool plain;           /* ... and is none of Codis': an empty Redis, whose pod no watch tells */
	int64_t published_us; /* since when the API server says its address */
	int restarts;
	int64_t started_us, ended_us;
	int gid;              /* of a server */
	enum codis_role role; /* as its label says */
	/* its process */
	bool alive, stopped;
	int run;
	struct deferred *inbox, **inbox_end;
	struct redis *redis;
	struct proxy *proxy;
	struct dashboard *dashboard;
	/* what has befallen it, for what is promised: from, to */
	struct {
		int64_t from, to, late; /* what its replicas were late by */
	} faults[16];
	int fault_count;
	int64_t stopped_us, sick_us, unled_us;
	bool unled;       /* a controller and it do not hear each other */
	bool was_deleted; /* one of its name, by a controller */
	bool grace_over;
	int64_t told_us[CONTROLLERS]; /* since when a controller knows of this stranger */
	bool comes_at_once;           /* a stranger, when its address is free; or it is one whose address is taken so */
};

struct pod *new_pod(enum pod_kind kind, int ordinal);
void pod_bind(struct pod *p, int node);
void pod_started(struct pod *p);
void pod_end(struct pod *p, enum end how);
void pod_stop(struct pod *p);
void pod_continue(struct pod *p);
void pod_delete(struct pod *p, int grace_s);
void pod_force_delete(struct pod *p);
void node_power(int node, bool on);
void kubelet_cut(int node, bool cut);
void node_said_down(int node, bool gone); /* by a taint, or its object is gone */
struct pod *pod_at(const char *addr);
struct pod *pod_named(enum pod_kind kind, int ordinal); /* the one in the API, or NULL */
void deliver(struct pod *p, event_fn fn, void *ctx, int64_t arg);
void kube_feed(struct sim_controller *c); /* the first list */
cJSON *kube_pods_at(const char *ip);      /* a list of those that have it */
void kube_tell_pod(const struct pod *p);
void kube_tell_node(int node);
void kube_tell_set(void);
void kube_scaled(void);  /* W.servers is another number, or W.beside.servers */
bool has_group(int gid); /* some StatefulSet makes it */
int group_count(void);
int group_size(int gid);
int group_first(int gid); /* the lowest ordinal of its servers */
bool is_beside(enum pod_kind kind, int ordinal);
void note_fault(struct pod *p, int64_t from, int64_t to);

/* --- zk.c --- */

struct node {
	char path[96];
	char *data;
	size_t len;
	int version;
	int64_t czxid, mzxid;
};
void zk_reset(void);
void zk_forget(struct sim_controller *c);
struct node *zk_find(const char *path);
void zk_write(const char *path, const char *data); /* makes or overwrites it, as Codis does */
void zk_remove(const char *path);
bool zk_reachable(int from);
void zk_settle(struct sim_controller *c);    /* connected, or not any more */
const struct codis_group *zk_group(int gid); /* until it is written; NULL: there is none */
void zk_write_group(const struct codis_group *g);
void zk_write_proxy(const char *token, const char *addr);
int zk_proxies(char tokens[8][33], char addrs[8][SIM_ADDR]);
const char *go_time(int64_t us); /* as Go prints it */

/* --- controllers.c, wire.c --- */

struct held {
	bool timer;
	int64_t due;
	event_fn fn;
	void *ctx;
	int64_t arg;
};

struct sim_controller {
	int index, node;
	bool alive, stopped, api_cut;
	bool begun; /* a switch that a person wished is under way in it */
	uint32_t epoch;
	int64_t wall_offset_us, watch_lag_us, watch_last_us;
	int64_t api_cut_us; /* when it had no answer last */
	uv_loop_t loop;
	struct logger log;
	struct controller ctl;
	struct clusters *clusters;
	struct lease *lease;
	struct sight sight;
	struct held *held;
	int held_count, held_room;
	int crash_in; /* requests until it ends; 0: it does not */
	int64_t began_us, sick_us, blind_us;
};

void controller_start(struct sim_controller *c);
void controller_end(struct sim_controller *c);
void controller_stop(struct sim_controller *c);
void controller_continue(struct sim_controller *c);
void controller_may_crash(struct sim_controller *c); /* at a request that changes something */
void controller_run(struct sim_controller *c, event_fn fn, void *ctx, int64_t arg);
struct cluster *controller_cluster(struct sim_controller *c);
struct sim_controller *controller_of(const uv_loop_t *uv);
void wire_pod_died(struct pod *p, bool silently);
void wire_reset(struct pod *p); /* its connections are cut: CLIENT KILL */
void uv_played_reset(void);
void wire_reset_all(void);
void world_reset(void);
struct kube_client *kube_played(struct sim_controller *c);

/* --- check.c --- */

void check_begin(void);
void check_write_acked(struct writer *w, struct pod *server);
/* What a process has is about to be gone; by: "" for what befalls it, else who does it. */
void check_data_gone(struct pod *p, const char *by);
void check_let_go(const struct pod *p, int64_t since_us);
void check_sync_begins(struct redis *replica, struct redis *master);
void check_group_written(struct sim_controller *by, int64_t asked_us, const struct codis_group *before,
			 const struct codis_group *after);
/* A server that is told words which a controller sent then. */
void check_told(const struct sim_controller *by, int64_t sent_us, const struct pod *p, const char *words);
/* ... and whom it is told to follow. */
void check_told_master(const struct sim_controller *by, int64_t sent_us, const struct pod *p, const char *master);
void check_proxy_removed(struct sim_controller *by, const char *token);
void check_pod_deleted(struct sim_controller *by, struct pod *p);
void check_role_given(struct redis *r);
void check_taken_back(const struct pod *old, int run);
void check_lock_removed(struct sim_controller *by, const char *lock);
void check_sight(struct sim_controller *c);
void check_turn(struct sim_controller *c);
bool check_green(char *why, size_t size);
void check_end(void);
void check_way_changed(void);
void check_who_is_led(void); /* a controller began or ended, a process was stopped or goes on */
void check_given_up(int gid);
void check_promoted_by_person(int gid, struct pod *target);
bool check_has_oldest(int gid); /* its master has the first write that was acknowledged: the keys are there again */
bool is_behind(const struct redis *r); /* a replica that lacks what its master does now */
void check_role_by_person(int gid, struct pod *target);
void check_undone_by_person(int gid);
void check_declared_by_person(int gid, const struct pod *target);
/* It has the role, and whoever gave it has ended, and all proxies. */
void check_role_untold(const struct pod *next);
void check_takes_itself_in(const struct pod *proxy); /* a dashboard is at it; no controller has asked for it */
void check_write_done(int write, struct pod *server);
/* Whose a slot is; all groups that have a part of it are right while it is moved. */
bool check_is_home(int slot, int gid);
/* What a group has of a slot is moved to another one; false: not all of it is. */
/* A controller scales. */
void check_scaled(const struct sim_controller *by, int servers);
bool check_slot_moves(int slot, struct pod *from, struct pod *to);

/* No way changes, no controller is away, and all of them reach it, for so long. */
bool check_all_reach(const struct pod *p, int64_t us);

/* --- bounds.c --- */

void bounds_reset(void);
/* The only one of its history, in a world in which all is well: writes of a group stop for so long at most. */
void bounds_fault(const char *words, int64_t limit_us);
void bounds_acked(int gid);
void bounds_written(const struct pod *p, bool refused);
void bounds_controller_ended(void);
void bounds_emptied(int gid);
void bounds_led_by_file(int gid, int keys);
void bounds_taken_back(int gid); /* one that never ceased to lead, with keys, is declared again */
bool bounds_all_noted(void);     /* on the StatefulSet, as far as is known of what was lost */
void bounds_end(void);

/* --- faults.c --- */
/* The next one is declared; it has its role, and no proxy is told yet. */
enum step { STEP_NONE, STEP_FENCED, STEP_ROLE, STEP_WISHED };
void faults_draw(void);
/* A controller has got so far with a change of master: what is to befall it there does. */
void faults_at(enum step step, struct sim_controller *by, struct pod *next);
void faults_slot_moves(void); /* one is to, as a controller says */
void faults_end(void);

/* Of a second StatefulSet of the product, whose SERVER_REPLICA is another one: it makes the last group. */
#define BESIDE_GID SIM_GROUPS
struct beside {
	bool is;               /* this history has one, sooner or later */
	int replicas, servers; /* SERVER_REPLICA; its spec.replicas, 0 before it is made */
	char slots_note[512], lost_note[512], had_note[64], moving_note[128], scale_note[16];
};

struct settings {
	int groups, replicas, proxies, controllers;
	bool volumes, reuse_addresses, cold;
	bool mesh; /* a proxy before each server takes connections, and closes them when nobody is behind it */
	int node_loss_ms;
	int64_t not_ready_us;
	int64_t sync_us, load_us, think_us, backend_us, kubelet_us, faults_us;
};

struct write {
	int64_t done_us, acked_us;
	struct pod *by;
	int16_t group, slot;
	int reign;
	bool moved;                 /* with its slot, to another group: another write stands for it */
	bool acked, excused, split; /* split: done by a master after a later one had acknowledged */
};

struct world {
	uint64_t seed, chance;
	bool verbose, measure;
	int64_t now;
	uint32_t sequence;
	struct settings set;
	bool node_up[NODES], node_ready[NODES];
	bool cordoned[NODES], node_out[NODES], node_gone[NODES]; /* as a person, or the provider, says */
	int64_t off_us[NODES];
	bool kubelet_cut[NODES]; /* from the API server */
	int strangers;
	bool cut[NODES][NODES];
	bool rejected[NODES][NODES]; /* ... by a firewall that says so: who connects is refused */
	int64_t cut_since[NODES][NODES];
	struct {
		const struct sim_controller *from;
		const struct pod *proxy;
		int64_t since_us, until_us;
	} hidden;
	int64_t slow_us[NODES];
	bool zk_down[3];
	int64_t zk_write_us, zk_watch_us; /* it is slower by up to so much */
	struct pod pods[PODS];
	int pod_count, run_count, reigns, next_ip, uid_count;
	struct pod *by_ip[256];
	struct sim_controller controllers[CONTROLLERS];
	struct write writes[WRITES];
	int write_count;
	char broken[1024];
	bool faults_over, single; /* one fault alone befalls it */
	bool hung_in_assignment;  /* a dashboard */
	enum step ends_at;        /* so far the next change of master comes */
	int64_t faults_over_us;
	char lost_words[256];
	int losses_by_world;
	int64_t asked_us[SIM_GROUPS + 1]; /* when a person was last asked to say which of two masters' data counts */
	char slots_note[512], lost_note[512], allow_note[64]; /* annotations of the StatefulSet */
	char wish_note[WISH_TEXT_MAX];                        /* codis.io/switchover */
	char had_note[64], moving_note[128], scale_note[16];
	int servers; /* its spec.replicas */
	struct beside beside;
	int64_t set_version;
	struct {
		uint64_t data[WORDS];
		int keys;
	} volumes[SIM_GROUPS * 3];     /* by ordinal */
	int16_t assigned[CODIS_SLOTS]; /* as the coordinator has it */
	struct move moves[CODIS_SLOTS];
	bool moves_slots;   /* in this history */
	bool scales;        /* ... because there are more servers, or to be fewer */
	bool wishes;        /* a person wishes that another one leads */
	bool hides;         /* a proxy is hidden; kubelets say that proxies are ready */
	struct call *calls; /* under way */
};
extern struct world W;

#endif
