/* redis_connect.h - a connection to one server, as the probe and a command begin it. */
#ifndef CODIS_CODIS_REDIS_CONNECT_H
#define CODIS_CODIS_REDIS_CONNECT_H

#include <hiredis/async.h>
#include <stdbool.h>
#include <uv.h>

struct error;

/* A connection under way on the loop, or NULL and *err: ERR_REFUSED where nobody listens, ERR_INVALID for a name, which
 * hiredis would look up before it returns, while the loop stands still. */
redisAsyncContext *redis_connect(uv_loop_t *uv, const char *addr, struct error *err);
/* Whether a connection that has just failed was refused. This reads errno, as hiredis leaves it for its callback: to be
 * asked first of all there. */
bool redis_refused(const redisAsyncContext *ac);

#endif
