/* List and watch: whatever the API server and the network do, the store ends up as what is there, each change is told
 * once, and nothing is asked for without need. */
#include "tests/unit/fake_api.h"

#include <stdatomic.h>

#include "common/kube/informer.h"
#include "common/kube/store.h"
#include "common/kube/watch.h"
#include "tests/unit/test.h"

#define PODS    "/api/v1/pods"
#define POD_A   "/api/v1/namespaces/one/pods/a"
#define POD_B   "/api/v1/namespaces/one/pods/b"
#define POD_C   "/api/v1/namespaces/two/pods/c"
#define LONG    10000
#define HURRY   10 /* waits are a tenth of what they are */
#define MUTE_MS 300

/* --- lines ------------------------------------------------------------------------------------------------------- */

struct lines {
	struct buf all; /* each with '|' behind it */
	int count, stop_at;
};

static int keep_line(void *ctx, const char *line, size_t len)
{
	struct lines *l = ctx;

	assert_true(len > 0);
	buf_add(&l->all, line, len);
	buf_addch(&l->all, '|');
	return ++l->count == l->stop_at ? 7 : 0;
}

TEST(lines_are_the_same_however_they_are_cut)
{
	static const char text[] = "{\"a\":1}\n\n{}\n0123456789abcdefghijklmnopqrstuvwxyz\n[1,2,3]\nrest";
	unsigned seed = 1;

	for (int round = 0; round < 2000; round++) {
		struct lines l = { .all = BUF_INIT(1000) };
		struct buf part = BUF_INIT(64);
		size_t at = 0, n;

		while (at < sizeof(text) - 1) {
			seed = seed * 1103515245 + 12345;
			n = 1 + (seed >> 16) % (1 + (unsigned)round % 40);
			n = n < sizeof(text) - 1 - at ? n : sizeof(text) - 1 - at;
			assert_int_equal(watch_lines(&part, text + at, n, keep_line, &l, NULL), 0);
			at += n;
		}
		assert_string_equal(l.all.data, "{\"a\":1}|{}|0123456789abcdefghijklmnopqrstuvwxyz|[1,2,3]|");
		assert_string_equal(part.data, "rest");
		buf_release(&l.all);
		buf_release(&part);
	}
}

TEST(a_line_has_a_limit)
{
	struct lines l = { .all = BUF_INIT(1000) };
	struct buf part = BUF_INIT(8);
	struct error err = ERROR_INIT;

	assert_int_equal(watch_lines(&part, "12345678\n", 9, keep_line, &l, &err), 0);
	assert_int_equal(watch_lines(&part, "123456789\n", 10, keep_line, &l, &err), -1);
	assert_int_equal(err.code, ERR_TOOBIG);
	buf_reset(&part);
	assert_int_equal(watch_lines(&part, "1234", 4, keep_line, &l, &err), 0);
	assert_int_equal(watch_lines(&part, "56789\n", 6, keep_line, &l, &err), -1);
	buf_reset(&part);
	assert_int_equal(watch_lines(&part, "1234", 4, keep_line, &l, &err), 0);
	assert_int_equal(watch_lines(&part, "56789", 5, keep_line, &l, &err), -1);
	assert_int_equal(l.count, 1);
	buf_release(&l.all);
	buf_release(&part);
}

TEST(a_reader_ends_the_reading)
{
	struct lines l = { .all = BUF_INIT(1000), .stop_at = 2 };
	struct buf part = BUF_INIT(64);

	assert_int_equal(watch_lines(&part, "a\nb\nc\n", 6, keep_line, &l, NULL), 7);
	assert_string_equal(l.all.data, "a|b|");
	buf_release(&l.all);
	buf_release(&part);
}

/* --- a watcher --------------------------------------------------------------------------------------------------- */

struct seen {
	struct fake_world *world;
	struct informer *informer;
	struct buf log; /* "+one/a " new, "~one/a(x) " changed from x, "-one/a " gone, "! " synced, "E " error */
	int errors, synced;
	int64_t synced_ms;
	const char *until; /* the log that is waited for */
	bool stop_in_set, stop_in_synced, stop_in_error, stop_in_delete;
	struct error last;
};

static void log_key(struct seen *s, const char *what, const cJSON *object)
{
	char key[STORE_KEY_MAX];

	assert_int_equal(store_key(object, key), 0);
	buf_addf(&s->log, "%s%s", what, key);
}

static void stop_now(struct seen *s)
{
	informer_stop(s->informer);
	s->informer = NULL;
}

static void on_set(void *ctx, const cJSON *object, const cJSON *old)
{
	struct seen *s = ctx;
	const char *value = json_str(old, "data", NULL);

	log_key(s, old ? "~" : "+", object);
	if (old)
		buf_addf(&s->log, "(%s)", value ? value : "");
	buf_addch(&s->log, ' ');
	if (s->stop_in_set)
		stop_now(s);
}

static void on_delete(void *ctx, const cJSON *object)
{
	struct seen *s = ctx;

	log_key(s, "-", object);
	buf_addch(&s->log, ' ');
	if (s->stop_in_delete)
		stop_now(s);
}

static void on_synced(void *ctx)
{
	struct seen *s = ctx;

	s->synced++;
	s->synced_ms = clock_mono_ms();
	buf_addstr(&s->log, "! ");
	if (s->stop_in_synced)
		stop_now(s);
}

static void on_error(void *ctx, const struct error *err)
{
	struct seen *s = ctx;

	s->errors++;
	s->last = *err;
	if (s->stop_in_error)
		stop_now(s);
}

static void start_with(struct seen *s, struct fake_world *w, int mute_ms)
{
	struct informer_config cfg = { .path = PODS,
				       .mute_ms = mute_ms,
				       .hurry = HURRY,
				       .on_set = on_set,
				       .on_delete = on_delete,
				       .on_synced = on_synced,
				       .on_error = on_error,
				       .ctx = s };
	struct error err;

	*s = (struct seen){ .world = w, .log = BUF_INIT(1 << 20) };
	s->informer = informer_start(&w->loop.uv, w->kube, &cfg, &err);
	assert_non_null(s->informer);
}

/* Its watches are given up soon. */
static void start_mute(struct seen *s, struct fake_world *w, struct informer_config cfg)
{
	struct error err;

	cfg.path = PODS;
	cfg.mute_ms = MUTE_MS;
	cfg.on_set = on_set;
	cfg.on_delete = on_delete;
	cfg.on_synced = on_synced;
	cfg.on_error = on_error;
	cfg.ctx = s;
	*s = (struct seen){ .world = w, .log = BUF_INIT(1 << 20) };
	s->informer = informer_start(&w->loop.uv, w->kube, &cfg, &err);
	assert_non_null(s->informer);
}

