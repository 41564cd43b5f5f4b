#include "webhook/dashboards.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/pod.h"
#include "common/kube/admission.h"
#include "webhook/lookups.h"

/* --- addresses of ZooKeeper --------------------------------------------------------------------------------------- */

#define ADDRESS_MAX 320
#define PORT        "2181"

/* One member, by the one name that all namespaces have for it. */
struct member {
	char text[ADDRESS_MAX];
	bool sure;
};

static bool is_ip(const char *host)
{
	unsigned char out[16];

	return inet_pton(AF_INET, host, out) == 1 || inet_pton(AF_INET6, host, out) == 1;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), of_end = strlen(end);

	return len >= of_end && strcmp(text + len - of_end, end) == 0;
}

static void cut_end(char *text, const char *end)
{
	if (ends_with(text, end))
		text[strlen(text) - strlen(end)] = '\0';
}

static int count_dots(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '.';
	return n;
}

/* "zk-0" of "zk-0.zookeeper": a pod of a StatefulSet. */
static bool is_pod(const char *host)
{
	size_t label = strcspn(host, "."), digits = 0;

	while (digits < label && isdigit((unsigned char)host[label - digits - 1]))
		digits++;
	return digits > 0 && digits + 1 < label && host[label - digits - 1] == '-';
}

/* As a pod of the namespace resolves it: its search list has NAMESPACE.svc.cluster.local, then svc.cluster.local. */
static void settle_host(char *host, const char *namespace, const char *other, struct member *m)
{
	int dots;

	cut_end(host, ".");
	cut_end(host, ".cluster.local");
	dots = count_dots(host);
	m->sure = true;
	if (is_ip(host) || ends_with(host, ".svc"))
		snprintf(m->text, sizeof(m->text), "%s", host);
	else if (dots == 0 || (dots == 1 && is_pod(host)))
		snprintf(m->text, sizeof(m->text), "%s.%s.svc", host, namespace);
	else if (dots == 1 || (dots == 2 && is_pod(host)))
		snprintf(m->text, sizeof(m->text), "%s.svc", host);
	else
		snprintf(m->text, sizeof(m->text), "%s", host);
	/* "a.b" may be pod a of service b as well as service a of namespace b. */
	if (dots == 1 && !is_pod(host)) {
		const char *behind = strchr(host, '.') + 1;

		m->sure = strcmp(behind, namespace) == 0 || strcmp(behind, other) == 0;
	}
}

/* Takes one from *list and moves it behind; false: it was the last. */
static bool next_member(const char **list, const char *namespace, const char *other, struct member *m)
{
	size_t len;
	char host[ADDRESS_MAX / 2], *colon;
	const char *port = PORT;

	*list += strspn(*list, ", \t");
	len = strcspn(*list, ", \t");
	if (len == 0)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)len, *list);
	*list += len;
	for (char *at = host; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	colon = strrchr(host, ':');
	if (colon && (!strchr(host, ']') || strchr(host, ']') < colon)) {
		*colon = '\0';
		port = colon + 1;
	}
	cut_end(host, "]");
	settle_host(host + (host[0] == '['), namespace, other, m);
	snprintf(m->text + strlen(m->text), sizeof(m->text) - strlen(m->text), ":%.5s", port);
	return true;
}

enum same_zookeeper dashboards_same_zookeeper(const char *a, const char *a_namespace, const char *b,
					      const char *b_namespace)
{
	enum same_zookeeper found = ZOOKEEPER_OTHER;
	struct member one, other;

	while (next_member(&a, a_namespace, b_namespace, &one)) {
		for (const char *rest = b; next_member(&rest, b_namespace, a_namespace, &other);) {
			if (strcmp(one.text, other.text) != 0)
				continue;
			if (one.sure && other.sure)
				return ZOOKEEPER_SAME;
			found = ZOOKEEPER_PERHAPS;
		}
	}
	return found;
}

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
	switch (dashboards_same_zookeeper(own->coordinator.text, own->namespace, other->coordinator.text,
					  other->namespace)) {
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
