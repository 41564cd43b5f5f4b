#include <errno.h>
#include <unistd.h>

#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/programs.h"

void pidfile_write(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "%d", (int)getpid()) < 0)
		golog_warn("write pidfile = '%s' failed\n[error]: %s", path, strerror(errno));
	else
		golog_warn("option --pidfile = %s", path);
	if (f)
		fclose(f);
}

void pidfile_remove(const char *path)
{
	if (unlink(path) < 0)
		golog_warn("remove pidfile = '%s' failed\n[error]: %s", path, strerror(errno));
}
