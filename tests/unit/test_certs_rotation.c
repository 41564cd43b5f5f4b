/* A CA is changed in stages: whoever calls meanwhile meets no certificate that it does not trust. */
#include <openssl/x509_vfy.h>

#include "certs/ca_secret.h"
#include "certs/rotation.h"
#include "common/base/base64.h"
#include "tests/unit/certs_fixture.h"
#include "tests/unit/test.h"

#define SERVICE "/api/v1/namespaces/codis-system/services/codis-webhook"
#define SLOW_MS 300

/* --- the world ---------------------------------------------------------------------------------------------------- */

/* Two replicas; the API server calls both all along, by both configurations. */
struct rotating {
	struct fake_world *w;
	struct replica a, b;
	bool (*until)(struct rotating *r);
	char *before; /* ca.crt */
	bool slow;    /* what is written into configurations gets there after SLOW_MS only */
	int64_t blocked_at_ms;
	int calls, failed;
	int seen; /* of what a test counts */
};

static void start_pod(struct replica *r, struct fake_world *w, const char *pod)
{
	struct certs_config cfg = replica_config(r);

	cfg.service = "codis-webhook";
	cfg.pod = pod;
	replica_start_with(r, w, &cfg);
}

static void put_pod(struct fake_world *w, const char *name, const char *app, const char *node, const char *phase)
{
	BUF_CLEANUP struct buf path = BUF_INIT(200), text = BUF_INIT(1000);

	buf_addf(&path, "/api/v1/namespaces/codis-system/pods/%s", name);
	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}},\"spec\":{%s%s%s},\"status\":{"
		 "\"phase\":\"%s\"}}",
		 name, app, node ? "\"nodeName\":\"" : "", node ? node : "", node ? "\"" : "", phase);
	fake_apply(&w->api, path.data, text.data);
}

static void install_pods(struct fake_world *w)
{
	fake_apply(&w->api, SERVICE, "{\"spec\":{\"selector\":{\"app\":\"webhook\"}}}");
	put_pod(w, "a", "webhook", "n1", "Running");
	put_pod(w, "b", "webhook", "n2", "Running");
	/* none of these serves */
	put_pod(w, "c", "other", "n2", "Running");
	put_pod(w, "d", "webhook", NULL, "Pending");
	put_pod(w, "e", "webhook", "n1", "Failed");
}

static void call(struct rotating *r, const char *bundle, const struct replica *replica)
{
	r->calls++;
	if (!bundle || verdict(bundle, replica->leaf.cert_pem, certs_names[0]) != X509_V_OK)
		r->failed++;
}

static void call_all(struct rotating *r)
{
	static const char *const paths[] = { MUTATING, VALIDATING };

	for (int i = 0; i < 2; i++) {
		char *bundle = bundle_of(r->w, paths[i]);

		call(r, bundle, &r->a);
		call(r, bundle, &r->b);
		free(bundle);
	}
}

static void let_through(struct rotating *r)
{
	int64_t now = clock_mono_ms();

	if (!fake_blocked(&r->w->api))
		r->blocked_at_ms = 0;
	else if (!r->blocked_at_ms)
		r->blocked_at_ms = now;
	else if (now - r->blocked_at_ms >= SLOW_MS) {
		fake_unblock(&r->w->api);
		fake_block(&r->w->api, "PATCH");
		r->blocked_at_ms = 0;
	}
}

static bool turn(void *ctx)
{
	struct rotating *r = ctx;

	call_all(r);
	if (r->slow)
		let_through(r);
	return r->until(r);
}

static bool run(struct rotating *r, bool (*until)(struct rotating *r))
{
	r->until = until;
	return fake_run(r->w, 6 * LONG, turn, r);
}

static void rotating_start(struct rotating *r, struct fake_world *w)
{
	*r = (struct rotating){ .w = w };
	install_configurations(w);
	install_pods(w);
	start_pod(&r->a, w, "a");
	start_pod(&r->b, w, "b");
	assert_true(fake_run(w, LONG, is_ready, &r->a));
	assert_true(fake_run(w, LONG, is_ready, &r->b));
	assert_true(fake_run(w, LONG, bundles_are_right, &r->a));
	r->before = secret_value(w, "ca.crt");
}

