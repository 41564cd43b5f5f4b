/* certs.h - the certificate with which a webhook serves, and the CA bundle by which the API server trusts it.
 *
 * By itself: the replicas agree on one CA, kept in a Secret, and change it in stages (rotation.h); each signs a leaf of
 * its own, in memory, and signs a new one in time; the CA is written into the webhook configurations and kept there
 * (they are installed without it).
 * With a certificate that the user brings (files, as cert-manager mounts them): it is read, and read again when it
 * changes; Secret and webhook configurations are left alone.
 *
 * Everything runs on the loop; only certs_ready() may be called from any thread.
 */
#ifndef CODIS_CERTS_CERTS_H
#define CODIS_CERTS_CERTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct certs;
struct error;
struct kube_client;

struct certs_config {
	/* Of the certificate, NULL-terminated: "codis-webhook.codis-system.svc", ... The user's own has to have the
	 * first one. */
	const char *const *dns_names;
	/* The user's own certificate: both or neither. With them only the callbacks below are used. */
	const char *cert_file, *key_file;

	const char *namespace, *secret_name; /* where the CA is kept */
	/* The Service whose pods are the replicas, and which pod this is. Without a Service it is alone. */
	const char *service, *pod;
	/* How long a CA and a leaf live (0: 365 and 30 days); both are replaced when less than renew_ms (0: 10 days) is
	 * left, but not in the first half of their life. A new CA signs once the configurations have carried it for
	 * settle_ms (0: 10 s), so that all API servers trust it. */
	int64_t ca_life_ms, leaf_life_ms, renew_ms, settle_ms;
	/* Name of the MutatingWebhookConfiguration and of the ValidatingWebhookConfiguration that are to trust us;
	 * either may be NULL. One that does not exist is waited for, and is filled in as soon as it appears. */
	const char *mutating, *validating;

	/* Serve with this from now on (httpd_set_certificate): the first one, and each that replaces it. PEM; the
	 * certificate may be a chain. Valid during the call. Never called from within certs_start. -1: it is not; it
	 * will be given again. */
	int (*on_certificate)(void *ctx, const char *cert_pem, const char *key_pem);
	/* Something that was done, as one sentence for the log: "made the CA ...", "wrote the CA into ...".
	 * May be NULL. */
	void (*on_notice)(void *ctx, const char *text);
	/* When the certificate that is served with ("leaf"), or what signs it ("ca", not with files), ends: at first,
	 * when it changes, and each minute; and from when on it is late. May be NULL. */
	void (*on_end)(void *ctx, const char *which, int64_t until_ms, int64_t late_ms);
	/* One of them is late (half of the time in which it should have been replaced is over) or has ended:
	 * one sentence, at most once an hour. secret: where the CA is kept; NULL: not known, or with files. May be
	 * NULL. */
	void (*on_ending)(void *ctx, const cJSON *secret, const char *text);
	/* Something failed; it is tried again by itself (at most once a second, seldom less than each 30 s).
	 * May be NULL. */
	void (*on_error)(void *ctx, const struct error *err);
	void *ctx;
};

/* Strings are copied. kube may be NULL with cert_file; else its clock counts. NULL and *err: a configuration that
 * cannot work (one file without the other, no DNS name, ...). What fails later goes to on_error. */
struct certs *certs_start(uv_loop_t *uv, struct kube_client *kube, const struct certs_config *cfg, struct error *err);
void certs_stop(struct certs *c); /* NULL-safe */

/* Whether calls from the API server can succeed: there is a certificate that is valid now and, where the CA is ours,
 * the webhook configurations that exist carry it. Else why_not (may be NULL) gets one sentence. Any thread. */
bool certs_ready(struct certs *c, char *why_not, size_t size);

#endif
