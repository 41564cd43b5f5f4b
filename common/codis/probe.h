/* probe.h - an own connection to one server that asks INFO over and over.
 *
 * A probe keeps one connection. When it drops, the probe connects again at once, then after 2, 4, 8 ... ms up to its
 * period: a dropped connection is only a reason to look again (a role change by the dashboard cuts all of them). What
 * is evidence is in struct redis_probe_state: refused, silent since, or another run_id in INFO. Silent is whoever has
 * given no INFO for the time-out, whatever it does instead: it says nothing, or takes connections and drops them, as a
 * mesh's proxy does before a server that is dead. A peer that answers with errors is UNKNOWN since the first of them,
 * with its complaint; one that speaks, and not as a server does (see redis_conn.h), is UNKNOWN, and no evidence of
 * anything. What attempts cost is bounded, whatever a peer does.
 */
#ifndef CODIS_CODIS_PROBE_H
#define CODIS_CODIS_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/codis/info.h"
#include "common/codis/reach.h"

struct error;
struct redis_probe;

struct redis_probe_state {
	enum reach reach;
	int64_t since_ms;       /* monotonic: in this reach since */
	int64_t heard_ms;       /* monotonic: last INFO; 0 never */
	bool info_valid;        /* info is of this run of the server: false once it dropped, until the next INFO */
	struct redis_info info; /* the last one heard, kept also when the server is gone */
	char complaint[16];     /* the last answer was an error of this first word, "NOAUTH"; "" none */
	bool accepts;      /* not heard, and yet its address takes connections: whoever has it lives, or its kernel */
	char strange[160]; /* what it said last that no server says, in our words; "" nothing */
};

struct redis_probe_config {
	const char *addr; /* "10.0.0.1:6379", numeric; copied */
	const char *auth; /* password or NULL; copied */
	int period_ms;    /* between INFOs, e.g. 250 */
	int timeout_ms;   /* an unanswered connect or INFO: silent after this, e.g. 500 */
	void (*on_change)(void *ctx, struct redis_probe *p); /* after every change of reach, role, run_id, link */
	/* After an INFO that brought no such change; or NULL. */
	void (*on_info)(void *ctx, struct redis_probe *p);
	/* It was heard, and has not answered for 200 ms now: perhaps it is about to be silent; or NULL. */
	void (*on_slow)(void *ctx, struct redis_probe *p);
	void *ctx;
};

struct redis_probe *redis_probe_start(uv_loop_t *uv, const struct redis_probe_config *cfg, struct error *err);
void redis_probe_stop(struct redis_probe *p); /* frees; open commands are not called back; NULL-safe */
const struct redis_probe_state *redis_probe_state(const struct redis_probe *p);
/* Another period from now on; what is further away than that comes at its end. NULL-safe. */
void redis_probe_pace(struct redis_probe *p, int period_ms);
/* Asks INFO now, whatever the period; a server that cannot be heard is not looked for so more than ten times a second.
 * NULL-safe. */
void redis_probe_now(struct redis_probe *p);

#endif
