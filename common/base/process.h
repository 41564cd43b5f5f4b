/* process.h - what the process itself takes, as Prometheus metrics by the names that every client library gives them.
 */
#ifndef CODIS_BASE_PROCESS_H
#define CODIS_BASE_PROCESS_H

struct buf;

/* Appends process_cpu_seconds_total, process_resident_memory_bytes, process_start_time_seconds, process_open_fds and
 * process_max_fds, in Prometheus' text format; what /proc does not tell is left out. */
void process_metrics_write(struct buf *out);

#endif
