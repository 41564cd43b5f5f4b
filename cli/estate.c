#include "cli/estate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/buildup.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/inventory.h"
#include "common/kube/selector.h"

static const char *const kinds[ESTATE_KINDS] = {
	"StatefulSet",           "Deployment", "DaemonSet",           "ReplicaSet",
	"ReplicationController", "Service",    "PodDisruptionBudget", "ConfigMap",
	"PersistentVolumeClaim", "Pod"
};

/* Those that no manifest of buildup has. */
static const struct kind kinds_beside[] = { { "Pod", "v1", "pods", false },
					    { "DaemonSet", "apps/v1", "daemonsets", false },
					    { NULL, NULL, NULL, false } };

static const struct kind *kind_of(const char *name)
{
	const struct kind *k = kinds_beside;

	while (k->name && strcmp(k->name, name) != 0)
		k++;
	return k->name ? k : kind_find(name);
}

static bool is_maker(const struct thing *t)
{
	return json_get(t->object, "spec", "template", NULL) != NULL;
}

static bool is_kind(const struct thing *t, const char *kind)
{
	return strcmp(t->kind->name, kind) == 0;
}

static bool goes(const struct thing *t)
{
	return t->part == PART_MAKER || t->part == PART_DASHBOARD;
}

bool estate_is_owned(const struct thing *t)
{
	return json_first(json_get(t->object, "metadata", "ownerReferences", NULL)) != NULL;
}

