/* secrets.h - passwords that pods take from a Secret: each is asked for by its name, where a Role lets the controller
 * (manifests/codis/password-role.yaml). What is heard is kept for a while, a refusal too. */
#ifndef CODIS_CONTROLLER_SECRETS_H
#define CODIS_CONTROLLER_SECRETS_H

#include <stddef.h>
#include <stdint.h>

struct kube_client;
struct secrets;

/* on_change: an answer is another one than before, or whoever uses one shall say so by getting it again. NULL: no
 * memory. */
struct secrets *secrets_new(struct kube_client *kube, void (*on_change)(void *ctx, const char *namespace), void *ctx);
void secrets_free(struct secrets *s); /* after its kube_client; NULL-safe */

/* The value of a key, valid until the loop turns, or NULL while it is not known: then why says so, and what helps. At
 * most 64 are known of one namespace. */
const char *secrets_get(struct secrets *s, const char *namespace, const char *name, const char *key, char *why,
			size_t size);
/* Now and then: asks again for what was heard long ago. */
void secrets_tick(struct secrets *s, int64_t now_ms);

#endif
