/* peers.h - which pods stand behind a Service: whoever may be sent a call. */
#ifndef CODIS_CERTS_PEERS_H
#define CODIS_CERTS_PEERS_H

#include <uv.h>

struct error;
struct kube_client;
struct peers;

/* Asks for the Service and then for its pods, as they are now. done is called once, never from within: pods are the
 * names (NULL-terminated, valid during the call) of those that are on a node and have not ended, ready or not; or NULL,
 * and *err. It may call peers_cancel. NULL and *err when it could not start. */
struct peers *peers_ask(struct kube_client *kube, const char *namespace, const char *service,
			void (*done)(void *ctx, const char *const *pods, const struct error *err), void *ctx,
			struct error *err);
void peers_cancel(struct peers *p); /* NULL-safe; not once done was called */

#endif
