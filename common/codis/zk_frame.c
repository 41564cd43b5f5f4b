#include "common/codis/zk_frame.h"

#include <string.h>

#include "common/base/error.h"

#define XID_WATCH (-1)
#define XID_PING  (-2)

#define STAT_SIZE    68
#define CONNECT_SIZE 36 /* members of 3.4 and later add a byte: whether they are read-only */

/* Reading never goes past the end; what was read past it is 0, and shows in `bad`. */
struct reader {
	const unsigned char *at;
	size_t left;
	bool bad;
};

static const unsigned char *take(struct reader *r, size_t n)
{
	const unsigned char *at = r->at;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return at;
}

static uint64_t take_number(struct reader *r, size_t bytes)
{
	const unsigned char *at = take(r, bytes);
	uint64_t v = 0;

	for (size_t i = 0; at && i < bytes; i++)
		v = v << 8 | at[i];
	return v;
}

static int32_t take_int(struct reader *r)
{
	return (int32_t)take_number(r, 4);
}

static int64_t take_long(struct reader *r)
{
	return (int64_t)take_number(r, 8);
}

static int cut_short(const char *what, struct error *err)
{
	return error_set(err, ERR_PROTOCOL, "%s that is cut short", what);
}

/* A string that C can hold: none of it is NUL. */
static int check_string(struct reader *r, const char *what, size_t max, char never, struct error *err)
{
	int32_t len = take_int(r);
	const unsigned char *s;

	if (r->bad)
		return cut_short(what, err);
	if (len <= 0)
		return error_set(err, ERR_PROTOCOL, "%s of %d bytes", what, len);
	if ((size_t)len > max)
		return error_set(err, ERR_TOOBIG, "%s of %d bytes, over the limit of %zu", what, len, max);
	s = take(r, (size_t)len);
	if (!s)
		return cut_short(what, err);
	if (memchr(s, '\0', (size_t)len) || (never && memchr(s, never, (size_t)len)))
		return error_set(err, ERR_PROTOCOL, "%s with a byte that no name has", what);
	return 0;
}

static int check_stat(struct reader *r, struct error *err)
{
	return take(r, STAT_SIZE) ? 0 : cut_short("a stat", err);
}

static int check_data(struct reader *r, struct error *err)
{
	int32_t len = take_int(r);

	if (len < -1) /* -1: the node was made without data */
		return error_set(err, ERR_PROTOCOL, "data of %d bytes", len);
	if (len > (int32_t)ZK_DATA_MAX)
		return error_set(err, ERR_TOOBIG, "data of %d bytes, over the limit of %u", len, ZK_DATA_MAX);
	if (r->bad || (len > 0 && !take(r, (size_t)len)))
		return cut_short("data", err);
	return check_stat(r, err);
}

static int check_names(struct reader *r, struct error *err)
{
	int32_t count = take_int(r);

	if (r->bad)
		return cut_short("a list of children", err);
	if (count < 0)
		return error_set(err, ERR_PROTOCOL, "%d children", count);
	if (count > ZK_NAMES_MAX)
		return error_set(err, ERR_TOOBIG, "%d children, over the limit of %d", count, ZK_NAMES_MAX);
	for (int32_t i = 0; i < count; i++) {
		if (check_string(r, "a child's name", ZK_NAME_MAX, '/', err) < 0)
			return -1;
	}
	return check_stat(r, err);
}

static int check_body(enum zk_kind due, struct reader *r, struct error *err)
{
	switch (due) {
	case ZK_DATA: return check_data(r, err);
	case ZK_STAT: return check_stat(r, err);
	case ZK_NAMES: return check_names(r, err);
	case ZK_PATH: return check_string(r, "a path", ZK_PATH_MAX, '\0', err);
	case ZK_VOID: return 0;
	case ZK_NOTHING:
	case ZK_CONNECT: break;
	}
	return error_set(err, ERR_PROTOCOL, "an answer that nobody asked for");
}

/* Created, deleted, changed, children: what a watch of ours can tell. Others are of the client's own making, the loss
 * of its session above all. */
static int check_watch(struct reader *r, struct error *err)
{
	int32_t type = take_int(r), state = take_int(r);

	(void)state;
	if (r->bad)
		return cut_short("a watch event", err);
	if (type < 1 || type > 4)
		return error_set(err, ERR_PROTOCOL, "a watch event of type %d", type);
	return check_string(r, "a watch event's path", ZK_PATH_MAX, '\0', err);
}

static int check_reply(enum zk_kind due, struct reader *r, struct zk_frame *f, struct error *err)
{
	int32_t xid = take_int(r), rc;

	f->zxid = take_long(r);
	rc = take_int(r);
	if (r->bad)
		return cut_short("a reply's header", err);
	if (xid == XID_PING)
		return 0;
	if (xid == XID_WATCH)
		return check_watch(r, err);
	if (xid < 0) /* to an authentication, or watches that were set again: neither is ever sent */
		return error_set(err, ERR_PROTOCOL, "an answer to request %d, which nobody sent", xid);
	f->answer = true;
	/* The client reads nothing behind the header of a failure; that somebody asked is to be seen all the same. */
	return check_body(rc != 0 && due > ZK_CONNECT ? ZK_VOID : due, r, err);
}

/* The client takes the numbers as they are: a time-out of 0 would make it turn without end, a read-only member would
 * make it look for another one while the loop stands still. */
static int check_connect(struct reader *r, struct error *err)
{
	size_t size = r->left;
	int32_t timeout, password;

	if (size != CONNECT_SIZE && size != CONNECT_SIZE + 1)
		return error_set(err, ERR_PROTOCOL, "a first answer of %zu bytes", size);
	take_int(r);
	timeout = take_int(r);
	take_long(r);
	password = take_int(r);
	take(r, 16);
	if (timeout < ZK_SESSION_MIN_MS || timeout > ZK_SESSION_MAX_MS)
		return error_set(err, ERR_PROTOCOL, "a session's time-out of %d ms", timeout);
	if (password != 16)
		return error_set(err, ERR_PROTOCOL, "a session's password of %d bytes", password);
	if (r->left && take_number(r, 1))
		return error_set(err, ERR_PROTOCOL, "a read-only member");
	return 0;
}

int zk_frame_check(enum zk_kind due, const void *bytes, size_t have, struct zk_frame *f, struct error *err)
{
	struct reader r = { bytes, have, false };
	int32_t len = take_int(&r);
	int rc;

	*f = (struct zk_frame){ .size = 4 };
	if (r.bad)
		return 0;
	if (len <= 0)
		return error_set(err, ERR_PROTOCOL, "a frame of %d bytes", len);
	if (len > (int32_t)ZK_FRAME_MAX)
		return error_set(err, ERR_TOOBIG, "a frame of %d bytes, over the limit of %u", len, ZK_FRAME_MAX);
	f->size = 4 + (size_t)len;
	if (have < f->size)
		return 0;
	r.left = (size_t)len;
	rc = due == ZK_CONNECT ? check_connect(&r, err) : check_reply(due, &r, f, err);
	return rc < 0 ? -1 : 1;
}