static void start_paged(struct seen *s, struct fake_world *w, const char *path, int page)
{
	struct informer_config cfg = { .path = path,
				       .page = page,
				       .hurry = HURRY,
				       .on_set = on_set,
				       .on_delete = on_delete,
				       .on_synced = on_synced,
				       .on_error = on_error,
				       .ctx = s };
	struct error err;

	*s = (struct seen){ .world = w, .log = BUF_INIT(1 << 20) };
	s->informer = informer_start(&w->loop.uv, w->kube, &cfg, &err);
	assert_non_null(s->informer);
}

static void start_at(struct seen *s, struct fake_world *w, const char *path)
{
	start_paged(s, w, path, 0);
}

static void stop(struct seen *s)
{
	informer_stop(s->informer);
	buf_release(&s->log);
}

static bool log_is(void *ctx)
{
	struct seen *s = ctx;

	return strcmp(s->log.data, s->until) == 0;
}

/* The log becomes this, and is emptied. */
static void expect(struct seen *s, const char *log)
{
	s->until = log;
	if (!fake_run(s->world, LONG, log_is, s))
		fail_msg("\"%s\" was seen, not \"%s\" (error: %s)", s->log.data, log, s->last.text);
	buf_reset(&s->log);
}

static bool is_watched(void *ctx)
{
	struct seen *s = ctx;

	return fake_count(&s->world->api, "watch=1") > 0;
}

static bool is_watched_again(void *ctx)
{
	struct seen *s = ctx;

	return fake_count(&s->world->api, "watch=1") > 1;
}

static void three_pods(struct fake_world *w)
{
	fake_apply(&w->api, POD_A, "{\"data\":\"1\"}");
	fake_apply(&w->api, POD_B, "{\"data\":\"1\"}");
	fake_apply(&w->api, POD_C, "{\"data\":\"1\"}");
}

#define FIXTURE_TEST(name) TEST_WITH(name, fake_setup, fake_teardown)

FIXTURE_TEST(it_lists_and_then_follows)
{
	struct fake_world *w = *state;
	struct seen s;

	w->api.fragment = 7;
	three_pods(w);
	start_at(&s, w, PODS);
	assert_false(informer_synced(s.informer));
	assert_int_equal(informer_age_ms(s.informer), -1);
	expect(&s, "+one/a +one/b +two/c ! ");
	assert_true(informer_synced(s.informer));
	assert_in_range(informer_age_ms(s.informer), 0, LONG);
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	fake_delete(&w->api, POD_B);
	fake_apply(&w->api, "/api/v1/namespaces/two/pods/d", "{}");
	expect(&s, "~one/a(1) -one/b +two/d ");
	assert_int_equal(fake_count(&w->api, "GET"), 2);
	assert_int_equal(s.errors, 0);
	stop(&s);
}

/* --- pages ------------------------------------------------------------------------------------------------------- */

static int count_one(void *ctx, const cJSON *object)
{
	(void)object;
	++*(int *)ctx;
	return 0;
}

static bool is_synced(void *ctx)
{
	struct seen *s = ctx;

	return s->synced > 0;
}

static void many_pods(struct fake_world *w, int n)
{
	char path[FAKE_PATH];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/api/v1/namespaces/one/pods/p%04d", i);
		fake_apply(&w->api, path, "{}");
	}
}

FIXTURE_TEST(a_long_list_comes_in_pages)
{
	struct fake_world *w = *state;
	struct seen s;
	int n = 0;

	many_pods(w, 1203);
	start_at(&s, w, PODS);
	assert_true(fake_run(w, LONG, is_synced, &s));
	assert_int_equal(fake_count(&w->api, "limit=100"), 13);
	assert_int_equal(fake_count(&w->api, "continue=1000/%"), 1);
	informer_each(s.informer, count_one, &n);
	assert_int_equal(n, 1203);
	assert_int_equal(s.synced, 1);
	stop(&s);
}

static bool is_synced_again(void *ctx)
{
	struct seen *s = ctx;

	return s->synced > 1;
}

static void list_again(struct seen *s)
{
	assert_true(fake_run(s->world, LONG, is_watched, s));
	fake_compact(&s->world->api, false);
	fake_end_watches(&s->world->api, false);
	assert_true(fake_run(s->world, LONG, is_synced_again, s));
}

FIXTURE_TEST(pages_that_are_too_old_are_asked_for_once_more)
{
	struct fake_world *w = *state;
	struct seen s;
	int n = 0;

	many_pods(w, 250);
	fake_fail(&w->api, "continue=100/%", 410, 1);
	start_at(&s, w, PODS);
	assert_true(fake_run(w, LONG, is_synced, &s));
	informer_each(s.informer, count_one, &n);
	assert_int_equal(n, 250);
	assert_int_equal(s.errors, 0);
	assert_int_equal(fake_count(&w->api, "limit=100"), 5); /* two of them in vain */
	assert_int_equal(fake_count_but(&w->api, "GET /api/v1/pods", "watch=1"), 5);
	stop(&s);
}

FIXTURE_TEST(the_whole_is_asked_for_once_and_pages_the_next_time)
{
	struct fake_world *w = *state;
	struct seen s;
	int n = 0;

	many_pods(w, 250);
	fake_fail(&w->api, "continue=", 410, 2);
	start_at(&s, w, PODS);
	assert_true(fake_run(w, LONG, is_synced, &s));
	informer_each(s.informer, count_one, &n);
	assert_int_equal(n, 250);
	assert_int_equal(s.errors, 0);
	assert_int_equal(fake_count(&w->api, "limit=100"), 4);
	list_again(&s);
	assert_int_equal(fake_count(&w->api, "limit=100"), 4 + 3);
	assert_int_equal(fake_count_but(&w->api, "GET /api/v1/pods", "watch=1"), 5 + 3);
	stop(&s);
}

FIXTURE_TEST(a_whole_list_that_fails_is_followed_by_pages)
{
	struct fake_world *w = *state;
	struct seen s;

	many_pods(w, 150);
	fake_fail(&w->api, "continue=", 410, 2);
	fake_block(&w->api, "GET");
	start_at(&s, w, PODS);
	fake_unblock(&w->api);
	while (fake_count(&w->api, "limit=100") < 4)
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	fake_fail(&w->api, "GET", 500, 1); /* the whole, or what comes right behind it */
	assert_true(fake_run(w, LONG, is_synced, &s));
	list_again(&s);
	assert_true(fake_count(&w->api, "limit=100") >= 6);
	stop(&s);
}

/* --- objects made anew -------------------------------------------------------------------------------------------- */

#define ANEW "{\"metadata\":{\"uid\":\"%s\"},\"data\":\"%s\"}"

static void make_anew(struct fake_world *w, const char *path, const char *uid, const char *data)
{
	char text[200];

	snprintf(text, sizeof(text), ANEW, uid, data);
	fake_apply(&w->api, path, text);
}

