/* Leader election: one works, the other takes over, and nobody believes a remote clock. */
#include "tests/unit/fake_api.h"

#include "common/kube/lease.h"
#include "tests/unit/test.h"

#define LEASES   "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
#define LEASE    LEASES "/codis-controller"
#define DURATION 1000  /* where a test waits for its end */
#define AGES     60000 /* where it does not, and a busy machine must not bring it about */
#define RETRY    100
#define LATE     900 /* what a busy machine may add */
#define LONG     10000

struct candidate {
	struct fake_world *world;
	struct lease *lease;
	char log[2048]; /* "held:a following:b ..." */
	int errors;
	struct error last;
	bool free_on_change, released;
	const char *until;
	int64_t changed_ms;
};

static const char *const states[] = { "following", "held", "unsure" };

static void on_change(void *ctx, enum lease_state state, const char *holder)
{
	struct candidate *c = ctx;
	size_t len = strlen(c->log);

	snprintf(c->log + len, sizeof(c->log) - len, "%s:%s ", states[state], holder);
	c->changed_ms = clock_mono_ms();
	if (!c->free_on_change)
		return;
	lease_stop(c->lease);
	c->lease = NULL;
}

static void on_error(void *ctx, const struct error *err)
{
	struct candidate *c = ctx;

	c->errors++;
	c->last = *err;
}

static void on_released(void *ctx)
{
	struct candidate *c = ctx;

	c->released = true;
}

static void start(struct candidate *c, struct fake_world *w, const char *identity, int duration_ms)
{
	struct lease_config cfg = { .namespace = "ns",
				    .name = "codis-controller",
				    .identity = identity,
				    .duration_ms = duration_ms,
				    .retry_ms = RETRY,
				    .on_change = on_change,
				    .on_error = on_error,
				    .ctx = c };
	struct error err;

	*c = (struct candidate){ .world = w };
	c->lease = lease_start(&w->loop.uv, w->kube, &cfg, &err);
	assert_non_null(c->lease);
}

static bool log_is(void *ctx)
{
	struct candidate *c = ctx;

	return strcmp(c->log, c->until) == 0;
}

/* The log becomes this, and is emptied. */
static void expect(struct candidate *c, const char *log)
{
	c->until = log;
	if (!fake_run(c->world, LONG, log_is, c))
		fail_msg("\"%s\" was seen, not \"%s\" (error: %s)", c->log, log, c->last.text);
	c->log[0] = '\0';
}

static int64_t spec_int(struct fake_world *w, const char *name)
{
	JSON_CLEANUP cJSON *lease = fake_read(&w->api, LEASE);

	return json_int(-1, lease, "spec", name, NULL);
}

static void spec_is(struct fake_world *w, const char *name, const char *value)
{
	JSON_CLEANUP cJSON *lease = fake_read(&w->api, LEASE);

	assert_string_equal(json_str(lease, "spec", name, NULL), value);
}

static void held_by(struct fake_world *w, const char *holder, int seconds, const char *renewed)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"holderIdentity\":\"%s\","
		 "\"leaseDurationSeconds\":%d,\"renewTime\":\"%s\",\"leaseTransitions\":7,\"preferredHolder\":\"x\"}}",
		 holder, seconds, renewed);
	fake_apply(&w->api, LEASE, text);
}

/* --- taking and keeping it ---------------------------------------------------------------------------------------- */

static bool four_writes(void *ctx)
{
	return fake_count(&((struct fake_world *)ctx)->api, "PUT") >= 4;
}

#define FIXTURE_TEST(name) TEST_WITH(name, fake_setup, fake_teardown)

FIXTURE_TEST(who_finds_none_makes_it_and_renews_it)
{
	struct fake_world *w = *state;
	struct candidate c;
	int64_t ms = 0;

	start(&c, w, "a", AGES);
	assert_int_equal(lease_state(c.lease), LEASE_FOLLOWING);
	expect(&c, "held:a ");
	assert_int_equal(lease_state(c.lease), LEASE_HELD);
	spec_is(w, "holderIdentity", "a");
	assert_int_equal(spec_int(w, "leaseDurationSeconds"), AGES / 1000);
	assert_int_equal(spec_int(w, "leaseTransitions"), 0);
	{
		JSON_CLEANUP cJSON *lease = fake_read(&w->api, LEASE);

		assert_int_equal(clock_parse_rfc3339(json_str(lease, "spec", "renewTime", NULL), &ms, NULL), 0);
		assert_in_range(clock_wall_ms() - ms, 0, LONG);
	}
	assert_true(fake_run(w, LONG, four_writes, w));
	assert_string_equal(c.log, "");
	assert_int_equal(fake_count(&w->api, "GET"), 1); /* a renewal is one call */
	assert_int_equal(c.errors, 0);
	lease_stop(c.lease);
}

