#include "extender/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/asks.h"
#include "common/codis/inventory.h"
#include "common/kube/extender.h"
#include "extender/attempts.h"

/* How long a node that was not Ready is taken for one that may fail again. */
#define FAILED_LATELY_MS (10 * 60 * 1000)

const struct place_term place_terms[WEIGHTS] = {
	[WEIGHT_SHARED] = { 8,
			    "members of its group in the same domain (soft spread); for proxies and ZooKeeper, others "
			    "of their kind" },
	[WEIGHT_TRIED] = { 6, "attempts: how often the node was offered for this pod, which came to stand nowhere" },
	[WEIGHT_FAILING] = { 2,
			     "failures: not Ready (2), or not within the last 10 minutes (1); joining the cluster is "
			     "no failure" },
	[WEIGHT_TAINTS] = { 2, "taints `PreferNoSchedule` that it does not tolerate" },
	[WEIGHT_WIDER] = { 8,
			   "members of its group in the same domain by the other keys of `codis.io/topology-key`, the "
			   "first of them weighing most" },
	[WEIGHT_ZONE] = { 8, "members of its group (others of its kind) in the same zone" },
	[WEIGHT_MASTERS] = { 8, "for a master: masters of all products above the share of the node; for one whose "
				"master has no place yet: whether it is below (1), and so for a master" },
	[WEIGHT_ZONE_MASTERS] = { 6, "the same of the zone" },
	[WEIGHT_OWN_MASTERS] = { 5, "for a master: masters of its product above the share of the node" },
	[WEIGHT_OWN] = { 5, "pods of its product above the share of the node and some more" },
	[WEIGHT_MEMORY] = { 6, "memory that codis pods request above the share of the node and some more, in steps of "
			       "about a fiftieth of what it has" },
};

/* Grows an array that is kept from call to call to room for `want`; what is new is zeros. */
static int grow(void *array, size_t *room, size_t want, size_t size)
{
	size_t more = *room ? *room : 64;
	void *grown, **at = array;

	if (want <= *room)
		return 0;
	while (more < want)
		more *= 2;
	grown = realloc(*at, more * size);
	if (!grown)
		return -1;
	memset((char *)grown + *room * size, 0, (more - *room) * size);
	*at = grown;
	*room = more;
	return 0;
}

static struct place_peer *add_peer(struct placing *pl, const char *name, uint32_t node)
{
	struct place_peer *peer;

	if (grow(&pl->peers, &pl->peer_room, pl->peer_count + 1, sizeof(*pl->peers)) < 0)
		return NULL;
	peer = &pl->peers[pl->peer_count++];
	*peer = (struct place_peer){ .name = name, .node = node, .column = -1 };
	return peer;
}

struct gathering {
	struct placing *pl;
	const struct inventory *inv;
	const struct reservations *reservations;
};

static void meet(struct placing *pl, bool master)
{
	pl->master_waits = pl->master_waits && !master;
}

static int on_peer(void *ctx, const struct inventory_pod *other)
{
	struct gathering *g = ctx;
	const char *place = kept_pod_place(&other->pod);
	struct place_peer *peer = add_peer(g->pl, other->pod.name, census_find(g->pl->census, place, strlen(place)));

	if (!peer)
		return -1;
	g->pl->members++;
	meet(g->pl, other->master);
	peer->deleting = other->pod.status.deleting;
	peer->promised = !other->pod.node[0];
	if (!place_is_strict(&other->pod))
		return 0;
	peer->column = census_key(g->pl->census, g->inv, other->pod.topology_key);
	return peer->column < 0 ? -1 : 0;
}

/* Whether the scheduler's own rule keeps the two apart by the same key: then it knows where the other one is. */
static bool is_ruled(const struct placing *pl, bool ruled, int column)
{
	return pl->pod->strict && column == pl->column && ruled && pl->pod->pod.ruled;
}

/* One that may be on any node says nothing of where it will be, unless it lets nobody else in. */
static bool says_nothing(const struct placing *pl, const struct reserved *pod, int column)
{
	return pod->wide && ((!pl->pod->strict && !pod->strict) || is_ruled(pl, pod->ruled, column));
}

static int meet_reservation(struct gathering *g, const struct reservation *one)
{
	int column = one->pod.strict ? census_key(g->pl->census, g->inv, one->pod.topology_key) : -1;

	if (one->pod.strict && column < 0)
		return -1;
	g->pl->members++;
	meet(g->pl, one->pod.member.master);
	for (size_t i = 0; i < one->count && !says_nothing(g->pl, &one->pod, column); i++) {
		struct place_peer *peer = add_peer(g->pl, one->pod.name, one->nodes[i]);

		if (!peer)
			return -1;
		peer->promised = true;
		peer->column = column;
	}
	return 0;
}

