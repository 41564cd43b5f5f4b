#include "controller/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/inventory.h"
#include "common/codis/served.h"
#include "common/codis/waits.h"
#include "common/net/addr.h"

/* A member that does not answer, and is not yet known to be silent, is awaited for so long after an action. */
#define HEAR_AGAIN_MS 2000
/* What was done to a proxy shows by then. */
#define PROXY_SETTLE_MS 1000
/* What a switch has changed is heard from everybody by then. */
#define SWITCH_SEEN_MS 1000
/* Who refused the role may take it after so long, as one that was busy, and counts as the others do. */
#define ROLE_REFUSED_MS 60000
/* After a setting was refused: 1, 2, ... 32 s. */
#define SETTING_AGAIN_MS 500
#define SETTING_FAILURES 6
/* ... to a pod of ZooKeeper */
#define ZOOKEEPER_SETTLE_MS 2000
/* A dashboard that is silent for so long is not at work on a promotion: its calls to servers and proxies have ended. */
#define PROMOTION_SILENT_MS 5000
#define HOUR_MS             3600000
#define MINUTE_MS           60000

/* --- room ------------------------------------------------------------------------------------------------------------
 */

static void *reserve(void **room, int *have, int count, size_t size)
{
	void *grown;

	if (count <= *have && *room)
		return *room;
	grown = realloc(*room, (size_t)(count + count / 8 + 1) * size);
	if (!grown)
		return NULL;
	*have = count + count / 8 + 1;
	return *room = grown;
}

void picture_room_release(struct picture_room *room)
{
	free(room->servers);
	free(room->groups);
	free(room->proxies);
	free(room->dashboards);
	free(room->zookeepers);
	free(room->by_addr);
	free(room->members);
	free(room->sets);
	memset(room, 0, sizeof(*room));
}

struct making {
	struct cluster_view *v;
	const struct observed *seen;
	const struct inventory *inv;
	const struct inventory_set **sets; /* v->sets, as they are known */
	int pods;                          /* servers' pods that are not observed: expected members */
	int dashboards_at_most;            /* room in v->dashboards */
	int zookeepers;                    /* in v->zookeepers */
	bool adopting;                     /* that is noted on one of the StatefulSets */
	int64_t wall_ms;
};

/* Where the server of a pod stands among the observed ones; -1: it is not observed. Where another pod has its address,
 * it has none: who answers there is the other one. */
static int seen_at(const struct making *m, const struct inventory_pod *p, const char **addr)
{
	*addr = inventory_has_its_addr(m->inv, p) ? p->addr : "";
	return (*addr)[0] ? observed_server_at(m->seen->servers, m->seen->server_count, *addr) : -1;
}

static int count_pod(void *ctx, const struct inventory_pod *p)
{
	struct making *m = ctx;
	const char *addr;

	m->pods += p->pod.component == CODIS_SERVER && seen_at(m, p, &addr) < 0;
	m->dashboards_at_most += p->pod.component == CODIS_DASHBOARD;
	return 0;
}

static int count_zookeeper(void *ctx, const struct inventory_pod *p)
{
	struct making *m = ctx;

	(void)p;
	m->zookeepers++;
	return 0;
}

static void each_zookeeper(const struct making *m, inventory_pod_fn fn, void *ctx)
{
	const struct observed *o = m->seen;
	const char *other = o->zookeeper_namespace ? o->zookeeper_namespace : "";

	inventory_each_zookeeper(m->inv, o->namespace, fn, ctx);
	if (other[0] && strcmp(other, o->namespace) != 0)
		inventory_each_zookeeper(m->inv, other, fn, ctx);
}

static int make_room(struct making *m, struct picture_room *room)
{
	const struct observed *o = m->seen;
	struct cluster_view *v = m->v;
	int servers;

	inventory_each_of_product(m->inv, o->namespace, o->product, count_pod, m);
	each_zookeeper(m, count_zookeeper, m);
	servers = o->server_count + m->pods;
	v->servers = reserve(&room->servers, &room->server_room, servers, sizeof(v->servers[0]));
	v->groups = reserve(&room->groups, &room->group_room, o->group_count, sizeof(v->groups[0]));
	v->proxies = reserve(&room->proxies, &room->proxy_room, o->proxy_count, sizeof(v->proxies[0]));
	v->dashboards =
		reserve(&room->dashboards, &room->dashboard_room, m->dashboards_at_most, sizeof(v->dashboards[0]));
	v->zookeepers = reserve(&room->zookeepers, &room->zookeeper_room, m->zookeepers, sizeof(v->zookeepers[0]));
	return v->servers && v->groups && v->proxies && v->dashboards && v->zookeepers &&
			       reserve(&room->by_addr, &room->by_addr_room, servers, sizeof(int)) &&
			       reserve(&room->members, &room->member_room, 2 * servers, sizeof(int))
		       ? 0
		       : -1;
}

