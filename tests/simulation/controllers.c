/* controllers.c - the controllers: what main.c of codis-controller does, and how they end and are stopped. Whatever
 * they hold is forgotten with them. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "common/kube/lease.h"
#include "controller/cluster.h"
#include "controller/roster.h"
#include "tests/simulation/sim.h"

#define TICK_US         MS(100)
#define LEASE_MS        4000
#define STANDBY_STEP_MS 25

extern struct sim_controller *running; /* clock.c */

static jmp_buf crash;

struct sim_controller *controller_of(const uv_loop_t *uv)
{
	return uv->data;
}

struct cluster *controller_cluster(struct sim_controller *c)
{
	struct cluster *x = c->clusters ? clusters_first(c->clusters) : NULL;

	while (x && strcmp(x->namespace, NAMESPACE) != 0)
		x = x->next;
	return x;
}

/* What a process does in one turn; it may end in the middle of it. */
void controller_run(struct sim_controller *c, event_fn fn, void *ctx, int64_t arg)
{
	running = c;
	if (setjmp(crash) == 0)
		fn(ctx, arg);
	running = NULL;
	if (c->alive)
		check_turn(c);
}

void controller_may_crash(struct sim_controller *c)
{
	if (running != c || c->crash_in <= 0 || --c->crash_in > 0)
		return;
	controller_end(c);
	longjmp(crash, 1);
}

/* --- as main.c --- */

static void on_lease(void *ctx, enum lease_state state, const char *holder)
{
	struct sim_controller *c = ctx;

	(void)holder;
	controller_take_mandate(&c->ctl, state == LEASE_HELD     ? MANDATE_LEAD
					 : state == LEASE_UNSURE ? MANDATE_FAILOVER
								 : MANDATE_STANDBY);
	say("controller %d %s", c->index,
	    state == LEASE_HELD     ? "leads"
	    : state == LEASE_UNSURE ? "does not know whether it leads"
				    : "follows");
	clusters_look(c->clusters);
}

/* A lease that cannot be used is left to another one. */
static void look_around(struct sim_controller *c)
{
	struct sight_seen seen;

	clusters_seen(c->clusters, &seen);
	if (!sight_look(&c->sight, &seen, c->ctl.mandate == MANDATE_LEAD, LEASE_MS, clock_mono_ms()))
		return;
	say("controller %d gives its lease up", c->index);
	lease_step_aside(c->lease, 2 * LEASE_MS);
}

static void on_tick(void *ctx, int64_t arg)
{
	struct sim_controller *c = ctx;

	(void)arg;
	timer_in(c, TICK_US, on_tick, c, 0);
	zk_settle(c);
	clusters_tick(c->clusters, clock_mono_ms());
	look_around(c);
	check_sight(c);
}

static void on_listed(void *ctx, int64_t arg)
{
	struct sim_controller *c = ctx;

	(void)arg;
	c->ctl.kube_synced = c->ctl.kube_fresh = true;
}

static void begin(void *ctx, int64_t arg)
{
	struct sim_controller *c = ctx;
	char name[8];
	struct lease_config lease = { .namespace = "codis-system",
				      .name = "codis-controller",
				      .identity = name,
				      .duration_ms = LEASE_MS,
				      .retry_ms = LEASE_MS / 4,
				      .on_change = on_lease,
				      .ctx = c };

	(void)arg;
	snprintf(name, sizeof(name), "c%d", c->index);
	c->loop.data = c;
	c->log =
		(struct logger){ .fd = 1, .level = W.verbose ? LOG_LEVEL_INFO : (enum log_level)(LOG_LEVEL_ERROR + 1) };
	c->ctl = (struct controller){ .uv = &c->loop,
				      .log = &c->log,
				      .metrics = metrics_new(),
				      .kube = kube_played(c),
				      .inventory = inventory_new(),
				      .limits = DECIDE_LIMITS,
				      .probe_ms = 250,
				      .probe_timeout_ms = 500,
				      .mandate = MANDATE_NONE };
	c->ctl.limits.standby_ms += c->index * STANDBY_STEP_MS;
	c->ctl.limits.node_loss_ms = W.set.node_loss_ms;
	sight_init(&c->sight, LEASE_MS);
	c->clusters = clusters_new(&c->ctl, c->ctl.inventory);
	c->lease = lease_start(c->ctl.uv, c->ctl.kube, &lease, NULL);
	kube_feed(c);
	after_in(c, c->watch_last_us - W.now + MS(1), on_listed, c, 0);
	timer_in(c, TICK_US, on_tick, c, 0);
}

void controller_start(struct sim_controller *c)
{
	if (c->alive || !W.node_up[c->node])
		return;
	c->alive = true;
	c->began_us = W.now;
	c->blind_us = 0;
	c->stopped = false;
	c->epoch++;
	c->crash_in = 0;
	c->held_count = 0;
	c->watch_last_us = W.now;
	say("controller %d starts", c->index);
	check_who_is_led();
	controller_run(c, begin, c, 0);
}

static void on_restart(void *ctx, int64_t arg)
{
	(void)arg;
	controller_start(ctx);
}

void controller_end(struct sim_controller *c)
{
	if (!c->alive)
		return;
	say("controller %d crashes", c->index);
	bounds_controller_ended();
	c->alive = c->stopped = false;
	c->epoch++;
	c->clusters = NULL;
	check_who_is_led();
	zk_forget(c);
	after(chance_between(MS(500), S(6)), on_restart, c, 0);
}

void controller_stop(struct sim_controller *c)
{
	if (!c->alive || c->stopped)
		return;
	c->stopped = true;
	say("controller %d is stopped (SIGSTOP)", c->index);
}

/* Timers before sockets, as libuv has it. */
void controller_continue(struct sim_controller *c)
{
	if (!c->alive || !c->stopped)
		return;
	c->stopped = false;
	c->sick_us = W.now;
	say("controller %d goes on (SIGCONT)", c->index);
	for (int timers = 1; timers >= 0; timers--) {
		for (int i = 0; i < c->held_count; i++) {
			struct held h = c->held[i];

			if (h.timer == timers)
				timer_in(c, 0, h.fn, h.ctx, h.arg);
		}
	}
	c->held_count = 0;
}
