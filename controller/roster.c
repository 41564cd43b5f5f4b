#include "controller/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/codis/inventory.h"
#include "common/codis/probe.h"
#include "common/net/addr.h"
#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/ledger.h"
#include "controller/observe.h"
#include "controller/say.h"
#include "controller/secrets.h"
#include "controller/stranger.h"

/* A master that is well is heard more often than that, but for an idle one that pings every 10 s. */
#define RARE_MS    2000
#define STRANGE_MS 60000 /* between two lines of the log about what one server says */

/* --- what is kept of an INFO -----------------------------------------------------------------------------------------
 */

void roster_note_role(struct observed_server *s, const char *run_id, int gid, int version)
{
	snprintf(s->role_run_id, sizeof(s->role_run_id), "%s", run_id);
	s->role_group = gid;
	s->role_version = version;
}

/* Whoever answers there is none of ours: a pod of another cluster has the address, or ours that had it is no more. */
static bool is_somebody_else(const struct cluster *c, const struct observed_server *s)
{
	const struct inventory *inv = c->ctl->inventory;

	return inventory_is_elsewhere(inv, s->addr, c->namespace, c->product) || stranger_has(s) ||
	       (s->uid[0] && !inventory_pod(inv, s->uid));
}

/* The process began after that version was written: it got no role by it. Its seconds are whole ones. */
static bool began_since(const struct observed_server *s, int64_t written_ms)
{
	return written_ms && s->info.uptime_s >= 0 && s->heard_ms - (s->info.uptime_s + 1) * 1000 > written_ms;
}

/* It leads at a declared address. Another process than the one that was seen to has its role where a version of the
 * group that another controller has written since says so. */
static void note_leader(const struct cluster *c, const struct observed_group *g, struct observed_server *s)
{
	bool known = s->role_run_id[0] != '\0', other = strcmp(s->role_run_id, s->info.run_id) != 0;

	if (known && (g->others_version <= s->role_version || (other && began_since(s, g->written_ms))))
		return;
	if (other && stranger_is_awaited(s, c->ctl->kube_fresh))
		return;
	if (other && is_somebody_else(c, s)) {
		s->role_run_id[0] = '\0';
		return;
	}
	roster_note_role(s, s->info.run_id, s->listed_group, g->version);
}

/* Remembers the process that has a role or a link. Another one that answers in its place, without having been given the
 * role by a fenced write, is a master that restarted, empty, without the guard (picture_restarted). */
static void note_run(struct cluster *c, struct observed_server *s)
{
	const struct observed_group *g = s->listed_group ? cluster_group(c, s->listed_group, false) : NULL;
	bool leads = g && s->listed_index == 0 && s->info.role == REDIS_ROLE_MASTER;
	bool synced = s->info.role == REDIS_ROLE_REPLICA && s->info.link_up;

	if (!s->info_valid || s->info.loading)
		return;
	/* Seen with the guard: any role it has later was given to it on purpose. */
	if (redis_info_guarded(&s->info))
		s->role_run_id[0] = '\0';
	if (leads)
		note_leader(c, g, s);
	/* An old list may have the address of one that follows a master of another group. */
	if (synced)
		roster_note_role(s, s->info.run_id,
				 g && codis_group_find(&g->node, s->info.master) >= 0 ? s->listed_group : 0,
				 g ? g->version : 0);
	if (leads && strcmp(s->role_run_id, s->info.run_id) == 0) {
		s->role_heard_ms = s->heard_ms;
		s->role_offset = s->info.offset;
	}
}

/* Its link is down, as it was in the INFO before, and for less long: it has been up in between, so it had finished a
 * sync. One that was lost before that INFO says so by the length of time, whatever its wall clock did. */
static bool link_was_up(const struct observed_server *s)
{
	return s->info.link_down_s >= 0 && s->info.link_down_s < s->link_down_s &&
	       s->info.link_down_s <= (s->heard_ms - s->link_down_heard_ms) / 1000 + 1;
}

static void note_ending(struct observed_server *s)
{
	if (!s->info_valid)
		return;
	if (!s->info.ending)
		s->ending_ms = 0;
	else if (!s->ending_ms)
		s->ending_ms = s->heard_ms;
}

