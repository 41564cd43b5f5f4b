#include "webhook/persistence.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/kube/admission.h"
#include "webhook/settings.h"

#define PATH_MAX_BYTES 256

/* Whether it has no AOF and no point in time at which it saves an RDB; "" as the last --save takes all others away.
 * Redis 3.2 has none where it is given any words and none of these. */
static bool saves_nothing(const struct cmdline *c, const struct cmdline_start *s)
{
	char appends[8], save[8];

	return settings_value(c, s, "--appendonly", "no", appends, sizeof(appends)) && strcasecmp(appends, "no") == 0 &&
	       settings_value(c, s, "--save", "", save, sizeof(save)) &&
	       (cmdline_flag(c, s, "--save", NULL) < 0 || cmdline_flag_is(c, s, "--save", ""));
}

/* Where it writes. False: it is not known. */
static bool find_dir(const struct cmdline *c, const struct cmdline_start *s, const cJSON *container, char *out,
		     size_t size)
{
	const char *here = json_str(container, "workingDir", NULL);

	return settings_value(c, s, "--dir", here, out, size) && out[0] == '/' && !strstr(out, "..");
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	return strncmp(path, folder, len) == 0 && (!path[len] || path[len] == '/' || folder[len - 1] == '/');
}

/* Which volume the folder lies on: of mounts within each other the inner one. NULL: on none. */
static const char *volume_at(const cJSON *container, const char *dir)
{
	const char *volume = NULL;
	size_t longest = 0;
	const cJSON *mount;

	json_each(mount, json_get(container, "volumeMounts", NULL)) {
		const char *path = json_str(mount, "mountPath", NULL), *name = json_str(mount, "name", NULL);

		if (path && name && path[0] == '/' && strlen(path) > longest && is_below(dir, path)) {
			longest = strlen(path);
			volume = name;
		}
	}
	return volume;
}

static bool outlives_pod(const cJSON *pod_spec, const char *name)
{
	const cJSON *volume;

	json_each(volume, json_get(pod_spec, "volumes", NULL)) {
		const char *is = json_str(volume, "name", NULL);

		if (is && strcmp(is, name) == 0)
			return json_get(volume, "persistentVolumeClaim", NULL) || json_get(volume, "hostPath", NULL);
	}
	return false;
}

void persistence_warn(const cJSON *pod_spec, const cJSON *container, const struct cmdline *c,
		      struct admission_verdict *v)
{
	const struct cmdline_start *s = &c->starts[0];
	char dir[PATH_MAX_BYTES];
	const char *volume;

	if (c->count != 1 || !saves_nothing(c, s) || !find_dir(c, s, container, dir, sizeof(dir)))
		return;
	volume = volume_at(container, dir);
	if (volume && outlives_pod(pod_spec, volume))
		admission_warn(v, "write --appendonly yes: nothing that clients write is saved to volume %.40s",
			       volume);
}
