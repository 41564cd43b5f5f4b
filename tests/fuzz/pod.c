/* fuzz: -max_len=8192 */
/* JSON as a Pod, a pod template or a StatefulSet: what it says is read the same each time and stays within its limits,
 * and words that are added to the start of its program are found behind that start. */
#include <stdbool.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/codis/pod.h"
#include "tests/fuzz/fuzz.h"

/* A word of a start may be gone when they become too many to be read. */
#define WORDS_FEW (SHELL_WORDS - 8)

#define CHECK_TEXT(array) CHECK(memchr(array, '\0', sizeof(array)))

static void check_said(const struct said_text *said)
{
	CHECK(said->said == SAID_NOTHING || said->said == SAID_KNOWN || said->said == SAID_ELSEWHERE);
	CHECK_TEXT(said->text);
	CHECK_TEXT(said->object);
	CHECK_TEXT(said->key);
	CHECK_TEXT(said->why);
	CHECK(said->said == SAID_KNOWN || said->said == SAID_ELSEWHERE || !said->text[0]);
	CHECK(said->said != SAID_ELSEWHERE || said->why[0]);
}

static void check_pod(const struct codis_pod *pod)
{
	char addr[CODIS_PRODUCT_MAX + 64];

	CHECK_TEXT(pod->namespace);
	CHECK_TEXT(pod->name);
	CHECK_TEXT(pod->uid);
	CHECK_TEXT(pod->node);
	CHECK_TEXT(pod->ip);
	CHECK_TEXT(pod->owner);
	CHECK_TEXT(pod->topology_key);
	CHECK_TEXT(pod->container);
	CHECK(pod->ordinal >= -1 && pod->server_replica >= 0 && pod->server_replica <= 64 && pod->group >= 0);
	check_said(&pod->product);
	check_said(&pod->server_replica_said);
	check_said(&pod->coordinator);
	check_said(&pod->password);
	codis_pod_addr(pod->ip, pod->port, addr, sizeof(addr));
	CHECK_TEXT(addr);
}

static void check_read(const cJSON *object, int (*read)(const cJSON *, struct codis_pod *, struct error *))
{
	static struct codis_pod pod, again; /* large */
	struct error err = ERROR_INIT;
	int done;

	/* The inventory compares them as bytes. */
	memset(&pod, 0, sizeof(pod));
	memset(&again, 0, sizeof(again));
	done = read(object, &pod, &err);
	CHECK(done == 0 || (err.code != ERR_NONE && err.text[0]));
	CHECK(read(object, &again, &err) == done && memcmp(&pod, &again, sizeof(pod)) == 0);
	check_pod(&pod);
}

static int words_in(const cJSON *container)
{
	return cJSON_GetArraySize(json_get(container, "command", NULL)) +
	       cJSON_GetArraySize(json_get(container, "args", NULL));
}

static bool is_short(const cJSON *container, const struct cmdline *c)
{
	for (int i = 0; i < c->count; i++) {
		if (c->starts[i].count > WORDS_FEW)
			return false;
	}
	return words_in(container) <= WORDS_FEW;
}

/* A setting of Redis: with any other word, arguments that stand alone would no longer be a server's. */
#define FLAG  "--hz"
#define WORDS FLAG " 1"

static bool has_flag(const struct cmdline *c)
{
	for (int i = 0; i < c->count; i++) {
		if (cmdline_flag(c, &c->starts[i], FLAG, NULL) >= 0)
			return true;
	}
	return false;
}

static void check_append(const cJSON *original, enum codis_component component)
{
	static const char *const words[CMDLINE_STARTS] = { WORDS, WORDS, WORDS, WORDS };
	JSON_CLEANUP cJSON *container = cJSON_Duplicate(original, true);
	static struct cmdline before, after; /* large */
	struct shell_word value;

	CHECK(container);
	codis_cmdline_of(container, component, &before);
	CHECK(before.count >= 0 && before.count <= CMDLINE_STARTS && (before.kind == CMDLINE_NONE) == !before.count);
	CHECK(before.kind != CMDLINE_NONE || before.why);
	if (before.kind == CMDLINE_NONE || !is_short(container, &before) || has_flag(&before))
		return;
	CHECK(cmdline_append(&before, words) == 0);
	codis_cmdline_of(container, component, &after);
	CHECK(after.kind == before.kind && after.count == before.count);
	for (int i = 0; i < after.count; i++) {
		CHECK(cmdline_flag(&after, &after.starts[i], FLAG, &value) >= 0);
		CHECK(value.len == 1 && *value.text == '1');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum codis_component kinds[] = { CODIS_SERVER, CODIS_PROXY, CODIS_DASHBOARD, CODIS_HA };
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *json = json_parse((const char *)data, len, JSON_ITEMS, &err);
	const cJSON *spec = json_get(json, "spec", NULL), *container;

	if (!json)
		return 0;
	check_read(json, codis_pod_read);
	check_read(json, codis_template_read);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		container = codis_container_of(spec, kinds[i]);
		if (container)
			check_append(container, kinds[i]);
	}
	return 0;
}
