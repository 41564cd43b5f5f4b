#include "tests/codis-sim/gojson.h"

#include "common/base/buf.h"
#include "common/base/json.h"

static void print_scalar(const cJSON *item, struct buf *out)
{
	char *text = cJSON_PrintUnformatted(item);

	buf_addstr(out, text ? text : "null");
	cJSON_free(text);
}

static void indent(struct buf *out, int depth)
{
	buf_addch(out, '\n');
	for (int i = 0; i < depth; i++)
		buf_addstr(out, "    ");
}

static void print(const cJSON *item, struct buf *out, int depth)
{
	bool object = cJSON_IsObject(item);
	const cJSON *child;

	if (!object && !cJSON_IsArray(item)) {
		print_scalar(item, out);
		return;
	}
	buf_addch(out, object ? '{' : '[');
	for (child = item->child; child; child = child->next) {
		if (child != item->child)
			buf_addch(out, ',');
		indent(out, depth + 1);
		if (object)
			buf_addf(out, "\"%s\": ", child->string); /* our own names and addresses: nothing to escape */
		print(child, out, depth + 1);
	}
	if (item->child)
		indent(out, depth);
	buf_addch(out, object ? '}' : ']');
}

void gojson_print(const cJSON *item, struct buf *out)
{
	print(item, out, 0);
}

void gojson_str_unless_empty(cJSON *o, const char *name, const char *value)
{
	if (*value)
		json_add_str(o, name, value);
}

void gojson_int_unless_zero(cJSON *o, const char *name, int value)
{
	if (value)
		json_add_int(o, name, value);
}

void gojson_true_only(cJSON *o, const char *name, bool value)
{
	if (value)
		json_add_bool(o, name, true);
}

void gojson_copy(const cJSON *o, const char *name, char *out, size_t size)
{
	const char *value = json_str(o, name, NULL);

	snprintf(out, size, "%s", value ? value : "");
}
