#include "tests/codis-sim/topom.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "tests/codis-sim/gojson.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/serve.h"
#include "tests/codis-sim/zk.h"

enum { NODE_MAX = 1 << 20, PATH_SIZE = 320 };

/* --- paths and nodes ---------------------------------------------------------------------------------------------- */

static void path_of(const struct topom *t, char out[PATH_SIZE], const char *rest)
{
	snprintf(out, PATH_SIZE, "/codis3/%s/%s", t->model.product, rest);
}

static void slot_path(const struct topom *t, char out[PATH_SIZE], int sid)
{
	snprintf(out, PATH_SIZE, "/codis3/%s/slots/slot-%04d", t->model.product, sid);
}

static void group_path(const struct topom *t, char out[PATH_SIZE], int gid)
{
	snprintf(out, PATH_SIZE, "/codis3/%s/group/group-%04d", t->model.product, gid);
}

static void proxy_path(const struct topom *t, char out[PATH_SIZE], const char *token)
{
	snprintf(out, PATH_SIZE, "/codis3/%s/proxy/proxy-%s", t->model.product, token);
}

/* 1 and the node's JSON, 0 when there is none, -1. */
static int read_node(struct topom *t, const char *path, cJSON **json)
{
	BUF_CLEANUP struct buf text = BUF_INIT(NODE_MAX);
	struct error err = ERROR_INIT;
	int rc = zk_read(t->zk, path, false, &text, &err);

	*json = NULL;
	if (rc > 0) {
		*json = json_parse(text.data, text.len, JSON_ITEMS, &err);
		if (!*json)
			rc = -1;
	}
	if (rc < 0)
		golog_error("store: read %s failed\n[error]: %s", path, err.text);
	return rc;
}

static int write_node(struct topom *t, const char *path, const char *what, cJSON *json, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(NODE_MAX);
	struct error why = ERROR_INIT;

	gojson_print(json, &text);
	cJSON_Delete(json);
	golog_warn("%s:\n%s", what, text.data);
	if (zk_update(t->zk, path, text.data, &why) == 0)
		return 0;
	golog_error("store: %s failed\n[error]: %s", what, why.text);
	return error_set(err, ERR_IO, "store: %s failed", what);
}

static int remove_node(struct topom *t, const char *path, const char *what, struct error *err)
{
	struct error why = ERROR_INIT;

	golog_warn("%s", what);
	if (zk_delete(t->zk, path, &why) == 0)
		return 0;
	golog_error("store: %s failed\n[error]: %s", what, why.text);
	return error_set(err, ERR_IO, "store: %s failed", what);
}

int store_slot(struct topom *t, const struct slot_map *m, struct error *err)
{
	char path[PATH_SIZE], what[64];

	slot_path(t, path, m->id);
	snprintf(what, sizeof(what), "update slot-[%d]", m->id);
	return write_node(t, path, what, slot_map_json(m), err);
}

int store_group(struct topom *t, const struct group *g, const char *verb, struct error *err)
{
	char path[PATH_SIZE], what[64];

	group_path(t, path, g->id);
	snprintf(what, sizeof(what), "%s group-[%d]", verb, g->id);
	return write_node(t, path, what, group_json(g), err);
}

int store_remove_group(struct topom *t, const struct group *g, struct error *err)
{
	char path[PATH_SIZE], what[64];

	group_path(t, path, g->id);
	snprintf(what, sizeof(what), "remove group-[%d]", g->id);
	return remove_node(t, path, what, err);
}

int store_proxy(struct topom *t, const struct model *p, const char *verb, struct error *err)
{
	char path[PATH_SIZE], what[128];

	proxy_path(t, path, p->token);
	snprintf(what, sizeof(what), "%s proxy-[%s]", verb, p->token);
	return write_node(t, path, what, model_json(p, true), err);
}

