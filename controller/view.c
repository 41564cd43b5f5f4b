#include "controller/view.h"

#include <string.h>

struct group_view *view_group(const struct cluster_view *v, int gid)
{
	for (int i = 0; i < v->group_count; i++) {
		if (v->groups[i].node.id == gid)
			return &v->groups[i];
	}
	return NULL;
}

struct server_view *view_server(const struct cluster_view *v, const char *addr)
{
	for (int i = 0; i < v->server_count; i++) {
		if (strcmp(v->servers[i].addr, addr) == 0)
			return &v->servers[i];
	}
	return NULL;
}

struct server_view *view_master(const struct cluster_view *v, const struct group_view *g)
{
	return g->node.count ? view_server(v, g->node.servers[0].addr) : NULL;
}

bool view_is_member(const struct server_view *s, int gid)
{
	return s->group == gid;
}

bool view_master_verified(const struct server_view *s)
{
	return s->reach == REACH_OK && s->info_valid && s->info.role == REDIS_ROLE_MASTER && !s->restarted;
}

bool view_synced(const struct server_view *s, const struct server_view *master)
{
	return s->reach == REACH_OK && s->info_valid && s->info.role == REDIS_ROLE_REPLICA && s->info.link_up &&
	       !s->info.syncing && strcmp(s->info.master, master->addr) == 0;
}

int view_groups_wanted(const struct cluster_view *v)
{
	if (v->replicas <= 0 || v->server_replica <= 0)
		return 0;
	return (v->replicas + v->server_replica - 1) / v->server_replica;
}
