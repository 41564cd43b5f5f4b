/* redis_conn.h - a connection to one Redis server, on the loop: commands go out, their answers come back in that order.
 *
 * Whoever has an address in the cluster may be asked, so nothing that a peer says costs more than what stands here, and
 * none of it ends the process: an answer is bounded (resp.h), a byte that nobody asked for ends the connection, and at
 * most REDIS_READ_MAX bytes are taken in at once. How long an answer may take is the caller's to say: it closes the
 * connection then. */
#ifndef CODIS_CODIS_REDIS_CONN_H
#define CODIS_CODIS_REDIS_CONN_H

#include <stdbool.h>
#include <uv.h>

#include "common/codis/resp.h"

struct error;
struct redis_conn;

/* Commands that wait for their answer; it is AUTH and one question. */
#define REDIS_OPEN_MAX 4
/* Bytes of commands that the peer has not taken yet; a command here is below 200. */
#define REDIS_WRITE_MAX (16u << 10)
#define REDIS_READ_MAX  (16u << 10)

/* Exactly once for each command that was taken, unless the caller closes the connection before. a NULL: *err says what
 * the connection ended with. */
typedef void (*redis_answered)(void *ctx, const struct resp_answer *a, const struct error *err);
/* The connection has ended, or was never there; each open command was called back before, and c is gone. err:
 * ERR_REFUSED where nobody listens, ERR_PROTOCOL or ERR_TOOBIG for what a server does not say, ERR_NOMEM where it is
 * this side that has no more of something (memory, descriptors, ports), else what the network says. */
typedef void (*redis_ended)(void *ctx, bool was_connected, const struct error *err);

/* One attempt to connect to a numeric address: ERR_INVALID for a name, since to look it up would hold up the loop. NULL
 * and *err, and nobody is called; or it is under way, and commands can be given at once. */
struct redis_conn *redis_conn_open(uv_loop_t *uv, const char *addr, redis_ended ended, void *ctx, struct error *err);
/* argv is copied. done NULL: the answer has to be a status or an error, and nobody wants to know which. 0, or -1 and
 * *err, and then done is not called: over a limit, no memory, or the connection is ending. */
int redis_conn_ask(struct redis_conn *c, int argc, const char *const *argv, redis_answered done, void *ctx,
		   struct error *err);
/* The peer's kernel has taken it. */
bool redis_conn_is_connected(const struct redis_conn *c);
/* Ends it now: nobody is called any more, and c is gone. From within its callbacks, too, but for redis_ended.
 * NULL-safe.
 */
void redis_conn_close(struct redis_conn *c);

#endif
