/* fuzz: -max_len=8192 */
/* Any text as a kubeconfig, in a folder where it lies alone: the files that it may name beside it are not there, or are
 * itself. */
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/kube/config.h"
#include "tests/fuzz/fuzz.h"

#define FOLDER_MAX 200

static char folder[FOLDER_MAX], path[FOLDER_MAX + 8]; /* path leads to the file, which is in memory */
static int file;

static void tidy_up(void)
{
	unlink(path);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *parent = getenv("TMPDIR");
	char target[64];

	(void)argc;
	(void)argv;
	CHECK(snprintf(folder, sizeof(folder), "%s/fuzz.XXXXXX", parent ? parent : "/tmp") < FOLDER_MAX);
	CHECK(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/config", folder);
	file = memfd_create("kubeconfig", MFD_CLOEXEC);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", file);
	CHECK(file >= 0 && symlink(target, path) == 0);
	atexit(tidy_up);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kube_config config;
	struct error err = ERROR_INIT;

	CHECK(ftruncate(file, 0) == 0 && pwrite(file, data, len, 0) == (ssize_t)len);
	if (kube_config_load(&config, path, &err) == 0) {
		CHECK(config.server && config.namespace);
		kube_config_release(&config);
	} else {
		CHECK(err.code != ERR_NONE && err.text[0]);
	}
	return 0;
}