/* --- servers ---------------------------------------------------------------------------------------------------------
 */

int observed_server_at(struct observed_server *const *servers, int count, const char *addr)
{
	int low = 0, high = count;

	while (low < high) {
		int mid = low + (high - low) / 2, order = strcmp(servers[mid]->addr, addr);

		if (order == 0)
			return mid;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	/* IPv6 has more than one way to write an address. */
	for (int i = 0; addr[0] == '[' && i < count; i++) {
		if (addr_equal(servers[i]->addr, addr))
			return i;
	}
	return -1;
}

bool picture_restarted(const struct observed_server *s)
{
	return s->info_valid && !s->info.loading && s->role_run_id[0] && strcmp(s->role_run_id, s->info.run_id) != 0;
}

int picture_role_group(const struct observed_server *s)
{
	bool same = s->role_run_id[0] && strcmp(s->role_run_id, s->info.run_id) == 0;

	return same && s->reach != REACH_REFUSED ? s->role_group : 0;
}

static int64_t lost_since(const struct observed *o, const char *node)
{
	for (int i = 0; i < o->lost_count; i++) {
		if (strcmp(o->lost[i].name, node) == 0)
			return o->lost[i].lost_ms;
	}
	return 0;
}

/* What stands on the StatefulSet of a group; NULL: nothing. */
static const char *noted_for(const struct making *m, int gid, const char *annotation)
{
	const struct view_set *set = view_set_of(m->v, gid);

	return set ? json_str(m->sets[set - m->v->sets]->annotations, annotation, NULL) : NULL;
}

/* Another one of its name was deleted, to be adopted: noted as "NAME/UID", over the end of any controller. */
static bool succeeds_an_adopted(const struct making *m, const struct kept_pod *pod)
{
	const char *adopting = m->adopting ? noted_for(m, pod->group, CODIS_ANNOTATION_ADOPTING) : NULL;
	size_t len = strlen(pod->name);

	return adopting && strncmp(adopting, pod->name, len) == 0 && adopting[len] == '/' &&
	       strcmp(adopting + len + 1, pod->uid) != 0;
}

static const char *waits_of(const struct making *m, const struct inventory_pod *p)
{
	return waits_words(p->pod.waits, p->pod.status.unprepared_s, m->wall_ms);
}

static void view_pod(const struct making *m, const struct inventory_pod *p, struct pod_view *out)
{
	const struct inventory_node *node = p->pod.node[0] ? inventory_node(m->inv, p->pod.node) : NULL;
	const char *zone = node ? inventory_node_label(node, CODIS_ZONE_KEY) : NULL, *waits = waits_of(m, p);

	text_copy(out->name, sizeof(out->name), p->pod.name);
	text_copy(out->uid, sizeof(out->uid), p->pod.uid);
	text_copy(out->node, sizeof(out->node), p->pod.node);
	text_copy(out->zone, sizeof(out->zone), zone ? zone : "");
	out->deleting = p->pod.status.deleting;
	out->running = p->pod.status.running;
	out->crash_looping = p->pod.status.crash_looping;
	out->unschedulable = p->pod.status.unschedulable;
	snprintf(out->waits, sizeof(out->waits), "%.*s", waits_word_len(waits), waits);
	out->role = p->pod.role;
	out->restarts = p->pod.status.restarts;
	out->started_wall_ms = p->pod.status.started_wall_ms;
	out->keeps_data = p->pod.keeps_data;
	out->unguarded = p->pod.component == CODIS_SERVER && !p->pod.guarded;
	out->came_back = (m->seen->deleted && calm_was_deleted(m->seen->deleted, p->pod.name)) ||
			 succeeds_an_adopted(m, &p->pod);
	out->ready = p->pod.status.ready;
	out->node_lost = p->node_lost;
	out->node_gone = p->node_lost && !node;
	out->node_out = p->node_lost && node && node->out_of_service;
	out->node_lost_ms = p->node_lost ? lost_since(m->seen, p->pod.node) : 0;
	out->cordoned = node && node->unschedulable;
	if (m->seen->deleted)
		out->delete_after_ms = calm_delete_after_ms(m->seen->deleted, p->pod.name, m->v->now_ms);
}

/* Many pods may have one cause. */
static void view_waits(const struct making *m, const struct inventory_pod *p)
{
	struct cluster_view *v = m->v;
	const char *why = waits_of(m, p);
	int i = 0;

	if (!why[0] || p->pod.status.deleting || p->pod.status.finished || p->node_lost)
		return;
	while (i < v->waits_count && strcmp(v->waits[i].why, why) != 0)
		i++;
	if (i == VIEW_WAITS) {
		v->waits_more++;
		return;
	}
	if (i == v->waits_count) {
		text_copy(v->waits[i].pod, sizeof(v->waits[i].pod), p->pod.name);
		text_copy(v->waits[i].why, sizeof(v->waits[i].why), why);
		v->waits_count++;
	}
	v->waits[i].pods++;
}

/* One that takes no setting is asked more and more seldom. */
static bool setting_is_busy(const struct observed_server *o, int64_t now_ms)
{
	int failures = o->setting_failures < SETTING_FAILURES ? o->setting_failures : SETTING_FAILURES;

	return o->setting_running || (o->setting_ms && o->heard_ms <= o->setting_ms) ||
	       (failures && now_ms - o->setting_ms < (SETTING_AGAIN_MS << failures));
}

static void view_server_of(const struct observed_server *o, struct server_view *s, int64_t now_ms)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->addr, o->addr, sizeof(s->addr));
	s->named = o->named;
	s->ordinal = -1;
	s->listed_group = o->listed_group;
	s->listed_index = o->listed_group ? o->listed_index : -1;
	s->group = o->listed_group; /* until a pod says otherwise */
	s->reach = o->reach;
	s->since_ms = o->since_ms;
	s->info_valid = o->info_valid;
	s->heard_ms = o->heard_ms;
	s->info = o->info;
	s->remembered = o->info_valid && o->role_run_id[0] && strcmp(o->role_run_id, o->info.run_id) == 0;
	s->remembered_group = picture_role_group(o);
	s->restarted = picture_restarted(o);
	s->link_up_at_ms = o->link_up_at_ms;
	s->link_up_offset = o->link_up_offset;
	s->link_io_ms = o->link_io_ms;
	memcpy(s->link_up_to, o->link_up_to, sizeof(s->link_up_to));
	s->rare_ms = o->rare_ms;
	s->link_down_since_ms = o->link_down_since_ms;
	s->ending_ms = o->ending_ms;
	s->role_heard_ms = o->role_heard_ms;
	s->role_offset = o->role_offset;
	s->acted_ms = o->acted_ms;
	if (o->role_refused_ms && now_ms - o->role_refused_ms < ROLE_REFUSED_MS)
		s->role_refused_ms = o->role_refused_ms;
	s->setting_busy = setting_is_busy(o, now_ms);
	s->setting_done = o->setting_done;
	s->succession = o->succession;
	s->done = o->done;
	s->pod_gone = o->uid[0] != '\0'; /* until its pod is found */
	memcpy(s->gone_name, o->pod_name, sizeof(s->gone_name));
	s->gone_group = o->pod_group;
	s->accepts = o->accepts;
	memcpy(s->complaint, o->complaint, sizeof(s->complaint));
}