FIXTURE_TEST(one_leads_and_the_other_takes_over)
{
	struct fake_world *w = *state;
	struct candidate a, b;
	int64_t died;

	start(&a, w, "a", DURATION);
	expect(&a, "held:a ");
	start(&b, w, "b", DURATION);
	expect(&b, "following:a ");
	assert_true(fake_run(w, LONG, four_writes, w));
	lease_stop(a.lease); /* as by kill -9 */
	died = clock_mono_ms();
	expect(&b, "held:b ");
	assert_in_range(b.changed_ms - died, DURATION - 2 * RETRY, DURATION + LATE);
	assert_int_equal(spec_int(w, "leaseTransitions"), 1);
	lease_stop(b.lease);
}

FIXTURE_TEST(only_one_of_two_gets_it)
{
	struct fake_world *w = *state;
	struct candidate a, b;
	bool a_leads;

	fake_block(&w->api, "POST"); /* both have seen that there is none */
	start(&a, w, "a", AGES);
	start(&b, w, "b", AGES);
	while (fake_blocked(&w->api) < 2)
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	fake_unblock(&w->api);
	while (!a.log[0] || !b.log[0])
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	a_leads = lease_state(a.lease) == LEASE_HELD;
	assert_int_equal(lease_state(b.lease), a_leads ? LEASE_FOLLOWING : LEASE_HELD);
	assert_string_equal(a.log, a_leads ? "held:a " : "following:b ");
	assert_string_equal(b.log, a_leads ? "following:a " : "held:b ");
	lease_stop(a.lease);
	lease_stop(b.lease);
}

FIXTURE_TEST(a_lease_given_back_is_taken_at_once)
{
	struct fake_world *w = *state;
	struct candidate a, b;
	int64_t at;

	start(&a, w, "a", AGES);
	expect(&a, "held:a ");
	start(&b, w, "b", AGES);
	expect(&b, "following:a ");
	at = clock_mono_ms();
	lease_give_back(a.lease, on_released, &a);
	assert_false(a.released);
	assert_int_equal(lease_state(a.lease), LEASE_FOLLOWING);
	expect(&b, "held:b ");
	assert_true(b.changed_ms - at < LONG);
	assert_true(a.released);
	assert_string_equal(a.log, "");
	lease_stop(a.lease);
	lease_stop(b.lease);
}

FIXTURE_TEST(who_steps_aside_lets_another_have_it)
{
	struct fake_world *w = *state;
	struct candidate a, b;

	start(&a, w, "a", AGES);
	expect(&a, "held:a ");
	start(&b, w, "b", AGES);
	expect(&b, "following:a ");
	lease_step_aside(a.lease, AGES);
	assert_int_equal(lease_state(a.lease), LEASE_FOLLOWING);
	expect(&b, "held:b ");
	expect(&a, "following: following:b ");
	lease_give_back(b.lease, on_released, &b); /* free, and not ours yet */
	expect(&a, "following: ");
	assert_int_equal(spec_int(w, "leaseTransitions"), 1);
	lease_stop(a.lease);
	lease_stop(b.lease);
}

FIXTURE_TEST(who_stands_again_takes_it_at_once)
{
	struct fake_world *w = *state;
	struct candidate a;

	start(&a, w, "a", AGES);
	expect(&a, "held:a ");
	lease_step_aside(a.lease, AGES);
	lease_stand_again(a.lease);
	expect(&a, "following: held:a ");
	lease_stand_again(a.lease); /* it holds it: nothing changes */
	assert_true(fake_run(w, LONG, four_writes, w));
	assert_string_equal(a.log, "");
	lease_stop(a.lease);
}

FIXTURE_TEST(who_steps_aside_takes_it_again_when_nobody_does)
{
	struct fake_world *w = *state;
	struct candidate a;
	int64_t at;

	start(&a, w, "a", AGES);
	expect(&a, "held:a ");
	at = clock_mono_ms();
	lease_step_aside(a.lease, 3 * RETRY);
	expect(&a, "following: held:a ");
	assert_true(a.changed_ms - at >= 3 * RETRY);
	lease_stop(a.lease);
}