/* The old one is told as gone and the new one as new: whoever keeps objects by their uid would have both else. */
FIXTURE_TEST(an_object_made_anew_is_gone_and_then_new)
{
	struct fake_world *w = *state;
	struct seen s;

	make_anew(w, POD_A, "one", "1");
	start_at(&s, w, PODS);
	expect(&s, "+one/a ! ");
	assert_true(fake_run(w, LONG, is_watched, &s));
	make_anew(w, POD_A, "two", "2"); /* MODIFIED is all that is heard of it */
	expect(&s, "-one/a +one/a ");
	make_anew(w, POD_A, "two", "3");
	expect(&s, "~one/a(2) ");
	fake_block(&w->api, "GET");
	fake_end_watches(&w->api, false);
	make_anew(w, POD_A, "three", "4");
	fake_compact(&w->api, false);
	fake_unblock(&w->api);
	expect(&s, "-one/a +one/a ! "); /* and so in a list */
	assert_int_equal(s.errors, 0);
	stop(&s);
}

static void stop_in_delete(struct fake_world *w, struct seen *s)
{
	make_anew(w, POD_A, "one", "1");
	start_at(s, w, PODS);
	expect(s, "+one/a ! ");
	s->stop_in_delete = true;
	make_anew(w, POD_A, "two", "2");
	expect(s, "-one/a ");
	stop(s);
}

FIXTURE_TEST(the_owner_may_stop_it_between_the_two)
{
	struct seen s;

	stop_in_delete(*state, &s);
}

/* --- a version that goes back ------------------------------------------------------------------------------------ */

static void etcd_is_restored(struct fake_world *w, bool refused, bool mute)
{
	struct seen s;

	three_pods(w);
	w->api.future_refused = refused;
	w->api.version = 1000;
	fake_apply(&w->api, "/api/v1/namespaces/two/pods/d", "{}");
	start_with(&s, w, mute ? MUTE_MS : 0);
	expect(&s, "+one/a +one/b +two/c +two/d ! ");
	assert_true(fake_run(w, LONG, is_watched, &s));
	fake_mute(&w->api, mute); /* a watch from a later version waits for it, and says nothing meanwhile */
	fake_delete(&w->api, "/api/v1/namespaces/two/pods/d");
	if (!mute)
		expect(&s, "-two/d ");
	fake_block(&w->api, "GET");
	fake_rewind(&w->api, 100);
	fake_apply(&w->api, POD_A, "{\"data\":\"7\"}"); /* under the version that it had before */
	fake_delete(&w->api, POD_B);
	fake_unblock(&w->api);
	expect(&s, mute ? "~one/a(1) -one/b -two/d ! " : "~one/a(1) -one/b ! ");
	assert_true(s.errors > 0);
	fake_mute(&w->api, false);
	fake_apply(&w->api, POD_A, "{\"data\":\"8\"}");
	expect(&s, "~one/a(7) ");
	stop(&s);
}

FIXTURE_TEST(a_bookmark_that_goes_back_leads_to_a_list)
{
	etcd_is_restored(*state, false, false);
}

FIXTURE_TEST(a_version_that_is_too_large_leads_to_a_list)
{
	etcd_is_restored(*state, true, false);
}

FIXTURE_TEST(a_watch_that_waits_for_a_lost_version_leads_to_a_list)
{
	etcd_is_restored(*state, false, true);
}

/* --- objects that cannot be kept --------------------------------------------------------------------------------- */

static void spoil(struct fake_world *w, const char *path, const char *member)
{
	pthread_mutex_lock(&w->api.lock);
	cJSON_DeleteItemFromObject(
		cJSON_GetObjectItem(cJSON_GetObjectItemCaseSensitive(w->api.objects, path), "metadata"), member);
	pthread_mutex_unlock(&w->api.lock);
}

FIXTURE_TEST(one_object_that_is_none_hides_no_other)
{
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	spoil(w, POD_A, "name");
	spoil(w, POD_B, "uid");
	start_at(&s, w, PODS);
	expect(&s, "+two/c ! ");
	assert_true(fake_run(w, LONG, is_watched, &s));
	fake_garbage(&w->api, PODS,
		     "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"105\"}}}");
	fake_garbage(&w->api, PODS,
		     "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"uid\":\"x\",\"resourceVersion\":\"106\"}}}");
	fake_apply(&w->api, "/api/v1/namespaces/two/pods/d", "{}");
	expect(&s, "+two/d ");
	assert_int_equal(s.errors, 1); /* four of them within the minute */
	assert_string_equal(s.last.text,
			    "list /api/v1/pods: left out 1 without a uid or a name, or with too long a one");
	stop(&s);
}

/* --- a watch that ends ------------------------------------------------------------------------------------------- */

/* What stands on the other pages may be anything. */
FIXTURE_TEST(a_page_is_not_the_whole)
{
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	fake_block(&w->api, "continue=");
	start_paged(&s, w, PODS, 1);
	expect(&s, "+one/a ");
	assert_in_range(informer_age_ms(s.informer), 0, LONG);
	assert_int_equal(informer_whole_age_ms(s.informer), -1);
	fake_unblock(&w->api);
	expect(&s, "+one/b +two/c ! ");
	assert_in_range(informer_whole_age_ms(s.informer), 0, LONG);
	stop(&s);
}

/* An event may be the first of many that were missed. */
struct whole {
	const struct informer *informer;
	int64_t after_ms;
};

/* Two clocks are read: it may seem to have been a millisecond sooner. */
static bool is_whole_since(void *ctx)
{
	const struct whole *whole = ctx;

	return clock_mono_ms() - informer_whole_age_ms(whole->informer) > whole->after_ms + 1;
}

FIXTURE_TEST(an_event_is_not_the_whole_but_a_bookmark_is)
{
	struct fake_world *w = *state;
	struct whole whole;
	struct seen s;

	three_pods(w);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	whole.informer = s.informer;
	whole.after_ms = clock_mono_ms() - informer_whole_age_ms(s.informer);
	while (clock_mono_ms() <= whole.after_ms + 3)
		;
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	expect(&s, "~one/a(1) ");
	assert_false(is_whole_since(&whole));
	fake_bookmark(&w->api, PODS);
	assert_true(fake_run(w, LONG, is_whole_since, &whole));
	stop(&s);
}

FIXTURE_TEST(a_watch_goes_on_from_the_last_bookmark)
{
	struct fake_world *w = *state;
	char last[2048], wanted[64];
	struct seen s;

	three_pods(w);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	fake_delete(&w->api, POD_A);
	expect(&s, "-one/a ");
	fake_bookmark(&w->api, PODS);
	snprintf(wanted, sizeof(wanted), "resourceVersion=%ld", w->api.version);
	fake_end_watches(&w->api, false);
	assert_true(fake_run(w, LONG, is_watched_again, &s));
	assert_non_null(strstr(fake_last(&w->api, "watch=1", last), wanted));
	fake_apply(&w->api, POD_B, "{\"data\":\"2\"}");
	expect(&s, "~one/b(1) ");
	assert_int_equal(fake_count(&w->api, "limit="), 1);
	assert_int_equal(s.errors, 0);
	stop(&s);
}

