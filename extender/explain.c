#include "extender/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/kube/event.h"
#include "extender/place.h"

/* The words of the scheduler's condition PodScheduled where that says Unschedulable, else NULL. */
static const char *unschedulable(const cJSON *pod)
{
	const cJSON *condition;

	cJSON_ArrayForEach(condition, json_get(pod, "status", "conditions", NULL)) {
		const char *type = json_str(condition, "type", NULL), *reason = json_str(condition, "reason", NULL);
		const char *message = json_str(condition, "message", NULL);

		if (type && reason && strcmp(type, "PodScheduled") == 0 && strcmp(reason, "Unschedulable") == 0)
			return message ? message : "";
	}
	return NULL;
}

#define SIBLINGS_NAMED 8

static int list_siblings(const struct cluster *c, const struct place_pod *p, struct buf *out)
{
	int listed = 0;

	for (size_t i = 0; i < c->members.count; i++) {
		const struct member *m = (const struct member *)c->members.entries[i];

		if (listed < SIBLINGS_NAMED && place_is_peer(p, &m->id, m->namespace, m->name))
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

/* --- telling it ------------------------------------------------------------------------------- */

static void tell(struct explainer *x, const struct cluster *c, const cJSON *pod)
{
	BUF_CLEANUP struct buf sentence = BUF_INIT(1024); /* what an Event's message may have */

	if (explain_pending(c, pod, &sentence))
		kube_event_once(x->events, "Pod", pod, true, "FailedScheduling", "%s", sentence.data);
}

/* --- the pods that wait ------------------------------------------------------------------------ */

struct pending {
	char *uid; /* the key */
	cJSON *pod;
};

static void pending_free(struct pending *p)
{
	if (!p)
		return;
	free(p->uid);
	cJSON_Delete(p->pod);
	free(p);
}

void explainer_remove(struct explainer *x, const char *uid)
{
	pending_free(table_remove(&x->pending, uid));
}

void explainer_release(struct explainer *x)
{
	for (size_t i = 0; i < x->pending.count; i++)
		pending_free((struct pending *)x->pending.entries[i]);
	table_release(&x->pending);
}

/* Without memory one explanation less is given. */
static void keep(struct explainer *x, const cJSON *pod)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->uid = strdup(pod_uid(pod));
	p->pod = cJSON_Duplicate(pod, true);
	if (!p->uid || !p->pod || table_add(&x->pending, p) < 0)
		pending_free(p);
}

static void tell_siblings(struct explainer *x, const struct cluster *c, const struct member *m)
{
	for (size_t i = 0; i < x->pending.count; i++) {
		const struct pending *p = (const struct pending *)x->pending.entries[i];
		struct place_pod waiting;

		if (place_pod_of(p->pod, &waiting, NULL) == 0 && place_is_peer(&waiting, &m->id, m->namespace, m->name))
			tell(x, c, p->pod);
	}
}

void explainer_set(struct explainer *x, const struct cluster *c, const cJSON *pod)
{
	const struct member *m;

	if (!pod_uid(pod))
		return;
	explainer_remove(x, pod_uid(pod));
	m = table_find(&c->members, pod_uid(pod));
	if (m) {
		tell_siblings(x, c, m);
	} else if (unschedulable(pod)) {
		keep(x, pod);
		tell(x, c, pod);
	}
}
