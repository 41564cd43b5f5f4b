#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/topom.h"

static int last_index(const struct topom *t)
{
	int max = 0;

	for (int i = 0; i < MAX_SLOTS; i++)
		if (t->slots[i].action.state[0] && t->slots[i].action.index > max)
			max = t->slots[i].action.index;
	return max;
}

static struct group *filled_group(struct topom *t, int gid, struct error *err)
{
	struct group *g = find_group(t, gid, err);

	if (g && !g->count) {
		error_set(err, ERR_INVALID, "group-[%d] is empty", gid);
		return NULL;
	}
	return g;
}

static int make_pending(struct topom *t, struct slot_map *m, int gid, struct error *err)
{
	topom_dirty_slot(t, m->id);
	action_set(&m->action, last_index(t) + 1, ST_PENDING);
	m->action.target = gid;
	return store_slot(t, m, err);
}

static int may_move(const struct slot_map *m, int gid, struct error *err)
{
	if (m->action.state[0])
		return error_set(err, ERR_EXISTS, "slot-[%d] action already exists", m->id);
	if (m->group == gid)
		return error_set(err, ERR_INVALID, "slot-[%d] already in group-[%d]", m->id, gid);
	return 0;
}

int slots_action_create(struct topom *t, int sid, int gid, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct slot_map *m;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	if (!filled_group(t, gid, err))
		return -1;
	m = find_slot(t, sid, err);
	if (!m || may_move(m, gid, err) < 0)
		return -1;
	return make_pending(t, m, gid, err);
}

int slots_action_some(struct topom *t, int from, int to, int count, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	if (!filled_group(t, to, err))
		return -1;
	for (int i = 0; i < MAX_SLOTS && count > 0; i++) {
		struct slot_map *m = &t->slots[i];

		if (m->action.state[0] || m->group != from || m->group == to)
			continue;
		if (make_pending(t, m, to, err) < 0)
			return -1;
		count--;
	}
	return 0;
}

int slots_action_range(struct topom *t, int beg, int end, int gid, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	if (beg < 0 || beg > end || end >= MAX_SLOTS)
		return error_set(err, ERR_INVALID, "invalid slot range [%d,%d]", beg, end);
	if (!filled_group(t, gid, err))
		return -1;
	for (int i = beg; i <= end; i++)
		if (may_move(&t->slots[i], gid, err) < 0)
			return -1;
	for (int i = beg; i <= end; i++)
		if (make_pending(t, &t->slots[i], gid, err) < 0)
			return -1;
	return 0;
}

int slots_action_remove(struct topom *t, int sid, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct slot_map *m, idle;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	m = find_slot(t, sid, err);
	if (!m)
		return -1;
	if (!m->action.state[0])
		return error_set(err, ERR_NOTFOUND, "slot-[%d] action doesn't exist", sid);
	if (!action_is(&m->action, ST_PENDING))
		return error_set(err, ERR_INVALID, "slot-[%d] action isn't pending", sid);
	topom_dirty_slot(t, sid);
	idle = (struct slot_map){ .id = m->id, .group = m->group };
	return store_slot(t, &idle, err);
}

static int check_assign(struct topom *t, const struct slot_map *m, bool offline, struct error *err)
{
	if (!find_slot(t, m->id, err))
		return -1;
	if (offline) {
		if (m->group)
			return error_set(err, ERR_INVALID, "group of slot-[%d] should be 0", m->id);
		return 0;
	}
	if (!filled_group(t, m->group, err))
		return -1;
	if (m->action.state[0])
		return error_set(err, ERR_INVALID, "invalid slot-[%d] action = %s", m->id, m->action.state);
	return 0;
}

static int mark_out_of_sync(struct topom *t, int gid, struct error *err)
{
	struct group *g = peek_group(t, gid);

	if (!g || g->out_of_sync)
		return 0;
	topom_dirty_group(t, gid);
	g->out_of_sync = true;
	return store_group(t, g, "update", err);
}

/* Without moving any key: for new clusters, and for repair. */
int slots_assign(struct topom *t, struct slot_map *maps, int n, bool offline, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	const struct slot_map *list[MAX_SLOTS];

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	for (int i = 0; i < n; i++)
		if (check_assign(t, &maps[i], offline, err) < 0)
			return -1;
	for (int i = 0; i < n; i++) {
		maps[i].action = (struct action){ 0 };
		if (!offline && mark_out_of_sync(t, maps[i].group, err) < 0)
			return -1;
	}
	for (int i = 0; i < n; i++) {
		topom_dirty_slot(t, maps[i].id);
		golog_warn("slot-[%d] will be mapped to group-[%d]%s", maps[i].id, maps[i].group,
			   offline ? " (offline)" : "");
		if (store_slot(t, &maps[i], err) < 0)
			return -1;
		list[i] = &maps[i];
	}
	return topom_resync(t, list, n, err);
}