/* The view of what is observed at this address, or one more: a member that is expected. */
static struct server_view *server_of_pod(struct making *m, const struct inventory_pod *p)
{
	const char *addr;
	int at = seen_at(m, p, &addr);
	struct server_view *s;

	if (at >= 0)
		return &m->v->servers[at];
	s = &m->v->servers[m->v->server_count++];
	memset(s, 0, sizeof(*s));
	text_copy(s->addr, sizeof(s->addr), addr);
	s->listed_index = -1;
	return s;
}

static void view_server_pod(struct making *m, const struct inventory_pod *p)
{
	struct server_view *s = server_of_pod(m, p);

	view_pod(m, p, &s->pod);
	s->pod_gone = false;
	s->gone_name[0] = '\0';
	s->group = p->pod.group;
	s->ordinal = p->pod.ordinal;
}

/* An address that the coordinator has and no pod of ours may have gone to a pod of another cluster, or of anything: who
 * answers there is none of ours, whatever it says. Two clusters of one product name even have the same XAuth. */
static void view_strangers(struct making *m)
{
	const struct observed *o = m->seen;

	for (int i = 0; i < o->server_count; i++) {
		struct server_view *s = &m->v->servers[i];

		s->of_another = !s->pod.name[0] && (stranger_has(o->servers[i]) ||
						    inventory_is_elsewhere(m->inv, s->addr, o->namespace, o->product));
		if (s->of_another)
			s->group = 0;
		/* Who answers may be anybody, until the API server has said whose pod that is. */
		if (!s->remembered && !s->restarted && stranger_is_awaited(o->servers[i], o->kube_fresh))
			s->info_valid = false;
	}
	for (int i = 0; i < o->proxy_count; i++) {
		struct proxy_view *p = &m->v->proxies[i];

		if (p->pod.name[0] || !inventory_is_elsewhere(m->inv, p->admin_addr, o->namespace, o->product))
			continue;
		p->reach = REACH_REFUSED; /* its entry is of one that is gone */
		p->replaced = false;      /* and who answers is none of ours */
		p->online = false;
		p->slots = NULL;
	}
}

/* --- groups ----------------------------------------------------------------------------------------------------------
 */

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Newer than what was done last here, than a role that contradicted the node, than the connection to the coordinator,
 * than a jump of the clock? Until then the group is busy: nothing is decided from what was true before. A read that
 * began in the same millisecond counts: it mostly is the one that was asked for then. Where it is one from before, what
 * is decided from it is fenced by its version. */