static void rotating_stop(struct rotating *r)
{
	assert_true(r->calls > 0);
	assert_int_equal(r->failed, 0);
	if (r->slow)
		fake_unblock(&r->w->api);
	replica_stop(&r->a);
	replica_stop(&r->b);
	free(r->before);
}

static void annotate(struct fake_world *w, const char *name, const char *value)
{
	JSON_CLEANUP cJSON *secret = fake_read(&w->api, SECRET);
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);

	ca_secret_note(secret, name, value);
	assert_int_equal(json_write(secret, &text), 0);
	fake_apply(&w->api, SECRET, text.data);
}

static bool has(struct fake_world *w, const char *key)
{
	char *text = secret_value(w, key);

	free(text);
	return text != NULL;
}

static bool is_done(struct rotating *r)
{
	char *now = secret_value(r->w, "ca.crt");
	bool done = now && strcmp(now, r->before) != 0 && !has(r->w, "ca-old.crt") && !has(r->w, "ca-next.crt") &&
		    bundles_are_right(&r->a) && is_ready(&r->a) && is_ready(&r->b);

	free(now);
	return done;
}

/* --- the stages --------------------------------------------------------------------------------------------------- */

/* It was 79 of 140 calls: the leaf changed at once, the configurations when the patch was through. */
FIXTURE_TEST(no_call_fails_while_a_ca_is_changed_on_demand)
{
	struct fake_world *w = *state;
	struct rotating r;
	int puts_before;

	rotating_start(&r, w);
	r.slow = true;
	fake_block(&w->api, "PATCH");
	puts_before = fake_count(&w->api, "PUT " SECRET);
	annotate(w, CA_SECRET_ROTATE, "please");
	assert_true(run(&r, is_done));
	is_served_by(w, &r.a);
	is_served_by(w, &r.b);
	assert_int_equal(r.a.leaves, 2);
	assert_int_equal(r.b.leaves, 2);
	{
		JSON_CLEANUP cJSON *secret = fake_read(&w->api, SECRET);

		assert_string_equal(json_str(secret, "metadata", "annotations", CA_SECRET_ROTATED, NULL), "please");
		assert_null(json_str(secret, "metadata", "annotations", CA_SECRET_SERVING, NULL));
	}
	assert_true(fake_count(&w->api, "PUT " SECRET) - puts_before >= 5); /* begin, switch, two say so, end */
	rotating_stop(&r);
}

FIXTURE_TEST(a_text_is_acted_upon_once)
{
	struct fake_world *w = *state;
	struct rotating r;
	char *now;

	rotating_start(&r, w);
	annotate(w, CA_SECRET_ROTATE, "1");
	assert_true(run(&r, is_done));
	free(r.before);
	r.before = secret_value(w, "ca.crt");
	annotate(w, "somebody/else", "x"); /* it is looked at again */
	annotate(w, CA_SECRET_ROTATE, "2");
	assert_true(run(&r, is_done));
	assert_int_equal(r.a.leaves, 3);
	now = secret_value(w, "ca.crt");
	assert_string_not_equal(now, r.before);
	free(now);
	rotating_stop(&r);
}

FIXTURE_TEST(a_ca_that_was_put_there_by_hand_is_taken_over_in_stages)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct rotating r;
	char *now;

	rotating_start(&r, w);
	r.slow = true;
	fake_block(&w->api, "PATCH");
	make_ca("new", 0, 365, &ca);
	put_ca(w, &ca, NULL);
	assert_true(run(&r, is_done));
	now = secret_value(w, "ca.crt");
	assert_string_equal(now, ca.cert_pem);
	free(now);
	is_served_by(w, &r.a);
	is_served_by(w, &r.b);
	rotating_stop(&r);
}

FIXTURE_TEST(a_ca_that_ends_is_replaced_in_stages)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct rotating r;

	make_ca("dying", 0, 5, &ca);
	put_ca(w, &ca, NULL);
	rotating_start(&r, w); /* it may be in the middle of it already */
	free(r.before);
	r.before = strdup(ca.cert_pem);
	assert_true(run(&r, is_done));
	is_served_by(w, &r.a);
	is_served_by(w, &r.b);
	rotating_stop(&r);
}

/* --- one that lags ------------------------------------------------------------------------------------------------ */

