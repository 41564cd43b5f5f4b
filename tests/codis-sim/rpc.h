/* rpc.h - calls to another Codis program's administration: 1 s to connect, a minute in all, as in Codis. */
#ifndef CODIS_SIM_RPC_H
#define CODIS_SIM_RPC_H

#include <cjson/cJSON.h>

struct error;

#define RPC_TIMEOUT_MS 60000

/* path: of printf. body may be NULL. *answer (may be NULL) is the caller's. 0, or -1 and *err: no connection, or the
 * remote's own words ("[Remote Error] ..."). */
int rpc_call(const char *method, const char *addr, const char *path, const cJSON *body, int timeout_ms, cJSON **answer,
	     struct error *err);

/* The same for any text, as codis-fe passes it on: *status and what came. */
struct buf;
int rpc_forward(const char *method, const char *addr, const char *path, const char *body, int *status, struct buf *out,
		struct error *err);

#endif
