/* relay.h - a port of this machine's loopback that leads to one of a pod, by port-forwards: for what connects by
 * itself, as the client library of ZooKeeper does. */
#ifndef CODIS_CLI_RELAY_H
#define CODIS_CLI_RELAY_H

#include <stdint.h>

#include "cli/cli.h"
#include "common/base/error.h"

struct relay;
struct websockets;

/* NULL and *err on failure. Copied, but for what connects to the API server: that has to last as long. */
struct relay *relay_open(struct cli *c, struct websockets *ws, const char *namespace, const char *pod, uint16_t port,
			 struct error *err);
uint16_t relay_port(const struct relay *r);
/* What it is made of goes as the loop turns, or with the loop. NULL-safe. */
void relay_close(struct relay *r);

#endif
