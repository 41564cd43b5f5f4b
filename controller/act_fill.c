/* act_fill.c - tells proxies where the slots of a group are. A proxy is told one thing at a time, in the order in which
 * it was asked for: a lock does not overtake the fill that was under way, nor that the lock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/codis/inventory.h"
#include "common/codis/rest.h"
#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/observe.h"
#include "controller/op.h"
#include "controller/say.h"

/* Without a coordinator nothing is decided any more: that shows within a tick. */
#define UNREAD_MS 100
/* A proxy that is well answers within milliseconds. */
#define UNANSWERED_MS 250
/* ... also one that leaves; but its address may be gone by the time it would, and not even a reset comes then. A switch
 * that holds the slots for it on all other proxies gives up so soon, and comes back when it is gone. */
#define LEAVING_MS 250
/* Where slots are moved, more of them are by then. */
#define KNOWN_MS 20

struct fill {
	struct op *op; /* NULL: it has ended meanwhile */
	struct cluster *c;
	struct observed_proxy *p;
	struct fill *next; /* of the same proxy */
	int gid;
	char addr[CODIS_ADDR_MAX];
	bool locked;
	bool strangers; /* the slots of other groups that are sent to addr */
	bool asked;     /* the proxy was, right before */
	int timeout_ms;
	bool slots[CODIS_SLOTS]; /* which were sent */
};

/* Another group's slot that is sent to addr is held; one that a migration touches is left to who moves it. */
static bool hold_stranger(const struct fill *f, struct codis_slot *out)
{
	bool sent = !out->locked && out->group && out->group != f->gid && strcmp(out->addr, f->addr) == 0;

	out->locked = true;
	return sent && !out->migrate_from;
}

/* The slot as it shall be on the proxy; false when it is none of this group's. */
static bool wanted_slot(const struct fill *f, int id, struct codis_slot *out)
{
	const struct observed_topom *b = &f->c->dashboard;
	int gid = f->gid;

	*out = f->p->slots[id];
	out->id = (int16_t)id;
	if (f->strangers)
		return hold_stranger(f, out);
	out->locked = f->locked;
	if (out->migrate_from == gid || (b->slots_known && b->slot_acting[id])) {
		/* A migration touches it: only the address of our group's master changes. */
		if (out->migrate_from == gid)
			memcpy(out->migrate_addr, f->addr, CODIS_ADDR_MAX);
		if (out->group == gid)
			memcpy(out->addr, f->addr, CODIS_ADDR_MAX);
		return out->migrate_from == gid || out->group == gid;
	}
	if (view_slot_group(out, f->p->slot_since_ms[id], b->slots_known, b->slot_group[id], b->slots_ms) != gid)
		return false;
	out->group = (int16_t)gid;
	memcpy(out->addr, f->addr, CODIS_ADDR_MAX);
	/* It has come to its end, and what the proxy was told then has missed it. */
	if (b->slots_known && b->slots_ms >= f->p->slot_since_ms[id])
		out->migrate_from = 0;
	if (!out->migrate_from)
		out->migrate_addr[0] = '\0';
	return true;
}

/* How many slots there are to send, or -1: no memory. A repair sends what is wrong alone: what was heard of the others
 * may be a second old, and a migration that has gone on since would be turned back. */
static int list_slots(struct fill *f, cJSON *array)
{
	bool repair = f->op->a.kind == ACT_FILL_PROXY;
	struct codis_slot slot;
	int n = 0;

	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (!wanted_slot(f, i, &slot) || (repair && codis_slot_same(&slot, &f->p->slots[i])))
			continue;
		if (!array || codis_slot_push(array, &slot) < 0)
			return -1;
		f->slots[i] = true;
		n++;
	}
	return n;
}

static void on_sent(void *ctx, const cJSON *answer, const struct error *err);
static void send_first(struct observed_proxy *p);

static void go_on(struct op *op)
{
	void (*then)(struct op *) = op->then;

	if (!then)
		return; /* it is at something else, and looks at the counts when it needs them */
	op->then = NULL;
	op_wait(op, 0, NULL);
	then(op);
}

static void note_unfilled(struct op *op, const struct observed_proxy *p)
{
	const struct inventory_pod *pod = inventory_pod_at(op->c->ctl->inventory, p->admin_addr);

	op->unfilled++;
	snprintf(op->not_filled, sizeof(op->not_filled), "%s", pod ? pod->pod.name : p->admin_addr);
}

