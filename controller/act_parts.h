/* act_parts.h - how each kind of action begins, and the step that several of them share. */
#ifndef CODIS_CONTROLLER_ACT_PARTS_H
#define CODIS_CONTROLLER_ACT_PARTS_H

#include <stdbool.h>

struct op;

/* act_promote.c */
void promote_begin(struct op *op); /* also a switch */

/* act_fill.c */
#define FILL_MS 5000 /* a proxy answers when what it has in flight to a dead server is over: backend_recv_timeout */
void fill_begin(struct op *op);
/* Every proxy that may serve gets the slots of the op's group, to be sent to addr, all proxies at once; each within
 * timeout_ms of its turn. then: when all have answered or failed, maybe from within; op->filled and op->unfilled say
 * how many. A proxy that fails is seen and filled later. */
void fill_all(struct op *op, const char *addr, bool locked, int timeout_ms, void (*then)(struct op *op));

/* act_mend.c */
void follow_begin(struct op *op);
void membership_begin(struct op *op);
void mark_in_sync_begin(struct op *op);
void online_proxy_begin(struct op *op);
void remove_proxy_begin(struct op *op);
void remove_lock_begin(struct op *op);
void assign_begin(struct op *op);
void delete_pod_begin(struct op *op);

#endif
