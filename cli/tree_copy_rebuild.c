/* tree_copy_rebuild.c - the tree from what proxies and pods say. A proxy that serves knows of each slot to which server
 * it goes, and of which group; a pod which group it is of, and by its label which role it has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tree_copy.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/inventory.h"
#include "common/codis/model.h"

struct rebuilding {
	cJSON *tree;
	const struct inventory *inv;
	const char *namespace, *product;
	struct codis_slot slots[CODIS_SLOTS];
	bool known[CODIS_SLOTS];
	struct codis_group *groups[CODIS_GROUP_MAX + 1]; /* by number */
	int moving;
	struct error *err;
};

static int take_slot(struct rebuilding *r, const cJSON *json, const char *token)
{
	struct codis_slot slot;

	if (codis_slot_parse(json, &slot, r->err) < 0)
		return -1;
	if (slot.id < 0 || slot.id >= CODIS_SLOTS || slot.group <= 0)
		return 0;
	if (r->known[slot.id] && r->slots[slot.id].group != slot.group)
		return error_set(
			r->err, ERR_CONFLICT,
			"proxies contradict each other: slot %d is of group %d, and to proxy %.32s of group %d",
			slot.id, r->slots[slot.id].group, token, slot.group);
	r->slots[slot.id] = slot;
	r->known[slot.id] = true;
	return 0;
}

static int take_proxy(struct rebuilding *r, const cJSON *overview)
{
	const cJSON *model = json_get(overview, "model", NULL), *slot;
	const char *token = json_str(model, "token", NULL);

	if (!token || !*token || strlen(token) >= CODIS_TOKEN_MAX)
		return error_set(r->err, ERR_PROTOCOL, "a proxy says no token");
	json_each(slot, json_get(overview, "slots", NULL)) {
		if (take_slot(r, slot, token) < 0)
			return -1;
	}
	return 0;
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

static struct codis_group *group_of(struct rebuilding *r, int id)
{
	if (id <= 0 || id > CODIS_GROUP_MAX)
		return NULL;
	if (!r->groups[id] && (r->groups[id] = calloc(1, sizeof(struct codis_group))) != NULL)
		r->groups[id]->id = id;
	return r->groups[id];
}

static int add_member(void *ctx, const struct inventory_pod *pod)
{
	struct rebuilding *r = ctx;
	struct codis_group *g;

	if (pod->pod.component != CODIS_SERVER || !pod->addr[0] || pod->pod.group <= 0)
		return 0;
	g = group_of(r, pod->pod.group);
	if (!g || (codis_group_find(g, pod->addr) < 0 && codis_group_append(g, pod->addr) < 0))
		return error_set(r->err, ERR_TOOBIG, "group %d cannot be held: too many members, or no memory",
				 pod->pod.group);
	if (pod->pod.role == CODIS_ROLE_MASTER)
		return codis_group_lead(g, pod->addr);
	return 0;
}

/* Where a slot goes leads its group, whatever a label says. */
static int check_slot(struct rebuilding *r, const struct codis_slot *s)
{
	/* While it is moved, what is written goes to the group that gets it. */
	struct codis_group *g = group_of(r, s->group);

	if (!g || codis_group_find(g, s->addr) < 0)
		return error_set(r->err, ERR_NOTFOUND,
				 "slot %d of group %d goes to %s, which is no server of that group's pods", s->id,
				 s->group, s->addr[0] ? s->addr : "nobody");
	return codis_group_lead(g, s->addr);
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static int add_group(struct rebuilding *r, const struct codis_group *g)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	char path[TREE_COPY_PATH_MAX];

	snprintf(path, sizeof(path), "group/group-%04d", g->id);
	if (codis_group_write(g, &text) < 0)
		return error_set(r->err, ERR_NOMEM, "no memory");
	return tree_copy_add(r->tree, path, -1, json_parse(text.data, text.len, MODEL_ITEMS, r->err));
}

/* As Codis writes it: of one that is moved, the group that it comes from, and whither. */
static int add_slot(struct rebuilding *r, const struct codis_slot *s)
{
	cJSON *data = cJSON_CreateObject(), *action;
	char path[TREE_COPY_PATH_MAX];

	snprintf(path, sizeof(path), "slots/slot-%04d", s->id);
	json_add_int(data, "id", s->id);
	json_add_int(data, "group_id", s->migrate_from ? s->migrate_from : s->group);
	action = json_add_object(data, "action");
	if (s->migrate_from) {
		json_add_int(action, "index", ++r->moving);
		json_add_str(action, "state", "migrating");
		json_add_int(action, "target_id", s->group);
	}
	return tree_copy_add(r->tree, path, -1, data);
}

/* Its number is not its own: the dashboard gives it. */
static int add_proxy(struct rebuilding *r, const cJSON *model, int id)
{
	cJSON *data = cJSON_Duplicate(model, true);
	char path[TREE_COPY_PATH_MAX];

	snprintf(path, sizeof(path), "proxy/proxy-%.64s", json_str(model, "token", NULL));
	if (json_set(data, "id", cJSON_CreateNumber(id)) < 0) {
		cJSON_Delete(data);
		return -1;
	}
	return tree_copy_add(r->tree, path, -1, data);
}

static int add_nodes(struct rebuilding *r, const cJSON *const *proxies, int count)
{
	int failed = 0;

	for (int id = 1; id <= CODIS_GROUP_MAX; id++) {
		if (r->groups[id] && r->groups[id]->count)
			failed |= add_group(r, r->groups[id]);
	}
	for (int i = 0; i < count; i++)
		failed |= add_proxy(r, json_get(proxies[i], "model", NULL), i + 1);
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (r->known[i])
			failed |= add_slot(r, &r->slots[i]);
	}
	return failed ? error_set(r->err, ERR_NOMEM, "no memory") : 0;
}

static int rebuild(struct rebuilding *r, const cJSON *const *proxies, int count)
{
	for (int i = 0; i < count; i++) {
		if (take_proxy(r, proxies[i]) < 0)
			return -1;
	}
	if (inventory_each_of_product(r->inv, r->namespace, r->product, add_member, r) != 0)
		return -1;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (r->known[i] && check_slot(r, &r->slots[i]) < 0)
			return -1;
	}
	return add_nodes(r, proxies, count);
}

int tree_copy_rebuild(cJSON *tree, const cJSON *const *proxies, int count, const struct inventory *inv,
		      struct error *err)
{
	struct rebuilding *r = calloc(1, sizeof(*r));
	int failed;

	if (!r)
		return error_set(err, ERR_NOMEM, "no memory");
	r->tree = tree;
	r->inv = inv;
	r->namespace = json_str(tree, "namespace", NULL);
	r->product = tree_copy_product(tree);
	r->err = err;
	failed = r->namespace ? rebuild(r, proxies, count) : error_set(err, ERR_INVALID, "it says no namespace");
	for (int id = 0; id <= CODIS_GROUP_MAX; id++)
		free(r->groups[id]);
	free(r);
	return failed;
}
