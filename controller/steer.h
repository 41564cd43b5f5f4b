/* steer.h - observe, decide, act: the turn that every cluster goes through, every 100 ms and when something is seen. */
#ifndef CODIS_CONTROLLER_STEER_H
#define CODIS_CONTROLLER_STEER_H

#include <stdbool.h>

struct cluster;
struct controller;

/* Begins to watch, and where this controller leads, to act. NULL: no memory (logged). */
struct cluster *steer_begin(struct controller *ctl, const char *namespace, const char *product);
/* For a cluster without pods: counts how long, and after a minute with nothing under way closes and frees it (in the
 * next turn of the loop). Returns whether it did: the caller forgets it then. */
bool steer_end_when_idle(struct cluster *c);

#endif