int store_remove_proxy(struct topom *t, const struct model *p, struct error *err)
{
	char path[PATH_SIZE], what[128];

	proxy_path(t, path, p->token);
	snprintf(what, sizeof(what), "remove proxy-[%s]", p->token);
	return remove_node(t, path, what, err);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

int topom_start(struct topom *t, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(NODE_MAX);
	JSON_CLEANUP cJSON *json = model_json(&t->model, false);
	struct error why = ERROR_INIT;
	char path[PATH_SIZE];
	int rc = 0;

	pthread_mutex_lock(&t->mu);
	if (!t->closed && !t->online) {
		gojson_print(json, &text);
		path_of(t, path, "topom");
		rc = zk_create(t->zk, path, text.data, false, &why);
		if (rc == 0)
			t->online = true;
		else
			golog_error("store: acquire lock of %s failed\n[error]: %s", t->model.product, why.text);
	}
	pthread_mutex_unlock(&t->mu);
	if (rc < 0)
		return error_set(err, ERR_EXISTS, "store: acquire lock of %s failed", t->model.product);
	return 0;
}

void topom_close(struct topom *t)
{
	char path[PATH_SIZE];

	pthread_mutex_lock(&t->mu);
	if (!t->closed) {
		t->closed = true;
		serve_quiesce(t->serve);
		path_of(t, path, "topom");
		if (t->online && zk_delete(t->zk, path, NULL) < 0)
			golog_error("store: release lock of %s failed", t->model.product);
	}
	pthread_mutex_unlock(&t->mu);
}

bool topom_is_online(struct topom *t)
{
	bool is;

	pthread_mutex_lock(&t->mu);
	is = t->online && !t->closed;
	pthread_mutex_unlock(&t->mu);
	return is;
}

bool topom_is_closed(struct topom *t)
{
	bool is;

	pthread_mutex_lock(&t->mu);
	is = t->closed;
	pthread_mutex_unlock(&t->mu);
	return is;
}

/* --- cache -------------------------------------------------------------------------------------------------------- */

void topom_dirty_slot(struct topom *t, int sid)
{
	t->slot_valid[sid] = false;
}

void topom_dirty_group(struct topom *t, int gid)
{
	for (int i = 0; i < t->n_groups; i++) {
		if (t->groups[i].id == gid) {
			t->groups[i].dirty = true;
			return;
		}
	}
	t->groups_valid = false; /* a new one */
}

void topom_dirty_proxy(struct topom *t, const char *token)
{
	(void)token;
	t->proxies_valid = false;
}

static void drop_groups(struct topom *t)
{
	for (int i = 0; i < t->n_groups; i++)
		free(t->groups[i].g);
	free(t->groups);
	t->groups = NULL;
	t->n_groups = 0;
}

void topom_dirty_all(struct topom *t)
{
	memset(t->slot_valid, 0, sizeof(t->slot_valid));
	t->groups_valid = false;
	t->proxies_valid = false;
}

static int fill_slots(struct topom *t)
{
	for (int i = 0; i < MAX_SLOTS; i++) {
		JSON_CLEANUP cJSON *json = NULL;
		char path[PATH_SIZE];

		if (t->slot_valid[i])
			continue;
		slot_path(t, path, i);
		if (read_node(t, path, &json) < 0)
			return -1;
		t->slots[i] = (struct slot_map){ .id = i };
		if (json)
			slot_map_parse(json, &t->slots[i]);
		t->slots[i].id = i;
		t->slot_valid[i] = true;
	}
	return 0;
}

static int list_groups(struct topom *t)
{
	char(*names)[128] NAMES_CLEANUP = NULL;
	char path[PATH_SIZE];
	int n;

	drop_groups(t);
	path_of(t, path, "group");
	n = zk_list(t->zk, path, &names, NULL);
	if (n < 0)
		return -1;
	t->groups = calloc((size_t)n + 1, sizeof(*t->groups));
	if (!t->groups)
		return -1;
	for (int i = 0; i < n; i++)
		if (strncmp(names[i], "group-", 6) == 0)
			t->groups[t->n_groups++].id = (int)strtol(names[i] + 6, NULL, 10);
	t->groups_valid = true;
	return 0;
}

/* 1: read; 0: its node is gone; -1. */
static int read_group(struct topom *t, struct group_ref *ref)
{
	JSON_CLEANUP cJSON *json = NULL;
	char path[PATH_SIZE];
	int rc;

	group_path(t, path, ref->id);
	rc = read_node(t, path, &json);
	if (rc <= 0)
		return rc;
	if (!ref->g)
		ref->g = malloc(sizeof(struct group));
	if (!ref->g)
		return -1;
	group_parse(json, ref->g);
	ref->dirty = false;
	return 1;
}

static int fill_groups(struct topom *t)
{
	int rc;

	if (!t->groups_valid && list_groups(t) < 0)
		return -1;
	for (int i = 0; i < t->n_groups; i++) {
		struct group_ref *ref = &t->groups[i];

		if (ref->g && !ref->dirty)
			continue;
		rc = read_group(t, ref);
		if (rc < 0)
			return -1;
		if (rc > 0)
			continue;
		free(ref->g);
		memmove(ref, ref + 1, (size_t)(--t->n_groups - i) * sizeof(*ref));
		i--;
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return ((const struct model *)a)->id - ((const struct model *)b)->id;
}

static int fill_proxies(struct topom *t)
{
	char(*names)[128] NAMES_CLEANUP = NULL;
	char dir[PATH_SIZE], path[PATH_SIZE];
	int n;

	if (t->proxies_valid)
		return 0;
	path_of(t, dir, "proxy");
	n = zk_list(t->zk, dir, &names, NULL);
	if (n < 0)
		return -1;
	free(t->proxies);
	t->n_proxies = 0;
	t->proxies = calloc((size_t)n + 1, sizeof(*t->proxies));
	for (int i = 0; t->proxies && i < n; i++) {
		JSON_CLEANUP cJSON *json = NULL;
		int rc;

		proxy_path(t, path, names[i] + (strncmp(names[i], "proxy-", 6) == 0 ? 6 : 0));
		rc = read_node(t, path, &json);
		if (rc < 0)
			return -1;
		if (rc > 0)
			model_parse(json, &t->proxies[t->n_proxies++]);
	}
	if (!t->proxies)
		return -1;
	qsort(t->proxies, (size_t)t->n_proxies, sizeof(*t->proxies), by_id);
	t->proxies_valid = true;
	return 0;
}

static int fill_cache(struct topom *t, struct error *err)
{
	if (t->closed)
		return error_set(err, ERR_INVALID, "use of closed topom");
	if (!t->online)
		return error_set(err, ERR_INVALID, "topom is not online");
	if (fill_slots(t) < 0)
		return error_set(err, ERR_IO, "store: load slots failed");
	if (fill_groups(t) < 0)
		return error_set(err, ERR_IO, "store: load group failed");
	if (fill_proxies(t) < 0)
		return error_set(err, ERR_IO, "store: load proxy failed");
	return 0;
}

int topom_enter(struct topom *t, struct error *err)
{
	pthread_mutex_lock(&t->mu);
	if (fill_cache(t, err) == 0)
		return 0;
	pthread_mutex_unlock(&t->mu);
	return -1;
}

void topom_leave(struct topom *t)
{
	pthread_mutex_unlock(&t->mu);
}

void topom_leave_cleanup(struct topom **t)
{
	if (*t)
		topom_leave(*t);
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

struct group *peek_group(struct topom *t, int gid)
{
	for (int i = 0; i < t->n_groups; i++)
		if (t->groups[i].id == gid)
			return t->groups[i].g;
	return NULL;
}

struct group *find_group(struct topom *t, int gid, struct error *err)
{
	struct group *g = peek_group(t, gid);

	if (!g)
		error_set(err, ERR_NOTFOUND, "group-[%d] doesn't exist", gid);
	return g;
}

static int find_index(const struct group *g, const char *addr, struct error *err)
{
	for (int i = 0; i < g->count; i++)
		if (strcmp(g->servers[i].addr, addr) == 0)
			return i;
	return error_set(err, ERR_NOTFOUND, "group-[%d] doesn't have server-[%s]", g->id, addr);
}

struct group *find_member(struct topom *t, int gid, const char *addr, int *index, struct error *err)
{
	struct group *g = find_group(t, gid, err);

	*index = g ? find_index(g, addr, err) : -1;
	return *index < 0 ? NULL : g;
}

int not_promoting(const struct group *g, struct error *err)
{
	if (g->promoting.state[0])
		return error_set(err, ERR_INVALID, "group-[%d] is promoting", g->id);
	return 0;
}

struct group *find_server(struct topom *t, const char *addr, int *index, struct error *err)
{
	for (int i = 0; i < t->n_groups; i++) {
		*index = find_index(t->groups[i].g, addr, NULL);
		if (*index >= 0)
			return t->groups[i].g;
	}
	error_set(err, ERR_NOTFOUND, "server-[%s] doesn't exist", addr);
	return NULL;
}

struct model *find_proxy(struct topom *t, const char *token, struct error *err)
{
	for (int i = 0; i < t->n_proxies; i++)
		if (strcmp(t->proxies[i].token, token) == 0)
			return &t->proxies[i];
	error_set(err, ERR_NOTFOUND, "proxy-[%s] doesn't exist", token);
	return NULL;
}

struct slot_map *find_slot(struct topom *t, int sid, struct error *err)
{
	if (sid >= 0 && sid < MAX_SLOTS)
		return &t->slots[sid];
	error_set(err, ERR_NOTFOUND, "slot-[%d] doesn't exist", sid);
	return NULL;
}

bool group_in_use(const struct topom *t, int gid)
{
	for (int i = 0; i < MAX_SLOTS; i++)
		if (t->slots[i].group == gid || t->slots[i].action.target == gid)
			return true;
	return false;
}
