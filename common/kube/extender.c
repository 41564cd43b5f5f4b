#include "common/kube/extender.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_plain.h"

#define ROOM_MIN   512
#define REASON_MAX 1024
/* Values in 1,000 whole nodes of 300 each. */
#define NODES_ITEMS 300000

static bool is(struct json_span name, const char *want)
{
	return name.len == strlen(want) && strncasecmp(name.at, want, name.len) == 0;
}

static bool is_null(struct json_span value)
{
	return json_span_is(value, "null");
}

/* --- the request -------------------------------------------------------------------------------------------------- */

static int not_json(struct error *err)
{
	return error_set(err, ERR_INVALID, "not JSON, or not the whole of it");
}

static int make_room(struct extender_args *args, bool whole, struct error *err)
{
	size_t room = args->room ? 2 * args->room : ROOM_MIN;
	struct json_span *names, *nodes;

	if (args->count == EXTENDER_NODES_MAX)
		return error_set(err, ERR_TOOBIG, "the request has more than %d nodes", EXTENDER_NODES_MAX);
	if (args->count < args->room)
		return 0;
	names = realloc(args->names, room * sizeof(*names));
	if (names)
		args->names = names;
	nodes = whole ? realloc(args->nodes, room * sizeof(*nodes)) : NULL;
	if (nodes)
		args->nodes = nodes;
	if (!names || (whole && !nodes))
		return error_set(err, ERR_NOMEM, "no memory for %zu nodes", room);
	args->room = room;
	return 0;
}

static int check_name(struct json_span name, struct error *err)
{
	if (!name.len)
		return error_set(err, ERR_INVALID, "a candidate node has no name that is a text");
	if (name.len > EXTENDER_NAME_MAX)
		return error_set(err, ERR_INVALID, "a candidate node's name has %zu bytes, more than %d", name.len,
				 EXTENDER_NAME_MAX);
	return 0;
}

/* value: of a node's name, with its quotes. It is answered as it was read, so it has to be plain. */
static int add_name(struct extender_args *args, struct json_span value, struct error *err)
{
	struct json_span name = { .at = NULL };

	if (value.at && value.at[0] == '"')
		name = (struct json_span){ .at = value.at + 1, .len = value.len - 2 };
	if (check_name(name, err) < 0)
		return -1;
	for (size_t i = 0; i < name.len; i++) {
		if (!json_is_plain(name.at[i]))
			return error_set(err, ERR_INVALID, "\"%.*s\" is no node's name", (int)name.len, name.at);
	}
	args->names[args->count++] = name;
	return 0;
}

/* As many as there is room for. */
static int take_texts(struct json_walk *list, struct extender_args *args, struct error *err)
{
	size_t room = args->room < EXTENDER_NODES_MAX ? args->room : EXTENDER_NODES_MAX, from = args->count;

	if (from == room)
		return 0;
	args->count += json_walk_texts(list, args->names + from, room - from);
	for (size_t i = from; i < args->count; i++) {
		if (check_name(args->names[i], err) < 0)
			return -1;
	}
	return 0;
}

static int parse_names(struct json_walk *list, struct extender_args *args, struct error *err)
{
	struct json_span name, value;

	for (;;) {
		if (take_texts(list, args, err) < 0)
			return -1;
		if (!json_walk_next(list, &name, &value))
			break;
		if (make_room(args, false, err) < 0 || add_name(args, value, err) < 0)
			return -1;
	}
	return list->broken ? not_json(err) : 0;
}

static int parse_nodes(struct json_span nodes, struct extender_args *args, struct error *err)
{
	struct json_walk members, items = { .broken = false };
	struct json_span name, value;

	if (!json_walk_begin(&members, nodes) || members.close != '}')
		return error_set(err, ERR_INVALID, "Nodes is not a NodeList");
	while (json_walk_next(&members, &name, &value)) {
		if (!is(name, "items") || is_null(value))
			continue;
		if (!json_walk_begin(&items, value) || items.close != ']')
			return error_set(err, ERR_INVALID, "Nodes is not a NodeList");
		args->count = 0;
		while (json_walk_next(&items, &name, &value)) {
			if (make_room(args, true, err) < 0)
				return -1;
			args->nodes[args->count] = value;
			if (add_name(args, json_span_member(json_span_member(value, "metadata"), "name"), err) < 0)
				return -1;
		}
	}
	return members.broken || items.broken ? not_json(err) : 0;
}

/* Nodes are answered as they were sent, whatever is in them: so all of it must be JSON. */
static int check_nodes(struct json_span nodes, struct error *err)
{
	JSON_CLEANUP cJSON *parsed = json_parse(nodes.at, nodes.len, NODES_ITEMS, err);

	return parsed ? 0 : -1;
}

