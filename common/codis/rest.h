/* rest.h - the REST interfaces of codis-dashboard (:18080) and codis-proxy (:11080). Asynchronous, on the loop.
 *
 * A refusal by Codis is HTTP status 800 with {"Cause","Stack"}: it reaches done as ERR_STATUS with the cause as its
 * text. All calls of a dashboard share one mutex there, and some hang when a proxy or server hangs: so each has a time
 * limit, and the caller treats a dashboard that does not answer as busy, not as dead. */
#ifndef CODIS_CODIS_REST_H
#define CODIS_CODIS_REST_H

#include <cjson/cJSON.h>

#include "common/codis/model.h"
#include "common/codis/overview.h"

struct error;
struct http_client;

#define CODIS_REFUSES 800

/* answer: the parsed body, valid during the call; NULL on error. Called exactly once, never from within; never after
 * the http_client was freed. */
typedef void (*codis_done)(void *ctx, const cJSON *answer, const struct error *err);

/* GET http://addr/topom, of which stats.slots is kept alone, as below. No XAuth. */
int dashboard_overview(struct http_client *http, const char *addr, int timeout_ms, struct overview_slots *slots,
		       codis_done done, void *ctx, struct error *err);
/* Forgets what it has in memory and reads the coordinator again at the next call. */
int dashboard_reload(struct http_client *http, const char *addr, const char *product, codis_done done, void *ctx,
		     struct error *err);
/* Registers the proxy at admin_addr (or updates its entry), fills its slots and starts it. */
int dashboard_online_proxy(struct http_client *http, const char *addr, const char *product, const char *admin_addr,
			   codis_done done, void *ctx, struct error *err);
/* Maps slots to groups: a JSON array of {"id","group_id"}; it stays the caller's. */
int dashboard_assign_slots(struct http_client *http, const char *addr, const char *product, const cJSON *slots,
			   codis_done done, void *ctx, struct error *err);

/* The slot is to move to another group, when its turn comes. ERR_STATUS where it is on its way already, or there. */
int dashboard_move_slot(struct http_client *http, const char *addr, const char *product, int slot, int gid,
			codis_done done, void *ctx, struct error *err);
/* So many microseconds between two batches of keys of a slot that moves: 0 to 1,000,000. */
int dashboard_set_interval(struct http_client *http, const char *addr, const char *product, int us, codis_done done,
			   void *ctx, struct error *err);

/* GET http://addr/ of either: whether the process answers anything. Unlike all other calls this one waits for no mutex,
 * so a process that is only busy answers. err of done is NULL or ERR_STATUS where it does; ERR_TIMEOUT with connected
 * set where its kernel takes the connection and nothing comes. */
int codis_knock(struct http_client *http, const char *addr, int timeout_ms, codis_done done, void *ctx,
		struct error *err);

/* GET http://addr/proxy: model (token, proxy_addr), slots, stats.online. No XAuth.
 * slots: of the answer before, or zero (overview.h); written before done is called, so it must last as long. Slots that
 * are still the same are left out: the answer's are an empty array then. */
int proxy_overview(struct http_client *http, const char *addr, int timeout_ms, struct overview_slots *slots,
		   codis_done done, void *ctx, struct error *err);
/* Sets the slots of the array (see codis_slot_push). A proxy answers when no request to the old backend is in flight.
 */
int proxy_fill_slots(struct http_client *http, const char *addr, const char *xauth, const cJSON *slots, int timeout_ms,
		     codis_done done, void *ctx, struct error *err);

#endif
