#include "common/kube/extender.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"

/* cJSON_GetObjectItem compares names without case, as Go's encoding/json does; null counts as absent there, too. */
static const cJSON *field(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);

	return cJSON_IsNull(item) ? NULL : item;
}

static int check_name(const char *name, struct error *err)
{
	size_t len = name ? strlen(name) : 0;

	if (len == 0)
		return error_set(err, ERR_INVALID, "a candidate node has no name");
	if (len > EXTENDER_NAME_MAX)
		return error_set(err, ERR_INVALID, "a candidate node's name has %zu bytes, more than %d", len,
				 EXTENDER_NAME_MAX);
	return 0;
}

static int args_reserve(const cJSON *list, bool objects, struct extender_args *args, struct error *err)
{
	size_t n = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
		n++;
	if (n > EXTENDER_NODES_MAX)
		return error_set(err, ERR_TOOBIG, "the request has %zu nodes, more than %d", n, EXTENDER_NODES_MAX);
	args->names = calloc(n + 1, sizeof(*args->names));
	if (objects)
		args->nodes = calloc(n + 1, sizeof(*args->nodes));
	if (!args->names || (objects && !args->nodes))
		return error_set(err, ERR_NOMEM, "no memory for %zu nodes", n);
	return 0;
}

static int parse_names(const cJSON *list, struct extender_args *args, struct error *err)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return error_set(err, ERR_INVALID, "NodeNames is not a list");
	if (args_reserve(list, false, args, err) < 0)
		return -1;
	cJSON_ArrayForEach(item, list) {
		if (!cJSON_IsString(item))
			return error_set(err, ERR_INVALID, "NodeNames holds something that is no text");
		if (check_name(item->valuestring, err) < 0)
			return -1;
		args->names[args->count++] = item->valuestring;
	}
	return 0;
}

static int parse_nodes(const cJSON *list, struct extender_args *args, struct error *err)
{
	const cJSON *items = cJSON_IsObject(list) ? field(list, "items") : NULL, *item;

	if (!cJSON_IsObject(list) || (items && !cJSON_IsArray(items)))
		return error_set(err, ERR_INVALID, "Nodes is not a NodeList");
	if (args_reserve(items, true, args, err) < 0)
		return -1;
	cJSON_ArrayForEach(item, items) {
		const char *name = json_str(item, "metadata", "name", NULL);

		if (check_name(name, err) < 0)
			return -1;
		args->nodes[args->count] = item;
		args->names[args->count++] = name;
	}
	return 0;
}

int extender_args_parse(const cJSON *request, struct extender_args *args, struct error *err)
{
	const cJSON *names, *nodes;

	memset(args, 0, sizeof(*args));
	if (!cJSON_IsObject(request))
		return error_set(err, ERR_INVALID, "the request is not a JSON object");
	args->pod = field(request, "Pod");
	if (!cJSON_IsObject(args->pod))
		return error_set(err, ERR_INVALID, "the request has no Pod");
	names = field(request, "NodeNames");
	nodes = field(request, "Nodes");
	if (names)
		return parse_names(names, args, err);
	if (nodes)
		return parse_nodes(nodes, args, err);
	return 0;
}

void extender_args_release(struct extender_args *args)
{
	free(args->names);
	free(args->nodes);
	memset(args, 0, sizeof(*args));
}

void extender_filter_init(struct extender_filter *f, const struct extender_args *args)
{
	cJSON *nodes;

	memset(f, 0, sizeof(*f));
	f->args = args;
	f->root = cJSON_CreateObject();
	if (args->nodes) {
		nodes = json_add_object(f->root, "Nodes");
		f->passed = json_add_array(nodes, "items");
	} else {
		f->passed = json_add_array(f->root, "NodeNames");
	}
	f->refused = json_add_object(f->root, "FailedAndUnresolvableNodes");
	f->nomem = !f->root || !f->passed || !f->refused;
}

void extender_filter_release(struct extender_filter *f)
{
	cJSON_Delete(f->root);
	memset(f, 0, sizeof(*f));
}

void extender_filter_pass(struct extender_filter *f, size_t i)
{
	cJSON *item;

	if (f->nomem)
		return;
	item = f->args->nodes ? cJSON_Duplicate(f->args->nodes[i], true) : cJSON_CreateString(f->args->names[i]);
	if (!item || json_push(f->passed, item) < 0)
		f->nomem = true;
}

void extender_filter_refuse(struct extender_filter *f, size_t i, const char *reason)
{
	if (!f->nomem && !json_add_str(f->refused, f->args->names[i], reason))
		f->nomem = true;
}

int extender_filter_write(const struct extender_filter *f, struct buf *out)
{
	return f->nomem ? -1 : json_write(f->root, out);
}

int extender_error_write(const char *error, struct buf *out)
{
	JSON_CLEANUP cJSON *root = cJSON_CreateObject();

	if (!root || !json_add_str(root, "Error", error))
		return -1;
	return json_write(root, out);
}

int extender_scores_write(const struct extender_args *args, const int *scores, struct buf *out)
{
	JSON_CLEANUP cJSON *list = cJSON_CreateArray();

	if (!list)
		return -1;
	for (size_t i = 0; i < args->count; i++) {
		cJSON *entry = cJSON_CreateObject();
		bool made =
			entry && json_add_str(entry, "Host", args->names[i]) && json_add_int(entry, "Score", scores[i]);

		if (!made) {
			cJSON_Delete(entry);
			return -1;
		}
		if (json_push(list, entry) < 0)
			return -1;
	}
	return json_write(list, out);
}
