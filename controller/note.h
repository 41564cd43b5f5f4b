/* note.h - what codis-controller notes on the codis-server StatefulSet: what the groups serve, for codis-webhook and
 * for the controller that comes next, and what they have lost, until somebody acknowledges it (common/codis/served.h).
 */
#ifndef CODIS_CONTROLLER_NOTE_H
#define CODIS_CONTROLLER_NOTE_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct cluster_view;

/* When it was written last (monotonic; 0: never). */
struct note_times {
	int64_t written_ms, keys_ms;
};

/* Whether codis.io/slots has to be written now, with what is appended to out; noted: as it is, or NULL. Slots that have
 * changed are told within 2 s; that a group has keys now, or none any more, within 10 s; a number of keys that differs
 * by more than a tenth, once a minute. Pure. */
bool note_slots(const struct cluster_view *v, const struct note_times *times, const char *noted, struct buf *out);

/* Whether codis.io/data-lost has to be written now, with what is appended to out: what is noted, and what was lost
 * since. Pure. */
bool note_losses(const struct cluster_view *v, const char *noted, struct buf *out);

#endif
