#include "cli/ops.h"

#include <string.h>

#include "common/base/json.h"

#define OPS_PORT 8080

int ops_port(const cJSON *pod)
{
	const cJSON *container, *port;

	json_each(container, json_get(pod, "spec", "containers", NULL)) {
		json_each(port, json_get(container, "ports", NULL)) {
			const char *name = json_str(port, "name", NULL);

			if (name && strcmp(name, "ops") == 0)
				return (int)json_int(OPS_PORT, port, "containerPort", NULL);
		}
	}
	return OPS_PORT;
}
