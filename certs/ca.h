/* ca.h - making and reading certificates: EC P-256, PEM in and out (OpenSSL). */
#ifndef CODIS_CERTS_CA_H
#define CODIS_CERTS_CA_H

#include <stdbool.h>
#include <stdint.h>

struct error;

/* A certificate with its key. Allocated strings; the key is wiped before it is freed. */
struct cert {
	char *cert_pem, *key_pem;
};

#define CERT_CLEANUP __attribute__((cleanup(cert_release)))
void cert_release(struct cert *c);
/* 0, or -1: no memory, and *to is empty. */
int cert_copy(struct cert *to, const struct cert *from);

/* A self-signed CA. `name` becomes the start of its common name; the time of its making follows, so that two of them
 * have different names. */
int ca_make(const char *name, int days, struct cert *ca, struct error *err);

/* A server's certificate for these DNS names (NULL-terminated, at least one), signed by the CA; it ends no later than
 * the CA does. */
int ca_sign(const struct cert *ca, const char *const *dns_names, int days, struct cert *leaf, struct error *err);

/* 0 when the certificate (the first of a chain) can be read and the key is its own; else -1 and *err. */
int cert_check(const struct cert *c, struct error *err);
/* Likewise, and it must be allowed to sign others. */
int ca_check(const struct cert *ca, struct error *err);

/* From when until when it is valid (the first of a chain), in wall time. 0, or -1 and *err. */
int cert_times(const char *cert_pem, int64_t *from_ms, int64_t *until_ms, struct error *err);
/* Whether no more than 1/part of its life is left. One that cannot be read is old. */
bool cert_is_old(const char *cert_pem, int part);

#endif
