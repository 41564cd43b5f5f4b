/* namespaces.h - the namespaces that a selector matches. The API server judges it, so it reads as in kubectl get -l or
 * --field-selector. */
#ifndef CODIS_KUBE_NAMESPACES_H
#define CODIS_KUBE_NAMESPACES_H

#include <stdbool.h>
#include <uv.h>

struct error;
struct kube_client;
struct namespaces;

struct namespaces_config {
	const char *selector, *field_selector;                /* either may be NULL */
	void (*on_change)(void *ctx);                         /* one matches now, or no more; or NULL */
	void (*on_error)(void *ctx, const struct error *err); /* a list or watch failed */
	void *ctx;
};

/* NULL and *err on failure. */
struct namespaces *namespaces_start(uv_loop_t *uv, struct kube_client *kube, const struct namespaces_config *cfg,
				    struct error *err);
void namespaces_stop(struct namespaces *n); /* NULL-safe */

/* Whether they were listed: until then none matches. */
bool namespaces_known(const struct namespaces *n);
/* Any thread. */
bool namespaces_match(const struct namespaces *n, const char *namespace);

#endif
