#include "tests/unit/fake_zk.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

struct fake_zk_conn {
	uv_tcp_t tcp;
	uv_timer_t timer;
	struct fake_zk_member *m;
	struct buf in;
	bool session, closed, hanging;
	int late;     /* answers to come */
	int drips_ms; /* of its pieces so far */
	struct fake_zk_conn *next;
};

struct late {
	uv_timer_t timer;
	bool piece; /* of what was to be sent; else a whole answer */
	struct fake_zk_conn *c;
	struct buf frame;
};

/* --- bytes -------------------------------------------------------------------------------------------------------- */

void zk_int(struct buf *out, int32_t v)
{
	uint32_t n = htonl((uint32_t)v);

	assert_int_equal(buf_add(out, &n, sizeof(n)), 0);
}

void zk_long(struct buf *out, int64_t v)
{
	uint64_t n = htobe64((uint64_t)v);

	assert_int_equal(buf_add(out, &n, sizeof(n)), 0);
}

void zk_text(struct buf *out, const char *s, int len)
{
	zk_int(out, len);
	assert_int_equal(buf_add(out, s, (size_t)len), 0);
}

static int32_t get_int(const char **at)
{
	uint32_t n;

	memcpy(&n, *at, sizeof(n));
	*at += sizeof(n);
	return (int32_t)ntohl(n);
}

/* --- the tree ----------------------------------------------------------------------------------------------------- */

static struct fake_zk_node *find_in(struct fake_zk_tree *t, const char *path)
{
	for (int i = 0; i < t->count; i++) {
		if (strcmp(t->nodes[i].path, path) == 0)
			return &t->nodes[i];
	}
	return NULL;
}

struct fake_zk_node *fake_zk_find(struct fake_zk *zk, const char *path)
{
	return find_in(&zk->tree, path);
}

static struct fake_zk_node *parent_of(struct fake_zk_tree *t, const char *path)
{
	char parent[256];
	const char *slash = strrchr(path, '/');

	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	return find_in(t, parent);
}

static void release_tree(struct fake_zk_tree *t)
{
	for (int i = 0; i < t->count; i++) {
		free(t->nodes[i].path);
		free(t->nodes[i].data);
	}
	free(t->nodes);
	*t = (struct fake_zk_tree){ 0 };
}

static void set_data(struct fake_zk_node *n, const char *data, int len)
{
	free(n->data);
	n->data = malloc((size_t)len + 1);
	assert_non_null(n->data);
	memcpy(n->data, data, (size_t)len);
	n->data[len] = '\0';
	n->len = len;
}

void fake_zk_remove(struct fake_zk *zk, const char *path)
{
	struct fake_zk_tree *t = &zk->tree;
	struct fake_zk_node *n = find_in(t, path), *parent = parent_of(t, path);

	assert_non_null(n);
	t->zxid++;
	if (parent)
		parent->pzxid = t->zxid;
	free(n->path);
	free(n->data);
	*n = t->nodes[--t->count];
}

void fake_zk_put(struct fake_zk *zk, const char *path, const char *data, int len)
{
	struct fake_zk_tree *t = &zk->tree;
	struct fake_zk_node *n, *parent;

	if (find_in(t, path))
		fake_zk_remove(zk, path);
	t->nodes = realloc(t->nodes, (size_t)(t->count + 1) * sizeof(*t->nodes));
	assert_non_null(t->nodes);
	n = &t->nodes[t->count++];
	t->zxid++;
	*n = (struct fake_zk_node){ .path = strdup(path), .czxid = t->zxid, .mzxid = t->zxid, .pzxid = t->zxid };
	set_data(n, data, len);
	parent = parent_of(t, path);
	if (parent)
		parent->pzxid = t->zxid;
}

