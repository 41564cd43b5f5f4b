/* simulate [--verbose|--first|--measure] FIRST [LAST]: the histories of these seeds, or until the first that breaks
 * something. A seed whose history breaks what must hold prints it as sentences, and fails. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "tests/simulation/arena.h"
#include "tests/simulation/sim.h"

#define GREEN_US S(120) /* once the faults are over, all is well within this */

/* --- a world at its beginning --- */

static void draw_settings(void)
{
	int r = chance_below(100);

	W.set.groups = 1 + chance_below(100) % 2;
	W.set.replicas = r < 62 ? 2 : r < 92 ? 3 : 1;
	W.set.proxies = chance_percent(80) ? 2 : 1;
	W.set.controllers = chance_percent(25) ? 1 : chance_percent(85) ? 2 : 3;
	W.set.volumes = chance_percent(25);
	W.set.reuse_addresses = chance_percent(30);
	W.set.cold = chance_percent(10);
	W.set.sync_us = chance_percent(80) ? chance_between(MS(50), S(2)) : chance_between(S(2), S(12));
	W.set.load_us = chance_percent(80) ? chance_between(MS(20), MS(500)) : chance_between(S(1), S(20));
	W.set.think_us = chance_between(MS(20), MS(60));
	W.set.backend_us = S(2);
	W.set.kubelet_us = chance_between(MS(500), S(3));
	W.set.faults_us = chance_between(S(1), S(8));
	W.set.mesh = chance_percent(15);
	r = chance_below(100);
	W.set.node_loss_ms = r < 60 ? (int)chance_between(5000, 12000) : r < 80 ? -1 : 60000;
	W.set.not_ready_us = chance_between(S(3), S(12));
}

/* Another SERVER_REPLICA, by a StatefulSet beside the first. */
static void draw_beside(void)
{
	static const int sizes[][2] = { { 1, 2 }, { 2, 3 }, { 3, 2 } };
	const int *size = sizes[chance_below(3)];

	W.beside.is = true;
	W.beside.replicas = size[1];
	W.set.groups = 1;
	W.set.replicas = size[0];
}

static void lead_at_once(int gid)
{
	struct codis_group g = { .id = gid };
	bool pings = chance_percent(70);

	for (int i = 0; i < W.set.replicas; i++) {
		struct pod *p = pod_named(SERVER, (gid - 1) * W.set.replicas + i), *m;
		struct redis *r = p->redis;

		codis_group_append(&g, p->addr);
		m = pod_at(g.servers[0].addr);
		r->ping_us = pings ? S(1) : S(10);
		if (p == m) {
			r->leads = r->has_backlog = true;
			r->master[0] = '\0';
			r->offset = 2;
			r->reign = ++W.reigns;
			continue;
		}
		snprintf(r->master, sizeof(r->master), "%s", m->addr);
		r->link = LINK_UP;
		r->up_since = -S(10);
		r->from = m;
		r->in = m->redis->out;
		r->lag = chance_between(100, 1500);
		r->offset = 2;
	}
	zk_write_group(&g);
}

static void serve_at_once(void)
{
	struct pod *d = pod_named(DASHBOARD, 0);
	char text[160];

	snprintf(text, sizeof(text), "{\"admin_addr\":\"%s\",\"start_time\":\"%s\"}", d->addr, go_time(0));
	zk_write("topom", text);
	for (int i = 0; i < CODIS_SLOTS; i++)
		W.assigned[i] = (int16_t)(i * W.set.groups / CODIS_SLOTS + 1);
	for (int i = 0; i < W.set.proxies; i++) {
		struct pod *p = pod_named(PROXY, i);

		zk_write_proxy(p->proxy->token, p->addr);
		p->proxy->online = true;
		for (int s = 0; s < CODIS_SLOTS; s++) {
			const struct codis_group *g = zk_group(W.assigned[s]);

			p->proxy->slots[s].group = g->id;
			snprintf(p->proxy->slots[s].addr, SIM_ADDR, "%.23s", g->servers[0].addr);
		}
	}
	snprintf(W.slots_note, sizeof(W.slots_note), W.set.groups == 1 ? "1=8/100" : "1=4/100,2=4/100");
	d->dashboard->serves = true;
	d->dashboard->stale = true;
}

static void place(enum pod_kind kind, int ordinal, int node)
{
	struct pod *p = new_pod(kind, ordinal);

	p->node = node % NODES;
	p->bound = true;
	pod_started(p);
}

