#include "webhook/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/pod.h"
#include "common/kube/admission.h"
#include "webhook/budgets.h"
#include "webhook/counts.h"
#include "webhook/dashboards.h"
#include "webhook/elsewhere.h"
#include "webhook/lookups.h"
#include "webhook/passwords.h"
#include "webhook/preview.h"
#include "webhook/protect.h"
#include "webhook/rivals.h"
#include "webhook/scale_in.h"
#include "webhook/words.h"

static const cJSON *template_of(const cJSON *set)
{
	return json_get(set, "spec", "template", NULL);
}

/* --- one set of servers a product ------------------------------------------------------------------------------ */

/* The label of a group that all of them are of. */
static void check_group(const cJSON *set, struct admission_verdict *v)
{
	struct counts_setting setting = counts_setting_of(set);
	struct error err = ERROR_INIT;
	int group;

	if (setting.label && codis_gid_parse(setting.label, &group, &err) < 0)
		admission_refuse(v, 422, "%s", err.text);
}

static bool is_product(const struct said_text *said)
{
	return said->said == SAID_KNOWN && codis_product_check(said->text, NULL) == 0;
}

/* Whether it can be a product, or none. */
static void check_product(const struct codis_pod *pod, struct admission_verdict *v)
{
	struct error err = ERROR_INIT;

	if (elsewhere_product(pod, &err) < 0 ||
	    (pod->product.said == SAID_KNOWN && codis_product_check(pod->product.text, &err) < 0))
		admission_refuse(v, 422, "%s", err.text);
}

/* That it has servers at all is new. */
static void check_new(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	struct counts_setting setting = counts_setting_of(req->object);
	struct rivals_ask ask;

	check_product(&setting.pod, v);
	rivals_ask_of(req->object, req, &ask);
	if (v->allowed)
		rivals_check(&ask, lookups, v);
}

/* Its servers would be in no cluster until they say which. */
static void check_trouble(const struct admission_request *req, const struct lookups *lookups,
			  struct admission_verdict *v)
{
	char why[POD_WHY_MAX] = "";

	if (lookups->trouble)
		lookups->trouble(lookups->ctx, req->object, why);
	if (why[0])
		admission_warn(v, "%s", why);
}

static bool is_dashboard(const cJSON *set)
{
	return codis_component_of(template_of(set)) == CODIS_DASHBOARD;
}

/* --- create, update, scale ------------------------------------------------------------------------------------- */

/* It cannot change later. The API server writes its default out. */
static void warn_of_order(const cJSON *set, struct admission_verdict *v)
{
	const char *policy = json_str(set, "spec", "podManagementPolicy", NULL);

	if (policy && strcmp(policy, "OrderedReady") == 0)
		admission_warn(v, "write podManagementPolicy: Parallel, or a lost server waits until all before it are "
				  "ready");
}

/* How many servers a rolling update may end at once. Kubernetes rounds a share up. */
static int64_t unavailable_of(const cJSON *set)
{
	const cJSON *max = json_get(set, "spec", "updateStrategy", "rollingUpdate", "maxUnavailable", NULL);
	const char *share = cJSON_GetStringValue(max);
	long percent = share ? strtol(share, NULL, 10) : 0;

	if (!share)
		return json_int(1, max, NULL);
	return percent <= 0 || percent > 100 ? 1 : ((int64_t)percent * counts_replicas_of(set) + 99) / 100;
}

static void warn_of_unavailable(const cJSON *set, const cJSON *old, struct admission_verdict *v)
{
	int64_t n = unavailable_of(set);

	if (n > 1 && (!old || unavailable_of(old) <= 1))
		admission_warn(
			v,
			"write maxUnavailable: 1: with %lld, a rolling update ends several members of a group at once",
			(long long)n);
}

static void check_create(const struct admission_request *req, const struct lookups *lookups,
			 struct admission_verdict *v)
{
	bool server = codis_component_of(template_of(req->object)) == CODIS_SERVER;

