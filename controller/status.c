#include "controller/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/codis/served.h"
#include "controller/adopt.h"
#include "controller/scale.h"
#include "controller/switchover.h"
#include "controller/trouble.h"

/* --- what is wrong, in words -----------------------------------------------------------------------------------------
 */

/* Reasons, as many as fit: what does not is counted, so that no word is cut. */
struct reasons {
	char *out;
	size_t size, used;
	int left;
	cJSON *list; /* each with its code, at most REASONS_MAX; NULL: only the line is wanted */
	int listed, unlisted;
	bool failed; /* no memory */
};

#define REASONS_MAX 100

#define MORE_SIZE 24 /* "; and 1000000 more" */

static void list_reason(struct reasons *r, enum trouble what, const char *text, bool whole)
{
	cJSON *o;

	if (!r->list)
		return;
	if (!whole || r->listed == REASONS_MAX) {
		r->unlisted++;
		return;
	}
	o = cJSON_CreateObject();
	r->failed |= json_push(r->list, o) < 0 || !json_add_str(o, "code", trouble_code(what)) ||
		     !json_add_str(o, "words", text) || !json_add_str(o, "next", trouble_next(what));
	r->listed++;
}

__attribute__((format(printf, 3, 4))) static void say(struct reasons *r, enum trouble what, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	list_reason(r, what, text, n >= 0 && (size_t)n < sizeof(text));
	if (r->left || n < 0 || (size_t)n >= sizeof(text) || r->used + (size_t)n + 2 + MORE_SIZE >= r->size) {
		r->left++;
		return;
	}
	memcpy(r->out + r->used, "; ", 2);
	memcpy(r->out + r->used + 2, text, (size_t)n + 1);
	r->used += (size_t)n + 2;
}

static void say_rest(struct reasons *r)
{
	if (r->left)
		snprintf(r->out + r->used, r->size - r->used, "; and %d more", r->left);
}

static const char *plural(int n)
{
	return n == 1 ? "" : "s";
}

/* --- groups and servers ----------------------------------------------------------------------------------------------
 */

static int count_synced(const struct cluster_view *v, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *s;
	int n = 0;

	for (int at = 0; (s = view_next(v, g, &at));)
		n += view_is_member(s, g->node.id) && view_synced(s, m);
	return n;
}

static bool has_members(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (view_is_member(s, g->node.id) && s->pod.name[0])
			return true;
	}
	return g->node.count > 0;
}

static const char *name_of(const struct server_view *s)
{
	return s->pod.name[0] ? s->pod.name : s->addr;
}

static const char *state_without_answer(const struct server_view *s)
{
	if (s->named)
		return "listed by a name";
	if (!s->addr[0])
		return s->pod.unschedulable ? "no node takes it" : "has no address yet";
	if (s->reach == REACH_REFUSED)
		return "refusing";
	if (s->reach == REACH_SILENT)
		return "silent";
	return s->complaint[0] ? s->complaint : "unknown";
}

static const char *server_state(const struct server_view *s, const struct server_view *m)
{
	if (s->pod.node_lost && s->reach != REACH_OK)
		return "its node is lost";
	if (s->pod.deleting)
		return "leaving";
	if (s->pod.waits[0])
		return s->pod.waits;
	if (s->reach != REACH_OK || !s->info_valid)
		return state_without_answer(s);
	if (s->info.loading)
		return "loading";
	if (s == m && view_master_verified(s))
		return "master";
	if (redis_info_guarded(&s->info))
		return "waiting for a role";
	if (s->info.role == REDIS_ROLE_MASTER)
		return "follows nobody";
	if (m && view_synced(s, m))
		return s->listed_group ? "synced" : "synced, joining";
	return s->info.syncing ? "syncing" : "not synced";
}

/* The members that are not in sync with m, NULL: all of them, and what each is. */
static void list_unsynced(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
			  struct buf *out)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (s != m && view_is_member(s, g->node.id) && (!m || !view_synced(s, m)))
			buf_addf(out, " (%s: %s)", name_of(s), server_state(s, m));
	}
}

/* What all groups together show. */
struct groups_status {
	int led, seen, surplus; /* surplus: that no StatefulSet asks for any more, and that are there */
	int64_t keys;
	bool ok;
};

static void say_masters(const struct cluster_view *v, const struct decide_limits *limits, struct groups_status *all,
			struct reasons *r)
{
	if (!v->server_count && !view_groups_wanted(v))
		say(r, TROUBLE_NO_SERVERS,
		    "no codis-server belongs to it: look at the label app=codis-server and PRODUCT_NAME of the "
		    "servers");
	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *g = &v->groups[i];
		const struct server_view *m = view_master(v, g), *s;
		const char *why, *held_up;
		char names[480] = "", held[JUDGE_HELD_MAX];
		struct buf who = BUF_IN(names);

