#include "cli/documents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "cli/stock.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/base/yaml_read.h"

#define FILE_BYTES 4194304  /* the API server takes 3 MiB of an object */
#define YAML_BYTES 67108864 /* of all values of a file */

/* --- a document --------------------------------------------------------------------------------------------------- */

struct reading {
	struct documents *documents;
	const char *from; /* without its folders */
};

/* It becomes a part of a path. */
static bool is_name(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:_"); /* roles have ':' */

	return len > 0 && len < 254 && !name[len] && name[0] != '.';
}

/* What is for one namespace brings nothing for all of them. */
static bool is_taken(const struct documents *d, const struct kind *kind)
{
	return kind && (!d->namespace || !kind->clusterwide || strcmp(kind->name, "Namespace") == 0);
}

/* Two groups may have kinds of one name. */
static bool is_of_group(const struct kind *kind, const char *version)
{
	int len = kind_group_len(version);

	return kind && kind_group_len(kind->version) == len && strncmp(kind->version, version, (size_t)len) == 0;
}

/* "cert-manager.io/v1", which becomes a part of a path, too. */
static bool is_version(const char *version)
{
	const char *slash = strchr(version, '/');
	char group[256];

	if (!slash)
		return is_name(version);
	snprintf(group, sizeof(group), "%.*s", (int)(slash - version), version);
	return is_name(group) && is_name(slash + 1);
}

static int check_kind(const struct documents *d, const cJSON *object, struct document *doc, struct error *err)
{
	const char *kind = json_str(object, "kind", NULL), *version = json_str(object, "apiVersion", NULL);

	doc->name = json_str(object, "metadata", "name", NULL);
	doc->says = kind;
	doc->version = version;
	if (!kind || !version || !is_version(version))
		return error_set(err, ERR_INVALID, "it has no kind, or no apiVersion: it is no object of Kubernetes");
	doc->kind = kind_find(kind);
	if (!d->namespace && !is_of_group(doc->kind, version))
		doc->kind = NULL;
	else if (!is_taken(d, doc->kind))
		return error_set(err, ERR_INVALID, "kind %.64s is none that codisctl applies: kubectl apply does",
				 kind);
	if (doc->kind && strcmp(version, doc->kind->version) != 0)
		return error_set(err, ERR_INVALID, "%s has apiVersion %.64s, and it takes %s", kind, version,
				 doc->kind->version);
	if (!doc->name || !is_name(doc->name))
		return error_set(err, ERR_INVALID, "%s has the name \"%.64s\", which is none", kind,
				 doc->name ? doc->name : "");
	return 0;
}

/* As kubectl does with -n. */
static int check_namespace(const struct documents *d, const struct document *doc, struct error *err)
{
	const char *says = doc->kind->clusterwide ? doc->name : json_str(doc->object, "metadata", "namespace", NULL);

	if (!says && !d->namespace)
		return error_set(err, ERR_INVALID, "%s %.64s says no namespace", doc->kind->name, doc->name);
	if (says && d->namespace && strcmp(says, d->namespace) != 0)
		return error_set(err, ERR_INVALID, "%s %.64s is of namespace %.64s, not of %s: say -n %.64s",
				 doc->kind->name, doc->name, says, d->namespace, says);
	if (says ||
	    json_add_str((cJSON *)(uintptr_t)json_get(doc->object, "metadata", NULL), "namespace", d->namespace))
		return 0;
	return error_set(err, ERR_NOMEM, "no memory");
}

int document_set_kind(const struct documents *d, struct document *doc, const char *resource, bool clusterwide,
		      struct error *err)
{
	size_t size = strlen(resource) + 1;
	struct kind *kind = is_name(resource) ? malloc(sizeof(*kind) + size) : NULL;
	char *name;

	if (!kind)
		return error_set(err, ERR_INVALID, "\"%.64s\" is no resource, or there is no memory", resource);
	name = (char *)(kind + 1);
	memcpy(name, resource, size);
	*kind = (struct kind){ doc->says, doc->version, name, clusterwide };
	free(doc->learnt);
	doc->kind = doc->learnt = kind;
	return check_namespace(d, doc, err);
}

