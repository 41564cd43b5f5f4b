#include "common/codis/pod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/asks.h"
#include "common/codis/cmdline.h"
#include "common/kube/selector.h"
#include "common/net/addr.h"

static void copy(char *out, size_t size, const char *s)
{
	size_t len = s ? strnlen(s, size - 1) : 0;

	if (len)
		memcpy(out, s, len);
	out[len] = '\0';
}

static bool is(const char *s, const char *text)
{
	return s && strcmp(s, text) == 0;
}

static bool add_missing(cJSON *labels, const char *key, const char *value)
{
	return json_get(labels, key, NULL) || json_add_str(labels, key, value);
}

cJSON *codis_server_labels(const cJSON *given, const char *product, int group)
{
	cJSON *labels = given ? cJSON_Duplicate(given, true) : cJSON_CreateObject();
	char number[16];

	snprintf(number, sizeof(number), "%d", group);
	if (add_missing(labels, CODIS_LABEL_COMPONENT, codis_component_name(CODIS_SERVER)) &&
	    add_missing(labels, CODIS_LABEL_GROUP, number) &&
	    (!product || add_missing(labels, CODIS_LABEL_PRODUCT, product)))
		return labels;
	cJSON_Delete(labels);
	return NULL;
}

bool pod_is_own_label(const char *key)
{
	return strcmp(key, CODIS_LABEL_POD_NAME) == 0 || strcmp(key, CODIS_LABEL_POD_INDEX) == 0 ||
	       strcmp(key, "controller-revision-hash") == 0;
}

static void add_label(struct buf *out, const char *key, const char *value)
{
	if (out->len)
		buf_addch(out, ',');
	buf_addstr(out, key);
	buf_addch(out, '=');
	buf_addstr(out, value);
}

static bool is_role(const cJSON *label)
{
	return is(label->string, CODIS_LABEL_ROLE) && codis_role_parse(label->valuestring) != CODIS_ROLE_UNSAID;
}

static void read_labels(const cJSON *labels, char out[POD_LABELS_MAX])
{
	char text[POD_LABELS_MAX];
	struct buf all = BUF_IN(text);
	const cJSON *l;

	cJSON_ArrayForEach(l, labels) {
		if (json_is(l, cJSON_String) && l->string && !pod_is_own_label(l->string) && !is_role(l))
			add_label(&all, l->string, l->valuestring);
	}
	copy(out, POD_LABELS_MAX, all.failed ? "?" : all.len ? text : "");
}

cJSON *pod_labels(const char *labels, enum codis_role role, const char *name)
{
	cJSON *object = strcmp(labels, "?") == 0 ? NULL : cJSON_CreateObject();
	const char *index = strrchr(name, '-');
	bool whole = object && json_add_str(object, CODIS_LABEL_POD_NAME, name) &&
		     (!index || json_add_str(object, CODIS_LABEL_POD_INDEX, index + 1)) &&
		     (role == CODIS_ROLE_UNSAID || json_add_str(object, CODIS_LABEL_ROLE, codis_role_name(role)));

	for (const char *at = labels; whole && *at; at += strcspn(at, ","), at += *at == ',') {
		size_t len = strcspn(at, ","), key = strcspn(at, "=,");
		char text[POD_LABELS_MAX];

		snprintf(text, sizeof(text), "%.*s", (int)len, at);
		text[key] = '\0';
		whole = json_add_str(object, text, key < len ? text + key + 1 : "") != NULL;
	}
	if (whole)
		return object;
	cJSON_Delete(object);
	return NULL;
}

bool codis_is_managed(const cJSON *object)
{
	return is(json_str(object, "metadata", "labels", CODIS_LABEL_MANAGED_BY, NULL), CODIS_MANAGED_BY);
}

static const char *statefulset_in(const cJSON *metadata)
{
	const cJSON *o;

	json_each(o, json_get(metadata, "ownerReferences", NULL)) {
		if (is(json_str(o, "kind", NULL), "StatefulSet") && json_bool(false, o, "controller", NULL))
			return json_str(o, "name", NULL);
	}
	return NULL;
}

const char *codis_statefulset_of(const cJSON *pod)
{
	return statefulset_in(json_get(pod, "metadata", NULL));
}