		if ((!has_members(v, g) && !g->unreadable[0]) || scale_lets_go(v, g->node.id))
			continue;
		all->seen++;
		all->surplus += !view_is_wanted(v, g->node.id);
		if (g->switching_to[0] && (s = view_server(v, g->switching_to)))
			say(r, TROUBLE_GROUP_SWITCHING, "group %d switches to %s", g->node.id, name_of(s));
		if (g->node.promoting_state[0]) {
			all->ok = false;
			say(r, TROUBLE_PROMOTION_UNFINISHED, "group %d: promotion is %s", g->node.id,
			    g->node.promoting_state);
		}
		if (g->unreadable[0]) {
			all->ok = false;
			say(r, TROUBLE_GROUP_UNREADABLE, "group %d: its node in ZooKeeper cannot be read: %s",
			    g->node.id, g->unreadable);
		}
		if (judge_master(v, g, limits, &why) == MASTER_HEALTHY) {
			all->led++;
			all->keys += m->info.keys;
			continue;
		}
		all->ok = false;
		if (g->switching_to[0])
			continue;
		held_up = judge_held_up(v, g, limits, held);
		if (!m)
			list_unsynced(v, g, NULL, &who);
		say(r, TROUBLE_GROUP_HAS_NO_MASTER, "group %d has no master%s%s: %s%s%s%s", g->node.id, m ? ", " : "",
		    m ? name_of(m) : "", m ? why : "no server has the role yet", who.failed ? "" : who.data,
		    held_up ? "; " : "", held_up ? held_up : "");
	}
}

#define TAKEN_BACK_TOLD_MS 600000

bool status_succession(const struct cluster_view *v, const struct group_view *g, bool keys, char *out, size_t size)
{
	const struct server_view *m = view_master(v, g), *old;
	char insist[SERVED_COMMAND_MAX], both[64] = "";

	if (!m || !view_master_verified(m) || succession_judge(v, g, m, &old) != SUCCESSION_WAITS)
		return false;
	if (keys)
		snprintf(both, sizeof(both), " (%lld keys to %lld)", (long long)old->info.keys,
			 (long long)m->info.keys);
	snprintf(out, size,
		 "group %d: %s was promoted%s, and %s has what it lacks%s: promote that one again, or give it up with "
		 "%s",
		 g->node.id, name_of(m), m->succession.how == SUCCESSION_BEHIND ? " while it was not in sync" : "",
		 name_of(old), both, served_give_up(v->namespace, view_set_name(v, g->node.id), g->node.id, insist));
	return true;
}

/* Who leads over the head of another master, and whose promotion was taken back. */
static void say_successions(const struct cluster_view *v, struct groups_status *all, struct reasons *r)
{
	char words[STATUS_SUCCESSION_MAX];

	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *g = &v->groups[i];
		const struct server_view *m = view_master(v, g), *s = view_server(v, g->taken_back);

		if (m && s && s != m && !view_synced(s, m) && v->now_ms - g->taken_back_ms < TAKEN_BACK_TOLD_MS)
			say(r, TROUBLE_PROMOTION_TAKEN_BACK,
			    "group %d: the promotion of %s was taken back: it was not in sync", g->node.id, name_of(s));
		if (!status_succession(v, g, false, words, sizeof(words)))
			continue;
		all->ok = false;
		say(r, TROUBLE_SUCCESSION_UNDECIDED, "%s", words);
	}
}

/* Until somebody acknowledges it: what is noted, and what is not noted yet. */
static bool has_lost(const struct group_view *g)
{
	return g->lost_keys > 0 || g->new_lost_keys > 0;
}

static int64_t lost_keys(const struct group_view *g)
{
	return g->lost_keys + g->new_lost_keys;
}

static int64_t lost_wall_ms(const struct group_view *g)
{
	return g->new_lost_keys ? g->new_lost_wall_ms : g->lost_wall_ms;
}

#define LOST_AT_MAX 24
#define LOST_NAMED  4 /* groups that the line names */

static const char *lost_at(int64_t wall_ms, char out[LOST_AT_MAX])
{
	char text[32];

	clock_rfc3339(wall_ms, text, sizeof(text));
	snprintf(out, LOST_AT_MAX, "%.19sZ", text);
	return out;
}

/* A person is asked about it already where one was promoted that lacks what another one has. */
static void say_unclear(const struct cluster_view *v, struct groups_status *all, struct reasons *r)
{
	char words[STATUS_SUCCESSION_MAX];

	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *g = &v->groups[i];

		if (!g->loss_unclear || status_succession(v, g, false, words, sizeof(words)))
			continue;
		all->ok = false;
		say(r, TROUBLE_LOSS_UNCLEAR, "group %d: whether its data is lost is not known yet", g->node.id);
	}
}

/* The StatefulSets on which the losses stand, as many as fit: one command is for all of them. */
static void name_set(const struct cluster_view *v, int gid, const struct view_set **last, struct buf *out)
{
	const struct view_set *set = view_set_of(v, gid);

	if (!set || set == *last || out->len + strlen(set->name) + 1 >= VIEW_NAME_MAX)
		return;
	buf_addf(out, "%s%s", out->len ? " " : "", set->name);
	*last = set;
}

/* How many keys. */
static int64_t say_losses(const struct cluster_view *v, struct groups_status *all, struct reasons *r)
{
	char names[128], where[VIEW_NAME_MAX] = "";
	struct buf who = BUF_IN(names), sets = BUF_IN(where);
	const struct view_set *last = NULL;
	char words[SERVED_KEYS_MAX], at[LOST_AT_MAX], command[SERVED_COMMAND_MAX];
	int64_t keys = 0, last_ms = 0;
	int n = 0;

	say_unclear(v, all, r);
	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *g = &v->groups[i];

		if (!has_lost(g))
			continue;
		keys += lost_keys(g);
		last_ms = lost_wall_ms(g) > last_ms ? lost_wall_ms(g) : last_ms;
		name_set(v, g->node.id, &last, &sets);
		if (n++ < LOST_NAMED)
			buf_addf(&who, "%s%d", n == 1 ? "" : ", ", g->node.id);
	}
	if (!n)
		return 0;
	all->ok = false;
	if (n > LOST_NAMED)
		buf_addf(&who, " and %d more", n - LOST_NAMED);
	served_say_keys(keys, words);
	say(r, TROUBLE_DATA_LOST, "group%s %s LOST %s DATA at %s (%s): acknowledge it with %s", plural(n), who.data,
	    n == 1 ? "ITS" : "THEIR", lost_at(last_ms, at), words, served_acknowledge(v->namespace, where, command));
	return keys;
}

