#include "webhook/mutation_hook.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "webhook/article.h"
#include "webhook/hooks.h"
#include "webhook/mutation.h"

static bool is_ours(const cJSON *handler)
{
	const char *text = article_text(handler);

	return text && strncmp(text, HOOKS_MARK, sizeof(HOOKS_MARK) - 1) == 0;
}

/* {"exec":{"command":["sh","-c",script]}} */
static cJSON *new_handler(const struct buf *script)
{
	const char *const words[] = { "sh", "-c", script->data };
	cJSON *handler = cJSON_CreateObject(), *list = cJSON_CreateStringArray(words, 3);

	if (!script->failed && list && cJSON_AddItemToObject(json_add_object(handler, "exec"), "command", list))
		return handler;
	cJSON_Delete(list);
	cJSON_Delete(handler);
	return NULL;
}

static void put_handler(struct mutation *m, cJSON *container, const char *which, const struct buf *script)
{
	if (script)
		mutation_set(m, mutation_object(m, container, "lifecycle"), which, new_handler(script));
	else if (json_get(container, "lifecycle", which, NULL))
		mutation_drop(m, mutation_object(m, container, "lifecycle"), which);
}

static bool keeps_hooks(const struct mutation *m)
{
	const char *word = json_str(m->pod, "metadata", "annotations", CODIS_ANNOTATION_HOOKS, NULL);

	return word && strcmp(word, "keep") == 0;
}

/* A server without a role refuses what the step needs, and gets none before its postStart has ended. */
static void refuse_ending(struct mutation *m, const cJSON *hook)
{
	const char *step = article_ending_step(hook);

	if (step)
		admission_refuse(
			m->verdict, 422,
			"the postStart of codis-server fails at its step %s, which is refused until the server has "
			"a role, and a postStart that fails ends the server, again and again: drop that step, for "
			"codis-controller does it, or label the pods " CODIS_LABEL_INJECT "=false",
			step);
}

#define GRACE_S        30 /* Kubernetes' own */
#define GRACE_ENOUGH_S 10 /* preStop gets 5 s less; a switch takes a second, a Service 3 */

/* Our preStop gets no time. */
static void warn_of_grace(struct mutation *m, const char *defeats)
{
	int64_t grace = json_int(GRACE_S, m->pod, "spec", "terminationGracePeriodSeconds", NULL);

	if (grace < GRACE_ENOUGH_S)
		admission_warn(m->verdict, "raise terminationGracePeriodSeconds from %d to %d: %s",
			       grace > 0 ? (int)grace : 0, GRACE_S, defeats);
}

bool mutation_hook_set(struct mutation *m, cJSON *container, const char *which, const struct buf *script,
		       const char *defeats)
{
	const cJSON *hook = json_get(container, "lifecycle", which, NULL);
	bool theirs = hook && !cJSON_IsNull(hook) && !is_ours(hook);
	const char *replaced = theirs && !keeps_hooks(m) ? article_warning(m->known.component, which, hook) : NULL;

	if (replaced) {
		admission_warn(m->verdict, "%s", replaced);
		theirs = false;
	}
	if (theirs && m->guarded && strcmp(which, "postStart") == 0)
		refuse_ending(m, hook);
	if (!theirs)
		put_handler(m, container, which, script);
	if (!theirs && defeats && strcmp(which, "preStop") == 0)
		warn_of_grace(m, defeats);
	if (theirs && defeats && m->verdict->allowed)
		admission_warn(m->verdict, "drop %s of your own: %s", which, defeats);
	return replaced != NULL;
}

/* Far beyond the second that a script gives its question: what the kubelet ends it leaves to process 1. */
#define PROBE_TIMEOUT_S 10

/* All fields that Kubernetes has defaults for, so that it has none to add. */
static cJSON *new_probe(const struct buf *script)
{
	cJSON *probe = new_handler(script);

	if (json_add_int(probe, "timeoutSeconds", PROBE_TIMEOUT_S) && json_add_int(probe, "periodSeconds", 2) &&
	    json_add_int(probe, "successThreshold", 1) && json_add_int(probe, "failureThreshold", 2))
		return probe;
	cJSON_Delete(probe);
	return NULL;
}

void mutation_hook_probe(struct mutation *m, cJSON *container, const struct buf *script, const char *defeats)
{
	const cJSON *probe = json_get(container, "readinessProbe", NULL);

	if (!probe || cJSON_IsNull(probe) || is_ours(probe))
		mutation_set(m, container, "readinessProbe", new_probe(script));
	else if (defeats)
		admission_warn(m->verdict, "drop readinessProbe of your own: %s", defeats);
}
