/* cabundle.h - keeps the CA in webhook configurations.
 *
 * Every webhooks[*].clientConfig.caBundle of the named MutatingWebhookConfiguration and ValidatingWebhookConfiguration
 * is made equal to the bundle: when it appears, when it loses it (a file without caBundle was applied), when the bundle
 * changes. A patch is sent only where something differs, and only for the resourceVersion that was looked at, so
 * replicas do not write over each other or over the user. Who writes back another one meets a pause that doubles from 1
 * s to 30 s and ends after five quiet minutes, and is named once (on_error).
 */
#ifndef CODIS_CERTS_CABUNDLE_H
#define CODIS_CERTS_CABUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct cabundle;
struct error;
struct kube_client;

struct cabundle_config {
	const char *mutating, *validating;                    /* names, or NULL; must live as long as the cabundle */
	void (*on_notice)(void *ctx, const char *text);       /* what was done */
	void (*on_error)(void *ctx, const struct error *err); /* it is tried again by itself */
	void *ctx;
};

/* Both callbacks are needed and run on the loop. Nothing is written before cabundle_set. */
struct cabundle *cabundle_start(uv_loop_t *uv, struct kube_client *kube, const struct cabundle_config *cfg,
				struct error *err);
void cabundle_stop(struct cabundle *b); /* NULL-safe */

/* From now on this is what the API server is to trust (copied). 0 or -1 (memory). */
int cabundle_set(struct cabundle *b, const char *pem);

/* Whether every named configuration has carried a bundle of ours, or does not exist. Else why_not (may be NULL) gets
 * one sentence. Any thread. */
bool cabundle_ready(const struct cabundle *b, char *why_not, size_t size);

#endif
