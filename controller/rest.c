#include "controller/rest.h"

#include <string.h>

#include "controller/cluster.h"

/* Whether it was deleted by name before, and its successor lasts. */
static void rest_pod(struct cluster *c, const struct pod_view *pod, const struct calm_done *done)
{
	if (pod->came_back && done->well_since_ms && c->looked_ms - done->well_since_ms >= CALM_POD_REST_MS)
		calm_pod_rest(&c->deleted, pod->name);
}

static void rest_group(struct cluster *c, struct observed_group *g)
{
	const struct group_view *seen = view_group(&c->view, g->node.id);
	bool well = seen && cluster_is_calm(&c->view, seen);
	const struct server_view *s;

	calm_well(&g->done, well, c->looked_ms);
	for (int at = 0; seen && (s = view_next(&c->view, seen, &at));) {
		struct observed_server *o = s->done.times || s->pod.came_back ? cluster_server(c, s->addr) : NULL;

		if (!o)
			continue;
		calm_well(&o->done, well, c->looked_ms);
		rest_pod(c, &s->pod, &o->done);
	}
}

static bool sends_rightly(const struct cluster_view *v, const struct proxy_view *p)
{
	if (p->reach != REACH_OK || !p->registered || !p->online || !p->slots)
		return false;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];
		const struct group_view *g = s->group ? view_group(v, s->group) : NULL;

		if (s->locked || (g && g->node.count && strcmp(g->node.servers[0].addr, s->addr) != 0))
			return false;
	}
	return true;
}

static void rest_proxy(struct cluster *c, const struct proxy_view *p)
{
	bool counts = p->done.times || p->pod.came_back || !calm_groups_rest(p->filled), well;
	struct observed_proxy *o = counts ? cluster_proxy(c, p->admin_addr, false) : NULL;

	if (!o)
		return;
	well = sends_rightly(&c->view, p);
	calm_well(&o->done, well, c->looked_ms);
	calm_groups_well(&o->filled, well, c->looked_ms);
	rest_pod(c, &p->pod, &o->done);
}

void rest_note(struct cluster *c)
{
	const struct dashboard_view *b = &c->view.dashboard;

	for (int i = 0; i < c->group_count; i++)
		rest_group(c, c->groups[i]);
	for (int i = 0; i < c->view.proxy_count; i++)
		rest_proxy(c, &c->view.proxies[i]);
	calm_well(&c->dashboard_done, b->reach == REACH_OK && b->slots_known && b->slot_group[0], c->looked_ms);
	rest_pod(c, &b->pod, &c->dashboard_done);
}
