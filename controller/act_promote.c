/* act_promote.c - gives a group another master. In this order:
 *
 *   near      only a switch: the replica reaches what its master has sent by now. One that is far behind would keep
 *             clients waiting; nothing is locked for it
 *   claim     only from one that may live, a silent one: the group's node is written as it is, so that another
 *             controller sees that somebody is at work there, and waits; its own locks would not be told from these.
 *             Where the lock is early: only by who does not lead, behind the evidence, and then all is locked again.
 *             Who does not lead claims the group of one that refuses, too: the one who leads may hear that one, and
 *             overtakes the claim
 *   lock      only from a master that lives, or may: every proxy holds the group's slots. In a switch all have said
 *             before where they send what, so that none holds them while another one still is asked
 *   look      only from one that may, a silent one: does it answer now? Then it stays. And is its replica still the
 *             process that has its data?
 *   catch up  only a switch: the replica reaches the offset of the old master, which nobody writes to any more
 *   fence     the group's node names the new master, written over the version that was decided on
 *   again     only where a dashboard may have filled a proxy meanwhile, as it takes one in or moves slots, or one was
 *             not told: all are locked anew, and it is caught up, or looked at the old master, once more
 *   end       only of a silent one that may wake while a proxy is not locked (act_silent.c): its pod is deleted
 *   hold      only where its address was another group's: what proxies send there of that group's slots is held
 *   role      INFO shows the process that was decided on; SLAVEOF NO ONE; INFO shows a master, and in a switch one that
 *             does not end: its preStop hook says so before it looks for the last time whether it leads, so either this
 *             is seen here, or the role is seen there, and the hook waits
 *   fill      every proxy sends the slots to it, and holds them no longer
 *   reload    the dashboard reads the coordinator again, also where a proxy has not answered yet
 *
 * A switch that fails before its fence is written undoes its lock itself; one whose replica does not take the role, its
 * fence as well. What else fails after the fence is resumed by the next decision, by whoever leads then: the node says
 * what was meant. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/codis/info.h"
#include "common/codis/inventory.h"
#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/observe.h"
#include "controller/op.h"
#include "controller/roster.h"

#define CATCH_UP_MS       1000
#define CATCH_UP_AGAIN_MS 2
#define TOGETHER_AGAIN_MS 1
#define LOCK_MS           1000 /* what a proxy has in flight to a master that lives is over in milliseconds */
#define RELOAD_MS         100
#define FILLED_BACK_MS    250  /* between two looks at the proxies while one of them does not take its slots */
#define READ_FIRST_MS     250  /* a ZooKeeper that is well answers within milliseconds, and nothing is held yet */
#define READ_MS           100  /* ... or all is, and the master that is given it back lives */
#define UNLOCK_MS         1000 /* a proxy that did not answer to the lock is not awaited long again */
#define OVERTAKEN_MS      100  /* whoever leads, and hears the master, has overtaken a claim by then */

static void on_near(struct op *op);
static void lock_together(struct op *op);
static void claim(struct op *op);
static void keep(struct op *op);
static void change_master(struct op *op);
static void on_locked(struct op *op);
static void catch_up(struct op *op, void (*then)(struct op *op));
static void on_fenced(struct op *op, const struct error *err);
static void on_master_offset(void *ctx, const char *answer, const struct error *err);
static void on_replica_offset(void *ctx, const char *answer, const struct error *err);
static void weigh_offsets(struct op *op);
static void give_role(struct op *op);
static void on_verified(void *ctx, const char *answer, const struct error *err);
static void reload(struct op *op);
static void await_fills(struct op *op);
static void on_filled(struct op *op);
static bool old_ended(const struct op *op);

/* --- near, lock --------------------------------------------------------------------------------------------------- */

void promote_note_target(struct op *op)
{
	const struct observed_server *s = cluster_server(op->c, op->a.addr);

	if (!s || !s->info_valid || op->run_id[0])
		return;
	memcpy(op->run_id, s->info.run_id, sizeof(op->run_id));
	op->settled = !s->info.syncing;
}

