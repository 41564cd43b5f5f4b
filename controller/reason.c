#include "controller/reason.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "controller/action.h"
#include "controller/judge.h"
#include "controller/switchover.h"

/* --- a word for each -------------------------------------------------------------------------------------------------
 */

static const struct {
	const char *why, *label;
} reasons[] = {
	{ "connections are refused, and its replica lost its link", "refused" },
	{ "connections are refused, and its container does not run", "refused" },
	{ "it is silent, and its replica has nothing from it", "silent" },
	{ "it is silent, and its pod or node is gone", "silent" },
	{ "it answers nothing but errors, and its replica has nothing from it", "errors" },
	{ "it restarted, and what it had is gone", "restarted" },
	{ "it has started anew, and waits for a role", "restarted" },
	{ "its address belongs to another pod now", "address-taken" },
	{ "the group has no master yet", "no-master" },
	{ "it was declared master and has not got the role", "no-role" },
	{ "it was declared master and refuses the role", "role-refused" },
	{ "the replica that was to take over refuses the role", "role-refused" },
	{ "a promotion was interrupted", "interrupted" },
	{ "a promotion was interrupted, and its target is not in sync", "interrupted" },
	{ "a promotion was interrupted, and its target is about to end", "interrupted" },
	{ "a promotion was interrupted, and a proxy cannot be locked", "interrupted" },
	{ "a promotion was interrupted, and its target is gone", "interrupted" },
	{ "a promotion was interrupted, and the dashboard did not know the master before it", "interrupted" },
	{ "its replica was to take over, and is not in sync", "taken-back" },
	{ "its replica was to take over, and is about to end", "taken-back" },
	{ "its replica was to take over, and a proxy cannot be locked", "taken-back" },
	{ "its replica was to take over, and does not answer", "taken-back" },
	{ "that one was promoted while it was not in sync, and the old master has what it lacks", "promoted-behind" },
	{ "no proxy was told of that one, and the old master is written to", "taken-back" },
	{ "another controller is about to replace it, and it answers here", "kept" },
	{ "the master's pod is being deleted", "pod-deleted" },
	{ "the master's pod is being ended by its kubelet", "pod-ended" },
	{ "the master's pod is being deleted, past slots of its group that may still move: what arrives amid the "
	  "switch is lost",
	  "pod-deleted" },
	{ "the master's pod is being ended by its kubelet, past slots of its group that may still move: what arrives "
	  "amid the switch is lost",
	  "pod-ended" },
	{ "the master's pod is gone", "pod-gone" },
	{ "the master's node is cordoned", "cordoned" },
	{ "the master's pod is another group's", "address-taken" },
	{ "the master is not guarded, and is adopted", "adopted" },
	{ "it is not guarded, and is adopted", "adopted" },
	{ SWITCHOVER_WHY, "wished" },
	{ "it does not follow the master of its group", "follows-another" },
	{ "it is being deleted, and another one leads: it may end", "let-go" },
	{ "it is synced and not in its group's list", "synced" },
	{ "no pod has its address and nothing answers there", "gone" },
	{ "its process ended and is not started again while its sibling serves", "ended" },
	{ "it ended again, and the kubelet waits before it starts it", "ended" },
	{ "it hangs, and its master serves", "hangs" },
	{ "it hangs, and another proxy serves", "hangs" },
	{ "it hangs", "hangs" },
	{ "every proxy sends its slots to its master", "in-sync" },
	{ "it sends slots elsewhere than to their group's master", "wrong-slots" },
	{ "it sends slots to another group's master", "wrong-slots" },
	{ "it sends slots to a master that was replaced, and the new one is silent", "wrong-slots" },
	{ "it runs and is not in the dashboard's list", "not-listed" },
	{ "it does not answer, and it would block every promotion", "no-answer" },
	{ "it is gone", "proxy-gone" },
	{ "no slot is assigned, and every group has its master", "unassigned" },
	{ "which groups have slots is noted", "noted" },
	{ "the StatefulSet that has the note has no servers", "noted" },
	{ "it is noted on another StatefulSet", "noted" },
	{ "new groups get their share of the slots", "scaled-out" },
	{ "codis.io/scale-to asks for more servers", "scaled-out" },
	{ "codis.io/scale-to asks for fewer servers", "scaled-in" },
	{ "its servers have gone, and it has no slot", "scaled-in" },
	{ "the slots are where they shall be", "moved" },
	{ "groups that have slots would go, and codis.io/scale-to does not say so", "scale-undone" },
	{ "the first assignment was interrupted", "unassigned" },
	{ "the dashboard that took it is gone", "owner-gone" },
	{ "a replica in sync may fall away, and writes go on", "bound" },
	{ "it has too few replicas in sync for a bound", "bound" },
	{ "its node is out of service, as its taint says", "node-lost" },
	{ "its node is no more", "node-lost" },
	{ "its node is NotReady, and nothing on it answers", "node-lost" },
	{ "it is silent, and another proxy serves", "silent" },
};

