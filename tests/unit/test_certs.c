/* One CA for all replicas, and webhook configurations that never lose it for long. */
#include <unistd.h>

#include "certs/authority.h"
#include "certs/ca_secret.h"
#include "common/base/base64.h"
#include "tests/unit/certs_fixture.h"
#include "tests/unit/test.h"

static bool has_told_all(void *ctx)
{
	static const char *const notices[] = {
		"wrote a CA into Secret codis-system/codis-webhook-ca\nwrote the CA into ",
		"\nsigned a certificate with the CA of Secret codis-system/codis-webhook-ca\n",
		"wrote the CA into MutatingWebhookConfiguration codis-webhook\n",
		"wrote the CA into ValidatingWebhookConfiguration codis-webhook\n",
	};
	const char *text = ((struct replica *)ctx)->notices.data;

	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++)
		if (!text || !strstr(text, notices[i]))
			return false;
	return true;
}

FIXTURE_TEST(a_single_one_makes_all)
{
	struct fake_world *w = *state;
	struct replica r;
	char why[256];

	install_configurations(w);
	replica_start(&r, w);
	assert_false(certs_ready(r.certs, why, sizeof(why)));
	assert_string_equal(why, "no CA is agreed on yet");
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	is_served_by(w, &r);
	assert_int_equal(r.leaves, 1);
	assert_int_equal(r.errors, 0);
	assert_true(fake_run(w, LONG, has_told_all, &r));
	assert_int_equal(fake_count(&w->api, "PATCH"), 2);
	replica_stop(&r);
}

FIXTURE_TEST(two_that_race_end_with_one_ca)
{
	struct fake_world *w = *state;
	struct replica a, b;

	install_configurations(w);
	fake_block(&w->api, "POST " SECRETS); /* both have seen that there is none */
	replica_start(&a, w);
	replica_start(&b, w);
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
	replica_stop(&a);
	replica_stop(&b);
}

FIXTURE_TEST(one_that_comes_later_uses_what_is_there)
{
	struct fake_world *w = *state;
	struct replica a, b;
	int patches;

	install_configurations(w);
	replica_start(&a, w);
	assert_true(fake_run(w, LONG, is_ready, &a));
	assert_true(fake_run(w, LONG, bundles_are_right, &a));
	patches = fake_count(&w->api, "PATCH");
	replica_start(&b, w);
	assert_true(fake_run(w, LONG, is_ready, &b));
	is_served_by(w, &b);
	assert_int_equal(fake_count(&w->api, "POST " SECRETS), 1);
	assert_int_equal(fake_count(&w->api, "PATCH"), patches); /* nothing differed */
	replica_stop(&a);
	replica_stop(&b);
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

	replica_start(&r, w); /* before the configurations exist */
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_true(fake_run(w, LONG, nothing_waits, &r));
	install_configurations(w);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	for (int i = 0; i < 2; i++) {
		patches = fake_count(&w->api, "PATCH");
		install_configurations(w);
		assert_true(fake_run(w, LONG, bundles_are_right, &r));
		assert_in_range(fake_count(&w->api, "PATCH") - patches, 2, 4);
	}
	fake_delete(&w->api, VALIDATING);
	install_configurations(w);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(r.errors, 0);
	replica_stop(&r);
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

	replica_start(&r, w);
	install_configurations(w);
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
	replica_stop(&r);
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

	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	before = secret_value(w, "ca.crt");
	fake_delete(&w->api, SECRET);
	assert_true(fake_run(w, LONG, secret_is_there, &r));
	after = secret_value(w, "ca.crt");
	assert_string_equal(before, after);
	assert_int_equal(r.leaves, 1);
	free(before);
	free(after);
	replica_stop(&r);
}

FIXTURE_TEST(an_empty_secret_is_filled)
{
	struct fake_world *w = *state;
	struct replica r;
	JSON_CLEANUP cJSON *secret = NULL;

	fake_apply(&w->api, SECRET, "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"type\":\"Opaque\"}");
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	secret = fake_read(&w->api, SECRET);
	assert_string_equal(json_str(secret, "metadata", "labels", "a", NULL), "b");
	replica_stop(&r);
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
		replica_start(&r, w);
		assert_true(fake_run(w, LONG, has_failed, &r));
		assert_non_null(strstr(r.last.text, "Secret codis-system/codis-webhook-ca: no CA can be read (delete"));
		assert_false(is_ready(&r));
		assert_int_equal(fake_count(&w->api, "PUT"), 0);
		fake_delete(&w->api, SECRET);
		assert_true(fake_run(w, LONG, is_ready, &r));
		replica_stop(&r);
	}
}

