/* AdmissionReview: what is read from the API server, and what it is told. */

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/admission.h"
#include "tests/unit/test.h"

static cJSON *parsed(const char *text)
{
	cJSON *item = json_parse(text, strlen(text), JSON_ITEMS, NULL);

	assert_non_null(item);
	return item;
}

TEST(a_request_is_read)
{
	JSON_CLEANUP cJSON *review = parsed(
		"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"u-1\","
		"\"kind\":{\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\"},"
		"\"resource\":{\"group\":\"apps\",\"version\":\"v1\",\"resource\":\"statefulsets\"},"
		"\"subResource\":\"scale\",\"name\":\"codis-server\",\"namespace\":\"ns\",\"operation\":\"UPDATE\","
		"\"object\":{\"a\":1},\"oldObject\":null,\"dryRun\":true}}");
	struct admission_request r;

	assert_int_equal(admission_parse(review, &r, NULL), 0);
	assert_string_equal(r.uid, "u-1");
	assert_string_equal(r.resource, "statefulsets");
	assert_string_equal(r.subresource, "scale");
	assert_string_equal(r.namespace, "ns");
	assert_string_equal(r.name, "codis-server");
	assert_string_equal(r.operation, "UPDATE");
	assert_int_equal(json_int(0, r.object, "a", NULL), 1);
	assert_null(r.old_object);
}

TEST(what_is_absent_is_empty)
{
	JSON_CLEANUP cJSON *review = parsed("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\","
					    "\"request\":{\"uid\":\"u\"}}");
	struct admission_request r;

	assert_int_equal(admission_parse(review, &r, NULL), 0);
	assert_string_equal(r.name, "");
	assert_string_equal(r.namespace, "");
	assert_string_equal(r.subresource, "");
	assert_null(r.object);
}

#define REVIEW(request) "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":" request "}"

TEST(what_cannot_be_meant_is_refused_in_words)
{
	static const char *const cases[][2] = {
		{ "[]", "not a JSON object" },
		{ "\"x\"", "not a JSON object" },
		{ "{}", "no AdmissionReview" },
		{ "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", "\"Pod\"" },
		{ "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/"
		  "v1beta1\",\"request\":{\"uid\":\"u\"}}",
		  "v1beta1" },
		{ "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}", "no request" },
		{ REVIEW("[]"), "no request" },
		{ REVIEW("{}"), "no uid" },
		{ REVIEW("{\"uid\":\"\"}"), "no uid" },
		{ REVIEW("{\"uid\":1}"), "uid is no text" },
		{ REVIEW("{\"uid\":\"u\",\"name\":[]}"), "name is no text" },
		{ REVIEW("{\"uid\":\"u\",\"resource\":{\"resource\":{}}}"), "resource is no text" },
		{ REVIEW("{\"uid\":\"u\",\"object\":[]}"), "object is not a JSON object" },
		{ REVIEW("{\"uid\":\"u\",\"oldObject\":\"x\"}"), "oldObject is not a JSON object" },
	};
	struct admission_request r;
	struct error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		JSON_CLEANUP cJSON *review = parsed(cases[i][0]);

		assert_int_equal(admission_parse(review, &r, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.text, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], err.text);
	}
	assert_int_equal(admission_parse(NULL, &r, &err), -1);
}

TEST(a_uid_has_a_limit)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	JSON_CLEANUP cJSON *fits = NULL, *over = NULL;
	struct admission_request r;

	buf_addf(&text, REVIEW("{\"uid\":\"%0256d\"}"), 1);
	fits = parsed(text.data);
	assert_int_equal(admission_parse(fits, &r, NULL), 0);
	buf_reset(&text);
	buf_addf(&text, REVIEW("{\"uid\":\"%0257d\"}"), 1);
	over = parsed(text.data);
	assert_int_equal(admission_parse(over, &r, NULL), -1);
}

/* --- verdicts ---------------------------------------------------------------------------------------------------- */

static cJSON *written(struct admission_verdict *v)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);

	assert_int_equal(admission_write("u-1", v, &text), 0);
	return parsed(text.data);
}

