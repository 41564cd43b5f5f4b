/* What a codis-server gets: identity, its place apart from its group, the guard against an empty restart, hooks and a
 * readiness probe by its role, and a node that it is not taken from. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/codis/shell.h"
#include "common/kube/selector.h"
#include "webhook/elsewhere.h"
#include "webhook/hooks.h"
#include "webhook/liveness.h"
#include "webhook/lookups.h"
#include "webhook/mutate.h"
#include "webhook/mutation.h"
#include "webhook/mutation_hook.h"
#include "webhook/nodes.h"
#include "webhook/passwords.h"
#include "webhook/persistence.h"
#include "webhook/room.h"
#include "webhook/server_words.h"

#define SCRIPT_MAX   65536
#define SCRIPT_USUAL 1536

/* --- identity and place ---------------------------------------------------------------------------------------- */

/* Of a pod without a name (yet) the first part of it. */
static void refuse_group(struct mutation *m)
{
	const char *first = json_str(m->pod, "metadata", "generateName", NULL);
	const char *name = m->known.name[0] ? m->known.name : first ? first : "", *dash = strrchr(name, '-');

	if (m->known.owner[0] && dash && dash[1] && strspn(dash + 1, "0123456789") == strlen(dash + 1))
		admission_refuse(
			m->verdict, 422,
			"codis-server \"%.80s\" is in no group, for Codis has groups 1 to %d, and with "
			"SERVER_REPLICA %d the number behind the name of its StatefulSet can be 0 to %d: lower "
			"ordinals.start or replicas",
			name, CODIS_GROUP_MAX, m->known.server_replica, CODIS_GROUP_MAX * m->known.server_replica - 1);
	else
		admission_refuse(m->verdict, 422,
				 "codis-server \"%.80s\" is in no group, for that comes from its number in a "
				 "StatefulSet: run it in a StatefulSet, or label it " CODIS_LABEL_INJECT "=false",
				 name);
}

/* What it is has to be known here: labels, anti-affinity and its group follow from it. */
static bool check_identity(struct mutation *m)
{
	struct error err = ERROR_INIT;

	if ((!m->known.group_said && elsewhere_server_replica(&m->known, &err) < 0) ||
	    elsewhere_product(&m->known, &err) < 0)
		admission_refuse(m->verdict, 422, "%s", err.text);
	else if (!m->known.owner[0] || m->known.group <= 0 || m->known.group > CODIS_GROUP_MAX)
		refuse_group(m);
	return m->verdict->allowed;
}

static bool own_scheduler(const struct mutation *m)
{
	const char *is = json_str(m->pod, "spec", "schedulerName", NULL);

	return !is || strcmp(is, CODIS_SCHEDULER_NAME) != 0;
}

/* Labels by which the members of the group know each other. A server that names no product is of the only one of its
 * namespace, so its component and group there are enough; members that have the label (one was added, and the pods are
 * being rolled) are kept apart from it as well, which "has no label codis.io/product" would miss. */
static cJSON *group_labels(const struct mutation *m)
{
	static const char *const names[] = { CODIS_LABEL_PRODUCT, CODIS_LABEL_COMPONENT, CODIS_LABEL_GROUP };
	const cJSON *labels = json_get(m->pod, "metadata", "labels", NULL);
	cJSON *out = cJSON_CreateObject();

	for (size_t i = m->known.product.said == SAID_KNOWN ? 0 : 1; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = json_str(labels, names[i], NULL);

		if (!value || !json_add_str(out, names[i], value)) {
			cJSON_Delete(out);
			return NULL;
		}
	}
	return out;
}

/* Nodes of one value of the label that keeps the members apart: there is room for one of them. */
static void warn_of_selector(struct mutation *m)
{
	const char *key = m->known.topology_key;

	if (m->known.strict && m->known.server_replica != 1 && json_get(m->pod, "spec", "nodeSelector", key, NULL))
		admission_warn(
			m->verdict,
			"drop %.40s from nodeSelector: it keeps members of a group apart, so only one gets a node",
			key);
}

