#include "common/codis/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/codis/redis_connect.h"

#define LATE_MS 20

enum phase {
	PHASE_REST, /* the timer is set to the next question, or to the next attempt to connect */
	PHASE_ASK,  /* connecting or waiting for an answer: the timer is the deadline */
};

struct redis_probe {
	uv_loop_t *uv;
	uv_timer_t timer;
	char addr[CODIS_ADDR_MAX];
	char *auth;
	int period_ms, timeout_ms, backoff_ms;
	void (*on_change)(void *ctx, struct redis_probe *p);
	void (*on_info)(void *ctx, struct redis_probe *p);
	void *ctx;
	enum phase phase;
	redisAsyncContext *ac; /* NULL: not connected */
	int64_t deadline_ms;   /* of the question or attempt that is under way */
	bool late;             /* the loop came to it too late, and it was given another turn */
	int64_t asked_ms;      /* since when it has been asked without an answer; 0: nothing is open */
	struct redis_probe_state state;
};

static void probe_connect(struct redis_probe *p);
static void probe_ask(struct redis_probe *p);
static void on_timer(uv_timer_t *timer);

static void rest(struct redis_probe *p, int ms)
{
	p->phase = PHASE_REST;
	uv_timer_start(&p->timer, on_timer, (uint64_t)ms, 0);
}

static void changed(struct redis_probe *p)
{
	p->on_change(p->ctx, p);
}

static void set_reach(struct redis_probe *p, enum reach reach, int64_t since_ms)
{
	if (p->state.reach != reach) {
		p->state.reach = reach;
		p->state.since_ms = since_ms;
	}
}

/* The connection is gone or never was: look again at once, then ever more slowly up to the period. */
static void probe_failed(struct redis_probe *p, enum reach reach)
{
	if (reach == REACH_SILENT)
		set_reach(p, reach, p->asked_ms ? p->asked_ms : clock_mono_ms());
	else if (reach == REACH_REFUSED)
		set_reach(p, reach, clock_mono_ms());
	if (reach == REACH_REFUSED)
		p->asked_ms = 0;
	p->state.info_valid = false;
	rest(p, p->backoff_ms);
	p->backoff_ms = p->backoff_ms ? p->backoff_ms * 2 : 2;
	if (p->backoff_ms > p->period_ms)
		p->backoff_ms = p->period_ms;
	changed(p);
}

static void drop_connection(struct redis_probe *p)
{
	redisAsyncContext *ac = p->ac;

	if (!ac)
		return;
	p->ac = NULL;
	ac->data = NULL;
	redisAsyncFree(ac);
}

static void on_timer(uv_timer_t *timer)
{
	struct redis_probe *p = timer->data;

	/* A loop that was away for long comes to its timers before its sockets: the answer may lie there. */
	if (p->phase == PHASE_ASK && !p->late && clock_mono_ms() - p->deadline_ms >= LATE_MS) {
		p->late = true;
		uv_timer_start(&p->timer, on_timer, LATE_MS, 0);
	} else if (p->phase == PHASE_ASK) {
		drop_connection(p);
		probe_failed(p, REACH_SILENT);
	} else if (p->ac) {
		probe_ask(p);
	} else {
		probe_connect(p);
	}
}

static bool same_news(const struct redis_info *a, const struct redis_info *b)
{
	return a->role == b->role && a->link_up == b->link_up && a->loading == b->loading && a->syncing == b->syncing &&
	       strcmp(a->run_id, b->run_id) == 0 && strcmp(a->master, b->master) == 0;
}

/* The first word of an error: "NOAUTH", "LOADING", "BUSY", "ERR". */
static void note_complaint(struct redis_probe *p, const redisReply *reply)
{
	int len = reply->type == REDIS_REPLY_ERROR ? (int)strcspn(reply->str, " ") : 0;

	snprintf(p->state.complaint, sizeof(p->state.complaint), "%.*s", len, len ? reply->str : "");
}

