#include "controller/cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/codis/coordinator.h"
#include "common/codis/inventory.h"
#include "common/codis/probe.h"
#include "common/kube/event.h"
#include "common/net/addr.h"
#include "common/net/http.h"
#include "controller/act.h"
#include "controller/budgets.h"
#include "controller/decide.h"
#include "controller/ledger.h"
#include "controller/lost.h"
#include "controller/observe.h"
#include "controller/recent.h"
#include "controller/rest.h"
#include "controller/roles.h"
#include "controller/roster.h"
#include "controller/say.h"
#include "controller/scale_tell.h"
#include "controller/shared.h"
#include "controller/status.h"
#include "controller/status_change.h"
#include "controller/tell.h"
#include "controller/wished.h"
#include "controller/zookeeper.h"

#define MAX_ACTIONS 32
/* A cluster in which all is well and nothing is heard is looked at so often. */
#define CALM_LOOK_MS     1000
#define STATUS_AGAIN_MS  3600000
#define STANDBY_TELLS_MS 5000 /* of one that does not lead, as the changes of an incident come in tens */
/* Servers of a group in which all is well are asked so many times more seldom. */
#define CALM_PROBE 4
/* One that takes more than its share (cost.h): servers are asked so many times more seldom still, and what is heard is
 * looked at so much later, together with what comes until then. */
#define COSTLY_PROBE     8
#define COSTLY_GATHER_MS 200
/* Answers to what was asked of many at once come close together: one look takes them all. */
#define GATHER_MS 5
/* A loop that did not turn for so long cannot tell a silent server from its own sleep. */
#define CLOCK_JUMP_MS 1000
/* A server that wants a password for so long is told of on its pod. */
#define PASSWORD_MS 2000
/* An election takes one lease, or two. */
#define ELECTION_LEASES 3

/* --- what is held ----------------------------------------------------------------------------------------------------
 */

void cluster_path(const struct cluster *c, char *out, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(out, size, "/codis3/%s/", c->product);

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < size)
		vsnprintf(out + n, size - (size_t)n, fmt, ap);
	va_end(ap);
}

int cluster_grow(void *array, int *room, int count)
{
	void **at = array, *grown;
	int more = count + count / 2 + 8;

	if (count < *room)
		return 0;
	grown = realloc(*at, (size_t)more * sizeof(void *));
	if (!grown)
		return -1;
	*at = grown;
	*room = more;
	return 0;
}

struct observed_group *cluster_group(struct cluster *c, int gid, bool make)
{
	struct observed_group *g;
	int low = 0, high = c->group_count;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (c->groups[mid]->node.id == gid)
			return c->groups[mid];
		if (c->groups[mid]->node.id < gid)
			low = mid + 1;
		else
			high = mid;
	}
	g = make && cluster_grow(&c->groups, &c->group_room, c->group_count) == 0 ? calloc(1, sizeof(*g)) : NULL;
	c->lacks |= make && !g;
	if (!g)
		return NULL;
	g->node.id = gid;
	memmove(&c->groups[low + 1], &c->groups[low], (size_t)(c->group_count - low) * sizeof(c->groups[0]));
	c->groups[low] = g;
	c->group_count++;
	return g;
}

struct observed_proxy *cluster_proxy(struct cluster *c, const char *admin_addr, bool make)
{
	struct observed_proxy *p;

	for (int i = 0; i < c->proxy_count; i++) {
		if (addr_equal(c->proxies[i]->admin_addr, admin_addr))
			return c->proxies[i];
	}
	p = make && cluster_grow(&c->proxies, &c->proxy_room, c->proxy_count) == 0 ? calloc(1, sizeof(*p)) : NULL;
	c->lacks |= make && !p;
	if (!p)
		return NULL;
	p->c = c;
	snprintf(p->admin_addr, sizeof(p->admin_addr), "%s", admin_addr);
	p->first_seen_ms = p->since_ms = clock_mono_ms();
	c->proxies[c->proxy_count++] = p;
	return p;
}