static void begin_world(uint64_t seed, bool verbose)
{
	int first;

	world_reset();
	wire_reset_all();
	zk_reset();
	uv_played_reset();
	check_begin();
	W.seed = seed;
	W.chance = seed * 0x2545f4914f6cdd1dull + 1;
	W.verbose = verbose;
	for (int i = 0; i < NODES; i++)
		W.node_up[i] = W.node_ready[i] = true;
	draw_settings();
	W.hides = seed % 16 == 14 && !W.set.cold;
	if (seed % 16 == 15 && !W.set.cold)
		draw_beside();
	W.servers = W.set.groups * W.set.replicas;
	if (!W.set.cold)
		snprintf(W.had_note, sizeof(W.had_note), W.set.groups == 1 ? "1" : "1,2");
	first = chance_below(NODES);
	for (int i = 0; i < W.set.groups * W.set.replicas; i++)
		place(SERVER, i, first + i % W.set.replicas + i / W.set.replicas);
	for (int i = 0; i < W.set.proxies; i++)
		place(PROXY, i, first + 1 + i);
	place(DASHBOARD, 0, first + 3);
	for (int g = 1; g <= W.set.groups && !W.set.cold; g++)
		lead_at_once(g);
	if (!W.set.cold)
		serve_at_once();
	say("seed %llu: %d groups of %d, %d proxies, %d controllers%s%s%s; a sync takes %.1f s, loading %.1f s",
	    (unsigned long long)seed, W.set.groups, W.set.replicas, W.set.proxies, W.set.controllers,
	    W.set.volumes ? ", volumes" : "", W.set.reuse_addresses ? ", addresses come again" : "",
	    W.set.cold ? ", a cold start" : "", (double)W.set.sync_us / 1e6, (double)W.set.load_us / 1e6);
	for (int i = 0; i < W.set.controllers; i++) {
		W.controllers[i].index = i;
		W.controllers[i].node = (first + 1 + 2 * i) % NODES;
		controller_start(&W.controllers[i]);
	}
}

/* --- a history --- */

static void on_cron(void *ctx, int64_t arg)
{
	(void)ctx;
	proxy_cron();
	if (arg % 10 == 0)
		redis_cron();
	after(MS(100), on_cron, NULL, arg + 1);
}

/* For a second, looked at five times in it. */
static struct {
	int64_t looked_us, since_us;
	char why[1200];
} green;

static bool green_again(void)
{
	char why[1200];

	if (W.now - green.looked_us < MS(200))
		return green.since_us && green.looked_us - green.since_us >= S(1);
	green.looked_us = W.now;
	if (check_green(why, sizeof(why))) {
		green.since_us = green.since_us ? green.since_us : W.now;
		return W.now - green.since_us >= S(1);
	}
	green.since_us = 0;
	if (strcmp(why, green.why) != 0)
		say("not yet: %s", why);
	memcpy(green.why, why, sizeof(why));
	return false;
}

static void run_history(void)
{
	char why[1200] = "";

	after(0, on_cron, NULL, 1);
	faults_draw();
	run_until(W.faults_over_us, NULL);
	if (W.broken[0])
		return;
	faults_end();
	memset(&green, 0, sizeof(green));
	run_until(W.faults_over_us + GREEN_US, green_again);
	if (W.broken[0])
		return;
	if (!green_again() && !check_green(why, sizeof(why)))
		broken("%d s after the faults were over: %s", (int)(GREEN_US / S(1)), why);
	check_end();
}

static bool simulate(uint64_t seed, bool verbose, bool measure, int64_t *simulated)
{
	bool ok;

	arena_begin();
	begin_world(seed, verbose);
	W.measure = measure;
	run_history();
	ok = !W.broken[0];
	if (!ok && !verbose)
		printf("seed %llu: %s\n", (unsigned long long)seed, W.broken);
	else if (ok)
		say("all is well");
	*simulated += W.now;
	arena_end();
	return ok;
}

static double real_seconds(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* What libraries keep for good is not of a history's memory. */
static void warm_up(void)
{
	static char printed[8192];
	char xauth[CODIS_XAUTH_SIZE];

	setvbuf(stdout, printed, _IOLBF, sizeof(printed));
	printf("%s", "");
	codis_xauth("a", "b", "c", xauth);
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0;
	bool first_only = argc > 1 && strcmp(argv[1], "--first") == 0;
	bool measure = argc > 1 && strcmp(argv[1], "--measure") == 0;
	int at = 1 + (verbose || first_only || measure);
	uint64_t first = argc > at ? strtoull(argv[at], NULL, 10) : 1;
	uint64_t last = argc > at + 1 ? strtoull(argv[at + 1], NULL, 10) : first;
	double began = real_seconds(), took;
	int failed = 0;
	int64_t simulated = 0;

	if (!first || last < first) {
		fprintf(stderr, "simulate: FIRST is a number from 1 on, and LAST not below it\n");
		return 2;
	}
	warm_up();
	for (uint64_t seed = first; seed <= last && !(failed && first_only); seed++)
		failed += !simulate(seed, verbose, measure, &simulated);
	took = real_seconds() - began;
	printf("%llu histories of %.1f s each, %.0f a second\n", (unsigned long long)(last - first + 1),
	       (double)simulated / 1e6 / (double)(last - first + 1), (double)(last - first + 1) / took);
	printf("%d passed, %d failed\n", (int)(last - first + 1) - failed, failed);
	return failed ? 1 : 0;
}
