#include <hiredis/read.h>

#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/proxy.h"
#include "tests/codis-sim/wire.h"

enum { READ_SIZE = 64 << 10, CLOGGED = 4 << 20, RETRY_MS = 2 };

/* A client. Commands are read one after the other; one that meets a locked slot, or a key on its way, holds up those
 * behind it. Replies go out in the order of the commands. */
struct session {
	struct proxy *p;
	uv_tcp_t tcp;
	uv_timer_t retry;
	struct outlet out;
	redisReader *reader;
	struct buf wire;
	struct command_line line;  /* the command that is being dispatched */
	struct request_state *req; /* ... NULL: none */
	int part;                  /* its next unit */
	struct requests queue;
	int queued;
	int db;
	bool authorized, at_end /* of what is read */, closing;
	int open_handles;

	struct sessions *held_in; /* the list that this one waits in */
	TAILQ_ENTRY(session) waiting;
	struct pslot *passing; /* asks the old server of this slot */
	bool passed;           /* has asked for this part */
	bool answered;         /* ... and that was the answer already */
	bool choked;           /* more has come than is held for it */
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data);
static void process(struct session *s);
static void dispatch(struct session *s);
static void pump(struct session *s);

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void request_free(struct request_state *r)
{
	for (int i = 0; i < r->n_units; i++)
		free(r->units[i].reply);
	if (r->units != &r->one)
		free(r->units);
	free(r->own);
	free(r);
}

static void free_if_done(struct session *s)
{
	if (s->open_handles || s->passing)
		return;
	outlet_release(&s->out);
	redisReaderFree(s->reader);
	line_release(&s->line);
	buf_release(&s->wire);
	free(s);
}

static void on_closed(uv_handle_t *handle)
{
	struct session *s = handle->data;

	s->open_handles--;
	free_if_done(s);
}

static void unhold(struct session *s)
{
	if (s->held_in)
		TAILQ_REMOVE(s->held_in, s, waiting);
	s->held_in = NULL;
}

/* Requests that are still at servers end without their session. */
static void abandon(struct session *s)
{
	struct request_state *r;

	s->req = NULL;
	while ((r = STAILQ_FIRST(&s->queue))) {
		STAILQ_REMOVE_HEAD(&s->queue, next);
		r->session = NULL;
		r->dispatching = false;
		if (!r->waiting)
			request_free(r);
	}
	s->queued = 0;
}

static void session_close(struct session *s)
{
	if (s->closing)
		return;
	s->closing = s->at_end = true;
	s->p->sessions_alive--;
	unhold(s);
	abandon(s);
	outlet_forget(s->p, &s->out);
	uv_close((uv_handle_t *)&s->tcp, on_closed);
	uv_close((uv_handle_t *)&s->retry, on_closed);
}

/* Nothing more will be read: when the last reply is out, it ends. */
static void close_if_done(struct session *s)
{
	if (!s->closing && s->at_end && !s->req && !STAILQ_FIRST(&s->queue) && !s->out.writing && !s->out.next.len)
		session_close(s);
}

