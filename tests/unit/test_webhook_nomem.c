/* Memory runs out while an AdmissionReview is answered: what is sent is the very answer, or a refusal. */
#include "tests/unit/webhook_fixture.h"

#include "common/base/buf.h"
#include "common/base/metrics.h"
#include "common/net/httpd.h"
#include "tests/unit/nomem.h"
#include "webhook/serve.h"
#include "webhook/tally.h"

#define TEXT_MAX (1u << 20)

/* --- what is known of other objects ------------------------------------------------------------------------------- */

static const cJSON *set_there;

static void find_one(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set),
		     void *arg)
{
	(void)ctx;
	(void)namespace;
	(void)name;
	fn(arg, set_there);
}

static void each_one(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	(void)ctx;
	if (set_there)
		fn(arg, set_there);
}

static const cJSON *budget_there;

static int one_budget(void *ctx, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	(void)ctx;
	if (budget_there)
		fn(arg, budget_there);
	return 0;
}

/* --- one review --------------------------------------------------------------------------------------------------- */

static char *review_of(const char *resource, const char *subresource, const char *operation, cJSON *old, cJSON *object)
{
	cJSON *review = cJSON_CreateObject(), *request;
	char *text;

	json_add_str(review, "apiVersion", "admission.k8s.io/v1");
	json_add_str(review, "kind", "AdmissionReview");
	request = json_add_object(review, "request");
	json_add_str(request, "uid", "u");
	json_add_str(json_add_object(request, "resource"), "resource", resource);
	json_add_str(request, "subResource", subresource);
	json_add_str(request, "operation", operation);
	json_add_str(request, "namespace", "shop");
	json_add_str(request, "name", "codis-server");
	if (old)
		cJSON_AddItemToObject(request, "oldObject", old);
	cJSON_AddItemToObject(request, "object", object);
	text = cJSON_PrintUnformatted(review);
	cJSON_Delete(review);
	return text;
}

static void assert_refused(const struct http_response *res)
{
	JSON_CLEANUP cJSON *review = NULL;

	if (res->status >= 400)
		return;
	review = parse_text(res->body.data);
	assert_false(json_bool(true, review, "response", "allowed", NULL));
	assert_int_equal(json_int(0, review, "response", "status", "code", NULL), 500);
	assert_non_null(strstr(json_str(review, "response", "status", "message", NULL), "memory"));
	assert_null(json_get(review, "response", "patch", NULL));
}

/* Takes the text over. expect: words of the answer, so that the path that is meant was taken. */
static void each_allocation(const char *path, char *text, const char *expect)
{
	BUF_CLEANUP struct buf right = BUF_INIT(TEXT_MAX);
	struct http_request req = { .method = "POST", .path = path, .body = text, .body_len = strlen(text) };

	NOMEM_EACH
	{
		struct metrics *metrics = metrics_new();
		struct tally tally;
		struct webhook w = { .log = { .fd = -1, .level = LOG_LEVEL_ERROR },
				     .tally = &tally,
				     .viewer_image = VIEWER_IMAGE,
				     .lookups = { .find = find_one, .each = each_one, .each_budget = one_budget } };
		struct http_response res = { .status = 200, .body = BUF_INIT(TEXT_MAX) };

		tally_begin(&tally, metrics);
		nomem_on();
		webhook_serve(&w, &req, &res);
		nomem_off();
		if (nomem_is_first()) {
			assert_int_equal(res.status, 200);
			if (!strstr(res.body.data, expect))
				fail_msg("%s", res.body.data);
			buf_addstr(&right, res.body.data);
		} else if (strcmp(res.body.data, right.data) != 0 || res.body.failed || res.status != 200) {
			assert_true(nomem_failed());
			assert_refused(&res);
		}
		metrics_free(metrics);
		buf_release(&res.body);
	}
	free(text);
}

static void each_of_mutate(const char *fixture, const char *expect)
{
	each_allocation("/mutate", review_of("pods", "", "CREATE", NULL, load_pod(fixture)), expect);
}

/* --- mutate ------------------------------------------------------------------------------------------------------- */

TEST(a_server_gets_all_of_its_patch_or_is_refused)
{
	each_of_mutate("plain-server", "\"patch\"");
	each_of_mutate("article-server", "\"patch\"");
}

