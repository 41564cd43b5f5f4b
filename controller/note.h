/* note.h - what codis-controller notes on the codis-server StatefulSet: what the groups serve, for codis-webhook and
 * for the controller that comes next, and what they have lost, until somebody acknowledges it (common/codis/served.h).
 */
#ifndef CODIS_CONTROLLER_NOTE_H
#define CODIS_CONTROLLER_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/served.h"
#include "common/codis/topology.h"

struct buf;
struct cluster_view;
struct view_set;

/* When it was written last (monotonic; 0: never). */
struct note_times {
	int64_t written_ms, keys_ms;
};

/* What the groups serve, in their order. */
struct note_serving {
	struct served_group groups[CODIS_SLOTS];
	int count;
};

/* false: the dashboard has not said it yet. Pure. */
bool note_count(const struct cluster_view *v, struct note_serving *all);

/* Whether codis.io/slots of that StatefulSet has to be written now, with what is appended to out: of `all` its own
 * groups (view_set_of()); noted: as it is, or NULL. Slots that have changed are told within 2 s; that a group has keys
 * now, or none any more, within 10 s; a number of keys that differs by more than a tenth, once a minute. Pure. */
bool note_slots(const struct cluster_view *v, const struct view_set *set, const struct note_serving *all,
		const struct note_times *times, const char *noted, struct buf *out);

/* Whether codis.io/data-lost of that StatefulSet has to be written now, with what is appended to out: what is noted,
 * and what was lost since. Pure. */
bool note_losses(const struct cluster_view *v, const struct view_set *set, const char *noted, struct buf *out);

#endif
