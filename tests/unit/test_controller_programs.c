/* codis-k8s' own pods, as the page shows them: who is ready, what each runs, and until when the certificate is good. */
#include "tests/unit/fake_api.h"

#include "common/base/log.h"
#include "controller/programs.h"
#include "tests/unit/test.h"

#define PODS "/api/v1/namespaces/codis-system/pods"
#define LONG 15000

static const struct logger quiet = { .level = LOG_LEVEL_ERROR, .fd = 2 };

/* The pod's ops port is that of the API server, which answers for it. */
static void add_pod(struct fake_world *w, const char *app, const char *name, const char *ip, const char *ready)
{
	char path[200], text[800];

	snprintf(path, sizeof(path), PODS "/%s", name);
	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"app.kubernetes.io/name\":\"%s\",\"app.kubernetes.io/"
		 "part-of\":"
		 "\"codis-k8s\"}},\"spec\":{\"containers\":[{\"ports\":[{\"name\":\"ops\",\"containerPort\":%d}]}]},"
		 "\"status\":{"
		 "\"podIP\":\"%s\",\"conditions\":[{\"type\":\"Initialized\",\"status\":\"True\"},{\"type\":\"Ready\","
		 "\"status\":"
		 "\"%s\"}]}}",
		 name, app, w->api.port, ip, ready);
	fake_apply(&w->api, path, text);
}

/* What it knows, as /status.json has it; the days that are left depend on the day. */
static const char *known(const struct programs *p, struct buf *out)
{
	JSON_CLEANUP cJSON *list = cJSON_CreateArray();
	cJSON *one;

	programs_json(p, list);
	json_each(one, list)
		cJSON_DeleteItemFromObject(one, "certificate_days");
	buf_reset(out);
	assert_int_equal(json_write(list, out), 0);
	return out->data;
}

struct wanted {
	const struct programs *programs;
	const char *json;
};

static bool is_so(void *ctx)
{
	const struct wanted *t = ctx;
	BUF_CLEANUP struct buf out = BUF_INIT(65536);

	return strcmp(known(t->programs, &out), t->json) == 0;
}

static void becomes(struct fake_world *w, const char *json)
{
	struct error err = ERROR_INIT;
	struct programs *p = programs_new(&w->loop.uv, w->kube, "codis-system", &quiet, &err);
	struct wanted t = { p, json };
	BUF_CLEANUP struct buf out = BUF_INIT(65536);

	assert_non_null(p);
	if (!fake_run(w, LONG, is_so, &t))
		assert_string_equal(known(p, &out), json);
	programs_free(p);
}

TEST_WITH(each_pod_is_asked_at_its_own_port, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;

	add_pod(w, "codis-webhook", "w-a", "127.0.0.1", "True");
	add_pod(w, "codis-webhook", "w-b", "127.0.0.1", "False");
	add_pod(w, "codis-scheduler", "x-no-number", "metrics.example", "True");
	fake_apply(&w->api, "/metrics",
		   "{\"as_text\":\"# HELP codis_build_info "
		   "1\\ncodis_build_info{program=\\\"codis-webhook\\\",version=\\\"0.1.0+abc"
		   "\\\"} 1\\ncodis_webhook_certificate_expiration_timestamp_seconds{which=\\\"ca\\\"} 7\\n"
		   "codis_webhook_certificate_expiration_timestamp_seconds{which=\\\"leaf\\\"} 1000000.5\\n\"}");
#define SAID "\"version\":\"0.1.0+abc\",\"certificate_ends\":\"1970-01-12T13:46:40.500000Z\"}"
	becomes(w, "[{\"program\":\"codis-webhook\",\"pod\":\"w-a\",\"ready\":true," SAID
		   ",{\"program\":\"codis-webhook\",\"pod\":\"w-b\",\"ready\":false," SAID
		   ",{\"program\":\"codis-scheduler\",\"pod\":\"x-no-number\",\"ready\":true}]");
}

/* It says nothing, too much, or what no program of ours says: the pod is shown all the same. */
TEST_WITH(what_a_pod_does_not_say_is_left_out, fake_setup, fake_teardown)
{
	static char much[200000];
	struct fake_world *w = *state;
	BUF_CLEANUP struct buf json = BUF_INIT(300000);

	add_pod(w, "codis-webhook", "w-a", "127.0.0.1", "True");
	becomes(w, "[{\"program\":\"codis-webhook\",\"pod\":\"w-a\",\"ready\":true}]");
	memset(much, 'x', sizeof(much) - 1);
	buf_addf(&json, "{\"as_text\":\"codis_build_info{version=\\\"1\\\"} 1\\n%s\"}", much);
	fake_apply(&w->api, "/metrics", json.data);
	becomes(w, "[{\"program\":\"codis-webhook\",\"pod\":\"w-a\",\"ready\":true,\"version\":\"1\"}]");
	fake_apply(&w->api, "/metrics",
		   "{\"as_text\":\"codis_build_info{version=\\\"\\ncodis_build_info{} \\\"9\\\"\"}");
	becomes(w, "[{\"program\":\"codis-webhook\",\"pod\":\"w-a\",\"ready\":true}]");
}

TEST_WITH(no_more_than_it_has_room_for, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	BUF_CLEANUP struct buf json = BUF_INIT(65536);
	char name[16];

	for (int i = 0; i < 18; i++) {
		snprintf(name, sizeof(name), "w-%02d", i);
		add_pod(w, "codis-webhook", name, "", "True");
		if (i < 16)
			buf_addf(&json, "%s{\"program\":\"codis-webhook\",\"pod\":\"%s\",\"ready\":true}",
				 i ? "," : "[", name);
	}
	buf_addch(&json, ']');
	becomes(w, json.data);
}