FIXTURE_TEST(a_broken_watch_misses_nothing)
{
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	expect(&s, "~one/a(1) ");
	assert_true(fake_run(w, LONG, is_watched, &s));
	fake_block(&w->api, "watch=1");
	fake_end_watches(&w->api, true);
	fake_delete(&w->api, POD_C);
	fake_apply(&w->api, POD_A, "{\"data\":\"3\"}");
	fake_unblock(&w->api);
	expect(&s, "-two/c ~one/a(2) ");
	assert_int_equal(s.errors, 1);
	assert_int_equal(fake_count(&w->api, "limit="), 1);
	stop(&s);
}

static void too_old_is_listed_again(struct fake_world *w, bool as_event)
{
	struct seen s;

	three_pods(w);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	assert_true(fake_run(w, LONG, is_watched, &s));
	fake_block(&w->api, "GET"); /* until all of this has happened */
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	expect(&s, "~one/a(1) ");
	fake_end_watches(&w->api, false);
	fake_apply(&w->api, POD_B, "{\"data\":\"2\"}");
	fake_delete(&w->api, POD_C);
	fake_apply(&w->api, "/api/v1/namespaces/two/pods/d", "{}");
	fake_compact(&w->api, as_event);
	fake_unblock(&w->api);
	expect(&s, "~one/b(1) +two/d -two/c ! "); /* and not a word on one/a */
	assert_int_equal(s.errors, 0);
	fake_apply(&w->api, POD_A, "{\"data\":\"3\"}");
	expect(&s, "~one/a(2) ");
	stop(&s);
}

FIXTURE_TEST(too_old_as_http)
{
	too_old_is_listed_again(*state, false);
}

FIXTURE_TEST(too_old_as_an_event)
{
	too_old_is_listed_again(*state, true);
}

FIXTURE_TEST(what_cannot_be_read_is_listed_again)
{
	static const char *const lines[] = { "{", "[]", "{\"type\":\"ADDED\"}", "{\"type\":\"ADDED\",\"object\":{}}",
					     "{\"type\":\"X\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}" };
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		start_at(&s, w, PODS);
		expect(&s, "+one/a +one/b +two/c ! ");
		fake_garbage(&w->api, PODS, lines[i]);
		expect(&s, "! ");
		assert_int_equal(s.errors, 1);
		assert_int_equal(s.last.code == ERR_PROTOCOL || s.last.code == ERR_INVALID, 1);
		assert_non_null(strstr(s.last.text, "watch /api/v1/pods: "));
		stop(&s);
	}
}

/* It is parsed object by object: what comes before a fault is taken in, and the whole is asked for again. */
FIXTURE_TEST(a_list_that_cannot_be_read_is_asked_for_again)
{
#define ONE     "{\"metadata\":{\"namespace\":\"one\",\"name\":\"a\",\"uid\":\"1\",\"resourceVersion\":\"1\"}}"
#define VERSION "\"metadata\":{\"resourceVersion\":\"103\"}"
	static const struct {
		const char *list, *seen, *why;
	} cases[] = {
		{ "", "+one/a +one/b +two/c ! ", "no JSON object" },
		{ "[]", "+one/a +one/b +two/c ! ", "no JSON object" },
		{ "{" VERSION ",\"items\":[" ONE, "+one/a +one/b +two/c ! ", "not the whole of it" },
		{ "{\"items\":[" ONE "]}", "+one/a +one/b +two/c ! ", "without a resourceVersion" },
		{ "{\"metadata\":{\"resourceVersion\":5},\"items\":[]}", "+one/a +one/b +two/c ! ",
		  "without a resourceVersion" },
		{ "{\"metadata\":{x},\"items\":[" ONE "]}", "+one/a +one/b +two/c ! ", "the list is not JSON" },
		{ "{" VERSION ",\"items\":[" ONE ",{x}]}", "+one/a -one/a +one/a +one/b +two/c ! ",
		  "the list is not JSON" },
		{ "{" VERSION ",\"items\":[" ONE " " ONE "]}", "+one/a -one/a +one/a +one/b +two/c ! ",
		  "the list is not JSON" },
		{ "{\"items\":[" ONE "]," VERSION "}", "+one/a ! ", NULL },
		{ "{" VERSION ",\"items\":null}", "! ", NULL },
	};
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w->api.odd_list = cases[i].list;
		start_at(&s, w, PODS);
		expect(&s, cases[i].seen);
		assert_int_equal(s.errors, cases[i].why != NULL);
		if (cases[i].why) {
			assert_non_null(strstr(s.last.text, "list /api/v1/pods: "));
			assert_non_null(strstr(s.last.text, cases[i].why));
		}
		stop(&s);
	}
}

/* --- an API server in trouble ------------------------------------------------------------------------------------ */

static bool has_failed(void *ctx)
{
	struct seen *s = ctx;

	return s->errors > 0;
}

FIXTURE_TEST(it_waits_for_an_api_server_that_is_not_there)
{
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	fake_down(&w->api);
	start_at(&s, w, PODS);
	assert_true(fake_run(w, LONG, has_failed, &s));
	assert_int_equal(s.last.code, ERR_REFUSED);
	assert_false(informer_synced(s.informer));
	fake_up(&w->api);
	expect(&s, "+one/a +one/b +two/c ! ");
	stop(&s);
}

FIXTURE_TEST(it_comes_back_after_a_restart_without_a_list)
{
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	assert_true(fake_run(w, LONG, is_watched, &s));
	fake_down(&w->api);
	fake_delete(&w->api, POD_A);
	assert_true(fake_run(w, LONG, has_failed, &s));
	fake_up(&w->api);
	expect(&s, "-one/a ");
	assert_int_equal(fake_count(&w->api, "limit="), 1);
	stop(&s);
}

FIXTURE_TEST(a_refused_list_is_told_and_tried_again)
{
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	fake_fail(&w->api, PODS, 403, 1);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	assert_int_equal(s.errors, 1);
	assert_int_equal(s.last.code, ERR_DENIED);
	assert_string_equal(s.last.text, "GET /api/v1/pods: HTTP 403: as the test asked");
	stop(&s);
}

static bool two_watches(void *ctx)
{
	struct seen *s = ctx;

	return fake_count(&s->world->api, "watch=1") >= 2;
}

static bool three_watches(void *ctx)
{
	struct seen *s = ctx;

	return fake_count(&s->world->api, "watch=1") >= 3;
}

