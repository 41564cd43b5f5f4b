/* base64.h - standard base64 (RFC 4648) with padding. */
#ifndef CODIS_BASE_BASE64_H
#define CODIS_BASE_BASE64_H

#include <stddef.h>

struct buf;
struct error;

/* NUL-terminated, the caller's to free. NULL: no memory (or, decoding, not base64: *err). */
char *base64_encode(const void *data, size_t len);
/* The same, appended. 0 or -1. */
int base64_add(const void *data, size_t len, struct buf *out);
char *base64_decode(const char *text, size_t *len, struct error *err);

#endif