int promote_is_same_process(const struct op *op, const struct redis_info *info, struct error *err)
{
	if (!op->run_id[0] || strcmp(op->run_id, info->run_id) == 0)
		return 0;
	return error_set(err, ERR_CONFLICT, "%s",
			 op->a.kind == ACT_FOLLOW
				 ? "another process has its address since this was decided"
				 : "the one that was to take over has restarted, and what it had is gone");
}

/* It refuses whoever does not lead, and perhaps nobody else; and nobody else has declared another one. */
static bool is_hearsay(const struct op *op)
{
	const struct observed_server *old = cluster_server(op->c, op->a.from);

	return op->a.kind == ACT_PROMOTE && codis_group_find(&op->was, op->a.from) == 0 &&
	       (op->c->ctl->mandate == MANDATE_STANDBY || op->c->view.second) && old && old->reach == REACH_REFUSED;
}

static void begin(struct op *op)
{
	if (op->a.keeps)
		keep(op);
	else if (op->a.early)
		silent_begin(op);
	else if (op->exists && (op->a.lock || is_hearsay(op)))
		claim(op);
	else
		change_master(op);
}

void promote_begin(struct op *op)
{
	op_crash_point(op, "promote.begin");
	promote_note_target(op);
	if (op->a.kind != ACT_SWITCH)
		observe_slots(op->c);
	/* They answer before they are locked. A master that has ended is not waited for: there they do while the node
	 * is written. */
	if (op->a.lock && observe_awaits_slots(op->c))
		op_wait(op, ASKED_MS, begin);
	else
		begin(op);
}

/* 0, or -1: op has ended, or is given up. */
static int name_master(struct op *op)
{
	struct error err = ERROR_INIT;

	if (codis_group_lead(&op->next, op->a.addr) < 0) {
		error_set(&err, ERR_TOOBIG, "the group has too many servers");
		promote_give_up(op, &err);
		return -1;
	}
	op->next.id = op->a.gid;
	/* As Codis' own promote leaves it: the proxies are filled, now or by a next decision. */
	op->next.out_of_sync = false;
	return 0;
}

static void change_master(struct op *op)
{
	if (name_master(op) < 0)
		return;
	if (op->a.kind == ACT_SWITCH)
		catch_up(op, on_near);
	else if (op->a.lock)
		silent_begin(op);
	else
		promote_fence(op);
}

/* The end of its pod was heard of meanwhile, or said by its preStop hook, as where a StatefulSet lets both go at once,
 * or both nodes are drained: then it would be the next one to be switched from, and nobody is left; or it has ended
 * before, as its hook has let a replica go. A master that lives holds its own end up until somebody else has its data.
 * info: what it says itself, or NULL. 0, or -1 and *err.
 */
static int check_stays(const struct op *op, const struct redis_info *info, struct error *err)
{
	const struct inventory_pod *next = inventory_pod_at(op->c->ctl->inventory, op->a.addr);

	if (op->a.kind != ACT_SWITCH || old_ended(op))
		return 0;
	if (next && next->pod.status.deleting)
		return error_set(err, ERR_CONFLICT, "%s, which was to lead, is being deleted, too", next->pod.name);
	if (info && info->ending)
		return error_set(err, ERR_CONFLICT, "%s, which was to lead, is about to end, too",
				 next ? next->pod.name : op->a.addr);
	return 0;
}

static bool stays_with_master(struct op *op)
{
	struct error err = ERROR_INIT;

	if (check_stays(op, NULL, &err) == 0)
		return false;
	promote_give_up(op, &err);
	return true;
}

/* All the others would hold the slots until it is given up. It is seen to be silent, and taken out, before long. */
static bool awaits_one_that_ended(struct op *op)
{
	const char *proxy = fill_unheard_without_pod(op);
	struct error err = ERROR_INIT;

	if (!proxy)
		return false;
	error_set(&err, ERR_TIMEOUT, "proxy %s, whose pod is gone, does not answer: no slot is held for it", proxy);
	promote_give_up(op, &err);
	return true;
}

