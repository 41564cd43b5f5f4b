#include "common/codis/redis_command.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/model.h"
#include "common/codis/redis_conn.h"

struct command {
	uv_timer_t timer;
	struct redis_conn *conn;
	char addr[CODIS_ADDR_MAX];
	char words[REDIS_COMMANDS_MAX][64]; /* the commands, for errors; never AUTH */
	bool may_fail[REDIS_COMMANDS_MAX];
	int count, at; /* whose answer is due */
	int sent;
	const struct redis_words *all; /* the caller's, while some are not sent */
	redis_done done;
	void *ctx;
};

static void on_command_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Once: nobody calls after the connection was closed. */
static void finish(struct command *c, const char *answer, const struct error *err)
{
	redis_conn_close(c->conn);
	c->conn = NULL;
	uv_close((uv_handle_t *)&c->timer, on_command_closed);
	c->done(c->ctx, answer, err);
}

static void finish_failed(struct command *c, enum error_code code, const char *why)
{
	struct error err = ERROR_INIT;

	error_set(&err, code, "%s to %s: %s", c->words[c->at], c->addr, why);
	finish(c, NULL, &err);
}

static int send_next(struct command *c, struct error *err);

/* Who answers so is the one that is meant: what is left goes to it. */
static void go_on(struct command *c, const struct resp_answer *a)
{
	const struct redis_words *w = c->sent < c->count ? &c->all[c->at] : NULL;
	struct error bad = ERROR_INIT;

	if (w && w->check && (w->check(c->ctx, a->text, &bad) < 0 || send_next(c, &bad) < 0)) {
		finish(c, NULL, &bad);
		return;
	}
	c->at++;
}

static void on_answer(void *ctx, const struct resp_answer *a, const struct error *err)
{
	struct command *c = ctx;

	if (!a)
		finish_failed(c, err->code, err->text);
	else if (c->at + 1 < c->count && (c->may_fail[c->at] || a->type == RESP_STATUS || a->type == RESP_STRING))
		go_on(c, a);
	else if (a->type == RESP_ERROR)
		finish_failed(c, ERR_STATUS, a->text);
	else if (a->type == RESP_STATUS || a->type == RESP_STRING)
		finish(c, a->text, NULL);
	else
		finish_failed(c, ERR_PROTOCOL, "the answer is no status and no string");
}

/* The command was open, so on_answer has been called, and has closed the connection. */
static void on_ended(void *ctx, bool was_connected, const struct error *err)
{
	(void)ctx;
	(void)was_connected;
	(void)err;
}

static void on_command_timeout(uv_timer_t *timer)
{
	finish_failed(timer->data, ERR_TIMEOUT, "no answer in time");
}

static void name_command(struct command *c, int n, const struct redis_words *w)
{
	BUF_CLEANUP struct buf words = BUF_INIT(256);

	for (int i = 0; i < w->argc && i < 3; i++)
		buf_addf(&words, "%s%s", i ? " " : "", w->argv[i]);
	snprintf(c->words[n], sizeof(c->words[n]), "%s", words.data);
	c->may_fail[n] = w->may_fail;
}

/* Up to one that is checked, with it. */
static int send_next(struct command *c, struct error *err)
{
	bool checked = false;

	while (c->sent < c->count && !checked) {
		const struct redis_words *w = &c->all[c->sent++];

		checked = w->check != NULL;
		if (redis_conn_ask(c->conn, w->argc, w->argv, on_answer, c, err) < 0)
			return -1;
	}
	return 0;
}

static int ask(struct command *c, const char *auth, struct error *err)
{
	const char *with[] = { "AUTH", auth };

	if (auth && auth[0] && redis_conn_ask(c->conn, 2, with, NULL, NULL, err) < 0)
		return -1;
	return send_next(c, err);
}

int redis_commands(uv_loop_t *uv, const char *addr, const char *auth, const struct redis_words *words, int count,
		   int timeout_ms, redis_done done, void *ctx, struct error *err)
{
	struct command *c = calloc(1, sizeof(*c));

	if (!c)
		return error_set(err, ERR_NOMEM, "%s to %s: no memory", words[0].argv[0], addr);
	snprintf(c->addr, sizeof(c->addr), "%s", addr);
	c->count = count;
	c->all = words;
	for (int i = 0; i < count; i++)
		name_command(c, i, &words[i]);
	c->done = done;
	c->ctx = ctx;
	c->conn = redis_conn_open(uv, addr, on_ended, c, err);
	if (!c->conn || ask(c, auth, err) < 0) {
		redis_conn_close(c->conn);
		free(c);
		return -1;
	}
	uv_timer_init(uv, &c->timer);
	c->timer.data = c;
	uv_timer_start(&c->timer, on_command_timeout, (uint64_t)timeout_ms, 0);
	return 0;
}

int redis_command(uv_loop_t *uv, const char *addr, const char *auth, int argc, const char *const *argv, int timeout_ms,
		  redis_done done, void *ctx, struct error *err)
{
	struct redis_words words = { .argc = argc, .argv = argv };

	return redis_commands(uv, addr, auth, &words, 1, timeout_ms, done, ctx, err);
}
