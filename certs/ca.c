#include "certs/ca.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"

#define EARLY_MS    (INT64_C(24) * 3600 * 1000) /* valid from a day ago, for whoever's clock is behind */
#define SERIAL_BITS 127
#define NAMES_MAX   4096
#define NAMES_SHOWN 160 /* bytes of them in a sentence */

static void x509_free(X509 **x)
{
	X509_free(*x);
}

static void pkey_free(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

#define X509_CLEANUP __attribute__((cleanup(x509_free)))
#define PKEY_CLEANUP __attribute__((cleanup(pkey_free)))

static int failed(struct error *err, const char *what)
{
	char words[256] = "no reason given";
	unsigned long code = ERR_get_error();

	if (code)
		ERR_error_string_n(code, words, sizeof(words));
	ERR_clear_error();
	return error_set(err, ERR_INVALID, "%s: %s", what, words);
}

void cert_release(struct cert *c)
{
	if (c->key_pem)
		OPENSSL_cleanse(c->key_pem, strlen(c->key_pem));
	free(c->key_pem);
	free(c->cert_pem);
	*c = (struct cert){ 0 };
}

int cert_copy(struct cert *to, const struct cert *from)
{
	*to = (struct cert){ strdup(from->cert_pem), strdup(from->key_pem) };
	if (to->cert_pem && to->key_pem)
		return 0;
	cert_release(to);
	return -1;
}

/* --- PEM ---------------------------------------------------------------------------------------------------------- */

static char *take_text(BIO *bio)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	text = len > 0 ? strndup(data, (size_t)len) : NULL;
	if (len > 0)
		OPENSSL_cleanse(data, (size_t)len);
	return text;
}

static int write_pem(X509 *x, EVP_PKEY *key, struct cert *out, struct error *err)
{
	BIO *cert = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());

	*out = (struct cert){ 0 };
	if (cert && secret && PEM_write_bio_X509(cert, x) &&
	    PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL))
		*out = (struct cert){ take_text(cert), take_text(secret) };
	BIO_free(cert);
	BIO_free(secret);
	if (out->cert_pem && out->key_pem)
		return 0;
	cert_release(out);
	return failed(err, "writing a certificate");
}

/* A key with a passphrase must not ask for it on the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf, (void)size, (void)rwflag, (void)arg;
	return -1;
}

static X509 *read_cert(const char *pem, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	if (!x)
		failed(err, "not a certificate in PEM");
	return x;
}

static EVP_PKEY *read_key(const char *pem, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	if (!key)
		failed(err, "not a private key in PEM without a passphrase");
	return key;
}

/* --- making ------------------------------------------------------------------------------------------------------- */

static int set_serial(X509 *x)
{
	BIGNUM *n = BN_new();
	int ok = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		 BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));

	BN_free(n);
	return ok;
}

static int set_name(X509 *x, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)name,
					  -1, -1, 0);
}

static int set_life(X509 *x, int64_t now_ms, int64_t life_ms)
{
	return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)((now_ms - EARLY_MS) / 1000)) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)((now_ms + life_ms) / 1000));
}

static int add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static X509 *new_cert(const char *name, EVP_PKEY *key, int64_t now_ms, int64_t life_ms)
{
	X509 *x = X509_new();

	if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) && set_name(x, name) &&
	    set_life(x, now_ms, life_ms) && X509_set_pubkey(x, key))
		return x;
	X509_free(x);
	return NULL;
}

int ca_make(const char *name, int64_t now_ms, int64_t life_ms, struct cert *ca, struct error *err)
{
	PKEY_CLEANUP EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_CLEANUP X509 *x = NULL;
	char common_name[64], now[40]; /* RFC 5280: at most 64 characters */

	*ca = (struct cert){ 0 };
	clock_rfc3339(now_ms, now, sizeof(now));
	snprintf(common_name, sizeof(common_name), "%.32s %.23sZ", name, now);
	x = key ? new_cert(common_name, key, now_ms, life_ms) : NULL;
	if (!x || !X509_set_issuer_name(x, X509_get_subject_name(x)) ||
	    !add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
	    !add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
	    !add_extension(x, x, NID_subject_key_identifier, "hash") || !X509_sign(x, key, EVP_sha256()))
		return failed(err, "making a CA");
	return write_pem(x, key, ca, err);
}

