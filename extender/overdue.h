/* overdue.h - asks the API server about pods whose placement is past its time while no watch has told what became of
 * them: in a cluster where nothing happens a bookmark comes once a minute, and a sibling would wait for that. */
#ifndef CODIS_EXTENDER_OVERDUE_H
#define CODIS_EXTENDER_OVERDUE_H

#include <uv.h>

struct overdue_asker;
struct error;
struct extender;
struct kube_client;

/* At most 8 calls at once, one of a pod, which is asked about again after 5 s. turn_ms: for tests; 0: 1 s. What is
 * given must outlive it. On the loop. NULL and *err on failure. */
struct overdue_asker *overdue_start(uv_loop_t *uv, struct kube_client *kube, struct extender *extender, int turn_ms,
				    struct error *err);
void overdue_stop(struct overdue_asker *a); /* NULL-safe */

#endif
