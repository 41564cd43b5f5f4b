/* act_silent.c - a master that is silent is replaced: the steps of a promotion (act_promote.c) that keep it from
 * acknowledging what its replica does not get.
 *
 * It may wake at any time, stopped processes and busy ones do. What proxies have sent to it lies in its sockets then:
 * it answers that, and clients take for written what its replica does not have, if that leads already. So the slots are
 * locked first. A proxy answers to a lock when nothing that it sent to the old master is open any more, which is when
 * its own time-out ends (backend_recv_timeout, 2 s or 30 s), or that master. The replica gets the role
 *
 *   - when all proxies are locked, and the old master, asked after that, still says nothing. What it may have answered
 *     before then had 100 ms to reach its replica, which still followed; one that answers is caught up with;
 *   - or when the old master has ended, so that it answers nothing any more. Where its address takes connections and a
 *     proxy is not locked soon, its pod is deleted: that also frees the proxies, whatever their time-out is.
 *
 * One that is away with its node or its network is not waited for beyond LOCK_AWAY_MS: nobody there can end it. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/codis/info.h"
#include "common/codis/inventory.h"
#include "common/codis/probe.h"
#include "common/kube/event.h"
#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/decide.h"
#include "controller/op.h"
#include "controller/say.h"
#include "controller/tell.h"

/* Whoever has nothing in flight to the silent master has locked by then. */
#define LOCK_SOON_MS 200
/* For so long a proxy is listened to that waits for what it has in flight. */
#define LOCK_ANSWER_MS 8000
/* What is in flight to a master that is away has ended by then: 2 s, as the manifests have it. */
#define LOCK_AWAY_MS 2300
/* A kubelet ends what does not end itself 3 s after it was asked to do so within one. */
#define END_MS        6000
#define LOOK_MS       100
#define LOOK_AGAIN_MS 50
/* A replica says within this that it has not heard its master for two seconds, when it has not for one. */
#define EARLY_MS 1800
/* While its node cannot be written, the slots of a master that has failed are held for so long: freed, they would be
 * sent to it. */
#define HOLD_MS 10000

enum old_master { OLD_SILENT, OLD_LIVES, OLD_ENDED };

/* Its pod is no more, or one of another group has its address: whoever answers there is somebody else. */
static bool pod_is_gone(const struct op *op)
{
	const struct inventory_pod *p = inventory_pod_at(op->c->ctl->inventory, op->a.from);

	if (op->a.from_uid[0] && !inventory_pod(op->c->ctl->inventory, op->a.from_uid))
		return true;
	return p && p->pod.group && p->pod.group != op->a.gid && !op_is_lent(op, op->a.from);
}

/* Another process has its place: what it had is gone. */
static bool has_restarted(const struct op *op, const struct redis_info *info)
{
	const struct observed_server *s = cluster_server(op->c, op->a.from);

	return info->role != REDIS_ROLE_MASTER || (s && s->role_run_id[0] && strcmp(s->role_run_id, info->run_id) != 0);
}

static enum old_master judge_old(const struct op *op, const char *answer, const struct error *err)
{
	struct redis_info info;

	if (pod_is_gone(op) || (err && err->code == ERR_REFUSED))
		return OLD_ENDED;
	if (err || redis_info_parse(answer, strlen(answer), &info, NULL) < 0)
		return OLD_SILENT;
	return has_restarted(op, &info) ? OLD_ENDED : OLD_LIVES;
}

#define WHY_LIVES "its replica has begun a full sync with the old master, which lives, so it stays"

/* The replica has begun a full sync since this was decided: who gives it that lives, and what the replica had is about
 * to go. One that has ended may give it to it too, started again and empty: there it leads all the same. */
static bool syncs_anew(const struct op *op, const struct redis_info *info)
{
	return op->settled && !op->old_ended && info->syncing && strcmp(info->master, op->a.from) == 0;
}

