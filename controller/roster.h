/* roster.h - who is watched in a cluster: servers, groups, proxies and dashboards, as the pods and the groups' lists
 * name them; and what is kept of each INFO. */
#ifndef CODIS_CONTROLLER_ROSTER_H
#define CODIS_CONTROLLER_ROSTER_H

struct cluster;
struct codis_group;
struct observed_group;
struct observed_server;
struct redis_probe_state;

/* Watches what the pods and the coordinator name, and no longer what neither does. */
void roster_take_stock(struct cluster *c);
/* Begins to ask it, or no longer does, as whose its address is now. */
void roster_watch(struct observed_server *s);
/* Ends all probes. */
void roster_silence(struct cluster *c);
/* ... and forgets all. */
void roster_release(struct cluster *c);
/* The node of a group was read, and is another one: who is listed where, who had the role, who is master. */
void roster_relist(struct cluster *c, struct observed_group *g, const struct codis_group *before);

/* A server's probe tells: what it says is kept, with which process it was that had a role or a link, and since when its
 * group has no master. */
void roster_hear(struct cluster *c, struct observed_server *s, const struct redis_probe_state *state);
/* That process has its role, or its link, in the group (0: not known which), as of that version of the group's node. */
void roster_note_role(struct observed_server *s, const char *run_id, int gid, int version);

#endif