bool estate_deletes_data(const struct thing *t)
{
	const char *when = json_str(t->object, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted", NULL);

	return when && strcmp(when, "Delete") == 0 &&
	       json_first(json_get(t->object, "spec", "volumeClaimTemplates", NULL));
}

bool estate_is_applied(const cJSON *object)
{
	const cJSON *entry;

	json_each(entry, json_get(object, "metadata", "managedFields", NULL)) {
		const char *manager = json_str(entry, "manager", NULL), *how = json_str(entry, "operation", NULL);

		if (manager && how && strcmp(manager, BUILDUP_MANAGER) == 0 && strcmp(how, "Apply") == 0)
			return true;
	}
	return false;
}

/* --- the lists ---------------------------------------------------------------------------------------------------- */

static int add_thing(struct estate *e, const struct kind *kind, const cJSON *object)
{
	const char *name = json_str(object, "metadata", "name", NULL), *uid = json_str(object, "metadata", "uid", NULL);
	struct thing *more;

	if (!name || !uid)
		return 0;
	more = realloc(e->things, (size_t)(e->count + 1) * sizeof(*more));
	if (!more)
		return -1;
	e->things = more;
	more[e->count++] = (struct thing){ .kind = kind, .object = object, .name = name, .uid = uid };
	return 0;
}

static enum cli_status get_list(struct estate *e, int at)
{
	const struct kind *kind = kind_of(kinds[at]);
	char path[DOCUMENTS_PATH_MAX];
	struct error err;
	cJSON *object;

	kind_path(kind, cli_namespace(e->cli), "", path);
	e->lists[at] = ask_get(e->cli, path, 0, &err);
	if (!e->lists[at])
		return cli_fail_call(e->cli, &err);
	json_each(object, json_get(e->lists[at], "items", NULL)) {
		if (add_thing(e, kind, object) < 0)
			return cli_fail(e->cli, CLI_NOT_SO, "no memory");
	}
	return CLI_OK;
}

/* --- whose pods a maker makes ------------------------------------------------------------------------------------- */

struct finding {
	struct estate *estate;
	const struct known *known;
	const char *named;
};

static void add_product(struct finding *f, const char *product)
{
	struct estate *e = f->estate;

	if (!*product || (f->named && strcmp(product, f->named) == 0)) {
		if (*product)
			text_copy(e->product, sizeof(e->product), product);
		return;
	}
	if (strcmp(product, e->product) == 0)
		return;
	if (!f->named && !*e->product)
		text_copy(e->product, sizeof(e->product), product);
	else
		cli_add_name(&e->others, product);
}

static int on_product(void *ctx, const char *namespace, const char *product)
{
	struct finding *f = ctx;

	if (strcmp(namespace, cli_namespace(f->estate->cli)) == 0)
		add_product(f, product);
	return 0;
}

static bool has_product(enum codis_component c)
{
	return c == CODIS_SERVER || c == CODIS_PROXY || c == CODIS_DASHBOARD || c == CODIS_HA;
}

/* Its product; "": it has none, or it cannot be told. */
static void read_maker(const struct known *k, struct thing *t, struct codis_pod *pod, char product[CODIS_PRODUCT_MAX])
{
	char trouble[POD_WHY_MAX];

	(void)codis_template_read(t->object, pod, NULL);
	t->component = pod->component;
	product[0] = '\0';
	if (has_product(pod->component))
		inventory_product_of(k->inventory, pod, product, trouble);
	else if (pod->component == CODIS_FE && pod->product.said == SAID_KNOWN)
		text_copy(product, CODIS_PRODUCT_MAX, pod->product.text);
}

static void find_products(struct finding *f)
{
	struct estate *e = f->estate;

	inventory_each_product(f->known->inventory, on_product, f);
	for (int i = 0; i < e->count; i++) {
		char product[CODIS_PRODUCT_MAX];
		struct codis_pod pod;

		if (!is_maker(&e->things[i]))
			continue;
		read_maker(f->known, &e->things[i], &pod, product);
		add_product(f, product);
	}
}

static void take_address(struct estate *e, const struct codis_pod *pod)
{
	e->elsewhere |= pod->other_coordinator != NULL;
	if (pod->coordinator.said == SAID_KNOWN && (!e->address[0] || pod->component == CODIS_DASHBOARD))
		text_copy(e->address, sizeof(e->address), pod->coordinator.text);
}

static void judge_maker(struct estate *e, const struct known *k, struct thing *t)
{
	char product[CODIS_PRODUCT_MAX];
	struct codis_pod pod;
	bool ours;

	read_maker(k, t, &pod, product);
	if (t->component == CODIS_NONE)
		return;
	if (t->component == CODIS_ZOOKEEPER) {
		t->part = PART_ZOOKEEPER;
		return;
	}
	ours = strcmp(product, e->product) == 0 || (t->component == CODIS_FE && !*product && !e->others.len);
	if (!ours) {
		t->stays = t->component == CODIS_FE && !*product ? "it shows other products, too"
			   : *product                            ? NULL
								 : "it cannot be told whose it is";
		return;
	}
	t->part = t->component == CODIS_DASHBOARD ? PART_DASHBOARD : PART_MAKER;
	take_address(e, &pod);
}

/* --- what belongs to them ----------------------------------------------------------------------------------------- */

/* Whether a host of "zookeeper:2181", "zk-0.zk:2181,zk-1.zk.shop:2181" has that Service's name among its words. */
static bool is_named(const char *address, const char *service)
{
	size_t len = strlen(service);

	for (const char *at = strstr(address, service); at; at = strstr(at + len, service)) {
		if ((at == address || strchr(".,", at[-1])) && (!at[len] || strchr(".:,", at[len])))
			return true;
	}
	return false;
}

static const cJSON *labels_of_pods(const struct thing *maker)
{
	return json_get(maker->object, "spec", "template", "metadata", "labels", NULL);
}

/* The selector of a Service or a ReplicationController is a map. NULL: no memory, or it has none. */
static cJSON *selector_of(const struct thing *t)
{
	const cJSON *selector = json_get(t->object, "spec", "selector", NULL);
	cJSON *out;

	if (!json_first(selector))
		return NULL;
	if (!is_kind(t, "Service") && !is_kind(t, "ReplicationController"))
		return cJSON_Duplicate(selector, true);
	out = cJSON_CreateObject();
	json_set(out, "matchLabels", cJSON_Duplicate(selector, true));
	return out;
}

/* Another DaemonSet's, a Job's, and those that nobody makes. */
static bool is_strangers_pod(const struct estate *e, const struct thing *t, const cJSON *selector)
{
	return is_kind(t, "Pod") && selector_matches(selector, json_get(t->object, "metadata", "labels", NULL)) &&
	       !estate_has_pod(e, t->object, PART_MAKER, PART_DASHBOARD) &&
	       !estate_has_pod(e, t->object, PART_ZOOKEEPER, PART_ZOOKEEPER);
}

/* Whose pods it selects: PART_MAKER, the product's alone; PART_ZOOKEEPER, its alone; else PART_NONE. */
static enum estate_part selects(const struct estate *e, const struct thing *t)
{
	JSON_CLEANUP cJSON *selector = selector_of(t);
	enum estate_part part = PART_NONE;

	for (int i = 0; selector && i < e->count; i++) {
		const struct thing *maker = &e->things[i];
		enum estate_part is = goes(maker) ? PART_MAKER : maker->part;

		if (is_strangers_pod(e, maker, selector))
			return PART_NONE;
		if (!is_maker(maker) || !selector_matches(selector, labels_of_pods(maker)))
			continue;
		if (is == PART_NONE || (part != PART_NONE && part != is))
			return PART_NONE;
		part = is;
	}
	return part;
}

/* The namespace may have one that is another product's, or somebody else's. */
static void judge_zookeeper(const struct estate *e, struct thing *t)
{
	for (int i = 0; i < e->count; i++) {
		JSON_CLEANUP cJSON *selector = NULL;

		if (!is_kind(&e->things[i], "Service") || !is_named(e->address, e->things[i].name))
			continue;
		selector = selector_of(&e->things[i]);
		if (selector && selector_matches(selector, labels_of_pods(t)))
			return;
	}
	t->part = PART_NONE;
	t->stays = "it is not known to be this product's";
}

/* codis-controller's budgets select by labels that the webhook adds. */
static bool is_budget_of(const struct estate *e, const struct thing *t)
{
	const char *product = json_str(t->object, "metadata", "labels", CODIS_LABEL_PRODUCT, NULL);

	return codis_is_managed(t->object) && product && strcmp(product, e->product) == 0;
}

/* A volume, envFrom, or a value of env: "name" beside any configMap..., at whatever depth of the template. */
static bool uses(const cJSON *item, const char *config)
{
	const cJSON *child;

	json_each(child, item) {
		const char *name = NULL;

		if (child->string &&
		    (strcmp(child->string, "configMap") == 0 || strcmp(child->string, "configMapRef") == 0 ||
		     strcmp(child->string, "configMapKeyRef") == 0))
			name = json_str(child, "name", NULL);
		if ((name && strcmp(name, config) == 0) || uses(child, config))
			return true;
	}
	return false;
}

static void judge_config(const struct estate *e, struct thing *t)
{
	bool ours = false, others = false;

	for (int i = 0; i < e->count; i++) {
		const struct thing *maker = &e->things[i];

		if (!is_maker(maker) || !uses(json_get(maker->object, "spec", "template", NULL), t->name))
			continue;
		ours |= goes(maker);
		others |= !goes(maker);
	}
	if (ours && !others && estate_is_applied(t->object))
		t->part = PART_ACCESS;
	else if (ours)
		t->stays = others ? "others use it, too" : "codisctl did not apply it";
}

/* "data-codis-server-3": of a volumeClaimTemplate of one of them, and a number. */
static enum estate_part claims(const struct estate *e, const char *name)
{
	for (int i = 0; i < e->count; i++) {
		const struct thing *maker = &e->things[i];
		const cJSON *template;

		json_each(template, json_get(maker->object, "spec", "volumeClaimTemplates", NULL)) {
			const char *its = json_str(template, "metadata", "name", NULL);
			char prefix[2 * POD_NAME_MAX];
			int n = snprintf(prefix, sizeof(prefix), "%s-%s-", its ? its : "", maker->name);

			if (strncmp(name, prefix, (size_t)n) != 0 || !name[n] ||
			    name[n + (int)strspn(name + n, "0123456789")])
				continue;
			return goes(maker)                     ? PART_DATA
			       : maker->part == PART_ZOOKEEPER ? PART_ZOOKEEPER_DATA
							       : PART_NONE;
		}
	}
	return PART_NONE;
}

static void judge_rest(const struct estate *e, struct thing *t)
{
	enum estate_part of;

	if (is_kind(t, "Pod")) {
		return;
	} else if (is_kind(t, "ConfigMap")) {
		judge_config(e, t);
	} else if (is_kind(t, "PersistentVolumeClaim")) {
		t->part = claims(e, t->name);
	} else if (is_kind(t, "PodDisruptionBudget") && is_budget_of(e, t)) {
		t->part = PART_ACCESS;
	} else {
		of = selects(e, t);
		t->part = of == PART_MAKER ? PART_ACCESS : of == PART_ZOOKEEPER ? PART_ZOOKEEPER_ACCESS : PART_NONE;
	}
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static enum cli_status choose(struct estate *e, const struct known *k, const char *named)
{
	struct finding f = { e, k, named };

	find_products(&f);
	if (named)
		text_copy(e->product, sizeof(e->product), named);
	if (!named && e->others.len)
		return cli_fail(e->cli, CLI_USAGE, "namespace %s has several products: name one with --product: %s, %s",
				cli_namespace(e->cli), e->product, e->others.data);
	return CLI_OK;
}

enum cli_status estate_get(struct estate *e, struct cli *c, const struct known *k, const char *named)
{
	enum cli_status status = CLI_OK;

	*e = (struct estate){ .cli = c };
	buf_init(&e->others, 4096);
	for (int i = 0; i < ESTATE_KINDS && status == CLI_OK; i++)
		status = get_list(e, i);
	if (status == CLI_OK)
		status = choose(e, k, named);
	if (status != CLI_OK)
		return status;
	for (int i = 0; i < e->count; i++) {
		if (is_maker(&e->things[i]))
			judge_maker(e, k, &e->things[i]);
	}
	for (int i = 0; i < e->count; i++) {
		if (e->things[i].part == PART_ZOOKEEPER && e->address[0])
			judge_zookeeper(e, &e->things[i]);
	}
	for (int i = 0; i < e->count; i++) {
		if (!is_maker(&e->things[i]))
			judge_rest(e, &e->things[i]);
	}
	return CLI_OK;
}

void estate_release(struct estate *e)
{
	for (int i = 0; i < ESTATE_KINDS; i++)
		cJSON_Delete(e->lists[i]);
	free(e->things);
	buf_release(&e->others);
	*e = (struct estate){ .count = 0 };
}

/* What makes it; *unknown: nothing that was listed, or that is not said. */
static const struct thing *maker_of(const struct estate *e, const cJSON *pod, bool *unknown)
{
	const cJSON *owner;

	*unknown = true;
	json_each(owner, json_get(pod, "metadata", "ownerReferences", NULL)) {
		const char *uid = json_str(owner, "uid", NULL), *kind = json_str(owner, "kind", NULL);

		if (!json_bool(false, owner, "controller", NULL))
			continue;
		for (int i = 0; uid && i < e->count; i++) {
			if (strcmp(e->things[i].uid, uid) == 0)
				return &e->things[i];
		}
		*unknown = kind && kind_find(kind); /* one of them, made since; a DaemonSet, a Job is none */
	}
	return NULL;
}

bool estate_has_pod(const struct estate *e, const cJSON *pod, enum estate_part from, enum estate_part to)
{
	bool unknown;
	const struct thing *maker = maker_of(e, pod, &unknown);

	if (maker || !unknown)
		return maker && maker->part >= from && maker->part <= to;
	for (int i = 0; i < e->count; i++) {
		const struct thing *t = &e->things[i];
		JSON_CLEANUP cJSON *selector = NULL;

		if (!is_maker(t) || t->part < from || t->part > to)
			continue;
		selector = selector_of(t);
		if (selector && selector_matches(selector, json_get(pod, "metadata", "labels", NULL)))
			return true;
	}
	return false;
}

void estate_list(const struct estate *e, enum estate_part part, struct buf *out)
{
	for (int k = 0; k < ESTATE_KINDS; k++) {
		int n = 0;

		for (int i = 0; i < e->count; i++) {
			const struct thing *t = &e->things[i];

			if (t->part != part || !is_kind(t, kinds[k]) || (is_maker(t) && estate_is_owned(t)))
				continue;
			if (n++)
				buf_addf(out, ", %s", t->name);
			else
				buf_addf(out, "  %s %s", kinds[k], t->name);
		}
		if (n)
			buf_addch(out, '\n');
	}
}