struct observed_dashboard *cluster_dashboard(struct cluster *c, const char *addr, bool make)
{
	struct observed_dashboard *d;

	for (int i = 0; i < c->dashboard_count; i++) {
		if (addr_equal(c->dashboards[i]->addr, addr))
			return c->dashboards[i];
	}
	d = make && cluster_grow(&c->dashboards, &c->dashboard_room, c->dashboard_count) == 0 ? calloc(1, sizeof(*d))
											      : NULL;
	c->lacks |= make && !d;
	if (!d)
		return NULL;
	d->c = c;
	snprintf(d->addr, sizeof(d->addr), "%s", addr);
	d->since_ms = clock_mono_ms();
	c->dashboards[c->dashboard_count++] = d;
	return d;
}

struct observed_server *cluster_server(struct cluster *c, const char *addr)
{
	int at = observed_server_at(c->servers, c->server_count, addr);

	return at < 0 ? NULL : c->servers[at];
}

void cluster_note_serving(struct cluster *c)
{
	c->dashboard.addr[0] = '\0';
	for (int i = 0; i < c->dashboard_count; i++) {
		const struct observed_dashboard *d = c->dashboards[i];

		if (d->reach == REACH_OK && d->uid[0])
			memcpy(c->dashboard.addr, d->addr, sizeof(c->dashboard.addr));
	}
}

void controller_take_mandate(struct controller *ctl, enum mandate mandate)
{
	if (mandate != MANDATE_FAILOVER)
		ctl->failover_since_ms = 0;
	else if (!ctl->failover_since_ms)
		ctl->failover_since_ms = clock_mono_ms();
	ctl->mandate = mandate;
}

/* Nobody has told it for so long that another one leads that there may be one, who is to be first. */
static bool comes_second(const struct controller *ctl, int64_t now_ms)
{
	return ctl->mandate == MANDATE_FAILOVER && ctl->failover_since_ms &&
	       now_ms - ctl->failover_since_ms >= ctl->limits.unsure_ms;
}

/* Why nobody does more than failovers; NULL: somebody leads. */
static const char *lease_trouble(const struct controller *ctl, int64_t now_ms)
{
	if (comes_second(ctl, now_ms))
		return "the API server does not answer: only failovers are done";
	if (ctl->unled_since_ms && now_ms - ctl->unled_since_ms >= ELECTION_LEASES * ctl->limits.unsure_ms)
		return "no controller gets the Lease: only failovers are done; their logs say why";
	return NULL;
}

bool controller_leads(const struct controller *ctl)
{
	return ctl->mandate == MANDATE_LEAD || ctl->mandate == MANDATE_FAILOVER;
}

bool cluster_is_too_large(const struct cluster *c)
{
	return c->servers_over || c->groups_over || c->proxies_over;
}

/* --- its turn --------------------------------------------------------------------------------------------------------
 */

