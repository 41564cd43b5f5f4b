#include "controller/status.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"

static int count_synced(const struct cluster_view *v, const struct group_view *g, const struct server_view *m)
{
	int n = 0;

	for (int i = 0; i < v->server_count; i++)
		n += view_is_member(&v->servers[i], g->node.id) && view_synced(&v->servers[i], m);
	return n;
}

static int count_members(const struct cluster_view *v, const struct group_view *g)
{
	int n = 0;

	for (int i = 0; i < v->server_count; i++)
		n += view_is_member(&v->servers[i], g->node.id) && v->servers[i].pod.name[0];
	return n;
}

static const char *name_of(const struct server_view *s)
{
	return s->pod.name[0] ? s->pod.name : s->addr;
}

static const char *server_state(const struct cluster_view *v, const struct server_view *s, const struct server_view *m)
{
	if (s->pod.deleting)
		return "leaving";
	if (s->pod.crash_looping)
		return "crash-looping";
	if (s->reach == REACH_REFUSED)
		return "refusing";
	if (s->reach == REACH_SILENT)
		return "silent";
	if (s->reach != REACH_OK || !s->info_valid)
		return "unknown";
	if (s->info.loading)
		return "loading";
	if (s == m && view_master_verified(s))
		return "master";
	if (redis_info_guarded(&s->info))
		return "waiting for a role";
	if (s->info.role == REDIS_ROLE_MASTER)
		return "stray master";
	if (m && view_synced(s, m))
		return s->listed_group ? "synced" : "synced, joining";
	(void)v;
	return s->info.syncing ? "syncing" : "not synced";
}

/* One group's trouble, in words; nothing when all is well. Returns whether it is. */
static bool say_group(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits,
		      struct buf *out)
{
	const struct server_view *m = view_master(v, g);
	enum master_verdict verdict;
	const char *why;
	int missing;

	verdict = judge_master(v, g, limits, &why);
	if (g->node.promoting_state[0])
		buf_addf(out, "; group %d: promotion is %s", g->node.id, g->node.promoting_state);
	if (verdict != MASTER_HEALTHY) {
		buf_addf(out, "; group %d has no master%s%s: %s", g->node.id, m ? ", " : "", m ? name_of(m) : "", why);
		return false;
	}
	missing = v->server_replica - 1 - count_synced(v, g, m);
	if (missing <= 0)
		return !g->node.promoting_state[0];
	buf_addf(out, "; group %d lacks %d synced replica%s", g->node.id, missing, missing == 1 ? "" : "s");
	for (int i = 0; i < v->server_count; i++) {
		const struct server_view *s = &v->servers[i];

		if (s != m && view_is_member(s, g->node.id) && !view_synced(s, m))
			buf_addf(out, " (%s: %s)", name_of(s), server_state(v, s, m));
	}
	return false;
}

/* How many slots every proxy sends to their group's verified master. */
static int served_slots(const struct cluster_view *v)
{
	int n = 0;

	for (int i = 0; i < CODIS_SLOTS; i++) {
		int gid = v->dashboard.slots_known ? v->dashboard.slot_group[i] : 0;
		const struct group_view *g = gid ? view_group(v, gid) : NULL;
		const struct server_view *m = g ? view_master(v, g) : NULL;

		n += m && view_master_verified(m);
	}
	return n;
}

static int64_t count_keys(const struct cluster_view *v)
{
	int64_t keys = 0;

	for (int i = 0; i < v->group_count; i++) {
		const struct server_view *m = view_master(v, &v->groups[i]);

		if (m && view_master_verified(m))
			keys += m->info.keys;
	}
	return keys;
}

/* Says what is wrong with a proxy; true when it serves. */
static bool say_proxy(const struct proxy_view *p, struct buf *out)
{
	const char *name = p->pod.name[0] ? p->pod.name : p->admin_addr;

	if (p->pod.deleting || (!p->pod.name[0] && !p->registered))
		return false;
	if (p->reach != REACH_OK)
		buf_addf(out, "; proxy %s does not answer", name);
	else if (!p->registered || !p->online)
		buf_addf(out, "; proxy %s is not taken in yet", name);
	return p->reach == REACH_OK && p->registered && p->online;
}

