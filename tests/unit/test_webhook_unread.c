/* What no program reads of a review is not parsed: the answer is the same as when all of it is. */
#include "tests/unit/webhook_fixture.h"

#include "common/base/buf.h"
#include "common/base/metrics.h"
#include "common/net/httpd.h"
#include "webhook/serve.h"
#include "webhook/tally.h"
#include "webhook/unread.h"

#define TEXT_MAX (1u << 20)

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

static int no_budget(void *ctx, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	(void)ctx;
	(void)fn;
	(void)arg;
	return 0;
}

static void ask(const char *path, const char *text, struct buf *answer)
{
	struct metrics *metrics = metrics_new();
	struct tally tally;
	struct webhook w = { .log = { .fd = -1, .level = LOG_LEVEL_ERROR },
			     .tally = &tally,
			     .viewer_image = VIEWER_IMAGE,
			     .lookups = { .find = find_none, .each = each_none, .each_budget = no_budget } };
	struct http_request req = { .method = "POST", .path = path, .body = text, .body_len = strlen(text) };
	struct http_response res = { .status = 200, .body = BUF_INIT(TEXT_MAX) };

	tally_begin(&tally, metrics);
	webhook_serve(&w, &req, &res);
	assert_int_equal(res.status, 200);
	buf_addstr(answer, res.body.data);
	buf_release(&res.body);
	metrics_free(metrics);
}

static void put(cJSON *object, const char *name, const char *text)
{
	if (cJSON_IsObject(object))
		json_set(object, name, parse_text(text));
}

static void put_each(cJSON *object, const char *list, const char *name, const char *text)
{
	cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, list)) {
		put(item, name, text);
	}
}

static void add_wordy_metadata(cJSON *metadata)
{
	put(metadata, "managedFields",
	    "[{\"manager\":\"kubectl\",\"fieldsV1\":{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"x\\\"}\":{\"."
	    "\":{}}}}}}]");
	put(metadata, "uid", "\"4f0c\"");
	put(metadata, "creationTimestamp", "\"2026-11-27T07:00:00Z\"");
	put(metadata, "generation", "1");
	put(metadata, "resourceVersion", "\"17\"");
	put_each(metadata, "ownerReferences", "apiVersion", "\"apps/v1\"");
	put_each(metadata, "ownerReferences", "uid", "\"4f0b\"");
	put_each(metadata, "ownerReferences", "blockOwnerDeletion", "true");
}

static void add_wordy_spec(cJSON *spec)
{
	static const char *const texts[][2] = {
		{ "volumes", "[{\"name\":\"data\",\"persistentVolumeClaim\":{\"claimName\":\"data-0\"}},"
			     "{\"name\":\"config\",\"configMap\":{\"name\":\"c\",\"defaultMode\":420}}]" },
		{ "dnsPolicy", "\"ClusterFirst\"" },
		{ "serviceAccountName", "\"default\"" },
		{ "serviceAccount", "\"default\"" },
		{ "securityContext", "{\"runAsUser\":7,\"runAsNonRoot\":true}" },
		{ "hostname", "\"codis-server-1\"" },
		{ "subdomain", "\"codis-server\"" },
		{ "priority", "1000" },
		{ "enableServiceLinks", "true" },
		{ "preemptionPolicy", "\"Never\"" },
		{ "topologySpreadConstraints", "[{\"maxSkew\":1,\"topologyKey\":\"zone\"}]" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put(spec, texts[i][0], texts[i][1]);
}

/* What an API server sends with every pod; all of it is in the list of what is not read. */
static void add_wordy(cJSON *object)
{
	cJSON *spec = cJSON_GetObjectItemCaseSensitive(object, "spec"), *item;

	add_wordy_metadata(cJSON_GetObjectItemCaseSensitive(object, "metadata"));
	add_wordy_spec(spec);
	put(object, "status", "{\"phase\":\"Pending\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}");
	put(object, "kind", "\"Pod\"");
	put(object, "apiVersion", "\"v1\"");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(spec, "containers")) {
		put(item, "resources", "{\"limits\":{\"memory\":\"1Gi\"}}");
		put(item, "securityContext", "{\"runAsUser\":8}");
		put(item, "volumeMounts", "[{\"name\":\"config\",\"mountPath\":\"/codis\"}]");
		put(item, "terminationMessagePolicy", "\"File\"");
		put_each(item, "ports", "protocol", "\"TCP\"");
	}
}

static void review_of(const char *resource, cJSON *object, struct buf *out)
{
	JSON_CLEANUP cJSON *review = cJSON_CreateObject();
	cJSON *request = json_add_object(review, "request");

	add_wordy(object);
	json_add_str(review, "apiVersion", "admission.k8s.io/v1");
	json_add_str(review, "kind", "AdmissionReview");
	json_add_str(request, "uid", "u");
	json_add_str(json_add_object(request, "resource"), "resource", resource);
	json_add_str(json_add_object(request, "kind"), "kind", "Pod");
	json_add_bool(request, "dryRun", true);
	json_add_str(json_add_object(request, "requestResource"), "resource", resource);
	json_add_str(json_add_object(request, "userInfo"), "username", "somebody");
	json_add_str(request, "operation", "CREATE");
	json_add_str(request, "namespace", "shop");
	cJSON_AddItemToObject(request, "object", object);
	assert_int_equal(json_write(review, out), 0);
}

/* A blank that is none for JSON, and one for cJSON, in front of a text: then nothing is left out of it. */
static void expect_same(const char *path, const char *resource, cJSON *object)
{
	BUF_CLEANUP struct buf text = BUF_INIT(TEXT_MAX), rest = BUF_INIT(TEXT_MAX), part = BUF_INIT(TEXT_MAX),
			       whole = BUF_INIT(TEXT_MAX);

	buf_addch(&text, '\v');
	review_of(resource, object, &text);
	assert_false(json_skim(text.data, text.len, unread, &rest));
	buf_reset(&rest);
	assert_true(json_skim(text.data + 1, text.len - 1, unread, &rest));
	assert_true(rest.len < text.len - 200);
	ask(path, text.data, &whole);
	ask(path, text.data + 1, &part);
	assert_string_equal(part.data, whole.data);
}

TEST(a_pod_is_answered_as_if_all_of_it_were_read)
{
	static const char *const fixtures[] = { "plain-server",     "plain-proxy",       "plain-dashboard",
						"plain-fe",         "plain-zookeeper",   "article-server",
						"article-proxy",    "article-dashboard", "article-ha",
						"article-zookeeper" };

	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++)
		expect_same("/mutate", "pods", load_pod(fixtures[i]));
}

TEST(a_statefulset_is_answered_as_if_all_of_it_were_read)
{
	cJSON *set = a_set("shop", "codis-server");

	add_wordy(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(set, "spec"), "template"));
	expect_same("/validate", "statefulsets", set);
}
