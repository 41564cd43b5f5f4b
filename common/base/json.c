#include "common/base/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json_span.h"

#define TEXT_MAX    (1u << 20)
#define SOME_MEMORY 65536
/* In the type of an object or array that lacks what was to be added; above what cJSON uses of it. */
#define INCOMPLETE (1 << 20)
/* So many members more, and so many times as many as there are, are looked at where two objects differ in their order:
 * all of them in an object of less than 100 members, and in a large one whose order is not the other one's at all, too
 * few to find that both are equal. */
#define ORDER_FREE  10000
#define ORDER_STEPS 16

void json_cleanup(cJSON **item)
{
	cJSON_Delete(*item);
}

/* What cJSON takes for blanks is any byte up to 32; JSON knows four. */
static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether a text may hold more than max values: each of them but the first stands behind one of `,` `[` `{`. */
static bool has_more_items(const char *text, size_t len, size_t max)
{
	bool in_string = false;
	size_t n = 1;

	for (size_t at = 0; at < len && n <= max; at++) {
		char c = text[at];

		if (in_string) {
			at += c == '\\';
			in_string = c != '"';
		} else {
			in_string = c == '"';
			n += c == ',' || c == '[' || c == '{';
		}
	}
	return n > max;
}

/* cJSON does not say why it failed; what lacks memory must not be taken for what a peer has said. What failed is tried
 * twice, and then what it takes to go on. */
static bool is_memory_out(void)
{
	char *volatile some = malloc(SOME_MEMORY);

	free(some);
	return !some;
}

cJSON *json_parse(const char *text, size_t len, size_t max_items, struct error *err)
{
	const char *end = text;
	cJSON *root;

	if (!len) {
		error_set(err, ERR_INVALID, "not JSON: it is empty");
		return NULL;
	}
	/* Each value takes a byte at least. */
	if (len >= max_items && has_more_items(text, len, max_items)) {
		error_set(err, ERR_TOOBIG, "JSON of more than %zu values", max_items);
		return NULL;
	}
	root = cJSON_ParseWithLengthOpts(text, len, &end, 0);
	if (!root && !(root = cJSON_ParseWithLengthOpts(text, len, &end, 0)) && is_memory_out()) {
		error_set(err, ERR_NOMEM, "no memory for JSON of %zu bytes", len);
		return NULL;
	}
	if (!root) {
		error_set(err, ERR_INVALID, "not JSON: wrong near byte %td of %zu", end - text, len);
		return NULL;
	}
	while (end < text + len && is_blank(*end))
		end++;
	if (end < text + len) {
		cJSON_Delete(root);
		error_set(err, ERR_INVALID, "not JSON: something follows the text at byte %td of %zu", end - text, len);
		return NULL;
	}
	return root;
}

bool json_find_begin(const char *text, size_t len, const char *name, size_t *from)
{
	char key[64];
	int n = snprintf(key, sizeof(key), "\"%s\":", name);
	const char *at = n > 0 && (size_t)n < sizeof(key) ? memmem(text, len, key, (size_t)n) : NULL;

	if (!at)
		return false;
	*from = (size_t)(at - text) + (size_t)n;
	while (*from < len && is_blank(text[*from]))
		++*from;
	return *from < len && (text[*from] == '[' || text[*from] == '{');
}

bool json_find(const char *text, size_t len, const char *name, size_t *from, size_t *to)
{
	const char *end;

	if (!json_find_begin(text, len, name, from))
		return false;
	end = json_span_end(text + *from, text + len);
	*to = end ? (size_t)(end - text) : len;
	return *to < len;
}

/* Most names differ in their first byte, so most are not compared: nothing is done as often as this. */
const cJSON *json_member(const cJSON *object, const char *name)
{
	const char first = name[0];

	if (!object || (object->type & 0xff) != cJSON_Object)
		return NULL;
	for (const cJSON *m = object->child; m && m->string; m = m->next)
		if (m->string[0] == first && strcmp(m->string, name) == 0)
			return m;
	return NULL;
}

const cJSON *json_get_at(const cJSON *item, const char *const *path)
{
	for (; item && *path; path++)
		item = json_member(item, *path);
	return item;
}

int64_t json_int_of(int64_t def, const cJSON *item)
{
	if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble))
		return def;
	/* -2^63 and 2^63 are exact doubles; the second is one too many. */
	if (item->valuedouble < -0x1p63 || item->valuedouble >= 0x1p63)
		return def;
	return (int64_t)item->valuedouble;
}

bool json_bool_of(bool def, const cJSON *item)
{
	return cJSON_IsBool(item) ? cJSON_IsTrue(item) : def;
}

/* What memory was lacking for is remembered in the parent, so that builders need not be checked one by one. */
static cJSON *added(cJSON *parent, cJSON *item)
{
	if (!item && parent)
		parent->type |= INCOMPLETE;
	return item;
}

bool json_is_lacking(const cJSON *item)
{
	return item->type & INCOMPLETE;
}

