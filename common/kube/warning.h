/* warning.h - what an API server, or a webhook of it, warns of in a header of its answer. Pure. */
#ifndef CODIS_KUBE_WARNING_H
#define CODIS_KUBE_WARNING_H

#include <stdbool.h>

struct buf;

/* Fills out with the text of a Warning header's value, `299 - "text"`, of code 299 as Kubernetes has them (RFC
 * 7234 5.5; written by staging/src/k8s.io/apimachinery/pkg/util/net/http.go, NewWarningHeader). False: it is none. */
bool kube_warning_text(const char *value, struct buf *out);

#endif
