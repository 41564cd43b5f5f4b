/* steer.c - makes the view of a cluster from what is held of it, and lets decide() steer. */
#include "controller/steer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/codis/coordinator.h"
#include "common/codis/probe.h"
#include "common/net/http.h"
#include "controller/act.h"
#include "controller/cluster.h"
#include "controller/observe.h"
#include "controller/status.h"

#define TICK_MS     100
#define MAX_ACTIONS 32
/* A cluster without pods for so long is forgotten. */
#define FORGET_MS 60000
/* A loop that did not turn for so long cannot tell a silent server from its own sleep. */
#define CLOCK_JUMP_MS 1000

static int group_of_server(const struct cluster *c, const char *addr)
{
	const struct server_view *s = view_server(&c->view, addr);

	return s ? s->group : 0;
}

/* What one server shows is a reason to ask the others of its group at once: they are the second view. */
static void on_probe(void *ctx, struct redis_probe *probe)
{
	struct observed_server *s = ctx;
	struct cluster *c = s->c;
	const struct redis_probe_state *state = redis_probe_state(probe);
	int gid = group_of_server(c, s->addr);

	if (!state->info_valid && gid) {
		for (int i = 0; i < c->server_count; i++) {
			if (c->servers[i] != s && group_of_server(c, c->servers[i]->addr) == gid)
				redis_probe_now(c->servers[i]->probe);
		}
	}
	cluster_look(c);
}

static void want_server(struct cluster *c, const char *addr, const char *uid)
{
	struct observed_server *s = cluster_server(c, addr);
	struct redis_probe_config cfg = { .addr = addr,
					  .auth = c->auth,
					  .period_ms = c->ctl->probe_ms,
					  .timeout_ms = c->ctl->probe_timeout_ms,
					  .on_change = on_probe };
	struct error err = ERROR_INIT;

	if (s && uid[0] && strcmp(s->uid, uid) != 0) {
		/* Another pod has the address now: what was known of it is of somebody else. */
		s->role_run_id[0] = '\0';
		snprintf(s->uid, sizeof(s->uid), "%s", uid);
	}
	if (s) {
		s->wanted = true;
		return;
	}
	if (c->server_count == CLUSTER_SERVERS || !(s = calloc(1, sizeof(*s))))
		return;
	snprintf(s->addr, sizeof(s->addr), "%s", addr);
	snprintf(s->uid, sizeof(s->uid), "%s", uid);
	s->c = c;
	s->wanted = true;
	cfg.ctx = s;
	s->probe = redis_probe_start(c->ctl->uv, &cfg, &err);
	if (!s->probe) {
		log_warn(c->ctl->log, "server.unwatched", "server=%s error=%s", addr, LOGQ(err.text));
		free(s);
		return;
	}
	c->servers[c->server_count++] = s;
}

static bool is_ours(const struct cluster *c, const struct kube_pod *p)
{
	return strcmp(p->namespace, c->namespace) == 0 && strcmp(p->id.product, c->product) == 0 && !p->finished;
}

static void addr_of(const struct kube_pod *p, int port, char out[CODIS_ADDR_MAX])
{
	snprintf(out, CODIS_ADDR_MAX, strchr(p->ip, ':') ? "[%s]:%d" : "%s:%d", p->ip, port);
}

/* Ports as the stock programs have them; a server that listens elsewhere is not supported yet. */
#define SERVER_PORT      6379
#define PROXY_ADMIN_PORT 11080
#define DASHBOARD_PORT   18080

static void note_dashboard(struct cluster *c, const struct kube_pod *p)
{
	char addr[CODIS_ADDR_MAX] = "";

	if (p->ip[0])
		addr_of(p, DASHBOARD_PORT, addr);
	if (strcmp(addr, c->dashboard.addr) != 0) {
		memcpy(c->dashboard.addr, addr, sizeof(addr));
		c->dashboard.reach = REACH_UNKNOWN;
		c->dashboard.since_ms = clock_mono_ms();
	}
	c->dashboard.pod = p->view;
}

