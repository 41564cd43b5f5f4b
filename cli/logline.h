/* logline.h - a line of a pod's log with its time, as the kubelet gives it, and the fields of logfmt in it
 * (common/base/log.h writes them). */
#ifndef CODIS_CLI_LOGLINE_H
#define CODIS_CLI_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parts of a line, which has to stay. */
struct logline_field {
	const char *name, *value; /* value: as it stands, quotes and all */
	size_t name_len, value_len;
};

/* Splits "2006-01-02T15:04:05.000000000Z text" of len bytes: the time in nanoseconds since 1970, and where the text
 * begins. False: it does not begin with a time. */
bool logline_time(const char *line, size_t len, int64_t *at_ns, size_t *text);

/* The next field from *at on, up to `end`; *at moves behind it. A word without "=" is a value without a name. False:
 * there is none. */
bool logline_next(const char **at, const char *end, struct logline_field *f);
bool logline_is(const struct logline_field *f, const char *name);
/* Its value without quotes and escapes, as much as has room. Returns out. */
char *logline_value(const struct logline_field *f, char *out, size_t size);
/* The value of the field of that name, or "". Returns out. */
char *logline_get(const char *text, size_t len, const char *name, char *out, size_t size);

#endif
