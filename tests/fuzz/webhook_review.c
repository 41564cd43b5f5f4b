/* fuzz: -max_len=16384 */
/* JSON as an AdmissionReview: what is answered can be written, a patch can be applied and asks for nothing more the
 * second time, and the request stays as it was. */
#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_patch_apply.h"
#include "common/kube/admission.h"
#include "tests/fuzz/fuzz.h"
#include "webhook/mutate.h"
#include "webhook/serve.h"
#include "webhook/validate.h"

#define TEXT_MAX (16u << 20)
#define VIEWER   "registry.example/codis-k8s:1"

static cJSON *known_set, *known_budget;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char set[] =
		"{\"metadata\":{\"name\":\"codis-server\",\"namespace\":\"shop\",\"annotations\":{\"codis.io/slots\":"
		"\"1=512/12000,2=512\"}},\"spec\":{\"replicas\":4,\"template\":{\"metadata\":{\"labels\":{\"app\":"
		"\"codis-server\"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\",\"env\":[{\"name\":"
		"\"SERVER_REPLICA\",\"value\":\"2\"},{\"name\":\"PRODUCT_NAME\",\"value\":\"shop\"}]}]}}}}";
	static const char budget[] = "{\"metadata\":{\"name\":\"b\",\"namespace\":\"shop\"},\"spec\":{\"selector\":"
				     "{\"matchLabels\":{\"app\":\"codis-server\"}}}}";

	(void)argc;
	(void)argv;
	known_set = json_parse(set, sizeof(set) - 1, JSON_ITEMS, NULL);
	known_budget = json_parse(budget, sizeof(budget) - 1, JSON_ITEMS, NULL);
	CHECK(known_set && known_budget);
	return 0;
}

static void find(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set), void *arg)
{
	(void)ctx;
	fn(arg, strcmp(namespace, "shop") == 0 && strcmp(name, "codis-server") == 0 ? known_set : NULL);
}

static void each(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	(void)ctx;
	fn(arg, known_set);
}

static int each_budget(void *ctx, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	(void)ctx;
	return fn(arg, known_budget);
}

static const struct lookups lookups = { .find = find, .each = each, .each_budget = each_budget };

static void check_answer(const struct admission_request *req, struct admission_verdict *v)
{
	BUF_CLEANUP struct buf out = BUF_INIT(TEXT_MAX);
	JSON_CLEANUP cJSON *answer = NULL;

	CHECK(v->allowed || v->code == 400 || v->code == 422 || v->code == 500);
	CHECK(v->allowed || v->message[0]);
	CHECK(admission_write(req->uid, v, &out) == 0);
	answer = json_parse(out.data, out.len, JSON_ITEMS, NULL);
	CHECK(answer && strcmp(json_str(answer, "response", "uid", NULL), req->uid) == 0);
	CHECK(json_bool(!v->allowed, answer, "response", "allowed", NULL) == v->allowed);
}

/* A member that is there twice: no API server writes that, and a patch cannot say which of the two it means. */
static bool has_twice(const cJSON *value)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, value) {
		if (member->string && cJSON_GetObjectItemCaseSensitive(value, member->string) != member)
			return true;
		if (has_twice(member))
			return true;
	}
	return false;
}

/* The object with its patch, the caller's; NULL: it was refused. */
static cJSON *mutated(const struct admission_request *req, bool *changed)
{
	struct admission_verdict v;
	struct error err = ERROR_INIT;
	cJSON *made = NULL;

	admission_verdict_init(&v);
	mutate(req, &lookups, VIEWER, &v);
	check_answer(req, &v);
	*changed = v.allowed && v.patch.len;
	if (v.allowed && req->object) {
		JSON_CLEANUP cJSON *patch = json_patch_read(&v.patch, v.operations);

		CHECK(patch);
		made = json_patch_apply(req->object, patch, &err);
		CHECK(made || has_twice(req->object));
	}
	admission_verdict_release(&v);
	return made;
}

static void check_mutate(const struct admission_request *req)
{
	struct admission_request second = *req;
	bool changed;
	JSON_CLEANUP cJSON *once = mutated(req, &changed), *twice = NULL;

	if (!once || has_twice(req->object))
		return;
	second.object = once;
	twice = mutated(&second, &changed);
	CHECK(twice && !changed);
}

static void check_validate(const struct admission_request *req)
{
	struct admission_verdict v;

	admission_verdict_init(&v);
	validate(req, &lookups, &v);
	check_answer(req, &v);
	admission_verdict_release(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *review = json_parse((const char *)data, len, SERVE_ITEMS, &err);
	BUF_CLEANUP struct buf before = BUF_INIT(TEXT_MAX), after = BUF_INIT(TEXT_MAX);
	struct admission_request req;

	if (!review || admission_parse(review, &req, &err) < 0) {
		CHECK(err.code != ERR_NONE && err.text[0]);
		return 0;
	}
	CHECK(json_write(review, &before) == 0);
	check_mutate(&req);
	check_validate(&req);
	CHECK(json_write(review, &after) == 0);
	CHECK(before.len == after.len && memcmp(before.data, after.data, after.len) == 0);
	return 0;
}
