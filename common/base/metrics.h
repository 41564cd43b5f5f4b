/* metrics.h - Prometheus text format (version 0.0.4): counters, gauges, histograms. Safe from any thread. */
#ifndef CODIS_BASE_METRICS_H
#define CODIS_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct metrics;
struct metric;

struct metrics *metrics_new(void); /* NULL: no memory */
void metrics_free(struct metrics *m);

/* Finds or makes the series of `name` with these labels (`method="GET",code="200"`, or "" for none). name and help must
 * be literals or outlive m. Never NULL: when memory runs out or a family has over 1,000 series, a shared series that is
 * shown as codis_metrics_dropped_total takes the value. */
struct metric *metric_counter(struct metrics *m, const char *name, const char *labels, const char *help);
struct metric *metric_gauge(struct metrics *m, const char *name, const char *labels, const char *help);
/* Buckets for latencies in seconds: 0.5 ms to 30 s. */
struct metric *metric_histogram(struct metrics *m, const char *name, const char *labels, const char *help);

void metric_add(struct metric *c, uint64_t n);
void metric_set(struct metric *g, double value);
void metric_observe_us(struct metric *h, int64_t microseconds);

void metrics_write(struct metrics *m, struct buf *out);

#endif