/* Neither its own, nor its forerunner's, nor that of one of another product. Until the watch has brought a silent pod
 * nobody knows of which it is. */
static bool concerns(const struct gathering *g, const struct reservation *one)
{
	const struct place_pod *p = g->pl->pod;
	const struct inventory_pod *known;

	if (strcmp(one->pod.uid, p->pod.uid) == 0 || strcmp(one->pod.name, p->pod.name) == 0)
		return false;
	known = one->pod.silent ? inventory_pod(g->inv, one->pod.uid) : NULL;
	return !known || strcmp(known->product, p->member.product) == 0;
}

/* What it was promised before it was known to be of this group: the label of its StatefulSet's template has changed. */
static int on_waiting(void *ctx, const struct inventory_pod *other)
{
	struct gathering *g = ctx;
	const struct membership *member = &g->pl->pod->member;
	const struct reservation *one = NULL;

	while ((one = reservations_elsewhere(g->reservations, other->pod.uid, member, one))) {
		if (concerns(g, one) && meet_reservation(g, one) < 0)
			return -1;
	}
	return 0;
}

static int gather(struct gathering *g)
{
	const struct place_pod *p = g->pl->pod;
	const struct reservations *r = g->reservations;
	const struct reservation *one = NULL;

	g->pl->peer_count = g->pl->members = 0;
	g->pl->master_waits = p->member.group > 0 && !p->member.master;
	if (place_each_peer(p, g->inv, on_peer, g) != 0)
		return -1;
	while ((one = reservations_of(r, &p->member, one))) {
		if (concerns(g, one) && meet_reservation(g, one) < 0)
			return -1;
	}
	return place_each_waiting(p, g->inv, on_waiting, g);
}

/* --- their domains ------------------------------------------------------------------------------------------------ */

static size_t mark_index(uint32_t domain, uint32_t node)
{
	return domain ? 2 * (size_t)domain : 2 * (size_t)node + 1;
}

static int use(struct placing *pl, int column)
{
	struct place_marks *m = &pl->columns[column];
	size_t most = pl->census->values.end > pl->census->names.end ? pl->census->values.end : pl->census->names.end;

	for (int i = 0; i < pl->used_count; i++) {
		if (pl->used[i] == column)
			return 0;
	}
	if (grow(&m->marks, &m->room, 2 * most + 2, sizeof(*m->marks)) < 0)
		return -1;
	pl->used[pl->used_count++] = column;
	return 0;
}

static void clear(struct placing *pl)
{
	for (int i = 0; i < CENSUS_KEYS; i++) {
		struct place_marks *m = &pl->columns[i];

		while (m->count)
			m->marks[m->marked[--m->count]] = (struct place_mark){ .peers = 0 };
		m->some = 0;
		m->bars = false;
	}
	pl->used_count = 0;
	pl->blurred = false;
}

static uint64_t bit_of(size_t at)
{
	return UINT64_C(1) << (at % 64);
}

/* Those that stand before those that may be coming: a user is better told the certain reason. */
static bool tells_more(const struct placing *pl, const struct place_peer *peer, bool bars,
		       const struct place_mark *mark)
{
	if (bars != (mark->barring > 0))
		return bars;
	return pl->peers[mark->first].promised && !peer->promised;
}

static int mark(struct placing *pl, int column, uint32_t index, bool bars)
{
	struct place_marks *m = &pl->columns[column];
	const struct place_peer *peer = &pl->peers[index];
	size_t at = mark_index(pl->census->nodes[peer->node].domains[column], peer->node);
	struct place_mark *its = &m->marks[at];

	if (!its->peers) {
		if (grow(&m->marked, &m->marked_room, m->count + 1, sizeof(*m->marked)) < 0)
			return -1;
		m->marked[m->count++] = (uint32_t)at;
		m->some |= bit_of(at);
		its->first = index;
	} else if (tells_more(pl, peer, bars, its)) {
		its->first = index;
	}
	its->peers += its->peers < UINT16_MAX;
	its->barring += bars && its->barring < UINT16_MAX;
	m->bars = m->bars || bars;
	return 0;
}

static bool bars(const struct placing *pl, const struct place_peer *peer, int column)
{
	return (column == pl->column && pl->pod->strict) || column == peer->column;
}

