/* sight.h - whether this controller sees what it is to lead. One that reaches the API server and not ZooKeeper, or not
 * most servers, holds a lease that it cannot use, while another one may see all. Pure. */
#ifndef CODIS_CONTROLLER_SIGHT_H
#define CODIS_CONTROLLER_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

/* What all clusters together show. */
struct sight_seen {
	/* Whose containers run, on nodes that are not lost, as Kubernetes says: of clusters of which this controller
	 * has heard a server once; where it has heard none at all, of all. */
	int servers;
	int unheard;   /* of the other clusters, which are hidden, or down, or it is we who cannot reach them */
	int heard;     /* of servers: who answers, or refuses; silence is none */
	int clusters;  /* that have such servers */
	int connected; /* of these: whose ZooKeeper is connected */
};

struct sight {
	int64_t blind_since_ms; /* 0: it sees */
	int64_t clear_since_ms; /* 0: it does not */
	int64_t led_ms;         /* when it led last */
	int64_t gave_ms;        /* when it gave its lease up for those of which it has heard none; 0: not lately */
	int64_t patience_ms;    /* for so long a blind leader keeps its lease; twice as long each time */
};

/* So long it is blind before it gives its lease up, and so long it does not take it then: twice the lease. */
void sight_init(struct sight *s, int lease_ms);
/* Ten times a second. Whether this controller is to give its lease up now. For clusters of which it has never heard a
 * server it does so once: when the lease comes back within a minute, nobody has heard more. */
bool sight_look(struct sight *s, const struct sight_seen *seen, bool leads, int lease_ms, int64_t now_ms);
bool sight_is_blind(const struct sight *s, int64_t now_ms);
/* What it does not see: "1 of 4 servers answer it", "no ZooKeeper is connected"; a literal or *text. */
const char *sight_words(const struct sight_seen *seen, char *text, int size);

#endif
