#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/plan.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/yaml_read.h"
#include "common/kube/exec.h"

/* Lists within each other. kubectl makes one of them at most. */
#define LISTS_DEEP 8

/* --- objects ------------------------------------------------------------------------------------------------------ */

struct reading {
	struct plan *plan;
	const char *from;
	int line;
};

static int add_object(struct plan *p, cJSON *object, struct error *err)
{
	size_t room = p->object_room ? 2 * p->object_room : 64;
	struct plan_object *more;

	if (p->object_count == PLAN_OBJECTS)
		return error_set(err, ERR_TOOBIG, "over %d objects", PLAN_OBJECTS);
	if (p->object_count == p->object_room) {
		more = reallocarray(p->objects, room, sizeof(*more));
		if (!more)
			return error_set(err, ERR_NOMEM, "no memory");
		p->objects = more;
		p->object_room = room;
	}
	p->objects[p->object_count++] = (struct plan_object){ .object = object, .kind = plan_kind_of(object) };
	return 0;
}

static const char *what_is(const cJSON *value)
{
	return cJSON_IsString(value) ? "a text" : cJSON_IsArray(value) ? "a list" : "a single value";
}

#define NOT_RENDERED                                                                                                   \
	"is a Helm template that is not rendered: helm template CHART | codisctl plan -f -, with the values that you " \
	"install with"

/* Without these it is no object of Kubernetes. */
static int check(const cJSON *object, struct error *err)
{
	const char *kind = json_str(object, "kind", NULL), *name = json_str(object, "metadata", "name", NULL);
	const char *made = json_str(object, "metadata", "generateName", NULL);

	if (!cJSON_IsObject(object))
		return error_set(err, ERR_INVALID, "%s, and no object of Kubernetes", what_is(object));
	if (!kind || !*kind)
		return error_set(err, ERR_INVALID, "an object without a kind is none of Kubernetes");
	if (!json_str(object, "apiVersion", NULL))
		return error_set(err, ERR_INVALID, "%.64s has no apiVersion", kind);
	if (!json_get(object, "metadata", NULL) && json_get(object, "items", NULL))
		return error_set(err, ERR_INVALID, "the items of %.64s are no list", kind);
	if ((!name || !*name) && (!made || strcmp(kind, "Pod") != 0))
		return error_set(err, ERR_INVALID, "%.64s has no metadata.name", kind);
	if (name && strstr(name, "{{"))
		return error_set(err, ERR_INVALID, "%.64s \"%.64s\" " NOT_RENDERED, kind, name);
	return 0;
}

static bool is_list(const cJSON *object)
{
	const char *kind = json_str(object, "kind", NULL);
	size_t len = kind ? strlen(kind) : 0;

	return len >= 4 && strcmp(kind + len - 4, "List") == 0 && cJSON_IsArray(json_get(object, "items", NULL));
}

/* Takes the object over. */
static int take(struct plan *p, cJSON *object, int depth, struct error *err)
{
	cJSON *items = is_list(object) ? cJSON_GetObjectItemCaseSensitive(object, "items") : NULL, *item;
	int r = items && depth == LISTS_DEEP ? error_set(err, ERR_TOOBIG, "over %d Lists within each other", LISTS_DEEP)
		: items || check(object, err) == 0 ? 0
						   : -1;

	if (!items && r == 0) {
		r = add_object(p, object, err);
		object = r == 0 ? NULL : object;
	}
	while (r == 0 && items && (item = items->child))
		r = take(p, cJSON_DetachItemViaPointer(items, item), depth + 1, err);
	cJSON_Delete(object);
	return r;
}

static int on_document(void *ctx, cJSON *document, int line, struct error *err)
{
	struct reading *r = ctx;

	return take(r->plan, document, 0, err) < 0 ? error_wrap(err, "line %d", line) : 0;
}

static bool is_binary(const char *text, size_t len)
{
	return memchr(text, '\0', len) != NULL;
}