static void note_pod(struct cluster *c, const struct kube_pod *p)
{
	char addr[CODIS_ADDR_MAX];
	struct observed_proxy *proxy;
	struct observed_group *g;

	c->pods_seen = true;
	if (p->coordinator[0] && strcmp(p->coordinator, c->zk_name) != 0)
		snprintf(c->zk_name, sizeof(c->zk_name), "%s", p->coordinator);
	if (p->auth[0])
		snprintf(c->auth, sizeof(c->auth), "%s", p->auth);
	switch (p->id.component) {
	case CODIS_SERVER:
		g = cluster_group(c, p->id.group, true);
		if (g)
			g->wanted = true;
		addr_of(p, SERVER_PORT, addr);
		if (p->ip[0])
			want_server(c, addr, p->view.uid);
		break;
	case CODIS_PROXY:
		addr_of(p, PROXY_ADMIN_PORT, addr);
		proxy = p->ip[0] ? cluster_proxy(c, addr, true) : NULL;
		if (proxy)
			proxy->wanted = true;
		break;
	case CODIS_DASHBOARD: note_dashboard(c, p); break;
	case CODIS_HA: c->watch_only |= p->keep_ha; break;
	default: break;
	}
}

static void drop_unwanted(struct cluster *c)
{
	int n = 0;

	for (int i = 0; i < c->server_count; i++) {
		struct observed_server *s = c->servers[i];

		if (s->wanted) {
			c->servers[n++] = s;
		} else {
			redis_probe_stop(s->probe);
			free(s);
		}
	}
	c->server_count = n;
	n = 0;
	for (int i = 0; i < c->proxy_count; i++) {
		struct observed_proxy *p = c->proxies[i];

		if (p->wanted || p->registered_token[0] || p->asking || p->running)
			c->proxies[n++] = p;
		else
			free(p);
	}
	c->proxy_count = n;
	n = 0;
	for (int i = 0; i < c->group_count; i++) {
		struct observed_group *g = c->groups[i];

		if (g->wanted || g->exists || g->running)
			c->groups[n++] = g;
		else
			free(g);
	}
	c->group_count = n;
}

/* Watches what the pods and the coordinator name, and no longer what neither does. */
static void take_stock(struct cluster *c)
{
	for (int i = 0; i < c->server_count; i++)
		c->servers[i]->wanted = false;
	for (int i = 0; i < c->proxy_count; i++)
		c->proxies[i]->wanted = false;
	for (int i = 0; i < c->group_count; i++)
		c->groups[i]->wanted = false;
	c->dashboard.pod.name[0] = '\0';
	c->watch_only = false;
	for (const struct kube_pod *p = kubeview_pods(c->ctl->kubeview); p; p = p->next) {
		if (is_ours(c, p))
			note_pod(c, p);
	}
	for (int i = 0; i < c->group_count; i++) {
		for (int k = 0; k < c->groups[i]->node.count; k++)
			want_server(c, c->groups[i]->node.servers[k].addr, "");
	}
	drop_unwanted(c);
}

/* --- the view -------------------------------------------------------------------------------------------------------
 */

static void list_membership(struct cluster *c, struct server_view *s)
{
	s->listed_group = 0;
	s->listed_index = -1;
	for (int i = 0; i < c->group_count; i++) {
		int at = codis_group_find(&c->groups[i]->node, s->addr);

		if (at >= 0) {
			s->listed_group = c->groups[i]->node.id;
			s->listed_index = at;
		}
	}
}

/* Remembers the process that has a role or a link, and tells when another one answers in its place, without having been
 * given the role by a fenced write: a master that restarted, empty, without the guard. */
