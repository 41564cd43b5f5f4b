/* played.h - a world's pods placed, by kube-scheduler alone or with codis-extender beside it. */
#ifndef CODIS_SPREAD_PLAYED_H
#define CODIS_SPREAD_PLAYED_H

#include "tests/spread/world.h"

struct played {
	int placed, waiting;
	int asked, offered;     /* calls of filter, and nodes in the answers */
	int beside_on_node;     /* pods that came to stand beside a member of their group */
	int beside_in_zone;     /* the same, of products whose members never share a zone */
	int groups_within_zone; /* groups, of the others, of which two members share a zone */
};

/* Kubernetes' own scheduler in its default configuration, with the anti-affinity that codis-webhook injects. */
void play_default(struct world *w, struct played *out);
/* A stock scheduler in the shipped configuration, with the code of codis-extender. */
void play_extender(struct world *w, struct played *out);

#endif
