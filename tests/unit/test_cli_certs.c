/* codisctl certs: of replicas that change their CA, of a webhook with this or that wrong, and of none. */
#include "certs/ca_secret.h"
#include "cli/certs.h"
#include "common/base/base64.h"
#include "tests/unit/certs_fixture.h"
#include "tests/unit/cli_fixture.h"

#define POD     "/api/v1/namespaces/codis-system/pods/"
#define SERVICE "/api/v1/namespaces/codis-system/services/codis-webhook"
#define LABEL   "\"app.kubernetes.io/name\":\"codis-webhook\""

static void put_pod(struct cli_world *w, const char *name)
{
	char path[256], text[512];

	snprintf(path, sizeof(path), POD "%s", name);
	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\",\"labels\":{" LABEL "}},\"spec\":{\"nodeName\":\"n1\",\"containers\":"
		 "[{\"name\":\"webhook\",\"ports\":[{\"name\":\"https\",\"containerPort\":9443},{\"name\":\"ops\","
		 "\"containerPort\":8081}]}]},\"status\":{\"phase\":\"Running\"}}",
		 name);
	fake_apply(w->api, path, text);
}

/* What a pod says in its metrics: its certificate ends so many days from now, its CA after 300; days < 0: it is over.
 */
static void put_metrics(struct cli_world *w, const char *name, int days)
{
	int64_t now_s = clock_wall_ms() / 1000;
	char path[256], text[512];

	snprintf(path, sizeof(path), POD "%s:8081/proxy/metrics", name);
	snprintf(text, sizeof(text),
		 "{\"as_text\":\"# TYPE codis_webhook_certificate_expiration_timestamp_seconds gauge\\n"
		 "codis_webhook_certificate_expiration_timestamp_seconds{which=\\\"leaf\\\"} %lld\\n"
		 "codis_webhook_certificate_expiration_timestamp_seconds{which=\\\"ca\\\"} %lld\\n\"}",
		 (long long)(now_s + days * 86400LL), (long long)(now_s + 300 * 86400LL));
	fake_apply(w->api, path, text);
}

/* A configuration whose only webhook trusts this. */
static void put_bundle(struct cli_world *w, const char *path, const char *pem)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	char *base64 = base64_encode(pem, strlen(pem));

	buf_addf(&text, "{\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{\"service\":{},\"caBundle\":\"%s\"}}]}",
		 base64);
	fake_apply(w->api, path, text.data);
	free(base64);
}

/* All is well: two pods, a CA of 365 days. */
static void install(struct cli_world *w, struct cert *ca, int days)
{
	make_ca("codis-webhook-ca", 0, days, ca);
	put_ca(w->world, ca, NULL);
	put_bundle(w, MUTATING, ca->cert_pem);
	put_bundle(w, VALIDATING, ca->cert_pem);
	put_pod(w, "w-a");
	put_pod(w, "w-b");
	put_metrics(w, "w-a", 30);
	put_metrics(w, "w-b", 29);
}

static void says_no_key(const struct cli_world *w)
{
	cli_does_not_say(w, "PRIVATE");
	cli_does_not_say(w, "LS0t"); /* "---" in base64 */
}

CLI_TEST(all_certificates_are_well)
{
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 };
	char fingerprint[CERT_FINGERPRINT_MAX];
	struct error err;

	install(w, &ca, 365);
	assert_int_equal(cert_fingerprint(ca.cert_pem, fingerprint, &err), 0);
	assert_int_equal(CLI(w, "certs", "status"), CLI_OK);
	cli_says(w, "codis-system/codis-webhook: OK, 2 pods, the first certificate ends at 20");
	cli_says(w, "  CA      IT     FINGERPRINT ");
	cli_says(w, "  ca.crt  signs  ");
	cli_says(w, fingerprint);
	cli_says(w, "  MutatingWebhookConfiguration    the CA\n  ValidatingWebhookConfiguration  the CA\n");
	cli_says(w, "  w-a  20");
	cli_does_not_say(w, "!");
	cli_does_not_say(w, "change");
	says_no_key(w);
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

