/* proxy.c - codis-proxy: slots that are filled and held locked, requests in flight that end late at a silent server,
 * and the clients behind it, which write all the time and remember what was acknowledged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "tests/simulation/sim.h"

#define RETRY_US  MS(50)
#define ONLINE_US S(2)
/* ... but not while it waits for an answer to the last one, as long as its HTTP client does. */
#define ONLINE_TIMEOUT_US S(60)

static void on_writer(void *ctx, int64_t arg);
static void serve(struct pod *p);

static void writer_in(struct writer *w, int64_t us)
{
	w->waiting = false;
	after(us, on_writer, w, ++w->generation);
}

/* --- a write --- */

struct request {
	struct writer *w;
	int generation, write, from, run;
	struct pod *server;
	const char *error;
};

static void ended(struct writer *w)
{
	w->in_flight = false;
	writer_in(w, chance_between(W.set.think_us / 2, W.set.think_us * 3 / 2));
	serve(w->proxy);
}

static void on_write_answered_now(void *ctx, int64_t arg)
{
	struct request *q = ctx;
	struct writer *w = q->w;

	(void)arg;
	if (!w->in_flight || w->generation != q->generation)
		return;
	if (!q->error) {
		W.writes[q->write].acked = true;
		W.writes[q->write].acked_us = w->acked_us = W.now;
		check_write_acked(w, q->server);
	}
	ended(w);
}

static void on_write_answered(void *ctx, int64_t arg)
{
	struct request *q = ctx;

	(void)arg;
	deliver(q->w->proxy, on_write_answered_now, q, 0);
}

static void on_write_taken(void *ctx, int64_t arg)
{
	struct request *q = ctx;

	(void)arg;
	q->error = redis_write(q->server, q->write);
	if (!q->error)
		check_write_done(q->write, q->server);
	message(q->server->node, q->from, NULL, on_write_answered, q, 0);
}

static void on_write_arrives(void *ctx, int64_t arg)
{
	struct request *q = ctx;

	(void)arg;
	if (q->server->alive && q->server->run == q->run && q->server->kind == SERVER) {
		deliver(q->server, on_write_taken, q, 0);
	} else {
		q->error = "connection refused";
		message(q->server->node, q->from, NULL, on_write_answered, q, 0);
	}
}

/* Of a slot that is moved, the key is fetched from where it was. */
static bool lacks_source(const struct proxy_slot *s)
{
	const struct pod *from = s->from ? pod_at(s->from_addr) : NULL;

	return s->from && !(from && from->kind == SERVER && from->alive && !from->stopped && from->redis->leads);
}

static void send_write(struct writer *w, int slot)
{
	struct proxy_slot *s = &w->proxy->proxy->slots[slot];
	struct pod *server = pod_at(s->addr);
	struct request *q;

	if (W.write_count == WRITES)
		return;
	q = calloc(1, sizeof(*q));
	w->slot = slot;
	w->write = W.write_count++;
	w->in_flight = true;
	w->sent_us = W.now;
	memcpy(w->addr, s->addr, sizeof(w->addr));
	W.writes[w->write].group = (int16_t)w->group;
	W.writes[w->write].slot = (int16_t)slot;
	W.writes[w->write].excused = s->misled;
	*q = (struct request){ .w = w, .generation = w->generation, .write = w->write, .from = w->proxy->node };
	q->server = server;
	q->run = server ? server->run : 0;
	w->run = q->run;
	q->error = "connection refused";
	if (server && (way_rejected(w->proxy->node, server->node) || lacks_source(s)))
		after(chance_between(80, 400), on_write_answered_now, q, 0);
	else if (server)
		message(w->proxy->node, server->node, NULL, on_write_arrives, q, 0);
}

/* One of the group's slots that goes somewhere; -1: none does. */
static int pick_slot(const struct writer *w)
{
	const struct proxy *x = w->proxy->proxy;
	int first = chance_below(CODIS_SLOTS);

	for (int k = 0; k < CODIS_SLOTS; k++) {
		int i = (first + k) % CODIS_SLOTS;

		if (W.assigned[i] == w->group && x->slots[i].addr[0])
			return i;
	}
	return -1;
}

