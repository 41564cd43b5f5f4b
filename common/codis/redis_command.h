/* redis_command.h - a command, or a few, to one server. */
#ifndef CODIS_CODIS_REDIS_COMMAND_H
#define CODIS_CODIS_REDIS_COMMAND_H

#include <stdbool.h>
#include <uv.h>

struct error;

/* One command on a connection of its own (a role change may cut every other one), closed afterwards. done: err NULL
 * when the answer is a status or value ("+OK"), else the server's words or what failed. argv is copied. At most
 * timeout_ms. */
typedef void (*redis_done)(void *ctx, const char *answer, const struct error *err);
int redis_command(uv_loop_t *uv, const char *addr, const char *auth, int argc, const char *const *argv, int timeout_ms,
		  redis_done done, void *ctx, struct error *err);

struct redis_words {
	int argc;
	const char *const *argv;
	bool may_fail; /* an error in answer to it is none */
	/* NULL, or the ones behind it go to this very process only where its answer is right: 0. Else -1 and *err,
	 * which done gets, and they are not sent. Words behind a check are the caller's until done. */
	int (*check)(void *ctx, const char *answer, struct error *err);
};
#define REDIS_COMMANDS_MAX 4
/* Several, in this order, over one connection, sent in one go: each waits for no answer to the one before it, unless
 * that is checked. done gets the answer to the last one, or the first error, after which the others may have been done
 * all the same. */
int redis_commands(uv_loop_t *uv, const char *addr, const char *auth, const struct redis_words *words, int count,
		   int timeout_ms, redis_done done, void *ctx, struct error *err);

#endif
