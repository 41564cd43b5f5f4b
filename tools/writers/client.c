#include "tools/writers/client.h"

#include <stdio.h>
#include <string.h>

redisContext *client_connect(const char *host, uint16_t port)
{
	struct timeval second = { .tv_sec = 1 };
	redisContext *c = redisConnectWithTimeout(host, port, second);

	if (c && !c->err)
		redisSetTimeout(c, second);
	return c;
}

void client_close(struct client *c)
{
	if (c->c)
		redisFree(c->c);
	c->c = NULL;
}

static redisReply *ask(struct client *c, int argc, const char **argv, const size_t *len)
{
	redisReply *reply = NULL;

	if (!c->c) {
		c->c = client_connect(c->host, c->port);
		atomic_fetch_add(&c->made, c->c && !c->c->err);
	}
	if (c->c && !c->c->err)
		reply = redisCommandArgv(c->c, argc, argv, len);
	if (reply && reply->type != REDIS_REPLY_ERROR)
		return reply;
	snprintf(c->said, sizeof(c->said), "%.100s", reply ? reply->str : c->c ? c->c->errstr : "no memory");
	if (reply)
		freeReplyObject(reply);
	if (c->c && c->c->err)
		client_close(c);
	return NULL;
}

redisReply *client_get(struct client *c, const char *key)
{
	const char *argv[] = { "GET", key };

	return ask(c, 2, argv, NULL);
}

redisReply *client_set(struct client *c, const char *key, const char *value, size_t len)
{
	const char *argv[] = { "SET", key, value };
	const size_t sizes[] = { 3, strlen(key), len };

	return ask(c, 3, argv, sizes);
}
