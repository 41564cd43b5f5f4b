#include "common/codis/coordinator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/zk_session.h"
#include "common/net/addr.h"

/* A call is given up when all members were asked, but not before so many times the time for one: an answer that is late
 * (a disk that is slow to sync) is one all the same. */
#define PATIENCE 3
/* A write that has no answer after this part of the time for one attempt is asked of another member as well: the first
 * may have lost its power, which nobody tells. */
#define ALSO_PART 5
/* A parent that is made gets as many attempts as there are members, again. */
#define TRIES_MAX (2 * COORDINATOR_MEMBERS)
/* Deletes of which it is not known whether they will yet be done. Each is a member that hung at that moment. */
#define DOUBTS_MAX 8
/* Changes that are told in one go: each of 1,000 groups written twice. Each makes its owner read again, and a member
 * that says with each answer that it has changed since would keep us busy for ever. What is over is told as "all may
 * have changed", once a second. */
#define CHANGES_MAX   2000
#define CHANGES_PER_S 100
#define OWED_MS       1000
/* After so many sessions without a word from us the ensemble has ended ours: it counts in steps of its own. */
#define DOUBT_SESSIONS 2

struct call {
	struct coordinator *c;
	enum { CALL_GET, CALL_LIST, CALL_SET, CALL_CREATE, CALL_DELETE } op;
	char *path, *data;
	size_t len;
	int version;
	int64_t czxid; /* of a delete: which node is meant */
	coordinator_done done;
	coordinator_names names;
	void *ctx;
	uv_timer_t timer;
	uint64_t until_ms; /* it is not given up before */
	bool hurries;      /* and then it is, whoever was not asked yet */
	int tries;         /* attempts made */
	int waiting;       /* attempts whose answer may still come */
	unsigned tried;    /* bit per session */
	int refused;       /* of a write: an answer said no while another attempt may have been done; else ZOK */
	bool sent;         /* of a delete: it was asked for, so only reading tells what became of it */
	bool waits;        /* ... by an earlier call, of which that is not known */
	int sent_to;
	uint64_t sent_born; /* its session */
	bool parent_made;   /* of a create: the parent was missing and was made */
	bool finished;
	struct error last; /* why the last member gave no answer */
	int open;          /* attempts that are not over, and 1 while the timer is open */
	struct call *next, **link;
};

struct attempt {
	struct call *call;
	int session;
	int number;
	bool reads;    /* a sync goes before it */
	bool unsynced; /* and has failed */
	int parts;     /* completions to come */
};

struct doubt {
	char *path; /* NULL: free */
	uint64_t until_ms;
};

struct coordinator {
	uv_loop_t *uv;
	char *servers;
	int session_ms, call_ms;
	void (*on_changed)(void *ctx, const char *path);
	void (*on_lost)(void *ctx, const struct error *why);
	void *ctx;
	int count, best;
	struct zk_session sessions[COORDINATOR_MEMBERS];
	/* The last change that was seen or made, and when on the clock that also dates the sessions. */
	int64_t seen_zxid;
	uint64_t seen_at, clock;
	struct doubt doubts[DOUBTS_MAX];
	struct call *calls;
	double changes; /* that may yet be told */
	uint64_t changes_at_ms;
	uv_timer_t owed; /* runs while something was not told */
	int handles;     /* sessions not yet closed, and the timer */
	bool closing;
};

static void try_next(struct call *call);
static void on_call_timer(uv_timer_t *t);

static void maybe_free(struct coordinator *c)
{
	if (!c->closing || c->handles || c->calls)
		return;
	for (int i = 0; i < DOUBTS_MAX; i++)
		free(c->doubts[i].path);
	free(c->servers);
	free(c);
}

/* --- members -------------------------------------------------------------------------------------------------------
 */

static void tell_changed(const struct coordinator *c, const char *path)
{
	if (c->on_changed && !c->closing)
		c->on_changed(c->ctx, path);
}

