/* scale.h - more groups, or fewer: who is to have slots, what is to be done next, and what it waits for. Pure: what
 * decide() proposes is what the status shows. What was begun is noted on a StatefulSet (common/codis/scaling.h), so
 * whoever leads next goes on, and a person's own distribution is never touched: without a note only groups that are new
 * get anything. */
#ifndef CODIS_CONTROLLER_SCALE_H
#define CODIS_CONTROLLER_SCALE_H

#include "common/codis/scaling.h"
#include "controller/judge.h"
#include "controller/moves.h"

struct buf;

enum scale_step {
	SCALE_RESTS,   /* nothing is to be done, or what it waits for has not come */
	SCALE_NOTES,   /* had, moving, forgets */
	SCALE_MOVES,   /* moves */
	SCALE_SCALES,  /* replicas, undoes */
	SCALE_REMOVES, /* gid */
};

#define SCALE_WAITS_MAX 320

/* Slots that are on their way stand still, too. */
#define SCALE_DISABLED_FMT                                                                                             \
	"slot actions are disabled in the dashboard, by a person: codis-admin --dashboard=%s --slot-action "           \
	"--disabled=0 turns them on again"

struct scale {
	enum scale_step step;
	const char *why;
	const struct view_set *set; /* NOTES, SCALES: which StatefulSet; others: NULL */
	struct gids had;            /* as it is to be noted */
	struct moving moving;       /* likewise */
	bool forgets;               /* codis.io/scale-to of the set is done with, and nothing else is to be noted */
	bool drops;                 /* what is noted on the set is noted on another one by now */
	struct move moves[SCALING_PARALLEL_MAX];
	int count;      /* of these */
	int left;       /* slots that are not yet where they shall be */
	bool uncounted; /* how many these are is not known: left is all that were to move */
	int replicas;
	bool undoes;
	int gid;
	char waits[SCALE_WAITS_MAX]; /* "" : for nothing */
};

void scale_look(const struct cluster_view *v, const struct decide_limits *limits, struct scale *s);

/* The group was emptied, no slot is its own, and its servers end: what becomes of them is nobody's trouble. */
bool scale_lets_go(const struct cluster_view *v, int gid);

/* Whether there is anything to tell, and in which words: "130 of 512 slots have moved to groups 3 and 4; it waits:
 * group 1 lacks a synced replica". */
#define SCALE_WORDS_MAX 480
bool scale_words(const struct cluster_view *v, const struct scale *s, struct buf *out);
/* Of what was noted, and is no more: "group 3 has its share of the slots". */
void scale_end_words(const struct cluster_view *v, const struct moving *was, struct buf *out);
/* Of those that were to move so many are there. */
int scale_moved(const struct scale *s);

#endif