static bool the_other_serves(struct rotating *r)
{
	char *bundle = bundle_of(r->w, VALIDATING);
	bool both = bundle && strstr(bundle, r->before) && r->a.leaves == 2;

	free(bundle);
	return both && has(r->w, "ca-old.crt") && !has(r->w, "ca-next.crt");
}

/* The late one sees the configurations change three times, and asks each time whether its own bundle is right. */
static bool it_was_asked_often(struct rotating *r)
{
	char *bundle = bundle_of(r->w, VALIDATING);
	bool both = bundle && strstr(bundle, r->before) && strstr(strstr(bundle, "END"), "BEGIN");

	free(bundle);
	assert_true(both);
	assert_true(has(r->w, "ca-old.crt"));
	return fake_count(&r->w->api, "pods&labelSelector=app=webhook") >= r->seen;
}

static bool one_is_blocked(void *ctx)
{
	return fake_blocked(&((struct fake_world *)ctx)->api) == 1;
}

/* As rotating_start; b has listed the Secret, and hears nothing more of it until fake_unblock. */
static void lagging_start(struct rotating *r, struct fake_world *w)
{
	rotating_start(r, w);
	replica_stop(&r->b);
	fake_block_some(&w->api, "codis-webhook-ca&watch=1", 1);
	start_pod(&r->b, w, "b");
	assert_true(fake_run(w, LONG, is_ready, &r->b));
	assert_true(fake_run(w, LONG, one_is_blocked, w));
}

FIXTURE_TEST(one_that_lags_undoes_nothing_and_is_waited_for)
{
	struct fake_world *w = *state;
	struct rotating r;
	int patches;

	lagging_start(&r, w);
	annotate(w, CA_SECRET_ROTATE, "1");
	assert_true(run(&r, the_other_serves));
	assert_int_equal(r.b.leaves, 1);
	patches = fake_count(&w->api, "PATCH");
	r.seen = fake_count(&w->api, "pods&labelSelector=app=webhook") + 1; /* it was looked for once more */
	assert_true(run(&r, it_was_asked_often));
	assert_int_equal(fake_count(&w->api, "PATCH"), patches);
	assert_true(is_ready(&r.b));
	assert_null(strstr(r.b.notices.data, "wrote the CA")); /* all was right when it came */
	fake_unblock(&w->api);
	assert_true(run(&r, is_done));
	assert_int_equal(r.b.leaves, 2);
	rotating_stop(&r);
}

static bool serves_by_the_third(struct rotating *r)
{
	return r->a.leaves == 3;
}

/* The calls to the one that lags failed: another one kept no more than what it served by itself. */
FIXTURE_TEST(a_ca_put_there_by_hand_amid_a_change_leaves_all_trusted)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct rotating r;

	lagging_start(&r, w);
	annotate(w, CA_SECRET_ROTATE, "1");
	assert_true(run(&r, the_other_serves));
	make_ca("new", 0, 365, &ca);
	put_ca(w, &ca, NULL); /* without what both serve by */
	assert_true(run(&r, serves_by_the_third));
	fake_unblock(&w->api);
	assert_true(run(&r, is_done));
	rotating_stop(&r);
}

static bool has_said_so(struct rotating *r)
{
	return strstr(r->a.notices.data, "said that this replica serves") != NULL;
}

/* A Secret of before, from the middle of its change: all had said so then. What the one that lags serves by was dropped
 * at once. */
FIXTURE_TEST(what_was_said_of_a_ca_that_was_put_back_counts_no_more)
{
	char fingerprint[CERT_FINGERPRINT_MAX], said[100];
	CERT_CLEANUP struct cert ca = { 0 };
	JSON_CLEANUP cJSON *secret = NULL;
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	struct fake_world *w = *state;
	struct rotating r;

	lagging_start(&r, w);
	make_ca("before", 1, 365, &ca);
	assert_int_equal(cert_fingerprint(ca.cert_pem, fingerprint, NULL), 0);
	snprintf(said, sizeof(said), "a=%s,b=%s", fingerprint, fingerprint);
	secret = fake_read(&w->api, SECRET);
	ca_secret_put(secret, "ca.crt", ca.cert_pem);
	ca_secret_put(secret, "ca.key", ca.key_pem);
	ca_secret_note(secret, CA_SECRET_SERVING, said);
	assert_int_equal(json_write(secret, &text), 0);
	fake_apply(&w->api, SECRET, text.data);
	assert_true(run(&r, has_said_so));
	assert_true(has(w, "ca-old.crt"));
	fake_unblock(&w->api);
	assert_true(run(&r, is_done));
	rotating_stop(&r);
}