static bool note_run(struct cluster *c, struct observed_server *o, const struct server_view *s)
{
	const struct observed_group *g = s->listed_group ? cluster_group(c, s->listed_group, false) : NULL;
	bool leads = s->listed_index == 0 && s->info.role == REDIS_ROLE_MASTER;
	bool synced = s->info.role == REDIS_ROLE_REPLICA && s->info.link_up;

	if (!s->info_valid || s->info.loading)
		return false;
	/* Seen with the guard: any role it has later was given to it on purpose. */
	if (redis_info_guarded(&s->info))
		o->role_run_id[0] = '\0';
	/* While another controller leads, a new version of the group says that it gave the role. */
	if (synced ||
	    (leads && (!o->role_run_id[0] || (c->ctl->mode == VIEW_WATCH && g && g->version > o->role_version)))) {
		memcpy(o->role_run_id, s->info.run_id, sizeof(o->role_run_id));
		o->role_version = g ? g->version : 0;
	}
	return o->role_run_id[0] && strcmp(o->role_run_id, s->info.run_id) != 0;
}

static void view_one_server(struct cluster *c, struct observed_server *o, struct server_view *s)
{
	const struct redis_probe_state *state = redis_probe_state(o->probe);

	memset(s, 0, sizeof(*s));
	memcpy(s->addr, o->addr, sizeof(s->addr));
	s->ordinal = -1;
	for (const struct kube_pod *p = kubeview_pods(c->ctl->kubeview); p; p = p->next) {
		char addr[CODIS_ADDR_MAX];

		if (!is_ours(c, p) || p->id.component != CODIS_SERVER || !p->ip[0])
			continue;
		addr_of(p, SERVER_PORT, addr);
		if (strcmp(addr, s->addr) != 0)
			continue;
		s->pod = p->view;
		s->group = p->id.group;
		s->ordinal = p->id.ordinal;
	}
	list_membership(c, s);
	if (!s->pod.name[0])
		s->group = s->listed_group;
	s->reach = state->reach;
	s->since_ms = state->since_ms;
	s->info_valid = state->info_valid;
	s->heard_ms = state->heard_ms;
	s->info = state->info;
	s->restarted = note_run(c, o, s);
}

/* Newer than what was done last here? Until then the group is busy: nothing is decided from what was true before. */
static bool heard_since(const struct cluster *c, const struct observed_group *g)
{
	if (g->read_ms < g->acted_ms)
		return false;
	for (int i = 0; i < c->view.server_count; i++) {
		const struct server_view *s = &c->view_servers[i];
		const struct redis_probe_state *state;

		if (s->group != g->node.id && s->listed_group != g->node.id)
			continue;
		state = redis_probe_state(c->servers[i]->probe);
		if (state->reach == REACH_OK && state->heard_ms < g->acted_ms)
			return false;
	}
	return true;
}

static void view_one_group(struct cluster *c, struct observed_group *o, struct group_view *g)
{
	const struct server_view *m;

	memset(g, 0, sizeof(*g));
	g->node = o->node;
	g->exists = o->exists;
	g->version = o->version;
	g->read_ms = o->read_ms;
	g->acted_ms = o->acted_ms;
	m = view_master(&c->view, g);
	if (m && view_master_verified(m))
		o->masterless_ms = 0;
	else if (!o->masterless_ms)
		o->masterless_ms = c->view.now_ms;
	g->masterless_ms = o->masterless_ms;
	g->busy = o->running || !o->read_ms || c->view.now_ms < o->retry_ms || !heard_since(c, o);
	/* A dashboard at work holds its mutex, so it does not answer; one that answers, or is dead, is not at work. */
	g->promoting_idle = o->node.promoting_state[0] &&
			    (c->dashboard.reach == REACH_REFUSED || !c->dashboard.addr[0] ||
			     (c->dashboard.reach == REACH_OK && c->view.now_ms - c->dashboard.since_ms > 1000) ||
			     (c->dashboard.reach == REACH_SILENT && c->view.now_ms - c->dashboard.since_ms > 5000));
}

