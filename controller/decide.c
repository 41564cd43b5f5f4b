#include "controller/decide.h"

#include <string.h>

#include "controller/adopt.h"
#include "controller/decide_parts.h"

/* A node that is away is NotReady by then: 40 to 50 s, as Kubernetes comes. */
#define NODE_LOST_MS 60000
/* A pod that is being deleted has little time; but each try that fails holds slots for a moment. */
#define INSISTED_MAX_MS 1000

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

/* The pod of the server that the group has, or had, there: another group's has no more than its address. */
static void name_pod(const struct server_view *s, int gid, char pod[VIEW_NAME_MAX], char gone[VIEW_NAME_MAX])
{
	if (!gid || !judge_of_another_group(s, gid))
		memcpy(pod, s->pod.name, VIEW_NAME_MAX);
	if (!gid || s->gone_group == gid)
		memcpy(gone, s->gone_name, VIEW_NAME_MAX);
}

struct action *propose_server(struct decision *d, enum action_kind kind, int gid, const struct server_view *s,
			      const char *why)
{
	struct action *a = propose(d, kind, gid, why);

	memcpy(a->addr, s->addr, sizeof(a->addr));
	name_pod(s, gid, a->pod, a->gone_pod);
	if (a->pod[0])
		memcpy(a->uid, s->pod.uid, sizeof(a->uid));
	return a;
}

bool promote_locks(const struct server_view *old, const struct server_view *next, int gid)
{
	return old != next && old->reach != REACH_REFUSED && !old->info_valid && !judge_of_another_group(old, gid);
}

void decide_ending(const struct cluster_view *v, const struct server_view *old, struct action *a)
{
	a->from_lives = judge_may_wake(old);
	/* There is a kubelet that can end it. One that answers, if only with errors, keeps no proxy waiting. */
	if (a->from_lives && old->reach == REACH_SILENT && v->kube_fresh && judge_has_pod(old) && !old->pod.node_lost)
		memcpy(a->from_uid, old->pod.uid, sizeof(a->from_uid));
	else
		a->from_uid[0] = '\0';
}

struct action *propose_master(struct decision *d, enum action_kind kind, int gid, const struct server_view *s,
			      const struct server_view *old, const char *why)
{
	struct action *a = propose_server(d, kind, gid, s, why);

	if (!old)
		return a;
	memcpy(a->from, old->addr, sizeof(a->from));
	name_pod(old, gid, a->from_pod, a->gone_from);
	a->lacks = kind == ACT_PROMOTE && old != s ? judge_lacks(s, old) : 0;
	a->lock = kind == ACT_PROMOTE && promote_locks(old, s, gid);
	if (a->lock)
		decide_ending(d->v, old, a);
	return a;
}

/* --- what hangs --- */

/* One that is being deleted is about to fall silent in any case; where its pod is gone, if only before this controller
 * began, nobody is. */
static bool is_to_be_silent(const struct server_view *s)
{
	return s->pod.deleting || (!judge_has_pod(s) && (s->pod_gone || !s->heard_ms));
}

bool we_hear_most(const struct cluster_view *v)
{
	int heard = 0, asked = 0;

	for (int i = 0; i < v->server_count; i++) {
		const struct server_view *s = &v->servers[i];
		bool ok = s->reach == REACH_OK;

		if (s->of_another || (!ok && is_to_be_silent(s)))
			continue;
		asked++;
		heard += ok;
	}
	return heard * 2 >= asked;
}

static bool is_heard(const struct cluster_view *v, enum reach reach, int64_t since_ms, int ms)
{
	return reach == REACH_OK && (!ms || judge_lasting_ms(v, since_ms) >= ms);
}

bool neighbour_heard(const struct cluster_view *v, const char *node, int ms)
{
	bool heard = false;

	for (int i = 0; node[0] && i < v->server_count; i++)
		heard |= strcmp(v->servers[i].pod.node, node) == 0 &&
			 is_heard(v, v->servers[i].reach, v->servers[i].since_ms, ms);
	for (int i = 0; node[0] && i < v->proxy_count; i++)
		heard |= strcmp(v->proxies[i].pod.node, node) == 0 &&
			 is_heard(v, v->proxies[i].reach, v->proxies[i].since_ms, ms);
	for (int i = 0; node[0] && i < v->dashboard_count; i++)
		heard |= strcmp(v->dashboards[i].pod.node, node) == 0 &&
			 is_heard(v, v->dashboards[i].reach, v->dashboards[i].since_ms, ms);
	return heard;
}

