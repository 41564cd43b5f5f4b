/* codis-controller - joins, fails over, heals: observe -> picture (pure) -> decide (pure) -> act. See
 * docs/architecture.md. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "common/codis/inventory_watch.h"
#include "common/kube/budgets.h"
#include "common/kube/event.h"
#include "common/kube/lease.h"
#include "common/kube/namespaces.h"
#include "common/kube/program.h"
#include "controller/cluster.h"
#include "controller/clusters.h"
#include "controller/drain.h"
#include "controller/history.h"
#include "controller/leader_label.h"
#include "controller/op.h"
#include "controller/options.h"
#include "controller/page.h"
#include "controller/programs.h"
#include "controller/recent.h"
#include "controller/secrets.h"
#include "controller/sight.h"
#include "controller/viewer.h"

#define TICK_MS    100
#define HISTORY_MS 30000 /* what the one that leads has done is on the page of the other one so much later */
/* Several that do not lead promote one after the other: the first of them is enough. */
#define STANDBY_STEP_MS 15
#define STANDBY_STEPS   3

struct codis_controller {
	struct program program;
	struct options opt;
	struct controller ctl;
	struct lease *lease;
	struct leader_label *label; /* NULL: it is in no pod */
	struct namespaces *namespaces;
	struct inventory *inventory;
	struct inventory_watch *watch;
	struct clusters *clusters;
	struct page *page;
	struct programs *programs;
	struct loop_timer *tick;
	struct sight sight;
	bool another_leads, led;
	atomic_bool useless; /* it sees nothing, and another one leads: for the ops server's threads */
	uv_signal_t usr2;
	char identity[254];
};

/* --- what is served ----------------------------------------------------------------------------------------------- */

static void serve_status(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct codis_controller *p = ctx;

	page_serve(p->page, req, res);
}

static int add_metrics(void *ctx, struct buf *out)
{
	struct codis_controller *p = ctx;

	return page_metrics(p->page, out);
}

static bool knows_kube(const struct codis_controller *p, char *why_not, size_t size)
{

	if (!namespaces_known(p->namespaces)) {
		snprintf(why_not, size, "the namespaces have not been listed yet");
		return false;
	}
	return inventory_watch_ready(p->watch, why_not, size);
}

/* Whoever leads is ready, whatever it sees, and so is one where nobody leads: somebody has to serve /status. */
static bool is_ready(void *ctx, char *why_not, size_t size)
{
	const struct codis_controller *p = ctx;

	if (atomic_load(&p->useless)) {
		snprintf(
			why_not, size,
			"ZooKeeper does not answer it, or fewer than half of all servers do; another controller leads");
		return false;
	}
	return knows_kube(p, why_not, size);
}

static bool heard(void *ctx, int64_t max_age_ms)
{
	const struct codis_controller *p = ctx;

	return inventory_watch_fresh(p->watch, max_age_ms);
}

/* --- what is heard ------------------------------------------------------------------------------------------------ */

/* A lease that cannot be used is left to another one. */
static void look_around(struct codis_controller *p, int64_t now_ms)
{
	bool leads = p->lease && p->ctl.mandate == MANDATE_LEAD && !p->ctl.leaving;
	bool was_blind = p->sight.blind_since_ms;
	struct sight_seen seen;
	char words[100];

	clusters_seen(p->clusters, &seen);
	if (sight_look(&p->sight, &seen, leads, p->opt.lease_ms, now_ms)) {
		log_warn(&p->program.log, "lease.given_up", "error=%s", LOGQ(sight_words(&seen, words, sizeof(words))));
		lease_step_aside(p->lease, 2 * p->opt.lease_ms);
	}
	if (p->lease && was_blind && !p->sight.blind_since_ms)
		lease_stand_again(p->lease);
	atomic_store(&p->useless, p->another_leads && sight_is_blind(&p->sight, now_ms));
}

static void on_tick(void *ctx)
{
	struct codis_controller *p = ctx;
	int64_t now_ms = clock_mono_ms();
	char why_not[200];

	p->ctl.kube_synced |= knows_kube(p, why_not, sizeof(why_not));
	p->ctl.kube_fresh = p->ctl.kube_synced && inventory_watch_fresh(p->watch, INVENTORY_FRESH_MS);
	secrets_tick(p->ctl.secrets, now_ms);
	clusters_tick(p->clusters, now_ms);
	look_around(p, now_ms);
}

