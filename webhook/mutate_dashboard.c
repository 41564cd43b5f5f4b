/* What a codis-dashboard gets: identity, a start that waits for ZooKeeper, a lock that only codis-controller takes
 * away, an end that gives it back, and a short stay on a node that is lost. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/codis/shell.h"
#include "webhook/hooks.h"
#include "webhook/mutate.h"
#include "webhook/mutation.h"
#include "webhook/mutation_hook.h"

#define SCRIPT_MAX 65536

/* --- the wait for ZooKeeper ------------------------------------------------------------------------------------ */

#define WAIT_NAME "wait-for-zookeeper"

static bool add_copy(cJSON *object, const cJSON *container, const char *name)
{
	const cJSON *item = json_get(container, name, NULL);
	cJSON *copy = item ? cJSON_Duplicate(item, true) : NULL;

	if (!item || (copy && cJSON_AddItemToObject(object, name, copy)))
		return true;
	cJSON_Delete(copy);
	return false;
}

/* Whether the text has ${NAME}, as cmdline_quote writes it, or $(NAME), as the kubelet reads it in another variable. */
static bool refers_to(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = text; p && (p = strchr(p, '$')); p++) {
		if ((p[1] == '{' || p[1] == '(') && strncmp(p + 2, name, len) == 0 && strchr("})", p[2 + len]) &&
		    p[2 + len])
			return true;
	}
	return false;
}

/* Whoever asks may be anybody: of an address that takes more, or longer ones, the rest is not looked for, since each of
 * all variables is compared with each that is needed. */
#define NEEDED_MAX 8
#define NEEDED_LEN 1024

static bool is_needed(const cJSON *variable, const char *zookeeper, const cJSON *needed)
{
	const char *name = json_str(variable, "name", NULL);
	const cJSON *other;
	bool found = name && refers_to(zookeeper, name);

	cJSON_ArrayForEach(other, needed) {
		const char *value = json_str(other, "value", NULL);

		found = found || (name && value && strnlen(value, NEEDED_LEN) < NEEDED_LEN && refers_to(value, name));
	}
	return found;
}

/* The variables that the address needs, and those that they need, which stand before them: what else there is, and may
 * come from somebody else's webhook, is the dashboard's alone. */
static bool add_environment(cJSON *wait, const cJSON *container, const char *zookeeper)
{
	const cJSON *env = json_get(container, "env", NULL), *first = env ? env->child : NULL;
	cJSON *needed = cJSON_AddArrayToObject(wait, "env");
	int count = 0;

	for (const cJSON *v = first ? first->prev : NULL; needed && v && count < NEEDED_MAX;
	     v = v == first ? NULL : v->prev) {
		if (!is_needed(v, zookeeper, needed))
			continue;
		if (json_insert(needed, 0, cJSON_Duplicate(v, true)) < 0)
			return false;
		count++;
	}
	if (!needed || needed->child)
		return needed;
	cJSON_DeleteItemFromObjectCaseSensitive(wait, "env"); /* no API server keeps an empty one */
	return !strchr(zookeeper, '$') || add_copy(wait, container, "envFrom");
}

/* Like the container itself, so that quotas, limits and restricted namespaces have nothing new to judge. */
static cJSON *new_wait(const cJSON *container, const char *zookeeper)
{
	BUF_CLEANUP struct buf script = BUF_INIT(SCRIPT_MAX);
	cJSON *wait = cJSON_CreateObject(), *list;

	hooks_dashboard_wait(zookeeper, &script);
	if (!script.failed && json_add_str(wait, "name", WAIT_NAME) && add_copy(wait, container, "image") &&
	    add_copy(wait, container, "imagePullPolicy") && add_copy(wait, container, "securityContext") &&
	    add_copy(wait, container, "resources") && add_environment(wait, container, zookeeper)) {
		const char *const words[] = { "sh", "-c", script.data };

		list = cJSON_CreateStringArray(words, 3);
		if (list && cJSON_AddItemToObject(wait, "command", list))
			return wait;
		cJSON_Delete(list);
	}
	cJSON_Delete(wait);
	return NULL;
}

/* Where it stands: before what ends, since behind a mesh's that sets up the network there is none yet; behind the
 * sidecars in front, which go on. */
static int wait_index(const cJSON *list)
{
	const cJSON *item;
	int index = 0;

	cJSON_ArrayForEach(item, list) {
		const char *policy = json_str(item, "restartPolicy", NULL);

		if (!policy || strcmp(policy, "Always") != 0)
			break;
		index++;
	}
	return index;
}