static void on_writer(void *ctx, int64_t arg)
{
	struct writer *w = ctx;
	struct proxy *x = w->proxy->proxy;
	int slot;

	if (w->generation != arg || w->in_flight || !w->proxy->alive)
		return;
	slot = w->proxy->stopped || !x->online ? -1 : pick_slot(w);
	if (slot < 0) {
		writer_in(w, RETRY_US);
	} else if (x->slots[slot].locked) {
		w->waiting = true;
		w->slot = slot;
	} else {
		w->generation++;
		send_write(w, slot);
	}
}

/* A backend's connection has ended, and what was in flight on it. */
static void on_reset(void *ctx, int64_t arg)
{
	struct writer *w = ctx;

	if (w->in_flight && w->generation == arg)
		ended(w);
}

void writers_reset(const struct pod *server)
{
	for (int i = 0; i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];

		for (int g = 0; p->kind == PROXY && p->alive && g < SIM_GROUPS; g++) {
			struct writer *w = &p->proxy->writers[g];

			if (w->in_flight && w->run == server->run)
				message(server->node, p->node, NULL, on_reset, w, w->generation);
		}
	}
}

/* backend_recv_timeout; ten times a second. */
void proxy_cron(void)
{
	for (int i = 0; i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];

		if (p->kind == PROXY && p->alive && p->proxy->first)
			p->proxy->waited_us = W.now;
		for (int g = 0; p->kind == PROXY && p->alive && !p->stopped && g < SIM_GROUPS; g++) {
			struct writer *w = &p->proxy->writers[g];

			if (w->in_flight && W.now - w->sent_us >= W.set.backend_us)
				ended(w);
		}
	}
}

/* --- its admin interface --- */

static bool is_drained(const struct pod *p, const struct call *c)
{
	for (int g = 0; g < SIM_GROUPS; g++) {
		const struct writer *w = &p->proxy->writers[g];

		if (w->in_flight && c->has_slot[w->slot])
			return false;
	}
	return true;
}

static void take_slots(struct pod *p, const struct call *c)
{
	for (int i = 0; i < CODIS_SLOTS; i++) {
		struct proxy_slot before = p->proxy->slots[i];

		if (!c->has_slot[i])
			continue;
		p->proxy->slots[i] = c->slots[i];
		p->proxy->slots[i].misled = W.moves_slots && !check_is_home(i, c->slots[i].group) &&
					    (c->late || (before.misled && before.group == c->slots[i].group));
	}
	for (int g = 0; g < SIM_GROUPS; g++) {
		struct writer *w = &p->proxy->writers[g];

		if (w->waiting && !p->proxy->slots[w->slot].locked)
			writer_in(w, 0);
	}
}

static void say_overview(const struct pod *p, struct buf *out)
{
	add_words(out, "{\"version\":\"3.2\",\"model\":{\"id\":1,\"token\":\"", p->proxy->token, "\",\"admin_addr\":\"",
		  p->addr, "\"},\"slots\":[", NULL);
	for (int i = 0; i < CODIS_SLOTS; i++) {
		const struct proxy_slot *s = &p->proxy->slots[i];

		buf_addstr(out, i ? ",{\"id\":" : "{\"id\":");
		add_number(out, i);
		add_words(out, ",\"locked\":", s->locked ? "true" : "false", ",\"backend_addr\":\"", s->addr,
			  "\",\"backend_addr_group_id\":", NULL);
		add_number(out, s->addr[0] ? s->group : 0);
		if (s->from) {
			add_words(out, ",\"migrate_from\":\"", s->from_addr, "\",\"migrate_from_group_id\":", NULL);
			add_number(out, s->from);
		}
		buf_addch(out, '}');
	}
	add_words(out, "],\"stats\":{\"online\":", p->proxy->online ? "true" : "false", "}}", NULL);
}

