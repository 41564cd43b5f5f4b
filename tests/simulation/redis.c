/* redis.c - codis-server: Redis 3.2.11 as far as failovers see it. Asynchronous replication of a stream of writes over
 * a link that may be cut; full resync wherever the master is another process or was another one before; the guard; a
 * volume. A link's stream is not sent event by event: what has arrived by now is taken when somebody looks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codis/info.h"
#include "common/codis/resp.h"
#include "tests/simulation/sim.h"

#define WRITE_BYTES  100
#define REPL_TIMEOUT S(60)
#define PING_DEFAULT S(10)

static void schedule_try(struct redis *r, int64_t us);

bool has_write(const uint64_t *data, int write)
{
	return data[write / 64] >> (write % 64) & 1;
}

/* Without those that have moved away with their slot, or that somebody wrote there who did not know that it had. */
static int keys_of(const struct redis *r)
{
	int n = r->keys;

	for (int i = 0; W.scales && i < W.write_count; i++) {
		const struct write *w = &W.writes[i];

		bool strays = (w->excused || !w->acked) && w->by && w->by->gid == r->pod->gid;

		n -= has_write(r->data, i) && (w->moved || strays) && !check_is_home(w->slot, r->pod->gid);
	}
	return n;
}

static bool take_write(uint64_t *data, int *keys, int write)
{
	if (has_write(data, write))
		return false;
	data[write / 64] |= 1ull << (write % 64);
	(*keys)++;
	return true;
}

/* --- streams and links --- */

static void emit(struct redis *r, int write)
{
	struct stream *s = r->out;

	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 256;
		s->entries = realloc(s->entries, (size_t)s->room * sizeof(s->entries[0]));
	}
	s->entries[s->count].at = W.now;
	s->entries[s->count++].write = write;
	if (r->leads && r->has_backlog)
		r->offset += WRITE_BYTES;
}

static void apply(struct redis *r, int write)
{
	take_write(r->data, &r->keys, write);
	r->offset += WRITE_BYTES;
	emit(r, write);
}

static void note_pings(struct redis *r, const struct redis *m)
{
	int64_t period = m->ping_us, last;

	if (m->busy)
		return;
	if (!m->leads && m->link != LINK_UP)
		return;
	last = (W.now - r->late_us) / period * period + r->late_us;
	if (last > r->heard_us)
		r->heard_us = last;
}

/* What one that has ended had sent is here at once, but where the way is narrow. */
static bool has_arrived(const struct redis *r, const struct stream *in)
{
	int64_t lag = in->limit >= 0 ? r->late_us : r->lag + r->way_lag + r->late_us;

	return in->entries[r->in_at].at + lag <= W.now;
}

void redis_pump(struct redis *r)
{
	struct stream *in = r->in;
	struct pod *m = r->from;
	/* What one whose node has lost its power had sent is here. */
	bool sent = m && (way_open(m->node, r->pod->node) || (in->limit >= 0 && !W.cut[m->node][r->pod->node]));
	bool open = r->link == LINK_UP && sent;

	if (!open || !r->pod->alive || r->pod->stopped || r->busy)
		return;
	if (m->redis && m->alive && m->redis->out == in && !m->redis->leads)
		redis_pump(m->redis);
	while (r->in_at < in->count && (in->limit < 0 || r->in_at < in->limit) && has_arrived(r, in)) {
		apply(r, in->entries[r->in_at].write);
		if (in->entries[r->in_at].at + r->late_us > r->heard_us)
			r->heard_us = in->entries[r->in_at].at + r->late_us;
		r->in_at++;
	}
	if (in->limit < 0 && m->alive && !m->stopped && m->redis->out == in) {
		note_pings(r, m->redis);
		r->acked_us = W.now / S(1) * S(1);
	}
}

void redis_pump_all(void)
{
	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].alive && W.pods[i].redis)
			redis_pump(W.pods[i].redis);
	}
}

/* keep: a short break, after which it goes on where it was. */
static void drop_link(struct redis *r, bool keep)
{
	r->generation++;
	r->cached = keep && (r->link == LINK_UP || r->cached);
	if (r->link == LINK_TRANSFER)
		r->offset = 1;
	if (r->link == LINK_UP)
		r->down_since = W.now;
	r->link = LINK_NONE;
	r->copy = NULL;
}

static bool follows_nobody(const struct redis *r)
{
	return r->leads || strcmp(r->master, CODIS_GUARD_ADDR) == 0;
}

