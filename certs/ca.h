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

/* A self-signed CA, valid for life_ms from now (wall time), and already a day before. `name` becomes the start of its
 * common name; the time of its making follows, so that two of them have different names. */
int ca_make(const char *name, int64_t now_ms, int64_t life_ms, struct cert *ca, struct error *err);

/* A server's certificate for these DNS names (NULL-terminated, at least one), signed by the CA; valid likewise, but
 * no longer than the CA. */
int ca_sign(const struct cert *ca, const char *const *dns_names, int64_t now_ms, int64_t life_ms, struct cert *leaf,
	    struct error *err);

/* 0 when the certificate (the first of a chain) can be read and the key is its own; else -1 and *err. */
int cert_check(const struct cert *c, struct error *err);
/* Likewise, and with it a server can show itself by this name now (wall time): the whole chain can be read, it is
 * valid, for the name (of its alternative names; the subject's counts for nobody any more) and for servers. */
int cert_check_server(const struct cert *c, const char *dns_name, int64_t now_ms, struct error *err);
/* As cert_check, and it must be allowed to sign others. */
int ca_check(const struct cert *ca, struct error *err);

#define CERT_FINGERPRINT_MAX 17 /* with the closing 0 */
/* The beginning of the certificate's SHA-256, in hexadecimal digits. 0, or -1 and *err. */
int cert_fingerprint(const char *cert_pem, char out[CERT_FINGERPRINT_MAX], struct error *err);

/* From when until when it is valid (the first of a chain), in wall time. 0, or -1 and *err. */
int cert_times(const char *cert_pem, int64_t *from_ms, int64_t *until_ms, struct error *err);

#endif
