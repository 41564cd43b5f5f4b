/* Events: what kubectl describe will show, and never too many of them. */
#include "tests/unit/fake_api.h"

#include "common/base/metrics.h"
#include "common/kube/event.h"
#include "tests/unit/test.h"

#define LONG 10000

static cJSON *parsed(const char *text)
{
	cJSON *item = json_parse(text, strlen(text), JSON_ITEMS, NULL);

	assert_non_null(item);
	return item;
}

struct count {
	struct fake_world *world;
	int events;
};

static bool have_come(void *ctx)
{
	struct count *c = ctx;

	return fake_count(&c->world->api, "POST") >= c->events;
}

/* The only event there is; the caller's. */
static cJSON *the_event(struct fake_world *w)
{
	struct count c = { w, 1 };
	const cJSON *object;
	cJSON *found = NULL;

	assert_true(fake_run(w, LONG, have_come, &c));
	pthread_mutex_lock(&w->api.lock);
	cJSON_ArrayForEach(object, w->api.objects)
		if (strstr(object->string, "/events/"))
			found = cJSON_Duplicate(object, 1);
	pthread_mutex_unlock(&w->api.lock);
	assert_non_null(found);
	return found;
}

static void is(const cJSON *event, const char *a, const char *b, const char *wanted)
{
	const char *text = json_str(event, a, b, NULL);

	assert_non_null(text);
	assert_string_equal(text, wanted);
}

static struct metrics *metrics;

static int setup(void **state)
{
	metrics = metrics_new();
	assert_non_null(metrics);
	return fake_setup(state);
}

static int teardown(void **state)
{
	metrics_free(metrics);
	return fake_teardown(state);
}
#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

static struct kube_events *events(struct fake_world *w)
{
	return kube_events_new(w->kube, "codis-controller", "codis-controller-0", metrics, "t_dropped_total");
}

static unsigned long dropped(const char *namespace)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	char series[100];
	const char *line;

	snprintf(series, sizeof(series), "\nt_dropped_total{namespace=\"%s\"} ", namespace);
	metrics_write(metrics, &text);
	line = strstr(text.data, series);
	return line ? strtoul(line + strlen(series), NULL, 10) : 0;
}

FIXTURE_TEST(a_pod_from_a_list_has_an_event)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *pod =
		parsed("{\"metadata\":{\"name\":\"codis-server-0\",\"namespace\":\"shop\",\"uid\":\"u-1\"}}");
	JSON_CLEANUP cJSON *event = NULL;
	int64_t ms;

	kube_event(e, "Pod", pod, true, "Promoted", "group %d has a new master", 1);
	event = the_event(w);
	assert_int_equal(fake_count(&w->api, "POST /api/v1/namespaces/shop/events"), 1);
	assert_non_null(strstr(json_str(event, "metadata", "name", NULL), "codis-server-0."));
	is(event, "metadata", "namespace", "shop");
	is(event, "involvedObject", "kind", "Pod");
	is(event, "involvedObject", "apiVersion", "v1");
	is(event, "involvedObject", "name", "codis-server-0");
	is(event, "involvedObject", "namespace", "shop");
	is(event, "involvedObject", "uid", "u-1");
	is(event, "source", "component", "codis-controller");
	is(event, "reason", NULL, "Promoted");
	is(event, "message", NULL, "group 1 has a new master");
	is(event, "type", NULL, "Warning");
	is(event, "reportingInstance", NULL, "codis-controller-0");
	assert_int_equal(json_int(0, event, "count", NULL), 1);
	assert_int_equal(clock_parse_rfc3339(json_str(event, "lastTimestamp", NULL), &ms, NULL), 0);
	assert_in_range(clock_wall_ms() - ms, 0, LONG);
	kube_events_free(e);
}

FIXTURE_TEST(what_is_in_no_namespace_has_its_events_in_default)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *node = parsed("{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"}}");
	JSON_CLEANUP cJSON *event = NULL;

	kube_event(e, "Pod", node, false, "Spread", "x");
	event = the_event(w);
	assert_int_equal(fake_count(&w->api, "/namespaces/default/events"), 1);
	is(event, "involvedObject", "kind", "Node"); /* its own word counts */
	is(event, "type", NULL, "Normal");
	kube_events_free(e);
}