bool hangs(const struct decision *d, const struct pod_view *pod, enum reach reach, int64_t since_ms, bool accepts,
	   int ms)
{
	int64_t lasting = judge_lasting_ms(d->v, since_ms);

	if (reach != REACH_SILENT || lasting < ms || !d->v->kube_fresh || !we_hear_most(d->v))
		return false;
	return pod->name[0] && pod->running && !pod->node_lost && !pod->deleting &&
	       (accepts || lasting >= NODE_LOST_MS || neighbour_heard(d->v, pod->node, NEIGHBOUR_MS));
}

bool is_stuck(const struct decision *d, const struct pod_view *pod, enum reach reach, int64_t stuck_ms)
{
	return stuck_ms && hangs(d, pod, reach, stuck_ms, true, STUCK_MS);
}

bool does_nothing(const struct decision *d, const struct pod_view *pod, enum reach reach, int64_t since_ms,
		  int64_t stuck_ms, int64_t heard_ms)
{
	return is_stuck(d, pod, reach, stuck_ms) || (heard_ms && hangs(d, pod, reach, since_ms, false, HUNG_MS));
}

bool ended_again(const struct pod_view *pod)
{
	return pod->name[0] && !pod->running && pod->restarts && !pod->deleting;
}

/* --- adoption --- */

/* When nothing else is to be done. */
static void adopt(struct decision *d)
{
	struct adoption a;

	if (!d->v->adopt || d->count || d->held_count)
		return;
	adoption_look(d->v, d->limits, &a);
	if (!a.next)
		return;
	if (!a.successor)
		propose_server(d, ACT_DELETE_POD, a.group->node.id, a.next, "it is not guarded, and is adopted")
			->adopts = true;
	else if (can_lock_proxies(d->v))
		propose_master(d, ACT_SWITCH, a.group->node.id, a.successor, a.next,
			       "the master is not guarded, and is adopted");
}

/* --- what is held up --- */

static const struct calm_done *done_to(const struct cluster_view *v, const struct action *a)
{
	const struct server_view *s = view_server(v, a->addr);
	const struct group_view *g = view_group(v, a->gid);

	switch (a->subject) {
	case SUBJECT_GROUP: return g ? &g->done : NULL;
	case SUBJECT_SERVER: return s ? &s->done : NULL;
	case SUBJECT_DASHBOARD: return &v->dashboard.done;
	case SUBJECT_SETTING: return s ? &s->setting_done : NULL;
	case SUBJECT_ZOOKEEPER: return &v->zookeeper_done;
	case SUBJECT_SCALING: return &v->scaling.done;
	case SUBJECT_PROXY: break;
	}
	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];

		if (strcmp(p->admin_addr, a->addr) == 0)
			return a->kind == ACT_FILL_PROXY ? calm_group(p->filled, a->gid) : &p->done;
	}
	return NULL;
}

static int64_t delete_after_ms(const struct cluster_view *v, const struct action *a)
{
	const struct server_view *s = a->subject == SUBJECT_SERVER ? view_server(v, a->addr) : NULL;

	if (s)
		return s->pod.delete_after_ms;
	if (a->subject == SUBJECT_DASHBOARD)
		return v->dashboard.pod.delete_after_ms;
	for (int i = 0; a->subject == SUBJECT_ZOOKEEPER && i < v->zookeeper_count; i++) {
		if (strcmp(v->zookeepers[i].pod.uid, a->uid) == 0)
			return v->zookeepers[i].pod.delete_after_ms;
	}
	for (int i = 0; a->subject == SUBJECT_PROXY && i < v->proxy_count; i++) {
		if (strcmp(v->proxies[i].admin_addr, a->addr) == 0)
			return v->proxies[i].pod.delete_after_ms;
	}
	return 0;
}

/* A person has taken the pod of the master away: that is meant, however often. */
static bool is_insisted(const struct cluster_view *v, const struct action *a)
{
	const struct server_view *old = a->from[0] ? view_server(v, a->from) : NULL;

	return a->subject == SUBJECT_GROUP && old && v->kube_fresh &&
	       (old->pod.deleting || (old->pod_gone && !judge_has_pod(old)));
}

