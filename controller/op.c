#include "controller/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "common/codis/probe.h"
#include "common/kube/event.h"
#include "common/net/loop.h"
#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/observe.h"
#include "controller/recent.h"
#include "controller/roster.h"
#include "controller/say.h"
#include "controller/tell.h"
#include "controller/wished.h"

#define REDIS_MS 500
/* Clients wait for this write of a switch, and the master that they had lives: one that ZooKeeper does not answer, as
 * while its members do without their leader, is given up. Should it be done later, the next decision goes on from it.
 */
#define SWITCH_WRITE_MS 500

/* --- the subject -------------------------------------------------------------------------------------------------- */

static struct observed_group *own_group(const struct op *op, bool make)
{
	bool changes = op->a.subject == SUBJECT_GROUP || op->a.subject == SUBJECT_SERVER;

	return changes ? cluster_group(op->c, op->a.gid, make) : NULL;
}

static struct observed_proxy *own_proxy(const struct op *op)
{
	return op->a.subject == SUBJECT_PROXY ? cluster_proxy(op->c, op->a.addr, false) : NULL;
}

static void note_switch(struct observed_group *g, const struct action *a, int64_t over_ms)
{
	memcpy(g->switching_to, a->addr, sizeof(g->switching_to));
	g->switched_ms = over_ms;
	if (!over_ms)
		g->switching_ms = clock_mono_ms();
}

static void count_running(struct op *op, int by)
{
	struct cluster *c = op->c;
	struct observed_group *g = own_group(op, true);
	struct observed_proxy *p = own_proxy(op);
	struct observed_server *s = op->a.subject == SUBJECT_SERVER ? cluster_server(c, op->a.addr) : NULL;
	struct observed_server *set = op->a.subject == SUBJECT_SETTING ? cluster_server(c, op->a.addr) : NULL;
	int64_t now = clock_mono_ms();

	c->running += by;
	if (op->a.kind == ACT_DELETE_POD) {
		c->deleting += by;
		c->ctl->deleting += by;
	}
	if (g) {
		g->running += by;
		g->acted_ms = now;
		if (op->a.kind == ACT_SWITCH)
			note_switch(g, &op->a, by < 0 ? now : 0);
	}
	if (s)
		s->acted_ms = now;
	if (p) {
		p->running += by;
		p->acted_ms = now;
	}
	if (op->a.subject == SUBJECT_DASHBOARD) {
		c->dashboard_running += by;
		c->dashboard_acted_ms = now;
		if (op->a.kind == ACT_ASSIGN_SLOTS) {
			c->assigning += by;
			c->assigned_ms = now;
		}
	}
	if (set) {
		set->setting_running += by;
		set->setting_ms = now;
		if (by < 0)
			redis_probe_now(set->probe); /* whether it has it */
	}
	if (op->a.subject == SUBJECT_SCALING) {
		c->scaling_running += by;
		c->scaling_acted_ms = now;
	}
	if (op->a.subject == SUBJECT_ZOOKEEPER) {
		c->zookeeper_running += by;
		c->zookeeper_acted_ms = now;
	}
}

/* Where it is kept what was last done to the subject. NULL: it is no more. */
static struct calm_done *done_to(const struct op *op)
{
	struct observed_server *s = cluster_server(op->c, op->a.addr);
	struct observed_group *g = cluster_group(op->c, op->a.gid, false);
	struct observed_proxy *p = own_proxy(op);

	switch (op->a.subject) {
	case SUBJECT_GROUP: return g ? &g->done : NULL;
	case SUBJECT_SERVER: return s ? &s->done : NULL;
	case SUBJECT_PROXY:
		if (p && op->a.kind == ACT_FILL_PROXY)
			return calm_group_place(&p->filled, op->a.gid);
		return p ? &p->done : NULL;
	case SUBJECT_DASHBOARD: return &op->c->dashboard_done;
	case SUBJECT_SETTING: return s ? &s->setting_done : NULL;
	case SUBJECT_ZOOKEEPER: return &op->c->zookeeper_done;
	case SUBJECT_SCALING: return &op->c->scaling_done;
	}
	return NULL;
}

void op_count_deleted(struct op *op, const char *pod)
{
	int64_t now_ms = clock_mono_ms();

	calm_deleted(&op->c->deleted, pod, now_ms);
	calm_count(&op->c->deletions, now_ms);
	calm_count(&op->c->ctl->deletions, now_ms);
}