static void on_owed(uv_timer_t *t)
{
	tell_changed(t->data, NULL);
}

static bool may_tell(struct coordinator *c)
{
	uint64_t now_ms = uv_now(c->uv);

	c->changes += (double)(now_ms - c->changes_at_ms) * CHANGES_PER_S / 1000;
	c->changes_at_ms = now_ms;
	if (c->changes > CHANGES_MAX)
		c->changes = CHANGES_MAX;
	if (c->changes < 1)
		return false;
	c->changes--;
	return true;
}

/* It came, or was lost: the watches of its session are lost with it. */
static void on_connected(struct zk_session *s)
{
	tell_changed(s->cfg.ctx, NULL);
}

static void on_failed(struct zk_session *s, const struct error *why)
{
	struct coordinator *c = s->cfg.ctx;

	if (c->on_lost && !c->closing)
		c->on_lost(c->ctx, why);
}

static void on_changed(struct zk_session *s, const char *path)
{
	struct coordinator *c = s->cfg.ctx;

	if (c->closing)
		return;
	if (may_tell(c))
		tell_changed(c, path);
	else if (!uv_is_active((uv_handle_t *)&c->owed))
		uv_timer_start(&c->owed, on_owed, OWED_MS, 0);
}

static void on_session_closed(struct zk_session *s)
{
	struct coordinator *c = s->cfg.ctx;

	c->handles--;
	maybe_free(c);
}

static void on_owed_closed(uv_handle_t *h)
{
	struct coordinator *c = h->data;

	c->handles--;
	maybe_free(c);
}

/* --- what is known of time -----------------------------------------------------------------------------------------
 */

static void see(struct coordinator *c, int64_t zxid)
{
	if (zxid <= c->seen_zxid)
		return;
	c->seen_zxid = zxid;
	c->seen_at = ++c->clock;
}

static void see_stat(struct coordinator *c, const struct Stat *stat)
{
	see(c, stat->czxid);
	see(c, stat->mzxid);
	see(c, stat->pzxid);
}

static uint64_t left_ms(const struct call *call)
{
	uint64_t now_ms = uv_now(call->c->uv);

	return call->until_ms > now_ms ? call->until_ms - now_ms : 0;
}

/* The connected session that was not tried yet, the best one first; -1: none. */
static int choose(const struct call *call)
{
	const struct coordinator *c = call->c;

	for (int i = 0; i < c->count; i++) {
		int at = (c->best + i) % c->count;

		if (zk_session_usable(&c->sessions[at]) && !(call->tried & (1u << at)))
			return at;
	}
	return -1;
}

/* Whether an answer is from before what was seen. A session that was made since cannot be, unless the ensemble itself
 * has gone back; then no other member knows better either. */
static bool is_past(const struct attempt *a)
{
	struct coordinator *c = a->call->c;
	struct zk_session *s = &c->sessions[a->session];

	if (s->frame.zxid >= c->seen_zxid)
		return false;
	if (s->born < c->seen_at) {
		zk_session_renew(s, "it is behind what was seen already");
		return true;
	}
	if (choose(a->call) >= 0)
		return true;
	c->seen_zxid = s->frame.zxid;
	c->seen_at = ++c->clock;
	tell_changed(c, NULL);
	return false;
}

/* --- deletes in doubt ----------------------------------------------------------------------------------------------
 */

static struct doubt *find_doubt(struct coordinator *c, const char *path)
{
	for (int i = 0; i < DOUBTS_MAX; i++) {
		struct doubt *d = &c->doubts[i];

		if (d->path && uv_now(c->uv) >= d->until_ms) {
			free(d->path);
			d->path = NULL;
		}
		if (path ? d->path && strcmp(d->path, path) == 0 : !d->path)
			return d;
	}
	return NULL;
}

