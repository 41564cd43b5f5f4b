/* stranger.h - whose pod has an address that a group lists and no pod of Codis has: only Codis' pods are watched, so
 * the API server is asked, before the first INFO and when another process answers there. Who has it may be a plain
 * Redis: it is never followed, and never leads. */
#ifndef CODIS_CONTROLLER_STRANGER_H
#define CODIS_CONTROLLER_STRANGER_H

#include <stdbool.h>
#include <stdint.h>

struct cluster;
struct observed_server;
struct stranger_question;

enum stranger_whose {
	WHOSE_UNKNOWN,
	WHOSE_NOBODYS, /* no pod has it, as far as is told by now */
	WHOSE_OURS,    /* a pod of the namespace that may be a server without labels */
	WHOSE_ANOTHERS,
};

/* Of an observed server. */
struct stranger {
	bool wanted; /* no pod of Codis has its address, and it can be asked who has */
	enum stranger_whose whose;
	bool failed;      /* the last question had no answer, or none in time */
	int64_t since_ms; /* since when it is wanted; since another process was heard */
	int64_t asked_ms; /* 0: never */
	int64_t known_ms; /* when the question was asked whose answer that is */
	struct stranger_question *asking;
};

/* Another pod has its address, and none of ours. Pure. */
bool stranger_has(const struct observed_server *s);
/* That is not known yet, and will be in a moment: nothing is believed of who answers there. kube_fresh: the API server
 * was heard lately. Pure. */
bool stranger_is_awaited(const struct observed_server *s, bool kube_fresh);

/* The inventory has no pod at its address, or has one again, which does not count where the API server has said that it
 * is another's, until it is asked again; asks. */
void stranger_want(struct observed_server *s);
/* Before what this INFO says is kept: another process than the one before is asked for anew. */
void stranger_hear(struct observed_server *s, const char *run_id);
/* Ten times a second: asks what is due, four questions of a cluster each time. */
void stranger_tick(struct cluster *c, int64_t now_ms);
/* Before it is freed: an answer is not heard any more. */
void stranger_forget(struct observed_server *s);

#endif
