/* pod_text.h - Pods of one container from pieces of JSON, and what is expected of what they say. */
#ifndef CODIS_TESTS_UNIT_POD_TEXT_H
#define CODIS_TESTS_UNIT_POD_TEXT_H

#include <cjson/cJSON.h>

#include "common/codis/pod.h"

struct codis_pod read_text(const char *text);
/* A pod of that component; its spec has these members. */
cJSON *make_pod(const char *component, const char *spec);
/* Such a pod with one container of these members; env: the list's entries, NULL none. */
struct codis_pod pod_with(const char *component, const char *env, const char *members);
/* It cannot be read, for this reason. */
void expect_error(const char *component, const char *env, const char *members, const char *text);
void expect_known(const struct said_text *said, const char *text);
void expect_nothing(const struct said_text *said);
void expect_elsewhere(const struct said_text *said, enum said_where where, const char *object, const char *key,
		      const char *why);

#define VALUE(name, value)    "{\"name\":\"" name "\",\"value\":\"" value "\"}"
#define FIELD(name, path)     "{\"name\":\"" name "\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"" path "\"}}}"
#define MAP(name, map, key)   KEY_REF(name, "configMapKeyRef", map, key)
#define SECRET(name, of, key) KEY_REF(name, "secretKeyRef", of, key)
#define KEY_REF(name, ref, of, key)                                                                                    \
	"{\"name\":\"" name "\",\"valueFrom\":{\"" ref "\":{\"name\":\"" of "\",\"key\":\"" key "\"}}}"
#define FROM_MAP    "{\"configMapRef\":{\"name\":\"conf\"}}"
#define FROM_SECRET "{\"secretRef\":{\"name\":\"sec\"}}"
#define FROM_PREFIX "{\"prefix\":\"PRODUCT_\",\"configMapRef\":{\"name\":\"conf\",\"optional\":true}}"

#endif
