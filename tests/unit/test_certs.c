/* Certificates that OpenSSL believes, one CA for all replicas, and webhook configurations that never lose it for long.
 */
#include "tests/unit/fake_api.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "certs/authority.h"
#include "certs/ca.h"
#include "certs/certs.h"
#include "certs/files.h"
#include "common/base/base64.h"
#include "common/kube/secret.h"
#include "common/net/http.h"
#include "common/net/httpd.h"
#include "tests/unit/test.h"

#define SECRETS    "/api/v1/namespaces/codis-system/secrets"
#define SECRET     SECRETS "/codis-webhook-ca"
#define CONFIGS    "/apis/admissionregistration.k8s.io/v1/"
#define MUTATING   CONFIGS "mutatingwebhookconfigurations/codis-webhook"
#define VALIDATING CONFIGS "validatingwebhookconfigurations/codis-webhook"
#define LONG       10000
#define DAY_MS     INT64_C(86400000)

static const char *const names[] = { "codis-webhook.codis-system.svc", "localhost", NULL };

/* --- certificates by themselves ----------------------------------------------------------------------------------- */

static X509 *x509(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(x);
	return x;
}

/* OpenSSL's verdict on a server that shows this leaf: X509_V_OK, or why not. */
static int verdict(const char *ca_pem, const char *leaf_pem, const char *host)
{
	X509 *ca = x509(ca_pem), *leaf = x509(leaf_pem);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int result;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx), host, 0);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	X509_verify_cert(ctx);
	result = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(ca);
	X509_free(leaf);
	return result;
}

