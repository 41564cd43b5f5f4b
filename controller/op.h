/* op.h - an action while it runs: a short chain of asynchronous steps. The first failure ends it, is logged, and leaves
 * the rest to the next decision, which sees how far it got. Each step is asked for through the functions below, which
 * look first whether this controller still may act. */
#ifndef CODIS_CONTROLLER_OP_H
#define CODIS_CONTROLLER_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/coordinator.h"
#include "common/codis/pod.h"
#include "common/codis/redis_command.h"
#include "controller/action.h"
#include "controller/moves.h"

struct cluster;
struct loop_timer;
struct metrics;

#define OP_MARKS     16
#define FOLLOW_WORDS 3

struct op {
	struct cluster *c;
	struct action a;
	bool exists; /* the group's node, and its version: as decided on, and then as written */
	int version;
	struct codis_group was;  /* as it was when this was decided */
	struct codis_group next; /* as it shall be */
	struct buf text;
	void (*fenced)(struct op *op, const struct error *err);
	const char *fence_step; /* what its mark is called */
	int64_t began_us;
	int64_t began_ms;
	struct {
		const char *step;
		int ms; /* since the beginning */
	} marks[OP_MARKS];
	int mark_count;

	/* act_fill.c: fills under way, done, failed; proxies that could not be told, and silent ones that were not;
	 * what follows when all are in */
	int waiting, filled, unfilled, untold, passed_over;
	char not_filled[POD_NAME_MAX]; /* the proxy that failed last: its pod, or its address */
	void (*then)(struct op *op);
	/* act_promote.c: a switch catches up, or is given up */
	void (*caught_up)(struct op *op);
	int64_t goal, reached, until_ms;
	int asked;                  /* so many have not answered yet */
	bool unasked;               /* one could not be asked */
	enum error_code old_failed; /* the old master, when it was asked last */
	bool locked;                /* proxies were told to hold the slots */
	bool declared;              /* the fence is written */
	bool unanswered;            /* ... or perhaps, as no answer came in time */
	bool safe; /* act_silent.c: nothing that the old master may answer was awaited when it was last asked */
	int64_t locking_ms;                  /* when the first lock was begun */
	void (*locked_again)(struct op *op); /* act_silent.c: all were locked once more, before this */
	bool ending;                         /* ... the old master's pod was deleted */
	int64_t failed_ms;                   /* since when the old master has failed by evidence, under an early lock */
	bool claimed;                        /* nobody else is at work on the group */
	char run_id[CODIS_RUN_ID_SIZE]; /* the process that is to take over or to follow, as decided on; "" not known */
	bool gives;                     /* act_promote.c: the role is new to it */
	bool settled;                   /* ... was in no full sync then */
	bool old_lives, old_ended;      /* act_silent.c: the old master, as was seen of it */
	struct error failed;
	/* act_mend.c: what a server that is to follow is told, until it has answered */
	char host[CODIS_ADDR_MAX], port_text[8];
	const char *argv[FOLLOW_WORDS][4];
	struct redis_words words[FOLLOW_WORDS];
	/* act_scale.c: slots that are to move, and how many the dashboard was told of */
	struct move moves[SCALING_PARALLEL_MAX];
	int move_count, moved;
	bool undoes; /* what is left to do is to unlock, and that is done also by a controller that ends */

	struct loop_timer *timer; /* made at the beginning, so that no step fails for want of it */
	void (*wake)(struct op *op);
};

/* Begins it: busy from now on, and logged. NULL: it did not begin, because memory ran out or what it was decided on is
 * no more; what is still to be done is decided again. */
struct op *op_begin(struct cluster *c, const struct action *a);
/* A step is done: its name and the time show in the log. */
void op_mark(struct op *op, const char *step);
/* A place where a test may end this process as if by kill -9. */
void op_crash_point(struct op *op, const char *point);
/* The series of changes of masters, at 0: what rises from nothing is no increase to Prometheus. */
void op_begin_metrics(struct metrics *m);
/* The end: logged, counted, told as an Event on the pod; the subject is looked at again. err NULL: done. op is freed.
 */
void op_end(struct op *op, const struct error *err);
void op_fail(struct op *op, enum error_code code, const char *what);
/* A pod was deleted by it: it counts for the next one (calm.h). */
void op_count_deleted(struct op *op, const char *pod);

/* Whether this controller still may do what was decided: it leads (a change of master: or led, and cannot reach the API
 * server; a promotion: or another one leads), the loop has not slept since, and the group's node is not known to have
 * changed. 0, or -1 and *err. */
int op_may_go_on(const struct op *op, struct error *err);
/* The address has gone to a pod of another group or cluster, as far as was told. */
bool op_has_gone(const struct op *op, const char *addr);
/* ... and yet the process of that pod had its role in this group when it was heard last, and has not ended. */
bool op_is_lent(const struct op *op, const char *addr);
/* The pod that it is about may have ended while others were waited for: whether its address has not gone to one of
 * another group or cluster, nor, as far as was heard, to another process than the one that was decided on; and whether
 * it is not known to have ended, as its address may go to anybody then. 0, or -1 and *err. */
int op_is_at_home(const struct op *op, struct error *err);

/* Writes op->next as the group's node, over the version that was decided on: from here on no other controller that
 * believes to lead can act on this group without seeing that it came too late. What was written is what is there: the
 * next decision need not wait to read it. 0, or -1 and *err. then: it is written (err NULL), or that is not known. */
int op_fence(struct op *op, void (*then)(struct op *op, const struct error *err), struct error *err);
/* The fence was written, as was seen in the node by whoever got no answer. */
void op_take_fence(struct op *op, int version);
/* The same of the node as it was, only to be the one who is at work there. */
int op_claim(struct op *op, void (*then)(struct op *op, const struct error *err), struct error *err);
/* then is called after ms; NULL: what was to be called is not. */
void op_wait(struct op *op, int ms, void (*then)(struct op *op));
/* One command to one server. 0, or -1 and *err. */
int op_try_command(struct op *op, const char *addr, redis_done done, int argc, const char *const *argv,
		   struct error *err);
/* Several to one server, in one go: redis_commands(). 0, or -1 and *err. */
int op_try_commands(struct op *op, const char *addr, redis_done done, const struct redis_words *words, int count,
		    struct error *err);
/* One command. 0, or -1: op has ended. */
int op_command(struct op *op, const char *addr, redis_done done, int argc, const char *const *argv);

#endif
