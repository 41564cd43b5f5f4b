/* status_said.h - what /status.json says of one proxy or server, in the words of whoever shows it. Pure. */
#ifndef CODIS_CONTROLLER_STATUS_SAID_H
#define CODIS_CONTROLLER_STATUS_SAID_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* "serves", or what it lacks first: "does not answer", "not registered", "not online". A literal. */
const char *status_said_proxy(const cJSON *proxy, bool *serves);
/* Whether a server's state is as it should be: the master, or a replica in sync. */
bool status_said_fine(const char *state);

#endif