static void say_replicas(const struct cluster_view *v, const struct decide_limits *limits, struct groups_status *all,
			 struct reasons *r)
{
	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *g = &v->groups[i];
		const struct server_view *m = view_master(v, g);
		char names[480];
		struct buf who = BUF_IN(names);
		const char *why;
		int missing;

		if (!m || judge_master(v, g, limits, &why) != MASTER_HEALTHY || scale_lets_go(v, g->node.id))
			continue;
		missing = view_group_size(v, g->node.id) - 1 - count_synced(v, g, m);
		if (missing <= 0)
			continue;
		all->ok = false;
		list_unsynced(v, g, m, &who);
		say(r, TROUBLE_REPLICAS_MISSING, "group %d lacks %d synced replica%s%s", g->node.id, missing,
		    plural(missing), who.len && !who.failed ? who.data : "");
		if (judge_last_holder(v, g))
			say(r, TROUBLE_LAST_HOLDER_LEAVES, "group %d: %s is being deleted and " STATUS_LAST_HOLDER,
			    g->node.id, name_of(m));
	}
}

bool status_refused(const struct server_view *s)
{
	return strcmp(s->complaint, "NOAUTH") == 0;
}

const char *status_password_trouble(const struct cluster_view *v)
{
	return v->password_trouble[0] ? v->password_trouble : "it is another one";
}

/* ZooKeeper has lost its tree, or was made anew. */
static bool say_forgotten_slots(const struct cluster_view *v, struct groups_status *all, struct reasons *r)
{
	int64_t keys = view_keys(v);
	char words[SERVED_KEYS_MAX];
	bool sent = false;

	for (int i = 0; i < v->proxy_count; i++)
		sent |= view_sends_slots(&v->proxies[i]);
	if (v->dashboard.reach != REACH_OK || !view_none_assigned(v) || (!sent && keys <= 0))
		return false;
	all->ok = false;
	served_say_keys(keys, words);
	say(r, TROUBLE_SLOTS_FORGOTTEN, "ZooKeeper knows of no slot, while the servers have %s%s -n %s%s", words,
	    sent ? " and proxies send slots: codisctl restore --from-proxies" : ": codisctl restore -f FILE",
	    v->namespace,
	    sent ? " writes them back"
		 : " (of codisctl backup), or assign each to the group that has its keys (codis-admin --slots-assign)");
	return true;
}

/* What the kubelets cannot start. */
static void say_waits(const struct cluster_view *v, struct reasons *r)
{
	for (int i = 0; i < v->waits_count; i++) {
		const struct waits_view *w = &v->waits[i];

		if (w->pods == 1)
			say(r, TROUBLE_POD_DOES_NOT_START, "%s does not start: %s", w->pod, w->why);
		else
			say(r, TROUBLE_POD_DOES_NOT_START, "%s and %d more do not start: %s", w->pod, w->pods - 1,
			    w->why);
	}
	if (v->waits_more)
		say(r, TROUBLE_POD_DOES_NOT_START, "%d more pod%s not start", v->waits_more,
		    v->waits_more == 1 ? " does" : "s do");
}

/* What a human has to mend: the controller cannot. */
static void say_servers(const struct cluster_view *v, struct groups_status *all, struct reasons *r)
{
	int refused = 0;

	for (int i = 0; i < v->server_count; i++) {
		const struct server_view *s = &v->servers[i];

		refused += status_refused(s);
		if (!s->named)
			continue;
		all->ok = false;
		say(r, TROUBLE_SERVER_LISTED_BY_NAME, "group %d lists %s: write its address", s->listed_group, s->addr);
	}
	if (!refused)
		return;
	all->ok = false;
	say(r, TROUBLE_PASSWORD_REFUSED, "%d server%s want%s a password that is not known (NOAUTH): %s", refused,
	    plural(refused), refused == 1 ? "s" : "", status_password_trouble(v));
}

/* --- proxies, dashboard, slots ---------------------------------------------------------------------------------------
 */

static bool serves(const struct proxy_view *p)
{
	return p->reach == REACH_OK && p->registered && p->online && !p->pod.deleting;
}

/* Whether a proxy that ought to serve does not; which ones serve is counted. */
static bool say_proxies(const struct cluster_view *v, struct status_sum *sum, struct reasons *r)
{
	bool ok = true;

	sum->serving = sum->proxies = 0;
	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];
		const char *name = p->pod.name[0] ? p->pod.name : p->admin_addr;

		sum->serving += serves(p);
		sum->proxies += serves(p);
		if (serves(p) || p->pod.deleting || (!p->pod.name[0] && !p->registered))
			continue;
		sum->proxies++;
		ok = false;
		if (p->reach != REACH_OK)
			say(r, TROUBLE_PROXY_SILENT, "proxy %s does not answer", name);
		else
			say(r, TROUBLE_PROXY_NOT_TAKEN_IN, "proxy %s is not taken in yet", name);
	}
	if (!sum->serving)
		say(r, TROUBLE_NO_PROXY_SERVES, "no proxy serves");
	return ok && sum->serving;
}