static void view_one_proxy(struct cluster *c, struct observed_proxy *o, struct proxy_view *p)
{
	memset(p, 0, sizeof(*p));
	memcpy(p->admin_addr, o->admin_addr, sizeof(p->admin_addr));
	memcpy(p->token, o->registered_token[0] ? o->registered_token : o->token, sizeof(p->token));
	/* An address that another process has now: the old entry is of one that is gone. */
	p->registered = o->registered_token[0] != '\0';
	p->registered_version = o->registered_version;
	p->busy = o->running || c->view.now_ms - o->acted_ms < 1000 ||
		  (o->acted_ms && o->heard_ms < o->acted_ms && o->reach == REACH_OK);
	p->reach = o->reach;
	if (p->registered && o->token[0] && o->reach == REACH_OK && strcmp(o->token, o->registered_token) != 0)
		p->reach = REACH_REFUSED;
	p->since_ms = o->since_ms;
	p->first_seen_ms = o->first_seen_ms;
	p->online = o->online;
	p->heard_ms = o->heard_ms;
	p->slots_ms = o->slots_ms;
	/* What was heard before slots were assigned tells nothing any more. */
	p->slots = o->has_slots && o->slots_ms >= c->dashboard_acted_ms ? o->slots : NULL;
	for (const struct kube_pod *k = kubeview_pods(c->ctl->kubeview); k; k = k->next) {
		char addr[CODIS_ADDR_MAX];

		if (!is_ours(c, k) || k->id.component != CODIS_PROXY || !k->ip[0])
			continue;
		addr_of(k, PROXY_ADMIN_PORT, addr);
		if (strcmp(addr, p->admin_addr) == 0)
			p->pod = k->view;
	}
}

static void view_replicas(struct cluster *c)
{
	c->view.replicas = -1;
	c->view.server_replica = CODIS_DEFAULT_SERVER_REPLICA;
	for (const struct kube_set *s = kubeview_sets(c->ctl->kubeview); s; s = s->next) {
		if (strcmp(s->namespace, c->namespace) == 0 && strcmp(s->product, c->product) == 0) {
			c->view.replicas = s->replicas;
			c->view.server_replica = s->server_replica;
		}
	}
}

static void make_view(struct cluster *c)
{
	struct cluster_view *v = &c->view;

	snprintf(v->namespace, sizeof(v->namespace), "%s", c->namespace);
	snprintf(v->product, sizeof(v->product), "%s", c->product);
	v->now_ms = clock_mono_ms();
	v->steady_since_ms = c->steady_since_ms;
	v->mode = c->watch_only ? VIEW_WATCH : c->ctl->mode;
	v->kube_fresh = c->ctl->mode == VIEW_LEAD && kubeview_synced(c->ctl->kubeview);
	v->coordinator_ready = c->zk && coordinator_ready(c->zk) && c->groups_listed;
	view_replicas(c);
	v->servers = c->view_servers;
	v->groups = c->view_groups;
	v->proxies = c->view_proxies;
	v->server_count = c->server_count;
	for (int i = 0; i < c->server_count; i++)
		view_one_server(c, c->servers[i], &c->view_servers[i]);
	v->group_count = c->group_count;
	for (int i = 0; i < c->group_count; i++)
		view_one_group(c, c->groups[i], &c->view_groups[i]);
	v->proxy_count = c->proxy_count;
	for (int i = 0; i < c->proxy_count; i++)
		view_one_proxy(c, c->proxies[i], &c->view_proxies[i]);
	v->dashboard = c->dashboard;
	v->dashboard.busy =
		c->dashboard_running || (c->dashboard_acted_ms && c->dashboard_asked_ms < c->dashboard_acted_ms);
}

