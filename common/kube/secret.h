/* secret.h - what is in a Secret. */
#ifndef CODIS_KUBE_SECRET_H
#define CODIS_KUBE_SECRET_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* data[key] of a Secret, decoded and NUL-terminated, the caller's to free; NULL when absent, no base64,
 * or memory is short: where that matters, kube_secret_has() says whether it is absent. */
char *kube_secret_get(const cJSON *secret, const char *key);
bool kube_secret_has(const cJSON *secret, const char *key);

#endif
