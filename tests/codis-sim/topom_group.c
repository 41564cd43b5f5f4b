#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/topom.h"

int group_create(struct topom *t, int gid, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group g = { .id = gid };

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	if (gid <= 0 || gid > MAX_GROUP)
		return error_set(err, ERR_INVALID, "invalid group id = %d, out of range", gid);
	if (peek_group(t, gid))
		return error_set(err, ERR_EXISTS, "group-[%d] already exists", gid);
	topom_dirty_group(t, gid);
	return store_group(t, &g, "create", err);
}

int group_remove(struct topom *t, int gid, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	g = find_group(t, gid, err);
	if (!g)
		return -1;
	if (g->count)
		return error_set(err, ERR_INVALID, "group-[%d] isn't empty", gid);
	topom_dirty_group(t, gid);
	return store_remove_group(t, g, err);
}

static int resync(struct topom *t, struct group *g, struct error *err)
{
	if (topom_resync_group(t, g->id, err) < 0) {
		golog_warn("group-[%d] resync-group failed", g->id);
		return -1;
	}
	topom_dirty_group(t, g->id);
	g->out_of_sync = false;
	return store_group(t, g, "update", err);
}

int group_resync(struct topom *t, int gid, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	g = find_group(t, gid, err);
	return g ? resync(t, g, err) : -1;
}

int group_resync_all(struct topom *t, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	for (int i = 0; i < t->n_groups; i++)
		if (resync(t, t->groups[i].g, err) < 0)
			return -1;
	return 0;
}

int group_add(struct topom *t, int gid, const char *datacenter, const char *addr, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;
	struct server *s;
	int index;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	if (find_server(t, addr, &index, NULL))
		return error_set(err, ERR_EXISTS, "server-[%s] already exists", addr);
	g = find_group(t, gid, err);
	if (!g || not_promoting(g, err) < 0)
		return -1;
	if (g->count == MAX_SERVERS)
		return error_set(err, ERR_TOOBIG, "group-[%d] is full", gid);
	topom_dirty_group(t, gid);
	s = &g->servers[g->count++];
	memset(s, 0, sizeof(*s));
	snprintf(s->addr, sizeof(s->addr), "%s", addr);
	snprintf(s->datacenter, sizeof(s->datacenter), "%s", datacenter);
	return store_group(t, g, "update", err);
}

int group_del(struct topom *t, int gid, const char *addr, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;
	int index;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	g = find_member(t, gid, addr, &index, err);
	if (!g || not_promoting(g, err) < 0)
		return -1;
	if (index == 0 && (g->count != 1 || group_in_use(t, gid)))
		return error_set(err, ERR_INVALID, "group-[%d] can't remove master, still in use", gid);
	topom_dirty_group(t, gid);
	if (index && g->servers[index].replica_group)
		g->out_of_sync = true;
	memmove(&g->servers[index], &g->servers[index + 1], (size_t)(g->count - index - 1) * sizeof(g->servers[0]));
	if (--g->count == 0)
		g->out_of_sync = false;
	return store_group(t, g, "update", err);
}

int group_replica(struct topom *t, int gid, const char *addr, bool value, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;
	int index;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	g = find_member(t, gid, addr, &index, err);
	if (!g || not_promoting(g, err) < 0)
		return -1;
	topom_dirty_group(t, gid);
	if (g->count != 1 && group_in_use(t, gid))
		g->out_of_sync = true;
	g->servers[index].replica_group = value;
	return store_group(t, g, "update", err);
}

static int replica_all(struct topom *t, struct group *g, bool value, struct error *err)
{
	bool changed = false;

	if (not_promoting(g, err) < 0)
		return -1;
	for (int i = 0; i < g->count; i++) {
		changed |= g->servers[i].replica_group != value;
		g->servers[i].replica_group = value;
	}
	if (!changed)
		return 0;
	topom_dirty_group(t, g->id);
	if (g->count != 1 && group_in_use(t, g->id))
		g->out_of_sync = true;
	return store_group(t, g, "update", err);
}

int group_replica_all(struct topom *t, bool value, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	for (int i = 0; i < t->n_groups; i++)
		if (replica_all(t, t->groups[i].g, value, err) < 0)
			return -1;
	return 0;
}
