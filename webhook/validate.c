#include "webhook/validate.h"

#include <stdio.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/pod.h"
#include "common/kube/admission.h"
#include "webhook/budgets.h"
#include "webhook/elsewhere.h"
#include "webhook/lookups.h"
#include "webhook/preview.h"
#include "webhook/protect.h"
#include "webhook/scale_in.h"
#include "webhook/words.h"

#define NAME_MAX_LEN 254

static const cJSON *template_of(const cJSON *set)
{
	return json_get(set, "spec", "template", NULL);
}

/* Kubernetes' default is 1; numbers that no StatefulSet can have are left to Kubernetes to refuse. */
static int replicas_of(const cJSON *object)
{
	int64_t n = json_int(1, object, "spec", "replicas", NULL);

	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int)n;
}

/* What the pods of a server set say of themselves. Two are the same where their texts are. */
struct setting {
	int server_replica; /* 0: wrong, or said elsewhere: see err */
	struct error err;
	struct codis_pod pod;
};

static struct setting setting_of(const cJSON *set)
{
	struct setting s = { .err = ERROR_INIT };

	codis_template_read(set, &s.pod, NULL);
	s.server_replica = s.pod.server_replica;
	if (!s.server_replica && elsewhere_server_replica(&s.pod, &s.err) == 0)
		codis_server_replica_parse(s.pod.server_replica_said.text, &s.server_replica, &s.err);
	return s;
}

/* --- counts ---------------------------------------------------------------------------------------------------- */

/* Whether this many replicas of the StatefulSet are right. */
static void check_count(const cJSON *set, int replicas, struct admission_verdict *v)
{
	enum codis_component component = codis_component_of(template_of(set));
	struct setting setting;
	char sentence[256];

	if (component == CODIS_DASHBOARD && replicas > 1)
		admission_refuse(v, 422, "a product has one codis-dashboard: replicas has to be 1 or 0, not %d",
				 replicas);
	if (component != CODIS_SERVER)
		return;
	setting = setting_of(set);
	if (!setting.server_replica)
		admission_refuse(v, 422, "%s", setting.err.text);
	else if (!codis_replicas_fit(replicas, setting.server_replica, sentence, sizeof(sentence)))
		admission_refuse(v, 422, "%s", sentence);
}

static int start_of(const cJSON *set)
{
	int64_t n = json_int(0, set, "spec", "ordinals", "start", NULL);

	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int)n;
}

/* Groups are cut from the ordinals: a set that starts within a group would leave it short for ever. */
static void check_start(const cJSON *set, struct admission_verdict *v)
{
	int server_replica = setting_of(set).server_replica, start = start_of(set);

	if (server_replica && start % server_replica != 0)
		admission_refuse(v, 422, "SERVER_REPLICA is %d, so ordinals.start has to be a multiple of %d, not %d",
				 server_replica, server_replica, start);
}

/* --- one set of servers a product ------------------------------------------------------------------------------ */