CLI_TEST(what_ends_or_has_ended_is_said)
{
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 };

	install(w, &ca, 4);
	put_metrics(w, "w-a", 4);
	put_metrics(w, "w-b", -1);
	assert_int_equal(CLI(w, "certs", "status"), CLI_NOT_SO);
	cli_says(w, "codis-webhook: NOT OK, 2 pods");
	cli_says(w, "  ! ca.crt ends at ");
	cli_says(w, "  ! the certificate of w-a ends at ");
	cli_says(w, "  ! the certificate of w-b has ended at ");
}

/* A pod knows its options: with --cert-life 2d, say, all was NOT OK for ever. */
CLI_TEST(what_lives_shortly_is_late_when_its_pod_says_so)
{
	struct cli_world *w = *state;
	long long now_s = clock_wall_ms() / 1000;
	CERT_CLEANUP struct cert ca = { 0 };
	char text[512];

	install(w, &ca, 365);
	for (int late = 0; late < 2; late++) {
		snprintf(text, sizeof(text),
			 "{\"as_text\":\"codis_webhook_certificate_expiration_timestamp_seconds{which=\\\"leaf\\\"} "
			 "%lld\\n"
			 "codis_webhook_certificate_expiration_timestamp_seconds{which=\\\"ca\\\"} %lld\\n"
			 "codis_webhook_certificate_late_timestamp_seconds{which=\\\"leaf\\\"} %lld\\n\"}",
			 now_s + 86400, now_s + 300 * 86400LL, now_s + (late ? -60 : 60));
		fake_apply(w->api, POD "w-b:8081/proxy/metrics", text);
		assert_int_equal(CLI(w, "certs", "status"), late ? CLI_NOT_SO : CLI_OK);
	}
	cli_says(w, "  ! the certificate of w-b ends at ");
}

CLI_TEST(who_is_not_trusted_or_does_not_answer_is_named)
{
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 }, other = { 0 };

	install(w, &ca, 365);
	make_ca("other", 0, 365, &other);
	put_bundle(w, MUTATING, other.cert_pem);
	fake_apply(w->api, VALIDATING, "{\"webhooks\":[{\"name\":\"c\",\"clientConfig\":{\"service\":{}}}]}");
	fake_fail(w->api, "w-a:8081/proxy", 503, 1);
	assert_int_equal(CLI(w, "certs", "status"), CLI_NOT_SO);
	cli_says(w, "  ! MutatingWebhookConfiguration codis-webhook does not carry ca.crt\n");
	cli_says(w,
		 "  ! ValidatingWebhookConfiguration codis-webhook has a webhook without a caBundle: its calls fail\n");
	cli_says(w, "  ! w-a does not answer: ");
	cli_does_not_say(w, "w-b does not");
	fake_delete(w->api, MUTATING);
	assert_int_equal(CLI(w, "certs", "status"), CLI_NOT_SO);
	cli_says(w, "  ! MutatingWebhookConfiguration codis-webhook is not there: the API server does not call "
		    "codis-webhook\n");
}

CLI_TEST(a_certificate_of_the_users_own)
{
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 };

	install(w, &ca, 365);
	fake_delete(w->api, SECRET);
	assert_int_equal(CLI(w, "certs", "status"), CLI_OK);
	cli_says(w, "  there is no Secret codis-system/codis-webhook-ca: a certificate of your own is served "
		    "(--cert-file), "
		    "or none has been made yet\n");
	assert_int_equal(CLI(w, "certs", "rotate"), CLI_NOT_SO);
	cli_says(w, "there is no Secret codis-system/codis-webhook-ca: either the certificate is your own");
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