FIXTURE_TEST(a_note_is_cut_between_characters)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"}}");
	JSON_CLEANUP cJSON *event = NULL;
	BUF_CLEANUP struct buf note = BUF_INIT(8192);

	for (int i = 0; i < 1000; i++)
		buf_addstr(&note, "\xe2\x82\xac");
	kube_event(e, "Pod", pod, false, "Long", "%s", note.data);
	event = the_event(w);
	assert_int_equal(strlen(json_str(event, "message", NULL)), 1023);
	kube_events_free(e);
}

FIXTURE_TEST(a_flood_is_cut)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"}}");
	struct count c = { w, 20 };

	for (int i = 0; i < 1000; i++)
		kube_event(e, "Pod", pod, false, "Many", "%c%c", 'a' + i % 26, 'A' + i / 26);
	assert_in_range(dropped("n"), 970, 980); /* a slow machine may fill the bucket by one or the other */
	assert_true(fake_run(w, LONG, have_come, &c));
	kube_events_free(e);
}

struct series {
	struct fake_world *world;
	struct kube_events *events;
	const cJSON *pod;
	const char *method;
	int said, wanted;
};

static bool is_said_until_written(void *ctx)
{
	struct series *s = ctx;

	kube_event(s->events, "Pod", s->pod, true, "ActionFailed", "not done after %d ms", s->said++);
	return fake_count(&s->world->api, s->method) >= s->wanted;
}

/* Before and behind it, and what is remembered of theirs. */
FIXTURE_TEST(a_flood_of_one_namespace_takes_nothing_from_another)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *loud = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"loud\"}}");
	JSON_CLEANUP cJSON *calm = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"calm\",\"uid\":\"u\"}}");
	struct series s = { .world = w, .events = e, .pod = calm, .method = "calm/events", .wanted = 1 };

	fake_hang(&w->api, true); /* nor do those that wait for the API server */
	for (int i = 0; i < 1000; i++)
		kube_event(e, "Pod", loud, false, "Many", "%c%c", 'a' + i % 26, 'A' + i / 26);
	fake_hang(&w->api, false);
	assert_true(fake_run(w, LONG, is_said_until_written, &s));
	for (int i = 0; i < 1000; i++)
		kube_event(e, "Pod", loud, false, "Other", "%c%c", 'a' + i % 26, 'A' + i / 26);
	s.method = "PATCH";
	assert_true(fake_run(w, LONG, is_said_until_written, &s));
	assert_int_equal(fake_count(&w->api, "POST /api/v1/namespaces/calm/events"), 1);
	assert_int_equal(dropped("calm"), 0);
	assert_true(dropped("loud") > 900);
	kube_events_free(e);
}

#define NAMESPACES 100 /* as many as may be under way */

static void say_in(struct kube_events *e, const char *namespace)
{
	JSON_CLEANUP cJSON *pod = cJSON_CreateObject();

	json_add_str(json_add_object(pod, "metadata"), "namespace", namespace);
	kube_event(e, "Pod", pod, false, "Said", "x");
}

static bool all_are_over(void *ctx)
{
	int n = 0;

	(void)ctx;
	for (int i = 0; i < NAMESPACES; i++) {
		char namespace[16];

		snprintf(namespace, sizeof(namespace), "ns-%d", i);
		n += dropped(namespace) == 1;
	}
	return n == NAMESPACES;
}

/* Within a second, a zone that fails for example: none is under way any more. */
FIXTURE_TEST(one_more_than_may_be_under_way_is_heard)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	struct count c = { w, NAMESPACES + 1 };

	fake_fail(&w->api, "POST", 403, NAMESPACES);
	for (int i = 0; i < NAMESPACES; i++) {
		char namespace[16];

		snprintf(namespace, sizeof(namespace), "ns-%d", i);
		say_in(e, namespace);
	}
	assert_true(fake_run(w, LONG, all_are_over, NULL));
	say_in(e, "calm");
	assert_int_equal(dropped("calm"), 0);
	assert_true(fake_run(w, LONG, have_come, &c));
	kube_events_free(e);
}

static bool are_dropped(void *ctx)
{
	(void)ctx;
	return dropped("n") == 1;
}

FIXTURE_TEST(what_is_refused_is_counted)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"}}");

	fake_fail(&w->api, "POST", 403, 1);
	kube_event(e, "Pod", pod, false, "Refused", "x");
	assert_true(fake_run(w, LONG, are_dropped, NULL));
	kube_events_free(e);
}

/* Its Events go with it in any case. */
FIXTURE_TEST(what_a_namespace_that_is_deleted_refuses_is_not)
{
	struct fake_world *w = *state;
	JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"u\"}}");
	struct series s = { .world = w, .events = events(w), .pod = pod, .method = "POST", .wanted = 2 };

	w->api.ending = "n";
	assert_true(fake_run(w, LONG, is_said_until_written, &s)); /* the second once the first one was refused */
	assert_int_equal(dropped("n"), 0);
	kube_events_free(s.events);
}

