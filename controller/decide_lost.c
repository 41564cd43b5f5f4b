/* decide_lost.c - pods of a node that is lost: whether their place is given to another, on which evidence. See "Lost
 * nodes" of docs/controller.md. */
#include <string.h>

#include "controller/decide_parts.h"

/* A node object that is gone may be made anew when its kubelet starts again; Kubernetes itself waits 40 s. */
#define GONE_MS 60000

/* Whether it is on the node and silent; then since when is in *since_ms, if that is later. One that waits for its mutex
 * has answered at lives_ms what waits for none. */
static void note_silence(const struct pod_view *pod, const char *node, enum reach reach, int64_t reach_ms,
			 int64_t lives_ms, int64_t *since_ms)
{
	int64_t silent_ms = reach_ms > lives_ms ? reach_ms : lives_ms;

	if (reach == REACH_SILENT && strcmp(pod->node, node) == 0 && silent_ms > *since_ms)
		*since_ms = silent_ms;
}

/* Since when all that we ask on the node is silent; 0: nothing is there. */
static int64_t silent_since(const struct cluster_view *v, const char *node)
{
	int64_t since_ms = 0;

	for (int i = 0; i < v->server_count; i++)
		note_silence(&v->servers[i].pod, node, v->servers[i].reach, v->servers[i].since_ms, 0, &since_ms);
	for (int i = 0; i < v->proxy_count; i++)
		note_silence(&v->proxies[i].pod, node, v->proxies[i].reach, v->proxies[i].since_ms,
			     v->proxies[i].lives_ms, &since_ms);
	for (int i = 0; i < v->dashboard_count; i++)
		note_silence(&v->dashboards[i].pod, node, v->dashboards[i].reach, v->dashboards[i].since_ms,
			     v->dashboards[i].lives_ms, &since_ms);
	return since_ms;
}

/* A server there answers, if only with errors; or a dashboard that waits for its lock, or was not asked yet; or a
 * member of ZooKeeper. */
static bool answers_otherwise(const struct cluster_view *v, const char *node)
{
	for (int i = 0; i < v->zookeeper_count; i++) {
		if (v->zookeepers[i].heard && strcmp(v->zookeepers[i].pod.node, node) == 0)
			return true;
	}
	for (int i = 0; i < v->server_count; i++) {
		if (v->servers[i].complaint[0] && v->servers[i].reach == REACH_UNKNOWN &&
		    strcmp(v->servers[i].pod.node, node) == 0)
			return true;
	}
	for (int i = 0; i < v->dashboard_count; i++) {
		if (v->dashboards[i].addr[0] && v->dashboards[i].reach == REACH_UNKNOWN &&
		    strcmp(v->dashboards[i].pod.node, node) == 0)
			return true;
	}
	return false;
}

/* The node is NotReady, and we hear nothing of it ourselves, for the policy's time; without anything there that we ask,
 * NotReady alone counts. A pod with a volume is not given another place by that: two might write to it. */
static bool is_away(const struct decision *d, const struct pod_view *pod)
{
	int ms = d->limits->node_loss_ms;
	int64_t silent_ms = silent_since(d->v, pod->node);

	if (ms < 0 || pod->keeps_data || !we_hear_most(d->v) || neighbour_heard(d->v, pod->node, 0) ||
	    answers_otherwise(d->v, pod->node))
		return false;
	return judge_lasting_ms(d->v, silent_ms ? silent_ms : pod->node_lost_ms) >= ms;
}

const char *lost_for_good(const struct decision *d, const struct pod_view *pod)
{
	int gone_ms = d->limits->node_loss_ms < 0 ? GONE_MS : d->limits->node_loss_ms;

	if (!d->v->kube_fresh || !pod->name[0] || !pod->node_lost || !pod->node_lost_ms)
		return NULL;
	if (pod->node_out)
		return "its node is out of service, as its taint says";
	if (pod->node_gone && judge_lasting_ms(d->v, pod->node_lost_ms) >= gone_ms)
		return "its node is no more";
	return NULL;
}

const char *lost_node(const struct decision *d, const struct pod_view *pod)
{
	const char *why = lost_for_good(d, pod);

	if (why || !d->v->kube_fresh || !pod->name[0] || !pod->node_lost || !pod->node_lost_ms)
		return why;
	return is_away(d, pod) ? "its node is NotReady, and nothing on it answers" : NULL;
}

/* --- ZooKeeper --- */

/* Whether a member may be made anew, empty and under the same number: all others that are not lost are ready, and they
 * are a majority, so that it copies what they have, and a second process of that number can vote for nothing they have
 * not. */
static bool others_are_a_quorum(const struct cluster_view *v, const struct zookeeper_view *z)
{
	int members = 0, ready = 0;

	for (int i = 0; i < v->zookeeper_count; i++) {
		const struct zookeeper_view *o = &v->zookeepers[i];

		if (strcmp(o->set, z->set) != 0 || strcmp(o->namespace, z->namespace) != 0)
			continue;
		members++;
		if (o == z || o->pod.node_lost)
			continue;
		if (!o->pod.ready || o->pod.deleting)
			return false;
		ready++;
	}
	return ready > members / 2;
}

void decide_zookeepers(struct decision *d)
{
	const struct cluster_view *v = d->v;

	for (int i = 0; i < v->zookeeper_count && !v->zookeeper_busy; i++) {
		const struct zookeeper_view *z = &v->zookeepers[i];
		const char *why = z->set[0] ? lost_node(d, &z->pod) : NULL;
		struct action *a;

		if (!why || !others_are_a_quorum(v, z))
			continue;
		a = propose(d, ACT_DELETE_POD, 0, why);
		a->subject = SUBJECT_ZOOKEEPER;
		a->force = true;
		memcpy(a->namespace, z->namespace, sizeof(a->namespace));
		memcpy(a->pod, z->pod.name, sizeof(a->pod));
		memcpy(a->uid, z->pod.uid, sizeof(a->uid));
		return; /* the next one when this one is back */
	}
}
