/* rest.h - what was done, helped, and lasted, is no reason to wait the next time (calm.h). */
#ifndef CODIS_CONTROLLER_REST_H
#define CODIS_CONTROLLER_REST_H

struct cluster;

/* Of each group, server, proxy and the dashboard: is all well there now? By the view of this turn. */
void rest_note(struct cluster *c);

#endif
