#include "controller/role.h"

#include <string.h>

/* Whose word counts for all others of the group; NULL: nobody's. */
static const struct server_view *known_master(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *m = view_master(v, g);
	const struct view_set *set = view_set_of(v, g->node.id);

	if (g->busy || g->node.promoting_state[0] || !m || !view_master_verified(m) || m->of_another || m->named)
		return NULL;
	return set && !set->says_role && view_is_member(m, g->node.id) ? m : NULL;
}

/* A server may be listed elsewhere, or twice, while somebody moves it. */
static bool is_settled(const struct server_view *s, const struct server_view *m, int gid)
{
	return s->pod.name[0] && view_is_member(s, gid) && !s->of_another &&
	       (!s->listed_group || s->listed_group == gid) && (s == m || !view_same_process(s, m));
}

static bool follows(const struct server_view *s, const struct server_view *m)
{
	return s->reach == REACH_OK && s->info_valid && s->info.role == REDIS_ROLE_REPLICA &&
	       strcmp(s->info.master, m->addr) == 0;
}

/* Who was called the master is not any more, whether it is heard or not: at no time two of a group shall stay it. */
static enum codis_role role_under(const struct server_view *m, const struct server_view *s, int gid)
{
	if (!is_settled(s, m, gid))
		return CODIS_ROLE_UNSAID;
	if (s == m)
		return CODIS_ROLE_MASTER;
	return follows(s, m) || s->pod.role == CODIS_ROLE_MASTER ? CODIS_ROLE_REPLICA : CODIS_ROLE_UNSAID;
}

const struct server_view *role_next(const struct cluster_view *v, const struct group_view *g,
				    bool (*may)(void *ctx, const struct server_view *s, enum codis_role role),
				    void *ctx, enum codis_role *role)
{
	const struct server_view *m = known_master(v, g), *s = m;

	for (int at = 0; m && s; s = view_next(v, g, &at)) {
		*role = role_under(m, s, g->node.id);
		if (*role != CODIS_ROLE_UNSAID && *role != s->pod.role && may(ctx, s, *role))
			return s;
	}
	return NULL;
}