/* The names are most of the text, so they are gone over once. */
static int take_names(struct json_walk *members, struct extender_args *args, struct error *err)
{
	struct json_walk list;

	if (!json_walk_enter(members, &list) || list.close != ']')
		return error_set(err, ERR_INVALID, "NodeNames is not a list");
	args->count = 0;
	if (parse_names(&list, args, err) < 0)
		return -1;
	args->list = json_walk_leave(members, &list);
	return 0;
}

static int take_member(struct json_walk *members, struct json_span name, struct extender_args *args,
		       struct json_span *nodes, struct error *err)
{
	struct json_span value;

	if (is(name, "NodeNames") && json_walk_at(members) != 'n')
		return take_names(members, args, err);
	if (!json_walk_value(members, &value))
		return not_json(err);
	if (is(name, "Pod"))
		args->pod = value;
	else if (is(name, "Nodes") && !is_null(value))
		*nodes = value;
	return 0;
}

int extender_args_parse(const char *text, size_t len, struct extender_args *args, struct error *err)
{
	struct json_span name, nodes = { .at = NULL }, all = json_span_trim(text, len);
	struct json_walk members;

	memset(args, 0, sizeof(*args));
	if (all.len && all.at[0] != '{')
		return error_set(err, ERR_INVALID, "the request is not a JSON object");
	if (!json_walk_begin(&members, all))
		return not_json(err);
	while (json_walk_name(&members, &name)) {
		if (take_member(&members, name, args, &nodes, err) < 0)
			return -1;
	}
	if (members.broken)
		return not_json(err);
	if (!args->pod.at || args->pod.at[0] != '{')
		return error_set(err, ERR_INVALID, "the request has no Pod");
	if (args->list.at || !nodes.at)
		return 0;
	args->list = nodes;
	return check_nodes(nodes, err) < 0 ? -1 : parse_nodes(nodes, args, err);
}

/* --- preemption --------------------------------------------------------------------------------------------------- */

static int take_victims(struct json_span map, struct extender_args *args, struct error *err)
{
	struct json_span name, value;
	struct json_walk nodes;

	if (check_nodes(map, err) < 0)
		return -1;
	if (!json_walk_begin(&nodes, map) || nodes.close != '}')
		return error_set(err, ERR_INVALID, "the nodes with their victims are no object");
	while (json_walk_next(&nodes, &name, &value)) {
		if (make_room(args, true, err) < 0)
			return -1;
		args->nodes[args->count] = value;
		if (add_name(args, (struct json_span){ name.at - 1, name.len + 2 }, err) < 0)
			return -1;
	}
	return nodes.broken ? not_json(err) : 0;
}

int extender_preempt_parse(const char *text, size_t len, struct extender_args *args, struct error *err)
{
	struct json_span name, value, map = { .at = NULL };
	struct json_walk members;

	memset(args, 0, sizeof(*args));
	if (!json_walk_begin(&members, json_span_trim(text, len)) || members.close != '}')
		return error_set(err, ERR_INVALID, "the request is not a JSON object");
	while (json_walk_next(&members, &name, &value)) {
		if (is(name, "Pod"))
			args->pod = value;
		else if ((is(name, "NodeNameToMetaVictims") || is(name, "NodeNameToVictims")) && !is_null(value))
			map = value;
	}
	if (members.broken)
		return not_json(err);
	if (!args->pod.at || args->pod.at[0] != '{')
		return error_set(err, ERR_INVALID, "the request has no Pod");
	return map.at ? take_victims(map, args, err) : 0;
}

void extender_args_release(struct extender_args *args)
{
	free(args->names);
	free(args->nodes);
	memset(args, 0, sizeof(*args));
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static void add_span(struct buf *out, struct json_span span)
{
	buf_add(out, span.at, span.len);
}

static void add_name_of(struct buf *out, const struct extender_args *args, size_t i)
{
	buf_addch(out, '"');
	add_span(out, args->names[i]);
	buf_addch(out, '"');
}

static void begin(const struct extender_args *args, struct buf *out)
{
	buf_addstr(out, args->nodes ? "{\"Nodes\":{\"items\":[" : "{\"NodeNames\":[");
}

static int done(struct buf *out)
{
	return out->failed ? -1 : 0;
}

int extender_pass_all(const struct extender_args *args, struct buf *out)
{
	if (!args->list.at) {
		buf_addstr(out, "{\"NodeNames\":[]}");
		return done(out);
	}
	buf_addstr(out, args->nodes ? "{\"Nodes\":" : "{\"NodeNames\":");
	add_span(out, args->list);
	buf_addch(out, '}');
	return done(out);
}

int extender_pass(const struct extender_args *args, const uint32_t *those, size_t count, struct buf *out)
{
	begin(args, out);
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_addch(out, ',');
		if (args->nodes)
			add_span(out, args->nodes[those[i]]);
		else
			add_name_of(out, args, those[i]);
	}
	buf_addstr(out, args->nodes ? "]}}" : "]}");
	return done(out);
}

