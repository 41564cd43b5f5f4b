/* web.h - the web page of the controller, from /status.json: read only, one file, complete without its script, which
 * keeps it fresh by server-sent events (/events). Pure. */
#ifndef CODIS_CONTROLLER_WEB_H
#define CODIS_CONTROLLER_WEB_H

#include <cjson/cJSON.h>
#include <stdint.h>

struct buf;

/* status: what /status.json says. The page; whoever reads it has style and script by their hashes (CSP). */
void web_page(const cJSON *status, int64_t wall_ms, struct buf *out);
/* One event of text/event-stream with what changes of it, and after how long the browser asks again. */
void web_event(const cJSON *status, struct buf *out);

#endif
