/* JSON Patch, RFC 6902: the part of it that a webhook writes. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_patch.h"

#define POINTER_MAX 65536 /* bytes of one JSON pointer */

struct diff {
	cJSON *patch;
	struct buf at; /* the JSON pointer to where we are */
	bool failed;
};

static size_t enter_member(struct diff *d, const char *name)
{
	size_t mark = d->at.len;

	buf_addch(&d->at, '/');
	for (; *name; name++) {
		if (*name == '~')
			buf_addstr(&d->at, "~0");
		else if (*name == '/')
			buf_addstr(&d->at, "~1");
		else
			buf_addch(&d->at, *name);
	}
	return mark;
}

static size_t enter_index(struct diff *d, int i)
{
	size_t mark = d->at.len;

	buf_addf(&d->at, "/%d", i);
	return mark;
}

static void leave(struct diff *d, size_t mark)
{
	if (d->at.failed)
		d->failed = true;
	else
		d->at.data[d->at.len = mark] = '\0';
}

static void emit(struct diff *d, const char *op, const cJSON *value)
{
	cJSON *item = cJSON_CreateObject(), *copy = value ? cJSON_Duplicate(value, 1) : NULL;

	if (!json_add_str(item, "op", op) || !json_add_str(item, "path", d->at.data))
		d->failed = true;
	if (value && !(copy && cJSON_AddItemToObject(item, "value", copy))) {
		cJSON_Delete(copy);
		d->failed = true;
	}
	if (json_push(d->patch, item) < 0)
		d->failed = true;
}

/* The member of that name; likely is tried first, for both objects mostly have the same order. */
static const cJSON *member(const cJSON *object, const cJSON *likely, const char *name)
{
	if (likely && strcmp(likely->string, name) == 0)
		return likely;
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void diff_value(struct diff *d, const cJSON *from, const cJSON *to);

static void diff_object(struct diff *d, const cJSON *from, const cJSON *to)
{
	const cJSON *item, *other, *likely = to->child;
	size_t mark;

	cJSON_ArrayForEach(item, from) {
		mark = enter_member(d, item->string);
		other = member(to, likely, item->string);
		if (other)
			diff_value(d, item, other);
		else
			emit(d, "remove", NULL);
		leave(d, mark);
		likely = other ? other->next : likely;
	}
	likely = from->child;
	cJSON_ArrayForEach(item, to) {
		other = member(from, likely, item->string);
		likely = other ? other->next : likely;
		if (other)
			continue;
		mark = enter_member(d, item->string);
		emit(d, "add", item);
		leave(d, mark);
	}
}

/* The last item of what is left; cJSON keeps a list's end in the first item's prev. */
static const cJSON *last(const cJSON *array)
{
	return array->child ? array->child->prev : NULL;
}

/* What both ends have in common stays; between them, item against item, and then the surplus of either side. */
static void diff_array(struct diff *d, const cJSON *from, const cJSON *to)
{
	int n = cJSON_GetArraySize(from), m = cJSON_GetArraySize(to), i = 0, surplus;
	const cJSON *a = from->child, *b = to->child, *x = last(from), *y = last(to);
	size_t mark;

	for (; a && b && json_equal(a, b); i++, a = a->next, b = b->next)
		;
	for (; x && y && n > i && m > i && json_equal(x, y); n--, m--, x = x->prev, y = y->prev)
		;
	for (; i < n && i < m; i++, a = a->next, b = b->next) {
		mark = enter_index(d, i);
		diff_value(d, a, b);
		leave(d, mark);
	}
	for (surplus = n - i; surplus > 0; surplus--) {
		mark = enter_index(d, i);
		emit(d, "remove", NULL);
		leave(d, mark);
	}
	for (; i < m; i++, b = b->next) {
		mark = enter_index(d, i);
		emit(d, "add", b);
		leave(d, mark);
	}
}

static void diff_value(struct diff *d, const cJSON *from, const cJSON *to)
{
	if (d->failed)
		return;
	if (cJSON_IsObject(from) && cJSON_IsObject(to))
		diff_object(d, from, to);
	else if (cJSON_IsArray(from) && cJSON_IsArray(to))
		diff_array(d, from, to);
	else if (!json_equal(from, to))
		emit(d, "replace", to);
}

cJSON *json_patch_diff(const cJSON *from, const cJSON *to)
{
	struct diff d = { .patch = cJSON_CreateArray(), .at = BUF_INIT(POINTER_MAX) };

	if (!d.patch)
		return NULL;
	diff_value(&d, from, to);
	buf_release(&d.at);
	if (!d.failed)
		return d.patch;
	cJSON_Delete(d.patch);
	return NULL;
}
