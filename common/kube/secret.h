/* secret.h - base64 and Secret data. */
#ifndef CODIS_KUBE_SECRET_H
#define CODIS_KUBE_SECRET_H

#include <cjson/cJSON.h>
#include <stddef.h>

struct error;

/* Standard base64 with padding, NUL-terminated, the caller's to free. NULL: no memory (or, decoding, not base64: *err).
 */
char *base64_encode(const void *data, size_t len);
char *base64_decode(const char *text, size_t *len, struct error *err);

/* data[key] of a Secret, decoded and NUL-terminated, the caller's to free; NULL when absent. */
char *kube_secret_get(const cJSON *secret, const char *key);

#endif