int plan_read_text(struct plan *p, const char *text, size_t len, const char *from, struct error *err)
{
	struct reading r = { .plan = p, .from = from };
	size_t before = p->object_count;

	if (is_binary(text, len))
		return error_set(err, ERR_INVALID, "%s is binary: manifests are YAML or JSON", from);
	if (yaml_read(text, len, PLAN_MEMORY_MAX, on_document, &r, err) < 0) {
		if (err->code == ERR_INVALID && strstr(text, "{{") && !strstr(err->text, "Helm"))
			return error_set(err, ERR_INVALID, "%s " NOT_RENDERED, from);
		return error_wrap(err, "%s", from);
	}
	if (p->object_count == before)
		return error_set(err, ERR_INVALID, "%s has no object in it: it is empty, or all of it is comments",
				 from);
	return 0;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static int on_file(void *ctx, const char *from, const char *text, size_t len, struct error *err)
{
	return plan_read_text(ctx, text, len, from, err);
}

static bool is_kustomization(const char *path)
{
	char file[4096];

	snprintf(file, sizeof(file), "%s/kustomization.yaml", path);
	return access(file, F_OK) == 0;
}

int plan_read(struct plan *p, const char *path, struct error *err)
{
	if (is_kustomization(path))
		return error_set(err, ERR_INVALID, "%s is a kustomization: codisctl plan -k %s", path, path);
	return files_read(path, PLAN_TEXT_MAX, on_file, p, err);
}

#define KUSTOMIZE_MS 60000

/* A kustomization is built by kubectl: what is in it may be anywhere. */
int plan_read_kustomization(struct plan *p, const char *path, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(PLAN_TEXT_MAX);
	const char *const argv[] = { "kubectl", "kustomize", path, NULL };
	char from[200];

	snprintf(from, sizeof(from), "kubectl kustomize %.150s", path);
	if (path[0] == '-')
		return error_set(err, ERR_INVALID, "-k %s: name a folder; ./ before it, where it begins so", path);
	if (exec_output(argv, "kubectl builds it; elsewhere: kubectl kustomize DIR | codisctl plan -f -", KUSTOMIZE_MS,
			&text, err) < 0)
		return error_wrap(err, "-k %.150s", path);
	return plan_read_text(p, text.data, text.len, from, err);
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

int plan_add_node(struct plan *p, cJSON *node, struct error *err)
{
	struct plan_node *more = NULL;

	if (p->node_count == PLAN_NODES) {
		cJSON_Delete(node);
		return error_set(err, ERR_TOOBIG, "over %d nodes", PLAN_NODES);
	}
	more = reallocarray(p->nodes, p->node_count + 1, sizeof(*more));

	if (!more || !json_is_whole(node)) {
		p->nodes = more ? more : p->nodes;
		cJSON_Delete(node);
		return error_set(err, ERR_NOMEM, "no memory");
	}
	p->nodes = more;
	p->nodes[p->node_count++] = (struct plan_node){ .node = node, .name = plan_name(node) };
	return 0;
}

int plan_nodes_equal(struct plan *p, int count, struct error *err)
{
	for (int i = 1; i <= count; i++) {
		cJSON *node = cJSON_CreateObject(), *metadata = json_add_object(node, "metadata"),
		      *condition = cJSON_CreateObject();

		json_add_str(node, "kind", "Node");
		json_add_fmt(metadata, "name", "node-%d", i);
		json_add_fmt(json_add_object(metadata, "labels"), "kubernetes.io/hostname", "node-%d", i);
		json_add_str(condition, "type", "Ready");
		json_add_str(condition, "status", "True");
		if (json_push(json_add_array(json_add_object(node, "status"), "conditions"), condition) < 0 ||
		    plan_add_node(p, node, err) < 0)
			return error_set(err, ERR_NOMEM, "no memory");
	}
	return 0;
}

/* The objects of a plan of their own are its nodes. */
int plan_nodes_read(struct plan *p, const char *path, struct error *err)
{
	struct plan read = { .cli = p->cli };
	int r = plan_read(&read, path, err);

	for (size_t i = 0; i < read.object_count; i++) {
		cJSON *object = read.objects[i].object;
		const char *kind = json_str(object, "kind", NULL);

		if (r == 0 && (!kind || strcmp(kind, "Node") != 0))
			r = error_set(err, ERR_INVALID,
				      "%s has a %.64s: kubectl get nodes -o yaml gives what is wanted", path, kind);
		else if (r == 0) {
			r = plan_add_node(p, object, err);
			object = NULL;
		}
		cJSON_Delete(object);
	}
	free(read.objects);
	return r;
}
