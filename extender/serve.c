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
	e->reserved = metric_gauge(metrics, "codis_extender_reservations", "", "Pods whose placement is in flight.");
	e->inventory = inventory_new();
	attempts_init(&e->attempts);
	reservations_init(&e->reservations, &e->census);
	if (!e->inventory || census_init(&e->census, e->inventory) < 0)
		return -1;
	return pthread_mutex_init(&e->lock, NULL) == 0 ? 0 : -1;
}

void extender_release(struct extender *e)
{
	reservations_release(&e->reservations, false);
	attempts_release(&e->attempts);
	placing_release(&e->placing);
	inventory_free(e->inventory);
	census_release(&e->census);
	pthread_mutex_destroy(&e->lock);
}

void extender_settle(struct extender *e, const char *uid)
{
	pthread_mutex_lock(&e->lock);
	reservations_drop(&e->reservations, uid);
	attempts_drop(&e->attempts, uid);
	pthread_mutex_unlock(&e->lock);
}

static void count(struct extender *e, const char *verb, const char *result)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "verb=\"%s\",result=\"%s\"", verb, result);
	metric_add(metric_counter(e->metrics, "codis_extender_requests_total", labels,
				  "Calls of the scheduler by verb and result."),
		   1);
}

/* An answer of nothing but an error makes the scheduler try the pod again after its back-off. */
static int say_error(struct extender *e, const char *verb, const char *result, int status, const char *text,
		     struct buf *out)
{
	count(e, verb, result);
	buf_reset(out);
	return extender_error_write(text, out) == 0 ? status : 500;
}

static int answer_error(struct extender *e, const char *verb, const char *result, int status, const char *text,
			struct buf *out)
{
	log_warn(&e->log, "call.failed", "verb=%s result=%s error=%s", verb, result, LOGQ(text));
	return say_error(e, verb, result, status, text, out);
}

static int status_of(const struct error *err)
{
	return err->code == ERR_NOMEM ? 500 : 400;
}

/* --- whose pod it is ---------------------------------------------------------------------------------------------- */

/* One call: what was asked, and what is worked out for it. */
struct call {
	struct extender_args args;
	struct place_pod pod;
	uint32_t *offer;
	size_t count;
};

#define CALL_CLEANUP __attribute__((cleanup(call_release)))

static void call_release(struct call *c)
{
	extender_args_release(&c->args);
	place_pod_release(&c->pod);
	free(c->offer);
}

static const struct inventory_pod *find_known(const struct extender *e, struct json_span pod)
{
	struct json_span metadata = json_span_member(pod, "metadata");
	struct json_span uid = json_span_text(json_span_member(metadata, "uid"));
	char text[POD_UID_MAX];

	if (!uid.at || uid.len >= sizeof(text))
		return NULL;
	memcpy(text, uid.at, uid.len);
	text[uid.len] = '\0';
	return inventory_pod(e->inventory, text);
}

/* What the watch has brought needs not be read once more. Under the lock. 1: it has; 0: it has not, -1: see
 * place_pod_known(). */
static int know(struct extender *e, struct call *c, struct error *why)
{
	const struct inventory_pod *known = find_known(e, c->args.pod);

	if (!known)
		return 0;
	return place_pod_known(known, &c->pod, why) < 0 ? -1 : 1;
}

/* 0, or -1 and *err: it is no JSON; *why is set where what the pod says cannot be meant. */
static int read_pod(struct call *c, struct error *why, struct error *err)
{
	JSON_CLEANUP cJSON *pod = json_parse(c->args.pod.at, c->args.pod.len, SERVE_ITEMS, err);

	if (!pod)
		return -1;
	if (place_pod_of(pod, &c->pod, why) == 0)
		return 0;
	return why->code == ERR_NOMEM ? error_set(err, ERR_NOMEM, "%s", why->text) : 0;
}

/* Strict spread cannot be judged for a pod that does not say what it is; it waits, and its Pending tells why. */
static void say_why(void *ctx, size_t i, struct buf *out)
{
	const struct error *why = ctx;

	(void)i;
	buf_addstr(out, why->text);
}

/* --- filter ------------------------------------------------------------------------------------------------------- */

static struct reserved to_reserve(const struct place_pod *p)
{
	return (struct reserved){ .uid = p->pod.uid,
				  .name = p->pod.name,
				  .member = p->member,
				  .topology_key = p->pod.topology_key,
				  .strict = p->strict,
				  .wide = p->pod.choosy };
}