/* It was OK: that the key is another one's, so that no replica could renew anything, was not looked at. */
CLI_TEST(a_secret_that_no_replica_can_use_is_named)
{
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 }, other = { 0 };

	install(w, &ca, 365);
	make_ca("other", 0, 365, &other);
	put_ca(w->world, &(struct cert){ ca.cert_pem, other.key_pem }, NULL);
	assert_int_equal(CLI(w, "certs", "status"), CLI_NOT_SO);
	cli_says(w, "  ! Secret codis-webhook-ca cannot be used (delete it, and the replicas write theirs): the key is "
		    "not the certificate's own\n");
	cli_says(w, "  ca.crt  signs  ");
	says_no_key(w);
	assert_int_equal(CLI(w, "certs", "rotate"), CLI_NOT_SO);
	cli_says(w, "Secret codis-webhook-ca cannot be used");
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

/* Once it had ended, say: "NOT OK", of a CA that nobody serves by; and a new one was waited for in vain. */
CLI_TEST(a_secret_from_before_ones_own_certificate_is_no_trouble)
{
	static const char metrics[] = "{\"as_text\":\"codis_webhook_certificate_expiration_timestamp_seconds"
				      "{which=\\\"leaf\\\"} 9000000000\\n\"}";
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 }, own = { 0 };

	install(w, &ca, -1);
	make_ca("own", 0, 365, &own);
	put_bundle(w, MUTATING, own.cert_pem);
	put_bundle(w, VALIDATING, own.cert_pem);
	fake_apply(w->api, POD "w-a:8081/proxy/metrics", metrics);
	fake_apply(w->api, POD "w-b:8081/proxy/metrics", metrics);
	assert_int_equal(CLI(w, "certs", "status"), CLI_OK);
	cli_says(w,
		 "  a certificate of your own is served (--cert-file); Secret codis-system/codis-webhook-ca is of no "
		 "use, and can be deleted\n");
	assert_int_equal(CLI(w, "certs", "rotate"), CLI_NOT_SO);
	cli_says(w, "a certificate of your own is served (--cert-file): replace its files");
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

CLI_TEST(who_may_not_read_the_secret_is_told)
{
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 };

	install(w, &ca, 365);
	fake_fail(w->api, "secrets/codis-webhook-ca", 403, 2);
	assert_int_equal(CLI(w, "certs", "status"), CLI_NO_CLUSTER);
	assert_int_equal(CLI(w, "certs", "rotate"), CLI_NO_CLUSTER);
	cli_says(w, "secrets/codis-webhook-ca: HTTP 403");
	fake_apply(w->api, SECRET, "{\"data\":{\"ca.crt\":\"LS0tLS0=\"}}");
	assert_int_equal(CLI(w, "certs", "status"), CLI_NOT_SO);
	cli_says(w,
		 "  ! Secret codis-webhook-ca cannot be used (delete it, and the replicas write theirs): ca.crt or ");
	assert_int_equal(CLI(w, "certs"), CLI_USAGE);
	assert_int_equal(CLI(w, "certs", "show"), CLI_USAGE);
	cli_says(w, "certs: say status or rotate");
}

/* --- rotate, with real replicas ----------------------------------------------------------------------------------- */

static void start_replica(struct replica *r, struct cli_world *w, const char *pod)
{
	struct certs_config cfg = replica_config(r);

	cfg.service = "codis-webhook";
	cfg.pod = pod;
	put_pod(w, pod);
	replica_start_with(r, w->world, &cfg);
}

static void start_replicas(struct cli_world *w, struct replica *a, struct replica *b)
{
	fake_apply(w->api, SERVICE, "{\"spec\":{\"selector\":{" LABEL "}}}");
	install_configurations(w->world);
	start_replica(a, w, "w-a");
	start_replica(b, w, "w-b");
	assert_true(fake_run(w->world, LONG, is_ready, a));
	assert_true(fake_run(w->world, LONG, is_ready, b));
}

CLI_TEST(a_new_ca_is_asked_for_and_waited_for)
{
	struct cli_world *w = *state;
	struct replica a, b;
	char *before, *after;

	start_replicas(w, &a, &b);
	before = secret_value(w->world, "ca.crt");
	assert_int_equal(CLI(w, "certs", "rotate"), CLI_OK);
	cli_says(w, "Secret codis-webhook-ca: codis.io/rotate=\"20");
	cli_says(w, " signs, and no other one is trusted\n");
	says_no_key(w);
	after = secret_value(w->world, "ca.crt");
	assert_string_not_equal(before, after);
	assert_true(bundles_are_right(&a));
	is_served_by(w->world, &a);
	is_served_by(w->world, &b);
	free(before);
	free(after);
	replica_stop(&a);
	replica_stop(&b);
}

