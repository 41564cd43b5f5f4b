#include "tests/unit/certs_fixture.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/base/base64.h"
#include "common/kube/secret.h"

const char *const certs_names[] = { "codis-webhook.codis-system.svc", "localhost", NULL };

/* --- certificates ------------------------------------------------------------------------------------------------- */

void make_ca(const char *name, int age, int days, struct cert *ca)
{
	assert_int_equal(ca_make(name, clock_wall_ms() - age * DAY_MS, days * DAY_MS, ca, NULL), 0);
}

void make_leaf(const struct cert *ca, int age, int days, struct cert *leaf)
{
	assert_int_equal(ca_sign(ca, certs_names, clock_wall_ms() - age * DAY_MS, days * DAY_MS, leaf, NULL), 0);
}

static EVP_PKEY *make_key(const char *kind)
{
	if (strcmp(kind, "EC") == 0)
		return EVP_EC_gen("P-256");
	return strcmp(kind, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static void extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, value) : NULL;

	if (value)
		assert_true(X509_add_ext(x, ext, -1));
	X509_EXTENSION_free(ext);
}

static char *text_of(BIO *bio)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	text = strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

void make_odd_ca(const struct odd_ca *odd, struct cert *ca)
{
	BIO *cert = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
	EVP_PKEY *key = make_key(odd->key);
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 77);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)"own", -1, -1,
				   0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), 100 * 86400);
	X509_set_pubkey(x, key);
	extend(x, NID_basic_constraints, odd->constraints);
	extend(x, NID_key_usage, odd->usage);
	extend(x, NID_name_constraints, odd->names);
	assert_true(X509_sign(x, key, strcmp(odd->key, "ED25519") == 0 ? NULL : EVP_sha256()));
	PEM_write_bio_X509(cert, x);
	PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL);
	*ca = (struct cert){ text_of(cert), text_of(secret) };
	X509_free(x);
	EVP_PKEY_free(key);
}

static X509 *x509(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(x);
	return x;
}

/* OpenSSL's verdict on a server that shows this leaf: X509_V_OK, or why not. */
static X509_STORE *store_of(const char *ca_pem)
{
	BIO *bio = BIO_new_mem_buf(ca_pem, -1);
	X509_STORE *store = X509_STORE_new();
	X509 *ca;

	while ((ca = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		X509_STORE_add_cert(store, ca);
		X509_free(ca);
	}
	BIO_free(bio);
	return store;
}

int verdict(const char *ca_pem, const char *leaf_pem, const char *host)
{
	X509 *leaf = x509(leaf_pem);
	X509_STORE *store = store_of(ca_pem);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int result;

	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx), host, 0);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	X509_verify_cert(ctx);
	result = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(leaf);
	return result;
}

/* --- replicas ----------------------------------------------------------------------------------------------------- */

static int on_certificate(void *ctx, const char *cert_pem, const char *key_pem)
{
	struct replica *r = ctx;

	cert_release(&r->leaf);
	assert_int_equal(cert_copy(&r->leaf, &(struct cert){ (char *)(uintptr_t)cert_pem, (char *)(uintptr_t)key_pem }),
			 0);
	assert_int_equal(cert_check(&r->leaf, NULL), 0);
	r->leaves++;
	return 0;
}

static void on_notice(void *ctx, const char *text)
{
	struct replica *r = ctx;

	buf_addf(&r->notices, "%s\n", text);
}

static void on_error(void *ctx, const struct error *err)
{
	struct replica *r = ctx;

	r->errors++;
	r->last = *err;
}

static void on_end(void *ctx, const char *which, int64_t until_ms, int64_t late_ms)
{
	struct replica *r = ctx;

	r->late_ms = late_ms;
	if (strcmp(which, "leaf") == 0)
		r->leaf_until_ms = until_ms;
	else
		r->ca_until_ms = until_ms;
}

static void on_ending(void *ctx, const cJSON *secret, const char *text)
{
	struct replica *r = ctx;

	r->endings++;
	r->of_secret = secret != NULL;
	snprintf(r->ending, sizeof(r->ending), "%s", text);
}

