/* skew.h - whether a kube-scheduler's version suits the API server's. Kubernetes' rule: it must not be newer than the
 * server, and may be one minor version older (kubernetes.io/releases/version-skew-policy). A newer one waits for kinds
 * that the server does not have, and places nothing. Pure. */
#ifndef CODIS_EXTENDER_SKEW_H
#define CODIS_EXTENDER_SKEW_H

#include <stdbool.h>

struct buf;

#define SKEW_VERSION_MAX 64

/* What a version may look like, with the closing 0: "v1.35.4", "v1.31.2-eks-7f9249a". */
struct skew_version {
	char text[SKEW_VERSION_MAX];
	int major, minor, patch;
};

/* False: it is no version of Kubernetes; *out is untouched. */
bool skew_version_parse(const char *text, struct skew_version *out);
/* The same, of what GET /metrics of a scheduler says (kubernetes_build_info). */
bool skew_version_in_metrics(const char *metrics, struct skew_version *out);
bool skew_version_is(const struct skew_version *a, const struct skew_version *b);
/* Appends the sentence that says what to do; false and nothing where the two go together. */
bool skew_is_wrong(const struct skew_version *scheduler, const struct skew_version *server, struct buf *out);

#endif
