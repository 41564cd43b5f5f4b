#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/redis.h"
#include "tests/codis-sim/topom.h"

/* "" -> preparing: who it will be is written down before anything is done. */
static int begin(struct topom *t, struct group *g, int index, struct error *err)
{
	golog_warn("group-[%d] will promote index = %d", g->id, index);
	action_set(&g->promoting, index, ST_PREPARING);
	return store_group(t, g, "update", err);
}

/* preparing -> prepared: the slots are locked at all proxies. A proxy that fails undoes it at the others. */
static int prepare(struct topom *t, struct group *g, struct error *err)
{
	golog_warn("group-[%d] resync to prepared", g->id);
	action_set(&g->promoting, g->promoting.index, ST_PREPARED);
	if (topom_resync_group(t, g->id, err) < 0) {
		golog_warn("group-[%d] resync-rollback to preparing", g->id);
		action_set(&g->promoting, g->promoting.index, ST_PREPARING);
		topom_resync_group(t, g->id, NULL);
		golog_warn("group-[%d] resync-rollback to preparing, done", g->id);
		return -1;
	}
	return store_group(t, g, "update", err);
}

/* The new master first, the old one last, the others as they were; no sync action survives. */
static void reorder(struct group *g)
{
	struct server first = g->servers[g->promoting.index], old = g->servers[0];
	int n = 1;

	for (int i = 1; i < g->count; i++)
		if (i != g->promoting.index)
			g->servers[n++] = g->servers[i];
	g->servers[0] = first;
	if (g->promoting.index)
		g->servers[n] = old;
	for (int i = 0; i < g->count; i++)
		action_set(&g->servers[i].action, 0, ST_NOTHING);
}

/* Best effort, one second: what fails here is only logged. */
static void make_master(struct topom *t, const char *addr)
{
	const char *auth = conf_get(&t->conf, "product_auth");
	struct error err = ERROR_INIT;
	REDIS_CLEANUP redisContext *c = redis_open(addr, auth, 1000, &err);

	if (!c)
		golog_warn("create redis client to %s failed\n[error]: %s", addr, err.text);
	else if (redis_set_master(c, "NO:ONE", auth, &err) < 0)
		golog_warn("redis %s set master to NO:ONE failed\n[error]: %s", addr, err.text);
}

/* prepared -> finished */
static int change(struct topom *t, struct group *g, struct error *err)
{
	reorder(g);
	action_set(&g->promoting, 0, ST_FINISHED);
	if (store_group(t, g, "update", err) < 0)
		return -1;
	make_master(t, g->servers[0].addr);
	return 0;
}

/* finished -> "": the proxies get the new master and unlock. */
static int finish(struct topom *t, struct group *g, struct error *err)
{
	golog_warn("group-[%d] resync to finished", g->id);
	if (topom_resync_group(t, g->id, err) < 0) {
		golog_warn("group-[%d] resync to finished failed", g->id);
		return -1;
	}
	action_set(&g->promoting, 0, ST_NOTHING);
	g->out_of_sync = false;
	return store_group(t, g, "update", err);
}

static int may_promote(struct topom *t, const struct group *g, int index, struct error *err)
{
	long running = atomic_load(&t->executor);

	if (g->promoting.state[0] && index != g->promoting.index)
		return error_set(err, ERR_INVALID, "group-[%d] is promoting index = %d", g->id, g->promoting.index);
	if (!g->promoting.state[0] && index == 0)
		return error_set(err, ERR_INVALID, "group-[%d] can't promote master", g->id);
	if (running)
		return error_set(err, ERR_INVALID, "slots-migration is running = %ld", running);
	return 0;
}

int group_promote(struct topom *t, int gid, const char *addr, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;
	int index;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	g = find_member(t, gid, addr, &index, err);
	if (!g || may_promote(t, g, index, err) < 0)
		return -1;
	topom_dirty_group(t, gid);
	if (!g->promoting.state[0] && begin(t, g, index, err) < 0)
		return -1;
	if (action_is(&g->promoting, ST_PREPARING) && prepare(t, g, err) < 0)
		return -1;
	if (action_is(&g->promoting, ST_PREPARED) && change(t, g, err) < 0)
		return -1;
	return finish(t, g, err);
}