static bool has_failed(void *ctx)
{
	return ((struct candidate *)ctx)->errors > 0;
}

/* Its record stays as it was: it is not renewed, nor taken for held. */
FIXTURE_TEST(who_cannot_say_that_it_steps_aside_does_so)
{
	struct fake_world *w = *state;
	struct candidate a, b;
	int puts;

	start(&a, w, "a", DURATION);
	expect(&a, "held:a ");
	puts = fake_count(&w->api, "PUT");
	fake_down(&w->api);
	lease_step_aside(a.lease, LONG);
	assert_true(fake_run(w, LONG, has_failed, &a));
	fake_up(&w->api);
	start(&b, w, "b", DURATION);
	expect(&b, "following:a held:b ");
	assert_true(fake_count(&w->api, "PUT") > puts);
	assert_int_equal(lease_state(a.lease), LEASE_FOLLOWING);
	lease_stop(a.lease);
	lease_stop(b.lease);
}

static bool is_released(void *ctx)
{
	return ((struct candidate *)ctx)->released;
}

FIXTURE_TEST(giving_back_needs_no_api_server)
{
	struct fake_world *w = *state;
	struct candidate a, b;

	start(&b, w, "b", AGES); /* has nothing to give back */
	lease_give_back(b.lease, on_released, &b);
	assert_true(fake_run(w, LONG, is_released, &b));
	assert_int_equal(fake_count(&w->api, "/leases"), 0);
	start(&a, w, "a", AGES);
	expect(&a, "held:a ");
	fake_hang(&w->api, true);
	lease_give_back(a.lease, on_released, &a);
	assert_true(fake_run(w, 3000, is_released, &a));
	fake_hang(&w->api, false);
	lease_stop(a.lease);
	lease_stop(b.lease);
}

/* --- whose clock ------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(a_remote_clock_is_never_believed)
{
	static const char *const clocks[] = { "1970-01-01T00:00:00.000000Z", "2199-01-01T00:00:00.000000Z",
					      "nonsense" };
	struct fake_world *w = *state;
	struct candidate c;
	int64_t seen;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		held_by(w, "other", 2, clocks[i]);
		start(&c, w, "a", DURATION);
		expect(&c, "following:other ");
		seen = c.changed_ms;
		expect(&c, "held:a ");
		assert_in_range(c.changed_ms - seen, 2000 - 2 * RETRY, 2000 + LATE); /* its own duration, not ours */
		assert_int_equal(spec_int(w, "leaseTransitions"), 8);
		lease_stop(c.lease);
	}
}

FIXTURE_TEST(what_is_not_ours_in_the_record_stays)
{
	struct fake_world *w = *state;
	struct candidate c;
	JSON_CLEANUP cJSON *lease = NULL;

	held_by(w, "", 1, "1970-01-01T00:00:00.000000Z");
	start(&c, w, "a", AGES);
	expect(&c, "held:a ");
	lease = fake_read(&w->api, LEASE);
	assert_string_equal(json_str(lease, "metadata", "labels", "a", NULL), "b");
	assert_string_equal(json_str(lease, "spec", "preferredHolder", NULL), "x");
	lease_stop(c.lease);
}

FIXTURE_TEST(a_restart_in_place_goes_on_leading)
{
	struct fake_world *w = *state;
	struct candidate c;

	held_by(w, "a", 3600, "1970-01-01T00:00:00.000000Z");
	start(&c, w, "a", AGES);
	expect(&c, "held:a ");
	assert_int_equal(spec_int(w, "leaseTransitions"), 7);
	lease_stop(c.lease);
}

FIXTURE_TEST(a_record_without_sense_is_taken_after_our_own_duration)
{
	struct fake_world *w = *state;
	struct candidate c;

	fake_apply(&w->api, LEASE, "{\"spec\":{\"holderIdentity\":\"other\",\"leaseDurationSeconds\":-5}}");
	start(&c, w, "a", DURATION);
	expect(&c, "following:other ");
	expect(&c, "held:a ");
	lease_stop(c.lease);
	fake_apply(&w->api, LEASE, "{\"spec\":[]}");
	start(&c, w, "b", DURATION);
	expect(&c, "held:b ");
	lease_stop(c.lease);
}

/* --- what goes wrong ---------------------------------------------------------------------------------------------- */

