/* info.h - what a server's INFO says of its role and its data. Pure. Works for Redis 3.2.11 (codis-server) and later.
 */
#ifndef CODIS_CODIS_INFO_H
#define CODIS_CODIS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codis/model.h"

struct error;

#define CODIS_RUN_ID_SIZE 41

/* The address that no server has: `--slaveof 127.0.0.1 1` makes a server wait, without serving, until a role is given.
 */
#define CODIS_GUARD_ADDR "127.0.0.1:1"

/* What no server has more of. Sums and differences of what peers say stay numbers. */
#define INFO_KEYS_MAX   (INT64_C(1) << 40)
#define INFO_OFFSET_MAX (INT64_C(1) << 61)

/* A server's preStop hook tells by this setting that its container is about to end; a kubelet that ends a pod by itself
 * (the node shuts down, or lacks memory or disk) tells nobody else before it has ended. How often a server looks after
 * itself, 10 times a second by default, is the one setting that INFO shows and that does nothing else. */
#define CODIS_ENDING_HZ "17"

enum redis_role { REDIS_ROLE_UNKNOWN, REDIS_ROLE_MASTER, REDIS_ROLE_REPLICA };

struct redis_info {
	char run_id[CODIS_RUN_ID_SIZE];
	bool loading; /* reads its RDB or AOF file */
	enum redis_role role;
	char master[CODIS_ADDR_MAX]; /* of a replica: whom it follows; brackets around IPv6, which INFO has not */
	bool link_up;                /* of a replica: synced and connected */
	bool syncing;                /* of a replica: a full resync is under way */
	int64_t last_io_s;           /* of a replica with its link up: seconds since the master was heard; -1 */
	int64_t link_down_s; /* ... with its link down: for how many seconds; INT64_MAX: it never was up; -1: up */
	int64_t uptime_s;    /* of the process; -1: it does not say */
	/* Replication offset: of a replica what it received, of a master what it sent; -1 to INFO_OFFSET_MAX. */
	int64_t offset;
	int64_t keys; /* over all databases; 0 to INFO_KEYS_MAX */
	/* used_memory and maxmemory (0: no limit) in bytes, and instantaneous_ops_per_sec; 0 to INFO_OFFSET_MAX; -1: it
	 * does not say */
	int64_t memory, memory_max, ops;
	bool bounded; /* min-slaves-to-write is set */
	bool ending;  /* its preStop hook runs, see CODIS_ENDING_HZ */
};

/* Parses the whole answer of INFO. 0, or -1 and *err when run_id or role is missing. */
int redis_info_parse(const char *text, size_t len, struct redis_info *info, struct error *err);
/* Started with the guard arguments and given no role since. */
bool redis_info_guarded(const struct redis_info *info);

#endif
