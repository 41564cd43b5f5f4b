/* redis.h - blocking calls to a codis-server, as dashboard makes them (hiredis). */
#ifndef CODIS_SIM_REDIS_H
#define CODIS_SIM_REDIS_H

#include <cjson/cJSON.h>
#include <hiredis/hiredis.h>

struct error;

/* Connects within min(1 s, timeout) and authenticates. NULL and *err in Codis' words. redisFree() it. */
redisContext *redis_open(const char *addr, const char *auth, int timeout_ms, struct error *err);
#define REDIS_CLEANUP __attribute__((cleanup(redis_close)))
void redis_close(redisContext **c);

/* One command of argc words; the reply is the caller's. NULL and *err: the connection failed, or an error reply. */
redisReply *redis_do(redisContext *c, struct error *err, int argc, const char *const *argv);
#define REDIS_DO(c, err, ...)                                                                                          \
	redis_do(c, err, (int)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)),                         \
		 (const char *const[]){ __VA_ARGS__ })
#define REPLY_CLEANUP __attribute__((cleanup(redis_reply_free)))
void redis_reply_free(redisReply **r);

/* The role change of Codis: MULTI, CONFIG SET masterauth, SLAVEOF, CONFIG REWRITE, CLIENT KILL TYPE normal, EXEC in one
 * go. master: "host:port" or "NO:ONE". */
int redis_set_master(redisContext *c, const char *master, const char *auth, struct error *err);

/* INFO as an object of strings, with maxmemory and (on a replica) master_addr. NULL and *err. */
cJSON *redis_info_full(redisContext *c, struct error *err);

#endif