static const char *label_of(const char *why)
{
	for (size_t i = 0; why && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (strcmp(reasons[i].why, why) == 0)
			return reasons[i].label;
	}
	return NULL;
}

const char *reason_label(const char *why)
{
	const char *label = label_of(why);

	return label ? label : "other";
}

int reason_is_known(const char *why)
{
	return label_of(why) != NULL;
}

/* --- evidence --------------------------------------------------------------------------------------------------------
 */

/* Parts with "; " between them, as many as fit whole. */
struct words {
	const struct cluster_view *v;
	char *out;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *w, const char *fmt, ...)
{
	char part[REASON_EVIDENCE_MAX];
	const char *between = w->used ? "; " : "";
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(part, sizeof(part), fmt, ap);
	va_end(ap);
	if (n <= 0 || (size_t)n >= sizeof(part) || w->used + strlen(between) + (size_t)n >= w->size)
		return;
	w->used += (size_t)snprintf(w->out + w->used, w->size - w->used, "%s%s", between, part);
}

static double seconds(const struct words *w, int64_t since_ms)
{
	int64_t ms = since_ms ? w->v->now_ms - since_ms : 0;

	return (double)(ms > 0 ? ms : 0) / 1000;
}

static const char *name_of(const struct server_view *s)
{
	return s->pod.name[0] ? s->pod.name : s->addr;
}

/* What is heard of an address, and since when. */
static void say_reach(struct words *w, const char *name, enum reach reach, int64_t since_ms, const char *complaint)
{
	double s = seconds(w, since_ms);

	switch (reach) {
	case REACH_REFUSED: say(w, "%s refuses since %.1f s", name, s); break;
	case REACH_SILENT: say(w, "%s is silent since %.1f s", name, s); break;
	case REACH_UNKNOWN:
		if (complaint[0])
			say(w, "%s answers -%s since %.1f s", name, complaint, s);
		break;
	case REACH_OK: break;
	}
}

static void say_pod(struct words *w, const struct pod_view *pod, bool gone)
{
	if (gone)
		say(w, "its pod is gone, or has another address");
	else if (pod->node_lost)
		say(w, "its node %s is lost", pod->node);
	else if (pod->name[0] && !pod->running)
		say(w, "its container does not run");
}

static void say_old(struct words *w, const struct server_view *m)
{
	if (m->reach == REACH_OK && m->info_valid && m->restarted)
		say(w, "%s is another process than had the role", name_of(m));
	else if (m->reach == REACH_OK && m->info_valid && redis_info_guarded(&m->info))
		say(w, "%s waits for a role since %.1f s", name_of(m), seconds(w, m->since_ms));
	else if (m->reach == REACH_OK && m->info_valid && m->info.role == REDIS_ROLE_MASTER)
		say(w, "%s is master at offset %" PRId64, name_of(m), m->info.offset);
	else if (m->reach == REACH_SILENT && m->pod.node[0]) /* where it was is asked when it is elsewhere */
		say(w, "%s on %s is silent since %.1f s", name_of(m), m->pod.node, seconds(w, m->since_ms));
	else
		say_reach(w, name_of(m), m->reach, m->since_ms, m->complaint);
	say_pod(w, &m->pod, m->pod_gone && !judge_has_pod(m));
}

