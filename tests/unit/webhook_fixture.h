/* webhook_fixture.h - pods as the API server sends them, and what the webhook makes of them. */
#ifndef CODIS_TESTS_WEBHOOK_FIXTURE_H
#define CODIS_TESTS_WEBHOOK_FIXTURE_H

/* clang-format off: cmocka.h wants these before it */
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/kube/admission.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"
#include "webhook/lookups.h"
#include "webhook/mutate.h"

#define VIEWER_IMAGE "registry.example/codis-k8s:1"

/* tests/unit/fixtures/webhook/<name>.json */
cJSON *load_pod(const char *name);

/* The request that creates an object ("pods", "statefulsets") in the namespace shop, or where old is not NULL updates
 * it. Nothing is owned. */
struct admission_request request_of(const char *resource, const char *name, const cJSON *old, const cJSON *object);

/* What came of a pod: the verdict, its patch, and the pod with that applied (NULL when it was refused). */
struct outcome {
	struct admission_verdict verdict;
	cJSON *patch, *pod;
};

/* A StatefulSet that has no more than these, the caller's; and what is known where there is this one (NULL: none). */
cJSON *a_set(const char *namespace, const char *app);
struct lookups lookups_of(const cJSON *set);

/* Where a codis-server StatefulSet is known in the namespace shop. */
struct outcome mutate_once(const cJSON *pod);
struct outcome mutate_beside(const cJSON *pod, const cJSON *set);
struct outcome mutate_by(const cJSON *pod, const struct lookups *lookups);

void outcome_release(struct outcome *o);
#define OUTCOME __attribute__((cleanup(outcome_release))) struct outcome

/* Mutates, and checks that the result, sent again, gets an empty patch. Takes the pod over. */
struct outcome mutate_pod_twice(cJSON *pod);

bool warned(const struct outcome *o, const char *part);

const cJSON *container_of(const cJSON *pod);

/* The words of an array, with a blank between; in a buffer of this function. */
const char *words_of(const cJSON *array, char out[4096]);

/* The text of the script in a hook or probe of the first container ("lifecycle", "preStop" or "readinessProbe", NULL).
 */
const char *script_of(const cJSON *pod, const char *outer, const char *inner);

#endif
