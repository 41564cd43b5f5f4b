#include "tests/codis-sim/redis.h"

#include <errno.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/net/addr.h"

static struct timeval timeval_of(int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

void redis_close(redisContext **c)
{
	if (*c)
		redisFree(*c);
	*c = NULL;
}

void redis_reply_free(redisReply **r)
{
	if (*r)
		freeReplyObject(*r);
}

/* hiredis says "Connection refused", Go "connect: connection refused"; hooks and people look for Go's words. */
static int connect_error(const redisContext *c, const char *addr, struct error *err)
{
	int errnum = c && c->err == REDIS_ERR_IO ? errno : 0;

	if (c && strstr(c->errstr, "refused"))
		return error_set(err, ERR_REFUSED, "dial tcp %s: connect: connection refused", addr);
	if (errnum == ETIMEDOUT || errnum == EINPROGRESS || (c && strstr(c->errstr, "timed out")))
		return error_set(err, ERR_TIMEOUT, "dial tcp %s: i/o timeout", addr);
	return error_set(err, ERR_IO, "dial tcp %s: %s", addr, c ? c->errstr : "no memory");
}

redisContext *redis_open(const char *addr, const char *auth, int timeout_ms, struct error *err)
{
	char host[128];
	uint16_t port;
	redisContext *c;

	if (addr_split(addr, host, sizeof(host), &port, err) < 0)
		return NULL;
	c = redisConnectWithTimeout(host, port, timeval_of(timeout_ms < 1000 ? timeout_ms : 1000));
	if (!c || c->err) {
		connect_error(c, addr, err);
		redis_close(&c);
		return NULL;
	}
	redisSetTimeout(c, timeval_of(timeout_ms));
	if (auth && *auth) {
		REPLY_CLEANUP redisReply *r = REDIS_DO(c, err, "AUTH", auth);

		if (!r)
			redis_close(&c);
	}
	return c;
}

static redisReply *check(redisContext *c, redisReply *r, struct error *err)
{
	if (!r) {
		error_set(err, c->err == REDIS_ERR_EOF ? ERR_IO : ERR_TIMEOUT, "%s",
			  c->err == REDIS_ERR_EOF ? "EOF" : c->errstr);
		return NULL;
	}
	if (r->type == REDIS_REPLY_ERROR) {
		error_set(err, ERR_STATUS, "%s", r->str);
		freeReplyObject(r);
		return NULL;
	}
	return r;
}

redisReply *redis_do(redisContext *c, struct error *err, int argc, const char *const *argv)
{
	return check(c, redisCommandArgv(c, argc, (const char **)(uintptr_t)argv, NULL), err);
}

int redis_set_master(redisContext *c, const char *master, const char *auth, struct error *err)
{
	const char *colon = strrchr(master, ':');
	int failed = 0;

	if (!colon)
		return error_set(err, ERR_INVALID, "address %s: missing port in address", master);
	redisAppendCommand(c, "MULTI");
	redisAppendCommand(c, "CONFIG SET masterauth %s", auth);
	redisAppendCommand(c, "SLAVEOF %b %s", master, (size_t)(colon - master), colon + 1);
	redisAppendCommand(c, "CONFIG REWRITE");
	redisAppendCommand(c, "CLIENT KILL TYPE normal");
	redisAppendCommand(c, "EXEC");
	for (int i = 0; i < 6; i++) {
		REPLY_CLEANUP redisReply *r = NULL;
		void *got = NULL;

		if (redisGetReply(c, &got) == REDIS_OK)
			r = got;
		r = check(c, r, failed ? NULL : err);
		if (!r)
			failed = 1;
		for (size_t k = 0; r && r->type == REDIS_REPLY_ARRAY && k < r->elements; k++)
			if (r->element[k]->type == REDIS_REPLY_ERROR)
				failed = error_set(err, ERR_STATUS, "%s", r->element[k]->str) ? 1 : 1;
		if (c->err)
			break;
	}
	return failed ? -1 : 0;
}

static void add_fields(cJSON *info, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\r\n");
		const char *colon = memchr(text, ':', len);
		char name[128];

		if (colon && *text != '#') {
			snprintf(name, sizeof(name), "%.*s", (int)(colon - text), text);
			json_add_fmt(info, name, "%.*s", (int)(len - (size_t)(colon - text) - 1), colon + 1);
		}
		text += len;
		text += strspn(text, "\r\n");
	}
}

cJSON *redis_info_full(redisContext *c, struct error *err)
{
	JSON_CLEANUP cJSON *info = NULL;
	cJSON *result;
	REPLY_CLEANUP redisReply *r = REDIS_DO(c, err, "INFO"), *max = NULL;

	if (!r)
		return NULL;
	info = cJSON_CreateObject();
	if (r->type == REDIS_REPLY_STRING)
		add_fields(info, r->str);
	if (json_str(info, "master_host", NULL))
		json_add_fmt(info, "master_addr", "%s:%s", json_str(info, "master_host", NULL),
			     json_str(info, "master_port", NULL));
	max = REDIS_DO(c, err, "CONFIG", "GET", "maxmemory");
	if (!max)
		return NULL;
	if (max->type != REDIS_REPLY_ARRAY || max->elements != 2) {
		error_set(err, ERR_PROTOCOL, "invalid response to CONFIG GET maxmemory");
		return NULL;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(info, "maxmemory");
	json_add_str(info, "maxmemory", max->element[1]->str);
	result = info;
	info = NULL;
	return result;
}
