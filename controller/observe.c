/* observe.c - asks Codis: the coordinator's nodes, the dashboard's overview, every proxy's slots. */
#include "controller/observe.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/codis/coordinator.h"
#include "common/codis/rest.h"
#include "common/net/addr.h"
#include "controller/cluster.h"

#define FOLDER_MS            1000 /* between two looks at the coordinator's folders and nodes */
#define OVERVIEW_MS          1000 /* between two questions to a proxy or the dashboard */
#define PROXY_TIMEOUT_MS     1000
#define DASHBOARD_TIMEOUT_MS 3000
#define RESOLVE_MS           10000
#define RESOLVE_AGAIN_MS     1000 /* while no member is connected */

/* --- ZooKeeper's addresses -----------------------------------------------------------------------------------------
 */

struct resolving {
	struct cluster *c;
	uv_getaddrinfo_t query;
	char names[256]; /* what is left to resolve */
	char port[8];
	char host[300];
	bool qualified; /* the host was asked for with the cluster's namespace behind */
	char found[512];
};

static void resolve_next(struct resolving *r);

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Sorted, so that the same members in another order are the same. */
static void sort_members(char *list, size_t size)
{
	char members[COORDINATOR_MEMBERS][64] = { 0 };
	BUF_CLEANUP struct buf out = BUF_INIT(1024);
	int n = 0;
	char *save = NULL;

	for (char *m = strtok_r(list, ",", &save); m && n < COORDINATOR_MEMBERS; m = strtok_r(NULL, ",", &save))
		snprintf(members[n++], sizeof(members[0]), "%s", m);
	qsort(members, (size_t)n, sizeof(members[0]), by_text);
	for (int i = 0; i < n; i++)
		buf_addf(&out, "%s%s", i ? "," : "", members[i]);
	snprintf(list, size, "%s", out.data);
}

static void open_coordinator(struct cluster *c, const char *servers)
{
	struct coordinator_config cfg = { .servers = servers, .session_ms = 4000, .call_ms = 500 };
	struct error err = ERROR_INIT;
	struct coordinator *zk = coordinator_open(c->ctl->uv, &cfg, &err), *old;

	if (!zk) {
		log_error(c->ctl->log, "coordinator.failed", "product=%s error=%s", c->product, LOGQ(err.text));
		return;
	}
	old = c->zk;
	c->zk = zk;
	coordinator_close(old); /* what is under way there ends with an error */
	snprintf(c->zk_resolved, sizeof(c->zk_resolved), "%s", servers);
	log_info(c->ctl->log, "coordinator.opened", "product=%s servers=%s", c->product, servers);
}

static void resolved(struct resolving *r)
{
	struct cluster *c = r->c;

	c->zk_resolving = false;
	if (r->found[0]) {
		sort_members(r->found, sizeof(r->found));
		if (strcmp(r->found, c->zk_resolved) != 0 && !c->running)
			open_coordinator(c, r->found);
	}
	free(r);
}

static void on_resolved(uv_getaddrinfo_t *query, int status, struct addrinfo *res)
{
	struct resolving *r = query->data;
	size_t used = strlen(r->found);

	for (struct addrinfo *a = status == 0 ? res : NULL; a; a = a->ai_next) {
		char ip[INET6_ADDRSTRLEN];

		if (a->ai_family != AF_INET)
			continue;
		inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)a->ai_addr)->sin_addr, ip, sizeof(ip));
		used += (size_t)snprintf(r->found + used, sizeof(r->found) - used, "%s%s:%s", used ? "," : "", ip,
					 r->port);
		if (used >= sizeof(r->found) - 1)
			break;
	}
	uv_freeaddrinfo(res);
	if (status != 0 && r->qualified) {
		static const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };

		/* Not of this namespace: as it stands, then. */
		r->qualified = false;
		if (uv_getaddrinfo(r->c->ctl->uv, &r->query, on_resolved, r->host, r->port, &hints) == 0)
			return;
	}
	resolve_next(r);
}