/* A domain that nobody knows may be any. */
static bool is_blurred(const struct placing *pl, const struct place_peer *peer, int column)
{
	const struct census_node *n = &pl->census->nodes[peer->node];

	return column != CENSUS_HOST && !n->domains[column] && !(peer->node && n->seen);
}

/* In one column: the pod's own, its zone, or that of a strict member's key. */
static int mark_in(struct placing *pl, int column, uint32_t index)
{
	const struct place_peer *peer = &pl->peers[index];
	bool barring = bars(pl, peer, column);

	if (barring && is_blurred(pl, peer, column))
		pl->blurred = true;
	if (!peer->node)
		return 0;
	return use(pl, column) < 0 ? -1 : mark(pl, column, index, barring);
}

/* Neither the pod's own, nor its zone, nor among the first `known` of the wider ones. */
static bool is_new(const struct placing *pl, int column, int known)
{
	for (int i = 0; i < known; i++) {
		if (pl->wider[i] == column)
			return false;
	}
	return column != pl->column && column != CENSUS_ZONE;
}

static int mark_peers(struct placing *pl)
{
	for (uint32_t i = 0; i < pl->peer_count; i++) {
		int its = pl->peers[i].column;

		if (mark_in(pl, pl->column, i) < 0)
			return -1;
		if (pl->column != CENSUS_ZONE && mark_in(pl, CENSUS_ZONE, i) < 0)
			return -1;
		for (int k = 0; k < pl->wider_count; k++) {
			if (is_new(pl, pl->wider[k], k) && mark_in(pl, pl->wider[k], i) < 0)
				return -1;
		}
		if (its >= 0 && is_new(pl, its, pl->wider_count) && mark_in(pl, its, i) < 0)
			return -1;
	}
	return 0;
}

/* --- the nodes ---------------------------------------------------------------------------------------------------- */

/* NULL: nobody of the group is in its domain. */
static const struct place_mark *mark_of(const struct placing *pl, int column, uint32_t node)
{
	const struct place_marks *m = &pl->columns[column];
	size_t at = mark_index(pl->census->nodes[node].domains[column], node);

	return m->some & bit_of(at) ? &m->marks[at] : NULL;
}

static int failing(const struct census_node *n, int64_t now_ms)
{
	if (!n->seen || !n->ready)
		return n->seen ? 2 : 1;
	return n->ready_changed_4s && now_ms - (int64_t)n->ready_changed_4s * 4000 < FAILED_LATELY_MS;
}

static void say_refused(struct place_node *n, enum place_refusal refusal, uint32_t why)
{
	n->refusal = (uint8_t)refusal;
	n->why = why & 0xffffff;
}

/* In which domain of a column it is. */
static void refuse_unknown(const struct placing *pl, struct place_node *n, int column)
{
	const struct census_node *node = &pl->census->nodes[n->node];

	if (column != CENSUS_HOST && !node->seen)
		say_refused(n, PLACE_UNSEEN, 0);
	else if (!census_is_labelled(node, column))
		say_refused(n, PLACE_NO_LABEL, (uint32_t)column);
}

static bool is_demanded(const struct placing *pl, int column)
{
	return pl->columns[column].bars || (pl->pod->strict && column == pl->column);
}

static void set_demanded(struct placing *pl)
{
	pl->demanded = 0;
	for (int i = 0; i < CENSUS_KEYS; i++) {
		if (i != CENSUS_HOST && is_demanded(pl, i))
			pl->demanded |= (uint8_t)(1u << i);
	}
}

/* Nothing is in its way and nobody of the group is near, as on most nodes. */
static bool is_free(const struct placing *pl, const struct place_node *n)
{
	const struct census_node *node = &pl->census->nodes[n->node];

	if (pl->blurred || !n->node || (pl->demanded && (!node->seen || (pl->demanded & ~node->labelled))))
		return false;
	for (int i = 0; i < pl->used_count; i++) {
		if (mark_of(pl, pl->used[i], n->node))
			return false;
	}
	return true;
}

static void refuse(const struct placing *pl, struct place_node *n)
{
	if (pl->blurred)
		say_refused(n, PLACE_BLURRED, 0);
	for (int i = 0; i < pl->used_count; i++) {
		if (is_demanded(pl, pl->used[i]))
			refuse_unknown(pl, n, pl->used[i]);
	}
	if (pl->pod->strict)
		refuse_unknown(pl, n, pl->column);
	for (int i = 0; n->node && i < pl->used_count; i++) {
		const struct place_mark *m = mark_of(pl, pl->used[i], n->node);

		if (m && m->barring)
			say_refused(n, pl->peers[m->first].promised ? PLACE_PROMISED : PLACE_TAKEN, m->first);
	}
}