static void link_lost(struct redis *r)
{
	redis_pump(r);
	say("%s has lost its link to %s", r->pod->name, r->from ? r->from->name : r->master);
	drop_link(r, true);
	if (!follows_nobody(r))
		schedule_try(r, chance_between(0, S(1)));
}

void redis_lose_backlog(struct redis *r)
{
	/* That it has lost its link is heard a second later; what is sent until then has its master alone. */
	if (r->from)
		note_fault(r->from, W.now, W.now + MS(1200));
	link_lost(r);
	r->cached = false;
}

struct loss {
	struct redis *r;
	const struct stream *in;
};

static void on_link_ended(void *ctx, int64_t arg)
{
	struct loss *l = ctx;

	if (!l->r->pod->alive || l->r->pod->redis != l->r || l->r->in != l->in ||
	    (l->r->link != LINK_UP && l->r->link != LINK_TRANSFER))
		return;
	redis_pump(l->r);
	if (l->r->late_us && l->r->link == LINK_UP && l->in->limit > l->r->in_at)
		after(MS(5), on_link_ended, l, arg);
	else
		link_lost(l->r);
}

/* Who reads from r loses its link: what was sent before arrives first. */
static void end_links_of(struct redis *r)
{
	for (int i = 0; i < W.pod_count; i++) {
		struct redis *x = W.pods[i].redis;
		struct loss *l;

		if (!x || !W.pods[i].alive || x->in != r->out || x->link == LINK_NONE)
			continue;
		l = calloc(1, sizeof(*l));
		*l = (struct loss){ x, r->out };
		message(r->pod->node, x->pod->node, NULL, on_link_ended, l, 0);
	}
}

/* --- a full resync --- */

static void on_loaded(void *ctx, int64_t arg)
{
	struct redis *r = ctx;

	if (!r->pod->alive || r->generation != arg)
		return;
	if (r->pod->stopped) {
		after(MS(50), on_loaded, r, arg);
		return;
	}
	r->loading = false;
	if (r->link != LINK_LOADING)
		return;
	r->link = LINK_UP;
	r->heard_us = W.now;
	if ((r->in->limit >= 0 || !r->from->alive || r->from->redis->out != r->in) &&
	    way_open(r->from->node, r->pod->node)) {
		r->of_file = true; /* nobody can have seen that it was in sync */
		link_lost(r);
		return;
	}
	r->up_since = W.now;
	say("%s is in sync with %s", r->pod->name, r->from->name);
}

static void on_transferred(void *ctx, int64_t arg)
{
	struct redis *r = ctx;
	struct pod *m = r->from;

	if (!r->pod->alive || r->generation != arg)
		return;
	if (!m->alive || m->redis->out != r->in) {
		if (way_open(m->node, r->pod->node) || W.now - r->heard_us > REPL_TIMEOUT)
			link_lost(r);
		else
			after(MS(500), on_transferred, r, arg);
		return;
	}
	if (m->stopped || r->pod->stopped || !way_open(m->node, r->pod->node)) {
		after(MS(50), on_transferred, r, arg);
		return;
	}
	check_data_gone(r->pod, "a full resync");
	memcpy(r->data, r->copy, sizeof(r->data));
	r->keys = r->copy_keys;
	r->offset = r->copy_offset;
	r->in_at = r->copy_at;
	r->of_file = false;
	r->link = LINK_LOADING;
	r->loading = true;
	r->generation++;
	after(chance_between(W.set.load_us / 2, W.set.load_us), on_loaded, r, r->generation);
}

static void begin_sync(struct redis *r, struct redis *m)
{
	redis_pump(m);
	if (r->cached && r->in == m->out && r->from == m->pod) {
		r->link = LINK_UP;
		r->cached = false;
		r->heard_us = r->up_since = W.now;
		say("%s goes on following %s", r->pod->name, m->pod->name);
		return;
	}
	check_sync_begins(r, m);
	r->link = LINK_TRANSFER;
	r->heard_us = W.now;
	r->cached = false;
	r->generation++;
	r->from = m->pod;
	r->in = m->out;
	m->has_backlog = true;
	r->lag = chance_between(100, 1500);
	r->copy = malloc(sizeof(r->data));
	memcpy(r->copy, m->data, sizeof(r->data));
	r->copy_keys = m->keys;
	r->copy_at = m->out->count;
	r->copy_offset = m->offset > 1 ? m->offset : (m->offset = 2);
	r->offset = 1;
	after(chance_between(W.set.sync_us / 2, W.set.sync_us), on_transferred, r, r->generation);
	say("%s begins a full sync from %s (%d keys)", r->pod->name, m->pod->name, m->keys);
}