static void resolve_next(struct resolving *r)
{
	static const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	char name[600], member[300];
	uint16_t port = 2181;
	size_t len;

	len = strcspn(r->names, ",/"); /* "/chroot" behind the list is not supported by Codis either */
	if (!len) {
		resolved(r);
		return;
	}
	snprintf(member, sizeof(member), "%.*s", (int)len, r->names);
	memmove(r->names, r->names + len + (r->names[len] == ','), strlen(r->names + len + (r->names[len] == ',')) + 1);
	if (addr_split(member, r->host, sizeof(r->host), &port, NULL) < 0)
		snprintf(r->host, sizeof(r->host), "%s", member);
	snprintf(r->port, sizeof(r->port), "%u", port);
	/* Names in a pod's command are of its own namespace; ours is another one. */
	r->qualified = strspn(r->host, "0123456789.") != strlen(r->host) && !strstr(r->host, ".svc");
	snprintf(name, sizeof(name), r->qualified ? "%s.%s.svc" : "%s", r->host, r->c->namespace);
	if (uv_getaddrinfo(r->c->ctl->uv, &r->query, on_resolved, name, r->port, &hints) != 0)
		resolved(r);
}

static void resolve(struct cluster *c, int64_t now)
{
	bool ready = c->zk && coordinator_ready(c->zk);
	struct resolving *r;

	if (!c->zk_name[0] || c->zk_resolving ||
	    (c->zk_resolved_ms && now - c->zk_resolved_ms < (ready ? RESOLVE_MS : RESOLVE_AGAIN_MS)))
		return;
	c->zk_resolved_ms = now;
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->c = c;
	r->query.data = r;
	snprintf(r->names, sizeof(r->names), "%s", c->zk_name);
	c->zk_resolving = true;
	resolve_next(r);
}

/* --- the coordinator's nodes ----------------------------------------------------------------------------------------
 */

struct node_read {
	struct cluster *c;
	int gid;
	char token[CODIS_TOKEN_MAX];
	int64_t began_ms;
};

static struct node_read *new_read(struct cluster *c)
{
	struct node_read *r = calloc(1, sizeof(*r));

	if (r) {
		r->c = c;
		r->began_ms = clock_mono_ms();
	}
	return r;
}

static void on_group(void *ctx, const char *data, size_t len, int version, const struct error *err)
{
	struct node_read *r = ctx;
	struct cluster *c = r->c;
	struct observed_group *g = cluster_group(c, r->gid, true);
	struct codis_group node;
	struct error bad = ERROR_INIT;
	cJSON *json JSON_CLEANUP = err ? NULL : json_parse(data, len, &bad);

	if (g && err && err->code == ERR_NOTFOUND) {
		memset(&g->node, 0, sizeof(g->node));
		g->node.id = r->gid;
		g->exists = false;
		g->read_ms = r->began_ms;
	} else if (g && json && codis_group_parse(json, &node, &bad) == 0 && r->began_ms >= g->read_ms) {
		g->node = node;
		g->exists = true;
		g->version = version;
		g->read_ms = r->began_ms;
	}
	if (bad.code != ERR_NONE)
		log_warn(c->ctl->log, "group.unreadable", "product=%s group=%d error=%s", c->product, r->gid,
			 LOGQ(bad.text));
	free(r);
	cluster_look(c);
}

void observe_group(struct cluster *c, int gid)
{
	struct node_read *r = c->zk ? new_read(c) : NULL;
	char path[200];

	if (!r)
		return;
	r->gid = gid;
	cluster_path(c, path, sizeof(path), "group/group-%04d", gid);
	if (coordinator_get(c->zk, path, on_group, r, NULL) < 0)
		free(r);
}

static void on_group_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct cluster *c = ctx;
	int gid;

	c->listing--;
	if (err && err->code != ERR_NOTFOUND)
		return;
	c->groups_listed = true;
	for (int i = 0; i < count; i++) {
		if (sscanf(names[i], "group-%4d", &gid) == 1 && gid > 0 && cluster_group(c, gid, true))
			cluster_group(c, gid, true)->exists = true;
	}
	for (int i = 0; i < c->group_count; i++) {
		/* A group that is not listed has no node; one that is listed is known once its node was read. */
		if (!c->groups[i]->exists && !c->groups[i]->read_ms)
			c->groups[i]->read_ms = clock_mono_ms();
	}
	for (int i = 0; i < c->group_count; i++)
		observe_group(c, c->groups[i]->node.id);
}

static void on_proxy_node(void *ctx, const char *data, size_t len, int version, const struct error *err)
{
	struct node_read *r = ctx;
	struct cluster *c = r->c;
	cJSON *json JSON_CLEANUP = err ? NULL : json_parse(data, len, NULL);
	const char *addr = json_str(json, "admin_addr", NULL);
	struct observed_proxy *p = addr && strlen(addr) < CODIS_ADDR_MAX ? cluster_proxy(c, addr, true) : NULL;

	if (p) {
		memcpy(p->registered_token, r->token, sizeof(p->registered_token));
		p->registered_version = version;
	}
	free(r);
}