/* So that it is not done again and again (calm.h). */
static void note_done(struct op *op, bool failed)
{
	struct observed_group *g = own_group(op, false);
	struct calm_done *done = done_to(op);
	bool counts = !failed || op->a.subject != SUBJECT_SETTING; /* those are counted apart: setting_failures */
	int64_t now_ms = clock_mono_ms();

	/* It takes many steps: that one was done tells nothing of the next. */
	if (done && !failed && op->a.subject == SUBJECT_SCALING)
		memset(done, 0, sizeof(*done));
	else if (done && counts)
		calm_note(done, (int)op->a.kind, op->a.gid, failed, now_ms);
	if (failed)
		return;
	if (g && op->a.kind == ACT_PROMOTE && op->a.lock)
		calm_count(&g->silences, now_ms);
	if (op->a.kind == ACT_DELETE_POD)
		op_count_deleted(op, op->a.pod);
}

/* Looks again at everything that the action touched. */
static void look_again(struct op *op)
{
	struct cluster *c = op->c;
	struct observed_proxy *p = own_proxy(op);

	if (op->a.gid)
		observe_group(c, op->a.gid);
	for (int i = 0; i < c->server_count; i++) {
		const struct server_view *s = view_server(&c->view, c->servers[i]->addr);

		if (s && op->a.gid && (s->group == op->a.gid || s->listed_group == op->a.gid))
			redis_probe_now(c->servers[i]->probe);
	}
	if (p)
		observe_proxy(c, p);
	if (op->a.subject == SUBJECT_DASHBOARD || op->a.subject == SUBJECT_SCALING)
		c->dashboard_asked_ms = 0;
	cluster_look(c);
}

/* --- beginning and end -------------------------------------------------------------------------------------------- */

/* Has somebody else written the group's node since? An older version is a member of ZooKeeper that lags. */
static bool overtaken(const struct op *op)
{
	const struct observed_group *g = op->a.gid ? cluster_group(op->c, op->a.gid, false) : NULL;

	if (!g || !g->exists)
		return false;
	return !op->exists || g->version > op->version;
}

/* Whoever does not lead promotes, by the same fence. What else it does may be done twice. */
static bool may_do(enum mandate mandate, const struct action *a)
{
	switch (mandate) {
	case MANDATE_NONE: return false;
	case MANDATE_STANDBY:
		return a->kind == ACT_PROMOTE || a->kind == ACT_FREE_WRITES || a->kind == ACT_UNREADY_PROXY;
	case MANDATE_FAILOVER:
		return a->subject == SUBJECT_GROUP || a->kind == ACT_FREE_WRITES ||
		       (a->kind == ACT_FILL_PROXY && a->left);
	case MANDATE_LEAD: return true;
	}
	return false;
}

int op_may_go_on(const struct op *op, struct error *err)
{
	const struct cluster *c = op->c;
	enum mandate mandate =
		c->watch_only || c->shared[0] || cluster_is_too_large(c) ? MANDATE_NONE : c->ctl->mandate;

	if (!may_do(mandate, &op->a))
		return error_set(err, ERR_DENIED, "this controller no longer leads");
	if (c->ctl->ending && !op->undoes)
		return error_set(err, ERR_DENIED, "this controller ends");
	/* Who slept hears of answers before the timer that would tell. */
	if (c->steady_since_ms > op->began_ms || cluster_slept(c, clock_mono_ms()))
		return error_set(err, ERR_TIMEOUT,
				 c->tilt.tilted ? "most servers have fallen silent since this was decided"
						: "the clock has jumped since this was decided");
	if (overtaken(op))
		return error_set(err, ERR_CONFLICT, "group %d has changed since this was decided", op->a.gid);
	return 0;
}

bool op_has_gone(const struct op *op, const char *addr)
{
	const struct cluster *c = op->c;
	const struct inventory_pod *p = inventory_pod_at(c->ctl->inventory, addr);
	const struct observed_server *s = cluster_server(op->c, addr);

	return (s && stranger_has(s)) || inventory_is_elsewhere(c->ctl->inventory, addr, c->namespace, c->product) ||
	       (p && p->pod.group && p->pod.group != op->a.gid);
}

bool op_is_lent(const struct op *op, const char *addr)
{
	const struct inventory_pod *p = inventory_pod_at(op->c->ctl->inventory, addr);
	const struct observed_server *s = cluster_server(op->c, addr);

	return p && s && strcmp(s->uid, p->pod.uid) == 0 && picture_role_group(s) == op->a.gid;
}