/* It was given up without an answer. Its session is ended, so that it is not done much later. */
static void doubt(struct call *call)
{
	struct coordinator *c = call->c;
	struct zk_session *s = &c->sessions[call->sent_to];
	struct doubt *d = find_doubt(c, NULL);
	int ms = s->zh && zoo_recv_timeout(s->zh) > c->session_ms ? zoo_recv_timeout(s->zh) : c->session_ms;

	if (s->born == call->sent_born)
		zk_session_renew(s, "a delete was not answered");
	if (!d)
		d = &c->doubts[0]; /* many began at once */
	free(d->path);
	d->path = strdup(call->path);
	d->until_ms = uv_now(c->uv) + (uint64_t)ms * DOUBT_SESSIONS;
}

/* --- calls ---------------------------------------------------------------------------------------------------------
 */

static void unref(struct call *call)
{
	struct coordinator *c = call->c;

	if (--call->open)
		return;
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	free(call->path);
	free(call->data);
	free(call);
	maybe_free(c);
}

static void on_call_timer_closed(uv_handle_t *h)
{
	unref(h->data);
}

static void conclude(struct call *call)
{
	call->finished = true;
	uv_close((uv_handle_t *)&call->timer, on_call_timer_closed);
}

static void fail_call(struct call *call, const struct error *err)
{
	static const struct coordinator_stat none = { .version = -1 };

	if (call->finished)
		return;
	if (call->op == CALL_DELETE && call->sent && !call->waits && err->code == ERR_TIMEOUT)
		doubt(call);
	conclude(call);
	if (call->names)
		call->names(call->ctx, 0, NULL, err);
	else
		call->done(call->ctx, NULL, 0, &none, err);
}

static void succeed(struct call *call, const char *data, size_t len, const struct coordinator_stat *stat)
{
	conclude(call);
	call->done(call->ctx, data, len, stat, NULL);
}

static const char *op_name(const struct call *call)
{
	static const char *const names[] = { "get", "list", "set", "create", "delete" };

	return names[call->op];
}

static void finish_rc(struct call *call, int rc)
{
	struct error err = ERROR_INIT;
	enum error_code code = rc == ZNONODE             ? ERR_NOTFOUND
			       : rc == ZNODEEXISTS       ? ERR_EXISTS
			       : rc == ZBADVERSION       ? ERR_CONFLICT
			       : rc == ZNOAUTH           ? ERR_DENIED
			       : rc == ZOPERATIONTIMEOUT ? ERR_TIMEOUT
							 : ERR_IO;

	error_set(&err, code, "ZooKeeper %s %s: %s", op_name(call), call->path, zerror(rc));
	fail_call(call, &err);
}

/* No member is left to be asked, and time is up. */
static void give_up(struct call *call)
{
	bool bad = call->last.code == ERR_PROTOCOL || call->last.code == ERR_TOOBIG;

	if (call->refused != ZOK) {
		finish_rc(call, call->refused);
	} else if (call->waits) {
		error_set(&call->last, ERR_TIMEOUT,
			  "ZooKeeper delete %s: an earlier one was not answered, and may yet be done", call->path);
		fail_call(call, &call->last);
	} else if (bad && !call->sent) {
		error_wrap(&call->last, "ZooKeeper %s %s", op_name(call), call->path);
		fail_call(call, &call->last);
	} else {
		finish_rc(call, call->tries ? ZOPERATIONTIMEOUT : ZCONNECTIONLOSS);
	}
}

/* Whether another member may know better. */
static bool is_passing(int rc)
{
	return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZINVALIDSTATE || rc == ZSESSIONEXPIRED ||
	       rc == ZCLOSING || rc == ZSESSIONMOVED || rc == ZRUNTIMEINCONSISTENCY || rc == ZMARSHALLINGERROR;
}

/* Whether an attempt that is not answered may be the reason for a refusal. */
static bool may_be_ours(const struct call *call, int rc)
{
	return (call->op == CALL_SET && rc == ZBADVERSION) || (call->op == CALL_CREATE && rc == ZNODEEXISTS);
}

