/* explain.h - why a member of a group is Pending, in words that name the group.
 *
 * Pods that the webhook has seen carry a required anti-affinity, and the scheduler's own plugin for it refuses a node
 * before the extender is asked: "node(s) didn't match pod anti-affinity rules" is all that the user is told then. */
#ifndef CODIS_EXTENDER_EXPLAIN_H
#define CODIS_EXTENDER_EXPLAIN_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "extender/cluster.h"

struct buf;

/* Whether the scheduler has given up on this pod for now, its group having members in place, without naming the group;
 * then out gets one sentence. Pure. */
bool explain_pending(const struct cluster *c, const cJSON *pod, struct buf *out);

#endif
