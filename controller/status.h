/* status.h - the whole cluster in one line, and in JSON. Pure: what is shown is what decide() saw. */
#ifndef CODIS_CONTROLLER_STATUS_H
#define CODIS_CONTROLLER_STATUS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "controller/decide.h"

/* Of a server that is being deleted while nobody else has its data, in status and Event. */
#define STATUS_LAST_HOLDER "has the only data: it waits for a replica in sync, as long as its grace period lasts"

/* "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served"; *ok: nothing is missing. */
void status_line(const struct cluster_view *v, const struct decide_limits *limits, char *out, size_t size, bool *ok);
/* The same with every member; the caller's (cJSON_Delete). NULL: no memory. */
cJSON *status_json(const struct cluster_view *v, const struct decide_limits *limits);
/* Whether it answers nothing for want of the right password; why that is not known, and what helps. */
bool status_refused(const struct server_view *s);
const char *status_password_trouble(const struct cluster_view *v);
/* Whether a person is to decide between the group's master and the one before it, and in which words. keys: with what
 * the two have now, which is another number at each look. */
#define STATUS_SUCCESSION_MAX 600
bool status_succession(const struct cluster_view *v, const struct group_view *g, bool keys, char *out, size_t size);

#endif