static void on_parent(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		      const struct error *err)
{
	struct call *call = ctx;
	struct error why = ERROR_INIT;

	(void)data;
	(void)len;
	(void)stat;
	call->tried = 0;
	if (err && err->code != ERR_EXISTS) {
		why = *err;
		error_wrap(&why, "ZooKeeper create %s: its parent", call->path);
		fail_call(call, &why);
	} else if (!call->finished) {
		try_next(call);
	}
	unref(call);
}

/* Makes the missing parent of a node to be created, then goes on. false: it has none, or it was made already. */
static bool make_parent(struct call *call)
{
	char *slash = strrchr(call->path, '/');
	int r;

	if (call->parent_made || !slash || slash == call->path)
		return false;
	call->parent_made = true;
	uv_timer_stop(&call->timer);
	call->open++;
	*slash = '\0';
	r = coordinator_create(call->c, call->path, "", 0, on_parent, call, NULL);
	*slash = '/';
	if (r < 0)
		call->open--;
	return r == 0;
}

/* --- answers -------------------------------------------------------------------------------------------------------
 */

static void part_over(struct attempt *a)
{
	struct call *call = a->call;

	if (--a->parts)
		return;
	free(a);
	unref(call);
}

/* The attempt's answer has come, or never will. rc becomes a passing failure where another member shall be asked;
 * false: nobody waits for it any more. */
static bool arrived(struct attempt *a, int *rc)
{
	struct call *call = a->call;
	struct zk_session *s = &call->c->sessions[a->session];

	call->waiting--;
	if (call->c->closing)
		return false;
	if (is_passing(*rc)) {
		call->last = s->failed;
		return !call->finished;
	}
	/* Of a write that was done this is known, whoever still waits for it. */
	if (!a->reads && *rc == ZOK)
		see(call->c, s->frame.zxid);
	if (call->finished)
		return false;
	if (a->reads && (a->unsynced || is_past(a)))
		*rc = ZCONNECTIONLOSS;
	else
		call->c->best = a->session;
	return true;
}

/* An attempt has failed. */
static void settle(struct call *call, const struct attempt *a, int rc)
{
	if (rc == ZNONODE && call->op == CALL_CREATE && make_parent(call))
		return;
	if (is_passing(rc) && call->refused != ZOK) {
		if (!call->waiting)
			finish_rc(call, call->refused);
	} else if (is_passing(rc)) {
		if (a->number == call->tries) /* of an older one: the next is under way already */
			try_next(call);
	} else if (call->waiting && may_be_ours(call, rc)) {
		call->refused = rc;
		uv_timer_start(&call->timer, on_call_timer,
			       call->hurries ? left_ms(call) : 2 * (uint64_t)call->c->call_ms, 0);
	} else {
		finish_rc(call, rc);
	}
}

/* The node that was to be deleted is read, for it is not known what became of that. */
static void judge_deleted(struct call *call, const struct attempt *a, int rc, const struct Stat *stat)
{
	static const struct coordinator_stat none = { .version = -1 };

	if (rc == ZNONODE || (rc == ZOK && stat->czxid != call->czxid))
		succeed(call, "", 0, &none);
	else if (rc == ZOK && stat->version != call->version)
		finish_rc(call, ZBADVERSION); /* nor will it be deleted any more */
	else if (rc == ZOK)
		call->tried = 0; /* it may yet be: read again when the timer says so */
	else
		settle(call, a, is_passing(rc) ? rc : ZCONNECTIONLOSS);
}

static void on_synced(int rc, const char *value, const void *ctx)
{
	struct attempt *a = (struct attempt *)(uintptr_t)ctx;

	(void)value;
	a->unsynced |= rc != ZOK;
	part_over(a);
}

static struct coordinator_stat stat_of(const struct Stat *stat)
{
	return (struct coordinator_stat){ stat->version, stat->czxid, stat->mzxid };
}