	if (server)
		check_group(req->object, v);
	if (v->allowed)
		counts_check(req->object, counts_replicas_of(req->object), v);
	if (v->allowed && server)
		counts_check_start(req->object, v);
	if (v->allowed && server)
		check_new(req, lookups, v);
	if (v->allowed && server)
		check_trouble(req, lookups, v);
	if (v->allowed && server)
		check_budget(req, lookups, v);
	if (v->allowed && is_dashboard(req->object))
		check_dashboards(req, req->object, lookups, v);
	if (v->allowed)
		preview_pods(req, lookups, v);
	if (v->allowed && server)
		warn_of_order(req->object, v);
	if (v->allowed && server)
		warn_of_unavailable(req->object, NULL, v);
	passwords_check_product(req, lookups, v);
	words_warn_set(req->object, req->old_object, "StatefulSet", v);
}

static bool same_server_replica(const struct counts_setting *a, const struct counts_setting *b)
{
	return a->server_replica == b->server_replica && (a->server_replica || strcmp(a->err.text, b->err.text) == 0);
}

/* What the controller moves its slots to: docs/controller.md, "Another SERVER_REPLICA". */
static void refuse_server_replica(const cJSON *set, const struct counts_setting *old, const struct counts_setting *now,
				  struct admission_verdict *v)
{
	struct codis_shape shape = codis_shape_of(set, &old->pod);
	const char *name = json_str(set, "metadata", "name", NULL);
	int first, last = 0;

	codis_shape_groups(&shape, &first, &last);
	admission_refuse(v, 422,
			 "SERVER_REPLICA cannot change from %d to %d while there are servers, for their groups follow "
			 "from it: make another StatefulSet beside this one, with SERVER_REPLICA %d and ordinals.start "
			 "%lld, and then codisctl scale-server 0 --set %.254s moves all slots there",
			 old->server_replica, now->server_replica, now->server_replica,
			 (long long)last * now->server_replica, name ? name : "NAME");
}

#define OR_EMPTY "make a StatefulSet of another product, or scale this one to 0 first (its data goes)"

static bool same_label(const struct counts_setting *a, const struct counts_setting *b)
{
	return a->label && b->label ? strcmp(a->label, b->label) == 0 : a->label == b->label;
}

/* Whether each server stays in its group: one that makes a single group may get the label of that, or lose it. */
static bool same_groups(const cJSON *set, const struct counts_setting *old, const struct counts_setting *now)
{
	struct codis_shape was = codis_shape_of(set, &old->pod), is = was;
	int first, last, then_first, then_last;

	is.group = now->pod.group;
	is.server_replica = now->server_replica;
	return codis_shape_groups(&was, &first, &last) && codis_shape_groups(&is, &then_first, &then_last) &&
	       first == last && then_first == first && then_last == last;
}

static void check_label(const cJSON *set, const struct counts_setting *old, const struct counts_setting *now,
			struct admission_verdict *v)
{
	if (same_label(old, now) || same_groups(set, old, now))
		return;
	admission_refuse(v, 422,
			 "label " CODIS_LABEL_GROUP
			 " cannot change from %s%.40s%s to %s%.40s%s while there are servers, "
			 "for they would be of another group: " OR_EMPTY,
			 old->label ? "\"" : "", old->label ? old->label : "none", old->label ? "\"" : "",
			 now->label ? "\"" : "", now->label ? now->label : "none", now->label ? "\"" : "");
}

/* What servers are is computed from these: a rolling update would take them from their groups one by one. */
static void check_identity(const cJSON *set, const struct counts_setting *old, const struct counts_setting *now,
			   struct admission_verdict *v)
{
	bool counted = !old->pod.group && !now->pod.group;

	if (counted && old->server_replica && now->server_replica && old->server_replica != now->server_replica)
		refuse_server_replica(set, old, now, v);
	/* Where there was none to be known, writing it is what was asked for. */
	else if (is_product(&old->pod.product) && !rivals_same_product(&old->pod.product, &now->pod.product))
		admission_refuse(v, 422, "the product cannot change while there are servers: " OR_EMPTY);
}

