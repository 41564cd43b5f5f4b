#include "webhook/mutation.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_own.h"
#include "common/codis/cmdline.h"
#include "webhook/lookups.h"

#define DEFAULT_GRACE_S      30
#define GRACE_MAX_S          86400
#define STOP_RESERVE_S       5
#define VARIABLE_SHOWN       32
#define DEFAULT_TOLERATION_S 300
/* When the API server was away for a minute, nodes are NotReady for some 8 s at its return, with all that is on them
 * well. A proxy on a node that is lost is out of its Service long before. */
#define SHORT_STAY_S 20

/* --- parts ----------------------------------------------------------------------------------------------------- */

/* Before it is changed: until then it is the request's. */
static bool own(struct mutation *m, cJSON *item)
{
	if (json_own(item))
		return true;
	admission_refuse_memory(m->verdict);
	return false;
}

static cJSON *find_own(cJSON *list, const cJSON *found)
{
	cJSON *item;

	cJSON_ArrayForEach(item, list) {
		if (item == found)
			return item;
	}
	return NULL;
}

/* Of what may be changed. */
static cJSON *member(cJSON *object, const char *name)
{
	return (cJSON *)(uintptr_t)json_get(object, name, NULL);
}

static void take_away(cJSON *object, const char *name)
{
	cJSON *item = member(object, name);

	if (item)
		cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
}

static cJSON *part(struct mutation *m, cJSON *parent, const char *name, bool array)
{
	cJSON *item;

	if (!parent || !own(m, parent))
		return NULL;
	item = member(parent, name);
	if (item && (json_is(item, array ? cJSON_Array : cJSON_Object)))
		return own(m, item) ? item : NULL;
	if (item && !cJSON_IsNull(item)) {
		admission_refuse(m->verdict, 400, "the pod's %s is no %s", name, array ? "list" : "object");
		return NULL;
	}
	take_away(parent, name);
	item = array ? cJSON_AddArrayToObject(parent, name) : cJSON_AddObjectToObject(parent, name);
	if (!item)
		admission_refuse_memory(m->verdict);
	return item;
}

cJSON *mutation_object(struct mutation *m, cJSON *parent, const char *name)
{
	return part(m, parent, name, false);
}

cJSON *mutation_array(struct mutation *m, cJSON *parent, const char *name)
{
	return part(m, parent, name, true);
}

void mutation_set(struct mutation *m, cJSON *parent, const char *name, cJSON *item)
{
	bool done = item && parent && json_own(parent);

	if (done && name)
		take_away(parent, name);
	if (done)
		done = name ? cJSON_AddItemToObjectCS(parent, name, item) : cJSON_AddItemToArray(parent, item);
	if (done)
		return;
	cJSON_Delete(item);
	if (m->verdict->allowed)
		admission_refuse_memory(m->verdict);
}

void mutation_drop(struct mutation *m, cJSON *parent, const char *name)
{
	if (json_get(parent, name, NULL) && own(m, parent))
		take_away(parent, name);
}

/* With its words: cmdline_append() and cmdline_remove() change them. */
static cJSON *own_container(struct mutation *m, cJSON *container)
{
	static const char *const words[] = { "command", "args" };

	for (size_t i = 0; container && i < sizeof(words) / sizeof(words[0]); i++) {
		if (!own(m, container) || !own(m, member(container, words[i])))
			return NULL;
	}
	return container;
}

/* Of a container alone (Kubernetes 1.35): its pod goes on without it, and is nobody's to replace. */
static void warn_of_policy(struct mutation *m, const cJSON *container)
{
	const char *policy = json_str(container, "restartPolicy", NULL), *name = json_str(container, "name", NULL);

	if (policy && strcmp(policy, "Always") != 0)
		admission_warn(m->verdict,
			       "drop restartPolicy %.9s of container %.30s: once it has ended nobody starts it again",
			       policy, name ? name : "");
}