static void give_data(struct call *call, const char *value, int len, const struct Stat *stat)
{
	BUF_CLEANUP struct buf text = BUF_INIT(ZK_DATA_MAX + 1);
	struct coordinator_stat is = stat_of(stat);

	if (len > 0 && buf_add(&text, value, (size_t)len) < 0) /* ends with NUL, as the client's need not */
		finish_rc(call, ZSYSTEMERROR);
	else
		succeed(call, text.data, text.len, &is);
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *ctx)
{
	struct attempt *a = (struct attempt *)(uintptr_t)ctx;
	struct call *call = a->call;

	if (arrived(a, &rc)) {
		if (rc == ZOK)
			see_stat(call->c, stat);
		if (call->op == CALL_DELETE)
			judge_deleted(call, a, rc, stat);
		else if (rc == ZOK)
			give_data(call, value, len, stat);
		else
			settle(call, a, rc);
	}
	part_over(a);
}

static void on_names(int rc, const struct String_vector *names, const struct Stat *stat, const void *ctx)
{
	struct attempt *a = (struct attempt *)(uintptr_t)ctx;
	struct call *call = a->call;

	if (arrived(a, &rc)) {
		for (int i = 0; rc == ZOK && i < names->count; i++) {
			if (!names->data[i] || !names->data[i][0])
				rc = ZMARSHALLINGERROR; /* zk_frame_check() has seen to that */
		}
		if (rc == ZOK) {
			see_stat(call->c, stat);
			conclude(call);
			call->names(call->ctx, names->count, (const char *const *)names->data, NULL);
		} else {
			settle(call, a, rc);
		}
	}
	part_over(a);
}

static void on_stat(int rc, const struct Stat *stat, const void *ctx)
{
	struct attempt *a = (struct attempt *)(uintptr_t)ctx;
	struct call *call = a->call;

	if (arrived(a, &rc)) {
		if (rc == ZOK) {
			struct coordinator_stat is = stat_of(stat);

			see_stat(call->c, stat);
			succeed(call, call->data, call->len, &is);
		} else {
			settle(call, a, rc);
		}
	}
	part_over(a);
}

static void on_created(int rc, const char *value, const void *ctx)
{
	static const struct coordinator_stat fresh = { .version = 0 };
	struct attempt *a = (struct attempt *)(uintptr_t)ctx;

	(void)value;
	if (arrived(a, &rc)) {
		if (rc == ZOK)
			succeed(a->call, a->call->data, a->call->len, &fresh);
		else
			settle(a->call, a, rc);
	}
	part_over(a);
}

static void on_deleted(int rc, const void *ctx)
{
	static const struct coordinator_stat none = { .version = -1 };
	struct attempt *a = (struct attempt *)(uintptr_t)ctx;
	struct coordinator *c = a->call->c;
	struct doubt *d = a->call->finished && !c->closing && !is_passing(rc) ? find_doubt(c, a->call->path) : NULL;

	if (d)
		d->until_ms = 0; /* the answer is late, and definite */
	if (arrived(a, &rc)) {
		if (rc == ZOK)
			succeed(a->call, "", 0, &none);
		else
			settle(a->call, a, rc);
	}
	part_over(a);
}

/* --- attempts ------------------------------------------------------------------------------------------------------
 */

static void sync_first(struct zk_session *s, const struct call *call, struct attempt *a)
{
	if (zoo_async(s->zh, call->path, on_synced, a) != ZOK) {
		a->unsynced = true;
		return;
	}
	a->parts++;
	zk_session_expect(s, ZK_PATH);
}

static int issue_read(struct zk_session *s, const struct call *call, struct attempt *a)
{
	int watch = call->c->on_changed != NULL && call->op != CALL_DELETE, rc;

	a->reads = true;
	sync_first(s, call, a);
	rc = call->op == CALL_LIST ? zoo_aget_children2(s->zh, call->path, watch, on_names, a)
				   : zoo_aget(s->zh, call->path, watch, on_data, a);
	if (rc == ZOK)
		zk_session_expect(s, call->op == CALL_LIST ? ZK_NAMES : ZK_DATA);
	return rc;
}