TEST(openssl_believes_a_leaf)
{
	CERT_CLEANUP struct cert ca = { 0 }, other = { 0 }, leaf = { 0 };
	struct error err;

	assert_int_equal(ca_make("codis-webhook-ca", 365, &ca, &err), 0);
	assert_int_equal(ca_make("codis-webhook-ca", 365, &other, &err), 0);
	assert_int_equal(ca_sign(&ca, names, 30, &leaf, &err), 0);
	assert_int_equal(verdict(ca.cert_pem, leaf.cert_pem, names[0]), X509_V_OK);
	assert_int_equal(verdict(ca.cert_pem, leaf.cert_pem, names[1]), X509_V_OK);
	assert_int_equal(verdict(ca.cert_pem, leaf.cert_pem, "evil.codis-system.svc"), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_not_equal(verdict(other.cert_pem, leaf.cert_pem, names[0]), X509_V_OK);
	/* a leaf signs nothing, and the CA is no server */
	assert_int_equal(ca_check(&ca, &err), 0);
	assert_int_equal(ca_check(&leaf, &err), -1);
	assert_non_null(strstr(err.text, "not that of a CA"));
}

TEST(lives_are_as_long_as_asked)
{
	CERT_CLEANUP struct cert ca = { 0 }, leaf = { 0 }, longer = { 0 };
	int64_t from, until, end, now = clock_wall_ms();

	assert_int_equal(ca_make("ca", 10, &ca, NULL), 0);
	assert_int_equal(cert_times(ca.cert_pem, &from, &end, NULL), 0);
	assert_in_range(now - from, 3600000 - 60000, 3600000 + 60000);
	assert_in_range(end - now, 10 * DAY_MS - 60000, 10 * DAY_MS + 60000);
	assert_int_equal(ca_sign(&ca, names, 2, &leaf, NULL), 0);
	assert_int_equal(cert_times(leaf.cert_pem, &from, &until, NULL), 0);
	assert_in_range(until - now, 2 * DAY_MS - 60000, 2 * DAY_MS + 60000);
	assert_int_equal(ca_sign(&ca, names, 30, &longer, NULL), 0);
	assert_int_equal(cert_times(longer.cert_pem, &from, &until, NULL), 0);
	assert_int_equal(until, end); /* not beyond its CA */
	assert_false(cert_is_old(leaf.cert_pem, 3));
	assert_true(cert_is_old(leaf.cert_pem, 1));
	assert_true(cert_is_old("nothing", 3));
}

TEST(an_ended_certificate_is_old)
{
	CERT_CLEANUP struct cert ca = { 0 };

	assert_int_equal(ca_make("ca", 0, &ca, NULL), 0);
	assert_true(cert_is_old(ca.cert_pem, 3));
}

TEST(a_name_is_a_name)
{
	static const char *const bad[][2] = {
		{ "a,DNS:evil", NULL }, { "a b", NULL }, { "", NULL }, { "a\nb", NULL }, { NULL, NULL }
	};
	CERT_CLEANUP struct cert ca = { 0 };
	struct cert leaf;
	struct error err;

	assert_int_equal(ca_make("ca", 10, &ca, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ca_sign(&ca, bad[i], 10, &leaf, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

TEST(a_key_belongs_to_its_certificate)
{
	CERT_CLEANUP struct cert a = { 0 }, b = { 0 };
	struct cert mixed;
	struct error err;

	assert_int_equal(ca_make("a", 10, &a, NULL), 0);
	assert_int_equal(ca_make("b", 10, &b, NULL), 0);
	assert_int_equal(cert_check(&a, &err), 0);
	mixed = (struct cert){ a.cert_pem, b.key_pem };
	assert_int_equal(cert_check(&mixed, &err), -1);
	assert_non_null(strstr(err.text, "not the certificate's own"));
	mixed = (struct cert){ (char *)(uintptr_t) "x", b.key_pem };
	assert_int_equal(cert_check(&mixed, &err), -1);
	mixed = (struct cert){ a.cert_pem, (char *)(uintptr_t) "x" };
	assert_int_equal(cert_check(&mixed, &err), -1);
	assert_null(strstr(err.text, "PRIVATE"));
}

static void answer_hello(void *ctx, const struct http_request *req, struct http_response *res)
{
	(void)ctx, (void)req;
	buf_addstr(&res->body, "hello");
}

TEST(a_server_serves_with_it)
{
	CERT_CLEANUP struct cert ca = { 0 }, leaf = { 0 };
	struct httpd_config cfg = { .address = "127.0.0.1:0", .threads = 1, .handler = answer_hello };
	struct http_tls tls = { 0 };
	struct http_spec spec = { .method = "GET", .timeout_ms = LONG };
	BUF_CLEANUP struct buf body = BUF_INIT(1000);
	struct httpd *server;
	struct error err;
	char url[64];
	int status = 0;

	assert_int_equal(ca_make("ca", 10, &ca, NULL), 0);
	assert_int_equal(ca_sign(&ca, names, 2, &leaf, NULL), 0);
	cfg.cert_pem = leaf.cert_pem;
	cfg.key_pem = leaf.key_pem;
	server = httpd_start(&cfg, &err);
	assert_non_null(server);
	snprintf(url, sizeof(url), "https://localhost:%u/", httpd_port(server));
	spec.url = url;
	tls.ca_pem = ca.cert_pem;
	if (http_fetch(&spec, &tls, &status, &body, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(body.data, "hello");
	httpd_stop(server);
}

/* --- replicas ----------------------------------------------------------------------------------------------------- */

struct replica {
	struct fake_world *world;
	struct kube_client *kube;
	struct certs *certs;
	struct cert leaf;
	int leaves, errors;
	struct error last;
	struct buf notices;
};

static void on_certificate(void *ctx, const char *cert_pem, const char *key_pem)
{
	struct replica *r = ctx;

	cert_release(&r->leaf);
	assert_int_equal(cert_copy(&r->leaf, &(struct cert){ (char *)(uintptr_t)cert_pem, (char *)(uintptr_t)key_pem }),
			 0);
	assert_int_equal(cert_check(&r->leaf, NULL), 0);
	r->leaves++;
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

static void start(struct replica *r, struct fake_world *w)
{
	struct certs_config cfg = { .namespace = "codis-system",
				    .secret_name = "codis-webhook-ca",
				    .dns_names = names,
				    .mutating = "codis-webhook",
				    .validating = "codis-webhook",
				    .on_certificate = on_certificate,
				    .on_notice = on_notice,
				    .on_error = on_error,
				    .ctx = r };
	struct error err;

	*r = (struct replica){ .world = w, .kube = fake_client(w), .notices = BUF_INIT(1 << 20) };
	r->certs = certs_start(&w->loop.uv, r->kube, &cfg, &err);
	assert_non_null(r->certs);
}

static void stop(struct replica *r)
{
	certs_stop(r->certs);
	kube_client_free(r->kube);
	cert_release(&r->leaf);
	buf_release(&r->notices);
}

static bool is_ready(void *ctx)
{
	struct replica *r = ctx;

	return certs_ready(r->certs, NULL, 0);
}

static bool has_failed(void *ctx)
{
	return ((struct replica *)ctx)->errors > 0;
}

static bool has_two_leaves(void *ctx)
{
	return ((struct replica *)ctx)->leaves >= 2;
}

static void install(struct fake_world *w)
{
	fake_apply(&w->api, MUTATING,
		   "{\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{\"service\":{}}},"
		   "{\"name\":\"b\",\"clientConfig\":{\"service\":{},\"caBundle\":\"b2xk\"}}]}");
	fake_apply(&w->api, VALIDATING, "{\"webhooks\":[{\"name\":\"c\",\"clientConfig\":{\"service\":{}}}]}");
}

static char *secret_value(struct fake_world *w, const char *key)
{
	JSON_CLEANUP cJSON *secret = fake_read(&w->api, SECRET);

	return kube_secret_get(secret, key);
}

static int wrong_bundles(struct fake_world *w, const char *path)
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

static bool bundles_are_right(void *ctx)
{
	struct replica *r = ctx;

	return wrong_bundles(r->world, MUTATING) == 0 && wrong_bundles(r->world, VALIDATING) == 0;
}

static void is_served_by(struct fake_world *w, const struct replica *r)
{
	char *ca = secret_value(w, "ca.crt");

	assert_non_null(ca);
	assert_int_equal(verdict(ca, r->leaf.cert_pem, names[0]), X509_V_OK);
	free(ca);
}

#define FIXTURE_TEST(name) TEST_WITH(name, fake_setup, fake_teardown)

FIXTURE_TEST(a_single_one_makes_all)
{
	static const char *const notices[] = {
		"wrote a CA into Secret codis-system/codis-webhook-ca\nsigned a certificate with the CA of Secret ",
		"wrote the CA into MutatingWebhookConfiguration codis-webhook\n",
		"wrote the CA into ValidatingWebhookConfiguration codis-webhook\n",
	};
	struct fake_world *w = *state;
	struct replica r;
	char why[256];

	install(w);
	start(&r, w);
	assert_false(certs_ready(r.certs, why, sizeof(why)));
	assert_string_equal(why, "no CA is agreed on yet");
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	is_served_by(w, &r);
	assert_int_equal(r.leaves, 1);
	assert_int_equal(r.errors, 0);
	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++)
		assert_non_null(strstr(r.notices.data, notices[i]));
	assert_int_equal(fake_count(&w->api, "PATCH"), 2);
	stop(&r);
}

FIXTURE_TEST(two_that_race_end_with_one_ca)
{
	struct fake_world *w = *state;
	struct replica a, b;

	install(w);
	fake_block(&w->api, "POST " SECRETS); /* both have seen that there is none */
	start(&a, w);
	start(&b, w);
	while (fake_blocked(&w->api) < 2)
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	fake_unblock(&w->api);
	assert_true(fake_run(w, LONG, is_ready, &a));
	assert_true(fake_run(w, LONG, is_ready, &b));
	assert_true(fake_run(w, LONG, bundles_are_right, &a));
	is_served_by(w, &a);
	is_served_by(w, &b);
	assert_string_not_equal(a.leaf.key_pem, b.leaf.key_pem); /* each its own */
	assert_int_equal(fake_count(&w->api, "POST " SECRETS), 2);
	assert_int_equal(a.leaves + b.leaves, 2);
	assert_int_equal(a.errors + b.errors, 0);
	stop(&a);
	stop(&b);
}

FIXTURE_TEST(one_that_comes_later_uses_what_is_there)
{
	struct fake_world *w = *state;
	struct replica a, b;
	int patches;

	install(w);
	start(&a, w);
	assert_true(fake_run(w, LONG, is_ready, &a));
	assert_true(fake_run(w, LONG, bundles_are_right, &a));
	patches = fake_count(&w->api, "PATCH");
	start(&b, w);
	assert_true(fake_run(w, LONG, is_ready, &b));
	is_served_by(w, &b);
	assert_int_equal(fake_count(&w->api, "POST " SECRETS), 1);
	assert_int_equal(fake_count(&w->api, "PATCH"), patches); /* nothing differed */
	stop(&a);
	stop(&b);
}

static bool nothing_waits(void *ctx)
{
	struct replica *r = ctx;

	return fake_count(&r->world->api, "watch=1") >= 3;
}

FIXTURE_TEST(what_is_applied_again_is_filled_in_again)
{
	struct fake_world *w = *state;
	struct replica r;
	int patches;

	start(&r, w); /* before the configurations exist */
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_true(fake_run(w, LONG, nothing_waits, &r));
	install(w);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	for (int i = 0; i < 2; i++) {
		patches = fake_count(&w->api, "PATCH");
		install(w);
		assert_true(fake_run(w, LONG, bundles_are_right, &r));
		assert_in_range(fake_count(&w->api, "PATCH") - patches, 2, 4);
	}
	fake_delete(&w->api, VALIDATING);
	install(w);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	assert_true(is_ready(&r));
	assert_int_equal(r.errors, 0);
	stop(&r);
}

struct war {
	struct replica *r;
	int64_t until_ms;
	bool said;
};

/* Another program puts its own back as soon as it sees ours. */
static bool war_goes_on(void *ctx)
{
	struct war *war = ctx;
	struct fake_world *w = war->r->world;

	if (wrong_bundles(w, VALIDATING) == 0)
		fake_apply(&w->api, VALIDATING,
			   "{\"metadata\":{\"managedFields\":[{\"manager\":\"codis-k8s\",\"time\":\"2026-01-03T00:00:"
			   "00Z\"},"
			   "{\"manager\":\"kubectl\",\"time\":\"2026-01-01T00:00:00Z\"},"
			   "{\"manager\":\"cainjector\",\"time\":\"2026-01-02T00:00:00Z\"}]},"
			   "\"webhooks\":[{\"name\":\"c\",\"clientConfig\":{\"caBundle\":\"T1RIRVI=\"}}]}");
	return war->said ? war->r->errors > 0 : clock_mono_ms() >= war->until_ms;
}

/* It was 7,000 writes a second, with a line in the log for each. */
FIXTURE_TEST(two_who_write_the_bundle_do_not_race)
{
	struct fake_world *w = *state;
	struct replica r;
	struct war war = { .r = &r };
	int patches;

	start(&r, w);
	install(w);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	patches = fake_count(&w->api, "PATCH");
	war.until_ms = clock_mono_ms() + 2000;
	assert_true(fake_run(w, LONG, war_goes_on, &war));
	assert_in_range(fake_count(&w->api, "PATCH") - patches, 0, 2); /* after 1 s, and 2 s later */
	war.said = true;
	assert_true(fake_run(w, 2 * LONG, war_goes_on, &war));
	assert_string_equal(
		r.last.text,
		"ValidatingWebhookConfiguration codis-webhook: somebody else writes its caBundle, too (last by "
		"field manager \"cainjector\"); ours is put back each 30 s at most");
	assert_int_equal(r.errors, 1);
	stop(&r);
}

static bool secret_is_there(void *ctx)
{
	struct replica *r = ctx;
	char *ca = secret_value(r->world, "ca.crt");
	bool is = ca != NULL;

	free(ca);
	return is;
}

FIXTURE_TEST(a_secret_that_was_deleted_is_written_again)
{
	struct fake_world *w = *state;
	char *before, *after;
	struct replica r;

	start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	before = secret_value(w, "ca.crt");
	fake_delete(&w->api, SECRET);
	assert_true(fake_run(w, LONG, secret_is_there, &r));
	after = secret_value(w, "ca.crt");
	assert_string_equal(before, after);
	assert_int_equal(r.leaves, 1);
	free(before);
	free(after);
	stop(&r);
}

static void put_ca(struct fake_world *w, const struct cert *ca, const char *old)
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

FIXTURE_TEST(a_ca_that_changes_is_taken_over)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct replica r;

	install(w);
	start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(ca_make("new", 365, &ca, NULL), 0);
	put_ca(w, &ca, NULL);
	assert_true(fake_run(w, LONG, has_two_leaves, &r));
	is_served_by(w, &r);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	assert_int_equal(r.errors, 0);
	stop(&r);
}

static bool bundle_has_both(void *ctx)
{
	struct replica *r = ctx;
	JSON_CLEANUP cJSON *config = fake_read(&r->world->api, VALIDATING);
	const cJSON *webhook = cJSON_GetArrayItem(json_get(config, "webhooks", NULL), 0);
	const char *base64 = json_str(webhook, "clientConfig", "caBundle", NULL);
	char *pem = base64 ? base64_decode(base64, &(size_t){ 0 }, NULL) : NULL, *first;
	bool both = false;

	first = pem ? strstr(pem, "BEGIN CERTIFICATE") : NULL;
	if (first)
		both = strstr(first + 1, "BEGIN CERTIFICATE") != NULL;
	free(pem);
	return both;
}

FIXTURE_TEST(an_old_ca_stays_trusted)
{
	CERT_CLEANUP struct cert ca = { 0 }, old = { 0 };
	struct fake_world *w = *state;
	struct replica r;
	char *base64;

	assert_int_equal(ca_make("new", 365, &ca, NULL), 0);
	assert_int_equal(ca_make("old", 365, &old, NULL), 0);
	base64 = base64_encode(old.cert_pem, strlen(old.cert_pem));
	put_ca(w, &ca, base64);
	free(base64);
	install(w);
	start(&r, w);
	assert_true(fake_run(w, LONG, bundle_has_both, &r));
	is_served_by(w, &r);
	stop(&r);
}

FIXTURE_TEST(a_ca_that_ends_is_replaced)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct replica r;
	char *now;

	assert_int_equal(ca_make("dying", 5, &ca, NULL), 0);
	put_ca(w, &ca, NULL);
	install(w);
	start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	now = secret_value(w, "ca.crt");
	assert_string_not_equal(now, ca.cert_pem);
	free(now);
	now = secret_value(w, "ca-old.crt"); /* others are served by it until they have signed anew */
	assert_string_equal(now, ca.cert_pem);
	free(now);
	assert_true(fake_run(w, LONG, bundle_has_both, &r));
	is_served_by(w, &r);
	assert_int_equal(fake_count(&w->api, "PUT " SECRET), 1);
	stop(&r);
}

FIXTURE_TEST(an_empty_secret_is_filled)
{
	struct fake_world *w = *state;
	struct replica r;
	JSON_CLEANUP cJSON *secret = NULL;

	fake_apply(&w->api, SECRET, "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"type\":\"Opaque\"}");
	start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	secret = fake_read(&w->api, SECRET);
	assert_string_equal(json_str(secret, "metadata", "labels", "a", NULL), "b");
	stop(&r);
}

FIXTURE_TEST(a_secret_of_somebody_else_is_left_alone)
{
	static const char *const texts[] = { "{\"data\":{\"ca.crt\":\"aGVsbG8=\",\"ca.key\":\"aGVsbG8=\"}}",
					     "{\"data\":{\"ca.crt\":\"*\",\"ca.key\":\"*\"}}",
					     "{\"data\":{\"ca.crt\":\"aGVsbG8=\"}}" };
	struct fake_world *w = *state;
	struct replica r;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fake_apply(&w->api, SECRET, texts[i]);
		start(&r, w);
		assert_true(fake_run(w, LONG, has_failed, &r));
		assert_non_null(strstr(r.last.text, "Secret codis-system/codis-webhook-ca: no CA can be read (delete"));
		assert_false(is_ready(&r));
		assert_int_equal(fake_count(&w->api, "PUT"), 0);
		fake_delete(&w->api, SECRET);
		assert_true(fake_run(w, LONG, is_ready, &r));
		stop(&r);
	}
}

/* Without one of its CAs a bundle would shut out those whose leaf that one has signed. */
FIXTURE_TEST(a_bundle_of_which_a_part_cannot_be_read_is_none)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct replica r;

	assert_int_equal(ca_make("ca", 365, &ca, NULL), 0);
	put_ca(w, &ca, "*");
	install(w);
	start(&r, w);
	assert_true(fake_run(w, LONG, has_failed, &r));
	assert_string_equal(r.last.text, "Secret codis-system/codis-webhook-ca: ca-old.crt is not base64, or there is "
					 "no memory for it");
	assert_int_equal(r.leaves, 0);
	assert_int_equal(fake_count(&w->api, "PATCH"), 0);
	put_ca(w, &ca, NULL);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	assert_true(fake_run(w, LONG, is_ready, &r));
	stop(&r);
}

FIXTURE_TEST(an_api_server_that_is_late_is_waited_for)
{
	struct fake_world *w = *state;
	struct replica r;

	install(w);
	fake_down(&w->api);
	start(&r, w);
	assert_true(fake_run(w, LONG, has_failed, &r));
	fake_up(&w->api);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	assert_true(fake_run(w, LONG, is_ready, &r));
	stop(&r);
}

FIXTURE_TEST(rights_that_are_missing_are_told)
{
	struct fake_world *w = *state;
	struct replica r;
	char why[256];

	install(w);
	fake_fail(&w->api, "PATCH", 403, 2);
	start(&r, w);
	assert_true(fake_run(w, LONG, has_failed, &r));
	assert_int_equal(r.last.code, ERR_DENIED);
	assert_false(certs_ready(r.certs, why, sizeof(why)));
	assert_non_null(strstr(why, "codis-webhook does not carry our CA yet"));
	assert_true(fake_run(w, LONG, bundles_are_right, &r)); /* it tries again */
	stop(&r);
	fake_delete(&w->api, SECRET);
	fake_fail(&w->api, "POST", 500, 1);
	start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(r.errors, 1);
	stop(&r);
}

FIXTURE_TEST(it_stops_at_any_time)
{
	struct fake_world *w = *state;
	struct replica r;

	install(w);
	for (int turns = 0; turns < 40; turns++) {
		start(&r, w);
		for (int i = 0; i < turns; i++)
			uv_run(&w->loop.uv, UV_RUN_NOWAIT), usleep(100);
		stop(&r);
	}
	certs_stop(NULL);
}

FIXTURE_TEST(a_configuration_without_sense_is_refused)
{
	struct fake_world *w = *state;
	struct certs_config good = {
		.namespace = "n", .secret_name = "s", .dns_names = names, .on_certificate = on_certificate
	};
	struct certs_config bad = good;
	struct error err;

	bad.dns_names = NULL;
	assert_null(certs_start(&w->loop.uv, w->kube, &bad, &err));
	bad = good;
	bad.secret_name = NULL;
	assert_null(certs_start(&w->loop.uv, w->kube, &bad, &err));
	assert_null(certs_start(&w->loop.uv, NULL, &good, &err));
	bad = good;
	bad.cert_file = "x";
	assert_null(certs_start(&w->loop.uv, w->kube, &bad, &err));
	assert_int_equal(err.code, ERR_INVALID);
}

/* --- the user's own ----------------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void on_file_leaf(void *ctx, const struct cert *leaf)
{
	on_certificate(ctx, leaf->cert_pem, leaf->key_pem);
}

static bool has_a_leaf(void *ctx)
{
	return ((struct replica *)ctx)->leaves > 0;
}

FIXTURE_TEST(files_are_read_again_when_they_change)
{
	CERT_CLEANUP struct cert a = { 0 }, b = { 0 };
	struct fake_world *w = *state;
	struct replica r = { .world = w };
	char dir[] = "/tmp/codis-certs-XXXXXX", cert[64], key[64];
	struct certs_files_config cfg = { .cert_file = cert,
					  .key_file = key,
					  .poll_ms = 10,
					  .on_leaf = on_file_leaf,
					  .on_error = on_error,
					  .ctx = &r };
	struct certs_files *files;

	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/tls.crt", dir);
	snprintf(key, sizeof(key), "%s/tls.key", dir);
	assert_int_equal(ca_make("a", 10, &a, NULL), 0);
	assert_int_equal(ca_make("b", 10, &b, NULL), 0);
	files = certs_files_start(&w->loop.uv, &cfg, NULL);
	assert_true(fake_run(w, LONG, has_failed, &r)); /* not there yet */
	assert_int_equal(r.last.code, ERR_NOTFOUND);
	assert_non_null(strstr(r.last.text, cert));
	write_file(cert, a.cert_pem);
	write_file(key, a.key_pem);
	assert_true(fake_run(w, LONG, has_a_leaf, &r));
	assert_string_equal(r.leaf.key_pem, a.key_pem);
	r.errors = 0;
	write_file(cert, b.cert_pem); /* one is there before the other */
	assert_true(fake_run(w, LONG, has_failed, &r));
	assert_int_equal(r.leaves, 1);
	write_file(key, b.key_pem);
	assert_true(fake_run(w, LONG, has_two_leaves, &r));
	assert_string_equal(r.leaf.key_pem, b.key_pem);
	certs_files_stop(files);
	cert_release(&r.leaf);
	unlink(cert);
	unlink(key);
	rmdir(dir);
}

FIXTURE_TEST(with_files_nothing_else_is_touched)
{
	CERT_CLEANUP struct cert a = { 0 };
	struct fake_world *w = *state;
	struct replica r = { .world = w, .notices = BUF_INIT(10000) };
	char dir[] = "/tmp/codis-certs-XXXXXX", cert[64], key[64];
	struct certs_config cfg = { .cert_file = cert,
				    .key_file = key,
				    .on_certificate = on_certificate,
				    .on_notice = on_notice,
				    .on_error = on_error,
				    .ctx = &r };

	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/tls.crt", dir);
	snprintf(key, sizeof(key), "%s/tls.key", dir);
	assert_int_equal(ca_make("a", 10, &a, NULL), 0);
	write_file(cert, a.cert_pem);
	write_file(key, a.key_pem);
	r.certs = certs_start(&w->loop.uv, NULL, &cfg, NULL);
	assert_non_null(r.certs);
	assert_int_equal(r.leaves, 0);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(r.leaves, 1);
	assert_int_equal(fake_count(&w->api, ""), 0);
	stop(&r);
	unlink(cert);
	unlink(key);
	rmdir(dir);
}

/* --- memory that is short ----------------------------------------------------------------------------------------- */

struct short_memory {
	int refusals; /* so many bundles are not kept */
	int bundles, leaves;
	bool leaf_before_bundle;
};

static int keep_bundle(void *ctx, const char *pem)
{
	struct short_memory *m = ctx;

	(void)pem;
	if (m->refusals-- > 0)
		return -1;
	m->bundles++;
	return 0;
}

static void keep_leaf(void *ctx, const struct cert *leaf)
{
	struct short_memory *m = ctx;

	(void)leaf;
	m->leaves++;
	m->leaf_before_bundle |= !m->bundles;
}

static void ignore_notice(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void ignore_error(void *ctx, const struct error *err)
{
	(void)ctx;
	assert_int_equal(err->code, ERR_NOMEM);
}

static bool has_leaf(void *ctx)
{
	return ((struct short_memory *)ctx)->leaves > 0;
}

/* Else the API server would be shown a certificate that it does not trust yet. */
TEST_WITH(a_bundle_that_could_not_be_kept_is_told_again_before_any_leaf, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct short_memory m = { .refusals = 1 };
	struct authority_config cfg = { .namespace = "codis-system",
					.secret_name = "codis-webhook-ca",
					.dns_names = names,
					.ca_days = 365,
					.leaf_days = 30,
					.on_bundle = keep_bundle,
					.on_leaf = keep_leaf,
					.on_notice = ignore_notice,
					.on_error = ignore_error,
					.ctx = &m };
	struct authority *a = authority_start(&w->loop.uv, w->kube, &cfg, NULL);

	assert_non_null(a);
	assert_true(fake_run(w, LONG, has_leaf, &m));
	assert_int_equal(m.bundles, 1);
	assert_false(m.leaf_before_bundle);
	authority_stop(a);
}