static void forget_unlisted(struct cluster *c, int count, const char *const *names)
{
	for (int i = 0; i < c->proxy_count; i++) {
		struct observed_proxy *p = c->proxies[i];
		bool listed = false;

		for (int k = 0; k < count && p->registered_token[0]; k++)
			listed |= strncmp(names[k], "proxy-", 6) == 0 && strcmp(names[k] + 6, p->registered_token) == 0;
		if (!listed)
			p->registered_token[0] = '\0';
	}
}

static void on_proxy_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct cluster *c = ctx;
	char path[200];

	c->listing--;
	if (err && err->code != ERR_NOTFOUND)
		return;
	forget_unlisted(c, count, names);
	for (int i = 0; i < count; i++) {
		struct node_read *r;

		if (strncmp(names[i], "proxy-", 6) != 0 || strlen(names[i] + 6) >= CODIS_TOKEN_MAX ||
		    !(r = new_read(c)))
			continue;
		snprintf(r->token, sizeof(r->token), "%s", names[i] + 6);
		cluster_path(c, path, sizeof(path), "proxy/%s", names[i]);
		if (coordinator_get(c->zk, path, on_proxy_node, r, NULL) < 0)
			free(r);
	}
}

/* "2026-11-23 15:48:45.123456789 +0000 UTC m=+0.1": Go's way to print a time. 0 when it is not. */
int64_t observe_start_time(const char *s)
{
	char rfc[64];
	int64_t ms = 0;

	if (!s || strlen(s) < 19)
		return 0;
	snprintf(rfc, sizeof(rfc), "%.10sT%.8s", s, s + 11);
	if (strlen(s) >= 30 && strstr(s, " +0000"))
		snprintf(rfc + 19, sizeof(rfc) - 19, "Z");
	else
		return 0;
	return clock_parse_rfc3339(rfc, &ms, NULL) == 0 ? ms : 0;
}

static void on_lock(void *ctx, const char *data, size_t len, int version, const struct error *err)
{
	struct cluster *c = ctx;
	struct dashboard_view *b = &c->dashboard;
	cJSON *json JSON_CLEANUP = err ? NULL : json_parse(data, len, NULL);
	const char *addr = json_str(json, "admin_addr", NULL);

	(void)version;
	c->listing--;
	b->lock_exists = err ? (err->code == ERR_NOTFOUND ? 0 : -1) : 1;
	snprintf(b->lock_addr, sizeof(b->lock_addr), "%s", addr ? addr : "");
	b->lock_start_wall_ms = observe_start_time(json_str(json, "start_time", NULL));
	cluster_look(c);
}

static void read_folders(struct cluster *c, int64_t now)
{
	char path[200];

	if (!c->zk || !coordinator_ready(c->zk) || c->listing || now - c->listed_ms < FOLDER_MS)
		return;
	c->listed_ms = now;
	cluster_path(c, path, sizeof(path), "group");
	if (coordinator_list(c->zk, path, on_group_names, c, NULL) == 0)
		c->listing++;
	cluster_path(c, path, sizeof(path), "proxy");
	if (coordinator_list(c->zk, path, on_proxy_names, c, NULL) == 0)
		c->listing++;
	cluster_path(c, path, sizeof(path), "topom");
	if (c->dashboard.reach != REACH_OK && coordinator_get(c->zk, path, on_lock, c, NULL) == 0)
		c->listing++;
}

/* --- reach of an HTTP interface --------------------------------------------------------------------------------------
 */

static enum reach reach_of(const struct error *err)
{
	if (!err || err->code == ERR_STATUS)
		return REACH_OK; /* a refusal by Codis is an answer */
	return err->code == ERR_REFUSED ? REACH_REFUSED : REACH_SILENT;
}

/* --- proxies
 * ----------------------------------------------------------------------------------------------------------- */

static bool read_slots(struct observed_proxy *p, const cJSON *slots)
{
	const cJSON *item;
	int n = 0;

	cJSON_ArrayForEach(item, slots) {
		struct codis_slot s;

		if (codis_slot_parse(item, &s, NULL) < 0)
			return false;
		p->slots[s.id] = s;
		n++;
	}
	return n == CODIS_SLOTS;
}

