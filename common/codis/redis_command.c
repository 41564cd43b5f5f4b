#include "common/codis/redis_command.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/model.h"
#include "common/codis/redis_connect.h"

struct command {
	uv_timer_t timer;
	redisAsyncContext *ac;
	char addr[CODIS_ADDR_MAX];
	char words[64]; /* the command, for errors; never AUTH */
	redis_done done;
	void *ctx;
	bool finished;
};

static void on_command_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void finish(struct command *c, const char *answer, const struct error *err)
{
	redisAsyncContext *ac = c->ac;

	if (c->finished)
		return;
	c->finished = true;
	c->ac = NULL;
	if (ac)
		ac->data = NULL;
	c->done(c->ctx, answer, err);
	uv_close((uv_handle_t *)&c->timer, on_command_closed);
}

static void finish_failed(struct command *c, enum error_code code, const char *why)
{
	struct error err = ERROR_INIT;

	error_set(&err, code, "%s to %s: %s", c->words, c->addr, why);
	finish(c, NULL, &err);
}

static void on_answer(redisAsyncContext *ac, void *r, void *unused)
{
	struct command *c = ac->data;
	const redisReply *reply = r;

	(void)unused;
	if (!c || !reply)
		return;
	if (reply->type == REDIS_REPLY_ERROR)
		finish_failed(c, ERR_STATUS, reply->str);
	else
		finish(c, reply->str ? reply->str : "", NULL);
	redisAsyncDisconnect(ac);
}

static void on_command_connect(const redisAsyncContext *ac, int status)
{
	struct command *c = ac->data;

	if (c && status != REDIS_OK)
		finish_failed(c, redis_refused(ac) ? ERR_REFUSED : ERR_IO, ac->errstr);
}

static void on_command_disconnect(const redisAsyncContext *ac, int status)
{
	struct command *c = ac->data;

	(void)status;
	if (c)
		finish_failed(c, ERR_IO, "the connection ended before the answer");
}

static void on_command_timeout(uv_timer_t *timer)
{
	struct command *c = timer->data;
	redisAsyncContext *ac = c->ac;

	finish_failed(c, ERR_TIMEOUT, "no answer in time");
	if (ac)
		redisAsyncFree(ac);
}

static void name_command(struct command *c, int argc, const char *const *argv)
{
	BUF_CLEANUP struct buf words = BUF_INIT(256);

	for (int i = 0; i < argc && i < 3; i++)
		buf_addf(&words, "%s%s", i ? " " : "", argv[i]);
	snprintf(c->words, sizeof(c->words), "%s", words.data);
}

int redis_command(uv_loop_t *uv, const char *addr, const char *auth, int argc, const char *const *argv, int timeout_ms,
		  redis_done done, void *ctx, struct error *err)
{
	struct command *c = calloc(1, sizeof(*c));

	if (!c)
		return error_set(err, ERR_NOMEM, "%s to %s: no memory", argv[0], addr);
	snprintf(c->addr, sizeof(c->addr), "%s", addr);
	name_command(c, argc, argv);
	c->done = done;
	c->ctx = ctx;
	c->ac = redis_connect(uv, addr, err);
	if (!c->ac) {
		free(c);
		return -1;
	}
	c->ac->data = c;
	uv_timer_init(uv, &c->timer);
	c->timer.data = c;
	uv_timer_start(&c->timer, on_command_timeout, (uint64_t)timeout_ms, 0);
	redisAsyncSetConnectCallback(c->ac, on_command_connect);
	redisAsyncSetDisconnectCallback(c->ac, on_command_disconnect);
	if (auth && auth[0])
		redisAsyncCommand(c->ac, NULL, NULL, "AUTH %s", auth);
	redisAsyncCommandArgv(c->ac, on_answer, NULL, argc, (const char **)(uintptr_t)argv, NULL);
	return 0;
}