static void observed_of(const struct cluster *c, struct observed *o)
{
	const struct controller *ctl = c->ctl;

	*o = (struct observed){
		.namespace = c->namespace,
		.product = c->product,
		.costly = c->cost.over,
		.too_large = cluster_is_too_large(c),
		.mandate = c->watch_only || c->outside || c->shared[0] || shared_may_be(c) || cluster_is_too_large(c) ||
					   ctl->leaving
				   ? MANDATE_NONE
				   : ctl->mandate,
		.leads = ctl->mandate == MANDATE_LEAD,
		.second = comes_second(ctl, clock_mono_ms()),
		.lease_trouble = lease_trouble(ctl, clock_mono_ms()),
		.steady_since_ms = c->steady_since_ms,
		.kube_fresh = ctl->kube_fresh,
		.connected_since_ms = c->connected_since_ms,
		.listed_ms = c->listed_ms,
		.proxies_read_ms = c->proxies_read_ms,
		.server_count = c->server_count,
		.group_count = c->group_count,
		.proxy_count = c->proxy_count,
		.dashboard_count = c->dashboard_count,
		.servers = c->servers,
		.groups = c->groups,
		.proxies = c->proxies,
		.dashboards = c->dashboards,
		.topom = &c->dashboard,
		.lost = c->lost,
		.lost_count = c->lost_count,
		.zookeeper_name = c->zk_name,
		.zookeeper_unresolved = c->zk_unresolved,
		.zookeeper_namespace = c->zk_namespace,
		.zookeepers_heard = c->zk_heard,
		.zookeeper_running = c->zookeeper_running,
		.zookeeper_acted_ms = c->zookeeper_acted_ms,
		.dashboard_running = c->dashboard_running,
		.assigning = c->assigning,
		.dashboard_acted_ms = c->dashboard_acted_ms,
		.reloaded_ms = c->reloaded_ms,
		.assigned_ms = c->assigned_ms,
		.dashboard_done = c->dashboard_done,
		.zookeeper_done = c->zookeeper_done,
		.scaling_done = c->scaling_done,
		.scaling_running = c->scaling_running,
		.scaling_acted_ms = c->scaling_acted_ms,
		.tilt = &c->tilt,
		.deleted = &c->deleted,
		.deletions = &c->deletions,
		.all_deletions = &ctl->deletions,
		.deleting = c->deleting,
		.all_deleting = ctl->deleting,
		.password_trouble = c->password_trouble,
		.shared = c->shared,
	};
}

/* Between two whole lines, what is new and what is over: an incident is a sentence a step, not the line each time. */
static void log_status(const struct cluster *c, enum log_level level, const char *line, bool whole)
{
	char head[sizeof(c->line)], new[sizeof(c->line)], over[sizeof(c->line)];
	struct buf added = BUF_IN(new), gone = BUF_IN(over);

	if (whole) {
		say_at(c, level, "status", "ok=%s line=%s", c->ok ? "true" : "false", LOGQ(line));
		return;
	}
	snprintf(head, sizeof(head), "%.*s", (int)status_change_head(line), line);
	status_change_only(line, c->line, false, &added);
	status_change_only(c->line, line, true, &gone);
	say_at(c, level, "status", "ok=%s line=%s new=%s over=%s", c->ok ? "true" : "false", LOGQ(head),
	       LOGQ(added.data), LOGQ(gone.data));
}

/* Of two that look at the same cluster the one that leads warns, and tells each change; the other one is a moment
 * behind it. An hour without any news is told, too, and whole: it is neither deaf nor hung. */
static void tell_status(struct cluster *c)
{
	char line[sizeof(c->line)];
	enum status_word word = status_line(&c->view, &c->ctl->limits, line, sizeof(line), &c->ok);
	bool leads = controller_leads(c->ctl);
	int64_t since_ms = c->view.now_ms - c->line_ms;
	bool whole = !c->line[0] || (leads && !c->line_leads) || since_ms >= STATUS_AGAIN_MS;
	bool changed = strcmp(line, c->line) != 0 && (leads || since_ms >= STANDBY_TELLS_MS);

	c->line_leads = leads;
	if (!whole && !changed)
		return;
	log_status(c, word >= STATUS_DEGRADED && leads ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, line, whole);
	memcpy(c->line, line, sizeof(line));
	c->line_ms = c->view.now_ms;
}

static void tell_no_password(struct cluster *c, const struct server_view *s, const char *why)
{
	JSON_CLEANUP cJSON *pod = tell_about(c->namespace, s->pod.name, s->pod.uid);

	if (pod)
		kube_event_once(c->ctl->events, "Pod", pod, true, "PasswordNotKnown",
				"the controller is refused (%s): %s", s->complaint, why);
}