/* err NULL: the proxy has the slots. */
static void end_fill(struct fill *f, const struct error *err)
{
	struct observed_proxy *p = f->p;
	struct op *op = f->op;

	p->fills = f->next;
	if (op)
		p->running--;
	/* Refused: it is no more, as for fill_start(). */
	if (op && err && err->code != ERR_REFUSED)
		note_unfilled(op, p);
	if (err && err->code == ERR_TIMEOUT)
		p->unanswered_ms = clock_mono_ms();
	if (err)
		say_warn(f->c, "fill.failed", "proxy=%s error=%s", LOGW(p->admin_addr), LOGQ(err->text));
	free(f);
	send_first(p);
	if (op && --op->waiting == 0)
		go_on(op);
}

static void on_sent(void *ctx, const cJSON *answer, const struct error *err)
{
	struct fill *f = ctx;
	struct codis_slot slot;

	(void)answer;
	for (int i = 0; !err && i < CODIS_SLOTS; i++) {
		if (f->slots[i] && wanted_slot(f, i, &slot))
			observe_take_slot(f->p, &slot);
	}
	if (!err && f->op)
		f->op->filled++;
	f->p->acted_ms = clock_mono_ms();
	end_fill(f, err);
}

/* 1: sent; 0: the proxy has no slot of the group; -1 and *err. */
static int send_fill(struct fill *f, struct error *err)
{
	JSON_CLEANUP cJSON *array = cJSON_CreateArray();
	struct op *op = f->op;
	char xauth[CODIS_XAUTH_SIZE];
	int n;

	if (op_may_go_on(op, err) < 0)
		return -1;
	if (op->a.kind == ACT_FILL_PROXY && clock_mono_ms() > op->until_ms)
		return error_set(err, ERR_TIMEOUT, "the proxy was asked for too long where it sends what");
	n = list_slots(f, array);
	if (n < 0)
		return error_set(err, ERR_NOMEM, "no memory for the slots");
	if (n == 0)
		return 0;
	codis_xauth(op->c->product, op->c->auth, f->p->token, xauth);
	if (proxy_fill_slots(op->c->http, f->p->admin_addr, xauth, array, f->timeout_ms, on_sent, f, err) < 0)
		return -1;
	return 1;
}

/* A dashboard moves one slot after the other, and whoever is filled by what was heard before sends those that have
 * moved since back to where they came from: what is written to them there is found by nobody. So a proxy is asked right
 * before, also behind what it was told last, which may have waited for a server. True: it is sent when the proxy has
 * answered. One that does not is told by what is known, and a lock, which must not come late, does not wait long. */
static bool asks_first(struct fill *f)
{
	struct observed_proxy *p = f->p;
	int64_t now_ms = clock_mono_ms();
	bool known = p->slots_ms >= p->acted_ms && now_ms - p->slots_ms < KNOWN_MS;
	bool late = f->locked && p->asking && now_ms - p->asked_ms >= ASKED_MS;

	if (!f->op || f->asked || known || late || p->reach != REACH_OK)
		return false;
	f->asked = !p->asking; /* else it is asked again, if that was too early */
	observe_proxy(f->c, p);
	p->on_heard = p->asking ? send_first : NULL;
	return p->asking;
}

static void send_first(struct observed_proxy *p)
{
	struct error err = ERROR_INIT;
	int sent = 1;

	if (p->fills && asks_first(p->fills))
		return;
	if (p->fills)
		sent = p->fills->op ? send_fill(p->fills, &err) : 0;
	if (sent != 1)
		end_fill(p->fills, sent < 0 ? &err : NULL);
}

static void enqueue(struct op *op, struct observed_proxy *p, struct fill *f, const char *addr, bool locked,
		    int timeout_ms)
{
	struct fill **at = &p->fills;

	f->op = op;
	f->c = op->c;
	f->gid = op->a.gid;
	f->p = p;
	f->locked = locked;
	f->timeout_ms = timeout_ms;
	snprintf(f->addr, sizeof(f->addr), "%s", addr);
	p->running++;
	op->waiting++;
	while (*at)
		at = &(*at)->next;
	*at = f;
	if (p->fills == f)
		send_first(p);
}

/* Silent with the old master: since before it was asked whether it is away, too, which it is as soon as a server is
 * silent. A silence that is shorter counts on that one's node only. */
static bool is_away_with(const struct op *op, const struct observed_proxy *p)
{
	const struct inventory *inv = op->c->ctl->inventory;
	const struct inventory_pod *own, *old;

	if (p->reach == REACH_SILENT)
		return true;
	if (!p->asking || clock_mono_ms() - p->asked_ms < UNANSWERED_MS)
		return false;
	own = inventory_pod_at(inv, p->admin_addr);
	old = inventory_pod_at(inv, op->a.from);
	return own && old && own->pod.node[0] && strcmp(own->pod.node, old->pod.node) == 0;
}