static void remember(struct extender *e, const struct call *c, struct attempts_of *attempts, int64_t now_ms)
{
	if (!attempts)
		return;
	attempts->calls++;
	for (size_t i = 0; i < c->count && c->count <= PLACE_OFFER_MAX; i++) {
		uint32_t node = e->placing.nodes[c->offer[i]].node;

		if (node)
			attempts_add(attempts, names_hash_of(&e->census.names, node), now_ms);
	}
	metric_set(e->reserved, (double)e->reservations.by_uid.count);
}

static int offer(struct extender *e, struct call *c, int64_t now_ms, struct error *err)
{
	struct attempts_of *attempts = attempts_of(&e->attempts, c->pod.pod.uid, now_ms);
	struct reserved reserved = to_reserve(&c->pod);

	c->offer = calloc(c->args.count + PLACE_OFFER_MAX, sizeof(*c->offer));
	if (!c->offer)
		return error_set(err, ERR_NOMEM, "no memory to offer %zu nodes", c->args.count);
	c->count = place_offer(&e->placing, attempts ? attempts->calls : 0, c->offer);
	reservations_drop(&e->reservations, c->pod.pod.uid);
	if (c->count && reservations_add(&e->reservations, &reserved, c->args.names, c->offer, c->count,
					 now_ms + e->reservation_ttl_ms) < 0)
		return error_set(err, ERR_NOMEM, "no memory for a reservation of %zu nodes", c->count);
	remember(e, c, attempts, now_ms);
	return 0;
}

static int64_t heard_ms(const struct extender *e, int64_t now_ms)
{
	return now_ms - (e->age_ms ? e->age_ms(e->ready_ctx) : 0);
}

/* After memory ran out all is counted anew. What was promised is not known any more, so nobody is placed until it would
 * have ended. */
static int recover(struct extender *e, int64_t now_ms, struct error *err)
{
	if (e->census.incomplete) {
		reservations_release(&e->reservations, true);
		e->blind_until_ms = now_ms + e->reservation_ttl_ms;
		if (census_recount(&e->census, e->inventory) < 0)
			return error_set(err, ERR_NOMEM, "no memory to count who stands where");
	}
	if (now_ms < e->blind_until_ms || heard_ms(e, now_ms) < e->blind_until_ms)
		return error_set(err, ERR_NOMEM,
				 "memory ran out; codis pods wait until those that were being placed are known");
	return 0;
}

static int place(struct extender *e, struct call *c, int64_t now_ms, int64_t wall_ms, struct error *err)
{
	if (recover(e, now_ms, err) < 0)
		return -1;
	reservations_expire(&e->reservations, now_ms, heard_ms(e, now_ms));
	place_join(&c->pod, e->inventory);
	return place_nodes(&e->placing, e->inventory, &e->census, &e->reservations,
			   attempts_find(&e->attempts, c->pod.pod.uid, now_ms), &c->pod, &c->args, wall_ms, err);
}

static void write_reason(void *ctx, size_t i, struct buf *out)
{
	place_reason(ctx, i, out);
}

static size_t first_transient(const struct placing *pl)
{
	size_t i = 0;

	while (i + 1 < pl->args->count && !place_is_transient(pl, i))
		i++;
	return i;
}

/* What is in the way may be gone in a moment, of which no event needs tell the scheduler: after an error it tries the
 * pod again within 10 s; one that is refused everywhere waits for an event. */
static int say_soon(struct extender *e, struct buf *out)
{
	char text[512];
	struct buf why = BUF_IN(text);

	place_reason(&e->placing, first_transient(&e->placing), &why);
	return say_error(e, "filter", "soon", 200, why.data, out);
}

static int say_offer(struct extender *e, const struct call *c, struct buf *out)
{
	int done;

	if (!c->count && e->placing.transient)
		return say_soon(e, out);
	done = c->count ? extender_pass(&c->args, c->offer, c->count, out)
			: extender_refuse_all(&c->args, write_reason, &e->placing, out);
	if (done == 0) {
		count(e, "filter", c->count ? "offered" : "refused");
		return 200;
	}
	/* What was not said was not promised either: the pod would be in the way of its siblings. */
	reservations_drop(&e->reservations, c->pod.pod.uid);
	return answer_error(e, "filter", "error", 200, "the answer does not fit into memory", out);
}

/* Under the lock. */
static int filter_placed(struct extender *e, struct call *c, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	char why_not[256] = "";
	struct error err = ERROR_INIT;

	if (!e->ready(e->ready_ctx, why_not, sizeof(why_not)))
		return answer_error(e, "filter", "not_ready", 200, why_not, out);
	if (place(e, c, now_ms, wall_ms, &err) < 0 || offer(e, c, now_ms, &err) < 0) {
		reservations_drop(&e->reservations, c->pod.pod.uid);
		return answer_error(e, "filter", "error", 200, err.text, out);
	}
	if (e->log.level <= LOG_LEVEL_DEBUG) /* quoting is not for free */
		log_debug(&e->log, "filter", "namespace=%s pod=%s candidates=%zu offered=%zu",
			  LOGQ(c->pod.pod.namespace), LOGQ(c->pod.pod.name), c->args.count, c->count);
	return say_offer(e, c, out);
}