/* What needs a pod of its own, with its labels, hooks and probe. */
static void warn_of_others(struct mutation *m, const cJSON *containers)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, containers) {
		for (int k = CODIS_SERVER; k <= CODIS_DASHBOARD; k++) {
			const char *name = json_str(c, "name", NULL);

			if (k != (int)m->known.component && codis_runs(c, (enum codis_component)k))
				admission_warn(m->verdict,
					       "run %s in pods of its own, labelled so: in container %.30s it gets "
					       "nothing",
					       codis_component_name((enum codis_component)k), name ? name : "");
		}
	}
}

void mutation_usual_port(struct mutation *m, const struct cmdline *c, int usual, const char *flag)
{
	int len = c->unfollowed.len < VARIABLE_SHOWN ? (int)c->unfollowed.len : VARIABLE_SHOWN;

	if (len)
		admission_warn(m->verdict,
			       "list its containerPort: %.*s is not known here, and %d is taken where no %s is seen",
			       len, c->unfollowed.text, usual, flag);
}

void mutation_host_port(struct mutation *m, const cJSON *container, int64_t port)
{
	const cJSON *p;

	if (!json_bool(false, m->pod, "spec", "hostNetwork", NULL) || port <= 0)
		return;
	json_each(p, json_get(container, "ports", NULL)) {
		if (json_int(0, p, "containerPort", NULL) == port)
			return;
	}
	admission_warn(m->verdict,
		       "list containerPort %d: with hostNetwork, a second one on a node finds it taken, again and "
		       "again",
		       (int)port);
}

cJSON *mutation_container(struct mutation *m)
{
	cJSON *spec = mutation_object(m, m->pod, "spec"), *list = mutation_array(m, spec, "containers");
	cJSON *found = own_container(m, find_own(list, codis_container_of(spec, m->known.component)));
	const char *name = codis_component_name(m->known.component);
	bool server = m->known.component == CODIS_SERVER, init;
	const cJSON *other = codis_other_container_of(spec, m->known.component, found, &init);
	const char *its = json_str(other, "name", NULL);
	struct cmdline c;

	if (found) {
		warn_of_policy(m, found);
		warn_of_others(m, list);
	}
	if (found && other) {
		codis_cmdline_of(found, m->known.component, &c);
		if (init)
			admission_warn(m->verdict, "move %.63s out of initContainers: %s gets nothing there",
				       its ? its : "", name);
		else
			admission_warn(m->verdict, "run one %s a pod: the one of container %.50s gets nothing", name,
				       its ? its : "");
		/* It is in place of it. */
		return c.kind == CMDLINE_NONE ? NULL : found;
	}
	if (!found && list && !cJSON_GetArrayItem(list, 1))
		its = codis_other_program_of(cJSON_GetArrayItem(list, 0), m->known.component);
	if (!found && its)
		admission_warn(m->verdict,
			       "label it " CODIS_LABEL_COMPONENT " by what it runs, %s, or " CODIS_LABEL_INJECT
			       "=false: nothing is put into it",
			       its);
	else if (!found)
		admission_warn(m->verdict, "name the container %s: none is known to be it, so none gets %s", name,
			       server ? "guard, probe or hooks" : "anything");
	return found;
}

/* --- labels ---------------------------------------------------------------------------------------------------- */

static void set_label(struct mutation *m, cJSON *labels, const char *name, const char *value)
{
	const char *is = json_str(labels, name, NULL);

	if (is && strcmp(is, value) != 0)
		admission_refuse(m->verdict, 422,
				 "label %s is \"%.80s\", but by its name and environment this pod is \"%s\": "
				 "leave the label out",
				 name, is, value);
	else if (!is)
		mutation_set(m, labels, name, cJSON_CreateString(value));
}

void mutation_labels(struct mutation *m)
{
	cJSON *metadata = mutation_object(m, m->pod, "metadata"), *labels = mutation_object(m, metadata, "labels");
	char number[16];
	struct buf group = BUF_IN(number);

	if (m->known.product.said == SAID_KNOWN)
		set_label(m, labels, CODIS_LABEL_PRODUCT, m->known.product.text);
	set_label(m, labels, CODIS_LABEL_COMPONENT, codis_component_name(m->known.component));
	if (m->known.component != CODIS_SERVER)
		return;
	buf_addint(&group, m->known.group);
	set_label(m, labels, CODIS_LABEL_GROUP, group.data);
}

