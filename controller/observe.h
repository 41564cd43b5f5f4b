/* observe.h - asks Codis what is due; every answer calls cluster_look(). */
#ifndef CODIS_CONTROLLER_OBSERVE_H
#define CODIS_CONTROLLER_OBSERVE_H

#include <stdint.h>

struct cluster;
struct observed_proxy;

/* At every tick: the coordinator's folders and nodes, the dashboard, the proxies; each at its own pace. */
void observe(struct cluster *c);
/* Reads a group's node now. */
void observe_group(struct cluster *c, int gid);
/* Asks a proxy now, unless it is being asked. */
void observe_proxy(struct cluster *c, struct observed_proxy *p);
/* Makes a live dashboard read the coordinator again, now or as soon as it answers. */
void observe_reload(struct cluster *c);

/* The start_time of a dashboard's lock in milliseconds of wall time; 0 when it is none. */
int64_t observe_start_time(const char *s);

#endif