static void note_link(struct observed_server *s)
{
	bool replica = s->info.role == REDIS_ROLE_REPLICA, up = replica && s->info.link_up && !s->info.syncing;

	if (!s->info_valid)
		return;
	if (!replica || up)
		s->link_down_since_ms = 0;
	else if (!s->link_down_since_ms || link_was_up(s))
		s->link_down_since_ms = s->heard_ms;
	s->link_down_s = s->info.link_down_s;
	s->link_down_heard_ms = s->heard_ms;
	if (!up)
		return;
	s->link_up_at_ms = s->heard_ms;
	s->link_up_offset = s->info.offset;
	s->link_io_ms = s->heard_ms - (s->info.last_io_s > 0 ? s->info.last_io_s * 1000 : 0);
	memcpy(s->link_up_to, s->info.master, sizeof(s->link_up_to));
}

/* An idle master that pings every 10 s. A replica that was stopped itself has heard nobody. */
static void note_rare(struct cluster *c, struct observed_server *s)
{
	bool up = s->info_valid && s->info.role == REDIS_ROLE_REPLICA && s->info.link_up && !s->info.syncing;
	const struct observed_server *m = up ? cluster_server(c, s->info.master) : NULL;
	int64_t io_ms = s->heard_ms - s->info.last_io_s * 1000;

	if (!up)
		s->rare_ms = 0;
	else if (m && m != s && m->reach == REACH_OK && io_ms + RARE_MS < m->heard_ms && s->since_ms <= io_ms)
		s->rare_ms = s->heard_ms;
}

static void note_succession(struct cluster *c, struct observed_server *s)
{
	bool replica = s->info.role == REDIS_ROLE_REPLICA;
	struct succession_master master = { .info = NULL };
	const struct observed_server *m;

	if (s->reach != REACH_OK || !s->info_valid)
		return;
	m = cluster_server(c, replica ? s->info.master : s->succession.of);
	if (m && m->info.run_id[0])
		master = (struct succession_master){ &m->info, m->heard_ms, m->reach == REACH_SILENT };
	succession_hear(&s->succession, &s->info, s->heard_ms, &master);
}

/* Since when the declared master of a group is none. */
static void note_master(struct cluster *c, struct observed_group *g)
{
	const struct observed_server *m = g->node.count ? cluster_server(c, g->node.servers[0].addr) : NULL;

	if (m && m->reach == REACH_OK && m->info_valid && m->info.role == REDIS_ROLE_MASTER && !picture_restarted(m))
		g->masterless_ms = 0;
	else if (!g->masterless_ms)
		g->masterless_ms = clock_mono_ms();
}

static void note_master_of(struct cluster *c, const struct observed_server *s)
{
	struct observed_group *g = s->listed_group ? cluster_group(c, s->listed_group, false) : NULL;

	if (g && s->listed_index == 0)
		note_master(c, g);
}

/* A master that is not declared, or the declared one that is none: somebody else may have written the node since it was
 * read. */
static bool note_contradiction(struct cluster *c, struct observed_server *s)
{
	struct observed_group *g = s->listed_group ? cluster_group(c, s->listed_group, false) : NULL;
	bool before = s->contradicts;

	s->contradicts = g && s->info_valid && (s->listed_index == 0) != (s->info.role == REDIS_ROLE_MASTER);
	if (!s->contradicts || before)
		return false;
	g->doubted_ms = s->heard_ms;
	return true;
}

/* --- whose a server is where its words do not tell -------------------------------------------------------------------
 */

/* It leads the group that lists it, or follows another member: an old list may have an address that somebody else's new
 * pod has got. */
static bool is_at_home(const struct observed_server *s, const struct codis_group *node)
{
	int at = codis_group_find(node, s->addr);

	if (at < 0 || !s->info_valid)
		return false;
	return s->info.role == REDIS_ROLE_MASTER ? at == 0 : codis_group_find(node, s->info.master) >= 0;
}