/* ms 0: as long as it takes. */
static int read_node(struct op *op, int ms, coordinator_done done, struct error *err)
{
	char path[200];

	cluster_path(op->c, path, sizeof(path), "group/group-%04d", op->a.gid);
	if (!op->c->zk)
		return error_set(err, ERR_IO, "the coordinator is not connected");
	if (ms)
		return coordinator_get_within(op->c->zk, path, ms, done, op, err);
	return coordinator_get(op->c->zk, path, done, op, err);
}

static void on_read_first(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
			  const struct error *err)
{
	struct op *op = ctx;
	struct error bad = ERROR_INIT;

	(void)data;
	(void)len;
	if (!err && stat->version != op->version)
		error_set(&bad, ERR_CONFLICT, "group %d has changed since this was decided", op->a.gid);
	if (err || bad.code != ERR_NONE) {
		promote_give_up(op, err ? err : &bad);
		return;
	}
	op_mark(op, "read");
	op->until_ms = clock_mono_ms() + ASKED_MS;
	observe_slots(op->c);
	lock_together(op);
}

/* What is held is held until the node is written. */
static void on_near(struct op *op)
{
	struct error err = ERROR_INIT;

	op_mark(op, "near");
	if (read_node(op, READ_FIRST_MS, on_read_first, &err) < 0)
		promote_give_up(op, &err);
}

/* What one of them holds is held for the slowest of them: so all are asked first, and told at once. Who has not
 * answered by then is late, and told by what is known; the others are asked once more where theirs is no longer fresh.
 */
static void lock_together(struct op *op)
{
	if (observe_awaits_slots(op->c) && clock_mono_ms() < op->until_ms) {
		op_wait(op, TOGETHER_AGAIN_MS, lock_together);
		return;
	}
	if (awaits_one_that_ended(op))
		return;
	if (stays_with_master(op))
		return;
	op_mark(op, "asked");
	op->locked = true;
	op->locking_ms = clock_mono_ms();
	fill_all(op, op->a.from, true, LOCK_MS, on_locked);
}

static void on_caught_up(struct op *op)
{
	op_mark(op, "catch_up");
	if (!stays_with_master(op))
		promote_fence(op);
}

/* Locked is also what is locked already: whoever was at work before may have freed it. */
static void on_claimed(struct op *op, const struct error *err)
{
	if (err) {
		if (!silent_holds_on(op, err))
			promote_give_up(op, err);
		return;
	}
	op->claimed = true;
	op->a.early = false;
	if (op->a.lock)
		change_master(op); /* which takes its time */
	else
		op_wait(op, OVERTAKEN_MS, change_master);
}

static void claim(struct op *op)
{
	struct error err = ERROR_INIT;

	op->next = op->was;
	if (op_claim(op, on_claimed, &err) < 0)
		on_claimed(op, &err);
}

static void on_freed(struct op *op)
{
	op_mark(op, "unlock");
	op_end(op, NULL);
}

static void on_kept(struct op *op, const struct error *err)
{
	if (err) {
		op_end(op, err);
		return;
	}
	fill_start(op, op->a.addr, false, UNLOCK_MS);
	fill_await(op, UNLOCK_MS, on_freed);
}

/* The master stays as it is: the node is written as it is, over another controller's claim, whose locks are undone. */
static void keep(struct op *op)
{
	struct observed_group *g = cluster_group(op->c, op->a.gid, false);
	struct error err = ERROR_INIT;

	if (g)
		g->kept_ms = clock_mono_ms();
	op->next = op->was;
	if (op_claim(op, on_kept, &err) < 0)
		on_kept(op, &err);
}