static void stop_reading(struct session *s)
{
	s->at_end = true;
	if (!s->closing)
		uv_read_stop((uv_stream_t *)&s->tcp);
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static void put_error(struct buf *out, const char *what, const char *why)
{
	buf_addf(out, "-ERR %s, %s\r\n", what, why);
}

/* The first unit that failed says why all did. */
static const char *failure(const struct request_state *r)
{
	for (int i = 0; i < r->n_units; i++)
		if (!r->units[i].reply)
			return r->units[i].error;
	return NULL;
}

static void type_name(const char *reply, char *out, size_t size)
{
	const char *name = *reply == '+'   ? "string"
			   : *reply == '-' ? "error"
			   : *reply == ':' ? "int"
			   : *reply == '$' ? "bulkbytes"
					   : "array";

	snprintf(out, size, "<%s>", name);
}

static bool bad_part(struct buf *out, const char *command, const char *reply, const char *what, size_t len)
{
	char type[16], why[96];

	type_name(reply, type, sizeof(type));
	snprintf(why, sizeof(why), "bad %s resp: %s %s = %zu", command, type, what, len);
	put_error(out, "handle response", why);
	return false;
}

/* MGET: each part is an array of one. */
static bool join_mget(const struct request_state *r, struct buf *out)
{
	for (int i = 0; i < r->n_units; i++)
		if (strncmp(r->units[i].reply, "*1\r\n", 4) != 0)
			return bad_part(out, "mget", r->units[i].reply, "array.len", 0);
	wire_array(out, r->n_units);
	for (int i = 0; i < r->n_units; i++)
		buf_add(out, r->units[i].reply + 4, r->units[i].len - 4);
	return true;
}

static bool join_mset(const struct request_state *r, struct buf *out)
{
	const struct unit *last = &r->units[r->n_units - 1];

	for (int i = 0; i < r->n_units; i++)
		if (*r->units[i].reply != '+')
			return bad_part(out, "mset", r->units[i].reply, "value.len", r->units[i].len - 3);
	buf_add(out, last->reply, last->len);
	return true;
}

static bool join_count(const struct request_state *r, struct buf *out, const char *command)
{
	int n = 0;

	for (int i = 0; i < r->n_units; i++) {
		const struct unit *u = &r->units[i];

		if (*u->reply != ':' || u->len != 4)
			return bad_part(out, command, u->reply, "value.len", u->len - 3);
		n += u->reply[1] - '0';
	}
	buf_addf(out, ":%d\r\n", n);
	return true;
}

static bool join(const struct request_state *r, struct buf *out)
{
	switch (r->command->kind) {
	case CMD_MGET: return join_mget(r, out);
	case CMD_MSET: return join_mset(r, out);
	case CMD_DEL: return join_count(r, out, "del");
	case CMD_EXISTS: return join_count(r, out, "exists");
	default: return true;
	}
}

/* False: the proxy could not do it. */
static bool put_reply(const struct request_state *r, struct buf *out)
{
	const char *why = r->own ? NULL : failure(r);

	if (r->own) {
		buf_add(out, r->own, r->own_len);
		return !r->own_failed;
	}
	if (why) {
		put_error(out, "handle response", why);
		return false;
	}
	if (r->n_units > 1)
		return join(r, out);
	buf_add(out, r->one.reply, r->one.len);
	return true;
}

static void count(struct proxy *p, const struct request_state *r, bool is_error)
{
	if (!r->command)
		return;
	r->command->calls++;
	r->command->nsecs += (int64_t)(p->now_ns - r->start_ns);
	if (is_error) {
		r->command->errors++;
		p->ops_errors++;
	}
}

static void emit(struct session *s, struct request_state *r)
{
	size_t before = s->out.next.len;
	bool fine = put_reply(r, &s->out.next);

	count(s->p, r, s->out.next.len > before && s->out.next.data[before] == '-');
	if (!fine && s->p->break_on_failure)
		stop_reading(s);
}

static void pump(struct session *s)
{
	struct request_state *r;

	while ((r = STAILQ_FIRST(&s->queue)) && !r->dispatching && !r->waiting) {
		emit(s, r);
		STAILQ_REMOVE_HEAD(&s->queue, next);
		s->queued--;
		request_free(r);
	}
	if (s->out.next.len)
		outlet_mark(s->p, &s->out);
	else
		close_if_done(s);
}

void session_unit_done(struct proxy *p, struct unit *u)
{
	struct request_state *r = u->req;

	(void)p;
	r->waiting--;
	if (r->waiting || r->dispatching)
		return;
	if (r->session)
		pump(r->session);
	else
		request_free(r);
}

/* --- replies that no server gives --------------------------------------------------------------------------------- */

static void answer(struct request_state *r, const char *reply, size_t len)
{
	free(r->own);
	r->own = malloc(len + 1);
	if (!r->own)
		golog_panic("no memory");
	memcpy(r->own, reply, len);
	r->own[len] = '\0';
	r->own_len = len;
}

static void answer_line(struct request_state *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void answer_line(struct request_state *r, const char *fmt, ...)
{
	BUF_CLEANUP struct buf b = BUF_INIT(4096);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	buf_addstr(&b, "\r\n");
	answer(r, b.data, b.len);
}

static void refuse(struct request_state *r, const char *why)
{
	answer_line(r, "-ERR handle request, %s", why);
	r->own_failed = true;
}

static void wrong_count(struct session *s)
{
	answer_line(s->req, "-ERR wrong number of arguments for '%s' command", s->req->command->name);
}

/* --- dispatching -------------------------------------------------------------------------------------------------- */

static void make_units(struct request_state *r, int n)
{
	if (r->n_units)
		return; /* it goes on */
	r->n_units = n;
	r->units = n == 1 ? &r->one : calloc((size_t)n, sizeof(*r->units));
	if (!r->units)
		golog_panic("no memory");
	for (int i = 0; i < n; i++)
		r->units[i].req = r;
}

/* Sends the next part. False: held, to be called again, or the request is refused. */
static bool send_part(struct session *s, int slot, const struct parcel *what)
{
	struct request_state *r = s->req;
	const char *why = NULL;
	enum route_result rc;

	if (s->answered) { /* by the slot's old server */
		s->answered = s->passed = false;
		s->part++;
		return true;
	}
	r->waiting++;
	rc = router_send(s->p, s, slot, &r->units[s->part], what, &why);
	if (rc == ROUTE_SENT) {
		s->passed = false;
		s->part++;
		return true;
	}
	r->waiting--;
	if (rc == ROUTE_REFUSED) {
		refuse(r, why);
		s->passed = false;
	}
	return false;
}

static void send_whole(struct session *s, int slot, int key)
{
	struct parcel what = { .wire = s->wire.data, .len = s->wire.len, .command = s->req->command };

	if (key > 0 && key < s->line.n) {
		what.key = line_data(&s->line, key);
		what.key_len = s->line.words[key].len;
		slot = slot_of_key(what.key, what.key_len);
	}
	make_units(s->req, 1);
	send_part(s, slot, &what);
}

/* A command of many keys becomes one of one key (and its value) each. */
static void send_split(struct session *s, int width)
{
	int n = (s->line.n - 1) / width;
	BUF_CLEANUP struct buf wire = BUF_INIT(WIRE_MAX);

	if (n == 1) {
		send_whole(s, 0, 1);
		return;
	}
	make_units(s->req, n);
	while (s->part < n) {
		int first = 1 + s->part * width;
		struct parcel what = { .command = s->req->command,
				       .key = line_data(&s->line, first),
				       .key_len = s->line.words[first].len };

		buf_reset(&wire);
		wire_array(&wire, 1 + width);
		wire_bulk(&wire, line_data(&s->line, 0), s->line.words[0].len);
		for (int k = 0; k < width; k++)
			wire_bulk(&wire, line_data(&s->line, first + k), s->line.words[first + k].len);
		what.wire = wire.data;
		what.len = wire.len;
		if (!send_part(s, slot_of_key(what.key, what.key_len), &what))
			return;
	}
}

/* PING ADDR, INFO ADDR, SLOTSINFO ADDR: that server, without the address. */
static void send_to(struct session *s)
{
	BUF_CLEANUP struct buf wire = BUF_INIT(WIRE_MAX);
	char addr[ADDR_SIZE];

	snprintf(addr, sizeof(addr), "%.*s", (int)s->line.words[1].len, line_data(&s->line, 1));
	wire_array(&wire, s->line.n - 1);
	for (int i = 0; i < s->line.n; i++)
		if (i != 1)
			wire_bulk(&wire, line_data(&s->line, i), s->line.words[i].len);
	make_units(s->req, 1);
	s->req->waiting++;
	if (router_send_to(s->p, addr, s->db, &s->req->one, wire.data, wire.len)) {
		s->part++;
		return;
	}
	s->req->waiting--;
	answer_line(s->req, "-ERR backend server '%s' not found", addr);
}

static void auth(struct session *s)
{
	const char *given = s->line.n == 2 ? line_data(&s->line, 1) : "";
	size_t len = s->line.n == 2 ? s->line.words[1].len : 0;

	if (s->line.n != 2) {
		wrong_count(s);
	} else if (!*s->p->session_auth) {
		answer_line(s->req, "-ERR Client sent AUTH, but no password is set");
	} else if (strlen(s->p->session_auth) != len || memcmp(s->p->session_auth, given, len) != 0) {
		s->authorized = false;
		answer_line(s->req, "-ERR invalid password");
	} else {
		s->authorized = true;
		answer_line(s->req, "+OK");
	}
}

/* Word i as a number; false when it is none. */
static bool number(const struct session *s, int i, long *n)
{
	char text[24], *end;

	snprintf(text, sizeof(text), "%.*s", (int)s->line.words[i].len, line_data(&s->line, i));
	*n = strtol(text, &end, 10);
	return *text && !*end && s->line.words[i].len < sizeof(text);
}

static void select_db(struct session *s)
{
	long n = 0;

	if (s->line.n != 2)
		wrong_count(s);
	else if (!number(s, 1, &n))
		answer_line(s->req, "-ERR invalid DB index");
	else if (n < 0 || n >= s->p->dbs)
		answer_line(s->req, "-ERR invalid DB index, only accept DB [0,%d)", s->p->dbs);
	else {
		s->db = (int)n;
		answer_line(s->req, "+OK");
	}
}

static bool slot_number(struct session *s, long *n)
{
	const char *text = line_data(&s->line, 1);
	int len = (int)s->line.words[1].len;

	if (!number(s, 1, n))
		answer_line(s->req,
			    "-ERR parse slotnum '%.*s' failed, strconv.ParseInt: parsing \"%.*s\": invalid syntax", len,
			    text, len, text);
	else if (*n < 0 || *n >= MAX_SLOTS)
		answer_line(s->req, "-ERR parse slotnum '%.*s' failed, out of range", len, text);
	else
		return true;
	return false;
}

static void put_mapping(struct session *s, int id, struct buf *out)
{
	struct slot m;

	router_snapshot(s->p, id, &m);
	buf_addf(out, "*4\r\n+%d\r\n+%s\r\n+%s\r\n", id, m.backend, m.migrate);
	wire_array(out, m.n_groups ? m.n_groups : -1);
	for (int i = 0; i < m.n_groups; i++) {
		wire_array(out, m.groups[i].count);
		for (int k = 0; k < m.groups[i].count; k++)
			buf_addf(out, "+%s\r\n", m.groups[i].addrs[k]);
	}
	slot_release(&m);
}

static void mapping(struct session *s)
{
	BUF_CLEANUP struct buf out = BUF_INIT(WIRE_MAX);
	long n = 0;

	if (s->line.n > 2) {
		wrong_count(s);
		return;
	}
	if (s->line.n == 2) {
		if (!slot_number(s, &n))
			return;
		put_mapping(s, (int)n, &out);
	} else {
		wire_array(&out, MAX_SLOTS);
		for (int i = 0; i < MAX_SLOTS; i++)
			put_mapping(s, i, &out);
	}
	answer(s->req, out.data, out.len);
}

static void scan(struct session *s)
{
	long n = 0;

	if (s->line.n <= 2)
		wrong_count(s);
	else if (slot_number(s, &n))
		send_whole(s, (int)n, 0);
}

static void ping_or_info(struct session *s)
{
	if (s->line.n == 1)
		send_whole(s, (int)(s->p->now_ns % MAX_SLOTS), 0);
	else
		send_to(s);
}

static void many(struct session *s, int width)
{
	if (s->line.n == 1 || (s->line.n - 1) % width)
		wrong_count(s);
	else
		send_split(s, width);
}

static void by_kind(struct session *s)
{
	switch (s->req->command->kind) {
	case CMD_SELECT: select_db(s); break;
	case CMD_PING:
	case CMD_INFO: ping_or_info(s); break;
	case CMD_MGET:
	case CMD_DEL:
	case CMD_EXISTS: many(s, 1); break;
	case CMD_MSET: many(s, 2); break;
	case CMD_SLOTSINFO:
		if (s->line.n != 2)
			wrong_count(s);
		else
			send_to(s);
		break;
	case CMD_SLOTSSCAN: scan(s); break;
	case CMD_SLOTSMAPPING: mapping(s); break;
	default: send_whole(s, slot_of_key("", 0), s->req->command->key); break;
	}
}

static void by_command(struct session *s)
{
	struct request_state *r = s->req;
	char why[128];

	if (!r->command) {
		refuse(r, "bad command length, too short or too long");
	} else if (r->command->refused) {
		snprintf(why, sizeof(why), "command '%s' is not allowed", r->command->name);
		refuse(r, why);
	} else if (r->command->kind == CMD_QUIT) {
		answer_line(r, "+OK");
		stop_reading(s);
	} else if (r->command->kind == CMD_AUTH) {
		auth(s);
	} else if (*s->p->session_auth && !s->authorized) {
		answer_line(r, "-NOAUTH Authentication required");
	} else {
		by_kind(s);
	}
}

/* Begins, or goes on with, the command at hand; it is done with when it is not held. */
static void dispatch(struct session *s)
{
	struct request_state *r = s->req;

	if (!r->own) /* else the old server of its slot has refused it */
		by_command(s);
	if (s->held_in || s->passing || (!r->own && s->part < r->n_units))
		return;
	r->dispatching = false;
	s->req = NULL;
	if (r->own_failed && s->p->break_on_failure)
		stop_reading(s);
	pump(s);
}

static void handle_line(struct session *s)
{
	struct request_state *r;

	s->p->ops_total++;
	if (s->queued > s->p->max_pipeline) {
		s->p->ops_fails++;
		stop_reading(s);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		golog_panic("no memory");
	r->session = s;
	r->command = commands_find(&s->p->commands, line_data(&s->line, 0), s->line.words[0].len);
	r->start_ns = s->p->now_ns;
	r->dispatching = true;
	STAILQ_INSERT_TAIL(&s->queue, r, next);
	s->queued++;
	s->req = r;
	s->part = 0;
	dispatch(s);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

int session_db(const struct session *s)
{
	return s->db;
}

void session_hold(struct session *s, struct pslot *slot)
{
	s->held_in = &slot->waiters;
	TAILQ_INSERT_TAIL(s->held_in, s, waiting);
}

void sessions_wake(struct proxy *p, struct sessions *waiting)
{
	struct session *s;

	TAILQ_FOREACH(s, waiting, waiting)
		s->held_in = &p->resuming;
	TAILQ_CONCAT(&p->resuming, waiting, waiting);
}

static void resume(struct session *s)
{
	if (s->closing || !s->req)
		return;
	dispatch(s);
	if (!s->req)
		process(s);
}

void sessions_resume(struct proxy *p)
{
	struct sessions now = TAILQ_HEAD_INITIALIZER(now);
	struct session *s;

	TAILQ_FOREACH(s, &p->resuming, waiting)
		s->held_in = &now;
	TAILQ_CONCAT(&now, &p->resuming, waiting);
	while ((s = TAILQ_FIRST(&now))) {
		unhold(s);
		resume(s);
	}
}

void session_pass_begin(struct session *s, struct pslot *slot)
{
	s->passing = slot;
	slot->passing++;
}

bool session_has_passed(const struct session *s)
{
	return s->passed;
}

static void on_retry(uv_timer_t *timer)
{
	resume(timer->data);
}

void session_pass_end(struct session *s, const char *why, const char *reply, size_t len, bool again)
{
	s->passing->passing--;
	s->passing = NULL;
	if (s->closing) {
		free_if_done(s);
		return;
	}
	if (again) {
		uv_timer_start(&s->retry, on_retry, RETRY_MS, 0);
		return;
	}
	s->passed = true;
	if (why) {
		refuse(s->req, why);
	} else if (reply) {
		struct unit *u = &s->req->units[s->part];

		u->reply = malloc(len + 1);
		if (!u->reply)
			golog_panic("no memory");
		memcpy(u->reply, reply, len);
		u->reply[len] = '\0';
		u->len = len;
		s->answered = true;
	}
	s->held_in = &s->p->resuming; /* goes on from the loop, not from within a reply */
	TAILQ_INSERT_TAIL(s->held_in, s, waiting);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A line of words, as people type it. 1: there is one; 0: not yet; -1: nonsense. */
static int read_inline(struct session *s)
{
	char *begin = s->reader->buf + s->reader->pos, *end = memchr(begin, '\n', s->reader->len - s->reader->pos);
	int n = 0;

	if (!end)
		return 0;
	if (end == begin || end[-1] != '\r')
		return -1;
	s->reader->pos += (size_t)(end + 1 - begin);
	end--;
	for (int pass = 0; pass < 2; pass++) {
		if (pass)
			line_begin(&s->line, n);
		for (char *p = begin; p < end;) {
			size_t len = 0;

			while (p + len < end && p[len] != ' ')
				len++;
			if (len && pass)
				line_word(&s->line, p, len);
			n += len && !pass;
			p += len + 1;
		}
	}
	return n ? 1 : -1;
}

/* The same three answers, for what stands next in the buffer. */
static int read_line(struct session *s)
{
	void *got = NULL;

	if (s->reader->ridx == -1 && s->reader->pos < s->reader->len && s->reader->buf[s->reader->pos] != '*')
		return read_inline(s);
	if (redisReaderGetReply(s->reader, &got) != REDIS_OK || s->line.bad)
		return -1;
	return got ? 1 : 0;
}

static size_t unread(const struct session *s)
{
	return s->reader->len - s->reader->pos;
}

static void process(struct session *s)
{
	int rc;

	while (!s->closing && !s->at_end && !s->req && s->out.next.len + s->out.under_way.len < CLOGGED) {
		rc = read_line(s);
		if (rc == 0)
			break;
		if (rc < 0)
			stop_reading(s);
		else
			handle_line(s);
	}
	if (!s->closing && !s->at_end && s->choked && unread(s) < CLOGGED) {
		s->choked = false;
		uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
	}
	close_if_done(s);
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
	struct session *s = stream->data;

	if (n > 0) {
		s->p->now_ns = uv_hrtime();
		redisReaderFeed(s->reader, data->base, (size_t)n);
		if (!s->req)
			process(s);
		if (!s->closing && !s->at_end && (s->req || s->out.writing) && unread(s) >= CLOGGED) {
			s->choked = true;
			uv_read_stop(stream);
		}
	} else if (n == UV_EOF) {
		stop_reading(s);
		close_if_done(s);
	} else if (n < 0) {
		session_close(s);
	}
}

static void on_broken(struct outlet *o)
{
	session_close(o->stream->data);
}

static void on_drained(struct outlet *o)
{
	struct session *s = o->stream->data;

	if (!s->at_end && !s->req && unread(s))
		process(s);
	else
		close_if_done(s);
}

/* A client that is not let in gets one line and the end. */
static const char *not_welcome(const struct proxy *p)
{
	if (p->sessions_alive > p->max_clients)
		return "-ERR max number of clients reached\r\n";
	if (!p->online)
		return "-ERR router is not online\r\n";
	return NULL;
}

static void welcome(struct session *s)
{
	struct proxy *p = s->p;
	const char *why;

	p->sessions_total++;
	p->sessions_alive++;
	why = not_welcome(p);
	uv_tcp_nodelay(&s->tcp, 1);
	if (!why) {
		uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
		return;
	}
	p->ops_fails++;
	s->at_end = true;
	buf_addstr(&s->out.next, why);
	outlet_mark(p, &s->out);
}

void session_accept(uv_stream_t *listener, int status)
{
	struct proxy *p = listener->data;
	struct session *s = status < 0 ? NULL : calloc(1, sizeof(*s));

	if (!s)
		return;
	s->p = p;
	STAILQ_INIT(&s->queue);
	buf_init(&s->wire, WIRE_MAX);
	s->line.wire = &s->wire;
	s->reader = wire_command_reader(&s->line);
	uv_tcp_init(&p->loop, &s->tcp);
	uv_timer_init(&p->loop, &s->retry);
	s->open_handles = 2;
	s->tcp.data = s->retry.data = s;
	outlet_init(&s->out, (uv_stream_t *)&s->tcp);
	s->out.broken = on_broken;
	s->out.drained = on_drained;
	if (uv_accept(listener, (uv_stream_t *)&s->tcp) < 0) {
		p->sessions_alive++;
		session_close(s);
		return;
	}
	welcome(s);
}
