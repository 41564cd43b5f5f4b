#include "extender/place.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "common/kube/extender.h"

/* How long a node that was not Ready is taken for one that may fail again. */
#define FAILED_LATELY_MS (10 * 60 * 1000)

/* Members that a set other than a group has as a rule: three of ZooKeeper, two or three proxies. */
#define USUAL_SET 3

/* --- the pod ---------------------------------------------------------------------------------- */

static bool has_items(const cJSON *list)
{
	return cJSON_IsArray(list) && list->child;
}

static bool is_choosy(const cJSON *pod)
{
	static const char *const kinds[] = { "nodeAffinity", "podAffinity", "podAntiAffinity" };
	const cJSON *affinity = json_get(pod, "spec", "affinity", NULL), *constraint;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (has_items(json_get(affinity, kinds[i], "preferredDuringSchedulingIgnoredDuringExecution", NULL)))
			return true;
	}
	cJSON_ArrayForEach(constraint, json_get(pod, "spec", "topologySpreadConstraints", NULL)) {
		const char *when = json_str(constraint, "whenUnsatisfiable", NULL);

		if (when && strcmp(when, "ScheduleAnyway") == 0)
			return true;
	}
	return false;
}

int place_pod_of(const cJSON *pod, struct place_pod *p, struct error *err)
{
	memset(p, 0, sizeof(*p));
	if (codis_pod_read(pod, &p->pod, err) < 0)
		return -1;
	if (p->pod.component == CODIS_NONE)
		return 0;
	p->choosy = is_choosy(pod);
	if (!p->pod.uid[0])
		return error_set(err, ERR_INVALID, "the pod has no metadata.uid");
	if (p->pod.component == CODIS_SERVER && !p->pod.group_said && p->pod.server_replica_said.said == SAID_ELSEWHERE)
		return error_set(err, ERR_INVALID, "%s: write its value, since groups depend on it",
				 p->pod.server_replica_said.why);
	/* A bare pod has no ordinal, so it is in no group; and only a group's members lose data by standing together.
	 */
	p->strict = p->pod.strict && p->pod.component == CODIS_SERVER && p->pod.group > 0;
	return 0;
}

/* --- who stands beside it --------------------------------------------------------------------- */

/* Its place in its group. A StatefulSet that is a group of its own numbers it from 0. */
static int rank_of(int group, int ordinal, int server_replica)
{
	if (group <= 0)
		return -1;
	return server_replica > 0 && codis_group_of(ordinal, server_replica) == group ? ordinal % server_replica
										      : ordinal;
}

void place_join(struct place_pod *p, const struct inventory *inv)
{
	char trouble[POD_WHY_MAX];

	memcpy(p->member.namespace, p->pod.namespace, sizeof(p->member.namespace));
	inventory_product_of(inv, &p->pod, p->member.product, trouble);
	p->member.component = p->pod.component;
	p->member.group = p->pod.group;
	p->member.rank = rank_of(p->pod.group, p->pod.ordinal, p->pod.server_replica);
}

/* An occupant of the pod's own group; for other components, of its set. */
struct peer {
	const char *name;
	const char *domain, *zone; /* never NULL; "" where the zone is not known */
	bool promised;
};

struct placing {
	const struct inventory *inv;
	const struct place_pod *pod;
	struct place_node *nodes;
	size_t count;
	struct table by_name; /* the nodes; filled only when there are reservations */
	struct peer *peers;
	size_t peer_count, peer_cap;
};

bool place_is_peer(const struct place_pod *p, const struct inventory_pod *other)
{
	return other->pod.component == p->member.component && other->pod.group == p->member.group &&
	       strcmp(other->pod.namespace, p->member.namespace) == 0 &&
	       strcmp(other->product, p->member.product) == 0 && strcmp(other->pod.name, p->pod.name) != 0;
}

struct peers {
	const struct place_pod *pod;
	int (*fn)(void *ctx, const struct inventory_pod *peer);
	void *ctx;
};

static int on_member(void *ctx, const struct inventory_pod *other)
{
	const struct peers *peers = ctx;

	return other->pod.node[0] && place_is_peer(peers->pod, other) ? peers->fn(peers->ctx, other) : 0;
}

