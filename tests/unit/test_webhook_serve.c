/* AdmissionReviews by HTTP: what the API server gets, and what anybody else gets. */
#include "tests/unit/webhook_fixture.h"

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/metrics.h"
#include "common/net/http.h"
#include "common/net/httpd.h"
#include "tests/unit/test.h"
#include "webhook/serve.h"
#include "webhook/tally.h"

struct fixture {
	struct metrics *metrics;
	struct tally tally;
	struct webhook webhook;
	struct httpd *httpd;
	int status;
	struct buf body;
};

static void find_none(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set),
		      void *arg)
{
	(void)ctx;
	(void)namespace;
	(void)name;
	fn(arg, NULL);
}

static void each_none(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	(void)ctx;
	(void)fn;
	(void)arg;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct httpd_config config = {
		.address = "127.0.0.1:0", .threads = 2, .max_body = SERVE_BODY_MAX, .handler = webhook_serve
	};
	struct error err = ERROR_INIT;

	assert_non_null(f);
	f->metrics = metrics_new();
	tally_begin(&f->tally, f->metrics);
	f->webhook = (struct webhook){ .log = { .fd = -1, .level = LOG_LEVEL_ERROR },
				       .tally = &f->tally,
				       .viewer_image = VIEWER_IMAGE,
				       .lookups = { .find = find_none, .each = each_none } };
	config.ctx = &f->webhook;
	buf_init(&f->body, 1 << 20);
	f->httpd = httpd_start(&config, &err);
	if (!f->httpd)
		fail_msg("%s", err.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	httpd_stop(f->httpd);
	metrics_free(f->metrics);
	buf_release(&f->body);
	free(f);
	return 0;
}

static void fetch(struct fixture *f, const char *method, const char *path, const char *body, size_t len)
{
	struct http_spec spec = { .method = method, .body = body, .body_len = len, .timeout_ms = 10000 };
	struct error err = ERROR_INIT;
	char url[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", httpd_port(f->httpd), path);
	spec.url = url;
	buf_reset(&f->body);
	if (http_fetch(&spec, NULL, &f->status, &f->body, &err) < 0)
		fail_msg("%s", err.text);
}

static void post(struct fixture *f, const char *path, const char *body)
{
	fetch(f, "POST", path, body, strlen(body));
}

/* The AdmissionReview that the API server would send. Takes the object over. */
static char *review_text(const char *resource, const char *operation, cJSON *object)
{
	JSON_CLEANUP cJSON *review = cJSON_CreateObject();
	cJSON *request = json_add_object(review, "request"), *what = json_add_object(request, "resource");

	json_add_str(review, "apiVersion", "admission.k8s.io/v1");
	json_add_str(review, "kind", "AdmissionReview");
	json_add_str(request, "uid", "705ab4f5-6393-11e8-b7cc-42010a800002");
	json_add_str(what, "group", "");
	json_add_str(what, "version", "v1");
	json_add_str(what, "resource", resource);
	json_add_str(request, "namespace", "shop");
	json_add_str(request, "operation", operation);
	cJSON_AddItemToObject(request, "object", object);
	return cJSON_PrintUnformatted(review);
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(mutate)
{
	struct fixture *f = *state;
	char *text = review_text("pods", "CREATE", load_pod("article-server")), *patch;
	JSON_CLEANUP cJSON *answer = NULL, *operations = NULL;
	size_t len;

	post(f, "/mutate", text);
	free(text);
	assert_int_equal(f->status, 200);
	answer = parse_text(f->body.data);
	assert_string_equal(json_str(answer, "response", "uid", NULL), "705ab4f5-6393-11e8-b7cc-42010a800002");
	assert_true(json_bool(false, answer, "response", "allowed", NULL));
	assert_string_equal(json_str(answer, "response", "patchType", NULL), "JSONPatch");
	assert_int_equal(cJSON_GetArraySize(json_get(answer, "response", "warnings", NULL)), 3);
	patch = base64_decode(json_str(answer, "response", "patch", NULL), &len, NULL);
	operations = parse_text(patch);
	free(patch);
	assert_true(cJSON_GetArraySize(operations) > 5);
}

FIXTURE_TEST(refusal)
{
	struct fixture *f = *state;
	cJSON *pod = load_pod("plain-server");
	JSON_CLEANUP cJSON *answer = NULL;
	char *text;

	cJSON_DeleteItemFromObject(cJSON_GetObjectItem(pod, "metadata"), "ownerReferences");
	text = review_text("pods", "CREATE", pod);
	post(f, "/mutate", text);
	free(text);
	assert_int_equal(f->status, 200);
	answer = parse_text(f->body.data);
	assert_false(json_bool(true, answer, "response", "allowed", NULL));
	assert_int_equal(json_int(0, answer, "response", "status", "code", NULL), 422);
	assert_non_null(strstr(json_str(answer, "response", "status", "message", NULL), "StatefulSet"));
	assert_null(json_get(answer, "response", "patch", NULL));
}

FIXTURE_TEST(validate)
{
	struct fixture *f = *state;
	char *text = review_text(
		"statefulsets", "CREATE",
		parse_text("{\"metadata\":{\"name\":\"s\"},\"spec\":{\"replicas\":5,\"template\":{\"metadata\":{"
			   "\"labels\":{\"app\":\"codis-server\"}}}}}"));
	JSON_CLEANUP cJSON *answer = NULL;

	post(f, "/validate", text);
	free(text);
	assert_int_equal(f->status, 200);
	answer = parse_text(f->body.data);
	assert_string_equal(json_str(answer, "response", "status", "message", NULL),
			    "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 4 or 6, not 5");
}

/* What an endpoint is not for is refused by an AdmissionReview, since it asks for one. */
FIXTURE_TEST(review_of_another_kind)
{
	struct fixture *f = *state;
	char *text = review_text("configmaps", "CREATE", parse_text("{}"));
	static const char *const paths[] = { "/mutate", "/validate" };

	for (int i = 0; i < 2; i++) {
		JSON_CLEANUP cJSON *answer = NULL;

		post(f, paths[i], text);
		assert_int_equal(f->status, 200);
		answer = parse_text(f->body.data);
		assert_false(json_bool(true, answer, "response", "allowed", NULL));
		assert_int_equal(json_int(0, answer, "response", "status", "code", NULL), 400);
		assert_non_null(strstr(json_str(answer, "response", "status", "message", NULL), "\"configmaps\""));
	}
	free(text);
}

static void expect_bad_request(struct fixture *f, const char *body, const char *part)
{
	static const char *const paths[] = { "/mutate", "/validate" };

	for (int i = 0; i < 2; i++) {
		post(f, paths[i], body);
		assert_int_equal(f->status, 400);
		assert_int_equal(strchr(f->body.data, '\n') - f->body.data, f->body.len - 1); /* one line */
		if (!strstr(f->body.data, part))
			fail_msg("%s", f->body.data);
	}
}

FIXTURE_TEST(bad_bodies)
{
	struct fixture *f = *state;

	expect_bad_request(f, "", "not JSON");
	expect_bad_request(f, "hello", "not JSON");
	expect_bad_request(f, "{\"kind\":", "not JSON");
	expect_bad_request(f, "[]", "not a JSON object");
	expect_bad_request(f, "{}", "AdmissionReview");
	expect_bad_request(f, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", "\"Pod\"");
	expect_bad_request(f, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1beta1\"}", "v1beta1");
	expect_bad_request(f, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}", "request");
	expect_bad_request(f, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{}}",
			   "uid");
	test_validate(state); /* it lives on */
}

FIXTURE_TEST(huge_and_deep_bodies)
{
	struct fixture *f = *state;
	size_t size = 10u << 20;
	char *body = malloc(size);

	assert_non_null(body);
	memset(body, '[', size);
	fetch(f, "POST", "/mutate", body, size);
	assert_int_equal(f->status, 413);
	fetch(f, "POST", "/mutate", body, SERVE_BODY_MAX);
	assert_int_equal(f->status, 400);
	free(body);
	test_validate(state);
}

/* A review may be long, but is not made of commas: parsed, copied and compared, 3 MiB of these took 255 MiB. */
FIXTURE_TEST(more_values_than_a_review_has)
{
	static const char head[] = "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{"
				   "\"uid\":\"u\",\"operation\":\"CREATE\",\"object\":{\"x\":[";
	struct fixture *f = *state;
	BUF_CLEANUP struct buf body = BUF_INIT(SERVE_BODY_MAX);

	buf_addstr(&body, head);
	for (int i = 0; i < 1000000; i++)
		buf_addstr(&body, "0,");
	buf_addstr(&body, "0]}}}");
	fetch(f, "POST", "/mutate", body.data, body.len);
	assert_int_equal(f->status, 400);
	assert_string_equal(f->body.data, "JSON of more than 100000 values\n");
}

FIXTURE_TEST(other_paths_and_methods)
{
	struct fixture *f = *state;

	fetch(f, "GET", "/mutate", NULL, 0);
	assert_int_equal(f->status, 405);
	fetch(f, "POST", "/", "{}", 2);
	assert_int_equal(f->status, 404);
}

FIXTURE_TEST(counts)
{
	struct fixture *f = *state;
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);

	test_mutate(state);
	test_validate(state);
	post(f, "/mutate", "x");
	metrics_write(f->metrics, &text);
	assert_non_null(strstr(text.data, "codis_webhook_requests_total{endpoint=\"mutate\",result=\"changed\"} 1\n"));
	assert_non_null(
		strstr(text.data, "codis_webhook_requests_total{endpoint=\"mutate\",result=\"bad_request\"} 1\n"));
	assert_non_null(
		strstr(text.data, "codis_webhook_requests_total{endpoint=\"validate\",result=\"refused\"} 1\n"));
	assert_non_null(strstr(text.data, "codis_webhook_request_seconds_count{endpoint=\"mutate\"} 2\n"));
}
