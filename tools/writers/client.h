/* client.h - one client of the proxies: a connection with a timeout of 1 s that is made anew where it broke. */
#ifndef CODIS_TOOLS_WRITERS_CLIENT_H
#define CODIS_TOOLS_WRITERS_CLIENT_H

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct client {
	const char *host; /* numeric */
	uint16_t port;
	redisContext *c; /* NULL: none yet, or it broke */
	atomic_int made; /* connections so far; another thread may read it */
	char said[128];  /* why there was no answer, or the error that was the answer */
};

/* As hiredis has it: NULL, or with an error in it, where it fails. */
redisContext *client_connect(const char *host, uint16_t port);
/* The answer, or NULL where there is none, or an error: what was asked may have happened all the same, or happen yet.
 */
redisReply *client_get(struct client *c, const char *key);
redisReply *client_set(struct client *c, const char *key, const char *value, size_t len);
void client_close(struct client *c);

#endif
