#include "controller/observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/codis/coordinator.h"
#include "common/codis/probe.h"
#include "common/codis/rest.h"
#include "common/net/addr.h"
#include "controller/action.h"
#include "controller/cluster.h"
#include "controller/roster.h"
#include "controller/say.h"

/* Between two questions to a proxy or a dashboard. While all is well they are asked half as often: whatever is not well
 * shows in a server's probe first, or is no matter of a second. */
#define ASK_MS        1000
#define ASK_CALM_MS   2000
#define ASK_COSTLY_MS 10000 /* one that takes more than its share (cost.h) */
/* A change in the coordinator is told by a watch; all is read in between lest one was missed. The lock, while no
 * dashboard serves, is read with it. */
#define FOLDERS_MS 10000
/* The part of a product's groups that is read again in one tick: all of them in half of FOLDERS_MS. The write of a
 * failover does not stand behind the reads of a thousand groups so. */
#define REREAD_PART      50
#define PROXY_TIMEOUT_MS 1000
/* A member of ZooKeeper that is cut from its leader is found out by the others within syncLimit ticks: 10 s as it
 * comes. */
#define RESTORED_MS          60000
#define DASHBOARD_TIMEOUT_MS 3000
/* Whoever has not answered for so long is asked whether it lives at all, as often, and given as long. */
#define KNOCK_MS 1000
/* Clients have come back from a failover by then. */
#define RELOAD_SOON_MS 50
/* Who does not lead claims a group again later: standby_ms. */
#define KEPT_MS 250

static bool is_due(const struct cluster *c, int64_t asked_ms, int64_t now_ms)
{
	if (c->cost.over)
		return now_ms - asked_ms >= ASK_COSTLY_MS;
	return c->ask_now || now_ms - asked_ms >= (c->open ? ASK_MS : ASK_CALM_MS);
}

/* --- the coordinator's nodes -----------------------------------------------------------------------------------------
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

static bool names_another(const struct codis_group *before, const struct codis_group *node)
{
	return before->count && node->count && strcmp(before->servers[0].addr, node->servers[0].addr) != 0;
}

/* The first two writes of a promotion name the master as it is. Where they name another one, a dashboard wrote what it
 * had in memory over a change of master that nobody had told it of. */
static void note_unread(struct observed_group *g, const struct codis_group *before)
{
	const struct codis_group *node = &g->node;

	if (!node->promoting_state[0] || strcmp(node->promoting_state, "finished") == 0)
		g->unread_master[0] = '\0';
	else if (!before->promoting_state[0] && names_another(before, node))
		memcpy(g->unread_master, before->servers[0].addr, sizeof(g->unread_master));
}

/* A promotion of the dashboard's that was not there, or stood elsewhere: is it at work on it? Its next answer tells. */
static void note_promoting(struct cluster *c, struct observed_group *g, const struct codis_group *before)
{
	if (!g->node.promoting_state[0])
		g->promoting_since_ms = 0;
	else if (!g->promoting_since_ms || strcmp(before->promoting_state, g->node.promoting_state) != 0)
		g->promoting_since_ms = clock_mono_ms();
	else
		return;
	if (g->promoting_since_ms)
		c->dashboard_asked_ms = 0;
}

static int parse_group(int gid, const char *data, size_t len, struct codis_group *node, struct error *err)
{
	JSON_CLEANUP cJSON *json = json_parse(data, len, MODEL_ITEMS, err);

	if (!json || codis_group_parse(json, node, err) < 0)
		return -1;
	if (node->id != gid)
		return error_set(err, ERR_PROTOCOL, "it says that it is group %d", node->id);
	return 0;
}

/* Whether that is news. What was known of it before stays, and nothing is decided from it. */
static bool note_unreadable(struct cluster *c, struct observed_group *g, const struct error *err)
{
	bool news = strncmp(g->unreadable, err->text, sizeof(g->unreadable) - 1) != 0;

	snprintf(g->unreadable, sizeof(g->unreadable), "%.119s", err->text);
	if (news)
		say_warn(c, "group.unreadable", "group=%d error=%s", g->node.id, LOGQ(err->text));
	return news;
}

/* That we had no memory for it is no word of the coordinator: all is read again soon. */
static bool could_not(struct cluster *c, const struct error *err)
{
	c->list_failed |= err->code == ERR_NOMEM;
	return err->code == ERR_NOMEM;
}

/* A lower version of the node that we know is of the past, whoever says so. When nothing else is said for long, the
 * ensemble was restored from a copy. */
