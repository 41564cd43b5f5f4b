/* topom.h - the state of a dashboard. One mutex for everything, reading included: a call that waits for a proxy or a
 * server keeps all others waiting. What the coordinator holds is cached; what a call has changed is read again by the
 * next one. Writes carry no versions. */
#ifndef CODIS_SIM_TOPOM_H
#define CODIS_SIM_TOPOM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/error.h"
#include "tests/codis-sim/auth.h"
#include "tests/codis-sim/conf.h"
#include "tests/codis-sim/model.h"
#include "tests/codis-sim/serve.h"

struct zk;

#define MAX_PROXIES 256

struct topom {
	pthread_mutex_t mu;
	struct conf conf;
	struct model model;
	char xauth[XAUTH_SIZE];
	struct zk *zk;
	struct serve *serve;
	bool online, closed;

	/* the cache; what is not valid is read again by topom_enter() */
	struct slot_map slots[MAX_SLOTS];
	bool slot_valid[MAX_SLOTS];
	struct group_ref {
		int id;
		struct group *g; /* during a call never NULL */
		bool dirty;
	} * groups; /* sorted by id */
	int n_groups;
	bool groups_valid;
	struct model *proxies; /* sorted by id */
	int n_proxies;
	bool proxies_valid;

	/* slot actions */
	atomic_long interval, executor;
	atomic_bool disabled;
	char progress[256];

	/* what the last refresh said, each an object by address or token */
	cJSON *server_stats, *proxy_stats;
};

/* --- topom.c: life, cache, store ---------------------------------------------------------------------------------- */
int topom_start(struct topom *t, struct error *err); /* takes the lock, or says why it cannot */
void topom_close(struct topom *t);                   /* gives the lock back */
bool topom_is_online(struct topom *t);
bool topom_is_closed(struct topom *t);

/* Takes the mutex and fills the cache; on error the mutex is not held. topom_leave() after success. */
int topom_enter(struct topom *t, struct error *err);
void topom_leave(struct topom *t);
#define TOPOM_CLEANUP __attribute__((cleanup(topom_leave_cleanup)))
void topom_leave_cleanup(struct topom **t);

/* The next call reads it again; what this call holds stays valid until it leaves. */
void topom_dirty_slot(struct topom *t, int sid);
void topom_dirty_group(struct topom *t, int gid);
void topom_dirty_proxy(struct topom *t, const char *token);
void topom_dirty_all(struct topom *t);

int store_slot(struct topom *t, const struct slot_map *m, struct error *err);
int store_group(struct topom *t, const struct group *g, const char *verb, struct error *err);
int store_remove_group(struct topom *t, const struct group *g, struct error *err);
int store_proxy(struct topom *t, const struct model *p, const char *verb, struct error *err);
int store_remove_proxy(struct topom *t, const struct model *p, struct error *err);

/* NULL and *err: "group-[7] doesn't exist" */
struct group *find_group(struct topom *t, int gid, struct error *err);
struct group *peek_group(struct topom *t, int gid);
struct group *find_member(struct topom *t, int gid, const char *addr, int *index, struct error *err);
struct group *find_server(struct topom *t, const char *addr, int *index, struct error *err);
int not_promoting(const struct group *g, struct error *err);
struct model *find_proxy(struct topom *t, const char *token, struct error *err);
struct slot_map *find_slot(struct topom *t, int sid, struct error *err);
bool group_in_use(const struct topom *t, int gid);

/* --- topom_resync.c: slots as proxies get them -------------------------------------------------------------------- */
void topom_to_slot(struct topom *t, const struct slot_map *m, const struct model *proxy, struct slot *out);
cJSON *topom_slots_json(struct topom *t, const struct model *proxy, const struct slot_map *const *maps, int n);
/* Fills the slots at all proxies at once; an error when any proxy fails. */
int topom_resync(struct topom *t, const struct slot_map *const *maps, int n, struct error *err);
int topom_resync_group(struct topom *t, int gid, struct error *err);

/* --- topom_group.c ------------------------------------------------------------------------------------------------ */
int group_create(struct topom *t, int gid, struct error *err);
int group_remove(struct topom *t, int gid, struct error *err);
int group_resync(struct topom *t, int gid, struct error *err);
int group_resync_all(struct topom *t, struct error *err);
int group_add(struct topom *t, int gid, const char *datacenter, const char *addr, struct error *err);
int group_del(struct topom *t, int gid, const char *addr, struct error *err);
int group_replica(struct topom *t, int gid, const char *addr, bool value, struct error *err);
int group_replica_all(struct topom *t, bool value, struct error *err);

/* --- topom_promote.c ---------------------------------------------------------------------------------------------- */
int group_promote(struct topom *t, int gid, const char *addr, struct error *err);

/* --- topom_sync.c: sync actions ----------------------------------------------------------------------------------- */
int sync_create(struct topom *t, const char *addr, struct error *err);
int sync_remove(struct topom *t, const char *addr, struct error *err);
void *sync_thread(void *topom);

/* --- topom_slots.c ------------------------------------------------------------------------------------------------ */
int slots_action_create(struct topom *t, int sid, int gid, struct error *err);
int slots_action_some(struct topom *t, int from, int to, int count, struct error *err);
int slots_action_range(struct topom *t, int beg, int end, int gid, struct error *err);
int slots_action_remove(struct topom *t, int sid, struct error *err);
int slots_assign(struct topom *t, struct slot_map *maps, int n, bool offline, struct error *err);

/* --- topom_rebalance.c: plan[sid] is the group a slot goes to, or 0 ----------------------------------------------- */
int slots_rebalance(struct topom *t, bool confirm, int plan[MAX_SLOTS], struct error *err);

/* --- topom_migrate.c: slot actions are carried out ---------------------------------------------------------------- */
void *migrate_thread(void *topom);

/* --- topom_proxy.c ------------------------------------------------------------------------------------------------ */
int proxy_create(struct topom *t, const char *addr, struct error *err);
int proxy_online(struct topom *t, const char *addr, struct error *err);
int proxy_remove(struct topom *t, const char *token, bool force, struct error *err);
int proxy_reinit(struct topom *t, const char *token, struct error *err);
void proxy_xauth(const struct topom *t, const struct model *p, char out[XAUTH_SIZE]);

/* --- topom_stats.c ------------------------------------------------------------------------------------------------ */
void *server_stats_thread(void *topom);
void *proxy_stats_thread(void *topom);

/* --- topom_api.c -------------------------------------------------------------------------------------------------- */
extern const struct route topom_routes[];

#endif