static bool heard_since(const struct making *m, const struct observed_group *o, const struct group_view *g)
{
	const struct observed *seen = m->seen;
	int64_t since_ms = latest(o->acted_ms, seen->steady_since_ms);
	const struct server_view *s;

	if (o->read_ms < latest(latest(since_ms, o->doubted_ms), seen->connected_since_ms))
		return false;
	for (int at = 0; (s = view_next(m->v, g, &at));) {
		if (s->reach == REACH_OK && s->heard_ms < since_ms && m->v->now_ms - since_ms < HEAR_AGAIN_MS)
			return false;
	}
	return true;
}

/* The lock is taken, by one that no news of pods have told of, as where the API server is not reached: it may be at
 * work, and is given its time. The lock is to be read after the promotion was. */
static bool may_be_somebody_elses(const struct making *m, const struct observed_group *o)
{
	const struct observed_topom *t = m->seen->topom;

	if (t->addr[0] || m->v->now_ms - o->promoting_since_ms > PROMOTION_SILENT_MS)
		return false;
	for (int i = 0; i < m->seen->dashboard_count; i++) {
		if (addr_equal(m->seen->dashboards[i]->addr, t->lock_addr))
			return false;
	}
	return t->lock_exists < 0 || t->lock_read_ms <= o->promoting_since_ms ||
	       (t->lock_exists && strcmp(t->lock_addr, t->left) != 0);
}

/* A dashboard at work on a promotion holds its mutex: one that answered a question asked after the promotion was seen
 * is not, if the promotion is still there when the group is read after that answer. One that refused then is not
 * either: one that refused before may have begun since, and its answer be awaited. One that was silent before may be so
 * to us alone: its time begins with the promotion. */
static bool promotion_idle(const struct making *m, const struct observed_group *o)
{
	if (!o->node.promoting_state[0])
		return false;
	for (int i = 0; i < m->seen->dashboard_count; i++) {
		const struct observed_dashboard *d = m->seen->dashboards[i];

		if (d->reach == REACH_OK && !(d->told_ms > o->promoting_since_ms && o->read_ms >= d->heard_ms))
			return false;
		if (d->reach == REACH_SILENT &&
		    m->v->now_ms - latest(d->since_ms, o->promoting_since_ms) <= PROMOTION_SILENT_MS)
			return false;
		/* One that waits for the lock does nothing; one that was not heard yet may do anything. */
		if ((d->reach == REACH_UNKNOWN || d->reach == REACH_REFUSED) && d->told_ms <= o->promoting_since_ms)
			return false;
	}
	return !may_be_somebody_elses(m, o);
}

static void view_group_of(const struct making *m, const struct observed_group *o, struct group_view *g)
{
	g->node = o->node;
	g->exists = o->exists;
	g->version = o->version;
	g->read_ms = o->read_ms;
	g->acted_ms = o->acted_ms;
	g->written_ms = o->written_ms;
	g->claimed_ms = o->claimed_ms;
	g->done = o->done;
	g->silent_failovers = calm_recent(&o->silences, HOUR_MS, m->v->now_ms);
	g->masterless_ms = o->masterless_ms;
	g->keys = o->data.known ? o->data.keys : -1;
	g->new_lost_keys = o->data.lost_keys;
	g->new_lost_wall_ms = o->data.lost_wall_ms;
	memcpy(g->unreadable, o->unreadable, sizeof(g->unreadable));
	g->busy = o->running || o->unreadable[0] || !o->read_ms || !heard_since(m, o, g);
	if (!o->switched_ms || m->v->now_ms - o->switched_ms < SWITCH_SEEN_MS)
		memcpy(g->switching_to, o->switching_to, sizeof(g->switching_to));
	g->switching_ms = o->switched_ms ? 0 : o->switching_ms;
	g->promoting_idle = promotion_idle(m, o);
	memcpy(g->unread_master, o->unread_master, sizeof(g->unread_master));
	g->handed = o->handed_to[0] && o->node.count && strcmp(o->handed_to, o->node.servers[0].addr) == 0;
	memcpy(g->taken_back, o->taken_back, sizeof(g->taken_back));
	g->taken_back_ms = o->taken_back_ms;
	g->held_ms = o->held_ms;
}

static void view_groups(struct making *m, struct picture_room *room)
{
	const struct observed *seen = m->seen;
	struct cluster_view *v = m->v;

	v->group_count = seen->group_count;
	for (int i = 0; i < seen->group_count; i++) {
		memset(&v->groups[i], 0, sizeof(v->groups[i]));
		v->groups[i].node.id = seen->groups[i]->node.id;
	}
	view_index(v, room->by_addr, room->members);
	for (int i = 0; i < seen->group_count; i++)
		view_group_of(m, seen->groups[i], view_group(v, seen->groups[i]->node.id));
}

