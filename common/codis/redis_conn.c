#include "common/codis/redis_conn.h"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/net/addr.h"

struct question {
	redis_answered done;
	void *ctx;
};

struct redis_conn {
	uv_tcp_t tcp;
	uv_connect_t connect;
	char addr[ADDR_TEXT_MAX];
	struct resp *resp;
	struct question open[REDIS_OPEN_MAX];
	int open_count;
	int due; /* how many of them were open when the bytes came that are being read */
	size_t unwritten;
	bool connected;
	bool ending; /* no command is taken any more */
	bool quiet;  /* the owner has closed it: nobody is called */
	redis_ended ended;
	void *ctx;
};

struct command {
	uv_write_t req;
	struct redis_conn *c;
	char *bytes;
	size_t len;
};

/* --- the end
 * ---------------------------------------------------------------------------------------------------------- */

/* The callbacks of what was being written or connected have been called by now. */
static void on_closed(uv_handle_t *handle)
{
	struct redis_conn *c = handle->data;

	resp_free(c->resp);
	free(c);
}

static void end(struct redis_conn *c)
{
	if (!c->ending)
		uv_close((uv_handle_t *)&c->tcp, on_closed);
	c->ending = true;
}

void redis_conn_close(struct redis_conn *c)
{
	if (!c)
		return;
	c->quiet = true;
	end(c);
}

/* The connection itself ends. Its owner may close it in any of these calls, and is not called again then. */
static void drop(struct redis_conn *c, const struct error *err)
{
	if (c->ending)
		return;
	end(c);
	for (int i = 0; i < c->open_count && !c->quiet; i++) {
		if (c->open[i].done)
			c->open[i].done(c->open[i].ctx, NULL, err);
	}
	if (!c->quiet)
		c->ended(c->ctx, c->connected, err);
}

static void drop_because(struct redis_conn *c, enum error_code code, const char *why)
{
	struct error err;

	error_set(&err, code, "%s %s", c->addr, why);
	drop(c, &err);
}

/* What this side lacks says nothing of the peer. */
static bool is_own_lack(int status)
{
	return status == UV_ENOMEM || status == UV_ENOBUFS || status == UV_EMFILE || status == UV_ENFILE ||
	       status == UV_EADDRNOTAVAIL;
}

static int set_network_error(struct error *err, int status, const char *what, const char *addr)
{
	enum error_code code = status == UV_ECONNREFUSED ? ERR_REFUSED
			       : status == UV_ETIMEDOUT  ? ERR_TIMEOUT
			       : is_own_lack(status)     ? ERR_NOMEM
							 : ERR_IO;

	return error_set(err, code, "%s %s: %s", what, addr, uv_strerror(status));
}

/* --- what comes in
 * ---------------------------------------------------------------------------------------------------- */

/* Anything but 0: no more is read. */
static int on_answer(void *ctx, const struct resp_answer *a)
{
	struct redis_conn *c = ctx;
	struct question q;

	if (!c->due) {
		drop_because(c, ERR_PROTOCOL, "says what nobody asked for");
		return -1;
	}
	q = c->open[0];
	c->due--;
	c->open_count--;
	memmove(&c->open[0], &c->open[1], (size_t)c->open_count * sizeof(c->open[0]));
	if (q.done) {
		q.done(q.ctx, a, NULL);
	} else if (a->type != RESP_STATUS && a->type != RESP_ERROR) {
		struct error err;

		error_set(&err, ERR_PROTOCOL, "%s answers with %s where a status is due", c->addr,
			  resp_type_words(a->type));
		drop(c, &err);
	}
	return c->ending ? -1 : 0;
}

static void take(struct redis_conn *c, const char *data, size_t len)
{
	struct error err;

	c->due = c->open_count;
	if (!c->due) {
		drop_because(c, ERR_PROTOCOL, "says what nobody asked for");
	} else if (resp_read(c->resp, data, len, on_answer, c, &err) < 0) {
		error_wrap(&err, "%s gives", c->addr);
		drop(c, &err);
	} else if (!c->due && resp_is_open(c->resp)) {
		drop_because(c, ERR_PROTOCOL, "says what nobody asked for");
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)handle;
	(void)suggested;
	buf->base = malloc(REDIS_READ_MAX);
	buf->len = buf->base ? REDIS_READ_MAX : 0; /* without room on_read gets UV_ENOBUFS */
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
	struct redis_conn *c = tcp->data;
	struct error err;

	if (n == UV_EOF) {
		drop_because(c, ERR_IO,
			     c->open_count ? "closed the connection before the answer" : "closed the connection");
	} else if (n == UV_ENOBUFS) {
		error_set(&err, ERR_NOMEM, "read from %s: no memory", c->addr);
		drop(c, &err);
	} else if (n < 0) {
		set_network_error(&err, (int)n, "read from", c->addr);
		drop(c, &err);
	} else if (n > 0) {
		take(c, buf->base, (size_t)n);
	}
	free(buf->base);
}