FIXTURE_TEST(a_watch_that_ends_at_once_is_no_circle)
{
	struct fake_world *w = *state;
	int64_t began;
	struct seen s;

	fake_compact(&w->api, false);
	w->api.oldest += 1000000; /* every watch is too old */
	start_at(&s, w, PODS);
	began = clock_mono_ms();
	assert_true(fake_run(w, LONG, three_watches, &s));
	assert_true(clock_mono_ms() - began >= 400 / HURRY);
	stop(&s);
}

/* --- manners ----------------------------------------------------------------------------------------------------- */

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

/* 7,500 of them a second came to this, with a line in the log for each. */
static void ends_each_watch(struct fake_world *w, bool breaking)
{
	struct seen s;

	fake_hot(&w->api, true, breaking);
	start_at(&s, w, PODS);
	expect(&s, "! ");
	assert_true(fake_run(w, LONG, two_watches, &s));
	assert_true(clock_mono_ms() - s.synced_ms >= 950 / HURRY); /* the first one began with that */
	fake_run(w, 2000 / HURRY, never, NULL);
	assert_in_range(fake_count(&w->api, "watch=1"), 1, 4);
	assert_in_range(s.errors, breaking, 4);
	assert_int_equal(fake_count(&w->api, "limit="), 1);
	fake_hot(&w->api, false, false);
	fake_apply(&w->api, POD_A, "{}");
	expect(&s, "+one/a ");
	stop(&s);
}

FIXTURE_TEST(a_server_that_ends_each_watch_is_asked_once_a_second)
{
	ends_each_watch(*state, false);
}

FIXTURE_TEST(a_server_that_breaks_each_watch_is_asked_once_a_second)
{
	ends_each_watch(*state, true);
}

FIXTURE_TEST(a_server_that_asks_for_a_pause_has_it)
{
	struct fake_world *w = *state;
	int64_t began;
	struct seen s;

	three_pods(w);
	fake_fail_with_pause(&w->api, "limit=", 429, 1, 2);
	start_at(&s, w, PODS);
	assert_true(fake_run(w, LONG, has_failed, &s));
	began = clock_mono_ms();
	fake_fail_with_pause(&w->api, "watch=1", 503, 1, 2);
	expect(&s, "+one/a +one/b +two/c ! ");
	assert_true(clock_mono_ms() - began >= 1900 / HURRY);
	assert_true(fake_run(w, LONG, is_watched, &s));
	began = clock_mono_ms();
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	expect(&s, "~one/a(1) ");
	assert_true(clock_mono_ms() - began >= 1800 / HURRY);
	assert_int_equal(fake_count(&w->api, "limit="),
			 2); /* it had no time, which says nothing against what we have */
	assert_int_equal(s.errors, 2);
	stop(&s);
}

FIXTURE_TEST(a_pause_that_an_event_asks_for_is_one)
{
	static const char line[] =
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":429,\"message\":\"slow "
		"down\",\"details\":{\"retryAfterSeconds\":2}}}";
	struct fake_world *w = *state;
	int64_t began;
	struct seen s;

	three_pods(w);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	fake_garbage(&w->api, PODS, line);
	assert_true(fake_run(w, LONG, has_failed, &s));
	assert_string_equal(s.last.text, "watch /api/v1/pods: HTTP 429: slow down");
	began = clock_mono_ms();
	pthread_mutex_lock(&w->api.lock);
	cJSON_DeleteItemFromArray(w->api.events, cJSON_GetArraySize(w->api.events) - 1); /* it is not said twice */
	pthread_mutex_unlock(&w->api.lock);
	assert_true(fake_run(w, LONG, is_watched_again, &s));
	assert_true(clock_mono_ms() - began >= 1900 / HURRY);
	assert_int_equal(fake_count(&w->api, "limit="), 1);
	stop(&s);
}

/* The way was cut, and is not any more. */
FIXTURE_TEST(what_a_mute_watch_has_missed_the_next_one_tells)
{
	struct fake_world *w = *state;
	int64_t began;
	struct seen s;

	three_pods(w);
	start_mute(&s, w, (struct informer_config){ .hurry = 1 });
	expect(&s, "+one/a +one/b +two/c ! ");
	began = clock_mono_ms();
	fake_mute(&w->api, true);
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	assert_true(fake_run(w, LONG, is_watched_again, &s));
	assert_int_equal(s.errors, 0);
	fake_mute(&w->api, false);
	expect(&s, "~one/a(1) ");
	assert_true(informer_age_ms(s.informer) < clock_mono_ms() - began);
	assert_int_equal(s.errors, 1);
	assert_int_equal(s.last.code, ERR_TIMEOUT);
	assert_non_null(strstr(s.last.text, "not a byte for "));
	assert_int_equal(fake_count(&w->api, "limit="), 1); /* from where it was */
	stop(&s);
}

static bool is_watched_a_third_time(void *ctx)
{
	struct seen *s = ctx;

	return fake_count(&s->world->api, "watch=1") > 2;
}

/* Which is given more time than the next one would have. */
FIXTURE_TEST(a_watch_that_was_heard_after_a_mute_one_is_followed_by_another)
{
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	start_mute(&s, w, (struct informer_config){ .hurry = 1 });
	expect(&s, "+one/a +one/b +two/c ! ");
	fake_mute(&w->api, true);
	assert_true(fake_run(w, LONG, is_watched_again, &s));
	fake_mute(&w->api, false);
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	assert_true(fake_run(w, LONG, is_watched_a_third_time, &s));
	assert_string_equal(s.log.data, "~one/a(1) ");
	assert_int_equal(s.errors, 1);
	fake_apply(&w->api, POD_B, "{\"data\":\"2\"}");
	expect(&s, "~one/a(1) ~one/b(1) ");
	stop(&s);
}

/* Something on the way holds back what is said, and not what is asked. */
static void way_is_cut(struct fake_world *w, bool names_only)
{
	int64_t began;
	struct seen s;

	three_pods(w);
	start_mute(&s, w, (struct informer_config){ .names_only = names_only, .hurry = HURRY });
	expect(&s, "+one/a +one/b +two/c ! ");
	began = clock_mono_ms();
	fake_mute(&w->api, true);
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	expect(&s, names_only ? "~one/b(1) ~two/c(1) ~one/a(2) ! " : "~one/a(1) ! ");
	assert_true(informer_age_ms(s.informer) >= clock_mono_ms() - began);
	assert_true(informer_whole_age_ms(s.informer) < informer_age_ms(s.informer)); /* it is known now */
	assert_int_equal(s.errors, 1);
	assert_int_equal(s.last.code, ERR_TIMEOUT);
	assert_non_null(strstr(s.last.text, "not a byte for "));
	fake_delete(&w->api, POD_B);
	expect(&s, names_only ? "~two/c(1) ~one/a(2) -one/b ! " : "-one/b ! ");
	assert_true(informer_age_ms(s.informer) >= clock_mono_ms() - began);
	assert_int_equal(s.errors, 2);
	began = clock_mono_ms();
	fake_mute(&w->api, false);
	fake_apply(&w->api, POD_A, "{\"data\":\"3\"}");
	expect(&s, names_only ? "~one/a(3) " : "~one/a(2) ");
	assert_true(informer_age_ms(s.informer) <= clock_mono_ms() - began);
	stop(&s);
}

