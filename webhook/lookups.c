#include "webhook/lookups.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "common/codis/inventory_watch.h"
#include "common/kube/admission.h"
#include "common/kube/budgets.h"
#include "common/kube/namespaces.h"

struct found {
	void (*fn)(void *arg, const cJSON *set);
	void *arg;
};

static int on_found(void *ctx, const cJSON *set)
{
	struct found *f = ctx;

	f->fn(f->arg, set);
	return 0;
}

static void find_set(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set),
		     void *arg)
{
	struct lookups_source *s = ctx;
	struct found f = { fn, arg };
	char key[POD_NAMESPACE_MAX + POD_NAME_MAX];

	snprintf(key, sizeof(key), "%s/%s", namespace, name);
	inventory_watch_read_set(s->watch, key, on_found, &f);
}

static void each_set(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	inventory_watch_each_set(((struct lookups_source *)ctx)->watch, fn, arg);
}

void lookups_trouble(const struct inventory *inv, const cJSON *set, char why[POD_WHY_MAX])
{
	char product[CODIS_PRODUCT_MAX];
	struct codis_pod pod;

	why[0] = '\0';
	if (codis_template_read(set, &pod, NULL) < 0)
		return;
	memcpy(pod.name, pod.owner, sizeof(pod.name));
	inventory_product_of(inv, &pod, product, why);
}

static void trouble_of(void *ctx, const cJSON *set, char why[POD_WHY_MAX])
{
	struct lookups_source *s = ctx;

	pthread_mutex_lock(s->lock);
	lookups_trouble(s->inventory, set, why);
	pthread_mutex_unlock(s->lock);
}

static bool is_ending(void *ctx, const char *namespace)
{
	return namespaces_match(((struct lookups_source *)ctx)->ending, namespace);
}

static bool is_stale(void *ctx, char *why, size_t size)
{
	return !inventory_watch_ready(((struct lookups_source *)ctx)->watch, why, size);
}

void lookups_say_age(const struct lookups *lookups, struct admission_verdict *v)
{
	char why[128];
	size_t len = strlen(v->message);

	if (lookups->is_stale && lookups->is_stale(lookups->ctx, why, sizeof(why)) && !strstr(v->message, why))
		snprintf(v->message + len, sizeof(v->message) - len, " (%s: this may be so no more)", why);
}

struct in_namespace {
	const char *namespace;
	bool found;
};

static int look_for_codis(void *arg, const cJSON *set)
{
	struct in_namespace *in = arg;
	const char *namespace = json_str(set, "metadata", "namespace", NULL);

	if (!namespace || strcmp(namespace, in->namespace) != 0)
		return 0;
	switch (codis_component_of(json_get(set, "spec", "template", NULL))) {
	case CODIS_SERVER:
	case CODIS_PROXY:
	case CODIS_DASHBOARD: in->found = true; break;
	default: break;
	}
	return in->found;
}

bool lookups_has_codis(const struct lookups *lookups, const char *namespace)
{
	struct in_namespace in = { .namespace = namespace };

	lookups->each(lookups->ctx, look_for_codis, &in);
	return in.found;
}

bool lookups_is_of(const cJSON *set, const char *namespace, const struct codis_pod *asker,
		   enum codis_component component, struct codis_pod *pod)
{
	const char *its = json_str(set, "metadata", "namespace", NULL);

	if (!its || strcmp(its, namespace) != 0 ||
	    codis_component_of(json_get(set, "spec", "template", NULL)) != component ||
	    codis_template_read(set, pod, NULL) < 0)
		return false;
	return pod->product.said != SAID_KNOWN || asker->product.said != SAID_KNOWN ||
	       strcmp(pod->product.text, asker->product.text) == 0;
}

struct of_dashboard {
	const char *namespace;
	const struct codis_pod *server;
	const char *other_coordinator;
	bool is_led; /* by another one, surely */
};

/* The one that runs by ZooKeeper counts: another one may be what it has replaced, scaled to 0. */
static int look_for_coordinator(void *arg, const cJSON *set)
{
	struct of_dashboard *of = arg;
	struct codis_pod pod;

	if (!lookups_is_of(set, of->namespace, of->server, CODIS_DASHBOARD, &pod))
		return 0;
	if (!of->other_coordinator)
		of->other_coordinator = pod.other_coordinator;
	of->is_led = !pod.other_coordinator && pod.coordinator.said != SAID_NOTHING &&
		     said_compare(&pod.product, &of->server->product) == SAID_SAME &&
		     json_int(1, set, "spec", "replicas", NULL) > 0 &&
		     !json_get(set, "metadata", "deletionTimestamp", NULL);
	return of->is_led;
}

const char *lookups_other_coordinator(const struct lookups *lookups, const char *namespace,
				      const struct codis_pod *server)
{
	struct of_dashboard of = { .namespace = namespace, .server = server };

	lookups->each(lookups->ctx, look_for_coordinator, &of);
	return of.is_led ? NULL : of.other_coordinator;
}

struct lookups lookups_in(struct lookups_source *source)
{
	return (struct lookups){ .ctx = source,
				 .find = find_set,
				 .each = each_set,
				 .trouble = trouble_of,
				 .is_ending = is_ending,
				 .is_stale = is_stale,
				 .budgets = source->budgets,
				 .each_budget = budgets_each };
}
