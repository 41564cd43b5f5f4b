#include "common/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/error.h"

static int64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t clock_thread_us(void)
{
	return now_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_mono_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_wall_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000;
}

char *clock_rfc3339(int64_t wall_ms, char *out, size_t size)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, size - n, ".%03d000Z", (int)(wall_ms % 1000));
	return out;
}

/* ".123456" -> 123; moves *p behind it. */
static int parse_fraction_ms(const char **p)
{
	int ms = 0, scale = 100;

	if (**p != '.')
		return 0;
	for ((*p)++; isdigit((unsigned char)**p); (*p)++) {
		ms += (**p - '0') * scale;
		scale /= 10;
	}
	return ms;
}

int clock_parse_rfc3339(const char *s, int64_t *wall_ms, struct error *err)
{
	struct tm tm = { 0 };
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	int ms, hours, minutes, used = 0;
	int64_t offset = 0;

	if (!p)
		return error_set(err, ERR_INVALID, "\"%.64s\" is not an RFC 3339 time", s);
	ms = parse_fraction_ms(&p);
	if ((*p == '+' || *p == '-') && sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2 && used == 5) {
		offset = (int64_t)(hours * 60 + minutes) * 60000 * (*p == '-' ? -1 : 1);
		p += 6;
	} else if (*p == 'Z') {
		p++;
	} else {
		return error_set(err, ERR_INVALID, "\"%.64s\" has no time zone, RFC 3339 wants one", s);
	}
	if (*p)
		return error_set(err, ERR_INVALID, "\"%.64s\" has something behind the time", s);
	*wall_ms = (int64_t)timegm(&tm) * 1000 + ms - offset;
	return 0;
}