static void claim(struct cluster *c, const struct observed_server *s, const struct codis_group *node)
{
	const struct inventory_pod *p;

	p = is_at_home(s, node) ? inventory_pod_at(c->ctl->inventory, s->addr) : NULL;
	if (!p || p->product[0] || p->pod.component != CODIS_SERVER || p->pod.group != node->id ||
	    strcmp(p->pod.namespace, c->namespace) != 0)
		return;
	inventory_claim(c->ctl->inventory, p->pod.uid, c->product);
}

static void claim_listed(struct cluster *c, const struct codis_group *node)
{
	for (int i = 0; i < node->count; i++) {
		const struct observed_server *s = cluster_server(c, node->servers[i].addr);

		if (s)
			claim(c, s, node);
	}
}

/* Somebody else has that address, or means harm: said now and then, for as long as it goes on. */
static void tell_strange(struct observed_server *s, const struct redis_probe_state *state)
{
	int64_t now = clock_mono_ms();

	if (state->reach != REACH_UNKNOWN || !state->strange[0] || (s->strange_ms && now - s->strange_ms < STRANGE_MS))
		return;
	s->strange_ms = now;
	say_warn(s->c, "server.strange", "server=%s error=%s", s->addr, LOGQ(state->strange));
}

static bool same_group(const struct observed_server *a, const struct observed_server *b)
{
	return (a->group && a->group == b->group) || (a->listed_group && a->listed_group == b->listed_group);
}

/* What one server shows is a reason to ask the others of its group at once: they are the second view. */
static void ask_siblings(const struct cluster *c, const struct observed_server *s)
{
	for (int i = 0; i < c->server_count; i++) {
		if (c->servers[i] != s && c->servers[i]->probe && same_group(c->servers[i], s))
			redis_probe_now(c->servers[i]->probe);
	}
}

void roster_hear(struct cluster *c, struct observed_server *s, const struct redis_probe_state *state)
{
	const struct observed_group *g = s->listed_group ? cluster_group(c, s->listed_group, false) : NULL;

	if (state->info_valid)
		stranger_hear(s, state->info.run_id);
	s->reach = state->reach;
	s->since_ms = state->since_ms;
	s->info_valid = state->info_valid;
	s->heard_ms = state->heard_ms;
	s->info = state->info;
	s->accepts = state->accepts;
	snprintf(s->complaint, sizeof(s->complaint), "%s", state->complaint);
	note_run(c, s);
	note_ending(s);
	note_link(s);
	note_rare(c, s);
	note_succession(c, s);
	note_master_of(c, s);
	if (g && !s->group)
		claim(c, s, &g->node);
	ledger_hear(c, s);
	if (note_contradiction(c, s)) {
		observe_group(c, s->listed_group);
		ask_siblings(c, s); /* does the one that led live? */
	}
	tell_strange(s, state);
}

/* --- probes ----------------------------------------------------------------------------------------------------------
 */

static void on_news(void *ctx, struct redis_probe *probe)
{
	struct observed_server *s = ctx;

	roster_hear(s->c, s, redis_probe_state(probe));
	if (!s->info_valid || (s->info.role == REDIS_ROLE_REPLICA && !s->info.link_up))
		ask_siblings(s->c, s);
	cluster_look(s->c);
}

/* Its node may be away, and with it a proxy: that is known then when it counts. */
static void on_slow(void *ctx, struct redis_probe *probe)
{
	struct observed_server *s = ctx;

	(void)probe;
	s->c->ask_now = true;
	cluster_look(s->c);
}

/* An INFO like the one before it: looked at only when its group waits for it since something was done there. */
static void on_info(void *ctx, struct redis_probe *probe)
{
	struct observed_server *s = ctx;
	const struct observed_group *g = cluster_group(s->c, s->group ? s->group : s->listed_group, false);
	int64_t before_ms = s->heard_ms;

	roster_hear(s->c, s, redis_probe_state(probe));
	if (g && g->acted_ms > before_ms)
		cluster_look(s->c);
}

