/* scaling.h - what stands on codis-server StatefulSets about the number of their groups, and how it is read, written
 * and said. Pure.
 *
 *     codis.io/scale-to: "4"                    by a person: so many servers of this StatefulSet; the slots of groups
 *                                               that go leave first
 *     codis.io/moving: "to=3,4 slots=512"       by codis-controller, from before the first slot moves until after the
 *     codis.io/moving: "from=3,4 slots=512"     last one: which groups get their share, and which are emptied
 *     codis.io/had-slots: "1,2"                 by codis-controller: who has slots, or had them. Another group is new,
 *                                               and gets its share
 *     codis.io/migration-parallel: "16"         by a person: so many slots are under way at most
 *     codis.io/migration-interval: "1000"       by a person: microseconds between two batches of keys of a slot
 */
#ifndef CODIS_CODIS_SCALING_H
#define CODIS_CODIS_SCALING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/topology.h"

struct buf;

#define CODIS_ANNOTATION_SCALE_TO  "codis.io/scale-to"
#define CODIS_ANNOTATION_MOVING    "codis.io/moving"
#define CODIS_ANNOTATION_HAD_SLOTS "codis.io/had-slots"
#define CODIS_ANNOTATION_PARALLEL  "codis.io/migration-parallel"
#define CODIS_ANNOTATION_INTERVAL  "codis.io/migration-interval"

#define SCALING_PARALLEL_DEFAULT 16
#define SCALING_PARALLEL_MAX     64
#define SCALING_INTERVAL_MAX_US  1000000 /* Codis takes no more */

/* Groups, in ascending order. More than can have a slot each are not needed. */
#define GIDS_MAX 1024
struct gids {
	int count;
	int16_t of[GIDS_MAX];
};

bool gids_have(const struct gids *g, int gid);
void gids_add(struct gids *g, int gid); /* one that is there, or has no room, is left out */
bool gids_same(const struct gids *a, const struct gids *b);
/* "1,2,5": appended; "none" for none. 0 or -1. */
int gids_write(const struct gids *g, struct buf *out);
/* Takes as many as can be read from *text, and moves it behind them; "none" is none. False: what stands there is
 * neither. */
bool gids_take(const char **text, struct gids *out);
/* "group 3", "groups 3 and 4", "groups 3, 4, 5, 6, 7 and 27 more": appended. */
void gids_say(const struct gids *g, struct buf *out);

/* codis.io/moving. */
struct moving {
	struct gids to, from;
	int slots; /* so many were to be moved when it began */
};
bool moving_is(const struct moving *m); /* something is */
int moving_write(const struct moving *m, struct buf *out);
/* NULL, or what cannot be read: nothing is. */
void moving_parse(const char *text, struct moving *out);

/* A whole number from its text, min..max; def for NULL, and for what is none. */
int scaling_number(const char *text, int min, int max, int def);
/* Whether the value of codis.io/scale-to says 0, be it allowed or not; NULL: no. */
bool scaling_asks_for_none(const char *text);
/* Whether so many servers may be asked for by codis.io/scale-to on a StatefulSet of this shape; others: another one of
 * the product has groups, so that it may be asked to have none. Else *servers is -1, and why not: "it must be a
 * multiple of SERVER_REPLICA, which is 2: 4 or 6". */
#define SCALING_WHY_MAX 160
bool scaling_fits(const char *text, const struct codis_shape *shape, bool others, int *servers,
		  char why[SCALING_WHY_MAX]);

#endif
