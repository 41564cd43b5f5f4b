/* world.c - what happens when: the queue of events, chance, and the network between the nodes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/sim.h"

/* A packet that was lost is sent again at such times. */
#define AGAIN_US MS(100)

struct event {
	int64_t at;
	event_fn fn;
	void *ctx;
	int64_t arg;
	uint32_t sequence, epoch;
	int8_t controller; /* -1: the world's own */
	int8_t from, to;   /* -1: no message */
	bool timer;
};

struct world W;
static struct {
	struct event *heap;
	int count, room;
} q;

/* --- chance: splitmix64 --- */

uint64_t chance_bits(void)
{
	uint64_t z = (W.chance += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

int chance_below(int n)
{
	return n <= 1 ? 0 : (int)(chance_bits() % (uint64_t)n);
}

int64_t chance_between(int64_t a, int64_t b)
{
	return b <= a ? a : a + (int64_t)(chance_bits() % (uint64_t)(b - a + 1));
}

bool chance_percent(int percent)
{
	return chance_below(100) < percent;
}

/* --- words --- */

void say(const char *fmt, ...)
{
	va_list ap;

	if (!W.verbose)
		return;
	printf("%9.3f  ", (double)W.now / 1e6);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void broken(const char *fmt, ...)
{
	va_list ap;

	if (W.broken[0])
		return;
	va_start(ap, fmt);
	vsnprintf(W.broken, sizeof(W.broken), fmt, ap);
	va_end(ap);
	say("BROKEN: %s", W.broken);
}

void add_number(struct buf *out, int64_t n)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (n < 0)
		*--at = '-';
	buf_add(out, at, (size_t)(digits + sizeof(digits) - at));
}

void add_words(struct buf *out, ...)
{
	const char *word;
	va_list ap;

	va_start(ap, out);
	while ((word = va_arg(ap, const char *)))
		buf_addstr(out, word);
	va_end(ap);
}

/* --- the queue --- */

static bool sooner(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

static void push(const struct event *e)
{
	int i;

	if (q.count == q.room) {
		q.room = q.room ? 2 * q.room : 1024;
		q.heap = realloc(q.heap, (size_t)q.room * sizeof(q.heap[0]));
	}
	i = q.count++;
	while (i && sooner(e, &q.heap[(i - 1) / 2])) {
		q.heap[i] = q.heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	q.heap[i] = *e;
}

static struct event pop(void)
{
	struct event first = q.heap[0], last = q.heap[--q.count];
	int i = 0, k;

	while ((k = 2 * i + 1) < q.count) {
		if (k + 1 < q.count && sooner(&q.heap[k + 1], &q.heap[k]))
			k++;
		if (!sooner(&q.heap[k], &last))
			break;
		q.heap[i] = q.heap[k];
		i = k;
	}
	if (q.count)
		q.heap[i] = last;
	return first;
}

static struct event event_of(int64_t us, event_fn fn, void *ctx, int64_t arg)
{
	return (struct event){ .at = W.now + (us > 0 ? us : 0),
			       .fn = fn,
			       .ctx = ctx,
			       .arg = arg,
			       .sequence = W.sequence++,
			       .controller = -1,
			       .from = -1,
			       .to = -1 };
}

static void give_to(struct event *e, const struct sim_controller *c)
{
	if (!c)
		return;
	e->controller = (int8_t)c->index;
	e->epoch = c->epoch;
}

void after(int64_t us, event_fn fn, void *ctx, int64_t arg)
{
	struct event e = event_of(us, fn, ctx, arg);

	push(&e);
}

void after_in(struct sim_controller *c, int64_t us, event_fn fn, void *ctx, int64_t arg)
{
	struct event e = event_of(us, fn, ctx, arg);

	give_to(&e, c);
	push(&e);
}

void timer_in(struct sim_controller *c, int64_t us, event_fn fn, void *ctx, int64_t arg)
{
	struct event e = event_of(us, fn, ctx, arg);

	give_to(&e, c);
	e.timer = true;
	push(&e);
}

/* --- the network --- */

bool way_open(int from, int to)
{
	if (from < 0 || to < 0)
		return true;
	return W.node_up[from] && W.node_up[to] && !W.cut[from][to];
}

bool way_rejected(int from, int to)
{
	return from >= 0 && to >= 0 && W.cut[from][to] && W.rejected[from][to] && W.node_up[from] && W.node_up[to];
}

bool is_hidden(const struct sim_controller *from, const struct pod *proxy)
{
	return W.now < W.hidden.until_us && from == W.hidden.from && proxy == W.hidden.proxy;
}

int64_t latency(int from, int to)
{
	int64_t us = chance_between(80, 400);

	if (chance_percent(2))
		us += chance_between(500, 8000);
	if (from < 0 || to < 0)
		return us;
	return us + (W.slow_us[from] > W.slow_us[to] ? W.slow_us[from] : W.slow_us[to]);
}

void message_behind(int64_t *last, int from, int to, struct sim_controller *in, event_fn fn, void *ctx, int64_t arg)
{
	struct event e = event_of(latency(from, to), fn, ctx, arg);

	if (from >= 0 && !W.node_up[from])
		return;
	if (last && e.at <= *last)
		e.at = *last + 1;
	if (last)
		*last = e.at;
	give_to(&e, in);
	e.from = (int8_t)from;
	e.to = (int8_t)to;
	push(&e);
}

void message(int from, int to, struct sim_controller *in, event_fn fn, void *ctx, int64_t arg)
{
	message_behind(NULL, from, to, in, fn, ctx, arg);
}

/* --- time goes on --- */

static void hold(struct sim_controller *c, const struct event *e)
{
	if (c->held_count == c->held_room) {
		c->held_room = c->held_room ? 2 * c->held_room : 64;
		c->held = realloc(c->held, (size_t)c->held_room * sizeof(c->held[0]));
	}
	c->held[c->held_count++] = (struct held){ e->timer, e->at, e->fn, e->ctx, e->arg };
}

static void happen(struct event *e)
{
	struct sim_controller *c = e->controller >= 0 ? &W.controllers[e->controller] : NULL;

	if (c && (!c->alive || c->epoch != e->epoch))
		return;
	if (e->from >= 0 && e->to >= 0 && !way_open(e->from, e->to)) {
		/* A node without power sends nothing again; what had left it arrives. */
		if (!W.node_up[e->to] || (W.cut[e->from][e->to] && !W.node_up[e->from]))
			return;
		if (W.cut[e->from][e->to]) {
			e->at = (W.now / AGAIN_US + 1) * AGAIN_US; /* those of before keep their order */
			push(e);
			return;
		}
	}
	if (!c)
		e->fn(e->ctx, e->arg);
	else if (c->stopped)
		hold(c, e);
	else
		controller_run(c, e->fn, e->ctx, e->arg);
}

void run_until(int64_t until, bool (*done)(void))
{
	while (q.count && q.heap[0].at <= until && !W.broken[0] && !(done && done())) {
		struct event e = pop();

		W.now = e.at;
		happen(&e);
	}
	if (!W.broken[0] && !(done && done()) && W.now < until)
		W.now = until;
}

/* The heap is of the last history's memory. */
void world_reset(void)
{
	memset(&q, 0, sizeof(q));
	memset(&W, 0, sizeof(W));
}
