/* codisctl buildup: applies manifests of a Codis to a namespace, and waits until it serves. */
#include "cli/buildup.h"

#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/certs.h"
#include "cli/controllers.h"
#include "cli/parts.h"
#include "cli/stock.h"
#include "common/base/json.h"
#include "common/base/text.h"

#define SET_DEFAULT "plain"
#define INSTALL     "codisctl install, then this again"

const struct opt buildup_options[] = {
	{ "filename", NULL, OPT_STRING, offsetof(struct cli_options, file), .arg = "FILE|DIR|-", .letter = 'f',
	  .help = "manifests: a file, a folder in the order of its names, or standard input" },
	{ "set", NULL, OPT_CHOICE, offsetof(struct cli_options, set), .choices = STOCK_SETS, .arg = STOCK_SETS,
	  .help = "in place of -f, manifests that codisctl brings along; default: " SET_DEFAULT },
	{ "image", NULL, OPT_STRING, offsetof(struct cli_options, images), .arg = "NAME=IMAGE,...",
	  .help = "another image where the manifests say NAME: codis-image=registry/codis:3.2" },
	{ "wait", NULL, OPT_DURATION_MS, offsetof(struct cli_options, wait_ms), .arg = "TIME", .def = "5m",
	  .max = 3600000, .help = "how long to wait until all serves; 0: not at all" },
	OPT_END
};

/* --- before ------------------------------------------------------------------------------------------------------- */

/* Who may not look at it, goes on: the controllers tell as much. */
static enum cli_status check_webhook(struct cli *c)
{
	JSON_CLEANUP cJSON *configuration = NULL;
	struct error err;

	configuration = ask_get(c, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/" CERTS_WEBHOOK,
				0, &err);
	if (configuration || err.code == ERR_DENIED)
		return CLI_OK;
	if (err.code != ERR_NOTFOUND)
		return cli_fail_call(c, &err);
	return cli_fail(c, CLI_NOT_SO,
			"codis-k8s is not installed: there is no MutatingWebhookConfiguration " CERTS_WEBHOOK
			". Nothing is applied: " INSTALL);
}

static enum cli_status say_no_controller(struct cli *c, const struct controllers *all)
{
	const char *system = c->options.system;

	if (controllers_denied(all))
		return cli_fail(c, CLI_NO_CLUSTER,
				"codis-controller may not be asked in namespace %s, so nothing is applied: it takes "
				"list of pods and get of pods/proxy there, or --wait 0",
				system);
	if (controllers_unknown(all) && all->err.code)
		return cli_fail_call(c, &all->err);
	if (!all->count)
		return cli_fail(c, CLI_NOT_SO, "no codis-controller runs in namespace %s. Nothing is applied: " INSTALL,
				system);
	return cli_fail(c, CLI_NOT_SO,
			"no codis-controller answers in namespace %s. Nothing is applied: kubectl get pods -n %s tells "
			"more",
			system, system);
}

static enum cli_status check_controllers(struct cli *c)
{
	struct controllers all;
	enum cli_status status;
	const cJSON *answer = controllers_status(&all, c, &status);

	if (status == CLI_OK && !answer)
		status = say_no_controller(c, &all);
	controllers_end(&all);
	return status;
}

static enum cli_status make_namespace(struct cli *c, const char *path)
{
	JSON_CLEANUP cJSON *object = cJSON_CreateObject(), *made = NULL, *refusal = NULL;
	struct error err;

	json_add_str(object, "apiVersion", "v1");
	json_add_str(object, "kind", "Namespace");
	json_add_str(json_add_object(object, "metadata"), "name", cli_namespace(c));
	if (!json_is_whole(object))
		return cli_fail(c, CLI_NOT_SO, "no memory");
	made = ask_apply(c, path, object, &refusal, &err);
	if (!made)
		return cli_fail_call(c, &err);
	buf_addf(&c->out, "Namespace %s: created\n", cli_namespace(c));
	return CLI_OK;
}

