/* act_parts.h - how each kind of action begins, and the step that several of them share. */
#ifndef CODIS_CONTROLLER_ACT_PARTS_H
#define CODIS_CONTROLLER_ACT_PARTS_H

#include <stdbool.h>

#include "common/kube/client.h"

struct coordinator_stat;
struct observed_proxy;
struct op;
struct redis_info;

/* act_promote.c */
void promote_begin(struct op *op); /* also a switch */
/* Its steps, for act_silent.c. */
void promote_fence(struct op *op);
void promote_failed(struct op *op);   /* under an early lock: the old master has failed */
void promote_catch_up(struct op *op); /* then the role */
void promote_take_role(struct op *op);
void promote_give_up(struct op *op, const struct error *err);   /* before the fence, or at it */
void promote_take_back(struct op *op, const struct error *err); /* behind it, where the old master lives */
/* Which process it is that is to take over, or to follow; and whether it still is that one. 0, or -1 and *err. */
void promote_note_target(struct op *op);
int promote_is_same_process(const struct op *op, const struct redis_info *info, struct error *err);

/* act_silent.c: a promotion over a master that may live */
void silent_begin(struct op *op);  /* until the fence */
void silent_fenced(struct op *op); /* from there to the role */
/* The node could not be written. Whether it is tried again, which may end op: else it is to be given up. */
bool silent_holds_on(struct op *op, const struct error *err);

/* act_fill.c */
#define ASKED_MS 30   /* a proxy that is well says within this where it sends what */
#define FILL_MS  5000 /* a proxy answers when what it has in flight to a dead server is over: backend_recv_timeout */
void fill_begin(struct op *op);
/* Every proxy that may serve is to get the slots of the op's group, to be sent to addr, all proxies at once; each
 * within timeout_ms of its turn. op->filled and op->unfilled say how many have answered or failed, op->waiting how many
 * have not, op->untold how many could not be asked. A proxy that fails is seen and filled later. */
void fill_start(struct op *op, const char *addr, bool locked, int timeout_ms);
/* then is called when all that was started is in, or after ms (0: however long it takes); maybe from within. */
void fill_await(struct op *op, int ms, void (*then)(struct op *op));
/* Both. */
void fill_all(struct op *op, const char *addr, bool locked, int timeout_ms, void (*then)(struct op *op));
/* As fill_start(), and besides what is waited for: the proxies that answer and were heard to send to the old master. */
void fill_those_filled_back(struct op *op, const char *addr, int timeout_ms);
/* Whether a proxy that answers may send to the old master in spite of the lock: it may have been taken in since, was
 * not told, or a dashboard that moves slots has filled it with what it knows, which is not locked. */
bool fill_may_be_undone(const struct op *op);
/* A proxy whose pod is gone, and which has not answered yet what it was asked last, though it did until then: its
 * address. NULL: none. */
const char *fill_unheard_without_pod(const struct op *op);
/* Whether slots are being moved, as the dashboard said last. */
bool fill_slots_are_moved(const struct op *op);
/* Slots of other groups that proxies send to addr, which a server of theirs had before, are held: it would take their
 * writes once it leads. then is called when they are, or after timeout_ms; whoever leads them next fills them. */
void fill_hold_strangers(struct op *op, const char *addr, int timeout_ms, void (*then)(struct op *op));
/* The op ends: what it has sent is still taken in, and what waits for its turn is not sent any more. */
void fill_leave(struct op *op);
/* When a proxy is forgotten: nobody is called any more. */
void fill_forget(struct observed_proxy *p);

/* act_scale.c */
void note_scaling_begin(struct op *op);
void move_slots_begin(struct op *op);
void scale_begin(struct op *op);
void remove_group_begin(struct op *op);

/* act_mend.c */
void follow_begin(struct op *op);
void membership_begin(struct op *op);
void mark_in_sync_begin(struct op *op);
void online_proxy_begin(struct op *op);
/* Deletes what is still that, has the dashboard read all anew, and ends the op. One that is not there is none to
 * delete. */
void remove_node(struct op *op, const char *path, const struct coordinator_stat *what);
void remove_proxy_begin(struct op *op);
void remove_lock_begin(struct op *op);
void assign_begin(struct op *op);
void delete_pod_begin(struct op *op);
/* Asks for the end of this pod (within a second, gently, or by force); with the uid, so that a successor of the same
 * name is safe. 0, or -1 and *err. */
int delete_pod(struct op *op, const char *pod, const char *uid, kube_done done, void *ctx, struct error *err);
void unready_begin(struct op *op);
void setting_begin(struct op *op);

#endif
