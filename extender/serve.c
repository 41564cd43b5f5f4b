#include "extender/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/base/text.h"
#include "common/codis/inventory.h"
#include "common/kube/extender.h"
#include "common/net/httpd.h"
#include "extender/offer.h"
#include "extender/place.h"

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

static struct metric *requests(struct metrics *m, const char *verb, const char *result)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "verb=\"%s\",result=\"%s\"", verb, result);
	return metric_counter(m, "codis_extender_requests_total", labels, "Calls of the scheduler by verb and result.");
}

static struct metric *request_seconds(struct metrics *m, const struct verb *verb)
{
	return metric_histogram(m, "codis_extender_request_seconds", verb->label,
				"Time to answer a call of the scheduler.");
}

/* A rate needs a sample from before the first call. */
static void show_from_the_start(struct metrics *m)
{
	static const char *const filtered[] = { "offered", "refused", "passed" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		request_seconds(m, &verbs[i]);
	for (size_t i = 0; i < sizeof(filtered) / sizeof(filtered[0]); i++)
		requests(m, "filter", filtered[i]);
	requests(m, "prioritize", "scored");
	requests(m, "preempt", "picked");
}

int extender_init(struct extender *e, struct metrics *metrics)
{
	memset(e, 0, sizeof(*e));
	e->metrics = metrics;
	show_from_the_start(metrics);
	e->reserved = metric_gauge(metrics, "codis_extender_reservations", "", "Placements in flight.");
	e->inventory = inventory_new();
	attempts_init(&e->attempts);
	reservations_init(&e->reservations, &e->census);
	if (!e->inventory || census_init(&e->census, e->inventory) < 0)
		return -1;
	inventory_leave_out_labels(e->inventory);
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

static void show_reserved(struct extender *e)
{
	metric_set(e->reserved, (double)e->reservations.by_uid.count);
}

static void settle(struct extender *e, const char *uid, bool is_gone)
{
	pthread_mutex_lock(&e->lock);
	reservations_drop(&e->reservations, uid);
	attempts_drop(&e->attempts, uid);
	if (is_gone)
		gone_add(&e->gone, uid);
	show_reserved(e);
	pthread_mutex_unlock(&e->lock);
}

void extender_settle(struct extender *e, const char *uid)
{
	settle(e, uid, false);
}

void extender_pod_gone(struct extender *e, const char *uid)
{
	settle(e, uid, true);
}

void extender_know_nothing(struct extender *e, int64_t now_ms)
{
	int64_t until_ms = now_ms + e->reservation_ttl_ms;

	pthread_mutex_lock(&e->lock);
	if (until_ms > e->unknown_until_ms)
		e->unknown_until_ms = until_ms;
	pthread_mutex_unlock(&e->lock);
}

static void count(struct extender *e, const char *verb, const char *result)
{
	metric_add(requests(e->metrics, verb, result), 1);
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

enum whose {
	OURS,
	OTHERS,
	UNCLEAR, /* it is ours, and says what cannot be meant */
};

/* One call: what was asked, and what is worked out for it. */
struct call {
	struct extender_args args;
	struct place_pod pod;
	enum whose whose;
	struct error why; /* UNCLEAR: why; OURS, without a status: what failed */
	int64_t now_ms, wall_ms;
	struct buf *out;
	int status; /* of the answer, once there is one */
	bool again; /* a watch may be a moment behind the scheduler's: it is to be looked at again */
	int pauses;
	uint32_t *offer; /* candidates by index */
	size_t count;
	int *scores;
};

#define CALL_CLEANUP __attribute__((cleanup(call_release)))

static void call_release(struct call *c)
{
	extender_args_release(&c->args);
	place_pod_release(&c->pod);
	free(c->offer);
	free(c->scores);
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

/* 0, or -1 and *err: it is no JSON, or memory ran out. */
static int read_pod(struct call *c, struct error *err)
{
	JSON_CLEANUP cJSON *pod = json_parse(c->args.pod.at, c->args.pod.len, SERVE_ITEMS, err);

	if (!pod)
		return -1;
	if (place_pod_of(pod, &c->pod, &c->why) == 0)
		c->whose = c->pod.pod.component == CODIS_NONE ? OTHERS : OURS;
	else if (c->why.code == ERR_NOMEM)
		return error_set(err, ERR_NOMEM, "%s", c->why.text);
	else
		c->whose = UNCLEAR;
	return 0;
}

/* What is worked out for a pod of ours, under the lock. 0, or -1 and *err. */
typedef int (*work_fn)(struct extender *e, struct call *c, struct error *err);

/* A pod that the watch has brought is not read once more; its words are the inventory's, and last as long as the lock
 * is held. False: it has not. */
static bool work_on_known(struct extender *e, struct call *c, work_fn work, int *done, struct error *err)
{
	const struct inventory_pod *known;

	pthread_mutex_lock(&e->lock);
	known = find_known(e, c->args.pod);
	*done = 0;
	if (known && place_pod_known(known, &c->pod, &c->why) < 0)
		c->whose = UNCLEAR;
	else if (known)
		*done = work(e, c, err);
	pthread_mutex_unlock(&e->lock);
	return known;
}

/* Says whose pod it is, and works it out where it is ours: others' pods wait for nothing. 0, or -1 and *err. */
static int work_on(struct extender *e, struct call *c, work_fn work, struct error *err)
{
	int done;

	if (work_on_known(e, c, work, &done, err))
		return done;
	if (read_pod(c, err) < 0)
		return -1;
	if (c->whose != OURS)
		return 0;
	pthread_mutex_lock(&e->lock);
	done = work(e, c, err);
	pthread_mutex_unlock(&e->lock);
	return done;
}

static int check_ready(const struct extender *e, struct error *err)
{
	char why_not[256] = "";

	return e->ready(e->ready_ctx, why_not, sizeof(why_not)) ? 0 : error_set(err, ERR_REFUSED, "%s", why_not);
}

/* Strict spread cannot be judged for a pod that does not say what it is; it waits, and its Pending tells why. */
static void say_why(void *ctx, size_t i, struct buf *out)
{
	const struct error *why = ctx;

	(void)i;
	buf_addstr(out, why->text);
}

/* --- filter ------------------------------------------------------------------------------------------------------- */

/* A binding may be done though the scheduler was told that it has failed: the connection broke. So what was promised
 * before stands as well; but one that fails again and again must not keep all nodes from its siblings. */
#define ALL_PROMISED 4

static struct reserved to_reserve(const struct place_pod *p, uint32_t turn)
{
	return (struct reserved){ .uid = p->pod.uid,
				  .name = p->pod.name,
				  .member = p->member,
				  .topology_key = p->pod.topology_key,
				  .memory_mib = census_memory(p->pod.memory_mib),
				  .strict = p->strict,
				  .ruled = p->pod.ruled,
				  .wide = offer_is_wide(p, turn),
				  .brief = turn >= ALL_PROMISED,
				  .silent = p->pod.product.said != SAID_KNOWN };
}

static void remember(const struct call *c, struct attempts_of *attempts)
{
	if (!attempts || !c->count)
		return;
	attempts->offers++;
	attempts->put_off = false;
	attempts->until_ms = 0;
	for (size_t i = 0; i < c->count && c->count <= OFFER_MAX; i++)
		attempts_add(attempts, place_hash_of(&c->args, c->offer[i]));
}

static int offer(struct extender *e, struct call *c, struct error *err)
{
	struct attempts_of *attempts = attempts_of(&e->attempts, c->pod.pod.uid, c->now_ms);
	uint32_t turn = attempts ? attempts->offers : 0;
	struct reserved reserved = to_reserve(&c->pod, turn);

	c->offer = calloc(c->args.count + OFFER_MAX, sizeof(*c->offer));
	if (!c->offer)
		return error_set(err, ERR_NOMEM, "no memory to offer %zu nodes", c->args.count);
	c->count = offer_nodes(&e->placing, turn, c->offer);
	reservations_end_brief(&e->reservations, c->pod.pod.uid);
	if (c->count && reservations_add(&e->reservations, &reserved, c->args.names, c->offer, c->count,
					 c->now_ms + e->reservation_ttl_ms) < 0)
		return error_set(err, ERR_NOMEM, "no memory for a reservation of %zu nodes", c->count);
	remember(c, attempts);
	return 0;
}

static int64_t heard_ms(const struct extender *e, int64_t now_ms)
{
	return now_ms - (e->age_ms ? e->age_ms(e->ready_ctx) : 0);
}

bool extender_take_overdue(struct extender *e, int64_t now_ms, int64_t again_ms, struct overdue *out)
{
	const struct reservation *one;

	pthread_mutex_lock(&e->lock);
	reservations_expire(&e->reservations, now_ms, heard_ms(e, now_ms));
	one = reservations_take_overdue(&e->reservations, now_ms, again_ms);
	if (one) {
		text_copy(out->namespace, sizeof(out->namespace), one->pod.member.namespace);
		text_copy(out->name, sizeof(out->name), one->pod.name);
		text_copy(out->uid, sizeof(out->uid), one->pod.uid);
	}
	show_reserved(e);
	pthread_mutex_unlock(&e->lock);
	return one != NULL;
}

void extender_end_overdue(struct extender *e, const char *uid, int64_t then_ms)
{
	pthread_mutex_lock(&e->lock);
	reservations_end_overdue(&e->reservations, uid, then_ms);
	show_reserved(e);
	pthread_mutex_unlock(&e->lock);
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

/* What another process of ours has promised, which was killed, or whose scheduler led before, nobody knows. A rule of
 * the pod's own holds all the same. */
static int check_begun(const struct extender *e, const struct call *c, struct error *err)
{
	if (c->now_ms >= e->unknown_until_ms || c->pod.pod.ruled || !place_is_apart(&c->pod, e->inventory))
		return 0;
	return error_set(
		err, ERR_REFUSED,
		"codis-extender, or its scheduler, has just begun; a pod without a rule of its own waits for %lld s "
		"more, until those that were being placed before are known",
		(long long)(e->unknown_until_ms - c->now_ms + 999) / 1000);
}

/* The scheduler's watch is behind ours, and it will know in a moment. What it would be offered stayed reserved for
 * nobody, and its siblings would wait for the end of that. */
static int check_waits(const struct extender *e, const struct call *c, struct error *err)
{
	const struct kept_pod *pod = &c->pod.pod;

	if (pod->node[0])
		return error_set(err, ERR_REFUSED, "%s is bound to %s already", pod->name, pod->node);
	if (!inventory_pod(e->inventory, pod->uid) && gone_has(&e->gone, pod->uid))
		return error_set(err, ERR_REFUSED, "%s (%s) is gone", pod->name, pod->uid);
	return 0;
}

static int place(struct extender *e, struct call *c, struct error *err)
{
	if (check_ready(e, err) < 0 || recover(e, c->now_ms, err) < 0)
		return -1;
	reservations_expire(&e->reservations, c->now_ms, heard_ms(e, c->now_ms));
	place_join(&c->pod, e->inventory);
	if (place_check_group(&c->pod, err) < 0 || check_begun(e, c, err) < 0)
		return -1;
	return place_nodes(&e->placing, e->inventory, &e->census, &e->reservations,
			   attempts_find(&e->attempts, c->pod.pod.uid, c->now_ms), &c->pod, &c->args, c->wall_ms, err);
}

static void write_reason(void *ctx, size_t i, struct buf *out)
{
	place_reason(ctx, i, out);
}

/* minFeasibleNodesToFind: kube-scheduler looks at no more nodes than at so many, or at a share of them, and begins the
 * next time behind those. So where as many are refused there may be others, of which no event tells it. */
#define SAMPLE_MIN 100

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

#define NO_ROOM "the answer does not fit into memory"

static int does_not_fit(struct extender *e, struct call *c)
{
	return answer_error(e, "filter", "error", 200, NO_ROOM, c->out);
}

/* kube-scheduler asks up to twice in one attempt: about a node that it takes for likely, one that a preemption chose or
 * that fitted a pod like this one, and then about all. Between attempts it waits for its back-off, a second or more. */
#define ATTEMPT_MS 200

/* What the scheduler came for, a sibling that is gone or a label that has come, it may have heard before us, and no
 * other event need follow. So who has no place is told to come again in one attempt, and that it has none in the next.
 */
static bool is_put_off(struct extender *e, const struct call *c)
{
	struct attempts_of *of = attempts_of(&e->attempts, c->pod.pod.uid, c->now_ms);
	bool same = of && c->now_ms < of->until_ms;
	bool again = e->placing.transient || c->args.count >= SAMPLE_MIN || !of || of->put_off == same;

	if (of)
		of->put_off = again;
	if (of && !same)
		of->until_ms = c->now_ms + ATTEMPT_MS;
	return again;
}

/* 0: c->why failed. */
static int say_offer(struct extender *e, struct call *c)
{
	int done;

	if (c->args.count && !c->count && is_put_off(e, c))
		return say_soon(e, c->out);
	done = c->count ? extender_pass(&c->args, c->offer, c->count, c->out)
			: extender_refuse_all(&c->args, write_reason, &e->placing, c->out);
	if (done == 0) {
		count(e, "filter", c->count ? "offered" : "refused");
		return 200;
	}
	/* What was not said was not promised either: the pod would be in the way of its siblings. */
	reservations_take_back(&e->reservations, c->pod.pod.uid);
	error_set(&c->why, ERR_NOMEM, NO_ROOM);
	return 0;
}

/* How long nothing is waited for after it was in vain: pods that wait for what does not come cost no more. */
#define VAIN_MS 10000

static bool is_to_look_again(struct extender *e, const struct call *c)
{
	if (c->count || !e->placing.transient || !e->pause || c->now_ms < e->vain_until_ms)
		return false;
	if (c->pauses < SERVE_PAUSES)
		return true;
	e->vain_until_ms = c->now_ms + VAIN_MS;
	return false;
}

/* What failed is said, and logged, when nobody waits for the lock. */
static int filter_ours(struct extender *e, struct call *c, struct error *err)
{
	int done = check_waits(e, c, err) == 0 && place(e, c, err) == 0 ? offer(e, c, err) : -1;

	show_reserved(e);
	if (done < 0) {
		c->why = *err;
		return 0;
	}
	c->again = is_to_look_again(e, c);
	if (c->again)
		return 0;
	if (e->log.level <= LOG_LEVEL_DEBUG) /* quoting is not for free */
		log_debug(&e->log, "filter", "namespace=%s pod=%s candidates=%zu offered=%zu",
			  LOGQ(c->pod.pod.namespace), LOGQ(c->pod.pod.name), c->args.count, c->count);
	c->status = say_offer(e, c);
	return 0;
}

/* With the request's own bytes. */
static int pass_all(struct extender *e, struct call *c)
{
	if (extender_pass_all(&c->args, c->out) < 0)
		return does_not_fit(e, c);
	count(e, "filter", "passed");
	return 200;
}

static int refuse_all(struct extender *e, struct call *c)
{
	log_debug(&e->log, "pod.unreadable", "error=%s", LOGQ(c->why.text));
	if (extender_refuse_all(&c->args, say_why, &c->why, c->out) < 0)
		return does_not_fit(e, c);
	count(e, "filter", "refused");
	return 200;
}

static int look(struct extender *e, struct call *c, struct error *err)
{
	int done = work_on(e, c, filter_ours, err);

	for (; done == 0 && c->again; done = work_on(e, c, filter_ours, err)) {
		e->pause(e->ready_ctx);
		c->pauses++;
		c->again = false;
		place_pod_release(&c->pod);
		free(c->offer);
		c->offer = NULL;
	}
	return done;
}

int serve_filter(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	CALL_CLEANUP struct call c = { .now_ms = now_ms, .wall_ms = wall_ms, .out = out };
	struct error err = ERROR_INIT;

	if (extender_args_parse(body, len, &c.args, &err) < 0 || look(e, &c, &err) < 0)
		return answer_error(e, "filter", "bad_request", status_of(&err), err.text, out);
	if (c.whose == OURS && !c.status)
		return answer_error(e, "filter", c.why.code == ERR_REFUSED ? "not_ready" : "error", 200, c.why.text,
				    out);
	if (c.whose == OURS)
		return c.status;
	return c.whose == OTHERS ? pass_all(e, &c) : refuse_all(e, &c);
}

/* --- preempt ------------------------------------------------------------------------------------------------------ */

static void pick(const struct extender *e, struct call *c)
{
	for (uint32_t i = 0; i < c->args.count; i++) {
		if (c->whose == OTHERS || (c->whose == OURS && e->placing.nodes[i].refusal == PLACE_PASSES))
			c->offer[c->count++] = i;
	}
}

/* Nobody is to be evicted where a member of the group stands, or may be coming. */
static int preempt_ours(struct extender *e, struct call *c, struct error *err)
{
	if (place(e, c, err) < 0)
		return -1;
	pick(e, c);
	return 0;
}

static int status_of_failure(const struct error *err)
{
	return err->code == ERR_REFUSED ? 503 : 500;
}

static int answer_failure(struct extender *e, const char *verb, const struct error *err, struct buf *out)
{
	return answer_error(e, verb, err->code == ERR_REFUSED ? "not_ready" : "error", status_of_failure(err),
			    err->text, out);
}

static int no_memory(const struct call *c, struct error *err)
{
	return error_set(err, ERR_NOMEM, "no memory to answer for %zu nodes", c->args.count);
}

int serve_preempt(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	CALL_CLEANUP struct call c = { .now_ms = now_ms, .wall_ms = wall_ms, .out = out };
	struct error err = ERROR_INIT;
	int done;

	if (extender_preempt_parse(body, len, &c.args, &err) < 0)
		return answer_error(e, "preempt", "bad_request", status_of(&err), err.text, out);
	c.offer = calloc(c.args.count + 1, sizeof(*c.offer));
	done = c.offer ? work_on(e, &c, preempt_ours, &err) : no_memory(&c, &err);
	if (done == 0 && c.whose == OTHERS)
		pick(e, &c);
	if (done == 0 && extender_preempt_write(&c.args, c.offer, c.count, out) < 0)
		done = no_memory(&c, &err);
	if (done < 0)
		return answer_failure(e, "preempt", &err, out);
	count(e, "preempt", "picked");
	return 200;
}

/* --- prioritize --------------------------------------------------------------------------------------------------- */

/* What was just offered to this pod is what is asked about: no node was tried. */
static int prioritize_ours(struct extender *e, struct call *c, struct error *err)
{
	if (check_ready(e, err) < 0)
		return -1;
	place_join(&c->pod, e->inventory);
	if (e->census.incomplete)
		return no_memory(c, err);
	if (place_nodes(&e->placing, e->inventory, &e->census, &e->reservations, NULL, &c->pod, &c->args, c->wall_ms,
			err) < 0)
		return -1;
	return offer_scores(&e->placing, c->scores) == 0 ? 0 : no_memory(c, err);
}

/* Others' pods, and what cannot be read, get 0 everywhere. */
int serve_prioritize(struct extender *e, const char *body, size_t len, int64_t now_ms, int64_t wall_ms, struct buf *out)
{
	CALL_CLEANUP struct call c = { .now_ms = now_ms, .wall_ms = wall_ms, .out = out };
	struct error err = ERROR_INIT;
	int done;

	if (extender_args_parse(body, len, &c.args, &err) < 0)
		return answer_error(e, "prioritize", "bad_request", status_of(&err), err.text, out);
	c.scores = calloc(c.args.count + 1, sizeof(*c.scores));
	done = c.scores ? work_on(e, &c, prioritize_ours, &err) : no_memory(&c, &err);
	if (done == 0 && extender_scores_write(&c.args, c.scores, out) < 0)
		done = no_memory(&c, &err);
	if (done < 0)
		return answer_failure(e, "prioritize", &err, out);
	count(e, "prioritize", "scored");
	return 200;
}

/* --- HTTP ------------------------------------------------------------------------------------- */

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
	metric_observe_us(request_seconds(e->metrics, verb), clock_mono_us() - start);
}
