#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void log_event(const struct logger *lg, enum log_level level, const char *event, const char *fmt, ...)
{
	char line[2048], ts[32];
	va_list ap;
	size_t n;
	int r;

	if (!lg || level < lg->level)
		return;
	clock_rfc3339(clock_wall_ms(), ts, sizeof(ts));
	ts[23] = 'Z'; /* milliseconds are enough for a reader */
	ts[24] = '\0';
	n = (size_t)snprintf(line, sizeof(line), "ts=%s level=%s event=%s ", ts, level_names[level], event);
	va_start(ap, fmt);
	r = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	if (r > 0)
		n += (size_t)r < sizeof(line) - n - 1 ? (size_t)r : sizeof(line) - n - 2;
	line[n++] = '\n';
	/* One write a line, so that lines of several threads do not mix. Nobody is left to be told that it failed. */
	if (write(lg->fd, line, n) < 0)
		return;
}

char *log_quote(const char *s, char *out, size_t size)
{
	size_t n = 0;

	out[n++] = '"';
	for (; s && *s && n + 3 < size; s++) {
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		out[n++] = (unsigned char)*s < 0x20 ? ' ' : *s;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

int log_level_parse(const char *s, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(s, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}
