#include "common/codis/asks.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/kube/quantity.h"

/* --- memory ------------------------------------------------------------------------------------------------------- */

static uint32_t sum(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static uint32_t greater(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t request_of(const cJSON *container)
{
	return quantity_mib(json_get(container, "resources", "requests", "memory", NULL));
}

/* Those that stay run beside the ones behind them. */
static uint32_t of_init_containers(const cJSON *pod_spec, uint32_t *stay)
{
	const cJSON *c;
	uint32_t most = 0;

	json_each(c, json_get(pod_spec, "initContainers", NULL)) {
		const char *policy = json_str(c, "restartPolicy", NULL);
		bool stays = policy && strcmp(policy, "Always") == 0;

		most = greater(most, sum(*stay, request_of(c)));
		*stay = stays ? sum(*stay, request_of(c)) : *stay;
	}
	return most;
}

uint32_t asks_memory_mib(const cJSON *pod_spec)
{
	uint32_t own = request_of(pod_spec), containers = 0, init = of_init_containers(pod_spec, &containers);
	const cJSON *c;

	json_each(c, json_get(pod_spec, "containers", NULL))
		containers = sum(containers, request_of(c));
	return sum(own ? own : greater(containers, init), quantity_mib(json_get(pod_spec, "overhead", "memory", NULL)));
}

uint32_t asks_allocatable_mib(const cJSON *node)
{
	return quantity_mib(json_get(node, "status", "allocatable", "memory", NULL));
}

/* --- taints ------------------------------------------------------------------------------------------------------- */

#define EFFECT "PreferNoSchedule"

static bool is(const char *text, const char *other)
{
	return text && strcmp(text, other) == 0;
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = json_str(object, name, NULL);

	return text ? text : "";
}

/* At *end; false where there is no room. What has a comma of its own is none that the API server has let in. */
static bool add(char *out, size_t size, size_t *end, const char *key, const char *equals, const char *value)
{
	int len = snprintf(out + *end, size - *end, "%s%s%s,", key, equals, value);

	if (len > 0 && (size_t)len < size - *end && strcspn(out + *end, ",") == (size_t)len - 1) {
		*end += (size_t)len;
		return true;
	}
	out[*end] = '\0';
	return false;
}

void asks_tolerates(const cJSON *pod_spec, char *out, size_t size)
{
	size_t end = 0;
	const cJSON *t;

	out[0] = '\0';
	json_each(t, json_get(pod_spec, "tolerations", NULL)) {
		const char *key = text_of(t, "key"), *value = text_of(t, "value"), *effect = text_of(t, "effect");
		bool exists = is(json_str(t, "operator", NULL), "Exists");

		if ((effect[0] && !is(effect, EFFECT)) || (!key[0] && !exists))
			continue;
		if (!add(out, size, &end, key[0] ? key : "*", exists ? "" : "=", exists ? "" : value))
			return;
	}
}

void asks_taints(const cJSON *node, char *out, size_t size)
{
	size_t end = 0;
	const cJSON *t;

	out[0] = '\0';
	json_each(t, json_get(node, "spec", "taints", NULL)) {
		if (is(json_str(t, "effect", NULL), EFFECT) &&
		    !add(out, size, &end, text_of(t, "key"), "=", text_of(t, "value")))
			return;
	}
}

/* Whether `text` of len bytes is among the parts of a list. */
static bool has(const char *list, const char *text, size_t len)
{
	for (size_t its; *list; list += its + 1) {
		its = strcspn(list, ",");
		if (its == len && memcmp(list, text, len) == 0)
			return true;
		if (!list[its])
			break;
	}
	return false;
}

int asks_taints_met(const char *taints, const char *tolerates)
{
	int met = 0;

	if (has(tolerates, "*", 1))
		return 0;
	for (size_t len; *taints; taints += len + 1) {
		len = strcspn(taints, ",");
		met += !has(tolerates, taints, len) && !has(tolerates, taints, strcspn(taints, "="));
		if (!taints[len])
			break;
	}
	return met;
}
