/* reserve.h - placements in flight. A scheduler that was offered some nodes for a pod binds it to one of them and does
 * not tell which (extenders never hear of the scheduler's "assume"). Until the watch shows the pod bound, it may
 * stand on any of them; so all of them are reserved for it, for a limited time: nothing can leak. No clock, no I/O, no
 * lock. Times are clock_mono_ms(). */
#ifndef CODIS_EXTENDER_RESERVE_H
#define CODIS_EXTENDER_RESERVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/base/table.h"
#include "common/codis/pod.h"

struct census;
struct json_span;

/* Which group, or set of another component, a pod is a member of. */
struct membership {
	char namespace[POD_NAMESPACE_MAX], product[CODIS_PRODUCT_MAX];
	enum codis_component component;
	int group;   /* 0: none */
	bool master; /* of its group, or to be it: see inventory_pod */
};

/* What of a pod its reservation holds. Texts are copied. */
struct reserved {
	const char *uid, *name;
	struct membership member;
	const char *topology_key;
	uint32_t memory_mib; /* as in census_pod */
	bool strict;         /* as in place_pod */
	bool ruled;          /* as in kept_pod */
	bool wide;           /* all that pass were offered, for it has preferences of its own */
	bool brief;          /* it ends when the pod is asked for again */
	bool silent; /* it says no product: it may turn out to be of another one than it was when it was offered them */
};

struct reservation {
	struct table_link by_uid, by_group;
	TAILQ_ENTRY(reservation) by_deadline;
	struct reserved pod;
	uint32_t *nodes; /* that were offered, by their numbers in the census, which hold them */
	size_t count;
	int64_t deadline_ms, taken_ms; /* reservations_take_overdue(); 0: never */
	char texts[];
};

struct reservations {
	struct census *census;
	struct table by_uid, by_group;
	TAILQ_HEAD(, reservation) by_deadline; /* the first ends first: all last equally long */
};

/* The census must outlive them. */
void reservations_init(struct reservations *r, struct census *census);
/* Ends all of them. forgotten: the census counts none of them any more. */
void reservations_release(struct reservations *r, bool forgotten);

/* One more for this pod; what it was promised before stands until it is dropped. those: count indices of names. 0 or -1
 * (memory). */
int reservations_add(struct reservations *r, const struct reserved *pod, const struct json_span *names,
		     const uint32_t *those, size_t count, int64_t deadline_ms);
/* The pod is bound, or gone. */
void reservations_drop(struct reservations *r, const char *uid);
/* The pod is asked for again: those that are brief end. */
void reservations_end_brief(struct reservations *r, const char *uid);
/* The last one was not said to the scheduler. */
void reservations_take_back(struct reservations *r, const char *uid);
/* Drops what is past its time, if the pods were heard of since then (heard_ms: when, at the latest): who was bound in
 * time is known by then. Returns how many. */
size_t reservations_expire(struct reservations *r, int64_t now_ms, int64_t heard_ms);
/* One whose time is over, of a pod of which none was taken so within again_ms: whom to ask about. NULL: none. */
const struct reservation *reservations_take_overdue(struct reservations *r, int64_t now_ms, int64_t again_ms);
/* The pod had no node, or was gone, at this time: those of its reservations that were over by then end. */
void reservations_end_overdue(struct reservations *r, const char *uid, int64_t then_ms);
/* Those of a group, or set, and those of the namespace that say no product and may be of it: the first (after NULL),
 * the one after `one`; NULL at the end. */
const struct reservation *reservations_of(const struct reservations *r, const struct membership *member,
					  const struct reservation *one);
/* Those of this pod that are of another group, or set: the same way. */
const struct reservation *reservations_elsewhere(const struct reservations *r, const char *uid,
						 const struct membership *member, const struct reservation *one);

#endif