/* Fewer values than members. A StatefulSet that is one group does not say here how many it has. */
static void warn_of_nodes(struct mutation *m)
{
	int members = m->known.server_replica > 1 ? m->known.server_replica : 2,
	    allowed = nodes_allowed(json_get(m->pod, "spec", NULL), m->known.topology_key);

	if (m->known.strict && m->known.server_replica != 1 && allowed < members)
		admission_warn(m->verdict,
			       "allow more of %.28s in nodeAffinity: members of a group are kept apart, so %d at most "
			       "get a node",
			       m->known.topology_key, allowed);
}

/* Whether the term is about pods of the namespace. What a namespaceSelector selects is not known here, but for {}. */
static bool is_about_own(const cJSON *term, const char *namespace)
{
	const cJSON *selector = json_get(term, "namespaceSelector", NULL), *list = json_get(term, "namespaces", NULL),
		    *n;

	if (selector && !cJSON_IsNull(selector) && !selector->child)
		return true;
	json_each(n, list) {
		if (json_is(n, cJSON_String) && strcmp(n->valuestring, namespace) == 0)
			return true;
	}
	return (!selector || cJSON_IsNull(selector)) && !(list && list->child);
}

/* Whether it asks for a place beside such a server, where the members of a group are kept apart. What it asks of all
 * pods the others of the namespace may give. */
static bool wants_its_own(const struct mutation *m, const cJSON *term, const cJSON *labels)
{
	const char *key = json_str(term, "topologyKey", NULL);
	const cJSON *selector = json_get(term, "labelSelector", NULL);
	const cJSON *others = json_get(term, "mismatchLabelKeys", NULL);

	return key && (strcmp(key, CODIS_HOSTNAME_KEY) == 0 || strcmp(key, m->known.topology_key) == 0) &&
	       !(others && others->child) && selector && selector->child && selector_matches(selector, labels) &&
	       is_about_own(term, m->namespace);
}

static void warn_of_affinity(struct mutation *m)
{
	const cJSON *terms = json_get(m->pod, "spec", "affinity", "podAffinity",
				      "requiredDuringSchedulingIgnoredDuringExecution", NULL),
		    *term;

	if (!terms || !m->known.strict || m->known.server_replica == 1)
		return;
	json_each(term, terms) {
		if (!wants_its_own(m, term, json_get(m->pod, "metadata", "labels", NULL)))
			continue;
		admission_warn(m->verdict, "drop the required podAffinity to its own pods: members of a group are kept "
					   "apart, so only one gets a node");
		return;
	}
}

/* Where another scheduler places it, nobody else keeps the members apart. */
static bool is_left_to_extender(struct mutation *m)
{
	if (m->known.unruled && own_scheduler(m))
		admission_warn(m->verdict, "drop " CODIS_ANNOTATION_RULE ": without " CODIS_SCHEDULER_NAME
					   " only anti-affinity keeps a group's members apart");
	return m->known.unruled && !own_scheduler(m);
}

static void place(struct mutation *m)
{
	JSON_CLEANUP cJSON *labels = NULL;

	mutation_clean_affinity(m);
	mutation_scheduler(m);
	warn_of_selector(m);
	warn_of_nodes(m);
	warn_of_affinity(m);
	labels = group_labels(m);
	if (!labels)
		admission_refuse_memory(m->verdict);
	else if (m->known.strict && !is_left_to_extender(m))
		mutation_anti_affinity(m, labels, m->known.topology_key, 0);
	else if (m->known.strict)
		return;
	/* codis-extender's score does it better and without a preferred term's price. */
	else if (own_scheduler(m))
		mutation_anti_affinity(m, labels, m->known.topology_key, 100);
}

/* --- the guard ------------------------------------------------------------------------------------------------- */

#define GUARD_SLAVEOF "--slaveof 127.0.0.1 1"
#define GUARD_STALE   "--slave-serve-stale-data no"

/* Redis 5 has other names for both. */
static int either_flag(const struct cmdline *c, const struct cmdline_start *s, const char *old, const char *new)
{
	int at = cmdline_flag(c, s, old, NULL);

	return at >= 0 ? at : cmdline_flag(c, s, new, NULL);
}