static void view_lost(const struct making *m, const struct view_set *set)
{
	const char *text = json_str(m->sets[set - m->v->sets]->annotations, CODIS_ANNOTATION_DATA_LOST, NULL);
	struct served_loss loss;

	while (text && served_loss_next(&text, &loss) == 1) {
		struct group_view *g = view_group(m->v, loss.gid);

		if (!g || view_set_of(m->v, loss.gid) != set)
			continue;
		g->lost_keys = loss.keys;
		g->lost_wall_ms = loss.wall_ms;
	}
}

/* What was lost and is not acknowledged, and what a person gives up: it stands on the StatefulSet of the group. */
static void view_losses(const struct making *m)
{
	for (int i = 0; i < m->v->group_count; i++) {
		int gid = m->v->groups[i].node.id;
		const char *allowed = noted_for(m, gid, CODIS_ANNOTATION_ALLOW_LOSS);

		m->v->groups[i].may_lose = allowed && served_may_lose(allowed, gid);
	}
	for (int i = 0; i < m->v->set_count; i++)
		view_lost(m, &m->v->sets[i]);
}

/* --- proxies and dashboards ------------------------------------------------------------------------------------------
 */

/* A process at this address that is not the one of the entry: the entry is of one that is gone. */
static bool is_of_another(const struct observed_proxy *o, const char *token)
{
	return token[0] && o->token[0] && o->reach == REACH_OK && strcmp(o->token, token) != 0;
}

/* Of two entries the one that is to go counts, as long as it is there. */
static void view_entry(const struct observed_proxy *o, struct proxy_view *p)
{
	bool other = is_of_another(o, o->other_token) && !is_of_another(o, o->registered_token);
	const char *token = other ? o->other_token : o->registered_token;

	memcpy(p->token, token[0] ? token : o->token, sizeof(p->token));
	p->registered = token[0] != '\0';
	p->registered_version = other ? o->other_version : o->registered_version;
	p->registered_czxid = other ? o->other_czxid : o->registered_czxid;
	p->replaced = is_of_another(o, token);
	p->reach = p->replaced ? REACH_REFUSED : o->reach;
}

static void view_proxy(const struct making *m, const struct observed_proxy *o, struct proxy_view *p)
{
	int64_t now = m->v->now_ms;

	memset(p, 0, sizeof(*p));
	memcpy(p->admin_addr, o->admin_addr, sizeof(p->admin_addr));
	view_entry(o, p);
	p->running = o->running > 0;
	p->busy = o->running || m->seen->proxies_read_ms < m->seen->connected_since_ms ||
		  (o->reach == REACH_OK && o->heard_ms && o->heard_ms < m->seen->steady_since_ms) ||
		  now - o->acted_ms < PROXY_SETTLE_MS ||
		  (o->acted_ms && o->heard_ms < o->acted_ms && o->reach == REACH_OK);
	p->done = o->done;
	p->filled = &o->filled;
	p->mute = o->unanswered_ms && o->unanswered_ms > o->heard_ms;
	p->since_ms = o->since_ms;
	p->first_seen_ms = o->first_seen_ms;
	p->unready_ms = o->unready_ms;
	p->heard_ms = o->heard_ms;
	p->stuck_ms = o->knock.stuck_ms;
	p->lives_ms = o->knock.lives_ms;
	p->online = o->online;
	p->pod_gone = o->had_pod; /* until its pod is found */
	p->deleting_ms = o->deleting_ms;
	p->slots_ms = o->slots_ms;
	/* What was heard before slots were assigned tells nothing any more. */
	p->slot_since_ms = o->slot_since_ms;
	p->slots = o->has_slots && o->slots_ms >= m->seen->assigned_ms ? o->slots : NULL;
}

static void view_proxy_pod(struct making *m, const struct inventory_pod *p)
{
	for (int i = 0; p->addr[0] && i < m->v->proxy_count; i++) {
		struct proxy_view *x = &m->v->proxies[i];

		if (!addr_equal(x->admin_addr, p->addr) || (x->pod.name[0] && p->pod.status.deleting))
			continue;
		view_pod(m, p, &x->pod);
		x->pod_gone = false;
	}
}

static void view_dashboard_pod(struct making *m, const struct inventory_pod *p)
{
	struct dashboard_pod_view *d = &m->v->dashboards[m->v->dashboard_count++];

	memset(d, 0, sizeof(*d));
	view_pod(m, p, &d->pod);
	text_copy(d->addr, sizeof(d->addr), p->addr);
	for (int i = 0; i < m->seen->dashboard_count; i++) {
		const struct observed_dashboard *o = m->seen->dashboards[i];

		if (strcmp(o->addr, d->addr) == 0 && strcmp(o->uid, d->pod.uid) == 0) {
			d->reach = o->reach;
			d->since_ms = o->since_ms;
			d->heard_ms = o->heard_ms;
			d->waits_ms = o->waits_ms;
			d->stuck_ms = o->knock.stuck_ms;
			d->lives_ms = o->knock.lives_ms;
		}
	}
}

