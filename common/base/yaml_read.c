#include "common/base/yaml_read.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/yaml_scalar.h"

#define VALUE_BYTES 96 /* of a cJSON, as malloc gives it */
#define KEY_MAX     64 /* of a key that is no text: a number as it is written */
#define ANCHORS_MAX 1000

struct anchor {
	char *name;
	const cJSON *value; /* of the document; NULL: it is being read */
	size_t bytes;
	int height;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the one that is looked at */
	bool has_event;
	const char *text;
	size_t bytes, max_bytes; /* that the documents take */
	int depth;
	struct anchor anchors[ANCHORS_MAX];
	size_t anchor_count;
	struct error *err;
};

/* --- events ------------------------------------------------------------------------------------------------------- */

static int refuse(const struct reader *r, const char *what)
{
	return error_set(r->err, ERR_INVALID, "line %zu: %s", r->event.start_mark.line + 1, what);
}

static int no_memory(const struct reader *r)
{
	return error_set(r->err, ERR_NOMEM, "no memory to read YAML");
}

/* The reader of bytes says where it is by their number. */
static size_t line_of_problem(const struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	size_t line = 1;

	if (p->error != YAML_READER_ERROR)
		return p->problem_mark.line + 1;
	for (size_t i = 0; i < p->problem_offset; i++)
		line += r->text[i] == '\n';
	return line;
}

static int say_problem(const struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(r);
	return error_set(r->err, ERR_INVALID, "line %zu: no YAML: %s%s%s", line_of_problem(r),
			 p->problem ? p->problem : "it cannot be read", p->context ? " " : "",
			 p->context ? p->context : "");
}

static int next(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = yaml_parser_parse(&r->parser, &r->event);
	return r->has_event ? 0 : say_problem(r);
}

static int spend(struct reader *r, size_t bytes)
{
	if (bytes > r->max_bytes - r->bytes)
		return error_set(r->err, ERR_TOOBIG, "line %zu: there is more in it than fits into %zu MiB of memory",
				 r->event.start_mark.line + 1, r->max_bytes >> 20);
	r->bytes += bytes;
	return 0;
}

/* --- scalars ------------------------------------------------------------------------------------------------------ */

#define TAG_PREFIX "tag:yaml.org,2002:"

/* What the scalar of the event says; its text as it stands. -1: refused. */
static int scalar_says(struct reader *r, double *number)
{
	const char *text = (const char *)r->event.data.scalar.value, *tag = (const char *)r->event.data.scalar.tag;
	size_t prefix = strlen(TAG_PREFIX);
	enum yaml_says says;

	if (strlen(text) != r->event.data.scalar.length)
		return refuse(r, "a text has a zero byte in it");
	if (!tag)
		return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? (int)yaml_scalar(text, number)
									     : YAML_SAYS_TEXT;
	if (strcmp(tag, "!") == 0 || strcmp(tag, TAG_PREFIX "str") == 0)
		return YAML_SAYS_TEXT;
	if (strncmp(tag, TAG_PREFIX, prefix) != 0)
		return refuse(r, "a tag that Kubernetes does not know");
	says = yaml_scalar(text, number);
	tag += prefix;
	if ((strcmp(tag, "null") == 0 && says == YAML_SAYS_NULL) ||
	    (strcmp(tag, "bool") == 0 && (says == YAML_SAYS_TRUE || says == YAML_SAYS_FALSE)) ||
	    ((strcmp(tag, "int") == 0 || strcmp(tag, "float") == 0) && says == YAML_SAYS_NUMBER))
		return (int)says;
	return refuse(r, "a value that is not what its tag says, or a tag that Kubernetes does not know");
}

static cJSON *make_scalar(struct reader *r, int says, double number)
{
	const char *text = (const char *)r->event.data.scalar.value;
	cJSON *item = NULL;

	if (spend(r, VALUE_BYTES + r->event.data.scalar.length) < 0)
		return NULL;
	switch (says) {
	case YAML_SAYS_ENDLESS: refuse(r, "JSON has no such number"); return NULL;
	case YAML_SAYS_NULL: item = cJSON_CreateNull(); break;
	case YAML_SAYS_TRUE: item = cJSON_CreateTrue(); break;
	case YAML_SAYS_FALSE: item = cJSON_CreateFalse(); break;
	case YAML_SAYS_NUMBER: item = cJSON_CreateNumber(number); break;
	default: item = cJSON_CreateString(text); break;
	}
	if (!item)
		no_memory(r);
	return item;
}