static int pass_all(struct extender *e, const struct call *c, struct buf *out)
{
	if (extender_pass_all(&c->args, out) < 0)
		return answer_error(e, "filter", "error", 200, "the answer does not fit into memory", out);
	count(e, "filter", "passed");
	return 200;
}

static int refuse_all(struct extender *e, const struct call *c, struct error *why, struct buf *out)
{
	log_debug(&e->log, "pod.unreadable", "namespace=%s pod=%s error=%s", LOGQ(c->pod.pod.namespace),
		  LOGQ(c->pod.pod.name), LOGQ(why->text));
	if (extender_refuse_all(&c->args, say_why, why, out) < 0)
		return answer_error(e, "filter", "error", 200, "the answer does not fit into memory", out);
	count(e, "filter", "refused");
	return 200;
}

/* Others' pods are answered whatever our state is, and with the request's own bytes. */
static int filter_read(struct extender *e, struct call *c, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	struct error err = ERROR_INIT, why = ERROR_INIT;
	int status;

	if (read_pod(c, &why, &err) < 0)
		return answer_error(e, "filter", "bad_request", status_of(&err), err.text, out);
	if (why.code)
		return refuse_all(e, c, &why, out);
	if (c->pod.pod.component == CODIS_NONE)
		return pass_all(e, c, out);
	pthread_mutex_lock(&e->lock);
	status = filter_placed(e, c, now_ms, wall_ms, out);
	pthread_mutex_unlock(&e->lock);
	return status;
}

int serve_filter(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	CALL_CLEANUP struct call c = { .offer = NULL };
	struct error err = ERROR_INIT, why = ERROR_INIT;
	int known, status = 200;

	if (extender_args_parse(body, len, &c.args, &err) < 0)
		return answer_error(e, "filter", "bad_request", status_of(&err), err.text, out);
	pthread_mutex_lock(&e->lock);
	known = know(e, &c, &why); /* then its words are the inventory's, and last as long as the lock is held */
	if (known == 1)
		status = filter_placed(e, &c, now_ms, wall_ms, out);
	else if (known < 0)
		status = refuse_all(e, &c, &why, out);
	pthread_mutex_unlock(&e->lock);
	return known ? status : filter_read(e, &c, now_ms, wall_ms, out);
}

/* --- preempt ------------------------------------------------------------------------------------------------------ */

static void pick_all(struct call *c)
{
	for (c->count = 0; c->count < c->args.count; c->count++)
		c->offer[c->count] = (uint32_t)c->count;
}

/* Under the lock. Nobody is to be evicted where a member of the group stands, or may be coming. */
static int pick(struct extender *e, struct call *c, int64_t now_ms, int64_t wall_ms, struct error *err)
{
	char why_not[256] = "";

	if (!e->ready(e->ready_ctx, why_not, sizeof(why_not)))
		return error_set(err, ERR_REFUSED, "%s", why_not);
	if (place(e, c, now_ms, wall_ms, err) < 0)
		return -1;
	for (uint32_t i = 0; i < c->args.count; i++) {
		if (e->placing.nodes[i].refusal == PLACE_PASSES)
			c->offer[c->count++] = i;
	}
	return 0;
}

static int preempt_call(struct extender *e, struct call *c, int64_t now_ms, int64_t wall_ms, struct error *err)
{
	struct error why = ERROR_INIT;
	int known, done = 0;

	c->offer = calloc(c->args.count + 1, sizeof(*c->offer));
	if (!c->offer)
		return error_set(err, ERR_NOMEM, "no memory for %zu nodes", c->args.count);
	pthread_mutex_lock(&e->lock);
	known = know(e, c, &why);
	if (known == 1)
		done = pick(e, c, now_ms, wall_ms, err);
	pthread_mutex_unlock(&e->lock);
	if (known)
		return done; /* of one that cannot be read none */
	if (read_pod(c, &why, err) < 0)
		return -1;
	if (why.code)
		return 0;
	if (c->pod.pod.component == CODIS_NONE) {
		pick_all(c);
		return 0;
	}
	pthread_mutex_lock(&e->lock);
	done = pick(e, c, now_ms, wall_ms, err);
	pthread_mutex_unlock(&e->lock);
	return done;
}

