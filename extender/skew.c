#include "extender/skew.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/text.h"

/* One minor version older is what an upgrade of the server leaves behind. */
#define OLDER_MAX 1
/* Of either part; far more than there will be. */
#define PART_MAX 9999

bool skew_version_parse(const char *text, struct skew_version *out)
{
	int major, minor, patch;

	if (sscanf(text, "v%4d.%4d.%4d", &major, &minor, &patch) != 3 || major < 0 || minor < 0 || patch < 0 ||
	    minor > PART_MAX || strlen(text) >= sizeof(out->text))
		return false;
	*out = (struct skew_version){ .major = major, .minor = minor, .patch = patch };
	text_copy(out->text, sizeof(out->text), text);
	return true;
}

/* kubernetes_build_info{build_date="...",git_version="v1.35.4",...} 1, on a line of its own. */
bool skew_version_in_metrics(const char *metrics, struct skew_version *out)
{
	static const char name[] = "\nkubernetes_build_info{", label[] = "git_version=\"";
	const char *line = strstr(metrics, name), *at = line ? strstr(line, label) : NULL;
	const char *end = line ? strchr(line + 1, '\n') : NULL;
	char text[SKEW_VERSION_MAX];
	size_t len;

	if (!at || (end && at > end))
		return false;
	at += sizeof(label) - 1;
	len = strcspn(at, "\"\n");
	if (len >= sizeof(text) || at[len] != '"')
		return false;
	memcpy(text, at, len);
	text[len] = '\0';
	return skew_version_parse(text, out);
}

bool skew_version_is(const struct skew_version *a, const struct skew_version *b)
{
	return strcmp(a->text, b->text) == 0;
}

bool skew_is_wrong(const struct skew_version *scheduler, const struct skew_version *server, struct buf *out)
{
	bool newer = scheduler->major > server->major ||
		     (scheduler->major == server->major && scheduler->minor > server->minor);
	bool older = scheduler->major < server->major ||
		     (scheduler->major == server->major && scheduler->minor + OLDER_MAX < server->minor);

	if (!newer && !older)
		return false;
	buf_addf(out,
		 "set the image of the container scheduler to kube-scheduler:v%d.%d.%d: %s is %s than the API "
		 "server, %s, ",
		 server->major, server->minor, server->patch, scheduler->text,
		 newer ? "newer" : "more than one minor version older", server->text);
	buf_addstr(out, newer ? "and may start and place nothing" : "which Kubernetes does not support");
	return true;
}