/* The next one that falls away may take the quorum. */
static bool say_zookeepers(const struct cluster_view *v, struct reasons *r)
{
	bool ok = true;

	for (int i = 0; i < v->zookeeper_count; i++) {
		const struct pod_view *pod = &v->zookeepers[i].pod;

		if (!pod->node_lost)
			continue;
		ok = false;
		say(r, TROUBLE_ZOOKEEPER_NODE_LOST, "the node of ZooKeeper's %s is lost", pod->name);
	}
	return ok;
}

static void say_not_connected(const struct cluster_view *v, struct reasons *r)
{
	const char *name = v->zookeeper_name;

	if (!name[0])
		say(r, TROUBLE_ZOOKEEPER_NOT_CONNECTED,
		    "ZooKeeper is not connected: no dashboard or proxy says where it is");
	else if (v->zookeeper_unresolved)
		say(r, TROUBLE_ZOOKEEPER_NOT_CONNECTED, "ZooKeeper is not connected: no address is found for %s", name);
	else
		say(r, TROUBLE_ZOOKEEPER_NOT_CONNECTED, "ZooKeeper is not connected (%s)", name);
}

static bool say_coordination(const struct cluster_view *v, struct reasons *r)
{
	bool whole = say_zookeepers(v, r);

	if (v->too_large)
		say(r, TROUBLE_TREE_TOO_LARGE,
		    "ZooKeeper names more groups, servers or proxies than are watched beside the pods: nothing is "
		    "done");
	if (v->costly)
		say(r, TROUBLE_PEERS_COSTLY, "its peers answer so much, or so often, that they are asked seldom");
	if (!v->coordinator_ready)
		say_not_connected(v, r);
	if (v->lease_trouble)
		say(r, TROUBLE_NO_LEADER, "%s", v->lease_trouble);
	if (v->dashboard.reach == REACH_SILENT)
		say(r, TROUBLE_DASHBOARD_SILENT,
		    v->dashboard.assigning ? "dashboard is busy: it deals out the slots" : "dashboard is busy or hung");
	else if (v->dashboard.reach != REACH_OK)
		say(r, TROUBLE_DASHBOARD_DOWN, "dashboard is down");
	return whole && !v->too_large && !v->costly && v->coordinator_ready && !v->lease_trouble &&
	       v->dashboard.reach == REACH_OK;
}

#define CALM_NAMED 3

static void say_actions(enum trouble what, const struct action *actions, int count, const char *rest, struct reasons *r)
{
	char words[512];

	for (int i = 0; i < count && i < CALM_NAMED; i++) {
		if (actions[i].held)
			action_note_held(&actions[i], words, sizeof(words));
		else
			action_note_would(&actions[i], words, sizeof(words));
		say(r, what, "%s", words);
	}
	if (count > CALM_NAMED)
		say(r, what, "%d more %s", count - CALM_NAMED, rest);
}

static bool stands_before(const struct server_view *a, const struct server_view *b)
{
	return a->ordinal != b->ordinal ? a->ordinal < b->ordinal : a->group < b->group;
}

/* The unguarded server behind `after` (NULL: the first); NULL: no more. */
static const struct server_view *next_unguarded(const struct cluster_view *v, const struct server_view *after)
{
	const struct server_view *next = NULL;

	for (int i = 0; i < v->server_count; i++) {
		const struct server_view *s = &v->servers[i];

		if (s->pod.name[0] && s->pod.unguarded && (!after || stands_before(after, s)) &&
		    (!next || stands_before(s, next)))
			next = s;
	}
	return next;
}

static void name_unguarded(const struct cluster_view *v, int unguarded, struct buf *out)
{
	const struct server_view *s = next_unguarded(v, NULL);
	int n = 0;

	for (; s && n < CALM_NAMED; s = next_unguarded(v, s))
		buf_addf(out, "%s%s", n++ ? ", " : "", s->pod.name);
	if (unguarded > n)
		buf_addf(out, " and %d more", unguarded - n);
}

static bool is_adopted(const struct cluster_view *v, const struct adoption *a)
{
	return v->adopt && a->servers && a->servers == view_servers_wanted(v) && !a->unguarded;
}

/* It takes a server for a dead one that the dashboard has not asked yet, and shuts it down (cmd/ha of Codis 3.2). */
static void say_ha(const struct cluster_view *v, struct reasons *r)
{
	if (v->ha.name[0] && v->mandate != MANDATE_NONE)
		say(r, TROUBLE_CODIS_HA_ACTS,
		    "%s acts beside codis-controller, and shuts down servers that are well: kubectl delete pod -n %s "
		    "%s makes a viewer of it",
		    v->ha.name, v->namespace, v->ha.name);
}

static void say_adoption(const struct cluster_view *v, const struct adoption *a, struct reasons *r)
{
	char names[CALM_NAMED * VIEW_NAME_MAX + 32];
	struct buf who = BUF_IN(names);

	if (!a->unguarded)
		return;
	name_unguarded(v, a->unguarded, &who);
	if (v->adopt)
		say(r, TROUBLE_SERVERS_ADOPTING, "%d/%d servers are adopted%s%s", a->servers - a->unguarded, a->servers,
		    a->waits[0] ? ", it waits: " : "", a->waits);
	else
		say(r, TROUBLE_SERVERS_NOT_GUARDED,
		    "%d/%d servers are not guarded (%s), and may come back empty as masters: kubectl annotate -n %s "
		    "sts %s "
		    "codis.io/adopt=true replaces them one by one",
		    a->unguarded, a->servers, names, v->namespace, v->set_count ? v->sets[0].name : "");
}

