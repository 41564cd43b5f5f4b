#include "webhook/words.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/component.h"
#include "common/codis/scaling.h"
#include "common/codis/served.h"
#include "common/codis/wish.h"
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
	{ CODIS_ANNOTATION_RULE, false, "extender", "", "to leave it to codis-extender" },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* Of a StatefulSet itself; the first may be a label as well. */
static const struct word set_words[] = {
	{ CODIS_PROTECT, false, "true", "false", "to protect it" },
	{ CODIS_ANNOTATION_ADOPT, false, "true", "false", "to adopt its servers" },
	{ CODIS_ANNOTATION_PAUSED, false, NULL, NULL, NULL },
	{ CODIS_ANNOTATION_ALLOW_LOSS, false, NULL, NULL, NULL },
	{ CODIS_ANNOTATION_SCALE_TO, false, NULL, NULL, NULL },
	{ CODIS_ANNOTATION_PARALLEL, false, NULL, NULL, NULL },
	{ CODIS_ANNOTATION_INTERVAL, false, NULL, NULL, NULL },
};

#define SET_WORDS (sizeof(set_words) / sizeof(set_words[0]))

/* Of those, whole numbers. */
static const struct {
	const char *key;
	int least, most;
} numbers[] = {
	{ CODIS_ANNOTATION_PARALLEL, 1, SCALING_PARALLEL_MAX },
	{ CODIS_ANNOTATION_INTERVAL, 0, SCALING_INTERVAL_MAX_US },
};

/* Written by ourselves, or looked at elsewhere. */
static const char *const other_words[] = {
	CODIS_LABEL_COMPONENT,       CODIS_LABEL_PRODUCT,        CODIS_LABEL_ROLE,        CODIS_ANNOTATION_ADOPTING,
	CODIS_ANNOTATION_SLOTS,      CODIS_ANNOTATION_DATA_LOST, CODIS_ANNOTATION_MOVING, CODIS_ANNOTATION_HAD_SLOTS,
	CODIS_ANNOTATION_SWITCHOVER, CODIS_ANNOTATION_SWITCHED,
};

#define PREFIX "codis.io/"

static const char *word_in(const cJSON *object, bool label, const char *key)
{
	return json_str(object, "metadata", label ? "labels" : "annotations", key, NULL);
}

static void warn_of_value(const struct word *w, const char *value, struct admission_verdict *v)
{
	if (w->known && strcmp(value, w->known) != 0 && strcmp(value, w->nothing) != 0)
		admission_warn(v, "write %s: \"%s\" %s: \"%.24s\" does nothing", w->key, w->known, w->purpose, value);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(numbers[i].key, w->key) == 0 &&
		    scaling_number(value, numbers[i].least, numbers[i].most, -1) < 0)
			admission_warn(v, "write %s: a whole number from %d to %d: \"%.24s\" does nothing", w->key,
				       numbers[i].least, numbers[i].most, value);
	}
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < WORDS; i++) {
		if (strcmp(words[i].key, key) == 0)
			return true;
	}
	for (size_t i = 0; i < SET_WORDS; i++) {
		if (strcmp(set_words[i].key, key) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++) {
		if (strcmp(other_words[i], key) == 0)
			return true;
	}
	return false;
}

static bool has_prefix(const char *key)
{
	return key && strncmp(key, PREFIX, strlen(PREFIX)) == 0;
}

/* Most pods have none. */
static bool has_words(const cJSON *entries)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, entries) {
		if (has_prefix(one->string))
			return true;
	}
	return false;
}

/* Each is looked for among those that were there before: of more than these no more is told. */
#define UNKNOWN_MAX 64

/* "codis.io/spred". */
static void warn_of_unknown(const cJSON *object, const cJSON *old, struct admission_verdict *v)
{
	const cJSON *one;
	int count = 0;

	for (int label = 0; label < 2; label++) {
		json_each(one, json_get(object, "metadata", label ? "labels" : "annotations", NULL)) {
			if (!has_prefix(one->string) || is_known(one->string) || ++count > UNKNOWN_MAX)
				continue;
			if (!word_in(old, label, one->string))
				admission_warn(v, "correct or drop %.72s: it is not known, and does nothing",
					       one->string);
		}
	}
}

void words_warn_pod(const cJSON *pod, struct admission_verdict *v)
{
	const cJSON *labels = json_get(pod, "metadata", "labels", NULL);
	const cJSON *annotations = json_get(pod, "metadata", "annotations", NULL);

	if (!has_words(labels) && !has_words(annotations))
		return;
	warn_of_unknown(pod, NULL, v);
	if (json_get(labels, CODIS_LABEL_ROLE, NULL))
		admission_warn(v,
			       "drop label %s: codis-controller writes it on each server, but on none whose template "
			       "has it",
			       CODIS_LABEL_ROLE);
	for (size_t i = 0; i < WORDS; i++) {
		const struct word *w = &words[i];
		const char *value = json_str(w->label ? labels : annotations, w->key, NULL);

		if (value)
			warn_of_value(w, value, v);
		else if (json_str(w->label ? annotations : labels, w->key, NULL))
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

static void warn_of_set_word(const struct word *w, const cJSON *set, const cJSON *old, struct admission_verdict *v)
{
	const cJSON *template = json_get(set, "spec", "template", NULL);
	bool there = false;

	for (int label = 0; label < 2; label++) {
		const char *value = word_in(set, label, w->key), *before = word_in(old, label, w->key);

		there |= value != NULL;
		if (value && (!before || strcmp(value, before) != 0))
			warn_of_value(w, value, v);
	}
	if (!there && (word_in(template, true, w->key) || word_in(template, false, w->key)))
		admission_warn(
			v, "write %s into the annotations of the StatefulSet itself: in spec.template it does nothing",
			w->key);
}

void words_warn_set(const cJSON *set, const cJSON *old, const char *kind, struct admission_verdict *v)
{
	if (codis_component_of(json_get(set, "spec", "template", NULL)) == CODIS_NONE)
		return;
	for (size_t i = 0; i < WORDS; i++) {
		const struct word *w = &words[i];

		if (is_misplaced(set, w) && !is_misplaced(old, w))
			admission_warn(v, "write %s into the %s of spec.template: on the %s itself it does nothing",
				       w->key, w->label ? "labels" : "annotations", kind);
	}
	for (size_t i = 0; i < SET_WORDS; i++)
		warn_of_set_word(&set_words[i], set, old, v);
	warn_of_unknown(set, old, v);
}
