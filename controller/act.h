/* act.h - carries an action out. */
#ifndef CODIS_CONTROLLER_ACT_H
#define CODIS_CONTROLLER_ACT_H

struct action;
struct cluster;

/* In a dry run nothing; else begins it and returns; its end is logged, counted, told as an Event on the pod, and
 * followed by a new look. */
void act(struct cluster *c, const struct action *a);

#endif