static enum trouble code_of_scaling(const struct scale *s)
{
	if (s->waits[0])
		return TROUBLE_SLOTS_WAIT;
	return moving_is(&s->moving) ? TROUBLE_SLOTS_MOVING : TROUBLE_SERVERS_UNFIT;
}

/* Slots that move, or are to. */
static void say_scaling(const struct cluster_view *v, const struct scale *s, struct reasons *r)
{
	char text[SCALE_WORDS_MAX];
	struct buf words = BUF_IN(text);

	if (scale_words(v, s, &words))
		say(r, code_of_scaling(s), "%s", words.data);
}

/* Whoever or whatever keeps the controller from acting. Whether nothing does. */
static bool say_calm(const struct cluster_view *v, struct reasons *r)
{
	if (v->paused)
		say(r, TROUBLE_PAUSED,
		    "codis.io/paused says \"%s\": nothing is done until kubectl annotate -n %s sts %s codis.io/paused-",
		    v->paused_by, v->namespace, v->paused_set);
	if (v->shared[0])
		say(r, TROUBLE_TREE_SHARED, "%s", v->shared);
	if (v->dry_run)
		say(r, TROUBLE_DRY_RUN, "DRY RUN: nothing is done");
	say_actions(TROUBLE_WOULD_ACT, v->would, v->would_count, "would be done", r);
	if (v->tilted)
		say(r, TROUBLE_TILT,
		    "TILT: %d of %d servers fell silent, which may be our own network: silence counts from the last of "
		    "them, and no proxy is taken out for its own",
		    v->silent_servers, v->heard_servers);
	return !v->paused && !v->shared[0] && !v->tilted && !v->held_count && !v->would_count;
}

/* The verified master's address of a group, "" where it has none. */
static const char *serving_master(const struct cluster_view *v, int gid)
{
	const struct group_view *g = gid ? view_group(v, gid) : NULL;
	const struct server_view *m = g ? view_master(v, g) : NULL;

	return m && view_master_verified(m) ? m->addr : "";
}

/* Each slot that moves is held for some milliseconds: that is no outage, unless it lasts. That it moves the dashboard
 * may not have said yet when the proxy is heard, or says no more when the proxy has not been heard again. */
#define HELD_TO_MOVE_MS 2000
static bool is_held(const struct cluster_view *v, const struct proxy_view *p, int slot)
{
	const struct dashboard_view *b = &v->dashboard;
	bool moves = b->slot_target[slot] || !view_of_one_time(b, p, slot);

	return p->slots[slot].locked &&
	       !(moves && p->slot_since_ms && v->now_ms - p->slot_since_ms[slot] < HELD_TO_MOVE_MS);
}

static void count_served(const struct cluster_view *v, const struct proxy_view *p, int *proxies)
{
	const char *master = "";
	int asked = -1;

	for (int i = 0; p->slots && i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];

		if (s->group != asked) {
			asked = s->group;
			master = serving_master(v, s->group);
		}
		proxies[i] += master[0] && !is_held(v, p, i) && strcmp(s->addr, master) == 0;
	}
}

static bool is_switching(const struct cluster_view *v, int gid)
{
	const struct group_view *g = gid ? view_group(v, gid) : NULL;

	return g && g->switching_to[0];
}

#define SLOTS_NAMED 3 /* proxies */

/* Of a proxy: how many slots of groups that are led, and that do not change their master, it holds, or sends elsewhere.
 */
static void count_unserved(const struct cluster_view *v, const struct proxy_view *p, int *held, int *astray)
{
	const char *master = "";
	int asked = -1;

	*held = *astray = 0;
	for (int i = 0; p->slots && i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];

		if (s->group != asked) {
			asked = s->group;
			master = is_switching(v, asked) ? "" : serving_master(v, asked);
		}
		if (!master[0])
			continue;
		*held += is_held(v, p, i);
		*astray += !is_held(v, p, i) && strcmp(s->addr, master) != 0;
	}
}

/* Whether there was something to say. */
static bool say_unserved(const struct cluster_view *v, const struct proxy_view *p, struct reasons *r)
{
	const char *name = p->pod.name[0] ? p->pod.name : p->admin_addr;
	int held, astray;

	count_unserved(v, p, &held, &astray);
	if (!p->slots)
		say(r, TROUBLE_SLOTS_NOT_SERVED, "proxy %s has not said yet where it sends which slot", name);
	if (held)
		say(r, TROUBLE_SLOTS_NOT_SERVED, "proxy %s holds %d slot%s", name, held, plural(held));
	if (astray)
		say(r, TROUBLE_SLOTS_NOT_SERVED, "proxy %s sends %d slot%s elsewhere than to their group's master",
		    name, astray, plural(astray));
	return !p->slots || held || astray;
}

/* Which slots clients get errors for, or wait for, though their groups are led. forgotten: none is assigned, and that
 * was said. */