static bool same_product(const struct said_text *a, const struct said_text *b)
{
	return a->said == b->said && strcmp(a->text, b->text) == 0 && strcmp(a->why, b->why) == 0;
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

struct rival {
	const char *namespace, *name;
	const struct said_text *product;
	char found[NAME_MAX_LEN];
};

static int compare_rival(void *arg, const cJSON *set)
{
	struct rival *r = arg;
	const char *namespace = json_str(set, "metadata", "namespace", NULL),
		   *name = json_str(set, "metadata", "name", NULL);
	struct setting other;

	if (!namespace || !name || strcmp(namespace, r->namespace) != 0 || strcmp(name, r->name) == 0)
		return 0;
	if (codis_component_of(template_of(set)) != CODIS_SERVER)
		return 0;
	other = setting_of(set);
	if (!same_product(&other.pod.product, r->product))
		return 0;
	snprintf(r->found, sizeof(r->found), "%s", name);
	return 1;
}

#define BOTH_MAKE_GROUP_1 "and both would make group 1: scale that one, or give this one "

static void check_rival(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	struct setting now = setting_of(req->object);
	struct rival r = { .namespace = req->namespace, .name = req->name, .product = &now.pod.product };
	const char *name = json_str(req->object, "metadata", "name", NULL);

	if (name)
		r.name = name;
	check_product(&now.pod, v);
	if (!v->allowed)
		return;
	lookups->each(lookups->ctx, compare_rival, &r);
	if (r.found[0] && now.pod.product.said == SAID_NOTHING)
		admission_refuse(v, 422,
				 "StatefulSet %.254s has codis-servers that name no product already, " BOTH_MAKE_GROUP_1
				 "a PRODUCT_NAME",
				 r.found);
	else if (r.found[0])
		admission_refuse(v, 422,
				 "StatefulSet %.254s has the codis-servers of product %s already, " BOTH_MAKE_GROUP_1
				 "another PRODUCT_NAME",
				 r.found, now.pod.product.text);
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

/* --- create, update, scale ------------------------------------------------------------------------------------- */

static void check_create(const struct admission_request *req, const struct lookups *lookups,
			 struct admission_verdict *v)
{
	bool server = codis_component_of(template_of(req->object)) == CODIS_SERVER;

	check_count(req->object, replicas_of(req->object), v);
	if (v->allowed && server)
		check_start(req->object, v);
	if (v->allowed && server)
		check_rival(req, lookups, v);
	if (v->allowed && server)
		check_trouble(req, lookups, v);
	if (v->allowed && server)
		check_budget(req, lookups, v);
	if (v->allowed)
		preview_pods(req, lookups, v);
	words_warn_set(req->object, req->old_object, v);
}

static bool same_server_replica(const struct setting *a, const struct setting *b)
{
	return a->server_replica == b->server_replica && (a->server_replica || strcmp(a->err.text, b->err.text) == 0);
}

#define OR_EMPTY "make a StatefulSet of another product, or scale this one to 0 first (its data goes)"

/* What servers are is computed from these: a rolling update would take them from their groups one by one. */
static void check_identity(const struct setting *old, const struct setting *now, struct admission_verdict *v)
{
	if (old->server_replica && now->server_replica && old->server_replica != now->server_replica)
		admission_refuse(v, 422,
				 "SERVER_REPLICA cannot change from %d to %d while there are servers, for their groups "
				 "follow from it: " OR_EMPTY,
				 old->server_replica, now->server_replica);
	/* Where there was none to be known, writing it is what was asked for. */
	else if (is_product(&old->pod.product) && !same_product(&old->pod.product, &now->pod.product))
		admission_refuse(v, 422, "the product cannot change while there are servers: " OR_EMPTY);
}

static struct ordinals ordinals_of(const cJSON *set)
{
	return (struct ordinals){ .start = start_of(set), .replicas = replicas_of(set) };
}

/* Groups follow from what SERVER_REPLICA was: it cannot change while there are servers. */
static void check_groups_that_go(const struct admission_request *req, const struct setting *old,
				 struct admission_verdict *v)
{
	struct scale_in s = { .set = req->old_object,
			      .allowed = req->object,
			      .server_replica = old->server_replica,
			      .before = ordinals_of(req->old_object),
			      .after = ordinals_of(req->object) };

	if (old->server_replica)
		check_scale_in(&s, v);
}

static bool is_server(const cJSON *set)
{
	return codis_component_of(template_of(set)) == CODIS_SERVER;
}

static void check_server_update(const struct admission_request *req, const struct lookups *lookups,
				struct admission_verdict *v)
{
	struct setting old = setting_of(req->old_object), now = setting_of(req->object);
	int before = replicas_of(req->old_object), after = replicas_of(req->object);
	bool same = same_server_replica(&old, &now), same_name = same_product(&old.pod.product, &now.pod.product);

	if (!same_name)
		check_product(&now.pod, v);
	if (v->allowed && before > 0)
		check_identity(&old, &now, v);
	if (v->allowed && (!same || before != after))
		check_count(req->object, after, v);
	if (v->allowed && (!same || start_of(req->old_object) != start_of(req->object)))
		check_start(req->object, v);
	if (v->allowed)
		check_groups_that_go(req, &old, v);
	if (v->allowed)
		check_budget(req, lookups, v);
	if (v->allowed && before == 0 && (after > 0 || !same_name))
		check_rival(req, lookups, v);
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
	if (!is_server(req->object)) {
		if (replicas_of(req->old_object) != replicas_of(req->object))
			check_count(req->object, replicas_of(req->object), v);
	} else if (!is_server(req->old_object)) {
		check_create(req, lookups, v);
	} else {
		check_server_update(req, lookups, v);
	}
	if (v->allowed)
		preview_pods(req, lookups, v);
	words_warn_set(req->object, req->old_object, v);
}

struct scale {
	int before, replicas; /* before -1: as the StatefulSet is known */
	struct admission_verdict *verdict;
};

static void on_scaled_set(void *arg, const cJSON *set)
{
	struct scale *s = arg;
	struct scale_in in = { .set = set, .allowed = set };

	if (!set || is_being_deleted(set))
		return;
	check_count(set, s->replicas, s->verdict);
	if (!s->verdict->allowed || !is_server(set))
		return;
	in.server_replica = setting_of(set).server_replica;
	in.before = in.after = ordinals_of(set);
	in.after.replicas = s->replicas;
	if (s->before >= 0)
		in.before.replicas = s->before;
	check_scale_in(&in, s->verdict);
}

/* A Scale leaves out a zero. */
static int scale_of(const cJSON *scale)
{
	return json_get(scale, "spec", "replicas", NULL) ? replicas_of(scale) : 0;
}

/* A Scale has neither labels nor a template: what is scaled has to be looked up, and what is not known is let through.
 */
static void check_scale(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	struct scale s = { .before = req->old_object ? scale_of(req->old_object) : -1,
			   .replicas = scale_of(req->object),
			   .verdict = v };

	if (s.before != s.replicas)
		lookups->find(lookups->ctx, req->namespace, req->name, on_scaled_set, &s);
}

void validate(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	bool create = strcmp(req->operation, "CREATE") == 0, update = strcmp(req->operation, "UPDATE") == 0;

	if (strcmp(req->resource, "statefulsets") != 0 ||
	    (req->subresource[0] && strcmp(req->subresource, "scale") != 0)) {
		admission_refuse(
			v, 400,
			"/validate is for statefulsets and statefulsets/scale, and this is about \"%.64s%s%.64s\": see "
			"the webhook's rules",
			req->resource, req->subresource[0] ? "/" : "", req->subresource);
		return;
	}
	if (strcmp(req->operation, "DELETE") == 0 && !req->subresource[0])
		check_protected(req, lookups, v);
	if (!create && !update)
		return;
	if (!req->object || (update && !req->old_object && !req->subresource[0])) {
		admission_refuse(v, 400, "the AdmissionReview has no %s", req->object ? "oldObject" : "object");
		return;
	}
	if (req->subresource[0])
		check_scale(req, lookups, v);
	else if (create)
		check_create(req, lookups, v);
	else
		check_update(req, lookups, v);
}