TEST(allowed_says_no_more)
{
	struct admission_verdict v;
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);

	admission_verdict_init(&v);
	assert_int_equal(admission_write("u-1", &v, &text), 0);
	assert_string_equal(text.data, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
				       "\"response\":{\"uid\":\"u-1\",\"allowed\":true}}");
	admission_verdict_release(&v);
}

TEST(a_patch_is_base64)
{
	struct admission_verdict v;
	JSON_CLEANUP cJSON *answer = NULL;
	char *patch;
	size_t len;

	admission_verdict_init(&v);
	buf_addstr(&v.patch, "[{\"op\":\"remove\",\"path\":\"/a\"}]");
	answer = written(&v);
	assert_string_equal(json_str(answer, "response", "patchType", NULL), "JSONPatch");
	patch = base64_decode(json_str(answer, "response", "patch", NULL), &len, NULL);
	assert_string_equal(patch, "[{\"op\":\"remove\",\"path\":\"/a\"}]");
	free(patch);
	admission_verdict_release(&v);
}

TEST(a_refusal_has_words_and_a_code)
{
	struct admission_verdict v;
	JSON_CLEANUP cJSON *answer = NULL;

	admission_verdict_init(&v);
	buf_addstr(&v.patch, "[{\"op\":\"remove\",\"path\":\"/a\"}]");
	admission_refuse(&v, 422, "replicas %d do not fit, %d or %d do", 5, 4, 6);
	answer = written(&v);
	assert_false(json_bool(true, answer, "response", "allowed", NULL));
	assert_int_equal(json_int(0, answer, "response", "status", "code", NULL), 422);
	assert_string_equal(json_str(answer, "response", "status", "reason", NULL), "Invalid");
	assert_string_equal(json_str(answer, "response", "status", "message", NULL),
			    "replicas 5 do not fit, 4 or 6 do");
	assert_null(json_get(answer, "response", "patch", NULL));
	admission_verdict_release(&v);
}

TEST(texts_are_cut_between_characters)
{
	BUF_CLEANUP struct buf text = BUF_INIT(8192);
	struct admission_verdict v;

	admission_verdict_init(&v);
	for (int i = 0; i < 119; i++)
		buf_addch(&text, 'x');
	buf_addstr(&text, "\xc3\xa9");
	admission_warn(&v, "%s", text.data); /* 121 bytes */
	assert_int_equal(strlen(v.warnings[0]), 120);
	assert_string_equal(v.warnings[0] + 115, "xx...");
	admission_warn(&v, "%s", text.data + 1); /* 120 */
	assert_int_equal(strlen(v.warnings[1]), 120);
	buf_reset(&text);
	buf_addch(&text, 'x');
	for (int i = 0; i < 1000; i++)
		buf_addstr(&text, "\xe2\x82\xac");
	admission_refuse(&v, 400, "%s", text.data);
	assert_int_equal(strlen(v.message), 1 + 340 * 3 + 0);
	assert_memory_equal(v.message + 1 + 339 * 3, "\xe2\x82\xac", 4);
	admission_verdict_release(&v);
}

TEST(warnings_are_counted)
{
	struct admission_verdict v;
	JSON_CLEANUP cJSON *answer = NULL;

	admission_verdict_init(&v);
	for (int i = 0; i < ADMISSION_WARNINGS + 5; i++)
		admission_warn(&v, "warning %d", i);
	answer = written(&v);
	assert_int_equal(cJSON_GetArraySize(json_get(answer, "response", "warnings", NULL)), ADMISSION_WARNINGS);
	admission_verdict_release(&v);
	assert_int_equal(v.warning_count, 0);
}

TEST(what_was_said_is_not_said_again)
{
	struct admission_verdict v;

	admission_verdict_init(&v);
	for (int i = 0; i < 3; i++) {
		admission_warn(&v, "a");
		admission_warn(&v, "b");
	}
	assert_int_equal(v.warning_count, 2);
	assert_string_equal(v.warnings[0], "a");
	assert_string_equal(v.warnings[1], "b");
	admission_verdict_release(&v);
}

TEST(an_answer_over_the_limit_is_an_error)
{
	struct admission_verdict v;
	BUF_CLEANUP struct buf text = BUF_INIT(50);

	admission_verdict_init(&v);
	assert_int_equal(admission_write("u-1", &v, &text), -1);
	admission_verdict_release(&v);
}
