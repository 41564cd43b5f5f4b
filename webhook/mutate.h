/* mutate.h - what a pod of Codis gets. Pure: the verdict follows from the request, the lookups and the options. */
#ifndef CODIS_WEBHOOK_MUTATE_H
#define CODIS_WEBHOOK_MUTATE_H

struct admission_request;
struct admission_verdict;
struct lookups;
struct mutation;

/* For POST /mutate. v must be initialised. Refuses what is no pod (400) and what has no place in a cluster (422). What
 * may be anybody's (ZooKeeper, codis-fe) is changed where a Codis of its namespace is known, or a label says so. */
void mutate(const struct admission_request *req, const struct lookups *lookups, const char *viewer_image,
	    struct admission_verdict *v);

/* mutate_<component>.c; codis-fe and ZooKeeper get so little that it is in mutate.c. */
void server_mutate(struct mutation *m);
void proxy_mutate(struct mutation *m);
void dashboard_mutate(struct mutation *m);
void ha_mutate(struct mutation *m);
/* Makes a viewer of each codis-ha that stands in a pod of another program. How many there are. */
int ha_replace(struct mutation *m);

#endif
