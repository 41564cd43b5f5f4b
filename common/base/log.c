#include "common/base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/text.h"

#define LINE_MAX_LEN 2048 /* less than PIPE_BUF */

static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* "ts=... level=... event=... " into line. Its length. */
static size_t write_head(char *line, size_t size, enum log_level level, const char *event)
{
	char ts[32];

	clock_rfc3339(clock_wall_ms(), ts, sizeof(ts));
	ts[23] = 'Z'; /* milliseconds are enough for a reader */
	ts[24] = '\0';
	return (size_t)snprintf(line, size, "ts=%s level=%s event=%s ", ts, level_names[level], event);
}

/* A pipe that nobody reads must not hold up who logs: a line that does not go out now is lost. One write a line, and of
 * less than PIPE_BUF, which poll() promises room for; so lines of several threads do not mix, either. */
static bool write_line(const struct logger *lg, const char *line, size_t n)
{
	struct pollfd room = { .fd = lg->fd, .events = POLLOUT };

	return poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) && write(lg->fd, line, n) == (ssize_t)n;
}

/* Under the lock. */
static void tell_loss(const struct logger *lg, struct log_loss *loss)
{
	char line[256];
	size_t n = write_head(line, sizeof(line), LOG_LEVEL_WARN, "log.lost");

	n += (size_t)snprintf(line + n, sizeof(line) - n, "lines=%lu\n", loss->lines);
	if (write_line(lg, line, n))
		loss->lines = 0;
}

/* The lock keeps another thread from taking the room that poll() has seen. */
static void write_or_count(const struct logger *lg, struct log_loss *loss, const char *line, size_t n)
{
	pthread_mutex_lock(&loss->lock);
	if (loss->lines)
		tell_loss(lg, loss);
	if (loss->lines || !write_line(lg, line, n))
		loss->lines++;
	pthread_mutex_unlock(&loss->lock);
}

void log_event(const struct logger *lg, enum log_level level, const char *event, const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list ap;
	size_t n;

	if (!lg || level < lg->level)
		return;
	n = write_head(line, sizeof(line), level, event);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	n = text_fit(line, sizeof(line) - 2);
	line[n++] = '\n';
	if (lg->loss)
		write_or_count(lg, lg->loss, line, n);
	else
		(void)write_line(lg, line, n);
}

/* Not what terminals obey: C0, DEL and C1. */
static bool is_shown(int32_t c)
{
	return c >= ' ' && (c < 0x7f || c >= 0xa0);
}

char *log_quote(const char *s, char *out, size_t size)
{
	size_t n = 0, len, step;

	out[n++] = '"';
	for (; s && *s; s += step) {
		len = is_shown(text_character(s, strnlen(s, TEXT_CHARACTER_MAX), &step)) ? step : 0;
		if (n + (len ? len : 1) + (*s == '"' || *s == '\\') + 1 >= size)
			break;
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		if (!len)
			out[n++] = ' ';
		memcpy(out + n, s, len);
		n += len;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

char *log_word(const char *s, char *out, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/,[]+@";
	size_t len = s ? strlen(s) : 0;

	if (len >= size || strspn(s ? s : "", plain) != len)
		return log_quote(s, out, size);
	if (len)
		memcpy(out, s, len);
	out[len] = '\0';
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
