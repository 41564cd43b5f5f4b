#include "controller/status_said.h"

#include <string.h>

#include "common/base/json.h"

const char *status_said_proxy(const cJSON *proxy, bool *serves)
{
	const char *lacks = !json_bool(false, proxy, "answers", NULL)      ? "does not answer"
			    : !json_bool(false, proxy, "registered", NULL) ? "not registered"
			    : !json_bool(false, proxy, "online", NULL)     ? "not online"
									   : NULL;

	*serves = !lacks;
	return lacks ? lacks : "serves";
}

bool status_said_fine(const char *state)
{
	return strcmp(state, "master") == 0 || strcmp(state, "synced") == 0;
}