/* Whether one of "10.0.0.1:2181,[fd00::2]:2181" is at this address. */
static bool has_addr(const char *members, const char *ip)
{
	char one[ADDR_TEXT_MAX], host[ADDR_TEXT_MAX];
	uint16_t port;

	for (const char *m = members; ip[0] && m && *m; m += strcspn(m, ","), m += *m == ',') {
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(m, ","), m);
		if (addr_split(one, host, sizeof(host), &port, NULL) == 0 && strcmp(host, ip) == 0)
			return true;
	}
	return false;
}

static int view_zookeeper(void *ctx, const struct inventory_pod *p)
{
	struct making *m = ctx;
	struct zookeeper_view *z = &m->v->zookeepers[m->v->zookeeper_count++];

	memset(z, 0, sizeof(*z));
	view_pod(m, p, &z->pod);
	view_waits(m, p);
	text_copy(z->namespace, sizeof(z->namespace), p->pod.namespace);
	text_copy(z->set, sizeof(z->set), p->pod.owner);
	z->heard = has_addr(m->seen->zookeepers_heard, p->pod.ip);
	return 0;
}

static void view_zookeepers(struct making *m)
{
	const struct observed *o = m->seen;

	each_zookeeper(m, view_zookeeper, m);
	m->v->zookeeper_done = o->zookeeper_done;
	m->v->zookeeper_busy = o->zookeeper_running ||
			       (o->zookeeper_acted_ms && m->v->now_ms - o->zookeeper_acted_ms < ZOOKEEPER_SETTLE_MS);
}

static int rank(const struct dashboard_pod_view *d)
{
	switch (d->reach) {
	case REACH_OK: return 3;
	case REACH_SILENT: return 2;
	case REACH_UNKNOWN: return 1;
	case REACH_REFUSED: return 0;
	}
	return 0;
}

/* What is known of it is older than what was done last. */
static bool dashboard_settles(const struct making *m, const struct dashboard_view *b)
{
	const struct observed *o = m->seen;

	for (int i = 0; i < o->dashboard_count; i++) {
		if (strcmp(o->dashboards[i]->addr, b->addr) == 0 && o->dashboards[i]->told_ms < o->dashboard_acted_ms)
			return true;
	}
	return b->reach == REACH_OK && b->heard_ms < o->steady_since_ms;
}

static void view_dashboard_busy(const struct making *m, struct dashboard_view *b)
{
	bool settles = dashboard_settles(m, b);

	b->busy = settles || m->seen->dashboard_running;
	b->assigning = !settles && m->seen->assigning && m->seen->assigning == m->seen->dashboard_running;
}

static void view_dashboard(struct making *m)
{
	const struct observed_topom *t = m->seen->topom;
	struct cluster_view *v = m->v;
	struct dashboard_view *b = &v->dashboard;
	const struct dashboard_pod_view *best = NULL;
	const struct inventory_pod *p;

	for (int i = 0; i < v->dashboard_count; i++) {
		if (!best || rank(&v->dashboards[i]) > rank(best))
			best = &v->dashboards[i];
	}
	if (best) {
		b->pod = best->pod;
		memcpy(b->addr, best->addr, sizeof(b->addr));
		b->reach = best->reach;
		b->since_ms = best->since_ms;
		b->heard_ms = best->heard_ms;
		b->waits_ms = best->waits_ms;
		b->stuck_ms = best->stuck_ms;
		b->lives_ms = best->lives_ms;
	}
	view_dashboard_busy(m, b);
	b->done = m->seen->dashboard_done;
	b->slots_known = t->slots_known;
	b->slots_disabled = t->slots_disabled;
	b->slots_ms = t->slots_ms;
	b->reloaded_ms = m->seen->reloaded_ms;
	memcpy(b->slot_group, t->slot_group, sizeof(b->slot_group));
	memcpy(b->slot_acting, t->slot_acting, sizeof(b->slot_acting));
	memcpy(b->slot_target, t->slot_target, sizeof(b->slot_target));
	b->slot_since_ms = t->slot_since_ms;
	b->lock_exists = t->lock_exists;
	memcpy(b->lock_addr, t->lock_addr, sizeof(b->lock_addr));
	b->lock_left = t->lock_addr[0] && strcmp(t->lock_addr, t->left) == 0;
	b->lock_start_wall_ms = t->lock_start_wall_ms;
	b->lock_read_ms = t->lock_read_ms;
	b->lock_heard_ms = t->lock_heard_ms;
	p = inventory_pod_at(m->inv, b->lock_addr);
	b->lock_elsewhere = inventory_is_elsewhere(m->inv, b->lock_addr, m->seen->namespace, m->seen->product);
	b->lock_elsewhere_wall_ms = p && b->lock_elsewhere ? p->pod.status.started_wall_ms : 0;
}