/* --- the container of the Codis program --------------------------------------------------------------------------- */

/* What is run by a component: programs[0] is it alone; the second counts where no other container has its name. */
static const char *const *programs_of(enum codis_component component)
{
	static const char *const programs[][3] = {
		[CODIS_SERVER] = { "codis-server", "redis-server", NULL },
		[CODIS_PROXY] = { "codis-proxy", NULL },
		[CODIS_DASHBOARD] = { "codis-dashboard", NULL },
		[CODIS_HA] = { "codis-ha", "codis-controller", NULL }, /* the viewer that it has become */
		[CODIS_FE] = { "codis-fe", NULL },
		[CODIS_ZOOKEEPER] = { "zkServer.sh", NULL },
		[CODIS_NONE] = { NULL },
	};

	return programs[component];
}

void codis_cmdline_of(const cJSON *container, enum codis_component component, struct cmdline *c)
{
	/* Words alone are taken for a server's only: those of the others are told by their name anyway. */
	cmdline_find(container, programs_of(component), component == CODIS_SERVER, c);
}

/* A sentinel is started by the server's program, and is none. */
static bool runs(const cJSON *container, const char *program)
{
	const char *const one[] = { program, NULL };
	struct cmdline c;

	/* Most containers are somebody else's: what they do not name at all needs no grammar. */
	if (!program || !cmdline_mentions(container, program))
		return false;
	cmdline_find(container, one, false, &c);
	for (int i = 0; i < c.count; i++) {
		if (cmdline_flag(&c, &c.starts[i], "--sentinel", NULL) < 0)
			return true;
	}
	return false;
}

bool codis_runs(const cJSON *container, enum codis_component component)
{
	return json_is(container, cJSON_Object) && runs(container, programs_of(component)[0]);
}

static bool may_run_server(const cJSON *container)
{
	const char *const *programs = programs_of(CODIS_SERVER);

	return !json_get(container, "command", NULL) || cmdline_mentions(container, programs[0]) ||
	       cmdline_mentions(container, programs[1]);
}

static bool is_sentinel(const cJSON *container)
{
	bool mentions = cmdline_mentions(container, "sentinel");
	struct cmdline c;

	if (mentions && runs(container, "redis-sentinel"))
		return true;
	/* It may be told so by a variable. */
	if (!mentions && !(cmdline_mentions(container, "$") && may_run_server(container)))
		return false;
	codis_cmdline_of(container, CODIS_SERVER, &c);
	for (int i = 0; i < c.count; i++) {
		if (cmdline_flag(&c, &c.starts[i], "--sentinel", NULL) >= 0)
			return true;
	}
	return false;
}

const char *codis_other_program_of(const cJSON *container, enum codis_component component)
{
	const char *const *programs = programs_of(component);

	if (runs(container, programs[0]))
		return NULL;
	for (int k = CODIS_SERVER; k <= CODIS_ZOOKEEPER; k++) {
		if (k != (int)component && runs(container, programs_of((enum codis_component)k)[0]))
			return codis_component_name((enum codis_component)k);
	}
	return is_sentinel(container) ? CODIS_SENTINEL : NULL;
}

bool codis_is_sentinel(const cJSON *container)
{
	return is_sentinel(container) && is(codis_other_program_of(container, CODIS_SERVER), CODIS_SENTINEL);
}

/* Those that fit: how many, and which was the last. */
struct candidates {
	int count;
	const cJSON *last;
};

static void consider(struct candidates *c, const cJSON *container, bool fits)
{
	c->count += fits;
	if (fits)
		c->last = container;
}

/* By its name, or since there is no other: unless it surely is something else. */
static const cJSON *unless_other(const cJSON *container, enum codis_component component)
{
	return codis_other_program_of(container, component) ? NULL : container;
}

static struct candidates find_running(const cJSON *containers, const char *program)
{
	struct candidates found = { 0 };
	const cJSON *c;

	cJSON_ArrayForEach(c, containers)
		consider(&found, c, json_is(c, cJSON_Object) && runs(c, program));
	return found;
}

