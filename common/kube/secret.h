/* secret.h - what is in a Secret. */
#ifndef CODIS_KUBE_SECRET_H
#define CODIS_KUBE_SECRET_H

#include <cjson/cJSON.h>

/* data[key] of a Secret, decoded and NUL-terminated, the caller's to free; NULL when absent. */
char *kube_secret_get(const cJSON *secret, const char *key);

#endif
