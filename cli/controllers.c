#include "cli/controllers.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/ops_pod.h"

static void add_pod(struct controllers *s, struct cli *c, const cJSON *pod)
{
	const char *name = json_str(pod, "metadata", "name", NULL), *node = json_str(pod, "spec", "nodeName", NULL);
	const char *phase = json_str(pod, "status", "phase", NULL);
	struct ask *a = &s->asks[s->count];

	if (!name || s->count == CONTROLLERS_MAX || (phase && strcmp(phase, "Running") != 0))
		return;
	text_copy(s->pods[s->count].name, sizeof(s->pods[0].name), name);
	text_copy(s->pods[s->count].node, sizeof(s->pods[0].node), node ? node : "");
	*a = (struct ask){ .timeout_ms = CONTROLLER_MS };
	snprintf(a->path, sizeof(a->path), "/api/v1/namespaces/%s/pods/%s:%d/proxy/status.json", c->options.system,
		 name, ops_pod_port(pod));
	s->count++;
}

/* 403. With 401 all else would be refused, too. */
static bool is_forbidden(const struct error *err)
{
	return err->code == ERR_DENIED && err->status != 401;
}

/* The API server answers, and did not let us: others' calls go on, and so may the controllers. */
static bool is_kept_out(const struct error *err)
{
	return is_forbidden(err) || err->status == 429;
}

static void take_holder(struct controllers *s, const cJSON *lease)
{
	const char *holder = json_str(lease, "spec", "holderIdentity", NULL);

	text_copy(s->holder, sizeof(s->holder), holder ? holder : "");
	s->holder[strcspn(s->holder, "_")] = '\0';
}

char *controllers_path(const struct cli *c, char *out, size_t size)
{
	snprintf(out, size, "/api/v1/namespaces/%s/pods?labelSelector=app.kubernetes.io%%2Fname%%3Dcodis-controller",
		 c->options.system);
	return out;
}

enum cli_status controllers_begin(struct controllers *s, struct cli *c)
{
	struct ask find[2] = { { .cli = c }, { .cli = c } };
	struct asks both = { find, 2 };
	enum cli_status status = CLI_OK;
	const cJSON *pod;

	*s = (struct controllers){ .count = 0 };
	controllers_path(c, find[0].path, sizeof(find[0].path));
	snprintf(find[1].path, sizeof(find[1].path),
		 "/apis/coordination.k8s.io/v1/namespaces/%s/leases/codis-controller", c->options.system);
	ask_begin(c, &find[0]);
	ask_begin(c, &find[1]);
	ask_wait(c, INT64_MAX, asks_ended, &both);
	s->err = find[0].err;
	if (s->err.code && cli_status_of(&s->err) == CLI_NO_CLUSTER && !is_kept_out(&s->err))
		status = cli_fail_call(c, &s->err);
	json_each(pod, json_get(find[0].answer, "items", NULL))
		add_pod(s, c, pod);
	take_holder(s, find[1].answer);
	ask_end(&find[0]);
	ask_end(&find[1]);
	for (int i = 0; i < s->count; i++)
		ask_begin(c, &s->asks[i]);
	return status;
}

void controllers_end(struct controllers *s)
{
	for (int i = 0; i < s->count; i++)
		ask_end(&s->asks[i]);
}

static bool leads(const struct ask *a)
{
	return json_bool(false, a->answer, "leads", NULL);
}

/* One that answers something else than a status is none. */
static bool answers(const struct ask *a)
{
	return json_is(json_get(a->answer, "clusters", NULL), cJSON_Array);
}

bool controllers_enough(const void *controllers)
{
	const struct controllers *s = controllers;
	bool all = true;

	for (int i = 0; i < s->count; i++) {
		if (answers(&s->asks[i]) && leads(&s->asks[i]))
			return true;
		all &= s->asks[i].ended;
	}
	return all;
}

bool controllers_any(const void *controllers)
{
	return controllers_best(controllers) >= 0 || controllers_enough(controllers);
}

int controllers_best(const struct controllers *s)
{
	int best = -1;

	for (int i = 0; i < s->count; i++) {
		if (answers(&s->asks[i]) && (best < 0 || leads(&s->asks[i])))
			best = i;
	}
	return best;
}

const cJSON *controllers_status(struct controllers *s, struct cli *c, enum cli_status *status)
{
	*status = controllers_begin(s, c);
	if (*status != CLI_OK)
		return NULL;
	ask_wait(c, clock_mono_ms() + CONTROLLER_MS, controllers_enough, s);
	return controllers_best(s) < 0 ? NULL : s->asks[controllers_best(s)].answer;
}

const cJSON *controllers_cluster(const cJSON *status, const char *namespace, const char *product)
{
	const cJSON *cluster;

	if (!json_bool(false, status, "leads", NULL))
		return NULL;
	json_each(cluster, json_get(status, "clusters", NULL)) {
		const char *its = json_str(cluster, "namespace", NULL), *name = json_str(cluster, "product", NULL);

		if (its && name && strcmp(its, namespace) == 0 && strcmp(name, product) == 0)
			return cluster;
	}
	return NULL;
}

static bool any_err(const struct controllers *s, bool (*is)(const struct error *err))
{
	bool any = is(&s->err);

	for (int i = 0; i < s->count; i++)
		any |= is(&s->asks[i].err);
	return any && controllers_best(s) < 0;
}

bool controllers_denied(const struct controllers *s)
{
	return any_err(s, is_forbidden);
}

bool controllers_unknown(const struct controllers *s)
{
	return any_err(s, is_kept_out) || (s->err.code && controllers_best(s) < 0);
}

static const char *trouble(const struct ask *a)
{
	if (answers(a))
		return "";
	if (a->answer)
		return "it answers something else than a status";
	if (!a->ended || a->err.code == ERR_TIMEOUT)
		return "it does not answer";
	return a->err.text;
}

int controllers_report(const struct controllers *s, cJSON *report)
{
	cJSON *list = json_add_array(report, "controllers");

	for (int i = 0; i < s->count; i++) {
		const struct ask *a = &s->asks[i];
		cJSON *o = cJSON_CreateObject();

		/* the best one answered: the others were not waited for */
		bool waited = a->ended || controllers_best(s) < 0 || !leads(&s->asks[controllers_best(s)]);

		if (json_push(list, o) < 0 || !json_add_str(o, "pod", s->pods[i].name) ||
		    !json_add_str(o, "node", s->pods[i].node) || !json_add_bool(o, "answers", answers(a)) ||
		    !json_add_bool(o, "leads", leads(a)) || !json_add_str(o, "trouble", waited ? trouble(a) : ""))
			return -1;
	}
	if ((s->err.code && !json_add_str(report, "controllers_trouble", s->err.text)) ||
	    (controllers_denied(s) && !json_add_bool(report, "controllers_denied", true)) ||
	    (controllers_unknown(s) && !json_add_bool(report, "controllers_unknown", true)))
		return -1;
	return list && json_add_str(report, "lease", s->holder) ? 0 : -1;
}
