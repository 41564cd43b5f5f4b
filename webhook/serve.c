#include "webhook/serve.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_arena.h"
#include "common/base/metrics.h"
#include "common/kube/admission.h"
#include "common/net/httpd.h"
#include "webhook/mutate.h"
#include "webhook/unread.h"
#include "webhook/validate.h"

#define CLEANUP_VERDICT __attribute__((cleanup(admission_verdict_release)))

static void count(const struct webhook *w, const char *endpoint, const char *result)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "endpoint=\"%s\",result=\"%s\"", endpoint, result);
	metric_add(metric_counter(w->metrics, "codis_webhook_requests_total", labels,
				  "AdmissionReviews by endpoint and result."),
		   1);
}

static void answer(struct http_response *res, int status, const char *sentence)
{
	res->status = status;
	res->content_type = "text/plain; charset=utf-8";
	buf_reset(&res->body);
	buf_addf(&res->body, "%s\n", sentence);
}

static const char *result_of(const struct admission_verdict *v)
{
	if (!v->allowed)
		return "refused";
	return cJSON_GetArraySize(v->patch) > 0 ? "changed" : "allowed";
}

/* Of what is scaled most is none of ours, so only what was decided is worth a line. */
static void log_verdict(const struct webhook *w, const struct admission_request *req, const struct admission_verdict *v)
{
	const char *generated = json_str(req->object, "metadata", "generateName", NULL);
	const char *name = req->name[0] ? req->name : json_str(req->object, "metadata", "name", NULL);
	bool nothing = v->allowed && !v->warning_count && cJSON_GetArraySize(v->patch) <= 0;

	log_event(&w->log, nothing ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "review",
		  "uid=%s resource=%s namespace=%s name=%s operation=%s result=%s operations=%d", LOGQ(req->uid),
		  LOGQ(req->resource), LOGQ(req->namespace),
		  LOGQ(name        ? name
		       : generated ? generated
				   : ""),
		  LOGQ(req->operation), result_of(v), cJSON_GetArraySize(v->patch));
	if (!v->allowed)
		log_info(&w->log, "review.refused", "uid=%s code=%d why=%s", LOGQ(req->uid), v->code, LOGQ(v->message));
	for (int i = 0; i < v->warning_count; i++)
		log_info(&w->log, "review.warning", "uid=%s warning=%s", LOGQ(req->uid), LOGQ(v->warnings[i]));
}

static void review(const struct webhook *w, bool mutating, const struct http_request *req, struct http_response *res)
{
	const char *endpoint = mutating ? "mutate" : "validate";
	CLEANUP_VERDICT struct admission_verdict verdict;
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *body = json_parse_skimmed(req->body, req->body_len, SERVE_ITEMS, unread, &err);
	struct admission_request request;

	admission_verdict_init(&verdict);
	if (!body || admission_parse(body, &request, &err) < 0) {
		count(w, endpoint, "bad_request");
		log_warn(&w->log, "review.unreadable", "endpoint=%s error=%s", endpoint, LOGQ(err.text));
		answer(res, 400, err.text);
		return;
	}
	if (mutating)
		mutate(&request, &w->lookups, w->viewer_image, &verdict);
	else
		validate(&request, &w->lookups, &verdict);
	count(w, endpoint, result_of(&verdict));
	log_verdict(w, &request, &verdict);
	res->content_type = "application/json";
	if (admission_write(request.uid, &verdict, &res->body) < 0)
		answer(res, 500, "the answer does not fit into memory");
}

void webhook_serve(void *ctx, const struct http_request *req, struct http_response *res)
{
	const struct webhook *w = ctx;
	bool mutating = strcmp(req->path, "/mutate") == 0;
	int64_t start = clock_mono_us();

	if (!mutating && strcmp(req->path, "/validate") != 0) {
		answer(res, 404, "codis-webhook answers POST /mutate and POST /validate");
		return;
	}
	if (strcmp(req->method, "POST") != 0) {
		answer(res, 405, "codis-webhook is asked with POST");
		return;
	}
	json_arena_begin();
	review(w, mutating, req, res);
	json_arena_end();
	metric_observe_us(metric_histogram(w->metrics, "codis_webhook_request_seconds",
					   mutating ? "endpoint=\"mutate\"" : "endpoint=\"validate\"",
					   "Time to answer an AdmissionReview."),
			  clock_mono_us() - start);
}