/* Whoever does not lead has locked beside the one who does. */
void promote_failed(struct op *op)
{
	if (op->c->ctl->mandate == MANDATE_STANDBY && !op->claimed) {
		claim(op);
		return;
	}
	op->a.early = false;
	if (name_master(op) == 0)
		promote_fence(op);
}

static void on_locked(struct op *op)
{
	struct error err = ERROR_INIT;

	op_mark(op, "lock");
	if (!op->unfilled) {
		catch_up(op, on_caught_up);
		return;
	}
	/* A proxy that we could not lock may go on writing to the old master. */
	if (op_may_go_on(op, &err) == 0)
		error_set(&err, ERR_TIMEOUT, "proxy %s could not be locked, so the old master stays", op->not_filled);
	promote_give_up(op, &err);
}

void promote_fence(struct op *op)
{
	struct error err = ERROR_INIT;

	observe_slots(op->c); /* before they are filled */
	if (op_is_at_home(op, &err) < 0 || op_fence(op, on_fenced, &err) < 0)
		on_fenced(op, &err);
}

/* What the old master got between the two locks is caught up with. One that has ended got nothing. */
static void on_locked_again(struct op *op)
{
	struct error err = ERROR_INIT;

	op_mark(op, "again");
	if (!op->unfilled || op->old_failed == ERR_REFUSED) {
		promote_catch_up(op);
		return;
	}
	error_set(&err, ERR_TIMEOUT, "proxy %s could not be locked again, so the old master stays", op->not_filled);
	promote_take_back(op, &err);
}

static void on_fenced(struct op *op, const struct error *err)
{
	if (err) {
		op->unanswered = err->code == ERR_TIMEOUT;
		if (!silent_holds_on(op, err))
			promote_give_up(op, err);
		return;
	}
	op->declared = true;
	op_crash_point(op, "promote.fenced");
	if (op->a.lock)
		silent_fenced(op);
	else if (op->a.kind == ACT_SWITCH && fill_may_be_undone(op))
		fill_all(op, op->a.from, true, LOCK_MS, on_locked_again);
	else
		promote_take_role(op);
}

/* --- catch up ----------------------------------------------------------------------------------------------------- */

/* What has this one? */
static void ask(struct op *op, const char *addr, redis_done done)
{
	static const char *const info[] = { "INFO" };
	struct error err = ERROR_INIT;

	op->asked++;
	if (op_try_command(op, addr, done, 1, info, &err) == 0)
		return;
	op->unasked = true;
	op->failed = err;
	weigh_offsets(op);
}

/* Both at once: what the replica has reached when it is asked, it has. */
static void ask_both(struct op *op)
{
	op->asked = 1; /* so that one that fails at once does not end it before the other is asked */
	op->unasked = false;
	op->failed.code = ERR_NONE;
	ask(op, op->a.from, on_master_offset);
	ask(op, op->a.addr, on_replica_offset);
	weigh_offsets(op);
}

static void ask_replica(struct op *op)
{
	op->failed.code = ERR_NONE;
	ask(op, op->a.addr, on_replica_offset);
}

static void catch_up(struct op *op, void (*then)(struct op *op))
{
	op->caught_up = then;
	op->until_ms = clock_mono_ms() + CATCH_UP_MS;
	ask_both(op);
}

static void on_caught_up_late(struct op *op)
{
	op_mark(op, "catch_up");
	promote_take_role(op);
}

void promote_catch_up(struct op *op)
{
	catch_up(op, on_caught_up_late);
}

static void on_master_offset(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	struct redis_info info;
	struct error bad = ERROR_INIT;

	op->old_failed = err ? err->code : ERR_NONE;
	if (!err && redis_info_parse(answer, strlen(answer), &info, &bad) < 0)
		op->old_failed = bad.code;
	if (op->old_failed != ERR_NONE)
		op->failed = err ? *err : bad;
	else
		op->goal = info.offset;
	weigh_offsets(op);
}

