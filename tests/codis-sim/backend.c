#include <arpa/inet.h>
#include <hiredis/read.h>

#include "common/base/clock.h"
#include "common/net/addr.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/proxy.h"
#include "tests/codis-sim/wire.h"

/* One connection to one database of one server. The states are those that Codis' reader and writer can be in:
 *
 *   DIALING   requests are collected; a dial that fails resets them all
 *   UP        requests go out as they come, replies come back in their order
 *   LOST      the server has closed, and nobody was waiting for a reply: the next request finds that out (EOF)
 *   BROKEN    the connection is gone, the writer does not know: the next request fails, and then it is dialled anew
 *   PAUSED    ten dials in a row have failed: requests fail at once, until the next try after 50, 100, ... 5000 ms
 */
enum state { DIALING, UP, LOST, BROKEN, PAUSED };

enum { DIAL_MS = 5000, QUICK_TRIES = 10, PAUSE_MIN_MS = 50, PAUSE_MAX_MS = 5000, READ_SIZE = 64 << 10 };

static const char reset[] = "backend conn reset";

/* A connection; outlives its backend until libuv has closed it. */
struct conn {
	uv_tcp_t tcp;
	uv_connect_t connect;
	struct backend *b; /* NULL: being closed */
	struct outlet out;
	redisReader *reader;
	struct buf reply;
	char local[64], remote[ADDR_SIZE];
};

struct backend {
	struct proxy *p;
	char addr[ADDR_SIZE];
	int db;
	enum state state;
	bool stale;   /* it said MASTERDOWN or LOADING: no reads from it as a replica */
	bool leaving; /* released: ends when nothing is in flight any more */
	struct conn *c;
	struct units units; /* sent, or to be sent, without a reply yet */
	int handshake;      /* replies to AUTH and SELECT that come first */
	int fails, pause_ms;
	uint64_t waiting_since; /* ms: for the reply to the first unit */
	uv_timer_t timer;
};

static void dial(struct backend *b);
static void on_timer(uv_timer_t *timer);

/* --- the end of a unit -------------------------------------------------------------------------------------------- */

static void finish(struct backend *b, struct unit *u)
{
	struct proxy *p = b->p;

	u->finished = true;
	u->backend = NULL;
	if (u->slot)
		router_unref(p, u->slot);
	u->slot = NULL;
	if (u->done)
		u->done(p, u);
	else
		session_unit_done(p, u);
}

static void fail(struct backend *b, struct unit *u, const char *why)
{
	free(u->reply);
	u->reply = NULL;
	snprintf(u->error, sizeof(u->error), "%.*s", (int)sizeof(u->error) - 1, why);
	finish(b, u);
}

static struct unit *take_first(struct backend *b)
{
	struct unit *u = STAILQ_FIRST(&b->units);

	if (u)
		STAILQ_REMOVE_HEAD(&b->units, next);
	return u;
}

/* The first one fails for the reason given, those behind it with the connection. */
static void fail_all(struct backend *b, const char *why)
{
	struct units failed = STAILQ_HEAD_INITIALIZER(failed);
	struct unit *u;

	STAILQ_CONCAT(&failed, &b->units);
	while ((u = STAILQ_FIRST(&failed))) {
		STAILQ_REMOVE_HEAD(&failed, next);
		fail(b, u, why);
		why = reset;
	}
}

/* --- the connection ----------------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	outlet_release(&c->out);
	redisReaderFree(c->reader);
	buf_release(&c->reply);
	free(c);
}

static void drop_conn(struct backend *b)
{
	struct conn *c = b->c;

	if (!c)
		return;
	b->c = NULL;
	c->b = NULL;
	outlet_forget(b->p, &c->out);
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static bool leave_if_done(struct backend *b)
{
	if (!b->leaving || STAILQ_FIRST(&b->units))
		return false;
	drop_conn(b);
	uv_close((uv_handle_t *)&b->timer, on_timer_closed);
	return true;
}

/* Reading has failed: whoever waits is told; the writer finds out with its next request. */
static void lose(struct backend *b, const char *why)
{
	golog_warn("backend conn to %s, db-%d reader exit: %s", b->addr, b->db, why);
	drop_conn(b);
	uv_timer_stop(&b->timer);
	b->state = BROKEN;
	fail_all(b, why);
	leave_if_done(b);
}