/* It is not heard, and refuses, or its pod is no more: who answers there next is somebody else. */
static bool has_ended(const struct op *op, const struct observed_server *s)
{
	return !s->info_valid &&
	       (s->reach == REACH_REFUSED || (s->uid[0] && !inventory_pod(op->c->ctl->inventory, s->uid)));
}

int op_is_at_home(const struct op *op, struct error *err)
{
	const struct observed_server *s = cluster_server(op->c, op->a.addr);

	if (op_has_gone(op, op->a.addr))
		return error_set(err, ERR_CONFLICT, "%s has gone to another pod", op->a.addr);
	if (s && has_ended(op, s))
		return error_set(err, ERR_CONFLICT, "%s has ended since this was decided", op->a.addr);
	/* What is known of pods is old while the API server is away. */
	return s && s->info_valid ? promote_is_same_process(op, &s->info, err) : 0;
}

static void on_wake(void *ctx)
{
	struct op *op = ctx;

	op->wake(op);
}

struct op *op_begin(struct cluster *c, const struct action *a)
{
	struct op *op = calloc(1, sizeof(*op));
	struct observed_group *g = a->gid ? cluster_group(c, a->gid, true) : NULL;

	if (op)
		op->timer = loop_timer_new(c->ctl->uv, on_wake, op);
	if (!op || !op->timer || (a->gid && !g)) {
		say_warn(c, "action.failed", "action=%s error=%s", action_name(a->kind), LOGQ("no memory"));
		if (op)
			loop_timer_stop(&op->timer);
		free(op);
		return NULL;
	}
	op->c = c;
	op->a = *a;
	op->exists = a->exists;
	op->version = a->version;
	op->began_us = clock_mono_us();
	op->began_ms = clock_mono_ms();
	buf_init(&op->text, 1u << 20);
	if (g)
		op->was = op->next = g->node;
	say_info(c, "action.begun",
		 "action=%s subject=%s group=%d addr=%s pod=%s from=%s master=%s version=%d why=%s evidence=%s",
		 action_name(a->kind), action_subject_name(a->subject), a->gid, LOGW(a->addr), LOGW(a->pod),
		 LOGW(a->from), LOGW(a->master), a->version, LOGQ(a->why), LOGQ(a->evidence));
	count_running(op, 1);
	if (a->wished)
		wished_begin(c);
	return op;
}

void op_mark(struct op *op, const char *step)
{
	if (op->mark_count == OP_MARKS)
		return;
	op->marks[op->mark_count].step = step;
	op->marks[op->mark_count++].ms = (int)(clock_mono_ms() - op->began_ms);
}

void op_crash_point(struct op *op, const char *point)
{
	const struct controller *ctl = op->c->ctl;

	if (ctl->crash_armed && ctl->crash_at && strcmp(ctl->crash_at, point) == 0)
		_exit(137); /* not a signal: the kernel keeps process 1 of a container from killing itself */
}

static void tell_log(const struct op *op, const struct error *err)
{
	char text[512];
	struct buf steps = BUF_IN(text);

	for (int i = 0; i < op->mark_count; i++)
		buf_addf(&steps, " %s=%d", op->marks[i].step, op->marks[i].ms);
	say_at(op->c, err ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, err ? "action.failed" : "action.done",
	       "action=%s subject=%s group=%d addr=%s pod=%s ms=%lld%s filled=%d unfilled=%d why=%s error=%s reason=%s "
	       "evidence=%s",
	       action_name(op->a.kind), action_subject_name(op->a.subject), op->a.gid, LOGW(op->a.addr),
	       LOGW(op->a.pod), (long long)(clock_mono_ms() - op->began_ms), steps.len ? steps.data : "", op->filled,
	       op->unfilled, LOGQ(op->a.why), LOGQ(err ? err->text : ""), reason_label(op->a.why),
	       LOGQ(op->a.evidence));
}

static struct metric *done_metric(struct metrics *m, enum action_kind kind, bool failed)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "action=\"%s\",result=\"%s\"", action_name(kind), failed ? "error" : "ok");
	return metric_counter(m, "codis_controller_actions_total", labels, "Actions by kind and result.");
}

/* NULL: of an action by which no master changes. */
static struct metric *change_metric(struct metrics *m, enum action_kind kind)
{
	char labels[32];

	if (kind != ACT_PROMOTE && kind != ACT_SWITCH)
		return NULL;
	snprintf(labels, sizeof(labels), "action=\"%s\"", action_name(kind));
	return metric_histogram(m, "codis_controller_change_seconds", labels,
				"From the decision that a group gets another master to the last proxy that has it.");
}