static void say_slots(const struct cluster_view *v, const struct status_sum *sum, bool forgotten, struct reasons *r)
{
	int none = 0, proxies = 0;

	if (!sum->serving || sum->slots + sum->handed_over == CODIS_SLOTS)
		return;
	for (int i = 0; v->dashboard.slots_known && i < CODIS_SLOTS; i++)
		none += !v->dashboard.slot_group[i] && !v->dashboard.slot_acting[i];
	if (forgotten)
		none = 0;
	if (none == CODIS_SLOTS)
		say(r, TROUBLE_SLOTS_UNASSIGNED, "no slot is assigned to a group yet%s",
		    v->dashboard.assigning ? ": they are being dealt out" : "");
	else if (none)
		say(r, TROUBLE_SLOTS_UNASSIGNED, "%d slot%s assigned to no group", none, none == 1 ? " is" : "s are");
	for (int i = 0; i < v->proxy_count && proxies < SLOTS_NAMED; i++)
		proxies += serves(&v->proxies[i]) && say_unserved(v, &v->proxies[i], r);
}

/* How many slots every proxy that serves sends, unlocked, to their group's verified master. */
static void count_slots_served(const struct cluster_view *v, struct status_sum *sum)
{
	int proxies[CODIS_SLOTS] = { 0 }, serving = 0;

	for (int i = 0; i < v->proxy_count; i++) {
		if (!serves(&v->proxies[i]))
			continue;
		serving++;
		count_served(v, &v->proxies[i], proxies);
	}
	for (int i = 0; serving && i < CODIS_SLOTS; i++) {
		if (proxies[i] == serving)
			sum->slots++;
		else
			sum->handed_over += is_switching(v, v->dashboard.slot_group[i]);
	}
}

/* --- the line, and JSON ----------------------------------------------------------------------------------------------
 */

const char *status_word(enum status_word word)
{
	static const char *const words[] = {
		[STATUS_OK] = "OK",           [STATUS_SWITCHING] = "SWITCHING", [STATUS_DEGRADED] = "DEGRADED",
		[STATUS_PARTIAL] = "PARTIAL", [STATUS_DOWN] = "DOWN",
	};

	return words[word];
}

/* Of a cluster that is not whole. A switch is no outage: clients wait for it. */
static enum status_word word_of(const struct status_sum *sum)
{
	if (!sum->serving)
		return STATUS_DOWN;
	if (sum->slots == CODIS_SLOTS)
		return STATUS_DEGRADED;
	if (sum->slots + sum->handed_over == CODIS_SLOTS)
		return STATUS_SWITCHING;
	return sum->slots ? STATUS_PARTIAL : STATUS_DOWN;
}

/* The cause first: what is missing for all, then what is missing for a group, for clients, for the next failure. */
static void look(const struct cluster_view *v, const struct decide_limits *limits, struct status_sum *sum,
		 struct reasons *r)
{
	struct groups_status all = { .ok = true };
	struct adoption adoption;
	struct scale scale;
	bool calm = say_calm(v, r), coordinated, forgotten, served, whole;

	say_waits(v, r);
	say_actions(TROUBLE_ACTION_HELD, v->held, v->held_count, "wait", r);
	coordinated = say_coordination(v, r);
	*sum = (struct status_sum){ .groups = view_groups_wanted(v) };
	count_slots_served(v, sum);
	say_servers(v, &all, r);
	forgotten = say_forgotten_slots(v, &all, r);
	say_masters(v, limits, &all, r);
	say_successions(v, &all, r);
	sum->lost_keys = say_losses(v, &all, r);
	served = say_proxies(v, sum, r);
	say_slots(v, sum, forgotten, r);
	say_replicas(v, limits, &all, r);
	adoption_look(v, limits, &adoption);
	say_adoption(v, &adoption, r);
	say_ha(v, r);
	scale_look(v, limits, &scale);
	say_scaling(v, &scale, r);
	say_rest(r);
	sum->groups += all.surplus;
	sum->led = all.led;
	sum->keys = all.keys;
	sum->empty = all.led && all.led == all.seen && all.led >= sum->groups && !all.keys;
	sum->adopted = is_adopted(v, &adoption);
	whole = all.ok && coordinated && served && sum->slots == CODIS_SLOTS && all.led >= sum->groups;
	sum->ok = whole && calm;
	sum->word = whole ? STATUS_OK : word_of(sum);
}

void status_sum(const struct cluster_view *v, const struct decide_limits *limits, struct status_sum *sum)
{
	char trouble[MORE_SIZE] = "";

	look(v, limits, sum, &(struct reasons){ .out = trouble, .size = sizeof(trouble) });
}

/* r: its list is filled, if it has one. */
static struct status_sum describe(const struct cluster_view *v, const struct decide_limits *limits, char *out,
				  size_t size, struct reasons *r)
{
	char trouble[900] = "";
	struct status_sum s;

	r->out = trouble;
	r->size = sizeof(trouble);
	look(v, limits, &s, r);
	r->out = NULL;
	snprintf(out, size, "%s: %s%s, %d/%d groups led, %d prox%s, %d/%d slots served%s%s%s", v->product,
		 v->paused ? "PAUSED, " : "", status_word(s.word), s.led, s.groups, s.serving,
		 s.serving == 1 ? "y" : "ies", s.slots, CODIS_SLOTS, s.empty ? ", empty" : "",
		 s.adopted ? ", adopted" : "", trouble);
	return s;
}

enum status_word status_line(const struct cluster_view *v, const struct decide_limits *limits, char *out, size_t size,
			     bool *ok)
{
	struct status_sum s = describe(v, limits, out, size, &(struct reasons){ .left = 0 });

	*ok = s.ok;
	return s.word;
}