/* --- all of it -------------------------------------------------------------------------------------------------------
 */

static int view_one_pod(void *ctx, const struct inventory_pod *p)
{
	struct making *m = ctx;

	view_waits(m, p);
	switch (p->pod.component) {
	case CODIS_SERVER: view_server_pod(m, p); break;
	case CODIS_PROXY: view_proxy_pod(m, p); break;
	case CODIS_DASHBOARD: view_dashboard_pod(m, p); break;
	case CODIS_HA:
		if (p->pod.runs_ha && p->pod.status.running && !m->v->ha.name[0])
			view_pod(m, p, &m->v->ha);
		break;
	default: break;
	}
	return 0;
}

/* A limit on what may be done, as far as it is used up; a person who said that nothing may be. */
static void view_calm(struct cluster_view *v, const struct observed *o)
{
	if (v->paused)
		v->mandate = MANDATE_NONE;
	v->tilted = o->tilt && o->tilt->tilted;
	v->heard_servers = o->tilt ? o->tilt->heard : 0;
	v->silent_servers = o->tilt ? o->tilt->silent : 0;
	v->deletions = o->deleting + (o->deletions ? calm_recent(o->deletions, MINUTE_MS, v->now_ms) : 0);
	v->all_deletions =
		o->all_deleting + (o->all_deletions ? calm_recent(o->all_deletions, MINUTE_MS, v->now_ms) : 0);
}

/* One that says "false" says nothing. */
static const char *says(const struct inventory_set *set, const char *annotation)
{
	const char *text = json_str(set->annotations, annotation, NULL);

	return text && strcmp(text, "false") != 0 ? text : NULL;
}

static void view_paused(struct cluster_view *v, const struct view_set *set, const char *paused)
{
	v->paused = true;
	v->paused_set = set->name;
	text_copy(v->paused_by, sizeof(v->paused_by), paused);
	for (char *p = v->paused_by; *p; p++)
		*p = (unsigned char)*p < ' ' || *p == 0x7f ? ' ' : *p; /* one line */
}

/* Of those that it makes: others, whose StatefulSet is gone, may be noted beside them. */
static int last_noted(const char *text, const struct codis_shape *shape)
{
	struct served_group g;
	int last = 0;

	if (!text)
		return -1;
	while (served_next(&text, &g) == 1)
		last = codis_shape_makes(shape, g.gid) ? g.gid : last;
	return last;
}

/* Each StatefulSet is asked by itself. */
static void view_asked(const struct making *m, struct view_set *sets, int count)
{
	char why[SCALING_WHY_MAX];

	for (int i = 0; i < count; i++) {
		const char *asked = json_str(m->sets[i]->annotations, CODIS_ANNOTATION_SCALE_TO, NULL);

		sets[i].noted = json_str(m->sets[i]->annotations, CODIS_ANNOTATION_HAD_SLOTS, NULL) != NULL;
		sets[i].asked = asked != NULL;
		text_copy(sets[i].asked_by, sizeof(sets[i].asked_by), asked ? asked : "");
		sets[i].servers = -1;
		sets[i].last_noted =
			last_noted(json_str(m->sets[i]->annotations, CODIS_ANNOTATION_SLOTS, NULL), &sets[i].shape);
	}
	for (int i = 0; i < count; i++) {
		if (sets[i].asked)
			scaling_fits(sets[i].asked_by, &sets[i].shape, view_others_stay(m->v, &sets[i]),
				     &sets[i].servers, why);
	}
}

/* The StatefulSets, and what one of them says for all. 0, or -1: no memory. */
static int view_sets(struct making *m, struct picture_room *room, int count)
{
	struct cluster_view *v = m->v;
	struct view_set *sets = reserve(&room->sets, &room->set_room, count, sizeof(*sets));

	if (!sets)
		return -1;
	v->sets = sets;
	v->set_count = count;
	for (int i = 0; i < count; i++) {
		const struct inventory_set *known = m->sets[i];
		const char *paused = says(known, CODIS_ANNOTATION_PAUSED);

		sets[i] = (struct view_set){ .shape = known->shape, .deleting = known->deleting };
		sets[i].says_role = json_str(known->labels, CODIS_LABEL_ROLE, NULL) != NULL;
		text_copy(sets[i].name, sizeof(sets[i].name), known->name);
		text_copy(sets[i].uid, sizeof(sets[i].uid), known->uid);
		if (paused && !v->paused)
			view_paused(v, &sets[i], paused);
		v->adopt |= says(known, CODIS_ANNOTATION_ADOPT) != NULL;
		m->adopting |= json_str(known->annotations, CODIS_ANNOTATION_ADOPTING, NULL) != NULL;
	}
	view_asked(m, sets, count);
	return 0;
}