/* How much a container looks like one of Codis, whatever it runs. */
static int looks_of(const cJSON *container)
{
	const char *image = json_str(container, "image", NULL);

	return 4 * cmdline_has_env(container, "SERVER_REPLICA") + 2 * cmdline_has_env(container, "PRODUCT_NAME") +
	       (image && strstr(image, "codis") && !strstr(image, "exporter"));
}

/* A cache may run redis-server beside the server, whose program is its image's own. Of the two the one that looks more
 * like Codis is no cache; which one is the server then cannot be told. */
static const cJSON *unless_beside(const cJSON *containers, const cJSON *found, enum codis_component component)
{
	int looks = looks_of(found);
	const cJSON *c;

	cJSON_ArrayForEach(c, containers) {
		if (c != found && looks_of(c) > looks && !codis_other_program_of(c, component))
			return NULL;
	}
	return found;
}

const cJSON *codis_container_of(const cJSON *pod_spec, enum codis_component component)
{
	const cJSON *c, *containers = json_get(pod_spec, "containers", NULL);
	const char *const *programs = programs_of(component), *name = codis_component_name(component);
	struct candidates own = { 0 }, own_named = { 0 }, named = { 0 }, all = { 0 }, other;

	cJSON_ArrayForEach(c, containers) {
		bool does = json_is(c, cJSON_Object) && runs(c, programs[0]),
		     has_name = is(json_str(c, "name", NULL), name);

		consider(&own, c, does);
		consider(&own_named, c, does && has_name);
		consider(&named, c, has_name);
		consider(&all, c, json_is(c, cJSON_Object));
	}
	if (own.count)
		return own.count == 1 ? own.last : own_named.count == 1 ? own_named.last : NULL;
	if (named.count)
		return named.count == 1 ? unless_other(named.last, component) : NULL;
	other = find_running(containers, programs[1]);
	if (other.count)
		return other.count == 1 ? unless_beside(containers, other.last, component) : NULL;
	return all.count == 1 ? unless_other(all.last, component) : NULL;
}

const cJSON *codis_other_container_of(const cJSON *pod_spec, enum codis_component component, const cJSON *chosen,
				      bool *init)
{
	const char *program = programs_of(component)[0];
	const cJSON *c;

	*init = false;
	json_each(c, json_get(pod_spec, "containers", NULL)) {
		if (c != chosen && chosen && json_is(c, cJSON_Object) && runs(c, program) && runs(chosen, program))
			return c;
	}
	*init = true;
	json_each(c, json_get(pod_spec, "initContainers", NULL)) {
		bool stays = is(json_str(c, "restartPolicy", NULL), "Always");

		if (json_is(c, cJSON_Object) && runs(c, program) && (stays || !chosen || !runs(chosen, program)))
			return c;
	}
	return NULL;
}

/* --- what it says ------------------------------------------------------------------------------------------------- */

struct reader {
	struct said_source src;
	const cJSON *metadata, *labels, *spec;
	enum codis_component component;
	struct cmdline c;
};

static void reader_init(struct reader *r, const cJSON *object, enum codis_component component, const char *namespace)
{
	r->src = (struct said_source){ .object = object, .namespace = namespace };
	r->metadata = json_get(object, "metadata", NULL);
	r->labels = json_get(r->metadata, "labels", NULL);
	r->spec = json_get(object, "spec", NULL);
	r->src.container = codis_container_of(r->spec, component);
	r->component = component;
	codis_cmdline_of(r->src.container, component, &r->c);
	/* The words of a start script are those that it hands on. */
	if (r->c.kind == CMDLINE_NONE && !r->c.text)
		cmdline_words(r->src.container, &r->c);
}

/* A variable of the Codis container. Where that cannot be told and any container may have it, neither can its value. */
static void read_env(const struct reader *r, const char *name, struct said_text *out)
{
	struct said_source src = r->src;
	const char *component = codis_component_name(r->component);
	const cJSON *c;

	said_env(&src, name, out);
	if (src.container)
		return;
	json_each(c, json_get(r->spec, "containers", NULL)) {
		src.container = c;
		said_env(&src, name, out);
		if (out->said == SAID_NOTHING)
			continue;
		said_unknown(out, "no container is known to be %s: name it so", component[0] ? component : "Codis");
		return;
	}
}