static void on_try(void *ctx, int64_t arg)
{
	struct redis *r = ctx;
	struct pod *m;

	if (!r->pod->alive || r->generation != arg || follows_nobody(r) || r->link != LINK_NONE)
		return;
	m = pod_at(r->master);
	if (!r->pod->stopped && !r->loading && !r->busy && m && m->kind == SERVER && m->alive && !m->stopped &&
	    m != r->pod && !m->stranger && !m->redis->busy && way_open(m->node, r->pod->node) &&
	    way_open(r->pod->node, m->node) && !m->redis->loading && (m->redis->leads || m->redis->link == LINK_UP)) {
		begin_sync(r, m->redis);
		return;
	}
	schedule_try(r, S(1));
}

static void schedule_try(struct redis *r, int64_t us)
{
	after(us, on_try, r, r->generation);
}

/* --- the process --- */

static void on_file_read(void *ctx, int64_t arg)
{
	struct redis *r = ctx;

	if (r->pod->alive && r->generation == arg)
		r->loading = false;
}

void redis_start(struct pod *p)
{
	struct redis *r = p->redis;

	if (!r) {
		r = p->redis = calloc(1, sizeof(*r));
		r->pod = p;
	}
	snprintf(r->run_id, sizeof(r->run_id), "%040x", p->run);
	r->leads = r->has_backlog = r->cached = r->of_file = r->unsynced = r->busy = false;
	r->loading = false;
	snprintf(r->master, sizeof(r->master), "%s", CODIS_GUARD_ADDR);
	memset(r->data, 0, sizeof(r->data));
	r->keys = 0;
	r->offset = 1;
	r->down_since = 0;
	r->late_us = 0;
	r->ping_us = PING_DEFAULT;
	r->min_replicas = 0;
	r->min_lag_us = S(10);
	r->out = calloc(1, sizeof(*r->out));
	r->out->limit = -1;
	r->link = LINK_NONE;
	r->from = NULL;
	r->in = NULL;
	r->generation++;
	if (p->stranger) {
		r->leads = true;
		r->keys = p->plain ? 0 : 1000000;
		r->master[0] = '\0';
	}
	if (!W.set.volumes || p->stranger || !W.volumes[p->ordinal].keys)
		return;
	memcpy(r->data, W.volumes[p->ordinal].data, sizeof(r->data));
	r->keys = W.volumes[p->ordinal].keys;
	r->loading = r->of_file = true;
	after(chance_between(W.set.load_us / 2, W.set.load_us), on_file_read, r, r->generation);
}

void redis_save(struct pod *p)
{
	struct redis *r = p->redis;

	if (!W.set.volumes || r->loading || p->stranger)
		return;
	memcpy(W.volumes[p->ordinal].data, r->data, sizeof(r->data));
	W.volumes[p->ordinal].keys = r->keys;
}

/* silently: its node has no power, so nobody is told. Else what it has written to its sockets arrives, but for what it
 * answered in its last turn and had not yet sent on. */
void redis_died(struct pod *p, bool silently)
{
	struct redis *r = p->redis;
	struct stream *out = r->out;
	int64_t sent_by = W.now - (silently ? MS(2) : chance_percent(30) ? chance_between(0, MS(3)) : 0);

	redis_pump_all();
	out->limit = out->count;
	while (out->limit > 0 && out->entries[out->limit - 1].at > sent_by)
		out->limit--;
	for (int i = 0; i < W.pod_count && !silently; i++) {
		struct redis *x = W.pods[i].redis;

		if (x && W.pods[i].alive && x->in == out && x->link == LINK_UP)
			redis_pump(x);
	}
	for (int i = 0; i < W.pod_count && silently; i++) {
		struct redis *x = W.pods[i].redis;

		/* What waited for a narrow way is gone with the node. */
		if (x && x->late_us && x->in == out && x->in_at < out->limit)
			x->in_at = out->limit;
	}
	if (!silently)
		end_links_of(r);
	r->generation++;
}

void redis_continue(struct pod *p)
{
	redis_pump(p->redis);
}

/* --- commands --- */