void op_begin_metrics(struct metrics *m)
{
	static const enum action_kind changes[] = { ACT_PROMOTE, ACT_SWITCH };

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		done_metric(m, changes[i], false);
		done_metric(m, changes[i], true);
		change_metric(m, changes[i]);
	}
}

static void tell_metric(const struct op *op, const struct error *err)
{
	struct metric *change = err || op->a.keeps ? NULL : change_metric(op->c->ctl->metrics, op->a.kind);
	char labels[64];

	metric_add(done_metric(op->c->ctl->metrics, op->a.kind, err != NULL), 1);
	if (change)
		metric_observe_us(change, (clock_mono_ms() - op->began_ms) * 1000);
	if (err) /* one of two that see the same fault is too late: why a master was replaced is counted once */
		return;
	snprintf(labels, sizeof(labels), "action=\"%s\",reason=\"%s\"", action_name(op->a.kind),
		 reason_label(op->a.why));
	metric_add(metric_counter(op->c->ctl->metrics, "codis_controller_reasons_total", labels,
				  "Actions done, by kind and reason."),
		   1);
}

/* Two that promote at once are no trouble: one of them is to fail so, be it the one that leads. Nor is a master that
 * stalled for a moment. */
static bool came_to_nothing(const struct op *op, const struct error *err)
{
	bool too_late =
		err && err->code == ERR_CONFLICT && (op->a.kind == ACT_PROMOTE || !controller_leads(op->c->ctl));

	return op->a.keeps || too_late || (err && op->a.early);
}

static void tally(const struct op *op, const struct error *err)
{
	if (came_to_nothing(op, err))
		return;
	if (err)
		op->c->tally.failed++;
	else if (op->a.kind == ACT_SWITCH || op->a.takes_back)
		op->c->tally.switches++;
	else if (op->a.kind == ACT_PROMOTE && action_replaces(&op->a))
		op->c->tally.failovers++;
}

static const char *event_reason(const struct op *op, const struct error *err)
{
	if (err)
		return "ActionFailed";
	if (op->a.kind == ACT_SCALE && op->a.undoes)
		return "ScaledBack";
	return op->a.takes_back ? "TakenBack" : action_reason(op->a.kind);
}

/* A proxy that has gone with its master's node is waited for: clients of the others had not to wait for so long. */
static void add_unfilled(const struct op *op, char *note, size_t size)
{
	size_t used = strlen(note);

	if (op->a.subject == SUBJECT_GROUP && op->unfilled)
		snprintf(note + used, size - used, ", in which %d of %d proxies did not take it (%s)", op->unfilled,
			 op->filled + op->unfilled, op->not_filled);
}

/* A master failed, or something was lost or refused: what one is to see who asks for Warnings alone. */
static bool warns(const struct op *op, const struct error *err)
{
	const struct action *a = &op->a;
	bool failover = a->kind == ACT_PROMOTE && action_replaces(a);

	return err || failover || a->lost_keys || a->lacks || a->takes_back || (a->kind == ACT_SCALE && a->undoes);
}

static void tell_object(const struct op *op, const char *kind, const char *name, const char *uid,
			const struct error *err, const char *note)
{
	const char *namespace = op->a.namespace[0] ? op->a.namespace : op->c->namespace;

	tell_event(op->c, kind, tell_about(namespace, name, uid), warns(op, err), event_reason(op, err), note);
}

static void tell_objects(const struct op *op, const struct error *err)
{
	const struct view_set *set;
	char note[1536];

	/* All of them do so at once. */
	if (op->a.kind == ACT_FREE_WRITES && !controller_leads(op->c->ctl))
		return;
	if (came_to_nothing(op, err))
		return;
	/* A person asks for something else meanwhile, as a watch is about to tell: it is decided anew. */
	if (err && err->code == ERR_CONFLICT && op->a.kind == ACT_SCALE)
		return;
	/* Of those there are hundreds, and the status tells how far they are. */
	if (!err && (op->a.kind == ACT_MOVE_SLOTS || op->a.kind == ACT_NOTE_SCALING))
		return;
	action_note(&op->a, clock_mono_ms() - op->began_ms, err, note, sizeof(note));
	if (!err)
		add_unfilled(op, note, sizeof(note));
	recent_note(op->c, event_reason(op, err), note);
	if (op->a.kind == ACT_SCALE) {
		tell_object(op, "StatefulSet", op->a.pod, op->a.uid, err, note);
		return;
	}
	tell_object(op, "Pod", op->a.pod, op->a.uid, err, note);
	/* A pod's Events are not shown of the one of its name that comes after it. */
	set = op->a.subject == SUBJECT_GROUP ? view_set_of(&op->c->view, op->a.gid) : NULL;
	if (set)
		tell_object(op, "StatefulSet", set->name, set->uid, err, note);
}

