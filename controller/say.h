/* say.h - a line of the log about a cluster. Each has its namespace and product, and whether this controller led as it
 * was said: of all of its lines, and of another controller's, those about one product can be told (codisctl logs).
 *
 *   say_info(c, "role", "group=%d pod=%s", gid, pod);
 *   -> ts=... level=info event=role namespace=shop product=codis-test leads=true group=1 pod=codis-server-0
 *
 * What is about no cluster is logged by log_event() itself (common/base/log.h, where the rules for fields are). */
#ifndef CODIS_CONTROLLER_SAY_H
#define CODIS_CONTROLLER_SAY_H

#include "common/base/log.h"

struct cluster;

/* As log_event(); with nothing more to say: "%s", "". */
void say_at(const struct cluster *c, enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define say_info(c, ...)  say_at(c, LOG_LEVEL_INFO, __VA_ARGS__)
#define say_warn(c, ...)  say_at(c, LOG_LEVEL_WARN, __VA_ARGS__)
#define say_error(c, ...) say_at(c, LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
