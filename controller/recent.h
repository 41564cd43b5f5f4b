/* recent.h - what was done last to a cluster, for its status, and for the history (history.h). */
#ifndef CODIS_CONTROLLER_RECENT_H
#define CODIS_CONTROLLER_RECENT_H

struct cluster;

/* Done, or failed, as its Event says it: that one's reason, and the sentence. */
void recent_note(struct cluster *c, const char *reason, const char *words);
/* What the history has of it, also of controllers before this one. */
void recent_recall(struct cluster *c);

#endif
