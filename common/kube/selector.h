/* selector.h - a LabelSelector (meta/v1), as Kubernetes reads it. Pure. */
#ifndef CODIS_KUBE_SELECTOR_H
#define CODIS_KUBE_SELECTOR_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Whether it selects what has these labels (an object of texts; NULL: none). All of matchLabels and matchExpressions
 * have to be true; In and Exists ask for the label, NotIn and DoesNotExist are true without it. An empty selector
 * selects everything, none (NULL, null) nothing, and one that cannot be read (an unknown operator, more than 100 terms)
 * nothing. */
bool selector_matches(const cJSON *selector, const cJSON *labels);

#endif
