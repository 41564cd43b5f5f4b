/* Certificates that OpenSSL believes. */
#include <openssl/x509_vfy.h>

#include "certs/ca.h"
#include "common/net/http.h"
#include "common/net/httpd.h"
#include "tests/unit/certs_fixture.h"
#include "tests/unit/test.h"

TEST(openssl_believes_a_leaf)
{
	CERT_CLEANUP struct cert ca = { 0 }, other = { 0 }, leaf = { 0 };
	struct error err;

	make_ca("codis-webhook-ca", 0, 365, &ca);
	make_ca("codis-webhook-ca", 0, 365, &other);
	make_leaf(&ca, 0, 30, &leaf);
	assert_int_equal(verdict(ca.cert_pem, leaf.cert_pem, certs_names[0]), X509_V_OK);
	assert_int_equal(verdict(ca.cert_pem, leaf.cert_pem, certs_names[1]), X509_V_OK);
	assert_int_equal(verdict(ca.cert_pem, leaf.cert_pem, "evil.codis-system.svc"), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_not_equal(verdict(other.cert_pem, leaf.cert_pem, certs_names[0]), X509_V_OK);
	/* a leaf signs nothing, and the CA is no server */
	assert_int_equal(ca_check(&ca, &err), 0);
	assert_int_equal(ca_check(&leaf, &err), -1);
	assert_non_null(strstr(err.text, "not that of a CA"));
}

/* Its leaf has to be one that is believed; else it is not taken, and said why. */
TEST(a_ca_of_the_users_own_signs_or_is_refused)
{
	static const struct {
		struct odd_ca ca;
		const char *why; /* NULL: it signs */
	} cases[] = {
		{ { "EC", "critical,CA:TRUE", "keyCertSign", NULL }, NULL },
		{ { "RSA", "CA:TRUE", NULL, NULL }, NULL },
		{ { "ED25519", "CA:TRUE", "keyCertSign", NULL }, NULL },
		{ { "EC", "CA:TRUE", NULL, "permitted;DNS:svc" }, "what the CA signs is refused: permitted subtree " },
		{ { "EC", "CA:TRUE", NULL, "permitted;DNS:svc,permitted;DNS:localhost" }, NULL },
		{ { "EC", NULL, "keyCertSign", NULL }, "the certificate is not that of a CA" },
		{ { "EC", "CA:TRUE", "digitalSignature", NULL }, "the certificate is not that of a CA" },
		{ { "EC", "CA:FALSE", NULL, NULL }, "the certificate is not that of a CA" },
	};
	struct error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CERT_CLEANUP struct cert ca = { 0 }, leaf = { 0 };
		int r;

		make_odd_ca(&cases[i].ca, &ca);
		r = ca_check(&ca, &err);
		if (r == 0)
			r = ca_sign(&ca, certs_names, clock_wall_ms(), DAY_MS, &leaf, &err);
		if (r != (cases[i].why ? -1 : 0))
			fail_msg("%zu: %s", i, r < 0 ? err.text : "it signs");
		if (r < 0)
			assert_ptr_equal(strstr(err.text, cases[i].why), err.text);
		else
			assert_int_equal(cert_check_server(&leaf, certs_names[0], clock_wall_ms(), &err), 0);
	}
}

TEST(lives_are_as_long_as_asked)
{
	CERT_CLEANUP struct cert ca = { 0 }, leaf = { 0 }, longer = { 0 };
	int64_t from, until, end, now = clock_wall_ms();

	make_ca("ca", 0, 10, &ca);
	assert_int_equal(cert_times(ca.cert_pem, &from, &end, NULL), 0);
	assert_in_range(now - from, DAY_MS - 60000, DAY_MS + 60000); /* valid for those whose clocks are behind */
	assert_in_range(end - now, 10 * DAY_MS - 60000, 10 * DAY_MS + 60000);
	make_leaf(&ca, 0, 2, &leaf);
	assert_int_equal(cert_times(leaf.cert_pem, &from, &until, NULL), 0);
	assert_in_range(until - now, 2 * DAY_MS - 60000, 2 * DAY_MS + 60000);
	make_leaf(&ca, 0, 30, &longer);
	assert_int_equal(cert_times(longer.cert_pem, &from, &until, NULL), 0);
	assert_int_equal(until, end); /* not beyond its CA */
}

TEST(a_name_is_a_name)
{
	static const char *const bad[][2] = {
		{ "a,DNS:evil", NULL }, { "a b", NULL }, { "", NULL }, { "a\nb", NULL }, { NULL, NULL }
	};
	CERT_CLEANUP struct cert ca = { 0 };
	struct cert leaf;
	struct error err;

	make_ca("ca", 0, 10, &ca);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ca_sign(&ca, bad[i], clock_wall_ms(), DAY_MS, &leaf, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

TEST(a_key_belongs_to_its_certificate)
{
	CERT_CLEANUP struct cert a = { 0 }, b = { 0 };
	struct cert mixed;
	struct error err;

	make_ca("a", 0, 10, &a);
	make_ca("b", 0, 10, &b);
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

struct shown {
	const char *name;
	int from, until; /* days before and after now */
	const char *why; /* NULL: taken */
};

TEST(what_the_api_server_would_not_take_is_named)
{
	static const struct shown cases[] = {
		{ "codis-webhook.codis-system.svc", 0, 10, NULL },
		{ "localhost", 0, 10, NULL },
		{ "codis-webhook.other.svc", 0, 10,
		  "the certificate has to be for codis-webhook.other.svc, as which the API server asks, not for "
		  "codis-webhook.codis-system.svc, localhost" },
		{ "localhost", 20, 10, "the certificate ended at " },
		{ "localhost", -3, 10, "the certificate begins at " },
	};
	CERT_CLEANUP struct cert ca = { 0 };
	struct error err;

	make_ca("ca", 30, 100, &ca);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CERT_CLEANUP struct cert leaf = { 0 };
		int r;

		make_leaf(&ca, cases[i].from, cases[i].until, &leaf);
		r = cert_check_server(&leaf, cases[i].name, clock_wall_ms(), &err);
		assert_int_equal(r, cases[i].why ? -1 : 0);
		if (cases[i].why)
			assert_ptr_equal(strstr(err.text, cases[i].why), err.text);
	}
	assert_int_equal(cert_check_server(&ca, "localhost", clock_wall_ms(), &err), -1);
	assert_string_equal(err.text,
			    "the certificate has to be for localhost, as which the API server asks, not for no "
			    "DNS name at all");
}

TEST(a_chain_of_which_the_end_is_missing_is_none)
{
	CERT_CLEANUP struct cert ca = { 0 }, leaf = { 0 };
	BUF_CLEANUP struct buf chain = BUF_INIT(10000);
	struct error err;

	make_ca("ca", 0, 10, &ca);
	make_leaf(&ca, 0, 10, &leaf);
	buf_addf(&chain, "%s%s\n# the end\n", leaf.cert_pem, ca.cert_pem);
	assert_int_equal(
		cert_check_server(&(struct cert){ chain.data, leaf.key_pem }, "localhost", clock_wall_ms(), &err), 0);
	chain.data[chain.len - 100] = '\0';
	assert_int_equal(
		cert_check_server(&(struct cert){ chain.data, leaf.key_pem }, "localhost", clock_wall_ms(), &err), -1);
	assert_ptr_equal(strstr(err.text, "the chain behind the certificate cannot be read: "), err.text);
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

	make_ca("ca", 0, 10, &ca);
	make_leaf(&ca, 0, 2, &leaf);
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
