/* reserve.h - placements in flight. A scheduler that was offered some nodes for a pod binds it to one of them and does
 * not tell which (extenders never hear of the scheduler's "assume"). Until the watch shows the pod bound, it may
 * stand on any of them; so all of them are reserved for it, for a limited time: nothing can leak. No clock, no I/O, no
 * lock. Times are clock_mono_ms(). */
#ifndef CODIS_EXTENDER_RESERVE_H
#define CODIS_EXTENDER_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/table.h"
#include "common/codis/pod.h"

/* Which group, or set of another component, a pod is a member of. */
struct membership {
	char namespace[POD_NAMESPACE_MAX], product[CODIS_PRODUCT_MAX];
	enum codis_component component;
	int group; /* 0: none */
	int rank;  /* its place in its group, from 0; -1: none */
};

struct reservation {
	struct table_link by_uid;
	char *uid, *name; /* the pod's */
	struct membership member;
	char **nodes; /* that were offered, sorted by name */
	size_t count;
	int64_t deadline_ms;
};

struct reservations {
	struct table by_uid;
};

void reservations_release(struct reservations *r);

/* Takes the place of an earlier reservation of the same pod. All is copied. 0 or -1 (memory; the earlier one is gone
 * all the same). */
int reservations_add(struct reservations *r, const char *uid, const char *name, const struct membership *member,
		     const char *const *nodes, size_t count, int64_t deadline_ms);
/* The pod is bound, gone, or asked for again. */
void reservations_drop(struct reservations *r, const char *uid);
/* Drops what is past its time; returns how many. */
size_t reservations_expire(struct reservations *r, int64_t now_ms);
/* NULL: none. */
const struct reservation *reservations_find(const struct reservations *r, const char *uid);
/* All of them, in no order: the first (after NULL), the one after `one`; NULL at the end. */
const struct reservation *reservations_next(const struct reservations *r, const struct reservation *one);
/* Whether the node was offered. */
bool reservations_offer(const struct reservation *one, const char *node);

#endif