FIXTURE_TEST(a_list_that_shows_that_a_mute_watch_has_missed_something_does_not_count)
{
	way_is_cut(*state, false);
}

FIXTURE_TEST(a_list_of_names_that_shows_it_does_not_count)
{
	way_is_cut(*state, true);
}

static bool is_listed_often(void *ctx)
{
	return ((struct seen *)ctx)->synced > 3;
}

/* An API server that has no bookmarks for it. */
static void nothing_happens(struct fake_world *w, bool names_only)
{
	int64_t began;
	struct seen s;

	three_pods(w);
	start_mute(&s, w, (struct informer_config){ .names_only = names_only, .hurry = HURRY });
	expect(&s, "+one/a +one/b +two/c ! ");
	fake_mute(&w->api, true);
	began = clock_mono_ms();
	assert_true(fake_run(w, LONG, is_listed_often, &s));
	assert_true(informer_age_ms(s.informer) < clock_mono_ms() - began);
	assert_true(informer_whole_age_ms(s.informer) < clock_mono_ms() - began);
	assert_int_equal(fake_count(&w->api, "limit="), 4);
	assert_in_range(fake_count(&w->api, "watch=1"), 6, 7); /* two mute ones are followed by a list */
	assert_int_equal(s.errors, 0);
	stop(&s);
}

FIXTURE_TEST(a_list_that_shows_that_a_mute_watch_has_missed_nothing_counts)
{
	nothing_happens(*state, false);
}

FIXTURE_TEST(a_list_of_names_that_shows_it_counts)
{
	nothing_happens(*state, true);
}

static bool has_failed_often(void *ctx)
{
	return ((struct seen *)ctx)->errors > 3;
}

FIXTURE_TEST(a_server_that_hangs_is_not_heard)
{
	struct fake_world *w = *state;
	int64_t began;
	struct seen s;

	three_pods(w);
	start_mute(&s, w, (struct informer_config){ .list_idle_ms = MUTE_MS, .hurry = HURRY });
	expect(&s, "+one/a +one/b +two/c ! ");
	began = clock_mono_ms();
	fake_hang(&w->api, true);
	assert_true(fake_run(w, LONG, has_failed_often, &s));
	assert_true(informer_age_ms(s.informer) >= clock_mono_ms() - began);
	assert_true(informer_whole_age_ms(s.informer) >= clock_mono_ms() - began);
	fake_apply(&w->api, POD_A, "{\"data\":\"2\"}");
	fake_hang(&w->api, false);
	expect(&s, "~one/a(1) ! ");
	assert_true(informer_age_ms(s.informer) < clock_mono_ms() - began); /* it has not spoken and held back */
	stop(&s);
}

/* --- lists that do not end -------------------------------------------------------------------------------------- */

/* A list that has no end is no reason to ask thousands of times a second. */
static void expect_pauses(struct fake_world *w, const char *words, int most)
{
	struct seen s;

	start_at(&s, w, PODS);
	assert_true(fake_run(w, LONG, has_failed, &s));
	assert_non_null(strstr(s.last.text, words));
	assert_in_range(fake_count(&w->api, "GET /api/v1/pods"), 2, most);
	assert_false(informer_synced(s.informer));
	stop(&s);
}

FIXTURE_TEST(pages_that_follow_themselves_are_no_list)
{
	struct fake_world *w = *state;

	w->api.endless = 1;
	expect_pauses(w, "list /api/v1/pods: the list's continue token leads to the same page again", 2);
}

FIXTURE_TEST(empty_pages_without_an_end_are_no_list)
{
	struct fake_world *w = *state;

	w->api.endless = 2;
	expect_pauses(w, "list /api/v1/pods: a list of pages with nothing on them", 11);
}

FIXTURE_TEST(pages_that_are_always_too_old_are_asked_for_with_pauses)
{
	struct fake_world *w = *state;

	w->api.endless = 2;
	fake_fail(&w->api, "continue=", 410, 1000);
	expect_pauses(w, "410", 6);
}

FIXTURE_TEST(a_list_that_is_not_answered_is_asked_for_again_soon)
{
	struct fake_world *w = *state;
	struct informer_config cfg = {
		.path = PODS, .list_idle_ms = 300, .hurry = HURRY, .on_synced = on_synced, .on_error = on_error
	};
	struct seen s = { .world = w, .log = BUF_INIT(1 << 20) };
	struct error err;

	three_pods(w);
	fake_block_some(&w->api, "GET", 1);
	cfg.ctx = &s;
	s.informer = informer_start(&w->loop.uv, w->kube, &cfg, &err);
	assert_non_null(s.informer);
	assert_true(fake_run(w, LONG, is_synced, &s));
	assert_int_equal(s.errors, 1);
	assert_int_equal(s.last.code, ERR_TIMEOUT);
	assert_non_null(strstr(s.last.text, "not a byte for "));
	fake_unblock(&w->api);
	stop(&s);
}

/* --- any history ------------------------------------------------------------------------------------------------- */

#define NAMES 6

/* What the callbacks came to, by name: a uid and a value. */
struct model {
	struct seen seen;
	char uid[NAMES][32], value[NAMES][32];
	bool wrong;
};

static int name_of(const cJSON *object)
{
	return json_str(object, "metadata", "name", NULL)[0] - 'a';
}

static void model_set(void *ctx, const cJSON *object, const cJSON *old)
{
	struct model *m = ctx;
	const char *uid = json_str(object, "metadata", "uid", NULL), *value = json_str(object, "data", NULL);
	int i = name_of(object);

	/* new where there was none, changed where the same one was */
	m->wrong |= strcmp(m->uid[i], old ? uid : "") != 0;
	snprintf(m->uid[i], sizeof(m->uid[i]), "%s", uid);
	snprintf(m->value[i], sizeof(m->value[i]), "%s", value);
}

static void model_delete(void *ctx, const cJSON *object)
{
	struct model *m = ctx;
	int i = name_of(object);

	m->wrong |= strcmp(m->uid[i], json_str(object, "metadata", "uid", NULL)) != 0;
	m->uid[i][0] = m->value[i][0] = '\0';
}