CLI_TEST(without_a_replica_it_says_what_it_waits_for_and_is_repeated)
{
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 }, next = { 0 };
	JSON_CLEANUP cJSON *secret = NULL;
	char *base64;

	install(w, &ca, 365);
	assert_int_equal(CLI(w, "certs", "rotate", "--wait", "100ms"), CLI_WAITED);
	cli_says(w, "(asked for: a pod of codis-webhook has to make the new CA). It goes on; this can be repeated");
	assert_int_equal(fake_count(w->api, "PATCH"), 1);
	assert_int_equal(CLI(w, "certs", "rotate", "--wait", "100ms"), CLI_WAITED);
	cli_says(w, "a change of the CA is under way already, and this one is waited for\n");
	assert_int_equal(fake_count(w->api, "PATCH"), 1);
	assert_int_equal(CLI(w, "certs", "status"), CLI_OK);
	cli_says(w, "  a change of the CA, asked for: ");

	/* both stages, as they stand in the Secret */
	make_ca("next", 0, 365, &next);
	secret = fake_read(w->api, SECRET);
	ca_secret_put(secret, "ca-next.crt", next.cert_pem);
	ca_secret_put(secret, "ca-next.key", next.key_pem);
	base64 = cJSON_PrintUnformatted(secret);
	fake_apply(w->api, SECRET, base64);
	cJSON_free(base64);
	assert_int_equal(CLI(w, "certs", "rotate", "--wait", "100ms"), CLI_WAITED);
	cli_says(w,
		 " stands beside the one that signs; MutatingWebhookConfiguration codis-webhook does not carry it yet; "
		 "ValidatingWebhookConfiguration codis-webhook does not carry it yet");
	assert_int_equal(CLI(w, "certs", "status"), CLI_OK);
	cli_says(w, "the CA, but not the next one yet");
	cli_says(w, "  ca-next.crt  is trusted  ");

	put_ca(w->world, &next, NULL);
	secret = (cJSON_Delete(secret), fake_read(w->api, SECRET));
	ca_secret_put(secret, "ca-old.crt", ca.cert_pem);
	base64 = cJSON_PrintUnformatted(secret);
	fake_apply(w->api, SECRET, base64);
	cJSON_free(base64);
	assert_int_equal(CLI(w, "certs", "rotate", "--wait", "100ms"), CLI_WAITED);
	cli_says(w, " signs; 0 of 2 pods serve by it, not yet: w-a, w-b");
	assert_int_equal(fake_count(w->api, "PATCH"), 1);
}

/* What the Secret says stands in the configurations a moment later, and no API server trusts it before. */
CLI_TEST(the_change_is_done_when_no_configuration_trusts_another_ca)
{
	struct cli_world *w = *state;
	CERT_CLEANUP struct cert ca = { 0 }, next = { 0 };
	BUF_CLEANUP struct buf stage = BUF_INIT(1024);
	struct certs_look l;
	struct error err;

	install(w, &ca, 365);
	assert_int_equal(CLI(w, "certs", "status"), CLI_OK);
	assert_int_equal(certs_look(&l, &w->c, &err), 0);
	assert_null(certs_trusts_another(&l));
	certs_look_end(&l);

	make_ca("next", 0, 365, &next);
	put_ca(w->world, &next, NULL);
	assert_int_equal(certs_look(&l, &w->c, &err), 0);
	assert_false(certs_changing(&l));
	assert_string_equal(certs_trusts_another(&l), "MutatingWebhookConfiguration");
	certs_stage(&l, &stage);
	assert_non_null(strstr(stage.data, " signs, and the old one is dropped; MutatingWebhookConfiguration "
					   "codis-webhook does not say so yet"));
	certs_look_end(&l);
}