static void on_replica_offset(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	struct redis_info info;
	bool parsed = !err && redis_info_parse(answer, strlen(answer), &info, NULL) == 0;

	op->reached = -1;
	if (err)
		op->failed = *err;
	else if (parsed && info.role == REDIS_ROLE_MASTER)
		error_set(&op->failed, ERR_CONFLICT, "%s has got the role meanwhile", op->a.addr);
	else if (parsed && check_stays(op, &info, &op->failed) == 0)
		op->reached = info.offset;
	weigh_offsets(op);
}

/* Neither an answer of the master nor an offset that is high enough: not for long. */
static void ask_again(struct op *op, void (*whom)(struct op *op))
{
	struct error late = ERROR_INIT;
	const char *locked = op->locked ? "locked " : "";

	if (clock_mono_ms() <= op->until_ms) {
		op_wait(op, CATCH_UP_AGAIN_MS, whom);
		return;
	}
	if (op->old_failed != ERR_NONE)
		error_set(&late, ERR_TIMEOUT, "the %smaster does not say what it has: %s", locked, op->failed.text);
	else
		error_set(&late, ERR_TIMEOUT, "the replica did not catch up with its %smaster in time", locked);
	promote_give_up(op, &late);
}

/* Once all that were asked have answered, or failed. */
static void weigh_offsets(struct op *op)
{
	struct error failed = op->failed;

	if (--op->asked)
		return;
	op->a.whole = op->a.kind == ACT_SWITCH && op->locked && op->old_failed == ERR_NONE && op->reached >= op->goal;
	if (op->unasked)
		promote_give_up(op, &failed);
	else if (op->old_failed == ERR_REFUSED && op->locked)
		op->caught_up(op); /* it died meanwhile: what its replica has is all there is */
	else if (op->old_failed == ERR_REFUSED || (op->old_failed == ERR_NONE && failed.code != ERR_NONE))
		promote_give_up(op, &failed);
	else if (op->old_failed != ERR_NONE)
		ask_again(op, ask_both); /* one that forks or is busy has what its replica has not */
	else if (op->reached >= op->goal)
		op->caught_up(op);
	else
		ask_again(op, ask_replica);
}

/* --- role, fill, reload ------------------------------------------------------------------------------------------- */

void promote_take_role(struct op *op)
{
	fill_hold_strangers(op, op->a.addr, FILL_MS, give_role);
}

/* Another process answers: restarted meanwhile, or a stranger with its address. The one that it was meant for counts as
 * the one with the role, so that this one is seen to be another. 0, or -1 and *err. */
static int verify_process(const struct op *op, const struct redis_info *info, struct error *err)
{
	struct observed_server *s = cluster_server(op->c, op->a.addr);

	if (promote_is_same_process(op, info, err) == 0)
		return 0;
	if (s)
		roster_note_role(s, op->run_id, op->a.gid, op->version);
	return -1;
}

static int is_the_one(void *ctx, const char *answer, struct error *err)
{
	struct redis_info info;

	if (redis_info_parse(answer, strlen(answer), &info, err) < 0 || verify_process(ctx, &info, err) < 0)
		return -1;
	return check_stays(ctx, &info, err);
}

/* By somebody else's hand: where nobody is replaced, as at the end of a person's promotion, that is not made ours, and
 * what another one has that it lacks stays with that one. */
static bool leads_already(const struct observed_server *s)
{
	return s->succession.led_ms && strcmp(s->succession.run_id, s->info.run_id) == 0;
}

/* To the process that was decided on, and no other, whatever befell it since: an empty one that has got a role cannot
 * be told by others from one that was meant to have it. That costs a turn; the rest is one go, since what waits for the
 * answer to each of them is a client. A replica hears a healthy master every second by the ping period, so what it does
 * not hear is evidence soon; a server without the setting keeps its own. */