static int status(char *out, size_t size, const char *words)
{
	snprintf(out, size, "%s", words);
	return RESP_STATUS;
}

static int error(char *out, size_t size, const char *words)
{
	snprintf(out, size, "%s", words);
	return RESP_ERROR;
}

static int replicas_that_answer(const struct redis *m)
{
	int n = 0;

	for (int i = 0; i < W.pod_count; i++) {
		struct redis *x = W.pods[i].redis;

		if (!x || !W.pods[i].alive || x->in != m->out || x->link != LINK_UP)
			continue;
		redis_pump(x);
		n += W.now - x->acked_us <= m->min_lag_us + S(1);
	}
	return n;
}

static void add_field(struct buf *out, const char *name, int64_t n)
{
	buf_addstr(out, name);
	add_number(out, n);
	buf_addstr(out, "\r\n");
}

static void add_link(struct buf *out, const struct redis *r)
{
	bool up = r->link == LINK_UP;

	buf_addstr(out, "master_host:");
	buf_add(out, r->master, strcspn(r->master, ":"));
	add_words(out, "\r\nmaster_port:", r->master + strcspn(r->master, ":") + 1,
		  "\r\nmaster_link_status:", up ? "up" : "down", "\r\n", NULL);
	add_field(out, "master_last_io_seconds_ago:", up ? (W.now - r->heard_us) / S(1) : -1);
	add_field(out, "master_sync_in_progress:", r->link == LINK_TRANSFER || r->link == LINK_LOADING);
	add_field(out, "slave_repl_offset:", r->offset);
	if (!up)
		add_field(out, "master_link_down_since_seconds:",
			  r->down_since ? (W.now - r->down_since) / S(1) : 1767225600);
}

static int info(struct redis *r, char *text, size_t size)
{
	struct buf out = { .data = text, .cap = size, .max = size - 1, .borrowed = true };

	redis_pump(r);
	text[0] = '\0';
	add_words(&out, "# Server\r\nrun_id:", r->run_id, "\r\n", NULL);
	add_field(&out, "uptime_in_seconds:", (W.now - r->pod->started_us) / S(1));
	if (r->ending)
		buf_addstr(&out, "hz:" CODIS_ENDING_HZ "\r\n");
	add_field(&out, "# Persistence\r\nloading:", r->loading);
	add_words(&out, "# Replication\r\nrole:", r->leads ? "master" : "slave", "\r\n", NULL);
	if (!r->leads)
		add_link(&out, r);
	add_field(&out, "master_repl_offset:", r->leads ? r->offset : 0);
	buf_addstr(&out, "# Keyspace\r\n");
	if (r->min_replicas && r->min_lag_us)
		add_field(&out, "min_slaves_good_slaves:", replicas_that_answer(r));
	if (keys_of(r)) {
		buf_addstr(&out, "db0:keys=");
		add_number(&out, keys_of(r));
		buf_addstr(&out, ",expires=0,avg_ttl=0\r\n");
	}
	return RESP_STRING;
}

static int lead(struct redis *r, char *out, size_t size)
{
	r->reign = ++W.reigns;
	if (r->of_file && !r->leads)
		bounds_led_by_file(r->pod->gid, r->keys);
	r->of_file = r->unsynced = false;
	if (r->leads)
		return status(out, size, "OK");
	redis_pump(r);
	drop_link(r, false);
	say("%s gets the master's role (%d keys)", r->pod->name, r->keys);
	r->instead = r->from && r->from->alive && !r->from->stopped && r->from->redis->leads;
	check_role_given(r);
	r->leads = true;
	r->master[0] = '\0';
	r->offset = 1;
	r->in = NULL;
	r->from = NULL;
	return status(out, size, "OK");
}

static int follow(struct redis *r, const char *host, const char *port, char *out, size_t size)
{
	char addr[SIM_ADDR];

	struct pod *m;

	snprintf(addr, sizeof(addr), "%s:%s", host, port);
	m = pod_at(addr);
	if (m && m->redis && m->redis->leads)
		m->redis->reign = ++W.reigns; /* whatever r had before */
	if (!r->leads && strcmp(addr, r->master) == 0)
		return status(out, size, "OK Already connected to specified master");
	redis_pump(r);
	end_links_of(r);
	r->out->limit = r->out->count;
	r->out = calloc(1, sizeof(*r->out));
	r->out->limit = -1;
	drop_link(r, false);
	r->leads = r->has_backlog = r->unsynced = false;
	r->down_since = 0;
	snprintf(r->master, sizeof(r->master), "%s", addr);
	r->offset = 1;
	say("%s is told to follow %s", r->pod->name, addr);
	schedule_try(r, chance_between(0, S(1)));
	return status(out, size, "OK");
}

