/* lease.h - leader election over a coordination.k8s.io/v1 Lease, as client-go's leaderelection does it.
 * It says who works. Safety does not rest on it (the coordinator's versioned write does: codis/coordinator.h). */
#ifndef CODIS_KUBE_LEASE_H
#define CODIS_KUBE_LEASE_H

#include <stdbool.h>
#include <uv.h>

struct error;
struct kube_client;
struct lease;

enum lease_state {
	LEASE_FOLLOWING, /* another holds it, or nobody yet */
	LEASE_HELD,      /* we hold it, renewed in time */
	LEASE_UNSURE,    /* we held it and cannot reach the API server: nobody has told us that another took it */
};

struct lease_config {
	const char *namespace, *name, *identity; /* copied */
	int duration_ms; /* rounded up to whole seconds for the object; codis-controller: 4,000 */
	int retry_ms;    /* how often we renew or try; codis-controller: a quarter of it */
	/* holder: who holds it now, cut to 255 bytes, "" unknown. Another's text: quote it in a log. On the loop. The
	 * lease may be given back or stopped from it. */
	void (*on_change)(void *ctx, enum lease_state state, const char *holder);
	/* Each attempt that failed (it is tried again after retry_ms): without it a missing right is never seen. Or
	 * NULL. */
	void (*on_error)(void *ctx, const struct error *err);
	void *ctx;
};

/* Times are our own: another's lease has expired when we have seen no change of its record for as long as it says it
 * holds (at most five times our duration_ms), and ours has when the last renewal that was done was sent duration_ms
 * ago. A renewal was done when it was answered, or when the record is seen to carry its renewTime. */
struct lease *lease_start(uv_loop_t *uv, struct kube_client *c, const struct lease_config *cfg, struct error *err);
enum lease_state lease_state(const struct lease *l);
/* Gives it back if we hold it (best effort, one call of at most 1 s), and does not take it for ms: for one that can
 * reach the API server and cannot do its work. on_change says following before this returns, and afterwards who takes
 * it. When nobody does, we may have it again then. */
void lease_step_aside(struct lease *l, int ms);
/* It can do its work again: whatever is left of that time is over. */
void lease_stand_again(struct lease *l);
/* Gives it back (best effort, one call of at most 1 s), then calls done (may be NULL), never from within.
 * Nothing is renewed and on_change is not called from here on; lease_stop before done takes done back. */
void lease_give_back(struct lease *l, void (*done)(void *ctx), void *ctx);
void lease_stop(struct lease *l); /* NULL-safe */

#endif
