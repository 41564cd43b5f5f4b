#include "extender/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "common/kube/extender.h"
#include "common/net/httpd.h"
#include "extender/place.h"

int extender_init(struct extender *e, struct metrics *metrics)
{
	memset(e, 0, sizeof(*e));
	e->metrics = metrics;
	e->inventory = inventory_new();
	return e->inventory && pthread_mutex_init(&e->lock, NULL) == 0 ? 0 : -1;
}

void extender_release(struct extender *e)
{
	inventory_free(e->inventory);
	reservations_release(&e->reservations);
	pthread_mutex_destroy(&e->lock);
}

static void count(struct extender *e, const char *verb, const char *result)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "verb=\"%s\",result=\"%s\"", verb, result);
	metric_add(metric_counter(e->metrics, "codis_extender_requests_total", labels,
				  "Calls of the scheduler by verb and result."),
		   1);
}

/* One call: what was asked, and what is worked out for it. */
struct call {
	cJSON *request;
	struct extender_args args;
	struct place_pod pod;
	struct place_node *nodes;
	size_t *order;
};

#define CALL_CLEANUP __attribute__((cleanup(call_release)))

static void call_release(struct call *c)
{
	extender_args_release(&c->args);
	cJSON_Delete(c->request);
	free(c->nodes);
	free(c->order);
}

static int call_parse(struct call *c, const char *body, size_t len, struct error *err)
{
	memset(c, 0, sizeof(*c));
	c->request = json_parse(body, len, SERVE_ITEMS, err);
	if (!c->request)
		return -1;
	if (extender_args_parse(c->request, &c->args, err) < 0)
		return -1;
	c->nodes = calloc(c->args.count + 1, sizeof(*c->nodes));
	c->order = calloc(c->args.count + 1, sizeof(*c->order));
	return c->nodes && c->order ? 0 : error_set(err, ERR_NOMEM, "no memory for %zu nodes", c->args.count);
}

/* --- filter ----------------------------------------------------------------------------------- */

static void pass_all(const struct call *c, struct extender_filter *f)
{
	for (size_t i = 0; i < c->args.count; i++)
		extender_filter_pass(f, i);
}

/* Strict spread cannot be judged for a pod that does not say what it is; it waits, and its Pending tells why. */
static void refuse_all(const struct call *c, const char *reason, struct extender_filter *f)
{
	for (size_t i = 0; i < c->args.count; i++)
		extender_filter_refuse(f, i, reason);
}

static void write_refusals(const struct call *c, struct extender_filter *f)
{
	char text[1024];
	struct buf reason = BUF_IN(text);

	for (size_t i = 0; i < c->args.count; i++) {
		if (c->nodes[i].refusal == PLACE_PASSES)
			continue;
		buf_reset(&reason);
		place_reason(&c->pod, &c->nodes[i], &reason);
		extender_filter_refuse(f, i, reason.data);
	}
}

static int reserve_offer(struct extender *e, const struct call *c, size_t offer, int64_t now_ms, struct error *err)
{
	const char **names = calloc(offer + 1, sizeof(*names));
	int done = -1;

	for (size_t i = 0; names && i < offer; i++)
		names[i] = c->args.names[c->order[i]];
	if (names)
		done = reservations_add(&e->reservations, c->pod.pod.uid, c->pod.pod.name, &c->pod.member, names, offer,
					now_ms + e->reservation_ttl_ms);
	free(names);
	return done == 0 ? 0 : error_set(err, ERR_NOMEM, "no memory for a reservation of %zu nodes", offer);
}

/* Under the lock. */
static int filter_placed(struct extender *e, struct call *c, int64_t now_ms, int64_t wall_ms, struct extender_filter *f,
			 struct error *err)
{
	size_t offer;

	reservations_expire(&e->reservations, now_ms);
	place_join(&c->pod, e->inventory);
	if (place_nodes(e->inventory, &e->reservations, &c->pod, &c->args, wall_ms, c->nodes, err) < 0)
		return -1;
	offer = place_offer(&c->pod, c->nodes, c->args.count, c->order);
	write_refusals(c, f);
	reservations_drop(&e->reservations, c->pod.pod.uid);
	if (offer && reserve_offer(e, c, offer, now_ms, err) < 0)
		return -1;
	for (size_t i = 0; i < offer; i++)
		extender_filter_pass(f, c->order[i]);
	metric_set(metric_gauge(e->metrics, "codis_extender_reservations", "", "Pods whose placement is in flight."),
		   (double)e->reservations.by_uid.count);
	log_debug(&e->log, "filter", "namespace=%s pod=%s candidates=%zu offered=%zu first=%s",
		  LOGQ(c->pod.pod.namespace), LOGQ(c->pod.pod.name), c->args.count, offer,
		  LOGQ(offer ? c->args.names[c->order[0]] : ""));
	return 0;
}

static int filter_call(struct extender *e, struct call *c, int64_t now_ms, int64_t wall_ms, struct extender_filter *f,
		       struct error *err)
{
	struct error reason = ERROR_INIT;
	int done;

