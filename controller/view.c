#include "controller/view.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One that hangs is deleted with a second of grace, and its kubelet takes 3 s to end it, more where it is busy. In a
 * drain that is no more than it takes to see that it hangs. */
#define ENDS_MS 10000

static int by_id(const void *a, const void *b)
{
	const struct group_view *x = a, *y = b;

	return (x->node.id > y->node.id) - (x->node.id < y->node.id);
}

static int by_addr(const void *a, const void *b, void *servers)
{
	const struct server_view *s = servers;

	return strcmp(s[*(const int *)a].addr, s[*(const int *)b].addr);
}

static void add_member(struct cluster_view *v, int gid, int server, int *members)
{
	struct group_view *g = gid ? view_group(v, gid) : NULL;

	if (!g)
		return;
	if (members)
		members[g->members - members + g->member_count] = server;
	g->member_count++;
}

/* Once to count (members NULL), once to write. */
static void add_members(struct cluster_view *v, int *members)
{
	for (int i = 0; i < v->group_count; i++)
		v->groups[i].member_count = 0;
	for (int i = 0; i < v->server_count; i++) {
		const struct server_view *s = &v->servers[i];

		add_member(v, s->group, i, members);
		if (s->listed_group != s->group)
			add_member(v, s->listed_group, i, members);
	}
}

void view_index(struct cluster_view *v, int *addrs, int *members)
{
	int at = 0;

	qsort(v->groups, (size_t)v->group_count, sizeof(v->groups[0]), by_id);
	v->groups_sorted = true;
	for (int i = 0; i < v->server_count; i++)
		addrs[i] = i;
	qsort_r(addrs, (size_t)v->server_count, sizeof(addrs[0]), by_addr, v->servers);
	v->by_addr = addrs;
	add_members(v, NULL);
	for (int i = 0; i < v->group_count; i++) {
		v->groups[i].members = members + at;
		at += v->groups[i].member_count;
	}
	add_members(v, members);
}

struct group_view *view_group(const struct cluster_view *v, int gid)
{
	int low = 0, high = v->group_count;

	while (v->groups_sorted && low < high) {
		int mid = low + (high - low) / 2;

		if (v->groups[mid].node.id == gid)
			return &v->groups[mid];
		if (v->groups[mid].node.id < gid)
			low = mid + 1;
		else
			high = mid;
	}
	for (int i = 0; !v->groups_sorted && i < v->group_count; i++) {
		if (v->groups[i].node.id == gid)
			return &v->groups[i];
	}
	return NULL;
}

struct server_view *view_server(const struct cluster_view *v, const char *addr)
{
	int low = 0, high = v->server_count;

	if (!addr[0])
		return NULL;
	while (v->by_addr && low < high) {
		int mid = low + (high - low) / 2, order = strcmp(v->servers[v->by_addr[mid]].addr, addr);

		if (order == 0)
			return &v->servers[v->by_addr[mid]];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (int i = 0; !v->by_addr && i < v->server_count; i++) {
		if (strcmp(v->servers[i].addr, addr) == 0)
			return &v->servers[i];
	}
	return NULL;
}

struct server_view *view_next(const struct cluster_view *v, const struct group_view *g, int *at)
{
	if (v->by_addr)
		return *at < g->member_count ? &v->servers[g->members[(*at)++]] : NULL;
	while (*at < v->server_count) {
		struct server_view *s = &v->servers[(*at)++];

		if (s->group == g->node.id || s->listed_group == g->node.id)
			return s;
	}
	return NULL;
}

struct server_view *view_master(const struct cluster_view *v, const struct group_view *g)
{
	return g->node.count ? view_server(v, g->node.servers[0].addr) : NULL;
}

bool view_is_member(const struct server_view *s, int gid)
{
	return s->group == gid;
}

bool view_master_verified(const struct server_view *s)
{
	return s->reach == REACH_OK && s->info_valid && s->info.role == REDIS_ROLE_MASTER && !s->restarted;
}

bool view_synced(const struct server_view *s, const struct server_view *master)
{
	return s->reach == REACH_OK && s->info_valid && s->info.role == REDIS_ROLE_REPLICA && s->info.link_up &&
	       !s->info.syncing && strcmp(s->info.master, master->addr) == 0;
}

bool view_same_process(const struct server_view *a, const struct server_view *b)
{
	return a == b ||
	       (a->info_valid && b->info_valid && a->info.run_id[0] && strcmp(a->info.run_id, b->info.run_id) == 0);
}

int view_slot_group(const struct codis_slot *slot, int64_t since_ms, bool known, int assigned, int64_t assigned_ms)
{
	return known && assigned_ms >= since_ms ? assigned : slot->group;
}

bool view_of_one_time(const struct dashboard_view *b, const struct proxy_view *p, int slot)
{
	return b->slots_known && (!p->slot_since_ms || b->slots_ms >= p->slot_since_ms[slot]) &&
	       (!b->slot_since_ms || p->slots_ms >= b->slot_since_ms[slot]);
}

bool view_none_assigned(const struct cluster_view *v)
{
	const struct dashboard_view *b = &v->dashboard;

	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (b->slot_group[i] || b->slot_acting[i])
			return false;
	}
	return b->slots_known;
}

int64_t view_keys(const struct cluster_view *v)
{
	int64_t keys = 0;

	for (int i = 0; i < v->group_count; i++) {
		const struct server_view *m = view_master(v, &v->groups[i]);
		int64_t heard = m && view_master_verified(m) ? m->info.keys : v->groups[i].keys;

		if (heard > 0)
			keys = heard > INT64_MAX - keys ? INT64_MAX : keys + heard;
	}
	return keys;
}