static int add_document(void *ctx, cJSON *object, int line, struct error *err)
{
	struct reading *r = ctx;
	struct documents *d = r->documents;
	struct document *more = NULL, doc = { .object = object };
	int failed;

	text_copy(doc.from, sizeof(doc.from), r->from);
	failed = check_kind(d, object, &doc, err) < 0 || (doc.kind && check_namespace(d, &doc, err) < 0);
	if (!failed && d->count == DOCUMENTS_MAX)
		failed = error_set(err, ERR_TOOBIG, "there are over %d objects", DOCUMENTS_MAX);
	if (!failed) {
		more = realloc(d->all, (size_t)(d->count + 1) * sizeof(*more));
		if (!more)
			error_set(err, ERR_NOMEM, "no memory");
	}
	if (!more) {
		cJSON_Delete(object);
		return error_wrap(err, "line %d", line);
	}
	more[d->count++] = doc;
	d->all = more;
	return 0;
}

static int read_text(void *ctx, const char *from, const char *text, size_t len, struct error *err)
{
	const char *slash = strrchr(from, '/');
	struct reading r = { ctx, slash ? slash + 1 : from };

	return yaml_read(text, len, YAML_BYTES, add_document, &r, err) < 0 ? error_wrap(err, "%s", from) : 0;
}

int documents_read_text(struct documents *d, const char *from, const char *text, size_t len, struct error *err)
{
	return read_text(d, from, text, len, err);
}

int documents_read(struct documents *d, const char *path, struct error *err)
{
	return files_read(path, FILE_BYTES, read_text, d, err);
}

int documents_read_stock(struct documents *d, const char *set, struct error *err)
{
	for (const struct stock_file *f = stock_files; f->set; f++) {
		if (strcmp(f->set, set) == 0 && read_text(d, f->name, f->text, strlen(f->text), err) < 0)
			return -1;
	}
	return 0;
}

void documents_release(struct documents *d)
{
	for (int i = 0; i < d->count; i++) {
		cJSON_Delete(d->all[i].object);
		free(d->all[i].learnt);
	}
	free(d->all);
	d->all = NULL;
	d->count = 0;
}

const char *document_change(const cJSON *before, const cJSON *after)
{
	const char *was = json_str(before, "metadata", "resourceVersion", NULL);
	const char *is = json_str(after, "metadata", "resourceVersion", NULL);

	return !before ? "created" : was && is && strcmp(was, is) == 0 ? "unchanged" : "changed";
}

const cJSON *document_template(const struct document *doc, int *replicas)
{
	*replicas = (int)json_int(1, doc->object, "spec", "replicas", NULL);
	return json_get(doc->object, "spec", "template", NULL);
}

/* --- images ------------------------------------------------------------------------------------------------------- */

/* Of "codis-image=registry/codis:3.2". */
struct override {
	const char *name, *image;
	size_t name_len, image_len;
	bool used, failed;
};

/* The name ends where a tag or a digest begins, as in "codis-image:latest". */
static bool is_named(const char *image, const struct override *o)
{
	return image && strncmp(image, o->name, o->name_len) == 0 && strchr(":@", image[o->name_len]) != NULL;
}

static void set_in(const cJSON *containers, struct override *o)
{
	cJSON *container;

	json_each(container, containers) {
		BUF_CLEANUP struct buf image = BUF_INIT(1024);

		if (!is_named(json_str(container, "image", NULL), o))
			continue;
		buf_addf(&image, "%.*s", (int)o->image_len, o->image);
		o->used = true;
		o->failed |= image.failed || json_set(container, "image", cJSON_CreateString(image.data)) < 0;
	}
}

static int set_image(struct documents *d, struct override *o, struct error *err)
{
	for (int i = 0; i < d->count; i++) {
		int replicas;
		const cJSON *template = document_template(&d->all[i], &replicas);

		set_in(json_get(template, "spec", "containers", NULL), o);
		set_in(json_get(template, "spec", "initContainers", NULL), o);
	}
	if (o->failed)
		return error_set(err, ERR_NOMEM, "--image %.*s: no memory, or it is too long", (int)o->name_len,
				 o->name);
	if (!o->used)
		return error_set(err, ERR_INVALID, "--image: no container has the image %.*s", (int)o->name_len,
				 o->name);
	return 0;
}

int documents_set_images(struct documents *d, const char *images, struct error *err)
{
	for (const char *at = images; *at;) {
		size_t len = strcspn(at, ","), name = strcspn(at, "=,");
		struct override o = { .name = at, .name_len = name };

		if (!name || name + 1 >= len)
			return error_set(err, ERR_INVALID,
					 "--image \"%.*s\" has to be NAME=IMAGE, as codis-image=registry/codis:3.2",
					 (int)len, at);
		o.image = at + name + 1;
		o.image_len = len - name - 1;
		if (set_image(d, &o, err) < 0)
			return -1;
		at += len + (at[len] == ',');
	}
	return 0;
}
