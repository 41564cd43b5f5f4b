/* webhook_fixture.h - pods as the API server sends them, and what the webhook makes of them. */
#ifndef CODIS_TESTS_WEBHOOK_FIXTURE_H
#define CODIS_TESTS_WEBHOOK_FIXTURE_H

/* clang-format off: cmocka.h wants these before it */
#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/kube/admission.h"
#include "webhook/mutate.h"

#define VIEWER_IMAGE "registry.example/codis-k8s:1"

static inline cJSON *parse_text(const char *text)
{
	struct error err = ERROR_INIT;
	cJSON *item = json_parse(text, strlen(text), &err);

	if (!item)
		fail_msg("%s: %s", err.text, text);
	return item;
}

/* tests/unit/fixtures/webhook/<name>.json */
static inline cJSON *load_pod(const char *name)
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

/* What came of a pod: the verdict, and the pod with its patch applied (NULL when it was refused). */
struct outcome {
	struct admission_verdict verdict;
	cJSON *pod;
};

static inline struct outcome mutate_once(const cJSON *pod)
{
	struct admission_request req = { .uid = "u",
					 .version = "v1",
					 .kind = "Pod",
					 .resource = "pods",
					 .subresource = "",
					 .namespace = "shop",
					 .name = "",
					 .operation = "CREATE",
					 .group = "",
					 .object = pod };
	struct outcome o = { .pod = NULL };
	struct error err = ERROR_INIT;

	admission_verdict_init(&o.verdict);
	mutate(&req, VIEWER_IMAGE, &o.verdict);
	for (int i = 0; i < o.verdict.warning_count; i++)
		assert_true(strlen(o.verdict.warnings[i]) < 120); /* longer ones are cut */
	if (o.verdict.allowed) {
		o.pod = json_patch_apply(pod, o.verdict.patch, &err);
		if (!o.pod)
			fail_msg("%s", err.text);
	}
	return o;
}

static inline void outcome_release(struct outcome *o)
{
	admission_verdict_release(&o->verdict);
	cJSON_Delete(o->pod);
}

#define OUTCOME __attribute__((cleanup(outcome_release))) struct outcome

/* Mutates, and checks that the result, sent again, gets an empty patch. Takes the pod over. */
static inline struct outcome mutate_pod_twice(cJSON *pod)
{
	struct outcome o = mutate_once(pod);

	cJSON_Delete(pod);
	if (o.pod) {
		OUTCOME again = mutate_once(o.pod);

		assert_true(again.verdict.allowed);
		if (cJSON_GetArraySize(again.verdict.patch) != 0)
			fail_msg("the second time it gets %s", cJSON_Print(again.verdict.patch));
	}
	return o;
}

static inline bool warned(const struct outcome *o, const char *part)
{
	for (int i = 0; i < o->verdict.warning_count; i++) {
		if (strstr(o->verdict.warnings[i], part))
			return true;
	}
	return false;
}

static inline const cJSON *container_of(const cJSON *pod)
{
	return cJSON_GetArrayItem(json_get(pod, "spec", "containers", NULL), 0);
}

/* The words of an array, with a blank between; in a buffer of this function. */
static inline const char *words_of(const cJSON *array, char out[4096])
{
	const cJSON *item;

	out[0] = '\0';
	cJSON_ArrayForEach(item, array)
		snprintf(out + strlen(out), 4096 - strlen(out), "%s%s", out[0] ? " " : "", item->valuestring);
	return out;
}

/* The text of the script in a hook or probe of the first container ("lifecycle", "preStop" or "readinessProbe", NULL).
 */
static inline const char *script_of(const cJSON *pod, const char *outer, const char *inner)
{
	const cJSON *handler = json_get(container_of(pod), outer, inner, NULL);
	const cJSON *text = cJSON_GetArrayItem(json_get(handler, "exec", "command", NULL), 2);

	return text ? text->valuestring : "";
}

#endif
