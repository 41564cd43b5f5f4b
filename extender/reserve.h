/* reserve.h - placements in flight. A scheduler that was offered some nodes for a pod binds it to one of them and does
 * not tell which (extenders never hear of the scheduler's "assume"). Until the watch shows the pod bound, it may
 * stand on any of them; so all of them are reserved for it, for a limited time: nothing can leak. No clock, no I/O, no
 * lock. Times are clock_mono_ms(). */
#ifndef CODIS_EXTENDER_RESERVE_H
#define CODIS_EXTENDER_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/identity.h"
#include "extender/table.h"

struct reservation {
	char *uid; /* the key: the pod's */
	char *namespace, *name;
	struct codis_identity id;
	char **nodes; /* that were offered, sorted by name */
	size_t count;
	int64_t deadline_ms;
};

struct reservations {
	struct table table; /* struct reservation by uid */
};

void reservations_release(struct reservations *r);

/* Takes the place of an earlier reservation of the same pod. The names are copied. 0 or -1 (memory; the earlier one is
 * gone all the same). */
int reserve(struct reservations *r, const char *uid, const char *namespace, const char *name,
	    const struct codis_identity *id, const char *const *nodes, size_t count, int64_t deadline_ms);
/* The pod is bound, gone, or asked for again. */
void reserve_drop(struct reservations *r, const char *uid);
/* Drops what is past its time; returns how many. */
size_t reserve_expire(struct reservations *r, int64_t now_ms);
const struct reservation *reserve_find(const struct reservations *r, const char *uid);
bool reservation_has(const struct reservation *r, const char *node);

#endif