static bool is_older(struct cluster *c, struct observed_group *g, const struct coordinator_stat *stat)
{
	int64_t now = clock_mono_ms();

	if (!g->exists || !g->read_ms || stat->czxid != g->czxid || stat->version >= g->version) {
		g->older_since_ms = 0;
		return false;
	}
	if (!g->older_since_ms)
		g->older_since_ms = now;
	if (now - g->older_since_ms >= RESTORED_MS)
		return false;
	c->list_failed = true; /* read again soon */
	return true;
}

/* Not before the answer that is awaited: when it was asked for tells what it is worth. */
static void ask_proxy_again(struct observed_proxy *p)
{
	p->ask_again = p->asking;
	if (!p->asking)
		p->asked_ms = 0;
}

/* What this controller writes itself is known before it is read (op_fence()). Where the proxies send the group's slots
 * now is to be asked anew. */
static void note_written(struct cluster *c, struct observed_group *g, int version, bool first)
{
	g->others_version = version;
	g->written_before_ms = g->written_ms;
	g->written_ms = first ? 0 : clock_mono_ms();
	for (int i = 0; i < c->proxy_count && !first; i++)
		ask_proxy_again(c->proxies[i]);
}

/* Another controller is about to replace the master: whether that one is heard here is to be known at once. Where we
 * have just overtaken one, this is another one that leads, or did, and does so, too. */
static void note_claim(struct cluster *c, struct observed_group *g, bool same)
{
	const struct observed_server *m = g->node.count ? cluster_server(c, g->node.servers[0].addr) : NULL;
	int64_t now_ms = clock_mono_ms();
	bool claimed = same && !(g->kept_ms && now_ms - g->kept_ms < KEPT_MS);

	g->claimed_ms = claimed ? now_ms : 0;
	if (claimed && m && m->probe)
		redis_probe_now(m->probe);
}

/* A dashboard that promotes writes a node four times: preparing, prepared, finished, and without a state. One write
 * that names another master is a controller's, which had its evidence. */
static void note_handed(struct observed_group *g, const struct codis_group *before, bool next)
{
	bool another = names_another(before, &g->node);

	if (!another && before->count && g->node.count)
		return;
	g->handed_to[0] = '\0';
	if (next && another && !before->promoting_state[0] && !g->node.promoting_state[0])
		memcpy(g->handed_to, g->node.servers[0].addr, sizeof(g->handed_to));
}

/* What others do counts for a controller's calm as what it does itself: what the leader holds up, one that only stands
 * by does not do in its place. Our own writes are known before they are read. */
static void note_master_changed(struct cluster *c, struct observed_group *g, const struct codis_group *before)
{
	const struct observed_server *old = before->count ? cluster_server(c, before->servers[0].addr) : NULL;

	if (!old || !names_another(before, &g->node))
		return;
	calm_note(&g->done, ACT_PROMOTE, g->node.id, false, clock_mono_ms());
	if (old->reach == REACH_SILENT)
		calm_count(&g->silences, clock_mono_ms());
}

bool observe_hear_group(struct cluster *c, int gid, int64_t began_ms, const char *data, size_t len,
			const struct coordinator_stat *stat, const struct error *err)
{
	struct observed_group *g = cluster_group(c, gid, true);
	struct codis_group before, node = { .id = gid };
	struct error bad = ERROR_INIT;
	bool gone = err && err->code == ERR_NOTFOUND, first, news, next;

	c->list_failed |= !g || (err && !gone);
	if (g)
		g->unread = err && !gone;
	if (!g || (err && !gone) || began_ms < g->read_ms)
		return false;
	if (!gone && is_older(c, g, stat))
		return false;
	if (!gone && parse_group(gid, data, len, &node, &bad) < 0)
		return could_not(c, &bad) ? false : note_unreadable(c, g, &bad);
	g->unreadable[0] = '\0';
	before = g->node;
	first = !g->read_ms;
	next = !first && !gone && g->exists && stat->version == g->version + 1 && stat->czxid == g->czxid;
	news = first || g->exists == gone || (!gone && stat->version != g->version) ||
	       memcmp(&before, &node, sizeof(node)) != 0;
	if (!gone && (first || stat->version != g->version || (g->czxid && stat->czxid != g->czxid))) {
		note_written(c, g, stat->version, first);
		note_claim(c, g, !first && memcmp(&before, &node, sizeof(node)) == 0);
	}
	g->node = node;
	g->exists = !gone;
	g->version = gone ? g->version : stat->version;
	g->czxid = gone ? g->czxid : stat->czxid;
	g->read_ms = began_ms;
	note_unread(g, &before);
	note_handed(g, &before, next);
	note_promoting(c, g, &before);
	if (!first)
		note_master_changed(c, g, &before);
	if (news)
		roster_relist(c, g, &before);
	/* A promotion of the dashboard's is judged by when it was read. */
	return news || g->node.promoting_state[0];
}