bool view_any_slot(const bool slots[CODIS_SLOTS])
{
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (slots[i])
			return true;
	}
	return false;
}

bool view_sends_slots(const struct proxy_view *p)
{
	for (int i = 0; p->slots && i < CODIS_SLOTS; i++) {
		if (p->slots[i].addr[0])
			return true;
	}
	return false;
}

/* One that was never heard, as by a controller that has just begun, serves where its kubelet says that it is ready. */
static bool may_send_slots(const struct proxy_view *p)
{
	bool unheard = p->reach == REACH_SILENT || p->reach == REACH_UNKNOWN;

	return unheard && (p->slots ? view_sends_slots(p) : p->pod.ready);
}

bool view_may_serve_unheard(const struct cluster_view *v, const struct proxy_view *p)
{
	bool ends = p->deleting_ms && v->now_ms - p->deleting_ms >= ENDS_MS;

	return may_send_slots(p) && p->pod.running && !p->pod_gone && !p->pod.node_lost && !ends;
}

bool view_sends_to(const struct cluster_view *v, const struct server_view *s)
{
	for (int i = 0; i < v->proxy_count; i++) {
		for (int k = 0; v->proxies[i].slots && k < CODIS_SLOTS; k++) {
			if (!v->proxies[i].slots[k].locked && strcmp(v->proxies[i].slots[k].addr, s->addr) == 0)
				return true;
		}
	}
	return false;
}

bool view_nobody_sends_to(const struct cluster_view *v, const struct group_view *g, const struct server_view *s)
{
	int64_t since_ms = g->written_ms > g->acted_ms ? g->written_ms : g->acted_ms;

	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];

		if (p->registered && p->reach != REACH_REFUSED && (!p->slots || p->slots_ms < since_ms))
			return false;
	}
	return !view_sends_to(v, s);
}

static const struct codis_shape *shape_at(const void *sets, int i)
{
	return &((const struct view_set *)sets)[i].shape;
}

const struct view_set *view_set_of(const struct cluster_view *v, int gid)
{
	int at = codis_set_of_group(gid, v->set_count, shape_at, v->sets);

	return at < 0 ? NULL : &v->sets[at];
}

const char *view_set_name(const struct cluster_view *v, int gid)
{
	const struct view_set *set = view_set_of(v, gid);

	return set ? set->name : "";
}

int view_group_size(const struct cluster_view *v, int gid)
{
	const struct view_set *set = view_set_of(v, gid);
	int size = !set ? 0 : set->shape.group ? set->shape.replicas : set->shape.server_replica;

	return size > 0 ? size : CODIS_DEFAULT_SERVER_REPLICA;
}

int view_servers_wanted(const struct cluster_view *v)
{
	int64_t n = 0;

	for (int i = 0; i < v->set_count; i++)
		n += v->sets[i].shape.replicas;
	return !v->set_count ? -1 : n > INT_MAX ? INT_MAX : (int)n;
}

const struct view_set *view_set_deleting(const struct cluster_view *v)
{
	for (int i = 0; i < v->set_count; i++) {
		if (v->sets[i].deleting)
			return &v->sets[i];
	}
	return NULL;
}

bool view_others_stay(const struct cluster_view *v, const struct view_set *set)
{
	for (int i = 0; i < v->set_count; i++) {
		const struct view_set *other = &v->sets[i];

		if (other != set && other->shape.replicas > 0 && !other->deleting &&
		    !scaling_asks_for_none(other->asked_by))
			return true;
	}
	return false;
}

const struct view_set *view_set_asked(const struct cluster_view *v)
{
	for (int i = 0; i < v->set_count; i++) {
		if (v->sets[i].asked)
			return &v->sets[i];
	}
	return NULL;
}

/* The groups that labels say, of those above `above` and below `below`: how many there are; *gid is the i-th. */
static int labelled_between(const struct cluster_view *v, int above, int below, int i, int *gid)
{
	int n = 0;

	for (int k = 0; k < v->set_count; k++) {
		const struct codis_shape *shape = &v->sets[k].shape;

		if (!shape->group || shape->replicas <= 0 || shape->group <= above || shape->group >= below)
			continue;
		if (n++ == i)
			*gid = shape->group;
	}
	return n;
}

/* All groups, in ascending order: how many there are; *gid is the i-th. Those that the numbers of one without a label
 * make are one behind the other, whatever labels say there. */
static int each_wanted(const struct cluster_view *v, int i, int *gid)
{
	int n = 0, above = 0, first, last;

	for (int k = 0; k < v->set_count && !v->sets[k].shape.group; k++) {
		if (!codis_shape_groups(&v->sets[k].shape, &first, &last))
			continue;
		n += labelled_between(v, above, first, i - n, gid);
		if (i >= n && i - n <= last - first)
			*gid = first + i - n;
		n += last - first + 1;
		above = last;
	}
	return n + labelled_between(v, above, INT_MAX, i - n, gid);
}

int view_groups_wanted(const struct cluster_view *v)
{
	int gid;

	return each_wanted(v, -1, &gid);
}

int view_wanted_group(const struct cluster_view *v, int i)
{
	int gid = 0;

	each_wanted(v, i, &gid);
	return gid;
}

bool view_is_wanted(const struct cluster_view *v, int gid)
{
	int found;

	for (int k = 0; k < v->set_count && !v->sets[k].shape.group; k++) {
		if (codis_shape_makes(&v->sets[k].shape, gid))
			return true;
	}
	return labelled_between(v, gid - 1, gid + 1, 0, &found) > 0;
}
