#include "common/codis/zk_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

/* Between two connections, doubled each time. A member that is away may be back any moment, and its return ends an
 * outage; one that cannot be understood will hardly be better in a second. */
#define AGAIN_MIN_MS     50
#define AGAIN_MAX_MS     500
#define AGAIN_BAD_MIN_MS 1000
#define AGAIN_BAD_MAX_MS 30000
/* A session that held for this long was a good one. */
#define HELD_MS 10000
/* The most that is read in one turn of the loop, so that a member that talks without end does not hold it. */
#define FRAMES_AT_ONCE 64
/* A socket that is readable though its frame is not whole is looked at again after this: it may be readable all the
 * time (SO_RCVLOWAT is a wish). */
#define PARTIAL_MS 10
/* Bytes that are looked at first; answers about Codis' nodes fit. */
#define LOOK_SIZE   4096
#define DUE_MAX     (1u << 20) /* requests under way */
#define INTEREST_MS 1000       /* the client is asked what it waits for at least this often */

static void service(struct zk_session *s);
static void on_poll(uv_poll_t *poll, int status, int events);

static void maybe_closed(struct zk_session *s)
{
	if (!s->closing || s->handles)
		return;
	buf_release(&s->due);
	buf_release(&s->seen);
	s->cfg.on_closed(s);
}

static void on_timer_closed(uv_handle_t *h)
{
	struct zk_session *s = h->data;

	s->handles--;
	maybe_closed(s);
}

static void on_poll_closed(uv_handle_t *h)
{
	struct zk_session *s = h->data;

	free(h);
	s->handles--;
	maybe_closed(s);
}

static void on_timer(uv_timer_t *t)
{
	service(t->data);
}

static void set_connected(struct zk_session *s, bool connected)
{
	if (s->connected == connected)
		return;
	s->connected = connected;
	s->connected_at_ms = connected ? uv_now(s->cfg.uv) : 0;
	s->cfg.on_connected(s);
}

static void on_watch(zhandle_t *zh, int type, int state, const char *path, void *ctx)
{
	struct zk_session *s = ctx;

	if (zh != s->zh)
		return;
	/* That it is lost shows in what the client's functions return. */
	if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE)
		set_connected(s, true);
	else if (type != ZOO_SESSION_EVENT)
		s->cfg.on_changed(s, path);
}

static void drop_socket(struct zk_session *s)
{
	if (s->poll) {
		uv_poll_stop(s->poll);
		uv_close((uv_handle_t *)s->poll, on_poll_closed);
		s->poll = NULL;
	}
	if (s->fd < 0)
		return;
	/* Else zookeeper_close() waits up to 3 s for the member to read and 1.5 s for it to close. */
	shutdown(s->fd, SHUT_RDWR);
	close(s->fd);
	s->fd = -1;
}

static void drop_handle(struct zk_session *s)
{
	zhandle_t *zh = s->zh;

	s->zh = NULL;
	drop_socket(s);
	set_connected(s, false);
	buf_release(&s->due);
	buf_release(&s->seen);
	s->partial_since_ms = 0;
	if (zh)
		zookeeper_close(zh); /* completes what is open with ZCLOSING */
}

static bool is_bad(const struct error *why)
{
	return why->code == ERR_PROTOCOL || why->code == ERR_TOOBIG;
}

static int again_ms(const struct zk_session *s)
{
	bool bad = is_bad(&s->failed);
	int ms = bad ? AGAIN_BAD_MIN_MS : AGAIN_MIN_MS, max = bad ? AGAIN_BAD_MAX_MS : AGAIN_MAX_MS;

	for (int i = 1; i < s->failures && ms < max; i++)
		ms *= 2;
	return ms < max ? ms : max;
}

/* Ends the session and, after a while, makes another. */
static void fail(struct zk_session *s, const struct error *why)
{
	uint64_t held_ms = s->connected_at_ms ? uv_now(s->cfg.uv) - s->connected_at_ms : 0;

	s->failed = *why;
	error_wrap(&s->failed, "ZooKeeper member %s", s->addr);
	s->failures = held_ms >= HELD_MS ? 1 : s->failures + 1;
	if (s->connected || is_bad(why))
		s->cfg.on_failed(s, &s->failed);
	drop_handle(s);
	if (!s->closing)
		uv_timer_start(&s->timer, on_timer, (uint64_t)again_ms(s), 0);
}

static void fail_rc(struct zk_session *s, int rc)
{
	struct error err = ERROR_INIT;

	error_set(&err,
		  rc == ZOPERATIONTIMEOUT       ? ERR_TIMEOUT
		  : rc == ZRUNTIMEINCONSISTENCY ? ERR_PROTOCOL /* an answer to another question than was due */
						: ERR_IO,
		  "%s", zerror(rc));
	fail(s, &err);
}

/* --- frames --------------------------------------------------------------------------------------------------------
 */

