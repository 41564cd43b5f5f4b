/* fake_forward.h - pods/portforward of the played API server, over a WebSocket as v4.channel.k8s.io has it, and a Redis
 * at its other end. What it plays stands in an object at the path ".../pods/NAME/portforward":
 *     {"reply": "+PONG\r\n", "password": "x", "trouble": "...", "pieces": true}
 * reply: what PING gets; "": nothing. password: what AUTH has to say before. trouble: what the kubelet says in place of
 * all. pieces: a frame for each byte. tcp: in place of the Redis, what listens at this port of our loopback. Without
 * such an object the pod is not found. */
#ifndef CODIS_TESTS_UNIT_FAKE_FORWARD_H
#define CODIS_TESTS_UNIT_FAKE_FORWARD_H

#include <cjson/cJSON.h>
#include <microhttpd.h>

/* The answer to such a request: status 101. NULL: it is none of a WebSocket of that protocol. */
struct MHD_Response *fake_forward(struct MHD_Connection *conn, const cJSON *object);

#endif
