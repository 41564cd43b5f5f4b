#include "cli/report.h"

#include <stdio.h>
#include <string.h>

#include "cli/controllers.h"
#include "cli/plain.h"
#include "common/base/clock.h"
#include "common/base/json.h"

/* When Kubernetes itself is asked, since no controller has answered yet. */
#define PATIENCE_MS 400
/* When all ends. */
#define LIMIT_MS     1800
#define DASHBOARD_MS 1000

struct work {
	struct cli *cli;
	struct controllers controllers;
	struct known known;
	struct plain plain;
	int64_t began_ms;
};

static bool is_wanted(const cJSON *cluster, const char *namespace, const char *product)
{
	const char *its = json_str(cluster, "namespace", NULL), *name = json_str(cluster, "product", NULL);

	return (!namespace || (its && strcmp(its, namespace) == 0)) &&
	       (!product || (name && strcmp(name, product) == 0));
}

/* What is not asked for goes, but that its namespace has one. */
static int leave_out(cJSON *report, const char *list, const char *namespace, const char *product)
{
	cJSON *all = cJSON_GetObjectItemCaseSensitive(report, list), *at = json_first(all), *next;
	cJSON *elsewhere = cJSON_GetObjectItemCaseSensitive(report, "elsewhere");

	for (; at; at = next) {
		next = at->next;
		if (is_wanted(at, namespace, product))
			continue;
		if (json_str(at, "namespace", NULL) &&
		    json_push(elsewhere, cJSON_CreateString(json_str(at, "namespace", NULL))) < 0)
			return -1;
		cJSON_Delete(cJSON_DetachItemViaPointer(all, at));
	}
	return 0;
}

void report_elsewhere(const cJSON *report, char out[REPORT_ELSEWHERE_MAX])
{
	const cJSON *at, *before = NULL;
	size_t used = 0;

	out[0] = '\0';
	json_each(at, json_get(report, "elsewhere", NULL)) {
		if (before && strcmp(before->valuestring, at->valuestring) == 0)
			continue;
		if (used + strlen(at->valuestring) + 3 > REPORT_ELSEWHERE_MAX)
			return;
		used += (size_t)snprintf(out + used, REPORT_ELSEWHERE_MAX - used, "%s%s", before ? ", " : "",
					 at->valuestring);
		before = at;
	}
}

/* --- of a controller ---------------------------------------------------------------------------------------------- */

static int copy_list(const cJSON *from, const char *name, cJSON *report)
{
	const cJSON *list = json_get(from, name, NULL);

	if (!json_is(list, cJSON_Array))
		return json_add_array(report, name) ? 0 : -1;
	return json_set(report, name, cJSON_Duplicate(list, true));
}

static int of_controller(const struct controllers *s, int best, cJSON *report)
{
	const cJSON *answer = s->asks[best].answer;

	if (!json_add_str(report, "from", s->pods[best].name) ||
	    !json_add_bool(report, "leads", json_bool(false, answer, "leads", NULL)))
		return -1;
	return copy_list(answer, "clusters", report) < 0 ? -1 : copy_list(answer, "not_led", report);
}

/* --- without one -------------------------------------------------------------------------------------------------- */

static bool lists_or_controller(const void *ctx)
{
	const struct work *w = ctx;

	return known_ended(&w->known) || controllers_best(&w->controllers) >= 0;
}

static bool dashboards_or_controller(const void *ctx)
{
	const struct work *w = ctx;

	return plain_ended(&w->plain) || controllers_best(&w->controllers) >= 0;
}

/* Asks Kubernetes and then the dashboards, for as long as no controller answers after all. */
static int ask_kubernetes(struct work *w, const char *namespace, struct error *err)
{
	int64_t left, end_ms = w->began_ms + LIMIT_MS;

	if (known_begin(&w->known, w->cli, namespace, err) < 0)
		return -1;
	ask_wait(w->cli, clock_mono_ms() + LIMIT_MS, lists_or_controller, w);
	if (controllers_best(&w->controllers) >= 0)
		return 0;
	left = end_ms - clock_mono_ms();
	if (plain_begin(&w->plain, w->cli, &w->known, left > DASHBOARD_MS / 2 ? (int)left : DASHBOARD_MS / 2) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	ask_wait(w->cli, INT64_MAX, dashboards_or_controller, w);
	return 0;
}

/* NULL: it was asked, and told nothing. */
static const char *why_unknown(const struct controllers *s)
{
	if (controllers_denied(s))
		return "codis-controller may not be asked";
	return controllers_unknown(s) ? "codis-controller cannot be asked" : NULL;
}

static int of_kubernetes(struct work *w, cJSON *report, struct error *err)
{
	const struct error *trouble = known_trouble(&w->known);

	if (!json_add_str(report, "from", "") || !json_add_bool(report, "leads", false) ||
	    (trouble && !json_add_str(report, "kubernetes_trouble", trouble->text)) ||
	    plain_report(&w->plain, &w->known, why_unknown(&w->controllers), report) < 0 ||
	    !json_add_array(report, "not_led"))
		return error_set(err, ERR_NOMEM, "no memory");
	return 0;
}

static int fill(struct work *w, const char *namespace, cJSON *report, struct error *err)
{
	int best;

	ask_wait(w->cli, w->began_ms + PATIENCE_MS, controllers_any, &w->controllers);
	if (controllers_best(&w->controllers) < 0 && ask_kubernetes(w, namespace, err) < 0)
		return -1;
	best = controllers_best(&w->controllers);
	if (best >= 0) {
		ask_wait(w->cli, w->began_ms + CONTROLLER_MS, controllers_enough, &w->controllers);
		best = controllers_best(&w->controllers);
	}
	if (controllers_report(&w->controllers, report) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	if (best < 0)
		return of_kubernetes(w, report, err);
	return of_controller(&w->controllers, best, report) < 0 ? error_set(err, ERR_NOMEM, "no memory") : 0;
}

cJSON *report_make(struct cli *c, const char *namespace, const char *product, enum cli_status *status)
{
	struct work w = { .cli = c };
	cJSON *report = cJSON_CreateObject();
	struct error err = ERROR_INIT;
	int r = -1;

	*status = controllers_begin(&w.controllers, c);
	w.began_ms = clock_mono_ms();
	if (*status == CLI_OK) {
		r = fill(&w, namespace, report, &err);
		if (r == 0 &&
		    (!json_add_array(report, "elsewhere") || leave_out(report, "clusters", namespace, product) < 0 ||
		     leave_out(report, "not_led", namespace, NULL) < 0 || !json_is_whole(report)))
			r = error_set(&err, ERR_NOMEM, "no memory");
		if (r < 0)
			*status = cli_fail(c, CLI_NOT_SO, "%s", err.text);
	}
	plain_end(&w.plain);
	known_end(&w.known);
	controllers_end(&w.controllers);
	if (r == 0)
		return report;
	cJSON_Delete(report);
	return NULL;
}