FIXTURE_TEST(who_cannot_reach_the_api_server_is_unsure)
{
	struct fake_world *w = *state;
	struct candidate c;
	int64_t down;

	start(&c, w, "a", DURATION);
	expect(&c, "held:a ");
	down = clock_mono_ms();
	fake_down(&w->api);
	expect(&c, "unsure:a ");
	assert_in_range(c.changed_ms - down, DURATION - 3 * RETRY, DURATION + LATE);
	assert_true(c.errors > 2);
	fake_up(&w->api);
	expect(&c, "held:a ");
	lease_stop(c.lease);
}

FIXTURE_TEST(an_api_server_that_hangs_is_none)
{
	struct fake_world *w = *state;
	struct candidate c;
	int64_t at;

	start(&c, w, "a", DURATION);
	expect(&c, "held:a ");
	at = clock_mono_ms();
	fake_hang(&w->api, true);
	expect(&c, "unsure:a ");
	assert_in_range(c.changed_ms - at, DURATION - 3 * RETRY, DURATION + LATE);
	fake_hang(&w->api, false);
	expect(&c, "held:a ");
	lease_stop(c.lease);
}

FIXTURE_TEST(a_call_that_hangs_leaves_time_for_another)
{
	struct fake_world *w = *state;
	struct candidate c;

	start(&c, w, "a", 6000);
	expect(&c, "held:a ");
	fake_block_some(&w->api, "PUT", 1);
	assert_true(fake_run(w, 4000, has_failed, &c));
	assert_int_equal(c.last.code, ERR_TIMEOUT);
	assert_true(fake_run(w, LONG, four_writes, w));
	assert_string_equal(c.log, "");
	assert_int_equal(c.errors, 1);
	fake_unblock(&w->api);
	lease_stop(c.lease);
}

FIXTURE_TEST(another_holder_ends_it_for_sure)
{
	struct fake_world *w = *state;
	struct candidate c;

	start(&c, w, "a", DURATION);
	expect(&c, "held:a ");
	fake_down(&w->api);
	expect(&c, "unsure:a ");
	held_by(w, "other", 10, "1970-01-01T00:00:00.000000Z");
	fake_up(&w->api);
	expect(&c, "following:other ");
	lease_stop(c.lease);
	start(&c, w, "other", AGES);
	expect(&c, "held:other ");
	held_by(w, "third", 10, "1970-01-01T00:00:00.000000Z"); /* while we hold it */
	expect(&c, "following:third ");
	lease_stop(c.lease);
}

static bool six_writes(void *ctx)
{
	return fake_count(&((struct fake_world *)ctx)->api, "PUT") >= 6;
}

/* As an API server whose disk is slow: each renewal is done, and answered after more than a third of the duration. */
FIXTURE_TEST(renewals_that_are_answered_late_count)
{
	struct fake_world *w = *state;
	struct candidate c;

	start(&c, w, "a", 2000);
	expect(&c, "held:a ");
	fake_slow(&w->api, "PUT", 800);
	assert_true(fake_run(w, 20000, six_writes, w));
	assert_string_equal(c.log, "");
	assert_int_equal(c.errors, 0);
	fake_slow(&w->api, "", 0);
	lease_stop(c.lease);
}

/* As a network that loses what comes back: each renewal is done, and given up by us. */
FIXTURE_TEST(renewals_that_are_never_answered_count)
{
	struct fake_world *w = *state;
	struct candidate c;

	start(&c, w, "a", 2000);
	expect(&c, "held:a ");
	fake_slow(&w->api, "PUT", 1500);
	assert_true(fake_run(w, 20000, four_writes, w));
	assert_true(c.errors >= 3);
	assert_string_equal(c.log, "");
	fake_slow(&w->api, "", 0);
	lease_stop(c.lease);
}

FIXTURE_TEST(a_record_that_asks_for_too_long_a_wait_is_not_believed)
{
	struct fake_world *w = *state;
	struct candidate c;
	int64_t seen;

	held_by(w, "other", 3600, "1970-01-01T00:00:00.000000Z");
	start(&c, w, "a", 400);
	expect(&c, "following:other ");
	seen = c.changed_ms;
	expect(&c, "held:a ");
	assert_in_range(c.changed_ms - seen, 2000 - 2 * RETRY, 2000 + LATE);
	lease_stop(c.lease);
}

static bool four_looks(void *ctx)
{
	return fake_count(&((struct fake_world *)ctx)->api, "GET") >= 4;
}

