#include <unistd.h>

#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/redis.h"
#include "tests/codis-sim/topom.h"

enum { SYNC_TIMEOUT_MS = 30 * 60 * 1000 };

static int last_index(const struct topom *t)
{
	int max = 0;

	for (int i = 0; i < t->n_groups; i++)
		for (int k = 0; k < t->groups[i].g->count; k++) {
			const struct action *a = &t->groups[i].g->servers[k].action;

			if (action_is(a, ST_PENDING) && a->index > max)
				max = a->index;
		}
	return max;
}

int sync_create(struct topom *t, const char *addr, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;
	int index;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	g = find_server(t, addr, &index, err);
	if (!g || not_promoting(g, err) < 0)
		return -1;
	if (action_is(&g->servers[index].action, ST_PENDING))
		return error_set(err, ERR_EXISTS, "server-[%s] action already exist", addr);
	topom_dirty_group(t, g->id);
	action_set(&g->servers[index].action, last_index(t) + 1, ST_PENDING);
	return store_group(t, g, "update", err);
}

int sync_remove(struct topom *t, const char *addr, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;
	int index;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	g = find_server(t, addr, &index, err);
	if (!g || not_promoting(g, err) < 0)
		return -1;
	if (!g->servers[index].action.state[0])
		return error_set(err, ERR_NOTFOUND, "server-[%s] action doesn't exist", addr);
	topom_dirty_group(t, g->id);
	action_set(&g->servers[index].action, 0, ST_NOTHING);
	return store_group(t, g, "update", err);
}

/* --- carrying out: one at a time, and a server that hangs holds up all the others --------------------------------- */

static struct server *next_pending(struct topom *t, struct group **group)
{
	struct server *first = NULL;

	for (int i = 0; i < t->n_groups; i++) {
		struct group *g = t->groups[i].g;

		for (int k = 0; k < g->count; k++) {
			struct server *s = &g->servers[k];

			if (action_is(&s->action, ST_PENDING) && (!first || s->action.index < first->action.index)) {
				first = s;
				*group = g;
			}
		}
	}
	return first;
}

/* Picks the next action; addr and its master to be. False: nothing to do. */
static bool prepare(struct topom *t, char addr[ADDR_SIZE], char master[ADDR_SIZE])
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g = NULL;
	struct server *s;

	if (topom_enter(t, NULL) < 0)
		return false;
	held = t;
	s = next_pending(t, &g);
	if (!s || g->promoting.state[0])
		return false;
	topom_dirty_group(t, g->id);
	golog_warn("server-[%s] action prepare", s->addr);
	snprintf(addr, ADDR_SIZE, "%s", s->addr);
	snprintf(master, ADDR_SIZE, "%.127s", s == g->servers ? "NO:ONE" : g->servers[0].addr);
	action_set(&s->action, 0, ST_SYNCING);
	return store_group(t, g, "update", NULL) == 0;
}

static void complete(struct topom *t, const char *addr, bool failed)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct group *g;
	int index;

	if (topom_enter(t, NULL) < 0)
		return;
	held = t;
	g = find_server(t, addr, &index, NULL);
	if (!g || g->promoting.state[0] || !action_is(&g->servers[index].action, ST_SYNCING))
		return;
	topom_dirty_group(t, g->id);
	golog_warn("server-[%s] action failed = %s", addr, failed ? "true" : "false");
	action_set(&g->servers[index].action, 0, failed ? "synced_failed" : "synced");
	store_group(t, g, "update", NULL);
}

static bool set_master(struct topom *t, const char *addr, const char *master)
{
	const char *auth = conf_get(&t->conf, "product_auth");
	struct error err = ERROR_INIT;
	REDIS_CLEANUP redisContext *c = redis_open(addr, auth, SYNC_TIMEOUT_MS, &err);

	if (c && redis_set_master(c, master, auth, &err) == 0)
		return true;
	golog_warn("redis %s set master to %s failed\n[error]: %s", addr, master, err.text);
	return false;
}

void *sync_thread(void *topom)
{
	struct topom *t = topom;
	char addr[ADDR_SIZE], master[ADDR_SIZE];

	while (!topom_is_closed(t)) {
		if (prepare(t, addr, master))
			complete(t, addr, !set_master(t, addr, master));
		sleep(1);
	}
	return NULL;
}
