#include "tests/unit/controller_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

const struct decide_limits limits = DECIDE_LIMITS;

struct server_view *add_server(struct world *w, const char *addr, int gid, int ordinal)
{
	struct server_view *s = &w->servers[w->v.server_count++];

	snprintf(s->addr, sizeof(s->addr), "%s", addr);
	snprintf(s->pod.name, sizeof(s->pod.name), "codis-server-%d", ordinal);
	snprintf(s->pod.uid, sizeof(s->pod.uid), "uid-%d", ordinal);
	s->pod.running = true;
	s->group = gid;
	s->ordinal = ordinal;
	s->listed_index = -1;
	s->reach = REACH_OK;
	s->info_valid = true;
	snprintf(s->info.run_id, sizeof(s->info.run_id), "%040d", ordinal);
	s->info.last_io_s = -1;
	return s;
}

void guarded(struct server_view *s)
{
	s->info.role = REDIS_ROLE_REPLICA;
	snprintf(s->info.master, sizeof(s->info.master), "%s", CODIS_GUARD_ADDR);
	s->info.link_up = false;
	s->info.offset = 1;
	s->info.keys = 0;
}

void leads(struct server_view *s)
{
	s->info.role = REDIS_ROLE_MASTER;
	s->info.offset = 1000;
	s->info.keys = 10;
}

void follows(struct server_view *s, const struct server_view *m)
{
	s->info.role = REDIS_ROLE_REPLICA;
	memcpy(s->info.master, m->addr, sizeof(s->info.master));
	s->info.link_up = true;
	s->info.last_io_s = 0;
	s->info.offset = 990;
	s->info.keys = 10;
}

struct server_view *add_pair(struct world *w)
{
	struct server_view *c = add_server(w, C, 2, 2), *replica = add_server(w, "10.0.0.4:6379", 2, 3);
	struct group_view *g = add_group(w, 2);

	leads(c);
	follows(replica, c);
	list(g, c);
	list(g, replica);
	return c;
}

struct group_view *add_group(struct world *w, int gid)
{
	struct group_view *g = &w->groups[w->v.group_count++];

	g->node.id = gid;
	g->exists = true;
	g->version = 7;
	return g;
}

void list(struct group_view *g, struct server_view *s)
{
	s->listed_group = g->node.id;
	s->listed_index = g->node.count;
	assert_int_equal(codis_group_append(&g->node, s->addr), 0);
}

struct proxy_view *add_proxy(struct world *w, const char *token)
{
	struct proxy_view *p = &w->proxies[w->v.proxy_count];

	snprintf(p->token, sizeof(p->token), "%s", token);
	snprintf(p->admin_addr, sizeof(p->admin_addr), "10.0.1.%d:11080", w->v.proxy_count);
	snprintf(p->pod.name, sizeof(p->pod.name), "codis-proxy-%d", w->v.proxy_count);
	p->registered = p->online = true;
	p->reach = REACH_OK;
	p->heard_ms = 1;
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[w->v.proxy_count][i].id = (int16_t)i;
	p->filled = &w->filled[w->v.proxy_count];
	p->slots = w->slots[w->v.proxy_count++];
	return p;
}

void send_slots(struct world *w, int gid, const char *addr)
{
	for (int p = 0; p < w->v.proxy_count; p++) {
		for (int i = 0; i < CODIS_SLOTS; i++) {
			w->slots[p][i].group = (int16_t)gid;
			snprintf(w->slots[p][i].addr, CODIS_ADDR_MAX, "%s", addr);
		}
	}
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->v.dashboard.slot_group[i] = (int16_t)gid;
}

void had_all(struct world *w)
{
	w->v.scaling.had_noted = true;
	w->v.scaling.had.count = 0;
	for (int i = 0; i < view_groups_wanted(&w->v); i++)
		gids_add(&w->v.scaling.had, view_wanted_group(&w->v, i));
}

/* One healthy group: A leads, B is its synced replica, one proxy. */
struct world *healthy(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct server_view *a, *b;
	struct group_view *g;

	assert_non_null(w);
	w->v.servers = w->servers;
	w->v.groups = w->groups;
	w->v.proxies = w->proxies;
	w->v.dashboards = w->dashboards;
	w->v.sets = w->sets;
	w->v.set_count = 1;
	snprintf(w->v.namespace, sizeof(w->v.namespace), "ns");
	w->v.now_ms = 100000;
	w->v.mandate = MANDATE_LEAD;
	w->v.kube_fresh = w->v.pods_fresh = w->v.coordinator_ready = true;
	w->sets[0].shape.replicas = w->sets[0].shape.server_replica = 2;
	w->v.scaling.interval_us = -1;
	w->v.scaling.parallel = SCALING_PARALLEL_DEFAULT;
	w->v.dashboard.reach = REACH_OK;
	w->v.dashboard.heard_ms = 1;
	w->v.dashboard.slots_known = true;
	snprintf(w->v.dashboard.addr, CODIS_ADDR_MAX, D);
	snprintf(w->v.dashboard.pod.name, VIEW_NAME_MAX, "codis-dashboard-0");
	w->v.dashboard.pod.running = true;
	w->v.dashboard.lock_exists = 1;
	a = add_server(w, A, 1, 0);
	b = add_server(w, B, 1, 1);
	leads(a);
	follows(b, a);
	g = add_group(w, 1);
	list(g, a);
	list(g, b);
	add_proxy(w, "token-0");
	send_slots(w, 1, A);
	return w;
}

void run(struct world *w)
{
	if (!w->scales)
		had_all(w);
	w->count = decide(&w->v, &limits, w->actions, 16);
	for (int i = 0; i < w->count; i++) {
		if (!reason_is_known(w->actions[i].why))
			fail_msg("it has no word in controller/reason.c: %s", w->actions[i].why);
	}
}

void assert_nothing(struct world *w)
{
	run(w);
	if (w->count)
		fail_msg("it would %s %s: %s", action_name(w->actions[0].kind), w->actions[0].addr, w->actions[0].why);
}

const struct action *assert_only(struct world *w, enum action_kind kind, const char *addr)
{
	run(w);
	assert_int_equal(w->count, 1);
	assert_string_equal(action_name(w->actions[0].kind), action_name(kind));
	assert_string_equal(w->actions[0].addr, addr);
	return &w->actions[0];
}

void lose_link(struct world *w)
{
	w->servers[1].info.link_up = false;
}

void refuse(struct world *w)
{
	w->servers[0].reach = REACH_REFUSED;
	w->servers[0].info_valid = false;
	w->servers[0].since_ms = w->v.now_ms - 1;
}

void silence(struct world *w, int ms)
{
	w->servers[0].reach = REACH_SILENT;
	w->servers[0].info_valid = false;
	w->servers[0].since_ms = w->v.now_ms - ms;
}

void free_world(struct world **w)
{
	free(*w);
}
