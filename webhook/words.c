#include "webhook/words.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/component.h"
#include "common/kube/admission.h"

struct word {
	const char *key;
	bool label;          /* else an annotation */
	const char *known;   /* the one that does something; NULL: any */
	const char *nothing; /* one that is said for nothing; NULL: none */
	const char *purpose; /* of the known one */
};

static const struct word words[] = {
	{ CODIS_LABEL_INJECT, true, "false", "true", "to be left alone" },
	{ CODIS_LABEL_GROUP, true, NULL, NULL, NULL },
	{ CODIS_ANNOTATION_HOOKS, false, "keep", "", "to keep your hooks" },
	{ CODIS_ANNOTATION_HA, false, "keep", "", "to keep codis-ha" },
	{ CODIS_ANNOTATION_SPREAD, false, NULL, NULL, NULL },
	{ CODIS_ANNOTATION_TOPOLOGY, false, NULL, NULL, NULL },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

static const char *word_in(const cJSON *object, bool label, const char *key)
{
	return json_str(object, "metadata", label ? "labels" : "annotations", key, NULL);
}

static void warn_of_value(const struct word *w, const char *value, struct admission_verdict *v)
{
	if (w->known && strcmp(value, w->known) != 0 && strcmp(value, w->nothing) != 0)
		admission_warn(v, "write %s: \"%s\" %s: \"%.24s\" does nothing", w->key, w->known, w->purpose, value);
}

void words_warn_pod(const cJSON *pod, struct admission_verdict *v)
{
	for (size_t i = 0; i < WORDS; i++) {
		const struct word *w = &words[i];
		const char *value = word_in(pod, w->label, w->key);

		if (value)
			warn_of_value(w, value, v);
		else if (word_in(pod, !w->label, w->key))
			admission_warn(v, "make %s %s of the pods: as %s it does nothing", w->key,
				       w->label ? "a label" : "an annotation", w->label ? "an annotation" : "a label");
	}
}

static bool is_misplaced(const cJSON *set, const struct word *w)
{
	const cJSON *template = json_get(set, "spec", "template", NULL);

	return (word_in(set, true, w->key) || word_in(set, false, w->key)) && !word_in(template, true, w->key) &&
	       !word_in(template, false, w->key);
}

void words_warn_set(const cJSON *set, const cJSON *old, struct admission_verdict *v)
{
	if (codis_component_of(json_get(set, "spec", "template", NULL)) == CODIS_NONE)
		return;
	for (size_t i = 0; i < WORDS; i++) {
		const struct word *w = &words[i];

		if (is_misplaced(set, w) && !is_misplaced(old, w))
			admission_warn(
				v, "write %s into the %s of spec.template: on the StatefulSet itself it does nothing",
				w->key, w->label ? "labels" : "annotations");
	}
}