/* Another one leads since something was last done to it: to follow that one was not done yet, however often it was told
 * to follow others. How often masters change has a limit of its own. */
static bool is_done_anew(const struct cluster_view *v, const struct action *a, const struct calm_done *done)
{
	const struct group_view *g = view_group(v, a->gid);
	const struct server_view *m = g ? view_master(v, g) : NULL;

	return a->kind == ACT_FOLLOW && m && done &&
	       ((!g->done.failures && g->done.ended_ms > done->ended_ms) || m->succession.led_ms > done->ended_ms);
}

/* Until when it waits; 0: for nothing. */
static int64_t held_until_ms(const struct decision *d, struct action *a)
{
	const struct calm_done *done = done_to(d->v, a);
	int64_t until_ms = done ? calm_until_ms(done, (int)a->kind, a->gid, d->v->now_ms) : 0, after_ms;

	a->held = done && done->failures ? "it has failed so often" : "it was done so often, and did not last";
	/* What a person has promoted is taken back as often as they do, and soon or not at all. */
	if (a->takes_back || a->keeps || is_done_anew(d->v, a, done))
		return 0;
	if (done && is_insisted(d->v, a))
		return calm_failed_until_ms(done, (int)a->kind, a->gid, INSISTED_MAX_MS, d->v->now_ms);
	if (a->kind != ACT_DELETE_POD)
		return until_ms;
	after_ms = delete_after_ms(d->v, a);
	if (after_ms > until_ms) {
		a->held = "one of its name was deleted lately";
		until_ms = after_ms;
	}
	if (d->v->deletions + d->deletions >= d->limits->cluster_deletions ||
	    d->v->all_deletions + d->deletions >= d->limits->deletions) {
		a->held = "so many pods were deleted in a minute";
		until_ms = d->v->now_ms + CALM_TOLD_MS;
	}
	return until_ms;
}

bool hold(struct decision *d)
{
	int from = d->weighed, n = from;

	for (int i = from; i < d->count; i++) {
		struct action *a = &d->out[i];
		int64_t until_ms = held_until_ms(d, a);

		reason_evidence(d->v, a, a->evidence, sizeof(a->evidence));
		if (until_ms) {
			if (until_ms - d->v->now_ms >= CALM_TOLD_MS && d->held_count < d->held_max)
				d->held[d->held_count++] = *a;
			continue;
		}
		a->held = NULL;
		d->deletions += a->kind == ACT_DELETE_POD;
		d->out[n++] = *a;
	}
	d->count = d->weighed = n;
	return n == from;
}

int decide_all(const struct cluster_view *v, const struct decide_limits *limits, struct action *out, int max,
	       struct action *held, int held_max, int *held_count)
{
	struct decision d = { .v = v, .limits = limits, .out = out, .max = max, .held = held, .held_max = held_max };
	bool works = v->mandate != MANDATE_NONE && v->coordinator_ready, leads = works && v->mandate == MANDATE_LEAD;
	bool looks = v->mandate != MANDATE_NONE;

	/* A controller that does not hear the replicas takes it off each time: that is never held up. */
	if (looks)
		decide_bounds(&d, ACT_FREE_WRITES);
	d.weighed = d.count;
	for (int i = 0; works && i < v->group_count; i++) {
		decide_group(&d, &v->groups[i]);
		hold(&d);
	}
	for (int i = 0; looks && i < v->proxy_count; i++) {
		decide_proxy(&d, &v->proxies[i]);
		hold(&d);
	}
	if (leads)
		decide_dashboard(&d);
	hold(&d);
	if (leads)
		decide_scaling(&d);
	hold(&d);
	if (leads)
		decide_zookeepers(&d);
	hold(&d);
	if (leads)
		decide_switchover(&d);
	hold(&d);
	if (leads)
		decide_bounds(&d, ACT_BOUND_WRITES);
	hold(&d);
	if (leads)
		adopt(&d);
	hold(&d);
	*held_count = d.held_count;
	return d.count;
}

int decide(const struct cluster_view *v, const struct decide_limits *limits, struct action *out, int max)
{
	int unused;

	return decide_all(v, limits, out, max, NULL, 0, &unused);
}