static void give_role(struct op *op)
{
	static const char *const info[] = { "INFO" };
	static const char *const slaveof[] = { "SLAVEOF", "NO", "ONE" };
	static const char *const ping[] = { "CONFIG", "SET", "repl-ping-slave-period", "1" };
	static const struct redis_words words[] = {
		{ .argc = 1, .argv = info, .check = is_the_one },
		{ .argc = 3, .argv = slaveof },
		{ .argc = 4, .argv = ping, .may_fail = true },
		{ .argc = 1, .argv = info },
	};
	struct observed_server *s = cluster_server(op->c, op->a.addr);
	int skip = op->run_id[0] ? 0 : 1;
	struct error err = ERROR_INIT;

	op->gives = op->a.from[0] || !s || !leads_already(s);
	if (s && op->gives)
		succession_give(&s->succession, clock_mono_ms());
	if (op_is_at_home(op, &err) < 0 ||
	    op_try_commands(op, op->a.addr, on_verified, words + skip, 4 - skip, &err) < 0)
		promote_take_back(op, &err);
}

static void on_verified(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	struct observed_server *s = cluster_server(op->c, op->a.addr);
	struct redis_info info;
	struct error bad = ERROR_INIT;

	if (!err && (redis_info_parse(answer, strlen(answer), &info, NULL) < 0 || info.role != REDIS_ROLE_MASTER))
		error_set(&bad, ERR_PROTOCOL, "SLAVEOF NO ONE was accepted, and INFO shows no master");
	/* It answers, and does not take it. */
	if (s && (bad.code != ERR_NONE || (err && err->code == ERR_STATUS)))
		s->role_refused_ms = clock_mono_ms();
	if (err || bad.code != ERR_NONE || verify_process(op, &info, &bad) < 0 || check_stays(op, &info, &bad) < 0) {
		promote_take_back(op, err ? err : &bad);
		return;
	}
	if (s) {
		roster_note_role(s, info.run_id, op->a.gid, op->version);
		s->role_refused_ms = 0;
		data_hear_role(&s->data, &info);
		if (op->gives)
			succession_give(&s->succession, clock_mono_ms());
	}
	op_mark(op, "role");
	op_crash_point(op, "promote.role");
	fill_start(op, op->a.addr, false, FILL_MS);
	fill_await(op, RELOAD_MS, reload);
}

/* A real dashboard reads 1,024 nodes then, and that is felt while clients still wait. Not for long behind the role, as
 * proxies may hang: meanwhile it may take in another one, as it knows the group. Where nobody can be written to but the
 * new master it has more time: clients come back first, and it is told once for all groups that have lost theirs. */
static void reload(struct op *op)
{
	const struct observed_server *old = cluster_server(op->c, op->a.from);

	if (old && old->reach == REACH_REFUSED && !fill_slots_are_moved(op))
		observe_reload_soon(op->c);
	else
		observe_reload(op->c);
	await_fills(op);
}

/* A proxy that hangs may be waited for for long, and the group is left alone meanwhile. A dashboard that has not read
 * yet fills whom it takes in with the old master, which may wake. */
static void await_fills(struct op *op)
{
	if (op->waiting)
		fill_those_filled_back(op, op->a.addr, FILL_MS);
	fill_await(op, op->waiting ? FILLED_BACK_MS : 0, op->waiting ? await_fills : on_filled);
}

/* A proxy that did not take the slots is seen to send them elsewhere, and filled then. */
static void on_filled(struct op *op)
{
	struct observed_group *g = cluster_group(op->c, op->a.gid, false);

	op_mark(op, "fill");
	if (g && op->a.takes_back) {
		memcpy(g->taken_back, op->a.from, sizeof(g->taken_back));
		g->taken_back_ms = clock_mono_ms();
	}
	op_end(op, NULL);
}

/* --- a switch is undone ------------------------------------------------------------------------------------------- */

static void on_unlocked(struct op *op)
{
	op_mark(op, "unlock");
	op_end(op, &op->failed);
}

/* A proxy whose lock is still under way gets nothing before that has ended: it is filled by a later decision. */
static void unlock(struct op *op)
{
	fill_start(op, op->a.from, false, UNLOCK_MS);
	fill_await(op, UNLOCK_MS, on_unlocked);
}

