/* viewer_lines.h - each proxy and server in a line, as codis-ha's log has them. Pure. */
#ifndef CODIS_CONTROLLER_VIEWER_LINES_H
#define CODIS_CONTROLLER_VIEWER_LINES_H

#include <cjson/cJSON.h>

struct buf;

/* Appends, of what /status.json says, each line behind `prefix`, which is a time:
 *
 *   ... [ ] shop/codis-test proxy-1 codis-proxy-5d9f-0 10.200.1.7:11080: serves
 *   ... [X] shop/codis-test group-1 [0] codis-server-0 10.200.2.10:6379 on node2: syncing
 *
 * [X] is what is not as it should be; [0], [1], ... is the place in the group, which its master has first. */
void viewer_lines(const cJSON *status, const char *prefix, struct buf *out);

#endif
