#include "common/codis/coordinator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zookeeper/zookeeper.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/net/addr.h"

#define REOPEN_MS 500 /* between two attempts at a member that does not answer */

struct session {
	struct coordinator *c;
	char addr[ADDR_TEXT_MAX + 8]; /* as its client wants it */
	zhandle_t *zh;                /* NULL: closed, the timer opens it again */
	uv_timer_t timer;
	uv_poll_t *poll; /* on fd; NULL where there is none */
	int fd;
	bool connected;
};

struct call {
	struct coordinator *c;
	enum { CALL_GET, CALL_LIST, CALL_SET, CALL_CREATE, CALL_DELETE } op;
	char *path, *data;
	size_t len;
	int version;
	coordinator_done done;
	coordinator_names names;
	void *ctx;
	uv_timer_t timer;
	int tries;        /* attempts made */
	unsigned tried;   /* bit per session */
	bool verify;      /* a repeated write met a conflict: reading whether it was our own first try */
	bool parent_made; /* of a create: the parent was missing and was made */
	bool finished;
	int open; /* attempts whose completion has not come, and 1 while the timer is open */
	struct call *next, **link;
};

struct attempt {
	struct call *call;
	int session;
	int number;
};

struct coordinator {
	uv_loop_t *uv;
	char *servers;
	int session_ms, call_ms;
	void (*on_changed)(void *ctx, const char *path);
	void *ctx;
	int count, best;
	struct session sessions[COORDINATOR_MEMBERS];
	struct call *calls;
	int handles; /* uv handles still open */
	bool closing;
};

static void service(struct session *s);
static void try_next(struct call *call);

/* --- sessions: ZooKeeper's single-threaded client on libuv -------------------------------------------------------- */

static void maybe_free(struct coordinator *c)
{
	if (!c->closing || c->handles || c->calls)
		return;
	free(c->servers);
	free(c);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct session *s = h->data;

	s->c->handles--;
	maybe_free(s->c);
}

static void on_poll_closed(uv_handle_t *h)
{
	struct session *s = h->data;

	free(h);
	s->c->handles--;
	maybe_free(s->c);
}

static void drop_poll(struct session *s)
{
	if (!s->poll)
		return;
	uv_poll_stop(s->poll);
	uv_close((uv_handle_t *)s->poll, on_poll_closed);
	s->poll = NULL;
	s->fd = -1;
}

static void tell_changed(const struct coordinator *c, const char *path)
{
	if (c->on_changed && !c->closing)
		c->on_changed(c->ctx, path);
}

/* The watches of a session that is lost are lost with it, or come late. */
static void set_connected(struct session *s, bool connected)
{
	if (s->connected == connected)
		return;
	s->connected = connected;
	tell_changed(s->c, NULL);
}

static void on_watch(zhandle_t *zh, int type, int state, const char *path, void *ctx)
{
	struct session *s = ctx;

	(void)zh;
	if (type == ZOO_SESSION_EVENT)
		set_connected(s, state == ZOO_CONNECTED_STATE);
	else if (type == ZOO_CREATED_EVENT || type == ZOO_DELETED_EVENT || type == ZOO_CHANGED_EVENT ||
		 type == ZOO_CHILD_EVENT)
		tell_changed(s->c, path);
}

static void on_session_timer(uv_timer_t *t)
{
	service(t->data);
}

static void close_session(struct session *s)
{
	drop_poll(s);
	set_connected(s, false);
	if (s->zh) {
		zhandle_t *zh = s->zh;

		s->zh = NULL;
		zookeeper_close(zh); /* completes what is open with ZCLOSING */
	}
}

static void open_session(struct session *s)
{
	s->zh = zookeeper_init(s->addr, on_watch, s->c->session_ms, NULL, s, 0);
	if (s->zh)
		zoo_set_servers_resolution_delay(s->zh,
						 -1); /* an address stays what it is: else it is resolved each time */
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct session *s = poll->data;
	int zk = 0;

	uv_poll_stop(poll);
	if (status < 0 || (events & UV_READABLE))
		zk |= ZOOKEEPER_READ;
	if (status < 0 || (events & UV_WRITABLE))
		zk |= ZOOKEEPER_WRITE;
	if (s->zh)
		zookeeper_process(s->zh, zk); /* its result shows in the state, which service() reads */
	service(s);
}

