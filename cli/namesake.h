/* namesake.h - whether another namespace lives in a product's tree: two may have one product name and one ZooKeeper,
 * and what the tree names tells. */
#ifndef CODIS_CLI_NAMESAKE_H
#define CODIS_CLI_NAMESAKE_H

#include "cli/estate.h"
#include "cli/tree.h"

struct error;

#define NAMESAKE_WORDS_MAX 400

enum namesake {
	NAMESAKE_NONE,    /* each address in the tree is a pod's of the estate's namespace, or of no Codis any more */
	NAMESAKE_LIVES,   /* words: "live/codis-dashboard-0 (10.9.9.4:18080)", a pod of another namespace */
	NAMESAKE_UNKNOWN, /* words: "10.9.9.4:18080", which no pod of the namespace has; others may not be asked for */
};

/* Looks at what the tree says of dashboard, proxies and servers. 0, or -1 and *err: it, or the API server, does not
 * answer. */
int namesake_find(struct tree *t, const struct estate *e, enum namesake *found, char words[NAMESAKE_WORDS_MAX],
		  struct error *err);

#endif
