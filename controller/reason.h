/* reason.h - why something is done, in words: what was seen, of whom, since when, at which offset. Pure. The one place
 * that makes these words: log, Event, status and a dry run show them as they are. */
#ifndef CODIS_CONTROLLER_REASON_H
#define CODIS_CONTROLLER_REASON_H

#include <stddef.h>

#define REASON_EVIDENCE_MAX 320

struct action;
struct cluster_view;
struct group_view;

/* One word for a reason (action.why), for a metric's label: "refused", "silent", ... The words are few, and "other" is
 * for what has none yet. */
const char *reason_label(const char *why);
/* Whether the reason has a word of its own: tests ask it of all that decide() proposes. */
int reason_is_known(const char *why);

/* What an action was decided on: "codis-server-0 refuses since 0.2 s; codis-server-1 lost its link 0.1 s ago at offset
 * 12345". As much as fits, in whole parts; "" : there is nothing to add. */
void reason_evidence(const struct cluster_view *v, const struct action *a, char *out, size_t size);
/* The same of a group's declared master, as long as it is not verified. */
void reason_of_master(const struct cluster_view *v, const struct group_view *g, char *out, size_t size);

#endif
