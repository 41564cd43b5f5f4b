#include "tests/unit/webhook_fixture.h"
#include "common/base/json_patch_apply.h"

cJSON *load_pod(const char *name)
{
	struct error err = ERROR_INIT;
	char path[256], *text;
	cJSON *pod;

	snprintf(path, sizeof(path), "tests/unit/fixtures/webhook/%s.json", name);
	text = file_read(path, 1 << 20, &err);
	if (!text)
		fail_msg("%s", err.text);
	pod = parse_text(text);
	free(text);
	return pod;
}

struct admission_request request_of(const char *resource, const char *name, const cJSON *old, const cJSON *object)
{
	return (struct admission_request){ .uid = "u",
					   .resource = resource,
					   .subresource = "",
					   .namespace = "shop",
					   .name = name,
					   .operation = old ? "UPDATE" : "CREATE",
					   .object = object,
					   .old_object = old };
}

static void each_one(void *set, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	if (set)
		fn(arg, set);
}

struct lookups lookups_of(const cJSON *set)
{
	return (struct lookups){ .ctx = (void *)set, .each = each_one };
}

cJSON *a_set(const char *namespace, const char *app)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\"},\"spec\":{\"template\":{\"metadata\":{"
		 "\"labels\":{\"app\":\"%s\"}},\"spec\":{}}}}",
		 namespace, app, app);
	return parse_text(text);
}

struct outcome mutate_once(const cJSON *pod)
{
	JSON_CLEANUP cJSON *set = a_set("shop", "codis-server");

	return mutate_beside(pod, set);
}

struct outcome mutate_beside(const cJSON *pod, const cJSON *set)
{
	struct lookups lookups = lookups_of(set);

	return mutate_by(pod, &lookups);
}

struct outcome mutate_by(const cJSON *pod, const struct lookups *lookups)
{
	struct admission_request req = request_of("pods", "", NULL, pod);
	struct outcome o = { .pod = NULL };
	struct error err = ERROR_INIT;

	admission_verdict_init(&o.verdict);
	mutate(&req, lookups, VIEWER_IMAGE, &o.verdict);
	for (int i = 0; i < o.verdict.warning_count; i++)
		assert_true(strlen(o.verdict.warnings[i]) < 120); /* longer ones are cut */
	if (o.verdict.allowed) {
		o.patch = json_patch_read(&o.verdict.patch, o.verdict.operations);
		assert_non_null(o.patch);
		o.pod = json_patch_apply(pod, o.patch, &err);
		if (!o.pod)
			fail_msg("%s", err.text);
	}
	return o;
}

void outcome_release(struct outcome *o)
{
	admission_verdict_release(&o->verdict);
	cJSON_Delete(o->patch);
	cJSON_Delete(o->pod);
}

struct outcome mutate_pod_twice(cJSON *pod)
{
	struct outcome o = mutate_once(pod);

	cJSON_Delete(pod);
	if (o.pod) {
		OUTCOME again = mutate_once(o.pod);

		assert_true(again.verdict.allowed);
		if (cJSON_GetArraySize(again.patch) != 0)
			fail_msg("the second time it gets %s", cJSON_Print(again.patch));
	}
	return o;
}

bool warned(const struct outcome *o, const char *part)
{
	for (int i = 0; i < o->verdict.warning_count; i++) {
		if (strstr(o->verdict.warnings[i], part))
			return true;
	}
	return false;
}

const cJSON *container_of(const cJSON *pod)
{
	return cJSON_GetArrayItem(json_get(pod, "spec", "containers", NULL), 0);
}

const char *words_of(const cJSON *array, char out[4096])
{
	const cJSON *item;

	out[0] = '\0';
	cJSON_ArrayForEach(item, array)
		snprintf(out + strlen(out), 4096 - strlen(out), "%s%s", out[0] ? " " : "", item->valuestring);
	return out;
}

const char *script_of(const cJSON *pod, const char *outer, const char *inner)
{
	const cJSON *handler = json_get(container_of(pod), outer, inner, NULL);
	const cJSON *text = cJSON_GetArrayItem(json_get(handler, "exec", "command", NULL), 2);

	return text ? text->valuestring : "";
}