/* What this start lacks; NULL: nothing that we may add. */
static const char *missing_guard(struct mutation *m, const struct cmdline *c, const struct cmdline_start *s)
{
	int slaveof = either_flag(c, s, "--slaveof", "--replicaof");
	int stale = either_flag(c, s, "--slave-serve-stale-data", "--replica-serve-stale-data");

	if (slaveof >= 0 &&
	    (!cmdline_word_is(c, s, slaveof + 1, "127.0.0.1") || !cmdline_word_is(c, s, slaveof + 2, "1"))) {
		admission_warn(m->verdict,
			       "drop --slaveof, or after a restart it may serve, or copy, an empty data set");
		m->guarded = false;
		return NULL;
	}
	if (stale >= 0 && !cmdline_word_is(c, s, stale + 1, "no"))
		admission_warn(m->verdict,
			       "drop --slave-serve-stale-data, or it serves an empty data set after a restart");
	if (slaveof < 0)
		return stale < 0 ? GUARD_SLAVEOF " " GUARD_STALE : GUARD_SLAVEOF;
	return stale < 0 ? GUARD_STALE : NULL;
}

#define ADDED_MAX 512

/* A guarded server waits for a role; so where nobody could give it one it gets no guard. */
static bool can_be_guarded(struct mutation *m, const struct cmdline *c)
{
	const char *other;

	if (c->kind == CMDLINE_NONE) {
		admission_warn(m->verdict, "add " GUARD_SLAVEOF " " GUARD_STALE " yourself: no guard, %s", c->why);
		return false;
	}
	if (!m->known.port) {
		admission_warn(
			m->verdict,
			"write the port as a number (--port): codis-controller cannot ask it so, and it gets no guard");
		return false;
	}
	if (!server_words_check(c, m->verdict))
		return false;
	other = lookups_other_coordinator(m->lookups, m->namespace, &m->known);
	if (other)
		admission_warn(m->verdict,
			       "give codis-dashboard --zookeeper: codis-controller leads nobody by %s, so no guard",
			       other);
	return !other;
}

static void guard(struct mutation *m, struct cmdline *c)
{
	char added[CMDLINE_STARTS][ADDED_MAX];
	const char *words[CMDLINE_STARTS] = { NULL };

	m->guarded = can_be_guarded(m, c);
	passwords_check(m, c);
	if (!m->guarded)
		return;
	for (int i = 0; i < c->count; i++) {
		const char *guarding = missing_guard(m, c, &c->starts[i]);
		struct buf adds = BUF_IN(added[i]);

		if (guarding)
			buf_addstr(&adds, guarding);
		passwords_add(m, c, i, &adds);
		words[i] = adds.len ? adds.data : NULL;
	}
	if (cmdline_append(c, words) < 0)
		admission_refuse_memory(m->verdict);
}

/* --- hooks ----------------------------------------------------------------------------------------------------- */

static bool is_wildcard(const char *host)
{
	static const char *const all[] = { "0.0.0.0", "*", "::", "::*", "[::]" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(host, all[i]) == 0)
			return true;
	}
	return false;
}

static bool has_flag(const struct cmdline *c, const char *flag)
{
	return c->count && cmdline_flag(c, &c->starts[0], flag, NULL) >= 0;
}