static bool waits_for_its_ca(void *ctx)
{
	struct replica *r = ctx;
	char why[256] = "";

	return !certs_ready(r->certs, why, sizeof(why)) && strstr(why, "does not carry our CA yet");
}

/* It had no leaf, and took one of a CA of which no API server but the quickest had heard. */
FIXTURE_TEST(who_comes_amid_a_change_waits_until_every_api_server_trusts_it)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct certs_config cfg;
	struct rotating r;

	rotating_start(&r, w);
	replica_stop(&r.b);
	make_ca("new", 0, 365, &ca);
	put_ca(w, &ca, NULL);
	assert_true(fake_run(w, LONG, has_two_leaves, &r.a));
	cfg = replica_config(&r.b);
	cfg.service = "codis-webhook";
	cfg.pod = "b";
	cfg.settle_ms = INT32_MAX;
	replica_start_with(&r.b, w, &cfg);
	assert_true(fake_run(w, LONG, waits_for_its_ca, &r.b));
	assert_int_equal(r.b.leaves, 0);
	replica_stop(&r.b);
	start_pod(&r.b, w, "b");
	assert_true(fake_run(w, LONG, is_ready, &r.b));
	assert_true(run(&r, is_done));
	rotating_stop(&r);
}

static bool wrote_both(void *ctx)
{
	struct replica *r = ctx;

	return strstr(r->notices.data, "wrote the CA into Mutating") &&
	       strstr(r->notices.data, "wrote the CA into Validating");
}

/* A Secret from before a change was done: the next CA is the one that API servers trust already. */
FIXTURE_TEST(who_comes_after_a_secret_was_put_back_waits_likewise)
{
	CERT_CLEANUP struct cert now = { 0 }, next = { 0 };
	JSON_CLEANUP cJSON *secret = ca_secret_new("codis-system", "codis-webhook-ca");
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	struct fake_world *w = *state;
	struct certs_config cfg;
	struct replica r;

	make_ca("now", 0, 365, &now);
	make_ca("next", 0, 365, &next);
	put_ca(w, &next, NULL);
	install_configurations(w);
	install_pods(w);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	replica_stop(&r);
	ca_secret_put(secret, "ca.crt", now.cert_pem);
	ca_secret_put(secret, "ca.key", now.key_pem);
	ca_secret_put(secret, "ca-next.crt", next.cert_pem);
	ca_secret_put(secret, "ca-next.key", next.key_pem);
	assert_int_equal(json_write(secret, &text), 0);
	fake_apply(&w->api, SECRET, text.data);
	cfg = replica_config(&r);
	cfg.settle_ms = INT32_MAX;
	replica_start_with(&r, w, &cfg);
	assert_true(fake_run(w, LONG, wrote_both, &r));
	assert_false(fake_run(w, SLOW_MS, is_ready, &r));
	replica_stop(&r);
}

static bool is_late(struct rotating *r)
{
	return fake_count(&r->w->api, "pods&labelSelector=app=webhook") >= r->seen;
}

FIXTURE_TEST(a_pod_that_is_gone_is_not_waited_for)
{
	struct fake_world *w = *state;
	struct rotating r;

	rotating_start(&r, w);
	put_pod(w, "silent", "webhook", "n3", "Running");
	annotate(w, CA_SECRET_ROTATE, "1");
	r.seen = 3;
	assert_true(run(&r, is_late));
	assert_true(has(w, "ca-old.crt"));
	fake_delete(&w->api, "/api/v1/namespaces/codis-system/pods/silent");
	assert_true(run(&r, is_done));
	rotating_stop(&r);
}

static bool is_done_without(struct rotating *r)
{
	char *bundle = bundle_of(r->w, MUTATING);
	bool done = bundle && !strstr(bundle, r->before) && !has(r->w, "ca-old.crt") && bundles_are_right(&r->b);

	free(bundle);
	return done;
}

/* A replica of before serves by another certificate, as one of the user's own that is given up: with the new CA alone
 * in the configurations its calls failed until it was gone. */