void fake_zk_freeze(struct fake_zk_member *m)
{
	const struct fake_zk_tree *t = &m->zk->tree;

	if (m->past)
		release_tree(m->past);
	else
		m->past = calloc(1, sizeof(*m->past));
	m->past->zxid = t->zxid;
	m->past->nodes = calloc((size_t)t->count, sizeof(*t->nodes));
	for (int i = 0; i < t->count; i++) {
		m->past->nodes[i] = t->nodes[i];
		m->past->nodes[i].path = strdup(t->nodes[i].path);
		m->past->nodes[i].data = NULL;
		set_data(&m->past->nodes[i], t->nodes[i].data, t->nodes[i].len);
	}
	m->past->count = t->count;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void add_stat(struct buf *out, const struct fake_zk_node *n)
{
	zk_long(out, n->czxid);
	zk_long(out, n->mzxid);
	zk_long(out, 0);
	zk_long(out, 0);
	zk_int(out, n->version);
	zk_int(out, 0);
	zk_int(out, 0);
	zk_long(out, 0);
	zk_int(out, n->len);
	zk_int(out, 0);
	zk_long(out, n->pzxid);
}

static void add_children(struct buf *out, struct fake_zk_tree *t, const char *path)
{
	size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path);
	int32_t count = 0;
	BUF_CLEANUP struct buf names = BUF_INIT(8u << 20);

	for (int i = 0; i < t->count; i++) {
		const char *p = t->nodes[i].path;

		if (strncmp(p, path, len) != 0 || p[len] != '/' || !p[len + 1] || strchr(p + len + 1, '/'))
			continue;
		zk_text(&names, p + len + 1, (int)strlen(p + len + 1));
		count++;
	}
	zk_int(out, count);
	buf_add(out, names.data, names.len);
}

#define ERR_NONODE     (-101)
#define ERR_BADVERSION (-103)
#define ERR_NODEEXISTS (-110)

static int create(struct fake_zk *zk, const char *path, const char *rest, struct buf *body)
{
	int32_t len = get_int(&rest);
	const char *slash = strrchr(path, '/');

	if (fake_zk_find(zk, path))
		return ERR_NODEEXISTS;
	if (slash != path && !parent_of(&zk->tree, path))
		return ERR_NONODE;
	fake_zk_put(zk, path, rest, len > 0 ? len : 0);
	zk_text(body, path, (int)strlen(path));
	return 0;
}

static int set(struct fake_zk *zk, struct fake_zk_node *n, const char *rest, struct buf *body)
{
	int32_t len = get_int(&rest), version;
	const char *data = rest;

	rest += len > 0 ? len : 0;
	version = get_int(&rest);
	if (version != n->version)
		return ERR_BADVERSION;
	set_data(n, data, len > 0 ? len : 0);
	n->version++;
	n->mzxid = ++zk->tree.zxid;
	add_stat(body, n);
	return 0;
}

static int serve(struct fake_zk_member *m, int op, const char *path, const char *rest, struct buf *body)
{
	struct fake_zk *zk = m->zk;
	struct fake_zk_tree *t = m->past && (op == 4 || op == 12) ? m->past : &zk->tree;
	struct fake_zk_node *n = find_in(t, path);

	if (op == 9) {
		zk_text(body, path, (int)strlen(path));
		return 0;
	}
	if (op == 1)
		return create(zk, path, rest, body);
	if (!n)
		return ERR_NONODE;
	if (op == 4) {
		zk_text(body, n->data, n->len);
		add_stat(body, n);
	} else if (op == 12) {
		add_children(body, t, path);
		add_stat(body, n);
	} else if (op == 5) {
		return set(zk, n, rest, body);
	} else if (op == 2) {
		if (get_int(&rest) != n->version)
			return ERR_BADVERSION;
		fake_zk_remove(zk, path);
	}
	return 0;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *w, int status)
{
	(void)status;
	free(w->data);
	free(w);
}

static void send_bytes(struct fake_zk_conn *c, const char *data, size_t len)
{
	uv_write_t *w = calloc(1, sizeof(*w));
	uv_buf_t b = uv_buf_init(malloc(len), (unsigned)len);

	assert_true(w && b.base);
	memcpy(b.base, data, len);
	w->data = b.base;
	if (c->closed || uv_write(w, (uv_stream_t *)&c->tcp, &b, 1, on_written) != 0)
		on_written(w, -1);
}

static void take_requests(struct fake_zk_conn *c);
static void send_late(struct fake_zk_conn *c, bool piece, int ms, const char *data, size_t len);

static void send_frame(struct fake_zk_conn *c, int xid, const struct buf *frame)
{
	BUF_CLEANUP struct buf out = BUF_INIT(16u << 20), all = BUF_INIT(16u << 20);

	buf_add(&out, frame->data, frame->len);
	if (c->m->evil)
		c->m->evil(c->m, xid, &out);
	if (!c->m->raw)
		zk_int(&all, (int32_t)out.len);
	buf_add(&all, out.data, out.len);
	if (!c->m->drip_ms && all.len)
		send_bytes(c, all.data, all.len);
	for (size_t i = 0; c->m->drip_ms && i < all.len; i += 10) {
		c->drips_ms += c->m->drip_ms;
		send_late(c, true, c->drips_ms, all.data + i, all.len - i < 10 ? all.len - i : 10);
	}
}