static bool says_something(const struct said_text *said)
{
	return said->said == SAID_ELSEWHERE || (said->said == SAID_KNOWN && said->text[0]);
}

static bool read_flag(const struct reader *r, const char *flag, struct said_text *out)
{
	said_flag(&r->src, &r->c, flag, out);
	if (says_something(out))
		return true;
	said_clear(out);
	return false;
}

static void read_product(const struct reader *r, struct said_text *out)
{
	const char *label = json_str(r->labels, CODIS_LABEL_PRODUCT, NULL);
	struct said_text env;

	if (label) {
		said_literal(out, "label " CODIS_LABEL_PRODUCT, label);
		return;
	}
	read_env(r, "PRODUCT_NAME", out);
	if (says_something(out) && !out->maybe)
		return;
	env = *out;
	/* What an envFrom may hold counts less than what the program is surely told. */
	if (read_flag(r, "--product_name", out) || read_flag(r, "--product-name", out))
		return;
	if (says_something(&env))
		*out = env;
}

static int read_server_replica(const struct reader *r, struct said_text *said, int *replica, struct error *err)
{
	read_env(r, "SERVER_REPLICA", said);
	*replica = said->said == SAID_NOTHING ? CODIS_DEFAULT_SERVER_REPLICA : 0;
	return said->said == SAID_KNOWN ? codis_server_replica_parse(said->text, replica, err) : 0;
}

/* Where the label is none of codis-webhook's it differs from what number and SERVER_REPLICA give: a template has it,
 * and it counts. A bare pod is in no group, whatever it says. */
static int read_group(const struct reader *r, struct codis_pod *pod, struct error *err)
{
	const char *label = json_str(r->labels, CODIS_LABEL_GROUP, NULL);
	int rc = label ? codis_gid_parse(label, &pod->group_said, err) : 0;

	if (pod->ordinal < 0)
		return rc;
	pod->group = pod->group_said;
	if (!pod->group && pod->server_replica > 0)
		pod->group = codis_group_of(pod->ordinal, pod->server_replica);
	return rc;
}

static void read_password(struct reader *r, struct said_text *out)
{
	static const char *const server[] = { "--requirepass", "--masterauth", NULL }, *const other[] = {
		"--product_auth", NULL
	};

	r->src.secret = true;
	for (const char *const *f = r->component == CODIS_SERVER ? server : other; *f; f++) {
		if (read_flag(r, *f, out))
			return;
	}
	read_env(r, "PRODUCT_AUTH", out);
	if (!says_something(out))
		said_clear(out);
	r->src.secret = false;
}

/* --- where it listens --------------------------------------------------------------------------------------------- */

/* 0: no port. */
static uint16_t parse_port(const char *text)
{
	size_t len = strspn(text, "0123456789");
	long n = len > 0 && len < 6 && !text[len] ? strtol(text, NULL, 10) : 0;

	return n <= UINT16_MAX ? (uint16_t)n : 0;
}

static uint16_t named_port(const cJSON *container, const char *const *names)
{
	const cJSON *p;

	for (; *names; names++) {
		json_each(p, json_get(container, "ports", NULL)) {
			int64_t port = json_int(0, p, "containerPort", NULL);

			if (is(json_str(p, "name", NULL), *names) && port > 0 && port <= UINT16_MAX)
				return (uint16_t)port;
		}
	}
	return 0;
}

/* Not where Redis is asked. */
static bool is_for_metrics(const char *name)
{
	return name && (strstr(name, "metric") || strstr(name, "exporter") || strstr(name, "prom"));
}

uint16_t codis_listed_port(const cJSON *container, const char *const *names, uint16_t stock, uint16_t other)
{
	const cJSON *p;
	uint16_t found = named_port(container, names);
	int count = found ? 1 : 0;

	json_each(p, found ? NULL : json_get(container, "ports", NULL)) {
		int64_t port = json_int(0, p, "containerPort", NULL);

		if (port == stock)
			return stock;
		if (port <= 0 || port > UINT16_MAX || port == other || is_for_metrics(json_str(p, "name", NULL)))
			continue;
		found = (uint16_t)port;
		count++;
	}
	return count == 0 ? stock : count == 1 ? found : 0;
}