static void on_proxy(void *ctx, const cJSON *answer, const struct error *err)
{
	struct observed_proxy *p = ctx;
	struct cluster *c = p->c;
	enum reach reach = reach_of(err);
	const char *token = json_str(answer, "model", "token", NULL);

	p->asking = false;
	if (p->reach != reach) {
		p->since_ms = reach == REACH_SILENT ? p->asked_ms : clock_mono_ms();
		p->reach = reach;
		log_info(c->ctl->log, "proxy.reach", "proxy=%s reach=%s", p->admin_addr,
			 reach == REACH_OK        ? "ok"
			 : reach == REACH_REFUSED ? "refused"
						  : "silent");
	}
	/* An answer that was asked for before we last acted tells what was true before. */
	if (answer && p->asked_ms >= p->acted_ms) {
		p->heard_ms = clock_mono_ms();
		p->slots_ms = p->asked_ms;
		snprintf(p->token, sizeof(p->token), "%s", token ? token : "");
		p->online = json_bool(false, answer, "stats", "online", NULL);
		p->has_slots = read_slots(p, json_get(answer, "slots", NULL));
	}
	cluster_look(c);
}

void observe_proxy(struct cluster *c, struct observed_proxy *p)
{
	if (p->asking)
		return;
	p->asked_ms = clock_mono_ms();
	p->asking = proxy_overview(c->http, p->admin_addr, PROXY_TIMEOUT_MS, on_proxy, p, NULL) == 0;
}

/* --- dashboard
 * ----------------------------------------------------------------------------------------------------------- */

static void read_assignment(struct dashboard_view *b, const cJSON *slots)
{
	const cJSON *item;
	int n = 0;

	cJSON_ArrayForEach(item, slots) {
		int64_t id = json_int(-1, item, "id", NULL), gid = json_int(0, item, "group_id", NULL);
		const char *state = json_str(item, "action", "state", NULL);

		if (id < 0 || id >= CODIS_SLOTS || gid < 0 || gid > 9999)
			return;
		b->slot_group[id] = (int16_t)gid;
		b->slot_acting[id] = state && state[0];
		n++;
	}
	b->slots_known = n == CODIS_SLOTS;
}

static void on_reload(void *ctx, const cJSON *answer, const struct error *err)
{
	struct cluster *c = ctx;

	(void)answer;
	if (err)
		c->reload_due = true;
}

void observe_reload(struct cluster *c)
{
	c->reload_due = true;
	if (!c->dashboard.addr[0] || c->dashboard.reach != REACH_OK)
		return; /* it reads the coordinator when it starts; or it is asked once it answers */
	c->reload_due = dashboard_reload(c->http, c->dashboard.addr, c->product, on_reload, c, NULL) < 0;
}

static void on_overview(void *ctx, const cJSON *answer, const struct error *err)
{
	struct cluster *c = ctx;
	struct dashboard_view *b = &c->dashboard;
	/* One that refuses its overview waits for its lock: it is there, and it does not serve. */
	enum reach reach = err && err->code == ERR_STATUS ? REACH_UNKNOWN : reach_of(err);

	c->dashboard_asking = false;
	if (b->reach != reach) {
		b->reach = reach;
		b->since_ms = reach == REACH_SILENT ? c->dashboard_asked_ms : clock_mono_ms();
		log_info(c->ctl->log, "dashboard.reach", "product=%s reach=%s", c->product,
			 reach == REACH_OK        ? "ok"
			 : reach == REACH_UNKNOWN ? "waiting"
			 : reach == REACH_REFUSED ? "refused"
						  : "silent");
	}
	if (answer)
		read_assignment(b, json_get(answer, "stats", "slots", NULL));
	if (reach == REACH_OK && c->reload_due)
		observe_reload(c);
	cluster_look(c);
}

static void ask_dashboard(struct cluster *c, int64_t now)
{
	if (!c->dashboard.addr[0] || c->dashboard_asking || now - c->dashboard_asked_ms < OVERVIEW_MS)
		return;
	c->dashboard_asked_ms = now;
	c->dashboard_asking =
		dashboard_overview(c->http, c->dashboard.addr, DASHBOARD_TIMEOUT_MS, on_overview, c, NULL) == 0;
}

void observe(struct cluster *c)
{
	int64_t now = clock_mono_ms();

	resolve(c, now);
	read_folders(c, now);
	ask_dashboard(c, now);
	for (int i = 0; i < c->proxy_count; i++) {
		if (now - c->proxies[i]->asked_ms >= OVERVIEW_MS)
			observe_proxy(c, c->proxies[i]);
	}
}