FIXTURE_TEST(what_others_may_serve_by_stays_trusted_until_they_are_gone)
{
	CERT_CLEANUP struct cert ca = { 0 };
	BUF_CLEANUP struct buf text = BUF_INIT(10000);
	struct fake_world *w = *state;
	struct rotating r = { .w = w };
	char *base64;

	make_ca("own", 0, 100, &ca);
	make_leaf(&ca, 0, 30, &r.a.leaf);
	base64 = base64_encode(ca.cert_pem, strlen(ca.cert_pem));
	buf_addf(&text, "{\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{\"caBundle\":\"%s\"}}]}", base64);
	fake_apply(&w->api, MUTATING, text.data);
	fake_apply(&w->api, VALIDATING, text.data);
	install_pods(w);
	start_pod(&r.b, w, "b");
	r.b.leaf = (struct cert){ strdup(r.a.leaf.cert_pem), strdup(r.a.leaf.key_pem) };
	r.before = strdup(ca.cert_pem);
	r.seen = 1;
	assert_true(run(&r, is_late)); /* pod a does not say that it serves by the new one */
	assert_true(fake_run(w, LONG, is_ready, &r.b));
	assert_true(has(w, "ca-old.crt"));
	assert_true(r.calls > 0);
	assert_int_equal(r.failed, 0);
	fake_delete(&w->api, "/api/v1/namespaces/codis-system/pods/a");
	assert_true(run(&r, is_done_without));
	replica_stop(&r.b);
	cert_release(&r.a.leaf);
	free(base64);
	free(r.before);
}

/* --- clocks ------------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(a_ca_that_begins_later_is_mended)
{
	CERT_CLEANUP struct cert early = { 0 };
	struct fake_world *w = *state;
	struct rotating r = { .w = w };

	make_ca("early", -3, 365, &early); /* from in two days on */
	put_ca(w, &early, NULL);
	install_configurations(w);
	install_pods(w);
	start_pod(&r.a, w, "a");
	start_pod(&r.b, w, "b");
	assert_true(fake_run(w, LONG, is_ready, &r.a));
	assert_true(fake_run(w, LONG, is_ready, &r.b));
	r.before = strdup(early.cert_pem);
	assert_true(run(&r, is_done));
	is_served_by(w, &r.a);
	is_served_by(w, &r.b);
	assert_int_equal(r.a.leaves + r.b.leaves, 2); /* none of it */
	rotating_stop(&r);
}

static bool has_failed_of_clock(void *ctx)
{
	struct replica *r = ctx;

	return r->errors && strstr(r->last.text, "the clock of this node");
}

/* Its clock is 11 days ahead: for it there are 9 days left, and in truth there are 20. */
FIXTURE_TEST(whose_clock_is_ahead_replaces_no_good_ca)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct replica r;
	char *now;

	make_ca("good", 11, 20, &ca);
	put_ca(w, &ca, NULL);
	install_configurations(w);
	fake_clock(&w->api, -11 * 86400);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, has_a_leaf, &r));
	assert_true(fake_run(w, LONG, is_ready, &r));
	now = secret_value(w, "ca.crt");
	assert_string_equal(now, ca.cert_pem);
	free(now);
	assert_false(has(w, "ca-next.crt"));
	assert_int_equal(r.errors, 0);
	annotate(w, CA_SECRET_ROTATE, "1"); /* now it would have to make one */
	assert_true(fake_run(w, LONG, has_failed_of_clock, &r));
	assert_non_null(strstr(r.last.text,
			       "Secret codis-system/codis-webhook-ca: a new CA is due, but the clock of this "
			       "node is 9"));
	assert_non_null(strstr(r.last.text, " s ahead of the API server's: set it, or another replica makes one"));
	assert_false(has(w, "ca-next.crt"));
	replica_stop(&r);
}

FIXTURE_TEST(whose_clock_is_ahead_makes_no_first_ca_and_is_not_ready)
{
	struct fake_world *w = *state;
	struct replica r;
	char why[256];

	install_configurations(w);
	fake_clock(&w->api, 3600);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, has_failed_of_clock, &r));
	assert_false(certs_ready(r.certs, why, sizeof(why)));
	assert_non_null(strstr(why, "the clock of this node is 3"));
	assert_non_null(strstr(why, " s behind the API server's"));
	assert_int_equal(fake_count(&w->api, "POST " SECRETS), 0);
	fake_clock(&w->api, 0); /* it was set, and is heard with the next list */
	fake_compact(&w->api, false);
	fake_end_watches(&w->api, false);
	assert_true(fake_run(w, LONG, is_ready, &r));
	replica_stop(&r);
}