static int issue_write(struct zk_session *s, struct call *call, struct attempt *a)
{
	enum zk_kind kind = ZK_VOID;
	int rc;

	if (call->op == CALL_SET) {
		rc = zoo_aset(s->zh, call->path, call->data, (int)call->len, call->version, on_stat, a);
		kind = ZK_STAT;
	} else if (call->op == CALL_CREATE) {
		rc = zoo_acreate(s->zh, call->path, call->data, (int)call->len, &ZOO_OPEN_ACL_UNSAFE, 0, on_created, a);
		kind = ZK_PATH;
	} else {
		rc = zoo_adelete(s->zh, call->path, call->version, on_deleted, a);
		call->sent = rc == ZOK;
		call->sent_to = a->session;
		call->sent_born = s->born;
	}
	if (rc == ZOK)
		zk_session_expect(s, kind);
	return rc;
}

static void on_call_timer(uv_timer_t *t)
{
	try_next(t->data);
}

/* How long one attempt is waited for before the next member is asked, too. */
static uint64_t patience_ms(const struct call *call)
{
	bool also = (call->op == CALL_SET || call->hurries) && choose(call) >= 0;
	uint64_t ms = (uint64_t)(also ? call->c->call_ms / ALSO_PART : call->c->call_ms);

	return call->hurries && left_ms(call) < ms ? left_ms(call) : ms;
}

static void ask(struct call *call, int at)
{
	struct zk_session *s = &call->c->sessions[at];
	struct attempt *a = malloc(sizeof(*a));
	bool reads = call->op == CALL_GET || call->op == CALL_LIST || call->sent;
	int rc;

	if (!a) {
		finish_rc(call, ZSYSTEMERROR);
		return;
	}
	call->tried |= 1u << at;
	*a = (struct attempt){ .call = call, .session = at, .number = ++call->tries, .parts = 1 };
	call->open++;
	rc = reads ? issue_read(s, call, a) : issue_write(s, call, a);
	if (rc == ZOK)
		call->waiting++;
	else
		part_over(a);
	uv_timer_start(&call->timer, on_call_timer, rc == ZOK ? patience_ms(call) : 0, 0);
}

static void try_next(struct call *call)
{
	uint64_t now_ms = uv_now(call->c->uv);
	bool late = call->hurries && call->tries && !left_ms(call);
	int at = call->refused != ZOK || call->tries > TRIES_MAX || late ? -1 : choose(call);

	if (call->finished)
		return;
	if (at >= 0 && !(call->sent && now_ms >= call->until_ms)) {
		ask(call, at);
	} else if (call->refused == ZOK && (call->waiting || call->sent) && now_ms < call->until_ms) {
		uint64_t ms = call->until_ms - now_ms;

		if (call->sent) {
			call->tried = 0; /* whoever is there then may be read */
			ms = ms < (uint64_t)call->c->call_ms ? ms : (uint64_t)call->c->call_ms;
		}
		uv_timer_start(&call->timer, on_call_timer, ms, 0);
	} else {
		give_up(call);
	}
}

static struct call *new_call(struct coordinator *c, const char *path, const char *data, size_t len, void *ctx,
			     struct error *err)
{
	struct call *call = calloc(1, sizeof(*call));

	if (call) {
		call->path = strdup(path);
		call->data = malloc(len + 1);
	}
	if (!call || !call->path || !call->data) {
		if (call) {
			free(call->path);
			free(call->data);
		}
		free(call);
		error_set(err, ERR_NOMEM, "ZooKeeper %s: no memory", path);
		return NULL;
	}
	if (len)
		memcpy(call->data, data, len);
	call->data[len] = '\0';
	call->len = len;
	call->c = c;
	call->ctx = ctx;
	call->until_ms = uv_now(c->uv) + (uint64_t)c->call_ms * (uint64_t)(c->count > PATIENCE ? c->count : PATIENCE);
	call->open = 1;
	call->next = c->calls;
	call->link = &c->calls;
	if (call->next)
		call->next->link = &call->next;
	c->calls = call;
	uv_timer_init(c->uv, &call->timer);
	call->timer.data = call;
	/* In the next turn of the loop, so that nothing is ever called back from within. */
	uv_timer_start(&call->timer, on_call_timer, 0, 0);
	return call;
}