static void begin_probe(struct cluster *c, struct observed_server *s)
{
	struct redis_probe_config cfg = { .addr = s->addr,
					  .auth = c->auth,
					  .period_ms = c->ctl->probe_ms,
					  .timeout_ms = c->ctl->probe_timeout_ms,
					  .on_change = on_news,
					  .on_info = on_info,
					  .on_slow = on_slow,
					  .ctx = s };
	struct error err = ERROR_INIT;

	s->probe = redis_probe_start(c->ctl->uv, &cfg, &err);
	c->stock_due |= !s->probe && err.code == ERR_NOMEM;
	if (!s->probe)
		say_warn(c, "server.unwatched", "server=%s error=%s", LOGW(s->addr), LOGQ(err.text));
}

static bool is_address(const char *addr)
{
	struct addr parsed;

	return addr_parse(addr, &parsed, NULL) == 0;
}

static struct observed_server *new_server(struct cluster *c, const char *addr)
{
	struct observed_server *s = calloc(1, sizeof(*s));
	int at = 0;

	if (!s || cluster_grow(&c->servers, &c->server_room, c->server_count) < 0) {
		c->lacks = true;
		free(s);
		return NULL;
	}
	s->c = c;
	snprintf(s->addr, sizeof(s->addr), "%s", addr);
	s->since_ms = clock_mono_ms();
	s->named = !is_address(addr);
	while (at < c->server_count && strcmp(c->servers[at]->addr, addr) < 0)
		at++;
	memmove(&c->servers[at + 1], &c->servers[at], (size_t)(c->server_count - at) * sizeof(c->servers[0]));
	c->servers[at] = s;
	c->server_count++;
	return s;
}

void roster_watch(struct observed_server *s)
{
	struct cluster *c = s->c;

	/* Without memory before, it begins now. A name is never asked, nor is a stranger, who would get our password.
	 */
	if (inventory_is_elsewhere(c->ctl->inventory, s->addr, c->namespace, c->product) || stranger_has(s)) {
		if (s->probe)
			s->since_ms = clock_mono_ms(); /* who heard it before has not heard the stranger */
		redis_probe_stop(s->probe);
		s->probe = NULL;
		s->info_valid = false;
	} else if (!s->probe && !s->named && !stranger_is_awaited(s, c->ctl->kube_fresh)) {
		begin_probe(c, s);
	}
}

static struct observed_server *want_server(struct cluster *c, const char *addr)
{
	struct observed_server *s = cluster_server(c, addr);

	if (!s)
		s = new_server(c, addr);
	if (!s)
		return NULL;
	s->wanted = true;
	stranger_want(s);
	roster_watch(s);
	return s;
}

/* One that a group lists. A pod's is watched already. */
static void want_listed(struct cluster *c, const char *addr)
{
	const struct observed_server *s = cluster_server(c, addr);

	if (s && s->wanted) {
		want_server(c, addr);
	} else if (c->strangers < CLUSTER_SERVERS_MAX + CLUSTER_PER_POD * c->podded) {
		c->strangers++;
		want_server(c, addr);
	} else {
		c->servers_over = true;
	}
}

static void free_server(struct observed_server *s)
{
	redis_probe_stop(s->probe);
	stranger_forget(s);
	free(s);
}

/* A password that was learnt, or that changed: what is under way goes on with the old one. */
static void use_password(struct cluster *c, const char *auth)
{
	if (strcmp(c->auth, auth) == 0)
		return;
	snprintf(c->auth, sizeof(c->auth), "%s", auth);
	for (int i = 0; i < c->server_count; i++) {
		struct observed_server *s = c->servers[i];

		if (!s->probe)
			continue;
		redis_probe_stop(s->probe);
		begin_probe(c, s);
	}
	say_info(c, "password", "known=%s", auth[0] ? "true" : "false");
}

/* --- stock -----------------------------------------------------------------------------------------------------------
 */

/* What the pods say of the coordinator and of the password: the dashboard's word counts most, then a proxy's, then a
 * server's; of several the first by name. */
struct stock {
	struct cluster *c;
	const struct kept_pod *coordinator, *password;
};

static int weight(enum codis_component component)
{
	return component == CODIS_DASHBOARD ? 3 : component == CODIS_PROXY ? 2 : component == CODIS_SERVER ? 1 : 0;
}

