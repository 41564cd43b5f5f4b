/* clock.h - time: milliseconds everywhere; monotonic for waiting, wall for what is shown or compared with others. */
#ifndef CODIS_BASE_CLOCK_H
#define CODIS_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct error;

int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);
int64_t clock_mono_us(void);
/* CPU time of this thread. */
int64_t clock_thread_us(void);

/* Writes wall time as Kubernetes' MicroTime ("2006-01-02T15:04:05.000000Z"). size >= 32. Returns out. */
char *clock_rfc3339(int64_t wall_ms, char *out, size_t size);

/* Parses RFC 3339 as Kubernetes writes it (UTC "Z" or an offset, optional fraction). 0, or -1 and *err. */
int clock_parse_rfc3339(const char *s, int64_t *wall_ms, struct error *err);

#endif