/* Members that stand in the same domain, which is that of the node where it has none. */
static int beside(const struct placing *pl, int column, const struct place_node *n)
{
	const struct place_mark *m = n->node ? mark_of(pl, column, n->node) : NULL;

	return m && (pl->column == column || pl->census->nodes[n->node].domains[column]) ? m->peers : 0;
}

#define WIDER_BITS 4

static int beside_wider(const struct placing *pl, const struct place_node *n)
{
	int weight = 0;

	for (int i = 0; i < pl->wider_count; i++) {
		int its = beside(pl, pl->wider[i], n);

		weight = weight << WIDER_BITS | (its < 1 << WIDER_BITS ? its : (1 << WIDER_BITS) - 1);
	}
	return weight;
}

static struct share_own count_own(const struct census_node *n, uint32_t product)
{
	struct share_own own = { 0, 0 };

	if (!product || !census_may_have(n, product))
		return own;
	for (int i = 0; i < n->count; i++) {
		if (n->counts[i].product != product)
			continue;
		own.pods += n->counts[i].pods;
		own.masters += n->counts[i].master ? n->counts[i].pods : 0;
	}
	return own;
}

/* With the loop undone the table's bits are constants. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Bits below a weight's own in a key. */
static inline int below(enum place_weight which)
{
	int bits = 0;

	UNROLL for (int i = 0; i < WEIGHTS; i++) bits += i > (int)which ? place_terms[i].bits : 0;
	return bits;
}

static inline uint64_t most(enum place_weight which)
{
	return (UINT64_C(1) << place_terms[which].bits) - 1;
}

/* Each once: a key begins with 0, and so do its weights. */
static inline void weigh(uint64_t *key, enum place_weight which, int weight)
{
	uint64_t its = (uint64_t)weight;

	*key |= (its < most(which) ? its : most(which)) << below(which);
}

int place_weight(const struct place_node *n, enum place_weight which)
{
	return (int)(n->key >> below(which) & most(which));
}

bool place_is_transient(const struct placing *pl, size_t i)
{
	const struct place_node *n = &pl->nodes[i];

	switch ((enum place_refusal)n->refusal) {
	case PLACE_PROMISED:
	case PLACE_UNSEEN:
	case PLACE_BLURRED: return true;
	case PLACE_TAKEN: return pl->peers[n->why].deleting;
	case PLACE_PASSES:
	case PLACE_NO_LABEL: break;
	}
	return false;
}

static void rank(struct placing *pl, uint64_t key)
{
	if (!pl->passing++ || key < pl->best_key) {
		pl->best_key = key;
		pl->best = 0;
	}
	pl->best += key == pl->best_key;
}

uint32_t place_hash_of(const struct extender_args *args, size_t i)
{
	return names_hash(args->names[i].at, args->names[i].len);
}

static uint32_t hash_of(const struct placing *pl, size_t i)
{
	uint32_t node = pl->nodes[i].node;

	return node ? names_hash_of(&pl->census->names, node) : place_hash_of(pl->args, i);
}

/* What is looked at so many steps later is on its way to the processor meanwhile. */
#define AHEAD 8

static void add_to_zone(struct placing *pl, const struct census_node *n)
{
	struct place_zone *zone = &pl->zones[n->domains[CENSUS_ZONE]];

	if (zone->call != pl->calls)
		*zone = (struct place_zone){ .call = pl->calls };
	zone->size += share_size(n);
	zone->masters += n->masters;
}

static bool counts_masters(const struct placing *pl)
{
	return pl->pod->member.master || pl->master_waits;
}

/* What they have in all, whether or not the pod may have them: its share is that of all its product's. */
static void add_all(struct placing *pl)
{
	const struct census_node *nodes = pl->census->nodes;
	size_t count = pl->args->count;
	bool masters = counts_masters(pl);
	struct shares sums = { .sizes = 0 };

	for (size_t i = 0; i < count; i++) {
		const struct census_node *n = &nodes[pl->numbers[i]];
		struct share_own own = count_own(n, pl->product);

		if (i + AHEAD < count)
			__builtin_prefetch(&nodes[pl->numbers[i + AHEAD]]);
		pl->nodes[i] = (struct place_node){ .own = own, .node = pl->numbers[i] };
		if (pl->taints_met[n->taints]) /* what it has is to go elsewhere */
			continue;
		shares_add(&sums, n, own);
		if (masters)
			add_to_zone(pl, n);
	}
	shares_settle(&sums);
	pl->shares = sums;
}

