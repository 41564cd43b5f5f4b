/* fuzz: -max_len=4096 */
/* What a scheduler asks is read where it stands; beside it the same text read whole by cJSON. Where that is JSON
 * without escapes, both find the same pod and the same names; and whatever is taken is answered with JSON. */
#include <strings.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/extender.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX (4u << 20)

/* As Go reads it: in any case, the last one; of lists and maps the last one that is not null. */
static const cJSON *member(const cJSON *object, const char *name, const char *other, bool not_null)
{
	const cJSON *one, *found = NULL;

	cJSON_ArrayForEach(one, object) {
		if ((strcasecmp(one->string, name) == 0 || strcasecmp(one->string, other) == 0) &&
		    !(not_null && cJSON_IsNull(one)))
			found = one;
	}
	return found;
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= EXTENDER_NAME_MAX && !strpbrk(name, "\t\r\n");
}

static bool are_names(const cJSON *list)
{
	const cJSON *one;

	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach(one, list) {
		if (!cJSON_IsString(one) || !is_name(one->valuestring))
			return false;
	}
	return true;
}

static bool are_keys(const cJSON *map)
{
	const cJSON *one;

	if (!cJSON_IsObject(map)) /* of a list they have no names */
		return false;
	cJSON_ArrayForEach(one, map) {
		if (!is_name(one->string))
			return false;
	}
	return true;
}

static void check_same(const struct json_span *span, const char *text)
{
	CHECK(span->len == strlen(text) && memcmp(span->at, text, span->len) == 0);
}

static void check_pod(const struct extender_args *args, const cJSON *all)
{
	const cJSON *pod = member(all, "Pod", "Pod", false);
	JSON_CLEANUP cJSON *its = json_parse(args->pod.at, args->pod.len, JSON_ITEMS, NULL);

	CHECK(pod && its && json_equal(pod, its));
}

static void check_names(const struct extender_args *args, const cJSON *list, bool keys)
{
	const cJSON *one;
	size_t i = 0;

	cJSON_ArrayForEach(one, list) {
		CHECK(i < args->count);
		check_same(&args->names[i++], keys ? one->string : one->valuestring);
	}
	CHECK(i == args->count);
}

static void is_json(struct buf *out)
{
	JSON_CLEANUP cJSON *answer = json_parse(out->data, out->len, JSON_ITEMS, NULL);

	CHECK(answer && !out->failed);
	buf_reset(out);
}

static void say_nothing(void *ctx, size_t i, struct buf *out)
{
	(void)ctx;
	(void)i;
	buf_addstr(out, "no");
}

static void check_answers(const struct extender_args *args)
{
	BUF_CLEANUP struct buf out = BUF_INIT(TEXT_MAX);
	uint32_t *those = calloc(args->count + 1, sizeof(*those));
	int *scores = calloc(args->count + 1, sizeof(*scores));

	CHECK(those && scores);
	for (uint32_t i = 0; i < args->count; i++)
		those[i] = i;
	CHECK(extender_pass_all(args, &out) == 0);
	is_json(&out);
	CHECK(extender_pass(args, those, args->count, &out) == 0);
	is_json(&out);
	CHECK(extender_refuse_all(args, say_nothing, NULL, &out) == 0);
	is_json(&out);
	CHECK(extender_scores_write(args, scores, &out) == 0);
	is_json(&out);
	free(those);
	free(scores);
}

/* No escape in it, and no control character, which cJSON takes for a blank. */
static bool is_clear(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' || ((unsigned char)text[i] < 0x20 && !memchr("\t\r\n", text[i], 3)))
			return false;
	}
	return true;
}

static void check_filter(const char *text, size_t len, const cJSON *all)
{
	EXTENDER_ARGS_CLEANUP struct extender_args args;
	const cJSON *names = member(all, "NodeNames", "NodeNames", true), *nodes = member(all, "Nodes", "Nodes", true);
	bool clear = is_clear(text, len) && cJSON_IsObject(member(all, "Pod", "Pod", false));
	int taken = extender_args_parse(text, len, &args, NULL);

	if (taken == 0)
		check_answers(&args);
	if (clear && are_names(names) && cJSON_GetArraySize(names) <= EXTENDER_NODES_MAX) {
		if (taken < 0) /* an earlier one is none */
			return;
		check_names(&args, names, false);
		check_pod(&args, all);
	} else if (clear && !names && !nodes) {
		CHECK(taken == 0 && !args.count);
		check_pod(&args, all);
	}
}

static void check_preempt(const char *text, size_t len, const cJSON *all)
{
	EXTENDER_ARGS_CLEANUP struct extender_args args;
	BUF_CLEANUP struct buf out = BUF_INIT(TEXT_MAX);
	const cJSON *map = member(all, "NodeNameToVictims", "NodeNameToMetaVictims", true);
	bool clear = is_clear(text, len) && cJSON_IsObject(member(all, "Pod", "Pod", false));
	uint32_t first = 0;
	int taken = extender_preempt_parse(text, len, &args, NULL);

	if (taken == 0) {
		CHECK(extender_preempt_write(&args, &first, args.count > 0, &out) == 0);
		is_json(&out);
	}
	if (clear && map && are_keys(map)) {
		CHECK(taken == 0);
		check_names(&args, map, true);
		check_pod(&args, all);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	char *text = take_text(&in), *exact = malloc(len ? len : 1);
	JSON_CLEANUP cJSON *all = json_parse(text, len, JSON_ITEMS, NULL);

	CHECK(exact);
	memcpy(exact, text, len); /* a byte behind it is nobody's */
	check_filter(exact, len, cJSON_IsObject(all) ? all : NULL);
	check_preempt(exact, len, cJSON_IsObject(all) ? all : NULL);
	free(exact);
	free(text);
	return 0;
}