/* 0, or -1: op has ended. */
static int check_successor(struct op *op, const char *answer, const struct error *err)
{
	struct redis_info info;
	struct error bad = ERROR_INIT;

	if (err || redis_info_parse(answer, strlen(answer), &info, &bad) < 0 ||
	    promote_is_same_process(op, &info, &bad) < 0) {
		op_end(op, err ? err : &bad);
		return -1;
	}
	if (!syncs_anew(op, &info))
		return 0;
	error_set(&bad, ERR_CONFLICT, WHY_LIVES);
	op->old_lives = true;
	promote_take_back(op, &bad);
	return -1;
}

static void on_still_there(void *ctx, const char *answer, const struct error *err)
{
	if (check_successor(ctx, answer, err) == 0)
		promote_take_role(ctx);
}

static void take_over(struct op *op)
{
	static const char *const info[] = { "INFO" };

	op_command(op, op->a.addr, on_still_there, 1, info);
}

static int ask_old(struct op *op, redis_done done, struct error *err)
{
	static const char *const info[] = { "INFO" };

	op->safe = !op->waiting && !op->unfilled && !op->untold;
	if (op_may_go_on(op, err) < 0)
		return -1;
	return redis_command(op->c->ctl->uv, op->a.from, op->c->auth, 1, info, LOOK_MS, done, op, err);
}

/* --- before the fence: if it answers, it stays --- */

static void look(struct op *op);

static void stays(struct op *op, const char *why)
{
	struct observed_group *g = cluster_group(op->c, op->a.gid, false);
	struct error err = ERROR_INIT;

	if (g && op->a.early)
		g->held_ms = clock_mono_ms();
	error_set(&err, ERR_CONFLICT, "%s", why);
	promote_give_up(op, &err);
}

/* By the picture as it was made last. */
static bool has_failed(struct op *op)
{
	const struct cluster_view *v = &op->c->view;
	const struct group_view *g = view_group(v, op->a.gid);
	const struct server_view *old = view_server(v, op->a.from);

	if (!g || !old || !judge_lost(v, g, &op->c->ctl->limits))
		return false;
	decide_ending(v, old, &op->a);
	return true;
}

/* Who does not lead leaves it to the one who does, for as long as decide() does. */
static bool leaves_to_leader(struct op *op)
{
	const struct controller *ctl = op->c->ctl;
	int64_t now_ms = clock_mono_ms();

	if (!op->failed_ms)
		op->failed_ms = now_ms;
	return ctl->mandate == MANDATE_STANDBY && now_ms - op->failed_ms < ctl->limits.standby_ms;
}

/* As soon as it is there: each moment more is one that clients wait. */
static void ask_witness(struct op *op)
{
	const struct observed_server *s = cluster_server(op->c, op->a.addr);

	if (s && s->probe)
		redis_probe_now(s->probe);
	cluster_look(op->c);
	op_wait(op, LOOK_AGAIN_MS, look);
}

static void await_evidence(struct op *op)
{
	if (!has_failed(op)) {
		op->failed_ms = 0;
		if (clock_mono_ms() - op->locking_ms < EARLY_MS)
			ask_witness(op);
		else
			stays(op, "it is not clear whether the old master has failed, so it stays");
		return;
	}
	if (leaves_to_leader(op)) {
		op_wait(op, LOOK_AGAIN_MS, look);
		return;
	}
	op_mark(op, "evidence");
	/* Those that were silent with it hold it up only if it may wake. */
	if (op->a.from_lives && op->passed_over) {
		op->untold += op->passed_over;
		op->passed_over = 0;
		op->safe = false;
	}
	promote_failed(op);
}

/* No member of ZooKeeper answers, perhaps because their leader was on the node that is lost: they elect another one
 * within seconds. If it was written all the same, the version says so, and the next decision goes on from there. */
