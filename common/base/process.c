#include "common/base/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/buf.h"

/* proc(5): the fields of /proc/self/stat behind the program's name, which may have blanks and brackets. */
struct stat_fields {
	unsigned long user_ticks, system_ticks;
	unsigned long long start_ticks; /* after the machine's start */
	long resident_pages;
};

static bool read_line(const char *path, const char *begin, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	bool found = false;

	while (f && !found && fgets(out, (int)size, f))
		found = strncmp(out, begin, strlen(begin)) == 0;
	if (f)
		fclose(f);
	return found;
}

static bool read_stat(struct stat_fields *s)
{
	char line[1024];
	const char *behind;

	if (!read_line("/proc/self/stat", "", line, sizeof(line)) || !(behind = strrchr(line, ')')))
		return false;
	return sscanf(behind + 1,
		      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu %*u %ld",
		      &s->user_ticks, &s->system_ticks, &s->start_ticks, &s->resident_pages) == 4;
}

static bool read_boot_time(unsigned long long *seconds)
{
	char line[256];

	return read_line("/proc/stat", "btime ", line, sizeof(line)) && sscanf(line, "btime %llu", seconds) == 1;
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* without ".", ".." and the folder's own */
}

static void write_one(struct buf *out, const char *name, const char *type, const char *help, double value)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

void process_metrics_write(struct buf *out)
{
	double ticks = (double)sysconf(_SC_CLK_TCK);
	unsigned long long boot;
	struct stat_fields s;
	struct rlimit fds;

	if (read_stat(&s)) {
		write_one(out, "process_cpu_seconds_total", "counter", "User and system CPU time spent in seconds.",
			  (double)(s.user_ticks + s.system_ticks) / ticks);
		write_one(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
			  (double)s.resident_pages * (double)sysconf(_SC_PAGESIZE));
		if (read_boot_time(&boot))
			write_one(out, "process_start_time_seconds", "gauge",
				  "Start time of the process since unix epoch in seconds.",
				  (double)boot + (double)s.start_ticks / ticks);
	}
	write_one(out, "process_open_fds", "gauge", "Number of open file descriptors.", count_fds());
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0)
		write_one(out, "process_max_fds", "gauge", "Maximum number of open file descriptors.",
			  (double)fds.rlim_cur);
}