/* Groups follow from what SERVER_REPLICA and the label were: they cannot change while there are servers. */
static void check_groups_that_go(const struct admission_request *req, const struct lookups *lookups,
				 const struct counts_setting *old, struct admission_verdict *v)
{
	struct rivals_ask ask;
	struct scale_in s = { .set = req->old_object,
			      .allowed = req->object,
			      .before = codis_shape_of(req->old_object, &old->pod),
			      .after = codis_shape_of(req->object, &old->pod) };

	if (s.after.replicas >= s.before.replicas && s.after.start == s.before.start)
		return;
	rivals_ask_of(req->old_object, req, &ask);
	s.others = rivals_has_others(&ask, lookups);
	check_scale_in(&s, v);
}

static bool is_server(const cJSON *set)
{
	return codis_component_of(template_of(set)) == CODIS_SERVER;
}

/* Servers that come: with none before, or more groups than before. */
static void check_rivals(const struct admission_request *req, const struct lookups *lookups,
			 const struct counts_setting *old, bool new_words, struct admission_verdict *v)
{
	int before = counts_replicas_of(req->old_object), after = counts_replicas_of(req->object);
	struct rivals_ask ask;

	rivals_ask_of(req->object, req, &ask);
	ask.grows = before > 0;
	ask.before = codis_shape_of(req->old_object, &old->pod);
	if (before == 0 ? after > 0 || new_words
			: after > before || counts_start_of(req->old_object) != counts_start_of(req->object))
		rivals_check(&ask, lookups, v);
}

static void check_server_update(const struct admission_request *req, const struct lookups *lookups,
				struct admission_verdict *v)
{
	struct counts_setting old = counts_setting_of(req->old_object), now = counts_setting_of(req->object);
	int before = counts_replicas_of(req->old_object);
	bool same = same_server_replica(&old, &now) && same_label(&old, &now),
	     same_name = rivals_same_product(&old.pod.product, &now.pod.product);

	if (!same_name)
		check_product(&now.pod, v);
	if (v->allowed && !same_label(&old, &now))
		check_group(req->object, v);
	if (v->allowed && before > 0)
		check_label(req->old_object, &old, &now, v);
	if (v->allowed && before > 0)
		check_identity(req->old_object, &old, &now, v);
	if (v->allowed)
		counts_check_change(req->old_object, req->object, same, v);
	if (v->allowed && (!same || counts_start_of(req->old_object) != counts_start_of(req->object)))
		counts_check_start(req->object, v);
	if (v->allowed)
		check_groups_that_go(req, lookups, &old, v);
	if (v->allowed)
		check_budget(req, lookups, v);
	if (v->allowed)
		check_rivals(req, lookups, &old, !same_name || !same_label(&old, &now), v);
	if (v->allowed)
		warn_of_unavailable(req->object, req->old_object, v);
	if (v->allowed && before > 0)
		passwords_check_roll(req->old_object, req->object, v);
}

/* Whoever removes its last finalizer must not be told what is wrong with it. */
static bool is_being_deleted(const cJSON *set)
{
	return json_get(set, "metadata", "deletionTimestamp", NULL) != NULL;
}

static void check_update(const struct admission_request *req, const struct lookups *lookups,
			 struct admission_verdict *v)
{
	if (is_being_deleted(req->old_object) || is_being_deleted(req->object))
		return;
	if (is_dashboard(req->object) && dashboards_news(req->old_object, req->object))
		check_dashboards(req, req->object, lookups, v);
	if (!is_server(req->object)) {
		counts_check_change(req->old_object, req->object, true, v);
	} else if (!is_server(req->old_object)) {
		check_create(req, lookups, v);
	} else {
		check_server_update(req, lookups, v);
	}
	if (v->allowed)
		preview_pods(req, lookups, v);
	passwords_check_product(req, lookups, v);
	words_warn_set(req->object, req->old_object, "StatefulSet", v);
}

/* A Scale leaves out a zero. */
static int scale_of(const cJSON *scale)
{
	return json_get(scale, "spec", "replicas", NULL) ? counts_replicas_of(scale) : 0;
}

struct scaled {
	cJSON *old, *now; /* NULL: it is none of Codis', or not known */
	bool failed;      /* no memory */
};

