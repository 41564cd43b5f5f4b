#include "common/base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

#define SERIES_MAX 1000 /* of one family; more is a label that should be none */

static const struct {
	int64_t us;
	const char *le;
} buckets[] = {
	{ 500, "0.0005" },  { 1000, "0.001" },  { 2500, "0.0025" }, { 5000, "0.005" },
	{ 10000, "0.01" },  { 25000, "0.025" }, { 50000, "0.05" },  { 100000, "0.1" },
	{ 250000, "0.25" }, { 500000, "0.5" },  { 1000000, "1" },   { 2500000, "2.5" },
	{ 5000000, "5" },   { 10000000, "10" }, { 30000000, "30" }, { INT64_MAX, "+Inf" },
};
#define BUCKETS (sizeof(buckets) / sizeof(buckets[0]))

enum kind { COUNTER, GAUGE, HISTOGRAM, DROPPED };

struct histogram {
	atomic_uint_fast64_t sum_us;
	atomic_uint_fast64_t counts[BUCKETS]; /* of each bucket alone; added up when written */
};

struct metric {
	struct metric *next;
	char *labels;
	enum kind kind;
	union {
		atomic_uint_fast64_t count;
		_Atomic double value;
		struct histogram *histogram;
	};
};

struct family {
	struct family *next;
	const char *name, *help;
	enum kind kind;
	int n;
	struct metric *first, **last;
};

struct metrics {
	pthread_mutex_t lock; /* of the lists; values are atomic */
	struct family *first, **last;
	struct metric dropped;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	m->last = &m->first;
	m->dropped.kind = DROPPED;
	return m;
}

static void metric_free(struct metric *s)
{
	if (!s)
		return;
	if (s->kind == HISTOGRAM)
		free(s->histogram);
	free(s->labels);
	free(s);
}

void metrics_free(struct metrics *m)
{
	struct family *f, *next_family;
	struct metric *s, *next;

	if (!m)
		return;
	for (f = m->first; f; f = next_family) {
		next_family = f->next;
		for (s = f->first; s; s = next) {
			next = s->next;
			metric_free(s);
		}
		free(f);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct family *find_family(struct metrics *m, enum kind kind, const char *name, const char *help)
{
	struct family *f;

	for (f = m->first; f; f = f->next)
		if (strcmp(f->name, name) == 0)
			return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	*f = (struct family){ .name = name, .help = help, .kind = kind, .last = &f->first };
	*m->last = f;
	m->last = &f->next;
	return f;
}

static struct metric *new_series(struct family *f, const char *labels)
{
	struct metric *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->kind = f->kind;
	s->labels = strdup(labels);
	if (s->kind == HISTOGRAM)
		s->histogram = calloc(1, sizeof(*s->histogram));
	if (!s->labels || (s->kind == HISTOGRAM && !s->histogram)) {
		metric_free(s);
		return NULL;
	}
	*f->last = s;
	f->last = &s->next;
	f->n++;
	return s;
}

static struct metric *find_series(struct metrics *m, enum kind kind, const char *name, const char *labels,
				  const char *help)
{
	struct family *f = find_family(m, kind, name, help);
	struct metric *s;

	if (!f || f->kind != kind)
		return NULL;
	for (s = f->first; s; s = s->next)
		if (strcmp(s->labels, labels) == 0)
			return s;
	return f->n < SERIES_MAX ? new_series(f, labels) : NULL;
}

static struct metric *get(struct metrics *m, enum kind kind, const char *name, const char *labels, const char *help)
{
	struct metric *s;

	pthread_mutex_lock(&m->lock);
	s = find_series(m, kind, name, labels, help);
	pthread_mutex_unlock(&m->lock);
	return s ? s : &m->dropped;
}

struct metric *metric_counter(struct metrics *m, const char *name, const char *labels, const char *help)
{
	return get(m, COUNTER, name, labels, help);
}

struct metric *metric_gauge(struct metrics *m, const char *name, const char *labels, const char *help)
{
	return get(m, GAUGE, name, labels, help);
}

struct metric *metric_histogram(struct metrics *m, const char *name, const char *labels, const char *help)
{
	return get(m, HISTOGRAM, name, labels, help);
}

/* Whether s is what the caller takes it for; a drop is counted. */
static bool is_kind(struct metric *s, enum kind kind)
{
	if (s->kind == DROPPED)
		atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
	return s->kind == kind;
}

void metric_add(struct metric *c, uint64_t n)
{
	if (is_kind(c, COUNTER))
		atomic_fetch_add_explicit(&c->count, n, memory_order_relaxed);
}

void metric_set(struct metric *g, double value)
{
	if (is_kind(g, GAUGE))
		atomic_store_explicit(&g->value, value, memory_order_relaxed);
}

void metric_observe_us(struct metric *h, int64_t us)
{
	size_t i = 0;

	if (!is_kind(h, HISTOGRAM))
		return;
	if (us < 0)
		us = 0;
	while (us > buckets[i].us)
		i++;
	atomic_fetch_add_explicit(&h->histogram->counts[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->histogram->sum_us, (uint64_t)us, memory_order_relaxed);
}

static void write_sample(struct buf *out, const char *name, const char *labels)
{
	buf_addstr(out, name);
	if (*labels)
		buf_addf(out, "{%s}", labels);
	buf_addch(out, ' ');
}

static void write_histogram(struct buf *out, const char *name, const struct metric *s)
{
	uint64_t total = 0, sum = atomic_load_explicit(&s->histogram->sum_us, memory_order_relaxed);
	const char *open = *s->labels ? "{" : "", *close = *s->labels ? "}" : "";

	for (size_t i = 0; i < BUCKETS; i++) {
		total += atomic_load_explicit(&s->histogram->counts[i], memory_order_relaxed);
		buf_addf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, s->labels, *s->labels ? "," : "",
			 buckets[i].le, total);
	}
	buf_addf(out, "%s_sum%s%s%s %" PRIu64 ".%06" PRIu64 "\n", name, open, s->labels, close, sum / 1000000,
		 sum % 1000000);
	buf_addf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, s->labels, close, total);
}

static void write_series(struct buf *out, const char *name, const struct metric *s)
{
	switch (s->kind) {
	case HISTOGRAM: write_histogram(out, name, s); break;
	case GAUGE:
		write_sample(out, name, s->labels);
		buf_addf(out, "%.15g\n", atomic_load_explicit(&s->value, memory_order_relaxed));
		break;
	case COUNTER:
	case DROPPED:
		write_sample(out, name, s->labels);
		buf_addf(out, "%" PRIu64 "\n", (uint64_t)atomic_load_explicit(&s->count, memory_order_relaxed));
		break;
	}
}

static void write_head(struct buf *out, const char *name, const char *help, const char *type)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_write(struct metrics *m, struct buf *out)
{
	static const char *const types[] = { [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram" };
	static const char dropped[] = "codis_metrics_dropped_total";

	pthread_mutex_lock(&m->lock);
	for (const struct family *f = m->first; f; f = f->next) {
		write_head(out, f->name, f->help, types[f->kind]);
		for (const struct metric *s = f->first; s; s = s->next)
			write_series(out, f->name, s);
	}
	pthread_mutex_unlock(&m->lock);
	write_head(out, dropped, "Updates of metrics that could not be kept", "counter");
	buf_addf(out, "%s %" PRIu64 "\n", dropped, (uint64_t)atomic_load(&m->dropped.count));
}
