#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/programs.h"

/* codis-server is Redis 3.2.11 with Codis' commands. Here it is the redis-server of the system with a module that
 * levels the differences (module/level.c) and the settings that 3.2 had. The process becomes redis-server: same pid, no
 * wrapper. */

#define REDIS_SERVER "redis-server"
#define REDIS_CHECK  "redis-check-rdb" /* the same program; Debian's redis-tools have it without a service */
#define MODULE       "codis-sim.so"

static const char *const settings[] = {
	"--repl-diskless-sync",   "no", /* 3.2: a snapshot on disk first */
	"--repl-diskless-load",   "disabled", "--enable-module-command", "no",
	"--enable-debug-command", "yes", /* 3.2 had no such switch */
	"--set-proc-title",       "no",
};

enum { EXTRA = sizeof(settings) / sizeof(settings[0]) + 3 };

/* codis-sim.so stands beside the program. */
static void find_module(char out[PATH_MAX])
{
	char self[PATH_MAX - 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *given = getenv("CODIS_SIM_MODULE");
	char *slash;

	if (given) {
		snprintf(out, PATH_MAX, "%s", given);
		return;
	}
	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	snprintf(out, PATH_MAX, "%s/" MODULE, self);
}

/* CONFIG REWRITE has put the module into the file; loading it twice ends redis-server. */
static bool file_loads_module(const char *path)
{
	FILE *f = *path == '-' ? NULL : fopen(path, "re");
	bool found = false;
	char line[1024];

	while (f && fgets(line, sizeof(line), f))
		found |= strncmp(line, "loadmodule ", 11) == 0 && strstr(line, MODULE);
	if (f)
		fclose(f);
	return found;
}

int server_main(int argc, char **argv)
{
	char module[PATH_MAX], **args = calloc((size_t)argc + EXTRA + 1, sizeof(*args));
	int n;

	if (!args)
		golog_panic("no memory");
	find_module(module);
	if (access(module, R_OK) < 0)
		golog_panic("%s: %s (it levels what differs from Codis' Redis 3.2)", module, strerror(errno));
	for (n = 0; n < argc; n++)
		args[n] = argv[n];
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		args[n++] = (char *)(uintptr_t)settings[i];
	if (argc < 2 || !file_loads_module(argv[1])) {
		args[n++] = (char *)(uintptr_t) "--loadmodule";
		args[n++] = module;
	}
	execvp(REDIS_SERVER, args);
	execvp(REDIS_CHECK, args);
	golog_panic("%s: %s", REDIS_SERVER, strerror(errno));
}
