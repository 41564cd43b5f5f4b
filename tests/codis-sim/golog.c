#include "tests/codis-sim/golog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"

enum { LINE_MAX_BYTES = 1 << 20 };

/* One log for the whole process, as in Codis. */
static struct {
	pthread_mutex_t lock;
	int fd;
	enum golog_level level;
} out = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .level = GOLOG_INFO };

static void make_folders(const char *path)
{
	char dir[512];

	for (size_t i = 1; path[i] && i < sizeof(dir); i++) {
		if (path[i] != '/')
			continue;
		snprintf(dir, sizeof(dir), "%.*s", (int)i, path);
		(void)mkdir(dir, 0755); /* what matters is said by open() */
	}
}

void golog_open(const char *path)
{
	char name[512], day[16];
	time_t now = time(NULL);
	struct tm tm;

	strftime(day, sizeof(day), "%Y-%m-%d", localtime_r(&now, &tm));
	snprintf(name, sizeof(name), "%s.%s", path, day);
	make_folders(name);
	out.fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (out.fd < 0) {
		out.fd = STDERR_FILENO;
		golog_panic("open log file %s failed: %s", path, strerror(errno));
	}
}

bool golog_set_level(const char *name)
{
	static const struct {
		const char *name;
		enum golog_level level;
	} levels[] = { { "NONE", GOLOG_NONE },    { "ERROR", GOLOG_ERROR }, { "WARN", GOLOG_WARN },
		       { "WARNING", GOLOG_WARN }, { "INFO", GOLOG_INFO },   { "DEBUG", GOLOG_DEBUG } };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcasecmp(levels[i].name, name) == 0) {
			__atomic_store_n(&out.level, levels[i].level, __ATOMIC_RELAXED);
			return true;
		}
	}
	return false;
}

static void write_line(const char *file, int line, const char *level, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
static void write_line(const char *file, int line, const char *level, const char *fmt, va_list ap)
{
	BUF_CLEANUP struct buf b = BUF_INIT(LINE_MAX_BYTES);
	const char *slash = strrchr(file, '/');
	time_t now = time(NULL);
	char stamp[32];
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", localtime_r(&now, &tm));
	buf_addf(&b, "%s %s:%d: [%s] ", stamp, slash ? slash + 1 : file, line, level);
	buf_vaddf(&b, fmt, ap);
	if (b.len && b.data[b.len - 1] != '\n')
		buf_addch(&b, '\n');
	pthread_mutex_lock(&out.lock);
	if (write(out.fd, b.data, b.len) < 0) {
		/* nowhere left to say so */
	}
	pthread_mutex_unlock(&out.lock);
}

void golog_line(const char *file, int line, enum golog_level level, const char *fmt, ...)
{
	static const char *const names[] = { "NONE", "ERROR", "WARN", "INFO", "DEBUG" };
	va_list ap;

	if (level > __atomic_load_n(&out.level, __ATOMIC_RELAXED))
		return;
	va_start(ap, fmt);
	write_line(file, line, names[level], fmt, ap);
	va_end(ap);
}

void golog_die(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(file, line, "PANIC", fmt, ap);
	va_end(ap);
	exit(1);
}