/* Without one of its CAs a bundle would shut out those whose leaf that one has signed. */
FIXTURE_TEST(a_bundle_of_which_a_part_cannot_be_read_is_none)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct replica r;

	make_ca("ca", 0, 365, &ca);
	put_ca(w, &ca, "*");
	install_configurations(w);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, has_failed, &r));
	assert_string_equal(r.last.text,
			    "Secret codis-system/codis-webhook-ca: no CA can be read (delete the Secret, and a "
			    "new one is made): ca-old.crt is not base64, or there is no memory for it");
	assert_int_equal(r.leaves, 0);
	assert_int_equal(fake_count(&w->api, "PATCH"), 0);
	put_ca(w, &ca, NULL);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	assert_true(fake_run(w, LONG, is_ready, &r));
	replica_stop(&r);
}

/* The leaf ended after its 30 days, though what had signed it was at hand. */
FIXTURE_TEST(what_a_replica_has_is_renewed_whatever_the_secret_says)
{
	struct fake_world *w = *state;
	struct certs_config cfg;
	struct replica r;

	install_configurations(w);
	for (int i = 0; i < 2; i++) {
		cfg = replica_config(&r);
		cfg.leaf_life_ms = 4000;
		replica_start_with(&r, w, &cfg);
		assert_true(fake_run(w, LONG, is_ready, &r));
		fake_fail(&w->api, "POST", 403, INT32_MAX); /* it cannot be put back, either */
		if (i == 0)
			fake_apply(&w->api, SECRET, "{\"data\":{\"ca.crt\":\"aGVsbG8=\",\"ca.key\":\"aGVsbG8=\"}}");
		else
			fake_delete(&w->api, SECRET);
		assert_true(fake_run(w, LONG, has_failed, &r));
		assert_true(fake_run(w, LONG, has_two_leaves, &r));
		assert_true(is_ready(&r));
		fake_fail(&w->api, "POST", 403, 0);
		replica_stop(&r);
		if (i == 0)
			fake_delete(&w->api, SECRET);
	}
}

/* One that may sign other names only, say: what it signs would be refused by the API server. */
FIXTURE_TEST(a_ca_that_can_sign_nothing_for_us_is_left_alone)
{
	static const struct odd_ca odd = { "EC", "CA:TRUE", "keyCertSign", "permitted;DNS:example.com" };
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct replica r;

	install_configurations(w);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	make_odd_ca(&odd, &ca);
	put_ca(w, &ca, NULL);
	assert_true(fake_run(w, LONG, has_failed, &r));
	assert_string_equal(r.last.text,
			    "Secret codis-system/codis-webhook-ca: no CA can be read (delete the Secret, and a new one "
			    "is made): what the CA signs is refused: permitted subtree violation");
	assert_int_equal(fake_count(&w->api, "PUT"), 0);
	assert_true(is_ready(&r));
	assert_int_equal(r.leaves, 1);
	replica_stop(&r);
}

static void touch_secret(struct fake_world *w, int i)
{
	JSON_CLEANUP cJSON *secret = fake_read(&w->api, SECRET);
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	char word[16];

	snprintf(word, sizeof(word), "%d", i);
	ca_secret_note(secret, CA_SECRET_ROTATE, word);
	assert_int_equal(json_write(secret, &text), 0);
	fake_apply(&w->api, SECRET, text.data);
}

struct refused {
	struct replica *r;
	int touched, puts;
};

/* The Secret changes whenever a write of it was refused. */
static bool is_said(void *ctx)
{
	struct refused *f = ctx;
	int puts = fake_count(&f->r->world->api, "PUT");

	if (puts > f->puts || !f->touched)
		touch_secret(f->r->world, ++f->touched);
	f->puts = puts;
	return f->r->errors > 0;
}

/* It was silence, and a rotation that never came. */
FIXTURE_TEST(conflicts_that_do_not_end_are_said)
{
	struct fake_world *w = *state;
	struct replica r;
	struct refused f = { .r = &r };

	install_configurations(w);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	fake_fail(&w->api, "PUT", 409, INT32_MAX);
	assert_true(fake_run(w, LONG, is_said, &f));
	assert_int_equal(r.last.code, ERR_CONFLICT);
	assert_true(f.puts > 5); /* replicas at the same work are not named */
	replica_stop(&r);
}

struct doubt {
	struct replica *r;
	int asked;
};

static bool is_doubted(void *ctx)
{
	struct doubt *d = ctx;
	int asked = fake_count(&d->r->world->api, "GET " SECRETS "&field");

	if (asked > d->asked)
		fake_apply(&d->r->world->api, VALIDATING, "{\"webhooks\":[{\"name\":\"c\",\"clientConfig\":{}}]}");
	d->asked = asked;
	return strstr(d->r->last.text, "is not written") != NULL;
}

