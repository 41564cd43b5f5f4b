/* decide.h - what to do, from what is seen. Pure: no clock, no I/O, no allocation; unit tests call it with
 * views of their own. */
#ifndef CODIS_CONTROLLER_DECIDE_H
#define CODIS_CONTROLLER_DECIDE_H

#include "controller/action.h"
#include "controller/judge.h"
#include "controller/view.h"

/* Fills out with at most max actions, the most urgent first; at most one a group, a proxy and the dashboard. Returns
 * how many. What does not fit comes back at the next call, since everything is decided from what is seen. */
int decide(const struct cluster_view *v, const struct decide_limits *limits, struct action *out, int max);
/* The same; what a limit holds up (calm.h) goes to held, where there is room, with why it waits. *held_count: how many.
 * What waits for less than CALM_TOLD_MS is not worth a word, and is left out. */
#define CALM_TOLD_MS 2000
int decide_all(const struct cluster_view *v, const struct decide_limits *limits, struct action *out, int max,
	       struct action *held, int held_max, int *held_count);

/* Whether it has a bound (min-slaves-to-write) that too few replicas in sync hold. One that a replica holds still, or
 * that another controller has set which leads, is taken off when it has been so for DECIDE_UNHELD_MS
 * (server_view.unheld_ms, which the caller keeps); one that none holds, at once. */
#define DECIDE_UNHELD_MS 2000
bool decide_is_unheld(const struct cluster_view *v, const struct decide_limits *limits, const struct server_view *s);

/* Fills in from_lives and from_uid of a promotion with lock, by what is known of the old master now: whether it may
 * wake, and whether its pod may be ended. */
void decide_ending(const struct cluster_view *v, const struct server_view *old, struct action *a);

#endif