/* Why a deletion takes so long, told on the pod, once. */
static void tell_last_holders(struct cluster *c)
{
	for (int i = 0; i < c->view.group_count && c->view.mandate == MANDATE_LEAD; i++) {
		const struct server_view *s = judge_last_holder(&c->view, &c->view.groups[i]);
		struct observed_server *o = s ? cluster_server(c, s->addr) : NULL;
		JSON_CLEANUP cJSON *pod = o && !o->told_last ? tell_about(c->namespace, s->pod.name, s->pod.uid) : NULL;

		if (!pod)
			continue;
		o->told_last = true;
		say_warn(c, "server.last", "group=%d pod=%s keys=%lld", s->group, s->pod.name, (long long)s->info.keys);
		kube_event_once(c->ctl->events, "Pod", pod, true, "OnlyCopy", "group %d: %s " STATUS_LAST_HOLDER,
				s->group, s->pod.name);
	}
}

/* A server that wants another password than is known: told on its pod, once for each reason. Not at once: a Secret is
 * asked for while the server refuses already. */
static void tell_troubles(struct cluster *c)
{
	const char *why = status_password_trouble(&c->view);
	uint64_t hash = hash_text(HASH_INIT, why);

	for (int i = 0; i < c->view.server_count && c->view.mandate == MANDATE_LEAD; i++) {
		const struct server_view *s = &c->view.servers[i];
		struct observed_server *o = status_refused(s) && s->pod.name[0] ? cluster_server(c, s->addr) : NULL;

		if (!o || o->told == hash || c->looked_ms - s->since_ms < PASSWORD_MS)
			continue;
		o->told = hash;
		tell_no_password(c, s, why);
	}
}

/* All is well in the group: what happens there next shows as a connection that drops, or in an INFO that may come a
 * second later: a replica has not heard a silent master for evidence sooner than after two. */
bool cluster_is_calm(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *m = view_master(v, g), *s;

	if (g->busy || g->node.promoting_state[0] || !m || !view_master_verified(m) || m->pod.deleting)
		return false;
	for (int at = 0; (s = view_next(v, g, &at));) {
		if (s != m && (!view_synced(s, m) || s->pod.deleting))
			return false;
	}
	return true;
}

/* Without the coordinator nothing can be done, so nobody is in a hurry. */
static void set_pace(struct cluster *c)
{
	const struct cluster_view *v = &c->view;

	for (int i = 0; i < c->server_count && i < v->server_count; i++) {
		const struct group_view *g = view_group(v, v->servers[i].group);
		int times = v->costly                                               ? COSTLY_PROBE
			    : !v->coordinator_ready || (g && cluster_is_calm(v, g)) ? CALM_PROBE
										    : 1;

		redis_probe_pace(c->servers[i]->probe, c->ctl->probe_ms * times);
	}
}

/* Whether something is under way, or awaited. */
static bool is_open(const struct cluster *c)
{
	const struct cluster_view *v = &c->view;

	if (!c->ok || c->running || v->dashboard.busy || v->switchover.wished || c->scale_told.left)
		return true;
	for (int i = 0; i < v->group_count; i++) {
		if (v->groups[i].busy || v->groups[i].node.promoting_state[0])
			return true;
	}
	for (int i = 0; i < v->proxy_count; i++) {
		if (v->proxies[i].busy || v->proxies[i].pod.deleting)
			return true;
	}
	for (int i = 0; i < v->server_count; i++) {
		if (v->servers[i].pod.deleting)
			return true;
	}
	return false;
}

static void look_in(struct cluster *c, uint64_t ms)
{
	uv_handle_t *soon = (uv_handle_t *)&c->soon;

	if (c->look && !c->closing && (!uv_is_active(soon) || uv_timer_get_due_in(&c->soon) > ms))
		uv_timer_start(&c->soon, c->look, ms, 0);
}

