/* When a program is stuck, when it is deaf, and when the API server is merely down. */
#include "common/base/error.h"
#include "common/kube/pulse.h"
#include "tests/unit/test.h"

TEST(a_loop_that_does_not_turn_is_stuck)
{
	struct pulse p;
	char why_not[128] = "";

	pulse_init(&p, 1000);
	assert_true(pulse_alive(&p, 1000 + PULSE_STUCK_MS - 1, why_not, sizeof(why_not)));
	assert_false(pulse_alive(&p, 1000 + PULSE_STUCK_MS, why_not, sizeof(why_not)));
	assert_string_equal(why_not, "the event loop has not turned for 10000 ms");
	assert_int_equal(pulse_turn(&p, 20000, true, NULL), 0);
	assert_true(pulse_alive(&p, 20001, why_not, sizeof(why_not)));
}

static int turns(struct pulse *p, int n, bool heard, struct error *err)
{
	for (int i = 0; i < n; i++)
		if (pulse_turn(p, i, heard, err) < 0)
			return i + 1;
	return 0;
}

TEST(neither_word_nor_failure_for_ten_minutes_is_deafness)
{
	struct pulse p;
	struct error err = ERROR_INIT;

	pulse_init(&p, 0);
	assert_int_equal(turns(&p, 700, false, &err), 600);
	assert_string_equal(err.text, "for 10 minutes nothing came from the API server, and no call to it has "
				      "failed either");
}

/* An API server that is down for a day: some call fails every minute or two, and nothing is ended for it. */
TEST(failures_are_heard_too)
{
	struct pulse p;
	struct error err;

	pulse_init(&p, 0);
	for (int minute = 0; minute < 24 * 60; minute += 2) {
		assert_int_equal(turns(&p, 119, false, &err), 0);
		assert_int_equal(turns(&p, 1, true, &err), 0);
	}
}