static void on_kube_error(void *ctx, const struct error *err)
{
	struct codis_controller *p = ctx;

	log_warn(&p->program.log, "kube.error", "error=%s", LOGQ(err->text));
}

static bool takes_part(void *ctx, const char *namespace)
{
	struct codis_controller *p = ctx;

	return namespaces_match(p->namespaces, namespace);
}

static void on_namespaces(void *ctx)
{
	struct codis_controller *p = ctx;

	clusters_namespaces_changed(p->clusters);
}

static void on_namespaces_error(void *ctx, const struct error *err)
{
	struct codis_controller *p = ctx;

	program_call_failed(&p->program);
	log_warn(&p->program.log, "kube.error", "resource=namespaces selector=%s error=%s",
		 LOGQ(p->opt.namespace_selector), LOGQ(err->text));
}

static void on_watch_error(void *ctx, const char *resource, const struct error *err)
{
	struct codis_controller *p = ctx;

	program_call_failed(&p->program);
	log_warn(&p->program.log, "kube.error", "resource=%s error=%s", resource, LOGQ(err->text));
}

/* A pod or StatefulSet that says something impossible: whoever applied it is told on it. */
static void on_unreadable(void *ctx, const char *resource, const cJSON *object, const struct error *err)
{
	struct codis_controller *p = ctx;
	const char *namespace = json_str(object, "metadata", "namespace", NULL);
	const char *name = json_str(object, "metadata", "name", NULL);

	log_warn(&p->program.log, "kube.unreadable", "resource=%s namespace=%s name=%s error=%s", resource,
		 LOGW(namespace), LOGW(name), LOGQ(err->text));
	if (strcmp(resource, "pods") == 0 && p->ctl.mandate == MANDATE_LEAD)
		kube_event_once(p->ctl.events, "Pod", object, true, "NotLed", "%s", err->text);
}

static void on_secret(void *ctx, const char *namespace)
{
	struct codis_controller *p = ctx;

	clusters_take_stock(p->clusters, namespace);
}

static void on_budget(void *ctx, const char *namespace)
{
	struct codis_controller *p = ctx;

	clusters_budgets_changed(p->clusters, namespace);
}

static void on_budgets_error(void *ctx, const struct error *err)
{
	on_watch_error(ctx, "poddisruptionbudgets", err);
}

/* Who led before has added what it did until then. Nobody led between LEASE_UNSURE and holding it again. */
static void note_leader(struct codis_controller *p, enum lease_state state)
{
	bool led = p->led;

	p->led = state == LEASE_HELD || (led && state == LEASE_UNSURE);
	if (state != LEASE_HELD || led)
		return;
	history_note(p->ctl.history, p->opt.namespace, "", clock_wall_ms(), "leads from now on");
	history_reread(p->ctl.history);
}

static void on_lease(void *ctx, enum lease_state state, const char *holder)
{
	struct codis_controller *p = ctx;

	controller_take_mandate(&p->ctl, state == LEASE_HELD     ? MANDATE_LEAD
					 : state == LEASE_UNSURE ? MANDATE_FAILOVER
								 : MANDATE_STANDBY);
	if (state != LEASE_FOLLOWING || holder[0])
		p->ctl.unled_since_ms = 0;
	else if (!p->ctl.unled_since_ms)
		p->ctl.unled_since_ms = clock_mono_ms();
	p->another_leads = state == LEASE_FOLLOWING && holder[0] && strcmp(holder, p->identity) != 0;
	log_info(&p->program.log, "lease", "state=%s holder=%s",
		 state == LEASE_HELD     ? "held"
		 : state == LEASE_UNSURE ? "unsure"
					 : "following",
		 LOGW(holder));
	metric_set(metric_gauge(p->ctl.metrics, "codis_controller_leader", "", "1 while this controller leads."),
		   state == LEASE_HELD);
	note_leader(p, state);
	if (state != LEASE_UNSURE) /* nobody has told that another one leads, nor could it be written */
		leader_label_set(p->label, state == LEASE_HELD);
	clusters_look(p->clusters);
}

/* --- start and stop ----------------------------------------------------------------------------------------------- */

static void on_told(void *ctx)
{
	struct codis_controller *p = ctx;

	program_end(&p->program);
}