/* Two groups get another master at once, as where a node is lost: the second is no repetition of the first. */
FIXTURE_TEST(what_it_is_about_is_told_apart_by_its_number)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *set = parsed("{\"metadata\":{\"name\":\"s\",\"namespace\":\"n\",\"uid\":\"u\"}}");
	struct count c = { w, 2 };

	for (int i = 0; i < 4; i++)
		kube_event(e, "StatefulSet", set, true, "Promoted",
			   "group %d: s-%d (10.0.0.%d:6379) replaces s-%d: it is silent; %d ms", 1 + i % 2, 2 * i, i,
			   2 * i + 1, i);
	assert_true(fake_run(w, LONG, have_come, &c));
	assert_int_equal(fake_count(&w->api, "POST"), 2);
	kube_events_free(e);
}

FIXTURE_TEST(it_ends_with_events_under_way)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"}}");
	struct count c = { w, 3 };

	fake_hang(&w->api, true);
	for (int i = 0; i < 3; i++)
		kube_event(e, "Pod", pod, false, "Late", "%c", 'a' + i);
	assert_true(fake_run(w, LONG, have_come, &c));
	kube_events_free(e);
	kube_events_free(NULL);
	fake_hang(&w->api, false);
	e = events(w); /* the loop turns on, and nobody misses the first */
	fake_fail(&w->api, "POST", 403, 1000000);
	kube_event(e, "Pod", pod, false, "Later", "x");
	assert_true(fake_run(w, LONG, are_dropped, NULL));
	kube_events_free(e);
}

static void note_flushed(void *ctx)
{
	struct count *c = ctx;

	c->events = fake_count(&c->world->api, "POST");
}

static bool is_flushed(void *ctx)
{
	return ((struct count *)ctx)->events >= 0;
}

/* As of a controller that ends. */
FIXTURE_TEST(it_is_flushed_when_all_are_written)
{
	struct fake_world *w = *state;
	struct kube_events *e = events(w);
	JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"u\"}}");
	struct count c = { w, -1 };

	kube_events_flush(e, note_flushed, &c); /* nothing is under way */
	assert_int_equal(c.events, 0);
	c.events = -1;
	kube_event(e, "Pod", pod, true, "Promoted", "x");
	kube_event(e, "Pod", pod, true, "Joined", "x");
	kube_events_flush(e, note_flushed, &c);
	assert_int_equal(c.events, -1);
	assert_true(fake_run(w, LONG, is_flushed, &c));
	assert_int_equal(c.events, 2);
	kube_events_free(e);
	c.events = -1;
	kube_events_flush(NULL, note_flushed, &c);
	assert_int_equal(c.events, 2);
}

/* One that fails every two seconds made 1,800 objects an hour. */
FIXTURE_TEST(the_same_is_one_event_that_counts)
{
	struct fake_world *w = *state;
	JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"u\"}}");
	JSON_CLEANUP cJSON *event = NULL;
	struct series s = { .world = w, .events = events(w), .pod = pod, .method = "PATCH", .wanted = 9 };
	struct count c = { w, 2 };
	int said;

	assert_true(fake_run(w, LONG, is_said_until_written, &s));
	said = s.said;
	for (int i = 0; i < 1000; i++)
		is_said_until_written(&s);
	kube_event(s.events, "Pod", pod, true, "Other", "x");
	assert_true(fake_run(w, LONG, have_come, &c));
	assert_int_equal(fake_count(&w->api, "POST"), 2);
	assert_int_equal(fake_count(&w->api, "PATCH"), 9);
	pthread_mutex_lock(&w->api.lock);
	event = cJSON_Duplicate(w->api.objects->child, 1);
	pthread_mutex_unlock(&w->api.lock);
	assert_in_range(json_int(0, event, "count", NULL), 9, said);
	kube_events_free(s.events);
}

FIXTURE_TEST(an_event_that_has_expired_is_made_anew)
{
	struct fake_world *w = *state;
	JSON_CLEANUP cJSON *pod = parsed("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"u\"}}");
	struct series s = { .world = w, .events = events(w), .pod = pod, .method = "POST", .wanted = 2 };

	fake_fail(&w->api, "PATCH", 404, 1);
	assert_true(fake_run(w, LONG, is_said_until_written, &s));
	kube_events_free(s.events);
}