static bool counts_more(const struct kept_pod *p, const struct kept_pod *than)
{
	if (!than || weight(p->component) != weight(than->component))
		return !than || weight(p->component) > weight(than->component);
	return strcmp(p->name, than->name) < 0;
}

/* An envFrom that may hold a password, as any pod's may, counts less than a pod that says one. */
static bool says_password(const struct kept_pod *p, const struct kept_pod *than)
{
	if (p->password.said == SAID_NOTHING)
		return false;
	if (than && p->password.maybe != than->password.maybe)
		return !p->password.maybe;
	return counts_more(p, than);
}

static void settle_password(struct stock *st)
{
	static const struct kept_text nothing = { .said = SAID_NOTHING };
	const struct kept_text *said = st->password ? &st->password->password : &nothing;
	struct cluster *c = st->c;
	const char *auth = "";

	c->password_trouble[0] = '\0';
	if (said->said == SAID_KNOWN) {
		auth = said->text;
	} else if (said->said == SAID_ELSEWHERE && said->where == WHERE_SECRET && c->ctl->secrets) {
		auth = secrets_get(c->ctl->secrets, c->namespace, said->object,
				   said->key[0] ? said->key : "PRODUCT_AUTH", c->password_trouble,
				   sizeof(c->password_trouble));
	} else if (said->said == SAID_ELSEWHERE) {
		snprintf(c->password_trouble, sizeof(c->password_trouble),
			 "%s, which the controller cannot read: write it as --product_auth, or from a Secret",
			 said->why);
	} else {
		snprintf(c->password_trouble, sizeof(c->password_trouble),
			 "no pod says it: give the dashboard --product_auth");
	}
	use_password(c, auth ? auth : "");
}

/* Another pod has the address now: what was known of it is of somebody else. That it was heard as well: one that is
 * about to start is not one that has ended. */
static void forget_process(struct observed_server *s)
{
	redis_probe_stop(s->probe);
	s->probe = NULL;
	s->reach = REACH_UNKNOWN;
	s->since_ms = clock_mono_ms();
	s->heard_ms = 0;
	s->info_valid = false;
	memset(&s->info, 0, sizeof(s->info));
	memset(&s->succession, 0, sizeof(s->succession));
	s->complaint[0] = '\0';
	s->accepts = false;
	roster_watch(s);
}

static void stock_server(struct cluster *c, const struct inventory_pod *pod)
{
	const struct kept_pod *p = &pod->pod;
	struct observed_group *g = p->group ? cluster_group(c, p->group, true) : NULL;
	struct observed_server *s;

	if (g)
		g->wanted = true;
	s = pod->addr[0] && inventory_has_its_addr(c->ctl->inventory, pod) ? want_server(c, pod->addr) : NULL;
	if (!s)
		return;
	s->group = p->group;
	if (strcmp(s->uid, p->uid) == 0)
		return;
	if (s->uid[0])
		forget_process(s);
	s->role_run_id[0] = '\0';
	s->role_group = 0;
	s->rare_ms = s->link_up_at_ms = s->link_down_since_ms = s->link_down_s = s->acted_ms = 0;
	s->told = 0;
	s->told_last = false;
	snprintf(s->uid, sizeof(s->uid), "%s", p->uid);
	text_copy(s->pod_name, sizeof(s->pod_name), p->name);
	s->pod_group = p->group;
}

static void stock_dashboard(struct cluster *c, const struct inventory_pod *p)
{
	struct observed_dashboard *d = p->addr[0] ? cluster_dashboard(c, p->addr, true) : NULL;

	if (!d)
		return;
	d->wanted = true;
	if (strcmp(d->uid, p->pod.uid) == 0)
		return;
	if (strcmp(c->dashboard.left, p->addr) == 0)
		c->dashboard.left[0] = '\0';
	snprintf(d->uid, sizeof(d->uid), "%s", p->pod.uid);
	d->knock.stuck_ms = 0;
	d->reach = REACH_UNKNOWN;
	d->since_ms = clock_mono_ms();
	d->heard_ms = d->waits_ms = 0;
	c->dashboard_asked_ms = 0;
}

