/* cabundle.h - keeps the CA in webhook configurations.
 *
 * Every webhooks[*].clientConfig.caBundle of the named MutatingWebhookConfiguration and ValidatingWebhookConfiguration
 * is made equal to the bundle: when it appears, when it loses it (a file without caBundle was applied), when the bundle
 * changes. A patch is sent only where something differs, only for the resourceVersion that was looked at, so replicas
 * do not write over each other or over the user, and only once `ask` has said, of a time after that look, that the
 * bundle is still the one to be written: so who is late does not undo what another one has written meanwhile. Who
 * writes back another one meets a pause that doubles from 1 s to 30 s and ends after five quiet minutes, and is named
 * once (on_error). A configuration of which an annotation says that somebody else keeps the bundle is left alone.
 */
#ifndef CODIS_CERTS_CABUNDLE_H
#define CODIS_CERTS_CABUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct cabundle;
struct error;
struct kube_client;

struct cabundle_config {
	const char *mutating, *validating;                    /* names, or NULL; must live as long as the cabundle */
	void (*on_notice)(void *ctx, const char *text);       /* what was done */
	void (*on_error)(void *ctx, const struct error *err); /* it is tried again by itself */
	/* What configurations carry has changed: see cabundle_carried_ms. Not from within the functions below. */
	void (*on_carried)(void *ctx);
	/* Finds out whether what was set is right from the source that all replicas share, and calls cabundle_confirm
	 * with what it says now, never from within. NULL: it is right. */
	void (*ask)(void *ctx);
	void *ctx;
};

/* All callbacks but ask are needed and run on the loop. Nothing is written before cabundle_set. */
struct cabundle *cabundle_start(uv_loop_t *uv, struct kube_client *kube, const struct cabundle_config *cfg,
				struct error *err);
void cabundle_stop(struct cabundle *b); /* NULL-safe */

/* From now on this is what the API server is to trust (copied). 0 or -1 (memory). */
int cabundle_set(struct cabundle *b, const char *pem);

/* The answer to ask: whether it is, or *err (NULL: none). */
void cabundle_confirm(struct cabundle *b, bool right, const struct error *err);

/* For how long, in ms, all webhooks of all configurations that exist carry the certificates of this text, as the API
 * server has told: INT64_MAX where there is none. -1: they do not, or it is not known yet. */
int64_t cabundle_carried_ms(const struct cabundle *b, const char *pem);

/* The certificates that all webhooks of one configuration or the other carry, as one text: the caller's; NULL: none. 1;
 * 0: it is not known yet (on_carried tells); -1: no memory. */
int cabundle_carried(const struct cabundle *b, char **pem);

/* This has signed what is served with from now on (copied). 0 or -1 (memory). */
int cabundle_serve(struct cabundle *b, const char *ca_pem);

/* Whether every named configuration carries what has signed the certificate that is served with, or does not exist.
 * Else why_not (may be NULL) gets one sentence. Any thread. */
bool cabundle_ready(const struct cabundle *b, char *why_not, size_t size);

#endif