/* Another one may lead from here on: it does not wait for what is told. */
static void on_released(void *ctx)
{
	struct codis_controller *p = ctx;

	kube_events_flush(p->ctl.events, on_told, p);
}

static void on_kept(void *ctx)
{
	struct codis_controller *p = ctx;

	if (p->lease)
		lease_give_back(p->lease, on_released, p);
	else
		on_released(p);
}

static void on_drained(void *ctx)
{
	struct codis_controller *p = ctx;

	p->ctl.mandate = MANDATE_NONE;
	history_flush(p->ctl.history, on_kept, p);
}

static int under_way(void *ctx)
{
	const struct codis_controller *p = ctx;
	int n = 0;

	for (const struct cluster *c = clusters_first(p->clusters); c; c = c->next)
		n += c->running + (c->reload_ms != 0);
	return n;
}

static void drain(void *ctx)
{
	struct codis_controller *p = ctx;

	drain_begin(&p->ctl, under_way, on_drained, p);
}

static void on_usr2(uv_signal_t *handle, int signum)
{
	struct codis_controller *p = handle->data;

	(void)signum;
	p->ctl.crash_armed = true;
	log_warn(&p->program.log, "crash.armed", "point=%s", p->opt.crash_at);
}

/* What is known of Kubernetes, and who needs it. */
static int start_kube(struct codis_controller *p, struct error *err)
{
	struct namespaces_config namespaces = { .selector = p->opt.namespace_selector,
						.on_change = on_namespaces,
						.on_error = on_namespaces_error,
						.ctx = p };
	struct inventory_watch_config watch = { .parts = INVENTORY_NODES | INVENTORY_PODS | INVENTORY_SETS,
						.program = "codis-controller",
						.on_unreadable = on_unreadable,
						.on_error = on_watch_error,
						.ctx = p };
	struct budgets_config budgets = { .on_change = on_budget, .on_error = on_budgets_error, .ctx = p };

	/* Without: Events are written, too. */
	if (!p->opt.dry_run)
		p->ctl.events = kube_events_new(p->ctl.kube, "codis-controller", p->identity, p->ctl.metrics,
						"codis_controller_events_dropped_total");
	p->ctl.secrets = secrets_new(p->ctl.kube, on_secret, p);
	p->inventory = inventory_new();
	p->clusters = p->inventory ? clusters_new(&p->ctl, p->inventory) : NULL;
	if ((!p->ctl.events && !p->opt.dry_run) || !p->ctl.secrets || !p->clusters)
		return error_set(err, ERR_NOMEM, "no memory");
	p->namespaces = namespaces_start(p->ctl.uv, p->ctl.kube, &namespaces, err);
	if (!p->namespaces)
		return -1;
	p->ctl.inventory = watch.inventory = p->inventory;
	p->watch = inventory_watch_start(p->ctl.uv, p->ctl.kube, &watch, err);
	if (!p->watch)
		return -1;
	p->ctl.budgets = budgets_start(p->ctl.uv, p->ctl.kube, &budgets, err);
	p->ctl.each_budget = budgets_each;
	return p->ctl.budgets ? 0 : -1;
}

static void on_history(void *ctx)
{
	struct codis_controller *p = ctx;

	for (struct cluster *c = clusters_first(p->clusters); c; c = c->next)
		recent_recall(c);
}

/* For people: who may not write either has everything else. */
static int start_telling(struct codis_controller *p, struct error *err)
{
	struct history_config history = { .namespace = p->opt.namespace,
					  .identity = p->identity,
					  .log = p->ctl.log,
					  .reread_ms = HISTORY_MS,
					  .on_read = on_history,
					  .ctx = p };

	p->ctl.history = history_new(p->ctl.uv, p->ctl.kube, &history);
	if (p->opt.pod_name)
		p->label = leader_label_new(p->ctl.uv, p->ctl.kube, p->opt.namespace, p->identity, p->ctl.log);
	return p->ctl.history && (p->label || !p->opt.pod_name) ? 0 : error_set(err, ERR_NOMEM, "no memory");
}

static int start_lease(struct codis_controller *p, struct error *err)
{
	struct lease_config lease = { .namespace = p->opt.namespace,
				      .name = p->opt.lease,
				      .identity = p->identity,
				      .duration_ms = p->opt.lease_ms,
				      .retry_ms = p->opt.lease_ms / 4,
				      .on_change = on_lease,
				      .on_error = on_kube_error,
				      .ctx = p };

	p->lease = lease_start(p->ctl.uv, p->ctl.kube, &lease, err);
	return p->lease ? 0 : -1;
}

