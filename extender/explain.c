#include "extender/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
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

/* The first of them by name. */
struct siblings {
	const struct inventory_pod *pods[SIBLINGS_NAMED];
	size_t count;
};

static int on_sibling(void *ctx, const struct inventory_pod *pod)
{
	struct siblings *s = ctx;
	size_t at = s->count;

	while (at > 0 && strcmp(pod->pod.name, s->pods[at - 1]->pod.name) < 0)
		at--;
	if (at == SIBLINGS_NAMED)
		return 0;
	s->count += s->count < SIBLINGS_NAMED;
	memmove(s->pods + at + 1, s->pods + at, (s->count - at - 1) * sizeof(s->pods[0]));
	s->pods[at] = pod;
	return 0;
}

static bool list_siblings(const struct inventory *inv, const struct place_pod *p, struct buf *out)
{
	struct siblings s = { 0 };

	place_each_peer(p, inv, on_sibling, &s);
	for (size_t i = 0; i < s.count; i++)
		buf_addf(out, "%s%s on %s", i ? ", " : "", s.pods[i]->pod.name, kept_pod_place(&s.pods[i]->pod));
	return s.count > 0;
}

bool explain_pending(const struct inventory *inv, const cJSON *pod, struct buf *out)
{
	char named[4096];
	struct buf siblings = BUF_IN(named);
	const char *node = json_str(pod, "spec", "nodeName", NULL), *message = unschedulable(pod);
	char group[32 + CODIS_PRODUCT_MAX];
	PLACE_POD_CLEANUP struct place_pod p = { .block = NULL };

	if (!message || (node && node[0]) || place_pod_of(pod, &p, NULL) < 0 || !p.strict)
		return false;
	place_join(&p, inv);
	snprintf(group, sizeof(group), "group %d of %s", p.member.group, place_product(&p));
	if (strstr(message, group) || !list_siblings(inv, &p, &siblings))
		return false;
	buf_addf(out, "%s has %s; %s needs a place apart from them (by %s). ", group, siblings.data, p.pod.name,
		 p.pod.topology_key);
	buf_addstr(out, CODIS_ANNOTATION_SPREAD ": soft on the pod template lets members stand together");
	return !buf_check(out, "explanation", NULL);
}

/* --- telling it ------------------------------------------------------------------------------- */

static void tell(struct explainer *x, const struct inventory *inv, const cJSON *pod)
{
	char text[1024]; /* what an Event's message may have */
	struct buf sentence = BUF_IN(text);

	if (explain_pending(inv, pod, &sentence))
		kube_event_once(x->events, "Pod", pod, true, "FailedScheduling", "%s", sentence.data);
}

/* --- the pods that wait ------------------------------------------------------------------------ */

struct pending {
	struct table_link by_uid, by_group;
	char uid[POD_UID_MAX];
	cJSON *pod;
};

static uint64_t hash_of_group(const struct inventory_pod *pod)
{
	uint64_t product = hash_text(hash_text(hash_text(HASH_INIT, pod->pod.namespace), "/"), pod->product);

	return product ^ ((uint64_t)pod->pod.group << 32);
}

static void end_pending(struct explainer *x, struct pending *p)
{
	table_remove(&x->pending, &p->by_uid);
	table_remove(&x->pending_of_groups, &p->by_group);
	cJSON_Delete(p->pod);
	free(p);
}

void explainer_remove(struct explainer *x, const char *uid)
{
	struct table_link *link = table_first(&x->pending, hash_text(HASH_INIT, uid));

	while (link && strcmp(TABLE_ENTRY(link, struct pending, by_uid)->uid, uid) != 0)
		link = table_next(link);
	if (link)
		end_pending(x, TABLE_ENTRY(link, struct pending, by_uid));
}

void explainer_release(struct explainer *x)
{
	for (struct table_link *link = table_walk(&x->pending, NULL), *next; link; link = next) {
		next = table_walk(&x->pending, link);
		end_pending(x, TABLE_ENTRY(link, struct pending, by_uid));
	}
	table_release(&x->pending);
	table_release(&x->pending_of_groups);
}

/* Without memory one explanation less is given. */
static void keep(struct explainer *x, const struct inventory_pod *known, const cJSON *pod)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->pod = cJSON_Duplicate(pod, true);
	if (!p->pod) {
		free(p);
		return;
	}
	snprintf(p->uid, sizeof(p->uid), "%s", known->pod.uid);
	table_add(&x->pending, &p->by_uid, hash_text(HASH_INIT, p->uid));
	table_add(&x->pending_of_groups, &p->by_group, hash_of_group(known));
}

static void tell_siblings(struct explainer *x, const struct inventory *inv, const struct inventory_pod *placed)
{
	struct table_link *link = table_first(&x->pending_of_groups, hash_of_group(placed));

	for (; link; link = table_next(link)) {
		const cJSON *pod = TABLE_ENTRY(link, struct pending, by_group)->pod;
		PLACE_POD_CLEANUP struct place_pod waiting = { .block = NULL };

		if (place_pod_of(pod, &waiting, NULL) < 0)
			continue;
		place_join(&waiting, inv);
		if (place_is_peer(&waiting, placed))
			tell(x, inv, pod);
	}
}

void explainer_set(struct explainer *x, const struct inventory *inv, const cJSON *pod)
{
	const char *uid = json_str(pod, "metadata", "uid", NULL);
	const struct inventory_pod *known = uid ? inventory_pod(inv, uid) : NULL;

	if (uid)
		explainer_remove(x, uid);
	if (!known)
		return;
	if (known->pod.node[0]) {
		tell_siblings(x, inv, known);
	} else if (unschedulable(pod)) {
		keep(x, known, pod);
		tell(x, inv, pod);
	}
}