static void stock_proxy(struct cluster *c, const struct inventory_pod *p)
{
	struct observed_proxy *proxy = p->addr[0] ? cluster_proxy(c, p->addr, true) : NULL;

	if (!proxy)
		return;
	proxy->wanted = proxy->had_pod = true;
	if (!p->pod.status.deleting)
		proxy->deleting_ms = 0;
	else if (!proxy->deleting_ms)
		proxy->deleting_ms = clock_mono_ms();
}

static int stock_pod(void *ctx, const struct inventory_pod *pod)
{
	struct stock *st = ctx;
	struct cluster *c = st->c;
	const struct kept_pod *p = &pod->pod;

	c->has_pods = true;
	if (p->coordinator.said == SAID_KNOWN && counts_more(p, st->coordinator))
		st->coordinator = p;
	if (says_password(p, st->password))
		st->password = p;
	switch (p->component) {
	case CODIS_SERVER:
		c->has_servers = true;
		stock_server(c, pod);
		break;
	case CODIS_PROXY: stock_proxy(c, pod); break;
	case CODIS_DASHBOARD: stock_dashboard(c, pod); break;
	case CODIS_HA: c->watch_only |= p->keep_ha; break;
	default: break;
	}
	return 0;
}

static void unwant_all(struct cluster *c)
{
	for (int i = 0; i < c->server_count; i++) {
		c->servers[i]->wanted = false;
		c->servers[i]->group = 0;
	}
	for (int i = 0; i < c->proxy_count; i++)
		c->proxies[i]->wanted = false;
	for (int i = 0; i < c->group_count; i++)
		c->groups[i]->wanted = false;
	for (int i = 0; i < c->dashboard_count; i++)
		c->dashboards[i]->wanted = false;
	c->watch_only = c->has_pods = c->has_servers = false;
}

static void drop_servers(struct cluster *c)
{
	int n = 0;

	for (int i = 0; i < c->server_count; i++) {
		if (c->servers[i]->wanted)
			c->servers[n++] = c->servers[i];
		else
			free_server(c->servers[i]);
	}
	c->server_count = n;
}

static void drop_proxies(struct cluster *c)
{
	int n = 0;

	for (int i = 0; i < c->proxy_count; i++) {
		struct observed_proxy *p = c->proxies[i];

		if (p->wanted || p->registered_token[0] || observe_awaits_proxy(p))
			c->proxies[n++] = p;
		else
			free(p);
	}
	c->proxy_count = n;
}

/* Whose lock is left, is asked at once. */
static void leave_dashboard(struct cluster *c, struct observed_dashboard *d)
{
	if (!d->uid[0])
		return;
	d->uid[0] = '\0';
	memcpy(c->dashboard.left, d->addr, sizeof(c->dashboard.left));
	c->list_asked_ms = 0;
}

static void drop_dashboards(struct cluster *c)
{
	int n = 0;

	for (int i = 0; i < c->dashboard_count; i++) {
		struct observed_dashboard *d = c->dashboards[i];

		/* One without a pod is not seen in the picture any more; it is forgotten when its last answer is in. */
		if (!d->wanted)
			leave_dashboard(c, d);
		if (d->wanted || observe_awaits_dashboard(d))
			c->dashboards[n++] = d;
		else
			free(d);
	}
	c->dashboard_count = n;
	cluster_note_serving(c);
}

static void drop_groups(struct cluster *c)
{
	int n = 0;

	for (int i = 0; i < c->group_count; i++) {
		struct observed_group *g = c->groups[i];

		if (g->wanted || g->exists || g->running)
			c->groups[n++] = g;
		else
			free(g);
	}
	c->group_count = n;
}

/* An old list may have an address that a pod of another group has got, and that its list has, too. One that is master,
 * as this list says and its own does not, is of this group: what is heard of pods is older. */
static bool is_listed_at_home(struct cluster *c, const struct observed_server *s, int index)
{
	const struct observed_group *own = s->group ? cluster_group(c, s->group, false) : NULL;
	int at = own ? codis_group_find(&own->node, s->addr) : -1;

	return at == 0 || (at > 0 && (index > 0 || s->info.role != REDIS_ROLE_MASTER));
}

