#include "extender/place.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
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
	const char *namespace = json_str(pod, "metadata", "namespace", NULL);
	const char *name = json_str(pod, "metadata", "name", NULL);

	memset(p, 0, sizeof(*p));
	if (codis_identify(pod, &p->id, err) < 0)
		return -1;
	if (p->id.component == CODIS_NONE)
		return 0;
	p->uid = pod_uid(pod);
	p->namespace = namespace ? namespace : "";
	p->name = name ? name : "";
	p->choosy = is_choosy(pod);
	if (!p->uid || !p->uid[0])
		return error_set(err, ERR_INVALID, "the pod has no metadata.uid");
	if (codis_spread_of(pod, &p->strict, &p->topology_key, err) < 0)
		return -1;
	/* A bare pod has no ordinal, so it is in no group; and only a group's members lose data by standing together.
	 */
	if (p->id.component != CODIS_SERVER || p->id.group <= 0)
		p->strict = false;
	return 0;
}

/* --- who stands beside it --------------------------------------------------------------------- */

/* A pod that stands, or may be about to stand, on a node. */
struct occupant {
	const struct codis_identity *id;
	const char *namespace, *name;
	const char *node;
	bool promised;
};

/* An occupant of the pod's own group; for other components, of its set. */
struct peer {
	const char *name;
	const char *domain, *zone; /* never NULL; "" where the zone is not known */
	bool promised;
};

struct placing {
	const struct cluster *cluster;
	const struct place_pod *pod;
	struct place_node *nodes;
	struct place_node **by_name; /* the same, sorted */
	size_t count;
	struct peer *peers;
	size_t peer_count, peer_cap;
};

static bool same_product(const struct place_pod *p, const struct codis_identity *id, const char *namespace)
{
	return strcmp(namespace, p->namespace) == 0 && strcmp(id->product, p->id.product) == 0;
}

bool place_is_peer(const struct place_pod *p, const struct codis_identity *id, const char *namespace, const char *name)
{
	return same_product(p, id, namespace) && id->component == p->id.component && id->group == p->id.group &&
	       strcmp(name, p->name) != 0;
}

/* Members of the same place in their groups: both first, both second, ... */
static bool same_rank(const struct codis_identity *a, const struct codis_identity *b)
{
	return a->group > 0 && b->group > 0 && a->ordinal % a->server_replica == b->ordinal % b->server_replica;
}

/* The domain of a node. One that does not tell (no label, or not seen yet) is a domain of its own. */
static const char *domain_of(const struct node *node, const char *name, const char *topology_key)
{
	const char *value = node ? node_label(node, topology_key) : NULL;

	return value ? value : name;
}

static const char *zone_of(const struct node *node)
{
	const char *value = node ? node_label(node, CLUSTER_ZONE_KEY) : NULL;

	return value ? value : "";
}

static int add_peer(struct placing *pl, const struct occupant *o)
{
	const struct node *node = cluster_node(pl->cluster, o->node);

	if (pl->peer_count == pl->peer_cap) {
		size_t cap = pl->peer_cap ? 2 * pl->peer_cap : 16;
		struct peer *grown = realloc(pl->peers, cap * sizeof(*grown));

		if (!grown)
			return -1;
		pl->peers = grown;
		pl->peer_cap = cap;
	}
	pl->peers[pl->peer_count++] = (struct peer){
		.name = o->name,
		.domain = domain_of(node, o->node, pl->pod->topology_key),
		.zone = zone_of(node),
		.promised = o->promised,
	};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct place_node *const *)a)->name, (*(struct place_node *const *)b)->name);
}

static struct place_node *candidate(const struct placing *pl, const char *name)
{
	struct place_node key = { .name = name }, *want = &key, **found;

	found = bsearch(&want, pl->by_name, pl->count, sizeof(*pl->by_name), by_name);
	return found ? *found : NULL;
}

static int meet(struct placing *pl, const struct occupant *o)
{
	struct place_node *n = candidate(pl, o->node);

	if (place_is_peer(pl->pod, o->id, o->namespace, o->name) && add_peer(pl, o) < 0)
		return -1;
	if (!n)
		return 0;
	n->weights[WEIGHT_CODIS]++;
	if (!same_product(pl->pod, o->id, o->namespace))
		return 0;
	n->weights[WEIGHT_PRODUCT]++;
	n->weights[WEIGHT_RANK] += same_rank(&pl->pod->id, o->id);
	return 0;
}

static int meet_members(struct placing *pl)
{
	for (size_t i = 0; i < pl->cluster->members.count; i++) {
		const struct member *m = (const struct member *)pl->cluster->members.entries[i];
		struct occupant o = { &m->id, m->namespace, m->name, m->node, false };

		if (strcmp(m->uid, pl->pod->uid) != 0 && meet(pl, &o) < 0)
			return -1;
	}
	return 0;
}