bool json_is_whole(const cJSON *item)
{
	const cJSON *inner;

	if (!item || json_is_lacking(item))
		return false;
	cJSON_ArrayForEach(inner, item) {
		if (!json_is_whole(inner))
			return false;
	}
	return true;
}

cJSON *json_refer(const cJSON *item)
{
	cJSON *refers = cJSON_malloc(sizeof(*refers));

	if (!refers)
		return NULL;
	*refers = *item;
	refers->next = refers->prev = NULL;
	refers->string = NULL;
	refers->type = (item->type & ~cJSON_StringIsConst) | cJSON_IsReference;
	return refers;
}

cJSON *json_add_object(cJSON *parent, const char *name)
{
	return added(parent, cJSON_AddObjectToObject(parent, name));
}

cJSON *json_add_array(cJSON *parent, const char *name)
{
	return added(parent, cJSON_AddArrayToObject(parent, name));
}

cJSON *json_add_str(cJSON *parent, const char *name, const char *value)
{
	return added(parent, cJSON_AddStringToObject(parent, name, value));
}

cJSON *json_add_fmt(cJSON *parent, const char *name, const char *fmt, ...)
{
	BUF_CLEANUP struct buf text = BUF_INIT(TEXT_MAX);
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vaddf(&text, fmt, ap);
	va_end(ap);
	return added(parent, r < 0 ? NULL : cJSON_AddStringToObject(parent, name, text.data));
}

cJSON *json_add_int(cJSON *parent, const char *name, int64_t value)
{
	return added(parent, cJSON_AddNumberToObject(parent, name, (double)value));
}

cJSON *json_add_bool(cJSON *parent, const char *name, bool value)
{
	return added(parent, cJSON_AddBoolToObject(parent, name, value));
}

int json_set(cJSON *parent, const char *name, cJSON *item)
{
	cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
	if (item && cJSON_AddItemToObject(parent, name, item))
		return 0;
	added(parent, NULL);
	cJSON_Delete(item);
	return -1;
}

int json_push(cJSON *array, cJSON *item)
{
	if (item && cJSON_AddItemToArray(array, item))
		return 0;
	added(array, NULL);
	cJSON_Delete(item);
	return -1;
}

/* Not by cJSON_InsertItemInArray, which refuses any place in the middle in Debian's 1.7.15: what follows moves behind.
 */
int json_insert(cJSON *array, int index, cJSON *item)
{
	cJSON *at = cJSON_GetArrayItem(array, index), *next;

	if (json_push(array, item) < 0)
		return -1;
	for (; at && at != item; at = next) {
		next = at->next;
		cJSON_AddItemToArray(array, cJSON_DetachItemViaPointer(array, at));
	}
	return 0;
}

/* The member of the same name, most often the likely one. *left: how many more may be looked at for it. */
static const cJSON *same_name(const cJSON *object, const cJSON *likely, const char *name, size_t *left)
{
	const cJSON *m;

	if (likely && strcmp(likely->string, name) == 0)
		return likely;
	for (m = object->child; m && strcmp(m->string, name) != 0; m = m->next)
		if (!(*left)--)
			return NULL;
	return m;
}

/* Whether each member of a has its equal in b. */
static bool holds_members(const cJSON *a, const cJSON *b, size_t left)
{
	const cJSON *x, *y = b->child, *other;

	for (x = a->child; x; x = x->next, y = other->next) {
		other = same_name(b, y, x->string, &left);
		if (!other || !json_equal(x, other))
			return false;
	}
	return true;
}

/* cJSON_Compare looks into every level twice, which is 2^depth on what a peer sends. A name that both have twice is
 * compared with the first one of the other, so b is looked for in a as well, by names only. */
static bool objects_equal(const cJSON *a, const cJSON *b)
{
	size_t n = (size_t)cJSON_GetArraySize(a), left = ORDER_FREE + ORDER_STEPS * n;
	const cJSON *x = a->child, *y, *other;

	if ((size_t)cJSON_GetArraySize(b) != n || !holds_members(a, b, left))
		return false;
	for (y = b->child; y; y = y->next, x = other->next) {
		other = same_name(a, x, y->string, &left);
		if (!other)
			return false;
	}
	return true;
}

static bool arrays_equal(const cJSON *a, const cJSON *b)
{
	const cJSON *x, *y;

	for (x = a->child, y = b->child; x && y; x = x->next, y = y->next)
		if (!json_equal(x, y))
			return false;
	return !x && !y;
}

bool json_equal(const cJSON *a, const cJSON *b)
{
	if (!a || !b)
		return a == b;
	if ((a->type & 0xff) != (b->type & 0xff))
		return false;
	if (cJSON_IsObject(a))
		return objects_equal(a, b);
	if (cJSON_IsArray(a))
		return arrays_equal(a, b);
	if (cJSON_IsString(a) || cJSON_IsRaw(a))
		return strcmp(a->valuestring, b->valuestring) == 0;
	return !cJSON_IsNumber(a) || a->valuedouble == b->valuedouble;
}
