/* spread: how evenly pods stand by kube-scheduler alone, and by codis-extender, in played clusters. Prints a table, and
 * fails where a bound is not kept. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/spread/played.h"
#include "tests/spread/world.h"

/* --- figures ------------------------------------------------------------------------------------------------------ */

/* Over nodes; where these differ in size, of each what a node of the middle size would have. */
struct figure {
	double least, mean, greatest, deviation;
};

struct figures {
	struct figure masters, pods, codis_memory, memory; /* memory: of what can be allocated, in percent */
	double masters_above;     /* the greatest number of masters on a node, over its share by size, rounded up */
	double product_above;     /* the same of one product */
	double product_deviation; /* of a product's masters, the mean of all products */
	double zone_excess;       /* the greatest share of masters in a zone over that of its nodes, in percent */
	double on_tainted;        /* pods there, in percent of what nodes without a taint have */
	bool zones_fit;
};

/* Where some have a taint that keeps Codis' pods away, it is the others that count. */
static bool counts(const struct node *n)
{
	return !n->tainted;
}

static struct figure figure_of(const struct world *w, double (*value)(const struct node *n, int product), int product)
{
	struct figure f = { .least = 1e9 };
	double squares = 0;
	int count = 0;

	for (int i = 0; i < w->node_count; i++) {
		double its = value(&w->nodes[i], product);

		if (!counts(&w->nodes[i]))
			continue;
		f.least = fmin(f.least, its);
		f.greatest = fmax(f.greatest, its);
		f.mean += its;
		squares += its * its;
		count++;
	}
	f.mean /= count;
	squares /= count;
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

/* The most that a node has above its share by size, rounded up; product -1: of all of them. */
static double above_share(const struct world *w, int product)
{
	double all = 0, sizes = 0, most = 0;

	for (int i = 0; i < w->node_count; i++) {
		all += product < 0 ? w->nodes[i].masters : w->nodes[i].masters_of[product];
		sizes += counts(&w->nodes[i]) ? w->nodes[i].size : 0;
	}
	for (int i = 0; i < w->node_count; i++) {
		const struct node *n = &w->nodes[i];
		int its = product < 0 ? n->masters : n->masters_of[product];

		most = fmax(most, its - ceil(all * n->size / sizes - 1e-9));
	}
	return most;
}

static double zone_excess(const struct world *w)
{
	double masters[ZONES] = { 0 }, sizes[ZONES] = { 0 }, all_masters = 0, all_sizes = 0, most = 0;

	for (int i = 0; i < w->node_count; i++) {
		const struct node *n = &w->nodes[i];

		masters[n->zone] += n->masters;
		sizes[n->zone] += counts(n) ? n->size : 0;
		all_masters += n->masters;
		all_sizes += counts(n) ? n->size : 0;
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

/* Whether each zone has room for a member of every group that has as many as there are zones, and for its part of the
 * other pods. Where one has not, it is full, and some stand elsewhere. */
static bool zones_fit(const struct world *w)
{
	double room[ZONES] = { 0 }, all = 0, zoned = 0, others = 0;
	bool fit = true;

	for (int i = 0; i < w->node_count; i++) {
		const struct node *n = &w->nodes[i];
		double its = counts(n) ? (double)(n->memory_mib - n->others_mib) : 0;

		room[n->zone] += its;
		all += its;
	}
	for (int i = 0; i < w->pod_count; i++)
		*(w->pods[i].group && w->kind.replica == ZONES ? &zoned : &others) += (double)w->pods[i].mib;
	for (int i = 0; i < ZONES; i++)
		fit = fit && zoned / ZONES / room[i] + others / all <= 1;
	return fit;
}

static void measure(const struct world *w, struct figures *f)
{
	*f = (struct figures){ .masters = figure_of(w, masters_of, 0),
			       .pods = figure_of(w, pods_of, 0),
			       .codis_memory = figure_of(w, codis_memory_of, 0),
			       .memory = figure_of(w, memory_of, 0),
			       .masters_above = above_share(w, -1),
			       .zone_excess = zone_excess(w),
			       .on_tainted = on_tainted(w),
			       .zones_fit = zones_fit(w) };
	for (int i = 0; i < PRODUCTS; i++) {
		struct figure its = figure_of(w, product_masters_of, i);

		f->product_above = fmax(f->product_above, above_share(w, i));
		f->product_deviation += its.deviation / PRODUCTS;
	}
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static void say_kind(const struct kind *k, char out[64])
{
	snprintf(out, 64, "%d %s, %d, %s%s%s%s", k->nodes, k->sizes ? "1:2:4" : "alike", k->replica,
		 k->at_once ? "at once" : "one by one", k->others ? ", others" : "", k->taints ? ", taints" : "",
		 k->moved ? ", moved" : "");
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

static void print_row(const struct kind *k, const char *what, const char *who, const struct figures *f,
		      const struct played *p)
{
	printf("%-34s %-9s", what, who);
	print_figure(&f->masters, k->sizes);
	print_figure(&f->pods, k->sizes);
	print_figure(&f->codis_memory, 0);
	print_figure(&f->memory, 0);
	printf(" | %+5.0f %4.2f | %5.1f | %5d | %5d", f->product_above, f->product_deviation, f->zone_excess,
	       p->groups_within_zone, p->waiting);
	printf(p->asked ? " | %5.1f\n" : " |\n", (double)p->offered / fmax(1, p->asked));
}

/* --- bounds ------------------------------------------------------------------------------------------------------- */

struct tally {
	int kept, broken;
};

static void bound(struct tally *t, const char *where, const char *what, double is, double most)
{
	if (is <= most + 1e-9) {
		t->kept++;
		return;
	}
	t->broken++;
	printf("NOT OK %s: %s is %.2f, at most %.2f\n", where, what, is, most);
}

/* What is not to be worse than by the default scheduler, the mean of the clusters of one kind. */
struct mean {
	double part; /* of one of them */
	double masters_sd, pods_sd, codis_sd, codis_most, memory_sd, memory_most, product_sd, zone, tainted;
};

static void add(struct mean *m, const struct figures *f)
{
	m->masters_sd += f->masters.deviation * m->part;
	m->pods_sd += f->pods.deviation * m->part;
	m->codis_sd += f->codis_memory.deviation * m->part;
	m->codis_most += f->codis_memory.greatest * m->part;
	m->memory_sd += f->memory.deviation * m->part;
	m->memory_most += f->memory.greatest * m->part;
	m->product_sd += f->product_deviation * m->part;
	m->zone += f->zone_excess * m->part;
	m->tainted += f->zones_fit ? f->on_tainted * m->part : 0;
}

static void print_mean(const char *what, const char *who, const struct mean *m)
{
	printf("%-34s %-9s | sd: masters %.2f, a product's %.2f, pods %.2f | memory of Codis: sd %.1f, most %.1f | of "
	       "all: sd "
	       "%.1f, most %.1f | zone %.1f | on tainted %.1f\n",
	       what, who, m->masters_sd, m->product_sd, m->pods_sd, m->codis_sd, m->codis_most, m->memory_sd,
	       m->memory_most, m->zone, m->tainted);
}

/* In every cluster. Masters that have moved are where their replicas were placed. */
static void check(struct tally *t, const struct kind *k, const char *where, const struct played *p,
		  const struct figures *f)
{
	bound(t, where, "pods beside a member of their group", p->beside_on_node, 0);
	bound(t, where, "pods in the zone of a member of their group, which is spread over zones", p->beside_in_zone,
	      0);
	if (f->zones_fit) {
		bound(t, where, "other groups of which two share a zone", p->groups_within_zone, 0);
		bound(t, where, "pods without a place", p->waiting, 0);
	}
	if (k->moved)
		return;
	bound(t, where, "masters on a node above its share", f->masters_above, k->sizes ? 2 : 1);
	bound(t, where, "masters of one product on a node above its share", f->product_above, 3);
}

/* Of clusters of one kind: the extender's against the default scheduler's. few: of so small ones few nodes are offered,
 * so what only the scheduler knows has less weight. */
static void compare(struct tally *t, const char *where, const struct mean *is, const struct mean *than, bool few)
{
	bound(t, where, "deviation of masters", is->masters_sd, 0.4 * than->masters_sd);
	bound(t, where, "deviation of a product's masters", is->product_sd, 0.9 * than->product_sd);
	bound(t, where, "deviation of pods", is->pods_sd, than->pods_sd + 0.25);
	bound(t, where, "deviation of Codis' memory", is->codis_sd, than->codis_sd + 0.25);
	bound(t, where, "the most memory of Codis", is->codis_most, than->codis_most + 6);
	bound(t, where, "deviation of memory", is->memory_sd, than->memory_sd + (few ? 5 : 2));
	bound(t, where, "the most memory", is->memory_most, than->memory_most + (few ? 10 : 8));
	bound(t, where, "masters in a zone above its share", is->zone, (few ? 0.2 : 0.1) * than->zone);
	bound(t, where, "pods on nodes with a taint", is->tainted, than->tainted);
}

static void play(struct tally *t, const struct kind *k, uint64_t seed, struct mean *by_default,
		 struct mean *by_extender)
{
	static struct world w;
	struct played played;
	struct figures figures;
	char where[64];

	say_kind(k, where);
	world_make(&w, k, seed);
	play_default(&w, &played);
	measure(&w, &figures);
	print_row(k, where, "default", &figures, &played);
	add(by_default, &figures);
	world_make(&w, k, seed);
	play_extender(&w, &played);
	measure(&w, &figures);
	print_row(k, where, "extender", &figures, &played);
	add(by_extender, &figures);
	check(t, k, where, &played, &figures);
}

/* Of how many clusters of a kind the figures are, and how many there are as a rule: the first are always the same. */
static int usual_seeds(const struct kind *k)
{
	return k->nodes < 500 ? 2 : 1;
}

static uint64_t seed_of(const struct kind *k, int variant, int number)
{
	int usual = usual_seeds(k);

	return (uint64_t)(k->nodes * 64 + k->others * 32 + k->taints * 16 + variant * usual + number % usual +
			  number / usual * 100000);
}

/* Groups of 2 and 3, one by one and at once, alike and not; times: so many times as many clusters as usual. */
static void play_all(struct tally *t, const struct kind *like, int times)
{
	int seeds = usual_seeds(like) * times;
	struct mean by_default = { .part = 1.0 / (8 * seeds) }, by_extender = by_default;
	char what[64];

	for (int i = 0; i < 8 * seeds; i++) {
		struct kind k = *like;

		k.sizes = i / seeds & 4;
		k.at_once = i / seeds & 2;
		k.replica = i / seeds & 1 ? 3 : 2;
		play(t, &k, seed_of(&k, i / seeds, i % seeds), &by_default, &by_extender);
	}
	snprintf(what, sizeof(what), "%d%s%s%s", like->nodes, like->others ? ", others" : "",
		 like->taints ? ", taints" : "", like->moved ? ", moved" : "");
	print_mean(what, "default", &by_default);
	print_mean(what, "extender", &by_extender);
	compare(t, what, &by_extender, &by_default, like->nodes < 50);
}

/* spread [TIMES]: so many times as many clusters of each kind as usual. */
int main(int argc, char **argv)
{
	int times = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1;
	struct tally t = { 0, 0 };

	if (times < 1 || argc > 2) {
		fprintf(stderr, "usage: spread [TIMES]\n");
		return 2;
	}
	print_head();
	for (int i = 0; i < 6; i++) {
		static const int nodes[] = { 12, 50, 500 };

		play_all(&t, &(struct kind){ .nodes = nodes[i / 2], .others = i & 1 }, times);
	}
	play_all(&t, &(struct kind){ .nodes = 50, .taints = true }, times);
	play_all(&t, &(struct kind){ .nodes = 50, .moved = true }, times);
	printf("%d passed, %d failed\n", t.kept, t.broken);
	return t.broken > 0;
}
