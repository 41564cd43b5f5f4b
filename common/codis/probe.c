#include "common/codis/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/codis/redis_conn.h"

#define LATE_MS 20
/* Who is well has answered long before. */
#define SLOW_MS 200
/* A server that was well is looked for at once when its connection drops. A peer that gives a good INFO and drops the
 * connection, over and over, gets this once in a second, so about ten attempts in it. */
#define AT_ONCE_EVERY_MS 1000
/* Whoever asks for a look now, at a server that cannot be heard, gets one in this time: two of them that ask for one
 * another would never rest. */
#define HURRY_EVERY_MS 100

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
	void (*on_slow)(void *ctx, struct redis_probe *p);
	void *ctx;
	enum phase phase;
	struct redis_conn *conn; /* NULL: not connected */
	int64_t deadline_ms;     /* of the question or attempt that is under way */
	bool slow;               /* on_slow was told of it */
	bool late;               /* the loop came to it too late, and it was given another turn */
	bool is_new;             /* no INFO has come over this connection yet */
	int64_t asked_ms;        /* since when it has been asked without an INFO or a refusal; 0: nothing is open */
	int64_t at_once_ms;      /* when the back-off was last taken back; 0 never */
	int64_t hurried_ms;      /* when it was last asked for a look while it could not be heard; 0 never */
	struct redis_probe_state state;
};

static void probe_connect(struct redis_probe *p);
static void probe_ask(struct redis_probe *p, bool first);
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
	set_reach(p, reach, reach == REACH_REFUSED || !p->asked_ms ? clock_mono_ms() : p->asked_ms);
	p->state.info_valid = false;
	rest(p, p->backoff_ms);
	p->backoff_ms = p->backoff_ms ? p->backoff_ms * 2 : 2;
	if (p->backoff_ms > p->period_ms)
		p->backoff_ms = p->period_ms;
	changed(p);
}

static void drop_connection(struct redis_probe *p)
{
	redis_conn_close(p->conn);
	p->conn = NULL;
}

