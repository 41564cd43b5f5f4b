#include "common/kube/warning.h"

#include <string.h>

#include "common/base/buf.h"

/* Behind the code and the agent, which is a host or a name, or "-". NULL: it is none of these. */
static const char *quoted(const char *value)
{
	const char *agent;

	if (strncmp(value, "299 ", 4) != 0)
		return NULL;
	agent = value + 4;
	value = agent + strcspn(agent, " \"");
	return value > agent && value[0] == ' ' && value[1] == '"' ? value + 2 : NULL;
}

bool kube_warning_text(const char *value, struct buf *out)
{
	buf_reset(out);
	for (value = quoted(value); value && *value && *value != '"'; value++) {
		if (*value == '\\' && value[1])
			value++;
		buf_addch(out, *value);
	}
	return value && *value == '"' && out->len && !out->failed;
}