static cJSON *read_scalar(struct reader *r)
{
	double number = 0;
	int says = scalar_says(r, &number);

	return says < 0 ? NULL : make_scalar(r, says, number);
}

/* --- anchors ------------------------------------------------------------------------------------------------------ */

/* At most YAML_DEPTH deep. */
static int height_of(const cJSON *item) /* NOLINT(misc-no-recursion) */
{
	const cJSON *child;
	int height = 0;

	json_each(child, item) {
		int its = height_of(child);

		height = its > height ? its : height;
	}
	return height + 1;
}

/* The index of the anchor that the event sets; of none, -1; -2: refused. */
static int begin_anchor(struct reader *r, const yaml_char_t *name)
{
	char *copy;

	if (!name)
		return -1;
	if (r->anchor_count == ANCHORS_MAX)
		return refuse(r, "there are more than 1,000 anchors in the document") - 1;
	copy = strdup((const char *)name);
	if (!copy)
		return no_memory(r) - 1;
	r->anchors[r->anchor_count] = (struct anchor){ .name = copy, .bytes = r->bytes };
	return (int)r->anchor_count++;
}

static void end_anchor(struct reader *r, int at, const cJSON *value)
{
	if (at < 0 || !value)
		return;
	r->anchors[at].value = value;
	r->anchors[at].bytes = r->bytes - r->anchors[at].bytes;
	r->anchors[at].height = height_of(value);
}

static void forget_anchors(struct reader *r)
{
	for (size_t i = 0; i < r->anchor_count; i++)
		free(r->anchors[i].name);
	r->anchor_count = 0;
}

/* The last one of the name. */
static const struct anchor *find_anchor(const struct reader *r, const char *name)
{
	for (size_t i = r->anchor_count; i > 0; i--) {
		if (strcmp(r->anchors[i - 1].name, name) == 0)
			return &r->anchors[i - 1];
	}
	return NULL;
}

static cJSON *read_alias(struct reader *r)
{
	const struct anchor *a = find_anchor(r, (const char *)r->event.data.alias.anchor);
	cJSON *copy;

	if (!a || !a->value) {
		refuse(r, a ? "an alias within what it stands for" : "an alias of an anchor that is not there");
		return NULL;
	}
	if (r->depth + a->height > YAML_DEPTH) {
		refuse(r, "values stand too deep within each other");
		return NULL;
	}
	if (spend(r, a->bytes) < 0)
		return NULL;
	copy = cJSON_Duplicate(a->value, true);
	if (!copy)
		no_memory(r);
	return copy;
}

/* --- mappings ----------------------------------------------------------------------------------------------------- */

struct key {
	const char *name;
	size_t line;
};

struct mapping {
	cJSON *object, *merged; /* merged: an array of objects, in their order */
	struct key *keys;
	size_t count, room;
};

static void mapping_release(struct mapping *m)
{
	cJSON_Delete(m->object);
	cJSON_Delete(m->merged);
	free(m->keys);
}

static cJSON *read_value(struct reader *r);

/* The text of the key that the event is; number: room for one that is no text. *merge: it is "<<". */
static const char *read_key(struct reader *r, char number[KEY_MAX], bool *merge)
{
	double n = 0;
	int says;

	if (r->event.type != YAML_SCALAR_EVENT) {
		refuse(r, "a key that is no text");
		return NULL;
	}
	says = scalar_says(r, &n);
	*merge = says == YAML_SAYS_MERGE;
	switch (says) {
	case YAML_SAYS_TEXT:
	case YAML_SAYS_MERGE: return (const char *)r->event.data.scalar.value;
	case YAML_SAYS_TRUE: return "true";
	case YAML_SAYS_FALSE: return "false";
	case YAML_SAYS_NUMBER: snprintf(number, KEY_MAX, "%.17g", n); return number;
	case YAML_SAYS_NULL:
	case YAML_SAYS_ENDLESS: refuse(r, "a key that is no text"); return NULL;
	default: return NULL;
	}
}

