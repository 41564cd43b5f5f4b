/* codisctl install: the objects of install.yaml are applied. */
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/buildup.h"
#include "cli/install.h"
#include "common/base/json.h"

#define TRIES 5 /* against who writes at the same time, as controllers do their status */

/* --- kinds that only the cluster knows ------------------------------------------------------------------------------
 */

/* The one that it calls so; NULL: there is none. */
static const cJSON *resource_of(const cJSON *list, const char *kind)
{
	const cJSON *resource;

	json_each(resource, json_get(list, "resources", NULL)) {
		const char *name = json_str(resource, "name", NULL), *its = json_str(resource, "kind", NULL);

		if (name && its && !strchr(name, '/') &&
		    strcmp(its, kind) == 0) /* "certificates/status" has the same */
			return resource;
	}
	return NULL;
}

static enum cli_status fail_unknown(struct cli *c, const struct document *doc)
{
	int group = kind_group_len(doc->version);

	if (!group)
		return cli_fail(c, CLI_NOT_SO, "%s %s: the cluster has no such kind in %s. Nothing is applied",
				doc->says, doc->name, doc->version);
	return cli_fail(c, CLI_NOT_SO,
			"%s %s: the cluster has no such kind in %s. Nothing is applied: install what brings it (the "
			"CustomResourceDefinitions of %.*s) first, and repeat this",
			doc->says, doc->name, doc->version, group, doc->version);
}

/* This document's, and that of those behind it which the same answer has. */
static enum cli_status learn_kind(struct cli *c, struct documents *d, int first)
{
	const char *version = d->all[first].version;
	char path[DOCUMENTS_PATH_MAX];
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *list = NULL;

	snprintf(path, sizeof(path), "/%s/%s", kind_group_len(version) ? "apis" : "api", version);
	list = ask_get(c, path, 0, &err);
	if (!list && err.code != ERR_NOTFOUND)
		return cli_fail_call(c, &err);
	for (int i = first; i < d->count; i++) {
		struct document *doc = &d->all[i];
		const cJSON *resource;

		if (doc->kind || strcmp(doc->version, version) != 0)
			continue;
		resource = resource_of(list, doc->says);
		if (!resource)
			return fail_unknown(c, doc);
		if (document_set_kind(d, doc, json_str(resource, "name", NULL),
				      !json_bool(true, resource, "namespaced", NULL), &err) < 0)
			return cli_fail(c, CLI_USAGE, "install: %s", err.text);
	}
	return CLI_OK;
}

/* Before the first is applied: what the cluster has not is not found out halfway. */
static enum cli_status learn_kinds(struct cli *c, struct documents *d)
{
	enum cli_status status = CLI_OK;

	for (int i = 0; i < d->count && status == CLI_OK; i++) {
		if (!d->all[i].kind)
			status = learn_kind(c, d, i);
	}
	return status;
}

/* --- what was there before ---------------------------------------------------------------------------------------- */

static bool is_text(const cJSON *object, const char *name, const char *text)
{
	const char *is = json_str(object, name, NULL);

	return is && strcmp(is, text) == 0;
}

/* Of `kubectl apply`, without --server-side. */
static bool is_kubectls(const cJSON *entry)
{
	return is_text(entry, "manager", "kubectl-client-side-apply") && is_text(entry, "operation", "Update");
}

static bool is_ours(const cJSON *entry)
{
	return is_text(entry, "manager", BUILDUP_MANAGER) && is_text(entry, "operation", "Apply");
}

static bool has_kubectls(const cJSON *entries)
{
	const cJSON *entry;

	json_each(entry, entries) {
		if (is_kubectls(entry))
			return true;
	}
	return false;
}

/* A copy of what each manager has set, in which what kubectl has applied is codisctl's, as `kubectl apply
 * --server-side` makes it its own: else a field that install.yaml has no more would stay. NULL: no memory. */