static int meet_reservations(struct placing *pl, const struct reservations *r)
{
	for (size_t i = 0; i < r->table.count; i++) {
		const struct reservation *one = (const struct reservation *)r->table.entries[i];
		struct occupant o = { &one->id, one->namespace, one->name, NULL, true };

		if (strcmp(one->uid, pl->pod->uid) == 0)
			continue;
		for (size_t k = 0; k < one->count; k++) {
			o.node = one->nodes[k];
			if (meet(pl, &o) < 0)
				return -1;
		}
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
		const struct node *node = cluster_node(pl->cluster, n->name);
		struct peer key = { .domain = domain_of(node, n->name, pl->pod->topology_key) };
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
	if (pl->peer_count)
		qsort(pl->peers, pl->peer_count, sizeof(*pl->peers), by_zone);
	for (size_t i = 0; i < pl->count; i++) {
		struct place_node *n = &pl->nodes[i];
		struct peer key = { .zone = zone_of(cluster_node(pl->cluster, n->name)) };

		if (!key.zone[0])
			continue;
		for (size_t k = first_peer(pl, &key, by_zone);
		     k < pl->peer_count && strcmp(pl->peers[k].zone, key.zone) == 0; k++)
			n->weights[WEIGHT_ZONE]++;
	}
}

static int failing(const struct node *node, int64_t now_ms)
{
	if (!node->ready)
		return 2;
	return node->ready_changed_ms && now_ms - node->ready_changed_ms < FAILED_LATELY_MS;
}

static void look_at(const struct placing *pl, struct place_node *n, int64_t now_ms)
{
	const struct node *node = cluster_node(pl->cluster, n->name);
	const char *key = pl->pod->topology_key;

	n->tie = hash_text(hash_text(HASH_INIT, pl->pod->uid), n->name);
	n->weights[WEIGHT_FAILING] = node ? failing(node, now_ms) : 1;
	if (!pl->pod->strict || strcmp(key, CODIS_HOSTNAME_KEY) == 0)
		return;
	if (!node)
		n->refusal = PLACE_UNSEEN;
	else if (!node_label(node, key))
		n->refusal = PLACE_NO_LABEL;
}

static int place_all(struct placing *pl, const struct reservations *r, int64_t now_ms)
{
	const struct reservation *earlier = reserve_find(r, pl->pod->uid);

	for (size_t i = 0; i < pl->count; i++) {
		look_at(pl, &pl->nodes[i], now_ms);
		pl->nodes[i].weights[WEIGHT_TRIED] = earlier && reservation_has(earlier, pl->nodes[i].name);
		pl->by_name[i] = &pl->nodes[i];
	}
	qsort(pl->by_name, pl->count, sizeof(*pl->by_name), by_name);
	if (meet_members(pl) < 0 || meet_reservations(pl, r) < 0)
		return -1;
	judge_domains(pl);
	judge_zones(pl);
	return 0;
}

int place_nodes(const struct cluster *c, const struct reservations *r, const struct place_pod *p,
		const struct extender_args *args, int64_t now_ms, struct place_node *nodes, struct error *err)
{
	struct placing pl = { .cluster = c, .pod = p, .nodes = nodes, .count = args->count };
	int done = -1;

	memset(nodes, 0, args->count * sizeof(*nodes));
	for (size_t i = 0; i < args->count; i++)
		nodes[i].name = args->names[i];
	pl.by_name = calloc(args->count + 1, sizeof(*pl.by_name));
	if (pl.by_name)
		done = place_all(&pl, r, now_ms);
	free(pl.by_name);
	free(pl.peers);
	return done == 0 ? 0 : error_set(err, ERR_NOMEM, "no memory to place a pod on %zu nodes", args->count);
}

void place_reason(const struct place_pod *p, const struct place_node *n, struct buf *out)
{
	bool host = strcmp(p->topology_key, CODIS_HOSTNAME_KEY) == 0;

	switch (n->refusal) {
	case PLACE_PASSES: break;
	case PLACE_TAKEN:
		buf_addf(out, "group %d of %s already has %s ", p->id.group, p->id.product, n->member);
		if (host)
			buf_addstr(out, "here");
		else
			buf_addf(out, "in %s %s", p->topology_key, n->domain);
		break;
	case PLACE_PROMISED:
		buf_addf(out, "%s of group %d of %s is just being placed, maybe here", n->member, p->id.group,
			 p->id.product);
		break;
	case PLACE_NO_LABEL:
		buf_addf(out, "group %d of %s is spread over %s, a label that this node does not have", p->id.group,
			 p->id.product, p->topology_key);
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
	size_t set = p->id.component == CODIS_SERVER ? at_least_one((size_t)p->id.server_replica) : USUAL_SET;
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
