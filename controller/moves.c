#include "controller/moves.h"

#include <stddef.h>

struct planning {
	struct moves_group *groups;
	int count;
	const int16_t *has;
	const bool *fixed;
	int share; /* that no group is filled beyond */
};

static struct moves_group *group_of(const struct planning *p, int gid)
{
	int low = 0, high = p->count;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (p->groups[mid].gid == gid)
			return &p->groups[mid];
		if (p->groups[mid].gid < gid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void count_slots(struct planning *p)
{
	int slots = 0, groups = 0;

	for (int i = 0; i < p->count; i++) {
		p->groups[i].slots = 0;
		p->groups[i].next = CODIS_SLOTS - 1;
		groups += p->groups[i].role != MOVES_DRAINS;
	}
	for (int i = 0; i < CODIS_SLOTS; i++) {
		struct moves_group *g = p->has[i] ? group_of(p, p->has[i]) : NULL;

		if (!g)
			continue;
		g->slots++;
		slots++;
	}
	p->share = groups ? (slots + groups - 1) / groups : 0;
}

/* Its last slot that may be moved, from `next` down, so that what it keeps stays together; -1: none. */
static int movable(const struct planning *p, struct moves_group *g)
{
	while (g->next >= 0 && (p->has[g->next] != g->gid || p->fixed[g->next]))
		g->next--;
	return g->next;
}

static struct moves_group *fullest(const struct planning *p, bool drains)
{
	struct moves_group *best = NULL;

	for (int i = 0; i < p->count; i++) {
		struct moves_group *g = &p->groups[i];

		if ((g->role == MOVES_DRAINS) == drains && (!best || g->slots > best->slots) && movable(p, g) >= 0)
			best = g;
	}
	return best;
}

static struct moves_group *emptiest(const struct planning *p, bool fills)
{
	struct moves_group *best = NULL;

	for (int i = 0; i < p->count; i++) {
		struct moves_group *g = &p->groups[i];

		if ((fills ? g->role == MOVES_FILLS : g->role != MOVES_DRAINS) && (!best || g->slots < best->slots))
			best = g;
	}
	return best;
}

/* The next one, from whom to whom. */
static bool next_move(const struct planning *p, struct moves_group **from, struct moves_group **to)
{
	*from = fullest(p, true);
	*to = emptiest(p, false);
	if (*from && *to)
		return true;
	*from = fullest(p, false);
	*to = emptiest(p, true);
	return *from && *to && (*to)->slots < p->share && (*from)->slots > (*to)->slots + 1;
}

int moves_plan(struct moves_group *groups, int count, const int16_t has[CODIS_SLOTS], const bool fixed[CODIS_SLOTS],
	       struct move *out, int max)
{
	struct planning p = { .groups = groups, .count = count, .has = has, .fixed = fixed };
	struct moves_group *from, *to;
	int n = 0;

	count_slots(&p);
	for (; next_move(&p, &from, &to); n++) {
		if (n < max)
			out[n] = (struct move){ (int16_t)from->next, (int16_t)to->gid };
		from->next--;
		from->slots--;
		to->slots++;
	}
	return n;
}