static void dial_later(struct backend *b)
{
	if (++b->fails <= QUICK_TRIES) {
		b->state = DIALING;
		uv_timer_start(&b->timer, on_timer, 0, 0);
		return;
	}
	b->pause_ms = b->pause_ms * 2 < PAUSE_MIN_MS ? PAUSE_MIN_MS : b->pause_ms * 2;
	if (b->pause_ms > PAUSE_MAX_MS)
		b->pause_ms = PAUSE_MAX_MS;
	b->state = PAUSED;
	uv_timer_start(&b->timer, on_timer, (uint64_t)b->pause_ms, 0);
}

static void dial_failed(struct backend *b, const char *why)
{
	golog_warn("backend conn to %s, db-%d writer exit: dial: %s", b->addr, b->db, why);
	drop_conn(b);
	fail_all(b, reset);
	if (!leave_if_done(b))
		dial_later(b);
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static bool starts_with(const struct buf *b, const char *text)
{
	return b->len >= strlen(text) && memcmp(b->data, text, strlen(text)) == 0;
}

static void on_reply(struct backend *b, struct conn *c)
{
	struct unit *u;

	if (b->handshake) {
		if (*c->reply.data == '-')
			dial_failed(b, c->reply.data);
		else if (--b->handshake == 0)
			b->fails = b->pause_ms = 0;
		return;
	}
	u = take_first(b);
	if (!u)
		return; /* nobody has asked: let it pass */
	if (starts_with(&c->reply, "-MASTERDOWN") || starts_with(&c->reply, "-LOADING"))
		b->stale = true;
	u->len = c->reply.len;
	u->reply = malloc(u->len + 1);
	if (!u->reply)
		golog_panic("no memory");
	memcpy(u->reply, c->reply.data, u->len + 1);
	finish(b, u);
}

static void on_data(struct backend *b, struct conn *c, const char *data, size_t len)
{
	void *got = NULL;

	b->waiting_since = uv_now(&b->p->loop);
	redisReaderFeed(c->reader, data, len);
	while (c->b && redisReaderGetReply(c->reader, &got) == REDIS_OK && got) {
		on_reply(b, c);
		buf_reset(&c->reply);
	}
	if (c->b && c->reader->err)
		lose(b, "backend conn failure, bad resp");
	else if (c->b)
		leave_if_done(b);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	static char space[READ_SIZE]; /* used up before the next read */

	(void)handle;
	(void)suggested;
	*out = uv_buf_init(space, sizeof(space));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
	struct conn *c = stream->data;
	struct backend *b = c->b;
	char why[320];

	if (!b || n == 0)
		return;
	if (n > 0) {
		b->p->now_ns = uv_hrtime();
		on_data(b, c, data->base, (size_t)n);
		return;
	}
	if (n == UV_EOF)
		snprintf(why, sizeof(why), "backend conn failure, EOF");
	else
		snprintf(why, sizeof(why), "backend conn failure, read tcp %s->%s: read: %s", c->local, c->remote,
			 uv_strerror((int)n));
	if (STAILQ_FIRST(&b->units) || b->handshake) {
		lose(b, why);
		return;
	}
	uv_read_stop(stream);
	b->state = LOST;
	leave_if_done(b);
}

/* --- dialling ----------------------------------------------------------------------------------------------------- */

static void name_ends(struct conn *c)
{
	struct sockaddr_in sin = { 0 };
	int len = sizeof(sin);
	char ip[48] = "";

	if (uv_tcp_getsockname(&c->tcp, (struct sockaddr *)&sin, &len) == 0)
		uv_ip4_name(&sin, ip, sizeof(ip));
	snprintf(c->local, sizeof(c->local), "%s:%d", ip, ntohs(sin.sin_port));
	snprintf(c->remote, sizeof(c->remote), "%s", c->b->addr);
}

/* Goes out before the requests that have been collected. */
static void greet(struct backend *b, struct conn *c)
{
	BUF_CLEANUP struct buf collected = c->out.next;
	char db[16];

	buf_init(&c->out.next, WIRE_MAX);
	if (*b->p->product_auth) {
		wire_array(&c->out.next, 2);
		wire_word(&c->out.next, "AUTH");
		wire_word(&c->out.next, b->p->product_auth);
		b->handshake++;
	}
	if (b->db) {
		snprintf(db, sizeof(db), "%d", b->db);
		wire_array(&c->out.next, 2);
		wire_word(&c->out.next, "SELECT");
		wire_word(&c->out.next, db);
		b->handshake++;
	}
	buf_add(&c->out.next, collected.data, collected.len);
	if (c->out.next.len)
		outlet_mark(b->p, &c->out);
}

static void watch_timeout(struct backend *b)
{
	b->waiting_since = uv_now(&b->p->loop);
	if (b->p->recv_timeout_ms)
		uv_timer_start(&b->timer, on_timer, (uint64_t)b->p->recv_timeout_ms, 0);
}

static void on_connect(uv_connect_t *req, int status)
{
	struct conn *c = req->data;
	struct backend *b = c->b;

	if (!b || status == UV_ECANCELED)
		return;
	uv_timer_stop(&b->timer);
	if (status < 0) {
		dial_failed(b, uv_strerror(status));
		return;
	}
	b->state = UP;
	b->stale = false;
	b->handshake = 0;
	uv_tcp_nodelay(&c->tcp, 1);
	uv_tcp_keepalive(&c->tcp, 1, 75);
	name_ends(c);
	greet(b, c);
	if (!b->handshake)
		b->fails = b->pause_ms = 0;
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
	if (STAILQ_FIRST(&b->units) || b->handshake)
		watch_timeout(b);
	leave_if_done(b);
}

static void on_write_broken(struct outlet *o)
{
	struct conn *c = o->stream->data;

	if (c->b)
		lose(c->b, "backend conn failure, write: broken pipe");
}

static void dial(struct backend *b)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct sockaddr_in sin;
	struct error err = ERROR_INIT;
	char host[64];
	uint16_t port = 0;

	if (!c)
		golog_panic("no memory");
	b->state = DIALING;
	b->c = c;
	c->b = b;
	uv_tcp_init(&b->p->loop, &c->tcp);
	c->tcp.data = c->connect.data = c;
	outlet_init(&c->out, (uv_stream_t *)&c->tcp);
	c->out.broken = on_write_broken;
	buf_init(&c->reply, WIRE_MAX);
	c->reader = wire_reply_reader(&c->reply);
	if (addr_split(b->addr, host, sizeof(host), &port, &err) < 0 || uv_ip4_addr(host, port, &sin) < 0 ||
	    uv_tcp_connect(&c->connect, &c->tcp, (struct sockaddr *)&sin, on_connect) < 0)
		dial_failed(b, "bad address");
	else
		uv_timer_start(&b->timer, on_timer, DIAL_MS, 0);
}