/* One that has none of its own is in no zone; of the others it may be that none of their nodes was added. */
static int weigh_zone(const struct placing *pl, uint32_t domain)
{
	const struct place_zone *zone = &pl->zones[domain];
	int above;

	if (!domain || zone->call != pl->calls)
		return 0;
	above = share_masters(&pl->shares, zone->size, zone->masters);
	return pl->master_waits ? !above : above;
}

/* A master's own way. Who comes before the master of its group leaves it the nodes and zones that are for masters. */
static inline void weigh_masters(const struct placing *pl, const struct census_node *n, uint32_t own, uint64_t *key)
{
	int above = share_masters(&pl->shares, share_size(n), n->masters);

	weigh(key, WEIGHT_MASTERS, pl->master_waits ? !above : above);
	weigh(key, WEIGHT_ZONE_MASTERS, weigh_zone(pl, n->domains[CENSUS_ZONE]));
	if (!pl->master_waits)
		weigh(key, WEIGHT_OWN_MASTERS, share_own_masters(&pl->shares, n, own));
}

static inline void weigh_shares(const struct placing *pl, const struct census_node *n, struct share_own own,
				uint64_t *key)
{
	if (counts_masters(pl))
		weigh_masters(pl, n, own.masters, key);
	weigh(key, WEIGHT_OWN, share_own_pods(&pl->shares, n, own.pods));
	weigh(key, WEIGHT_MEMORY, share_memory(&pl->shares, n, census_memory(pl->pod->pod.memory_mib)));
}

static void look_at(struct placing *pl, struct place_node *n, bool free, const struct attempts_of *attempts,
		    int64_t now_ms)
{
	const struct census_node *node = &pl->census->nodes[n->node];
	uint64_t key = 0;

	if (!free) {
		weigh(&key, WEIGHT_SHARED, beside(pl, pl->column, n));
		weigh(&key, WEIGHT_ZONE, beside(pl, CENSUS_ZONE, n));
		weigh(&key, WEIGHT_WIDER, beside_wider(pl, n));
	}
	weigh(&key, WEIGHT_FAILING, failing(node, now_ms));
	weigh(&key, WEIGHT_TAINTS, pl->taints_met[node->taints]);
	if (attempts)
		weigh(&key, WEIGHT_TRIED, (int)attempts_times(attempts, hash_of(pl, (size_t)(n - pl->nodes))));
	weigh_shares(pl, node, n->own, &key);
	n->why = node->domains[CENSUS_ZONE] & 0xffffff;
	n->key = key;
	rank(pl, key);
}

static void look_at_all(struct placing *pl, const struct attempts_of *attempts, int64_t now_ms)
{
	names_find_all(&pl->census->names, pl->args->names, pl->args->count, pl->numbers);
	add_all(pl);
	for (size_t i = 0; i < pl->args->count; i++) {
		struct place_node *n = &pl->nodes[i];
		bool free;

		free = is_free(pl, n);
		if (!free)
			refuse(pl, n);
		if (n->refusal == PLACE_PASSES)
			look_at(pl, n, free, attempts, now_ms);
		else
			pl->transient = pl->transient || place_is_transient(pl, i);
	}
}

/* What the pod tolerates of each kind of taints. 0, or -1: no memory. */
static int take_taints(struct placing *pl)
{
	const struct names *taints = &pl->census->taints;

	if (grow(&pl->taints_met, &pl->taints_room, taints->end + 1, sizeof(*pl->taints_met)) < 0)
		return -1;
	for (uint32_t i = 1; i < taints->end; i++)
		pl->taints_met[i] =
			names_text(taints, i) ? asks_taints_met(names_text(taints, i), pl->pod->pod.tolerates) : 0;
	return 0;
}

/* 0, or -1: no memory. */
static int clear_shares(struct placing *pl)
{
	pl->calls++;
	if (grow(&pl->zones, &pl->zone_room, pl->census->values.end + 1, sizeof(*pl->zones)) < 0)
		return -1;
	return take_taints(pl);
}

