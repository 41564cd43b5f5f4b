/* redis_connect.h - a connection to one server, as the probe and a command begin it. */
#ifndef CODIS_CODIS_REDIS_CONNECT_H
#define CODIS_CODIS_REDIS_CONNECT_H

#include <hiredis/async.h>
#include <stdbool.h>
#include <uv.h>

struct error;

/* A connection under way on the loop, or NULL and *err (ERR_REFUSED where nobody listens). */
redisAsyncContext *redis_connect(uv_loop_t *uv, const char *addr, struct error *err);
/* Whether a failed connection was refused. */
bool redis_refused(const redisAsyncContext *ac);

#endif