static int config(struct redis *r, int argc, const char *const *argv, char *out, size_t size)
{
	long n = argc == 4 ? strtol(argv[3], NULL, 10) : 0;

	if (argc != 4 || strcmp(argv[1], "SET") != 0)
		return error(out, size, "ERR played: only CONFIG SET name value");
	if (strcmp(argv[2], "repl-ping-slave-period") == 0)
		r->ping_us = S(n > 0 ? n : 10);
	else if (strcmp(argv[2], "min-slaves-to-write") == 0)
		r->min_replicas = (int)n;
	else if (strcmp(argv[2], "min-slaves-max-lag") == 0)
		r->min_lag_us = S(n);
	return status(out, size, "OK");
}

int redis_do(struct pod *p, int argc, const char *const *argv, char *out, size_t size)
{
	struct redis *r = p->redis;

	if (r->busy)
		return error(out, size, "BUSY Redis is busy running a script");
	if (strcmp(argv[0], "INFO") == 0)
		return info(r, out, size);
	if (r->loading)
		return error(out, size, "LOADING Redis is loading the dataset in memory");
	if (strcmp(argv[0], "SLAVEOF") == 0 && argc == 3 && strcmp(argv[1], "NO") == 0)
		return lead(r, out, size);
	if (strcmp(argv[0], "SLAVEOF") == 0 && argc == 3)
		return follow(r, argv[1], argv[2], out, size);
	if (strcmp(argv[0], "CONFIG") == 0)
		return config(r, argc, argv, out, size);
	if (strcmp(argv[0], "AUTH") == 0 || strcmp(argv[0], "PING") == 0 || strcmp(argv[0], "CLIENT") == 0)
		return status(out, size, "OK");
	snprintf(out, size, "ERR unknown command '%s'", argv[0]);
	return RESP_ERROR;
}

const char *redis_write(struct pod *p, int write)
{
	struct redis *r = p->redis;

	if (r->loading || r->busy || p->stranger)
		return "LOADING";
	if (!r->leads)
		return r->link == LINK_UP ? "READONLY" : "MASTERDOWN";
	if (r->min_replicas && replicas_that_answer(r) < r->min_replicas) {
		bounds_written(p, true);
		return "NOREPLICAS";
	}
	bounds_written(p, false);
	take_write(r->data, &r->keys, write);
	emit(r, write);
	return NULL;
}

void redis_slowed(void)
{
	for (int i = 0; i < W.pod_count; i++) {
		struct redis *r = W.pods[i].redis;
		int64_t from = r && r->from && r->from->node >= 0 ? W.slow_us[r->from->node] : 0;

		if (r)
			r->way_lag = from > W.slow_us[r->pod->node] ? from : W.slow_us[r->pod->node];
	}
}

int64_t redis_late(int gid)
{
	int64_t us = 0;

	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *p = &W.pods[i];

		if (p->alive && p->redis && p->gid == gid && p->redis->late_us > us)
			us = p->redis->late_us;
	}
	return us;
}

/* A replica tells its master each second how far it is (replicationCron of Redis 3.2). Where another process has the
 * address by now, as of a node that had lost its power, the kernel knows no such connection and resets it (RFC 9293,
 * 3.10.7.1). What was sent to r before has arrived. */
static bool is_reset(const struct redis *r)
{
	const struct pod *m = pod_at(r->master);

	return m && m->alive && (m != r->from || m->redis->out != r->in) && r->in->limit >= 0 &&
	       r->in_at >= r->in->limit && way_open(r->pod->node, m->node) && way_open(m->node, r->pod->node);
}

/* Once a second: links that are mute for long or of a process that is gone, and what a volume keeps. */
void redis_cron(void)
{
	for (int i = 0; i < W.pod_count; i++) {
		struct redis *r = W.pods[i].redis;

		if (!r || !W.pods[i].alive || W.pods[i].stopped)
			continue;
		redis_pump(r);
		if (r->link == LINK_UP && (W.now - r->heard_us > REPL_TIMEOUT || (!r->busy && is_reset(r))))
			link_lost(r);
		if (W.set.volumes && chance_percent(10))
			redis_save(&W.pods[i]);
	}
}