static void view_frame(struct cluster_view *v, const struct observed *o, int64_t now_ms)
{
	const char *zookeeper = o->zookeeper_name ? o->zookeeper_name : "";

	memset(v, 0, sizeof(*v));
	text_copy(v->namespace, sizeof(v->namespace), o->namespace);
	text_copy(v->product, sizeof(v->product), o->product);
	text_copy(v->password_trouble, sizeof(v->password_trouble), o->password_trouble);
	text_copy(v->shared, sizeof(v->shared), o->shared ? o->shared : "");
	text_copy(v->zookeeper_name, text_fit(zookeeper, sizeof(v->zookeeper_name) - 1) + 1, zookeeper);
	v->zookeeper_unresolved = o->zookeeper_unresolved;
	v->now_ms = now_ms;
	v->steady_since_ms = o->steady_since_ms;
	v->mandate = o->mandate;
	v->second = o->second;
	v->lease_trouble = o->lease_trouble;
	v->costly = o->costly;
	v->too_large = o->too_large;
	v->kube_fresh = o->leads && o->kube_fresh;
	v->pods_fresh = o->kube_fresh;
	v->coordinator_ready = o->connected_since_ms && o->listed_ms >= o->connected_since_ms;
}

/* --- the number of groups --------------------------------------------------------------------------------------------
 */

/* A patch shows in the watch by then. */
#define SCALING_SETTLE_MS 300

/* On one of the StatefulSets, the first that has it; NULL: on none. */
static const char *said_once(const struct making *m, const char *annotation)
{
	const char *text = NULL;

	for (int i = 0; i < m->v->set_count && !text; i++)
		text = json_str(m->sets[i]->annotations, annotation, NULL);
	return text;
}

static int home_of(const struct cluster_view *v)
{
	int home = 0, best = 0;

	for (int i = 0; i < v->set_count; i++) {
		const struct view_set *set = &v->sets[i];
		int rank = 2 * set->noted + (set->shape.replicas > 0 && !set->deleting);

		if (rank > best) {
			best = rank;
			home = i;
		}
	}
	return home;
}

/* What concerns all groups stands on one StatefulSet, and stays there whichever come and go. */
static void view_scaling(const struct making *m)
{
	struct scaling_view *s = &m->v->scaling;
	const cJSON *notes = m->v->set_count ? m->sets[home_of(m->v)]->annotations : NULL;
	const char *had = json_str(notes, CODIS_ANNOTATION_HAD_SLOTS, NULL);

	s->home = home_of(m->v);
	s->had_noted = had && gids_take(&had, &s->had) && !*had;
	moving_parse(json_str(notes, CODIS_ANNOTATION_MOVING, NULL), &s->moving);
	s->parallel = scaling_number(said_once(m, CODIS_ANNOTATION_PARALLEL), 1, SCALING_PARALLEL_MAX,
				     SCALING_PARALLEL_DEFAULT);
	s->interval_us = scaling_number(said_once(m, CODIS_ANNOTATION_INTERVAL), 0, SCALING_INTERVAL_MAX_US, -1);
	s->done = m->seen->scaling_done;
	s->busy = m->seen->scaling_running || m->v->now_ms - m->seen->scaling_acted_ms < SCALING_SETTLE_MS ||
		  m->seen->topom->slots_ms < m->seen->scaling_acted_ms;
}

static int make(struct making *m, struct picture_room *room, int set_count, int64_t now_ms)
{
	const struct observed *seen = m->seen;
	struct cluster_view *v = m->v;

	view_frame(v, seen, now_ms);
	if (set_count < 0 || view_sets(m, room, set_count) < 0)
		return -1;
	view_calm(v, seen);
	if (make_room(m, room) < 0)
		return -1;
	v->server_count = seen->server_count;
	for (int i = 0; i < seen->server_count; i++)
		view_server_of(seen->servers[i], &v->servers[i], now_ms);
	v->proxy_count = seen->proxy_count;
	for (int i = 0; i < seen->proxy_count; i++)
		view_proxy(m, seen->proxies[i], &v->proxies[i]);
	inventory_each_of_product(m->inv, seen->namespace, seen->product, view_one_pod, m);
	view_strangers(m);
	view_groups(m, room);
	view_losses(m);
	view_dashboard(m);
	view_scaling(m);
	view_zookeepers(m);
	return 0;
}

int picture_make(struct cluster_view *v, struct picture_room *room, const struct observed *seen,
		 const struct inventory *inv, int64_t now_ms)
{
	struct making m = { .v = v, .seen = seen, .inv = inv, .wall_ms = clock_wall_ms() };
	int sets = inventory_sets_of(inv, seen->namespace, seen->product, &m.sets), done;

	done = make(&m, room, sets, now_ms);
	free(m.sets);
	return done;
}