static bool say_rest(const struct cluster_view *v, struct buf *out, int *proxies)
{
	size_t before = out->len;
	bool ok;

	*proxies = 0;
	for (int i = 0; i < v->proxy_count; i++)
		*proxies += say_proxy(&v->proxies[i], out);
	ok = *proxies && out->len == before;
	if (!*proxies)
		buf_addstr(out, "; no proxy serves");
	if (v->dashboard.reach != REACH_OK) {
		buf_addf(out, "; dashboard %s", v->dashboard.reach == REACH_SILENT ? "is busy or hung" : "is down");
		ok = false;
	}
	if (!v->coordinator_ready) {
		buf_addstr(out, "; ZooKeeper is not connected");
		ok = false;
	}
	return ok;
}

void status_line(const struct cluster_view *v, const struct decide_limits *limits, char *out, size_t size, bool *ok)
{
	BUF_CLEANUP struct buf trouble = BUF_INIT(4096);
	int led = 0, wanted = view_groups_wanted(v), proxies, slots = served_slots(v);
	int64_t keys = count_keys(v);
	const char *why;

	*ok = true;
	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *g = &v->groups[i];

		if (!g->node.count && !count_members(v, g))
			continue;
		*ok &= say_group(v, g, limits, &trouble);
		led += judge_master(v, g, limits, &why) == MASTER_HEALTHY;
	}
	*ok &= say_rest(v, &trouble, &proxies) && slots == CODIS_SLOTS && led >= wanted;
	snprintf(out, size, "%s: %s, %d/%d groups led, %d proxies, %d/%d slots served%s%s", v->product,
		 *ok                ? "OK"
		 : slots && proxies ? "DEGRADED"
				    : "DOWN",
		 led, wanted, proxies, slots, CODIS_SLOTS, keys ? "" : ", empty", trouble.data);
}

static int push_server(const struct cluster_view *v, const struct server_view *s, const struct server_view *m,
		       cJSON *list)
{
	cJSON *o = cJSON_CreateObject();

	if (!o || !json_add_str(o, "addr", s->addr) || !json_add_str(o, "pod", s->pod.name) ||
	    !json_add_str(o, "node", s->pod.node) || !json_add_str(o, "state", server_state(v, s, m)) ||
	    !json_add_bool(o, "listed", s->listed_group != 0) ||
	    !json_add_bool(o, "synced", m && s != m && view_synced(s, m)) ||
	    !json_add_int(o, "offset", s->info.offset) || !json_add_int(o, "keys", s->info.keys)) {
		cJSON_Delete(o);
		return -1;
	}
	return json_push(list, o);
}

static int push_group(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits,
		      cJSON *list)
{
	const struct server_view *m = view_master(v, g);
	cJSON *o = cJSON_CreateObject(), *members;
	const char *why;
	bool healthy = judge_master(v, g, limits, &why) == MASTER_HEALTHY;

	if (!o || json_push(list, o) < 0)
		return -1;
	if (!json_add_int(o, "id", g->node.id) || !json_add_bool(o, "led", healthy) ||
	    !json_add_str(o, "master", m ? name_of(m) : "") || !json_add_str(o, "why", why) ||
	    !json_add_str(o, "promoting", g->node.promoting_state) || !json_add_bool(o, "busy", g->busy) ||
	    !(members = json_add_array(o, "members")))
		return -1;
	for (int i = 0; i < v->server_count; i++) {
		if ((v->servers[i].group == g->node.id || v->servers[i].listed_group == g->node.id) &&
		    push_server(v, &v->servers[i], m, members) < 0)
			return -1;
	}
	return 0;
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
	bool ok;

	status_line(v, limits, line, sizeof(line), &ok);
	if (!root || !json_add_str(root, "namespace", v->namespace) || !json_add_str(root, "product", v->product) ||
	    !json_add_bool(root, "ok", ok) || !json_add_str(root, "line", line) ||
	    !json_add_int(root, "slots_served", served_slots(v)) || !(groups = json_add_array(root, "groups")))
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
