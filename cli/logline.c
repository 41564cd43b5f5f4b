#include "cli/logline.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

#define TIME_MAX 48
#define NS_IN_S  INT64_C(1000000000)

/* Milliseconds are too coarse: two lines that are written at once stand in their order. */
static int64_t fraction_ns(const char *time)
{
	const char *at = strchr(time, '.');
	int64_t ns = 0, unit = NS_IN_S / 10;

	for (; at && unit && at[1] >= '0' && at[1] <= '9'; at++, unit /= 10)
		ns += (at[1] - '0') * unit;
	return ns;
}

bool logline_time(const char *line, size_t len, int64_t *at_ns, size_t *text)
{
	const char *blank = memchr(line, ' ', len);
	char time[TIME_MAX];
	int64_t ms;

	if (!blank || (size_t)(blank - line) >= sizeof(time))
		return false;
	snprintf(time, sizeof(time), "%.*s", (int)(blank - line), line);
	if (clock_parse_rfc3339(time, &ms, NULL) < 0 || ms < 0 || ms / 1000 > INT64_MAX / NS_IN_S - 1)
		return false;
	*at_ns = ms / 1000 * NS_IN_S + fraction_ns(time);
	*text = (size_t)(blank - line) + 1;
	return true;
}

/* Behind the value that begins here: a quoted one may have blanks. */
static const char *value_end(const char *at, const char *end)
{
	bool quoted = at < end && *at == '"';

	for (at += quoted; at < end && (quoted ? *at != '"' : *at != ' '); at++)
		at += quoted && *at == '\\' && at + 1 < end;
	return quoted && at < end ? at + 1 : at;
}

bool logline_next(const char **at, const char *end, struct logline_field *f)
{
	const char *begin = *at, *equals;

	while (begin < end && *begin == ' ')
		begin++;
	*at = begin;
	if (begin == end)
		return false;
	for (equals = begin; equals < end && *equals != '=' && *equals != ' ' && *equals != '"';)
		equals++;
	*f = (struct logline_field){ .name = begin, .value = begin };
	if (equals < end && *equals == '=') {
		f->name_len = (size_t)(equals - begin);
		f->value = equals + 1;
	}
	*at = value_end(f->value, end);
	f->value_len = (size_t)(*at - f->value);
	return true;
}

bool logline_is(const struct logline_field *f, const char *name)
{
	return f->name_len == strlen(name) && memcmp(f->name, name, f->name_len) == 0;
}

char *logline_value(const struct logline_field *f, char *out, size_t size)
{
	bool quoted = f->value_len && f->value[0] == '"';
	size_t end = f->value_len - (quoted && f->value_len > 1 && f->value[f->value_len - 1] == '"'), n = 0;

	for (size_t i = quoted; i < end && n + 1 < size; i++) {
		i += quoted && f->value[i] == '\\' && i + 1 < end;
		out[n++] = f->value[i];
	}
	out[n] = '\0';
	return out;
}

char *logline_get(const char *text, size_t len, const char *name, char *out, size_t size)
{
	struct logline_field f;

	out[0] = '\0';
	for (const char *at = text; logline_next(&at, text + len, &f);)
		if (logline_is(&f, name))
			return logline_value(&f, out, size);
	return out;
}
