/* spread: how evenly pods stand by kube-scheduler alone, and by codis-extender, in played clusters. Prints a table, and
 * fails where a bound is not kept. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/spread/played.h"
#include "tests/spread/world.h"

#define SEEDS 1

/* --- figures ------------------------------------------------------------------------------------------------------ */

/* Over nodes; where these differ in size, of each what a node of the middle size would have. */
struct figure {
	double least, mean, greatest, deviation;
};

struct figures {
	struct figure masters, pods, codis_memory, memory; /* memory: of what can be allocated, in percent */
	double product_excess;    /* the greatest number of one product's masters on a node, over the mean rounded up */
	double product_deviation; /* of a product's masters, the mean of all products */
	double zone_excess;       /* the greatest share of masters in a zone over that of its nodes, in percent */
	double on_tainted;        /* pods there, in percent of what nodes without a taint have */
};

static struct figure figure_of(const struct world *w, double (*value)(const struct node *n, int product), int product)
{
	struct figure f = { .least = 1e9 };
	double squares = 0;

	for (int i = 0; i < w->node_count; i++) {
		double its = value(&w->nodes[i], product);

		f.least = its < f.least ? its : f.least;
		f.greatest = its > f.greatest ? its : f.greatest;
		f.mean += its / w->node_count;
		squares += its * its / w->node_count;
	}
	f.deviation = sqrt(fmax(0, squares - f.mean * f.mean));
	return f;
}

static double masters_of(const struct node *n, int product)
{
	(void)product;
	return n->masters * 2.0 / n->size;
}

static double product_masters_of(const struct node *n, int product)
{
	return n->masters_of[product] * 2.0 / n->size;
}

static double pods_of(const struct node *n, int product)
{
	(void)product;
	return n->pods * 2.0 / n->size;
}

static double codis_memory_of(const struct node *n, int product)
{
	(void)product;
	return 100.0 * (double)n->codis_mib / (double)n->memory_mib;
}

static double memory_of(const struct node *n, int product)
{
	(void)product;
	return 100.0 * (double)n->used_mib / (double)n->memory_mib;
}

static double zone_excess(const struct world *w)
{
	double masters[ZONES] = { 0 }, sizes[ZONES] = { 0 }, all_masters = 0, all_sizes = 0, most = 0;

	for (int i = 0; i < w->node_count; i++) {
		masters[w->nodes[i].zone] += w->nodes[i].masters;
		sizes[w->nodes[i].zone] += w->nodes[i].size;
		all_masters += w->nodes[i].masters;
		all_sizes += w->nodes[i].size;
	}
	for (int i = 0; i < ZONES; i++)
		most = fmax(most, masters[i] / all_masters / (sizes[i] / all_sizes));
	return 100 * (most - 1);
}

static double on_tainted(const struct world *w)
{
	double pods[2] = { 0 }, nodes[2] = { 0 };

	for (int i = 0; i < w->node_count; i++) {
		pods[w->nodes[i].tainted] += w->nodes[i].pods;
		nodes[w->nodes[i].tainted] += w->nodes[i].size;
	}
	return nodes[1] > 0 ? 100 * (pods[1] / nodes[1]) / (pods[0] / nodes[0]) : 0;
}

static void measure(const struct world *w, struct figures *f)
{
	*f = (struct figures){ .masters = figure_of(w, masters_of, 0),
			       .pods = figure_of(w, pods_of, 0),
			       .codis_memory = figure_of(w, codis_memory_of, 0),
			       .memory = figure_of(w, memory_of, 0),
			       .zone_excess = zone_excess(w),
			       .on_tainted = on_tainted(w) };
	for (int i = 0; i < PRODUCTS; i++) {
		struct figure its = figure_of(w, product_masters_of, i);

		f->product_excess = fmax(f->product_excess, its.greatest - ceil(its.mean));
		f->product_deviation += its.deviation / PRODUCTS;
	}
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static void say_kind(const struct kind *k, char out[64])
{
	snprintf(out, 64, "%d %s, %d, %s%s%s", k->nodes, k->sizes ? "1:2:4" : "alike", k->replica,
		 k->at_once ? "at once" : "one by one", k->others ? ", others" : "", k->taints ? ", taints" : "");
}

static void print_figure(const struct figure *f, int digits)
{
	printf(" | %5.*f %5.1f %5.*f %5.2f", digits, f->least, f->mean, digits, f->greatest, f->deviation);
}

static void print_head(void)
{
	printf("%-34s %-9s | %-23s | %-23s | %-23s | %-23s | %-10s | %5s | %5s | %5s | %5s\n", "", "", "masters a node",
	       "pods a node", "memory of Codis, %", "memory of all, %", "a product's", "zone,", "pairs", "waits",
	       "offer");
	printf("%-34s %-9s", "nodes, group, arrival", "");
	for (int i = 0; i < 4; i++)
		printf(" | %5s %5s %5s %5s", "least", "mean", "most", "sd");
	printf(" | %5s %4s | %5s | %5s | %5s | %5s\n", "most", "sd", "%", "zoned", "", "");
}

static void print_row(const struct kind *k, const char *who, const struct figures *f, const struct played *p)
{
	char what[64];

	say_kind(k, what);
	printf("%-34s %-9s", what, who);
	print_figure(&f->masters, k->sizes);
	print_figure(&f->pods, k->sizes);
	print_figure(&f->codis_memory, 0);
	print_figure(&f->memory, 0);
	printf(" | %+5.1f %4.2f | %5.1f | %5d | %5d", f->product_excess, f->product_deviation, f->zone_excess,
	       p->groups_within_zone, p->waiting);
	printf(p->asked ? " | %5.1f\n" : " |\n", (double)p->offered / fmax(1, p->asked));
}

/* --- bounds ------------------------------------------------------------------------------------------------------- */

struct tally {
	int kept, broken;
};

static void bound(struct tally *t, const struct kind *k, const char *what, double is, double most)
{
	char where[64];

	if (is <= most + 1e-9) {
		t->kept++;
		return;
	}
	t->broken++;
	say_kind(k, where);
	printf("NOT OK %s: %s is %.2f, at most %.2f\n", where, what, is, most);
}

static void check(struct tally *t, const struct kind *k, const struct played *p)
{
	bound(t, k, "pods beside a member of their group", p->beside_on_node, 0);
	bound(t, k, "pods in the zone of a member of their group, which is spread over zones", p->beside_in_zone, 0);
	bound(t, k, "pods without a place", p->waiting, 0);
}

static void play(struct tally *t, const struct kind *k, uint64_t seed)
{
	static struct world w;
	struct played by_default, by_extender;
	struct figures figures;

	world_make(&w, k, seed);
	play_default(&w, &by_default);
	measure(&w, &figures);
	print_row(k, "default", &figures, &by_default);
	world_make(&w, k, seed);
	play_extender(&w, &by_extender);
	measure(&w, &figures);
	print_row(k, "extender", &figures, &by_extender);
	check(t, k, &by_extender);
}

int main(void)
{
	struct tally t = { 0, 0 };

	print_head();
	for (int i = 0; i < 48 * SEEDS; i++) {
		static const int nodes[] = { 12, 50, 500 };
		const struct kind k = { .nodes = nodes[i / SEEDS / 16],
					.sizes = i / SEEDS & 8,
					.others = i / SEEDS & 4,
					.at_once = i / SEEDS & 2,
					.replica = i / SEEDS & 1 ? 3 : 2 };

		play(&t, &k, (uint64_t)i);
	}
	printf("%d passed, %d failed\n", t.kept, t.broken);
	return t.broken > 0;
}