static bool is_leaving(const struct op *op, const struct observed_proxy *p)
{
	const struct inventory_pod *own = inventory_pod_at(op->c->ctl->inventory, p->admin_addr);

	return own ? own->pod.status.deleting : p->had_pod;
}

const char *fill_unheard_without_pod(const struct op *op)
{
	for (int i = 0; i < op->c->proxy_count; i++) {
		const struct observed_proxy *p = op->c->proxies[i];

		if (p->reach == REACH_OK && p->asking && p->had_pod && !p->wanted)
			return p->admin_addr;
	}
	return NULL;
}

static void fill_one(struct op *op, struct observed_proxy *p, const char *addr, bool locked, int timeout_ms)
{
	bool soon = op->a.kind == ACT_SWITCH && (locked || op->undoes) && timeout_ms > LEAVING_MS && is_leaving(op, p);
	struct fill *f = calloc(1, sizeof(*f));

	if (f)
		enqueue(op, p, f, addr, locked, soon ? LEAVING_MS : timeout_ms);
	else
		note_unfilled(op, p);
}

static bool may_serve_unheard(const struct op *op, const struct observed_proxy *p)
{
	const struct cluster_view *v = &op->c->view;

	for (int i = 0; i < v->proxy_count; i++) {
		if (strcmp(v->proxies[i].admin_addr, p->admin_addr) == 0)
			return view_may_serve_unheard(v, &v->proxies[i]);
	}
	return false;
}

/* It is in no list, and says nothing: it has left and ended. One that was taken out since it did not answer may be
 * silent to us alone, and its clients write through it: a switch waits for that one, and a change over a silent master,
 * whose answers it may await, for all that have a pod. Who has none is forgotten once nothing is under way with it; but
 * groups that tell it by turns would keep it for each other. */
static bool is_out(const struct op *op, const struct observed_proxy *p)
{
	if (p->reach == REACH_OK || p->registered_token[0])
		return false;
	return op->a.kind == ACT_SWITCH ? !may_serve_unheard(op, p) : !p->wanted;
}

void fill_start(struct op *op, const char *addr, bool locked, int timeout_ms)
{
	op->filled = op->unfilled = op->untold = op->passed_over = 0;
	op->not_filled[0] = '\0';
	op->then = NULL;
	for (int i = 0; i < op->c->proxy_count; i++) {
		struct observed_proxy *p = op->c->proxies[i];

		if (p->reach == REACH_REFUSED || is_out(op, p))
			continue;
		/* The lock of a master that is away with its node waits for none that is silent, too: perhaps it was
		 * there as well. */
		if (locked && op->a.kind == ACT_PROMOTE && !op->a.from_lives && is_away_with(op, p)) {
			op->passed_over += p->registered_token[0] != '\0';
			continue;
		}
		if (p->has_slots && p->token[0])
			fill_one(op, p, addr, locked, timeout_ms);
		else
			op->untold += p->registered_token[0] != '\0';
	}
}

/* It may have been taken in since slots were first locked: a dashboard fills whom it takes in with what it knows, which
 * is not locked. */
static bool is_newcomer(const struct op *op, const struct observed_proxy *p)
{
	return p->wanted && (strcmp(p->registered_token, p->token) != 0 || p->registered_ms >= op->locking_ms);
}

/* As it was heard last: it was silent when the others were locked, say, or a dashboard has filled it since. */
static bool sends_to_old(const struct op *op, const struct observed_proxy *p)
{
	for (int i = 0; p->has_slots && i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];

		if (!s->locked && s->group == op->a.gid && strcmp(s->addr, op->a.from) == 0)
			return true;
	}
	return false;
}

void fill_those_filled_back(struct op *op, const char *addr, int timeout_ms)
{
	bool replaces = op->a.from[0] && strcmp(op->a.from, addr) != 0;

	for (int i = 0; replaces && i < op->c->proxy_count; i++) {
		struct observed_proxy *p = op->c->proxies[i];

		if (p->reach == REACH_OK && !p->fills && p->token[0] && sends_to_old(op, p))
			fill_one(op, p, addr, false, timeout_ms);
	}
}

bool fill_slots_are_moved(const struct op *op)
{
	return view_any_slot(op->c->dashboard.slot_acting);
}

bool fill_may_be_undone(const struct op *op)
{
	for (int i = 0; i < op->c->proxy_count; i++) {
		const struct observed_proxy *p = op->c->proxies[i];

		if (p->reach == REACH_OK &&
		    (is_newcomer(op, p) || sends_to_old(op, p) || (p->has_slots && fill_slots_are_moved(op))))
			return true;
	}
	return false;
}