static void on_group(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		     const struct error *err)
{
	struct node_read *r = ctx;

	cluster_heard(r->c, observe_hear_group(r->c, r->gid, r->began_ms, data, len, stat, err));
	free(r);
}

void observe_group(struct cluster *c, int gid)
{
	struct node_read *r = c->zk ? new_read(c) : NULL;
	char path[200];

	if (r)
		r->gid = gid;
	cluster_path(c, path, sizeof(path), "group/group-%04d", gid);
	if (r && coordinator_get(c->zk, path, on_group, r, NULL) == 0)
		return;
	free(r);
	c->list_failed |= c->zk != NULL;
}

void observe_hear_group_list(struct cluster *c, int64_t began_ms, int count, const char *const *names)
{
	bool whole = true;
	int gid;

	c->groups_over = false;
	for (int i = 0; i < count; i++) {
		bool named = sscanf(names[i], "group-%4d", &gid) == 1 && gid > 0;
		struct observed_group *g = named ? cluster_group(c, gid, false) : NULL;

		if (named && !g && c->group_count >= CLUSTER_GROUPS_MAX + CLUSTER_PER_POD * c->podded) {
			c->groups_over = true;
			continue;
		}
		if (named && !g)
			g = cluster_group(c, gid, true);
		whole = whole && (g || !named);
		if (!g || g->exists)
			continue;
		g->exists = true;
		g->read_ms = 0; /* nothing is known of its node until it is read */
	}
	/* A list that lacks a group would tell that there is none. */
	c->list_failed |= !whole;
	if (!whole)
		return;
	c->listed_ms = began_ms;
	for (int i = 0; i < c->group_count; i++) {
		/* A group that is not listed has no node; one that is listed is known once its node was read. */
		if (!c->groups[i]->exists && !c->groups[i]->read_ms)
			c->groups[i]->read_ms = began_ms;
	}
}

/* Nothing can be decided of it before it is read. */
static bool is_awaited(const struct cluster *c, const struct observed_group *g)
{
	return g->unread || g->read_ms <= c->connected_since_ms || g->read_ms <= c->steady_since_ms ||
	       g->read_ms <= g->doubted_ms || g->read_ms <= g->acted_ms;
}

static void on_group_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct node_read *r = ctx;
	struct cluster *c = r->c;
	int64_t began_ms = r->began_ms;

	free(r);
	c->listing--;
	if (err && err->code != ERR_NOTFOUND) {
		c->list_failed = true;
		return;
	}
	observe_hear_group_list(c, began_ms, count, names);
	for (int i = 0; i < c->group_count; i++) {
		if (c->all_changed || is_awaited(c, c->groups[i]))
			observe_group(c, c->groups[i]->node.id);
	}
	c->reread_left = c->all_changed ? 0 : c->group_count;
	c->all_changed = false;
	cluster_heard(c, false);
}

static void reread_some(struct cluster *c)
{
	int n = c->group_count / REREAD_PART + 1;

	for (; n && c->reread_left > 0 && c->group_count; n--, c->reread_left--) {
		c->reread_at = (c->reread_at + 1) % c->group_count;
		observe_group(c, c->groups[c->reread_at]->node.id);
	}
}

/* Before that, a proxy that is not known to be registered may be. */
static void note_proxies_read(struct cluster *c)
{
	if (!c->proxies_unread && !c->list_failed)
		c->proxies_read_ms = clock_mono_ms();
}

/* The proxy at this address; NULL: not watched (too many have no pod), or there is no memory. */
static struct observed_proxy *proxy_of_node(struct cluster *c, const char *addr)
{
	struct observed_proxy *p = cluster_proxy(c, addr, false);
	int podded = 0;

	for (int i = 0; i < c->proxy_count; i++)
		podded += c->proxies[i]->wanted;
	if (!p && c->proxy_count - podded >= CLUSTER_PROXIES_MAX + CLUSTER_PER_POD * podded) {
		c->proxies_over = true;
		return NULL;
	}
	p = p ? p : cluster_proxy(c, addr, true);
	c->list_failed |= !p;
	return p;
}

