#include "webhook/mutate.h"

#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_arena.h"
#include "common/base/json_patch.h"
#include "webhook/elsewhere.h"
#include "webhook/lookups.h"
#include "webhook/mutation.h"
#include "webhook/words.h"

static bool has_anti_affinity(const struct mutation *m)
{
	const cJSON *anti = json_get(m->pod, "spec", "affinity", "podAntiAffinity", NULL);

	return cJSON_IsObject(anti) && anti->child;
}

/* A member of ZooKeeper: apart from its siblings where that can be, and nothing else. */
static void zookeeper_mutate(struct mutation *m)
{
	JSON_CLEANUP cJSON *labels = cJSON_Duplicate(json_get(m->pod, "metadata", "labels", NULL), true);
	cJSON *label = labels ? labels->child : NULL, *next;

	mutation_clean_affinity(m);
	if (!codis_statefulset_of(m->pod) || has_anti_affinity(m))
		return;
	for (; label; label = next) {
		next = label->next;
		if (pod_is_own_label(label->string))
			cJSON_Delete(cJSON_DetachItemViaPointer(labels, label));
	}
	mutation_anti_affinity(m, labels, CODIS_HOSTNAME_KEY, 100);
}

/* Affinity as it was written for Kubernetes 1.5, the article's too. */
static void warn_of_annotation(struct mutation *m)
{
	static const char name[] = "scheduler.alpha.kubernetes.io/affinity";

	if (m->known.component != CODIS_NONE && json_get(m->pod, "metadata", "annotations", name, NULL))
		admission_warn(m->verdict, "remove annotation %s: no current Kubernetes reads it", name);
}

static void mutate_component(struct mutation *m)
{
	warn_of_annotation(m);
	words_warn_pod(m->pod, m->verdict);
	if (m->known.component != CODIS_SERVER)
		elsewhere_warn_product(m);
	elsewhere_warn_password(m);
	if (m->known.component != CODIS_HA)
		ha_replace(m);
	switch (m->known.component) {
	case CODIS_SERVER: server_mutate(m); break;
	case CODIS_PROXY: proxy_mutate(m); break;
	case CODIS_DASHBOARD: dashboard_mutate(m); break;
	case CODIS_HA: ha_mutate(m); break;
	case CODIS_FE: mutation_labels(m); break;
	case CODIS_ZOOKEEPER: zookeeper_mutate(m); break;
	case CODIS_NONE: break;
	}
}

/* Everybody may have a ZooKeeper, and a codis-fe may be of a Codis elsewhere. */
static bool is_ours(const struct admission_request *req, const struct lookups *lookups)
{
	const cJSON *labels = json_get(req->object, "metadata", "labels", NULL);

	switch (codis_component_of(req->object)) {
	case CODIS_NONE: return false;
	case CODIS_FE:
	case CODIS_ZOOKEEPER:
		return json_get(labels, CODIS_LABEL_COMPONENT, NULL) || json_get(labels, CODIS_LABEL_PRODUCT, NULL) ||
		       lookups_has_codis(lookups, req->namespace);
	default: return true;
	}
}

#define PATCH_USUAL 8192 /* a server's has half as much */

/* What turns the one into the other. */
static void write_patch(const cJSON *pod, const cJSON *after, struct admission_verdict *v)
{
	int operations = buf_reserve(&v->patch, PATCH_USUAL) ? json_patch_write(pod, after, &v->patch) : -1;

	if (operations < 0)
		admission_refuse_memory(v);
	else
		v->operations = operations;
}

static void mutate_pod(const struct admission_request *req, const struct lookups *lookups, const char *viewer_image,
		       struct admission_verdict *v)
{
	const cJSON *pod = req->object;
	struct mutation m; /* most of it is what is known, which is read */
	struct error err = ERROR_INIT;

	m.pod = json_refer(pod);
	m.guarded = false;
	m.namespace = req->namespace;
	m.lookups = lookups;
	m.viewer_image = viewer_image;
	m.verdict = v;
	if (!m.pod)
		admission_refuse_memory(v);
	else if (codis_pod_read_new(m.pod, &m.known, &err) < 0)
		admission_refuse(v, 422, "%s", err.text);
	else
		mutate_component(&m);
	if (v->allowed)
		write_patch(pod, m.pod, v);
	json_arena_delete(m.pod);
}

/* A label that nearly says what it is would leave it alone in silence. */
static void warn_of_label(const cJSON *pod, struct admission_verdict *v)
{
	const char *key, *value;
	enum codis_component c = codis_component_nearly(pod, &key, &value);

	if (c == CODIS_NONE)
		return;
	if (strcmp(key, CODIS_LABEL_COMPONENT) == 0)
		admission_warn(v, "write %s in label %s: \"%.24s\" is not known, and nothing is done",
			       codis_component_name(c), key, value);
	else
		admission_warn(v, "label it " CODIS_LABEL_COMPONENT "=%s: %s \"%.24s\" is not known",
			       codis_component_name(c), key, value);
}

/* What a kubelet shows of a pod that it has from a file: whatever its words are, it runs already, and as the file says.
 */
static bool is_mirror(const cJSON *pod)
{
	return json_get(pod, "metadata", "annotations", "kubernetes.io/config.mirror", NULL) != NULL;
}

void mutate(const struct admission_request *req, const struct lookups *lookups, const char *viewer_image,
	    struct admission_verdict *v)
{
	if (strcmp(req->resource, "pods") != 0 || req->subresource[0]) {
		admission_refuse(v, 400,
				 "/mutate is for pods, and this is about \"%.64s%s%.64s\": see the webhook's rules",
				 req->resource, req->subresource[0] ? "/" : "", req->subresource);
		return;
	}
	if (strcmp(req->operation, "CREATE") != 0)
		return;
	if (!req->object) {
		admission_refuse(v, 400, "the AdmissionReview has no object");
		return;
	}
	if (is_mirror(req->object))
		return;
	if (is_ours(req, lookups))
		mutate_pod(req, lookups, viewer_image, v);
	else
		warn_of_label(req->object, v);
}
