/* What a codis-server gets: identity, its place apart from its group, the guard against an empty restart, hooks and a
 * readiness probe by its role, and a node that it is not taken from. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "webhook/elsewhere.h"
#include "webhook/hooks.h"
#include "webhook/mutate.h"
#include "webhook/mutation.h"
#include "webhook/mutation_hook.h"

#define SCRIPT_MAX 65536

/* --- identity and place ---------------------------------------------------------------------------------------- */

/* Of a pod without a name (yet) the first part of it. */
static void refuse_group(struct mutation *m)
{
	const char *first = json_str(m->pod, "metadata", "generateName", NULL);
	const char *name = m->known.name[0] ? m->known.name : first ? first : "";

	if (m->known.owner[0] && name[0])
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

static void place(struct mutation *m)
{
	JSON_CLEANUP cJSON *labels = NULL;

	mutation_clean_affinity(m);
	mutation_scheduler(m);
	labels = group_labels(m);
	if (!labels)
		admission_refuse_memory(m->verdict);
	else if (m->known.strict)
		mutation_anti_affinity(m, labels, m->known.topology_key, 0);
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
			       "own --slaveof stays: after a restart it may serve, or copy, an empty data set");
		m->guarded = false;
		return NULL;
	}
	if (stale >= 0 && !cmdline_word_is(c, s, stale + 1, "no"))
		admission_warn(m->verdict,
			       "own --slave-serve-stale-data stays: reads of an empty data set after a restart");
	if (slaveof < 0)
		return stale < 0 ? GUARD_SLAVEOF " " GUARD_STALE : GUARD_SLAVEOF;
	return stale < 0 ? GUARD_STALE : NULL;
}

static void guard(struct mutation *m, struct cmdline *c)
{
	const char *words[CMDLINE_STARTS] = { NULL };

	m->guarded = c->kind != CMDLINE_NONE;

	if (c->kind == CMDLINE_NONE)
		admission_warn(m->verdict, "no guard, %s: add " GUARD_SLAVEOF " " GUARD_STALE " yourself", c->why);
	for (int i = 0; i < c->count; i++)
		words[i] = missing_guard(m, c, &c->starts[i]);
	if (cmdline_append(c, words) < 0)
		admission_refuse_memory(m->verdict);
}

/* --- hooks ----------------------------------------------------------------------------------------------------- */

static bool is_wildcard(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0 || strcmp(host, "::") == 0 ||
	       strcmp(host, "::*") == 0;
}

/* Where the server listens, seen from its own container. If others can reach it, then at the pod's address, whatever it
 * is bound to. */
static void find_host(const struct cmdline *c, struct buf *host)
{
	bool known = cmdline_value(c, "--bind", host),
	     bound = c->count && cmdline_flag(c, &c->starts[0], "--bind", NULL) >= 0;

	if (known && !is_wildcard(host->data))
		return;
	buf_reset(host);
	if (!known && cmdline_has_env(c->container, "POD_IP"))
		buf_addstr(host, "${POD_IP}");
	else
		buf_addstr(host, bound && !known ? "$(hostname -i)" : "127.0.0.1");
}

struct address {
	char text[3][CMDLINE_VALUE_MAX];
	struct buf host, port, auth; /* in text */
};

static struct hooks_redis find_address(const struct mutation *m, const struct cmdline *c, struct address *a)
{
	a->host = (struct buf)BUF_IN(a->text[0]);
	a->port = (struct buf)BUF_IN(a->text[1]);
	a->auth = (struct buf)BUF_IN(a->text[2]);
	find_host(c, &a->host);
	if (!cmdline_value(c, "--port", &a->port))
		buf_addf(&a->port, "%d", m->known.port ? m->known.port : CODIS_SERVER_PORT);
	if (!cmdline_value(c, "--requirepass", &a->auth) && cmdline_has_env(c->container, "PRODUCT_AUTH"))
		buf_addstr(&a->auth, "${PRODUCT_AUTH}");
	return (struct hooks_redis){ a->host.data, a->port.data, a->auth.len ? a->auth.data : NULL };
}

static void set_hooks(struct mutation *m, cJSON *container, const struct hooks_redis *r)
{
	BUF_CLEANUP struct buf ready = BUF_INIT(SCRIPT_MAX), start = BUF_INIT(SCRIPT_MAX), stop = BUF_INIT(SCRIPT_MAX);

	hooks_server_ready(r, &ready);
	hooks_server_start(r, &start);
	hooks_server_stop(r, mutation_stop_seconds(m), m->known.server_replica == 1, &stop);
	mutation_hook_probe(m, container, &ready, "rolls and disruption budgets do not wait for the sync");
	mutation_hook_set(m, container, "postStart", &start,
			  "the pod is not reachable before it ends, and ends if it fails");
	mutation_hook_set(m, container, "preStop", &stop,
			  "a master may end before codis-controller has switched to its replica");
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
	r = find_address(m, &c, &a);
	guard(m, &c);
	set_hooks(m, container, &r);
}