static void configure(struct codis_controller *p)
{
	p->ctl.log = &p->program.log;
	p->ctl.uv = &p->program.loop.uv;
	p->ctl.metrics = p->program.metrics;
	op_begin_metrics(p->ctl.metrics);
	p->ctl.kube = p->program.kube;
	p->ctl.takes_part = takes_part;
	p->ctl.takes_part_ctx = p;
	/* Whoever leads, and also where the Lease cannot be had: a failover is safe by its fence. */
	p->ctl.mandate = p->opt.dry_run ? MANDATE_LEAD : MANDATE_STANDBY;
	p->ctl.unled_since_ms = p->opt.dry_run ? 0 : clock_mono_ms();
	p->ctl.limits = (struct decide_limits)DECIDE_LIMITS;
	p->ctl.limits.silence_ms = p->opt.silence_ms;
	p->ctl.limits.cold_wait_ms = p->opt.cold_wait_ms;
	p->ctl.limits.proxy_gone_ms = p->opt.proxy_gone_ms;
	p->ctl.limits.silent_failovers = p->opt.max_silent_failovers;
	p->ctl.limits.deletions = p->opt.max_deletions;
	p->ctl.limits.cluster_deletions = p->opt.max_deletions / 3;
	p->ctl.dry_run = p->opt.dry_run;
	p->ctl.probe_ms = p->opt.probe_ms;
	p->ctl.probe_timeout_ms = p->opt.probe_timeout_ms;
	p->ctl.crash_at = p->opt.crash_at;
	if (p->opt.pod_name)
		snprintf(p->identity, sizeof(p->identity), "%s", p->opt.pod_name);
	else
		gethostname(p->identity, sizeof(p->identity) - 1);
	p->ctl.limits.standby_ms += (int)(hash_text(HASH_INIT, p->identity) % STANDBY_STEPS) * STANDBY_STEP_MS;
	p->ctl.limits.unsure_ms = p->opt.lease_ms;
	sight_init(&p->sight, p->opt.lease_ms);
}

static int start(void *ctx, struct error *err)
{
	struct codis_controller *p = ctx;

	configure(p);
	p->ctl.limits.bound = strcmp(p->opt.bound_writes, "always") == 0  ? BOUND_ALWAYS
			      : strcmp(p->opt.bound_writes, "never") == 0 ? BOUND_NEVER
									  : BOUND_AUTO;
	if (options_node_loss(p->opt.node_loss, &p->ctl.limits.node_loss_ms, err) < 0)
		return -1;
	if (start_kube(p, err) < 0 || (!p->opt.dry_run && (start_telling(p, err) < 0 || start_lease(p, err) < 0)))
		return -1;
	p->programs = programs_new(p->ctl.uv, p->ctl.kube, p->opt.namespace, p->ctl.log, err);
	p->page = p->programs ? page_new(&p->ctl, p->clusters, p->programs, p->identity, err) : NULL;
	if (!p->page)
		return -1;
	p->tick = loop_timer_start(p->ctl.uv, 0, TICK_MS, on_tick, p);
	if (!p->tick)
		return error_set(err, ERR_NOMEM, "no memory");
	if (p->opt.crash_at) {
		uv_signal_init(p->ctl.uv, &p->usr2);
		p->usr2.data = p;
		uv_signal_start(&p->usr2, on_usr2, SIGUSR2);
	}
	p->program.ops.ready = is_ready;
	p->program.ops.other = serve_status;
	p->program.ops.more_metrics = add_metrics;
	p->program.ops.ctx = p;
	return 0;
}

int main(int argc, char **argv)
{
	/* What a cluster holds ends with the process: nothing is on disk, nothing half done that the next controller
	 * does not see. */
	static struct codis_controller p = { .program = { .start = start, .drain = drain, .heard = heard, .ctx = &p } };
	int status;

	if (!opt_begin(controller_options, &p.opt, "codis-controller", "joins, fails over and heals Codis clusters",
		       argc, argv, &status))
		return status;
	if (p.opt.view)
		return viewer_run(p.opt.view_url);
	return program_run(&p.program, &p.opt.program);
}