/* --- tolerations ----------------------------------------------------------------------------------------------- */

/* "": it is absent. */
static const char *text_of(const cJSON *object, const char *name)
{
	const char *is = json_str(object, name, NULL);

	return is ? is : "";
}

struct toleration {
	bool tolerates; /* a NoExecute taint without a value, as Kubernetes decides */
	bool has_key;
	int64_t seconds; /* -1: without limit */
	/* As Kubernetes itself writes it (DefaultTolerationSeconds), which counts as not set. One without a key, or for
	 * other effects as well, is a user's, whatever its time. */
	bool is_default;
};

static struct toleration read_toleration(const cJSON *item, const char *key)
{
	const char *its = text_of(item, "key"), *effect;
	struct toleration t = { .has_key = its[0] != '\0' };
	bool exists;

	if (t.has_key && strcmp(its, key) != 0)
		return t;
	effect = text_of(item, "effect");
	exists = strcmp(text_of(item, "operator"), "Exists") == 0;
	t.tolerates = (!effect[0] || strcmp(effect, "NoExecute") == 0) &&
		      (exists || (t.has_key && !text_of(item, "value")[0]));
	t.seconds = t.tolerates ? json_int(-1, item, "tolerationSeconds", NULL) : -1;
	t.is_default = t.seconds == DEFAULT_TOLERATION_S && t.has_key && effect[0] && exists;
	return t;
}

static cJSON *new_toleration(const char *key, int seconds)
{
	cJSON *t = cJSON_CreateObject();

	if (json_add_str(t, "key", key) && json_add_str(t, "operator", "Exists") &&
	    json_add_str(t, "effect", "NoExecute") && (seconds < 0 || json_add_int(t, "tolerationSeconds", seconds)))
		return t;
	cJSON_Delete(t);
	return NULL;
}

static void tolerate_one(struct mutation *m, cJSON *list, const char *key, int seconds)
{
	bool found = false;
	cJSON *item;

	cJSON_ArrayForEach(item, list) {
		struct toleration t = read_toleration(item, key);

		if (!t.tolerates)
			continue;
		found = true;
		if (t.is_default && seconds < 0)
			mutation_drop(m, item, "tolerationSeconds");
		else if (t.is_default)
			mutation_set(m, item, "tolerationSeconds", cJSON_CreateNumber(seconds));
		else if (t.seconds >= 0 && seconds < 0)
			admission_warn(m->verdict, "drop tolerationSeconds of %s, or pod and data go after %lld s",
				       t.has_key ? key : "the toleration without a key", (long long)t.seconds);
	}
	if (!found)
		mutation_set(m, list, NULL, new_toleration(key, seconds));
}

void mutation_tolerate(struct mutation *m, int seconds)
{
	cJSON *list = mutation_array(m, mutation_object(m, m->pod, "spec"), "tolerations");

	if (!list)
		return;
	tolerate_one(m, list, "node.kubernetes.io/not-ready", seconds);
	tolerate_one(m, list, "node.kubernetes.io/unreachable", seconds);
}

cJSON *mutation_replaceable(struct mutation *m, struct cmdline *c)
{
	cJSON *container = mutation_container(m);

	mutation_labels(m);
	mutation_tolerate(m, SHORT_STAY_S);
	if (container)
		codis_cmdline_of(container, m->known.component, c);
	return container;
}

/* --- affinity -------------------------------------------------------------------------------------------------- */

static bool has_equal(const cJSON *list, const cJSON *item)
{
	const cJSON *other;

	cJSON_ArrayForEach(other, list) {
		if (json_equal(other, item))
			return true;
	}
	return false;
}

static cJSON *new_term(const cJSON *labels, const char *topology_key)
{
	cJSON *term = cJSON_CreateObject(), *selector = json_add_object(term, "labelSelector");
	cJSON *copy = cJSON_Duplicate(labels, true);

	if (selector && copy && cJSON_AddItemToObject(selector, "matchLabels", copy)) {
		if (json_add_str(term, "topologyKey", topology_key))
			return term;
	} else {
		cJSON_Delete(copy);
	}
	cJSON_Delete(term);
	return NULL;
}

