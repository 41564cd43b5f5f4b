/* adopt.h - codis.io/adopt: servers that were started without the guard (before codis-webhook was there) are replaced,
 * one by one. Pure.
 *
 * A replica's pod is deleted, and the StatefulSet makes another one, which codis-webhook gives what it needs. The next
 * step waits until every server of the cluster is there, in sync and in its group's list. A master hands its role to a
 * guarded replica first. So at any time one copy of each group's data is complete, and all but one group have all. */
#ifndef CODIS_CONTROLLER_ADOPT_H
#define CODIS_CONTROLLER_ADOPT_H

#include "controller/judge.h"

#define ADOPT_WHY_MAX 400

struct adoption {
	int servers, unguarded; /* pods of servers */
	const struct group_view *group;
	const struct server_view *next;      /* whose pod is to go; NULL: nobody's now */
	const struct server_view *successor; /* not NULL: it takes next's role first */
	char waits[ADOPT_WHY_MAX];           /* for what, where nobody is next; "" : nothing is to be done */
};

/* What there is to do, whether it was asked for or not. */
void adoption_look(const struct cluster_view *v, const struct decide_limits *limits, struct adoption *a);

#endif
