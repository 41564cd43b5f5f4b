/* redis_command.h - one command to one server. */
#ifndef CODIS_CODIS_REDIS_COMMAND_H
#define CODIS_CODIS_REDIS_COMMAND_H

#include <uv.h>

struct error;

/* One command on a connection of its own (a role change may cut every other one), closed afterwards. done: err NULL
 * when the answer is a status or value ("+OK"), else the server's words or what failed. argv is copied. At most
 * timeout_ms. */
typedef void (*redis_done)(void *ctx, const char *answer, const struct error *err);
int redis_command(uv_loop_t *uv, const char *addr, const char *auth, int argc, const char *const *argv, int timeout_ms,
		  redis_done done, void *ctx, struct error *err);

#endif
