#include "tests/spread/world.h"

#include <stdio.h>
#include <string.h>

#define PROXY_CPU_M   1000
#define PROXY_MIB     1024
#define MIB_OF_SIZE   32768 /* of a node of size 1; those that are all alike have size 2 */
#define CPU_M_OF_SIZE 8000

/* splitmix64: the same on every machine. */
int world_chance(struct world *w, int n)
{
	uint64_t x = w->chance += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (int)((x ^ (x >> 31)) % (uint64_t)n);
}

static void make_nodes(struct world *w)
{
	/* A tenth in turn; so no zone has all of one size, and zones have 4 : 3 : 3 nodes. */
	static const int zones[] = { 0, 1, 2, 0, 1, 2, 0, 1, 2, 0 }, sizes[] = { 1, 2, 4, 2, 1 };

	w->node_count = w->kind.nodes;
	for (int i = 0; i < w->node_count; i++) {
		struct node *n = &w->nodes[i];

		snprintf(n->name, sizeof(n->name), "ip-10-0-%d-%d.internal", i / 250, i % 250);
		n->zone = zones[i % 10];
		n->size = w->kind.sizes ? sizes[world_chance(w, 5)] : 2;
		n->tainted = w->kind.taints && i % 10 == 5;
		n->memory_mib = (int64_t)n->size * MIB_OF_SIZE;
		n->cpu_m = (int64_t)n->size * CPU_M_OF_SIZE;
		if (w->kind.others && world_chance(w, 3) == 0) {
			n->others_mib = n->memory_mib * (20 + world_chance(w, 21)) / 100;
			n->others_cpu_m = n->cpu_m * (20 + world_chance(w, 21)) / 100;
		}
		n->used_mib = n->others_mib;
		n->used_cpu_m = n->others_cpu_m;
	}
}

/* Big and small ones; in all Codis asks for about 40 % of the memory of nodes of size 2. */
static void make_products(struct world *w)
{
	static const int shares[PRODUCTS] = { 30, 20, 12, 10, 8, 6, 5, 4, 3, 2 };
	static const int mib[PRODUCTS] = { 2048, 4096, 1024, 2048, 8192, 1024, 4096, 2048, 512, 2048 };

	for (int i = 0; i < PRODUCTS; i++) {
		struct product *p = &w->products[i];
		int64_t all = (int64_t)w->node_count * 2 * MIB_OF_SIZE * 40 / 100;

		p->server_mib = mib[i];
		p->server_cpu_m = 200;
		p->groups = (int)(all * shares[i] / 100 / mib[i] / w->kind.replica);
		p->proxies = 2 + p->groups / 20;
		p->by_zone = i == 3;
		p->ruled = i % 2 == 0;
	}
}

static void add_pod(struct world *w, const struct pod *pod)
{
	w->order[w->pod_count] = w->pod_count;
	w->pods[w->pod_count++] = *pod;
}

static void make_pods(struct world *w)
{
	for (int i = 0; i < PRODUCTS; i++) {
		const struct product *p = &w->products[i];

		for (int k = 0; k < p->groups * w->kind.replica; k++)
			add_pod(w, &(struct pod){ .product = i,
						  .ordinal = k,
						  .group = k / w->kind.replica + 1,
						  .rank = k % w->kind.replica,
						  .master = k % w->kind.replica == 0,
						  .cpu_m = p->server_cpu_m,
						  .mib = p->server_mib,
						  .node = -1 });
		for (int k = 0; k < p->proxies; k++)
			add_pod(w, &(struct pod){ .product = i,
						  .ordinal = k,
						  .cpu_m = PROXY_CPU_M,
						  .mib = PROXY_MIB,
						  .node = -1 });
	}
}

static void shuffle(struct world *w)
{
	for (int i = w->pod_count - 1; i > 0; i--) {
		int k = world_chance(w, i + 1), was = w->order[i];

		w->order[i] = w->order[k];
		w->order[k] = was;
	}
}

void world_make(struct world *w, const struct kind *kind, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->kind = *kind;
	w->chance = seed;
	make_nodes(w);
	make_products(w);
	make_pods(w);
	if (kind->at_once)
		shuffle(w);
}

void world_take(struct world *w, int pod, int node)
{
	struct pod *p = &w->pods[pod];
	struct node *n = &w->nodes[node];

	p->node = node;
	n->pods++;
	n->used_cpu_m += p->cpu_m;
	n->used_mib += p->mib;
	n->codis_mib += p->mib;
	n->proxies_of[p->product] += !p->group;
	n->servers_of[p->product] += p->group > 0;
	n->masters += p->master;
	n->masters_of[p->product] += p->master;
}

static void set_master(struct world *w, struct pod *p, bool master)
{
	int by = master - p->master;

	p->master = master;
	w->nodes[p->node].masters += by;
	w->nodes[p->node].masters_of[p->product] += by;
}

static void hand_over_group(struct world *w, struct pod *first)
{
	struct pod *next = first;

	for (int i = 0; i < w->kind.replica; i++) {
		if (first[i].node < 0)
			return;
		if (w->nodes[next->node].zone == 0)
			next = &first[i];
	}
	set_master(w, first, false);
	set_master(w, next, true);
	for (int i = 0; i < w->kind.replica; i++)
		first[i].labelled = true;
}

void world_hand_over(struct world *w)
{
	for (int i = 0; i < w->pod_count; i++) {
		if (w->pods[i].group && !w->pods[i].rank)
			hand_over_group(w, &w->pods[i]);
	}
}

bool world_is_beside(const struct world *w, int pod, int node)
{
	const struct pod *p = &w->pods[pod], *first = p - p->rank;
	bool by_zone = w->products[p->product].by_zone;

	for (int i = 0; p->group && i < w->kind.replica; i++) {
		int its = first[i].node;

		if (&first[i] != p && its >= 0 &&
		    (its == node || (by_zone && w->nodes[its].zone == w->nodes[node].zone)))
			return true;
	}
	return false;
}
