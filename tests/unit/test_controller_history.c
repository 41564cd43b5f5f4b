/* The history in its ConfigMap: it outlives a controller, and two that write do not overwrite each other. */
#include "tests/unit/fake_api.h"

#include <poll.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/codis/decisions.h"
#include "controller/history.h"
#include "tests/unit/test.h"

#define MAPS "/api/v1/namespaces/codis-system/configmaps"
#define MAP  MAPS "/codis-decisions"
#define LONG 10000
#define AT   1790000000123

struct one {
	struct fake_world *world;
	struct history *history;
	int reads;
	bool flushed;
	const char *wanted;
	struct logger log;
};

static void on_read(void *ctx)
{
	struct one *o = ctx;

	o->reads++;
}

static void begin(struct one *o, struct fake_world *w, const char *identity)
{
	struct history_config cfg = { "codis-system", identity, &o->log, 100, on_read, o };

	*o = (struct one){ .world = w, .log = { .level = LOG_LEVEL_ERROR, .fd = 2 } };
	o->history = history_new(&w->loop.uv, w->kube, &cfg);
	assert_non_null(o->history);
}

/* Whether the words stand in the ConfigMap. */
static bool is_kept(void *ctx)
{
	struct one *o = ctx;
	JSON_CLEANUP cJSON *map = fake_read(&o->world->api, MAP);
	const char *text = json_str(map, "data", "decisions", NULL);

	return text && strstr(text, o->wanted);
}

static bool has(struct one *o, const char *words)
{
	o->wanted = words;
	return fake_run(o->world, LONG, is_kept, o);
}

static bool has_asked(void *ctx)
{
	struct one *o = ctx;

	return fake_count(&o->world->api, "GET " MAP) > 0;
}

static bool has_read(void *ctx)
{
	return ((struct one *)ctx)->reads > 0;
}

static void on_flushed(void *ctx)
{
	((struct one *)ctx)->flushed = true;
}

static bool has_flushed(void *ctx)
{
	return ((struct one *)ctx)->flushed;
}

TEST_WITH(it_outlives_a_controller, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct one a, b;
	JSON_CLEANUP cJSON *map = NULL;

	begin(&a, w, "c-a");
	history_note(a.history, "shop", "codis-test", AT, "group 1 has another master");
	assert_true(has(&a, "\"product\":\"codis-test\",\"by\":\"c-a\",\"words\":\"group 1 has another master\"}"));
	history_free(a.history);
	map = fake_read(&w->api, MAP);
	assert_string_equal(json_str(map, "metadata", "labels", "app.kubernetes.io/part-of", NULL), "codis-k8s");
	begin(&b, w, "c-b");
	assert_true(fake_run(w, LONG, has_read, &b));
	assert_int_equal(history_all(b.history)->count, 1);
	history_free(b.history);
}

TEST_WITH(two_that_write_do_not_overwrite_each_other, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct one a, b;

	begin(&a, w, "c-a");
	begin(&b, w, "c-b");
	history_note(a.history, "shop", "x", AT, "by the first");
	history_note(b.history, "shop", "x", AT + 1, "by the second");
	assert_true(has(&a, "by the first"));
	assert_true(has(&b, "by the second"));
	assert_true(has(&a, "by the first"));
	history_free(a.history);
	history_free(b.history);
}

static bool has_of_another(void *ctx)
{
	const struct decisions *all = history_all(((struct one *)ctx)->history);

	return all->count == 1;
}

/* Whoever does not lead decides nothing, and its page tells what the one that leads has done. */
TEST_WITH(who_writes_nothing_hears_of_what_others_write, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct one a, b;

	begin(&a, w, "c-a");
	assert_true(fake_run(w, LONG, has_asked, &a));
	begin(&b, w, "c-b");
	history_note(b.history, "shop", "x", AT, "by the one that leads");
	assert_true(fake_run(w, LONG, has_of_another, &a));
	assert_true(a.reads > 0);
	history_free(a.history);
	history_free(b.history);
}

static bool has_said(void *ctx)
{
	struct pollfd log = { .fd = *(int *)ctx, .events = POLLIN };

	return poll(&log, 1, 0) > 0;
}

/* It is read each 30 s: what is decided after that once failed waits for nothing. */
TEST_WITH(after_a_read_that_failed_it_is_written_at_once, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	int said[2];
	struct one a;

	fake_fail(&w->api, "GET " MAP, 500, 1);
	begin(&a, w, "c-a");
	assert_int_equal(pipe(said), 0);
	a.log = (struct logger){ .level = LOG_LEVEL_WARN, .fd = said[1] };
	assert_true(fake_run(w, LONG, has_said, said));
	history_note(a.history, "shop", "x", AT, "right behind it");
	assert_true(has(&a, "right behind it"));
	history_free(a.history);
	close(said[0]);
	close(said[1]);
}

/* Another one's write is answered before ours: ours is refused, and made of what is there by then. */
TEST_WITH(whose_write_is_overtaken_reads_again, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct one a;

	fake_apply(&w->api, MAP,
		   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"codis-decisions\"},\"data\":"
		   "{}}");
	begin(&a, w, "c-a");
	fake_fail(&w->api, "PUT " MAP, 409, 1);
	history_note(a.history, "shop", "x", AT, "ours");
	assert_true(has(&a, "ours"));
	assert_int_equal(fake_count(&w->api, "PUT " MAP), 2);
	history_free(a.history);
}

TEST_WITH(what_is_not_written_yet_is_at_the_end, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct one a;

	begin(&a, w, "c-a");
	assert_true(fake_run(w, LONG, has_asked, &a));
	history_note(a.history, "shop", "x", AT, "at the last moment");
	history_flush(a.history, on_flushed, &a);
	assert_true(fake_run(w, LONG, has_flushed, &a));
	a.wanted = "at the last moment";
	assert_true(is_kept(&a));
	history_free(a.history);
}

static bool is_writing(void *ctx)
{
	return fake_blocked(&((struct one *)ctx)->world->api) > 0;
}

/* What is on its way is not written yet. */
TEST_WITH(an_end_waits_for_what_is_being_written, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct one a;

	begin(&a, w, "c-a");
	fake_block(&w->api, "POST " MAPS);
	history_note(a.history, "shop", "x", AT, "on its way");
	assert_true(fake_run(w, LONG, is_writing, &a));
	history_flush(a.history, on_flushed, &a);
	assert_false(a.flushed);
	fake_unblock(&w->api);
	assert_true(fake_run(w, LONG, has_flushed, &a));
	a.wanted = "on its way";
	assert_true(is_kept(&a));
	history_free(a.history);
}

/* The end of a controller is not held up by it. */
TEST_WITH(an_end_does_not_wait_for_an_api_server_that_hangs, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct one a;

	begin(&a, w, "c-a");
	fake_hang(&w->api, true);
	history_note(a.history, "shop", "x", AT, "unheard");
	history_flush(a.history, on_flushed, &a);
	assert_true(fake_run(w, LONG, has_flushed, &a));
	history_free(a.history);
	fake_hang(&w->api, false);
}

TEST_WITH(who_may_not_write_it_lives_without, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct one a;

	fake_fail(&w->api, MAPS, 403, 1000);
	begin(&a, w, "c-a");
	history_note(a.history, "shop", "x", AT, "kept here only");
	assert_true(fake_run(w, LONG, has_asked, &a));
	assert_int_equal(history_all(a.history)->count, 1);
	history_flush(a.history, on_flushed, &a);
	assert_true(fake_run(w, LONG, has_flushed, &a));
	history_free(a.history);
	history_note(NULL, "shop", "x", AT, "nobody keeps it");
}
