#include "common/kube/ops_pod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"

#define OPS_PORT 8080

int ops_pod_port(const cJSON *pod)
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

/* Behind the first words of a line that begins so; NULL: none does. */
static const char *behind(const char *text, const char *begins)
{
	size_t len = strlen(begins);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += line != text;
		if (strncmp(line, begins, len) == 0)
			return line + len;
	}
	return NULL;
}

static int64_t certificate_ms(const char *metrics, const char *what, const char *which)
{
	char begins[128], *end;
	const char *value;
	double seconds;

	snprintf(begins, sizeof(begins), "codis_webhook_certificate_%s_timestamp_seconds{which=\"%s\"} ", what, which);
	value = behind(metrics, begins);
	if (!value)
		return -1;
	seconds = strtod(value, &end);
	return *end == '\n' && seconds >= 0 && seconds < 1e11 ? (int64_t)(seconds * 1000) : -1;
}

int64_t ops_pod_certificate_ms(const char *metrics, const char *which)
{
	return certificate_ms(metrics, "expiration", which);
}

int64_t ops_pod_certificate_late_ms(const char *metrics, const char *which)
{
	return certificate_ms(metrics, "late", which);
}

bool ops_pod_version(const char *metrics, char *out, size_t size)
{
	static const char label[] = "version=\"";
	const char *labels = behind(metrics, "codis_build_info{");
	const char *value = labels ? strstr(labels, label) : NULL;
	size_t len = value ? strcspn(value + sizeof(label) - 1, "\"\n") : 0;

	if (!value || value > labels + strcspn(labels, "\n") || !len || len >= size)
		return false;
	memcpy(out, value + sizeof(label) - 1, len);
	out[len] = '\0';
	return true;
}