static uint16_t read_port(const struct reader *r)
{
	static const struct {
		const char *flag;
		const char *names[5]; /* as stock manifests and the article's call it */
		uint16_t stock;
	} ports[] = {
		[CODIS_SERVER] = { "--port",
				   { "redis", "server", "codis-server", "service-port", NULL },
				   CODIS_SERVER_PORT },
		[CODIS_PROXY] = { "--host-admin", { "admin", NULL }, CODIS_PROXY_ADMIN_PORT },
		[CODIS_DASHBOARD] = { "--host-admin", { "admin", "dashboard", NULL }, CODIS_DASHBOARD_PORT },
	};
	struct said_text said;
	const char *colon;
	uint16_t port;

	if (r->component == CODIS_NONE || r->component > CODIS_DASHBOARD)
		return 0;
	if (read_flag(r, ports[r->component].flag, &said)) {
		/* The host is often $(POD_IP), which is not known yet; the port behind it is. */
		colon = strrchr(said.text, ':');
		return r->component == CODIS_SERVER ? parse_port(said.text) : colon ? parse_port(colon + 1) : 0;
	}
	if (r->component == CODIS_SERVER)
		return codis_listed_port(r->src.container, ports[r->component].names, CODIS_SERVER_PORT, 0);
	port = named_port(r->src.container, ports[r->component].names);
	return port ? port : ports[r->component].stock;
}

void codis_pod_addr(const char *ip, uint16_t port, char *out, size_t size)
{
	bool v6 = strchr(ip, ':') != NULL;

	out[0] = '\0';
	if (ip[0] && port)
		snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", ip, port);
	addr_settle(out, size);
}

/* --- status ------------------------------------------------------------------------------------------------------- */

const cJSON *codis_condition_in(const cJSON *status, const char *type)
{
	const cJSON *c;

	json_each(c, json_get(status, "conditions", NULL)) {
		if (is(json_str(c, "type", NULL), type))
			return c;
	}
	return NULL;
}

const cJSON *codis_condition(const cJSON *object, const char *type)
{
	return codis_condition_in(json_get(object, "status", NULL), type);
}

static const cJSON *container_status(const cJSON *status, const char *name)
{
	const cJSON *s;

	json_each(s, json_get(status, "containerStatuses", NULL)) {
		if (is(json_str(s, "name", NULL), name))
			return s;
	}
	return NULL;
}

/* The one that runs the program; until it runs, what has to end before it. */
static void read_waits(const cJSON *its, const cJSON *own, struct codis_pod *pod)
{
	const cJSON *s;

	waits_read(own, pod->waits);
	if (pod->status.running)
		return;
	json_each(s, json_get(its, "initContainerStatuses", NULL)) {
		if (!pod->waits[0])
			waits_read(s, pod->waits);
	}
}

static void read_container_status(const cJSON *s, struct pod_status *status)
{
	const char *reason = json_str(s, "state", "waiting", "reason", NULL);
	const char *started = json_str(s, "state", "running", "startedAt", NULL);
	int64_t restarts = json_int(0, s, "restartCount", NULL);

	status->restarts = restarts < 0 ? 0 : restarts > INT32_MAX ? INT32_MAX : (int)restarts;
	status->running = json_get(s, "state", "running", NULL) != NULL;
	status->crash_looping = is(reason, "CrashLoopBackOff");
	status->image_missing = waits_is_of_image(reason);
	if (started && clock_parse_rfc3339(started, &status->started_wall_ms, NULL) < 0)
		status->started_wall_ms = 0;
}

static void read_status(const cJSON *its, struct codis_pod *pod)
{
	const char *phase = json_str(its, "phase", NULL);
	const cJSON *scheduled = codis_condition_in(its, "PodScheduled"),
		    *own = pod->container[0] ? container_status(its, pod->container) : NULL;
	struct pod_status *status = &pod->status;

	if (!pod->node[0])
		copy(pod->nominated, sizeof(pod->nominated), json_str(its, "nominatedNodeName", NULL));
	copy(pod->ip, sizeof(pod->ip), json_str(its, "podIP", NULL));
	if (pod->container[0])
		read_container_status(own, status);
	else
		status->running = is(phase, "Running");
	read_waits(its, own ? own : json_first(json_get(its, "containerStatuses", NULL)), pod);
	status->unprepared_s = waits_unprepared(its);
	status->finished = is(phase, "Succeeded") || is(phase, "Failed");
	status->ready = is(json_str(codis_condition_in(its, "Ready"), "status", NULL), "True");
	status->unschedulable = is(json_str(scheduled, "status", NULL), "False") &&
				is(json_str(scheduled, "reason", NULL), "Unschedulable");
}