static void tell_status(struct cluster *c)
{
	char line[sizeof(c->line)];
	bool ok;

	status_line(&c->view, &c->ctl->limits, line, sizeof(line), &ok);
	if (strcmp(line, c->line) == 0)
		return;
	memcpy(c->line, line, sizeof(line));
	log_info(c->ctl->log, "status", "namespace=%s ok=%s line=%s", c->namespace, ok ? "true" : "false", LOGQ(line));
}

static void evaluate(struct cluster *c)
{
	struct action actions[MAX_ACTIONS];
	int n;

	take_stock(c);
	make_view(c);
	n = decide(&c->view, &c->ctl->limits, actions, MAX_ACTIONS);
	for (int i = 0; i < n; i++)
		act(c, &actions[i]);
	tell_status(c);
}

/* --- time -----------------------------------------------------------------------------------------------------------
 */

static void on_soon(uv_timer_t *t)
{
	evaluate(t->data);
}

static void on_tick(uv_timer_t *t)
{
	struct cluster *c = t->data;
	int64_t now = clock_mono_ms();

	if (now - c->last_tick_ms > CLOCK_JUMP_MS) {
		log_warn(c->ctl->log, "clock.jump", "product=%s ms=%lld", c->product,
			 (long long)(now - c->last_tick_ms));
		c->steady_since_ms = now;
	}
	c->last_tick_ms = now;
	observe(c);
	evaluate(c);
}

struct cluster *steer_begin(struct controller *ctl, const char *namespace, const char *product)
{
	struct cluster *c = calloc(1, sizeof(*c));
	struct error err = ERROR_INIT;

	if (!c)
		return NULL;
	c->ctl = ctl;
	snprintf(c->namespace, sizeof(c->namespace), "%s", namespace);
	snprintf(c->product, sizeof(c->product), "%s", product);
	c->dashboard.lock_exists = -1;
	c->http = http_client_new(ctl->uv, NULL, &err);
	if (!c->http) {
		log_error(ctl->log, "cluster.failed", "product=%s error=%s", product, LOGQ(err.text));
		free(c);
		return NULL;
	}
	c->last_tick_ms = c->steady_since_ms = clock_mono_ms();
	uv_timer_init(ctl->uv, &c->tick);
	uv_timer_init(ctl->uv, &c->soon);
	c->tick.data = c->soon.data = c;
	c->look = on_soon;
	uv_timer_start(&c->tick, on_tick, 0, TICK_MS);
	log_info(ctl->log, "cluster.found", "namespace=%s product=%s", namespace, product);
	return c;
}

static void on_cluster_closed(uv_handle_t *h)
{
	struct cluster *c = h->data;

	if (--c->open_handles)
		return;
	for (int i = 0; i < c->group_count; i++)
		free(c->groups[i]);
	for (int i = 0; i < c->proxy_count; i++)
		free(c->proxies[i]);
	free(c);
}

static void close_cluster(struct cluster *c)
{
	struct coordinator *zk = c->zk;

	c->closing = true;
	c->zk = NULL;
	coordinator_close(zk);
	http_client_free(c->http);
	c->http = NULL;
	for (int i = 0; i < c->server_count; i++) {
		redis_probe_stop(c->servers[i]->probe);
		free(c->servers[i]);
	}
	c->server_count = 0;
	c->open_handles = 2;
	uv_close((uv_handle_t *)&c->tick, on_cluster_closed);
	uv_close((uv_handle_t *)&c->soon, on_cluster_closed);
}

bool steer_end_when_idle(struct cluster *c)
{
	int64_t now = clock_mono_ms();

	/* Pods were seen a moment ago, or never yet. */
	if (c->pods_seen || !c->empty_since_ms) {
		c->pods_seen = false;
		c->empty_since_ms = now;
	}
	if (now - c->empty_since_ms < FORGET_MS || c->running || c->zk_resolving)
		return false;
	log_info(c->ctl->log, "cluster.gone", "namespace=%s product=%s", c->namespace, c->product);
	close_cluster(c);
	return true;
}