TEST(a_proxy_gets_all_of_its_patch_or_is_refused)
{
	each_of_mutate("plain-proxy", "\"patch\"");
	each_of_mutate("article-proxy", "\"patch\"");
}

TEST(a_dashboard_gets_all_of_its_patch_or_is_refused)
{
	each_of_mutate("plain-dashboard", "\"patch\"");
	each_of_mutate("article-dashboard", "\"patch\"");
}

TEST(a_codis_ha_becomes_a_viewer_or_is_refused)
{
	each_of_mutate("article-ha", "\"patch\"");
}

TEST(a_codis_fe_and_a_zookeeper_get_all_of_their_patch_or_are_refused)
{
	JSON_CLEANUP cJSON *set = a_set("shop", "codis-server");

	set_there = set;
	each_of_mutate("plain-fe", "\"patch\"");
	each_of_mutate("plain-zookeeper", "\"patch\"");
	each_of_mutate("article-zookeeper", "\"patch\"");
	set_there = NULL;
}

/* --- validate ----------------------------------------------------------------------------------------------------- */

#define SERVERS(name, product, replicas, more, extra)                                                                  \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"shop\"" more "},\"spec\":{\"replicas\":" replicas        \
	",\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"name\":"     \
	"\"codis-server\",\"image\":\"codis\",\"command\":[\"sh\",\"-c\",\"exec codis-server /codis/redis.conf\"],"    \
	"\"env\":[{\"name\":\"PRODUCT_NAME\",\"value\":\"" product "\"}]" extra "}]}}}}"
#define SERVES ",\"annotations\":{\"codis.io/slots\":\"1=512/9,2=512/9\"}"

static void each_of_validate(const char *subresource, const char *operation, const char *old, const char *object,
			     const char *expect)
{
	each_allocation(
		"/validate",
		review_of("statefulsets", subresource, operation, old ? parse_text(old) : NULL, parse_text(object)),
		expect);
}

TEST(a_new_statefulset_is_warned_of_all_or_refused)
{
	JSON_CLEANUP cJSON *budget = parse_text("{\"metadata\":{\"namespace\":\"shop\",\"name\":\"mine\"},\"spec\":{"
						"\"maxUnavailable\":\"50%\",\"selector\":{}}}");

	set_there = NULL;
	budget_there = budget;
	each_of_validate("", "CREATE", NULL, SERVERS("codis-server", "p", "4", "", ""), "PodDisruptionBudget");
	budget_there = NULL;
	each_of_validate("", "CREATE", NULL, SERVERS("codis-server", "p", "3", "", ""), "\"allowed\":false");
	/* What its pods would be refused for. */
	each_of_validate("", "CREATE", NULL, SERVERS("codis-server", "p", "4", "", ",\"lifecycle\":[]"),
			 "\"allowed\":false");
}

TEST(a_second_statefulset_of_a_product_is_refused)
{
	JSON_CLEANUP cJSON *other = parse_text(SERVERS("other", "p", "4", "", ""));

	set_there = other;
	each_of_validate("", "CREATE", NULL, SERVERS("codis-server", "p", "4", "", ""), "and both would make group 1");
	set_there = NULL;
}

TEST(an_update_that_takes_groups_away_is_refused)
{
	each_of_validate("", "UPDATE", SERVERS("codis-server", "p", "4", SERVES, ""),
			 SERVERS("codis-server", "p", "2", SERVES, ""),
			 "group 2 still serves 512 slots (about 9 keys)");
	each_of_validate("", "UPDATE", SERVERS("codis-server", "p", "4", "", ""),
			 SERVERS("codis-server", "p", "4", "", ",\"readinessProbe\":{\"exec\":{}}"), "warnings");
}

TEST(a_scale_that_takes_groups_away_is_refused)
{
	JSON_CLEANUP cJSON *set = parse_text(SERVERS("codis-server", "p", "4", SERVES, ""));

	set_there = set;
	each_of_validate("scale", "UPDATE", "{\"spec\":{\"replicas\":4}}", "{\"spec\":{\"replicas\":2}}",
			 "group 2 still serves 512 slots (about 9 keys)");
	set_there = NULL;
}