struct certs_config replica_config(struct replica *r)
{
	return (struct certs_config){ .namespace = "codis-system",
				      .secret_name = "codis-webhook-ca",
				      .settle_ms = 200,
				      .dns_names = certs_names,
				      .mutating = "codis-webhook",
				      .validating = "codis-webhook",
				      .on_certificate = on_certificate,
				      .on_notice = on_notice,
				      .on_error = on_error,
				      .on_end = on_end,
				      .on_ending = on_ending,
				      .ctx = r };
}

void replica_start_with(struct replica *r, struct fake_world *w, const struct certs_config *cfg)
{
	struct error err;

	*r = (struct replica){ .world = w, .kube = fake_client(w), .notices = BUF_INIT(1 << 20) };
	r->certs = certs_start(&w->loop.uv, r->kube, cfg, &err);
	assert_non_null(r->certs);
}

void replica_start(struct replica *r, struct fake_world *w)
{
	struct certs_config cfg = replica_config(r);

	replica_start_with(r, w, &cfg);
}

void replica_stop(struct replica *r)
{
	certs_stop(r->certs);
	kube_client_free(r->kube);
	cert_release(&r->leaf);
	buf_release(&r->notices);
}

bool is_ready(void *ctx)
{
	struct replica *r = ctx;

	return certs_ready(r->certs, NULL, 0);
}

bool has_failed(void *ctx)
{
	return ((struct replica *)ctx)->errors > 0;
}

bool has_a_leaf(void *ctx)
{
	return ((struct replica *)ctx)->leaves > 0;
}

bool has_two_leaves(void *ctx)
{
	return ((struct replica *)ctx)->leaves >= 2;
}

void install_configurations(struct fake_world *w)
{
	fake_apply(&w->api, MUTATING,
		   "{\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{\"service\":{}}},"
		   "{\"name\":\"b\",\"clientConfig\":{\"service\":{},\"caBundle\":\"b2xk\"}}]}");
	fake_apply(&w->api, VALIDATING, "{\"webhooks\":[{\"name\":\"c\",\"clientConfig\":{\"service\":{}}}]}");
}

char *secret_value(struct fake_world *w, const char *key)
{
	JSON_CLEANUP cJSON *secret = fake_read(&w->api, SECRET);

	return kube_secret_get(secret, key);
}

void put_ca(struct fake_world *w, const struct cert *ca, const char *old)
{
	char *cert = base64_encode(ca->cert_pem, strlen(ca->cert_pem)),
	     *key = base64_encode(ca->key_pem, strlen(ca->key_pem));
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);

	buf_addf(&text, "{\"data\":{\"ca.crt\":\"%s\",\"ca.key\":\"%s\"%s%s%s}}", cert, key,
		 old ? ",\"ca-old.crt\":\"" : "", old ? old : "", old ? "\"" : "");
	fake_apply(&w->api, SECRET, text.data);
	free(cert);
	free(key);
}

char *bundle_of(struct fake_world *w, const char *path)
{
	JSON_CLEANUP cJSON *config = fake_read(&w->api, path);
	const cJSON *webhook = cJSON_GetArrayItem(json_get(config, "webhooks", NULL), 0);
	const char *base64 = json_str(webhook, "clientConfig", "caBundle", NULL);

	return base64 ? base64_decode(base64, &(size_t){ 0 }, NULL) : NULL;
}

int wrong_bundles(struct fake_world *w, const char *path)
{
	JSON_CLEANUP cJSON *config = fake_read(&w->api, path);
	char *ca = secret_value(w, "ca.crt"), *base64 = ca ? base64_encode(ca, strlen(ca)) : NULL;
	const cJSON *webhook;
	int n = 0;

	cJSON_ArrayForEach(webhook, json_get(config, "webhooks", NULL)) {
		const char *has = json_str(webhook, "clientConfig", "caBundle", NULL);

		n += !has || !base64 || strcmp(has, base64) != 0;
	}
	free(base64);
	free(ca);
	return n;
}

bool bundles_are_right(void *ctx)
{
	struct replica *r = ctx;

	return wrong_bundles(r->world, MUTATING) == 0 && wrong_bundles(r->world, VALIDATING) == 0;
}

void is_served_by(struct fake_world *w, const struct replica *r)
{
	char *ca = secret_value(w, "ca.crt");

	assert_non_null(ca);
	assert_int_equal(verdict(ca, r->leaf.cert_pem, certs_names[0]), X509_V_OK);
	free(ca);
}
