#include "extender/explain.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "extender/place.h"

/* The words of the scheduler's condition PodScheduled where that says Unschedulable, else NULL. */
static const char *unschedulable(const cJSON *pod)
{
	const cJSON *condition;

	cJSON_ArrayForEach(condition, json_get(pod, "status", "conditions", NULL))
	{
		const char *type = json_str(condition, "type", NULL), *reason = json_str(condition, "reason", NULL);
		const char *message = json_str(condition, "message", NULL);

		if (type && reason && strcmp(type, "PodScheduled") == 0 && strcmp(reason, "Unschedulable") == 0)
			return message ? message : "";
	}
	return NULL;
}

static int list_siblings(const struct cluster *c, const struct place_pod *p, struct buf *out)
{
	int listed = 0;

	for (size_t i = 0; i < c->members.count; i++) {
		const struct member *m = (const struct member *)c->members.entries[i];

		if (place_is_peer(p, &m->id, m->namespace, m->name))
			buf_addf(out, "%s%s on %s", listed++ ? ", " : "", m->name, m->node);
	}
	return listed;
}

bool explain_pending(const struct cluster *c, const cJSON *pod, struct buf *out)
{
	BUF_CLEANUP struct buf siblings = BUF_INIT(4096);
	const char *node = json_str(pod, "spec", "nodeName", NULL), *message = unschedulable(pod);
	char group[16 + CODIS_PRODUCT_MAX];
	struct place_pod p;

	if (!message || (node && node[0]) || place_pod_of(pod, &p, NULL) < 0 || !p.strict)
		return false;
	snprintf(group, sizeof(group), "group %d of %s", p.id.group, p.id.product);
	if (strstr(message, group) || !list_siblings(c, &p, &siblings))
		return false;
	buf_addf(out, "%s has %s; %s needs a place apart from them (by %s). ", group, siblings.data, p.name,
		 p.topology_key);
	buf_addstr(out, CODIS_ANNOTATION_SPREAD ": soft on the pod template lets members stand together");
	return !buf_check(out, "explanation", NULL);
}
