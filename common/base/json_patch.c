/* JSON Patch, RFC 6902: the part of it that a webhook writes. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_patch.h"

#define POINTER_MAX 65536 /* bytes of one JSON pointer */

/* From a value to the root: the member of that name, or (NULL) the item at that index, of what is at `up`. */
struct step {
	const struct step *up;
	const char *name;
	int index;
};

struct diff {
	cJSON *patch;
	struct buf pointer; /* of the operation that is made */
	bool failed;
};

static void add_name(struct buf *out, const char *name)
{
	for (size_t n; *name; name += n + (name[n] != '\0')) {
		n = strcspn(name, "~/");
		buf_add(out, name, n);
		if (name[n])
			buf_addstr(out, name[n] == '~' ? "~0" : "~1");
	}
}

static void add_pointer(struct buf *out, const struct step *at)
{
	if (!at)
		return;
	add_pointer(out, at->up);
	buf_addch(out, '/');
	if (at->name)
		add_name(out, at->name);
	else
		buf_addf(out, "%d", at->index);
}

static bool add(cJSON *operation, const char *name, cJSON *value)
{
	if (value && cJSON_AddItemToObjectCS(operation, name, value))
		return true;
	cJSON_Delete(value);
	return false;
}

static void emit(struct diff *d, const struct step *at, const char *op, const cJSON *value)
{
	cJSON *item = cJSON_CreateObject();

	buf_reset(&d->pointer);
	add_pointer(&d->pointer, at);
	if (d->pointer.failed || !add(item, "op", cJSON_CreateStringReference(op)) ||
	    !add(item, "path", cJSON_CreateString(d->pointer.data)) ||
	    (value && !add(item, "value", json_refer(value))))
		d->failed = true;
	if (json_push(d->patch, item) < 0)
		d->failed = true;
}

/* The member of that name; likely is tried first, for both objects mostly have the same order. */
static const cJSON *member(const cJSON *object, const cJSON *likely, const char *name)
{
	if (likely && (likely->string == name || strcmp(likely->string, name) == 0))
		return likely;
	return json_get(object, name, NULL);
}

/* A copy on write (json_own.h) shares what it has not changed, so most of both needs no look. */
static bool is_shared(const cJSON *from, const cJSON *to)
{
	return from->child ? from->child == to->child : from->valuestring && from->valuestring == to->valuestring;
}

static bool is_equal(const cJSON *from, const cJSON *to)
{
	return is_shared(from, to) || json_equal(from, to);
}

static void diff_value(struct diff *d, const struct step *at, const cJSON *from, const cJSON *to);

static void diff_object(struct diff *d, const struct step *up, const cJSON *from, const cJSON *to)
{
	const cJSON *item, *other, *likely = to->child;
	struct step at = { .up = up };

	cJSON_ArrayForEach(item, from) {
		at.name = item->string;
		other = member(to, likely, item->string);
		if (other)
			diff_value(d, &at, item, other);
		else
			emit(d, &at, "remove", NULL);
		likely = other ? other->next : likely;
	}
	likely = from->child;
	cJSON_ArrayForEach(item, to) {
		other = member(from, likely, item->string);
		likely = other ? other->next : likely;
		at.name = item->string;
		if (!other)
			emit(d, &at, "add", item);
	}
}

/* The last item of what is left; cJSON keeps a list's end in the first item's prev. */
static const cJSON *last(const cJSON *array)
{
	return array->child ? array->child->prev : NULL;
}

/* What both ends have in common stays; between them, item against item, and then the surplus of either side. */
static void diff_array(struct diff *d, const struct step *up, const cJSON *from, const cJSON *to)
{
	int n = cJSON_GetArraySize(from), m = cJSON_GetArraySize(to), surplus;
	const cJSON *a = from->child, *b = to->child, *x = last(from), *y = last(to);
	struct step at = { .up = up };

	for (; a && b && is_equal(a, b); at.index++, a = a->next, b = b->next)
		;
	for (; x && y && n > at.index && m > at.index && is_equal(x, y); n--, m--, x = x->prev, y = y->prev)
		;
	for (; at.index < n && at.index < m; at.index++, a = a->next, b = b->next)
		diff_value(d, &at, a, b);
	for (surplus = n - at.index; surplus > 0; surplus--)
		emit(d, &at, "remove", NULL);
	for (; at.index < m; at.index++, b = b->next)
		emit(d, &at, "add", b);
}

static void diff_value(struct diff *d, const struct step *at, const cJSON *from, const cJSON *to)
{
	if (d->failed || is_shared(from, to))
		return;
	if (cJSON_IsObject(from) && cJSON_IsObject(to))
		diff_object(d, at, from, to);
	else if (cJSON_IsArray(from) && cJSON_IsArray(to))
		diff_array(d, at, from, to);
	else if (!json_equal(from, to))
		emit(d, at, "replace", to);
}

cJSON *json_patch_diff(const cJSON *from, const cJSON *to)
{
	struct diff d = { .patch = cJSON_CreateArray(), .pointer = BUF_INIT(POINTER_MAX) };

	if (!d.patch)
		return NULL;
	diff_value(&d, NULL, from, to);
	buf_release(&d.pointer);
	if (!d.failed)
		return d.patch;
	cJSON_Delete(d.patch);
	return NULL;
}