/* The same, where the other list was read before its own. */
static bool leads_by_another_list(const struct observed_server *s, int gid, int index)
{
	return index > 0 && s->info.role == REDIS_ROLE_MASTER && s->listed_group && s->listed_group != gid &&
	       s->listed_index == 0;
}

/* Who is listed where; what that tells of who had the role, and of who is master. */
static void list_members(struct cluster *c, struct observed_group *g)
{
	for (int k = 0; k < g->node.count; k++) {
		struct observed_server *s = cluster_server(c, g->node.servers[k].addr);

		if (!s ||
		    (s->group == g->node.id ? leads_by_another_list(s, g->node.id, k) : is_listed_at_home(c, s, k)))
			continue;
		s->listed_group = g->node.id;
		s->listed_index = k;
		note_run(c, s);
		/* It was heard as a master before it was declared: with what it has, it is the group's from now on. */
		if (k == 0 && s->info.role == REDIS_ROLE_MASTER)
			ledger_hear(c, s);
	}
	note_master(c, g);
}

void roster_take_stock(struct cluster *c)
{
	struct stock st = { .c = c };

	for (int i = 0; i < c->group_count; i++)
		claim_listed(c, &c->groups[i]->node);
	c->stock_due = false;
	unwant_all(c);
	inventory_each_of_product(c->ctl->inventory, c->namespace, c->product, stock_pod, &st);
	c->podded = c->strangers = 0;
	c->servers_over = false;
	for (int i = 0; i < c->server_count; i++)
		c->podded += c->servers[i]->wanted;
	for (int i = 0; i < c->group_count; i++) {
		for (int k = 0; k < c->groups[i]->node.count; k++)
			want_listed(c, c->groups[i]->node.servers[k].addr);
	}
	drop_servers(c);
	drop_proxies(c);
	drop_dashboards(c);
	drop_groups(c);
	for (int i = 0; i < c->server_count; i++)
		c->servers[i]->listed_group = 0;
	for (int i = 0; i < c->group_count; i++)
		list_members(c, c->groups[i]);
	if (st.coordinator && strcmp(c->zk_name, st.coordinator->coordinator.text) != 0) {
		text_copy(c->zk_name, sizeof(c->zk_name), st.coordinator->coordinator.text);
		c->zk_unresolved = false;
	}
	settle_password(&st);
}

void roster_relist(struct cluster *c, struct observed_group *g, const struct codis_group *before)
{
	for (int i = 0; i < before->count; i++) {
		struct observed_server *s = cluster_server(c, before->servers[i].addr);

		if (!s || s->listed_group != g->node.id)
			continue;
		s->listed_group = 0;
		/* Without a pod it is watched no longer. */
		if (codis_group_find(&g->node, s->addr) < 0)
			c->stock_due = true;
	}
	claim_listed(c, &g->node);
	for (int i = 0; i < g->node.count; i++)
		want_listed(c, g->node.servers[i].addr);
	list_members(c, g);
}

void roster_silence(struct cluster *c)
{
	for (int i = 0; i < c->server_count; i++) {
		redis_probe_stop(c->servers[i]->probe);
		c->servers[i]->probe = NULL;
		stranger_forget(c->servers[i]);
	}
}

void roster_release(struct cluster *c)
{
	for (int i = 0; i < c->server_count; i++)
		free_server(c->servers[i]);
	for (int i = 0; i < c->proxy_count; i++) {
		fill_forget(c->proxies[i]);
		free(c->proxies[i]);
	}
	for (int i = 0; i < c->group_count; i++)
		free(c->groups[i]);
	for (int i = 0; i < c->dashboard_count; i++)
		free(c->dashboards[i]);
	free(c->servers);
	free(c->proxies);
	free(c->groups);
	free(c->dashboards);
	c->servers = NULL;
	c->proxies = NULL;
	c->groups = NULL;
	c->dashboards = NULL;
	c->server_count = c->proxy_count = c->group_count = c->dashboard_count = 0;
}