static void on_timer(uv_timer_t *timer)
{
	struct redis_probe *p = timer->data;
	int64_t left_ms = p->deadline_ms - clock_mono_ms();

	if (p->phase == PHASE_ASK && !p->slow) {
		p->slow = true;
		uv_timer_start(&p->timer, on_timer, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
		if (p->on_slow && p->state.reach == REACH_OK)
			p->on_slow(p->ctx, p);
		return;
	}
	/* A loop that was away for long comes to its timers before its sockets: the answer may lie there. */
	if (p->phase == PHASE_ASK && !p->late && clock_mono_ms() - p->deadline_ms >= LATE_MS) {
		p->late = true;
		uv_timer_start(&p->timer, on_timer, LATE_MS, 0);
	} else if (p->phase == PHASE_ASK) {
		p->state.accepts = p->is_new && redis_conn_is_connected(p->conn);
		drop_connection(p);
		probe_failed(p, REACH_SILENT);
	} else if (p->conn) {
		probe_ask(p, false);
	} else {
		probe_connect(p);
	}
}

static bool same_news(const struct redis_info *a, const struct redis_info *b)
{
	return a->role == b->role && a->link_up == b->link_up && a->loading == b->loading && a->syncing == b->syncing &&
	       a->ending == b->ending && strcmp(a->run_id, b->run_id) == 0 && strcmp(a->master, b->master) == 0;
}

/* The first word of an error: "NOAUTH", "LOADING", "BUSY", "ERR". People read it, so no more is taken than such a word
 * is made of. */
static void note_complaint(struct redis_probe *p, const struct resp_answer *a)
{
	int len = 0;

	if (a->type == RESP_ERROR)
		len = (int)strspn(a->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	snprintf(p->state.complaint, sizeof(p->state.complaint), "%.*s", len, a->text);
}

/* The next drop is followed by an attempt at once again. */
static void take_back_backoff(struct redis_probe *p)
{
	int64_t now = clock_mono_ms();

	if (!p->backoff_ms || (p->at_once_ms && now - p->at_once_ms < AT_ONCE_EVERY_MS))
		return;
	p->backoff_ms = 0;
	p->at_once_ms = now;
}

static void on_info(void *ctx, const struct resp_answer *a, const struct error *err)
{
	struct redis_probe *p = ctx;
	struct redis_info info;
	bool news;

	(void)err;
	if (!a)
		return; /* the connection ends; on_ended goes on */
	note_complaint(p, a);
	rest(p, p->period_ms);
	if (a->type != RESP_STRING || redis_info_parse(a->text, a->len, &info, NULL) < 0) {
		/* It answers, but not as a server we can judge (wrong password, no Redis). */
		p->state.info_valid = false;
		set_reach(p, REACH_UNKNOWN, p->asked_ms);
		changed(p);
		return;
	}
	news = !p->state.info_valid || p->state.reach != REACH_OK || !same_news(&info, &p->state.info);
	set_reach(p, REACH_OK, clock_mono_ms());
	p->asked_ms = 0;
	p->is_new = false;
	p->state.info = info;
	p->state.info_valid = true;
	p->state.heard_ms = clock_mono_ms();
	take_back_backoff(p);
	if (news)
		changed(p);
	else if (p->on_info)
		p->on_info(p->ctx, p);
}

static bool is_overdue(const struct redis_probe *p)
{
	return p->asked_ms && clock_mono_ms() - p->asked_ms >= p->timeout_ms;
}

/* What an attempt or a connection that ended says of the server. */
static enum reach reach_after(const struct redis_probe *p, bool was_connected, const struct error *err)
{
	switch (err->code) {
	case ERR_REFUSED: return REACH_REFUSED;
	case ERR_PROTOCOL:
	case ERR_TOOBIG: /* it speaks, and not as a server */
	case ERR_INVALID: /* a name is not asked, so nothing is known of whoever has it */ return REACH_UNKNOWN;
	case ERR_NOMEM: /* we could not ask */ return p->state.reach;
	default:
		/* A connection that drops is no evidence: it stays what it was until the next attempt tells. One
		 * attempt after the other that is dropped is silence. */
		return was_connected && !is_overdue(p) ? p->state.reach : REACH_SILENT;
	}
}

static void attempt_failed(struct redis_probe *p, bool was_connected, const struct error *err)
{
	bool strange = err->code == ERR_PROTOCOL || err->code == ERR_TOOBIG;

	if (strange) {
		snprintf(p->state.strange, sizeof(p->state.strange), "%.159s", err->text);
		p->state.complaint[0] = '\0';
	}
	if (err->code != ERR_NOMEM)
		p->state.accepts = was_connected && p->is_new;
	if (err->code == ERR_REFUSED)
		p->asked_ms = 0; /* that is an answer */
	probe_failed(p, reach_after(p, was_connected, err));
}

static void on_ended(void *ctx, bool was_connected, const struct error *err)
{
	struct redis_probe *p = ctx;

	p->conn = NULL;
	attempt_failed(p, was_connected, err);
}

/* INFO, and on a new connection AUTH before it. */
static int send_question(struct redis_probe *p, bool first, struct error *err)
{
	const char *auth[] = { "AUTH", p->auth };
	const char *info[] = { "INFO" };

	if (first && p->auth && redis_conn_ask(p->conn, 2, auth, NULL, NULL, err) < 0)
		return -1;
	return redis_conn_ask(p->conn, 1, info, on_info, p, err);
}

static void probe_ask(struct redis_probe *p, bool first)
{
	struct error err = ERROR_INIT;

	if (!p->asked_ms)
		p->asked_ms = clock_mono_ms();
	p->phase = PHASE_ASK;
	p->late = p->slow = false;
	p->deadline_ms = clock_mono_ms() + p->timeout_ms;
	uv_timer_start(&p->timer, on_timer, (uint64_t)(p->timeout_ms < SLOW_MS ? p->timeout_ms : SLOW_MS), 0);
	if (send_question(p, first, &err) == 0)
		return;
	drop_connection(p);
	attempt_failed(p, true, &err);
}

static void probe_connect(struct redis_probe *p)
{
	struct error err = ERROR_INIT;

	p->is_new = true;
	p->conn = redis_conn_open(p->uv, p->addr, on_ended, p, &err);
	if (p->conn)
		probe_ask(p, true);
	else
		attempt_failed(p, false, &err);
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
	p->on_slow = cfg->on_slow;
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
	if (p->phase == PHASE_REST && p->conn && uv_timer_get_due_in(&p->timer) > (uint64_t)period_ms)
		rest(p, period_ms);
}

void redis_probe_now(struct redis_probe *p)
{
	int64_t now = clock_mono_ms();

	if (!p || p->phase != PHASE_REST)
		return;
	if (!p->state.info_valid) {
		if (p->hurried_ms && now - p->hurried_ms < HURRY_EVERY_MS)
			return;
		p->hurried_ms = now;
	}
	rest(p, 0);
}