/* A node whose clock is at its factory's: leaves by it had ended before they were served, or were signed at each look.
 */
FIXTURE_TEST(whose_clock_is_far_behind_serves_like_the_others)
{
	CERT_CLEANUP struct cert ca = { 0 };
	int64_t from, until, wall = clock_wall_ms();
	struct fake_world *w = *state;
	struct replica r;

	make_ca("good", -30, 365, &ca);
	put_ca(w, &ca, NULL);
	install_configurations(w);
	fake_clock(&w->api, 40 * 86400);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(cert_times(r.leaf.cert_pem, &from, &until, NULL), 0);
	assert_true(from < wall); /* by its own clock, too */
	assert_in_range(until - wall, 70 * DAY_MS - LONG, 70 * DAY_MS + LONG);
	annotate(w, "somebody/else", "x"); /* it is looked at again */
	annotate(w, CA_SECRET_ROTATE, "1");
	assert_true(fake_run(w, LONG, has_failed_of_clock, &r));
	assert_int_equal(r.leaves, 1);
	replica_stop(&r);
}

/* --- configurations ----------------------------------------------------------------------------------------------- */

static bool is_not_ready(void *ctx)
{
	return !is_ready(ctx);
}

static bool is_left_alone(void *ctx)
{
	struct replica *r = ctx;

	return r->errors > 0 && strstr(r->last.text, "says that somebody else keeps its caBundle");
}

FIXTURE_TEST(what_cert_manager_injects_is_left_alone)
{
	struct fake_world *w = *state;
	struct replica r;
	char why[256];

	fake_apply(&w->api, MUTATING,
		   "{\"metadata\":{\"annotations\":{\"cert-manager.io/inject-ca-from\":\"codis-system/tls\"}},"
		   "\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{\"service\":{},\"caBundle\":\"b2xk\"}}]}");
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_left_alone, &r));
	assert_string_equal(
		r.last.text,
		"MutatingWebhookConfiguration codis-webhook: annotation cert-manager.io/inject-ca-from says "
		"that somebody else keeps its caBundle: give codis-webhook that certificate by --cert-file and "
		"--key-file, or take the annotation away");
	assert_int_equal(r.errors, 1);
	assert_false(certs_ready(r.certs, why, sizeof(why)));
	assert_ptr_equal(strstr(why, "MutatingWebhookConfiguration codis-webhook: annotation cert-manager.io/inject-ca-"
				     "from says"),
			 why);
	assert_int_equal(fake_count(&w->api, "PATCH"), 0);
	install_configurations(w); /* without the annotation */
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_true(fake_run(w, LONG, bundles_are_right, &r));
	replica_stop(&r);
}

/* Once carried was carried for ever. */
FIXTURE_TEST(a_configuration_that_was_made_anew_without_the_ca_is_not_ready)
{
	struct fake_world *w = *state;
	struct replica r;

	install_configurations(w);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	fake_block(&w->api, "PATCH");
	fake_delete(&w->api, VALIDATING);
	install_configurations(w);
	assert_true(fake_run(w, LONG, is_not_ready, &r));
	fake_unblock(&w->api);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(r.leaves, 1);
	replica_stop(&r);
}

static bool keeps_an_old_one(void *ctx)
{
	return has(((struct replica *)ctx)->world, "ca-old.crt");
}

/* The API server calls by the other one. */
FIXTURE_TEST(what_only_one_configuration_carries_stays_trusted)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct replica r;

	install_configurations(w);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	fake_block(&w->api, "PATCH");
	fake_apply(&w->api, VALIDATING, "{\"webhooks\":[{\"name\":\"c\",\"clientConfig\":{\"service\":{}}}]}");
	assert_true(fake_run(w, LONG, is_not_ready, &r));
	make_ca("new", 0, 365, &ca);
	put_ca(w, &ca, NULL);
	assert_true(fake_run(w, LONG, keeps_an_old_one, &r));
	fake_unblock(&w->api);
	assert_true(fake_run(w, LONG, is_ready, &r));
	replica_stop(&r);
}