static enum zk_kind due_kind(const struct zk_session *s)
{
	if (zoo_state(s->zh) != ZOO_CONNECTED_STATE)
		return ZK_CONNECT;
	return s->due.len ? (enum zk_kind)s->due.data[0] : ZK_NOTHING;
}

/* Wakes us when so much is there; the kernel makes room for it. */
static int want(struct zk_session *s, size_t size, struct error *err)
{
	int lowat = (int)size, is = 0;
	socklen_t len = sizeof(is);

	if (lowat == s->lowat)
		return 0;
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)) < 0 ||
	    getsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &is, &len) < 0)
		return error_errno(err, errno, "SO_RCVLOWAT");
	if (is < lowat)
		return error_set(err, ERR_TOOBIG, "a frame of %zu bytes, more than a socket holds here (tcp_rmem)",
				 size);
	s->lowat = lowat;
	return 0;
}

/* What has come and was not read: how much of it, at most so much; 0: nothing; -1 and *err. */
static ssize_t look(struct zk_session *s, size_t max, struct error *err)
{
	ssize_t n;
	char *room;

	buf_reset(&s->seen);
	room = buf_reserve(&s->seen, max);
	if (!room)
		return error_set(err, ERR_NOMEM, "no memory for a frame");
	n = recv(s->fd, room, max, MSG_PEEK | MSG_DONTWAIT);
	if (n > 0) {
		buf_commit(&s->seen, (size_t)n);
		return n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n == 0 ? error_set(err, ERR_IO, "it has closed the connection") : error_errno(err, errno, "recv");
}

/* 1: the next frame is whole, and right; 0: not yet; -1 and *err. */
static int next_frame(struct zk_session *s, struct error *err)
{
	size_t max = LOOK_SIZE;

	for (;;) {
		ssize_t n = look(s, max, err);
		int r = n > 0 ? zk_frame_check(due_kind(s), s->seen.data, (size_t)n, &s->frame, err) : (int)n;

		if (r != 0 || n == 0)
			return r;
		if (s->frame.size <= max)
			return 0;
		max = s->frame.size;
	}
}

/* The rest of a frame has not come. */
static int await_rest(struct zk_session *s, bool ended, struct error *err)
{
	if (ended)
		return error_set(err, ERR_IO, "it has closed the connection within a frame");
	if (!s->partial_since_ms)
		s->partial_since_ms = uv_now(s->cfg.uv);
	return want(s, s->frame.size, err);
}

static void finish_frame(struct zk_session *s)
{
	s->partial_since_ms = 0;
	if (s->frame.answer)
		buf_consume(&s->due, 1);
	if (s->seen.len > LOOK_SIZE)
		buf_release(&s->seen);
}

/* Gives the client what has come whole. ended: nothing more will come. -1: the session has failed, or was closed from
 * within. */
static int read_frames(struct zk_session *s, bool ended)
{
	struct error err = ERROR_INIT;
	zhandle_t *zh = s->zh;

	for (int i = 0; i < FRAMES_AT_ONCE && !s->broken; i++) {
		int r = next_frame(s, &err), rc;

		if (r == 0 && s->seen.len)
			r = await_rest(s, ended, &err);
		if (r == 0)
			return 0;
		if (r > 0 && s->lowat > 1)
			r = want(s, 1, &err) < 0 ? -1 : 1;
		if (r < 0) {
			fail(s, &err);
			return -1;
		}
		finish_frame(s);
		rc = zookeeper_process(zh, ZOOKEEPER_READ);
		if (s->zh != zh)
			return -1;
		if (rc != ZOK) {
			fail_rc(s, rc);
			return -1;
		}
	}
	return 0;
}

/* --- the client on the loop ----------------------------------------------------------------------------------------
 */

static void process(struct zk_session *s, int status, int events)
{
	zhandle_t *zh = s->zh;
	int rc = ZOK;

	if (!zh)
		return;
	/* While it connects, an error shows as one in writing. */
	if (status < 0 || (events & UV_WRITABLE) || zoo_state(zh) == ZOO_CONNECTING_STATE)
		rc = zookeeper_process(zh, ZOOKEEPER_WRITE);
	if (s->zh != zh)
		return;
	if (rc != ZOK) {
		fail_rc(s, rc);
		return;
	}
	if ((status < 0 || (events & (UV_READABLE | UV_DISCONNECT))) && zoo_state(zh) != ZOO_CONNECTING_STATE &&
	    read_frames(s, status < 0 || (events & UV_DISCONNECT)) < 0)
		return;
	if (s->partial_since_ms)
		uv_timer_start(&s->timer, on_timer, PARTIAL_MS, 0);
	else
		service(s);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct zk_session *s = poll->data; /* it outlives what is called, for it is freed when its handles are closed */
	int64_t began_us = clock_thread_us();

	uv_poll_stop(poll);
	process(s, status, events);
	s->spent_us += clock_thread_us() - began_us;
}

static int open_socket(struct zk_session *s, int fd, struct error *err)
{
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (s->fd < 0)
		return error_errno(err, errno, "dup");
	s->lowat = 1;
	s->poll = malloc(sizeof(*s->poll));
	if (!s->poll || uv_poll_init(s->cfg.uv, s->poll, s->fd) != 0) {
		free(s->poll);
		s->poll = NULL;
		return error_set(err, ERR_NOMEM, "its socket cannot be watched");
	}
	s->poll->data = s;
	s->handles++;
	return 0;
}

static int open_handle(struct zk_session *s, struct error *err)
{
	s->zh = zookeeper_init(s->addr, on_watch, s->cfg.session_ms, NULL, s, 0);
	if (!s->zh)
		return error_errno(err, errno, "zookeeper_init");
	/* An address stays what it is: else it is resolved each time. */
	zoo_set_servers_resolution_delay(s->zh, -1);
	buf_init(&s->due, DUE_MAX);
	buf_init(&s->seen, ZK_FRAME_MAX + 4);
	s->born = ++*s->cfg.clock;
	s->broken = NULL;
	return 0;
}

/* Whether the client still has the connection that it was given. It would go on with another one. */
static bool is_intact(const struct zk_session *s)
{
	int state = zoo_state(s->zh);

	return s->fd < 0 || state == ZOO_CONNECTING_STATE || state == ZOO_ASSOCIATING_STATE ||
	       state == ZOO_CONNECTED_STATE;
}

/* Asks the client what it waits for. */
static int interest(struct zk_session *s, int *events, uint64_t *ms, struct error *err)
{
	struct timeval tv = { 0, 0 };
	int fd = -1, wanted = 0, rc;

	if (!s->zh && open_handle(s, err) < 0)
		return -1;
	if (s->broken || !is_intact(s))
		return error_set(err, ERR_IO, "%s", s->broken ? s->broken : "the connection is lost");
	if (s->partial_since_ms && uv_now(s->cfg.uv) - s->partial_since_ms > (uint64_t)s->cfg.session_ms)
		return error_set(err, ERR_TIMEOUT, "the rest of a frame of %zu bytes did not come", s->frame.size);
	rc = zookeeper_interest(s->zh, &fd, &wanted, &tv);
	if (!s->closing && (rc != ZOK || fd < 0))
		return error_set(err, rc == ZOPERATIONTIMEOUT ? ERR_TIMEOUT : ERR_IO, "%s",
				 rc == ZOK ? "no socket" : zerror(rc));
	if (s->closing)
		return 0; /* from within */
	if (s->fd < 0 && open_socket(s, fd, err) < 0)
		return -1;
	*events = UV_DISCONNECT | (wanted & ZOOKEEPER_READ ? UV_READABLE : 0) |
		  (wanted & ZOOKEEPER_WRITE ? UV_WRITABLE : 0);
	*ms = (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000;
	return 0;
}

static void service(struct zk_session *s)
{
	struct error err = ERROR_INIT;
	uint64_t ms = INTEREST_MS;
	int events = 0;

	if (s->closing)
		return;
	if (interest(s, &events, &ms, &err) < 0) {
		fail(s, &err);
		return;
	}
	if (s->closing || !s->poll)
		return; /* closed from within */
	ms = ms < 1 ? 1 : ms > INTEREST_MS ? INTEREST_MS : ms;
	uv_poll_start(s->poll, events, on_poll);
	uv_timer_start(&s->timer, on_timer, ms, 0);
}

/* --- for its owner -------------------------------------------------------------------------------------------------
 */

void zk_session_start(struct zk_session *s, const struct zk_session_config *cfg)
{
	s->cfg = *cfg;
	s->fd = -1;
	buf_init(&s->due, DUE_MAX);
	buf_init(&s->seen, ZK_FRAME_MAX + 4);
	uv_timer_init(cfg->uv, &s->timer);
	s->timer.data = s;
	s->handles = 1;
	uv_timer_start(&s->timer, on_timer, 0, 0);
}

/* In the next turn: we may be inside the client's own callback here. */
static void break_off(struct zk_session *s, const char *why)
{
	if (!s->zh || s->broken || s->closing)
		return;
	s->broken = why;
	uv_timer_start(&s->timer, on_timer, 0, 0);
}

void zk_session_renew(struct zk_session *s, const char *why)
{
	break_off(s, why);
}

void zk_session_expect(struct zk_session *s, enum zk_kind kind)
{
	if (buf_addch(&s->due, (char)kind) < 0)
		break_off(s, "too much is asked at once");
	else if (!s->broken)
		uv_timer_start(&s->timer, on_timer, 0, 0);
}

bool zk_session_usable(const struct zk_session *s)
{
	return s->zh && s->connected && !s->broken;
}

void zk_session_close(struct zk_session *s)
{
	s->closing = true;
	error_set(&s->failed, ERR_IO, "closed");
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
	drop_handle(s);
}
