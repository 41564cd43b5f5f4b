#include "tests/codis-sim/topom.h"

#include "common/base/json.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/rpc.h"

static const char *master_of(struct topom *t, int gid)
{
	const struct group *g = peek_group(t, gid);

	return g && g->count ? g->servers[0].addr : "";
}

static bool group_locked(struct topom *t, int gid)
{
	const struct group *g = peek_group(t, gid);

	return g && action_is(&g->promoting, ST_PREPARED);
}

static bool slot_locked(struct topom *t, const struct slot_map *m)
{
	if (action_is(&m->action, ST_PREPARED))
		return true;
	if (action_is(&m->action, ST_MIGRATING))
		return group_locked(t, m->group) || group_locked(t, m->action.target);
	if (action_is(&m->action, ST_FINISHED))
		return group_locked(t, m->action.target);
	return group_locked(t, m->group);
}

/* 0: on the proxy's own host, 1: in its datacenter, 2: elsewhere. */
static int distance(const struct server *s, const struct model *p)
{
	const char *a, *b;

	if (!p || strcmp(p->datacenter, s->datacenter) != 0)
		return 2;
	a = strrchr(s->addr, ':');
	b = strrchr(p->admin_addr, ':');
	if (a && b && a - s->addr == b - p->admin_addr && strncmp(s->addr, p->admin_addr, (size_t)(a - s->addr)) == 0)
		return 0;
	return 1;
}

static void add_replicas(struct topom *t, int gid, const struct model *p, struct slot *out)
{
	const struct group *g = peek_group(t, gid);

	if (!g || g->promoting.state[0] || g->count <= 1)
		return;
	for (int near = 0; near < 3; near++) {
		int count = 0;

		for (int i = 0; i < g->count; i++) {
			if (!g->servers[i].replica_group || distance(&g->servers[i], p) != near)
				continue;
			if (!out->groups)
				out->groups = calloc(3, sizeof(*out->groups));
			if (!out->groups)
				return;
			snprintf(out->groups[out->n_groups].addrs[count++], ADDR_SIZE, "%s", g->servers[i].addr);
			out->groups[out->n_groups].count = count;
		}
		if (count)
			out->n_groups++;
	}
}

static void point_to(struct topom *t, char addr[ADDR_SIZE], int *group, int gid)
{
	snprintf(addr, ADDR_SIZE, "%s", master_of(t, gid));
	*group = gid;
}

void topom_to_slot(struct topom *t, const struct slot_map *m, const struct model *proxy, struct slot *out)
{
	memset(out, 0, sizeof(*out));
	out->id = m->id;
	out->locked = slot_locked(t, m);
	out->method = strcmp(conf_get(&t->conf, "migration_method"), "sync") == 0 ? 0 : 1;
	if (action_is(&m->action, ST_PREPARED) || action_is(&m->action, ST_MIGRATING)) {
		point_to(t, out->backend, &out->backend_group, m->action.target);
		point_to(t, out->migrate, &out->migrate_group, m->group);
	} else if (action_is(&m->action, ST_FINISHED)) {
		point_to(t, out->backend, &out->backend_group, m->action.target);
	} else {
		point_to(t, out->backend, &out->backend_group, m->group);
		if (!action_is(&m->action, ST_PREPARING))
			add_replicas(t, m->group, proxy, out);
	}
}

cJSON *topom_slots_json(struct topom *t, const struct model *proxy, const struct slot_map *const *maps, int n)
{
	cJSON *array = cJSON_CreateArray();

	for (int i = 0; i < n; i++) {
		struct slot s;

		topom_to_slot(t, maps[i], proxy, &s);
		json_push(array, slot_json(&s));
		slot_release(&s);
	}
	return array;
}

/* One proxy's share of a resync; runs on a thread of its own. */
struct share {
	pthread_t thread;
	const struct model *proxy;
	char path[128];
	cJSON *body;
	int rc;
};

static void *fill(void *ctx)
{
	struct share *s = ctx;
	struct error err = ERROR_INIT;

	s->rc = rpc_call("PUT", s->proxy->admin_addr, s->path, s->body, RPC_TIMEOUT_MS, NULL, &err);
	if (s->rc < 0)
		golog_error("proxy-[%s] resync slots failed\n[error]: %s", s->proxy->token, err.text);
	return NULL;
}

int topom_resync(struct topom *t, const struct slot_map *const *maps, int n, struct error *err)
{
	struct share *shares;
	char xauth[XAUTH_SIZE];
	int rc = 0;

	if (!n || !t->n_proxies)
		return 0;
	shares = calloc((size_t)t->n_proxies, sizeof(*shares));
	if (!shares)
		return error_set(err, ERR_NOMEM, "no memory");
	for (int i = 0; i < t->n_proxies; i++) {
		shares[i].proxy = &t->proxies[i];
		shares[i].body = topom_slots_json(t, &t->proxies[i], maps, n);
		proxy_xauth(t, &t->proxies[i], xauth);
		snprintf(shares[i].path, sizeof(shares[i].path), "/api/proxy/fillslots/%s", xauth);
		if (pthread_create(&shares[i].thread, NULL, fill, &shares[i]))
			golog_panic("no thread");
	}
	for (int i = 0; i < t->n_proxies; i++) {
		pthread_join(shares[i].thread, NULL);
		cJSON_Delete(shares[i].body);
		if (shares[i].rc < 0 && rc == 0)
			rc = error_set(err, ERR_IO, "proxy-[%s] resync slots failed", shares[i].proxy->token);
	}
	free(shares);
	return rc;
}

int topom_resync_group(struct topom *t, int gid, struct error *err)
{
	const struct slot_map *maps[MAX_SLOTS];
	int n = 0;

	for (int i = 0; i < MAX_SLOTS; i++)
		if (t->slots[i].group == gid || t->slots[i].action.target == gid)
			maps[n++] = &t->slots[i];
	return topom_resync(t, maps, n, err);
}