/* As it was last heard; what it has not said is left out. */
static bool add_load(const struct redis_info *info, cJSON *o)
{
	return (info->memory < 0 || json_add_int(o, "memory", info->memory)) &&
	       (info->memory_max < 0 || json_add_int(o, "memory_max", info->memory_max)) &&
	       (info->ops < 0 || json_add_int(o, "ops", info->ops));
}

static int push_server(const struct server_view *s, const struct server_view *m, cJSON *list)
{
	cJSON *o = cJSON_CreateObject();

	if (!o || !json_add_str(o, "addr", s->addr) || !json_add_str(o, "pod", s->pod.name) ||
	    !json_add_str(o, "node", s->pod.node) || (s->pod.zone[0] && !json_add_str(o, "zone", s->pod.zone)) ||
	    !json_add_str(o, "state", server_state(s, m)) || !json_add_bool(o, "listed", s->listed_group != 0) ||
	    !json_add_bool(o, "guarded", !s->pod.unguarded) ||
	    !json_add_bool(o, "synced", m && s != m && view_synced(s, m)) ||
	    !json_add_int(o, "offset", s->info.offset) || !json_add_int(o, "keys", s->info.keys) ||
	    (s->info_valid && !add_load(&s->info, o))) {
		cJSON_Delete(o);
		return -1;
	}
	return json_push(list, o);
}

static bool add_loss(const struct group_view *g, cJSON *group)
{
	char at[LOST_AT_MAX];
	cJSON *loss;

	if (!has_lost(g))
		return true;
	loss = json_add_object(group, "data_lost");
	return json_add_int(loss, "keys", lost_keys(g)) && json_add_str(loss, "at", lost_at(lost_wall_ms(g), at));
}

/* As the dashboard has them; -1 where it has not said. */
static int count_slots(const struct cluster_view *v, const struct group_view *g)
{
	int n = 0;

	for (int i = 0; v->dashboard.slots_known && i < CODIS_SLOTS; i++)
		n += v->dashboard.slot_group[i] == g->node.id;
	return v->dashboard.slots_known ? n : -1;
}

static bool add_slots(const struct cluster_view *v, const struct group_view *g, cJSON *group)
{
	int n = count_slots(v, g);

	return n < 0 || json_add_int(group, "slots", n);
}

static int64_t furthest_behind(const struct cluster_view *v, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *s;
	int64_t most = -1;

	for (int at = 0; (s = view_next(v, g, &at));) {
		int64_t behind = m->info.offset > s->info.offset ? m->info.offset - s->info.offset : 0;

		if (s != m && view_is_member(s, g->node.id) && view_synced(s, m) && behind > most)
			most = behind;
	}
	return most;
}

bool status_of_group(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits,
		     struct status_group *out)
{
	const struct server_view *m = view_master(v, g);
	const char *why;
	int replicas = view_group_size(v, g->node.id) - 1;

	if (!has_members(v, g) || scale_lets_go(v, g->node.id))
		return false;
	*out = (struct status_group){
		.led = judge_master(v, g, limits, &why) == MASTER_HEALTHY,
		.slots = count_slots(v, g),
		.replicas = replicas > 0 ? replicas : 0,
		.keys = -1,
		.lag_bytes = -1,
	};
	if (!out->led)
		return true;
	out->synced = count_synced(v, g, m);
	out->keys = m->info.keys;
	out->lag_bytes = furthest_behind(v, g, m);
	return true;
}

static int push_group(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits,
		      cJSON *list)
{
	const struct server_view *m = view_master(v, g), *s;
	cJSON *o = cJSON_CreateObject(), *members;
	const char *why;
	bool healthy = judge_master(v, g, limits, &why) == MASTER_HEALTHY;
	char evidence[REASON_EVIDENCE_MAX];

	reason_of_master(v, g, evidence, sizeof(evidence));
	if (!o || json_push(list, o) < 0)
		return -1;
	if (!json_add_int(o, "id", g->node.id) || !json_add_bool(o, "led", healthy) ||
	    !json_add_str(o, "master", m ? name_of(m) : "") || !json_add_str(o, "why", why) ||
	    !json_add_str(o, "evidence", evidence) || !json_add_str(o, "promoting", g->node.promoting_state) ||
	    !json_add_bool(o, "busy", g->busy) || !add_slots(v, g, o) || !add_loss(g, o) ||
	    !(members = json_add_array(o, "members")))
		return -1;
	for (int at = 0; (s = view_next(v, g, &at));) {
		if (push_server(s, m, members) < 0)
			return -1;
	}
	return 0;
}

/* As the dashboard has them: [from, to, group], 0: of none. Empty where it has not said. */
static bool add_ranges(const struct cluster_view *v, cJSON *root)
{
	cJSON *list = json_add_array(root, "slot_ranges");
	const int16_t *of = v->dashboard.slot_group;

	for (int from = 0, to; list && v->dashboard.slots_known && from < CODIS_SLOTS; from = to + 1) {
		for (to = from; to + 1 < CODIS_SLOTS && of[to + 1] == of[from];)
			to++;
		if (json_push(list, cJSON_CreateIntArray((const int[]){ from, to, of[from] }, 3)) < 0)
			return false;
	}
	return list != NULL;
}

