/* hooks.h - the texts that run inside a pod: lifecycle hooks and readiness probes, in sh.
 *
 * They use what the stock image has (sh, sleep, redis-cli, codis-admin, grep), end by themselves before any kubelet
 * ends them, and leave no process behind. Hooks always succeed. Where an image has no redis-cli, nothing can be asked:
 * probes succeed and hooks end. Each starts with HOOKS_MARK and a sentence. Addresses are texts for between double
 * quotes (cmdline_quote), so that ${POD_IP} stays a variable. */
#ifndef CODIS_WEBHOOK_HOOKS_H
#define CODIS_WEBHOOK_HOOKS_H

#include <stdbool.h>

struct buf;

/* Whose it is. */
#define HOOKS_MARK "# codis-k8s: "

/* The pod's address as its own shell tells it. Of two stacks hostname tells two. */
#define HOOKS_POD_ADDRESS "$(hostname -i 2>/dev/null | cut -d' ' -f1 | grep . || echo 127.0.0.1)"

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
 * It says that it is about to end (CODIS_ENDING_HZ): a kubelet that ends a pod by itself tells nobody else, and a
 * replica may get the role behind the look that lets it go. It looks once more behind that, so one of the two sees the
 * other. One that does not answer may be busy, and is asked again; one that refuses connections has ended. */
void hooks_server_stop(const struct hooks_redis *r, int seconds, bool alone, struct buf *out);
/* Succeeds once the proxy is taken in: before, it answers everything with an error. */
void hooks_proxy_ready(const char *host, const char *port, struct buf *out);

/* A proxy's addresses: the dashboard's (NULL: not known), its own by which the dashboard has it (":11080": by its
 * host's name), its clients' port. */
struct hooks_proxy {
	const char *dashboard, *admin, *port;
};

/* Waits until the Service sends clients elsewhere and those that are connected have gone, then leaves the dashboard's
 * list; at most `seconds`. Where the dashboard is not known, or clients stay, the controller takes it off the list. */
void hooks_proxy_stop(const struct hooks_proxy *p, int seconds, struct buf *out);
/* For an init container of the dashboard, which ends where ZooKeeper is not there yet: until ZooKeeper answers, at most
 * a minute. */
void hooks_dashboard_wait(const char *zookeeper, struct buf *out);
/* Gives the lock in the coordinator back; at most `seconds`. */
void hooks_dashboard_stop(const char *admin, int seconds, struct buf *out);

#endif