int extender_refuse_all(const struct extender_args *args, void (*reason)(void *ctx, size_t i, struct buf *out),
			void *ctx, struct buf *out)
{
	char text[REASON_MAX];
	struct buf why = BUF_IN(text);

	begin(args, out);
	buf_addstr(out, args->nodes ? "]},\"FailedAndUnresolvableNodes\":{" : "],\"FailedAndUnresolvableNodes\":{");
	for (size_t i = 0; i < args->count; i++) {
		if (i)
			buf_addch(out, ',');
		add_name_of(out, args, i);
		buf_addch(out, ':');
		buf_reset(&why);
		reason(ctx, i, &why);
		json_write_str(why.data, out);
	}
	buf_addstr(out, "}}");
	return done(out);
}

/* A Pod has its uid in metadata, a MetaPod is nothing but it, with its name in any case. Not a text: it has none. */
static struct json_span uid_of(struct json_span pod)
{
	struct json_span uid = json_span_member(json_span_member(pod, "metadata"), "uid"), name, value;
	struct json_walk members;

	for (json_walk_begin(&members, pod); !uid.at && json_walk_next(&members, &name, &value);) {
		if (is(name, "UID"))
			uid = value;
	}
	return json_span_text(uid).at ? uid : (struct json_span){ .at = NULL };
}

/* What Victims and MetaVictims have under a name, in any case. at NULL: nothing. */
static struct json_span part_of(struct json_span victims, const char *want)
{
	struct json_span name, value, found = { .at = NULL };
	struct json_walk members;

	for (json_walk_begin(&members, victims); json_walk_next(&members, &name, &value);) {
		if (is(name, want))
			found = value;
	}
	return found;
}

/* Whether there are some, and each can be named. */
static bool can_be_told(struct json_span victims)
{
	struct json_span none, pod;
	struct json_walk pods;
	size_t count = 0;

	for (json_walk_begin(&pods, part_of(victims, "Pods")); json_walk_next(&pods, &none, &pod); count++) {
		if (!uid_of(pod).at)
			return false;
	}
	return count > 0;
}

static void add_victims(struct buf *out, struct json_span victims)
{
	struct json_span violations = part_of(victims, "NumPDBViolations"), none, pod;
	struct json_walk pods;
	bool first = true;

	buf_addstr(out, "{\"Pods\":[");
	for (json_walk_begin(&pods, part_of(victims, "Pods")); json_walk_next(&pods, &none, &pod); first = false) {
		buf_addstr(out, first ? "{\"UID\":" : ",{\"UID\":");
		add_span(out, uid_of(pod));
		buf_addch(out, '}');
	}
	buf_addstr(out, "],\"NumPDBViolations\":");
	if (violations.at)
		add_span(out, violations);
	else
		buf_addch(out, '0');
	buf_addch(out, '}');
}

int extender_preempt_write(const struct extender_args *args, const uint32_t *those, size_t count, struct buf *out)
{
	bool first = true;

	buf_addstr(out, "{\"NodeNameToMetaVictims\":{");
	for (size_t i = 0; i < count; i++) {
		if (!can_be_told(args->nodes[those[i]]))
			continue;
		if (!first)
			buf_addch(out, ',');
		first = false;
		add_name_of(out, args, those[i]);
		buf_addch(out, ':');
		add_victims(out, args->nodes[those[i]]);
	}
	buf_addstr(out, "}}");
	return done(out);
}

int extender_error_write(const char *error, struct buf *out)
{
	buf_addstr(out, "{\"Error\":");
	json_write_str(error, out);
	buf_addch(out, '}');
	return done(out);
}

int extender_scores_write(const struct extender_args *args, const int *scores, struct buf *out)
{
	buf_addch(out, '[');
	for (size_t i = 0; i < args->count; i++) {
		buf_addstr(out, i ? ",{\"Host\":" : "{\"Host\":");
		add_name_of(out, args, i);
		buf_addstr(out, ",\"Score\":");
		buf_addint(out, scores[i]);
		buf_addch(out, '}');
	}
	buf_addch(out, ']');
	return done(out);
}
