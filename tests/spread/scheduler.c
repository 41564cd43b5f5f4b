#include "tests/spread/scheduler.h"

#include <math.h>

#define SCORE_MAX      100 /* MaxNodeScore */
#define PODS_OF_A_NODE 110

/* --- schedule_one.go: findNodesThatPassFilters, numFeasibleNodesToFind ----------------------------------------------
 */

#define FEASIBLE_MIN         100 /* minFeasibleNodesToFind */
#define FEASIBLE_PERCENT_MIN 5   /* minFeasibleNodesPercentageToFind */

static int nodes_to_find(int nodes, int percentage)
{
	int found;

	if (nodes < FEASIBLE_MIN)
		return nodes;
	if (!percentage)
		percentage = 50 - nodes / 125 < FEASIBLE_PERCENT_MIN ? FEASIBLE_PERCENT_MIN : 50 - nodes / 125;
	found = nodes * percentage / 100;
	return found < FEASIBLE_MIN ? FEASIBLE_MIN : found;
}

/* NodeResourcesFit, InterPodAffinity */
static bool passes(const struct world *w, int pod, int node, bool ruled)
{
	const struct pod *p = &w->pods[pod];
	const struct node *n = &w->nodes[node];

	return n->pods < PODS_OF_A_NODE && n->used_cpu_m + p->cpu_m <= n->cpu_m &&
	       n->used_mib + p->mib <= n->memory_mib && !(ruled && world_is_beside(w, pod, node));
}

/* backend/cache/node_tree.go lists the zones by turns, as the nodes of a world are. */
int scheduler_find(struct world *w, int pod, int percentage, bool ruled, int *found)
{
	int limit = nodes_to_find(w->node_count, percentage), count = 0, seen = 0;

	for (; seen < w->node_count && count < limit; seen++) {
		int node = (w->next_start + seen) % w->node_count;

		if (passes(w, pod, node, ruled))
			found[count++] = node;
	}
	w->next_start = (w->next_start + seen) % w->node_count;
	return count;
}

/* --- the scores -----------------------------------------------------------------------------------------------------
 */

/* noderesources/least_allocated.go: CPU and memory, each of weight 1. Pods without requests would count as more there;
 * there are none here. */
static int least_allocated(const struct node *n, const struct pod *p)
{
	int64_t cpu = (n->cpu_m - n->used_cpu_m - p->cpu_m) * SCORE_MAX / n->cpu_m;
	int64_t memory = (n->memory_mib - n->used_mib - p->mib) * SCORE_MAX / n->memory_mib;

	return (int)((cpu + memory) / 2);
}

/* noderesources/balanced_allocation.go */
static int balanced_allocation(const struct node *n, const struct pod *p)
{
	double cpu = (double)(n->used_cpu_m + p->cpu_m) / (double)n->cpu_m;
	double memory = (double)(n->used_mib + p->mib) / (double)n->memory_mib;

	return (int)((1 - fabs(cpu - memory) / 2) * SCORE_MAX);
}

static int of_its_set(const struct node *n, const struct pod *p)
{
	return p->group ? n->servers_of[p->product] : n->proxies_of[p->product];
}

/* podtopologyspread: the system's default constraints, by hostname (maxSkew 3) and zone (5), over the pods of the set
 * that the pod is of; both ScheduleAnyway. In zones that have a candidate all pods count. */
static void topology_spread(const struct world *w, const struct pod *p, const int *among, int count, int *scores)
{
	int in_zone[ZONES] = { 0 }, zones = 0, least = INT32_MAX, most = 0;
	bool has_candidate[ZONES] = { false };

	for (int i = 0; i < w->node_count; i++)
		in_zone[w->nodes[i].zone] += of_its_set(&w->nodes[i], p);
	for (int i = 0; i < count; i++)
		has_candidate[w->nodes[among[i]].zone] = true;
	for (int i = 0; i < ZONES; i++)
		zones += has_candidate[i];
	for (int i = 0; i < count; i++) {
		const struct node *n = &w->nodes[among[i]];

		scores[i] = (int)round(of_its_set(n, p) * log(count + 2) + (3 - 1) + in_zone[n->zone] * log(zones + 2) +
				       (5 - 1));
		least = scores[i] < least ? scores[i] : least;
		most = scores[i] > most ? scores[i] : most;
	}
	for (int i = 0; i < count; i++)
		scores[i] = most ? SCORE_MAX * (most + least - scores[i]) / most : SCORE_MAX;
}

/* tainttoleration, DefaultNormalizeScore in reverse: taints that are not tolerated, at most one a node here. */
static int taint_toleration(const struct node *n)
{
	return n->tainted ? 0 : SCORE_MAX;
}

/* apis/config/v1/default_plugins.go: the weights. NodeAffinity, InterPodAffinity (required anti-affinity scores
 * nothing) and ImageLocality have nothing to say here. */
enum { OF_TAINTS = 3, OF_SPREAD = 2 };

int scheduler_choose(struct world *w, int pod, const int *among, int count)
{
	const struct pod *p = &w->pods[pod];
	static const int none = -1;
	int scores[NODES_MAX], most = -1, chosen = none, equals = 0;

	if (count < 2)
		return count ? among[0] : none;
	topology_spread(w, p, among, count, scores);
	for (int i = 0; i < count; i++) {
		const struct node *n = &w->nodes[among[i]];
		int score = OF_SPREAD * scores[i] + OF_TAINTS * taint_toleration(n) + least_allocated(n, p) +
			    balanced_allocation(n, p);

		if (score > most) {
			most = score;
			equals = 0;
		}
		if (score == most && world_chance(w, ++equals) == 0)
			chosen = among[i];
	}
	return chosen;
}