bool silent_holds_on(struct op *op, const struct error *err)
{
	bool unanswered = err->code == ERR_TIMEOUT || err->code == ERR_IO;

	if (!op->a.lock || !op->locked || !unanswered || !has_failed(op) || clock_mono_ms() - op->locking_ms >= HOLD_MS)
		return false;
	op->a.early = true; /* all of it is looked at again */
	op_wait(op, LOOK_AGAIN_MS, look);
	return true;
}

static bool successor_syncs(const struct op *op)
{
	const struct observed_server *s = cluster_server(op->c, op->a.addr);

	return s && s->info_valid && syncs_anew(op, &s->info);
}

static bool successor_goes(const struct op *op)
{
	const struct observed_server *s = cluster_server(op->c, op->a.addr);

	return s && s->info_valid && judge_lets_go(&s->info, s->ending_ms, clock_mono_ms());
}

static void on_looked(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	enum old_master old = judge_old(op, answer, err);

	op->old_ended = old == OLD_ENDED;
	op->safe |= op->old_ended; /* as good as that */
	if (old == OLD_LIVES)
		stays(op, "the old master has woken, and stays");
	else if (successor_syncs(op))
		stays(op, WHY_LIVES);
	else if (old == OLD_SILENT && successor_goes(op))
		stays(op, "its replica is about to end, so the old master, which may wake, stays");
	else if (op->a.early)
		await_evidence(op);
	else
		promote_fence(op);
}

static void look(struct op *op)
{
	struct error err = ERROR_INIT;

	if (ask_old(op, on_looked, &err) < 0)
		promote_give_up(op, &err);
}

static void on_locked_soon(struct op *op)
{
	op_mark(op, "lock");
	look(op);
}

void silent_begin(struct op *op)
{
	op->locked = true;
	if (!op->locking_ms)
		op->locking_ms = clock_mono_ms();
	fill_start(op, op->a.from, true, LOCK_ANSWER_MS);
	fill_await(op, LOCK_SOON_MS, on_locked_soon);
}

/* --- behind it: until nothing that it may answer is awaited --- */

static void look_again(struct op *op);

static void await_locks(struct op *op)
{
	if (op->waiting)
		fill_await(op, LOOK_AGAIN_MS, look_again);
	else
		op_wait(op, LOOK_AGAIN_MS, look_again);
}

static void on_time_over(struct op *op, enum old_master old)
{
	if (old == OLD_LIVES)
		op_fail(op, ERR_CONFLICT, "the old master has woken, and not every proxy could be locked");
	else if (op->a.from_lives)
		op_fail(op, ERR_TIMEOUT, "not every proxy could be locked, and the old master has not ended");
	else
		take_over(op);
}

/* Whoever does not lead has held the slots, too, and may have freed them when it saw the old master wake, right before
 * the fence. */
static void lock_again(struct op *op)
{
	op->claimed = true; /* by the fence */
	fill_start(op, op->a.from, true, LOCK_ANSWER_MS);
	await_locks(op);
}

static void go_on_locked(struct op *op, void (*then)(struct op *op));

static void on_looked_again(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	enum old_master old = judge_old(op, answer, err);

	op->old_ended = old == OLD_ENDED;
	if (old == OLD_ENDED)
		take_over(op);
	else if (op->safe && old == OLD_LIVES && !op->claimed)
		lock_again(op);
	else if (op->safe)
		go_on_locked(op, old == OLD_SILENT ? take_over : promote_catch_up);
	else if (clock_mono_ms() > op->until_ms)
		on_time_over(op, old);
	else
		await_locks(op);
}

static void look_again(struct op *op)
{
	struct error err = ERROR_INIT;

	if (ask_old(op, on_looked_again, &err) < 0)
		op_end(op, &err);
}

static bool old_answers(const struct op *op)
{
	const struct observed_server *old = cluster_server(op->c, op->a.from);

	return old && old->reach == REACH_OK && old->info_valid;
}