bool observe_hear_proxy_node(struct cluster *c, const char *token, const char *data, size_t len,
			     const struct coordinator_stat *stat)
{
	struct error bad = ERROR_INIT;
	JSON_CLEANUP cJSON *json = json_parse(data, len, MODEL_ITEMS, &bad);
	const char *addr = json_str(json, "admin_addr", NULL);
	struct observed_proxy *p = addr && strlen(addr) < CODIS_ADDR_MAX ? proxy_of_node(c, addr) : NULL;
	bool first = p && (!p->registered_token[0] || strcmp(p->registered_token, token) == 0), news;

	if (!p) {
		could_not(c, &bad);
		return false;
	}
	news = strcmp(first ? p->registered_token : p->other_token, token) != 0 ||
	       (first ? p->registered_version : p->other_version) != stat->version ||
	       (first ? p->registered_czxid : p->other_czxid) != stat->czxid;
	if (strcmp(first ? p->registered_token : p->other_token, token) != 0) {
		p->registered_ms = clock_mono_ms();
		ask_proxy_again(p); /* a dashboard fills it now, with what it knows */
	}
	snprintf(first ? p->registered_token : p->other_token, CODIS_TOKEN_MAX, "%s", token);
	*(first ? &p->registered_version : &p->other_version) = stat->version;
	*(first ? &p->registered_czxid : &p->other_czxid) = stat->czxid;
	return news;
}

static void on_proxy_node(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
			  const struct error *err)
{
	struct node_read *r = ctx;
	struct cluster *c = r->c;
	bool news = !err && observe_hear_proxy_node(c, r->token, data, len, stat);

	free(r);
	c->proxies_unread--;
	c->list_failed |= err && err->code != ERR_NOTFOUND;
	note_proxies_read(c);
	cluster_heard(c, news);
}

static bool is_listed(const char *token, int count, const char *const *names)
{
	for (int i = 0; i < count; i++) {
		if (strncmp(names[i], "proxy-", 6) == 0 && strcmp(names[i] + 6, token) == 0)
			return true;
	}
	return false;
}

/* Whether one of its entries is no more. */
static bool forget_entries(struct observed_proxy *p, int count, const char *const *names)
{
	bool first = p->registered_token[0] && !is_listed(p->registered_token, count, names);
	bool other = p->other_token[0] && !is_listed(p->other_token, count, names);

	if (other)
		p->other_token[0] = '\0';
	if (first) {
		memcpy(p->registered_token, p->other_token, sizeof(p->registered_token));
		p->registered_version = p->other_version;
		p->registered_czxid = p->other_czxid;
		p->other_token[0] = '\0';
	}
	return first || other;
}

void observe_hear_proxy_list(struct cluster *c, int count, const char *const *names)
{
	for (int i = 0; i < c->proxy_count; i++) {
		if (!forget_entries(c->proxies[i], count, names))
			continue;
		c->stock_due = true; /* without a pod it is no more */
		cluster_look(c);
	}
}

static void on_proxy_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct cluster *c = ctx;
	char path[200];

	c->listing--;
	if (err && err->code != ERR_NOTFOUND) {
		c->list_failed = true;
		return;
	}
	c->no_proxy_folder = err != NULL;
	observe_hear_proxy_list(c, count, names);
	c->proxies_over = false;
	for (int i = 0; i < count; i++) {
		struct node_read *r;

		if (strncmp(names[i], "proxy-", 6) != 0 || strlen(names[i] + 6) >= CODIS_TOKEN_MAX)
			continue;
		r = new_read(c);
		if (r)
			snprintf(r->token, sizeof(r->token), "%s", names[i] + 6);
		cluster_path(c, path, sizeof(path), "proxy/%s", names[i]);
		if (r && coordinator_get(c->zk, path, on_proxy_node, r, NULL) == 0) {
			c->proxies_unread++;
		} else {
			free(r);
			c->list_failed = true; /* else the one that was not read would not be registered */
		}
	}
	note_proxies_read(c);
}

/* "2026-11-23 15:48:45.123456789 +0800 CST m=+0.1": Go's way to print a time. */
int64_t observe_start_time(const char *s)
{
	const char *zone = s && strlen(s) >= 19 ? strpbrk(s + 19, " ") : NULL;
	char rfc[64];
	int64_t ms = 0;

	if (!zone || (zone[1] != '+' && zone[1] != '-') || strspn(zone + 2, "0123456789") != 4)
		return 0;
	snprintf(rfc, sizeof(rfc), "%.10sT%.8s%.3s:%.2s", s, s + 11, zone + 1, zone + 4);
	return clock_parse_rfc3339(rfc, &ms, NULL) == 0 ? ms : 0;
}

