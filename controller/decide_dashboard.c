/* decide_dashboard.c - the dashboard: its lock, its process, and the first assignment of slots. */
#include <string.h>

#include "common/net/addr.h"
#include "controller/decide_parts.h"

/* It is asked every second whether its process lives. */
#define ANSWERED_MS 3000
/* Its calls to servers and proxies end by their own time-outs: whoever holds the mutex for longer never ends. */
#define MUTEX_MS 60000

static struct action *propose_dashboard(struct decision *d, enum action_kind kind, const char *why)
{
	const struct dashboard_view *b = &d->v->dashboard;
	struct action *a = propose(d, kind, 0, why);

	a->subject = SUBJECT_DASHBOARD;
	memcpy(a->addr, b->addr, sizeof(a->addr));
	memcpy(a->pod, b->pod.name, sizeof(a->pod));
	memcpy(a->uid, b->pod.uid, sizeof(a->uid));
	return a;
}

static bool all_groups_led(const struct decision *d)
{
	int wanted = view_groups_wanted(d->v);
	const char *why;

	for (int i = 0; i < wanted; i++) {
		const struct group_view *g = view_group(d->v, view_wanted_group(d->v, i));

		if (!g || !g->exists || g->busy || judge_master(d->v, g, d->limits, &why) != MASTER_HEALTHY)
			return false;
	}
	return wanted > 0;
}

/* The group that our own assignment gives a slot (act_mend.c): ranges of equal size, in the order of the groups. */
static int planned_group(const struct cluster_view *v, int slot)
{
	return view_wanted_group(v, slot * view_groups_wanted(v) / CODIS_SLOTS);
}

/* How many slots, from the first, are assigned by our plan, while no other is at all, not in the dashboard and not in a
 * proxy; -1: somebody else has assigned. A dashboard that dies in the first assignment leaves it so. */
static int assigned_by_plan(const struct cluster_view *v)
{
	const struct dashboard_view *b = &v->dashboard;
	int n = 0;

	while (n < CODIS_SLOTS && b->slot_group[n])
		n++;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (b->slot_acting[i] || (b->slot_group[i] && (i >= n || b->slot_group[i] != planned_group(v, i))))
			return -1;
		for (int p = 0; i >= n && p < v->proxy_count; p++) {
			if (v->proxies[p].slots && v->proxies[p].slots[i].addr[0])
				return -1;
		}
	}
	return n;
}

/* A dashboard writes 1,024 nodes in seconds: it may still be at it, or a person may. */
static bool assignment_rests(const struct cluster_view *v, int assigned, int ms)
{
	const int64_t *since = v->dashboard.slot_since_ms;

	for (int i = 0; since && i < assigned; i++) {
		if (judge_lasting_ms(v, since[i]) < ms)
			return false;
	}
	return true;
}

static void assign_slots(struct decision *d)
{
	int assigned = d->v->dashboard.slots_known && all_groups_led(d) ? assigned_by_plan(d->v) : -1;

	/* ZooKeeper has lost its tree, or was made anew: who has which keys, a person knows, or a copy. */
	if (assigned == 0 && view_keys(d->v) > 0)
		return;
	if (assigned == 0)
		propose_dashboard(d, ACT_ASSIGN_SLOTS, "no slot is assigned, and every group has its master");
	else if (assigned > 0 && assigned < CODIS_SLOTS && assignment_rests(d->v, assigned, d->limits->cold_wait_ms))
		propose_dashboard(d, ACT_ASSIGN_SLOTS, "the first assignment was interrupted");
}

static bool same_host(const char *a, const char *b)
{
	const char *end = strrchr(a, ':');
	size_t len = end ? (size_t)(end - a) : strlen(a);

	return len && strncmp(a, b, len) == 0 && (b[len] == ':' || b[len] == '\0');
}

/* The name behind --host-admin is the pod's own: "codis-dashboard-0.codis-dashboard:18080". */
static bool names_pod(const char *addr, const struct pod_view *pod)
{
	size_t len = strlen(pod->name);

	return len && strncmp(addr, pod->name, len) == 0 && (addr[len] == '.' || addr[len] == ':');
}