/* --- a pod -------------------------------------------------------------------------------------------------------- */

/* "topology.kubernetes.io/zone, kubernetes.io/hostname". False: it holds what can be no key, or too many of them. */
static bool read_keys(const char *keys, struct codis_pod *pod)
{
	struct buf wider = BUF_IN(pod->wider_keys);
	char key[POD_NAME_MAX];

	copy(pod->topology_key, sizeof(pod->topology_key), CODIS_HOSTNAME_KEY);
	for (int count = 0; *keys; count++) {
		size_t blanks = strspn(keys, " "), len = strcspn(keys + blanks, " ,");

		if (len >= sizeof(key) || count == CODIS_KEYS_MAX)
			return false;
		memcpy(key, keys + blanks, len);
		key[len] = '\0';
		if (!codis_is_label_key(key))
			return false;
		if (count)
			buf_addf(&wider, "%s%s", wider.len ? "," : "", pod->topology_key);
		copy(pod->topology_key, sizeof(pod->topology_key), key);
		keys += blanks + len + strspn(keys + blanks + len, " ");
		if (*keys && *keys++ != ',')
			return false;
	}
	return !wider.failed;
}

static int keys_in(const char *keys)
{
	int count = 1;

	for (; *keys; keys++)
		count += *keys == ',';
	return count;
}

static int read_spread(const cJSON *annotations, struct codis_pod *pod, struct error *err)
{
	const char *spread = json_str(annotations, CODIS_ANNOTATION_SPREAD, NULL);
	const char *keys = json_str(annotations, CODIS_ANNOTATION_TOPOLOGY, NULL);
	bool known = read_keys(keys ? keys : "", pod);

	pod->strict = !spread || strcmp(spread, "soft") != 0;
	pod->unruled = is(json_str(annotations, CODIS_ANNOTATION_RULE, NULL), "extender");
	if (pod->component != CODIS_SERVER)
		return 0;
	if (!known && keys_in(keys) > CODIS_KEYS_MAX)
		return error_set(err, ERR_INVALID,
				 "annotation " CODIS_ANNOTATION_TOPOLOGY " names %d keys: write at most %d",
				 keys_in(keys), CODIS_KEYS_MAX);
	if (!known)
		return error_set(err, ERR_INVALID,
				 "annotation " CODIS_ANNOTATION_TOPOLOGY
				 " is \"%.80s\", which no label of a node is called: "
				 "write one that nodes have, as topology.kubernetes.io/zone",
				 keys);
	if (!pod->strict || !spread || strcmp(spread, "strict") == 0)
		return 0;
	return error_set(err, ERR_INVALID,
			 "annotation " CODIS_ANNOTATION_SPREAD " is \"%.40s\": it must be strict or soft", spread);
}

static bool prefers(const cJSON *affinity, const char *kind)
{
	const cJSON *list = json_get(affinity, kind, "preferredDuringSchedulingIgnoredDuringExecution", NULL);

	return cJSON_IsArray(list) && list->child;
}

static bool names_group(const cJSON *selector)
{
	const cJSON *one;

	if (json_get(selector, "matchLabels", CODIS_LABEL_GROUP, NULL))
		return true;
	json_each(one, json_get(selector, "matchExpressions", NULL)) {
		if (is(json_str(one, "key", NULL), CODIS_LABEL_GROUP))
			return true;
	}
	return false;
}

/* Whoever has its labels is of its group: a rule about another one does not keep them apart. */
static bool selects_group(const cJSON *term, const cJSON *labels)
{
	const cJSON *selector = json_get(term, "labelSelector", NULL);

	return names_group(selector) && selector_matches(selector, labels);
}