/* Four days are left, and this replica may make no new one. */
FIXTURE_TEST(a_ca_that_cannot_be_replaced_is_named_before_its_end)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	int64_t from, until;
	struct replica r;

	make_ca("dying", 361, 365, &ca);
	put_ca(w, &ca, NULL);
	install_configurations(w);
	fake_clock(&w->api, 3600);
	replica_start(&r, w);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(cert_times(ca.cert_pem, &from, &until, NULL), 0);
	assert_int_equal(r.ca_until_ms, until);
	assert_int_equal(r.leaf_until_ms, until);
	assert_int_equal(r.late_ms, until - 5 * DAY_MS);
	assert_int_equal(r.endings, 2);
	assert_true(r.of_secret);
	assert_ptr_equal(strstr(r.ending, "the CA in Secret codis-system/codis-webhook-ca ends at 20"), r.ending);
	replica_stop(&r);
}

/* As long as the options say it would be late in half of its life. */
FIXTURE_TEST(a_leaf_that_would_outlive_its_ca_is_not_late)
{
	CERT_CLEANUP struct cert ca = { 0 };
	struct fake_world *w = *state;
	struct certs_config cfg;
	struct replica r;

	make_ca("short", 3, 7, &ca);
	put_ca(w, &ca, NULL);
	install_configurations(w);
	cfg = replica_config(&r);
	cfg.ca_life_ms = 7 * DAY_MS;
	replica_start_with(&r, w, &cfg);
	assert_true(fake_run(w, LONG, is_ready, &r));
	assert_int_equal(r.leaf_until_ms, r.ca_until_ms);
	assert_int_equal(r.late_ms, r.ca_until_ms - 7 * DAY_MS / 4);
	assert_int_equal(r.endings, 0);
	replica_stop(&r);
}

/* --- the function itself ------------------------------------------------------------------------------------------ */

struct step {
	const char *what;
	int now_age, next_age, old_age;     /* days; a CA lives for 100; NONE: there is none */
	int64_t leaf_carried, next_carried; /* ms */
	char leaf;                          /* of n(ow), o(ld), x(another one), or - */
	bool asked, said, all_said;
	enum rotation_step step;
};

#define NONE 1000

static enum rotation_step step_of(const struct step *t)
{
	CERT_CLEANUP struct cert old = { 0 }, other = { 0 };
	CA_SECRET_CLEANUP struct ca_secret s = { .asked = strdup(t->asked ? "2" : "1"), .done = strdup("1") };
	struct rotation_view view = { .secret = &s,
				      .now_ms = clock_wall_ms(),
				      .ca_renew_ms = 10 * DAY_MS,
				      .settle_ms = 1000,
				      .next_carried_ms = t->next_carried,
				      .said = t->said,
				      .all_said = t->all_said };

	make_ca("now", t->now_age, 100, &s.now);
	make_ca("other", 0, 100, &other);
	assert_int_equal(pem_add(&s.all, s.now.cert_pem, NULL), 0);
	if (t->next_age != NONE) {
		make_ca("next", t->next_age, 100, &s.next);
		assert_int_equal(pem_add(&s.all, s.next.cert_pem, NULL), 0);
	}
	if (t->old_age != NONE) {
		make_ca("old", t->old_age, 100, &old);
		s.old_pem = strdup(old.cert_pem);
		assert_int_equal(pem_add(&s.all, s.old_pem, NULL), 0);
	}
	view.leaf_ca = t->leaf == 'n'   ? s.now.cert_pem
		       : t->leaf == 'o' ? s.old_pem
		       : t->leaf == 'x' ? other.cert_pem
					: NULL;
	view.serves_by = t->leaf_carried >= 0 ? view.leaf_ca : NULL;
	return rotation_next(&view);
}