/* A name goes into OpenSSL's own little language of extensions, so it may hold nothing that means something there. */
static int write_names(const char *const *names, struct buf *out, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.*";

	for (const char *const *n = names; *n; n++) {
		if (!**n || strspn(*n, allowed) != strlen(*n))
			return error_set(err, ERR_INVALID, "\"%.100s\" is not a DNS name", *n);
		buf_addf(out, "%sDNS:%s", n == names ? "" : ",", *n);
	}
	if (!out->len)
		return error_set(err, ERR_INVALID, "a server's certificate needs a DNS name");
	return buf_check(out, "the list of DNS names", err);
}

/* A leaf that outlives its CA would look good and be refused. */
static int cap_life(X509 *x, X509 *ca)
{
	const ASN1_TIME *end = X509_get0_notAfter(ca);

	return ASN1_TIME_compare(X509_get0_notAfter(x), end) <= 0 || X509_set1_notAfter(x, end);
}

/* One whose CA has no identifier of its key names none. */
static int add_issuer_key(X509 *x, X509 *issuer)
{
	return !X509_get0_subject_key_id(issuer) || add_extension(x, issuer, NID_authority_key_identifier, "keyid");
}

/* A key of which the kind says how it signs (Ed25519) takes no digest. */
static int sign_with(X509 *x, EVP_PKEY *key)
{
	return X509_sign(x, key, EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : EVP_sha256());
}

/* What the user's own CA may not sign (by its name constraints, by its key usage) would be refused by everybody. Times
 * are another matter. */