static bool push_words(cJSON *list, const struct action *actions, int count)
{
	char words[512];

	for (int i = 0; list && i < count; i++) {
		if (actions[i].held)
			action_note_held(&actions[i], words, sizeof(words));
		else
			action_note_would(&actions[i], words, sizeof(words));
		if (json_push(list, cJSON_CreateString(words)) < 0)
			return false;
	}
	return list != NULL;
}

static bool add_calm(const struct cluster_view *v, cJSON *root)
{
	return json_add_bool(root, "paused", v->paused) && json_add_str(root, "paused_by", v->paused_by) &&
	       json_add_bool(root, "tilted", v->tilted) && json_add_bool(root, "dry_run", v->dry_run) &&
	       push_words(json_add_array(root, "held"), v->held, v->held_count) &&
	       push_words(json_add_array(root, "would"), v->would, v->would_count);
}

/* The last first. */
static bool add_recent(const struct cluster_view *v, cJSON *root)
{
	cJSON *list = json_add_array(root, "recent");
	char at[LOST_AT_MAX];

	for (int i = v->recent_count - 1; list && i >= 0 && i >= v->recent_count - RECENT_NOTES; i--) {
		const struct recent_note *n = &v->recent[i % RECENT_NOTES];
		cJSON *o = cJSON_CreateObject();

		if (json_push(list, o) < 0 || !json_add_str(o, "at", lost_at(n->wall_ms, at)) ||
		    !json_add_str(o, "words", n->words))
			return false;
	}
	return list != NULL;
}

static bool add_adoption(const struct cluster_view *v, const struct decide_limits *limits, cJSON *root)
{
	cJSON *o = json_add_object(root, "adoption");
	struct adoption a;

	adoption_look(v, limits, &a);
	return json_add_bool(o, "asked", v->adopt) && json_add_int(o, "servers", a.servers) &&
	       json_add_int(o, "unguarded", a.unguarded) && json_add_str(o, "waits", a.waits);
}

/* What a person wishes, and what it waits for. */
static bool add_switchover(const struct cluster_view *v, const struct decide_limits *limits, cJSON *root)
{
	cJSON *o = json_add_object(root, "switchover");
	struct switchover s;

	switchover_look(v, limits, &s);
	return json_add_int(o, "group", v->switchover.wished ? v->switchover.wish.gid : 0) &&
	       json_add_str(o, "pod", v->switchover.wished ? v->switchover.wish.pod : "") &&
	       json_add_str(o, "waits", s.step == SWITCHOVER_WAIT ? s.words : "");
}

static bool add_gids(cJSON *o, const char *name, const struct gids *g)
{
	cJSON *list = json_add_array(o, name);

	for (int i = 0; list && i < g->count; i++) {
		if (json_push(list, cJSON_CreateNumber(g->of[i])) < 0)
			return false;
	}
	return list != NULL;
}

static bool add_scaling(const struct cluster_view *v, const struct decide_limits *limits, cJSON *root)
{
	cJSON *o = json_add_object(root, "scaling");
	const struct view_set *asked = view_set_asked(v);
	struct scale s;

	scale_look(v, limits, &s);
	return json_add_str(o, "set", asked ? asked->name : "") &&
	       json_add_str(o, "asked", asked ? asked->asked_by : "") &&
	       json_add_int(o, "servers", view_servers_wanted(v)) && add_gids(o, "to", &s.moving.to) &&
	       add_gids(o, "from", &s.moving.from) && json_add_int(o, "slots", s.moving.slots) &&
	       json_add_int(o, "moved", scale_moved(&s)) && json_add_str(o, "waits", s.waits);
}

static int push_proxy(const struct proxy_view *p, cJSON *list)
{
	cJSON *o = cJSON_CreateObject();

	if (!o || json_push(list, o) < 0)
		return -1;
	return json_add_str(o, "addr", p->admin_addr) && json_add_str(o, "pod", p->pod.name) &&
			       json_add_bool(o, "registered", p->registered) && json_add_bool(o, "online", p->online) &&
			       json_add_bool(o, "answers", p->reach == REACH_OK)
		       ? 0
		       : -1;
}

cJSON *status_json(const struct cluster_view *v, const struct decide_limits *limits)
{
	cJSON *root = cJSON_CreateObject(), *groups, *proxies;
	char line[1024];
	struct reasons reasons = { .list = json_add_array(root, "reasons") };
	struct status_sum sum = describe(v, limits, line, sizeof(line), &reasons);

	if (!reasons.list || reasons.failed || !json_add_int(root, "reasons_more", reasons.unlisted) ||
	    !json_add_str(root, "namespace", v->namespace) || !json_add_str(root, "product", v->product) ||
	    !json_add_bool(root, "ok", sum.ok) || !json_add_str(root, "line", line) ||
	    !json_add_str(root, "state", status_word(sum.word)) || !json_add_int(root, "slots_served", sum.slots) ||
	    !add_calm(v, root) || !add_adoption(v, limits, root) || !add_switchover(v, limits, root) ||
	    !add_scaling(v, limits, root) || !add_recent(v, root) || !add_ranges(v, root) ||
	    !(groups = json_add_array(root, "groups")))
		goto fail;
	for (int i = 0; i < v->group_count; i++) {
		if (push_group(v, &v->groups[i], limits, groups) < 0)
			goto fail;
	}
	if (!(proxies = json_add_array(root, "proxies")))
		goto fail;
	for (int i = 0; i < v->proxy_count; i++) {
		if (push_proxy(&v->proxies[i], proxies) < 0)
			goto fail;
	}
	return root;
fail:
	cJSON_Delete(root);
	return NULL;
}