TEST(every_stage_has_its_step)
{
	static const struct step steps[] = {
		{ "all is well", 0, NONE, NONE, 5000, -1, 'n', false, false, false, ROTATION_WAIT },
		{ "it ends", 95, NONE, NONE, 5000, -1, 'n', false, false, false, ROTATION_BEGIN },
		{ "it has ended", 105, NONE, NONE, -1, -1, '-', false, false, false, ROTATION_BEGIN },
		{ "it begins later", -3, NONE, NONE, -1, -1, '-', false, false, false, ROTATION_BEGIN },
		{ "asked for", 0, NONE, NONE, 5000, -1, 'n', true, false, false, ROTATION_BEGIN },
		{ "asked for, but not done with the last", 0, NONE, 0, 5000, -1, 'n', true, true, false,
		  ROTATION_WAIT },
		{ "it ends, done with the last or not", 95, NONE, 0, 5000, -1, 'n', false, true, false,
		  ROTATION_BEGIN },
		{ "next is not carried", 0, 0, NONE, 5000, -1, 'n', false, false, false, ROTATION_WAIT },
		{ "next is carried shortly", 0, 0, NONE, 5000, 999, 'n', false, false, false, ROTATION_WAIT },
		{ "next is carried", 0, 0, NONE, 5000, 1000, 'n', false, false, false, ROTATION_SWITCH },
		{ "none is left to lose", 105, 0, NONE, -1, 0, '-', false, false, false, ROTATION_SWITCH },
		{ "next has grown old", 0, 95, NONE, 5000, 5000, 'n', false, false, false, ROTATION_BEGIN },
		{ "the leaf is still the old one's", 0, NONE, 0, 5000, -1, 'o', false, false, true, ROTATION_WAIT },
		{ "the leaf is the new one's", 0, NONE, 0, 5000, -1, 'n', false, false, false, ROTATION_SAY },
		{ "not all have said so", 0, NONE, 0, 5000, -1, 'n', false, true, false, ROTATION_WAIT },
		{ "all have", 0, NONE, 0, 5000, -1, 'n', false, true, true, ROTATION_END },
		{ "the old one has ended itself", 0, NONE, 105, 5000, -1, 'n', false, true, false, ROTATION_END },
		{ "it was put there by hand", 0, NONE, NONE, 5000, -1, 'x', false, false, false, ROTATION_KEEP },
		{ "... and nobody trusts ours", 0, NONE, NONE, -1, -1, 'x', false, false, false, ROTATION_WAIT },
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (step_of(&steps[i]) != steps[i].step)
			fail_msg("%s: %d, not %d", steps[i].what, step_of(&steps[i]), steps[i].step);
}

/* What signed when this replica looked last is another one. */
TEST(who_has_a_leaf_of_what_signed_before_is_thought_of)
{
	CERT_CLEANUP struct cert before = { 0 };
	CA_SECRET_CLEANUP struct ca_secret s = { .asked = strdup(""), .done = strdup("") };
	struct rotation_view view = { .secret = &s, .now_ms = clock_wall_ms(), .next_carried_ms = -1 };

	make_ca("now", 0, 100, &s.now);
	make_ca("before", 0, 100, &before);
	assert_int_equal(pem_add(&s.all, s.now.cert_pem, NULL), 0);
	view.leaf_ca = view.serves_by = s.now.cert_pem;
	assert_int_equal(rotation_next(&view), ROTATION_WAIT);
	view.signed_before = before.cert_pem; /* others may have one already */
	assert_int_equal(rotation_next(&view), ROTATION_KEEP);
	s.old_pem = strdup(before.cert_pem); /* as one switches over: nobody has said so yet */
	assert_int_equal(pem_add(&s.all, s.old_pem, NULL), 0);
	view.leaf_ca = view.serves_by = before.cert_pem;
	assert_int_equal(rotation_next(&view), ROTATION_WAIT);
	view.any_said = view.all_said = true; /* when it signed once, before it was put back */
	assert_int_equal(rotation_next(&view), ROTATION_KEEP);
}

TEST(who_serves_is_a_list)
{
	JSON_CLEANUP cJSON *secret = ca_secret_new("n", "s");

	assert_false(ca_secret_serves(secret, "a", "11"));
	ca_secret_say(secret, "a", "11");
	ca_secret_say(secret, "bb", "11");
	ca_secret_say(secret, "a", "11");
	assert_string_equal(json_str(secret, "metadata", "annotations", CA_SECRET_SERVING, NULL), "bb=11,a=11");
	assert_true(ca_secret_serves(secret, "bb", "11"));
	assert_false(ca_secret_serves(secret, "b", "11"));
	assert_false(ca_secret_serves(secret, "bb", "1"));
	ca_secret_say(secret, "b", "22"); /* of another CA: what was said of the one before goes */
	assert_string_equal(json_str(secret, "metadata", "annotations", CA_SECRET_SERVING, NULL), "b=22");
}