static void on_info(redisAsyncContext *ac, void *r, void *unused)
{
	struct redis_probe *p = ac->data;
	const redisReply *reply = r;
	struct redis_info info;
	bool news;

	(void)unused;
	if (!p || !reply)
		return; /* the connection ends; on_disconnect goes on */
	note_complaint(p, reply);
	if (reply->type != REDIS_REPLY_STRING || redis_info_parse(reply->str, (size_t)reply->len, &info, NULL) < 0) {
		/* It answers, but not as a server we can judge (wrong password, no Redis). */
		p->asked_ms = 0;
		p->state.info_valid = false;
		set_reach(p, REACH_UNKNOWN, clock_mono_ms());
		rest(p, p->period_ms);
		changed(p);
		return;
	}
	news = !p->state.info_valid || p->state.reach != REACH_OK || !same_news(&info, &p->state.info);
	set_reach(p, REACH_OK, clock_mono_ms());
	p->state.info = info;
	p->state.info_valid = true;
	p->state.heard_ms = clock_mono_ms();
	p->asked_ms = 0;
	p->backoff_ms = 0;
	rest(p, p->period_ms);
	if (news)
		changed(p);
	else if (p->on_info)
		p->on_info(p->ctx, p);
}

static void on_connect(const redisAsyncContext *ac, int status)
{
	struct redis_probe *p = ac->data;
	enum reach reach = redis_refused(ac) ? REACH_REFUSED : REACH_SILENT;

	if (!p || status == REDIS_OK)
		return;
	p->ac = NULL; /* hiredis frees it after this */
	probe_failed(p, reach);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
	struct redis_probe *p = ac->data;

	(void)status;
	if (!p)
		return;
	p->ac = NULL;
	/* Not evidence: the reach stays what it was until the next attempt tells. */
	probe_failed(p, p->state.reach);
}

static void probe_ask(struct redis_probe *p)
{
	if (!p->asked_ms)
		p->asked_ms = clock_mono_ms();
	p->phase = PHASE_ASK;
	p->late = false;
	p->deadline_ms = clock_mono_ms() + p->timeout_ms;
	uv_timer_start(&p->timer, on_timer, (uint64_t)p->timeout_ms, 0);
	redisAsyncCommand(p->ac, on_info, NULL, "INFO");
}

static void probe_connect(struct redis_probe *p)
{
	struct error err = ERROR_INIT;

	p->ac = redis_connect(p->uv, p->addr, &err);
	if (!p->ac) {
		/* A name is not asked, so nothing is known of whoever has it. */
		probe_failed(p, err.code == ERR_REFUSED   ? REACH_REFUSED
				: err.code == ERR_INVALID ? REACH_UNKNOWN
							  : REACH_SILENT);
		return;
	}
	p->ac->data = p;
	redisAsyncSetConnectCallback(p->ac, on_connect);
	redisAsyncSetDisconnectCallback(p->ac, on_disconnect);
	if (p->auth)
		redisAsyncCommand(p->ac, NULL, NULL, "AUTH %s", p->auth);
	probe_ask(p);
}

struct redis_probe *redis_probe_start(uv_loop_t *uv, const struct redis_probe_config *cfg, struct error *err)
{
	struct redis_probe *p = calloc(1, sizeof(*p));

	if (p && cfg->auth && cfg->auth[0])
		p->auth = strdup(cfg->auth);
	if (!p || (cfg->auth && cfg->auth[0] && !p->auth)) {
		error_set(err, ERR_NOMEM, "probe of %s: no memory", cfg->addr);
		free(p);
		return NULL;
	}
	snprintf(p->addr, sizeof(p->addr), "%s", cfg->addr);
	p->uv = uv;
	p->period_ms = cfg->period_ms;
	p->timeout_ms = cfg->timeout_ms;
	p->on_change = cfg->on_change;
	p->on_info = cfg->on_info;
	p->ctx = cfg->ctx;
	p->state.since_ms = clock_mono_ms();
	uv_timer_init(uv, &p->timer);
	p->timer.data = p;
	rest(p, 0);
	return p;
}

static void on_probe_closed(uv_handle_t *handle)
{
	struct redis_probe *p = handle->data;

	free(p->auth);
	free(p);
}

void redis_probe_stop(struct redis_probe *p)
{
	if (!p)
		return;
	drop_connection(p);
	uv_close((uv_handle_t *)&p->timer, on_probe_closed);
}

const struct redis_probe_state *redis_probe_state(const struct redis_probe *p)
{
	return &p->state;
}

void redis_probe_pace(struct redis_probe *p, int period_ms)
{
	if (!p || p->period_ms == period_ms)
		return;
	p->period_ms = period_ms;
	if (p->phase == PHASE_REST && p->ac && uv_timer_get_due_in(&p->timer) > (uint64_t)period_ms)
		rest(p, period_ms);
}

void redis_probe_now(struct redis_probe *p)
{
	if (p && p->phase == PHASE_REST)
		rest(p, 0);
}