	if (place_pod_of(c->args.pod, &c->pod, &reason) < 0) {
		log_warn(&e->log, "pod.unreadable", "namespace=%s pod=%s error=%s",
			 LOGQ(json_str(c->args.pod, "metadata", "namespace", NULL)),
			 LOGQ(json_str(c->args.pod, "metadata", "name", NULL)), LOGQ(reason.text));
		refuse_all(c, reason.text, f);
		return 0;
	}
	if (c->pod.pod.component == CODIS_NONE) {
		pass_all(c, f);
		return 0;
	}
	pthread_mutex_lock(&e->lock);
	done = filter_placed(e, c, now_ms, wall_ms, f, err);
	pthread_mutex_unlock(&e->lock);
	return done;
}

/* An answer of nothing but an error makes the scheduler try the pod again after its back-off. */
static int answer_error(struct extender *e, const char *verb, const char *result, int status, const char *text,
			struct buf *out)
{
	count(e, verb, result);
	log_warn(&e->log, "call.failed", "verb=%s result=%s error=%s", verb, result, LOGQ(text));
	buf_reset(out);
	return extender_error_write(text, out) == 0 ? status : 500;
}

static int status_of(const struct error *err)
{
	return err->code == ERR_NOMEM ? 500 : 400;
}

/* What was not said was not promised either: the pod would be in the way of its siblings. */
static void take_back(struct extender *e, const struct call *c)
{
	pthread_mutex_lock(&e->lock);
	reservations_drop(&e->reservations, c->pod.pod.uid);
	pthread_mutex_unlock(&e->lock);
}

int serve_filter(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	CALL_CLEANUP struct call c = { 0 };
	EXTENDER_FILTER_CLEANUP struct extender_filter f = { 0 };
	struct error err = ERROR_INIT;
	char why_not[256] = "";

	if (call_parse(&c, body, len, &err) < 0)
		return answer_error(e, "filter", "bad_request", status_of(&err), err.text, out);
	if (!e->ready(e->ready_ctx, why_not, sizeof(why_not)))
		return answer_error(e, "filter", "not_ready", 200, why_not, out);
	extender_filter_init(&f, &c.args);
	if (filter_call(e, &c, now_ms, wall_ms, &f, &err) < 0)
		return answer_error(e, "filter", "error", 200, err.text, out);
	if (extender_filter_write(&f, out) < 0) {
		take_back(e, &c);
		return answer_error(e, "filter", "error", 200, "the answer does not fit into memory", out);
	}
	count(e, "filter", cJSON_GetArraySize(f.passed) ? "offered" : "refused");
	return 200;
}

/* --- prioritize ------------------------------------------------------------------------------- */

static int prioritize_call(struct extender *e, struct call *c, int64_t wall_ms, int *scores, struct error *err)
{
	int done;

	if (place_pod_of(c->args.pod, &c->pod, err) < 0)
		return -1;
	if (c->pod.pod.component == CODIS_NONE)
		return 0;
	pthread_mutex_lock(&e->lock);
	/* What was just offered to this pod is what is asked about: no node is "tried" here. */
	place_join(&c->pod, e->inventory);
	done = place_nodes(e->inventory, &e->reservations, &c->pod, &c->args, wall_ms, c->nodes, err);
	pthread_mutex_unlock(&e->lock);
	for (size_t i = 0; i < c->args.count; i++)
		c->nodes[i].weights[WEIGHT_TRIED] = 0;
	if (done == 0 && place_scores(c->nodes, c->args.count, scores) < 0)
		return error_set(err, ERR_NOMEM, "no memory for %zu scores", c->args.count);
	return done;
}

int serve_prioritize(struct extender *e, const char *body, size_t len, int64_t wall_ms, struct buf *out)
{
	CALL_CLEANUP struct call c = { 0 };
	struct error err = ERROR_INIT;
	char why_not[256] = "";
	int *scores, done;

	if (call_parse(&c, body, len, &err) < 0)
		return answer_error(e, "prioritize", "bad_request", status_of(&err), err.text, out);
	if (!e->ready(e->ready_ctx, why_not, sizeof(why_not)))
		return answer_error(e, "prioritize", "not_ready", 503, why_not, out);
	scores = calloc(c.args.count + 1, sizeof(*scores));
	done = scores ? prioritize_call(e, &c, wall_ms, scores, &err) : -1;
	if (done == 0)
		done = extender_scores_write(&c.args, scores, out);
	free(scores);
	if (done < 0)
		return answer_error(e, "prioritize", "error", 500, err.text[0] ? err.text : "no memory", out);
	count(e, "prioritize", "scored");
	return 200;
}

/* --- HTTP ------------------------------------------------------------------------------------- */

void serve_http(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct extender *e = ctx;
	bool filter = strcmp(req->path, "/filter") == 0, prioritize = strcmp(req->path, "/prioritize") == 0;
	int64_t start = clock_mono_us();

	if (!filter && !prioritize) {
		res->status = 404;
		buf_addstr(&res->body, "codis-extender answers POST /filter and POST /prioritize\n");
		return;
	}
	if (strcmp(req->method, "POST") != 0) {
		res->status = 405;
		buf_addf(&res->body, "%s is asked with POST\n", req->path);
		return;
	}
	res->content_type = "application/json";
	if (filter)
		res->status = serve_filter(e, req->body, req->body_len, clock_mono_ms(), clock_wall_ms(), &res->body);
	else
		res->status = serve_prioritize(e, req->body, req->body_len, clock_wall_ms(), &res->body);
	metric_observe_us(metric_histogram(e->metrics, "codis_extender_request_seconds",
					   filter ? "verb=\"filter\"" : "verb=\"prioritize\"",
					   "Time to answer a call of the scheduler."),
			  clock_mono_us() - start);
}
