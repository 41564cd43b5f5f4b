#include "webhook/dashboards.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/pod.h"
#include "common/kube/admission.h"
#include "webhook/lookups.h"
#include "webhook/zookeepers.h"

/* --- other dashboards --------------------------------------------------------------------------------------------- */

struct dashboard {
	char namespace[POD_NAMESPACE_MAX], name[POD_NAME_MAX];
	struct said_text product, coordinator;
};

enum rival {
	RIVAL_NONE,
	RIVAL_PERHAPS,   /* in this namespace; neither says its product */
	RIVAL_FAR_MAYBE, /* in another one; whether it is the same ZooKeeper cannot be told */
	RIVAL_FAR,
	RIVAL_NEAR,
};

struct search {
	struct dashboard own, found;
	bool own_is_set; /* a StatefulSet, as all are that are known; else a Deployment */
	enum rival worst;
};

static bool is_dashboard(const cJSON *set)
{
	return codis_component_of(json_get(set, "spec", "template", NULL)) == CODIS_DASHBOARD &&
	       json_int(1, set, "spec", "replicas", NULL) > 0 && !json_get(set, "metadata", "deletionTimestamp", NULL);
}

static void read_dashboard(const cJSON *set, struct dashboard *d)
{
	const char *namespace = json_str(set, "metadata", "namespace", NULL);
	const char *name = json_str(set, "metadata", "name", NULL);
	struct codis_pod pod;

	codis_template_read(set, &pod, NULL);
	d->product = pod.product;
	d->coordinator = pod.coordinator;
	snprintf(d->namespace, sizeof(d->namespace), "%s", namespace ? namespace : "");
	snprintf(d->name, sizeof(d->name), "%s", name ? name : "");
}

static enum rival near(const struct dashboard *own, const struct dashboard *other)
{
	if (said_compare(&own->product, &other->product) == SAID_SAME)
		return RIVAL_NEAR;
	return own->product.said == SAID_NOTHING && other->product.said == SAID_NOTHING ? RIVAL_PERHAPS : RIVAL_NONE;
}

static enum rival far(const struct dashboard *own, const struct dashboard *other)
{
	if (own->product.said != SAID_KNOWN || said_compare(&own->product, &other->product) != SAID_SAME ||
	    own->coordinator.said != SAID_KNOWN || other->coordinator.said != SAID_KNOWN)
		return RIVAL_NONE;
	switch (zookeepers_same(own->coordinator.text, own->namespace, other->coordinator.text, other->namespace)) {
	case ZOOKEEPER_SAME: return RIVAL_FAR;
	case ZOOKEEPER_PERHAPS: return RIVAL_FAR_MAYBE;
	case ZOOKEEPER_OTHER: break;
	}
	return RIVAL_NONE;
}

static int compare(void *arg, const cJSON *set)
{
	struct search *s = arg;
	struct dashboard other;
	bool same_namespace;
	enum rival rival;

	if (!is_dashboard(set))
		return 0;
	read_dashboard(set, &other);
	same_namespace = strcmp(other.namespace, s->own.namespace) == 0;
	if (s->own_is_set && same_namespace && strcmp(other.name, s->own.name) == 0)
		return 0;
	rival = same_namespace ? near(&s->own, &other) : far(&s->own, &other);
	if (rival > s->worst) {
		s->worst = rival;
		s->found = other;
	}
	return s->worst == RIVAL_NEAR;
}

/* --- what is said ------------------------------------------------------------------------------------------------- */

static void refuse_near(const struct search *s, struct admission_verdict *v)
{
	bool known = s->own.product.said == SAID_KNOWN;

	admission_refuse(v, 422,
			 "StatefulSet %.254s has the codis-dashboard of %s%.63s already, and a product has one: scale "
			 "that one to 0 first, or give this one another PRODUCT_NAME",
			 s->found.name, known ? "product " : "this product", known ? s->own.product.text : "");
}

static void refuse_far(const struct search *s, struct admission_verdict *v)
{
	admission_refuse(
		v, 422,
		"product %.63s is in this ZooKeeper (%.200s) already, by StatefulSet %.254s in namespace %.63s, "
		"and both would write the same groups: give this one another PRODUCT_NAME",
		s->own.product.text, s->own.coordinator.text, s->found.name, s->found.namespace);
}

void check_dashboard_replicas(int replicas, struct admission_verdict *v)
{
	if (replicas > 1)
		admission_refuse(v, 422, "a product has one codis-dashboard: replicas has to be 1 or 0, not %d",
				 replicas);
}

void check_dashboards(const struct admission_request *req, const cJSON *set, const struct lookups *lookups,
		      struct admission_verdict *v)
{
	struct search s = { .own_is_set = strcmp(req->resource, "statefulsets") == 0, .worst = RIVAL_NONE };

	if (!is_dashboard(set))
		return;
	read_dashboard(set, &s.own);
	snprintf(s.own.namespace, sizeof(s.own.namespace), "%s", req->namespace);
	lookups->each(lookups->ctx, compare, &s);
	switch (s.worst) {
	case RIVAL_NEAR:
		refuse_near(&s, v);
		lookups_say_age(lookups, v);
		break;
	case RIVAL_FAR:
		refuse_far(&s, v);
		lookups_say_age(lookups, v);
		break;
	case RIVAL_FAR_MAYBE:
		admission_warn(v, "take another PRODUCT_NAME if %.30s/%.30s uses the same ZooKeeper: it is %.24s too",
			       s.found.namespace, s.found.name, s.own.product.text);
		break;
	case RIVAL_PERHAPS:
		admission_warn(v, "set PRODUCT_NAME: %.40s is a codis-dashboard without one too, and a product has one",
			       s.found.name);
		break;
	case RIVAL_NONE: break;
	}
}

bool dashboards_news(const cJSON *old, const cJSON *now)
{
	struct dashboard was, is;

	if (!is_dashboard(old))
		return true;
	read_dashboard(old, &was);
	read_dashboard(now, &is);
	return strcmp(was.product.text, is.product.text) != 0 || strcmp(was.product.why, is.product.why) != 0 ||
	       strcmp(was.coordinator.text, is.coordinator.text) != 0;
}
