#include "cli/tree_copy.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/base/yaml_read.h"
#include "common/codis/model.h"
#include "common/codis/topology.h"

#define KIND       "CodisTree"
#define FORMAT     1
#define MEMORY_MAX (64u << 20)

const char *const tree_copy_folders[] = { "group", "proxy", "slots" };

cJSON *tree_copy_new(const char *namespace, const char *product, const char *from)
{
	cJSON *tree = cJSON_CreateObject();
	char now[40];

	json_add_str(tree, "kind", KIND);
	json_add_int(tree, "format", FORMAT);
	json_add_str(tree, "namespace", namespace);
	json_add_str(tree, "product", product);
	json_add_str(tree, "taken_at", clock_rfc3339(clock_wall_ms(), now, sizeof(now)));
	json_add_str(tree, "from", from);
	json_add_str(tree, "by", "codisctl " CODIS_VERSION);
	json_add_array(tree, "nodes");
	if (tree && json_is_whole(tree))
		return tree;
	cJSON_Delete(tree);
	return NULL;
}

int tree_copy_add(cJSON *tree, const char *path, int version, cJSON *data)
{
	cJSON *node = cJSON_CreateObject();

	json_add_str(node, "path", path);
	if (version >= 0)
		json_add_int(node, "version", version);
	if (json_set(node, "data", data) < 0 || !json_is_whole(node)) {
		cJSON_Delete(node);
		return -1;
	}
	return json_push(cJSON_GetObjectItemCaseSensitive(tree, "nodes"), node);
}

const char *tree_copy_from(const cJSON *tree)
{
	const char *from = json_str(tree, "from", NULL);

	return from ? from : "";
}

const char *tree_copy_product(const cJSON *tree)
{
	const char *product = json_str(tree, "product", NULL);

	return product ? product : "";
}

const cJSON *tree_copy_data(const cJSON *tree, const char *path)
{
	const cJSON *node;

	json_each(node, json_get(tree, "nodes", NULL)) {
		const char *is = json_str(node, "path", NULL);

		if (is && strcmp(is, path) == 0)
			return json_get(node, "data", NULL);
	}
	return NULL;
}

static bool is_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

bool tree_copy_is_assigned(const char *path, const cJSON *data)
{
	return is_in(path, "slots") && json_int(0, data, "group_id", NULL) > 0;
}

struct tree_copy_counts tree_copy_count(const cJSON *tree)
{
	struct tree_copy_counts n = { .groups = 0 };
	const cJSON *node;

	json_each(node, json_get(tree, "nodes", NULL)) {
		const char *path = json_str(node, "path", NULL);

		if (!path)
			continue;
		n.groups += is_in(path, "group");
		n.proxies += is_in(path, "proxy");
		n.slots += is_in(path, "slots");
		n.assigned += tree_copy_is_assigned(path, json_get(node, "data", NULL));
	}
	return n;
}

/* --- as text ------------------------------------------------------------------------------------------------------ */

int tree_copy_write(const cJSON *tree, struct buf *out)
{
	const cJSON *member, *node;
	const char *between = "{";

	json_each(member, tree) {
		if (json_is(member, cJSON_Array))
			continue;
		buf_addf(out, "%s\"%s\":", between, member->string);
		if (json_write(member, out) < 0)
			return -1;
		between = ",\n ";
	}
	buf_addstr(out, ",\n \"nodes\":[");
	between = "\n  ";
	json_each(node, json_get(tree, "nodes", NULL)) {
		buf_addstr(out, between);
		if (json_write(node, out) < 0)
			return -1;
		between = ",\n  ";
	}
	buf_addstr(out, "\n ]}\n");
	return out->failed ? -1 : 0;
}

struct reading {
	cJSON *document;
};

static int on_document(void *ctx, cJSON *document, int line, struct error *err)
{
	struct reading *r = ctx;

	if (!r->document) {
		r->document = document;
		return 0;
	}
	cJSON_Delete(document);
	return error_set(err, ERR_INVALID, "line %d: a second document, where one is expected", line);
}

/* "group/group-0001", "slots/slot-1023", "proxy/proxy-TOKEN": nothing that leads elsewhere. */
static bool is_path(const char *path)
{
	static const char *const begins[] = { "group/group-", "proxy/proxy-", "slots/slot-" };
	size_t len = strnlen(path, TREE_COPY_PATH_MAX);

	for (size_t i = 0; i < TREE_COPY_FOLDERS && len < TREE_COPY_PATH_MAX; i++) {
		size_t begin = strlen(begins[i]);
		const char *allowed = i == 1 ? "0123456789abcdefABCDEF" : "0123456789";

		if (len > begin && strncmp(path, begins[i], begin) == 0 && strspn(path + begin, allowed) == len - begin)
			return true;
	}
	return false;
}