int place_each_peer(const struct place_pod *p, const struct inventory *inv,
		    int (*fn)(void *ctx, const struct inventory_pod *peer), void *ctx)
{
	struct peers peers = { p, fn, ctx };

	return inventory_each_of_group(inv, p->member.namespace, p->member.product, p->member.group, on_member, &peers);
}

/* The domain of a node. One that does not tell (no label, or not seen yet) is a domain of its own. */
static const char *domain_of(const struct inventory_node *node, const char *name, const char *topology_key)
{
	const char *value = node ? inventory_node_label(node, topology_key) : NULL;

	return value ? value : name;
}

static const char *zone_of(const struct inventory_node *node)
{
	const char *value = node ? inventory_node_label(node, PLACE_ZONE_KEY) : NULL;

	return value ? value : "";
}

static int add_peer(struct placing *pl, const char *name, const char *on, bool promised)
{
	const struct inventory_node *node = inventory_node(pl->inv, on);

	if (pl->peer_count == pl->peer_cap) {
		size_t cap = pl->peer_cap ? 2 * pl->peer_cap : 16;
		struct peer *grown = realloc(pl->peers, cap * sizeof(*grown));

		if (!grown)
			return -1;
		pl->peers = grown;
		pl->peer_cap = cap;
	}
	pl->peers[pl->peer_count++] = (struct peer){
		.name = name,
		.domain = domain_of(node, on, pl->pod->pod.topology_key),
		.zone = zone_of(node),
		.promised = promised,
	};
	return 0;
}

static int on_peer(void *ctx, const struct inventory_pod *peer)
{
	return add_peer(ctx, peer->pod.name, peer->pod.node, false);
}

static void weigh(struct place_node *n, const struct membership *own, const char *namespace, const char *product,
		  int rank)
{
	n->weights[WEIGHT_CODIS]++;
	if (strcmp(namespace, own->namespace) != 0 || strcmp(product, own->product) != 0)
		return;
	n->weights[WEIGHT_PRODUCT]++;
	/* Members of the same place in their groups: both first, both second, ... */
	n->weights[WEIGHT_RANK] += rank >= 0 && rank == own->rank;
}

/* What stands on one node. */
struct standing {
	const struct place_pod *pod;
	struct place_node *node;
};

static int on_standing(void *ctx, const struct inventory_pod *other)
{
	struct standing *s = ctx;

	if (strcmp(other->pod.uid, s->pod->pod.uid) != 0)
		weigh(s->node, &s->pod->member, other->pod.namespace, other->product,
		      rank_of(other->pod.group, other->pod.ordinal, other->pod.server_replica));
	return 0;
}

/* Not of the pod's uid: it has no node yet, or is asked about once more. */
static int meet_pods(struct placing *pl)
{
	for (size_t i = 0; i < pl->count; i++) {
		struct standing s = { pl->pod, &pl->nodes[i] };

		inventory_each_on_node(pl->inv, pl->nodes[i].name, on_standing, &s);
	}
	return place_each_peer(pl->pod, pl->inv, on_peer, pl);
}

static struct place_node *candidate(const struct placing *pl, const char *name)
{
	struct table_link *link = table_first(&pl->by_name, hash_text(HASH_INIT, name));

	while (link && strcmp(TABLE_ENTRY(link, struct place_node, by_name)->name, name) != 0)
		link = table_next(link);
	return link ? TABLE_ENTRY(link, struct place_node, by_name) : NULL;
}

static bool is_of(const struct membership *a, const struct membership *b)
{
	return a->component == b->component && a->group == b->group && strcmp(a->namespace, b->namespace) == 0 &&
	       strcmp(a->product, b->product) == 0;
}

static int meet_reservation(struct placing *pl, const struct reservation *one)
{
	const struct membership *m = &one->member;
	bool peer = is_of(m, &pl->pod->member) && strcmp(one->name, pl->pod->pod.name) != 0;

	for (size_t k = 0; k < one->count; k++) {
		struct place_node *n = candidate(pl, one->nodes[k]);

		if (peer && add_peer(pl, one->name, one->nodes[k], true) < 0)
			return -1;
		if (n)
			weigh(n, &pl->pod->member, m->namespace, m->product, m->rank);
	}
	return 0;
}