static void on_late_closed(uv_handle_t *h)
{
	struct late *l = h->data;

	l->c->late--;
	buf_release(&l->frame);
	free(l);
}

static void on_late(uv_timer_t *t)
{
	struct late *l = t->data;
	const char *at = l->frame.data;

	if (l->piece)
		send_bytes(l->c, l->frame.data, l->frame.len);
	else
		send_frame(l->c, get_int(&at), &l->frame);
	uv_close((uv_handle_t *)t, on_late_closed);
}

static void send_late(struct fake_zk_conn *c, bool piece, int ms, const char *data, size_t len)
{
	struct late *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->c = c;
	c->late++;
	buf_init(&l->frame, 16u << 20);
	l->piece = piece;
	buf_add(&l->frame, data, len);
	uv_timer_init(c->m->zk->uv, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, on_late, (uint64_t)ms, 0);
}

static void on_hung(uv_timer_t *t)
{
	struct fake_zk_conn *c = t->data;

	c->hanging = false;
	take_requests(c);
}

static const char *op_name(int op)
{
	return op == 1 ? "create" : op == 2 ? "delete" : op == 4 ? "get" : op == 5 ? "set" : op == 12 ? "list" : "sync";
}

static void do_request(struct fake_zk_conn *c, struct fake_zk_how how, int xid, int op, const char *path,
		       const char *rest)
{
	struct fake_zk *zk = c->m->zk;
	BUF_CLEANUP struct buf body = BUF_INIT(16u << 20), frame = BUF_INIT(16u << 20);
	int err;

	if (how.what == ZK_STALL)
		return;
	err = serve(c->m, op, path, rest, &body);
	zk_int(&frame, xid);
	zk_long(&frame, c->m->past && (op == 4 || op == 12) ? c->m->past->zxid : zk->tree.zxid);
	zk_int(&frame, err);
	if (!err)
		buf_add(&frame, body.data, body.len);
	if (how.what == ZK_LATE)
		send_late(c, false, how.ms, frame.data, frame.len);
	else if (how.what != ZK_LOST)
		send_frame(c, xid, &frame);
}

/* false: the connection stands still before it. */
static bool take_request(struct fake_zk_conn *c, const char *at)
{
	struct fake_zk *zk = c->m->zk;
	int32_t xid = get_int(&at), op = get_int(&at), len;
	BUF_CLEANUP struct buf frame = BUF_INIT(1024);
	struct fake_zk_how how = { 0 };
	char path[256];

	if (op == 11 || op == -11) {
		zk_int(&frame, xid);
		zk_long(&frame, zk->tree.zxid);
		zk_int(&frame, 0);
		send_frame(c, xid, &frame);
		return true;
	}
	len = get_int(&at);
	snprintf(path, sizeof(path), "%.*s", (int)len, at);
	if (zk->hook)
		how = zk->hook(c->m, op_name(op), path);
	if (how.what == ZK_HANG) {
		c->hanging = true;
		uv_timer_start(&c->timer, on_hung, (uint64_t)how.ms, 0);
		return false;
	}
	if (op != 9)
		buf_addf(&zk->log, "M%d %s %s\n", c->m->number, op_name(op), path);
	do_request(c, how, xid, op, path, at + len);
	return true;
}

static void begin_session(struct fake_zk_conn *c)
{
	BUF_CLEANUP struct buf frame = BUF_INIT(1024);

	c->session = true;
	c->m->sessions++;
	zk_int(&frame, 0);
	zk_int(&frame, 4000);
	zk_long(&frame, 0x1000 + c->m->sessions);
	zk_text(&frame, "0123456789abcdef", 16);
	buf_addch(&frame, 0);
	send_frame(c, 0, &frame);
}

static void take_requests(struct fake_zk_conn *c)
{
	while (!c->hanging && c->in.len >= 4) {
		const char *at = c->in.data;
		size_t len = (size_t)get_int(&at);

		if (c->in.len < 4 + len)
			return;
		if (!c->session)
			begin_session(c);
		else if (!take_request(c, at))
			return;
		buf_consume(&c->in, 4 + len);
	}
}

static void on_conn_closed(uv_handle_t *h)
{
	struct fake_zk_conn *c = h->data;

	buf_release(&c->in);
}

