#include <pthread.h>

#include "common/base/buf.h"
#include "common/base/metrics.h"
#include "tests/unit/test.h"

#define DROPPED_HEAD                                                                                                   \
	"# HELP codis_metrics_dropped_total Updates of metrics that could not be kept\n"                               \
	"# TYPE codis_metrics_dropped_total counter\n"

static int setup(void **state)
{
	*state = metrics_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	metrics_free(*state);
	return 0;
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(counters_and_gauges)
{
	BUF_CLEANUP struct buf out = BUF_INIT(10000);
	struct metrics *m = *state;
	struct metric *get = metric_counter(m, "requests_total", "method=\"GET\"", "Requests");

	metric_add(get, 2);
	metric_set(metric_gauge(m, "leader", "", "Whether this one leads"), 1);
	metric_add(metric_counter(m, "requests_total", "method=\"PUT\"", "Requests"), 1);
	metric_set(metric_gauge(m, "lag_seconds", "", "Lag"), -0.25);
	assert_ptr_equal(metric_counter(m, "requests_total", "method=\"GET\"", "Requests"), get);
	metric_add(get, 40);
	metrics_write(m, &out);
	assert_string_equal(out.data, "# HELP requests_total Requests\n"
				      "# TYPE requests_total counter\n"
				      "requests_total{method=\"GET\"} 42\n"
				      "requests_total{method=\"PUT\"} 1\n"
				      "# HELP leader Whether this one leads\n"
				      "# TYPE leader gauge\n"
				      "leader 1\n"
				      "# HELP lag_seconds Lag\n"
				      "# TYPE lag_seconds gauge\n"
				      "lag_seconds -0.25\n" DROPPED_HEAD "codis_metrics_dropped_total 0\n");
}

/* A bucket holds what is less than or equal to its bound, and all that the smaller ones hold. */
FIXTURE_TEST(histogram)
{
	BUF_CLEANUP struct buf out = BUF_INIT(10000);
	struct metrics *m = *state;
	struct metric *h = metric_histogram(m, "t_seconds", "op=\"x\"", "Time");

	metric_observe_us(h, 500);
	metric_observe_us(h, 501);
	metric_observe_us(h, 30000000);
	metric_observe_us(h, 30000001);
	metric_observe_us(h, -5);
	metrics_write(m, &out);
	assert_memory_equal(out.data, "# HELP t_seconds Time\n# TYPE t_seconds histogram\n", 49);
	assert_non_null(strstr(out.data, "\nt_seconds_bucket{op=\"x\",le=\"0.0005\"} 2\n"
					 "t_seconds_bucket{op=\"x\",le=\"0.001\"} 3\n"
					 "t_seconds_bucket{op=\"x\",le=\"0.0025\"} 3\n"));
	assert_non_null(strstr(out.data, "t_seconds_bucket{op=\"x\",le=\"10\"} 3\n"
					 "t_seconds_bucket{op=\"x\",le=\"30\"} 4\n"
					 "t_seconds_bucket{op=\"x\",le=\"+Inf\"} 5\n"
					 "t_seconds_sum{op=\"x\"} 60.001002\n"
					 "t_seconds_count{op=\"x\"} 5\n"));
}

FIXTURE_TEST(histogram_without_labels)
{
	BUF_CLEANUP struct buf out = BUF_INIT(10000);
	struct metrics *m = *state;

	metric_observe_us(metric_histogram(m, "t_seconds", "", "Time"), 1000);
	metrics_write(m, &out);
	assert_non_null(strstr(out.data, "\nt_seconds_bucket{le=\"0.0005\"} 0\nt_seconds_bucket{le=\"0.001\"} 1\n"));
	assert_non_null(strstr(out.data, "\nt_seconds_sum 0.001000\nt_seconds_count 1\n"));
}

FIXTURE_TEST(series_are_limited)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1000000);
	struct metrics *m = *state;
	char labels[32];

	for (int i = 0; i < 1005; i++) {
		snprintf(labels, sizeof(labels), "pod=\"%d\"", i);
		metric_add(metric_counter(m, "many_total", labels, "Many"), 7);
	}
	metric_add(metric_counter(m, "other_total", "", "Other"), 1);
	metrics_write(m, &out);
	assert_non_null(strstr(out.data, "many_total{pod=\"999\"} 7\n"));
	assert_null(strstr(out.data, "pod=\"1000\""));
	assert_non_null(strstr(out.data, "\nother_total 1\n"));
	assert_non_null(strstr(out.data, "\ncodis_metrics_dropped_total 5\n"));
}

FIXTURE_TEST(a_name_has_one_type)
{
	BUF_CLEANUP struct buf out = BUF_INIT(10000);
	struct metrics *m = *state;

	metric_add(metric_counter(m, "a_total", "", "A"), 1);
	metric_set(metric_gauge(m, "a_total", "", "A"), 9);
	metric_observe_us(metric_histogram(m, "a_total", "", "A"), 9);
	metric_set(metric_counter(m, "a_total", "", "A"), 9); /* not what a counter does */
	metrics_write(m, &out);
	assert_non_null(strstr(out.data, "\na_total 1\n"));
	assert_non_null(strstr(out.data, "\ncodis_metrics_dropped_total 2\n"));
}

static void *count(void *arg)
{
	struct metrics *m = arg;
	char labels[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(labels, sizeof(labels), "n=\"%d\"", i % 10);
		metric_add(metric_counter(m, "c_total", labels, "C"), 1);
		metric_observe_us(metric_histogram(m, "h_seconds", "", "H"), i);
		metric_set(metric_gauge(m, "g", "", "G"), i);
	}
	return NULL;
}

FIXTURE_TEST(threads)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1000000);
	struct metrics *m = *state;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, m), 0);
	for (int i = 0; i < 20; i++)
		metrics_write(m, &out);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	buf_reset(&out);
	metrics_write(m, &out);
	assert_non_null(strstr(out.data, "c_total{n=\"9\"} 2000\n"));
	assert_non_null(strstr(out.data, "h_seconds_count 20000\n"));
	assert_non_null(strstr(out.data, "\ng 4999\n"));
}
