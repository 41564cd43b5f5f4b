/* Whose scheduler leads, as its Lease says: what another one's extender has promised is not known to ours. */
#include "tests/unit/fake_api.h"

#include "extender/leader.h"
#include "tests/unit/extender_fixture.h"

#define LONG    10000
#define TURN_MS 10
#define LEASE   "/apis/coordination.k8s.io/v1/namespaces/codis-system/leases/codis-scheduler"

static struct fake_world *world;
static struct extender extender;
static struct leader *leader;

static void renew(const char *holder, int second)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"codis-scheduler\",\"namespace\":\"codis-system\"},"
		 "\"spec\":{\"holderIdentity\":\"%s\",\"renewTime\":\"2023-11-14T22:13:%02d.000000Z\"}}",
		 holder, second);
	fake_apply(&world->api, LEASE, text);
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

/* Turns until one has been answered that was asked for after this. */
static void run_asked(void)
{
	int n = fake_count(&world->api, "GET " LEASE);

	while (fake_count(&world->api, "GET " LEASE) < n + 3)
		fake_run(world, TURN_MS, never, NULL);
}

static int setup(void **state)
{
	if (fake_setup(state) < 0)
		return -1;
	world = *state;
	extender_setup(&extender);
	return 0;
}

static void start(void)
{
	struct error err = ERROR_INIT;
	struct leader_config config = {
		.kube = world->kube,
		.extender = &extender,
		.log = { .fd = -1 },
		.namespace = "codis-system",
		.lease = "codis-scheduler",
		.host = "codis-scheduler-x",
		.turn_ms = TURN_MS,
	};

	leader = leader_start(&world->loop.uv, &config, &err);
	assert_non_null(leader);
	run_asked();
}

static int teardown(void **state)
{
	leader_stop(leader);
	leader = NULL;
	extender_teardown(&extender);
	return fake_teardown(state);
}
#define LEADER_TEST(name) TEST_WITH(name, setup, teardown)

/* Whether it was said, since the last time, that nothing is known. */
static bool was_told(void)
{
	bool told = extender.unknown_until_ms > 0;

	if (told)
		assert_true(extender.unknown_until_ms <= clock_mono_ms() + extender.reservation_ttl_ms);
	extender.unknown_until_ms = 0;
	return told;
}

LEADER_TEST(what_another_scheduler_was_promised_is_not_known_as_long_as_it_leads_and_when_ours_does_next)
{
	renew("codis-scheduler-y_4a1c", 1);
	start();
	assert_true(was_told());
	run_asked();
	assert_false(was_told()); /* it may have ended */
	renew("codis-scheduler-y_4a1c", 2);
	run_asked();
	assert_true(was_told());
	renew("codis-scheduler-x_77b0", 3);
	run_asked();
	assert_true(was_told());
}

LEADER_TEST(while_our_scheduler_leads_all_is_known)
{
	renew("codis-scheduler-x_77b0", 1);
	start();
	assert_true(was_told());
	renew("codis-scheduler-x_77b0", 2);
	run_asked();
	assert_false(was_told());
}

/* It began anew, and maybe another one led in between. */
LEADER_TEST(another_process_of_our_scheduler_is_another_leader)
{
	renew("codis-scheduler-x_77b0", 1);
	start();
	assert_true(was_told());
	renew("codis-scheduler-x_0001", 2);
	run_asked();
	assert_true(was_told());
}

LEADER_TEST(a_host_whose_name_ours_begins_with_is_another_one)
{
	renew("codis-scheduler_77b0", 1);
	start();
	assert_true(was_told());
	renew("codis-scheduler_77b0", 2);
	run_asked();
	assert_true(was_told());
	renew("codis-scheduler-xy_77b0", 3);
	run_asked();
	assert_true(was_told());
	renew("codis-scheduler-xy_77b0", 4);
	run_asked();
	assert_true(was_told());
}

/* Nobody is elected, or we have no right to see it: pods shall not wait for good. */
LEADER_TEST(without_a_lease_nothing_is_told)
{
	start();
	run_asked();
	assert_false(was_told());
	renew("codis-scheduler-y_4a1c", 1);
	fake_fail(&world->api, LEASE, 403, 1000000);
	run_asked();
	assert_false(was_told());
	fake_fail(&world->api, LEASE, 403, 0);
	run_asked();
	assert_true(was_told());
}

LEADER_TEST(a_lease_without_words_is_read)
{
	fake_apply(&world->api, LEASE, "{\"metadata\":{\"name\":\"codis-scheduler\",\"namespace\":\"codis-system\"}}");
	start();
	assert_false(was_told());
	fake_apply(&world->api, LEASE,
		   "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"holderIdentity\":7,\"renewTime\":[]}}");
	run_asked();
	assert_false(was_told());
}
