/* What a codis-ha gets: it would fight codis-controller (and deletes healthy servers by itself), so its pod becomes a
 * viewer of what the controller sees, as its users know it from codis-ha's log. */
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
	container = mutation_container(m);
	if (!container || is_viewer(container))
		return;
	make_viewer(m, container);
	place(m);
	admission_warn(
		m->verdict,
		"drop codis-ha, which would fight codis-controller: its pod shows the controller's status instead");
}
