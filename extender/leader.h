/* leader.h - whose scheduler leads, by its Lease. What another one was promised by its own extender we do not know, and
 * a binding that it has sent may be carried out after it has ended. */
#ifndef CODIS_EXTENDER_LEADER_H
#define CODIS_EXTENDER_LEADER_H

#include <uv.h>

#include "common/base/log.h"

struct error;
struct extender;
struct kube_client;
struct leader;

struct leader_config {
	struct kube_client *kube;
	struct extender *extender;
	struct logger log;
	const char *namespace, *lease; /* of the Lease */
	const char *host;              /* ours and the scheduler's: its identity is HOST_UUID */
	int turn_ms;                   /* for tests; 0: 2 s */
};

/* Tells the extender (extender_know_nothing) each time that the Lease has another holder than before, and as long as
 * somebody on another host renews it. Where there is no Lease, or it may not be read, nothing is told. What is given
 * must outlive it. On the loop. NULL and *err on failure. */
struct leader *leader_start(uv_loop_t *uv, const struct leader_config *cfg, struct error *err);
void leader_stop(struct leader *l); /* NULL-safe */

#endif