/* What it says to the scheduler itself. */
static void read_wishes(const cJSON *spec, const cJSON *labels, struct codis_pod *pod)
{
	const cJSON *affinity = json_get(spec, "affinity", NULL), *one;

	cJSON_ArrayForEach(
		one, json_get(affinity, "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", NULL)) {
		if (is(json_str(one, "topologyKey", NULL), pod->topology_key) && selects_group(one, labels))
			pod->ruled = true;
	}
	pod->choosy = prefers(affinity, "nodeAffinity") || prefers(affinity, "podAffinity") ||
		      prefers(affinity, "podAntiAffinity");
	json_each(one, json_get(spec, "topologySpreadConstraints", NULL)) {
		if (is(json_str(one, "whenUnsatisfiable", NULL), "ScheduleAnyway"))
			pod->choosy = true;
	}
	pod->memory_mib = asks_memory_mib(spec);
	asks_tolerates(spec, pod->tolerates, sizeof(pod->tolerates));
}

/* A pod that something else than a StatefulSet has made has a name of chance. */
static int ordinal_of(const cJSON *metadata, const char *owner)
{
	const char *name = json_str(metadata, "name", NULL);
	const cJSON *o;

	json_each(o, json_get(metadata, "ownerReferences", NULL)) {
		if (!owner && json_bool(false, o, "controller", NULL))
			return -1;
	}
	return codis_ordinal(name, owner);
}

static bool has_claim(const cJSON *volumes)
{
	const cJSON *volume;

	cJSON_ArrayForEach(volume, volumes) {
		if (json_get(volume, "persistentVolumeClaim", NULL))
			return true;
	}
	return false;
}

static void read_identity(const struct reader *r, const cJSON *annotations, struct codis_pod *pod)
{
	const cJSON *metadata = r->metadata;
	const char *owner = statefulset_in(metadata);

	copy(pod->namespace, sizeof(pod->namespace), json_str(metadata, "namespace", NULL));
	copy(pod->name, sizeof(pod->name), json_str(metadata, "name", NULL));
	copy(pod->uid, sizeof(pod->uid), json_str(metadata, "uid", NULL));
	copy(pod->node, sizeof(pod->node), json_str(r->spec, "nodeName", NULL));
	copy(pod->owner, sizeof(pod->owner), owner);
	pod->ordinal = ordinal_of(metadata, owner);
	pod->keeps_data = has_claim(json_get(r->spec, "volumes", NULL));
	pod->keep_ha = is(json_str(annotations, CODIS_ANNOTATION_HA, NULL), "keep");
	pod->status.deleting = json_str(metadata, "deletionTimestamp", NULL) != NULL;
}

/* Redis 5 has other names for both. */
static int either_flag(const struct cmdline *c, const struct cmdline_start *s, const char *old, const char *new)
{
	int at = cmdline_flag(c, s, old, NULL);

	return at >= 0 ? at : cmdline_flag(c, s, new, NULL);
}

static bool is_guarded(const struct cmdline *c)
{
	for (int i = 0; i < c->count; i++) {
		const struct cmdline_start *s = &c->starts[i];
		int slaveof = either_flag(c, s, "--slaveof", "--replicaof");
		int stale = either_flag(c, s, "--slave-serve-stale-data", "--replica-serve-stale-data");

		if (slaveof < 0 || stale < 0 || !cmdline_word_is(c, s, slaveof + 1, "127.0.0.1") ||
		    !cmdline_word_is(c, s, slaveof + 2, "1") || !cmdline_word_is(c, s, stale + 1, "no"))
			return false;
	}
	return c->count > 0;
}

/* What the program says; its first fault. */
static const char *other_coordinator(const struct reader *r)
{
	static const char *const flags[] = { "--etcd", "--filesystem" };
	struct said_text said;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (read_flag(r, flags[i], &said))
			return flags[i];
	}
	return NULL;
}

/* With --no-maintains it only writes what it sees to its log (cmd/ha/main.go of Codis 3.2). */
static bool acts_as_ha(const struct reader *r)
{
	bool acts = codis_runs(r->src.container, CODIS_HA);

	for (int i = 0; i < r->c.count; i++)
		acts = acts && cmdline_flag(&r->c, &r->c.starts[i], "--no-maintains", NULL) < 0;
	return acts;
}