/* Not of a group in which something is under way, or that is not known as it is now. */
static void note_lost(struct cluster *c, const struct group_view *g, struct observed_group *o)
{
	bool second = c->view.second || c->view.mandate == MANDATE_STANDBY;
	bool lost = second && !g->busy && judge_lost(&c->view, g, &c->ctl->limits);

	if (!lost)
		o->lost_ms = 0;
	else if (!o->lost_ms || o->lost_version != g->version)
		o->lost_ms = c->view.now_ms;
	o->lost_version = g->version;
}

/* Since when the controller that leads would have had to act. It is looked again when that was long enough. */
static void note_lost_masters(struct cluster *c)
{
	for (int i = 0; i < c->view.group_count; i++) {
		struct group_view *g = &c->view.groups[i];
		struct observed_group *o = cluster_group(c, g->node.id, false);
		int64_t left_ms;

		if (!o)
			continue;
		if (!judge_leaves(&c->view, g))
			o->leaves_ms = 0;
		else if (!o->leaves_ms)
			o->leaves_ms = c->view.now_ms;
		g->leaves_ms = o->leaves_ms;
		note_lost(c, g, o);
		g->lost_ms = o->lost_ms;
		left_ms = g->lost_ms + c->ctl->limits.standby_ms - c->view.now_ms;
		if (g->lost_ms && left_ms > 0)
			look_in(c, (uint64_t)left_ms);
	}
}

/* Who led before may have ended between what it wrote of a group and its word to the dashboard, which goes by the group
 * as it knows it: whom it takes in is filled with that. */
static void note_leading(struct cluster *c)
{
	bool leads = c->view.mandate == MANDATE_LEAD && !c->ctl->dry_run, exists = false;

	/* Where none exists there is nothing to be read, or it is lost. */
	for (int i = 0; leads && !c->leads && i < c->view.group_count; i++)
		exists |= c->view.groups[i].exists;
	c->reload_due |= exists;
	c->leads = leads && (c->leads || exists);
}

/* Since when somebody would have to take a bound off. It is looked again when that was long enough. */
static void note_unheld(struct cluster *c)
{
	for (int i = 0; i < c->server_count && i < c->view.server_count; i++) {
		struct server_view *s = &c->view.servers[i];
		int64_t *since_ms = &c->servers[i]->unheld_ms, left_ms;

		if (!decide_is_unheld(&c->view, &c->ctl->limits, s))
			*since_ms = 0;
		else if (!*since_ms)
			*since_ms = c->view.now_ms;
		s->unheld_ms = *since_ms;
		left_ms = s->unheld_ms + DECIDE_UNHELD_MS - c->view.now_ms;
		if (s->unheld_ms && left_ms > 0)
			look_in(c, (uint64_t)left_ms);
	}
}

/* Who has what a master lacks that a person promoted. */
static void note_successions(struct cluster *c)
{
	const struct cluster_view *v = &c->view;

	for (int i = 0; i < c->server_count && i < v->server_count; i++) {
		const struct group_view *g = view_group(v, v->servers[i].group);

		if (g)
			succession_note(v, g, &v->servers[i], &c->servers[i]->succession);
	}
}

bool cluster_slept(const struct cluster *c, int64_t now_ms)
{
	return c->last_tick_ms && now_ms - c->last_tick_ms > CLOCK_JUMP_MS;
}

static void begin_anew(struct cluster *c, int64_t steady_since_ms)
{
	c->steady_since_ms = steady_since_ms;
	c->list_asked_ms = 0; /* what was read before counts for nothing */
}

static void note_sleep(struct cluster *c, int64_t now_ms)
{
	if (!cluster_slept(c, now_ms))
		return;
	say_warn(c, "clock.jump", "ms=%lld", (long long)(now_ms - c->last_tick_ms));
	c->last_tick_ms = now_ms;
	begin_anew(c, now_ms);
}