/* The lock of the dashboard that ended is gone, or another process has taken it since. */
static void note_lock_gone(struct observed_topom *t, const struct observed_topom *before)
{
	bool another =
		t->lock_exists == 1 && before->lock_exists == 1 && t->lock_start_wall_ms != before->lock_start_wall_ms;

	if (t->lock_exists == 0 || another)
		t->left[0] = '\0';
}

bool observe_hear_lock(struct cluster *c, int64_t began_ms, const char *data, size_t len, const struct error *err)
{
	struct observed_topom *t = &c->dashboard;
	JSON_CLEANUP cJSON *json = err ? NULL : json_parse(data, len, MODEL_ITEMS, NULL);
	const char *addr = json_str(json, "admin_addr", NULL);
	struct observed_topom before = *t;
	bool news;

	t->lock_exists = !err ? 1 : err->code == ERR_NOTFOUND ? 0 : -1;
	snprintf(t->lock_addr, sizeof(t->lock_addr), "%s", addr ? addr : "");
	t->lock_start_wall_ms = observe_start_time(json_str(json, "start_time", NULL));
	t->lock_read_ms = began_ms;
	note_lock_gone(t, &before);
	news = t->lock_exists != before.lock_exists || strcmp(t->lock_addr, before.lock_addr) != 0 ||
	       t->lock_start_wall_ms != before.lock_start_wall_ms;
	if (news)
		t->lock_heard_ms = clock_mono_ms();
	return news;
}

static void on_lock(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		    const struct error *err)
{
	struct node_read *r = ctx;
	struct cluster *c = r->c;

	(void)stat; /* whose it is, its words say */
	c->listing--;
	cluster_heard(c, observe_hear_lock(c, r->began_ms, data, len, err));
	free(r);
}

static void list_groups(struct cluster *c)
{
	struct node_read *r = new_read(c);
	char path[200];

	cluster_path(c, path, sizeof(path), "group");
	if (r && coordinator_list(c->zk, path, on_group_names, r, NULL) == 0) {
		c->listing++;
	} else {
		free(r);
		c->list_failed = true;
	}
}

static void read_lock(struct cluster *c)
{
	struct node_read *r = new_read(c);
	char path[200];

	cluster_path(c, path, sizeof(path), "topom");
	if (r && coordinator_get(c->zk, path, on_lock, r, NULL) == 0) {
		c->listing++;
	} else {
		free(r);
		c->list_failed = true;
	}
}

static void read_folders(struct cluster *c, int64_t now_ms)
{
	bool awaited = c->open && (c->no_proxy_folder || !c->dashboard.addr[0]);
	bool soon = !c->cost.over && (c->list_failed || awaited);
	char path[200];

	if (!c->connected_since_ms || c->listing || now_ms - c->list_asked_ms < (soon ? ASK_MS : FOLDERS_MS))
		return;
	c->list_asked_ms = now_ms;
	c->list_failed = false;
	list_groups(c);
	cluster_path(c, path, sizeof(path), "proxy");
	if (coordinator_list(c->zk, path, on_proxy_names, c, NULL) == 0)
		c->listing++;
	else
		c->list_failed = true;
	if (!c->dashboard.addr[0])
		read_lock(c);
}

/* The watch on what was read tells: it is read again at once, a folder with all that is new in it. */
void observe_changed(struct cluster *c, const char *path)
{
	const char *group = path ? strstr(path, "/group/group-") : NULL;
	int gid;

	if (c->cost.over)
		return; /* all is read again soon enough */
	c->all_changed |= !path;
	if (group && sscanf(group, "/group/group-%4d", &gid) == 1 && cluster_group(c, gid, false))
		observe_group(c, gid);
	else
		c->list_asked_ms = 0;
}

/* --- reach of an HTTP interface --------------------------------------------------------------------------------------
 */

/* before: what it was. That we had no memory says nothing of the peer. */
static enum reach reach_of(const struct error *err, enum reach before)
{
	if (err && err->code == ERR_NOMEM)
		return before;
	if (!err || err->code == ERR_STATUS)
		return REACH_OK; /* a refusal by Codis is an answer */
	return err->code == ERR_REFUSED ? REACH_REFUSED : REACH_SILENT;
}

/* --- does the process do anything? --- */