static bool model_is(void *ctx)
{
	struct model *m = ctx;
	struct fake_api *a = &m->seen.world->api;
	bool is = true;

	pthread_mutex_lock(&a->lock);
	for (int i = 0; i < NAMES; i++) {
		char path[FAKE_PATH];
		const char *uid, *value;
		const cJSON *object;

		snprintf(path, sizeof(path), "/api/v1/namespaces/one/pods/%c", 'a' + i);
		object = cJSON_GetObjectItemCaseSensitive(a->objects, path);
		uid = json_str(object, "metadata", "uid", NULL);
		value = json_str(object, "data", NULL);
		is &= strcmp(m->uid[i], uid ? uid : "") == 0 && strcmp(m->value[i], value ? value : "") == 0;
	}
	pthread_mutex_unlock(&a->lock);
	return is || m->wrong;
}

static unsigned random_of(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % n;
}

static void something_happens(struct fake_world *w, unsigned *seed, int turn)
{
	unsigned what = random_of(seed, 20);
	char path[FAKE_PATH], uid[32], value[32];
	JSON_CLEANUP cJSON *object = NULL;

	snprintf(path, sizeof(path), "/api/v1/namespaces/one/pods/%c", 'a' + (int)random_of(seed, NAMES));
	object = fake_read(&w->api, path);
	snprintf(value, sizeof(value), "v%d", turn);
	snprintf(uid, sizeof(uid), "u%d", turn);
	if (what < 6) {
		const char *is = json_str(object, "metadata", "uid", NULL);

		make_anew(w, path, is ? is : uid, value);
	} else if (what < 9) {
		make_anew(w, path, uid, value); /* MODIFIED is all that is heard */
	} else if (what < 13) {
		if (object)
			fake_delete(&w->api, path);
	} else if (what < 15) {
		fake_end_watches(&w->api, random_of(seed, 2));
	} else if (what < 16) {
		fake_compact(&w->api, random_of(seed, 2));
		fake_end_watches(&w->api, random_of(seed, 2));
	} else if (what < 17) {
		fake_fail(&w->api, "continue=", 410, 1);
	} else if (what < 18) {
		w->api.oldest = 0;
		fake_rewind(&w->api, w->api.version - 10000); /* so far that it is not made up for unseen */
	} else {
		fake_run(w, (int)random_of(seed, 30), never, NULL);
	}
}

FIXTURE_TEST(whatever_happens_it_comes_to_what_is_there)
{
	struct fake_world *w = *state;
	struct informer_config cfg = {
		.path = PODS, .page = 2, .hurry = 50, .on_set = model_set, .on_delete = model_delete
	};

	w->api.version = 10000000;
	for (unsigned round = 1; round <= 4; round++) {
		struct model m = { .seen = { .world = w } };
		unsigned seed = round;

		cfg.ctx = &m;
		m.seen.informer = informer_start(&w->loop.uv, w->kube, &cfg, NULL);
		for (int turn = 0; turn < 150; turn++)
			something_happens(w, &seed, turn);
		if (!fake_run(w, 60000, model_is, &m) || m.wrong)
			fail_msg("seed %u: the callbacks do not come to what is there", round);
		informer_stop(m.seen.informer);
	}
}

/* --- the store and its owner -------------------------------------------------------------------------------------- */

static void prune(cJSON *object)
{
	cJSON_DeleteItemFromObject(object, "status");
}

static int is_pruned(void *ctx, const cJSON *object)
{
	(void)ctx;
	assert_non_null(object);
	assert_null(json_get(object, "metadata", "managedFields", NULL));
	assert_null(json_get(object, "status", NULL));
	assert_non_null(json_get(object, "spec", NULL));
	return 42;
}

static int is_absent(void *ctx, const cJSON *object)
{
	(void)ctx;
	return object == NULL;
}

FIXTURE_TEST(what_is_never_read_is_not_kept)
{
	static const char pod[] = "{\"metadata\":{\"managedFields\":[1]},\"spec\":{},\"status\":{}}";
	struct fake_world *w = *state;
	struct seen s = { .world = w, .log = BUF_INIT(1 << 20) };
	struct informer_config cfg = {
		.path = PODS, .prune = prune, .on_set = on_set, .on_delete = on_delete, .ctx = &s
	};
	struct error err;

	fake_apply(&w->api, POD_A, pod);
	s.informer = informer_start(&w->loop.uv, w->kube, &cfg, &err);
	expect(&s, "+one/a ");
	fake_apply(&w->api, POD_B, pod);
	expect(&s, "+one/b ");
	assert_int_equal(informer_read(s.informer, "one/a", is_pruned, NULL), 42);
	assert_int_equal(informer_read(s.informer, "one/b", is_pruned, NULL), 42);
	assert_int_equal(informer_read(s.informer, "one/x", is_absent, NULL), 1);
	stop(&s);
}

static void on_data(void *ctx, const cJSON *object, const cJSON *old)
{
	struct seen *s = ctx;

	(void)old;
	buf_addf(&s->log, "%s ", json_str(object, "data", NULL));
}

static void on_delete_uid(void *ctx, const cJSON *object)
{
	struct seen *s = ctx;

	log_key(s, "-", object);
	buf_addf(&s->log, "=%s ", json_str(object, "metadata", "uid", NULL));
}

static int is_there(void *ctx, const cJSON *object)
{
	(void)ctx;
	return object != NULL;
}

static bool is_named(struct seen *s, const char *key, const char *uid)
{
	struct stored_name name;

	return informer_name(s->informer, key, &name) && strcmp(name.uid, uid) == 0 && name.version[0];
}

/* Of what is gone without a last word, a name and a uid are told, also where another has taken its name. */
FIXTURE_TEST(what_is_kept_elsewhere_is_told_and_only_its_name_kept)
{
	struct fake_world *w = *state;
	struct seen s = { .world = w, .log = BUF_INIT(1 << 20) };
	struct informer_config cfg = {
		.path = PODS, .names_only = true, .on_set = on_data, .on_delete = on_delete_uid, .ctx = &s
	};

	fake_apply(&w->api, POD_A, "{\"metadata\":{\"uid\":\"u1\"},\"data\":\"1\"}");
	s.informer = informer_start(&w->loop.uv, w->kube, &cfg, NULL);
	expect(&s, "1 ");
	fake_apply(&w->api, POD_A, "{\"metadata\":{\"uid\":\"u1\"},\"data\":\"2\"}");
	expect(&s, "2 ");
	assert_true(is_named(&s, "one/a", "u1"));
	assert_int_equal(informer_read(s.informer, "one/a", is_absent, NULL), 1);
	assert_int_equal(informer_each(s.informer, is_there, NULL), 0);
	fake_apply(&w->api, POD_A, "{\"metadata\":{\"uid\":\"u2\"},\"data\":\"3\"}");
	expect(&s, "-one/a=u1 3 ");
	fake_down(&w->api);
	fake_delete(&w->api, POD_A);
	fake_compact(&w->api, false);
	fake_up(&w->api);
	expect(&s, "-one/a=u2 ");
	assert_false(is_named(&s, "one/a", "u2"));
	stop(&s);
}