/* --- what goes out
 * ---------------------------------------------------------------------------------------------------- */

static void on_connect(uv_connect_t *req, int status)
{
	struct redis_conn *c = req->data;
	struct error err;

	if (c->ending)
		return;
	if (status == 0) {
		c->connected = true;
		status = uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
	}
	if (status == 0)
		return;
	set_network_error(&err, status, "connect to", c->addr);
	drop(c, &err);
}

static int begin(struct redis_conn *c, uv_loop_t *uv, const struct addr *a)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(a->port) };

	uv_tcp_init(uv, &c->tcp); /* makes no socket yet, so it does not fail */
	c->tcp.data = c->connect.data = c;
	memcpy(&four.sin_addr, a->ip, sizeof(four.sin_addr));
	memcpy(&six.sin6_addr, a->ip, sizeof(six.sin6_addr));
	/* AUTH and the question behind it must not wait for one another. */
	uv_tcp_nodelay(&c->tcp, 1);
	return uv_tcp_connect(&c->connect, &c->tcp,
			      a->family == AF_INET6 ? (struct sockaddr *)&six : (struct sockaddr *)&four, on_connect);
}

struct redis_conn *redis_conn_open(uv_loop_t *uv, const char *addr, redis_ended ended, void *ctx, struct error *err)
{
	struct redis_conn *c;
	struct addr numeric;
	int rc;

	if (addr_parse(addr, &numeric, err) < 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c)
		c->resp = resp_new();
	if (!c || !c->resp) {
		error_set(err, ERR_NOMEM, "connect to %s: no memory", addr);
		free(c);
		return NULL;
	}
	addr_format(&numeric, c->addr);
	c->ended = ended;
	c->ctx = ctx;
	rc = begin(c, uv, &numeric);
	if (rc == 0)
		return c;
	set_network_error(err, rc, "connect to", c->addr);
	redis_conn_close(c);
	return NULL;
}

bool redis_conn_is_connected(const struct redis_conn *c)
{
	return c->connected;
}

static void free_command(struct command *command)
{
	redisFreeCommand(command->bytes);
	free(command);
}

static void on_written(uv_write_t *req, int status)
{
	struct command *command = req->data;
	struct redis_conn *c = command->c;
	struct error err;

	c->unwritten -= command->len;
	free_command(command);
	if (status == 0 || c->ending)
		return;
	set_network_error(&err, status, "write to", c->addr);
	drop(c, &err);
}

static struct command *new_command(struct redis_conn *c, int argc, const char *const *argv)
{
	struct command *command = calloc(1, sizeof(*command));
	int len;

	if (!command)
		return NULL;
	len = redisFormatCommandArgv(&command->bytes, argc, (const char **)(uintptr_t)argv, NULL);
	if (len < 0) {
		free(command);
		return NULL;
	}
	command->c = c;
	command->req.data = command;
	command->len = (size_t)len;
	return command;
}

static int write_command(struct redis_conn *c, struct command *command, struct error *err)
{
	uv_buf_t buf = uv_buf_init(command->bytes, (unsigned)command->len);
	int rc;

	if (command->len > REDIS_WRITE_MAX - c->unwritten)
		return error_set(err, ERR_TOOBIG, "%s: more than %u bytes of commands are not taken yet", c->addr,
				 REDIS_WRITE_MAX);
	rc = uv_write(&command->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
	if (rc != 0)
		return set_network_error(err, rc, "write to", c->addr);
	c->unwritten += command->len;
	return 0;
}

int redis_conn_ask(struct redis_conn *c, int argc, const char *const *argv, redis_answered done, void *ctx,
		   struct error *err)
{
	struct command *command;

	if (c->ending)
		return error_set(err, ERR_IO, "%s: the connection has ended", c->addr);
	if (c->open_count == REDIS_OPEN_MAX)
		return error_set(err, ERR_TOOBIG, "%s: more than %d commands wait for an answer", c->addr,
				 REDIS_OPEN_MAX);
	command = new_command(c, argc, argv);
	if (!command)
		return error_set(err, ERR_NOMEM, "%s: no memory for a command", c->addr);
	if (write_command(c, command, err) < 0) {
		free_command(command);
		return -1;
	}
	c->open[c->open_count++] = (struct question){ done, ctx };
	return 0;
}
