#include "controller/say.h"

#include <stdarg.h>
#include <stdio.h>

#include "controller/cluster.h"

#define FIELDS_MAX 2048 /* a line has no more */

void say_at(const struct cluster *c, enum log_level level, const char *event, const char *fmt, ...)
{
	const struct logger *log = c->ctl->log;
	char fields[FIELDS_MAX];
	va_list ap;

	if (!log || level < log->level)
		return;
	va_start(ap, fmt);
	vsnprintf(fields, sizeof(fields), fmt, ap);
	va_end(ap);
	log_event(log, level, event, "namespace=%s product=%s leads=%s%s%s", c->namespace, LOGW(c->product),
		  controller_leads(c->ctl) ? "true" : "false", fields[0] ? " " : "", fields);
}
