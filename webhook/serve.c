#include "webhook/serve.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_arena.h"
#include "common/codis/component.h"
#include "common/kube/admission.h"
#include "common/net/httpd.h"
#include "webhook/mutate.h"
#include "webhook/tally.h"
#include "webhook/unread.h"
#include "webhook/validate.h"

#define CLEANUP_VERDICT __attribute__((cleanup(admission_verdict_release)))
#define CLEANUP_BODY    __attribute__((cleanup(body_cleanup)))

/* What goes with the arena needs not be walked through. */
static void body_cleanup(cJSON **body)
{
	json_arena_delete(*body);
}

static void answer(struct http_response *res, int status, const char *sentence)
{
	res->status = status;
	res->content_type = "text/plain; charset=utf-8";
	buf_reset(&res->body);
	buf_addf(&res->body, "%s\n", sentence);
}

static enum review_result result_of(const struct admission_verdict *v)
{
	if (!v->allowed)
		return REVIEW_REFUSED;
	return v->patch.len ? REVIEW_CHANGED : REVIEW_ALLOWED;
}

static const char *name_of(const struct admission_request *req)
{
	const char *generated = json_str(req->object, "metadata", "generateName", NULL);
	const char *name = req->name[0] ? req->name : json_str(req->object, "metadata", "name", NULL);

	return name ? name : generated ? generated : "";
}

static void log_review(const struct logger *log, const struct admission_request *req, const struct admission_verdict *v)
{
	log_debug(log, "review", "uid=%s resource=%s namespace=%s name=%s operation=%s result=%s operations=%d",
		  LOGQ(req->uid), LOGQ(req->resource), LOGQ(req->namespace), LOGQ(name_of(req)), LOGQ(req->operation),
		  review_result_name(result_of(v)), v->operations);
}

/* What somebody is told is worth a line; of all others there is one a minute. */
static void log_words(const struct logger *log, const struct admission_request *req, const struct admission_verdict *v)
{
	if (!v->allowed)
		log_info(log, "review.refused", "uid=%s resource=%s namespace=%s name=%s operation=%s code=%d why=%s",
			 LOGQ(req->uid), LOGQ(req->resource), LOGQ(req->namespace), LOGQ(name_of(req)),
			 LOGQ(req->operation), v->code, LOGQ(v->message));
	for (int i = 0; i < v->warning_count; i++)
		log_info(log, "review.warning", "uid=%s resource=%s namespace=%s name=%s warning=%s", LOGQ(req->uid),
			 LOGQ(req->resource), LOGQ(req->namespace), LOGQ(name_of(req)), LOGQ(v->warnings[i]));
}

static void note(const struct webhook *w, bool mutating, const struct admission_request *req,
		 const struct admission_verdict *v)
{
	tally_review(w->tally, mutating, result_of(v), v->warning_count);
	if (v->allowed && v->patch.len)
		tally_patch(w->tally, v->patch.len);
	if (w->log.level <= LOG_LEVEL_DEBUG) /* to quote what is not written costs as much */
		log_review(&w->log, req, v);
	log_words(&w->log, req, v);
}

/* Without what is not read of it; the caller's, with *request in it. NULL and *err: it is none. */
static cJSON *read_without(const struct json_cut *cuts, const struct http_request *req,
			   struct admission_request *request, struct error *err)
{
	cJSON *body = json_parse_skimmed(req->body, req->body_len, SERVE_ITEMS, cuts, err);

	if (!body || admission_parse(body, request, err) == 0)
		return body;
	json_arena_delete(body);
	return NULL;
}

/* What a pod is is known when it is parsed: a dashboard, of which there are few, once more. */
static cJSON *read_review(bool mutating, const struct http_request *req, struct admission_request *request,
			  struct error *err)
{
	cJSON *body = read_without(mutating ? unread_of_pod : unread, req, request, err);

	if (!body || !mutating || codis_component_of(request->object) != CODIS_DASHBOARD)
		return body;
	json_arena_delete(body);
	return read_without(unread, req, request, err);
}

static void review(const struct webhook *w, bool mutating, const struct http_request *req, struct http_response *res)
{
	CLEANUP_VERDICT struct admission_verdict verdict;
	struct error err = ERROR_INIT;
	struct admission_request request;
	CLEANUP_BODY cJSON *body = read_review(mutating, req, &request, &err);

	admission_verdict_init(&verdict);
	if (!body) {
		tally_review(w->tally, mutating, REVIEW_BAD, 0);
		log_warn(&w->log, "review.unreadable", "endpoint=%s error=%s", mutating ? "mutate" : "validate",
			 LOGQ(err.text));
		answer(res, 400, err.text);
		return;
	}
	if (mutating)
		mutate(&request, &w->lookups, w->viewer_image, &verdict);
	else
		validate(&request, &w->lookups, &verdict);
	res->content_type = "application/json";
	if (admission_write(request.uid, &verdict, &res->body) < 0)
		answer(res, 500, "the answer does not fit into memory");
	note(w, mutating, &request, &verdict);
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
	tally_time(w->tally, mutating, clock_mono_us() - start);
}