/* A second of tolerance: the kubelet rounds startedAt to seconds. */
static bool began_later(int64_t started_wall_ms, int64_t lock_wall_ms)
{
	return lock_wall_ms && started_wall_ms && lock_wall_ms + 1000 < started_wall_ms;
}

/* The process that took the lock is provably gone: no pod has its address, or that pod's container started later; also
 * a pod of another namespace, whose dashboard may be this product's. */
static bool lock_is_stale(const struct cluster_view *v)
{
	const struct dashboard_view *b = &v->dashboard;
	bool own = same_host(b->lock_addr, b->addr) || names_pod(b->lock_addr, &b->pod);

	/* While a dashboard serves, its lock is not read: what was read before it left tells nothing. */
	if (b->lock_exists != 1 || b->lock_read_ms < b->since_ms || b->lock_read_ms < v->steady_since_ms ||
	    b->reach == REACH_OK || !v->kube_fresh || !b->pod.name[0] || (!b->pod.running && (own || !b->lock_left)))
		return false;
	/* Whatever their clocks say: who is there and has not got it has not written it. */
	if (own)
		return b->waits_ms > b->lock_heard_ms || began_later(b->pod.started_wall_ms, b->lock_start_wall_ms);
	for (int i = 0; i < v->dashboard_count; i++) {
		if (same_host(b->lock_addr, v->dashboards[i].addr) || names_pod(b->lock_addr, &v->dashboards[i].pod))
			return false; /* another dashboard pod has it */
	}
	if (b->lock_elsewhere)
		return began_later(b->lock_elsewhere_wall_ms, b->lock_start_wall_ms);
	return addr_parse(b->lock_addr, &(struct addr){ 0 }, NULL) == 0; /* whoever has a name may be anywhere */
}

/* One that lives, cut off, writes what it moves. */
static bool moves_slots(const struct dashboard_view *b)
{
	return b->slots_known && view_any_slot(b->slot_acting);
}

/* Its process answers what waits for no mutex, so it waits for that: whoever has it is at work, for a while. */
static bool is_at_work(const struct decision *d)
{
	const struct dashboard_view *b = &d->v->dashboard;

	return b->lives_ms && judge_lasting_ms(d->v, b->lives_ms) <= ANSWERED_MS &&
	       judge_lasting_ms(d->v, b->since_ms) < MUTEX_MS;
}

void decide_dashboard(struct decision *d)
{
	const struct dashboard_view *b = &d->v->dashboard;
	const char *lost;

	if (b->busy && !b->assigning)
		return;
	/* Our call to one that assigns may take a minute, and ends with its process. */
	if (!is_at_work(d) && does_nothing(d, &b->pod, b->reach, b->since_ms, b->stuck_ms, b->heard_ms)) {
		propose_dashboard(d, ACT_DELETE_POD, "it hangs");
		return;
	}
	if (b->busy)
		return;
	if (lock_is_stale(d->v)) {
		struct action *a = propose_dashboard(d, ACT_REMOVE_LOCK, "the dashboard that took it is gone");

		memcpy(a->from, b->lock_addr, sizeof(a->from));
		a->lock_start_wall_ms = b->lock_start_wall_ms;
		return;
	}
	/* Not one that starts for the first time: its init container may wait for ZooKeeper. */
	if (b->reach == REACH_REFUSED && ended_again(&b->pod) && d->v->kube_fresh &&
	    judge_lasting_ms(d->v, b->since_ms) >= d->limits->down_ms)
		propose_dashboard(d, ACT_DELETE_POD, "it ended again, and the kubelet waits before it starts it");
	else if (b->reach != REACH_OK &&
		 (lost = moves_slots(b) ? lost_for_good(d, &b->pod) : lost_node(d, &b->pod)) != NULL)
		propose_dashboard(d, ACT_DELETE_POD, lost)->force = true;
	else if (b->reach == REACH_OK)
		assign_slots(d);
}
