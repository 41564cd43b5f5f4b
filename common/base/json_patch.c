/* JSON Patch, RFC 6902: the part of it that a webhook writes. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_patch.h"

#define POINTER_MAX 65536 /* bytes of one JSON pointer */

struct diff {
	struct buf *out;
	struct buf pointer; /* to the values that are compared */
	int count;          /* operations that are written */
	bool failed;
};

static void add_name(struct buf *out, const char *name)
{
	char *from = buf_reserve(out, 2 * strlen(name)), *to = from;

	if (!from)
		return;
	for (; *name; name++) {
		bool escaped = *name == '~' || *name == '/';

		*to++ = escaped ? '~' : *name;
		if (escaped)
			*to++ = *name == '~' ? '0' : '1';
	}
	buf_commit(out, (size_t)(to - from));
}

/* Goes to the member of that name (NULL: the item at that index) and returns where up() leads back to. */
static size_t down(struct diff *d, const char *name, int index)
{
	size_t len = d->pointer.len;

	buf_addch(&d->pointer, '/');
	if (name)
		add_name(&d->pointer, name);
	else
		buf_addint(&d->pointer, index);
	return len;
}

static void up(struct diff *d, size_t len)
{
	d->failed = d->failed || d->pointer.failed;
	d->pointer.len = len;
}

#define OP(name) "{\"op\":\"" name "\",\"path\":"

static const char op_add[] = OP("add"), op_remove[] = OP("remove"), op_replace[] = OP("replace");

/* Of what is at the pointer. */
static void emit(struct diff *d, const char *op, const cJSON *value)
{
	if (d->failed || d->pointer.failed)
		return;
	buf_addch(d->out, d->count++ ? ',' : '[');
	buf_addstr(d->out, op);
	json_write_str(d->pointer.data, d->out);
	if (value) {
		buf_addstr(d->out, ",\"value\":");
		json_write(value, d->out);
	}
	buf_addch(d->out, '}');
	d->failed = d->out->failed;
}

static void emit_of(struct diff *d, const char *name, int index, const char *op, const cJSON *value)
{
	size_t len = down(d, name, index);

	emit(d, op, value);
	up(d, len);
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
	if (from->child)
		return from->child == to->child;
	return from->valuestring ? from->valuestring == to->valuestring : json_equal(from, to);
}

static bool is_equal(const cJSON *from, const cJSON *to)
{
	return is_shared(from, to) || json_equal(from, to);
}

static void diff_value(struct diff *d, const cJSON *from, const cJSON *to);

static void diff_member(struct diff *d, const char *name, int index, const cJSON *from, const cJSON *to)
{
	size_t len;

	if (d->failed || is_shared(from, to))
		return;
	len = down(d, name, index);
	diff_value(d, from, to);
	up(d, len);
}

static void diff_object(struct diff *d, const cJSON *from, const cJSON *to)
{
	const cJSON *item, *other, *likely = to->child;

	json_each(item, from) {
		other = member(to, likely, item->string);
		if (other)
			diff_member(d, item->string, 0, item, other);
		else
			emit_of(d, item->string, 0, op_remove, NULL);
		likely = other ? other->next : likely;
	}
	likely = from->child;
	json_each(item, to) {
		other = member(from, likely, item->string);
		likely = other ? other->next : likely;
		if (!other)
			emit_of(d, item->string, 0, op_add, item);
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
	int n = cJSON_GetArraySize(from), m = cJSON_GetArraySize(to), i = 0;
	const cJSON *a = from->child, *b = to->child, *x = last(from), *y = last(to);

	for (; a && b && is_equal(a, b); i++, a = a->next, b = b->next)
		;
	for (; x && y && n > i && m > i && is_equal(x, y); n--, m--, x = x->prev, y = y->prev)
		;
	for (; i < n && i < m; i++, a = a->next, b = b->next)
		diff_member(d, NULL, i, a, b);
	for (int surplus = n - i; surplus > 0; surplus--)
		emit_of(d, NULL, i, op_remove, NULL);
	for (; i < m; i++, b = b->next)
		emit_of(d, NULL, i, op_add, b);
}

static void diff_value(struct diff *d, const cJSON *from, const cJSON *to)
{
	if (json_is(from, cJSON_Object) && json_is(to, cJSON_Object))
		diff_object(d, from, to);
	else if (json_is(from, cJSON_Array) && json_is(to, cJSON_Array))
		diff_array(d, from, to);
	else if (!json_equal(from, to))
		emit(d, op_replace, to);
}

int json_patch_write(const cJSON *from, const cJSON *to, struct buf *out)
{
	struct diff d = { .out = out, .pointer = BUF_INIT(POINTER_MAX) };

	diff_value(&d, from, to);
	if (d.count)
		buf_addch(out, ']');
	buf_release(&d.pointer);
	return d.failed || out->failed ? -1 : d.count;
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

bool json_patch_push(cJSON *patch, const char *op, const char *path, cJSON *value)
{
	cJSON *o = cJSON_CreateObject();

	if (json_push(patch, o) < 0 || !json_add_str(o, "op", op) || !json_add_str(o, "path", path)) {
		cJSON_Delete(value);
		return false;
	}
	return !value || json_set(o, "value", value) == 0;
}

bool json_patch_push_str(cJSON *patch, const char *op, const char *path, const char *value)
{
	cJSON *text = cJSON_CreateString(value);

	return text && json_patch_push(patch, op, path, text);
}
