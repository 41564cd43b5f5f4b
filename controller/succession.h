/* succession.h - how a server came to lead its group: whether it had what the master before it sent, as far as was
 * heard. A person may give the role to one that has not (codis-fe, codis-admin), while the old master lives; whoever
 * follows throws away what it has, so the old one is not told to follow such a successor. Pure. What is remembered is
 * written where an INFO is heard, and shown in the view. */
#ifndef CODIS_CONTROLLER_SUCCESSION_H
#define CODIS_CONTROLLER_SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/info.h"
#include "common/codis/model.h"

struct cluster_view;
struct group_view;
struct server_view;

/* A replica that lacks more than this of what its master had sent a moment before has not caught up: with its last full
 * sync, or after it was stopped. One that is well lacks what is under way: well below it, at 100 MB a second. */
#define SUCCESSION_LAG_BYTES (1 << 20)

enum succession_how {
	SUCCESSION_UNKNOWN, /* it led when it was first heard, or what it had then was not heard lately */
	SUCCESSION_GIVEN,   /* this controller gave it the role */
	SUCCESSION_IN_SYNC, /* somebody else did, and it had all that its master sent */
	SUCCESSION_BEHIND,  /* somebody else did, and it had not */
};

/* Of a server's process. All zero: nothing is known. */
struct succession {
	char run_id[CODIS_RUN_ID_SIZE];
	/* What it said last as a replica. */
	char of[CODIS_ADDR_MAX];
	int64_t heard_ms;
	int64_t whole_ms; /* when it last had all that this master sent; 0: never */
	int64_t lacks_ms; /* the first of those INFOs in a row by which it had not; 0: it has */
	bool behind;      /* ... though that one lived */
	bool of_silent;   /* ... and that one was silent when it said so last */
	int64_t given_ms; /* when this controller gave it the role; 0: never */
	/* As a master. */
	enum succession_how how;
	int64_t led_ms; /* when it was first heard as one; 0: it is none */
	/* It has what this one lacks, a master that was promoted over its head, or over that of its master: until a
	 * person decides. "": so it is not. */
	char keeps_from[CODIS_RUN_ID_SIZE];
};

/* The server that it follows, or followed last (of). */
struct succession_master {
	const struct redis_info *info; /* what was last heard of it; NULL: nothing */
	int64_t heard_ms;              /* ... and when */
	bool silent;                   /* it does not answer now */
};

/* What a server says. */
void succession_hear(struct succession *s, const struct redis_info *info, int64_t heard_ms,
		     const struct succession_master *master);
/* This controller gives it the role now. */
void succession_give(struct succession *s, int64_t now_ms);

/* A promotion is taken back so long after it was seen, not later: until then less is lost by it. */
#define SUCCESSION_TAKE_BACK_MS 10000

/* Who has given a role has filled the proxies by then; by the first those that answer. */
#define SUCCESSION_TOLD_MS   1000
#define SUCCESSION_FILLED_MS 6500

enum succession_verdict {
	SUCCESSION_FINE,
	SUCCESSION_UNHEARD,   /* the old master is to be heard once more, or who is at work on it to be awaited */
	SUCCESSION_TAKE_BACK, /* it has more than was written since: it is to lead again */
	SUCCESSION_WAITS,     /* nobody but a person can weigh it: until then the old master keeps what it has */
};
/* Whether m, the verified master of the group, leads over the head of a living master that has what m lacks, or of a
 * replica of one that does not answer (*old, else NULL). codis.io/allow-data-loss for the group: a person insists. */
enum succession_verdict succession_judge(const struct cluster_view *v, const struct group_view *g,
					 const struct server_view *m, const struct server_view **old);
/* m leads on, until a person says otherwise. */
bool succession_stays(enum succession_verdict verdict);
/* What succession_judge() says of s, a member of the group, is to be remembered: keys that are written later tell
 * nothing of what m lacks. */
void succession_note(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
		     struct succession *out);

#endif