/* Copied, for it is locked as long as it is looked at here, and others are looked up for it. */
static void copy_scaled(void *arg, const cJSON *set)
{
	struct scaled *s = arg;

	if (!set || codis_component_of(template_of(set)) == CODIS_NONE)
		return;
	s->old = cJSON_Duplicate(set, true);
	s->now = cJSON_Duplicate(set, true);
	s->failed = !s->old || !s->now;
}

static bool set_replicas(cJSON *set, int replicas)
{
	cJSON *spec = cJSON_GetObjectItemCaseSensitive(set, "spec");

	cJSON_DeleteItemFromObjectCaseSensitive(spec, "replicas");
	return json_add_int(spec, "replicas", replicas) != NULL;
}

/* A Scale has neither labels nor a template: what is scaled has to be looked up, and what is not known is let through.
 * It is an update of the replicas alone. */
static void check_scale(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	struct admission_request update = *req;
	struct scaled s = { .failed = false };

	if (req->old_object && scale_of(req->old_object) == scale_of(req->object))
		return;
	lookups->find(lookups->ctx, req->namespace, req->name, copy_scaled, &s);
	if (s.now && !s.failed)
		s.failed = !set_replicas(s.now, scale_of(req->object)) ||
			   (req->old_object && !set_replicas(s.old, scale_of(req->old_object)));
	update.object = s.now;
	update.old_object = s.old;
	if (s.failed)
		admission_refuse_memory(v);
	else if (s.now)
		check_update(&update, lookups, v);
	if (!v->allowed)
		lookups_say_age(lookups, v);
	cJSON_Delete(s.old);
	cJSON_Delete(s.now);
}

/* --- other kinds ----------------------------------------------------------------------------------------------- */

static const char *kind_of(const char *resource)
{
	return strcmp(resource, "deployments") == 0  ? "Deployment"
	       : strcmp(resource, "daemonsets") == 0 ? "DaemonSet"
						     : NULL;
}

/* Their pods are no group's: servers would all be refused. */
static void check_workload(const struct admission_request *req, const struct lookups *lookups,
			   struct admission_verdict *v)
{
	const cJSON *old = req->old_object, *now = req->object;
	const char *kind = kind_of(req->resource);
	bool deployed = is_dashboard(now) && strcmp(req->resource, "deployments") == 0;

	if (is_being_deleted(now))
		return;
	if (deployed)
		counts_check_change(old, now, is_dashboard(old), v);
	if (v->allowed && deployed && dashboards_news(old, now))
		check_dashboards(req, now, lookups, v);
	if (v->allowed)
		preview_pods(req, lookups, v);
	passwords_check_product(req, lookups, v);
	words_warn_set(now, old, kind, v);
}

/* Whether it is one that is looked at; else the verdict says what is. */
static bool is_known(const struct admission_request *req, struct admission_verdict *v)
{
	bool scale = strcmp(req->subresource, "scale") == 0;

	if (strcmp(req->resource, "statefulsets") == 0 ? !req->subresource[0] || scale
						       : kind_of(req->resource) && !req->subresource[0])
		return true;
	admission_refuse(v, 400,
			 "/validate is for statefulsets, statefulsets/scale, deployments and daemonsets, and this is "
			 "about \"%.64s%s%.64s\": see the webhook's rules",
			 req->resource, req->subresource[0] ? "/" : "", req->subresource);
	return false;
}

void validate(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	bool create = strcmp(req->operation, "CREATE") == 0, update = strcmp(req->operation, "UPDATE") == 0;

	if (!is_known(req, v))
		return;
	if (strcmp(req->operation, "DELETE") == 0 && !req->subresource[0] && !kind_of(req->resource))
		check_protected(req, lookups, v);
	if (!create && !update)
		return;
	if (!req->object || (update && !req->old_object && !req->subresource[0])) {
		admission_refuse(v, 400, "the AdmissionReview has no %s", req->object ? "oldObject" : "object");
		return;
	}
	if (kind_of(req->resource))
		check_workload(req, lookups, v);
	else if (req->subresource[0])
		check_scale(req, lookups, v);
	else if (create)
		check_create(req, lookups, v);
	else
		check_update(req, lookups, v);
}
