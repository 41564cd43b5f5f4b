/* lookup.h - names of hosts, looked up beside the loop.
 *
 * libuv has two threads for that, for all together, and the end of the process waits for them: a few names that nobody
 * answers for would keep everybody's waiting. Here each lookup has a thread of its own, there is a limit for each
 * owner, and the end of the process does not wait. */
#ifndef CODIS_NET_LOOKUP_H
#define CODIS_NET_LOOKUP_H

#include <netdb.h>
#include <uv.h>

#define LOOKUPS_MAX      256
#define LOOKUPS_OF_ONE   4
#define LOOKUP_HOST_MAX  600
#define LOOKUP_OWNER_MAX 64

struct error;
struct lookup;

/* All zero: none is under way. On the loop. */
struct lookups {
	struct lookup *running[LOOKUPS_MAX];
};

/* status: getaddrinfo's; found: valid until it returns, NULL unless that is 0. */
typedef void (*lookup_done)(void *ctx, int status, const struct addrinfo *found);

/* owner: for whom, at most 4 at once for one. done is called in a later turn of the loop, exactly once; it cannot be
 * cancelled. 0, or -1 and *err: too many, no memory, or no thread. */
int lookup_start(struct lookups *all, uv_loop_t *uv, const char *owner, const char *host, lookup_done done, void *ctx,
		 struct error *err);

#endif