static int read_words(struct reader *r, struct codis_pod *pod, struct error *err)
{
	int rc = 0;

	copy(pod->container, sizeof(pod->container), json_str(r->src.container, "name", NULL));
	if (r->component == CODIS_ZOOKEEPER) /* of no product */
		return 0;
	pod->guarded = r->component == CODIS_SERVER && is_guarded(&r->c);
	pod->runs_ha = r->component == CODIS_HA && acts_as_ha(r);
	if (r->component == CODIS_SERVER)
		rc = read_server_replica(r, &pod->server_replica_said, &pod->server_replica, err);
	if (r->component == CODIS_SERVER && read_group(r, pod, rc == 0 ? err : NULL) < 0)
		rc = -1;
	pod->port = read_port(r);
	read_product(r, &pod->product);
	read_password(r, &pod->password);
	if (r->component == CODIS_PROXY || r->component == CODIS_DASHBOARD)
		read_flag(r, "--zookeeper", &pod->coordinator);
	if (r->component == CODIS_DASHBOARD)
		pod->other_coordinator = other_coordinator(r);
	if (rc == 0 && pod->product.said == SAID_KNOWN)
		rc = codis_product_check(pod->product.text, err);
	return rc;
}

/* What it is and is told; *r is set where the component is one. */
static int read_new(struct reader *r, const cJSON *object, const char *namespace, struct codis_pod *pod,
		    struct error *err)
{
	const cJSON *annotations;
	int rc;

	memset(pod, 0, sizeof(*pod));
	pod->ordinal = -1;
	pod->component = codis_component_of(object);
	if (pod->component == CODIS_NONE)
		return 0;
	reader_init(r, object, pod->component, namespace);
	annotations = json_get(r->metadata, "annotations", NULL);
	read_identity(r, annotations, pod);
	rc = read_words(r, pod, err);
	if (read_spread(annotations, pod, rc == 0 ? err : NULL) < 0)
		rc = -1;
	return rc;
}

static int read_object(const cJSON *object, const char *namespace, struct codis_pod *pod, struct error *err)
{
	struct reader r;
	int rc = read_new(&r, object, namespace, pod, err);

	if (pod->component == CODIS_NONE)
		return rc;
	if (pod->component == CODIS_SERVER && pod->name[0]) {
		read_labels(r.labels, pod->labels);
		pod->role = codis_role_parse(json_str(r.labels, CODIS_LABEL_ROLE, NULL));
	}
	read_status(json_get(object, "status", NULL), pod);
	read_wishes(r.spec, r.labels, pod);
	return rc;
}

int codis_pod_read_new(const cJSON *object, struct codis_pod *pod, struct error *err)
{
	struct reader r;

	return read_new(&r, object, NULL, pod, err);
}

int codis_pod_read(const cJSON *object, struct codis_pod *pod, struct error *err)
{
	return read_object(object, NULL, pod, err);
}

int codis_template_read(const cJSON *set, struct codis_pod *pod, struct error *err)
{
	const cJSON *metadata = json_get(set, "metadata", NULL);
	const char *namespace = json_str(metadata, "namespace", NULL);
	int rc = read_object(json_get(set, "spec", "template", NULL), namespace, pod, err);

	copy(pod->namespace, sizeof(pod->namespace), namespace);
	copy(pod->owner, sizeof(pod->owner), json_str(metadata, "name", NULL));
	pod->group = pod->group_said;
	return rc;
}

/* Kubernetes takes any number that is none below 0. */
static int ordinals(int64_t n)
{
	return n < 0 ? 0 : n > CODIS_ORDINALS_MAX ? CODIS_ORDINALS_MAX : (int)n;
}

struct codis_shape codis_shape_of(const cJSON *set, const struct codis_pod *template)
{
	return (struct codis_shape){
		.replicas = ordinals(json_int(1, set, "spec", "replicas", NULL)),
		.start = ordinals(json_int(0, set, "spec", "ordinals", "start", NULL)),
		.server_replica = template->server_replica,
		.group = template->group,
	};
}