static void on_impatient(struct op *op)
{
	go_on(op);
}

void fill_await(struct op *op, int ms, void (*then)(struct op *op))
{
	if (!op->waiting) {
		then(op);
		return;
	}
	op->then = then;
	if (ms)
		op_wait(op, ms, on_impatient);
}

/* Or will have, by what it is being told. */
static bool has_strangers(const struct observed_proxy *p, int gid, const char *addr)
{
	for (const struct fill *f = p->fills; f; f = f->next) {
		if (f->gid != gid && !f->locked && strcmp(f->addr, addr) == 0)
			return true;
	}
	for (int i = 0; i < CODIS_SLOTS; i++) {
		const struct codis_slot *s = &p->slots[i];

		if (!s->locked && s->group && s->group != gid && !s->migrate_from && strcmp(s->addr, addr) == 0)
			return true;
	}
	return false;
}

void fill_hold_strangers(struct op *op, const char *addr, int timeout_ms, void (*then)(struct op *op))
{
	bool held = false;

	for (int i = 0; i < op->c->proxy_count; i++) {
		struct observed_proxy *p = op->c->proxies[i];
		struct fill *f;

		if (p->reach == REACH_REFUSED || !p->has_slots || !p->token[0] || !has_strangers(p, op->a.gid, addr))
			continue;
		f = calloc(1, sizeof(*f));
		if (!f)
			continue;
		f->strangers = true;
		enqueue(op, p, f, addr, true, timeout_ms);
		held = true;
	}
	if (held)
		fill_await(op, timeout_ms, then);
	else
		then(op);
}

void fill_all(struct op *op, const char *addr, bool locked, int timeout_ms, void (*then)(struct op *op))
{
	fill_start(op, addr, locked, timeout_ms);
	fill_await(op, 0, then);
}

void fill_leave(struct op *op)
{
	for (int i = 0; i < op->c->proxy_count; i++) {
		struct observed_proxy *p = op->c->proxies[i];

		for (struct fill *f = p->fills; f; f = f->next) {
			p->running -= f->op == op;
			f->op = f->op == op ? NULL : f->op;
		}
	}
}

void fill_forget(struct observed_proxy *p)
{
	while (p->fills) {
		struct fill *next = p->fills->next;

		free(p->fills);
		p->fills = next;
	}
}

/* --- FILL_PROXY: one proxy, the slots of one group ---------------------------------------------------------------- */

static void on_filled(struct op *op)
{
	if (op->unfilled) {
		op_fail(op, ERR_IO, "the proxy did not take the slots");
		return;
	}
	op_mark(op, "fill");
	observe_reload(op->c);
	op_end(op, NULL);
}

static void fill_proxy(struct op *op)
{
	struct observed_proxy *p = cluster_proxy(op->c, op->a.addr, false);

	if (!op->next.count || !p || !p->has_slots) {
		op_fail(op, ERR_NOTFOUND, "the group or the proxy is gone");
		return;
	}
	fill_one(op, p, op->next.servers[0].addr, op->a.lock, FILL_MS);
	fill_await(op, 0, on_filled);
}

static void end_unread(struct op *op)
{
	op_end(op, &op->failed);
}

/* Still the version that was decided on? */
static void on_node_read(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
			 const struct error *err)
{
	struct op *op = ctx;
	const struct observed_group *g = cluster_group(op->c, op->a.gid, false);

	(void)data;
	(void)len;
	if (err) {
		op->failed = *err;
		op_wait(op, UNREAD_MS, end_unread);
	} else if (g && g->running && !op->a.lock) {
		op_fail(op, ERR_CONFLICT, "the group is being changed"); /* its lock must not be undone */
	} else if (stat->version != op->version) {
		op_fail(op, ERR_CONFLICT, "the group has changed since this was decided");
	} else {
		op->until_ms = clock_mono_ms() + UNREAD_MS;
		fill_proxy(op);
	}
}

/* A proxy that is sent to the master of before writes what is thrown away later. So the node is read once more, right
 * before. */
void fill_begin(struct op *op)
{
	struct observed_proxy *p = cluster_proxy(op->c, op->a.addr, false);
	struct error err = ERROR_INIT;
	char path[200];

	if (p && p->reach == REACH_OK)
		observe_proxy(op->c, p);
	cluster_path(op->c, path, sizeof(path), "group/group-%04d", op->a.gid);
	if (!op->c->zk)
		op_fail(op, ERR_IO, "the coordinator is not connected");
	else if (coordinator_get(op->c->zk, path, on_node_read, op, &err) < 0)
		op_end(op, &err);
}
