#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/net/loop.h"
#include "tests/unit/test.h"

struct fixture {
	struct loop loop;
	struct loop_timer *timer, *other;
	int calls, stops;
};

static void on_stop(void *ctx)
{
	struct fixture *f = ctx;

	f->stops++;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;

	*state = f;
	return f ? loop_init(&f->loop, on_stop, f, &err) : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_timer_stop(&f->timer);
	loop_timer_stop(&f->other);
	loop_release(&f->loop);
	free(f);
	return 0;
}

static void stop(void *ctx)
{
	struct fixture *f = ctx;

	f->calls++;
	loop_stop(&f->loop);
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(timer_once)
{
	struct fixture *f = *state;
	int64_t begin = clock_mono_ms();

	f->timer = loop_timer_start(&f->loop.uv, 30, 0, stop, f);
	loop_run(&f->loop);
	assert_int_equal(f->calls, 1);
	assert_true(clock_mono_ms() - begin >= 30);
	f->other = loop_timer_start(&f->loop.uv, 20, 0, stop, f);
	loop_run(&f->loop);
	assert_int_equal(f->calls, 2);
}

/* The loop's clock stands still while a callback runs; a timer must not come early for that. */
FIXTURE_TEST(timer_after_a_long_callback)
{
	struct fixture *f = *state;
	int64_t begin;

	usleep(60000);
	begin = clock_mono_ms();
	f->timer = loop_timer_start(&f->loop.uv, 50, 0, stop, f);
	loop_run(&f->loop);
	assert_true(clock_mono_ms() - begin >= 49);
}

static void stop_itself_at_three(void *ctx)
{
	struct fixture *f = ctx;

	if (++f->calls == 3) {
		loop_timer_stop(&f->timer);
		assert_null(f->timer);
		f->other = loop_timer_start(&f->loop.uv, 20, 0, stop, f);
	}
}

FIXTURE_TEST(timer_stops_itself)
{
	struct fixture *f = *state;

	f->timer = loop_timer_start(&f->loop.uv, 0, 1, stop_itself_at_three, f);
	loop_run(&f->loop);
	assert_int_equal(f->calls, 4);
	loop_timer_stop(&f->timer); /* nothing there: nothing happens */
}

/* Made once, set again and again: what was set before is forgotten, what was cleared does not come. */
FIXTURE_TEST(timer_is_set_anew)
{
	struct fixture *f = *state;
	int64_t begin = clock_mono_ms();

	f->timer = loop_timer_new(&f->loop.uv, stop, f);
	f->other = loop_timer_new(&f->loop.uv, stop, f);
	loop_timer_set(f->timer, 0);
	loop_timer_set(f->timer, 30);
	loop_timer_set(f->other, 0);
	loop_timer_clear(f->other);
	loop_run(&f->loop);
	assert_int_equal(f->calls, 1);
	assert_true(clock_mono_ms() - begin >= 30);
	loop_timer_set(f->timer, 0);
	loop_run(&f->loop);
	assert_int_equal(f->calls, 2);
	loop_timer_free(NULL);
}

static void set_again_at_once(void *ctx)
{
	struct fixture *f = ctx;

	if (++f->calls < 3)
		loop_timer_set(f->timer, 0);
	else
		loop_stop(&f->loop);
}

FIXTURE_TEST(timer_sets_itself)
{
	struct fixture *f = *state;

	f->timer = loop_timer_new(&f->loop.uv, set_again_at_once, f);
	loop_timer_set(f->timer, 1);
	loop_run(&f->loop);
	assert_int_equal(f->calls, 3);
}

static void end_by_signals(void *ctx)
{
	struct fixture *f = ctx;

	f->calls++;
	kill(getpid(), f->calls == 1 ? SIGTERM : SIGINT);
}

FIXTURE_TEST(signals)
{
	struct fixture *f = *state;

	f->timer = loop_timer_start(&f->loop.uv, 0, 20, end_by_signals, f);
	loop_run(&f->loop);
	assert_int_equal(f->stops, 1); /* the second signal ends the loop */
	assert_true(f->calls >= 2);
}

FIXTURE_TEST(sigpipe_is_ignored)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(write(fds[1], "x", 1), -1);
	close(fds[1]);
}

/* loop_release also closes what is still open, after a stop that nothing has seen. */
FIXTURE_TEST(release_with_open_handles)
{
	struct fixture *f = *state;
	uv_timer_t timer;

	uv_timer_init(&f->loop.uv, &timer);
	uv_timer_start(&timer, NULL, 100000, 0);
	loop_stop(&f->loop);
	loop_release(&f->loop);
	assert_true(uv_is_closing((uv_handle_t *)&timer));
	assert_int_equal(setup(state), 0);
	free(f);
}

static void stand_still(void *ctx)
{
	int64_t begin = clock_mono_ms();

	(void)ctx;
	while (clock_mono_ms() - begin < 180)
		;
}

FIXTURE_TEST(a_loop_that_stood_still_was_late)
{
	struct fixture *f = *state;
	struct metrics *m = metrics_new();
	struct loop_lateness *l = loop_lateness_start(&f->loop.uv, m);
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 16);

	f->timer = loop_timer_start(&f->loop.uv, 0, 0, stand_still, f);
	f->other = loop_timer_start(&f->loop.uv, 110, 0, stop, f); /* right behind the one of 100 ms */
	loop_run(&f->loop);
	metrics_write(m, &text);
	assert_non_null(strstr(text.data, "# HELP codis_loop_late_seconds How late a timer of 100 ms came.\n"));
	assert_non_null(strstr(text.data, "codis_loop_late_seconds_bucket{le=\"0.05\"} 0\n"));
	assert_non_null(strstr(text.data, "codis_loop_late_seconds_count 1\n"));
	loop_lateness_stop(l);
	metrics_free(m);
}
