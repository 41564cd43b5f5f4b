#include "cli/plan.h"

#include <stdlib.h>
#include <string.h>

#include "cli/parts.h"
#include "cli/yaml_write.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/component.h"

const struct opt plan_options[] = {
	{ "filename", NULL, OPT_STRING, offsetof(struct cli_options, file), .arg = "FILE", .letter = 'f',
	  .help = "manifests: a file, a folder of them, or - for standard input" },
	{ "kustomize", NULL, OPT_STRING, offsetof(struct cli_options, kustomize), .arg = "DIR", .letter = 'k',
	  .help = "a kustomization, built by kubectl" },
	{ "nodes", NULL, OPT_INT, offsetof(struct cli_options, nodes), .arg = "N", .def = PLAN_NODES_ASSUMED, .min = 1,
	  .max = PLAN_NODES, .help = "on so many equal nodes" },
	{ "nodes-from", NULL, OPT_STRING, offsetof(struct cli_options, nodes_from), .arg = "FILE",
	  .help = "on the nodes of a file: kubectl get nodes -o yaml" },
	{ "live", NULL, OPT_BOOL, offsetof(struct cli_options, live),
	  .help = "on the nodes of the cluster, beside what is there, and as a change of it" },
	{ "diff", NULL, OPT_BOOL, offsetof(struct cli_options, diff),
	  .help = "show what codis-webhook would change in the first pod of each object" },
	{ "output", NULL, OPT_CHOICE, offsetof(struct cli_options, output), .def = "text", .choices = "text|json",
	  .letter = 'o', .help = "json: for a program, also what would be changed, as JSON Patch" },
	OPT_END
};

int plan_begin(struct plan *p, struct cli *c, struct error *err)
{
	static const char *const lists[] = { "refused", "waiting", "warnings", "pods",     "groups",
					     "others",  "nodes",   "losses",   "injected", "not_looked_at" };

	*p = (struct plan){ .cli = c, .report = cJSON_CreateObject() };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		json_add_array(p->report, lists[i]);
	json_add_bool(p->report, "equal_nodes", !c->options.nodes_from && !c->options.live);
	return json_is_whole(p->report) ? 0 : error_set(err, ERR_NOMEM, "no memory");
}

void plan_end(struct plan *p)
{
	for (size_t i = 0; i < p->object_count; i++)
		cJSON_Delete(p->objects[i].object);
	for (size_t i = 0; i < p->pod_count; i++) {
		cJSON_Delete(p->pods[i].made);
		cJSON_Delete(p->pods[i].pod);
	}
	for (size_t i = 0; i < p->node_count; i++)
		cJSON_Delete(p->nodes[i].node);
	free(p->objects);
	free(p->pods);
	free(p->nodes);
	for (size_t i = 0; i < p->standing_count; i++)
		cJSON_Delete(p->standing[i].pod);
	free(p->standing);
	cJSON_Delete(p->there);
	cJSON_Delete(p->report);
}

static enum cli_status read_nodes(struct plan *p)
{
	struct cli *c = p->cli;
	const struct cli_options *o = &c->options;
	struct error err = ERROR_INIT;
	enum cli_status status;
	int r;

	if (o->live) {
		status = cli_connect_once(c);
		return status != CLI_OK ? status : plan_live(p, &err) < 0 ? cli_fail_call(c, &err) : CLI_OK;
	}
	r = o->nodes_from ? plan_nodes_read(p, o->nodes_from, &err) : plan_nodes_equal(p, o->nodes, &err);
	return r < 0 ? cli_fail(c, CLI_USAGE, "plan: %s", err.text) : CLI_OK;
}

static int read_manifests(struct plan *p, const char *path, struct error *err)
{
	return p->cli->options.kustomize ? plan_read_kustomization(p, path, err) : plan_read(p, path, err);
}

/* Nothing that the webhook changes, says something of, or places. */
static bool has_codis(const struct plan *p)
{
	const cJSON *pod, *report = p->report;

	for (size_t i = 0; i < p->object_count; i++) { /* also what is to have no pod now */
		const struct plan_object *o = &p->objects[i];

		if (o->kind && (o->kind->makes == PLAN_NUMBERED || o->kind->makes == PLAN_REPLICAS) &&
		    codis_component_of(json_get(o->object, "spec", "template", NULL)) != CODIS_NONE)
			return true;
	}
	json_each(pod, json_get(report, "pods", NULL)) {
		const char *component = json_str(pod, "component", NULL);

		if (component && *component)
			return true;
	}
	return json_first(json_get(report, "refused", NULL)) || json_first(json_get(report, "warnings", NULL));
}

static enum cli_status print(struct plan *p)
{
	struct cli *c = p->cli;
	struct error err = ERROR_INIT;
	bool ok = json_bool(false, p->report, "ok", NULL);

	if (strcmp(c->options.output, "json") == 0) {
		if (json_write(p->report, &c->out) < 0)
			return cli_fail(c, CLI_NOT_SO, "plan: no memory");
		buf_addch(&c->out, '\n');
	} else if (plan_show(p, c->options.diff, &c->out, &err) < 0) {
		return cli_fail(c, CLI_NOT_SO, "plan: %s", err.text);
	}
	return ok ? CLI_OK : CLI_NOT_SO;
}

static enum cli_status run(struct plan *p, const char *path)
{
	struct cli *c = p->cli;
	struct error err = ERROR_INIT;
	enum cli_status status;

	if (read_manifests(p, path, &err) < 0)
		return cli_fail(c, CLI_USAGE, "plan: %s", err.text);
	status = read_nodes(p);
	if (status != CLI_OK)
		return status;
	if (plan_admit(p, &err) < 0 || plan_place(p, &err) < 0 || plan_losses(p, &err) < 0)
		return cli_fail(c, err.code == ERR_TOOBIG ? CLI_USAGE : CLI_NOT_SO, "plan: %s", err.text);
	if (!has_codis(p))
		return cli_fail(c, CLI_NOT_SO,
				"plan: nothing of Codis is in it: none of the %zu objects makes pods that are labelled "
				"app=codis-server, app=codis-proxy, ... (docs/webhook.md)",
				p->object_count);
	return print(p);
}

/* NULL, and said: not one of them, or several. */
static const char *path_of(struct cli *c)
{
	const struct cli_options *o = &c->options;
	const char *argument = c->arg_count ? c->args[0] : NULL;
	int count = (o->file != NULL) + (o->kustomize != NULL) + (argument != NULL);

	if (!count)
		cli_fail(c, CLI_USAGE, "plan: of what? codisctl plan -f FILE");
	else if (count > 1)
		cli_fail(c, CLI_USAGE, "plan: one of -f FILE, -k DIR and an argument, not several");
	else if (o->live && o->nodes_from)
		cli_fail(c, CLI_USAGE, "plan: --live has the cluster's nodes: leave --nodes-from out");
	else
		return o->file ? o->file : o->kustomize ? o->kustomize : argument;
	return NULL;
}

enum cli_status plan_run(struct cli *c)
{
	const char *path = path_of(c);
	struct error err = ERROR_INIT;
	enum cli_status status;
	struct plan p;

	if (!path)
		return CLI_USAGE;
	status = plan_begin(&p, c, &err) < 0 ? cli_fail(c, CLI_NOT_SO, "plan: %s", err.text) : run(&p, path);
	plan_end(&p);
	return status;
}