static int pruned;

static void count_pruned(cJSON *object)
{
	(void)object;
	pruned++;
}

static bool page_is_blocked(void *ctx)
{
	struct fake_world *w = ctx;

	return fake_blocked(&w->api) == 1;
}

/* What a whole list holds as it comes may be many times what is kept of it. */
FIXTURE_TEST(a_page_is_pruned_before_the_next_one_comes)
{
	struct fake_world *w = *state;
	struct seen s = { .world = w, .log = BUF_INIT(1 << 20) };
	struct informer_config cfg = { .path = PODS, .prune = count_pruned, .on_synced = on_synced, .ctx = &s };

	pruned = 0;
	many_pods(w, 150);
	fake_block(&w->api, "continue=");
	s.informer = informer_start(&w->loop.uv, w->kube, &cfg, NULL);
	assert_true(fake_run(w, LONG, page_is_blocked, w));
	assert_int_equal(pruned, 100);
	fake_unblock(&w->api);
	assert_true(fake_run(w, LONG, is_synced, &s));
	assert_int_equal(pruned, 150);
	stop(&s);
}

static int until_two(void *ctx, const cJSON *object)
{
	(void)object;
	return ++*(int *)ctx == 2 ? 5 : 0;
}

FIXTURE_TEST(a_walk_ends_when_it_is_told)
{
	struct fake_world *w = *state;
	struct seen s;
	int n = 0;

	three_pods(w);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	assert_int_equal(informer_each(s.informer, until_two, &n), 5);
	assert_int_equal(n, 2);
	stop(&s);
}

FIXTURE_TEST(selectors_are_escaped)
{
	struct fake_world *w = *state;
	struct seen s = { .world = w, .log = BUF_INIT(1 << 20) };
	struct informer_config cfg = { .path = PODS,
				       .label_selector = "app in (a,b),x!=y&z",
				       .on_set = on_set,
				       .field_selector = "metadata.name=b",
				       .on_delete = on_delete,
				       .on_synced = on_synced,
				       .ctx = &s };
	struct error err;
	char last[2048];

	three_pods(w);
	fake_apply(&w->api, POD_B, "{\"metadata\":{\"labels\":{\"app\":\"b\"}}}");
	s.informer = informer_start(&w->loop.uv, w->kube, &cfg, &err);
	expect(&s, "+one/b ! ");
	assert_non_null(strstr(fake_last(&w->api, "GET", last), "&labelSelector=app in (a,b),x!=y&z&"));
	stop(&s);
}

static bool is_stopped(void *ctx)
{
	struct seen *s = ctx;

	return s->informer == NULL;
}

FIXTURE_TEST(the_owner_may_stop_it_from_anywhere)
{
	struct fake_world *w = *state;
	struct seen s;

	three_pods(w);
	start_at(&s, w, PODS); /* in a list */
	s.stop_in_set = true;
	assert_true(fake_run(w, LONG, is_stopped, &s));
	assert_string_equal(s.log.data, "+one/a ");
	stop(&s);
	start_at(&s, w, PODS);
	s.stop_in_synced = true;
	assert_true(fake_run(w, LONG, is_stopped, &s));
	stop(&s);
	start_at(&s, w, PODS); /* in a watch, with another line behind it */
	expect(&s, "+one/a +one/b +two/c ! ");
	s.stop_in_set = true;
	fake_end_watches(&w->api, false);
	fake_block(&w->api, "watch=1");
	fake_apply(&w->api, POD_A, "{}");
	fake_apply(&w->api, POD_B, "{}");
	fake_unblock(&w->api);
	assert_true(fake_run(w, LONG, is_stopped, &s));
	stop(&s);
	fake_fail(&w->api, PODS, 500, 1);
	start_at(&s, w, PODS); /* in an error */
	s.stop_in_error = true;
	assert_true(fake_run(w, LONG, is_stopped, &s));
	stop(&s);
	start_at(&s, w, PODS); /* before anything */
	stop(&s);
}

struct reader {
	struct informer *informer;
	atomic_bool stop;
	atomic_int reads;
	pthread_t thread;
};

static int read_data(void *ctx, const cJSON *object)
{
	const char *value = json_str(object, "data", NULL);

	(void)ctx;
	return value && value[0] == '?';
}

static void *read_all(void *arg)
{
	struct reader *r = arg;

	while (!atomic_load(&r->stop)) {
		informer_read(r->informer, "one/a", read_data, NULL);
		informer_each(r->informer, read_data, NULL);
		informer_age_ms(r->informer);
		informer_synced(r->informer);
		atomic_fetch_add(&r->reads, 1);
	}
	return NULL;
}

static bool has_read(void *ctx)
{
	struct reader *r = ctx;

	return atomic_load(&r->reads) > 100;
}

FIXTURE_TEST(any_thread_may_read)
{
	struct fake_world *w = *state;
	struct reader r = { 0 };
	char wanted[64], data[64];
	struct seen s;

	three_pods(w);
	start_at(&s, w, PODS);
	expect(&s, "+one/a +one/b +two/c ! ");
	r.informer = s.informer;
	assert_int_equal(pthread_create(&r.thread, NULL, read_all, &r), 0);
	for (int i = 0; i < 50; i++) {
		fake_delete(&w->api, POD_B);
		snprintf(data, sizeof(data), "{\"data\":\"%d\"}", i + 2);
		fake_apply(&w->api, POD_A, data);
		fake_apply(&w->api, POD_B, "{}");
		snprintf(wanted, sizeof(wanted), "-one/b ~one/a(%d) +one/b ", i + 1);
		expect(&s, wanted);
	}
	assert_true(fake_run(w, LONG, has_read, &r));
	atomic_store(&r.stop, true);
	pthread_join(r.thread, NULL);
	stop(&s);
}

static _Thread_local int refused_allocations; /* of the loop's thread: the API server's has enough */

static void *failing_malloc(size_t size)
{
	return refused_allocations-- > 0 ? NULL : malloc(size);
}

/* No memory is left to read the answer: it is said, and asked for again. */
FIXTURE_TEST(a_list_without_memory_is_tried_again)
{
	struct fake_world *w = *state;
	cJSON_Hooks hooks = { .malloc_fn = failing_malloc, .free_fn = free };
	struct seen s;

	refused_allocations = 2; /* it is tried twice */
	cJSON_InitHooks(&hooks);
	start_at(&s, w, PODS);
	expect(&s, "! ");
	cJSON_InitHooks(NULL);
	assert_int_equal(s.errors, 1);
	assert_non_null(strstr(s.last.text, "list /api/v1/pods: the list is not JSON: "));
	stop(&s);
}