static struct call *hurry(struct call *call, int ms)
{
	call->hurries = true;
	call->until_ms = uv_now(call->c->uv) + (uint64_t)ms;
	return call;
}

static struct call *new_get(struct coordinator *c, const char *path, coordinator_done done, void *ctx,
			    struct error *err)
{
	struct call *call = new_call(c, path, "", 0, ctx, err);

	if (!call)
		return NULL;
	call->op = CALL_GET;
	call->done = done;
	return call;
}

int coordinator_get(struct coordinator *c, const char *path, coordinator_done done, void *ctx, struct error *err)
{
	return new_get(c, path, done, ctx, err) ? 0 : -1;
}

int coordinator_get_within(struct coordinator *c, const char *path, int ms, coordinator_done done, void *ctx,
			   struct error *err)
{
	struct call *call = new_get(c, path, done, ctx, err);

	return call && hurry(call, ms) ? 0 : -1;
}

int coordinator_list(struct coordinator *c, const char *path, coordinator_names done, void *ctx, struct error *err)
{
	struct call *call = new_call(c, path, "", 0, ctx, err);

	if (!call)
		return -1;
	call->op = CALL_LIST;
	call->names = done;
	return 0;
}

static struct call *new_set(struct coordinator *c, const char *path, const char *data, size_t len, int version,
			    coordinator_done done, void *ctx, struct error *err)
{
	struct call *call;

	if (version < 0) {
		error_set(err, ERR_INVALID, "ZooKeeper set %s: a write without a version is no fence", path);
		return NULL;
	}
	call = new_call(c, path, data, len, ctx, err);
	if (!call)
		return NULL;
	call->op = CALL_SET;
	call->version = version;
	call->done = done;
	return call;
}

int coordinator_set(struct coordinator *c, const char *path, const char *data, size_t len, int version,
		    coordinator_done done, void *ctx, struct error *err)
{
	return new_set(c, path, data, len, version, done, ctx, err) ? 0 : -1;
}

int coordinator_set_within(struct coordinator *c, const char *path, const char *data, size_t len, int version, int ms,
			   coordinator_done done, void *ctx, struct error *err)
{
	struct call *call = new_set(c, path, data, len, version, done, ctx, err);

	return call && hurry(call, ms) ? 0 : -1;
}

int coordinator_create(struct coordinator *c, const char *path, const char *data, size_t len, coordinator_done done,
		       void *ctx, struct error *err)
{
	struct call *call = new_call(c, path, data, len, ctx, err);

	if (!call)
		return -1;
	call->op = CALL_CREATE;
	call->done = done;
	return 0;
}

int coordinator_delete(struct coordinator *c, const char *path, const struct coordinator_stat *what,
		       coordinator_done done, void *ctx, struct error *err)
{
	struct call *call;

	if (what->version < 0 || !what->czxid)
		return error_set(err, ERR_INVALID, "ZooKeeper delete %s: it is not said which node", path);
	call = new_call(c, path, "", 0, ctx, err);
	if (!call)
		return -1;
	call->op = CALL_DELETE;
	call->version = what->version;
	call->czxid = what->czxid;
	/* Only looked whether the earlier one is done. */
	call->sent = call->waits = find_doubt(c, path) || !find_doubt(c, NULL);
	call->done = done;
	return 0;
}

/* --- open and close ----------------------------------------------------------------------------------------------- */

