/* hooks.h - the texts that run inside a pod: lifecycle hooks and readiness probes, in sh.
 *
 * They use what the stock image has (sh, redis-cli, codis-admin, date, sleep; timeout where there is one), end by
 * themselves, and hooks always succeed. Each starts with a line that says whose it is. Addresses are texts for between
 * double quotes (cmdline_quote), so that ${POD_IP} stays a variable. */
#ifndef CODIS_WEBHOOK_HOOKS_H
#define CODIS_WEBHOOK_HOOKS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/codis/topology.h"

struct buf;
struct mutation;

/* How to ask a server: auth may be NULL. */
struct hooks_redis {
	const char *host, *port, *auth;
};

/* Succeeds for a master, and for a replica whose link is up; else prints why not. A guarded server is a replica of
 * nobody until codis-controller gives it a role. */
void hooks_server_ready(const struct hooks_redis *r, struct buf *out);
/* Until the server answers, at most 3 s: the pod's address is published when this ends. */
void hooks_server_start(const struct hooks_redis *r, struct buf *out);
/* Until the server is a replica, at most `seconds`: the controller hands over meanwhile. A master without keys and
 * without replicas has nothing to hand over. One with keys has the only data, and so has perhaps a replica that has
 * lost its master: it waits for a successor that has them. alone (SERVER_REPLICA=1): nobody ever will, so it does not.
 */
void hooks_server_stop(const struct hooks_redis *r, int seconds, bool alone, struct buf *out);
/* Succeeds once the proxy is taken in: before, it answers everything with an error. */
void hooks_proxy_ready(const char *host, const char *port, struct buf *out);
/* Waits until the Service sends clients elsewhere, then leaves the dashboard's list; at most `seconds`. dashboard NULL:
 * only waits, the controller takes it off the list. */
void hooks_proxy_stop(const char *dashboard, const char *admin, int seconds, struct buf *out);
/* Gives the lock in the coordinator back; at most `seconds`. */
void hooks_dashboard_stop(const char *admin, int seconds, struct buf *out);

/* Sets lifecycle.<which> ("postStart", "preStop") of the container to the script; NULL: to nothing. A hook of ours is
 * replaced, the article's too, with a warning. The user's own stays, with a warning of what that defeats (NULL: none).
 * A script that has failed (no memory) refuses the pod. */
void mutation_hook_set(struct mutation *m, cJSON *container, const char *which, const struct buf *script,
		       const char *defeats);

/* Sets the readiness probe to the script: every 2 s, at most 2 s, unready after two failures. Likewise. */
void mutation_hook_probe(struct mutation *m, cJSON *container, const struct buf *script, const char *defeats);

#endif