/* The columns of the pod's keys. 0, or -1: no memory. */
static int take_keys(struct placing *pl, const struct inventory *inv)
{
	const char *keys = pl->pod->pod.wider_keys;
	char key[POD_NAME_MAX];

	pl->wider_count = 0;
	pl->column = census_key(pl->census, inv, pl->pod->pod.topology_key);
	while (pl->column >= 0 && *keys && pl->wider_count < CODIS_KEYS_MAX - 1) {
		size_t len = strcspn(keys, ",");

		snprintf(key, sizeof(key), "%.*s", (int)len, keys);
		pl->wider[pl->wider_count] = census_key(pl->census, inv, key);
		if (pl->wider[pl->wider_count++] < 0)
			return -1;
		keys += len + (keys[len] == ',');
	}
	return pl->column < 0 ? -1 : 0;
}

static int prepare(struct placing *pl, const struct inventory *inv, const struct reservations *r)
{
	struct gathering g = { .pl = pl, .inv = inv, .reservations = r };

	pl->product = census_product(pl->census, pl->pod->member.namespace, pl->pod->member.product);
	clear(pl);
	census_begin(pl->census);
	pl->passing = pl->best = 0;
	pl->transient = false;
	if (take_keys(pl, inv) < 0 || census_make_room(pl->census) < 0)
		return -1;
	if (grow(&pl->nodes, &pl->room, pl->args->count, sizeof(*pl->nodes)) < 0 ||
	    grow(&pl->numbers, &pl->number_room, pl->args->count, sizeof(*pl->numbers)) < 0)
		return -1;
	if (clear_shares(pl) < 0 || gather(&g) < 0 || pl->census->crowded || pl->census->incomplete)
		return -1;
	if (mark_peers(pl) < 0)
		return -1;
	set_demanded(pl);
	return 0;
}

static int too_many_keys(const struct place_pod *p, struct error *err)
{
	return error_set(err, ERR_TOOBIG,
			 "members of group %d of %s have more than %d keys in " CODIS_ANNOTATION_TOPOLOGY
			 ": give all of them the same",
			 p->member.group, place_product(p), CENSUS_KEYS - 2);
}

int place_nodes(struct placing *pl, const struct inventory *inv, struct census *c, const struct reservations *r,
		const struct attempts_of *attempts, const struct place_pod *p, const struct extender_args *args,
		int64_t now_ms, struct error *err)
{
	pl->args = args;
	pl->pod = p;
	pl->census = c;
	if (prepare(pl, inv, r) < 0)
		return c->crowded ? too_many_keys(p, err)
				  : error_set(err, ERR_NOMEM, "no memory to place a pod on %zu nodes", args->count);
	look_at_all(pl, attempts, now_ms);
	return 0;
}

void placing_release(struct placing *pl)
{
	free(pl->nodes);
	free(pl->numbers);
	free(pl->zones);
	free(pl->taints_met);
	free(pl->peers);
	for (int i = 0; i < CENSUS_KEYS; i++) {
		free(pl->columns[i].marks);
		free(pl->columns[i].marked);
	}
	memset(pl, 0, sizeof(*pl));
}

/* --- in words ----------------------------------------------------------------------------------------------------- */

static void add_where(const struct placing *pl, size_t i, const struct place_peer *peer, struct buf *out)
{
	int column = pl->pod->strict ? pl->column : peer->column;
	uint32_t domain = pl->census->nodes[pl->nodes[i].node].domains[column];

	if (column == CENSUS_HOST || !domain)
		buf_addstr(out, "here");
	else
		buf_addf(out, "in %s %s", pl->census->keys[column], names_text(&pl->census->values, domain));
}

void place_reason(const struct placing *pl, size_t i, struct buf *out)
{
	const struct place_pod *p = pl->pod;
	const struct place_node *n = &pl->nodes[i];
	const char *product = place_product(p);
	int group = p->member.group;

	switch ((enum place_refusal)n->refusal) {
	case PLACE_PASSES: break;
	case PLACE_TAKEN:
		buf_addf(out, "group %d of %s already has %s ", group, product, pl->peers[n->why].name);
		add_where(pl, i, &pl->peers[n->why], out);
		break;
	case PLACE_PROMISED:
		buf_addf(out, "%s of group %d of %s is just being placed, maybe here", pl->peers[n->why].name, group,
			 product);
		break;
	case PLACE_NO_LABEL:
		buf_addf(out, "group %d of %s is spread over %s, a label that this node does not have", group, product,
			 pl->census->keys[n->why]);
		break;
	case PLACE_UNSEEN: buf_addstr(out, "codis-extender has not seen this node yet"); break;
	case PLACE_BLURRED:
		buf_addf(out, "codis-extender has not seen the node of a member of group %d of %s yet", group, product);
		break;
	}
}
