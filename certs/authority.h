/* authority.h - the CA on which the replicas of a program agree, and this replica's own leaf.
 *
 * The CA is kept in a Secret. Whoever finds none makes one; the API server lets one of them create the Secret, and the
 * others use what stands in it then. What the Secret holds is the truth: a CA that changes there is taken over at once,
 * one that is deleted there is written again.
 *
 * Its keys, each a PEM text:
 *   ca.crt, ca.key            the CA that signs
 *   ca-next.crt, ca-next.key  one that will sign later: trusted already
 *   ca-old.crt                one that signs no more: trusted until all leaves that it has signed are replaced
 * So a CA is changed in stages, without a call that fails: (1) next is added and trusted, (2) next becomes ca, and ca
 * old; every replica signs a new leaf, (3) old is dropped. What is trusted is every .crt here. The stages are not gone
 * through by themselves yet: a CA lives for a year, and one that is about to end is replaced at once.
 */
#ifndef CODIS_CERTS_AUTHORITY_H
#define CODIS_CERTS_AUTHORITY_H

#include <uv.h>

struct authority;
struct cert;
struct error;
struct kube_client;

struct authority_config {
	const char *namespace, *secret_name; /* the strings must live as long as the authority */
	const char *const *dns_names;        /* of the leaf, NULL-terminated */
	int ca_days, leaf_days;              /* 0: 365 and 30. A leaf is replaced when a third of its life is left */
	/* The CAs to trust, one or more; before their first leaf. 0, or -1: no memory, it is told again. */
	int (*on_bundle)(void *ctx, const char *pem);
	void (*on_leaf)(void *ctx, const struct cert *leaf);  /* serve with this from now on */
	void (*on_notice)(void *ctx, const char *text);       /* what was done */
	void (*on_error)(void *ctx, const struct error *err); /* it is tried again by itself */
	void *ctx;
};

/* All callbacks are needed and run on the loop, never from within authority_start. */
struct authority *authority_start(uv_loop_t *uv, struct kube_client *kube, const struct authority_config *cfg,
				  struct error *err);
void authority_stop(struct authority *a); /* NULL-safe */

#endif