static int note_key(const struct reader *r, struct mapping *m, const char *name, size_t line)
{
	if (m->count == m->room) {
		size_t room = m->room ? 2 * m->room : 8;
		struct key *keys = realloc(m->keys, room * sizeof(*keys));

		if (!keys)
			return no_memory(r);
		m->keys = keys;
		m->room = room;
	}
	m->keys[m->count++] = (struct key){ name, line };
	return 0;
}

/* It is taken apart, so nothing may stand for a part of it. */
static int add_merged(const struct reader *r, struct mapping *m, cJSON *value, size_t line, bool anchored)
{
	const cJSON *each;
	bool objects = cJSON_IsObject(value);

	if (cJSON_IsArray(value)) {
		objects = true;
		json_each(each, value)
			objects = objects && cJSON_IsObject(each);
	}
	if (!objects || m->merged || anchored) {
		cJSON_Delete(value);
		return error_set(r->err, ERR_INVALID, "line %zu: << %s", line,
				 !objects   ? "takes a mapping, or a list of them"
				 : anchored ? "takes aliases, and has an anchor in it"
					    : "stands there twice");
	}
	m->merged = value;
	return 0;
}

/* Takes name and value over. value NULL: it was refused. */
static int add_member(const struct reader *r, struct mapping *m, char *name, cJSON *value, size_t line)
{
	bool added = value && cJSON_AddItemToObject(m->object, name, value);

	free(name);
	if (added)
		return note_key(r, m, value->string, line);
	cJSON_Delete(value);
	return value ? no_memory(r) : -1;
}

static int read_member(struct reader *r, struct mapping *m)
{
	size_t line = r->event.start_mark.line + 1;
	char number[KEY_MAX];
	bool merge = false;
	const char *key = read_key(r, number, &merge);
	size_t anchors = r->anchor_count;
	char *name;
	cJSON *value;

	if (!key || spend(r, strlen(key) + 1) < 0)
		return -1;
	name = strdup(key); /* the event goes */
	if (!name)
		return no_memory(r);
	value = next(r) == 0 ? read_value(r) : NULL;
	if (value && merge) {
		free(name);
		return add_merged(r, m, value, line, r->anchor_count > anchors);
	}
	return add_member(r, m, name, value, line);
}