/* The client looks a name up while the loop stands still, so it gets none. It wants IPv6 without brackets: all before
 * the last colon is the host. */
static int add_member(struct coordinator *c, const char *text, size_t len, struct error *err)
{
	struct zk_session *s = &c->sessions[c->count];
	char member[128], host[ADDR_TEXT_MAX];
	struct addr a;

	if (c->count == COORDINATOR_MEMBERS)
		return error_set(err, ERR_INVALID, "more than %d ZooKeeper servers: %.200s", COORDINATOR_MEMBERS,
				 c->servers);
	snprintf(member, sizeof(member), "%.*s", (int)len, text);
	if (addr_parse(member, &a, err) < 0 || addr_split(member, host, sizeof(host), &a.port, err) < 0)
		return error_wrap(err, "ZooKeeper server");
	snprintf(s->addr, sizeof(s->addr), "%s:%u", host, a.port);
	c->count++;
	return 0;
}

static int split_servers(struct coordinator *c, struct error *err)
{
	const char *at = c->servers;
	size_t len;

	for (; *at; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		if (len && add_member(c, at, len, err) < 0)
			return -1;
	}
	if (!c->count)
		return error_set(err, ERR_INVALID, "no ZooKeeper server is named");
	return 0;
}

static void start_sessions(struct coordinator *c)
{
	struct zk_session_config cfg = {
		.uv = c->uv,
		.session_ms = c->session_ms,
		.clock = &c->clock,
		.on_connected = on_connected,
		.on_failed = on_failed,
		.on_changed = on_changed,
		.on_closed = on_session_closed,
		.ctx = c,
	};

	uv_timer_init(c->uv, &c->owed);
	c->owed.data = c;
	c->changes = CHANGES_MAX;
	c->changes_at_ms = uv_now(c->uv);
	c->handles = 1;
	for (int i = 0; i < c->count; i++) {
		zk_session_start(&c->sessions[i], &cfg);
		c->handles++;
	}
}

struct coordinator *coordinator_open(uv_loop_t *uv, const struct coordinator_config *cfg, struct error *err)
{
	struct coordinator *c = calloc(1, sizeof(*c));

	if (c) {
		c->uv = uv;
		c->session_ms = cfg->session_ms;
		c->call_ms = cfg->call_ms;
		c->on_changed = cfg->on_changed;
		c->on_lost = cfg->on_lost;
		c->ctx = cfg->ctx;
		c->servers = strdup(cfg->servers);
	}
	if (!c || !c->servers) {
		error_set(err, ERR_NOMEM, "ZooKeeper %s: no memory", cfg->servers);
		goto fail;
	}
	if (split_servers(c, err) < 0)
		goto fail;
	zoo_set_debug_level((ZooLogLevel)0); /* what matters comes back as an error */
	start_sessions(c);
	return c;
fail:
	if (c)
		free(c->servers);
	free(c);
	return NULL;
}

void coordinator_close(struct coordinator *c)
{
	if (!c)
		return;
	/* A callback may end other calls, but with the list kept by the timers nothing is freed before the loop turns.
	 */
	c->closing = true;
	for (struct call *call = c->calls; call; call = call->next) {
		if (!call->finished)
			finish_rc(call, ZCLOSING);
	}
	uv_close((uv_handle_t *)&c->owed, on_owed_closed);
	for (int i = 0; i < c->count; i++)
		zk_session_close(&c->sessions[i]);
}

int64_t coordinator_spent_us(const struct coordinator *c)
{
	int64_t sum = 0;

	for (int i = 0; i < c->count; i++)
		sum += c->sessions[i].spent_us;
	return sum;
}

bool coordinator_hears(const struct coordinator *c, int member)
{
	return member < c->count && zk_session_usable(&c->sessions[member]);
}

bool coordinator_ready(const struct coordinator *c)
{
	for (int i = 0; i < c->count; i++) {
		if (coordinator_hears(c, i))
			return true;
	}
	return false;
}
