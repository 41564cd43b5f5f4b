/* JSON Patch, RFC 6902: the part of it that a webhook writes, as the API server reads it. */
#include "common/base/json_patch_apply.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_patch.h"

#define POINTER_MAX 65536 /* bytes of one JSON pointer */
#define PATCH_MAX   (16u << 20)

cJSON *json_patch_read(const struct buf *text, int operations)
{
	cJSON *patch = text->len ? json_parse(text->data, text->len, PATCH_MAX, NULL) : cJSON_CreateArray();

	if (cJSON_IsArray(patch) && cJSON_GetArraySize(patch) == operations)
		return patch;
	cJSON_Delete(patch);
	return NULL;
}

cJSON *json_patch_diff(const cJSON *from, const cJSON *to)
{
	BUF_CLEANUP struct buf text = BUF_INIT(PATCH_MAX);
	int operations = json_patch_write(from, to, &text);

	return operations < 0 ? NULL : json_patch_read(&text, operations);
}

/* Where a pointer leads: the container, and the member or the place in it. */
struct place {
	cJSON *parent; /* NULL: the whole document */
	cJSON *item;   /* what is there now, or NULL */
	struct buf name;
	int index; /* in an array */
};

/* Decodes the token at *p ("/a~1b/..." without its first slash) into out and moves *p behind it. 0 or -1. */
static int take_token(const char **p, struct buf *out)
{
	buf_reset(out);
	for (; **p && **p != '/'; (*p)++) {
		if (**p != '~')
			buf_addch(out, **p);
		else if (*++*p == '0' || **p == '1')
			buf_addch(out, **p == '0' ? '~' : '/');
		else
			return -1;
	}
	return out->failed ? -1 : 0;
}

/* "12" -> 12, "-" -> n (one behind the last); -1 for anything else. */
static int array_index(const char *token, int n)
{
	size_t len = strlen(token);

	if (strcmp(token, "-") == 0)
		return n;
	if (len == 0 || len > 9 || strspn(token, "0123456789") != len || (token[0] == '0' && len > 1))
		return -1;
	return (int)strtol(token, NULL, 10);
}

static int step(struct place *p)
{
	int n;

	if (cJSON_IsObject(p->parent)) {
		p->item = cJSON_GetObjectItemCaseSensitive(p->parent, p->name.data);
		return 0;
	}
	if (!cJSON_IsArray(p->parent))
		return -1;
	n = cJSON_GetArraySize(p->parent);
	p->index = array_index(p->name.data, n);
	if (p->index < 0 || p->index > n)
		return -1;
	p->item = cJSON_GetArrayItem(p->parent, p->index);
	return 0;
}

static int find(cJSON *doc, const char *pointer, struct place *p)
{
	p->item = doc;
	p->parent = NULL;
	while (*pointer) {
		p->parent = p->item;
		if (!p->parent || *pointer++ != '/' || take_token(&pointer, &p->name) < 0 || step(p) < 0)
			return -1;
	}
	return 0;
}

/* Takes value over. */
static int put(cJSON **doc, struct place *p, bool add, cJSON *value)
{
	bool done;

	if (!p->parent) {
		cJSON_Delete(*doc);
		*doc = value;
		return 0;
	}
	if (!add || (p->item && cJSON_IsObject(p->parent)))
		done = cJSON_IsObject(p->parent)
			       ? cJSON_ReplaceItemInObjectCaseSensitive(p->parent, p->name.data, value)
			       : cJSON_ReplaceItemInArray(p->parent, p->index, value);
	else if (cJSON_IsObject(p->parent))
		done = cJSON_AddItemToObject(p->parent, p->name.data, value);
	else
		return json_insert(p->parent, p->index, value);
	if (!done)
		cJSON_Delete(value);
	return done ? 0 : -1;
}

static int apply_value(cJSON **doc, struct place *p, const char *op, const cJSON *value, struct error *err)
{
	bool add = strcmp(op, "add") == 0, test = strcmp(op, "test") == 0;
	cJSON *copy;

	if (!value)
		return error_set(err, ERR_INVALID, "it has no value");
	if (!add && !p->item)
		return error_set(err, ERR_INVALID, "nothing is there");
	if (test)
		return json_equal(p->item, value) ? 0 : error_set(err, ERR_CONFLICT, "another value is there");
	copy = cJSON_Duplicate(value, 1);
	if (!copy || put(doc, p, add, copy) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	return 0;
}

static int apply_at(cJSON **doc, struct place *p, const char *op, const cJSON *value, struct error *err)
{
	if (strcmp(op, "add") == 0 || strcmp(op, "replace") == 0 || strcmp(op, "test") == 0)
		return apply_value(doc, p, op, value, err);
	if (strcmp(op, "remove") != 0)
		return error_set(err, ERR_INVALID, "this operation is not known here");
	if (!p->item || !p->parent)
		return error_set(err, ERR_INVALID, p->parent ? "nothing is there" : "the document itself cannot go");
	cJSON_Delete(cJSON_DetachItemViaPointer(p->parent, p->item));
	return 0;
}

static int apply_one(cJSON **doc, const cJSON *operation, struct error *err)
{
	const char *op = json_str(operation, "op", NULL), *path = json_str(operation, "path", NULL);
	struct place p = { .name = BUF_INIT(POINTER_MAX) };
	int r;

	if (!op || !path)
		return error_set(err, ERR_INVALID, "an operation of the patch has no op or no path");
	r = find(*doc, path, &p);
	if (r < 0)
		error_set(err, ERR_INVALID, "the path leads nowhere");
	else
		r = apply_at(doc, &p, op, json_get(operation, "value", NULL), err);
	buf_release(&p.name);
	return r < 0 ? error_wrap(err, "patch: %.16s %.256s", op, path) : 0;
}

cJSON *json_patch_apply(const cJSON *doc, const cJSON *patch, struct error *err)
{
	cJSON *copy;
	const cJSON *operation;

	if (!cJSON_IsArray(patch)) {
		error_set(err, ERR_INVALID, "patch: not a list of operations");
		return NULL;
	}
	copy = cJSON_Duplicate(doc, 1);
	if (!copy) {
		error_set(err, ERR_NOMEM, "patch: no memory");
		return NULL;
	}
	cJSON_ArrayForEach(operation, patch) {
		if (apply_one(&copy, operation, err) < 0) {
			cJSON_Delete(copy);
			return NULL;
		}
	}
	return copy;
}
