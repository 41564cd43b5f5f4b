/* words.h - labels and annotations of ours that do nothing, since they have another word than is known or stand where
 * they are not read: said to whoever writes them. Pure. */
#ifndef CODIS_WEBHOOK_WORDS_H
#define CODIS_WEBHOOK_WORDS_H

#include <cjson/cJSON.h>

struct admission_verdict;

/* Of a pod (or template) of Codis: codis.io/inject: "no", codis.io/hooks: "Keep"; codis.io/inject as an annotation;
 * codis.io/spred. */
void words_warn_pod(const cJSON *pod, struct admission_verdict *v);

/* Of a StatefulSet (or of another kind of object) of Codis: what stands in its own metadata and not in its template's,
 * where it is read, or the other way round; codis.io/protect: "yes". old: what was so before the update is not told
 * again; NULL: it is new. */
void words_warn_set(const cJSON *set, const cJSON *old, const char *kind, struct admission_verdict *v);

#endif