static int check_issued(X509 *x, X509 *issuer, struct error *err)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int r = -1;

	if (store && ctx && X509_STORE_add_cert(store, issuer) && X509_STORE_CTX_init(ctx, store, x, NULL) &&
	    X509_STORE_CTX_set_default(ctx, "ssl_server")) {
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
		r = X509_verify_cert(ctx) == 1
			    ? 0
			    : error_set(err, ERR_INVALID, "what the CA signs is refused: %s",
					X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
		ERR_clear_error();
	} else {
		failed(err, "looking at a certificate");
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

int ca_sign(const struct cert *ca, const char *const *dns_names, int64_t now_ms, int64_t life_ms, struct cert *leaf,
	    struct error *err)
{
	BUF_CLEANUP struct buf names = BUF_INIT(NAMES_MAX);
	X509_CLEANUP X509 *issuer = read_cert(ca->cert_pem, err), *x = NULL;
	PKEY_CLEANUP EVP_PKEY *issuer_key = issuer ? read_key(ca->key_pem, err) : NULL, *key = NULL;
	char name[64]; /* of the subject; what counts are the alternative names */

	*leaf = (struct cert){ 0 };
	if (!issuer_key || write_names(dns_names, &names, err) < 0)
		return -1;
	key = EVP_EC_gen("P-256");
	snprintf(name, sizeof(name), "%s", dns_names[0]);
	x = key ? new_cert(name, key, now_ms, life_ms) : NULL;
	if (!x || !cap_life(x, issuer) || !X509_set_issuer_name(x, X509_get_subject_name(issuer)) ||
	    !add_extension(x, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_extension(x, issuer, NID_key_usage, "critical,digitalSignature") ||
	    !add_extension(x, issuer, NID_ext_key_usage, "serverAuth") ||
	    !add_extension(x, issuer, NID_subject_alt_name, names.data) || !add_issuer_key(x, issuer) ||
	    !sign_with(x, issuer_key))
		return failed(err, "signing a certificate");
	return check_issued(x, issuer, err) < 0 ? -1 : write_pem(x, key, leaf, err);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int to_ms(const ASN1_TIME *t, int64_t *ms)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm))
		return -1;
	*ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

int cert_times(const char *cert_pem, int64_t *from_ms, int64_t *until_ms, struct error *err)
{
	X509_CLEANUP X509 *x = read_cert(cert_pem, err);

	if (!x)
		return -1;
	if (to_ms(X509_get0_notBefore(x), from_ms) < 0 || to_ms(X509_get0_notAfter(x), until_ms) < 0)
		return failed(err, "the certificate's times");
	return 0;
}

int cert_check(const struct cert *c, struct error *err)
{
	X509_CLEANUP X509 *x = read_cert(c->cert_pem, err);
	PKEY_CLEANUP EVP_PKEY *key = x ? read_key(c->key_pem, err) : NULL;

	if (!key)
		return -1;
	if (X509_check_private_key(x, key) == 1)
		return 0;
	ERR_clear_error();
	return error_set(err, ERR_INVALID, "the key is not the certificate's own");
}

int cert_fingerprint(const char *cert_pem, char out[CERT_FINGERPRINT_MAX], struct error *err)
{
	X509_CLEANUP X509 *x = read_cert(cert_pem, err);
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (!x)
		return -1;
	if (!X509_digest(x, EVP_sha256(), hash, NULL))
		return failed(err, "the certificate's fingerprint");
	for (int i = 0; i < CERT_FINGERPRINT_MAX / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

/* What follows the first one, too: a chain of which the end is missing is one that is being written. */
static int check_chain(const char *pem, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	unsigned long code;
	X509 *x;

	while ((x = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL) != NULL)
		X509_free(x);
	BIO_free(bio);
	code = ERR_peek_last_error();
	if (bio && ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return 0;
	}
	return failed(err, "the chain behind the certificate cannot be read");
}

static int check_validity(const char *pem, int64_t now_ms, struct error *err)
{
	int64_t from_ms, until_ms;
	char time[40];

	if (cert_times(pem, &from_ms, &until_ms, err) < 0)
		return -1;
	if (now_ms > until_ms)
		return error_set(err, ERR_INVALID, "the certificate ended at %.19sZ",
				 clock_rfc3339(until_ms, time, sizeof(time)));
	if (now_ms < from_ms)
		return error_set(err, ERR_INVALID, "the certificate begins at %.19sZ only",
				 clock_rfc3339(from_ms, time, sizeof(time)));
	return 0;
}

static void general_names_free(GENERAL_NAMES **names)
{
	GENERAL_NAMES_free(*names);
}

/* Its alternative names that are DNS names, as far as there is room for them. */
static void list_names(X509 *x, char out[NAMES_SHOWN])
{
	GENERAL_NAMES *names __attribute__((cleanup(general_names_free))) =
		X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const unsigned char *text;
	size_t len = 0;
	int n = names ? sk_GENERAL_NAME_num(names) : 0;

	out[0] = '\0';
	for (int i = 0; i < n && len < NAMES_SHOWN - 1; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		text = ASN1_STRING_get0_data(name->d.dNSName);
		len += (size_t)snprintf(out + len, NAMES_SHOWN - len, "%s%.*s", len ? ", " : "",
					ASN1_STRING_length(name->d.dNSName), (const char *)text);
	}
}

static int check_name(X509 *x, const char *name, struct error *err)
{
	char names[NAMES_SHOWN];

	if (X509_check_host(x, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1)
		return 0;
	ERR_clear_error();
	list_names(x, names);
	return error_set(err, ERR_INVALID,
			 "the certificate has to be for %.100s, as which the API server asks, not for %s", name,
			 *names ? names : "no DNS name at all");
}

int cert_check_server(const struct cert *c, const char *dns_name, int64_t now_ms, struct error *err)
{
	X509_CLEANUP X509 *x = NULL;

	if (cert_check(c, err) < 0 || check_chain(c->cert_pem, err) < 0 || check_validity(c->cert_pem, now_ms, err) < 0)
		return -1;
	x = read_cert(c->cert_pem, err);
	if (!x || check_name(x, dns_name, err) < 0)
		return -1;
	if (X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0) == 1)
		return 0;
	ERR_clear_error();
	return error_set(err, ERR_INVALID, "the certificate is not for servers: its key usage says so");
}

int ca_check(const struct cert *ca, struct error *err)
{
	X509_CLEANUP X509 *x = NULL;

	if (cert_check(ca, err) < 0)
		return -1;
	x = read_cert(ca->cert_pem, err);
	if (!x)
		return -1;
	/* Other values are of CAs that only their age or their key usage makes ones: the API server takes none of them.
	 */
	return X509_check_ca(x) == 1 ? 0 : error_set(err, ERR_INVALID, "the certificate is not that of a CA");
}