void op_end(struct op *op, const struct error *err)
{
	tell_log(op, err);
	tell_metric(op, err);
	tally(op, err);
	tell_objects(op, err);
	if (op->a.wished)
		wished_end(op, err);
	fill_leave(op);
	loop_timer_stop(&op->timer);
	if (!op->a.early && !op->a.keeps) /* that it did not come to it holds nothing up */
		note_done(op, err != NULL);
	count_running(op, -1);
	look_again(op);
	buf_release(&op->text);
	free(op);
}

void op_fail(struct op *op, enum error_code code, const char *what)
{
	struct error err = ERROR_INIT;

	error_set(&err, code, "%s", what);
	op_end(op, &err);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

void op_wait(struct op *op, int ms, void (*then)(struct op *op))
{
	op->wake = then;
	if (then)
		loop_timer_set(op->timer, (uint64_t)ms);
	else
		loop_timer_clear(op->timer);
}

int op_try_commands(struct op *op, const char *addr, redis_done done, const struct redis_words *words, int count,
		    struct error *err)
{
	if (op_may_go_on(op, err) < 0)
		return -1;
	return redis_commands(op->c->ctl->uv, addr, op->c->auth, words, count, REDIS_MS, done, op, err);
}

int op_try_command(struct op *op, const char *addr, redis_done done, int argc, const char *const *argv,
		   struct error *err)
{
	struct redis_words words = { .argc = argc, .argv = argv };

	return op_try_commands(op, addr, done, &words, 1, err);
}

int op_command(struct op *op, const char *addr, redis_done done, int argc, const char *const *argv)
{
	struct error err = ERROR_INIT;

	if (op_try_command(op, addr, done, argc, argv, &err) == 0)
		return 0;
	op_end(op, &err);
	return -1;
}

void op_take_fence(struct op *op, int version)
{
	struct observed_group *g = cluster_group(op->c, op->a.gid, false);
	struct codis_group before;

	op->exists = true;
	op->version = version;
	op_mark(op, op->fence_step);
	if (!g)
		return;
	if (g->others_version == version) { /* it was read before the write was answered */
		g->others_version = version - 1;
		g->written_ms = g->written_before_ms;
		g->claimed_ms = 0;
	}
	before = g->node;
	g->czxid = g->exists ? g->czxid : 0; /* the answer to a create does not say it */
	g->node = op->next;
	g->version = version;
	g->exists = true;
	roster_relist(op->c, g, &before);
}

static void on_written(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		       const struct error *err)
{
	struct op *op = ctx;

	(void)data;
	(void)len;
	if (!err)
		op_take_fence(op, stat->version);
	op->fenced(op, err);
}

static int write_node(struct op *op, const char *step, void (*then)(struct op *op, const struct error *err),
		      struct error *err)
{
	bool soon = op->a.kind == ACT_SWITCH && !op->declared;
	char path[200];

	if (op_may_go_on(op, err) < 0)
		return -1;
	if (!op->c->zk)
		return error_set(err, ERR_IO, "the coordinator is not connected");
	op->fenced = then;
	op->fence_step = step;
	buf_reset(&op->text);
	if (codis_group_write(&op->next, &op->text) < 0)
		return error_set(err, ERR_NOMEM, "the group's new node could not be made");
	cluster_path(op->c, path, sizeof(path), "group/group-%04d", op->a.gid);
	if (op->exists && soon)
		return coordinator_set_within(op->c->zk, path, op->text.data, op->text.len, op->version,
					      SWITCH_WRITE_MS, on_written, op, err);
	if (op->exists)
		return coordinator_set(op->c->zk, path, op->text.data, op->text.len, op->version, on_written, op, err);
	return coordinator_create(op->c->zk, path, op->text.data, op->text.len, on_written, op, err);
}

int op_fence(struct op *op, void (*then)(struct op *op, const struct error *err), struct error *err)
{
	return write_node(op, "fence", then, err);
}

int op_claim(struct op *op, void (*then)(struct op *op, const struct error *err), struct error *err)
{
	return write_node(op, "claim", then, err);
}