void observe_hear_knock(struct observed_knock *k, const struct error *err)
{
	k->asking = false;
	if (!err || err->code == ERR_STATUS)
		k->lives_ms = k->asked_ms;
	if (!err || err->code != ERR_TIMEOUT || !err->connected)
		k->stuck_ms = 0;
	else if (!k->stuck_ms)
		k->stuck_ms = k->asked_ms;
}

static void on_knocked(void *ctx, const cJSON *answer, const struct error *err)
{
	(void)answer;
	observe_hear_knock(ctx, err);
}

static void knock(struct cluster *c, struct observed_knock *k, const char *addr, int64_t now_ms)
{
	if (k->asking || now_ms - k->asked_ms < KNOCK_MS)
		return;
	k->asked_ms = now_ms;
	k->asking = codis_knock(c->http, addr, KNOCK_MS, on_knocked, k, NULL) == 0;
}

/* Those that are silent, and those whose answer is late: a dashboard is given 3 s. */
static void knock_all(struct cluster *c, int64_t now_ms)
{
	for (int i = 0; i < c->proxy_count; i++) {
		struct observed_proxy *p = c->proxies[i];

		if (p->reach == REACH_SILENT && p->wanted)
			knock(c, &p->knock, p->admin_addr, now_ms);
	}
	for (int i = 0; i < c->dashboard_count; i++) {
		struct observed_dashboard *d = c->dashboards[i];

		if (d->uid[0] && (d->reach == REACH_SILENT || (d->asking && now_ms - d->asked_ms >= KNOCK_MS)))
			knock(c, &d->knock, d->addr, now_ms);
		c->stock_due |= !d->uid[0] && !observe_awaits_dashboard(d); /* forgotten now */
	}
}

/* --- proxies ---------------------------------------------------------------------------------------------------------
 */

static bool parse_slots(const cJSON *list, struct codis_slot *slots)
{
	const cJSON *item;
	int n = 0;

	cJSON_ArrayForEach(item, list) {
		struct codis_slot s = { 0 };

		if (codis_slot_parse(item, &s, NULL) < 0)
			return false;
		slots[s.id] = s;
		n++;
	}
	return n == CODIS_SLOTS;
}

bool observe_take_slot(struct observed_proxy *p, const struct codis_slot *slot)
{
	struct codis_slot *held = &p->slots[slot->id];
	bool news = !codis_slot_same(slot, held);

	if (news &&
	    (slot->group != held->group || slot->migrate_from != held->migrate_from || slot->locked != held->locked))
		p->slot_since_ms[slot->id] = clock_mono_ms();
	*held = *slot;
	return news;
}

/* Takes the slots of an answer over; whether they are others than before. */
static bool take_slots(struct observed_proxy *p, const cJSON *list)
{
	struct codis_slot slots[CODIS_SLOTS] = { 0 };
	bool news = !p->has_slots;

	/* Left out: they are the same as before. */
	if (p->has_slots && list && !list->child)
		return false;
	p->taken_ms = p->asked_ms;
	p->has_slots = parse_slots(list, slots);
	if (!p->has_slots)
		return !news;
	for (int i = 0; i < CODIS_SLOTS; i++)
		news |= observe_take_slot(p, &slots[i]);
	/* Was it assigned so? Asked now, the dashboard knows what had been done by then. */
	if (news)
		p->c->dashboard_asked_ms = 0;
	return news;
}

static bool set_proxy_reach(struct observed_proxy *p, enum reach reach)
{
	if (p->reach == reach)
		return false;
	p->since_ms = reach == REACH_SILENT ? p->asked_ms : clock_mono_ms();
	p->reach = reach;
	say_info(p->c, "proxy.reach", "proxy=%s reach=%s", LOGQ(p->admin_addr),
		 reach == REACH_OK        ? "ok"
		 : reach == REACH_REFUSED ? "refused"
					  : "silent");
	return true;
}

bool observe_hear_proxy(struct observed_proxy *p, const cJSON *answer, const struct error *err)
{
	const char *token = json_str(answer, "model", "token", NULL);
	bool online, news = set_proxy_reach(p, reach_of(err, p->reach));

	p->asking = false;
	if (p->reach != REACH_SILENT)
		p->knock.stuck_ms = 0;
	/* An answer that was asked for before we last acted tells what was true before. */
	if (!answer || p->asked_ms < p->acted_ms)
		return news;
	news |= p->heard_ms < p->acted_ms;
	p->heard_ms = clock_mono_ms();
	p->slots_ms = p->asked_ms;
	news |= strcmp(p->token, token ? token : "") != 0;
	snprintf(p->token, sizeof(p->token), "%s", token ? token : "");
	online = json_bool(false, answer, "stats", "online", NULL);
	news |= p->online != online;
	p->online = online;
	return take_slots(p, json_get(answer, "slots", NULL)) || news;
}