static void on_old_deleted(void *ctx, const cJSON *object, const struct error *err)
{
	struct cluster *c = ctx;

	(void)object;
	c->running--;
	if (err && err->code != ERR_NOTFOUND)
		say_warn(c, "pod.not_ended", "error=%s", LOGQ(err->text));
}

#define WHY_ENDED "it is silent, a proxy waits for it, and its replica takes over"

static void tell_ended(const struct op *op)
{
	JSON_CLEANUP cJSON *pod = tell_about(op->c->namespace, op->a.from_pod, op->a.from_uid);

	say_warn(op->c, "pod.ended", "group=%d pod=%s why=%s", op->a.gid, LOGW(op->a.from_pod), LOGQ(WHY_ENDED));
	if (pod)
		kube_event(op->c->ctl->events, "Pod", pod, true, "Ended", "group %d: %s", op->a.gid, WHY_ENDED);
}

/* Nobody waits for the answer: what counts is that the process has ended. It counts among the deletions of a minute,
 * and waits for none: a failover is not held up. */
static void end_old(struct op *op)
{
	struct error err = ERROR_INIT;

	tell_ended(op);
	op_mark(op, "end");
	op->ending = true;
	op->c->running++; /* the answer may outlive the action */
	if (delete_pod(op, op->a.from_pod, op->a.from_uid, on_old_deleted, op->c, &err) < 0)
		on_old_deleted(op->c, NULL, &err);
	else
		op_count_deleted(op, op->a.from_pod);
	await_locks(op);
}

/* Its pod is about to go, and its preStop hook does not wait, as it would do where its link is down. */
static bool successor_leaves(const struct op *op, const char *answer)
{
	const struct inventory_pod *next = inventory_pod_at(op->c->ctl->inventory, op->a.addr);
	struct redis_info info;

	return redis_info_parse(answer, strlen(answer), &info, NULL) == 0 && info.link_up &&
	       (info.ending || (next && next->pod.status.deleting));
}

/* The one that takes over is there, and stays: the old master is not the only one that has its data. While the node was
 * written, which may take long, it may have woken, and be written to: by a proxy that another controller has freed. */
static void on_successor(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;

	if (check_successor(op, answer, err) < 0)
		return;
	if (old_answers(op) || successor_leaves(op, answer))
		await_locks(op);
	else
		end_old(op);
}

/* Ends the old master where that frees the proxies that wait for it; once. */
static void free_locks(struct op *op)
{
	static const char *const info[] = { "INFO" };

	if (op->a.from_uid[0] && !op->ending)
		op_command(op, op->a.addr, on_successor, 1, info);
	else
		await_locks(op);
}

static void on_locked_again(struct op *op)
{
	bool all = !op->waiting && !op->unfilled && !op->untold;

	op_mark(op, "again");
	if (all)
		look_again(op);
	else if (op->locked_again == take_over)
		free_locks(op);
	else
		await_locks(op); /* it lives: what it has is caught up with */
}

/* A proxy that sends to the old master in spite of the lock may yet be answered: all are locked once more, right
 * before, and it is looked at the old master again. What it sent then has its time to end, as before. */
static void go_on_locked(struct op *op, void (*then)(struct op *op))
{
	int64_t until_ms = clock_mono_ms() + LOCK_AWAY_MS;

	if (op->locked_again || !fill_may_be_undone(op)) {
		then(op);
		return;
	}
	op->locked_again = then;
	if (!op->a.from_lives && op->until_ms < until_ms)
		op->until_ms = until_ms;
	fill_start(op, op->a.from, true, LOCK_ANSWER_MS);
	fill_await(op, LOCK_SOON_MS, on_locked_again);
}

void silent_fenced(struct op *op)
{
	op->until_ms = op->a.from_lives ? clock_mono_ms() + END_MS : op->locking_ms + LOCK_AWAY_MS;
	if (op->safe)
		go_on_locked(op, take_over);
	else
		free_locks(op);
}