/* In place of the article's postStart, whose image has all that it takes. */
static void wait_for_zookeeper(struct mutation *m, const cJSON *container, const struct cmdline *c)
{
	char value[CMDLINE_VALUE_MAX];
	BUF_CLEANUP struct buf zookeeper = BUF_IN(value);
	cJSON *list, *wait, *item;

	if (!cmdline_value(c, "--zookeeper", &zookeeper))
		return;
	list = mutation_array(m, mutation_object(m, m->pod, "spec"), "initContainers");
	cJSON_ArrayForEach(item, list) {
		const char *name = json_str(item, "name", NULL);

		if (name && strcmp(name, WAIT_NAME) == 0)
			return;
	}
	wait = list ? new_wait(container, zookeeper.data) : NULL;
	if (json_insert(list, wait_index(list), wait) < 0 && m->verdict->allowed)
		admission_refuse_memory(m->verdict);
}

/* --- the lock -------------------------------------------------------------------------------------------------- */

#define REMOVE_LOCK "--remove-lock"

static bool removes_lock(const cJSON *words)
{
	const cJSON *word;

	json_each(word, words) {
		if (json_is(word, cJSON_String) && shell_find(word->valuestring, REMOVE_LOCK))
			return true;
	}
	return false;
}

/* In words that are not the dashboard's own, or quoted; as its pod starts, in whichever container. */
static bool is_lock_removed(const cJSON *pod)
{
	static const char *const lists[] = { "containers", "initContainers" };
	const cJSON *c;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_each(c, json_get(pod, "spec", lists[i], NULL)) {
			if (removes_lock(json_get(c, "command", NULL)) || removes_lock(json_get(c, "args", NULL)) ||
			    removes_lock(json_get(c, "lifecycle", "postStart", "exec", "command", NULL)))
				return true;
		}
	}
	return false;
}

/* By a variable, which stays as it is. */
static bool is_lock_handed_on(const struct cmdline *c)
{
	const struct cmdline_start *s = &c->starts[0];

	for (int i = s->count; c->count && i < s->count + s->handed; i++) {
		if (cmdline_word_is(c, s, i, REMOVE_LOCK))
			return true;
	}
	return false;
}

/* The lock is what keeps a second dashboard away. codis-controller takes one away whose owner is provably gone, where
 * it finds ZooKeeper by this command. */
static void keep_lock(struct mutation *m, struct cmdline *c)
{
	bool zookeeper = c->count && cmdline_flag(c, &c->starts[0], "--zookeeper", NULL) >= 0;
	bool stays = is_lock_handed_on(c);
	int count = zookeeper ? cmdline_remove(c, REMOVE_LOCK) : 0;

	if (count < 0)
		admission_refuse_memory(m->verdict);
	else if (count > 0)
		admission_warn(m->verdict, "drop " REMOVE_LOCK
					   ", which is left out: codis-controller removes a stale lock; with it "
					   "two could lead");
	if (zookeeper && (stays || is_lock_removed(m->pod)))
		admission_warn(m->verdict,
			       "drop " REMOVE_LOCK ", which stays here: codis-controller removes a stale lock; with it "
			       "two could lead");
}

/* False: only a shell can tell its port. */
static bool find_admin(const struct mutation *m, const struct cmdline *c, struct buf *admin)
{
	const char *host = "127.0.0.1"; /* Codis' own default listens everywhere */

	if (cmdline_value(c, "--host-admin", admin))
		return true;
	if (c->count && cmdline_flag(c, &c->starts[0], "--host-admin", NULL) >= 0)
		host = cmdline_has_env(c->container, "POD_IP") ? "${POD_IP}" : HOOKS_POD_ADDRESS;
	buf_addf(admin, "%s:%d", host, m->known.port);
	return m->known.port != 0;
}

static void set_hooks(struct mutation *m, cJSON *container, const struct cmdline *c)
{
	char value[CMDLINE_VALUE_MAX];
	BUF_CLEANUP struct buf admin = BUF_IN(value), script = BUF_INIT(SCRIPT_MAX);
	bool known = find_admin(m, c, &admin);

	if (mutation_hook_set(m, container, "postStart", NULL, NULL))
		wait_for_zookeeper(m, container, c);
	hooks_dashboard_stop(admin.data, mutation_stop_seconds(m), &script);
	mutation_hook_set(m, container, "preStop", known ? &script : NULL,
			  known ? "it may leave its lock behind, and the next one cannot start" : NULL);
	if (!known)
		admission_warn(m->verdict, "write the port of --host-admin as a number: the hook that gives its lock "
					   "back is left out");
}

void dashboard_mutate(struct mutation *m)
{
	struct cmdline c;
	cJSON *container = mutation_replaceable(m, &c);

	if (!container)
		return;
	set_hooks(m, container, &c);
	if (m->known.other_coordinator)
		admission_warn(m->verdict,
			       "use --zookeeper: by %s codis-controller finds nothing, and servers get no guard and no "
			       "failover",
			       m->known.other_coordinator);
	keep_lock(m, &c); /* last: *c is stale behind it */
}