static void on_proxy(void *ctx, const cJSON *answer, const struct error *err)
{
	struct observed_proxy *p = ctx;
	void (*then)(struct observed_proxy *) = p->on_heard;

	p->on_heard = NULL;
	cluster_heard(p->c, observe_hear_proxy(p, answer, err));
	if (p->ask_again)
		ask_proxy_again(p);
	if (then)
		then(p);
}

void observe_proxy(struct cluster *c, struct observed_proxy *p)
{
	if (p->asking)
		return;
	p->asked_ms = clock_mono_ms();
	/* What is held of its slots may be what was to be filled: all of them are wanted. */
	if (p->acted_ms >= p->taken_ms)
		p->slots_text = (struct overview_slots){ 0 };
	p->asking = proxy_overview(c->http, p->admin_addr, PROXY_TIMEOUT_MS, &p->slots_text, on_proxy, p, NULL) == 0;
}

void observe_slots(struct cluster *c)
{
	for (int i = 0; i < c->proxy_count; i++) {
		if (c->proxies[i]->reach == REACH_OK)
			observe_proxy(c, c->proxies[i]);
	}
}

bool observe_awaits_slots(const struct cluster *c)
{
	bool asks = false;

	for (int i = 0; i < c->proxy_count; i++)
		asks |= c->proxies[i]->reach == REACH_OK && c->proxies[i]->asking;
	return asks;
}

/* --- dashboards ------------------------------------------------------------------------------------------------------
 */

/* Takes the assignment over; whether it is another one than before. What cannot be read is not known. */
static bool read_assignment(struct observed_topom *t, const cJSON *slots, const struct observed_dashboard *d)
{
	const cJSON *item;
	bool known = t->slots_known, news = !known;
	int n = 0;

	/* Left out: it is the same as before. */
	if (slots && !slots->child) {
		if (known && strcmp(t->slots_from, d->addr) == 0)
			t->slots_ms = d->asked_ms;
		else
			t->slots_from[0] = '\0'; /* but not as what is held: all of it is asked for */
		return false;
	}
	t->slots_ms = d->asked_ms;
	t->slots_known = false;
	memcpy(t->slots_from, d->addr, sizeof(t->slots_from));
	cJSON_ArrayForEach(item, slots) {
		int64_t id = json_int(-1, item, "id", NULL), gid = json_int(0, item, "group_id", NULL);
		const char *state = json_str(item, "action", "state", NULL);
		/* One that only waits for its turn is as any other, perhaps for hours. */
		bool acting = state && state[0] && strcmp(state, "pending") != 0;
		int64_t target = state && state[0] ? json_int(0, item, "action", "target_id", NULL) : 0;

		if (id < 0 || id >= CODIS_SLOTS || gid < 0 || gid > 9999)
			return known;
		if (t->slot_group[id] != gid || t->slot_acting[id] != acting) {
			t->slot_since_ms[id] = d->heard_ms;
			news = true;
		}
		t->slot_group[id] = (int16_t)gid;
		t->slot_acting[id] = acting;
		news |= t->slot_target[id] != target;
		t->slot_target[id] = (int16_t)(target > 0 && target <= CODIS_GROUP_MAX ? target : 0);
		n++;
	}
	t->slots_known = n == CODIS_SLOTS;
	return t->slots_known ? news : known;
}

/* Whether somebody has turned slot actions off there, or on again. An answer that does not say is one of before. */
static bool read_slot_action(struct observed_topom *t, const cJSON *action)
{
	bool was = t->slots_disabled;

	t->slots_disabled = json_bool(was, action, "disabled", NULL);
	return t->slots_disabled != was;
}

static void on_reload(void *ctx, const cJSON *answer, const struct error *err)
{
	struct cluster *c = ctx;

	(void)answer;
	c->reloaded_ms = clock_mono_ms();
	if (err)
		c->reload_due = true;
}

void observe_reload(struct cluster *c)
{
	c->reload_due = true;
	c->reload_ms = 0;
	c->reloaded_ms = clock_mono_ms();
	if (!c->dashboard.addr[0])
		return; /* it reads the coordinator when it starts; or it is asked once it answers */
	c->reload_due = dashboard_reload(c->http, c->dashboard.addr, c->product, on_reload, c, NULL) < 0;
}

void observe_reload_soon(struct cluster *c)
{
	c->reload_ms = clock_mono_ms() + RELOAD_SOON_MS;
}