/* False: it waits. */
static bool serve_one(struct pod *p, struct call *c)
{
	char room[4096];
	struct buf text = BUF_IN(room);

	switch (c->kind) {
	case CALL_OVERVIEW:
		say_overview(p, &text);
		call_answer(c, 200, text.data);
		return true;
	case CALL_START:
		if (strcmp(c->token, p->proxy->token) != 0) {
			call_answer(c, 800, "{\"Cause\":\"invalid xauth\"}");
			return true;
		}
		p->proxy->online = true;
		call_answer(c, 200, "\"OK\"");
		return true;
	case CALL_FILL:
		if (strcmp(c->token, p->proxy->token) != 0) {
			call_answer(c, 800, "{\"Cause\":\"invalid xauth\"}");
			return true;
		}
		for (int i = 0; i < CODIS_SLOTS && !c->begun; i++)
			p->proxy->slots[i].locked |= c->has_slot[i];
		c->begun = true;
		if (!is_drained(p, c))
			return false;
		take_slots(p, c);
		call_answer(c, 200, "\"OK\"");
		return true;
	default: call_answer(c, 404, "{}"); return true;
	}
}

static void serve(struct pod *p)
{
	while (p->alive && !p->stopped && p->proxy->first) {
		struct call *c = p->proxy->first;

		if (!serve_one(p, c))
			return;
		p->proxy->first = c->next;
	}
}

void proxy_call(struct pod *p, struct call *call)
{
	struct call **at = &p->proxy->first;

	if (call->kind == CALL_KNOCK) {
		call_answer(call, 302, "");
		return;
	}
	while (*at)
		at = &(*at)->next;
	call->next = NULL;
	*at = call;
	serve(p);
}

/* --- the process --- */

static void on_online_answer(struct call *c, int status, const char *body)
{
	struct proxy *x = c->ctx;

	(void)status;
	(void)body;
	x->asked_us = 0;
}

/* It takes itself in, by the dashboard that the coordinator names. */
static void on_take_in(void *ctx, int64_t arg)
{
	struct pod *p = ctx;
	struct node *lock = zk_find("topom");
	struct pod *d;
	struct call *c;
	char addr[SIM_ADDR] = "";

	if (!p->alive || p->run != arg || p->proxy->online)
		return;
	after(ONLINE_US, on_take_in, p, arg);
	if (p->proxy->asked_us && W.now - p->proxy->asked_us < ONLINE_TIMEOUT_US)
		return;
	if (p->stopped || !zk_reachable(p->node) || !lock ||
	    sscanf(lock->data, "{\"admin_addr\":\"%23[^\"]", addr) != 1)
		return;
	d = pod_at(addr);
	if (!d || d->kind != DASHBOARD)
		return;
	c = calloc(1, sizeof(*c));
	*c = (struct call){ .kind = CALL_ONLINE, .to = d, .from = p->node, .answer = on_online_answer };
	c->ctx = p->proxy;
	p->proxy->asked_us = d->alive && way_open(p->node, d->node) && way_open(d->node, p->node) ? W.now : 0;
	memcpy(c->addr, p->addr, sizeof(c->addr));
	call_send(c);
}

static void begin_writer(struct pod *p, int gid)
{
	p->proxy->writers[gid - 1] = (struct writer){ .proxy = p, .group = gid };
	writer_in(&p->proxy->writers[gid - 1], chance_between(0, MS(20)));
}

void writers_begin(int gid)
{
	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].kind == PROXY && W.pods[i].alive && !W.pods[i].proxy->writers[gid - 1].proxy)
			begin_writer(&W.pods[i], gid);
	}
}

void proxy_start(struct pod *p)
{
	struct proxy *x = calloc(1, sizeof(*x));

	p->proxy = x;
	snprintf(x->token, sizeof(x->token), "%032x", p->run);
	for (int g = 1; g <= SIM_GROUPS; g++) {
		if (has_group(g))
			begin_writer(p, g);
	}
	after(S(1), on_take_in, p, p->run);
}

void proxy_died(struct pod *p)
{
	p->proxy->first = NULL;
	for (int g = 0; g < SIM_GROUPS; g++)
		p->proxy->writers[g].generation += 1000000;
}

bool proxy_waits(const struct pod *p)
{
	return p->proxy->first && p->proxy->first->begun;
}

void proxy_continue(struct pod *p)
{
	serve(p);
}