/* As codis-controller's default --namespace-selector has it. */
static enum cli_status check_namespace(struct cli *c)
{
	JSON_CLEANUP cJSON *namespace = NULL;
	const char *managed, *name = cli_namespace(c);
	char path[DOCUMENTS_PATH_MAX];
	struct error err;

	if (strcmp(name, c->options.system) == 0 || strcmp(name, "kube-system") == 0)
		return cli_fail(c, CLI_USAGE, "buildup: codis-k8s leaves namespace %s alone: -n names another one",
				name);
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s", name);
	namespace = ask_get(c, path, 0, &err);
	if (!namespace && err.code == ERR_NOTFOUND) {
		snprintf(path, sizeof(path), "/api/v1/namespaces/%s?fieldManager=" BUILDUP_MANAGER, name);
		return make_namespace(c, path);
	}
	if (!namespace) /* who has but a namespace may not get it */
		return err.code == ERR_DENIED ? CLI_OK : cli_fail_call(c, &err);
	managed = json_str(namespace, "metadata", "labels", "codis.io/managed", NULL);
	if (json_get(namespace, "metadata", "deletionTimestamp", NULL))
		return cli_fail(c, CLI_NOT_SO, "namespace %s is being deleted: repeat this when it is gone", name);
	if (managed && strcmp(managed, "false") == 0)
		return cli_fail(c, CLI_NOT_SO,
				"namespace %s has the label codis.io/managed=false, so codis-k8s leaves it alone: "
				"kubectl label namespace %s codis.io/managed-, then this again",
				name, name);
	return CLI_OK;
}

static enum cli_status check(struct cli *c)
{
	enum cli_status status = check_webhook(c);

	if (status == CLI_OK && c->options.wait_ms)
		status = check_controllers(c);
	return status == CLI_OK ? check_namespace(c) : status;
}

/* --- applying ----------------------------------------------------------------------------------------------------- */

/* What the manifest says and does not get; 0: it gets all. */
struct yielded {
	int replicas, port;
};

/* Nobody but who has scaled it is against what is applied. */
static bool is_scaled(const cJSON *refusal)
{
	const cJSON *cause, *causes = json_get(refusal, "details", "causes", NULL);

	json_each(cause, causes) {
		const char *field = json_str(cause, "field", NULL);

		if (!field || strcmp(field, ".spec.replicas") != 0)
			return false;
	}
	return json_first(causes) != NULL;
}

/* What was scaled stays so: its number is applied as it is. Returns what the manifest says, or -1: no memory. */
static int keep_replicas(struct document *doc, const cJSON *before)
{
	int replicas, is;

	(void)document_template(doc, &replicas);
	is = (int)json_int(replicas, before, "spec", "replicas", NULL);
	return json_set((cJSON *)(uintptr_t)json_get(doc->object, "spec", NULL), "replicas", cJSON_CreateNumber(is)) < 0
		       ? -1
		       : replicas;
}

/* A port of the nodes can be taken once in a cluster: where a set of ours would have one that another one has,
 * Kubernetes chooses. Returns which one that was; 0: it was nothing of the kind. */
static int give_up_port(const struct cli *c, struct document *doc, const cJSON *refusal)
{
	const char *message = json_str(refusal, "message", NULL);
	cJSON *port;
	int was = 0;

	if (c->options.file || !message || !strstr(message, "provided port is already allocated"))
		return 0;
	json_each(port, json_get(doc->object, "spec", "ports", NULL)) {
		was = was ? was : (int)json_int(0, port, "nodePort", NULL);
		cJSON_DeleteItemFromObjectCaseSensitive(port, "nodePort");
	}
	return was;
}

static void tell(struct cli *c, const struct document *doc, const cJSON *before, const cJSON *after,
		 const struct yielded *yielded)
{
	buf_addf(&c->out, "%s %s: %s", doc->kind->name, doc->name, document_change(before, after));
	if (yielded->replicas)
		buf_addf(&c->out, ", and it stays scaled to %d (the manifest says %d)",
			 (int)json_int(0, after, "spec", "replicas", NULL), yielded->replicas);
	if (yielded->port)
		buf_addf(&c->out, ", at another port of the nodes, since %d is taken", yielded->port);
	buf_addch(&c->out, '\n');
	cli_flush(c);
}

