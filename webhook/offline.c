#include "webhook/offline.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "webhook/lookups.h"
#include "webhook/mutate.h"
#include "webhook/options.h"
#include "webhook/validate.h"

struct offline {
	struct inventory *inventory;
	const cJSON **objects; /* StatefulSets, PodDisruptionBudgets, Namespaces */
	size_t count, room;
};

struct offline *offline_new(void)
{
	struct offline *off = calloc(1, sizeof(*off));

	if (!off)
		return NULL;
	off->inventory = inventory_new();
	if (off->inventory)
		return off;
	free(off);
	return NULL;
}

void offline_free(struct offline *off)
{
	if (!off)
		return;
	inventory_free(off->inventory);
	free(off->objects);
	free(off);
}

/* --- what there is ------------------------------------------------------------------------------------------------ */

static bool is_kind(const cJSON *object, const char *kind)
{
	const char *its = json_str(object, "kind", NULL);

	return its && strcmp(its, kind) == 0;
}

static bool is_named(const cJSON *object, const char *namespace, const char *name)
{
	const char *its = json_str(object, "metadata", "name", NULL),
		   *there = json_str(object, "metadata", "namespace", NULL);

	return its && there && strcmp(its, name) == 0 && strcmp(there, namespace) == 0;
}

static int find(const struct offline *off, const char *namespace, const char *name)
{
	for (size_t i = 0; i < off->count; i++) {
		if (is_kind(off->objects[i], "StatefulSet") && is_named(off->objects[i], namespace, name))
			return (int)i;
	}
	return -1;
}

static int keep(struct offline *off, const cJSON *object)
{
	const char *name = json_str(object, "metadata", "name", NULL),
		   *namespace = json_str(object, "metadata", "namespace", NULL);
	int at = is_kind(object, "StatefulSet") && name && namespace ? find(off, namespace, name) : -1;
	size_t room = off->room ? 2 * off->room : 64;
	const cJSON **more;

	if (at >= 0) {
		off->objects[at] = object;
		return 0;
	}
	if (off->count == off->room) {
		more = reallocarray(off->objects, room, sizeof(*more));
		if (!more)
			return -1;
		off->objects = more;
		off->room = room;
	}
	off->objects[off->count++] = object;
	return 0;
}

/* Of one that says what cannot be meant there is no more to know: whoever asks about it is told so. */
static int tell(struct offline *off, const cJSON *object)
{
	struct error err = ERROR_INIT;
	int done = is_kind(object, "StatefulSet") ? inventory_set_set(off->inventory, object, &err)
						  : inventory_set_pod(off->inventory, object, &err);

	return done < 0 && err.code == ERR_NOMEM ? -1 : 0;
}

int offline_know(struct offline *off, const cJSON *object)
{
	bool set = is_kind(object, "StatefulSet");
	bool kept = set || is_kind(object, "PodDisruptionBudget") || is_kind(object, "Namespace");

	if (kept && keep(off, object) < 0)
		return -1;
	return set || is_kind(object, "Pod") ? tell(off, object) : 0;
}

/* --- what is looked up -------------------------------------------------------------------------------------------- */

static void find_set(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set),
		     void *arg)
{
	const struct offline *off = ctx;
	int at = find(off, namespace, name);

	fn(arg, at < 0 ? NULL : off->objects[at]);
}

static int each_of_kind(const struct offline *off, const char *kind, int (*fn)(void *arg, const cJSON *object),
			void *arg)
{
	int r = 0;

	for (size_t i = 0; i < off->count && !r; i++)
		r = is_kind(off->objects[i], kind) ? fn(arg, off->objects[i]) : 0;
	return r;
}

static void each_set(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	each_of_kind(ctx, "StatefulSet", fn, arg);
}

static int each_budget(void *ctx, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	each_of_kind(ctx, "PodDisruptionBudget", fn, arg);
	return 0;
}

static bool is_ending(void *ctx, const char *namespace)
{
	const struct offline *off = ctx;

	for (size_t i = 0; i < off->count; i++) {
		const char *name = json_str(off->objects[i], "metadata", "name", NULL);

		if (is_kind(off->objects[i], "Namespace") && name && strcmp(name, namespace) == 0)
			return json_get(off->objects[i], "metadata", "deletionTimestamp", NULL) != NULL;
	}
	return false;
}

static void trouble_of(void *ctx, const cJSON *set, char why[POD_WHY_MAX])
{
	const struct offline *off = ctx;

	lookups_trouble(off->inventory, set, why);
}

struct lookups offline_lookups(const struct offline *off)
{
	void *ctx = (void *)(uintptr_t)off;

	return (struct lookups){ .ctx = ctx,
				 .find = find_set,
				 .each = each_set,
				 .trouble = trouble_of,
				 .is_ending = is_ending,
				 .budgets = ctx,
				 .each_budget = each_budget };
}

/* --- what is said ------------------------------------------------------------------------------------------------- */

/* An option's default: what the program has that nobody has given anything. */
static const char *default_of(const char *name)
{
	const struct opt *o = webhook_options;

	while (o->name && strcmp(o->name, name) != 0)
		o++;
	return o->name && o->def ? o->def : "";
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = json_str(object, "metadata", name, NULL);

	return text ? text : "";
}

void offline_review(const struct offline *off, const char *resource, const cJSON *object, const cJSON *old,
		    struct admission_verdict *v)
{
	struct lookups lookups = offline_lookups(off);
	struct admission_request req = { .uid = "",
					 .resource = resource,
					 .subresource = "",
					 .namespace = text_of(object, "namespace"),
					 .name = text_of(object, "name"),
					 .operation = old ? "UPDATE" : "CREATE",
					 .object = object,
					 .old_object = old };

	lookups.scheduler = default_of("scheduler-name");
	if (strcmp(resource, "pods") == 0)
		mutate(&req, &lookups, default_of("viewer-image"), v);
	else
		validate(&req, &lookups, v);
}