/* It is about to fall silent in any case, or its pod is gone, and nobody is there. */
static bool is_leaving(const struct cluster *c, const struct observed_server *s)
{
	const struct inventory_pod *p = inventory_pod_at(c->ctl->inventory, s->addr);

	return p ? p->pod.status.deleting : s->uid[0] != '\0';
}

/* Most servers fall silent at once: that may be our own network (calm.h). */
static void note_tilt(struct cluster *c, int64_t now_ms)
{
	bool was = c->tilt.tilted;
	int64_t steady_ms;

	calm_tilt_begin(&c->tilt);
	for (int i = 0; i < c->server_count; i++) {
		const struct observed_server *s = c->servers[i];

		/* An address that has gone to another cluster is not asked any more. */
		if (s->heard_ms && s->probe && !(s->reach == REACH_SILENT && is_leaving(c, s)))
			calm_tilt_add(&c->tilt, s->reach == REACH_SILENT, s->since_ms);
	}
	steady_ms = calm_tilt_end(&c->tilt, c->steady_since_ms, now_ms);
	if (c->tilt.tilted != was)
		say_warn(c, "tilt", "tilted=%s silent=%d heard=%d", c->tilt.tilted ? "true" : "false", c->tilt.silent,
			 c->tilt.heard);
	if (steady_ms > c->steady_since_ms)
		begin_anew(c, steady_ms);
}

/* What is only noted for ourselves is nothing that would be done to anybody. */
static int leave_out_notes(struct action *actions, int count)
{
	int n = 0;

	for (int i = 0; i < count; i++) {
		if (actions[i].kind != ACT_NOTE_SCALING)
			actions[n++] = actions[i];
	}
	return n;
}

static void only_tell(struct cluster *c, struct action *actions, int count)
{
	struct cluster_view *v = &c->view;

	v->dry_run = true;
	count = leave_out_notes(actions, count);
	v->would = c->would;
	v->would_count = count < CLUSTER_HELD ? count : CLUSTER_HELD;
	memcpy(c->would, actions, (size_t)v->would_count * sizeof(c->would[0]));
	tell_would(c, actions, count);
}

static void turn(struct cluster *c)
{
	struct action actions[MAX_ACTIONS];
	struct observed seen;
	int n;

	c->looked_ms = clock_mono_ms();
	note_sleep(c, c->looked_ms);
	if (c->stock_due || c->lacks) {
		c->lacks = false;
		roster_take_stock(c);
	}
	ledger_recall(c);
	note_tilt(c, c->looked_ms);
	lost_note(c, c->looked_ms);
	observed_of(c, &seen);
	/* Nothing is decided from a picture that lacks what there was no memory for. */
	if (c->lacks || picture_make(&c->view, &c->room, &seen, c->ctl->inventory, c->looked_ms) < 0) {
		say_error(c, "picture.failed", "error=\"no memory\"");
		memset(&c->view, 0, sizeof(c->view));
		c->open = true; /* the next tick looks again */
		return;
	}
	note_leading(c);
	note_lost_masters(c);
	note_successions(c);
	note_unheld(c);
	wished_note(c);
	set_pace(c); /* before anything is done: servers stand as in the view */
	rest_note(c);
	n = decide_all(&c->view, &c->ctl->limits, actions, MAX_ACTIONS, c->held, CLUSTER_HELD, &c->view.held_count);
	c->view.held = c->held;
	c->view.recent = c->recent;
	c->view.recent_count = c->recent_count;
	if (c->ctl->dry_run)
		only_tell(c, actions, n);
	for (int i = 0; i < n; i++)
		act(c, &actions[i]);
	wished_answer(c);
	ledger_note(c);
	budgets_keep(c);
	roles_keep(c);
	tell_status(c);
	tell_troubles(c);
	tell_last_holders(c);
	tell_held(c);
	scale_tell(c);
	c->open = n || is_open(c);
}