FIXTURE_TEST(a_holder_of_any_length_is_told_once)
{
	struct fake_world *w = *state;
	struct candidate c;
	char holder[301], wanted[300];

	memset(holder, 'x', 300);
	holder[300] = '\0';
	held_by(w, holder, 3600, "1970-01-01T00:00:00.000000Z");
	snprintf(wanted, sizeof(wanted), "following:%.255s ", holder);
	start(&c, w, "a", AGES);
	expect(&c, wanted);
	assert_true(fake_run(w, LONG, four_looks, w));
	assert_string_equal(c.log, "");
	lease_stop(c.lease);
}

static bool put_again(void *ctx)
{
	return fake_count(&((struct fake_world *)ctx)->api, "PUT") >= 8;
}

FIXTURE_TEST(a_write_by_somebody_else_changes_nothing)
{
	struct fake_world *w = *state;
	struct candidate c;
	JSON_CLEANUP cJSON *lease = NULL;
	char *text;

	start(&c, w, "a", AGES);
	expect(&c, "held:a ");
	assert_true(fake_run(w, LONG, four_writes, w));
	lease = fake_read(&w->api, LEASE);
	json_add_str(cJSON_GetObjectItem(lease, "metadata"), "annotations", "x");
	text = cJSON_PrintUnformatted(lease);
	fake_apply(&w->api, LEASE, text);
	cJSON_free(text);
	assert_true(fake_run(w, LONG, put_again, w));
	assert_string_equal(c.log, "");
	assert_int_equal(c.errors, 0);
	lease_stop(c.lease);
}

static bool posted_twice(void *ctx)
{
	return fake_count(&((struct fake_world *)ctx)->api, "POST") >= 2;
}

FIXTURE_TEST(a_lease_that_was_deleted_is_made_again)
{
	struct fake_world *w = *state;
	struct candidate c;

	start(&c, w, "a", AGES);
	expect(&c, "held:a ");
	fake_delete(&w->api, LEASE);
	assert_true(fake_run(w, LONG, posted_twice, w));
	spec_is(w, "holderIdentity", "a");
	assert_string_equal(c.log, "");
	lease_stop(c.lease);
}

FIXTURE_TEST(a_missing_right_is_told)
{
	struct fake_world *w = *state;
	struct candidate c;

	fake_fail(&w->api, "/leases", 403, 1000000);
	start(&c, w, "a", AGES);
	assert_true(fake_run(w, LONG, has_failed, &c));
	assert_int_equal(c.last.code, ERR_DENIED);
	assert_non_null(strstr(c.last.text, "GET " LEASE ": HTTP 403"));
	assert_int_equal(lease_state(c.lease), LEASE_FOLLOWING);
	lease_stop(c.lease);
}

static bool is_gone(void *ctx)
{
	return ((struct candidate *)ctx)->lease == NULL;
}

FIXTURE_TEST(the_owner_may_free_it_when_it_changes)
{
	struct fake_world *w = *state;
	struct candidate c;

	start(&c, w, "a", DURATION);
	c.free_on_change = true;
	assert_true(fake_run(w, LONG, is_gone, &c));
	held_by(w, "other", 10, "");
	start(&c, w, "a", DURATION);
	c.free_on_change = true;
	assert_true(fake_run(w, LONG, is_gone, &c));
	held_by(w, "", 10, "");
	start(&c, w, "a", DURATION);
	expect(&c, "held:a ");
	c.free_on_change = true;
	fake_hang(&w->api, true);
	assert_true(fake_run(w, LONG, is_gone, &c));
	assert_string_equal(c.log, "unsure:a ");
	fake_hang(&w->api, false);
}

FIXTURE_TEST(a_configuration_without_sense_is_refused)
{
	struct fake_world *w = *state;
	struct lease_config good = { .namespace = "ns",
				     .name = "n",
				     .identity = "a",
				     .duration_ms = 4000,
				     .retry_ms = 1000,
				     .on_change = on_change };
	struct lease_config bad = good;
	struct error err;

	bad.retry_ms = 3000;
	assert_null(lease_start(&w->loop.uv, w->kube, &bad, &err));
	assert_int_equal(err.code, ERR_INVALID);
	bad = good;
	bad.retry_ms = 0;
	assert_null(lease_start(&w->loop.uv, w->kube, &bad, &err));
	bad = good;
	bad.identity = "";
	assert_null(lease_start(&w->loop.uv, w->kube, &bad, &err));
	lease_stop(NULL);
}
