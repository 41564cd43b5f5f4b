#include "controller/decide.h"

#include <string.h>

#include "controller/decide_parts.h"

/* What answers nothing for so long hangs. */
#define HUNG_MS 15000
/* A node that is away is NotReady by then: 40 to 50 s, as Kubernetes comes. */
#define NODE_LOST_MS 60000

struct action *propose(struct decision *d, enum action_kind kind, int gid, const char *why)
{
	struct action *a = d->count < d->max ? &d->out[d->count++] : &d->overflow;
	const struct group_view *g = gid ? view_group(d->v, gid) : NULL;

	memset(a, 0, sizeof(*a));
	a->kind = kind;
	a->subject = action_subject(kind);
	a->gid = gid;
	a->why = why;
	if (g) {
		a->exists = g->exists;
		a->version = g->version;
	}
	return a;
}

struct action *propose_server(struct decision *d, enum action_kind kind, int gid, const struct server_view *s,
			      const char *why)
{
	struct action *a = propose(d, kind, gid, why);

	memcpy(a->addr, s->addr, sizeof(a->addr));
	memcpy(a->pod, s->pod.name, sizeof(a->pod));
	memcpy(a->uid, s->pod.uid, sizeof(a->uid));
	return a;
}

bool promote_locks(const struct server_view *old, const struct server_view *next, int gid)
{
	return old != next && old->reach != REACH_REFUSED && !old->info_valid && !judge_of_another_group(old, gid);
}

struct action *propose_master(struct decision *d, enum action_kind kind, int gid, const struct server_view *s,
			      const struct server_view *old, const char *why)
{
	struct action *a = propose_server(d, kind, gid, s, why);

	if (old) {
		a->lock = kind == ACT_PROMOTE && promote_locks(old, s, gid);
		memcpy(a->from, old->addr, sizeof(a->from));
		memcpy(a->from_pod, old->pod.name, sizeof(a->from_pod));
	}
	return a;
}

/* --- what hangs --- */

/* We reach most servers: what is silent is not so because of us. */
static bool we_hear_most(const struct cluster_view *v)
{
	int heard = 0;

	for (int i = 0; i < v->server_count; i++)
		heard += v->servers[i].reach == REACH_OK;
	return heard * 2 >= v->server_count;
}

/* Something else on its node is heard: it is not the node that is away. */
static bool neighbour_heard(const struct cluster_view *v, const char *node)
{
	bool heard = false;

	for (int i = 0; node[0] && i < v->server_count; i++)
		heard |= v->servers[i].reach == REACH_OK && strcmp(v->servers[i].pod.node, node) == 0;
	for (int i = 0; node[0] && i < v->proxy_count; i++)
		heard |= v->proxies[i].reach == REACH_OK && strcmp(v->proxies[i].pod.node, node) == 0;
	for (int i = 0; node[0] && i < v->dashboard_count; i++)
		heard |= v->dashboards[i].reach == REACH_OK && strcmp(v->dashboards[i].pod.node, node) == 0;
	return heard;
}

bool hangs(const struct decision *d, const struct pod_view *pod, enum reach reach, int64_t since_ms)
{
	int64_t lasting = judge_lasting_ms(d->v, since_ms);

	if (reach != REACH_SILENT || lasting < HUNG_MS || !d->v->kube_fresh || !we_hear_most(d->v))
		return false;
	return pod->name[0] && pod->running && !pod->node_lost && !pod->deleting &&
	       (lasting >= NODE_LOST_MS || neighbour_heard(d->v, pod->node));
}

bool ended_again(const struct pod_view *pod)
{
	return pod->name[0] && !pod->running && pod->restarts && !pod->deleting;
}

int decide(const struct cluster_view *v, const struct decide_limits *limits, struct action *out, int max)
{
	struct decision d = { .v = v, .limits = limits, .out = out, .max = max };

	if (v->mandate == MANDATE_NONE || !v->coordinator_ready)
		return 0;
	for (int i = 0; i < v->group_count; i++)
		decide_group(&d, &v->groups[i]);
	if (v->mandate != MANDATE_LEAD)
		return d.count;
	for (int i = 0; i < v->proxy_count; i++)
		decide_proxy(&d, &v->proxies[i]);
	decide_dashboard(&d);
	return d.count;
}
