/* authority.h - the CA on which the replicas of a program agree, and this replica's own leaf.
 *
 * The CA is kept in a Secret (ca_secret.h). Whoever finds none makes one; the API server lets one of them create the
 * Secret, and the others use what stands in it then. What the Secret holds is the truth; one that is deleted is written
 * again as it was. A CA that is about to end, can be used by nobody (it has ended, or begins later), or is asked for by
 * the annotation is changed in the stages of rotation.h, so that no call fails meanwhile.
 *
 * A replica that comes trusts on what the configurations carry in place of the Secret's CA, as an old one: another
 * replica, which it does not hear of, may serve by it.
 *
 * A leaf is taken only once all webhook configurations carry its CA, and in place of another one only once they have
 * for a while. Times are by the API server's clock, which is the one that judges certificates; a replica whose own
 * clock differs from it by over five minutes makes no CA, and says so.
 */
#ifndef CODIS_CERTS_AUTHORITY_H
#define CODIS_CERTS_AUTHORITY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct authority;
struct cert;
struct error;
struct kube_client;

struct authority_config {
	const char *namespace, *secret_name; /* the strings must live as long as the authority */
	/* All pods behind the Service are replicas, and this one is called pod. service NULL: there is only this one.
	 */
	const char *service, *pod;
	const char *const *dns_names; /* of the leaf, NULL-terminated */
	int64_t ca_life_ms, leaf_life_ms;
	int64_t renew_ms;  /* both are replaced when less is left; no more than half a life counts */
	int64_t settle_ms; /* once configurations have carried a CA for so long every API server trusts it */
	/* The CAs to trust, one or more. 0, or -1: no memory, it is told again. */
	int (*on_bundle)(void *ctx, const char *pem);
	/* For how long all configurations have carried it; -1: they do not. cabundle_carried_ms. */
	int64_t (*carried_ms)(void *ctx, const char *pem);
	/* What they carry: cabundle_carried. */
	int (*carried)(void *ctx, char **pem);
	/* Serve with this from now on. 0, or -1: it is not (on_error was told), and will be given again. */
	int (*on_leaf)(void *ctx, const struct cert *leaf, const char *ca_pem);
	void (*on_confirmed)(void *ctx, bool right, const struct error *err); /* the answer to authority_ask */
	void (*on_notice)(void *ctx, const char *text);                       /* what was done */
	void (*on_error)(void *ctx, const struct error *err);                 /* it is tried again by itself */
	void *ctx;
};

/* All callbacks are needed and run on the loop, never from within authority_start. */
struct authority *authority_start(uv_loop_t *uv, struct kube_client *kube, const struct authority_config *cfg,
				  struct error *err);
void authority_stop(struct authority *a); /* NULL-safe */

/* When the CA that signs begins and ends, in wall time. False: there is none yet. */
bool authority_times(const struct authority *a, int64_t *from_ms, int64_t *until_ms);
/* The Secret as it was heard last, until it changes; NULL: none. */
const cJSON *authority_secret(const struct authority *a);

/* What configurations carry has changed. It is looked at soon, not from within. */
void authority_wake(struct authority *a);
/* Whether the bundle that was told last is what the Secret says now; it is read afresh. Then on_confirmed is called
 * once, never from within. */
void authority_ask(struct authority *a);

#endif