static int by_name(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static int check_keys(const struct reader *r, const struct mapping *m)
{
	if (m->count > 1)
		qsort(m->keys, m->count, sizeof(*m->keys), by_name);
	for (size_t i = 1; i < m->count; i++) {
		if (strcmp(m->keys[i].name, m->keys[i - 1].name) == 0)
			return error_set(r->err, ERR_INVALID,
					 "line %zu: key \"%.64s\" stands there already, in line %zu", m->keys[i].line,
					 m->keys[i].name, m->keys[i - 1].line);
	}
	return 0;
}

static int take_over_one(const struct reader *r, struct mapping *m, cJSON *from, int *taken)
{
	while (from->child) {
		cJSON *item = cJSON_DetachItemViaPointer(from, from->child);

		if (json_member(m->object, item->string)) {
			cJSON_Delete(item);
			continue;
		}
		if (++*taken > YAML_MERGED_MAX || !cJSON_AddItemToObject(m->object, item->string, item)) {
			cJSON_Delete(item);
			return *taken > YAML_MERGED_MAX ? refuse(r, "<< brings too many keys") : no_memory(r);
		}
	}
	return 0;
}

/* What is said in the mapping itself stays, and of several sources the first counts. */
static int take_over(const struct reader *r, struct mapping *m)
{
	cJSON *each;
	int taken = 0;

	if (!m->merged)
		return 0;
	if (cJSON_IsObject(m->merged))
		return take_over_one(r, m, m->merged, &taken);
	json_each(each, m->merged) {
		if (take_over_one(r, m, each, &taken) < 0)
			return -1;
	}
	return 0;
}

static int fill_mapping(struct reader *r, struct mapping *m)
{
	while (next(r) == 0) {
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return check_keys(r, m) < 0 ? -1 : take_over(r, m);
		if (read_member(r, m) < 0)
			return -1;
	}
	return -1;
}

static cJSON *read_mapping(struct reader *r)
{
	struct mapping m = { .object = cJSON_CreateObject() };
	cJSON *object = NULL;

	if (!m.object)
		no_memory(r);
	else if (spend(r, VALUE_BYTES) == 0 && fill_mapping(r, &m) == 0) {
		object = m.object;
		m.object = NULL;
	}
	mapping_release(&m);
	return object;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int fill_sequence(struct reader *r, cJSON *array)
{
	while (next(r) == 0) {
		cJSON *item;

		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		item = read_value(r);
		if (!item || !cJSON_AddItemToArray(array, item)) {
			cJSON_Delete(item);
			return item ? no_memory(r) : -1;
		}
	}
	return -1;
}

static cJSON *read_sequence(struct reader *r)
{
	cJSON *array = cJSON_CreateArray();

	if (!array)
		no_memory(r);
	else if (spend(r, VALUE_BYTES) == 0 && fill_sequence(r, array) == 0)
		return array;
	cJSON_Delete(array);
	return NULL;
}

static cJSON *read_kind(struct reader *r)
{
	switch (r->event.type) {
	case YAML_SCALAR_EVENT: return read_scalar(r);
	case YAML_MAPPING_START_EVENT: return read_mapping(r);
	case YAML_SEQUENCE_START_EVENT: return read_sequence(r);
	default: refuse(r, "no YAML: a value is missing"); return NULL;
	}
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT: return event->data.scalar.anchor;
	case YAML_MAPPING_START_EVENT: return event->data.mapping_start.anchor;
	case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.anchor;
	default: return NULL;
	}
}

/* The value that begins with the event; at the end that is the last of it. NULL: refused. Within each other they are
 * YAML_DEPTH deep at most. */
static cJSON *read_value(struct reader *r) /* NOLINT(misc-no-recursion) */
{
	cJSON *value;
	int anchor;

	if (r->event.type == YAML_ALIAS_EVENT)
		return read_alias(r);
	if (r->depth >= YAML_DEPTH) {
		refuse(r, "values stand too deep within each other");
		return NULL;
	}
	anchor = begin_anchor(r, anchor_of(&r->event));
	if (anchor < -1)
		return NULL;
	r->depth++;
	value = read_kind(r);
	r->depth--;
	end_anchor(r, anchor, value);
	return value;
}

static int read_document(struct reader *r, yaml_document_fn fn, void *ctx)
{
	cJSON *document;
	int line;

	if (next(r) < 0)
		return -1;
	line = (int)r->event.start_mark.line + 1;
	document = read_value(r);
	forget_anchors(r);
	if (!document)
		return -1;
	if (cJSON_IsNull(document)) {
		cJSON_Delete(document);
		return next(r);
	}
	if (fn(ctx, document, line, r->err) < 0)
		return -1;
	return next(r);
}

static int read_all(struct reader *r, yaml_document_fn fn, void *ctx)
{
	do {
		if (next(r) < 0)
			return -1;
		if (r->event.type == YAML_DOCUMENT_START_EVENT && read_document(r, fn, ctx) < 0)
			return -1;
	} while (r->event.type != YAML_STREAM_END_EVENT);
	return 0;
}

int yaml_read(const char *text, size_t len, size_t max_bytes, yaml_document_fn fn, void *ctx, struct error *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	int done = -1;

	if (!r || !yaml_parser_initialize(&r->parser)) {
		free(r);
		return error_set(err, ERR_NOMEM, "no memory to read YAML");
	}
	r->text = text;
	r->max_bytes = max_bytes;
	r->err = err;
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	done = read_all(r, fn, ctx);
	if (r->has_event)
		yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
	forget_anchors(r);
	free(r);
	return done;
}
