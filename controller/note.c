#include "controller/note.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/codis/served.h"
#include "controller/view.h"

#define SLOTS_MS   2000
#define CROSSED_MS 10000
#define DRIFTED_MS 60000

/* --- codis.io/slots ---------------------------------------------------------------------------------------------- */

static struct served_group *served(struct note_serving *s, int gid)
{
	int low = 0, high = s->count;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (s->groups[mid].gid == gid)
			return &s->groups[mid];
		if (s->groups[mid].gid < gid)
			low = mid + 1;
		else
			high = mid;
	}
	if (s->count == CODIS_SLOTS)
		return NULL;
	memmove(&s->groups[low + 1], &s->groups[low], (size_t)(s->count - low) * sizeof(s->groups[0]));
	s->groups[low] = (struct served_group){ .gid = gid, .keys = -1 };
	s->count++;
	return &s->groups[low];
}

static void count_slot(struct note_serving *s, int gid)
{
	struct served_group *g = gid > 0 ? served(s, gid) : NULL;

	if (g)
		g->slots++;
}

/* A slot that is moving has keys in both groups: proxies send it to where it goes, and the dashboard still has it where
 * it comes from. */
static int moves_to(const struct cluster_view *v, int slot)
{
	for (int i = 0; v->dashboard.slot_acting[slot] && i < v->proxy_count; i++) {
		if (v->proxies[i].slots)
			return v->proxies[i].slots[slot].group;
	}
	return v->dashboard.slot_group[slot];
}

bool note_count(const struct cluster_view *v, struct note_serving *s)
{
	s->count = 0;
	if (!v->dashboard.slots_known)
		return false;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		int gid = v->dashboard.slot_group[i], to = moves_to(v, i);

		count_slot(s, gid);
		if (to != gid)
			count_slot(s, to);
	}
	for (int i = 0; i < s->count; i++) {
		const struct group_view *g = view_group(v, s->groups[i].gid);

		s->groups[i].keys = g ? g->keys : -1;
	}
	return true;
}

/* Those whose StatefulSet it is. */
static void keep_own(const struct cluster_view *v, const struct view_set *set, const struct note_serving *all,
		     struct note_serving *own)
{
	own->count = 0;
	for (int i = 0; i < all->count; i++) {
		if (view_set_of(v, all->groups[i].gid) == set)
			own->groups[own->count++] = all->groups[i];
	}
}

static bool differ_noticeably(int64_t now, int64_t was)
{
	return (now > was ? now - was : was - now) > was / 10;
}

/* -1: nothing differs; else after how long what differs is to be written, counted from *since. */
static int64_t due_after(const struct note_serving *s, const struct note_times *times, const char *noted,
			 int64_t *since)
{
	struct served_group was;
	bool crossed = false, drifted = false;

	*since = times->written_ms;
	for (int i = 0; i < s->count; i++) {
		const struct served_group *now = &s->groups[i];

		if (!noted || served_next(&noted, &was) != 1 || was.gid != now->gid || was.slots != now->slots)
			return SLOTS_MS;
		crossed |= (now->keys > 0) != (was.keys > 0) || (now->keys < 0) != (was.keys < 0);
		drifted |= differ_noticeably(now->keys, was.keys);
	}
	if (!noted || served_next(&noted, &was) != 0)
		return SLOTS_MS;
	*since = times->keys_ms;
	return crossed ? CROSSED_MS : drifted ? DRIFTED_MS : -1;
}

bool note_slots(const struct cluster_view *v, const struct view_set *set, const struct note_serving *all,
		const struct note_times *times, const char *noted, struct buf *out)
{
	struct note_serving s;
	int64_t since, after;

	keep_own(v, set, all, &s);
	after = due_after(&s, times, noted, &since);
	if (after < 0 || (since && v->now_ms - since < after))
		return false;
	return served_write(s.groups, s.count, out) == 0;
}

/* --- codis.io/data-lost ------------------------------------------------------------------------------------------ */

/* The group of the StatefulSet with the lowest id above `after` that has lost keys since; NULL: none. */
static const struct group_view *next_loss(const struct cluster_view *v, const struct view_set *set, int after)
{
	const struct group_view *next = NULL;

	for (int i = 0; i < v->group_count; i++) {
		const struct group_view *g = &v->groups[i];

		if (g->new_lost_keys > 0 && g->node.id > after && (!next || g->node.id < next->node.id) &&
		    view_set_of(v, g->node.id) == set)
			next = g;
	}
	return next;
}

bool note_losses(const struct cluster_view *v, const struct view_set *set, const char *noted, struct buf *out)
{
	const struct group_view *g = next_loss(v, set, 0);
	struct served_loss was;
	bool more;

	if (!g)
		return false;
	more = noted && served_loss_next(&noted, &was) == 1;
	while (g || more) {
		struct served_loss loss =
			more && (!g || was.gid <= g->node.id) ? was : (struct served_loss){ .gid = g->node.id };

		if (more && loss.gid == was.gid)
			more = served_loss_next(&noted, &was) == 1;
		if (g && loss.gid == g->node.id) {
			loss.keys += g->new_lost_keys;
			loss.wall_ms = g->new_lost_wall_ms;
			g = next_loss(v, set, loss.gid);
		}
		if (served_loss_write(&loss, out) < 0)
			return false;
	}
	return true;
}