/* Of what its master, which is not heard any more, said before that it had sent. */
static void say_lack(struct words *w, const struct server_view *s, const struct server_view *m)
{
	int64_t lacks = judge_lacks(s, m);

	if (lacks)
		say(w, "%s lacks %" PRId64 " bytes that it had sent", name_of(s), lacks);
}

/* What its replicas say of it: those that have followed it. */
static void say_replicas(struct words *w, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(w->v, g, &at));) {
		if (s == m || !judge_heard(s) || s->info.role != REDIS_ROLE_REPLICA ||
		    strcmp(s->info.master, m->addr) != 0)
			continue;
		if (s->info.syncing)
			say(w, "%s is in a full sync", name_of(s));
		else if (!s->info.link_up && s->link_down_since_ms)
			say(w, "%s lost its link %.1f s ago at offset %" PRId64, name_of(s),
			    seconds(w, s->link_down_since_ms), s->info.offset);
		else if (!s->info.link_up)
			say(w, "%s has lost its link at offset %" PRId64, name_of(s), s->info.offset);
		else if (m->reach == REACH_OK && m->info_valid)
			say(w, "%s is in sync at offset %" PRId64, name_of(s), s->info.offset);
		else
			say(w, "%s has had nothing from it for %" PRId64 " s, at offset %" PRId64, name_of(s),
			    (int64_t)s->info.last_io_s, s->info.offset);
		say_lack(w, s, m);
	}
}

static void say_refusals(struct words *w, const struct group_view *g)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(w->v, g, &at));) {
		if (s->role_refused_ms)
			say(w, "%s refused the role %.1f s ago", name_of(s), seconds(w, s->role_refused_ms));
	}
}

/* One that gets a role without having followed whom it replaces. */
static void say_new(struct words *w, const struct server_view *s, const struct server_view *old)
{
	if (judge_heard(s) && (!old || strcmp(s->info.master, old->addr) != 0))
		say(w, "%s has %" PRId64 " keys", name_of(s), s->info.keys);
}

/* One that a person has promoted too early: since when, and for how long it had not all that its master sent. */
static void say_succession(struct words *w, const struct server_view *s)
{
	const struct succession *c = &s->succession;

	if (c->whole_ms)
		say(w, "%s leads since %.1f s and lacks %.1f s", name_of(s), seconds(w, c->led_ms),
		    (double)(c->led_ms - c->whole_ms) / 1000);
	else
		say(w, "%s leads since %.1f s and was never in sync", name_of(s), seconds(w, c->led_ms));
}

static void say_group(struct words *w, const struct group_view *g, const struct action *a)
{
	const struct server_view *s = view_server(w->v, a->addr), *old = view_server(w->v, a->from);

	if (!old)
		old = view_master(w->v, g);
	if (old && a->takes_back)
		say_succession(w, old);
	else if (old)
		say_old(w, old);
	if (old)
		say_replicas(w, g, old);
	say_refusals(w, g);
	if (s && s != old)
		say_new(w, s, old);
}

static void say_server(struct words *w, const struct server_view *s, const struct action *a)
{
	bool heard = judge_heard(s);

	if (!heard)
		say_reach(w, "it", s->reach, s->since_ms, s->complaint);
	else if (a->kind == ACT_FOLLOW && s->info.role == REDIS_ROLE_MASTER)
		say(w, "it is master, with %" PRId64 " keys", s->info.keys);
	else if (a->kind == ACT_FOLLOW && redis_info_guarded(&s->info))
		say(w, "it was started anew and waits for a role, with %" PRId64 " keys", s->info.keys);
	else if (a->kind == ACT_FOLLOW)
		say(w, "it follows %s, with %" PRId64 " keys", s->info.master[0] ? s->info.master : "nobody",
		    s->info.keys);
	else if (s->info.role == REDIS_ROLE_REPLICA)
		say(w, "it is at offset %" PRId64, s->info.offset);
	if (a->kind != ACT_FOLLOW)
		say_pod(w, &s->pod, s->pod_gone && !judge_has_pod(s));
}

