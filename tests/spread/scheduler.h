/* scheduler.h - kube-scheduler 1.35, as far as it decides where pods like these stand: which nodes it looks at, what
 * its filters let pass, and its default scores. The sources of the rules are files of kubernetes/pkg/scheduler. */
#ifndef CODIS_SPREAD_SCHEDULER_H
#define CODIS_SPREAD_SCHEDULER_H

#include <stdbool.h>

#include "tests/spread/world.h"

/* The nodes that pass, of as many as it looks at: those behind the ones that it saw the last time. percentage: as
 * percentageOfNodesToScore; 0: the default. ruled: it keeps the pod from its group itself. How many. */
int scheduler_find(struct world *w, int pod, int percentage, bool ruled, int *found);
/* The one of them that scores most; of several one by chance. */
int scheduler_choose(struct world *w, int pod, const int *among, int count);

#endif
