/* log.h - structured log lines (logfmt): time, level, event, then key=value fields.
 *
 *   log_info(lg, "failover.promoted", "group=%d server=%s ms=%d", gid, addr, ms);
 *   -> ts=2026-01-02T03:04:05.678Z level=info event=failover.promoted group=1 server=10.0.0.1:6379 ms=31
 *
 * The event is vocabulary: the same name stands in the log, the metric and the test. Why something failed is `error`,
 * why something was decided `why`. Values that may hold blanks are quoted by the caller with LOGQ (log_quote). Only
 * programs log; never a secret.
 */
#ifndef CODIS_BASE_LOG_H
#define CODIS_BASE_LOG_H

#include <pthread.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* What was not read in time, and so not logged. */
struct log_loss {
	pthread_mutex_t lock;
	unsigned long lines;
};

#define LOG_LOSS_INIT                                                                                                  \
	{                                                                                                              \
		.lock = PTHREAD_MUTEX_INITIALIZER                                                                      \
	}

struct logger {
	int fd;
	enum log_level level;
	struct log_loss *loss; /* shared by all copies; NULL: nobody counts */
};

/* Never waits: a line that the descriptor has no room for is lost and counted, and event=log.lost says how many there
 * were as soon as something goes out again. Any thread. */

void log_event(const struct logger *lg, enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define log_debug(lg, ...) log_event(lg, LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(lg, ...)  log_event(lg, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(lg, ...)  log_event(lg, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(lg, ...) log_event(lg, LOG_LEVEL_ERROR, __VA_ARGS__)

/* Writes s as a quoted logfmt value into out: quotes and backslashes escaped, what is no
 * character of UTF-8 or controls a terminal (C0, DEL, C1) blank, cut to size behind a whole character. Returns
 * out. */
char *log_quote(const char *s, char *out, size_t size);
#define LOGQ(s) log_quote((s), (char[640]){ 0 }, 640)

/* The same for what is one word by rule, but comes from outside: as it is where it is that, else quoted. */
char *log_word(const char *s, char *out, size_t size);
#define LOGW(s) log_word((s), (char[640]){ 0 }, 640)

/* "debug" | "info" | "warn" | "error" -> level; -1 when it is none of them. */
int log_level_parse(const char *s, enum log_level *level);

#endif