static void close_conn(struct fake_zk_conn *c)
{
	if (c->closed)
		return;
	c->closed = true;
	uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

static void give_room(uv_handle_t *h, size_t size, uv_buf_t *b)
{
	struct fake_zk_conn *c = h->data;

	(void)size;
	*b = uv_buf_init(buf_reserve(&c->in, 65536), 65536);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct fake_zk_conn *c = s->data;

	(void)b;
	if (n < 0) {
		/* What hangs goes on with what was read: the request is done, its answer goes nowhere. */
		uv_read_stop(s);
		if (!c->hanging)
			close_conn(c);
		return;
	}
	buf_commit(&c->in, (size_t)n);
	c->m->bytes += (uint64_t)n;
	if (c->m->deaf)
		uv_read_stop(s);
	else
		take_requests(c);
}

static void on_connection(uv_stream_t *s, int status)
{
	struct fake_zk_member *m = s->data;
	struct fake_zk_conn *c = calloc(1, sizeof(*c));

	assert_int_equal(status, 0);
	assert_non_null(c);
	c->m = m;
	buf_init(&c->in, 64u << 20);
	c->next = m->zk->conns;
	m->zk->conns = c;
	uv_tcp_init(m->zk->uv, &c->tcp);
	uv_timer_init(m->zk->uv, &c->timer);
	c->tcp.data = c->timer.data = c;
	assert_int_equal(uv_accept(s, (uv_stream_t *)&c->tcp), 0);
	uv_tcp_nodelay(&c->tcp, 1);
	uv_read_start((uv_stream_t *)&c->tcp, give_room, on_read);
}

/* --- the ensemble ------------------------------------------------------------------------------------------------- */

static void listen_at(struct fake_zk_member *m)
{
	struct sockaddr_in sin;
	int len = sizeof(sin);

	uv_ip4_addr("127.0.0.1", 0, &sin);
	uv_tcp_init(m->zk->uv, &m->listener);
	m->listener.data = m;
	assert_int_equal(uv_tcp_bind(&m->listener, (struct sockaddr *)&sin, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&m->listener, 16, on_connection), 0);
	uv_tcp_getsockname(&m->listener, (struct sockaddr *)&sin, &len);
	m->port = ntohs(sin.sin_port);
}

void fake_zk_start(struct fake_zk *zk, uv_loop_t *uv, int members)
{
	memset(zk, 0, sizeof(*zk));
	zk->uv = uv;
	zk->count = members;
	zk->tree.zxid = 100;
	buf_init(&zk->log, 1u << 20);
	for (int i = 0; i < members; i++) {
		zk->members[i].zk = zk;
		zk->members[i].number = i + 1;
		listen_at(&zk->members[i]);
	}
}

void fake_zk_servers(const struct fake_zk *zk, const char *order, char *out, size_t size)
{
	BUF_CLEANUP struct buf text = BUF_INIT(256);

	for (const char *at = order; *at; at++)
		buf_addf(&text, "%s127.0.0.1:%u", at == order ? "" : ",", zk->members[*at - '1'].port);
	snprintf(out, size, "%s", text.data);
}

void fake_zk_cut(struct fake_zk_member *m)
{
	for (struct fake_zk_conn *c = m->zk->conns; c; c = c->next) {
		if (c->m == m)
			close_conn(c);
	}
}

static bool is_late(const struct fake_zk *zk)
{
	for (const struct fake_zk_conn *c = zk->conns; c; c = c->next) {
		if (c->late)
			return true;
	}
	return false;
}

void fake_zk_stop(struct fake_zk *zk)
{
	struct fake_zk_conn *next;

	while (is_late(zk))
		uv_run(zk->uv, UV_RUN_ONCE);
	for (int i = 0; i < zk->count; i++)
		uv_close((uv_handle_t *)&zk->members[i].listener, NULL);
	for (struct fake_zk_conn *c = zk->conns; c; c = c->next) {
		close_conn(c);
		uv_close((uv_handle_t *)&c->timer, NULL);
	}
	uv_run(zk->uv, UV_RUN_DEFAULT);
	for (struct fake_zk_conn *c = zk->conns; c; c = next) {
		next = c->next;
		free(c);
	}
	for (int i = 0; i < zk->count; i++) {
		if (zk->members[i].past)
			release_tree(zk->members[i].past);
		free(zk->members[i].past);
	}
	release_tree(&zk->tree);
	buf_release(&zk->log);
}

static void on_passed(uv_timer_t *t)
{
	uv_stop(t->loop);
}

void fake_zk_pass(uv_loop_t *uv, int ms)
{
	uv_timer_t t;

	uv_timer_init(uv, &t);
	uv_timer_start(&t, on_passed, (uint64_t)ms, 0);
	uv_run(uv, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&t, NULL);
	uv_run(uv, UV_RUN_NOWAIT);
}