/* Its address is somebody else's by now. The process that had its role here tells more than what is heard of pods. */
static bool old_has_gone(const struct op *op)
{
	return !op_is_lent(op, op->a.from) && op_has_gone(op, op->a.from);
}

/* Whether the old master still is the declared one, its address is its own, and nobody else is at work on the group: it
 * was not claimed since.
 * Then its slots are given back to it. Else whoever wrote the node fills the proxies, or the next decision does: the
 * old master must not be written to any more. */
static void unlock_if_it_leads(struct op *op, const struct codis_group *node, int version)
{
	bool others = op->a.lock && op->exists && version != op->version;

	if (!node->count || strcmp(node->servers[0].addr, op->a.from) != 0 || node->promoting_state[0] || others ||
	    old_has_gone(op)) {
		op_end(op, &op->failed);
		return;
	}
	op->exists = op->undoes = true;
	op->version = version;
	unlock(op);
}

/* The write had no answer, and the node says that it was done: ours, or the same one of whoever leads by now, who has
 * locked and caught up for it, too. Its slots are held, and this is not the time to let go. */
static bool is_fenced(const struct op *op, const struct codis_group *node, int version)
{
	return op->unanswered && op->a.kind == ACT_SWITCH && version == op->version + 1 && node->count &&
	       !node->promoting_state[0] && strcmp(node->servers[0].addr, op->a.addr) == 0;
}

static void on_node_read(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
			 const struct error *err)
{
	struct op *op = ctx;
	const struct observed_group *g = cluster_group(op->c, op->a.gid, false);
	JSON_CLEANUP cJSON *json = err ? NULL : json_parse(data, len, MODEL_ITEMS, NULL);
	struct codis_group node;
	bool is_read = json && codis_group_parse(json, &node, NULL) == 0;

	if (is_read && is_fenced(op, &node, stat->version)) {
		op_take_fence(op, stat->version);
		on_fenced(op, NULL);
	} else if (is_read)
		unlock_if_it_leads(op, &node, stat->version);
	else if (err && err->code != ERR_NOTFOUND && g)
		unlock_if_it_leads(op, &g->node, g->version); /* without a coordinator nobody takes its role away */
	else
		op_end(op, &op->failed);
}

/* Before the fence, or at it: whether it was written is not known when no answer came in time. Or behind it, where a
 * lock was undone: a switch is taken back then, and what was declared over a silent master is left to a next decision.
 */
void promote_give_up(struct op *op, const struct error *err)
{
	struct error unread = ERROR_INIT;

	if (op->declared && op->a.kind == ACT_SWITCH) {
		promote_take_back(op, err);
		return;
	}
	if (!op->locked) {
		op_end(op, err);
		return;
	}
	op->failed = *err;
	if (read_node(op, op->a.kind == ACT_SWITCH ? READ_MS : 0, on_node_read, &unread) < 0)
		on_node_read(op, NULL, 0, NULL, &unread);
}

static void on_taken_back(struct op *op, const struct error *err)
{
	if (err) {
		op_end(op, &op->failed);
		return;
	}
	unlock(op);
}

/* It answered before the fence, which may have taken long to be written. */
static bool old_ended(const struct op *op)
{
	const struct observed_server *old = cluster_server(op->c, op->a.from);

	return op->old_failed != ERR_NONE || (old && old->reach == REACH_REFUSED) || old_has_gone(op);
}

/* Its replica was declared, and does not take or get the role: the old master lives, and its clients wait. Should the
 * replica lead after all, nobody has written to it. */
void promote_take_back(struct op *op, const struct error *err)
{
	struct error late = ERROR_INIT;

	op->failed = *err;
	if ((op->a.kind != ACT_SWITCH && !op->old_lives) || old_ended(op) ||
	    codis_group_lead(&op->next, op->a.from) < 0 || op_fence(op, on_taken_back, &late) < 0)
		op_end(op, &op->failed);
}