/* Once a second, for ever, and without a word. */
FIXTURE_TEST(a_bundle_that_is_not_written_is_named)
{
	struct fake_world *w = *state;
	struct replica r;
	struct doubt d = { .r = &r };

	install_configurations(w);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	fake_apply(&w->api, SECRET, "{\"data\":{\"ca.crt\":\"aGVsbG8=\",\"ca.key\":\"aGVsbG8=\"}}");
	assert_true(fake_run(w, LONG, has_failed, &r));
	assert_true(fake_run(w, LONG, is_doubted, &d));
	assert_string_equal(r.last.text,
			    "ValidatingWebhookConfiguration codis-webhook: its caBundle is not written, since "
			    "the CA of this replica is not what the Secret says, or that cannot be read");
	replica_stop(&r);
}

/* Some append every authority that systems trust. */
FIXTURE_TEST(a_bundle_of_many_is_one_with_ours)
{
	BUF_CLEANUP struct buf all = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);
	struct fake_world *w = *state;
	struct replica r;
	char *base64, *own;

	install_configurations(w);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	assert_true(fake_run(w, LONG, is_ready, &r));
	own = bundle_of(w, VALIDATING);
	for (int i = 0; i < 150; i++) {
		CERT_CLEANUP struct cert ca = { 0 };

		make_ca("other", 0, 100, &ca);
		buf_addstr(&all, ca.cert_pem);
	}
	buf_addstr(&all, own);
	base64 = base64_encode(all.data, all.len);
	buf_addf(&text, "{\"webhooks\":[{\"name\":\"c\",\"clientConfig\":{\"caBundle\":\"%s\"}}]}", base64);
	fake_block(&w->api, "PATCH");
	fake_apply(&w->api, VALIDATING, text.data);
	while (!fake_blocked(&w->api))
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	assert_true(is_ready(&r));
	fake_unblock(&w->api);
	free(base64);
	free(own);
	replica_stop(&r);
}

FIXTURE_TEST(an_api_server_that_is_late_is_waited_for)
{
	struct fake_world *w = *state;
	struct replica r;

	install_configurations(w);
	fake_down(&w->api);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, has_failed, &r));
	fake_up(&w->api);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	assert_true(fake_run(w, LONG, is_ready, &r));
	replica_stop(&r);
}

FIXTURE_TEST(rights_that_are_missing_are_told)
{
	struct fake_world *w = *state;
	struct replica r;
	char why[256];

	install_configurations(w);
	fake_fail(&w->api, "PATCH", 403, 2);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, has_failed, &r));
	assert_int_equal(r.last.code, ERR_DENIED);
	assert_false(certs_ready(r.certs, why, sizeof(why)));
	assert_non_null(strstr(why, "codis-webhook does not carry our CA yet"));
	assert_true(fake_run(w, LONG, bundles_are_right, &r)); /* it tries again */
	replica_stop(&r);
	fake_delete(&w->api, SECRET);
	fake_fail(&w->api, "POST", 500, 1);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(r.errors, 1);
	replica_stop(&r);
}

FIXTURE_TEST(it_stops_at_any_time)
{
	struct fake_world *w = *state;
	struct replica r;

	install_configurations(w);
	for (int turns = 0; turns < 40; turns++) {
		replica_start(&r, w);
		for (int i = 0; i < turns; i++)
			uv_run(&w->loop.uv, UV_RUN_NOWAIT), usleep(100);
		replica_stop(&r);
	}
	certs_stop(NULL);
}

FIXTURE_TEST(a_configuration_without_sense_is_refused)
{
	struct fake_world *w = *state;
	struct certs_config good = {
		.namespace = "n",
		.secret_name = "s",
		.dns_names = certs_names,
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

static int keep_leaf(void *ctx, const struct cert *leaf, const char *ca_pem)
{
	struct short_memory *m = ctx;

	(void)leaf, (void)ca_pem;
	m->leaves++;
	m->leaf_before_bundle |= !m->bundles;
	return 0;
}

static int64_t always_carried(void *ctx, const char *pem)
{
	(void)ctx, (void)pem;
	return INT64_MAX;
}

static int carries_nothing(void *ctx, char **pem)
{
	(void)ctx;
	*pem = NULL;
	return 1;
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
FIXTURE_TEST(a_bundle_that_could_not_be_kept_is_told_again_before_any_leaf)
{
	struct fake_world *w = *state;
	struct short_memory m = { .refusals = 1 };
	struct authority_config cfg = { .namespace = "codis-system",
					.secret_name = "codis-webhook-ca",
					.pod = "",
					.dns_names = certs_names,
					.ca_life_ms = 365 * DAY_MS,
					.leaf_life_ms = 30 * DAY_MS,
					.renew_ms = 10 * DAY_MS,
					.on_bundle = keep_bundle,
					.carried_ms = always_carried,
					.carried = carries_nothing,
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