static void watch_fd(struct session *s, int fd, int interest)
{
	int events = (interest & ZOOKEEPER_READ ? UV_READABLE : 0) | (interest & ZOOKEEPER_WRITE ? UV_WRITABLE : 0);

	if (s->poll && s->fd != fd)
		drop_poll(s);
	if (fd < 0 || !events)
		return;
	if (!s->poll) {
		s->poll = malloc(sizeof(*s->poll));
		if (!s->poll || uv_poll_init(s->c->uv, s->poll, fd) != 0) {
			free(s->poll);
			s->poll = NULL;
			return; /* the timer tries again */
		}
		s->poll->data = s;
		s->fd = fd;
		s->c->handles++;
	}
	uv_poll_start(s->poll, events, on_poll);
}

/* Asks the client what it waits for, and waits for that. */
static void service(struct session *s)
{
	struct timeval tv = { 0, 0 };
	int fd = -1, interest = 0, rc;
	uint64_t ms;

	if (s->c->closing)
		return;
	if (!s->zh)
		open_session(s);
	if (s->poll)
		uv_poll_stop(s->poll); /* the client may close the socket in here */
	rc = s->zh ? zookeeper_interest(s->zh, &fd, &interest, &tv) : ZINVALIDSTATE;
	if (rc == ZINVALIDSTATE || (s->zh && is_unrecoverable(s->zh))) {
		close_session(s);
		uv_timer_start(&s->timer, on_session_timer, REOPEN_MS, 0);
		return;
	}
	if (rc != ZOK)
		set_connected(s, false);
	watch_fd(s, rc == ZOK ? fd : -1, interest);
	ms = (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000;
	if (ms < 1)
		ms = 1;
	if (ms > 1000)
		ms = 1000;
	uv_timer_start(&s->timer, on_session_timer, rc == ZOK ? ms : 20, 0);
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

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

static void finish(struct call *call, const char *data, size_t len, int version, const struct error *err)
{
	if (call->finished)
		return;
	conclude(call);
	if (call->names)
		call->names(call->ctx, 0, NULL, err);
	else
		call->done(call->ctx, data, len, version, err);
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
	finish(call, NULL, 0, -1, &err);
}

/* Whether another member may know better. */
static bool is_passing(int rc)
{
	return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZINVALIDSTATE || rc == ZSESSIONEXPIRED ||
	       rc == ZCLOSING || rc == ZSESSIONMOVED;
}

/* Ends an attempt: false when its answer no longer matters. */
static bool arrived(struct attempt *a, struct call **call)
{
	bool matters;

	*call = a->call;
	matters = !(*call)->finished && a->number == (*call)->tries;
	if (matters && !(*call)->c->closing)
		(*call)->c->best = a->session;
	free(a);
	return matters;
}

/* A repeated write that meets a conflict may have met its own first try: then what is there is what we wrote. */
static bool may_be_ours(const struct call *call, int rc)
{
	return call->tries > 1 &&
	       ((call->op == CALL_SET && rc == ZBADVERSION) || (call->op == CALL_CREATE && rc == ZNODEEXISTS));
}

static void on_parent(void *ctx, const char *data, size_t len, int version, const struct error *err)
{
	struct call *call = ctx;

	(void)data;
	(void)len;
	(void)version;
	call->tried = 0;
	if (err && err->code != ERR_EXISTS)
		finish_rc(call, ZNONODE);
	else if (!call->finished)
		try_next(call);
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

static void settle(struct call *call, int rc, const char *data, size_t len, int version)
{
	if (rc == ZNONODE && call->op == CALL_CREATE && make_parent(call))
		return;
	if (is_passing(rc)) {
		try_next(call);
	} else if (call->verify && rc == ZOK) {
		if (len == call->len && memcmp(data, call->data, len) == 0)
			finish(call, data, len, version, NULL);
		else
			finish_rc(call, call->op == CALL_CREATE ? ZNODEEXISTS : ZBADVERSION);
	} else if (may_be_ours(call, rc)) {
		call->verify = true;
		call->tried = 0;
		try_next(call);
	} else if (rc == ZNONODE && call->op == CALL_DELETE && call->tries > 1) {
		finish(call, "", 0, -1, NULL);
	} else if (rc != ZOK) {
		finish_rc(call, rc);
	} else {
		finish(call, data ? data : "", len, version, NULL);
	}
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *ctx)
{
	struct call *call;
	BUF_CLEANUP struct buf text = BUF_INIT(2u << 20);

	if (arrived((struct attempt *)(uintptr_t)ctx, &call)) {
		if (rc == ZOK && len > 0)
			buf_add(&text, value, (size_t)len); /* ends with NUL, as the client's need not */
		settle(call, rc, text.data, text.len, stat ? stat->version : -1);
	}
	unref(call);
}

static void on_stat(int rc, const struct Stat *stat, const void *ctx)
{
	struct call *call;

	if (arrived((struct attempt *)(uintptr_t)ctx, &call))
		settle(call, rc, call->data, call->len, stat ? stat->version : -1);
	unref(call);
}

static void on_created(int rc, const char *value, const void *ctx)
{
	struct call *call;

	(void)value;
	if (arrived((struct attempt *)(uintptr_t)ctx, &call))
		settle(call, rc, call->data, call->len, 0);
	unref(call);
}

static void on_void(int rc, const void *ctx)
{
	struct call *call;

	if (arrived((struct attempt *)(uintptr_t)ctx, &call))
		settle(call, rc, "", 0, -1);
	unref(call);
}

static void on_names(int rc, const struct String_vector *names, const void *ctx)
{
	struct call *call;

	if (arrived((struct attempt *)(uintptr_t)ctx, &call)) {
		if (rc == ZOK && names) {
			conclude(call);
			call->names(call->ctx, names->count, (const char *const *)names->data, NULL);
		} else {
			settle(call, rc == ZOK ? ZSYSTEMERROR : rc, NULL, 0, -1);
		}
	}
	unref(call);
}

static int issue(struct call *call, zhandle_t *zh, struct attempt *a)
{
	int watch = call->c->on_changed != NULL;

	if (call->verify)
		return zoo_aget(zh, call->path, 0, on_data, a);
	switch (call->op) {
	case CALL_GET: return zoo_aget(zh, call->path, watch, on_data, a);
	case CALL_LIST: return zoo_aget_children(zh, call->path, watch, on_names, a);
	case CALL_SET: return zoo_aset(zh, call->path, call->data, (int)call->len, call->version, on_stat, a);
	case CALL_CREATE:
		return zoo_acreate(zh, call->path, call->data, (int)call->len, &ZOO_OPEN_ACL_UNSAFE, 0, on_created, a);
	case CALL_DELETE: return zoo_adelete(zh, call->path, call->version, on_void, a);
	}
	return ZBADARGUMENTS;
}

/* The connected session that was not tried yet, the best one first; -1: none. */
static int choose(const struct call *call)
{
	const struct coordinator *c = call->c;

	for (int i = 0; i < c->count; i++) {
		int at = (c->best + i) % c->count;

		if (c->sessions[at].zh && c->sessions[at].connected && !(call->tried & (1u << at)))
			return at;
	}
	return -1;
}

static void on_call_timer(uv_timer_t *t)
{
	try_next(t->data);
}

static void try_next(struct call *call)
{
	struct coordinator *c = call->c;
	int at = choose(call), rc;
	struct attempt *a;

	if (at < 0 || call->tries > 2 * COORDINATOR_MEMBERS) {
		finish_rc(call, call->tries ? ZOPERATIONTIMEOUT : ZCONNECTIONLOSS);
		return;
	}
	a = malloc(sizeof(*a));
	if (!a) {
		finish_rc(call, ZSYSTEMERROR);
		return;
	}
	call->tried |= 1u << at;
	*a = (struct attempt){ call, at, ++call->tries };
	rc = issue(call, c->sessions[at].zh, a);
	if (rc != ZOK) {
		free(a);
		uv_timer_start(&call->timer, on_call_timer, 0, 0);
		return;
	}
	call->open++;
	uv_timer_start(&call->timer, on_call_timer, (uint64_t)c->call_ms, 0);
	/* Sent in the next turn: we may be inside the client's own callback here. */
	uv_timer_start(&c->sessions[at].timer, on_session_timer, 0, 0);
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

int coordinator_get(struct coordinator *c, const char *path, coordinator_done done, void *ctx, struct error *err)
{
	struct call *call = new_call(c, path, "", 0, ctx, err);

	if (!call)
		return -1;
	call->op = CALL_GET;
	call->done = done;
	return 0;
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

int coordinator_set(struct coordinator *c, const char *path, const char *data, size_t len, int version,
		    coordinator_done done, void *ctx, struct error *err)
{
	struct call *call;

	if (version < 0)
		return error_set(err, ERR_INVALID, "ZooKeeper set %s: a write without a version is no fence", path);
	call = new_call(c, path, data, len, ctx, err);
	if (!call)
		return -1;
	call->op = CALL_SET;
	call->version = version;
	call->done = done;
	return 0;
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

int coordinator_delete(struct coordinator *c, const char *path, int version, coordinator_done done, void *ctx,
		       struct error *err)
{
	struct call *call = new_call(c, path, "", 0, ctx, err);

	if (!call)
		return -1;
	call->op = CALL_DELETE;
	call->version = version;
	call->done = done;
	return 0;
}

/* --- open and close ----------------------------------------------------------------------------------------------- */

/* The client looks a name up while the loop stands still, so it gets none. It wants IPv6 without brackets: all before
 * the last colon is the host. */
static int add_member(struct coordinator *c, const char *text, size_t len, struct error *err)
{
	struct session *s = &c->sessions[c->count];
	char member[128], host[ADDR_TEXT_MAX];
	struct addr a;

	if (c->count == COORDINATOR_MEMBERS)
		return error_set(err, ERR_INVALID, "more than %d ZooKeeper servers: %.200s", COORDINATOR_MEMBERS,
				 c->servers);
	snprintf(member, sizeof(member), "%.*s", (int)len, text);
	if (addr_parse(member, &a, err) < 0 || addr_split(member, host, sizeof(host), &a.port, err) < 0)
		return error_wrap(err, "ZooKeeper server");
	snprintf(s->addr, sizeof(s->addr), "%s:%u", host, a.port);
	s->c = c;
	s->fd = -1;
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

struct coordinator *coordinator_open(uv_loop_t *uv, const struct coordinator_config *cfg, struct error *err)
{
	struct coordinator *c = calloc(1, sizeof(*c));

	if (c) {
		c->uv = uv;
		c->session_ms = cfg->session_ms;
		c->call_ms = cfg->call_ms;
		c->on_changed = cfg->on_changed;
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
	for (int i = 0; i < c->count; i++) {
		struct session *s = &c->sessions[i];

		uv_timer_init(uv, &s->timer);
		s->timer.data = s;
		c->handles++;
		uv_timer_start(&s->timer, on_session_timer, 0, 0);
	}
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
	for (int i = 0; i < c->count; i++) {
		close_session(&c->sessions[i]);
		uv_close((uv_handle_t *)&c->sessions[i].timer, on_handle_closed);
	}
}

bool coordinator_ready(const struct coordinator *c)
{
	for (int i = 0; i < c->count; i++) {
		if (c->sessions[i].zh && c->sessions[i].connected)
			return true;
	}
	return false;
}