void cluster_turn(struct cluster *c)
{
	int64_t began_us = clock_thread_us();

	turn(c);
	c->turned_us += clock_thread_us() - began_us;
}

/* What it and the answers of its peers have cost since the last time. */
static void count_cost(struct cluster *c, int64_t now_ms)
{
	int64_t zk_us = c->zk ? coordinator_spent_us(c->zk) : 0;
	int64_t spent_us = c->turned_us + http_client_spent_us(c->http) + zk_us;
	char labels[200];

	/* Another coordinator begins to count anew. */
	if (cost_spend(&c->cost, spent_us > c->counted_us ? spent_us - c->counted_us : 0, now_ms)) {
		say_warn(c, "cluster.costly", "over=%s", c->cost.over ? "true" : "false");
		snprintf(labels, sizeof(labels), "namespace=\"%s\",product=\"%s\"", c->namespace, c->product);
		metric_set(metric_gauge(c->ctl->metrics, "codis_controller_costly", labels,
					"1 while a cluster takes more than its share of the controller."),
			   c->cost.over);
		c->open = true;
	}
	c->counted_us = spent_us;
}

static void on_soon(uv_timer_t *t)
{
	cluster_turn(t->data);
}

void cluster_look(struct cluster *c)
{
	look_in(c, c->cost.over ? COSTLY_GATHER_MS : 0);
}

void cluster_heard(struct cluster *c, bool news)
{
	if (news || c->open)
		look_in(c, c->cost.over ? COSTLY_GATHER_MS : GATHER_MS);
}

void cluster_tick(struct cluster *c, int64_t now_ms)
{
	note_sleep(c, now_ms);
	c->last_tick_ms = now_ms;
	count_cost(c, now_ms);
	zookeeper_tick(c, now_ms);
	stranger_tick(c, now_ms);
	observe(c, now_ms);
	if (c->open || now_ms - c->looked_ms >= CALM_LOOK_MS)
		cluster_turn(c);
}

/* --- beginning and end -----------------------------------------------------------------------------------------------
 */

struct cluster *cluster_begin(struct controller *ctl, const char *namespace, const char *product)
{
	struct cluster *c = calloc(1, sizeof(*c));
	struct error err = ERROR_INIT;

	if (!c) {
		log_error(ctl->log, "cluster.failed", "namespace=%s product=%s error=\"no memory\"", namespace,
			  LOGW(product));
		return NULL;
	}
	c->ctl = ctl;
	snprintf(c->namespace, sizeof(c->namespace), "%s", namespace);
	snprintf(c->product, sizeof(c->product), "%s", product);
	c->dashboard.lock_exists = -1;
	c->http = http_client_new(ctl->uv, NULL, &err);
	if (!c->http) {
		log_error(ctl->log, "cluster.failed", "namespace=%s product=%s error=%s", namespace, LOGW(product),
			  LOGQ(err.text));
		free(c);
		return NULL;
	}
	c->last_tick_ms = c->steady_since_ms = clock_mono_ms();
	c->open = c->stock_due = true;
	uv_timer_init(ctl->uv, &c->soon);
	c->soon.data = c;
	c->look = on_soon;
	recent_recall(c);
	say_info(c, "cluster.found", "%s", "");
	return c;
}

bool cluster_idle(const struct cluster *c)
{
	return !c->running && !c->zk_resolving;
}

static void on_cluster_closed(uv_handle_t *h)
{
	struct cluster *c = h->data;

	roster_release(c);
	free(c->lost);
	free(c->notes);
	picture_room_release(&c->room);
	free(c);
}

void cluster_end(struct cluster *c)
{
	struct coordinator *zk = c->zk;

	c->closing = true;
	c->zk = NULL;
	coordinator_close(zk);
	http_client_free(c->http);
	c->http = NULL;
	/* Probes end at once: what they know is freed with the cluster. */
	roster_silence(c);
	uv_close((uv_handle_t *)&c->soon, on_cluster_closed);
}