static int meet_reservations(struct placing *pl, const struct reservations *r)
{
	const struct reservation *one = reservations_next(r, NULL);

	for (size_t i = 0; one && i < pl->count; i++)
		table_add(&pl->by_name, &pl->nodes[i].by_name, hash_text(HASH_INIT, pl->nodes[i].name));
	for (; one; one = reservations_next(r, one)) {
		if (strcmp(one->uid, pl->pod->pod.uid) != 0 && meet_reservation(pl, one) < 0)
			return -1;
	}
	return 0;
}

/* --- the nodes -------------------------------------------------------------------------------- */

/* Those that stand before those that may be coming: a user is better told the certain reason. */
static int by_domain(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;
	int order = strcmp(x->domain, y->domain);

	return order ? order : (int)x->promised - (int)y->promised;
}

static int by_zone(const void *a, const void *b)
{
	return strcmp(((const struct peer *)a)->zone, ((const struct peer *)b)->zone);
}

/* The first of the peers, sorted so, that is not before the key. */
static size_t first_peer(const struct placing *pl, const struct peer *key, int (*order)(const void *, const void *))
{
	size_t lo = 0, hi = pl->peer_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (order(&pl->peers[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void judge_domains(struct placing *pl)
{
	if (pl->peer_count)
		qsort(pl->peers, pl->peer_count, sizeof(*pl->peers), by_domain);
	for (size_t i = 0; i < pl->count; i++) {
		struct place_node *n = &pl->nodes[i];
		struct peer key = { .domain = domain_of(n->node, n->name, pl->pod->pod.topology_key) };
		size_t first = first_peer(pl, &key, by_domain), k = first;

		n->domain = key.domain;
		while (k < pl->peer_count && strcmp(pl->peers[k].domain, key.domain) == 0)
			k++;
		n->weights[WEIGHT_SHARED] = (int)(k - first);
		if (k == first || !pl->pod->strict)
			continue;
		n->refusal = pl->peers[first].promised ? PLACE_PROMISED : PLACE_TAKEN;
		n->member = pl->peers[first].name;
	}
}

static void judge_zones(struct placing *pl)
{
	if (!pl->peer_count)
		return;
	qsort(pl->peers, pl->peer_count, sizeof(*pl->peers), by_zone);
	for (size_t i = 0; i < pl->count; i++) {
		struct place_node *n = &pl->nodes[i];
		struct peer key = { .zone = zone_of(n->node) };

		if (!key.zone[0])
			continue;
		for (size_t k = first_peer(pl, &key, by_zone);
		     k < pl->peer_count && strcmp(pl->peers[k].zone, key.zone) == 0; k++)
			n->weights[WEIGHT_ZONE]++;
	}
}

static int failing(const struct inventory_node *node, int64_t now_ms)
{
	if (!node->ready)
		return 2;
	return node->ready_changed_ms && now_ms - node->ready_changed_ms < FAILED_LATELY_MS;
}

static void look_at(const struct placing *pl, struct place_node *n, uint64_t seed, int64_t now_ms)
{
	const char *key = pl->pod->pod.topology_key;

	n->node = inventory_node(pl->inv, n->name);
	n->tie = hash_text(seed, n->name);
	n->weights[WEIGHT_FAILING] = n->node ? failing(n->node, now_ms) : 1;
	if (!pl->pod->strict || strcmp(key, CODIS_HOSTNAME_KEY) == 0)
		return;
	if (!n->node)
		n->refusal = PLACE_UNSEEN;
	else if (!inventory_node_label(n->node, key))
		n->refusal = PLACE_NO_LABEL;
}

static int place_all(struct placing *pl, const struct reservations *r, int64_t now_ms)
{
	const struct reservation *earlier = reservations_find(r, pl->pod->pod.uid);
	uint64_t seed = hash_text(HASH_INIT, pl->pod->pod.uid);

	for (size_t i = 0; i < pl->count; i++) {
		look_at(pl, &pl->nodes[i], seed, now_ms);
		pl->nodes[i].weights[WEIGHT_TRIED] = earlier && reservations_offer(earlier, pl->nodes[i].name);
	}
	if (meet_pods(pl) < 0 || meet_reservations(pl, r) < 0)
		return -1;
	judge_domains(pl);
	judge_zones(pl);
	return 0;
}

int place_nodes(const struct inventory *inv, const struct reservations *r, const struct place_pod *p,
		const struct extender_args *args, int64_t now_ms, struct place_node *nodes, struct error *err)
{
	struct placing pl = { .inv = inv, .pod = p, .nodes = nodes, .count = args->count };
	int done;

	memset(nodes, 0, args->count * sizeof(*nodes));
	for (size_t i = 0; i < args->count; i++)
		nodes[i].name = args->names[i];
	done = place_all(&pl, r, now_ms);
	table_release(&pl.by_name);
	free(pl.peers);
	return done == 0 ? 0 : error_set(err, ERR_NOMEM, "no memory to place a pod on %zu nodes", args->count);
}

void place_reason(const struct place_pod *p, const struct place_node *n, struct buf *out)
{
	const char *key = p->pod.topology_key, *product = p->member.product;
	bool host = strcmp(key, CODIS_HOSTNAME_KEY) == 0;
	int group = p->member.group;

	switch (n->refusal) {
	case PLACE_PASSES: break;
	case PLACE_TAKEN:
		buf_addf(out, "group %d of %s already has %s ", group, product, n->member);
		if (host)
			buf_addstr(out, "here");
		else
			buf_addf(out, "in %s %s", key, n->domain);
		break;
	case PLACE_PROMISED:
		buf_addf(out, "%s of group %d of %s is just being placed, maybe here", n->member, group, product);
		break;
	case PLACE_NO_LABEL:
		buf_addf(out, "group %d of %s is spread over %s, a label that this node does not have", group, product,
			 key);
		break;
	case PLACE_UNSEEN: buf_addstr(out, "codis-extender has not seen this node yet"); break;
	}
}

/* --- the order -------------------------------------------------------------------------------- */

static int compare_weights(const struct place_node *a, const struct place_node *b)
{
	for (int i = 0; i < WEIGHTS; i++) {
		if (a->weights[i] != b->weights[i])
			return a->weights[i] < b->weights[i] ? -1 : 1;
	}
	return 0;
}

static int by_rank(const void *a, const void *b, void *nodes)
{
	const struct place_node *x = (const struct place_node *)nodes + *(const size_t *)a;
	const struct place_node *y = (const struct place_node *)nodes + *(const size_t *)b;
	int order = compare_weights(x, y);

	if (order == 0 && x->tie != y->tie)
		order = x->tie < y->tie ? -1 : 1;
	return order ? order : strcmp(x->name, y->name);
}

/* The indices of the passing nodes, best first. */
static size_t rank(const struct place_node *nodes, size_t count, size_t *order)
{
	size_t passing = 0;

	for (size_t i = 0; i < count; i++) {
		if (nodes[i].refusal == PLACE_PASSES)
			order[passing++] = i;
	}
	qsort_r(order, passing, sizeof(*order), by_rank, (void *)(uintptr_t)nodes);
	return passing;
}

static size_t at_least_one(size_t n)
{
	return n > 0 ? n : 1;
}

size_t place_offer(const struct place_pod *p, const struct place_node *nodes, size_t count, size_t *order)
{
	bool known = p->pod.component == CODIS_SERVER && p->pod.server_replica > 0;
	size_t set = known ? (size_t)p->pod.server_replica : USUAL_SET;
	size_t passing = rank(nodes, count, order), equals = 0, offer;

	if (passing == 0)
		return 0;
	if (p->choosy)
		return p->strict ? at_least_one(passing / set) : passing;
	while (equals < passing && compare_weights(&nodes[order[equals]], &nodes[order[0]]) == 0)
		equals++;
	offer = at_least_one(equals / (8 * set));
	return offer < PLACE_OFFER_MAX ? offer : PLACE_OFFER_MAX;
}

int place_scores(const struct place_node *nodes, size_t count, int *scores)
{
	size_t *order = calloc(count + 1, sizeof(*order)), passing;
	int steps = 0, step = 0;

	if (!order)
		return -1;
	memset(scores, 0, count * sizeof(*scores));
	passing = rank(nodes, count, order);
	for (size_t i = 1; i < passing; i++)
		steps += compare_weights(&nodes[order[i - 1]], &nodes[order[i]]) != 0;
	for (size_t i = 0; i < passing; i++) {
		step += i > 0 && compare_weights(&nodes[order[i - 1]], &nodes[order[i]]) != 0;
		scores[order[i]] = steps ? EXTENDER_SCORE_MAX - EXTENDER_SCORE_MAX * step / steps : EXTENDER_SCORE_MAX;
	}
	free(order);
	return 0;
}