static enum cli_status refuse(struct cli *c, const struct document *doc, const cJSON *refusal, const struct error *err)
{
	const char *rest = "What stands before it was applied; mend it, and repeat this";
	const char *message = json_str(refusal, "message", NULL);

	if (err->code == ERR_CONFLICT)
		rest = "Whoever set these keeps them: let the manifest say the same, or take them over by kubectl "
		       "apply --server-side --force-conflicts";
	return cli_fail(c, cli_status_of(err), "%s %s (%s): %s. %s", doc->kind->name, doc->name, doc->from,
			message ? message : err->text, rest);
}

static cJSON *apply_to(struct cli *c, const char *path, struct document *doc, const cJSON *before,
		       struct yielded *yielded, cJSON **refusal, struct error *err)
{
	cJSON *after = ask_apply(c, path, doc->object, refusal, err);

	if (after || err->code == ERR_DENIED)
		return after;
	if (before && err->code == ERR_CONFLICT && is_scaled(*refusal))
		yielded->replicas = keep_replicas(doc, before);
	else
		yielded->port = give_up_port(c, doc, *refusal);
	if (yielded->replicas <= 0 && !yielded->port)
		return NULL;
	cJSON_Delete(*refusal);
	return ask_apply(c, path, doc->object, refusal, err);
}

static enum cli_status apply(struct cli *c, struct document *doc)
{
	JSON_CLEANUP cJSON *before = NULL, *after = NULL, *refusal = NULL;
	char path[DOCUMENTS_PATH_MAX], apply_path[DOCUMENTS_PATH_MAX + 64];
	struct error err;
	struct yielded yielded = { 0 };

	if (kind_path(doc->kind, cli_namespace(c), doc->name, path) < 0)
		return cli_fail(c, CLI_NOT_SO, "%s %s: its path is too long", doc->kind->name, doc->name);
	before = ask_get(c, path, 0, &err);
	if (!before && err.code != ERR_NOTFOUND)
		return cli_fail_call(c, &err);
	if (json_get(before, "metadata", "deletionTimestamp", NULL))
		return cli_fail(c, CLI_NOT_SO, "%s %s is being deleted: repeat this when it is gone", doc->kind->name,
				doc->name);
	snprintf(apply_path, sizeof(apply_path), "%s?fieldManager=" BUILDUP_MANAGER, path);
	after = apply_to(c, apply_path, doc, before, &yielded, &refusal, &err);
	if (!after)
		return refuse(c, doc, refusal, &err);
	tell(c, doc, before, after, &yielded);
	return CLI_OK;
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

static enum cli_status read_manifests(struct cli *c, struct documents *d)
{
	const char *set = c->options.set ? c->options.set : SET_DEFAULT;
	struct error err;

	if ((c->options.file ? documents_read(d, c->options.file, &err) : documents_read_stock(d, set, &err)) < 0 ||
	    (c->options.images && documents_set_images(d, c->options.images, &err) < 0))
		return cli_fail(c, CLI_USAGE, "buildup: %s", err.text);
	if (!d->count)
		return cli_fail(c, CLI_USAGE, "buildup: %s has no object", c->options.file);
	return CLI_OK;
}

enum cli_status buildup_run(struct cli *c)
{
	struct documents d = { .count = 0 };
	enum cli_status status;

	if (c->options.file && c->options.set)
		return cli_fail(c, CLI_USAGE, "buildup: say -f or --set, not both");
	status = cli_connect_once(c);
	if (status != CLI_OK)
		return status;
	d.namespace = cli_namespace(c);
	status = read_manifests(c, &d);
	if (status == CLI_OK)
		status = check(c);
	for (int i = 0; i < d.count && status == CLI_OK; i++)
		status = apply(c, &d.all[i]);
	if (status == CLI_OK && c->options.wait_ms)
		status = buildup_wait(c, &d);
	documents_release(&d);
	return status;
}
