/* What a codis-ha gets: it would fight codis-controller (and deletes healthy servers by itself), so it becomes a viewer
 * of what the controller sees, as its users know it from codis-ha's log; also one beside another program of Codis. */
#include <string.h>

#include "common/base/json.h"
#include "webhook/mutate.h"
#include "webhook/mutation.h"

static bool is_viewer(const cJSON *container)
{
	const cJSON *command = json_get(container, "command", NULL);
	const cJSON *program = cJSON_GetArrayItem(command, 0), *flag = cJSON_GetArrayItem(command, 1);

	return cJSON_IsString(program) && strcmp(program->valuestring, "codis-controller") == 0 &&
	       cJSON_IsString(flag) && strcmp(flag->valuestring, "--view") == 0;
}

/* Probes and hooks were about codis-ha's process. */
static void make_viewer(struct mutation *m, cJSON *container)
{
	static const char *const gone[] = { "args", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe" };
	const char *const command[] = { "codis-controller", "--view" };

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		mutation_drop(m, container, gone[i]);
	mutation_set(m, container, "command", cJSON_CreateStringArray(command, 2));
	mutation_set(m, container, "image", cJSON_CreateString(m->viewer_image));
	/* Kubernetes' default for the old image's tag may be Always, and ours may be there without a registry. */
	mutation_set(m, container, "imagePullPolicy", cJSON_CreateString("IfNotPresent"));
}

/* The text of a container may start codis-ha beside another program, which has to stay. */
static bool runs_more(const cJSON *container)
{
	for (int k = CODIS_SERVER; k <= CODIS_ZOOKEEPER; k++) {
		if (k != CODIS_HA && codis_runs(container, (enum codis_component)k))
			return true;
	}
	return false;
}

static bool goes_on(const cJSON *container, bool init)
{
	const char *policy = json_str(container, "restartPolicy", NULL);

	return !init || (policy && strcmp(policy, "Always") == 0);
}

static void replace(struct mutation *m, cJSON *container)
{
	const char *name = json_str(container, "name", NULL);
	bool own_pod = m->known.component == CODIS_HA;

	if (runs_more(container)) {
		admission_warn(
			m->verdict,
			"leave codis-ha out of the command of %.20s: it fights codis-controller, and deletes servers",
			name ? name : "");
		return;
	}
	if (own_pod)
		admission_warn(m->verdict, "drop codis-ha, which would fight codis-controller: its pod shows the "
					   "controller's status instead");
	else
		admission_warn(
			m->verdict,
			"drop container %.20s, codis-ha, which would fight codis-controller: it shows its status "
			"instead",
			name ? name : "");
	make_viewer(m, container);
}

/* Each container that surely is one: beside a dashboard it does the same harm. */
static int replace_in(struct mutation *m, const char *name, bool init)
{
	const cJSON *item;
	cJSON *list, *own;
	int count = 0;

	json_each(item, json_get(m->pod, "spec", name, NULL))
		count += codis_runs(item, CODIS_HA) && goes_on(item, init);
	if (!count)
		return 0;
	list = mutation_array(m, mutation_object(m, m->pod, "spec"), name);
	cJSON_ArrayForEach(own, list) {
		if (codis_runs(own, CODIS_HA) && goes_on(own, init))
			replace(m, own);
	}
	return count;
}

int ha_replace(struct mutation *m)
{
	return m->known.keep_ha ? 0 : replace_in(m, "containers", false) + replace_in(m, "initContainers", true);
}

static bool shows_already(const struct mutation *m)
{
	static const char *const lists[] = { "containers", "initContainers" };
	const cJSON *c;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_each(c, json_get(m->pod, "spec", lists[i], NULL)) {
			if (is_viewer(c))
				return true;
		}
	}
	return false;
}

/* Near the dashboard, as the article has it; where the user says nothing of it. */
static void place(struct mutation *m)
{
	JSON_CLEANUP cJSON *labels = cJSON_CreateObject();
	bool product = m->known.product.said == SAID_KNOWN;

	if (json_get(m->pod, "spec", "affinity", "podAffinity", NULL))
		return;
	if (!json_add_str(labels, CODIS_LABEL_COMPONENT, codis_component_name(CODIS_DASHBOARD)) ||
	    (product && !json_add_str(labels, CODIS_LABEL_PRODUCT, m->known.product.text)))
		admission_refuse_memory(m->verdict);
	else
		mutation_near(m, labels);
}

void ha_mutate(struct mutation *m)
{
	cJSON *container;

	mutation_labels(m);
	if (m->known.keep_ha) {
		admission_warn(m->verdict,
			       "label the codis-server pods " CODIS_LABEL_INJECT "=false: beside a codis-ha that stays "
			       "nobody gives them a role");
		return;
	}
	if (shows_already(m))
		return;
	if (ha_replace(m) == 0) {
		container = mutation_container(m);
		if (!container)
			return;
		replace(m, container);
	}
	place(m);
}
