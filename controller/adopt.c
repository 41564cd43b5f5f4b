#include "controller/adopt.h"

#include <stdarg.h>
#include <stdio.h>

/* Always false. */
__attribute__((format(printf, 2, 3))) static bool waits(struct adoption *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->waits, sizeof(a->waits), fmt, ap);
	va_end(ap);
	return false;
}

static void count(const struct cluster_view *v, struct adoption *a)
{
	for (int i = 0; i < v->server_count; i++) {
		a->servers += judge_has_pod(&v->servers[i]);
		a->unguarded += judge_has_pod(&v->servers[i]) && v->servers[i].pod.unguarded;
	}
}

static bool is_whole_member(const struct group_view *g, const struct server_view *m, const struct server_view *s,
			    struct adoption *a)
{
	const char *name = s->pod.name[0] ? s->pod.name : s->addr;

	if (!judge_has_pod(s))
		return waits(a, "group %d lists %s, which has no pod", g->node.id, name);
	if (s->pod.deleting)
		return waits(a, "%s is leaving", name);
	if (!judge_heard(s))
		return waits(a, s->pod.unschedulable ? "no node takes %s" : "%s does not answer yet", name);
	if (s != m && !view_synced(s, m))
		return waits(a, "%s is not in sync", name);
	if (s->listed_group != g->node.id)
		return waits(a, "%s is not in the list of group %d yet", name, g->node.id);
	return true;
}

static bool is_whole_group(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits,
			   struct adoption *a)
{
	const struct server_view *m = view_master(v, g), *s;
	const char *why;

	if (g->busy || g->node.promoting_state[0])
		return waits(a, "something is being done in group %d", g->node.id);
	if (judge_master(v, g, limits, &why) != MASTER_HEALTHY)
		return waits(a, "group %d has no master: %s", g->node.id, why);
	for (int at = 0; (s = view_next(v, g, &at));) {
		if (!is_whole_member(g, m, s, a))
			return false;
	}
	return true;
}

/* Clients are served, and who comes back is taken in. */
static bool is_served(const struct cluster_view *v, struct adoption *a)
{
	int serving = 0;

	if (v->dashboard.reach != REACH_OK)
		return waits(a, "the dashboard does not answer");
	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];

		if (p->registered && p->reach != REACH_OK)
			return waits(a, "proxy %s does not answer", p->pod.name[0] ? p->pod.name : p->admin_addr);
		serving += p->registered && p->online;
	}
	return serving || waits(a, "no proxy serves");
}

/* What a dashboard moves past a switch would be lost. */
static bool slots_rest(const struct cluster_view *v, struct adoption *a)
{
	for (int i = 0; i < v->group_count; i++) {
		if (judge_slots_move(v, v->groups[i].node.id))
			return waits(a, "slots are moved from group %d, or to it", v->groups[i].node.id);
	}
	return true;
}

static bool is_whole(const struct cluster_view *v, const struct decide_limits *limits, struct adoption *a)
{
	const struct view_set *deleting = view_set_deleting(v);

	if (!v->kube_fresh || !v->coordinator_ready)
		return waits(a, "%s does not answer", v->kube_fresh ? "ZooKeeper" : "the API server");
	if (deleting)
		return waits(a, "StatefulSet %s is being deleted", deleting->name);
	if (v->tilted)
		return waits(a, "most servers are silent");
	if (!is_served(v, a) || !slots_rest(v, a))
		return false;
	if (v->ha.name[0])
		return waits(a, "%s would take out a server that has just come: kubectl delete pod -n %s %s",
			     v->ha.name, v->namespace, v->ha.name);
	if (a->servers != view_servers_wanted(v))
		return waits(a, "there are %d servers' pods of %d", a->servers, view_servers_wanted(v));
	for (int i = 0; i < v->group_count; i++) {
		if (v->groups[i].member_count + v->groups[i].node.count && !is_whole_group(v, &v->groups[i], limits, a))
			return false;
	}
	return true;
}

/* A guarded replica that is in sync, to lead the group of m. */
static const struct server_view *guarded_replica(const struct cluster_view *v, const struct group_view *g,
						 const struct server_view *m, int *replicas)
{
	const struct server_view *found = NULL, *s;

	*replicas = 0;
	for (int at = 0; (s = view_next(v, g, &at));) {
		*replicas += s != m;
		if (s != m && !s->pod.unguarded && (!found || s->info.offset > found->info.offset))
			found = s;
	}
	return found;
}

/* Whether this one's turn is now. */
static bool takes_turn(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
		       struct adoption *a)
{
	const struct server_view *m = view_master(v, g);
	int replicas;

	if (s->pod.came_back)
		return waits(a,
			     "%s has come back without the guard: look after codis-webhook, then kubectl delete pod %s",
			     s->pod.name, s->pod.name);
	a->group = g;
	a->next = s;
	if (s != m)
		return true;
	a->successor = guarded_replica(v, g, m, &replicas);
	if (a->successor || (!replicas && !m->info.keys))
		return true;
	a->next = NULL;
	return waits(a,
		     replicas ? "no replica of %s is guarded"
			      : "%s is the only server of its group, and what it has would be gone with its pod",
		     s->pod.name);
}

/* Replicas of all groups before any master. */
static bool find_next(const struct cluster_view *v, bool masters, struct adoption *a)
{
	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *g = &v->groups[i];
		const struct server_view *m = view_master(v, g), *s;

		for (int at = 0; (s = view_next(v, g, &at));) {
			if (s->pod.unguarded && (s == m) == masters && takes_turn(v, g, s, a))
				return true;
			if (a->waits[0])
				return false;
		}
	}
	return false;
}

void adoption_look(const struct cluster_view *v, const struct decide_limits *limits, struct adoption *a)
{
	*a = (struct adoption){ .waits = "" };
	count(v, a);
	if (!a->unguarded || !is_whole(v, limits, a) || find_next(v, false, a) || a->waits[0])
		return;
	find_next(v, true, a);
}