int serve_preempt(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	CALL_CLEANUP struct call c = { .offer = NULL };
	struct error err = ERROR_INIT;
	int done;

	if (extender_preempt_parse(body, len, &c.args, &err) < 0)
		return answer_error(e, "preempt", "bad_request", status_of(&err), err.text, out);
	done = preempt_call(e, &c, now_ms, wall_ms, &err);
	if (done == 0 && extender_preempt_write(&c.args, c.offer, c.count, out) < 0)
		done = error_set(&err, ERR_NOMEM, "the answer does not fit into memory");
	if (done < 0 && err.code == ERR_REFUSED)
		return answer_error(e, "preempt", "not_ready", 503, err.text, out);
	if (done < 0)
		return answer_error(e, "preempt", "error", 500, err.text, out);
	count(e, "preempt", "picked");
	return 200;
}

/* --- prioritize --------------------------------------------------------------------------------------------------- */

/* Under the lock. What was just offered to this pod is what is asked about: no node was tried. */
static int prioritize_call(struct extender *e, struct call *c, int64_t wall_ms, int *scores, struct error *err)
{
	char why_not[256] = "";

	if (!e->ready(e->ready_ctx, why_not, sizeof(why_not)))
		return error_set(err, ERR_REFUSED, "%s", why_not);
	place_join(&c->pod, e->inventory);
	if (e->census.incomplete)
		return error_set(err, ERR_NOMEM, "no memory to count who stands where");
	if (place_nodes(&e->placing, e->inventory, &e->census, &e->reservations, NULL, &c->pod, &c->args, wall_ms,
			err) < 0)
		return -1;
	return place_scores(&e->placing, scores) == 0
		       ? 0
		       : error_set(err, ERR_NOMEM, "no memory for %zu scores", c->args.count);
}

/* 0: all get 0. */
static int prioritize(struct extender *e, struct call *c, int64_t wall_ms, int *scores, struct error *err)
{
	struct error why = ERROR_INIT;
	int known, done = 0;

	pthread_mutex_lock(&e->lock);
	known = know(e, c, &why);
	if (known == 1)
		done = prioritize_call(e, c, wall_ms, scores, err);
	pthread_mutex_unlock(&e->lock);
	if (known)
		return known < 0 ? 0 : done;
	if (read_pod(c, &why, err) < 0)
		return -1;
	if (why.code || c->pod.pod.component == CODIS_NONE)
		return 0;
	pthread_mutex_lock(&e->lock);
	done = prioritize_call(e, c, wall_ms, scores, err);
	pthread_mutex_unlock(&e->lock);
	return done;
}

int serve_prioritize(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	CALL_CLEANUP struct call c = { .offer = NULL };
	struct error err = ERROR_INIT;
	int *scores, done;

	(void)now_ms;
	if (extender_args_parse(body, len, &c.args, &err) < 0)
		return answer_error(e, "prioritize", "bad_request", status_of(&err), err.text, out);
	scores = calloc(c.args.count + 1, sizeof(*scores));
	done = scores ? prioritize(e, &c, wall_ms, scores, &err) : -1;
	if (done == 0)
		done = extender_scores_write(&c.args, scores, out);
	free(scores);
	if (done < 0 && err.code == ERR_REFUSED)
		return answer_error(e, "prioritize", "not_ready", 503, err.text, out);
	if (done < 0)
		return answer_error(e, "prioritize", "error", err.code == ERR_INVALID ? 400 : 500,
				    err.text[0] ? err.text : "no memory", out);
	count(e, "prioritize", "scored");
	return 200;
}

/* --- HTTP ------------------------------------------------------------------------------------- */

struct verb {
	const char *path, *label;
	int (*serve)(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms,
		     struct buf *out);
};

static const struct verb verbs[] = {
	{ "/filter", "verb=\"filter\"", serve_filter },
	{ "/prioritize", "verb=\"prioritize\"", serve_prioritize },
	{ "/preempt", "verb=\"preempt\"", serve_preempt },
};

static const struct verb *find_verb(const char *path)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(path, verbs[i].path) == 0)
			return &verbs[i];
	}
	return NULL;
}

void serve_http(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct extender *e = ctx;
	const struct verb *verb = find_verb(req->path);
	int64_t start = clock_mono_us();

	if (!verb) {
		res->status = 404;
		buf_addstr(&res->body, "codis-extender answers POST /filter, /prioritize and /preempt\n");
		return;
	}
	if (strcmp(req->method, "POST") != 0) {
		res->status = 405;
		buf_addf(&res->body, "%s is asked with POST\n", req->path);
		return;
	}
	res->content_type = "application/json";
	res->status = verb->serve(e, req->body, req->body_len, clock_mono_ms(), clock_wall_ms(), &res->body);
	metric_observe_us(metric_histogram(e->metrics, "codis_extender_request_seconds", verb->label,
					   "Time to answer a call of the scheduler."),
			  clock_mono_us() - start);
}
