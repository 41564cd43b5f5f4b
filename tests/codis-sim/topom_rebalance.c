#include "tests/codis-sim/topom.h"

/* Which group gets which slots. Every group that is not empty counts, a dead one too. */
struct ledger {
	int n;
	int gids[MAX_GROUP + 1]; /* of groups with servers, ascending */
	struct tally {
		int kept;    /* slots that stay */
		int movable; /* slots that may leave */
		int moved;   /* of which leave; negative: that many come */
		int slots[MAX_SLOTS];
		bool out; /* of the comparison between groups: nothing more can leave */
	} * tallies;
};

static struct tally *tally_of(struct ledger *l, int gid)
{
	for (int i = 0; i < l->n; i++)
		if (l->gids[i] == gid)
			return &l->tallies[i];
	return NULL;
}

static int size_of(const struct tally *y)
{
	return y->kept + y->movable - y->moved;
}

/* A slot on its way belongs where it goes; one of a full group may be moved. */
static void count(struct topom *t, struct ledger *l, int lower)
{
	struct tally *y;

	for (int i = 0; i < MAX_SLOTS; i++) {
		y = t->slots[i].action.state[0] ? tally_of(l, t->slots[i].action.target) : NULL;
		if (y)
			y->kept++;
	}
	for (int i = 0; i < MAX_SLOTS; i++) {
		const struct slot_map *m = &t->slots[i];

		y = m->action.state[0] || !m->group ? NULL : tally_of(l, m->group);
		if (!y)
			continue;
		if (size_of(y) < lower)
			y->kept++;
		else
			y->slots[y->movable++] = m->id;
	}
}

/* The group with the fewest (or most) slots; of equals the one with the lower (higher) id. -1: none left. */
static int extreme(const struct ledger *l, bool most, int except)
{
	int best = -1;

	for (int i = 0; i < l->n; i++) {
		if (l->tallies[i].out || i == except)
			continue;
		if (best < 0 || (most ? size_of(&l->tallies[i]) >= size_of(&l->tallies[best])
				      : size_of(&l->tallies[i]) < size_of(&l->tallies[best])))
			best = i;
	}
	return best;
}

static void level(struct ledger *l, int lower, int upper)
{
	for (;;) {
		int from = extreme(l, true, -1), to = extreme(l, false, from);
		struct tally *f, *d;

		if (from < 0 || to < 0)
			return;
		f = &l->tallies[from];
		d = &l->tallies[to];
		if (f->movable == f->moved) {
			f->out = true;
			continue;
		}
		if (size_of(f) <= lower || size_of(d) >= upper || size_of(f) - size_of(d) <= 1)
			return;
		f->moved++;
		d->moved--;
	}
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The slots that change, ascending, are dealt out to the groups in their order. */
static void deal(struct ledger *l, int *docking, int n, int plan[MAX_SLOTS])
{
	int next = 0;

	for (int i = 0; i < l->n; i++) {
		struct tally *y = &l->tallies[i];

		for (int k = 0; k < y->moved; k++)
			docking[n++] = y->slots[y->movable - 1 - k];
	}
	qsort(docking, (size_t)n, sizeof(*docking), by_number);
	for (int i = 0; i < l->n; i++)
		for (int k = l->tallies[i].moved; k < 0 && next < n; k++)
			plan[docking[next++]] = l->gids[i];
}

static void make_plan(struct topom *t, struct ledger *l, int plan[MAX_SLOTS])
{
	int lower = MAX_SLOTS / l->n, upper = (MAX_SLOTS + l->n - 1) / l->n;
	int docking[MAX_SLOTS], n = 0;

	count(t, l, lower);
	for (int i = 0; i < MAX_SLOTS; i++) {
		if (t->slots[i].action.state[0] || t->slots[i].group)
			continue;
		docking[n++] = i;
		l->tallies[extreme(l, false, -1)].moved--;
	}
	level(l, lower, upper);
	deal(l, docking, n, plan);
}

static int carry_out(struct topom *t, const int plan[MAX_SLOTS], struct error *err)
{
	int index = 0;

	for (int i = 0; i < MAX_SLOTS; i++)
		if (t->slots[i].action.state[0] && t->slots[i].action.index > index)
			index = t->slots[i].action.index;
	for (int i = 0; i < MAX_SLOTS; i++) {
		if (!plan[i])
			continue;
		topom_dirty_slot(t, i);
		action_set(&t->slots[i].action, ++index, ST_PENDING);
		t->slots[i].action.target = plan[i];
		if (store_slot(t, &t->slots[i], err) < 0)
			return -1;
	}
	return 0;
}

static void ledger_release(struct ledger **l)
{
	if (*l)
		free((*l)->tallies);
	free(*l);
}

int slots_rebalance(struct topom *t, bool confirm, int plan[MAX_SLOTS], struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct ledger *l __attribute__((cleanup(ledger_release))) = calloc(1, sizeof(*l));

	if (!l || topom_enter(t, err) < 0)
		return -1;
	held = t;
	for (int i = 0; i < t->n_groups; i++)
		if (t->groups[i].g->count)
			l->gids[l->n++] = t->groups[i].id;
	if (!l->n)
		return error_set(err, ERR_INVALID, "no valid group could be found");
	l->tallies = calloc((size_t)l->n, sizeof(*l->tallies));
	if (!l->tallies)
		return error_set(err, ERR_NOMEM, "no memory");
	make_plan(t, l, plan);
	return confirm ? carry_out(t, plan, err) : 0;
}