static void say_slots(struct words *w, const struct proxy_view *p, int gid)
{
	const struct group_view *g = view_group(w->v, gid);
	int elsewhere = 0, locked = 0, fetched = 0;

	for (int i = 0; g && g->node.count && p->slots && i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];
		bool is_its = s->group == gid || w->v->dashboard.slot_group[i] == gid;

		elsewhere += is_its && strcmp(s->addr, g->node.servers[0].addr) != 0;
		locked += is_its && s->locked;
		fetched += is_its && s->migrate_from && !w->v->dashboard.slot_acting[i];
	}
	if (elsewhere)
		say(w, "slots elsewhere: %d", elsewhere);
	if (locked)
		say(w, "slots locked: %d", locked);
	if (fetched)
		say(w, "slots that fetch keys from another group, and were moved: %d", fetched);
}

static void say_proxy(struct words *w, const struct action *a)
{
	for (int i = 0; i < w->v->proxy_count; i++) {
		const struct proxy_view *p = &w->v->proxies[i];

		if (strcmp(p->admin_addr, a->addr) != 0)
			continue;
		say_reach(w, "it", p->reach, p->since_ms, "");
		if (a->kind == ACT_FILL_PROXY)
			say_slots(w, p, a->gid);
		else
			say_pod(w, &p->pod, p->pod_gone);
		return;
	}
}

static void say_dashboard(struct words *w, const struct action *a)
{
	const struct dashboard_view *b = &w->v->dashboard;

	if (a->kind == ACT_REMOVE_LOCK)
		say(w, "%s took it", b->lock_addr);
	if (a->kind == ACT_ASSIGN_SLOTS)
		say(w, "groups led: %d", view_groups_wanted(w->v));
	say_reach(w, "it", b->reach, b->since_ms, "");
	if (a->kind == ACT_DELETE_POD)
		say_pod(w, &b->pod, false);
}

/* Who else is there. */
static void say_zookeepers(struct words *w, const struct action *a)
{
	int others = 0, ready = 0;

	for (int i = 0; i < w->v->zookeeper_count; i++) {
		const struct zookeeper_view *z = &w->v->zookeepers[i];

		if (strcmp(z->pod.uid, a->uid) == 0) {
			say(w, "its node %s is lost since %.1f s", z->pod.node, seconds(w, z->pod.node_lost_ms));
			continue;
		}
		others++;
		ready += z->pod.ready && !z->pod.node_lost;
	}
	say(w, "others ready: %d of %d", ready, others);
}

void reason_evidence(const struct cluster_view *v, const struct action *a, char *out, size_t size)
{
	struct words w = { .v = v, .out = out, .size = size };
	const struct group_view *g = view_group(v, a->gid);
	const struct server_view *s = view_server(v, a->addr);

	out[0] = '\0';
	switch (a->subject) {
	case SUBJECT_GROUP:
		if (g)
			say_group(&w, g, a);
		break;
	case SUBJECT_SETTING:
		g = s ? view_group(v, s->group) : NULL;
		if (g)
			say_replicas(&w, g, s);
		break;
	case SUBJECT_SERVER:
		if (s)
			say_server(&w, s, a);
		break;
	case SUBJECT_PROXY: say_proxy(&w, a); break;
	case SUBJECT_DASHBOARD: say_dashboard(&w, a); break;
	case SUBJECT_ZOOKEEPER: say_zookeepers(&w, a); break;
	case SUBJECT_SCALING: break; /* the status tells how far it is */
	}
}

void reason_of_master(const struct cluster_view *v, const struct group_view *g, char *out, size_t size)
{
	struct words w = { .v = v, .out = out, .size = size };
	const struct server_view *m = view_master(v, g);

	out[0] = '\0';
	if (!m || view_master_verified(m))
		return;
	say_old(&w, m);
	say_replicas(&w, g, m);
	say_refusals(&w, g);
}