/* --- what Codis would not have written: its dashboard ends when it reads that ------------------------------------- */

static int no_node(const char *path, const char *why, struct error *err)
{
	return error_set(err, ERR_INVALID, "%s: %s", path, why);
}

static int check_group(const char *path, const cJSON *data, struct error *err)
{
	char is[TREE_COPY_PATH_MAX];
	struct codis_group group;

	if (codis_group_parse(data, &group, err) < 0)
		return error_wrap(err, "%s", path);
	snprintf(is, sizeof(is), "group/group-%04d", group.id);
	return strcmp(is, path) == 0 ? 0 : no_node(path, "its data is another group's", err);
}

static int check_slot(const cJSON *tree, const char *path, const cJSON *data, struct error *err)
{
	int64_t id = json_int(-1, data, "id", NULL), group = json_int(-1, data, "group_id", NULL);
	int64_t target = json_int(0, data, "action", "target_id", NULL);
	const int64_t groups[] = { group, target };
	char is[TREE_COPY_PATH_MAX];

	if (id < 0 || id >= CODIS_SLOTS)
		return no_node(path, "it says no number of a slot", err);
	snprintf(is, sizeof(is), "slots/slot-%04d", (int)id);
	if (strcmp(is, path) != 0)
		return no_node(path, "its data is another slot's", err);
	for (int i = 0; i < 2; i++) {
		if (groups[i] < 0 || groups[i] > CODIS_GROUP_MAX)
			return no_node(path, "it says no number of a group", err);
		snprintf(is, sizeof(is), "group/group-%04d", (int)groups[i]);
		if (groups[i] && !tree_copy_data(tree, is))
			return error_set(err, ERR_INVALID, "%s is of group %d, which is not there", path,
					 (int)groups[i]);
	}
	return 0;
}

static int check_proxy(const char *path, const cJSON *data, struct error *err)
{
	const char *token = json_str(data, "token", NULL);

	return token && strcmp(token, path + strlen("proxy/proxy-")) == 0
		       ? 0
		       : no_node(path, "its data is another proxy's", err);
}

static int check_data(const cJSON *tree, struct error *err)
{
	const cJSON *node;

	json_each(node, json_get(tree, "nodes", NULL)) {
		const char *path = json_str(node, "path", NULL);
		const cJSON *data = json_get(node, "data", NULL);
		int failed = -1;

		if (!path)
			return error_set(err, ERR_INVALID, "a node has no path");
		if (is_in(path, "group"))
			failed = check_group(path, data, err);
		else if (is_in(path, "slots"))
			failed = check_slot(tree, path, data, err);
		else
			failed = check_proxy(path, data, err);
		if (failed < 0)
			return -1;
		if (tree_copy_data(tree, path) != data)
			return no_node(path, "it is there twice", err);
	}
	return 0;
}

static int check_nodes(const cJSON *tree, struct error *err)
{
	const cJSON *nodes = json_get(tree, "nodes", NULL), *node;
	int count = 0;

	if (!json_is(nodes, cJSON_Array))
		return error_set(err, ERR_INVALID, "it has no list \"nodes\"");
	json_each(node, nodes) {
		const char *path = json_str(node, "path", NULL);

		if (!path || !is_path(path))
			return error_set(err, ERR_INVALID, "nodes[%d]: \"%.60s\" is no path of a group, proxy or slot",
					 count, path ? path : "");
		if (!json_is(json_get(node, "data", NULL), cJSON_Object))
			return error_set(err, ERR_INVALID, "nodes[%d]: %.60s has no data", count, path);
		if (++count > TREE_COPY_NODES_MAX)
			return error_set(err, ERR_TOOBIG, "it has more than %d nodes", TREE_COPY_NODES_MAX);
	}
	return 0;
}

cJSON *tree_copy_read(const char *text, size_t len, struct error *err)
{
	struct reading r = { NULL };
	const char *kind;

	if (yaml_read(text, len, MEMORY_MAX, on_document, &r, err) < 0) {
		cJSON_Delete(r.document);
		return NULL;
	}
	kind = json_str(r.document, "kind", NULL);
	if (!kind || strcmp(kind, KIND) != 0)
		error_set(err, ERR_INVALID, "it is no %s, as codisctl backup writes it", KIND);
	else if (json_int(0, r.document, "format", NULL) != FORMAT)
		error_set(err, ERR_INVALID, "its format is not %d: take the codisctl that wrote it", FORMAT);
	else if (!*tree_copy_product(r.document))
		error_set(err, ERR_INVALID, "it says no product");
	else if (check_nodes(r.document, err) == 0 && check_data(r.document, err) == 0)
		return r.document;
	cJSON_Delete(r.document);
	return NULL;
}