/* One timer, whose meaning is the state's: no reply, no connection, or time to dial. */
static void on_timer(uv_timer_t *timer)
{
	struct backend *b = timer->data;
	uint64_t now = uv_now(&b->p->loop), due = b->waiting_since + (uint64_t)b->p->recv_timeout_ms;
	char why[320];

	if (b->state == UP) {
		if (!STAILQ_FIRST(&b->units) && !b->handshake)
			return;
		if (now < due) {
			uv_timer_start(timer, on_timer, due - now, 0);
			return;
		}
		snprintf(why, sizeof(why), "backend conn failure, read tcp %s->%s: i/o timeout", b->c->local,
			 b->c->remote);
		lose(b, why);
	} else if (b->c) {
		dial_failed(b, "i/o timeout");
	} else {
		dial(b);
	}
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void send_unit(struct backend *b, struct unit *u, const char *wire, size_t len)
{
	bool first = !STAILQ_FIRST(&b->units);

	u->backend = b;
	STAILQ_INSERT_TAIL(&b->units, u, next);
	buf_add(&b->c->out.next, wire, len);
	if (b->state != UP)
		return;
	outlet_mark(b->p, &b->c->out);
	if (!first)
		return;
	b->waiting_since = uv_now(&b->p->loop);
	if (b->p->recv_timeout_ms && !uv_is_active((uv_handle_t *)&b->timer))
		watch_timeout(b);
}

/* While a dial is due (fails 1 to 10) there is no connection yet to collect requests for. */
static void ensure_conn(struct backend *b)
{
	if (b->c)
		return;
	uv_timer_stop(&b->timer);
	dial(b);
}

void backend_push(struct backend *b, struct unit *u, const char *wire, size_t len)
{
	char why[320];

	switch (b->state) {
	case DIALING:
		ensure_conn(b);
		if (b->c)
			send_unit(b, u, wire, len);
		else
			fail(b, u, reset);
		break;
	case UP: send_unit(b, u, wire, len); break;
	case LOST:
		snprintf(why, sizeof(why), "backend conn failure, EOF");
		drop_conn(b);
		b->state = BROKEN;
		fail(b, u, why);
		break;
	case BROKEN:
		snprintf(why, sizeof(why), "backend conn failure, set tcp %s: use of closed network connection",
			 b->addr);
		dial_later(b);
		fail(b, u, why);
		break;
	case PAUSED: fail(b, u, reset); break;
	}
}

static struct backend *backend_new(struct proxy *p, const char *addr, int db)
{
	struct backend *b = calloc(1, sizeof(*b));

	if (!b)
		golog_panic("no memory");
	b->p = p;
	b->db = db;
	snprintf(b->addr, sizeof(b->addr), "%s", addr);
	STAILQ_INIT(&b->units);
	uv_timer_init(&p->loop, &b->timer);
	b->timer.data = b;
	golog_warn("backend conn to %s, db-%d start service", addr, db);
	dial(b);
	return b;
}

/* --- keeping alive: a PING, or an INFO that finds out whether a replica has its master again ---------------------- */

static void on_kept(struct proxy *p, struct unit *u)
{
	(void)p;
	free(u->reply);
	free(u);
}

/* A link may be down and its backend gone by now: u->ctx is only compared, not followed, unless it is still listed. */
static void on_info(struct proxy *p, struct unit *u)
{
	struct link *l;

	if (u->reply && *u->reply == '$' && !strstr(u->reply, "master_link_status:down") &&
	    !strstr(u->reply, "loading:1")) {
		TAILQ_FOREACH(l, &p->links, next)
			for (int i = 0; i < p->dbs; i++)
				if (l->dbs[i] && l->dbs[i] == u->ctx)
					l->dbs[i]->stale = false;
	}
	on_kept(p, u);
}

static void keep_alive(struct backend *b)
{
	static const char ping[] = "*1\r\n$4\r\nPING\r\n", info[] = "*1\r\n$4\r\nINFO\r\n";
	struct unit *u = calloc(1, sizeof(*u));

	if (!u)
		return;
	u->ctx = b;
	u->done = b->stale ? on_info : on_kept;
	backend_push(b, u, b->stale ? info : ping, sizeof(ping) - 1);
}

void links_keep_alive(struct proxy *p)
{
	struct link *l;

	TAILQ_FOREACH(l, &p->links, next)
		for (int i = 0; i < p->dbs; i++)
			if (l->dbs[i])
				keep_alive(l->dbs[i]);
}

/* --- links: what slots share -------------------------------------------------------------------------------------- */

struct link *link_find(struct proxy *p, const char *addr, bool replica)
{
	struct link *l;

	TAILQ_FOREACH(l, &p->links, next)
		if (l->replica == replica && strcmp(l->addr, addr) == 0)
			return l;
	return NULL;
}

struct link *link_retain(struct proxy *p, const char *addr, bool replica)
{
	struct link *l = link_find(p, addr, replica);

	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			golog_panic("no memory");
		snprintf(l->addr, sizeof(l->addr), "%s", addr);
		l->replica = replica;
		l->dbs[0] = backend_new(p, addr, 0);
		TAILQ_INSERT_TAIL(&p->links, l, next);
	}
	l->refs++;
	return l;
}

void link_release(struct proxy *p, struct link *l)
{
	if (!l || --l->refs)
		return;
	TAILQ_REMOVE(&p->links, l, next);
	for (int i = 0; i < p->dbs; i++) {
		if (!l->dbs[i])
			continue;
		l->dbs[i]->leaving = true;
		leave_if_done(l->dbs[i]);
	}
	free(l);
}

struct backend *link_backend(struct proxy *p, struct link *l, int db, bool must)
{
	if (!l)
		return NULL;
	if (!l->dbs[db])
		l->dbs[db] = backend_new(p, l->addr, db);
	if (must || (l->dbs[db]->state == UP && !l->dbs[db]->stale))
		return l->dbs[db];
	return NULL;
}
