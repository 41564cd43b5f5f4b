#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/process.h"
#include "tests/unit/test.h"

static double value_of(const char *text, const char *name)
{
	char head[100];
	const char *line;

	snprintf(head, sizeof(head), "\n%s ", name);
	line = strstr(text, head);
	assert_non_null(line);
	return strtod(line + strlen(head), NULL);
}

TEST(what_the_process_takes)
{
	BUF_CLEANUP struct buf out = BUF_INIT(10000), more = BUF_INIT(10000);
	double now = (double)time(NULL);
	int fds[2];

	process_metrics_write(&out);
	assert_true(value_of(out.data, "process_resident_memory_bytes") > 100e3);
	assert_true(value_of(out.data, "process_resident_memory_bytes") < 100e9);
	assert_true(value_of(out.data, "process_start_time_seconds") <= now + 1);
	assert_true(value_of(out.data, "process_start_time_seconds") > now - 86400);
	assert_true(value_of(out.data, "process_cpu_seconds_total") < 3600);
	assert_true(value_of(out.data, "process_max_fds") >= value_of(out.data, "process_open_fds"));
	assert_int_equal(pipe(fds), 0);
	process_metrics_write(&more);
	assert_true(value_of(more.data, "process_open_fds") == value_of(out.data, "process_open_fds") + 2);
	close(fds[0]);
	close(fds[1]);
}

/* A program may be called anything: "a) b (c". */
TEST(a_name_with_brackets)
{
	BUF_CLEANUP struct buf out = BUF_INIT(10000);
	FILE *f = fopen("/proc/self/comm", "we");

	assert_non_null(f);
	assert_true(fputs("a) 1 (c", f) >= 0);
	assert_int_equal(fclose(f), 0);
	process_metrics_write(&out);
	assert_true(value_of(out.data, "process_resident_memory_bytes") > 100e3);
	assert_true(value_of(out.data, "process_cpu_seconds_total") < 3600);
}