static bool set_dashboard_reach(struct observed_dashboard *d, enum reach reach)
{
	if (d->reach == reach)
		return false;
	d->since_ms = reach == REACH_SILENT ? d->asked_ms : clock_mono_ms();
	d->reach = reach;
	if (reach != REACH_OK)
		d->c->list_asked_ms = 0; /* whose is the lock now? */
	say_info(d->c, "dashboard.reach", "dashboard=%s reach=%s", LOGQ(d->addr),
		 reach == REACH_OK        ? "ok"
		 : reach == REACH_UNKNOWN ? "waiting"
		 : reach == REACH_REFUSED ? "refused"
					  : "silent");
	return true;
}

bool observe_hear_dashboard(struct observed_dashboard *d, const cJSON *answer, const struct error *err)
{
	struct cluster *c = d->c;
	/* One that refuses its overview waits for its lock: it is there, and it does not serve. */
	bool refuses = err && err->code == ERR_STATUS;
	enum reach reach = refuses ? REACH_UNKNOWN : reach_of(err, d->reach);
	bool news = set_dashboard_reach(d, reach);

	d->asking = false;
	if (reach != REACH_SILENT)
		d->knock.stuck_ms = 0;
	news |= d->told_ms < c->dashboard_acted_ms;
	d->told_ms = d->asked_ms;
	d->waits_ms = refuses && err->status == CODIS_REFUSES ? d->asked_ms : 0;
	cluster_note_serving(c);
	if (!answer)
		return news;
	d->heard_ms = clock_mono_ms();
	news |= read_assignment(&c->dashboard, json_get(answer, "stats", "slots", NULL), d);
	news |= read_slot_action(&c->dashboard, json_get(answer, "stats", "slot_action", NULL));
	return news;
}

/* A promotion may be seen to be nobody's: its group is read after what the dashboard said. */
static void read_promoting(struct cluster *c)
{
	for (int i = 0; i < c->group_count; i++) {
		if (c->groups[i]->node.promoting_state[0])
			observe_group(c, c->groups[i]->node.id);
	}
}

static void on_overview(void *ctx, const cJSON *answer, const struct error *err)
{
	struct observed_dashboard *d = ctx;
	struct cluster *c = d->c;
	bool news = observe_hear_dashboard(d, answer, err);

	if (d->reach == REACH_OK && c->reload_due)
		observe_reload(c);
	if (answer)
		read_promoting(c);
	if (!d->uid[0])
		c->stock_due = true; /* its pod is gone: forgotten now */
	cluster_heard(c, news);
}

static void ask_dashboards(struct cluster *c, int64_t now_ms)
{
	if (!is_due(c, c->dashboard_asked_ms, now_ms))
		return;
	c->dashboard_asked_ms = now_ms;
	for (int i = 0; i < c->dashboard_count; i++) {
		struct observed_dashboard *d = c->dashboards[i];

		if (d->asking || !d->uid[0])
			continue;
		d->asked_ms = now_ms;
		if (strcmp(c->dashboard.slots_from, d->addr) != 0)
			d->slots_text = (struct overview_slots){ 0 };
		d->asking = dashboard_overview(c->http, d->addr, DASHBOARD_TIMEOUT_MS, &d->slots_text, on_overview, d,
					       NULL) == 0;
	}
}

bool observe_awaits_proxy(const struct observed_proxy *p)
{
	return p->asking || p->knock.asking || p->running || p->fills;
}

bool observe_awaits_dashboard(const struct observed_dashboard *d)
{
	return d->asking || d->knock.asking;
}

/* Neither a pod nor the coordinator names it any more: it is forgotten when nothing is under way with it, lest fills
 * wait for it. */
static bool is_over(const struct observed_proxy *p)
{
	return !p->wanted && !p->registered_token[0];
}

static void ask_proxies(struct cluster *c, int64_t now_ms)
{
	for (int i = 0; i < c->proxy_count; i++) {
		struct observed_proxy *p = c->proxies[i];

		if (is_over(p))
			c->stock_due |= !observe_awaits_proxy(p);
		else if (is_due(c, p->asked_ms, now_ms))
			observe_proxy(c, p);
	}
}

void observe(struct cluster *c, int64_t now_ms)
{
	read_folders(c, now_ms);
	reread_some(c);
	ask_dashboards(c, now_ms);
	ask_proxies(c, now_ms);
	knock_all(c, now_ms);
	if (c->reload_ms && now_ms >= c->reload_ms)
		observe_reload(c);
	c->ask_now = false;
}