static cJSON *weighted(cJSON *term, int weight)
{
	cJSON *item = cJSON_CreateObject();

	if (term && json_add_int(item, "weight", weight) && cJSON_AddItemToObject(item, "podAffinityTerm", term))
		return item;
	cJSON_Delete(term);
	cJSON_Delete(item);
	return NULL;
}

static void add_term(struct mutation *m, const char *kind, const cJSON *labels, const char *topology_key, int weight)
{
	const char *field = weight ? "preferredDuringSchedulingIgnoredDuringExecution"
				   : "requiredDuringSchedulingIgnoredDuringExecution";
	cJSON *affinity = mutation_object(m, mutation_object(m, m->pod, "spec"), "affinity");
	cJSON *list = mutation_array(m, mutation_object(m, affinity, kind), field);
	cJSON *item = new_term(labels, topology_key);

	if (weight)
		item = weighted(item, weight);
	if (list && has_equal(list, item))
		cJSON_Delete(item);
	else
		mutation_set(m, list, NULL, item);
}

void mutation_anti_affinity(struct mutation *m, const cJSON *labels, const char *topology_key, int weight)
{
	add_term(m, "podAntiAffinity", labels, topology_key, weight);
}

void mutation_near(struct mutation *m, const cJSON *labels)
{
	add_term(m, "podAffinity", labels, CODIS_HOSTNAME_KEY, 100);
}

static bool lacks_term(const cJSON *preferred)
{
	const char *key = json_str(preferred, "podAffinityTerm", "topologyKey", NULL);

	return !key || !key[0];
}

void mutation_clean_affinity(struct mutation *m)
{
	static const char field[] = "preferredDuringSchedulingIgnoredDuringExecution";
	const cJSON *found = json_get(m->pod, "spec", "affinity", "podAntiAffinity", field, NULL);
	cJSON *anti, *list, *next;

	found = cJSON_IsArray(found) ? found->child : NULL;
	while (found && !lacks_term(found))
		found = found->next;
	if (!found)
		return;
	admission_warn(m->verdict, "write podAffinityTerm and topologyKey: a preferred podAntiAffinity without "
				   "podAffinityTerm is left out");
	anti = mutation_object(m, mutation_object(m, mutation_object(m, m->pod, "spec"), "affinity"),
			       "podAntiAffinity");
	list = mutation_array(m, anti, field);
	for (cJSON *item = list ? list->child : NULL; item; item = next) {
		next = item->next;
		if (lacks_term(item))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
	}
	if (list && !list->child)
		mutation_drop(m, anti, field);
}

/* --- scheduler, grace ------------------------------------------------------------------------------------------ */

void mutation_scheduler(struct mutation *m)
{
	cJSON *spec = mutation_object(m, m->pod, "spec");
	const char *is = json_str(spec, "schedulerName", NULL), *node = json_str(spec, "nodeName", NULL);
	const char *wanted = m->lookups->scheduler ? m->lookups->scheduler : CODIS_SCHEDULER_NAME;

	if (node && node[0])
		admission_warn(m->verdict,
			       "drop nodeName: no scheduler is asked, so all members of a group are on that node");
	if (is && strcmp(is, wanted) == 0)
		return;
	if (!is || !is[0] || strcmp(is, "default-scheduler") == 0)
		mutation_set(m, spec, "schedulerName", cJSON_CreateString(wanted));
	else
		admission_warn(m->verdict,
			       "drop schedulerName %.40s, or only anti-affinity keeps a group's members apart", is);
}

int mutation_stop_seconds(const struct mutation *m)
{
	int64_t grace = json_int(DEFAULT_GRACE_S, m->pod, "spec", "terminationGracePeriodSeconds", NULL);

	if (grace > GRACE_MAX_S)
		grace = GRACE_MAX_S;
	return grace > STOP_RESERVE_S ? (int)grace - STOP_RESERVE_S : 0;
}
