/* explain.h - why a member of a group is Pending, in words that name the group.
 *
 * Pods that the webhook has seen carry a required anti-affinity, and the scheduler's own plugin for it refuses a node
 * before the extender is asked: "node(s) didn't match pod anti-affinity rules" is all that the user is told then. So
 * the extender puts an Event beside it. Everything here is for the loop's thread. */
#ifndef CODIS_EXTENDER_EXPLAIN_H
#define CODIS_EXTENDER_EXPLAIN_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/base/table.h"

struct buf;
struct inventory;
struct kube_events;

/* Whether the scheduler has given up on this pod for now, its group having members in place, without naming the group;
 * then out gets one sentence. Pure. */
bool explain_pending(const struct inventory *inv, const cJSON *pod, struct buf *out);

struct explainer {
	struct kube_events *events;              /* not owned */
	struct table pending, pending_of_groups; /* the pods that the scheduler has given up on for now */
};

void explainer_release(struct explainer *x);

/* A pod as it is now, after the inventory was told of it. A member that comes into its place may be what a Pending one
 * of its group waits for: the scheduler knows of that before the watch does. */
void explainer_set(struct explainer *x, const struct inventory *inv, const cJSON *pod);
void explainer_remove(struct explainer *x, const char *uid);

#endif
