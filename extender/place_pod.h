/* place_pod.h - the pod that asks for a place, and who of its group stands already. Pure. */
#ifndef CODIS_EXTENDER_PLACE_POD_H
#define CODIS_EXTENDER_PLACE_POD_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/codis/kept.h"
#include "extender/reserve.h"

struct error;
struct inventory;
struct inventory_pod;

/* The pod that asks for a place. */
struct place_pod {
	struct kept_pod pod;
	struct membership member;
	bool strict; /* a server that must not share a domain with its group */
	char *block; /* what its texts stand in; NULL: in the inventory */
};

#define PLACE_POD_CLEANUP __attribute__((cleanup(place_pod_release)))

/* What a Pod says. pod.component is CODIS_NONE for a pod that is none of ours. 0, or -1 and *err in words fit as a
 * reason: what in the pod cannot be read. A pod without a uid (none comes from a scheduler) is refused, too. */
int place_pod_of(const cJSON *pod, struct place_pod *p, struct error *err);
/* One that the inventory has: valid until that changes. 0 or -1, as above. */
int place_pod_known(const struct inventory_pod *pod, struct place_pod *p, struct error *err);
void place_pod_release(struct place_pod *p);

/* Whether it must not share a domain with its group. A bare pod has no ordinal, so it is in no group; and only a
 * group's members lose data by standing together. */
bool place_is_strict(const struct kept_pod *pod);

/* Finds out which group it is a member of: a pod that says no product belongs where the inventory has the others, and
 * the group is said by its StatefulSet, as of those that the watch has brought. A rule of its own that is about another
 * group counts as none. */
void place_join(struct place_pod *p, const struct inventory *inv);

/* 0, or -1 and *err: its group depends on a SERVER_REPLICA that cannot be read. It is looked at before place_join, too:
 * a StatefulSet that says no group takes the word of the pod's own label away. */
int place_check_group(const struct place_pod *p, struct error *err);

/* Its product, in words for users. */
const char *place_product(const struct place_pod *p);

/* Whether another pod is of the same group; for components other than servers, of the same set. The same name under
 * another uid is the pod's forerunner, which ended or soon will: no peer. */
bool place_is_peer(const struct place_pod *p, const struct inventory_pod *other);
/* Calls fn for each of them that has a place (kept_pod_place), until it returns non-zero; returns that. */
int place_each_peer(const struct place_pod *p, const struct inventory *inv,
		    int (*fn)(void *ctx, const struct inventory_pod *peer), void *ctx);
/* The same of those that are not bound. */
int place_each_waiting(const struct place_pod *p, const struct inventory *inv,
		       int (*fn)(void *ctx, const struct inventory_pod *peer), void *ctx);

/* Whether it, or another member of its group, shares a domain with nobody of it. */
bool place_is_apart(const struct place_pod *p, const struct inventory *inv);

#endif