static cJSON *taken_over(const cJSON *entries)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *entry;

	json_each(entry, entries) {
		cJSON *copy = is_ours(entry) ? NULL : cJSON_Duplicate(entry, true);
		bool failed = !copy || (is_kubectls(entry) &&
					(json_set(copy, "manager", cJSON_CreateString(BUILDUP_MANAGER)) < 0 ||
					 json_set(copy, "operation", cJSON_CreateString("Apply")) < 0));

		if (is_ours(entry) || (!failed && cJSON_AddItemToArray(list, copy)))
			continue;
		cJSON_Delete(copy);
		cJSON_Delete(list);
		return NULL;
	}
	return list;
}

/* So that what is applied then is all that an install.yaml has said. 0, or -1 and *err. */
static int prepare(struct cli *c, const char *path, const cJSON *before, struct error *err)
{
	JSON_CLEANUP cJSON *patch = cJSON_CreateObject(), *after = NULL;
	const cJSON *entries = json_get(before, "metadata", "managedFields", NULL);
	cJSON *metadata = json_add_object(patch, "metadata");

	if (!has_kubectls(entries))
		return 0;
	if (json_set(metadata, "managedFields", taken_over(entries)) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	json_add_str(metadata, "resourceVersion", json_str(before, "metadata", "resourceVersion", NULL));
	if (!json_is_whole(patch))
		return error_set(err, ERR_NOMEM, "no memory");
	after = ask_patch(c, path, patch, err);
	return after ? 0 : -1;
}

/* --- applying ----------------------------------------------------------------------------------------------------- */

static enum cli_status refuse(struct cli *c, const struct document *doc, const char *message, const struct error *err)
{
	return cli_fail(c, cli_status_of(err), "%s %s: %s. What stands before it was applied; mend it, and repeat this",
			doc->kind->name, doc->name, message ? message : err->text);
}

/* The object as it is before it is applied, the caller's, or NULL: it is not there, or *status says why. */
static cJSON *look_before(struct cli *c, const char *path, const struct document *doc, enum cli_status *status)
{
	struct error err = ERROR_INIT;
	cJSON *before = ask_get(c, path, 0, &err);

	*status = CLI_OK;
	for (int i = 0; before && prepare(c, path, before, &err) < 0; i++) {
		cJSON_Delete(before);
		before = NULL;
		if (err.code != ERR_CONFLICT || i == TRIES) {
			*status = refuse(c, doc, NULL, &err);
			return NULL;
		}
		before = ask_get(c, path, 0, &err);
	}
	if (!before && err.code != ERR_NOTFOUND)
		*status = refuse(c, doc, NULL, &err);
	else if (json_get(before, "metadata", "deletionTimestamp", NULL))
		*status = cli_fail(c, CLI_NOT_SO, "%s %s is being deleted: repeat this when it is gone",
				   doc->kind->name, doc->name);
	return before;
}

static enum cli_status apply(struct cli *c, const struct document *doc)
{
	const char *namespace = json_str(doc->object, "metadata", "namespace", NULL);
	JSON_CLEANUP cJSON *before = NULL, *after = NULL, *refusal = NULL;
	char path[DOCUMENTS_PATH_MAX], apply_path[DOCUMENTS_PATH_MAX + 64];
	struct error err = ERROR_INIT;
	enum cli_status status;

	if (kind_path(doc->kind, namespace ? namespace : "", doc->name, path) < 0)
		return cli_fail(c, CLI_NOT_SO, "%s %s: its path is too long", doc->kind->name, doc->name);
	before = look_before(c, path, doc, &status);
	if (status != CLI_OK)
		return status;
	snprintf(apply_path, sizeof(apply_path), "%s?fieldManager=" BUILDUP_MANAGER "&force=true", path);
	after = ask_apply(c, apply_path, doc->object, &refusal, &err);
	if (!after)
		return refuse(c, doc, json_str(refusal, "message", NULL), &err);
	buf_addf(&c->out, "%s %s: %s\n", doc->kind->name, doc->name, document_change(before, after));
	cli_flush(c);
	return CLI_OK;
}

enum cli_status install_apply(struct cli *c, struct documents *d)
{
	enum cli_status status = learn_kinds(c, d);

	for (int i = 0; i < d->count && status == CLI_OK; i++)
		status = apply(c, &d->all[i]);
	return status;
}
