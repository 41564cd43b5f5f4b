/* scale_tell.h - what is told of slots that move: Events on the StatefulSet when it begins, waits, goes on and ends,
 * and a metric (gauges.c). */
#ifndef CODIS_CONTROLLER_SCALE_TELL_H
#define CODIS_CONTROLLER_SCALE_TELL_H

struct cluster;

/* In each turn. */
void scale_tell(struct cluster *c);

#endif