/* A port or an address, or what a shell or sed puts in its place: no sentence goes on like that ("port not open"). */
static bool is_value(const char *at)
{
	return !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", at[strspn(at, " ")]);
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* At its beginning, or behind the "\n" of an echo or printf. */
static bool is_word(const char *text, const char *at)
{
	return at == text || !strchr(LETTERS "_-", at[-1]) || (at[-1] == 'n' && at - text > 1 && at[-2] == '\\');
}

/* "^port " of a grep. */
static bool is_looked_for(const char *text, const char *at, size_t len)
{
	const char *end = at + len + strspn(at + len, " ");

	return at > text && at[-1] == '^' && (*end == '"' || *end == '\'');
}

/* Whether the setting at this place of a text is a word of its own that gets another than the usual value. */
static bool is_edited(const char *text, const char *at, size_t len, const char *usual)
{
	bool password = usual[1] == '"'; /* which may be any word */

	return is_word(text, at) && strchr(" .*\\", at[len] ? at[len] : 'x') &&
	       strncmp(at + len, usual, strlen(usual)) != 0 && (password || is_value(at + len)) &&
	       !is_looked_for(text, at, len);
}

/* Within quotes a setting stands first in its line, or behind one letter of sed's: "it listens on port $PORT" is none.
 */
static bool is_in_a_sentence(const char *text, const char *at)
{
	const char *end = at;

	while (end > text && end[-1] == ' ')
		end--;
	return end < at && end - text > 4 && strchr(LETTERS, end[-1]) && strchr(LETTERS, end[-2]) &&
	       strncmp(end - 4, "echo", 4) != 0;
}

/* Whether its shell's text edits that setting of a file, by sed or echo, to something else than the usual value. A file
 * that nobody edits has no pod's address in it. */
static bool edits(const struct cmdline *c, const char *setting, const char *usual)
{
	const char *text = c->text ? c->text->valuestring : "", *at = text;
	struct shell_place place = { text, text, '\0', false };
	size_t len = strlen(setting);

	for (; (at = strstr(at, setting)); at += len) {
		if (!is_edited(text, at, len, usual))
			continue;
		shell_place_move(&place, at);
		if (!place.comment && !(place.quote && is_in_a_sentence(text, at)))
			return true;
	}
	return false;
}

/* Whether its shell's text has the flag, if only in words that it hands on. */
static bool writes(const struct cmdline *c, const char *flag)
{
	return c->text && shell_find(c->text->valuestring, flag);
}

/* Where the server listens, seen from its own container. If others can reach it, then at the pod's address, whatever it
 * is bound to. */
static void find_host(const struct cmdline *c, struct buf *host)
{
	bool known = cmdline_value(c, "--bind", host),
	     elsewhere = !known && (has_flag(c, "--bind") || writes(c, "--bind") || c->unfollowed.len ||
				    edits(c, "bind", " 0.0.0.0"));

	host->data[strcspn(host->data, " ")] = '\0'; /* "--bind 127.0.0.1 10.0.0.1" may be one word */
	if (known && !is_wildcard(host->data))
		return;
	buf_reset(host);
	if (!known && cmdline_has_env(c->container, "POD_IP"))
		buf_addstr(host, "${POD_IP}");
	else
		buf_addstr(host, elsewhere ? HOOKS_POD_ADDRESS : "127.0.0.1");
}

struct address {
	char text[3][CMDLINE_VALUE_MAX];
	struct buf host, port, auth; /* in text */
	const char *unknown;         /* what cannot be told of them, and what to write; NULL: nothing */
};

#define AUTH "PRODUCT_AUTH"

static void find_password(const struct mutation *m, const struct cmdline *c, struct address *a)
{
	bool known = cmdline_value(c, "--requirepass", &a->auth), has_env = cmdline_has_env(c->container, AUTH);

	if (c->count && cmdline_flag_is(c, &c->starts[0], "--requirepass", "")) /* to Redis that is none */
		return;
	/* One that stands in the pod in plain text is not written once more. */
	if (known && !passwords_is_variable(a->auth.data) && !passwords_variable(m, c, &a->auth))
		a->unknown =
			"take the password from an env of a Secret: probe and hooks, which would show it, are left out";
	else if (!known && (has_flag(c, "--requirepass") || (has_env && cmdline_is_replaced(c, AUTH, strlen(AUTH)))))
		a->unknown =
			"take the password from an env variable as it is: probe and hooks, which do not know it, are "
			"left out";
	else if (!known && has_env)
		buf_addstr(&a->auth, "${" AUTH "}");
	else if (!known && (writes(c, "--requirepass") || edits(c, "requirepass", " \"\"")))
		a->unknown =
			"write --requirepass $NAME, of an env, behind the program: probe and hooks, which do not know "
			"it, are left out";
}

/* What is said and not known is never replaced by a default: a probe that asks there is never true. */
static struct hooks_redis find_address(struct mutation *m, const struct cmdline *c, struct address *a)
{
	bool listed = cJSON_GetArraySize(json_get(c->container, "ports", NULL)) > 0;

	a->host = (struct buf)BUF_IN(a->text[0]);
	a->port = (struct buf)BUF_IN(a->text[1]);
	a->auth = (struct buf)BUF_IN(a->text[2]);
	a->unknown = NULL;
	find_host(c, &a->host);
	find_password(m, c, a);
	if (has_flag(c, "--port")) {
		/* A variable that is not known here is known to the script. */
		if (!cmdline_value(c, "--port", &a->port) || (!m->known.port && !strchr(a->port.data, '$')))
			a->unknown = "write the port as a number (--port): probe and hooks, which do not know it, are "
				     "left out";
	} else {
		buf_addint(&a->port, m->known.port);
		if (!listed && m->known.port)
			mutation_usual_port(m, c, m->known.port, "--port");
		if (!m->known.port || (edits(c, "port", " 6379") && !listed))
			a->unknown = "name its containerPort redis: probe and hooks, which do not know its port, are "
				     "left out";
	}
	return (struct hooks_redis){ a->host.data, a->port.data, a->auth.len ? a->auth.data : NULL };
}

/* Of a program that is started nobody knows where: a script, or a text, hands its words on. */
static struct hooks_redis find_handed_address(struct mutation *m, const struct cmdline *c, struct address *a)
{
	struct cmdline all;

	cmdline_words(c->container, &all);
	all.text = c->text;
	return find_address(m, &all, a);
}

static void set_hooks(struct mutation *m, cJSON *container, const struct hooks_redis *r)
{
	BUF_CLEANUP struct buf script = BUF_INIT(SCRIPT_MAX);
	bool alone = m->known.server_replica == 1; /* with nobody to hand over to */

	buf_reserve(&script, SCRIPT_USUAL);
	hooks_server_ready(r, &script);
	mutation_hook_probe(m, container, &script, "rolls and disruption budgets do not wait for the sync");
	buf_reset(&script);
	hooks_server_start(r, &script);
	mutation_hook_set(m, container, "postStart", &script,
			  "the pod is not reachable before it ends, and ends if it fails");
	buf_reset(&script);
	hooks_server_stop(r, mutation_stop_seconds(m), alone, &script);
	mutation_hook_set(m, container, "preStop", &script,
			  alone ? NULL : "a master may end before codis-controller has switched to its replica");
}

/* Ready at once, whatever it has: a rolling update would go on to the next one before it has synced. */
static void object_to_no_probe(struct mutation *m, const cJSON *container, const char *unknown)
{
	if (m->guarded && !cJSON_IsObject(json_get(container, "readinessProbe", NULL)))
		m->verdict->objection = unknown;
}

void server_mutate(struct mutation *m)
{
	struct address a;
	struct hooks_redis r;
	struct cmdline c;
	cJSON *container;

	if (!check_identity(m))
		return;
	mutation_labels(m);
	place(m);
	mutation_tolerate(m, -1);
	container = mutation_container(m);
	if (!container)
		return;
	codis_cmdline_of(container, CODIS_SERVER, &c);
	r = c.count ? find_address(m, &c, &a) : find_handed_address(m, &c, &a);
	persistence_warn(json_get(m->pod, "spec", NULL), container, &c, m->verdict);
	room_warn(container, &c, m->verdict);
	mutation_host_port(m, container, m->known.port);
	guard(m, &c);
	liveness_warn(m, container);
	server_words_warn_of_roles(json_get(m->pod, "spec", NULL), container, m->guarded, m->verdict);
	if (!a.unknown) {
		set_hooks(m, container, &r);
		return;
	}
	admission_warn(m->verdict, "%s", a.unknown);
	object_to_no_probe(m, container, a.unknown);
	mutation_hook_set(m, container, "postStart", NULL, NULL);
}
